"""Scaling by powers of two is exact, and makes trees blind to units."""

import numpy as np
import pytest
from paperlab.methods.foundations.units import UnitScaler, unit_of
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier


def test_units_are_powers_of_two_at_most_the_range():
    x = np.random.default_rng(0).standard_normal((50, 4)) * [1e-12, 0.3, 1, 1e9]
    unit = unit_of(x)
    assert (np.log2(unit) % 1 == 0).all()
    assert ((np.ptp(x, axis=0) / unit >= 1) & (np.ptp(x, axis=0) / unit < 2)).all()
    assert (x / unit * unit == x).all()
    assert unit_of([4.0, 6.0]) == 2 and unit_of([5.0, 5.0]) == 1


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_tree_sees_the_same_in_any_unit(unit):
    x = np.random.default_rng(1).standard_normal((200, 2))
    y = (x[:, 0] > 0.3).astype(int)
    model = make_pipeline(UnitScaler(), DecisionTreeClassifier(random_state=0)).fit(x * unit, y)
    assert model.score(x * unit, y) == 1
    plain = DecisionTreeClassifier(random_state=0).fit(x * unit, y)
    assert (plain.score(x * unit, y) == 1) == (unit >= 1)  # what it is for


def test_new_rows_are_scaled_like_the_training_rows():
    scaler = UnitScaler().fit(np.array([[0.0], [8.0]]))
    assert scaler.transform([[16.0]]).tolist() == [[2.0]]
