"""Facts about non-convex penalties and their solvers, mutual information by FFT, and the power-law mixed model."""

import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.high_dimensional import mutual_information as mi
from paperlab.methods.high_dimensional import penalized as nc
from paperlab.methods.high_dimensional import robust_mixed as rm
from paperlab.methods.high_dimensional import simulate
from scipy.optimize import check_grad
from scipy.stats import multivariate_t, norm


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def small(rng):
    d = simulate.draw_design(200, 0.3, 5, rng, gap=20, per_block=4)
    return d.x, (d.y - d.y.mean()) / d.y.std()


@pytest.mark.parametrize("penalty", ["SCAD", "MCP"])
def test_concave_part_is_the_integral_of_its_slope_and_has_its_lipschitz_constant(penalty):
    grid = np.linspace(-6, 6, 24001)
    value, slope = nc.concave_part(grid, penalty, 1.3)
    assert np.abs(np.gradient(value, grid) - slope)[1:-1].max() < 1e-3
    assert np.abs(np.diff(slope) / np.diff(grid)).max() == pytest.approx(nc.concavity(penalty), rel=1e-6)


def test_penalties_are_flat_far_out_and_equal_the_l1_penalty_near_zero():
    far = {"SCAD": (3.7 + 1) / 2, "MCP": 3 / 2}
    for penalty, level in far.items():
        assert nc.penalty_value([50.0, -500.0], penalty, 1.0) == pytest.approx(level)
        assert nc.penalty_value([1e-4], penalty, 1.0) == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("penalty", ["SCAD", "MCP", "L1"])
def test_same_minimisers_as_skglm(small, penalty):
    from skglm import GeneralizedLinearEstimator, penalties
    from skglm.datafits import Quadratic
    from skglm.solvers import AndersonCD

    x, y = small
    lam = 0.1
    kinds = {"SCAD": (penalties.SCAD, (3.7,)), "MCP": (penalties.MCPenalty, (3.0,)), "L1": (penalties.L1, ())}
    make, shape = kinds[penalty]
    solver = AndersonCD(tol=1e-9, fit_intercept=False)
    peer = GeneralizedLinearEstimator(Quadratic(), make(lam, *shape), solver).fit(np.asfortranarray(x), y).coef_
    ours = nc.descend(x, y, [(s, penalty) for s in nc.SOLVERS], lam, 3000, start=np.zeros(x.shape[1]))
    reached = nc.objective(x, y, peer, penalty, lam)
    for beta in ours.beta:
        assert nc.objective(x, y, beta, penalty, lam) == pytest.approx(reached, abs=1e-6)
    for method in ("AG", "coordinate descent"):
        lambdas = np.geomspace(0.8, lam, 8)
        path = nc.solution_path(x, y, lambdas, penalty, method, tol=1e-8)
        assert nc.objective(x, y, path.beta[-1], penalty, lam) == pytest.approx(reached, abs=1e-6)


def test_gram_route_equals_data_route(small):
    x, y = small
    wide = nc.descend(x[:40], y[:40], [("AG", "SCAD")], 0.1, 30)
    by_hand = [nc.objective(x[:40], y[:40] - i, b, "SCAD", 0.1) for b, i in zip(wide.beta, wide.intercept)]
    assert wide.objective[0, -1] == pytest.approx(by_hand[0], rel=1e-10)
    tall = nc.descend(x, y, [("AG", "SCAD")], 0.1, 30)
    assert tall.objective[0, -1] == pytest.approx(
        nc.objective(x, y - tall.intercept[0], tall.beta[0], "SCAD", 0.1), rel=1e-9
    )


def test_runs_side_by_side_do_not_disturb_each_other(small):
    runs = [("AG", "SCAD"), ("proximal", "MCP"), ((0.5, "proposed"), "L1")]
    together = nc.descend(*small, runs, 0.1, 50).objective
    alone = np.vstack([nc.descend(*small, [r], 0.1, 50).objective for r in runs])
    assert np.allclose(together, alone, rtol=1e-10)


