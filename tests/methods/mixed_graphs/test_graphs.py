"""Facts about mixed graphs: flow-graph identities, trek rules, ranks, vanishing ideals, fibres, and their traps."""

import itertools
import math

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import covariances as maps
from paperlab.methods.mixed_graphs import graphs as mixed
from paperlab.methods.mixed_graphs import ideals, modular
from paperlab.methods.mixed_graphs import numerics as floats
from paperlab.methods.mixed_graphs.graphs import MixedGraph

P = modular.PRIMES[0]


def rng(seed=5):
    return np.random.default_rng(seed)


def triangle(values=(0.5, -0.7, 0.6)):
    lam = np.zeros((3, 3))
    lam[[0, 1, 2], [1, 2, 0]] = values
    return lam


# modular arithmetic


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


# graphs


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
    with pytest.raises(ValueError, match="codes must be"):
        mixed.decode([64], 3)
    with pytest.raises(ValueError, match="p_cycle must be"):
        mixed.random_graphs(rng(), 3, 5, 1.5)


def test_parse_and_arrays_are_inverse_to_each_other():
    for name in mixed.PRESETS:
        g = MixedGraph.parse(name)
        again = MixedGraph.from_arrays(*g.arrays())
        assert set(again.directed) == set(g.directed) and set(again.bidirected) == set(g.bidirected)
    assert MixedGraph.parse("0>1", n=4).n == 4
    assert not MixedGraph.parse("2cycle").is_simple
    assert MixedGraph.parse("3cycle").is_simple and not MixedGraph.parse("3cycle").is_acyclic


def test_cycles_and_paths_agree_with_networkx():
    nx = pytest.importorskip("networkx")
    d, b = mixed.random_graphs(rng(), 5, 25, 0.5)
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
        counts, factors = maps.one_connection_counts(~np.eye(n, dtype=bool))
        assert (counts == math.factorial(n - 1)).all()
        assert factors == math.factorial(n)


def test_counts_agree_with_the_explicit_lists():
    for name in ("two cycles", "two shared", "3cycle+tail"):
        g = MixedGraph.parse(name)
        counts, factors = maps.one_connection_counts(g.arrays()[0])
        assert factors == len(list(g.disjoint_cycles()))
        assert counts.tolist() == [[len(g.one_connections(i, j)) for j in range(g.n)] for i in range(g.n)]


