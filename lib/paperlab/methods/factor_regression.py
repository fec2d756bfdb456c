"""Two-stage estimation of latent variable regressions: binding function, stochastic approximation, Monte Carlo variance.

Kernels of page ``factor_score_regression``. Structural parameters are ``theta = (phi12, beta1, beta2[, beta3], psi)``
of ``eta = beta1 xi1 + beta2 xi2 + beta3 (xi1 xi2 - phi12) + zeta``, var(xi) = 1, cov(xi1, xi2) = phi12, var(zeta) = psi.
"""

# ruff: noqa: NPY002  (inside compiled code np.random is numba's own generator)
from __future__ import annotations

import numpy as np
from numba import njit

from paperlab.methods import measurement as mm

__all__ = ["binding", "correct", "correct_crn", "monte_carlo_variance", "robbins_monro"]

PHI_MAX, PSI_MIN = 0.95, 0.01
WARM_UP = 30


@njit(cache=True, nogil=True)
def structural(theta, z):
    """Latent variables (n, 3) from standard normal ``z`` (n, at least 3), eq. (1) of the page."""
    n = z.shape[0]
    phi, b1, b2, psi = theta[0], theta[1], theta[2], theta[-1]
    b3 = theta[3] if theta.size == 5 else 0.0
    root, sd = np.sqrt(1.0 - phi * phi), np.sqrt(psi)
    f = np.empty((n, 3))
    for i in range(n):
        x1 = z[i, 0]
        x2 = phi * x1 + root * z[i, 1]
        f[i, 0], f[i, 1] = x1, x2
        f[i, 2] = b1 * x1 + b2 * x2 + b3 * (x1 * x2 - phi) + sd * z[i, 2]
    return f


@njit(cache=True, nogil=True)
def binding(theta, slope, error, z):
    """Naive estimate from simulated scores, eq. (5) of the page; ``z`` (draws, 6) standard normal.

    Gaussian items: a linear score is ``slope * eta`` plus Gaussian noise of variance ``error``, so items are never drawn.
    """
    f = structural(theta, z)
    for i in range(f.shape[0]):
        for k in range(3):
            f[i, k] = slope[k] * f[i, k] + np.sqrt(error[k]) * z[i, 3 + k]
    return mm.naive(f, theta.size == 5)


@njit(cache=True, nogil=True)
def antithetic(draws, matched=True):
    """Standard normal (draws, 6) from numba's generator; the second half mirrors the first.

    ``matched``: rotated and scaled so that their sample covariance is the identity, which makes the binding function of
    a linear model exact.
    """
    half = draws // 2
    z = np.empty((2 * half, 6))
    for i in range(half):
        for k in range(6):
            z[i, k] = np.random.standard_normal()
            z[half + i, k] = -z[i, k]
    if matched:
        c = np.linalg.cholesky(z.T @ z / (2 * half))
        z = np.ascontiguousarray(np.linalg.solve(c, z.T).T)
    return z


@njit(cache=True, nogil=True)
def clip(theta):
    """Bound theta to correlations within 0.95 and a residual variance of at least 0.01; True where it had to."""
    hit = False
    if abs(theta[0]) > PHI_MAX:
        theta[0] = PHI_MAX * np.sign(theta[0])
        hit = True
    if theta[-1] < PSI_MIN:
        theta[-1] = PSI_MIN
        hit = True
    return hit


@njit(cache=True, nogil=True)
def _start(t_obs):
    theta = t_obs.copy()
    clip(theta)
    return theta


@njit(cache=True, nogil=True)
def _gain(slope, error):
    """1, or 0.5 where a score's reliability is below 0.4."""
    low = np.min(slope**2 / (slope**2 + error))
    return 0.5 if low < 0.4 else 1.0


