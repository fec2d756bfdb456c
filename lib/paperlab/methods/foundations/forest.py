"""A small random forest for many small regressions: no Python work per tree.

Fitting a forest of 40 trees to 1,000 units takes a few milliseconds here; in scikit-learn the set-up of the tree
objects alone takes ten times as long, which matters when a Monte Carlo run fits hundreds of forests.
"""

import numpy as np
from numba import njit

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.resampling import seed_of

NO_GAIN = 1e-12  # smallest gain of a split, as a share of the squared deviations in its node
ROUNDING = 1e-15  # error of a gain, as a share of the squares in its node


@njit(cache=True)
def _grow(x, y, rows, by_value, min_leaf, n_features, links, numbers):
    """Grow one tree on ``rows``, written over ``links`` and ``numbers``.

    ``by_value`` (d, n_rows) holds the same rows in the order of each covariate; a node's part keeps that order when it
    splits, so nothing is sorted here. ``links`` holds feature, left and right child of each node, ``numbers`` its cut
    and value.
    """
    feature, left, right = links[0], links[1], links[2]
    threshold, value = numbers[0], numbers[1]
    d = x.shape[1]
    start, stop = np.empty(len(value), np.int64), np.empty(len(value), np.int64)
    start[0], stop[0] = 0, len(rows)
    above = np.empty(len(rows), np.int64)
    n_nodes, node = 1, 0
    while node < n_nodes:
        i, j = start[node], stop[node]
        size = j - i
        total, squares = 0.0, 0.0
        for t in range(i, j):
            total += y[rows[t]]
            squares += y[rows[t]] ** 2
        value[node] = total / size
        feature[node] = -1
        if size >= 2 * min_leaf:
            best_gain = NO_GAIN * (squares - total**2 / size) + ROUNDING * squares
            best_f, best_cut = -1, 0.0
            for f in np.random.permutation(d)[:n_features]:  # noqa: NPY002 (numba's generator)
                left_sum = 0.0
                low = x[by_value[f, i], f]
                for k in range(size - min_leaf):
                    left_sum += y[by_value[f, i + k]]
                    high = x[by_value[f, i + k + 1], f]
                    if k + 1 >= min_leaf and low < high:
                        n_left = k + 1.0
                        right_sum = total - left_sum
                        gain = left_sum**2 / n_left + right_sum**2 / (size - n_left) - total**2 / size
                        if gain > best_gain:
                            best_gain, best_f, best_cut = gain, f, 0.5 * (low + high)
                    low = high
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
                    if max(middle - i, j - middle) >= 2 * min_leaf:  # else both are leaves
                        for f in range(d):
                            _to_the_front(by_value[f, i:j], x[:, best_f], best_cut, above)
        node += 1


@njit(cache=True)
def _to_the_front(rows, values, cut, above):
    """Bring the rows whose value is not above the cut to the front; both parts keep their order."""
    n_below, n_above = 0, 0
    for row in rows:
        if values[row] <= cut:
            rows[n_below] = row
            n_below += 1
        else:
            above[n_above] = row
            n_above += 1
    rows[n_below:] = above[:n_above]


@njit(cache=True)
def _forest(x, y, x_new, n_trees, min_leaf, n_features, n_sub, seed):
    np.random.seed(seed)  # noqa: NPY002
    n, d = x.shape
    size = 2 * (n_sub // min_leaf) + 3
    links, numbers = np.empty((3, size), np.int64), np.empty((2, size))
    feature, left, right = links[0], links[1], links[2]
    threshold, value = numbers[0], numbers[1]
    all_by_value, by_value = np.empty((d, n), np.int64), np.empty((d, n_sub), np.int64)
    for f in range(d):
        all_by_value[f] = np.argsort(x[:, f], kind="mergesort")
    drawn = np.zeros(n, np.bool_)
    out = np.zeros(len(x_new))
    for _ in range(n_trees):
        rows = np.random.permutation(n)[:n_sub]  # noqa: NPY002
        drawn[:] = False
        for row in rows:
            drawn[row] = True
        for f in range(d):
            t = 0
            for row in all_by_value[f]:
                if drawn[row]:
                    by_value[f, t] = row
                    t += 1
        _grow(x, y, rows, by_value, min_leaf, n_features, links, numbers)
        for r in range(len(x_new)):
            node = 0
            while feature[node] >= 0:
                node = left[node] if x_new[r, feature[node]] <= threshold[node] else right[node]
            out[r] += value[node]
    return out / n_trees


def forest_predict(x, y, x_new, *, rng, n_trees=40, min_leaf=25, n_features=None, subsample=0.5):
    """Fit a random forest of regression trees and predict.

    Each tree is grown on a random share ``subsample`` of the units (without replacement) by splits that most reduce
    the squared error, among ``n_features`` covariates drawn at each node, down to leaves of at least ``min_leaf``.

    Parameters
    ----------
    x, x_new : array_like, shape (n, d) and (n_new, d)
    y : array_like, shape (n,)
    rng : numpy.random.Generator or int
        A generator draws the forest's seed; a whole number is the seed.
    n_trees, min_leaf : int
    n_features : int or None
        Covariates tried at each node; None tries all.
    subsample : float

    Returns
    -------
    ndarray, shape (n_new,)

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), a size is out of range or shapes do not fit.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 400)[:, None]
    >>> forest_predict(x, np.sign(x[:, 0]), [[-0.5], [0.5]], rng=0)
    array([-1.,  1.])
    """
    x, x_new, y = (np.ascontiguousarray(finite(name, v)) for name, v in (("x", x), ("x_new", x_new), ("y", y)))
    if x.ndim != 2 or x_new.ndim != 2 or x.shape[1] != x_new.shape[1] or y.shape != x.shape[:1]:
        raise ValueError(f"x, y and x_new must fit together, got shapes {x.shape}, {y.shape} and {x_new.shape}")
    if min_leaf < 1 or n_trees < 1:
        raise ValueError(f"min_leaf and n_trees must be at least 1, got {min_leaf} and {n_trees}")
    if not 0 < subsample <= 1 or len(y) == 0:
        raise ValueError(f"subsample must lie in (0, 1] and y must not be empty, got {subsample} and {len(y)} units")
    if n_features is not None and not 1 <= n_features <= x.shape[1]:
        raise ValueError(f"n_features must lie between 1 and the {x.shape[1]} columns of x, got {n_features}")
    n_sub = max(1, round(subsample * len(y)))
    n_features = x.shape[1] if n_features is None else n_features
    return _forest(x, y, x_new, n_trees, min_leaf, n_features, n_sub, seed_of(rng) % 2**32)
