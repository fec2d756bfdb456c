"""Playlists: who asked for what, splits without overlap, vectors of items that see the training only."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders import playlists
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.playlists import GENRES, film_playlists, list_vectors, split_playlists, tag_playlists


def rng(seed=0):
    return np.random.default_rng(seed)


TAGS = pd.DataFrame({"tagID": [1, 2, 3], "tagValue": ["Slow", " slow  ", "loud"]})
ARTISTS = pd.DataFrame({"id": [10, 11, 12, 13], "name": ["Abba", "The  Band", "abba", "Rare"]})
TAGGED = pd.DataFrame(
    [(1, 10, 1), (1, 11, 2), (1, 11, 1), (2, 10, 3), (2, 11, 3), (2, 12, 3), (3, 10, 1), (3, 99, 1), (2, 12, 1)],
    columns=["userID", "artistID", "tagID"],
)


def people(n=40, films=60, seed=1):
    """Ratings of made-up films, two genres each."""
    draw = rng(seed)
    names = sorted(GENRES)
    film = pd.DataFrame({"movieId": np.arange(films) + 5, "title": [f"Film {k}, The" for k in range(films)]})
    film["year"] = 1980 + draw.integers(0, 20, films)
    film["genres"] = ["|".join(draw.choice(names[:4], 2, replace=False)) for _ in range(films)]
    film.loc[0, "genres"] = "(no genres listed)"
    rows = pd.DataFrame([(u, m) for u in range(n) for m in draw.choice(films, 30, replace=False) + 5])
    rows.columns = ["userId", "movieId"]
    return rows.assign(rating=draw.choice([3.0, 4.0, 5.0], len(rows))).merge(film, on="movieId"), film


@pytest.fixture(scope="module")
def films():
    ratings, _ = people()
    return film_playlists(ratings, n_items=50, max_size=5, rng=rng())


def test_a_list_is_what_one_person_gave_one_tag_in_any_spelling():
    found = tag_playlists(TAGGED, TAGS, ARTISTS, n_items=3, rng=rng())
    told = {(found.texts[found.prompt[k]], tuple(sorted(found.names[found.lists.of(k)]))) for k in range(len(found))}
    assert told == {("slow", ("abba", "the band")), ("loud", ("abba", "abba", "the band"))}
    assert sorted(found.names) == ["abba", "abba", "the band"]  # two artists, one name; "Rare" has no tag


def test_the_number_of_an_item_is_dealt_by_lot():
    orders = {tuple(tag_playlists(TAGGED, TAGS, ARTISTS, n_items=3, rng=rng(k)).names) for k in range(20)}
    assert len(orders) == 3  # every place of "the band"


def test_films_of_a_list_share_person_decade_and_genres(films):
    ratings, film = people()
    known = film.set_index(film["title"].map(playlists.film_name))
    liked = ratings[ratings["rating"] >= 4].groupby("userId")["title"].agg(set)
    lists = [set(films.names[films.lists.of(k)]) for k in range(len(films))]
    assert all(4 <= len(each) <= 5 for each in lists)
    for each, text in zip(lists, films.texts[films.prompt], strict=True):
        decades = set(known.loc[list(each), "year"] // 10)
        assert len(decades) == 1 and ("ninet" in text or "90s" in text) == (decades == {199})
        shared = set.intersection(*(set(known.loc[name, "genres"].split("|")) for name in each))
        asked = {genre for genre, words in GENRES.items() if any(word in text for word in words)}
        assert asked & shared
        assert any(each <= {playlists.film_name(title) for title in some} for some in liked)


def test_nobody_makes_more_lists_than_allowed():
    found = film_playlists(people()[0], n_items=50, per_person=3, rng=rng())
    assert np.bincount(found.person).max() == 3


@pytest.mark.parametrize(("by", "column"), [("playlist", None), ("person", "person"), ("prompt", "meaning")])
def test_nothing_held_out_is_in_training(films, by, column):
    train, out = split_playlists(films, by=by, rng=rng(3))
    assert np.array_equal(np.sort(np.concatenate([train, out])), np.arange(len(films)))
    if column:
        units = getattr(films, column)
        assert not set(units[train]) & set(units[out])


def test_taken_lists_keep_their_items(films):
    some = films.take([5, 2, 2])
    assert [list(some.lists.of(k)) for k in range(3)] == [list(films.lists.of(k)) for k in (5, 2, 2)]
    joined = playlists.Playlists.join(films.take([1]), films.take([4]))
    assert list(joined.lists.of(1)) == list(films.lists.of(4)) and joined.person[1] == films.person[4]


def test_vectors_of_items_in_two_worlds_are_at_right_angles():
    draw = rng(4)
    lists = [draw.choice(10, 4, replace=False) + 10 * (k % 2) for k in range(300)]
    table = Interactions.from_pairs(np.repeat(np.arange(300), 4), np.concatenate(lists), n_items=21)
    found = list_vectors(table, dim=8, rng=rng())
    cosine = found @ found.T
    assert np.abs(cosine[:10, 10:20]).max() < 1e-6
    assert np.diag(cosine)[:20] == pytest.approx(1) and not found[20].any()  # nobody has the last item


def test_vectors_are_the_largest_part_of_the_factorised_table():
    lists = Interactions.from_pairs([0, 0, 1, 1, 1, 2, 2], [0, 1, 1, 2, 3, 2, 3])
    both = np.array([[0, 1, 0, 0], [1, 0, 1, 1], [0, 1, 0, 2], [0, 1, 2, 0]])
    single = both.sum(1)
    with np.errstate(divide="ignore"):
        table = np.maximum(np.log(both * both.sum() / np.outer(single, single)), 0)
    left, size, _ = np.linalg.svd(table)
    rows = (left * size)[:, :3]
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = list_vectors(lists, dim=3, power=1.0, rng=rng())
    assert found @ found.T == pytest.approx(expected @ expected.T)


def test_what_is_held_out_moves_no_vector(films):
    train, out = split_playlists(films, rng=rng(5))
    vectors = list_vectors(films.take(train).lists, dim=6, rng=rng(1))
    lists = films.lists.items.copy()
    for k in out:  # other answers in the lists that are held out
        rows = slice(films.lists.indptr[k], films.lists.indptr[k + 1])
        lists[rows] = (lists[rows] * 7 + 3) % films.n_items
    changed = playlists.Playlists(
        films.texts, films.prompt, films.meaning, films.person,
        Interactions(films.lists.indptr, lists, films.n_items), films.names,
    )  # fmt: skip
    assert np.array_equal(vectors, list_vectors(changed.take(train).lists, dim=6, rng=rng(1)))
    assert not np.allclose(vectors, list_vectors(changed.lists, dim=6, rng=rng(1)))


def test_bad_inputs_are_refused(films):
    with pytest.raises(ValueError, match="n_items must lie in 1 to 3"):
        tag_playlists(TAGGED, TAGS, ARTISTS, n_items=4, rng=rng())
    with pytest.raises(ValueError, match="no playlist is long enough"):
        tag_playlists(TAGGED, TAGS, ARTISTS, n_items=3, min_size=9, rng=rng())
    with pytest.raises(ValueError, match="min_size must lie in 1 to max_size = 3"):
        film_playlists(people()[0], n_items=5, max_size=3, rng=rng())
    with pytest.raises(ValueError, match="by must be one of"):
        split_playlists(films, by="user", rng=rng())
    with pytest.raises(ValueError, match="share must leave something"):
        split_playlists(films, share=1.0, rng=rng())
    with pytest.raises(ValueError, match="dim must lie in 1"):
        list_vectors(films.lists, dim=films.n_items, rng=rng())
    with pytest.raises(ValueError, match="same prompts and items"):
        playlists.Playlists.join(films, tag_playlists(TAGGED, TAGS, ARTISTS, n_items=3, rng=rng()))