def test_counting_against_an_unfinished_best_flatters_the_slow_solver(small):
    values = nc.descend(*small, [("AG", "SCAD"), ("proximal", "SCAD")], 0.02, 1500).objective
    full = np.argmax(values[1] <= np.nanmin(values) + 0.01)
    short = np.argmax(values[1, :40] <= values[1, :40].min() + 0.01)
    assert full > short > 0


def test_recursive_rows_have_the_toeplitz_correlation(rng):
    x = simulate.draw_covariates(20000, 4, 0.6, rng)
    assert np.allclose(np.corrcoef(x.T), 0.6 ** np.abs(np.subtract.outer(range(4), range(4))), atol=0.03)


def test_bad_input_of_the_solvers(small, rng):
    x, y = small
    for bad, word in [
        (lambda: nc.descend(x, y, [("FISTA", "SCAD")], 0.1, 5), "solver"),
        (lambda: nc.descend(x, y, [("AG", "ridge")], 0.1, 5), "penalty"),
        (lambda: nc.descend(x, y[:-1], [("AG", "SCAD")], 0.1, 5), "shapes"),
        (lambda: nc.concave_part([1.0], "SCAD", 1.0, 2.0), "exceed 2"),
        (lambda: nc.concave_part([1.0], "MCP", 0.0), "lam must be positive"),
        (lambda: simulate.draw_design(10, 1.0, 5, rng), "tau"),
        (lambda: simulate.draw_design(10, 0.5, 0, rng), "snr"),
        (lambda: nc.solution_path(x, y, [0.1, 0.2], "SCAD", "AG"), "falling"),
        (lambda: nc.solution_path(x * (np.arange(x.shape[1]) != 3), y, [0.1], "SCAD", "AG"), "column 3 is constant"),
        (lambda: mi.fft_kde(np.ones((50, 2)), np.arange(50.0)), "column 0 is constant"),
        (lambda: mi.pearson(x, np.ones(len(x))), "y is constant"),
        (lambda: mi.fft_kde(x, y, grid=4), "grid"),
        (lambda: mi.fft_kde(x, y, bandwidth="scott"), "bandwidth"),
        (lambda: mi.binned(x, np.where(y > 9, y, np.nan)), "finite"),
        (lambda: mi.binned(x, y, bins=1), "bins"),
        (lambda: metrics.auroc([1.0, 2.0], [True, True]), "positive"),
        (lambda: simulate.draw_outcome(x, 500, "linear", 3, rng), "s must lie"),
        (lambda: simulate.draw_outcome(x, 5, "cubic", 3, rng), "link"),
        (lambda: rm.fit(x, y, np.zeros(len(y))), "two clusters"),
        (lambda: rm.fit(x, y, np.arange(len(y)), nu=0), "nu must be positive"),
        (lambda: rm.fit(x, y, np.arange(len(y)), l1=-1), "l1"),
        (lambda: rm.tsallis_index(-1, 3), "nu"),
        (lambda: rm.degrees_of_freedom(1.9, 5), "q must lie"),
        (lambda: simulate.contaminate(x, y, np.arange(len(y)), 2.0, 10, rng), "share"),
        (lambda: simulate.contaminate(x, y, np.arange(len(y)), 0.1, 10, rng, "row"), "kind"),
    ]:
        with pytest.raises(ValueError, match=word):
            bad()


def test_density_equals_kdepy_on_the_same_grid(rng):
    from KDEpy import FFTKDE

    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 300).T
    ours, axis_x, axis_y = mi.density(x, y, grid=64, bandwidth="silverman")
    hx, hy = mi.silverman(x), mi.silverman(y)
    points = np.stack(np.meshgrid(axis_x / hx, axis_y / hy, indexing="ij"), -1).reshape(-1, 2)
    peer = FFTKDE(kernel="epa", bw=1.0, norm=2).fit(np.c_[x / hx, y / hy]).evaluate(points)
    assert np.allclose(ours.ravel(), peer / (hx * hy), atol=1e-12)
    p = ours[ours > 0] / ours.sum()
    outer = np.outer(ours.sum(axis=1), ours.sum(axis=0))[ours > 0] / ours.sum() ** 2
    assert mi.fft_kde(x[:, None], y, grid=64, bandwidth="silverman")[0] == pytest.approx(
        (p * np.log(p / outer)).sum(), abs=1e-4
    )


