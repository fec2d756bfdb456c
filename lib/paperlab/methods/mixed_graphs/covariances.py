"""From the effects of a mixed graph to its covariances: two exact routes, and the Jacobian.

Convention: ``lam[i, j]`` is the effect of i on j, so that ``X = lam.T @ X + e`` with ``Cov(e) = omega`` and

    sigma = (I - lam)^(-T) omega (I - lam)^(-1),   with every entry a finite sum (page ``one_connection_sem``):
    sigma_ij = sum_kl omega_kl N_ki N_lj / delta^2,   delta = det(I - lam),
    N_ij = sum over simple paths P from i to j of lam_P times the determinant of I - lam outside P.

Residues modulo a prime are int64; see `paperlab.methods.mixed_graphs.modular`. Floating point is in
`paperlab.methods.mixed_graphs.numerics`.
"""

from __future__ import annotations

import operator
from typing import NamedTuple

import numpy as np
from numba import njit

from paperlab.methods.mixed_graphs.graphs import check_family
from paperlab.methods.mixed_graphs.modular import PRIMES, check_prime, eliminate, inverse, invert

__all__ = [
    "Counts",
    "Covariances",
    "EdgeParameters",
    "covariances",
    "draw_parameters",
    "jacobian",
    "jacobian_ranks",
    "one_connection_counts",
]

ROUTES = ("one-connections", "subsets", "inverse", "paths")
MOST_VERTICES = 12  # of routes that go through vertex sets: up to there all counts are below the primes, too


class Covariances(NamedTuple):
    """Exact values of many graphs: ``delta`` (n_graphs,), ``numerators`` and ``sigma`` (n_graphs, n, n), residues."""

    delta: np.ndarray
    numerators: np.ndarray
    sigma: np.ndarray


class EdgeParameters(NamedTuple):
    """Effects ``lam`` and error covariances ``omega`` (symmetric) of a family, residues, shape (n_graphs, n, n)."""

    lam: np.ndarray
    omega: np.ndarray


class Counts(NamedTuple):
    """Numbers of one-connections from i to j, shape (n, n), and of 1-factors of one graph."""

    one_connections: np.ndarray
    factors: int


@njit(cache=True)
def _path_weights(lam, p, weight):
    """Sum of the products along simple paths by (start, end, vertex set), one path at a time, depth first."""
    n = lam.shape[0]
    weight[:] = 0
    vertex, edge, product = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for start in range(n):
        depth, used = 0, 1 << start
        vertex[0], edge[0], product[0] = start, 0, 1
        weight[start, start, used] = 1
        while depth >= 0:
            v, j = vertex[depth], edge[depth]
            if j == n:
                used ^= 1 << v
                depth -= 1
                continue
            edge[depth] = j + 1
            if lam[v, j] != 0 and not used >> j & 1:
                used |= 1 << j
                depth += 1
                vertex[depth], edge[depth] = j, 0
                product[depth] = product[depth - 1] * lam[v, j] % p
                weight[start, j, used] = (weight[start, j, used] + product[depth]) % p


@njit(cache=True)
def _path_weights_by_subsets(lam, p, weight):
    """The same sums, built up over vertex sets: ``2**n n**3`` steps where the paths are up to ``e n!``."""
    n = lam.shape[0]
    weight[:] = 0
    for start in range(n):
        weight[start, start, 1 << start] = 1
        for s in range(1 << n):
            for v in range(n):
                w = weight[start, v, s]
                if w != 0:
                    for j in range(n):
                        if lam[v, j] != 0 and not s >> j & 1:
                            t = s | 1 << j
                            weight[start, j, t] = (weight[start, j, t] + w * lam[v, j]) % p


