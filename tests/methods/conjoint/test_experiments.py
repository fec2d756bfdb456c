"""Experiments find what their designs hold, and nothing where there is nothing."""

import numpy as np
import pytest
from paperlab.methods.conjoint import experiments, gender_game, simulate
from paperlab.methods.conjoint.layout import Layout


def streams(n):
    return np.random.SeedSequence(7).spawn(n)


def test_errors_of_the_average_case_fall_with_root_n_and_intervals_cover():
    truth = simulate.average_case(4, rng=np.random.default_rng(5))
    few, many = (experiments.average_case_errors(truth, n, streams(60), noise_sd=1.0) for n in (400, 6400))
    assert few["RMSE"] / many["RMSE"] == pytest.approx(4, rel=0.2)
    assert many["bias"] < 0.3 * many["RMSE"]
    assert many["coverage"] == pytest.approx(0.95, abs=0.04)
    assert many["coverage of Q"] == pytest.approx(0.95, abs=0.08)
    exact = experiments.average_case_errors(truth, 100, streams(3), noise_sd=0.0)
    assert exact["RMSE"] == pytest.approx(0, abs=1e-9)


def test_amces_take_both_substitutes_and_the_policy_one():
    fits = experiments.substitutes_fits(4000, 60, interaction=-0.5, rng=np.random.default_rng(0))
    pi = fits.learned(0.01, rng=np.random.default_rng(1))
    np.testing.assert_allclose(np.sort(pi[:, :2], 1), [[0, 1]] * 60, atol=1e-6)
    assert (fits.amce_profile[:, :2].sum(1) == 2).mean() > 0.95
    gain = fits.truth.value(pi) - fits.truth.value(fits.amce_profile)
    assert np.median(gain) == pytest.approx(0.2)
    even = fits.learned(50.0, rng=np.random.default_rng(1))
    np.testing.assert_allclose(even, 0.5, atol=0.01)


def test_nothing_is_gained_without_an_interaction():
    fits = experiments.substitutes_fits(4000, 30, interaction=0.0, rng=np.random.default_rng(0))
    pi = fits.learned(0.01, rng=np.random.default_rng(1))
    np.testing.assert_allclose(fits.truth.value(fits.amce_profile), 0.7)
    assert (fits.truth.value(pi) <= 0.7 + 1e-12).all()
    with pytest.raises(ValueError, match="lam must be positive"):
        fits.learned(0.0, rng=np.random.default_rng(1))


@pytest.mark.parametrize("votes", [gender_game.AUTHORS, gender_game.COUPLED])
def test_errors_of_the_gender_game_fall_with_root_n(votes):
    few, many = (
        experiments.gender_errors(0.4, n, 400, 0.05, rng=np.random.default_rng(1), votes=votes) for n in (2500, 40_000)
    )
    assert few.error.mean() / many.error.mean() == pytest.approx(4, rel=0.2)
    assert many.covered.mean() == pytest.approx(0.95, abs=0.03)
    np.testing.assert_array_equal(few.truth, many.truth)


def test_coupled_voters_make_answers_move():
    slopes = [
        abs(gender_game.bilinear(gender_game.true_matrix(0.5, v)).c3)
        for v in (gender_game.AUTHORS, gender_game.COUPLED)
    ]
    assert slopes[1] > 10 * slopes[0]


def test_interactions_pay_where_they_are_strong_and_cost_little_where_there_are_none():
    layout, rng = Layout((2, 3, 3)), np.random.default_rng(2)
    strength = [0.3] * 6 + [1.0] * 6
    truths = [simulate.interacting_model(layout, r2=r2, rng=rng, main_sd=0.05) for r2 in strength]
    found = experiments.survey_gains(truths, layout, 0.01, n_pairs=4000, penalties=[1.0, 30.0, 1e4], rng=rng)
    gain = found.two_way - found.main
    assert gain[:6].mean() > 0.01
    assert abs(gain[6:].mean()) < 0.01
    assert (found.saved[:6] > 0).all()
    assert np.median(found.penalty[:6]) < np.median(found.penalty[6:])
    assert (found.best >= np.maximum(found.main, found.two_way) - 0.02).all()
    with pytest.raises(ValueError, match="penalties must be above 0"):
        experiments.survey_gains(truths, layout, 0.01, n_pairs=100, penalties=[0.0], rng=rng)
