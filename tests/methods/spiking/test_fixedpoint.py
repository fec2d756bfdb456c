"""Facts about 16-bit weights: the grid, its rounding, and the rule that chooses it."""

import numpy as np
import pytest
from paperlab.methods.spiking import engine, fixedpoint, loops


def test_spynnaker_rule_for_the_networks_of_the_paper():
    training = fixedpoint.largest_expected_input(np.full(10, 20.0), [20.0])  # ten plastic synapses and the teacher
    assert fixedpoint.fraction_bits(training) == 7
    assert fixedpoint.fraction_bits(16.0) == 10  # a bound equal to a power of two needs the next one
    assert fixedpoint.fraction_bits(15.99) == 11
    assert fixedpoint.fraction_bits(0.0) == 15


def test_rounding_goes_to_even_and_truncation_towards_zero():
    assert fixedpoint.quantise([0.5, 1.5, -0.7], 0).tolist() == [0.0, 2.0, -1.0]
    assert fixedpoint.quantise([0.9, -0.9], 0, "floor").tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="how must be"):
        fixedpoint.quantise([1.0], 3, "up")


def test_engine_and_module_agree_on_the_grid():
    case = engine.run_case([0, 7, 56])
    for factor in np.geomspace(0.01, 500, 40):
        plus = np.empty((2, 10))
        loops.scale_weights(case.w1, case.w0, factor, (2, 0, True), plus)
        k = engine.drive_fraction_bits(case.w1, case.w0, factor)
        assert (plus == fixedpoint.quantise([factor * case.w1, factor * case.w0], k)).all()


def test_a_grid_holds_its_own_points_and_moves_others_by_half_a_step_at_most():
    values = np.random.default_rng(1).uniform(-30, 30, 500)
    for bits in (-2, 0, 5):
        near, low = fixedpoint.quantise(values, bits), fixedpoint.quantise(values, bits, "floor")
        assert (fixedpoint.quantise(near, bits) == near).all() and (near * 2.0**bits == np.rint(near * 2.0**bits)).all()
        assert np.abs(near - values).max() <= 2.0**-bits / 2
        assert (np.abs(low) <= np.abs(values)).all() and np.abs(low - values).max() < 2.0**-bits
    assert (fixedpoint.quantise(values, None) == values).all()


def test_an_input_always_fits_into_its_word():
    for largest in np.geomspace(1e-3, 1e6, 200):
        bits = fixedpoint.fraction_bits(largest)
        assert largest < 2.0 ** (15 - bits) and (bits == 15 or largest >= 2.0 ** (14 - bits))


def test_bad_numbers_are_refused_by_name():
    for bad, words_ in [
        (lambda: fixedpoint.quantise([1.0, np.nan], 3), "weights is nan in row 1"),
        (lambda: fixedpoint.largest_expected_input([np.inf]), "weights is inf in row 0"),
        (lambda: fixedpoint.fraction_bits(-1.0), "largest must be"),
        (lambda: fixedpoint.fraction_bits(np.nan), "largest must be"),
        (lambda: fixedpoint.check_fraction_bits(2.5), "weight_bits must be"),
        (lambda: fixedpoint.check_fraction_bits(np.nan, "drive_bits"), "drive_bits must be"),
        (lambda: fixedpoint.check_fraction_bits(-17), "-16 to 20"),
    ]:
        with pytest.raises(ValueError, match=words_):
            bad()
    assert fixedpoint.check_fraction_bits(0) is None and fixedpoint.check_fraction_bits(20) == 20
