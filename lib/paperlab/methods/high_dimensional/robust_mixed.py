"""Power-law (multivariate Student t) mixed model with a random intercept, by proximal conjugate gradients.

Page ``robust_high_dim``, part 3. Cluster i has y_i ~ t_nu(X_i beta, S) with scale matrix
S = sigma_e^2 I + sigma_u^2 1 1'; nu = inf is the Gaussian mixed model. S is a scale, not a covariance, for nu <= 2.
"""

from math import lgamma
from typing import NamedTuple

import numpy as np
from numba import njit


class MixedFit(NamedTuple):
    """``beta`` (p,), scales, ``weights`` (clusters,) given to each cluster, ``log_likelihood`` with its constants,
    ``objective`` per step (penalised, per observation), ``converged``."""

    beta: np.ndarray
    sigma_e: float
    sigma_u: float
    weights: np.ndarray
    log_likelihood: float
    objective: np.ndarray
    converged: bool


def tsallis_index(nu, m):
    """Tsallis index q = 1 + 2 / (nu + m) of the t distribution in m dimensions; 1 for the Gaussian."""
    if not nu > 0 or m < 1:
        raise ValueError(f"nu must be positive and m at least 1, got {nu} and {m}")
    return 1 + 2 / (nu + m)


def degrees_of_freedom(q, m):
    """The inverse: nu = 2 / (q - 1) - m; q = 1 is the Gaussian (inf), q must stay below 1 + 2 / m."""
    if q == 1:
        return np.inf
    if not 1 < q < 1 + 2 / m:
        raise ValueError(f"q must lie in [1, {1 + 2 / m:.4g}) for m = {m}, got {q}; beyond it no density exists")
    return 2 / (q - 1) - m


@njit(cache=True)
def _value_gradient(theta, x, y, starts, nu, grad, weights):
    """Negative log-likelihood without constants, per observation; fills gradient and cluster weights.

    theta = (beta, log sigma_e, log sigma_u).
    """
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


@njit(cache=True)
def _minimise(theta, x, y, starts, nu, levels, floor, tol, max_iter):
    """Proximal Polak-Ribiere+ conjugate gradients with backtracking on the composite objective, in place."""
    size = theta.size
    grad, weights = np.empty(size), np.empty(starts.size - 1)
    trial_grad = np.empty(size)
    history = np.empty(max_iter + 1)
    value = _value_gradient(theta, x, y, starts, nu, grad, weights) + (levels * np.abs(theta)).sum()
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
            new = _value_gradient(trial, x, y, starts, nu, trial_grad, weights) + (levels * np.abs(trial)).sum()
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


def fit(x, y, groups, *, nu=np.inf, l1=0.0, penalised=None, start=None, tol=1e-6, max_iter=2000):
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
        Weight of ``sum_j s_j |beta_j|`` with s_j the root mean square of column j, beside the negative
        log-likelihood per observation, in units of the starting scale.
    penalised : array_like of bool, shape (p,), optional
        Columns under the penalty; default all that are not constant.
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
        If shapes differ, nu is not positive, l1 is negative, or there are fewer than two clusters.
    """
    x, y, groups = np.asarray(x, float), np.asarray(y, float), np.asarray(groups)
    if x.ndim != 2 or y.shape != (len(x),) or groups.shape != y.shape:
        raise ValueError(f"x (n, p), y (n,) and groups (n,) must match, got {x.shape}, {y.shape}, {groups.shape}")
    if not nu > 0:
        raise ValueError(f"nu must be positive, got {nu}; use inf for the Gaussian model")
    if l1 < 0:
        raise ValueError(f"l1 must not be negative, got {l1}")
    order = np.argsort(groups, kind="stable")
    _, sizes = np.unique(groups, return_counts=True)
    if sizes.size < 2:
        raise ValueError("groups must name at least two clusters; one cluster has no random-effect variance")
    starts = np.r_[0, np.cumsum(sizes)]
    p = x.shape[1]
    scale = np.sqrt((x**2).mean(axis=0))
    if (scale == 0).any():
        raise ValueError(f"column {np.argmin(scale)} of x is zero; leave it out")
    if penalised is None:
        penalised = x.std(axis=0) > 0
    xs, ys = np.ascontiguousarray(x[order] / scale), y[order]
    if start is None:
        b0 = np.linalg.lstsq(xs, ys, rcond=None)[0] if l1 == 0 else np.r_[np.zeros(p)]
        if l1 > 0 and not np.all(penalised):
            free = ~np.asarray(penalised)
            b0[free] = np.linalg.lstsq(xs[:, free], ys, rcond=None)[0]
    else:
        b0 = np.asarray(start, float) * scale
    residual = ys - xs @ b0
    unit = 1.4826 * np.median(np.abs(residual - np.median(residual))) or residual.std()
    theta = np.r_[b0 / unit, np.log(0.8), np.log(0.5)]
    levels = np.r_[np.where(penalised, l1, 0.0), 0.0, 0.0]
    steps, history = _minimise(theta, xs, ys / unit, starts, float(nu), levels, -6.0, tol, max_iter)
    weights, grad = np.empty(sizes.size), np.empty(p + 2)
    value = _value_gradient(theta, xs, ys / unit, starts, float(nu), grad, weights)
    likelihood = -value * len(y) - len(y) * np.log(unit) + sum(_constant(nu, m) for m in sizes)
    done = max_iter if steps < 0 else steps
    return MixedFit(
        theta[:p] * unit / scale,
        unit * np.exp(theta[p]),
        unit * np.exp(theta[p + 1]),
        weights,
        likelihood,
        history[: done + 1],
        steps >= 0,
    )


def _constant(nu, m):
    """Log of the normalising constant of t_nu in m dimensions, without the determinant."""
    if np.isinf(nu):
        return -m / 2 * np.log(2 * np.pi)
    return lgamma((nu + m) / 2) - lgamma(nu / 2) - m / 2 * np.log(nu * np.pi)
