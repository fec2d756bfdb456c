"""Codes of items: unique and prefix-free, no answer leaks into a number, what codes are worth in closed form."""

import numpy as np
import pytest
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.item_codes import (
    break_ties,
    check_codes,
    cosine_by_prefix,
    count_collisions,
    level_out,
    level_perplexity,
    number_codes,
    own_letters,
    random_codes,
    sequential_codes,
    tree_codes,
)

RNG = np.random.default_rng
TWINS = np.array([[1, 2], [0, 1], [1, 2], [1, 2], [0, -1 + 2]])
PATHS = [["a", "b"], ["a"], ["c"], ["a", "b"], ["a", "d", "e"], ["c"], ["a", "d"]]


def test_digits_are_those_of_the_number():
    numbers = np.array([0, 7, 99, 100, 5364])
    codes = number_codes(numbers, 10, n_digits=4)
    assert (codes @ [1000, 100, 10, 1] == numbers).all()
    assert number_codes(numbers, 6000).tolist() == numbers[:, None].tolist()


def test_random_codes_are_unique_and_use_every_first_letter():
    codes = check_codes(random_codes(1000, base=10, rng=RNG(0)))
    assert codes.shape == (1000, 3)
    assert level_perplexity(codes) == pytest.approx([10, 10, 10])
    assert (codes != random_codes(1000, base=10, rng=RNG(1))).any()


HISTORIES = Interactions(np.array([0, 2, 5, 6]), np.array([4, 2, 2, 0, 5, 3]), 8)


@pytest.mark.parametrize(
    ("user_order", "walked"),
    [("original", [4, 2, 0, 5, 3]), ("short_first", [3, 4, 2, 0, 5]), ("long_first", [2, 0, 5, 4, 3])],
)
def test_sequential_numbers_follow_the_first_appearance(user_order, walked):
    codes = check_codes(sequential_codes(HISTORIES, base=10, user_order=user_order, rng=RNG(0)))
    assert np.argsort(codes[:, 0])[:5].tolist() == walked
    assert sorted(codes[[1, 6, 7], 0]) == [5, 6, 7]
    later = sequential_codes(HISTORIES, base=100, first=1001, user_order=user_order, rng=RNG(0))
    assert (later @ [100, 1] - 1001 == codes[:, 0]).all()


def test_sequential_numbers_of_a_random_order_of_users_depend_on_the_draw():
    found = {tuple(sequential_codes(HISTORIES, base=10, user_order="random", rng=RNG(s))[:, 0]) for s in range(8)}
    assert len(found) > 2


def test_unseen_items_are_numbered_by_lot_not_by_their_number():
    orders = {tuple(sequential_codes(HISTORIES, base=10, rng=RNG(s))[[1, 6, 7], 0]) for s in range(30)}
    assert len(orders) == 6


def test_categories_lead_and_items_of_one_category_differ_in_the_last_letter():
    codes = check_codes(tree_codes(PATHS, rng=RNG(0)))
    assert (codes[0, :2] == codes[3, :2]).all() and codes[0, 2] != codes[3, 2]
    assert (codes[[0, 1, 3, 4, 6], 0] == codes[0, 0]).all() and codes[2, 0] == codes[5, 0] != codes[0, 0]
    assert (codes[4, :2] == codes[6, :2]).all() and codes[4, 2] != codes[6, 2]
    assert ((codes >= 0).sum(1) == [len(path) + 1 for path in PATHS]).all()


def test_a_hundred_random_trees_give_codes_that_are_unique_and_prefix_free():
    for seed in range(100):
        rng = RNG(seed)
        check_codes(tree_codes([rng.integers(3, size=rng.integers(1, 5)).tolist() for _ in range(40)], rng=rng))


def test_ties_are_broken_by_lot():
    assert count_collisions(TWINS).n_sharing == 5
    found = set()
    for seed in range(40):
        codes = check_codes(break_ties(TWINS, rng=RNG(seed)))
        assert (codes[:, :2] == TWINS).all()
        assert sorted(codes[[0, 2, 3], 2]) == [0, 1, 2] and sorted(codes[[1, 4], 2]) == [0, 1]
        found.add(tuple(codes[[0, 2, 3], 2]))
    assert len(found) == 6  # every order comes up
    unique = np.array([[0, 1], [1, -1]])
    assert break_ties(unique, rng=RNG(0)) is not None and (break_ties(unique, rng=RNG(0)) == unique).all()


