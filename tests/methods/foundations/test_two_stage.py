"""2SLS and OLS: against linearmodels, in other units, and what they refuse."""

import numpy as np
import pytest
from paperlab.methods.foundations import linear


@pytest.fixture
def sample():
    """Outcome, endogenous treatment, regressors with a constant, two instruments; the effect is 2."""
    rng = np.random.default_rng(1)
    n = 2000
    b = np.column_stack([np.ones(n), rng.normal(size=n)])
    z, hidden = rng.normal(size=(n, 2)), rng.normal(size=n)
    a = z @ [1.0, 0.5] + b[:, 1] + hidden + rng.normal(size=n)
    y = 2 * a + b @ [1.0, -1.0] + 2 * hidden + np.abs(z[:, 0]) * rng.normal(size=n)
    return y, a, b, z


def test_instruments_remove_what_ols_cannot(sample):
    y, a, b, z = sample
    fit = linear.two_stage_least_squares(y, a[:, None], b, z)
    assert abs(fit.coef[0] - 2) < 3 * fit.se[0]
    assert linear.ols(y, np.column_stack([a, b])).coef[0] > 2.4


def test_one_instrument_is_the_ratio_of_two_covariances(sample):
    y, a, _, z = sample
    fit = linear.two_stage_least_squares(y, a[:, None], np.ones((len(y), 1)), z[:, :1])
    assert fit.coef[0] == pytest.approx(np.cov(z[:, 0], y)[0, 1] / np.cov(z[:, 0], a)[0, 1], rel=1e-10)


def test_a_regressor_that_is_its_own_instrument_gives_ols(sample):
    y, a, b, _ = sample
    found = linear.two_stage_least_squares(y, a[:, None], b, a[:, None])
    expected = linear.ols(y, np.column_stack([a, b]))
    assert found.coef == pytest.approx(expected.coef, rel=1e-10)
    assert found.se == pytest.approx(expected.se, rel=1e-10)


def test_errors_of_ols_are_the_sandwich(sample):
    y, a, b, _ = sample
    x = np.column_stack([a, b])
    bread = np.linalg.inv(x.T @ x)
    residual = y - x @ (bread @ x.T @ y)
    expected = np.sqrt(np.diag(bread @ (x.T * residual**2) @ x @ bread))
    assert linear.ols(y, x).se == pytest.approx(expected, rel=1e-9)


def test_stacks_are_one_call_for_all(sample):
    y, a, b, z = sample
    halves = [v.reshape(2, 1000, *v.shape[1:]) for v in (y, a[:, None], b, z)]
    fit = linear.two_stage_least_squares(*halves)
    for r in range(2):
        one = linear.two_stage_least_squares(*(v[r] for v in halves))
        assert fit.coef[r] == pytest.approx(one.coef, rel=1e-10)
        assert fit.se[r] == pytest.approx(one.se, rel=1e-10)


@pytest.mark.parametrize("columns", [[0], [0, 1]])
def test_2sls_equals_linearmodels(sample, columns):
    linearmodels = pytest.importorskip("linearmodels.iv")
    y, a, b, z = sample
    fit = linear.two_stage_least_squares(y, a[:, None], b, z[:, columns])
    peer = linearmodels.IV2SLS(y, b, a, z[:, columns]).fit(cov_type="robust")
    order = np.r_[2, 0, 1]  # the peer puts exogenous variables first
    assert fit.coef == pytest.approx(np.asarray(peer.params)[order], abs=1e-8)
    assert fit.se == pytest.approx(np.asarray(peer.std_errors)[order], abs=1e-8)


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
        t = [fit.coef[0] / fit.se[0] for fit in (base, found)]
        assert t[1] == pytest.approx(t[0], rel=1e-9)
    assert linear.two_stage_least_squares(y, w * unit, b, z).coef[0] == pytest.approx(base.coef[0] / unit, rel=1e-9)
