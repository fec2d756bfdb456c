"""Stock returns: universe, components, number of factors, betas, the search for volatility; loaders of their files."""

import numpy as np
import pandas as pd
import pytest
from paperlab.datasets import loaders
from paperlab.errors import PaperlabError
from paperlab.methods.dynamic_factors import returns


def test_universe_fills_nothing_keeps_the_calendar_and_drops_thin_stocks():
    days = pd.DatetimeIndex(["2019-12-27", "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-12-29"])
    table = pd.DataFrame(
        {"A": [1, 2, np.nan, 3, 3, 6], "B": [2, 1, 2, 1, 2, 1], "C": [0, 0, 1, 2, 1, 2], "PSEi": [1, 2, 3, 4, 5, 6.0]},
        days,
    )
    sample = returns.universe(table, "2020-01-01", "2020-12-31", min_observed=0.6, min_stocks=2)
    found = sample.stocks
    assert list(found.index) == list(days[1:]) and sample.index.tolist() == pytest.approx([100, 50, 100 / 3, 25, 20])
    assert found["A"].isna().tolist() == [False, True, True, False, False]
    assert found["A"].iloc[0] == 100.0 and list(found.columns) == ["A", "B", "C"]
    assert list(returns.universe(table, "2020-01-01", "2020-12-31", min_stocks=1).stocks.columns) == ["B"]
    with pytest.raises(ValueError, match="leaves 1 stocks between 2020-01-01 and 2020-12-31, needs 10; lower it"):
        returns.universe(table, "2020-01-01", "2020-12-31")
    with pytest.raises(ValueError, match="start and end must lie in 2019 to 2020"):
        returns.universe(table, "2008-01-01", "2020-12-31")
    with pytest.raises(ValueError, match="index must be a column of prices"):
        returns.universe(table, "2020-01-01", "2020-12-31", index="PSE")
    for value, words in ((-1.0, "got -1.0 for B on 2020-01-02"), (np.inf, "got inf for B on 2020-01-02")):
        wrong = table.astype(float)
        wrong.loc["2020-01-02", "B"] = value
        with pytest.raises(ValueError, match=words):
            returns.universe(wrong, "2020-01-01", "2020-12-31")
    with pytest.raises(ValueError, match="one row per day"):
        returns.universe(table.iloc[::-1], "2020-01-01", "2020-12-31")
    with pytest.raises(ValueError, match="min_observed must be above 0"):
        returns.universe(table, "2020-01-01", "2020-12-31", min_observed=0.0)


def test_components_have_positive_loadings_on_the_whole_and_gaps_are_zeros():
    rng = np.random.default_rng(2)
    z = np.outer(-np.ones(8), rng.standard_normal(50)) + 0.1 * rng.standard_normal((8, 50))
    z[2, 7] = np.nan
    filled = np.where(np.isnan(z), 0.0, z)
    pc = returns.pc_factors(z, 2)
    assert (pc.loadings.sum(axis=0) > 0).all()
    u, s, vt = np.linalg.svd(filled, full_matrices=False)
    assert pc.common == pytest.approx((u[:, :2] * s[:2]) @ vt[:2])
    with pytest.raises(ValueError, match="z is inf in row 1"):
        returns.pc_factors(np.where(np.arange(400).reshape(8, 50) == 60, np.inf, filled), 1)


def test_ic2_counts_factors_in_any_unit():
    rng = np.random.default_rng(2)
    for k in (0, 1, 3):
        z = rng.standard_normal((60, k)) @ rng.standard_normal((k, 300)) + rng.standard_normal((60, 300))
        found = returns.bai_ng(z, 5)
        assert found.n_factors == k == returns.bai_ng(1e-9 * z, 5).n_factors == returns.bai_ng(z.T, 5).n_factors
        assert np.all(np.diff(found.shares) <= 0) and found.shares.sum() < 1
    with pytest.raises(ValueError, match="max_factors must be between 1 and 59"):
        returns.bai_ng(z, 60)
    with pytest.raises(ValueError, match="max_factors must be below the rank"):
        returns.bai_ng(np.outer(np.arange(1.0, 7), np.sin(np.arange(30))), 2)


def test_ic2_is_the_log_of_the_residual_variance_and_a_penalty():
    z = np.random.default_rng(0).standard_normal((6, 20))
    left = z - returns.pc_factors(z, 2).common
    expected = np.log(np.mean(left**2)) + 2 * (6 + 20) / (6 * 20) * np.log(6)
    assert returns.bai_ng(z, 3).criterion[2] == pytest.approx(expected)


def test_beta_is_the_least_squares_slope_on_observed_days():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)
    y = np.outer([0.5, 2.0], x) + rng.standard_normal((2, 50))
    y[1, :7] = np.nan
    assert returns.market_beta(y, x)[1] == pytest.approx(np.polyfit(x[7:], y[1, 7:], 1)[0])
    assert returns.market_beta(1e-9 * y, 1e5 * x) == pytest.approx(1e-14 * returns.market_beta(y, x))


