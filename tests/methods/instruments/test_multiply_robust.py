"""Facts about identification with an invalid instrument: exact in finite populations, and against peers."""

import warnings

import numpy as np
import pytest
from paperlab.methods.foundations import linear
from paperlab.methods.foundations.forest import forest_predict
from paperlab.methods.instruments import crossfit
from paperlab.methods.instruments import multiply_robust as iv
from paperlab.methods.instruments import simulate as iv_dgp

EXACT = {"delta_min": 1e-6}


@pytest.fixture(scope="module")
def sample():
    return iv_dgp.simulate(np.random.default_rng(1), 4000)


@pytest.fixture(scope="module")
def population():
    """Cells of a discrete population, their masses, and all nuisance functions, right and wrong."""
    x, z, u, a = (v.ravel() for v in np.meshgrid([-1.0, 0.0, 1.0], [0.0, 1.0], [-1.0, 1.0], [0.0, 1.0], indexing="ij"))
    pi, beta = 0.5 + 0.2 * x, 1 + 0.5 * x
    p0, p1 = 0.2 + 0.05 * x, 0.5 + 0.1 * x
    p_u = np.where(z == 1, p1, p0) + 0.1 * u
    mass = np.where(z == 1, pi, 1 - pi) * np.where(a == 1, p_u, 1 - p_u) / 6
    y = beta * a + z * (1 + 0.3 * x) + x**2 + 1.5 * u
    right = {
        "p": {"p0": p0, "p1": p1},
        "pi": {"pi": pi},
        "m": {"m0": x**2, "m1": 1 + 0.3 * x + x**2},
        "beta": {"beta": beta},
        "rho": {"rho": np.full_like(x, 0.15)},
    }
    wrong = {
        "p": {"p0": 0.15 + 0 * x, "p1": 0.45 - 0.1 * x},
        "pi": {"pi": 0.4 + 0.1 * x},
        "m": {"m0": x, "m1": -x},
        "beta": {"beta": 2 - x},
        "rho": {"rho": 0.4 + 0.1 * x},
    }
    return iv.Sample(y, a, z, x[:, None]), mass, right, wrong


def mean_error(population, right_set):
    cells, mass, right, wrong = population
    chosen = {}
    for name in right:
        chosen |= (right if name in right_set else wrong)[name]
    psi = iv.multiply_robust(cells, iv.Nuisances(**chosen), **EXACT).psi
    return mass @ psi - mass @ right["beta"]["beta"]


@pytest.mark.parametrize("right_set", [("p", "pi"), ("p", "beta", "rho"), ("m", "beta", "pi"), ("m", "beta", "rho")])
def test_mean_of_the_score_is_the_effect_in_each_robustness_set(population, right_set):
    assert mean_error(population, right_set) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("right_set", [(), ("pi", "rho"), ("p", "m", "rho"), ("p", "beta"), ("m", "pi", "rho")])
def test_outside_the_four_sets_the_score_is_biased(population, right_set):
    assert abs(mean_error(population, right_set)) > 0.05


def test_score_is_neyman_orthogonal(population):
    cells, mass, right, wrong = population
    truth = {k: v for group in right.values() for k, v in group.items()}
    other = {k: v for group in wrong.values() for k, v in group.items()}
    step = 1e-5
    for key in truth:
        moved = [truth | {key: truth[key] + s * (other[key] - truth[key])} for s in (step, -step)]
        up, down = (mass @ iv.multiply_robust(cells, iv.Nuisances(**f), **EXACT).psi for f in moved)
        assert (up - down) / (2 * step) == pytest.approx(0, abs=1e-7), key


def test_an_interaction_shifts_the_effect_by_the_change_of_rho_over_the_change_of_variance():
    rng = np.random.default_rng(2)
    s = iv_dgp.simulate(rng, 200_000, interaction=0.5)
    delta = iv.variance_change(*iv_dgp.treatment_probabilities(s.x), delta_min=1e-6)[0]
    expected = 0.12 * 1.5 * 0.5 * np.mean(1 / delta)
    found = iv.multiply_robust(s, iv.fit_nuisances(s)).value - iv_dgp.TRUE_EFFECT
    assert found == pytest.approx(expected, abs=0.15)


