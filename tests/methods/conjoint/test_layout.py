"""Vectors of levels: sums, probabilities, nearest points and codes, by hand and by factor."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.conjoint.layout import Layout, encode


def test_layout_by_hand():
    layout = Layout((2, 3))
    assert layout.size == 5
    assert layout.starts.tolist() == [0, 2]
    assert layout.factor.tolist() == [0, 0, 1, 1, 1]
    assert layout.free.tolist() == [1, 3, 4]
    np.testing.assert_allclose(layout.uniform, [0.5, 0.5, 1 / 3, 1 / 3, 1 / 3])
    assert layout.total([1, 2, 3, 4, 5]).tolist() == [3, 3, 12, 12, 12]
    np.testing.assert_array_equal(layout.argmax([0.2, 0.8, 5, 5, 1]), [0, 1, 1, 0, 0])


def test_softmax_has_sum_one_ratios_of_exponentials_and_no_overflow():
    layout = Layout((2, 3))
    logits = np.array([1000.0, 0, 3, 2, 1])
    found = layout.softmax(logits)
    np.testing.assert_allclose(layout.total(found), 1)
    np.testing.assert_allclose(found[3:] / found[2], np.exp([-1, -2]))
    np.testing.assert_allclose(layout.softmax(logits + np.array([7, 7, -2, -2, -2])), found)
    assert found[:2].tolist() == [1, 0]


def test_projection_is_the_nearest_point_of_the_simplex():
    layout, rng = Layout((4,)), np.random.default_rng(1)
    points = rng.normal(0, 1, (20, 4))
    nearest = layout.project(points)
    np.testing.assert_allclose(nearest.sum(1), 1)
    assert nearest.min() >= 0
    others = rng.dirichlet(np.ones(4), 4000)
    distances = ((points[:, None] - others) ** 2).sum(-1).min(1)
    assert (((points - nearest) ** 2).sum(1) <= distances + 1e-12).all()
    np.testing.assert_allclose(layout.project(nearest), nearest, atol=1e-15)
    assert layout.project([5.0, 0, 0, 0]).tolist() == [1, 0, 0, 0]


def test_bad_layouts_and_values_are_refused():
    with pytest.raises(ValueError, match="levels is empty"):
        Layout(())
    for count in (1, 0, 2.5):
        with pytest.raises(ValueError, match=f"factor 1 has {count} level"):
            Layout((2, count))
    layout = Layout((2, 3))
    for method in (layout.total, layout.softmax, layout.project, layout.argmax):
        with pytest.raises(ValueError, match=r"one entry for each of 5 levels, got shape \(4,\)"):
            method(np.ones(4))
    for method in (layout.project, layout.argmax):
        with pytest.raises(ValueError, match="values is nan in row 2"):
            method([0, 1, np.nan, 0, 0])


# Encoding


def test_encoding_follows_the_order_of_levels_of_any_kind():
    frame = pd.DataFrame({"sex": ["m", "f"], "age": [36, 52]})
    found = encode(frame, {"age": [52, 36, "old"], "sex": ["f", "m"]})
    np.testing.assert_array_equal(found, [[0, 1, 0, 0, 1], [1, 0, 0, 1, 0]])


def test_encoding_names_factor_level_and_row():
    frame = {"sex": ["m", "f"], "age": ["36", "52"]}
    with pytest.raises(ValueError, match="factor 'age': unknown level '52' in row 1; known are"):
        encode(frame, {"sex": ["f", "m"], "age": ["36", "44"]})
    with pytest.raises(ValueError, match="factor 'sex' has 1 level"):
        encode(frame, {"sex": ["f"]})
    with pytest.raises(ValueError, match="factor 'sex' lists a level twice"):
        encode(frame, {"sex": ["f", "m", "f"]})
    with pytest.raises(ValueError, match="factor 'race' is missing"):
        encode(frame, {"race": ["a", "b"]})
    with pytest.raises(ValueError, match="columns must be of one length"):
        encode({"sex": ["m", "f"], "age": ["36"]}, {"sex": ["f", "m"], "age": ["36", "52"]})
