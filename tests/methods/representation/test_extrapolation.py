"""Facts about the linear-invariance penalty and the autoencoders trained under it."""

import numpy as np
import pytest
from paperlab.methods.representation import extrapolation, simulate_actions
from scipy.spatial.distance import cdist


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def one(rng, n=400, **design):
    world = simulate_actions.draw_world(rng=rng, **design)
    return world, world.sample(n, rng=rng)


@pytest.mark.parametrize("k", [1, 2])
def test_penalty_by_factor_is_the_double_sum_over_the_kernel(rng, k):
    a, code = rng.uniform(-1, 1, (300, k)), rng.standard_normal((300, 2))
    full = np.exp(-(cdist(a, a) ** 2) / (2 * extrapolation.bandwidth(a) ** 2))
    r = extrapolation.residuals(code, a)
    assert extrapolation.penalty(code, extrapolation.moment_factor(a, tol=1e-8)) == pytest.approx(
        np.trace(r.T @ full @ r) / 300**2, abs=1e-7
    )
    assert extrapolation.moment_factor(a).shape[1] < 100


def test_penalty_does_not_see_affine_functions_of_the_actions_rotations_and_shifts(rng):
    a, code = rng.uniform(-1, 1, (300, 2)), rng.standard_normal((300, 2))
    factor = extrapolation.moment_factor(a)
    turn, _ = np.linalg.qr(rng.standard_normal((2, 2)))
    q = extrapolation.penalty(code, factor)
    assert extrapolation.penalty(a @ turn + 5, factor) == pytest.approx(0, abs=1e-20)
    assert extrapolation.penalty(code @ turn + a + 3, factor) == pytest.approx(q)


def test_penalty_sees_curved_means(rng):
    a = rng.uniform(-1, 1, (1000, 1))
    noise, factor = rng.standard_normal((1000, 1)), extrapolation.moment_factor(a)
    assert extrapolation.penalty(1.5 * a + noise + a**2, factor) > 20 * extrapolation.penalty(1.5 * a + noise, factor)


def test_trap_a_small_code_removes_the_penalty(rng):
    """The trap: Q of a code shrunk a hundredfold is 10,000 times smaller, and a decoder can undo the shrinking."""
    _, sample = one(rng)
    factor, folded = extrapolation.moment_factor(sample.a), np.abs(sample.z)
    assert extrapolation.penalty(folded / 100, factor) == pytest.approx(1e-4 * extrapolation.penalty(folded, factor))
    assert extrapolation.r_squared(folded, folded / 100) == pytest.approx(1)


def test_trap_training_without_standardising_shrinks_the_code(rng):
    _, sample = one(rng, 200)
    found = extrapolation.train_autoencoders([sample] * 2, [1.0, 1e5], [4, 4], standardise=False, n_steps=80)
    scale = np.sqrt(found.trained_penalty / found.penalty)
    assert scale[1] < 0.5 * scale[0]
    np.testing.assert_allclose(found.code.std(1), 1, rtol=1e-4)


def test_networks_in_a_stack_are_trained_as_if_alone(rng):
    samples = [one(rng, 300)[1] for _ in range(2)]
    together = extrapolation.train_autoencoders(samples, [0.0, 10.0], [4, 8], n_steps=40)
    alone = extrapolation.train_autoencoders(samples[1:], [10.0], [8], n_steps=40)
    np.testing.assert_allclose(together.reconstruction[1], alone.reconstruction[0], rtol=1e-2)


def test_penalty_falls_in_training(rng):
    _, sample = one(rng, 300)
    found = extrapolation.train_autoencoders([sample] * 2, [0.0, 100.0], [4, 4], n_steps=200)
    assert found.penalty[1] < found.penalty[0]


def test_r_squared_is_blind_to_affine_maps(rng):
    z = rng.standard_normal((200, 2))
    assert extrapolation.r_squared(z, z @ rng.standard_normal((2, 2)) + 4) == pytest.approx(1)
    assert extrapolation.r_squared(z, z[:, :1]) == pytest.approx(z[:, 0].var() / z.var(0).sum(), abs=0.05)


