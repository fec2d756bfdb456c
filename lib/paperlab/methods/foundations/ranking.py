"""Full ranking of many candidates and its worth: best k without a list of the rest, metrics per user, paired bootstrap.

All measures are given per user, so that two methods are compared user by user. Ties in scores go to the smaller number:
draw the numbers by lot.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import binary, finite

CHUNK = 1 << 24  # scores held at once


@njit(cache=True)
def _best(scores, barred_indptr, barred, allowed, k, out):
    """Numbers of the k best columns of every row, best first; barred ones and those not allowed are passed over."""
    n_rows, n_columns = scores.shape
    value = np.empty(k, scores.dtype)
    for row in range(n_rows):
        line = scores[row]
        for at in range(barred_indptr[row], barred_indptr[row + 1]):
            line[barred[at]] = -np.inf
        held = 0
        for column in range(n_columns):
            x = line[column]
            if not allowed[column] or x == -np.inf or (held == k and not x > value[k - 1]):
                continue
            place = min(held, k - 1)
            while place > 0 and x > value[place - 1]:
                value[place] = value[place - 1]
                out[row, place] = out[row, place - 1]
                place -= 1
            value[place] = x
            out[row, place] = column
            held = min(held + 1, k)
        out[row, held:] = -1


def top_k(score, n_users, n_items, k, *, barred=None, allowed=None):
    """The k best items of every user, over all items.

    Parameters
    ----------
    score : callable or tuple of two ndarrays
        ``score(start, stop)`` gives the scores of users start to stop, shape (stop - start, n_items); or the vectors of
        users and items, shapes (n_users, d) and (n_items, d), whose inner products are the scores.
    barred : (indptr, items), optional
        Compressed rows of items that a user cannot get, e.g. those of the training.
    allowed : ndarray of bool, shape (n_items,), optional
        Candidates; default all.

    Returns
    -------
    ndarray of int, shape (n_users, k)
        Best first, -1 where there are fewer than k candidates.

    Raises
    ------
    ValueError
        If k is not positive, a shape is wrong, or a score is not a number.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    allowed = np.ones(n_items, bool) if allowed is None else np.asarray(allowed, bool)
    if allowed.shape != (n_items,):
        raise ValueError(f"allowed must have shape ({n_items},), got {allowed.shape}")
    indptr, items = (np.zeros(n_users + 1, np.int64), np.empty(0, np.int64)) if barred is None else barred
    if len(indptr) != n_users + 1:
        raise ValueError(f"barred must have {n_users} rows, got {len(indptr) - 1}")
    given = callable(score)
    if not given:
        users, vectors = (np.ascontiguousarray(part, np.float32) for part in score)
        if users.shape[0] != n_users or vectors.shape != (n_items, users.shape[1]):
            raise ValueError(
                f"vectors must have {n_users} and {n_items} rows of one length, got {users.shape} and {vectors.shape}"
            )

        def score(start, stop):
            return users[start:stop] @ vectors.T

    out = np.empty((n_users, k), np.int64)
    step = max(1, CHUNK // max(n_items, 1))
    for start in range(0, n_users, step):
        stop = min(start + step, n_users)
        block = np.array(
            score(start, stop), copy=given or None
        )  # barred scores are overwritten: not in the caller's array
        if block.shape != (stop - start, n_items):
            raise ValueError(f"score must give shape {(stop - start, n_items)}, got {block.shape}")
        with np.errstate(invalid="ignore"):
            doubtful = np.isnan(block.sum())
        if doubtful and (bad := np.isnan(block).any(axis=1)).any():
            raise ValueError(f"score of user {start + int(np.argmax(bad))} is not a number")
        _best(block, indptr[start : stop + 1], items, allowed, k, out[start:stop])
    return out


@dataclass(frozen=True)
class Ranking:
    """Measures of a ranking, one value per user with something to find, shape (n_users_judged,) each.

    Attributes
    ----------
    users : ndarray of int
        Which users are judged.
    recall : ndarray
        Found share of what there is to find.
    hit : ndarray
        1 where anything was found.
    ndcg : ndarray
        Discounted gain divided by that of the best list: sum 1 / log2(1 + rank) over hits, ideal with min(n, k) hits.
    """

    users: np.ndarray
    recall: np.ndarray
    hit: np.ndarray
    ndcg: np.ndarray


@njit(cache=True)
def _hits(top, indptr, items, found):
    for user in range(top.shape[0]):
        wanted = items[indptr[user] : indptr[user + 1]]
        for rank in range(top.shape[1]):
            for item in wanted:
                if item == top[user, rank]:
                    found[user, rank] = 1.0
                    break


def judge(top, indptr, items, k=None):
    """Recall, hit rate and NDCG at k of lists of items.

    Parameters
    ----------
    top : ndarray of int, shape (n_users, k_max)
        Best first, as `top_k` gives them.
    indptr, items : ndarray of int
        What there is to find, compressed rows; a user with nothing is left out.
    k : int, optional
        Length of the list that counts; default all of it.

    Returns
    -------
    Ranking

    Raises
    ------
    ValueError
        If rows do not match or k is longer than the lists.
    """
    k = top.shape[1] if k is None else k
    if len(indptr) != len(top) + 1:
        raise ValueError(f"there must be one row of items for each of {len(top)} lists, got {len(indptr) - 1}")
    if not 1 <= k <= top.shape[1]:
        raise ValueError(f"k must be between 1 and the length of the lists, {top.shape[1]}, got {k}")
    wanted = np.diff(indptr)
    users = np.flatnonzero(wanted)
    found = np.zeros((len(top), k))
    _hits(np.ascontiguousarray(top[:, :k]), np.asarray(indptr), np.asarray(items), found)
    found, wanted = found[users], wanted[users]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(wanted, k) - 1]
    return Ranking(users, found.sum(1) / wanted, (found.sum(1) > 0).astype(float), found @ discount / ideal)


