"""The game of one binary factor: payoffs, saddle point and standard errors, gradient paths, samples of voters.

Page ``conjoint_candidates``. Republicans put up a man with probability ``x``, Democrats with probability ``y``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from paperlab.methods.conjoint.policy import check_penalty
from paperlab.methods.foundations.checks import finite

# The authors' script: P(vote R) of Republican and of Democratic voters, rows gender of the Republican (man, woman),
# columns of the Democrat; and the probability that a woman beats a man in each party's primary.
AUTHORS = (np.array([[0.90, 0.95], [0.85, 0.90]]), np.array([[0.10, 0.05], [0.15, 0.10]]))
COUPLED = (
    np.array([[0.90, 0.80], [0.80, 0.90]]),
    np.array([[0.20, 0.10], [0.10, 0.20]]),
)  # ours: mixed pairings are punished
WOMAN_R, WOMAN_D = 0.6, 0.45


def payoff_matrix(general_r, general_d, woman_r, woman_d, p_r):
    """Weighted Republican votes of the four pairings of men and women.

    Parameters
    ----------
    general_r, general_d : ndarray, shape (..., 2, 2)
        P(vote R) of Republican and Democratic voters, rows gender of the Republican (man, woman), columns of the
        Democrat.
    woman_r, woman_d : ndarray, shape (...)
        Probability that a woman beats a man in each party's primary.
    p_r : float
        Share of Republican voters.

    Returns
    -------
    m : ndarray, shape (..., 2, 2)
        ``p_R a_gh w^R_g + p_D b_gh w^D_h`` with w = chance of an entrant against a field that is half women.

    Raises
    ------
    ValueError
        If a probability is not in [0, 1].
    """
    arguments = {"general_r": general_r, "general_d": general_d, "woman_r": woman_r, "woman_d": woman_d, "p_r": p_r}
    for name, values in arguments.items():
        values = finite(name, values)
        if ((values < 0) | (values > 1)).any():
            raise ValueError(f"{name} must lie in [0, 1], got {values.min():g} to {values.max():g}; give probabilities")
    return _payoffs(general_r, general_d, woman_r, woman_d, p_r)


def _payoffs(general_r, general_d, woman_r, woman_d, p_r):
    w_r = np.stack([0.75 - woman_r / 2, 0.25 + woman_r / 2], -1)
    w_d = np.stack([0.75 - woman_d / 2, 0.25 + woman_d / 2], -1)
    return p_r * general_r * w_r[..., :, None] + (1 - p_r) * general_d * w_d[..., None, :]


def true_matrix(p_r, votes=AUTHORS):
    """Payoffs with a share ``p_r`` of Republican voters, shape (2, 2); the authors' game unless ``votes`` are given."""
    return payoff_matrix(*votes, np.array(WOMAN_R), np.array(WOMAN_D), p_r)


@dataclass(frozen=True)
class Bilinear:
    """Republican votes ``V = c0 + c1 x + c2 y + c3 x y``; coefficients of shape (...)."""

    c0: np.ndarray
    c1: np.ndarray
    c2: np.ndarray
    c3: np.ndarray

    def value(self, x, y):
        """V at probabilities ``x`` and ``y`` of a man."""
        return self.c0 + self.c1 * x + self.c2 * y + self.c3 * x * y


def bilinear(m):
    """Payoffs (..., 2, 2) as a `Bilinear` form of the probabilities of a man.

    Raises
    ------
    ValueError
        If a payoff is not finite, or ``m`` does not end in shape (2, 2).

    Examples
    --------
    >>> form = bilinear(np.array([[4.0, 3.0], [2.0, 0.0]]))
    >>> float(form.value(1, 1)), float(form.value(0, 1))
    (4.0, 2.0)
    """
    m = finite("m", m, -2)
    if m.shape[-2:] != (2, 2):
        raise ValueError(f"m must end in shape (2, 2), men and women of either party, got {m.shape}")
    mm, mf, fm, ff = m[..., 0, 0], m[..., 0, 1], m[..., 1, 0], m[..., 1, 1]
    return Bilinear(ff, mf - ff, fm - ff, mm - mf - fm + ff)


@dataclass(frozen=True)
class Saddle:
    """Probabilities ``x`` and ``y`` of a man among Republican and Democratic entrants, and V there; shapes (...)."""

    x: np.ndarray
    y: np.ndarray
    value: np.ndarray


