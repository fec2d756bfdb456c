"""Features and networks see what is on the image, and nothing of the batch, the order or the global generator."""

import numpy as np
import pytest
import torch
from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.weighting import images, simulate


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    b = rng.standard_normal(600)
    return b, simulate.draw_chips(b, rng=rng), simulate.Places.draw(b, rng=rng)


def test_random_features_are_the_moments_of_rectified_filters():
    chips = np.random.default_rng(0).integers(0, 256, (2, 7, 9, 3), dtype=np.uint8)
    found = images.random_features(chips, rng=np.random.default_rng(1), n_filters=2)
    rng = np.random.default_rng(1)
    filters, shift = rng.standard_normal((2, 3, 5, 5)) / 5, rng.standard_normal(2)
    x = (chips.transpose(0, 3, 1, 2) - 100.0) / 40
    windows = np.array([[x[:, :, i : i + 5, j : j + 5] for j in (0, 2, 4)] for i in (0, 2)])
    out = np.maximum(np.einsum("abncij,fcij->nfab", windows, filters) + shift[:, None, None], 0)
    np.testing.assert_allclose(found, np.c_[out.mean((2, 3)), out.std((2, 3))], rtol=1e-4, atol=1e-5)


def test_features_do_not_depend_on_the_batch_or_on_the_neighbours(world):
    _, chips, _ = world
    one, other = (images.random_features(chips[:60], rng=np.random.default_rng(2), batch_size=size) for size in (60, 7))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    turned = images.random_features(chips[:60][::-1], rng=np.random.default_rng(2))
    np.testing.assert_allclose(turned[::-1], one, rtol=1e-4, atol=1e-5)
    assert one.shape == (60, 96)


def test_visible_development_is_standardised_and_sees_edges_and_contrast(world):
    _, chips, _ = world
    score = images.visible_development(chips)
    assert score.mean() == pytest.approx(0, abs=1e-6)
    assert score.std() == pytest.approx(1, abs=1e-6)
    smooth = np.full_like(chips[:20], 90)
    assert images.visible_development(np.concatenate([chips[:20], smooth]))[20:].max() < 0
    flat = np.full((3, 5, 5, 2), 100, np.uint8)
    flat[:, 2, 2, 0] = [110, 110, 130]  # a dot, twice
    flat[1, :, :, 1] = 50  # less of the second band
    score = images.visible_development(flat)
    assert score[1] > score[0] and score[2] > score[0]


def test_visible_development_is_its_equation():
    chips = np.random.default_rng(0).integers(0, 256, (6, 3, 3, 2), dtype=np.uint8)
    b1, b2 = (chips[..., band].astype(float) for band in (0, 1))
    contrast = ((b1 - b2) / (b1 + b2 + 1)).mean((1, 2))
    edges = np.log(np.abs(b1[:, 0, 1] + b1[:, 2, 1] + b1[:, 1, 0] + b1[:, 1, 2] - 4 * b1[:, 1, 1]))
    score = (contrast - contrast.mean()) / contrast.std() + 0.7 * (edges - edges.mean()) / edges.std()
    np.testing.assert_allclose(images.visible_development(chips), score / score.std(), rtol=1e-4)
    with pytest.raises(ValueError, match="two bands and 3 x 3 pixels"):
        images.visible_development(chips[:, :2])


def test_chips_that_show_the_same_cannot_be_standardised(world):
    with pytest.raises(ValueError, match="all the same contrast or edges"):
        images.visible_development(np.full((5, 8, 8, 3), 90, np.uint8))
    with pytest.raises(ValueError, match="two bands and 3 x 3 pixels"):
        images.visible_development(world[1][..., :1])


def placed(b):
    return np.column_stack([b > 0, b < 0]).astype(float)


def test_network_learns_out_of_fold(world):
    b, chips, places = world
    folds = np.arange(600) % 2
    found = images.cnn_propensity(chips, places.x, placed(b), folds, rng=np.random.default_rng(1), n_epochs=4)
    assert found.shape == (600, 2)
    assert auroc(found[:, 0], b > 0) > 0.6 and auroc(found[:, 1], b < 0) > 0.6
    swapped = np.where((folds == 0)[:, None], 1 - placed(b), placed(b))
    again = images.cnn_propensity(chips, places.x, swapped, folds, rng=np.random.default_rng(1), n_epochs=4)
    np.testing.assert_array_equal(again[folds == 0], found[folds == 0])  # a fold does not see its own placement


def test_network_is_the_generators_and_nobody_elses(world):
    b, chips, places = world
    few = {"chips": chips[:100], "tabular": places.x[:100], "treatments": placed(b)[:100], "folds": np.arange(100) % 2}

    def run(seed, **changed):
        return images.cnn_propensity(**few | changed, rng=np.random.default_rng(seed), n_epochs=1)

    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    base = run(1)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(2)
    np.testing.assert_array_equal(run(1), base)
    assert not np.allclose(run(2), base)
    np.testing.assert_array_equal(run(1, folds=[f"fold {k}" for k in few["folds"]]), base)
    np.testing.assert_allclose(run(1, tabular=few["tabular"] * [1e-9, 1, 1e6, 1, 1]), base, atol=1e-4)
    constant = np.column_stack([few["tabular"][:, :0], np.full(100, 0.1)])
    assert np.isfinite(run(1, tabular=constant)).all()
    assert run(1, tabular=few["tabular"][:, :0]).shape == (100, 2)


def test_bad_images_are_named(world):
    b, chips, places = world
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"images must be one array \(n, H, W, C\) of uint8, got list"):
        images.random_features([chips[0], chips[1].astype(float)], rng=rng)
    with pytest.raises(ValueError, match=r"images must be one array .* float32"):
        images.random_features(chips.astype(np.float32) / 255, rng=rng)
    with pytest.raises(ValueError, match="images must be one array"):
        images.visible_development(chips[0])
    with pytest.raises(ValueError, match="5 x 5 pixels"):
        images.random_features(chips[:, :4], rng=rng)
    folds = np.arange(600) % 2
    with pytest.raises(ValueError, match="tabular is nan in row 3"):
        x = np.where(np.arange(600)[:, None] == 3, np.nan, places.x)
        images.cnn_propensity(chips, x, placed(b), folds, rng=rng)
    with pytest.raises(ValueError, match="treatments must be 0 or 1"):
        images.cnn_propensity(chips, places.x, 2 * placed(b), folds, rng=rng)
    with pytest.raises(ValueError, match=r"must be \(600, k\)"):
        images.cnn_propensity(chips, places.x, placed(b)[:, 0], folds, rng=rng)
    for options in ({"n_epochs": 0}, {"batch_size": 0}, {"learning_rate": 0}):
        with pytest.raises(ValueError, match="n_epochs and batch_size must be 1 or more and learning_rate above 0"):
            images.cnn_propensity(chips, places.x, placed(b), folds, rng=rng, **options)
    with pytest.raises(ValueError, match="all units are in one fold"):
        images.cnn_propensity(chips, places.x, placed(b), np.zeros(600), rng=rng)
    with pytest.raises(ValueError, match="column 1 has one class only outside fold north"):
        w = np.column_stack([b > 0, folds == 1])
        images.cnn_propensity(chips, places.x, w, np.array(["south", "north"])[folds], rng=rng, n_epochs=1)
