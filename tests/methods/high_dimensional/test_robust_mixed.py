"""Facts about the power-law mixed model: its likelihood, its limits, its weights, and what it must refuse."""

import numpy as np
import pytest
from paperlab.methods.high_dimensional import robust_mixed, simulate
from scipy.optimize import check_grad
from scipy.stats import multivariate_t


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def clusters(rng):
    c = simulate.draw_clusters(30, 4, [1.0, 2.0, -1.0], rng=rng)
    return c.x, c.y, c.groups


def test_gaussian_limit_equals_mixedlm(clusters):
    import statsmodels.api as sm

    x, y, groups = clusters
    ours, peer = robust_mixed.fit(x, y, groups), sm.MixedLM(y, x, groups).fit(reml=False)
    assert ours.converged
    assert np.allclose(ours.coef, peer.fe_params, atol=1e-3)
    assert ours.sigma_e**2 == pytest.approx(peer.scale, abs=1e-3)
    assert ours.sigma_u**2 == pytest.approx(float(np.asarray(peer.cov_re)[0, 0]), abs=1e-3)
    assert ours.log_likelihood == pytest.approx(peer.llf, abs=1e-3)
    assert np.allclose(robust_mixed.fit(x, y, groups, nu=1e8).coef, ours.coef, atol=1e-5)


def test_balanced_intercept_alone_has_the_textbook_estimates(rng):
    y = (rng.standard_normal((40, 1)) + rng.standard_normal((40, 5))).ravel()
    f = robust_mixed.fit(np.ones((200, 1)), y, np.repeat(np.arange(40), 5), tol=1e-9)
    within = y.reshape(40, 5).var(axis=1).sum() * 5 / 160  # maximum likelihood of the one-way layout
    between = y.reshape(40, 5).mean(axis=1).var()
    assert f.coef[0] == pytest.approx(y.mean(), abs=1e-5)
    assert f.sigma_e**2 == pytest.approx(within, rel=1e-3)
    assert f.sigma_u**2 == pytest.approx(between - within / 5, rel=1e-3)


def test_likelihood_is_the_multivariate_t(clusters):
    x, y, groups = clusters
    f = robust_mixed.fit(x, y, groups, nu=5)
    scale = f.sigma_e**2 * np.eye(4) + f.sigma_u**2
    r = (y - x @ f.coef).reshape(-1, 4)
    assert f.log_likelihood == pytest.approx(multivariate_t(np.zeros(4), scale, df=5).logpdf(r).sum(), rel=1e-9)
    distance = np.einsum("ij,jk,ik->i", r, np.linalg.inv(scale), r)
    assert np.allclose(f.weights, (5 + 4) / (5 + distance), rtol=1e-9)


@pytest.mark.parametrize("nu", [3.0, np.inf])
def test_gradient(clusters, nu):
    x, y, groups = clusters
    data, weights = (x, y, np.r_[0, np.cumsum(np.bincount(groups))], nu), np.empty(30)

    def value(theta):
        return robust_mixed._value_gradient(theta, data, np.empty(5), weights)

    def slope(theta):
        out = np.empty(5)
        robust_mixed._value_gradient(theta, data, out, weights)
        return out

    assert check_grad(value, slope, np.array([0.5, 1.0, 0.2, 0.1, -0.4])) < 1e-5


def test_estimate_is_a_fixed_point_of_the_em_weights(clusters):
    x, y, groups = clusters
    f = robust_mixed.fit(x, y, groups, nu=4, tol=1e-8)
    inverse = np.linalg.inv(f.sigma_e**2 * np.eye(4) + f.sigma_u**2)
    blocks, out = x.reshape(-1, 4, 3), y.reshape(-1, 4)
    a = np.einsum("i,ijk,jl,ilm->km", f.weights, blocks, inverse, blocks)
    b = np.einsum("i,ijk,jl,il->k", f.weights, blocks, inverse, out)
    assert np.allclose(np.linalg.solve(a, b), f.coef, atol=1e-5)


