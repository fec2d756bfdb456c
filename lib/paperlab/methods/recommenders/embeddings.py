"""Vectors for users and items: their start, Adam on the rows of a batch, training with early stopping, full ranking."""

import time
from dataclasses import dataclass, field, replace

import numpy as np
from joblib import Parallel, delayed
from numba import njit

from paperlab.methods.foundations import ranking


def xavier_normal(n_rows, dim, *, rng, dtype=np.float32):
    """Start of an embedding table: normal with variance 2 / (n_rows + dim), shape (n_rows, dim)."""
    if n_rows < 1 or dim < 1:
        raise ValueError(f"n_rows and dim must be at least 1, got {n_rows} and {dim}")
    return (rng.standard_normal((n_rows, dim)) * np.sqrt(2 / (n_rows + dim))).astype(dtype)


@njit(cache=True, fastmath=True, error_model="numpy")
def _adam_row(vector, mean, square, gradient, rates):
    """Adam on one row; all in place."""
    size, beta1, rest1, beta2, rest2, epsilon = rates
    for k in range(len(vector)):
        g = gradient[k]
        m = beta1 * mean[k] + rest1 * g
        v = beta2 * square[k] + rest2 * g * g
        mean[k] = m
        square[k] = v
        vector[k] -= size * m / (np.sqrt(v) + epsilon)


@njit(cache=True, fastmath=True, error_model="numpy")
def adam_rows(vectors, mean, square, rows, gradient, slot, rates):
    """Adam on the rows that are named; gradients of a row that is named twice are added first.

    Parameters
    ----------
    vectors, mean, square : ndarray, shape (n, d)
        Table and running moments, changed in place.
    rows : ndarray of int, shape (b,)
    gradient : ndarray, shape (b, d)
        Where a row is named more than once, the sum stands at its first place afterwards.
    slot : ndarray of int, shape (n,)
        All -1, as it is left again.
    rates : tuple of six floats of the table's type
        As `RowAdam.rates` gives them.
    """
    for at in range(len(rows)):
        first = slot[rows[at]]
        if first < 0:
            slot[rows[at]] = at
        else:
            for k in range(gradient.shape[1]):
                gradient[first, k] += gradient[at, k]
    for at in range(len(rows)):
        row = rows[at]
        if slot[row] == at:
            slot[row] = -1
            _adam_row(vectors[row], mean[row], square[row], gradient[at], rates)


@njit(cache=True, fastmath=True, error_model="numpy")
def _adam_all(vectors, mean, square, gradient, rates):
    for row in range(len(vectors)):
        _adam_row(vectors[row], mean[row], square[row], gradient[row], rates)


class RowAdam:
    """Adam that moves the rows of a batch and leaves all others, moments included, as they are.

    Parameters
    ----------
    vectors : ndarray of float, shape (n, d)
        The table; it is changed in place.
    learning_rate : float
    betas : tuple of two floats
        Decay rates of the running mean and the running square, in [0, 1).
    epsilon : float

    Raises
    ------
    ValueError
        If the table is no matrix of floats, or a rate lies outside its range.

    Notes
    -----
    The rule of ``torch.optim.SparseAdam``: with t steps so far, p -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) +
    epsilon). Plain Adam goes on moving a row that no batch names, by its old mean and by weight decay.
    """

    def __init__(self, vectors, *, learning_rate, betas=(0.9, 0.999), epsilon=1e-8):
        if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.flags.c_contiguous:
            raise ValueError(f"vectors must be a plain matrix of floats, got {vectors.dtype} of shape {vectors.shape}")
        positive("learning_rate", learning_rate)
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must lie in [0, 1), got {betas}")
        self.vectors = vectors
        self.mean, self.square = np.zeros_like(vectors), np.zeros_like(vectors)
        self.n_steps = 0
        self.slot = np.full(len(vectors), -1, np.int64)
        self._constants = learning_rate, *betas, epsilon

    def rates(self, n_steps):
        """Step size, corrected for bias after ``n_steps`` steps; both decay rates, each with its rest to 1; epsilon."""
        rate, beta1, beta2, epsilon = self._constants
        size = rate * np.sqrt(1 - beta2**n_steps) / (1 - beta1**n_steps)
        return tuple(map(self.vectors.dtype.type, (size, beta1, 1 - beta1, beta2, 1 - beta2, epsilon)))

    def step(self, rows, gradient):
        """Move ``rows`` (b,) against ``gradient`` (b, d); a row named twice moves once, by the sum."""
        self.n_steps += 1
        state = self.vectors, self.mean, self.square
        adam_rows(*state, rows, gradient.copy(), self.slot, self.rates(self.n_steps))

    def step_all(self, gradient):
        """Move every row against ``gradient`` (n, d), as plain Adam does."""
        self.n_steps += 1
        _adam_all(self.vectors, self.mean, self.square, gradient, self.rates(self.n_steps))


