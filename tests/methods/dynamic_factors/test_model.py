"""Dynamic factor model: facts, limits, agreement with statsmodels, the traps of a panel of returns, bad input."""

import warnings

import numpy as np
import pandas as pd
import pytest
from paperlab.datasets import loaders
from paperlab.errors import PaperlabError
from paperlab.methods.dynamic_factors import model as dynamic_factor
from paperlab.methods.dynamic_factors import nowcast
from paperlab.methods.dynamic_factors import returns as stocks
from paperlab.methods.dynamic_factors import simulate as stocks_dgp
from paperlab.methods.foundations import resampling
from scipy import stats


def simulate(rng, n=12, T=240, ar=(0.6,), noise_ar=0.0, gaps=0.02):
    """One factor, independent noise, a few gaps; returns panel and factor."""
    f = np.zeros(T)
    for t in range(T):
        f[t] = sum(a * f[t - j - 1] for j, a in enumerate(ar) if t > j) + rng.standard_normal()
    noise = rng.standard_normal((n, T))
    for t in range(1, T):
        noise[:, t] += noise_ar * noise[:, t - 1]
    y = rng.uniform(0.5, 1.5, n)[:, None] * f + rng.uniform(0.5, 1.5, n)[:, None] * noise
    y[rng.random(y.shape) < gaps] = np.nan
    return y, f


@pytest.fixture(scope="module")
def panel():
    return simulate(np.random.default_rng(7))


def test_loglikelihood_is_that_of_the_joint_normal_distribution():
    rng = np.random.default_rng(1)
    y, _ = simulate(rng, n=10, T=25)
    parameters = dynamic_factor.Parameters(
        rng.standard_normal((10, 2)),
        np.array([[0.5, 0.1, 0.2, 0.0], [0.0, 0.3, -0.1, 0.1]]),
        np.array([[1.0, 0.3], [0.3, 0.5]]),
        rng.uniform(0.5, 2, 10),
        np.zeros(10),
    )
    transition, shock = dynamic_factor._companion(parameters, 2)
    state = dynamic_factor.solve_discrete_lyapunov(transition, shock)
    cov = np.empty((25, 10, 25, 10))
    for s in range(25):
        ahead = state
        for t in range(s, 25):
            block = parameters.loadings @ ahead[:2, :2] @ parameters.loadings.T
            cov[t, :, s] = block + (t == s) * np.diag(parameters.noise_var)
            cov[s, :, t] = cov[t, :, s].T
            ahead = transition @ ahead
    seen = np.isfinite(y.T).ravel()
    expected = stats.multivariate_normal(cov=cov.reshape(250, 250)[np.ix_(seen, seen)]).logpdf(y.T.ravel()[seen])
    assert dynamic_factor.smooth(y, parameters).loglike == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("k, p", [(1, 3), (2, 2)])
