"""Designs with more columns than rows, outcomes, clusters and contamination."""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite

LINKS = ("linear", "square", "binary", "binary square")
KINDS = ("cluster", "cell", "leverage")
BLOCKS = ((0.5, 1.0), (5.0, 2.0), (10.0, 3.0), (20.0, 4.0), (50.0, 5.0))  # mean and sd of the coefficients


@dataclass(frozen=True)
class Outcome:
    """An outcome (n,) and which columns it depends on, ``active`` (p,)."""

    y: np.ndarray
    active: np.ndarray


@dataclass(frozen=True)
class Design:
    """Regression data: ``x`` (n, p) standardised, ``y`` (n,), ``beta`` (p,) and, if asked for, a test set."""

    x: np.ndarray
    y: np.ndarray
    beta: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Clusters:
    """Clustered data: ``x`` (n, p), intercept in column 0, ``y`` (n,), ``groups`` (n,) the cluster of each row."""

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray


def _neighbours(n, p, rho, rng):
    """Rows N(0, rho^|i-j|), drawn by the AR(1) recursion along the columns."""
    if not -1 < rho < 1:
        raise ValueError(f"the correlation of neighbouring columns must lie between -1 and 1, got {rho}")
    z = rng.standard_normal((p, n))
    for j in range(1, p):
        z[j] = rho * z[j - 1] + np.sqrt(1 - rho**2) * z[j]
    return z.T


def draw_covariates(n, p, rho, *, rng):
    """Stand-in covariates: n rows N(0, rho^|i-j|) of p columns.

    Parameters
    ----------
    n, p : int
    rho : float
        Correlation of neighbouring columns, between -1 and 1.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n, p)

    Raises
    ------
    ValueError
        If rho is out of its range.
    """
    return np.ascontiguousarray(_neighbours(n, p, rho, rng))


def draw_outcome(x, s, link, snr, *, rng):
    """The paper's outcomes: s random columns carry a signal, linear, squared, or through a binary response.

    Parameters
    ----------
    x : array_like, shape (n, p)
    s : int
        Active columns, below p.
    link : {"linear", "square", "binary", "binary square"}
    snr : float
        Signal-to-noise ratio of the continuous outcomes, positive.
    rng : numpy.random.Generator

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If x is not finite, a number is out of its range, or the link is unknown.

    Notes
    -----
    Coefficients are N(6, Toeplitz(0.6^|i-j|)). Binary: P(Y = 1) = (1 + tanh(signal / 2)) / 2, signal standardised.
    """
    x = finite("x", x)
    n, p = x.shape
    if not 1 <= s < p:
        raise ValueError(f"s must lie between 1 and {p - 1}, got {s}")
    if link not in LINKS:
        raise ValueError(f"link must be one of {', '.join(map(repr, LINKS))}, got {link!r}")
    if not snr > 0:
        raise ValueError(f"snr must be positive, got {snr}")
    chosen = rng.choice(p, s, replace=False)
    beta = 6 + _neighbours(1, s, 0.6, rng)[0]
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
    return Outcome(y, active)


def draw_design(n, tau, snr, *, n_test=0, gap=500, per_block=10, rng):
    """The paper's regression design: five blocks of active covariates, ``gap`` zeros between blocks.

    Parameters
    ----------
    n, n_test : int
        Observations for training and testing.
    tau, snr : float
        Correlation of neighbouring columns, in [0, 1); signal-to-noise ratio, positive.
    gap, per_block : int
        500 and 10 give the paper's 2,050 columns.
    rng : numpy.random.Generator

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
    x = _neighbours(n + n_test, p, tau, rng)
    y = x @ beta + np.sqrt(variance / snr) * rng.standard_normal(n + n_test)
    scale = x[:n].std(axis=0)
    x = (x - x[:n].mean(axis=0)) / scale
    return Design(np.ascontiguousarray(x[:n]), y[:n], beta * scale, x[n:], y[n:])


def draw_clusters(n_clusters, cluster_size, beta, *, sigma_e=1.0, sigma_u=0.7, nu=np.inf, rng):
    """Clusters of equal size with standard normal covariates; column 0 of x is the intercept.

    Parameters
    ----------
    n_clusters, cluster_size : int
    beta : array_like, shape (p,)
        First entry is the intercept.
    sigma_e, sigma_u, nu : float
        Scales of errors and random intercepts; a finite nu divides both by one chi root for each cluster.
    rng : numpy.random.Generator

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        If a scale is negative or nu is not positive.
    """
    if not (sigma_e >= 0 and sigma_u >= 0 and nu > 0):
        raise ValueError(f"scales must not be negative and nu positive, got {sigma_e}, {sigma_u} and nu = {nu}")
    beta = finite("beta", beta)
    n = n_clusters * cluster_size
    groups = np.repeat(np.arange(n_clusters), cluster_size)
    x = np.column_stack([np.ones(n), rng.standard_normal((n, beta.size - 1))])
    deviation = sigma_u * rng.standard_normal(n_clusters)[groups] + sigma_e * rng.standard_normal(n)
    if np.isfinite(nu):
        deviation /= np.sqrt(rng.chisquare(nu, n_clusters) / nu)[groups]
    return Clusters(x, x @ beta + deviation, groups)


def contaminate(clusters, share, sd, *, kind="cluster", rng):
    """Spoil a share of the data; the given data stay as they are.

    Parameters
    ----------
    clusters : Clusters
    share : float
        Of the clusters, in [0, 1].
    sd : float
        Of the extra noise, or factor of the covariate.
    kind : {"cluster", "cell", "leverage"}
        "cluster": noise of standard deviation ``sd`` on all outcomes of a share of the clusters; "cell": on the same
        number of outcomes, anywhere; "leverage": the first slope's covariate of those clusters is multiplied by sd
        after the outcome was drawn.
    rng : numpy.random.Generator

    Returns
    -------
    Clusters

    Raises
    ------
    ValueError
        If share is out of its range, or kind unknown.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie in [0, 1], got {share}")
    if kind not in KINDS:
        raise ValueError(f"kind must be cluster, cell or leverage, got {kind!r}")
    x, y, groups = clusters.x, clusters.y, clusters.groups
    labels = np.unique(groups)
    spoilt = np.isin(groups, rng.choice(labels, round(share * labels.size), replace=False))
    if kind == "cell":
        spoilt = np.isin(np.arange(y.size), rng.choice(y.size, spoilt.sum(), replace=False))
    if kind == "leverage":
        x = x.copy()
        x[spoilt, 1] *= sd
        return Clusters(x, y, groups)
    return Clusters(x, y + spoilt * sd * rng.standard_normal(y.size), groups)
