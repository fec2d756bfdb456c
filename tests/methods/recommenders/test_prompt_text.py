"""Prompts and names as numbers: pieces spell a text again, BM25 is its formula, scikit-learn weighs groups alike."""

import math

import numpy as np
import pytest
from paperlab.methods.recommenders.prompt_text import END, Pieces, bm25, letter_groups

NAMES = ["the beatles", "the band", "abba", "the the", "radiohead", "bandit"]


def test_pieces_spell_the_text_again():
    pieces = Pieces.of(NAMES, n_words=1)
    assert ["".join(pieces.split(name)).strip() for name in NAMES] == NAMES
    assert pieces.split("the abba") == [" the", " ab", "ba"]
    few = Pieces.of(NAMES, n_words=1, n_pairs=1)
    assert ["".join(few.split(name)).strip() for name in NAMES] == NAMES
    assert few.split("the abba") == [" the", " a", "b", "b", "a"] and few.split("bad") == [" ba", "d"]


def test_all_words_whole_are_one_step_each():
    pieces = Pieces.of(NAMES, n_words=100)
    assert [len(pieces.split(name)) for name in NAMES] == [2, 2, 1, 2, 1, 1]


def test_codes_end_once_and_different_names_differ():
    codes = Pieces.of(NAMES, n_words=2).codes(NAMES, max_length=9)
    assert ((codes == END).sum(1) == 1).all() and len({tuple(code) for code in codes}) == len(NAMES)
    cut = Pieces.of(NAMES, n_words=0).codes(NAMES, max_length=2)
    assert cut.shape[1] == 3 and (cut[:, -1] <= END).all()


def test_unknown_pieces_are_left_out_and_the_end_stays():
    pieces = Pieces.of(["ab"], n_words=0)
    assert pieces.codes(["zz ab", "zz"], max_length=3).tolist() == [[1, END], [END, -1]]


def test_bm25_is_its_formula():
    documents = ["war war sea", "sea", "love and love and love"]
    found = bm25(documents).scores(["war", "sea war", "hate"])
    mean = 9 / 3

    def weight(f, d, m):
        return math.log(1 + (3 - m + 0.5) / (m + 0.5)) * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * d / mean))

    war, sea = weight(2, 3, 1), (weight(1, 3, 2), weight(1, 1, 2))
    assert found == pytest.approx(np.array([[war, 0, 0], [war + sea[0], sea[1], 0], [0, 0, 0]]))


def test_documents_of_one_length_are_ranked_alike_whatever_b_is():
    documents, query = ["a b", "b c", "c d", "b b"], ["b d"]
    full, none = (bm25(documents, b=b).scores(query) for b in (1.0, 0.0))
    assert full == pytest.approx(none)


def test_vectors_keep_most_of_the_angles_of_the_counts():
    texts = [f"{a} films of the {b}" for a in ("funny", "scary", "war", "love") for b in ("nineties", "1990s", "80s")]
    groups = letter_groups(texts, dim=8, rng=np.random.default_rng(0))
    counts, vectors = groups.counts(texts), groups.vectors(texts)
    assert (counts @ counts.T).toarray() == pytest.approx(vectors @ vectors.T, abs=0.12)
    assert np.asarray(counts.multiply(counts).sum(1)).ravel() == pytest.approx(1)


def test_an_unknown_text_warns_and_is_zero():
    groups = letter_groups(["slow songs", "slow dance", "song"], dim=2, rng=np.random.default_rng(0))
    with pytest.warns(UserWarning, match="1 of 2 texts have no known group of letters, the first is 'xyz'"):
        assert not groups.vectors(["xyz", "slow"])[0].any()


def test_bad_inputs_are_refused():
    with pytest.raises(ValueError, match="n_words and n_pairs must not be negative"):
        Pieces.of(NAMES, n_words=-1)
    with pytest.raises(ValueError, match="max_length must be at least 1"):
        Pieces.of(NAMES, n_words=1).codes(NAMES, max_length=0)
    with pytest.raises(ValueError, match="documents must hold at least one word"):
        bm25(["", "!"])
    with pytest.raises(ValueError, match="k1 must not be negative and b must lie"):
        bm25(NAMES, b=2)
    with pytest.raises(ValueError, match="dim must be at least 1 and below"):
        letter_groups(NAMES, dim=6, rng=np.random.default_rng(0))
