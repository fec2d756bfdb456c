import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.weighting import effects as wt
from paperlab.methods.weighting import images as ic
from paperlab.methods.weighting import simulate


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    b = rng.standard_normal(1500)
    return b, simulate.draw_chips(b, rng), simulate.Places.draw(b, rng)


def test_chips_show_development_in_part(world):
    b, chips, _ = world
    assert chips.shape == (1500, 32, 32, 3)
    assert chips.dtype == np.uint8
    roofs = (chips.min(-1) > 200).sum((1, 2))
    assert 0.3 < np.corrcoef(roofs, b)[0, 1] < 0.9
    features = ic.random_features(chips, np.random.default_rng(1))
    assert features.shape == (1500, 96)
    centred = (features - features.mean(0)) / features.std(0)
    half = slice(0, 1000)
    coef = np.linalg.solve(centred[half].T @ centred[half] + 30 * np.eye(96), centred[half].T @ b[half])
    r2 = 1 - np.mean((b[1000:] - centred[1000:] @ coef) ** 2) / b[1000:].var()
    assert 0.25 < r2 < 0.7


def test_features_do_not_depend_on_the_batch(world):
    _, chips, _ = world
    one, other = (ic.random_features(chips[:60], np.random.default_rng(2), batch=size) for size in (60, 7))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_donors_differ_as_stated():
    rng = np.random.default_rng(3)
    places = simulate.Places.draw(rng.standard_normal(60_000), rng)
    looks, hides = simulate.Donor("a", 1.0, 0.2, 1.0), simulate.Donor("b", 0.0, 1.0, 2.0)
    w = places.assign(looks, rng)
    assert metrics.auc(places.b, w) > 0.7
    assert metrics.auc(places.b, places.assign(looks, rng, -1.0)) < 0.3
    assert metrics.auc(places.b, places.assign(hides, rng)) == pytest.approx(0.5, abs=0.01)
    assert metrics.auc(places.h, places.assign(hides, rng)) > 0.7
    base = places.wealth(0 * w, 1.0)
    np.testing.assert_allclose(places.wealth(w, 1.0) - base, w)
    np.testing.assert_allclose(places.wealth(0 * w, 1.0, 2.0) - base, 2 * places.h)
    coef = np.linalg.lstsq(np.column_stack([np.ones(60_000), places.b, places.x]), base, rcond=None)[0]
    np.testing.assert_allclose(coef, [25, 5, 2, 2, 0, 0, 0], atol=0.1)


def test_true_propensity_recovers_the_effect_and_a_hidden_driver_does_not():
    rng = np.random.default_rng(4)
    places = simulate.Places.draw(rng.standard_normal(60_000), rng)
    donor = simulate.Donor("China", 0.5, 1.0, 2.0)
    w = places.assign(donor, rng)
    e = 1 / (1 + np.exp(1.2 - 0.5 * places.b - 0.5 * places.x[:, 1] - places.h))
    assert wt.hajek(places.wealth(w, 2.0, 2.0), w, e).value == pytest.approx(2, abs=0.3)
    seen = wt.propensity(np.column_stack([places.b, places.x]), w, np.arange(60_000) % 3, 10.0)
    assert wt.hajek(places.wealth(w, 2.0), w, seen).value == pytest.approx(2, abs=0.2)
    assert wt.hajek(places.wealth(w, 2.0, 2.0), w, seen).value > 3


def test_crops_come_from_their_source():
    images = np.random.default_rng(5).integers(0, 256, (4, 35, 35, 3), dtype=np.uint8)
    chips, source = simulate.crop_chips(images, 40, np.random.default_rng(6))
    assert chips.shape == (40, 32, 32, 3)
    for chip, origin in zip(chips[:10], images[source[:10]], strict=True):
        shapes = [np.rot90(flipped, k) for flipped in (chip, chip[:, ::-1]) for k in range(4)]
        crops = [origin[i : i + 32, j : j + 32] for i in range(4) for j in range(4)]
        assert any(np.array_equal(a, b) for a in shapes for b in crops)


def test_visible_development_is_standardised_and_sees_edges(world):
    _, chips, _ = world
    score = ic.visible_development(chips)
    assert score.mean() == pytest.approx(0, abs=1e-6)
    assert score.std() == pytest.approx(1, abs=1e-6)
    smooth = np.full_like(chips[:20], 90)
    assert ic.visible_development(np.concatenate([chips[:20], smooth]))[20:].max() < 0


def test_network_learns_out_of_fold_and_repeats(world):
    b, chips, places = world
    w = np.column_stack([b > 0, b < 0]).astype(float)[:600]
    folds = np.arange(600) % 2
    found = ic.cnn_propensity(chips[:600], places.x[:600], w, folds, 1, epochs=4)
    assert found.shape == (600, 2)
    assert metrics.auc(found[:, 0], w[:, 0]) > 0.6
    np.testing.assert_array_equal(found, ic.cnn_propensity(chips[:600], places.x[:600], w, folds, 1, epochs=4))
    assert ic.cnn_propensity(chips[:100], places.x[:100, :0], w[:100], folds[:100], 1, epochs=1).shape == (100, 2)


def test_imputed_panel_shrinks_changes():
    rng = np.random.default_rng(7)
    _, w, y, imputed = simulate.draw_panel(40_000, rng, tau=2.0, rho=0.6)
    switching = (w.max(1) > w.min(1)).mean()
    assert switching == pytest.approx(0.05, abs=0.01)
    assert wt.fixed_effects(y, w)[0] == pytest.approx(2, abs=0.2)
    assert wt.fixed_effects(imputed, w)[0] == pytest.approx(1.2, abs=0.2)


def test_bad_images_are_named(world):
    _, chips, _ = world
    with pytest.raises(ValueError, match=r"images must be one array \(n, H, W, C\) of one type, got list"):
        ic.random_features([chips[0], chips[1].astype(float)], np.random.default_rng(0))
    with pytest.raises(ValueError, match="images must be one array"):
        ic.visible_development(chips[0])
    with pytest.raises(ValueError, match="images are 20 x 35"):
        simulate.crop_chips(np.zeros((2, 20, 35, 3), np.uint8), 5, np.random.default_rng(0))
