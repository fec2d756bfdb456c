"""BPR: gradient against autograd, negatives not chosen, an epoch against the same steps in torch, a peer's quality."""

import numpy as np
import pytest
from paperlab import datasets
from paperlab.methods.recommenders import embeddings
from paperlab.methods.recommenders.interactions import Interactions, per_user_ratio
from paperlab.methods.recommenders.pairwise import BPR, add_bpr_gradient, chosen, draw_negatives
from tiny_interactions import pairs


def rng(seed=0):
    return np.random.default_rng(seed)


def test_gradient_equals_autograd_and_adds_up_over_rows_named_twice():
    import torch

    users, items = rng(1).standard_normal((4, 6)), rng(2).standard_normal((5, 6))
    user, item, other = rng(3).integers(4, size=9), rng(4).integers(5, size=9), rng(5).integers(5, size=9)
    u, i = (torch.tensor(table, requires_grad=True) for table in (users, items))
    plain = torch.nn.functional.softplus(((i[other] - i[item]) * u[user]).sum(1)).mean()
    plain.backward()
    out = np.full_like(users, 2.0), np.zeros_like(items)
    loss = add_bpr_gradient(users, items, user, item, other, *out)
    assert loss == pytest.approx(plain.item(), abs=1e-14)
    np.testing.assert_allclose(out[0] - 2, u.grad.numpy(), atol=1e-14)
    np.testing.assert_allclose(out[1], i.grad.numpy(), atol=1e-14)


@pytest.mark.parametrize("gap", [1e3, -1e3])
def test_extreme_scores_give_finite_gradients(gap):
    users, items, out = np.array([[1.0]]), np.array([[gap], [0.0]]), (np.zeros((1, 1)), np.zeros((2, 1)))
    loss = add_bpr_gradient(users, items, np.array([0]), np.array([0]), np.array([1]), *out)
    assert loss == pytest.approx(max(-gap, 0))
    assert out[1][0, 0] == pytest.approx(0 if gap > 0 else -1)


def test_negatives_were_not_chosen_and_are_uniform_over_the_rest():
    table = pairs()
    user = np.full(60_000, 7)
    flat = np.zeros((table.n_users, 2)), np.zeros((table.n_items, 2))
    found = draw_negatives(user, *flat, chosen(table), 1, rng())
    rest = np.setdiff1d(np.arange(table.n_items), table.of(7))
    counts = np.bincount(found, minlength=table.n_items)
    assert set(np.flatnonzero(counts)) == set(rest)
    expected = len(user) / len(rest)
    assert np.sum((counts[rest] - expected) ** 2 / expected) < 3 * len(rest)


def test_dynamic_negatives_are_the_hardest():
    table = pairs()
    users, items = rng().standard_normal((table.n_users, 4)), rng(1).standard_normal((table.n_items, 4))
    user = table.users[:50]
    hard = draw_negatives(user, users, items, chosen(table), 2000, rng(2))
    score = users @ items.T
    score[table.users, table.items] = -np.inf
    assert (hard == score[user].argmax(1)).all()


def test_one_batch_moves_the_tables_as_torch_would():
    import torch

    table = pairs(n=20)
    ours = BPR(table, dim=3, batch_size=100, learning_rate=0.05, l2=0.1, rng=rng(), dtype=np.float64)
    users, items = ours.vectors()
    draw = rng(5)
    order = draw.permutation(len(table.items))
    user, item = table.users[order], table.items[order]
    other = draw_negatives(user, users, items, chosen(table), 1, draw)
    u, i = (torch.nn.Parameter(torch.tensor(part)) for part in (users, items))
    a, b, c = u[user], i[item], i[other]
    penalty = 0.1 / 2 * ((a**2).sum() + (b**2).sum() + (c**2).sum()) / len(user)
    (torch.nn.functional.softplus(((c - b) * a).sum(1)).mean() + penalty).backward()
    ours.epoch(rng(5))
    for tensor, start, found in zip((u, i), (users, items), ours.vectors(), strict=True):
        g = tensor.grad.numpy()
        expected = start - 0.05 * np.sqrt(0.001) / 0.1 * 0.1 * g / (np.sqrt(0.001) * np.abs(g) + 1e-8)
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_same_generator_gives_the_same_vectors():
    found = []
    for _ in range(2):
        learner = BPR(pairs(), dim=4, batch_size=32, n_candidates=3, rng=rng(1))
        learner.epoch(rng(2))
        found.append(learner.vectors())
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_user_who_chose_everything_is_refused():
    table = Interactions.from_pairs(np.array([0, 1, 1]), np.array([0, 0, 1]))
    with pytest.raises(ValueError, match="user 1 has chosen all 2 items"):
        BPR(table, rng=rng())
    with pytest.raises(ValueError, match="n_candidates must be positive"):
        BPR(pairs(), n_candidates=0, rng=rng())


