"""Equilibria of two parties' policies, and what is left to gain at a point (page ``conjoint_candidates``)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.conjoint.games import distance
from paperlab.methods.conjoint.policy import check_penalty


@dataclass(frozen=True)
class Policies:
    """Policies of both parties.

    Attributes
    ----------
    pi_r, pi_d : ndarray, shape (..., n_levels)
    last_move : ndarray, shape (...)
        Largest change of a probability in the last step: how far from rest the search ended.
    """

    pi_r: np.ndarray
    pi_d: np.ndarray
    last_move: np.ndarray

    def single(self, *index):
        """One pair of policies of a batch, by its place along the leading axes."""
        return Policies(self.pi_r[index], self.pi_d[index], self.last_move[index])


def solve(game, lam, *, n_steps=800, learning_rate=None, extragradient=True):
    """Equilibrium by simultaneous ascent and descent on the logits of both policies, from the design probabilities.

    Parameters
    ----------
    game : Election
    lam : float, or ndarray that broadcasts against the batch
        Price ``lam |pi - p|^2`` of leaving the design.
    n_steps : int
        At least 1.
    learning_rate : float, optional
        Step on the logits; ``2 / (lam + 0.01)`` if not given, since gradients in the policies are of the order of
        ``lam``.
    extragradient : bool
        Take each step with the gradient found one step ahead.

    Returns
    -------
    Policies

    Raises
    ------
    ValueError
        If ``lam`` or ``learning_rate`` is not positive, or there is no step.
    """
    check_penalty(lam)
    if n_steps < 1 or not (learning_rate is None or learning_rate > 0):
        raise ValueError(f"n_steps must be 1 or more and learning_rate above 0, got {n_steps} and {learning_rate}")
    lam = np.asarray(lam, float)[..., None]
    layout, p = game.layout, game.p
    shape = np.broadcast_shapes(lam.shape[:-1], game.intercept.shape[:-1])
    a, b = (np.broadcast_to(np.log(p), (*shape, layout.size)).copy() for _ in range(2))
    rate = 2 / (lam + 0.01) if learning_rate is None else learning_rate

    def direction(a, b):
        pi_r, pi_d = layout.softmax(a), layout.softmax(b)
        outcome = game.outcome(pi_r, pi_d)
        up, down = outcome.grad_r - 2 * lam * (pi_r - p), -outcome.grad_d - 2 * lam * (pi_d - p)
        return pi_r * (up - layout.total(pi_r * up)), pi_d * (down - layout.total(pi_d * down))

    for _ in range(n_steps):
        before = a, b
        da, db = direction(a, b)
        if extragradient:
            da, db = direction(a + rate * da, b + rate * db)
        a, b = a + rate * da, b + rate * db
    pi, last = (layout.softmax(np.stack(logits)) for logits in ((a, b), before))
    return Policies(pi[0], pi[1], np.abs(pi - last).max((0, -1)))


@dataclass(frozen=True)
class BestResponse:
    """Largest penalised payoff ``best`` of one side while the other stays, the payoff ``now``, the policy ``pi``."""

    best: float
    now: float
    pi: np.ndarray


def best_response(game, lam, policies, side, *, rng, n_starts=20, n_steps=1500):
    """Largest penalised payoff one side can reach while the other stays, by projected gradient from many starts.

    Parameters
    ----------
    game : Election
        One game, no batch.
    lam : float
    policies : Policies
        ``pi_r`` and ``pi_d`` of shape (n_levels,).
    side : {"R", "D"}
    rng : numpy.random.Generator
        Draws the corners from which the search starts, beside the present policy, the design and a point beyond.
    n_starts, n_steps : int

    Returns
    -------
    BestResponse

    Raises
    ------
    ValueError
        If ``lam`` is not positive, ``side`` is unknown, or the game is a batch.
    """
    check_penalty(lam)
    if side not in ("R", "D"):
        raise ValueError(f"side must be R or D, got {side!r}")
    layout, p = game.layout, game.p
    own, other = (policies.pi_r, policies.pi_d) if side == "R" else (policies.pi_d, policies.pi_r)
    if own.shape != (layout.size,) or other.shape != (layout.size,) or game.intercept.shape != (2,):
        raise ValueError(
            f"policies and game must be one, without batch axes, got {own.shape} and {game.intercept.shape}"
        )
    corners = layout.argmax(rng.random((n_starts, layout.size)))
    pi = np.vstack([own, p, layout.project(p + (own - p) * 3), corners])
    fixed = np.broadcast_to(other, pi.shape)

    def payoff(pi):
        outcome = game.outcome(pi, fixed) if side == "R" else game.outcome(fixed, pi)
        sign, grad = (1, outcome.grad_r) if side == "R" else (-1, outcome.grad_d)
        return sign * outcome.value - lam * distance(pi, p), sign * grad - 2 * lam * (pi - p)

    now, moved = payoff(pi)[0], pi
    for _ in range(n_steps):
        moved = layout.project(moved + payoff(moved)[1] / (2 * lam + 0.3))
    reached, tried = np.concatenate([now, payoff(moved)[0]]), np.vstack([pi, moved])
    best = reached.argmax()
    return BestResponse(float(reached[best]), float(now[0]), tried[best])


def exploitability(game, lam, policies, *, rng, n_starts=20, n_steps=1500):
    """What the two sides together could still gain by best responses in the penalised game; 0 in equilibrium.

    Parameters
    ----------
    game, lam, policies, rng, n_starts, n_steps
        As `best_response`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `best_response`.
    """
    found = [best_response(game, lam, policies, side, rng=rng, n_starts=n_starts, n_steps=n_steps) for side in "RD"]
    return sum(response.best - response.now for response in found)


def separate_equilibrium(game, lam, *, rng, n_starts=20, n_steps=1500):
    """Equilibrium of a game with the linear link: both best responses, which do not depend on the opponent.

    Projected gradient steps reach probabilities of zero, which the logits of `solve` only approach, and many starts
    find the higher of several local optima, which interactions may have.

    Parameters
    ----------
    game : Election
        One game with the linear link, no batch.
    lam, rng, n_starts, n_steps
        As `best_response`.

    Returns
    -------
    Policies
        ``last_move`` is the distance, in the largest probability, from what `solve` gives.

    Raises
    ------
    ValueError
        If the link is not linear, or as `best_response`.
    """
    if game.link != "linear":
        raise ValueError(
            f"link must be linear, got {game.link!r}: with another link best responses depend on the opponent"
        )
    near = solve(game, lam)
    pi_r, pi_d = (best_response(game, lam, near, side, rng=rng, n_starts=n_starts, n_steps=n_steps).pi for side in "RD")
    move = max(np.abs(pi_r - near.pi_r).max(), np.abs(pi_d - near.pi_d).max())
    return Policies(pi_r, pi_d, np.asarray(move))
