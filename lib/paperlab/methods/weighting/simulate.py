"""Places, their satellite chips, donors who choose among them, panels on a map.

The world of page ``aid_projects_africa``. Development ``b`` shows on an image as roofs and roads and acts on where
projects go and on wealth. All effects are made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from paperlab.methods.foundations.checks import binary, finite
from paperlab.methods.weighting.images import check_images

SIDE = 32


@dataclass(frozen=True)
class Donor:
    """Placement ``logit e = base + visible * b_weight b + 0.5 x_2 + hidden H`` and the true effect ``tau``."""

    name: str
    b_weight: float
    hidden: float
    tau: float
    base: float = -1.2


@dataclass(frozen=True)
class Places:
    """Places before any project.

    Attributes
    ----------
    b : ndarray, shape (n,)
        Development.
    x : ndarray, shape (n, 5)
        Tabular covariates: ``x_1 = 0.5 b + 0.87 N(0, 1)``, the others N(0, 1).
    h : ndarray, shape (n,)
        Driver of the placement that no image shows, N(0, 1).
    noise : ndarray, shape (n,)
        Random part of the outcome, N(0, 5^2).
    """

    b: np.ndarray
    x: np.ndarray
    h: np.ndarray
    noise: np.ndarray

    @classmethod
    def draw(cls, b, *, rng):
        """Places with development ``b`` (n,)."""
        b = _development(b)
        x = rng.standard_normal((len(b), 5))
        x[:, 0] = 0.5 * b + 0.87 * x[:, 0]
        return cls(b, x, rng.standard_normal(len(b)), 5 * rng.standard_normal(len(b)))

    def assign(self, donor, *, rng, visible=1.0):
        """Projects of a donor, 0 or 1, shape (n,); ``visible`` multiplies what the donor sees."""
        weights = [donor.base, visible * donor.b_weight, 0.5, donor.hidden]
        score = finite("weights of visible and donor", weights) @ [np.ones(len(self.b)), self.b, self.x[:, 1], self.h]
        return (rng.random(len(self.b)) < expit(score)).astype(float)

    def wealth(self, treatment, tau, hidden_in_y=0.0):
        """Outcome ``25 + 5 b + 2 x_1 + 2 x_2 + tau W + hidden_in_y H + N(0, 5^2)``, shape (n,)."""
        w = binary("treatment", treatment)
        if w.shape != self.b.shape:
            raise ValueError(f"treatment must have one entry for each of {len(self.b)} places, got shape {w.shape}")
        return 25 + 5 * self.b + 2 * self.x[:, 0] + 2 * self.x[:, 1] + tau * w + hidden_in_y * self.h + self.noise


def _development(b):
    b = finite("b", b)
    if b.ndim != 1:
        raise ValueError(f"b must be (n,), one development for each place, got shape {b.shape}")
    return b


def draw_chips(b, *, rng):
    """Made-up satellite chips of places with development ``b``.

    Patchy ground (8 x 8 pixel blocks, N(90, 18)), noise of 8, Poisson(exp(0.9 + 0.6 b)) bright roofs of 3 x 3 pixels
    and Poisson(exp(-0.4 + 0.5 b)) straight roads one pixel wide.

    Parameters
    ----------
    b : ndarray, shape (n,)
    rng : numpy.random.Generator

    Returns
    -------
    chips : ndarray of uint8, shape (n, 32, 32, 3)

    Raises
    ------
    ValueError
        If a development is not finite.
    """
    b = _development(b)
    n, blocks = len(b), SIDE // 8
    ground = rng.normal(90, 18, (n, blocks, blocks, 3)).astype(np.float32)
    chips = np.repeat(np.repeat(ground, 8, 1), 8, 2)
    noise = rng.standard_normal(chips.shape, dtype=np.float32)
    noise *= 8
    chips += noise
    roads = rng.poisson(np.exp(-0.4 + 0.5 * b))
    place = np.repeat(np.arange(n), roads)
    across, position = rng.integers(0, 2, len(place)).astype(bool), rng.integers(0, SIDE, len(place))
    chips[place[across], position[across]] = 150
    chips[place[~across], :, position[~across]] = 150
    roofs = rng.poisson(np.exp(0.9 + 0.6 * b))
    place = np.repeat(np.arange(n), roofs)
    row, column = rng.integers(0, SIDE - 2, (2, len(place)))
    for i in range(3):
        for j in range(3):
            chips[place, row + i, column + j] = 210
    return np.clip(chips, 0, 255, out=chips).astype(np.uint8)


@dataclass(frozen=True)
class Crops:
    """Crops of real chips.

    Attributes
    ----------
    chips : ndarray of uint8, shape (n, 32, 32, C)
    source : ndarray of int, shape (n,)
        Chip that each crop was cut from; folds must keep its crops together.
    """

    chips: np.ndarray
    source: np.ndarray


def crop_chips(images, n, *, rng):
    """Random 32 x 32 crops of real chips, each turned and mirrored at random.

    Parameters
    ----------
    images : ndarray of uint8, shape (k, height, width, C)
        Sides of at least 32.
    n : int
        Number of crops.
    rng : numpy.random.Generator

    Returns
    -------
    Crops

    Raises
    ------
    ValueError
        If ``images`` is not one uint8 array, or its sides are too short.
    """
    check_images(images)
    if min(images.shape[1:3]) < SIDE:
        raise ValueError(f"images are {images.shape[1]} x {images.shape[2]}; crops of {SIDE} x {SIDE} need larger ones")
    source = rng.integers(0, len(images), n)
    top = rng.integers(0, images.shape[1] - SIDE + 1, n)
    left = rng.integers(0, images.shape[2] - SIDE + 1, n)
    turns, mirrored = rng.integers(0, 4, n), rng.integers(0, 2, n).astype(bool)
    rows, columns = top[:, None] + np.arange(SIDE), left[:, None] + np.arange(SIDE)
    chips = images[source[:, None, None], rows[:, :, None], columns[:, None, :]]
    chips[mirrored] = chips[mirrored, :, ::-1]
    for k in (1, 2, 3):
        chips[turns == k] = np.rot90(chips[turns == k], k, (1, 2))
    return Crops(chips, source)


@dataclass(frozen=True)
class Panel:
    """Places over periods: development ``b`` (n,); ``treatment``, ``wealth`` and ``imputed`` wealth, (n, n_periods)."""

    b: np.ndarray
    treatment: np.ndarray
    wealth: np.ndarray
    imputed: np.ndarray


def draw_panel(n, *, rng, tau=2.0, rho=0.6, n_periods=4, switchers=0.05):
    """Wealth over periods, as it is and as a map model imputes it, with a few places that get a project on the way.

    Parameters
    ----------
    n, n_periods : int
        Places, and periods (two or more).
    rng : numpy.random.Generator
    tau : float
        Effect of a project.
    rho : float
        Share of a change that the map sees.
    switchers : float
        Share of places that get a project, in (0, 1); developed places more often.

    Returns
    -------
    Panel
        Projects start in period 2 or later and stay.

    Raises
    ------
    ValueError
        If there are fewer than two periods, or ``switchers`` is not between 0 and 1.

    Notes
    -----
    ``Y_it = 25 + 5 b_i + t + tau W_it + N(0, 3^2)``; imputed:
    ``m + 0.9 (mean_i - m) + rho (Y_it - mean_i) + N(0, 1.5^2)``, since such a model sees change worse than level.
    """
    if n_periods < 2:
        raise ValueError(f"n_periods must be 2 or more, got {n_periods}; a change takes two periods")
    if not 0 < switchers < 1:
        raise ValueError(f"switchers must lie between 0 and 1, got {switchers}; it is a share of the places")
    b = rng.standard_normal(n)
    chance = expit(np.log(switchers / (1 - switchers)) - 0.15 + 0.7 * b)
    chosen, start = rng.random(n) < chance, rng.integers(1, n_periods, n)
    w = (chosen[:, None] & (np.arange(n_periods) >= start[:, None])).astype(float)
    y = 25 + 5 * b[:, None] + np.arange(n_periods) + tau * w + 3 * rng.standard_normal((n, n_periods))
    own, level = y.mean(1, keepdims=True), y.mean()
    imputed = level + 0.9 * (own - level) + rho * (y - own) + 1.5 * rng.standard_normal((n, n_periods))
    return Panel(b, w, y, imputed)
