"""Playlists with a prompt each: from tags that people gave, from films that people liked; splits, vectors of items."""

import re
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import sparse

from paperlab.methods.foundations.resampling import seed_of
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.item_content import ARTICLES, unit_rows

SPLITS = ("playlist", "person", "prompt")
GENRES = {
    "Action": ("action", "explosive", "fighting"),
    "Adventure": ("adventure", "swashbuckling", "journey"),
    "Animation": ("animated", "cartoon", "animation"),
    "Children": ("children's", "family", "kids"),
    "Comedy": ("comedy", "funny", "humorous"),
    "Crime": ("crime", "gangster", "underworld"),
    "Documentary": ("documentary", "true-life", "factual"),
    "Drama": ("drama", "serious", "moving"),
    "Fantasy": ("fantasy", "magical", "enchanted"),
    "Film-Noir": ("film noir", "noir", "hard-boiled"),
    "Horror": ("horror", "scary", "frightening"),
    "Musical": ("musical", "singing", "song and dance"),
    "Mystery": ("mystery", "whodunit", "puzzling"),
    "Romance": ("romance", "love", "romantic"),
    "Sci-Fi": ("science fiction", "sci-fi", "futuristic"),
    "Thriller": ("thriller", "suspense", "tense"),
    "War": ("war", "battlefield", "soldier"),
    "Western": ("western", "cowboy", "wild west"),
}
"""Words with which a prompt can ask for a genre."""
DECADES = ("tens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")


@dataclass(frozen=True)
class Playlists:
    """Lists of items, each with a prompt in words.

    Attributes
    ----------
    texts : ndarray of str, shape (n_prompts,)
        Different prompts.
    prompt, meaning, person : ndarray of int, shape (n_playlists,)
        Prompt of each list; what it asks for, whatever the words; who made it.
    lists : Interactions
        Items of each list: lists stand in the place of users.
    names : ndarray of str, shape (n_items,)
        Names of the items; several items may have one name.
    """

    texts: np.ndarray = field(repr=False)
    prompt: np.ndarray = field(repr=False)
    meaning: np.ndarray = field(repr=False)
    person: np.ndarray = field(repr=False)
    lists: Interactions = field(repr=False)
    names: np.ndarray = field(repr=False)

    def __len__(self):
        return len(self.prompt)

    @property
    def n_items(self):
        """Items of the catalogue, those on no list included."""
        return self.lists.n_items

    def take(self, chosen):
        """Some of the lists, in the order of ``chosen`` (numbers of lists); prompts and items keep their numbers."""
        chosen, lists = np.asarray(chosen), self.lists.take(chosen)
        return Playlists(self.texts, self.prompt[chosen], self.meaning[chosen], self.person[chosen], lists, self.names)

    @classmethod
    def join(cls, *parts):
        """Lists of several parts of the same prompts and items, one after another."""
        if any(len(part.texts) != len(parts[0].texts) or part.n_items != parts[0].n_items for part in parts):
            raise ValueError("parts must have the same prompts and items; take them from one set of playlists")
        lengths = np.concatenate([part.lists.lengths for part in parts])
        items = np.concatenate([part.lists.items for part in parts])
        lists = Interactions(np.concatenate([[0], np.cumsum(lengths)]), items, parts[0].n_items)
        columns = (np.concatenate([getattr(part, name) for part in parts]) for name in ("prompt", "meaning", "person"))
        return cls(parts[0].texts, *columns, lists, parts[0].names)


def _collect(found, names, *, rng):
    """Playlists from a table with person, meaning, text and items of each; items are numbered by lot."""
    if not len(found):
        raise ValueError("no playlist is long enough; lower min_size or take more items")
    number = rng.permutation(len(names))
    shuffled = np.empty(len(names), dtype=object)
    shuffled[number] = np.asarray(names, dtype=object)
    texts, prompt = np.unique(found["text"].to_numpy(dtype=str), return_inverse=True)
    lengths = found["items"].map(len).to_numpy()
    items = number[np.concatenate(found["items"].to_list())]
    lists = Interactions(np.concatenate([[0], np.cumsum(lengths)]), items, len(names))
    meaning, person = (pd.factorize(found[column])[0] for column in ("meaning", "person"))
    return Playlists(texts, prompt, meaning, person, lists, shuffled.astype(str))


