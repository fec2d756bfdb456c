import numpy as np
import pytest
from linearmodels.iv import IV2SLS
from paperlab.methods.invariance import augmentation as da
from paperlab.methods.invariance import simulate
from paperlab.methods.invariance.augmentation import Moments


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(rng, 8)
    x, y = design.sample(600, 1.0, rng)
    basis = simulate.invariant_directions(design.f)
    g, gx = da.translate(x, basis, 1.0, rng)
    return design, x, y, g, gx, basis


def transformed(gx, y, g, alpha):
    q = np.linalg.qr(g)[0]
    root = (np.sqrt(1 + alpha) - np.sqrt(alpha)) * q @ q.T + np.sqrt(alpha) * np.eye(len(y))
    return np.linalg.lstsq(root @ gx, root @ y, rcond=None)[0]


def test_directions_are_orthonormal_and_flat(data):
    design, *_, basis = data
    assert basis.shape == (7, 8)
    np.testing.assert_allclose(basis @ basis.T, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(basis @ design.f, 0, atol=1e-12)
    assert simulate.invariant_directions(design.f, 3).shape == (3, 8)
    with pytest.raises(ValueError, match="kernel_dim = 8: choose 1 to 7"):
        simulate.invariant_directions(design.f, 8)


@pytest.mark.parametrize("alpha", [1e-4, 0.1, 1.0, 50.0])
def test_iv_like_is_least_squares_of_the_transformed_data(data, alpha):
    _, _, y, g, gx, _ = data
    np.testing.assert_allclose(
        da.iv_like(Moments.of(gx, y, g), alpha), transformed(gx, y, g, alpha), rtol=1e-8, atol=1e-10
    )


def test_iv_like_is_anchor_regression(data):
    _, _, y, g, gx, _ = data
    alpha = 0.2
    q = np.linalg.qr(g)[0]
    strength = (1 + alpha) / alpha

    def anchored(v):
        return v + (np.sqrt(strength) - 1) * q @ (q.T @ v)

    expected = np.linalg.lstsq(anchored(gx), anchored(y), rcond=None)[0]
    np.testing.assert_allclose(da.iv_like(Moments.of(gx, y, g), alpha), expected, rtol=1e-9)


def test_limits_of_the_weight(data):
    _, _, y, g, gx, _ = data
    moments = Moments.of(gx, y, g)
    np.testing.assert_allclose(da.iv_like(moments, 1e10), da.least_squares(moments), atol=1e-7)
    second, cross = moments.projected()
    small = da.iv_like(moments, 1e-9)
    assert np.linalg.norm(second @ small - cross) < 1e-6 * np.linalg.norm(cross)


def test_path_equals_single_weights_and_stacks(data):
    _, x, y, g, gx, _ = data
    one, other = Moments.of(gx, y, g), Moments.of(gx[::-1] + 0.1 * x, y, g)
    grid = np.array([0.01, 1.0])
    path = da.iv_like(Moments.stack([one, other]), grid)
    assert path.shape == (2, 2, 8)
    np.testing.assert_allclose(path[0, 1], da.iv_like(one, 1.0), rtol=1e-10)
    np.testing.assert_allclose(path[1, 0], da.iv_like(other, 0.01), rtol=1e-8)


def test_population_identity_is_the_limit_of_the_sample():
    rng = np.random.default_rng(3)
    design = simulate.Design.draw(rng, 4)
    basis = simulate.invariant_directions(design.f)
    limit = da.population_iv_like(*design.population(1.0), basis, 1.0, 0.25)
    stronger = da.population_iv_like(*design.population(1.0), basis, np.sqrt(5.0))
    np.testing.assert_allclose(limit, stronger, rtol=1e-12)
    x, y = design.sample(200_000, 1.0, rng)
    g, gx = da.translate(x, basis, 1.0, rng)
    np.testing.assert_allclose(da.iv_like(Moments.of(gx, y, g), 0.25), limit, atol=0.03)


def test_two_stage_equals_linearmodels_when_over_identified():
    rng = np.random.default_rng(1)
    g = rng.standard_normal((500, 5))
    x = g @ rng.standard_normal((5, 3)) + rng.standard_normal((500, 3))
    y = x @ np.array([1.0, -2.0, 0.5]) + x[:, 0] + rng.standard_normal(500)
    peer = IV2SLS(y, None, x, g).fit().params.to_numpy()
    np.testing.assert_allclose(da.two_stage(Moments.of(x, y, g)), peer, rtol=1e-8)


def test_two_stage_warns_and_takes_the_least_norm_when_under_identified(data):
    _, _, y, g, gx, _ = data
    moments = Moments.of(gx, y, g)
    with pytest.warns(UserWarning, match="IV under-identified: rank 7 < 8"):
        h = da.two_stage(moments)
    fitted = g @ np.linalg.lstsq(g, gx, rcond=None)[0]
    np.testing.assert_allclose(h, np.linalg.pinv(fitted, rcond=1e-5) @ y, atol=1e-8)


def test_augmentation_removes_bias_only_where_the_outcome_is_flat():
    rng = np.random.default_rng(5)
    design = simulate.Design.draw(rng, 6)
    second, cross = design.population(1.0)
    basis = simulate.invariant_directions(design.f)
    strong = da.population_iv_like(second, cross, basis, 1e4)
    np.testing.assert_allclose(basis @ strong, 0, atol=1e-5)
    unit = design.f / np.linalg.norm(design.f)
    np.testing.assert_allclose(strong @ unit, (unit @ cross) / (unit @ second @ unit), rtol=1e-5)


def test_excess_risk_of_truth_zero_and_errors():
    f = np.array([1.0, -2.0])
    assert da.excess_risk(f, f) == 0
    assert da.excess_risk(np.zeros(2), f) == 0.5
    assert da.excess_risk(1e9 * f, f) == pytest.approx(1)
    with pytest.raises(ValueError, match="f = 0"):
        da.excess_risk(f, np.zeros(2))


def test_moments_of_a_part_subtract(data):
    _, x, y, g, *_ = data
    rest = Moments.of(x, y, g) - Moments.of(x[:100], y[:100], g[:100])
    expected = Moments.of(x[100:], y[100:], g[100:])
    assert rest.n == 500
    np.testing.assert_allclose(rest.gx, expected.gx, atol=1e-9)
    h = np.ones(8)
    assert rest.risk(h) == pytest.approx(np.mean((y[100:] - x[100:] @ h) ** 2))


def test_choice_by_split_scores_the_held_out_rows(data):
    _, x, y, g, gx, _ = data
    full, part = Moments.of(gx, y, g), Moments.of(gx[:120], y[:120], g[:120])
    grid = np.array([1e-3, 0.1, 10.0])
    h, alpha = da.choose_by_split(full, part, Moments.of(x[:120], y[:120]), grid)
    risks = [np.mean((y[:120] - x[:120] @ transformed(gx[120:], y[120:], g[120:], a)) ** 2) for a in grid]
    assert alpha == grid[np.argmin(risks)]
    np.testing.assert_allclose(h, da.iv_like(full, alpha))


def test_confounding_strength_tells_confounded_from_causal_vectors():
    rng = np.random.default_rng(2)
    low, high = [], []
    for _ in range(20):
        a = rng.standard_normal((40, 40))
        second = a.T @ a / 40
        causal = rng.standard_normal(40)
        low.append(da.confounding_strength(second, causal))
        high.append(
            da.confounding_strength(second, 0.1 * causal + np.linalg.solve(second, a.T @ rng.standard_normal(40) / 40))
        )
    assert np.mean(high) > np.mean(low) + 0.3


def test_choice_by_norm_is_nearest_to_the_target(data):
    _, _, y, g, gx, _ = data
    moments, grid = Moments.of(gx, y, g), np.logspace(-3, 1, 9)
    erm = da.least_squares(moments)
    target = np.sqrt(1 - da.confounding_strength(moments.xx / moments.n, erm)) * np.linalg.norm(erm)
    h, _ = da.choose_by_norm(moments, grid)
    norms = np.linalg.norm(da.iv_like(moments, grid), axis=1)
    assert abs(np.linalg.norm(h) - target) == pytest.approx(np.abs(norms - target).min())


def test_bad_input_is_named(data):
    _, x, y, g, gx, _ = data
    with pytest.raises(ValueError, match=r"alpha must be > 0, got 0; use 2SLS"):
        da.iv_like(Moments.of(gx, y, g), 0.0)
    with pytest.raises(ValueError, match=r"g has shape \(599, 7\) but y has 600 rows"):
        Moments.of(gx, y, g[1:])
    with pytest.raises(ValueError, match="finite"):
        Moments.of(np.where(x > 1, np.nan, x), y)
    with pytest.raises(ValueError, match="g is missing"):
        da.iv_like(Moments.of(x, y), 1.0)
