"""Mixed graphs of linear structural equation models: edges, cycles, one-connections, and families of graphs.

A graph has vertices ``0 .. n-1``, directed edges ``i > j`` (effect of i on j, coefficient ``lambda_ij``) and bidirected
edges ``i <> j`` (covariance ``omega_ij`` of the errors). It is simple if no two vertices are joined by two edges.
Families of graphs are pairs of boolean arrays ``directed``, ``bidirected`` of shape ``(n_graphs, n, n)``.
"""

from __future__ import annotations

import itertools
import operator
import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = [
    "PRESETS",
    "Family",
    "IsomorphismClasses",
    "MixedGraph",
    "NonsimpleFamily",
    "OneConnection",
    "check_family",
    "decode",
    "has_cycle",
    "isomorphism_classes",
    "n_parameters",
    "random_graphs",
    "random_nonsimple_graphs",
]

PRESETS = {
    "chain": "0>1, 1>2",
    "instrument": "0>1, 1>2, 1<>2",
    "verma": "0>1, 1>2, 2>3, 1<>3",
    "2cycle": "0>1, 1>0",
    "2cycle middle": "0>1, 1>2, 2>1, 3>2",
    "3cycle": "0>1, 1>2, 2>0",
    "3cycle+tail": "0>1, 1>2, 2>0, 2>3",
    "3cycle+tail+bidirected": "0>1, 1>2, 2>0, 2>3, 0<>3",
    "4cycle": "0>1, 1>2, 2>3, 3>0",
    "two cycles": "0>1, 1>0, 1>2, 2>3, 3>4, 4>2",
    "two shared": "0>1, 1>2, 2>0, 2>1, 2>3",
}
_EDGE = re.compile(r"(\d+)\s*(<>|>)\s*(\d+)\Z")


@dataclass(frozen=True)
class OneConnection:
    """A simple path and vertex-disjoint cycles that avoid it; loops at all other vertices are left unwritten.

    ``path`` is a tuple of vertices, ``cycles`` a tuple of such tuples; ``sign`` is minus one to the number of cycles.
    """

    path: tuple
    cycles: tuple

    @property
    def sign(self):
        """Minus one to the number of cycles."""
        return -1 if len(self.cycles) % 2 else 1

    @property
    def edges(self):
        """Directed edges of path and cycles, in order."""
        steps = list(itertools.pairwise(self.path))
        return steps + [edge for c in self.cycles for edge in zip(c, (*c[1:], c[0]))]


