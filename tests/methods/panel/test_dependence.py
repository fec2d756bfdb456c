"""Facts about CD tests: identities, invariances, limits, and the traps that break them."""

import warnings

import numpy as np
import pytest
from paperlab.methods.foundations import components
from paperlab.methods.panel import dependence as panel
from paperlab.methods.panel import filters as panel_filters
from paperlab.methods.panel import simulate as panel_dgp
from paperlab.methods.panel.simulate import Design, factor_panel, monte_carlo
from scipy.stats import norm

CRITICAL = norm.isf(0.025)


def draw(design, seed=3):
    return factor_panel(design, np.random.default_rng(seed))[0]


def loop_over_pairs(y, m):
    """CD, theta and CD* as the equations are printed: full eigenproblem, one correlation at a time."""
    n, T = y.shape
    y = y - y.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(y.T @ y)
    f = np.sqrt(T) * vectors[:, ::-1][:, :m]
    gamma = np.array([f.T @ y[i] / T for i in range(n)])
    e = np.array([y[i] - f @ gamma[i] for i in range(n)])
    sigma = np.array([np.sqrt(e[i] @ e[i] / T) for i in range(n)])
    rho = sum(e[i] @ e[j] / T / sigma[i] / sigma[j] for i in range(n) for j in range(i + 1, n))
    cd = np.sqrt(2 * T / (n * (n - 1))) * rho
    phi = np.linalg.inv(gamma.T @ gamma / n) @ np.mean(gamma / sigma[:, None], axis=0)
    theta = 1 - np.mean((1 - sigma * (gamma @ phi)) ** 2)
    return cd, theta, (cd + np.sqrt(T / 2) * theta) / (1 - theta)


@pytest.mark.parametrize(("n", "T", "m"), [(20, 30, 1), (30, 20, 2), (25, 25, 3)])
def test_kernel_agrees_with_the_loop_over_pairs(n, T, m):
    y = draw(Design(n, T, (1.0,) * m))
    assert panel.cd_kernel(y, m)[:3] == pytest.approx(loop_over_pairs(y, m), rel=1e-8)


def test_identical_series_give_the_largest_possible_cd():
    z = np.tile(np.array([1.0, -1.0] * 20), (10, 1))
    assert panel.cd_statistic(z) == pytest.approx(np.sqrt(2 * 40 / (10 * 9)) * 45)


def test_weights_flip_the_sign_of_a_units_correlations():
    z = np.random.default_rng(0).standard_normal((12, 30))
    z /= np.sqrt((z**2).mean(axis=1, keepdims=True))
    w = np.array([1.0, -1.0] * 6)
    assert panel.cd_statistic(z, w) == pytest.approx(panel.cd_statistic(z * w[:, None]))


def test_without_factors_cd_star_is_cd():
    result = panel.cd_tests(draw(Design(30, 40, ())), 0)
    assert result.theta == 0.0
    assert result.cd_star == pytest.approx(result.cd)


def test_principal_components_are_normalised_and_leave_orthogonal_residuals():
    y = draw(Design(40, 25, (1.0, 1.0)))
    y = y - y.mean(axis=1, keepdims=True)
    f, gamma = components.principal_components(y, 3)
    residuals = y - gamma @ f.T
    assert f.T @ f / 25 == pytest.approx(np.eye(3), abs=1e-10)
    assert residuals @ f == pytest.approx(np.zeros((40, 3)), abs=1e-8)
    assert gamma.T @ residuals == pytest.approx(np.zeros((3, 25)), abs=1e-8)


@pytest.mark.parametrize("shape", [(15, 40), (40, 15)])
def test_principal_components_do_not_depend_on_which_gram_matrix_is_smaller(shape):
    y = np.random.default_rng(5).standard_normal(shape)
    f, gamma = components.principal_components(y, 2)
    u, s, vt = np.linalg.svd(y, full_matrices=False)
    assert gamma @ f.T == pytest.approx((u[:, :2] * s[:2]) @ vt[:2], abs=1e-9)


def test_principal_components_agree_with_statsmodels_up_to_sign():
    from statsmodels.multivariate.pca import PCA

    y = draw(Design(40, 60, (1.0, 1.0)))
    y = y - y.mean(axis=1, keepdims=True)
    f, _ = components.principal_components(y, 2)
    peer = PCA(y.T, ncomp=2, standardize=False, demean=False, normalize=True).factors
    for j in range(2):
        column = peer[:, j] * np.sqrt(60) / np.linalg.norm(peer[:, j])
        assert min(np.abs(column - f[:, j]).max(), np.abs(column + f[:, j]).max()) < 1e-8