def test_em_agrees_with_statsmodels_at_every_step(panel, k, p):
    mq = pytest.importorskip("statsmodels.tsa.statespace.dynamic_factor_mq")
    y, _ = panel
    ours = dynamic_factor.fit(y, k, p, n_iter=8)
    start = dynamic_factor.start_parameters(dynamic_factor.standardise(y)[0], k, p)
    root = np.linalg.cholesky(start.shock_cov)[np.tril_indices(k)]
    vector = np.concatenate([start.loadings.ravel(), start.transition.ravel(), root, start.noise_var])
    model = mq.DynamicFactorMQ(
        pd.DataFrame(y.T), factors=1, factor_multiplicities=k, factor_orders=p, idiosyncratic_ar1=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = model.fit(vector, maxiter=8, tolerance=0, disp=False)
        stationary = model.smooth(peer.params)  # the peer's own result keeps the initial state of its last step
    np.testing.assert_allclose(ours.path, peer.mle_retvals.llf[:8], rtol=1e-10)
    assert ours.loglike == pytest.approx(stationary.llf, rel=1e-10)
    for j in range(k):
        assert abs(np.corrcoef(ours.smoothed[:, j], np.asarray(stationary.factors.smoothed)[:, j])[0, 1]) > 0.9999


@pytest.mark.parametrize("noise_ar", [False, True])
def test_em_never_lowers_the_likelihood_and_finds_the_parameters(noise_ar):
    y, f = simulate(np.random.default_rng(3), n=15, T=600, ar=(0.7,), noise_ar=0.5 * noise_ar)
    result = dynamic_factor.fit(y, 1, 1, noise_ar=noise_ar, n_iter=40)
    assert np.diff(result.path)[2:].min() > -1e-6
    assert result.parameters.transition[0, 0] == pytest.approx(0.7, abs=0.08)
    assert result.parameters.noise_ar.mean() == pytest.approx(0.5 * noise_ar, abs=0.06)
    assert np.corrcoef(result.smoothed[:, 0], f)[0, 1] > 0.95


def test_bic_calls_for_memory_in_the_noise_only_where_there_is_some():
    for memory in (0.0, 0.4):
        y, _ = simulate(np.random.default_rng(5), T=400, noise_ar=memory)
        with_memory, without = (dynamic_factor.fit(y, 1, 1, noise_ar=m, n_iter=15) for m in (True, False))
        assert (dynamic_factor.bic(with_memory, y) < dynamic_factor.bic(without, y)) == (memory > 0)


def test_loadings_scale_with_the_units_of_a_stock_and_factors_do_not(panel):
    y, _ = panel
    a, b = dynamic_factor.fit(y, n_iter=5), dynamic_factor.fit(y * np.r_[100.0, np.ones(11)][:, None] + 3, n_iter=5)
    np.testing.assert_allclose(a.smoothed, b.smoothed, atol=1e-10)
    np.testing.assert_allclose(b.data_loadings[0], 100 * a.data_loadings[0])


def test_smoothed_factors_use_the_future_and_filtered_ones_do_not(panel):
    y, _ = panel
    fitted = dynamic_factor.fit(y, 1, 2, n_iter=5)
    z = dynamic_factor.standardise(y)[0]
    changed = z.copy()
    changed[:, 150:] += 5
    a, b = (dynamic_factor.smooth(x, fitted.parameters) for x in (z, changed))
    np.testing.assert_allclose(a.filtered[:150], b.filtered[:150], atol=1e-12)
    assert np.abs(a.smoothed[149] - b.smoothed[149]).max() > 0.01


def test_a_gap_is_not_a_zero_return():
    y, f = simulate(np.random.default_rng(9), gaps=0.4)
    kept = dynamic_factor.fit(y, n_iter=20).smoothed[:, 0]
    filled = dynamic_factor.fit(np.where(np.isnan(y), 0.0, y), n_iter=20).smoothed[:, 0]
    assert np.corrcoef(kept, f)[0, 1] > np.corrcoef(filled, f)[0, 1]


def test_weights_of_one_change_nothing_and_a_tiny_weight_is_a_gap(panel):
    y, _ = panel
    full = np.where(np.isnan(y), 1.0, y)
    parameters = dynamic_factor.start_parameters(dynamic_factor.standardise(full)[0], 1, 1)
    plain = dynamic_factor.smooth(full, parameters)
    assert dynamic_factor.smooth(full, parameters, weights=np.ones_like(full)).loglike == pytest.approx(plain.loglike)
    tiny = np.where(np.isnan(y), 1e-12, 1.0)
    np.testing.assert_allclose(
        dynamic_factor.smooth(full, parameters, weights=tiny).smoothed,
        dynamic_factor.smooth(y, parameters).smoothed,
        atol=1e-8,
    )


@pytest.mark.parametrize(
    "change, words",
    [
        ({"k": 3}, r"k must be between 1 and n_units / 5 = 2.4, got 3"),
        ({"p": 0}, "p must be between 1 and 24"),
        ({"n_iter": 0}, "n_iter must be at least 1"),
        ({"weights": np.zeros((12, 240))}, "weights must be positive"),
    ],
)
def test_fit_refuses(panel, change, words):
    with pytest.raises(ValueError, match=words):
        dynamic_factor.fit(panel[0], **change)


def test_fit_refuses_empty_and_constant_units(panel):
    for value, words in ((np.nan, "unit 4 has 0 observations"), (2.0, "unit 4 is constant")):
        y = panel[0].copy()
        y[4] = value
        with pytest.raises(ValueError, match=words):
            dynamic_factor.fit(y)


def test_universe_fills_nothing_keeps_the_calendar_and_drops_thin_stocks():
    days = pd.DatetimeIndex(["2019-12-27", "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-12-29"])
    table = pd.DataFrame(
        {"A": [1, 2, np.nan, 3, 3, 6], "B": [2, 1, 2, 1, 2, 1], "C": [0, 0, 1, 2, 1, 2], "PSEi": [1, 2, 3, 4, 5, 6.0]},
        days,
    )
    found, market = stocks.universe(table, "2020-01-01", "2020-12-31", min_observed=0.6, min_stocks=2)
    assert list(found.index) == list(days[1:]) and len(market) == 5
    assert found["A"].isna().tolist() == [False, True, True, False, False]
    assert found["A"].iloc[0] == 100.0 and list(found.columns) == ["A", "B", "C"]
    assert list(stocks.universe(table, "2020-01-01", "2020-12-31", min_stocks=1)[0].columns) == ["B"]
    with pytest.raises(ValueError, match="leaves 1 stocks between 2020-01-01 and 2020-12-31, needs 10; lower it"):
        stocks.universe(table, "2020-01-01", "2020-12-31")
    with pytest.raises(ValueError, match="start and end must lie in 2019 to 2020"):
        stocks.universe(table, "2008-01-01", "2020-12-31")
    with pytest.raises(ValueError, match="index must be a column of prices"):
        stocks.universe(table, "2020-01-01", "2020-12-31", index="PSE")


def test_ic2_counts_factors():
    rng = np.random.default_rng(2)
    for k in (0, 1, 3):
        z = rng.standard_normal((60, k)) @ rng.standard_normal((k, 300)) + rng.standard_normal((60, 300))
        criterion, shares = stocks.bai_ng(z, 5)
        assert criterion.argmin() == k and np.all(np.diff(shares) <= 0)
    with pytest.raises(ValueError, match="k_max must be between 1 and 59"):
        stocks.bai_ng(z, 60)


def test_beta_is_the_least_squares_slope_on_observed_days():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)
    y = np.outer([0.5, 2.0], x) + rng.standard_normal((2, 50))
    y[1, :7] = np.nan
    assert stocks.market_beta(y, x)[1] == pytest.approx(np.polyfit(x[7:], y[1, 7:], 1)[0])