@dataclass(frozen=True)
class MixedGraph:
    """A mixed graph.

    Parameters
    ----------
    n : int
        Number of vertices.
    directed : iterable of (int, int)
        Edges ``i -> j``.
    bidirected : iterable of (int, int)
        Edges ``i <-> j``, stored with the smaller vertex first.

    Raises
    ------
    ValueError
        If an edge is a loop, occurs twice, or has an end outside ``0 .. n-1``; the message names the edge.

    Examples
    --------
    >>> g = MixedGraph.parse("0>1, 1>2, 2>0, 0<>3")
    >>> g.n, g.is_acyclic, g.is_simple
    (4, False, True)
    """

    n: int
    directed: tuple = ()
    bidirected: tuple = ()

    def __post_init__(self):
        directed = [tuple(operator.index(v) for v in e) for e in self.directed]
        bidirected = [tuple(sorted(operator.index(v) for v in e)) for e in self.bidirected]
        if self.n < 1:
            raise ValueError(f"n must be at least 1, got {self.n}")
        wrong = next((e for e in directed + bidirected if len(e) != 2), None)
        if wrong is not None:
            raise ValueError(f"edge {wrong} must have two ends, got {len(wrong)}")
        for arrow, edges in ((">", directed), ("<>", bidirected)):
            seen = set()
            for i, j in edges:
                name = f"{i}{arrow}{j}"
                if i == j:
                    hint = "a variable has no effect on itself" if arrow == ">" else "error variances are always there"
                    raise ValueError(f"edge {name} is a loop; {hint}, leave it out")
                if (i, j) in seen:
                    raise ValueError(f"edge {name} occurs twice; give each edge once")
                if not (0 <= i < self.n and 0 <= j < self.n):
                    raise ValueError(f"edge {name} has an end outside 0..{self.n - 1}; raise n or rename the vertex")
                seen.add((i, j))
        object.__setattr__(self, "directed", tuple(directed))
        object.__setattr__(self, "bidirected", tuple(bidirected))

    @classmethod
    def parse(cls, text, n=None):
        """Graph from the name of a preset or from edges.

        Parameters
        ----------
        text : str
            A name in ``PRESETS``, or edges such as ``"0>1, 1>2, 0<>2"``.
        n : int, optional
            Number of vertices, where some are isolated.

        Raises
        ------
        ValueError
            If an edge is not of this form, or as for the class.
        """
        directed, bidirected = [], []
        for part in PRESETS.get(text, text).split(","):
            match = _EDGE.match(part.strip())
            if match is None:
                raise ValueError(
                    f"edge {part.strip()!r} is not of the form 0>1 or 0<>1, and {text!r} is none of "
                    + ", ".join(PRESETS)
                )
            (directed if match[2] == ">" else bidirected).append((int(match[1]), int(match[3])))
        largest = max(v for e in directed + bidirected for v in e)
        return cls(largest + 1 if n is None else n, tuple(directed), tuple(bidirected))

    def __str__(self):
        return ", ".join([f"{i}>{j}" for i, j in self.directed] + [f"{i}<>{j}" for i, j in self.bidirected])

    def arrays(self):
        """Boolean adjacency matrices ``directed`` and (symmetric) ``bidirected``, each of shape (n, n)."""
        d, b = np.zeros((2, self.n, self.n), bool)
        for i, j in self.directed:
            d[i, j] = True
        for i, j in self.bidirected:
            b[i, j] = b[j, i] = True
        return d, b

    @classmethod
    def from_arrays(cls, directed, bidirected):
        """Graph from boolean adjacency matrices, shape (n, n) each, the second symmetric."""
        check_family(np.asarray(directed)[None], np.asarray(bidirected)[None])
        return cls(len(directed), tuple(zip(*np.nonzero(directed))), tuple(zip(*np.nonzero(np.triu(bidirected)))))

    @property
    def is_simple(self):
        """Whether no two vertices are joined by two edges."""
        pairs = [frozenset(e) for e in self.directed + self.bidirected]
        return len(set(pairs)) == len(pairs)

    @property
    def is_acyclic(self):
        """Whether there is no directed cycle."""
        return not has_cycle(self.arrays()[0][None])[0]

    @property
    def n_parameters(self):
        """Effects, error covariances and error variances."""
        return len(self.directed) + len(self.bidirected) + self.n

    def _check_vertex(self, v):
        if not 0 <= operator.index(v) < self.n:
            raise ValueError(f"vertex {v} is outside 0..{self.n - 1}")

    def _children(self):
        return [[j for a, j in self.directed if a == i] for i in range(self.n)]

    def paths(self, start):
        """All simple paths from ``start``, as tuples of vertices; ``(start,)`` is the first.

        Raises
        ------
        ValueError
            If there is no such vertex.
        """
        self._check_vertex(start)
        children, stack = self._children(), [(start,)]
        while stack:
            path = stack.pop()
            yield path
            stack += [(*path, j) for j in children[path[-1]] if j not in path]

    def cycles(self):
        """All simple directed cycles, each as a tuple that begins with its smallest vertex."""
        edges = set(self.directed)
        return [
            path
            for i in range(self.n)
            for path in self.paths(i)
            if min(path) == i and len(path) > 1 and (path[-1], i) in edges
        ]

    def disjoint_cycles(self, avoid=()):
        """All sets of pairwise vertex-disjoint cycles outside ``avoid``; the empty set is the first."""

        def extend(chosen, used, rest):
            yield chosen
            for k, cycle in enumerate(rest):
                if not used & set(cycle):
                    yield from extend((*chosen, cycle), used | set(cycle), rest[k + 1 :])

        yield from extend((), set(avoid), self.cycles())

    def one_connections(self, i, j):
        """All one-connections from ``i`` to ``j``: the signed terms of ``N_ij``.

        Raises
        ------
        ValueError
            If there is no such vertex.

        Examples
        --------
        >>> [(one.path, one.cycles) for one in MixedGraph.parse("0>1, 1>0").one_connections(0, 1)]
        [((0, 1), ())]
        """
        self._check_vertex(j)
        return [OneConnection(p, c) for p in self.paths(i) if p[-1] == j for c in self.disjoint_cycles(p)]


