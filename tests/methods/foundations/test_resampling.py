"""Splits that keep groups whole, weights that are counts, blocks that keep neighbours together."""

import numpy as np
import pytest
from paperlab.methods.foundations import resampling


def test_a_generator_draws_a_seed_and_a_whole_number_is_one():
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    assert resampling.seed_of(rng) == resampling.seed_of(again) != resampling.seed_of(again)
    assert resampling.seed_of(np.int64(5)) == 5


@pytest.mark.parametrize("bad", [None, 1.5, True, "7", np.random.RandomState(0)])
def test_there_is_no_default_seed(bad):
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator or a whole number"):
        resampling.seed_of(bad)


def test_weights_are_counts_of_a_multinomial_sample():
    weights = resampling.resample_weights(8, n_draws=20_000, rng=np.random.default_rng(0))
    assert (weights.sum(1) == 8).all()
    assert weights.mean(0) == pytest.approx(np.ones(8), abs=0.03)
    assert weights.var(0) == pytest.approx(np.full(8, 7 / 8), abs=0.05)
    for change in ({"n": 0}, {"n_draws": 0}):
        with pytest.raises(ValueError, match="must be at least 1, got 0"):
            resampling.resample_weights(**{"n": 3, "n_draws": 2, **change}, rng=np.random.default_rng(0))


def test_one_person_is_drawn_once_in_one_sample():
    assert resampling.resample_weights(1, n_draws=1, rng=np.random.default_rng(0)).tolist() == [[1]]


def test_train_and_test_share_the_rows_out():
    for train, test in resampling.splits(50, 3, 0.2, rng=np.random.default_rng(1)):
        assert sorted([*train, *test]) == list(range(50))
        assert len(test) == 10


@pytest.mark.parametrize(
    "rename", [lambda g: g, lambda g: 5000 + 37 * g, lambda g: -2.5 * (20 - g), lambda g: f"p{g:02}"]
)
def test_groups_are_never_cut_whatever_their_names(rename):
    group = np.repeat(np.arange(20), 5)
    names = np.array([rename(g) for g in group.tolist()])
    expected = resampling.splits(100, 5, 0.2, rng=0, groups=group)
    for (train, test), (_, wanted) in zip(resampling.splits(100, 5, 0.2, rng=0, groups=names), expected, strict=True):
        assert not set(names[train]) & set(names[test])
        assert np.array_equal(test, wanted)
    cut = resampling.splits(100, 5, 0.2, rng=0)
    assert any(set(names[train]) & set(names[test]) for train, test in cut)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"groups": np.zeros(10)}, "all rows belong to one group"),
        ({"groups": [1, 2, None, *range(7)]}, "groups has no label in row 2"),
        ({"groups": [1, 2]}, "groups must be one label for each of 10 rows"),
        ({"test_size": 1.0}, r"test_size must lie between 0 and 1, got 1\.0"),
        ({"test_size": 0.0}, r"test_size must lie between 0 and 1, got 0\.0"),
    ],
)
def test_splits_that_make_no_sense_are_told(change, words):
    arguments = {"n": 10, "n_splits": 2, "test_size": 0.2, **change}
    with pytest.raises(ValueError, match=words):
        resampling.splits(**arguments, rng=0)


def test_blocks_of_the_whole_series_keep_the_correlation():
    rng = np.random.default_rng(2)
    a = rng.standard_normal(40)
    b = a + rng.standard_normal(40)
    found = resampling.block_bootstrap_correlation(a, b, rng=rng, block_length=40, n_draws=5)
    assert found == pytest.approx(np.full(5, np.corrcoef(a, b)[0, 1]))


def test_single_periods_have_the_spread_of_fisher():
    rng = np.random.default_rng(3)
    a = rng.standard_normal(400)
    b = 0.6 * a + 0.8 * rng.standard_normal(400)
    draws = resampling.block_bootstrap_correlation(a, b, rng=rng, block_length=1, n_draws=4000)
    assert np.arctanh(draws).std() == pytest.approx(1 / np.sqrt(397), rel=0.1)


def test_longer_blocks_widen_the_interval_of_dependent_series():
    rng = np.random.default_rng(4)
    a, b = np.cumsum(rng.standard_normal((2, 400)), axis=1)
    spread = [resampling.block_bootstrap_correlation(a, b, rng=rng, block_length=length).std() for length in (1, 50)]
    assert spread[1] > 3 * spread[0]


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_correlations_have_no_unit(unit):
    a, b = np.random.default_rng(5).standard_normal((2, 60))
    base, found = (
        resampling.block_bootstrap_correlation(u * a, b + u, rng=np.random.default_rng(0), n_draws=9) for u in (1, unit)
    )
    assert found == pytest.approx(base, abs=1e-6)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"b": np.zeros(9)}, "of the same length"),
        ({"b": np.full(10, 2.0)}, r"b is constant \(2\)"),
        ({"a": np.full(10, 3.0)}, r"a is constant \(3\)"),
        ({"a": [np.nan, *range(9)]}, "a is nan in row 0"),
        ({"block_length": 0}, "block_length must be between 1 and the 10 periods, got 0"),
        ({"block_length": 11}, "got 11"),
        ({"a": [0] * 8 + [1] * 2, "block_length": 2, "n_draws": 200}, "constant in a sample of blocks of 2"),
    ],
)
def test_series_that_have_no_correlation_are_told(change, words):
    arguments = {"a": np.arange(10.0), "b": np.arange(10.0) ** 2, "block_length": 5, **change}
    with pytest.raises(ValueError, match=words):
        resampling.block_bootstrap_correlation(**arguments, rng=np.random.default_rng(0))
