"""Exact covariances, ranks and null spaces of mixed graphs against sympy, numpy and networkx.

One process, one BLAS thread; values are compared before any time is.
"""

import itertools
import time

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import covariances, graphs, ideals, modular

P = modular.PRIMES[0]
N_GRAPHS = 100
CENSUS_SECONDS = 5.0


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def family():
    rng = np.random.default_rng(2021)
    d, b = graphs.random_graphs(5, N_GRAPHS, rng=rng, p_cycle=0.5)
    return d, *covariances.draw_parameters(d, b, rng=rng)


@pytest.fixture(scope="module")
def census():
    return graphs.decode(np.arange(4096), 4)


COVARIANCES = f"all covariances modulo a prime ({N_GRAPHS} graphs, n = 5)"


@pytest.mark.benchmark(group=COVARIANCES)
@pytest.mark.parametrize("route", ["one-connections", "inverse"])
def test_kernel(benchmark, family, route):
    _, lam, omega = family
    benchmark.extra_info.update(role="ours", label=f"numba, {route}", agreement="exact")
    options = {"args": (lam, omega), "kwargs": {"route": route}}
    result = benchmark.pedantic(covariances.covariances, **options, rounds=10, warmup_rounds=1)
    assert all((x == y).all() for x, y in zip(result, covariances.covariances(lam, omega, route="subsets")))


@pytest.mark.benchmark(group=COVARIANCES)
def test_peer_sympy_inverse(benchmark, family):
    from sympy import GF
    from sympy.polys.matrices import DomainMatrix

    _, lam, omega = family
    field = GF(P, symmetric=False)

    def peer():
        out = []
        for l, w in zip(lam, omega):
            a = DomainMatrix([[field(int(i == j) - int(l[i, j])) for j in range(5)] for i in range(5)], (5, 5), field)
            m = a.inv()
            w = DomainMatrix([[field(int(v)) for v in row] for row in w], (5, 5), field)
            out.append((m.transpose() * w * m).to_Matrix().tolist())
        return np.array(out, dtype=np.int64) % P

    benchmark.extra_info.update(role="peer", label="sympy DomainMatrix over GF(p)", agreement="exact")
    assert (benchmark.pedantic(peer, rounds=2) == covariances.covariances(lam, omega).sigma).all()


@pytest.mark.benchmark(group="determinants by enumerated cycles (100 graphs, n = 5)")
def test_enumeration(benchmark, family):
    d, lam, omega = family
    benchmark.extra_info.update(role="ours", label="numba, all paths, cycles and covariances", agreement="exact")
    benchmark.pedantic(covariances.covariances, args=(lam, omega), rounds=10, warmup_rounds=1)


@pytest.mark.benchmark(group="determinants by enumerated cycles (100 graphs, n = 5)")
def test_peer_networkx_cycles(benchmark, family):
    import networkx as nx

    d, lam, omega = family

    def peer():
        out = []
        for adjacency, l in zip(d, lam):
            graph = nx.from_numpy_array(adjacency, create_using=nx.DiGraph)
            cycles = [tuple(c) for c in nx.simple_cycles(graph)]
            total = 1
            for size in range(1, 3):  # at most two disjoint proper cycles fit on five vertices
                for chosen in itertools.combinations(cycles, size):
                    if len(set().union(*chosen)) == sum(map(len, chosen)):
                        product = (-1) ** size
                        for c in chosen:
                            for i, j in zip(c, (*c[1:], c[0])):
                                product = product * int(l[i, j]) % P
                        total += product
            out.append(total % P)
        return np.array(out)

    benchmark.extra_info.update(role="peer", label="networkx simple_cycles, determinants only", agreement="exact")
    assert (benchmark.pedantic(peer, rounds=2) == covariances.covariances(lam, omega).delta).all()


RANKS = "Jacobian ranks of all 4,096 simple graphs on 4 vertices"


def ranks_of(census):
    return covariances.jacobian_ranks(*census, rng=np.random.default_rng(1))


@pytest.mark.benchmark(group=RANKS)
def test_census(benchmark, census):
    benchmark.extra_info.update(role="ours", label="numba, modulo a prime", agreement="exact")
    ranks = benchmark.pedantic(ranks_of, args=(census,), rounds=5, warmup_rounds=1)
    assert (ranks == graphs.n_parameters(*census)).all()


