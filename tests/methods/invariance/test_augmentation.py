"""IV-like regression is anchor regression on an augmentation; its limits, its population, its units."""

import warnings

import numpy as np
import pytest
from linearmodels.iv import IV2SLS
from paperlab.methods.invariance import augmentation, simulate
from paperlab.methods.invariance.augmentation import Moments, SecondMoments


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(8, rng=rng)
    rows = design.sample(600, 1.0, rng=rng)
    moved = augmentation.translate(rows.x, simulate.invariant_directions(design.f), 1.0, rng=rng)
    return rows.x, rows.y, moved.g, moved.gx


def transformed(gx, y, g, alpha):
    q = np.linalg.qr(g)[0]
    root = (np.sqrt(1 + alpha) - np.sqrt(alpha)) * q @ q.T + np.sqrt(alpha) * np.eye(len(y))
    return np.linalg.lstsq(root @ gx, root @ y, rcond=None)[0]


# Augmentation


def test_a_translation_moves_along_its_directions_with_its_strength():
    x = np.random.default_rng(1).standard_normal((5000, 3))
    basis = np.array([[1.0, 0, 0], [0, 1, 0]])
    moved = augmentation.translate(x, basis, 2.0, rng=np.random.default_rng(2))
    np.testing.assert_allclose(moved.gx - x, 2 * moved.g @ basis)
    np.testing.assert_allclose(np.cov(moved.g.T), np.eye(2), atol=0.05)
    assert np.abs(np.corrcoef(moved.g.T, x.T)[:2, 2:]).max() < 0.05


def test_a_leak_is_one_more_parameter_along_its_own_direction():
    x, leak = np.zeros((2000, 3)), np.array([0.0, 0, 3])
    moved = augmentation.translate(x, np.eye(3)[:2], 1.0, rng=np.random.default_rng(3), leak=leak)
    assert moved.g.shape == (2000, 3)
    np.testing.assert_allclose(moved.gx[:, 2], 3 * moved.g[:, 2])
    tight = augmentation.translate(x, np.eye(3)[:2], 1.0, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(moved.g[:, :2], tight.g)


# Moments


def test_moments_of_a_part_subtract(data):
    x, y, g, _ = data
    rest = Moments.of(x, y, g) - Moments.of(x[:100], y[:100], g[:100])
    expected = Moments.of(x[100:], y[100:], g[100:])
    assert rest.n == 500
    for name in augmentation.SUMS:
        np.testing.assert_allclose(getattr(rest, name), getattr(expected, name), atol=1e-9)
    h = np.ones(8)
    assert rest.risk(h) == pytest.approx(np.mean((y[100:] - x[100:] @ h) ** 2))


def test_projection_by_hand(data):
    x, y, g, _ = data
    projected = Moments.of(x, y, g).projected()
    q = np.linalg.qr(g)[0]
    np.testing.assert_allclose(projected.second, (q.T @ x).T @ (q.T @ x), rtol=1e-8)
    np.testing.assert_allclose(projected.cross, (q.T @ x).T @ (q.T @ y), rtol=1e-8)


def test_least_squares_and_its_units(data):
    x, y, _, _ = data
    h = augmentation.least_squares(Moments.of(x, y))
    np.testing.assert_allclose(h, np.linalg.lstsq(x, y, rcond=None)[0], rtol=1e-8)
    scale = 10.0 ** np.arange(-9, 7, 2)
    np.testing.assert_allclose(augmentation.least_squares(Moments.of(x * scale, y)), h / scale, rtol=1e-7)


# IV-like regression


@pytest.mark.parametrize("alpha", [1e-4, 0.1, 1.0, 50.0])
def test_iv_like_is_least_squares_of_the_transformed_data(data, alpha):
    _, y, g, gx = data
    found = augmentation.iv_like(Moments.of(gx, y, g), alpha)
    np.testing.assert_allclose(found, transformed(gx, y, g, alpha), rtol=1e-8, atol=1e-10)


def test_iv_like_is_anchor_regression(data):
    _, y, g, gx = data
    alpha = 0.2
    q = np.linalg.qr(g)[0]
    strength = (1 + alpha) / alpha

    def anchored(v):
        return v + (np.sqrt(strength) - 1) * q @ (q.T @ v)

    expected = np.linalg.lstsq(anchored(gx), anchored(y), rcond=None)[0]
    np.testing.assert_allclose(augmentation.iv_like(Moments.of(gx, y, g), alpha), expected, rtol=1e-9)


def test_limits_of_the_weight(data):
    _, y, g, gx = data
    moments = Moments.of(gx, y, g)
    np.testing.assert_allclose(augmentation.iv_like(moments, 1e10), augmentation.least_squares(moments), atol=1e-7)
    projected = moments.projected()
    small = augmentation.iv_like(moments, 1e-9)
    assert np.linalg.norm(projected.second @ small - projected.cross) < 1e-6 * np.linalg.norm(projected.cross)


def test_path_equals_single_weights_and_stacks(data):
    x, y, g, gx = data
    one, other = Moments.of(gx, y, g), Moments.of(gx[::-1] + 0.1 * x, y, g)
    grid = np.array([0.01, 1.0])
    path = augmentation.iv_like(Moments.stack([one, other]), grid)
    assert path.shape == (2, 2, 8)
    np.testing.assert_allclose(path[0, 1], augmentation.iv_like(one, 1.0), rtol=1e-10)
    np.testing.assert_allclose(path[1, 0], augmentation.iv_like(other, 0.01), rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e6])