def test_estimator_is_unbiased_where_ols_and_2sls_are_not():
    s = iv_dgp.simulate(np.random.default_rng(3), 4000, reps=40)
    mr = iv.multiply_robust(s, iv.fit_nuisances(s))
    b = iv.basis(s.x, "linear")
    tsls = linear.two_stage_least_squares(s.y, s.a[..., None], b, s.z[..., None])[0][:, 0]
    ols = linear.ols(s.y, np.concatenate([s.a[..., None], s.z[..., None], b], -1))[0][:, 0]
    assert abs(mr.value.mean() - 1) < 0.2
    assert mr.value.std() == pytest.approx(mr.se.mean(), rel=0.35)
    assert tsls.mean() - 1 > 2 and ols.mean() - 1 > 0.5


def test_g_estimation_survives_wrong_p_and_pi_where_two_step_does_not():
    s = iv_dgp.simulate(np.random.default_rng(4), 40_000, reps=10)
    wrong = {"p": "wrong", "pi": "wrong"}
    two_step = iv.multiply_robust(s, iv.fit_nuisances(s, wrong)).value
    g = iv.multiply_robust(s, iv.fit_nuisances(s, wrong, step="g-estimation")).value
    assert abs(np.mean(g) - 1) < 0.09
    assert np.mean(two_step - g) < -0.05  # paired: same samples


def test_stacked_samples_give_the_same_as_one_by_one():
    s = iv_dgp.simulate(np.random.default_rng(5), 1000, reps=3)
    stacked = iv.multiply_robust(s, iv.fit_nuisances(s)).value
    for r in range(3):
        one = iv.Sample(s.y[r], s.a[r], s.z[r], s.x[r])
        assert iv.multiply_robust(one, iv.fit_nuisances(one)).value == pytest.approx(stacked[r], abs=1e-10)


@pytest.mark.parametrize("scale, shift", [(3.0, 0.0), (1.0, 50.0)])
def test_estimate_follows_the_units_of_the_outcome_and_ignores_its_origin(sample, scale, shift):
    moved = iv.Sample(shift + scale * sample.y, sample.a, sample.z, sample.x)
    base = iv.multiply_robust(sample, iv.fit_nuisances(sample)).value
    found = iv.multiply_robust(moved, iv.fit_nuisances(moved)).value
    assert found == pytest.approx(scale * base, abs=1e-7)


def test_recoding_the_instrument_changes_nothing(sample):
    flipped = iv.Sample(sample.y, sample.a, 1 - sample.z, sample.x)
    base = iv.multiply_robust(sample, iv.fit_nuisances(sample))
    found = iv.multiply_robust(flipped, iv.fit_nuisances(flipped))
    assert found.value == pytest.approx(base.value, abs=1e-7)
    assert found.mean_delta == pytest.approx(-base.mean_delta)


# Degenerate arm: nobody at z = 0 is treated, as in the 401(k) data.


def one_sided(n=3000):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(n, 2))
    z = (rng.random(n) < 0.4).astype(float)
    a = z * (rng.random(n) < 0.6)
    y = 2 * a + z + x[:, 0] + rng.normal(size=n)
    return y, a, z, x


def test_without_treatment_at_z0_the_functional_is_ols_among_z1():
    y, a, z, x = one_sided()
    with pytest.warns(UserWarning, match="does not vary where z = 0"):
        s = iv.validate(y, a, z, x)
    b = iv.basis(x, "quadratic")
    here = z == 1
    expected = linear.ols(y[here], np.column_stack([a, b])[here])[0][0]
    assert iv.constant_effect(s, b) == pytest.approx(expected, abs=1e-10)


def test_debiased_estimate_of_a_one_sided_treatment_has_no_confounding_part():
    y, a, z, x = one_sided()
    s = iv.Sample(y, a, z, x)
    result = crossfit.debiased_tuples(s, ("lin",), n_folds=3, rng=np.random.default_rng(0))
    assert abs(result.value.item() - 2) < 4 * result.se.item()


# Bad input


@pytest.mark.parametrize("name", ["a", "z"])
def test_non_binary_treatment_or_instrument_is_refused(sample, name):
    data = {"y": sample.y, "a": sample.a, "z": sample.z, "x": sample.x}
    with pytest.raises(ValueError, match=f"{name} must be binary"):
        iv.validate(**(data | {name: data[name] * 2}))


