"""The binding function, its solution by simulation, its variance: closed forms, limits, peers, traps and bad input."""

import numpy as np
import pytest
from paperlab.methods.factor_scores import measurement, simulate, two_stage
from paperlab.methods.factor_scores.simulate import Design, Settings

LINEAR = Design("linear", 500, 0.7)
BOTH = Design("interaction", 500, 0.7)
LOADS, US = np.full((3, 4), 0.7), np.full((3, 4), 0.51)


def items(design=LINEAR, seed=1):
    return simulate.draw_items(design, rng=np.random.default_rng(seed))


def score_constants(score_type="regression"):
    """Slope and error variance of the population scores."""
    return measurement.make_scores(np.zeros((1, 12)), LOADS, US, score_type)[1:]


def normal(n_draws, kind="matched", seed=3):
    return two_stage.simulated_normals(n_draws, rng=np.random.default_rng(seed), kind=kind)


# ---- the binding function


@pytest.mark.parametrize("score_type", measurement.SCORE_TYPES)
def test_binding_of_the_linear_model_is_the_attenuation_formula(score_type):
    theta = simulate.truth(LINEAR)
    a, v = score_constants(score_type)
    f = np.array([[1, 0.3, 0.49], [0.3, 1, 0.42], [0.49, 0.42, 1]])
    expected = measurement.theta_of_covariance(np.outer(a, a) * f + np.diag(v))
    n_draws = 4000
    expected[-1] *= n_draws / (n_draws - 3)
    assert two_stage.binding(theta, a, v, normal(n_draws)) == pytest.approx(expected, abs=1e-9)


def test_structural_model_is_equation_one():
    z = np.array([[1.0, 2.0, -1.0], [0.5, -1.0, 2.0]])
    phi, b1, b2, b3, psi = 0.6, 0.4, -0.3, 0.2, 0.25
    xi1 = z[:, 0]
    xi2 = phi * xi1 + 0.8 * z[:, 1]
    eta = b1 * xi1 + b2 * xi2 + b3 * (xi1 * xi2 - phi) + 0.5 * z[:, 2]
    assert two_stage.structural([phi, b1, b2, b3, psi], z) == pytest.approx(np.column_stack([xi1, xi2, eta]))
    assert two_stage.structural([phi, b1, b2, psi], z)[:, 2] == pytest.approx(eta - b3 * (xi1 * xi2 - phi))


def test_scores_drawn_directly_are_like_scores_of_drawn_items():
    a, v = score_constants()
    theta = simulate.truth(BOTH)
    y = two_stage.gaussian_items(theta, LOADS, US, 200_000, rng=np.random.default_rng(5))[0]
    s = measurement.make_scores(y, LOADS, US, "regression")[0]
    assert measurement.naive(s, True) == pytest.approx(two_stage.binding(theta, a, v, normal(200_000)), abs=0.01)


def test_scores_without_error_need_no_correction():
    theta = simulate.truth(BOTH)
    assert two_stage.binding(theta, np.ones(3), np.zeros(3), normal(100_000)) == pytest.approx(theta, abs=0.012)


def test_uncentred_product_moves_the_mean_of_eta():
    f = two_stage.structural(simulate.truth(BOTH), normal(100_000))
    assert f[:, 2].mean() == pytest.approx(0.0, abs=0.01)
    assert (f[:, 2] + 0.2 * 0.3).mean() > 0.05
    assert f[:, 2].var() == pytest.approx(1.0, abs=0.02)


# ---- simulated people


def test_matched_draws_have_identity_covariance_and_antithetic_pairs_count_once():
    z = normal(400)
    assert z.T @ z / 400 == pytest.approx(np.eye(6), abs=1e-12)
    assert z.mean(axis=0) == pytest.approx(0.0, abs=1e-12)
    assert np.array_equal(z[200:], -z[:200])
    error = {
        kind: np.std([(x := normal(200, kind, seed))[:, 0] @ x[:, 1] / 200 for seed in range(400)])
        for kind in ("antithetic", "independent")
    }
    assert error["antithetic"] / error["independent"] == pytest.approx(np.sqrt(2), rel=0.15)


def test_draws_of_a_linear_model_enter_through_their_covariance_alone():
    a, v = score_constants()
    theta, z = simulate.truth(LINEAR), normal(2000, "antithetic")
    half = np.ascontiguousarray(np.sqrt(6) * np.linalg.cholesky(z.T @ z / 2000).T)
    few = two_stage.binding(theta, a, v, two_stage.antithetic(half))
    few[-1] *= (9 / 12) * 2000 / 1997  # divisors n - 3
    assert few == pytest.approx(two_stage.binding(theta, a, v, z), abs=1e-12)


# ---- the correction


