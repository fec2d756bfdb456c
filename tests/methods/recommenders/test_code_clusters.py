"""Codes from co-occurrence: planted groups are found, every item has a place, no later item matters."""

import numpy as np
import pytest
from paperlab.methods.recommenders.code_clusters import cluster_codes, cooccurrence
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.item_codes import check_codes
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

RNG = np.random.default_rng


def histories(n_groups=4, size=12, n_users=300, *, seed=0, loyal=0.95):
    """Users of one group each who rarely leave it; items are numbered by lot."""
    rng = RNG(seed)
    group = rng.permutation(np.repeat(np.arange(n_groups), size))
    items = []
    for user in range(n_users):
        own, any_ = np.flatnonzero(group == user % n_groups), np.arange(len(group))
        pick = rng.random(6) < loyal
        items.append(np.where(pick, rng.choice(own, 6), rng.choice(any_, 6)))
    return Interactions(np.arange(0, 6 * n_users + 1, 6), np.concatenate(items), len(group)), group


def test_cooccurrence_counts_histories_with_both():
    table = Interactions(np.array([0, 3, 5, 6]), np.array([0, 1, 1, 1, 0, 2]), 4)
    found = cooccurrence(table).toarray()
    assert found[0, 1] == found[1, 0] == 2 and found.sum() == 4 and not found.diagonal().any()
    assert cooccurrence(table, last=2).toarray()[0, 1] == 1


def test_planted_groups_are_the_first_letters():
    table, group = histories()
    codes = check_codes(cluster_codes(cooccurrence(table), n_clusters=4, leaf_cap=12, rng=RNG(1)))
    assert adjusted_rand_score(group, codes[:, 0]) > 0.95
    assert codes.shape[1] <= 3


@pytest.mark.parametrize("size", [12, 120])  # solved densely, and by products
def test_groups_without_a_link_between_them_are_told_apart_exactly(size):
    table, group = histories(size=size, n_users=40 * size, loyal=1.0)
    codes = cluster_codes(cooccurrence(table), n_clusters=4, leaf_cap=size, rng=RNG(1))
    assert adjusted_rand_score(group, codes[:, 0]) == 1


def test_the_clusters_are_those_of_scikit_learn():
    table, group = histories(size=120, n_users=6000, loyal=0.8)
    graph = cooccurrence(table)
    ours = cluster_codes(graph, n_clusters=4, leaf_cap=480 // 2, rng=RNG(1))[:, 0]
    peer = SpectralClustering(4, affinity="precomputed", assign_labels="cluster_qr", random_state=0).fit_predict(graph)
    assert adjusted_rand_score(ours, peer) > 0.98
    assert adjusted_rand_score(ours, group) > 0.95


def test_no_cluster_at_the_end_is_larger_than_the_cap():
    table, _ = histories()
    codes = check_codes(cluster_codes(cooccurrence(table), n_clusters=2, leaf_cap=5, rng=RNG(1)))
    path = codes.copy()
    path[np.arange(len(codes)), (codes >= 0).sum(1) - 1] = -1
    assert np.unique(path, axis=0, return_counts=True)[1].max() <= 5


def test_cyclic_letters_come_from_one_alphabet_and_siblings_differ():
    table, group = histories()
    codes = check_codes(cluster_codes(cooccurrence(table), n_clusters=4, leaf_cap=6, numbering="cyclic", rng=RNG(1)))
    assert codes.max() < 6
    assert adjusted_rand_score(group, codes[:, 0]) > 0.95
    assert len(np.unique(codes[:, 0])) == 4


def test_items_that_nobody_has_with_another_get_codes_too():
    table, _ = histories()
    graph = cooccurrence(table).toarray()
    graph[:5] = graph[:, :5] = 0
    check_codes(cluster_codes(graph, n_clusters=3, leaf_cap=8, rng=RNG(0)))
    nothing = cluster_codes(np.zeros((40, 40)), n_clusters=3, leaf_cap=8, rng=RNG(0))
    assert len(check_codes(nothing)) == 40


def test_codes_do_not_depend_on_the_numbers_of_the_items():
    """Groups are found whatever the items are called, and inside a group the letter is drawn by lot."""
    table, group = histories()
    graph, order = cooccurrence(table), RNG(5).permutation(48)
    codes = cluster_codes(graph[order][:, order], n_clusters=4, leaf_cap=12, rng=RNG(1))
    assert adjusted_rand_score(group[order], codes[:, 0]) > 0.95
    number = [np.corrcoef(np.arange(12), codes[codes[:, 0] == each][:, 1])[0, 1] for each in range(4)]
    assert abs(np.mean(number)) < 0.6


def test_the_same_seed_gives_the_same_codes():
    graph = cooccurrence(histories()[0])
    one, two = (cluster_codes(graph, n_clusters=3, leaf_cap=6, rng=RNG(2)) for _ in range(2))
    assert (one == two).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 1}, "n_clusters must be at least 2, got 1"),
        ({"leaf_cap": 0}, "leaf_cap must be at least 1, got 0"),
        ({"numbering": "free"}, "numbering must be one of own, cyclic, got 'free'"),
        ({"numbering": "cyclic", "leaf_cap": 2}, "n_clusters must not exceed leaf_cap = 2 with cyclic letters, got 3"),
        ({"graph": np.ones((2, 3))}, r"graph must be square, got shape \(2, 3\)"),
        ({"graph": np.array([[0, 1.0], [0, 0]])}, "graph must be symmetric"),
        ({"graph": np.array([[0, -1.0], [-1, 0]])}, "graph must have finite weights from 0, got -1"),
        ({"graph": np.array([[0, np.nan], [np.nan, 0]])}, "graph must have finite weights from 0, got nan"),
    ],
)
def test_bad_input_is_refused(change, message):
    settings = {"graph": np.ones((4, 4)), "n_clusters": 3, "leaf_cap": 5} | change
    with pytest.raises(ValueError, match=message):
        cluster_codes(settings.pop("graph"), **settings, rng=RNG(0))


def test_one_item_has_no_partner():
    with pytest.raises(ValueError, match="last must be at least 2, got 1"):
        cooccurrence(histories()[0], last=1)
