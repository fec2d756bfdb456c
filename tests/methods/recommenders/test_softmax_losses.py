"""Losses over a catalogue: against torch, at equal scores, sampled ones on average, which items take part."""

import math

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.softmax_losses import Choice, binary_loss, full_softmax, sampled_softmax
from torch.nn import functional


def drawn(n=40, n_items=300, dim=8, *, seed=0, dtype=torch.float32):
    rng = np.random.default_rng(seed)
    states, table = (torch.from_numpy(rng.normal(size=(rows, dim))).to(dtype) for rows in (n, n_items))
    return states.requires_grad_(), table.requires_grad_(), torch.from_numpy(rng.integers(n_items, size=n))


def test_equal_scores_cost_the_logarithm_of_the_number_of_items():
    states, table, targets = drawn()
    assert full_softmax(torch.zeros_like(states), table, targets).item() == pytest.approx(math.log(300), rel=1e-6)


def test_the_full_softmax_and_its_gradient_agree_with_torch(monkeypatch):
    monkeypatch.setattr("paperlab.methods.recommenders.softmax_losses.HELD", 2000)  # several blocks
    states, table, targets = drawn(dtype=torch.float64)
    ours = full_softmax(states, table, targets)
    peer = functional.cross_entropy(states @ table.T, targets)
    assert ours.item() == pytest.approx(peer.item(), rel=1e-12)
    for mine, other in zip(*(torch.autograd.grad(3 * each, (states, table)) for each in (ours, peer)), strict=True):
        assert (mine - other).abs().max() < 1e-12


def test_huge_scores_stay_finite():
    states, table, targets = drawn()
    assert torch.isfinite(full_softmax(states * 1e4, table * 1e4, targets))


def negatives(table, targets, share, n, seed):
    at = torch.from_numpy(np.random.default_rng(seed).choice(len(share), n, p=share))
    return table[targets], table[at], targets, at, torch.log(n * torch.from_numpy(share)[at])


def test_sampled_softmax_with_correction_is_the_full_one_on_average():
    """Its sum over items has the full one's mean, exactly; so has the loss, up to half its own variance."""
    states, table, targets = drawn(dtype=torch.float64)
    states, share = 0.5 * states.detach(), np.arange(1, 301) ** 0.75
    share /= share.sum()
    full = full_softmax(states, table, targets).item()
    found = np.array([sampled_softmax(states, *negatives(table, targets, share, 400, s)).item() for s in range(150)])
    assert abs(found.mean() - full) < found.std()  # a single draw's error hides the bias
    right = (states * table[targets]).sum(1)
    sums = []
    for s in range(150):
        rest = negatives(table, targets, share, 400, s)
        scores = states @ rest[1].T - rest[4]
        sums.append((scores.exp() * (rest[3] != targets[:, None])).sum(1) + right.exp())
    sums = torch.stack(sums).detach()
    gap = (sums.mean(0) - (states @ table.T).exp().sum(1).detach()) / (sums.std(0) / math.sqrt(150))
    assert float((gap**2).mean()) < 1.8  # squared standard errors of 40 rows that share their draws


@pytest.mark.parametrize("size", [1.0, 30.0])
def test_the_sampled_softmax_and_its_gradient_are_those_of_the_definition(monkeypatch, size):
    """With small scores and with those that have to be shifted; some of the drawn items are rows' own."""
    monkeypatch.setattr("paperlab.methods.recommenders.softmax_losses.HELD", 900)
    states, table, targets = drawn(n_items=50, dtype=torch.float64)
    states = (size * states.detach()).requires_grad_()
    right, others, _, items, expected = negatives(table, targets, np.full(50, 0.02), 80, 3)
    ours = sampled_softmax(states, right, others, targets, items, expected)
    own = (states * right).sum(1)
    scores = (states @ others.T - expected).masked_fill(items == targets[:, None], -torch.inf)
    peer = (torch.logsumexp(torch.cat([own[:, None], scores], 1), 1) - own).mean()
    assert (items == targets[:, None]).sum() > 20
    assert ours.item() == pytest.approx(peer.item(), rel=1e-12)
    for mine, other in zip(
        *(torch.autograd.grad(2 * each, (states, table), retain_graph=True) for each in (ours, peer)), strict=True
    ):
        assert (mine - other).abs().max() < 1e-10 * size


def test_without_the_correction_it_is_another_loss():
    states, table, targets = drawn(dtype=torch.float64)
    share = np.full(300, 1 / 300)
    right, others, at, items, expected = negatives(table, targets, share, 2000, 1)
    full = full_softmax(states, table, targets).item()
    assert sampled_softmax(states, right, others, at, items, expected).item() == pytest.approx(full, abs=0.05)
    assert abs(sampled_softmax(states, right, others, at, items, 0 * expected).item() - full) > 0.5


def test_an_item_is_no_negative_of_itself():
    states, table, targets = drawn(n=1)
    alone = sampled_softmax(states, table[targets], table[targets], targets, targets, torch.zeros(1))
    assert alone.item() == pytest.approx(0, abs=1e-6)


def test_the_binary_loss_of_even_scores_is_two_coin_tosses():
    zero = torch.zeros(5, 3)
    assert float(binary_loss(zero, zero, zero)) == pytest.approx(2 * math.log(2))


def test_negatives_are_drawn_by_their_counts_and_only_where_allowed():
    counts = np.array([1, 16, 81, 16, 0])
    choice = Choice(5, "sampled", counts=counts, allowed=[True, True, True, False, True], rng=np.random.default_rng(0))
    found = np.bincount(choice.draw(36_000).numpy(), minlength=5)
    expected = np.array([1, 8, 27, 0, 0]) * 1000
    assert (found[expected == 0] == 0).all()
    assert ((found - expected)[:3] ** 2 / expected[:3]).sum() < 14  # chi-square, two degrees of freedom


@pytest.mark.parametrize("loss", ["full", "sampled", "binary"])
def test_items_that_are_not_allowed_are_not_touched(loss):
    table = torch.randn(6, 1, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    allowed = np.array([True, True, True, False, True, False])
    choice = Choice(6, loss, n_negatives=50, allowed=allowed, rng=np.random.default_rng(1))
    states = torch.ones(20, 1, 4)
    targets = torch.arange(20) % 3
    choice(states, lambda items: table if items is None else table[items], targets).backward()
    moved = table.grad.abs().sum((1, 2)) > 0
    assert (moved.numpy() == allowed).all()


def test_bad_input_is_refused():
    states, table, targets = drawn()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="targets must lie in 0 to 299, got 300"):
        full_softmax(states, table, targets * 0 + 300)
    with pytest.raises(ValueError, match="targets must lie in 0 to 299, got -1; drop rows without a target"):
        full_softmax(states, table, targets * 0 - 1)
    with pytest.raises(ValueError, match="one item for each of 40 rows"):
        full_softmax(states, table, targets[:-1])
    for change, message in (
        ({"loss": "hinge"}, "loss must be one of full, sampled, binary, got 'hinge'"),
        ({"n_negatives": 0}, "n_negatives must be at least 1, got 0"),
        ({"counts": [1.0, 2]}, "must have 3 entries"),
        ({"counts": [1.0, np.nan, 2]}, "counts is nan in row 1"),
        ({"counts": [1.0, -1, 2]}, "counts must not be negative, got -1"),
        ({"allowed": [True, False, False]}, "must leave at least two items, got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            Choice(3, **change, rng=rng)
