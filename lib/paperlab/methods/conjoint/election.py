"""From choices to elections: outcome models of page ``conjoint_candidates``, refitted for many resamples at once."""

import numpy as np

from paperlab.methods.conjoint.choices import CrossProducts
from paperlab.methods.conjoint.games import Election
from paperlab.methods.conjoint.policy import linear_policy
from paperlab.methods.foundations.linear import logit_ridge

MODELS = ("pooled", "general D", "general R", "primary D", "primary R")


def designs(pairs, own=True):
    """The five designs: average case, general election and primary by party of the voter; a dict of (x, y, rows)."""
    built = [pairs.pooled(), pairs.general(0), pairs.general(1), pairs.primary(0, own), pairs.primary(1, own)]
    return dict(zip(MODELS, built, strict=True))


def cross_products(pairs, own=True):
    """Sums of squares and products of every respondent in each of the five designs; a dict of CrossProducts."""
    n = pairs.n_persons
    return {name: CrossProducts.of(x, y, pairs.person[rows], n) for name, (x, y, rows) in designs(pairs, own).items()}


def average_slopes(products, weights, penalty):
    """Effects of all levels in the average case, one row for each row of weights (n_fits, n_persons)."""
    return products["pooled"].fit(weights, penalty, 1)[:, 1:]


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
    """
    if not 0 < p_r < 1:
        raise ValueError(f"p_r must lie between 0 and 1, got {p_r}; it is the share of Republican voters")
    m = layout.size
    general = np.stack([products[name].fit(weights, penalty, 1) for name in MODELS[1:3]], 1)[:, None]
    second, first = ((products[name].fit(weights, penalty)[:, None] if primary else None) for name in MODELS[3:])
    share = np.array([1 - p_r, p_r])
    return Election(
        general[..., 0], general[..., 1 : 1 + m], general[..., 1 + m :], share, first, second, layout.uniform, layout
    )


def logit_election(pairs, penalty, p_r, primary=True):
    """The same four models with a logit link, one fit, no batch axes; ``penalty`` on the scale of the logit likelihood."""
    built, m = designs(pairs), pairs.layout.size
    general = np.stack([logit_ridge(x, y, penalty, 1) for x, y, _ in (built["general D"], built["general R"])])
    second, first = (
        logit_ridge(x, y + 0.5, penalty) if primary else None for x, y, _ in (built["primary D"], built["primary R"])
    )
    share, p = np.array([1 - p_r, p_r]), pairs.layout.uniform
    return Election(
        general[:, 0], general[:, 1 : 1 + m], general[:, 1 + m :], share, first, second, p, pairs.layout, link="logit"
    )


def linear_share(pi, slopes, p):
    """Share against an opponent from the design, 1/2 + slopes'(pi - p)."""
    return 0.5 + ((pi - p) * slopes).sum(-1)


def held_out_shares(pairs, lams, penalty, folds):
    """Share of the average-case policy among people who had no part in learning it.

    The policy comes from a ridge fit on the other folds, its share from least squares on the fold itself, which is unbiased for a
    given policy if effects add up.

    Parameters
    ----------
    pairs : Pairs
    lams : array, shape (n_lams,)
    penalty : float
    folds : ndarray of int, shape (n_pairs,)
        Fold of each pair; constant within a respondent unless leakage is wanted.

    Returns
    -------
    held_out, in_sample : ndarray, shape (n_folds, n_lams)
    argmax : ndarray, shape (n_folds,)
        Held-out share of the profile of the largest effects.
    """
    x, y, _ = pairs.pooled()
    layout, p = pairs.layout, pairs.layout.uniform
    lams = np.asarray(lams)[:, None]
    names = np.unique(folds)
    by_fold = CrossProducts.of(x, y, np.searchsorted(names, folds), len(names))
    others = average_slopes({"pooled": by_fold}, 1 - np.eye(len(names)), penalty)
    here = average_slopes({"pooled": by_fold}, np.eye(len(names)), 1e-6)
    pi = linear_policy(others[:, None], p, lams, layout)
    return (
        linear_share(pi, here[:, None], p),
        linear_share(pi, others[:, None], p),
        linear_share(layout.argmax(others), here, p),
    )


def two_way_loss(pairs, folds, penalties, main_penalty):
    """Held-out squared error of the choice, main effects against all pairs of levels of different factors as well.

    Parameters
    ----------
    folds : ndarray of int, shape (n_pairs,)
    penalties : sequence of float
        Ridge penalties of the interactions; main effects keep ``main_penalty``.

    Returns
    -------
    main : float
    two_way : ndarray, shape (n_penalties,)
    """
    x, y, _ = pairs.pooled()
    i, j = np.triu_indices(pairs.layout.size, 1)
    apart = pairs.layout.factor[i] != pairs.layout.factor[j]
    i, j = i[apart], j[apart]
    wide = np.hstack([x, pairs.x1[:, i] * pairs.x1[:, j] - pairs.x2[:, i] * pairs.x2[:, j]])
    k = x.shape[1]
    main, two_way = 0.0, np.zeros(len(penalties))
    for fold in np.unique(folds):
        out = folds == fold
        gram, moment = wide[~out].T @ wide[~out], wide[~out].T @ y[~out]
        gram[np.arange(1, k), np.arange(1, k)] += main_penalty
        main += ((y[out] - x[out] @ np.linalg.solve(gram[:k, :k], moment[:k])) ** 2).sum()
        for index, penalty in enumerate(penalties):
            ridge = gram + np.diag(np.r_[np.zeros(k), np.full(len(i), float(penalty))])
            two_way[index] += ((y[out] - wide[out] @ np.linalg.solve(ridge, moment)) ** 2).sum()
    return main / len(y), two_way / len(y)
