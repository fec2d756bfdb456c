"""Additive attributions of any predictor: occlusion and sampled Shapley values, with columns in groups.

A *factor* is a group of columns that belong together (the levels of one question); a coalition of factors takes the
values of the person, the others those of a background row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from paperlab.methods.foundations.checks import finite

FLOOR = 1e-4  # share of all importances that is added to each, so that no factor has probability zero


def check_groups(groups, n_columns):
    """Column indices of every factor as arrays; every column in exactly one factor.

    Parameters
    ----------
    groups : dict of str to sequence of int
        Columns of each factor.
    n_columns : int

    Returns
    -------
    dict of str to ndarray of int

    Raises
    ------
    ValueError
        If there is no factor, a factor has no column, or a column belongs to none or to two.

    Examples
    --------
    >>> check_groups({"marriage": [0, 2], "income": [1]}, 3)
    {'marriage': array([0, 2]), 'income': array([1])}
    """
    arrays = {name: np.asarray(columns, int) for name, columns in groups.items()}
    if not arrays:
        raise ValueError("groups is empty: name the columns of at least one factor")
    empty = [name for name, columns in arrays.items() if not len(columns)]
    if empty:
        raise ValueError(f"groups: factor {empty[0]!r} has no column; drop it")
    if sorted(np.concatenate(list(arrays.values()))) != list(range(n_columns)):
        raise ValueError(f"groups: each of the {n_columns} columns must belong to exactly one factor")
    return arrays


def _rows(x, background):
    x, background = finite("x", x), finite("background", background)
    if x.ndim != 2 or x.shape != background.shape:
        raise ValueError(
            f"x and background must both be (n, p), one background row for each, got {x.shape} and {background.shape}"
        )
    return x, background


def _predicted(predict, rows):
    values = finite("predict(rows)", predict(rows))
    if values.shape != (len(rows),):
        raise ValueError(f"predict must give one number per row, got shape {values.shape} for {len(rows)} rows")
    return values


def occlusion(predict, x, background, groups):
    """Change of the prediction when a factor replaces the background's: f(x) - f(x with factor j of the background).

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
    ndarray, shape (n, n_factors)

    Raises
    ------
    ValueError
        If a value or prediction is not finite (names argument and row), shapes differ or groups do not fit the columns.

    Examples
    --------
    >>> occlusion(lambda rows: rows @ [1.0, 10.0], [[2.0, 3.0]], [[0.0, 1.0]], {"a": [0], "b": [1]})
    array([[ 2., 20.]])
    """
    x, background = _rows(x, background)
    arrays = check_groups(groups, x.shape[1])
    copies = np.repeat(x[None], len(arrays), axis=0)
    for copy, columns in zip(copies, arrays.values(), strict=True):
        copy[:, columns] = background[:, columns]
    without = _predicted(predict, copies.reshape(-1, x.shape[1])).reshape(len(arrays), -1)
    return _predicted(predict, x)[:, None] - without.T


@dataclass(frozen=True)
class Coalitions:
    """Rows along random orders of the factors, from the background to the person.

    Attributes
    ----------
    rows : ndarray, shape (n_permutations, n_factors + 1, n, p)
    orders : ndarray of int, shape (n_permutations, n_factors)
        The same orders for all people.
    """

    rows: np.ndarray
    orders: np.ndarray

    def values(self, predict):
        """Predictions at all rows, shape (n_permutations, n_factors + 1, n); ``predict`` takes (N, p) to (N,)."""
        return _predicted(predict, self.rows.reshape(-1, self.rows.shape[-1])).reshape(self.rows.shape[:3])


def coalitions(x, background, groups, *, n_permutations, rng):
    """Put the factors of each person in place of the background, one after another, in random orders.

    Parameters
    ----------
    x, background : array_like, shape (n, p)
        Rows to explain, and for each the row to start from.
    groups : dict of str to sequence of int
        Columns of each factor.
    n_permutations : int
        Random orders.
    rng : numpy.random.Generator

    Returns
    -------
    Coalitions

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), shapes differ, groups do not fit the columns, or
        ``n_permutations`` is below 1.
    """
    x, background = _rows(x, background)
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}")
    arrays = list(check_groups(groups, x.shape[1]).values())
    orders = np.array([rng.permutation(len(arrays)) for _ in range(n_permutations)])
    rows = np.empty((n_permutations, len(arrays) + 1, *x.shape))
    for path, order in zip(rows, orders, strict=True):
        path[0] = background
        for step, factor in enumerate(order):
            path[step + 1] = path[step]
            path[step + 1][:, arrays[factor]] = x[:, arrays[factor]]
    return Coalitions(rows, orders)


def shapley(values, orders):
    """Shapley values from predictions along `coalitions`: mean increment of each factor over the orders.

    Parameters
    ----------
    values : ndarray, shape (n_permutations, n_factors + 1, n)
        As from ``Coalitions.values``.
    orders : ndarray of int, shape (n_permutations, n_factors)

    Returns
    -------
    ndarray, shape (n, n_factors)
        Rows add up to f(x) - f(background) exactly.

    Raises
    ------
    ValueError
        If the shapes do not belong together.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> walk = coalitions([[1.0, 1.0]], [[0.0, 0.0]], {"a": [0], "b": [1]}, n_permutations=4, rng=rng)
    >>> shapley(walk.values(lambda rows: rows @ [1.0, 10.0]), walk.orders)
    array([[ 1., 10.]])
    """
    values, orders = np.asarray(values, float), np.asarray(orders)
    if values.ndim != 3 or orders.shape != (len(values), values.shape[1] - 1):
        raise ValueError(
            "values must be (n_permutations, n_factors + 1, n) with orders (n_permutations, n_factors), "
            f"got {values.shape} and {orders.shape}"
        )
    steps = np.diff(values, axis=1)
    places = np.argsort(orders, axis=1)
    return np.take_along_axis(steps, places[:, :, None], axis=1).mean(0).T


def importance(phi):
    """Importance distribution ``P_j``, proportional to ``I_j + 1e-4 sum I_k`` with ``I_j = mean |phi_j|``.

    Parameters
    ----------
    phi : array_like, shape (n, n_factors)
        Attributions in any unit.

    Returns
    -------
    ndarray, shape (n_factors,)
        Positive, adds up to 1.

    Raises
    ------
    ValueError
        If a value is not finite (names the row), or all are zero.

    Examples
    --------
    >>> importance([[2.0, 0.0], [-2.0, 0.0]]).round(4)
    array([9.999e-01, 1.000e-04])
    """
    phi = finite("phi", phi)
    size = np.abs(phi).mean(0)
    if not size.sum() > 0:
        raise ValueError("phi is zero everywhere: the prediction does not move, and no factor has an importance")
    share = size / size.sum() + FLOOR
    return share / share.sum()


def rank_agreement(distributions):
    """Spearman correlation of every pair of importance distributions.

    Parameters
    ----------
    distributions : array_like, shape (n_models, n_factors)

    Returns
    -------
    ndarray, shape (n_models, n_models)

    Raises
    ------
    ValueError
        If a value is not finite, or a model gives all factors the same importance (names the row).

    Examples
    --------
    >>> rank_agreement([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    table = _models(distributions)
    flat = np.flatnonzero(np.ptp(table, axis=1) == 0)
    if len(flat):
        raise ValueError(f"distributions: row {flat[0]} gives all factors the same importance; it has no ranks")
    out = np.ones((len(table), len(table)))
    for i, j in zip(*np.triu_indices(len(table), 1), strict=True):
        out[i, j] = out[j, i] = spearmanr(table[i], table[j]).statistic
    return out


def top_overlap(distributions, *, n_top=5):
    """Mean number of factors that the largest ``n_top`` of two distributions share, over all pairs.

    Parameters
    ----------
    distributions : array_like, shape (n_models, n_factors)
    n_top : int

    Returns
    -------
    float
        Independent rankings share ``n_top^2 / n_factors`` on average.

    Raises
    ------
    ValueError
        If a value is not finite (names the row), models are fewer than two, or ``n_top`` is not in 1 to n_factors.

    Examples
    --------
    >>> top_overlap([[0.5, 0.3, 0.2], [0.3, 0.2, 0.5]], n_top=2)
    1.0
    """
    table = _models(distributions)
    if not 1 <= n_top <= table.shape[1]:
        raise ValueError(f"n_top must lie between 1 and the {table.shape[1]} factors, got {n_top}")
    tops = [set(np.argsort(row)[::-1][:n_top]) for row in table]
    return float(np.mean([len(a & b) for i, a in enumerate(tops) for b in tops[i + 1 :]]))


def _models(distributions):
    table = finite("distributions", distributions)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"distributions must be (n_models, n_factors) of two models or more, got shape {table.shape}")
    return table
