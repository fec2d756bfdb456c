"""Two parties' policies: shares are means over elections, gradients are derivatives."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))


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


def test_bad_games_are_refused(game):
    for field, bad, message in (
        ("weight", np.array([0.6, 0.6]), "two shares of voters with sum 1"),
        ("link", "probit", "link must be linear or logit"),
        ("primary_d", None, "both be given, or neither"),
        ("slope_r", game.slope_r[:, 1:], r"slope_r must end in shape \(2, 9\)"),
        ("intercept", np.array([np.nan, 0.5]), "intercept is nan"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(game, **{field: bad})


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
