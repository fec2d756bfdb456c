"""Fitting mixtures of bilinear growth curves: many starts, warm starts from nested models, standard errors.

The likelihood, one step of EM and the scores are compiled in `growth_mixture`; here they are put together. EM is accelerated by
squared extrapolation (SQUAREM); a step that would lower the likelihood is dropped for the plain EM step, so that the
likelihood never falls. Page ``trajectory_experts``.
"""

import operator
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.growth_mixtures import likelihood as gm
from paperlab.methods.growth_mixtures.trajectories import MODELS, Parameters, Trajectories

SMOOTH = 1e-3


@dataclass
class Fit:
    """A fitted mixture: parameters, log-likelihood, its path over iterations, class probabilities (n, K), growth factors."""

    data: Trajectories
    parameters: Parameters
    loglik: float
    path: list
    resp: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    persons: np.ndarray
    fixed_knot: bool = False
    model_x: bool = False
    moments_x: tuple = None
    starts: np.ndarray = field(default=None)

    @property
    def n_parameters(self):
        gate, coef, *_ = self.parameters
        k, p = len(coef), coef.shape[2]
        extra = k * ((p - 1) + (p - 1) * p // 2) if self.model_x else 0
        return (k - 1) * gate.shape[1] + k * (3 * p + 7 + (not self.fixed_knot) + self.data.use_w) + extra

    @property
    def bic(self):
        return -2 * self.loglik + self.n_parameters * np.log(len(self.resp))

    @property
    def entropy(self):
        """1 minus the mean entropy of the class probabilities over its maximum log K; 1 is a sharp split."""
        if self.resp.shape[1] == 1:
            return 1.0
        r = np.clip(self.resp, 1e-300, 1)
        return 1 + (r * np.log(r)).sum() / (len(r) * np.log(r.shape[1]))


class Engine:
    """Arrays for one data set and K classes, and the compiled steps bound to them."""

    def __init__(self, data, k, smooth=SMOOTH, fixed_knot=False, model_x=False):
        n = len(data.y)
        one = np.ones((n, 1))
        self.data, self.smooth, self.free_knot, self.model_x = data, smooth, not fixed_knot, model_x
        self.x1, self.g1 = np.hstack([one, data.x]), np.hstack([one, data.g])
        self.resp, self.log_x = np.empty((n, k)), np.zeros((n, k))
        self.mean, self.var, self.persons = np.empty((n, k, 3)), np.empty((n, k, 6)), np.empty(n)
        span = data.t.min(), data.t.max()
        self.bounds = np.array([span[0] + 0.02 * (span[1] - span[0]), span[1] - 0.02 * (span[1] - span[0])])
        self.moments_x = None

    def loglik(self, p):
        d = self.data
        return gm.e_step(
            d.y, d.t, d.w, self.x1, self.g1, self.log_x, *p, self.smooth, self.resp, self.mean, self.var, self.persons
        )

    def update(self, p):
        """One M-step from the current posterior; returns new parameters."""
        d, p = self.data, p.copy()
        posterior = self.resp, self.mean, self.var
        if len(p.theta) > 1:
            gm.gate_step(self.g1, self.resp, p.gate, 1)
        gm.m_step_growth(self.x1, p.coef, p.psi, *posterior)
        gm.m_step_curve(
            d.y, d.t, d.w, p.theta, p.knot, p.kappa, self.smooth, *posterior, self.bounds, self.free_knot, d.use_w
        )
        if self.model_x:
            self.update_x()
        return p

    def update_x(self):
        """Weighted mean and covariance of the expert covariates in every class, and their log densities."""
        means, covs = [], []
        for k, weight in enumerate(self.resp.T):
            m = weight @ self.data.x / weight.sum()
            dev = self.data.x - m
            cov = (dev * weight[:, None]).T @ dev / weight.sum()
            quad = (dev * np.linalg.solve(cov, dev.T).T).sum(axis=1)
            self.log_x[:, k] = -0.5 * (quad + np.linalg.slogdet(cov)[1] + dev.shape[1] * gm.LOG_2PI)
            means.append(m)
            covs.append(cov)
        self.moments_x = np.array(means), np.array(covs)

    def valid(self, p):
        """Whether parameters are finite, variances positive and knots inside their bounds."""
        if not np.isfinite(p.flat()).all() or p.theta.min() <= 0:
            return False
        if self.free_knot and (p.knot.min() < self.bounds[0] or p.knot.max() > self.bounds[1]):
            return False
        return np.linalg.eigvalsh(p.psi).min() > 1e-10 * np.trace(p.psi, axis1=1, axis2=2).max()

    def scores(self, p):
        """Scores of all persons at ``p``, shape (n, P), by Fisher's identity; runs the E-step first.

        Order: gates of classes 1 to K-1; then per class the rows of coef, the upper triangle of psi, theta, the knot
        (if free) and, with w, kappa.
        """
        d, (n, waves) = self.data, self.data.y.shape
        self.loglik(p)
        logs, parts = np.empty_like(self.resp), np.empty((*self.resp.shape, 5))
        gm.gate_logs(self.g1, p.gate, logs)
        gm.residual_table(d.y, d.t, d.w, p.knot, p.kappa, self.smooth, self.mean, self.var, parts)
        rows, columns = gm.PSI_ROWS, gm.PSI_COLUMNS
        twice = np.where(rows == columns, 0.5, 1.0)
        out = [(self.resp[:, k] - np.exp(logs[:, k]))[:, None] * self.g1 for k in range(1, len(p.theta))]
        for k, theta in enumerate(p.theta):
            inv = np.linalg.inv(p.psi[k])
            dev = self.mean[:, k] - self.x1 @ p.coef[k].T
            spread = np.empty((n, 3, 3))
            spread[:, rows, columns] = spread[:, columns, rows] = self.var[:, k]
            half = inv @ (spread + dev[:, :, None] * dev[:, None] - p.psi[k]) @ inv
            block = [
                ((dev @ inv)[:, :, None] * self.x1[:, None]).reshape(n, -1),
                half[:, rows, columns] * twice,
                0.5 * (parts[:, k, :1] / theta - waves) / theta,
            ]
            block += [parts[:, k, 1:2] / theta] if self.free_knot else []
            block += [parts[:, k, 3:4] / theta] if d.use_w else []
            out.append(self.resp[:, k : k + 1] * np.hstack(block))
        return np.hstack(out)

    def gradient(self, p):
        """Column sums of `scores`, from sums over persons only; runs the E-step first."""
        d, rows, columns = self.data, gm.PSI_ROWS, gm.PSI_COLUMNS
        self.loglik(p)
        logs, parts = np.empty_like(self.resp), np.empty((*self.resp.shape, 5))
        gm.gate_logs(self.g1, p.gate, logs)
        gm.residual_table(d.y, d.t, d.w, p.knot, p.kappa, self.smooth, self.mean, self.var, parts)
        out = [((self.resp - np.exp(logs)).T @ self.g1)[1:].ravel()]
        for k, theta in enumerate(p.theta):
            r, inv = self.resp[:, k], np.linalg.inv(p.psi[k])
            dev = self.mean[:, k] - self.x1 @ p.coef[k].T
            weighted = dev * r[:, None]
            spread = dev.T @ weighted - r.sum() * p.psi[k]
            spread[rows, columns] += r @ self.var[:, k]
            spread[columns, rows] = spread[rows, columns]
            half = (inv @ spread @ inv)[rows, columns] * np.where(rows == columns, 0.5, 1.0)
            square, slope, _, effect, _ = r @ parts[:, k]
            last = [0.5 * (square / theta - d.y.shape[1] * r.sum()) / theta]
            last += [slope / theta] if self.free_knot else []
            last += [effect / theta] if d.use_w else []
            out += [(inv @ weighted.T @ self.x1).ravel(), half, last]
        return np.concatenate(out)


def _run(work, p, max_iter, tol, accelerate=True):
    """EM with squared extrapolation from ``p``; returns parameters and the non-falling path of log-likelihoods."""
    path = [work.loglik(p)]
    while len(path) < max_iter:
        p1 = work.update(p)
        path.append(work.loglik(p1))
        p2 = work.update(p1)
        new, gained = p2, None
        if accelerate:
            a, b, c = p.flat(), p1.flat(), p2.flat()
            r, v = b - a, c - 2 * b + a
            alpha = -max(1.0, np.sqrt((r @ r) / max(v @ v, 1e-300)))
            if alpha < -1.01:
                trial = p.like(a - 2 * alpha * r + alpha**2 * v)
                if work.valid(trial):
                    gained = work.loglik(trial)
                    if gained >= path[-1]:
                        new = trial
                    else:
                        gained = None
        if gained is None:
            gained = work.loglik(new)
        path.append(gained)
        p = new
        if path[-1] - path[-3] < tol:
            break
    return p, path


def person_factors(data, knot):
    """Growth factors of every person by least squares with one common ``knot``, shape (n, 3)."""
    basis = np.stack([np.ones_like(data.t), np.minimum(data.t, knot), np.maximum(data.t - knot, 0)], axis=2)
    gram = np.einsum("nja,njb->nab", basis, basis) + 1e-8 * np.eye(3)
    return np.linalg.solve(gram, np.einsum("nja,nj->na", basis, data.y)[..., None])[..., 0]


def random_start(data, k, rng, *, knots=None):
    """Parameters from a random assignment of persons to the nearest of k persons picked at random.

    Distances are between growth factors fitted person by person; the knots are drawn from the inner half of the observed times.
    """
    n, waves = data.y.shape
    inner = np.quantile(data.t, [0.25, 0.75])
    gamma = rng.uniform(*inner, k) if knots is None else np.array(knots, dtype=float)
    factors = person_factors(data, gamma.mean())
    z = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    label = np.zeros(n, dtype=int)
    for _ in range(20):
        centres = z[rng.choice(n, k, replace=False)] * rng.uniform(0.5, 1.0, 3)
        label = ((z[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        if np.bincount(label, minlength=k).min() >= max(10, 0.05 * n / k):
            break
    p = data.x.shape[1]
    coef, psi = np.zeros((k, 3, 1 + p)), np.empty((k, 3, 3))
    spread = np.cov(factors.T)
    for c in range(k):
        inside = factors[label == c] if (label == c).sum() > 3 else factors
        coef[c, :, 0] = inside.mean(axis=0)
        psi[c] = 0.5 * np.cov(inside.T) + 0.3 * np.diag(np.diag(spread))
    gate = np.zeros((k, 1 + data.g.shape[1]))
    share = np.maximum(np.bincount(label, minlength=k), 1)
    gate[:, 0] = np.log(share / share[0])
    basis = np.stack(
        [np.ones_like(data.t), np.minimum(data.t, gamma.mean()), np.maximum(data.t - gamma.mean(), 0)], axis=2
    )
    theta = np.full(k, ((data.y - np.einsum("nja,na->nj", basis, factors)) ** 2).mean() * waves / max(waves - 3, 1))
    return Parameters(gate, coef, psi, np.maximum(theta, 1e-6), gamma, np.zeros(k))


def extend(parameters, data):
    """Parameters of a nested model, with zeros for the covariates that only ``data`` has."""
    gate, coef, *rest = parameters
    k = len(coef)
    wide_gate, wide_coef = np.zeros((k, 1 + data.g.shape[1])), np.zeros((k, 3, 1 + data.x.shape[1]))
    wide_gate[:, : gate.shape[1]], wide_coef[:, :, : coef.shape[2]] = gate, coef
    return Parameters(wide_gate, wide_coef, *rest)


def fit(
    data,
    k=2,
    *,
    starts=10,
    seed=0,
    warm=(),
    knots=None,
    model_x=False,
    max_iter=2000,
    tol=1e-6,
    smooth=SMOOTH,
    accelerate=True,
    min_size=5.0,
):
    """Maximum likelihood by EM from several starts; the best is returned.

    Parameters
    ----------
    data : Trajectories
        Its covariates decide the model: x for experts, g for gates, both, or neither.
    k : int
        Number of classes.
    starts : int
        Random starts, in addition to those in ``warm``.
    seed : int or sequence of int
        Of the starts.
    warm : sequence of Parameters
        Further starts, such as the optimum of a nested model (see `extend`).
    knots : array_like, shape (k,), optional
        Knots that are held fixed.
    model_x : bool
        Also model the expert covariates as normal in every class (their means and covariances), as the authors do.
    max_iter, tol : int, float
        A run ends when two iterations together gain less than ``tol`` in log-likelihood, or after ``max_iter`` evaluations.
    min_size : float
        Persons a class must hold; starts that end with an emptier one are given up.

    Returns
    -------
    Fit
        With ``starts``, the log-likelihoods of all runs (-inf for those given up).

    Raises
    ------
    ValueError
        For too few waves or persons, knots outside the observed times, or when every start ends in an empty class.
    """
    n, waves = data.y.shape
    if k < 1 or starts + len(warm) < 1:
        raise ValueError(f"k = {k} classes from {starts} starts: give at least one of each")
    if knots is None and waves < 5:
        raise ValueError(f"y has {waves} waves; five or more are needed for two lines and a free knot")
    if n < k * (3 * (1 + data.x.shape[1]) + 8):
        raise ValueError(f"y has {n} persons, fewer than parameters of {k} classes; use fewer classes or covariates")
    if knots is not None:
        knots = np.broadcast_to(np.asarray(knots, dtype=float), (k,))
        outside = (knots <= data.t.min()) | (knots >= data.t.max())
        if outside.any():
            raise ValueError(
                f"knots = {knots.tolist()}: {knots[outside][0]} is outside the observed times "
                f"[{data.t.min():g}, {data.t.max():g}]; choose a time inside"
            )
    if model_x and not data.x.shape[1]:
        raise ValueError("model_x = True, but there are no expert covariates x to model")
    rng = np.random.default_rng(seed)
    work = Engine(data, k, smooth, knots is not None, model_x)
    best, values = None, []
    candidates = [*warm, *(None for _ in range(starts))]
    for start in candidates:
        start = random_start(data, k, rng, knots=knots) if start is None else start.copy()
        if model_x:
            work.log_x[:] = 0.0
            work.loglik(start)
            work.update_x()
        try:
            p, path = _run(work, start, max_iter, tol, accelerate and not model_x)
            alive = np.isfinite(path[-1]) and work.resp.sum(axis=0).min() >= min_size
        except (np.linalg.LinAlgError, ZeroDivisionError):
            alive = False
        values.append(path[-1] if alive else -np.inf)
        if alive and (best is None or path[-1] > best.loglik):
            best = Fit(
                data, p, path[-1], path, work.resp.copy(), work.mean.copy(), work.var.copy(), work.persons.copy()
            )
            best.moments_x = work.moments_x
    if best is None:
        raise ValueError(
            f"k = {k}: every start ended in an empty class (fewer than {min_size:g} persons) or a degenerate one; "
            "use fewer classes or more starts"
        )
    best.fixed_knot, best.model_x, best.starts = knots is not None, model_x, np.array(values)
    return best


def restrict(parameters, data):
    """Parameters of a larger model without the covariates that ``data`` lacks."""
    gate, coef, *rest = parameters
    return Parameters(gate[:, : 1 + data.g.shape[1]], coef[:, :, : 1 + data.x.shape[1]], *rest)


def fit_nested(data, k=2, *, starts=10, seed=0, models=tuple(MODELS), both_ways=False, **options):
    """FMM, gating, expert and full model, each also started from the optimum of every model nested in it.

    Parameters
    ----------
    starts : int
        Random starts of the smallest model; the others get half as many besides their warm starts.
    both_ways : bool
        Afterwards start every smaller model from the larger ones without their extra covariates, and all larger ones again: an
        order of likelihoods that looks right does not exclude that a small model stopped in a poor optimum.
    options
        Passed to `fit`.

    Returns
    -------
    dict of Fit
        By name. Larger models never have the lower likelihood.

    Raises
    ------
    RuntimeError
        If a larger model ends below a nested one, which warm starts exclude.
    """
    chosen = [m for m in MODELS if m in models]
    parts, fits = {m: data.with_model(m) for m in chosen}, {}
    below = {m: [o for o in chosen if o != m and all(map(operator.le, MODELS[o], MODELS[m]))] for m in chosen}
    for i, m in enumerate(chosen):
        warm = [extend(fits[o].parameters, parts[m]) for o in below[m]]
        fresh = max(starts // 2, 1) if warm else starts
        fits[m] = fit(parts[m], k, starts=fresh, seed=[0, *np.atleast_1d(seed).tolist(), i], warm=warm, **options)
    if both_ways:
        for m in reversed(chosen):
            warm = [restrict(fits[o].parameters, parts[m]) for o in chosen if m in below[o]]
            _improve(fits, m, warm, parts[m], k, options)
        for m in chosen:
            _improve(fits, m, [extend(fits[o].parameters, parts[m]) for o in below[m]], parts[m], k, options)
    for m in chosen:
        loss = max((fits[o].loglik - fits[m].loglik for o in below[m]), default=0.0)
        if loss > 1e-6:
            raise RuntimeError(f"model {m} ended {loss:.2g} below a nested model")
    return fits


def _improve(fits, m, warm, part, k, options):
    """Replace the fit of model ``m`` where one of the warm starts leads higher."""
    if warm:
        again = fit(part, k, starts=0, warm=warm, **options)
        again.starts = np.concatenate([fits[m].starts, again.starts])
        if again.loglik > fits[m].loglik:
            fits[m] = again
        fits[m].starts = again.starts
