"""The compiled loops of `engine`: one training run, the test runs, and the search for a factor, in 1 ms steps."""

import math

import numpy as np
from numba import njit

from paperlab.methods.spiking.formula import DT, GAP, TAU_M, W_MAX

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
def training_run(bits, rule, gain, record):
    """One training run. Neurons: N injectors of 1 bits, N of 0 bits, exciting output, inhibiting output.

    ``rule`` is (time constant, two amplitudes, weight steps per unit or 0); ``record`` (spikes, trace, voltage) is
    filled.
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
def fires(bits, plus, minus, gain, fired):
    """Test runs: whether the output fires for each word. ``plus``, ``minus``: weights of both signs, two rows each."""
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
def scale_weights(w1, w0, factor, grid, plus):
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
    scale_weights(weights[0], weights[1], factor, grid, plus)
    fires(bits, plus, plus[::-1], gain, fired)
    return fired[0]


@njit(cache=True)
def search(bits, weights, gain, grid, limit):
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
