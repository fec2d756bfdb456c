"""Printed boxes, as a robot would see them: drawn by casting rays, with the truth of which sides each picture shows."""

import itertools
from dataclasses import dataclass

import numpy as np

WINDOW = (
    1.3  # half the width of a picture, in units of the largest half size: a crop, corners of the largest boxes leave it
)
CHUNK = 512  # pictures that are cast at once
LIGHT = (0.75, 0.25)  # brightness of a side: constant, and what the angle to the camera adds


@dataclass(frozen=True)
class Boxes:
    """Boxes with six printed sides.

    Attributes
    ----------
    half : ndarray, shape (n, 3)
        Half the length of the edges; at most 1.
    sides : ndarray, shape (n, 6, t, t, 3)
        Prints, red, green, blue in [0, 1]; side 2 a + s has the normal + (s = 1) or - (s = 0) along axis a.
    brand : ndarray, shape (n, 6)
        Which brand colour lies under the print of a side, -1 for a colour of its own.
    """

    half: np.ndarray
    sides: np.ndarray
    brand: np.ndarray

    def __len__(self):
        return len(self.half)

    def take(self, rows):
        """Only these boxes."""
        return Boxes(self.half[rows], self.sides[rows], self.brand[rows])


@dataclass(frozen=True)
class Pictures:
    """What `cast`, `gallery_pictures` and `query_pictures` give.

    Attributes
    ----------
    images : ndarray, shape (..., size, size, 3)
        Red, green, blue in [0, 1], single precision.
    masks : ndarray, shape (..., size, size)
        True where the box is.
    shown : ndarray, shape (..., 6)
        Share of the box's pixels that each side has; sums to 1.
    """

    images: np.ndarray
    masks: np.ndarray
    shown: np.ndarray


def _count(name, value, least=1):
    if int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value}")
    return int(value)


