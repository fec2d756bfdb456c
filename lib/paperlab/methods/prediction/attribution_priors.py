"""Small classifiers whose own attributions are pulled towards a given importance distribution, many at once.

Page ``happiness_factors``: cross-entropy + lambda KL(P^K || P^theta), P^theta from a network's attributions of a score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from paperlab.methods.foundations.attribution import FLOOR, check_groups
from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.nets import StackedMLP, train
from paperlab.methods.foundations.resampling import seed_of

ATTRIBUTIONS = ("gradxinput", "ig", "occlusion")
SCORE = torch.tensor([-1.0, 0.0, 1.0])  # not too happy, pretty happy, very happy
POINTS = (0.125, 0.375, 0.625, 0.875)  # of the straight line from 0 to x, for integrated gradients
WEIGHT_DECAY = 1e-4


@dataclass(frozen=True)
class Lessons:
    """What each of M networks is told.

    Attributes
    ----------
    knowledge : array_like, shape (M, n_factors)
        Importance distribution: positive, rows add up to 1.
    weights : array_like, shape (M,)
        Weight of KL(knowledge || own importances), not negative; 0 is plain training.
    signs : array_like, shape (d,), optional
        -1, 0 or 1 per column; a mean gradient of the score against a sign is penalised, with the weight of the network.

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), lengths differ, knowledge is no distribution, a weight is
        negative, or a sign is none.
    """

    knowledge: np.ndarray
    weights: np.ndarray
    signs: np.ndarray | None = None

    def __post_init__(self):
        knowledge, weights = finite("knowledge", self.knowledge), finite("weights", self.weights)
        if knowledge.ndim != 2 or weights.shape != knowledge.shape[:1]:
            raise ValueError(
                f"knowledge must be (M, n_factors) and weights (M,), got {knowledge.shape} and {weights.shape}"
            )
        if (weights < 0).any():
            raise ValueError(f"weights holds {weights.min()}: a weight must not be negative")
        if not (knowledge > 0).all() or not np.allclose(knowledge.sum(1), 1):
            raise ValueError(
                "knowledge: every entry must be positive and every row add up to 1; add a floor and normalise"
            )
        object.__setattr__(self, "knowledge", knowledge)
        object.__setattr__(self, "weights", weights)
        if self.signs is not None:
            signs = finite("signs", self.signs)
            if not np.isin(signs, (-1, 0, 1)).all():
                raise ValueError("signs: every entry must be -1, 0 or 1")
            object.__setattr__(self, "signs", signs)


@dataclass(frozen=True)
class Training:
    """How networks train: passes over the rows, rows in a mini-batch, rate of AdamW, width of the hidden layer."""

    n_epochs: int = 25
    batch_size: int = 64
    learning_rate: float = 5e-3
    width: int = 32

    def __post_init__(self):
        for name in ("n_epochs", "batch_size", "learning_rate", "width"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


@dataclass(frozen=True)
class Students:
    """M trained networks with inputs (d,) and three ordered classes."""

    network: StackedMLP

    @torch.no_grad()
    def probabilities(self, x):
        """Class probabilities (M, n, 3) for inputs (n, d) or (M, n, d)."""
        x = torch.as_tensor(finite("x", x), dtype=torch.float32)
        return torch.softmax(self.network(x), -1).double().numpy()

    def importances(self, x, groups, attribution="gradxinput"):
        """Importance distribution of every network on the rows ``x`` (n, d), shape (M, n_factors)."""
        _check_attribution(attribution)
        x = torch.as_tensor(finite("x", x), dtype=torch.float32).expand(len(self.network.weights[0]), -1, -1)
        member = _membership(groups, x.shape[-1])
        with torch.no_grad():
            return _distribution(_attributions(self.network, x, member, attribution)).double().numpy()


def _check_attribution(attribution):
    if attribution not in ATTRIBUTIONS:
        raise ValueError(f"attribution = {attribution!r}: choose one of {ATTRIBUTIONS}")


def _membership(groups, d):
    arrays = check_groups(groups, d)
    out = torch.zeros(d, len(arrays))
    for j, columns in enumerate(arrays.values()):
        out[columns, j] = 1
    return out


def score_gradient(network, x):
    """Score of inputs (M, n, d), shape (M, n), and its gradient in them (M, n, d), differentiable in the weights."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        score = network(x) @ SCORE
        (slope,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return score, slope


def _attributions(network, x, member, kind):
    """Attribution of the score to every factor, summed over its columns, shape (M, n, n_factors); the baseline is 0."""
    if kind == "gradxinput":
        return (x * score_gradient(network, x)[1]) @ member
    if kind == "ig":
        slope = sum(score_gradient(network, t * x)[1] for t in POINTS) / len(POINTS)
        return (x * slope) @ member
    without = x[:, :, None] * (1 - member.T)  # (M, n, n_factors, d)
    full = network(x) @ SCORE
    less = network(without.flatten(1, 2)) @ SCORE
    return full[:, :, None] - less.unflatten(1, without.shape[1:3])


def _distribution(phi):
    """Importance distribution as in `paperlab.methods.foundations.attribution`, uniform where nothing is attributed."""
    size = phi.abs().mean(1)
    share = size / size.sum(-1, keepdim=True).clamp_min(1e-30) + FLOOR
    return share / share.sum(-1, keepdim=True)


def train_students(x, y, lessons, groups, starts, *, rng, attribution="gradxinput", training=Training()):
    """Train M students in one stack.

    Parameters
    ----------
    x : array_like, shape (M, n, d)
        Standardised inputs; 0 is the baseline of the attributions.
    y : array_like of int, shape (M, n)
        Classes 0, 1, 2.
    lessons : Lessons
    groups : dict of str to sequence of int
        Columns of each factor.
    starts : sequence of int, length M
        Networks with the same number start alike.
    rng : numpy.random.Generator or int
        Draws the order of the mini-batches, the same for all networks; a whole number is the seed of that order.
    attribution : {"gradxinput", "ig", "occlusion"}
        How a student explains itself.
    training : Training

    Returns
    -------
    Students

    Raises
    ------
    ValueError
        If an input is not finite (names argument and row), shapes do not fit, a class is none of 0, 1, 2, a training
        set holds one class only, or the attribution is unknown.
    """
    x, y = _check_training(x, y, lessons, groups, starts)
    _check_attribution(attribution)
    network = StackedMLP([x.shape[2], training.width, 3], starts)
    member = _membership(groups, x.shape[2])
    x, y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
    target, weight = (torch.as_tensor(v, dtype=torch.float32) for v in (lessons.knowledge, lessons.weights))
    signs = None if lessons.signs is None else torch.as_tensor(lessons.signs, dtype=torch.float32)
    generator, order = torch.Generator().manual_seed(seed_of(rng)), []
    n, batch = x.shape[1], min(training.batch_size, x.shape[1])

    def loss(step):
        if not order:
            order.extend(torch.randperm(n, generator=generator).split(batch))
        rows = order.pop()
        part, label = x[:, rows], y[:, rows]
        log_p = torch.log_softmax(network(part), -1)
        out = -torch.gather(log_p, 2, label[:, :, None]).mean((1, 2))
        if weight.any():
            own = _distribution(_attributions(network, part, member, attribution))
            out = out + weight * (target * (target.log() - own.log())).sum(-1)
        if signs is not None:
            slope = score_gradient(network, part)[1].mean(1)
            out = out + weight * torch.relu(-signs * slope).sum(-1)
        return out

    steps = training.n_epochs * -(-n // batch)
    options = {"learning_rate": training.learning_rate, "decay": "constant", "weight_decay": WEIGHT_DECAY}
    train(loss, network.parameters(), n_steps=steps, **options)
    return Students(network)


def _check_training(x, y, lessons, groups, starts):
    x, classes = finite("x", x, 1), finite("y", y, 1)
    m = len(lessons.weights)
    if x.ndim != 3 or classes.shape != x.shape[:2] or not len(x) == m == len(starts):
        raise ValueError(
            f"x {x.shape}, y {classes.shape}, {m} lessons, {len(starts)} starts: give (M, n, d), (M, n), M and M"
        )
    if lessons.knowledge.shape[1] != len(groups):
        raise ValueError(f"knowledge has {lessons.knowledge.shape[1]} entries for {len(groups)} factors")
    if lessons.signs is not None and lessons.signs.shape != x.shape[2:]:
        raise ValueError(f"signs must have one entry for each of {x.shape[2]} columns, got {lessons.signs.shape}")
    if not np.isin(classes, (0, 1, 2)).all():
        raise ValueError(
            f"y holds {classes[~np.isin(classes, (0, 1, 2))][0]:g}; the classes are 0, 1, 2, from low to high"
        )
    single = [i for i in range(m) if len(np.unique(classes[i])) < 2]
    if single:
        raise ValueError(f"y: the training set of network {single[0]} holds one class only; draw more people")
    return x, classes.astype(int)
