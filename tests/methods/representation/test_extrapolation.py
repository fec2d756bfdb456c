import numpy as np
import pytest
from paperlab.methods.representation import control_function, simulate_actions
from paperlab.methods.representation import extrapolation as rep4ex
from scipy.spatial.distance import cdist


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def one(rng, n=400, **design):
    world = simulate_actions.draw_world(rng, **design)
    return world, world.sample(rng, n)


DESIGNS = [
    {},
    {"v_support": "uniform", "action_effect": "quadratic"},
    {"d": 2, "k": 3},
    {"d": 2, "outcome": "product", "v_support": "uniform"},
]


@pytest.mark.parametrize("design", DESIGNS)
def test_effect_is_the_mean_outcome_of_units_that_are_set_to_the_action(rng, design):
    world = simulate_actions.draw_world(rng, **design)
    d, k = world.m0.shape
    a = np.full(k, 1.7)
    v = rng.standard_normal((200_000, d)) if world.v_support == "gaussian" else rng.uniform(-0.5, 0.5, (200_000, d))
    outcomes = world._outcome(world.mean(a) + v)
    assert world.effect(a) == pytest.approx(outcomes.mean(), abs=5 * outcomes.std() / 200_000**0.5)


def test_actions_have_the_strength_asked_for(rng):
    world = simulate_actions.draw_world(rng, d=2, k=4, alpha=2.5)
    np.testing.assert_allclose(np.linalg.svd(world.m0, compute_uv=False), 2.5)


def test_mixing_is_injective(rng):
    """Every layer has an inverse; undoing them gives back the state."""
    world, sample = one(rng, d=2)
    h = sample.x
    for bias, rotation in zip(world.biases[::-1], world.mixing[:0:-1], strict=True):
        h = h @ rotation.T
        h = np.where(h > 0, h, h / rep4ex.SLOPE) - bias
    np.testing.assert_allclose(h @ world.mixing[0].T, sample.z, atol=1e-9)


@pytest.mark.parametrize("k", [1, 2])
def test_penalty_by_factor_is_the_double_sum_over_the_kernel(rng, k):
    a, code = rng.uniform(-1, 1, (300, k)), rng.standard_normal((300, 2))
    full = np.exp(-(cdist(a, a) ** 2) / (2 * rep4ex.bandwidth(a) ** 2))
    r = rep4ex.residuals(code, a)
    assert rep4ex.penalty(code, rep4ex.moment_factor(a, 1e-8)) == pytest.approx(
        np.trace(r.T @ full @ r) / 300**2, abs=1e-7
    )
    assert rep4ex.moment_factor(a).shape[1] < 100


def test_penalty_does_not_see_affine_functions_of_the_actions_rotations_and_shifts(rng):
    a, code = rng.uniform(-1, 1, (300, 2)), rng.standard_normal((300, 2))
    factor = rep4ex.moment_factor(a)
    turn, _ = np.linalg.qr(rng.standard_normal((2, 2)))
    q = rep4ex.penalty(code, factor)
    assert rep4ex.penalty(a @ turn + 5, factor) == pytest.approx(0, abs=1e-20)
    assert rep4ex.penalty(code @ turn + a + 3, factor) == pytest.approx(q)


def test_penalty_sees_curved_means(rng):
    a = rng.uniform(-1, 1, (1000, 1))
    noise, factor = rng.standard_normal((1000, 1)), rep4ex.moment_factor(a)
    assert rep4ex.penalty(1.5 * a + noise + a**2, factor) > 20 * rep4ex.penalty(1.5 * a + noise, factor)


def test_trap_a_small_code_removes_the_penalty(rng):
    """The trap: Q of a code shrunk a hundredfold is 10,000 times smaller, and a decoder can undo the shrinking."""
    _, sample = one(rng)
    factor, folded = rep4ex.moment_factor(sample.a), np.abs(sample.z)
    assert rep4ex.penalty(folded / 100, factor) == pytest.approx(1e-4 * rep4ex.penalty(folded, factor))
    assert rep4ex.r_squared(folded, folded / 100) == pytest.approx(1)


def test_trap_training_without_standardising_shrinks_the_code(rng):
    _, sample = one(rng, 200)
    found = rep4ex.train_autoencoders([sample] * 2, [1.0, 1e5], [4, 4], standardise=False, steps=80)
    scale = np.sqrt(found.trained_penalty / found.penalty)
    assert scale[1] < 0.5 * scale[0]
    np.testing.assert_allclose(found.code.std(1), 1, rtol=1e-4)


def test_networks_in_a_stack_are_trained_as_if_alone(rng):
    samples = [one(rng, 300)[1] for _ in range(2)]
    together = rep4ex.train_autoencoders(samples, [0.0, 10.0], [4, 8], steps=40)
    alone = rep4ex.train_autoencoders(samples[1:], [10.0], [8], steps=40)
    np.testing.assert_allclose(together.reconstruction[1], alone.reconstruction[0], rtol=1e-2)


def test_penalty_falls_in_training(rng):
    _, sample = one(rng, 300)
    found = rep4ex.train_autoencoders([sample] * 2, [0.0, 100.0], [4, 4], steps=200)
    assert found.penalty[1] < found.penalty[0]