def test_iv_like_follows_the_units(data, unit):
    _, y, g, gx = data
    base = augmentation.iv_like(Moments.of(gx, y, g), 0.3)
    scale = np.array([unit] + [1.0] * 7)
    np.testing.assert_allclose(augmentation.iv_like(Moments.of(gx * scale, y, g), 0.3) * scale, base, rtol=1e-6)
    np.testing.assert_allclose(augmentation.iv_like(Moments.of(gx, unit * y, g), 0.3), unit * base, rtol=1e-8)
    np.testing.assert_allclose(augmentation.iv_like(Moments.of(gx, y, unit * g), 0.3), base, rtol=1e-6)


def test_population_identity_is_the_limit_of_the_sample():
    rng = np.random.default_rng(3)
    design = simulate.Design.draw(4, rng=rng)
    basis = simulate.invariant_directions(design.f)
    limit = augmentation.population_iv_like(design.population(1.0), basis, 1.0, 0.25)
    stronger = augmentation.population_iv_like(design.population(1.0), basis, np.sqrt(5.0))
    np.testing.assert_allclose(limit, stronger, rtol=1e-12)
    rows = design.sample(200_000, 1.0, rng=rng)
    moved = augmentation.translate(rows.x, basis, 1.0, rng=rng)
    np.testing.assert_allclose(augmentation.iv_like(Moments.of(moved.gx, rows.y, moved.g), 0.25), limit, atol=0.03)


def test_augmentation_removes_bias_only_where_the_outcome_is_flat():
    design = simulate.Design.draw(6, rng=np.random.default_rng(5))
    population = design.population(1.0)
    basis = simulate.invariant_directions(design.f)
    strong = augmentation.population_iv_like(population, basis, 1e4)
    np.testing.assert_allclose(basis @ strong, 0, atol=1e-5)
    unit = design.f / np.linalg.norm(design.f)
    expected = (unit @ population.cross) / (unit @ population.second @ unit)
    np.testing.assert_allclose(strong @ unit, expected, rtol=1e-5)


# 2SLS


@pytest.fixture(scope="module")
def over_identified():
    rng = np.random.default_rng(1)
    g = rng.standard_normal((500, 5))
    x = g @ rng.standard_normal((5, 3)) + rng.standard_normal((500, 3))
    return x, x @ np.array([1.0, -2.0, 0.5]) + x[:, 0] + rng.standard_normal(500), g


def test_two_stage_equals_linearmodels_when_over_identified(over_identified):
    x, y, g = over_identified
    peer = IV2SLS(y, None, x, g).fit().params.to_numpy()
    np.testing.assert_allclose(augmentation.two_stage(Moments.of(x, y, g)), peer, rtol=1e-8)


