"""Trie of the codes of a catalogue: which letters may follow, and the beam that walks it for many users at once."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numba import njit


def whole_codes(codes):
    """Codes as an array of whole numbers, shape (n_items, n_levels), -1 behind the end of a shorter one.

    Raises
    ------
    ValueError
        If the shape is wrong, a code is empty, or a -1 stands inside one; names the item.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not codes.size or codes.dtype.kind not in "iu":
        raise ValueError(
            f"codes must be whole numbers of shape (n_items, n_levels), got {codes.dtype} of shape {codes.shape}"
        )
    codes = codes.astype(np.int64)
    if codes.min() < -1:
        raise ValueError(f"codes must be letters from 0, or -1 behind the end, got {codes.min()}")
    ended = codes < 0
    wrong = ended[:, 0] | (ended[:, :-1] & ~ended[:, 1:]).any(1)
    if wrong.any():
        item = int(np.argmax(wrong))
        raise ValueError(
            f"codes must have a first letter and -1 only behind the last, got {codes[item]} of item {item}"
        )
    return codes


@dataclass(frozen=True)
class Trie:
    """Codes as a tree, level by level in compressed rows.

    A node of level l is a prefix of l letters; node 0 of level 0 is the root. Children of level l are the nodes of
    level l + 1, in the same order. A code that ends early goes on with letter -1 to the last level.

    Attributes
    ----------
    indptr : tuple of ndarray
        Children of node n of level l are ``indptr[l][n]`` to ``indptr[l][n + 1]``.
    letters : tuple of ndarray
        Letter that leads to each node of level l + 1.
    parents : tuple of ndarray
        Node of level l above each node of level l + 1.
    item_indptr, items : ndarray
        Items of every leaf, in their order; more than one where codes collide.
    leaf : ndarray of int, shape (n_items,)
        Leaf of every item.
    """

    indptr: tuple = field(repr=False)
    letters: tuple = field(repr=False)
    parents: tuple = field(repr=False)
    item_indptr: np.ndarray = field(repr=False)
    items: np.ndarray = field(repr=False)
    leaf: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, codes):
        """Trie of codes (n_items, n_levels), -1 behind the end of shorter ones.

        Raises
        ------
        ValueError
            If a code is the beginning of another (names both items), or codes are malformed.
        """
        codes = whole_codes(codes)
        rows, leaf = np.unique(codes, axis=0, return_inverse=True)
        leaf = leaf.reshape(-1)
        changed = np.ones(rows.shape, bool)
        changed[1:] = np.logical_or.accumulate(rows[1:] != rows[:-1], axis=1)
        above, indptr, letters, parents = np.zeros(len(rows), np.int64), [], [], []
        for level in range(rows.shape[1]):
            first = np.flatnonzero(changed[:, level])
            parent, letter = above[first], rows[first, level]
            counts = np.bincount(parent, minlength=above[-1] + 1)
            clash = (letter < 0) & (counts[parent] > 1)
            if clash.any():
                short = first[np.argmax(clash)]
                items = [int(np.argmax(leaf == each)) for each in (short, short + 1)]
                raise ValueError(
                    f"codes must not begin one another: item {items[0]} has {codes[items[0]]}, item {items[1]} "
                    f"{codes[items[1]]}; add an end letter to all"
                )
            indptr.append(np.concatenate([[0], np.cumsum(counts)]))
            letters.append(letter)
            parents.append(parent)
            above = np.cumsum(changed[:, level]) - 1
        order = np.argsort(leaf, kind="stable")
        item_indptr = np.concatenate([[0], np.cumsum(np.bincount(leaf, minlength=len(rows)))])
        return cls(tuple(indptr), tuple(letters), tuple(parents), item_indptr, order, leaf)

    @property
    def n_levels(self):
        """Longest code."""
        return len(self.letters)

    @property
    def n_leaves(self):
        """Number of different codes."""
        return len(self.item_indptr) - 1

    @cached_property
    def growing(self):
        """For each level, whether a letter follows a node (else its code has ended), bool of shape (n_nodes,)."""
        return tuple(letters[indptr[:-1]] >= 0 for indptr, letters in zip(self.indptr, self.letters, strict=True))

    @cached_property
    def _known(self):
        nodes = np.zeros(self.n_leaves, np.int64) + np.arange(self.n_leaves)
        columns = []
        for level in range(self.n_levels - 1, -1, -1):
            columns.append(self.letters[level][nodes])
            nodes = self.parents[level][nodes]
        return {code: leaf for leaf, code in enumerate(zip(*(each.tolist() for each in columns[::-1]), strict=True))}

    def find(self, codes):
        """Leaf of each code, -1 for one that no item has, shape (n,)."""
        return np.array([self._known.get(tuple(code), -1) for code in np.asarray(codes).tolist()], dtype=np.int64)


@njit(cache=True)
def expand(total, nodes, log_probs, indptr, letters, growing, strength, groups, new_total, new_nodes):  # noqa: PLR0913
    """One step of beams: the best children of every user's nodes, group by group.

    ``total`` and ``nodes`` (n_users, n_beams) hold log probabilities and nodes, -1 where there is no beam;
    ``log_probs`` has one row for each growing node, in order. A group's beams follow one another; a letter that earlier
    groups have taken at this step loses ``strength`` for each, in the choice only.
    """
    n_users, old, new = nodes.shape[0], nodes.shape[1] // groups, new_nodes.shape[1] // groups
    taken, row = np.zeros(log_probs.shape[1]), 0
    value = np.empty(new)
    for user in range(n_users):
        taken[:] = 0
        for group in range(groups):
            held, first = 0, group * new
            for beam in range(group * old, (group + 1) * old):
                node = nodes[user, beam]
                if node < 0:
                    continue
                grows = growing[node]
                for child in range(indptr[node], indptr[node + 1]):
                    true = total[user, beam]
                    chosen = true
                    if grows:
                        true += log_probs[row, letters[child]]
                        chosen = true - strength * taken[letters[child]]
                    if held == new and not chosen > value[new - 1]:
                        continue
                    place = min(held, new - 1)
                    while place > 0 and chosen > value[place - 1]:
                        value[place] = value[place - 1]
                        new_total[user, first + place] = new_total[user, first + place - 1]
                        new_nodes[user, first + place] = new_nodes[user, first + place - 1]
                        place -= 1
                    value[place] = chosen
                    new_total[user, first + place] = true
                    new_nodes[user, first + place] = child
                    held = min(held + 1, new)
                row += grows
            for place in range(first, first + held):
                letter = letters[new_nodes[user, place]]
                if letter >= 0:
                    taken[letter] += 1
            new_nodes[user, first + held : first + new] = -1
            new_total[user, first + held : first + new] = -np.inf


@njit(cache=True)
def unfold(total, leaves, item_indptr, items, barred_indptr, barred, out, score):
    """Items of leaves (best first) without repeats and without those that are barred; -1 where none is left."""
    for user in range(leaves.shape[0]):
        held = 0
        for beam in range(leaves.shape[1]):
            leaf = leaves[user, beam]
            if leaf < 0 or held == out.shape[1]:
                continue
            for at in range(item_indptr[leaf], item_indptr[leaf + 1]):
                wanted = held < out.shape[1]
                for place in range(held):
                    wanted = wanted and out[user, place] != items[at]
                for place in range(barred_indptr[user], barred_indptr[user + 1]):
                    wanted = wanted and barred[place] != items[at]
                if wanted:
                    out[user, held], score[user, held] = items[at], total[user, beam]
                    held += 1
        out[user, held:], score[user, held:] = -1, -np.inf