class Family(NamedTuple):
    """Graphs on the same vertices: boolean adjacency matrices, shape (n_graphs, n, n); the second are symmetric."""

    directed: np.ndarray
    bidirected: np.ndarray


class NonsimpleFamily(NamedTuple):
    """A `Family` of graphs with one doubled pair, and whether that pair is a two-cycle (n_graphs,)."""

    directed: np.ndarray
    bidirected: np.ndarray
    two_cycle: np.ndarray


class IsomorphismClasses(NamedTuple):
    """The smallest code of every class, for `decode`, and the number of labelled graphs in the class."""

    codes: np.ndarray
    sizes: np.ndarray


def check_family(directed, bidirected):
    """Raise ValueError unless two arrays are the boolean adjacency matrices of a family of graphs without loops."""
    for name, a in (("directed", directed), ("bidirected", bidirected)):
        if a.ndim != 3 or a.shape[1] != a.shape[2] or a.dtype != bool:
            raise ValueError(f"{name} must be boolean of shape (n_graphs, n, n), got {a.dtype} of shape {a.shape}")
        loops = np.argwhere(np.einsum("gii->gi", a))
        if len(loops):
            raise ValueError(f"{name} of graph {loops[0][0]} has a loop at vertex {loops[0][1]}; clear its diagonal")
    if directed.shape != bidirected.shape:
        raise ValueError(f"directed and bidirected must agree, got shapes {directed.shape} and {bidirected.shape}")
    lopsided = np.argwhere(bidirected != bidirected.swapaxes(1, 2))
    if len(lopsided):
        raise ValueError(f"bidirected of graph {lopsided[0][0]} must be symmetric; an edge has two ends")


def has_cycle(directed):
    """Which graphs of a family have a directed cycle.

    Parameters
    ----------
    directed : ndarray of bool, shape (n_graphs, n, n)

    Returns
    -------
    cyclic : ndarray of bool, shape (n_graphs,)

    Raises
    ------
    ValueError
        If ``directed`` is not boolean of this shape, or has a loop.
    """
    check_family(directed, np.zeros_like(directed, dtype=bool))
    reach = directed.copy()
    for k in range(reach.shape[-1]):
        reach |= reach[:, :, k, None] & reach[:, None, k, :]
    return np.einsum("gii->gi", reach).any(axis=1)


def n_parameters(directed, bidirected):
    """Effects, error covariances and error variances of each graph of a family, shape (n_graphs,)."""
    check_family(directed, bidirected)
    return directed.sum((1, 2)) + bidirected.sum((1, 2)) // 2 + directed.shape[-1]


def _from_states(states, n):
    """Families from one state in 0..7 per pair (bits: 1 forward, 2 backward, 4 bidirected); shape (n_graphs, pairs)."""
    i, j = np.triu_indices(n, 1)
    directed, bidirected = np.zeros((2, len(states), n, n), bool)
    directed[:, i, j] = states & 1
    directed[:, j, i] = states & 2
    bidirected[:, i, j] = bidirected[:, j, i] = states & 4
    return Family(directed, bidirected)


def decode(codes, n, *, simple=True):
    """Graphs on ``n`` labelled vertices by number, so that a census can run through all of them in pieces.

    Parameters
    ----------
    codes : array_like of int
        From 0 to ``4**pairs - 1`` (simple graphs: none, forward, backward or bidirected for each of the
        ``n (n - 1) / 2`` pairs) or ``8**pairs - 1`` (all mixed graphs).
    n : int
    simple : bool

    Returns
    -------
    Family

    Raises
    ------
    ValueError
        If a code is no integer or out of range.

    Examples
    --------
    >>> [str(MixedGraph.from_arrays(d, b)) for d, b in zip(*decode([1, 2, 3], 2))]
    ['0>1', '1>0', '0<>1']
    """
    codes = np.asarray(codes)
    if codes.ndim != 1 or not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"codes must be a row of integers, got {codes.dtype} of shape {codes.shape}")
    codes = codes.astype(np.int64)
    pairs = n * (n - 1) // 2
    base = 4 if simple else 8
    if codes.size and (codes.min() < 0 or codes.max() >= base**pairs):
        raise ValueError(f"codes must be from 0 to {base**pairs - 1} for n = {n}, got up to {codes.max()}")
    digits = codes[:, None] // base ** np.arange(pairs) % base
    return _from_states(np.array([0, 1, 2, 4])[digits] if simple else digits, n)


