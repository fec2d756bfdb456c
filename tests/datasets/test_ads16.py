"""The reader of a private copy of the ADS data, on a made-up folder of the same layout."""

import numpy as np
import pytest
from paperlab.datasets import ads16
from paperlab.errors import PaperlabError

FEW = 10  # people in a copy; the real data have 120, and writing so many files takes a while


@pytest.fixture
def copy(tmp_path, monkeypatch):
    monkeypatch.setattr(ads16, "N_USERS", FEW)
    return write(tmp_path, FEW)


def write(tmp_path, n_users):
    """A made-up copy: ratings and answers drawn by lot, and a file of names that nobody may open."""
    rng = np.random.default_rng(0)
    stars, answers = rng.integers(1, 6, (n_users, 20, 15)), rng.integers(1, 6, (n_users, 10))
    for user in range(n_users):
        folder = tmp_path / f"Corpus/Corpus/U{user + 1:04d}"
        folder.mkdir(parents=True)
        rows = [[f"Cat{c}" for c in range(20)], [f"product {c}" for c in range(20)]]
        rows.append([",".join(map(str, cell)) for cell in stars[user]])
        lines = [";".join(f'"{cell}"' for cell in row) for row in rows]
        (folder / f"{folder.name}-RT.csv").write_text("\n".join(lines) + "\n")
        items = ";".join(f'"item {k}"' for k in range(10))
        (folder / f"{folder.name}-B5.csv").write_text(items + "\n" + ";".join(map(str, answers[user])) + "\n")
        (folder / f"{folder.name}-INF.csv").write_bytes(b"\xff\xfename")
    return tmp_path, stars.reshape(n_users, 300), answers


def test_a_copy_of_full_size_is_read(tmp_path):
    folder, stars, answers = write(tmp_path, 120)
    found = ads16.read(str(folder))
    assert (found.ratings == stars).all() and (found.answers == answers).all() and len(found.categories) == 20


@pytest.mark.parametrize("below", ["", "Corpus", "Corpus/Corpus"])
def test_what_was_written_is_read_back(copy, below):
    folder, stars, answers = copy
    found = ads16.read(folder / below)
    assert (found.ratings == stars).all() and (found.answers == answers).all()
    assert found.items == [f"item {k}" for k in range(10)] and found.categories[3] == "product 3"


def test_only_ratings_and_answers_are_opened(copy, monkeypatch):
    opened = []
    real = ads16._rows
    monkeypatch.setattr(ads16, "_rows", lambda path: opened.append(path.name[6:]) or real(path))
    ads16.read(copy[0])
    assert set(opened) == {"RT.csv", "B5.csv"} and len(opened) == 2 * FEW


def rewrite(folder, name, old, new, count=-1):
    path = folder / "Corpus/Corpus" / name[:5] / name
    path.write_text(path.read_text().replace(old, new, count))


def test_zero_is_a_missing_rating_and_few_may_be(copy):
    folder, stars, _ = copy
    first = ",".join(map(str, stars[4, :15]))
    rewrite(folder, "U0005-RT.csv", f'"{first}"', '"' + ",".join(["0"] * 15) + '"')
    found = ads16.read(folder).ratings
    assert np.isnan(found[4, :15]).all() and np.isnan(found).sum() == 15


def test_many_missing_ratings_are_refused(copy):
    folder, stars, _ = copy
    for cell in stars[0].reshape(20, 15)[:4]:
        rewrite(folder, "U0001-RT.csv", ",".join(map(str, cell)), ",".join(["0"] * 15))
    with pytest.raises(PaperlabError, match=r"2\.0% of the ratings are missing, at most 1%"):
        ads16.read(folder)


@pytest.mark.parametrize(
    "name, old, new, words",
    [
        ("U0007-RT.csv", '"Cat0";', "", r"U0007-RT.csv must have three rows of 20 cells"),
        ("U0007-RT.csv", '"product 2"', '"shoes"', "U0007 has other categories or items than U0001"),
        ("U0007-B5.csv", '"item 2"', '"another"', "U0007 has other categories or items than U0001"),
        ("U0007-B5.csv", ";", ",", "U0007-B5.csv has no row of 10 whole numbers"),
    ],
)
def test_another_layout_is_refused(copy, name, old, new, words):
    rewrite(copy[0], name, old, new)
    with pytest.raises(PaperlabError, match=words):
        ads16.read(copy[0])


@pytest.mark.parametrize("wrong", ["6", "x", "1,1"])
def test_a_rating_that_is_none_is_refused(copy, wrong):
    folder, stars, _ = copy
    cell = [str(star) for star in stars[2, :15]]
    rewrite(folder, "U0003-RT.csv", ",".join(cell), ",".join([wrong, *cell[1:]]))
    with pytest.raises(PaperlabError, match=r"U0003-RT\.csv, category product 0: expected 15 ratings from 0 to 5"):
        ads16.read(folder)


def test_answers_without_texts_of_items_are_read(copy):
    for user in range(FEW):
        path = copy[0] / f"Corpus/Corpus/U{user + 1:04d}/U{user + 1:04d}-B5.csv"
        path.write_text(path.read_text().splitlines()[1])
    found = ads16.read(copy[0])
    assert found.items == [] and (found.answers == copy[2]).all()


def test_a_missing_folder_or_file_is_named(copy, tmp_path):
    with pytest.raises(PaperlabError, match="no folder Corpus/Corpus/U0001 below nothing"):
        ads16.read(tmp_path / "nothing")
    (copy[0] / "Corpus/Corpus/U0009/U0009-B5.csv").unlink()
    with pytest.raises(PaperlabError, match=r"U0009-B5.csv is missing"):
        ads16.read(copy[0])
