"""Measurement models: one-factor maximum likelihood, factor scores, one-stage ML.

Kernels of page ``factor_score_regression``. Indicators come in three blocks of equal size, one block per
latent variable; every latent variable has variance 1 (the metric of the page).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

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
def one_factor_em(s, max_iter, tol):
    """One-factor ML for the covariance matrix ``s``: loadings, unique variances, number of iterations.

    The M-step of the loadings is rescaled by the implied latent variance (parameter-expanded EM).
    """
    p = s.shape[0]
    load, u = np.empty(p), np.empty(p)
    total = s.sum()
    for j in range(p):
        load[j] = s[j].sum() / np.sqrt(max(total, 1e-8)) * 0.9
        u[j] = max(s[j, j] - load[j] ** 2, 0.2 * s[j, j])
    b, sb = np.empty(p), np.empty(p)
    it = 0
    while it < max_iter:
        it += 1
        info = 0.0
        for j in range(p):
            info += load[j] ** 2 / u[j]
        quad = 0.0
        for j in range(p):
            b[j] = load[j] / u[j] / (1.0 + info)
        for j in range(p):
            sb[j] = 0.0
            for k in range(p):
                sb[j] += s[j, k] * b[k]
            quad += b[j] * sb[j]
        ezz = 1.0 / (1.0 + info) + quad
        change = 0.0
        for j in range(p):
            raw = sb[j] / ezz
            u_new = max(s[j, j] - raw * sb[j], U_MIN * s[j, j])
            new = raw * np.sqrt(ezz)
            change = max(change, abs(new - load[j]), abs(u_new - u[j]))
            load[j], u[j] = new, u_new
        if change < tol:
            break
    if load.sum() < 0:
        load = -load
    return load, u, it


@njit(cache=True, nogil=True)
def stage_one(y, p, tol):
    """Blocks of ``p`` columns of centred ``y``: loadings and uniques, shape (k, p), and Heywood flags."""
    k = y.shape[1] // p
    loads, us, hey = np.empty((k, p)), np.empty((k, p)), np.zeros(k, np.bool_)
    for f in range(k):
        block = np.ascontiguousarray(y[:, f * p : (f + 1) * p])
        s = block.T @ block / y.shape[0]
        loads[f], us[f], _ = one_factor_em(s, 5000, tol)
        for j in range(p):
            if us[f, j] <= 1.001 * U_MIN * s[j, j]:
                hey[f] = True
    return loads, us, hey


@njit(cache=True, nogil=True)
def score_weights(load, u, kind):
    """Weights of a score (0 regression, 1 Bartlett, 2 mean of the items), its slope and its error variance."""
    p = load.size
    w = np.empty(p)
    info = np.sum(load**2 / u)
    for j in range(p):
        if kind == 0:
            w[j] = load[j] / u[j] / (1.0 + info)
        elif kind == 1:
            w[j] = load[j] / u[j] / info
        else:
            w[j] = 1.0 / p
    return w, np.sum(w * load), np.sum(w**2 * u)


@njit(cache=True, nogil=True)
def make_scores(y, loads, us, kind):
    """Scores (n, k) of centred ``y`` with slopes and error variances (k,)."""
    k, p = loads.shape
    s, a, v = np.empty((y.shape[0], k)), np.empty(k), np.empty(k)
    for f in range(k):
        w, a[f], v[f] = score_weights(loads[f], us[f], kind)
        for i in range(y.shape[0]):
            total = 0.0
            for j in range(p):
                total += w[j] * y[i, f * p + j]
            s[i, f] = total
    return s, a, v


def _kind(score_type):
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
    loads, us, hey = stage_one(centred, p, 1e-8)
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
    return make_scores(centred, measurement.loadings, measurement.uniques, _kind(score_type))


@njit(cache=True, nogil=True)
def naive(s, interaction):
    """Naive stage 2, eq. (4) of the page: (covariance, slopes, residual variance) from scores (n, 3).

    With ``interaction`` the product of the first two scores is a third regressor. An intercept is always fitted.
    """
    n = s.shape[0]
    k = 4 if interaction else 3
    g = np.zeros((5, 5))
    x = np.empty(5)
    for i in range(n):
        x[0], x[1], x[2] = 1.0, s[i, 0], s[i, 1]
        x[3] = s[i, 0] * s[i, 1]
        x[4] = s[i, 2]
        for a in range(5):
            for b in range(a, 5):
                g[a, b] += x[a] * x[b]
    for a in range(5):
        for b in range(a):
            g[a, b] = g[b, a]
    xx = np.ascontiguousarray(g[:k, :k])
    for a in range(k):
        xx[a, a] *= 1.0 + 1e-12
    xy = np.ascontiguousarray(g[:k, 4])
    coef = np.linalg.solve(xx, xy)
    out = np.empty(k + 1)
    out[0] = (g[1, 2] - g[0, 1] * g[0, 2] / n) / n
    out[1:k] = coef[1:]
    out[k] = (g[4, 4] - coef @ xy) / (n - k)
    return out


def naive_regression(scores, *, interaction=False):
    """Structural estimates that take scores for data: (phi12, beta1, beta2[, beta3], psi), eq. (4) of the page."""
    scores = np.ascontiguousarray(scores, dtype=float)
    if scores.ndim != 2 or scores.shape[1] != 3:
        raise ValueError(f"scores must have three columns (xi1, xi2, eta), got shape {scores.shape}")
    return naive(scores, interaction)


@njit(cache=True, nogil=True)
def theta_of_covariance(c):
    """(phi12, beta1, beta2, psi) from the covariance matrix of (xi1, xi2, eta)."""
    det = c[0, 0] * c[1, 1] - c[0, 1] ** 2
    b1 = (c[1, 1] * c[0, 2] - c[0, 1] * c[1, 2]) / det
    b2 = (c[0, 0] * c[1, 2] - c[0, 1] * c[0, 2]) / det
    return np.array([c[0, 1], b1, b2, c[2, 2] - b1 * c[0, 2] - b2 * c[1, 2]])


@njit(cache=True, nogil=True)
def croon_kernel(s, a, v):
    """Croon's correction: unbiased latent covariances from those of the scores, then regression (linear models only)."""
    c = s.T @ s / s.shape[0]
    for i in range(3):
        for j in range(3):
            c[i, j] = (c[i, i] - v[i]) / a[i] ** 2 if i == j else c[i, j] / (a[i] * a[j])
    return theta_of_covariance(c)