def test_theta_is_the_same_in_every_rotation_of_the_factors():
    rng = np.random.default_rng(1)
    gamma, sigma = rng.normal(1, 1, (60, 3)), rng.uniform(0.5, 2, 60)
    rotation = rng.standard_normal((3, 3))
    assert panel.bias_theta(gamma @ rotation, sigma) == pytest.approx(panel.bias_theta(gamma, sigma))


def test_without_the_inverse_moment_matrix_theta_follows_the_scale_of_the_factors():
    """The trap: with S = I the same residuals give another theta when factors change their units."""

    def theta_without(gamma, sigma):
        phi = (gamma / sigma[:, None]).mean(axis=0)
        return 1 - np.mean((1 - sigma * (gamma @ phi)) ** 2)

    rng = np.random.default_rng(1)
    gamma, sigma = rng.normal(1, 1, (60, 2)), rng.uniform(0.5, 2, 60)
    assert abs(theta_without(2 * gamma, sigma) - theta_without(gamma, sigma)) > 1
    s = np.linalg.cholesky(gamma.T @ gamma / 60)
    normalised = np.linalg.solve(s, gamma.T).T  # Gamma'Gamma / n = I, the paper's normalisation: both agree
    assert theta_without(normalised, sigma) == pytest.approx(panel.bias_theta(gamma, sigma))


def test_theta_is_one_when_the_scaled_loadings_span_the_unit_vector():
    sigma = np.random.default_rng(2).uniform(0.5, 2, 50)
    # sigma_i phi'gamma_i = 1 for every unit needs gamma_i proportional to 1 / sigma_i
    assert panel.bias_theta((3.0 / sigma)[:, None], sigma) == pytest.approx(1.0)
    assert panel.bias_theta(np.ones((50, 1)), sigma) < 1.0


def test_units_of_measurement_of_a_unit_do_not_matter_without_factors():
    y = draw(Design(20, 30, ()))
    scaled = y * np.random.default_rng(0).uniform(1, 100, (20, 1)) + 7.0
    assert panel.cd_tests(scaled, 0).cd == pytest.approx(panel.cd_tests(y, 0).cd)


def test_levels_do_not_matter_because_unit_means_are_removed():
    y = draw(Design(30, 40, (1.0,)))
    moved = y + np.random.default_rng(0).normal(0, 50, (30, 1))
    assert panel.cd_tests(moved, 1).cd_star == pytest.approx(panel.cd_tests(y, 1).cd_star, abs=1e-6)


def test_forgetting_to_demean_spends_a_factor_on_the_intercepts():
    """The trap: with uncentred data the first component is the mean, and the factor stays."""
    y = draw(Design(60, 80, (1.0,))) + 10.0
    f, gamma = components.principal_components(y, 1)
    z = y - gamma @ f.T
    z /= z.std(axis=1, keepdims=True)
    assert abs(panel.cd_statistic(z)) > 5 > abs(panel.cd_tests(y, 1).cd_star)


def test_jr_screening_counts_only_large_correlations():
    z = np.random.default_rng(0).standard_normal((6, 400))
    z[1] = z[0]
    z /= np.sqrt((z**2).mean(axis=1, keepdims=True))
    w, plus = panel.jr_statistics(z, np.random.default_rng(1))
    assert plus - w == pytest.approx(1.0)  # the one pair that is the same series


def rates(design, reps=150, seed=1):
    cell = monte_carlo([design], reps, seed, n_jobs=1)[0]
    return {k: np.mean(np.abs(v) > CRITICAL) for k, v in cell.items()} | {
        "mean": cell["cd"].mean(),
        "theta": cell["theta"],
    }


def test_cd_over_rejects_and_cd_star_does_not_under_two_strong_factors():
    r = rates(Design(60, 60, (1.0, 1.0)))
    assert r["cd"] > 0.5
    assert r["mean"] < -1.5
    assert r["cd_star"] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150) + 0.03


