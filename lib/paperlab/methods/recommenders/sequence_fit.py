"""One training loop for models that give a loss for a batch: AdamW, a schedule, early stopping by a metric."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from joblib import Parallel, delayed

from paperlab.methods.recommenders.embeddings import Look, positive

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class Training:
    """Course of a training; the model keeps the weights of the best look.

    Attributes
    ----------
    epoch : int
        Epochs trained at the best look; 0 is the random start.
    value : float
        What ``judge`` gave then; NaN without a judge.
    looks : list of Look
        Every look: epoch, value, mean loss of the epoch, processor seconds of the training so far.
    n_steps : int
        Updates in all.
    """

    epoch: int
    value: float
    looks: list = field(repr=False)
    n_steps: int


@dataclass(frozen=True)
class Pairs:
    """Rows of given features, each with an item that is wanted, for models without a history (prompts, users).

    Attributes
    ----------
    features : Tensor, shape (n_sources, n_features)
    source : ndarray of int, shape (n_pairs,)
        Row of the features.
    item : ndarray of int, shape (n_pairs,)
    """

    features: torch.Tensor
    source: np.ndarray
    item: np.ndarray

    def __post_init__(self):
        if len(self.source) != len(self.item):
            raise ValueError(f"source and item must have one length, got {len(self.source)} and {len(self.item)}")
        if len(self.source) and not 0 <= self.source.min() <= self.source.max() < len(self.features):
            raise ValueError(f"source must lie in 0 to {len(self.features) - 1}, got {self.source.max()}")

    def __len__(self):
        return len(self.source)

    def batch(self, rows):
        """Features (n, n_features) and items (n,) of some pairs."""
        return self.features[torch.from_numpy(self.source[rows])], torch.from_numpy(self.item[rows])


def fit(  # noqa: PLR0913 - the settings of one training
    model,
    data,
    *,
    epochs,
    rng,
    batch_size=128,
    learning_rate=1e-3,
    schedule="cosine",
    warm_up=0.05,
    weight_decay=0.0,
    clip=None,
    judge=None,
    every=1,
    patience=None,
):
    """Train a model and keep the weights of its best look.

    Parameters
    ----------
    model : torch.nn.Module
        ``model.loss(batch)`` gives a mean loss.
    data : object
        ``len(data)`` rows; ``data.batch(rows)`` gives a batch, as `Rows` and `Pairs` do.
    epochs : int
        At most so many passes.
    rng : numpy.random.Generator
        Order of the rows; what the model drops or draws comes from its own generators.
    batch_size : int
        Rows of a batch.
    learning_rate : float
        The highest.
    schedule : {"constant", "cosine"}
        After a linear rise over the share ``warm_up`` of all steps, the rate stays or falls to zero.
    weight_decay, clip : float
        Decoupled decay of AdamW; largest norm of the gradient, None for any.
    judge : callable, optional
        ``judge(model)`` gives a number, the higher the better, e.g. a metric on validation. Without it the last weights
        are kept.
    every, patience : int
        Epochs between two looks; looks without a better value after which training stops, None for never.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If a setting is out of range.
    FloatingPointError
        If a loss or a value of the judge is no longer finite.
    """
    _check(locals())
    steps = -(-len(data) // batch_size)
    total, done, seconds = epochs * steps, 0, 0.0
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay, fused=True)
    looks, best, weights, loss = [], (0, np.nan), None, np.nan
    for epoch in range(epochs + 1):
        if judge is not None and (epoch % every == 0 or epoch == epochs):
            value = float(judge(model))
            if not np.isfinite(value):
                raise FloatingPointError(f"judge gave {value} after {epoch} epochs; it must be a finite number")
            looks.append(Look(epoch, value, loss, seconds))
            if weights is None or value > best[1]:
                best, weights = (epoch, value), [part.detach().clone() for part in model.parameters()]
            elif patience is not None and epoch - best[0] >= patience * every:
                break
        if epoch == epochs:
            break
        begin, order, loss = time.process_time(), rng.permutation(len(data)), 0.0
        model.train()
        for start in range(0, len(data), batch_size):
            rows = order[start : start + batch_size]
            optimiser.param_groups[0]["lr"] = learning_rate * _share(done, total, schedule, warm_up)
            found = model.loss(data.batch(rows))
            optimiser.zero_grad(set_to_none=True)
            found.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimiser.step()
            done, loss = done + 1, loss + float(found.detach()) * len(rows) / len(data)
        seconds += time.process_time() - begin
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {epoch + 1}: lower learning_rate = {learning_rate}")
        if judge is None:
            looks.append(Look(epoch + 1, np.nan, loss, seconds))
            best = (epoch + 1, np.nan)
    if weights is not None:
        with torch.no_grad():
            for parameter, kept in zip(model.parameters(), weights, strict=True):
                parameter.copy_(kept)
    model.eval()
    return Training(best[0], best[1], looks, done)


@dataclass(frozen=True)
class Job:
    """A model that is to be made and trained.

    Attributes
    ----------
    make : callable
        ``make(rng=rng)`` gives the model.
    rng : numpy.random.Generator
        Of this job alone: start of the model and order of the rows.
    options : dict
        Settings of `fit` that are its own, e.g. ``{"learning_rate": 0.003}``.
    """

    make: Callable
    rng: np.random.Generator
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """What became of a job: the model with its best weights, and its `Training`."""

    model: object = field(repr=False)
    training: Training


def fit_many(jobs, data, *, n_jobs=1, **training):
    """Train models side by side; the result does not depend on the number of processes.

    Parameters
    ----------
    jobs : sequence of Job
    data : object
        As for `fit`, one for all.
    n_jobs : int
        Processes.
    **training
        Settings of `fit` that all jobs share.

    Returns
    -------
    list of Fitted
        In the order of the jobs.

    Raises
    ------
    ValueError
        If there is no job, ``n_jobs`` is not positive, or a setting stands both in ``training`` and in a job.
    """
    jobs = list(jobs)
    positive("n_jobs", n_jobs)
    if not jobs:
        raise ValueError("jobs must hold at least one job, got none")
    for job in jobs:
        if twice := sorted(set(job.options) & set(training)):
            raise ValueError(f"options must not repeat what all jobs share, got {twice[0]}; name it in one place")
    return Parallel(min(n_jobs, len(jobs)))(delayed(_fitted)(job, data, training) for job in jobs)


def _fitted(job, data, training):
    model = job.make(rng=job.rng)
    return Fitted(model, fit(model, data, rng=job.rng, **training, **job.options))


def _share(step, total, schedule, warm_up):
    """Learning rate of a step, as a share of the highest."""
    rise = max(1, round(warm_up * total))
    if step < rise:
        return (step + 1) / rise
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def _check(given):
    for name in ("epochs", "batch_size", "every", "learning_rate"):
        positive(name, given[name])
    for name in ("patience", "clip"):
        if given[name] is not None:
            positive(name, given[name])
    if not given["weight_decay"] >= 0:
        raise ValueError(f"weight_decay must not be negative, got {given['weight_decay']}; 0 is none")
    if not 0 <= given["warm_up"] < 1:
        raise ValueError(f"warm_up must lie in [0, 1), got {given['warm_up']}; it is a share of the steps")
    if given["schedule"] not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {given['schedule']!r}")
    if not len(given["data"]):
        raise ValueError("data must hold at least one row, got none")
