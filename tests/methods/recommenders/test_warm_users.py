"""Facts of known ratings: the posterior mean by brute force, limits, moments, and that more knowledge does not hurt."""

import numpy as np
import pytest
from paperlab.methods.recommenders import ad_study, new_users, warm_users
from paperlab.methods.recommenders.ad_study import Design
from paperlab.methods.recommenders.warm_users import Loadings, posterior_mean


@pytest.fixture
def some():
    rng = np.random.default_rng(0)
    found = Loadings(rng.standard_normal((30, 3)), 0.7)
    residual, known = rng.standard_normal((8, 30)), rng.random((8, 30)) < 0.4
    return found, residual, known, rng.standard_normal((2, 8, 30))


def test_posterior_mean_is_that_of_the_joint_normal(some):
    """prior + L L_K' (S_KK)^-1 (r_K - prior_K) with S = L L' + noise I."""
    found, residual, known, priors = some
    together = posterior_mean(found, residual, known, priors)
    common = found.loadings @ found.loadings.T
    for prior, answer in zip(priors, together):
        for u in range(8):
            k = known[u]
            inside = common[np.ix_(k, k)] + found.noise * np.eye(k.sum())
            expected = prior[u] + common[:, k] @ np.linalg.solve(inside, residual[u, k] - prior[u, k])
            np.testing.assert_allclose(answer[u], expected, atol=1e-10)


def test_nothing_known_is_the_prior_and_unknown_ratings_are_not_read(some):
    found, residual, known, priors = some
    np.testing.assert_allclose(posterior_mean(found, residual, np.zeros_like(known), priors), priors)
    hidden = np.where(known, residual, 1e6)
    np.testing.assert_allclose(
        posterior_mean(found, hidden, known, priors[0]), posterior_mean(found, residual, known, priors[0])
    )


def test_moments_of_the_mixed_model_are_found():
    rng = np.random.default_rng(1)
    n, k, size = 6000, 20, 15
    members = np.eye(k)[np.repeat(np.arange(k), size)]
    residual = np.sqrt(0.2) * rng.standard_normal((n, 1)) + np.sqrt(0.15) * rng.standard_normal((n, k)) @ members.T
    residual += np.sqrt(0.5) * rng.standard_normal((n, k * size))
    found = warm_users.mixed_loadings(residual, members)
    assert found.noise == pytest.approx(0.5, rel=0.01)
    assert found.loadings[0, 0] ** 2 == pytest.approx(0.2, rel=0.08)
    assert found.loadings[:, 1:].max() ** 2 == pytest.approx(0.15, rel=0.03)


def test_factors_of_a_low_rank_matrix_are_found():
    rng = np.random.default_rng(2)
    true = rng.standard_normal((40, 3))
    residual = rng.standard_normal((20_000, 3)) @ true.T + 0.5 * rng.standard_normal((20_000, 40))
    found = warm_users.factor_loadings(residual, 3)
    assert found.noise == pytest.approx(0.25, rel=0.02)
    np.testing.assert_allclose(found.loadings @ found.loadings.T, true @ true.T, atol=0.25)


@pytest.fixture(scope="module")
def study():
    rng, design = np.random.default_rng(3), Design(share=0.1)
    traits = ad_study._standard(rng.standard_normal((400, 5)))
    made = ad_study.draw(traits, design, rng=rng)
    return new_users.new_users(made.ratings, design.memberships, rng=rng), traits[made.people]


@pytest.mark.parametrize("n_factors", [0, 5])
def test_known_ratings_help_and_take_over_from_personality(study, n_factors):
    fit, traits = study
    found = warm_users.known_ratings(
        fit, traits, [0, 20, 250], ridge=60.0, rng=np.random.default_rng(4), n_factors=n_factors
    )
    assert (np.diff(found.without) < 0).all() and (np.diff(found.traits) < 0).all()
    gain = found.without - found.traits
    assert gain[0] > 0 and gain[2] < gain[0]


def test_all_but_one_known_predicts_the_one_left(study):
    fit, traits = study
    found = warm_users.known_ratings(fit, traits, [0, 299], ridge=60.0, rng=np.random.default_rng(5))
    assert found.without[1] < found.without[0] and np.isfinite(found.placebo).all()


def test_with_nothing_known_the_errors_are_those_of_new_users(study):
    """Over all advertisements, when none is set aside."""
    fit, traits = study
    found = warm_users.known_ratings(fit, traits, [0], ridge=60.0, rng=np.random.default_rng(6))
    assert found.without[0] == pytest.approx(fit.rmse())
    assert found.traits[0] == pytest.approx(fit.rmse(fit.correction(traits, 60.0)))


def test_refusals(study):
    fit, traits = study
    rng = np.random.default_rng(0)
    for counts in ([], [-1], [300]):
        with pytest.raises(ValueError, match="counts must be from 0 to 299"):
            warm_users.known_ratings(fit, traits, counts, ridge=60.0, rng=rng)
    with pytest.raises(ValueError, match="n_factors must be between 1 and"):
        warm_users.known_ratings(fit, traits, [1], ridge=60.0, rng=rng, n_factors=500)
    with pytest.raises(ValueError, match="one category per item"):
        warm_users.mixed_loadings(np.ones((5, 4)), np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match="two users and two categories"):
        warm_users.mixed_loadings(np.ones((1, 4)), np.eye(2)[[0, 0, 1, 1]])
    ratings = fit.ratings.copy()
    ratings[0, 0] = np.nan
    holes = new_users.new_users(ratings, fit.categories, rng=rng)
    with pytest.raises(ValueError, match="for complete studies"):
        warm_users.known_ratings(holes, traits, [1], ridge=60.0, rng=rng)
