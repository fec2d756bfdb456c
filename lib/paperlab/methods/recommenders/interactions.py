"""Implicit feedback as one table of who touched what, in time order; cores, splits, cold items, popularity groups."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Interactions:
    """Items of every user, in time order, as compressed rows.

    Attributes
    ----------
    indptr : ndarray of int, shape (n_users + 1,)
        The items of user u are ``items[indptr[u]:indptr[u + 1]]``.
    items : ndarray of int, shape (n_interactions,)
    n_items : int
        Number of items, those that nobody touched included.
    """

    indptr: np.ndarray
    items: np.ndarray
    n_items: int

    @classmethod
    def from_pairs(cls, user, item, *, n_users=None, n_items=None, time=None):
        """Compress pairs of user and item; within a user they keep their order, or that of ``time`` (ties keep theirs).

        Parameters
        ----------
        user, item : array_like of int, shape (n_interactions,)
            Numbered from 0.
        n_users, n_items : int, optional
            Default one more than the largest number.
        time : array_like, shape (n_interactions,), optional

        Raises
        ------
        ValueError
            If lengths differ, a number is negative or not below ``n_users`` or ``n_items``.
        """
        user, item = _numbers("user", user), _numbers("item", item)
        if len(user) != len(item):
            raise ValueError(f"user and item must have one length, got {len(user)} and {len(item)}")
        n_users = _limit("n_users", "user", user, n_users)
        n_items = _limit("n_items", "item", item, n_items)
        if time is None:
            order = np.argsort(user, kind="stable")
        else:
            time = np.asarray(time)
            if time.shape != user.shape:
                raise ValueError(f"time must have shape {user.shape}, got {time.shape}")
            order = np.lexsort((time, user))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=n_users))])
        return cls(indptr, item[order], n_items)

    @property
    def n_users(self):
        """Number of users, those without an item included."""
        return len(self.indptr) - 1

    @cached_property
    def lengths(self):
        """Number of items of every user, shape (n_users,)."""
        return np.diff(self.indptr)

    @cached_property
    def users(self):
        """User of every interaction, shape (n_interactions,)."""
        return np.repeat(np.arange(self.n_users), self.lengths)

    @cached_property
    def positions(self):
        """Place of every interaction in its user's history, from 0, shape (n_interactions,)."""
        return np.arange(len(self.items)) - np.repeat(self.indptr[:-1], self.lengths)

    @cached_property
    def counts(self):
        """Number of interactions of every item, shape (n_items,)."""
        return np.bincount(self.items, minlength=self.n_items)

    def of(self, user):
        """Items of one user in time order."""
        return self.items[self.indptr[user] : self.indptr[user + 1]]

    def take(self, users):
        """Rows of some users only, numbered anew in the order given."""
        length = self.lengths[users]
        ends = np.cumsum(length)
        at = np.arange(length.sum()) + np.repeat(self.indptr[users] - (ends - length), length)
        return Interactions(np.concatenate([[0], ends]), self.items[at], self.n_items)

    def matrix(self, dtype=np.float32):
        """Sparse matrix of ones, shape (n_users, n_items); an item touched twice counts once."""
        found = sparse.csr_matrix(
            (np.ones(len(self.items), dtype), self.items, self.indptr), (self.n_users, self.n_items)
        )
        found.sum_duplicates()
        found.data[:] = 1
        return found

    def where(self, mask):
        """The interactions that ``mask`` (bool, one per interaction) names, with the same users and items."""
        mask = np.asarray(mask)
        if mask.shape != self.items.shape or mask.dtype != bool:
            raise ValueError(f"mask must be bool of shape {self.items.shape}, got {mask.dtype} of shape {mask.shape}")
        kept = np.concatenate([[0], np.cumsum(mask)])[self.indptr]
        return Interactions(kept, self.items[mask], self.n_items)

    def permute_items(self, *, rng):
        """Give the items new numbers, drawn by lot, so that a number tells nothing.

        Returns
        -------
        interactions : Interactions
        number : ndarray of int, shape (n_items,)
            New number of every old one.
        """
        number = rng.permutation(self.n_items)
        return Interactions(self.indptr, number[self.items], self.n_items), number

    def core(self, k):
        """What is left when users and items with fewer than ``k`` interactions are removed until none is.

        Returns
        -------
        interactions : Interactions
            Users and items numbered anew, in their old order.
        users, items : ndarray of int
            Old numbers of the new ones.

        Raises
        ------
        ValueError
            If nothing is left.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        user, item = self.users, self.items
        while True:
            kept = (np.bincount(user, minlength=self.n_users) >= k)[user]
            kept &= (np.bincount(item, minlength=self.n_items) >= k)[item]
            if kept.all():
                break
            user, item = user[kept], item[kept]
        if not len(user):
            raise ValueError(f"no {k}-core: nothing is left; use a smaller k")
        users, user = np.unique(user, return_inverse=True)
        items, item = np.unique(item, return_inverse=True)
        return Interactions.from_pairs(user, item), users, items


def _numbers(name, values):
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a list of whole numbers from 0, got {values.dtype} of shape {values.shape}")
    if len(values) and values.min() < 0:
        raise ValueError(f"{name} must be numbered from 0, got {values.min()}")
    return values.astype(np.int64)


def _limit(argument, name, values, limit):
    least = int(values.max()) + 1 if len(values) else 0
    if limit is not None and limit < least:
        raise ValueError(f"{argument} must be above every {name}, got {limit} with {name} {least - 1}")
    return least if limit is None else int(limit)


@dataclass(frozen=True)
class Split:
    """Three parts of the same users and items.

    Attributes
    ----------
    train, valid, test : Interactions
    """

    train: Interactions
    valid: Interactions
    test: Interactions

    @cached_property
    def seen(self):
        """Training and validation together, in time order: what a user has had before the test."""
        return join(self.train, self.valid)

    @cached_property
    def cold(self):
        """Items without a training interaction, bool of shape (n_items,)."""
        return self.train.counts == 0


def join(first, second):
    """Interactions of both tables; within a user those of ``first`` come first."""
    if (first.n_users, first.n_items) != (second.n_users, second.n_items):
        raise ValueError(
            f"tables must have the same users and items, got {first.n_users} x {first.n_items} and "
            f"{second.n_users} x {second.n_items}"
        )
    user, item = np.concatenate([first.users, second.users]), np.concatenate([first.items, second.items])
    return Interactions.from_pairs(user, item, n_users=first.n_users, n_items=first.n_items)


def _split(table, part):
    return Split(*(table.where(part == number) for number in range(3)))


def leave_last_out(table):
    """Last item of every user for the test, the one before for validation, the others for training.

    A user with two items has none for training; with one item, that is the test.
    """
    left = np.repeat(table.lengths, table.lengths) - table.positions
    return _split(table, np.select([left == 1, left == 2], [2, 1], 0))


def per_user_ratio(table, *, rng, shares=(0.8, 0.1, 0.1)):
    """Shares of every user's items by lot, RecBole's rule.

    Validation and test get floor(share x n) items of a user with n, at least 1 each where n is 3 or more;
    training gets the rest.

    Parameters
    ----------
    shares : tuple of three floats
        Training, validation, test; their sum is 1.
    """
    check_shares(shares)
    n = table.lengths
    least = (n >= 3).astype(int)
    n_valid, n_test = (np.maximum(np.floor(share * n + 1e-9).astype(int), least) for share in shares[1:])
    shuffled = np.lexsort((rng.random(len(table.items)), table.users))
    place = np.empty(len(table.items), int)
    place[shuffled] = table.positions
    left = np.repeat(n, n) - place
    part = np.where(left <= np.repeat(n_test, n), 2, np.where(left <= np.repeat(n_valid + n_test, n), 1, 0))
    return _split(table, part)


def random_rows(table, *, rng, shares=(0.8, 0.1, 0.1)):
    """Shares of all interactions by lot, whoever they belong to."""
    check_shares(shares)
    n = len(table.items)
    place = rng.permutation(n)
    return _split(table, np.searchsorted(np.cumsum(shares)[:2] * n, place, side="right"))


def by_cuts(table, n_train, n_valid, n_test):
    """A user's first ``n_train`` items for training, the next ``n_valid`` for validation, the next ``n_test`` for test.

    Parameters
    ----------
    n_train, n_valid, n_test : array_like of int, shape (n_users,)
        What is left over belongs to no part; a user with three zeros is left out.

    Raises
    ------
    ValueError
        If a user's parts are longer than the history.
    """
    parts = [np.asarray(part) for part in (n_train, n_valid, n_test)]
    if any(part.shape != (table.n_users,) for part in parts):
        raise ValueError(f"cuts must have shape ({table.n_users},), got {[part.shape for part in parts]}")
    ends = np.cumsum(parts, axis=0)
    if (ends[2] > table.lengths).any():
        user = int(np.argmax(ends[2] > table.lengths))
        raise ValueError(f"cuts of user {user} name {ends[2][user]} items, the history has {table.lengths[user]}")
    return _split(table, sum((table.positions >= np.repeat(end, table.lengths)).astype(int) for end in ends))


def check_shares(shares):
    """Refuse shares that are no division of one."""
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares must be three numbers from 0 with sum 1, got {shares}")


def popularity_groups(counts, n_groups):
    """Group of every item, 0 (rare) to n_groups - 1 (popular), of equal numbers of interactions.

    Parameters
    ----------
    counts : array_like of int, shape (n_items,)
        Training interactions of every item. Items with equal counts fall into one group.
    """
    counts = np.asarray(counts)
    if not 1 <= n_groups <= len(counts):
        raise ValueError(f"n_groups must be between 1 and the number of items, got {n_groups}")
    values, where = np.unique(counts, return_inverse=True)
    mass = np.bincount(where, weights=counts)
    middle = (np.cumsum(mass) - mass / 2) / max(mass.sum(), 1)
    return np.minimum((middle * n_groups).astype(int), n_groups - 1)[where]
