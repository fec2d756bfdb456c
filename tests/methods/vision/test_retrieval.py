"""Recall in containers, cumulative matches and average precision: chance, perfection, ties, peers."""

import numpy as np
import pytest
from paperlab.methods.vision import retrieval


def rng(seed=0):
    return np.random.default_rng(seed)


def test_vectors_that_say_nothing_are_found_by_chance():
    draw = rng()
    query, gallery = draw.standard_normal((400, 1, 16)), draw.standard_normal((400, 1, 16))
    found = retrieval.container_recall(query, gallery, container=8, rng=rng(1), n_rounds=20)
    np.testing.assert_allclose(found.at, found.chance, atol=0.03)
    np.testing.assert_allclose(found.chance, [1 / 8, 2 / 8, 3 / 8])


def test_equal_vectors_are_no_finding():
    """All scores equal: the mean place of ties, never the first."""
    z = np.ones((10, 1, 3))
    assert retrieval.container_recall(z, z, container=5, rng=rng()).at.tolist() == [0, 0, 1]


def test_recall_does_not_fall_with_k_and_not_rise_with_the_container():
    draw = rng()
    query = draw.standard_normal((60, 4, 8))
    gallery = query.mean(1, keepdims=True) + draw.standard_normal((60, 3, 8))
    firsts = []
    for container in (2, 10, 50):
        found = retrieval.container_recall(query, gallery, container=container, rng=rng(1), n_query=4, n_rounds=20)
        assert (np.diff(found.at) >= 0).all()
        firsts.append(found.at[0])
    assert firsts[0] > firsts[1] > firsts[2]


def test_scale_of_single_vectors_matters_to_the_centroid_scale_of_all_does_not():
    query, gallery = rng().standard_normal((2, 20, 3, 5))
    score = retrieval.similarity(query, gallery)
    np.testing.assert_allclose(retrieval.similarity(7 * query, 0.1 * gallery), score)
    np.testing.assert_allclose(retrieval.similarity(query[:, ::-1], gallery[:, ::-1]), score)


def test_centroid_score_ranks_as_sklearns_nearest_centroid_on_the_sphere():
    from sklearn.neighbors import NearestCentroid

    gallery = rng().standard_normal((12, 4, 6))
    query = rng(1).standard_normal((12, 1, 6))
    centres = retrieval.unit(gallery.mean(1))
    off = 0.01 * rng(2).standard_normal(centres.shape)  # it wants two points about each centre
    peer = NearestCentroid().fit(np.concatenate([centres + off, centres - off]), np.arange(24) % 12)
    peer = peer.predict(retrieval.unit(query[:, 0]))
    np.testing.assert_array_equal(retrieval.similarity(query, gallery).argmax(1), peer)


def loop(score, query_id, gallery_id, query_camera, gallery_camera):
    """The protocol of re-identification written out."""
    found, firsts = [], []
    for i in range(len(score)):
        order = np.argsort(-score[i], kind="stable")
        order = [j for j in order if not (gallery_id[j] == query_id[i] and gallery_camera[j] == query_camera[i])]
        right = [gallery_id[j] == query_id[i] for j in order]
        places = np.flatnonzero(right)
        found.append(np.mean([(k + 1) / (place + 1) for k, place in enumerate(places)]))
        firsts.append(places[0])
    cmc = [np.mean(np.array(firsts) <= k) for k in range(score.shape[1])]
    return np.array(cmc), np.array(found)


def made(n=40, m=200):
    draw = rng(5)
    ids = draw.integers(10, size=n), np.r_[np.arange(10), draw.integers(10, size=m - 10)]
    cameras = draw.integers(2, size=n), np.r_[np.full(10, 2), draw.integers(3, size=m - 10)]
    return draw.standard_normal((n, m)), *ids, *cameras


def test_retrieval_equals_the_loop_with_the_rule_of_cameras():
    score, qi, gi, qc, gc = made()
    found = retrieval.retrieve(score, qi, gi, query_camera=qc, gallery_camera=gc)
    cmc, precision = loop(score, qi, gi, qc, gc)
    np.testing.assert_allclose(found.average_precision, precision, atol=1e-12)
    np.testing.assert_allclose(found.cmc, cmc, atol=1e-12)


def test_retrieval_equals_pytorch_metric_learning_without_cameras():
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    query, gallery = rng(1).standard_normal((30, 8)), rng(2).standard_normal((100, 8))
    qi, gi = rng(3).integers(5, size=30), np.r_[np.arange(5), rng(4).integers(5, size=95)]
    found = retrieval.retrieve(-((query[:, None] - gallery) ** 2).sum(-1), qi, gi)

    def nearest(query, k, reference, ref_includes_query=False):
        distance, order = torch.cdist(query, reference).sort(dim=1)
        return distance[:, :k], order[:, :k]

    peer = AccuracyCalculator(
        include=("mean_average_precision", "precision_at_1"), k=100, knn_func=nearest, device=torch.device("cpu")
    ).get_accuracy(*(torch.as_tensor(x) for x in (query, qi, gallery, gi)))
    assert found.mean_average_precision == pytest.approx(peer["mean_average_precision"], abs=1e-6)
    assert found.cmc[0] == pytest.approx(peer["precision_at_1"], abs=1e-6)


def test_ties_keep_the_order_of_the_gallery():
    score = np.array([[0.5, 0.5, 0.5, 0.9]])
    assert retrieval.retrieve(score, ["a"], ["b", "a", "c", "d"]).average_precision == pytest.approx(1 / 3)
    assert retrieval.retrieve(score, ["a"], ["a", "b", "c", "d"]).average_precision == pytest.approx(1 / 2)


def test_a_perfect_list_has_precision_one_and_names_do_not_matter():
    ids = np.array(["a", "b", "c", "a", "b"])
    score = (ids[:3, None] == ids).astype(float)
    found = retrieval.retrieve(score, ids[:3], ids)
    np.testing.assert_allclose(found.average_precision, 1)
    assert found.cmc[0] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: retrieval.container_recall(z, z, container=1, rng=rng()), r"container must lie in \[2, 4\]"),
        (lambda z: retrieval.container_recall(z, z, container=3, rng=rng(), n_query=2), "n_query must lie in"),
        (lambda z: retrieval.container_recall(z, z[:3], container=3, rng=rng()), "same objects"),
        (lambda z: retrieval.similarity(z, z, how="worst"), "how must be 'centroid' or 'best'"),
        (lambda z: retrieval.ranks(np.eye(2), np.arange(2), np.array([[0], [0]])), "must not hold the right object"),
        (lambda z: retrieval.ranks(np.eye(2), np.arange(2), np.zeros((2, 0), int)), "at least one other"),
        (lambda z: retrieval.retrieve(np.eye(2), ["a", "b"], ["a", "c"]), r"query 1 \(b\) has no picture"),
        (lambda z: retrieval.retrieve(np.eye(2), [1, 2], [1, 2], query_camera=[1, 1]), "must be given together"),
        (lambda z: retrieval.retrieve(np.array([[1.0], [np.nan]]), [1, 1], [1]), "score must be finite, row 1 is not"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.eye(4)[:, None])
