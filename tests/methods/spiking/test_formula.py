"""Facts about the closed forms: thresholds, learned weights, balls in summed Hamming distance."""

import math

import numpy as np
import pytest
from paperlab.methods.spiking import formula, words


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


def test_finer_weights_keep_the_tails_and_miss_the_recorded_value():
    assert formula.learned_weights(weight_bits=7).active_exc == 94 / 256
    assert formula.learned_weights(weight_bits=8).active_exc == 95 / 256


def test_learned_weights_are_the_pairs_as_printed():
    real = formula.learned_weights(formula.Stdp(5.0, 1.0, -1.0), weight_bits=0)
    assert real.active_exc == pytest.approx(math.exp(-1) + math.exp(-5) + math.exp(-6.8))
    assert real.active_inh == pytest.approx(math.exp(-5) + math.exp(-1) + math.exp(-5.6) + math.exp(-6.8))
    assert real.silent == pytest.approx(math.exp(-6.8))
    depressed = formula.learned_weights(formula.Stdp(5.0, 1.0, 1.0), weight_bits=0)
    assert depressed.silent == 0 and depressed.active_exc == pytest.approx(math.exp(-1) - math.exp(-5) - math.exp(-6.8))
    assert formula.learned_weights(formula.Stdp(5.0, 1000.0, -1.0)).active_exc == formula.W_MAX


def test_similarity_is_the_product_of_signs():
    rng = np.random.default_rng(4)
    x, p = rng.integers(0, 2**12, (2, 50))
    signs = [2.0 * words.word_bits(v, 12) - 1 for v in (x, p)]
    found = [formula.similarity([a], b, 12)[0] for a, b in zip(x, p)]
    assert found == (signs[0] * signs[1]).sum(axis=1).tolist()
    both = formula.summed_similarity(x, [p[0], p[0], p[1]], 12)
    assert (both == 2 * formula.similarity(x, p[0], 12) + formula.similarity(x, p[1], 12)).all()


def test_factor_lifts_the_weakest_word_to_threshold():
    patterns = [992, 1008, 1020]
    sums = formula.summed_similarity(patterns, patterns)
    h = formula.factor(patterns, weight=0.4)
    assert h * 0.4 * sums.min() == pytest.approx(formula.threshold())
    assert formula.factor(patterns, weight=0.8) == pytest.approx(h / 2)


def test_bad_rules_and_weights_are_refused_by_name():
    for bad, words_ in [
        (lambda: formula.Stdp(0.0), "tau_stdp must be positive, got 0.0"),
        (lambda: formula.Stdp(math.nan), "tau_stdp must be positive"),
        (lambda: formula.Stdp(5.0, math.inf), "a_plus must be finite"),
        (lambda: formula.Stdp(5.0, 1.0, math.nan), "a_minus must be finite"),
        (lambda: formula.learned_weights(weight_bits=21), "weight_bits must be"),
        (lambda: formula.factor([992], weight=0.0), "weight must be positive"),
        (lambda: formula.summed_similarity([1], []), "at least one word"),
        (lambda: formula.identified([1024]), "patterns must be whole numbers"),
    ]:
        with pytest.raises(ValueError, match=words_):
            bad()
