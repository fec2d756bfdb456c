"""Nowcasts of a quarterly series with daily factors, in pseudo-real time.

A *vintage* is the state of knowledge at the end of one quarter: universe, scaling, factor model and regression use
nothing later. Page ``dynamic_factors_pse``, section on the nowcast.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from paperlab.methods.dynamic_factors import model, returns
from paperlab.methods.foundations.checks import finite, full_rank

__all__ = [
    "DieboldMariano",
    "daily_features",
    "diebold_mariano",
    "expanding_forecasts",
    "factor_vintages",
]


@dataclass(frozen=True)
class DieboldMariano:
    """Negative ``statistic``: the model has the smaller errors; ``p_value`` from both sides."""

    statistic: float
    p_value: float


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

    Raises
    ------
    ValueError
        If a value is missing, or a quarter has no day.
    """
    series = finite("series", series)
    if series.ndim != 2 or len(series) != len(days):
        raise ValueError(f"series must have one row for each of {len(days)} days, got shape {series.shape}")
    frame = pd.DataFrame(np.hstack([series, np.abs(series)]), index=days.to_period("Q"))
    means = frame.groupby(level=0).mean().reindex(quarters)
    if means.isna().any().any():
        raise ValueError(f"quarter {means.index[means.isna().any(axis=1)][0]} has no daily observation; begin later")
    return means.to_numpy()


def factor_vintages(
    prices, quarters, first, *, n_factors=1, factor_order=1, max_iter=15, min_observed=0.99, kind="filtered"
):
    """Features of the factors as they could be known at the end of each quarter.

    Parameters
    ----------
    prices : DataFrame
        As in `paperlab.methods.dynamic_factors.returns.universe`.
    quarters : PeriodIndex
        All quarters, beginning with the first of the sample.
    first : int
        Position of the first quarter that is forecast.
    n_factors, factor_order, max_iter : int
        Factors, order, EM steps; each vintage begins at the parameters of the one before where the stocks are the same.
    min_observed : float
        Universe of each vintage.
    kind : {"filtered", "pc"}
        Filtered factors of the dynamic model, or principal components (of data up to the vintage only).

    Returns
    -------
    features : list of ndarray
        One array (n_quarters so far, 2 n_factors) per quarter from ``first`` on.

    Raises
    ------
    ValueError
        If ``kind`` uses the future, ``first`` is no position in ``quarters``, or a vintage has too few stocks or days.
    """
    if not 0 <= operator.index(first) < len(quarters):
        raise ValueError(f"first must be a position among {len(quarters)} quarters, got {first}")
    if kind not in ("filtered", "pc"):
        raise ValueError(f"kind must be filtered or pc, got {kind!r}; smoothed factors would use the future")
    features, parameters, members = [], None, ()
    for position in range(first, len(quarters)):
        begin, end = quarters[0].start_time, quarters[position].end_time
        known = returns.universe(prices.loc[:end], begin, end.normalize(), min_observed=min_observed).stocks
        y = known.to_numpy().T
        if kind == "pc":
            series = returns.pc_factors(model.standardise(y).z, n_factors).factors
        else:
            start = parameters if tuple(known.columns) == members else None
            result = model.fit(y, n_factors, factor_order, max_iter=max_iter, start=start)
            parameters, members, series = result.parameters, tuple(known.columns), result.filtered
        features.append(daily_features(series, known.index, quarters[: position + 1]))
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

    Raises
    ------
    ValueError
        If a value is missing, there are fewer quarters before ``first`` than coefficients, a lag is not 0 or 1,
        features are missing or too short, or regressors are collinear; the message names the quarter.
    """
    paths = np.atleast_2d(finite("y", y, -1))
    n_quarters = paths.shape[1]
    if len(columns) != len(lags) or not set(lags) <= {0, 1}:
        raise ValueError(f"lags must be 0 or 1 for each of the {len(columns)} columns, got {list(lags)}")
    if not len(columns) + 3 < first < n_quarters:
        raise ValueError(f"first must lie above {len(columns) + 3} and below {n_quarters}, got {first}")
    if len(features) != n_quarters - first:
        raise ValueError(f"features must hold {n_quarters - first} vintages, got {len(features)}")
    forecasts = np.empty((len(paths), n_quarters - first))
    labels = ["the constant"] + [f"feature {c} at lag {lag}" for c, lag in zip(columns, lags)] + ["y at lag 1"]
    for q in range(first, n_quarters):
        known = finite(f"features of quarter {q}", features[q - first])
        if len(known) != q + 1 or not all(0 <= c < known.shape[1] for c in columns):
            raise ValueError(
                f"features of quarter {q} must have {q + 1} rows and the columns {list(columns)}, "
                f"got shape {known.shape}"
            )
        shared = [np.ones(q)] + [known[1 - lag : q + 1 - lag, c] for c, lag in zip(columns, lags)]
        x = np.empty((len(paths), q, len(shared) + 1))
        x[:, :, :-1] = np.stack(shared, axis=1)
        x[:, :, -1] = paths[:, :q]
        past = x[:, :-1]
        full_rank(f"regressors of quarter {q}", past, labels=labels)
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
    DieboldMariano
        Compared with Student's t (Harvey, Leybourne and Newbold 1997).

    Raises
    ------
    ValueError
        If a value is missing, or the two do not differ or hold fewer than 3 values.

    Examples
    --------
    >>> bool(diebold_mariano([0.1, -0.2, 0.1, 0.0], [1.0, -2.0, 1.0, -1.0]).statistic < 0)
    True
    """
    errors, benchmark = finite("errors", errors), finite("benchmark", benchmark)
    n = len(errors)
    if errors.shape != (n,) or benchmark.shape != (n,) or n < 3:
        raise ValueError(
            f"errors and benchmark must be as long as each other and hold at least 3 values, "
            f"got shapes {errors.shape} and {benchmark.shape}"
        )
    difference = errors**2 - benchmark**2
    if np.ptp(difference) <= 1e-12 * np.max(errors**2 + benchmark**2):
        raise ValueError("errors and benchmark must differ by more than a constant; this test compares two forecasts")
    statistic = difference.mean() / np.sqrt(difference.var() / n) * np.sqrt((n - 1) / n)
    return DieboldMariano(float(statistic), float(2 * stats.t.sf(abs(statistic), n - 1)))
