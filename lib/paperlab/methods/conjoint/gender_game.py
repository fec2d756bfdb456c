"""The gender game of two parties: payoffs, equilibrium, its standard errors, and samples of voters."""

import numpy as np

from paperlab.methods.conjoint.policy import check_penalty


def gender_matrix(general_r, general_d, woman_r, woman_d, p_r):
    """Weighted Republican votes of the four pairings of men and women.

    Parameters
    ----------
    general_r, general_d : ndarray, shape (..., 2, 2)
        P(vote R) of Republican and Democratic voters, rows gender of the Republican (man, woman), columns of the Democrat.
    woman_r, woman_d : ndarray, shape (...)
        Probability that a woman beats a man in each party's primary.
    p_r : float
        Share of Republican voters.

    Returns
    -------
    m : ndarray, shape (..., 2, 2)
        ``p_R a_gh w^R_g + p_D b_gh w^D_h`` with w = chance of an entrant against a field that is half women.
    """
    w_r = np.stack([0.75 - woman_r / 2, 0.25 + woman_r / 2], -1)
    w_d = np.stack([0.75 - woman_d / 2, 0.25 + woman_d / 2], -1)
    return p_r * general_r * w_r[..., :, None] + (1 - p_r) * general_d * w_d[..., None, :]


def bilinear(m):
    """Coefficients c0, c1, c2, c3 of V = c0 + c1 x + c2 y + c3 x y, x and y the probabilities of a man."""
    mm, mf, fm, ff = m[..., 0, 0], m[..., 0, 1], m[..., 1, 0], m[..., 1, 1]
    return ff, mf - ff, fm - ff, mm - mf - fm + ff


def gender_equilibrium(m, lam):
    """Saddle point of ``V - 2 lam (x - .5)^2 + 2 lam (y - .5)^2`` on the unit square.

    Returns
    -------
    x, y : ndarray, shape (...)
        Probability of a man among Republican and Democratic entrants.
    value : ndarray, shape (...)
    """
    check_penalty(lam)
    c0, c1, c2, c3 = bilinear(m)
    x = y = np.full(np.shape(c0), 0.5)
    for _ in range(200):  # best responses are straight lines with slopes c3/(4 lam) and -c3/(4 lam)
        new_x = np.clip(0.5 + (c1 + c3 * y) / (4 * lam), 0, 1)
        new_y = np.clip(0.5 - (c2 + c3 * x) / (4 * lam), 0, 1)
        x, y = (x + new_x) / 2, (y + new_y) / 2
    return x, y, c0 + c1 * x + c2 * y + c3 * x * y


def gender_grid(m, lam, step=0.001):
    """Equilibrium by brute force: the grid point with the smallest sum of gains from deviating, and that sum."""
    check_penalty(lam)
    grid = np.linspace(0, 1, round(1 / step) + 1)
    c0, c1, c2, c3 = bilinear(m)
    v = c0 + c1 * grid[:, None] + c2 * grid[None, :] + c3 * np.outer(grid, grid)
    u = v - 2 * lam * (grid[:, None] - 0.5) ** 2 + 2 * lam * (grid[None, :] - 0.5) ** 2
    gap = u.max(axis=0)[None, :] - u.min(axis=1)[:, None]
    i, j = np.unravel_index(gap.argmin(), gap.shape)
    return grid[i], grid[j], gap[i, j]


