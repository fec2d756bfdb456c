"""The effect of 401(k) participation on wealth: households as a sample, classical estimates, estimates by learners.

Page ``invalid_instrument``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.instruments import scores
from paperlab.methods.instruments.comparisons import NORMAL_95
from paperlab.methods.instruments.multiply_robust import bootstrap_iv
from paperlab.methods.instruments.samples import Sample
from paperlab.methods.instruments.selection import select_minimax

COLUMNS = {  # outcome, treatment, instrument, income by the names of the two files in use; 1 or 1,000 dollars
    ("nettfa", "p401k", "e401k"): 1.0,
    ("net_tfa", "p401", "e401"): 1000.0,
}
CLASSICAL = ("raw difference", "OLS, eligible only", "OLS", "2SLS")


@dataclass(frozen=True)
class Households:
    """Households of the Survey of Income and Program Participation, 1991.

    Attributes
    ----------
    sample : Sample
        Net financial assets [1,000 $], participation, eligibility; income [1,000 $], age, family size and marriage.
    controls : ndarray, shape (n, 7)
        Constant, income and age with their squares, marriage, family size.
    """

    sample: Sample
    controls: np.ndarray


def households(frame):
    """Households of either file, in 1,000 dollars and with the same covariates.

    Parameters
    ----------
    frame : DataFrame
        With ``nettfa``, ``p401k``, ``e401k`` in 1,000 dollars, or ``net_tfa``, ``p401``, ``e401`` in dollars; ``inc``
        in the same unit, ``age``, ``fsize``, ``marr``.

    Returns
    -------
    Households

    Raises
    ------
    ValueError
        If columns are missing, or as `Sample`.
    """
    for (assets, joined, eligible), unit in COLUMNS.items():
        needed = {assets, joined, eligible, "inc", "age", "fsize", "marr"}
        if needed <= set(frame.columns):
            y, income = frame[assets] / unit, frame["inc"] / unit
            age, size, married = (frame[name] for name in ("age", "fsize", "marr"))
            sample = Sample(y, frame[joined], frame[eligible], np.column_stack([income, age, size, married]))
            squares = [np.ones(len(frame)), income, income**2, age, age**2, married, size]
            return Households(sample, np.column_stack(squares).astype(float))
    names = " or ".join(", ".join(names) for names in COLUMNS)
    raise ValueError(f"frame needs the columns {names}, and inc, age, fsize, marr; got {', '.join(frame.columns)}")


def classical(people, weights=None):
    """Raw difference, OLS among the eligible, OLS, and 2SLS with eligibility as the instrument.

    Parameters
    ----------
    people : Households
    weights : ndarray, shape (n_draws, n), optional
        Resampling counts; each household once if not given.

    Returns
    -------
    ndarray, shape (n_draws, 4)
        In the order of ``CLASSICAL`` [1,000 $].

    Raises
    ------
    ValueError
        As `bootstrap_iv`.
    """
    sample, controls = people.sample, people.controls
    a, z = sample.treatment[:, None], sample.instrument[:, None]
    weights = np.ones((1, len(a))) if weights is None else finite("weights", weights, -1)
    raw, adjusted = np.hstack([a, np.ones_like(a)]), np.hstack([a, controls])
    cases = (
        (raw, raw, weights),
        (adjusted, adjusted, weights * sample.instrument),
        (adjusted, adjusted, weights),
        (adjusted, np.hstack([z, controls]), weights),
    )
    return np.column_stack([bootstrap_iv(sample.y, *case)[:, 0] for case in cases])


def bootstrap(people, n_draws, *, rng, chunk=100):
    """`classical` estimates of households drawn with replacement.

    Parameters
    ----------
    people : Households
    n_draws : int
    rng : numpy.random.Generator
    chunk : int
        Draws that are computed at a time; the numbers do not depend on it.

    Returns
    -------
    ndarray, shape (n_draws, 4)

    Raises
    ------
    ValueError
        If there is no draw, or as `classical`.
    """
    if n_draws < 1 or chunk < 1:
        raise ValueError(f"n_draws and chunk must be at least 1, got {n_draws} and {chunk}")
    n = len(people.sample.y)
    sizes = np.diff([*range(0, n_draws, chunk), n_draws])
    chances = np.full(n, 1 / n)
    return np.concatenate([classical(people, rng.multinomial(n, chances, size).astype(float)) for size in sizes])


def from_learners(people, tuples, learner):
    """What the learners say: the selected tuple, all tuples, and the ratio that trusts the instrument.

    Parameters
    ----------
    people : Households
    tuples : TupleEstimates
        Of the same households.
    learner : str
        Whose predictions the Wald ratio takes.

    Returns
    -------
    dict of str to tuple of float
        ``(value, low, high)`` [1,000 $]: 95 % intervals from the influence function, and for the median over all tuples
        the 5 % and the 95 % quantile over the tuples.
    """
    best = select_minimax(tuples.by_fold).index
    ratio = scores.interactive_late(people.sample, tuples.predictions, learner)
    low, median, high = np.nanquantile(tuples.value, [0.05, 0.5, 0.95])
    return {
        "selected tuple": _interval(tuples.value[best], tuples.se[best]),
        "median of all tuples": (float(median), float(low), float(high)),
        "doubly robust Wald ratio": _interval(ratio.value, ratio.se),
    }


def _interval(value, se):
    return float(value), float(value - NORMAL_95 * se), float(value + NORMAL_95 * se)