def isomorphism_classes(n):
    """Classes of simple graphs on ``n`` vertices up to renaming.

    Parameters
    ----------
    n : int
        From 1 to 5: six vertices have 4**15 labelled graphs.

    Returns
    -------
    IsomorphismClasses

    Raises
    ------
    ValueError
        If ``n`` is outside this range.

    Examples
    --------
    Two vertices: no edge, an arrow one way or the other, a bidirected edge.

    >>> isomorphism_classes(2).sizes
    array([1, 2, 1])
    """
    if not 1 <= operator.index(n) <= 5:
        raise ValueError(f"n must be from 1 to 5, got {n}; there are 4**(n (n - 1) / 2) graphs to sort")
    pairs = list(itertools.combinations(range(n), 2))
    codes = np.arange(4 ** len(pairs))
    digits = codes[:, None] // 4 ** np.arange(len(pairs)) % 4
    smallest = codes.copy()
    swap = np.array([0, 2, 1, 3])  # renaming can turn forward into backward
    for perm in itertools.permutations(range(n)):
        image = np.zeros_like(codes)
        for k, (i, j) in enumerate(pairs):
            a, b = perm[i], perm[j]
            state = digits[:, k] if a < b else swap[digits[:, k]]
            image += state * 4 ** pairs.index((min(a, b), max(a, b)))
        smallest = np.minimum(smallest, image)
    return IsomorphismClasses(*np.unique(smallest, return_counts=True))


def _draw_states(n, n_graphs, p_cycle, rng):
    """State of every pair: none, forward, backward or bidirected with equal chance; shape (n_graphs, pairs)."""
    if not 0 <= p_cycle <= 1:
        raise ValueError(f"p_cycle must be from 0 to 1, got {p_cycle}; it is a probability")
    if operator.index(n) < 2 or operator.index(n_graphs) < 0:
        raise ValueError(f"n must be at least 2 and n_graphs not negative, got {n} and {n_graphs}")
    return np.array([0, 1, 2, 4])[rng.integers(4, size=(n_graphs, n * (n - 1) // 2))]


def random_graphs(n, n_graphs, *, rng, p_cycle=0.0):
    """Random graphs: each pair is none, forward, backward or bidirected with equal chance.

    Parameters
    ----------
    n, n_graphs : int
        Vertices of each graph, number of graphs.
    rng : numpy.random.Generator
    p_cycle : float
        Probability that a pair with a directed edge gets the reverse edge as well; with 0 all graphs are simple.

    Returns
    -------
    Family

    Raises
    ------
    ValueError
        If ``p_cycle`` is no probability, or there are fewer than two vertices.
    """
    states = _draw_states(n, n_graphs, p_cycle, rng)
    both = (states % 4 > 0) & (rng.random(states.shape) < p_cycle)
    return _from_states(np.where(both, 3, states), n)


def random_nonsimple_graphs(n, n_graphs, *, rng, p_cycle=0.5):
    """Random simple graphs with one doubled pair, of which those with at most ``n (n - 1) / 2`` edges are returned.

    A pair with a directed edge is doubled: by the reverse edge with probability ``p_cycle``, by a bidirected edge
    otherwise. Graphs without a directed edge and graphs with too many edges are dropped, so fewer than
    ``n_graphs`` come back.

    Parameters
    ----------
    n, n_graphs : int
        Vertices of each graph, number of graphs drawn.
    rng : numpy.random.Generator
    p_cycle : float

    Returns
    -------
    NonsimpleFamily

    Raises
    ------
    ValueError
        If ``p_cycle`` is no probability, or there are fewer than two vertices.
    """
    states = _draw_states(n, n_graphs, p_cycle, rng)
    priority = np.where(states % 4 > 0, rng.random(states.shape), -1.0)
    chosen = priority.argmax(axis=1)
    rows = np.arange(n_graphs)
    two_cycle = rng.random(n_graphs) < p_cycle
    kept = (priority[rows, chosen] >= 0) & ((states > 0).sum(axis=1) + 1 <= states.shape[1])
    states[rows, chosen] = np.where(two_cycle, 3, states[rows, chosen] | 4)
    return NonsimpleFamily(*_from_states(states[kept], n), two_cycle[kept])


def n_vertices(text):
    """Number of vertices of the graph that a text describes, as `MixedGraph.parse` reads it.

    >>> n_vertices("0>1, 1>2, 0<>2")
    3
    """
    return MixedGraph.parse(text).n
