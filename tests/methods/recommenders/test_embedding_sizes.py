"""Blocks, widths, masks and pruning: budgets are kept, order and units do not matter."""

import numpy as np
import pytest
from paperlab.methods.recommenders import embedding_sizes as sizes
from tiny_rows import ratings


def rng(seed=0):
    return np.random.default_rng(seed)


def test_blocks_follow_frequency_and_hold_equally_many():
    counts = rng().integers(1, 500, 103)
    block = sizes.frequency_blocks(counts, 10)
    assert sorted(np.bincount(block)) == [10] * 7 + [11] * 3
    lowest = [counts[block == b].min() for b in range(10)]
    highest = [counts[block == b].max() for b in range(10)]
    assert all(low >= high for low, high in zip(lowest, highest[1:]))


def test_blocks_hang_on_the_training_part_only():
    """A user who is frequent in the test and rare in training lies in a rare block: counting all rows would leak."""
    rows = ratings(2000)
    busy = int(np.argmax(rows.counts))
    train = rows.take(np.flatnonzero(~(rows.index == busy).any(1))[:900])
    assert sizes.frequency_blocks(train.counts, 5)[busy] == 4
    assert sizes.frequency_blocks(rows.counts, 5)[busy] == 0


def test_mde_at_exponent_zero_gives_equal_widths_and_more_gives_steeper_ones():
    counts = np.arange(100, 0, -1) ** 2
    block = sizes.frequency_blocks(counts, 10)
    assert (sizes.mde_widths(counts, block, 6, 0.0, 32) == 6).all()
    gentle, steep = (sizes.mde_widths(counts, block, 6, a, 32) for a in (0.2, 0.8))
    assert steep[0] > gentle[0] and steep[-1] < gentle[-1]
    for found in (gentle, steep):
        assert (np.diff(found) <= 0).all() and found @ np.bincount(block) <= 600


def test_mde_divides_a_block_s_budget_among_its_features():
    """B = 24; roots of the shares 0.9 and 0.1 stand as 3 to 1, so 18 entries for two features and 6 for one."""
    np.testing.assert_array_equal(sizes.mde_widths([60, 30, 10], [0, 0, 1], 8, 0.5, 32), [9, 6])


def test_mde_does_not_change_with_the_unit_of_the_counts():
    counts = rng().integers(1, 500, 50)
    block = sizes.frequency_blocks(counts, 5)
    np.testing.assert_array_equal(*(sizes.mde_widths(c, block, 5, 0.4, 16) for c in (counts, 1000 * counts)))


def test_random_widths_spend_the_budget_and_never_grow_with_rarity():
    block = sizes.frequency_blocks(rng().integers(1, 500, 103), 10)
    n = np.bincount(block)
    drawn = [sizes.random_widths(block, 6.4, 32, rng=rng(seed)) for seed in range(50)]
    for found in drawn:
        assert (np.diff(found) <= 0).all() and found.max() <= 32
        assert 6.4 * 103 - n.max() < found @ n <= 6.4 * 103
    assert len({tuple(found) for found in drawn}) > 40


def test_pruning_removes_the_smallest_entries_and_no_more():
    table = rng().standard_normal((37, 8))
    for share in (0, 0.5, 0.7, 0.95):
        found = sizes.prune(table, share)
        gone = found == 0
        assert gone.sum() == int(np.floor(share * table.size + 1e-9))
        np.testing.assert_array_equal(found[~gone], table[~gone])
        assert not gone.any() or np.abs(table[gone]).max() <= np.abs(table[~gone]).min()
    np.testing.assert_array_equal(sizes.prune(3 * table, 0.7) != 0, sizes.prune(table, 0.7) != 0)


def test_pruning_copies_and_a_table_of_ties_loses_the_right_number():
    table = np.ones((10, 10))
    assert (sizes.prune(table, 0.3) == 0).sum() == 30 and (table == 1).all()


def test_width_mask_keeps_the_first_entries():
    np.testing.assert_array_equal(sizes.width_mask([1, 0], [3, 1], 4), [[1, 0, 0, 0], [1, 1, 1, 0]])


def test_shuffled_mask_keeps_the_numbers_of_every_block_and_moves_the_places():
    block = sizes.frequency_blocks(rng().integers(1, 500, 60), 4)
    table = sizes.prune(rng(1).standard_normal((60, 8)), 0.8)
    mask = sizes.shuffled_mask(table, block, rng=rng(2))
    np.testing.assert_allclose(sizes.kept_by_block(mask, block), sizes.kept_by_block(table, block))
    assert mask.sum() == (table != 0).sum() and (mask != (table != 0)).any()


BAD = [
    (lambda: sizes.frequency_blocks([3, 2], 3), "n_blocks must be between 1 and the number of features, 2, got 3"),
    (lambda: sizes.frequency_blocks([3, 2], 0), "got 0"),
    (lambda: sizes.frequency_blocks([3, -2], 1), "counts must not be negative"),
    (lambda: sizes.prune(np.ones((2, 2)), 1.0), r"share must lie in \[0, 1\), got 1.0"),
    (lambda: sizes.prune(np.ones((2, 2)), -0.1), "got -0.1"),
    (lambda: sizes.mde_widths([3, 2], [0, 1], 9, 0.5, 8), "base must lie above 0 and at most at the width 8, got 9"),
    (lambda: sizes.mde_widths([3, 2], [0, 1], 4, -1, 8), "exponent must not be negative, got -1"),
    (lambda: sizes.random_widths([0, 1], 0, 8, rng=rng()), "base must lie above 0"),
    (lambda: sizes.width_mask([0, 1], [3, 9], 8), "widths must lie in 0 to 8, got 3 to 9"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
