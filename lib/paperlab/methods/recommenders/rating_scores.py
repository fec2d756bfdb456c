"""Measures for ratings and clicks in one place: errors, precision and recall, areas, discounted gain of lists."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.metrics import auroc, rmse


@dataclass(frozen=True)
class Scores:
    """What predicted ratings are worth.

    Attributes
    ----------
    mae, rmse : float
        Mean absolute and root mean squared error [stars].
    precision, recall, f1 : float
        Of the advertisements shown the share clicked, of the clicks the share shown, and their harmonic mean.
    auc : float
        Chance that a click scores above another rating.
    ndcg : float
        Stars of the best list of each user, discounted by rank, over those of the ideal list; mean of users.
    """

    mae: float
    rmse: float
    precision: float
    recall: float
    f1: float
    auc: float
    ndcg: float


def scores(ratings, predicted, *, click_from, top=10):
    """All measures of one set of predictions.

    Parameters
    ----------
    ratings, predicted : array_like, shape (n_users, n_items)
        Stars, and what was predicted, none missing.
    click_from : float
        Stars from which a rating counts as a click.
    top : int
        Length of the lists of ``ndcg``.

    Returns
    -------
    Scores
        For precision and recall the better half of all advertisements is shown: those predicted above the median.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, nothing or everything is a click, or ``top`` is not 1 to n_items.
    """
    ratings, predicted = finite("ratings", ratings), finite("predicted", predicted)
    if ratings.ndim != 2 or ratings.shape != predicted.shape:
        raise ValueError(
            f"ratings and predicted must have one shape (users, items), got {ratings.shape}, {predicted.shape}"
        )
    clicked, shown = ratings >= click_from, predicted > np.median(predicted)
    area = auroc(predicted.ravel(), clicked.ravel())
    hits = float((clicked & shown).sum())
    error = predicted - ratings
    return Scores(
        mae=float(np.abs(error).mean()),
        rmse=float(rmse(error.ravel())),
        precision=hits / max(float(shown.sum()), 1.0),
        recall=hits / float(clicked.sum()),
        f1=2 * hits / float(shown.sum() + clicked.sum()),
        auc=area,
        ndcg=float(ndcg_rows(ratings, predicted, top).mean()),
    )


@njit(cache=True)
def _gain(gain, score, order, discount, found):
    """Discounted gain of the list in falling order of score; equal scores share the mean of their gains."""
    n = gain.shape[1]
    for row in range(gain.shape[0]):
        start = 0
        while start < n and start < len(discount):
            stop, total, weight = start, 0.0, 0.0
            value = score[row, order[row, start]]
            while stop < n and score[row, order[row, stop]] == value:
                total += gain[row, order[row, stop]]
                if stop < len(discount):
                    weight += discount[stop]
                stop += 1
            found[row] += total / (stop - start) * weight
            start = stop


def ndcg_rows(gain, score, top):
    """Normalised discounted cumulative gain of every row's best ``top`` entries, shape (n_rows,).

    Parameters
    ----------
    gain, score : array_like, shape (n_rows, n_columns)
        What each entry is worth (not negative), and the score that orders the list. Equal scores share their gains.
    top : int

    Notes
    -----
    ``sum gain / log2(1 + rank)`` of the list, divided by that of the entries in order of their gain; 0 where all gains
    are 0.

    Examples
    --------
    >>> ndcg_rows([[3, 2, 1], [1, 2, 3]], [[3, 2, 1], [3, 2, 1]], 2).round(3)
    array([1.   , 0.531])
    """
    gain, score = finite("gain", gain), finite("score", score)
    if gain.ndim != 2 or gain.shape != score.shape:
        raise ValueError(f"gain and score must be (n_rows, n_columns), got {gain.shape} and {score.shape}")
    if not 1 <= top <= gain.shape[1]:
        raise ValueError(f"top must be between 1 and {gain.shape[1]}, got {top}")
    if (gain < 0).any():
        raise ValueError(f"gain must not be negative, got {gain.min():g}")
    discount = 1 / np.log2(np.arange(2, top + 2))
    parts = np.zeros((2, len(gain)))
    for part, key in zip(parts, (score, gain)):
        _gain(gain, key, np.argsort(-key, axis=1), discount, part)
    return np.divide(parts[0], parts[1], out=np.zeros(len(gain)), where=parts[1] > 0)
