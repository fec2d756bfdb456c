"""Power-law (multivariate Student t) mixed model with a random intercept, by proximal conjugate gradients.

Page ``robust_high_dim``, part 3. Cluster i has y_i ~ t_nu(X_i beta, S) with scale matrix
S = sigma_e^2 I + sigma_u^2 1 1'; nu = inf is the Gaussian mixed model. S is a scale, not a covariance, for nu <= 2.
"""

import warnings
from dataclasses import dataclass
from math import lgamma

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import codes, finite, full_rank

LOG_SIGMA_U = -6.0  # least log of sigma_u over the starting scale; the likelihood is flat below


class BoundWarning(UserWarning):
    """A variance was estimated at the bound of its range."""


@dataclass(frozen=True)
class MixedFit:
    """A fitted mixed model.

    Attributes
    ----------
    coef : ndarray, shape (p,)
    sigma_e, sigma_u : float
        Scales of errors and random intercepts, in the unit of y; sigma_u is 0 where it is estimated at its bound.
    labels : list of length n_clusters
        Names of the clusters, sorted where they have an order.
    weights : ndarray, shape (n_clusters,)
        Weight that the likelihood gives to each of them, 1 in the Gaussian model.
    log_likelihood : float
        With its constants, without penalty.
    objective : ndarray, shape (n_iter + 1,)
        Penalised negative log-likelihood per observation, without constants, for y in starting scales.
    converged : bool
    """

    coef: np.ndarray
    sigma_e: float
    sigma_u: float
    labels: list
    weights: np.ndarray
    log_likelihood: float
    objective: np.ndarray
    converged: bool


def tsallis_index(nu, m):
    """Tsallis index q of the t distribution with nu degrees of freedom in m dimensions; 1 for the Gaussian.

    Parameters
    ----------
    nu : float
        Positive; inf for the Gaussian.
    m : int
        Observations in a cluster.

    Raises
    ------
    ValueError
        If nu is not positive or m below 1.

    Notes
    -----
    Page ``robust_high_dim``, part 3: ``q = 1 + 2 / (nu + m)``.

    Examples
    --------
    >>> tsallis_index(3, 5)
    1.25
    """
    if not nu > 0 or m < 1:
        raise ValueError(f"nu must be positive and m at least 1, got {nu} and {m}")
    return 1 + 2 / (nu + m)


def degrees_of_freedom(q, m):
    """Degrees of freedom ``nu = 2 / (q - 1) - m`` of the Tsallis index q in m dimensions; inf for q = 1, the Gaussian.

    Raises
    ------
    ValueError
        If q is outside [1, 1 + 2 / m): no density exists there.

    Examples
    --------
    >>> degrees_of_freedom(1.25, 5)
    3.0
    """
    if m < 1:
        raise ValueError(f"m must be at least 1, got {m}; it counts the observations of a cluster")
    if q == 1:
        return np.inf
    if not 1 < q < 1 + 2 / m:
        raise ValueError(f"q must lie in [1, {1 + 2 / m:.4g}) for m = {m}, got {q}; beyond it no density exists")
    return 2 / (q - 1) - m


@njit(cache=True, error_model="numpy")
def _value_gradient(theta, data, grad, weights):
    """Negative log-likelihood without constants, per observation; fills gradient and cluster weights.

    theta = (beta, log sigma_e, log sigma_u); data = (x, y, first row of each cluster and of none, nu).
    """
    x, y, starts, nu = data
    n, p = x.shape
    tau, omega = np.exp(2 * theta[p]), np.exp(2 * theta[p + 1])
    r = y - x @ theta[:p]
    pull = np.empty(n)
    total, d_tau, d_omega = 0.0, 0.0, 0.0
    for i in range(starts.size - 1):
        lo, hi = starts[i], starts[i + 1]
        m = hi - lo
        s1, s2 = 0.0, 0.0
        for j in range(lo, hi):
            s1 += r[j]
            s2 += r[j] ** 2
        d = tau + m * omega
        delta = s2 / tau - omega * s1**2 / (tau * d)
        if np.isinf(nu):
            w = 1.0
            total += delta / 2
        else:
            w = (nu + m) / (nu + delta)
            total += (nu + m) / 2 * np.log(1 + delta / nu)
        total += ((m - 1) * np.log(tau) + np.log(d)) / 2
        d_tau += w / 2 * (-s2 / tau**2 + omega * s1**2 * (d + tau) / (tau * d) ** 2) + ((m - 1) / tau + 1 / d) / 2
        d_omega += -w / 2 * s1**2 / d**2 + m / d / 2
        for j in range(lo, hi):
            pull[j] = w * (r[j] / tau - omega * s1 / (tau * d))
        weights[i] = w
    grad[:p] = -(pull @ x)
    grad[p] = 2 * tau * d_tau
    grad[p + 1] = 2 * omega * d_omega
    grad /= n
    return total / n


