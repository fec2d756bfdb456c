"""Layers of the sequence models: masks, dropout from a generator of its own, a block against torch's."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.sequence_layers import Block, Seeded, block_mask, evaluating
from torch import nn


@pytest.mark.parametrize("kind", ["causal", "hybrid", "sparse"])
def test_masks_by_their_definition(kind):
    seen = block_mask(3, 4, kind)
    inside = {"causal": lambda i, j: j <= i, "hybrid": lambda i, j: True, "sparse": lambda i, j: i == j}[kind]
    for i in range(12):
        for j in range(12):
            wanted = j // 4 < i // 4 or (j // 4 == i // 4 and inside(i, j))
            assert bool(seen[i, j]) == wanted
    counts = {"causal": 12 * 13 // 2, "hybrid": 16 * 6, "sparse": 16 * 3 + 12}
    assert int(seen.sum()) == counts[kind]


def test_with_one_token_the_masks_are_one():
    assert all(
        (block_mask(5, 1, kind) == torch.ones(5, 5).tril().bool()).all() for kind in ("causal", "hybrid", "sparse")
    )


def test_dropout_keeps_the_mean_and_draws_from_its_own_generator():
    layer, x = Seeded(0.3, rng=np.random.default_rng(0)), torch.ones(200, 200)
    state = torch.get_rng_state()
    first = layer.drop(x)
    assert (torch.get_rng_state() == state).all()
    assert float((first == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(first.mean()) == pytest.approx(1, abs=0.02)
    with evaluating(layer):
        assert layer.drop(x) is x
    assert layer.training


def test_a_block_is_that_of_torch_at_real_positions():
    rng = np.random.default_rng(1)
    block = Block(8, 2, 16, dropout=0.0, rng=rng)
    peer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, norm_first=True)
    pairs = {
        "self_attn.in_proj_weight": block.project.weight,
        "self_attn.in_proj_bias": block.project.bias,
        "self_attn.out_proj.weight": block.collect.weight,
        "self_attn.out_proj.bias": block.collect.bias,
        "linear1.weight": block.widen.weight,
        "linear1.bias": block.widen.bias,
        "linear2.weight": block.narrow.weight,
        "linear2.bias": block.narrow.bias,
    }
    peer.load_state_dict(peer.state_dict() | pairs)
    x = torch.from_numpy(rng.normal(size=(3, 5, 8)).astype(np.float32))
    length = torch.tensor([2, 4, 5])
    real = torch.arange(5) < length[:, None]
    seen = block_mask(5, 1, "causal")
    position = torch.nonzero(real)[:, 1]
    for groups in ([(0, 11, 3, 5)], [(0, 2, 1, 2), (2, 11, 2, 5)]):
        ours = block(x[real][:, None], position, groups, seen)[:, 0]
        assert (ours - peer(x, src_mask=~seen)[real]).abs().max() < 1e-5


def test_the_start_depends_on_the_generator_alone():
    one, two = (Block(8, 2, 16, dropout=0.0, rng=np.random.default_rng(3)) for _ in range(2))
    other = Block(8, 2, 16, dropout=0.0, rng=np.random.default_rng(4))
    assert (one.project.weight == two.project.weight).all()
    assert (one.project.weight != other.project.weight).any()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="mask must be one of causal, hybrid, sparse, got 'full'"):
        block_mask(2, 2, "full")
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\), got 1"):
        Seeded(1, rng=np.random.default_rng(0))
