"""Linear and logistic regression: least squares, two stages, ridge, covariances by cluster."""

import numpy as np


def least_squares(b, y, weights=None, instruments=None):
    """Coefficients ``c`` that solve ``Q' W (y - b c) = 0``, with ``Q = b`` unless ``instruments`` are given.

    Parameters
    ----------
    b, instruments : ndarray, shape (..., n, k)
    y : ndarray, shape (..., n), or (..., n, m) for m outcomes at once
    weights : ndarray, shape (..., n)

    Returns
    -------
    c : ndarray, shape (..., k), or (..., k, m)

    Raises
    ------
    ValueError
        If the moment matrix is singular (collinear regressors, or an empty arm).
    """
    q = b if instruments is None else instruments
    if weights is not None:
        q = q * weights[..., None]
    q = np.swapaxes(q, -1, -2)
    many = y.ndim == b.ndim
    try:
        c = np.linalg.solve(q @ b, q @ (y if many else y[..., None]))
    except np.linalg.LinAlgError:
        raise ValueError("b has collinear columns (or an empty arm); drop columns or use a smaller basis") from None
    return c if many else c[..., 0]


def predict(b, c):
    """Fitted values ``b c``, shape ``(..., n)``; ``(..., n, m)`` if ``c`` is ``(..., k, m)``."""
    return b @ c if c.ndim == b.ndim else (b @ c[..., None])[..., 0]


def logistic(b, y, b_new=None, n_iterations=25, tolerance=1e-10):
    """Probabilities from a logistic regression of ``y`` (0 or 1) on ``b`` (Newton), at ``b_new`` if given."""
    c = np.zeros((*b.shape[:-2], b.shape[-1]))
    for _ in range(n_iterations):
        prob = 1 / (1 + np.exp(-predict(b, c)))
        variance = np.maximum(prob * (1 - prob), 1e-9)
        step = least_squares(b, (y - prob) / variance, variance)
        c = c + np.clip(step, -5, 5)
        if np.abs(step).max() < tolerance:
            break
    return 1 / (1 + np.exp(-predict(b if b_new is None else b_new, c)))


def two_stage_least_squares(y, endogenous, exogenous, instruments):
    """2SLS with heteroskedasticity-robust standard errors.

    Parameters
    ----------
    y : ndarray, shape (..., n)
    endogenous, exogenous, instruments : ndarray, shape (..., n, k)
        ``exogenous`` holds the constant. With ``instruments = endogenous`` the result is OLS.

    Returns
    -------
    coef, se : ndarray, shape (..., k_endogenous + k_exogenous)
        Endogenous variables first; standard errors without a small-sample factor (HC0).
    """
    w = np.concatenate([endogenous, exogenous], -1)
    q = np.concatenate([instruments, exogenous], -1)
    w_hat = np.concatenate([predict(q, least_squares(q, endogenous)), exogenous], -1)
    coef = least_squares(w, y, instruments=w_hat)
    bread = np.linalg.inv(np.swapaxes(w_hat, -1, -2) @ w_hat)
    meat = w_hat * (y - predict(w, coef))[..., None]
    cov = bread @ (np.swapaxes(meat, -1, -2) @ meat) @ bread
    return coef, np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))


def ols(y, b):
    """Ordinary least squares; coefficients and HC0 standard errors, shape ``(..., k)``."""
    return two_stage_least_squares(y, b, b[..., :0], b)


def cluster_covariance(x, residual, bread, clusters):
    """Cluster-robust covariance with the usual correction G/(G-1) (n-1)/(n-k); shape (k, k).

    Parameters
    ----------
    x : ndarray, shape (n, k)
    residual : ndarray, shape (n,)
    bread : ndarray, shape (k, k)
        Inverse of X'X (plus a penalty, if there was one).
    clusters : ndarray of int, shape (n,)
        Cluster 0, 1, ... of each row; ``numpy.arange(n)`` gives HC1.
    """
    n, k = x.shape
    scores = x * residual[:, None]
    groups = clusters.max() + 1
    if groups < n:
        order = np.argsort(clusters, kind="stable")
        scores = np.add.reduceat(scores[order], np.flatnonzero(np.diff(clusters[order], prepend=-1)), axis=0)
    half = scores @ bread
    g = len(scores)
    return half.T @ half * (g / (g - 1) * (n - 1) / (n - k))


def regress(x, y, clusters=None):
    """Least squares with cluster-robust covariance (each row its own cluster if ``clusters`` is None).

    Returns
    -------
    coef : ndarray, shape (k,)
    cov : ndarray, shape (k, k)

    Raises
    ------
    ValueError
        If the columns of ``x`` are collinear, as when no reference level was left out.
    """
    gram = x.T @ x
    if np.linalg.matrix_rank(gram, hermitian=True) < len(gram):
        raise ValueError("x has collinear columns; leave out one reference level of each factor")
    bread = np.linalg.inv(gram)
    coef = bread @ (x.T @ y)
    return coef, cluster_covariance(x, y - x @ coef, bread, np.arange(len(y)) if clusters is None else clusters)


def logit_ridge(x, y, penalty, unpenalised=0, rounds=30):
    """Logistic regression with a ridge penalty ``penalty * |b|^2 / 2`` by Newton's method; shape (k,).

    Raises
    ------
    ValueError
        If Newton's steps do not settle.
    """
    ridge = np.r_[np.zeros(unpenalised), np.full(x.shape[1] - unpenalised, float(penalty))]
    b = np.zeros(x.shape[1])
    for _ in range(rounds):
        prob = 1 / (1 + np.exp(-x @ b))
        hessian = x.T @ (x * (prob * (1 - prob))[:, None]) + np.diag(ridge)
        step = np.linalg.solve(hessian, x.T @ (y - prob) - ridge * b)
        b = b + step
        if np.abs(step).max() < 1e-10:
            return b
    raise ValueError(f"logit did not converge in {rounds} Newton steps; raise penalty (now {penalty})")


def ridge_logit(x, w, c, n_iterations=30):
    """Logistic regression on standardised columns with penalty ``|b|^2 / (2 C)``; the intercept is free.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    w : ndarray of 0 and 1, shape (n,)
    c : float
        Inverse strength of the penalty, above 0, as scikit-learn's ``C``.

    Returns
    -------
    predict : callable
        Probabilities for new rows, shape (m,).
    """
    centre, scale = x.mean(0), x.std(0)
    scale = np.where(scale > 0, scale, 1)

    def columns(rows):
        return np.column_stack([np.ones(len(rows)), (rows - centre) / scale])

    z = columns(x)
    penalty = np.r_[0, np.full(x.shape[1], 1 / c)]
    b = np.zeros(z.shape[1])
    b[0] = np.log(w.mean() / (1 - w.mean()))

    def loss(b):
        odds = z @ b
        return (np.logaddexp(0, odds) - w * odds).sum() + 0.5 * penalty @ b**2

    now = loss(b)
    for _ in range(n_iterations):
        p = 1 / (1 + np.exp(-z @ b))
        step = np.linalg.solve(z.T @ (z * (p * (1 - p))[:, None]) + np.diag(penalty), z.T @ (w - p) - penalty * b)
        while (new := loss(b + step)) > now + 1e-9 and np.abs(step).max() > 1e-8:
            step = step / 2
        b, now = b + step, new
        if np.abs(step).max() < 1e-8:
            break
    return lambda rows: 1 / (1 + np.exp(-columns(rows) @ b))