def test_all_tests_keep_their_size_without_factors():
    r = rates(Design(60, 60, ()))
    assert max(r[k] for k in ("cd", "cd_star", "jr_w")) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_weak_factors_leave_theta_small():
    assert rates(Design(100, 60, (0.4,)), reps=40)["theta"].mean() < 0.05


def test_loadings_with_little_spread_take_the_power_away():
    """The trap: the closer the loadings are to a constant, the closer 1 - theta is to zero."""
    spread = rates(Design(60, 80, (1.0,), rho=0.5))
    flat = rates(Design(60, 80, (1.0,), rho=0.5, loading_var=0.005))
    assert spread["cd_star"] > 0.9
    assert flat["cd_star"] < spread["cd_star"] - 0.3
    assert flat["theta"].mean() > spread["theta"].mean()


def test_a_missing_factor_is_found():
    assert rates(Design(60, 60, (1.0, 1.0), m_hat=1), reps=100)["cd_star"] > 0.3


def test_results_do_not_depend_on_the_number_of_workers_or_on_other_cells():
    a, b = Design(30, 30, (1.0,)), Design(30, 40, (1.0,), errors="t5")
    alone = monte_carlo([b], 10, 7, n_jobs=1)[0]
    together = monte_carlo([a, b], 10, 7, n_jobs=2)[1]
    for key in alone:
        assert np.array_equal(alone[key], together[key])


@pytest.mark.parametrize("errors", panel_dgp.ERRORS)
def test_shocks_have_mean_zero_and_variance_one(errors):
    e = panel_dgp.draw_errors((400, 500), errors, np.random.default_rng(0))
    assert e.mean() == pytest.approx(0, abs=0.02)
    assert e.var() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("rho", [-0.5, 0.25, 0.8])
def test_spatial_filter_solves_the_system_and_keeps_the_mean_variance(rho):
    n = 40
    inverse = np.linalg.inv(np.eye(n) - rho * panel_dgp.neighbour_matrix(n))
    e = panel_dgp.spatial_filter(np.eye(n), rho)
    assert np.mean(np.sum(e**2, axis=1)) == pytest.approx(1.0)
    assert e / e[0, 0] == pytest.approx(inverse / inverse[0, 0])


def test_number_of_units_on_a_factor_follows_its_strength():
    gamma = panel_dgp._loadings(1000, (1.0, 2 / 3, 0.0), np.random.default_rng(0), [1, 1, 1], [1, 1, 1])
    assert (gamma != 0).sum(axis=0).tolist() == [1000, 100, 1]


def test_cce_recovers_the_slopes_and_keeps_the_factors():
    rng = np.random.default_rng(0)
    y, x = factor_panel(Design(80, 200, (1.0,), regressor=True), rng)
    v, beta = panel_filters.cce_residuals(y, x)
    per_unit = np.array([np.polyfit(x[i], y[i], 1)[0] for i in range(80)])
    assert beta.mean() == pytest.approx(1.0, abs=0.25)
    assert abs(beta.mean() - 1) < abs(per_unit.mean() - 1)  # least squares is biased by the shared factor
    assert np.linalg.svd(v, compute_uv=False)[0] ** 2 / (v**2).sum() > 0.15


def test_cce_is_the_least_squares_fit_with_averages():
    rng = np.random.default_rng(4)
    y, x = factor_panel(Design(10, 40, (1.0,), regressor=True), rng)
    _, beta = panel_filters.cce_residuals(y, x, n_lags=1)
    xbar, ybar = x.mean(axis=0), y.mean(axis=0)
    design = np.column_stack([x[3, 1:], x[3, :-1], y[3, :-1], np.ones(39), ybar[1:], ybar[:-1], xbar[1:], xbar[:-1]])
    expected = np.linalg.lstsq(design, y[3, 1:], rcond=None)[0][:3]
    assert beta[3] == pytest.approx(expected)


def test_prewhitening_removes_serial_correlation():
    y = draw(Design(50, 300, (), ar=0.5))
    e = panel_filters.prewhiten(y, 1)
    lag_one = [np.corrcoef(r[1:], r[:-1])[0, 1] for r in e]
    assert np.mean(lag_one) == pytest.approx(0, abs=0.02)
    assert e.shape == (50, 299)
    assert panel_filters.prewhiten(y, 0) == pytest.approx(y - y.mean(axis=1, keepdims=True))


