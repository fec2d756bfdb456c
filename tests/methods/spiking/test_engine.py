"""Facts about the simulated network: what one showing teaches, and which words fire."""

import numpy as np
import pytest
from paperlab.methods.spiking import engine, formula
from paperlab.methods.spiking.formula import Stdp


def test_complementary_patterns_cancel():
    for run in (
        lambda: formula.factor([992, 31]),
        lambda: formula.identified([992, 31]),
        lambda: engine.run_case([992, 31]),
    ):
        with pytest.raises(ValueError, match="weights cancel, no homeostatic factor exists"):
            run()


def test_recorded_spike_times_and_weight_of_one_showing():
    run = engine.train(992)
    assert np.flatnonzero(run.spikes[:, 0]).tolist() == [2, 27, 57, 66]
    assert np.flatnonzero(run.spikes[:, 19]).tolist() == [7, 37, 60, 66]
    assert np.flatnonzero(run.spikes[:, 9]).tolist() == [66]
    assert np.flatnonzero(run.spikes[:, 20]).tolist() == np.flatnonzero(run.spikes[:, 21]).tolist() == [31]
    assert run.weights_exc.tolist() == [94 / 256] * 5 + [0.0] * 5
    assert run.weights_inh.tolist() == [0.0] * 5 + [94 / 256] * 5


@pytest.mark.parametrize(
    "tau, a_plus, a_minus, bits", [(5, 1, -1, 7), (5, 1, -1, 0), (8, 0.7, -1.2, 0), (3, 1, -0.5, 10)]
)
def test_simulated_weights_are_the_sum_over_nearest_pairs(tau, a_plus, a_minus, bits):
    run = engine.train(992, Stdp(tau, a_plus, a_minus), weight_bits=bits)
    expected = formula.learned_weights(Stdp(tau, a_plus, a_minus), weight_bits=bits)
    assert run.weights_exc[0] == pytest.approx(expected.active_exc, abs=1e-12)
    assert run.weights_inh[-1] == pytest.approx(expected.active_inh, abs=1e-12)
    assert run.weights_exc[-1] == pytest.approx(expected.silent, abs=1e-12)


def test_a_positive_a_minus_unlearns_the_zero_bits():
    run = engine.train(992, Stdp(a_minus=1.0))
    assert run.weights_exc[0] > 0
    assert (run.weights_inh == 0).all()


def test_learning_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="weight_bits must be"):
        engine.train(992, weight_bits=2.5)


def test_one_pattern_is_an_ideal_detector():
    for word in (0, 1, 992, 1023):
        case = engine.run_case([word])
        assert np.flatnonzero(case.identified).tolist() == [word]


def test_factor_is_the_smallest_that_fires():
    case = engine.run_case([992])
    assert case.factor == pytest.approx(formula.factor([992]), abs=2e-5)
    assert engine.identify([992], case.w1, case.w0, case.factor)[0]
    assert not engine.identify([992], case.w1, case.w0, case.factor - 3e-5)[0]


def test_spikes_and_closed_form_accept_the_same_words():
    rng = np.random.default_rng(3)
    for k in (1, 2, 3, 4):
        for patterns in rng.integers(0, 256, (8, k)):
            try:
                case = engine.run_case(patterns, n_bits=8)
            except formula.NoFactorError:
                continue
            assert (case.identified == formula.identified(patterns, n_bits=8)).all()


def test_weight_and_threshold_do_not_change_the_ball():
    a = engine.run_case([992, 1020])
    b = engine.run_case([992, 1020], delta_semantics="voltage_jump")
    assert (a.identified == b.identified).all()
    assert a.factor / b.factor == pytest.approx(15.37812 / 15, rel=1e-4)


def test_a_repeated_pattern_weighs_twice_and_outvotes_a_third():
    case = engine.run_case([0, 0, 255])
    assert case.factors[255] is None
    assert case.metrics.FN == 1


def test_real_valued_tails_break_the_cancellation():
    exact = engine.run_case([992, 28])
    real = engine.run_case([992, 28], weight_bits=0)
    assert exact.identified.sum() == 256
    assert real.identified.sum() < 256


def test_spynnaker_grid_gives_the_published_factor_to_all_digits():
    published = {(992,): 4.18817, (992, 1008): 2.32647, (992, 1016): 2.61769, (992, 30): 20.94149, (0, 0, 0): 1.39606}
    for patterns, factor in published.items():
        assert engine.run_case(patterns, drive_bits="spinnaker", limit=100).factor == pytest.approx(factor, abs=1.5e-5)
        assert abs(engine.run_case(patterns).factor - factor) > 1.5e-5 or patterns == (0, 0, 0)


def test_unknown_rounding_is_refused():
    case = engine.run_case([992])
    with pytest.raises(ValueError, match="rounding must be"):
        engine.identify([992], case.w1, case.w0, 4.0, drive_bits=8, rounding="up")


def test_words_of_any_other_length():
    case = engine.run_case([5], n_bits=3)
    assert np.flatnonzero(case.identified).tolist() == [5] and case.w1.shape == (3,)
    assert engine.run_case([21, 22], n_bits=5).identified.sum() == 4  # two bits apart


def test_order_of_patterns_does_not_matter():
    a, b = engine.run_case([0, 7, 56]), engine.run_case([56, 0, 7])
    assert a.factor == b.factor and (a.identified == b.identified).all() and a.factors == b.factors


def test_merging_is_a_sum_and_needs_something_to_sum():
    runs = [engine.train(word, n_bits=4) for word in (3, 5, 5)]
    w1, w0 = engine.merge(runs)
    assert (w1 == runs[0].weights_exc + 2 * runs[1].weights_exc).all()
    assert (w0 == runs[0].weights_inh + 2 * runs[1].weights_inh).all()
    with pytest.raises(ValueError, match="at least one training run"):
        engine.merge([])


def test_bad_weights_and_words_are_refused_by_name():
    w = np.ones(10)
    for bad, words_ in [
        (lambda: engine.identify([1024], w, w, 1.0), "words must be whole numbers"),
        (lambda: engine.identify([1], w[:9], w, 1.0), "one weight for each of n_bits = 10"),
        (lambda: engine.identify([1], w, np.where(np.arange(10) == 2, np.nan, w), 1.0), "w0 is nan in row 2"),
        (lambda: engine.identify([1], w, w, -1.0), "factor must not be negative"),
        (lambda: engine.identify([1], w, w, np.nan), "factor must not be negative"),
        (lambda: engine.identify([1], w, w, 1.0, drive_bits=2.5), "drive_bits must be"),
        (lambda: engine.identify([1], w, w, 1.0, delta_semantics="jump"), "delta_semantics must be"),
        (lambda: engine.find_factor(-1, w, w), "patterns must be whole numbers"),
    ]:
        with pytest.raises(ValueError, match=words_):
            bad()