@njit(cache=True, error_model="numpy")
def _minimise(theta, data, levels, floor, tol, max_iter):
    """Proximal Polak-Ribiere+ conjugate gradients with backtracking on the composite objective, in place.

    Returns the number of steps, -1 if ``max_iter`` were not enough, and the objective before each step and at the end.
    """
    size = theta.size
    grad, weights = np.empty(size), np.empty(data[2].size - 1)
    trial_grad = np.empty(size)
    history = np.empty(max_iter + 1)
    value = _value_gradient(theta, data, grad, weights) + (levels * np.abs(theta)).sum()
    history[0] = value
    before, direction, step = grad.copy(), -grad, 1.0
    for k in range(max_iter):
        if k:
            mix = max(0.0, (grad @ (grad - before)) / max(before @ before, 1e-300))
            direction = -grad + mix * direction
            if direction @ grad > -0.1 * np.sqrt((direction @ direction) * (grad @ grad)):
                direction = -grad
        accepted, steepest = False, False
        step = min(4 * step, 1e3)
        while not accepted:
            trial = theta + step * direction
            cut = step * levels
            trial = np.sign(trial) * np.maximum(np.abs(trial) - cut, 0.0)
            trial[size - 1] = max(trial[size - 1], floor)
            move = trial - theta
            new = _value_gradient(trial, data, trial_grad, weights) + (levels * np.abs(trial)).sum()
            if new <= value - 1e-3 / step * (move @ move) / max(1.0, (direction @ direction) / (grad @ grad + 1e-300)):
                accepted = True
            else:
                step /= 2
                if step < 1e-12:
                    if steepest:
                        return k, history
                    direction, step, steepest = -grad, 1.0, True
        before[:] = grad
        grad[:] = trial_grad
        theta[:] = trial
        value = new
        history[k + 1] = value
        residual = theta - grad
        residual = np.sign(residual) * np.maximum(np.abs(residual) - levels, 0.0)
        residual[size - 1] = max(residual[size - 1], floor)
        stalled = k >= 20 and history[k - 19] - value < 1e-3 * tol
        if stalled or np.abs(residual - theta).max() < tol:
            return k + 1, history
    return -1, history


def _clusters(groups, n):
    """Number of the cluster of each row, and the labels."""
    code = codes("groups", groups, n)
    every = list(groups)
    labels = [every[row] for row in np.unique(code, return_index=True)[1]]
    if len(labels) < 2:
        raise ValueError("groups must name at least two clusters; one cluster has no random-effect variance")
    if len(labels) == n:
        raise ValueError(
            "groups has a cluster for every row: sigma_u and sigma_e are not identified apart; "
            "use clusters of several rows, or a regression without random intercept"
        )
    return code, labels


def _scale_and_start(x, y, penalised, start):
    """Scale of y around the columns that are free of the penalty, and coefficients to start from.

    The scale is the unit of penalty and steps; it does not depend on ``start``.
    """
    coef = np.zeros(x.shape[1])
    if not penalised.all():
        coef[~penalised] = np.linalg.lstsq(x[:, ~penalised], y, rcond=None)[0]
    residual = y - x @ coef
    unit = 1.4826 * np.median(np.abs(residual - np.median(residual))) or residual.std()
    if not unit > 1e-12 * np.abs(y).max():
        raise ValueError("y is a combination of the columns of x: nothing is left to estimate a variance from")
    return unit, coef if start is None else start


def _checked(x, y, nu, l1, start):
    """Data as floats, and the columns under the penalty."""
    x, y = finite("x", x), finite("y", y)
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(f"x (n, p) and y (n,) must match, got shapes {x.shape} and {y.shape}")
    if not nu > 0:
        raise ValueError(f"nu must be positive, got {nu}; use inf for the Gaussian model")
    if not 0 <= l1 < np.inf:
        raise ValueError(f"l1 must not be negative, got {l1}; 0 is no penalty")
    if start is not None and finite("start", start).shape != x.shape[1:]:
        raise ValueError(f"start must have one value for each of the {x.shape[1]} columns, got {np.shape(start)}")
    empty = np.flatnonzero((x == 0).all(axis=0))
    if empty.size:
        raise ValueError(f"x: column {empty[0]} is zero; leave it out")
    penalised = (x.max(axis=0) > x.min(axis=0)) & (l1 > 0)
    free = np.flatnonzero(~penalised)
    full_rank("x", x[:, free], labels=[f"column {j}" for j in free])
    return x, y, penalised


