"""A distance between customers and films learnt from tickets, for films that nobody has seen yet."""

from dataclasses import dataclass, field, replace

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.embeddings import RowAdam, positive
from paperlab.methods.recommenders.uniformity import unit

LOSSES = ("hinge", "softmax", "logistic")
NEGATIVES = ("in_batch", "uniform", "hard")
MIN_TEMPERATURE = 0.03  # exp(2 / temperature) is a number of single precision
HIDDEN, OUTPUT, N_HARD = 128, 32, 10  # sizes of the second tower; films drawn to find a hard one


@dataclass(frozen=True)
class Course:
    """How a metric is learnt.

    Attributes
    ----------
    loss : {"hinge", "softmax", "logistic"}
    negatives : {"in_batch", "uniform", "hard"}
        Films of the other pairs of the batch; as many drawn by lot among the known films; the nearest of ten drawn.
    tower : {"linear", "mlp"}
        One layer of square shape that starts as the identity, or two with 128 and 32 outputs.
    epochs, batch_size : int
    learning_rate : float
        Of Adam.
    margin : float
        Of the hinge, in squared distance.
    temperature : float
        Cosines are divided by it in the other losses.
    """

    loss: str = "hinge"
    negatives: str = "in_batch"
    tower: str = "linear"
    epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 2e-3
    margin: float = 0.3
    temperature: float = 0.2

    def __post_init__(self):
        """Refuse unknown names and numbers out of range."""
        for name, known in {"loss": LOSSES, "negatives": NEGATIVES, "tower": ("linear", "mlp")}.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("batch_size", "learning_rate", "margin"):
            positive(name, getattr(self, name))
        if not self.temperature >= MIN_TEMPERATURE:
            raise ValueError(
                f"temperature must be at least {MIN_TEMPERATURE}, got {self.temperature}; cosines are divided by it"
            )
        if self.batch_size < 2 or self.epochs < 0:
            raise ValueError(f"batch_size must be at least 2 and epochs 0, got {self.batch_size} and {self.epochs}")


@dataclass(frozen=True)
class FilmMetric:
    """A map from descriptions into a space where near means likely.

    Attributes
    ----------
    layers : tuple of ndarray
        ``relu`` between them; no constants, so that only the direction of a description counts.
    epoch : int
        Passes over the tickets so far; 0 is the start.
    loss : float
        Mean over the last pass, NaN at the start.
    """

    layers: tuple = field(repr=False)
    epoch: int = 0
    loss: float = np.nan

    def place(self, x):
        """Points of unit length, shape (n, d), of descriptions x (n, dim)."""
        return unit(forward(self.layers, np.asarray(x, np.float32))[-1])[0]

    def closeness(self, points, films):
        """Minus the squared distance of customers and films, shape (n_users, n_films), from -4 to 0."""
        return 2 * self.place(points) @ self.place(films).T - 2


def forward(layers, x):
    """What goes into every layer, and what the last one gives."""
    passed = [x]
    for number, layer in enumerate(layers):
        out = passed[-1] @ layer
        passed.append(np.maximum(out, 0) if number < len(layers) - 1 else out)
    return passed


def backward(layers, passed, gradient):
    """Gradients of the layers from that of their output."""
    found = []
    for number in range(len(layers) - 1, -1, -1):
        found.append(passed[number].T @ gradient)
        if number:
            gradient = (gradient @ layers[number].T) * (passed[number] > 0)
    return found[::-1]


@njit(cache=True)
def _seen_by(seen, users, films):
    """Which of the films each of the users has seen, shape (n_users, n_films)."""
    barred = np.empty((len(users), len(films)), np.bool_)
    for a in range(len(users)):
        row = seen[users[a]]
        for k in range(len(films)):
            barred[a, k] = row[films[k]]
    return barred