@njit(cache=True)
def _areas(score, positive, order, area):
    """Areas by sums of ranks; a group of equal scores has their mean rank."""
    n = score.shape[1]
    for row in range(score.shape[0]):
        found, ranks, start = 0, 0.0, 0
        while start < n:
            stop, here = start, 0
            value = score[row, order[row, start]]
            while stop < n and score[row, order[row, stop]] == value:
                here += positive[row, order[row, stop]]
                stop += 1
            ranks += here * (start + stop + 1) / 2
            found += here
            start = stop
        if 0 < found < n:
            area[row] = (ranks - found * (found + 1) / 2) / (found * (n - found))


def auc_rows(score, positive):
    """Area under the ROC curve of every row: the chance that a positive entry scores above another, ties half.

    Parameters
    ----------
    score : array_like, shape (n_rows, n_columns)
        E.g. one row per user, one column per item.
    positive : array_like of bool, or of 0 and 1, shape (n_rows, n_columns)

    Returns
    -------
    ndarray, shape (n_rows,)
        NaN where a row has positive entries only, or none.

    Raises
    ------
    ValueError
        If shapes differ, a score is not finite (names the row), or ``positive`` is not binary.

    Notes
    -----
    `metrics.auroc` by rows: ``(R - m (m + 1) / 2) / (m (n - m))`` with the sum R of the ranks of m positive entries.

    Examples
    --------
    >>> auc_rows([[3, 1, 2], [1, 1, 1]], [[True, False, True], [True, False, False]])
    array([1. , 0.5])
    """
    score, positive = finite("score", score), binary("positive", positive) == 1
    if score.ndim != 2 or score.shape != positive.shape:
        raise ValueError(f"score and positive must be (n_rows, n_columns), got {score.shape} and {positive.shape}")
    area = np.full(len(score), np.nan)
    _areas(score, positive, np.argsort(score, axis=1), area)
    return area


@dataclass(frozen=True)
class Difference:
    """Mean of one method minus mean of another on the same users, with a percentile interval of resampled users."""

    mean: float
    low: float
    high: float
    ratio: float
    ratio_low: float


def paired_bootstrap(a, b, *, rng, n_draws=2000, groups=None, level=0.95):
    """Bootstrap of the difference of two methods over users (or groups of rows).

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Measure of both methods on the same users.
    groups : array_like, shape (n,), optional
        Rows that are drawn together, any labels; default every row alone.

    Returns
    -------
    Difference
        ``mean`` of a - b with its interval [low, high]; ``ratio`` mean(a) / mean(b) with its interval's lower bound.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or there are fewer than two groups.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"a and b must be lists of one length, got shapes {a.shape} and {b.shape}")
    for name, values in (("a", a), ("b", b)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} is not finite in row {int(np.argmin(np.isfinite(values)))}")
    where = np.arange(len(a)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if len(where) != len(a):
        raise ValueError(f"groups must have length {len(a)}, got {len(where)}")
    size = np.bincount(where).astype(float)
    if len(size) < 2:
        raise ValueError(f"groups must be at least two, got {len(size)}")
    sums = np.stack([size, np.bincount(where, a), np.bincount(where, b)], axis=1)
    means = np.empty((n_draws, 2))
    for draw in range(n_draws):
        n, total_a, total_b = np.bincount(rng.integers(len(size), size=len(size)), minlength=len(size)) @ sums
        means[draw] = total_a / n, total_b / n
    tail = (1 - level) / 2
    low, high = np.quantile(means[:, 0] - means[:, 1], [tail, 1 - tail])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, ratios = a.mean() / b.mean(), means[:, 0] / means[:, 1]
    return Difference(
        float(a.mean() - b.mean()), float(low), float(high), float(ratio), float(np.quantile(ratios, tail))
    )
