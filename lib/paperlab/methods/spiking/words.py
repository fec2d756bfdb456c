"""Code words of N bits, the patterns a network was trained on, and the metrics of a detector."""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite

MAX_BITS = 16


def check_bits(n_bits):
    """The word length as an int.

    Raises
    ------
    ValueError
        Outside 1..16: 2**16 words is the largest input space kept.
    """
    if not 1 <= n_bits <= MAX_BITS or int(n_bits) != n_bits:
        raise ValueError(
            f"n_bits must be a whole number in 1..{MAX_BITS}, got {n_bits}; all 2**n_bits words are tested"
        )
    return int(n_bits)


def _whole(name, values):
    """Words of any length as an integer array."""
    numbers = finite(name, values)
    wrong = (numbers != np.floor(numbers)) | (numbers < 0)
    if wrong.any():
        raise ValueError(f"{name} must be whole numbers, not negative, got {numbers[wrong].flat[0]:g}")
    return numbers.astype(np.int64)


def check_words(words, n_bits, name="words"):
    """Words as an integer array, if all of them have at most ``n_bits`` bits.

    Parameters
    ----------
    words : array_like of int, shape (n_words,), or one word
    n_bits : int
    name : str
        Name of the argument, for the message.

    Returns
    -------
    ndarray of int64, shape (n_words,)

    Raises
    ------
    ValueError
        If a word is not a whole number in ``0 .. 2**n_bits - 1``.
    """
    n_bits = check_bits(n_bits)
    numbers = np.atleast_1d(finite(name, words))
    wrong = (numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= 2**n_bits)
    if wrong.any():
        raise ValueError(
            f"{name} must be whole numbers in 0..{2**n_bits - 1}, got {numbers[wrong].flat[0]:g}; "
            f"a word has n_bits = {n_bits} bits, so raise n_bits or choose another word"
        )
    return numbers.astype(np.int64)


def check_patterns(patterns, n_bits):
    """Check the trained words.

    A word may be given twice: it is then trained twice, so it weighs twice, but it counts once as a word to find.

    Parameters
    ----------
    patterns : sequence of int
        Trained words, each in ``0 .. 2**n_bits - 1``.
    n_bits : int

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If there is no pattern, or one is not a whole number or lies outside the range.
    """
    if np.size(patterns) == 0:
        raise ValueError("patterns must hold at least one word, got none")
    return check_words(patterns, n_bits, "patterns").tolist()


def word_bits(words, n_bits):
    """Bits of words, most significant first: neuron 0 carries the most significant bit.

    Parameters
    ----------
    words : array_like of int, shape (n_words,)
    n_bits : int

    Returns
    -------
    bits : ndarray of uint8, shape (n_words, n_bits)

    Raises
    ------
    ValueError
        If a word is not a whole number in ``0 .. 2**n_bits - 1``.

    Examples
    --------
    >>> word_bits([992], 10)
    array([[1, 1, 1, 1, 1, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    words = check_words(words, n_bits)
    return ((words[:, None] >> np.arange(n_bits - 1, -1, -1)) & 1).astype(np.uint8)


def all_words(n_bits):
    """The whole input space, ``0 .. 2**n_bits - 1``.

    Raises
    ------
    ValueError
        If ``n_bits`` lies outside 1..16.
    """
    return np.arange(2 ** check_bits(n_bits))


def hamming(a, b):
    """Number of bits in which words differ, element by element.

    Parameters
    ----------
    a, b : array_like of int
        Of shapes that broadcast.

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
        If a word is negative or no whole number.

    Examples
    --------
    >>> int(hamming(992, 31))
    10
    """
    return np.bitwise_count(np.bitwise_xor(_whole("a", a), _whole("b", b)))


def summed_distance(patterns):
    """Sum of the Hamming distances over all pairs of patterns: 0 where all are equal.

    Examples
    --------
    >>> summed_distance([0, 7, 56])
    12
    """
    patterns = np.asarray(patterns)
    return int(hamming(patterns[:, None], patterns[None, :]).sum()) // 2


@dataclass(frozen=True)
class Metrics:
    """A detector's words against the words it was trained on: counts, and shares (nan where the denominator is 0)."""

    positives: int
    TP: int
    TN: int
    FP: int
    FN: int
    accuracy: float
    precision: float
    negative_prediction: float
    sensitivity: float
    specificity: float


def metrics(identified, patterns):
    """Compare the words a detector identified with the words it was trained on.

    Parameters
    ----------
    identified : array_like of bool, shape (2**n_bits,)
        Whether the output fired for each word.
    patterns : sequence of int
        Trained words; a word given twice counts once.

    Returns
    -------
    Metrics

    Raises
    ------
    ValueError
        If ``identified`` does not list all words of some length, or a pattern is none of them.

    Examples
    --------
    >>> found = metrics([True, False, True, False], [0, 1])
    >>> found.TP, found.FP, found.FN, found.accuracy
    (1, 1, 1, 0.5)
    """
    identified = np.asarray(identified, dtype=bool)
    n_bits = max(identified.size.bit_length() - 1, 1)
    if identified.shape != (2**n_bits,):
        raise ValueError(f"identified must list all 2**n_bits words, got shape {identified.shape}")
    trained = np.zeros(identified.size, dtype=bool)
    trained[check_patterns(patterns, n_bits)] = True
    tp = int((identified & trained).sum())
    fp = int((identified & ~trained).sum())
    fn = int((~identified & trained).sum())
    tn = identified.size - tp - fp - fn

    def share(part, whole):
        return part / whole if whole else float("nan")

    return Metrics(
        positives=tp + fp,
        TP=tp,
        TN=tn,
        FP=fp,
        FN=fn,
        accuracy=(tp + tn) / identified.size,
        precision=share(tp, tp + fp),
        negative_prediction=share(tn, tn + fn),
        sensitivity=share(tp, tp + fn),
        specificity=share(tn, tn + fp),
    )