def test_objective_never_rises_and_the_l1_penalty_selects(clusters):
    x, y, groups = clusters
    f = robust_mixed.fit(x, y, groups, nu=10, l1=0.2)
    assert (np.diff(f.objective) <= 0).all()
    none = robust_mixed.fit(x, y, groups, nu=10, l1=50.0)
    assert (none.coef[1:] == 0).all() and none.coef[0] != 0  # the intercept is free
    assert robust_mixed.fit(x, y, groups, nu=10).log_likelihood > f.log_likelihood
    warm = robust_mixed.fit(x, y, groups, nu=10, l1=0.2, start=f.coef)
    assert np.allclose(warm.coef, f.coef, atol=1e-4) and warm.objective.size < f.objective.size
    short = robust_mixed.fit(x, y, groups, nu=10, max_iter=2)
    assert not short.converged and short.objective.size == 3


def test_one_wild_cluster_is_weighted_down_and_moves_the_gaussian_fit_more(clusters):
    x, y, groups = clusters
    wild = y + 50.0 * (groups == 3) * x[:, 1]
    robust, gauss = robust_mixed.fit(x, wild, groups, nu=3), robust_mixed.fit(x, wild, groups)
    assert robust.labels[robust.weights.argmin()] == 3
    assert robust.weights.min() < 0.05 * np.median(robust.weights)
    assert (gauss.weights == 1).all()
    assert abs(robust.coef[1] - 2) < abs(gauss.coef[1] - 2)


def test_rows_may_come_in_any_order_and_units_do_not_matter(clusters, rng):
    x, y, groups = clusters
    order = rng.permutation(len(y))
    a = robust_mixed.fit(x, y, groups, nu=5)
    for unit in (1e-9, 10.0, 1e7):
        b = robust_mixed.fit(x[order] * [1, 100, 1], unit * y[order], groups[order], nu=5)
        assert np.allclose(a.coef * [unit, unit / 100, unit], b.coef, rtol=1e-3, atol=1e-5 * unit)
        assert b.sigma_e == pytest.approx(unit * a.sigma_e, rel=1e-4)
        assert b.log_likelihood == pytest.approx(a.log_likelihood - len(y) * np.log(unit), abs=1e-3)


@pytest.mark.parametrize("names", [np.array([f"c{i}" for i in range(30)]), 5000 + 37 * np.arange(30)[::-1]])
def test_labels_are_labels(clusters, names):
    x, y, groups = clusters
    a, b = robust_mixed.fit(x, y, groups, nu=5), robust_mixed.fit(x, y, names[groups], nu=5)
    order = [list(names).index(label) for label in b.labels]
    assert np.allclose(a.coef, b.coef, atol=1e-6) and np.allclose(a.weights[order], b.weights, atol=1e-6)
    assert sorted(order) == list(range(30)) == a.labels


def test_no_difference_between_clusters_is_a_warning_and_the_regression_without_them(rng):
    left = rng.standard_normal((30, 4))
    x = np.c_[np.ones(120), rng.standard_normal(120)]
    y = x @ [1.0, 2.0] + (left - left.mean(axis=1, keepdims=True)).ravel()  # clusters agree better than by chance
    with pytest.warns(robust_mixed.BoundWarning, match="sigma_u is at its bound 0"):
        f = robust_mixed.fit(x, y, np.repeat(np.arange(30), 4))
    coef = np.linalg.lstsq(x, y, rcond=None)[0]
    assert f.converged and f.sigma_u == 0
    assert np.allclose(f.coef, coef, atol=1e-4)
    assert f.sigma_e == pytest.approx((y - x @ coef).std(), rel=1e-3)


