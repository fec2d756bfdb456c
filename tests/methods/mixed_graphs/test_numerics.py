"""Covariances, samples and fibres in floating point: the formula, closed forms, units, and what is not identified."""

import numpy as np
import pytest
from paperlab.methods.mixed_graphs import numerics
from paperlab.methods.mixed_graphs.graphs import MixedGraph


def rng(seed=5):
    return np.random.default_rng(seed)


def triangle(values=(0.5, -0.7, 0.6)):
    lam = np.zeros((3, 3))
    lam[[0, 1, 2], [1, 2, 0]] = values
    return lam


def sum_over_one_connections(g, lam, omega):
    """The paper's formula, term by term: sigma_ij = sum_kl omega_kl N_ki N_lj / delta^2."""
    weight = lambda one: one.sign * np.prod([lam[e] for e in one.edges])  # noqa: E731
    n = np.array([[sum(map(weight, g.one_connections(i, j))) for j in range(g.n)] for i in range(g.n)])
    cycles = [[e for c in found for e in zip(c, (*c[1:], c[0]))] for found in g.disjoint_cycles()]
    signs = [(-1) ** len(found) for found in g.disjoint_cycles()]
    delta = sum(sign * np.prod([lam[e] for e in edges]) for sign, edges in zip(signs, cycles))
    return n.T @ omega @ n / delta**2


@pytest.mark.parametrize("name", ["2cycle", "3cycle+tail+bidirected", "two cycles", "two shared", "2cycle middle"])
@pytest.mark.parametrize("gain", [0.5, 3.0])
def test_the_sum_over_one_connections_is_the_covariance_also_where_the_path_series_diverges(name, gain):
    g = MixedGraph.parse(name)
    d, b = g.arrays()
    lam = np.where(d, gain * rng().uniform(0.4, 1.2, d.shape), 0.0)
    omega = np.where(b, 0.3, 0.0) + np.diag(rng(1).uniform(1, 2, g.n))
    assert numerics.float_covariance(lam, omega) == pytest.approx(sum_over_one_connections(g, lam, omega))


def test_draws_of_the_model_have_the_covariances_of_the_sum_over_one_connections():
    g, omega = MixedGraph.parse("3cycle"), np.diag([1.0, 1.3, 0.8])
    x = numerics.sample(triangle(), omega, 100_000, rng=rng())
    sigma = sum_over_one_connections(g, triangle(), omega)
    se = np.sqrt((np.outer(np.diag(sigma), np.diag(sigma)) + sigma**2) / len(x))
    assert np.abs((np.cov(x.T) - sigma) / se).max() < 4.5


def test_the_path_series_converges_below_spectral_radius_one_and_runs_away_above():
    def errors(lam):
        truth = numerics.float_covariance(lam, np.eye(3))
        return [np.abs(numerics.path_sum(lam, np.eye(3), length) - truth).max() for length in (3, 12, 30)]

    low, high = errors(triangle()), errors(triangle((2.0, 1.5, -1.0)))
    assert low[0] > low[1] > low[2] and low[2] < 1e-5
    assert high[0] < high[1] < high[2]
    n = np.array([[1, 2.0, 3.0], [-1.5, 1, 1.5], [-1.0, -2.0, 1]])  # N by hand: the one path of each pair
    truth = numerics.float_covariance(triangle((2.0, 1.5, -1.0)), np.eye(3))
    assert (n.T @ n / (1 + 3.0) ** 2) == pytest.approx(truth)


def test_without_cycles_the_path_series_stops_by_itself():
    lam = np.triu(rng().standard_normal((4, 4)), 1)
    assert numerics.path_sum(lam, np.eye(4), 3) == pytest.approx(numerics.float_covariance(lam, np.eye(4)))
    assert numerics.path_sum(lam, np.eye(4), 0) == pytest.approx(np.eye(4))


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_covariances_carry_the_units_of_the_variables(unit):
    scale = np.array([1.0, unit, 1 / unit])
    lam = triangle() * scale / scale[:, None]
    sigma = numerics.float_covariance(lam, np.diag(scale**2))
    plain = numerics.float_covariance(triangle(), np.eye(3))
    assert sigma == pytest.approx(plain * np.outer(scale, scale), rel=1e-7)
    x = numerics.sample(lam, np.diag(scale**2), 50, rng=rng())
    assert x / scale == pytest.approx(numerics.sample(triangle(), np.eye(3), 50, rng=rng()), rel=1e-6)


def test_gain_one_is_refused_in_any_unit():
    for unit in (1.0, 1e-9, 1e9):
        with pytest.raises(ValueError, match="feedback has gain 1"):
            numerics.float_covariance([[0, 2 * unit], [0.5 / unit, 0]], np.eye(2))
        numerics.float_covariance([[0, 2 * unit], [0.4 / unit, 0]], np.eye(2))
    with pytest.raises(ValueError, match="feedback has gain 1"):
        numerics.sample([[0, 2], [0.5, 0]], np.eye(2), 5, rng=rng())


@pytest.mark.parametrize(
    ("lam", "omega", "message"),
    [
        (triangle() * np.nan, np.eye(3), "lam is nan"),
        (triangle(), np.full((3, 3), np.inf), "omega is inf"),
        (triangle() + np.eye(3), np.eye(3), "lam must have a zero diagonal"),
        (triangle(), np.eye(4), "of one shape"),
        (triangle(), np.eye(3) + np.triu(np.ones((3, 3)), 1), "omega must be symmetric"),
        (triangle(), 1e-18 * (np.eye(3) + np.triu(np.ones((3, 3)), 1)), "omega must be symmetric"),
    ],
)
def test_parameters_of_no_model_are_refused(lam, omega, message):
    for call in (
        numerics.float_covariance,
        lambda a, b: numerics.path_sum(a, b, 3),
        lambda a, b: numerics.sample(a, b, 5, rng=rng()),
    ):
        with pytest.raises(ValueError, match=message):
            call(lam, omega)


