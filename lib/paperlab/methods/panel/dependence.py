"""Tests of cross-section dependence in panels with latent factors.

A panel is an array ``y`` of shape ``(n_units, n_periods)``: one row per unit, one column per period. The
functions remove unit means, estimate principal components, and ask whether the residuals of different units
are correlated. Equations are numbered as on page ``cd_test``.
"""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from paperlab.methods.foundations.checks import codes, finite, full_rank
from paperlab.methods.foundations.components import principal_components

__all__ = [
    "CDResult",
    "FactorResiduals",
    "JRResult",
    "LowPowerWarning",
    "MeanCorrelations",
    "bias_theta",
    "cd_statistic",
    "cd_tests",
    "check_panel",
    "factor_residuals",
    "jr_statistics",
    "mean_correlations",
]

MIN_INFORMATION = 0.02
"""Below this value of ``1 - theta`` the loadings nearly span the unit vector and CD* has no power."""

TESTS = ("cd", "cd_star", "jr_w", "jr_w_plus")


class LowPowerWarning(UserWarning):
    """The estimated loadings nearly span the unit vector, so CD* divides two numbers close to zero."""


@dataclass(frozen=True)
class FactorResiduals:
    """A panel without its factors, and the CD statistics of what is left.

    Attributes
    ----------
    cd, cd_star : float
        Plain and bias-corrected CD statistic, eqs. (3) and (6).
    theta : float
        Estimated bias term, eq. (5).
    z : ndarray, shape (n_units, n_periods)
        Residuals, each unit divided by its standard deviation.
    """

    cd: float
    cd_star: float
    theta: float
    z: np.ndarray


@dataclass(frozen=True)
class JRResult:
    """Randomised statistics of Juodis and Reese, eqs. (7) and (8)."""

    jr_w: float
    jr_w_plus: float


@dataclass(frozen=True)
class CDResult:
    """Statistics of one panel; each one is compared with N(0, 1) from both sides.

    Attributes
    ----------
    cd, cd_star : float
        Plain and bias-corrected CD statistic, eqs. (3) and (6).
    theta : float
        Estimated bias term, eq. (5).
    jr_w, jr_w_plus : float
        Randomised statistics of Juodis and Reese, eqs. (7) and (8); ``nan`` if no generator was given.
    n_factors : int
        Number of principal components removed.
    """

    cd: float
    cd_star: float
    theta: float
    jr_w: float
    jr_w_plus: float
    n_factors: int

    def p_value(self, statistic="cd_star"):
        """Two-sided p-value of a statistic against N(0, 1).

        Parameters
        ----------
        statistic : {"cd", "cd_star", "jr_w", "jr_w_plus"}

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If there is no such test, or it was not computed.
        """
        if statistic not in TESTS:
            raise ValueError(f"statistic must be one of {', '.join(TESTS)}, got {statistic!r}")
        value = getattr(self, statistic)
        if np.isnan(value):
            raise ValueError(f"statistic {statistic} was not computed; pass rng to cd_tests")
        return float(2 * norm.sf(abs(value)))


@dataclass(frozen=True)
class MeanCorrelations:
    """Mean residual correlation of pairs of one group and of pairs across groups, and the number of pairs inside."""

    inside: float
    across: float
    n_inside: int


def _unit_name(names, i):
    return f"unit {i}" if names is None else f"unit {i} ({names[i]})"


def check_panel(y, n_factors=0, names=None):
    """The panel as a float array, checked.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
    n_factors : int
        Number of factors that will be removed.
    names : sequence of str, optional
        Names of the units, used in error messages.

    Returns
    -------
    y : ndarray, shape (n_units, n_periods)

    Raises
    ------
    ValueError
        If ``y`` has a missing value, a constant unit, fewer than 3 units or periods, or if ``n_factors`` is not
        below ``min(n_units, n_periods)``; the message names the unit.
    """
    y = np.asarray(y, dtype=float)
    if y.ndim != 2:
        raise ValueError(f"y must have two axes (n_units, n_periods), got shape {y.shape}")
    n, T = y.shape
    if n < 3:
        raise ValueError(f"y must hold at least 3 units, got {n}; rows are units, columns are periods")
    if T < 3:
        raise ValueError(f"y must hold at least 3 periods, got {T}; rows are units, columns are periods")
    if names is not None and len(names) != n:
        raise ValueError(f"names must have one entry per unit, got {len(names)} for {n} units")
    low, high = y.min(axis=1), y.max(axis=1)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        bad = ~np.isfinite(y)
        i, t = np.argwhere(bad)[0]
        raise ValueError(
            f"y must be finite, got {y[i, t]} for {_unit_name(names, i)} in period {t} "
            f"({bad.sum()} such values); "
            "drop the unit or shorten the sample to a balanced panel"
        )
    if not 0 <= operator.index(n_factors) < min(n, T):
        raise ValueError(
            f"n_factors must be at least 0 and below min(n_units, n_periods) = {min(n, T)}, got {n_factors}"
        )
    constant = high - low <= 1e-12 * np.maximum(np.abs(low), np.abs(high))
    if constant.any():
        i = int(np.argmax(constant))
        raise ValueError(f"y must vary over time, got a constant series for {_unit_name(names, i)}; drop that unit")
    return y


