"""Codes for items: numbers in digits, category trees, letters added to tell twins apart; what a code is worth.

A code is a row of letters, -1 behind the end of a shorter one. Nothing here depends on the number of an item: where
items are alike, a seeded permutation decides.
"""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.code_trie import Trie, whole_codes

USER_ORDERS = ("original", "random", "short_first", "long_first")


def check_codes(codes, *, unique=True):
    """The codes as whole numbers, if every item has its own and none begins another.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
    unique : bool
        Whether items may not share a code.

    Raises
    ------
    ValueError
        If codes are malformed, shared, or begin one another; names two items.

    Examples
    --------
    >>> check_codes([[0, 1], [4, 2], [4, 2]])
    Traceback (most recent call last):
    ...
    ValueError: codes must be unique, items 1 and 2 share (4, 2); break_ties adds a letter
    """
    codes, trie = whole_codes(codes), Trie.of(codes)
    if unique and trie.n_leaves < len(codes):
        leaf = int(np.argmax(np.diff(trie.item_indptr) > 1))
        first, second = trie.items[trie.item_indptr[leaf] :][:2]
        shared = tuple(int(letter) for letter in codes[first] if letter >= 0)
        raise ValueError(f"codes must be unique, items {first} and {second} share {shared}; break_ties adds a letter")
    return codes


def number_codes(numbers, base, *, n_digits=None):
    """Digits of whole numbers, the highest first.

    Parameters
    ----------
    numbers : array_like of int, shape (n_items,)
    base : int
        Letters of each level, at least 2.
    n_digits : int, optional
        Default as many as the largest number needs.

    Returns
    -------
    ndarray of int, shape (n_items, n_digits)

    Examples
    --------
    >>> number_codes([1002, 7], 100)
    array([[10,  2],
           [ 0,  7]])
    """
    numbers = np.asarray(numbers)
    if base < 2:
        raise ValueError(f"base must be at least 2, got {base}; it is the number of letters")
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not len(numbers) or numbers.min() < 0:
        raise ValueError(
            f"numbers must be a list of whole numbers from 0, got {numbers.dtype} of shape {numbers.shape}"
        )
    needed = 1
    while base**needed <= int(numbers.max()):
        needed += 1
    n_digits = needed if n_digits is None else n_digits
    if n_digits < needed:
        raise ValueError(f"n_digits must be at least {needed} for {numbers.max()} in base {base}, got {n_digits}")
    return numbers[:, None].astype(np.int64) // base ** np.arange(n_digits)[::-1] % base


def random_codes(n_items, *, base, rng):
    """Numbers dealt by lot, in digits: letters are shared by items that have nothing in common."""
    if n_items < 1:
        raise ValueError(f"n_items must be at least 1, got {n_items}")
    return number_codes(rng.permutation(n_items), base)


def sequential_codes(train, *, base, first=0, user_order="original", rng):
    """Numbers in the order of first appearance, walking through the users, in digits.

    Parameters
    ----------
    train : Interactions
        Training parts of the histories only: with later ones, the answer would stand beside the last item.
    base : int
    first : int
        Number of the first item (1001 in the paper).
    user_order : {"original", "random", "short_first", "long_first"}
        Order of the users; equally long histories keep theirs.
    rng : numpy.random.Generator
        For items that nobody had, which come last in an order drawn by lot, and for ``user_order="random"``.

    Returns
    -------
    ndarray of int, shape (n_items, n_digits)

    Notes
    -----
    Page ``item_indexing``, sequential indexing.
    """
    if user_order not in USER_ORDERS:
        raise ValueError(f"user_order must be one of {', '.join(USER_ORDERS)}, got {user_order!r}")
    users = {
        "original": lambda: np.arange(train.n_users),
        "random": lambda: rng.permutation(train.n_users),
        "short_first": lambda: np.argsort(train.lengths, kind="stable"),
        "long_first": lambda: np.argsort(-train.lengths, kind="stable"),
    }[user_order]()
    place = np.empty(train.n_users, np.int64)
    place[users] = np.arange(train.n_users)
    walked = train.items[np.argsort(place[train.users], kind="stable")]
    seen, at = np.unique(walked, return_index=True)
    unseen = rng.permutation(np.setdiff1d(np.arange(train.n_items), seen))
    number = np.empty(train.n_items, np.int64)
    number[np.concatenate([seen[np.argsort(at)], unseen])] = np.arange(train.n_items)
    return number_codes(number + first, base)


def tree_codes(paths, *, rng):
    """Path of every item in a tree of categories, and a last letter among its siblings.

    Parameters
    ----------
    paths : sequence of sequences of hashable, shape (n_items,)
        Categories from the most general one; lengths may differ.
    rng : numpy.random.Generator
        Order of the items of one category.

    Returns
    -------
    ndarray of int, shape (n_items, n_levels)
        Children of a node are numbered from 0, categories by their first item in an order drawn by lot, then items.

    Raises
    ------
    ValueError
        If there is no item, or one has no category (names it).

    Examples
    --------
    >>> tree_codes([["hair", "dye"], ["hair"], ["skin"]], rng=np.random.default_rng(1))
    array([[ 0,  0,  0],
           [ 0,  1, -1],
           [ 1,  0, -1]])
    """
    paths = [tuple(path) for path in paths]
    if not paths:
        raise ValueError("paths must name the categories of at least one item, got none")
    if not all(paths):
        raise ValueError(f"paths has no category for item {paths.index(())}; name one, such as 'other'")
    order, children = rng.permutation(len(paths)), {}
    for item in order:
        for end in range(len(paths[item])):
            siblings = children.setdefault(paths[item][:end], {})
            siblings.setdefault(paths[item][end], len(siblings))
    codes, given = np.full((len(paths), max(map(len, paths)) + 1), -1), {}
    for item in order:
        path = paths[item]
        codes[item, : len(path)] = [children[path[:end]][path[end]] for end in range(len(path))]
        given[path] = given.get(path, len(children.get(path, ()))) + 1
        codes[item, len(path)] = given[path] - 1
    return codes


