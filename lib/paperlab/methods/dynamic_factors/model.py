"""Dynamic factor model of a panel with gaps: Kalman smoother on collapsed observations, and EM.

A panel is an array ``y`` of shape ``(n_units, n_periods)``, NaN where missing; infinite values are refused.
The model is that of page ``dynamic_factors_pse``, eqs. (1) and (2), with free innovation covariance ``Q``.
"""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass

import numpy as np

from paperlab.methods.dynamic_factors.em import Observations, Parameters
from paperlab.methods.foundations.components import principal_components

__all__ = [
    "HeywoodWarning",
    "Parameters",
    "Result",
    "Standardised",
    "bic",
    "fit",
    "smooth",
    "standardise",
    "start_parameters",
]

NOISE_MIN = 0.005
"""Share of a unit's variance below which its own noise has all but vanished (a Heywood case)."""


class HeywoodWarning(UserWarning):
    """The factors fit a unit almost exactly: its noise variance runs to zero, the boundary of the model."""


@dataclass(frozen=True)
class Result:
    """A fitted or smoothed model.

    Attributes
    ----------
    parameters : Parameters
    smoothed, filtered : ndarray, shape (n_periods, k)
        Factors given all observations, and given those up to the same period only.
    loglike : float
        Log-likelihood of the observations at ``parameters``.
    path : ndarray
        Log-likelihood before each EM step; empty for `smooth`.
    converged : bool
        Whether the log-likelihood had settled to ``tol`` when EM ended; False where a fixed number of steps was run.
    mean, scale : ndarray, shape (n_units,)
        What `standardise` removed; loadings in the units of the data are ``scale[:, None] * loadings``.
    """

    parameters: Parameters
    smoothed: np.ndarray
    filtered: np.ndarray
    loglike: float
    path: np.ndarray
    converged: bool
    mean: np.ndarray
    scale: np.ndarray

    @property
    def data_loadings(self):
        """Loadings in the units of the data, shape (n_units, k)."""
        return self.scale[:, None] * self.parameters.loadings


@dataclass(frozen=True)
class Standardised:
    """A panel with mean 0 and standard deviation 1 per unit, and what was removed.

    Attributes
    ----------
    z : ndarray, shape (n_units, n_periods)
        NaN where missing.
    mean, scale : ndarray, shape (n_units,)
        In the units of the data.
    """

    z: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def _check_panel(y):
    """Panel as floats; infinite values and wrong shapes are refused, NaN is a gap."""
    y = np.asarray(y, dtype=float)
    if y.ndim != 2:
        raise ValueError(f"y must have two axes (n_units, n_periods), got shape {y.shape}")
    if np.isinf(y).any():
        i, t = np.argwhere(np.isinf(y))[0]
        raise ValueError(f"y is {y[i, t]} for unit {i} in period {t}; a missing value is nan, other values are finite")
    return y


def _check_weights(weights, shape):
    if weights is None:
        return None
    weights = np.asarray(weights, dtype=float)
    if weights.shape != shape or not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(f"weights must be positive, finite and have the shape of y, {shape}, got {weights.shape}")
    return weights


def standardise(y):
    """Panel with mean 0 and standard deviation 1 (divisor ``n_observed - 1``) per unit.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        NaN where missing.

    Returns
    -------
    Standardised

    Raises
    ------
    ValueError
        If a value is infinite, or a unit is constant or has fewer than three observations.

    Examples
    --------
    >>> standardise([[10.0, 20.0, 30.0, np.nan]]).z
    array([[-1.,  0.,  1., nan]])
    """
    y = _check_panel(y)
    counts = np.isfinite(y).sum(axis=1)
    if counts.min() < 3:
        raise ValueError(f"y: unit {counts.argmin()} has {counts.min()} observations, needs 3; leave it out")
    mean, scale = np.nanmean(y, axis=1), np.nanstd(y, axis=1, ddof=1)
    constant = scale <= 1e-12 * np.nanmax(np.abs(y), axis=1)
    if constant.any():
        raise ValueError(f"y: unit {constant.argmax()} is constant; leave it out")
    return Standardised((y - mean[:, None]) / scale[:, None], mean, scale)


