"""Which samples are copies: the two nearest training images, the rule of a third, shares, the largest copied set."""

import math
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite

CHUNK = 1024  # rows of queries whose distances are held at once
BLOCK = 64  # rows that are centred or compared at once


@dataclass(frozen=True)
class Neighbours:
    """The two nearest training images of every query.

    Attributes
    ----------
    index : ndarray of int, shape (..., 2)
        Rows of the training images, the nearest first.
    distance : ndarray, shape (..., 2)
        Euclidean distances, in units of the pixels.
    """

    index: np.ndarray
    distance: np.ndarray

    def copied(self, ratio=1 / 3):
        """Whether the nearest is nearer than ``ratio`` times the second nearest, shape (...)."""
        if not 0 < ratio <= 1:
            raise ValueError(f"ratio must lie above 0 and at most at 1, got {ratio}; the paper has 1/3")
        return self.distance[..., 0] < ratio * self.distance[..., 1]

    def share(self, ratio=1 / 3):
        """Share of copies along the last axis of `copied`."""
        return self.copied(ratio).mean(-1)


def two_nearest(queries, images):
    """The two nearest training images of every query, by matrix products.

    Parameters
    ----------
    queries : array_like, shape (..., d)
    images : array_like, shape (N, d)
        Training images, at least two. Drop equal ones first (`distinct`): beside its twin no image can be a copy.

    Returns
    -------
    Neighbours

    Raises
    ------
    ValueError
        If there are fewer than two images, shapes differ, or a value is not finite.

    Notes
    -----
    Candidates are found in single precision from ``|x|^2 - 2 <z, x>``; their distances are then computed anew from
    differences, so those of near copies are exact to double precision.

    Examples
    --------
    >>> found = two_nearest([[0.1], [2.9]], [[0.0], [1.0], [3.0]])
    >>> found.index.tolist(), found.copied().tolist()
    ([[0, 1], [2, 1]], [True, True])
    """
    queries, images = finite("queries", queries), finite("images", images)
    if images.ndim != 2 or len(images) < 2:
        raise ValueError(f"images must have shape (N, d) with N of at least 2, got {images.shape}: no second neighbour")
    if queries.shape[-1:] != images.shape[1:]:
        raise ValueError(f"queries (..., {images.shape[1]}) are needed, got shape {queries.shape}")
    flat, centre = queries.reshape(-1, images.shape[1]), images.mean(0)
    spread = max((images.max(0) - centre).max(), (centre - images.min(0)).max())
    scale = max(float(spread), np.finfo(float).tiny)  # single precision has few powers of ten
    rows = _single(images, centre, scale)
    half = 0.5 * np.einsum("ij,ij->i", rows, rows)
    index, distance = np.empty((len(flat), 2), dtype=np.int64), np.empty((len(flat), 2))
    for start in range(0, len(flat), CHUNK):
        part = slice(start, start + CHUNK)
        far = _single(flat[part], centre, scale) @ rows.T
        np.subtract(half, far, out=far)
        each = np.arange(len(far))
        index[part, 0] = far.argmin(1)
        far[each, index[part, 0]] = np.inf
        index[part, 1] = far.argmin(1)
    for start in range(0, len(flat), BLOCK):
        part = slice(start, start + BLOCK)
        for k in range(2):
            apart = flat[part] - images[index[part, k]]
            distance[part, k] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    order = np.argsort(distance, axis=1, kind="stable")
    shape = (*queries.shape[:-1], 2)
    return Neighbours(
        np.take_along_axis(index, order, 1).reshape(shape), np.take_along_axis(distance, order, 1).reshape(shape)
    )


def _single(values, centre, scale):
    """Rows less ``centre``, over ``scale``, in single precision; by blocks, so that temporaries stay in the cache."""
    out = np.empty(values.shape, dtype=np.float32)
    for start in range(0, len(values), BLOCK):
        part = slice(start, start + BLOCK)
        out[part] = (values[part] - centre) / scale
    return out


def distinct(images):
    """Rows of the first of each group of equal images, in rising order.

    Examples
    --------
    >>> distinct([[1, 2], [3, 4], [1, 2]])
    array([0, 1])
    """
    return np.sort(np.unique(np.asarray(images), axis=0, return_index=True)[1])


def share_interval(share, n, *, z=1.96):
    """Wilson's interval of a share of ``n`` samples.

    Parameters
    ----------
    share : array_like
        Shares, 0 to 1.
    n : int
        Number of samples, at least 1.
    z : float
        Quantile of the normal; 1.96 covers 95 %.

    Returns
    -------
    ndarray, shape (2, ...)
        Lower and upper end.

    Raises
    ------
    ValueError
        If a share lies outside [0, 1] or n is below 1.

    Examples
    --------
    >>> share_interval(0.0, 100).round(3)
    array([0.   , 0.037])
    """
    share = np.asarray(share, dtype=float)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"share must lie in [0, 1], got {share.min()} to {share.max()}")
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(np.stack((middle - half, middle + half)), 0, 1)


@dataclass(frozen=True)
class Memorization:
    """Effective model memorization: the largest training set of which a share of 1 - epsilon of the samples is copied.

    Attributes
    ----------
    n : float
        Interpolated between the sizes tried, or the smallest or largest of them.
    bound : str
        ``"inside"``; ``"below"`` where even the smallest set is not copied so far, ``"above"`` where the largest is.
    """

    n: float
    bound: str


def effective_memorization(sizes, shares, *, epsilon=0.1):
    """Size of the training set at which the share of copies falls below ``1 - epsilon``.

    Parameters
    ----------
    sizes : sequence of int
        Sizes N of training sets, rising.
    shares : sequence of float
        Share of copies at each.
    epsilon : float
        The paper draws its line at 90 %, epsilon 0.1.

    Returns
    -------
    Memorization

    Raises
    ------
    ValueError
        If lengths differ, or sizes do not rise or are not positive.

    Notes
    -----
    ``max {N : E share >= 1 - epsilon}``: the last size whose share reaches the line, and from there along a straight
    line in log N to the next.

    Examples
    --------
    >>> found = effective_memorization([10, 100], [1.0, 0.8])
    >>> round(found.n, 3), found.bound
    (31.623, 'inside')
    """
    sizes, shares = finite("sizes", sizes), finite("shares", shares)
    if sizes.shape != shares.shape or sizes.ndim != 1 or not len(sizes):
        raise ValueError(f"sizes and shares must be lists of one length, got shapes {sizes.shape} and {shares.shape}")
    if sizes[0] <= 0 or (np.diff(sizes) <= 0).any():
        raise ValueError(f"sizes must be positive and rise, got {sizes.tolist()}")
    line = 1 - epsilon
    reached = np.flatnonzero(shares >= line)
    if not len(reached):
        return Memorization(float(sizes[0]), "below")
    k = int(reached[-1])
    if k == len(sizes) - 1:
        return Memorization(float(sizes[-1]), "above")
    along = (shares[k] - line) / (shares[k] - shares[k + 1])
    return Memorization(math.exp(math.log(sizes[k]) + along * math.log(sizes[k + 1] / sizes[k])), "inside")
