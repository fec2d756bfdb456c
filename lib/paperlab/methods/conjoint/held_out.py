"""What people say who had no part in learning: shares of policies, errors of models with and without two-way terms.

Page ``conjoint_candidates``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from paperlab.methods.conjoint import election, two_way
from paperlab.methods.conjoint.choices import CrossProducts
from paperlab.methods.conjoint.policy import TwoWayModel, linear_policy
from paperlab.methods.foundations.checks import codes, finite


@dataclass(frozen=True)
class HeldOutShares:
    """Shares of the average-case policy, fold by fold.

    Attributes
    ----------
    held_out, in_sample : ndarray, shape (n_folds, n_lams)
        Among people who had no part in learning it, and among those it was learned from.
    argmax : ndarray, shape (n_folds,)
        Held-out share of the profile of the largest effects.
    """

    held_out: np.ndarray
    in_sample: np.ndarray
    argmax: np.ndarray


def held_out_shares(pairs, lams, penalty, folds):
    """Share of the average-case policy among people who had no part in learning it.

    The policy comes from a ridge fit on the other folds, its share from least squares on the fold itself, which is
    unbiased for a given policy if effects add up.

    Parameters
    ----------
    pairs : Pairs
    lams : array, shape (n_lams,)
    penalty : float
    folds : sequence of hashable, shape (n_pairs,)
        Fold of each pair, by any name; constant within a respondent unless leakage is wanted.

    Returns
    -------
    HeldOutShares
        Folds in the order of their names.

    Raises
    ------
    ValueError
        If there is one fold only, a pair has no fold, or a penalty is not positive.
    """
    design, layout, p = pairs.pooled(), pairs.layout, pairs.layout.uniform
    lams = finite("lams", lams)[:, None]
    fold = _fold_codes(folds, len(pairs.y))
    each = np.eye(fold.max() + 1)
    by_fold = {"pooled": CrossProducts.of(design.x, design.y, fold, len(each))}
    others = election.average_slopes(by_fold, 1 - each, penalty)
    here = election.average_slopes(by_fold, each, 1e-6)
    pi = linear_policy(others[:, None], p, lams, layout)
    return HeldOutShares(
        election.linear_share(pi, here[:, None], p),
        election.linear_share(pi, others[:, None], p),
        election.linear_share(layout.argmax(others), here, p),
    )


def _fold_codes(folds, n):
    fold = codes("folds", folds, n)
    if fold.max() < 1:
        raise ValueError("folds: all pairs are in one fold, so none is left to learn from; use two or more")
    return fold


@dataclass(frozen=True)
class CrossValidation:
    """Main effects against two-way terms on held-out choices.

    Attributes
    ----------
    main : ndarray, shape (n_folds,)
        Mean squared error of the fold's choices with main effects alone.
    two_way : ndarray, shape (n_penalties, n_folds)
        The same with pairs of levels as well.
    penalty : float
        Of the pairs, that of the smallest error.
    models : TwoWayModel
        Average-case models learned without each fold, at the penalty of the smallest error; leading axis n_folds.
    main_slopes : ndarray, shape (n_folds, n_levels)
        Effects learned without each fold with main effects alone.
    """

    main: np.ndarray
    two_way: np.ndarray
    penalty: float
    models: TwoWayModel
    main_slopes: np.ndarray


def cross_validate(pairs, folds, penalties, main_penalty):
    """Average-case models learned without each fold, with and without pairs of levels.

    Parameters
    ----------
    pairs : Pairs
    folds : sequence of hashable, shape (n_pairs,)
        Fold of each pair, by any name.
    penalties : sequence of float
        Ridge penalties of the pairs of levels, above 0; main effects keep ``main_penalty``.
    main_penalty : float
        Above 0.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        If a penalty is not above 0, there is one fold only, or outside a fold no pair has one candidate of the voter's
        party.
    """
    two_way.check_penalties(main_penalty, penalties)
    design, layout = two_way.widened("pooled", pairs.pooled(), pairs), pairs.layout
    m, fold = layout.size, _fold_codes(folds, len(pairs.y))
    for index in range(fold.max() + 1):
        if not design.x[fold != index, 0].any():
            raise ValueError(
                "no pair outside a fold has one candidate of the voter's party: its effect is not identified"
            )
    few = slice(0, 1 + m)
    ridges = [two_way.ridge_of(1, m, design.x.shape[1] - 1 - m, (main_penalty, penalty)) for penalty in penalties]
    short = fold_fits(design.x[:, few], design.y[:, None], [ridges[0][few]], fold=fold)
    wide = fold_fits(design.x, design.y[:, None], ridges, fold=fold)
    loss = wide.loss[..., 0]
    best = loss.mean(1).argmin()
    coef = wide.coef[best, :, :, 0]
    models = two_way.centred_model(coef[:, few][:, 1:], two_way.symmetric(coef[:, 1 + m :], layout), layout.uniform)
    return CrossValidation(short.loss[0, :, 0], loss, float(penalties[best]), models, short.coef[0, :, 1:, 0])


@dataclass(frozen=True)
class FoldFits:
    """Ridge fits without each fold: ``loss`` (n_ridges, n_folds, n_y) on it, ``coef`` (n_ridges, n_folds, k, n_y)."""

    loss: np.ndarray
    coef: np.ndarray


def fold_fits(x, y, ridges, *, fold):
    """Ridge fits without each fold and their mean squared error on it, for several outcomes of the same rows at once.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n, n_y)
    ridges : list of ndarray, each of shape (k,)
        Penalties of the columns, above 0.
    fold : ndarray of int, shape (n,)

    Returns
    -------
    FoldFits
    """
    gram, moment = x.T @ x, x.T @ y
    n_folds = fold.max() + 1
    loss = np.empty((len(ridges), n_folds, y.shape[1]))
    coef = np.empty((len(ridges), n_folds, x.shape[1], y.shape[1]))
    for index in range(n_folds):
        out = fold == index
        held, answers = x[out], y[out]
        inner, right = gram - held.T @ held, moment - held.T @ answers
        for row, ridge in enumerate(ridges):
            coef[row, index] = cho_solve(cho_factor(inner + np.diag(ridge), overwrite_a=True), right)
            loss[row, index] = ((answers - held @ coef[row, index]) ** 2).mean(0)
    return FoldFits(loss, coef)


@dataclass(frozen=True)
class HeldOutParts:
    """Held-out share of a policy above one half: what ``levels`` add, and ``pairs``; each of shape (n_folds,)."""

    levels: np.ndarray
    pairs: np.ndarray

    @property
    def share(self):
        """Held-out share of each fold, shape (n_folds,)."""
        return 0.5 + self.levels + self.pairs


def held_out_parts(pairs, folds, policies):
    """Share of policies against a candidate by lot among people not used to learn them, up to pairs of levels.

    Levels are least squares on the fold. Pairs are a weighted mean of its residuals, unbiased because the design draws
    all factors independently and as often as stated.

    Parameters
    ----------
    pairs : Pairs
    folds : sequence of hashable, shape (n_pairs,)
    policies : ndarray, shape (n_folds, n_levels)
        Learned without each fold, in the order of the folds' names.

    Returns
    -------
    HeldOutParts

    Raises
    ------
    ValueError
        If there is one fold only, or not one policy for each.

    Notes
    -----
    With ``u_d = pi_d / p_d - 1`` at the level shown, ``w = sum_{d < d'} u_d u_d'`` and the residual r of a choice,
    what pairs add is the mean of ``r (w_1 - w_2) / 2``.
    """
    layout, p, design = pairs.layout, pairs.layout.uniform, pairs.pooled()
    fold = codes("folds", folds, len(pairs.y))
    policies = finite("policies", policies, -1)
    if fold.max() < 1 or policies.shape != (fold.max() + 1, layout.size):
        raise ValueError(f"policies must be one for each of two or more folds, got shape {policies.shape}")
    levels, by_pairs = np.empty(len(policies)), np.empty(len(policies))
    ridge = np.full(design.x.shape[1], 1e-6)
    for index, pi in enumerate(policies):
        rows = np.flatnonzero(fold == index)
        x, y = design.x[rows], design.y[rows]
        coef = np.linalg.solve(x.T @ x + np.diag(ridge), x.T @ y)
        levels[index] = coef[1:] @ (pi - p)
        ratio = pi / p - 1
        weight = [_elementary(shown[rows] * ratio, layout) for shown in (pairs.x1, pairs.x2)]
        by_pairs[index] = ((y - x @ coef) * (weight[0] - weight[1])).mean() / 2
    return HeldOutParts(levels, by_pairs)


def _elementary(values, layout):
    """Sum over pairs of factors of the products of their values, from one-hot rows times a number for each level."""
    by_factor = np.add.reduceat(values, layout.starts, axis=-1)
    return (by_factor.sum(-1) ** 2 - (by_factor**2).sum(-1)) / 2
