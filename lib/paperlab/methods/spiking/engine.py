"""Spiking engine: leaky integrate-and-fire neurons and nearest-pair STDP in 1 ms steps, all three phases of the paper.

Nothing here uses the closed forms of `formula`: weights come from simulated spike times, and a word counts as identified
because a simulated neuron crossed its threshold.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from paperlab.methods.spiking import words as words_
from paperlab.methods.spiking.fixedpoint import check_fraction_bits, fraction_bits, largest_expected_input
from paperlab.methods.spiking.formula import DT, GAP, TAU_M, W_MAX, cancelled, step_gain

TRAIN_STEPS = 75  # one training run [ms]
TEST_STEPS = 20  # one test run [ms]
DRIVE = 20.0  # weight that makes its target fire [nA or mV]
ONE_TIMES = np.array([1, 26, 56])  # sources of the 1 bits [ms]
ZERO_TIMES = np.array([6, 36, 59])  # sources of the 0 bits [ms]
TEACHER_TIME, SAVE_TIME, TEST_TIME = 29, 65, 10  # [ms]
DELAY, TEACHER_DELAY = 1, 2  # [ms]
REFRACTORY = 1  # steps without input after a spike (0.1 ms, rounded up)
SEARCH_START, SEARCH_LIMIT, SEARCH_LOW, SEARCH_STEP = 100.0, 1000.0, 1e-4, 1e-5


@njit(cache=True)
def _pre_spike(t, weight, last_pre, posts, n_posts, tau, a_plus, a_minus, scale):
    """Weight after a pre spike at ``t``: all changes since the last one are applied now, nearest pairs only."""
    last_post = -1
    for p in range(n_posts):
        post = posts[p] + DELAY  # the delay is dendritic: the synapse sees the post spike later
        if post > t:
            break
        last_post = post
        if last_pre >= 0 and post > last_pre:
            weight += _change(a_plus, post - last_pre, tau, scale)
            weight = min(max(weight, 0.0), W_MAX)
    if last_post >= 0 and t > last_post:
        weight -= _change(a_minus, t - last_post, tau, scale)
        weight = min(max(weight, 0.0), W_MAX)
    return weight


@njit(cache=True)
def _change(amplitude, gap, tau, scale):
    change = amplitude * math.exp(-gap / tau)
    return np.trunc(change * scale) / scale if scale > 0 else change


@njit(cache=True)
def _train(bits, tau, a_plus, a_minus, scale, gain, spikes, trace, voltage):
    """One training run. Neurons: N injectors of 1 bits, N of 0 bits, exciting output, inhibiting output."""
    n = bits.size
    steps = spikes.shape[0]
    decay = math.exp(-DT / TAU_M)
    current = np.zeros((steps + 2 * TEACHER_DELAY, 2 * n + 2))
    for i in range(n):
        row, times = (i, ONE_TIMES) if bits[i] else (n + i, ZERO_TIMES)
        for s in times:
            current[s + DELAY, row] += DRIVE
    current[SAVE_TIME + DELAY, : 2 * n] += DRIVE
    current[TEACHER_TIME + TEACHER_DELAY, 2 * n :] += DRIVE
    v = np.zeros(2 * n + 2)
    rest = np.zeros(2 * n + 2, dtype=np.int64)
    weight = np.zeros(2 * n)
    last_pre = np.full(2 * n, -1)
    posts = np.zeros((2, steps), dtype=np.int64)
    n_posts = np.zeros(2, dtype=np.int64)
    for t in range(steps):
        for j in range(2 * n + 2):
            if rest[j] > 0:
                rest[j] -= 1
            else:
                v[j] = v[j] * decay + gain * current[t, j]
                if v[j] >= GAP:
                    spikes[t, j] = True
                    v[j] = 0.0
                    rest[j] = REFRACTORY
                    if j >= 2 * n:
                        posts[j - 2 * n, n_posts[j - 2 * n]] = t
                        n_posts[j - 2 * n] += 1
            voltage[t, j] = v[j]
        for j in range(2 * n):  # injectors drive the outputs through the plastic synapses
            if spikes[t, j]:
                out = 0 if j < n else 1
                weight[j] = _pre_spike(t, weight[j], last_pre[j], posts[out], n_posts[out], tau, a_plus, a_minus, scale)
                last_pre[j] = t
                current[t + DELAY, 2 * n + out] += weight[j] if out == 0 else -weight[j]
            trace[t, j] = weight[j]
    return weight


@njit(cache=True)
def _fires(bits, plus, minus, gain, fired):
    """Test runs: for each word, whether the output neuron fires. ``plus``, ``minus``: weights of both signs, two rows each."""
    n = bits.shape[1]
    decay = math.exp(-DT / TAU_M)
    v = np.zeros(2 * n + 1)
    rest = np.zeros(2 * n + 1, dtype=np.int64)
    excite = np.zeros(TEST_STEPS + 2)
    inhibit = np.zeros(TEST_STEPS + 2)
    for x in range(bits.shape[0]):
        v[:] = 0.0
        rest[:] = 0
        excite[:] = 0.0
        inhibit[:] = 0.0
        fired[x] = False
        for t in range(TEST_STEPS):
            for j in range(2 * n):
                if rest[j] > 0:
                    rest[j] -= 1
                    continue
                source = j if j < n else j - n
                on = bits[x, source] == (1 if j < n else 0)
                v[j] = v[j] * decay + (gain * DRIVE if on and t == TEST_TIME + DELAY else 0.0)
                if v[j] >= GAP:
                    v[j] = 0.0
                    rest[j] = REFRACTORY
                    row = 0 if j < n else 1
                    excite[t + DELAY] += plus[row, source]
                    inhibit[t + DELAY] += minus[row, source]
            if rest[2 * n] > 0:
                rest[2 * n] -= 1
            else:
                v[2 * n] = v[2 * n] * decay + gain * (excite[t] - inhibit[t])
                if v[2 * n] >= GAP:
                    fired[x] = True
                    v[2 * n] = 0.0
                    rest[2 * n] = REFRACTORY


@njit(cache=True)
def _scale(w1, w0, factor, mode, bits, nearest, plus):
    """Weights of the test network: merged weights times the factor, on a grid (mode 1: fixed; 2: sPyNNaker's) or not (0)."""
    plus[0] = w1 * factor
    plus[1] = w0 * factor
    if mode == 0:
        return
    if mode == 2:
        largest = 0.0
        for row in range(2):
            largest += plus[row].max() * np.count_nonzero(plus[row])
        power = max(0, math.ceil(math.log2(largest))) if largest > 0 else 0
        bits = 15 - (power + 1 if 2.0**power <= largest else power)
    grid = 2.0**bits
    for row in range(2):
        for i in range(w1.size):
            plus[row, i] = (np.rint(plus[row, i] * grid) if nearest else np.trunc(plus[row, i] * grid)) / grid


@njit(cache=True)
def _one_fires(bits, w1, w0, factor, gain, mode, grid_bits, nearest, plus, fired):
    _scale(w1, w0, factor, mode, grid_bits, nearest, plus)
    _fires(bits, plus, plus[::-1], gain, fired)
    return fired[0]


@njit(cache=True)
def _search(bits, w1, w0, gain, mode, grid_bits, nearest, limit):
    """The authors' search; -1.0 where no factor up to ``limit`` makes the word fire. Every trial is one simulation."""
    plus = np.empty((2, w1.size))
    fired = np.empty(1, dtype=np.bool_)
    high = SEARCH_START
    while not _one_fires(bits, w1, w0, high, gain, mode, grid_bits, nearest, plus, fired):
        high *= 10.0
        if high > limit:
            return -1.0
    low = SEARCH_LOW
    while high - low > SEARCH_LOW:
        middle = (low + high) / 2
        if _one_fires(bits, w1, w0, middle, gain, mode, grid_bits, nearest, plus, fired):
            high = middle
        else:
            low = middle
    first = round(low * 1e5) / 1e5 - SEARCH_STEP
    for step in range(int((high - first) / SEARCH_STEP) + 3):
        factor = first + step * SEARCH_STEP
        if _one_fires(bits, w1, w0, factor, gain, mode, grid_bits, nearest, plus, fired):
            return factor
    return -1.0


@dataclass
class Training:
    """One training run, as recorded.

    Attributes
    ----------
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


def train(word, *, n_bits=10, tau_stdp=5.0, a_plus=1.0, a_minus=-1.0, weight_bits=7, delta_semantics="current_step"):
    """Train the network on one word: 75 ms, weights from zero (page ``stdp_spinnaker``, phase 1).

    Parameters
    ----------
    word : int
    n_bits : int
    tau_stdp : float
        Time constant of both STDP windows [ms].
    a_plus, a_minus : float
        Amplitudes in absolute weight units; ``a_minus`` is negative in the paper, so that both orders potentiate.
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
    (word,) = words_.check_patterns([word], n_bits)
    if not tau_stdp > 0:
        raise ValueError(f"tau_stdp must be positive, got {tau_stdp}; it is a time constant in ms")
    bits = check_fraction_bits(weight_bits)
    n = int(n_bits)
    spikes = np.zeros((TRAIN_STEPS, 2 * n + 2), dtype=bool)
    trace = np.zeros((TRAIN_STEPS, 2 * n))
    voltage = np.zeros((TRAIN_STEPS, 2 * n + 2))
    weight = _train(
        words_.word_bits(word, n)[0],
        float(tau_stdp),
        float(a_plus),
        float(a_minus),
        0.0 if bits is None else 2.0**bits,
        step_gain(delta_semantics),
        spikes,
        trace,
        voltage,
    )
    return Training(word, weight[:n], weight[n:], spikes, trace, voltage)


def merge(trainings):
    """Sum the final weights over the trained patterns (phase 2): ``W_1 = sum_k w_exc``, ``W_0 = sum_k w_inh``."""
    return sum(t.weights_exc for t in trainings), sum(t.weights_inh for t in trainings)


def drive_fraction_bits(w1, w0, factor):
    """Fraction bits that sPyNNaker gives the weights of the test network with merged weights scaled by ``factor``."""
    return fraction_bits(largest_expected_input(factor * w1, factor * w0))


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
    """
    plus = np.empty((2, len(w1)))
    _scale(_floats(w1), _floats(w0), float(factor), *_grid(drive_bits, rounding), plus)
    bits = words_.word_bits(words, n_bits)
    fired = np.empty(bits.shape[0], dtype=np.bool_)
    _fires(bits, plus, plus[::-1], step_gain(delta_semantics), fired)
    return fired


def _floats(weights):
    return np.ascontiguousarray(weights, dtype=float)


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

    ``limit`` is the largest first trial; the authors' script gives up after 100. Returns the factor, or None if there is none.
    """
    bits = words_.word_bits(word, n_bits)
    gain = step_gain(delta_semantics)
    found = _search(bits, _floats(w1), _floats(w0), gain, *_grid(drive_bits, rounding), float(limit))
    return found if found > 0 else None


@dataclass
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
    metrics : dict
        See `words.metrics`.
    """

    patterns: list
    w1: np.ndarray
    w0: np.ndarray
    factors: dict
    factor: float
    identified: np.ndarray
    metrics: dict = field(repr=False)


def run_case(
    patterns,
    *,
    n_bits=10,
    tau_stdp=5.0,
    a_plus=1.0,
    a_minus=-1.0,
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
    n_bits, tau_stdp, a_plus, a_minus, weight_bits, delta_semantics
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
    """
    patterns = words_.check_patterns(patterns, n_bits)
    learn = {"n_bits": n_bits, "tau_stdp": tau_stdp, "a_plus": a_plus, "a_minus": a_minus,
             "weight_bits": weight_bits, "delta_semantics": delta_semantics}  # fmt: skip
    w1, w0 = merge([train(word, **learn) for word in patterns])
    test = {"n_bits": n_bits, "delta_semantics": delta_semantics, "drive_bits": drive_bits, "rounding": rounding}
    factors = {word: find_factor(word, w1, w0, limit=limit, **test) for word in dict.fromkeys(patterns)}
    found = [h for h in factors.values() if h is not None]
    if not found:
        raise cancelled(patterns)
    identified = identify(words_.all_words(n_bits), w1, w0, max(found), **test)
    return Case(patterns, w1, w0, factors, max(found), identified, words_.metrics(identified, patterns))