def test_seasonal_means_vanish():
    y = np.random.default_rng(0).standard_normal((3, 20)) + np.tile([0, 5, 1, -2], 5)
    out = panel_filters.remove_seasonal_means(y, np.tile([1, 2, 3, 4], 5))
    assert out.reshape(3, 5, 4).mean(axis=1) == pytest.approx(np.zeros((3, 4)), abs=1e-12)


def test_shuffling_keeps_variances_and_removes_dependence():
    y = draw(Design(80, 100, (1.0,), rho=0.8))
    placebo = panel_filters.shuffle_residuals(y, 1, np.random.default_rng(0))
    assert placebo.var(axis=1) == pytest.approx(y.var(axis=1), rel=0.6)
    assert panel.cd_tests(y, 1).cd_star > 5 > abs(panel.cd_tests(placebo, 1).cd_star)


def test_mean_correlations_inside_and_across_groups():
    base = np.random.default_rng(0).standard_normal((2, 5000))
    z = base[[0, 0, 1, 1]]
    z = z / np.sqrt((z**2).mean(axis=1, keepdims=True))
    inside, across, pairs = panel.mean_correlations(z, ["a", "a", "b", "b"])
    assert (inside, pairs) == (pytest.approx(1.0), 2)
    assert abs(across) < 0.05


GOOD = np.random.default_rng(0).standard_normal((8, 20))


def broken(i, t, value):
    y = GOOD.copy()
    y[i, t] = value
    return y


@pytest.mark.parametrize(
    ("y", "m", "message"),
    [
        (broken(2, 5, np.nan), 1, r"got nan for unit 2 \(Akron\) in period 5"),
        (broken(2, slice(None), 3.0), 1, r"constant series for unit 2 \(Akron\)"),
        (GOOD, 8, r"below min\(n_units, n_periods\) = 8, got 8"),
        (GOOD, -1, "got -1"),
        (GOOD[:2], 1, "at least 3 units, got 2"),
        (GOOD[:, :2], 1, "at least 3 periods, got 2"),
        (GOOD[0], 1, "two axes"),
    ],
)
def test_bad_panels_are_refused_with_the_unit_named(y, m, message):
    names = ["a", "b", "Akron", "d", "e", "f", "g", "h"][: len(np.atleast_2d(y))]
    with pytest.raises(ValueError, match=message):
        panel.cd_tests(y, m, names=names)


def test_a_unit_that_the_factors_fit_exactly_is_named():
    y = np.random.default_rng(0).standard_normal((30, 50)) * 1e-3
    y[4] = 1e6 * np.sin(np.arange(50))
    with pytest.raises(ValueError, match=r"fits unit 4 exactly"):
        panel.cd_tests(y, 1)


def test_more_factors_than_the_rank_are_refused():
    y = np.outer(np.arange(1.0, 7), np.sin(np.arange(30)))
    with pytest.raises(ValueError, match="rank of y"):
        panel.cd_tests(y, 2)


def test_wrong_weights_lags_and_designs_are_refused():
    with pytest.raises(ValueError, match=r"\+1 or -1"):
        panel.cd_tests(GOOD, 1, weights=np.arange(8))
    with pytest.raises(ValueError, match="order must be"):
        panel_filters.prewhiten(GOOD, 10)
    with pytest.raises(ValueError, match="x must have the shape"):
        panel_filters.cce_residuals(GOOD, GOOD[:4])
    with pytest.raises(ValueError, match="regressor 0: x must vary"):
        panel_filters.cce_residuals(GOOD, np.ones_like(GOOD))
    with pytest.raises(ValueError, match="errors must be one of"):
        Design(10, 10, errors="cauchy")
    with pytest.raises(ValueError, match="alphas"):
        Design(10, 10, (1.2,))
    with pytest.raises(ValueError, match="rho"):
        Design(10, 10, rho=1.0)
    with pytest.raises(ValueError, match="reps"):
        monte_carlo([Design(10, 10)], 0, 1)


def test_a_warning_where_the_test_has_no_power():
    rng = np.random.default_rng(0)
    y = 5 + np.sin(np.arange(200) / 7.0)[None, :] * 3 + 0.3 * rng.standard_normal((100, 200))
    with pytest.warns(panel.LowPowerWarning, match="no power"):
        panel.cd_tests(y, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.cd_tests(draw(Design(50, 50, (1.0,))), 1)