def test_two_stage_is_the_ratio_with_one_treatment_and_one_instrument(over_identified):
    x, y, g = over_identified
    found = augmentation.two_stage(Moments.of(x[:, :1], y, g[:, :1]))
    assert found[0] == pytest.approx(g[:, 0] @ y / (g[:, 0] @ x[:, 0]))


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1e6])
def test_identification_does_not_depend_on_units(over_identified, unit):
    x, y, g = over_identified
    scale = np.array([1.0, unit, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        base = augmentation.two_stage(Moments.of(x, y, g))
        found = augmentation.two_stage(Moments.of(x * scale, y, g))
    np.testing.assert_allclose(found * scale, base, rtol=1e-6)


def test_two_stage_warns_and_takes_the_least_norm_when_under_identified(data):
    _, y, g, gx = data
    moments = Moments.of(gx, y, g)
    with pytest.warns(UserWarning, match="IV under-identified: rank 7 < 8"):
        h = augmentation.two_stage(moments)
    fitted = g @ np.linalg.lstsq(g, gx, rcond=None)[0]
    np.testing.assert_allclose(h, np.linalg.pinv(fitted, rcond=1e-5) @ y, atol=1e-8)
    with pytest.warns(UserWarning, match="IV under-identified: rank 7 < 8"):
        stacked = augmentation.two_stage(Moments.stack([moments, moments]))
    np.testing.assert_allclose(stacked, [h, h], atol=1e-10)


# Risk and errors


def test_excess_risk_of_truth_zero_and_nonsense():
    f = np.array([1.0, -2.0])
    assert augmentation.excess_risk(f, f) == 0
    assert augmentation.excess_risk(np.zeros(2), f) == 0.5
    assert augmentation.excess_risk(-f, f) == pytest.approx(4 / 5)
    assert augmentation.excess_risk(1e9 * f, f) == pytest.approx(1)
    assert augmentation.excess_risk(np.zeros((3, 4, 2)), f).shape == (3, 4)
    with pytest.raises(ValueError, match="truth = 0"):
        augmentation.excess_risk(f, np.zeros(2))
    with pytest.raises(ValueError, match="coef is nan in row 1"):
        augmentation.excess_risk([1, np.nan], f)


def test_bad_input_is_named(data):
    x, y, g, gx = data
    for alpha in (0.0, -1.0):
        with pytest.raises(ValueError, match=f"alpha must be > 0, got {alpha:g}; use 2SLS"):
            augmentation.iv_like(Moments.of(gx, y, g), [1.0, alpha])
    with pytest.raises(ValueError, match="alpha must be > 0"):
        augmentation.population_iv_like(SecondMoments(np.eye(2), np.ones(2)), np.eye(2), 1.0, 0.0)
    with pytest.raises(ValueError, match=r"g has shape \(599, 7\) but y has 600 rows"):
        Moments.of(gx, y, g[1:])
    with pytest.raises(ValueError, match="x is nan in row"):
        Moments.of(np.where(x > 1, np.nan, x), y)
    with pytest.raises(ValueError, match="g is missing"):
        augmentation.iv_like(Moments.of(x, y), 1.0)
    with pytest.raises(ValueError, match=r"samples of \[300, 600\] rows cannot be stacked"):
        Moments.stack([Moments.of(x, y), Moments.of(x[:300], y[:300])])
    with pytest.raises(ValueError, match=r"x must be \(n, m\) and basis \(k, m\)"):
        augmentation.translate(x, np.eye(3), 1.0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="leak must be one direction"):
        augmentation.translate(x, np.eye(8), 1.0, rng=np.random.default_rng(0), leak=np.ones(2))


@pytest.mark.parametrize("method", [augmentation.least_squares, lambda moments: augmentation.iv_like(moments, 1.0)])
def test_collinear_treatments_and_parameters_are_named(data, method):
    x, y, g, _ = data
    double = np.column_stack([x, x[:, 0] - x[:, 3]])
    with pytest.raises(ValueError, match="x: column 8 is a linear combination of column 0, column 3"):
        method(Moments.of(double, y, g))
    with pytest.raises(ValueError, match="g: column 7 is a linear combination of column 2"):
        Moments.of(x, y, np.column_stack([g, 5 * g[:, 2]])).projected()
