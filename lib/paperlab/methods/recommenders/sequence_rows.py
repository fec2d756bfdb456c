"""Histories as rows of a sequence model: inputs, what comes next, and batches without padding."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Batch:
    """Real positions of some rows, one after another, the shortest row first.

    Attributes
    ----------
    items : Tensor of int, shape (n,)
        Item at every position.
    row, position : Tensor of int, shape (n,)
        Row in the batch; place in the row, from 0.
    groups : list of tuple
        Rows of about one length: first position, behind the last, number of rows, length of the longest.
    targets : Tensor of int, shape (n,)
        Item that comes next; -1 where it is not asked for.
    """

    items: torch.Tensor
    row: torch.Tensor
    position: torch.Tensor
    groups: list
    targets: torch.Tensor

    @property
    def length(self):
        """Length of the longest row."""
        return self.groups[-1][3]


@dataclass(frozen=True)
class Rows:
    """Windows into histories.

    Attributes
    ----------
    items : ndarray of int
        All histories, one after another.
    start, length : ndarray of int, shape (n_rows,)
        Inputs of a row are ``items[start:start + length]``.
    silent : ndarray of int, shape (n_rows,), or None
        So many first positions of a row are context only; at the others the next item is asked for. None: no targets.
    """

    items: np.ndarray
    start: np.ndarray
    length: np.ndarray
    silent: np.ndarray | None = None

    def __len__(self):
        return len(self.start)

    @property
    def n_targets(self):
        """Positions at which the next item is asked for."""
        return 0 if self.silent is None else int((self.length - self.silent).sum())

    def batch(self, rows):
        """Positions of the rows that ``rows`` (whole numbers) names, as a `Batch`; equal lengths keep their order."""
        rows = rows[np.argsort(self.length[rows], kind="stable")]
        start, length = self.start[rows], self.length[rows]
        row = np.repeat(np.arange(len(start)), length)
        position = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        at = np.repeat(start, length) + position
        targets = np.full(len(row), -1)
        if self.silent is not None:
            asked = position >= np.repeat(self.silent[rows], length)
            targets[asked] = self.items[at[asked] + 1]
        arrays = (torch.from_numpy(part) for part in (self.items[at], row, position))
        return Batch(*arrays, _groups(length), torch.from_numpy(targets))

    def one_per_prefix(self):
        """The same targets with a row of its own for each, as most libraries train: many times the work."""
        if self.silent is None:
            raise ValueError("rows must have targets, got histories; use training_rows")
        counts = self.length - self.silent
        row = np.repeat(np.arange(len(self)), counts)
        length = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + self.silent[row] + 1
        return Rows(self.items, self.start[row], length, length - 1)


def _groups(length):
    """Cut rows of rising length where the places left empty in a group would be many."""
    ends, groups, first = np.cumsum(length), [], 0
    while first < len(length):
        last = int(np.searchsorted(length, 1.4 * length[first] + 2, side="right"))
        begin = int(ends[first] - length[first])
        groups.append((begin, int(ends[last - 1]), last - first, int(length[last - 1])))
        first = last
    return groups


def training_rows(table, max_length, *, stride=None):
    """Rows for training: every position of a row asks for the item that comes next.

    Parameters
    ----------
    table : Interactions
        Histories in time order. Users with fewer than two items have nothing to predict and give no row.
    max_length : int
        Longest row, at least 1.
    stride : int, optional
        Windows of a long history are so far apart, from 1 to ``max_length``, and each target is asked for once, so that
        it has at least ``max_length - stride`` items before it where the history has them. Default: one window, the
        last; what is before it is left out.

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        If ``max_length`` or ``stride`` is out of range, or nobody has two items.
    """
    _check_length(max_length)
    if stride is not None and not 1 <= stride <= max_length:
        raise ValueError(f"stride must lie in 1 to max_length = {max_length}, got {stride}; None takes the last window")
    inputs = table.lengths - 1  # positions with a next item
    users = np.flatnonzero(inputs > 0)
    if not len(users):
        raise ValueError("table must have a user with two items or more, got none; there is nothing to predict")
    n, begin = inputs[users], table.indptr[users]
    if stride is None:
        length = np.minimum(n, max_length)
        return Rows(table.items, begin + n - length, length, np.zeros(len(n), np.int64))
    count = 1 + -(-np.maximum(n - max_length, 0) // stride)
    window = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)  # 0 is the oldest
    n, begin, count = (np.repeat(part, count) for part in (n, begin, count))
    stop = n - (count - 1 - window) * stride
    start = np.maximum(stop - max_length, 0)
    silent = np.where(window == 0, 0, stop - stride - start)
    return Rows(table.items, begin + start, stop - start, silent)


def histories(table, max_length):
    """Last ``max_length`` items of every user, without targets; the state at the end predicts what comes next.

    Raises
    ------
    ValueError
        If ``max_length`` is not positive or a user has no item (names the user).
    """
    _check_length(max_length)
    if (table.lengths == 0).any():
        raise ValueError(f"table has no item of user {int(np.argmin(table.lengths))}; leave such users out")
    length = np.minimum(table.lengths, max_length)
    return Rows(table.items, table.indptr[1:] - length, length)


def _check_length(max_length):
    if max_length < 1:
        raise ValueError(f"max_length must be at least 1, got {max_length}; it is the number of items of a window")
