"""Polynomials that vanish on all covariance matrices of a mixed graph, degree by degree, modulo a prime.

Rescaling the variables, ``X_i -> t_i X_i``, maps the model to itself and multiplies ``sigma_ij`` by ``t_i t_j``. The
ideal is therefore spanned by polynomials in which every monomial uses each vertex equally often, and the search splits
into small null spaces, one for each multidegree (how often each vertex occurs, with sum twice the degree).
"""

from __future__ import annotations

import itertools
import operator
from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.mixed_graphs.covariances import covariances, draw_parameters
from paperlab.methods.mixed_graphs.modular import PRIMES, check_prime, eliminate, null_space, rank, smallest_integers

__all__ = ["Ideal", "Polynomial", "entries", "evaluate_monomials", "model_points", "vanishing_ideal"]


def entries(n):
    """The pairs (a, b), a <= b, in the order in which ``sigma_ab`` are numbered as unknowns.

    >>> entries(2)
    [(0, 0), (0, 1), (1, 1)]
    """
    return list(itertools.combinations_with_replacement(range(n), 2))


def model_points(graph, n_points, *, rng, prime=PRIMES[0]):
    """Covariances of a graph at random parameters.

    Parameters
    ----------
    graph : MixedGraph
    n_points : int
    rng : numpy.random.Generator
    prime : int

    Returns
    -------
    points : ndarray of int64, shape (n_points, n (n + 1) / 2)
        Residues, in the order of `entries`.

    Raises
    ------
    ValueError
        If ``n_points`` is negative, or a point has feedback of gain 1 modulo the prime (next to never).
    """
    if operator.index(n_points) < 0:
        raise ValueError(f"n_points must not be negative, got {n_points}")
    d, b = (np.repeat(a[None], n_points, axis=0) for a in graph.arrays())
    sigma = covariances(*draw_parameters(d, b, rng=rng, prime=prime), prime=prime, route="inverse").sigma
    i, j = np.array(entries(graph.n)).T
    return sigma[:, i, j]


@njit(cache=True)
def _products(points, monomials, p, out):
    for r in range(points.shape[0]):
        for m in range(monomials.shape[0]):
            value = 1
            for f in range(monomials.shape[1]):
                value = value * points[r, monomials[m, f]] % p
            out[r, m] = value


def evaluate_monomials(points, monomials, prime=PRIMES[0]):
    """Values of monomials at points, reduced after every product.

    Parameters
    ----------
    points : ndarray of int64, shape (n_points, n_unknowns)
        Residues.
    monomials : ndarray of int, shape (n_monomials, degree)
        Numbers of the factors.

    Returns
    -------
    values : ndarray of int64, shape (n_points, n_monomials)

    Raises
    ------
    ValueError
        If the arrays are not integers with two axes, or a factor is no unknown.
    """
    p = check_prime(prime)
    for name, a in (("points", points), ("monomials", monomials)):
        if a.ndim != 2 or not np.issubdtype(a.dtype, np.integer):
            raise ValueError(f"{name} must be integers with two axes, got {a.dtype} of shape {a.shape}")
    if monomials.size and not 0 <= monomials.min() <= monomials.max() < points.shape[1]:
        raise ValueError(f"monomials must number the {points.shape[1]} unknowns from 0, got up to {monomials.max()}")
    out = np.empty((len(points), len(monomials)), np.int64)
    _products(np.ascontiguousarray(points % p, np.int64), np.ascontiguousarray(monomials, np.int64), p, out)
    return out


@dataclass(frozen=True)
class Polynomial:
    """A polynomial of one multidegree: ``monomials`` (n_terms, degree) numbers of unknowns, ``residues`` (n_terms,)."""

    n: int
    monomials: tuple
    residues: tuple
    prime: int

    @property
    def integers(self):
        """Coefficients as integers without common factor, or ``None`` where the prime is too small for them."""
        return smallest_integers(self.residues, self.prime)

    def at(self, points):
        """Values at points (residues), shape (n_points,)."""
        values = evaluate_monomials(np.asarray(points), np.array(self.monomials), self.prime)
        total = np.zeros(len(values), np.int64)
        for column, c in zip(values.T, self.residues):
            total = (total + column * c) % self.prime
        return total

    def __str__(self):
        names = [f"s{a}{b}" for a, b in entries(self.n)]
        coefficients = self.integers or self.residues
        text = ""
        for c, m in zip(coefficients, self.monomials):
            factors = " ".join(names[f] + (f"^{m.count(f)}" if m.count(f) > 1 else "") for f in sorted(set(m)))
            text += (" + " if c > 0 else " - ") + (f"{abs(c)} " if abs(c) != 1 else "") + factors
        return text.removeprefix(" + ")


