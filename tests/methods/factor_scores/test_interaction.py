"""One-stage maximum likelihood of the interaction model."""

import numpy as np
import pytest
from paperlab.methods.factor_scores import measurement, simulate
from paperlab.methods.factor_scores.interaction import interaction_ml
from paperlab.methods.factor_scores.simulate import Design

DESIGN = Design("interaction", 4000, 0.7)
TRUE = simulate.truth(DESIGN)


def items(design=DESIGN, seed=1):
    return simulate.draw_items(design, rng=np.random.default_rng(seed))


def test_it_recovers_the_truth_from_many_people():
    found = interaction_ml(items(), TRUE)
    assert found.converged
    assert found.theta == pytest.approx(TRUE, abs=0.07)


def test_without_an_interaction_it_is_the_linear_model():
    y = items(Design("linear", 2000, 0.8))
    found = interaction_ml(y, [0.3, 0.4, 0.3, 0.0, 0.6]).theta
    assert found[3] == pytest.approx(0.0, abs=0.06)
    assert found[[0, 1, 2, 4]] == pytest.approx(measurement.confirmatory_ml(y).theta, abs=0.02)


@pytest.mark.parametrize("unit", [1e-9, 1e-5])
def test_items_in_any_unit_give_the_same_answer(unit):
    y = items(Design("interaction", 500, 0.7))
    a, b = interaction_ml(y, TRUE), interaction_ml(unit * y, TRUE)
    assert b.theta == pytest.approx(a.theta, abs=1e-5)


def test_turning_a_factor_round_turns_its_effects():
    y = items(Design("interaction", 500, 0.7))
    turned = y * np.repeat([-1.0, 1.0, 1.0], 4)
    model, signs = measurement.fit_measurement(y), np.array([-1, -1, 1, -1, 1])
    loadings = model.loadings * np.array([[-1.0], [1.0], [1.0]])
    other = measurement.Measurement(loadings, model.uniques, model.heywood)
    a = interaction_ml(y, TRUE, measurement=model).theta
    # the same latent variable, measured by reversed items; and its opposite, measured by straight ones
    assert interaction_ml(turned, TRUE, measurement=other).theta == pytest.approx(a, abs=1e-9)
    assert interaction_ml(turned, signs * TRUE, measurement=model).theta == pytest.approx(signs * a, abs=1e-9)


def test_an_outcome_without_a_residual_is_told():
    """eta follows from xi1 alone, so that its residual variance runs to its bound."""
    rng = np.random.default_rng(0)
    f = rng.standard_normal((500, 2))
    load = np.kron(np.array([[1, 0, 1], [0, 1, 0]]), np.full((1, 4), 0.9))
    y = f @ load + np.sqrt(0.19) * rng.standard_normal((500, 12))
    with pytest.warns(measurement.HeywoodWarning, match="Heywood case in factor 3"):
        found = interaction_ml(y, [0.1, 0.9, 0.1, 0.0, 0.2], max_iter=5000)
    assert found.heywood.tolist() == [False, False, True]
    assert found.theta[1] > 0.95 and found.theta[4] < 0.02


def test_too_few_steps_and_bad_starts_are_told():
    assert not interaction_ml(items(Design("interaction", 200, 0.7)), TRUE, max_iter=2).converged
    y = items(Design("interaction", 200, 0.7))
    for start in ([1.0, 0, 0, 0, 1], [0.3, 0, 0, 0, 0], [0.3, 0.4, 0.3, 0.5]):
        with pytest.raises(ValueError, match="abs\\(phi12\\) < 1 and psi > 0"):
            interaction_ml(y, start)
    with pytest.raises(ValueError, match="max_iter must be at least 1"):
        interaction_ml(y, TRUE, max_iter=0)
    y[3, 1] = np.nan
    with pytest.raises(ValueError, match="y is nan in row 3"):
        interaction_ml(y, TRUE)
