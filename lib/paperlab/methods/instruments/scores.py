"""Scores for out-of-fold predictions that need no variance change: partially linear model, doubly robust Wald ratio.

They are those of DoubleML's ``DoubleMLPLR`` and ``DoubleMLIIVM``; tests compare them on the same folds and predictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.instruments.nuisances import check_probability


@dataclass(frozen=True)
class Effect:
    """An effect ``value`` and its standard error ``se``."""

    value: float
    se: float


def partialling_out(y, treatment, y_hat, treatment_hat):
    """Partially linear model: ``sum (A - a_hat)(Y - y_hat) / sum (A - a_hat)^2``.

    Parameters
    ----------
    y, treatment, y_hat, treatment_hat : array_like, shape (n,)
        Outcome, treatment, and their predictions from the covariates, out of fold.

    Returns
    -------
    Effect

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), shapes differ, or the treatment is predicted exactly.

    Examples
    --------
    >>> partialling_out([1.0, 2, 3, 6], [0.0, 1, 1, 2], [3.0] * 4, [1.0] * 4).value
    2.5
    """
    y, a, y_hat, a_hat = _vectors(y=y, treatment=treatment, y_hat=y_hat, treatment_hat=treatment_hat)
    v, u = a - a_hat, y - y_hat
    if v @ v <= 1e-20 * (a @ a):
        raise ValueError("treatment_hat predicts the treatment exactly: the effect is not identified")
    theta = (v @ u) / (v @ v)
    return Effect(float(theta), float(np.sqrt(np.mean((v * (u - theta * v)) ** 2) / np.mean(v * v) ** 2 / len(y))))


def interactive_late(sample, predictions, learner):
    """Doubly robust Wald ratio of a *valid* instrument: the effect among compliers.

    Parameters
    ----------
    sample : Sample
    predictions : dict
        As from `crossfit_predictions`.
    learner : str
        Whose predictions to use.

    Returns
    -------
    Effect

    Raises
    ------
    ValueError
        If a prediction is not finite, the instrument's probability leaves (0, 1), or the instrument does not move the
        treatment.

    Notes
    -----
    ``mean{mu1 - mu0 + W1 (Y - mu1) - W0 (Y - mu0)}`` over the same mean for A, with ``W1 = Z / pi`` and
    ``W0 = (1 - Z) / (1 - pi)``.
    """
    named = {f"{kind}{arm}": predictions[kind, arm, learner] for kind in ("mu", "p") for arm in (0, 1)}
    mu0, mu1, p0, p1, pi, y = _vectors(**named, pi=predictions["pi", learner], y=sample.y)
    check_probability("pi", pi)
    a, z = sample.treatment, sample.instrument
    w1, w0 = z / pi, (1 - z) / (1 - pi)
    top = mu1 - mu0 + w1 * (y - mu1) - w0 * (y - mu0)
    bottom = p1 - p0 + w1 * (a - p1) - w0 * (a - p0)
    if abs(bottom.mean()) <= 1e-10:
        raise ValueError("instrument does not move the treatment: the effect among compliers is not identified")
    theta = top.mean() / bottom.mean()
    return Effect(float(theta), float(np.sqrt(np.mean((top - theta * bottom) ** 2) / bottom.mean() ** 2 / len(y))))


def _vectors(**named):
    arrays = [finite(name, values) for name, values in named.items()]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1 or arrays[0].ndim != 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in zip(named, arrays, strict=True))
        raise ValueError(f"all must be (n,), got {found}")
    return arrays
