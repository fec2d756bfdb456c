"""Alignment and uniformity of users and items on the unit sphere: exact measures, and losses that a batch optimises."""

import numpy as np
from numba import njit

from paperlab.methods.recommenders.embeddings import Tables, positive

TINY = 1e-12  # shortest length that a vector is divided by
BLOCK = 256  # rows of a batch that are compared at once
CHUNK = 512  # rows of the matrix of all pairs that are held at once


def unit(vectors):
    """Rows divided by their length, and the lengths, shape (n, 1); a row shorter than 1e-12 is divided by that."""
    length = np.maximum(np.sqrt(np.einsum("ak,ak->a", vectors, vectors)), TINY)[:, None]
    return vectors / length, length


def alignment(users, items, train):
    """Mean squared distance on the unit sphere between users and the items that they chose.

    Parameters
    ----------
    users, items : ndarray, shapes (n_users, d) and (n_items, d)
        Of any length; directions count.
    train : Interactions
        The pairs, each counts once.

    Returns
    -------
    float
        From 0 (a user and what he chose are one point) to 4; 2 for independent directions.

    Raises
    ------
    ValueError
        If the tables do not have the users and items of ``train``, or vectors differ in length.
    """
    shapes = np.shape(users), np.shape(items)
    if any(len(shape) != 2 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            f"users and items must be tables of vectors of one length, got shapes {shapes[0]} and {shapes[1]}"
        )
    if (shapes[0][0], shapes[1][0]) != (train.n_users, train.n_items):
        raise ValueError(
            f"users and items must have {train.n_users} and {train.n_items} rows, as train has, "
            f"got {shapes[0][0]} and {shapes[1][0]}"
        )
    x, y = unit(np.asarray(users, float))[0], unit(np.asarray(items, float))[0]
    return 2 - 2 * _mean_inner(x, y, train.users, train.items)


@njit(cache=True, fastmath=True, error_model="numpy")
def _mean_inner(x, y, user, item):
    total = 0.0
    for a in range(len(user)):
        for k in range(x.shape[1]):
            total += x[user[a], k] * y[item[a], k]
    return total / len(user)


def uniformity(vectors, weights=None):
    """How evenly directions are spread: log of the mean of exp(-2 |x - y|^2) over pairs of different rows.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Of any length; directions count.
    weights : array_like, shape (n,), optional
        A pair counts with the product of its weights, e.g. numbers of interactions; default all 1.

    Returns
    -------
    float
        0 if all are one point, the lower the more even; a regular simplex of n points has -4 n / (n - 1).

    Raises
    ------
    ValueError
        With fewer than two rows of positive weight, or a negative weight.

    Notes
    -----
    Page ``directau``: log( sum_{a != b} c_a c_b exp(4 x_a.x_b - 4) / (C^2 - sum c_a^2) ) with C = sum c_a. All pairs,
    no sample of them, 512 rows at a time and only one half of the symmetric matrix.
    """
    c = np.ones(len(vectors)) if weights is None else np.asarray(weights, float)
    if c.shape != (len(vectors),) or not (c >= 0).all():
        raise ValueError(f"weights must be {len(vectors)} numbers from 0, got shape {c.shape}")
    if (c > 0).sum() < 2:
        raise ValueError(f"vectors must hold two rows of positive weight, got {int((c > 0).sum())}")
    x, c = unit(np.asarray(vectors))[0][c > 0], c[c > 0]
    light = c.astype(x.dtype)
    total = 0.0
    for start in range(0, len(x), CHUNK):
        rows, weight = x[start : start + CHUNK], light[start : start + CHUNK]
        k = _kernel_of_pairs(rows)
        total += float(c[start : start + CHUNK] @ (k @ weight))
        for other in range(start + CHUNK, len(x), CHUNK):
            k = _kernel(rows, x[other : other + CHUNK])
            total += 2 * float(c[start : start + CHUNK] @ (k @ light[other : other + CHUNK]))
    return float(np.log(total / (c.sum() ** 2 - (c**2).sum()))) - 4


def overall_uniformity(users, items, train):
    """Mean of the users' and the items' uniformity, every one weighted by the number of its training pairs."""
    return (uniformity(users, train.lengths) + uniformity(items, train.counts)) / 2


def _kernel(a, b):
    """exp(4 a.b) of unit rows, which is e^4 exp(-2 |a - b|^2)."""
    # a copy: numpy would take a slower routine for a matrix times its own transpose
    k = a @ np.ascontiguousarray(4 * b.T)
    return np.exp(k, out=k)


def _kernel_of_pairs(a):
    """`_kernel` of rows with themselves, 0 where a row would meet itself."""
    k = _kernel(a, a)
    k.reshape(-1)[:: len(a) + 1] = 0
    return k


def _pull(x):
    """Log of the mean kernel over pairs of rows, and its gradient in ``x`` up to a part along ``x``."""
    n, z, force = len(x), 0.0, np.zeros_like(x)
    for start in range(0, n, BLOCK):  # blocks stay in the processor's cache; one half of the symmetric matrix
        own = slice(start, start + BLOCK)
        k = _kernel_of_pairs(x[own])
        z += float(k.sum())
        force[own] += k @ x[own]
        for first in range(start + BLOCK, n, BLOCK):
            other = slice(first, first + BLOCK)
            k = _kernel(x[own], x[other])
            z += 2 * float(k.sum())
            force[own] += k @ x[other]
            force[other] += k.T @ x[own]
    force *= 8 / z
    return np.log(z / (n * (n - 1))) - 4, force