def equilibrium(m, lam):
    """Saddle point of ``V - 2 lam (x - .5)^2 + 2 lam (y - .5)^2`` on the unit square.

    Parameters
    ----------
    m : ndarray, shape (..., 2, 2)
        Payoffs, see `payoff_matrix`.
    lam : float
        Price of leaving even chances.

    Returns
    -------
    Saddle

    Raises
    ------
    ValueError
        If ``lam`` is not positive or a payoff not finite.

    Notes
    -----
    Best responses are ``x = .5 + (c1 + c3 y) / (4 lam)`` and ``y = .5 - (c2 + c3 x) / (4 lam)``, cut to [0, 1]. One
    after the other they map x to a value that falls in x, so there is one fixed point, found by bisection.

    Examples
    --------
    >>> point = equilibrium(np.array([[1.0, -1.0], [-1.0, 1.0]]), lam=0.01)  # matching pennies
    >>> float(point.x), float(point.y), float(point.value)
    (0.5, 0.5, 0.0)
    """
    check_penalty(lam)
    form = bilinear(m)

    def reply(x):
        return np.clip(0.5 - (form.c2 + form.c3 * x) / (4 * lam), 0, 1)

    low, high = np.zeros(np.shape(form.c0)), np.ones(np.shape(form.c0))
    for _ in range(60):
        x = (low + high) / 2
        above = np.clip(0.5 + (form.c1 + form.c3 * reply(x)) / (4 * lam), 0, 1) >= x
        low, high = np.where(above, x, low), np.where(above, high, x)
    x = np.where(low == 0, 0.0, np.where(high == 1, 1.0, (low + high) / 2))
    y = reply(x)
    return Saddle(x, y, form.value(x, y))


@dataclass(frozen=True)
class GridSaddle:
    """Grid point ``x``, ``y`` with the smallest sum of gains from deviating, and that sum, ``gap``."""

    x: float
    y: float
    gap: float


def grid_equilibrium(m, lam, step=0.001):
    """Saddle point by brute force on a grid of the unit square.

    Parameters
    ----------
    m : ndarray, shape (2, 2)
    lam : float
    step : float
        Width of the grid, a fraction of 1.

    Returns
    -------
    GridSaddle

    Raises
    ------
    ValueError
        If ``lam`` or ``step`` is not positive.
    """
    check_penalty(lam)
    if not 0 < step <= 0.5:
        raise ValueError(f"step must lie in (0, 0.5], got {step}")
    grid = np.linspace(0, 1, round(1 / step) + 1)
    u = (
        bilinear(m).value(grid[:, None], grid)
        - 2 * lam * (grid[:, None] - 0.5) ** 2
        + 2 * lam * (grid[None, :] - 0.5) ** 2
    )
    gap = u.max(axis=0)[None, :] - u.min(axis=1)[:, None]
    i, j = np.unravel_index(gap.argmin(), gap.shape)
    return GridSaddle(float(grid[i]), float(grid[j]), float(gap[i, j]))


@dataclass(frozen=True)
class Frequencies:
    """What samples of voters show of the game.

    Attributes
    ----------
    theta : ndarray, shape (..., 10)
        Four cells of Republican voters, four of Democratic voters, the two primary probabilities.
    variance : ndarray, shape (..., 10)
        Sampling variances of the ten independent frequencies.
    """

    theta: np.ndarray
    variance: np.ndarray

    def matrix(self, p_r):
        """Estimated payoffs for a share ``p_r`` of Republican voters, shape (..., 2, 2)."""
        return payoff_matrix(*_cells(self.theta), p_r)


def _cells(theta):
    cells = theta[..., :8].reshape(*theta.shape[:-1], 2, 2, 2)
    return cells[..., 0, :, :], cells[..., 1, :, :], theta[..., 8], theta[..., 9]


def standard_errors(frequencies, p_r, lam):
    """Delta-method standard errors of the equilibrium by implicit differentiation, -H^{-1} dF/dtheta.

    Parameters
    ----------
    frequencies : Frequencies
    p_r : float
        Share of Republican voters.
    lam : float

    Returns
    -------
    se : ndarray, shape (..., 2)
        Of the Republican and the Democratic probability of a man.

    Raises
    ------
    ValueError
        If ``lam`` is not positive, a frequency is not in [0, 1], or a variance is negative.

    Warns
    -----
    UserWarning
        If an equilibrium lies at 0 or 1: there the delta method does not hold.
    """
    theta, variance = finite("theta", frequencies.theta), finite("variance", frequencies.variance)
    if theta.shape[-1:] != (10,) or variance.shape != theta.shape or (variance < 0).any():
        raise ValueError(f"theta and variance must be (..., 10), not negative, got {theta.shape} and {variance.shape}")
    m = frequencies.matrix(p_r)
    saddle = equilibrium(m, lam)
    at_bound = np.isin(saddle.x, (0, 1)) | np.isin(saddle.y, (0, 1))
    if at_bound.any():
        warnings.warn(
            f"{at_bound.sum()} of {at_bound.size} equilibria have a probability of 0 or 1; their standard "
            f"errors do not hold",
            stacklevel=2,
        )
    c3 = bilinear(m).c3
    h = np.stack([np.stack([np.full_like(c3, 4 * lam), -c3], -1), np.stack([c3, np.full_like(c3, 4 * lam)], -1)], -2)
    total = 0
    for k in range(10):
        shift = np.zeros(10)
        shift[k] = 1e-4
        up, down = (bilinear(_payoffs(*_cells(moved), p_r)) for moved in (theta + shift, theta - shift))
        d1, d2, d3 = ((getattr(up, c) - getattr(down, c)) / 2e-4 for c in ("c1", "c2", "c3"))
        move = np.linalg.solve(h, np.stack([d1 + d3 * saddle.y, -(d2 + d3 * saddle.x)], -1)[..., None])[..., 0]
        total = total + move**2 * variance[..., k, None]
    return np.sqrt(total)