@pytest.mark.parametrize("shape", ["normal", "two humps", "skewed"])
def test_bandwidth_equals_kdepy(rng, shape):
    from KDEpy.bw_selection import improved_sheather_jones, silvermans_rule

    x = {"normal": rng.standard_normal(800), "two humps": rng.normal(4 * rng.integers(0, 2, 800)), "skewed": None}
    x = x[shape] if x[shape] is not None else rng.gamma(2.0, size=800)
    assert mi.improved_sheather_jones(x) == pytest.approx(improved_sheather_jones(x[:, None]), rel=1e-6)
    assert mi.silverman(x) == pytest.approx(silvermans_rule(x[:, None]), rel=1e-10)


def test_information_of_a_gaussian_pair_is_near_its_closed_form(rng):
    rho = np.array([0.0, 0.5, 0.8])
    y = rng.standard_normal(20000)
    x = rho * y[:, None] + np.sqrt(1 - rho**2) * rng.standard_normal((20000, 3))
    truth = -0.5 * np.log(1 - rho**2)
    assert np.allclose(mi.fft_kde(x, y, bandwidth="silverman"), truth, atol=0.06)
    assert np.allclose(mi.fft_kde(x, y, grid=200), mi.fft_kde(x, y), atol=0.02)
    swapped = mi.fft_kde(y[:, None], x[:, 1], bandwidth="silverman")
    assert swapped[0] == pytest.approx(mi.fft_kde(x, y, bandwidth="silverman")[1], abs=1e-6)


def test_information_of_a_class_is_near_its_integral_and_never_above_log_two(rng):
    label = rng.integers(0, 2, 20000)
    x = rng.standard_normal((20000, 2)) + np.outer(label, [1.0, 30.0])
    grid = np.linspace(-8, 9, 20001)
    p0, p1 = norm.pdf(grid), norm.pdf(grid, 1)
    mixed = (p0 + p1) / 2
    truth = ((p0 * np.log(p0 / mixed) + p1 * np.log(p1 / mixed)) / 2).sum() * (grid[1] - grid[0])
    found = mi.class_kde(x, label)
    assert found[0] == pytest.approx(truth, abs=0.01)
    assert found[1] == pytest.approx(np.log(2), abs=0.01)


def test_correlation_misses_a_square_and_information_does_not(rng):
    x = rng.standard_normal((2000, 1))
    y = x[:, 0] ** 2 + 0.3 * rng.standard_normal(2000)
    assert mi.pearson(x, y)[0] < 0.15
    assert mi.fft_kde(x, y)[0] > 0.3
    assert mi.binned(x, y)[0] > 0.3


def test_auroc_counts_pairs_and_half_the_ties():
    assert metrics.auroc([3, 1, 2, 0], [True, False, True, False]) == 1
    assert metrics.auroc([1, 1, 1], [True, False, False]) == 0.5


def test_squared_signal_is_invisible_to_pearson_on_average(rng):
    x = simulate.draw_covariates(500, 60, 0.5, rng)
    scores = [
        metrics.auroc(mi.pearson(x, y), a)
        for y, a in (simulate.draw_outcome(x, 8, "square", 3, rng) for _ in range(30))
    ]
    assert abs(np.mean(scores) - 0.5) < 0.12


@pytest.fixture
def clusters(rng):
    return simulate.draw_clusters(rng, 30, 4, [1.0, 2.0, -1.0])