def test_what_is_not_identified_is_refused_by_name(clusters):
    x, y, groups = clusters
    n = len(y)
    gap = groups.astype(object)
    gap[5] = None
    for bad, words in [
        (lambda: robust_mixed.fit(x, y, np.arange(n)), "cluster for every row"),
        (lambda: robust_mixed.fit(x, y, [f"row {i}" for i in range(n)]), "cluster for every row"),
        (lambda: robust_mixed.fit(x, y, np.zeros(n)), "two clusters"),
        (lambda: robust_mixed.fit(x, y, gap), "no label in row 5"),
        (lambda: robust_mixed.fit(x, y, np.where(groups == 2, np.nan, groups)), "no label in row 8"),
        (lambda: robust_mixed.fit(x, y, groups[:-1]), "one label for each of 120 rows"),
        (lambda: robust_mixed.fit(x, np.where(np.arange(n) == 7, np.nan, y), groups), "y is nan in row 7"),
        (lambda: robust_mixed.fit(np.where(x == x[9, 1], np.inf, x), y, groups), "x is inf in row 9"),
        (lambda: robust_mixed.fit(x, y[:-1], groups), "must match"),
        (lambda: robust_mixed.fit(x, y, groups, nu=0), "nu must be positive"),
        (lambda: robust_mixed.fit(x, y, groups, nu=np.nan), "nu must be positive"),
        (lambda: robust_mixed.fit(x, y, groups, l1=-1), "l1"),
        (lambda: robust_mixed.fit(x, y, groups, start=np.zeros(2)), "start"),
        (lambda: robust_mixed.fit(x * [1, 1, 0], y, groups), "column 2 is zero"),
        (lambda: robust_mixed.fit(np.c_[x, 1e-6 * (x[:, 0] - x[:, 1])], y, groups), "column 3 is a linear combination"),
        (lambda: robust_mixed.fit(x, x @ [1.0, 2, 3], groups), "nothing is left"),
        (lambda: robust_mixed.tsallis_index(-1, 3), "nu"),
        (lambda: robust_mixed.tsallis_index(3, 0), "m at least 1"),
        (lambda: robust_mixed.degrees_of_freedom(1.9, 5), "q must lie"),
        (lambda: robust_mixed.degrees_of_freedom(0.9, 5), "q must lie"),
        (lambda: robust_mixed.degrees_of_freedom(1.1, 0), "m must be"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()


def test_more_slopes_than_rows_need_the_penalty(rng):
    # penalty, signal and rows are such that rounding does not decide how many slopes are left
    x, groups = np.c_[np.ones(200), rng.standard_normal((200, 220))], np.repeat(np.arange(50), 4)
    y = 5 * x[:, 1] + rng.standard_normal(50)[groups] + rng.standard_normal(200)
    with pytest.raises(ValueError, match="200 rows for 221 columns"):
        robust_mixed.fit(x, y, groups)
    found = robust_mixed.fit(x, y, groups, nu=10, l1=1.0, start=5.0 * (np.arange(221) == 1))
    assert found.coef[1] > 4 and np.count_nonzero(found.coef) < 30
    with pytest.warns(robust_mixed.BoundWarning) as warned:
        robust_mixed.fit(x, y, groups, nu=10, l1=0.01)
    assert any("as many coefficients as rows" in str(one.message) for one in warned)


def test_the_penalty_has_one_meaning_wherever_the_search_starts(clusters):
    x, y, groups = clusters
    a = robust_mixed.fit(x, y, groups, nu=10, l1=0.2)
    for start in (a.coef, [0.0, 0.0, 0.0], [10.0, -10.0, 10.0]):
        b = robust_mixed.fit(x, y, groups, nu=10, l1=0.2, start=start)
        assert np.allclose(b.coef, a.coef, atol=1e-4)
        assert b.objective[-1] == pytest.approx(a.objective[-1], abs=1e-7)


def test_tsallis_index_and_its_limits():
    assert robust_mixed.tsallis_index(10, 5) == pytest.approx(1 + 2 / 15)
    assert robust_mixed.degrees_of_freedom(robust_mixed.tsallis_index(10, 5), 5) == pytest.approx(10)
    assert robust_mixed.degrees_of_freedom(1, 5) == np.inf
    assert robust_mixed.tsallis_index(np.inf, 5) == 1