@njit(cache=True)
def _one_connections(lam, p, sign, subsets, weight, outside, numerators, trek):
    """Delta; writes N and the bare path sums. ``sign`` is p - 1 for the determinant and 1 to count terms."""
    n = lam.shape[0]
    if subsets:
        _path_weights_by_subsets(lam, p, weight)
    else:
        _path_weights(lam, p, weight)
    full = (1 << n) - 1
    outside[0] = 1
    for s in range(1, full + 1):  # outside[s]: signed sum over sets of disjoint cycles inside s
        low = 0
        while not s >> low & 1:
            low += 1
        rest = s ^ 1 << low
        total = outside[rest]  # no cycle through the lowest vertex
        t = rest
        while t > 0:  # t runs over the subsets of the rest: a cycle through low and all of t
            c = t | 1 << low
            loop = 0
            for v in range(low + 1, n):
                if lam[v, low] != 0 and weight[low, v, c] != 0:
                    loop = (loop + weight[low, v, c] * lam[v, low]) % p
            if loop != 0:
                total = (total + sign * loop % p * outside[s ^ c]) % p
            t = (t - 1) & rest
        outside[s] = total
    numerators[:] = 0
    trek[:] = 0
    for i in range(n):
        for j in range(n):
            for s in range(full + 1):
                w = weight[i, j, s]
                if w != 0:
                    numerators[i, j] = (numerators[i, j] + w * outside[full ^ s]) % p
                    trek[i, j] = (trek[i, j] + w) % p
    return outside[full]


@njit(cache=True)
def _sandwich(m, omega, p, out):
    """out = m' omega m modulo p."""
    n = m.shape[0]
    half = np.zeros((n, n), np.int64)
    for i in range(n):
        for k in range(n):
            if omega[i, k] != 0:
                for j in range(n):
                    half[i, j] = (half[i, j] + omega[i, k] * m[k, j]) % p
    out[:] = 0
    for i in range(n):
        for k in range(n):
            if m[k, i] != 0:
                for j in range(n):
                    out[i, j] = (out[i, j] + m[k, i] * half[k, j]) % p


@njit(cache=True)
def _minus(lam, p, out):
    """out = I - lam modulo p."""
    n = lam.shape[0]
    for i in range(n):
        for j in range(n):
            out[i, j] = p - lam[i, j] if lam[i, j] else 0
        out[i, i] = 1


@njit(cache=True)
def _scale(m, factor, p, out):
    """out = factor m modulo p."""
    n = m.shape[0]
    for i in range(n):
        for j in range(n):
            out[i, j] = m[i, j] * factor % p


@njit(cache=True)
def _covariances(lam, omega, p, route, delta, numerators, sigma):
    """All graphs of a family; returns the index of the first singular one, or -1."""
    m, n = lam.shape[:2]
    size = 1 if route == 2 else 1 << n
    weight, outside = np.empty((n, n, size), np.int64), np.empty(size, np.int64)
    trek, a, unscaled = np.empty((n, n), np.int64), np.empty((n, n), np.int64), np.empty((n, n), np.int64)
    for g in range(m):
        if route == 2:
            _minus(lam[g], p, a)
            delta[g] = invert(a, p, trek)
            _scale(trek, delta[g], p, numerators[g])
        else:
            delta[g] = _one_connections(lam[g], p, p - 1, route == 1, weight, outside, numerators[g], trek)
            if route == 3:
                delta[g] = 1
                _scale(trek, 1, p, numerators[g])
        if delta[g] == 0:
            return g
        inv = inverse(delta[g], p)
        _sandwich(numerators[g], omega[g], p, unscaled)
        _scale(unscaled, inv * inv % p, p, sigma[g])
    return -1


def _family(lam, omega, p):
    lam, omega = (np.asarray(a) for a in (lam, omega))
    for name, a in (("lam", lam), ("omega", omega)):
        if a.ndim != 3 or a.shape[1] != a.shape[2] or not np.issubdtype(a.dtype, np.integer):
            raise ValueError(f"{name} must be integers of shape (n_graphs, n, n), got {a.dtype} of shape {a.shape}")
    if lam.shape != omega.shape:
        raise ValueError(f"lam and omega must have the same shape, got {lam.shape} and {omega.shape}")
    loops = np.argwhere(np.einsum("gii->gi", lam) != 0)
    if len(loops):
        raise ValueError(f"lam of graph {loops[0][0]} has a loop at vertex {loops[0][1]}; set its diagonal to 0")
    lopsided = np.argwhere(omega != omega.swapaxes(1, 2))
    if len(lopsided):
        raise ValueError(f"omega of graph {lopsided[0][0]} must be symmetric; it is a covariance matrix")
    return (np.ascontiguousarray(a % p, dtype=np.int64) for a in (lam, omega))


