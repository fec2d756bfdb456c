"""Facts about CD tests: identities, invariances, limits, and the traps that break them."""

import warnings

import numpy as np
import pytest
from paperlab.methods.panel import dependence
from paperlab.methods.panel.simulate import Design, factor_panel
from scipy.stats import norm


def draw(design, seed=3):
    return factor_panel(design, rng=np.random.default_rng(seed)).y


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
    left = dependence.factor_residuals(y, m)
    assert (left.cd, left.theta, left.cd_star) == pytest.approx(loop_over_pairs(y, m), rel=1e-8)
    assert (left.z**2).mean(axis=1) == pytest.approx(np.ones(n))
    result = dependence.cd_tests(y, m)
    assert (result.cd, result.theta, result.cd_star, result.n_factors) == (left.cd, left.theta, left.cd_star, m)


def test_identical_series_give_the_largest_possible_cd():
    z = np.tile(np.array([1.0, -1.0] * 20), (10, 1))
    assert dependence.cd_statistic(z) == pytest.approx(np.sqrt(2 * 40 / (10 * 9)) * 45)


def test_weights_flip_the_sign_of_a_units_correlations():
    z = np.random.default_rng(0).standard_normal((12, 30))
    z /= np.sqrt((z**2).mean(axis=1, keepdims=True))
    w = np.array([1.0, -1.0] * 6)
    assert dependence.cd_statistic(z, w) == pytest.approx(dependence.cd_statistic(z * w[:, None]))
    y = draw(Design(12, 30, ()))
    left, turned = dependence.factor_residuals(y, 1, weights=w), dependence.factor_residuals(y * w[:, None], 1)
    assert (left.cd, left.theta) == pytest.approx((turned.cd, turned.theta))


def test_without_factors_cd_star_is_cd():
    result = dependence.cd_tests(draw(Design(30, 40, ())), 0)
    assert result.theta == 0.0
    assert result.cd_star == pytest.approx(result.cd)


def test_theta_is_the_same_in_every_rotation_of_the_factors():
    rng = np.random.default_rng(1)
    gamma, sigma = rng.normal(1, 1, (60, 3)), rng.uniform(0.5, 2, 60)
    rotation = rng.standard_normal((3, 3))
    assert dependence.bias_theta(gamma @ rotation, sigma) == pytest.approx(dependence.bias_theta(gamma, sigma))


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
    assert theta_without(normalised, sigma) == pytest.approx(dependence.bias_theta(gamma, sigma))


def test_theta_is_one_when_the_scaled_loadings_span_the_unit_vector():
    sigma = np.random.default_rng(2).uniform(0.5, 2, 50)
    # sigma_i phi'gamma_i = 1 for every unit needs gamma_i proportional to 1 / sigma_i
    assert dependence.bias_theta((3.0 / sigma)[:, None], sigma) == pytest.approx(1.0)
    assert dependence.bias_theta(np.ones((50, 1)), sigma) < 1.0


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e6])
def test_units_of_measurement_of_the_panel_do_not_matter(unit):
    y = draw(Design(30, 40, (1.0,)))
    a, b = (dependence.factor_residuals(v, 1) for v in (y, unit * y))
    assert (b.cd, b.theta, b.cd_star) == pytest.approx((a.cd, a.theta, a.cd_star), rel=1e-9)


def test_units_of_measurement_of_a_unit_do_not_matter_without_factors():
    y = draw(Design(20, 30, ()))
    scaled = y * np.random.default_rng(0).uniform(1, 100, (20, 1)) + 7.0
    assert dependence.cd_tests(scaled, 0).cd == pytest.approx(dependence.cd_tests(y, 0).cd)


def test_order_of_units_and_periods_does_not_matter():
    y, rng = draw(Design(25, 30, (1.0, 1.0))), np.random.default_rng(8)
    moved = y[rng.permutation(25)][:, rng.permutation(30)]
    assert dependence.cd_tests(moved, 2).cd_star == pytest.approx(dependence.cd_tests(y, 2).cd_star, rel=1e-8)


def test_levels_do_not_matter_because_unit_means_are_removed():
    y = draw(Design(30, 40, (1.0,)))
    moved = y + np.random.default_rng(0).normal(0, 50, (30, 1))
    assert dependence.cd_tests(moved, 1).cd_star == pytest.approx(dependence.cd_tests(y, 1).cd_star, abs=1e-6)


def test_forgetting_to_demean_spends_a_factor_on_the_intercepts():
    """The trap: with uncentred data the first component is the mean, and the factor stays."""
    y = draw(Design(60, 80, (1.0,))) + 10.0
    z = y - dependence.principal_components(y, 1).common
    z /= z.std(axis=1, keepdims=True)
    assert abs(dependence.cd_statistic(z)) > 5 > abs(dependence.cd_tests(y, 1).cd_star)


def test_jr_screening_counts_only_large_correlations():
    z = np.random.default_rng(0).standard_normal((6, 400))
    z[1] = z[0]
    z /= np.sqrt((z**2).mean(axis=1, keepdims=True))
    found = dependence.jr_statistics(z, rng=np.random.default_rng(1))
    assert found.jr_w_plus - found.jr_w == pytest.approx(1.0)  # the one pair that is the same series


def test_jr_is_cd_with_random_signs():
    z = np.random.default_rng(0).standard_normal((6, 40))
    z /= np.sqrt((z**2).mean(axis=1, keepdims=True))
    signs = np.where(np.random.default_rng(1).random(6) < 0.5, -1.0, 1.0)
    assert 0 < (signs > 0).sum() < 6
    assert dependence.jr_statistics(z, rng=np.random.default_rng(1)).jr_w == dependence.cd_statistic(z, signs)


