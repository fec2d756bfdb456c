"""Fields as numbers: unknown values, means of lists, scaled quantities, the click task of MovieLens."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders import fields as of
from paperlab.methods.recommenders.fields import MOVIELENS, fit_encoder, log_square, movielens_clicks

KINDS = {"age": "number", "town": "category", "tags": "list", "job": "category"}


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "town": ["Rome", "Oslo", "Rome", "Bonn"],
            "job": ["cook", "cook", "smith", "cook"],
            "tags": [["a", "b"], [], ["b"], ["a", "b", "c"]],
            "age": [20.0, 40, 30, 25],
        }
    )


def test_fields_stand_in_the_order_categories_lists_numbers(table):
    fields = fit_encoder(table, KINDS).transform(table)
    assert fields.names == ("town", "job", "tags", "age")
    assert fields.sizes == (4, 3, 4, 1)
    assert fields.n_values == 12 and fields.listed_sizes == (4,) and fields.n_listed_before == 7
    assert len(fields) == 4 and fields.n_fields == 4


def test_values_of_two_fields_never_share_a_number(table):
    fields = fit_encoder(table, KINDS).transform(table)
    assert not set(fields.codes[:, 0]) & set(fields.codes[:, 1])
    assert fields.codes[0, 0] == fields.codes[2, 0] != fields.codes[1, 0]


def test_an_unknown_category_gets_the_number_that_stands_for_unknown(table):
    encoder = fit_encoder(table, KINDS)
    fields = encoder.transform(table.assign(town="Lima", job=None, tags=[["z"], ["a", "z"], [], ["z", "z"]]))
    assert fields.codes.tolist() == [[0, 4]] * 4
    assert fields.shares[:, 0] == pytest.approx([1, 0.5, 1, 1])


def test_a_list_counts_as_the_mean_of_its_values_and_an_empty_one_as_unknown(table):
    shares = fit_encoder(table, KINDS).transform(table).shares
    assert shares.sum(1) == pytest.approx(np.ones(4))
    assert shares[0] == pytest.approx([0, 0.5, 0.5, 0]) and shares[3] == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])
    assert shares[1] == pytest.approx([1, 0, 0, 0])


def test_numbers_are_scaled_by_the_table_that_was_learned_from_in_any_unit(table):
    months = table.assign(age=12 * table["age"])
    a, b = (fit_encoder(each, KINDS).transform(each).numbers for each in (table, months))
    assert a[:, 0] == pytest.approx([0, 1, 0.5, 0.25]) and b == pytest.approx(a)
    assert fit_encoder(table, KINDS).transform(table.assign(age=60)).numbers[0, 0] == pytest.approx(2)


def test_rare_values_become_unknown(table):
    assert fit_encoder(table, KINDS, min_count=2).transform(table).codes[:, 0].tolist() == [1, 0, 1, 0]


def test_bad_tables_and_kinds_are_refused(table):
    with pytest.raises(ValueError, match="town must be one of category, list, number, got 'text'"):
        fit_encoder(table, {"town": "text"})
    with pytest.raises(ValueError, match="no column 'city'"):
        fit_encoder(table, {"city": "category"})
    with pytest.raises(ValueError, match="no column 'tags'"):
        fit_encoder(table, KINDS).transform(table.drop(columns="tags"))
    with pytest.raises(ValueError, match="age must be finite, got nan in row 2; fill missing"):
        fit_encoder(table.assign(age=[1, 2, np.nan, 4]), KINDS)


def test_the_click_task_drops_neutral_ratings_and_bands_age_and_year():
    ratings = pd.DataFrame({"user": [0, 0, 1, 1], "item": [0, 1, 2, 3], "rating": [5, 3, 1, 4], "time": [9, 8, 7, 6]})
    users = pd.DataFrame({"user": [0, 1], "age": [17, 56], "gender": "M", "occupation": "other", "zip_code": "1"})
    items = pd.DataFrame(
        {"item": range(4), "genres": ["Drama War", "", "", "unknown"], "release_year": [1995, 1990, 1922, np.nan]}
    )
    table = movielens_clicks(ratings, users, items)
    assert table["click"].tolist() == [1, 0, 1]
    assert table["release"].tolist() == ["1995", "1919-29", "none"]
    assert table["age"].tolist() == [0, 6, 6]
    assert table["genre"].tolist() == [["Drama", "War"], [], ["unknown"]]
    assert {"user", "item"}.isdisjoint(MOVIELENS)


def test_years_up_to_1969_fall_into_decades():
    ratings = pd.DataFrame({"user": 0, "item": range(3), "rating": 5, "time": 0})
    users = pd.DataFrame({"user": [0], "age": 30, "gender": "F", "occupation": "other", "zip_code": "1"})
    items = pd.DataFrame({"item": range(3), "genres": "Drama", "release_year": [1930, 1969, 1970]})
    assert movielens_clicks(ratings, users, items)["release"].tolist() == ["1930s", "1960s", "1970"]


def test_the_released_programs_scale_of_counts():
    assert log_square([np.nan, -1, 0, 2, 3, 1000]).tolist() == [0, -1, 0, 2, 1, 47]


def test_a_wide_list_field_keeps_its_own_columns(table):
    two = table.assign(more=[["x"], ["y"], ["x"], []])
    fields = fit_encoder(two, KINDS | {"more": "list"}).transform(two)
    assert fields.listed_sizes == (4, 3) and fields.shares.shape == (4, 7)
    assert of.KINDS == ("category", "list", "number")