def test_a_beta_without_variation_of_the_market_is_refused():
    y, x = np.random.default_rng(0).standard_normal((3, 20)), np.random.default_rng(1).standard_normal(20)
    thin = y.copy()
    thin[1, 1:] = np.nan
    hole = np.where(np.arange(20) == 4, np.nan, x)
    for arguments, words in (
        ((thin, x), "unit 1 has 1 days, on which the market does not vary"),
        ((y, np.ones(20)), "unit 0 has 20 days"),
        ((y, hole), "market is nan in row 4"),
        ((y, x[:9]), "market must have one return per period"),
    ):
        with pytest.raises(ValueError, match=words):
            returns.market_beta(*arguments)


def test_rolling_moments_are_those_of_each_window():
    x = np.random.default_rng(4).standard_normal((60, 2)) + 5
    means, sds = returns.rolling_mean(x, 20), returns.rolling_sd(x[:, 0], 20)
    assert means.shape == (41, 2) and sds.shape == (41,)
    assert means[7] == pytest.approx(x[7:27].mean(axis=0))
    assert sds[7] == pytest.approx(x[7:27, 0].std())
    assert returns.rolling_sd(1e-9 * x[:, 0], 20) == pytest.approx(1e-9 * sds, rel=1e-6)
    with pytest.raises(ValueError, match="window must be between 1 and the 60 values"):
        returns.rolling_mean(x, 61)
    with pytest.raises(ValueError, match="x is nan in row 0"):
        returns.rolling_sd(np.full(9, np.nan), 2)


def test_best_direction_is_the_maximum_of_the_rotation_curve_and_beats_no_placebo_by_chance():
    rng = np.random.default_rng(4)
    factors, market = rng.standard_normal((800, 2)), rng.standard_normal(800)
    volatility = returns.rolling_sd(market, 20)
    search = returns.volatility_search(factors, volatility, rng=rng, n_placebos=100)
    angles = np.linspace(0, np.pi, 2001)
    curve = returns.rotation_curve(returns.rolling_mean(factors, 20), volatility, angles)
    assert curve.max() == pytest.approx(search.best, abs=1e-5)
    first = returns.rolling_mean(factors, 20)[:, 0]
    assert curve[0] == pytest.approx(abs(np.corrcoef(first, volatility)[0, 1]))
    assert search.best < search.placebos.max()
    factors[19:, 1] += volatility * 10
    search = returns.volatility_search(factors, volatility, rng=rng, n_placebos=100)
    assert search.best > np.quantile(search.placebos, 0.95)


def test_the_search_does_not_depend_on_units_and_turns_of_the_plane():
    rng = np.random.default_rng(4)
    factors, volatility = rng.standard_normal((300, 2)), returns.rolling_sd(rng.standard_normal(300), 20)
    turned = factors @ np.array([[0.6, -0.8], [0.8, 0.6]])
    best = [
        returns.volatility_search(f, v, rng=np.random.default_rng(0), n_placebos=1).best
        for f, v in ((factors, volatility), (1e-9 * turned, 1e5 * volatility))
    ]
    assert best[0] == pytest.approx(best[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window": 400}, "window must be between 2"),
        ({"volatility": np.ones(100)}, "volatility must have 281 values"),
        ({"volatility": np.ones(281)}, "target is constant"),
        ({"volatility": np.full(281, np.nan)}, "target is nan in row 0"),
        ({"factors": np.ones((300, 3))}, "factors must have two columns"),
        ({"factors": np.outer(np.sin(np.arange(300)), [1.0, 2.0])}, "column 1 is a linear combination of column 0"),
        ({"n_placebos": 0}, "n_placebos must be at least 1"),
    ],
)
def test_searches_that_mean_nothing_are_refused(change, words):
    rng = np.random.default_rng(4)
    arguments = {"factors": rng.standard_normal((300, 2)), "volatility": rng.standard_normal(281)} | change
    with pytest.raises(ValueError, match=words):
        returns.volatility_search(**arguments, rng=rng)


def test_loaders_read_prices_betas_and_growth(tmp_path):
    texts = {
        "PSE.csv": "dt,A,B,PSEi\n2020-01-02,1,,7000\n2020-01-03,2,3,7100\n",
        "PSE_Barrons.csv": "Stock Symbol,Beta,Volume\nA,0.5,1K\nB,,2K\nA,0.6,1K\n",
        "SampleVAR.csv": "\ufeffdate,real_gdp_growth,psei,bsp_rrp,unem\n3/31/99,0.5,2028.21,11.875,9.1\n",
    }
    files = {}
    for name, text in texts.items():
        files[name] = tmp_path / name
        files[name].write_text(text, encoding="utf-8")
    found = loaders.load("pse_prices", files)
    assert found["prices"].shape == (2, 3) and found["betas"].to_dict() == {"A": 0.5}
    macro = loaders.load("ph_macro", files)
    assert macro.loc[pd.Period("1999Q1"), "growth"] == 0.5
    files["PSE.csv"].write_text("dt,A,B\n2020-01-02,1,2\n")
    with pytest.raises(PaperlabError, match="PSEi in its last column"):
        loaders.load("pse_prices", files)
    files["SampleVAR.csv"].write_text("date,psei\n3/31/99,1\n")
    with pytest.raises(PaperlabError, match="real_gdp_growth"):
        loaders.load("ph_macro", files)
