"""Least squares and covariances by cluster: closed forms, units, labels, order of rows, refusals."""

import numpy as np
import pytest
import statsmodels.api as sm
from paperlab.methods.foundations import linear


def dummies(group):
    return (np.asarray(group)[:, None] == np.unique(group)).astype(float)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# Least squares


def test_a_line_through_two_points():
    b = np.column_stack([np.ones(2), [1.0, 3.0]])
    np.testing.assert_allclose(linear.least_squares(b, np.array([5.0, 1.0])), [7, -2])


def test_residuals_are_orthogonal_to_the_columns_and_fitted_values_add_up(rng):
    b, y = rng.standard_normal((4, 30, 3)), rng.standard_normal((4, 30))
    c = linear.least_squares(b, y)
    residual = y - linear.predict(b, c)
    np.testing.assert_allclose(np.swapaxes(b, 1, 2) @ residual[..., None], 0, atol=1e-12)


def test_stacks_and_several_outcomes_are_the_single_fits(rng):
    b, y = rng.standard_normal((5, 20, 3)), rng.standard_normal((5, 20, 2))
    many = linear.least_squares(b, y)
    assert many.shape == (5, 3, 2)
    np.testing.assert_allclose(many[3, :, 1], np.linalg.lstsq(b[3], y[3, :, 1], rcond=None)[0], atol=1e-12)
    assert linear.predict(b, many).shape == (5, 20, 2)


def test_a_whole_weight_is_a_repeated_row(rng):
    b, y, times = rng.standard_normal((12, 3)), rng.standard_normal(12), rng.integers(0, 4, 12)
    repeated = linear.least_squares(np.repeat(b, times, 0), np.repeat(y, times))
    np.testing.assert_allclose(linear.least_squares(b, y, weights=times.astype(float)), repeated, atol=1e-12)


def test_one_instrument_gives_the_wald_ratio(rng):
    z = np.repeat([0.0, 1.0], 50)
    a = z + rng.standard_normal(100)
    y = 3 * a + rng.standard_normal(100)
    wald = (y[50:].mean() - y[:50].mean()) / (a[50:].mean() - a[:50].mean())
    one = np.ones(100)
    for unit in (1.0, 1e-9):
        q = np.column_stack([one, unit * z])
        assert linear.least_squares(np.column_stack([one, a]), y, instruments=q)[1] == pytest.approx(wald, rel=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e9])
def test_coefficients_follow_the_units(rng, unit):
    b, y = np.column_stack([np.ones(30), rng.standard_normal((30, 2))]), rng.standard_normal(30)
    base, scale = linear.least_squares(b, y), np.array([1, unit, 1])
    np.testing.assert_allclose(linear.least_squares(b * scale, y) * scale, base, rtol=1e-9)
    np.testing.assert_allclose(linear.least_squares(b, y * unit), base * unit, rtol=1e-9)


