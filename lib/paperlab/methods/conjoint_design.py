"""Simulated conjoint designs of page ``conjoint_candidates``: average case, gender game, substitutes, voters of two parties."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from paperlab.methods.conjoint import Layout, Pairs, regress
from paperlab.methods.conjoint_games import Election, gender_matrix
from paperlab.methods.conjoint_policy import closed_form, delta_method

# P(vote R) of Republican and Democratic voters: rows gender of the Republican (man, woman), columns of the Democrat
AUTHORS = (np.array([[0.90, 0.95], [0.85, 0.90]]), np.array([[0.10, 0.05], [0.15, 0.10]]))
COUPLED = (np.array([[0.90, 0.80], [0.80, 0.90]]), np.array([[0.20, 0.10], [0.10, 0.20]]))  # control: parties react
WOMAN_R, WOMAN_D = 0.6, 0.45


@dataclass(frozen=True)
class AverageCase:
    """A two-way model of K binary factors with a known optimum.

    Attributes
    ----------
    beta : ndarray, shape (K,)
    gamma : ndarray, shape (K, K)
    lam : float
    pi : ndarray, shape (K,)
        Optimal probabilities.
    value : float
        Q at the optimum.
    """

    beta: np.ndarray
    gamma: np.ndarray
    lam: float
    pi: np.ndarray
    value: float


def average_case(k, rng, r2=0.75, lams=None, tries=2000):
    """Draw coefficients and a penalty as the authors' script does.

    Coefficients are standard normal; interactions are scaled until main effects explain ``r2`` of the outcome without noise; the
    penalty is the one, of 500, with optimum in (.15, .85), its standard deviation above .1, and Q nearest 1.

    Raises
    ------
    ValueError
        If no draw allows such a penalty.
    """
    lams = np.logspace(-3, 2, 500) if lams is None else lams
    layout, p = Layout((2,) * k), np.full(k, 0.5)
    for _ in range(tries):
        beta = rng.standard_normal(k)
        gamma = np.triu(rng.standard_normal((k, k)), 1)
        gamma = gamma + gamma.T

        def excess(c, beta=beta, gamma=gamma):
            main = ((beta + c * gamma.sum(1) / 2) ** 2).sum() / 4
            return main / (main + c**2 * (gamma**2).sum() / 32) - r2

        grid = np.logspace(-3, 2, 100)
        below = np.flatnonzero([excess(c) < 0 for c in grid])
        if not len(below) or below[0] == 0:
            continue
        gamma = gamma * brentq(excess, grid[below[0] - 1], grid[below[0]])
        found = [closed_form(0.0, beta, gamma, p, lam, layout) for lam in lams]
        good = [
            (abs(f.value - 1), lam, f)
            for lam, f in zip(lams, found, strict=True)
            if f.unique and (f.pi > 0.15).all() and (f.pi < 0.85).all() and f.pi.std() > 0.1
        ]
        if good:
            _, lam, f = min(good, key=lambda entry: entry[0])
            return AverageCase(beta, gamma, float(lam), f.pi, float(f.value))
    raise ValueError(f"no penalty gives an interior optimum with {k} factors in {tries} draws; try another seed or r2")


def two_way(x):
    """Columns 1, x, and products of all pairs; and the pairs."""
    i, j = np.triu_indices(x.shape[1], 1)
    return np.hstack([np.ones((len(x), 1)), x, x[:, i] * x[:, j]]), (i, j)


def unpack(coef, k):
    """Intercept, effects, symmetric interactions of a two-way fit with k columns."""
    gamma = np.zeros((*coef.shape[:-1], k, k))
    i, j = np.triu_indices(k, 1)
    gamma[..., i, j] = gamma[..., j, i] = coef[..., 1 + k :]
    return coef[..., 0], coef[..., 1 : 1 + k], gamma


def estimate_average(truth, n, noise_sd, rng):
    """One sample of the average-case design: estimated policy and value with standard errors.

    Returns
    -------
    pi, se_pi : ndarray, shape (K,)
    value, se_value : float
    inside : bool
        The closed form stayed in the simplex and was a maximum.
    """
    if n <= (columns := 1 + len(truth.beta) * (len(truth.beta) + 1) // 2):
        raise ValueError(f"n must exceed the {columns} coefficients of the two-way model, got {n}")
    k = len(truth.beta)
    x = (rng.random((n, k)) < 0.5).astype(float)
    y = x @ truth.beta + np.einsum("ni,ij,nj->n", x, truth.gamma, x, optimize=True) / 2
    y += noise_sd * rng.standard_normal(n)
    z, pairs = two_way(x)
    coef, cov = regress(z, y)
    a, beta, gamma = unpack(coef, k)
    best = closed_form(a, beta, gamma, np.full(k, 0.5), truth.lam, Layout((2,) * k))
    se_pi, se_value = delta_method(best, beta, gamma, cov, pairs)
    return best.pi, se_pi, float(best.value), float(se_value), bool(best.inside & best.unique)


def gender_truth(p_r, cells=AUTHORS):
    """The matrix of the gender game, shape (2, 2); the authors' unless other ``cells`` are given."""
    return gender_matrix(*cells, WOMAN_R, WOMAN_D, p_r)


