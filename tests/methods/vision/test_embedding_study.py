"""Training on batches of objects: same pictures for all losses, learning on easy data, none on wrong data, errors."""

import numpy as np
import pytest
import torch
from paperlab.methods.vision import metric_losses as losses
from paperlab.methods.vision.conv_net import embed, linear_map
from paperlab.methods.vision.cuboids import draw_boxes
from paperlab.methods.vision.embedding_study import ClassLoss, Objects, Steps, colour_histograms, fit, pictured, pooled
from paperlab.methods.vision.retrieval import container_recall


def rng(seed=0):
    return np.random.default_rng(seed)


def centroid_loss(batch):
    return losses.centroid_triplet(batch.query.mean(1), batch.gallery.mean(1), margin=0.2)


def features(n=80, d=20, seed=0):
    """Objects whose identity lies in 5 of 20 numbers; the others are larger and mean nothing."""
    draw = rng(seed)
    centre = draw.standard_normal((n, 1, d)) * (np.arange(d) < 5)
    spread = np.where(np.arange(d) < 5, 0.3, 3.0)
    sides = [centre + spread * draw.standard_normal((n, k, d)) for k in (6, 4)]
    return Objects(*(torch.as_tensor(side, dtype=torch.float32) for side in sides))


STEP = {"n_steps": 150, "n_objects": 20, "n_query": 3, "n_gallery": 3, "learning_rate": 1e-2}


def recall(net, objects):
    pair = [embed(net, part, axes=1) for part in (objects.query, objects.gallery)]
    return container_recall(*pair, container=10, rng=rng(9), n_query=3).at[0]


def test_training_finds_the_numbers_that_carry_identity_and_dealt_galleries_do_not():
    objects = features()
    new, found = features(seed=1), {}
    for name, seen in {"true": objects, "dealt": objects.dealt(np.roll(np.arange(80), 1))}.items():
        net = linear_map(20, 8, rng=rng(2))
        fit(net, seen, centroid_loss, Steps(**STEP), rng=rng(3))
        found[name] = recall(net, new)
    assert found["true"] > 0.8
    assert found["dealt"] < found["true"] - 0.3


def test_two_losses_see_the_same_pictures():
    seen = {}
    for name, draws in (("none", 0), ("some", 3)):
        batches = []

        def loss(batch, batches=batches, draws=draws):
            batch.draws(draws)
            batches.append((batch.labels.clone(), batch.query.detach().clone()))
            return batch.query.sum() * 0

        fit(linear_map(20, 4, rng=rng(2)), features(), loss, Steps(**STEP | {"n_steps": 4}), rng=rng(3))
        seen[name] = batches
    for (labels, query), (again, other) in zip(seen["none"], seen["some"]):
        torch.testing.assert_close(labels, again)
        torch.testing.assert_close(query, other)


def test_pairs_with_a_common_side_follow_their_pictures():
    objects = pictured(draw_boxes(8, rng=rng()), 3, size=8, rng=rng(1))

    def loss(batch):
        at = {tuple(x.flatten().tolist()): k for k, x in enumerate(objects.query.flatten(0, 1).mean((2, 3)))}
        query = batch.query  # the network below is the mean colour
        for i, label in enumerate(batch.labels.tolist()):
            for j in range(2):
                k = at[tuple(query[i, j].tolist())] - 3 * label
                there = sorted(map(tuple, objects.common[label, k][None].tolist()[0:1]))
                assert sum(batch.common[i, j].tolist()) == sum(there[0])
        return query.sum() * 0 + one.sum() * 0

    one = torch.nn.Parameter(torch.zeros(1))

    class Colour(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one = one

        def forward(self, x):
            return x.mean((2, 3)) + 0 * self.one

    form = {"n_steps": 2, "n_objects": 5, "n_query": 2, "n_gallery": 6, "unit": False}
    fit(Colour(), objects, loss, Steps(**form), rng=rng(3))


def test_classes_are_learnt():
    objects = features(10)
    head = losses.CosineSoftmax(10, 8, rng=rng(1))
    start = head.classes.detach().clone()
    net = linear_map(20, 8, rng=rng(2))
    history = fit(net, objects, ClassLoss(head, 0.1), Steps(**STEP | {"n_objects": 10}), rng=rng(3))
    assert history[-10:].mean() < 0.5 * history[:10].mean()
    assert not torch.equal(start, head.classes)


def test_histograms_know_colours_and_nothing_else():
    image = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    moved = image.flatten(2)[..., torch.randperm(36, generator=torch.Generator().manual_seed(1))].view(1, 3, 6, 6)
    found = colour_histograms(torch.cat([image, moved, 1 - image]))
    np.testing.assert_allclose(found[0], found[1])
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-12)


def test_pooled_keeps_query_and_gallery_apart_for_any_labels():
    z = np.arange(13.0)[:, None]
    made = pooled(z, ["b"] * 3 + ["a"] * 10, n_query=14, n_gallery=5, rng=rng())
    for k, rows in enumerate((set(range(3, 13)), {0, 1, 2})):
        query, gallery = (set(part[k].flatten().tolist()) for part in (made.query, made.gallery))
        assert not query & gallery and query | gallery == rows


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_objects": 81}, r"n_objects must lie in \[2, 80\]"),
        ({"n_objects": 1}, r"n_objects must lie in \[2, 80\]"),
        ({"n_query": 7}, r"n_query must lie in \[1, 6\]"),
        ({"n_gallery": 0}, r"n_gallery must lie in \[1, 4\]"),
    ],
)
def test_bad_numbers_are_named(changed, message):
    with pytest.raises(ValueError, match=message):
        fit(linear_map(20, 4, rng=rng()), features(), centroid_loss, Steps(**STEP | changed), rng=rng())


def test_objects_with_two_pictures_are_refused_by_name():
    with pytest.raises(ValueError, match="object b has 2 pictures"):
        pooled(np.zeros((5, 2)), list("aaabb"), n_query=2, n_gallery=1, rng=rng())
