"""Facts of predictions for new users: closed form against scikit-learn and the sum over ratings; traps; refusals."""

import numpy as np
import pytest
from paperlab.methods.recommenders import ad_study, new_users
from paperlab.methods.recommenders.ad_study import Design
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score


def traits_of(n=600):
    return ad_study._standard(np.random.default_rng(0).standard_normal((n, 5)))


@pytest.fixture(scope="module")
def complete():
    design, rng = Design(share=0.1), np.random.default_rng(1)
    study = ad_study.draw(traits_of(), design, rng=rng)
    return new_users.new_users(study.ratings, design.memberships, rng=rng), traits_of()[study.people]


@pytest.fixture(scope="module")
def sparse():
    """Half of the ratings missing, items in several categories."""
    rng = np.random.default_rng(2)
    ratings = rng.integers(1, 6, (60, 40)).astype(float)
    ratings[rng.random((60, 40)) < 0.5] = np.nan
    categories = rng.dirichlet(np.ones(4), 40)
    return new_users.new_users(ratings, categories, rng=rng, n_folds=4, prior_count=3), rng.standard_normal((60, 6))


@pytest.mark.parametrize("kind", ["complete", "sparse"])
def test_the_error_by_categories_is_the_sum_over_ratings(kind, request):
    fit, traits = request.getfixturevalue(kind)
    for correction in (None, fit.correction(traits, 10.0)):
        error = (fit.predict(correction) - fit.ratings)[fit.rated]
        assert fit.rmse(correction) == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-12)


@pytest.mark.parametrize("kind", ["complete", "sparse"])
def test_the_correction_is_scikit_learns_ridge(kind, request):
    fit, traits = request.getfixturevalue(kind)
    found = fit.correction(traits, 7.0)
    for fold, y in enumerate(fit.residual):
        new = fit.folds == fold
        centre = traits[~new].mean(axis=0)
        model = Ridge(alpha=7.0, fit_intercept=False).fit(traits[~new] - centre, y[~new])
        np.testing.assert_allclose(found[new], model.predict(traits[new] - centre), atol=1e-10)


def test_other_models_are_fitted_on_the_same_folds(complete):
    fit, traits = complete

    def ridge(z, y, z_new):
        centre = z.mean(axis=0)
        return Ridge(alpha=60, fit_intercept=False).fit(z - centre, y).predict(z_new - centre)

    np.testing.assert_allclose(fit.learned(traits, ridge), fit.correction(traits, 60.0), atol=1e-10)


def test_what_new_users_rate_does_not_change_what_is_predicted_for_them(complete):
    """The trap of a leak: item means and coefficients must not know the ratings that they predict."""
    fit, traits = complete
    one, two = (new_users.new_users(r, fit.categories, rng=np.random.default_rng(9)) for r in (fit.ratings, other(fit)))
    new = one.folds == 0
    for first, second in ((one.predict(), two.predict()), (one.correction(traits, 60.0), two.correction(traits, 60.0))):
        np.testing.assert_allclose(first[new], second[new], atol=1e-12)
        assert not np.allclose(first[~new], second[~new])


def other(fit):
    """Ratings turned round for the users whom generator 9 puts into the first fold."""
    folds = np.random.default_rng(9).permutation(np.arange(120) % 5)
    return np.where(folds[:, None] == 0, 6 - fit.ratings, fit.ratings)


def test_missing_ratings_count_as_the_overall_mean(sparse):
    fit, _ = sparse
    old = fit.folds != 2
    overall = fit.ratings[old][fit.rated[old]].mean()
    for item in range(5):
        seen = fit.ratings[old, item][fit.rated[old, item]]
        assert fit.base[2, item] == pytest.approx((seen.sum() + 3 * overall) / (len(seen) + 3))


def test_a_large_ridge_leaves_the_item_means(complete):
    fit, traits = complete
    assert np.abs(fit.correction(traits, 1e9)).max() < 1e-6
    assert fit.rmse(fit.correction(traits, 1e9)) == pytest.approx(fit.rmse())


def test_shifted_and_rotated_traits_predict_the_same(complete):
    fit, traits = complete
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((5, 5)))[0]
    np.testing.assert_allclose(fit.correction(traits @ turn + 9, 60.0), fit.correction(traits, 60.0), atol=1e-9)


def test_several_tables_at_once_are_one_after_the_other(complete):
    fit, traits = complete
    tables = np.stack([traits, traits[::-1], 2 * traits])
    together = fit.correction(tables, 60.0)
    np.testing.assert_allclose(together, [fit.correction(table, 60.0) for table in tables], atol=1e-12)
    np.testing.assert_allclose(fit.rmse(together), [fit.rmse(c) for c in together], rtol=1e-12)


