"""Measurement models: one-factor maximum likelihood, factor scores, one-stage ML.

Kernels of page ``factor_score_regression``. Indicators come in three blocks of equal size, one block per
latent variable; every latent variable has variance 1 (the metric of the page). Items may have any unit: they are
brought to a standard deviation between 1/2 and 2 by powers of four, which are exact, before anything is iterated.
"""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.foundations.small_matrices import inverse, solve_spd

__all__ = [
    "SCORE_TYPES",
    "FactorScores",
    "HeywoodWarning",
    "Measurement",
    "NotConvergedWarning",
    "StructuralML",
    "confirmatory_ml",
    "croon",
    "factor_scores",
    "fit_measurement",
    "naive_regression",
]

SCORE_TYPES = ("regression", "bartlett", "sum")
U_MIN = 0.005  # smallest unique variance as a share of the item's variance: a Heywood case sits on it
MAX_ITER = 5000


class NotConvergedWarning(UserWarning):
    """EM ran out of steps before its estimates settled."""


class HeywoodWarning(UserWarning):
    """A unique variance of a one-stage model sits on its bound."""


@dataclass(frozen=True)
class Measurement:
    """Stage-1 estimates of all latent variables.

    Attributes
    ----------
    loadings, uniques : ndarray, shape (n_factors, n_items)
        Loadings (latent variance 1, positive sum in standardised items) and unique variances.
    heywood : ndarray of bool, shape (n_factors,)
        True where a unique variance sits on its bound.
    """

    loadings: np.ndarray
    uniques: np.ndarray
    heywood: np.ndarray

    @property
    def reliability(self):
        """Squared correlation of the regression score with the latent variable, shape (n_factors,)."""
        info = (self.loadings**2 / self.uniques).sum(axis=1)
        return info / (1 + info)


@dataclass(frozen=True)
class FactorScores:
    """Scores of the latent variables.

    Attributes
    ----------
    scores : ndarray, shape (n, k)
    slope, error : ndarray, shape (k,)
        For Gaussian items a score is exactly ``slope * eta + N(0, error)``.
    """

    scores: np.ndarray
    slope: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class StructuralML:
    """One-stage estimate.

    Attributes
    ----------
    theta : ndarray, shape (4,) or (5,)
        (phi12, beta1, beta2[, beta3], psi), standardised.
    heywood : ndarray of bool, shape (3,)
        True where a unique variance of the factor sits on its bound.
    converged : bool
        Whether EM had settled.
    """

    theta: np.ndarray
    heywood: np.ndarray
    converged: bool


@njit(cache=True, nogil=True)
def _regression_weights(load, u, phi, b, post, work):
    """Weights ``b`` (k p, k) to predict the factors from the items, and the factors' posterior covariance ``post``."""
    k, p = load.shape
    work[:] = phi
    inverse(work, post)
    for f in range(k):
        for j in range(p):
            post[f, f] += load[f, j] ** 2 / u[f, j]
    work[:] = post
    inverse(work, post)
    for f in range(k):
        for j in range(p):
            for g in range(k):
                b[f * p + j, g] = load[f, j] / u[f, j] * post[f, g]


@njit(cache=True, nogil=True)
def _add_moments(s, b, sb, post):
    """``sb`` = s b, cross products of items and predicted factors; ``post`` becomes the factors' second moments."""
    q, k = b.shape
    for i in range(q):
        for g in range(k):
            sb[i, g] = 0.0
            for j in range(q):
                sb[i, g] += s[i, j] * b[j, g]
    for f in range(k):
        for g in range(k):
            for i in range(q):
                post[f, g] += b[i, f] * sb[i, g]


@njit(cache=True, nogil=True)
def factor_em(s, p, load, u, phi, max_iter, tol):
    """ML of a factor model of simple structure with factor variances 1, by parameter-expanded EM.

    ``s`` covariance (k p, k p) of items with standard deviations near 1; ``load``, ``u`` (k, p) starts; ``phi`` (k, k)
    correlations. Returns them, and whether loadings and correlations changed by less than ``tol`` in the last step.
    """
    k = load.shape[0]
    load, u, phi = load.copy(), u.copy(), phi.copy()
    b, sb = np.empty((k * p, k)), np.empty((k * p, k))
    post, work = np.empty((k, k)), np.empty((k, k))
    for _ in range(max_iter):
        _regression_weights(load, u, phi, b, post, work)
        _add_moments(s, b, sb, post)
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
            return load, u, phi, True
    return load, u, phi, False