def covariances(lam, omega, *, prime=PRIMES[0], route="one-connections"):
    """Determinants, cofactors and covariances of many graphs, exactly, modulo a prime.

    Parameters
    ----------
    lam, omega : ndarray of int, shape (n_graphs, n, n)
        Effects (zero diagonal) and error covariances (symmetric).
    prime : int
        Modulus, see `paperlab.methods.mixed_graphs.modular.check_prime`.
    route : {"one-connections", "subsets", "inverse", "paths"}
        Enumerate every path and cycle; sum them over vertex sets; eliminate; or the acyclic trek rule, which keeps the
        paths, leaves the cycles out and sets the determinant to 1 (wrong as soon as there is a cycle).

    Returns
    -------
    Covariances

    Raises
    ------
    ValueError
        If shapes are wrong, an effect is a loop, ``omega`` is not symmetric, ``I - lam`` is singular modulo ``prime``,
        or there are more than 12 vertices for a route that lists paths.

    Examples
    --------
    A loop of gain 6 (of which only the inverse of 1 - 6 is left) between two variables:

    >>> lam, omega = np.array([[[0, 2], [3, 0]]]), np.eye(2, dtype=int)[None]
    >>> exact = covariances(lam, omega, prime=101)
    >>> int(exact.delta[0]), exact.numerators[0].tolist()
    (96, [[1, 2], [3, 1]])
    >>> int(exact.sigma[0, 0, 0]) * 25 % 101  # 25 sigma_00 = 1 + 9
    10
    """
    p = check_prime(prime)
    if route not in ROUTES:
        raise ValueError(f"route must be one of {', '.join(ROUTES)}, got {route!r}")
    lam, omega = _family(lam, omega, p)
    if route != "inverse":
        _check_size(lam.shape[-1])
    out = Covariances(np.empty(len(lam), np.int64), np.empty_like(lam), np.empty_like(lam))
    bad = _covariances(lam, omega, p, ROUTES.index(route), *out)
    if bad >= 0:
        raise ValueError(
            f"graph {bad} is singular at this point: its feedback has gain 1, det(I - lam) = 0; draw again"
        )
    return out


def _check_size(n):
    if n > MOST_VERTICES:
        raise ValueError(
            f"the graphs have {n} vertices; paths are listed for up to {MOST_VERTICES}, take route='inverse' for more"
        )


def one_connection_counts(directed):
    """Numbers of one-connections and of 1-factors of one graph with a loop added at every vertex.

    Parameters
    ----------
    directed : ndarray of bool, shape (n, n)
        At most 12 vertices.

    Returns
    -------
    Counts

    Raises
    ------
    ValueError
        If ``directed`` is not boolean and square, has a loop, or too many vertices.

    Examples
    --------
    >>> one_connection_counts(~np.eye(3, dtype=bool)).factors  # permutations of three
    6
    """
    directed = np.asarray(directed)
    check_family(directed[None], np.zeros((1, *directed.shape), bool))
    _check_size(len(directed))
    lam = np.ascontiguousarray(directed, dtype=np.int64)
    n = len(lam)
    counts, trek = np.empty((2, n, n), np.int64)
    weight, outside = np.empty((n, n, 1 << n), np.int64), np.empty(1 << n, np.int64)
    total = _one_connections(lam, PRIMES[0], 1, True, weight, outside, counts, trek)
    return Counts(counts, int(total))


def draw_parameters(directed, bidirected, *, rng, prime=PRIMES[0]):
    """Random non-zero residues for every edge and error variance of a family of graphs.

    Parameters
    ----------
    directed, bidirected : ndarray of bool, shape (n_graphs, n, n)
    rng : numpy.random.Generator
    prime : int

    Returns
    -------
    EdgeParameters

    Raises
    ------
    ValueError
        If the arrays are no family of graphs.
    """
    p = check_prime(prime)
    check_family(directed, bidirected)
    lam = np.where(directed, rng.integers(1, p, size=directed.shape), 0)
    upper = np.triu(rng.integers(1, p, size=directed.shape))
    omega = upper + np.triu(upper, 1).swapaxes(1, 2)
    return EdgeParameters(lam, np.where(bidirected | np.eye(directed.shape[-1], dtype=bool), omega, 0))