def test_shapes_missing_values_and_empty_arms_are_refused(sample):
    y, a, z, x = sample.y, sample.a, sample.z, sample.x
    with pytest.raises(ValueError, match="shape of y"):
        iv.validate(y, a[:-1], z, x)
    with pytest.raises(ValueError, match=r"x must have shape"):
        iv.validate(y, a, z, x[:, 0])
    with pytest.raises(ValueError, match="finite"):
        iv.validate(np.where(np.arange(len(y)) == 5, np.nan, y), a, z, x)
    with pytest.raises(ValueError, match="nobody has z = 0"):
        iv.validate(y, a, np.ones_like(z), x)


def test_good_input_passes_without_a_warning(sample):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert iv.validate(sample.y, sample.a.astype(int), sample.z.astype(bool), sample.x).a.dtype == float


def test_an_instrument_that_keeps_the_variance_is_refused():
    s = iv_dgp.simulate(np.random.default_rng(7), 8000, base=0.3, var_gap=0.4)
    fits = iv.fit_nuisances(s)
    with pytest.raises(ValueError, match=r"instrument does not change Var\(A\): not identified"):
        iv.multiply_robust(s, fits)
    assert np.isnan(iv.multiply_robust(s, fits, unidentified="nan").value)
    with pytest.raises(ValueError, match="not identified"):
        iv.constant_effect(s, iv.basis(s.x, "linear"))


def test_small_variance_changes_are_truncated_and_counted():
    p0, p1 = np.array([0.2, 0.2, 0.2, 0.2]), np.array([0.5, 0.5, 0.21, 0.8])
    delta, count, mean = iv.variance_change(p0, p1, delta_min=0.03)
    assert count == 2 and delta.min() == 0.03
    assert mean == pytest.approx((0.09 + 0.09 + 0.0059 + 0) / 4)
    assert iv.variance_change(p1, p0, delta_min=0.03)[0].max() == -0.03


def test_probabilities_outside_the_unit_interval_are_refused():
    with pytest.raises(ValueError, match=r"leaves \[0, 1\]"):
        iv_dgp.simulate(np.random.default_rng(0), 1000, var_gap=0.6)


@pytest.mark.parametrize("var_gap", [0.02, 0.3])
@pytest.mark.parametrize("interaction", [0.0, 1.0])
def test_the_whole_parameter_range_keeps_probabilities_valid(var_gap, interaction):
    for shape in ("linear", "wavy"):
        gap = {} if shape == "wavy" else {"var_gap": var_gap}
        s = iv_dgp.simulate(np.random.default_rng(0), 20_000, interaction=interaction, shape=shape, **gap)
        assert set(np.unique(s.a)) == {0.0, 1.0}


