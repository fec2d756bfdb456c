"""Spiking engine: leaky integrate-and-fire neurons and nearest-pair STDP in 1 ms steps, all three phases of the paper.

Nothing here uses the closed forms of `formula`: weights come from simulated spike times, and a word counts as
identified because a simulated neuron crossed its threshold.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.spiking.fixedpoint import check_fraction_bits, fraction_bits, largest_expected_input
from paperlab.methods.spiking.formula import PAPER_STDP, cancelled, step_gain
from paperlab.methods.spiking.loops import SEARCH_LIMIT, TRAIN_STEPS, fires, scale_weights, search, training_run
from paperlab.methods.spiking.words import Metrics, all_words, check_patterns, metrics, word_bits


@dataclass(frozen=True)
class Training:
    """One training run, as recorded.

    Attributes
    ----------
    word : int
    weights_exc, weights_inh : ndarray, shape (n_bits,)
        Final weights onto the exciting and the inhibiting output [nA].
    spikes : ndarray of bool, shape (75, 2 n_bits + 2)
        Columns: injectors of 1 bits, injectors of 0 bits, exciting output, inhibiting output; one row per ms.
    trace : ndarray, shape (75, 2 n_bits)
        Weights at each ms.
    voltage : ndarray, shape (75, 2 n_bits + 2)
        Membrane potential above rest [mV].
    """

    word: int
    weights_exc: np.ndarray
    weights_inh: np.ndarray
    spikes: np.ndarray
    trace: np.ndarray
    voltage: np.ndarray


def train(word, stdp=PAPER_STDP, *, n_bits=10, weight_bits=7, delta_semantics="current_step"):
    """Train the network on one word: 75 ms, weights from zero (page ``stdp_spinnaker``, phase 1).

    Parameters
    ----------
    word : int
    stdp : formula.Stdp
    n_bits : int
    weight_bits : int or None
        Fraction bits to which every weight change is truncated; None or 0 for real numbers.
    delta_semantics : {"current_step", "voltage_jump", "late_jump"}

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If the word lies outside ``0 .. 2**n_bits - 1`` or a parameter is out of its range.
    """
    (word,) = check_patterns([word], n_bits)
    bits = check_fraction_bits(weight_bits)
    n = int(n_bits)
    spikes = np.zeros((TRAIN_STEPS, 2 * n + 2), dtype=bool)
    trace = np.zeros((TRAIN_STEPS, 2 * n))
    voltage = np.zeros((TRAIN_STEPS, 2 * n + 2))
    rule = float(stdp.tau_stdp), float(stdp.a_plus), float(stdp.a_minus), 0.0 if bits is None else 2.0**bits
    weight = training_run(word_bits(word, n)[0], rule, step_gain(delta_semantics), (spikes, trace, voltage))
    return Training(word, weight[:n], weight[n:], spikes, trace, voltage)


def merge(trainings):
    """Sum the final weights over the trained patterns (phase 2): ``W_1 = sum_k w_exc``, ``W_0 = sum_k w_inh``.

    Parameters
    ----------
    trainings : sequence of Training, or of anything with ``weights_exc`` and ``weights_inh``

    Returns
    -------
    w1, w0 : ndarray, shape (n_bits,)

    Raises
    ------
    ValueError
        If there is none.
    """
    trainings = list(trainings)
    if not trainings:
        raise ValueError("trainings must hold at least one training run, got none")
    return sum(t.weights_exc for t in trainings), sum(t.weights_inh for t in trainings)


def drive_fraction_bits(w1, w0, factor):
    """Fraction bits that sPyNNaker gives the weights of the test network with merged weights scaled by ``factor``.

    Parameters
    ----------
    w1, w0 : ndarray, shape (n_bits,)
    factor : float

    Returns
    -------
    int
    """
    return fraction_bits(largest_expected_input(factor * w1, factor * w0))


def _merged(w1, w0, n_bits):
    """Merged weights as contiguous floats, one for each bit."""
    w1, w0 = finite("w1", w1), finite("w0", w0)
    if w1.shape != (n_bits,) or w0.shape != (n_bits,):
        raise ValueError(f"w1 and w0 must have one weight for each of n_bits = {n_bits}, got {w1.shape} and {w0.shape}")
    return np.ascontiguousarray(w1), np.ascontiguousarray(w0)


def identify(words, w1, w0, factor, *, n_bits=10, delta_semantics="current_step", drive_bits=None, rounding="nearest"):
    """Simulate the test network once per word (phase 3).

    Parameters
    ----------
    words : array_like of int, shape (n_words,)
    w1, w0 : ndarray, shape (n_bits,)
        Merged weights.
    factor : float
        Homeostatic factor by which all of them are multiplied.
    n_bits : int
    delta_semantics : {"current_step", "voltage_jump", "late_jump"}
    drive_bits : int, "spinnaker" or None
        Fraction bits of the scaled weights: fixed, as sPyNNaker chooses them for this network, or real numbers.
    rounding : {"nearest", "floor"}

    Returns
    -------
    ndarray of bool, shape (n_words,)
        Whether the output fires at least once in 20 ms.

    Raises
    ------
    ValueError
        If a word, a weight, the factor or a name is out of its range.
    """
    bits = word_bits(words, n_bits)
    if not 0 <= factor < math.inf:
        raise ValueError(f"factor must not be negative, got {factor}")
    plus = np.empty((2, n_bits))
    scale_weights(*_merged(w1, w0, n_bits), float(factor), _grid(drive_bits, rounding), plus)
    fired = np.empty(bits.shape[0], dtype=np.bool_)
    fires(bits, plus, plus[::-1], step_gain(delta_semantics), fired)
    return fired


def _grid(drive_bits, rounding):
    """The engine's code for a grid: mode, fraction bits, round to nearest."""
    if rounding not in ("nearest", "floor"):
        raise ValueError(f"rounding must be 'nearest' or 'floor', got {rounding!r}")
    if drive_bits == "spinnaker":
        return 2, 0, rounding == "nearest"
    bits = check_fraction_bits(drive_bits, "drive_bits")
    return (0, 0, True) if bits is None else (1, bits, rounding == "nearest")


