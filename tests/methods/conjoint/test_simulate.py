"""The simulated designs are as their docstrings say."""

import numpy as np
import pytest
from paperlab.methods.conjoint import policy, simulate
from paperlab.methods.conjoint.layout import Layout
from paperlab.methods.foundations.linear import regress

LAYOUT = Layout((2, 3, 4))


@pytest.fixture(scope="module")
def truth():
    return simulate.average_case(5, rng=np.random.default_rng(5))


def test_average_case_has_an_interior_optimum_with_the_share_of_main_effects(truth):
    assert (truth.pi > 0.15).all()
    assert (truth.pi < 0.85).all()
    assert truth.pi.std() > 0.1
    x = np.stack(np.meshgrid(*[[0.0, 1.0]] * 5)).reshape(5, -1).T
    y = truth.model.value(x)
    fitted = np.column_stack([np.ones(32), x])
    residual = y - fitted @ np.linalg.lstsq(fitted, y, rcond=None)[0]
    assert 1 - residual.var() / y.var() == pytest.approx(0.75, abs=1e-6)


def test_its_policy_is_the_closed_form_and_its_value_nearest_one(truth):
    layout, p = Layout((2,) * 5), np.full(5, 0.5)
    best = policy.closed_form(truth.model, p, truth.lam, layout)
    np.testing.assert_allclose(truth.pi, best.pi)
    assert truth.value == pytest.approx(truth.model.value(truth.pi))
    for lam in np.logspace(-3, 2, 50):
        other = policy.closed_form(truth.model, p, lam, layout)
        if other.unique and ((other.pi > 0.15) & (other.pi < 0.85)).all() and other.pi.std() > 0.1:
            assert abs(truth.value - 1) <= abs(other.value - 1) + 1e-12


def test_designs_that_cannot_be_are_refused(truth):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no penalty gives an interior optimum with 5 factors in 3 draws"):
        simulate.average_case(5, rng=rng, lams=[1e6], max_tries=3)
    for options in ({"k": 1}, {"k": 5, "r2": 1.0}):
        with pytest.raises(ValueError, match="k must be 2 or more and r2 between 0 and 1"):
            simulate.average_case(**options, rng=rng)
    with pytest.raises(ValueError, match="n must exceed the 16 coefficients"):
        simulate.estimate_average(truth, 16, noise_sd=1.0, rng=rng)


def test_estimates_are_near_the_truth_and_closer_with_less_noise(truth):
    noisy = simulate.estimate_average(truth, 20_000, noise_sd=1.0, rng=np.random.default_rng(6))
    assert (np.abs(noisy.pi - truth.pi) < 4 * noisy.se_pi).all()
    assert abs(noisy.value - truth.value) < 4 * noisy.se_value
    assert noisy.inside
    quiet = simulate.estimate_average(truth, 20_000, noise_sd=0.1, rng=np.random.default_rng(6))
    np.testing.assert_allclose(quiet.se_pi, noisy.se_pi / 10, rtol=0.1)
    exact = simulate.estimate_average(truth, 200, noise_sd=0.0, rng=np.random.default_rng(6))
    np.testing.assert_allclose(exact.pi, truth.pi, atol=1e-9)


def test_substitutes_mislead_the_amce():
    found = simulate.substitutes(20_000, rng=np.random.default_rng(4))
    fit = regress(np.column_stack([np.ones(20_000), found.x]), found.y)
    np.testing.assert_allclose(fit.coef[1:], [0.05, 0.05, 0.1, -0.1], atol=0.03)
    both, one = np.array([1.0, 1, 1, 0]), np.array([1.0, 0, 1, 0])
    assert found.model.value(one) > found.model.value(both) + 0.15
    assert (found.y - found.model.value(found.x)).std() == pytest.approx(0.4, abs=0.01)
    apart = simulate.substitutes(10, rng=np.random.default_rng(4), interaction=0.0)
    assert apart.model.value(both) == pytest.approx(0.3 + 0.3 + 0.1)
    with pytest.raises(ValueError, match="k must be 2 or more, got 1"):
        simulate.substitutes(10, rng=np.random.default_rng(4), k=1)


def test_parties_are_opposed_on_divisive_factors_only():
    layout = Layout((50, 50))
    slope = simulate.draw_voters(layout, [1], rng=np.random.default_rng(0)).slope
    np.testing.assert_allclose(layout.total(slope), 0, atol=1e-12)
    quiet, divisive = (np.corrcoef(slope[0, 0, part], slope[1, 1, part])[0, 1] for part in (slice(50), slice(50, 100)))
    assert quiet > 0.3
    assert divisive < -0.5
    assert slope[0, 0, :50].std() == pytest.approx(np.sqrt(0.02**2 + 0.01**2 + 0.007**2), rel=0.25)