@njit(cache=True, nogil=True)
def correct(t_obs, slope, error, n_iter, draws, path):
    """Robbins-Monro solution of ``t_obs = b(theta)``, eq. (6) of the page.

    Parameters
    ----------
    t_obs : ndarray, shape (4,) or (5,)
        Naive estimate; five entries mean a model with interaction.
    slope, error : ndarray, shape (3,)
        Of the scores, see ``measurement.factor_scores``.
    n_iter, draws : int
        Iterations, and simulated persons in each.
    path : ndarray, shape (n_iter, t_obs.size)
        Filled with the iterates.

    Returns
    -------
    theta : ndarray
        Mean of the last half of the iterates.
    hits : int
        Iterations of the last half in which a bound was hit; report them.
    """
    theta = _start(t_obs)
    gain = _gain(slope, error)
    mean, hits = np.zeros(theta.size), 0
    for r in range(n_iter):
        g = gain if r < WARM_UP else gain * (r - WARM_UP + 1.0) ** (-0.7)
        theta = theta + g * (t_obs - binding(theta, slope, error, antithetic(draws)))
        hit = clip(theta)
        path[r] = theta
        if r >= n_iter // 2:
            mean += theta
            hits += hit
    return mean / (n_iter - n_iter // 2), hits


@njit(cache=True, nogil=True)
def correct_crn(t_obs, slope, error, z, max_iter, tol):
    """Deterministic twin with common random numbers ``z``: ``theta += t_obs - b_z(theta)`` until the step is below ``tol``."""
    theta = _start(t_obs)
    gain = _gain(slope, error)
    for _ in range(max_iter):
        step = gain * (t_obs - binding(theta, slope, error, z))
        theta = theta + step
        clip(theta)
        if np.max(np.abs(step)) < tol:
            break
    return theta


@njit(cache=True, nogil=True)
def jacobian(theta, slope, error, z, step):
    """Central differences of the binding function with common random numbers."""
    k = theta.size
    jac = np.empty((k, k))
    for c in range(k):
        up, down = theta.copy(), theta.copy()
        up[c] += step
        down[c] -= step
        jac[:, c] = (binding(up, slope, error, z) - binding(down, slope, error, z)) / (2 * step)
    return jac


@njit(cache=True, nogil=True)
def gaussian_items(theta, loads, us, n):
    """Centred items (n, 3 p) of simulated persons."""
    p = loads.shape[1]
    z = np.empty((n, 3))
    for i in range(n):
        for k in range(3):
            z[i, k] = np.random.standard_normal()
    f = structural(theta, z)
    y = np.empty((n, 3 * p))
    for k in range(3):
        for j in range(p):
            sd, total = np.sqrt(us[k, j]), 0.0
            for i in range(n):
                y[i, k * p + j] = loads[k, j] * f[i, k] + sd * np.random.standard_normal()
                total += y[i, k * p + j]
            for i in range(n):
                y[i, k * p + j] -= total / n
    return y


@njit(cache=True, nogil=True)
def variance_kernel(theta, loads, us, kind, n, m, draws):
    """Covariance of the corrected estimate by simulation, eq. (7): with and without stage-1 uncertainty."""
    k = theta.size
    slope, error = np.empty(3), np.empty(3)
    for f in range(3):
        _, slope[f], error[f] = mm.score_weights(loads[f], us[f], kind)
    z = antithetic(draws)
    centre = binding(theta, slope, error, z)
    h, h0 = np.empty((m, k)), np.empty((m, k))
    for r in range(m):
        y = gaussian_items(theta, loads, us, n)
        s0, _, _ = mm.make_scores(y, loads, us, kind)
        h0[r] = mm.naive(s0, k == 5) - centre
        l1, u1, _ = mm.stage_one(y, loads.shape[1], 1e-5)
        s1, a1, v1 = mm.make_scores(y, l1, u1, kind)
        h[r] = mm.naive(s1, k == 5) - binding(theta, a1, v1, z)
    inv = np.linalg.inv(jacobian(theta, slope, error, z, 0.02))
    out = np.empty((2, k, k))
    for which in range(2):
        x = h if which == 0 else h0
        for c in range(k):
            x[:, c] -= np.mean(x[:, c])
        out[which] = inv @ (x.T @ x / (m - 1)) @ inv.T
    return out


@njit(cache=True, nogil=True)
def set_seed(seed):
    """Seed numba's generator of the calling thread."""
    np.random.seed(seed)


def monte_carlo_variance(theta, model, *, n, score_type="regression", m=40, draws=2000, seed=0):
    """Covariance matrix of the corrected estimate, stage-1 uncertainty included.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)
        Corrected estimate.
    model : measurement.Measurement
        Stage-1 estimates.
    n, m, draws : int
        Persons; simulated data sets; draws behind the binding function.

    Returns
    -------
    full, no_stage_one : ndarray, shape (k, k)
        The second one ignores that the measurement model was estimated (the ablation of the page).
    """
    if m < 10:
        raise ValueError(f"m must be at least 10 data sets, got {m}; a variance from fewer is noise")
    set_seed(seed)
    theta = np.asarray(theta, dtype=float)
    full, bare = variance_kernel(theta, model.loadings, model.uniques, mm._kind(score_type), n, m, draws)
    return full, bare


def robbins_monro(t_obs, simulate, *, n_iter=100, gain=1.0, clip=None):
    """The same correction for any structural model that can be simulated.

    Parameters
    ----------
    t_obs : array_like, shape (k,)
        Naive estimate on the observed scores.
    simulate : callable
        ``simulate(theta)`` draws items or scores from (measurement model, theta) and returns the naive estimate, shape (k,).
    n_iter : int
        At least 60.
    gain : float
        First step size; 0.5 for scores of reliability below 0.4.
    clip : callable, optional
        ``clip(theta)`` returns theta inside its bounds.

    Returns
    -------
    theta : ndarray, shape (k,)
    path : ndarray, shape (n_iter, k)

    Raises
    ------
    ValueError
        If ``n_iter`` is too small, or if the iterates stop being finite.
    """
    if n_iter < 2 * WARM_UP:
        raise ValueError(f"n_iter must be at least {2 * WARM_UP}, got {n_iter}; the first {WARM_UP} steps only warm up")
    t_obs = np.atleast_1d(np.asarray(t_obs, dtype=float))
    theta, path = t_obs.copy(), np.empty((n_iter, t_obs.size))
    for r in range(n_iter):
        g = gain if r < WARM_UP else gain * (r - WARM_UP + 1.0) ** (-0.7)
        theta = theta + g * (t_obs - simulate(theta))
        if clip is not None:
            theta = clip(theta)
        if not np.isfinite(theta).all() or np.abs(theta).max() > 1e6:
            raise ValueError(
                f"the iterates diverged at step {r}; lower gain (now {gain}) or raise the reliability of the scores"
            )
        path[r] = theta
    return path[n_iter // 2 :].mean(axis=0), path
