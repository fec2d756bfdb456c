"""Interactions and their splits: every interaction in one part, ratios kept, nothing of the test in the training."""

import numpy as np
import pytest
from paperlab.methods.recommenders import interactions as table_of
from paperlab.methods.recommenders.interactions import Interactions

USER = np.array([0, 0, 0, 2, 2, 1, 1, 1, 1, 0])
ITEM = np.array([3, 1, 2, 0, 3, 4, 1, 0, 2, 4])


@pytest.fixture
def table():
    return Interactions.from_pairs(USER, ITEM, n_users=4, n_items=6)


def many(rng, n_users=200, n_items=50):
    lengths = rng.integers(0, 30, n_users)
    user = np.repeat(np.arange(n_users), lengths)
    item = np.concatenate([rng.permutation(n_items)[:n] for n in lengths])
    return Interactions.from_pairs(user, item, n_users=n_users, n_items=n_items)


def pairs(table):
    return sorted(zip(table.users.tolist(), table.items.tolist()))


def test_histories_keep_the_order_of_rows_or_of_time(table):
    assert table.of(0).tolist() == [3, 1, 2, 4]
    assert table.of(3).tolist() == []
    assert table.lengths.tolist() == [4, 4, 2, 0] and table.n_users == 4
    assert table.counts.tolist() == [2, 2, 2, 2, 2, 0]
    by_time = Interactions.from_pairs(USER, ITEM, time=-np.arange(10))
    assert by_time.of(0).tolist() == [4, 2, 1, 3] and by_time.n_items == 5


def test_matrix_counts_an_item_once():
    twice = Interactions.from_pairs([0, 0, 1], [1, 1, 0])
    assert twice.matrix().toarray().tolist() == [[0, 1], [1, 0]]


def test_users_are_taken_in_the_order_given_with_their_histories(table):
    some = table.take([2, 3, 0, 2])
    assert [some.of(user).tolist() for user in range(4)] == [table.of(user).tolist() for user in (2, 3, 0, 2)]
    assert some.n_items == table.n_items
    assert table.take(np.array([], int)).n_users == 0
    everybody = table.take(np.arange(table.n_users))
    assert np.array_equal(everybody.items, table.items) and np.array_equal(everybody.indptr, table.indptr)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (([0, 1], [0]), "one length, got 2 and 1"),
        (([0, -1], [0, 1]), "user must be numbered from 0, got -1"),
        (([0.0, 1.0], [0, 1]), "user must be a list of whole numbers"),
    ],
)
def test_bad_pairs_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Interactions.from_pairs(*arguments)


def test_limits_and_times_are_checked():
    with pytest.raises(ValueError, match="n_items must be above every item, got 2 with item 4"):
        Interactions.from_pairs(USER, ITEM, n_items=2)
    with pytest.raises(ValueError, match=r"time must have shape \(10,\)"):
        Interactions.from_pairs(USER, ITEM, time=[1, 2])


def test_permuted_numbers_are_the_same_histories(table):
    turned, number = table.permute_items(rng=np.random.default_rng(3))
    assert sorted(number) == list(range(6))
    back = np.argsort(number)
    assert back[turned.items].tolist() == table.items.tolist()


def test_core_is_the_largest_table_with_enough_everywhere():
    rng = np.random.default_rng(0)
    table = many(rng)
    core, users, items = table.core(12)
    assert core.lengths.min() >= 12 and core.counts.min() >= 12
    old = Interactions.from_pairs(users[core.users], items[core.items], n_users=200, n_items=50)
    assert set(pairs(old)) <= set(pairs(table))
    # whoever was left out has fewer than 12 among the items that stayed
    inside = np.isin(table.items, items)
    outside = np.setdiff1d(np.arange(200), users)
    assert np.bincount(table.users[inside], minlength=200)[outside].max() < 12
    assert pairs(core.core(12)[0]) == pairs(core)


