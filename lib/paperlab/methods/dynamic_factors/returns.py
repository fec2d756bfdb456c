"""Panels of stock returns: universe, number of factors, betas, and where volatility hides in two factors.

Panels are arrays ``(n_units, n_periods)``; only `universe` takes a table of prices. Equations: page ``dynamic_factors_pse``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from paperlab.methods.foundations.components import principal_components

__all__ = [
    "bai_ng",
    "market_beta",
    "pc_factors",
    "rolling_mean",
    "rolling_sd",
    "rotation_curve",
    "universe",
    "volatility_search",
]


def universe(prices, start, end, *, min_observed=0.99, index="PSEi", min_stocks=10):
    """Daily returns of the stocks that are observed nearly always in a period, and of the index.

    Parameters
    ----------
    prices : DataFrame
        Closing prices, one column per stock and one for the index; rows are trading days. A price of 0 is a gap.
    start, end : str
        First and last day.
    min_observed : float
        Smallest share of days with a return; stocks below it are left out.
    index : str
        Column of the index.
    min_stocks : int
        Fewest stocks that make a panel.

    Returns
    -------
    stocks : DataFrame, shape (n_days, n_stocks)
        Returns in percent; a missing price leaves two returns missing, nothing is filled.
    market : Series, shape (n_days,)
        Returns of the index in percent.

    Raises
    ------
    ValueError
        If a date lies outside the table, or fewer than ``min_stocks`` stocks remain.
    """
    if index not in prices.columns:
        raise ValueError(f"index must be a column of prices, got {index!r}")
    first, last = prices.index[0], prices.index[-1]
    begin, stop = pd.Timestamp(start), pd.Timestamp(end)
    # a period may begin or end on a holiday, so the year is what must be there
    if begin.year < first.year or stop.year > last.year or begin >= stop:
        raise ValueError(f"start and end must lie in {first:%Y} to {last:%Y} in this order, got {start} and {end}")
    if not 0.0 < min_observed <= 1.0:
        raise ValueError(f"min_observed must be above 0 and at most 1, got {min_observed}")
    returns = (100 * prices.where(prices > 0).pct_change(fill_method=None)).loc[begin:stop]
    market = returns.pop(index)
    returns, market = returns[market.notna()], market.dropna()
    stocks = returns.loc[:, (returns.notna().mean() >= min_observed) & (returns.std() > 0)]
    if stocks.shape[1] < min_stocks:
        raise ValueError(
            f"min_observed = {min_observed} leaves {stocks.shape[1]} stocks between {start} and {end}, "
            f"needs {min_stocks}; lower it"
        )
    return stocks, market


def pc_factors(z, k):
    """Principal components of a standardised panel, gaps as zeros (the mean); signed by the sum of the loadings."""
    factors, loadings = principal_components(np.where(np.isfinite(z), z, 0.0), k)
    signs = np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    return factors * signs, loadings * signs


def bai_ng(z, k_max=4):
    """Criterion IC2 of Bai and Ng (2002) for 0 to ``k_max`` factors.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised panel; gaps count as zeros.
    k_max : int

    Returns
    -------
    criterion : ndarray, shape (k_max + 1,)
        ``log V(k) + k (n + T) / (n T) log min(n, T)``, where ``V(k)`` is the mean squared residual; its minimum is the
        chosen number.
    shares : ndarray, shape (k_max,)
        Share of the variance that each component takes.
    """
    filled = np.where(np.isfinite(z), z, 0.0)
    n, T = filled.shape
    if not 1 <= k_max < min(n, T):
        raise ValueError(f"k_max must be between 1 and {min(n, T) - 1}, got {k_max}")
    gram = filled @ filled.T if n <= T else filled.T @ filled
    values = np.linalg.eigvalsh(gram)[::-1]
    left = (values.sum() - np.concatenate([[0.0], np.cumsum(values[:k_max])])) / (n * T)
    penalty = (n + T) / (n * T) * np.log(min(n, T))
    return np.log(left) + penalty * np.arange(k_max + 1), values[:k_max] / values.sum()


def market_beta(y, market):
    """CAPM beta: least squares slope of each unit's returns on the market's, over its observed days.

    Parameters
    ----------
    y : ndarray, shape (n_units, n_periods)
    market : ndarray, shape (n_periods,)

    Returns
    -------
    beta : ndarray, shape (n_units,)
    """
    seen = np.isfinite(y)
    count = seen.sum(axis=1)
    x = np.where(seen, market, 0.0)
    filled = np.where(seen, y, 0.0)
    covariance = np.sum(x * filled, axis=1) - x.sum(axis=1) * filled.sum(axis=1) / count
    return covariance / (np.sum(x * x, axis=1) - x.sum(axis=1) ** 2 / count)


def rolling_mean(x, window):
    """Means of ``window`` successive values along the first axis, shape (n - window + 1, ...)."""
    sums = np.cumsum(np.concatenate([np.zeros((1, *x.shape[1:])), x]), axis=0)
    return (sums[window:] - sums[:-window]) / window


def _multiple_correlation(x, target):
    """Largest correlation of the target with a linear combination of the columns."""
    x, target = x - x.mean(axis=0), target - target.mean()
    moments = x.T @ target
    return np.sqrt(moments @ np.linalg.solve(x.T @ x, moments) / (target @ target))


def rotation_curve(factors, target, angles):
    """Absolute correlation of ``cos(a) f1 + sin(a) f2`` with a target, for each angle ``a``.

    Parameters
    ----------
    factors : ndarray, shape (n, 2)
    target : ndarray, shape (n,)
    angles : ndarray, shape (n_angles,)
        Angles [rad].

    Returns
    -------
    correlation : ndarray, shape (n_angles,)
    """
    directions = factors @ np.stack([np.cos(angles), np.sin(angles)])
    directions = directions - directions.mean(axis=0)
    centred = target - target.mean()
    return np.abs(centred @ directions) / np.sqrt(np.sum(directions**2, axis=0) * (centred @ centred))


def rolling_sd(x, window):
    """Standard deviations of ``window`` successive values, shape (n - window + 1,)."""
    centred = x - x.mean()
    return np.sqrt(np.maximum(rolling_mean(centred**2, window) - rolling_mean(centred, window) ** 2, 0.0))


def volatility_search(factors, volatility, *, window=20, n_placebos=200, rng=None):
    """Does some direction in the plane of two factors follow a volatility?

    Means of ``window`` days of the two factors are set against the volatility of the same days. The largest correlation
    over all directions is the multiple correlation. Placebo: the second factor is rolled in time by a random number of
    days, which keeps its own dependence and breaks its relation to the rest, and the search is repeated.

    Parameters
    ----------
    factors : ndarray, shape (n_days, 2)
    volatility : ndarray, shape (n_days - window + 1,)
        As from `rolling_sd` of the market.
    window, n_placebos : int
    rng : numpy.random.Generator

    Returns
    -------
    best : float
    placebos : ndarray, shape (n_placebos,)
    """
    if factors.ndim != 2 or factors.shape[1] != 2:
        raise ValueError(f"factors must have two columns, got shape {factors.shape}")
    n = len(factors)
    if not 2 <= window <= n // 5:
        raise ValueError(f"window must be between 2 and a fifth of the {n} days, got {window}")
    if len(volatility) != n - window + 1:
        raise ValueError(f"volatility must have {n - window + 1} values, one per window, got {len(volatility)}")
    best = _multiple_correlation(rolling_mean(factors, window), volatility)
    first = rolling_mean(factors[:, :1], window)
    rng = np.random.default_rng() if rng is None else rng
    placebos = np.empty(n_placebos)
    for i, shift in enumerate(rng.integers(2 * window, n - 2 * window, n_placebos)):
        second = rolling_mean(np.roll(factors[:, 1:], shift, axis=0), window)
        placebos[i] = _multiple_correlation(np.hstack([first, second]), volatility)
    return best, placebos
