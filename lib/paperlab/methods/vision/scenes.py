"""Boxes side by side in a tray, segments of the picture without knowing what they show, and average precision."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import ndimage

from paperlab.methods.vision.cuboids import cast, random_turns

OVERLAPS = np.arange(0.5, 0.96, 0.05)  # of masks, for the mean of average precisions
RECALLS = np.linspace(0, 1, 101)  # at which precision is read


@dataclass(frozen=True)
class Scene:
    """One picture of a tray.

    Attributes
    ----------
    image : ndarray, shape (height, width, 3)
        In [0, 1], single precision.
    masks : ndarray of bool, shape (n, height, width)
        Where each box is seen.
    which : ndarray of int, shape (n,)
        Rows of the boxes.
    """

    image: np.ndarray
    masks: np.ndarray
    which: np.ndarray


def draw_scene(boxes, which, *, rng, cell=36, noise=0.03):
    """Boxes in the cells of a tray of mottled, unevenly lit ground, each moved and turned by lot.

    Parameters
    ----------
    boxes : Boxes
    which : array_like of int, shape (n,)
        At most six of them.
    rng : numpy.random.Generator
    cell : int
        Pixels along an edge of one of 2 x 3 cells.
    noise : float
        Standard deviation of the noise of a pixel.

    Returns
    -------
    Scene

    Raises
    ------
    ValueError
        With no box or more than six.
    """
    which = np.asarray(which)
    if not 1 <= len(which) <= 6:
        raise ValueError(f"which must name one to six boxes, got {len(which)}")
    height, width, around = 2 * cell, 3 * cell, cell // 4
    high, wide = height + 2 * around, width + 2 * around
    ground = rng.uniform(0.2, 0.8, 3) + 0.06 * ndimage.zoom(
        rng.standard_normal((8, 8, 3)), (high / 8, wide / 8, 1), order=1
    )
    tilt = rng.uniform(-0.15, 0.15, 2)
    ground = ground + (np.linspace(-1, 1, high)[:, None] * tilt[0] + np.linspace(-1, 1, wide) * tilt[1])[..., None]
    image, label = ground, np.full((high, wide), -1)
    found = cast(boxes, which, random_turns(len(which), rng=rng), size=cell, window=1.75)
    for k, at in enumerate(rng.choice(6, len(which), replace=False)):
        corner = np.array([at // 3, at % 3]) * cell + around + rng.integers(-around // 2, around // 2 + 1, 2)
        part = tuple(slice(c, c + cell) for c in corner)
        image[part] = np.where(found.masks[k][..., None], found.images[k], image[part])
        label[part] = np.where(found.masks[k], k, label[part])
    image = image * rng.uniform(0.7, 1.1) + noise * rng.standard_normal(image.shape)
    masks = label == np.arange(len(which))[:, None, None]
    return Scene(image.clip(0, 1).astype(np.float32), masks, which)


@njit(cache=True)
def _root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def _merge(first, second, weight, n, scale, least):
    parent, count, inner = np.arange(n), np.ones(n, np.int64), np.zeros(n)
    for e in range(len(weight)):
        a, b = _root(parent, first[e]), _root(parent, second[e])
        if a != b and weight[e] <= min(inner[a] + scale / count[a], inner[b] + scale / count[b]):
            parent[b] = a
            count[a] += count[b]
            inner[a] = weight[e]  # edges come in order, so this is the largest of the merged part
    for e in range(len(weight)):
        a, b = _root(parent, first[e]), _root(parent, second[e])
        if a != b and min(count[a], count[b]) < least:
            parent[b] = a
            count[a] += count[b]
    return np.array([_root(parent, i) for i in range(n)])


def graph_segments(image, *, scale=1.0, least=20, blur=0.6):
    """Parts of a picture whose inner differences are small against those to their neighbours.

    Parameters
    ----------
    image : ndarray, shape (height, width, colours)
    scale : float
        Larger gives larger parts; in the image's unit times pixels.
    least : int
        Pixels of the smallest part; smaller ones are merged with a neighbour.
    blur : float
        Standard deviation of a Gaussian filter beforehand [pixels].

    Returns
    -------
    ndarray of int, shape (height, width)
        Numbers of the parts, from 0 without gaps.

    Raises
    ------
    ValueError
        If ``scale`` is not positive or the picture has no colours axis.

    Notes
    -----
    Felzenszwalb and Huttenlocher (2004): edges between neighbours (eight of them) in the order of their colour
    distance w; two parts are merged where ``w <= min(Int(A) + scale / |A|, Int(B) + scale / |B|)``, with Int the
    largest edge that a part was merged by.

    Examples
    --------
    >>> image = np.zeros((8, 8, 1))
    >>> image[:, 4:] = 1
    >>> graph_segments(image, scale=0.1, least=1, blur=0)[0]
    array([0, 0, 0, 0, 1, 1, 1, 1])
    """
    if not scale > 0:
        raise ValueError(f"scale must be positive, got {scale}")
    image = np.asarray(image, float)
    if image.ndim != 3:
        raise ValueError(f"image must have shape (height, width, colours), got {image.shape}")
    smooth = ndimage.gaussian_filter(image, (blur, blur, 0)) if blur else image
    height, width = image.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    edges = []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        a = slice(0, height - dy), slice(max(0, -dx), width - max(0, dx))
        b = slice(dy, height), slice(max(0, dx), width + min(0, dx))
        weight = np.sqrt(((smooth[a] - smooth[b]) ** 2).sum(-1))
        edges.append((number[a].ravel(), number[b].ravel(), weight.ravel()))
    first, second, weight = (np.concatenate(part) for part in zip(*edges))
    order = np.argsort(weight, kind="stable")
    part = _merge(first[order], second[order], weight[order], number.size, float(scale), int(least))
    return np.unique(part, return_inverse=True)[1].reshape(height, width)


def things(image, *, least=60, **form):
    """Masks of what lies on the ground: the largest part is the ground, the rest falls into connected pieces.

    Parameters
    ----------
    image : ndarray, shape (height, width, 3)
    least : int
        Pixels of the smallest piece.
    **form
        As in `graph_segments`.

    Returns
    -------
    ndarray of bool, shape (n, height, width)
    """
    part = graph_segments(image, **form)
    rest = part != np.bincount(part.ravel()).argmax()
    rest = ndimage.binary_opening(ndimage.binary_fill_holes(rest), iterations=1)
    piece, n = ndimage.label(rest)
    masks = piece == np.arange(1, n + 1)[:, None, None]
    return masks[masks.sum((1, 2)) >= least]


def crops(image, masks, *, size):
    """Square cuts around masks, brought to one size, shape (n, size, size, 3)."""
    found = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        side = max(np.ptp(rows), np.ptp(columns)) + 3
        middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
        grid = [(np.arange(size) + 0.5) / size * side - side / 2 + m for m in middle]
        at = np.stack(np.meshgrid(*grid, indexing="ij"))
        blur = max(side / size / 2 - 0.5, 0)
        planes = [ndimage.gaussian_filter(image[..., c], blur) if blur else image[..., c] for c in range(3)]
        planes = [ndimage.map_coordinates(plane, at, order=1, mode="nearest") for plane in planes]
        found.append(np.stack(planes, -1))
    return np.array(found, np.float32).reshape(-1, size, size, 3)


def overlap(masks_a, masks_b):
    """Intersection over union of every mask with every other, shape (n, m)."""
    a, b = (masks.reshape(len(masks), -1).astype(np.float32) for masks in (masks_a, masks_b))
    both = a @ b.T
    return both / np.maximum(a.sum(1)[:, None] + b.sum(1) - both, 1)


def average_precision(overlaps, labels, scores, truths, *, thresholds=OVERLAPS):
    """Mean average precision of labelled masks, over labels and thresholds of overlap.

    Parameters
    ----------
    overlaps : list of ndarray, shapes (n_s, m_s)
        For every scene, of found with true masks.
    labels, scores : list of ndarray, shapes (n_s,)
        What each found mask is called, and how surely.
    truths : list of ndarray, shapes (m_s,)
        Labels of the true masks.
    thresholds : sequence of float

    Returns
    -------
    float
        In [0, 1].

    Notes
    -----
    As in COCO: masks in the order of their scores take the free true mask of their label with the largest overlap, if
    that reaches the threshold; precision, made non-increasing, is read at 101 recalls; labels without a true mask do
    not count.
    """
    known = np.unique(np.concatenate(truths))
    return float(np.mean([[_one(overlaps, labels, scores, truths, k, t) for t in thresholds] for k in known]))


def _one(overlaps, labels, scores, truths, label, threshold):
    n = sum(int((truth == label).sum()) for truth in truths)
    asked = [(score, s, i) for s in range(len(truths)) for i, score in enumerate(scores[s]) if labels[s][i] == label]
    right, taken = [], set()
    for _, s, i in sorted(asked, key=lambda one: -one[0]):
        free = [j for j in np.flatnonzero(truths[s] == label) if (s, j) not in taken]
        best = max(free, key=lambda j: overlaps[s][i, j], default=None)
        right.append(best is not None and overlaps[s][i, best] >= threshold)
        if right[-1]:
            taken.add((s, best))
    if not right:
        return 0.0
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(right) + 1))[::-1])[::-1]
    at = np.searchsorted(hits / n, RECALLS - 1e-12)
    return float(np.where(at < len(hits), precision[np.minimum(at, len(hits) - 1)], 0).mean())
