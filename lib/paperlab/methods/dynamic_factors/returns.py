"""Panels of stock returns: universe, number of factors, betas, and where volatility hides in two factors.

Panels are arrays ``(n_units, n_periods)``; only `universe` takes a table of prices.
Equations: page ``dynamic_factors_pse``.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.foundations.components import PrincipalComponents, principal_components

__all__ = [
    "BaiNg",
    "Universe",
    "VolatilitySearch",
    "bai_ng",
    "market_beta",
    "pc_factors",
    "rolling_mean",
    "rolling_sd",
    "rotation_curve",
    "universe",
    "volatility_search",
]


@dataclass(frozen=True)
class Universe:
    """Daily returns in percent.

    Attributes
    ----------
    stocks : DataFrame, shape (n_days, n_stocks)
        A missing price leaves two returns missing, nothing is filled.
    index : Series, shape (n_days,)
        Returns of the index.
    """

    stocks: pd.DataFrame
    index: pd.Series


@dataclass(frozen=True)
class BaiNg:
    """Criterion IC2 for 0 to ``max_factors`` factors, and the share of the variance that each component takes."""

    criterion: np.ndarray
    shares: np.ndarray

    @property
    def n_factors(self):
        """Number of factors with the smallest criterion."""
        return int(self.criterion.argmin())


@dataclass(frozen=True)
class VolatilitySearch:
    """Largest correlation over all directions, and the same after the second factor was rolled (n_placebos,)."""

    best: float
    placebos: np.ndarray


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
    Universe

    Raises
    ------
    ValueError
        If a price is negative or infinite, days are not in order, a date lies outside the table, or fewer than
        ``min_stocks`` stocks remain.
    """
    if index not in prices.columns:
        raise ValueError(f"index must be a column of prices, got {index!r}")
    if not (
        isinstance(prices.index, pd.DatetimeIndex) and prices.index.is_monotonic_increasing and prices.index.is_unique
    ):
        raise ValueError("prices must have one row per day, indexed by dates in order; sort them, drop repeated days")
    wrong = (prices < 0) | np.isinf(prices)
    if wrong.to_numpy().any():
        day, stock = np.argwhere(wrong.to_numpy())[0]
        raise ValueError(
            f"prices must be positive, or 0 or nan where missing, got {prices.iloc[day, stock]} "
            f"for {prices.columns[stock]} on {prices.index[day]:%Y-%m-%d}"
        )
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
    return Universe(stocks, market)


def _filled(z):
    """A standardised panel with its gaps as zeros, the mean."""
    z = np.asarray(z, dtype=float)
    finite("z", np.where(np.isnan(z), 0.0, z))
    return np.where(np.isnan(z), 0.0, z)


def pc_factors(z, n_factors):
    """Principal components of a standardised panel, gaps as zeros (the mean); signed by the sum of the loadings.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        NaN where missing.
    n_factors : int

    Returns
    -------
    PrincipalComponents

    Raises
    ------
    ValueError
        If a value is infinite, or the rank is below ``n_factors``.
    """
    pc = principal_components(_filled(z), n_factors)
    signs = np.where(pc.loadings.sum(axis=0) < 0, -1.0, 1.0)
    return PrincipalComponents(pc.factors * signs, pc.loadings * signs)


def bai_ng(z, max_factors=4):
    """Criterion IC2 of Bai and Ng (2002) for 0 to ``max_factors`` factors.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised panel; gaps count as zeros.
    max_factors : int

    Returns
    -------
    BaiNg
        ``log V(k) + k (n + T) / (n T) log min(n, T)``, where ``V(k)`` is the mean squared residual.

    Raises
    ------
    ValueError
        If a value is infinite, or ``max_factors`` components would leave nothing over.
    """
    filled = _filled(z)
    n, T = filled.shape
    if not 1 <= operator.index(max_factors) < min(n, T):
        raise ValueError(f"max_factors must be between 1 and {min(n, T) - 1}, got {max_factors}")
    gram = filled @ filled.T if n <= T else filled.T @ filled
    values = np.linalg.eigvalsh(gram)[::-1]
    left = values.sum() - np.concatenate([[0.0], np.cumsum(values[:max_factors])])
    if left[-1] <= 1e-12 * left[0]:
        raise ValueError(f"max_factors must be below the rank of z, got {max_factors}; nothing is left over to compare")
    penalty = (n + T) / (n * T) * np.log(min(n, T))
    criterion = np.log(left / (n * T)) + penalty * np.arange(max_factors + 1)
    return BaiNg(criterion, values[:max_factors] / values.sum())


