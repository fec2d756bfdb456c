"""LightGCN: the averaging against dense matrices, gradients through the graph against autograd."""

import functools

import numpy as np
import pytest
from paperlab.methods.recommenders import uniformity
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.lightgcn import LightGCN, Propagation, add_neighbours
from tiny_interactions import pairs as drawn


def rng(seed=0):
    return np.random.default_rng(seed)


def pairs():
    return drawn(12, 9, 50)


def dense(table, n_layers):
    a = table.matrix(float).toarray()
    whole = np.block([[np.zeros((len(a), len(a))), a], [a.T, np.zeros((a.shape[1], a.shape[1]))]])
    scale = 1 / np.sqrt(np.maximum(whole.sum(1), 1))
    whole = scale[:, None] * whole * scale
    return np.mean([np.linalg.matrix_power(whole, layer) for layer in range(n_layers + 1)], axis=0)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_propagation_equals_dense_powers(n_layers):
    table = pairs()
    users, items = rng(1).standard_normal((12, 4)), rng(2).standard_normal((9, 4))
    found = Propagation(table, n_layers, dtype=float)(users, items)
    expected = dense(table, n_layers) @ np.concatenate([users, items])
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-14)


def test_the_map_is_symmetric():
    graph = Propagation(pairs(), 2, dtype=float)
    a, b = ((rng(s).standard_normal((12, 3)), rng(s + 9).standard_normal((9, 3))) for s in (1, 2))
    left = sum(np.sum(x * y) for x, y in zip(graph(*a), b, strict=True))
    right = sum(np.sum(x * y) for x, y in zip(a, graph(*b), strict=True))
    assert left == pytest.approx(right, abs=1e-12)


def test_one_step_equals_scipy():
    matrix = pairs().matrix(float)
    own, others = rng(1).standard_normal((12, 5)), rng().standard_normal((9, 5))
    np.testing.assert_allclose(add_neighbours(matrix, own, others, 0.5), (own + matrix @ others) / 2, atol=1e-14)
    with pytest.raises(ValueError, match="rows, got 12 and 8"):
        add_neighbours(matrix, own, others[:8])


def test_a_repeated_pair_is_one_edge_and_somebody_without_edges_keeps_a_share():
    once = Interactions.from_pairs(np.array([0, 0]), np.array([0, 1]), n_users=2, n_items=2)
    twice = Interactions.from_pairs(np.array([0, 0, 0]), np.array([0, 1, 1]), n_users=2, n_items=2)
    users, items = np.ones((2, 1)), np.ones((2, 1))
    for a, b in zip(Propagation(once, 1, dtype=float)(users, items), Propagation(twice, 1, dtype=float)(users, items)):
        np.testing.assert_allclose(a, b)
    assert Propagation(once, 1, dtype=float)(users, items)[0][1, 0] == pytest.approx(0.5)


def test_first_step_is_adam_on_the_gradient_through_the_graph():
    import torch

    table = pairs()
    loss = functools.partial(uniformity.align_uniform, gamma=0.7)
    options = {"dim": 3, "batch_size": 1000, "learning_rate": 0.05, "l2": 0.2, "dtype": np.float64}
    learner = LightGCN(table, n_layers=2, loss=loss, rng=rng(), **options)
    start = learner.users.vectors.copy(), learner.items.vectors.copy()
    u, i = (torch.nn.Parameter(torch.tensor(part)) for part in start)
    behind = torch.tensor(dense(table, 2)) @ torch.cat([u, i])
    x, y = (torch.nn.functional.normalize(part, dim=1) for part in (behind[table.users], behind[12 + table.items]))
    spread = [torch.pdist(z).pow(2).mul(-2).exp().mean().log() for z in (x, y)]
    penalty = 0.2 / 2 * ((u[table.users] ** 2).sum() + (i[table.items] ** 2).sum()) / len(table.users)
    ((x - y).pow(2).sum(1).mean() + 0.7 / 2 * sum(spread) + penalty).backward()
    peer = torch.optim.Adam([u, i], lr=0.05)
    learner.epoch(rng(1))
    peer.step()
    # SparseAdam and Adam place epsilon differently; both move by the rate times the sign of the gradient at first
    for ours, theirs in zip((learner.users.vectors, learner.items.vectors), (u, i), strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-5)


def test_bpr_behind_a_graph_learns_and_is_repeatable():
    runs = []
    for _ in range(2):
        learner = LightGCN(pairs(), dim=4, batch_size=16, learning_rate=0.02, l2=0.01, rng=rng())
        draw = rng(1)
        losses = [learner.epoch(draw) for _ in range(40)]
        assert losses[-1] < losses[0] < 0.70
        runs.append(learner.vectors()[0])
    np.testing.assert_array_equal(*runs)


def test_bad_input():
    with pytest.raises(ValueError, match="n_layers must be positive, got 0"):
        Propagation(pairs(), 0)
