"""Input that no estimator can use is refused by name, whatever its units."""

import numpy as np
import pytest
from paperlab.methods.foundations.checks import binary, codes, finite, full_rank, positive_definite


def dummies(labels):
    return (np.asarray(labels)[:, None] == np.unique(labels)).astype(float)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_argument_and_the_row_are_named(bad):
    with pytest.raises(ValueError, match=f"y is {bad} in row 3; drop or impute"):
        finite("y", [1, 2, 3, bad])
    with pytest.raises(ValueError, match=rf"x is {bad} in row 2 \(index \(2, 1\)\)"):
        finite("x", np.where(np.arange(8).reshape(4, 2) == 5, bad, 0.0))


def test_rows_of_a_stack_are_counted_along_the_axis_that_was_named():
    x = np.zeros((3, 5, 2))
    x[1, 4, 0] = np.nan
    with pytest.raises(ValueError, match=r"x is nan in row 4 \(index \(1, 4, 0\)\)"):
        finite("x", x, row_axis=-2)


def test_text_is_no_number_and_whole_numbers_become_floats():
    with pytest.raises(ValueError, match="y must hold numbers, got \\['a', 'b'\\]"):
        finite("y", ["a", "b"])
    assert finite("y", np.arange(3)).dtype == float


@pytest.mark.parametrize("seed", range(20))
def test_all_dummies_and_a_constant_are_refused(seed):
    rng = np.random.default_rng(seed)
    d = dummies(rng.integers(0, 4, 60))
    with pytest.raises(
        ValueError, match="b: column 4 is a linear combination of column 0, column 1, column 2, column 3"
    ):
        full_rank("b", np.column_stack([np.ones(60), d]))
    full_rank("b", np.column_stack([np.ones(60), d[:, 1:]]))


@pytest.mark.parametrize("unit", [1e-150, 1e-9, 1.0, 1e9, 1e150])
def test_rank_does_not_depend_on_units(unit):
    x = np.random.default_rng(0).standard_normal((30, 3))
    full_rank("x", x * np.array([1.0, unit, 1]))
    with pytest.raises(ValueError, match="column 3"):
        full_rank("x", np.column_stack([x, unit * (x[:, 0] - x[:, 2])]))


def test_a_zero_column_a_short_matrix_and_the_sample_of_a_stack_are_named():
    x = np.random.default_rng(1).standard_normal((2, 3, 10, 2))
    full_rank("x", x)
    x[1, 2, :, 0] = 0
    with pytest.raises(ValueError, match="x: column 0 is zero in sample 1, 2"):
        full_rank("x", x)
    with pytest.raises(ValueError, match="x has 2 rows for 3 columns"):
        full_rank("x", np.ones((2, 3)))


def test_a_year_and_its_square_are_not_collinear():
    year = np.arange(1994.0, 2007)
    full_rank("x", np.column_stack([np.ones(13), year, year**2]))


def test_a_binary_variable_is_0_or_1():
    assert binary("w", [True, False]).tolist() == [1, 0]
    for bad, text in (([0, 1, -1], "got -1 in row 2"), ([0.5, 1], "got 0.5 in row 0"), ([1, np.nan], "nan in row 1")):
        with pytest.raises(ValueError, match=f"w (must be 0 or 1, |is ){text}"):
            binary("w", bad)
    with pytest.raises(ValueError, match="got 2 in row 1"):
        binary("w", [[0, 1], [2, 1]])


@pytest.mark.parametrize(
    "name",
    [
        int,
        lambda i: 5000 + i,
        lambda i: 37 * i,
        lambda i: 10.5 * i,
        lambda i: f"{i:03d}",
        lambda i: ("wave", i),
        lambda i: np.datetime64("2016-11-08") + i,
    ],
)
def test_labels_of_any_kind_are_the_same_groups(name):
    group = np.array([0, 2, 1, 2, 0, 3])
    labels = [name(i) for i in group.tolist()]
    assert codes("person", labels).tolist() == group.tolist()


def test_mixed_and_unordered_labels_are_labels_too():
    for labels in ([1, "a", 1, "b"], [frozenset("a"), frozenset("b"), frozenset("a"), frozenset("c")]):
        code = codes("person", labels)
        assert code[0] == code[2] and len(set(code)) == 3


@pytest.mark.parametrize("missing", [None, np.nan, float("nan")])
def test_missing_labels_and_wrong_lengths_are_refused(missing):
    with pytest.raises(ValueError, match="clusters has no label in row 1; name it"):
        codes("clusters", ["a", missing])
    with pytest.raises(ValueError, match=r"clusters must be one label for each of 3 rows, got shape \(2,\)"):
        codes("clusters", [1, 2], 3)
    with pytest.raises(ValueError, match="clusters must be one-dimensional"):
        codes("clusters", np.zeros((2, 2)))


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e9])
def test_moments_of_collinear_columns_are_refused_in_any_unit(unit):
    x = np.random.default_rng(2).standard_normal((50, 3)) * np.array([1.0, unit, 1])
    positive_definite("xx", x.T @ x)
    x = np.column_stack([x, x[:, 0] + x[:, 1] / unit])
    with pytest.raises(ValueError, match="xx: column 3 is a linear combination of column 0, column 1; drop it"):
        positive_definite("xx", x.T @ x)
    with pytest.raises(ValueError, match="xx: column 2 is zero in sample 1"):
        positive_definite("xx", np.stack([np.eye(3), np.diag([1.0, unit, 0])]))