def test_r_squared_is_blind_to_affine_maps(rng):
    z = rng.standard_normal((200, 2))
    assert rep4ex.r_squared(z, z @ rng.standard_normal((2, 2)) + 4) == pytest.approx(1)
    assert rep4ex.r_squared(z, z[:, :1]) == pytest.approx(z[:, 0].var() / z.var(0).sum(), abs=0.05)


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
    fit = control_function.ControlFunction(s.z, s.a, s.y, knots=(2, 2), degree=1, ridge=1e-10)
    slope = np.diff(fit.effect(np.array([[0.0], [1.0]])))[0] / fit.coef[1]
    peer = iv.IV2SLS(s.y, np.ones(len(s.y)), s.z, s.a).fit()
    assert slope == pytest.approx(peer.params.iloc[-1], rel=1e-6)


def test_additive_step_is_the_ridge_of_scikit_learn(rng):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import SplineTransformer

    _, s = one(rng)
    fit = control_function.ControlFunction(s.z, s.a, s.y)
    columns = [
        SplineTransformer(knots, knots="quantile").fit_transform(x.reshape(-1, 1))
        for knots, x in ((8, s.z[:, 0]), (6, fit.v))
    ]
    design = np.hstack(columns)
    np.testing.assert_allclose(fit.fitted, Ridge(1e-3).fit(design, s.y).predict(design), atol=2e-3)


def test_effects_do_not_change_with_sign_and_scale_of_the_code(rng):
    _, s = one(rng)
    a = np.linspace(-2, 2, 9)[:, None]
    straight = control_function.ControlFunction(s.z, s.a, s.y).effect(a)
    np.testing.assert_allclose(control_function.ControlFunction(7 - 3 * s.z, s.a, s.y).effect(a), straight, atol=1e-6)


def test_oracle_extrapolates_and_without_control_function_it_does_not(rng):
    world, s = one(rng, 2000)
    a = np.linspace(-2, 2, 41)[:, None]
    error = {
        c: ((control_function.ControlFunction(s.z, s.a, s.y, control=c).effect(a) - world.effect(a)) ** 2).mean()
        for c in (True, False)
    }
    assert error[True] < 0.1 < 1 < error[False]


def test_quadratic_actions_need_quadratic_features(rng):
    world, s = one(rng, 2000, action_effect="quadratic")
    a = np.linspace(-1.5, 1.5, 31)[:, None]
    plain = control_function.ControlFunction(s.z, s.a, s.y).effect(a)
    right = control_function.ControlFunction(s.z, s.a, s.y, features=lambda b: np.column_stack([b, b**2])).effect(a)
    assert ((right - world.effect(a)) ** 2).mean() < 0.2 * ((plain - world.effect(a)) ** 2).mean()


def test_networks_as_second_stage_agree_with_splines_inside_the_support(rng):
    world, s = one(rng, 500)
    a = np.linspace(-1, 1, 9)[:, None]
    found = control_function.network_effects([s.z], [s.a], [s.y], a, [2], steps=300)[0]
    assert ((found - world.effect(a)) ** 2).mean() < 0.1
    without = control_function.network_effects([s.z], [s.a], [s.y], a, [2], control=False, steps=300)[0]
    assert ((without - world.effect(a)) ** 2).mean() > 0.2
    on_actions = control_function.action_networks([s.a], [s.y], a, [2], steps=200)[0]
    assert ((on_actions - world.effect(a)) ** 2).mean() < 0.4


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"d": 2, "k": 1}, "rank condition"),
        ({"d": 3, "m": 2}, "choose m >= d"),
        ({"alpha": 0.0}, "alpha = 0"),
        ({"v_support": "cauchy"}, "v_support = 'cauchy'"),
        ({"action_effect": "cubic"}, "action_effect = 'cubic'"),
        ({"outcome": "product"}, "outcome = 'product'"),
    ],
)
def test_bad_worlds_are_refused(rng, design, message):
    with pytest.raises(ValueError, match=message):
        simulate_actions.draw_world(rng, **design)


def test_bad_data_are_refused(rng):
    _, s = one(rng, 100)
    with pytest.raises(ValueError, match="A has no variation"):
        rep4ex.moment_factor(np.ones((100, 1)))
    with pytest.raises(ValueError, match="A has no variation"):
        control_function.ControlFunction(s.z, np.ones((100, 1)), s.y)
    with pytest.raises(ValueError, match=r"array \(n, k\)"):
        rep4ex.moment_factor(s.a[:, 0])
    with pytest.raises(ValueError, match="2 columns"):
        control_function.ControlFunction(np.hstack([s.z, s.z**2]), s.a, s.y)
    with pytest.raises(ValueError, match="must not be negative"):
        rep4ex.train_autoencoders([s], [-1.0], [0])
    with pytest.raises(ValueError, match="one of each per member"):
        rep4ex.train_autoencoders([s], [1.0, 2.0], [0])
    with pytest.raises(ValueError, match="differ in shape"):
        rep4ex.train_autoencoders([s, one(rng, 90)[1]], [0.0, 0.0], [0, 2])
