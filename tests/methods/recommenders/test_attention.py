"""Interacting layers: torch's multi-head attention, symmetry of the fields, derivatives, dropout, the released form."""

import math

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.attention import BLOCK, InteractingLayers, _Attend
from paperlab.methods.recommenders.stacks import Stack


def vectors(members, rows, fields, width, seed=0):
    return torch.randn(members, rows, fields, width, generator=torch.Generator().manual_seed(seed))


def plain_layer(x, weight, heads, *, scale=1.0, kept=None):
    """Equations (5) to (8) for one member, head by head; weight stacks queries, keys, values and residual."""
    parts = torch.einsum("bmd,od->bmo", x, weight).chunk(4, -1)
    query, key, value, own = (part.chunk(heads, -1) for part in parts)
    found, seen = [], []
    for h in range(heads):
        attention = torch.softmax(torch.einsum("bik,bjk->bij", query[h], key[h]) * scale, -1)
        seen.append(attention)
        attention = attention if kept is None else attention * kept[:, h]
        found.append(torch.einsum("bij,bjk->bik", attention, value[h]) + own[h])
    return torch.relu(torch.cat(found, -1)), torch.stack(seen, 1)


@pytest.mark.parametrize("rows", [1, 5, BLOCK, BLOCK + 3])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_a_layer_is_the_papers_equations(rows, heads):
    layers = InteractingLayers(6, [3, 4], n_layers=1, n_heads=heads, size=8)
    x, seen = vectors(2, rows, 7, 6), []
    found = layers(x, seen)
    for member in range(2):
        expected, attention = plain_layer(x[member], layers.weights[0][member], heads)
        assert torch.allclose(found[member], expected, atol=1e-5)
        assert torch.allclose(seen[0][member], attention, atol=1e-5)


def test_a_layer_agrees_with_torchs_multi_head_attention():
    size, heads = 8, 2
    layers = InteractingLayers(size, [1], n_layers=1, n_heads=heads, size=size, residual=False)
    x = vectors(1, 50, 7, size)
    peer = torch.nn.MultiheadAttention(size, heads, bias=False, batch_first=True)
    with torch.no_grad():
        peer.in_proj_weight.copy_(layers.weights[0][0])
        peer.in_proj_weight[:size] *= math.sqrt(size / heads)  # torch divides the products by it
        peer.out_proj.weight.copy_(torch.eye(size))
        expected, attention = peer(x[0], x[0], x[0], average_attn_weights=False)
    seen = []
    assert torch.allclose(layers(x, seen)[0], torch.relu(expected), atol=1e-5)
    assert torch.allclose(seen[0][0], attention, atol=1e-5)


def test_the_residual_makes_the_layer_another_one_than_plain_attention():
    x = vectors(1, 20, 7, 8)
    with_own, without = (InteractingLayers(8, [1], n_layers=1, size=8, residual=own) for own in (True, False))
    assert with_own.weights[0].shape[1] == 32 and without.weights[0].shape[1] == 24
    assert not torch.allclose(with_own(x), without(x))


def test_the_order_of_the_fields_does_not_matter_to_a_field():
    layers, x = InteractingLayers(6, [5], size=8), vectors(1, 9, 7, 6)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(layers(x[:, :, order]), layers(x)[:, :, order], atol=1e-5)


def test_attention_sums_to_one_and_equal_fields_share_it_equally():
    layers, seen = InteractingLayers(6, [5, 6], n_layers=3, size=8), []
    layers(vectors(2, 9, 7, 6), seen)
    assert len(seen) == 3 and seen[0].shape == (2, 9, 2, 7, 7)
    assert all(torch.allclose(each.sum(-1), torch.ones(2, 9, 2, 7), atol=1e-5) for each in seen)
    seen = []
    layers(vectors(2, 9, 1, 6).expand(-1, -1, 7, -1), seen)
    assert torch.allclose(seen[0], torch.full((2, 9, 2, 7, 7), 1 / 7), atol=1e-5)


def test_large_products_do_not_overflow():
    layers, seen = InteractingLayers(6, [5], n_layers=1, size=8), []
    assert torch.isfinite(layers(1e3 * vectors(1, 9, 7, 6), seen)).all()
    assert seen[0].max() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kinds", [3, 4])
@pytest.mark.parametrize("dropping", [False, True])
def test_derivatives_of_the_compiled_loop(kinds, dropping):
    generator = torch.Generator().manual_seed(2)
    shape = (2, kinds, 2, 5, 4, 3)
    projected = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    kept = (torch.rand(2, 2, 4, 4, 3, generator=generator) < 0.7).double() / 0.7
    kept = kept if dropping else torch.empty(0, 1, 1, 1, 1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: _Attend.apply(x, kept, 0.5)[0], (projected,))


def test_the_released_form_rectifies_scales_and_normalises():
    layers, x, seen = InteractingLayers(6, [7], n_layers=1, n_heads=2, size=8, form="code"), vectors(1, 20, 5, 6), []
    found = layers(x, seen)
    parts = torch.relu(torch.einsum("bmd,od->bmo", x[0], layers.weights[0][0])).chunk(4, -1)
    scores = torch.einsum("bik,bjk->bij", parts[0][..., :4], parts[1][..., :4]) / 2
    assert torch.allclose(seen[0][0, :, 0], torch.softmax(scores, -1), atol=1e-5)
    assert torch.allclose(found.mean(-1), torch.zeros(1, 20, 5), atol=1e-5)
    assert found.std(-1, unbiased=False).flatten()[:3].tolist() == pytest.approx([1] * 3, abs=1e-3)


def test_dropout_keeps_the_mean_and_stops_when_not_training():
    part = Stack([1, 2], dropout=0.3)
    ones = torch.ones(2, 200, 100)
    dropped = part.drop(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert not torch.equal(dropped[0], dropped[1])
    part.restart()
    assert torch.equal(part.drop(ones), dropped)
    assert part.eval().drop(ones) is ones


def test_members_start_from_their_own_seeds_and_classes_differ():
    both, alone = Stack([3, 9]), Stack([9])
    assert torch.equal(both.normal((4, 2), 1.0)[1], alone.normal((4, 2), 1.0)[0])

    class Other(Stack):
        pass

    assert not torch.equal(Stack([9]).normal((4, 2), 1.0), Other([9]).normal((4, 2), 1.0))
    drawn = Stack([1]).uniform((1000, 50), 50)
    assert drawn.var().item() == pytest.approx(1 / 50, rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_layers": -1}, "n_layers must be at least 0, got -1"),
        ({"n_heads": 0}, "n_heads must be at least 1, got 0"),
        ({"size": 10, "n_heads": 4}, "size must be a multiple of n_heads, got 10 with 4 heads"),
        ({"form": "torch"}, "form must be 'paper' or 'code', got 'torch'"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
    ],
)
def test_bad_numbers_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        InteractingLayers(6, [1], **options)


def test_a_stack_needs_a_seed():
    with pytest.raises(ValueError, match="seeds must name one seed for each member"):
        InteractingLayers(6, [])
    assert np.isfinite(InteractingLayers(6, [1], n_layers=0)(vectors(1, 2, 3, 6)).sum().item())