def test_best_direction_is_the_maximum_of_the_rotation_curve_and_beats_no_placebo_by_chance():
    rng = np.random.default_rng(4)
    factors, market = rng.standard_normal((800, 2)), rng.standard_normal(800)
    volatility = stocks.rolling_sd(market, 20)
    assert volatility[5] == pytest.approx(market[5:25].std())
    best, placebos = stocks.volatility_search(factors, volatility, rng=rng, n_placebos=100)
    curve = stocks.rotation_curve(stocks.rolling_mean(factors, 20), volatility, np.linspace(0, np.pi, 2001))
    assert curve.max() == pytest.approx(best, abs=1e-5)
    factors[19:, 1] += volatility * 10
    best, placebos = stocks.volatility_search(factors, volatility, rng=rng, n_placebos=100)
    assert best > np.quantile(placebos, 0.95)
    with pytest.raises(ValueError, match="window must be between 2"):
        stocks.volatility_search(factors, volatility, window=400)
    with pytest.raises(ValueError, match="volatility must have 781 values"):
        stocks.volatility_search(factors, market)


def test_blocks_of_one_day_give_the_textbook_interval():
    rng = np.random.default_rng(8)
    a = rng.standard_normal(2000)
    draws = resampling.block_bootstrap_correlation(
        a, a + rng.standard_normal(2000), block_length=1, n_draws=300, rng=rng
    )
    assert draws.mean() == pytest.approx(np.sqrt(0.5), abs=0.02)
    assert draws.std() == pytest.approx(0.5 / np.sqrt(2000), rel=0.2)


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


def test_equal_forecasts_are_seldom_called_different():
    rng = np.random.default_rng(10)
    p = [nowcast.diebold_mariano(*rng.standard_normal((2, 36)))[1] for _ in range(400)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)
    with pytest.raises(ValueError, match="must differ"):
        nowcast.diebold_mariano(np.ones(5), np.ones(5))


def test_vintages_do_not_change_when_the_future_does():
    days = pd.bdate_range("2018-01-01", "2019-12-31")
    prices = stocks_dgp.draw_market(np.random.default_rng(0), n_stocks=40, days=days).prices
    quarters = pd.period_range("2018Q1", "2019Q4", freq="Q")
    other = prices.copy()
    other.loc["2019-10-01":] *= 2
    for kind in ("filtered", "pc"):
        a, b = (nowcast.factor_vintages(t, quarters, 6, n_iter=3, min_observed=0.9, kind=kind) for t in (prices, other))
        np.testing.assert_array_equal(a[0], b[0])
        assert not np.allclose(a[1], b[1]) and a[1].shape == (8, 2)
    with pytest.raises(ValueError, match="smoothed factors would use the future"):
        nowcast.factor_vintages(prices, quarters, 6, kind="smoothed")


def test_made_up_growth_without_link_ignores_the_market():
    quarters = pd.period_range("2010Q1", "2022Q4", freq="Q")
    market = np.random.default_rng(0).standard_normal(52)
    draws = [stocks_dgp.draw_growth(m, quarters, np.random.default_rng(1), link=0.0) for m in (market, -market)]
    np.testing.assert_array_equal(*draws)
    assert draws[0][0, quarters.get_loc(pd.Period("2020Q2"))] < -10
    with pytest.raises(ValueError, match="n_stocks must be at least 40"):
        stocks_dgp.draw_market(np.random.default_rng(0), n_stocks=10)


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