def test_planted_groups_are_found():
    """Two groups of users and items that never mix: every held-out item is ranked in its own half."""
    draw = rng()
    user = np.repeat(np.arange(60), 8)
    item = np.concatenate([draw.choice(20, 8, replace=False) + 20 * (u % 2) for u in range(60)])
    split = per_user_ratio(Interactions.from_pairs(user, item), rng=draw)
    learner = BPR(split.train, dim=8, batch_size=32, learning_rate=0.02, rng=draw)
    for _ in range(60):
        learner.epoch(draw)
    users, items = learner.vectors()
    score = users @ items.T
    own = np.arange(40)[None, :] // 20 == np.arange(60)[:, None] % 2
    assert score[own].mean() - score[~own].mean() > 2


@pytest.fixture(scope="module")
def beauty():
    stored = datasets.load("amazon_beauty_7core")
    table = Interactions.from_pairs(stored.user.to_numpy(), stored.item.to_numpy())
    return per_user_ratio(table.permute_items(rng=rng())[0], rng=rng(1))


def quality(split, users, items):
    return embeddings.rank(users, items, split).ndcg


def test_quality_is_that_of_cornac_and_implicit(beauty):
    """NDCG@20 on the 7-core is at least theirs, up to two standard errors of the paired difference."""
    learner = BPR(beauty.train, learning_rate=0.002, l2=0.01, rng=rng(2))

    def judge(u, i):
        return embeddings.rank(u, i, beauty, part="valid").ndcg.mean()

    found = embeddings.fit(learner, judge, epochs=160, every=20, rng=rng(3))
    ours = quality(beauty, found.users, found.items)
    cornac, implicit = pytest.importorskip("cornac"), pytest.importorskip("implicit")
    model = cornac.models.BPR(k=64, max_iter=100, learning_rate=0.05, lambda_reg=0.01, use_bias=False, seed=1)
    rows = [(u, i, 1.0) for u, i in zip(beauty.train.users, beauty.train.items)]
    data = cornac.data.Dataset.build(rows)
    model.fit(data)
    users, items = np.empty((beauty.train.n_users, 64)), np.zeros((beauty.train.n_items, 64))
    users[list(data.uid_map)] = model.u_factors[list(data.uid_map.values())]
    items[list(data.iid_map)] = model.i_factors[list(data.iid_map.values())]
    peers = {"cornac": quality(beauty, users, items)}
    settings = {"factors": 64, "learning_rate": 0.05, "regularization": 0.01, "iterations": 100, "random_state": 1}
    model = implicit.bpr.BayesianPersonalizedRanking(**settings, num_threads=1)
    model.fit(beauty.train.matrix(), show_progress=False)
    peers["implicit"] = quality(beauty, np.asarray(model.user_factors), np.asarray(model.item_factors))
    for name, theirs in peers.items():
        difference = ours - theirs
        error = difference.std() / np.sqrt(len(difference))
        assert difference.mean() > -2 * error, f"{name}: {ours.mean():.4f} against {theirs.mean():.4f}"
        assert theirs.mean() > 0.05, f"{name} is badly set: {theirs.mean():.4f}"
