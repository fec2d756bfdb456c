"""Facts of the word-learning network: what one showing teaches, which words fire, and what fixed point does to both."""

import math

import numpy as np
import pytest
from paperlab.methods.spiking import engine, fixedpoint, formula, network, words


# words
def test_most_significant_bit_comes_first():
    assert words.word_bits([992], 10)[0].tolist() == [1] * 5 + [0] * 5


def test_hamming_distance_is_a_metric_and_sums_over_pairs():
    rng = np.random.default_rng(1)
    a, b, c = rng.integers(0, 1024, (3, 200))
    assert (words.hamming(a, b) == words.hamming(b, a)).all()
    assert (words.hamming(a, c) <= words.hamming(a, b) + words.hamming(b, c)).all()
    assert words.summed_distance([0, 7, 56]) == 3 + 3 + 6


def test_metrics_count_a_repeated_pattern_once_and_partition_the_input_space():
    fired = np.zeros(1024, dtype=bool)
    fired[[0, 5]] = True
    found = words.metrics(fired, [0, 0, 7])
    assert (found["TP"], found["FP"], found["FN"], found["TN"]) == (1, 1, 1, 1021)
    assert math.isnan(words.metrics(np.zeros(8, dtype=bool), [1])["precision"])


@pytest.mark.parametrize("bad", [[1024], [-1], [3.5], []])
def test_a_word_outside_the_range_is_refused(bad):
    with pytest.raises(ValueError, match=r"patterns must .*got|whole numbers in 0\.\.1023"):
        words.check_patterns(bad, 10)


def test_word_length_is_bounded():
    with pytest.raises(ValueError, match=r"n_bits must be a whole number in 1\.\.16, got 17"):
        words.all_words(17)


# closed forms
def test_threshold_of_a_current_step_and_of_a_voltage_jump():
    assert formula.threshold("current_step") == pytest.approx(15.37812, abs=1e-5)
    assert formula.threshold("voltage_jump") == 15.0
    assert formula.threshold("late_jump") == pytest.approx(15 * math.exp(1 / 20))
    with pytest.raises(ValueError, match="delta_semantics must be"):
        formula.threshold("jump")


def test_two_patterns_accept_two_to_the_power_of_their_distance():
    for d in range(1, 10):
        assert formula.identified([992, 992 ^ ((1 << d) - 1)]).sum() == 2**d


def test_complementing_all_words_complements_the_ball():
    rng = np.random.default_rng(2)
    for triple in rng.integers(0, 1024, (20, 3)):
        mirrored = formula.identified(1023 - triple)
        assert (mirrored[::-1] == formula.identified(triple)).all()


def test_complementary_patterns_cancel():
    for run in (
        lambda: formula.factor([992, 31]),
        lambda: formula.identified([992, 31]),
        lambda: engine.run_case([992, 31]),
    ):
        with pytest.raises(ValueError, match="weights cancel, no homeostatic factor exists"):
            run()


# fixed point
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
        engine._scale(case.w1, case.w0, factor, 2, 0, True, plus)
        k = engine.drive_fraction_bits(case.w1, case.w0, factor)
        assert (plus == fixedpoint.quantise([factor * case.w1, factor * case.w0], k)).all()


# training
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
    run = engine.train(992, tau_stdp=tau, a_plus=a_plus, a_minus=a_minus, weight_bits=bits)
    expected = formula.learned_weights(tau_stdp=tau, a_plus=a_plus, a_minus=a_minus, weight_bits=bits)
    assert run.weights_exc[0] == pytest.approx(expected["active exc"], abs=1e-12)
    assert run.weights_inh[-1] == pytest.approx(expected["active inh"], abs=1e-12)
    assert run.weights_exc[-1] == pytest.approx(expected["silent"], abs=1e-12)


def test_finer_weights_keep_the_tails_and_miss_the_recorded_value():
    assert formula.learned_weights(weight_bits=7)["active exc"] == 94 / 256
    assert formula.learned_weights(weight_bits=8)["active exc"] == 95 / 256


def test_a_positive_a_minus_unlearns_the_zero_bits():
    run = engine.train(992, a_minus=1.0)
    assert run.weights_exc[0] > 0
    assert (run.weights_inh == 0).all()


def test_learning_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="tau_stdp must be positive, got 0"):
        engine.train(992, tau_stdp=0)
    with pytest.raises(ValueError, match="weight_bits must be"):
        engine.train(992, weight_bits=2.5)


# test phase
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
    assert case.metrics["FN"] == 1


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


# other simulators
def test_unknown_and_missing_engines_say_what_to_do(monkeypatch):
    with pytest.raises(ValueError, match="backend must be one of nest, brian2, spinnaker, got 'neuron'"):
        network.simulator("neuron")
    missing = network.Backend("pyNN.not_there", "not-there", "all pairs", 1.0, 1.0, 1.0, 0.0)
    monkeypatch.setitem(network.BACKENDS, "nest", missing)
    with pytest.raises(network.EngineMissingError, match=r"needs the package not-there.*choose engine='numpy'"):
        network.simulator("nest")


def test_spinnaker_gives_no_spikes_here():
    with pytest.raises(network.EngineMissingError, match="boards only"):
        network.identify([992], [(np.ones(10), np.ones(10))], "spinnaker")


def test_nest_pairs_all_spikes_and_tells_the_same_words_apart():
    pytest.importorskip("nest")
    run = network.train(992, "nest")
    tails = math.exp(-1) + math.exp(-6) + math.exp(-5) + math.exp(-6.8)
    assert run.weights_exc[0] == pytest.approx(tails, abs=1e-6)
    assert run.output_times[0][0].tolist() == [31.0]
    runs = [network.train(word, "nest", n_bits=4) for word in (1, 2)]
    w1, w0 = engine.merge(runs)
    grid1, grid0 = (
        sum(fixedpoint.quantise(getattr(r, side), 8) for r in runs) for side in ("weights_exc", "weights_inh")
    )
    factor = 1.0001 * 15 / (4 * 97 / 256)  # two bits in common, each seen twice
    rounded, real = network.identify(
        range(16), [(factor * grid1, factor * grid0), (factor * w1, factor * w0)], "nest", n_bits=4
    )
    assert (rounded == formula.identified([1, 2], n_bits=4)).all()
    assert real.sum() < rounded.sum()  # without rounding the tails break the ties