def find_factor(
    word, w1, w0, *, n_bits=10, delta_semantics="current_step", drive_bits=None, rounding="nearest", limit=SEARCH_LIMIT
):
    """Smallest factor at which a word makes the output fire, searched as the authors search it.

    Try 100, ten times more while ``limit`` allows; bisect down to an interval of 1e-4; then scan it in steps of 1e-5.
    Every trial is one simulation.

    Parameters
    ----------
    word : int
    w1, w0, n_bits, delta_semantics, drive_bits, rounding
        As in `identify`.
    limit : float
        Largest first trial; the authors' script gives up after 100.

    Returns
    -------
    float or None
        None if there is no such factor.

    Raises
    ------
    ValueError
        As `identify`.
    """
    (word,) = check_patterns([word], n_bits)
    gain, grid = step_gain(delta_semantics), _grid(drive_bits, rounding)
    found = search(word_bits(word, n_bits), _merged(w1, w0, n_bits), gain, grid, float(limit))
    return found if found > 0 else None


@dataclass(frozen=True)
class Case:
    """A network trained on some patterns and tested on all words.

    Attributes
    ----------
    patterns : list of int
    w1, w0 : ndarray, shape (n_bits,)
        Merged weights [nA].
    factors : dict of int to float or None
        Homeostatic factor of each distinct pattern.
    factor : float
        The largest of them, used in the test.
    identified : ndarray of bool, shape (2**n_bits,)
    metrics : words.Metrics
    """

    patterns: list
    w1: np.ndarray
    w0: np.ndarray
    factors: dict
    factor: float
    identified: np.ndarray
    metrics: Metrics = field(repr=False)


def run_case(
    patterns,
    stdp=PAPER_STDP,
    *,
    n_bits=10,
    weight_bits=7,
    delta_semantics="current_step",
    drive_bits=None,
    rounding="nearest",
    limit=SEARCH_LIMIT,
):
    """All three phases: train each pattern, merge, find the factor, test every word.

    Parameters
    ----------
    patterns : sequence of int
        Words in ``0 .. 2**n_bits - 1``; a word given twice is trained twice.
    stdp, n_bits, weight_bits, delta_semantics
        See `train`.
    drive_bits, rounding, limit
        See `identify` and `find_factor`.

    Returns
    -------
    Case

    Raises
    ------
    formula.NoFactorError
        If no trained pattern makes the output fire at any factor: the weights cancel.
    ValueError
        As `train` and `identify`.

    Examples
    --------
    >>> case = run_case([992])
    >>> np.flatnonzero(case.identified).tolist(), round(case.factor, 3)  # one word: an ideal detector
    ([992], 4.188)
    """
    patterns = check_patterns(patterns, n_bits)
    learn = {"n_bits": n_bits, "weight_bits": weight_bits, "delta_semantics": delta_semantics}
    w1, w0 = merge([train(word, stdp, **learn) for word in patterns])
    test = {"n_bits": n_bits, "delta_semantics": delta_semantics, "drive_bits": drive_bits, "rounding": rounding}
    factors = {word: find_factor(word, w1, w0, limit=limit, **test) for word in dict.fromkeys(patterns)}
    found = [h for h in factors.values() if h is not None]
    if not found:
        raise cancelled(patterns)
    identified = identify(all_words(n_bits), w1, w0, max(found), **test)
    return Case(patterns, w1, w0, factors, max(found), identified, metrics(identified, patterns))