@dataclass(frozen=True)
class Ideal:
    """What `vanishing_ideal` found: per degree the number of monomials, the dimension, and the new generators.

    ``basis[d]`` spans the polynomials of degree d; ``generators[d]`` are those that are no multiples of lower ones.
    """

    n_monomials: dict
    dimension: dict
    basis: dict
    generators: dict


def _blocks(n, degree):
    """Monomials by multidegree: {vertex counts: array (n_monomials, degree)}."""
    pairs = entries(n)
    blocks = {}
    for m in itertools.combinations_with_replacement(range(len(pairs)), degree):
        count = [0] * n
        for f in m:
            count[pairs[f][0]] += 1
            count[pairs[f][1]] += 1
        blocks.setdefault(tuple(count), []).append(m)
    return {key: np.array(monomials) for key, monomials in blocks.items()}


def _degree_of(n, monomial):
    count = [0] * n
    for f in monomial:
        for v in entries(n)[f]:
            count[v] += 1
    return tuple(count)


def _multiples(n, lower, prime):
    """Unknown times polynomial, for all of the lower degree: {multidegree: list of {monomial: residue}}."""
    found = {}
    for q in lower:
        for f in range(len(entries(n))):
            raised = {tuple(sorted((*m, f))): c for m, c in zip(q.monomials, q.residues)}
            found.setdefault(_degree_of(n, next(iter(raised))), []).append(raised)
    return found


def vanishing_ideal(graph, max_degree, *, rng, prime=PRIMES[0], extra_points=10, split=True):
    """All polynomials up to a degree that vanish on the covariances of a graph.

    Parameters
    ----------
    graph : MixedGraph
    max_degree : int
    rng : numpy.random.Generator
        For the random points of the model.
    prime : int
    extra_points : int
        Points beyond the number of unknown coefficients; with fewer points than coefficients (a negative number)
        spurious polynomials come back.
    split : bool
        One null space per multidegree; False solves for all monomials of a degree at once, without new generators.

    Returns
    -------
    ideal : Ideal

    Raises
    ------
    ValueError
        If ``max_degree`` is below 1 or no points are left.

    Examples
    --------
    >>> from paperlab.methods.mixed_graphs.graphs import MixedGraph
    >>> found = vanishing_ideal(MixedGraph.parse("chain"), 2, rng=np.random.default_rng(0))
    >>> [str(q) for q in found.generators[2]]
    ['s01 s12 - s02 s11']
    """
    p = check_prime(prime)
    if operator.index(max_degree) < 1:
        raise ValueError(f"max_degree must be at least 1, got {max_degree}")
    n = graph.n
    blocks = {}
    for degree in range(1, max_degree + 1):
        split_blocks = _blocks(n, degree)
        blocks[degree] = split_blocks if split else {(): np.concatenate(list(split_blocks.values()))}
    largest = max(len(m) for per_degree in blocks.values() for m in per_degree.values())
    if largest + extra_points < 1:
        raise ValueError(f"extra_points = {extra_points} leaves no point for {largest} monomials; use at least 10")
    points = model_points(graph, largest + max(extra_points, 0), rng=rng, prime=p)
    ideal = Ideal({}, {}, {}, {})
    for degree, per_degree in blocks.items():
        basis, new = [], []
        lower = _multiples(n, ideal.basis.get(degree - 1, []), p) if split else {}
        for key, monomials in per_degree.items():
            used = points[: max(len(monomials) + extra_points, 0)]
            vectors = null_space(evaluate_monomials(used, monomials, p), p)
            if not len(vectors):
                continue
            found = [_polynomial(n, monomials, v, p) for v in vectors]
            basis += found
            new += _new(found, vectors, monomials, lower.get(key, []), p) if split else []
        ideal.n_monomials[degree] = sum(len(m) for m in per_degree.values())
        ideal.dimension[degree] = len(basis)
        ideal.basis[degree], ideal.generators[degree] = basis, new
    return ideal


def _polynomial(n, monomials, vector, p):
    keep = np.flatnonzero(vector)
    return Polynomial(n, tuple(tuple(map(int, monomials[k])) for k in keep), tuple(map(int, vector[keep])), p)


def _new(found, vectors, monomials, multiples, p):
    """The polynomials of a block that are independent of the multiples of lower ones and of each other."""
    index = {tuple(map(int, m)): k for k, m in enumerate(monomials)}
    rows = np.zeros((len(multiples), len(monomials)), np.int64)
    for r, multiple in enumerate(multiples):
        for m, c in multiple.items():
            rows[r, index[m]] = c
    known = rank(rows, p) if len(rows) else 0
    if known == len(vectors):
        return []
    columns = np.concatenate([rows, vectors]).T.copy()  # pivots of the transpose choose independent rows from the top
    pivots = np.empty(min(columns.shape), np.int64)
    r = eliminate(columns, p, pivots, False)
    return [found[k - len(rows)] for k in pivots[:r] if k >= len(rows)]
