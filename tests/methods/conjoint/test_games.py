"""Two parties' policies: shares are means over elections, gradients are derivatives, equilibria leave nothing to gain."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import equilibrium, simulate
from paperlab.methods.conjoint.games import distance
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))


@pytest.fixture(scope="module")
def game():
    return simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(0)).election([0.6, 0.4])


@pytest.fixture(scope="module")
def logit(game):
    return dataclasses.replace(game, link="logit", intercept=np.array([-1.0, 1.0]))


@pytest.fixture(params=["linear", "logit"])
def one(request, game, logit):
    return game if request.param == "linear" else logit


@pytest.fixture(scope="module")
def policies():
    rng = np.random.default_rng(1)
    return [LAYOUT.softmax(rng.normal(0, 1, LAYOUT.size)) for _ in range(2)]


def numerical(function, pi):
    steps = 1e-6 * np.eye(len(pi))
    return np.array([(function(pi + h) - function(pi - h)) / 2e-6 for h in steps])


@pytest.mark.parametrize("primaries", [True, False])
def test_gradients_are_derivatives(one, policies, primaries):
    a, b = policies
    game = one if primaries else one.without_primaries()
    found = game.outcome(a, b)
    np.testing.assert_allclose(found.grad_r, numerical(lambda v: game.outcome(v, b).value, a), atol=1e-6)
    np.testing.assert_allclose(found.grad_d, numerical(lambda v: game.outcome(a, v).value, b), atol=1e-6)
    entrant = one.nomination(a, "R")
    np.testing.assert_allclose(entrant.grad, numerical(lambda v: one.nomination(v, "R").value, a), atol=1e-6)


def test_outcome_is_the_mean_over_four_elections(one, policies):
    four = one.quadrants(*policies)
    assert four.chance.sum() == pytest.approx(1)
    assert one.outcome(*policies).value == pytest.approx((four.chance * four.share).sum())
    first, second = (one.nomination(pi, s).value for pi, s in zip(policies, "RD"))
    assert four.chance[:2].sum() == pytest.approx(first)
    assert four.chance[[0, 2]].sum() == pytest.approx(second)
    shares = [one.share(a, b).value for a, b in ((policies[0], one.p), (one.p, policies[1]), (one.p, one.p))]
    np.testing.assert_allclose(four.share[1:], shares)


def test_a_draw_by_lot_is_nominated_in_half_of_the_primaries(one):
    assert one.nomination(one.p, "R").value == pytest.approx(0.5)
    assert one.without_primaries().nomination(one.p, "D").value == 1


def test_share_by_lot_is_the_electorates(game):
    assert game.share(game.p, game.p).value == pytest.approx(game.weight @ game.intercept)


def test_linear_game_falls_apart(game, policies):
    a, b = policies
    p = game.p
    joint = game.outcome(a, b).value - game.outcome(p, p).value
    apart = game.outcome(a, p).value + game.outcome(p, b).value - 2 * game.outcome(p, p).value
    assert joint == pytest.approx(apart)


def test_logistic_normal_approximation_is_close_to_enumeration(logit, policies):
    a, b = policies
    profiles = np.array(np.meshgrid(*[range(c) for c in LAYOUT.levels], indexing="ij")).reshape(3, -1).T
    hot = np.concatenate([np.eye(c)[profiles[:, d]] for d, c in enumerate(LAYOUT.levels)], 1)
    weight = [np.prod([pi[LAYOUT.starts[d] + profiles[:, d]] for d in range(3)], 0) for pi in (a, b)]
    total = 0.0
    for voter, size in enumerate(logit.weight):
        red = (hot - logit.p) @ logit.slope_r[voter]
        blue = (hot - logit.p) @ logit.slope_d[voter]
        prob = 1 / (1 + np.exp(-(logit.intercept[voter] + red[:, None] - blue)))
        total += size * weight[0] @ prob @ weight[1]
    assert logit.share(a, b).value == pytest.approx(total, abs=2e-3)


def test_solution_leaves_nothing_to_gain(one):
    solved, by_lot = equilibrium.solve(one, 0.05, n_steps=400), equilibrium.Policies(one.p, one.p, np.zeros(()))
    gains = [
        equilibrium.exploitability(one, 0.05, pair, rng=np.random.default_rng(0), n_starts=2, n_steps=150)
        for pair in (solved, by_lot)
    ]
    assert 0 <= gains[0] < 1e-5
    assert gains[1] > 20 * gains[0] + 2e-4
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


def test_bad_games_are_refused(game):
    rng = np.random.default_rng(0)
    for field, bad, message in (
        ("weight", np.array([0.6, 0.6]), "two shares of voters with sum 1"),
        ("link", "probit", "link must be linear or logit"),
        ("primary_d", None, "both be given, or neither"),
        ("slope_r", game.slope_r[:, 1:], r"slope_r must end in shape \(2, 9\)"),
        ("intercept", np.array([np.nan, 0.5]), "intercept is nan"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(game, **{field: bad})
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


def test_bad_policies_are_refused(one):
    bad = np.where(np.arange(9) == 4, np.nan, one.p)
    for call, name in (
        (lambda pi: one.outcome(pi, one.p), "pi"),
        (lambda pi: one.share(one.p, pi), "pi_d"),
        (lambda pi: one.without_primaries().outcome(pi, one.p), "pi_r"),
        (lambda pi: one.nomination(pi, "R"), "pi"),
    ):
        with pytest.raises(ValueError, match=f"{name} is nan in row 4"):
            call(bad)
        with pytest.raises(ValueError, match=f"{name} must have one entry for each of 9 levels, got shape"):
            call(one.p[:1])


def test_plain_lists_make_the_same_election(game, policies):
    lists = {name: getattr(game, name).tolist() for name in ("intercept", "slope_r", "slope_d", "weight", "primary_r")}
    assert dataclasses.replace(game, **lists).outcome(*policies).value == game.outcome(*policies).value
