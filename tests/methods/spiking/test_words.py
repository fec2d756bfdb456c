"""Facts about code words, their distances, and the metrics of a detector."""

import math

import numpy as np
import pytest
from paperlab.methods.spiking import words


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
    assert (found.TP, found.FP, found.FN, found.TN) == (1, 1, 1, 1021)
    assert math.isnan(words.metrics(np.zeros(8, dtype=bool), [1]).precision)


@pytest.mark.parametrize("bad", [[1024], [-1], [3.5], [], [np.nan], [np.inf]])
def test_a_word_outside_the_range_is_refused(bad):
    with pytest.raises(ValueError, match="patterns"):
        words.check_patterns(bad, 10)


def test_word_length_is_bounded():
    with pytest.raises(ValueError, match=r"n_bits must be a whole number in 1\.\.16, got 17"):
        words.all_words(17)


@pytest.mark.parametrize("bad", [[1024], [-1], [3.5]])
def test_bits_of_a_word_that_does_not_fit_are_refused(bad):
    with pytest.raises(ValueError, match=r"words must be whole numbers in 0\.\.1023"):
        words.word_bits(bad, 10)


def test_bits_and_words_are_the_same_thing():
    bits = words.word_bits(words.all_words(6), 6)
    assert (bits @ 2 ** np.arange(5, -1, -1) == np.arange(64)).all()
    assert (words.hamming(np.arange(64), 0) == bits.sum(axis=1)).all()


def test_hamming_refuses_what_is_no_word():
    for bad in (-1, 0.5, np.nan):
        with pytest.raises(ValueError, match="b"):
            words.hamming(3, bad)
    assert words.hamming(2**40, 0) == 1


def test_shares_of_a_known_table():
    fired = np.isin(np.arange(8), [0, 1, 2])
    found = words.metrics(fired, [0, 1, 7])  # 2 hits, 1 false alarm, 1 miss, 4 right rejections
    assert found.positives == 3
    assert found.accuracy == pytest.approx(6 / 8)
    assert found.precision == pytest.approx(2 / 3) and found.sensitivity == pytest.approx(2 / 3)
    assert found.specificity == pytest.approx(4 / 5) and found.negative_prediction == pytest.approx(4 / 5)


def test_metrics_of_words_that_cannot_be_there_are_refused():
    with pytest.raises(ValueError, match=r"patterns must be whole numbers in 0\.\.7"):
        words.metrics(np.zeros(8, dtype=bool), [-1])
    with pytest.raises(ValueError, match="identified must list all"):
        words.metrics(np.zeros(9, dtype=bool), [1])
