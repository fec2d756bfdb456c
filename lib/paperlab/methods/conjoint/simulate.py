"""Simulated conjoint designs of page ``conjoint_candidates``: average case, substitutes, voters of two parties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from paperlab.methods.conjoint.choices import Pairs
from paperlab.methods.conjoint.games import Election
from paperlab.methods.conjoint.layout import Layout
from paperlab.methods.conjoint.policy import TwoWayModel, closed_form, delta_method, two_way
from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.linear import regress


@dataclass(frozen=True)
class AverageCase:
    """A two-way model of K binary factors with a known optimum.

    Attributes
    ----------
    model : TwoWayModel
        Of the K second levels.
    lam : float
    pi : ndarray, shape (K,)
        Optimal probabilities.
    value : float
        Q at the optimum.
    """

    model: TwoWayModel
    lam: float
    pi: np.ndarray
    value: float


def average_case(k, *, rng, r2=0.75, lams=None, max_tries=2000):
    """Draw coefficients and a penalty as the authors' script does.

    Coefficients are standard normal; interactions are scaled until main effects explain ``r2`` of the outcome without
    noise; the penalty is the one with optimum in (.15, .85), its standard deviation above .1, and Q nearest 1.

    Parameters
    ----------
    k : int
        Binary factors, two or more.
    rng : numpy.random.Generator
    r2 : float
        In (0, 1).
    lams : array, shape (n_lams,), optional
        Penalties to choose from; 500 from .001 to 100 if not given.
    max_tries : int
        Draws of coefficients until one allows such a penalty.

    Returns
    -------
    AverageCase

    Raises
    ------
    ValueError
        If ``k`` or ``r2`` is out of range, or no draw allows such a penalty.
    """
    if k < 2 or not 0 < r2 < 1:
        raise ValueError(f"k must be 2 or more and r2 between 0 and 1, got {k} and {r2}")
    lams = np.logspace(-3, 2, 500) if lams is None else lams
    for _ in range(max_tries):
        beta = rng.standard_normal(k)
        gamma = np.triu(rng.standard_normal((k, k)), 1)
        gamma = gamma + gamma.T
        scale = _interaction_scale(beta, gamma, r2)
        if scale is not None and (found := _interior_optimum(TwoWayModel(0.0, beta, gamma * scale), lams)) is not None:
            return found
    raise ValueError(
        f"no penalty gives an interior optimum with {k} factors in {max_tries} draws; try another seed or r2"
    )


def _interaction_scale(beta, gamma, r2):
    """Factor of the interactions with which main effects explain ``r2``; None if there is none between .001 and 100."""

    def excess(c):
        main = ((beta + c * gamma.sum(1) / 2) ** 2).sum() / 4
        return main / (main + c**2 * (gamma**2).sum() / 32) - r2

    grid = np.logspace(-3, 2, 100)
    below = np.flatnonzero([excess(c) < 0 for c in grid])
    if not len(below) or below[0] == 0:
        return None
    return brentq(excess, grid[below[0] - 1], grid[below[0]])


def _interior_optimum(model, lams):
    """The penalty of `average_case` for one draw of coefficients, or None."""
    k = model.beta.size
    layout, p = Layout((2,) * k), np.full(k, 0.5)
    good = []
    for lam in lams:
        found = closed_form(model, p, lam, layout)
        if found.unique and (found.pi > 0.15).all() and (found.pi < 0.85).all() and found.pi.std() > 0.1:
            good.append(AverageCase(model, float(lam), found.pi, float(found.value)))
    return min(good, key=lambda case: abs(case.value - 1), default=None)


@dataclass(frozen=True)
class PolicyEstimate:
    """Estimated policy and value of one sample.

    Attributes
    ----------
    pi, se_pi : ndarray, shape (K,)
    value, se_value : float
    inside : bool
        The closed form stayed in the simplex and was a maximum.
    """

    pi: np.ndarray
    se_pi: np.ndarray
    value: float
    se_value: float
    inside: bool


def estimate_average(truth, n, *, noise_sd, rng):
    """One sample of the average-case design: estimated policy and value with standard errors.

    Parameters
    ----------
    truth : AverageCase
    n : int
        Profiles, more than the two-way model has coefficients.
    noise_sd : float
        Standard deviation of the outcome around the model.
    rng : numpy.random.Generator

    Returns
    -------
    PolicyEstimate

    Raises
    ------
    ValueError
        If ``n`` is too small, or the profiles drawn leave coefficients unidentified.
    """
    beta, gamma = truth.model.beta, truth.model.gamma
    k = len(beta)
    if n <= (columns := 1 + k * (k + 1) // 2):
        raise ValueError(f"n must exceed the {columns} coefficients of the two-way model, got {n}")
    x = (rng.random((n, k)) < 0.5).astype(float)
    y = x @ beta + np.einsum("ni,ij,nj->n", x, gamma, x, optimize=True) / 2
    y += noise_sd * rng.standard_normal(n)
    fit = regress(two_way(x), y)
    model = TwoWayModel.from_coef(fit.coef, k)
    best = closed_form(model, np.full(k, 0.5), truth.lam, Layout((2,) * k))
    se = delta_method(best, model, fit.cov)
    return PolicyEstimate(best.pi, se.pi, float(best.value), float(se.value), bool(best.inside & best.unique))


@dataclass(frozen=True)
class SubstitutesSample:
    """Attributes ``x`` (n, k), outcome ``y`` (n,), and the true ``model`` (intercept 0)."""

    x: np.ndarray
    y: np.ndarray
    model: TwoWayModel


def substitutes(n, *, rng, interaction=-0.5, effect=0.3, k=4, noise_sd=0.4):
    """A sample in which the first two of k binary attributes replace each other (``interaction`` < 0).

    Each of the two is worth ``effect`` alone and ``2 effect + interaction`` together; the others are worth 0.1 and
    -0.1 in turn.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    interaction, effect : float
    k : int
        Two or more.
    noise_sd : float

    Returns
    -------
    SubstitutesSample

    Raises
    ------
    ValueError
        If there are fewer than two attributes.
    """
    if k < 2:
        raise ValueError(f"k must be 2 or more, got {k}; two attributes replace each other")
    beta = np.r_[effect, effect, 0.1 * (-1.0) ** np.arange(k - 2)]
    gamma = np.zeros((k, k))
    gamma[0, 1] = gamma[1, 0] = interaction
    x = (rng.random((n, k)) < 0.5).astype(float)
    y = x @ beta + interaction * x[:, 0] * x[:, 1] + noise_sd * rng.standard_normal(n)
    return SubstitutesSample(x, y, TwoWayModel(0.0, beta, gamma))


@dataclass(frozen=True)
class Voters:
    """True slopes of a two-party electorate.

    Attributes
    ----------
    slope : ndarray, shape (2, 2, n_levels)
        Effect of a level by party of the voter and of the candidate, centred within each factor.
    own : float
        Half the gap in vote share that the candidate's party makes.
    layout : Layout
    """

    slope: np.ndarray
    own: float
    layout: Layout

    def election(self, weight, primaries=True):
        """The true game with the linear link, for shares ``weight`` (2,) of Democratic and Republican voters."""
        r, d = self.slope[:, 1], self.slope[:, 0]
        first, second = (self.slope[1, 1], self.slope[0, 0]) if primaries else (None, None)
        intercept = np.array([0.5 - self.own, 0.5 + self.own])
        return Election(intercept, r, d, np.asarray(weight), first, second, self.layout.uniform, self.layout)


def draw_voters(layout, divisive, *, rng, own=0.12):
    """Draw slopes: shared N(0, .02^2); by party of voter .01, of candidate .007; opposed on ``divisive`` ones .035.

    About as large as in the Ono-Burden choices, and small enough that linear probabilities of twelve factors rarely
    leave [0, 1].

    Parameters
    ----------
    layout : Layout
    divisive : sequence of int
        Positions of the factors that divide the parties.
    rng : numpy.random.Generator
    own : float
        Half the gap that the candidate's party makes, in [0, 0.5].

    Returns
    -------
    Voters

    Raises
    ------
    ValueError
        If a divisive factor is not in the layout, or ``own`` out of range.
    """
    if not set(divisive) <= set(range(len(layout.levels))):
        raise ValueError(f"divisive must hold positions from 0 to {len(layout.levels) - 1}, got {list(divisive)}")
    if not 0 <= own <= 0.5:
        raise ValueError(f"own must lie in [0, 0.5], got {own}; it is half a gap between shares")
    m = layout.size
    shared, voter, candidate = rng.normal(0, 0.02, m), rng.normal(0, 0.01, (2, 1, m)), rng.normal(0, 0.007, (2, 2, m))
    on = np.isin(layout.factor, divisive)
    opposed = np.where(on, rng.normal(0, 0.035, m), 0) * np.array([-1.0, 1.0])[:, None, None]
    slope = np.where(on, 0.3, 1.0) * shared + voter + candidate + opposed
    return Voters(slope - layout.total(slope) * layout.uniform, own, layout)


@dataclass(frozen=True)
class Survey:
    """Simulated choices ``pairs``, and the share ``clipped`` whose probability had to be cut to [.01, .99]."""

    pairs: Pairs
    clipped: float


def simulate_voters(voters, n_persons, n_tasks, p_r, *, rng, personal_sd=0.02):
    """Forced choices of respondents whose own slopes scatter around their party's.

    Parameters
    ----------
    voters : Voters
    n_persons, n_tasks : int
        Respondents, and choices of each.
    p_r : float
        Share of Republican respondents, in [0, 1].
    rng : numpy.random.Generator
    personal_sd : float
        Standard deviation of a person's slopes around the party's.

    Returns
    -------
    Survey

    Raises
    ------
    ValueError
        If ``p_r`` is not in [0, 1], a slope is not finite, or a count or ``personal_sd`` is out of range.
    """
    if not 0 <= p_r <= 1:
        raise ValueError(f"p_r must lie in [0, 1], got {p_r}; it is the share of Republican voters")
    if min(n_persons, n_tasks) < 1 or not personal_sd >= 0:
        raise ValueError(
            f"n_persons and n_tasks must be 1 or more, personal_sd 0 or more, got {n_persons}, {n_tasks}, {personal_sd}"
        )
    layout, slope, own = voters.layout, finite("slope", voters.slope, -1), finite("own", voters.own)
    n, m = n_persons * n_tasks, layout.size
    person = np.repeat(np.arange(n_persons), n_tasks)
    voter = (rng.random(n_persons) < p_r).astype(int)[person]
    personal = rng.normal(0, personal_sd, (n_persons, m))
    personal = (personal - layout.total(personal) * layout.uniform)[person]
    x1, x2 = layout.argmax(rng.random((n, m))), layout.argmax(rng.random((n, m)))
    party1, party2 = rng.integers(0, 2, (2, n))
    prob = 0.5 + own * ((party1 == voter).astype(float) - (party2 == voter))
    prob += (x1 * (slope[voter, party1] + personal)).sum(1) - (x2 * (slope[voter, party2] + personal)).sum(1)
    y = (rng.random(n) < np.clip(prob, 0.01, 0.99)).astype(float)
    clipped = float(((prob < 0.01) | (prob > 0.99)).mean())
    return Survey(Pairs(x1, x2, party1, party2, voter, y, person, layout), clipped)


def interacting_model(layout, *, rng, r2=0.75, main_sd=0.02):
    """Share against a candidate by lot where attributes interact, as a two-way model over all levels.

    Main effects are N(0, ``main_sd``^2), interactions normal and scaled until main effects explain ``r2`` of what
    makes one profile better than another; both are centred within factors, so that neither hides in the other.

    Parameters
    ----------
    layout : Layout
    rng : numpy.random.Generator
    r2 : float
        In (0, 1]; 1 for no interactions.
    main_sd : float
        Above 0.

    Returns
    -------
    TwoWayModel
        One half for the design itself.

    Raises
    ------
    ValueError
        If ``r2`` or ``main_sd`` is out of range, or there is one factor only.
    """
    if not (0 < r2 <= 1 and main_sd > 0):
        raise ValueError(f"r2 must lie in (0, 1] and main_sd above 0, got {r2} and {main_sd}")
    if len(layout.levels) < 2:
        raise ValueError("layout has one factor; interactions need two")
    p, m = layout.uniform, layout.size
    beta = rng.normal(0, main_sd, m)
    beta = beta - layout.total(beta) * p
    gamma = np.triu(rng.standard_normal((m, m)), 1)
    gamma = (gamma + gamma.T) * (layout.factor[:, None] != layout.factor)
    for _ in range(2):  # rows, then columns
        gamma = (gamma - layout.total(gamma) * p).T
    main, pairs = (p * beta**2).sum(), p @ gamma**2 @ p / 2
    return TwoWayModel(0.5, beta, gamma * np.sqrt((1 / r2 - 1) * main / pairs))