def test_correction_inverts_the_binding_function():
    theta = simulate.truth(BOTH)
    a, v = score_constants()
    z = normal(20_000)
    found = two_stage.correct_crn(two_stage.binding(theta, a, v, z), a, v, z, max_iter=200, tol=1e-9)
    assert found.converged
    assert found.theta == pytest.approx(theta, abs=1e-6)
    assert not two_stage.correct_crn(two_stage.binding(theta, a, v, z), a, v, z, max_iter=2).converged


@pytest.mark.parametrize("score_type", ["regression", "bartlett"])
def test_linear_correction_is_croon(score_type):
    y = items()
    s = measurement.factor_scores(y, measurement.fit_measurement(y), score_type)
    t = measurement.naive_regression(s.scores)
    found = two_stage.correct(t, s.slope, s.error, rng=np.random.default_rng(1), n_iter=200, n_draws=2000)
    assert two_stage.bounds_hit(found.path) == 0
    assert found.theta == pytest.approx(measurement.croon(s.scores, s.slope, s.error), abs=5e-3)
    assert found.theta == pytest.approx(found.path[100:].mean(axis=0))


@pytest.mark.parametrize("unit", [1e-9, 1e-5, np.repeat([1e-3, 1.0, 1e6], 4)])
def test_scores_in_any_unit_are_corrected_to_the_same_theta(unit):
    """Sums carry the unit of their items, and the steps of eq. (6) are of the size 1."""
    y = items(BOTH)
    found = []
    for v in (y, unit * y):
        s = measurement.factor_scores(v, measurement.fit_measurement(v), "sum")
        t = measurement.naive_regression(s.scores, interaction=True)
        found.append(two_stage.correct(t, s.slope, s.error, rng=np.random.default_rng(1)).theta)
        crn = two_stage.correct_crn(t, s.slope, s.error, normal(4000))
        assert crn.converged
        assert crn.theta == pytest.approx(found[0], abs=0.02)
    assert found[1] == pytest.approx(found[0], abs=2e-3)


@pytest.mark.parametrize("kind", two_stage.DRAWS)
def test_generic_robbins_monro_takes_the_same_path_as_the_kernel(kind):
    a, v = score_constants()
    t = two_stage.binding(simulate.truth(BOTH), a, v, normal(50_000))
    fast = two_stage.correct(t, a, v, rng=np.random.default_rng(8), n_iter=65, n_draws=200, kind=kind)
    rng = np.random.default_rng(8)

    def binding(theta):
        return two_stage.binding(theta, a, v, two_stage.simulated_normals(200, rng=rng, kind=kind))

    slow = two_stage.robbins_monro(t, binding, n_iter=65, clip=two_stage.clip)
    assert slow.path == pytest.approx(fast.path, abs=1e-10)
    assert slow.theta == pytest.approx(fast.theta, abs=1e-10)


def test_two_stages_are_near_one_stage_ml():
    y = items()
    s = measurement.factor_scores(y, measurement.fit_measurement(y))
    t = measurement.naive_regression(s.scores)
    two = two_stage.correct(t, s.slope, s.error, rng=np.random.default_rng(0)).theta
    assert two == pytest.approx(measurement.confirmatory_ml(y).theta, abs=0.06)


def test_low_reliability_is_damped_and_bounds_are_reported():
    a, v = np.ones(3), np.full(3, 3.0)  # reliability 0.25
    t = two_stage.binding(simulate.truth(BOTH), a, v, normal(20_000))
    found = two_stage.correct(t, a, v, rng=np.random.default_rng(2), n_iter=300, n_draws=4000)
    assert np.abs(found.theta - simulate.truth(BOTH)).max() < 0.15
    impossible = np.array([1.2, 0.4, 0.3, 0.2, 0.1])
    with pytest.warns(two_stage.BoundWarning, match="sits on a bound"):
        found = two_stage.correct(impossible, a, v, rng=np.random.default_rng(2), n_iter=60, n_draws=200)
    assert two_stage.bounds_hit(found.path) == 30
    assert found.theta[0] == pytest.approx(two_stage.PHI_MAX)


def test_clip_moves_what_is_outside_and_nothing_else():
    assert two_stage.clip([0.99, 3.0, -3.0, 0.001]) == pytest.approx([0.95, 3.0, -3.0, 0.01])
    assert two_stage.clip([-0.99, 0.0, 0.0, 0.5]) == pytest.approx([-0.95, 0.0, 0.0, 0.5])
    path = np.array([[0.95, 0.5], [0.2, 0.5], [-0.95, 0.5], [0.2, 0.01]])
    assert two_stage.bounds_hit(path) == 2  # of the last two


# ---- Monte Carlo variance


def test_a_variance_without_stage_one_differs():
    y = items(BOTH)
    found = two_stage.monte_carlo_variance(
        simulate.truth(BOTH), measurement.fit_measurement(y), rng=np.random.default_rng(4), n=500, n_replications=200
    )
    # fitted scales remove noise that known ones leave in
    assert found.se_no_stage_one[-1] / found.se[-1] > 1.1


