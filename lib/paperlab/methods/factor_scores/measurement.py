"""Measurement models: one-factor maximum likelihood, factor scores, one-stage ML.

Kernels of page ``factor_score_regression``. Indicators come in three blocks of equal size, one block per
latent variable; every latent variable has variance 1 (the metric of the page).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.foundations.small_matrices import invert

__all__ = [
    "SCORE_TYPES",
    "Measurement",
    "confirmatory_ml",
    "croon",
    "factor_scores",
    "fit_measurement",
    "naive_regression",
]

SCORE_TYPES = ("regression", "bartlett", "sum")
U_MIN = 0.005  # smallest unique variance as a share of the item's variance: a Heywood case sits on it


@dataclass(frozen=True)
class Measurement:
    """Stage-1 estimates of all latent variables.

    Attributes
    ----------
    loadings, uniques : ndarray, shape (n_factors, n_items)
        Loadings (latent variance 1, positive sum) and unique variances.
    reliability : ndarray, shape (n_factors,)
        Squared correlation of the regression score with the latent variable.
    heywood : ndarray of bool, shape (n_factors,)
        True where a unique variance sits on its bound.
    """

    loadings: np.ndarray
    uniques: np.ndarray
    reliability: np.ndarray
    heywood: np.ndarray


@njit(cache=True, nogil=True)
def factor_em(s, p, load, u, phi, max_iter, tol):
    """ML of a factor model of simple structure with factor variances 1, by parameter-expanded EM.

    ``s`` covariance (k p, k p); ``load``, ``u`` (k, p) starts; ``phi`` (k, k) correlations. Returns the three, and the
    number of iterations; stops when loadings and correlations change by less than ``tol``.
    """
    k = load.shape[0]
    q = k * p
    load, u, phi = load.copy(), u.copy(), phi.copy()
    b, sb = np.empty((q, k)), np.empty((q, k))
    it = 0
    while it < max_iter:
        it += 1
        post = phi.copy()
        invert(post, k)
        for f in range(k):
            for j in range(p):
                post[f, f] += load[f, j] ** 2 / u[f, j]
        invert(post, k)
        for f in range(k):
            for j in range(p):
                for g in range(k):
                    b[f * p + j, g] = load[f, j] / u[f, j] * post[f, g]
        for i in range(q):
            for g in range(k):
                sb[i, g] = 0.0
                for j in range(q):
                    sb[i, g] += s[i, j] * b[j, g]
        for f in range(k):
            for g in range(k):
                for i in range(q):
                    post[f, g] += b[i, f] * sb[i, g]  # now the second moments of the factors
        change = 0.0
        for f in range(k):
            scale = np.sqrt(post[f, f])
            for j in range(p):
                c = f * p + j
                raw = sb[c, f] / post[f, f]
                u[f, j] = max(s[c, c] - raw * sb[c, f], U_MIN * s[c, c])
                change = max(change, abs(raw * scale - load[f, j]))
                load[f, j] = raw * scale
        for f in range(k):
            for g in range(k):
                new = post[f, g] / np.sqrt(post[f, f] * post[g, g])
                change = max(change, abs(new - phi[f, g]))
                phi[f, g] = new
        if change < tol:
            break
    return load, u, phi, it


@njit(cache=True, nogil=True)
def one_factor_each(blocks, load, u, max_iter, tol):
    """One-factor ML of every covariance matrix of ``blocks`` (b, p, p), from starts (b, 1, p) that are overwritten."""
    one = np.ones((1, 1))
    for i in range(blocks.shape[0]):
        new_load, new_u, _, _ = factor_em(blocks[i], blocks.shape[1], load[i], u[i], one, max_iter, tol)
        for j in range(blocks.shape[1]):
            load[i, 0, j], u[i, 0, j] = new_load[0, j], new_u[0, j]


def stage_one(s, p, tol):
    """One-factor models of the blocks of ``p`` items with covariance ``s`` (..., k p, k p).

    Returns loadings and unique variances (..., k, p), and Heywood flags (..., k).
    """
    blocks = np.stack([s[..., f : f + p, f : f + p] for f in range(0, s.shape[-1], p)], axis=-3)
    variances = np.diagonal(blocks, axis1=-2, axis2=-1)
    total = np.maximum(blocks.sum(axis=(-2, -1)), 1e-8)
    loads = 0.9 * blocks.sum(axis=-1) / np.sqrt(total)[..., None]  # centroid start
    us = np.maximum(variances - loads**2, 0.2 * variances)
    starts = loads.reshape(-1, 1, p), us.reshape(-1, 1, p)  # views: overwritten by the fit
    one_factor_each(blocks.reshape(-1, p, p), *starts, 5000, tol)
    loads *= np.where(loads.sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
    bound = 1.001 * U_MIN * variances
    return loads, us, (us <= bound).any(axis=-1)


def score_weights(loads, us, kind):
    """Weights (..., k, p) of a score (0 regression, 1 Bartlett, 2 mean of the items), its slope and its error variance."""
    info = (loads**2 / us).sum(axis=-1, keepdims=True)
    if kind == 2:
        w = np.full(loads.shape, 1.0 / loads.shape[-1])
    else:
        w = loads / us / (1.0 + info if kind == 0 else info)
    return w, (w * loads).sum(axis=-1), (w**2 * us).sum(axis=-1)


def make_scores(y, loads, us, kind):
    """Scores (..., n, k) of centred ``y`` (..., n, k p), with slopes and error variances (..., k)."""
    w, slope, error = score_weights(loads, us, kind)
    k, p = loads.shape[-2:]
    weights = np.zeros((*w.shape[:-2], k * p, k))
    for f in range(k):
        weights[..., f * p : (f + 1) * p, f] = w[..., f, :]
    return y @ weights, slope, error


def score_kind(score_type):
    """Number of a score type, as ``make_scores`` takes it."""
    if score_type not in SCORE_TYPES:
        raise ValueError(f"score_type must be one of {', '.join(SCORE_TYPES)}, got {score_type!r}")
    return SCORE_TYPES.index(score_type)


def check_items(y, n_factors):
    """Centred data as floats, and items per factor.

    Raises
    ------
    ValueError
        If ``y`` is not a finite matrix, has fewer than 50 rows, or fewer than 3 items a factor.
    """
    y = np.asarray(y, dtype=float)
    if y.ndim != 2 or y.shape[1] % n_factors:
        raise ValueError(f"y must be a matrix whose columns fall into {n_factors} equal blocks, got shape {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError("y holds missing or infinite values; drop or impute those rows first")
    if y.shape[0] < 50:
        raise ValueError(f"y must have at least 50 rows, got {y.shape[0]}; one-factor ML is not reliable below that")
    if y.shape[1] // n_factors < 3:
        raise ValueError(
            f"y has {y.shape[1] // n_factors} items per latent variable; a one-factor model needs at least 3 to be identified"
        )
    return y - y.mean(axis=0), y.shape[1] // n_factors


def fit_measurement(y, n_factors=3, *, heywood="raise"):
    """Stage 1: a one-factor model for each block of columns, by maximum likelihood.

    Parameters
    ----------
    y : array_like, shape (n, n_factors * n_items)
        Indicators, block after block.
    n_factors : int
        Number of blocks.
    heywood : {"raise", "keep"}
        What to do where a unique variance reaches its bound (0.5 % of the item's variance).

    Returns
    -------
    Measurement

    Raises
    ------
    ValueError
        On bad input (see ``check_items``), and on a Heywood case unless it is kept; the message names the factor.
    """
    centred, p = check_items(y, n_factors)
    loads, us, hey = stage_one(centred.T @ centred / len(centred), p, 1e-8)
    if hey.any() and heywood == "raise":
        raise ValueError(
            f"Heywood case in factor {int(np.flatnonzero(hey)[0]) + 1}: a unique variance is at its bound; "
            'drop the item, collect more rows, or pass heywood="keep"'
        )
    info = (loads**2 / us).sum(axis=1)
    return Measurement(loads, us, info / (1 + info), hey)


def factor_scores(y, measurement, score_type="regression"):
    """Scores of the latent variables, their slopes and error variances.

    Returns
    -------
    scores : ndarray, shape (n, k)
    slope, error : ndarray, shape (k,)
        For Gaussian items a score is exactly ``slope * eta + N(0, error)``.
    """
    centred, _ = check_items(y, len(measurement.loadings))
    return make_scores(centred, measurement.loadings, measurement.uniques, score_kind(score_type))


@njit(cache=True, nogil=True)
def naive(s, interaction):
    """Naive stage 2, eq. (4) of the page: (covariance, slopes, residual variance) from scores (n, 3).

    With ``interaction`` the product of the first two scores is a third regressor. An intercept is always fitted.
    """
    n = s.shape[0]
    c = np.zeros((4, 4))  # cross products of xi1, xi2, their product, eta
    mean = np.zeros(4)
    x = np.empty(4)
    for i in range(n):
        x[0], x[1], x[2], x[3] = s[i, 0], s[i, 1], s[i, 0] * s[i, 1], s[i, 2]
        for a in range(4):
            mean[a] += x[a]
            for b in range(a + 1):
                c[a, b] += x[a] * x[b]
    for a in range(4):
        for b in range(a + 1):
            c[a, b] = c[b, a] = c[a, b] / n - mean[a] * mean[b] / n**2
    k = 3 if interaction else 2
    out = np.empty(k + 2)
    out[0], out[k + 1] = c[0, 1], c[3, 3]
    invert(c, k)
    for a in range(k):
        out[a + 1] = 0.0
        for b in range(k):
            out[a + 1] += c[a, b] * c[b, 3]
        out[k + 1] -= out[a + 1] * c[a, 3]
    out[k + 1] *= n / (n - k - 1)
    return out


def naive_regression(scores, *, interaction=False):
    """Structural estimates that take scores for data: (phi12, beta1, beta2[, beta3], psi), eq. (4) of the page."""
    scores = np.ascontiguousarray(scores, dtype=float)
    if scores.ndim != 2 or scores.shape[1] != 3:
        raise ValueError(f"scores must have three columns (xi1, xi2, eta), got shape {scores.shape}")
    return naive(scores, interaction)


def theta_of_covariance(c):
    """(phi12, beta1, beta2, psi) from the covariance matrix of (xi1, xi2, eta)."""
    det = c[0, 0] * c[1, 1] - c[0, 1] ** 2
    b1 = (c[1, 1] * c[0, 2] - c[0, 1] * c[1, 2]) / det
    b2 = (c[0, 0] * c[1, 2] - c[0, 1] * c[0, 2]) / det
    return np.array([c[0, 1], b1, b2, c[2, 2] - b1 * c[0, 2] - b2 * c[1, 2]])


def croon(scores, slope, error):
    """Croon's closed-form correction: unbiased latent covariances from those of the scores, then regression.

    Linear model only. Returns (phi12, beta1, beta2, psi).
    """
    scores, slope = np.asarray(scores, dtype=float), np.asarray(slope, dtype=float)
    c = (scores.T @ scores / len(scores) - np.diag(error)) / np.outer(slope, slope)
    return theta_of_covariance(c)


def saturated_ml(s, loads, us, *, max_iter=3000, tol=1e-6):
    """One-stage ML of three latent variables from the item covariance ``s``, started at ``loads`` and ``us``.

    The regression of one latent variable on the other two is saturated, so its ML estimate is a function of the factor
    correlations of the confirmatory model. Returns (phi12, beta1, beta2, psi).
    """
    phi = np.full((3, 3), 0.3) + 0.7 * np.eye(3)
    return theta_of_covariance(factor_em(s, loads.shape[1], loads, us, phi, max_iter, tol)[2])


def confirmatory_ml(y):
    """One-stage ML of the linear model with three latent variables, standardised: (phi12, beta1, beta2, psi)."""
    centred, _ = check_items(y, 3)
    start = fit_measurement(y, heywood="keep")
    s = centred.T @ centred / len(centred)
    return saturated_ml(s, start.loadings, start.uniques, max_iter=5000, tol=1e-8)
