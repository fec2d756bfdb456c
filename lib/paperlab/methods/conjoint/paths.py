"""Vote shares along the penalty, by kind of contest, for many resamples at once (page ``conjoint_candidates``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.conjoint import election as elections
from paperlab.methods.conjoint.equilibrium import Policies, solve
from paperlab.methods.conjoint.games import Election
from paperlab.methods.conjoint.policy import linear_policy
from paperlab.methods.foundations.checks import finite

SIDES = ("average", "R alone", "D alone", "no primaries", "with primaries")


@dataclass(frozen=True)
class SharePaths:
    """Shares along the penalties and the policies behind them; leading axes (n_fits, n_lams).

    Attributes
    ----------
    shares : dict of str to ndarray, shape (n_fits, n_lams)
        By the names of `SIDES`: the average-case policy against a candidate by lot; one party's best against a
        candidate by lot of the other party (its own share); both parties against each other (Republican share).
    pooled : ndarray, shape (n_fits, n_lams, n_levels)
        Average-case policies.
    policies : Policies
        Of both parties, with primaries if there are any.
    game : Election
        With leading axes (n_fits, 1).
    """

    shares: dict
    pooled: np.ndarray
    policies: Policies
    game: Election


def share_paths(products, weights, lams, *, penalty, p_r, layout, primary=True):
    """Fit elections to resamples and follow every kind of contest along the penalties.

    Parameters
    ----------
    products : dict of CrossProducts
        See `election.cross_products`.
    weights : ndarray, shape (n_fits, n_persons)
        How often each respondent counts.
    lams : array, shape (n_lams,)
    penalty : float
        Ridge penalty of the outcome models.
    p_r : float
        Share of Republican voters, in (0, 1).
    layout : Layout
    primary : bool
        Which contest ``policies`` and ``game`` are of.

    Returns
    -------
    SharePaths

    Raises
    ------
    ValueError
        As `election.fit_election` and `equilibrium.solve`.

    Notes
    -----
    Without primaries the linear game falls apart into two maximisations, each the projection of `policy.linear_policy`.
    """
    lams, p = finite("lams", lams), layout.uniform
    slopes = elections.average_slopes(products, weights, penalty)[:, None]
    pooled = linear_policy(slopes, p, lams[:, None], layout)
    game = elections.fit_election(products, weights, penalty, p_r, layout)
    plain = game.without_primaries()
    by_lot = np.broadcast_to(p, pooled.shape)
    outcome = plain.share(by_lot, by_lot)
    pi_r, pi_d = (linear_policy(s, p, lams[:, None], layout) for s in (outcome.grad_r, -outcome.grad_d))
    full = solve(game, lams)
    values = (
        elections.linear_share(pooled, slopes, p),
        plain.share(pi_r, by_lot).value,
        1 - plain.share(by_lot, pi_d).value,
        plain.share(pi_r, pi_d).value,
        game.outcome(full.pi_r, full.pi_d).value,
    )
    found = (full, game) if primary else (Policies(pi_r, pi_d, np.zeros(pi_r.shape[:-1])), plain)
    return SharePaths(dict(zip(SIDES, values, strict=True)), pooled, *found)