def test_variance_is_close_to_the_spread_over_data_sets():
    settings = Settings(n_variance=20, n_draws=200)
    out = simulate.run_design(LINEAR, 60, seed=2, settings=settings, n_jobs=1)
    assert out["se"].mean(axis=0) == pytest.approx(out["corrected"].std(axis=0), rel=0.35)


def test_variance_falls_like_one_over_n():
    model = measurement.Measurement(LOADS, US, np.zeros(3, bool))
    se = [
        two_stage.monte_carlo_variance(
            simulate.truth(LINEAR), model, rng=np.random.default_rng(4), n=n, n_replications=200
        ).se
        for n in (400, 1600)
    ]
    assert se[0] / se[1] == pytest.approx(2.0, rel=0.2)


def test_jacobian_without_common_random_numbers_is_noise():
    theta = simulate.truth(BOTH)
    a, v = score_constants()
    common, fresh = [], []
    for seed in range(6):
        common.append(two_stage.jacobian(theta, a, v, normal(500, seed=seed), 0.02))
        up, down = theta.copy(), theta.copy()
        up[3] += 0.02
        down[3] -= 0.02
        one, other = normal(500, seed=seed), normal(500, seed=50 + seed)
        fresh.append((two_stage.binding(up, a, v, one) - two_stage.binding(down, a, v, other))[3] / 0.04)
    assert np.std(fresh) > 5 * np.std(np.array(common)[:, 3, 3])


def test_jacobian_of_the_linear_model_is_that_of_the_attenuation_formula():
    """Errorless scores: t is theta, and its derivative the identity but for the divisor of the variance."""
    theta = simulate.truth(LINEAR)
    found = two_stage.jacobian(theta, np.ones(3), np.zeros(3), normal(20_000))
    assert found == pytest.approx(np.eye(4), abs=2e-3)


# ---- bad input

T4, ONE, NONE = np.array([0.3, 0.4, 0.3, 0.5]), np.ones(3), np.zeros(3)
RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_stage.robbins_monro([1.0], lambda t: t, n_iter=10), "n_iter must be at least 60"),
        (lambda: two_stage.robbins_monro([1.0], lambda t: 9 * t, n_iter=80), "diverged"),
        (lambda: two_stage.robbins_monro([1e-9], lambda t: 9 * t, n_iter=80), "diverged"),
        (lambda: two_stage.robbins_monro([1.0], lambda t: t * np.nan), "diverged at step 0"),
        (lambda: two_stage.robbins_monro([np.nan], lambda t: t), "t_obs is nan in row 0"),
        (lambda: two_stage.correct(T4[:3], ONE, ONE, rng=RNG(0)), "t_obs must hold 4 numbers, or 5"),
        (lambda: two_stage.correct(T4, NONE, ONE, rng=RNG(0)), "slope must be 3 numbers other than 0"),
        (lambda: two_stage.correct(T4, ONE, -ONE, rng=RNG(0)), "error 3 variances"),
        (lambda: two_stage.correct(T4, ONE, ONE, rng=RNG(0), n_iter=59), "n_iter must be at least 60"),
        (lambda: two_stage.correct(T4, ONE, ONE, rng=RNG(0), n_draws=101), "n_draws must be even for matched draws"),
        (lambda: two_stage.correct(T4 * np.nan, ONE, ONE, rng=RNG(0)), "t_obs is nan"),
        (lambda: two_stage.correct_crn(T4, ONE, ONE, np.zeros((10, 3))), "z must have six columns"),
        (lambda: two_stage.binding([1.0, 0, 0, 1], ONE, ONE, normal(100)), "abs\\(phi12\\) < 1 and psi > 0"),
        (lambda: two_stage.binding([0.0, 0, 0, 0], ONE, ONE, normal(100)), "abs\\(phi12\\) < 1 and psi > 0"),
        (lambda: two_stage.structural(T4, np.zeros((5, 2))), "at least three columns"),
        (lambda: normal(100, "sobol"), "kind must be one of matched, antithetic, independent"),
        (lambda: normal(10), "n_draws must be at least 14"),
        (
            lambda: two_stage.monte_carlo_variance(
                T4, measurement.fit_measurement(items()), rng=RNG(0), n=500, n_replications=3
            ),
            "n_replications must be at least 10",
        ),
        (
            lambda: two_stage.monte_carlo_variance(T4, measurement.fit_measurement(items()), rng=RNG(0), n=20),
            "n must be at least 50 people",
        ),
        (
            lambda: two_stage.monte_carlo_variance(
                T4, measurement.Measurement(np.nan * LOADS, US, np.zeros(3, bool)), rng=RNG(0), n=500
            ),
            "loadings is nan",
        ),
        (lambda: two_stage.clip([np.nan, 0, 0, 1]), "theta is nan"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
