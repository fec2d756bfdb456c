"""A small random forest for many small regressions: no Python work per tree (page ``invalid_instrument``).

Fitting a forest of 40 trees to 1,000 units takes a few milliseconds here; in scikit-learn the set-up of the tree
objects alone takes ten times as long, which matters when a Monte Carlo run fits hundreds of forests.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def _grow(x, y, rows, min_leaf, n_features, feature, threshold, left, right, value):
    """Grow one tree on ``rows`` into the given node arrays; the number of nodes."""
    d = x.shape[1]
    start, stop = np.empty(len(value), np.int64), np.empty(len(value), np.int64)
    start[0], stop[0] = 0, len(rows)
    n_nodes, node = 1, 0
    while node < n_nodes:
        i, j = start[node], stop[node]
        size = j - i
        total = 0.0
        for t in range(i, j):
            total += y[rows[t]]
        value[node] = total / size
        feature[node] = -1
        if size >= 2 * min_leaf:
            best_gain, best_f, best_cut = 1e-12 * (1 + total * total / size), -1, 0.0
            for f in np.random.permutation(d)[:n_features]:  # noqa: NPY002 (numba's generator)
                part = rows[i:j]
                v = x[part, f]
                order = np.argsort(v)
                left_sum = 0.0
                for k in range(size - min_leaf):
                    left_sum += y[part[order[k]]]
                    low, high = v[order[k]], v[order[k + 1]]
                    if k + 1 >= min_leaf and low < high:
                        n_left = k + 1.0
                        right_sum = total - left_sum
                        gain = left_sum**2 / n_left + right_sum**2 / (size - n_left) - total**2 / size
                        if gain > best_gain:
                            best_gain, best_f, best_cut = gain, f, 0.5 * (low + high)
            if best_f >= 0:
                middle = i
                for t in range(i, j):  # units at or below the cut to the front
                    if x[rows[t], best_f] <= best_cut:
                        rows[middle], rows[t] = rows[t], rows[middle]
                        middle += 1
                if i < middle < j:
                    feature[node], threshold[node] = best_f, best_cut
                    left[node], right[node] = n_nodes, n_nodes + 1
                    start[n_nodes], stop[n_nodes] = i, middle
                    start[n_nodes + 1], stop[n_nodes + 1] = middle, j
                    n_nodes += 2
        node += 1
    return n_nodes


@njit(cache=True)
def _forest(x, y, x_new, n_trees, min_leaf, n_features, n_sub, seed):
    np.random.seed(seed)  # noqa: NPY002
    size = 2 * (n_sub // min_leaf) + 3
    feature, left, right = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    threshold, value = np.empty(size), np.empty(size)
    out = np.zeros(len(x_new))
    for _ in range(n_trees):
        rows = np.random.permutation(len(y))[:n_sub]  # noqa: NPY002
        _grow(x, y, rows, min_leaf, n_features, feature, threshold, left, right, value)
        for r in range(len(x_new)):
            node = 0
            while feature[node] >= 0:
                node = left[node] if x_new[r, feature[node]] <= threshold[node] else right[node]
            out[r] += value[node]
    return out / n_trees


def forest_predict(x, y, x_new, *, n_trees=40, min_leaf=25, n_features=None, subsample=0.5, seed=0):
    """Fit a random forest of regression trees and predict.

    Each tree is grown on a random share ``subsample`` of the units (without replacement) by splits that most reduce
    the squared error, among ``n_features`` covariates drawn at each node, down to leaves of at least ``min_leaf``.

    Parameters
    ----------
    x, x_new : ndarray, shape (n, d) and (n_new, d)
    y : ndarray, shape (n,)
    n_trees, min_leaf : int
    n_features : int or None
        Covariates tried at each node; None tries all.
    subsample : float
    seed : int
        Seed of the forest (below 2**32).

    Returns
    -------
    ndarray, shape (n_new,)

    Raises
    ------
    ValueError
        If a size is out of range or shapes do not fit.
    """
    x, x_new, y = (np.ascontiguousarray(v, dtype=float) for v in (x, x_new, y))
    if x.ndim != 2 or x_new.ndim != 2 or x.shape[1] != x_new.shape[1] or len(x) != len(y):
        raise ValueError(f"x, y and x_new must fit together, got shapes {x.shape}, {y.shape} and {x_new.shape}")
    if min_leaf < 1 or n_trees < 1:
        raise ValueError(f"min_leaf and n_trees must be at least 1, got {min_leaf} and {n_trees}")
    if not 0 < subsample <= 1 or len(y) == 0:
        raise ValueError(f"subsample must lie in (0, 1] and y must not be empty, got {subsample} and {len(y)} units")
    n_sub = max(1, round(subsample * len(y)))
    n_features = x.shape[1] if n_features is None else min(max(1, n_features), x.shape[1])
    return _forest(x, y, x_new, n_trees, min_leaf, n_features, n_sub, seed % 2**32)
