"""Rivals that only look at histories: the last item again, recent ones, popular ones, what followed before."""

import numpy as np
from scipy import sparse


def recent_lists(table, k):
    """The last k different items of every history, the latest first, shape (n_users, k); -1 where there are fewer.

    Examples
    --------
    >>> from paperlab.methods.recommenders.interactions import Interactions
    >>> table = Interactions(np.array([0, 4, 5]), np.array([3, 1, 3, 3, 2]), 4)
    >>> recent_lists(table, 2)
    array([[ 3,  1],
           [ 2, -1]])
    """
    _check(k)
    found = np.full((table.n_users, k), -1)
    for user, row in enumerate(found):
        latest = dict.fromkeys(table.of(user)[::-1].tolist())
        row[: len(latest)] = list(latest)[:k]
    return found


def popular_lists(table, k):
    """The k most frequent items for everybody, shape (n_users, k)."""
    _check(k)
    return np.broadcast_to(np.argsort(-table.counts, kind="stable")[:k], (table.n_users, k))


def followed_lists(table, k):
    """What most often came right after a person's last item, in all histories, shape (n_users, k).

    Ties go to the smaller number; -1 where fewer items ever followed. The same item again counts as following itself.
    """
    _check(k)
    inner = np.ones(len(table.items), bool)
    inner[table.indptr[1:][table.lengths > 0] - 1] = False
    at = np.flatnonzero(inner)
    pairs = (np.ones(len(at)), (table.items[at], table.items[at + 1]))
    after = sparse.csr_matrix(pairs, (table.n_items, table.n_items))
    after.sum_duplicates()
    after.sort_indices()
    if (table.lengths == 0).any():
        raise ValueError(f"table has no item of user {int(np.argmin(table.lengths))}; leave such users out")
    last = table.items[table.indptr[1:] - 1]
    best = np.full((table.n_items, k), -1)
    for item in np.unique(last):
        row = slice(after.indptr[item], after.indptr[item + 1])
        order = np.argsort(-after.data[row], kind="stable")[:k]
        best[item, : len(order)] = after.indices[row][order]
    return best[last]


def collapsed(table):
    """Histories in which equal items that follow one another stand once."""
    kept = np.ones(len(table.items), bool)
    kept[1:] = (table.items[1:] != table.items[:-1]) | (table.users[1:] != table.users[:-1])
    return table.where(kept)


def had_before(seen, wanted):
    """Whether the one wanted item of every user stands in the history, bool of shape (n_users,)."""
    if seen.n_users != wanted.n_users or (wanted.lengths != 1).any():
        raise ValueError(
            f"wanted must have one item of each of the {seen.n_users} users of seen, got {wanted.n_users} users"
        )
    same = seen.items == np.repeat(wanted.items, seen.lengths)
    return np.bincount(seen.users, same, minlength=seen.n_users) > 0


def _check(k):
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
