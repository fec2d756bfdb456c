"""Parametric models of the nuisance functions: bases of regressors, fits by arm, beta and rho in two ways.

Equations are those of page ``invalid_instrument``; learners without a model are in
`paperlab.methods.instruments.crossfit`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.linear import least_squares, predict
from paperlab.methods.foundations.logistic import logistic

MODELS = ("pi", "p", "m", "b", "r")
BASES = ("linear", "quadratic", "wrong", "constant")


@dataclass(frozen=True)
class Nuisances:
    """Fitted nuisance functions at every unit, each of shape ``(..., n)``.

    Attributes
    ----------
    p0, p1 : ndarray
        P(A=1 | Z=0, X) and P(A=1 | Z=1, X); linear fits may leave [0, 1].
    pi : ndarray
        P(Z=1 | X), strictly between 0 and 1.
    m0, m1 : ndarray
        E[Y - beta A | Z=0, X] and E[Y - beta A | Z=1, X].
    beta, rho : ndarray
        Effect and confounding part.

    Raises
    ------
    ValueError
        If a value is not finite, or ``pi`` leaves (0, 1); names the function and the row.
    """

    p0: np.ndarray
    p1: np.ndarray
    pi: np.ndarray
    m0: np.ndarray
    m1: np.ndarray
    beta: np.ndarray
    rho: np.ndarray

    def __post_init__(self):
        for name in ("p0", "p1", "pi", "m0", "m1", "beta", "rho"):
            finite(name, getattr(self, name), -1)
        check_probability("pi", self.pi)


def check_probability(name, values):
    """Raise ValueError if a probability that is divided by is not strictly between 0 and 1; names the row."""
    outside = ~((values > 0) & (values < 1))
    if outside.any():
        place = np.unravel_index(np.argmax(outside), outside.shape)
        raise ValueError(
            f"{name} must lie strictly between 0 and 1, got {values[place]:g} in row {place[-1]}; clip it, say to 0.01"
        )


def basis(x, kind):
    """Regressors made from covariates.

    Parameters
    ----------
    x : array_like, shape (..., n, d)
    kind : {"linear", "quadratic", "wrong", "constant"}
        ``(1, X)``; ``(1, X, X^2, X_i X_j)``; ``(1, cos 3 X_2)`` with the second covariate (the first if there is one
        only), which misses every function of the first design on the page; ``(1)``.

    Returns
    -------
    b : ndarray, shape (..., n, k)

    Raises
    ------
    ValueError
        For an unknown kind.

    Examples
    --------
    >>> basis(np.array([[2.0, 3.0]]), "quadratic")
    array([[1., 2., 3., 4., 6., 9.]])
    """
    if kind not in BASES:
        raise ValueError(f"kind must be one of {', '.join(BASES)}, got {kind!r}")
    x = np.asarray(x, float)
    one = np.ones((*x.shape[:-1], 1))
    d = x.shape[-1]
    if kind == "constant":
        return one
    if kind == "linear":
        return np.concatenate([one, x], -1)
    if kind == "quadratic":
        i, j = np.triu_indices(d)
        return np.concatenate([one, x, x[..., i] * x[..., j]], -1)
    return np.concatenate([one, np.cos(3 * x[..., 1:2] if d > 1 else 3 * x)], -1)


def fit_by_arm(b, y, instrument):
    """Least squares of ``y`` on ``b`` in each arm of the instrument.

    Parameters
    ----------
    b : ndarray, shape (..., n, k)
    y : ndarray, shape (..., n), or (..., n, m) for m outcomes at once
    instrument : ndarray of 0 and 1, shape (..., n)

    Returns
    -------
    tuple of ndarray
        Predictions for all units by the fit in arm 0, and by that in arm 1, each of the shape of ``y``.

    Raises
    ------
    ValueError
        If the columns of ``b`` are collinear in an arm.
    """
    return tuple(predict(b, least_squares(b, y, np.asarray(instrument == arm, dtype=float))) for arm in (0, 1))


def fit_nuisances(sample, models=None, step="two-step", shared=None):
    """Parametric nuisance models.

    Parameters
    ----------
    sample : Sample
    models : dict
        Kind of `basis` for ``pi``, ``p``, ``m``, ``b`` (the effect beta) and ``r`` (the confounding part rho);
        ``"quadratic"`` where a key is missing.
    step : {"two-step", "g-estimation"}
        How beta and rho are fitted. ``two-step`` regresses ``(A - p)(Y - mu)`` on ``[b(X) V, r(X)]`` and
        needs both p and mu. ``g-estimation`` solves ``E[(Z - pi) b e] = E[r e] = 0`` with
        ``e = (A - p)(Y - beta A - m) - rho``, which is unbiased in each of the four robustness sets.
    shared : dict or None
        Fits kept from one call to the next on the same sample.

    Returns
    -------
    Nuisances

    Raises
    ------
    ValueError
        For an unknown model, kind or step, or if regressors are collinear.
    """
    models = dict.fromkeys(MODELS, "quadratic") | (models or {})
    unknown = set(models) - set(MODELS)
    if unknown:
        raise ValueError(f"models must name some of {', '.join(MODELS)}, got {min(unknown)!r}")
    if step not in ("two-step", "g-estimation"):
        raise ValueError(f"step must be two-step or g-estimation, got {step!r}")
    y, a, z = sample.y, sample.treatment, sample.instrument
    shared = {} if shared is None else shared

    def once(key, compute):
        if key not in shared:
            shared[key] = compute()
        return shared[key]

    b_p, b_m, b_b, b_r, b_pi = (
        once(models[key], lambda kind=models[key]: basis(sample.x, kind)) for key in ("p", "m", "b", "r", "pi")
    )
    pi = once(("pi", models["pi"]), lambda: np.clip(logistic(b_pi, z).probability(b_pi), 0.01, 0.99))
    p0, p1 = once(("p", models["p"]), lambda: fit_by_arm(b_p, a, z))
    mu0, mu1 = once(("mu", models["m"]), lambda: fit_by_arm(b_m, y, z))
    p, mu = np.where(z == 1, p1, p0), np.where(z == 1, mu1, mu0)
    if step == "two-step":
        regressors = np.concatenate([b_b * (p * (1 - p))[..., None], b_r], -1)
        coef = least_squares(regressors, (a - p) * (y - mu))
    else:
        b_a = b_b * a[..., None]
        fit0, fit1 = once(("ba", models["m"], models["b"]), lambda: fit_by_arm(b_m, b_a, z))
        residual = b_a - np.where(z[..., None] == 1, fit1, fit0)
        regressors = np.concatenate([(a - p)[..., None] * residual, b_r], -1)
        moments = np.concatenate([b_b * (z - pi)[..., None], b_r], -1)
        coef = least_squares(regressors, (a - p) * (y - mu), instruments=moments)
    k = b_b.shape[-1]
    beta, rho = predict(b_b, coef[..., :k]), predict(b_r, coef[..., k:])
    m0, m1 = fit_by_arm(b_m, y - beta * a, z)
    return Nuisances(p0, p1, pi, m0, m1, beta, rho)