def test_election_of_known_voters():
    voters = simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(1), own=0.2)
    game = voters.election([0.7, 0.3])
    assert game.intercept.tolist() == pytest.approx([0.3, 0.7])
    np.testing.assert_array_equal(game.slope_r, voters.slope[:, 1])
    np.testing.assert_array_equal(game.slope_d, voters.slope[:, 0])
    np.testing.assert_array_equal(game.primary_r, voters.slope[1, 1])
    np.testing.assert_array_equal(game.primary_d, voters.slope[0, 0])
    assert voters.election([0.7, 0.3], primaries=False).primary_r is None


def test_respondents_choose_their_party_as_often_as_stated():
    flat = simulate.Voters(np.zeros((2, 2, 9)), 0.25, LAYOUT)
    survey = simulate.simulate_voters(flat, 3000, 6, 0.3, rng=np.random.default_rng(2), personal_sd=0.0)
    pairs = survey.pairs
    assert survey.clipped == 0
    assert (pairs.n_persons, len(pairs.y)) == (3000, 18_000)
    assert pairs.voter.mean() == pytest.approx(0.3, abs=0.03)
    own = (pairs.party1 == pairs.voter).astype(int) - (pairs.party2 == pairs.voter)
    for side, share in ((1, 0.75), (0, 0.5), (-1, 0.25)):
        assert pairs.y[own == side].mean() == pytest.approx(share, abs=0.025)
    np.testing.assert_allclose(pairs.x1.mean(0), LAYOUT.uniform, atol=0.02)


def test_tastes_of_a_person_make_choices_of_a_person_alike():
    flat = simulate.Voters(np.zeros((2, 2, 9)), 0.0, LAYOUT)

    def likeness(personal_sd):
        options = {"rng": np.random.default_rng(2), "personal_sd": personal_sd}
        pairs = simulate.simulate_voters(flat, 2000, 6, 0.5, **options).pairs
        liking = ((pairs.x1 - pairs.x2) * (pairs.y - 0.5)[:, None]).reshape(2000, 6, 9)
        return np.corrcoef(liking[:, :3].sum(1)[:, 0], liking[:, 3:].sum(1)[:, 0])[0, 1]

    assert abs(likeness(0.0)) < 0.08
    assert likeness(0.2) > 0.12


def test_impossible_electorates_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="divisive must hold positions from 0 to 2"):
        simulate.draw_voters(LAYOUT, [3], rng=rng)
    with pytest.raises(ValueError, match=r"own must lie in \[0, 0.5\], got 0.6"):
        simulate.draw_voters(LAYOUT, [1], rng=rng, own=0.6)
    voters = simulate.draw_voters(LAYOUT, [1], rng=rng)
    with pytest.raises(ValueError, match=r"p_r must lie in \[0, 1\], got 1.5"):
        simulate.simulate_voters(voters, 10, 2, 1.5, rng=rng)
    for n_persons, n_tasks, personal_sd in ((0, 2, 0.1), (10, 0, 0.1), (10, 2, np.nan)):
        with pytest.raises(ValueError, match="n_persons and n_tasks must be 1 or more, personal_sd 0 or more"):
            simulate.simulate_voters(voters, n_persons, n_tasks, 0.5, rng=rng, personal_sd=personal_sd)
    with pytest.raises(ValueError, match="own is nan"):
        simulate.simulate_voters(simulate.Voters(voters.slope, np.nan, LAYOUT), 10, 2, 0.5, rng=rng)


def test_main_effects_of_an_interacting_model_explain_the_share_asked_for():
    model = simulate.interacting_model(LAYOUT, rng=np.random.default_rng(0), r2=0.6)
    grid = np.array(np.meshgrid(*[range(c) for c in LAYOUT.levels], indexing="ij")).reshape(3, -1).T
    hot = np.concatenate([np.eye(c)[grid[:, d]] for d, c in enumerate(LAYOUT.levels)], 1)
    y = model.value(hot)
    residual = y - hot @ np.linalg.lstsq(hot, y, rcond=None)[0]
    assert y.mean() == pytest.approx(0.5)
    assert 1 - residual.var() / y.var() == pytest.approx(0.6)
    np.testing.assert_allclose(LAYOUT.total(model.beta), 0, atol=1e-12)
    np.testing.assert_allclose(LAYOUT.total(model.gamma), 0, atol=1e-12)
    flat = simulate.interacting_model(LAYOUT, rng=np.random.default_rng(0), r2=1.0)
    assert np.abs(flat.gamma).max() == 0
    for options in ({"r2": 0.0}, {"r2": 1.1}, {"main_sd": 0.0}):
        with pytest.raises(ValueError, match=r"r2 must lie in \(0, 1\] and main_sd above 0"):
            simulate.interacting_model(LAYOUT, rng=np.random.default_rng(0), **options)
    with pytest.raises(ValueError, match="layout has one factor"):
        simulate.interacting_model(Layout((3,)), rng=np.random.default_rng(0))
