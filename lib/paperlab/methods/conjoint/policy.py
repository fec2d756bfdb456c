"""Stochastic interventions on conjoint profiles: the average case, its closed form and its delta method.

Page ``conjoint_candidates``. A policy is a product of categorical distributions, one per factor. With the two-way
linear model ``Q(pi) = a + sum beta pi + sum gamma pi pi`` and the penalty ``lam * |pi - p|^2`` over *all* levels the
optimum solves ``C pi = B``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import binary, finite


def check_penalty(lam):
    """Raise ValueError unless every ``lam`` is positive and finite."""
    lam = np.asarray(lam)
    if not (np.isfinite(lam) & (lam > 0)).all():
        raise ValueError(f"lam must be positive, got {lam}; without a penalty the optimum is a corner or not unique")


@dataclass(frozen=True)
class TwoWayModel:
    """Value of a policy, ``Q(pi) = intercept + beta'pi + pi'gamma pi / 2``, for leading batch axes.

    Attributes
    ----------
    intercept : float or ndarray, shape (...)
    beta : ndarray, shape (..., m)
    gamma : ndarray, shape (..., m, m)
        Symmetric, 0 within a factor.

    Raises
    ------
    ValueError
        If a coefficient is not finite, shapes differ, or ``gamma`` is not symmetric.
    """

    intercept: np.ndarray
    beta: np.ndarray
    gamma: np.ndarray

    def __post_init__(self):
        finite("intercept", self.intercept)
        beta, gamma = finite("beta", self.beta, -1), finite("gamma", self.gamma, -2)
        if gamma.shape[-2:] != (beta.shape[-1],) * 2:
            raise ValueError(f"gamma must end in shape {(beta.shape[-1],) * 2}, got {gamma.shape}")
        if np.abs(gamma - np.swapaxes(gamma, -1, -2)).max(initial=0) > 1e-10 * np.abs(gamma).max(initial=0):
            raise ValueError("gamma must be symmetric; put each interaction at (i, j) and at (j, i)")
        object.__setattr__(self, "beta", beta)
        object.__setattr__(self, "gamma", gamma)

    @classmethod
    def from_coef(cls, coef, k):
        """The model of a fit on the columns of `two_way`, k attributes; ``coef`` has shape (..., 1 + k (k + 1) / 2)."""
        coef = np.asarray(coef, float)
        if coef.shape[-1] != 1 + k * (k + 1) // 2:
            raise ValueError(f"coef must have {1 + k * (k + 1) // 2} entries for {k} columns, got {coef.shape[-1]}")
        gamma = np.zeros((*coef.shape[:-1], k, k))
        i, j = np.triu_indices(k, 1)
        gamma[..., i, j] = gamma[..., j, i] = coef[..., 1 + k :]
        return cls(coef[..., 0], coef[..., 1 : 1 + k], gamma)

    def value(self, pi):
        """Q of policies ``pi`` (..., m), shape (...)."""
        pi = np.asarray(pi, float)
        pull = pi @ self.gamma if self.gamma.ndim == 2 else (self.gamma @ pi[..., None])[..., 0]
        return self.intercept + ((self.beta + pull / 2) * pi).sum(-1)


def two_way(x):
    """Columns 1, x, and the products of all pairs of columns, in the order that `TwoWayModel.from_coef` reads.

    Examples
    --------
    >>> two_way(np.array([[2.0, 3.0]]))
    array([[1., 2., 3., 6.]])
    """
    x = finite("x", x)
    i, j = np.triu_indices(x.shape[1], 1)
    return np.hstack([np.ones((len(x), 1)), x, x[:, i] * x[:, j]])


def linear_policy(beta, p, lam, layout):
    """Optimum for main effects only: the projection of ``p + beta / (2 lam)`` on each factor's simplex.

    Parameters
    ----------
    beta : ndarray, shape (..., n_levels)
        Effect of every level (no reference level is needed here).
    p : ndarray, shape (n_levels,)
    lam : float or ndarray that broadcasts against ``beta``
    layout : Layout

    Returns
    -------
    pi : ndarray, shape (..., n_levels)

    Raises
    ------
    ValueError
        If ``lam`` is not positive or an effect is not finite.
    """
    check_penalty(lam)
    return layout.project(p + finite("beta", beta, -1) / (2 * lam))


@dataclass(frozen=True)
class System:
    """First-order conditions ``c pi = b`` of the free levels; shapes (..., m, m) and (..., m)."""

    c: np.ndarray
    b: np.ndarray


def system(model, p, lam, layout):
    """First-order conditions of the penalised value, reference levels eliminated.

    Parameters
    ----------
    model : TwoWayModel
        Of the m non-reference levels.
    p : ndarray, shape (m,)
        Design probabilities of the non-reference levels.
    lam : float
    layout : Layout

    Returns
    -------
    System

    Raises
    ------
    ValueError
        If ``lam`` is not positive, or the model has not one effect for each non-reference level.
    """
    check_penalty(lam)
    factor = layout.factor[layout.free]
    if model.beta.shape[-1] != len(factor) or np.shape(p) != factor.shape:
        raise ValueError(
            f"beta and p must have one entry for each of {len(factor)} non-reference levels, got "
            f"{model.beta.shape} and "
            f"{np.shape(p)}"
        )
    same = factor[:, None] == factor[None, :]
    penalty = 2 * lam * (same + np.eye(len(factor)))
    return System(model.gamma - penalty, -model.beta - penalty @ p)


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


def closed_form(model, p, lam, layout):
    """Solve ``C pi = B``; parameters as in `system`.

    Returns
    -------
    Optimum
        A maximum within the simplex only where ``unique`` and ``inside`` are true.

    Raises
    ------
    ValueError
        As `system`, or if C is singular, so that a whole line of policies solves the conditions.

    Notes
    -----
    Page ``conjoint_candidates``, "Model": ``C = gamma - 2 lam (same factor + I)``,
    ``B = -beta - 2 lam (same factor + I) p``.

    Examples
    --------
    One binary factor with effect 0.1: ``pi = 1/2 + beta / (4 lam)``.

    >>> from paperlab.methods.conjoint.layout import Layout
    >>> closed_form(TwoWayModel(0.0, np.array([0.1]), np.zeros((1, 1))), np.array([0.5]), 0.1, Layout((2,))).pi
    array([0.75])
    """
    conditions = system(model, p, lam, layout)
    eigenvalues = np.linalg.eigvalsh(conditions.c)
    size = np.abs(eigenvalues).max(-1, keepdims=True)
    if (np.abs(eigenvalues) <= 1e-12 * size).any():
        raise ValueError(f"C is singular at lam = {lam}: the optimum is not unique; raise lam")
    inverse = np.linalg.inv(conditions.c)
    pi = np.einsum("...ij,...j->...i", inverse, conditions.b)
    factor = layout.factor[layout.free]
    reference = 1 - np.stack([pi[..., factor == d].sum(-1) for d in range(len(layout.levels))], -1)
    everything = np.concatenate([pi, reference], -1)
    inside = ((everything >= 0) & (everything <= 1)).all(-1)
    return Optimum(pi, model.value(pi), inverse, eigenvalues.max(-1) < 0, inside)


@dataclass(frozen=True)
class PolicyErrors:
    """Standard errors of a policy, ``pi`` (..., m), and of its ``value`` (...)."""

    pi: np.ndarray
    value: np.ndarray


def delta_method(best, model, cov):
    """Standard errors of the closed-form policy and of its value.

    Parameters
    ----------
    best : Optimum
    model : TwoWayModel
        With which ``best`` was found.
    cov : ndarray, shape (..., 1 + m (m + 1) / 2, same)
        Covariance of intercept, effects and interactions, in the order of `two_way`.

    Returns
    -------
    PolicyErrors

    Raises
    ------
    ValueError
        If ``cov`` has another shape or is not finite.

    Notes
    -----
    ``d pi / d beta = -C^-1`` and ``d pi / d gamma_ij = -(C^-1_i pi_j + C^-1_j pi_i)``; page, "Model".
    """
    pi, inv = best.pi, best.inverse
    m = pi.shape[-1]
    cov = finite("cov", cov, -2)
    if cov.shape[-2:] != (1 + m * (m + 1) // 2,) * 2:
        raise ValueError(f"cov must end in shape {(1 + m * (m + 1) // 2,) * 2}, got {cov.shape}")
    i, j = np.triu_indices(m, 1)
    jac = np.concatenate(
        [
            np.zeros((*pi.shape, 1)),
            -inv,
            -(inv[..., i] * pi[..., None, j] + inv[..., j] * pi[..., None, i]),
        ],
        -1,
    )
    slope = model.beta + np.einsum("...ij,...j->...i", model.gamma, pi)
    direct = np.concatenate([np.ones((*pi.shape[:-1], 1)), pi, pi[..., i] * pi[..., j]], -1)
    row = direct + np.einsum("...i,...ik->...k", slope, jac)
    variance = np.einsum("...ik,...ik->...i", jac @ cov, jac)
    return PolicyErrors(np.sqrt(variance), np.sqrt(np.einsum("...k,...kl,...l", row, cov, row)))


def ascend(model, p, lam, layout, *, penalty="l2", start=None, learning_rate=None, n_steps=3000):
    """Gradient ascent on logits, for optima outside the simplex of the closed form or another penalty.

    Parameters
    ----------
    model : TwoWayModel
        Over *all* levels (effects 0 at references if there are such).
    p : ndarray, shape (n_levels,)
        Design probabilities.
    lam : float
    layout : Layout
    penalty : {"l2", "kl"}
        ``lam |pi - p|^2`` or ``lam KL(pi, p)``.
    start : ndarray, optional
        First logits, broadcast against ``beta``; log p if not given.
    learning_rate : float, optional
        One over a bound of the curvature, times 2, if not given.
    n_steps : int

    Returns
    -------
    pi : ndarray, shape (..., n_levels)

    Raises
    ------
    ValueError
        If ``lam`` is not positive or ``penalty`` unknown.
    """
    check_penalty(lam)
    if penalty not in ("l2", "kl"):
        raise ValueError(f"penalty must be l2 or kl, got {penalty!r}")
    beta, gamma = model.beta, model.gamma
    logits = np.broadcast_to(np.log(p) if start is None else start, beta.shape).copy()
    bound = 2 * lam + np.abs(gamma).sum(-1).max()
    rate = 2 / bound if learning_rate is None else learning_rate
    for _ in range(n_steps):
        pi = layout.softmax(logits)
        pull = 2 * lam * (pi - p) if penalty == "l2" else lam * (np.log(np.maximum(pi, 1e-300) / p) + 1)
        grad = beta + np.einsum("...ij,...j->...i", gamma, pi) - pull
        logits += rate * pi * (grad - layout.total(pi * grad))
    return layout.softmax(logits)


def log_probability(policy, profile, layout, floor=1e-3):
    """Log of the probability of a profile, each factor's probability at least ``floor``; shape (...).

    Parameters
    ----------
    policy : ndarray, shape (..., n_levels)
    profile : ndarray of 0 and 1, shape (n_levels,)
    layout : Layout
    floor : float
        In (0, 1).

    Raises
    ------
    ValueError
        If the profile has not one level of each factor.

    Examples
    --------
    >>> from paperlab.methods.conjoint.layout import Layout
    >>> float(log_probability(np.array([0.2, 0.8]), np.array([0, 1]), Layout((2,))).round(4))
    -0.2231
    """
    if not (layout.total(binary("profile", profile)) == 1).all():
        raise ValueError("profile has not one level of each factor; see encode")
    if not 0 < floor < 1:
        raise ValueError(f"floor must lie between 0 and 1, got {floor}")
    chosen = layout.total(finite("policy", policy, -1) * profile)[..., layout.starts]
    return np.log(np.maximum(chosen, floor)).sum(-1)


@dataclass(frozen=True)
class PenaltyChoice:
    """Chosen penalty.

    Attributes
    ----------
    index : int
        Position of the chosen one.
    lam : float
    mean, se : ndarray, shape (n_lams,)
        Held-out share of every penalty, and its standard error over folds.
    """

    index: int
    lam: float
    mean: np.ndarray
    se: np.ndarray


def choose_penalty(lams, shares):
    """Largest penalty whose mean held-out share is within one standard error of the best (1-SE rule).

    Parameters
    ----------
    lams : array, shape (n_lams,)
    shares : ndarray, shape (n_folds, n_lams)
        Two folds or more.

    Returns
    -------
    PenaltyChoice

    Raises
    ------
    ValueError
        If a share is not finite, a penalty is not positive, there is one fold, or shapes differ.

    Examples
    --------
    >>> choose_penalty([0.1, 1.0], [[0.7, 0.69], [0.6, 0.6]]).lam
    1.0
    """
    check_penalty(lams)
    lams, shares = np.asarray(lams, float), finite("shares", shares)
    if shares.ndim != 2 or shares.shape[1:] != lams.shape or len(shares) < 2:
        raise ValueError(f"shares must be (two folds or more, {lams.size} penalties), got shape {shares.shape}")
    mean, se = shares.mean(0), shares.std(0, ddof=1) / np.sqrt(len(shares))
    best = mean.argmax()
    good = np.flatnonzero(mean >= mean[best] - se[best])
    index = int(good[np.argmax(lams[good])])
    return PenaltyChoice(index, float(lams[index]), mean, se)
