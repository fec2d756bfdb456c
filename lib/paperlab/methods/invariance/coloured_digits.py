"""Coloured digits: the label is partly noise, the colour knows the noisy label better than the shape does.

A stand-in for the coloured handwritten digits of Arjovsky et al. (2019) with scikit-learn's 8 x 8 digits, the colour
jitter and translation that Akbar et al. (2025) use as outcome-invariant augmentation, and stacked networks for the
squared risks of page ``augmentation_iv``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.foundations.nets import StackedMLP, train
from paperlab.methods.invariance.augmentation import Augmentation

LABEL_NOISE = 0.25
JITTER = 0.5  # brightness, contrast and saturation in 1 +- JITTER, hue in +- JITTER of the colour circle
SHIFT = 0.2  # largest translation, as a share of the width


@dataclass(frozen=True)
class ColouredDigits:
    """Images and what is known about them.

    Attributes
    ----------
    x : ndarray, shape (n, w, w, 3), in [0, 1]
    y, c : ndarray of 0 and 1, shape (n,)
        Noisy labels and colours.
    """

    x: np.ndarray
    y: np.ndarray
    c: np.ndarray


def colour(images, targets, n, flips, *, rng):
    """Draw digits with replacement, with noisy labels and colours.

    ``y = 1{digit < 5}`` is flipped with probability 0.25; the colour is ``y`` flipped with a probability drawn from
    ``flips`` with weights proportional to them.

    Parameters
    ----------
    images : array_like, shape (k, w, w), in [0, 1]
    targets : array_like of int, shape (k,)
        The digits 0 to 9.
    n : int
    flips : sequence of float
        (0.1, 0.2) in training, (0.5,) in the test: there the colour says nothing.
    rng : numpy.random.Generator

    Returns
    -------
    ColouredDigits

    Raises
    ------
    ValueError
        If images leave [0, 1], a target is no digit (names the row), lengths differ, or a flip is no probability.
    """
    images, targets, flips = finite("images", images), finite("targets", targets), finite("flips", flips)
    if images.ndim != 3 or targets.shape != images.shape[:1] or images.min() < 0 or images.max() > 1:
        raise ValueError(
            f"images must be (k, w, w) with values in [0, 1] and targets (k,), got {images.shape} and {targets.shape}"
        )
    wrong = ~np.isin(targets, np.arange(10))
    if wrong.any():
        raise ValueError(f"targets is {targets[wrong.argmax()]:g} in row {wrong.argmax()}; digits are 0 to 9")
    if not len(flips) or not ((flips > 0) & (flips <= 1)).all():
        raise ValueError(f"flips must be probabilities above 0, got {flips}")
    rows = rng.integers(0, len(images), n)
    y = (targets[rows] < 5) ^ (rng.random(n) < LABEL_NOISE)
    c = y ^ (rng.random(n) < rng.choice(flips, n, p=flips / flips.sum()))
    x = np.zeros((n, *images.shape[1:], 3))
    x[np.arange(n), ..., 1 - c.astype(int)] = images[rows]
    return ColouredDigits(x, y.astype(float), c.astype(float))


def jitter_and_translate(x, *, rng):
    """Random brightness, contrast, saturation, hue and translation, all Beta(2, 2) on their range.

    Parameters
    ----------
    x : array_like, shape (n, w, w, 3), in [0, 1]
    rng : numpy.random.Generator

    Returns
    -------
    Augmentation
        ``g`` of shape (n, 6) are the six standardised parameters, ``gx`` of shape (n, w, w, 3) the images.

    Raises
    ------
    ValueError
        If ``x`` is not a stack of square colour images with values in [0, 1].
    """
    x = finite("x", x)
    if x.ndim != 4 or x.shape[1] != x.shape[2] or x.shape[3] != 3 or x.min() < 0 or x.max() > 1:
        raise ValueError(
            f"x must be (n, w, w, 3) with values in [0, 1], got {x.shape}; scale or stack the images first"
        )
    n, width = len(x), x.shape[1]
    raw = rng.beta(2, 2, (n, 6))
    brightness, contrast, saturation = (1 - JITTER + 2 * JITTER * raw[:, i, None, None, None] for i in range(3))
    gx = np.clip(x * brightness, 0, 1)
    grey = gx @ np.array([0.299, 0.587, 0.114])
    gx = np.clip((1 - contrast) * grey.mean((1, 2))[:, None, None, None] + contrast * gx, 0, 1)
    grey = (gx @ np.array([0.299, 0.587, 0.114]))[..., None]
    gx = np.clip((1 - saturation) * grey + saturation * gx, 0, 1)
    hsv = rgb_to_hsv(gx)
    hsv[..., 0] = (hsv[..., 0] + JITTER * (2 * raw[:, 3, None, None] - 1)) % 1
    gx = hsv_to_rgb(hsv)
    steps = np.rint((2 * raw[:, 4:] - 1) * SHIFT * width).astype(int)
    margin = int(np.ceil(SHIFT * width))
    padded = np.pad(gx, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    down = margin - steps[:, 0, None] + np.arange(width)
    right = margin - steps[:, 1, None] + np.arange(width)
    gx = padded[np.arange(n)[:, None, None], down[:, :, None], right[:, None, :]]
    return Augmentation((raw - 0.5) / np.sqrt(1 / 20), gx)


@dataclass(frozen=True)
class Training:
    """How networks are trained.

    Attributes
    ----------
    n_epochs, batch_size : int
        Passes over the rows, and rows in a mini-batch; what is left of a pass is dropped.
    learning_rate : float
        Of AdamW, falling to zero along half a cosine.
    hidden : tuple of int
        Width of the hidden layers.
    """

    n_epochs: int = 16
    batch_size: int = 256
    learning_rate: float = 3e-3
    hidden: tuple[int, ...] = (256, 256)


@dataclass(frozen=True)
class Networks:
    """M trained networks in one stack."""

    model: StackedMLP

    @torch.no_grad()
    def probabilities(self, x):
        """Probabilities of label 1, shape (M, n), for inputs of shape (n, d)."""
        return torch.sigmoid(self.model(torch.tensor(x, dtype=torch.float32)))[..., 0].numpy()


def fit_networks(inputs, y, g, alphas, starts, *, rng, training=Training()):
    """Stacked networks, each with its own inputs and its own mixture of the two risks.

    On a mini-batch with residuals ``r`` and the projection ``P`` on its augmentation parameters the loss is
    ``(|P r|^2 + alpha |r|^2) / (n (1 + alpha))``; ``alpha = inf`` is the ordinary squared risk.

    Parameters
    ----------
    inputs : list of ndarray, each of shape (n, d)
        Inputs of every network.
    y : array_like, shape (n,)
    g : array_like, shape (n, k)
    alphas : sequence of float, length M
    starts : sequence of int, length M
        Networks with the same number start alike.
    rng : numpy.random.Generator
        Order of the mini-batches, the same for all networks.
    training : Training

    Returns
    -------
    Networks

    Raises
    ------
    ValueError
        If an ``alpha`` is not above 0, lengths differ, a value is not finite, the parameters ``g`` are collinear (names
        the column), or a mini-batch is larger than the sample.
    """
    if not min(alphas) > 0:
        raise ValueError(f"alpha must be > 0, got {min(alphas):g}; a small one is close to IV regression")
    if not len(inputs) == len(alphas) == len(starts):
        raise ValueError(
            f"{len(inputs)} inputs, {len(alphas)} alphas and {len(starts)} starts: give one of each per network"
        )
    y, g = finite("y", y), finite("g", g)
    n, batch = len(y), training.batch_size
    unique = {id(x): finite("inputs", x) for x in inputs}
    for x in (g, *unique.values()):
        if x.ndim != 2 or len(x) != n:
            raise ValueError(f"inputs and g must have {n} rows, one for each of y; got shape {x.shape}")
    if not 1 <= batch <= n:
        raise ValueError(f"batch_size must lie between 1 and the {n} rows, got {batch}")
    full_rank("g", g)
    unique = {key: torch.tensor(x, dtype=torch.float32) for key, x in unique.items()}
    which = [id(x) for x in inputs]
    y, g = torch.tensor(y, dtype=torch.float32), torch.tensor(g, dtype=torch.float32)
    weight = torch.tensor([1.0 if np.isinf(a) else a / (1 + a) for a in alphas], dtype=torch.float32)
    model = StackedMLP((inputs[0].shape[1], *training.hidden, 1), starts)
    per_epoch = n // batch
    order = np.concatenate([rng.permutation(n)[: per_epoch * batch] for _ in range(training.n_epochs)])
    order = order.reshape(-1, batch)

    def loss(step):
        rows = torch.from_numpy(order[step])
        parts = {key: x[rows] for key, x in unique.items()}
        out = torch.sigmoid(model(torch.stack([parts[key] for key in which])))[..., 0]
        residual = y[rows] - out  # (M, batch)
        basis = torch.linalg.qr(g[rows])[0]
        projected = ((residual @ basis) ** 2).sum(1)
        ordinary = (residual**2).sum(1)
        return ((1 - weight) * projected + weight * ordinary) / batch

    train(loss, model.parameters(), n_steps=len(order), learning_rate=training.learning_rate)
    return Networks(model)


def excess_error(probability, y):
    """Normalised excess of the 0-1 error over the label noise: ``e / (e + 0.25)`` with ``e = error - 0.25``.

    Parameters
    ----------
    probability : array_like, shape (M, n)
        Of label 1.
    y : array_like of 0 and 1, shape (n,)
        Noisy labels.

    Returns
    -------
    ndarray, shape (M,)
        0 for a perfect rule, 1/2 for a coin.

    Raises
    ------
    ValueError
        If a value is not finite, or a rule makes no error, which the noise of the labels does not allow.

    Examples
    --------
    >>> excess_error([[0.9, 0.9, 0.1, 0.1]], [1, 0, 0, 1])
    array([0.5])
    """
    probability, y = finite("probability", probability, -1), finite("y", y)
    excess = np.mean((probability > 0.5) != (y > 0.5), axis=-1) - LABEL_NOISE
    if np.any(excess <= -LABEL_NOISE):
        raise ValueError("probability makes no error at all: it has seen the noise of the labels")
    return excess / (excess + (0.5 - LABEL_NOISE))
