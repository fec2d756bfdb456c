"""Nowcasts of a quarterly series with daily factors, in pseudo-real time.

A *vintage* is the state of knowledge at the end of one quarter: universe, scaling, factor model and regression use
nothing later. Page ``dynamic_factors_pse``, section on the nowcast.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from paperlab.methods.dynamic_factors import model as dynamic_factor
from paperlab.methods.dynamic_factors import returns as stocks

__all__ = [
    "daily_features",
    "diebold_mariano",
    "expanding_forecasts",
    "factor_vintages",
]


def daily_features(series, days, quarters):
    """Quarterly mean and mean absolute value of daily series.

    Parameters
    ----------
    series : ndarray, shape (n_days, k)
    days : DatetimeIndex, shape (n_days,)
    quarters : PeriodIndex
        Quarters to cover; each must hold at least one day.

    Returns
    -------
    features : ndarray, shape (n_quarters, 2 k)
        Means first, then mean absolute values.
    """
    frame = pd.DataFrame(np.hstack([series, np.abs(series)]), index=days.to_period("Q"))
    means = frame.groupby(level=0).mean().reindex(quarters)
    if means.isna().any().any():
        raise ValueError(f"quarter {means.index[means.isna().any(axis=1)][0]} has no daily observation; begin later")
    return means.to_numpy()


def factor_vintages(prices, quarters, first, *, k=1, p=1, n_iter=15, min_observed=0.99, kind="filtered"):
    """Features of the factors as they could be known at the end of each quarter.

    Parameters
    ----------
    prices : DataFrame
        As in `stocks.universe`.
    quarters : PeriodIndex
        All quarters, beginning with the first of the sample.
    first : int
        Position of the first quarter that is forecast.
    k, p, n_iter : int
        Factors, order, EM steps; each vintage begins at the parameters of the one before where the stocks are the same.
    min_observed : float
        Universe of each vintage.
    kind : {"filtered", "pc"}
        Filtered factors of the dynamic model, or principal components (of data up to the vintage only).

    Returns
    -------
    features : list of ndarray
        One array (n_quarters so far, 2 k) per quarter from ``first`` on.
    """
    if kind not in ("filtered", "pc"):
        raise ValueError(f"kind must be filtered or pc, got {kind!r}; smoothed factors would use the future")
    features, parameters, members = [], None, ()
    for position in range(first, len(quarters)):
        begin, end = quarters[0].start_time, quarters[position].end_time
        returns, _ = stocks.universe(prices.loc[:end], begin, end.normalize(), min_observed=min_observed)
        y = returns.to_numpy().T
        if kind == "pc":
            series = stocks.pc_factors(dynamic_factor.standardise(y)[0], k)[0]
        else:
            known = parameters if tuple(returns.columns) == members else None
            result = dynamic_factor.fit(y, k, p, n_iter=n_iter, start=known)
            parameters, members, series = result.parameters, tuple(returns.columns), result.filtered
        features.append(daily_features(series, returns.index, quarters[: position + 1]))
    return features


def expanding_forecasts(y, features, first, columns, lags):
    """Forecast of each quarter from regressions on all quarters before it.

    Parameters
    ----------
    y : ndarray, shape (n_quarters,) or (n_paths, n_quarters)
        Target; several paths share the regressors except their own first lag.
    features : list of ndarray
        As from `factor_vintages`.
    first : int
        Position of the first forecast.
    columns : sequence of int
        Columns of the features to use.
    lags : sequence of int
        For each of them 0 (same quarter) or 1 (quarter before). The target's own first lag is always added.

    Returns
    -------
    forecasts : ndarray, shape of ``y`` from ``first`` on
    """
    paths = np.atleast_2d(np.asarray(y, dtype=float))
    n_quarters = paths.shape[1]
    if not len(columns) + 3 < first < n_quarters:
        raise ValueError(f"first must lie above {len(columns) + 3} and below {n_quarters}, got {first}")
    if len(features) != n_quarters - first:
        raise ValueError(f"features must hold {n_quarters - first} vintages, got {len(features)}")
    forecasts = np.empty((len(paths), n_quarters - first))
    for q in range(first, n_quarters):
        known = features[q - first]
        shared = [np.ones(q)] + [known[1 - lag : q + 1 - lag, c] for c, lag in zip(columns, lags)]
        x = np.empty((len(paths), q, len(shared) + 1))
        x[:, :, :-1] = np.stack(shared, axis=1)
        x[:, :, -1] = paths[:, :q]
        past = x[:, :-1]
        turned = past.transpose(0, 2, 1)
        coefficients = np.linalg.solve(turned @ past, turned @ paths[:, 1:q, None])
        forecasts[:, q - first] = (x[:, -1:] @ coefficients)[:, 0, 0]
    return forecasts.reshape(*np.shape(y)[:-1], -1)


def diebold_mariano(errors, benchmark):
    """Diebold and Mariano's test of equal squared errors, one step ahead, corrected for small samples.

    Parameters
    ----------
    errors, benchmark : ndarray, shape (n,)
        Forecast errors of the model and of the benchmark.

    Returns
    -------
    statistic, p_value : float
        Negative: the model has the smaller errors. Compared with Student's t (Harvey, Leybourne and Newbold 1997).
    """
    difference = np.asarray(errors) ** 2 - np.asarray(benchmark) ** 2
    n = len(difference)
    if n < 3 or np.ptp(difference) == 0:
        raise ValueError(f"errors and benchmark must differ and hold at least 3 values, got {n}")
    statistic = difference.mean() / np.sqrt(difference.var() / n) * np.sqrt((n - 1) / n)
    return float(statistic), float(2 * stats.t.sf(abs(statistic), n - 1))
