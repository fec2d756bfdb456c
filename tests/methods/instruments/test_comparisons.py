"""Estimators on the same samples, and what bias, spread and coverage are, by hand."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.foundations import linear
from paperlab.methods.instruments import comparisons, multiply_robust, simulate
from paperlab.methods.instruments.comparisons import MultiplyRobust, Replications, error_range, performance
from paperlab.methods.instruments.nuisances import basis, fit_nuisances
from paperlab.methods.instruments.simulate import Design


@pytest.fixture(scope="module")
def stack():
    return simulate.draw(2000, rng=np.random.default_rng(0), n_replications=3)


def test_ols_and_tsls_are_those_of_the_textbook(stack):
    b, a, z = basis(stack.x, "linear"), stack.treatment[..., None], stack.instrument[..., None]
    expected = linear.two_stage_least_squares(stack.y, a, b, z).coef[:, 0]
    assert comparisons.tsls(stack).value == pytest.approx(expected, abs=1e-8)
    expected = linear.ols(stack.y, np.concatenate([a, z, b], -1)).coef[:, 0]
    assert comparisons.ols(stack).value == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("step", ["two-step", "g-estimation"])
def test_shared_fits_give_the_same_as_fits_of_ones_own(stack, step):
    shared = {}
    for wrong in ((), ("pi",), ("p", "pi"), ("p", "r"), ("m", "b", "r")):
        found = MultiplyRobust(wrong, step)(stack, shared)
        fits = fit_nuisances(stack, dict.fromkeys(wrong, "wrong"), step)
        alone = multiply_robust.estimate(stack, fits)
        assert found.value == pytest.approx(alone.value, abs=1e-12)
        assert found.se == pytest.approx(alone.se, abs=1e-12)
        assert found.truncated == pytest.approx(alone.truncated / 2000)
        assert found.plug_in == pytest.approx(fits.beta.mean(-1))
        assert found.weighting == pytest.approx(multiply_robust.weighting(stack, fits), abs=1e-12)


def test_unknown_models_are_told():
    with pytest.raises(ValueError, match="wrong must name some of pi, p, m, b, r, got 'beta'"):
        MultiplyRobust(("beta",))


def test_monte_carlo_shares_samples_between_estimators_and_joins_the_chunks():
    def mean(s, shared):
        shared["mean"] = s.y.mean(-1)
        return Replications(shared["mean"])

    def twice(s, shared):
        return Replications(2 * shared["mean"], se=np.ones(len(s.y)))

    found = comparisons.monte_carlo(
        50, 7, {"mean": mean, "twice": twice}, Design(), rng=np.random.default_rng(4), chunk=3
    )
    assert found["mean"].value.shape == (7,) and found["mean"].se is None
    assert found["twice"].value == pytest.approx(2 * found["mean"].value)
    assert found["twice"].se.tolist() == [1.0] * 7
    rng = np.random.default_rng(4)
    again = [simulate.draw(50, rng=rng, n_replications=size).y.mean(-1) for size in (3, 3, 1)]
    assert found["mean"].value == pytest.approx(np.concatenate(again))
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        comparisons.monte_carlo(0, 7, {"mean": mean}, Design(), rng=rng)


def test_a_design_reaches_the_samples_of_a_monte_carlo():
    """OLS holds the instrument fixed, so no direct effect moves it; 2SLS errs by the direct effect over the gap."""
    estimators = {"OLS": comparisons.ols, "2SLS": comparisons.tsls}
    base, moved = (
        comparisons.monte_carlo(4000, 20, estimators, Design(direct=direct), rng=np.random.default_rng(5))
        for direct in (0.0, 1.5)
    )
    assert moved["OLS"].value.mean() == pytest.approx(base["OLS"].value.mean(), abs=0.05)
    assert moved["2SLS"].value.mean() - base["2SLS"].value.mean() == pytest.approx(1.5 / 0.3, rel=0.03)


def test_performance_by_hand():
    found = Replications(
        np.array([1.5, 0.5, 2.5, np.nan]), np.array([0.3, 0.3, 0.3, np.nan]), np.array([0.0, 0.1, 0.2, 0.9])
    )
    result = performance(found, truth=1.0)
    assert result.bias == pytest.approx(0.5) and result.sd == pytest.approx(1.0)
    assert result.bias_se == pytest.approx(1 / np.sqrt(3))
    assert result.rmse == pytest.approx(np.sqrt((0.25 + 0.25 + 2.25) / 3))
    assert result.coverage == pytest.approx(2 / 3) and result.mean_se == pytest.approx(0.3)
    assert result.truncated == pytest.approx(0.1) and result.refused == pytest.approx(0.25)


def test_normal_estimates_have_the_coverage_of_their_intervals():
    rng = np.random.default_rng(6)
    value = 1 + 0.2 * rng.standard_normal(20_000)
    result = performance(Replications(value, np.full(20_000, 0.2)), truth=1.0)
    assert result.coverage == pytest.approx(0.95, abs=0.005)
    assert result.rmse == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize("scale", [-3.0, 1e-9, 1e6])
def test_performance_follows_the_units(scale):
    rng = np.random.default_rng(7)
    value, se = 1 + rng.standard_normal(50), rng.uniform(0.5, 1.5, 50)
    base = performance(Replications(value, se), truth=1.0)
    other = performance(Replications(scale * value, abs(scale) * se), truth=scale)
    for name, sign in (("bias", scale), ("bias_se", abs(scale)), ("sd", abs(scale)), ("rmse", abs(scale))):
        assert getattr(other, name) == pytest.approx(sign * getattr(base, name), rel=1e-9)
    assert other.coverage == base.coverage


def test_an_estimator_without_errors_has_no_coverage():
    result = performance(Replications(np.array([1.0, 2.0])), truth=1.0)
    assert np.isnan([result.coverage, result.mean_se, result.truncated]).all()


def test_a_table_has_the_performance_of_each_estimator():
    found = {("a", 1): Replications(np.array([1.0, 2.0])), ("b", 2): Replications(np.array([3.0, 3.5]))}
    table = comparisons.performance_table(found, truth=1.0)
    assert table.loc[("b", 2)].bias == performance(found["b", 2], truth=1.0).bias
    assert table.bias.tolist() == [0.5, 2.25]


def test_performance_refuses_what_is_not_identified():
    with pytest.raises(ValueError, match=r"does not change Var\(A\), not identified in 2 of 3 samples"):
        performance(Replications(np.array([np.nan, 1.0, np.nan])))
    with pytest.raises(ValueError, match="se is nan in row 1"):
        performance(Replications(np.array([1.0, 1.0]), np.array([0.1, np.nan])))


def test_error_ranges_are_quantiles_of_what_is_known():
    found = error_range(Replications(np.r_[np.arange(101.0), np.nan]), truth=50.0)
    assert dataclasses.astuple(found) == pytest.approx((-45.0, 0.0, 45.0, 1 / 102))
    nothing = error_range(Replications(np.full(3, np.nan)))
    assert np.isnan([nothing.low, nothing.median, nothing.high]).all() and nothing.refused == 1