def align_uniform(u, i, gamma, alignment=1.0):
    """Loss of DirectAU on a batch of pairs with its gradients, in closed form.

    Parameters
    ----------
    u, i : ndarray, shape (b, d)
        Vectors of users and of the items that they chose, row by row; a row may occur twice.
    gamma : float
        Weight of uniformity, not negative; 0 leaves alignment alone.
    alignment : float
        Weight of alignment; 0 leaves uniformity alone.

    Returns
    -------
    loss : float
        alignment * mean |x - y|^2 + gamma / 2 * (uniformity of the users' directions x + that of the items' directions
        y).
    to_u, to_i : ndarray, shape (b, d)
        Gradients in ``u`` and ``i``.

    Raises
    ------
    ValueError
        If gamma is negative or the batch has fewer than two pairs.

    Notes
    -----
    Page ``directau``. With K_ab = exp(4 x_a.x_b - 4), K_aa = 0 and Z = sum K the gradient of gamma / 2 * log mean K is
    (4 gamma / Z) K x; that of alignment 2 (x - y) / b; G becomes (G - (G.x) x) / |u| on the way back through the norm.
    Equal rows lie at distance 0 and feel no force.
    """
    if not gamma >= 0:
        raise ValueError(f"gamma must not be negative, got {gamma}")
    if len(u) < 2 or u.shape != i.shape:
        raise ValueError(f"u and i must have one shape and two pairs at least, got {u.shape} and {i.shape}")
    (x, length_x), (y, length_y) = unit(u), unit(i)
    inner = np.einsum("ak,ak->a", x, y)
    loss = alignment * (2 - 2 * float(inner.mean()))
    weight = x.dtype.type(2 * alignment / len(u))
    to_u, to_i = -weight * y, -weight * x  # what points along x or y is removed below
    if gamma:
        for z, to in ((x, to_u), (y, to_i)):
            value, force = _pull(z)
            loss += gamma / 2 * value
            force *= gamma / 2
            to += force
    return loss, _through_norm(to_u, x, length_x), _through_norm(to_i, y, length_y)


def _through_norm(gradient, x, length):
    """Gradient in a vector from the gradient in its direction."""
    gradient -= np.einsum("ak,ak->a", gradient, x)[:, None] * x
    gradient /= length
    return gradient


def in_batch_softmax(u, i, temperature):
    """Contrastive loss of a batch, every other item of the batch being a negative, with its gradients.

    Parameters
    ----------
    u, i : ndarray, shape (b, d)
        Vectors of users and of the items that they chose.
    temperature : float
        Cosines are divided by it; positive.

    Returns
    -------
    loss : float
        mean of -log softmax over the items of the batch.
    to_u, to_i : ndarray, shape (b, d)

    Raises
    ------
    ValueError
        If the temperature is not positive or the batch has fewer than two pairs.

    Notes
    -----
    Page ``directau``, the rival CLRec. Items come into a batch as often as they are chosen, which corrects for
    popularity.
    """
    positive("temperature", temperature)
    if len(u) < 2 or u.shape != i.shape:
        raise ValueError(f"u and i must have one shape and two pairs at least, got {u.shape} and {i.shape}")
    (x, length_x), (y, length_y) = unit(u), unit(i)
    p = x @ y.T
    p /= temperature
    own = np.diagonal(p).astype(float)
    top = p.max(1, keepdims=True)
    p -= top
    np.exp(p, out=p)
    total = p.sum(1, keepdims=True)
    loss = float(np.mean(np.log(total[:, 0].astype(float)) + top[:, 0] - own))
    p /= total
    np.fill_diagonal(p, np.diagonal(p) - 1)
    p /= temperature * len(u)
    return loss, _through_norm(p @ y, x, length_x), _through_norm(p.T @ x, y, length_y)


class Contrastive(Tables):
    """Embeddings of users and items trained on batches of pairs that need no negatives drawn.

    Parameters
    ----------
    train, **tables
        As for `Tables`.
    loss : callable
        ``loss(u, i)`` gives the loss of a batch and its gradients, as `align_uniform` and `in_batch_softmax` do.
    """

    def __init__(self, train, loss, **tables):
        super().__init__(train, **tables)
        if len(train.items) < 2:
            raise ValueError("train must hold two pairs at least, got one")
        positive("batch_size - 1", self.batch_size - 1)
        self.loss = loss

    def epoch(self, rng):
        """Train on every pair once; the mean loss."""
        total = 0.0
        for user, item in self.batches(rng):
            u, i = self.users.vectors[user], self.items.vectors[item]
            loss, to_u, to_i = self.loss(u, i)
            if self.l2:
                to_u += self.l2 / len(u) * u
                to_i += self.l2 / len(u) * i
            self.users.step(user, to_u)
            self.items.step(item, to_i)
            total += len(u) * loss
        return total / len(self.train.items)


def directau(train, *, gamma, alignment=1.0, **tables):
    """A `Contrastive` learner with the loss of DirectAU; see `align_uniform`."""
    if not gamma >= 0:
        raise ValueError(f"gamma must not be negative, got {gamma}")
    return Contrastive(train, lambda u, i: align_uniform(u, i, gamma, alignment), **tables)


def clrec(train, *, temperature, **tables):
    """A `Contrastive` learner with the in-batch softmax of CLRec; see `in_batch_softmax`."""
    positive("temperature", temperature)
    return Contrastive(train, lambda u, i: in_batch_softmax(u, i, temperature), **tables)
