"""Dynamic factor model of a panel with gaps: Kalman smoother on collapsed observations, and EM.

A panel is an array ``y`` of shape ``(n_units, n_periods)`` as in `paperlab.methods.panel`; here it may hold NaN.
The model is that of page ``dynamic_factors_pse``, eqs. (1) and (2), with free innovation covariance ``Q``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

from paperlab.methods.dynamic_factors.kalman import kalman
from paperlab.methods.foundations.components import principal_components

__all__ = ["Parameters", "Result", "bic", "fit", "smooth", "standardise", "start_parameters"]


@dataclass(frozen=True)
class Parameters:
    """Parameters of the model for standardised observations.

    Attributes
    ----------
    loadings : ndarray, shape (n_units, k)
    transition : ndarray, shape (k, k * p)
        ``[Lambda_1, ..., Lambda_p]`` of the factor's autoregression.
    shock_cov : ndarray, shape (k, k)
        Covariance ``Q`` of the factor's shocks.
    noise_var : ndarray, shape (n_units,)
        Variance of each unit's own noise (of its shocks, where ``noise_ar`` is not zero).
    noise_ar : ndarray, shape (n_units,)
        First-order autocorrelation of each unit's own noise.
    """

    loadings: np.ndarray
    transition: np.ndarray
    shock_cov: np.ndarray
    noise_var: np.ndarray
    noise_ar: np.ndarray


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
    mean, scale : ndarray, shape (n_units,)
        What `standardise` removed; loadings in the units of the data are ``scale[:, None] * loadings``.
    """

    parameters: Parameters
    smoothed: np.ndarray
    filtered: np.ndarray
    loglike: float
    path: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @property
    def data_loadings(self):
        """Loadings in the units of the data, shape (n_units, k)."""
        return self.scale[:, None] * self.parameters.loadings


def _companion(parameters, n_lags):
    """Transition and shock covariance of the state that holds ``n_lags`` values of the factor."""
    k = parameters.shock_cov.shape[0]
    m = k * n_lags
    transition, shock = np.zeros((m, m)), np.zeros((m, m))
    transition[:k, : parameters.transition.shape[1]] = parameters.transition
    transition[k:, : m - k] = np.eye(m - k)
    shock[:k, :k] = parameters.shock_cov
    return transition, shock