def test_folds_with_an_empty_arm_are_refused():
    z = np.zeros(40)
    z[0] = 1
    with pytest.raises(ValueError, match="empty arm"):
        crossfit.assign_folds(z, 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_folds must lie between"):
        crossfit.assign_folds(z, 1, np.random.default_rng(0))


def test_unknown_names_are_refused(sample):
    with pytest.raises(ValueError, match="learner must be one of"):
        crossfit.debiased_tuples(sample, ("boost",))
    with pytest.raises(ValueError, match="step must be"):
        iv.fit_nuisances(sample, step="three-step")
    with pytest.raises(ValueError, match="kind must be"):
        iv.basis(sample.x, "cubic")
    with pytest.raises(ValueError, match="collinear"):
        linear.least_squares(np.zeros((5, 2)), np.zeros(5))


# What 2SLS and OLS refuse


@pytest.mark.parametrize("seed", range(20))
def test_fewer_instruments_than_endogenous_variables_are_refused(seed):
    rng = np.random.default_rng(seed)
    z, one = rng.normal(size=(100, 1)), np.ones((100, 1))
    w = z + rng.normal(size=(100, 2))
    with pytest.raises(ValueError, match="instruments has 1 columns for 2 endogenous ones: endogenous column 1"):
        linear.two_stage_least_squares(w.sum(1), w, one, z)


@pytest.mark.parametrize("seed", range(20))
def test_all_dummies_and_a_constant_are_refused_by_2sls_and_ols(seed):
    rng = np.random.default_rng(seed)
    z, level = rng.normal(size=(100, 1)), rng.integers(0, 3, 100)
    b = np.column_stack([np.ones(100), level[:, None] == np.arange(3)])
    w = z + rng.normal(size=(100, 1))
    with pytest.raises(ValueError, match="exogenous column 3 is a linear combination of exogenous column 0"):
        linear.two_stage_least_squares(w[:, 0], w, b, z)
    with pytest.raises(ValueError, match="b: column 3 is a linear combination of column 0, column 1, column 2"):
        linear.ols(w[:, 0], b)


def test_an_instrument_that_is_a_regressor_or_that_predicts_nothing_is_refused():
    x = np.tile([0.0, 0, 1, 1], 10)
    one, z = np.ones((40, 1)), np.tile([0.0, 1], 20)[:, None]  # z is orthogonal to x
    y = x + np.linspace(0, 1, 40)
    with pytest.raises(ValueError, match="exogenous column 0 is a linear combination of instruments column 0"):
        linear.two_stage_least_squares(y, x[:, None], one, one)
    with pytest.raises(ValueError, match="what instruments predict of endogenous: endogenous column 0"):
        linear.two_stage_least_squares(y, x[:, None], one, z)


def test_missing_values_and_exact_fits_are_refused():
    rng = np.random.default_rng(0)
    z, one = rng.normal(size=(50, 1)), np.ones((50, 1))
    w = z + rng.normal(size=(50, 1))
    y = w[:, 0].copy()
    y[7] = np.nan
    with pytest.raises(ValueError, match="y is nan in row 7"):
        linear.two_stage_least_squares(y, w, one, z)
    with pytest.raises(ValueError, match="b is inf in row 4"):
        linear.ols(w[:, 0], np.where(np.arange(50) == 4, np.inf, 1.0)[:, None])
    with pytest.raises(ValueError, match="the fit is exact"):
        linear.ols(y[:2], np.column_stack([one, w])[:2])
    with pytest.raises(ValueError, match=r"instruments must have shape \(50,\)"):
        linear.two_stage_least_squares(w[:, 0], w, one, z[:, 0])


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e7])
def test_coefficients_and_errors_follow_the_units(unit):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(200, 2))
    b = np.column_stack([np.ones(200), rng.normal(size=200)])
    w = z.sum(1, keepdims=True) + rng.normal(size=(200, 1))
    y = w[:, 0] + b[:, 1] + rng.normal(size=200)
    base = linear.two_stage_least_squares(y, w, b, z)
    for found in (
        linear.two_stage_least_squares(y, w * unit, b, z),
        linear.two_stage_least_squares(y, w, b, z * unit),
        linear.two_stage_least_squares(y * unit, w, b, z),
    ):
        t = [coef[0] / se[0] for coef, se in (base, found)]
        assert t[1] == pytest.approx(t[0], rel=1e-9)
    assert linear.two_stage_least_squares(y, w * unit, b, z)[0][0] == pytest.approx(base[0][0] / unit, rel=1e-9)


# Selection of learners


def test_pseudo_risk_by_hand():
    estimates = np.array([[1.0, 1.1], [1.0, 3.0]])[..., None]  # slot 1 x slot 2, one split
    expected = [[0.01, 1.9**2], [4.0, 4.0]]
    chosen, risk = crossfit.select_minimax(estimates)
    assert risk == pytest.approx(np.array(expected))
    assert chosen == (0, 0)


def test_a_tuple_without_an_estimate_is_never_chosen():
    estimates = np.array([[1.0, np.nan], [2.0, 2.1]])[..., None]
    chosen, risk = crossfit.select_minimax(estimates)
    assert risk[0, 1] == np.inf and chosen != (0, 1)


def test_one_tuple_has_no_risk_and_is_chosen():
    assert crossfit.select_minimax(np.array([[[1.3]]]))[0] == (0, 0)


