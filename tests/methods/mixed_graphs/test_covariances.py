"""The one-connection formula, the trek rule and the Jacobian against elimination, sympy and numpy."""

import itertools

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import covariances, graphs, modular
from paperlab.methods.mixed_graphs.graphs import MixedGraph

P = modular.PRIMES[0]


def rng(seed=5):
    return np.random.default_rng(seed)


def test_terms_of_the_formula_equal_the_symbolic_inverse():
    sp = pytest.importorskip("sympy")
    for name in ("2cycle", "two cycles", "two shared"):
        g = MixedGraph.parse(name)
        lam = sp.zeros(g.n)
        for i, j in g.directed:
            lam[i, j] = sp.Symbol(f"l{i}{j}")
        a = sp.eye(g.n) - lam
        for i, j in ((0, 0), (0, 1), (1, g.n - 1), (g.n - 1, 0)):
            terms = sum(one.sign * sp.prod([lam[e] for e in one.edges]) for one in g.one_connections(i, j))
            assert sp.expand(terms - a.adjugate()[i, j]) == 0


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_three_routes_agree_exactly(n):
    d, b = graphs.random_graphs(n, 60, rng=rng(n), p_cycle=0.5)
    drawn = covariances.draw_parameters(d, b, rng=rng(n))
    inverse = covariances.covariances(*drawn, route="inverse")
    for route in ("one-connections", "subsets"):
        for x, y in zip(covariances.covariances(*drawn, route=route), inverse):
            assert (x == y).all()
    assert (inverse.sigma == inverse.sigma.swapaxes(1, 2)).all()


def test_covariances_agree_with_sympy_fractions():
    sp = pytest.importorskip("sympy")
    g = MixedGraph.parse("two cycles")
    d, b = (a[None] for a in g.arrays())
    lam, omega = np.where(d, rng().integers(1, 9, d.shape), 0), 3 * np.eye(g.n, dtype=int)[None]
    a = (sp.eye(g.n) - sp.Matrix(lam[0].tolist())).inv()
    exact = a.T * sp.Matrix(omega[0].tolist()) * a
    ours = covariances.covariances(lam, omega).sigma[0]
    for i, j in itertools.product(range(g.n), repeat=2):
        value = sp.Rational(exact[i, j])
        assert ours[i, j] == int(value.p) * pow(int(value.q), -1, P) % P


def test_trek_rule_holds_without_cycles_and_fails_with_them():
    d, b = graphs.random_graphs(4, 300, rng=rng(), p_cycle=0.3)
    drawn = covariances.draw_parameters(d, b, rng=rng())
    trek, exact = (covariances.covariances(*drawn, route=route).sigma for route in ("paths", "inverse"))
    assert ((trek != exact).any((1, 2)) == graphs.has_cycle(d)).all()


def test_transposed_effects_put_the_treks_at_the_wrong_ends():
    lam = np.zeros((1, 3, 3), int)
    lam[0, 0, 1], lam[0, 0, 2] = 2, 3  # 0 is a common cause of 1 and 2
    omega = np.eye(3, dtype=int)[None]
    assert covariances.covariances(lam, omega).sigma[0, 1, 2] == 6
    assert covariances.covariances(lam.swapaxes(1, 2), omega).sigma[0, 1, 2] == 0


def test_counting_terms_by_hand_on_the_two_cycle():
    """Delta = 1 - ab, N_01 = a, and the variance of 0 is (w0 + b^2 w1 + 2 b w01) / Delta^2."""
    a, b, w0, w1, w01 = 3, 5, 7, 11, 13
    found = covariances.covariances(np.array([[[0, a], [b, 0]]]), np.array([[[w0, w01], [w01, w1]]]), prime=P)
    assert found.delta.tolist() == [(1 - a * b) % P]
    assert found.numerators[0].tolist() == [[1, a], [b, 1]]
    assert int(found.sigma[0, 0, 0]) * (1 - a * b) ** 2 % P == w0 + b * b * w1 + 2 * b * w01
    assert int(found.sigma[0, 0, 1]) * (1 - a * b) ** 2 % P == w0 * a + w1 * b + w01 * (1 + a * b)


def test_renaming_the_vertices_renames_the_covariances():
    d, b = graphs.random_graphs(5, 20, rng=rng(), p_cycle=0.5)
    drawn, order = covariances.draw_parameters(d, b, rng=rng()), np.array([3, 0, 4, 1, 2])
    moved = (a[:, order][:, :, order] for a in drawn)
    sigma = covariances.covariances(*drawn).sigma
    assert (covariances.covariances(*moved).sigma == sigma[:, order][:, :, order]).all()


def test_parameters_stand_on_the_edges_and_nowhere_else():
    d, b = graphs.random_graphs(4, 50, rng=rng(), p_cycle=0.3)
    lam, omega = covariances.draw_parameters(d, b, rng=rng(), prime=101)
    assert ((lam != 0) == d).all()
    assert ((omega != 0) == (b | np.eye(4, dtype=bool))).all()
    assert (omega == omega.swapaxes(1, 2)).all() and max(lam.max(), omega.max()) <= 100


