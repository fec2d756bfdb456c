"""What is done to a panel before it is tested: regressors, serial correlation, seasons, shuffling.

A panel is an array ``y`` of shape ``(n_units, n_periods)``, as in `paperlab.methods.panel`.
"""

from __future__ import annotations

import numpy as np

from paperlab.methods.foundations.components import principal_components
from paperlab.methods.panel.dependence import check_panel

__all__ = ["cce_residuals", "prewhiten", "remove_seasonal_means", "shuffle_residuals"]


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
    v : ndarray, shape (n_units, n_periods - n_lags)
        ``y - beta_i' x``, to be treated as a pure factor model; unit means removed.
    beta : ndarray, shape (n_units, n_own)
        Coefficients: regressors first (for each regressor its lags 0, 1, ...), then lags 1, 2, ... of ``y``.

    Raises
    ------
    ValueError
        If shapes differ, a value is missing, a unit is constant, or there are more coefficients than periods.
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
    if n_lags < 0:
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
    averages = [y.mean(axis=0), *x.mean(axis=1)]
    common = np.stack([np.ones(T - n_lags)] + [lag(a, k) for a in averages for k in range(n_lags + 1)])
    q, _ = np.linalg.qr(common.T)
    target = lag(y, 0)
    own_r = own - own @ q @ q.T
    target_r = target - target @ q @ q.T
    moments = own_r @ own_r.transpose(0, 2, 1)
    beta = np.linalg.solve(moments, own_r @ target_r[:, :, None])[:, :, 0]
    v = target - np.einsum("ik,ikt->it", beta, own)
    return v - v.mean(axis=1, keepdims=True), beta


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
        If ``order`` is negative or leaves fewer periods than coefficients.
    """
    y = check_panel(y)
    n, T = y.shape
    if order < 0 or T - order <= order + 1:
        raise ValueError(
            f"order must be at least 0 and leave more periods than coefficients, got {order} with {T} periods"
        )
    target = y[:, order:] - y[:, order:].mean(axis=1, keepdims=True)
    if order == 0:
        return target
    lags = np.stack([y[:, order - k : T - k] for k in range(1, order + 1)], axis=1)
    lags = lags - lags.mean(axis=2, keepdims=True)
    coef = np.linalg.solve(lags @ lags.transpose(0, 2, 1), lags @ target[:, :, None])[:, :, 0]
    return target - np.einsum("ik,ikt->it", coef, lags)


def remove_seasonal_means(y, season):
    """Subtract from each unit its mean in each season; ``season`` has one label per period."""
    y = np.array(y, dtype=float)
    season = np.asarray(season)
    if season.shape != y.shape[1:]:
        raise ValueError(f"season must have one label per period ({y.shape[1]}), got shape {season.shape}")
    for label in np.unique(season):
        y[:, season == label] -= y[:, season == label].mean(axis=1, keepdims=True)
    return y


def shuffle_residuals(y, n_factors, rng):
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
    """
    y = check_panel(y, n_factors)
    y = y - y.mean(axis=1, keepdims=True)
    factors, loadings = principal_components(y, n_factors)
    common = loadings @ factors.T
    return common + rng.permuted(y - common, axis=1)
