"""The weight that predicts held-out rows, the weight that leaves a norm, and how much of a vector is confounding."""

import warnings

import numpy as np
import pytest
from paperlab.methods.invariance import augmentation, choice, simulate
from paperlab.methods.invariance.augmentation import Moments


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(8, rng=rng)
    rows = design.sample(600, 1.0, rng=rng)
    moved = augmentation.translate(rows.x, simulate.invariant_directions(design.f), 1.0, rng=rng)
    return rows.x, rows.y, moved.g, moved.gx


@pytest.mark.filterwarnings("ignore:alpha sits at the edge")
def test_choice_by_split_scores_the_held_out_rows(data):
    x, y, g, gx = data
    full, part = Moments.of(gx, y, g), Moments.of(gx[:120], y[:120], g[:120])
    grid = np.array([1e-3, 0.1, 10.0])
    found = choice.choose_by_split(full, part, Moments.of(x[:120], y[:120]), grid)
    inside = Moments.of(gx[120:], y[120:], g[120:])
    risks = [np.mean((y[:120] - x[:120] @ augmentation.iv_like(inside, a)) ** 2) for a in grid]
    assert found.alpha == grid[np.argmin(risks)]
    np.testing.assert_allclose(found.coef, augmentation.iv_like(full, found.alpha))


def test_a_weight_at_the_edge_of_what_was_offered_is_warned_of(data, monkeypatch):
    _, y, g, gx = data
    moments = Moments.of(gx, y, g)
    target = np.linalg.norm(augmentation.iv_like(moments, 0.05))
    monkeypatch.setattr(choice, "confounder_free_norm", lambda moments: target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = choice.choose_by_norm(moments, [0.005, 0.05, 0.5])
    assert found.alpha == 0.05 and not found.at_edge
    for grid in ([0.05, 0.5], [0.005, 0.05]):
        with pytest.warns(UserWarning, match="alpha sits at the edge: .* offer a wider range"):
            found = choice.choose_by_norm(moments, grid)
        assert found.alpha == 0.05 and found.at_edge


@pytest.mark.filterwarnings("ignore:alpha sits at the edge")
def test_choice_by_norm_is_nearest_to_the_target(data):
    _, y, g, gx = data
    moments, grid = Moments.of(gx, y, g), np.logspace(-3, 1, 9)
    erm = augmentation.least_squares(moments)
    target = np.sqrt(1 - choice.confounding_strength(moments.xx / moments.n, erm)) * np.linalg.norm(erm)
    assert choice.confounder_free_norm(moments) == pytest.approx(target)
    found = choice.choose_by_norm(moments, grid)
    norms = np.linalg.norm(augmentation.iv_like(moments, grid), axis=1)
    assert abs(np.linalg.norm(found.coef) - target) == pytest.approx(np.abs(norms - target).min())


@pytest.mark.filterwarnings("ignore:theta sits at its bound")
def test_confounding_strength_tells_confounded_from_causal_vectors():
    rng = np.random.default_rng(2)
    low, high = [], []
    for _ in range(20):
        a = rng.standard_normal((40, 40))
        second = a.T @ a / 40
        causal = rng.standard_normal(40)
        low.append(choice.confounding_strength(second, causal))
        hidden = np.linalg.solve(second, a.T @ rng.standard_normal(40) / 40)
        high.append(choice.confounding_strength(second, 0.1 * causal + hidden))
    assert np.mean(high) > np.mean(low) + 0.3
    assert max(low + high) < 1 and min(low + high) >= 0


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_confounding_strength_has_no_unit_and_no_sign(unit):
    rng = np.random.default_rng(3)
    second = np.diag(np.exp(rng.standard_normal(60)))
    hidden = np.sqrt(1 + 1 / np.diag(second)) * rng.standard_normal(60)  # theta = 1
    base = choice.confounding_strength(second, hidden)
    assert 0 < base < 1
    assert choice.confounding_strength(second, -unit * hidden) == pytest.approx(base, rel=1e-6)
    assert choice.confounding_strength(unit * second, hidden) == pytest.approx(base, rel=1e-4)


def test_confounding_strength_is_that_of_the_model_that_drew_the_vectors():
    """Directions with covariance I + theta S^-1, many treatments: the estimate finds the share of confounding."""
    rng = np.random.default_rng(4)
    values = np.exp(rng.standard_normal(300))
    for theta in (0.3, 3.0):
        share = theta * np.mean(1 / values) / (1 + theta * np.mean(1 / values))
        found = [
            choice.confounding_strength(np.diag(values), np.sqrt(1 + theta / values) * rng.standard_normal(300))
            for _ in range(20)
        ]
        assert np.mean(found) == pytest.approx(share, abs=0.08)


def test_a_vector_along_the_weakest_direction_is_all_confounding():
    second = np.diag([1.0, 2, 3, 1e-9])
    with pytest.warns(UserWarning, match="theta sits at its bound"):
        found = choice.confounding_strength(second, np.array([0, 0, 0, 1.0]))
    assert found == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "second, coef, words",
    [
        (np.eye(2), np.zeros(2), "has no direction"),
        (np.eye(1), np.ones(1), "needs two treatments or more"),
        (np.eye(2), [1, np.nan], "coef is nan in row 1"),
        (np.ones((2, 2)), np.ones(2), "second: column 1 is a linear combination of column 0"),
    ],
)
def test_vectors_that_say_nothing_are_refused(second, coef, words):
    with pytest.raises(ValueError, match=words):
        choice.confounding_strength(second, coef)
