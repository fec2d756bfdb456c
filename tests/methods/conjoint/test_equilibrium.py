"""Equilibria leave nothing to gain, and are what theory says where it says something."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import equilibrium, two_way
from paperlab.methods.conjoint.games import distance
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))


def test_solution_leaves_nothing_to_gain(one):
    solved, by_lot = equilibrium.solve(one, 0.05, n_steps=400), equilibrium.Policies(one.p, one.p, np.zeros(()))
    gains = [
        equilibrium.exploitability(one, 0.05, pair, rng=np.random.default_rng(0), n_starts=2, n_steps=150)
        for pair in (solved, by_lot)
    ]
    assert 0 <= gains[0] < 1e-5
    assert gains[1] > 20 * gains[0] + 5e-5
    assert solved.last_move < 1e-4


def test_best_response_to_anything_is_the_projection_in_the_linear_game(game):
    plain = game.without_primaries()
    away = equilibrium.Policies(plain.p, plain.p, np.zeros(()))
    slope = (plain.weight[:, None] * plain.slope_r).sum(0)
    best = LAYOUT.project(plain.p + slope / (2 * 0.05))
    expected = plain.share(best, plain.p).value - 0.05 * distance(best, plain.p)
    found = equilibrium.best_response(plain, 0.05, away, "R", rng=np.random.default_rng(0))
    assert found.best == pytest.approx(expected, abs=1e-9)
    assert found.now == pytest.approx(plain.share(plain.p, plain.p).value)


def test_equilibrium_of_the_linear_game_without_primaries_is_two_projections(game):
    plain = game.without_primaries()
    found = equilibrium.solve(plain, 0.5, n_steps=2000)
    for pi, slope in ((found.pi_r, plain.slope_r), (found.pi_d, plain.slope_d)):
        expected = LAYOUT.project(plain.p + (plain.weight[:, None] * slope).sum(0) / (2 * 0.5))
        np.testing.assert_allclose(pi, expected, atol=1e-6)


def test_parties_changed_around_give_the_mirrored_game(game):
    mirror = dataclasses.replace(
        game,
        intercept=1 - game.intercept,
        slope_r=game.slope_d,
        slope_d=game.slope_r,
        primary_r=game.primary_d,
        primary_d=game.primary_r,
    )
    ours, theirs = equilibrium.solve(game, 0.05), equilibrium.solve(mirror, 0.05)
    np.testing.assert_allclose(ours.pi_r, theirs.pi_d, atol=1e-8)
    value = mirror.outcome(theirs.pi_r, theirs.pi_d).value
    assert game.outcome(ours.pi_r, ours.pi_d).value == pytest.approx(1 - value)


def test_batches_equal_single_games(game):
    many = equilibrium.solve(dataclasses.replace(game, intercept=game.intercept[None]), np.array([0.02, 0.1]))
    single = equilibrium.solve(game, 0.1)
    np.testing.assert_allclose(many.pi_r[1], single.pi_r, atol=1e-8)
    np.testing.assert_allclose(many.last_move[1], single.last_move, atol=1e-8)


def test_steps_and_their_kind_are_as_asked(game):
    p = game.p
    first = equilibrium.solve(game, 0.05, n_steps=1, learning_rate=0.1, extragradient=False)
    grad = game.outcome(p, p).grad_r
    logits = np.log(p) + 0.1 * p * (grad - LAYOUT.total(p * grad))
    np.testing.assert_allclose(first.pi_r, LAYOUT.softmax(logits))
    assert first.last_move == pytest.approx(np.abs(np.r_[first.pi_r, first.pi_d] - np.r_[p, p]).max())
    ends = [equilibrium.solve(game, 0.05, extragradient=extra, n_steps=3000) for extra in (True, False)]
    np.testing.assert_allclose(ends[0].pi_r, ends[1].pi_r, atol=1e-6)


def test_searches_that_cannot_be_are_refused(game):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="lam must be positive, got 0"):
        equilibrium.solve(game, 0)
    for options in ({"n_steps": 0}, {"learning_rate": -1.0}):
        with pytest.raises(ValueError, match="n_steps must be 1 or more and learning_rate above 0"):
            equilibrium.solve(game, 0.1, **options)
    batch = equilibrium.solve(game, np.array([0.1, 0.2]), n_steps=1)
    with pytest.raises(ValueError, match="must be one, without batch axes"):
        equilibrium.best_response(game, 0.1, batch, "R", rng=rng)
    with pytest.raises(ValueError, match="side must be R or D"):
        equilibrium.best_response(game, 0.1, batch, "I", rng=rng)


@pytest.fixture(scope="module")
def interacting(game):
    rng = np.random.default_rng(4)
    blank = LAYOUT.factor[:, None] != LAYOUT.factor

    def matrix(*shape):
        gamma = rng.normal(0, 0.03, (*shape, 9, 9)) * blank
        return gamma + np.swapaxes(gamma, -1, -2)

    fields = {
        name: getattr(game, name) for name in ("intercept", "slope_r", "slope_d", "weight", "primary_r", "primary_d")
    }
    names = {"pairs_r": matrix(2), "pairs_d": matrix(2), "pairs_primary_r": matrix(), "pairs_primary_d": matrix()}
    return two_way.TwoWayElection(**fields, **names, p=game.p, layout=LAYOUT)


@pytest.mark.parametrize("lam", [0.005, 0.1])
def test_separate_maximisations_are_the_equilibrium(game, interacting, lam):
    for one in (game, interacting, interacting.without_primaries()):
        found = equilibrium.separate_equilibrium(one, lam, rng=np.random.default_rng(0), n_steps=600)
        gap = equilibrium.exploitability(one, lam, found, rng=np.random.default_rng(1), n_steps=600)
        assert gap == pytest.approx(0, abs=1e-8)
        for pi in (found.pi_r, found.pi_d):
            np.testing.assert_allclose(LAYOUT.total(pi), 1)
            assert pi.min() >= 0


def test_it_is_the_limit_of_the_logits_where_the_optimum_is_unique(game):
    exact = equilibrium.separate_equilibrium(game, 0.1, rng=np.random.default_rng(0))
    long = equilibrium.solve(game, 0.1, n_steps=4000)
    np.testing.assert_allclose(long.pi_r, exact.pi_r, atol=1e-3)
    assert exact.last_move < 0.05


def test_no_profile_beats_the_policy_at_a_vanishing_penalty(interacting):
    plain = interacting.without_primaries()
    found = equilibrium.separate_equilibrium(plain, 1e-4, rng=np.random.default_rng(0), n_starts=40)
    profiles = np.array(np.meshgrid(*[range(c) for c in LAYOUT.levels], indexing="ij")).reshape(3, -1).T
    hot = np.concatenate([np.eye(c)[profiles[:, d]] for d, c in enumerate(LAYOUT.levels)], 1)
    shares = plain.share(hot, np.broadcast_to(plain.p, hot.shape)).value
    assert plain.share(found.pi_r, plain.p).value >= shares.max() - 1e-3


def test_a_logit_game_does_not_fall_apart(logit):
    with pytest.raises(ValueError, match="link must be linear, got 'logit'"):
        equilibrium.separate_equilibrium(logit, 0.1, rng=np.random.default_rng(0))


def test_singles_of_a_batch(game):
    many = dataclasses.replace(game, intercept=np.stack([game.intercept, game.intercept + 0.01])[:, None])
    many = dataclasses.replace(
        many, **{name: np.stack([getattr(game, name)] * 2)[:, None] for name in game.batched[1:]}
    )
    found = equilibrium.solve(many, np.array([0.02, 0.1]), n_steps=50)
    one = equilibrium.solve(many.single(1, 0), 0.1, n_steps=50)
    np.testing.assert_allclose(found.single(1, 1).pi_r, one.pi_r)
    assert many.without_primaries().single(0, 0).primary_r is None
