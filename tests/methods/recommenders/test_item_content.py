"""Descriptions of films: links by title, words known at the release, vectors."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders.item_content import (
    RELATIONS,
    describe,
    entities_by_title,
    film_tokens,
    link_agreement,
    link_by_title,
    title_key,
    unit_rows,
)

ITEMS = pd.DataFrame({"title": ["Alien", "Aliens", "Kim"], "genres": ["Horror", "Horror Action", "Drama"]})
FACTS = pd.DataFrame(
    [
        ("a", "film.film.directed_by", "scott"),
        ("b", "film.film.directed_by", "cameron"),
        ("b", "film.film.prequel", "a"),
        ("b", "film.film.award_won", "oscar"),
        ("a", "film.film.award_nomination", "oscar"),
        ("a", "film.film.sequel", "b"),
        ("scott", "film.director.film", "a"),
    ],
    columns=["head", "relation", "tail"],
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_no_award_no_sequel_and_no_inverse_relation_is_allowed():
    assert len(RELATIONS) == 12
    assert all(relation.startswith("film.film.") for relation in RELATIONS)  # the film stands in front
    assert not any(word in relation for relation in RELATIONS for word in ("award", "sequel", "films"))


def test_tokens_hold_nothing_from_after_the_release():
    tokens = film_tokens(ITEMS, FACTS, ["a", "b", None])
    assert tokens[0] == ["genre:Horror", "title:alien", "film.film.directed_by:scott"]
    assert "film.film.prequel:a" in tokens[1]
    assert not any("oscar" in word or "sequel" in word for words in tokens for word in words)
    assert tokens[2] == ["genre:Drama", "title:kim"]  # a film without a link keeps genres and title


@pytest.mark.parametrize("relation", ["film.film.award_won", "film.film.sequel", "film.director.film"])
def test_a_relation_that_leaks_is_refused(relation):
    with pytest.raises(ValueError, match=rf"got {relation}; choose among RELATIONS"):
        film_tokens(ITEMS, FACTS, ["a", "b", None], relations=[relation])


def test_facts_need_entities():
    with pytest.raises(ValueError, match="entities must name each of 3 films, got 0"):
        film_tokens(ITEMS, FACTS)


def test_the_same_film_is_found_under_another_spelling():
    ours = [
        "Lost World: Jurassic Park, The",
        "City of Lost Children, The (Cité des enfants perdus, La)",
        "Crash",
        "Kim",
    ]
    theirs = ["The Lost World: Jurassic Park", "City of Lost Children, The", "Crash", "Crash"]
    row = link_by_title(ours, [1997, 1995, 1996, np.nan], theirs, [1997, 1996, 2004, 1996])
    assert row.tolist() == [0, 1, 3, -1]


def test_two_films_of_one_title_and_year_are_not_guessed():
    assert link_by_title(["Hamlet"], [1996], ["Hamlet", "Hamlet"], [1996, 1996]).tolist() == [-1]
    assert title_key("The") == "the"  # an article alone is a title
    with pytest.raises(ValueError, match="title must have one year each, got 1 titles and 2 years"):
        link_by_title(["Hamlet"], [1996, 1997], ["Hamlet"], [1996])


def _world(n=60, seed=0):
    draw = rng(seed)
    return [[f"w{k}" for k in np.flatnonzero(draw.random(30) < 0.2)] for _ in range(n)]


def test_vectors_have_unit_length_and_keep_the_cosines_at_full_dimension():
    from sklearn.feature_extraction.text import TfidfVectorizer

    tokens = _world(200)
    found = describe(tokens, dim=29, rng=rng(), min_films=1)
    table = TfidfVectorizer(analyzer=list, binary=True).fit_transform(tokens)
    exact = (table @ table.T).toarray()
    assert np.abs(found.vectors @ found.vectors.T - exact).max() < 0.35  # one of 30 dimensions is lost
    assert np.corrcoef((found.vectors @ found.vectors.T).ravel(), exact.ravel())[0, 1] > 0.97
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert found.share > 0.9


def test_cosines_do_not_depend_on_the_order_of_films_or_on_the_seed():
    tokens, order = _world(), rng(3).permutation(60)
    first, again = describe(tokens, dim=10, rng=rng(1)), describe([tokens[k] for k in order], dim=10, rng=rng(2))
    cosines = first.vectors @ first.vectors.T
    assert np.allclose(cosines[np.ix_(order, order)], again.vectors @ again.vectors.T, atol=5e-3)


def test_words_of_few_films_are_dropped_and_an_empty_film_is_zero():
    tokens = [[*words, f"only{film}"] for film, words in enumerate(_world())]
    tokens[7] = ["only here"]
    found = describe(tokens, dim=5, rng=rng(), min_films=3)
    assert not any(word.startswith("only") for word in found.vocabulary)
    assert not found.vectors[7].any()


def test_more_dimensions_than_words_are_refused():
    with pytest.raises(ValueError, match="below the 2 words of 2 or more films and the 3 films, got 2"):
        describe([["a", "b"], ["a", "b"], ["a"]], dim=2, rng=rng(), min_films=2)


def test_right_links_agree_and_exchanged_ones_do_not():
    draw = rng(4)
    genre = draw.choice(["War", "Love", "Sea", "Fun"], 400)
    items = pd.DataFrame({"genres": genre, "release_year": np.arange(400.0)})
    names = np.array([f"m{film}" for film in range(400)])
    rows = [(names[film], "film.film.genre", f"g.{genre[film]}") for film in range(400)]
    rows += [(names[film], "film.film.prequel", names[draw.integers(film)]) for film in range(1, 400)]
    facts = pd.DataFrame(rows, columns=["head", "relation", "tail"])
    right, wrong = link_agreement(items, facts, names), link_agreement(items, facts, draw.permutation(names))
    share = np.unique(genre, return_counts=True)[1] / 400
    assert right["n_linked"] == 400 and right["older"] == 1
    assert right["bits"] == pytest.approx(-np.sum(share * np.log2(share)))  # one side tells the other
    assert wrong["bits"] < 0.05 and wrong["older"] == pytest.approx(0.5, abs=0.08)
    with pytest.raises(ValueError, match="entities must name each of 400 films, got 399"):
        link_agreement(items, facts, names[1:])


def test_the_shipped_links_of_ml100k_name_other_films_and_titles_mend_it():
    from paperlab import datasets

    tables = datasets.load("ml100k")
    films, shipped = tables["items"], tables["links"].set_index("item")["entity"]
    larger = datasets.load("movielens_latest_small").drop_duplicates("movieId")
    row = link_by_title(films["title"], films["release_year"], larger["title"], larger["year"])
    number = pd.Series(np.where(row >= 0, larger["movieId"].to_numpy()[row] - 1, -1))
    assert films["title"][259] == "Event Horizon" and shipped[259] == "m.0dtfn"  # Star Wars
    as_shipped = link_agreement(films, tables["facts"], shipped.reindex(films["item"]).fillna("").to_numpy())
    mended = link_agreement(films, tables["facts"], number.map(shipped).fillna("").to_numpy())
    assert as_shipped["bits"] < 0.25 * mended["bits"]
    assert as_shipped["older"] < 0.6 and mended["older"] > 0.9
    assert mended["n_linked"] > 1200


def test_entities_come_through_title_and_year_and_not_through_the_order():
    films = pd.DataFrame({"title": ["Alien", "Hamlet", "Kim"], "release_year": [1979, 1996, 1950]})
    others = pd.DataFrame({"title": ["Hamlet", "Alien", "Hamlet"], "year": [1996, 1979, 1996], "movieId": [7, 3, 7]})
    links = pd.DataFrame({"item": [2, 6, 0], "entity": ["m.alien", "m.hamlet", "m.first"]})
    assert entities_by_title(films, others, links).tolist() == ["m.alien", "m.hamlet", ""]
    assert entities_by_title(films, others[::-1], links[::-1]).tolist() == ["m.alien", "m.hamlet", ""]
    assert entities_by_title(films, others, links.iloc[2:]).tolist() == ["", "", ""]


def test_rows_have_length_one_or_stay_zero():
    found = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [-2.0, 0.0]]))
    assert np.allclose(found, [[0.6, 0.8], [0, 0], [-1, 0]])
