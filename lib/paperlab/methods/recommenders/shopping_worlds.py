"""Made-up shops that share a language and, to a chosen degree, a rule of what follows what.

A product is one word for each of a few aspects (what it is, who made it, ...). Words have vectors that all shops share;
each shop sells with some of the words only. What a person buys next keeps a word of the last product, moves it to its
complement, or ignores it, aspect by aspect.
"""

from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.recommenders.embeddings import positive
from paperlab.methods.recommenders.interactions import Interactions

KEEP = (0.5, 0.4, 0.3, 0.2)  # chance that the next product has the same word, by aspect
MOVE = (0.4, 0.5, 0.5, 0.5)  # that it has the complement; else the word does not matter
TINY = np.float32(1e-30)  # an exponential number of 32 bits may be zero
STRENGTH = 2.5  # what a wanted word adds to the utility, whose noise is Gumbel's


@dataclass(frozen=True)
class Language:
    """Words that all shops share.

    Attributes
    ----------
    vectors : ndarray, shape (n_aspects, n_words, width)
        Normal entries of variance one.
    complement : ndarray of int, shape (n_aspects, n_words)
        Word that goes with each; none goes with itself.
    """

    vectors: np.ndarray = field(repr=False)
    complement: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Shop:
    """Products and who bought what.

    Attributes
    ----------
    words : ndarray of int, shape (n_items, n_aspects)
    vectors : ndarray, shape (n_items, n_aspects * width)
        Text of each product: the vectors of its words one after another, with noise.
    popularity : ndarray, shape (n_items,)
        Utility to everybody.
    table : Interactions
        Histories of one length, no product twice.
    """

    words: np.ndarray = field(repr=False)
    vectors: np.ndarray = field(repr=False)
    popularity: np.ndarray = field(repr=False)
    table: Interactions = field(repr=False)


def draw_language(*, n_words=24, width=16, rng):
    """Words of four aspects, with vectors and complements.

    Parameters
    ----------
    n_words, width : int
        Words of an aspect, at least 2; length of a word's vector.
    rng : numpy.random.Generator

    Returns
    -------
    Language
    """
    positive("width", width)
    if n_words < 2:
        raise ValueError(f"n_words must be at least 2, got {n_words}; each word needs another as its complement")
    vectors = rng.standard_normal((len(KEEP), n_words, width))
    return Language(vectors, np.stack([one_cycle(n_words, rng=rng) for _ in KEEP]))


def one_cycle(n, *, rng):
    """A permutation of 0 to n - 1 that is a single cycle, so that nothing stays where it is, shape (n,)."""
    order, to = rng.permutation(n), np.empty(n, np.int64)
    to[order] = np.roll(order, 1)
    return to


def draw_shop(language, *, n_items, n_users, length=10, noise=0.12, shared=1.0, n_local=10, rng):
    """Products of one shop and histories of its people.

    Parameters
    ----------
    language : Language
    n_items, n_users, length : int
        Products, people, products in a history (fewer than there are).
    noise : float
        Standard deviation that is added to every number of a product's text.
    shared : float
        Chance, at every step and aspect, that the rule is that of all shops; else the shop's own, which sends the word
        to another of the shop's words, by one cycle in the place of keeping and by a second in the place of moving.
    n_local : int
        Words of an aspect that the shop uses, drawn by lot.
    rng : numpy.random.Generator

    Returns
    -------
    Shop

    Raises
    ------
    ValueError
        If a size or share is out of range.

    Notes
    -----
    Page ``recgpt``. Utility of product i is ``2.5 #{wanted words that i has} + popularity_i + Gumbel``, popularity
    normal with variance one; the best product that the person has not had is bought.
    """
    for name, value in {"n_items": n_items, "n_users": n_users, "length": length}.items():
        positive(name, value)
    n_words = language.vectors.shape[1]
    if length >= n_items:
        raise ValueError(f"length must be below n_items = {n_items}, got {length}; no product is bought twice")
    if not 2 <= n_local <= n_words:
        raise ValueError(f"n_local must lie in 2 to the {n_words} words of an aspect, got {n_local}")
    if not (noise >= 0 and 0 <= shared <= 1):
        raise ValueError(f"noise must not be negative and shared must lie in [0, 1], got {noise} and {shared}")
    n_aspects = len(language.vectors)
    local = np.stack([rng.permutation(n_words)[:n_local] for _ in range(n_aspects)])
    aspect = np.arange(n_aspects)
    words = local[aspect, rng.integers(n_local, size=(n_items, n_aspects))]
    own = np.zeros((2, n_aspects, n_words), np.int64)
    for rule in own:
        for line, some in zip(rule, local, strict=True):
            line[some] = some[one_cycle(n_local, rng=rng)]
    vectors = language.vectors[aspect, words]
    vectors = (vectors + noise * rng.standard_normal(vectors.shape)).reshape(n_items, -1)
    popularity = rng.standard_normal(n_items)
    items = _walks(language, words, popularity, own, (n_users, length), shared, rng)
    table = Interactions(np.arange(0, n_users * length + 1, length), items.ravel(), n_items)
    return Shop(words, vectors, popularity, table)


def _walks(language, words, popularity, own, size, shared, rng):
    """Products bought, shape (n_users, length)."""
    (n_users, length), (n_items, n_aspects) = size, words.shape
    n_words = language.vectors.shape[1]
    has = np.zeros((n_aspects * n_words, n_items), np.float32)
    place = np.arange(n_aspects) * n_words
    has[(words + place).T, np.arange(n_items)] = STRENGTH
    people, items = np.arange(n_users)[:, None], np.empty((n_users, length), np.int64)
    rules = np.stack([np.broadcast_to(np.arange(n_words), (n_aspects, n_words)), language.complement])
    rules = np.stack([rules, own])  # the rule of all or the shop's own, keep or move, aspect, word
    keep, move = np.array(KEEP), np.array(MOVE)
    wanted = np.zeros((n_users, len(has)), np.float32)
    had = np.zeros((n_users, n_items), bool)
    for step in range(length):
        utility = wanted @ has + popularity.astype(np.float32)
        utility -= np.log(rng.standard_exponential(utility.shape, np.float32) + TINY)
        utility[had] = -np.inf
        items[:, step] = utility.argmax(1)
        had[people[:, 0], items[:, step]] = True
        draw = rng.random((n_users, n_aspects))
        foreign = (rng.random((n_users, n_aspects)) >= shared).astype(np.int64)
        moved = (draw >= keep).astype(np.int64)
        word = rules[foreign, moved, np.arange(n_aspects), words[items[:, step]]]
        wanted[:] = 0
        wanted[people, word + place] = draw < keep + move
    return items


def pooled(tables):
    """Histories of several shops as one table whose items are numbered shop after shop.

    Parameters
    ----------
    tables : sequence of Interactions

    Returns
    -------
    Interactions
    """
    tables = list(tables)
    if not tables:
        raise ValueError("tables must hold at least one shop, got none")
    starts = np.cumsum([0] + [table.n_items for table in tables])
    items = np.concatenate([table.items + start for table, start in zip(tables, starts[:-1], strict=True)])
    lengths = np.concatenate([table.lengths for table in tables])
    return Interactions(np.concatenate([[0], np.cumsum(lengths)]), items, int(starts[-1]))