def test_numbers_of_simple_graphs_up_to_renaming():
    # orbits counted by Burnside's lemma: 16 on three vertices, 218 on four
    for n, classes in ((3, 16), (4, 218)):
        codes, sizes = mixed.isomorphism_classes(n)
        assert len(codes) == classes and sizes.sum() == 4 ** (n * (n - 1) // 2)


# the formula


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
    d, b = mixed.random_graphs(rng(n), n, 60, 0.5)
    lam, omega = maps.draw_parameters(rng(n), d, b)
    inverse = maps.covariances(lam, omega, P, "inverse")
    for route in ("one-connections", "subsets"):
        for x, y in zip(maps.covariances(lam, omega, P, route), inverse):
            assert (x == y).all()
    assert (inverse.sigma == inverse.sigma.swapaxes(1, 2)).all()


def test_covariances_agree_with_sympy_fractions():
    sp = pytest.importorskip("sympy")
    g = MixedGraph.parse("two cycles")
    d, b = (a[None] for a in g.arrays())
    lam, omega = np.where(d, rng().integers(1, 9, d.shape), 0), 3 * np.eye(g.n, dtype=int)[None]
    a = (sp.eye(g.n) - sp.Matrix(lam[0].tolist())).inv()
    exact = a.T * sp.Matrix(omega[0].tolist()) * a
    ours = maps.covariances(lam, omega, P).sigma[0]
    for i, j in itertools.product(range(g.n), repeat=2):
        value = sp.Rational(exact[i, j])
        assert ours[i, j] == int(value.p) * pow(int(value.q), -1, P) % P


def test_trek_rule_holds_without_cycles_and_fails_with_them():
    d, b = mixed.random_graphs(rng(), 4, 300, 0.3)
    lam, omega = maps.draw_parameters(rng(), d, b)
    wrong = (maps.covariances(lam, omega, P, "paths").sigma != maps.covariances(lam, omega, P, "inverse").sigma).any(
        (1, 2)
    )
    assert (wrong == mixed.has_cycle(d)).all()


def test_transposed_effects_put_the_treks_at_the_wrong_ends():
    lam = np.zeros((1, 3, 3), int)
    lam[0, 0, 1], lam[0, 0, 2] = 2, 3  # 0 is a common cause of 1 and 2
    omega = np.eye(3, dtype=int)[None]
    assert maps.covariances(lam, omega).sigma[0, 1, 2] == 6
    assert maps.covariances(lam.swapaxes(1, 2), omega).sigma[0, 1, 2] == 0


def test_gain_one_and_loops_are_refused():
    lam = np.zeros((1, 2, 2), int)
    lam[0, 0, 1], lam[0, 1, 0] = 2, pow(2, -1, P)
    omega = np.eye(2, dtype=int)[None]
    for route in ("one-connections", "inverse"):
        with pytest.raises(ValueError, match="feedback has gain 1"):
            maps.covariances(lam, omega, P, route)
    with pytest.raises(ValueError, match="feedback has gain 1"):
        floats.float_covariance([[0, 2], [0.5, 0]], np.eye(2))
    with pytest.raises(ValueError, match="loop at vertex 1"):
        maps.covariances(np.array([[[0, 0], [0, 1]]]), omega)
    with pytest.raises(ValueError, match="route must be"):
        maps.covariances(lam, omega, P, "treks")


def test_identity_holds_where_the_path_series_diverges():
    lam = triangle((2.0, 1.5, -1.0))
    truth = floats.float_covariance(lam, np.eye(3))
    errors = [np.abs(floats.path_sum(lam, np.eye(3), length) - truth).max() for length in (3, 12, 30)]
    assert errors[0] < errors[1] < errors[2]
    n = np.array([[1, 2.0, 3.0], [-1.5, 1, 1.5], [-1.0, -2.0, 1]])  # N by hand: the one path of each pair
    assert (n.T @ n / (1 + 3.0) ** 2) == pytest.approx(truth)


def test_samples_have_the_covariance_of_the_formula():
    x = floats.sample(rng(), triangle(), np.diag([1.0, 1.3, 0.8]), 100_000)
    assert np.cov(x.T) == pytest.approx(floats.float_covariance(triangle(), np.diag([1.0, 1.3, 0.8])), abs=0.05)


def test_implied_covariance_of_semopy_equals_the_formula():
    semopy = pytest.importorskip("semopy")
    pd = pytest.importorskip("pandas")
    lam = np.zeros((3, 3))
    lam[0, 1], lam[1, 2] = 0.8, -0.5
    data = pd.DataFrame(floats.sample(rng(), lam, np.eye(3), 500), columns=["x0", "x1", "x2"])
    model = semopy.Model("x1 ~ x0\nx2 ~ x1")
    model.fit(data)
    table = model.inspect().set_index(["lval", "op", "rval"]).Estimate
    lam[0, 1], lam[1, 2] = table["x1", "~", "x0"], table["x2", "~", "x1"]
    omega = np.diag([data.x0.var(ddof=0), table["x1", "~~", "x1"], table["x2", "~~", "x2"]])
    order = list(model.vars["observed"])
    implied = pd.DataFrame(model.calc_sigma()[0], index=order, columns=order).loc[
        ["x0", "x1", "x2"], ["x0", "x1", "x2"]
    ]
    assert floats.float_covariance(lam, omega) == pytest.approx(implied.to_numpy(), rel=1e-3)


# the Jacobian


def test_jacobian_agrees_with_derivatives_of_the_symbolic_covariance():
    sp = pytest.importorskip("sympy")
    l01, l10, w01, w0, w1 = sp.symbols("l01 l10 w01 w0 w1")
    a = (sp.eye(2) - sp.Matrix([[0, l01], [l10, 0]])).inv()
    sigma = a.T * sp.Matrix([[w0, w01], [w01, w1]]) * a
    at = {l01: 3, l10: 5, w01: 7, w0: 11, w1: 13}
    rows = [[sp.diff(sigma[i, j], v).subs(at) for v in at] for i, j in ((0, 0), (0, 1), (1, 1))]
    expected = [[int(r.p) * pow(int(r.q), -1, P) % P for r in map(sp.Rational, row)] for row in rows]
    assert maps.jacobian(np.array([[0, 3], [5, 0]]), np.array([[11, 7], [7, 13]]), P).tolist() == expected


def test_all_simple_graphs_on_three_and_four_vertices_are_finite_to_one():
    for n in (3, 4):
        d, b = mixed.decode(np.arange(4 ** (n * (n - 1) // 2)), n)
        assert (maps.jacobian_ranks(rng(), d, b) == mixed.n_parameters(d, b)).all()


def test_ranks_agree_with_numpy_at_a_float_point():
    d, b, _ = mixed.random_nonsimple_graphs(rng(), 4, 120)
    exact = maps.jacobian_ranks(rng(), d, b)
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
        return (maps.jacobian_ranks(rng(), d, b) < mixed.n_parameters(d, b))[0]

    assert deficient("2cycle") and deficient("0>1, 0<>1")
    assert not deficient("instrument")
    assert not deficient("2>0, 0>1, 1>0, 3>1, 0<>1")


def test_singular_point_of_the_jacobian_is_refused():
    with pytest.raises(ValueError, match="gain 1"):
        maps.jacobian(np.array([[0, 1], [1, 0]]), np.eye(2, dtype=int))


# ideals

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
    found = ideals.vanishing_ideal(MixedGraph.parse(name), len(expected), rng(), prime)
    assert tuple(found.dimension.values()) == expected


@pytest.mark.parametrize("name", ["chain", "verma", "2cycle middle"])
def test_split_by_multidegree_loses_nothing(name):
    g = MixedGraph.parse(name)
    split, whole = (ideals.vanishing_ideal(g, 3, rng(), split=s) for s in (True, False))
    assert split.dimension == whole.dimension and split.n_monomials == whole.n_monomials


def test_generators_are_the_known_ones():
    chain = ideals.vanishing_ideal(MixedGraph.parse("chain"), 3, rng())
    assert [str(q) for q in chain.generators[2]] == ["s01 s12 - s02 s11"]
    assert not chain.generators[3]  # all six cubics are multiples
    assert len(chain.basis[3]) == 6
    verma = ideals.vanishing_ideal(MixedGraph.parse("verma"), 3, rng())
    assert [len(g) for g in verma.generators.values()] == [0, 1, 2]


def test_polynomials_vanish_on_the_model_and_not_off_it():
    g = MixedGraph.parse("verma")
    found = ideals.vanishing_ideal(g, 3, rng())
    fresh = ideals.model_points(rng(99), g, 4)
    root = rng(3).integers(-20, 21, (4, 4))
    outside = np.array([[(root @ root.T)[e] for e in ideals.entries(4)]]) % P
    for q in itertools.chain(*found.basis.values()):
        assert not q.at(fresh).any()
        assert q.at(outside)[0] != 0


def test_too_few_points_give_spurious_polynomials_that_fresh_points_expose():
    g = MixedGraph.parse("instrument")
    found = [q for basis in ideals.vanishing_ideal(g, 2, rng(), extra_points=-1).basis.values() for q in basis]
    assert found
    fresh = ideals.model_points(rng(99), g, 3)
    assert all(q.at(fresh).any() for q in found)


def test_bad_degrees_and_point_numbers_are_refused():
    with pytest.raises(ValueError, match="max_degree"):
        ideals.vanishing_ideal(MixedGraph.parse("chain"), 0, rng())
    with pytest.raises(ValueError, match="extra_points"):
        ideals.vanishing_ideal(MixedGraph.parse("chain"), 1, rng(), extra_points=-5)


# fibres


def test_three_cycle_has_two_solutions_with_the_same_covariances():
    g, omega = MixedGraph.parse("3cycle"), np.diag([1.0, 1.3, 0.8])
    sigma = floats.float_covariance(triangle(), omega)
    found = floats.fibre(g, sigma, rng())
    assert found == pytest.approx(np.array([[0.5, -0.7, 0.6], [2.138, -1.3735, 1.6216]]), abs=1e-3)
    for values in found:
        a = np.eye(3) - triangle(values)
        w = a.T @ sigma @ a
        assert w == pytest.approx(np.diag(np.diag(w)), abs=1e-6)
        assert floats.float_covariance(triangle(values), w) == pytest.approx(sigma)


def test_acyclic_simple_graphs_have_one_solution():
    for text in ("verma", "chain", "0>1, 0>2, 1>2", "0<>1, 0<>2, 1>2"):
        g = MixedGraph.parse(text)
        d, b = g.arrays()
        sigma = floats.float_covariance(0.7 * d, 0.2 * b + np.eye(g.n))
        assert floats.fibre(g, sigma, rng()) == pytest.approx(np.full((1, len(g.directed)), 0.7), abs=1e-5)


def test_graph_without_effects_has_one_solution_and_bad_matrices_are_refused():
    assert floats.fibre(MixedGraph(2, (), ((0, 1),)), np.eye(2), rng()).shape == (1, 0)
    with pytest.raises(ValueError, match="positive definite"):
        floats.fibre(MixedGraph.parse("3cycle"), -np.eye(3), rng())
