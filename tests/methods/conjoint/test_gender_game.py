"""The game of one binary factor against brute force, linear programming and hand counts."""

import numpy as np
import pytest
import scipy.optimize
from paperlab.methods.conjoint import gender_game

PENNIES = np.array([[1.0, -1.0], [-1.0, 1.0]])


def test_payoffs_by_hand():
    m = gender_game.payoff_matrix(np.full((2, 2), 0.8), np.full((2, 2), 0.1), 0.6, 0.5, 0.25)
    # a woman beats a field half of women in .5 * .5 + .5 * .6 = .55 of Republican primaries, a man in .45; Democrats .5
    np.testing.assert_allclose(m, [[0.25 * 0.8 * 0.45 + 0.0375] * 2, [0.25 * 0.8 * 0.55 + 0.0375] * 2])


def test_bilinear_form_is_the_mean_over_pairings():
    m = np.random.default_rng(0).random((2, 2))
    x, y = 0.3, 0.8
    assert gender_game.bilinear(m).value(x, y) == pytest.approx(np.array([x, 1 - x]) @ m @ np.array([y, 1 - y]))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_equilibrium_equals_the_grid_and_the_end_of_the_path(share):
    m = gender_game.true_matrix(share)
    point, grid = gender_game.equilibrium(m, 0.05), gender_game.grid_equilibrium(m, 0.05)
    assert abs(point.x - grid.x) <= 0.001
    assert abs(point.y - grid.y) <= 0.001
    assert grid.gap < 1e-6
    path = gender_game.gradient_path(m, 0.05, learning_rate=20.0, n_steps=300)
    np.testing.assert_allclose(path[-1], (point.x, point.y), atol=1e-3)


@pytest.mark.parametrize("lam", [0.3, 0.03, 0.003, 1e-6])
def test_equilibrium_is_right_where_best_responses_are_steep(lam):
    rng = np.random.default_rng(1)
    for m in (np.array([[2.0, -1.0], [-1.0, 1.0]]), *rng.standard_normal((20, 2, 2))):
        point = gender_game.equilibrium(m, lam)
        x, y = np.r_[point.x, np.linspace(0, 1, 1001)], np.r_[point.y, np.linspace(0, 1, 1001)]
        value = np.array([x, 1 - x]).T @ m @ np.array([y, 1 - y])
        payoff = value - 2 * lam * (x[:, None] - 0.5) ** 2 + 2 * lam * (y - 0.5) ** 2
        assert payoff[:, 0].max() - payoff[0, 0] < 1e-5 * np.abs(m).max()
        assert payoff[0, 0] - payoff[0].min() < 1e-5 * np.abs(m).max()
        assert point.value == pytest.approx(value[0, 0])


def test_small_penalty_approaches_the_value_of_the_matrix_game():
    m = np.array([[2.0, -1.0], [-1.0, 1.0]])
    program = scipy.optimize.linprog(
        [0, 0, -1],
        A_ub=np.column_stack([-m.T, np.ones(2)]),
        b_ub=[0, 0],
        A_eq=[[1, 1, 0]],
        b_eq=[1],
        bounds=[(0, 1)] * 2 + [(None, None)],
    )
    assert gender_game.equilibrium(m, 1e-5).value == pytest.approx(-program.fun, abs=1e-4)
    grid = gender_game.grid_equilibrium(m, 1e-4, step=0.002)
    assert (grid.x, grid.y) == (pytest.approx(0.4, abs=0.003), pytest.approx(0.4, abs=0.003))
    assert grid.gap < 0.01


def test_equilibrium_follows_units_labels_and_batches():
    m = gender_game.true_matrix(0.4)
    base = gender_game.equilibrium(m, 0.05)
    tiny = gender_game.equilibrium(1e-9 * m + 3, 1e-9 * 0.05)
    assert (tiny.x, tiny.y) == (pytest.approx(base.x, abs=1e-5), pytest.approx(base.y, abs=1e-5))
    named = gender_game.equilibrium(m[::-1, ::-1], 0.05)  # men called women
    assert (named.x, named.y) == (pytest.approx(1 - base.x), pytest.approx(1 - base.y))
    sides = gender_game.equilibrium(-m.T, 0.05)  # parties changed around
    assert (sides.x, sides.y, sides.value) == tuple(pytest.approx(v) for v in (base.y, base.x, -base.value))
    many = gender_game.equilibrium(np.stack([PENNIES, m]), 0.05)
    assert (many.x[1], many.y[1]) == (base.x, base.y)


def test_steep_slopes_end_at_the_bounds():
    point = gender_game.equilibrium(np.array([[1.0, 1], [0, 0]]), 0.01)  # a man is always better, nothing else matters
    assert (point.x, point.y) == (1, 0.5)
    point = gender_game.equilibrium(np.array([[0.0, 1], [0, 1]]), 0.01)  # a Democratic man costs the Republicans
    assert (point.x, point.y) == (0.5, 1)


