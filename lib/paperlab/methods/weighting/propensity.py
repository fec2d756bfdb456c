"""Propensities of a binary treatment: folds, out-of-fold ridge logit, recalibration, clipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import binary, codes, finite
from paperlab.methods.foundations.logistic import logistic, ridge_logistic


def folds_of(n, n_folds, *, rng, groups=None):
    """Random fold of every unit, folds of equal size; with ``groups`` whole groups go to one fold.

    Parameters
    ----------
    n, n_folds : int
        Units, and folds: from 2 to the number of units or groups.
    rng : numpy.random.Generator
    groups : sequence of hashable, shape (n,), optional
        Group of each unit, by any name.

    Returns
    -------
    folds : ndarray of int, shape (n,)
        Values 0 to ``n_folds - 1``.

    Raises
    ------
    ValueError
        If there are more folds than units or groups, fewer than two folds, or a group has no label.

    Examples
    --------
    >>> folds = folds_of(6, 3, rng=np.random.default_rng(0), groups=["a", "a", "b", "b", "c", "c"])
    >>> bool((folds[::2] == folds[1::2]).all())
    True
    """
    group = np.arange(n) if groups is None else codes("groups", groups, n)
    n_groups = int(group.max()) + 1 if n else 0
    if not 2 <= n_folds <= n_groups:
        kind = "units" if groups is None else "groups"
        raise ValueError(f"n_folds must lie between 2 and the {n_groups} {kind}, got {n_folds}")
    return rng.permutation(np.arange(n_groups) % n_folds)[group]


def check_arms(name, treatment, n):
    """The treatment as 0 and 1; refused by name unless both arms are filled and each of n units has an entry."""
    treatment = binary(f"{name}: treatment", treatment)
    if treatment.shape != (n,):
        raise ValueError(f"{name}: treatment must have one entry for each of {n} units, got shape {treatment.shape}")
    if treatment.min() == treatment.max():
        raise ValueError(f"{name}: treatment is {treatment[0]:g} in all {n} units; an effect needs both arms")
    return treatment


def propensity(x, treatment, folds, *, c, name="donor", min_arm=20):
    """Out-of-fold propensities from a ridge logit; scaler and coefficients are fitted on the other folds.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    treatment : ndarray of 0 and 1, shape (n,)
    folds : sequence of hashable, shape (n,)
        Fold of each unit, by any name.
    c : float
        Inverse penalty, see `ridge_logistic`.
    name : str
        Donor and sector, for error messages.
    min_arm : int
        Smallest number of treated and of untreated units.

    Returns
    -------
    e : ndarray, shape (n,)

    Raises
    ------
    ValueError
        If a value of ``x`` is not finite, ``treatment`` is not binary, an arm has fewer than ``min_arm`` units, there
        is one fold only, the other folds have one class, or ``c`` is not above 0.
    """
    x = finite("x", x)
    treatment = check_arms(name, treatment, len(x))
    if not c > 0:
        raise ValueError(f"c must be above 0, got {c}; it is the inverse of the penalty")
    treated, untreated = int(treatment.sum()), int((1 - treatment).sum())
    if min(treated, untreated) < min_arm:
        raise ValueError(
            f"{name}: {treated} treated and {untreated} untreated units; at least {min_arm} of each are needed, "
            "merge it with a similar one"
        )
    e = np.empty(len(treatment))
    for label, out in each_fold(folds, len(x)):
        if len(np.unique(treatment[~out])) < 2:
            raise ValueError(f"{name}: one class only outside fold {label}; use fewer folds or other groups")
        e[out] = ridge_logistic(x[~out], treatment[~out], c=c).probability(x[out])
    return e


def each_fold(folds, n):
    """Name and mask (n,) of every fold, in the order of the names; a list of pairs.

    Raises
    ------
    ValueError
        If there is one fold only, or a unit has none.

    Examples
    --------
    >>> [(str(name), mask.tolist()) for name, mask in each_fold(["b", "a", "b"], 3)]
    [('a', [False, True, False]), ('b', [True, False, True])]
    """
    fold = codes("folds", folds, n)
    if fold.max() < 1:
        raise ValueError("folds: all units are in one fold, so none is left to learn from; use two or more")
    first = np.unique(fold, return_index=True)[1]
    labels = list(folds)
    return [(labels[row], fold == index) for index, row in enumerate(first)]


def check_propensity(name, e, n):
    """Propensities as floats; refused by name and row unless they are n numbers in [0, 1]."""
    e = finite(f"{name}: propensity", e)
    if e.shape != (n,):
        raise ValueError(f"{name}: propensity must have one entry for each of {n} units, got shape {e.shape}")
    if ((e < 0) | (e > 1)).any():
        row = int(np.argmax((e < 0) | (e > 1)))
        raise ValueError(
            f"{name}: propensity must lie in [0, 1], got {e[row]:g} in row {row}; give chances, not log-odds"
        )
    return e


def clip_propensity(name, e, clip):
    """Propensities cut to ``[clip, 1 - clip]``; refused if ``clip`` is not in [0, 0.5) or one is still 0 or 1."""
    if not 0 <= clip < 0.5:
        raise ValueError(f"clip must lie in [0, 0.5), got {clip}")
    cut = np.clip(e, clip, 1 - clip)
    extreme = (cut <= 0) | (cut >= 1)
    if extreme.any():
        raise ValueError(f"{name}: {extreme.sum()} propensities are 0 or 1; clip them or drop these units")
    return cut


@dataclass(frozen=True)
class Recalibrated:
    """Propensities with corrected log-odds.

    Attributes
    ----------
    propensity : ndarray, shape (n,)
    intercept, slope : float
        ``logit(new) = intercept + slope logit(old)``; a slope below 1 says that the old ones were too sure.
    """

    propensity: np.ndarray
    intercept: float
    slope: float


def recalibrate(e, treatment, *, name="donor"):
    """Shrink or stretch the log-odds of propensities to fit: logistic regression of the treatment on them.

    Out of fold an overfitted model is too sure of itself; its slope is then below 1.

    Parameters
    ----------
    e : ndarray, shape (n,)
        Above 0 and below 1, not all the same.
    treatment : ndarray of 0 and 1, shape (n,)
    name : str
        For error messages.

    Returns
    -------
    Recalibrated

    Raises
    ------
    ValueError
        If a propensity is 0 or 1 or missing, all are the same, or ``treatment`` is not binary.
    """
    e = np.asarray(e)
    treatment = check_arms(name, treatment, len(e))
    e = clip_propensity(name, check_propensity(name, e, len(e)), 0.0)
    odds = np.log(e / (1 - e))
    if np.ptp(odds) <= 1e-12 * np.abs(odds).max():
        raise ValueError(
            f"{name}: all propensities are {e[0]:g}, so no slope is identified; use a model with covariates"
        )
    fit = logistic(np.column_stack([np.ones(len(odds)), odds]), treatment)
    return Recalibrated(fit.probability(np.column_stack([np.ones(len(odds)), odds])), *map(float, fit.coef))
