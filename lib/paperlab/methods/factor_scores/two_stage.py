"""Two-stage estimation of latent variable regressions: binding function, stochastic approximation, Monte Carlo variance.

Kernels of page ``factor_score_regression``. Structural parameters are ``theta = (phi12, beta1, beta2[, beta3], psi)``
of ``eta = beta1 xi1 + beta2 xi2 + beta3 (xi1 xi2 - phi12) + zeta``, var(xi) = 1, cov(xi1, xi2) = phi12, var(zeta) = psi.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from paperlab.methods.factor_scores import measurement as mm

__all__ = ["DRAWS", "binding", "correct", "correct_crn", "monte_carlo_variance", "robbins_monro", "simulated_normals"]

DRAWS = ("matched", "mirrored", "independent")
PHI_MAX, PSI_MIN = 0.95, 0.01
WARM_UP = 30


def _check(n_iter, kind="matched"):
    if n_iter < 2 * WARM_UP:
        raise ValueError(f"n_iter must be at least {2 * WARM_UP}, got {n_iter}; the first {WARM_UP} steps only warm up")
    if kind not in DRAWS:
        raise ValueError(f"kind must be one of {', '.join(DRAWS)}, got {kind!r}")


def gains(n_iter):
    """Step sizes of eq. (6): 1 for the warm-up, then a falling power."""
    return np.maximum(np.arange(n_iter) - WARM_UP + 1.0, 1.0) ** (-0.7)


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
def binding_kernel(theta, slope, sd, z):
    """See ``binding``; ``sd`` is the square root of ``error``."""
    f = structural(theta, z)
    for i in range(f.shape[0]):
        for k in range(3):
            f[i, k] = slope[k] * f[i, k] + sd[k] * z[i, 3 + k]
    return mm.naive(f, theta.size == 5)


def binding(theta, slope, error, z):
    """Naive estimate from simulated scores, eq. (5) of the page; ``z`` (draws, 6) standard normal.

    Gaussian items: a linear score is ``slope * eta`` plus Gaussian noise of variance ``error``, so items are never drawn.
    """
    return binding_kernel(theta, slope, np.sqrt(error), z)


@njit(cache=True, nogil=True)
def match(z):
    """Orthonormalise the columns of ``z`` in place (Gram-Schmidt): their mean products become the identity."""
    n, k = z.shape
    for a in range(k):
        for b in range(a + 1):
            total = 0.0
            for i in range(n):
                total += z[i, a] * z[i, b]
            factor = 1.0 / np.sqrt(total / n) - 1.0 if a == b else -total / n
            for i in range(n):
                z[i, a] += factor * z[i, b]


def simulated_normals(rng, draws, kind="matched", columns=6):
    """Standard normals of simulated people, shape (draws, columns).

    ``kind``: "independent"; "mirrored", the second half is the first with its sign changed; "matched", mirrored and
    rotated so that the sample covariance is the identity, which makes the binding function of a linear model exact.
    """
    _check(2 * WARM_UP, kind)
    if kind == "independent":
        return rng.standard_normal((draws, columns))
    half = rng.standard_normal((draws // 2, columns))
    if kind == "matched":
        match(half)
    return mirror(half)


@njit(cache=True, nogil=True)
def clip_into(theta):
    """Bound the correlation within 0.95 and the residual variance to at least 0.01, in place."""
    theta[0] = min(max(theta[0], -PHI_MAX), PHI_MAX)
    theta[-1] = max(theta[-1], PSI_MIN)


def clip(theta):
    """A copy of theta with its correlation within 0.95 and its residual variance at least 0.01."""
    theta = np.array(theta, dtype=float)
    clip_into(theta)
    return theta


@njit(cache=True, nogil=True)
def mirror(half):
    """The rows of ``half``, then the same rows with the other sign."""
    n, k = half.shape
    z = np.empty((2 * n, k))
    for i in range(n):
        for c in range(k):
            z[i, c] = half[i, c]
            z[n + i, c] = -half[i, c]
    return z


@njit(cache=True, nogil=True)
def walk(theta, t_obs, slope, sd, normals, steps, path, matched, mirrored):
    """Some steps of eq. (6) for linear scores; ``normals`` (steps, rows, 6) are used up, iterates go to ``path``."""
    for r in range(steps.size):
        z = normals[r]
        if matched:
            match(z)
        if mirrored:
            z = mirror(z)
        t = binding_kernel(theta, slope, sd, z)
        for c in range(theta.size):
            theta[c] += steps[r] * (t_obs[c] - t[c])
        clip_into(theta)
        for c in range(theta.size):
            path[r, c] = theta[c]


def bounds_hit(path):
    """Iterates of the last half of ``path`` in which a bound of ``clip`` was hit."""
    late = path[len(path) // 2 :]
    return int(((np.abs(late[:, 0]) >= PHI_MAX) | (late[:, -1] <= PSI_MIN)).sum())


def _gain(slope, error):
    """1, or 0.5 where a score's reliability is below 0.4."""
    return 0.5 if (slope**2 / (slope**2 + error)).min() < 0.4 else 1.0