def gender_sample(p_r, n, reps, rng, cells=AUTHORS):
    """Frequencies in ``reps`` samples of n respondents, who each vote once in a general election and once in a primary.

    Party of the respondent and genders of all candidates are drawn at random; a cell nobody saw gets 1/2.

    Returns
    -------
    theta, variance : ndarray, shape (reps, 10)
        Order as in ``conjoint_games.gender_standard_errors``; variances with half a vote added to each answer.
    """
    republicans = rng.binomial(n, p_r, reps)
    theta, variance = np.empty((reps, 10)), np.empty((reps, 10))
    for party, size in enumerate((republicans, n - republicans)):
        seen = rng.multinomial(size, [0.25] * 4)
        votes = rng.binomial(seen, cells[party].ravel())
        block = slice(4 * party, 4 * party + 4)
        theta[:, block], variance[:, block] = _frequency(votes, seen)
        mixed = rng.binomial(size, 0.5)
        won = rng.binomial(mixed, (WOMAN_R, WOMAN_D)[party])
        theta[:, 8 + party], variance[:, 8 + party] = _frequency(won, mixed)
    return theta, variance


def _frequency(hits, total):
    rate = np.where(total > 0, hits / np.maximum(total, 1), 0.5)
    smooth = (hits + 0.5) / (total + 1)
    return rate, smooth * (1 - smooth) / np.maximum(total, 1)


def substitutes(n, rng, interaction=-0.5, effect=0.3, k=4, noise_sd=0.4):
    """A sample in which the first two of k binary attributes replace each other (``interaction`` < 0).

    Each of the two is worth ``effect`` alone and ``2 effect + interaction`` together; the others are worth 0.1 and -0.1 in turn.

    Returns
    -------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n,)
    beta : ndarray, shape (k,)
    gamma : ndarray, shape (k, k)
        The truth.
    """
    beta = np.r_[effect, effect, 0.1 * (-1.0) ** np.arange(k - 2)]
    gamma = np.zeros((k, k))
    gamma[0, 1] = gamma[1, 0] = interaction
    x = (rng.random((n, k)) < 0.5).astype(float)
    y = x @ beta + interaction * x[:, 0] * x[:, 1] + noise_sd * rng.standard_normal(n)
    return x, y, beta, gamma


@dataclass(frozen=True)
class Voters:
    """True slopes of a two-party electorate.

    Attributes
    ----------
    slope : ndarray, shape (2, 2, n_levels)
        Effect of a level by party of the voter and of the candidate, centred within each factor.
    own : float
        Half the gap in vote share that the candidate's party makes.
    """

    slope: np.ndarray
    own: float
    layout: Layout

    def election(self, weight, primaries=True):
        """The true game, with the linear link."""
        r, d = self.slope[:, 1], self.slope[:, 0]
        first, second = (self.slope[1, 1], self.slope[0, 0]) if primaries else (None, None)
        intercept = np.array([0.5 - self.own, 0.5 + self.own])
        return Election(intercept, r, d, np.asarray(weight), first, second, self.layout.uniform, self.layout)


def draw_voters(layout, divisive, rng, own=0.12):
    """Slopes: shared, N(0, .02^2); by party of voter .01, of candidate .007; opposed on ``divisive`` factors, .035.

    Small enough that linear probabilities of twelve factors rarely leave [0, 1].
    """
    m = layout.size
    shared, voter, candidate = rng.normal(0, 0.02, m), rng.normal(0, 0.01, (2, 1, m)), rng.normal(0, 0.007, (2, 2, m))
    on = np.isin(layout.factor, divisive)
    opposed = np.where(on, rng.normal(0, 0.035, m), 0) * np.array([-1.0, 1.0])[:, None, None]
    slope = np.where(on, 0.3, 1.0) * shared + voter + candidate + opposed
    return Voters(slope - layout.total(slope) * layout.uniform, own, layout)


def simulate_voters(voters, n_persons, tasks, p_r, rng, personal_sd=0.02):
    """Forced choices of respondents whose own slopes scatter around their party's.

    Returns
    -------
    pairs : Pairs
    clipped : float
        Share of choices whose probability had to be cut to [.01, .99].
    """
    layout = voters.layout
    n, m = n_persons * tasks, layout.size
    person = np.repeat(np.arange(n_persons), tasks)
    voter = (rng.random(n_persons) < p_r).astype(int)[person]
    personal = rng.normal(0, personal_sd, (n_persons, m))
    personal = (personal - layout.total(personal) * layout.uniform)[person]
    x1, x2 = layout.argmax(rng.random((n, m))), layout.argmax(rng.random((n, m)))
    party1, party2 = rng.integers(0, 2, (2, n))
    prob = 0.5 + voters.own * ((party1 == voter).astype(float) - (party2 == voter))
    prob += (x1 * (voters.slope[voter, party1] + personal)).sum(1) - (
        x2 * (voters.slope[voter, party2] + personal)
    ).sum(1)
    y = (rng.random(n) < np.clip(prob, 0.01, 0.99)).astype(float)
    return Pairs(x1, x2, party1, party2, voter, y, person, layout), float(((prob < 0.01) | (prob > 0.99)).mean())
