"""Facts about the contrastive loss with the positives inside the logarithm."""

import math

import numpy as np
import pytest
import torch
from paperlab.methods.foundations.contrastive import info_nce


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def directions(degrees):
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angle.cos(), angle.sin()], -1)[None]


def by_hand(t, labels, tau):
    """The loss of the paper, term by term."""
    u = t / np.linalg.norm(t, axis=1, keepdims=True)
    terms = []
    for i in range(len(u)):
        weight = np.exp(u @ u[i] / tau)
        others = np.arange(len(u)) != i
        same = others & (labels == labels[i])
        if same.any():
            terms.append(-np.log(weight[same].sum() / weight[others].sum()))
    return np.mean(terms)


def supcon(t, labels, tau):
    """The better known loss: logarithms averaged over the positives."""
    u = t / np.linalg.norm(t, axis=1, keepdims=True)
    terms = []
    for i in range(len(u)):
        others = np.arange(len(u)) != i
        log_share = u @ u[i] / tau - np.log(np.exp(u[others] @ u[i] / tau).sum())
        same = others & (labels == labels[i])
        if same.any():
            terms.append(-log_share[same].mean())
    return np.mean(terms)


@pytest.mark.parametrize("tau", [0.02, 0.1, 1.0])
def test_nce_is_the_formula(rng, tau):
    t, labels = rng.standard_normal((2, 30, 2)), rng.integers(0, 4, (2, 30))
    found = info_nce(torch.as_tensor(t), torch.as_tensor(labels), tau)
    expected = [by_hand(*one, tau) for one in zip(t, labels, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_nce_of_codes_that_are_all_equal_is_the_log_share_of_positives():
    labels = torch.tensor([[0, 0, 0, 1, 1, 1]])
    found = info_nce(torch.ones(1, 6, 2), labels, 0.3).item()
    assert found == pytest.approx(-math.log(2 / 5), rel=1e-6)


def test_single_precision_is_enough_for_an_anchor_far_from_all_others():
    t = directions([0.0, 170.0, 175.0, 180.0])
    labels = torch.tensor([[0, 0, 1, 1]])
    exact, single = (info_nce(t.to(kind), labels, 0.03) for kind in (torch.float64, torch.float32))
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=0)
    u = t[0].float()
    weight = (u @ u.T / 0.03).exp()
    assert (weight.sum(1) - weight.diagonal())[0] == 0  # the sum less the diagonal has lost it


def test_nce_knows_directions_only(rng):
    t, labels = torch.as_tensor(rng.standard_normal((1, 20, 2))), torch.as_tensor(rng.integers(0, 3, (1, 20)))
    longer = t * torch.as_tensor(rng.uniform(0.1, 9, (1, 20, 1)))
    torch.testing.assert_close(info_nce(t, labels, 0.1), info_nce(longer, labels, 0.1))


def test_positives_inside_the_log_are_not_supcon():
    split = directions([0.0, 180.0, 0.0, 180.0, 90.0, 90.0])  # one value in two places
    labels = np.array([0, 0, 0, 0, 1, 1])
    ours = info_nce(split, torch.as_tensor(labels)[None], 0.1).item()
    assert ours < 0.01 and supcon(split[0].numpy(), labels, 0.1) > 5
    pairs = np.array([0, 0, 1, 1, 2, 2])  # one positive each: the two agree
    assert info_nce(split, torch.as_tensor(pairs)[None], 0.5).item() == pytest.approx(
        supcon(split[0].numpy(), pairs, 0.5)
    )


def test_anchor_without_positive_is_left_out_and_leaves_the_gradient_finite():
    t = directions([0.0, 10.0, 120.0]).requires_grad_()
    labels = torch.tensor([[0, 0, 1]])
    loss = info_nce(t, labels, 0.1)
    loss.sum().backward()
    assert loss.item() == pytest.approx(by_hand(t.detach().numpy()[0], labels[0].numpy(), 0.1))
    assert torch.isfinite(t.grad).all()


def test_the_logarithm_of_no_positives_masked_afterwards_would_lose_the_gradient():
    logits = torch.zeros(2, requires_grad=True)
    positive = (logits.exp() * torch.zeros(2)).sum()
    gradient = torch.autograd.grad(torch.where(torch.tensor(False), positive.log(), 0.0), logits)[0]
    assert torch.isnan(gradient).all()


def test_nce_bounds_the_information_from_below(rng):
    labels = rng.integers(0, 4, (1, 2000))
    noise = torch.as_tensor(rng.standard_normal((1, 2000, 2)))
    loss = info_nce(noise, torch.as_tensor(labels), 0.5).item()
    assert math.log(4) - loss < 0.02  # nothing in the code: no information claimed
    clear = directions((90.0 * labels[0]).tolist())
    assert math.log(4) - info_nce(clear, torch.as_tensor(labels), 0.05).item() == pytest.approx(math.log(4), abs=0.01)


def test_labels_are_labels(rng):
    codes, labels = torch.as_tensor(rng.standard_normal((1, 20, 2))), torch.as_tensor(rng.integers(0, 3, (1, 20)))
    torch.testing.assert_close(info_nce(codes, labels, 0.1), info_nce(codes, 5000 - 37 * labels, 0.1))
    order = torch.as_tensor(rng.permutation(20))
    torch.testing.assert_close(info_nce(codes, labels, 0.1), info_nce(codes[:, order], labels[:, order], 0.1))


def test_bad_batches_are_refused_by_name():
    with pytest.raises(ValueError, match="codes must have shape"):
        info_nce(torch.ones(2, 5, 2), torch.zeros(1, 5, dtype=torch.int64), 0.1)
    for temperature in (0.011, 0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="temperature must be at least"):
            info_nce(torch.ones(1, 5, 2), torch.zeros(1, 5, dtype=torch.int64), temperature)
    assert torch.isfinite(info_nce(torch.ones(1, 5, 2), torch.zeros(1, 5, dtype=torch.int64), 0.0125)).all()
    assert torch.isfinite(info_nce(torch.ones(1, 5, 2).double(), torch.zeros(1, 5, dtype=torch.int64), 0.002)).all()
