"""From choices to elections: outcome models of page ``conjoint_candidates``, refitted for many resamples at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.conjoint.choices import CrossProducts
from paperlab.methods.conjoint.games import Election
from paperlab.methods.conjoint.policy import linear_policy
from paperlab.methods.foundations.checks import codes, finite
from paperlab.methods.foundations.logistic import logistic

MODELS = ("pooled", "general D", "general R", "primary D", "primary R")


def designs(pairs, own=True):
    """The five designs of an election.

    Parameters
    ----------
    pairs : Pairs
    own : bool
        Primaries from pairs of the voter's own party only; otherwise of either one party.

    Returns
    -------
    dict of str to Design
        Average case, general election and primary by party of the voter; keys as `MODELS`.

    Raises
    ------
    ValueError
        If a party's voters saw no pair of the kind that a design needs.
    """
    built = [pairs.pooled(), pairs.general(0), pairs.general(1), pairs.primary(0, own), pairs.primary(1, own)]
    return dict(zip(MODELS, built, strict=True))


def cross_products(pairs, own=True):
    """Sums of squares and products of every respondent in each of the five `designs`; a dict of CrossProducts."""
    n = pairs.n_persons
    return {name: CrossProducts.of(d.x, d.y, pairs.person_code[d.rows], n) for name, d in designs(pairs, own).items()}


def average_slopes(products, weights, penalty):
    """Effects of all levels in the average case, one row for each row of weights.

    Parameters
    ----------
    products : dict of CrossProducts
        With the key ``pooled``.
    weights : ndarray, shape (n_fits, n_persons)
    penalty : float
        Ridge penalty on the effects of levels.

    Returns
    -------
    slopes : ndarray, shape (n_fits, n_levels)

    Raises
    ------
    ValueError
        As `CrossProducts.fit`.
    """
    return products["pooled"].fit(weights, penalty, 1)[:, 1:]


def _electorate(p_r):
    """Share of Democratic and Republican voters, shape (2,)."""
    if not 0 < p_r < 1:
        raise ValueError(f"p_r must lie between 0 and 1, got {p_r}; it is the share of Republican voters")
    return np.array([1 - p_r, p_r])


def fit_election(products, weights, penalty, p_r, layout, primary=True):
    """Linear-probability elections, one for each row of weights.

    Parameters
    ----------
    products : dict of CrossProducts
    weights : ndarray, shape (n_fits, n_persons)
    penalty : float
        Ridge penalty on the effects of levels.
    p_r : float
        Share of Republican voters, in (0, 1).
    layout : Layout
    primary : bool
        Hold primaries.

    Returns
    -------
    election : Election
        Leading axes (n_fits, 1), so that penalties of policies broadcast along the second.

    Raises
    ------
    ValueError
        If ``p_r`` is not between 0 and 1, or as `CrossProducts.fit`.
    """
    share, m = _electorate(p_r), layout.size
    general = np.stack([products[name].fit(weights, penalty, 1) for name in MODELS[1:3]], 1)[:, None]
    second, first = ((products[name].fit(weights, penalty)[:, None] if primary else None) for name in MODELS[3:])
    return Election(
        general[..., 0], general[..., 1 : 1 + m], general[..., 1 + m :], share, first, second, layout.uniform, layout
    )


def logit_election(pairs, penalty, p_r, primary=True):
    """The same four models with a logit link, one fit, no batch axes.

    Parameters
    ----------
    pairs : Pairs
    penalty : float
        Above 0, on the scale of the logit likelihood.
    p_r : float
        Share of Republican voters, in (0, 1).
    primary : bool
        Hold primaries.

    Returns
    -------
    Election

    Raises
    ------
    ValueError
        If ``p_r`` is not between 0 and 1, or as `logistic`.
    """
    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}; all levels of a factor together are collinear")
    share, built, m = _electorate(p_r), designs(pairs), pairs.layout.size
    ridge = np.r_[0, np.full(2 * m, penalty)]
    general = np.stack([logistic(built[name].x, built[name].y, penalty=ridge).coef for name in MODELS[1:3]])
    second, first = (
        logistic(built[name].x, built[name].y + 0.5, penalty=penalty).coef if primary else None for name in MODELS[3:]
    )
    p = pairs.layout.uniform
    return Election(
        general[:, 0], general[:, 1 : 1 + m], general[:, 1 + m :], share, first, second, p, pairs.layout, link="logit"
    )


def linear_share(pi, slopes, p):
    """Share against an opponent from the design, ``1/2 + slopes'(pi - p)``; shape (...) for policies (..., n_levels)."""
    return 0.5 + ((finite("pi", pi, -1) - p) * finite("slopes", slopes, -1)).sum(-1)


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

    The policy comes from a ridge fit on the other folds, its share from least squares on the fold itself, which is unbiased for a
    given policy if effects add up.

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
    others = average_slopes(by_fold, 1 - each, penalty)
    here = average_slopes(by_fold, each, 1e-6)
    pi = linear_policy(others[:, None], p, lams, layout)
    return HeldOutShares(
        linear_share(pi, here[:, None], p),
        linear_share(pi, others[:, None], p),
        linear_share(layout.argmax(others), here, p),
    )