def test_columns_that_are_nearly_equal_still_have_their_coefficients(rng):
    x = rng.standard_normal(50)
    b = np.column_stack([np.ones(50), x, x + 1e-6 * rng.standard_normal(50)])
    for weights in (None, rng.random(50)):
        np.testing.assert_allclose(linear.least_squares(b, b @ [1.0, 2, 3], weights=weights), [1, 2, 3], atol=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_all_dummies_and_a_constant_are_refused(seed):
    rng = np.random.default_rng(seed)
    b, y = np.column_stack([np.ones(60), dummies(rng.integers(0, 4, 60))]), rng.standard_normal(60)
    named = "column 4 is a linear combination of column 0, column 1"
    with pytest.raises(ValueError, match=f"b: {named}"):
        linear.least_squares(b, y)
    with pytest.raises(ValueError, match=f"x: {named}"):
        linear.regress(b, y)
    with pytest.raises(ValueError, match=f"b: {named}"):
        linear.least_squares(b, y, instruments=b)


def test_instruments_that_predict_nothing_are_refused():
    x = np.tile([-1.0, -1, 1, 1], 10)
    z = np.tile([-1.0, 1], 20)  # orthogonal to x
    with pytest.raises(ValueError, match="instruments do not predict"):
        linear.least_squares(x[:, None], x, instruments=z[:, None])


def test_missing_values_empty_arms_and_negative_weights_are_refused(rng):
    b, y = rng.standard_normal((2, 10, 2)), rng.standard_normal((2, 10))
    bad = y.copy()
    bad[1, 7] = np.nan
    with pytest.raises(ValueError, match=r"y is nan in row 7 \(index \(1, 7\)\)"):
        linear.least_squares(b, bad)
    with pytest.raises(ValueError, match=r"y is nan in row 7 \(index \(1, 7, 1\)\)"):
        linear.least_squares(b, np.stack([y, bad], -1))
    with pytest.raises(ValueError, match="instruments is nan in row 2"):
        linear.least_squares(b, y, instruments=np.where(np.arange(10)[:, None] == 2, np.nan, b))
    with pytest.raises(ValueError, match="b is inf in row 3"):
        linear.least_squares(np.where(np.arange(10)[:, None] == 3, np.inf, b), y)
    weights = np.ones((2, 10))
    weights[1] = 0
    with pytest.raises(ValueError, match="weights are all zero in sample 1: an empty arm"):
        linear.least_squares(b, y, weights=weights)
    with pytest.raises(ValueError, match="weights must not be negative, got -1"):
        linear.least_squares(b, y, weights=weights - 1)
    with pytest.raises(ValueError, match="overflow"):
        linear.least_squares(b * 1e200, y)


# Clusters


def test_a_mean_of_independent_rows_has_its_textbook_error(rng):
    y = rng.standard_normal(25)
    fit = linear.regress(np.ones((25, 1)), y)
    assert fit.coef[0] == pytest.approx(y.mean())
    assert fit.se[0] == pytest.approx(y.std(ddof=1) / 5)
    assert fit.n_clusters == 25


def test_clusters_of_one_size_are_their_means(rng):
    y, group = rng.standard_normal(24), np.arange(24) % 6
    means = [y[group == g].mean() for g in range(6)]
    fit = linear.regress(np.ones((24, 1)), y, group)
    assert fit.se[0] == pytest.approx(np.std(means, ddof=1) / np.sqrt(6))
    assert fit.n_clusters == 6


@pytest.fixture
def clustered(rng):
    person = np.repeat(np.arange(200), 3)
    x = np.column_stack([np.ones(600), rng.standard_normal((600, 2))])
    return x, x @ [0.5, 1, -1] + rng.standard_normal(200)[person] + rng.standard_normal(600), person


NAMES = {
    "5000 + i": lambda i: 5000 + i,
    "37 i": lambda i: 37 * i,
    "-i": lambda i: -i,
    "text": lambda i: f"respondent {i}",
    "tuple": lambda i: ("wave 1", i),
    "float": lambda i: i / 7,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_names_of_clusters_do_not_matter(clustered, name):
    x, y, person = clustered
    labels = [NAMES[name](i) for i in person.tolist()]
    np.testing.assert_allclose(linear.regress(x, y, labels).cov, linear.regress(x, y, person).cov, rtol=1e-10)
    assert linear.regress(x, y, labels).n_clusters == 200


def test_the_order_of_rows_does_not_matter(clustered, rng):
    x, y, person = clustered
    order = rng.permutation(600)
    moved = linear.regress(x[order], y[order], person[order])
    np.testing.assert_allclose(moved.cov, linear.regress(x, y, person).cov, rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e5])
def test_clustered_errors_follow_the_units(clustered, unit):
    x, y, person = clustered
    scale = np.array([1, unit, 1])
    base, moved = linear.regress(x, y, person), linear.regress(x * scale, y, person)
    np.testing.assert_allclose(moved.coef * scale, base.coef, rtol=1e-9)
    np.testing.assert_allclose(moved.se * scale, base.se, rtol=1e-9)


def test_regression_equals_statsmodels(clustered):
    x, y, person = clustered
    for ours, options in (
        (linear.regress(x, y), {"cov_type": "HC1"}),
        (linear.regress(x, y, person), {"cov_type": "cluster", "cov_kwds": {"groups": person}}),
    ):
        peer = sm.OLS(y, x).fit(**options)
        np.testing.assert_allclose(ours.coef, peer.params, atol=1e-10)
        np.testing.assert_allclose(ours.se, peer.bse, atol=1e-10)


def test_doubling_the_rows_shrinks_wrong_errors_and_not_clustered_ones(clustered):
    x, y, person = clustered
    twice = np.vstack([x, x]), np.r_[y, y]
    wrong = linear.regress(x, y).se / linear.regress(*twice).se
    right = linear.regress(x, y, person).se / linear.regress(*twice, np.tile(person, 2)).se
    np.testing.assert_allclose(wrong, np.sqrt(2), rtol=0.01)
    np.testing.assert_allclose(right, 1, rtol=0.01)


def test_one_cluster_missing_labels_and_too_few_rows_are_refused(clustered):
    x, y, person = clustered
    with pytest.raises(ValueError, match="all rows belong to one cluster"):
        linear.regress(x, y, np.full(600, "Ann"))
    with pytest.raises(ValueError, match="clusters has no label in row 4"):
        linear.regress(x, y, np.where(np.arange(600) == 4, np.nan, person))
    with pytest.raises(ValueError, match="clusters must be one label for each of 600 rows"):
        linear.regress(x, y, person[:-1])
    with pytest.raises(ValueError, match="no residual is left"):
        linear.regress(x[:3], y[:3])
    with pytest.raises(ValueError, match="y is nan in row 2"):
        linear.regress(x, np.where(np.arange(600) == 2, np.nan, y))
    with pytest.raises(ValueError, match=r"x must be \(n, k\) and y \(n,\)"):
        linear.regress(x, y[:, None])
