"""Widths of embeddings: blocks of features by frequency, widths by a rule or by lot, masks, pruning by size."""

import numpy as np


def frequency_blocks(counts, n_blocks):
    """Block of every feature, 0 the most frequent; blocks hold equally many features (one more in the first ones).

    Parameters
    ----------
    counts : array_like of int, shape (n_features,)
        Rows of the *training* part in which each feature occurs: counts of other parts would leak.
    n_blocks : int
        At most the number of features.

    Returns
    -------
    ndarray of int, shape (n_features,)

    Raises
    ------
    ValueError
        If ``n_blocks`` is not between 1 and the number of features, or a count is negative.

    Examples
    --------
    >>> frequency_blocks([5, 90, 1, 40], 2)
    array([1, 0, 1, 0])
    """
    counts = np.asarray(counts)
    if not 1 <= n_blocks <= len(counts):
        raise ValueError(f"n_blocks must be between 1 and the number of features, {len(counts)}, got {n_blocks}")
    if counts.min() < 0:
        raise ValueError(f"counts must not be negative, got {counts.min()}")
    block = np.empty(len(counts), np.int64)
    parts = np.array_split(np.argsort(-counts, kind="stable"), n_blocks)
    for number, part in enumerate(parts):
        block[part] = number
    return block


def _check_budget(base, width):
    if not 0 < base <= width:
        raise ValueError(f"base must lie above 0 and at most at the width {width}, got {base}")


def mde_widths(counts, block, base, exponent, width):
    """Widths of blocks by the frequency rule of mixed dimension embeddings, shape (n_blocks,).

    Parameters
    ----------
    counts : array_like of int, shape (n_features,)
        Training rows of every feature.
    block : array_like of int, shape (n_features,)
    base : float
        Mean width that may be spent.
    exponent : float
        Power of a block's share of the training rows, from 0 (equal widths, for blocks of one size).
    width : int
        Largest width.

    Notes
    -----
    ``d_l = floor(B p_l^a / sum_m p_m^a / n_l)`` with the budget B = base times number of features, the block's share
    p_l of the rows and its n_l features; at most ``width``. Rounding down and this limit leave a part of B unspent.

    Examples
    --------
    >>> mde_widths([90, 10], [0, 1], base=8, exponent=0.5, width=32)
    array([12,  4])
    """
    _check_budget(base, width)
    if exponent < 0:
        raise ValueError(f"exponent must not be negative, got {exponent}; frequent features get the wider vectors")
    block, n_blocks = np.asarray(block), int(np.max(block)) + 1
    share = np.bincount(block, np.asarray(counts, float), n_blocks)
    share = (share / share.sum()) ** exponent
    n = np.bincount(block, minlength=n_blocks)
    return np.minimum(np.floor(base * len(block) * share / share.sum() / n + 1e-9), width).astype(int)


def random_widths(block, base, width, *, rng):
    """Widths of blocks by lot that do not grow with rarity and spend at most the budget, shape (n_blocks,).

    Parameters
    ----------
    block : array_like of int, shape (n_features,)
        0 the most frequent.
    base : float
        Mean width that may be spent.
    width : int
        Largest width.

    Notes
    -----
    Uniform numbers in falling order are scaled to the budget and rounded down; what is left goes to the first blocks
    that can take one more without standing above the block before.
    """
    _check_budget(base, width)
    n = np.bincount(np.asarray(block))
    drawn = np.sort(rng.random(len(n)))[::-1]
    budget = base * n.sum()
    found = np.minimum(np.floor(drawn * budget / (drawn @ n)), width).astype(int)
    while True:
        before = np.concatenate([[width], found[:-1]])
        free = np.flatnonzero((found < before) & (found @ n + n <= budget + 1e-9))
        if not len(free):
            return found
        found[rng.choice(free)] += 1


def width_mask(block, widths, width):
    """Mask of a table whose features keep the first entries only, as many as their block's width.

    Returns
    -------
    ndarray of 0 and 1, shape (n_features, width)
    """
    widths = np.asarray(widths)
    if widths.min() < 0 or widths.max() > width:
        raise ValueError(f"widths must lie in 0 to {width}, got {widths.min()} to {widths.max()}")
    return (np.arange(width) < widths[np.asarray(block)][:, None]).astype(np.int8)


def prune(table, share):
    """A copy of the table with the given share of its entries, those of the least size, set to zero.

    Parameters
    ----------
    table : array_like, shape (n_features, width)
    share : float
        In [0, 1).

    Raises
    ------
    ValueError
        If the share lies outside [0, 1).

    Examples
    --------
    >>> prune([[3.0, -1.0], [-2.0, 0.5]], 0.5)
    array([[ 3.,  0.],
           [-2.,  0.]])
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must lie in [0, 1), got {share}; it is the part of the entries that is removed")
    table = np.array(table)
    flat = table.reshape(-1)
    n = int(np.floor(share * flat.size + 1e-9))
    if n:
        flat[np.argpartition(np.abs(flat), n - 1)[:n]] = 0
    return table


def kept_by_block(table, block):
    """Mean number of entries other than zero of a feature, by block, shape (n_blocks,)."""
    block = np.asarray(block)
    return np.bincount(block, np.count_nonzero(table, axis=1)) / np.bincount(block)


def shuffled_mask(table, block, *, rng):
    """A mask by lot with as many entries in every block as the table has nonzero ones there."""
    table, block = np.asarray(table), np.asarray(block)
    mask = np.zeros(table.shape, np.int8)
    for number in np.unique(block):
        members = np.flatnonzero(block == number)
        n = np.count_nonzero(table[members])
        chosen = rng.permutation(len(members) * table.shape[1])[:n]
        mask[members[chosen // table.shape[1]], chosen % table.shape[1]] = 1
    return mask
