"""Weights as SpiNNaker stores them: 16-bit words whose binary point moves with the largest expected input."""

import math

import numpy as np

from paperlab.methods.foundations.checks import finite


def check_fraction_bits(bits, name="weight_bits"):
    """The number of fraction bits, or None for 0 and None (no rounding).

    Parameters
    ----------
    bits : int or None
        From -16 to 20.
    name : str
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        If it is no whole number in this range.
    """
    if bits is None or bits == 0:
        return None
    if not -16 <= bits <= 20 or int(bits) != bits:
        raise ValueError(f"{name} must be 0 (no rounding) or a whole number of fraction bits, -16 to 20, got {bits}")
    return int(bits)


def quantise(weights, bits, how="nearest"):
    """Put weights on the grid of multiples of ``2**-bits``.

    Parameters
    ----------
    weights : array_like
        Weights [nA for current-based neurons].
    bits : int or None
        Fraction bits; None leaves the weights alone.
    how : {"nearest", "floor"}
        "nearest" rounds halves to even (``numpy.rint``, as sPyNNaker does when it loads static weights); "floor"
        truncates towards zero (as the fixed-point product of a weight change does).

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If a weight is not finite, or ``how`` is unknown.

    Examples
    --------
    >>> quantise([0.3, -0.3], 2), quantise([0.3, -0.3], 2, "floor")
    (array([ 0.25, -0.25]), array([ 0.25, -0.25]))
    """
    weights = finite("weights", weights)
    if bits is None:
        return weights
    scale = 2.0**bits
    if how == "nearest":
        return np.rint(weights * scale) / scale
    if how == "floor":
        return np.trunc(weights * scale) / scale
    raise ValueError(f"how must be 'nearest' or 'floor', got {how!r}")


def largest_expected_input(*projections):
    """Bound on the summed input of one synapse type in one time step: per projection, largest weight times synapses.

    Parameters
    ----------
    projections : array_like
        Weights of one projection each; zero means that there is no synapse.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a weight is not finite.

    Examples
    --------
    >>> largest_expected_input([0.0, 20.0, 10.0], [20.0])  # two synapses of at most 20, and one
    60.0
    """
    total = 0.0
    for weights in projections:
        weights = np.abs(finite("weights", weights))
        total += weights.max(initial=0.0) * np.count_nonzero(weights)
    return float(total)


def fraction_bits(largest):
    """Fraction bits of a 16-bit weight, given the largest expected summed input of its synapse type.

    sPyNNaker takes the smallest power ``p >= 0`` with ``2**p > largest`` and scales weights by ``2**(15 - p)``.

    Parameters
    ----------
    largest : float
        Bound from `largest_expected_input` [nA].

    Returns
    -------
    int
        May be negative for inputs above 32,768.

    Raises
    ------
    ValueError
        If the input is negative or not finite.

    Examples
    --------
    >>> fraction_bits(220.0)      # training: 10 plastic synapses of at most 20, and the teacher's 20
    7
    >>> fraction_bits(15.38)      # test of one trained pattern at its own homeostatic factor
    11
    """
    if not largest >= 0 or math.isinf(largest):
        raise ValueError(f"largest must be a finite non-negative input, got {largest}")
    power = math.ceil(max(0.0, math.log2(largest))) if largest > 0 else 0
    return 15 - (power + 1 if 2**power <= largest else power)