def croon(scores, slope, error):
    """Croon's closed-form correction, linear model only: (phi12, beta1, beta2, psi)."""
    return croon_kernel(np.ascontiguousarray(scores, dtype=float), np.asarray(slope, float), np.asarray(error, float))


@njit(cache=True, nogil=True)
def cfa_em(s, p, load, u, phi, max_iter, tol):
    """ML of a confirmatory factor model, simple structure, factor variances 1: parameter-expanded EM.

    ``s`` covariance (k p, k p); ``load``, ``u`` (k, p) starts; ``phi`` (k, k) correlations.
    """
    k = load.shape[0]
    q = k * p
    load, u, phi = load.copy(), u.copy(), phi.copy()
    b = np.zeros((q, k))
    it = 0
    while it < max_iter:
        it += 1
        prec = np.linalg.inv(phi)
        for f in range(k):
            for j in range(p):
                prec[f, f] += load[f, j] ** 2 / u[f, j]
        post = np.linalg.inv(prec)
        for f in range(k):
            for j in range(p):
                for g in range(k):
                    b[f * p + j, g] = load[f, j] / u[f, j] * post[f, g]
        sb = s @ b
        ezz = post + b.T @ sb
        change = 0.0
        for f in range(k):
            scale = np.sqrt(ezz[f, f])
            for j in range(p):
                cross = sb[f * p + j, f]
                raw = cross / ezz[f, f]
                u[f, j] = max(s[f * p + j, f * p + j] - raw * cross, U_MIN * s[f * p + j, f * p + j])
                change = max(change, abs(raw * scale - load[f, j]))
                load[f, j] = raw * scale
        for f in range(k):
            for g in range(k):
                new = ezz[f, g] / np.sqrt(ezz[f, f] * ezz[g, g])
                change = max(change, abs(new - phi[f, g]))
                phi[f, g] = new
        if change < tol:
            break
    return load, u, phi, it


def confirmatory_ml(y, n_factors=3):
    """One-stage ML of the linear model with three latent variables, standardised: (phi12, beta1, beta2, psi).

    The regression of one latent variable on the other two is saturated, so its ML estimate is a function of the factor
    correlations of the confirmatory model.
    """
    centred, p = check_items(y, n_factors)
    start = fit_measurement(y, n_factors, heywood="keep")
    s = centred.T @ centred / len(centred)
    phi = np.full((n_factors, n_factors), 0.3) + 0.7 * np.eye(n_factors)
    _, _, phi, _ = cfa_em(s, p, start.loadings, start.uniques, phi, 5000, 1e-8)
    return theta_of_covariance(phi)
