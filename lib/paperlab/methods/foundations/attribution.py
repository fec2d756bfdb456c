"""Additive attributions of any predictor: occlusion and sampled Shapley values, with columns in groups.

A *factor* is a group of columns that belong together (the levels of one question); a coalition of factors takes the values of
the person, the others those of a background row.
"""

import numpy as np
from scipy.stats import spearmanr

FLOOR = 1e-4  # added to every importance before it is normalised, so that no factor has probability zero


def check_groups(groups, n_columns):
    """Column indices of every factor as arrays; every column in exactly one factor.

    Raises
    ------
    ValueError
        If a factor has no column, or a column belongs to none or to two.
    """
    arrays = {name: np.asarray(columns, int) for name, columns in groups.items()}
    empty = [name for name, columns in arrays.items() if not len(columns)]
    if empty:
        raise ValueError(f"groups: factor {empty[0]!r} has no column; drop it")
    if sorted(np.concatenate(list(arrays.values()))) != list(range(n_columns)):
        raise ValueError(f"groups: each of the {n_columns} columns must belong to exactly one factor")
    return arrays


def occlusion(predict, x, background, groups):
    """Change of the prediction when one factor is put in place of the background: f(x) - f(x with factor j of the background).

    Parameters
    ----------
    predict : callable
        (N, p) to (N,).
    x, background : array_like, shape (n, p)
        Rows to explain, and for each the row that its factors are replaced by.
    groups : dict of str to sequence of int
        Columns of each factor.

    Returns
    -------
    ndarray, shape (n, number of factors)
    """
    x, background = np.asarray(x, float), np.asarray(background, float)
    arrays = check_groups(groups, x.shape[1])
    copies = np.repeat(x[None], len(arrays), axis=0)
    for copy, columns in zip(copies, arrays.values(), strict=True):
        copy[:, columns] = background[:, columns]
    return predict(x)[:, None] - predict(copies.reshape(-1, x.shape[1])).reshape(len(arrays), -1).T


def coalitions(x, background, groups, rng, permutations):
    """Rows along random orders of the factors, from the background to the person.

    Returns
    -------
    rows : ndarray, shape (permutations, factors + 1, n, p)
    orders : ndarray of int, shape (permutations, factors)
        The same orders for all rows.
    """
    x, background = np.asarray(x, float), np.asarray(background, float)
    arrays = list(check_groups(groups, x.shape[1]).values())
    orders = np.array([rng.permutation(len(arrays)) for _ in range(permutations)])
    rows = np.empty((permutations, len(arrays) + 1, *x.shape))
    for path, order in zip(rows, orders, strict=True):
        path[0] = background
        for step, factor in enumerate(order):
            path[step + 1] = path[step]
            path[step + 1][:, arrays[factor]] = x[:, arrays[factor]]
    return rows, orders


def shapley(values, orders):
    """Shapley values from predictions along `coalitions`: mean increment of each factor over the orders.

    Parameters
    ----------
    values : ndarray, shape (permutations, factors + 1, n)
    orders : ndarray of int, shape (permutations, factors)

    Returns
    -------
    ndarray, shape (n, factors)
        Rows add up to f(x) - f(background) exactly.
    """
    steps = np.diff(values, axis=1)
    places = np.argsort(orders, axis=1)
    return np.take_along_axis(steps, places[:, :, None], axis=1).mean(0).T


def importance(phi):
    """Importance distribution P_j = I_j / sum I_k with I_j = mean |phi_j| + 1e-4, shape (factors,)."""
    size = np.abs(np.asarray(phi, float)).mean(0) + FLOOR
    return size / size.sum()


def rank_agreement(distributions):
    """Spearman correlation of every pair of importance distributions (models, factors), shape (models, models)."""
    table = np.asarray(distributions, float)
    out = np.ones((len(table), len(table)))
    for i, j in zip(*np.triu_indices(len(table), 1), strict=True):
        out[i, j] = out[j, i] = spearmanr(table[i], table[j]).statistic
    return out


def top_overlap(distributions, k=5):
    """Mean number of factors that the k largest of two distributions share, over all pairs."""
    tops = [set(np.argsort(row)[::-1][:k]) for row in np.asarray(distributions)]
    return float(np.mean([len(a & b) for i, a in enumerate(tops) for b in tops[i + 1 :]]))