def test_p_values_are_two_sided():
    result = dependence.CDResult(-1.96, 1.96, 0.0, 0.0, np.nan, 1)
    assert result.p_value("cd") == result.p_value("cd_star") == pytest.approx(2 * norm.sf(1.96))
    assert result.p_value("jr_w") == 1.0
    with pytest.raises(ValueError, match="jr_w_plus was not computed; pass rng"):
        result.p_value("jr_w_plus")
    with pytest.raises(ValueError, match="statistic must be one of cd, cd_star"):
        result.p_value("theta")


def test_mean_correlations_inside_and_across_groups():
    base = np.random.default_rng(0).standard_normal((2, 5000))
    z = base[[0, 0, 1, 1]]
    z = z / np.sqrt((z**2).mean(axis=1, keepdims=True))
    found = dependence.mean_correlations(z, ["a", "a", "b", "b"])
    assert (found.inside, found.n_inside) == (pytest.approx(1.0), 2)
    assert abs(found.across) < 0.05


@pytest.mark.parametrize("names", [[7, 7, 5000, 5000], [(1, "x"), (1, "x"), (2, "x"), (2, "x")], [True, True, 0, 0]])
def test_any_hashable_label_is_a_label(names):
    z = np.random.default_rng(0).standard_normal((4, 50))
    assert dependence.mean_correlations(z, names) == dependence.mean_correlations(z, ["a", "a", "b", "b"])


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"] * 4, "all units share one group"),
        (["a", "b", "c", "d"], "no two units share a group"),
        (["a", "a", None, "b"], "groups has no label in row 2"),
        (["a", "b"], "one label for each of 4 rows"),
    ],
)
def test_groups_that_say_nothing_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        dependence.mean_correlations(np.random.default_rng(0).standard_normal((4, 50)), groups)


GOOD = np.random.default_rng(0).standard_normal((8, 20))


def broken(i, t, value):
    y = GOOD.copy()
    y[i, t] = value
    return y


@pytest.mark.parametrize(
    ("y", "m", "message"),
    [
        (broken(2, 5, np.nan), 1, r"got nan for unit 2 \(Akron\) in period 5"),
        (broken(2, 5, np.inf), 1, r"got inf for unit 2 \(Akron\) in period 5"),
        (broken(2, slice(None), 3.0), 1, r"constant series for unit 2 \(Akron\)"),
        (broken(2, slice(None), 0.1 + 1e-16 * np.arange(20)), 1, r"constant series for unit 2 \(Akron\)"),
        (GOOD, 8, r"below min\(n_units, n_periods\) = 8, got 8"),
        (GOOD, -1, "got -1"),
        (GOOD[:2], 1, "at least 3 units, got 2"),
        (GOOD[:, :2], 1, "at least 3 periods, got 2"),
        (GOOD[0], 1, "two axes"),
    ],
)
def test_bad_panels_are_refused_with_the_unit_named(y, m, message):
    names = ["a", "b", "Akron", "d", "e", "f", "g", "h"][: len(np.atleast_2d(y))]
    for function in (dependence.cd_tests, dependence.factor_residuals):
        with pytest.raises(ValueError, match=message):
            function(y, m, names=names)


def test_a_unit_that_the_factors_fit_exactly_is_named():
    y = np.random.default_rng(0).standard_normal((30, 50)) * 1e-3
    y[4] = 1e6 * np.sin(np.arange(50))
    with pytest.raises(ValueError, match=r"fits unit 4 exactly"):
        dependence.cd_tests(y, 1)


def test_more_factors_than_the_rank_are_refused():
    y = np.outer(np.arange(1.0, 7), np.sin(np.arange(30)))
    with pytest.raises(ValueError, match="rank of y"):
        dependence.cd_tests(y, 2)


def test_loadings_that_span_the_vector_of_ones_leave_no_corrected_test():
    """Four units share a factor, and what else moves them cancels in their sum: theta is 1 and CD* is 0 / 0."""
    t = np.arange(16)
    f, a, b = (np.sqrt(2) * np.cos(2 * np.pi * k * t / 16) for k in (1, 2, 3))
    y = 3 * f + np.stack([a, -a, b, -b])
    with pytest.raises(ValueError, match="theta = 1 and CD\\* is not defined"):
        dependence.factor_residuals(y, 1)


def test_wrong_weights_loadings_and_residuals_are_refused():
    with pytest.raises(ValueError, match=r"\+1 or -1"):
        dependence.cd_tests(GOOD, 1, weights=np.arange(8))
    with pytest.raises(ValueError, match="factor 1 is a linear combination of factor 0"):
        dependence.bias_theta(np.outer(np.arange(1.0, 9), [1.0, 1e9]), np.ones(8))
    with pytest.raises(ValueError, match="sigma must be 8 positive numbers"):
        dependence.bias_theta(np.ones((8, 1)), np.zeros(8))
    with pytest.raises(ValueError, match="z is nan in row 3"):
        dependence.cd_statistic(broken(3, 1, np.nan))
    with pytest.raises(ValueError, match="names must have one entry per unit"):
        dependence.cd_tests(GOOD, 1, names=["a"])


def test_a_warning_where_the_test_has_no_power():
    rng = np.random.default_rng(0)
    y = 5 + np.sin(np.arange(200) / 7.0)[None, :] * 3 + 0.3 * rng.standard_normal((100, 200))
    with pytest.warns(dependence.LowPowerWarning, match="no power"):
        dependence.cd_tests(y, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dependence.cd_tests(draw(Design(50, 50, (1.0,))), 1)