def test_a_tie_of_short_codes_is_broken_behind_their_end():
    codes = break_ties([[0, 1], [2, -1], [2, -1]], rng=RNG(0))
    assert sorted(map(tuple, codes.tolist())) == [(0, 1, 0), (2, 0, -1), (2, 1, -1)]
    check_codes(codes)


def test_own_letters_keep_the_path_and_make_all_items_different():
    codes = tree_codes(PATHS, rng=RNG(0))
    hybrid = check_codes(own_letters(codes, drop_last=True))
    assert hybrid.shape[1] == codes.shape[1] and (hybrid >= 0).all()
    assert (hybrid[:, -1] == np.arange(7)).all()
    assert (hybrid[0, :2] == codes[0, :2]).all() and hybrid[1, 1] not in codes[[0, 3, 4, 6], 1]
    assert own_letters([[3], [1]]).tolist() == [[3, 0], [1, 1]]
    assert own_letters([[3], [1]], drop_last=True).tolist() == [[0], [1]]


def test_levelled_codes_have_one_length_and_stay_different():
    codes = check_codes(level_out(tree_codes(PATHS, rng=RNG(0))))
    assert (codes >= 0).all()


def test_collisions_are_counted():
    found = count_collisions(TWINS)
    assert (found.n_items, found.n_codes, found.n_sharing, found.largest) == (5, 2, 5, 3)
    assert found.uniqueness == pytest.approx(0.4)
    assert count_collisions([[0], [1]]).uniqueness == 1


def test_perplexity_is_the_number_of_letters_when_they_are_even_and_one_when_all_are_alike():
    codes = np.stack([np.arange(60) % 12, np.zeros(60, int), np.repeat([0, 1], [45, 15])], 1)
    wanted = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert level_perplexity(codes) == pytest.approx([12, 1, wanted])


def test_cosines_by_prefix_are_those_of_all_pairs():
    rng = RNG(3)
    codes, vectors = rng.integers(3, size=(40, 3)), rng.normal(size=(40, 5))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(40, 1)
    common = np.cumprod(codes[first] == codes[second], axis=1).sum(1)
    cosine = (unit[first] * unit[second]).sum(1)
    wanted = [cosine[common == length].mean() for length in range(4)]
    assert cosine_by_prefix(codes, vectors) == pytest.approx(wanted)
    alone = cosine_by_prefix([[0, 0], [1, 0]], [[1.0, 0], [0, 2]])
    assert alone[0] == 0 and np.isnan(alone[1:]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_codes(TWINS), r"codes must be unique, items 1 and 4 share \(0, 1\); break_ties adds a letter"),
        (lambda: check_codes([[0, 1], [0, -1]]), "codes must not begin one another: item 1"),
        (lambda: number_codes([3], 1), "base must be at least 2, got 1"),
        (lambda: number_codes([-3], 10), "numbers must be"),
        (lambda: number_codes([300], 10, n_digits=2), "n_digits must be at least 3 for 300 in base 10, got 2"),
        (lambda: random_codes(0, base=2, rng=RNG(0)), "n_items must be at least 1, got 0"),
        (lambda: sequential_codes(HISTORIES, base=9, user_order="x", rng=RNG(0)), "user_order must be one of original"),
        (lambda: tree_codes([], rng=RNG(0)), "paths must name the categories of at least one item"),
        (lambda: tree_codes([["a"], []], rng=RNG(0)), "paths has no category for item 1; name one"),
        (lambda: cosine_by_prefix([[0], [1]], [[1.0], [np.nan]]), "vectors is nan in row 1"),
        (lambda: cosine_by_prefix([[0], [1]], [[1.0], [0]]), "vectors must not be zero, got one for item 1"),
        (lambda: cosine_by_prefix([[0], [1]], [[1.0]]), "one row for each of 2 items"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_shared_codes_may_be_allowed():
    assert (check_codes(TWINS, unique=False) == TWINS).all()
