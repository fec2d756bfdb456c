"""Texts as vectors: one length, near texts near, nothing learnt from the new shop; histories from rows."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.shop_texts import chained, fit_texts, latest

RNG = np.random.default_rng
KINDS = ["drill", "hammer", "wrench", "screwdriver", "paper", "pencil", "stapler", "folder"]
TEXTS = [f"{size} {colour} {kind}" for kind in KINDS for size in ("small", "large") for colour in ("red", "blue")]


def encoder(dim=12, seed=0, texts=TEXTS):
    return fit_texts(texts, dim=dim, rng=RNG(seed))


def test_all_vectors_have_the_length_of_the_square_root_of_their_size():
    assert (encoder().encode(["red drill", "a blue folder of paper"]) ** 2).sum(1) == pytest.approx(12)


def test_the_rotation_changes_no_cosine():
    """Two encoders of other rotations agree on every inner product, as long as the decomposition is exact."""
    one, other = (encoder(dim=14, seed=seed).encode(TEXTS) for seed in (0, 1))
    assert one @ one.T == pytest.approx(other @ other.T, abs=0.3)
    assert np.abs(one - other).max() > 1


def test_inflected_words_are_near_and_others_far():
    drill, drills, pencil = encoder().encode(["large drill", "large drills", "small pencil"])
    assert drill @ drills > 10 > 6 > drill @ pencil


def test_a_text_of_unknown_pieces_is_zero():
    assert (encoder().encode(["xyzzy"]) == 0).all()


def test_texts_of_the_new_shop_change_nothing():
    first = encoder()
    before = first.encode(["large wooden drill"])
    first.encode(["wooden chest", "wooden table"])
    assert (first.encode(["large wooden drill"]) == before).all()


def test_rows_chain_to_histories():
    rows = pd.DataFrame({"user": [5, 7, 5], "history": [[0, 1], [3], [0, 1, 2]], "target": [2, 1, 3]})
    found = chained(rows, 4)
    assert found.of(0).tolist() == [0, 1, 2, 3] and found.of(1).tolist() == [3, 1]
    with pytest.raises(ValueError, match="items from 0 to n_items - 1 = 2, got 3"):
        chained(rows, 3)


def test_latest_items():
    found = latest(Interactions(np.array([0, 4, 5]), np.array([3, 1, 0, 2, 2]), 4), 2)
    assert found.of(0).tolist() == [0, 2] and found.of(1).tolist() == [2]


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="texts must not be empty, got ' ' in row 1"):
        fit_texts(["red", " "], dim=2, rng=RNG(0))
    with pytest.raises(ValueError, match="dim must be at least 2 and below"):
        encoder(dim=500)