def gradient_path(m, lam, *, learning_rate, n_steps, extragradient=True, start=(0.0, 0.0)):
    """Simultaneous ascent and descent on the logits of both parties.

    Unlike `equilibrium` this takes ``lam`` = 0, where simultaneous steps may circle.

    Parameters
    ----------
    m : ndarray, shape (2, 2)
    lam : float
        Not negative.
    learning_rate : float
        Above 0.
    n_steps : int
    extragradient : bool
        Take each step with the gradient found one step ahead.
    start : tuple of float
        First logits.

    Returns
    -------
    path : ndarray, shape (n_steps + 1, 2)
        Probabilities of a man among Republican and Democratic entrants.

    Raises
    ------
    ValueError
        If ``lam`` is negative or ``learning_rate`` not positive.
    """
    if not (lam >= 0 and learning_rate > 0):
        raise ValueError(f"lam must be 0 or more and learning_rate above 0, got {lam} and {learning_rate}")
    form = bilinear(m)

    def move(logits):
        x, y = expit(logits)
        up = form.c1 + form.c3 * y - 4 * lam * (x - 0.5)
        down = -(form.c2 + form.c3 * x) - 4 * lam * (y - 0.5)
        return learning_rate * np.array([x * (1 - x) * up, y * (1 - y) * down])

    path = np.empty((n_steps + 1, 2))
    logits = path[0] = np.array(start, float)
    for t in range(n_steps):
        step = move(logits)
        logits = path[t + 1] = logits + (move(logits + step) if extragradient else step)
    return expit(path)


def best_response_cycle(m, start):
    """Length of the cycle in which alternating pure best responses end from one pairing; 1 is a pure equilibrium.

    Parameters
    ----------
    m : ndarray, shape (rows, columns)
        Payoff of the row player, loss of the column player.
    start : tuple of int

    Returns
    -------
    int

    Examples
    --------
    >>> best_response_cycle(np.array([[1, -1], [-1, 1]]), (0, 0))  # matching pennies
    2
    """
    m = finite("m", m)
    state, seen = tuple(start), {}
    while state not in seen:  # there are only rows times columns pairings
        seen[state] = len(seen)
        row = int(m[:, state[1]].argmax())
        state = (row, int(m[row].argmin()))
    return len(seen) - seen[state]


def sample(p_r, n, n_replications, *, rng, votes=AUTHORS):
    """Frequencies in samples of n respondents, who each vote once in a general election and once in a primary.

    Party of the respondent and genders of all candidates are drawn at random.

    Parameters
    ----------
    p_r : float
        Share of Republican voters, in (0, 1).
    n, n_replications : int
        Respondents in a sample, and samples.
    rng : numpy.random.Generator
    votes : tuple of ndarray, each of shape (2, 2)
        P(vote R) of Republican and of Democratic voters, as `AUTHORS`.

    Returns
    -------
    Frequencies
        With leading axis ``n_replications``; half a vote is added to each answer in the variances.

    Raises
    ------
    ValueError
        If ``p_r`` is not between 0 and 1, or a sample shows a pairing to nobody, so that its cell is not identified.
    """
    if not 0 < p_r < 1:
        raise ValueError(f"p_r must lie between 0 and 1, got {p_r}; it is the share of Republican voters")
    republicans = rng.binomial(n, p_r, n_replications)
    theta, variance = np.empty((n_replications, 10)), np.empty((n_replications, 10))
    for party, (size, cells) in enumerate(zip((republicans, n - republicans), votes, strict=True)):
        seen = rng.multinomial(size, [0.25] * 4)
        votes = rng.binomial(seen, cells.ravel())
        block = slice(4 * party, 4 * party + 4)
        theta[:, block], variance[:, block] = _frequency(votes, seen)
        mixed = rng.binomial(size, 0.5)
        won = rng.binomial(mixed, (WOMAN_R, WOMAN_D)[party])
        theta[:, 8 + party], variance[:, 8 + party] = _frequency(won, mixed)
    return Frequencies(theta, variance)


def _frequency(hits, total):
    if (total == 0).any():
        raise ValueError(
            "n is too small: in a sample nobody saw one of the pairings, so its cell is not identified; raise n"
        )
    smooth = (hits + 0.5) / (total + 1)
    return hits / total, smooth * (1 - smooth) / total
