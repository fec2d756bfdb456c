"""Small pictures of flat shapes, drawn from known factors."""

import colorsys
import itertools
from dataclasses import dataclass

import numpy as np

FACTORS = {"floor": 6, "wall": 6, "object": 6, "scale": 3, "position": 4}  # name: number of values

SIDE = 8  # pixels
HALF_WIDTHS = (1.0, 1.7, 2.4)  # of the square, in pixels
CENTRES = np.linspace(1.5, 5.5, 4)
SOFTNESS = 0.15  # of the edge, in pixels


def render(labels):
    """Images of flat Shapes3D.

    Upper five rows in the hue of the wall (0.55 hue + 0.3), lower three in that of the floor (0.55 hue + 0.1), a square
    with soft edges (0.7 hue + 0.15) in the middle row of the image.

    Parameters
    ----------
    labels : array_like of int, shape (n, 5)
        Floor, wall and object hue, scale, position; `FACTORS` names how many values each has.

    Returns
    -------
    ndarray, shape (n, 3, 8, 8)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the labels have another shape or a value that does not exist.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[1] != len(FACTORS):
        raise ValueError(f"labels must have one column each for {', '.join(FACTORS)}, got shape {labels.shape}")
    for column, (name, count) in zip(labels.T, FACTORS.items(), strict=True):
        if len(column) and not (column.min() >= 0 and column.max() < count):
            raise ValueError(f"labels of {name} must be 0 to {count - 1}, got {column.min()} to {column.max()}")
    hues = np.array([colorsys.hsv_to_rgb(h / 6, 1, 1) for h in range(6)])
    floor, wall, thing, scale, position = labels.T
    pixel = np.arange(SIDE)
    images = np.where(
        (pixel < 5)[:, None], (0.55 * hues[wall] + 0.3)[:, :, None, None], (0.55 * hues[floor] + 0.1)[:, :, None, None]
    ) * np.ones((1, 1, 1, SIDE))
    half = np.array(HALF_WIDTHS)[scale][:, None]

    def inside(distance):
        return 1 / (1 + np.exp(-(half - np.abs(distance)) / SOFTNESS))

    mask = inside(pixel - 3.5)[:, :, None] * inside(pixel - CENTRES[position][:, None])[:, None, :]
    square = (0.7 * hues[thing] + 0.15)[:, :, None, None]
    return images + mask[:, None] * (square - images)


@dataclass(frozen=True)
class FlatShapes:
    """Images (n, 192) and labels (n, 5) to train on, and those of combinations of values that training never shows."""

    train_x: np.ndarray
    train_f: np.ndarray
    test_x: np.ndarray
    test_f: np.ndarray


def flat_shapes(*, held_out=0.25, rng):
    """All 2,592 combinations of values, each drawn once.

    Parameters
    ----------
    held_out : float
        Share of the combinations that make the test set, in (0, 1).
    rng : numpy.random.Generator
        Deals them out.

    Returns
    -------
    FlatShapes

    Raises
    ------
    ValueError
        If the share is not in (0, 1).
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, got {held_out}")
    grid = rng.permutation(np.array(list(itertools.product(*map(range, FACTORS.values())))))
    images = render(grid).reshape(len(grid), -1)
    n_test = round(held_out * len(grid))
    return FlatShapes(images[n_test:], grid[n_test:], images[:n_test], grid[:n_test])


def with_noise(labels, share, *, rng):
    """Labels of which a random share, in each column, is replaced by another value of that column, drawn evenly.

    Parameters
    ----------
    labels : array_like, shape (n, F)
        Any labels.
    share : float
        At least 0 and below 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n, F)

    Raises
    ------
    ValueError
        If the share is out of its range.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be at least 0 and below 1, got {share}")
    labels = np.array(labels)
    for column in labels.T:
        values, place = np.unique(column, return_inverse=True)
        wrong = rng.random(len(column)) < share
        if len(values) > 1:
            moved = place[wrong] + rng.integers(1, len(values), wrong.sum())
            column[wrong] = values[moved % len(values)]
    return labels