def _check_weights(weights, n):
    weights = finite("weights", weights)
    if weights.shape != (n,) or not np.allclose(weights**2, 1.0):
        raise ValueError(f"weights must be {n} values of +1 or -1, got shape {weights.shape}")
    return weights


def bias_theta(loadings, sigma, weights=None):
    """Bias term of the CD statistic, eqs. (4) and (5).

    Parameters
    ----------
    loadings : ndarray, shape (n_units, n_factors)
        Estimated loadings in any rotation.
    sigma : ndarray, shape (n_units,)
        Residual standard deviations, divisor ``n_periods``.
    weights : ndarray, shape (n_units,), optional
        Weights of the units with ``weights**2 == 1``; the CD statistic has weights 1.

    Returns
    -------
    theta : float
        ``1 - mean(a_i**2)``, at most 1.

    Raises
    ------
    ValueError
        If a value is missing, a standard deviation is not positive, a weight is not +1 or -1, or the columns of
        ``loadings`` are collinear.

    Notes
    -----
    Page ``cd_test``, eqs. (4) and (5), with ``phi = S^{-1} mean(w_i gamma_i / sigma_i)`` and ``S =
    Gamma'Gamma / n``. The factor ``S^{-1}`` makes the result the same for every rotation and scaling of the
    loadings.

    Examples
    --------
    Loadings that explain nothing of the unit vector need no correction:

    >>> round(bias_theta(np.array([[1.0], [-1.0]]), np.ones(2)), 12)
    0.0
    """
    loadings, sigma = finite("loadings", loadings), finite("sigma", sigma)
    n, m = loadings.shape
    if sigma.shape != (n,) or not (sigma > 0).all():
        raise ValueError(f"sigma must be {n} positive numbers, one per unit, got shape {sigma.shape}")
    full_rank("loadings", loadings, labels=[f"factor {j}" for j in range(m)])
    return _theta(loadings, sigma, np.ones(n) if weights is None else _check_weights(weights, n))


def _theta(loadings, sigma, w):
    n, m = loadings.shape
    if m == 0:
        return 0.0
    phi = np.linalg.solve(loadings.T @ loadings / n, loadings.T @ (w / sigma) / n)
    a = w - sigma * (loadings @ phi)
    return 1.0 - float(a @ a) / n


def cd_statistic(z, weights=None):
    """CD statistic of standardised residuals, without a loop over pairs.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Residuals divided by their standard deviation (divisor ``n_periods``), so that each row has mean
        square 1.
    weights : ndarray, shape (n_units,), optional
        Weights +1 or -1 of the units; all ones by default.

    Returns
    -------
    cd : float

    Raises
    ------
    ValueError
        If there are fewer than two units, a value is missing, or a weight is not +1 or -1.

    Notes
    -----
    Page ``cd_test``, eq. (3). The sum over pairs follows from ``(sum_i z_it)^2``:
    ``sum_{i<j} rho_ij = (mean_t (sum_i z_it)^2 - n) / 2``.

    Examples
    --------
    Two units that always move together have correlation 1 in their one pair:

    >>> cd_statistic(np.array([[1.0, -1, 1, -1], [1, -1, 1, -1]]))
    2.0
    """
    z = finite("z", z)
    if z.ndim != 2 or len(z) < 2:
        raise ValueError(f"z must have two axes (n_units, n_periods) and two units or more, got shape {z.shape}")
    return _cd(z, None if weights is None else _check_weights(weights, len(z)))


def _cd(z, w=None):
    n, T = z.shape
    total = z.sum(axis=0) if w is None else w @ z
    return float(np.sqrt(T / (2.0 * n * (n - 1))) * (total @ total / T - n))


def jr_statistics(z, *, rng):
    """Randomised CD statistics of Juodis and Reese.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised residuals as in `cd_statistic`.
    rng : numpy.random.Generator
        Source of the random signs.

    Returns
    -------
    JRResult
        CD with random signs, and the same plus the screened sum of correlations above ``2 sqrt(ln(n) / T)``.

    Raises
    ------
    ValueError
        As `cd_statistic`.

    Notes
    -----
    Page ``cd_test``, eqs. (7) and (8).
    """
    z = np.asarray(z, dtype=float)
    n, T = z.shape
    jr_w = cd_statistic(z, np.where(rng.random(n) < 0.5, -1.0, 1.0))  # checks z
    size = z @ z.T
    np.abs(size, out=size)
    np.fill_diagonal(size, 0.0)
    large = size.sum(where=size > 2.0 * np.sqrt(T * np.log(n)))  # T times the correlation; each pair stands there twice
    return JRResult(jr_w, jr_w + float(large) / (2 * T))


