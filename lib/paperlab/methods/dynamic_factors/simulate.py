"""A made-up stock market with a known factor, of the form of the Philippine price file.

Page ``dynamic_factors_pse``, eqs. (5) and (6). Its moments follow the published description of the real panel (shares
of the first components, zero returns, gaps), never the prices themselves.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from paperlab.methods.foundations.checks import finite

__all__ = ["CRISIS", "Market", "draw_growth", "draw_market"]

N_LARGE = 28  # stocks in the index
CRISIS = {"2020Q2": -21.0, "2020Q3": -6.0, "2020Q4": -3.0, "2021Q1": -1.0, "2021Q2": 13.0}  # shocks to growth, points


@dataclass(frozen=True)
class Market:
    """A simulated market.

    Attributes
    ----------
    prices : DataFrame, shape (n_days, n_stocks + 1)
        Closing prices with gaps; the last column is the index.
    betas : Series
        Loadings on the market, measured with error by an outsider.
    factor : Series, shape (n_days,)
        The market factor [% per day].
    volatility : Series, shape (n_days,)
        Standard deviation of the factor's shock [% per day].
    """

    prices: pd.DataFrame
    betas: pd.Series
    factor: pd.Series
    volatility: pd.Series


def draw_market(*, rng, n_stocks=100, style=1.0, volatility_level=0.0, days=None):
    """Simulate a market.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_stocks : int
        Stocks, of which the first 28 are large and make the index, at least 40.
    style : float
        Scale of the loadings on the second factor, which moves large stocks against small ones; 0 leaves one factor.
    volatility_level : float
        Standard deviation of a part of the second factor that *is* the volatility: 0 is a world in which volatility
        only scales the shocks.
    days : DatetimeIndex, optional
        Trading days; default 2010 to 2022, 3,052 days.

    Returns
    -------
    Market

    Raises
    ------
    ValueError
        If there are fewer than 40 stocks or 10 days, or a scale is negative.
    """
    if operator.index(n_stocks) < 40:
        raise ValueError(f"n_stocks must be at least 40, got {n_stocks}; the first {N_LARGE} make the index")
    if not (style >= 0 and volatility_level >= 0):
        raise ValueError(f"style and volatility_level must not be negative, got {style} and {volatility_level}")
    if days is not None and len(days) < 10:
        raise ValueError(f"days must hold at least 10 trading days, got {len(days)}")
    if days is None:
        weekdays = pd.bdate_range("2010-01-04", "2022-12-29")
        holidays = rng.choice(np.arange(1, len(weekdays) - 1), len(weekdays) - 3052, replace=False)
        days = weekdays.delete(holidays)
    n, T = n_stocks, len(days)
    large = np.arange(n) < N_LARGE

    log_vol = np.zeros(T)
    shocks = rng.standard_normal(T)
    for t in range(1, T):
        log_vol[t] = 0.97 * log_vol[t - 1] + 0.1 * shocks[t]
    log_vol += 1.1 * ((days >= "2020-02-24") & (days <= "2020-05-29"))
    volatility = 0.85 * np.exp(log_vol - 0.09)
    innovations = volatility * rng.standard_normal(T) - 0.45 * ((days >= "2020-02-24") & (days <= "2020-03-23"))
    factor = innovations.copy()
    for t in range(3, T):
        factor[t] += 0.08 * factor[t - 1] - 0.02 * factor[t - 2] + 0.05 * factor[t - 3]

    beta = np.clip(np.where(large, rng.normal(1.05, 0.25, n), rng.normal(0.75, 0.3, n)), 0.05, None)
    second = rng.standard_normal(T)
    if volatility_level > 0:
        second += volatility_level * (volatility - volatility.mean()) / volatility.std()
    tilt = style * (np.where(large, 0.35, -0.3) + 0.2 * rng.standard_normal(n))
    noise_sd = np.where(large, rng.uniform(1.1, 2.0, n), rng.uniform(1.5, 3.2, n))
    noise = noise_sd[:, None] * np.sqrt(3 / 5) * rng.standard_t(5, (n, T))
    returns = np.outer(beta, factor) + np.outer(tilt, second) + noise

    weights = rng.lognormal(0.0, 0.8, N_LARGE)
    index = 7.5 + np.cumsum(weights / weights.sum() @ returns[:N_LARGE]) / 100
    log_price = rng.normal(2.5, 1.0, (n, 1)) + np.cumsum(returns, axis=1) / 100
    stale = rng.random((n, T)) < np.where(large, 0.03, rng.beta(1.2, 5.0, n))[:, None]
    stale[:, 0] = False
    last_trade = np.maximum.accumulate(np.where(stale, 0, np.arange(T)), axis=1)
    prices = np.exp(np.take_along_axis(log_price, last_trade, axis=1))
    prices[rng.random((n, T)) < 0.0004] = np.nan
    for i in rng.choice(np.flatnonzero(~large), n // 4, replace=False):  # listed later
        prices[i, : rng.integers(T // 5, 9 * T // 10)] = np.nan
    names = [f"L{i + 1:02d}" if big else f"S{i + 1:02d}" for i, big in enumerate(large)]
    table = pd.DataFrame(prices.T, index=days, columns=names)
    table["PSEi"] = np.exp(index)
    outside = pd.Series(beta + 0.18 * rng.standard_normal(n), index=names, name="Beta")
    return Market(table, outside, pd.Series(factor, days), pd.Series(volatility, days))


def draw_growth(market_mean, quarters, *, rng, link=1.0, crisis=True, n_paths=1):
    """Quarterly growth that follows its own past, the market of the same quarter, and a crisis.

    Parameters
    ----------
    market_mean : ndarray, shape (n_quarters,)
        Mean of the market factor in each quarter.
    quarters : PeriodIndex
    rng : numpy.random.Generator
    link : float
        Points of growth per standard deviation of ``market_mean``; 0 is an economy that ignores the stock market.
    crisis : bool
        Add the shocks of `CRISIS`.
    n_paths : int

    Returns
    -------
    growth : ndarray, shape (n_paths, n_quarters)
        Percent, year on year.

    Raises
    ------
    ValueError
        If the market is missing in a quarter or never varies, ``link`` is no number, or ``n_paths`` is below 1.
    """
    market_mean, link = finite("market_mean", market_mean), float(finite("link", link))
    if market_mean.shape != (len(quarters),) or np.ptp(market_mean) == 0:
        raise ValueError(
            f"market_mean must vary and have one value per quarter, {len(quarters)}, got shape {market_mean.shape}"
        )
    if operator.index(n_paths) < 1:
        raise ValueError(f"n_paths must be at least 1, got {n_paths}")
    pull = link * (market_mean - market_mean.mean()) / market_mean.std()
    shock = np.array([CRISIS.get(str(q), 0.0) * crisis for q in quarters])
    noise = 0.5 * rng.standard_normal((n_paths, len(quarters)))
    growth = np.empty_like(noise)
    growth[:, 0] = 6.3 + noise[:, 0]
    for q in range(1, len(quarters)):
        growth[:, q] = 6.3 + 0.5 * (growth[:, q - 1] - 6.3) + pull[q] + shock[q] + noise[:, q]
    return growth