def test_preferences_leave_the_mean_prediction_of_each_person_alone(complete):
    fit, traits = complete
    relative = fit.relative(fit.correction(traits, 60.0))
    assert relative.mean(axis=1) == pytest.approx(np.zeros(120), abs=1e-12)
    np.testing.assert_allclose(fit.predict(relative).mean(axis=1), fit.predict().mean(axis=1), atol=1e-12)


def test_without_a_guess_of_generosity_noise_costs_less():
    """Traits by lot: the cost of a correction is mostly that of the guess of generosity, where people differ in it."""
    rng, design = np.random.default_rng(4), Design(share=0.0)
    loss = np.zeros(2)
    for _ in range(15):
        study = ad_study.draw(traits_of(), design, rng=rng)
        fit = new_users.new_users(study.ratings, design.memberships, rng=rng)
        correction = fit.correction(rng.standard_normal((120, 5)), 60.0)
        loss += fit.rmse(correction) - fit.rmse(), fit.rmse(fit.relative(correction)) - fit.rmse()
    assert 0 < loss[1] < 0.7 * loss[0]


@pytest.mark.parametrize("kind", ["complete", "sparse"])
def test_areas_are_scikit_learns(kind, request):
    fit, traits = request.getfixturevalue(kind)
    for correction in (None, fit.correction(traits, 10.0)):
        clicked, guess = fit.ratings[fit.rated] >= 4, fit.predict(correction)[fit.rated]
        assert fit.auc(4, correction) == pytest.approx(roc_auc_score(clicked, guess), abs=1e-12)


def test_area_within_people_does_not_see_their_generosity(complete):
    fit, traits = complete
    generous = np.repeat(np.arange(120.0)[:, None], fit.categories.shape[1], axis=1)
    np.testing.assert_allclose(fit.auc_within(4, generous), fit.auc_within(4))
    assert fit.auc(4, generous) != pytest.approx(fit.auc(4), abs=0.01)


def test_an_effect_is_found_and_shuffled_people_lose_it(complete):
    fit, traits = complete
    found = new_users.permutation_test(
        fit, traits, ridge=60.0, click_from=4, n_permutations=30, rng=np.random.default_rng(5)
    )
    assert found.rmse > 0 and found.auc > 0
    assert found.p_rmse == found.p_auc == pytest.approx(1 / 31)
    assert found.placebo_rmse.mean() < 0


def test_p_values_are_uniform_where_nothing_is_there():
    rng, design, p = np.random.default_rng(6), Design(n_users=40, share=0.0, n_categories=4), []
    for _ in range(60):
        study = ad_study.draw(traits_of(), design, rng=rng)
        fit = new_users.new_users(study.ratings, design.memberships, rng=rng)
        z = traits_of()[study.people]
        p.append(new_users.permutation_test(fit, z, ridge=60.0, click_from=4, n_permutations=19, rng=rng).p_rmse)
    assert np.mean(p) == pytest.approx(0.525, abs=4 * 0.29 / np.sqrt(60))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"categories": np.ones((39, 2)) / 2}, r"ratings must be \(n_users, 39\)"),
        ({"categories": np.ones((40, 2))}, "rows that add up to one"),
        ({"n_folds": 1}, "n_folds must be between 2 and the 60 users, got 1"),
        ({"prior_count": -1.0}, "prior_count must not be negative"),
    ],
)
def test_new_users_refuses(sparse, change, words):
    arguments = {"ratings": sparse[0].ratings, "categories": sparse[0].categories, "rng": np.random.default_rng(0)}
    with pytest.raises(ValueError, match=words):
        new_users.new_users(**{**arguments, **change})


def test_means_without_a_rating_are_refused():
    ratings = np.ones((6, 4))
    rng = np.random.default_rng(0)
    ratings[:, 2] = np.nan
    with pytest.raises(ValueError, match="item 2 has no rating outside fold 0; give prior_count above 0"):
        new_users.new_users(ratings, np.eye(4), rng=rng, n_folds=2)
    ratings = np.ones((6, 4))
    ratings[3, 1] = np.nan
    with pytest.raises(ValueError, match="user 3 has no rating in some category"):
        new_users.new_users(ratings, np.eye(4), rng=rng, n_folds=2)


def test_calls_refuse(complete, sparse):
    fit, traits = complete
    with pytest.raises(ValueError, match="ridge must be above 0, got 0"):
        fit.correction(traits, 0)
    with pytest.raises(ValueError, match="traits must have a row for each of 120 users"):
        fit.correction(traits[:5], 1.0)
    with pytest.raises(ValueError, match="traits is nan in row 3"):
        fit.correction(np.where(np.arange(120)[:, None] == 3, np.nan, traits), 1.0)
    with pytest.raises(ValueError, match="for complete studies"):
        sparse[0].auc_within(4)
    with pytest.raises(ValueError, match="n_permutations must be at least 1"):
        new_users.permutation_test(fit, traits, ridge=1.0, click_from=4, n_permutations=0, rng=np.random.default_rng(0))
