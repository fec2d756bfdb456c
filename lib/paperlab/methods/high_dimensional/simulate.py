"""Designs with more columns than rows, outcomes, clusters and contamination."""

from typing import NamedTuple

import numpy as np


def draw_covariates(n, p, rho, rng):
    """Stand-in covariates: rows N(0, rho^|i-j|), by the AR(1) recursion."""
    z = rng.standard_normal((p, n))
    for j in range(1, p):
        z[j] = rho * z[j - 1] + np.sqrt(1 - rho**2) * z[j]
    return np.ascontiguousarray(z.T)


def draw_outcome(x, s, link, snr, rng):
    """The paper's outcomes: s random columns carry a signal, linear, squared, or through a binary response.

    Parameters
    ----------
    x : ndarray, shape (n, p)
    s : int
        Active columns, below p.
    link : {"linear", "square", "binary", "binary square"}
    snr : float
        Signal-to-noise ratio of the continuous outcomes.
    rng : numpy.random.Generator

    Returns
    -------
    y : ndarray, shape (n,)
    active : ndarray of bool, shape (p,)

    Notes
    -----
    Coefficients are N(6, Toeplitz(0.6^|i-j|)). Binary: P(Y = 1) = (1 + tanh(signal / 2)) / 2, signal standardised.
    """
    n, p = x.shape
    if not 1 <= s < p:
        raise ValueError(f"s must lie between 1 and {p - 1}, got {s}")
    if link not in ("linear", "square", "binary", "binary square"):
        raise ValueError(f"link must be linear, square, binary or 'binary square', got {link!r}")
    chosen = rng.choice(p, s, replace=False)
    z = rng.standard_normal(s)
    for j in range(1, s):
        z[j] = 0.6 * z[j - 1] + 0.8 * z[j]
    beta = 6 + z
    signal_x = (x[:, chosen] - x[:, chosen].mean(axis=0)) / x[:, chosen].std(axis=0)
    if link.endswith("square"):
        signal_x = signal_x**2
        signal_x = (signal_x - signal_x.mean(axis=0)) / signal_x.std(axis=0)
    signal = signal_x @ beta
    if link.startswith("binary"):
        standard = (signal - signal.mean()) / signal.std()
        y = (rng.random(n) < (1 + np.tanh(standard / 2)) / 2).astype(float)
    else:
        y = signal + np.sqrt(signal.var() / snr) * rng.standard_normal(n)
    active = np.zeros(p, bool)
    active[chosen] = True
    return y, active


BLOCKS = ((0.5, 1.0), (5.0, 2.0), (10.0, 3.0), (20.0, 4.0), (50.0, 5.0))


class Design(NamedTuple):
    """Regression data: ``x`` (n, p) standardised, ``y`` (n,), ``beta`` (p,) and, if asked for, a test set."""

    x: np.ndarray
    y: np.ndarray
    beta: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def _rows(n, p, tau, rng):
    """Rows N(0, tau^|i-j|), drawn by the AR(1) recursion along the columns."""
    z = rng.standard_normal((p, n))
    for j in range(1, p):
        z[j] = tau * z[j - 1] + np.sqrt(1 - tau**2) * z[j]
    return z.T


def draw_design(n, tau, snr, rng, *, n_test=0, gap=500, per_block=10):
    """The paper's regression design: five blocks of active covariates, ``gap`` zeros between blocks.

    Parameters
    ----------
    n, n_test : int
        Observations for training and testing.
    tau, snr : float
        Correlation of neighbouring columns, in [0, 1); signal-to-noise ratio, positive.
    rng : numpy.random.Generator
    gap, per_block : int
        500 and 10 give the paper's 2,050 columns.

    Returns
    -------
    Design
        Columns are standardised with the training moments and ``beta`` is rescaled to match.

    Raises
    ------
    ValueError
        If tau or snr is out of range.
    """
    if not 0 <= tau < 1:
        raise ValueError(f"tau must lie in [0, 1), got {tau}; 1 would make all columns equal")
    if not snr > 0:
        raise ValueError(f"snr must be positive, got {snr}")
    p = len(BLOCKS) * per_block + (len(BLOCKS) - 1) * gap
    beta = np.zeros(p)
    for b, (mean, sd) in enumerate(BLOCKS):
        start = b * (gap + per_block)
        beta[start : start + per_block] = rng.normal(mean, sd, per_block)
    active = np.flatnonzero(beta)
    variance = beta[active] @ tau ** np.abs(active[:, None] - active) @ beta[active]
    x = _rows(n + n_test, p, tau, rng)
    y = x @ beta + np.sqrt(variance / snr) * rng.standard_normal(n + n_test)
    scale = x[:n].std(axis=0)
    x = (x - x[:n].mean(axis=0)) / scale
    return Design(np.ascontiguousarray(x[:n]), y[:n], beta * scale, x[n:], y[n:])


def draw_clusters(rng, n_clusters, m, beta, *, sigma_e=1.0, sigma_u=0.7, nu=np.inf):
    """Clusters of m observations with standard normal covariates; column 0 of x is the intercept.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_clusters, m : int
    beta : array_like, shape (p,)
        First entry is the intercept.
    sigma_e, sigma_u, nu : float
        Scales; a finite nu divides both random effect and errors by one chi root for each cluster.

    Returns
    -------
    x, y, groups : ndarray, shapes (n, p), (n,), (n,)
    """
    beta = np.asarray(beta, float)
    n = n_clusters * m
    groups = np.repeat(np.arange(n_clusters), m)
    x = np.column_stack([np.ones(n), rng.standard_normal((n, beta.size - 1))])
    deviation = sigma_u * rng.standard_normal(n_clusters)[groups] + sigma_e * rng.standard_normal(n)
    if np.isfinite(nu):
        deviation /= np.sqrt(rng.chisquare(nu, n_clusters) / nu)[groups]
    return x, x @ beta + deviation, groups


def contaminate(x, y, groups, share, sd, rng, kind="cluster"):
    """Spoil a share of the data; returns new x and y.

    Parameters
    ----------
    kind : {"cluster", "cell", "leverage"}
        "cluster": noise of standard deviation ``sd`` on all outcomes of a share of the clusters; "cell": on the same
        number of outcomes, anywhere; "leverage": the first slope's covariate of those clusters is multiplied by sd
        after the outcome was drawn.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share}")
    if kind not in ("cluster", "cell", "leverage"):
        raise ValueError(f"kind must be cluster, cell or leverage, got {kind!r}")
    labels = np.unique(groups)
    spoilt = np.isin(groups, rng.choice(labels, round(share * labels.size), replace=False))
    if kind == "cell":
        spoilt = np.isin(np.arange(y.size), rng.choice(y.size, spoilt.sum(), replace=False))
    if kind == "leverage":
        x = x.copy()
        x[spoilt, 1] *= sd
        return x, y
    return x, y + spoilt * sd * rng.standard_normal(y.size)
