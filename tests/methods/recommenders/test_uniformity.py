"""Alignment, uniformity, DirectAU and CLRec: facts of the sphere, autograd, the full double loop."""

import numpy as np
import pytest
from paperlab.methods.recommenders import uniformity
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.uniformity import align_uniform, clrec, directau, in_batch_softmax
from tiny_interactions import pairs


def rng(seed=0):
    return np.random.default_rng(seed)


def test_perfect_alignment_is_zero_opposite_points_four():
    table = Interactions.from_pairs(np.arange(5), np.arange(5))
    x = rng().standard_normal((5, 3))
    assert uniformity.alignment(x, 7 * x, table) == pytest.approx(0, abs=1e-12)
    assert uniformity.alignment(x, -x, table) == pytest.approx(4)


def test_independent_directions_have_alignment_two_and_the_uniformity_of_the_sphere():
    """E exp(4 t - 4) over cosines t of independent points in d dimensions: exp(-4) 0F1(d/2; 4)."""
    from scipy.special import hyp0f1

    x, y = rng().standard_normal((2, 3000, 16))
    table = Interactions.from_pairs(np.arange(3000), np.arange(3000))
    assert uniformity.alignment(x, y, table) == pytest.approx(2, abs=0.03)
    assert uniformity.uniformity(x) == pytest.approx(np.log(np.exp(-4) * hyp0f1(8, 4)), abs=0.01)


@pytest.mark.parametrize("n", [2, 5, 17])
def test_a_regular_simplex_has_its_closed_form(n):
    simplex = np.eye(n) - 1 / n
    assert uniformity.uniformity(simplex) == pytest.approx(-4 * n / (n - 1), abs=1e-10)


def test_one_point_has_uniformity_zero():
    assert uniformity.uniformity(np.ones((6, 3))) == pytest.approx(0, abs=1e-12)


def test_length_and_rotation_do_not_matter():
    draw = rng()
    x = draw.standard_normal((30, 4))
    turned = np.linalg.qr(draw.standard_normal((4, 4)))[0]
    other = x * draw.uniform(0.1, 10, (30, 1)) @ turned
    assert uniformity.uniformity(other) == pytest.approx(uniformity.uniformity(x), abs=1e-12)


def test_unweighted_uniformity_equals_torch_pdist():
    import torch

    x = uniformity.unit(rng().standard_normal((200, 8)))[0]
    peer = torch.pdist(torch.tensor(x)).pow(2).mul(-2).exp().mean().log().item()
    assert uniformity.uniformity(x) == pytest.approx(peer, abs=1e-12)


def test_weighted_uniformity_equals_the_double_loop_over_several_chunks(monkeypatch):
    monkeypatch.setattr(uniformity, "CHUNK", 7)
    x = uniformity.unit(rng().standard_normal((23, 3)))[0]
    c = rng(1).integers(0, 9, 23)
    total = weight = 0.0
    for a in range(23):
        for b in range(23):
            if a != b:
                total += c[a] * c[b] * np.exp(-2 * np.sum((x[a] - x[b]) ** 2))
                weight += c[a] * c[b]
    assert uniformity.uniformity(x, c) == pytest.approx(np.log(total / weight), abs=1e-12)


def test_a_weight_of_two_is_not_a_row_twice_because_equal_rows_do_not_pair():
    x = rng().standard_normal((3, 2))
    twice = uniformity.uniformity(x[[0, 0, 1, 2]])
    assert uniformity.uniformity(x, [2, 1, 1]) < twice


def autograd(loss, u, i):
    import torch

    tensors = [torch.tensor(part, requires_grad=True) for part in (u, i)]
    value = loss(torch, *tensors)
    value.backward()
    return value.item(), *(t.grad.numpy() for t in tensors)


def torch_directau(gamma, weight=1.0):
    def loss(torch, u, i):
        x, y = (torch.nn.functional.normalize(part, dim=-1) for part in (u, i))
        spread = [torch.pdist(z).pow(2).mul(-2).exp().mean().log() for z in (x, y)]
        return weight * (x - y).norm(dim=1).pow(2).mean() + gamma * sum(spread) / 2

    return loss