class Tables:
    """Vectors of users and items with an optimiser each, and the pairs that they are trained on, batch by batch.

    Parameters
    ----------
    train : Interactions
        Pairs of user and item.
    dim : int
        Length of a vector.
    batch_size : int
        Pairs of a batch; the last batch of an epoch holds what is left.
    learning_rate : float
    l2 : float
        Penalty l2 / 2 times the squared length of every vector that a pair uses, averaged over the batch.
    rng : numpy.random.Generator
        For the start.
    dtype : type
        Precision of the tables.
    """

    def __init__(self, train, *, dim=64, batch_size=256, learning_rate=1e-3, l2=0.0, rng, dtype=np.float32):
        if not len(train.items):
            raise ValueError("train must hold at least one interaction, got none")
        positive("batch_size", batch_size)
        if l2 < 0:
            raise ValueError(f"l2 must not be negative, got {l2}")
        self.train, self.batch_size, self.l2 = train, batch_size, l2
        self.users, self.items = (
            RowAdam(xavier_normal(n, dim, rng=rng, dtype=dtype), learning_rate=learning_rate)
            for n in (train.n_users, train.n_items)
        )

    def vectors(self):
        """Copies of the vectors of users and items; their inner products are the scores."""
        return self.users.vectors.copy(), self.items.vectors.copy()

    def batches(self, rng):
        """User and item numbers of every batch of one epoch, in an order drawn by lot.

        A last batch with a single pair joins the one before: a pair alone has nothing to be compared with.
        """
        n = len(self.train.items)
        order = rng.permutation(n)
        edges = list(range(0, n, self.batch_size))
        if len(edges) > 1 and n - edges[-1] == 1:
            edges.pop()
        user, item = self.train.users[order], self.train.items[order]
        for start, stop in zip(edges, [*edges[1:], n], strict=True):
            yield user[start:stop], item[start:stop]


@dataclass(frozen=True)
class Look:
    """One look at a training: epochs so far, value on validation, mean loss of the epoch, seconds so far."""

    epoch: int
    value: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Fit:
    """Vectors at the best look of a training.

    Attributes
    ----------
    users, items : ndarray
        Vectors, shapes (n_users, d) and (n_items, d).
    epoch : int
        Epochs trained by then; 0 is the random start.
    value : float
        What ``judge`` gave then.
    looks : list of Look
        The whole course, the random start first.
    snapshots : list of (users, items)
        Vectors at every look, if asked for.
    """

    users: np.ndarray
    items: np.ndarray
    epoch: int
    value: float
    looks: list = field(repr=False)
    snapshots: list = field(repr=False, default_factory=list)


def fit(learner, judge, *, epochs, rng, every=4, patience=3, keep=False):
    """Train until validation no longer improves; the best vectors are kept.

    Parameters
    ----------
    learner : object
        With ``epoch(rng)``, which trains one epoch and gives its mean loss, and ``vectors()``.
    judge : callable
        ``judge(users, items)`` gives a number, the higher the better.
    epochs : int
        At most so many.
    rng : numpy.random.Generator
        Order of the pairs and what the learner draws.
    every : int
        Epochs between two looks.
    patience : int
        Training stops after so many looks in a row without a better value.
    keep : bool
        Whether the vectors of every look are kept.

    Returns
    -------
    Fit
    """
    for name, value in {"epochs": epochs, "every": every, "patience": patience}.items():
        positive(name, value)
    looks, snapshots, seconds, best = [], [], 0.0, None
    loss, epoch = np.nan, 0
    while True:
        if epoch % every == 0 or epoch == epochs:
            users, items = learner.vectors()
            value = float(judge(users, items))
            looks.append(Look(epoch, value, float(loss), seconds))
            snapshots += [(users, items)] if keep else []
            if best is None or value > best.value:
                best = Fit(users, items, epoch, value, looks, snapshots)
            if epoch == epochs or epoch - best.epoch >= patience * every:
                return best
        begin = time.process_time()
        loss = learner.epoch(rng)
        seconds += time.process_time() - begin
        epoch += 1


@dataclass(frozen=True)
class Choice:
    """One training per setting.

    Attributes
    ----------
    setting : object
        The setting with the best value.
    fits : dict
        `Fit` of every setting; snapshots are kept for the best only.
    """

    setting: object
    fits: dict = field(repr=False)

    @property
    def fit(self):
        """The best `Fit`."""
        return self.fits[self.setting]


def choose(make, settings, judge, *, rng, n_jobs=1, **training):
    """Train once with every setting and choose by validation.

    Parameters
    ----------
    make : callable
        ``make(setting, rng)`` gives a learner.
    settings : sequence
        At least one; of equally good ones the first is chosen.
    judge, **training
        As for `fit`.
    rng : numpy.random.Generator
        A stream is spawned from it for each setting, so that the result does not depend on ``n_jobs``.
    n_jobs : int
        Processes.

    Returns
    -------
    Choice
    """
    if not len(settings):
        raise ValueError("settings must name at least one setting, got none")
    streams = rng.spawn(len(settings))
    jobs = (delayed(_train)(make, s, judge, stream, training) for s, stream in zip(settings, streams, strict=True))
    fits, best = {}, None
    for setting, found in zip(settings, Parallel(min(n_jobs, len(settings)), return_as="generator")(jobs), strict=True):
        better = best is None or found.value > fits[best].value
        if better and best is not None:
            fits[best] = replace(fits[best], snapshots=[])
        best = setting if better else best
        fits[setting] = found if better else replace(found, snapshots=[])
    return Choice(best, fits)


def _train(make, setting, judge, rng, training):
    return fit(make(setting, rng), judge, rng=rng, **training)


def rank(users, items, split, *, part="test", k=20):
    """Full ranking of all items for every user by inner product, and what it is worth.

    Parameters
    ----------
    users, items : ndarray, shapes (n_users, d) and (n_items, d)
    split : Split
    part : {"valid", "test"}
        What there is to find. Training items are passed over, in the test those of the validation too.
    k : int
        Length of the list.

    Returns
    -------
    Ranking
        Recall and NDCG of every user with something to find.
    """
    if part not in ("valid", "test"):
        raise ValueError(f"part must be valid or test, got {part!r}")
    seen, wanted = (split.train, split.valid) if part == "valid" else (split.seen, split.test)
    barred = seen.indptr, seen.items
    top = ranking.top_k((users, items), len(users), len(items), k, barred=barred)
    return ranking.judge(top, wanted.indptr, wanted.items)


def positive(name, value):
    """Refuse a number that is not above zero."""
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")
