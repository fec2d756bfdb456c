"""Facts about identification with an invalid instrument: exact in finite populations, and in large samples."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.foundations import linear
from paperlab.methods.instruments import multiply_robust, samples, simulate
from paperlab.methods.instruments.nuisances import Nuisances, basis, fit_nuisances
from paperlab.methods.instruments.population import population
from paperlab.methods.instruments.samples import Sample
from paperlab.methods.instruments.simulate import Design

EXACT = {"delta_min": 1e-6}


@pytest.fixture(scope="module")
def sample():
    return simulate.draw(4000, rng=np.random.default_rng(1))


def fitted(s, *args, **options):
    return multiply_robust.estimate(s, fit_nuisances(s, *args, **options))


@pytest.fixture(scope="module")
def people():
    return population()


def mean_error(people, right):
    psi = multiply_robust.estimate(people.cells, people.nuisances(right), **EXACT).psi
    return people.mean(psi) - people.effect


@pytest.mark.parametrize("right_set", [("p", "pi"), ("p", "beta", "rho"), ("m", "beta", "pi"), ("m", "beta", "rho")])
def test_mean_of_the_score_is_the_effect_in_each_robustness_set(people, right_set):
    assert mean_error(people, right_set) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("right_set", [(), ("pi", "rho"), ("p", "m", "rho"), ("p", "beta"), ("m", "pi", "rho")])
def test_outside_the_four_sets_the_score_is_biased(people, right_set):
    assert abs(mean_error(people, right_set)) > 0.05


def test_score_is_neyman_orthogonal(people):
    truth, other = vars(people.nuisances()), vars(people.nuisances(right=()))
    step = 1e-5
    for key in truth:
        moved = [truth | {key: truth[key] + s * (other[key] - truth[key])} for s in (step, -step)]
        up, down = (people.mean(multiply_robust.estimate(people.cells, Nuisances(**f), **EXACT).psi) for f in moved)
        assert (up - down) / (2 * step) == pytest.approx(0, abs=1e-7), key


def test_weighting_needs_p_and_pi_only_and_the_plug_in_is_the_mean_effect(people):
    mixed, cells = people.nuisances(("p", "pi")), people.cells
    p = np.where(cells.instrument == 1, mixed.p1, mixed.p0)
    delta = mixed.p1 * (1 - mixed.p1) - mixed.p0 * (1 - mixed.p0)
    sign = np.where(cells.instrument == 1, 1 / mixed.pi, -1 / (1 - mixed.pi))
    expected = sign * (cells.treatment - p) * cells.y / delta
    assert people.mean(expected) == pytest.approx(people.effect, abs=1e-12)
    assert multiply_robust.weighting(cells, mixed, **EXACT) == pytest.approx(expected.mean())
    assert multiply_robust.plug_in(mixed) == pytest.approx(people.wrong["beta"]["beta"].mean())


def test_an_interaction_shifts_the_effect_by_the_change_of_rho_over_the_change_of_variance():
    s = simulate.draw(200_000, Design(interaction=0.5), rng=np.random.default_rng(2))
    delta = multiply_robust.variance_change(*Design().treatment_probabilities(s.x), delta_min=1e-6).delta
    expected = 0.12 * 1.5 * 0.5 * np.mean(1 / delta)
    assert fitted(s).value - simulate.TRUE_EFFECT == pytest.approx(expected, abs=0.15)


def test_estimator_is_unbiased_where_ols_and_2sls_are_not():
    s = simulate.draw(4000, rng=np.random.default_rng(3), n_replications=40)
    found = fitted(s)
    b, a, z = basis(s.x, "linear"), s.treatment[..., None], s.instrument[..., None]
    tsls = linear.two_stage_least_squares(s.y, a, b, z).coef[:, 0]
    ols = linear.ols(s.y, np.concatenate([a, z, b], -1)).coef[:, 0]
    assert abs(found.value.mean() - 1) < 0.2
    assert found.value.std() == pytest.approx(found.se.mean(), rel=0.35)
    assert tsls.mean() - 1 > 2 and ols.mean() - 1 > 0.5


def test_g_estimation_survives_wrong_p_and_pi_where_two_step_does_not():
    s = simulate.draw(40_000, rng=np.random.default_rng(4), n_replications=10)
    wrong = {"p": "wrong", "pi": "wrong"}
    two_step, g = fitted(s, wrong).value, fitted(s, wrong, step="g-estimation").value
    assert abs(np.mean(g) - 1) < 0.09
    assert np.mean(two_step - g) < -0.05  # paired: same samples


def test_stacked_samples_give_the_same_as_one_by_one():
    s = simulate.draw(1000, rng=np.random.default_rng(5), n_replications=3)
    stacked = fitted(s).value
    for r in range(3):
        one = Sample(s.y[r], s.treatment[r], s.instrument[r], s.x[r])
        assert fitted(one).value == pytest.approx(stacked[r], abs=1e-10)


@pytest.mark.parametrize("scale, shift", [(3.0, 0.0), (1.0, 50.0), (1e-9, 0.0), (-1e6, 1e6)])
def test_estimate_follows_the_units_of_the_outcome_and_ignores_its_origin(sample, scale, shift):
    base, found = fitted(sample), fitted(dataclasses.replace(sample, y=shift + scale * sample.y))
    assert found.value == pytest.approx(scale * base.value, rel=1e-7)
    assert found.se == pytest.approx(abs(scale) * base.se, rel=1e-7)


def test_recoding_the_instrument_changes_nothing(sample):
    base, found = fitted(sample), fitted(dataclasses.replace(sample, instrument=1 - sample.instrument))
    assert found.value == pytest.approx(base.value, abs=1e-7)
    assert found.mean_delta == pytest.approx(-base.mean_delta)


def test_recoding_the_treatment_turns_the_sign(sample):
    base, found = fitted(sample), fitted(dataclasses.replace(sample, treatment=1 - sample.treatment))
    assert found.value == pytest.approx(-base.value, abs=1e-7)


def test_the_order_of_the_units_does_not_matter(sample):
    order = np.random.default_rng(0).permutation(len(sample.y))
    mixed = Sample(sample.y[order], sample.treatment[order], sample.instrument[order], sample.x[order])
    assert fitted(mixed).value == pytest.approx(fitted(sample).value, abs=1e-9)
    assert fitted(mixed).psi == pytest.approx(fitted(sample).psi[order], abs=1e-7)


# Degenerate arm: nobody at z = 0 is treated, as in the 401(k) data.


def test_without_treatment_at_z0_the_functional_is_ols_among_z1():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3000, 2))
    z = (rng.random(3000) < 0.4).astype(float)
    a = z * (rng.random(3000) < 0.6)
    y = 2 * a + z + x[:, 0] + rng.normal(size=3000)
    with pytest.warns(UserWarning, match="does not vary where instrument = 0"):
        s = samples.validate(y, a, z, x)
    b = basis(s.x, "quadratic")
    here = z == 1
    expected = linear.ols(y[here], np.column_stack([a, b])[here]).coef[0]
    assert multiply_robust.constant_effect(s, b) == pytest.approx(expected, abs=1e-10)


def test_a_constant_effect_is_the_ratio_of_changes(sample):
    """By hand with the constant alone: covariances and variances within the arms."""
    c, v = [], []
    for arm in (0, 1):
        a, y = sample.treatment[sample.instrument == arm], sample.y[sample.instrument == arm]
        c.append(np.cov(a, y, bias=True)[0, 1])
        v.append(a.var())
    found = multiply_robust.constant_effect(sample, basis(sample.x, "constant"))
    assert found == pytest.approx((c[1] - c[0]) / (v[1] - v[0]), rel=1e-9)


# Not identified


def test_an_instrument_that_keeps_the_variance_is_refused():
    s = simulate.draw(8000, Design(base=0.3, var_gap=0.4), rng=np.random.default_rng(7))
    fits = fit_nuisances(s)
    with pytest.raises(ValueError, match=r"instrument does not change Var\(A\): not identified"):
        multiply_robust.estimate(s, fits)
    found = multiply_robust.estimate(s, fits, unidentified="nan")
    assert np.isnan(found.value) and np.isnan(found.se)
    with pytest.raises(ValueError, match="not identified"):
        multiply_robust.constant_effect(s, basis(s.x, "linear"))
    with pytest.raises(ValueError, match="unidentified must be raise or nan, got 'warn'"):
        multiply_robust.estimate(s, fits, unidentified="warn")


def test_one_weak_sample_of_a_stack_is_nan_and_the_others_are_not():
    strong, weak = (
        simulate.draw(4000, design, rng=np.random.default_rng(8))
        for design in (Design(), Design(base=0.3, var_gap=0.4))
    )
    both = Sample(
        *(np.stack([getattr(s, name) for s in (strong, weak)]) for name in ("y", "treatment", "instrument", "x"))
    )
    found = multiply_robust.estimate(both, fit_nuisances(both), unidentified="nan")
    assert np.isfinite(found.value).tolist() == [True, False]


def test_small_variance_changes_are_truncated_and_counted():
    p0, p1 = np.array([0.2, 0.2, 0.2, 0.2]), np.array([0.5, 0.5, 0.21, 0.8])
    found = multiply_robust.variance_change(p0, p1, delta_min=0.03)
    assert found.n_truncated == 2 and found.delta == pytest.approx([0.09, 0.09, 0.03, 0.03])
    assert found.mean == pytest.approx((0.09 + 0.09 + 0.0059 + 0) / 4)
    assert multiply_robust.variance_change(p1, p0, delta_min=0.03).delta.max() == -0.03
    with pytest.raises(ValueError, match="delta_min must be above 0, got 0"):
        multiply_robust.variance_change(p0, p1, delta_min=0)
    with pytest.raises(ValueError, match="p1 is nan in row 0"):
        multiply_robust.variance_change(p0, p1 * np.nan)


# Bootstrap of linear estimates


def test_bootstrap_with_unit_weights_is_the_estimate(sample):
    b = basis(sample.x, "linear")
    w, q = np.column_stack([sample.treatment, b]), np.column_stack([sample.instrument, b])
    found = multiply_robust.bootstrap_iv(sample.y, w, q, np.ones((2, len(sample.y))))
    a, z = sample.treatment[:, None], sample.instrument[:, None]
    expected = linear.two_stage_least_squares(sample.y, a, b, z).coef
    assert found == pytest.approx(np.stack([expected, expected]), abs=1e-9)


def test_a_weight_of_two_is_a_row_twice(sample):
    y, w = sample.y[:200], np.column_stack([sample.treatment, basis(sample.x, "linear")])[:200]
    counts = np.random.default_rng(9).integers(0, 3, 200)
    found = multiply_robust.bootstrap_iv(y, w, w, counts[None])[0]
    again = np.repeat(np.arange(200), counts)
    assert found == pytest.approx(linear.ols(y[again], w[again]).coef, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_bootstrap_coefficients_follow_the_units(sample, unit):
    b = basis(sample.x, "linear")
    w, q = np.column_stack([sample.treatment, b]), np.column_stack([sample.instrument, b])
    one = np.ones((1, len(sample.y)))
    base = multiply_robust.bootstrap_iv(sample.y, w, q, one)[0]
    scale = np.array([unit, 1, 1, unit])
    assert multiply_robust.bootstrap_iv(sample.y, w * scale, q, one)[0] * scale == pytest.approx(base, rel=1e-9)
    assert multiply_robust.bootstrap_iv(sample.y, w, q * scale, one)[0] == pytest.approx(base, rel=1e-9)


def test_bootstrap_refuses_what_is_not_identified():
    rng = np.random.default_rng(10)
    y, a, rare = rng.normal(size=30), rng.normal(size=30), np.r_[1.0, np.zeros(29)]
    w, weights = np.column_stack([a, np.ones(30), rare]), np.ones((3, 30))
    weights[1, 0] = 0
    with pytest.raises(ValueError, match="apart in draw 1: not identified there"):
        multiply_robust.bootstrap_iv(y, w, w, weights)
    with pytest.raises(ValueError, match="w: column 3 is a linear combination of column 0"):
        multiply_robust.bootstrap_iv(y, np.column_stack([w, a]), np.column_stack([w, y]), weights)
    with pytest.raises(ValueError, match="weights is nan in row 2"):
        multiply_robust.bootstrap_iv(y, w, w, np.where(np.arange(30) == 2, np.nan, weights))
    with pytest.raises(ValueError, match=r"weights \(n_draws, n\)"):
        multiply_robust.bootstrap_iv(y, w, w, np.ones(30))
