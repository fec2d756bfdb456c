"""A ranking model in which all that is known of an item is one vector: of its number, its content or its code's pieces.

The vector of an item is used three times, as the candidate, as what was clicked last and in the mean of the last
clicks. Gradients are written down in closed form; every weight is moved by Adam.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numba import njit
from scipy import sparse

from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.recommenders.embeddings import RowAdam, positive

WIDE = 64  # numbers that Adam moves in one go
START = 0.03  # standard deviation of what is drawn at the start


class Weights:
    """Arrays that lie in one vector, their gradients in another, moved together by Adam."""

    def __init__(self, shapes, *, learning_rate, rng):
        sizes = [int(np.prod(shape)) for shape, _ in shapes.values()]
        flat, self.gradient = np.zeros((2, -(-sum(sizes) // WIDE), WIDE), np.float32)
        self.value, self.slope, start = {}, {}, 0
        for (name, (shape, scale)), size in zip(shapes.items(), sizes, strict=True):
            self.value[name] = flat.reshape(-1)[start : start + size].reshape(shape)
            self.slope[name] = self.gradient.reshape(-1)[start : start + size].reshape(shape)
            if scale:
                self.value[name][:] = scale * rng.standard_normal(shape, np.float32)
            start += size
        self.learning_rate = learning_rate
        self.adam = RowAdam(flat, learning_rate=learning_rate)

    def step(self):
        """Move all weights against their gradients, which are zero afterwards."""
        self.adam.step_all(self.gradient)
        self.gradient[:] = 0


@dataclass(frozen=True)
class Looked:
    """Items whose vectors are sums of rows of one table, as a `Bag` says."""

    bag: object = field(repr=False)

    @property
    def n_items(self):
        """Number of items."""
        return len(self.bag.lengths)

    @cached_property
    def _sums(self):
        """How often each item sums each row, shape (n_items, n_rows)."""
        ones = np.ones(len(self.bag.rows), np.float32)
        return sparse.csr_matrix((ones, self.bag.rows, self.bag.indptr), (self.n_items, self.bag.n_rows))

    def shapes(self, dim):
        """Arrays that are learnt, with the spread of their start."""
        return {"table": ((self.bag.n_rows, dim), START)}

    def vectors(self, value):
        """Vectors of all items, shape (n_items, d)."""
        return self._sums @ value["table"]

    def pull(self, value, slope, above):
        """Add the gradient of the table, given that of the vectors."""
        slope["table"] += self._sums.T @ above


@dataclass(frozen=True)
class Dense:
    """Items whose vectors are a linear map of their content, or a network with one layer between.

    Attributes
    ----------
    content : ndarray of float32, shape (n_items, n_features)
        Columns with mean zero and one common spread are best.
    hidden : int
        Width of the layer between, 0 for none.
    """

    content: np.ndarray = field(repr=False)
    hidden: int = 0

    @property
    def n_items(self):
        """Number of items."""
        return len(self.content)

    def shapes(self, dim):
        """Arrays that are learnt, with the spread of their start."""
        n, middle = self.content.shape[1], self.hidden
        if not middle:
            return {"map": ((n, dim), n**-0.5), "shift": ((dim,), 0)}
        first = {"before": ((n, middle), (2 / n) ** 0.5), "kink": ((middle,), 0)}
        return first | {"map": ((middle, dim), middle**-0.5), "shift": ((dim,), 0)}

    def vectors(self, value):
        """Vectors of all items, shape (n_items, d)."""
        return self._middle(value) @ value["map"] + value["shift"]

    def _middle(self, value):
        if not self.hidden:
            return self.content
        return np.maximum(self.content @ value["before"] + value["kink"], 0)

    def pull(self, value, slope, above):
        """Add the gradients of the map, given that of the vectors."""
        middle = self._middle(value)
        slope["map"] += middle.T @ above
        slope["shift"] += above.sum(0)
        if self.hidden:
            below = (above @ value["map"].T) * (middle > 0)
            slope["before"] += self.content.T @ below
            slope["kink"] += below.sum(0)


@njit(cache=True, fastmath=True, error_model="numpy")
def _mean_rows(vectors, history, n_last, out):
    """Mean of the vectors that the first places of a history name; zero where they name none."""
    for row in range(len(history)):
        n = 0
        for at in range(n_last):
            item = history[row, at]
            if item >= 0:
                n += 1
                for k in range(vectors.shape[1]):
                    out[row, k] += vectors[item, k]
        for k in range(vectors.shape[1]):
            out[row, k] /= max(n, 1)


@njit(cache=True, fastmath=True, error_model="numpy")
def _spread_mean(history, n_last, above, slope):
    for row in range(len(history)):
        n = 0
        for at in range(n_last):
            n += history[row, at] >= 0
        for at in range(n_last):
            item = history[row, at]
            if item >= 0:
                for k in range(slope.shape[1]):
                    slope[item, k] += above[row, k] / n


@njit(cache=True, fastmath=True, error_model="numpy")
def _forward(vectors, user, item, history, n_mean, w):
    """Means of the history, inputs of the network, its layer, logits."""
    users, last_map, mean_map, first, kinks, second, linear, bias = w
    n, d = len(item), vectors.shape[1]
    last, mean = np.zeros((n, d), np.float32), np.zeros((n, d), np.float32)
    x, logit = np.empty((n, 3 * d), np.float32), np.empty(n, np.float32)
    _mean_rows(vectors, history, 1, last)
    query = np.dot(last, last_map)
    if n_mean:
        _mean_rows(vectors, history, n_mean, mean)
        query += np.dot(mean, mean_map)
    for row in range(n):
        for k in range(d):
            q, v = query[row, k], vectors[item[row], k]
            if len(users):
                q += users[user[row], k]
            x[row, k], x[row, d + k], x[row, 2 * d + k] = q, v, q * v
    layer = np.dot(x, first)
    for row in range(n):
        found = bias[0]
        for j in range(len(kinks)):
            layer[row, j] = max(layer[row, j] + kinks[j], np.float32(0))
            found += layer[row, j] * second[j]
        for k in range(d):
            found += x[row, k] * linear[k] + x[row, d + k] * linear[d + k] + x[row, 2 * d + k]
        logit[row] = found
    return last, mean, x, layer, logit


@njit(cache=True, fastmath=True, error_model="numpy")
def _backward(vectors, user, item, history, n_mean, click, w, slopes):
    """Mean log loss and the gradient of the vectors; gradients of the weights are added to ``slopes``."""
    users, last_map, mean_map, first, kinks, second, linear, bias = w
    to_users, to_last, to_mean, to_first, to_kinks, to_second, to_linear, to_bias = slopes
    last, mean, x, layer, logit = _forward(vectors, user, item, history, n_mean, w)
    n, d = len(item), vectors.shape[1]
    below, error, loss = np.empty_like(layer), np.empty(n, np.float32), 0.0
    for row in range(n):
        z = logit[row]
        loss += max(z, np.float32(0)) + np.log1p(np.exp(-abs(z))) - click[row] * z
        e = np.float32((1 / (1 + np.exp(-z)) - click[row]) / n)
        error[row] = e
        to_bias[0] += e
        for j in range(len(kinks)):
            to_second[j] += layer[row, j] * e
            below[row, j] = e * second[j] if layer[row, j] > 0 else np.float32(0)
            to_kinks[j] += below[row, j]
        for k in range(2 * d):
            to_linear[k] += x[row, k] * e
    to_first += np.dot(x.T, below)
    to_x = np.dot(below, first.T)
    above, to_query = np.zeros_like(vectors), np.empty_like(last)
    for row in range(n):
        e = error[row]
        for k in range(d):
            product = to_x[row, 2 * d + k] + e
            pull = to_x[row, k] + e * linear[k] + product * x[row, d + k]
            to_query[row, k] = pull
            above[item[row], k] += to_x[row, d + k] + e * linear[d + k] + product * x[row, k]
            if len(users):
                to_users[user[row], k] += pull
    to_last += np.dot(last.T, to_query)
    _spread_mean(history, 1, np.dot(to_query, last_map.T), above)
    if n_mean:
        to_mean += np.dot(mean.T, to_query)
        _spread_mean(history, n_mean, np.dot(to_query, mean_map.T), above)
    return loss / n, above


class Ranker:
    """Probability of a click from a user, the candidate and what the user clicked before.

    Parameters
    ----------
    items : Looked or Dense
        What stands for an item.
    n_users : int
        Users with a vector each; 0 if what they clicked is all that is known of them.
    dim, hidden : int
        Length of a vector, width of the network's layer.
    history : bool
        Whether the mean of the last clicks takes part; the very last click always does.
    learning_rate : float
    batch_size : int
    rng : numpy.random.Generator
        For the start.

    Notes
    -----
    Page ``semantic_ids_ranking``, (4) and (5): with the query ``q = A v_last + B mean(v_clicked)``, plus a vector of
    the user where there is one, and the candidate's v, ``logit = b + w'v + s'q + q'v + MLP[q, v, q v]``, one layer of
    rectifiers. A and B start at the identity. Mean log loss.
    """

    def __init__(self, items, *, n_users=0, dim=16, hidden=32, history=True, learning_rate=0.003, batch_size=512, rng):
        for name, given in {"dim": dim, "hidden": hidden, "batch_size": batch_size}.items():
            positive(name, given)
        self.items, self.history, self.batch_size, self.dim = items, history, batch_size, dim
        shapes = {
            "users": ((n_users, dim), START),
            "last": ((dim, dim), 0),
            "mean": ((dim, dim), 0),
            "first": ((3 * dim, hidden), (2 / (3 * dim)) ** 0.5),
            "kinks": ((hidden,), 0),
            "second": ((hidden,), hidden**-0.5),
            "linear": ((2 * dim,), 0),
            "bias": ((1,), 0),
        }
        self.weights = Weights(shapes | items.shapes(dim), learning_rate=learning_rate, rng=rng)
        for name in ("last", "mean"):
            np.fill_diagonal(self.weights.value[name], 1)
        self._weights, self._slopes = (
            tuple(part[name] for name in shapes) for part in (self.weights.value, self.weights.slope)
        )

    def vectors(self):
        """Vectors of all items, shape (n_items, d)."""
        return self.items.vectors(self.weights.value)

    def score(self, log, *, chunk=8192):
        """Logit of every impression of a `ClickLog`, shape (n,)."""
        vectors, found = self.vectors(), []
        for start in range(0, len(log), chunk):
            part = slice(start, start + chunk)
            rows = log.user[part], log.item[part], log.history[part]
            found.append(_forward(vectors, *rows, self.n_mean(log), self._weights)[-1])
        return np.concatenate(found)

    def n_mean(self, log):
        """Clicks that the mean takes."""
        return log.history.shape[1] if self.history else 0

    def gradient(self, log, rows):
        """Mean log loss of some impressions, its gradient added to ``weights.slope``."""
        vectors, n_mean = self.vectors(), self.n_mean(log)
        parts = log.user[rows], log.item[rows], log.history[rows], n_mean, log.click[rows]
        loss, above = _backward(vectors, *parts, self._weights, self._slopes)
        self.items.pull(self.weights.value, self.weights.slope, above)
        return loss

    def train(self, log, *, rng, passes=1):
        """Train on impressions in an order drawn by lot, ``passes`` times; gives the mean log loss."""
        loss = 0.0
        for _ in range(passes):
            order = rng.permutation(len(log))
            for start in range(0, len(log), self.batch_size):
                rows = order[start : start + self.batch_size]
                loss += self.gradient(log, rows) * len(rows) / len(log) / passes
                self.weights.step()
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}: lower learning_rate = {self.weights.learning_rate}")
        return loss


@dataclass(frozen=True)
class Course:
    """A model that met the days in their order.

    Attributes
    ----------
    score : ndarray, shape (n_test,)
        Logits on the last day, none of which was trained on.
    before : ndarray, shape (n_days - 1,)
        AUC on every day from the second on, before the model was trained on it; the last is that of the last day.
    """

    score: np.ndarray = field(repr=False)
    before: np.ndarray


def day_by_day(ranker, log, *, rng, passes=1, looks=1):
    """Train on each day in turn and judge on the next one, as a system in use does.

    Parameters
    ----------
    ranker : Ranker
    log : ClickLog
        Days from 0 in order, at least two.
    rng : numpy.random.Generator
        Order of the impressions of a day.
    passes : int
        How often the impressions of a day are trained on.
    looks : int
        Number of last days before the test day that are judged, too.

    Returns
    -------
    Course
    """
    days = np.unique(log.day)
    if len(days) < 2:
        raise ValueError(f"log must hold at least two days, got {len(days)}; the last one is the test")
    before = []
    for at, day in enumerate(days):
        today = log.take(log.day == day)
        if at >= len(days) - 1 - looks:
            score = ranker.score(today)
            before.append(auroc(score, today.click))
        if day < days[-1]:
            ranker.train(today, rng=rng, passes=passes)
    return Course(score, np.array(before))
