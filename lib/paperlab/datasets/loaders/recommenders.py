"""Loaders of the part on recommenders.

Interactions are tables of ``user`` and ``item``, numbered from 0, in time order within each user where the source has
one. Numbers of items follow the order of first appearance in the Amazon sets, test items included: permute them before
a method can see them.
"""

import csv

from paperlab.datasets import unpickle
from paperlab.datasets.loaders.base import expect, loader
from paperlab.errors import PaperlabError


def _histories(name, path, *, users, items, interactions, first=1):
    """Lines ``user item item ...`` as a table of user and item, both from 0."""
    import numpy as np
    import pandas as pd

    numbers, people = [], []
    for row, line in enumerate(path.read_text(encoding="ascii").splitlines()):
        try:
            user, *listed = map(int, line.split())
        except ValueError:
            raise PaperlabError(f"data set {name}: line {row + 1} of {path.name} is no list of numbers") from None
        people.append(np.full(len(listed), user))
        numbers.append(np.array(listed, dtype=np.int64))
    frame = pd.DataFrame({"user": np.concatenate(people) - first, "item": np.concatenate(numbers) - first})
    expect(name, frame, rows=interactions, ranges={"user": (0, np.inf), "item": (0, items - 1)})
    if frame["user"].nunique() != users:
        raise PaperlabError(f"data set {name}: {frame['user'].nunique()} users, expected {users}")
    return frame


def _attributes(name, path, items):
    """Attributes of items as a table of item and attribute, both from 0; an item may have none."""
    import json

    import pandas as pd

    listed = json.loads(path.read_text(encoding="utf-8"))
    pairs = [(int(item) - 1, attribute - 1) for item, found in listed.items() for attribute in found]
    frame = pd.DataFrame(pairs, columns=["item", "attribute"])
    return expect(name, frame, ranges={"item": (0, items - 1), "attribute": (0, 1e5)})


def _amazon(name, files, stem, users, items, interactions):
    histories = _histories(name, files[f"{stem}.txt"], users=users, items=items, interactions=interactions)
    return {"interactions": histories, "attributes": _attributes(name, files[f"{stem}_item2attributes.json"], items)}


@loader
def amazon_beauty(files):
    """Keys interactions (user, item; 198,502 rows in time order) and attributes (item, attribute)."""
    return _amazon("amazon_beauty", files, "Beauty", 22363, 12101, 198502)


@loader
def amazon_sports(files):
    """Keys interactions (user, item; 296,337 rows in time order) and attributes (item, attribute)."""
    return _amazon("amazon_sports", files, "Sports_and_Outdoors", 35598, 18357, 296337)


@loader
def amazon_toys(files):
    """Keys interactions (user, item; 167,597 rows in time order) and attributes (item, attribute)."""
    return _amazon("amazon_toys", files, "Toys_and_Games", 19412, 11924, 167597)


@loader
def amazon_beauty_7core(files):
    """Interactions (user, item; 60,276 rows in time order) of 4,322 users and 2,423 items."""
    return _histories("amazon_beauty_7core", files["Beauty_7core.txt"], users=4322, items=2423, interactions=60276)


@loader
def gowalla(files):
    """Keys train and test: check-ins (user, item) of 29,858 users at 40,981 places, without times."""
    train = _histories("gowalla", files["train.txt"], users=29858, items=40981, interactions=810128, first=0)
    test = _histories("gowalla", files["test.txt"], users=29858, items=40981, interactions=217242, first=0)
    return {"train": train, "test": test}


@loader
def steam_recgpt_test(files):
    """Interactions (user, item; 423,630 rows in time order) of 33,445 users; users keep the numbers of the source."""
    return _histories(
        "steam_recgpt_test", files["test_sequences.txt"], users=33445, items=10**6, interactions=423630, first=0
    )


def _table(path, **options):
    """A tab separated table whose texts may hold quotes and words such as NA."""
    import pandas as pd

    return pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False, **options)


@loader
def setrec_splits(files):
    """Keys beauty, toys, sports: user (from 0, as in the Amazon sets), n_train, n_valid, n_test."""
    tables = {}
    for key, rows in (("beauty", 18135), ("toys", 15635), ("sports", 27591)):
        frame = _table(files[f"{key}_cuts.tsv"])
        columns = ("user", "n_train", "n_valid", "n_test")
        tables[key] = expect("setrec_splits", frame, rows=rows, columns=columns, ranges={"n_train": (1, 1e4)})
        tables[key]["user"] -= 1
    return tables


@loader
def amazon_item_names(files):
    """Keys beauty, sports: item (from 0), asin, and attributes, a list of names per item (categories and brand)."""
    tables = {}
    for key, rows in (("beauty", 12101), ("sports", 18357)):
        frame = _table(files[f"{key}_items.tsv"])
        expect(
            "amazon_item_names", frame, rows=rows, columns=("item", "asin", "attributes"), ranges={"item": (1, rows)}
        )
        frame["item"] -= 1
        frame["attributes"] = [[name for name in names.split("|") if name] for names in frame["attributes"]]
        tables[key] = frame[["item", "asin", "attributes"]]
    return tables


