"""Pieces of codes: equal pieces share a row, hashing stays in the table, frequent codes become one piece."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.code_pieces import (
    id_pieces,
    learn_pieces,
    ngram_pieces,
    prefix_pieces,
)

RNG = np.random.default_rng
CODES = RNG(0).integers(4, size=(60, 3))
SHORT = np.array([[0, 1, 2], [0, 1, -1], [3, -1, -1]])


def learnt():
    return learn_pieces(CODES, np.ones(60), size=20, rng=RNG(0))


def same(pieces, one, two, at):
    """Whether two items share their piece number ``at``."""
    keys = pieces.keys.reshape(-1, 3) if len(pieces.keys) == 3 * (len(pieces.indptr) - 1) else None
    return keys[one, at] == keys[two, at]


def test_items_share_a_piece_exactly_where_they_agree():
    single, prefix = ngram_pieces(CODES, 1), prefix_pieces(CODES)
    for one in range(0, 60, 7):
        for two in range(60):
            agree = CODES[one] == CODES[two]
            for at in range(3):
                assert same(single, one, two, at) == agree[at]
                assert same(prefix, one, two, at) == agree[: at + 1].all()
    assert single.n_pieces == 12 and prefix.n_pieces == 4 + 16 + len(np.unique(CODES, axis=0))


def test_groups_do_not_overlap_and_the_last_may_be_shorter():
    pairs = ngram_pieces(CODES, 2)
    assert (pairs.numbered().lengths == 2).all()
    assert pairs.n_pieces == len(np.unique(CODES[:, :2], axis=0)) + 4
    assert ngram_pieces(CODES, 3).n_pieces == len(np.unique(CODES, axis=0))


def test_one_letter_at_two_levels_is_two_pieces():
    assert ngram_pieces([[1, 1], [1, 1]], 1).n_pieces == 2


def test_short_codes_have_fewer_pieces():
    assert ngram_pieces(SHORT, 1).numbered().lengths.tolist() == [3, 2, 1]
    assert ngram_pieces(SHORT, 2).numbered().lengths.tolist() == [2, 1, 1]
    assert prefix_pieces(SHORT).numbered().lengths.tolist() == [3, 2, 1]


@pytest.mark.parametrize("n_rows", [1, 7, 1000])
def test_hashing_stays_in_the_table_and_fills_it_evenly(n_rows):
    bag = id_pieces(50_000).hashed(n_rows, rng=RNG(0))
    assert bag.rows.min() >= 0 and bag.rows.max() < n_rows == bag.n_rows
    counts = np.bincount(bag.rows, minlength=n_rows)
    expected = 50_000 / n_rows
    assert ((counts - expected) ** 2 / expected).sum() < n_rows + 5 * np.sqrt(2 * n_rows)  # chi-square


def test_equal_pieces_fall_into_equal_rows_whatever_else_is_there():
    whole, part = (prefix_pieces(codes).hashed(50, rng=3) for codes in (CODES, CODES[20:]))
    assert (whole.rows.reshape(-1, 3)[20:] == part.rows.reshape(-1, 3)).all()
    other = prefix_pieces(CODES).hashed(50, rng=4)
    assert (whole.rows != other.rows).any()


def test_a_bag_sums_the_rows_of_each_item():
    bag = ngram_pieces(SHORT, 1).numbered()
    table = torch.randn(bag.n_rows, 5, generator=torch.Generator().manual_seed(0))
    items = np.array([2, 0, 1, 0])
    rows, offsets = bag.of(items)
    found = torch.nn.functional.embedding_bag(rows, table, offsets, mode="sum")
    for at, item in enumerate(items):
        wanted = table[torch.from_numpy(bag.rows[bag.indptr[item] : bag.indptr[item + 1]])].sum(0)
        assert (found[at] - wanted).abs().max() < 1e-6


def test_frequent_codes_become_one_piece_and_rare_ones_fall_apart():
    rng = RNG(1)
    codes = np.unique(rng.integers(12, size=(900, 4)), axis=0)
    counts = np.where(np.arange(len(codes)) < 40, 500, 3)
    found = learn_pieces(codes, counts, size=48 + 100, rng=rng)
    bag = found.encode(codes)
    assert bag.n_rows == found.size <= 148 and bag.rows.max() < bag.n_rows
    assert (bag.rows > 0).all()  # nothing is unknown
    assert bag.lengths[:40].mean() < 1.6 and bag.lengths[40:].mean() > 2.5
    for item in range(0, len(codes), 60):  # pieces spell the code
        text = "".join(found.model.id_to_piece(int(row)) for row in bag.rows[bag.indptr[item] : bag.indptr[item + 1]])
        assert len(text) == 4


def test_a_code_that_never_occurred_is_spelt_letter_by_letter():
    found = learn_pieces([[0, 1], [1, 0], [0, 0]], [50, 50, 0], size=10, sizes=(3, 3), rng=RNG(0))
    bag = found.encode([[2, 2], [0, 1]])
    assert (bag.rows > 0).all() and bag.lengths[0] == 2


def test_drawn_pieces_are_shorter_the_smaller_alpha_is():
    rng = RNG(2)
    codes = np.unique(rng.integers(6, size=(300, 4)), axis=0)
    found = learn_pieces(codes, np.full(len(codes), 20), size=200, rng=rng)
    best = found.encode(codes).lengths.mean()
    drawn = [found.sample(codes, alpha=alpha, rng=RNG(0)).lengths.mean() for alpha in (0.0, 50.0)]
    assert drawn[0] > best + 0.3 and drawn[1] == pytest.approx(best, abs=0.1)
    one, two = (found.sample(codes, alpha=0.1, rng=RNG(5)).rows for _ in range(2))
    assert len(one) == len(two) and (one == two).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ngram_pieces(CODES, 0), "n must lie in 1 to the length of the codes, 3, got 0"),
        (lambda: ngram_pieces(CODES, 4), "n must lie in 1 to the length of the codes, 3, got 4"),
        (lambda: id_pieces(0), "n_items must be at least 1, got 0"),
        (lambda: id_pieces(3).hashed(0, rng=RNG(0)), r"n_rows must lie in 1 to 2\^32 - 1, got 0"),
        (
            lambda: learn_pieces(CODES, np.ones(3), size=99, rng=RNG(0)),
            "one for each of 60",
        ),
        (lambda: learn_pieces(CODES, np.zeros(60), size=99, rng=RNG(0)), "not all 0"),
        (
            lambda: learn_pieces(CODES, np.ones(60), size=12, rng=RNG(0)),
            "size must exceed the 12 letters",
        ),
        (lambda: learn_pieces(CODES, np.ones(60), size=99, sizes=(9, 2, 9), rng=RNG(0)), r"letters below \(9, 2, 9\)"),
        (lambda: learn_pieces(CODES, np.ones(60), size=99, sizes=(9**5,) * 3, rng=RNG(0)), "sizes must sum to at most"),
        (
            lambda: learn_pieces(CODES, np.ones(60), size=20, rng=RNG(0)).sample(CODES, alpha=-1, rng=RNG(0)),
            "alpha must not",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_pieces_that_fit_have_a_row_each_and_others_share():
    codes = np.random.default_rng(0).integers(0, 10, (200, 3))
    pieces = ngram_pieces(codes, 1)
    assert pieces.n_pieces == 30
    assert np.array_equal(pieces.fitted(30, rng=1).rows, pieces.numbered().rows)
    assert np.array_equal(pieces.fitted(29, rng=1).rows, pieces.hashed(29, rng=1).rows)
