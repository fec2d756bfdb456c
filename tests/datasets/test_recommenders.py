"""Loaders of the recommenders on small made-up files, real files where they are, and pickles that ask for too much."""

import io
import lzma
import os
import pickle

import numpy as np
import pandas as pd
import pytest
from paperlab import datasets
from paperlab.datasets import conversions, unpickle
from paperlab.datasets.loaders import recommenders
from paperlab.errors import PaperlabError

SIZES = {"users": 2, "items": 4, "interactions": 5}


@pytest.fixture
def histories(tmp_path):
    def call(text, **sizes):
        path = tmp_path / "file.txt"
        path.write_text(text)
        return recommenders._histories("d", path, **{**SIZES, **sizes})

    return call


def test_histories_keep_their_order_and_count_from_zero(histories):
    frame = histories("1 4 1 3\n2 1 2\n")
    assert frame["user"].tolist() == [0, 0, 0, 1, 1]
    assert frame["item"].tolist() == [3, 0, 2, 0, 1]


@pytest.mark.parametrize(
    "text, words",
    [
        ("1 4 1 3\n2 1\n", "4 rows, expected 5"),
        ("1 4 1 3 2 1\n", "1 users, expected 2"),
        ("1 4 1 5\n2 1 2\n", r"column item must lie in \[0, 3\], got \[0, 4\]"),
        ("1 4 x 3\n2 1 2\n", "line 1 of file.txt is no list of numbers"),
    ],
)
def test_histories_refuse_another_file(histories, text, words):
    with pytest.raises(PaperlabError, match=f"data set d: {words}"):
        histories(text)


def test_texts_keep_quotes_and_words_that_look_like_missing_values(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text('item\ttitle\n0\tNA\n1\t5" hose "blue\n')
    assert recommenders._table(path)["title"].tolist() == ["NA", '5" hose "blue']


def test_gowalla_is_read_back_from_its_adjacency_matrix(tmp_path):
    """Two people, three places: rows of people point to columns 2 and on, rows of places back."""
    np.savez(
        tmp_path / "adjacency.npz",
        indptr=np.array([0, 2, 4, 5, 7, 8]),
        indices=np.array([3, 2, 4, 3, 0, 0, 1, 1]),
        shape=np.array([5, 5]),
    )
    assert conversions.convert("train.txt", tmp_path / "adjacency.npz") == b"0 0 1\n1 1 2\n"


def test_steam_is_rewritten_from_its_pickle(tmp_path):
    path = tmp_path / "test.pkl"
    path.write_bytes(pickle.dumps({6: [466, 467], 22: [1]}))
    assert conversions.convert("test_sequences.txt", path) == b"6 466 467\n22 1\n"


class Unwanted:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("value", [Unwanted(), [Unwanted()], np.arange(3), pd.DataFrame({"x": [1]})])
def test_a_pickle_of_more_than_plain_data_is_refused(value):
    with pytest.raises(ValueError, match="which is not read"):
        unpickle.load(io.BytesIO(pickle.dumps(value)))


def test_tables_are_read_only_where_they_are_expected():
    frame = pd.DataFrame({"x": [1.5, 2.5], "y": ["a", None]})
    pd.testing.assert_frame_equal(unpickle.load(io.BytesIO(pickle.dumps(frame)), tables=True), frame)
    with pytest.raises(ValueError, match=r"posix.system, which is not read|nt.system"):
        unpickle.load(io.BytesIO(pickle.dumps([frame, Unwanted()])), tables=True)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1, 2])[:-3]])
def test_a_damaged_pickle_is_told(content):
    with pytest.raises(ValueError, match="not a pickle of plain data"):
        unpickle.load(io.BytesIO(content))


def test_a_damaged_table_of_a_package_is_told(tmp_path):
    path = tmp_path / "bfi.pkl.compress"
    path.write_bytes(lzma.compress(pickle.dumps(Unwanted())))
    with pytest.raises(PaperlabError, match=r"bfi_personality: bfi\.pkl\.compress cannot be read"):
        recommenders.bfi_personality({"_data/psych/bfi.pkl.compress": path})


def test_movielens_counts_from_zero_and_joins():
    data = datasets.load("ml100k")
    assert data["ratings"]["item"].isin(data["items"]["item"]).all()
    assert data["links"]["entity"].isin(data["facts"]["head"]).mean() > 0.9
    assert data["items"].set_index("item")["title"][0] == "Toy Story"


def test_the_shipped_core_is_a_core():
    frame = datasets.load("amazon_beauty_7core")
    assert frame["user"].value_counts().min() >= 7 and frame["item"].value_counts().min() >= 7
    assert not frame.duplicated().any()


def test_shipped_numbers_tell_the_order_of_first_appearance():
    """Why callers permute: a method that saw the number would know which items came late (a permutation: 0 +- 0.02)."""
    frame = datasets.load("amazon_beauty_7core")
    first = frame["item"].drop_duplicates().to_numpy()
    assert np.corrcoef(first, np.arange(len(first)))[0, 1] > 0.8


def test_personality_answers_lie_on_six_steps():
    frame = datasets.load("bfi_personality")
    assert frame.filter(regex=r"^[ACENO]\d$").shape == (2800, 25)
    assert "rownames" not in frame


def test_latest_small_has_half_stars():
    assert set(datasets.load("movielens_latest_small")["rating"] * 2) == set(range(1, 11))
