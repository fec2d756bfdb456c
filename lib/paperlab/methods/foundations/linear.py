"""Linear and logistic regression: least squares, two stages, ridge, covariances by cluster."""

import numpy as np

from paperlab.methods.foundations.checks import finite, full_rank


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
        ``exogenous`` holds the constant; at least as many instruments as endogenous variables.

    Returns
    -------
    coef, se : ndarray, shape (..., k_endogenous + k_exogenous)
        Endogenous variables first; standard errors without a small-sample factor (HC0).

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
    >>> coef, se = two_stage_least_squares(y, a[:, None], np.ones((4, 1)), z[:, None])
    >>> coef.round(3)  # Wald ratio (4.5 - 1.5) / (1.5 - 0.5), and the constant
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
            f"instruments has {instruments.shape[-1]} columns for {endogenous.shape[-1]} endogenous ones: {last} is not "
            f"identified; give an instrument for each, or leave {last} out"
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
    """Ordinary least squares; coefficients and HC0 standard errors, shape ``(..., k)``.

    Parameters
    ----------
    y : ndarray, shape (..., n)
    b : ndarray, shape (..., n, k)
        Regressors, the constant among them; more rows than columns.

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), or a column is a linear combination of others (names it).

    Examples
    --------
    >>> coef, se = ols([1.0, 2.0, 3.0, 6.0], np.column_stack([np.ones(4), [0, 1, 1, 2]]))
    >>> coef.round(3), se.round(3)
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
    return coef, np.sqrt(((pinv * residual[..., None, :]) ** 2).sum(-1))


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