def test_gain_one_and_loops_are_refused():
    lam = np.zeros((1, 2, 2), int)
    lam[0, 0, 1], lam[0, 1, 0] = 2, pow(2, -1, P)
    omega = np.eye(2, dtype=int)[None]
    for route in ("one-connections", "subsets", "inverse"):
        with pytest.raises(ValueError, match="feedback has gain 1"):
            covariances.covariances(lam, omega, route=route)
    cases = [
        ((np.array([[[0, 0], [0, 1]]]), omega), {}, "loop at vertex 1"),
        ((lam, omega), {"route": "treks"}, "route must be"),
        ((lam, omega), {"prime": 91}, "prime must be a prime, got 91 = 7 x 13"),
        ((lam, np.array([[[1, 2], [0, 1]]])), {}, "omega of graph 0 must be symmetric"),
        ((lam, omega.astype(float)), {}, "omega must be integers"),
        ((lam[0], omega), {}, "lam must be integers of shape"),
        ((lam, np.zeros((1, 3, 3), int)), {}, "must have the same shape"),
        ((np.zeros((1, 13, 13), int), np.zeros((1, 13, 13), int)), {}, "13 vertices; paths are listed for up to 12"),
    ]
    for arguments, options, message in cases:
        with pytest.raises(ValueError, match=message):
            covariances.covariances(*arguments, **options)
    big = np.zeros((1, 13, 13), int)
    assert covariances.covariances(big, np.eye(13, dtype=int)[None], route="inverse").delta[0] == 1


def test_jacobian_agrees_with_derivatives_of_the_symbolic_covariance():
    sp = pytest.importorskip("sympy")
    l01, l10, w01, w0, w1 = sp.symbols("l01 l10 w01 w0 w1")
    a = (sp.eye(2) - sp.Matrix([[0, l01], [l10, 0]])).inv()
    sigma = a.T * sp.Matrix([[w0, w01], [w01, w1]]) * a
    at = {l01: 3, l10: 5, w01: 7, w0: 11, w1: 13}
    rows = [[sp.diff(sigma[i, j], v).subs(at) for v in at] for i, j in ((0, 0), (0, 1), (1, 1))]
    expected = [[int(r.p) * pow(int(r.q), -1, P) % P for r in map(sp.Rational, row)] for row in rows]
    assert covariances.jacobian(np.array([[0, 3], [5, 0]]), np.array([[11, 7], [7, 13]])).tolist() == expected


def test_all_simple_graphs_on_three_and_four_vertices_are_finite_to_one():
    for n in (3, 4):
        d, b = graphs.decode(np.arange(4 ** (n * (n - 1) // 2)), n)
        assert (covariances.jacobian_ranks(d, b, rng=rng()) == graphs.n_parameters(d, b)).all()


def test_ranks_agree_with_numpy_at_a_float_point():
    d, b, _ = graphs.random_nonsimple_graphs(4, 120, rng=rng())
    exact = covariances.jacobian_ranks(d, b, rng=rng())
    small = np.random.default_rng(8)
    for k in range(len(d)):
        lam, omega = np.where(d[k], small.uniform(0.5, 1.5, (4, 4)), 0), small.uniform(0.5, 1.5, (4, 4))
        omega = np.where(b[k], omega + omega.T, 0) + np.diag(small.uniform(1, 2, 4))
        m = np.linalg.inv(np.eye(4) - lam)
        sigma, upper = m.T @ omega @ m, np.triu_indices(4)
        columns = [np.outer(sigma[:, i], m[j]) for i, j in zip(*np.nonzero(lam))]
        columns += [np.outer(m[i], m[j]) for i, j in zip(*np.nonzero(np.triu(omega)))]
        j = np.array([(c + c.T)[upper] for c in columns]).T
        j /= np.linalg.norm(j, axis=0)
        assert np.linalg.matrix_rank(j, tol=1e-8) == exact[k]


def test_nonsimple_graphs_can_be_deficient_and_need_not_be():
    def deficient(text):
        d, b = (a[None] for a in MixedGraph.parse(text).arrays())
        return (covariances.jacobian_ranks(d, b, rng=rng()) < graphs.n_parameters(d, b))[0]

    assert deficient("2cycle") and deficient("0>1, 0<>1")
    assert not deficient("instrument")
    assert not deficient("2>0, 0>1, 1>0, 3>1, 0<>1")


def test_singular_point_of_the_jacobian_is_refused():
    with pytest.raises(ValueError, match="gain 1"):
        covariances.jacobian(np.array([[0, 1], [1, 0]]), np.eye(2, dtype=int))


def test_rank_of_the_exact_jacobian_is_that_of_its_matrix():
    for name in ("verma", "2cycle", "3cycle+tail"):
        d, b = (a[None] for a in MixedGraph.parse(name).arrays())
        lam, omega = covariances.draw_parameters(d, b, rng=rng())
        matrix = covariances.jacobian(lam[0], omega[0])
        assert modular.rank(matrix) == covariances.jacobian_ranks(d, b, rng=rng())[0]


def test_families_that_are_none_are_refused():
    d, b = graphs.random_graphs(3, 5, rng=rng())
    lopsided, loop = b.copy(), d.copy()
    lopsided[2] = [[False, True, False], [False, False, False], [False, False, False]]
    loop[4, 1, 1] = True
    for arguments, message in (
        ((d, lopsided), "bidirected of graph 2 must be symmetric"),
        ((loop, b), "directed of graph 4 has a loop at vertex 1"),
        ((d.astype(int), b), "directed must be boolean"),
        ((d, b[:3]), "directed and bidirected must agree"),
    ):
        for call in (
            lambda d, b: covariances.jacobian_ranks(d, b, rng=rng()),
            lambda d, b: covariances.draw_parameters(d, b, rng=rng()),
            graphs.n_parameters,
        ):
            with pytest.raises(ValueError, match=message):
                call(*arguments)
    with pytest.raises(ValueError, match="n_points must be at least 1"):
        covariances.jacobian_ranks(d, b, rng=rng(), n_points=0)