def _gather(person, meaning, item, min_size):
    """Table of person, meaning and items of each list that is long enough."""
    code, meanings = pd.factorize(pd.Index(meaning, tupleize_cols=False), sort=True)
    key = pd.factorize(person)[0].astype(np.int64) * len(meanings) + code
    place = pd.factorize(key)[0]
    long = np.bincount(place)[place] >= min_size
    key, person, code, item = (part[long] for part in (key, person, code, item))
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    found = pd.DataFrame({"person": person[order][first], "meaning": meanings[code[order][first]]})
    found["items"] = np.split(item[order], first[1:]) if len(first) else []
    return found


def _most_frequent(values, n, *, rng):
    """The n most frequent values, equally frequent ones by lot."""
    counts = pd.Series(values).value_counts()
    if not 1 <= n <= len(counts):
        raise ValueError(f"n_items must lie in 1 to {len(counts)}, the items that there are, got {n}")
    order = np.lexsort((rng.random(len(counts)), -counts.to_numpy()))
    return counts.index.to_numpy()[order[:n]]


def tag_playlists(tagged, tags, artists, *, n_items, min_size=2, rng):
    """What one person gave one tag is a playlist, and the tag its prompt.

    Parameters
    ----------
    tagged : DataFrame
        Columns userID, artistID, tagID.
    tags, artists : DataFrame
        Columns tagID, tagValue and id, name.
    n_items : int
        Artists, those with the most tags; equally often tagged ones by lot.
    min_size : int
        Artists of a list, at least.
    rng : numpy.random.Generator

    Returns
    -------
    Playlists
        An artist without a name is left out. What a prompt means is the prompt itself.

    Raises
    ------
    ValueError
        If there are fewer artists, or no list is long enough.
    """
    known = tagged.merge(artists, left_on="artistID", right_on="id").merge(tags, on="tagID")
    known = known.drop_duplicates(["userID", "artistID", "tagID"])
    kept = np.sort(_most_frequent(known["artistID"], n_items, rng=rng))
    known = known[known["artistID"].isin(kept)]
    known = known.assign(item=np.searchsorted(kept, known["artistID"]), text=known["tagValue"].map(_plain))
    known = known[known["text"] != ""].drop_duplicates(["userID", "text", "item"])
    found = _gather(known["userID"].to_numpy(), known["text"].to_numpy(), known["item"].to_numpy(), min_size)
    found["text"] = found["meaning"]
    return _collect(found, artists.set_index("id")["name"].loc[kept].map(_plain).to_numpy(), rng=rng)


def _plain(text):
    """Lower case, single blanks."""
    return " ".join(str(text).lower().split())


def film_playlists(ratings, *, n_items, min_size=4, max_size=4, per_person=20, liked=4.0, rng):
    """Films that one person liked, of one decade and of one or two genres, are a playlist; its prompt is made of words.

    Parameters
    ----------
    ratings : DataFrame
        Columns userId, movieId, title, year, genres (separated by |), rating.
    n_items : int
        Films, those that most people liked.
    min_size, max_size : int
        Lists with fewer films are left out; of more, so many are kept by lot.
    per_person : int
        Lists of one person, at most.
    liked : float
        Rating from which a film counts.
    rng : numpy.random.Generator

    Returns
    -------
    Playlists
        What a prompt means is its decade with its genres. Prompts are lines such as "some sci-fi films of the
        eighties", with three words for each genre and two or three for a decade, drawn anew for each list.

    Raises
    ------
    ValueError
        If there are fewer films, or no list is long enough.
    """
    if not 1 <= min_size <= max_size:
        raise ValueError(f"min_size must lie in 1 to max_size = {max_size}, got {min_size}")
    known = ratings[(ratings["rating"] >= liked) & ratings["year"].notna()].drop_duplicates(["userId", "movieId"])
    kept = np.sort(_most_frequent(known["movieId"], n_items, rng=rng))
    known = known[known["movieId"].isin(kept)]
    films = known.drop_duplicates("movieId").set_index("movieId").loc[kept]
    asks = [_meanings(year, genres) for year, genres in zip(films["year"], films["genres"], strict=True)]
    item = np.searchsorted(kept, known["movieId"])
    rows = [(person, ask, film) for person, film in zip(known["userId"], item, strict=True) for ask in asks[film]]
    person, ask, film = zip(*rows, strict=True)
    found = _gather(np.array(person), ask, np.array(film), min_size)
    found = found.iloc[rng.permutation(len(found))].groupby("person").head(per_person)
    found = found.assign(
        items=[rng.permutation(items)[:max_size] for items in found["items"]],
        text=[film_prompt(meaning[0], meaning[1:], rng=rng) for meaning in found["meaning"]],
    )
    return _collect(found, films["title"].map(film_name).to_numpy(), rng=rng)


