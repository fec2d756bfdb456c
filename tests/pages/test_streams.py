"""Streams by name: the numbers of numpy's own seeding, one generator for one purpose."""

import numpy as np
import pytest
from paperlab.errors import PaperlabError
from paperlab.pages.streams import Streams


def draws(rng):
    return rng.random(4).tolist()


@pytest.mark.parametrize("keys", [(), (3,), (3, 7), (99,), (np.int64(3), 1)])
def test_integer_keys_are_numpys_own(keys):
    expected = np.random.default_rng([11, *map(int, keys)])
    assert draws(Streams().rng(11, keys)) == draws(expected)


def test_without_a_key_it_is_the_seed_alone():
    assert draws(Streams().rng(11, ())) == draws(np.random.default_rng(11))


def test_every_key_and_every_seed_has_numbers_of_its_own():
    keys = [(), (1,), (2,), (1, 2), (2, 1), ("a",), ("b",), ("a", 1), ("a", "b"), ("b", "a"), ("ab",), ("1",)]
    seen = [tuple(draws(Streams().rng(seed, key))) for seed in (0, 1) for key in keys]
    assert len(set(seen)) == len(seen)


def test_text_keys_do_not_depend_on_the_process():
    """Python's own hash of a text changes with each start; these numbers must not."""
    assert draws(Streams().rng(1, ("input",))) == draws(
        np.random.default_rng([1, 1533897929, 311087336, 3251484135, 1811548082])  # SHA-256 of "input"
    )


@pytest.mark.parametrize("first, second", [((), (0,)), ((3,), (3, 0)), ((0,), (0, 0))])
def test_keys_that_numpy_takes_for_one_are_refused(first, second):
    streams = Streams()
    assert draws(streams.rng(5, first)) == draws(streams.rng(5, first))
    with pytest.raises(PaperlabError, match=r"would draw the same numbers as .*count from 1"):
        streams.rng(5, second)
    assert draws(Streams().rng(5, second)) == draws(Streams().rng(5, first)), "numpy fills up with zeros"


def test_spawned_streams_differ_from_each_other_and_from_the_generator():
    streams = Streams()
    children = streams.spawn(5, ("loop",), 4)
    seen = [tuple(draws(np.random.default_rng(child))) for child in children] + [
        tuple(draws(streams.rng(5, ("loop",))))
    ]
    assert len(set(seen)) == 5
    assert [child.spawn_key for child in streams.spawn(5, ("loop",), 4)] == [(0,), (1,), (2,), (3,)]
    assert streams.spawn(5, ("loop",), 0) == []


@pytest.mark.parametrize("key", [-1, 1.0, True, None, [1], b"a"])
def test_a_key_is_a_name_or_a_count(key):
    with pytest.raises(PaperlabError, match="a key of a generator must be a name or a count from 0, got"):
        Streams().rng(1, (key,))


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(PaperlabError, match="a seed of a generator must be a whole number from 0, got"):
        Streams().rng(seed, ())


@pytest.mark.parametrize("n", [-1, 2.0, True])
def test_turns_are_counted(n):
    with pytest.raises(PaperlabError, match="n must be a count"):
        Streams().spawn(1, ("loop",), n)
