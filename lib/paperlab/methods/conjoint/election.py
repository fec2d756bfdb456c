"""From choices to elections: outcome models of page ``conjoint_candidates``, refitted for many resamples at once."""

from __future__ import annotations

import numpy as np

from paperlab.methods.conjoint.choices import CrossProducts
from paperlab.methods.conjoint.games import Election
from paperlab.methods.foundations.checks import finite
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


def electorate(p_r):
    """Share of Democratic and Republican voters, shape (2,), from that of Republicans, which must lie in (0, 1)."""
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
    share, m = electorate(p_r), layout.size
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
    share, built, m = electorate(p_r), designs(pairs), pairs.layout.size
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
    """Share against an opponent by lot, ``1/2 + slopes'(pi - p)``; shape (...) for policies (..., n_levels)."""
    return 0.5 + ((finite("pi", pi, -1) - p) * finite("slopes", slopes, -1)).sum(-1)
