"""Code words of N bits, the patterns a network was trained on, and the metrics of a detector."""

import numpy as np

MAX_BITS = 16


def check_bits(n_bits):
    """Return ``n_bits`` as an int, or raise ValueError outside 1..16 (2**16 words is the largest input space kept)."""
    if int(n_bits) != n_bits or not 1 <= n_bits <= MAX_BITS:
        raise ValueError(
            f"n_bits must be a whole number in 1..{MAX_BITS}, got {n_bits}; all 2**n_bits words are tested"
        )
    return int(n_bits)


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
    n_bits = check_bits(n_bits)
    patterns = list(np.atleast_1d(patterns))
    if not patterns:
        raise ValueError("patterns must hold at least one word, got none")
    for word in patterns:
        if int(word) != word or not 0 <= word < 2**n_bits:
            raise ValueError(
                f"patterns must be whole numbers in 0..{2**n_bits - 1}, got {word}; "
                f"a word has n_bits = {n_bits} bits, so raise n_bits or choose another word"
            )
    return [int(word) for word in patterns]


def word_bits(words, n_bits):
    """Bits of words, most significant first: neuron 0 carries the most significant bit.

    Parameters
    ----------
    words : array_like of int, shape (n_words,)
    n_bits : int

    Returns
    -------
    bits : ndarray of uint8, shape (n_words, n_bits)

    Examples
    --------
    >>> word_bits([992], 10)
    array([[1, 1, 1, 1, 1, 0, 0, 0, 0, 0]], dtype=uint8)
    """
    words = np.atleast_1d(np.asarray(words, dtype=np.int64))
    return ((words[:, None] >> np.arange(n_bits - 1, -1, -1)) & 1).astype(np.uint8)


def all_words(n_bits):
    """The whole input space, ``0 .. 2**n_bits - 1``."""
    return np.arange(2 ** check_bits(n_bits))


def hamming(a, b):
    """Number of bits in which words differ (element by element).

    Examples
    --------
    >>> int(hamming(992, 31))
    10
    """
    return np.bitwise_count(np.bitwise_xor(np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)))


def summed_distance(patterns):
    """Sum of the Hamming distances over all pairs of patterns: 0 where all are equal."""
    patterns = np.asarray(patterns, dtype=np.int64)
    return int(hamming(patterns[:, None], patterns[None, :]).sum()) // 2


def metrics(identified, patterns):
    """Compare the words a detector identified with the words it was trained on.

    Parameters
    ----------
    identified : ndarray of bool, shape (2**n_bits,)
        Whether the output fired for each word.
    patterns : sequence of int
        Trained words; a word given twice counts once.

    Returns
    -------
    dict
        positives, TP, TN, FP, FN and accuracy, precision, negative_prediction, sensitivity, specificity
        (NaN where the denominator is zero).
    """
    identified = np.asarray(identified, dtype=bool)
    trained = np.zeros(identified.size, dtype=bool)
    trained[list(patterns)] = True
    tp = int((identified & trained).sum())
    fp = int((identified & ~trained).sum())
    fn = int((~identified & trained).sum())
    tn = identified.size - tp - fp - fn

    def share(part, whole):
        return part / whole if whole else float("nan")

    return {
        "positives": tp + fp,
        "TP": tp,
        "TN": tn,
        "FP": fp,
        "FN": fn,
        "accuracy": (tp + tn) / identified.size,
        "precision": share(tp, tp + fp),
        "negative_prediction": share(tn, tn + fn),
        "sensitivity": share(tp, tp + fn),
        "specificity": share(tn, tn + fp),
    }
