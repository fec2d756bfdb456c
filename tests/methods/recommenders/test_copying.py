"""Rules that only look at histories, against the definition."""

from collections import Counter

import numpy as np
import pytest
from paperlab.methods.recommenders import copying
from paperlab.methods.recommenders.interactions import Interactions, leave_last_out

RNG = np.random.default_rng


def table(seed=0, n_users=60, n_items=15, repeat=0.4):
    """Histories in which an item follows itself with a given chance."""
    rng, rows = RNG(seed), []
    for length in rng.integers(2, 12, size=n_users):
        row = [int(rng.integers(n_items))]
        while len(row) < length:
            row.append(row[-1] if rng.random() < repeat else int(rng.integers(n_items)))
        rows.append(row)
    lengths = [len(row) for row in rows]
    return Interactions(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(rows), n_items)


def test_recent_items_are_the_last_different_ones():
    found = table()
    lists = copying.recent_lists(found, 3)
    for user, row in enumerate(lists):
        wanted = []
        for item in found.of(user)[::-1].tolist():
            if item not in wanted:
                wanted.append(item)
        assert [item for item in row if item >= 0] == wanted[:3]


def test_the_last_item_alone_hits_as_often_as_items_follow_themselves():
    """Repeats occur with chance .4, and by luck in a fifteenth of the rest."""
    split = leave_last_out(table(n_users=4000))
    hit = (copying.recent_lists(split.seen, 1)[:, 0] == split.test.items).mean()
    assert hit == pytest.approx(0.4 + 0.6 / 15, abs=0.03)


def test_what_followed_is_counted_within_histories_only():
    found = table()
    lists = copying.followed_lists(found, 2)
    pairs = [
        pair for user in range(found.n_users) for pair in zip(found.of(user)[:-1], found.of(user)[1:], strict=True)
    ]
    counts = Counter((int(a), int(b)) for a, b in pairs)
    for user in range(found.n_users):
        last = int(found.of(user)[-1])
        after = sorted((-n, b) for (a, b), n in counts.items() if a == last)
        assert [item for item in lists[user] if item >= 0] == [b for _, b in after[:2]]


def test_popular_items_are_the_same_for_everybody():
    found = table()
    lists = copying.popular_lists(found, 4)
    assert lists.shape == (60, 4) and (lists == lists[0]).all()
    assert (np.diff(found.counts[lists[0]]) <= 0).all() and found.counts[lists[0, 0]] == found.counts.max()


def test_collapsing_leaves_no_equal_neighbours_and_does_nothing_twice():
    once = copying.collapsed(table())
    assert all((np.diff(once.of(user)) != 0).all() for user in range(once.n_users))
    assert (copying.collapsed(once).items == once.items).all()
    assert once.lengths.min() >= 1


def test_what_was_had_is_found_by_the_definition():
    split = leave_last_out(table())
    found = copying.had_before(split.seen, split.test)
    assert found.tolist() == [split.test.of(u)[0] in split.seen.of(u) for u in range(60)]


def test_errors_name_what_is_wrong():
    split = leave_last_out(table())
    for rule in (copying.recent_lists, copying.followed_lists, copying.popular_lists):
        with pytest.raises(ValueError, match="k must be at least 1, got 0"):
            rule(split.seen, 0)
    with pytest.raises(ValueError, match="one item of each of the 60 users"):
        copying.had_before(split.seen, split.test.take(np.arange(5)))
    empty = Interactions(np.array([0, 2, 2]), np.array([0, 1]), 3)
    with pytest.raises(ValueError, match="no item of user 1"):
        copying.followed_lists(empty, 1)
