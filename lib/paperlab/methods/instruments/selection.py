"""The minimax choice among tuples of learners, and how it does on simulated samples. Page ``invalid_instrument``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.monte_carlo import replicate
from paperlab.methods.instruments import simulate
from paperlab.methods.instruments.comparisons import Replications
from paperlab.methods.instruments.crossfit import debiased_tuples, slots


def pseudo_risk(by_fold):
    """``R(k) = max_j max_l mean_s (D_k^s - D_{k: j -> l}^s)^2`` for every tuple ``k``.

    Parameters
    ----------
    by_fold : array_like, shape (L_1, ..., L_J, S)
        Estimates by tuple and split; nan where a tuple has none.

    Returns
    -------
    risk : ndarray, shape (L_1, ..., L_J)
        ``inf`` for tuples without an estimate.

    Examples
    --------
    >>> pseudo_risk([[[1.0], [1.1]], [[1.0], [3.0]]]).round(2)
    array([[0.01, 3.61],
           [4.  , 4.  ]])
    """
    by_fold = np.asarray(by_fold, float)
    n_slots = by_fold.ndim - 1
    risk = np.zeros(by_fold.shape[:-1])
    for j in range(n_slots):
        for other in range(by_fold.shape[j]):
            change = ((by_fold - by_fold.take([other], axis=j)) ** 2).mean(-1)
            risk = np.fmax(risk, change)
    return np.where(np.isnan(by_fold).any(-1), np.inf, risk)


@dataclass(frozen=True)
class Selection:
    """The tuple chosen by `select_minimax`.

    Attributes
    ----------
    index : tuple of int
        Learner of each slot.
    risk : ndarray, shape (L_1, ..., L_J)
        Pseudo-risk of all tuples.
    """

    index: tuple
    risk: np.ndarray


def select_minimax(by_fold):
    """The tuple with the smallest `pseudo_risk`; the first of them where several are equal.

    Parameters
    ----------
    by_fold : array_like, shape (L_1, ..., L_J, S)
        Estimates by tuple and split.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If no tuple has an estimate.
    """
    risk = pseudo_risk(by_fold)
    if not np.isfinite(risk).any():
        raise ValueError("by_fold has no tuple with an estimate: nothing to choose from")
    return Selection(tuple(int(i) for i in np.unravel_index(np.argmin(risk), risk.shape)), risk)


@dataclass(frozen=True)
class TupleReplications:
    """Debiased estimates for every tuple of learners on simulated samples, and the tuple chosen in each.

    Attributes
    ----------
    names : tuple of tuple of str
        Learners of the slots p, mu, pi and effect.
    value, se, risk : ndarray, shape (n_replications, L, L, L, E)
        Estimate and standard error (nan where not identified), pseudo-risk.
    chosen : ndarray of int, shape (n_replications, 4)
    """

    names: tuple
    value: np.ndarray
    se: np.ndarray
    risk: np.ndarray
    chosen: np.ndarray

    def _at(self, index):
        """`Replications` of one tuple, or of one for each sample."""
        index = np.broadcast_to(index, self.chosen.shape)
        place = (np.arange(len(index)), *index.T)
        return Replications(self.value[place], self.se[place])

    def single(self, name):
        """`Replications` of one learner in all slots; where it cannot fit the effect, the last basis stands in."""
        i, effects = self.names[0].index(name), self.names[3]
        return self._at((i, i, i, effects.index(name) if name in effects else len(effects) - 1))

    @property
    def selected(self):
        """`Replications` of the tuple chosen in each sample."""
        return self._at(self.chosen)

    @property
    def worst(self):
        """`Replications` of the tuple with the largest mean squared error over all samples."""
        return self._at(np.unravel_index(np.nanargmax(self.mean_squared_error), self.mean_squared_error.shape))

    @property
    def by_lot(self):
        """`Replications` of every tuple in every sample: how a tuple drawn by lot does on average."""
        return Replications(self.value.ravel(), self.se.ravel())

    def gain_over_lot(self, part):
        """Squared error of a tuple drawn by lot, on average, minus that of ``part``, in each sample.

        Parameters
        ----------
        part : Replications
            One estimate for each sample, such as `selected`.

        Returns
        -------
        ndarray, shape (n_replications,)
            Above zero where ``part`` is nearer to the truth; nan where it has no estimate.
        """
        known = np.isfinite(self.value)
        squares = np.where(known, self.value - simulate.TRUE_EFFECT, 0) ** 2
        every = tuple(range(1, self.value.ndim))
        return squares.sum(every) / known.sum(every) - (part.value - simulate.TRUE_EFFECT) ** 2

    @property
    def mean_squared_error(self):
        """Of each tuple over the samples, shape (L, L, L, E); nan where a tuple is identified in none."""
        known = np.isfinite(self.value)
        squares = np.where(known, self.value - simulate.TRUE_EFFECT, 0) ** 2
        n_known = known.sum(0)
        return np.where(n_known > 0, squares.sum(0) / np.maximum(n_known, 1), np.nan)

    @property
    def mean_risk(self):
        """Pseudo-risk of each tuple, averaged over the samples in which it has an estimate, shape (L, L, L, E)."""
        known = np.isfinite(self.risk)
        n_known = known.sum(0)
        total = np.where(known, self.risk, 0).sum(0)
        return np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan)

    @property
    def votes(self):
        """How often each learner was chosen, shape (L, 4) in the order of ``names[0]``."""
        counts = np.zeros((len(self.names[0]), 4), dtype=int)
        for slot, names in enumerate(self.names):
            for i, name in enumerate(names):
                if name in self.names[0]:
                    counts[self.names[0].index(name), slot] = (self.chosen[:, slot] == i).sum()
        return counts


def monte_carlo(n, streams, learners, design, *, n_folds=2, delta_min=0.03, n_jobs=1):
    """All tuples of learners on simulated samples, and the minimax choice in each.

    Parameters
    ----------
    n : int
        Units in a sample.
    streams : sequence of numpy.random.SeedSequence
        One for each sample; the numbers do not depend on ``n_jobs``.
    learners : sequence of str
        As in `debiased_tuples`.
    design : simulate.Design
    n_folds : int
    delta_min : float
    n_jobs : int
        Workers.

    Returns
    -------
    TupleReplications

    Raises
    ------
    ValueError
        As `debiased_tuples`, or without a stream.

    Examples
    --------
    >>> streams = np.random.SeedSequence(1).spawn(3)
    >>> found = monte_carlo(4000, streams, ("lin", "quad"), simulate.Design(shape="wavy"))
    >>> found.value.shape, found.selected.value.shape, int(found.votes.sum())
    ((3, 2, 2, 2, 2), (3,), 12)
    """

    def one(rng):
        sample = simulate.draw(n, design, rng=rng)
        result = debiased_tuples(sample, learners, n_folds=n_folds, rng=rng, delta_min=delta_min)
        best = select_minimax(result.by_fold)
        return {"value": result.value, "se": result.se, "risk": best.risk, "chosen": best.index}

    return TupleReplications(slots(learners), **replicate(one, streams, n_jobs=n_jobs))
