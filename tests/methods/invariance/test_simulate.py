"""The linear design has the moments that it states, and flat directions are flat."""

import numpy as np
import pytest
from paperlab.methods.invariance import simulate


def test_moments_of_many_rows_are_those_of_the_population():
    design = simulate.Design.draw(3, rng=np.random.default_rng(0))
    rows = design.sample(400_000, 0.7, rng=np.random.default_rng(1))
    population = design.population(0.7)
    np.testing.assert_allclose(rows.x.T @ rows.x / 400_000, population.second, atol=0.05)
    np.testing.assert_allclose(rows.x.T @ rows.y / 400_000, population.cross, atol=0.1)


def test_without_confounding_the_outcome_is_the_flat_function_and_noise():
    design = simulate.Design.draw(4, rng=np.random.default_rng(2))
    rows = design.sample(5000, 0.0, rng=np.random.default_rng(3))
    assert (rows.y - rows.x @ design.f).std() == pytest.approx(0.1, rel=0.05)
    population = design.population(0.0)
    np.testing.assert_allclose(np.linalg.solve(population.second, population.cross), design.f)


def test_directions_are_orthonormal_and_flat():
    f = np.random.default_rng(4).standard_normal(8)
    basis = simulate.invariant_directions(f)
    assert basis.shape == (7, 8)
    np.testing.assert_allclose(basis @ basis.T, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(basis @ f, 0, atol=1e-12)
    assert simulate.invariant_directions(f, 3).shape == (3, 8)
    np.testing.assert_allclose(simulate.invariant_directions(1e-200 * f) @ f, 0, atol=1e-12)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: simulate.invariant_directions(np.ones(8), 8), "kernel_dim = 8: choose 1 to 7"),
        (lambda: simulate.invariant_directions(np.ones(8), 0), "kernel_dim = 0: choose 1 to 7"),
        (lambda: simulate.invariant_directions(np.zeros(8)), "f = 0"),
        (lambda: simulate.invariant_directions([1, np.nan]), "f is nan in row 1"),
        (lambda: simulate.Design(np.eye(3), np.ones(2), np.ones(3)), "a, b and f must be"),
        (lambda: simulate.Design(np.eye(3), np.ones(3), np.ones(3), noise=0.0), "noise must be above 0, got 0"),
    ],
)
def test_bad_input_is_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()
