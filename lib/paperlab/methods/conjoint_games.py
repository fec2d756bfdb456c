"""Two parties choose candidate policies against each other: elections with primaries, and the game of one binary factor.

Page ``conjoint_candidates``. Player A (Republicans) raises the share, player B (Democrats) lowers it; both pay for leaving the
design probabilities. Everything is batched over leading axes (bootstrap draws, penalties).
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from paperlab.methods.conjoint import Layout
from paperlab.methods.conjoint_policy import check_penalty


@dataclass(frozen=True)
class Election:
    """A general election between candidates drawn from two policies, optionally after primaries.

    Attributes
    ----------
    intercept : ndarray, shape (..., 2)
        Republican share among Democratic and Republican voters when both candidates are drawn from the design.
    slope_r, slope_d : ndarray, shape (..., 2, n_levels)
        Effect of a level of the Republican on his share, of the Democrat on hers, by party of the voter.
    weight : ndarray, shape (2,)
        Share of Democratic and Republican voters.
    primary_r, primary_d : ndarray of shape (..., n_levels), or None
        Effect of a level on winning a primary against a field candidate from the design; None for no primaries.
    p : ndarray, shape (n_levels,)
    layout : Layout
    link : {"linear", "logit"}
        With "logit" intercept and slopes are on the logit scale; means over profiles use the logistic-normal approximation.
    """

    intercept: np.ndarray
    slope_r: np.ndarray
    slope_d: np.ndarray
    weight: np.ndarray
    primary_r: np.ndarray | None
    primary_d: np.ndarray | None
    p: np.ndarray
    layout: Layout
    link: str = "linear"

    def without_primaries(self):
        """The same electorate, entrants nominated without a vote."""
        return replace(self, primary_r=None, primary_d=None)

    @cached_property
    def _summed(self):
        """Intercept and slopes averaged over the electorate: all that the linear link needs."""
        w = self.weight
        return (w * self.intercept).sum(-1), *((w[:, None] * s).sum(-2) for s in (self.slope_r, self.slope_d))

    def _mean(self, mean, spread):
        """Mean of the logistic function of a normal predictor; derivatives with respect to its mean and variance."""
        shrink = 1 / np.sqrt(1 + np.pi * spread / 8)
        value = 1 / (1 + np.exp(-mean * shrink))
        slope = value * (1 - value)
        return value, slope * shrink, slope * mean * (-np.pi / 16) * shrink**3

    def _moments(self, slope, pi):
        """Centred mean and variance of slope'x, x from a policy, and gradient of the variance."""
        expected = self.layout.total(slope * pi)
        mean = (slope * (pi - self.p)).sum(-1)
        spread = (slope**2 * pi).sum(-1) - (expected[..., self.layout.starts] ** 2).sum(-1)
        return mean, spread, slope**2 - 2 * expected * slope

    def share(self, pi_r, pi_d):
        """Republican share in the general election, with gradients.

        Parameters
        ----------
        pi_r, pi_d : ndarray, shape (..., n_levels)

        Returns
        -------
        value : ndarray, shape (...)
        grad_r, grad_d : ndarray, shape (..., n_levels)
        """
        if self.link == "linear":
            level, slope_r, slope_d = self._summed
            value = level + (slope_r * (pi_r - self.p)).sum(-1) - (slope_d * (pi_d - self.p)).sum(-1)
            return value, slope_r, -slope_d
        mean_r, var_r, dvar_r = self._moments(self.slope_r, pi_r[..., None, :])
        mean_d, var_d, dvar_d = self._moments(self.slope_d, pi_d[..., None, :])
        value, by_mean, by_var = self._mean(self.intercept + mean_r - mean_d, var_r + var_d)
        w = self.weight
        grad_r = ((w * by_mean)[..., None] * self.slope_r + (w * by_var)[..., None] * dvar_r).sum(-2)
        grad_d = (-(w * by_mean)[..., None] * self.slope_d + (w * by_var)[..., None] * dvar_d).sum(-2)
        return (w * value).sum(-1), grad_r, grad_d

    def nomination(self, pi, slope):
        """Probability that an entrant from ``pi`` beats the field in a primary, and its gradient."""
        if slope is None:
            return np.ones(pi.shape[:-1]), np.zeros_like(pi)
        if self.link == "linear":
            return 0.5 + (slope * (pi - self.p)).sum(-1), slope
        mean, var, dvar = self._moments(slope, pi)
        _, field, _ = self._moments(slope, np.broadcast_to(self.p, pi.shape))
        value, by_mean, by_var = self._mean(mean, var + field)
        return value, by_mean[..., None] * slope + by_var[..., None] * dvar

    def quadrants(self, pi_r, pi_d):
        """Probability and Republican share of the four general elections, shapes (..., 4).

        Order: both entrants nominated; only the Republican entrant; only the Democratic one; neither.
        """
        k_r, _ = self.nomination(pi_r, self.primary_r)
        k_d, _ = self.nomination(pi_d, self.primary_d)
        field = np.broadcast_to(self.p, pi_r.shape)
        sides = [(pi_r, pi_d), (pi_r, field), (field, pi_d), (field, field)]
        chance = np.stack([k_r * k_d, k_r * (1 - k_d), (1 - k_r) * k_d, (1 - k_r) * (1 - k_d)], -1)
        return chance, np.stack([self.share(*side)[0] for side in sides], -1)

    def outcome(self, pi_r, pi_d):
        """Expected Republican share over nominations ("linearised" push-forward), with gradients, as `share`."""
        if self.primary_r is None:
            return self.share(pi_r, pi_d)
        k_r, dk_r = self.nomination(pi_r, self.primary_r)
        k_d, dk_d = self.nomination(pi_d, self.primary_d)
        field = np.broadcast_to(self.p, pi_r.shape)
        both, both_r, both_d = self.share(pi_r, pi_d)
        only_r, only_r_grad, _ = self.share(pi_r, field)
        only_d, _, only_d_grad = self.share(field, pi_d)
        none = self.share(field, field)[0]
        value = k_r * k_d * both + k_r * (1 - k_d) * only_r + (1 - k_r) * k_d * only_d + (1 - k_r) * (1 - k_d) * none
        by_r, by_d = (
            k_d * (both - only_d) + (1 - k_d) * (only_r - none),
            k_r * (both - only_r) + (1 - k_r) * (only_d - none),
        )
        k_r, k_d = k_r[..., None], k_d[..., None]
        grad_r = by_r[..., None] * dk_r + k_r * (k_d * both_r + (1 - k_d) * only_r_grad)
        grad_d = by_d[..., None] * dk_d + k_d * (k_r * both_d + (1 - k_r) * only_d_grad)
        return value, grad_r, grad_d


