"""AUC on slices of a log, and how far other items would have moved it."""

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.recommenders.embeddings import positive


def slice_areas(score, click, slices):
    """AUC on every slice, as a dict.

    Parameters
    ----------
    score : array_like, shape (n,)
    click : array_like of bool, shape (n,)
    slices : dict
        Mask of shape (n,) for every name.

    Raises
    ------
    ValueError
        If a slice has no click or nothing else (names it), or a mask is of another length.

    Examples
    --------
    >>> slice_areas([3, 1, 2], [True, False, True], {"all": [True, True, True]})
    {'all': 1.0}
    """
    score, click, found = np.asarray(score), np.asarray(click, bool), {}
    for name, mask in slices.items():
        mask = np.asarray(mask, bool)
        if mask.shape != click.shape:
            raise ValueError(f"slices: {name!r} must have shape {click.shape}, got {mask.shape}")
        if not 0 < click[mask].sum() < mask.sum():
            raise ValueError(
                f"slices: {name!r} has {click[mask].sum()} clicks in {mask.sum()} rows; it needs both kinds"
            )
        found[name] = auroc(score[mask], click[mask])
    return found


def item_bootstrap(scores, click, item, *, n_draws=200, rng):
    """AUC of several scores in samples of the items, the same samples for all.

    Parameters
    ----------
    scores : array_like, shape (n_methods, n)
    click : array_like of bool, shape (n,)
    item : array_like of int, shape (n,)
        What is drawn: all rows of an item come or go together.
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_methods, n_draws)
        NaN in a sample without a click, or with nothing else.

    Raises
    ------
    ValueError
        If shapes differ, a score is not finite, or there are fewer than two items.

    Notes
    -----
    An item drawn k times counts k times in every pair of rows; ties count half.
    """
    scores = finite("scores", scores, -1)
    click, item = np.asarray(click, bool), np.asarray(item)
    if scores.ndim != 2 or not scores.shape[1] == len(click) == len(item):
        raise ValueError(f"scores must be (n_methods, {len(click)}), got {scores.shape}, with {len(item)} items")
    positive("n_draws", n_draws)
    number = np.unique(item, return_inverse=True)[1]
    n_items = number.max() + 1
    if n_items < 2:
        raise ValueError(f"item must name at least two items, got {n_items}")
    weight = rng.multinomial(n_items, np.full(n_items, 1 / n_items), size=n_draws).astype(float)
    found = np.empty((len(scores), n_draws))
    for method, score in enumerate(scores):
        order = np.argsort(score, kind="stable")
        change = np.append(np.flatnonzero(np.diff(score[order])) + 1, len(score))
        _weighted_areas(change, click[order], number[order], weight, found[method])
    return found


@njit(cache=True)
def _weighted_areas(change, click, number, weight, out):
    """Area of rows in rising order, equal scores end at ``change``, for every row of weights."""
    for draw in range(len(weight)):
        w = weight[draw]
        below = positive = area = 0.0
        start = 0
        for stop in change:
            up = down = 0.0
            for row in range(start, stop):
                if click[row]:
                    up += w[number[row]]
                else:
                    down += w[number[row]]
            area += up * (below + down / 2)
            below += down
            positive += up
            start = stop
        out[draw] = area / (positive * below) if positive * below > 0 else np.nan
