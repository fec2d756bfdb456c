"""Regressions that shrink: to an invariant prediction, to the norm that confounding leaves, or along an augmentation.

Linear, without intercept. Page ``augmentation_iv``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Lasso

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.invariance.augmentation import Moments, least_squares
from paperlab.methods.invariance.choice import confounder_free_norm
from paperlab.methods.invariance.environments import Chosen


@dataclass(frozen=True)
class Penalised:
    """Coefficients ``coef`` (m,), and whether the iterations settled (``converged``)."""

    coef: np.ndarray
    converged: bool


def invariance_penalty(x, copies, y, weight, *, max_iter=50, tol=1e-8):
    """RICE: least squares plus ``weight`` times the mean over rows of the largest squared change of the prediction.

    ``min_h |y - X h|^2 / n + weight mean_i max_j (h' x_i - h' g_j x_i)^2`` (Wang, Yi, Chen and Zhu 2022) by solving the
    least squares problem of the currently worst copies, in half steps.

    Parameters
    ----------
    x : array_like, shape (n, m)
    copies : array_like, shape (j, n, m)
        Augmented copies of every row.
    y : array_like, shape (n,)
    weight : float
        Not negative.
    max_iter : int
    tol : float
        Largest step of a coefficient, as a share of the largest coefficient, at which the iterations stop.

    Returns
    -------
    Penalised

    Raises
    ------
    ValueError
        If a value is not finite or treatments are collinear (names argument and row, or column), shapes differ, or the
        weight is negative.

    Warns
    -----
    UserWarning
        "has not settled" after ``max_iter`` half steps.
    """
    x, copies, y = finite("x", x), finite("copies", copies, -2), finite("y", y)
    if x.ndim != 2 or copies.shape[1:] != x.shape or y.shape != x.shape[:1]:
        raise ValueError(f"x must be (n, m), copies (j, n, m), y (n,); got {x.shape}, {copies.shape}, {y.shape}")
    if not weight >= 0:
        raise ValueError(f"weight must not be negative, got {weight}")
    full_rank("x", x)
    change = x - copies
    second, cross = x.T @ x, x.T @ y
    h = np.linalg.solve(second, cross)
    for _ in range(max_iter):
        worst = np.abs(change @ h).argmax(0)
        rows = change[worst, np.arange(len(x))]
        step = 0.5 * (np.linalg.solve(second + weight * rows.T @ rows, cross) - h)
        h = h + step
        if np.abs(step).max() < tol * np.abs(h).max():
            return Penalised(h, True)
    warnings.warn(f"invariance_penalty has not settled after {max_iter} half steps; raise max_iter", stacklevel=2)
    return Penalised(h, False)


def shrink_to_norm(moments, kind):
    """Janzing's causal regularisation: ridge or lasso whose penalty leaves ``(1 - beta) |h|^2`` of least squares.

    Parameters
    ----------
    moments : Moments
        Of the treatments as observed.
    kind : {"ridge", "lasso"}

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    ValueError
        For an unknown kind, or as `confounding_strength`.

    Warns
    -----
    UserWarning
        "sits at the bound", if no penalty of the range tried has that norm.
    """
    if kind not in ("ridge", "lasso"):
        raise ValueError(f"kind = {kind!r}: choose 'ridge' or 'lasso'")
    target = confounder_free_norm(moments)
    second, cross = moments.xx / moments.n, moments.xy / moments.n
    m = len(cross)
    if kind == "lasso":  # the same problem on m rows: a square root of the second moment
        root = np.linalg.cholesky(second).T
        response = np.linalg.solve(root.T, cross)

        def fit(penalty):
            model = Lasso(penalty / m, fit_intercept=False, max_iter=20000, tol=1e-6)
            return model.fit(root, response).coef_

        high = np.abs(cross).max()
    else:

        def fit(penalty):
            return np.linalg.solve(second + penalty * np.eye(m), cross)

        high = 1e3 * np.trace(second) / m
    low = 1e-9 * high
    for _ in range(40):  # bisection on the logarithm: the norm falls with the penalty
        middle = np.sqrt(low * high)
        low, high = (middle, high) if np.linalg.norm(fit(middle)) > target else (low, middle)
    h = fit(np.sqrt(low * high))
    if abs(np.linalg.norm(h) - target) > 0.01 * np.linalg.norm(least_squares(moments)):
        warnings.warn(
            f"the {kind} penalty sits at the bound: norm {np.linalg.norm(h):.3g} in the place of {target:.3g}",
            stacklevel=2,
        )
    return h


def causal_regularisation(plain, augmented, weight):
    """Kania and Wit: least squares of the pooled halves plus ``weight`` times the change of the moments between them.

    ``(S_0 + S_A + w (S_A - S_0))^+ (c_0 + c_A + w (c_A - c_0))``, moments per row of the observed and augmented half.

    Parameters
    ----------
    plain, augmented : Moments
        Of the two halves.
    weight : float
        1: least squares of the augmented half; -1: of the observed one.

    Returns
    -------
    ndarray, shape (m,)
        The solution of least norm where the matrix is singular.
    """
    s0, sa = plain.xx / plain.n, augmented.xx / augmented.n
    c0, ca = plain.xy / plain.n, augmented.xy / augmented.n
    length = np.sqrt(np.diagonal(s0 + sa))
    length = np.where(length > 0, length, 1)
    matrix = (s0 + sa + weight * (sa - s0)) / length[:, None] / length
    return np.linalg.pinv(matrix, hermitian=True) @ ((c0 + ca + weight * (ca - c0)) / length) / length


def choose_causal_regularisation(x, y, gx, y_augmented, weights, *, rng, n_folds=5):
    """`causal_regularisation` with the weight whose risks on held-out rows of both halves differ least.

    Parameters
    ----------
    x, gx : array_like, shape (n, m) and (n', m)
        Treatments of the observed and of the augmented half.
    y, y_augmented : array_like, shape (n,) and (n',)
    weights : array_like, shape (w,)
    rng : numpy.random.Generator
    n_folds : int
        At least 2.

    Returns
    -------
    Chosen

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), or ``n_folds`` is below 2 or above the rows of a half.
    """
    if not 2 <= n_folds <= min(len(y), len(y_augmented)):
        raise ValueError(f"n_folds must lie between 2 and {min(len(y), len(y_augmented))}, got {n_folds}")
    parts = []
    for a, b in ((x, y), (gx, y_augmented)):
        fold = rng.permutation(len(b)) % n_folds
        parts.append([Moments.of(a[fold == k], b[fold == k]) for k in range(n_folds)])
    whole = [Moments.of(x, y), Moments.of(gx, y_augmented)]
    gaps = np.zeros(len(weights))
    for k in range(n_folds):
        for i, weight in enumerate(weights):
            h = causal_regularisation(whole[0] - parts[0][k], whole[1] - parts[1][k], weight)
            gaps[i] += np.abs(parts[0][k].risk(h) - parts[1][k].risk(h))
    best = float(weights[np.argmin(gaps)])
    return Chosen(causal_regularisation(*whole, best), best)