def market_beta(y, market):
    """CAPM beta: least squares slope of each unit's returns on the market's, over its observed days.

    Parameters
    ----------
    y : ndarray, shape (n_units, n_periods)
        NaN where missing.
    market : ndarray, shape (n_periods,)

    Returns
    -------
    beta : ndarray, shape (n_units,)

    Raises
    ------
    ValueError
        If a return of the market is missing or one of a unit infinite, or a unit was not observed on two days with
        different returns of the market.

    Examples
    --------
    >>> market_beta(np.array([[2.0, 4.0, np.nan, 8.0]]), np.array([1.0, 2.0, 9.0, 4.0]))
    array([2.])
    """
    y, market = np.asarray(y, dtype=float), finite("market", market)
    if y.ndim != 2 or market.shape != y.shape[1:]:
        raise ValueError(f"market must have one return per period of y, shape {y.shape}, got shape {market.shape}")
    seen = ~np.isnan(y)
    filled = finite("y", np.where(seen, y, 0.0))
    count = np.maximum(seen.sum(axis=1), 1)
    x = np.where(seen, market, 0.0)
    square = np.sum(x * x, axis=1)
    variation = square - x.sum(axis=1) ** 2 / count
    if (variation <= 1e-12 * square).any():
        i = int(np.argmax(variation <= 1e-12 * square))
        raise ValueError(f"y: unit {i} has {seen[i].sum()} days, on which the market does not vary; leave it out")
    return (np.sum(x * filled, axis=1) - x.sum(axis=1) * filled.sum(axis=1) / count) / variation


def rolling_mean(x, window):
    """Means of successive values along the first axis.

    Parameters
    ----------
    x : array_like, shape (n, ...)
    window : int
        Number of values in each mean.

    Returns
    -------
    means : ndarray, shape (n - window + 1, ...)

    Raises
    ------
    ValueError
        If a value is missing, or the window does not fit.

    Examples
    --------
    >>> rolling_mean(np.array([1.0, 2.0, 6.0, 4.0]), 2)
    array([1.5, 4. , 5. ])
    """
    x = finite("x", x)
    if not 1 <= operator.index(window) <= len(x):
        raise ValueError(f"window must be between 1 and the {len(x)} values of x, got {window}")
    sums = np.cumsum(np.concatenate([np.zeros((1, *x.shape[1:])), x]), axis=0)
    return (sums[window:] - sums[:-window]) / window


def rolling_sd(x, window):
    """Standard deviations of successive values.

    Parameters
    ----------
    x : array_like, shape (n,)
    window : int
        Number of values in each standard deviation (its divisor, too).

    Returns
    -------
    sds : ndarray, shape (n - window + 1,)

    Raises
    ------
    ValueError
        As `rolling_mean`.
    """
    x = finite("x", x)
    centred = x - x.mean()
    return np.sqrt(np.maximum(rolling_mean(centred**2, window) - rolling_mean(centred, window) ** 2, 0.0))


def _check_plane(factors, target):
    """Two factors and a target that varies, as floats."""
    factors, target = finite("factors", factors), finite("target", target)
    if factors.ndim != 2 or factors.shape[1] != 2:
        raise ValueError(f"factors must have two columns, got shape {factors.shape}")
    if target.shape != factors.shape[:1]:
        raise ValueError(f"target must have one value per row of factors, {len(factors)}, got shape {target.shape}")
    if np.ptp(target) <= 1e-12 * np.abs(target).max():
        raise ValueError("target is constant and correlates with nothing; give a series that varies")
    full_rank("factors", factors - factors.mean(axis=0), scale=np.linalg.norm(factors, axis=0))
    return factors, target


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

    Raises
    ------
    ValueError
        If a value is missing, shapes do not match, the target is constant or the factors are collinear.
    """
    factors, target = _check_plane(factors, target)
    directions = factors @ np.stack([np.cos(angles), np.sin(angles)])
    directions = directions - directions.mean(axis=0)
    centred = target - target.mean()
    return np.abs(centred @ directions) / np.sqrt(np.sum(directions**2, axis=0) * (centred @ centred))


def volatility_search(factors, volatility, *, rng, window=20, n_placebos=200):
    """Correlation of the best direction in the plane of two factors with a volatility, and placebos.

    Means of ``window`` days of the two factors are set against the volatility of the same days. The largest correlation
    over all directions is the multiple correlation. Placebo: the second factor is rolled in time by a random number of
    days, which keeps its own dependence and breaks its relation to the rest, and the search is repeated.

    Parameters
    ----------
    factors : ndarray, shape (n_days, 2)
    volatility : ndarray, shape (n_days - window + 1,)
        As from `rolling_sd` of the market.
    rng : numpy.random.Generator
    window, n_placebos : int

    Returns
    -------
    VolatilitySearch

    Raises
    ------
    ValueError
        If a value is missing, shapes do not match, the window exceeds a fifth of the days, the volatility is constant
        or the factors are collinear.
    """
    factors = finite("factors", factors)
    n = len(factors)
    if not 2 <= operator.index(window) <= n // 5:
        raise ValueError(f"window must be between 2 and a fifth of the {n} days, got {window}")
    if np.shape(volatility) != (n - window + 1,):
        raise ValueError(
            f"volatility must have {n - window + 1} values, one per window, got shape {np.shape(volatility)}"
        )
    if operator.index(n_placebos) < 1:
        raise ValueError(f"n_placebos must be at least 1, got {n_placebos}")
    means, volatility = _check_plane(rolling_mean(factors, window), volatility)
    best = _multiple_correlation(means, volatility)
    placebos = np.empty(n_placebos)
    for i, shift in enumerate(rng.integers(2 * window, n - 2 * window, n_placebos)):
        second = rolling_mean(np.roll(factors[:, 1:], shift, axis=0), window)
        placebos[i] = _multiple_correlation(np.hstack([means[:, :1], second]), volatility)
    return VolatilitySearch(float(best), placebos)