def test_gaussian_limit_equals_mixedlm(clusters):
    import statsmodels.api as sm

    x, y, groups = clusters
    ours, peer = rm.fit(x, y, groups), sm.MixedLM(y, x, groups).fit(reml=False)
    assert ours.converged
    assert np.allclose(ours.beta, peer.fe_params, atol=1e-3)
    assert ours.sigma_e**2 == pytest.approx(peer.scale, abs=1e-3)
    assert ours.sigma_u**2 == pytest.approx(float(np.asarray(peer.cov_re)[0, 0]), abs=1e-3)
    assert ours.log_likelihood == pytest.approx(peer.llf, abs=1e-3)
    assert np.allclose(rm.fit(x, y, groups, nu=1e8).beta, ours.beta, atol=1e-5)


def test_likelihood_is_the_multivariate_t(clusters):
    x, y, groups = clusters
    f = rm.fit(x, y, groups, nu=5)
    scale = f.sigma_e**2 * np.eye(4) + f.sigma_u**2
    r = (y - x @ f.beta).reshape(-1, 4)
    assert f.log_likelihood == pytest.approx(multivariate_t(np.zeros(4), scale, df=5).logpdf(r).sum(), rel=1e-9)


@pytest.mark.parametrize("nu", [3.0, np.inf])
def test_gradient(clusters, nu):
    x, y, groups = clusters
    starts, weights = np.r_[0, np.cumsum(np.bincount(groups))], np.empty(30)

    def value(theta):
        return rm._value_gradient(theta, x, y, starts, nu, np.empty(5), weights)

    def slope(theta):
        out = np.empty(5)
        rm._value_gradient(theta, x, y, starts, nu, out, weights)
        return out

    assert check_grad(value, slope, np.array([0.5, 1.0, 0.2, 0.1, -0.4])) < 1e-5


def test_estimate_is_a_fixed_point_of_the_em_weights(clusters):
    x, y, groups = clusters
    f = rm.fit(x, y, groups, nu=4, tol=1e-8)
    inverse = np.linalg.inv(f.sigma_e**2 * np.eye(4) + f.sigma_u**2)
    blocks, out = x.reshape(-1, 4, 3), y.reshape(-1, 4)
    a = np.einsum("i,ijk,jl,ilm->km", f.weights, blocks, inverse, blocks)
    b = np.einsum("i,ijk,jl,il->k", f.weights, blocks, inverse, out)
    assert np.allclose(np.linalg.solve(a, b), f.beta, atol=1e-5)


def test_objective_never_rises_and_the_l1_penalty_selects(clusters):
    x, y, groups = clusters
    f = rm.fit(x, y, groups, nu=10, l1=0.2)
    assert (np.diff(f.objective) <= 0).all()
    assert (rm.fit(x, y, groups, nu=10, l1=50.0).beta[1:] == 0).all()
    assert rm.fit(x, y, groups, nu=10).log_likelihood > f.log_likelihood


def test_one_wild_cluster_is_weighted_down_and_moves_the_gaussian_fit_more(clusters):
    x, y, groups = clusters
    wild = y + 50.0 * (groups == 3) * x[:, 1]
    robust, gauss = rm.fit(x, wild, groups, nu=3), rm.fit(x, wild, groups)
    assert robust.weights[3] < 0.05 * np.median(robust.weights)
    assert abs(robust.beta[1] - 2) < abs(gauss.beta[1] - 2)


def test_rows_may_come_in_any_order_and_units_do_not_matter(clusters, rng):
    x, y, groups = clusters
    order = rng.permutation(len(y))
    a = rm.fit(x, y, groups, nu=5)
    b = rm.fit(x[order] * [1, 100, 1], 10 * y[order], groups[order], nu=5)
    assert np.allclose(a.beta * [10, 0.1, 10], b.beta, atol=1e-4)
    assert b.sigma_e == pytest.approx(10 * a.sigma_e, rel=1e-4)


def test_tsallis_index_and_its_limits():
    assert rm.degrees_of_freedom(rm.tsallis_index(10, 5), 5) == pytest.approx(10)
    assert rm.degrees_of_freedom(1, 5) == np.inf
    assert rm.tsallis_index(np.inf, 5) == 1