@njit(cache=True)
def _jacobian(lam, omega, p, out):
    """Columns: effects, error covariances, error variances; rows: sigma_ab with a <= b. Returns the determinant."""
    n = lam.shape[0]
    a, m, sigma = np.empty((n, n), np.int64), np.empty((n, n), np.int64), np.empty((n, n), np.int64)
    _minus(lam, p, a)
    det = invert(a, p, m)
    if det == 0:
        return 0
    _sandwich(m, omega, p, sigma)
    col = 0
    for kind in range(3):
        for i in range(n):
            for j in range(n):
                absent = lam[i, j] == 0 if kind == 0 else j <= i or omega[i, j] == 0 if kind == 1 else i != j
                if absent:
                    continue
                row = 0
                for x in range(n):
                    for y in range(x, n):
                        if kind == 0:  # d sigma = sigma_xi m_jy + m_jx sigma_iy
                            out[row, col] = (sigma[x, i] * m[j, y] % p + m[j, x] * sigma[i, y]) % p
                        elif kind == 1:
                            out[row, col] = (m[i, x] * m[j, y] % p + m[j, x] * m[i, y]) % p
                        else:
                            out[row, col] = m[i, x] * m[i, y] % p
                        row += 1
                col += 1
    return det


@njit(cache=True)
def _ranks(lam, omega, p, columns, ranks):
    m, n = lam.shape[:2]
    rows = n * (n + 1) // 2
    pivots = np.empty(rows, np.int64)
    for g in range(m):
        j = np.empty((rows, columns[g]), np.int64)
        if _jacobian(lam[g], omega[g], p, j) == 0:
            ranks[g] = -1
        else:
            ranks[g] = eliminate(j, p, pivots, False)


def jacobian(lam, omega, *, prime=PRIMES[0]):
    """Derivatives of the covariances with respect to the parameters of one graph, modulo a prime.

    Parameters
    ----------
    lam, omega : ndarray of int, shape (n, n)
        All parameters of the graph must be non-zero: an entry of 0 counts as no edge.

    Returns
    -------
    jacobian : ndarray of int64, shape (n (n + 1) / 2, n_parameters)
        Rows sigma_ab, a <= b in lexicographic order; columns effects, error covariances, error variances.

    Raises
    ------
    ValueError
        As `covariances`.
    """
    p = check_prime(prime)
    lam, omega = (a[0] for a in _family(np.asarray(lam)[None], np.asarray(omega)[None], p))
    n = len(lam)
    columns = np.count_nonzero(lam) + np.count_nonzero(np.triu(omega, 1)) + n
    out = np.zeros((n * (n + 1) // 2, columns), np.int64)
    if _jacobian(lam, omega, p, out) == 0:
        raise ValueError("singular at this point: the feedback has gain 1, det(I - lam) = 0; draw again")
    return out


def jacobian_ranks(directed, bidirected, *, rng, prime=PRIMES[0], n_points=2):
    """Rank of the Jacobian of every graph of a family, the largest over random points modulo a prime.

    A full rank at one point proves that the map is generically finite-to-one; a deficient rank at ``n_points``
    points is wrong with probability below ``(degree / prime) ** n_points``.

    Parameters
    ----------
    directed, bidirected : ndarray of bool, shape (n_graphs, n, n)
    rng : numpy.random.Generator
    prime, n_points : int

    Returns
    -------
    ranks : ndarray of int64, shape (n_graphs,)

    Raises
    ------
    ValueError
        If the arrays are no family of graphs, or ``n_points`` is below 1.
    """
    p = check_prime(prime)
    check_family(directed, bidirected)
    if operator.index(n_points) < 1:
        raise ValueError(f"n_points must be at least 1, got {n_points}")
    columns = np.ascontiguousarray(directed.sum((1, 2)) + bidirected.sum((1, 2)) // 2 + directed.shape[-1])
    best = np.zeros(len(directed), np.int64)
    for _ in range(n_points):
        todo = np.flatnonzero(best < np.minimum(columns, directed.shape[-1] * (directed.shape[-1] + 1) // 2))
        if len(todo) == 0:
            break
        ranks = np.empty(len(todo), np.int64)
        drawn = draw_parameters(directed[todo], bidirected[todo], rng=rng, prime=p)
        _ranks(*drawn, p, columns[todo], ranks)
        best[todo] = np.maximum(best[todo], ranks)
    return best
