"""Nowcasts: regressions on the past only, vintages, and the test of two forecasts."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.dynamic_factors import nowcast, simulate
from scipy import stats


def test_forecasts_are_regressions_on_the_past_and_ignore_the_future():
    rng = np.random.default_rng(6)
    y, x = rng.standard_normal(30), rng.standard_normal((30, 2))
    features = [x[: q + 1] for q in range(12, 30)]
    found = nowcast.expanding_forecasts(y, features, 12, [0, 1], [0, 1])
    design = np.column_stack([np.ones(19), x[1:20, 0], x[:19, 1], y[:19]])
    slope = np.linalg.lstsq(design, y[1:20], rcond=None)[0]
    assert found[8] == pytest.approx(np.r_[1, x[20, 0], x[19, 1], y[19]] @ slope)
    later = y.copy()
    later[20:] += 9
    np.testing.assert_array_equal(nowcast.expanding_forecasts(later, features, 12, [0, 1], [0, 1])[:9], found[:9])
    np.testing.assert_allclose(
        nowcast.expanding_forecasts(np.stack([y, later]), features, 12, [0, 1], [0, 1])[0], found
    )
    with pytest.raises(ValueError, match="features must hold 18 vintages"):
        nowcast.expanding_forecasts(y, features[1:], 12, [0], [0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": np.where(np.arange(30) == 6, np.nan, 1.0)}, "y is nan in row 6"),
        ({"features": [np.full((q + 1, 2), np.nan) for q in range(12, 30)]}, "features of quarter 12 is nan in row 0"),
        ({"features": [np.ones((q, 2)) for q in range(12, 30)]}, "features of quarter 12 must have 13 rows"),
        ({"columns": [2], "lags": [0]}, r"the columns \[2\]"),
        ({"columns": [0, 0], "lags": [0, 0]}, "regressors of quarter 12: feature 0 at lag 0 is a linear combination"),
        ({"lags": [2]}, "lags must be 0 or 1"),
        ({"lags": [0, 1]}, "lags must be 0 or 1 for each of the 1 columns"),
        ({"first": 4}, "first must lie above 4"),
    ],
)
def test_regressions_that_cannot_be_run_are_refused(change, words):
    rng = np.random.default_rng(6)
    x = rng.standard_normal((30, 2))
    arguments = {"y": rng.standard_normal(30), "features": [x[: q + 1] for q in range(12, 30)], "first": 12}
    arguments |= {"columns": [0], "lags": [0]} | change
    with pytest.raises(ValueError, match=words):
        nowcast.expanding_forecasts(**arguments)


def test_features_are_the_means_and_mean_sizes_of_each_quarter():
    days, quarters = pd.bdate_range("2020-01-01", "2020-06-30"), pd.period_range("2020Q1", "2020Q2", freq="Q")
    x = np.random.default_rng(0).standard_normal((len(days), 2))
    spring = days.quarter == 2
    found = nowcast.daily_features(x, days, quarters)
    assert found[1] == pytest.approx(np.r_[x[spring].mean(axis=0), np.abs(x[spring]).mean(axis=0)])
    with pytest.raises(ValueError, match="2020Q3 has no daily observation"):
        nowcast.daily_features(x, days, pd.period_range("2020Q1", "2020Q3", freq="Q"))
    x[5, 1] = np.nan
    with pytest.raises(ValueError, match="series is nan in row 5"):
        nowcast.daily_features(x, days, quarters)


def test_equal_forecasts_are_called_different_as_often_as_a_test_of_its_size_does():
    rng = np.random.default_rng(10)
    hits = sum(nowcast.diebold_mariano(*rng.standard_normal((2, 36))).p_value < 0.05 for _ in range(400))
    low, high = stats.binom.ppf([0.001, 0.999], 400, 0.05)
    assert low <= hits <= high


def test_the_statistic_is_a_t_test_of_the_squared_errors():
    """With one step ahead Harvey, Leybourne and Newbold's correction gives Student's t of the differences."""
    a, b = np.random.default_rng(1).standard_normal((2, 20))
    found = nowcast.diebold_mariano(a, b)
    expected = stats.ttest_1samp(a**2 - b**2, 0)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.statistic == pytest.approx(-nowcast.diebold_mariano(b, a).statistic)
    assert nowcast.diebold_mariano(1e-9 * a, 1e-9 * b).statistic == pytest.approx(found.statistic)


@pytest.mark.parametrize(
    ("errors", "others", "words"),
    [
        (np.ones(5), np.ones(5), "must differ"),
        (np.ones(5), np.ones(4), "as long as each other"),
        (np.ones(2), np.zeros(2), "at least 3 values"),
        ([1.0, np.nan, 2.0], np.zeros(3), "errors is nan in row 1"),
    ],
)
def test_errors_that_cannot_be_compared_are_refused(errors, others, words):
    with pytest.raises(ValueError, match=words):
        nowcast.diebold_mariano(errors, others)


def test_vintages_do_not_change_when_the_future_does():
    days = pd.bdate_range("2018-01-01", "2019-12-31")
    prices = simulate.draw_market(rng=np.random.default_rng(0), n_stocks=40, days=days).prices
    quarters = pd.period_range("2018Q1", "2019Q4", freq="Q")
    other = prices.copy()
    other.loc["2019-10-01":] *= 2
    for kind in ("filtered", "pc"):
        a, b = (
            nowcast.factor_vintages(t, quarters, 6, max_iter=3, min_observed=0.9, kind=kind) for t in (prices, other)
        )
        np.testing.assert_array_equal(a[0], b[0])
        assert not np.allclose(a[1], b[1]) and a[1].shape == (8, 2)
    with pytest.raises(ValueError, match="smoothed factors would use the future"):
        nowcast.factor_vintages(prices, quarters, 6, kind="smoothed")
