"""Comparisons side by side: pairing, own images, distance to the optimum, pooling."""

import numpy as np
import pytest
import torch
from paperlab.methods.diffusion import optimum, study
from paperlab.methods.diffusion.denoisers import StackedDenoiser
from paperlab.methods.diffusion.training import Schedule


def rng(seed=0):
    return np.random.default_rng(seed)


def small(n_labels, seeds):
    return StackedDenoiser(6, seeds, n_labels=n_labels, width=24, depth=1)


def test_a_label_of_its_own_makes_copies_before_anything_else_does():
    images = rng().uniform(-1, 1, (6, 6))
    ways = study.ways_to_label(np.arange(6) % 2, n_classes=2, rng=rng(1))
    found = study.compare(images, ways, Schedule(4000, 48), small, rng=rng(2), n_samples=200, n_snapshots=3)
    last = found.last()
    assert last["unique"] > 0.9
    assert last["unique"] >= last["none"]
    assert found.shares().shape == (3, 4)
    np.testing.assert_allclose(found.epochs, [4000 / 3, 8000 / 3, 4000], rtol=0.01)
    assert found.shares(0.9)[-1].min() >= found.shares(0.1)[-1].min()


def test_own_images_are_searched_for_each_model():
    images = rng().uniform(-1, 1, (2, 4, 6))
    ways = {"one": np.arange(4), "other": np.arange(4)}
    found = study.compare(images, ways, Schedule(5000, 48), small, rng=rng(2), n_samples=100)
    assert min(found.last().values()) > 0.9
    wrong = study.copies.two_nearest(found.samples[0], images[1]).share()
    assert wrong < 0.3


class Optimum(torch.nn.Module):
    """The closed form in the clothes of a model."""

    def __init__(self, images, error):
        super().__init__()
        self.images, self.error = images, error

    def forward(self, z, sigma, labels):
        best = optimum.denoise(z.double().numpy(), float(sigma[0]), self.images)
        return torch.as_tensor(best + self.error, dtype=torch.float32).expand(len(labels), *z.shape)


def test_distance_to_the_optimum_is_that_of_a_known_error():
    images = rng().uniform(-1, 1, (9, 6))
    labels = np.zeros((2, 9))
    for error in (0.0, 0.1):
        model = Optimum(images, error)
        found = study.distance_to_optimum(model, images, labels, 0.3, rng=rng(1))
        np.testing.assert_allclose(found, [error**2] * 2, atol=1e-5)


def test_pooling_keeps_the_mean_and_takes_colours():
    images = rng().uniform(size=(3, 8, 8, 3))
    np.testing.assert_allclose(study.pooled(images, 4).mean((1, 2)), images.mean((1, 2)))
    assert study.pooled(images, 4).shape == (3, 2, 2, 3)


def test_random_labels_are_even_and_say_nothing():
    true = np.repeat(np.arange(10), 1000)
    ways = study.ways_to_label(true, n_classes=10, rng=rng(3))
    counts = np.histogram2d(ways["random"], true, bins=10)[0]
    assert abs(counts - 100).max() < 50


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (
            lambda: study.compare(np.zeros((2, 6)), {"a": [0, 0]}, Schedule(1), small, rng=rng(), n_samples=0),
            "n_samples",
        ),
        (
            lambda: study.compare(
                np.zeros((2, 6)), {"a": [0, 0]}, Schedule(1), small, rng=rng(), n_samples=1, redraw={"b": 2}
            ),
            "redraw names",
        ),
        (lambda: study.ways_to_label([0], n_classes=0, rng=rng()), "n_classes"),
        (lambda: study.pooled(np.zeros((1, 5, 4)), 2), "factor"),
    ],
)
def test_bad_values_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
