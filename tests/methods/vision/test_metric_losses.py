"""Losses: closed forms, limits and symmetries; torch and pytorch-metric-learning beside them."""

import math

import numpy as np
import pytest
import torch
from paperlab.methods.vision import metric_losses as losses


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def by_hand(anchor, positive, owner, margin):
    """Equation (2), triplet by triplet, mean over the active ones."""
    active = []
    for a, own in zip(anchor, owner):
        for k in range(len(positive)):
            value = (a - positive[own]).norm() - (a - positive[k]).norm() + margin
            if k != own and value > 0:
                active.append(value)
    return sum(active) / max(len(active), 1)


def test_centroids_are_means_for_any_number_of_pictures():
    z, labels = draw(7, 3), torch.tensor([0, 0, 0, 1, 2, 2, 2])
    expected = torch.stack([z[labels == k].mean(0) for k in range(3)])
    torch.testing.assert_close(losses.centroids(z, labels, 3), expected)
    order = torch.tensor([6, 2, 4, 0, 1, 3, 5])
    torch.testing.assert_close(losses.centroids(z[order], labels[order], 3), expected)


def test_the_released_count_shrinks_centroids_and_leaves_their_cosine():
    z, labels = draw(6, 3), torch.tensor([0, 0, 0, 1, 1, 1])
    mean, released = (losses.centroids(z, labels, 2, count_from=k) for k in (0, 1))
    torch.testing.assert_close(released, mean * 3 / 4)


def test_centroid_triplet_equals_its_equation():
    anchor, gallery = draw(5, 4), draw(5, 4, seed=1)
    found = losses.centroid_triplet(anchor, gallery, margin=0.5)
    assert found.item() == pytest.approx(by_hand(anchor, gallery, range(5), 0.5).item(), abs=1e-9)


def test_two_objects_at_a_known_distance():
    """Anchors on their own gallery at distance r of the other: margin - r where positive, zero beyond."""
    for r, expected in ((0.1, 0.1), (0.3, 0.0)):
        points = torch.tensor([[0.0, 0.0], [r, 0.0]], dtype=torch.float64)
        assert losses.centroid_triplet(points, points, margin=0.2).item() == pytest.approx(expected, abs=1e-9)


def test_rotation_and_names_do_not_matter_and_scale_goes_with_the_margin():
    anchor, gallery = draw(6, 4), draw(6, 4, seed=1)
    value = losses.centroid_triplet(anchor, gallery, margin=0.3)
    turn = torch.linalg.qr(draw(4, 4, seed=2))[0]
    torch.testing.assert_close(losses.centroid_triplet(anchor @ turn, gallery @ turn, margin=0.3), value)
    torch.testing.assert_close(losses.centroid_triplet(7 * anchor, 7 * gallery, margin=2.1), 7 * value)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    torch.testing.assert_close(losses.centroid_triplet(anchor[order], gallery[order], margin=0.3), value)


def test_one_negative_equals_torch_triplet_margin_loss_where_all_are_active():
    """torch takes the mean over all triplets, ours over the active ones: a wide margin makes them one."""
    z, labels = draw(24, 4), torch.arange(4).repeat_interleave(6)
    anchor = torch.stack([z[labels == k][:3].mean(0) for k in range(4)])
    counts = torch.zeros(4, 4, dtype=z.dtype)
    gallery = counts.scatter_reduce(0, labels[:, None].expand(-1, 4), z, "mean", include_self=False)
    negative = torch.tensor([1, 2, 3, 0])
    peer = torch.nn.TripletMarginLoss(margin=10.0, eps=0.0)(anchor, gallery, gallery[negative])
    found = losses.centroid_triplet(anchor, losses.centroids(z, labels, 4), margin=10.0, negative=negative)
    assert found.item() == pytest.approx(peer.item(), abs=1e-6)