@njit(cache=True, nogil=True)
def _one_factor_each(blocks, load, u, max_iter, tol):
    """One-factor ML of every covariance matrix of ``blocks`` (b, p, p), from starts (b, 1, p) that are overwritten."""
    one, converged = np.ones((1, 1)), np.empty(blocks.shape[0], np.bool_)
    for i in range(blocks.shape[0]):
        new_load, new_u, _, converged[i] = factor_em(blocks[i], blocks.shape[1], load[i], u[i], one, max_iter, tol)
        for j in range(blocks.shape[1]):
            load[i, 0, j], u[i, 0, j] = new_load[0, j], new_u[0, j]
    return converged


def near_units(variances):
    """Powers of four nearest to the standard deviations: dividing by them is exact and takes out the unit."""
    return 4.0 ** np.round(0.25 * np.log2(variances))


def start_signs(blocks):
    """Signs (..., p) that key all items of a block (..., p, p) one way, by its first principal component."""
    signs = np.ones(blocks.shape[:-1])
    mixed = (blocks < 0).any(axis=(-2, -1))
    if mixed.any():
        sd = np.sqrt(np.diagonal(blocks[mixed], axis1=-2, axis2=-1))
        first = np.linalg.eigh(blocks[mixed] / sd[..., :, None] / sd[..., None, :])[1][..., -1]
        signs[mixed] = np.where(first < 0, -1.0, 1.0)
    return signs


