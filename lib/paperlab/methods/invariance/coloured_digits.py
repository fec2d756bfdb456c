"""Coloured digits: the label is partly noise, the colour knows the noisy label better than the shape does.

A stand-in for the coloured handwritten digits of Arjovsky et al. (2019) with scikit-learn's 8 x 8 digits, the colour jitter
and translation that Akbar et al. (2025) use as outcome-invariant augmentation, and stacked networks for the squared risks
of the page ``augmentation_iv``.
"""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv

from paperlab.methods.foundations.nets import StackedMLP, train

LABEL_NOISE = 0.25
JITTER = 0.5  # brightness, contrast and saturation in 1 +- JITTER, hue in +- JITTER of the colour circle
SHIFT = 0.2  # largest translation, as a share of the width


@dataclass(frozen=True)
class ColouredDigits:
    """Images ``x`` (n, 8, 8, 3) in [0, 1], labels ``y`` (n,) and colours ``c`` (n,), both 0 or 1."""

    x: np.ndarray
    y: np.ndarray
    c: np.ndarray


def colour(images, targets, n, flips, rng):
    """Draw digits with replacement, with noisy labels and colours.

    ``y = 1{digit < 5}`` is flipped with probability 0.25; the colour is ``y`` flipped with a probability drawn from
    ``flips`` with weights proportional to them.

    Parameters
    ----------
    images : ndarray, shape (k, 8, 8), in [0, 1]
    targets : ndarray of int, shape (k,)
    n : int
    flips : sequence of float
        (0.1, 0.2) in training, (0.5,) in the test: there the colour says nothing.

    Returns
    -------
    ColouredDigits
    """
    rows = rng.integers(0, len(images), n)
    y = (targets[rows] < 5) ^ (rng.random(n) < LABEL_NOISE)
    flips = np.asarray(flips, float)
    c = y ^ (rng.random(n) < rng.choice(flips, n, p=flips / flips.sum()))
    x = np.zeros((n, *images.shape[1:], 3))
    x[np.arange(n), ..., 1 - c.astype(int)] = images[rows]
    return ColouredDigits(x, y.astype(float), c.astype(float))


def jitter_and_translate(x, rng):
    """Random brightness, contrast, saturation, hue and translation, all Beta(2, 2) on their range.

    Parameters
    ----------
    x : ndarray, shape (n, w, w, 3), in [0, 1]

    Returns
    -------
    g : ndarray, shape (n, 6)
        The six standardised parameters.
    gx : ndarray, shape (n, w, w, 3)

    Raises
    ------
    ValueError
        If ``x`` is not a stack of square colour images with values in [0, 1].
    """
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
    return (raw - 0.5) / np.sqrt(1 / 20), gx


def fit_networks(inputs, y, g, alphas, seeds, rng, *, epochs=16, batch=256, rate=3e-3, hidden=(256, 256)):
    """Stacked networks, each with its own inputs and its own mixture of the two risks.

    On a mini-batch with residuals ``r`` and the projection ``P`` on its augmentation parameters the loss is
    ``(|P r|^2 + alpha |r|^2) / (n (1 + alpha))``; ``alpha = inf`` is the ordinary squared risk.

    Parameters
    ----------
    inputs : list of ndarray, each of shape (n, d)
        Inputs of every network.
    y : ndarray, shape (n,)
    g : ndarray, shape (n, k)
    alphas, seeds : sequence of length M
    rng : numpy.random.Generator
        Order of the mini-batches.

    Returns
    -------
    callable
        ``predict(x)`` gives probabilities (M, n) for ``x`` of shape (n, d).

    Raises
    ------
    ValueError
        If an ``alpha`` is not above 0, or lengths differ.
    """
    if min(alphas) <= 0:
        raise ValueError(f"alpha must be > 0, got {min(alphas):g}; a small one is close to IV regression")
    if not len(inputs) == len(alphas) == len(seeds):
        raise ValueError(
            f"{len(inputs)} inputs, {len(alphas)} alphas and {len(seeds)} seeds: give one of each per network"
        )
    n, d = inputs[0].shape
    unique = {id(x): torch.tensor(x, dtype=torch.float32) for x in inputs}
    which = [id(x) for x in inputs]
    y, g = torch.tensor(y, dtype=torch.float32), torch.tensor(g, dtype=torch.float32)
    weight = torch.tensor([1.0 if np.isinf(a) else a / (1 + a) for a in alphas], dtype=torch.float32)
    model = StackedMLP((d, *hidden, 1), seeds)
    per_epoch = n // batch
    order = np.concatenate([rng.permutation(n)[: per_epoch * batch] for _ in range(epochs)]).reshape(-1, batch)

    def loss(step):
        rows = torch.from_numpy(order[step])
        parts = {key: x[rows] for key, x in unique.items()}
        out = torch.sigmoid(model(torch.stack([parts[key] for key in which])))[..., 0]
        residual = y[rows] - out  # (M, batch)
        basis = torch.linalg.qr(g[rows])[0]
        projected = ((residual @ basis) ** 2).sum(1)
        ordinary = (residual**2).sum(1)
        return ((1 - weight) * projected + weight * ordinary) / batch

    train(loss, model.parameters(), n_steps=len(order), learning_rate=rate)

    @torch.no_grad()
    def predict(x):
        return torch.sigmoid(model(torch.tensor(x, dtype=torch.float32)))[..., 0].numpy()

    return predict


def excess_error(probability, y):
    """Normalised excess of the 0-1 error over the label noise: ``e / (e + 0.25)`` with ``e = error - 0.25``, shape (M,)."""
    excess = np.mean((probability > 0.5) != (y > 0.5), axis=-1) - LABEL_NOISE
    return excess / (excess + (0.5 - LABEL_NOISE))
