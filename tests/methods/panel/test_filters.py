"""Facts about what is done to a panel before it is tested, and the inputs that leave nothing to estimate."""

import numpy as np
import pytest
from paperlab.methods.panel import dependence, filters
from paperlab.methods.panel.simulate import Design, factor_panel


def draw(design, seed=3):
    return factor_panel(design, rng=np.random.default_rng(seed))


def test_cce_recovers_the_slopes_and_keeps_the_factors():
    panel = draw(Design(80, 200, (1.0,), regressor=True), 0)
    found = filters.cce_residuals(panel.y, panel.x)
    per_unit = np.array([np.polyfit(panel.x[i], panel.y[i], 1)[0] for i in range(80)])
    assert found.coef.mean() == pytest.approx(1.0, abs=0.25)
    assert abs(found.coef.mean() - 1) < abs(per_unit.mean() - 1)  # least squares is biased by the shared factor
    assert np.linalg.svd(found.residuals, compute_uv=False)[0] ** 2 / (found.residuals**2).sum() > 0.15


def test_cce_is_the_least_squares_fit_with_averages():
    panel = draw(Design(10, 40, (1.0,), regressor=True), 4)
    y, x = panel.y, panel.x
    found = filters.cce_residuals(y, x, n_lags=1)
    xbar, ybar = x.mean(axis=0), y.mean(axis=0)
    design = np.column_stack([x[3, 1:], x[3, :-1], y[3, :-1], np.ones(39), ybar[1:], ybar[:-1], xbar[1:], xbar[:-1]])
    expected = np.linalg.lstsq(design, y[3, 1:], rcond=None)[0][:3]
    assert found.coef[3] == pytest.approx(expected)
    left = y[3, 1:] - design[:, :3] @ expected
    assert found.residuals[3] == pytest.approx(left - left.mean())


def test_cce_coefficients_follow_the_units_of_regressors():
    panel = draw(Design(10, 40, (1.0,), regressor=True), 4)
    a = filters.cce_residuals(panel.y, panel.x)
    b = filters.cce_residuals(1e-9 * panel.y, 1e5 * panel.x)
    assert b.coef == pytest.approx(1e-14 * a.coef, rel=1e-8)
    assert b.residuals == pytest.approx(1e-9 * a.residuals, rel=1e-6, abs=1e-16)


@pytest.mark.parametrize("seed", range(20))
def test_one_regressor_for_all_units_is_refused(seed):
    """It is its own cross-section average, so its coefficient is not identified: no number, whatever rounding does."""
    rng = np.random.default_rng(seed)
    y, shared = rng.standard_normal((12, 40)), np.tile(10.0**seed * rng.standard_normal(40), (12, 1))
    own = rng.standard_normal((12, 40))
    with pytest.raises(ValueError, match=r"x of unit 0: regressor 0, lag 0 is a combination .* all units share"):
        filters.cce_residuals(y, shared)
    with pytest.raises(ValueError, match="regressor 1, lag 0 is a combination"):
        filters.cce_residuals(y, np.stack([own, shared]))


def test_a_regressor_that_repeats_another_is_refused_in_the_unit_where_it_does():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 12, 40))
    second[7] = 3 * first[7] - 2
    with pytest.raises(ValueError, match="x of unit 7: regressor 1, lag 0 is a combination"):
        filters.cce_residuals(rng.standard_normal((12, 40)), np.stack([first, second]))


def test_averages_that_vanish_are_left_out():
    """A regressor measured from the mean of its period has averages 0, and CCE regresses on the others."""
    rng = np.random.default_rng(2)
    y, x = rng.standard_normal((2, 9, 40))
    x -= x.mean(axis=0)
    design = np.column_stack([x[5], np.ones(40), y.mean(axis=0)])
    expected = np.linalg.lstsq(design, y[5], rcond=None)[0][0]
    assert filters.cce_residuals(y, x).coef[5, 0] == pytest.approx(expected)


def test_prewhitening_removes_serial_correlation():
    y = draw(Design(50, 300, (), ar=0.5)).y
    e = filters.prewhiten(y, 1)
    lag_one = [np.corrcoef(r[1:], r[:-1])[0, 1] for r in e]
    assert np.mean(lag_one) == pytest.approx(0, abs=0.02)
    assert e.shape == (50, 299)
    assert filters.prewhiten(y, 0) == pytest.approx(y - y.mean(axis=1, keepdims=True))


