import dataclasses

import numpy as np
import pytest
import scipy.optimize
from paperlab.methods.conjoint import election as elections
from paperlab.methods.conjoint import games, gender_game
from paperlab.methods.conjoint import simulate as design
from paperlab.methods.conjoint.choices import Layout

LAYOUT = Layout((2, 3, 4))


@pytest.fixture(scope="module")
def game():
    rng = np.random.default_rng(0)
    voters = design.draw_voters(LAYOUT, [1], rng)
    return voters.election([0.6, 0.4])


@pytest.fixture(scope="module")
def policies():
    rng = np.random.default_rng(1)
    return [LAYOUT.softmax(rng.normal(0, 1, LAYOUT.size)) for _ in range(2)]


@pytest.fixture(scope="module")
def logit(game):
    return dataclasses.replace(game, link="logit", intercept=np.array([-1.0, 1.0]))


def numerical(function, pi):
    steps = 1e-6 * np.eye(len(pi))
    return np.array([(function(pi + h) - function(pi - h)) / 2e-6 for h in steps])


@pytest.mark.parametrize("link", ["linear", "logit"])
def test_gradients_of_the_outcome(game, logit, policies, link):
    one = game if link == "linear" else logit
    a, b = policies
    _, up, down = one.outcome(a, b)
    np.testing.assert_allclose(up, numerical(lambda v: one.outcome(v, b)[0], a), atol=1e-6)
    np.testing.assert_allclose(down, numerical(lambda v: one.outcome(a, v)[0], b), atol=1e-6)


def test_outcome_is_the_mean_over_four_elections(game, policies):
    chance, share = game.quadrants(*policies)
    assert chance.sum() == pytest.approx(1)
    assert game.outcome(*policies)[0] == pytest.approx((chance * share).sum())


def test_linear_game_falls_apart(game, policies):
    a, b = policies
    p = game.p
    joint = game.outcome(a, b)[0] - game.outcome(p, p)[0]
    assert joint == pytest.approx(game.outcome(a, p)[0] + game.outcome(p, b)[0] - 2 * game.outcome(p, p)[0])


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
    assert logit.share(a, b)[0] == pytest.approx(total, abs=2e-3)


@pytest.mark.parametrize("link", ["linear", "logit"])
def test_solution_leaves_nothing_to_gain(game, logit, link):
    one = game if link == "linear" else logit
    a, b = games.solve(one, 0.05, steps=400)
    solved, by_lot = (games.exploitability(one, 0.05, *pair, starts=2, steps=150) for pair in ((a, b), (one.p, one.p)))
    assert solved < 1e-5
    assert by_lot > 20 * solved + 2e-4


def test_parties_changed_around_give_the_mirrored_game(game):
    mirror = dataclasses.replace(
        game,
        intercept=1 - game.intercept,
        slope_r=game.slope_d,
        slope_d=game.slope_r,
        primary_r=game.primary_d,
        primary_d=game.primary_r,
    )
    a, b = games.solve(game, 0.05)
    c, d = games.solve(mirror, 0.05)
    np.testing.assert_allclose(a, d, atol=1e-8)
    assert game.outcome(a, b)[0] == pytest.approx(1 - mirror.outcome(c, d)[0])


def test_batches_equal_single_games(game):
    lams = np.array([0.02, 0.1])
    many = games.solve(dataclasses.replace(game, intercept=game.intercept[None]), lams)
    one = games.solve(game, 0.1)
    np.testing.assert_allclose(many[0][1], one[0], atol=1e-8)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_gender_equilibrium_equals_the_grid(share):
    m = gender_game.gender_truth(share)
    x, y, _ = gender_game.gender_equilibrium(m, 0.05)
    gx, gy, gap = gender_game.gender_grid(m, 0.05)
    assert abs(x - gx) <= 0.001
    assert abs(y - gy) <= 0.001
    assert gap < 1e-6
    path = gender_game.gender_path(m, 0.05, rate=20.0, steps=300)
    np.testing.assert_allclose(path[-1], (x, y), atol=1e-3)


def test_gender_numbers_of_the_prototype():
    low, high = (gender_game.gender_equilibrium(gender_game.gender_truth(share), 0.05) for share in (0.1, 0.9))
    np.testing.assert_allclose(low, (0.356, 0.376, 0.092), atol=0.002)
    np.testing.assert_allclose(high, (0.197, 0.604, 0.425), atol=0.002)


