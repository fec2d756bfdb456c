import numpy as np
import pytest
from paperlab.methods.recommenders.item_slices import item_bootstrap, slice_areas


def rng(seed=0):
    return np.random.default_rng(seed)


def test_samples_count_items_as_often_as_they_are_drawn():
    draw = rng()
    score, click, item = draw.integers(6, size=80).astype(float), draw.random(80) < 0.4, draw.integers(9, size=80)
    found = item_bootstrap([score], click, item, n_draws=5, rng=rng(1))[0]
    weight = rng(1).multinomial(9, np.full(9, 1 / 9), size=5)
    for value, times in zip(found, weight, strict=True):
        rows = np.repeat(np.arange(80), times[item])
        assert value == pytest.approx(slice_areas(score[rows], click[rows], {"a": np.ones(len(rows), bool)})["a"])


def test_samples_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    draw = rng(2)
    score, click, item = draw.standard_normal(200), draw.random(200) < 0.3, draw.integers(20, size=200)
    found = item_bootstrap([score], click, item, n_draws=3, rng=rng(3))[0]
    for value, times in zip(found, rng(3).multinomial(20, np.full(20, 0.05), size=3), strict=True):
        assert value == pytest.approx(metrics.roc_auc_score(click, score, sample_weight=times[item]))


def test_any_rising_function_and_any_name_of_an_item_gives_the_same():
    draw = rng(4)
    score, click, item = draw.standard_normal(200), draw.random(200) < 0.3, draw.integers(20, size=200)
    a = item_bootstrap([score, np.exp(score)], click, item, rng=rng(5))
    b = item_bootstrap([score], click, 1000 + item, rng=rng(5))
    assert np.array_equal(a[0], a[1])
    assert np.array_equal(a[0], b[0])


def test_clicks_that_hang_together_by_item_give_wide_intervals():
    item = np.repeat(np.arange(20), 100)
    click = (item % 2 == 0) ^ (rng(6).random(2000) < 0.2)
    score = (item % 2 == 0) + 0.01 * rng(7).standard_normal(20)[item]
    by_item = item_bootstrap([score], click, item, rng=rng(8))[0].std()
    by_row = item_bootstrap([score], click, np.arange(2000), rng=rng(8))[0].std()
    assert by_item != pytest.approx(by_row, rel=0.2)


def test_errors():
    with pytest.raises(ValueError, match="'new' has 0 clicks in 1 rows"):
        slice_areas([1, 2], [True, False], {"all": [True, True], "new": [False, True]})
    with pytest.raises(ValueError, match="item must name at least two items, got 1"):
        item_bootstrap([[1, 2]], [True, False], [3, 3], rng=rng())
    with pytest.raises(ValueError, match=r"scores must be \(n_methods, 2\)"):
        item_bootstrap([1, 2], [True, False], [3, 4], rng=rng())
