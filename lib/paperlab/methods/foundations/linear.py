"""Linear regression: least squares, two stages, covariances by cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import codes, finite, full_rank

NEAR_COLLINEAR = 1e-8  # smallest eigenvalue of a correlation matrix that normal equations are trusted with


def least_squares(b, y, weights=None, instruments=None):
    """Coefficients ``c`` that solve ``Q' W (y - b c) = 0``, with ``Q = b`` unless ``instruments`` are given.

    Parameters
    ----------
    b, instruments : ndarray, shape (..., n, k)
    y : ndarray, shape (..., n), or (..., n, m) for m outcomes at once
    weights : ndarray, shape (..., n)
        Not negative.

    Returns
    -------
    c : ndarray, shape (..., k), or (..., k, m)

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), a weight is negative or all of a sample are zero (an empty
        arm), or ``b`` has collinear columns (names the column), or columns that the instruments do not tell apart.

    Notes
    -----
    Normal equations of columns of unit length; where these are nearly collinear, a QR decomposition.

    Examples
    --------
    >>> b = np.column_stack([np.ones(4), [0, 1, 1, 2]])
    >>> least_squares(b, np.array([1.0, 2, 2, 3])).round(6)
    array([1., 1.])
    """
    many = y.ndim == b.ndim
    target = y if many else y[..., None]
    q = b if instruments is None else instruments
    if weights is not None:
        _check_weights(weights)
        q = q * weights[..., None]
    q = np.swapaxes(q, -1, -2)
    with np.errstate(over="ignore", invalid="ignore"):  # looked at below
        moments, right = q @ b, q @ target
    if not (np.isfinite(moments).all() and np.isfinite(right).all()):
        for name, values, axis in (("b", b, -2), ("y", y, -2 if many else -1), ("instruments", instruments, -2)):
            if values is not None:
                finite(name, values, axis)
        raise ValueError("b and y are so large that their products overflow; use other units")
    if instruments is None:
        c = _solve_normal(moments, right, b, target, weights)
    else:
        c = _solve_moments(moments, right, b, instruments, weights)
    return c if many else c[..., 0]


def _check_weights(weights):
    finite("weights", weights, -1)
    if (weights < 0).any():
        raise ValueError(f"weights must not be negative, got {weights.min():g}; a weight says how often a row counts")
    empty = ~(weights > 0).any(-1)
    if empty.any():
        place = np.unravel_index(np.argmax(empty), empty.shape)
        where = f" in sample {', '.join(map(str, place))}" if place else ""
        raise ValueError(f"weights are all zero{where}: an empty arm; leave it out")


def _solve_normal(gram, right, b, target, weights):
    """Solve ``gram c = right`` in columns of unit length; by QR of the rows where the columns are nearly collinear."""
    length = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
    unit = np.where(length > 0, length, 1)
    correlation = gram / (unit[..., :, None] * unit[..., None, :])
    if np.linalg.eigvalsh(correlation).min(initial=1) >= NEAR_COLLINEAR:
        return np.linalg.solve(correlation, right / unit[..., None]) / unit[..., None]
    root = np.ones(b.shape[:-1]) if weights is None else np.sqrt(weights)
    columns = b * root[..., None] / unit[..., None, :]
    full_rank("b", columns)
    basis, r = np.linalg.qr(columns)
    return np.linalg.solve(r, np.swapaxes(basis, -1, -2) @ (target * root[..., None])) / unit[..., None]


def _solve_moments(moments, right, b, instruments, weights):
    """Solve ``Q'Wb c = Q'Wy``; refused where a combination of columns of ``b`` is orthogonal to all instruments."""
    root = 1.0 if weights is None else np.sqrt(weights)[..., None]
    lengths = []
    for name, columns in (("b", b * root), ("instruments", instruments * root)):
        full_rank(name, columns)
        lengths.append(np.linalg.norm(columns, axis=-2))
    unit = moments / (lengths[1][..., :, None] * lengths[0][..., None, :])
    if np.linalg.svd(unit, compute_uv=False).min(initial=1) <= 1e-12:
        raise ValueError(
            "b has a combination of columns that the instruments do not predict (collinear): not identified"
        )
    return np.linalg.solve(unit, right / lengths[1][..., None]) / lengths[0][..., None]


def predict(b, c):
    """Fitted values ``b c``, shape ``(..., n)``; ``(..., n, m)`` if ``c`` is ``(..., k, m)``."""
    return b @ c if c.ndim == b.ndim else (b @ c[..., None])[..., 0]


@dataclass(frozen=True)
class RobustFit:
    """Coefficients ``coef`` and heteroskedasticity-robust standard errors ``se`` (HC0), each of shape (..., k)."""

    coef: np.ndarray
    se: np.ndarray


def two_stage_least_squares(y, endogenous, exogenous, instruments):
    """2SLS with heteroskedasticity-robust standard errors.

    Parameters
    ----------
    y : ndarray, shape (..., n)
    endogenous, exogenous, instruments : ndarray, shape (..., n, k)
        ``exogenous`` holds the constant; at least as many instruments as endogenous variables.

    Returns
    -------
    RobustFit
        Endogenous variables first.

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), there are fewer instruments than endogenous variables, or a
        column is a linear combination of others, among the regressors, the instruments, or the regressors as the
        instruments predict them (names the column).

    Notes
    -----
    ``(W' P W)^-1 W' P y`` with regressors W and the projection P on instruments and exogenous variables.

    Examples
    --------
    >>> z = np.array([0.0, 0, 1, 1])
    >>> a, y = np.array([0.0, 1, 1, 2]), np.array([1.0, 2, 3, 6])
    >>> fit = two_stage_least_squares(y, a[:, None], np.ones((4, 1)), z[:, None])
    >>> fit.coef.round(3)  # Wald ratio (4.5 - 1.5) / (1.5 - 0.5), and the constant
    array([3., 0.])
    """
    y = finite("y", y, -1)
    parts = {"endogenous": endogenous, "exogenous": exogenous, "instruments": instruments}
    parts = {name: finite(name, part, -2) for name, part in parts.items()}
    endogenous, exogenous, instruments = parts.values()
    labels = {name: [f"{name} column {j}" for j in range(part.shape[-1])] for name, part in parts.items()}
    for name, part in parts.items():
        if part.shape[:-1] != y.shape:
            raise ValueError(
                f"{name} must have shape {y.shape} + (k,), got {part.shape}; use {name}[..., None] for one"
            )
    if instruments.shape[-1] < endogenous.shape[-1]:
        last = labels["endogenous"][-1]
        raise ValueError(
            f"instruments has {instruments.shape[-1]} columns for {endogenous.shape[-1]} endogenous ones: "
            f"{last} is not identified; give an instrument for each, or leave {last} out"
        )
    w, q = np.concatenate([endogenous, exogenous], -1), np.concatenate([instruments, exogenous], -1)
    full_rank("regressors", w, labels=labels["endogenous"] + labels["exogenous"])
    full_rank("instruments and exogenous", q, labels=labels["instruments"] + labels["exogenous"])
    basis = np.linalg.qr(q / np.linalg.norm(q, axis=-2, keepdims=True))[0]
    fitted = basis @ (np.swapaxes(basis, -1, -2) @ endogenous)
    full_rank(
        "exogenous and what instruments predict of endogenous",
        np.concatenate([exogenous, fitted], -1),
        labels=labels["exogenous"] + labels["endogenous"],
        scale=np.linalg.norm(np.concatenate([exogenous, endogenous], -1), axis=-2),
    )
    w_hat = np.concatenate([fitted, exogenous], -1)
    return _robust(y, w, w_hat)


def ols(y, b):
    """Ordinary least squares with heteroskedasticity-robust standard errors.

    Parameters
    ----------
    y : ndarray, shape (..., n)
    b : ndarray, shape (..., n, k)
        Regressors, the constant among them; more rows than columns.

    Returns
    -------
    RobustFit

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), or a column is a linear combination of others (names it).

    Examples
    --------
    >>> fit = ols([1.0, 2.0, 3.0, 6.0], np.column_stack([np.ones(4), [0, 1, 1, 2]]))
    >>> fit.coef.round(3), fit.se.round(3)
    (array([0.5, 2.5]), array([0.468, 0.354]))
    """
    y, b = finite("y", y, -1), finite("b", b, -2)
    if b.shape[:-1] != y.shape:
        raise ValueError(f"b must have shape {y.shape} + (k,), got {b.shape}; use b[..., None] for one regressor")
    full_rank("b", b)
    return _robust(y, b, b)


def _robust(y, w, w_hat):
    """Least squares of ``y`` on ``w_hat`` with HC0 errors of the residuals ``y - w c``, by QR of unit columns."""
    n, k = w.shape[-2:]
    if n == k:
        raise ValueError(f"y has {n} rows for {k} coefficients: the fit is exact and has no standard error; add rows")
    length = np.linalg.norm(w_hat, axis=-2)
    q, r = np.linalg.qr(w_hat / length[..., None, :])
    pinv = np.linalg.solve(r, np.swapaxes(q, -1, -2)) / length[..., None]  # (..., k, n)
    coef = predict(pinv, y)
    residual = y - predict(w, coef)
    return RobustFit(coef, np.sqrt(((pinv * residual[..., None, :]) ** 2).sum(-1)))


@dataclass(frozen=True)
class Regression:
    """Least squares with a cluster-robust covariance.

    Attributes
    ----------
    coef : ndarray, shape (k,)
    cov : ndarray, shape (k, k)
    n_clusters : int
    """

    coef: np.ndarray
    cov: np.ndarray
    n_clusters: int

    @property
    def se(self):
        """Standard errors, shape (k,)."""
        return np.sqrt(np.diag(self.cov))


def regress(x, y, clusters=None):
    """Least squares with cluster-robust covariance.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n,)
    clusters : sequence of hashable, shape (n,), optional
        Cluster of each row, by any name; each row is its own cluster if not given (HC1).

    Returns
    -------
    Regression

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), the columns of ``x`` are collinear, as when no reference
        level was left out (names the column), there are not more rows than columns, a label is missing, or there is
        one cluster.

    Notes
    -----
    ``G / (G - 1) (n - 1) / (n - k) (X'X)^-1 [sum_g X_g' u_g u_g' X_g] (X'X)^-1`` with the residuals ``u``.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [0, 1, 1, 2]])
    >>> fit = regress(x, np.array([1.0, 2, 3, 6]), clusters=["a", "b", "b", "a"])
    >>> fit.coef.round(3), fit.n_clusters
    (array([0.5, 2.5]), 2)
    """
    x, y = finite("x", x), finite("y", y)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"x must be (n, k) and y (n,), got {x.shape} and {y.shape}")
    n, k = x.shape
    full_rank("x", x)
    if n <= k:
        raise ValueError(f"x has {n} rows for {k} columns: no residual is left for a standard error; add rows")
    group = np.arange(n) if clusters is None else codes("clusters", clusters, n)
    n_clusters = int(group.max()) + 1
    if n_clusters < 2:
        raise ValueError(
            "clusters: all rows belong to one cluster, which has no variance between clusters; give two or more"
        )
    length = np.linalg.norm(x, axis=0)
    unit = x / length
    bread = np.linalg.inv(unit.T @ unit)
    coef = bread @ (unit.T @ y)
    scores = unit * (y - unit @ coef)[:, None]
    if n_clusters < n:
        order = np.argsort(group, kind="stable")
        scores = np.add.reduceat(scores[order], np.flatnonzero(np.diff(group[order], prepend=-1)), axis=0)
    half = scores @ bread / length
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - k)
    return Regression(coef / length, factor * half.T @ half, n_clusters)
