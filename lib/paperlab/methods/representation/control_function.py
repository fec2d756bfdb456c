"""Control functions: what the residual of the first stage says about the second."""

import numpy as np
import torch
from scipy.interpolate import BSpline

from paperlab.methods.foundations.nets import StackedMLP, train
from paperlab.methods.representation.extrapolation import SLOPE, check_actions, residuals, tensor


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
    v = tensor(codes - design @ coef)
    z, y = tensor(codes), np.asarray(outcomes)
    centre, scale = y.mean(1, keepdims=True), y.std(1, keepdims=True)
    y = tensor((y - centre) / scale)
    sizes = [z.shape[2], 32, 32, 1]
    outcome = StackedMLP(sizes, seeds, slope=SLOPE)
    confounding = StackedMLP(sizes, [seed + 1 for seed in seeds], slope=SLOPE)
    parameters = [*outcome.parameters(), *(confounding.parameters() if control else [])]

    def correction():
        return confounding(v) if control else torch.zeros_like(v[..., :1])

    train(lambda step: ((y - (outcome(z) + correction())[..., 0]) ** 2).mean(1), parameters, steps=steps, rate=rate)
    reached = tensor(np.column_stack([np.ones(len(targets)), targets]) @ coef)
    some = v[:, :n_average]
    with torch.no_grad():
        means = [outcome(reached[:, [i]] + some).mean((1, 2)) for i in range(len(targets))]
        found = torch.stack(means, 1) + correction().mean((1, 2))[:, None]
    return centre + scale * found.double().numpy()


def action_networks(actions, outcomes, targets, seeds, *, steps=500, rate=5e-3):
    """The baseline: networks that regress y (M, n) on the actions (M, n, k); predictions (M, N) at the targets (N, k)."""
    y = np.asarray(outcomes)
    centre, scale = y.mean(1, keepdims=True), y.std(1, keepdims=True)
    a, y = tensor(actions), tensor((y - centre) / scale)
    network = StackedMLP([a.shape[2], 32, 32, 1], seeds, slope=SLOPE)
    train(lambda step: ((y - network(a)[..., 0]) ** 2).mean(1), network.parameters(), steps=steps, rate=rate)
    with torch.no_grad():
        return centre + scale * network(tensor(targets))[..., 0].double().numpy()
