"""Forced-choice conjoint data: encoding, pairs, AMCE, linear-probability and logit fits, respondents as clusters.

Page ``conjoint_candidates`` (Jerzak, Chandra and Hazra). A profile is a one-hot vector over the levels of
all factors, side by side.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Layout:
    """How the levels of all factors lie side by side in one vector.

    Parameters
    ----------
    levels : tuple of int
        Number of levels of each factor, at least two.

    Raises
    ------
    ValueError
        If there is no factor or one has fewer than two levels.
    """

    levels: tuple

    def __post_init__(self):
        if not self.levels:
            raise ValueError("levels is empty; give the number of levels of at least one factor")
        for d, count in enumerate(self.levels):
            if count < 2:
                raise ValueError(f"factor {d} has {count} level; a factor needs two or more, else drop it")

    @cached_property
    def size(self):
        """Number of levels over all factors."""
        return sum(self.levels)

    @cached_property
    def starts(self):
        """Position of the first level of each factor."""
        return np.concatenate([[0], np.cumsum(self.levels)[:-1]])

    @cached_property
    def factor(self):
        """Factor of each position, shape (size,)."""
        return np.repeat(np.arange(len(self.levels)), self.levels)

    @property
    def uniform(self):
        """Uniform assignment probabilities, shape (size,)."""
        return np.repeat(1 / np.array(self.levels), self.levels)

    @property
    def free(self):
        """Positions other than each factor's first level, which is the reference."""
        return np.setdiff1d(np.arange(self.size), self.starts)

    def total(self, values):
        """Sum over the levels of each factor, repeated for each level; shape as ``values`` (..., size)."""
        return np.add.reduceat(values, self.starts, axis=-1)[..., self.factor]

    def softmax(self, logits):
        """Probabilities within each factor from logits (..., size)."""
        top = np.maximum.reduceat(logits, self.starts, axis=-1)[..., self.factor]
        raised = np.exp(logits - top)
        return raised / self.total(raised)

    def project(self, values):
        """Nearest point, factor by factor, with non-negative entries of sum one; shape (..., size)."""
        active = np.ones(np.shape(values), dtype=bool)
        for _ in range(max(self.levels)):  # each round drops levels, so this many rounds are enough
            threshold = (self.total(np.where(active, values, 0)) - 1) / self.total(active.astype(float))
            active = values > threshold
        return np.where(active, values - threshold, 0)

    def argmax(self, values):
        """One-hot profile of the best level of each factor (the first of equals); shape (..., size)."""
        values = np.asarray(values, float)
        out = np.zeros(values.shape)
        for start, count in zip(self.starts, self.levels, strict=True):
            best = values[..., start : start + count].argmax(axis=-1)
            np.put_along_axis(out[..., start : start + count], best[..., None], 1.0, axis=-1)
        return out


def encode(columns, levels):
    """One-hot profiles.

    Parameters
    ----------
    columns : mapping of str to sequence
        Factor to the level of each profile, e.g. a DataFrame.
    levels : mapping of str to list
        Factor to its levels, in the order of the columns of the result.

    Returns
    -------
    x : ndarray, shape (n_profiles, n_levels)

    Raises
    ------
    ValueError
        If a factor has one level, or a level is not listed.
    """
    parts = []
    for factor, names in levels.items():
        if len(names) < 2:
            raise ValueError(f"factor {factor!r} has {len(names)} level; a factor needs two or more, else drop it")
        seen = np.asarray(columns[factor])
        hot = seen[:, None] == np.asarray(names)[None, :]
        if not hot.any(axis=1).all():
            raise ValueError(f"factor {factor!r}: unknown level {seen[~hot.any(axis=1)][0]!r}; known are {list(names)}")
        parts.append(hot.astype(float))
    return np.hstack(parts)


