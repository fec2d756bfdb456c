"""Closed forms of the network: what the spikes compute, without spikes."""

import math
from dataclasses import dataclass

import numpy as np

from paperlab.methods.spiking.fixedpoint import check_fraction_bits, quantise
from paperlab.methods.spiking.words import check_patterns, word_bits

TAU_M = 20.0  # membrane time constant [ms]
C_M = 1.0  # membrane capacitance [nF]
GAP = 15.0  # threshold above rest [mV]
DT = 1.0  # time step [ms]
W_MAX = 20.0  # upper bound of a plastic weight [nA]

# pairs (order, time between the spikes in ms) that one synapse sees in the 75 ms of training; see `learned_weights`
PAIRS = {
    "active_exc": (("pre first", 5.0), ("post first", 25.0), ("post first", 34.0)),
    "active_inh": (("pre first", 25.0), ("post first", 5.0), ("post first", 28.0), ("post first", 34.0)),
    "silent": (("post first", 34.0),),
}


@dataclass(frozen=True)
class Stdp:
    """The plasticity rule of all learning synapses (page ``stdp_spinnaker``, eq. 1).

    Parameters
    ----------
    tau_stdp : float
        Time constant of both windows [ms], positive.
    a_plus, a_minus : float
        Amplitudes in absolute weight units; ``a_minus`` is negative in the paper, so that both orders potentiate.

    Raises
    ------
    ValueError
        If the time constant is not positive or an amplitude not finite.
    """

    tau_stdp: float = 5.0
    a_plus: float = 1.0
    a_minus: float = -1.0

    def __post_init__(self):
        if not 0 < self.tau_stdp < math.inf:
            raise ValueError(f"tau_stdp must be positive, got {self.tau_stdp}; it is a time constant in ms")
        for name in ("a_plus", "a_minus"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")


PAPER_STDP = Stdp()


@dataclass(frozen=True)
class LearnedWeights:
    """Weight of a synapse of a 1 bit onto the exciting output, of a 0 bit onto the inhibiting one, of a silent one."""

    active_exc: float
    active_inh: float
    silent: float


class NoFactorError(ValueError):
    """No homeostatic factor makes any trained pattern fire."""


def cancelled(patterns):
    """The error for patterns whose merged weights cannot make any of them fire."""
    return NoFactorError(
        f"patterns {list(patterns)}: weights cancel, no homeostatic factor exists; "
        "no trained word drives the output, so choose patterns that share more bits"
    )


def threshold(delta_semantics="current_step"):
    """Summed weight that lifts a resting neuron to threshold in one time step.

    Parameters
    ----------
    delta_semantics : {"current_step", "voltage_jump", "late_jump"}
        "current_step": the input is a current that acts for one time step (SpiNNaker), so the membrane moves by
        ``w R (1 - exp(-dt / tau_m))`` with ``R = tau_m / c_m``. "voltage_jump": the membrane moves by ``w`` mV (NEST).
        "late_jump": it moves by ``w`` mV after the threshold was tested and decays for one step before the next test
        (Brian2).

    Returns
    -------
    float
        In weight units (nA or mV).

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> round(threshold("current_step"), 5), threshold("voltage_jump")
    (15.37812, 15.0)
    >>> round(threshold("late_jump"), 5)
    15.76907
    """
    return GAP / step_gain(delta_semantics)


def step_gain(delta_semantics):
    """Membrane response to a unit weight after one time step [mV per weight unit]; see `threshold`.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if delta_semantics == "current_step":
        return TAU_M / C_M * -math.expm1(-DT / TAU_M)
    if delta_semantics == "voltage_jump":
        return 1.0
    if delta_semantics == "late_jump":
        return math.exp(-DT / TAU_M)
    raise ValueError(f"delta_semantics must be 'current_step', 'voltage_jump' or 'late_jump', got {delta_semantics!r}")


def learned_weights(stdp=PAPER_STDP, *, weight_bits=7):
    """Weights after one training run, as a sum over the nearest spike pairs (page ``stdp_spinnaker``, eq. 2).

    The post spike counts at 32 ms (fired at 31, seen by the synapse one dendritic delay later). An excitatory synapse
    of a 1 bit has pre spikes at 2, 27, 57 and 66 ms, an inhibitory one of a 0 bit at 7, 37, 60 and 66 ms, a silent one
    only the saving spike at 66 ms. Pre before post adds ``a_plus exp(-5/tau)`` and the like, post before pre subtracts
    ``a_minus exp(...)``, so a negative ``a_minus`` potentiates too. Holds as long as training drives the output only
    once.

    Parameters
    ----------
    stdp : Stdp
    weight_bits : int or None
        Fraction bits of a weight; every single change is truncated to them. None or 0: real numbers.

    Returns
    -------
    LearnedWeights

    Raises
    ------
    ValueError
        If ``weight_bits`` is out of its range.

    Examples
    --------
    >>> learned_weights().active_exc == learned_weights().active_inh == 94 / 256
    True
    """
    bits = check_fraction_bits(weight_bits)
    weights = {}
    for synapse, pairs in PAIRS.items():
        weight = 0.0
        for order, gap in pairs:
            change = (stdp.a_plus if order == "pre first" else -stdp.a_minus) * math.exp(-gap / stdp.tau_stdp)
            weight = min(max(weight + float(quantise(change, bits, "floor")), 0.0), W_MAX)
        weights[synapse] = weight
    return LearnedWeights(**weights)


def similarity(words, pattern, n_bits=10):
    """Signed overlap of words with one pattern: equal bits minus differing bits, ``N - 2 HD``.

    Parameters
    ----------
    words : array_like of int, shape (n_words,)
    pattern, n_bits : int

    Returns
    -------
    ndarray of int, shape (n_words,)

    Raises
    ------
    ValueError
        If a word lies outside ``0 .. 2**n_bits - 1``.

    Examples
    --------
    >>> similarity([0, 1, 3], 0, 2)
    array([ 2,  0, -2])
    """
    return 2 * (word_bits(words, n_bits) == word_bits(pattern, n_bits)).sum(axis=1).astype(int) - n_bits


def summed_similarity(words, patterns, n_bits=10):
    """Overlap of words with all trained patterns, ``sum_k (N - 2 HD(x, p_k))``: what the output neuron adds up.

    Parameters
    ----------
    words : array_like of int, shape (n_words,)
    patterns : sequence of int
        A word given twice counts twice.
    n_bits : int

    Returns
    -------
    ndarray of int, shape (n_words,)

    Raises
    ------
    ValueError
        If there is no pattern, or a word lies outside ``0 .. 2**n_bits - 1``.
    """
    return sum(similarity(words, pattern, n_bits) for pattern in check_patterns(patterns, n_bits))


def factor(patterns, *, n_bits=10, weight=94 / 256, delta_semantics="current_step"):
    """Homeostatic factor: the largest ``theta / (w S(p_k))`` over the trained patterns with a positive sum.

    Parameters
    ----------
    patterns : sequence of int
    n_bits : int
    weight : float
        Of an active synapse after one showing, positive.
    delta_semantics : {"current_step", "voltage_jump", "late_jump"}

    Returns
    -------
    float

    Raises
    ------
    NoFactorError
        If no trained pattern has a positive sum: the weights cancel.
    ValueError
        If a pattern or the weight is out of its range.

    Notes
    -----
    Page ``stdp_spinnaker``, eq. (3).
    """
    patterns = check_patterns(patterns, n_bits)
    if not 0 < weight < math.inf:
        raise ValueError(f"weight must be positive, got {weight}; a network that learned nothing has no factor")
    sums = summed_similarity(patterns, patterns, n_bits)
    if not (sums > 0).any():
        raise cancelled(patterns)
    return threshold(delta_semantics) / (weight * sums[sums > 0].min())


def identified(patterns, *, n_bits=10):
    """Words that make the output fire: summed similarity at least that of the weakest pattern that fires at all.

    Neither the weight nor the threshold enters: the factor divides both out.

    Parameters
    ----------
    patterns : sequence of int
    n_bits : int

    Returns
    -------
    ndarray of bool, shape (2**n_bits,)

    Raises
    ------
    NoFactorError
        If the weights cancel.
    ValueError
        If a pattern is out of its range.

    Examples
    --------
    >>> np.flatnonzero(identified([992, 1008]))
    array([ 992, 1008])
    """
    patterns = check_patterns(patterns, n_bits)
    own = summed_similarity(patterns, patterns, n_bits)
    if not (own > 0).any():
        raise cancelled(patterns)
    return summed_similarity(np.arange(2**n_bits), patterns, n_bits) >= own[own > 0].min()