def correct(t_obs, slope, error, rng, *, n_iter=100, draws=1000, kind="matched"):
    """Corrected estimate from linear scores of Gaussian items, eq. (6) of the page.

    Parameters
    ----------
    t_obs : ndarray, shape (4,) or (5,)
        Naive estimate; five entries mean a model with interaction.
    slope, error : ndarray, shape (3,)
        Of the scores, see ``measurement.factor_scores``.
    rng : numpy.random.Generator
    n_iter, draws : int
        Iterations, and simulated people in each.
    kind : str
        See ``simulated_normals``.

    Returns
    -------
    theta : ndarray
        Mean of the last half of the iterates.
    path : ndarray, shape (n_iter, t_obs.size)
        All iterates; ``bounds_hit(path)`` counts those on a bound.
    """
    _check(n_iter, kind)
    theta, path, sd = clip(t_obs), np.empty((n_iter, t_obs.size)), np.sqrt(error)
    steps = _gain(slope, error) * gains(n_iter)
    rows = draws if kind == "independent" else draws // 2
    for r in range(0, n_iter, 10):  # ten steps at a time keep the normals in the cache
        late = slice(r, min(r + 10, n_iter))
        normals = rng.standard_normal((late.stop - r, rows, 6))
        options = kind == "matched", kind != "independent"
        walk(theta, t_obs, slope, sd, normals, steps[late], path[late], *options)
    return path[n_iter // 2 :].mean(axis=0), path


def correct_crn(t_obs, slope, error, z, *, max_iter=60, tol=1e-5):
    """Deterministic twin with common random numbers ``z``: ``theta += t_obs - b_z(theta)`` until the step is below ``tol``."""
    theta, gain = clip(t_obs), _gain(slope, error)
    for _ in range(max_iter):
        step = gain * (t_obs - binding(theta, slope, error, z))
        theta = clip(theta + step)
        if np.abs(step).max() < tol:
            break
    return theta


def jacobian(theta, slope, error, z, step=0.02):
    """Central differences of the binding function with common random numbers."""
    shifts = step * np.eye(theta.size)
    columns = [binding(theta + h, slope, error, z) - binding(theta - h, slope, error, z) for h in shifts]
    return np.column_stack(columns) / (2 * step)


def gaussian_items(theta, loads, us, n, rng, sets=1):
    """Centred items (sets, n, 3 p) of simulated people, eqs. (1) and (2) of the page."""
    f = structural(theta, rng.standard_normal((sets * n, 3))).reshape(sets, n, 3, 1)
    y = rng.standard_normal((sets, n, *loads.shape))
    y *= np.sqrt(us)
    y += loads * f
    y -= y.mean(axis=1, keepdims=True)
    return y.reshape(sets, n, -1)


def monte_carlo_variance(theta, model, rng, *, n, score_type="regression", m=40, draws=2000):
    """Covariance matrix of the corrected estimate by simulation, eq. (7) of the page.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)
        Corrected estimate.
    model : measurement.Measurement
        Stage-1 estimates.
    rng : numpy.random.Generator
    n, m, draws : int
        People; simulated data sets; draws behind the binding function.

    Returns
    -------
    full, no_stage_one : ndarray, shape (k, k)
        The second one ignores that the measurement model was estimated (the ablation of the page).
    """
    if m < 10:
        raise ValueError(f"m must be at least 10 data sets, got {m}; a variance from fewer is noise")
    theta, kind = np.asarray(theta, dtype=float), mm.score_kind(score_type)
    z, interaction, p = simulated_normals(rng, draws), theta.size == 5, model.loadings.shape[1]
    full, bare = [], []
    while len(full) < m:
        y = gaussian_items(theta, model.loadings, model.uniques, n, rng, min(m - len(full), max(1, 20_000 // n)))
        known, slope, error = mm.make_scores(y, model.loadings, model.uniques, kind)
        loads, us, _ = mm.stage_one(np.swapaxes(y, 1, 2) @ y / n, p, 1e-5)
        for s0, s1, a, v in zip(known, *mm.make_scores(y, loads, us, kind), strict=True):
            bare.append(mm.naive(s0, interaction))  # less the binding function, the same in all data sets
            full.append(mm.naive(s1, interaction) - binding(theta, a, v, z))
    full, bare = np.array(full), np.array(bare)
    inv = np.linalg.inv(jacobian(theta, slope, error, z))
    return inv @ np.cov(full.T) @ inv.T, inv @ np.cov(bare.T) @ inv.T


def robbins_monro(t_obs, simulate, *, n_iter=100, gain=1.0, clip=None):
    """Robbins-Monro solution of ``t_obs = b(theta)`` for any structural model that can be simulated, eq. (6) of the page.

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
        Mean of the last half of the iterates.
    path : ndarray, shape (n_iter, k)

    Raises
    ------
    ValueError
        If ``n_iter`` is too small, or if the iterates stop being finite.
    """
    _check(n_iter)
    t_obs = np.atleast_1d(np.asarray(t_obs, dtype=float))
    theta, path = t_obs if clip is None else clip(t_obs), np.empty((n_iter, t_obs.size))
    steps = gain * gains(n_iter)
    for r in range(n_iter):
        theta = theta + steps[r] * (t_obs - simulate(theta))
        if not np.abs(theta).max() < 1e6:  # nan too
            raise ValueError(
                f"the iterates diverged at step {r}; lower gain (now {gain}) or raise the reliability of the scores"
            )
        if clip is not None:
            theta = clip(theta)
        path[r] = theta
    return path[n_iter // 2 :].mean(axis=0), path