def _to_the_minimum(theta, data, levels, tol, max_iter):
    """Minimise in place; where sigma_u tends to 0, which takes log sigma_u for ever, go on from the bound itself.

    Returns the objective per step, whether the minimum was reached, and whether it lies at the bound.
    """
    steps, history = _minimise(theta, data, levels, LOG_SIGMA_U, tol, max_iter)
    history = history[: (max_iter if steps < 0 else steps) + 1]
    bound = np.r_[theta[:-1], LOG_SIGMA_U]
    grad, weights = np.empty(theta.size), np.empty(data[2].size - 1)
    here, there = (_value_gradient(at, data, grad, weights) for at in (theta, bound))
    if there > here:
        return history, steps >= 0, False
    theta[:] = bound
    steps, more = _minimise(theta, data, levels, LOG_SIGMA_U, tol, max_iter)
    more = more[: (max_iter if steps < 0 else steps) + 1]
    return np.r_[history, more], steps >= 0, bool(theta[-1] <= LOG_SIGMA_U)


def fit(x, y, groups, *, nu=np.inf, l1=0.0, start=None, tol=1e-6, max_iter=2000):
    """Maximum (penalised) likelihood of the power-law mixed model.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
        Include a column of ones if an intercept is wanted.
    groups : array_like, shape (n,)
        Cluster of each row, any labels.
    nu : float
        Degrees of freedom, positive; inf for the Gaussian model.
    l1 : float
        Weight of ``sum_j s_j |beta_j| / s`` beside the negative log-likelihood per observation, with s_j the root mean
        square of column j and s the median absolute deviation of y from its regression on the constant columns,
        which are free of the penalty.
    start : array_like, shape (p,), optional
        Default: least squares, or zero when l1 is positive.
    tol, max_iter : float, int
        Largest entry of the proximal gradient residual (scaled columns), or a gain below ``tol / 1000`` per
        observation in 20 steps, as when sigma_u tends to 0; limit of steps.

    Returns
    -------
    MixedFit

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), shapes differ, nu is not positive, l1 is negative, a column
        without penalty is a combination of others, a label is missing, there are fewer than two clusters, every
        row is its own cluster, or the starting values leave no residual.

    Warns
    -----
    BoundWarning
        If sigma_u is estimated at its bound: it is given as 0. If as many coefficients are left as there are rows: the
        likelihood then grows without bound as sigma_e falls.

    Notes
    -----
    Page ``robust_high_dim``, part 3: ``-l_i = log|S| / 2 + (nu + m) / 2 log(1 + delta_i / nu)``.
    """
    x, y, penalised = _checked(x, y, nu, l1, start)
    code, labels = _clusters(groups, len(y))
    order = np.argsort(code, kind="stable")
    sizes = np.bincount(code)
    p = x.shape[1]
    scale = np.sqrt((x**2).mean(axis=0))
    xs, ys = np.ascontiguousarray(x[order] / scale), y[order]
    unit, coef = _scale_and_start(xs, ys, penalised, None if start is None else np.asarray(start, float) * scale)
    theta = np.r_[coef / unit, np.log(0.8), np.log(0.5)]
    levels = np.r_[np.where(penalised, l1, 0.0), 0.0, 0.0]
    data = xs, ys / unit, np.r_[0, np.cumsum(sizes)], float(nu)
    history, converged, at_bound = _to_the_minimum(theta, data, levels, tol, max_iter)
    if at_bound:
        warnings.warn("sigma_u is at its bound 0: clusters differ no more than rows do", BoundWarning, stacklevel=2)
    if np.count_nonzero(theta[:p]) >= len(y):
        warnings.warn(
            "as many coefficients as rows: sigma_e tends to its bound 0, raise l1", BoundWarning, stacklevel=2
        )
    weights, grad = np.empty(sizes.size), np.empty(p + 2)
    value = _value_gradient(theta, data, grad, weights)
    likelihood = -value * len(y) - len(y) * np.log(unit) + sum(_constant(nu, m) for m in sizes)
    return MixedFit(
        theta[:p] * unit / scale,
        float(unit * np.exp(theta[p])),
        0.0 if at_bound else float(unit * np.exp(theta[p + 1])),
        labels,
        weights,
        float(likelihood),
        history,
        converged,
    )


def _constant(nu, m):
    """Log of the normalising constant of t_nu in m dimensions, without the determinant."""
    if np.isinf(nu):
        return -m / 2 * np.log(2 * np.pi)
    return lgamma((nu + m) / 2) - lgamma(nu / 2) - m / 2 * np.log(nu * np.pi)