def test_core_that_is_empty_is_told(table):
    with pytest.raises(ValueError, match="no 9-core: nothing is left"):
        table.core(9)


@pytest.mark.parametrize("name", ["leave_last_out", "per_user_ratio", "random_rows"])
def test_every_interaction_stands_in_exactly_one_part(name):
    table = many(np.random.default_rng(1))
    split = getattr(table_of, name)(table, **({} if name == "leave_last_out" else {"rng": np.random.default_rng(2)}))
    assert sorted(pairs(split.train) + pairs(split.valid) + pairs(split.test)) == pairs(table)


def test_last_items_are_left_out(table):
    split = table_of.leave_last_out(table)
    assert (
        split.test.of(0).tolist() == [4] and split.valid.of(0).tolist() == [2] and split.train.of(0).tolist() == [3, 1]
    )
    assert split.train.of(2).tolist() == [] and split.test.of(2).tolist() == [3]
    assert split.seen.of(0).tolist() == [3, 1, 2]


def test_ratio_per_user_follows_recboles_rule():
    """floor(n / 10), at least one, for validation and test; the rest trains. DirectAU's numbers of Beauty follow."""
    for n, expected in ((3, 1), (9, 1), (10, 1), (19, 1), (20, 2), (57, 5)):
        table = Interactions.from_pairs(np.zeros(n, int), np.arange(n))
        split = table_of.per_user_ratio(table, rng=np.random.default_rng(n))
        assert len(split.valid.items) == len(split.test.items) == expected
    short = table_of.per_user_ratio(Interactions.from_pairs([0, 0], [0, 1]), rng=np.random.default_rng(0))
    assert len(short.train.items) == 2


def test_ratio_per_user_draws_every_item_alike():
    n, draws = 10, 4000
    table = Interactions.from_pairs(np.repeat(np.arange(draws), n), np.tile(np.arange(n), draws))
    split = table_of.per_user_ratio(table, rng=np.random.default_rng(4))
    share = split.test.counts / draws
    assert np.abs(share - 0.1).max() < 4.5 * np.sqrt(0.09 / draws)


def test_random_rows_have_their_shares():
    table = many(np.random.default_rng(5))
    split = table_of.random_rows(table, rng=np.random.default_rng(6), shares=(0.7, 0.2, 0.1))
    n = len(table.items)
    assert abs(len(split.train.items) - 0.7 * n) <= 1 and abs(len(split.valid.items) - 0.2 * n) <= 1


@pytest.mark.parametrize("shares", [(0.8, 0.1), (0.8, 0.3, -0.1), (0.5, 0.1, 0.1)])
def test_shares_are_checked(table, shares):
    with pytest.raises(ValueError, match="shares must be three numbers"):
        table_of.random_rows(table, rng=np.random.default_rng(0), shares=shares)


def test_cuts_divide_a_history_in_time_order(table):
    split = table_of.by_cuts(table, [2, 1, 0, 0], [1, 0, 0, 0], [0, 2, 0, 0])
    assert (
        split.train.of(0).tolist() == [3, 1] and split.valid.of(0).tolist() == [2] and split.test.of(0).tolist() == []
    )
    assert split.train.of(1).tolist() == [4] and split.test.of(1).tolist() == [1, 0]
    assert split.train.of(2).tolist() == [] and len(split.test.of(2)) == 0
    assert split.cold.tolist() == [True, False, True, False, False, True]
    with pytest.raises(ValueError, match="cuts of user 2 name 3 items, the history has 2"):
        table_of.by_cuts(table, [0, 0, 3, 0], [0] * 4, [0] * 4)


def test_groups_hold_equal_interactions_and_keep_ties_together():
    counts = np.array([1] * 60 + [10] * 6 + [60])
    assert table_of.popularity_groups(counts, 3).tolist() == [0] * 60 + [1] * 6 + [2]
    with pytest.raises(ValueError, match="n_groups"):
        table_of.popularity_groups(counts, 0)
