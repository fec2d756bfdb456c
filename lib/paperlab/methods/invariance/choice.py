"""The weight of IV-like regression, chosen by prediction or by the norm that confounding leaves.

Page ``augmentation_iv``; the estimate of confounding is that of Janzing (2019).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from paperlab.methods.foundations.checks import finite, positive_definite
from paperlab.methods.invariance.augmentation import iv_like, least_squares


@dataclass(frozen=True)
class Choice:
    """Coefficients with the weight that was chosen for them.

    Attributes
    ----------
    coef : ndarray, shape (m,)
    alpha : float
    at_edge : bool
        The weight is the smallest or the largest that was offered; a better one may lie outside.
    """

    coef: np.ndarray
    alpha: float
    at_edge: bool


def _choice(coef, alphas, best):
    alpha = float(alphas[best])
    at_edge = len(alphas) > 1 and alpha in (np.min(alphas), np.max(alphas))
    if at_edge:
        warnings.warn(
            f"alpha sits at the edge: {alpha:.3g} of {np.min(alphas):.3g} to {np.max(alphas):.3g}; offer a wider range",
            stacklevel=3,
        )
    return Choice(coef, alpha, at_edge)


def choose_by_split(full, held_out, score, alphas):
    """Cross-validated IV-like regression: the ``alpha`` whose fit without the held-out rows predicts them best.

    Parameters
    ----------
    full, held_out : Moments
        Of the augmented treatments: all rows, and the held-out ones (a fifth at random, or whole levels of ``g``).
    score : Moments
        Of the held-out rows with the treatments as they were observed; the outcome is predicted from these.
    alphas : array_like, shape (a,)

    Returns
    -------
    Choice
        Fit on all rows with the chosen weight.

    Raises
    ------
    ValueError
        As `iv_like`.

    Warns
    -----
    UserWarning
        "alpha sits at the edge" of those that were offered.
    """
    alphas = np.asarray(alphas, float)
    best = int(np.argmin(score.risk(iv_like(full - held_out, alphas))))
    return _choice(iv_like(full, float(alphas[best])), alphas, best)


def confounding_strength(second, coef):
    """Janzing's estimate of how much of a least squares vector is confounding, from its direction alone.

    Under independent mechanisms the direction of ``h`` has covariance ``I + theta S^-1``: confounding turns it towards
    the directions in which the treatments hardly vary. ``theta`` is the maximum likelihood value.

    Parameters
    ----------
    second : ndarray, shape (m, m)
        Second moment ``S`` of the treatments, per row.
    coef : ndarray, shape (m,)

    Returns
    -------
    float
        Share of ``|h|^2`` that is confounding, in [0, 1).

    Raises
    ------
    ValueError
        If ``coef`` is zero or has one entry only, or the treatments are collinear: a direction says nothing then.

    Warns
    -----
    UserWarning
        "theta sits at its bound", if the likelihood still rises e^20 above the median eigenvalue:
        nearly all is confounding.
    """
    second, coef = finite("second", second), finite("coef", coef)
    m = len(coef)
    if m < 2 or not coef.any():
        raise ValueError(f"coef = {coef} has no direction; the estimate needs two treatments or more, and a fit")
    positive_definite("second", second)
    values, vectors = np.linalg.eigh(second)
    squares = (vectors.T @ coef) ** 2 / (coef @ coef)

    def minus_log_likelihood(log_theta):
        stretch = 1 + np.exp(log_theta) / values
        return 0.5 * np.log(stretch).sum() + 0.5 * m * np.log((squares / stretch).sum())

    centre = np.log(np.median(values))
    found = minimize_scalar(minus_log_likelihood, bounds=(centre - 20, centre + 20), method="bounded")
    if found.fun >= 0:
        return 0.0
    if found.x > centre + 19.9:
        warnings.warn("theta sits at its bound: the whole vector passes for confounding", stacklevel=2)
    ratio = np.exp(found.x) * np.mean(1 / values)
    return float(ratio / (1 + ratio))


def confounder_free_norm(moments):
    """Norm that Janzing's correction leaves of least squares, ``sqrt(1 - beta) |h_ERM|``.

    Parameters
    ----------
    moments : Moments
        Of one sample.

    Returns
    -------
    float
    """
    erm = least_squares(moments)
    return float(np.sqrt(1 - confounding_strength(moments.xx / moments.n, erm)) * np.linalg.norm(erm))


def choose_by_norm(moments, alphas):
    """IV-like regression whose norm is nearest to what confounder correction leaves of DA+ERM's.

    The target is `confounder_free_norm`.

    Parameters
    ----------
    moments : Moments
        Of one sample, with ``g``.
    alphas : array_like, shape (a,)

    Returns
    -------
    Choice

    Raises
    ------
    ValueError
        As `iv_like` and `confounding_strength`.

    Warns
    -----
    UserWarning
        "alpha sits at the edge" of those that were offered.
    """
    alphas = np.asarray(alphas, float)
    path = iv_like(moments, alphas)
    best = int(np.argmin(np.abs(np.linalg.norm(path, axis=-1) - confounder_free_norm(moments))))
    return _choice(path[best], alphas, best)
