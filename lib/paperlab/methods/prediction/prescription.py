"""Advice as a mixed-integer program: few habit changes of large predicted gain and small resistance, solved by HiGHS.

Page ``sleep_intervention``. All people go into one sparse program; it falls apart into one for each of them.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from paperlab.methods.foundations.checks import finite

NO_GAIN = 1e-9  # gain of a change below which it is not advised, as a share of the largest gain


def check_answers(levels, names, top=4):
    """Answers as whole numbers.

    Parameters
    ----------
    levels : array_like, shape (n, M)
        Answers of n people on M habits.
    names : sequence of str, length M
    top : int
        Unhealthiest answer; 0 is the healthiest.

    Returns
    -------
    ndarray of int, shape (n, M)

    Raises
    ------
    ValueError
        Without a modifiable column, or if an answer is missing, not whole, or outside 0 to ``top``; names the column.

    Examples
    --------
    >>> check_answers([[0.0, 4.0]], ("screen", "stress"))
    array([[0, 4]])
    """
    levels = np.asarray(levels, float)
    if levels.ndim != 2 or levels.shape[1] == 0:
        raise ValueError("no modifiable column: name at least one habit")
    if len(names) != levels.shape[1]:
        raise ValueError(f"names has {len(names)} entries for {levels.shape[1]} columns")
    for name, column in zip(names, levels.T, strict=True):
        wrong = column[~((column >= 0) & (column <= top) & (column == np.round(column)))]
        if len(wrong):
            raise ValueError(f"column {name!r}: answer {wrong[0]} is not on its scale of 0 to {top}")
    return levels.astype(int)


def resistance_shares(resistance, names):
    """Shares ``rho_j = r_j / sum r_k``; all zero if nothing is resisted.

    Parameters
    ----------
    resistance : array_like, shape (M,)
        Cost of a step in any unit, not negative.
    names : sequence of str, length M

    Returns
    -------
    ndarray, shape (M,)

    Raises
    ------
    ValueError
        If a resistance is negative or not finite (names the column), or the lengths differ.

    Examples
    --------
    >>> resistance_shares([1, 3], ("screen", "stress"))
    array([0.25, 0.75])
    """
    resistance = np.asarray(resistance, float)
    if resistance.shape != (len(names),):
        raise ValueError(f"resistance has shape {resistance.shape}: give one number for each of {len(names)} habits")
    for name, value in zip(names, resistance, strict=True):
        if not 0 <= value < np.inf:
            raise ValueError(f"column {name!r}: resistance {value} is negative or not finite")
    largest = resistance.max(initial=0)
    if largest == 0:
        return resistance
    return resistance / largest / (resistance / largest).sum()


def _check_program(value, levels, budget, d_max, dimensions=2):
    value = finite("value" if dimensions == 2 else "gain", value)
    answers = finite("levels", levels)
    if value.ndim != dimensions or answers.shape != value.shape[:2]:
        raise ValueError(
            f"value and levels must have a row per person and a column per habit, got {value.shape} and {answers.shape}"
        )
    if (answers < 0).any() or (answers != np.round(answers)).any():
        wrong = answers[(answers < 0) | (answers != np.round(answers))][0]
        raise ValueError(f"levels holds {wrong:g}: answers are whole numbers from 0; see check_answers")
    if d_max < 1:
        raise ValueError(f"d_max = {d_max}: a change needs at least one step")
    if budget < 0:
        raise ValueError(f"K = {budget}: the number of changes must not be negative")
    return value, answers.astype(int)


def _solve(gain, constraints, upper, rules):
    """Whole numbers that maximise ``gain`` in units of its largest entry, so that the solver's tolerances have none."""
    scale = np.abs(gain).max(initial=0) or 1.0
    found = milp(
        NO_GAIN - gain / scale,
        constraints=constraints,
        bounds=Bounds(0, upper),
        integrality=np.ones(len(gain)),
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        raise RuntimeError(f"no optimum under {rules}: {found.message}")
    return np.round(found.x).astype(int)


def prescribe(value, levels, budget, d_max):
    """Steps d that maximise ``sum_j value_ij d_ij`` with at most ``budget`` changed habits, for every person.

    Parameters
    ----------
    value : array_like, shape (n, M)
        Gain less resistance of one step, in any unit.
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
        If a value is not finite (names argument and row), an answer negative or no whole number, shapes differ,
        ``d_max`` is below 1 or ``budget`` negative.
    RuntimeError
        If HiGHS finds no optimum; carries its message.

    Examples
    --------
    >>> prescribe([[0.3, 0.2, -0.1]], [[1, 4, 4]], budget=1, d_max=2)
    array([[0, 2, 0]])
    """
    value, levels = _check_program(value, levels, budget, d_max)
    n, m = value.shape
    size = n * m
    most = np.minimum(d_max, levels).ravel()
    eye = sparse.identity(size, format="csr")
    link = sparse.hstack([eye, -d_max * eye])  # d <= d_max b
    count = sparse.hstack([sparse.csr_matrix((n, size)), sparse.kron(sparse.identity(n), np.ones((1, m)))])
    found = _solve(
        np.concatenate([value.ravel(), np.zeros(size)]),
        [LinearConstraint(link, -np.inf, 0), LinearConstraint(count, -np.inf, budget)],
        np.concatenate([most, np.ones(size)]),
        f"'d <= d_max b' and 'at most K = {budget} changes'",
    )
    return found[:size].reshape(n, m)


def ranking(value, levels, budget, d_max):
    """The optimum of `prescribe` by sorting: habits of largest positive value times possible steps, as many as allowed.

    Parameters, returns and errors are those of `prescribe`.

    Examples
    --------
    >>> ranking([[0.3, 0.2, -0.1]], [[1, 4, 4]], budget=1, d_max=2)
    array([[0, 2, 0]])
    """
    value, levels = _check_program(value, levels, budget, d_max)
    most = np.minimum(d_max, levels)
    worth = np.where(value > 0, value * most, 0)
    place = np.argsort(np.argsort(-worth, axis=1, kind="stable"), axis=1)
    return np.where((place < budget) & (worth > 0), most, 0)


def prescribe_levels(gain, levels, budget):
    """Multiple-choice version: ``gain_ijd`` of d steps in habit j need not be proportional to d.

    Parameters
    ----------
    gain : array_like, shape (n, M, D)
        Value of 1 to D steps, in any unit; steps beyond an answer's level are never chosen.
    levels : array_like of int, shape (n, M)
    budget : int

    Returns
    -------
    ndarray of int, shape (n, M)

    Raises
    ------
    ValueError, RuntimeError
        As `prescribe`.

    Examples
    --------
    >>> prescribe_levels([[[0.1, 0.5], [0.4, 0.2]]], [[4, 4]], budget=2)
    array([[2, 1]])
    """
    gain, levels = _check_program(gain, levels, budget, np.shape(gain)[-1], dimensions=3)
    n, m, deepest = gain.shape
    steps = np.arange(1, deepest + 1)
    one_each = sparse.kron(sparse.identity(n * m), np.ones((1, deepest)))
    count = sparse.kron(sparse.identity(n), np.ones((1, m * deepest)))
    found = _solve(
        gain.ravel(),
        [LinearConstraint(one_each, -np.inf, 1), LinearConstraint(count, -np.inf, budget)],
        (steps <= levels[:, :, None]).astype(float).ravel(),
        f"'one step size per habit' and 'at most K = {budget} changes'",
    )
    return (found.reshape(gain.shape) * steps).sum(2)


def exhaustive(predict, levels, n_changes, d_max, rows):
    """Best set of habits by trying all of a size, full steps each, judged by the model's own prediction.

    Parameters
    ----------
    predict : callable
        ``predict(rows, new_levels)`` gives P(good), shape (len(rows),).
    levels : array_like of int, shape (n, M)
    n_changes : int
        Habits that are changed, 1 to M.
    d_max : int
        Most steps in one habit.
    rows : sequence of int
        People to advise.

    Returns
    -------
    ndarray of int, shape (len(rows), M)

    Raises
    ------
    ValueError
        If ``n_changes`` is not in 1 to M, or a prediction is not finite (names the row).
    """
    levels = np.asarray(levels, int)[rows]
    if not 1 <= n_changes <= levels.shape[1]:
        raise ValueError(f"n_changes must lie between 1 and the {levels.shape[1]} habits, got {n_changes}")
    most = np.minimum(d_max, levels)
    best, chosen = np.full(len(levels), -np.inf), np.zeros_like(levels)
    for members in itertools.combinations(range(levels.shape[1]), n_changes):
        steps = np.zeros_like(levels)
        steps[:, members] = most[:, members]
        chance = finite("predict(rows, new_levels)", predict(rows, levels - steps))
        better = chance > best
        best[better], chosen[better] = chance[better], steps[better]
    return chosen


def random_advice(levels, changes, d_max, *, rng):
    """As many changed habits per person as ``changes`` says, drawn among those that can fall, full steps each.

    Parameters
    ----------
    levels : array_like of int, shape (n, M)
    changes : array_like of int, shape (n,)
    d_max : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n, M)

    Raises
    ------
    ValueError
        If more changes are asked for than a person's habits allow; names the row.

    Examples
    --------
    >>> steps = random_advice([[4, 0, 1]], [2], 2, rng=np.random.default_rng(0))
    >>> steps
    array([[2, 0, 1]])
    """
    levels, changes = np.asarray(levels, int), np.asarray(changes)
    short = changes > (levels > 0).sum(1)
    if short.any():
        row = short.argmax()
        raise ValueError(f"changes = {changes[row]} in row {row}, but only {(levels[row] > 0).sum()} habits can fall")
    keys = np.where(levels > 0, rng.random(levels.shape), 2.0)
    place = np.argsort(np.argsort(keys, axis=1), axis=1)
    return np.where(place < changes[:, None], np.minimum(d_max, levels), 0)
