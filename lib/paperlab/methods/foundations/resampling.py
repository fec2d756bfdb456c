"""Splits, weights and blocks of resampled data."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit


def resample_weights(n, draws, rng):
    """How often each of n people is drawn in each of ``draws`` bootstrap samples, shape (draws, n)."""
    return rng.multinomial(n, np.full(n, 1 / n), size=draws)


def splits(n, n_splits, test_size, seed, groups=None):
    """Training and test rows of several splits: random, or whole groups at a time."""
    if groups is None:
        return list(ShuffleSplit(n_splits, test_size=test_size, random_state=seed).split(np.zeros(n)))
    if len(np.unique(groups)) < 2:
        raise ValueError("groups: all rows belong to one group, so no split can leave a group out")
    splitter = GroupShuffleSplit(n_splits, test_size=test_size, random_state=seed)
    return list(splitter.split(np.zeros(n), groups=groups))


def block_bootstrap_correlation(a, b, *, block=20, n_draws=500, rng=None):
    """Correlations of two series in circular block bootstrap samples, shape (n_draws,)."""
    if len(a) != len(b):
        raise ValueError(f"a and b must be of the same length, got {len(a)} and {len(b)}")
    if not 1 <= block <= len(a):
        raise ValueError(f"block must be between 1 and the {len(a)} periods, got {block}")
    rng = np.random.default_rng() if rng is None else rng
    n_blocks = -(-len(a) // block)
    starts = rng.integers(0, len(a), (n_draws, n_blocks))
    days = ((starts[:, :, None] + np.arange(block)) % len(a)).reshape(n_draws, -1)[:, : len(a)]
    x, y = a[days], b[days]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    return np.sum(x * y, axis=1) / np.sqrt(np.sum(x * x, axis=1) * np.sum(y * y, axis=1))