def test_matching_pennies_circle_without_a_penalty_and_settle_with_one():
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert gender_game.best_response_cycle(pennies, (0, 0)) == 2
    assert gender_game.best_response_cycle(np.array([[2.0, 1.0], [1.0, 0.0]]), (1, 0)) == 1
    options = {"rate": 0.5, "steps": 400, "start": (0.5, 0.0)}
    plain = gender_game.gender_path(pennies, 0.0, extragradient=False, **options)
    away = np.abs(plain - 0.5).max(1)
    assert away[-50:].max() > away[0]
    for lam, extragradient in ((0.3, False), (0.0, True)):
        assert (
            np.abs(gender_game.gender_path(pennies, lam, extragradient=extragradient, **options)[-1] - 0.5).max() < 0.01
        )


def test_small_penalty_approaches_the_value_of_the_matrix_game():
    pennies = np.array([[2.0, -1.0], [-1.0, 1.0]])
    program = scipy.optimize.linprog(
        [0, 0, -1],
        A_ub=np.column_stack([-pennies.T, np.ones(2)]),
        b_ub=[0, 0],
        A_eq=[[1, 1, 0]],
        b_eq=[1],
        bounds=[(0, 1)] * 2 + [(None, None)],
    )
    x, y, gap = gender_game.gender_grid(pennies, 1e-4, step=0.002)
    c0, c1, c2, c3 = gender_game.bilinear(pennies)
    assert c0 + c1 * x + c2 * y + c3 * x * y == pytest.approx(-program.fun, abs=0.01)
    assert gap < 0.01


def test_gender_intervals_cover():
    m = gender_game.gender_truth(0.5)
    truth = np.array(gender_game.gender_equilibrium(m, 0.05)[:2])
    theta, variance = gender_game.gender_sample(0.5, 5000, 400, np.random.default_rng(2))
    cells = theta[:, :8].reshape(-1, 2, 2, 2)
    seen = gender_game.gender_matrix(cells[:, 0], cells[:, 1], theta[:, 8], theta[:, 9], 0.5)
    found = np.stack(gender_game.gender_equilibrium(seen, 0.05)[:2], -1)
    se = gender_game.gender_standard_errors(theta, variance, 0.5, 0.05)
    assert (np.abs(found - truth) < 1.96 * se).mean() == pytest.approx(0.95, abs=0.03)


@pytest.fixture(scope="module")
def survey():
    rng = np.random.default_rng(3)
    voters = design.draw_voters(LAYOUT, [1], rng)
    pairs, _ = design.simulate_voters(voters, 400, 8, 0.4, rng)
    return voters, pairs


def test_elections_are_recovered_from_choices(survey):
    voters, pairs = survey
    products = elections.cross_products(pairs)
    fitted = elections.fit_election(products, np.ones((1, 400)), 5.0, 0.4, LAYOUT)
    truth = voters.election([0.6, 0.4])
    a, b = games.solve(truth, 0.05)
    assert fitted.outcome(a, b)[0].item() == pytest.approx(truth.outcome(a, b)[0], abs=0.06)
    with pytest.raises(ValueError, match="p_r must lie between 0 and 1, got 1"):
        elections.fit_election(products, np.ones((1, 400)), 5.0, 1, LAYOUT)


def test_in_sample_shares_flatter_and_held_out_ones_do_not(survey):
    _, pairs = survey
    deal = np.random.default_rng(4).permutation(len(pairs.y))
    nothing = dataclasses.replace(pairs, x1=pairs.x1[deal], x2=pairs.x2[deal])
    folds = (np.random.default_rng(5).permutation(400) % 5)[pairs.person]
    held, inside, _ = elections.held_out_shares(nothing, [0.01, 0.1], 20.0, folds)
    assert held.shape == inside.shape == (5, 2)
    assert inside[:, 0].min() > 0.505
    assert held[:, 0].mean() == pytest.approx(0.5, abs=0.03)


def test_interactions_that_do_not_exist_do_not_help(survey):
    _, pairs = survey
    folds = (np.arange(400) % 5)[pairs.person]
    main, wide = elections.two_way_loss(pairs, folds, [1.0, 1e7], 20.0)
    assert wide[0] > main
    assert wide[1] == pytest.approx(main, rel=1e-4)
