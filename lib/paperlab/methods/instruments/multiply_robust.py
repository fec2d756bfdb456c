"""Average treatment effect from a binary instrument that may act on the outcome directly.

Every function takes stacks: outcome, treatment and instrument have shape ``(..., n)`` and covariates ``(..., n, d)``,
so that many Monte Carlo replications are one call. Equations are those of page ``invalid_instrument``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.instruments.nuisances import Nuisances, fit_by_arm

NOT_IDENTIFIED = 0.01  # smallest mean |Var(A|Z=1,X) - Var(A|Z=0,X)| at which an estimate is given


@dataclass(frozen=True)
class Estimate:
    """An average effect, with what was done on the way.

    Attributes
    ----------
    value, se : ndarray, shape (...)
        Estimate and standard error; nan where not identified.
    truncated : ndarray of int, shape (...)
        Units whose variance change was set to the bound.
    mean_delta : ndarray, shape (...)
        Mean change of Var(A) with Z.
    psi : ndarray, shape (..., n)
        Uncentred influence values.
    """

    value: np.ndarray
    se: np.ndarray
    truncated: np.ndarray
    mean_delta: np.ndarray
    psi: np.ndarray


@dataclass(frozen=True)
class VarianceChange:
    """Change of the treatment's variance with the instrument.

    Attributes
    ----------
    delta : ndarray, shape (..., n)
        Truncated at ``delta_min`` times the sign of the mean.
    n_truncated : ndarray of int, shape (...)
    mean : ndarray, shape (...)
        Before the truncation.
    """

    delta: np.ndarray
    n_truncated: np.ndarray
    mean: np.ndarray


def variance_change(p0, p1, delta_min=0.03):
    """``delta = p1 (1 - p1) - p0 (1 - p0)``, kept away from zero on the side of its mean.

    Parameters
    ----------
    p0, p1 : array_like, shape (..., n)
        P(A=1 | Z=0, X) and P(A=1 | Z=1, X).
    delta_min : float
        Smallest ``|delta|``, above 0.

    Returns
    -------
    VarianceChange

    Raises
    ------
    ValueError
        If a probability is not finite, or ``delta_min`` not above 0.

    Examples
    --------
    >>> change = variance_change([0.2, 0.2], [0.5, 0.2])
    >>> change.delta.round(3), int(change.n_truncated)
    (array([0.09, 0.03]), 1)
    """
    p0, p1 = finite("p0", p0, -1), finite("p1", p1, -1)
    if not delta_min > 0:
        raise ValueError(f"delta_min must be above 0, got {delta_min}; delta is divided by")
    delta = p1 * (1 - p1) - p0 * (1 - p0)
    mean = delta.mean(-1)
    sign = np.where(mean < 0, -1.0, 1.0)[..., None]
    small = sign * delta < delta_min
    return VarianceChange(np.where(small, sign * delta_min, delta), small.sum(-1), mean)


def estimate(sample, nuisances, delta_min=0.03, unidentified="raise"):
    """The multiply robust estimator: the mean of the uncentred efficient influence function.

    ``psi = beta + (2Z - 1) / (pi(Z|X) delta) [(A - p)(Y - m - beta A) - rho]``, ``m`` and ``p`` at ``(Z, X)``.

    Parameters
    ----------
    sample : Sample
    nuisances : Nuisances
    delta_min : float
        Truncation of ``|delta|``.
    unidentified : {"raise", "nan"}
        What to do where the mean of ``delta`` is below 0.01 in absolute value.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If the instrument does not change Var(A), or ``unidentified`` is unknown.

    Examples
    --------
    >>> from paperlab.methods.instruments.nuisances import fit_nuisances
    >>> from paperlab.methods.instruments.simulate import draw
    >>> sample = draw(20_000, rng=np.random.default_rng(0))  # the average effect is 1
    >>> found = estimate(sample, fit_nuisances(sample))
    >>> bool(abs(found.value - 1) < 2 * found.se), found.psi.shape
    (True, (20000,))
    """
    if unidentified not in ("raise", "nan"):
        raise ValueError(f"unidentified must be raise or nan, got {unidentified!r}")
    y, a, z, f = sample.y, sample.treatment, sample.instrument, nuisances
    change = variance_change(f.p0, f.p1, delta_min)
    weak = np.abs(change.mean) < NOT_IDENTIFIED
    if unidentified == "raise" and np.any(weak):
        worst = np.min(np.abs(change.mean))
        raise ValueError(
            f"instrument does not change Var(A): not identified (mean change {worst:.4f}, at least "
            f"{NOT_IDENTIFIED} is needed); use an instrument that moves P(A=1) towards or away from one half"
        )
    weight = np.where(z == 1, 1 / f.pi, -1 / (1 - f.pi)) / change.delta
    p, m = np.where(z == 1, f.p1, f.p0), np.where(z == 1, f.m1, f.m0)
    psi = f.beta + weight * ((a - p) * (y - m - f.beta * a) - f.rho)
    value = np.where(weak, np.nan, psi.mean(-1))
    se = np.where(weak, np.nan, psi.std(-1) / np.sqrt(psi.shape[-1]))
    return Estimate(value, se, change.n_truncated, change.mean, psi)


def weighting(sample, nuisances, delta_min=0.03):
    """Pure weighting, ``mean of (2Z - 1) (A - p) Y / (pi(Z|X) delta)``: needs p and pi.

    Parameters
    ----------
    sample : Sample
    nuisances : Nuisances
    delta_min : float
        Truncation of ``|delta|``.

    Returns
    -------
    ndarray, shape (...)
        nan where not identified.
    """
    zero = np.zeros_like(sample.y)
    f = nuisances
    bare = Nuisances(f.p0, f.p1, f.pi, zero, zero, zero, zero)
    return estimate(sample, bare, delta_min, unidentified="nan").value


def plug_in(nuisances):
    """Mean of the fitted effect beta(X): needs p, beta, rho (and mu in the two-step fit). Shape ``(...)``."""
    return nuisances.beta.mean(-1)


def constant_effect(sample, b):
    """One effect for all: ``(C1 - C0) / (V1 - V0)`` from linear residuals on ``b`` in each arm.

    ``C`` and ``V`` are mean products of the residuals of A with those of Y and of A. Where nobody takes the
    treatment at ``z = 0``, ``C0 = V0 = 0`` and the value is OLS of Y on A and ``b`` among ``z = 1``.

    Parameters
    ----------
    sample : Sample
    b : ndarray, shape (..., n, k)
        Regressors, the constant among them, see `basis`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If the residual variances differ by less than 0.01: not identified.
    """
    y, a, z = sample.y, sample.treatment, sample.instrument
    c, v = [], []
    for arm, fit_y, fit_a in zip((0, 1), fit_by_arm(b, y, z), fit_by_arm(b, a, z), strict=True):
        here = z == arm
        c.append(((a - fit_a) * (y - fit_y) * here).sum(-1) / here.sum(-1))
        v.append(((a - fit_a) ** 2 * here).sum(-1) / here.sum(-1))
    if np.any(np.abs(v[1] - v[0]) < NOT_IDENTIFIED):
        raise ValueError("instrument does not change Var(A): not identified; the residual variances are equal")
    return (c[1] - c[0]) / (v[1] - v[0])


def bootstrap_iv(y, w, q, weights):
    """Just-identified IV coefficients ``(Q' W w)^-1 Q' W y`` for many weights at once (OLS if ``q`` is ``w``).

    Parameters
    ----------
    y : array_like, shape (n,)
    w, q : array_like, shape (n, k)
        Regressors and instruments.
    weights : array_like, shape (n_draws, n)
        Resampling counts.

    Returns
    -------
    coef : ndarray, shape (n_draws, k)

    Raises
    ------
    ValueError
        If a value is not finite, shapes differ, a column is a linear combination of others (names it), or the
        instruments do not tell the regressors apart in a draw (names it).

    Examples
    --------
    >>> y, a, z = np.array([1.0, 2, 3, 6]), np.array([0.0, 1, 1, 2]), np.array([0.0, 0, 1, 1])
    >>> one = np.ones(4)
    >>> bootstrap_iv(y, np.column_stack([a, one]), np.column_stack([z, one]), np.ones((1, 4))).round(6)
    array([[3., 0.]])
    """
    y, w, q, weights = finite("y", y), finite("w", w), finite("q", q), finite("weights", weights, -1)
    n, k = w.shape
    if y.shape != (n,) or q.shape != w.shape or weights.ndim != 2 or weights.shape[1] != n:
        raise ValueError(
            "y must be (n,), w and q (n, k), weights (n_draws, n); "
            f"got {y.shape}, {w.shape}, {q.shape}, {weights.shape}"
        )
    full_rank("w", w)
    full_rank("q", q)
    unit_w, unit_q = np.linalg.norm(w, axis=0), np.linalg.norm(q, axis=0)
    w, q = w / unit_w, q / unit_q
    gram = (weights @ (q[:, :, None] * w[:, None, :]).reshape(n, -1)).reshape(-1, k, k)
    values = np.linalg.svd(gram, compute_uv=False)
    lost = values[:, -1] <= 1e-10 * values[:, 0]
    if lost.any():
        raise ValueError(
            f"q does not tell the columns of w apart in draw {lost.argmax()}: not identified there; draw again, or "
            "leave out columns that few rows have"
        )
    return np.linalg.solve(gram, (weights @ (q * y[:, None]))[..., None])[..., 0] / unit_w
