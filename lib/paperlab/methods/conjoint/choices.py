"""Forced-choice conjoint data: pairs of profiles, effects of attributes, respondents as clusters.

Page ``conjoint_candidates`` (Jerzak, Chandra and Hazra).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from paperlab.methods.conjoint.layout import Layout
from paperlab.methods.foundations.checks import binary, codes, finite
from paperlab.methods.foundations.linear import regress

PARTIES = ("Democratic", "Republican")  # voter, party1 and party2 are 0 and 1


@dataclass(frozen=True)
class TaskRows:
    """Rows of the ``first`` and ``second`` profile of each task; ``y`` is 1 where the first was chosen; shape (n,)."""

    first: np.ndarray
    second: np.ndarray
    y: np.ndarray


def pair_rows(task, chosen):
    """Bring the two profiles of each task together.

    Parameters
    ----------
    task : sequence of hashable, shape (2 n,)
        Name of the task of each row, unique over respondents.
    chosen : array of 0 and 1, shape (2 n,)

    Returns
    -------
    TaskRows

    Raises
    ------
    ValueError
        Naming a task that has not two profiles, or not exactly one chosen.

    Examples
    --------
    >>> rows = pair_rows(["b", "a", "b", "a"], [1, 0, 0, 1])
    >>> rows.first.tolist(), rows.second.tolist(), rows.y.tolist()
    ([1, 0], [3, 2], [0.0, 1.0])
    """
    where, chosen = codes("task", task), binary("chosen", chosen)
    if chosen.shape != where.shape:
        raise ValueError(f"chosen must have one entry for each of {len(where)} rows, got shape {chosen.shape}")
    names = list(task)
    count, picked = np.bincount(where), np.bincount(where, weights=chosen)
    for wrong, number, what, rule in (
        (count != 2, count, "profiles", "needs two"),
        (picked != 1, picked, "chosen profiles", "has exactly one"),
    ):
        if wrong.any():
            bad = np.argmax(wrong)
            raise ValueError(
                f"task {names[np.argmax(where == bad)]} has {number[bad]:g} {what}; a forced choice {rule}"
            )
    order = np.argsort(where, kind="stable").reshape(-1, 2)
    return TaskRows(order[:, 0], order[:, 1], chosen[order[:, 0]])


@dataclass(frozen=True)
class Design:
    """Regressors ``x`` (n, k) and outcome ``y`` (n,) of one outcome model, and the ``rows`` of the pairs used (n,)."""

    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Choices between two profiles by voters of two parties (0 Democrat, 1 Republican).

    Attributes
    ----------
    x1, x2 : ndarray, shape (n, n_levels)
        One-hot profiles without the party.
    party1, party2, voter : ndarray of 0 and 1, shape (n,)
        Party of the first and second candidate and of the respondent.
    y : ndarray of 0 and 1, shape (n,)
        1 where the first profile was chosen.
    person : sequence of hashable, shape (n,)
        Respondent, by any name.
    layout : Layout

    Raises
    ------
    ValueError
        If shapes differ, a profile is not one-hot, a party or choice is not 0 or 1, or a respondent has no name.
    """

    x1: np.ndarray
    x2: np.ndarray
    party1: np.ndarray
    party2: np.ndarray
    voter: np.ndarray
    y: np.ndarray
    person: np.ndarray
    layout: Layout

    def __post_init__(self):
        n = len(self.y)
        for name in ("party1", "party2", "voter", "y"):
            values = binary(name, getattr(self, name))
            if values.shape != (n,):
                raise ValueError(f"{name} must have one entry for each of {n} pairs, got shape {values.shape}")
            object.__setattr__(self, name, values if name == "y" else values.astype(int))
        codes("person", self.person, n)
        for name in ("x1", "x2"):
            x = binary(name, getattr(self, name))
            if x.shape != (n, self.layout.size):
                raise ValueError(f"{name} must have shape {(n, self.layout.size)}, got {x.shape}")
            whole = (self.layout.total(x) == 1).all(1)
            if not whole.all():
                raise ValueError(f"{name} has not one level of each factor in row {np.argmin(whole)}")
            object.__setattr__(self, name, x)

    @cached_property
    def person_code(self):
        """Respondents numbered 0, 1, ... in the order of their names, shape (n,)."""
        return codes("person", self.person)

    @property
    def n_persons(self):
        """Number of respondents."""
        return int(self.person_code.max()) + 1

    def swapped(self):
        """The same choices with first and second candidate exchanged."""
        exchanged = {"x1": self.x2, "x2": self.x1, "party1": self.party2, "party2": self.party1}
        return replace(self, **exchanged, y=1 - self.y)

    def pooled(self):
        """Design of the average case, all voters and pairs.

        Returns
        -------
        Design
            Columns own-party difference, then x1 - x2, shape (n, 1 + n_levels); choice minus one half.
        """
        own = (self.party1 == self.voter).astype(float) - (self.party2 == self.voter)
        return Design(np.column_stack([own, self.x1 - self.x2]), self.y - 0.5, np.arange(len(self.y)))

    def general(self, voter):
        """Design of the general election: pairs of different parties seen by one party's voters (0 or 1).

        Returns
        -------
        Design
            Intercept, levels of the Republican minus uniform, uniform minus levels of the Democrat, shape
            (n, 1 + 2 n_levels); 1 where the Republican was chosen.

        Raises
        ------
        ValueError
            If these voters saw no such pair.
        """
        rows = self._rows(voter, self.party1 != self.party2, "of different parties")
        first = self.party1[rows, None] == 1
        p = self.layout.uniform
        red, blue = np.where(first, self.x1[rows], self.x2[rows]), np.where(first, self.x2[rows], self.x1[rows])
        y = np.where(first[:, 0], self.y[rows], 1 - self.y[rows])
        return Design(np.column_stack([np.ones(len(rows)), red - p, p - blue]), y, rows)

    def primary(self, voter, own=True):
        """Design of a party's primary: its voters, two candidates of their party (``own``) or of either one.

        Returns
        -------
        Design
            Columns x1 - x2, shape (n, n_levels); choice minus one half.

        Raises
        ------
        ValueError
            If these voters saw no such pair.
        """
        same = self.party1 == self.party2
        rows = self._rows(voter, same & (self.party1 == voter) if own else same, "of one party")
        return Design(self.x1[rows] - self.x2[rows], self.y[rows] - 0.5, rows)

    def _rows(self, voter, wanted, kind):
        if voter not in (0, 1):
            raise ValueError(f"voter must be 0 (Democrat) or 1 (Republican), got {voter!r}")
        rows = np.flatnonzero(wanted & (self.voter == voter))
        if not len(rows):
            raise ValueError(f"no pair {kind} was seen by {PARTIES[voter]} voters; this election is not identified")
        return rows


