"""The made-up world is as its equations say."""

import numpy as np
import pytest
from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.weighting import effects, images, propensity, simulate


@pytest.fixture(scope="module")
def places():
    rng = np.random.default_rng(3)
    return simulate.Places.draw(rng.standard_normal(60_000), rng=rng)


def test_tables_know_a_quarter_of_development(places):
    assert np.corrcoef(places.b, places.x[:, 0])[0, 1] ** 2 == pytest.approx(0.25, abs=0.01)
    np.testing.assert_allclose(np.corrcoef(np.c_[places.b, places.x[:, 1:], places.h].T), np.eye(6), atol=0.02)
    assert places.noise.std() == pytest.approx(5, abs=0.05)


def test_donors_differ_as_stated(places):
    rng = np.random.default_rng(3)
    looks, hides = simulate.Donor("a", 1.0, 0.2, 1.0), simulate.Donor("b", 0.0, 1.0, 2.0)
    w = places.assign(looks, rng=rng)
    assert auroc(places.b, w) > 0.7
    assert auroc(places.b, places.assign(looks, rng=rng, visible=-1.0)) < 0.3
    assert auroc(places.b, places.assign(hides, rng=rng)) == pytest.approx(0.5, abs=0.01)
    assert auroc(places.h, places.assign(hides, rng=rng)) > 0.7


def test_placement_follows_its_logit(places):
    donor = simulate.Donor("a", 0.8, 0.4, 1.0, base=-0.5)
    w = places.assign(donor, rng=np.random.default_rng(1), visible=0.5)
    score = -0.5 + 0.5 * 0.8 * places.b + 0.5 * places.x[:, 1] + 0.4 * places.h
    expected = 1 / (1 + np.exp(-score))
    for part in (score < -1, (score > -1) & (score < 0), score > 0):
        assert w[part].mean() == pytest.approx(expected[part].mean(), abs=0.02)


def test_a_donor_without_weights_places_nothing(places):
    with pytest.raises(ValueError, match="weights of visible and donor is nan"):
        places.assign(simulate.Donor("a", 0.8, 0.4, 1.0), rng=np.random.default_rng(1), visible=np.nan)


def test_wealth_is_the_equation(places):
    w = (places.h > 1).astype(float)
    base = places.wealth(0 * w, 1.0)
    np.testing.assert_allclose(places.wealth(w, 1.0) - base, w)
    np.testing.assert_allclose(places.wealth(0 * w, 1.0, 2.0) - base, 2 * places.h)
    coef = np.linalg.lstsq(np.column_stack([np.ones(60_000), places.b, places.x]), base, rcond=None)[0]
    np.testing.assert_allclose(coef, [25, 5, 2, 2, 0, 0, 0], atol=0.1)
    with pytest.raises(ValueError, match="treatment must have one entry for each of 60000 places"):
        places.wealth(w[1:], 1.0)


def test_true_propensity_recovers_the_effect_and_a_hidden_driver_does_not(places):
    donor = simulate.Donor("China", 0.5, 1.0, 2.0)
    w = places.assign(donor, rng=np.random.default_rng(4))
    e = 1 / (1 + np.exp(1.2 - 0.5 * places.b - 0.5 * places.x[:, 1] - places.h))
    assert effects.hajek(places.wealth(w, 2.0, 2.0), w, e).value == pytest.approx(2, abs=0.3)
    seen = propensity.propensity(np.column_stack([places.b, places.x]), w, np.arange(60_000) % 3, c=10.0)
    assert effects.hajek(places.wealth(w, 2.0), w, seen).value == pytest.approx(2, abs=0.2)
    assert effects.hajek(places.wealth(w, 2.0, 2.0), w, seen).value > 3