def test_cross_fitted_estimate_agrees_with_the_parametric_one_in_a_large_sample():
    s = iv_dgp.simulate(np.random.default_rng(8), 100_000)
    result = crossfit.debiased_tuples(s, ("quad",), n_folds=2, rng=np.random.default_rng(0))
    parametric = iv.multiply_robust(s, iv.fit_nuisances(s)).value
    assert result.value.item() == pytest.approx(parametric, abs=0.02)


def test_predictions_are_out_of_fold(sample):
    folds = crossfit.assign_folds(sample.z, 2, np.random.default_rng(0))
    before = crossfit.crossfit_predictions(sample, ("quad",), folds)["mu", 1, "quad"]
    y = sample.y.copy()
    y[folds == 0] += 100.0
    after = crossfit.crossfit_predictions(iv.Sample(y, sample.a, sample.z, sample.x), ("quad",), folds)["mu", 1, "quad"]
    assert after[folds == 0] == pytest.approx(before[folds == 0])
    assert after[folds == 1] == pytest.approx(before[folds == 1] + 100.0)


@pytest.mark.parametrize("name", crossfit.LEARNERS)
def test_every_learner_finds_a_smooth_function(name):
    rng = np.random.default_rng(9)
    x = rng.uniform(-1, 1, (1500, 2))
    y = x[:, 0] + rng.normal(0, 0.1, 1500)
    new = rng.uniform(-0.8, 0.8, (300, 2))
    assert np.mean((crossfit.fit_predict(name, x, y, new) - new[:, 0]) ** 2) < 0.02


def test_collinear_columns_do_not_stop_the_logistic_learner():
    rng = np.random.default_rng(10)
    x = np.column_stack([rng.normal(size=800), rng.integers(0, 2, 800)])  # the square of a binary column is itself
    z = (rng.random(800) < 0.3 + 0.4 * x[:, 1]).astype(float)
    prob = crossfit.fit_predict("quad", x, z, x, logit=True)
    assert prob[x[:, 1] == 1].mean() == pytest.approx(z[x[:, 1] == 1].mean(), abs=1e-6)


# Peers


def test_2sls_equals_linearmodels(sample):
    linearmodels = pytest.importorskip("linearmodels.iv")
    b = iv.basis(sample.x, "quadratic")
    coef, se = linear.two_stage_least_squares(sample.y, sample.a[:, None], b, sample.z[:, None])
    peer = linearmodels.IV2SLS(sample.y, b, sample.a, sample.z).fit(cov_type="robust")
    order = np.r_[len(coef) - 1, 0 : len(coef) - 1]  # the peer puts exogenous variables first
    assert coef == pytest.approx(np.asarray(peer.params)[order], abs=1e-8)
    assert se == pytest.approx(np.asarray(peer.std_errors)[order], abs=1e-8)
    instrumented = np.column_stack([sample.z, b])
    direct = linear.least_squares(np.column_stack([sample.a, b]), sample.y, instruments=instrumented)
    assert direct == pytest.approx(coef, abs=1e-8)


def test_overidentified_2sls_equals_linearmodels(sample):
    linearmodels = pytest.importorskip("linearmodels.iv")
    b, q = iv.basis(sample.x, "linear"), np.column_stack([sample.z, sample.z * sample.x[:, 0]])
    coef, se = linear.two_stage_least_squares(sample.y, sample.a[:, None], b, q)
    peer = linearmodels.IV2SLS(sample.y, b, sample.a, q).fit(cov_type="robust")
    assert coef[0] == pytest.approx(np.asarray(peer.params)[-1], abs=1e-8)
    assert se[0] == pytest.approx(np.asarray(peer.std_errors)[-1], abs=1e-8)


def test_bootstrap_with_unit_weights_is_the_estimate(sample):
    b = iv.basis(sample.x, "linear")
    w, q = np.column_stack([sample.a, b]), np.column_stack([sample.z, b])
    found = iv.bootstrap_iv(sample.y, w, q, np.ones((2, len(sample.y))))
    expected = linear.two_stage_least_squares(sample.y, sample.a[:, None], b, sample.z[:, None])[0]
    assert found == pytest.approx(np.stack([expected, expected]), abs=1e-9)