def test_prewhitening_is_least_squares_on_the_lags():
    y = draw(Design(5, 30, ())).y
    design = np.column_stack([np.ones(28), y[2, 1:-1], y[2, :-2]])
    fitted = design @ np.linalg.lstsq(design, y[2, 2:], rcond=None)[0]
    assert filters.prewhiten(y, 2)[2] == pytest.approx(y[2, 2:] - fitted)
    assert filters.prewhiten(1e-9 * y, 2) == pytest.approx(1e-9 * filters.prewhiten(y, 2), rel=1e-8)


def test_a_series_whose_lags_are_collinear_is_named():
    y = np.random.default_rng(0).standard_normal((5, 40))
    y[3] = np.tile([1.0, -1.0], 20)
    filters.prewhiten(y, 1)
    with pytest.raises(ValueError, match="y of unit 3: lag 2 is a linear combination of lag 1"):
        filters.prewhiten(y, 2)


def test_seasonal_means_vanish_and_any_label_is_a_label():
    y = np.random.default_rng(0).standard_normal((3, 20)) + np.tile([0, 5, 1, -2], 5)
    out = filters.remove_seasonal_means(y, np.tile([1, 2, 3, 4], 5))
    assert out.reshape(3, 5, 4).mean(axis=1) == pytest.approx(np.zeros((3, 4)), abs=1e-12)
    named = filters.remove_seasonal_means(y, ["spring", "summer", "autumn", "winter"] * 5)
    assert np.array_equal(named, out)


def test_shuffling_keeps_variances_and_removes_dependence():
    y = draw(Design(80, 100, (1.0,), rho=0.8)).y
    placebo = filters.shuffle_residuals(y, 1, rng=np.random.default_rng(0))
    assert placebo.var(axis=1) == pytest.approx(y.var(axis=1), rel=0.6)
    assert dependence.cd_tests(y, 1).cd_star > 5 > abs(dependence.cd_tests(placebo, 1).cd_star)


def test_shuffling_keeps_the_common_part_and_the_values_of_the_residuals():
    y = draw(Design(8, 30, (1.0,))).y
    y -= y.mean(axis=1, keepdims=True)
    common = dependence.principal_components(y, 1).common
    left = filters.shuffle_residuals(y, 1, rng=np.random.default_rng(0)) - common
    assert np.sort(left, axis=1) == pytest.approx(np.sort(y - common, axis=1))


GOOD = np.random.default_rng(0).standard_normal((8, 20))
HOLE = np.where(np.arange(160).reshape(8, 20) == 65, np.nan, GOOD)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: filters.prewhiten(GOOD, 10), "order must be"),
        (lambda: filters.prewhiten(HOLE, 1), "got nan for unit 3 in period 5"),
        (lambda: filters.cce_residuals(GOOD, GOOD[:4]), "x must have the shape"),
        (lambda: filters.cce_residuals(GOOD, np.ones_like(GOOD)), "regressor 0: x must vary"),
        (lambda: filters.cce_residuals(GOOD, HOLE), "regressor 0: x must be finite, got nan for unit 3"),
        (lambda: filters.cce_residuals(HOLE, GOOD), "y must be finite, got nan for unit 3"),
        (lambda: filters.cce_residuals(GOOD, GOOD[::-1], n_lags=-1), "n_lags must be at least 0"),
        (lambda: filters.cce_residuals(GOOD, GOOD[::-1], n_lags=5), "take fewer lags"),
        (lambda: filters.remove_seasonal_means(GOOD, [1, 2]), "one label for each of 20 rows"),
        (lambda: filters.remove_seasonal_means(GOOD, [None] * 20), "season has no label in row 0"),
        (lambda: filters.remove_seasonal_means(GOOD, [1] * 19 + [2]), "season of period 19 occurs once"),
        (lambda: filters.remove_seasonal_means(HOLE, [1, 2] * 10), "got nan for unit 3"),
        (lambda: filters.shuffle_residuals(HOLE, 1, rng=np.random.default_rng(0)), "got nan for unit 3"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
