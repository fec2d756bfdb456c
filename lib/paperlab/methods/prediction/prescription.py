"""Advice as a mixed-integer program: few habit changes of large predicted gain and small resistance, solved by HiGHS.

Page ``sleep_intervention``. All people go into one sparse program; it falls apart into one for each of them.
"""

import itertools

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp


def check_answers(levels, names, top=4):
    """Answers as an integer array (n, M).

    Raises
    ------
    ValueError
        Without a modifiable column, or if an answer lies outside 0 to ``top``; names the column.
    """
    levels = np.asarray(levels, float)
    if levels.ndim != 2 or levels.shape[1] == 0:
        raise ValueError("no modifiable column: name at least one habit")
    for name, column in zip(names, levels.T, strict=True):
        wrong = column[(column < 0) | (column > top) | (column != np.round(column))]
        if len(wrong):
            raise ValueError(f"column {name!r}: answer {wrong[0]} is not on its scale of 0 to {top}")
    return levels.astype(int)


def resistance_shares(resistance, names):
    """rho_j = r_j / sum r_k; refuses negative resistances."""
    resistance = np.asarray(resistance, float)
    for name, value in zip(names, resistance, strict=True):
        if value < 0:
            raise ValueError(f"column {name!r}: resistance {value} is negative")
    return resistance / resistance.sum() if resistance.sum() > 0 else resistance


def _check_budget(budget, d_max):
    if d_max < 1:
        raise ValueError(f"d_max = {d_max}: a change needs at least one step")
    if budget < 0:
        raise ValueError(f"K = {budget}: the number of changes must not be negative")


def prescribe(value, levels, budget, d_max):
    """Steps d that maximise sum_j value_ij d_ij with at most ``budget`` changed habits, for every person.

    Parameters
    ----------
    value : array_like, shape (n, M)
        Gain less resistance of one step.
    levels : array_like of int, shape (n, M)
        Answers; a habit can fall to 0 at most.
    budget : int
        Largest number of changed habits K; 0 gives no advice.
    d_max : int
        Most steps in one habit.

    Returns
    -------
    ndarray of int, shape (n, M)

    Raises
    ------
    ValueError
        If ``d_max`` is below 1 or ``budget`` negative.
    RuntimeError
        If HiGHS finds no optimum; carries its message.
    """
    _check_budget(budget, d_max)
    value, levels = np.asarray(value, float), np.asarray(levels, int)
    n, m = value.shape
    size = n * m
    most = np.minimum(d_max, levels).ravel()
    eye = sparse.identity(size, format="csr")
    link = sparse.hstack([eye, -d_max * eye])  # d <= d_max b
    count = sparse.hstack([sparse.csr_matrix((n, size)), sparse.kron(sparse.identity(n), np.ones((1, m)))])
    found = milp(
        np.concatenate([-value.ravel(), np.full(size, 1e-9)]),  # no change where nothing is gained
        constraints=[LinearConstraint(link, -np.inf, 0), LinearConstraint(count, -np.inf, budget)],
        bounds=Bounds(0, np.concatenate([most, np.ones(size)])),
        integrality=np.ones(2 * size),
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        raise RuntimeError(f"no optimum under 'd <= d_max b' and 'at most K = {budget} changes': {found.message}")
    return np.round(found.x[:size]).astype(int).reshape(n, m)


def ranking(value, levels, budget, d_max):
    """The optimum of `prescribe` by sorting: the habits of largest positive value times possible steps, as many as allowed."""
    _check_budget(budget, d_max)
    value, levels = np.asarray(value, float), np.asarray(levels, int)
    most = np.minimum(d_max, levels)
    worth = np.where(value > 0, value * most, 0)
    place = np.argsort(np.argsort(-worth, axis=1, kind="stable"), axis=1)
    return np.where((place < budget) & (worth > 0), most, 0)


def prescribe_levels(gain, levels, budget):
    """Multiple-choice version: gain_ijd of d steps in habit j need not be proportional to d.

    Parameters
    ----------
    gain : array_like, shape (n, M, D)
        Value of 1 to D steps; steps beyond an answer's level are never chosen.
    levels : array_like of int, shape (n, M)
    budget : int

    Returns
    -------
    ndarray of int, shape (n, M)
    """
    gain, levels = np.asarray(gain, float), np.asarray(levels, int)
    n, m, deepest = gain.shape
    _check_budget(budget, deepest)
    steps = np.arange(1, deepest + 1)
    possible = (steps <= levels[:, :, None]).astype(float)
    one_each = sparse.kron(sparse.identity(n * m), np.ones((1, deepest)))
    count = sparse.kron(sparse.identity(n), np.ones((1, m * deepest)))
    found = milp(
        -gain.ravel() + 1e-9,
        constraints=[LinearConstraint(one_each, -np.inf, 1), LinearConstraint(count, -np.inf, budget)],
        bounds=Bounds(0, possible.ravel()),
        integrality=np.ones(gain.size),
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        raise RuntimeError(
            f"no optimum under 'one step size per habit' and 'at most K = {budget} changes': {found.message}"
        )
    return (np.round(found.x).reshape(gain.shape) * steps).sum(2).astype(int)


def exhaustive(predict, levels, size, d_max, rows):
    """Best set of ``size`` habits by trying all, full steps each, judged by the model's own prediction.

    Parameters
    ----------
    predict : callable
        ``predict(rows, new_levels)`` gives P(good), shape (len(rows),).
    levels : ndarray of int, shape (n, M)
    rows : sequence of int
        People to advise.

    Returns
    -------
    ndarray of int, shape (len(rows), M)
    """
    levels = np.asarray(levels, int)[rows]
    most = np.minimum(d_max, levels)
    best, chosen = np.full(len(levels), -np.inf), np.zeros_like(levels)
    for members in itertools.combinations(range(levels.shape[1]), size):
        steps = np.zeros_like(levels)
        steps[:, members] = most[:, members]
        chance = predict(rows, levels - steps)
        better = chance > best
        best[better], chosen[better] = chance[better], steps[better]
    return chosen


def random_advice(levels, changes, d_max, rng):
    """As many changed habits per person as ``changes`` says, drawn among those that can fall, full steps each."""
    levels = np.asarray(levels, int)
    keys = np.where(levels > 0, rng.random(levels.shape), 2.0)
    place = np.argsort(np.argsort(keys, axis=1), axis=1)
    return np.where(place < np.asarray(changes)[:, None], np.minimum(d_max, levels), 0)
