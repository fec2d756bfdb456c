"""The frozen network: two runtimes agree, pictures do not mix, it knows photographs, nothing is downloaded."""

import socket

import numpy as np
import pytest
from paperlab.methods.vision import image_features
from paperlab.methods.vision.image_features import Backbone, Features


@pytest.fixture(scope="module")
def backbone():
    return Backbone()


def pictures(n=3, size=40):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [32, 64, 96])
def test_onnx_runtime_equals_torch(backbone, size):
    a, b = (net(pictures(), size=size) for net in (backbone, Backbone(runtime="torch")))
    for name in Features.__dataclass_fields__:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-3)
    assert a.middle_mean.shape == (3, 80) and a.final_spread.shape == (3, 1280)


def test_pictures_do_not_mix_and_grey_is_three_equal_colours(backbone):
    images = pictures()
    together, alone = backbone(images, size=64), backbone(images[1:2], size=64)
    np.testing.assert_allclose(together.final_mean[1:2], alone.final_mean, atol=1e-4)
    grey = images[..., 0]
    stacked = np.repeat(grey[..., None], 3, axis=3)
    np.testing.assert_allclose(backbone(grey, size=64).final_mean, backbone(stacked, size=64).final_mean, atol=1e-6)


def test_bytes_and_shares_are_one_picture(backbone):
    images = pictures()
    a, b = backbone(images, size=64), backbone(images / 255, size=64)
    np.testing.assert_allclose(a.final_mean, b.final_mean, atol=1e-4)


@pytest.mark.parametrize(("photo", "number"), [("flower.jpg", 985), ("china.jpg", 698)])
def test_the_network_knows_photographs(photo, number):
    """A dahlia is next to the daisy (985), a Chinese roof a palace (698): among the first two of a thousand classes."""
    import torch
    from sklearn.datasets import load_sample_image

    net = image_features.torch_network("efficientnet-lite0").net
    image = load_sample_image(photo)[:, 106:533]
    maps = net.extract_features(torch.as_tensor(image_features.prepared(image[None], 224)))
    assert number in net._fc(maps.mean((2, 3)))[0].topk(2).indices.tolist()


def test_nothing_is_downloaded(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in ("TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    Backbone()(pictures(1), size=32)
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_runtime_torch_takes_over_with_a_warning(monkeypatch):
    def missing(*args):
        raise ImportError("No module named 'onnxruntime'")

    monkeypatch.setattr(image_features, "_onnx_session", missing)
    with pytest.warns(RuntimeWarning, match="torch is slower"):
        net = Backbone()
    assert net(pictures(1), size=32).final_mean.shape == (1, 1280)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: Backbone("resnet"), "name must be one of efficientnet-lite0"),
        (lambda net: Backbone(runtime="jax"), "runtime must be 'onnx' or 'torch'"),
        (lambda net: net(pictures()[0, ..., 0], size=64), r"images must have shape .* got \(40, 40\)"),
        (lambda net: net(pictures(), size=16), "size must be at least 32"),
        (lambda net: net(pictures().astype(float), size=64), r"lie in \[0, 1\]"),
    ],
)
def test_bad_input_is_named(backbone, call, message):
    with pytest.raises(ValueError, match=message):
        call(backbone)