def float_ranks(d, b):
    """Largest rank over up to three random points: a point near a singular one can fall below the tolerance."""
    rng = np.random.default_rng(1)
    full, ranks = graphs.n_parameters(d, b), np.zeros(len(d), int)
    for _ in range(3):
        todo = np.flatnonzero(ranks < full)
        ranks[todo] = np.maximum(ranks[todo], float_ranks_at_a_point(d[todo], b[todo], rng))
    return ranks


def float_ranks_at_a_point(d, b, rng):
    upper = np.triu_indices(4)
    ranks = np.empty(len(d), int)
    for k in range(len(d)):
        lam = np.where(d[k], rng.uniform(0.5, 1.5, (4, 4)), 0)
        omega = np.triu(rng.uniform(0.5, 1.5, (4, 4)))
        omega = np.where(b[k] | np.eye(4, dtype=bool), omega + omega.T, 0)
        m = np.linalg.inv(np.eye(4) - lam)
        sigma = m.T @ omega @ m
        columns = [np.outer(sigma[:, i], m[j]) for i, j in zip(*np.nonzero(lam))]
        columns += [np.outer(m[i], m[j]) for i, j in zip(*np.nonzero(np.triu(omega)))]
        j = np.array([(c + c.T)[upper] for c in columns])
        ranks[k] = np.linalg.matrix_rank(j / np.linalg.norm(j, axis=1, keepdims=True), tol=1e-8)
    return ranks


@pytest.mark.benchmark(group=RANKS)
def test_peer_numpy_rank(benchmark, census):
    benchmark.extra_info.update(role="peer", label="numpy matrix_rank, floating point", agreement="same ranks")
    ranks = benchmark.pedantic(float_ranks, args=census, rounds=2)
    assert (ranks == ranks_of(census)).all()


NULL = "null space of the 55 monomials of degree 2 (Verma-type graph)"


@pytest.fixture(scope="module")
def monomial_values():
    g = graphs.MixedGraph.parse("verma")
    monomials = np.array(list(itertools.combinations_with_replacement(range(10), 2)))
    return ideals.evaluate_monomials(ideals.model_points(g, 65, rng=np.random.default_rng(1)), monomials)


@pytest.mark.benchmark(group=NULL)
def test_null_space(benchmark, monomial_values):
    benchmark.extra_info.update(role="ours", label="numba elimination modulo a prime", agreement="exact")
    assert len(benchmark(modular.null_space, monomial_values)) == 1


@pytest.mark.benchmark(group=NULL)
def test_peer_sympy_null_space(benchmark, monomial_values):
    from sympy import GF
    from sympy.polys.matrices import DomainMatrix

    field = GF(P, symmetric=False)
    rows = [[field(int(v)) for v in row] for row in monomial_values]
    matrix = DomainMatrix(rows, monomial_values.shape, field)
    benchmark.extra_info.update(role="peer", label="sympy DomainMatrix.nullspace over GF(p)", agreement="exact")
    basis = benchmark.pedantic(matrix.nullspace, rounds=1)
    found = np.array([[int(v) % P for v in row] for row in basis.to_Matrix().tolist()])
    ours = modular.null_space(monomial_values)
    assert found.shape == ours.shape == (1, 55)
    column = np.flatnonzero(ours[0])[0]
    scale = int(found[0, column]) * pow(int(ours[0, column]), -1, P) % P
    assert [int(v) * scale % P for v in ours[0]] == found[0].tolist()


SPLIT = "vanishing ideal up to degree 4 (Verma-type graph)"


@pytest.mark.benchmark(group=SPLIT)
@pytest.mark.parametrize("split", [True, False])
def test_ideal(benchmark, split):
    g = graphs.MixedGraph.parse("verma")
    label = "one null space per multidegree" if split else "own code, all monomials at once"
    benchmark.extra_info.update(role="ours" if split else "peer", label=label, agreement="exact")
    run = benchmark.pedantic(
        lambda: ideals.vanishing_ideal(g, 4, rng=np.random.default_rng(1), split=split), rounds=2, warmup_rounds=1
    )
    assert run.dimension == {1: 0, 2: 1, 3: 12, 4: 73}


def test_census_takes_seconds(census):
    ranks_of(census)
    start = time.perf_counter()
    ranks_of(census)
    seconds = time.perf_counter() - start
    print(f"\ncensus of 4,096 graphs: {seconds:.3f} s")
    assert seconds < CENSUS_SECONDS
