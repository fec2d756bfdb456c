"""Facts about control functions: splines, two-stage least squares as a case, and what the control buys."""

import numpy as np
import pytest
from paperlab.methods.representation import control_function, simulate_actions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def one(rng, n=400, **design):
    world = simulate_actions.draw_world(rng=rng, **design)
    return world, world.sample(n, rng=rng)


def test_spline_reproduces_straight_lines_everywhere_and_cubics_inside():
    x = np.linspace(-1, 1, 400) ** 3
    basis = control_function.Spline(x, 8)
    points = np.array([-3.0, -0.5, 0.2, 4.0])
    np.testing.assert_allclose(basis(points).sum(1), 1)
    lines = np.linalg.lstsq(basis(x), np.c_[2 * x + 1, x**3], rcond=None)[0]
    np.testing.assert_allclose(basis(points, lines[:, 0]), 2 * points + 1, atol=1e-8)
    np.testing.assert_allclose(basis(points[1:3], lines[:, 1]), points[1:3] ** 3, atol=1e-8)
    np.testing.assert_allclose(basis(points) @ lines[:, 1], basis(points, lines[:, 1]), atol=1e-8)


def test_straight_lines_make_the_control_function_two_stage_least_squares(rng):
    iv = pytest.importorskip("linearmodels.iv")
    _, s = one(rng)
    fit = control_function.fit_control_function(s.z, s.a, s.y, n_knots=(2, 2), degree=1, ridge=1e-10)
    slope = np.diff(fit.effect(np.array([[0.0], [1.0]])))[0] / fit.coef[1]
    peer = iv.IV2SLS(s.y, np.ones(len(s.y)), s.z, s.a).fit()
    assert slope == pytest.approx(peer.params.iloc[-1], rel=1e-6)


def test_additive_step_is_the_ridge_of_scikit_learn(rng):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import SplineTransformer

    _, s = one(rng)
    fit = control_function.fit_control_function(s.z, s.a, s.y)
    columns = [
        SplineTransformer(knots, knots="quantile").fit_transform(x.reshape(-1, 1))
        for knots, x in ((8, s.z[:, 0]), (6, fit.residual))
    ]
    design = np.hstack(columns)
    np.testing.assert_allclose(fit.fitted, Ridge(1e-3).fit(design, s.y).predict(design), atol=2e-3)


def test_effects_do_not_change_with_sign_and_scale_of_the_code(rng):
    _, s = one(rng)
    a = np.linspace(-2, 2, 9)[:, None]
    straight = control_function.fit_control_function(s.z, s.a, s.y).effect(a)
    turned = control_function.fit_control_function(7 - 3 * s.z, s.a, s.y).effect(a)
    np.testing.assert_allclose(turned, straight, atol=1e-6)
    for unit in (1e-9, 1e9):  # of code and actions, then of the outcome
        other = control_function.fit_control_function(unit * s.z, unit * s.a, s.y).effect(unit * a)
        np.testing.assert_allclose(other, straight, atol=1e-6)
        other = control_function.fit_control_function(s.z, s.a, unit * s.y).effect(a)
        np.testing.assert_allclose(other, unit * straight, rtol=1e-6, atol=1e-6 * unit)


def test_oracle_extrapolates_and_without_control_function_it_does_not(rng):
    world, s = one(rng, 2000)
    a = np.linspace(-2, 2, 41)[:, None]
    error = {
        c: ((control_function.fit_control_function(s.z, s.a, s.y, control=c).effect(a) - world.effect(a)) ** 2).mean()
        for c in (True, False)
    }
    assert error[True] < 0.1 < 1 < error[False]


def test_quadratic_actions_need_quadratic_features(rng):
    world, s = one(rng, 2000, action_effect="quadratic")
    a = np.linspace(-1.5, 1.5, 31)[:, None]
    plain = control_function.fit_control_function(s.z, s.a, s.y).effect(a)
    right = control_function.fit_control_function(s.z, s.a, s.y, features=lambda b: np.column_stack([b, b**2])).effect(
        a
    )
    assert ((right - world.effect(a)) ** 2).mean() < 0.2 * ((plain - world.effect(a)) ** 2).mean()


def test_networks_as_second_stage_agree_with_splines_inside_the_support(rng):
    world, s = one(rng, 500)
    a = np.linspace(-1, 1, 9)[:, None]
    found = control_function.network_effects([s.z], [s.a], [s.y], a, [2], n_steps=300)[0]
    assert ((found - world.effect(a)) ** 2).mean() < 0.1
    without = control_function.network_effects([s.z], [s.a], [s.y], a, [2], control=False, n_steps=300)[0]
    assert ((without - world.effect(a)) ** 2).mean() > 0.2
    on_actions = control_function.action_networks([s.a], [s.y], a, [2], n_steps=200)[0]
    assert ((on_actions - world.effect(a)) ** 2).mean() < 0.4


def test_fitted_values_keep_the_mean_and_the_effect_is_an_average_over_residuals(rng):
    _, s = one(rng)
    fit = control_function.fit_control_function(s.z, s.a, s.y)
    assert fit.fitted.mean() == pytest.approx(s.y.mean())
    assert np.abs(fit.residual.mean()) < 1e-9 and abs(fit.residual @ s.a[:, 0]) < 1e-6
    reached = fit.coef[0] + 1.5 * fit.coef[1] + fit.residual
    by_hand = fit.outcome(reached, fit.shape).mean() + fit.level
    assert fit.effect([[1.5]])[0] == pytest.approx(by_hand)


def test_bad_data_are_refused_by_name(rng):
    _, s = one(rng, 100)
    ones = np.ones((100, 1))
    wrong = np.where(np.arange(100) == 4, np.nan, s.y)
    fit = control_function.fit_control_function
    for bad, words in [
        (lambda: fit(s.z, ones, s.y), "column 0 has no variation"),
        (lambda: fit(np.hstack([s.z, s.z**2]), s.a, s.y), "one column, got 2"),
        (lambda: fit(s.z, s.a, wrong), "y is nan in row 4"),
        (lambda: fit(wrong, s.a, s.y), "code is nan in row 4"),
        (lambda: fit(s.z[:50], s.a, s.y), "one row each"),
        (lambda: fit(ones, s.a, s.y), "code is constant"),
        (lambda: fit(s.z, s.a, s.y, n_knots=(1, 6)), "n_knots"),
        (lambda: fit(np.maximum(s.z, np.median(s.z)), s.a, s.y), "too many equal values"),
        (lambda: fit(s.z, s.a, s.y).effect(wrong[:, None]), "actions is nan in row 4"),
        (lambda: control_function.network_effects([s.z], [s.a], [wrong], s.a, [1]), "outcomes is nan in row 4"),
        (lambda: control_function.network_effects([s.z], [s.a], [0 * s.y], s.a, [1]), "member 0 are constant"),
        (lambda: control_function.network_effects([s.z[:50]], [s.a], [s.y], s.a, [1]), "codes must have shape"),
        (lambda: control_function.action_networks([s.a], [s.y], s.a, [1, 2]), "must match"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
