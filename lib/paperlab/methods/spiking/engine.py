"""Spiking engine: leaky integrate-and-fire neurons and nearest-pair STDP in 1 ms steps, all three phases of the paper.

Nothing here uses the closed forms of `formula`: weights come from simulated spike times, and a word counts as identified
because a simulated neuron crossed its threshold.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite
from paperlab.methods.spiking.fixedpoint import check_fraction_bits, fraction_bits, largest_expected_input
from paperlab.methods.spiking.formula import DT, GAP, PAPER_STDP, TAU_M, W_MAX, cancelled, step_gain
from paperlab.methods.spiking.words import Metrics, all_words, check_patterns, metrics, word_bits

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
def _pre_spike(t, weight, last_pre, posts, n_posts, rule):
    """Weight after a pre spike at ``t``: all changes since the last one are applied now, nearest pairs only."""
    tau, a_plus, a_minus, scale = rule
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
def _train(bits, rule, gain, record):
    """One training run. Neurons: N injectors of 1 bits, N of 0 bits, exciting output, inhibiting output.

    ``rule`` is (time constant, two amplitudes, weight steps per unit or 0); ``record`` (spikes, trace, voltage) is filled.
    """
    spikes, trace, voltage = record
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
                weight[j] = _pre_spike(t, weight[j], last_pre[j], posts[out], n_posts[out], rule)
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
def _scale(w1, w0, factor, grid, plus):
    """Weights of the test network: merged weights times the factor, on a grid or not.

    ``grid`` is (mode, fraction bits, to the nearest): mode 0 none, 1 fixed, 2 sPyNNaker's.
    """
    mode, bits, nearest = grid
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
    steps = 2.0**bits
    for row in range(2):
        for i in range(w1.size):
            plus[row, i] = (np.rint(plus[row, i] * steps) if nearest else np.trunc(plus[row, i] * steps)) / steps


@njit(cache=True)
def _one_fires(bits, weights, factor, gain, grid, work):
    plus, fired = work
    _scale(weights[0], weights[1], factor, grid, plus)
    _fires(bits, plus, plus[::-1], gain, fired)
    return fired[0]


@njit(cache=True)
def _search(bits, weights, gain, grid, limit):
    """The authors' search; -1.0 where no factor up to ``limit`` makes the word fire. Every trial is one simulation."""
    work = np.empty((2, bits.shape[1])), np.empty(1, dtype=np.bool_)
    high = SEARCH_START
    while not _one_fires(bits, weights, high, gain, grid, work):
        high *= 10.0
        if high > limit:
            return -1.0
    low = SEARCH_LOW
    while high - low > SEARCH_LOW:
        middle = (low + high) / 2
        if _one_fires(bits, weights, middle, gain, grid, work):
            high = middle
        else:
            low = middle
    first = round(low * 1e5) / 1e5 - SEARCH_STEP
    for step in range(int((high - first) / SEARCH_STEP) + 3):
        factor = first + step * SEARCH_STEP
        if _one_fires(bits, weights, factor, gain, grid, work):
            return factor
    return -1.0


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
    weight = _train(word_bits(word, n)[0], rule, step_gain(delta_semantics), (spikes, trace, voltage))
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
    _scale(*_merged(w1, w0, n_bits), float(factor), _grid(drive_bits, rounding), plus)
    fired = np.empty(bits.shape[0], dtype=np.bool_)
    _fires(bits, plus, plus[::-1], step_gain(delta_semantics), fired)
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
    found = _search(word_bits(word, n_bits), _merged(w1, w0, n_bits), gain, grid, float(limit))
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