def test_instance_form_equals_pytorch_metric_learning():
    from pytorch_metric_learning import distances, reducers
    from pytorch_metric_learning.losses import TripletMarginLoss

    n, k, l = 5, 2, 3
    query, gallery = draw(n, k, 4), draw(n, l, 4, seed=1)
    draws = draw(n, k, l, seed=2).sigmoid()
    found = losses.instance_triplet(query, gallery, margin=0.4, draws=draws)
    vectors = torch.cat([query.reshape(-1, 4), gallery.reshape(-1, 4)])
    triplets = []
    for a in range(n * k):
        own = a // k
        positive = n * k + own * l + int(draws.reshape(n * k, l)[a].argmax())
        triplets += [(a, positive, n * k + m) for m in range(n * l) if m // l != own]
    indices = tuple(torch.tensor(part) for part in zip(*triplets))
    plain = distances.LpDistance(normalize_embeddings=False)
    peer = TripletMarginLoss(margin=0.4, distance=plain, reducer=reducers.AvgNonZeroReducer())
    labels = torch.cat([torch.arange(n).repeat_interleave(k), torch.arange(n).repeat_interleave(l)])
    assert found.item() == pytest.approx(peer(vectors, labels, indices).item(), abs=1e-6)


def test_with_one_picture_each_all_triplet_losses_are_one():
    query, gallery = draw(6, 1, 4), draw(6, 1, 4, seed=1)
    ctl = losses.centroid_triplet(query[:, 0], gallery[:, 0], margin=0.5)
    single = losses.instance_triplet(query, gallery, margin=0.5, draws=torch.ones(6, 1, 1))
    torch.testing.assert_close(single, ctl)


def test_pairs_that_are_not_allowed_are_never_positives():
    query, gallery = draw(3, 2, 4), draw(3, 2, 4, seed=1)
    allowed = torch.zeros(3, 2, 2, dtype=torch.bool)
    allowed[..., 0] = True
    gallery[:, 1] += 1000  # as a positive it would cost a thousand
    value = losses.instance_triplet(query, gallery, margin=0.2, draws=torch.ones(3, 2, 2), allowed=allowed)
    assert value < 10
    none = losses.instance_triplet(query, gallery, margin=0.2, draws=torch.ones(3, 2, 2), allowed=allowed & False)
    assert none == 0


def test_hardest_pairs_bound_all_others():
    query, gallery = draw(4, 3, 5), draw(4, 3, 5, seed=1)
    hardest = losses.hardest_triplet(query, gallery, margin=0.3)
    distance = torch.cdist(query.reshape(12, 5), gallery.reshape(12, 5))
    same = torch.arange(12)[:, None] // 3 == torch.arange(12) // 3
    for seed in range(5):
        order = draw(12, 12, seed=seed)
        p = torch.where(same, order, -torch.inf).argmax(1)
        n = torch.where(~same, order, -torch.inf).argmax(1)
        rows = torch.arange(12)
        assert (distance[rows, p] - distance[rows, n] + 0.3).clamp_min(0).mean() <= hardest + 1e-12


def test_cosine_softmax_of_orthogonal_classes_has_its_closed_form():
    head = losses.CosineSoftmax(3, 3, rng=np.random.default_rng(0), scale=4.0)
    with torch.no_grad():
        head.classes.copy_(torch.eye(3))
    found = head(torch.eye(3), torch.arange(3), margin=0.25)
    assert found.item() == pytest.approx(math.log(1 + 2 * math.exp(-4 * 0.75)), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.centroid_triplet(draw(2, 3), draw(2, 3), margin=0.0), "margin must be positive, got 0.0"),
        (lambda: losses.centroid_triplet(draw(3, 3), draw(2, 3), margin=0.1), "say in owner"),
        (
            lambda: losses.centroid_triplet(draw(2, 3), draw(2, 3), margin=0.1, negative=torch.tensor([1, 1])),
            "must not be the anchor's own",
        ),
        (lambda: losses.centroids(draw(2, 3), torch.tensor([0, 2]), 3), "object 1 has no picture"),
        (lambda: losses.centroids(draw(2, 3), torch.tensor([0, 5]), 2), r"labels must lie in \[0, 1\]"),
        (lambda: losses.CosineSoftmax(2, 2, rng=np.random.default_rng(0), scale=0), "scale must be positive"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
