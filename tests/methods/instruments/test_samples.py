"""What can be a sample: binary treatment and instrument, both arms, nothing missing."""

import dataclasses
import warnings

import numpy as np
import pytest
from paperlab.methods.instruments import samples, simulate

N = 60
GOOD = {
    "y": np.linspace(-1, 1, N),
    "treatment": np.tile([0, 1, 1], N // 3),
    "instrument": np.tile([True, False], N // 2),
    "x": np.arange(2.0 * N).reshape(N, 2),
}


def test_good_input_passes_without_a_warning_as_floats():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = samples.validate(**GOOD)
    assert {getattr(sample, name).dtype for name in GOOD} == {np.dtype(float)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample.y = 0


@pytest.mark.parametrize(
    "change, words",
    [
        ({"treatment": 2 * GOOD["treatment"]}, "treatment must be 0 or 1, got 2 in row 1"),
        ({"instrument": np.r_[0.5, GOOD["instrument"][1:]]}, "instrument must be 0 or 1, got 0.5 in row 0"),
        ({"treatment": GOOD["treatment"][:-1]}, r"treatment must have the shape of y, got \(59,\)"),
        ({"instrument": GOOD["instrument"][:-1]}, r"instrument must have the shape of y, got \(59,\)"),
        ({"x": GOOD["x"][:, 0]}, r"x must have shape \(60,\) \+ \(d,\), got \(60,\); use x\[\.\.\., None\]"),
        ({"y": np.where(np.arange(N) == 5, np.nan, 0.0)}, "y is nan in row 5"),
        ({"x": np.where(np.arange(2 * N).reshape(N, 2) == 7, np.inf, 0)}, "x is inf in row 3"),
        ({"treatment": np.where(np.arange(N) == 2, np.nan, 0.0)}, "treatment is nan in row 2"),
        ({"instrument": np.ones(N)}, "instrument must take both values in every sample, but nobody has 0"),
        ({"instrument": np.zeros(N)}, "nobody has 1"),
    ],
)
def test_anything_else_is_told(change, words):
    with pytest.raises(ValueError, match=words):
        samples.validate(**{**GOOD, **change})


def test_a_stack_names_the_row_of_the_sample():
    stack = simulate.draw(50, rng=np.random.default_rng(0), n_replications=3)
    y = stack.y.copy()
    y[2, 7] = np.nan
    with pytest.raises(ValueError, match=r"y is nan in row 7 \(index \(2, 7\)\)"):
        dataclasses.replace(stack, y=y)
    one_arm = stack.instrument.copy()
    one_arm[1] = 1
    with pytest.raises(ValueError, match="nobody has 0"):
        dataclasses.replace(stack, instrument=one_arm)


@pytest.mark.parametrize("arm, level", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_an_arm_in_which_the_treatment_is_constant_is_warned_of(arm, level):
    treatment = np.where(GOOD["instrument"] == arm, level, GOOD["treatment"])
    words = f"does not vary where instrument = {arm}: .* regression among instrument = {1 - arm}"
    with pytest.warns(UserWarning, match=words):
        samples.validate(**{**GOOD, "treatment": treatment})
