"""Simulated panels with latent factors of chosen strength, and the Monte Carlo study of tests on them.

The design follows page ``cd_test``, eqs. (9) to (11).
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import pandas as pd
import scipy.linalg

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.monte_carlo import replicate
from paperlab.methods.panel import dependence, filters

__all__ = [
    "ERRORS",
    "STATISTICS",
    "Design",
    "Panel",
    "Study",
    "draw_errors",
    "factor_panel",
    "garch_errors",
    "monte_carlo",
    "neighbour_matrix",
    "spatial_filter",
]

ERRORS = ("gauss", "chi2", "t5")
STATISTICS = ("cd", "cd_star", "theta", "jr_w", "jr_w_plus")
BURN_IN = 50
_FRACTIONS = {2 / 3: "2/3", 1 / 2: "1/2", 1 / 3: "1/3"}


@dataclass(frozen=True)
class Design:
    """One cell of a Monte Carlo experiment.

    Attributes
    ----------
    n, T : int
        Number of units and of periods.
    alphas : tuple of float
        Strength of each factor: about ``n**alpha`` units load on it. Its length is the true number of
        factors.
    m_hat : int or None
        Number of principal components removed; ``None`` takes the true number.
    errors : {"gauss", "chi2", "t5"}
        Distribution of the shocks, all with mean 0 and variance 1.
    rho : float
        Spatial dependence of the errors between neighbours; 0 is the null hypothesis.
    ar : float
        First-order autocorrelation of the errors.
    prewhiten : int
        Order of the autoregression fitted to each unit before the factors are removed.
    standardise : bool
        Divide each unit by its standard deviation before the factors are removed.
    regressor : bool
        Add one regressor that loads on the same factors; it is removed by CCE before the test.
    loading_var : float or None
        Variance of the loadings of every factor; ``None`` keeps 0.5 for the first and 1 for the others.
    """

    n: int
    T: int
    alphas: tuple[float, ...] = (1.0,)
    m_hat: int | None = None
    errors: str = "gauss"
    rho: float = 0.0
    ar: float = 0.0
    prewhiten: int = 0
    standardise: bool = False
    regressor: bool = False
    loading_var: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "alphas", tuple(float(a) for a in self.alphas))
        _check_errors(self.errors)
        if self.loading_var is not None and not self.loading_var >= 0:
            raise ValueError(f"loading_var must not be negative, got {self.loading_var}; it is a variance")
        if operator.index(self.prewhiten) < 0:
            raise ValueError(f"prewhiten must be at least 0, got {self.prewhiten}; it is a number of lags")
        if not all(0.0 <= a <= 1.0 for a in self.alphas):
            raise ValueError(f"alphas must lie between 0 and 1, got {self.alphas}")
        if not -1.0 < self.rho < 1.0:
            raise ValueError(f"rho must lie between -1 and 1, got {self.rho}; the spatial filter is singular beyond")
        if not -1.0 < self.ar < 1.0:
            raise ValueError(f"ar must lie between -1 and 1, got {self.ar}; the errors would not be stationary")
        smallest = min(self.n, self.T - self.prewhiten)
        if not 0 <= self.n_factors < smallest:
            raise ValueError(f"m_hat must be at least 0 and below min(n, T) = {smallest}, got {self.n_factors}")

    @property
    def n_factors(self):
        """Number of principal components that are removed."""
        return len(self.alphas) if self.m_hat is None else self.m_hat

    @property
    def strength(self):
        """Strengths of the factors as text, e.g. "1, 2/3"; "none" without factors."""
        return ", ".join(_FRACTIONS.get(alpha, f"{alpha:g}") for alpha in self.alphas) or "none"

    @property
    def key(self):
        """Name of the random streams. Cells that differ only in rho, m_hat or treatment share their draws."""
        return ("panel", self.n, self.T, repr(self.alphas), self.errors)


@dataclass(frozen=True)
class Panel:
    """A simulated panel ``y`` (n, T) and its regressor ``x`` (n, T), ``None`` if the design has none."""

    y: np.ndarray
    x: np.ndarray | None = None


def _check_errors(errors):
    if errors not in ERRORS:
        raise ValueError(f"errors must be one of {', '.join(ERRORS)}, got {errors!r}")


def neighbour_matrix(n):
    """Row-normalised matrix of a line on which each unit has one neighbour on each side.

    Parameters
    ----------
    n : int

    Returns
    -------
    w : ndarray, shape (n, n)

    Raises
    ------
    ValueError
        If ``n`` is below 2: a single unit has no neighbour.
    """
    if operator.index(n) < 2:
        raise ValueError(f"n must be at least 2, got {n}; a single unit has no neighbour")
    w = np.zeros((n, n))
    i = np.arange(n - 1)
    w[i, i + 1] = w[i + 1, i] = 1.0
    return w / w.sum(axis=1, keepdims=True)


@lru_cache(maxsize=64)
def _spatial_scale(n, rho):
    inverse = np.linalg.inv(np.eye(n) - rho * neighbour_matrix(n))
    return np.sqrt(n / np.sum(inverse**2))


def spatial_filter(shocks, rho):
    """Errors ``c (I - rho W)^{-1} shocks`` with mean variance 1.

    Parameters
    ----------
    shocks : ndarray, shape (n_units, n_periods)
        Independent shocks with variance 1.
    rho : float
        Spatial dependence, between -1 and 1.

    Returns
    -------
    errors : ndarray, shape (n_units, n_periods)

    Raises
    ------
    ValueError
        If ``rho`` does not lie between -1 and 1, a shock is missing, or there are fewer than 3 units.

    Notes
    -----
    Page ``cd_test``, eq. (11). ``W`` has two bands, so the system is solved in time proportional to
    ``n_units``.
    """
    shocks = finite("shocks", shocks)
    n = len(shocks)
    if not -1.0 < rho < 1.0 or n < 3:
        raise ValueError(f"rho must lie between -1 and 1 and shocks hold 3 units or more, got {rho} and {n} units")
    if rho == 0.0:
        return shocks
    bands = np.zeros((3, n))
    bands[1] = 1.0
    bands[0, 1:] = bands[2, :-1] = -rho / 2
    bands[0, 1] = bands[2, -2] = -rho  # the units at both ends have a single neighbour
    return _spatial_scale(n, rho) * scipy.linalg.solve_banded((1, 1), bands, shocks, check_finite=False)


def draw_errors(shape, errors, *, rng):
    """Independent shocks with mean 0 and variance 1.

    Parameters
    ----------
    shape : tuple of int
    errors : {"gauss", "chi2", "t5"}
        N(0, 1), ``(chi2(2) - 2) / 2``, or Student t with 5 degrees of freedom times ``sqrt(3 / 5)``.
    rng : numpy.random.Generator

    Returns
    -------
    shocks : ndarray of the given shape

    Raises
    ------
    ValueError
        If ``errors`` is no known distribution.
    """
    _check_errors(errors)
    if errors == "gauss":
        return rng.standard_normal(shape)
    if errors == "chi2":  # a chi-square variable with 2 degrees of freedom is twice an exponential one
        return rng.standard_exponential(shape) - 1.0
    return rng.standard_t(5, shape) * np.sqrt(3 / 5)


def garch_errors(n, T, *, rng, errors="gauss", shared=False):
    """Errors whose volatility comes and goes: GARCH(1, 1) with mean variance 1.

    Parameters
    ----------
    n, T : int
        Number of units and of periods.
    rng : numpy.random.Generator
    errors : {"gauss", "chi2", "t5"}
        Distribution of the shocks, as in `draw_errors`.
    shared : bool
        One volatility for all units, which follows a market shock of its own; else each unit has its own.

    Returns
    -------
    errors : ndarray, shape (n, T)
        Uncorrelated across units and over time in both cases; independent across units only without ``shared``.

    Notes
    -----
    Page ``cd_test``, exercise 2: ``h_t = 0.05 + 0.2 u_{t-1}^2 + 0.75 h_{t-1}``, started at its mean.
    """
    shocks = draw_errors((T + BURN_IN, n), errors, rng=rng)
    drive = draw_errors((T + BURN_IN, 1), errors, rng=rng) if shared else shocks
    h = np.ones(drive.shape[1])
    out = np.empty_like(shocks)
    for t in range(T + BURN_IN):
        out[t] = np.sqrt(h) * shocks[t]
        h = 0.05 + (0.2 * drive[t] ** 2 + 0.75) * h
    return out[BURN_IN:].T


@lru_cache(maxsize=64)
def _ar1_weights(length, coefficient):
    """Weights (length, length - BURN_IN) of past shocks in an AR(1) of variance 1."""
    powers = np.sqrt(1.0 - coefficient**2) * coefficient ** np.arange(length)
    return np.triu(scipy.linalg.toeplitz(powers))[:, BURN_IN:]


def _ar1(shocks, coefficient):
    """Stationary first-order autoregression with variance 1 along the last axis; the burn-in is dropped."""
    return shocks @ _ar1_weights(shocks.shape[-1], coefficient)


def _loadings(n, alphas, means, variances, *, rng):
    """Loadings (n, m): about ``n**alpha`` random units load on a factor of strength alpha, the others have zeros."""
    gamma = np.zeros((n, len(alphas)))
    for j, alpha in enumerate(alphas):
        count = max(1, int(n**alpha + 1e-9))
        units = np.arange(n) if count == n else rng.choice(n, count, replace=False)
        gamma[units, j] = means[j] + np.sqrt(variances[j]) * rng.standard_normal(count)
    return gamma


def factor_panel(design, *, rng, shocks=None):
    """Draw one panel.

    Parameters
    ----------
    design : Design
    rng : numpy.random.Generator
    shocks : ndarray, shape (n, T), optional
        Errors to use in place of ``design.errors`` (then ``rho`` and ``ar`` are not applied).

    Returns
    -------
    Panel

    Raises
    ------
    ValueError
        If ``shocks`` have another shape than the design, or miss a value.

    Notes
    -----
    Page ``cd_test``, eqs. (9) to (11): factors are AR(1) with coefficient 0.5 and variance 1; loadings N(0.5,
    0.5) on the first factor and N(1, 1) on the others (mean, variance); error variances ``0.5 + chi2(2) /
    4``; intercepts N(1, 1).
    """
    n, T, m = design.n, design.T, len(design.alphas)
    factors = _ar1(rng.standard_normal((m, T + BURN_IN)), 0.5)
    means = [0.5] + [1.0] * m
    variances = [0.5] + [1.0] * m if design.loading_var is None else [design.loading_var] * (m + 1)
    gamma = _loadings(n, design.alphas, means, variances, rng=rng)
    sigma = np.sqrt(0.5 + rng.standard_exponential(n) / 2)
    intercept = 1.0 + rng.standard_normal(n)
    if shocks is None:
        shape = (n, T + BURN_IN) if design.ar else (n, T)
        shocks = spatial_filter(draw_errors(shape, design.errors, rng=rng), design.rho)
        if design.ar:
            shocks = _ar1(shocks, design.ar)
    elif finite("shocks", shocks).shape != (n, T):
        raise ValueError(f"shocks must have shape {(n, T)}, one per unit and period, got {np.shape(shocks)}")
    common = gamma @ factors / np.sqrt(m) if m else 0.0
    y = intercept[:, None] + sigma[:, None] * (common + shocks)
    if not design.regressor:
        return Panel(y)
    x_loadings = _loadings(n, [1.0] * m, [1.0] + [0.5] * m, [0.5] * (m + 1), rng=rng)
    x = rng.standard_normal((n, 1)) + x_loadings @ factors + rng.standard_normal((n, T))
    return Panel(y + (1.0 + 0.5 * rng.standard_normal((n, 1))) * x, x)


def _replication(design, rng):
    panel = factor_panel(design, rng=rng)
    y = panel.y if panel.x is None else filters.cce_residuals(panel.y, panel.x).residuals
    if design.prewhiten:
        y = filters.prewhiten(y, design.prewhiten)
    if design.standardise:
        y = y / y.std(axis=1, keepdims=True)
    found = dependence.cd_tests(y, design.n_factors, rng=rng)
    return {name: getattr(found, name) for name in STATISTICS}


def _cell(design, streams):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return replicate(partial(_replication, design), streams)


def monte_carlo(designs, n_replications, *, streams, n_jobs=2):
    """Statistics of many simulated panels.

    Parameters
    ----------
    designs : sequence of Design
        Cells of the experiment.
    n_replications : int
        Panels drawn from each cell.
    streams : callable
        ``streams(key, n)`` gives ``n`` seed sequences for a cell named by the tuple ``key`` (`Design.key`), the same at
        each call and the first ones the same for every ``n``: `paperlab.Paper.streams` on a page. Replication ``r`` of
        a cell draws from its own stream, so the numbers do not depend on ``n_jobs`` or on the other cells.
    n_jobs : int
        Number of processes, among which the cells are shared out.

    Returns
    -------
    draws : list of dict
        One entry per cell: name of the statistic (see ``STATISTICS``) to ndarray of shape (n_replications,).

    Raises
    ------
    ValueError
        If ``n_replications`` or ``n_jobs`` is below 1.
    """
    from joblib import Parallel, delayed

    for name, count in (("n_replications", n_replications), ("n_jobs", n_jobs)):
        if operator.index(count) < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    cells = (delayed(_cell)(design, streams(design.key, n_replications)) for design in designs)
    return Parallel(n_jobs=n_jobs)(cells)


class Study:
    """A Monte Carlo study in which each design is simulated once, when it is first asked for.

    Parameters
    ----------
    n_replications, streams, n_jobs
        As in `monte_carlo`.

    Examples
    --------
    >>> study = Study(20, streams=lambda key, n: np.random.SeedSequence(7).spawn(n), n_jobs=1)
    >>> table = study.rates([Design(30, 40), Design(30, 40, (1.0, 0.5))])
    >>> table[["n", "strength", "m_hat"]].to_dict("list")
    {'n': [30, 30], 'strength': ['1', '1, 1/2'], 'm_hat': [1, 2]}
    """

    def __init__(self, n_replications, *, streams, n_jobs=2):
        self.n_replications, self.streams, self.n_jobs = n_replications, streams, n_jobs
        self._draws = {}

    def draws(self, designs):
        """Statistics of the panels of each design, as `monte_carlo` gives them."""
        asked = [replace(design, m_hat=design.n_factors) for design in designs]
        new = [design for design in dict.fromkeys(asked) if design not in self._draws]
        found = monte_carlo(new, self.n_replications, streams=self.streams, n_jobs=self.n_jobs) if new else []
        self._draws.update(zip(new, found))
        return [self._draws[design] for design in asked]

    def rates(self, designs):
        """One row per design: what it is, the rejection rate of each test at the 5 % level, means of CD, CD* and theta.

        Returns
        -------
        DataFrame
            Columns n, T, strength, errors, m_hat, rho; cd, cd_star, jr_w, jr_w_plus (rates); mean_cd, mean_star, theta.
        """
        designs, rows = list(designs), []
        for design, cell in zip(designs, self.draws(designs)):
            row = {name: getattr(design, name) for name in ("n", "T", "strength", "errors")}
            row |= {"m_hat": design.n_factors, "rho": design.rho}
            row |= {test: np.mean(np.abs(cell[test]) > dependence.CRITICAL) for test in dependence.TESTS}
            means = {"mean_cd": "cd", "mean_star": "cd_star", "theta": "theta"}
            rows.append(row | {name: cell[statistic].mean() for name, statistic in means.items()})
        return pd.DataFrame(rows)
