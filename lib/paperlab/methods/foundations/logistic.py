"""Logistic regression by Newton's method: stacks of samples, a ridge penalty by column, standardised columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from paperlab.methods.foundations.checks import binary, finite, full_rank
from paperlab.methods.foundations.linear import predict


@dataclass(frozen=True)
class LogisticFit:
    """Logistic regression ``P(y = 1 | x) = 1 / (1 + exp(-intercept - x coef))``.

    Attributes
    ----------
    coef : ndarray, shape (..., k)
    intercept : float
        0 where ``x`` holds its own constant.
    n_iter : int
        Newton steps until the log-odds moved by less than the tolerance.
    """

    coef: np.ndarray
    intercept: float
    n_iter: int

    def probability(self, x):
        """Probabilities for rows ``x`` (..., m, k), shape (..., m)."""
        return expit(self.intercept + predict(x, self.coef))


def logistic(x, y, *, penalty=0.0, max_iter=50, tol=1e-8):
    """Logistic regression with a ridge penalty ``sum penalty_j coef_j^2 / 2``, by Newton's method.

    Parameters
    ----------
    x : ndarray, shape (..., n, k)
        Regressors, the constant among them.
    y : ndarray of 0 and 1, shape (..., n)
    penalty : float or ndarray, shape (k,)
        Not negative; 0 for a constant.
    max_iter : int
    tol : float
        Largest change of a log-odds in the last step.

    Returns
    -------
    LogisticFit

    Raises
    ------
    ValueError
        If a value is not finite, ``y`` is not binary, a penalty is negative, columns without penalty are collinear
        (names the column), or Newton's steps do not settle, as when ``x`` separates ``y``: then no finite coefficient
        is best.

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> logistic(x, np.array([0, 0, 1, 0, 1, 1])).coef.round(4)  # log-odds -log 2 and 2 log 2
    array([-0.6931,  1.3863])
    """
    x, y = finite("x", x, -2), binary("y", y, -1)
    if y.shape != x.shape[:-1]:
        raise ValueError(f"y must have shape {x.shape[:-1]}, got {y.shape}")
    penalty = np.broadcast_to(finite("penalty", penalty), x.shape[-1:])
    if (penalty < 0).any():
        raise ValueError(f"penalty must not be negative, got {penalty.min():g}")
    full_rank("x", x[..., penalty == 0])
    coef, n_iter = _newton(x, y, penalty, np.zeros((*x.shape[:-2], x.shape[-1])), max_iter, tol)
    return LogisticFit(coef, 0.0, n_iter)


def ridge_logistic(x, y, *, c, max_iter=50, tol=1e-8):
    """Logistic regression on standardised columns with penalty ``|b|^2 / (2 C)``; the intercept is free.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Without a constant; a column that does not vary gets the coefficient 0.
    y : ndarray of 0 and 1, shape (n,)
    c : float
        Inverse strength of the penalty, above 0, as scikit-learn's ``C``.
    max_iter, tol
        See `logistic`.

    Returns
    -------
    LogisticFit
        For columns in their own units.

    Raises
    ------
    ValueError
        If a value is not finite, ``y`` is not binary or the same in all rows, or ``c`` is not above 0.

    Examples
    --------
    >>> x, y = np.array([[0.0], [1], [2], [3]]), np.array([0, 1, 0, 1])
    >>> ridge_logistic(x, y, c=1.0).probability(x).round(3)
    array([0.352, 0.449, 0.551, 0.648])
    """
    x, y = finite("x", x), binary("y", y)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"x must be (n, k) and y (n,), got {x.shape} and {y.shape}")
    if not c > 0:
        raise ValueError(f"c must be above 0, got {c}; it is the inverse of the penalty")
    if y.min() == y.max():
        raise ValueError(f"y is {y[0]:g} in all rows; two classes are needed")
    centre, scale = x.mean(0), x.std(0)
    varies = scale > 1e-12 * np.abs(x).max(0)
    scale = np.where(varies, scale, 1)
    z = np.column_stack([np.ones(len(x)), np.where(varies, x - centre, 0) / scale])
    start = np.r_[np.log(y.mean() / (1 - y.mean())), np.zeros(x.shape[1])]
    coef, n_iter = _newton(z, y, np.r_[0, np.full(x.shape[1], 1 / c)], start, max_iter, tol)
    slopes = coef[1:] / scale
    return LogisticFit(slopes, float(coef[0] - centre @ slopes), n_iter)


def _newton(z, y, ridge, coef, max_iter, tol):
    """Newton steps of ``sum log(1 + exp(z c)) - y z c + ridge c^2 / 2``, halved where the loss would grow.

    ``z`` (..., n, k), ``y`` (..., n), ``ridge`` broadcasts against ``coef`` (..., k).
    """

    def loss(odds, coef):
        return (np.logaddexp(0, odds) - y * odds).sum(-1) + 0.5 * (ridge * coef**2).sum(-1)

    odds = predict(z, coef)
    now = loss(odds, coef)
    across = np.swapaxes(z, -1, -2)
    penalty = ridge[..., None] * np.eye(z.shape[-1])
    for n_iter in range(1, max_iter + 1):
        prob = expit(odds)
        half = z * np.sqrt(prob * (1 - prob))[..., None]
        hessian = np.swapaxes(half, -1, -2) @ half + penalty  # a matrix times itself takes half the products
        slope = predict(across, y - prob) - ridge * coef
        try:
            step = np.linalg.solve(hessian, slope[..., None])[..., 0]
        except np.linalg.LinAlgError:  # all probabilities at 0 or 1: the message below
            break
        move = predict(z, step)
        new = loss(odds + move, coef + step)
        while (worse := new > now + 1e-12 * np.abs(now)).any():
            half = np.where(worse, 0.5, 1.0)[..., None]
            step, move = step * half, move * half
            new = loss(odds + move, coef + step)
        coef, odds, now = coef + step, odds + move, new
        if np.abs(move).max() < tol:
            return coef, n_iter
    raise ValueError(
        f"the logistic regression did not settle in {max_iter} Newton steps: x separates y, or nearly; give a larger "
        "penalty, or fewer columns"
    )