def pair_rows(task, chosen):
    """Rows of the two profiles of each task, and whether the first was chosen.

    Parameters
    ----------
    task : array, shape (2 n,)
        Identifier of the task of each row, unique over respondents.
    chosen : array of 0 and 1, shape (2 n,)

    Returns
    -------
    first, second : ndarray of int, shape (n,)
    y : ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        Naming a task that has not two profiles, or not exactly one chosen.
    """
    task, chosen = np.asarray(task), np.asarray(chosen)
    names, where, count = np.unique(task, return_inverse=True, return_counts=True)
    if (count != 2).any():
        bad = np.flatnonzero(count != 2)[0]
        raise ValueError(f"task {names[bad]} has {count[bad]} profiles; a forced choice needs two")
    picked = np.bincount(where, weights=chosen)
    if (picked != 1).any() or not np.isin(chosen, (0, 1)).all():
        bad = np.flatnonzero(picked != 1)[0] if (picked != 1).any() else where[~np.isin(chosen, (0, 1))][0]
        raise ValueError(f"task {names[bad]} has {picked[bad]:g} chosen profiles; a forced choice has exactly one")
    order = np.argsort(where, kind="stable").reshape(-1, 2)
    return order[:, 0], order[:, 1], chosen[order[:, 0]].astype(float)


@dataclass(frozen=True)
class Pairs:
    """Choices between two profiles by voters of two parties (0 Democrat, 1 Republican).

    Attributes
    ----------
    x1, x2 : ndarray, shape (n, n_levels)
        One-hot profiles without the party.
    party1, party2, voter : ndarray of int, shape (n,)
        Party of the first and second candidate and of the respondent.
    y : ndarray, shape (n,)
        1 where the first profile was chosen.
    person : ndarray of int, shape (n,)
        Respondent, 0 to ``n_persons - 1``.
    layout : Layout
    """

    x1: np.ndarray
    x2: np.ndarray
    party1: np.ndarray
    party2: np.ndarray
    voter: np.ndarray
    y: np.ndarray
    person: np.ndarray
    layout: Layout

    @property
    def n_persons(self):
        """Number of respondents."""
        return int(self.person.max()) + 1

    def swapped(self):
        """The same choices with first and second candidate exchanged."""
        exchanged = {"x1": self.x2, "x2": self.x1, "party1": self.party2, "party2": self.party1}
        return replace(self, **exchanged, y=1 - self.y)

    def pooled(self):
        """Design of the average case, all voters and pairs: columns own-party difference, then x1 - x2.

        Returns
        -------
        x : ndarray, shape (n, 1 + n_levels)
        y : ndarray, shape (n,)
            Choice minus one half.
        rows : ndarray of int
            Pairs used.
        """
        own = (self.party1 == self.voter).astype(float) - (self.party2 == self.voter)
        return np.column_stack([own, self.x1 - self.x2]), self.y - 0.5, np.arange(len(self.y))

    def general(self, voter):
        """Design of the general election: pairs of different parties seen by one party's voters.

        Returns
        -------
        x : ndarray, shape (n, 1 + 2 n_levels)
            Intercept, levels of the Republican minus uniform, uniform minus levels of the Democrat.
        y : ndarray, shape (n,)
            1 where the Republican was chosen.
        rows : ndarray of int
        """
        rows = np.flatnonzero((self.party1 != self.party2) & (self.voter == voter))
        first = self.party1[rows, None] == 1
        p = self.layout.uniform
        red, blue = np.where(first, self.x1[rows], self.x2[rows]), np.where(first, self.x2[rows], self.x1[rows])
        y = np.where(first[:, 0], self.y[rows], 1 - self.y[rows])
        return np.column_stack([np.ones(len(rows)), red - p, p - blue]), y, rows

    def primary(self, voter, own=True):
        """Design of a party's primary: its voters, two candidates of their party (``own``) or of either one.

        Returns
        -------
        x, y, rows
            Columns x1 - x2; choice minus one half; pairs used.
        """
        same = (self.party1 == self.party2) & (self.voter == voter)
        rows = np.flatnonzero(same & (self.party1 == voter) if own else same)
        return self.x1[rows] - self.x2[rows], self.y[rows] - 0.5, rows