def test_errors_without_variance_cannot_be_drawn():
    with pytest.raises(ValueError, match="omega must be positive definite"):
        numerics.sample(triangle(), np.ones((3, 3)), 5, rng=rng())
    with pytest.raises(ValueError, match="n_draws must be at least 1"):
        numerics.sample(triangle(), np.eye(3), 0, rng=rng())
    with pytest.raises(ValueError, match="length must not be negative"):
        numerics.path_sum(triangle(), np.eye(3), -1)


def test_implied_covariance_of_semopy_equals_the_formula():
    semopy = pytest.importorskip("semopy")
    pd = pytest.importorskip("pandas")
    lam = np.zeros((3, 3))
    lam[0, 1], lam[1, 2] = 0.8, -0.5
    data = pd.DataFrame(numerics.sample(lam, np.eye(3), 500, rng=rng()), columns=["x0", "x1", "x2"])
    model = semopy.Model("x1 ~ x0\nx2 ~ x1")
    model.fit(data)
    table = model.inspect().set_index(["lval", "op", "rval"]).Estimate
    lam[0, 1], lam[1, 2] = table["x1", "~", "x0"], table["x2", "~", "x1"]
    omega = np.diag([data.x0.var(ddof=0), table["x1", "~~", "x1"], table["x2", "~~", "x2"]])
    order, wanted = list(model.vars["observed"]), ["x0", "x1", "x2"]
    implied = pd.DataFrame(model.calc_sigma()[0], index=order, columns=order).loc[wanted, wanted]
    assert numerics.float_covariance(lam, omega) == pytest.approx(implied.to_numpy(), rel=1e-3)


# fibres


def test_three_cycle_has_two_solutions_with_the_same_covariances():
    g, omega = MixedGraph.parse("3cycle"), np.diag([1.0, 1.3, 0.8])
    sigma = numerics.float_covariance(triangle(), omega)
    found = numerics.fibre(g, sigma, rng=rng())
    assert found == pytest.approx(np.array([[0.5, -0.7, 0.6], [2.138, -1.3735, 1.6216]]), abs=1e-3)
    for values in found:
        a = np.eye(3) - triangle(values)
        w = a.T @ sigma @ a
        assert w == pytest.approx(np.diag(np.diag(w)), abs=1e-6)
        assert numerics.float_covariance(triangle(values), w) == pytest.approx(sigma)


def test_acyclic_simple_graphs_have_one_solution():
    for text in ("verma", "chain", "0>1, 0>2, 1>2", "0<>1, 0<>2, 1>2"):
        g = MixedGraph.parse(text)
        d, b = g.arrays()
        sigma = numerics.float_covariance(0.7 * d, 0.2 * b + np.eye(g.n))
        assert numerics.fibre(g, sigma, rng=rng()) == pytest.approx(np.full((1, len(g.directed)), 0.7), abs=1e-5)


def test_graph_without_effects_has_one_solution_and_bad_matrices_are_refused():
    assert numerics.fibre(MixedGraph(2, (), ((0, 1),)), np.eye(2), rng=rng()).shape == (1, 0)
    with pytest.raises(ValueError, match="positive definite"):
        numerics.fibre(MixedGraph.parse("3cycle"), -np.eye(3), rng=rng())


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e6])
def test_small_effects_of_variables_in_other_units_are_not_taken_for_one(unit):
    """Both solutions of the three-cycle, whatever the variables are measured in."""
    scale = np.array([1.0, unit, unit**0.5])
    sigma = numerics.float_covariance(triangle(), np.diag([1.0, 1.3, 0.8]))
    found = numerics.fibre(MixedGraph.parse("3cycle"), sigma * np.outer(scale, scale), rng=rng())
    plain = numerics.fibre(MixedGraph.parse("3cycle"), sigma, rng=rng())
    assert len(found) == 2
    assert found * scale[[0, 1, 2]] / scale[[1, 2, 0]] == pytest.approx(plain, rel=1e-4)


def test_graphs_with_infinitely_many_solutions_are_refused():
    bow = MixedGraph.parse("0>1, 0<>1")
    with pytest.raises(ValueError, match="1 effects and 0 equations"):
        numerics.fibre(bow, np.array([[1.0, 0.5], [0.5, 1.0]]), rng=rng())
    room = MixedGraph.parse("0>1, 1>0", n=3)  # equations enough, but two of them say nothing about the effects
    sigma = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match="infinitely many"):
        numerics.fibre(room, sigma, rng=rng())


@pytest.mark.parametrize(
    ("sigma", "options", "message"),
    [
        (np.eye(2), {}, r"of shape \(3, 3\)"),
        (np.eye(3) + np.triu(np.ones((3, 3)), 1), {}, "sigma must be symmetric"),
        (np.ones((3, 3)), {}, "sigma must be positive definite"),
        (np.full((3, 3), np.nan), {}, "sigma is nan"),
        (np.eye(3), {"n_starts": 0}, "n_starts must be at least 1"),
        (np.eye(3), {"scale": 0.0}, "scale positive"),
    ],
)
def test_bad_covariances_and_searches_are_refused(sigma, options, message):
    with pytest.raises(ValueError, match=message):
        numerics.fibre(MixedGraph.parse("3cycle"), sigma, rng=rng(), **options)