def start_parameters(z, n_factors, factor_order):
    """Parameters from principal components (gaps as zeros) and a least squares autoregression of them.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised panel, NaN where missing.
    n_factors, factor_order : int
        Number of factors, order of their autoregression.

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        If there are more than ``n_units / 5`` factors, too few periods for the order, or a unit that the components fit
        exactly.
    """
    z = _check_panel(z)
    n, T = z.shape
    k, p = operator.index(n_factors), operator.index(factor_order)
    if not 1 <= k <= n / 5:
        raise ValueError(
            f"n_factors must be between 1 and n_units / 5 = {n / 5:g}, got {k}; more units or fewer factors"
        )
    if not 1 <= p <= T // (10 * k):
        raise ValueError(f"factor_order must be between 1 and {T // (10 * k)} for {T} periods, got {p}")
    pc = principal_components(np.where(np.isfinite(z), z, 0.0), k)
    lags = np.hstack([pc.factors[p - j : T - j] for j in range(1, p + 1)])
    transition = np.linalg.lstsq(lags, pc.factors[p:], rcond=None)[0].T
    residual = pc.factors[p:] - lags @ transition.T
    noise_var = np.nanvar(np.where(np.isfinite(z), z - pc.common, np.nan), axis=1)
    exact = noise_var <= 1e-12 * np.nanmean(z**2, axis=1)
    if exact.any():
        raise ValueError(f"y: {k} components fit unit {exact.argmax()} exactly; take fewer factors or leave it out")
    return Parameters(pc.loadings, transition, residual.T @ residual / len(residual), noise_var, np.zeros(n))


def smooth(y, parameters, *, mean=0.0, scale=1.0, weights=None):
    """Factors and log-likelihood of a panel at given parameters.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Panel, NaN where missing.
    parameters : Parameters
    mean, scale : array_like, shape (n_units,)
        Subtracted from and divided into ``y``: those of the sample to which the parameters were fitted.
    weights : ndarray, shape (n_units, n_periods), optional
        Precision weights: the noise of a cell has variance ``noise_var / weight``.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If a value is infinite, shapes do not match, a weight or a noise variance is not positive, or the transition is
        not stationary.

    Notes
    -----
    The observations of a period enter only through ``C = Z' H^-1 Z`` and ``b = Z' H^-1 y`` (collapsing, Jungbacker
    and Koopman 2015), of the size of the factors instead of the units; a missing cell is left out of both sums. With
    predicted mean ``a``, covariance ``P`` and ``M = (I + C P)^-1`` the update is ``a + P M (b - C a)`` and
    ``P - P M C P``. The log-likelihood of ``y`` follows from
    ``|F| = |H| |I + C P|`` and ``v' F^-1 v = v' H^-1 v - s' P M s``, ``s = b - C a``.
    """
    y = _check_panel(y)
    n, k = parameters.loadings.shape
    if len(y) != n:
        raise ValueError(f"y must have the {n} units of the parameters, got {len(y)}")
    if not (parameters.noise_var > 0).all():
        i = int(np.argmin(parameters.noise_var > 0))
        raise ValueError(f"parameters: noise_var of unit {i} must be positive, got {parameters.noise_var[i]}")
    mean, scale = (np.broadcast_to(np.ravel(v), n).astype(float) for v in (mean, scale))
    weights = _check_weights(weights, y.shape)
    panel = Observations((y - mean[:, None]) / scale[:, None], weights, memory=bool(np.any(parameters.noise_ar)))
    return _result(panel, parameters, mean, scale)


def _result(panel, parameters, mean, scale, path=(), converged=False):
    k = parameters.shock_cov.shape[0]
    filtered, states, loglike = panel.smooth(parameters)
    smoothed = states.mean[:, :k]
    return Result(parameters, smoothed, filtered.mean[:, :k], loglike, np.array(path, float), converged, mean, scale)


