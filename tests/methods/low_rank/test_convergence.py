"""Facts about power laws, exponentials and the rate that imbalance predicts."""

import numpy as np
import pytest
from methods.low_rank.recursion import ETA, world
from paperlab.methods.low_rank import convergence, factorization
from paperlab.methods.low_rank.factorization import Setting


def test_squared_error_and_error_have_different_powers():
    errors = np.r_[1.0, 1.0 / np.arange(1, 1001)]
    assert convergence.fit_tail(errors).power == pytest.approx(-1)
    assert convergence.fit_tail(errors**2).power == pytest.approx(-2)


def test_rounding_floor_is_cut_from_fits():
    errors = np.maximum(np.exp(-0.1 * np.arange(2000)), 1e-16)
    fit = convergence.fit_tail(errors)
    assert fit.rate == pytest.approx(0.1)
    assert errors[fit.last] >= convergence.FLOOR > errors[fit.last + 1]
    assert fit.first == fit.last // 2
    naive = np.polyfit(np.arange(1000, 2000), np.log(errors[1000:]), 1)[0]
    assert abs(naive) < 1e-6
    with pytest.raises(ValueError, match="steps lie in the last half"):
        convergence.fit_tail([1.0, 1e-16, 1e-16])


def test_rate_is_the_smallest_eigenvalue_of_the_imbalance():
    target, start, _ = world()
    run = factorization.descend(target, [Setting(5, 0.3, ETA)], start, 3000, [1000])
    predicted = convergence.surplus_rate(*run.factors[0][0], 2, eta=ETA)
    assert convergence.fit_tail(run.errors[0]).rate == pytest.approx(predicted, rel=0.1)


def test_imbalance_is_conserved_to_first_order_in_the_step():
    target, start, _ = world()
    drifts = []
    for eta in (0.1, 0.05):
        (f0, g0), (f1, g1) = factorization.descend(
            target, [Setting(5, 0.1, eta)], start, round(100 / eta), [0, round(100 / eta)]
        ).factors[0]
        first = convergence.imbalance(f0, g0)
        drifts.append(np.linalg.norm(convergence.imbalance(f1, g1) - first) / np.linalg.norm(first))
    assert drifts[0] < 0.1
    assert drifts[0] / drifts[1] == pytest.approx(2.0, rel=0.2)


def test_units_do_not_matter():
    errors = np.maximum(np.exp(-0.1 * np.arange(2000)), 1e-16)
    for unit in (1e-9, 1e9):
        fit, other = convergence.fit_tail(errors), convergence.fit_tail(unit * errors)
        assert (fit.first, fit.last) == (other.first, other.last)
        assert other.rate == pytest.approx(fit.rate) and other.power == pytest.approx(fit.power)


def test_each_law_fits_its_own_sequence_perfectly():
    t = np.arange(1, 1001)
    power, exponential = convergence.fit_tail(1 / t), convergence.fit_tail(0.99**t)
    assert power.r2_power == pytest.approx(1, abs=1e-4) and power.r2_rate < 0.999
    assert exponential.r2_rate == pytest.approx(1) and exponential.r2_power < 0.995
    assert exponential.rate == pytest.approx(-np.log(0.99))


def test_first_step_below_a_level():
    assert convergence.steps_to([3.0, 2.0, 1.0, 2.0], 2.0) == 2
    assert convergence.steps_to([3.0, 2.0], 1.0) == -1


def test_surplus_rate_of_a_known_imbalance():
    f, g = np.diag([1.0, 0.5, 0.0]), np.diag([1.0, 0.0, 0.3])  # one signal direction, surplus 0.5 and -0.3
    np.testing.assert_allclose(convergence.imbalance(f, g), np.diag([0.0, 0.25, -0.09]))
    assert convergence.surplus_rate(f, g, 1, eta=2.0) == pytest.approx(2 * 0.09)


def test_bad_input_is_refused_by_name():
    for bad, words in [
        (lambda: convergence.surplus_rate(np.eye(3), np.eye(3), 3, eta=ETA), "rank must be below"),
        (lambda: convergence.fit_tail([1.0, np.nan, 0.5]), "errors is nan in row 1"),
        (lambda: convergence.fit_tail([1.0, -1.0]), "none negative"),
        (lambda: convergence.steps_to([1.0, np.nan], 0.5), "errors is nan in row 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