def test_matching_pennies_circle_without_a_penalty_and_settle_with_one():
    options = {"learning_rate": 0.5, "n_steps": 400, "start": (0.5, 0.0)}
    plain = gender_game.gradient_path(PENNIES, 0.0, extragradient=False, **options)
    away = np.abs(plain - 0.5).max(1)
    assert plain.shape == (401, 2)
    np.testing.assert_allclose(plain[0], [1 / (1 + np.exp(-0.5)), 0.5])
    assert away[-50:].max() > away[0]
    for lam, extragradient in ((0.3, False), (0.0, True)):
        end = gender_game.gradient_path(PENNIES, lam, extragradient=extragradient, **options)[-1]
        np.testing.assert_allclose(end, 0.5, atol=0.01)


def test_alternating_best_responses_cycle_or_settle():
    assert gender_game.best_response_cycle(PENNIES, (0, 0)) == 2
    assert gender_game.best_response_cycle(PENNIES, (0, 1)) == 2
    assert gender_game.best_response_cycle(np.array([[2.0, 1.0], [1.0, 0.0]]), (1, 0)) == 1
    large = np.roll(np.eye(30), 1, axis=0)  # row i + 1 answers column i, some other column answers it
    assert gender_game.best_response_cycle(large, (0, 0)) >= 1


def test_samples_are_frequencies_of_the_game():
    many = gender_game.sample(0.3, 4000, 500, rng=np.random.default_rng(0))
    truth = np.r_[gender_game.AUTHORS[0].ravel(), gender_game.AUTHORS[1].ravel(), 0.6, 0.45]
    error = many.theta - truth
    assert (np.abs(error.mean(0)) < 4 * error.std(0) / np.sqrt(500)).all()
    np.testing.assert_allclose(many.variance.mean(0), error.var(0), rtol=0.25)
    expected = truth * (1 - truth) / (4000 * np.r_[[0.3 / 4] * 4, [0.7 / 4] * 4, 0.3 / 2, 0.7 / 2])
    np.testing.assert_allclose(np.median(many.variance, 0), expected, rtol=0.1)
    np.testing.assert_allclose(many.matrix(0.3).mean(0), gender_game.true_matrix(0.3), atol=0.01)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_intervals_cover(share):
    truth = gender_game.equilibrium(gender_game.true_matrix(share), 0.05)
    samples = gender_game.sample(share, 5000, 400, rng=np.random.default_rng(2))
    found = gender_game.equilibrium(samples.matrix(share), 0.05)
    se = gender_game.standard_errors(samples, share, 0.05)
    error = np.stack([found.x - truth.x, found.y - truth.y], -1)
    assert (np.abs(error) < 1.96 * se).mean() == pytest.approx(0.95, abs=0.03)


def test_standard_errors_are_derivatives():
    one = gender_game.sample(0.4, 5000, 1, rng=np.random.default_rng(3))
    theta, total = one.theta[0], 0.0
    for k, variance in enumerate(one.variance[0]):
        step = 1e-5 * np.eye(10)[k]
        ends = [
            gender_game.equilibrium(gender_game.Frequencies(theta + s * step, one.variance[0]).matrix(0.4), 0.05)
            for s in (1, -1)
        ]
        total += (np.array([ends[0].x - ends[1].x, ends[0].y - ends[1].y]) / 2e-5) ** 2 * variance
    np.testing.assert_allclose(gender_game.standard_errors(one, 0.4, 0.05)[0], np.sqrt(total), rtol=1e-4)


def test_an_equilibrium_at_a_bound_has_no_delta_method():
    samples = gender_game.sample(0.4, 500, 20, rng=np.random.default_rng(4))
    with pytest.warns(
        UserWarning, match=r"of 20 equilibria have a probability of 0 or 1; their standard errors do not hold"
    ):
        gender_game.standard_errors(samples, 0.4, 0.001)


def test_bad_input_is_named():
    rng = np.random.default_rng(0)
    m = gender_game.true_matrix(0.5)
    with pytest.raises(ValueError, match="p_r must lie between 0 and 1, got 1"):
        gender_game.sample(1, 100, 5, rng=rng)
    with pytest.raises(ValueError, match="nobody saw one of the pairings, so its cell is not identified; raise n"):
        gender_game.sample(0.5, 6, 50, rng=rng)
    with pytest.raises(ValueError, match=r"woman_r must lie in \[0, 1\], got 1.6"):
        gender_game.payoff_matrix(m, m, 1.6, 0.5, 0.5)
    with pytest.raises(ValueError, match="general_d is nan in row 1"):
        gender_game.payoff_matrix(m, np.array([[0.1, 0.2], [np.nan, 0.3]]), 0.6, 0.5, 0.5)
    with pytest.raises(ValueError, match=r"m must end in shape \(2, 2\)"):
        gender_game.equilibrium(np.zeros((2, 3)), 0.1)
    for call in (gender_game.equilibrium, gender_game.grid_equilibrium):
        with pytest.raises(ValueError, match="lam must be positive, got 0"):
            call(m, 0)
    with pytest.raises(ValueError, match=r"step must lie in \(0, 0.5\]"):
        gender_game.grid_equilibrium(m, 0.1, step=0)
    with pytest.raises(ValueError, match="lam must be 0 or more and learning_rate above 0"):
        gender_game.gradient_path(m, -1, learning_rate=1.0, n_steps=1)
    bad = gender_game.Frequencies(np.full((3, 9), 0.5), np.full((3, 9), 0.1))
    with pytest.raises(ValueError, match=r"theta and variance must be \(..., 10\)"):
        gender_game.standard_errors(bad, 0.5, 0.1)