def draw_boxes(n, *, rng, brand_share=0.7, n_brands=20, print_size=12):
    """Boxes of random shape, each side with a colour, one to three rectangles and, every second time, stripes.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    brand_share : float
        Probability that the colour of a side is one of the brands', give or take 0.08; boxes that share brands look
        alike.
    n_brands : int
    print_size : int
        Pixels of a print along an edge, at least 4.

    Returns
    -------
    Boxes

    Raises
    ------
    ValueError
        If a count is not positive or ``brand_share`` lies outside [0, 1].

    Examples
    --------
    >>> draw_boxes(3, rng=np.random.default_rng(0)).sides.shape
    (3, 6, 12, 12, 3)
    """
    n, n_brands = _count("n", n), _count("n_brands", n_brands)
    t = _count("print_size", print_size, 4)
    if not 0 <= brand_share <= 1:
        raise ValueError(f"brand_share must lie in [0, 1], got {brand_share}; it is a probability")
    half = rng.uniform(0.45, 1, (n, 3))
    brands = rng.uniform(0, 1, (n_brands, 3))
    brand = np.where(rng.random((n, 6)) < brand_share, rng.integers(n_brands, size=(n, 6)), -1)
    own = rng.uniform(0, 1, (n, 6, 3))
    colour = np.where(brand[..., None] < 0, own, brands[brand] + rng.normal(0, 0.08, (n, 6, 3)))
    sides = np.broadcast_to(colour[:, :, None, None, :], (n, 6, t, t, 3)).copy()
    place = np.arange(t)
    for k in range(3):  # rectangles; the second and third are left out by lot
        corner, extent = rng.integers(0, t - 2, (2, n, 6, 1)), rng.integers(2, t // 2 + 1, (2, n, 6, 1))
        inside = [(corner[a] <= place) & (place < corner[a] + extent[a]) for a in (0, 1)]
        inside = inside[0][..., :, None] & inside[1][..., None, :]
        if k:
            inside &= rng.random((n, 6, 1, 1)) < 0.5
        sides = np.where(inside[..., None], rng.uniform(0, 1, (n, 6, 1, 1, 3)), sides)
    period, phase = rng.integers(2, 5, (n, 6, 1)), rng.integers(0, 4, (n, 6, 1))
    striped = ((place + phase) // period % 2 == 0) & (rng.random((n, 6, 1)) < 0.5)
    across = rng.random((n, 6, 1, 1)) < 0.5
    stripe = np.where(across, striped[..., :, None], striped[..., None, :])
    sides = np.where(stripe[..., None], 0.5 * sides + 0.5 * rng.uniform(0, 1, (n, 6, 1, 1, 3)), sides)
    return Boxes(half, sides.clip(0, 1).astype(np.float32), brand)


def random_turns(n, *, rng):
    """Rotations drawn uniformly, shape (n, 3, 3); rows of each are the camera's axes (right, up, towards it).

    Examples
    --------
    >>> turn = random_turns(1, rng=np.random.default_rng(0))[0]
    >>> np.allclose(turn @ turn.T, np.eye(3)), round(float(np.linalg.det(turn)), 6)
    (True, 1.0)
    """
    q = rng.standard_normal((n, 4))
    return _quaternion(q / np.linalg.norm(q, axis=1, keepdims=True))


def _quaternion(q):
    """Rotation matrices of unit quaternions (n, 4)."""
    w, x, y, z = q.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def side_turns(*, rng, n=1, tilt=0.08):
    """Rotations that show one side after the other nearly straight on, shape (n, 6, 3, 3).

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Boxes.
    tilt : float
        Spread of the tilt about each axis [rad]; 0 shows one side only.
    """
    exact = []
    for axis, sign in itertools.product(range(3), (-1, 1)):
        towards = np.zeros(3)
        towards[axis] = sign
        right = np.roll(np.abs(towards), 1)
        exact.append([right, np.cross(towards, right), towards])
    w = rng.normal(0, tilt / 2, (n * 6, 3))
    q = np.column_stack([np.ones(n * 6), w])
    small = _quaternion(q / np.linalg.norm(q, axis=1, keepdims=True)).reshape(n, 6, 3, 3)
    return small @ np.array(exact)


def cast(boxes, which, turns, *, size, window=WINDOW):
    """Pictures of boxes on white, seen from afar (parallel rays).

    Parameters
    ----------
    boxes : Boxes
    which : array_like of int, shape (n,)
        Row of the box on every picture.
    turns : ndarray, shape (n, 3, 3)
        As `random_turns` gives.
    size : int
        Pixels along an edge, at least 4.
    window : float
        Half the width of the picture, where the largest half size is 1; from 1.74 on every box fits.

    Returns
    -------
    Pictures

    Raises
    ------
    ValueError
        If ``which`` and ``turns`` differ in length, or a number of ``which`` names no box.

    Notes
    -----
    Slab method: along the ray o + t d in the box's frame the planes of axis a are crossed at (+-h_a - o_a) / d_a;
    the ray enters at the largest of the three first crossings, if that is before the smallest of the second ones.
    """
    which, size = np.asarray(which), _count("size", size, 4)
    if which.ndim != 1 or turns.shape != (len(which), 3, 3):
        raise ValueError(f"turns must have shape ({len(which)}, 3, 3), one per picture, got {turns.shape}")
    if len(which) and not (which.min() >= 0 and which.max() < len(boxes)):
        raise ValueError(f"which must lie in [0, {len(boxes) - 1}], got {which.min()} to {which.max()}")
    parts = [
        _cast(boxes, which[a : a + CHUNK], turns[a : a + CHUNK], size, window)
        for a in range(0, max(len(which), 1), CHUNK)
    ]
    return Pictures(*(np.concatenate(part) for part in zip(*parts)))


def _cast(boxes, which, turns, size, window):
    n, t = len(which), boxes.sides.shape[2]
    middle = ((np.arange(size) + 0.5) / size * 2 - 1) * window
    half = boxes.half[which].T[:, :, None, None].astype(np.float32)
    turns = turns.astype(np.float32)[..., None, None]
    x, y = middle.astype(np.float32)[None, None, :], -middle.astype(np.float32)[None, :, None]
    first, entry, points = np.full((n, size, size), -np.inf, np.float32), np.zeros((n, size, size), np.int8), []
    last = np.full((n, size, size), np.inf, np.float32)
    for axis in range(3):
        origin = turns[:, 0, axis] * x + turns[:, 1, axis] * y
        along = -turns[:, 2, axis]  # rays run away from the camera
        along = np.where(np.abs(along) < 1e-6, np.float32(1e-6), along)
        near = (-np.sign(along) * half[axis] - origin) / along
        far = (np.sign(along) * half[axis] - origin) / along
        later = near > first
        entry = np.where(later, 2 * axis + (along < 0), entry)
        first, last = np.where(later, near, first), np.minimum(last, far)
        points.append((origin, along))
    mask = first <= last
    where = [((o + first * d) / half[a] + 1) / 2 * t for a, (o, d) in enumerate(points)]
    cell = np.clip(np.nan_to_num(np.stack(where)), 0, t - 1).astype(np.int16)
    axis = entry // 2
    row, column = (np.take_along_axis(cell, ((axis + k) % 3)[None], axis=0)[0] for k in (1, 2))
    images = boxes.sides[which[:, None, None], entry, row, column]
    lit = np.abs(np.take_along_axis(turns[:, 2, :, 0, 0], axis.reshape(n, -1).astype(int), axis=1))
    light = (LIGHT[0] + LIGHT[1] * lit).reshape(n, size, size, 1)
    images = np.where(mask[..., None], images * light, 1).astype(np.float32)
    counts = np.stack([(mask & (entry == side)).sum((1, 2)) for side in range(6)], axis=1)
    return images, mask, counts / np.maximum(counts.sum(1, keepdims=True), 1)


def gallery_pictures(boxes, *, size, rng):
    """Six pictures of every box on white, one for each side, shapes (n, 6, ...) of `Pictures`."""
    n = len(boxes)
    found = cast(boxes, np.repeat(np.arange(n), 6), side_turns(n=n, rng=rng).reshape(-1, 3, 3), size=size)
    return Pictures(*(part.reshape(n, 6, *part.shape[1:]) for part in _parts(found)))


def query_pictures(boxes, n_each, *, size, rng, cover=0.6, noise=0.04):
    """Pictures of every box as it may lie in a bin: turned by lot, before clutter, partly covered, in changing light.

    Parameters
    ----------
    boxes : Boxes
    n_each : int
        Pictures of every box.
    size : int
        Pixels along an edge.
    rng : numpy.random.Generator
    cover : float
        Probability of a patch, a fifth to two fifths of the picture wide, that hides a part.
    noise : float
        Standard deviation of the noise of a pixel.

    Returns
    -------
    Pictures
        With shapes (n, n_each, ...); ``masks`` and ``shown`` are those of the whole box, before the patch.
    """
    n_each, n = _count("n_each", n_each), len(boxes)
    found = cast(boxes, np.repeat(np.arange(n), n_each), random_turns(n * n_each, rng=rng), size=size)
    images = np.where(found.masks[..., None], found.images, clutter(len(found.images), size=size, rng=rng))
    low = rng.integers(0, size, (2, len(images), 1))
    width = rng.integers(size // 5, 2 * size // 5 + 1, (2, len(images), 1))
    place = np.arange(size)
    inside = [(low[a] <= place) & (place < low[a] + width[a]) for a in (0, 1)]
    hidden = inside[0][:, :, None] & inside[1][:, None, :] & (rng.random((len(images), 1, 1)) < cover)
    images = np.where(hidden[..., None], rng.uniform(0, 1, (len(images), 1, 1, 3)).astype(np.float32), images)
    light = rng.uniform(0.6, 1.1, (len(images), 1, 1, 1)).astype(np.float32)
    images = images * light + noise * rng.standard_normal(images.shape, dtype=np.float32)
    found = Pictures(images.clip(0, 1).astype(np.float32), found.masks, found.shown)
    return Pictures(*(part.reshape(n, n_each, *part.shape[1:]) for part in _parts(found)))


def clutter(n, *, size, rng, blocks=4):
    """Backgrounds of coloured blocks, ``blocks`` along an edge, shape (n, size, size, 3)."""
    coarse = rng.uniform(0, 1, (n, blocks, blocks, 3)).astype(np.float32)
    cell = np.arange(size) * blocks // size
    return coarse[:, cell[:, None], cell]


def common_side(shown_a, shown_b, *, least=0.1):
    """Whether two pictures show a side in common that has at least a share ``least`` of the box in both.

    Parameters
    ----------
    shown_a, shown_b : ndarray, shapes (..., 6)
        As in `Pictures`; they broadcast.
    least : float
        Smallest share that counts as seen, in (0, 1].

    Examples
    --------
    >>> bool(common_side(np.array([0.5, 0, 0.5, 0, 0, 0]), np.array([0, 1.0, 0, 0, 0, 0])))
    False
    """
    if not 0 < least <= 1:
        raise ValueError(f"least must lie above 0 and at most at 1, got {least}; it is a share of the box's pixels")
    return ((shown_a >= least) & (shown_b >= least)).any(-1)


def _parts(found):
    return found.images, found.masks, found.shown
