"""Folds keep groups together, propensities are out of fold and know no units or labels, recalibration undoes bias."""

import numpy as np
import pytest
from paperlab.methods.weighting import propensity


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 4))
    e = 1 / (1 + np.exp(0.7 - 0.8 * x[:, 0]))
    w = (rng.random(1500) < e).astype(float)
    y = 2 * x[:, 0] + x[:, 1] + 1.5 * w + rng.standard_normal(1500)
    return x, w, y, e


# Folds


def test_folds_are_of_equal_size_and_drawn_from_the_generator():
    folds = propensity.folds_of(100, 3, rng=np.random.default_rng(0))
    assert sorted(np.bincount(folds)) == [33, 33, 34]
    assert (folds == propensity.folds_of(100, 3, rng=np.random.default_rng(0))).all()
    assert (folds != propensity.folds_of(100, 3, rng=np.random.default_rng(1))).any()


@pytest.mark.parametrize(
    "name", [lambda g: g, lambda g: 5000 + 37 * g, lambda g: f"chip {g:02d}", lambda g: ("chip", g)]
)
def test_groups_stay_in_one_fold_whatever_their_names(name):
    groups = np.repeat(np.arange(30), 7)
    labels = [name(g) for g in groups.tolist()]
    folds = propensity.folds_of(210, 3, rng=np.random.default_rng(0), groups=labels)
    assert all(len(np.unique(folds[groups == g])) == 1 for g in range(30))
    assert np.bincount(folds).tolist() == [70, 70, 70]
    assert (folds == propensity.folds_of(210, 3, rng=np.random.default_rng(0), groups=groups)).all()


def test_impossible_folds_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n_folds must lie between 2 and the 10 units, got 1"):
        propensity.folds_of(10, 1, rng=rng)
    with pytest.raises(ValueError, match="n_folds must lie between 2 and the 2 groups, got 3"):
        propensity.folds_of(10, 3, rng=rng, groups=[0] * 5 + [1] * 5)
    with pytest.raises(ValueError, match="groups has no label in row 1"):
        propensity.folds_of(3, 2, rng=rng, groups=["a", None, "b"])
    with pytest.raises(ValueError, match="one label for each of 10 rows"):
        propensity.folds_of(10, 2, rng=rng, groups=[1, 2])


# Propensities


def test_propensity_is_out_of_fold_with_the_scaler_inside(data):
    x, w, *_ = data
    folds = np.arange(1500) % 3
    e = propensity.propensity(x, w, folds, c=1.0)
    moved, first = x.copy(), folds == 0
    moved[np.flatnonzero(first)[0]] = 1000.0
    changed = propensity.propensity(moved, w, folds, c=1.0)
    same = first.copy()
    same[np.flatnonzero(first)[0]] = False
    np.testing.assert_array_equal(changed[same], e[same])
    assert not np.allclose(changed[~first], e[~first])


def test_propensity_does_not_know_units_labels_or_the_order_of_rows(data):
    x, w, _, true = data
    folds = np.arange(1500) % 3
    e = propensity.propensity(x, w, folds, c=1.0)
    assert np.abs(e - true).mean() < 0.03
    np.testing.assert_allclose(
        propensity.propensity(x * [1e-9, 1, 1e5, 1] + [0, 3, 0, 0], w, folds, c=1.0), e, rtol=1e-6
    )
    np.testing.assert_array_equal(propensity.propensity(x, w, [f"fold {k}" for k in folds], c=1.0), e)
    order = np.random.default_rng(1).permutation(1500)
    np.testing.assert_allclose(propensity.propensity(x[order], w[order], folds[order], c=1.0), e[order], rtol=1e-9)
    np.testing.assert_allclose(propensity.propensity(x, 1 - w, folds, c=1.0), 1 - e, rtol=1e-9)


def test_a_strong_penalty_leaves_the_share_of_treated(data):
    x, w, *_ = data
    folds = np.arange(1500) % 2
    e = propensity.propensity(x, w, folds, c=1e-9)
    np.testing.assert_allclose(e, np.where(folds == 0, w[folds == 1].mean(), w[folds == 0].mean()), atol=1e-5)


def test_bad_placement_names_donor_and_sector(data):
    x, w, *_ = data
    folds = np.arange(1500) % 3
    few, lumped = (np.arange(1500) < 12).astype(float), (folds == 0).astype(float)
    options = {"c": 1.0, "name": "China, Energy"}
    with pytest.raises(ValueError, match="China, Energy: 12 treated and 1488 untreated units; at least 20"):
        propensity.propensity(x, few, folds, **options)
    with pytest.raises(ValueError, match="China, Energy: 1488 treated and 12 untreated"):
        propensity.propensity(x, 1 - few, folds, **options)
    propensity.propensity(x, few, folds % 2, c=1.0, min_arm=12)
    with pytest.raises(ValueError, match="China, Energy: one class only outside fold north"):
        propensity.propensity(x, lumped, np.array(["north", "south", "west"])[folds], **options)
    with pytest.raises(ValueError, match="China, Energy: treatment must be 0 or 1, got 2"):
        propensity.propensity(x, w + 1, folds, **options)
    with pytest.raises(ValueError, match="China, Energy: treatment is nan in row 7"):
        propensity.propensity(x, np.where(np.arange(1500) == 7, np.nan, w), folds, **options)
    with pytest.raises(ValueError, match="x is nan in row 4"):
        propensity.propensity(np.where(np.arange(1500)[:, None] == 4, np.nan, x), w, folds, **options)
    with pytest.raises(ValueError, match="one entry for each of 1500 units"):
        propensity.propensity(x, w[1:], folds, **options)
    with pytest.raises(ValueError, match="folds: all units are in one fold"):
        propensity.propensity(x, w, np.zeros(1500), **options)
    with pytest.raises(ValueError, match="c must be above 0, got 0"):
        propensity.propensity(x, w, folds, c=0)


def test_recalibration_undoes_over_confidence():
    rng = np.random.default_rng(4)
    odds = rng.standard_normal(20_000)
    w = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)
    found = propensity.recalibrate(1 / (1 + np.exp(1 - 2 * odds)), w)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(found.propensity, 1 / (1 + np.exp(-odds)), atol=0.02)
    assert found.propensity.mean() == pytest.approx(w.mean(), abs=1e-9)
    again = propensity.recalibrate(found.propensity, w)
    assert (again.intercept, again.slope) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))


def test_propensities_without_a_slope_are_refused(data):
    _, w, _, e = data
    with pytest.raises(ValueError, match=r"donor: all propensities are 0.4, so no slope"):
        propensity.recalibrate(np.full(1500, 0.4), w)
    with pytest.raises(ValueError, match="Bank: 1 propensities are 0 or 1"):
        propensity.recalibrate(np.r_[1.0, e[1:]], w, name="Bank")
