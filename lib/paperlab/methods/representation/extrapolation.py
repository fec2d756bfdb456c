"""Intervention extrapolation: an autoencoder whose code is linear in the actions on average, then a control function.

Actions A, tried on a limited support only, shift a hidden Z linearly, Z = M0 A + V. Seen are a mixture X = g0(Z) and an
outcome Y = l(Z) + U whose noise U depends on V. ``draw_world`` makes such worlds, with the exact effect of every action;
``train_autoencoders`` learns codes of X under the linear invariance constraint; ``ControlFunction`` and
``network_effects`` turn a code into effects of actions that nobody has tried.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import BSpline
from scipy.spatial.distance import pdist

from paperlab.methods.foundations.nets import StackedMLP, train

WAVE = 0.8  # angular frequency of the outcome in Z
BOUND = 0.5  # half the width of the uniform V
SLOPE = 0.2  # of the leaky rectifiers in the mixing


@dataclass(frozen=True)
class Sample:
    """Actions (n, k), hidden variables (n, d), observed mixture (n, m) and outcome (n,) of one data set."""

    a: np.ndarray
    z: np.ndarray
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class World:
    """A fixed mechanism: actions to Z, Z to X, Z and its noise to Y; see `draw_world`."""

    m0: np.ndarray
    mixing: tuple
    biases: np.ndarray
    v_support: str
    action_effect: str
    outcome: str

    def mean(self, a):
        """E[Z | do(A = a)], shape (..., d), for actions (..., k)."""
        a = np.asarray(a, float)
        return (a if self.action_effect == "linear" else a + 0.5 * a**2) @ self.m0.T

    def mix(self, z):
        """X = g0(Z), shape (n, m): two leaky rectifiers between isometries, hence injective."""
        h = np.asarray(z, float) @ self.mixing[0]
        for bias, rotation in zip(self.biases, self.mixing[1:], strict=True):
            h = h + bias
            h = np.where(h > 0, h, SLOPE * h) @ rotation
        return h

    def _damping(self):
        """E[cos(0.8 V)]: the factor by which averaging over V flattens a wave in Z."""
        return np.exp(-(WAVE**2) / 2) if self.v_support == "gaussian" else np.sin(WAVE * BOUND) / (WAVE * BOUND)

    def _outcome(self, z, damping=1.0):
        wave = damping * np.sin(WAVE * z)
        if self.outcome == "additive":
            return (2 * wave + 0.5 * z).sum(-1)
        return 2 * wave[..., 0] * damping * np.cos(WAVE * z[..., 1]) + 0.5 * z.sum(-1)

    def effect(self, a):
        """E[Y | do(A = a)] in closed form, shape (...), for actions (..., k): V is symmetric and E[U] = 0."""
        return self._outcome(self.mean(a), self._damping())

    def sample(self, rng, n):
        """n independent units with actions uniform on (-1, 1)^k."""
        d, k = self.m0.shape
        a = rng.uniform(-1, 1, (n, k))
        v = rng.standard_normal((n, d)) if self.v_support == "gaussian" else rng.uniform(-BOUND, BOUND, (n, d))
        z = self.mean(a) + v
        u = (v + 0.5 * np.tanh(2 * v)).sum(1) + 0.1 * rng.standard_normal(n)
        return Sample(a, z, self.mix(z), self._outcome(z) + u)


def draw_world(rng, *, d=1, k=None, alpha=1.5, v_support="gaussian", action_effect="linear", outcome="additive", m=10):
    """Draw the mechanism of a synthetic world (Z = M0 A + V, X = g0(Z), Y = l(Z) + U).

    Parameters
    ----------
    rng : numpy.random.Generator
    d, k, m : int
        Dimensions of Z, A (d if not given) and X.
    alpha : float
        Strength of the actions: M0 has all singular values equal to it.
    v_support : {"gaussian", "uniform"}
        V standard normal (full support), or uniform on (-0.5, 0.5) in each coordinate (bounded support).
    action_effect : {"linear", "quadratic"}
        Z = M0 A + V or Z = M0 (A + A^2 / 2) + V.
    outcome : {"additive", "product"}
        l(z) = sum_j 2 sin(0.8 z_j) + z_j / 2, or 2 sin(0.8 z_1) cos(0.8 z_2) + (z_1 + z_2) / 2, which needs d = 2.

    Raises
    ------
    ValueError
        If k < d (rank condition), m < d, alpha = 0, or a name is unknown.
    """
    k = d if k is None else k
    if k < d:
        raise ValueError(f"k = {k} actions for d = {d} hidden variables: the rank condition needs k >= d")
    if m < d:
        raise ValueError(f"m = {m} observed for d = {d} hidden variables: no injective mixing; choose m >= d")
    if alpha == 0:
        raise ValueError("alpha = 0: the actions move nothing and M0 has rank 0; choose a strength other than 0")
    known = {"v_support": ("gaussian", "uniform"), "action_effect": ("linear", "quadratic")}
    known["outcome"] = ("additive", "product") if d == 2 else ("additive",)
    given = {"v_support": v_support, "action_effect": action_effect, "outcome": outcome}
    for name, value in given.items():
        if value not in known[name]:
            raise ValueError(f"{name} = {value!r}: choose one of {', '.join(known[name])} (d = {d})")

    def orthogonal(size):
        q, r = np.linalg.qr(rng.standard_normal((size, size)))
        return q * np.sign(np.diag(r))

    m0 = alpha * orthogonal(k)[:d]
    mixing = (orthogonal(m)[:d], orthogonal(m), orthogonal(m))
    return World(m0, mixing, 0.5 * rng.standard_normal((2, m)), v_support, action_effect, outcome)


def check_actions(a):
    """Actions as a float array (n, k); refused when a combination of them is constant, since W is then undefined."""
    a = np.asarray(a, float)
    if a.ndim != 2:
        raise ValueError(f"a has shape {a.shape}: give the actions as an array (n, k)")
    if np.linalg.matrix_rank(a - a.mean(0), tol=1e-9 * max(1.0, np.abs(a).max()) * len(a) ** 0.5) < a.shape[1]:
        raise ValueError("A has no variation in some direction: drop constant or collinear actions")
    return a


def residuals(values, a):
    """Residuals of the columns of ``values`` (n, p) after least squares on (1, a)."""
    q, _ = np.linalg.qr(np.column_stack([np.ones(len(a)), a]))
    return values - q @ (q.T @ values)


def bandwidth(a):
    """Median distance between two of the first 500 actions (n, k): the width of the kernel."""
    return np.median(pdist(a[:500]))


def kernel_factor(a, tol=1e-6, max_rank=400):
    """A thin L with L L' = K up to ``tol``, K the Gaussian kernel matrix of the rows of ``a`` (n, k).

    Cholesky steps, each at the largest remaining diagonal entry, until the share ``tol`` of the trace is left or ``max_rank``
    columns are there; the n x n matrix is never formed.
    """
    width = bandwidth(a)
    left, columns = np.ones(len(a)), []
    while left.sum() > tol * len(a) and len(columns) < min(max_rank, len(a)):
        pivot = int(np.argmax(left))
        column = np.exp(-((a - a[pivot]) ** 2).sum(1) / (2 * width**2))
        if columns:
            done = np.array(columns)
            column = column - done[:, pivot] @ done
        columns.append(column / np.sqrt(left[pivot]))
        left = np.maximum(left - columns[-1] ** 2, 0)
    return np.array(columns).T


def moment_factor(a, tol=1e-6, max_rank=400):
    """A thin F with F F' = (I - P) K (I - P): the penalty of any code is |F' code|^2 / n^2.

    P projects on (1, A), K is the Gaussian kernel of the actions (n, k). The penalty of a code of variance 1 is off by at
    most ``tol`` per coordinate, see `kernel_factor`.

    Returns
    -------
    ndarray, shape (n, r)
    """
    a = check_actions(a)
    return residuals(kernel_factor(a, tol, max_rank), a)


def penalty(code, factor):
    """Q = tr(R' K R) / n^2 of a code (n, d), R its residuals on (1, A), by a factor of `moment_factor`."""
    return float(((factor.T @ code) ** 2).sum() / len(code) ** 2)


@dataclass(frozen=True)
class Codes:
    """Codes (M, n, d) of mean 0 and variance 1; per member: reconstruction error, penalty as trained, penalty of the code."""

    code: np.ndarray
    reconstruction: np.ndarray
    trained_penalty: np.ndarray
    penalty: np.ndarray


def train_autoencoders(
    samples, lams, seeds, *, factors=None, standardise=True, steps=500, width=32, depth=3, rate=2e-3
):
    """Train M autoencoders in one stack (AE-MMR; lambda = 0: plain).

    The loss is the mean over units and coordinates of (x - psi(phi(x)))^2, plus lambda Q(phi), see `moment_factor`.

    Parameters
    ----------
    samples : sequence of Sample, length M
        The data of each member, all of one shape; the columns of X are standardised here. d is taken from z's width,
        its values are not used.
    lams, seeds : sequence, length M
        Penalty and seed of the networks of each member.
    factors : sequence of ndarray, optional
        Results of `moment_factor` for each member, where they are at hand already.
    standardise : bool or sequence of bool
        Whether the code is brought to mean 0, variance 1 before penalty and decoder. False is the trap: the penalty can
        then be removed by a small code.
    steps, width, depth, rate
        Full-batch steps; width and number of hidden layers of encoder and decoder; first learning rate.

    Returns
    -------
    Codes
    """
    if len({sample.x.shape for sample in samples}) != 1:
        raise ValueError("samples differ in shape: stack data sets with the same n and m")
    if not len(samples) == len(lams) == len(seeds):
        raise ValueError(f"{len(samples)} samples, {len(lams)} lams, {len(seeds)} seeds: give one of each per member")
    if min(lams) < 0:
        raise ValueError(f"lams = {list(lams)}: a penalty must not be negative")
    n, d = samples[0].z.shape
    n_members, m = len(samples), samples[0].x.shape[1]
    x = _tensor(np.stack([(s.x - s.x.mean(0)) / s.x.std(0) for s in samples]))
    factors = [moment_factor(s.a) for s in samples] if factors is None else factors
    rank = max(f.shape[1] for f in factors)
    f = _tensor(np.stack([np.pad(f, ((0, 0), (0, rank - f.shape[1]))) for f in factors])).mT.contiguous()
    lam = _tensor(lams)
    free = torch.as_tensor(~np.broadcast_to(standardise, n_members)).reshape(-1, 1, 1)
    encoder = StackedMLP([m, *[width] * depth, d], seeds, slope=SLOPE)
    decoder = StackedMLP([d, *[width] * depth, m], [seed + 1 for seed in seeds], slope=SLOPE)

    def encode():
        raw = encoder(x)
        standard = (raw - raw.mean(1, keepdim=True)) / (raw.std(1, keepdim=True, correction=0) + 1e-12)
        return standard, torch.where(free, raw, standard)

    def moments(code):
        return (torch.bmm(f, code) ** 2).sum((1, 2)) / n**2

    def parts():
        standard, code = encode()
        return ((x - decoder(code)) ** 2).mean((1, 2)), moments(code), standard

    def loss(step):
        reconstruction, q, _ = parts()
        return reconstruction + lam * q

    train(loss, [*encoder.parameters(), *decoder.parameters()], steps=steps, rate=rate)
    with torch.no_grad():
        reconstruction, q, standard = parts()
        found = [standard, reconstruction, q, moments(standard)]
    return Codes(*[part.double().numpy() for part in found])


def _tensor(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def r_squared(z, code):
    """Share of the variance of z (n, d) explained by an affine function of the code (n, p), over all coordinates."""
    return 1 - residuals(z, code).var(0).sum() / z.var(0).sum()


class Spline:
    """B-spline basis on quantile knots, linear beyond the outermost ones; columns sum to one."""

    def __init__(self, x, n_knots, degree=3):
        inner = np.quantile(x, np.linspace(0, 1, n_knots))
        self.ends, step = inner[[0, -1]], inner[[1, -1]] - inner[[0, -2]]
        before = inner[0] - step[0] * np.arange(degree, 0, -1)
        knots = np.concatenate([before, inner, inner[-1] + step[1] * np.arange(1, degree + 1)])
        self._basis = BSpline(knots, np.eye(n_knots + degree - 1), degree)
        self._slopes = self._basis.derivative()

    def __call__(self, x, coef=None):
        """Basis (N, p) at the points x (N,), or the function with these coefficients, (N,)."""
        inside = np.clip(x, *self.ends)
        basis, slopes = self._basis, self._slopes
        if coef is not None:
            basis = BSpline(basis.t, basis.c @ coef, basis.k)
            slopes = basis.derivative()
        values = basis(inside)
        out = np.flatnonzero(x != inside)
        values[out] += ((x - inside)[out] * slopes(inside[out]).T).T
        return values


class ControlFunction:
    """Effect of actions from a scalar code: regress y on l(code) + lambda(v), then average over v (Rep4Ex-CF).

    Parameters
    ----------
    code : array_like, shape (n,) or (n, 1)
        Z up to an affine map.
    a : array_like, shape (n, k)
    y : array_like, shape (n,)
    control : bool
        False leaves lambda(v) out: the regression of y on the code alone.
    features : callable, optional
        Columns on which the code is regressed, from actions (N, k); by default the actions themselves.
    knots : (int, int)
        Knots of l and of lambda; 2 with ``degree=1`` gives straight lines, and the slope of l is that of 2SLS.
    ridge : float
        Penalty on the squared coefficients; the intercept is free.
    """

    def __init__(self, code, a, y, *, control=True, features=None, knots=(8, 6), degree=3, ridge=1e-3):
        code = np.asarray(code, float).reshape(len(y), -1)
        if code.shape[1] != 1:
            raise ValueError(f"code has {code.shape[1]} columns: splines serve one; use network_effects for more")
        self.features = features or (lambda actions: actions)
        design = check_actions(self.features(check_actions(a)))
        ones = np.ones(len(y))
        self.coef = np.linalg.lstsq(np.column_stack([ones, design]), code[:, 0], rcond=None)[0]
        self.v = residuals(code, design)[:, 0]
        self.outcome = Spline(code[:, 0], knots[0], degree)
        columns = self.outcome(code[:, 0])
        size = columns.shape[1]
        if control:
            columns = np.column_stack([columns, Spline(self.v, knots[1], degree)(self.v)])
        centre = columns.mean(0)
        gram = (columns - centre).T @ (columns - centre) + ridge * np.eye(len(centre))
        solution = np.linalg.solve(gram, (columns - centre).T @ (y - y.mean()))
        self.shape = solution[:size]
        self.level = y.mean() - centre[:size] @ self.shape  # E[Y] less E[l(Z)]: the mean of lambda(V) and the intercept
        self.fitted = y.mean() + (columns - centre) @ solution

    def effect(self, a):
        """Estimate of E[Y | do(A = a)], shape (N,), for actions (N, k)."""
        reached = np.column_stack([np.ones(len(a)), self.features(np.asarray(a, float))]) @ self.coef
        points = reached[:, None] + self.v
        return self.outcome(points.ravel(), self.shape).reshape(points.shape).mean(1) + self.level


def network_effects(codes, actions, outcomes, targets, seeds, *, control=True, steps=800, rate=5e-3, n_average=300):
    """The control function for codes of any dimension: l and lambda are networks; M fits in one stack.

    Parameters
    ----------
    codes, actions, outcomes : array_like, shapes (M, n, d), (M, n, k), (M, n)
    targets : array_like, shape (N, k)
        Actions whose effects are asked for.
    seeds : sequence of int, length M
    control : bool
        False leaves lambda(v) out.
    n_average : int
        Number of residuals v over which l is averaged.

    Returns
    -------
    ndarray, shape (M, N)
    """
    design = np.concatenate([np.ones((*np.shape(outcomes), 1)), actions], 2)
    coef = np.stack([np.linalg.lstsq(q, c, rcond=None)[0] for q, c in zip(design, codes, strict=True)])
    v = _tensor(codes - design @ coef)
    z, y = _tensor(codes), np.asarray(outcomes)
    centre, scale = y.mean(1, keepdims=True), y.std(1, keepdims=True)
    y = _tensor((y - centre) / scale)
    sizes = [z.shape[2], 32, 32, 1]
    outcome = StackedMLP(sizes, seeds, slope=SLOPE)
    confounding = StackedMLP(sizes, [seed + 1 for seed in seeds], slope=SLOPE)
    parameters = [*outcome.parameters(), *(confounding.parameters() if control else [])]

    def correction():
        return confounding(v) if control else torch.zeros_like(v[..., :1])

    train(lambda step: ((y - (outcome(z) + correction())[..., 0]) ** 2).mean(1), parameters, steps=steps, rate=rate)
    reached = _tensor(np.column_stack([np.ones(len(targets)), targets]) @ coef)
    some = v[:, :n_average]
    with torch.no_grad():
        means = [outcome(reached[:, [i]] + some).mean((1, 2)) for i in range(len(targets))]
        found = torch.stack(means, 1) + correction().mean((1, 2))[:, None]
    return centre + scale * found.double().numpy()


def action_networks(actions, outcomes, targets, seeds, *, steps=500, rate=5e-3):
    """The baseline: networks that regress y (M, n) on the actions (M, n, k); predictions (M, N) at the targets (N, k)."""
    y = np.asarray(outcomes)
    centre, scale = y.mean(1, keepdims=True), y.std(1, keepdims=True)
    a, y = _tensor(actions), _tensor((y - centre) / scale)
    network = StackedMLP([a.shape[2], 32, 32, 1], seeds, slope=SLOPE)
    train(lambda step: ((y - network(a)[..., 0]) ** 2).mean(1), network.parameters(), steps=steps, rate=rate)
    with torch.no_grad():
        return centre + scale * network(_tensor(targets))[..., 0].double().numpy()