def fit(y, n_factors=1, factor_order=1, *, noise_ar=False, max_iter=30, tol=0.0, start=None, weights=None):
    """Fit the model by the EM algorithm.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Panel in any units, NaN where missing; it is standardised here.
    n_factors, factor_order : int
        Number of factors, order of their autoregression.
    noise_ar : bool
        First-order autocorrelation of each unit's own noise. The likelihood is then conditional on the first
        observation and on that before each gap.
    max_iter : int
        Largest number of EM steps.
    tol : float
        Stop when the relative change of the log-likelihood is smaller.
    start : Parameters, optional
        Where to begin; default `start_parameters`.
    weights : ndarray, shape (n_units, n_periods), optional
        Precision weights as in `smooth`.

    Returns
    -------
    Result
        Each factor is signed so that its loadings have a positive sum.

    Raises
    ------
    ValueError
        If a value is infinite, a unit has no variance or hardly an observation, the factors fit a unit exactly, or
        ``n_factors`` or ``factor_order`` does not suit the panel.

    Warns
    -----
    HeywoodWarning
        If a unit's own noise is below 0.5 % of its variance.

    Notes
    -----
    The steps are those of Banbura and Modugno (2014) for arbitrary gaps. The distribution of the first state is
    stationary in the first step and then the smoothed one of the step before; ``loglike`` is computed with the
    stationary one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factor = rng.standard_normal(200)
    >>> y = np.outer(np.ones(10), factor) + rng.standard_normal((10, 200))
    >>> bool(np.corrcoef(fit(y).smoothed[:, 0], factor)[0, 1] > 0.9)
    True
    """
    if operator.index(max_iter) < 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter}")
    standard = standardise(y)
    parameters = start_parameters(standard.z, n_factors, factor_order) if start is None else start
    if parameters.loadings.shape != (len(standard.z), n_factors):
        raise ValueError(
            f"start must be parameters of {len(standard.z)} units and {n_factors} factors, "
            f"got loadings of shape {parameters.loadings.shape}"
        )
    panel = Observations(standard.z, _check_weights(weights, standard.z.shape), noise_ar)
    if panel.counts.min() < 3:
        i = panel.counts.argmin()
        raise ValueError(
            f"y: unit {i} has {panel.counts[i]} cells with a predecessor, needs 3 for noise_ar; leave it out"
        )
    initial, path, converged = None, [], False
    while len(path) < max_iter and not converged:
        _, states, loglike = panel.smooth(parameters, initial)
        path.append(loglike)
        parameters = panel.maximise(parameters, states)
        initial = states.mean[0], states.cov[0]
        converged = len(path) > 1 and abs(path[-1] - path[-2]) < tol * abs(path[-1])
    small = parameters.noise_var.argmin()
    if parameters.noise_var[small] < NOISE_MIN:
        warnings.warn(
            f"y: unit {small} keeps {parameters.noise_var[small]:.1e} of its variance as noise of its own: "
            "the factors fit it almost exactly; look for a copy of it among the units, or take fewer factors",
            HeywoodWarning,
            stacklevel=2,
        )
    return _result(panel, _signed(parameters), standard.mean, standard.scale, path, bool(converged))


def _signed(parameters):
    """The same model with factors whose loadings have a positive sum."""
    signs = np.where(parameters.loadings.sum(axis=0) < 0, -1.0, 1.0)
    order = parameters.transition.shape[1] // len(signs)
    return Parameters(
        parameters.loadings * signs,
        signs[:, None] * parameters.transition * np.tile(signs, order),
        signs[:, None] * parameters.shock_cov * signs,
        parameters.noise_var,
        parameters.noise_ar,
    )


def bic(result, y):
    """Bayesian information criterion on the cells that have a predecessor; smaller is better.

    A model with memory in the noise has a likelihood only for cells whose day before is observed, so one without is
    evaluated on the same cells: the two are comparable. The count of free parameters leaves out the shocks'
    covariance and ``k (k - 1) / 2`` loadings, which are a matter of scale and rotation.

    Parameters
    ----------
    result : Result
        As from `fit`.
    y : ndarray, shape (n_units, n_periods)
        The panel it was fitted to.

    Returns
    -------
    float
        ``-2 loglike + log(n_periods) n_free``.

    Raises
    ------
    ValueError
        If ``y`` is not the panel of the fit.
    """
    y = _check_panel(y)
    if y.shape != (len(result.parameters.loadings), len(result.smoothed)):
        raise ValueError(f"y must be the panel that was fitted, {len(result.smoothed)} periods, got shape {y.shape}")
    n, k = result.parameters.loadings.shape
    free = n * (k + 1) - k * (k - 1) // 2 + result.parameters.transition.size
    if np.any(result.parameters.noise_ar):
        loglike, free = result.loglike, free + n
    else:
        preceded = y.copy()
        preceded[:, 1:][np.isnan(y[:, :-1])] = np.nan
        preceded[:, 0] = np.nan
        loglike = smooth(preceded, result.parameters, mean=result.mean, scale=result.scale).loglike
    return -2 * loglike + np.log(y.shape[1]) * free
