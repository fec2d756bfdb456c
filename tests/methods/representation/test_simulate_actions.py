"""Facts about worlds in which actions move hidden states: their equations and their exact effects."""

import numpy as np
import pytest
from paperlab.methods.representation import extrapolation, simulate_actions


@pytest.fixture
def rng():
    return np.random.default_rng(0)


DESIGNS = [
    {},
    {"v_support": "uniform", "action_effect": "quadratic"},
    {"d": 2, "k": 3},
    {"d": 2, "outcome": "product", "v_support": "uniform"},
]


@pytest.mark.parametrize("design", DESIGNS)
def test_effect_is_the_mean_outcome_of_units_that_are_set_to_the_action(rng, design):
    world = simulate_actions.draw_world(rng=rng, **design)
    d, k = world.m0.shape
    a = np.full(k, 1.7)
    v = rng.standard_normal((200_000, d)) if world.v_support == "gaussian" else rng.uniform(-0.5, 0.5, (200_000, d))
    outcomes = world._outcome(world.mean(a) + v)
    assert world.effect(a) == pytest.approx(outcomes.mean(), abs=5 * outcomes.std() / 200_000**0.5)


def test_actions_have_the_strength_asked_for(rng):
    world = simulate_actions.draw_world(d=2, k=4, alpha=2.5, rng=rng)
    np.testing.assert_allclose(np.linalg.svd(world.m0, compute_uv=False), 2.5)


def test_mixing_is_injective(rng):
    """Every layer has an inverse; undoing them gives back the state."""
    world = simulate_actions.draw_world(d=2, rng=rng)
    sample = world.sample(400, rng=rng)
    h = sample.x
    for bias, rotation in zip(world.biases[::-1], world.mixing[:0:-1], strict=True):
        h = h @ rotation.T
        h = np.where(h > 0, h, h / extrapolation.SLOPE) - bias
    np.testing.assert_allclose(h @ world.mixing[0].T, sample.z, atol=1e-9)


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"d": 2, "k": 1}, "rank condition"),
        ({"d": 3, "m": 2}, "m must be at least d = 3"),
        ({"alpha": 0.0}, "alpha must be a strength"),
        ({"v_support": "cauchy"}, "v_support must be one of"),
        ({"action_effect": "cubic"}, "action_effect must be one of"),
        ({"outcome": "product"}, "outcome must be one of"),
    ],
)
def test_bad_worlds_are_refused(rng, design, message):
    with pytest.raises(ValueError, match=message):
        simulate_actions.draw_world(rng=rng, **design)


def test_units_follow_the_equations_of_the_world(rng):
    world = simulate_actions.draw_world(d=2, v_support="uniform", rng=rng)
    s = world.sample(50_000, rng=rng)
    assert np.abs(s.a).max() <= 1 and s.a.var() == pytest.approx(1 / 3, rel=0.02)
    v = s.z - world.mean(s.a)
    assert np.abs(v).max() <= simulate_actions.BOUND and v.var() == pytest.approx(1 / 12, rel=0.02)
    np.testing.assert_allclose(s.x, world.mix(s.z))
    u = s.y - world._outcome(s.z)
    assert np.corrcoef(u, v.sum(1))[0, 1] > 0.9  # strong confounding
    assert (u - (v + 0.5 * np.tanh(2 * v)).sum(1)).std() == pytest.approx(0.1, rel=0.02)


def test_quadratic_actions_bend_the_mean(rng):
    world = simulate_actions.draw_world(action_effect="quadratic", alpha=2.0, rng=rng)
    a = np.array([[-1.0], [1.0], [2.0]])
    np.testing.assert_allclose(np.abs(world.mean(a)), 2 * np.abs([[-0.5], [1.5], [4.0]]))
