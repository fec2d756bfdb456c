"""Stochastic interventions on conjoint profiles: the average case, its closed form and its delta method.

Page ``conjoint_candidates``. A policy is a product of categorical distributions, one per factor. With the two-way linear
model ``Q(pi) = a + sum beta pi + sum gamma pi pi`` and the penalty ``lam * |pi - p|^2`` over *all* levels the optimum
solves ``C pi = B``.
"""

from dataclasses import dataclass

import numpy as np


def check_penalty(lam):
    """Raise ValueError unless every ``lam`` is positive."""
    if np.any(np.asarray(lam) <= 0):
        raise ValueError(f"lam must be positive, got {lam}; without a penalty the optimum is a corner or not unique")


def linear_policy(beta, p, lam, layout):
    """Optimum for main effects only: the projection of ``p + beta / (2 lam)`` on each factor's simplex.

    Parameters
    ----------
    beta : ndarray, shape (..., n_levels)
        Effect of every level (no reference level is needed here).
    p : ndarray, shape (n_levels,)
    lam : float or ndarray that broadcasts against ``beta``

    Returns
    -------
    pi : ndarray, shape (..., n_levels)
    """
    check_penalty(lam)
    return layout.project(p + beta / (2 * lam))


def system(beta, gamma, p, lam, layout):
    """Matrix C and right side B of the first-order conditions, reference levels eliminated.

    Parameters
    ----------
    beta : ndarray, shape (..., m)
        Effects of the m non-reference levels.
    gamma : ndarray, shape (..., m, m)
        Interactions, symmetric, 0 within a factor.
    p : ndarray, shape (m,)
        Design probabilities of the non-reference levels.
    """
    check_penalty(lam)
    factor = layout.factor[layout.free]
    same = factor[:, None] == factor[None, :]
    penalty = 2 * lam * (same + np.eye(len(factor)))
    return gamma - penalty, -beta - penalty @ p


@dataclass(frozen=True)
class Optimum:
    """Closed-form policy.

    Attributes
    ----------
    pi : ndarray, shape (..., m)
        Probabilities of the non-reference levels, not clipped.
    value : ndarray, shape (...)
        Q without the penalty.
    inverse : ndarray, shape (..., m, m)
        Inverse of C.
    unique : ndarray of bool, shape (...)
        C is negative definite.
    inside : ndarray of bool, shape (...)
        ``pi`` and the reference levels lie in [0, 1].
    """

    pi: np.ndarray
    value: np.ndarray
    inverse: np.ndarray
    unique: np.ndarray
    inside: np.ndarray


def quadratic_value(a, beta, gamma, pi):
    """Q = a + beta'pi + pi'gamma pi / 2."""
    return a + np.einsum("...i,...i", beta, pi) + np.einsum("...i,...ij,...j", pi, gamma, pi) / 2


def closed_form(a, beta, gamma, p, lam, layout):
    """Solve ``C pi = B``; arguments as in `system`, intercept ``a`` of shape (...)."""
    c, b = system(beta, gamma, p, lam, layout)
    inverse = np.linalg.inv(c)
    pi = np.einsum("...ij,...j->...i", inverse, b)
    factor = layout.factor[layout.free]
    reference = 1 - np.stack([pi[..., factor == d].sum(-1) for d in range(len(layout.levels))], -1)
    everything = np.concatenate([pi, reference], -1)
    inside = ((everything >= 0) & (everything <= 1)).all(-1)
    unique = np.linalg.eigvalsh(c).max(-1) < 0
    return Optimum(pi, quadratic_value(a, beta, gamma, pi), inverse, unique, inside)


def delta_method(best, beta, gamma, cov, pairs):
    """Standard errors of the closed-form policy and of its value.

    Parameters
    ----------
    best : Optimum
    beta, gamma : ndarray, shapes (..., m) and (..., m, m)
    cov : ndarray, shape (..., 1 + m + n_pairs, 1 + m + n_pairs)
        Covariance of intercept, effects, and interactions in the order of ``pairs``.
    pairs : tuple of two int arrays, shape (n_pairs,)
        Rows and columns of the interactions.

    Returns
    -------
    se_pi : ndarray, shape (..., m)
    se_value : ndarray, shape (...)
    """
    i, j = pairs
    pi, inv = best.pi, best.inverse
    jac = np.concatenate(
        [
            np.zeros((*pi.shape, 1)),
            -inv,
            -(inv[..., i] * pi[..., None, j] + inv[..., j] * pi[..., None, i]),
        ],
        -1,
    )
    slope = beta + np.einsum("...ij,...j->...i", gamma, pi)
    direct = np.concatenate([np.ones((*pi.shape[:-1], 1)), pi, pi[..., i] * pi[..., j]], -1)
    row = direct + np.einsum("...i,...ik->...k", slope, jac)
    variance = np.einsum("...ik,...ik->...i", jac @ cov, jac)
    return np.sqrt(variance), np.sqrt(np.einsum("...k,...kl,...l", row, cov, row))


def ascend(beta, gamma, p, lam, layout, *, penalty="l2", start=None, rate=None, steps=3000):
    """Gradient ascent on logits, for optima outside the simplex of the closed form or another penalty.

    Parameters
    ----------
    beta, gamma : ndarray, shapes (..., n_levels) and (..., n_levels, n_levels)
        Effects over *all* levels (0 at references if there are such).
    penalty : {"l2", "kl"}
        ``lam |pi - p|^2`` or ``lam KL(pi, p)``.
    start : ndarray, optional
        First logits; log p if not given.

    Returns
    -------
    pi : ndarray, shape (..., n_levels)
    """
    check_penalty(lam)
    if penalty not in ("l2", "kl"):
        raise ValueError(f"penalty must be l2 or kl, got {penalty!r}")
    logits = np.broadcast_to(np.log(p) if start is None else start, beta.shape).copy()
    bound = 2 * lam + np.abs(gamma).sum(-1).max()
    rate = 2 / bound if rate is None else rate
    for _ in range(steps):
        pi = layout.softmax(logits)
        pull = 2 * lam * (pi - p) if penalty == "l2" else lam * (np.log(np.maximum(pi, 1e-300) / p) + 1)
        grad = beta + np.einsum("...ij,...j->...i", gamma, pi) - pull
        logits += rate * pi * (grad - layout.total(pi * grad))
    return layout.softmax(logits)


def log_probability(policy, profile, layout, floor=1e-3):
    """Log of the probability of a profile, each factor's probability at least ``floor``; shape (...)."""
    chosen = layout.total(policy * profile)[..., layout.starts]
    return np.log(np.maximum(chosen, floor)).sum(-1)


def choose_penalty(lams, shares):
    """Largest penalty whose mean held-out share is within one standard error of the best (1-SE rule).

    Parameters
    ----------
    lams : array, shape (n_lams,)
    shares : ndarray, shape (n_folds, n_lams)

    Returns
    -------
    index : int
    mean, se : ndarray, shape (n_lams,)
    """
    mean = shares.mean(0)
    se = shares.std(0, ddof=1) / np.sqrt(len(shares))
    best = mean.argmax()
    good = np.flatnonzero(mean >= mean[best] - se[best])
    return int(good[np.argmax(np.asarray(lams)[good])]), mean, se
