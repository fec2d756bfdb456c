"""Factor models of ratings and clicks with a selection layer on the embeddings; gradients in closed form, compiled.

A row names a few features (user and film; or the fields of a click). Its prediction is an intercept, a weight of every
feature, and the inner products of all pairs of the features' vectors: matrix factorisation with biases for two
features, a factorisation machine for more. The selection layer multiplies the vectors of a block of features by one
row of numbers in [0, 1].
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from paperlab.methods.recommenders.embeddings import positive

TASKS = ("squared", "logistic")
OPTIONS = {"scale": 0.1, "learning_rate": 1e-3, "decay": 0.0, "intercept": 0.0, "dtype": np.float32}


@dataclass(frozen=True)
class Rows:
    """Observations as lists of features.

    Attributes
    ----------
    index : ndarray of int, shape (n_rows, n_entries)
        Features of every row, numbered from 0.
    value : ndarray of float32, shape (n_rows, n_entries)
        Their values: 1 for a category, shares for a list, 0 for an empty place.
    target : ndarray of float32, shape (n_rows,)
        Rating, or click (0 or 1).
    n_features : int
    """

    index: np.ndarray
    value: np.ndarray
    target: np.ndarray
    n_features: int

    def __len__(self):
        return len(self.target)

    def take(self, rows):
        """The rows that ``rows`` numbers."""
        return Rows(self.index[rows], self.value[rows], self.target[rows], self.n_features)

    @cached_property
    def in_pairs(self):
        """Whether every row has two features of value 1."""
        return self.index.shape[1] == 2 and bool((self.value == 1).all())

    @property
    def counts(self):
        """Number of rows in which every feature has a value other than 0, shape (n_features,)."""
        return np.bincount(self.index[self.value != 0], minlength=self.n_features)


def rating_rows(user, item, rating, *, n_users=None, n_items=None):
    """Ratings as rows of two features: users come first, then items.

    Parameters
    ----------
    user, item : array_like of int, shape (n,)
        Numbered from 0.
    rating : array_like of float, shape (n,)

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        If lengths differ, a number is out of range, or a rating is not finite (names the row).
    """
    user, item, rating = np.asarray(user), np.asarray(item), np.asarray(rating, float)
    if not len(user) == len(item) == len(rating) > 0:
        raise ValueError(f"user, item and rating must have one length, got {len(user)}, {len(item)}, {len(rating)}")
    if not np.isfinite(rating).all():
        row = int(np.argmin(np.isfinite(rating)))
        raise ValueError(f"rating must be finite, got {rating[row]} in row {row}; leave out rows without a rating")
    sizes = [int(numbers.max()) + 1 if n is None else n for numbers, n in ((user, n_users), (item, n_items))]
    for name, numbers, size in (("user", user, sizes[0]), ("item", item, sizes[1])):
        if numbers.min() < 0 or numbers.max() >= size:
            raise ValueError(f"{name} must lie in 0 to {size - 1}, got {numbers.min()} to {numbers.max()}")
    index = np.stack([user, item + sizes[0]], axis=1).astype(np.int64)
    return Rows(index, np.ones(index.shape, np.float32), rating.astype(np.float32), sum(sizes))


def click_rows(fields, click):
    """A numbered table of fields as rows; entries of a list count with their shares.

    Parameters
    ----------
    fields : Fields
    click : array_like of 0 and 1, shape (n_rows,)

    Returns
    -------
    Rows
    """
    click = np.asarray(click)
    if click.shape != (len(fields),) or not np.isin(click, (0, 1)).all():
        raise ValueError(f"click must be {len(fields)} zeros and ones, got shape {click.shape}")
    codes, shares, numbers = fields.codes, fields.shares, fields.numbers
    longest = int((shares > 0).sum(1).max()) if shares.size else 0
    largest = np.argsort(-shares, axis=1, kind="stable")[:, :longest]
    first = fields.n_listed_before
    last = np.arange(numbers.shape[1]) + first + shares.shape[1]
    index = np.concatenate([codes, largest + first, np.tile(last, (len(codes), 1))], axis=1).astype(np.int64)
    listed = np.take_along_axis(shares, largest, axis=1)
    value = np.concatenate([np.ones(codes.shape), listed, numbers], axis=1).astype(np.float32)
    return Rows(index, value, click.astype(np.float32), fields.n_values)


@njit(cache=True, fastmath=True, error_model="numpy")
def _predict(index, value, table, weight, intercept, total, out):
    d = table.shape[1]
    for row in range(len(index)):
        linear, own = intercept, table.dtype.type(0)
        total[:] = 0
        for j in range(index.shape[1]):
            x, at = value[row, j], index[row, j]
            if x != 0:
                linear += x * weight[at]
                for k in range(d):
                    e = x * table[at, k]
                    total[k] += e
                    own += e * e
        square = table.dtype.type(0)
        for k in range(d):
            square += total[k] * total[k]
        out[row] = linear + (square - own) / 2


@njit(cache=True, fastmath=True, error_model="numpy")
def _slope(z, y, logistic):
    """Loss of a prediction and its derivative."""
    if not logistic:
        return (z - y) ** 2, 2 * (z - y)
    small = np.exp(-abs(z))
    return np.log1p(small) + max(z, 0) - y * z, (1 if z > 0 else small) / (1 + small) - y


@njit(cache=True, fastmath=True, error_model="numpy")
def _pull_pairs(index, target, rows, state, logistic, pulls):
    """`_pull` where every row has two features of value 1."""
    (table, weight, intercept), (to_table, to_weight) = state, pulls
    d, n = table.shape[1], len(rows)
    loss, to_intercept = 0.0, 0.0
    for a in range(n):
        i, j = index[rows[a], 0], index[rows[a], 1]
        z = intercept + weight[i] + weight[j]
        for k in range(d):
            z += table[i, k] * table[j, k]
        lost, slope = _slope(z, target[rows[a]], logistic)
        c = table.dtype.type(slope / n)
        loss += lost
        to_intercept += c
        to_weight[i] += c
        to_weight[j] += c
        for k in range(d):
            to_table[i, k] += c * table[j, k]
            to_table[j, k] += c * table[i, k]
    return loss / n, to_intercept


@njit(cache=True, fastmath=True, error_model="numpy")
def _pull(entries, target, rows, state, logistic, pulls):
    """Mean loss of a batch and its gradient in the selected table, the weights and the intercept; adds to ``pulls``."""
    (index, value), (table, weight, intercept), (to_table, to_weight) = entries, state, pulls
    d, n = table.shape[1], len(rows)
    total = np.empty(d, table.dtype)
    loss, to_intercept = 0.0, 0.0
    half = table.dtype.type(0.5)
    for a in range(n):
        row = rows[a]
        linear, own, square = intercept, table.dtype.type(0), table.dtype.type(0)
        total[:] = 0
        for j in range(index.shape[1]):
            x, at = value[row, j], index[row, j]
            if x != 0:
                linear += x * weight[at]
                for k in range(d):
                    e = x * table[at, k]
                    total[k] += e
                    own += e * e
        for k in range(d):
            square += total[k] * total[k]
        lost, slope = _slope(linear + half * (square - own), target[row], logistic)
        loss += lost
        slope = table.dtype.type(slope / n)
        to_intercept += slope
        for j in range(index.shape[1]):
            x, at = value[row, j], index[row, j]
            if x != 0:
                c = slope * x
                to_weight[at] += c
                for k in range(d):
                    to_table[at, k] += c * (total[k] - x * table[at, k])
    return loss / n, to_intercept


@njit(cache=True, fastmath=True, error_model="numpy")
def _adam(table, mean, square, pull, gate, decay, rates):
    """Adam on flat arrays; the pull on the selected table goes back through ``gate``, selection times mask."""
    size, beta1, rest1, beta2, rest2, epsilon = rates
    for at in range(len(table)):
        g = pull[at] * gate[at] + decay * table[at]
        m = beta1 * mean[at] + rest1 * g
        v = beta2 * square[at] + rest2 * g * g
        mean[at] = m
        square[at] = v
        table[at] -= size * m / (np.sqrt(v) + epsilon)


@njit(cache=True, fastmath=True, error_model="numpy")
def _alpha_pull(pull, table, block, out):
    out[:] = 0
    for row in range(table.shape[0]):
        for k in range(table.shape[1]):
            out[block[row], k] += pull[row, k] * table[row, k]


@dataclass(frozen=True)
class Gradient:
    """Loss of a batch with its gradients: in the table, the weights, the intercept and the selection layer."""

    loss: float
    table: np.ndarray
    weight: np.ndarray
    intercept: float
    alpha: np.ndarray


class FactorModel:
    """Intercept, weights and vectors of features, a selection layer, and Adam on everything but that layer.

    Parameters
    ----------
    n_features : int
    width : int
        Length K of a vector.
    task : {"squared", "logistic"}
        Loss; targets of "logistic" are 0 and 1.
    block : array_like of int, shape (n_features,), optional
        Block of every feature; default one block for all.
    mask : array_like of 0 and 1, shape (n_features, width), optional
        Entries that exist; the others are zero and stay so.
    rng : numpy.random.Generator
        For the start.
    **options
        ``scale``, standard deviation of the vectors' normal start (weights start at zero), 0.1; ``learning_rate`` of
        Adam, 0.001; ``decay``, of the penalty decay / 2 times the square of all entries and weights, as
        ``weight_decay`` of torch, 0; ``intercept``, its start, 0; ``dtype``, float32.

    Raises
    ------
    ValueError
        If a number is out of its range, or a shape is wrong.

    Notes
    -----
    Page ``dnis``, eqs (1) to (3).
    """

    def __init__(self, n_features, width, *, task="squared", block=None, mask=None, rng, **options):
        unknown = set(options) - set(OPTIONS)
        if unknown:
            raise ValueError(f"options must be among {', '.join(OPTIONS)}, got {', '.join(sorted(unknown))}")
        scale, learning_rate, decay, intercept, dtype = (OPTIONS | options).values()
        for name, value in {"n_features": n_features, "width": width, "learning_rate": learning_rate}.items():
            positive(name, value)
        if task not in TASKS:
            raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")
        if decay < 0:
            raise ValueError(f"decay must not be negative, got {decay}")
        block = np.zeros(n_features, np.int64) if block is None else np.asarray(block, np.int64)
        if block.shape != (n_features,) or block.min() < 0:
            raise ValueError(f"block must number {n_features} features from 0, got shape {block.shape}")
        mask = np.ones((n_features, width)) if mask is None else np.asarray(mask)
        if mask.shape != (n_features, width) or not np.isin(mask, (0, 1)).all():
            raise ValueError(f"mask must hold 0 and 1 in shape {(n_features, width)}, got shape {mask.shape}")
        self.task, self.block, self.mask, self.dtype = task, block, mask.astype(dtype), dtype
        self.rate, self.decay = learning_rate, dtype(decay)
        self.table = (scale * rng.standard_normal((n_features, width))).astype(dtype) * self.mask
        self.weight, self.intercept = np.zeros(n_features, dtype), float(intercept)
        self.alpha = np.ones((int(block.max()) + 1, width), dtype)
        self._moments = [np.zeros_like(self.table) for _ in range(2)] + [np.zeros_like(self.weight) for _ in range(2)]
        self._slow, self.n_steps = [0.0, 0.0], 0
        self._room = np.empty_like(self.table), np.empty_like(self.table), np.empty_like(self.weight)
        self._ones = np.ones_like(self.weight)
        self._gate, self._gated = self.mask.copy(), None

    @property
    def selected(self):
        """The table times the selection layer, a new array: what predicts."""
        return self.table * self.gate()

    def gate(self):
        """Selection layer times mask for every entry of the table, shape (n_features, width); not to be changed."""
        if self._gated is None or not np.array_equal(self._gated, self.alpha):
            self._gated = self.alpha.copy()
            np.multiply(self.alpha[self.block], self.mask, out=self._gate)
        return self._gate

    def predict(self, rows, table=None):
        """Ratings, or logits of clicks, shape (n_rows,); with another selected ``table`` where one is given."""
        table = self.selected if table is None else np.ascontiguousarray(table, self.dtype)
        out = np.empty(len(rows), self.dtype)
        room = np.empty(table.shape[1], self.dtype)
        _predict(rows.index, rows.value, table, self.weight, self.dtype(self.intercept), room, out)
        return out

    def loss(self, rows, table=None):
        """Mean loss over rows."""
        z, y = self.predict(rows, table).astype(float), rows.target
        return float(np.mean((z - y) ** 2 if self.task == "squared" else np.logaddexp(0, z) - y * z))

    def _pulls(self, rows, batch, table=None):
        """Loss, pull on the selected table, on the weights, on the intercept; in room that the next call reuses."""
        selected, to_table, to_weight = self._room
        np.multiply(self.table if table is None else table, self.gate(), out=selected)
        to_table[:] = 0
        to_weight[:] = 0
        state = selected, self.weight, self.dtype(self.intercept)
        rest = rows.target, batch, state, self.task == "logistic", (to_table, to_weight)
        if rows.in_pairs:
            loss, to_intercept = _pull_pairs(rows.index, *rest)
        else:
            loss, to_intercept = _pull((rows.index, rows.value), *rest)
        return loss, to_table, to_weight, to_intercept

    def gradient(self, rows, batch=None, table=None):
        """Loss and all gradients of a batch (numbers of rows; default all), at another ``table`` where one is given.

        Returns
        -------
        Gradient
            Without the penalties.
        """
        batch = np.arange(len(rows)) if batch is None else np.asarray(batch)
        loss, pull, to_weight, to_intercept = self._pulls(rows, batch, table)
        to_alpha = np.empty_like(self.alpha)
        _alpha_pull(pull, self.table if table is None else table, self.block, to_alpha)
        return Gradient(loss, pull * self.gate(), to_weight.copy(), to_intercept, to_alpha)

    def step(self, rows, batch):
        """One step of Adam on everything but the selection layer; the mean loss of the batch before it."""
        loss, pull, to_weight, to_intercept = self._pulls(rows, batch)
        self.n_steps += 1
        b1, b2, epsilon = 0.9, 0.999, 1e-8
        size = self.rate * np.sqrt(1 - b2**self.n_steps) / (1 - b1**self.n_steps)
        epsilon *= np.sqrt(1 - b2**self.n_steps)  # torch adds it after the correction of the running square
        rates = tuple(map(self.dtype, (size, b1, 1 - b1, b2, 1 - b2, epsilon)))
        first, second, third, fourth = self._moments
        flat = (part.ravel() for part in (self.table, first, second, pull, self.gate()))
        _adam(*flat, self.decay, rates)
        _adam(self.weight, third, fourth, to_weight, self._ones, self.decay, rates)
        m = self._slow[0] = b1 * self._slow[0] + (1 - b1) * to_intercept
        v = self._slow[1] = b2 * self._slow[1] + (1 - b2) * to_intercept**2
        self.intercept -= size * m / (np.sqrt(v) + epsilon)
        return loss

    def state(self):
        """Copies of everything that changes in training, for `restore`."""
        arrays = [part.copy() for part in (self.table, self.weight, self.alpha, *self._moments)]
        return arrays, self.intercept, list(self._slow), self.n_steps

    def restore(self, state):
        """Go back to a `state`."""
        arrays, self.intercept, slow, self.n_steps = state
        self._slow = list(slow)
        for part, kept in zip((self.table, self.weight, self.alpha, *self._moments), arrays, strict=True):
            part[:] = kept