def test_logistic_regression_equals_statsmodels(sample):
    sm = pytest.importorskip("statsmodels.api")
    b = iv.basis(sample.x, "quadratic")
    assert linear.logistic(b, sample.z) == pytest.approx(sm.Logit(sample.z, b).fit(disp=0).predict(b), abs=1e-8)


def test_scores_equal_doubleml_on_the_same_folds_and_predictions(sample):
    dml = pytest.importorskip("doubleml")
    from sklearn.linear_model import LinearRegression, LogisticRegression

    y, a, z, x = sample.y, sample.a, sample.z, sample.x
    folds = crossfit.assign_folds(z, 2, np.random.default_rng(0))
    splits = [[(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in (0, 1)]]
    data = dml.DoubleMLData.from_arrays(x, y, a)
    plr = dml.DoubleMLPLR(data, LinearRegression(), LinearRegression(), draw_sample_splitting=False)
    plr.set_sample_splitting(splits)
    plr.fit(store_predictions=True)
    y_hat, a_hat = (plr.predictions[key][:, 0, 0] for key in ("ml_l", "ml_m"))
    theta, se = crossfit.partialling_out(y, a, y_hat, a_hat)
    assert theta == pytest.approx(plr.coef[0], abs=1e-8)
    assert se == pytest.approx(plr.se[0], abs=1e-8)

    data = dml.DoubleMLData.from_arrays(x, y, a, z=z)
    late = dml.DoubleMLIIVM(
        data, LinearRegression(), LogisticRegression(), LogisticRegression(), draw_sample_splitting=False
    )
    late.set_sample_splitting(splits)
    late.fit(store_predictions=True)
    mu0, mu1, pi, p0, p1 = (late.predictions[key][:, 0, 0] for key in ("ml_g0", "ml_g1", "ml_m", "ml_r0", "ml_r1"))
    theta, se = crossfit.interactive_late(y, a, z, mu0, mu1, p0, p1, pi)
    assert theta == pytest.approx(late.coef[0], abs=1e-8)
    assert se == pytest.approx(late.se[0], abs=1e-8)


# Forest


def test_forest_with_one_leaf_is_the_mean():
    x, y = np.arange(40.0)[:, None], np.arange(40.0)
    assert forest_predict(x, y, x[:3], min_leaf=21, subsample=1.0) == pytest.approx(np.full(3, y.mean()))


def test_forest_finds_a_step_and_ignores_monotone_rescaling_of_a_covariate():
    rng = np.random.default_rng(11)
    x = rng.uniform(-1, 1, (2000, 2))
    y = (x[:, 0] > 0.3).astype(float)
    found = forest_predict(x, y, np.array([[-0.5, 0.0], [0.9, 0.0]]))
    assert found == pytest.approx([0, 1], abs=1e-6)
    grid = x[:200]
    assert forest_predict(np.exp(x), y, np.exp(x[:200])) == pytest.approx(forest_predict(x, y, grid), abs=0.02)


def test_forest_is_as_good_as_scikit_learn_and_close_to_it():
    ensemble = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(12)
    x, new = rng.uniform(-1, 1, (2000, 3)), rng.uniform(-1, 1, (1000, 3))
    signal = np.sin(3 * new[:, 0]) + np.cos(3 * new[:, 1])
    y = np.sin(3 * x[:, 0]) + np.cos(3 * x[:, 1]) + rng.normal(size=2000)
    here = forest_predict(x, y, new)
    peer = ensemble.RandomForestRegressor(40, min_samples_leaf=25, max_samples=0.5, random_state=0).fit(x, y)
    peer = peer.predict(new)
    assert np.corrcoef(here, peer)[0, 1] > 0.98
    assert np.mean((here - signal) ** 2) < 1.2 * np.mean((peer - signal) ** 2)


def test_forest_repeats_for_a_seed_and_refuses_bad_sizes():
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(300, 2)), rng.normal(size=300)
    assert np.array_equal(forest_predict(x, y, x, seed=5), forest_predict(x, y, x, seed=5))
    with pytest.raises(ValueError, match="fit together"):
        forest_predict(x, y[:-1], x)
    with pytest.raises(ValueError, match="subsample"):
        forest_predict(x, y, x, subsample=0.0)
    with pytest.raises(ValueError, match="min_leaf"):
        forest_predict(x, y, x, min_leaf=0)
