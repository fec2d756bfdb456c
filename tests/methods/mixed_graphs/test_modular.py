"""Linear algebra modulo a prime against sympy, exact integers and fractions."""

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import ideals, modular

P = modular.PRIMES[0]


def rng(seed=5):
    return np.random.default_rng(seed)


def test_inverse_matrix_times_matrix_is_the_identity():
    a = rng().integers(0, P, size=(6, 6))
    inverse, det = modular.inverse_matrix(a, P)
    product = [[sum(int(a[i, k]) * int(inverse[k, j]) for k in range(6)) % P for j in range(6)] for i in range(6)]
    assert product == np.eye(6, dtype=int).tolist()
    assert 0 < det < P


def test_determinant_and_rank_agree_with_sympy():
    sp = pytest.importorskip("sympy")
    a = rng().integers(-9, 10, size=(5, 5))
    assert modular.inverse_matrix(a, P)[1] == int(sp.Matrix(a.tolist()).det()) % P
    low = a[:, :2] @ rng(1).integers(-9, 10, size=(2, 7))
    assert modular.rank(low, P) == sp.Matrix(low.tolist()).rank() == np.linalg.matrix_rank(low) == 2


def test_null_space_is_annihilated_and_has_the_dimension_of_rank_and_nullity():
    a = rng().integers(-5, 6, size=(4, 9))
    basis = modular.null_space(a, P)
    assert basis.shape == (9 - modular.rank(a, P), 9)
    assert not ((a.astype(object) @ basis.T.astype(object)) % P).any()
    assert modular.null_space(np.zeros((0, 3), int), P).tolist() == np.eye(3, dtype=int).tolist()


def test_rational_reconstruction_finds_small_fractions():
    for numerator, denominator in ((-7, 12), (22, 7), (0, 1), (30000, 1)):
        residue = numerator * pow(denominator, -1, P) % P
        found = modular.rational(residue, P)
        assert (found.numerator, found.denominator) == (numerator, denominator)
    assert modular.smallest_integers([pow(2, -1, P), P - pow(3, -1, P)], P) == [3, -2]


def test_product_of_two_residues_fits_int64_and_of_three_does_not():
    a = np.int64(P - 1)
    assert int(a * a) == (P - 1) ** 2
    with np.errstate(over="ignore"):
        assert int(a * a * a) != (P - 1) ** 3
    points = np.full((1, 1), P - 1)
    assert ideals.evaluate_monomials(points, np.zeros((1, 3), int), P)[0, 0] == (P - 1) ** 3 % P


@pytest.mark.parametrize("prime", [2147483646, 4, 2**31 + 11, 1, 7.5])
def test_wrong_primes_are_refused(prime):
    with pytest.raises(ValueError, match="prime must be"):
        modular.check_prime(prime)


def test_singular_and_malformed_matrices_are_refused():
    with pytest.raises(ValueError, match="singular modulo"):
        modular.inverse_matrix(np.ones((2, 2), int), P)
    with pytest.raises(ValueError, match="square"):
        modular.inverse_matrix(np.ones((2, 3), int), P)
    with pytest.raises(ValueError, match="integers"):
        modular.rank(np.ones((2, 2)), P)


def test_rank_may_fall_at_a_prime_and_never_rises():
    a = np.array([[1, 2], [3, 1]])  # determinant -5
    assert (modular.rank(a, 5), modular.rank(a, 7), modular.rank(a)) == (1, 2, 2)


def test_residues_that_are_no_small_fraction_are_told():
    assert modular.rational(123_456_789, P) is None
    assert modular.smallest_integers([1, 123_456_789], P) is None
    assert modular.smallest_integers([0, P - 4, 6], P) == [0, 2, -3]


def test_echelon_form_names_the_columns_that_choose_the_rows():
    a, pivots = np.array([[0, 2, 4], [0, 1, 2], [3, 0, 1]]), np.empty(3, np.int64)
    reduced = a.copy()
    assert modular.eliminate(reduced, P, pivots, True) == 2
    assert pivots[:2].tolist() == [0, 1]
    assert reduced[:2, :2].tolist() == [[1, 0], [0, 1]]
    assert (3 * reduced[0, 2] % P, reduced[1, 2]) == (1, 2)