def test_chips_hold_roofs_and_roads_at_their_rates():
    rng = np.random.default_rng(0)
    poor, rich = (simulate.draw_chips(np.full(3000, b), rng=rng) for b in (-1.0, 1.0))
    assert poor.shape == (3000, 32, 32, 3)
    assert poor.dtype == np.uint8
    for chips, b in ((poor, -1), (rich, 1)):
        bare = (chips.min(-1) < 200).all((1, 2)).mean()
        assert bare == pytest.approx(np.exp(-np.exp(0.9 + 0.6 * b)), abs=0.03)  # Poisson: no roof
        whole = ((chips == 150).all(-1).mean(1) > 0.7).any(1) | ((chips == 150).all(-1).mean(2) > 0.7).any(1)
        assert whole.mean() == pytest.approx(1 - np.exp(-np.exp(-0.4 + 0.5 * b)), abs=0.06)  # at least one road


def test_development_must_be_a_finite_vector():
    rng = np.random.default_rng(0)
    for draw in (simulate.draw_chips, simulate.Places.draw):
        with pytest.raises(ValueError, match="b is nan in row 1"):
            draw(np.array([0.0, np.nan]), rng=rng)
        with pytest.raises(ValueError, match=r"b must be \(n,\)"):
            draw(np.zeros((2, 2)), rng=rng)


def test_crops_come_from_their_source():
    chips = np.random.default_rng(5).integers(0, 256, (4, 35, 35, 3), dtype=np.uint8)
    crops = simulate.crop_chips(chips, 40, rng=np.random.default_rng(6))
    assert crops.chips.shape == (40, 32, 32, 3)
    assert set(crops.source) == {0, 1, 2, 3}
    for crop, origin in zip(crops.chips[:10], chips[crops.source[:10]], strict=True):
        shapes = [np.rot90(flipped, k) for flipped in (crop, crop[:, ::-1]) for k in range(4)]
        windows = [origin[i : i + 32, j : j + 32] for i in range(4) for j in range(4)]
        assert any(np.array_equal(a, b) for a in shapes for b in windows)
    with pytest.raises(ValueError, match="images are 20 x 35; crops of 32 x 32 need larger ones"):
        simulate.crop_chips(np.zeros((2, 20, 35, 3), np.uint8), 5, rng=np.random.default_rng(0))


def test_a_slow_map_shrinks_changes():
    panel = simulate.draw_panel(40_000, rng=np.random.default_rng(7), tau=2.0, rho=0.6)
    switching = (panel.treatment.max(1) > panel.treatment.min(1)).mean()
    assert switching == pytest.approx(0.05, abs=0.01)
    assert (np.diff(panel.treatment, axis=1) >= 0).all() and (panel.treatment[:, 0] == 0).all()
    assert effects.fixed_effects(panel.wealth, panel.treatment).value == pytest.approx(2, abs=0.2)
    assert effects.fixed_effects(panel.imputed, panel.treatment).value == pytest.approx(1.2, abs=0.2)
    within = panel.wealth - panel.wealth.mean(1, keepdims=True)
    slope = (within * (panel.imputed - panel.imputed.mean(1, keepdims=True))).sum() / (within**2).sum()
    assert slope == pytest.approx(0.6, abs=0.01)
    assert panel.imputed.mean() == pytest.approx(panel.wealth.mean(), abs=0.05)


def test_panels_need_two_periods_and_a_share():
    with pytest.raises(ValueError, match="n_periods must be 2 or more, got 1"):
        simulate.draw_panel(10, rng=np.random.default_rng(0), n_periods=1)
    with pytest.raises(ValueError, match="switchers must lie between 0 and 1, got 1"):
        simulate.draw_panel(10, rng=np.random.default_rng(0), switchers=1)


def test_made_up_images_show_development_in_part():
    rng = np.random.default_rng(0)
    b = rng.standard_normal(1500)
    features = images.random_features(simulate.draw_chips(b, rng=rng), rng=np.random.default_rng(1))
    centred = (features - features.mean(0)) / features.std(0)
    half = slice(0, 1000)
    coef = np.linalg.solve(centred[half].T @ centred[half] + 30 * np.eye(96), centred[half].T @ b[half])
    r2 = 1 - np.mean((b[1000:] - centred[1000:] @ coef) ** 2) / b[1000:].var()
    assert 0.25 < r2 < 0.7
