"""Page ``centroid_triplet`` against torch, pytorch-metric-learning, the network's own package: equal, then faster.

One thread.
"""

import numpy as np
import pytest
from paperlab.methods.vision import cuboids, retrieval

pytestmark = pytest.mark.usefixtures("one_thread")


def rng(seed=0):
    return np.random.default_rng(seed)


LOSS = "centroid triplet loss and gradient, 26 objects of 10 pictures, 64 numbers (loss agrees to 1e-6)"
N, K, M, DIM, MARGIN = 26, 4, 6, 64, 0.4


@pytest.fixture(scope="module")
def vectors():
    import torch

    z = torch.as_tensor(rng().standard_normal((N, K + M, DIM)), dtype=torch.float32)
    return torch.nn.functional.normalize(z, dim=-1).requires_grad_()


def step_here(vectors):
    from paperlab.methods.vision.metric_losses import centroid_triplet

    vectors.grad = None
    value = centroid_triplet(vectors[:, :K].mean(1), vectors[:, K:].mean(1), margin=MARGIN)
    value.backward()
    return value.item()


def step_loop(vectors):
    """Object by object, each against every other one; the mean over the active, as `centroid_triplet` takes it."""
    import torch

    vectors.grad = None
    loss = torch.nn.TripletMarginLoss(margin=MARGIN, eps=0.0, reduction="sum")
    count = torch.nn.TripletMarginLoss(margin=MARGIN, eps=0.0, reduction="none")
    total, active = 0.0, 0
    for i in range(N):
        others = torch.cat([vectors[:i, K:], vectors[i + 1 :, K:]]).mean(1)
        own = [part.mean(0).expand(N - 1, -1) for part in (vectors[i, :K], vectors[i, K:])]
        total = total + loss(*own, others)
        active += int((count(*own, others) > 0).sum())
    value = total / active
    value.backward()
    return value.item()


@pytest.mark.benchmark(group=LOSS)
def test_loss_here(benchmark, vectors):
    benchmark.extra_info.update(role="ours", label="all pairs at once", agreement="loss to 1e-6")
    assert step_here(vectors) == pytest.approx(step_loop(vectors), abs=1e-6)
    benchmark.pedantic(step_here, args=(vectors,), rounds=30, warmup_rounds=3)


@pytest.mark.benchmark(group=LOSS)
def test_loss_torch_loop(benchmark, vectors):
    benchmark.extra_info.update(role="peer", label="torch, TripletMarginLoss by object", agreement="loss to 1e-6")
    benchmark.pedantic(step_loop, args=(vectors,), rounds=10, warmup_rounds=1)


LISTS = "cumulative matches and average precision, 400 queries by 3,000 pictures (values to 1e-12 of the loop)"


@pytest.fixture(scope="module")
def lists():
    draw = rng(1)
    ids = draw.integers(100, size=400), np.r_[np.arange(100), draw.integers(100, size=2900)]
    cameras = draw.integers(6, size=400), np.r_[np.full(100, 6), draw.integers(6, size=2900)]
    vectors = [draw.standard_normal((n, 32)).astype(np.float32) for n in (400, 3000)]
    return vectors, vectors[0] @ vectors[1].T, ids, cameras


def loop(score, query_id, gallery_id, query_camera, gallery_camera):
    """The protocol of re-identification, a query at a time."""
    precision, first = [], []
    for i in range(len(score)):
        order = np.argsort(-score[i], kind="stable")
        same = gallery_id[order] == query_id[i]
        right = same[~(same & (gallery_camera[order] == query_camera[i]))]
        place = np.flatnonzero(right)
        precision.append(np.mean((np.arange(len(place)) + 1) / (place + 1)))
        first.append(place[0])
    return np.array(precision), np.array(first)


@pytest.mark.benchmark(group=LISTS)
def test_lists_here(benchmark, lists):
    _, score, ids, cameras = lists
    benchmark.extra_info.update(role="ours", label="all lists at once, rule of cameras", agreement="1e-12")
    options = dict(zip(("query_camera", "gallery_camera"), cameras))
    found = retrieval.retrieve(score, *ids, **options)
    precision, first = loop(score, *ids, *cameras)
    np.testing.assert_allclose(found.average_precision, precision, atol=1e-12)
    assert found.cmc[0] == pytest.approx((first == 0).mean())
    benchmark.pedantic(retrieval.retrieve, args=(score, *ids), kwargs=options, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=LISTS)
def test_lists_loop(benchmark, lists):
    _, score, ids, cameras = lists
    benchmark.extra_info.update(role="peer", label="numpy, a query at a time", agreement="1e-12")
    benchmark.pedantic(loop, args=(score, *ids, *cameras), rounds=3)


@pytest.mark.benchmark(group=LISTS)
def test_lists_pytorch_metric_learning(benchmark, lists):
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    (query, gallery), score, ids, _ = lists

    def nearest(query, k, reference, ref_includes_query=False):
        found = query @ reference.T
        return found.sort(dim=1, descending=True)

    names = ("mean_average_precision", "precision_at_1")
    peer = AccuracyCalculator(include=names, k=3000, knn_func=nearest, device=torch.device("cpu"))
    given = [torch.as_tensor(x) for x in (query, ids[0], gallery, ids[1])]
    ours = retrieval.retrieve(score, *ids)
    assert peer.get_accuracy(*given)[names[0]] == pytest.approx(ours.mean_average_precision, abs=1e-6)
    label = "pytorch-metric-learning, no cameras, with its product"
    benchmark.extra_info.update(role="peer", label=label, agreement="1e-6")
    benchmark.pedantic(peer.get_accuracy, args=given, rounds=3)


FEATURES = "EfficientNet-Lite0, 32 pictures of 96 pixels (features agree to 1e-3)"


@pytest.mark.parametrize(("runtime", "role"), [("onnx", "ours"), ("torch", "peer")])
@pytest.mark.benchmark(group=FEATURES)
def test_features(benchmark, runtime, role):
    from paperlab.methods.vision.image_features import Backbone

    images = rng().integers(0, 256, (32, 96, 96, 3)).astype(np.uint8)
    net = Backbone(runtime=runtime)
    if role == "ours":
        peer = Backbone(runtime="torch")(images, size=96)
        np.testing.assert_allclose(net(images, size=96).final_mean, peer.final_mean, atol=1e-3)
    label = {"onnx": "ONNX Runtime", "torch": "efficientnet-lite-pytorch"}[runtime]
    benchmark.extra_info.update(role=role, label=label, agreement="1e-3")
    benchmark.pedantic(net, args=(images,), kwargs={"size": 96}, rounds=4, warmup_rounds=1)


@pytest.mark.benchmark(group="pictures of boxes, 24 pixels, 100 of them (no peer)")
def test_pictures(benchmark):
    boxes = cuboids.draw_boxes(10, rng=rng())
    benchmark.extra_info.update(role="ours", label="ray casting in numpy", agreement="areas in the tests")
    benchmark.pedantic(cuboids.query_pictures, args=(boxes, 10), kwargs={"size": 24, "rng": rng(1)}, rounds=5)