def break_ties(codes, *, rng):
    """Codes with one more letter for all items, where some are alike: twins are numbered from 0 by lot, others get 0.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int
        Unchanged where no two items are alike.
    """
    codes, trie = whole_codes(codes), Trie.of(codes)
    if trie.n_leaves == len(codes):
        return codes
    by_lot = rng.permutation(len(codes))
    items = by_lot[np.argsort(trie.leaf[by_lot], kind="stable")]
    number = np.empty(len(codes), np.int64)
    number[items] = np.arange(len(codes)) - trie.item_indptr[trie.leaf[items]]
    return _behind(codes, number)


def _behind(codes, letter):
    """A letter behind the end of every code."""
    codes = np.concatenate([codes, np.full((len(codes), 1), -1)], 1)
    codes[np.arange(len(codes)), (codes >= 0).sum(1)] = letter
    return codes if (codes[:, -1] >= 0).any() else codes[:, :-1]


def level_out(codes):
    """Codes of one length: shorter ones get a letter of their own, the next free one, before their last letter.

    Examples
    --------
    >>> level_out([[0, 1, 2], [3, 4, -1]])
    array([[0, 1, 2],
           [3, 2, 4]])
    """
    codes = whole_codes(codes)
    length, n_levels = (codes >= 0).sum(1), codes.shape[1]
    rows, last = np.arange(len(codes)), codes[np.arange(len(codes)), length - 1]
    found = codes.copy()
    found[rows, length - 1] = -1
    found = np.where(found < 0, found.max(0) + 1, found)
    found[rows, n_levels - 1] = last
    return found


def own_letters(codes, *, drop_last=False):
    """Codes with a last letter that no other item has (hybrid indexing), all of one length.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
    drop_last : bool
        Whether the present last letter goes first, as for paths whose last letter tells siblings apart.

    Returns
    -------
    ndarray of int, shape (n_items, n_levels + 1), or n_levels with ``drop_last``
    """
    codes = whole_codes(codes)
    if drop_last:
        codes = codes.copy()
        codes[np.arange(len(codes)), (codes >= 0).sum(1) - 1] = -1
    if (codes < 0).all(0).any():
        codes = codes[:, (codes >= 0).any(0)]
    filled = np.where(codes < 0, codes.max(0, initial=0) + 1, codes)
    return np.concatenate([filled, np.arange(len(codes))[:, None]], 1)


@dataclass(frozen=True)
class Collisions:
    """Items that share a code.

    Attributes
    ----------
    n_items, n_codes : int
        Items, and different codes among them.
    n_sharing : int
        Items that share their code with another.
    largest : int
        Most items of one code.
    """

    n_items: int
    n_codes: int
    n_sharing: int
    largest: int

    @property
    def uniqueness(self):
        """Codes divided by items; 1 where all differ."""
        return self.n_codes / self.n_items


def count_collisions(codes):
    """How many items share a code, as `Collisions`.

    Examples
    --------
    >>> count_collisions([[0, 1], [0, 1], [0, 1], [2, 2]])
    Collisions(n_items=4, n_codes=2, n_sharing=3, largest=3)
    """
    counts = np.unique(whole_codes(codes), axis=0, return_counts=True)[1]
    return Collisions(int(counts.sum()), len(counts), int(counts[counts > 1].sum()), int(counts.max()))


def level_perplexity(codes):
    """Number of equally frequent letters that would be as uncertain as those of each level, shape (n_levels,).

    Notes
    -----
    ``exp(-sum p log p)`` over the letters of the items that have one at that level; 1 where all have the same.
    """
    found = []
    for column in whole_codes(codes).T:
        share = np.unique(column[column >= 0], return_counts=True)[1] / (column >= 0).sum()
        found.append(np.exp(-(share * np.log(share)).sum()))
    return np.array(found)


def cosine_by_prefix(codes, vectors):
    """Mean cosine of all pairs of items whose codes have exactly the first l letters in common.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
    vectors : array_like, shape (n_items, d)

    Returns
    -------
    ndarray, shape (n_levels + 1,)
        l = 0, 1, ..., n_levels; NaN where no pair has so many.

    Notes
    -----
    No pair is drawn: the sum over a group's pairs is ``(|sum v|^2 - n) / 2`` for vectors of length one.
    """
    codes, vectors = whole_codes(codes), finite("vectors", vectors)
    if vectors.ndim != 2 or len(vectors) != len(codes):
        raise ValueError(f"vectors must have one row for each of {len(codes)} items, got shape {vectors.shape}")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not length.all():
        raise ValueError(f"vectors must not be zero, got one for item {int(np.argmin(length))}; leave it out")
    unit = vectors / length
    sums, pairs = np.zeros(codes.shape[1] + 2), np.zeros(codes.shape[1] + 2)
    for level in range(codes.shape[1] + 1):
        begin = np.concatenate([np.zeros((len(codes), 1), int), codes[:, :level]], 1)
        group = np.unique(begin, axis=0, return_inverse=True)[1].reshape(-1)
        counts, total = np.bincount(group), np.zeros((group.max() + 1, unit.shape[1]))
        np.add.at(total, group, unit)
        sums[level] = ((total**2).sum(1) - counts).sum() / 2
        pairs[level] = (counts * (counts - 1) / 2).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = (sums[:-1] - sums[1:]) / (pairs[:-1] - pairs[1:])
    return np.where(pairs[:-1] > pairs[1:], exact, np.nan)