@njit(cache=True)
def _keep_nearest(other, barred):
    """Bar all but the nearest film of every row."""
    for a in range(len(other)):
        best = -1
        for k in range(other.shape[1]):
            if not barred[a, k] and (best < 0 or other[a, k] > other[a, best]):
                best = k
        barred[a] = True
        if best >= 0:
            barred[a, best] = False


@njit(cache=True, fastmath=True, error_model="numpy")
def _hinge(own, other, barred, margin):
    """Mean of [margin + 2 other - 2 own]_+; ``own`` and ``other`` are replaced by the gradients in them."""
    total, two = 0.0, other.dtype.type(2.0 / max(np.sum(~barred), 1))
    none = other.dtype.type(0)
    for a in range(len(other)):
        line, n_active = other.dtype.type(margin) - 2 * own[a], 0
        for k in range(other.shape[1]):
            value = line + 2 * other[a, k]
            active = value > 0 and not barred[a, k]
            total += value if active else none
            n_active += active
            other[a, k] = two if active else none
        own[a] = -two * n_active
    return total * two / 2


@njit(cache=True, fastmath=True, error_model="numpy")
def _softmax(own, other, barred, temperature):
    """Mean of -log share of the own film among it and the others; gradients in place, as in `_hinge`."""
    total, n = 0.0, len(other)
    cold, none = other.dtype.type(1 / temperature), other.dtype.type(0)
    for a in range(n):
        s, mass = own[a], 1.0
        for k in range(other.shape[1]):  # cosines: the exponent is at most 2 / temperature
            other[a, k] = none if barred[a, k] else np.exp((other[a, k] - s) * cold)
            mass += other[a, k]
        total += np.log(mass)
        share = other.dtype.type(1 / (mass * temperature * n))
        for k in range(other.shape[1]):
            other[a, k] *= share
        own[a] = -(mass - 1) * share
    return total / n


@njit(cache=True, fastmath=True, error_model="numpy")
def _logistic(own, other, barred, temperature):
    """Mean of log(1 + exp((other - own) / temperature)); gradients in place, as in `_hinge`."""
    total, n = 0.0, max(np.sum(~barred), 1)
    cold, none, scale = other.dtype.type(1 / temperature), other.dtype.type(0), other.dtype.type(1 / temperature / n)
    for a in range(len(other)):
        s, pull = own[a], 0.0
        for k in range(other.shape[1]):
            if barred[a, k]:
                other[a, k] = none
                continue
            large = np.exp((other[a, k] - s) * cold)
            total += np.log1p(large)
            other[a, k] = scale * large / (1 + large)
            pull += other[a, k]
        own[a] = -pull
    return total / n


def metric_loss(layers, customers, films, others, barred, course):
    """Loss of a batch, and its gradient in the layers.

    Parameters
    ----------
    layers : sequence of ndarray
    customers, films : ndarray, shape (b, dim)
        Points of customers without the film that they are paired with, and these films.
    others : ndarray, shape (m, dim), or None
        Films that the customers are compared with; ``None`` takes ``films``.
    barred : ndarray of bool, shape (b, m)
        Films that a customer has seen; they are no negatives. Changed in place with hard negatives.
    course : Course

    Returns
    -------
    loss : float
    gradients : list of ndarray

    Notes
    -----
    Page ``metric_learning_movies``. With cosines s = g(c).g(x) and squared distances d2 = 2 - 2 s: hinge, mean of
    [margin + d2(own) - d2(other)]_+ over the pairs that are not barred; softmax, mean over customers of
    -log of the share of exp(s / temperature) of the own film among it and the others; logistic, mean of
    log(1 + exp((s(other) - s(own)) / temperature)).
    """
    parts = [customers, films] + ([] if others is None else [others])
    passed = [forward(layers, part) for part in parts]
    (u, long_u), (v, long_v), *rest = (unit(kept[-1]) for kept in passed)
    w = rest[0][0] if rest else v
    own, other = np.einsum("ak,ak->a", u, v), u @ w.T
    if course.negatives == "hard":
        _keep_nearest(other, barred)
    kernel = {"hinge": _hinge, "softmax": _softmax, "logistic": _logistic}[course.loss]
    loss = kernel(own, other, barred, course.margin if course.loss == "hinge" else course.temperature)
    pulls = [own[:, None] * v + other @ w, own[:, None] * u]
    lengths, points = [long_u, long_v], [u, v]
    if rest:
        pulls, lengths, points = [*pulls, other.T @ u], [*lengths, rest[0][1]], [*points, w]
    else:
        pulls[1] += other.T @ u
    gradients = [np.zeros_like(layer) for layer in layers]
    for kept, pull, length, point in zip(passed, pulls, lengths, points, strict=True):
        pull = (pull - np.einsum("ak,ak->a", pull, point)[:, None] * point) / length
        for total, part in zip(gradients, backward(layers, kept, pull.astype(layers[0].dtype)), strict=True):
            total += part
    return float(loss), gradients


