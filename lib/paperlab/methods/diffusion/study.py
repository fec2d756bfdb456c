"""Conditions side by side: images, several ways to label them, who copies, and how near the optimum models come."""

from dataclasses import dataclass

import numpy as np
import torch

from paperlab.methods.diffusion import copies, optimum
from paperlab.methods.diffusion.training import fit, sample
from paperlab.methods.foundations.checks import finite


@dataclass(frozen=True)
class Comparison:
    """What `compare` gives: M conditions trained side by side.

    Attributes
    ----------
    names : tuple of str
        Conditions, length M.
    model : module
        The trained stack.
    samples : ndarray, shape (M, n_samples, d)
        Drawn at the end.
    epochs : ndarray, shape (n_snapshots,)
        Passes over the images at each snapshot.
    near : list of copies.Neighbours
        Of the samples drawn at each snapshot, arrays of shape (M, n_samples, 2).
    labels : ndarray of int, shape (M, N)
        Labels that the conditions were trained with.
    """

    names: tuple
    model: object
    samples: np.ndarray
    epochs: np.ndarray
    near: list
    labels: np.ndarray

    def shares(self, ratio=1 / 3):
        """Share of copies at each snapshot, shape (n_snapshots, M)."""
        return np.stack([found.share(ratio) for found in self.near])

    def last(self, ratio=1 / 3):
        """Share of copies of each condition at the end, by name."""
        return dict(zip(self.names, self.shares(ratio)[-1], strict=True))


def compare(images, labels, schedule, network, *, rng, n_samples, redraw=None, n_snapshots=1):
    """Train one model per way of labelling, side by side on the same batches and noise, and draw from each.

    Parameters
    ----------
    images : array_like, shape (N, d) or (M, N, d)
        Training images, scaled to [-1, 1]; copies are looked for among the model's own.
    labels : dict of str to array_like of int, shape (N,)
        Ways of labelling, by name.
    schedule : training.Schedule
    network : callable
        ``network(n_labels, seeds)`` makes a stack of one model per seed.
    rng : numpy.random.Generator
    n_samples : int
        Images drawn from each model at each snapshot, with labels drawn from those of the training images.
    redraw : dict of str to int, optional
        Conditions whose labels are drawn anew for every batch, and from how many.
    n_snapshots : int
        Evenly spaced times at which samples are drawn, the last at the end; at least 1.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If ``redraw`` names a condition that is not among ``labels``, there is no snapshot or no sample.

    Examples
    --------
    >>> from paperlab.methods.diffusion.denoisers import StackedDenoiser
    >>> from paperlab.methods.diffusion.training import Schedule
    >>> rng = np.random.default_rng(0)
    >>> images, ways = rng.uniform(-1, 1, (4, 9)), {"none": [0] * 4, "unique": [0, 1, 2, 3]}
    >>> def small(n_labels, seeds):
    ...     return StackedDenoiser(9, seeds, n_labels=n_labels, width=16, depth=1)
    >>> found = compare(images, ways, Schedule(200, 8), small, rng=rng, n_samples=20)
    >>> sorted(found.last()), found.samples.shape
    (['none', 'unique'], (2, 20, 9))
    """
    redraw = dict(redraw or {})
    if strange := sorted(set(redraw) - set(labels)):
        raise ValueError(f"redraw names {strange}, which labels does not; it has {sorted(labels)}")
    if n_snapshots < 1 or n_samples < 1:
        raise ValueError(f"n_snapshots and n_samples must be at least 1, got {n_snapshots} and {n_samples}")
    images = finite("images", images)
    names, table = tuple(labels), np.stack([np.asarray(labels[name], dtype=np.int64) for name in labels])
    classes = [redraw.get(name, 0) for name in names]
    seeds = rng.integers(2**31, size=len(names))
    model = network(int(max(table.max() + 1, *classes, 1)), seeds)
    wanted = table[:, rng.integers(table.shape[1], size=n_samples)]
    for row, n_classes in zip(wanted, classes, strict=True):
        if n_classes:
            row[:] = rng.integers(n_classes, size=n_samples)
    start = rng.integers(2**31)  # all snapshots start from the same noise
    drawn = []

    def watch(seen):
        drawn[:] = [sample(seen, wanted, rng=np.random.default_rng(start))]
        return _nearest(drawn[0], images)

    fitted = fit(model, images, table, schedule, rng=rng, redraw=classes, n_snapshots=n_snapshots, watch=watch)
    epochs = np.array([found.epoch for found in fitted.snapshots])
    return Comparison(names, model, drawn[0], epochs, [found.found for found in fitted.snapshots], table)


