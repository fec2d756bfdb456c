"""Page ``xfactors``: the contrastive loss against the masked log-sum-exp, and a stack of models against a loop.

One process, one thread; the numbers are compared before the time.
"""

import numpy as np
import pytest
import torch
from paperlab.methods.foundations.contrastive import info_nce
from paperlab.methods.representation import simulate_shapes, xfactors
from paperlab.methods.representation.xfactors import Setting, Training
from torch import nn


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


LOSS = "contrastive loss and gradient, 8 models, 4 subspaces, batch 96"


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(8, 4, 96, 2, generator=generator), torch.randint(6, (4, 96), generator=generator)


def masked(t, labels, tau):
    """The usual way: large negative numbers where a pair does not count, two log-sum-exps."""
    direction = nn.functional.normalize(t, dim=-1)
    itself = torch.eye(t.shape[-2], dtype=torch.bool)
    positive = (labels[:, :, None] == labels[:, None, :]) & ~itself
    logits = (direction @ direction.mT / tau).masked_fill(itself, -1e9)
    loss = logits.logsumexp(-1) - logits.masked_fill(~positive, -1e9).logsumexp(-1)
    anchors = positive.any(-1)
    return torch.where(anchors, loss, 0.0).sum(-1) / anchors.sum(-1)


def gradient(function, batch):
    t = batch[0].clone().requires_grad_()
    function(t, batch[1], 0.1).sum().backward()
    return t.grad


def agreement(batch):
    worst = float((gradient(info_nce, batch) - gradient(masked, batch)).abs().max())
    assert worst < 1e-4
    return f"max. difference of gradients {worst:.0e}"


@pytest.mark.benchmark(group=LOSS)
def test_sums(benchmark, batch):
    note = agreement(batch)
    benchmark(gradient, info_nce, batch)
    benchmark.extra_info.update(role="ours", label="sums of exponentials", agreement=note)


@pytest.mark.benchmark(group=LOSS)
def test_logsumexp(benchmark, batch):
    note = agreement(batch)
    benchmark(gradient, masked, batch)
    benchmark.extra_info.update(role="peer", label="masked log-sum-exp", agreement=note)


TRAINING = "8 XFactors models, 50 steps"


@pytest.fixture(scope="module")
def data():
    return simulate_shapes.flat_shapes(rng=np.random.default_rng(1))


def train(data, seeds, n_steps):
    settings, rng = [Setting()] * len(seeds), np.random.default_rng(2)
    return xfactors.train_stack(data.train_x, data.train_f[:, :4], settings, seeds, Training(n_steps=n_steps), rng=rng)


SEEDS = [10 * start for start in range(8)]


def stacked(data, n_steps=50):
    return train(data, SEEDS, n_steps).history


def looped(data, n_steps=50):
    return np.hstack([train(data, [one], n_steps).history for one in SEEDS])


def same_losses(data):
    worst = np.abs(stacked(data, 5) - looped(data, 5)).max()
    assert worst < 1e-3
    return f"max. difference of losses in 5 steps {worst:.0e}"


@pytest.mark.benchmark(group=TRAINING)
def test_stack(benchmark, data):
    note = same_losses(data)
    benchmark.pedantic(stacked, args=(data,), rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(role="ours", label="one stack", agreement=note)


@pytest.mark.benchmark(group=TRAINING)
def test_loop(benchmark, data):
    note = same_losses(data)
    benchmark.pedantic(looped, args=(data,), rounds=2)
    benchmark.extra_info.update(role="peer", label="one model at a time", agreement=note)