def factor_residuals(y, n_factors, *, weights=None, names=None):
    """Remove unit means and principal components, and compute CD and CD* of the residuals.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Balanced panel; unit means are removed.
    n_factors : int
        Number of principal components to remove.
    weights : array_like, shape (n_units,), optional
        Weights +1 or -1 of the units; all ones by default.
    names : sequence of str, optional
        Names of the units, used in error messages.

    Returns
    -------
    FactorResiduals

    Raises
    ------
    ValueError
        As `cd_tests`.

    Notes
    -----
    Page ``cd_test``, eqs. (2) to (6).
    """
    y = check_panel(y, n_factors, names)
    y = y - y.mean(axis=1, keepdims=True)
    pc = principal_components(y, n_factors)
    e = y - pc.common if n_factors else y
    n, T = y.shape
    sigma = np.sqrt(np.einsum("it,it->i", e, e) / T)
    exact = sigma <= 1e-8 * np.sqrt(np.einsum("it,it->i", y, y) / T)
    if exact.any():
        raise ValueError(
            f"n_factors = {n_factors} fits {_unit_name(names, int(np.argmax(exact)))} exactly and leaves no residual; "
            "take fewer factors or drop that unit"
        )
    z = e / sigma[:, None]
    w = np.ones(n) if weights is None else _check_weights(weights, n)
    cd, theta = _cd(z, None if weights is None else w), _theta(pc.loadings, sigma, w)
    if 1.0 - theta < 1e-10:
        raise ValueError(
            "y: the loadings span the vector of ones, theta = 1 and CD* is not defined; take other factors"
        )
    cd_star = float((cd + np.sqrt(T / 2.0) * theta) / (1.0 - theta))
    return FactorResiduals(cd, cd_star, theta, z)


def cd_tests(y, n_factors, *, rng=None, weights=None, names=None):
    """Test a panel for cross-section dependence that latent factors leave over.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Balanced panel; unit means are removed.
    n_factors : int
        Number of principal components to remove, at least the true number of strong factors.
    rng : numpy.random.Generator, optional
        Needed for the randomised statistics of Juodis and Reese.
    weights : array_like, shape (n_units,), optional
        Weights +1 or -1; the default is the CD statistic of the paper.
    names : sequence of str, optional
        Names of the units, used in error messages.

    Returns
    -------
    CDResult

    Raises
    ------
    ValueError
        If ``y`` has a missing value, a constant unit, fewer than 3 units or periods, if ``n_factors`` is not
        below ``min(n_units, n_periods)``, or if the factors fit a unit exactly.

    Warns
    -----
    LowPowerWarning
        If ``1 - theta`` is below 0.02.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> y = rng.standard_normal((40, 1)) * rng.standard_normal(60) + rng.standard_normal((40, 60))
    >>> bool(abs(cd_tests(y, 1).cd_star) < 3)
    True
    """
    left = factor_residuals(y, n_factors, weights=weights, names=names)
    if 1.0 - left.theta < MIN_INFORMATION:
        warnings.warn(
            f"1 - theta = {1.0 - left.theta:.4f} is below {MIN_INFORMATION}: "
            "the loadings nearly span the unit vector, CD* has next to no power here",
            LowPowerWarning,
            stacklevel=2,
        )
    jr = JRResult(np.nan, np.nan) if rng is None else jr_statistics(left.z, rng=rng)
    return CDResult(left.cd, left.cd_star, left.theta, jr.jr_w, jr.jr_w_plus, n_factors)


def mean_correlations(z, groups):
    """Mean residual correlation of pairs inside the same group and of pairs across groups.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised residuals.
    groups : sequence of hashable, shape (n_units,)
        Group label of each unit.

    Returns
    -------
    MeanCorrelations

    Raises
    ------
    ValueError
        If a value or a label is missing, no two units share a group, or all units belong to one.
    """
    z = finite("z", z)
    code = codes("groups", groups, len(z))
    i, j = np.triu_indices(len(z), 1)
    same = code[i] == code[j]
    if same.all() or not same.any():
        kind = "all units share one group" if same.all() else "no two units share a group"
        raise ValueError(f"groups must split the pairs of units in two kinds, but {kind}; use coarser or finer groups")
    pairs = (z @ z.T / z.shape[1])[i, j]
    return MeanCorrelations(float(pairs[same].mean()), float(pairs[~same].mean()), int(same.sum()))
