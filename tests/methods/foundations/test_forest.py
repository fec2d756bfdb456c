"""A forest of one whole tree is the least squares partition; many trees see steps, and no units."""

import numpy as np
import pytest
from paperlab.methods.foundations.forest import forest_predict

ONE_TREE = {"n_trees": 1, "subsample": 1.0, "rng": 0}


def test_a_forest_with_one_leaf_is_the_mean():
    x, y = np.arange(40.0)[:, None], np.arange(40.0)
    assert forest_predict(x, y, x[:3], min_leaf=21, **ONE_TREE) == pytest.approx(np.full(3, y.mean()))


@pytest.mark.parametrize("min_leaf", [1, 3, 5])
def test_a_stump_is_the_split_with_the_smallest_squared_error(min_leaf):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2 * min_leaf + 1, 2)), rng.standard_normal(2 * min_leaf + 1)
    best = np.inf
    for f in range(2):
        order = np.argsort(x[:, f])
        for k in range(min_leaf, len(y) - min_leaf + 1):
            parts = np.split(order, [k])
            fit = np.empty(len(y))
            for part in parts:
                fit[part] = y[part].mean()
            if ((y - fit) ** 2).sum() < best:
                best, expected = ((y - fit) ** 2).sum(), fit
    if min_leaf > 1:  # leaves cannot be split again
        assert forest_predict(x, y, x, min_leaf=min_leaf, **ONE_TREE) == pytest.approx(expected)
    else:
        assert forest_predict(x, y, x, min_leaf=1, **ONE_TREE) == pytest.approx(y)


def test_a_cut_lies_half_way_and_belongs_to_the_left():
    x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0.0, 0, 1, 1])
    assert forest_predict(x, y, [[2.5], [2.5000001]], min_leaf=2, **ONE_TREE).tolist() == [0, 1]


def test_equal_values_are_never_parted():
    x, y = np.repeat([[0.0], [1.0]], 6, axis=0), np.arange(12.0)
    found = forest_predict(x, y, [[0.0], [1.0]], min_leaf=1, **ONE_TREE)
    assert found == pytest.approx([2.5, 8.5])


def test_a_forest_finds_a_step_and_ignores_monotone_rescaling_of_a_covariate():
    rng = np.random.default_rng(11)
    x = rng.uniform(-1, 1, (2000, 2))
    y = (x[:, 0] > 0.3).astype(float)
    assert forest_predict(x, y, np.array([[-0.5, 0.0], [0.9, 0.0]]), rng=0) == pytest.approx([0, 1], abs=1e-6)
    assert forest_predict(np.exp(x), y, np.exp(x[:200]), rng=0) == pytest.approx(
        forest_predict(x, y, x[:200], rng=0), abs=0.02
    )


@pytest.mark.parametrize("unit, origin", [(1e-9, 0.0), (1e-150, 0.0), (1e9, 0.0), (1.0, 1e5)])
def test_predictions_follow_the_units_and_the_origin_of_the_outcome(unit, origin):
    rng = np.random.default_rng(12)
    x = rng.uniform(-1, 1, (600, 2))
    y = np.sin(3 * x[:, 0]) + rng.normal(0, 0.3, 600)
    base = forest_predict(x, y, x[:50], rng=1)
    found = forest_predict(x, unit * y + origin, x[:50], rng=1)
    assert (found - origin) / unit == pytest.approx(base, abs=1e-6)
    assert np.ptp(base) > 1


def test_a_constant_outcome_is_returned():
    x = np.random.default_rng(13).standard_normal((200, 2))
    assert forest_predict(x, np.full(200, 0.1), x, rng=0, min_leaf=2) == pytest.approx(np.full(200, 0.1), rel=1e-12)


def test_fewer_columns_at_a_node_use_the_second_best():
    """With one column drawn at each node some trees must split on the useless one."""
    rng = np.random.default_rng(14)
    x = rng.uniform(-1, 1, (1000, 2))
    y = np.sign(x[:, 0])
    new = np.column_stack([np.full(50, 0.5), rng.uniform(-1, 1, 50)])
    spread = [forest_predict(x, y, new, rng=0, n_features=k, min_leaf=200).std() for k in (2, 1)]
    assert spread[0] < 1e-12 < 0.01 < spread[1]


def test_half_samples_are_drawn_without_replacement():
    """A tree with single leaves knows its half of the units exactly, and only it."""
    rng = np.random.default_rng(15)
    x, y = np.arange(100.0)[:, None], rng.standard_normal(100)
    found = forest_predict(x, y, x, rng=0, n_trees=1, min_leaf=1, subsample=0.5)
    assert np.isclose(found, y).sum() == 50


def test_a_forest_is_as_good_as_scikit_learn_and_close_to_it():
    ensemble = pytest.importorskip("sklearn.ensemble")
    rng = np.random.default_rng(12)
    x, new = rng.uniform(-1, 1, (2000, 3)), rng.uniform(-1, 1, (1000, 3))
    signal = np.sin(3 * new[:, 0]) + np.cos(3 * new[:, 1])
    y = np.sin(3 * x[:, 0]) + np.cos(3 * x[:, 1]) + rng.normal(size=2000)
    here = forest_predict(x, y, new, rng=0)
    peer = ensemble.RandomForestRegressor(40, min_samples_leaf=25, max_samples=0.5, random_state=0).fit(x, y)
    peer = peer.predict(new)
    assert np.corrcoef(here, peer)[0, 1] > 0.98
    assert np.mean((here - signal) ** 2) < 1.2 * np.mean((peer - signal) ** 2)


def test_a_seed_repeats_and_a_generator_moves_on():
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(300, 2)), rng.normal(size=300)
    assert np.array_equal(forest_predict(x, y, x, rng=5), forest_predict(x, y, x, rng=5))
    assert not np.array_equal(forest_predict(x, y, x, rng=rng), forest_predict(x, y, x, rng=rng))
    with pytest.raises(TypeError, match="rng"):
        forest_predict(x, y, x)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"y": np.zeros(29)}, "fit together"),
        ({"x_new": np.zeros((3, 1))}, "fit together"),
        ({"y": np.r_[np.zeros(29), np.nan]}, "y is nan in row 29"),
        ({"x": np.where(np.arange(60).reshape(30, 2) == 9, np.inf, 0)}, "x is inf in row 4"),
        ({"x_new": [[0.0, np.nan]]}, "x_new is nan in row 0"),
        ({"subsample": 0.0}, r"subsample must lie in \(0, 1\]"),
        ({"subsample": 1.1}, r"subsample must lie in \(0, 1\]"),
        ({"min_leaf": 0}, "min_leaf and n_trees must be at least 1, got 0 and 40"),
        ({"n_trees": 0}, "min_leaf and n_trees must be at least 1, got 25 and 0"),
        ({"n_features": 0}, "n_features must lie between 1 and the 2 columns of x, got 0"),
        ({"n_features": 3}, "got 3"),
    ],
)
def test_bad_input_is_told(change, words):
    arguments = {"x": np.zeros((30, 2)), "y": np.zeros(30), "x_new": np.zeros((3, 2)), **change}
    with pytest.raises(ValueError, match=words):
        forest_predict(**arguments, rng=0)
