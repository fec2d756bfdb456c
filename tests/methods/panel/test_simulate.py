"""Facts about the simulated panels, and rejection rates of the tests on them, judged by binomial bounds."""

import numpy as np
import pytest
from paperlab.methods.panel import simulate
from paperlab.methods.panel.simulate import Design, factor_panel, monte_carlo
from scipy.stats import binom, norm

CRITICAL = norm.isf(0.025)


def rejections(draws, test):
    return int(np.sum(np.abs(draws[test]) > CRITICAL))


def cell(design, n_replications=150, seed=1):
    return monte_carlo([design], n_replications, seed=seed, n_jobs=1)[0]


def test_cd_over_rejects_and_cd_star_does_not_under_two_strong_factors():
    """A test of size 5 % leaves the binomial bounds in one of 500 runs; the usual CD leaves them in every run."""
    draws = cell(Design(100, 100, (1.0, 1.0)), 400)
    low, high = binom.ppf([0.001, 0.999], 400, 0.05)
    assert low <= rejections(draws, "cd_star") <= high
    assert rejections(draws, "cd") > 0.9 * 400
    shift = -np.sqrt(100 / 2) * draws["theta"].mean()
    assert draws["cd"].mean() == pytest.approx(shift, rel=0.06)


def test_all_tests_keep_their_size_without_factors():
    draws = cell(Design(60, 60, ()))
    for test in ("cd", "cd_star", "jr_w"):
        assert rejections(draws, test) <= binom.ppf(0.999, 150, 0.05)


def test_weak_factors_leave_theta_small():
    assert cell(Design(100, 60, (0.4,)), 40)["theta"].mean() < 0.05


def test_loadings_with_little_spread_take_the_power_away():
    """The trap: the closer the loadings are to a constant, the closer 1 - theta is to zero."""
    spread = cell(Design(60, 80, (1.0,), rho=0.5))
    flat = cell(Design(60, 80, (1.0,), rho=0.5, loading_var=0.005))
    assert rejections(spread, "cd_star") > 0.9 * 150
    assert rejections(flat, "cd_star") < 0.6 * 150
    assert flat["theta"].mean() > spread["theta"].mean()


def test_a_missing_factor_is_found():
    assert rejections(cell(Design(60, 60, (1.0, 1.0), m_hat=1), 100), "cd_star") > binom.ppf(0.999, 100, 0.05)


def test_results_do_not_depend_on_the_number_of_workers_or_on_other_cells():
    a, b = Design(30, 30, (1.0,)), Design(30, 40, (1.0,), errors="t5")
    alone = monte_carlo([b], 10, seed=7, n_jobs=1)[0]
    together = monte_carlo([a, b], 10, seed=7, n_jobs=2)[1]
    more = monte_carlo([b], 12, seed=7, n_jobs=1)[0]
    for key in simulate.STATISTICS:
        assert np.array_equal(alone[key], together[key])
        assert np.array_equal(alone[key], more[key][:10])
        assert not np.array_equal(alone[key], monte_carlo([b], 10, seed=8, n_jobs=1)[0][key])


@pytest.mark.parametrize("errors", simulate.ERRORS)
def test_shocks_have_mean_zero_and_variance_one(errors):
    e = simulate.draw_errors((400, 500), errors, rng=np.random.default_rng(0))
    assert e.mean() == pytest.approx(0, abs=0.02)
    assert e.var() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("rho", [-0.5, 0.25, 0.8])
def test_spatial_filter_solves_the_system_and_keeps_the_mean_variance(rho):
    n = 40
    inverse = np.linalg.inv(np.eye(n) - rho * simulate.neighbour_matrix(n))
    e = simulate.spatial_filter(np.eye(n), rho)
    assert np.mean(np.sum(e**2, axis=1)) == pytest.approx(1.0)
    assert e / e[0, 0] == pytest.approx(inverse / inverse[0, 0])


def test_without_spatial_dependence_shocks_pass_through():
    shocks = np.random.default_rng(0).standard_normal((5, 4))
    assert np.array_equal(simulate.spatial_filter(shocks, 0.0), shocks)


def test_number_of_units_on_a_factor_follows_its_strength():
    gamma = simulate._loadings(1000, (1.0, 2 / 3, 0.0), [1, 1, 1], [1, 1, 1], rng=np.random.default_rng(0))
    assert (gamma != 0).sum(axis=0).tolist() == [1000, 100, 1]


def test_panels_have_the_moments_of_the_design():
    """Errors of variance 1/2 + chi2(2)/4, mean 1; factors of coefficient 0.5; intercepts of mean 1."""
    y = factor_panel(Design(2000, 200, ()), rng=np.random.default_rng(0)).y
    variance = y.var(axis=1, ddof=1)
    assert variance.mean() == pytest.approx(1.0, abs=0.03)
    assert variance.min() > 0.25 and np.median(variance) == pytest.approx(0.5 + np.log(2) / 2, abs=0.03)
    assert y.mean(axis=1).mean() == pytest.approx(1.0, abs=0.07)
    one = factor_panel(Design(300, 4000, (1.0,)), rng=np.random.default_rng(1)).y
    factor = one.mean(axis=0)
    assert np.corrcoef(factor[1:], factor[:-1])[0, 1] == pytest.approx(0.5, abs=0.04)


def test_given_shocks_take_the_place_of_the_errors():
    rng = np.random.default_rng
    panel = factor_panel(Design(5, 8, ()), rng=rng(2), shocks=np.zeros((5, 8)))
    assert panel.x is None
    assert np.ptp(panel.y, axis=1) == pytest.approx(np.zeros(5))


def test_cells_that_differ_in_dependence_alone_share_their_draws():
    assert Design(30, 40, rho=0.5, m_hat=3).stream == Design(30, 40).stream
    assert Design(30, 40).stream != Design(30, 41).stream


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"errors": "cauchy"}, "errors must be one of gauss, chi2, t5"),
        ({"alphas": (1.2,)}, "alphas must lie between 0 and 1"),
        ({"rho": 1.0}, "rho must lie between -1 and 1"),
        ({"ar": -1.0}, "ar must lie between -1 and 1"),
        ({"m_hat": 10}, "m_hat must be at least 0 and below"),
        ({"m_hat": -1}, "m_hat must be at least 0 and below"),
        ({"m_hat": 7, "prewhiten": 3}, r"below min\(n, T\) = 7"),
        ({"prewhiten": -1}, "prewhiten must be at least 0"),
        ({"loading_var": -0.1}, "loading_var must not be negative"),
    ],
)
def test_wrong_designs_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Design(10, 10, **options)


def test_wrong_numbers_and_shocks_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n_replications must be at least 1"):
        monte_carlo([Design(10, 10)], 0, seed=1)
    with pytest.raises(ValueError, match="n_jobs must be at least 1"):
        monte_carlo([Design(10, 10)], 3, seed=1, n_jobs=0)
    with pytest.raises(ValueError, match=r"shocks must have shape \(5, 8\)"):
        factor_panel(Design(5, 8, ()), rng=rng, shocks=np.zeros((5, 9)))
    with pytest.raises(ValueError, match="shocks is nan in row 0"):
        factor_panel(Design(5, 8, ()), rng=rng, shocks=np.full((5, 8), np.nan))
    with pytest.raises(ValueError, match="rho must lie between"):
        simulate.spatial_filter(np.eye(5), 1.5)
    with pytest.raises(ValueError, match="n must be at least 2"):
        simulate.neighbour_matrix(1)
