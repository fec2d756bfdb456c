"""Descriptions of films as vectors: words of title, genres and facts known at the release, weighted and reduced."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from paperlab.methods.foundations.resampling import seed_of

RELATIONS = (
    "film.film.actor",
    "film.film.genre",
    "film.film.produced_by",
    "film.film.written_by",
    "film.film.language",
    "film.film.country",
    "film.film.directed_by",
    "film.film.cinematography",
    "film.film.production_companies",
    "film.film.rating",
    "film.film.subjects",
    "film.film.prequel",
)
"""Facts with the film in front that are known when it comes out."""

ARTICLES = "the|a|an|la|le|les|l'|il|lo|el|los|das|der|die"


def title_key(title):
    """A title without its article, brackets, accents of style and punctuation, for comparisons.

    Examples
    --------
    >>> title_key("Lost World: Jurassic Park, The (1997)"), title_key("The Lost World: Jurassic Park")
    ('lost world jurassic park', 'lost world jurassic park')
    """
    bare = re.sub(r"\(.*?\)", " ", str(title)).strip().lower()
    bare = re.sub(rf"^(.*), ({ARTICLES})$", r"\1", bare)
    bare = re.sub(rf"^({ARTICLES}) (?=.)", "", bare)
    return " ".join(re.findall(r"[^\W_]+", bare))


def link_by_title(title, year, other_title, other_year, *, years_apart=1):
    """Row of the same film in another table, found by its title and its year.

    Parameters
    ----------
    title, year : array_like, shape (n,)
        Year as a number, NaN where unknown.
    other_title, other_year : array_like, shape (m,)
    years_apart : int
        Years by which the two may differ, as festival and release do.

    Returns
    -------
    ndarray of int, shape (n,)
        Row in the other table; -1 without one, or where several are equally near in time.

    Raises
    ------
    ValueError
        If titles and years differ in number.

    Examples
    --------
    >>> link_by_title(["Crash", "Kim"], [1996, 1950], ["Crash", "Crash"], [2004, 1996])
    array([ 1, -1])
    """
    tables = []
    for name, names, years in (("title", title, year), ("other_title", other_title, other_year)):
        if len(names) != len(years):
            raise ValueError(f"{name} must have one year each, got {len(names)} titles and {len(years)} years")
        tables.append(pd.DataFrame({"key": [title_key(one) for one in names], "year": np.asarray(years, float)}))
    ours, others = (table.reset_index(names=row) for table, row in zip(tables, ("film", "row"), strict=True))
    pairs = ours.merge(others[others["key"] != ""], on="key", suffixes=("", "_other"))
    pairs["gap"] = (pairs["year"] - pairs["year_other"]).abs()
    pairs = pairs[pairs["gap"] <= years_apart]
    nearest = pairs[pairs["gap"] == pairs.groupby("film")["gap"].transform("min")]
    single = nearest[~nearest["film"].duplicated(keep=False)]
    found = np.full(len(ours), -1)
    found[single["film"]] = single["row"]
    return found


def entities_by_title(films, others, links):
    """Entities of films through a list that shares title and year with them, shape (n_films,); "" where there is none.

    Parameters
    ----------
    films : DataFrame
        Columns title and release_year, one row per film.
    others : DataFrame
        Columns title, year and movieId (from 1); rows of one movieId are one film.
    links : DataFrame
        Columns item (movieId less 1) and entity.
    """
    others = others.drop_duplicates("movieId")
    row = link_by_title(films["title"], films["release_year"], others["title"], others["year"])
    number = pd.Series(np.where(row >= 0, others["movieId"].to_numpy()[row] - 1, -1))
    return number.map(links.set_index("item")["entity"]).fillna("").to_numpy()


def film_tokens(items, facts=None, entities=None, *, relations=RELATIONS):
    """What is known of every film at its release, as a list of words.

    Parameters
    ----------
    items : DataFrame
        Columns title and genres (separated by blanks), one row per film.
    facts : DataFrame, optional
        Columns head, relation, tail. Only rows whose head is the film and whose relation is named are used.
    entities : array_like of str, shape (n_films,), optional
        Name of the film among the heads; None or "" where it has none. Needed with facts.
    relations : sequence of str
        Among `RELATIONS`.

    Returns
    -------
    list of list of str
        Each token once per film, as ``genre:Drama``, ``title:story`` or ``film.film.actor:m.0bln8``.

    Raises
    ------
    ValueError
        If a relation is not among `RELATIONS` (awards and sequels come after the release, and inverse relations repeat
        facts), or entities are missing or too few.

    Notes
    -----
    Page ``metric_learning_movies``, where the relations are listed.
    """
    foreign = [relation for relation in relations if relation not in RELATIONS]
    if foreign:
        raise ValueError(
            f"relations must be known at the release and have the film in front, got {foreign[0]}; "
            "choose among RELATIONS"
        )
    tokens = []
    for title, genres in zip(items["title"], items["genres"], strict=True):
        words = [f"title:{word}" for word in title_key(title).split() if len(word) > 2]
        tokens.append([f"genre:{genre}" for genre in str(genres).split()] + words)
    if facts is not None:
        if entities is None or len(entities) != len(items):
            raise ValueError(
                f"entities must name each of {len(items)} films, got {0 if entities is None else len(entities)}"
            )
        allowed = facts[facts["relation"].isin(relations)]
        known = (allowed["relation"] + ":" + allowed["tail"]).groupby(allowed["head"]).agg(list)
        for film, entity in enumerate(entities):
            if entity and entity in known.index:
                tokens[film] += known[entity]
    return [list(dict.fromkeys(found)) for found in tokens]


def link_agreement(items, facts, entities):
    """Whether links name the right films: agreement of the genres of both sides, order of films and prequels.

    Parameters
    ----------
    items : DataFrame
        Columns genres (separated by blanks) and release_year.
    facts : DataFrame
        Columns head, relation, tail.
    entities : array_like of str, shape (n_films,)
        Name of each film among heads and tails; "" where it has none.

    Returns
    -------
    dict
        ``n_linked``; ``bits``, the mutual information of genres in the facts and of genres in the table, over pairs of
        both; ``older``, the share of prequels with both films linked that are older than the film. With links drawn by
        lot ``bits`` is near 0, up to the bias of counts, and ``older`` near one half.

    Raises
    ------
    ValueError
        If entities and items differ in number.
    """
    if len(entities) != len(items):
        raise ValueError(f"entities must name each of {len(items)} films, got {len(entities)}")
    film = {name: number for number, name in enumerate(entities) if name}
    known = facts.assign(film=facts["head"].map(film)).dropna(subset="film")
    genre = known[known["relation"] == "film.film.genre"]
    lists = items["genres"].reset_index(drop=True).str.split()
    both = genre.assign(own=genre["film"].map(lists)).explode("own")
    share = pd.crosstab(both["tail"], both["own"], normalize=True).to_numpy()
    ratio = share / np.outer(share.sum(axis=1), share.sum(axis=0))
    prequel = known[known["relation"] == "film.film.prequel"]
    year = items["release_year"].reset_index(drop=True)
    gap = year.reindex(prequel["film"]).to_numpy() - year.reindex(prequel["tail"].map(film)).to_numpy()
    older = float(np.mean(gap[np.isfinite(gap)] > 0)) if np.isfinite(gap).any() else np.nan
    return {"n_linked": len(film), "bits": float(np.sum(share[share > 0] * np.log2(ratio[share > 0]))), "older": older}


@dataclass(frozen=True)
class Description:
    """Films as points.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n_films, dim)
        Unit length; zero where a film has no word that others have.
    vocabulary : ndarray of str
        Words kept.
    directions : ndarray, shape (dim, n_words)
        Weight of every word in every dimension.
    share : float
        Share of the variance of the weighted counts that is kept.
    """

    vectors: np.ndarray
    vocabulary: np.ndarray = field(repr=False)
    directions: np.ndarray = field(repr=False)
    share: float


def describe(tokens, *, dim, rng, min_films=3):
    """Vectors of films from their tokens: weighted counts of words, reduced by a singular value decomposition.

    Parameters
    ----------
    tokens : list of list of str, shape (n_films,)
    dim : int
        Dimensions, fewer than words kept and than films.
    rng : numpy.random.Generator
        For the start of the decomposition.
    min_films : int
        Words of fewer films are dropped: what one film alone has says nothing about another.

    Returns
    -------
    Description

    Raises
    ------
    ValueError
        If no word is kept, or ``dim`` is not below the number of words kept and of films.

    Notes
    -----
    Weights log((1 + n) / (1 + n_w)) + 1 for a word of n_w of n films, rows of unit length (scikit-learn's rule).

    Examples
    --------
    >>> tokens = [["war", "sea"], ["war", "sea"], ["love"], ["love", "sea"]]
    >>> found = describe(tokens, dim=2, rng=np.random.default_rng(0), min_films=2)
    >>> (found.vectors @ found.vectors.T).round(2)[0]
    array([ 1.  ,  1.  , -0.01,  0.43], dtype=float32)
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = pd.Series([word for found in tokens for word in set(found)], dtype=object).value_counts()
    n_words = int((counts >= min_films).sum())
    if not 1 <= dim < min(n_words, len(tokens)):
        raise ValueError(
            f"dim must be at least 1 and below the {n_words} words of {min_films} or more films and the "
            f"{len(tokens)} films, got {dim}"
        )
    weigh = TfidfVectorizer(analyzer=list, binary=True, min_df=min_films)
    table = weigh.fit_transform(tokens)
    reduce = TruncatedSVD(dim, n_iter=7, random_state=seed_of(rng))
    vectors = reduce.fit_transform(table)
    share = float(reduce.explained_variance_ratio_.sum())
    words = np.asarray(weigh.get_feature_names_out(), dtype=str)
    return Description(unit_rows(vectors).astype(np.float32), words, reduce.components_, share)


def unit_rows(vectors):
    """Rows of length one; rows of zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-9)
