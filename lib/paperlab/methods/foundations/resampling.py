"""Splits, weights and blocks of resampled data, and whole seeds for libraries that know no generator."""

from __future__ import annotations

import numbers

import numpy as np

from paperlab.methods.foundations.checks import codes, finite


def seed_of(rng):
    """Whole number for a library that takes no generator, such as scikit-learn or a compiled loop.

    Parameters
    ----------
    rng : numpy.random.Generator or int
        A generator draws the number; a whole number is the seed itself, so that models can share one.

    Raises
    ------
    TypeError
        If ``rng`` is neither; there is no default.

    Examples
    --------
    >>> seed_of(7), seed_of(np.random.default_rng(0)) < 2**31
    (7, True)
    """
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**31))
    if isinstance(rng, numbers.Integral) and not isinstance(rng, bool):
        return int(rng)
    raise TypeError(
        f"rng must be a numpy.random.Generator or a whole number, got {rng!r}; use numpy.random.default_rng"
    )


def resample_weights(n, *, n_draws, rng):
    """How often each of n people is drawn in each bootstrap sample.

    Parameters
    ----------
    n, n_draws : int
        People, and samples.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n_draws, n)
        Rows add up to n.

    Raises
    ------
    ValueError
        If a number is below 1.

    Examples
    --------
    >>> resample_weights(5, n_draws=3, rng=np.random.default_rng(0)).sum(1)
    array([5, 5, 5])
    """
    for name, value in (("n", n), ("n_draws", n_draws)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    return rng.multinomial(n, np.full(n, 1 / n), size=n_draws)


def splits(n, n_splits, test_size, *, rng, groups=None):
    """Training and test rows of several splits: random, or whole groups at a time.

    Parameters
    ----------
    n, n_splits : int
        Rows, and splits of them.
    test_size : float
        Share of the rows (of the groups) that is held out, between 0 and 1.
    rng : numpy.random.Generator or int
        As in `seed_of`.
    groups : sequence of hashable, shape (n,), optional
        Name of each row's group; a group is never cut in two.

    Returns
    -------
    list of (train, test)
        Row numbers.

    Raises
    ------
    ValueError
        If ``test_size`` is no share, or ``groups`` has a missing label, another length than n, or one group only.

    Examples
    --------
    >>> ((train, test),) = splits(6, 1, 0.3, rng=0, groups=["a", "a", "b", "b", "c", "c"])
    >>> len(train), len(test)
    (4, 2)
    """
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

    if not 0 < test_size < 1:
        raise ValueError(f"test_size must lie between 0 and 1, got {test_size}; it is the share held out")
    options = {"test_size": test_size, "random_state": seed_of(rng)}
    if groups is None:
        return list(ShuffleSplit(n_splits, **options).split(np.zeros(n)))
    group = codes("groups", groups, n)
    if group.max() == 0:
        raise ValueError("groups: all rows belong to one group, so no split can leave a group out")
    return list(GroupShuffleSplit(n_splits, **options).split(np.zeros(n), groups=group))


def block_bootstrap_correlation(a, b, *, rng, block_length=20, n_draws=500):
    """Correlations of two series in circular block bootstrap samples.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Two series over the same periods.
    rng : numpy.random.Generator
    block_length, n_draws : int
        Periods that stay together, and samples.

    Returns
    -------
    ndarray, shape (n_draws,)

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), the lengths differ, a series or one of its samples is
        constant, or ``block_length`` is not in 1 to n.

    Notes
    -----
    Blocks start anywhere and run on from the last period to the first (Politis and Romano 1992).

    Examples
    --------
    >>> a = np.sin(np.arange(60.0))
    >>> block_bootstrap_correlation(a, 5 - 2 * a, rng=np.random.default_rng(0), n_draws=2).round(6)
    array([-1., -1.])
    """
    a, b = finite("a", a), finite("b", b)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"a and b must be of the same length, got shapes {a.shape} and {b.shape}")
    if not 1 <= block_length <= len(a):
        raise ValueError(f"block_length must be between 1 and the {len(a)} periods, got {block_length}")
    for name, series in (("a", a), ("b", b)):
        if np.ptp(series) == 0:
            raise ValueError(f"{name} is constant ({series[0]:g}): it has no correlation")
    n_blocks = -(-len(a) // block_length)
    starts = rng.integers(0, len(a), (n_draws, n_blocks))
    days = ((starts[:, :, None] + np.arange(block_length)) % len(a)).reshape(n_draws, -1)[:, : len(a)]
    x, y = a[days], b[days]
    if (np.ptp(x, axis=1) == 0).any() or (np.ptp(y, axis=1) == 0).any():
        raise ValueError(f"a series is constant in a sample of blocks of {block_length}; use longer blocks")
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    return np.sum(x * y, axis=1) / np.sqrt(np.sum(x * x, axis=1) * np.sum(y * y, axis=1))
