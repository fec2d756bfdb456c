"""Vanishing ideals: known dimensions and generators, and the traps of too few points."""

import itertools

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import ideals, modular
from paperlab.methods.mixed_graphs.graphs import MixedGraph

P = modular.PRIMES[0]


def rng(seed=5):
    return np.random.default_rng(seed)


TABLE = {
    "chain": (0, 1, 6),
    "instrument": (0, 0, 0),
    "verma": (0, 1, 12, 73),
    "3cycle+tail": (0, 3, 28),
    "2cycle middle": (1, 10, 56),
    "3cycle+tail+bidirected": (0, 0, 1),
    "4cycle": (0, 0, 2),
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("prime", modular.PRIMES)
def test_dimensions_of_the_vanishing_ideals(name, prime):
    expected = TABLE[name]
    found = ideals.vanishing_ideal(MixedGraph.parse(name), len(expected), rng=rng(), prime=prime)
    assert tuple(found.dimension.values()) == expected


@pytest.mark.parametrize("name", ["chain", "verma", "2cycle middle"])
def test_split_by_multidegree_loses_nothing(name):
    g = MixedGraph.parse(name)
    split, whole = (ideals.vanishing_ideal(g, 3, rng=rng(), split=s) for s in (True, False))
    assert split.dimension == whole.dimension and split.n_monomials == whole.n_monomials


def test_generators_are_the_known_ones():
    chain = ideals.vanishing_ideal(MixedGraph.parse("chain"), 3, rng=rng())
    assert [str(q) for q in chain.generators[2]] == ["s01 s12 - s02 s11"]
    assert not chain.generators[3]  # all six cubics are multiples
    assert len(chain.basis[3]) == 6
    verma = ideals.vanishing_ideal(MixedGraph.parse("verma"), 3, rng=rng())
    assert [len(g) for g in verma.generators.values()] == [0, 1, 2]


def test_polynomials_vanish_on_the_model_and_not_off_it():
    g = MixedGraph.parse("verma")
    found = ideals.vanishing_ideal(g, 3, rng=rng())
    fresh = ideals.model_points(g, 4, rng=rng(99))
    root = rng(3).integers(-20, 21, (4, 4))
    outside = np.array([[(root @ root.T)[e] for e in ideals.entries(4)]]) % P
    for q in itertools.chain(*found.basis.values()):
        assert not q.at(fresh).any()
        assert q.at(outside)[0] != 0


def test_too_few_points_give_spurious_polynomials_that_fresh_points_expose():
    g = MixedGraph.parse("instrument")
    found = [q for basis in ideals.vanishing_ideal(g, 2, rng=rng(), extra_points=-1).basis.values() for q in basis]
    assert found
    fresh = ideals.model_points(g, 3, rng=rng(99))
    assert all(q.at(fresh).any() for q in found)


def test_bad_degrees_and_point_numbers_are_refused():
    with pytest.raises(ValueError, match="max_degree"):
        ideals.vanishing_ideal(MixedGraph.parse("chain"), 0, rng=rng())
    with pytest.raises(ValueError, match="extra_points"):
        ideals.vanishing_ideal(MixedGraph.parse("chain"), 1, rng=rng(), extra_points=-5)


def test_monomials_are_products_of_the_unknowns():
    points = rng().integers(0, P, (7, 3))
    values = ideals.evaluate_monomials(points, np.array([[0, 0, 2], [1, 1, 1]]))
    assert values[:, 0].tolist() == [int(a) ** 2 * int(c) % P for a, _, c in points]
    assert values[:, 1].tolist() == [int(b) ** 3 % P for _, b, _ in points]
    for wrong, message in (
        (np.array([[0, 3]]), "monomials must number the 3 unknowns from 0, got up to 3"),
        (np.array([[-1, 0]]), "monomials must number"),
        (np.array([[0.0]]), "monomials must be integers"),
        (np.array([0]), "monomials must be integers with two axes"),
    ):
        with pytest.raises(ValueError, match=message):
            ideals.evaluate_monomials(points, wrong)


def test_a_polynomial_prints_and_evaluates_as_it_reads():
    q = ideals.Polynomial(2, ((0, 2), (1, 1)), (1, P - 1), P)  # s00 s11 - s01^2
    assert str(q) == "s00 s11 - s01^2"
    assert q.integers == [1, -1]
    assert q.at(np.array([[2, 3, 5], [2, 4, 8]])).tolist() == [2 * 5 - 9, 0]


def test_the_ideal_of_a_model_with_all_covariances_free_is_empty():
    found = ideals.vanishing_ideal(MixedGraph(2, (), ((0, 1),)), 3, rng=rng())
    assert tuple(found.dimension.values()) == (0, 0, 0)
    assert tuple(found.n_monomials.values()) == (3, 6, 10)
