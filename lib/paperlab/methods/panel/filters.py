"""What is done to a panel before it is tested: regressors, serial correlation, seasons, shuffling.

A panel is an array ``y`` of shape ``(n_units, n_periods)``, as in `paperlab.methods.panel.dependence`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import RANK_TOLERANCE, codes, full_rank
from paperlab.methods.foundations.components import principal_components
from paperlab.methods.panel.dependence import check_panel

__all__ = ["CCE", "cce_residuals", "prewhiten", "remove_seasonal_means", "shuffle_residuals"]


@dataclass(frozen=True)
class CCE:
    """Common correlated effects.

    Attributes
    ----------
    residuals : ndarray, shape (n_units, n_periods - n_lags)
        ``y - beta_i' x``, to be treated as a pure factor model; unit means removed.
    coef : ndarray, shape (n_units, n_own)
        Coefficients: regressors first (for each regressor its lags 0, 1, ...), then lags 1, 2, ... of ``y``.
    """

    residuals: np.ndarray
    coef: np.ndarray


def cce_residuals(y, x, *, n_lags=0):
    """Remove the regressors' effect by common correlated effects (CCE), one regression per unit.

    Each unit is regressed on an intercept, its own regressors and the cross-section averages of ``y`` and
    ``x``; only the part explained by the unit's own regressors is subtracted, so the factors stay in the
    result.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Dependent variable.
    x : array_like, shape (n_units, n_periods) or (n_regressors, n_units, n_periods)
        Regressors.
    n_lags : int
        Lags of ``y``, ``x`` and the averages to add (dynamic CCE); the first ``n_lags`` periods are lost.

    Returns
    -------
    CCE

    Raises
    ------
    ValueError
        If shapes differ, a value is missing, a unit is constant, there are more coefficients than periods, or a
        regressor of a unit is a combination of its others, the constant and the averages: a regressor that all units
        share is its own average, and its coefficient is not identified.
    """
    y = check_panel(y)
    x = np.asarray(x, dtype=float)
    x = x[None] if x.ndim == 2 else x
    if x.shape[1:] != y.shape:
        raise ValueError(f"x must have the shape of y for each regressor, {y.shape}, got {x.shape}")
    for k in range(len(x)):
        try:
            check_panel(x[k])
        except ValueError as error:
            raise ValueError(f"regressor {k}: {str(error).replace('y must', 'x must')}") from None
    T = y.shape[1]
    if operator.index(n_lags) < 0:
        raise ValueError(f"n_lags must be at least 0, got {n_lags}")
    n_own = len(x) * (n_lags + 1) + n_lags
    n_common = 1 + (1 + len(x)) * (n_lags + 1)
    if n_own + n_common >= T - n_lags:
        raise ValueError(
            f"{n_own + n_common} coefficients per unit need more than {T - n_lags} periods; take fewer lags"
        )

    def lag(a, k):
        return a[..., n_lags - k : T - k]

    own = [lag(r, k) for r in x for k in range(n_lags + 1)] + [lag(y, k) for k in range(1, n_lags + 1)]
    own = np.stack(own, axis=1)  # (n_units, n_own, n_periods - n_lags)
    target = lag(y, 0)
    names = [f"regressor {r}, lag {k}" for r in range(len(x)) for k in range(n_lags + 1)]
    names += [f"y, lag {k}" for k in range(1, n_lags + 1)]
    averages = [lag(a.mean(axis=0), k) / np.sqrt(np.mean(a**2)) for a in (y, *x) for k in range(n_lags + 1)]
    coef = _partial_slopes(own, target, _basis([np.ones(T - n_lags), *averages]), names)
    left = target - np.einsum("ik,ikt->it", coef, own)
    return CCE(left - left.mean(axis=1, keepdims=True), coef)


def _basis(columns):
    """Orthonormal columns (n, m) that span the given ones, which are of about the size 1 unless they vanish."""
    u, values, _ = np.linalg.svd(np.stack(columns, axis=1), full_matrices=False)
    return u[:, values > RANK_TOLERANCE * values[0]]


def _partial_slopes(own, target, basis, names):
    """Slopes of ``target`` (n, T) on ``own`` (n, k, T) beside an orthonormal ``basis`` (T, m), unit by unit; (n, k)."""
    own_left = own - own @ basis @ basis.T
    target_left = target - target @ basis @ basis.T
    moments = own_left @ own_left.transpose(0, 2, 1)
    lengths = np.linalg.norm(own, axis=2)
    for i in _doubtful(moments, lengths):
        _, values, right = np.linalg.svd((own_left[i] / lengths[i, :, None]).T)
        if values[-1] <= RANK_TOLERANCE:
            name = names[np.flatnonzero(np.abs(right[-1]) > 1e-6)[-1]]
            raise ValueError(
                f"x of unit {i}: {name} is a combination of the unit's other regressors, the constant and the "
                "cross-section averages, so its coefficient is not identified; "
                "drop it (a regressor that all units share is its own average)"
            )
    return np.linalg.solve(moments, own_left @ target_left[:, :, None])[:, :, 0]


def _doubtful(moments, lengths):
    """Units whose moments (n, k, k) of columns with lengths (n, k) are nearly singular: their columns must decide."""
    return np.flatnonzero(np.linalg.eigvalsh(moments / lengths[:, :, None] / lengths[:, None])[:, 0] < 1e-8)


def prewhiten(y, order):
    """Residuals of one autoregression with intercept per unit.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Panel.
    order : int
        Number of lags; 0 returns the panel with unit means removed.

    Returns
    -------
    residuals : ndarray, shape (n_units, n_periods - order)

    Raises
    ------
    ValueError
        If ``order`` is negative or leaves fewer periods than coefficients, or the lags of a unit are collinear.
    """
    y = check_panel(y)
    T = y.shape[1]
    if operator.index(order) < 0 or T - order <= order + 1:
        raise ValueError(
            f"order must be at least 0 and leave more periods than coefficients, got {order} with {T} periods"
        )
    target = y[:, order:] - y[:, order:].mean(axis=1, keepdims=True)
    if order == 0:
        return target
    lags = np.stack([y[:, order - k : T - k] for k in range(1, order + 1)], axis=1)
    lags = lags - lags.mean(axis=2, keepdims=True)
    moments = lags @ lags.transpose(0, 2, 1)
    for i in _doubtful(moments, np.linalg.norm(lags, axis=2)):
        full_rank(f"y of unit {i}", lags[i].T, labels=[f"lag {k}" for k in range(1, order + 1)])
    coef = np.linalg.solve(moments, lags @ target[:, :, None])[:, :, 0]
    return target - np.einsum("ik,ikt->it", coef, lags)


def remove_seasonal_means(y, season):
    """Subtract from each unit its mean in each season.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
    season : sequence of hashable, shape (n_periods,)
        Label of each period.

    Returns
    -------
    y : ndarray, shape (n_units, n_periods)

    Raises
    ------
    ValueError
        If a value or a label is missing, or a season has one period only, of which nothing would be left.

    Examples
    --------
    >>> remove_seasonal_means([[1, 5, 3, 9], [0, 1, 2, 3], [2, 2, 4, 8]], ["dry", "wet", "dry", "wet"])
    array([[-1., -2.,  1.,  2.],
           [-1., -1.,  1.,  1.],
           [-1., -3.,  1.,  3.]])
    """
    y = check_panel(y).copy()
    code = codes("season", season, y.shape[1])
    counts = np.bincount(code)
    if counts.min() < 2:
        period = int(np.argmax(counts[code] < 2))
        raise ValueError(
            f"season of period {period} occurs once, so nothing is left of it; merge it or drop the period"
        )
    for label in range(len(counts)):
        y[:, code == label] -= y[:, code == label].mean(axis=1, keepdims=True)
    return y


def shuffle_residuals(y, n_factors, *, rng):
    """Panel with the same factors but no dependence left between units.

    The residuals of ``n_factors`` principal components are permuted in time, each unit in its own order, and
    the common component is added back. Variances, fat tails and loadings stay; correlation between residuals
    (and their serial correlation) goes.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
    n_factors : int
    rng : numpy.random.Generator

    Returns
    -------
    placebo : ndarray, shape (n_units, n_periods)

    Raises
    ------
    ValueError
        As `check_panel`.
    """
    y = check_panel(y, n_factors)
    y = y - y.mean(axis=1, keepdims=True)
    common = principal_components(y, n_factors).common
    return common + rng.permuted(y - common, axis=1)
