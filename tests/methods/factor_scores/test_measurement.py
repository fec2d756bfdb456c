"""Factor scores and the two-stage correction: closed forms, limits, peers, traps and bad input."""

import numpy as np
import pytest
from paperlab.methods.factor_scores import interaction as fi
from paperlab.methods.factor_scores import item_response as bi
from paperlab.methods.factor_scores import measurement as mm
from paperlab.methods.factor_scores import simulate as fd
from paperlab.methods.factor_scores import two_stage as fr
from paperlab.methods.factor_scores.simulate import Design

LINEAR = Design("linear", 500, 0.7)
BOTH = Design("interaction", 500, 0.7)
LOADS, US = np.full((3, 4), 0.7), np.full((3, 4), 0.51)


def items(design=LINEAR, seed=1):
    return fd.draw_items(design, np.random.default_rng(seed))


def score_constants(kind):
    """Slope and error variance of the population scores."""
    return mm.score_weights(LOADS, US, kind)[1:]


def normal(draws, kind="matched", seed=3):
    return fr.simulated_normals(np.random.default_rng(seed), draws, kind)


# ---- stage 1 and scores


def test_one_factor_ml_finds_loadings_of_an_exact_covariance():
    load = np.array([0.9, 0.7, 0.5, 0.6])
    got, u, heywood = mm.stage_one(np.outer(load, load) + np.diag(1 - load**2), 4, 1e-10)
    assert got[0] == pytest.approx(load, abs=1e-6)
    assert u[0] == pytest.approx(1 - load**2, abs=1e-6)
    assert not heywood.any()


def test_sign_is_positive_and_scale_equivariant():
    y = items()
    a, b = mm.fit_measurement(y), mm.fit_measurement(-3.0 * y)
    assert b.loadings == pytest.approx(3 * a.loadings, abs=1e-5)
    assert (a.loadings.sum(axis=1) > 0).all()


def test_stage_one_agrees_with_statsmodels():
    from statsmodels.multivariate.factor import Factor

    y = items()[:, :4]
    peer = Factor(y, n_factor=1, method="ml").fit().loadings[:, 0] * y.std(axis=0)
    ours = mm.fit_measurement(y, 1).loadings[0]
    assert np.abs(peer) == pytest.approx(ours, abs=1e-3)


@pytest.mark.parametrize("kind", [0, 1])
def test_ml_scores_have_exactly_the_variance_the_model_implies(kind):
    s, a, v = mm.factor_scores(items(), mm.fit_measurement(items()), mm.SCORE_TYPES[kind])
    assert s.var(axis=0) == pytest.approx(a**2 + v, abs=1e-5)


def test_bartlett_is_unbiased_and_regression_has_slope_equal_to_reliability():
    m = mm.fit_measurement(items())
    assert mm.factor_scores(items(), m, "bartlett")[1] == pytest.approx(1.0)
    assert mm.factor_scores(items(), m, "regression")[1] == pytest.approx(m.reliability)


# ---- the binding function


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_binding_of_the_linear_model_is_the_attenuation_formula(kind):
    theta = fd.truth(LINEAR)
    a, v = score_constants(kind)
    f = np.array([[1, 0.3, 0.49], [0.3, 1, 0.42], [0.49, 0.42, 1]])
    expected = mm.theta_of_covariance(np.outer(a, a) * f + np.diag(v))
    draws = 4000
    got = fr.binding(theta, a, v, normal(draws))
    expected[-1] *= draws / (draws - 3)
    assert got == pytest.approx(expected, abs=1e-9)


def test_scores_drawn_directly_are_like_scores_of_drawn_items():
    a, v = score_constants(0)
    theta = fd.truth(BOTH)
    y = fr.gaussian_items(theta, LOADS, US, 200_000, np.random.default_rng(5))[0]
    s, _, _ = mm.make_scores(y, LOADS, US, 0)
    assert mm.naive(s, True) == pytest.approx(fr.binding(theta, a, v, normal(200_000)), abs=0.01)


def test_scores_without_error_need_no_correction():
    theta = fd.truth(BOTH)
    z = normal(100_000)
    assert fr.binding(theta, np.ones(3), np.zeros(3), z) == pytest.approx(theta, abs=0.012)


def test_correction_inverts_the_binding_function():
    theta = fd.truth(BOTH)
    a, v = score_constants(0)
    z = normal(20_000)
    assert fr.correct_crn(fr.binding(theta, a, v, z), a, v, z, max_iter=200, tol=1e-9) == pytest.approx(theta, abs=1e-6)


@pytest.mark.parametrize("kind", mm.SCORE_TYPES[:2])
def test_linear_correction_is_croon(kind):
    y = items()
    s, a, v = mm.factor_scores(y, mm.fit_measurement(y), kind)
    got, path = fr.correct(mm.naive_regression(s), a, v, np.random.default_rng(1), n_iter=200, draws=2000)
    assert fr.bounds_hit(path) == 0
    assert got == pytest.approx(mm.croon(s, a, v), abs=5e-3)