def _fold_codes(folds, n):
    fold = codes("folds", folds, n)
    if fold.max() < 1:
        raise ValueError("folds: all pairs are in one fold, so none is left to learn from; use two or more")
    return fold


@dataclass(frozen=True)
class TwoWayLoss:
    """Held-out squared error of a choice, with ``main`` effects alone, and ``two_way`` (n_penalties,) with pairs of levels."""

    main: float
    two_way: np.ndarray


def two_way_loss(pairs, folds, penalties, main_penalty):
    """Held-out squared error of the choice, main effects against all pairs of levels of different factors as well.

    Parameters
    ----------
    pairs : Pairs
    folds : sequence of hashable, shape (n_pairs,)
        Fold of each pair, by any name.
    penalties : sequence of float
        Ridge penalties of the interactions, above 0; main effects keep ``main_penalty``.
    main_penalty : float
        Above 0.

    Returns
    -------
    TwoWayLoss

    Raises
    ------
    ValueError
        If a penalty is not above 0, there is one fold only, or outside a fold no pair has one candidate of the voter's party.
    """
    if not (main_penalty > 0 and min(penalties) > 0):
        raise ValueError(f"penalties must be above 0, got {list(penalties)} and {main_penalty}; levels are collinear")
    design = pairs.pooled()
    x, y = design.x, design.y
    i, j = np.triu_indices(pairs.layout.size, 1)
    apart = pairs.layout.factor[i] != pairs.layout.factor[j]
    i, j = i[apart], j[apart]
    wide = np.hstack([x, pairs.x1[:, i] * pairs.x1[:, j] - pairs.x2[:, i] * pairs.x2[:, j]])
    k = x.shape[1]
    main, two_way = 0.0, np.zeros(len(penalties))
    fold = _fold_codes(folds, len(y))
    for index in range(fold.max() + 1):
        out = fold == index
        gram, moment = wide[~out].T @ wide[~out], wide[~out].T @ y[~out]
        if gram[0, 0] == 0:
            raise ValueError(
                "no pair outside a fold has one candidate of the voter's party: its effect is not identified"
            )
        gram[np.arange(1, k), np.arange(1, k)] += main_penalty
        main += ((y[out] - x[out] @ np.linalg.solve(gram[:k, :k], moment[:k])) ** 2).sum()
        for position, penalty in enumerate(penalties):
            ridge = gram + np.diag(np.r_[np.zeros(k), np.full(len(i), float(penalty))])
            two_way[position] += ((y[out] - wide[out] @ np.linalg.solve(ridge, moment)) ** 2).sum()
    return TwoWayLoss(main / len(y), two_way / len(y))
