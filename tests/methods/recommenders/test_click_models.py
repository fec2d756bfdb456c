"""Clicks by logistic regression: scikit-learn's coefficients, limits, refusals."""

import numpy as np
import pytest
from paperlab.methods.recommenders import ad_study, new_users
from paperlab.methods.recommenders.ad_study import Design
from paperlab.methods.recommenders.click_models import click_probability
from sklearn.linear_model import LogisticRegression


@pytest.fixture(scope="module")
def study():
    rng, design = np.random.default_rng(0), Design(n_users=80, share=0.2, n_categories=3)
    traits = ad_study._standard(rng.standard_normal((300, 5)))
    made = ad_study.draw(traits, design, rng=rng)
    return new_users.new_users(made.ratings, design.memberships, rng=rng), traits[made.people]


def test_probabilities_are_scikit_learns(study):
    fit, traits = study
    found = click_probability(fit, traits, click_from=4, penalty=5.0, ad_penalty=5.0)
    for fold in (0, 3):
        new = fit.folds == fold
        centre = traits[~new].mean(axis=0)
        for c in range(3):
            ads = np.flatnonzero(fit.categories[:, c])

            def rows(part, ads=ads, centre=centre):
                z = traits[part] - centre
                return np.column_stack([np.tile(np.eye(len(ads)), (len(z), 1)), np.repeat(z, len(ads), axis=0)])

            y = (fit.ratings[~new][:, ads] >= 4).ravel()
            model = LogisticRegression(C=0.2, tol=1e-10, max_iter=5000).fit(rows(~new), y)
            expected = model.predict_proba(rows(new))[:, 1].reshape(-1, len(ads))
            np.testing.assert_allclose(found[np.ix_(np.flatnonzero(new), ads)], expected, atol=1e-5)


def test_a_strong_effect_is_seen_and_a_large_penalty_forgets_it(study):
    fit, traits = study
    clicked = fit.ratings.ravel() >= 4
    area = {
        price: new_users.auc_rows(
            click_probability(fit, traits, click_from=4, penalty=price).reshape(1, -1), clicked[None]
        )[0]
        for price in (20.0, 1e8)
    }
    assert area[20.0] > area[1e8] + 0.02
    alone = click_probability(fit, traits[:, :0], click_from=4, penalty=1.0)
    np.testing.assert_allclose(click_probability(fit, traits, click_from=4, penalty=1e8), alone, atol=1e-5)


def test_order_of_advertisements_does_not_matter(study):
    fit, traits = study
    order = np.random.default_rng(1).permutation(fit.ratings.shape[1])
    mixed = new_users.NewUsers(
        fit.ratings[:, order], fit.categories[order], fit.folds, fit.base[:, order], fit.residual
    )
    settings = {"click_from": 4, "penalty": 20.0}
    np.testing.assert_allclose(
        click_probability(mixed, traits, **settings), click_probability(fit, traits, **settings)[:, order], atol=1e-7
    )


def test_refusals(study):
    fit, traits = study
    ratings = fit.ratings.copy()
    ratings[0, 0] = np.nan
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="ratings are missing"):
        holes = new_users.new_users(ratings, fit.categories, rng=rng)
        click_probability(holes, traits, click_from=4, penalty=1.0)
    uneven = np.eye(3)[np.r_[np.zeros(16, int), np.ones(14, int), np.full(15, 2)]]
    with pytest.raises(ValueError, match="categories must be of one size"):
        click_probability(new_users.new_users(fit.ratings, uneven, rng=rng), traits, click_from=4, penalty=1.0)
