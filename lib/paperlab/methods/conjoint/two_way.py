"""Two-way terms: outcome models with interactions of a candidate's attributes, their policies and elections.

Page ``conjoint_candidates``, "Do attributes interact?". The interactions are within one candidate, as in the paper's
model, so a linear game still falls apart into two maximisations, each with several local optima.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from paperlab.methods.conjoint import election as main_effects
from paperlab.methods.conjoint.choices import Design
from paperlab.methods.conjoint.games import Election
from paperlab.methods.conjoint.policy import TwoWayModel, check_penalty
from paperlab.methods.foundations.checks import finite

FREE = 1e-3  # penalty of a column that is to have none: tiny beside the sums of squares of thousands of rows


def _places(layout):
    """Positions of the two levels of each pair of levels of different factors."""
    i, j = np.triu_indices(layout.size, 1)
    apart = layout.factor[i] != layout.factor[j]
    return i[apart], j[apart]


def pair_columns(x, layout):
    """Products of levels of different factors.

    Parameters
    ----------
    x : ndarray, shape (..., n_levels)
        Profiles, or probabilities of a policy.
    layout : Layout

    Returns
    -------
    products : ndarray, shape (..., n_pairs)

    Raises
    ------
    ValueError
        If ``x`` has another number of levels.

    Examples
    --------
    >>> from paperlab.methods.conjoint.layout import Layout
    >>> pair_columns(np.array([0.2, 0.8, 0.5, 0.5]), Layout((2, 2)))
    array([0.1, 0.1, 0.4, 0.4])
    """
    x = np.asarray(x, float)
    if x.shape[-1:] != (layout.size,):
        raise ValueError(f"x must have one entry for each of {layout.size} levels, got shape {x.shape}")
    i, j = _places(layout)
    return x[..., i] * x[..., j]


def symmetric(coef, layout):
    """Coefficients (..., n_pairs) of `pair_columns` as a symmetric matrix (..., n_levels, n_levels)."""
    i, j = _places(layout)
    gamma = np.zeros((*coef.shape[:-1], layout.size, layout.size))
    gamma[..., i, j] = gamma[..., j, i] = coef
    return gamma


def centred_model(beta, gamma, p):
    """Share against a candidate by lot as a `TwoWayModel` over all levels: one half for the design itself.

    Parameters
    ----------
    beta : ndarray, shape (..., n_levels)
    gamma : ndarray, shape (..., n_levels, n_levels)
        Symmetric.
    p : ndarray, shape (n_levels,)
    """
    at_design = (beta * p).sum(-1) + np.einsum("i,...ij,j", p, gamma, p) / 2
    return TwoWayModel(0.5 - at_design, beta, gamma)


def best_policy(model, p, lam, layout, *, rng, n_starts=8, n_steps=400):
    """Policy of the largest penalised value by projected gradient steps from many starts.

    Parameters
    ----------
    model : TwoWayModel
        Over all levels, with any leading axes.
    p : ndarray, shape (n_levels,)
    lam : float
    layout : Layout
    rng : numpy.random.Generator
        Draws the corners from which the search starts, beside the design and the policy of main effects.
    n_starts, n_steps : int

    Returns
    -------
    pi : ndarray, shape (..., n_levels)

    Raises
    ------
    ValueError
        If ``lam`` is not positive.
    """
    check_penalty(lam)
    beta, gamma = model.beta[..., None, :], model.gamma
    corners = np.vstack([p, layout.argmax(rng.random((n_starts, layout.size)))])
    first = layout.project(p + (beta + (gamma @ p)[..., None, :]) / (2 * lam))
    pi = np.concatenate(
        [first, np.broadcast_to(corners, (*beta.shape[:-2], *corners.shape))], -2
    )  # (..., starts, levels)
    rate = 1 / (2 * lam + np.abs(np.linalg.eigvalsh(gamma)).max(-1))[..., None, None]
    for _ in range(n_steps):
        pi = layout.project(pi + rate * (beta + pi @ gamma - 2 * lam * (pi - p)))
    reached = (pi * beta).sum(-1) + (pi @ gamma * pi).sum(-1) / 2 - lam * ((pi - p) ** 2).sum(-1)
    return np.take_along_axis(pi, reached.argmax(-1)[..., None, None], -2)[..., 0, :]


# Fits


def widened(name, design, pairs):
    """One of the designs of `election.designs` with the pairs of levels appended.

    Parameters
    ----------
    name : str
        As `election.MODELS`.
    design : Design
    pairs : Pairs
        From which the design was made.

    Returns
    -------
    Design
    """
    layout, p = pairs.layout, pairs.layout.uniform
    if name.startswith("general"):
        m, by_lot = layout.size, pair_columns(p, layout)
        red, blue = design.x[:, 1 : 1 + m] + p, p - design.x[:, 1 + m :]
        more = [pair_columns(red, layout) - by_lot, by_lot - pair_columns(blue, layout)]
    else:
        first, second = (pair_columns(x[design.rows], layout) for x in (pairs.x1, pairs.x2))
        more = [first - second]
    return Design(np.hstack([design.x, *more]), design.y, design.rows)


def ridge_of(n_free, n_main, n_pairs, penalties):
    """Penalty of each column; ``penalties`` of main effects and of pairs."""
    return np.r_[np.full(n_free, FREE), np.full(n_main, penalties[0]), np.full(n_pairs, penalties[1])]


def check_penalties(main_penalty, penalties):
    """Raise ValueError unless the ridge penalties of main effects and of pairs of levels are above 0."""
    if not (main_penalty > 0 and len(penalties) and min(penalties) > 0):
        raise ValueError(f"penalties must be above 0, got {list(penalties)} and {main_penalty}; levels are collinear")


def ridge_by_rows(x, y, penalty, weights):
    """Ridge fits with a penalty for each column, solved in the space of rows, or of columns where there are fewer.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n,)
    penalty : ndarray, shape (k,)
        Above 0.
    weights : ndarray, shape (n_fits, n)
        How often each row counts; a row of zeros in none is fine.

    Returns
    -------
    coef : ndarray, shape (n_fits, k)

    Raises
    ------
    ValueError
        If a penalty is not above 0, a weight is negative, or a fit has no row.

    Notes
    -----
    ``P^-1 X' R (R X P^-1 X' R + I)^-1 R y`` with ``R`` the roots of the weights; ``(X' R^2 X + P)^-1 X' R^2 y`` is the
    same.

    Examples
    --------
    >>> ridge_by_rows(np.eye(2), np.array([1.0, 2.0]), np.ones(2), np.ones((1, 2)))
    array([[0.5, 1. ]])
    """
    x, y, penalty, weights = finite("x", x), finite("y", y), finite("penalty", penalty), finite("weights", weights)
    if penalty.shape != x.shape[1:] or not (penalty > 0).all():
        raise ValueError(f"penalty must be {x.shape[1]} numbers above 0, got shape {penalty.shape}")
    if weights.ndim != 2 or weights.shape[1] != len(x) or (weights < 0).any() or not (weights > 0).any(1).all():
        raise ValueError(f"weights must be (n_fits, {len(x)}), not negative, some above 0, got shape {weights.shape}")
    coef = np.empty((len(weights), x.shape[1]))
    if x.shape[0] > x.shape[1]:
        for fit, weight in enumerate(weights):
            weighted = x * weight[:, None]
            coef[fit] = cho_solve(cho_factor(weighted.T @ x + np.diag(penalty)), weighted.T @ y)
        return coef
    scaled = x / penalty
    kernel = x @ scaled.T
    for fit, weight in enumerate(weights):
        rows = np.flatnonzero(weight)
        root = np.sqrt(weight[rows])
        inner = root[:, None] * kernel[np.ix_(rows, rows)] * root
        inner[np.arange(len(rows)), np.arange(len(rows))] += 1
        dual = root * cho_solve(cho_factor(inner, overwrite_a=True), root * y[rows])
        coef[fit] = scaled[rows].T @ dual
    return coef


@dataclass(frozen=True, kw_only=True)
class TwoWayElection(Election):
    """An `Election` with interactions of each candidate's attributes; linear link.

    Attributes
    ----------
    pairs_r, pairs_d : ndarray, shape (..., 2, n_levels, n_levels)
        Symmetric effects of pairs of levels of a candidate on his or her share, by party of the voter.
    pairs_primary_r, pairs_primary_d : ndarray of shape (..., n_levels, n_levels), or None
        The same in the primaries.

    Raises
    ------
    ValueError
        As `Election`, or if the link is not linear or a matrix does not fit the layout.
    """

    pairs_r: np.ndarray
    pairs_d: np.ndarray
    pairs_primary_r: np.ndarray | None = None
    pairs_primary_d: np.ndarray | None = None
    batched: ClassVar[tuple] = (*Election.batched, "pairs_r", "pairs_d", "pairs_primary_r", "pairs_primary_d")

    def __post_init__(self):
        super().__post_init__()
        if self.link != "linear":
            raise ValueError(f"link must be linear with two-way terms, got {self.link!r}")
        square = (self.layout.size,) * 2
        ends = {"pairs_r": (2, *square), "pairs_d": (2, *square)}
        ends |= {} if self.primary_r is None else {"pairs_primary_r": square, "pairs_primary_d": square}
        for name, end in ends.items():
            values = getattr(self, name)
            if values is None or np.shape(values)[-len(end) :] != end:
                raise ValueError(f"{name} must end in shape {end}, got {np.shape(values)}")
            object.__setattr__(self, name, finite(name, values, -2))

    def without_primaries(self):
        """The same electorate, entrants nominated without a vote."""
        return replace(self, primary_r=None, primary_d=None, pairs_primary_r=None, pairs_primary_d=None)

    @cached_property
    def _pairs(self):
        """Pairs by party of the candidate, averaged over the electorate or of the primary; and their value by lot."""
        weight = self.weight[:, None, None]
        found = {("general", "R"): (weight * self.pairs_r).sum(-3), ("general", "D"): (weight * self.pairs_d).sum(-3)}
        if self.primary_r is not None:
            found |= {("primary", "R"): self.pairs_primary_r, ("primary", "D"): self.pairs_primary_d}
        return {key: (gamma, (gamma @ self.p) @ self.p) for key, gamma in found.items()}

    def _gain(self, party, pi):
        return self._with_pairs(super()._gain(party, pi), self._pairs["general", party], pi)

    def _lead(self, party, pi):
        return self._with_pairs(super()._lead(party, pi), self._pairs["primary", party], pi)

    @staticmethod
    def _with_pairs(linear, pairs, pi):
        (value, slope), (gamma, by_lot) = linear, pairs
        pull = pi @ gamma if gamma.ndim == 2 else (gamma @ pi[..., None])[..., 0]
        return value + ((pull * pi).sum(-1) - by_lot) / 2, slope + pull


def fit_election(pairs, weights, penalties, p_r, *, primary=True, own=True):
    """Linear-probability elections with two-way terms, one for each row of weights.

    Parameters
    ----------
    pairs : Pairs
    weights : ndarray, shape (n_fits, n_persons)
        How often each respondent counts.
    penalties : tuple of float
        Ridge penalties of main effects and of pairs of levels.
    p_r : float
        Share of Republican voters, in (0, 1).
    primary : bool
        Hold primaries.
    own : bool
        Primaries from pairs of the voter's own party only.

    Returns
    -------
    TwoWayElection
        Leading axes (n_fits, 1), so that penalties of policies broadcast along the second.

    Raises
    ------
    ValueError
        If a share or penalty is out of range, or a resample shows an election to nobody.
    """
    check_penalties(penalties[0], penalties[1:])
    share, layout = main_effects.electorate(p_r), pairs.layout
    m, q = layout.size, len(_places(layout)[0])
    coef = {}
    for name, narrow in main_effects.designs(pairs, own).items():
        if name == "pooled" or (name.startswith("primary") and not primary):
            continue
        design = widened(name, narrow, pairs)
        sides, free = (2, 1) if name.startswith("general") else (1, 0)
        ridge = ridge_of(free, sides * m, sides * q, penalties)
        coef[name] = ridge_by_rows(design.x, design.y, ridge, weights[:, pairs.person_code[design.rows]])[:, None]
    general = np.stack([coef["general D"], coef["general R"]], -2)
    ends = np.cumsum([1, m, m, q])
    level, red, blue, red_pairs, blue_pairs = np.split(general, ends, -1)
    first, second = ((coef[name] if primary else None) for name in ("primary R", "primary D"))
    entrants = {}
    if primary:
        entrants = {
            "pairs_primary_r": symmetric(first[..., m:], layout),
            "pairs_primary_d": symmetric(second[..., m:], layout),
        }
        first, second = first[..., :m], second[..., :m]
    return TwoWayElection(
        level[..., 0], red, blue, share, first, second, layout.uniform, layout,
        pairs_r=symmetric(red_pairs, layout), pairs_d=symmetric(blue_pairs, layout), **entrants,
    )  # fmt: skip