def gender_standard_errors(theta, variance, p_r, lam):
    """Delta-method standard errors of the equilibrium by implicit differentiation, -H^{-1} dF/dtheta.

    Parameters
    ----------
    theta : ndarray, shape (..., 10)
        Four cells of Republican voters, four of Democratic voters, the two primary probabilities.
    variance : ndarray, shape (..., 10)
        Sampling variances of the ten independent frequencies.

    Returns
    -------
    se : ndarray, shape (..., 2)
    """

    def game(theta):
        cells = theta[..., :8].reshape(*theta.shape[:-1], 2, 2, 2)
        return gender_matrix(cells[..., 0, :, :], cells[..., 1, :, :], theta[..., 8], theta[..., 9], p_r)

    m = game(theta)
    x, y, _ = gender_equilibrium(m, lam)
    c3 = bilinear(m)[3]
    h = np.stack([np.stack([np.full_like(c3, 4 * lam), -c3], -1), np.stack([c3, np.full_like(c3, 4 * lam)], -1)], -2)
    total = 0
    for k in range(10):
        shift = np.zeros(10)
        shift[k] = 1e-4
        up, down = bilinear(game(theta + shift)), bilinear(game(theta - shift))
        d1, d2, d3 = ((up[c] - down[c]) / 2e-4 for c in (1, 2, 3))
        move = np.linalg.solve(h, np.stack([d1 + d3 * y, -(d2 + d3 * x)], -1)[..., None])[..., 0]
        total = total + move**2 * variance[..., k, None]
    return np.sqrt(total)


def gender_path(m, lam, *, rate, steps, extragradient=True, start=(0.0, 0.0)):
    """Simultaneous ascent and descent on the logits of both parties in the game of one binary factor.

    Unlike `gender_equilibrium` this takes ``lam`` = 0, where simultaneous steps may circle.

    Returns
    -------
    path : ndarray, shape (steps + 1, 2)
        Probabilities of a man among Republican and Democratic entrants.
    """
    _, c1, c2, c3 = bilinear(m)

    def move(logits):
        x, y = 1 / (1 + np.exp(-logits))
        up, down = c1 + c3 * y - 4 * lam * (x - 0.5), -(c2 + c3 * x) - 4 * lam * (y - 0.5)
        return rate * np.array([x * (1 - x) * up, y * (1 - y) * down])

    path = np.empty((steps + 1, 2))
    logits = path[0] = np.array(start, float)
    for t in range(steps):
        step = move(logits)
        logits = path[t + 1] = logits + (move(logits + step) if extragradient else step)
    return 1 / (1 + np.exp(-path))


def best_response_cycle(m, start, limit=20):
    """Length of the cycle in which alternating pure best responses end from one pairing; 1 is a pure equilibrium.

    Parameters
    ----------
    m : ndarray, shape (rows, columns)
        Payoff of the row player, loss of the column player.
    start : tuple of int
    """
    state, seen = tuple(start), {}
    for t in range(limit):
        if state in seen:
            return t - seen[state]
        seen[state] = t
        row = int(m[:, state[1]].argmax())
        state = (row, int(m[row].argmin()))
    raise ValueError(f"limit {limit} is too small for a {m.shape[0]} by {m.shape[1]} game; raise it")


GENERAL_R = np.array([[0.90, 0.95], [0.85, 0.90]])

GENERAL_D = np.array([[0.10, 0.05], [0.15, 0.10]])  # as the authors' script has it, rows and columns as GENERAL_R

WOMAN_R, WOMAN_D = 0.6, 0.45


def gender_truth(p_r):
    """The matrix of the authors' gender game, shape (2, 2)."""
    return gender_matrix(GENERAL_R, GENERAL_D, WOMAN_R, WOMAN_D, p_r)


def gender_sample(p_r, n, reps, rng):
    """Frequencies in ``reps`` samples of n respondents, who each vote once in a general election and once in a primary.

    Party of the respondent and genders of all candidates are drawn at random; a cell nobody saw gets 1/2.

    Returns
    -------
    theta, variance : ndarray, shape (reps, 10)
        Order as in ``conjoint_games.gender_standard_errors``; variances with half a vote added to each answer.
    """
    republicans = rng.binomial(n, p_r, reps)
    theta, variance = np.empty((reps, 10)), np.empty((reps, 10))
    for party, (size, cells) in enumerate(((republicans, GENERAL_R), (n - republicans, GENERAL_D))):
        seen = rng.multinomial(size, [0.25] * 4)
        votes = rng.binomial(seen, cells.ravel())
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