@pytest.mark.parametrize("kind", fr.DRAWS)
def test_generic_robbins_monro_takes_the_same_path_as_the_kernel(kind):
    a, v = score_constants(0)
    t = fr.binding(fd.truth(BOTH), a, v, normal(50_000))
    fast, quick_path = fr.correct(t, a, v, np.random.default_rng(8), n_iter=65, draws=200, kind=kind)
    rng = np.random.default_rng(8)
    slow, path = fr.robbins_monro(
        t, lambda theta: fr.binding(theta, a, v, fr.simulated_normals(rng, 200, kind)), n_iter=65, clip=fr.clip
    )
    assert path == pytest.approx(quick_path, abs=1e-10)
    assert slow == pytest.approx(fast, abs=1e-10)


def test_matched_draws_have_identity_covariance_and_mirrored_pairs_count_once():
    z = normal(400)
    assert z.T @ z / 400 == pytest.approx(np.eye(6), abs=1e-12)
    assert z.mean(axis=0) == pytest.approx(0.0, abs=1e-12)
    error = {
        kind: np.std([(x := normal(200, kind, seed))[:, 0] @ x[:, 1] / 200 for seed in range(400)])
        for kind in ("mirrored", "independent")
    }
    assert error["mirrored"] / error["independent"] == pytest.approx(np.sqrt(2), rel=0.15)


def test_draws_of_a_linear_model_enter_through_their_covariance_alone():
    a, v = score_constants(0)
    theta, z = fd.truth(LINEAR), normal(2000, "mirrored")
    half = np.ascontiguousarray(np.sqrt(6) * np.linalg.cholesky(z.T @ z / 2000).T)
    few = fr.binding(theta, a, v, fr.mirror(half))
    few[-1] *= (9 / 12) * 2000 / 1997  # divisors n - 3
    assert few == pytest.approx(fr.binding(theta, a, v, z), abs=1e-12)


# ---- peers


def test_one_stage_ml_agrees_with_semopy_and_two_stage_is_near():
    y = items()
    semopy = np.array(
        [0.393108, 0.436958, 0.233514, 0.674317]
    )  # semopy 2.3.11 on y, standardised; the benchmark runs it
    assert mm.confirmatory_ml(y) == pytest.approx(semopy, abs=2e-3)
    s, a, v = mm.factor_scores(y, mm.fit_measurement(y))
    two, _ = fr.correct(mm.naive_regression(s), a, v, np.random.default_rng(0))
    assert two == pytest.approx(semopy, abs=0.06)


def test_interaction_ml_recovers_the_truth_from_many_people():
    d = Design("interaction", 4000, 0.7)
    assert fi.interaction_ml(items(d), fd.truth(d)) == pytest.approx(fd.truth(d), abs=0.07)


# ---- Monte Carlo variance


def test_a_variance_without_stage_one_differs():
    y = items(BOTH)
    full, bare = fr.monte_carlo_variance(fd.truth(BOTH), mm.fit_measurement(y), np.random.default_rng(4), n=500, m=200)
    assert np.sqrt(bare[-1, -1] / full[-1, -1]) > 1.1  # fitted scales remove noise that known ones leave in


def test_variance_is_close_to_the_spread_over_data_sets():
    out = fd.run_design(LINEAR, 60, 2, variance=20, draws=200, n_jobs=1)
    assert out["se"].mean(axis=0) == pytest.approx(out["corrected"].std(axis=0), rel=0.35)
    assert np.isfinite(out["ml"]).all()


def test_results_do_not_depend_on_threads():
    one, two = (fd.run_design(BOTH, 4, 9, n_jobs=k)["corrected"] for k in (1, 2))
    assert (one == two).all()


def test_jacobian_without_common_random_numbers_is_noise():
    theta = fd.truth(BOTH)
    a, v = score_constants(0)
    common, fresh = [], []
    for seed in range(6):
        common.append(fr.jacobian(theta, a, v, normal(500, seed=seed), 0.02))
        up, down = theta.copy(), theta.copy()
        up[3] += 0.02
        down[3] -= 0.02
        fresh.append(fr.binding(up, a, v, normal(500, seed=seed)) - fr.binding(down, a, v, normal(500, seed=50 + seed)))
    assert np.std(np.array(fresh)[:, 3] / 0.04) > 5 * np.std(np.array(common)[:, 3, 3])


# ---- traps


def test_uncentred_product_moves_the_mean_of_eta():
    z = normal(100_000)
    f = fr.structural(fd.truth(BOTH), z)
    assert f[:, 2].mean() == pytest.approx(0.0, abs=0.01)
    assert (f[:, 2] + 0.2 * 0.3).mean() > 0.05
    assert f[:, 2].var() == pytest.approx(1.0, abs=0.02)


