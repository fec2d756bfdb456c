"""The logit: shares of groups, score equations, units, separation, and peers beside them."""

import numpy as np
import pytest
import statsmodels.api as sm
from paperlab.methods.foundations.logistic import logistic, ridge_logistic
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def choices(rng):
    x = np.column_stack([np.ones(400), rng.normal([0, 5, -2], 1, (400, 3))])
    return x, (rng.random(400) < 1 / (1 + np.exp(-x @ [3.0, 1, -1, 0.5]))).astype(float)


def test_shares_of_two_groups_are_the_probabilities():
    group = np.repeat([0.0, 1.0], [10, 40])
    y = np.r_[np.ones(3), np.zeros(7), np.ones(30), np.zeros(10)]
    x = np.column_stack([np.ones(50), group])
    fit = logistic(x, y)
    np.testing.assert_allclose(fit.coef, [np.log(3 / 7), np.log(3) - np.log(3 / 7)])
    np.testing.assert_allclose(fit.probability(np.array([[1.0, 0], [1, 1]])), [0.3, 0.75])
    assert fit.intercept == 0


@pytest.mark.parametrize("penalty", [0.0, 2.0, np.array([0.0, 0.1, 3, 100])])
def test_the_score_balances_the_penalty(choices, penalty):
    x, y = choices
    fit = logistic(x, y, penalty=penalty)
    np.testing.assert_allclose(x.T @ (y - fit.probability(x)), penalty * fit.coef, atol=1e-8)


def test_a_strong_penalty_leaves_the_constant(choices):
    x, y = choices
    coef = logistic(x, y, penalty=np.r_[0, np.full(3, 1e9)]).coef
    np.testing.assert_allclose(coef, [np.log(y.mean() / (1 - y.mean())), 0, 0, 0], atol=1e-5)


def test_stacked_samples_are_the_single_fits(choices):
    x, y = choices
    stack = logistic(x.reshape(4, 100, 4), y.reshape(4, 100))
    np.testing.assert_allclose(stack.coef[2], logistic(x[200:300], y[200:300]).coef, rtol=1e-8)
    np.testing.assert_allclose(
        stack.probability(x.reshape(4, 100, 4))[2], logistic(x[200:300], y[200:300]).probability(x[200:300])
    )


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e7])
def test_probabilities_do_not_depend_on_the_units(choices, unit):
    x, y = choices
    scale = np.array([1, unit, 1, 1])
    moved = logistic(x * scale, y)
    np.testing.assert_allclose(moved.coef * scale, logistic(x, y).coef, rtol=1e-8)
    ridge = ridge_logistic(x[:, 1:], y, c=0.5).probability(x[:, 1:])
    moved = ridge_logistic(x[:, 1:] * scale[1:], y, c=0.5).probability(x[:, 1:] * scale[1:])
    np.testing.assert_allclose(moved, ridge, rtol=1e-8)


def test_swapping_the_classes_turns_the_signs(choices):
    x, y = choices
    np.testing.assert_allclose(logistic(x, 1 - y).coef, -logistic(x, y).coef, rtol=1e-8)


def test_logit_equals_statsmodels(choices):
    x, y = choices
    np.testing.assert_allclose(logistic(x, y).coef, sm.Logit(y, x).fit(disp=0).params, atol=1e-6)


def test_steps_are_halved_where_full_ones_overshoot():
    rng = np.random.default_rng(0)  # rare outcomes and far covariates: full steps diverge in one draw of fifteen
    for _ in range(60):
        x = rng.standard_normal((200, 4)) * np.exp(1.5 * rng.standard_normal((200, 1)))
        y = (np.arange(200) < 6).astype(float)
        fit = ridge_logistic(x, y, c=100.0)
        z = (x - x.mean(0)) / x.std(0)
        np.testing.assert_allclose(z.T @ (y - fit.probability(x)), fit.coef * x.std(0) / 100, atol=1e-7)
        assert fit.probability(x).mean() == pytest.approx(0.03)


@pytest.mark.parametrize("seed", range(20))
def test_a_separated_outcome_has_no_finite_fit_without_a_penalty(seed):
    x = np.random.default_rng(seed).standard_normal((50, 2))
    y = x[:, 0] > 0.3
    with pytest.raises(ValueError, match="x separates y, or nearly; give a larger penalty"):
        logistic(np.column_stack([np.ones(50), x]), y)
    assert np.isfinite(logistic(np.column_stack([np.ones(50), x]), y, penalty=0.1).coef).all()


@pytest.mark.parametrize("seed", range(20))
def test_all_dummies_and_a_constant_are_refused_without_a_penalty(seed):
    rng = np.random.default_rng(seed)
    b = np.column_stack([np.ones(60), np.eye(4)[rng.integers(0, 4, 60)]])
    y = rng.random(60) < 0.5
    with pytest.raises(ValueError, match="x: column 4 is a linear combination of column 0, column 1"):
        logistic(b, y)
    assert np.isfinite(logistic(b, y, penalty=np.r_[0, np.ones(4)]).coef).all()


def test_bad_input_of_the_logit_is_named(choices):
    x, y = choices
    with pytest.raises(ValueError, match="y must be 0 or 1, got 2 in row 1; recode it"):
        logistic(x, np.where(np.arange(400) == 1, 2, y))
    with pytest.raises(ValueError, match="x is nan in row 5"):
        logistic(np.where(np.arange(400)[:, None] == 5, np.nan, x), y)
    with pytest.raises(ValueError, match="penalty must not be negative, got -1"):
        logistic(x, y, penalty=-1.0)
    with pytest.raises(ValueError, match=r"y must have shape \(400,\), got \(399,\)"):
        logistic(x, y[1:])
    with pytest.raises(ValueError, match="c must be above 0, got 0"):
        ridge_logistic(x, y, c=0)
    with pytest.raises(ValueError, match="y is 1 in all rows"):
        ridge_logistic(x, np.ones(400), c=1.0)
    with pytest.raises(ValueError, match=r"x must be \(n, k\)"):
        ridge_logistic(x[:, 0], y, c=1.0)


@pytest.mark.parametrize("c", [0.01, 1.0, 30.0])
def test_ridge_logit_equals_scikit_learn(choices, c):
    x, y = choices[0][:, 1:], choices[1]
    z = (x - x.mean(0)) / x.std(0)
    peer = LogisticRegression(C=c, tol=1e-10, max_iter=1000).fit(z, y)
    fit = ridge_logistic(x, y, c=c)
    np.testing.assert_allclose(fit.probability(x), peer.predict_proba(z)[:, 1], atol=1e-6)
    np.testing.assert_allclose(fit.coef * x.std(0), peer.coef_[0], atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.1, 3e7])
def test_a_column_that_does_not_vary_says_nothing(choices, level):
    x, y = choices[0][:, 1:], choices[1]
    fit = ridge_logistic(np.column_stack([x, np.full(400, level)]), y, c=1.0)
    assert fit.coef[3] == 0
    np.testing.assert_allclose(fit.coef[:3], ridge_logistic(x, y, c=1.0).coef)
