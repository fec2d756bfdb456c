"""Tests of cross-section dependence in panels with latent factors.

A panel is an array ``y`` of shape ``(n_units, n_periods)``: one row per unit, one column per period. The
functions remove unit means, estimate principal components, and ask whether the residuals of different units
are correlated. Equations are numbered as on page ``cd_test``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from paperlab.methods.foundations.components import principal_components

__all__ = [
    "CDResult",
    "LowPowerWarning",
    "bias_theta",
    "cd_kernel",
    "cd_statistic",
    "cd_tests",
    "check_panel",
    "jr_statistics",
    "mean_correlations",
    "principal_components",
]

MIN_INFORMATION = 0.02
"""Below this value of ``1 - theta`` the loadings nearly span the unit vector and CD* has no power."""


class LowPowerWarning(UserWarning):
    """The estimated loadings nearly span the unit vector, so CD* divides two numbers close to zero."""


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
        """Two-sided p-value of ``statistic`` (name of an attribute)."""
        return float(2 * norm.sf(abs(getattr(self, statistic))))


def _unit_name(names, i):
    return f"unit {i}" if names is None else f"unit {i} ({names[i]})"


def check_panel(y, n_factors=0, names=None):
    """Return ``y`` as a float array (n_units, n_periods), or raise a ValueError naming the unit at fault."""
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
    bad = ~np.isfinite(y)
    if bad.any():
        i, t = np.argwhere(bad)[0]
        raise ValueError(
            f"y must be finite, got {y[i, t]} for {_unit_name(names, i)} in period {t} "
            f"({bad.sum()} such values); "
            "drop the unit or shorten the sample to a balanced panel"
        )
    if not 0 <= n_factors < min(n, T):
        raise ValueError(
            f"n_factors must be at least 0 and below min(n_units, n_periods) = {min(n, T)}, got {n_factors}"
        )
    constant = np.ptp(y, axis=1) <= 1e-12 * np.maximum(1e-300, np.abs(y).max(axis=1))
    if constant.any():
        i = int(np.argmax(constant))
        raise ValueError(f"y must vary over time, got a constant series for {_unit_name(names, i)}; drop that unit")
    return y


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

    Notes
    -----
    Page ``cd_test``, eqs. (4) and (5), with ``phi = S^{-1} mean(w_i gamma_i / sigma_i)`` and ``S =
    Gamma'Gamma / n``. The factor ``S^{-1}`` makes the result the same for every rotation and scaling of the
    loadings.
    """
    n, m = loadings.shape
    if m == 0:
        return 0.0
    w = np.ones(n) if weights is None else weights
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

    Notes
    -----
    Page ``cd_test``, eq. (3). The sum over pairs follows from ``(sum_i z_it)^2``:
    ``sum_{i<j} rho_ij = (mean_t (sum_i z_it)^2 - n) / 2``.
    """
    n, T = z.shape
    total = z.sum(axis=0) if weights is None else weights @ z
    size = n if weights is None else float(weights @ weights)
    return float(np.sqrt(T / (2.0 * n * (n - 1))) * (total @ total / T - size))


def jr_statistics(z, rng):
    """Randomised CD statistics of Juodis and Reese.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised residuals as in `cd_statistic`.
    rng : numpy.random.Generator
        Source of the random signs.

    Returns
    -------
    jr_w, jr_w_plus : float
        CD with random signs, and the same plus the screened sum of correlations above ``2 sqrt(ln(n) / T)``.

    Notes
    -----
    Page ``cd_test``, eqs. (7) and (8).
    """
    n, T = z.shape
    jr_w = cd_statistic(z, np.where(rng.random(n) < 0.5, -1.0, 1.0))
    size = z @ z.T
    np.abs(size, out=size)
    np.fill_diagonal(size, 0.0)
    large = size.sum(where=size > 2.0 * np.sqrt(T * np.log(n)))  # T times the correlation; each pair stands there twice
    return jr_w, jr_w + float(large) / (2 * T)


def cd_kernel(y, n_factors, weights=None):
    """CD, theta, CD* and residuals of one panel, without checks; the inner step of the Monte Carlo.

    Parameters
    ----------
    y : ndarray, shape (n_units, n_periods)
        Panel; unit means are removed here.
    n_factors : int
        Number of principal components to remove.
    weights : ndarray, shape (n_units,), optional
        Weights +1 or -1 of the units.

    Returns
    -------
    cd, theta, cd_star : float
    z : ndarray, shape (n_units, n_periods)
        Standardised residuals.

    Notes
    -----
    Page ``cd_test``, eqs. (2) to (6).
    """
    y = y - y.mean(axis=1, keepdims=True)
    factors, loadings = principal_components(y, n_factors)
    z = y - loadings @ factors.T if n_factors else y
    sigma = np.sqrt(np.einsum("it,it->i", z, z) / z.shape[1])
    z /= sigma[:, None]
    cd = cd_statistic(z, weights)
    theta = bias_theta(loadings, sigma, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        cd_star = float((cd + np.sqrt(z.shape[1] / 2.0) * theta) / np.float64(1.0 - theta))
    return cd, theta, cd_star, z


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
    y = check_panel(y, n_factors, names)
    if weights is not None:
        weights = np.asarray(weights, dtype=float)
        if weights.shape != (len(y),) or not np.allclose(weights**2, 1.0):
            raise ValueError(f"weights must be {len(y)} values of +1 or -1, got shape {weights.shape}")
    with np.errstate(divide="ignore", invalid="ignore"):
        cd, theta, cd_star, z = cd_kernel(y, n_factors, weights)
    scale = y.std(axis=1)
    exact = ~np.isfinite(z).all(axis=1)
    if not exact.any() and n_factors:
        demeaned = y - y.mean(axis=1, keepdims=True)
        factors, loadings = principal_components(demeaned, n_factors)
        exact = (demeaned - loadings @ factors.T).std(axis=1) <= 1e-8 * scale
    if exact.any():
        i = int(np.argmax(exact))
        raise ValueError(
            f"n_factors = {n_factors} fits {_unit_name(names, i)} exactly and leaves no residual; "
            "take fewer factors or drop that unit"
        )
    if 1.0 - theta < MIN_INFORMATION:
        warnings.warn(
            f"1 - theta = {1.0 - theta:.4f} is below {MIN_INFORMATION}: "
            "the loadings nearly span the unit vector, CD* has next to no power here",
            LowPowerWarning,
            stacklevel=2,
        )
    jr_w, jr_w_plus = (np.nan, np.nan) if rng is None else jr_statistics(z, rng)
    return CDResult(cd, cd_star, theta, jr_w, jr_w_plus, n_factors)


def mean_correlations(z, groups):
    """Mean residual correlation of pairs inside the same group and of pairs across groups.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised residuals.
    groups : array_like, shape (n_units,)
        Group label of each unit.

    Returns
    -------
    inside, across : float
    n_inside : int
        Number of pairs inside a group.
    """
    corr = z @ z.T / z.shape[1]
    i, j = np.triu_indices(len(z), 1)
    groups = np.asarray(groups)
    same = groups[i] == groups[j]
    pairs = corr[i, j]
    return float(pairs[same].mean()), float(pairs[~same].mean()), int(same.sum())