def distance(pi, p):
    """Penalty |pi - p|^2."""
    return ((pi - p) ** 2).sum(-1)


def solve(game, lam, *, steps=800, rate=None, extragradient=True, batch=()):
    """Simultaneous ascent and descent on the logits of both policies, from the design probabilities.

    Parameters
    ----------
    game : Election
    lam : float, or ndarray that broadcasts against the batch
    rate : float, optional
        Step on the logits; ``2 / (lam + 0.01)`` if not given, since gradients in the policies are of the order of ``lam``.
    extragradient : bool
        Take each step with the gradient found one step ahead.
    batch : tuple
        Shape of the leading axes if ``lam`` or the slopes do not show it.

    Returns
    -------
    pi_r, pi_d : ndarray, shape (..., n_levels)
    """
    check_penalty(lam)
    lam = np.asarray(lam, float)[..., None]
    layout, p = game.layout, game.p
    shape = np.broadcast_shapes(lam.shape[:-1], game.intercept.shape[:-1], batch)
    a, b = (np.broadcast_to(np.log(p), (*shape, layout.size)).copy() for _ in range(2))
    rate = 2 / (lam + 0.01) if rate is None else rate

    def direction(a, b):
        pi_r, pi_d = layout.softmax(a), layout.softmax(b)
        _, up, down = game.outcome(pi_r, pi_d)
        up, down = up - 2 * lam * (pi_r - p), -down - 2 * lam * (pi_d - p)
        return pi_r * (up - layout.total(pi_r * up)), pi_d * (down - layout.total(pi_d * down))

    for _ in range(steps):
        da, db = direction(a, b)
        if extragradient:
            da, db = direction(a + rate * da, b + rate * db)
        a, b = a + rate * da, b + rate * db
    return layout.softmax(a), layout.softmax(b)


def solve_projected(game, lam, pi_r, pi_d, *, steps=4000):
    """Simultaneous projected gradient steps from a given point; reaches zero probabilities, which logits only approach.

    Parameters
    ----------
    pi_r, pi_d : ndarray, shape (n_levels,)
        First guess, e.g. from `solve`; one game, no batch.

    Returns
    -------
    pi_r, pi_d : ndarray, shape (n_levels,)
    """
    check_penalty(lam)
    layout, p = game.layout, game.p
    rate = 1 / (2 * lam + 0.3)
    for _ in range(steps):
        _, up, down = game.outcome(pi_r, pi_d)
        pi_r, pi_d = (
            layout.project(pi_r + rate * (up - 2 * lam * (pi_r - p))),
            layout.project(pi_d + rate * (-down - 2 * lam * (pi_d - p))),
        )
    return pi_r, pi_d


def best_response(game, lam, pi_r, pi_d, side, *, starts=20, steps=1500, rng=None):
    """Largest penalised payoff one side can reach while the other stays, by projected gradient from many starts.

    Parameters
    ----------
    pi_r, pi_d : ndarray, shape (n_levels,)
        One game, no batch.
    side : {"R", "D"}

    Returns
    -------
    payoff, now : float
        Best payoff found, and the payoff at the given point.
    """
    check_penalty(lam)
    layout, p = game.layout, game.p
    rng = np.random.default_rng(0) if rng is None else rng
    own, other = (pi_r, pi_d) if side == "R" else (pi_d, pi_r)
    corners = layout.argmax(rng.random((starts, layout.size)))
    pi = np.vstack([own, p, layout.project(p + (own - p) * 3), corners])
    fixed = np.broadcast_to(other, pi.shape)

    def payoff(pi):
        value, up, down = game.outcome(pi, fixed) if side == "R" else game.outcome(fixed, pi)
        sign, grad = (1, up) if side == "R" else (-1, down)
        return sign * value - lam * distance(pi, p), sign * grad - 2 * lam * (pi - p)

    now = payoff(pi)[0][0]
    for _ in range(steps):
        pi = layout.project(pi + payoff(pi)[1] / (2 * lam + 0.3))
    return payoff(pi)[0].max(), now


def exploitability(game, lam, pi_r, pi_d, **options):
    """What the two sides together could still gain by best responses in the penalised game; a float."""
    gains = [np.subtract(*best_response(game, lam, pi_r, pi_d, side, **options)) for side in "RD"]
    return float(sum(gains))


# One binary factor: the gender game of the authors' simulation


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