def test_thin_factor_is_the_kernel(rng):
    a = rng.uniform(-1, 1, (200, 2))
    kernel = np.exp(-(cdist(a, a) ** 2) / (2 * extrapolation.bandwidth(a) ** 2))
    thin = extrapolation.kernel_factor(a, tol=1e-8)
    np.testing.assert_allclose(thin @ thin.T, kernel, atol=1e-5)
    assert extrapolation.kernel_factor(a, max_rank=7).shape == (200, 7)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_of_the_actions_do_not_matter(rng, unit):
    a, code = rng.uniform(-1, 1, (300, 2)), rng.standard_normal((300, 2))
    expected = extrapolation.penalty(code, extrapolation.moment_factor(a))
    assert extrapolation.penalty(code, extrapolation.moment_factor(unit * a)) == pytest.approx(expected, rel=1e-6)


def test_residuals_are_those_of_least_squares_also_with_columns_that_add_nothing(rng):
    a, values = rng.standard_normal((50, 2)), rng.standard_normal((50, 3))
    design = np.c_[np.ones(50), a]
    expected = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    np.testing.assert_allclose(extrapolation.residuals(values, a), expected, atol=1e-12)
    idle = np.c_[a[:, :1], 2 * a[:, :1] - 5, np.full(50, 0.1), a[:, 1:]]
    np.testing.assert_allclose(extrapolation.residuals(values, idle), expected, atol=1e-9)


def test_a_code_with_a_dead_coordinate_explains_no_more_than_without(rng):
    z = rng.standard_normal((30, 1))
    code = z + rng.standard_normal((30, 1))
    alone = extrapolation.r_squared(z, code)
    assert extrapolation.r_squared(z, np.c_[code, np.full(30, 0.3)]) == pytest.approx(alone)
    assert 0 < alone < 0.9


def test_bad_data_are_refused_by_name(rng):
    _, s = one(rng, 100)
    _, other = one(rng, 90)
    wrong = np.where(np.arange(100) == 4, np.nan, s.a[:, 0])[:, None]
    flat = simulate_actions.Sample(s.a, s.z, s.x * (np.arange(10) != 2), s.y)
    for bad, words in [
        (lambda: extrapolation.moment_factor(np.full((100, 1), 0.1)), "column 0 has no variation"),
        (lambda: extrapolation.moment_factor(np.c_[s.a, 1 - 3 * s.a]), "column 1 is a linear combination"),
        (lambda: extrapolation.moment_factor(s.a[:, 0]), r"shape \(n, k\)"),
        (lambda: extrapolation.moment_factor(wrong), "a is nan in row 4"),
        (lambda: extrapolation.moment_factor(np.repeat([0.0, 1.0], [95, 5])[:, None]), "median distance"),
        (lambda: extrapolation.penalty(wrong, extrapolation.moment_factor(s.a)), "code is nan in row 4"),
        (lambda: extrapolation.penalty(s.z[:50], extrapolation.moment_factor(s.a)), "100 rows of the factor"),
        (lambda: extrapolation.r_squared(s.z, wrong), "code is nan in row 4"),
        (lambda: extrapolation.r_squared(np.ones((100, 1)), s.z), "z is constant"),
        (lambda: extrapolation.r_squared(s.z[:50], s.z), "z and code"),
        (lambda: extrapolation.train_autoencoders([s], [-1.0], [0]), "must not be negative"),
        (lambda: extrapolation.train_autoencoders([s], [1.0, 2.0], [0]), "one of each per member"),
        (lambda: extrapolation.train_autoencoders([s, other], [0.0, 0.0], [0, 2]), "differ in shape"),
        (lambda: extrapolation.train_autoencoders([flat], [0.0], [0]), "column 2 is constant"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
