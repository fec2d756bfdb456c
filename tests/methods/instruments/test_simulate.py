"""The made-up world has the effect, the probabilities and the confounding that it says."""

import numpy as np
import pytest
from paperlab.methods.instruments import simulate
from paperlab.methods.instruments.simulate import Design


def test_the_mean_effect_is_one_and_the_equation_holds():
    design = Design(direct=0.7, conf=0.5)
    s = simulate.draw(100_000, design, rng=np.random.default_rng(0))
    x1, x2 = s.x[:, 0], s.x[:, 1]
    beta = 1 + x1 / 2
    assert beta.mean() == pytest.approx(simulate.TRUE_EFFECT, abs=0.005)
    direct = 0.7 * s.instrument * (1 + x2 / 2)
    error = s.y - beta * s.treatment - direct - x1 - x2**2 - 0.75 * s.u
    assert error.mean() == pytest.approx(0, abs=0.01)
    assert error.std() == pytest.approx(0.5, rel=0.02)
    assert abs(np.corrcoef(error, s.treatment)[0, 1]) < 0.02


@pytest.mark.parametrize("shape", simulate.SHAPES)
def test_treatment_follows_its_probabilities_and_the_confounder(shape):
    design = Design(shape=shape, interaction=0.5)
    s = simulate.draw(400_000, design, rng=np.random.default_rng(1))
    for arm, p in zip((0, 1), design.treatment_probabilities(s.x), strict=True):
        here = s.instrument == arm
        assert s.treatment[here].mean() == pytest.approx(p[here].mean(), abs=0.005)
        up, down = (s.treatment[here & (s.u == sign)].mean() for sign in (1, -1))
        strength = {"linear": 0.12, "wavy": 0.1}[shape] * (1 if arm else 0.5)
        assert (up - down) / 2 == pytest.approx(strength, abs=0.005)
    p0, p1 = design.treatment_probabilities(s.x)
    assert (p1 - p0).mean() == pytest.approx(0.3, abs=0.005)
    assert p0.mean() == pytest.approx(0.2, abs=0.005)


def test_the_instrument_knows_the_covariates_and_not_the_confounder():
    s = simulate.draw(200_000, rng=np.random.default_rng(2))
    assert abs(np.corrcoef(s.instrument, s.u)[0, 1]) < 0.01
    high = (s.x[:, 0] > 0.8) & (s.x[:, 1] < -0.8)
    assert s.instrument[high].mean() == pytest.approx(1 / (1 + np.exp(-0.9)), abs=0.02)


def test_more_covariates_change_nothing_but_their_number():
    s = simulate.draw(500, Design(n_covariates=30), rng=np.random.default_rng(3))
    assert s.x.shape == (500, 30) and s.y.shape == (500,)


@pytest.mark.parametrize("var_gap", [0.02, 0.3])
@pytest.mark.parametrize("interaction", [0.0, 1.0])
def test_the_whole_parameter_range_keeps_probabilities_valid(var_gap, interaction):
    for shape in simulate.SHAPES:
        design = Design(interaction=interaction, shape=shape, var_gap=0.3 if shape == "wavy" else var_gap)
        s = simulate.draw(20_000, design, rng=np.random.default_rng(0))
        assert set(np.unique(s.treatment)) == {0.0, 1.0}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"shape": "square"}, "shape must be one of linear, wavy, got 'square'"),
        ({"n_covariates": 1}, "n_covariates must be at least 2, got 1"),
        ({"direct": np.nan}, "direct must be finite, got nan"),
    ],
)
def test_designs_that_make_no_sense_are_told(change, words):
    with pytest.raises(ValueError, match=words):
        Design(**change)


def test_probabilities_outside_the_unit_interval_are_refused():
    with pytest.raises(ValueError, match=r"leaves \[0, 1\]"):
        simulate.draw(1000, Design(var_gap=0.6), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"leaves \[0, 1\]"):
        simulate.draw(1000, Design(base=0.05), rng=np.random.default_rng(0))


def test_there_is_no_default_generator():
    with pytest.raises(TypeError, match="rng"):
        simulate.draw(100)
