"""The dynamic factor model's parameters, and one step of EM on observations collapsed to the size of the state.

Page ``dynamic_factors_pse``, eqs. (1) to (4); `paperlab.methods.dynamic_factors.model` checks what comes in here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

from paperlab.methods.dynamic_factors.kalman import StateSpace, filter_states, smooth_states

__all__ = ["Observations", "Parameters"]


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


def _companion(parameters, n_lags):
    """`StateSpace` of the state that holds ``n_lags`` values of the factor."""
    k = parameters.shock_cov.shape[0]
    m = k * n_lags
    transition, shock = np.zeros((m, m)), np.zeros((m, m))
    transition[:k, : parameters.transition.shape[1]] = parameters.transition
    transition[k:, : m - k] = np.eye(m - k)
    shock[:k, :k] = parameters.shock_cov
    return StateSpace(k, transition, shock)


class Observations:
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

    def smooth(self, parameters, initial=None):
        """Filtered and smoothed states and the log-likelihood; ``initial`` defaults to the stationary distribution."""
        k = parameters.shock_cov.shape[0]
        system = _companion(parameters, max(parameters.transition.shape[1] // k, 1 + self.memory))
        if initial is None:
            if np.abs(np.linalg.eigvals(system.transition)).max() >= 1:
                raise ValueError(
                    "transition must be stationary (eigenvalues inside the unit circle); difference the data"
                )
            initial = np.zeros(len(system.transition)), solve_discrete_lyapunov(system.transition, system.shock)
        info, score, constant = self.collapse(parameters)
        filtered, deviance = filter_states(info, score, system, *initial)
        return filtered, smooth_states(info, k, filtered), -0.5 * (constant + deviance)

    def maximise(self, old, states):
        """Parameters that maximise the expected log-likelihood (with memory: one coordinate after the other)."""
        mean, k = states.mean, old.shock_cov.shape[0]
        n_lagged = old.transition.shape[1]
        second = states.cov + mean[:, :, None] * mean[:, None, :]
        lagged = states.cross[:-1] + mean[1:, :k, None] * mean[:-1, None, :]
        before, now = second[:-1, :n_lagged, :n_lagged].sum(axis=0), second[1:, :k, :k].sum(axis=0)
        both = lagged[:, :, :n_lagged].sum(axis=0)
        transition = np.linalg.solve(before, both.T).T
        shock_cov = (now - transition @ both.T) / (len(mean) - 1)

        # sums over the used periods of each unit: E[x x'] and E[x] y with x = (f_t) or, with memory, (f_t, f_{t-1})
        r = k * (1 + self.memory)
        n, periods = self.y.shape
        xx = (self.weights @ second[:, :r, :r].reshape(periods, -1)).reshape(n, r, r)
        xy = (self.weights * self.y) @ mean[:, :r]
        yy = np.sum(self.weights * self.y**2, axis=1)
        if self.memory:
            xp = (self.weights * self.past) @ mean[:, :r]
            loadings, rho, squares = self._with_memory(old.noise_ar, xx, xy, xp, yy)
        else:
            rho, loadings = old.noise_ar, np.linalg.solve(xx, xy[:, :, None])[:, :, 0]
            squares = yy - 2 * np.sum(loadings * xy, axis=1) + np.einsum("ij,ijk,ik->i", loadings, xx, loadings)
        noise_var = (squares + (periods - self.counts) * old.noise_var) / periods
        return Parameters(loadings, transition, shock_cov, noise_var, rho)

    def _with_memory(self, rho, xx, xy, xp, yy):
        """Loadings at the old autocorrelations ``rho``, the new autocorrelations, and the sums of squared shocks."""
        n, k = len(rho), xx.shape[1] // 2
        pp = np.sum(self.weights * self.past**2, axis=1)
        yp = np.sum(self.weights * self.y * self.past, axis=1)
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
        crossed = yp - y_f[:, 1] - p_f[:, 0] + quadratic[:, 0, 1]
        rho = crossed / (pp - 2 * p_f[:, 1] + quadratic[:, 1, 1])
        return loadings, rho, same - rho * crossed
