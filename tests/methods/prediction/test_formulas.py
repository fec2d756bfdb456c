"""Fractions of elements add up to one, whatever the brackets."""

import numpy as np
import pytest
from paperlab.methods.prediction import formulas


@pytest.mark.parametrize(
    "formula, expected",
    [
        ("Bi2Te3", {"Bi": 0.4, "Te": 0.6}),
        ("BiSb(Se0.92Br0.08)3", {"Bi": 0.2, "Sb": 0.2, "Se": 0.552, "Br": 0.048}),
        ("(Bi0.5Sb0.5)2(Te0.9(S0.5Se0.5)0.1)3", {"Bi": 0.2, "Sb": 0.2, "Te": 0.54, "S": 0.03, "Se": 0.03}),
        ("[Pb.5Sn.5]Te", {"Pb": 0.25, "Sn": 0.25, "Te": 0.5}),
        ("Te", {"Te": 1.0}),
    ],
)
def test_fractions(formula, expected):
    found = formulas.fractions(formula)
    assert found == pytest.approx(expected)
    assert sum(found.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "formula, words",
    [
        ("Bi2Xx3", "unknown element Xx"),
        ("Bi2(Te", "a bracket is not closed"),
        ("Bi2)Te", "nothing to belong to"),
        ("(Bi2]Te", "nothing to belong to"),
        ("2Bi", "nothing to belong to"),
        ("Bi-Te", "from character 3 on"),
        ("", "from character 1 on"),
        ("Bi0", "add up to 0"),
    ],
)
def test_fractions_refuse(formula, words):
    with pytest.raises(ValueError, match=words):
        formulas.fractions(formula)


def test_composition_features_keep_the_rows_in_order():
    table = formulas.composition_features(["SnSe", "Bi2Te3", "SnSe"], [300, 400, 500])
    assert table["temperature"].tolist() == [300, 400, 500]
    assert table["Sn"].tolist() == [0.5, 0, 0.5]
    assert np.allclose(table.drop(columns="temperature").sum(axis=1), 1)


def test_a_multiple_of_a_formula_is_the_same_composition():
    assert formulas.fractions("Bi4Te6") == pytest.approx(formulas.fractions("(BiTe1.5)7"))


@pytest.mark.parametrize(
    "temperature, words",
    [
        ([300, np.nan], "temperature is nan in row 1"),
        ([300, -5], r"temperature = -5\.0 in row 1: kelvin are above zero; add 273\.15"),
        ([300], "temperature must have one entry for each of 2 formulas"),
    ],
)
def test_temperatures_that_are_none_are_told(temperature, words):
    with pytest.raises(ValueError, match=words):
        formulas.composition_features(["SnSe", "Te"], temperature)
