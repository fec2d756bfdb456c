"""Two-way terms: columns by hand, fits against a general solver, elections whose gradients are derivatives."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import election, policy, simulate, two_way
from paperlab.methods.conjoint.layout import Layout
from sklearn.linear_model import Ridge

LAYOUT = Layout((2, 3, 4))
EVERYONE = np.ones((1, 400))


@pytest.fixture(scope="module")
def fitted(pairs):
    return two_way.fit_election(pairs, EVERYONE, (20.0, 50.0), 0.4)


def test_pairs_of_levels_by_hand():
    layout = Layout((2, 3))
    x = np.array([0.0, 1, 0, 0, 1])
    products = two_way.pair_columns(x, layout)
    assert products.sum() == 1
    gamma = two_way.symmetric(np.arange(1.0, 7), layout)
    np.testing.assert_array_equal(gamma, gamma.T)
    assert gamma[1, 4] == 6 and gamma[0, 1] == gamma[3, 4] == 0
    assert x @ gamma @ x / 2 == pytest.approx(products @ np.arange(1.0, 7))
    with pytest.raises(ValueError, match="x must have one entry for each of 5 levels"):
        two_way.pair_columns(x[1:], layout)


def test_centred_model_is_one_half_by_lot():
    model = simulate.interacting_model(LAYOUT, rng=np.random.default_rng(0))
    shifted = two_way.centred_model(model.beta + 0.1, model.gamma, LAYOUT.uniform)
    assert shifted.value(LAYOUT.uniform) == pytest.approx(0.5)
    same = np.random.default_rng(1).dirichlet(np.ones(2)), np.full(3, 1 / 3), np.full(4, 1 / 4)
    assert shifted.value(np.concatenate(same)) == pytest.approx(model.value(np.concatenate(same)))


def test_rows_and_columns_give_the_same_ridge():
    rng = np.random.default_rng(2)
    x, y, penalty = rng.normal(0, 1, (12, 30)), rng.normal(0, 1, 12), rng.uniform(0.5, 2, 30)
    weights = np.vstack([np.ones(12), rng.integers(0, 3, 12)])
    found = two_way.ridge_by_rows(x, y, penalty, weights)
    for coef, w in zip(found, weights):
        np.testing.assert_allclose(coef, np.linalg.solve(x.T @ (x * w[:, None]) + np.diag(penalty), x.T @ (w * y)))
    peer = Ridge(alpha=1.0, fit_intercept=False).fit(x / np.sqrt(penalty), y, sample_weight=weights[1])
    np.testing.assert_allclose(found[1], peer.coef_ / np.sqrt(penalty), atol=1e-8)


def test_ridges_that_cannot_be_are_refused():
    x, y, ones = np.eye(3), np.ones(3), np.ones((1, 3))
    for penalty, weights, message in (
        (np.array([1.0, 0, 1]), ones, "penalty must be 3 numbers above 0"),
        (np.ones(3), -ones, "not negative, some above 0"),
        (np.ones(3), 0 * ones, "not negative, some above 0"),
        (np.ones(3), np.ones((1, 2)), r"weights must be \(n_fits, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            two_way.ridge_by_rows(x, y, penalty, weights)


def test_a_heavy_penalty_leaves_main_effects(pairs):
    plain = election.fit_election(election.cross_products(pairs), EVERYONE, 20.0, 0.4, LAYOUT)
    heavy = two_way.fit_election(pairs, EVERYONE, (20.0, 1e9), 0.4)
    for name in plain.batched:
        np.testing.assert_allclose(getattr(heavy, name), getattr(plain, name), atol=1e-5)
    assert np.abs(heavy.pairs_r).max() < 1e-6


def test_interactions_are_recovered_from_many_choices():
    layout, rng = Layout((2, 2)), np.random.default_rng(5)
    model = policy.TwoWayModel(
        0.5, np.zeros(4), 0.3 * np.array([[0, 0, 1, -1], [0, 0, -1, 1], [1, -1, 0, 0], [-1, 1, 0, 0]])
    )
    n = 40_000
    x1, x2 = layout.argmax(rng.random((n, 4))), layout.argmax(rng.random((n, 4)))
    y = (rng.random(n) < 0.5 + (model.value(x1) - model.value(x2)) / 2).astype(float)
    parties = dict(zip(("party1", "party2", "voter"), rng.integers(0, 2, (3, n)), strict=True))
    pairs = simulate.Pairs(x1, x2, y=y, person=np.arange(n) // 40, layout=layout, **parties)
    found = two_way.fit_election(pairs, np.ones((1, n // 40)), (1e-2, 1e-2), 0.5)
    best = np.array([0.0, 1, 0, 1])
    assert found.share(best, found.p).value.item() == pytest.approx(0.5 + 0.15, abs=0.02)
    assert found.nomination(best, "D").value.item() == pytest.approx(0.5 + 0.15, abs=0.03)


def numerical(function, pi):
    steps = 1e-6 * np.eye(len(pi))
    return np.array([(function(pi + h) - function(pi - h)) / 2e-6 for h in steps])


@pytest.mark.parametrize("primaries", [True, False])
def test_gradients_are_derivatives(fitted, primaries):
    game = fitted.single(0, 0)
    game = game if primaries else game.without_primaries()
    rng = np.random.default_rng(1)
    a, b = (LAYOUT.softmax(rng.normal(0, 1, 9)) for _ in range(2))
    found = game.outcome(a, b)
    np.testing.assert_allclose(found.grad_r, numerical(lambda v: game.outcome(v, b).value, a), atol=1e-6)
    np.testing.assert_allclose(found.grad_d, numerical(lambda v: game.outcome(a, v).value, b), atol=1e-6)


def test_the_outcome_is_the_mean_over_four_elections_and_falls_apart(fitted):
    game, rng = fitted.single(0, 0), np.random.default_rng(1)
    a, b = (LAYOUT.softmax(rng.normal(0, 1, 9)) for _ in range(2))
    four = game.quadrants(a, b)
    assert game.outcome(a, b).value == pytest.approx((four.chance * four.share).sum())
    p = game.p
    apart = game.outcome(a, p).value + game.outcome(p, b).value - game.outcome(p, p).value
    assert game.outcome(a, b).value == pytest.approx(apart)
    batch = fitted.outcome(a[None, None], b[None, None]).value
    assert batch.item() == pytest.approx(game.outcome(a, b).value)


def test_best_policy_beats_every_profile_and_equals_the_closed_form_inside():
    layout = Layout((2, 2, 2, 2))
    model = simulate.interacting_model(layout, rng=np.random.default_rng(3), main_sd=0.1, r2=0.5)
    hot = layout.argmax(np.random.default_rng(0).random((400, 8)))
    corner = two_way.best_policy(model, layout.uniform, 1e-5, layout, rng=np.random.default_rng(1))
    assert model.value(corner) >= model.value(hot).max() - 1e-6
    lam, free = 2.0, layout.free
    slope = model.beta[free] - model.beta[layout.starts]
    square = model.gamma[np.ix_(free, free)] - model.gamma[np.ix_(layout.starts, free)]
    square = square - model.gamma[np.ix_(free, layout.starts)] + model.gamma[np.ix_(layout.starts, layout.starts)]
    pull = (model.gamma[np.ix_(free, layout.starts)] - model.gamma[np.ix_(layout.starts, layout.starts)]).sum(1)
    short = policy.TwoWayModel(0.0, slope + pull, square)
    best = policy.closed_form(short, np.full(4, 0.5), lam, layout)
    assert best.unique and best.inside
    found = two_way.best_policy(model, layout.uniform, lam, layout, rng=np.random.default_rng(1))
    np.testing.assert_allclose(found[free], best.pi, atol=1e-8)


def test_a_batch_of_models_is_climbed_one_by_one():
    rng = np.random.default_rng(0)
    models = [simulate.interacting_model(LAYOUT, rng=rng, main_sd=0.05) for _ in range(3)]
    stack = policy.TwoWayModel(
        *(np.array([getattr(m, name) for m in models]) for name in ("intercept", "beta", "gamma"))
    )
    many = two_way.best_policy(stack, LAYOUT.uniform, 0.02, LAYOUT, rng=np.random.default_rng(1))
    for model, pi in zip(models, many):
        one = two_way.best_policy(model, LAYOUT.uniform, 0.02, LAYOUT, rng=np.random.default_rng(1))
        np.testing.assert_allclose(pi, one, atol=1e-6)


def test_bad_elections_are_refused(pairs, fitted):
    for penalties in ((0.0, 1.0), (1.0, -1.0)):
        with pytest.raises(ValueError, match="penalties must be above 0"):
            two_way.fit_election(pairs, EVERYONE, penalties, 0.4)
    with pytest.raises(ValueError, match="p_r must lie between 0 and 1, got 1"):
        two_way.fit_election(pairs, EVERYONE, (1.0, 1.0), 1)
    for field, bad, message in (
        ("link", "logit", "link must be linear with two-way terms"),
        ("pairs_r", fitted.pairs_r[..., 1:], "pairs_r must end in shape"),
        ("pairs_primary_d", None, "pairs_primary_d must end in shape"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(fitted, **{field: bad})
    no_primary = two_way.fit_election(pairs, EVERYONE, (20.0, 50.0), 0.4, primary=False)
    assert no_primary.primary_r is None and no_primary.pairs_primary_r is None