def _meanings(year, genres):
    """What a film answers to: its decade with each of its genres and with each two of them."""
    known = sorted(set(str(genres).split("|")) & set(GENRES))
    decade = int(year) // 10 * 10
    return [(decade, *some) for size in (1, 2) for some in combinations(known, size)]


def film_name(title):
    """Title in small letters, with the article in front.

    Examples
    --------
    >>> film_name("Jungle Book, The")
    'the jungle book'
    """
    return _plain(re.sub(rf"^(.*), ({ARTICLES})$", r"\2 \1", str(title), flags=re.IGNORECASE))


def film_prompt(decade, genres, *, rng):
    """A wish in words, drawn from templates.

    Examples
    --------
    >>> film_prompt(1980, ["Sci-Fi"], rng=np.random.default_rng(3))
    'in the mood for science fiction films of the 1980s'
    """
    before = ("", "some ", "i like ", "recommend ", "in the mood for ")[rng.integers(5)]
    asked = " ".join(GENRES[genre][rng.integers(3)] for genre in rng.permutation(list(genres)))
    noun = ("films", "movies")[rng.integers(2)]
    words = [f"of the {decade}s", f"from the {decade}s" if decade in (1900, 2000) else f"from the {decade % 100}s"]
    if 1910 <= decade <= 1990:
        words.append(f"of the {DECADES[decade // 10 - 191]}")
    return f"{before}{asked} {noun} {words[rng.integers(len(words))]}"


def split_playlists(playlists, *, by="playlist", share=0.2, rng):
    """Numbers of the lists for training and of those held out.

    Parameters
    ----------
    playlists : Playlists
    by : {"playlist", "person", "prompt"}
        What is drawn by lot: lists; people, with all their lists; or meanings, so that nothing that a held-out prompt
        asks for was asked for in training.
    share : float
        Of lists, people or meanings held out, in (0, 1).
    rng : numpy.random.Generator

    Returns
    -------
    train, held_out : ndarray of int

    Raises
    ------
    ValueError
        If ``by`` is unknown, or a part would be empty.
    """
    if by not in SPLITS:
        raise ValueError(f"by must be one of {', '.join(SPLITS)}, got {by!r}")
    units = {"playlist": np.arange(len(playlists)), "person": playlists.person, "prompt": playlists.meaning}[by]
    number = np.unique(units)
    n_out = round(share * len(number))
    if not 0 < n_out < len(number):
        raise ValueError(f"share must leave something on both sides of {len(number)}, got {share}")
    out = np.isin(units, rng.permutation(number)[:n_out])
    return np.flatnonzero(~out), np.flatnonzero(out)


def list_vectors(lists, *, dim, rng, power=0.5):
    """Vectors of items from the lists that hold them together (collaborative filtering).

    Parameters
    ----------
    lists : Interactions
        Lists in the place of users: those of the training only, or the answer leaks into the vectors.
    dim : int
        Numbers of a vector, below the number of items.
    rng : numpy.random.Generator
        Start of the decomposition.
    power : float
        Power of the singular values, in [0, 1].

    Returns
    -------
    ndarray, shape (n_items, dim)
        Length one; zero where an item shares no list with another.

    Raises
    ------
    ValueError
        If ``dim`` is not below the number of items.

    Notes
    -----
    Positive pointwise mutual information ``max(0, log(n_ij n / (n_i n_j)))`` of items i and j, with n_ij lists that
    hold both, n_i and n their sums over j and over both, factorised as ``U S V'``; a vector is a row of ``U S^power``.
    """
    if not 1 <= dim < lists.n_items:
        raise ValueError(f"dim must lie in 1 to the number of items less one, {lists.n_items - 1}, got {dim}")
    from sklearn.utils.extmath import randomized_svd

    held = lists.matrix(np.float64)
    both = (held.T @ held).tocoo()
    apart = both.row != both.col
    row, column, count = both.row[apart], both.col[apart], both.data[apart]
    single = np.bincount(row, count, minlength=lists.n_items)
    with np.errstate(divide="ignore"):
        value = np.log(count) + np.log(max(count.sum(), 1.0)) - np.log(single[row]) - np.log(single[column])
    table = sparse.csr_matrix((np.maximum(value, 0), (row, column)), (lists.n_items, lists.n_items))
    left, size, _ = randomized_svd(table, dim, random_state=seed_of(rng))
    return unit_rows(left * size**power)
