"""Training of a stack of denoisers for a number of passes over a small set of images, and sampling from them."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from paperlab.methods.diffusion import noise, samplers
from paperlab.methods.foundations.checks import finite


@dataclass(frozen=True)
class Schedule:
    """How long and how a denoiser is trained.

    Parameters
    ----------
    epochs : int
        Passes over the training images. Sets of different size get the same number of passes, not of steps.
    batch_size : int
        Images of a step; a set smaller than a batch is repeated within it, with other noise.
    learning_rate : float
        Peak of Adam's rate, reached after the first 2 % of the steps; then half a cosine down to zero.
    weight_decay : float
        Decoupled, as in AdamW; 0 is Adam.
    half_life : float
        Of a moving average of the weights, in epochs; 0 is none. With it the average is what is sampled from.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> Schedule(epochs=100, batch_size=32).n_steps(64)
    200
    """

    epochs: int
    batch_size: int = 128
    learning_rate: float = 5e-3
    weight_decay: float = 0.0
    half_life: float = 0.0

    def __post_init__(self):
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("weight_decay", "half_life"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}; 0 is none")

    def n_steps(self, n_images):
        """Steps that make this many passes over ``n_images`` images, at least 1."""
        return max(1, round(self.epochs * n_images / self.batch_size))

    def rate(self, step, n_steps):
        """Learning rate of a step."""
        warm = max(1, n_steps // 50)
        return self.learning_rate * min(1, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / n_steps))


class Snapshot(NamedTuple):
    """What was found at one of the pauses of a training."""

    step: int
    epoch: float
    found: object


@dataclass(frozen=True)
class Fit:
    """Losses and snapshots of `fit`; the model itself is trained in place.

    Attributes
    ----------
    losses : ndarray, shape (n_steps, M)
        Weighted loss of every model before every step.
    snapshots : list of Snapshot
    """

    losses: np.ndarray
    snapshots: list


class _Adam:
    """Adam in one pass over memory; the bits of ``torch.optim.AdamW(..., fused=True)`` without its slow import."""

    def __init__(self, parameters, weight_decay):
        self.parameters, self.weight_decay = list(parameters), weight_decay
        self.moments = [[torch.zeros_like(one) for one in self.parameters] for _ in range(2)]
        self.counts = [torch.tensor(0.0) for _ in self.parameters]

    @torch.no_grad()
    def step(self, rate):
        torch._foreach_add_(self.counts, 1)
        torch._fused_adamw_(
            self.parameters, [one.grad for one in self.parameters], *self.moments, [], self.counts, lr=rate, beta1=0.9,
            beta2=0.999, weight_decay=self.weight_decay, eps=1e-8, amsgrad=False, maximize=False,
        )  # fmt: skip


def _generator(rng):
    return torch.Generator().manual_seed(int(rng.integers(2**62)))


def _order(n, batch_size, generator):
    """Numbers of the images of batch after batch: whole permutations, cut into batches."""
    waiting = torch.empty(0, dtype=torch.long)
    while True:
        while len(waiting) < batch_size:
            waiting = torch.cat((waiting, torch.randperm(n, generator=generator)))
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]


def _checked(images, labels, n_models, n_labels):
    images = torch.as_tensor(finite("images", images), dtype=torch.float32)
    labels = torch.as_tensor(np.asarray(labels, dtype=np.int64))
    n = images.shape[-2] if images.ndim in (2, 3) else 0
    if n < 1 or (images.ndim == 3 and len(images) != n_models):
        raise ValueError(
            f"images must have shape (N, d), or (M, N, d) for M = {n_models} models, got {tuple(images.shape)}"
        )
    if labels.shape != (n_models, n):
        raise ValueError(f"labels must have shape ({n_models}, {n}), models and images, got {tuple(labels.shape)}")
    if int(labels.min()) < 0 or int(labels.max()) >= n_labels:
        raise ValueError(
            f"labels must lie in 0 to {n_labels - 1}, got {int(labels.min())} to {int(labels.max())}; "
            "make the model with a larger n_labels"
        )
    return images, labels


def fit(denoiser, images, labels, schedule, *, rng, redraw=None, n_snapshots=0, watch=None):
    """Train a stack of denoisers on the same images, in the same order, with the same noise; labels may differ.

    Parameters
    ----------
    denoiser : module
        With ``n_labels``, ``sigma_data``, ``n_models`` and ``network``, as `StackedDenoiser` has; trained in place.
    images : array_like, shape (N, d) or (M, N, d)
        The same for all models, or a set for each.
    labels : array_like of int, shape (M, N)
        Fixed label of each image for each model.
    schedule : Schedule
    rng : numpy.random.Generator
        For the order, the noise and the labels that are drawn anew.
    redraw : sequence of int, shape (M,), optional
        Where above 0, the model's labels are drawn anew from so many for every batch.
    n_snapshots : int
        Evenly spaced pauses, the last one at the end.
    watch : callable, optional
        Called as ``watch(denoiser)`` at each pause; what it gives stands in the snapshot.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If shapes or labels do not fit the model.
    FloatingPointError
        If a loss is no longer finite.

    Notes
    -----
    The loss is ``E w(sigma) |D(x + sigma e, sigma) - x|^2`` with EDM's weight and ``ln sigma ~ N(-1.2, 1.2^2)``,
    written as the mean squared error of the network F. With one noise for all models their differences are paired.

    Examples
    --------
    >>> from paperlab.methods.diffusion.denoisers import StackedDenoiser
    >>> images = np.random.default_rng(0).uniform(-1, 1, (4, 9))
    >>> model = StackedDenoiser(9, seeds=[1, 2], width=16, depth=1)
    >>> found = fit(model, images, np.zeros((2, 4)), Schedule(200, 8), rng=np.random.default_rng(1))
    >>> found.losses.shape, bool((found.losses[-20:].mean(0) < found.losses[:5].mean(0)).all())
    ((100, 2), True)
    """
    images, labels = _checked(images, labels, denoiser.n_models, denoiser.n_labels)
    n_steps, generator = schedule.n_steps(images.shape[-2]), _generator(rng)
    optimiser = _Adam(denoiser.parameters(), schedule.weight_decay)
    average = _Average(optimiser.parameters, schedule, images.shape[-2])
    pauses = {round(n_steps * (k + 1) / n_snapshots) for k in range(n_snapshots)}
    order = _order(images.shape[-2], schedule.batch_size, generator)
    losses, snapshots = torch.empty(n_steps, denoiser.n_models), []
    for step in range(n_steps):
        rows = next(order)
        told = labels[:, rows]
        for model, n_classes in enumerate(redraw if redraw is not None else ()):
            if n_classes:
                told[model] = torch.randint(n_classes, (len(rows),), generator=generator)
        each = _loss(denoiser, images[..., rows, :], told, generator)
        for parameter in optimiser.parameters:
            parameter.grad = None
        each.sum().backward()
        optimiser.step(schedule.rate(step, n_steps))
        average.update()
        losses[step] = each.detach()
        if step + 1 in pauses:
            _must_be_finite(losses[step], step, schedule)
            with average:
                found = watch(denoiser) if watch is not None else None
            snapshots.append(Snapshot(step + 1, (step + 1) * schedule.batch_size / images.shape[-2], found))
    _must_be_finite(losses[-1], n_steps - 1, schedule)
    average.finish()
    return Fit(losses.numpy(), snapshots)


def _loss(denoiser, x, labels, generator):
    sigma = (noise.LOG_MEAN + noise.LOG_SD * torch.randn(x.shape[-2], generator=generator)).exp()
    c = noise.preconditioning(sigma, denoiser.sigma_data)
    z = x + sigma[:, None] * torch.randn(x.shape[-2:], generator=generator)
    target = (x - c.c_skip[:, None] * z) / c.c_out[:, None]
    found = denoiser.network(c.c_in[:, None] * z, c.c_noise, labels)
    return (found - target).square().mean((1, 2))


def _must_be_finite(losses, step, schedule):
    if not torch.isfinite(losses).all():
        bad = torch.nonzero(~torch.isfinite(losses)).flatten().tolist()
        raise FloatingPointError(
            f"the loss of model {bad} is not finite at step {step}: lower learning_rate = {schedule.learning_rate}"
        )


class _Average:
    """Moving average of the weights, put in the place of the weights while somebody looks."""

    def __init__(self, parameters, schedule, n_images):
        self.parameters, self.copy, self.kept = parameters, None, None
        if schedule.half_life:
            self.share = 1 - 0.5 ** (schedule.batch_size / (n_images * schedule.half_life))
            self.copy = [one.detach().clone() for one in parameters]

    @torch.no_grad()
    def update(self):
        if self.copy is not None:
            torch._foreach_lerp_(self.copy, self.parameters, self.share)

    def __enter__(self):
        if self.copy is not None:
            self.kept = [one.detach().clone() for one in self.parameters]
            self._put(self.copy)

    def __exit__(self, *error):
        if self.kept is not None:
            self._put(self.kept)

    def finish(self):
        if self.copy is not None:
            self._put(self.copy)

    @torch.no_grad()
    def _put(self, values):
        torch._foreach_copy_(self.parameters, values)


@torch.no_grad()
def sample(denoiser, labels, *, rng, levels=None):
    """Draw images from every model of a stack, all from the same noise.

    Parameters
    ----------
    denoiser : module
        As in `fit`, with ``n_pixels``.
    labels : array_like of int, shape (M, n)
        Label of each image to be drawn.
    rng : numpy.random.Generator
    levels : ndarray, optional
        Noise levels of the sampler; by default `noise.sampling_levels`.

    Returns
    -------
    ndarray, shape (M, n, d)

    Examples
    --------
    >>> from paperlab.methods.diffusion.denoisers import StackedDenoiser
    >>> model = StackedDenoiser(9, seeds=[1, 2], width=16, depth=1)
    >>> sample(model, np.zeros((2, 5)), rng=np.random.default_rng(0)).shape
    (2, 5, 9)
    """
    labels = torch.as_tensor(np.asarray(labels, dtype=np.int64))
    levels = noise.sampling_levels() if levels is None else levels
    shape = (labels.shape[1], denoiser.n_pixels)
    start = torch.randn(shape, generator=_generator(rng), dtype=torch.float64)

    def denoise(z, sigma):
        z = z.to(torch.float32)
        level = torch.full(z.shape[:-1], float(sigma))
        return denoiser(z, level, labels).to(torch.float64)

    return samplers.heun(denoise, start, levels).numpy()