class _Panel:
    """Observations prepared for the smoother: quasi-differenced where the noise has memory, then collapsed."""

    def __init__(self, y, weights, memory):
        self.observed = np.isfinite(y)
        self.y = np.where(self.observed, y, 0.0)
        self.memory = memory
        self.used = self.observed.copy()
        if memory:  # the first period and the one after a gap have no predecessor
            self.used[:, 1:] &= self.observed[:, :-1]
            self.used[:, 0] = False
        self.past = np.zeros_like(self.y)
        self.past[:, 1:] = self.y[:, :-1]
        self.weights = self.used.astype(float) if weights is None else np.where(self.used, weights, 0.0)
        self.log_weights = 0.0 if weights is None else np.log(weights[self.used]).sum()
        self.counts = self.used.sum(axis=1)

    def collapse(self, parameters):
        """``Z' H^-1 Z`` (n_periods, r, r), ``Z' H^-1 y`` (n_periods, r) and the constant of the deviance."""
        z, y = parameters.loadings, self.y
        if self.memory:
            z = np.hstack([z, -parameters.noise_ar[:, None] * z])
            y = y - parameters.noise_ar[:, None] * self.past
        scaled = z / parameters.noise_var[:, None]
        weighted = self.weights * y
        r = z.shape[1]
        info = (self.weights.T @ (scaled[:, :, None] * z[:, None, :]).reshape(len(z), -1)).reshape(-1, r, r)
        constant = np.sum(np.sum(weighted * y, axis=1) / parameters.noise_var)
        constant += self.counts @ np.log(2 * np.pi * parameters.noise_var) - self.log_weights
        return info, weighted.T @ scaled, constant

    def smooth(self, parameters, initial=None, smoothing=True):
        """Smoother at these parameters, from the stationary distribution unless ``initial`` is given."""
        k = parameters.shock_cov.shape[0]
        transition, shock = _companion(parameters, max(parameters.transition.shape[1] // k, 1 + self.memory))
        if initial is None:
            if np.abs(np.linalg.eigvals(transition)).max() >= 1:
                raise ValueError(
                    "transition must be stationary (eigenvalues inside the unit circle); difference the data"
                )
            initial = np.zeros(len(transition)), solve_discrete_lyapunov(transition, shock)
        info, score, constant = self.collapse(parameters)
        *states, deviance = kalman(info, score, k, transition, shock, initial[0].copy(), initial[1].copy(), smoothing)
        return (*states, -0.5 * (constant + deviance))

    def maximise(self, old, mean, cov, cross):
        """Parameters that maximise the expected log-likelihood (with memory: one coordinate after the other)."""
        k, r = old.shock_cov.shape[0], old.shock_cov.shape[0] * (1 + self.memory)
        n_lagged = old.transition.shape[1]
        second = cov + mean[:, :, None] * mean[:, None, :]
        lagged = cross[:-1] + mean[1:, :k, None] * mean[:-1, None, :]
        before, now = second[:-1, :n_lagged, :n_lagged].sum(axis=0), second[1:, :k, :k].sum(axis=0)
        both = lagged[:, :, :n_lagged].sum(axis=0)
        transition = np.linalg.solve(before, both.T).T
        shock_cov = (now - transition @ both.T) / (len(mean) - 1)

        # sums over the used periods of each unit: E[x x'], E[x] y and E[x] y_past with x = (f_t, f_{t-1})
        n = len(self.y)
        xx = (self.weights @ second[:, :r, :r].reshape(len(mean), -1)).reshape(n, r, r)
        xy = (self.weights * self.y) @ mean[:, :r]
        yy = np.sum(self.weights * self.y**2, axis=1)
        rho = old.noise_ar
        if not self.memory:
            loadings = np.linalg.solve(xx, xy[:, :, None])[:, :, 0]
            squares = yy - 2 * np.sum(loadings * xy, axis=1) + np.einsum("ij,ijk,ik->i", loadings, xx, loadings)
        else:
            xp = (self.weights * self.past) @ mean[:, :r]
            pp, yp = np.sum(self.weights * self.past**2, axis=1), np.sum(self.weights * self.y * self.past, axis=1)
            mix = np.concatenate([np.ones((n, 1)), -rho[:, None]], axis=1)  # f_t - rho f_{t-1} as a row of x
            blocks = xx.reshape(n, 2, k, 2, k)
            left = np.einsum("ia,iajbl,ib->ijl", mix, blocks, mix)
            right = np.einsum("ia,iaj->ij", mix, (xy - rho[:, None] * xp).reshape(n, 2, k))
            loadings = np.linalg.solve(left, right[:, :, None])[:, :, 0]
            # E[e_t e_s] for e_t = y_t - loadings' f_t, s = t and s = t - 1
            quadratic = np.einsum("ij,iajbl,il->iab", loadings, blocks, loadings)
            y_f = np.einsum("ij,iaj->ia", loadings, xy.reshape(n, 2, k))
            p_f = np.einsum("ij,iaj->ia", loadings, xp.reshape(n, 2, k))
            same = yy - 2 * y_f[:, 0] + quadratic[:, 0, 0]
            cross_term = yp - y_f[:, 1] - p_f[:, 0] + quadratic[:, 0, 1]
            past = pp - 2 * p_f[:, 1] + quadratic[:, 1, 1]
            rho = cross_term / past
            squares = same - rho * cross_term
        periods = self.y.shape[1]
        noise_var = (squares + (periods - self.counts) * old.noise_var) / periods
        return Parameters(loadings, transition, shock_cov, noise_var, rho)


def standardise(y):
    """Panel with mean 0 and standard deviation 1 (divisor ``n_observed - 1``) per unit; returns ``(z, mean, scale)``."""
    y = np.asarray(y, dtype=float)
    if y.ndim != 2:
        raise ValueError(f"y must have two axes (n_units, n_periods), got shape {y.shape}")
    counts = np.isfinite(y).sum(axis=1)
    if counts.min() < 3:
        raise ValueError(f"y: unit {counts.argmin()} has {counts.min()} observations, needs 3; leave it out")
    mean, scale = np.nanmean(y, axis=1), np.nanstd(y, axis=1, ddof=1)
    if np.any(scale <= 1e-12):
        raise ValueError(f"y: unit {scale.argmin()} is constant; leave it out")
    return (y - mean[:, None]) / scale[:, None], mean, scale


def start_parameters(z, k, p):
    """Parameters from principal components (gaps as zeros) and a least squares autoregression of them.

    Parameters
    ----------
    z : ndarray, shape (n_units, n_periods)
        Standardised panel, NaN where missing.
    k, p : int
        Number of factors, order of their autoregression.

    Returns
    -------
    Parameters
    """
    n, T = z.shape
    if not 1 <= k <= n / 5:
        raise ValueError(f"k must be between 1 and n_units / 5 = {n / 5:g}, got {k}; more units or fewer factors")
    if not 1 <= p <= T // (10 * k):
        raise ValueError(f"p must be between 1 and {T // (10 * k)} for {T} periods, got {p}")
    filled = np.where(np.isfinite(z), z, 0.0)
    factors, loadings = principal_components(filled, k)
    lags = np.hstack([factors[p - j : T - j] for j in range(1, p + 1)])
    transition = np.linalg.lstsq(lags, factors[p:], rcond=None)[0].T
    residual = factors[p:] - lags @ transition.T
    noise = np.where(np.isfinite(z), z - loadings @ factors.T, np.nan)
    return Parameters(
        loadings, transition, residual.T @ residual / len(residual), np.nanvar(noise, axis=1), np.zeros(n)
    )


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

    Notes
    -----
    The observations of a period enter only through ``C = Z' H^-1 Z`` and ``b = Z' H^-1 y`` (collapsing, Jungbacker
    and Koopman 2015), of the size of the factors instead of the units; a missing cell is left out of both sums. With
    predicted mean ``a``, covariance ``P`` and ``M = (I + C P)^-1`` the update is ``a + P M (b - C a)`` and
    ``P - P M C P``. The log-likelihood of ``y`` follows from
    ``|F| = |H| |I + C P|`` and ``v' F^-1 v = v' H^-1 v - s' P M s``, ``s = b - C a``.
    """
    y = (np.asarray(y, dtype=float) - np.reshape(mean, (-1, 1))) / np.reshape(scale, (-1, 1))
    if len(y) != len(parameters.loadings):
        raise ValueError(f"y must have the {len(parameters.loadings)} units of the parameters, got {len(y)}")
    k = parameters.shock_cov.shape[0]
    panel = _Panel(y, weights, memory=bool(np.any(parameters.noise_ar)))
    filtered, smoothed, *_, loglike = panel.smooth(parameters)
    n = len(y)
    mean, scale = (np.broadcast_to(np.ravel(v), n).astype(float) for v in (mean, scale))
    return Result(parameters, smoothed[:, :k], filtered[:, :k], loglike, np.empty(0), mean, scale)


def fit(y, k=1, p=1, *, noise_ar=False, n_iter=30, tolerance=0.0, start=None, weights=None):
    """Fit the model by the EM algorithm.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Panel in any units, NaN where missing; it is standardised here.
    k, p : int
        Number of factors, order of their autoregression.
    noise_ar : bool
        First-order autocorrelation of each unit's own noise. The likelihood is then conditional on the first
        observation and on that before each gap.
    n_iter : int
        Largest number of EM steps.
    tolerance : float
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
        If a unit has no variance or hardly an observation, or ``k`` or ``p`` does not suit the panel.

    Notes
    -----
    The steps are those of Banbura and Modugno (2014) for arbitrary gaps. The distribution of the first state is
    stationary in the first step and then the smoothed one of the step before; ``loglike`` is computed with the
    stationary one.
    """
    if n_iter < 1:
        raise ValueError(f"n_iter must be at least 1, got {n_iter}")
    z, mean, scale = standardise(y)
    if weights is not None and (np.shape(weights) != z.shape or not np.all(np.asarray(weights) > 0)):
        raise ValueError(f"weights must be positive and have the shape of y, {z.shape}, got {np.shape(weights)}")
    parameters = start_parameters(z, k, p) if start is None else start
    panel = _Panel(z, weights, noise_ar)
    initial, path = None, []
    for _ in range(n_iter):
        _, states, cov, cross, loglike = panel.smooth(parameters, initial)
        path.append(loglike)
        parameters = panel.maximise(parameters, states, cov, cross)
        initial = states[0], cov[0]
        if len(path) > 1 and abs(path[-1] - path[-2]) < tolerance * abs(path[-1]):
            break
    signs = np.where(parameters.loadings.sum(axis=0) < 0, -1.0, 1.0)
    parameters = Parameters(
        parameters.loadings * signs,
        signs[:, None] * parameters.transition * np.tile(signs, p),
        signs[:, None] * parameters.shock_cov * signs,
        parameters.noise_var,
        parameters.noise_ar,
    )
    filtered, smoothed, *_, loglike = panel.smooth(parameters)
    return Result(parameters, smoothed[:, :k], filtered[:, :k], loglike, np.array(path), mean, scale)


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
    """
    y = np.asarray(y, dtype=float)
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