@dataclass(frozen=True)
class Amce:
    """Average marginal component effects ``effect`` and standard errors ``se`` (n_levels,), both 0 at references."""

    effect: np.ndarray
    se: np.ndarray


def amce(pairs, clustered=True):
    """Average marginal component effects from the profiles in long form, first level of each factor as reference.

    Parameters
    ----------
    pairs : Pairs
    clustered : bool
        Respondents are clusters; otherwise every profile stands for itself.

    Returns
    -------
    Amce

    Raises
    ------
    ValueError
        If a level was never shown (its column is a combination of others), or there is one respondent only.
    """
    free = pairs.layout.free
    x = np.vstack([pairs.x1, pairs.x2])[:, free]
    y = np.concatenate([pairs.y, 1 - pairs.y])
    fit = regress(np.column_stack([np.ones(len(x)), x]), y, np.tile(pairs.person_code, 2) if clustered else None)
    effect, se = np.zeros(pairs.layout.size), np.zeros(pairs.layout.size)
    effect[free], se[free] = fit.coef[1:], fit.se[1:]
    return Amce(effect, se)


@dataclass(frozen=True)
class CrossProducts:
    """X'X and X'y of each respondent: all that a bootstrap over respondents or a fold needs.

    Attributes
    ----------
    gram : ndarray, shape (n_persons, k, k)
    moment : ndarray, shape (n_persons, k)
    """

    gram: np.ndarray
    moment: np.ndarray

    @classmethod
    def of(cls, x, y, person_code, n_persons):
        """Sums over the rows of each person.

        Parameters
        ----------
        x : ndarray, shape (n, k)
        y : ndarray, shape (n,)
        person_code : ndarray of int, shape (n,)
            0 to ``n_persons - 1``, as `Pairs.person_code`; persons without a row get zeros.
        n_persons : int

        Raises
        ------
        ValueError
            If a value is not finite, or a code is out of range.
        """
        x, y, person_code = finite("x", x), finite("y", y), np.asarray(person_code)
        if person_code.shape != y.shape or person_code.min() < 0 or person_code.max() >= n_persons:
            raise ValueError(f"person_code must be {len(y)} numbers from 0 to {n_persons - 1}; see Pairs.person_code")
        k = x.shape[1]
        gram, moment = np.zeros((n_persons, k, k)), np.zeros((n_persons, k))
        order = np.argsort(person_code, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(person_code[order])) + 1):
            gram[person_code[rows[0]]] = x[rows].T @ x[rows]
            moment[person_code[rows[0]]] = x[rows].T @ y[rows]
        return cls(gram, moment)

    def fit(self, weights, penalty, unpenalised=0):
        """Ridge fits, one for each row of weights.

        Parameters
        ----------
        weights : ndarray, shape (n_fits, n_persons)
            How often each respondent counts.
        penalty : float
            Above 0, added to the diagonal; a tiny one gives the least-squares fit of smallest norm.
        unpenalised : int
            Number of leading columns without penalty, 0 or 1.

        Returns
        -------
        coef : ndarray, shape (n_fits, k)

        Raises
        ------
        ValueError
            If a weight is negative or missing, the penalty is not above 0, or a resample has no row for the first
            column.
        """
        weights = finite("weights", weights)
        n, k = self.moment.shape
        if weights.ndim != 2 or weights.shape[1] != n or (weights < 0).any():
            raise ValueError(f"weights must be (n_fits, {n}) and not negative, got shape {weights.shape}")
        if not penalty > 0:
            raise ValueError(f"penalty must be above 0, got {penalty}; all levels of a factor together are collinear")
        gram = (weights @ self.gram.reshape(n, k * k)).reshape(-1, k, k)
        if unpenalised not in (0, 1) or (unpenalised and (gram[:, 0, 0] <= 0).any()):
            raise ValueError("the column without penalty is 0 in every row of a resample; leave out that resample")
        gram[:, np.arange(unpenalised, k), np.arange(unpenalised, k)] += penalty
        return np.linalg.solve(gram, (weights @ self.moment)[..., None])[..., 0]