def cluster_covariance(x, residual, bread, clusters):
    """Cluster-robust covariance with the usual correction G/(G-1) (n-1)/(n-k); shape (k, k).

    Parameters
    ----------
    x : ndarray, shape (n, k)
    residual : ndarray, shape (n,)
    bread : ndarray, shape (k, k)
        Inverse of X'X (plus a penalty, if there was one).
    clusters : ndarray of int, shape (n,)
        Cluster 0, 1, ... of each row; ``numpy.arange(n)`` gives HC1.
    """
    n, k = x.shape
    scores = x * residual[:, None]
    groups = clusters.max() + 1
    if groups < n:
        order = np.argsort(clusters, kind="stable")
        scores = np.add.reduceat(scores[order], np.flatnonzero(np.diff(clusters[order], prepend=-1)), axis=0)
    half = scores @ bread
    g = len(scores)
    return half.T @ half * (g / (g - 1) * (n - 1) / (n - k))


def regress(x, y, clusters=None):
    """Least squares with cluster-robust covariance (each row its own cluster if ``clusters`` is None).

    Returns
    -------
    coef : ndarray, shape (k,)
    cov : ndarray, shape (k, k)

    Raises
    ------
    ValueError
        If the columns of ``x`` are collinear, as when no reference level was left out.
    """
    gram = x.T @ x
    if np.linalg.matrix_rank(gram, hermitian=True) < len(gram):
        raise ValueError("x has collinear columns; leave out one reference level of each factor")
    bread = np.linalg.inv(gram)
    coef = bread @ (x.T @ y)
    return coef, cluster_covariance(x, y - x @ coef, bread, np.arange(len(y)) if clusters is None else clusters)


def amce(pairs, clustered=True):
    """Average marginal component effects from the profiles in long form, first level of each factor as reference.

    Returns
    -------
    effect, se : ndarray, shape (n_levels,)
        0 at references.
    """
    free = pairs.layout.free
    x = np.vstack([pairs.x1, pairs.x2])[:, free]
    x = np.column_stack([np.ones(len(x)), x])
    y = np.concatenate([pairs.y, 1 - pairs.y])
    coef, cov = regress(x, y, np.tile(pairs.person, 2) if clustered else None)
    effect, se = np.zeros(pairs.layout.size), np.zeros(pairs.layout.size)
    effect[free], se[free] = coef[1:], np.sqrt(np.diag(cov))[1:]
    return effect, se


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
    def of(cls, x, y, person, n_persons):
        """Sums over the rows of each person."""
        k = x.shape[1]
        gram, moment = np.zeros((n_persons, k, k)), np.zeros((n_persons, k))
        order = np.argsort(person, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(person[order])) + 1):
            gram[person[rows[0]]] = x[rows].T @ x[rows]
            moment[person[rows[0]]] = x[rows].T @ y[rows]
        return cls(gram, moment)

    def fit(self, weights, penalty, unpenalised=0):
        """Ridge fits, one for each row of weights.

        Parameters
        ----------
        weights : ndarray, shape (n_fits, n_persons)
            How often each respondent counts.
        penalty : float
            Added to the diagonal; a tiny one gives the least-squares fit of smallest norm.
        unpenalised : int
            Number of leading columns without penalty.

        Returns
        -------
        coef : ndarray, shape (n_fits, k)
        """
        n, k = self.moment.shape
        gram = (weights @ self.gram.reshape(n, k * k)).reshape(-1, k, k)
        gram[:, np.arange(unpenalised, k), np.arange(unpenalised, k)] += penalty
        return np.linalg.solve(gram, (weights @ self.moment)[..., None])[..., 0]


def logit_ridge(x, y, penalty, unpenalised=0, rounds=30):
    """Logistic regression with a ridge penalty ``penalty * |b|^2 / 2`` by Newton's method; shape (k,).

    Raises
    ------
    ValueError
        If Newton's steps do not settle.
    """
    ridge = np.r_[np.zeros(unpenalised), np.full(x.shape[1] - unpenalised, float(penalty))]
    b = np.zeros(x.shape[1])
    for _ in range(rounds):
        prob = 1 / (1 + np.exp(-x @ b))
        hessian = x.T @ (x * (prob * (1 - prob))[:, None]) + np.diag(ridge)
        step = np.linalg.solve(hessian, x.T @ (y - prob) - ridge * b)
        b = b + step
        if np.abs(step).max() < 1e-10:
            return b
    raise ValueError(f"logit did not converge in {rounds} Newton steps; raise penalty (now {penalty})")