def _nearest(samples, images):
    if images.ndim == 2:
        return copies.two_nearest(samples, images)
    each = [copies.two_nearest(drawn, own) for drawn, own in zip(samples, images, strict=True)]
    return copies.Neighbours(np.stack([one.index for one in each]), np.stack([one.distance for one in each]))


@torch.no_grad()
def distance_to_optimum(model, images, labels, sigma, *, rng, clean=None, n_draws=4):
    """Mean squared difference, per pixel, between what models guess and what the closed-form optimum guesses.

    Parameters
    ----------
    model : module
        Stack of M models.
    images : array_like, shape (N, d)
        Training images, whose optimum (without labels) is the measure.
    labels : array_like of int, shape (M, n)
        Label of each clean image for each model.
    sigma : float
        Standard deviation of the noise.
    rng : numpy.random.Generator
    clean : array_like, shape (n, d), optional
        Images that the noise is put on; the training images by default.
    n_draws : int
        Draws of the noise for each clean image.

    Returns
    -------
    ndarray, shape (M,)

    Notes
    -----
    ``E |D(x + sigma e) - D*(x + sigma e)|^2 / d``.
    """
    images = finite("images", images)
    clean = images if clean is None else finite("clean", clean)
    z = np.concatenate([clean + sigma * rng.standard_normal(clean.shape) for _ in range(n_draws)])
    told = torch.as_tensor(np.tile(np.asarray(labels, dtype=np.int64), (1, n_draws)))
    best = optimum.denoise(z, sigma, images)
    z = torch.as_tensor(z, dtype=torch.float32)
    found = model(z, torch.full((len(z),), float(sigma)), told).numpy()
    return np.mean((found - best) ** 2, axis=(1, 2))


def ways_to_label(true, *, n_classes, rng):
    """No label, the true one, one of ``n_classes`` by lot (fixed for each image), and one of its own for each image.

    Parameters
    ----------
    true : array_like of int, shape (N,)
    n_classes : int
        Of the labels by lot, at least 1.
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to ndarray of int, shape (N,)

    Examples
    --------
    >>> ways = ways_to_label([7, 7, 3], n_classes=2, rng=np.random.default_rng(0))
    >>> list(ways), ways["unique"].tolist()
    (['none', 'true', 'random', 'unique'], [0, 1, 2])
    """
    if n_classes < 1:
        raise ValueError(f"n_classes must be at least 1, got {n_classes}")
    true = np.asarray(true, dtype=np.int64)
    by_lot = rng.integers(n_classes, size=len(true))
    return {"none": np.zeros_like(true), "true": true, "random": by_lot, "unique": np.arange(len(true))}


def pooled(images, factor):
    """Images (N, height, width, ...) with blocks of ``factor`` x ``factor`` pixels averaged.

    Examples
    --------
    >>> pooled(np.arange(16.0).reshape(1, 4, 4), 2)[0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    images = np.asarray(images, dtype=float)
    n, height, width, *rest = images.shape
    if height % factor or width % factor:
        raise ValueError(f"factor must divide height and width {height} x {width}, got {factor}")
    return images.reshape(n, height // factor, factor, width // factor, factor, *rest).mean((2, 4))
