"""Small classifiers whose own attributions are pulled towards a given importance distribution, many at once.

Page ``happiness_factors``: cross-entropy + lambda KL(P^K || P^theta), with P^theta from the network's attributions of a score.
"""

import numpy as np
import torch

from paperlab.methods.foundations.attribution import FLOOR, check_groups
from paperlab.methods.foundations.nets import StackedMLP, train

ATTRIBUTIONS = ("gradxinput", "ig", "occlusion")
SCORE = torch.tensor([-1.0, 0.0, 1.0])  # not too happy, pretty happy, very happy
POINTS = (0.125, 0.375, 0.625, 0.875)  # of the straight line from 0 to x, for integrated gradients


class Students:
    """M trained networks with inputs (d,) and three ordered classes."""

    def __init__(self, network):
        self.network = network

    @torch.no_grad()
    def probabilities(self, x):
        """Class probabilities (M, n, 3) for inputs (n, d) or (M, n, d)."""
        x = torch.as_tensor(np.asarray(x), dtype=torch.float32)
        return torch.softmax(self.network(x), -1).double().numpy()

    def importances(self, x, groups, attribution="gradxinput"):
        """Importance distribution of every network on the rows x (n, d), shape (M, factors)."""
        x = torch.as_tensor(np.asarray(x), dtype=torch.float32).expand(len(self.network.weights[0]), -1, -1)
        member = _membership(groups, x.shape[-1])
        with torch.no_grad():
            return _distribution(_attributions(self.network, x, member, attribution)).double().numpy()


def _membership(groups, d):
    arrays = check_groups(groups, d)
    out = torch.zeros(d, len(arrays))
    for j, columns in enumerate(arrays.values()):
        out[columns, j] = 1
    return out


def _score_gradient(network, x):
    """Score (M, n) and its gradient in the input (M, n, d), itself differentiable in the weights."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        score = network(x) @ SCORE
        (slope,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return score, slope


def _attributions(network, x, member, kind):
    """Attribution of the score to every factor, summed over its columns, shape (M, n, factors); the baseline is 0."""
    if kind == "gradxinput":
        return (x * _score_gradient(network, x)[1]) @ member
    if kind == "ig":
        slope = sum(_score_gradient(network, t * x)[1] for t in POINTS) / len(POINTS)
        return (x * slope) @ member
    without = x[:, :, None] * (1 - member.T)  # (M, n, factors, d)
    full = network(x) @ SCORE
    less = network(without.flatten(1, 2)) @ SCORE
    return full[:, :, None] - less.unflatten(1, without.shape[1:3])


def _distribution(phi):
    size = phi.abs().mean(1) + FLOOR
    return size / size.sum(-1, keepdim=True)


def train_students(
    x,
    y,
    knowledge,
    lams,
    groups,
    seeds,
    *,
    epochs=25,
    batch=64,
    rate=5e-3,
    width=32,
    attribution="gradxinput",
    signs=None,
):
    """Train M students in one stack.

    Parameters
    ----------
    x : array_like, shape (M, n, d)
        Standardised inputs; 0 is the baseline of the attributions.
    y : array_like of int, shape (M, n)
        Classes 0, 1, 2.
    knowledge : array_like, shape (M, factors)
        Importance distribution for each network.
    lams : array_like, shape (M,)
        Weight of KL(knowledge || own importances); 0 is plain training.
    groups : dict of str to sequence of int
        Columns of each factor.
    seeds : sequence of int, length M
        Starts of the networks; the mini-batches are the same for all.
    attribution : {"gradxinput", "ig", "occlusion"}
    signs : array_like, shape (d,), optional
        -1, 0 or 1 per column; a mean gradient of the score against a sign is penalised, with the weight of the network.

    Returns
    -------
    Students

    Raises
    ------
    ValueError
        With shapes that do not fit, a negative weight, knowledge that is no distribution, or a training set of one class.
    """
    x, y = np.asarray(x, float), np.asarray(y, int)
    knowledge, lams = np.asarray(knowledge, float), np.asarray(lams, float)
    if x.ndim != 3 or y.shape != x.shape[:2] or not len(x) == len(knowledge) == len(lams) == len(seeds):
        raise ValueError(f"x {x.shape}, y {y.shape}, knowledge {knowledge.shape}: give (M, n, d), (M, n), (M, factors)")
    if knowledge.shape[1] != len(groups):
        raise ValueError(f"knowledge has {knowledge.shape[1]} entries for {len(groups)} factors")
    if (lams < 0).any():
        raise ValueError(f"lam = {lams.min()}: the weight must not be negative")
    if not (knowledge > 0).all() or not np.allclose(knowledge.sum(1), 1):
        raise ValueError("knowledge: every entry must be positive and every row add up to 1; add a floor and normalise")
    single = [m for m in range(len(y)) if len(np.unique(y[m])) < 2]
    if single:
        raise ValueError(f"y: the training set of network {single[0]} holds one class only; draw more people")
    if attribution not in ATTRIBUTIONS:
        raise ValueError(f"attribution = {attribution!r}: choose one of {ATTRIBUTIONS}")
    network = StackedMLP([x.shape[2], width, 3], seeds)
    member = _membership(groups, x.shape[2])
    x, y = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(y)
    target, lam = torch.as_tensor(knowledge, dtype=torch.float32), torch.as_tensor(lams, dtype=torch.float32)
    signs = None if signs is None else torch.as_tensor(np.asarray(signs), dtype=torch.float32)
    generator, order, n = torch.Generator().manual_seed(0), [], x.shape[1]

    def loss(step):
        if not order:
            order.extend(torch.randperm(n, generator=generator).split(min(batch, n)))
        rows = order.pop()
        part, label = x[:, rows], y[:, rows]
        log_p = torch.log_softmax(network(part), -1)
        out = -torch.gather(log_p, 2, label[:, :, None]).mean((1, 2))
        if lam.any():
            own = _distribution(_attributions(network, part, member, attribution))
            out = out + lam * (target * (target.log() - own.log())).sum(-1)
        if signs is not None:
            slope = _score_gradient(network, part)[1].mean(1)
            out = out + lam * torch.relu(-signs * slope).sum(-1)
        return out

    steps = epochs * -(-n // min(batch, n))
    train(loss, network.parameters(), n_steps=steps, learning_rate=rate, decay="constant", weight_decay=1e-4)
    return Students(network)
