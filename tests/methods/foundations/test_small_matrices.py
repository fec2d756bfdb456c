"""The compiled products, inverses and solutions against what they must satisfy."""

import numpy as np
import pytest
from paperlab.methods.foundations import small_matrices


def definite(n, seed=1):
    root = np.random.default_rng(seed).standard_normal((n, n + 2))
    return root @ root.T


def test_product_is_that_of_the_leading_blocks_and_leaves_the_rest():
    rng = np.random.default_rng(0)
    a, b, out = rng.standard_normal((4, 5)), rng.standard_normal((5, 6)), np.full((4, 6), 7.0)
    small_matrices.product(a, b, out, 3, 2, 4)
    assert out[:3, :4] == pytest.approx(a[:3, :2] @ b[:2, :4])
    assert (out[3:] == 7).all() and (out[:, 4:] == 7).all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_inverse_times_matrix_is_the_identity(n):
    a, out = np.random.default_rng(n).standard_normal((n, n)), np.empty((n, n))
    log_det = small_matrices.inverse(a.copy(), out)
    assert a @ out == pytest.approx(np.eye(n), abs=1e-12)
    assert log_det == pytest.approx(np.log(abs(np.linalg.det(a))))


def test_inverse_exchanges_rows_where_a_pivot_vanishes():
    a, out = np.array([[0.0, 2.0], [4.0, 0.0]]), np.empty((2, 2))
    assert small_matrices.inverse(a.copy(), out) == pytest.approx(np.log(8))
    assert out == pytest.approx(np.array([[0.0, 0.25], [0.5, 0.0]]))


def test_inverse_of_three_by_three_is_that_of_the_full_matrix():
    a = definite(3)
    *upper, det = small_matrices.inverse3(a[0, 0], a[0, 1], a[0, 2], a[1, 1], a[1, 2], a[2, 2])
    expected = np.linalg.inv(a)
    assert upper == pytest.approx(expected[np.triu_indices(3)])
    assert det == pytest.approx(np.linalg.det(a))


@pytest.mark.parametrize("n", [1, 2, 6])
def test_solution_of_a_definite_system(n):
    a, b = definite(n), np.random.default_rng(2).standard_normal((n, 3))
    x = b.copy()
    small_matrices.solve_spd(a.copy(), x)
    assert a @ x == pytest.approx(b)


def test_a_singular_matrix_raises():
    with pytest.raises(ZeroDivisionError):
        small_matrices.inverse(np.ones((2, 2)), np.empty((2, 2)))
    with pytest.raises(ZeroDivisionError):
        small_matrices.inverse3(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