def test_good_items_prove_nothing():
    out = fd.run_design(Design("interaction", 1000, 0.95), 10, 1, n_jobs=1)
    assert np.abs(out["naive"] - out["corrected"]).mean() < 0.03
    out = fd.run_design(Design("interaction", 1000, 0.7), 10, 1, n_jobs=1)
    assert np.abs(out["naive"] - out["corrected"])[:, 1].mean() > 0.05


def test_low_reliability_is_damped_and_reported():
    a, v = np.ones(3), np.full(3, 3.0)  # reliability 0.25
    t = fr.binding(fd.truth(BOTH), a, v, normal(20_000))
    theta, _ = fr.correct(t, a, v, np.random.default_rng(2), n_iter=300, draws=4000)
    assert np.abs(theta - fd.truth(BOTH)).max() < 0.15
    impossible = np.array([1.2, 0.4, 0.3, 0.2, 0.1])
    _, path = fr.correct(impossible, a, v, np.random.default_rng(2), n_iter=60, draws=200)
    assert fr.bounds_hit(path) > 0


def test_poor_items_need_more_steps_and_the_residual_says_so():
    poor = Design("interaction", 2000, 0.35)
    few, many = (fd.run_design(poor, 4, 3, sa_iter=k, draws=200, n_jobs=1)["left"][:, 0] for k in (60, 1000))
    assert few.min() > 0.002  # the covariance of the scores of simulated people is still too small
    assert many.max() < 0.5 * few.min()


# ---- binary items


def test_two_pl_finds_its_parameters_and_eap_is_monotone():
    y = items(Design("categorical", 20_000, n_items=5))
    slopes, inters, eap = bi.fit_two_pl(y)
    assert slopes == pytest.approx(np.full((3, 5), 1.7), abs=0.25)
    assert inters == pytest.approx(np.tile(np.linspace(-1, 1, 5), (3, 1)), abs=0.12)
    assert (np.diff(eap[0][[0, 1, 3, 7, 15, 31]]) > 0).all()  # one more item solved at a time
    s = bi.eap_scores(y, eap)
    rng = np.random.default_rng(0)
    f, uniform = rng.standard_normal((200, 3)), rng.random((200, 15))
    again = bi.simulated_scores(f, slopes, inters, eap, uniform)
    assert (again == bi.eap_scores(bi.draw_binary(f, slopes, inters, uniform), eap)).all()
    assert s.mean(axis=0) == pytest.approx(0.0, abs=0.03)


def test_correction_works_for_binary_items():
    out = fd.run_design(Design("categorical", 2000, n_items=5), 4, 1, n_jobs=1)
    truth = fd.truth(Design("categorical"))
    assert np.abs(out["corrected"].mean(axis=0) - truth).max() < 0.06
    assert (out["naive"].mean(axis=0) - truth)[0] < -0.1


# ---- bad input


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((40, 12)), "at least 50 rows, got 40"),
        (np.zeros((100, 6)), "2 items per latent variable"),
        (np.zeros((100, 11)), "equal blocks"),
        (np.full((100, 12), np.nan), "missing"),
    ],
)
def test_bad_items(y, message):
    with pytest.raises(ValueError, match=message):
        mm.fit_measurement(y)


def test_heywood_case_names_the_factor():
    y = items(Design("linear", 200, 0.7))
    rng = np.random.default_rng(0)
    y[:, 4:8] = rng.standard_normal((200, 4))
    y[:, 5] = y[:, 4] + 0.01 * rng.standard_normal(200)  # two copies: nothing unique is left
    with pytest.raises(ValueError, match="Heywood case in factor 2"):
        mm.fit_measurement(y)
    assert mm.fit_measurement(y, heywood="keep").heywood.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mm.factor_scores(items(), mm.fit_measurement(items()), "ten"), "score_type must be one of"),
        (lambda: Design("cubic"), "kind must be one of"),
        (lambda: Design(n=30), "n must be at least 50"),
        (lambda: Design(n_items=2), "n_items must be at least 3"),
        (lambda: Design(loading=1.2), "loading must lie between"),
        (lambda: fr.robbins_monro([1.0], lambda t: t, n_iter=10), "n_iter must be at least 60"),
        (lambda: fr.robbins_monro([1.0], lambda t: 9 * t, n_iter=80), "diverged"),
        (
            lambda: fr.monte_carlo_variance(
                fd.truth(LINEAR), mm.fit_measurement(items()), np.random.default_rng(0), n=500, m=3
            ),
            "m must be at least 10",
        ),
        (lambda: normal(100, "sobol"), "kind must be one of matched, mirrored, independent"),
        (lambda: mm.naive_regression(np.zeros((10, 2))), "three columns"),
        (lambda: bi.fit_two_pl(items()), "0 and 1 only"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
