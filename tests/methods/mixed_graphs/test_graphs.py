"""Mixed graphs: edges, cycles and one-connections by networkx and by counting, families by number and by chance."""

import itertools
import math

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import covariances, graphs
from paperlab.methods.mixed_graphs.graphs import MixedGraph


def rng(seed=5):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0>0, 0>1", "edge 0>0 is a loop"),
        ("0<>0", "edge 0<>0 is a loop"),
        ("0>1, 0>1", "edge 0>1 occurs twice"),
        ("0<>1, 1<>0", "edge 0<>1 occurs twice"),
        ("0-1", "not of the form"),
        ("3cyle", "none of"),
    ],
)
def test_bad_edges_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        MixedGraph.parse(text)


def test_vertex_outside_and_bad_codes_are_refused():
    with pytest.raises(ValueError, match=r"edge 0>5 has an end outside 0\.\.2"):
        MixedGraph(3, ((0, 5),))
    for codes in ([64], [-1], [0.5], 3):
        with pytest.raises(ValueError, match="codes must be"):
            graphs.decode(codes, 3)
    with pytest.raises(ValueError, match="must have two ends"):
        MixedGraph(3, ((0, 1, 2),))
    with pytest.raises(TypeError):
        MixedGraph(3, ((0, 1.5),))
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        MixedGraph.parse("0>1", n=0)
    with pytest.raises(ValueError, match="bidirected of graph 0 must be symmetric"):
        MixedGraph.from_arrays(np.zeros((2, 2), bool), np.triu(np.ones((2, 2), bool), 1))
    with pytest.raises(ValueError, match="n must be at least 2"):
        graphs.random_graphs(1, 5, rng=rng())
    with pytest.raises(ValueError, match=r"vertex 3 is outside 0\.\.2"):
        MixedGraph.parse("3cycle").one_connections(0, 3)
    with pytest.raises(ValueError, match="vertex -1 is outside"):
        MixedGraph.parse("3cycle").one_connections(-1, 0)
    with pytest.raises(ValueError, match="directed must be boolean"):
        graphs.has_cycle(np.zeros((1, 3, 3)))
    with pytest.raises(ValueError, match="p_cycle must be"):
        graphs.random_graphs(3, 5, rng=rng(), p_cycle=1.5)


def test_parse_and_arrays_are_inverse_to_each_other():
    for name in graphs.PRESETS:
        g = MixedGraph.parse(name)
        again = MixedGraph.from_arrays(*g.arrays())
        assert set(again.directed) == set(g.directed) and set(again.bidirected) == set(g.bidirected)
    assert MixedGraph.parse("0>1", n=4).n == 4
    assert not MixedGraph.parse("2cycle").is_simple
    assert MixedGraph.parse("3cycle").is_simple and not MixedGraph.parse("3cycle").is_acyclic


def test_cycles_and_paths_agree_with_networkx():
    nx = pytest.importorskip("networkx")
    d, b = graphs.random_graphs(5, 25, rng=rng(), p_cycle=0.5)
    for g in (MixedGraph.from_arrays(*arrays) for arrays in zip(d, b)):
        peer = nx.DiGraph(list(g.directed))
        peer.add_nodes_from(range(g.n))
        edges = {frozenset(zip(c, (*c[1:], c[0]))) for c in g.cycles()}
        assert edges == {frozenset(zip(c, (*c[1:], c[0]))) for c in nx.simple_cycles(peer)}
        assert len(edges) == len(g.cycles())
        for i, j in itertools.permutations(range(g.n), 2):
            ours = sorted(path for path in g.paths(i) if path[-1] == j)
            assert ours == sorted(map(tuple, nx.all_simple_paths(peer, i, j)))


def test_complete_graph_has_factorially_many_one_connections():
    for n in range(2, 8):
        counts = covariances.one_connection_counts(~np.eye(n, dtype=bool))
        assert (counts.one_connections == math.factorial(n - 1)).all()
        assert counts.factors == math.factorial(n)


def test_counts_agree_with_the_explicit_lists():
    for name in ("two cycles", "two shared", "3cycle+tail"):
        g = MixedGraph.parse(name)
        counts = covariances.one_connection_counts(g.arrays()[0])
        assert counts.factors == len(list(g.disjoint_cycles()))
        listed = [[len(g.one_connections(i, j)) for j in range(g.n)] for i in range(g.n)]
        assert counts.one_connections.tolist() == listed


def test_counts_that_would_pass_the_prime_are_refused():
    with pytest.raises(ValueError, match="13 vertices"):
        covariances.one_connection_counts(np.zeros((13, 13), bool))
    with pytest.raises(ValueError, match="directed must be boolean"):
        covariances.one_connection_counts(np.zeros((3, 3)))


def test_a_one_connection_is_a_path_and_cycles_beside_it():
    ones = MixedGraph.parse("two cycles").one_connections(0, 1)
    assert [(one.path, one.cycles, one.sign) for one in ones] == [((0, 1), (), 1), ((0, 1), ((2, 3, 4),), -1)]
    assert ones[1].edges == [(0, 1), (2, 3), (3, 4), (4, 2)]


def test_random_graphs_have_the_shares_they_were_asked_for():
    d, b = graphs.random_graphs(4, 4000, rng=rng(), p_cycle=0.3)
    forward, backward, both = d[:, 0, 1], d[:, 1, 0], b[:, 0, 1]
    two_cycle = forward & backward
    assert two_cycle.mean() == pytest.approx(0.5 * 0.3, abs=0.02)
    assert (forward & ~backward).mean() == pytest.approx(0.25 * 0.7, abs=0.02)
    assert both.mean() == pytest.approx(0.25, abs=0.02)
    assert not (both & (forward | backward)).any()
    simple = graphs.random_graphs(4, 500, rng=rng())
    assert all(MixedGraph.from_arrays(*arrays).is_simple for arrays in zip(*simple))


def test_nonsimple_graphs_have_one_doubled_pair_and_room_for_their_edges():
    d, b, two_cycle = graphs.random_nonsimple_graphs(4, 1000, rng=rng(), p_cycle=0.4)
    edges = d.astype(int) + d.swapaxes(1, 2) + b
    assert (np.triu(edges == 2).sum((1, 2)) == 1).all() and edges.max() == 2
    assert (((d & d.swapaxes(1, 2)).any((1, 2))) == two_cycle).all()
    assert (graphs.n_parameters(d, b) - 4 <= 6).all()
    assert two_cycle.mean() == pytest.approx(0.4, abs=0.06)


def test_cycles_of_a_family_are_those_of_its_graphs():
    d, b = graphs.random_graphs(4, 200, rng=rng(), p_cycle=0.1)
    listed = [bool(MixedGraph.from_arrays(*arrays).cycles()) for arrays in zip(d, b)]
    assert graphs.has_cycle(d).tolist() == listed


def test_codes_run_through_all_graphs_once():
    d, b = graphs.decode(np.arange(8**3), 3, simple=False)
    seen = {a.tobytes() + c.tobytes() for a, c in zip(d, b)}
    assert len(seen) == 512
    assert graphs.n_parameters(d, b).max() == 3 * 3 + 3


def test_numbers_of_simple_graphs_up_to_renaming():
    # orbits counted by Burnside's lemma: 16 on three vertices, 218 on four
    for n, classes in ((1, 1), (3, 16), (4, 218)):
        codes, sizes = graphs.isomorphism_classes(n)
        assert len(codes) == classes and sizes.sum() == 4 ** (n * (n - 1) // 2)
    with pytest.raises(ValueError, match="n must be from 1 to 5, got 6"):
        graphs.isomorphism_classes(6)
