"""Histories as rows: every target once, with enough before it; batches hold real positions only."""

import numpy as np
import pytest
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.sequence_rows import histories, training_rows


def table(lengths, seed=0):
    lengths = np.asarray(lengths)
    items = np.arange(lengths.sum())  # an item of its own for each place
    return Interactions(np.concatenate([[0], np.cumsum(lengths)]), items, int(lengths.sum()) + 1)


def targets(rows):
    """Target items of all rows with the number of items before each."""
    batch = rows.batch(np.arange(len(rows)))
    asked = batch.targets >= 0
    return dict(zip(batch.targets[asked].tolist(), (batch.position[asked] + 1).tolist(), strict=True)), asked


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_with_a_stride_every_target_is_asked_for_once_with_enough_before_it(stride):
    found = table([1, 2, 5, 6, 7, 23, 0])
    rows = training_rows(found, 5, stride=stride)
    before, asked = targets(rows)
    wanted = found.positions > 0
    assert sorted(before) == found.items[wanted].tolist()
    assert int(asked.sum()) == rows.n_targets == wanted.sum()
    for item, place in zip(found.items[wanted], found.positions[wanted], strict=True):
        assert before[item] >= min(place, 5 - stride, 5)
    assert rows.length.max() <= 5


def test_by_default_the_last_window_of_every_user_is_taken():
    before, _ = targets(training_rows(table([3, 9]), 4))
    assert before == {1: 1, 2: 2, 8: 1, 9: 2, 10: 3, 11: 4}


def test_one_row_per_prefix_has_the_same_targets_with_the_same_items_before():
    rows = training_rows(table([4, 9, 13]), 6, stride=3)
    prefixes = rows.one_per_prefix()
    assert len(prefixes) == rows.n_targets == prefixes.n_targets
    assert targets(prefixes)[0] == targets(rows)[0]


def test_a_batch_names_row_position_and_next_item():
    batch = training_rows(table([3, 4]), 5).batch(np.array([1, 0]))
    assert batch.items.tolist() == [0, 1, 3, 4, 5]
    assert batch.row.tolist() == [0, 0, 1, 1, 1]
    assert batch.position.tolist() == [0, 1, 0, 1, 2]
    assert batch.targets.tolist() == [1, 2, 4, 5, 6]
    assert batch.length == 3


def test_groups_hold_every_position_once_and_leave_few_places_empty():
    lengths = np.random.default_rng(0).geometric(0.15, 300)
    rows = histories(table(lengths), 50)
    batch = rows.batch(np.arange(300))
    assert [group[0] for group in batch.groups[1:]] == [group[1] for group in batch.groups[:-1]]
    assert batch.groups[0][0] == 0 and batch.groups[-1][1] == len(batch.items)
    assert sum(group[2] for group in batch.groups) == 300
    places = sum(n_rows * length for *_, n_rows, length in batch.groups)
    assert len(batch.items) <= places < 1.5 * len(batch.items) < 300 * batch.length / 2


def test_histories_are_the_last_items():
    batch = histories(table([2, 5]), 3).batch(np.arange(2))
    assert batch.items.tolist() == [0, 1, 4, 5, 6]
    assert (batch.targets == -1).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="max_length must be at least 1, got 0"):
        training_rows(table([3]), 0)
    with pytest.raises(ValueError, match="stride must lie in 1 to max_length = 4, got 5"):
        training_rows(table([3]), 4, stride=5)
    with pytest.raises(ValueError, match="a user with two items or more, got none"):
        training_rows(table([1, 1]), 4)
    with pytest.raises(ValueError, match="no item of user 1; leave such users out"):
        histories(table([2, 0]), 3)
    with pytest.raises(ValueError, match="rows must have targets, got histories"):
        histories(table([2, 1]), 3).one_per_prefix()