def start(dim, tower, *, rng):
    """Layers before training: the identity, or two of the size of their fan-in."""
    if tower == "linear":
        return [np.eye(dim, dtype=np.float32)]
    sizes = [(dim, HIDDEN), (HIDDEN, OUTPUT)]
    return [(rng.standard_normal(size) * np.sqrt(2 / size[0])).astype(np.float32) for size in sizes]


def fit_metric(train, x, course=None, *, rng):
    """Learn a metric from tickets.

    Parameters
    ----------
    train : Interactions
        Tickets for known films; customers with one ticket are passed over, since a film leaves its customer's point.
    x : ndarray, shape (n_films, dim)
        Descriptions.
    course : Course, optional
    rng : numpy.random.Generator

    Returns
    -------
    list of FilmMetric
        After every epoch, the start first; so that the epoch can be chosen on other films.

    Raises
    ------
    ValueError
        If shapes do not match or no customer has two tickets.

    Notes
    -----
    Page ``metric_learning_movies``: the target film is taken out of the customer's mean, else distance 0 is learnt.
    """
    course = course or Course()
    x = finite("x", x).astype(np.float32)
    if x.ndim != 2 or len(x) != train.n_items:
        raise ValueError(f"x must have one row for each of {train.n_items} films, got shape {x.shape}")
    length = train.lengths
    if length.max(initial=0) < 2:
        raise ValueError("train must have a customer with two tickets; nothing can be compared otherwise")
    table = train.matrix()
    sums, seen = np.asarray(table @ x, np.float32), table.toarray() > 0
    usable = np.flatnonzero(length[train.users] > 1)
    known = np.flatnonzero(train.counts)
    optimisers = [
        RowAdam(layer, learning_rate=course.learning_rate) for layer in start(x.shape[1], course.tower, rng=rng)
    ]
    layers = [one.vectors for one in optimisers]
    found = [FilmMetric(tuple(layer.copy() for layer in layers))]
    for epoch in range(1, course.epochs + 1):
        order, total = rng.permutation(usable), 0.0
        for rows in np.array_split(order, max(1, round(len(order) / course.batch_size))):
            user, film = train.users[rows], train.items[rows]
            others = None if course.negatives == "in_batch" else rng.choice(known, _n_drawn(course, len(rows)))
            barred = _seen_by(seen, user, film if others is None else others)
            points = (sums[user] - x[film]) / (length[user] - 1)[:, None].astype(np.float32)
            drawn = None if others is None else x[others]
            loss, gradients = metric_loss(layers, points, x[film], drawn, barred, course)
            for optimiser, gradient in zip(optimisers, gradients, strict=True):
                optimiser.step_all(gradient)
            total += loss * len(rows)
        done = FilmMetric(tuple(layer.copy() for layer in layers))
        found.append(replace(done, epoch=epoch, loss=total / len(order)))
    return found


def _n_drawn(course, n):
    return N_HARD if course.negatives == "hard" else n