@pytest.mark.parametrize(("gamma", "weight"), [(0.5, 1.0), (0.0, 1.0), (1.0, 0.0), (10.0, 1.0)])
@pytest.mark.parametrize("block", [256, 10])
def test_closed_gradient_equals_autograd(gamma, weight, block, monkeypatch):
    monkeypatch.setattr(uniformity, "BLOCK", block)
    u, i = rng().standard_normal((2, 37, 6)) * 3
    found = align_uniform(u, i, gamma, weight)
    for ours, theirs in zip(found, autograd(torch_directau(gamma, weight), u, i), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


def test_rows_that_occur_twice_feel_no_force_from_each_other():
    """torch.pdist gives 0 at distance 0, and so do we, not NaN."""
    u, i = rng().standard_normal((2, 12, 4))
    u[5], i[7] = u[2], i[1]
    found = align_uniform(u, i, 1.0)
    for ours, theirs in zip(found, autograd(torch_directau(1.0), u, i), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)


def test_gradient_is_tangent_to_the_sphere():
    u, i = rng().standard_normal((2, 20, 5))
    for vectors, gradient in zip((u, i), align_uniform(u, i, 2.0)[1:], strict=True):
        np.testing.assert_allclose(np.sum(vectors * gradient, axis=1), 0, atol=1e-15)


def test_a_batch_of_one_point_is_finite():
    ones = np.ones((4, 3))
    loss, to_u, to_i = align_uniform(ones, ones, 0.5)
    assert loss == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(to_u, 0, atol=1e-12)
    zero = np.zeros((4, 3))
    assert all(np.isfinite(part).all() for part in align_uniform(zero, ones, 0.5))


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_softmax_gradient_equals_autograd(temperature):
    u, i = rng().standard_normal((2, 15, 6))

    def loss(torch, u, i):
        x, y = (torch.nn.functional.normalize(part, dim=-1) for part in (u, i))
        return torch.nn.functional.cross_entropy(x @ y.T / temperature, torch.arange(15))

    found = in_batch_softmax(u, i, temperature)
    for ours, theirs in zip(found, autograd(loss, u, i), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_single_precision_agrees_with_double():
    u, i = rng().standard_normal((2, 300, 64))
    exact, light = align_uniform(u, i, 0.5), align_uniform(u.astype("f4"), i.astype("f4"), 0.5)
    assert light[1].dtype == np.float32
    np.testing.assert_allclose(light[1], exact[1], atol=1e-7)


def test_alignment_alone_collapses_uniformity_alone_spreads():
    table = pairs()
    collapsed, spread = (
        directau(table, gamma=g, alignment=a, dim=8, batch_size=64, learning_rate=0.02, rng=rng())
        for g, a in ((0.0, 1.0), (1.0, 0.0))
    )
    for learner in (collapsed, spread):
        for _ in range(150):
            learner.epoch(rng(1))
    u, i = collapsed.vectors()
    assert uniformity.alignment(u, i, table) < 0.01
    assert uniformity.overall_uniformity(u, i, table) > -0.1
    u, i = spread.vectors()
    assert uniformity.alignment(u, i, table) > 1
    assert uniformity.overall_uniformity(u, i, table) < -3


def test_training_lowers_the_loss():
    for learner in (directau(pairs(), gamma=0.5, rng=rng()), clrec(pairs(), temperature=0.2, rng=rng())):
        losses = [learner.epoch(rng(1)) for _ in range(30)]
        assert losses[-1] < losses[0]


def test_bad_input():
    one = np.ones((1, 3))
    for bad in (-0.1, np.nan):
        with pytest.raises(ValueError, match="gamma must not be negative"):
            align_uniform(np.ones((2, 3)), np.ones((2, 3)), bad)
    for loss in (align_uniform, in_batch_softmax):
        with pytest.raises(ValueError, match="two pairs at least"):
            loss(one, one, 1.0)
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        clrec(pairs(), temperature=0, rng=rng())
    with pytest.raises(ValueError, match="gamma must not be negative, got -1"):
        directau(pairs(), gamma=-1, rng=rng())
    with pytest.raises(ValueError, match="batch_size - 1 must be positive"):
        directau(pairs(), gamma=1, batch_size=1, rng=rng())
    with pytest.raises(ValueError, match="weights must be 2 numbers from 0"):
        uniformity.uniformity(np.ones((2, 2)), [1, -1])
    with pytest.raises(ValueError, match="weights must be 2 numbers from 0"):
        uniformity.uniformity(np.ones((2, 2)), [1, np.nan])
    table = Interactions.from_pairs(np.arange(3), np.arange(3))
    three = np.ones((3, 4))
    for users, items in ((three[:2], three), (three, three[:2])):
        with pytest.raises(ValueError, match="must have 3 and 3 rows, as train has"):
            uniformity.alignment(users, items, table)
    for users, items in ((three, three[:, :2]), (three, three[:, 0])):
        with pytest.raises(ValueError, match="vectors of one length"):
            uniformity.alignment(users, items, table)
    with pytest.raises(ValueError, match="two rows of positive weight, got 1"):
        uniformity.uniformity(np.ones((2, 2)), [1, 0])
