"""Trie of codes: its leaves are the codes, its nodes their prefixes; malformed codes are named."""

import numpy as np
import pytest
from paperlab.methods.recommenders.code_trie import Trie, whole_codes

UNEQUAL = np.array([[2, 0, 1], [0, 1, -1], [2, 0, 0], [1, -1, -1], [0, 0, -1], [2, 1, 4]])


def spelled(trie):
    """Codes of all leaves, read along the tree."""
    nodes, columns = np.arange(trie.n_leaves), []
    for level in range(trie.n_levels - 1, -1, -1):
        columns.append(trie.letters[level][nodes])
        nodes = trie.parents[level][nodes]
    return np.stack(columns[::-1], 1)


@pytest.mark.parametrize("codes", [UNEQUAL, np.random.default_rng(0).integers(5, size=(200, 4))])
def test_a_leaf_spells_the_code_of_its_items(codes):
    trie = Trie.of(codes)
    assert (spelled(trie)[trie.leaf] == codes).all()
    assert trie.n_leaves == len(np.unique(codes, axis=0))
    assert (trie.find(codes) == trie.leaf).all()
    for leaf in range(trie.n_leaves):
        items = trie.items[trie.item_indptr[leaf] : trie.item_indptr[leaf + 1]]
        assert items.tolist() == np.flatnonzero(trie.leaf == leaf).tolist()


def test_nodes_of_a_level_are_its_prefixes_and_children_lie_between_their_marks():
    codes = np.random.default_rng(1).integers(4, size=(150, 3))
    trie = Trie.of(codes)
    for level in range(3):
        assert len(trie.letters[level]) == len(np.unique(codes[:, : level + 1], axis=0))
        assert (
            np.repeat(np.arange(len(trie.indptr[level]) - 1), np.diff(trie.indptr[level])) == trie.parents[level]
        ).all()


def test_codes_that_end_early_grow_no_more():
    trie = Trie.of(UNEQUAL)
    assert trie.growing[0].tolist() == [True]
    assert trie.growing[1].tolist() == [True, False, True]
    assert trie.growing[2].tolist() == [False, False, False, True, True]


def test_a_code_that_nobody_has_is_not_found():
    trie = Trie.of(UNEQUAL)
    assert trie.find([[2, 0, 2], [0, 0, 0], [1, -1, -1]]).tolist() == [-1, -1, trie.leaf[3]]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([0, 1], "codes must be whole numbers of shape"),
        ([[0.5]], "codes must be whole numbers of shape .* got float64"),
        ([[0, -2]], "letters from 0, or -1 behind the end, got -2"),
        ([[0, 1], [-1, -1]], r"first letter and -1 only behind the last, got \[-1 -1\] of item 1"),
        ([[0, -1, 2]], r"got \[ 0 -1  2\] of item 0"),
    ],
)
def test_malformed_codes_are_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        whole_codes(codes)


def test_a_code_that_begins_another_is_refused_by_name():
    with pytest.raises(ValueError, match=r"item 2 has \[ 0 -1\], item 0 \[0 1\]; add an end letter to all"):
        Trie.of([[0, 1], [1, 1], [0, -1]])