@loader
def amazon2018_titles(files):
    """Keys industrial, office: items (item, title, brand, description), valid and test (user, history, target)."""
    answer = {}
    for key, items, rows in (("industrial", 3686, (4532, 4533)), ("office", 3459, (4866, 4866))):
        names = _table(files[f"{key}_items.tsv"])
        columns = ("item", "title", "brand", "description")
        answer[key] = {"items": expect("amazon2018_titles", names, rows=items, columns=columns)}
        for part, count in zip(("valid", "test"), rows):
            frame = _table(files[f"{key}_{part}.tsv"], dtype={"history": str})
            expect("amazon2018_titles", frame, rows=count, columns=("user", "history", "target"))
            expect("amazon2018_titles", frame, ranges={"target": (0, items - 1)})
            frame["history"] = [[int(item) for item in history.split()] for history in frame["history"]]
            answer[key][part] = frame
    return answer


@loader
def lastfm_hetrec2011(files):
    """Tables under the keys artists, tags, plays and tagged.

    Columns of artists: id, name; of tags: tagID, tagValue; of plays: userID, artistID, weight; of tagged: userID,
    artistID, tagID.
    """
    names = {
        "artists": ("artists.tsv", 17632),
        "tags": ("tags.tsv", 11946),
        "plays": ("user_artists.tsv", 92834),
        "tagged": ("user_taggedartists.tsv", 186478),
    }
    return {key: expect("lastfm_hetrec2011", _table(files[file]), rows=rows) for key, (file, rows) in names.items()}


@loader
def criteo_10k(files):
    """Click, 13 counts (i1 to i13, NaN if missing) and 26 hashed categories (c1 to c26, empty text if missing)."""
    counts, hashed = [f"i{j}" for j in range(1, 14)], [f"c{j}" for j in range(1, 27)]
    frame = _table(files["train_examples.txt"], header=None, dtype=str)
    if frame.shape[1] != 40:
        raise PaperlabError(f"data set criteo_10k: {frame.shape[1]} columns, expected 40")
    frame.columns = ["click", *counts, *hashed]
    frame["click"] = frame["click"].astype(int)
    frame[counts] = frame[counts].replace("", float("nan")).astype(float)
    return expect("criteo_10k", frame, rows=10000, ranges={"click": (0, 1)})


@loader
def ml100k(files):
    """Keys ratings (user, item, rating, time), users, items, facts (head, relation, tail) and links (item, entity).

    Users and items are numbered from 0; ``time`` is in seconds since 1970; ``release_year`` is NaN for one film, which
    has no title.
    """
    import pandas as pd

    stem = "dataset_example/ml-100k/ml-100k"
    plain = {"dtype": {"zip_code:token": str, "release_year:token": str}}
    tables = {part: _table(files[f"{stem}.{part}"], **plain) for part in ("inter", "user", "item", "kg", "link")}
    for frame in tables.values():
        frame.columns = [column.partition(":")[0] for column in frame.columns]
    ratings = tables["inter"].rename(columns={"user_id": "user", "item_id": "item", "timestamp": "time"})
    users = tables["user"].rename(columns={"user_id": "user"})
    items = tables["item"].rename(columns={"item_id": "item", "movie_title": "title", "class": "genres"})
    items["release_year"] = pd.to_numeric(items["release_year"], errors="coerce")
    links = tables["link"].rename(columns={"item_id": "item", "entity_id": "entity"})
    facts = tables["kg"].rename(columns={"head_id": "head", "relation_id": "relation", "tail_id": "tail"})
    for frame in (ratings, items, links):
        frame["item"] -= 1
    for frame in (ratings, users):
        frame["user"] -= 1
    expect("ml100k", ratings, rows=100_000, ranges={"user": (0, 942), "item": (0, 1681), "rating": (1, 5)})
    for frame, rows in ((users, 943), (items, 1682), (facts, 91_631), (links, 1598)):
        expect("ml100k", frame, rows=rows)
    return {"ratings": ratings, "users": users, "items": items, "facts": facts, "links": links}


def _pickled(name, path):
    """A table that a package stores as a compressed pickle."""
    import lzma

    try:
        with lzma.open(path) as file:
            return unpickle.load(file, tables=True).drop(columns="rownames")
    except (ValueError, lzma.LZMAError) as error:
        raise PaperlabError(f"data set {name}: {path.name} cannot be read: {error}") from None


@loader
def movielens_latest_small(files):
    """Ratings of 2016: movieId, title, year, genres (separated by |), userId, rating (0.5 to 5), timestamp [s]."""
    frame = _pickled("movielens_latest_small", files["_data/dslabs/movielens.pkl.compress"])
    columns = ("movieId", "title", "year", "genres", "userId", "rating", "timestamp")
    return expect("movielens_latest_small", frame, rows=100_004, columns=columns, ranges={"rating": (0.5, 5)})


@loader
def bfi_personality(files):
    """Answers A1 to O5 (1 to 6, NaN where missing) of 2,800 people, gender (1 man, 2 woman), education, age [years]."""
    frame = _pickled("bfi_personality", files["_data/psych/bfi.pkl.compress"])
    answers = [f"{trait}{j}" for trait in "ACENO" for j in range(1, 6)]
    return expect("bfi_personality", frame, rows=2800, columns=answers, ranges=dict.fromkeys(answers, (1, 6)))
