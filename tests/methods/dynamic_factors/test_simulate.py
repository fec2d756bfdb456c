"""The made-up market and economy: their equations, and the worlds in which nothing is to be found."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.dynamic_factors import simulate

QUARTERS = pd.period_range("2010Q1", "2022Q4", freq="Q")
DAYS = pd.bdate_range("2015-01-01", "2018-12-31")


def growth(market, **options):
    return simulate.draw_growth(market, QUARTERS, rng=np.random.default_rng(1), **options)


def test_growth_without_link_ignores_the_market():
    market = np.random.default_rng(0).standard_normal(52)
    np.testing.assert_array_equal(growth(market, link=0.0), growth(-market, link=0.0))
    assert growth(market, link=0.0)[0, QUARTERS.get_loc(pd.Period("2020Q2"))] < -10


def test_the_market_enters_growth_in_standard_deviations_and_fades_by_half():
    market = 1e-9 * np.random.default_rng(0).standard_normal(52)
    effect = growth(market, link=2.0)[0] - growth(market, link=0.0)[0]
    pull = 2 * (market - market.mean()) / market.std()
    assert effect[1:] - 0.5 * effect[:-1] == pytest.approx(pull[1:])


def test_the_crisis_adds_its_shocks_and_nothing_before():
    market = np.random.default_rng(0).standard_normal(52)
    effect = (growth(market) - growth(market, crisis=False))[0]
    start = QUARTERS.get_loc(pd.Period("2020Q2"))
    assert not effect[:start].any()
    assert effect[start : start + 2] == pytest.approx([-21.0, -6.0 - 21.0 / 2])


def test_paths_share_the_market_and_not_the_noise():
    market = np.random.default_rng(0).standard_normal(52)
    paths = growth(market, n_paths=400, crisis=False, link=0.0)
    assert paths.shape == (400, 52)
    assert paths[:, 20:].mean() == pytest.approx(6.3, abs=0.02)
    assert paths[:, 20:].var() == pytest.approx(0.25 / (1 - 0.25), rel=0.05)


@pytest.fixture(scope="module")
def market():
    return simulate.draw_market(rng=np.random.default_rng(3), days=DAYS)


def test_the_market_has_the_form_of_a_price_file(market):
    assert market.prices.shape == (len(DAYS), 101) and market.prices.columns[-1] == "PSEi"
    assert market.betas.index.tolist() == market.prices.columns[:-1].tolist()
    assert market.prices.min().min() > 0
    zero = market.prices.pct_change(fill_method=None).eq(0).mean()
    assert zero[:28].mean() == pytest.approx(0.03, abs=0.01)
    assert zero[28:-1].mean() > 2 * zero[:28].mean()
    late = market.prices.iloc[0].isna()
    assert late[28:].sum() >= 25 and late[:28].sum() <= 1


def test_the_index_follows_the_factor_and_large_stocks_more_than_small_ones(market):
    returns = 100 * market.prices.pct_change(fill_method=None)
    assert np.corrcoef(returns["PSEi"][1:], market.factor[1:])[0, 1] > 0.85
    slope = returns.corrwith(market.factor)
    assert slope.iloc[:28].mean() > slope.iloc[28:100].mean() > 0


def test_without_style_large_and_small_stocks_share_one_factor_only():
    """With style 1 a large and a small stock stand against each other once the market is taken out."""

    def contrast(style):
        drawn = simulate.draw_market(rng=np.random.default_rng(3), days=DAYS, style=style)
        moves = 100 * np.log(drawn.prices.iloc[:, :-1]).diff().iloc[1:]
        factor = drawn.factor.to_numpy()[1:]
        left = moves.apply(lambda r: r - np.polyval(np.polyfit(factor[r.notna()], r.dropna(), 1), factor))
        return np.corrcoef(left.iloc[:, :28].mean(axis=1), left.iloc[:, 28:].mean(axis=1))[0, 1]

    assert contrast(1.0) < -0.4 < -0.15 < contrast(0.0)


def test_a_part_of_the_second_factor_can_be_the_volatility():
    plain, loud = (
        simulate.draw_market(rng=np.random.default_rng(3), days=DAYS, volatility_level=v) for v in (0.0, 5.0)
    )
    assert loud.volatility.equals(plain.volatility) and loud.factor.equals(plain.factor)
    tilt = [m.prices.iloc[:, :28].mean(axis=1).pct_change().corr(m.volatility) for m in (plain, loud)]
    assert tilt[1] > tilt[0] + 0.2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda rng: simulate.draw_market(rng=rng, n_stocks=10), "n_stocks must be at least 40"),
        (lambda rng: simulate.draw_market(rng=rng, style=-1.0), "style and volatility_level must not be negative"),
        (lambda rng: simulate.draw_market(rng=rng, days=DAYS[:3]), "days must hold at least 10"),
        (lambda rng: simulate.draw_growth(np.ones(52), QUARTERS, rng=rng), "market_mean must vary"),
        (lambda rng: simulate.draw_growth(np.arange(5.0), QUARTERS, rng=rng), "one value per quarter, 52"),
        (lambda rng: simulate.draw_growth(np.full(52, np.nan), QUARTERS, rng=rng), "market_mean is nan in row 0"),
        (lambda rng: simulate.draw_growth(np.arange(52.0), QUARTERS, rng=rng, n_paths=0), "n_paths must be at least"),
        (lambda rng: simulate.draw_growth(np.arange(52.0), QUARTERS, rng=rng, link=np.nan), "link is nan"),
    ],
)
def test_worlds_that_cannot_be_drawn_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.random.default_rng(0))