def stage_one(s, p, tol):
    """One-factor models of the blocks of ``p`` items with covariance ``s`` (..., k p, k p).

    Returns loadings and unique variances (..., k, p), and flags (..., k): Heywood case, and convergence.
    """
    raw = np.stack([s[..., f : f + p, f : f + p] for f in range(0, s.shape[-1], p)], axis=-3)
    unit = near_units(np.diagonal(raw, axis1=-2, axis2=-1))
    blocks = raw / unit[..., :, None] / unit[..., None, :]
    variances = np.diagonal(blocks, axis1=-2, axis2=-1)
    signs = start_signs(blocks)
    keyed = blocks * signs[..., :, None] * signs[..., None, :]
    total = np.maximum(keyed.sum(axis=(-2, -1)), 1e-8)
    loads = signs * 0.9 * keyed.sum(axis=-1) / np.sqrt(total)[..., None]  # centroid start
    us = np.maximum(variances - loads**2, 0.2 * variances)
    starts = loads.reshape(-1, 1, p), us.reshape(-1, 1, p)  # views: overwritten by the fit
    converged = _one_factor_each(blocks.reshape(-1, p, p), *starts, MAX_ITER, tol).reshape(loads.shape[:-1])
    loads *= np.where((loads / np.sqrt(variances)).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
    return loads * unit, us * unit**2, on_bound(us, variances), converged


def on_bound(us, variances):
    """Whether a unique variance (..., k, p) sits on its bound, shape (..., k)."""
    return (us <= 1.001 * U_MIN * variances).any(axis=-1)


def _score_weights(loads, us, score_type):
    """Weights (..., k, p) of a score, its slope and its error variance (..., k)."""
    info = (loads**2 / us).sum(axis=-1, keepdims=True)
    if score_type == "sum":
        w = np.full(loads.shape, 1.0 / loads.shape[-1])
    else:
        w = loads / us / (1.0 + info if score_type == "regression" else info)
    return w, (w * loads).sum(axis=-1), (w**2 * us).sum(axis=-1)


def make_scores(y, loads, us, score_type):
    """Scores (..., n, k) of centred ``y`` (..., n, k p), with slopes and error variances (..., k)."""
    w, slope, error = _score_weights(loads, us, score_type)
    k, p = loads.shape[-2:]
    weights = np.zeros((*w.shape[:-2], k * p, k))
    for f in range(k):
        weights[..., f * p : (f + 1) * p, f] = w[..., f, :]
    return y @ weights, slope, error


def check_score_type(score_type):
    """Raise ValueError unless ``score_type`` is one of ``SCORE_TYPES``."""
    if score_type not in SCORE_TYPES:
        raise ValueError(f"score_type must be one of {', '.join(SCORE_TYPES)}, got {score_type!r}")


def check_items(y, n_factors):
    """Centred data as floats, and items per factor.

    Raises
    ------
    ValueError
        If ``y`` is not a finite matrix, has fewer than 50 rows, fewer than 3 items a factor, or an item that all answer
        alike.
    """
    y = finite("y", y)
    if operator.index(n_factors) < 1 or y.ndim != 2 or y.shape[1] % n_factors:
        raise ValueError(f"y must be a matrix whose columns fall into {n_factors} equal blocks, got shape {y.shape}")
    p = y.shape[1] // n_factors
    if y.shape[0] < 50:
        raise ValueError(f"y must have at least 50 rows, got {y.shape[0]}; one-factor ML is not reliable below that")
    if p < 3:
        raise ValueError(f"y has {p} items per latent variable; a one-factor model needs at least 3 to be identified")
    alike = np.ptp(y, axis=0) <= 1e-12 * np.abs(y).max(axis=0)
    if alike.any():
        j = int(np.argmax(alike))
        raise ValueError(f"y: all answer item {j % p + 1} of factor {j // p + 1} alike (column {j}); drop the item")
    return y - y.mean(axis=0), p


def fit_measurement(y, n_factors=3, *, heywood="raise"):
    """Stage 1: a one-factor model for each block of columns, by maximum likelihood.

    Parameters
    ----------
    y : array_like, shape (n, n_factors * n_items)
        Indicators in any units, block after block; reversed items get negative loadings.
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
        If ``y`` is not a finite matrix of at least 50 rows and 3 items a factor, or all answer an item alike; and on a
        Heywood case unless it is kept; the message names the factor.

    Warns
    -----
    NotConvergedWarning
        If EM ran out of steps, as it does where items hardly correlate.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = 0.7 * rng.standard_normal((5000, 1)) + np.sqrt(0.51) * rng.standard_normal((5000, 4))
    >>> bool(np.allclose(fit_measurement(y, 1).loadings, 0.7, atol=0.05))
    True
    """
    if heywood not in ("raise", "keep"):
        raise ValueError(f"heywood must be raise or keep, got {heywood!r}")
    centred, p = check_items(y, n_factors)
    loads, us, stuck, converged = stage_one(centred.T @ centred / len(centred), p, 1e-8)
    if stuck.any() and heywood == "raise":
        raise ValueError(
            f"Heywood case in factor {int(np.argmax(stuck)) + 1}: a unique variance is at its bound; "
            'drop the item, collect more rows, or pass heywood="keep"'
        )
    for f in np.flatnonzero(~converged & ~stuck):
        warnings.warn(
            f"factor {f + 1} had not settled after {MAX_ITER} steps; its items hardly determine it, use others",
            NotConvergedWarning,
            stacklevel=2,
        )
    return Measurement(loads, us, stuck)


def factor_scores(y, measurement, score_type="regression"):
    """Scores of the latent variables, their slopes and error variances, eq. (3) of the page.

    Parameters
    ----------
    y : array_like, shape (n, n_factors * n_items)
        Indicators in the units of ``measurement``.
    measurement : Measurement
    score_type : {"regression", "bartlett", "sum"}
        Sums are divided by the number of items.

    Returns
    -------
    FactorScores

    Raises
    ------
    ValueError
        If ``y`` does not suit the measurement model, or there is no such score.
    """
    check_score_type(score_type)
    centred, p = check_items(y, len(measurement.loadings))
    if p != measurement.loadings.shape[1]:
        raise ValueError(f"y must have {measurement.loadings.shape[1]} items per latent variable, got {p}")
    return FactorScores(*make_scores(centred, measurement.loadings, measurement.uniques, score_type))


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
    return naive_of_covariance(c, n, interaction)


@njit(cache=True, nogil=True)
def naive_of_covariance(c, n, interaction):
    """`naive` from the covariances ``c`` (4, 4), divisor ``n``, of xi1, xi2, their product and eta."""
    k = 3 if interaction else 2
    out = np.empty(k + 2)
    out[0], out[k + 1] = c[0, 1], c[3, 3]
    slopes = c[:k, 3:].copy()
    solve_spd(c[:k, :k].copy(), slopes)
    for a in range(k):
        out[a + 1] = slopes[a, 0]
        out[k + 1] -= slopes[a, 0] * c[a, 3]
    out[k + 1] *= n / (n - k - 1)
    return out


def _check_scores(scores):
    scores = np.ascontiguousarray(finite("scores", scores))
    if scores.ndim != 2 or scores.shape[1] != 3:
        raise ValueError(f"scores must have three columns (xi1, xi2, eta), got shape {scores.shape}")
    return scores


def naive_regression(scores, *, interaction=False):
    """Structural estimates that take scores for data, eq. (4) of the page.

    Parameters
    ----------
    scores : array_like, shape (n, 3)
        Of xi1, xi2 and eta.
    interaction : bool
        Whether the product of the first two is a third regressor.

    Returns
    -------
    theta : ndarray, shape (4,) or (5,)
        (phi12, beta1, beta2[, beta3], psi).

    Raises
    ------
    ValueError
        If a score is missing, or the regressors are collinear (constant scores, or one a multiple of the other).
    """
    scores = _check_scores(scores)
    xi1, xi2 = scores[:, 0], scores[:, 1]
    columns, labels = [np.ones(len(scores)), xi1, xi2], ["the constant", "xi1", "xi2"]
    if interaction:
        columns, labels = [*columns, xi1 * xi2], [*labels, "xi1 xi2"]
    full_rank("scores", np.stack(columns, axis=1), labels=labels)
    return naive(scores, interaction)


def theta_of_covariance(c):
    """(phi12, beta1, beta2, psi) from the covariance matrix of (xi1, xi2, eta)."""
    det = c[0, 0] * c[1, 1] - c[0, 1] ** 2
    b1 = (c[1, 1] * c[0, 2] - c[0, 1] * c[1, 2]) / det
    b2 = (c[0, 0] * c[1, 2] - c[0, 1] * c[0, 2]) / det
    return np.array([c[0, 1], b1, b2, c[2, 2] - b1 * c[0, 2] - b2 * c[1, 2]])


def corrected_covariance(scores, slope, error):
    """Latent covariances from those of the scores, Croon's formula."""
    centred = scores - scores.mean(axis=0)
    return (centred.T @ centred / len(scores) - np.diag(error)) / np.outer(slope, slope)


def croon(scores, slope, error):
    """Croon's closed-form correction: unbiased latent covariances from those of the scores, then regression.

    Parameters
    ----------
    scores : array_like, shape (n, 3)
        Of xi1, xi2 and eta.
    slope, error : array_like, shape (3,)
        Of the scores, as in `FactorScores`.

    Returns
    -------
    theta : ndarray, shape (4,)
        (phi12, beta1, beta2, psi). Linear model only.

    Raises
    ------
    ValueError
        If a score is missing, a slope is 0 or an error variance negative, or the corrected covariance matrix is not
        positive definite: the scores are then less variable than their errors alone would make them.
    """
    scores, slope, error = _check_scores(scores), finite("slope", slope), finite("error", error)
    if slope.shape != (3,) or error.shape != (3,) or (slope == 0).any() or (error < 0).any():
        raise ValueError(f"slope must be 3 numbers other than 0 and error 3 variances, got {slope} and {error}")
    c = corrected_covariance(scores, slope, error)
    sd = np.sqrt(np.maximum(np.diagonal(c), 0.0))
    if not (sd > 0).all() or np.linalg.eigvalsh(c / np.outer(sd, sd))[0] <= 1e-10:
        raise ValueError(
            "scores: the corrected covariance matrix is not positive definite, so there is no such latent regression; "
            "collect more rows or better items"
        )
    return theta_of_covariance(c)


def saturated_ml(s, loads, us, *, max_iter=3000, tol=1e-6):
    """One-stage ML of three latent variables from the item covariance ``s``, started at ``loads`` and ``us``.

    The regression of one latent variable on the other two is saturated, so its ML estimate is a function of the factor
    correlations of the confirmatory model.
    """
    unit = near_units(np.diagonal(s))
    blocks = unit.reshape(loads.shape)
    phi = np.full((3, 3), 0.3) + 0.7 * np.eye(3)
    start = loads / blocks, us / blocks**2
    scaled = s / np.outer(unit, unit)
    _, us, phi, converged = factor_em(scaled, loads.shape[1], *start, phi, max_iter, tol)
    stuck = on_bound(us, np.diagonal(scaled).reshape(us.shape))
    return StructuralML(theta_of_covariance(phi), stuck, bool(converged))


def confirmatory_ml(y):
    """One-stage ML of the linear model with three latent variables.

    Parameters
    ----------
    y : array_like, shape (n, 3 n_items)
        Indicators in any units, block after block.

    Returns
    -------
    StructuralML
        With (phi12, beta1, beta2, psi).

    Raises
    ------
    ValueError
        If ``y`` is not a finite matrix of at least 50 rows and 3 items a block, or all answer an item alike.

    Warns
    -----
    HeywoodWarning
        If a unique variance ends on its bound.
    """
    centred, p = check_items(y, 3)
    s = centred.T @ centred / len(centred)
    loads, us, *_ = stage_one(s, p, 1e-8)
    found = saturated_ml(s, loads, us, max_iter=MAX_ITER, tol=1e-8)
    warn_heywood(found.heywood)
    return found


def warn_heywood(stuck):
    """Name the first factor with a Heywood case, on behalf of the function that the user called."""
    if stuck.any():
        warnings.warn(
            f"Heywood case in factor {int(np.argmax(stuck)) + 1}: a unique variance is at its bound; drop the item or "
            "collect more rows",
            HeywoodWarning,
            stacklevel=3,
        )
