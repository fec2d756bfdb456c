"""Kalman filter and smoother whose observations have been collapsed to the size of the state."""

import numpy as np
from numba import njit

from paperlab.methods.foundations.small_matrices import inverse, product

__all__ = ["kalman"]


@njit(cache=True)
def kalman(info, score, k, transition, shock, mean, cov, smoothing):
    """Filter and smoother on collapsed observations; see `dynamic_factor.smooth` for the equations.

    ``info[t] = Z' H^-1 Z`` and ``score[t] = Z' H^-1 y`` concern the first ``r`` states. The transition shifts all states but
    the first ``k``. Returns filtered and smoothed states, given everything their covariances and the first ``k`` rows
    of ``cross[t] = Cov(a[t+1], a[t])``, and the part of minus twice the log-likelihood that depends on the states.
    """
    n_periods, r = score.shape
    m = mean.size
    filtered, predicted = np.empty((n_periods, m)), np.empty((n_periods, m))
    predicted_cov = np.empty((n_periods, m, m))
    shrink, innovation = np.empty((n_periods, r, r)), np.empty((n_periods, r))
    step = np.empty((n_periods, m, m))  # L: predicted error of one period to that of the next
    moved = np.empty((n_periods, m, m))  # L P: covariance of the next prediction's error with this one's
    turned = np.ascontiguousarray(transition.T)
    work, gain, inner = np.empty((m, m)), np.empty((m, r)), np.empty((r, r))
    deviance = 0.0
    for t in range(n_periods):
        predicted[t] = mean
        predicted_cov[t] = cov
        product(info[t], cov, inner, r, r, r)
        for i in range(r):
            inner[i, i] += 1.0
        deviance += inverse(inner, shrink[t])
        product(cov, shrink[t], gain, m, r, r)
        for i in range(r):
            pull = 0.0
            for j in range(r):
                pull += info[t, i, j] * mean[j]
            innovation[t, i] = score[t, i] - pull
            deviance -= mean[i] * (2.0 * score[t, i] - pull)
        for i in range(m):
            shift = 0.0
            for j in range(r):
                shift += gain[i, j] * innovation[t, j]
            filtered[t, i] = mean[i] + shift
            if i < r:
                deviance -= innovation[t, i] * shift
        # work = I - gain info: the share of the predicted error that the observation leaves
        for i in range(m):
            for j in range(m):
                work[i, j] = 1.0 if i == j else 0.0
            for j in range(r):
                for l in range(r):
                    work[i, j] -= gain[i, l] * info[t, l, j]
        product(transition, work, step[t], k, m, m)
        step[t, k:] = work[: m - k]
        for i in range(m):
            mean[i] = 0.0
            for j in range(m):
                mean[i] += transition[i, j] * filtered[t, j]
        product(step[t], predicted_cov[t], moved[t], m, m, m)
        product(moved[t], turned, cov, m, m, m)
        for i in range(m):
            for j in range(i + 1):
                cov[i, j] = cov[j, i] = 0.5 * (cov[i, j] + cov[j, i]) + shock[i, j]
    size = n_periods if smoothing else 0
    smoothed, smoothed_cov, cross = np.empty((size, m)), np.empty((size, m, m)), np.empty((size, k, m))
    if smoothing:
        back, back_cov = np.zeros(m), np.zeros((m, m))  # the r and N of Durbin and Koopman
        old, other = np.empty(m), np.empty((m, m))
        for t in range(n_periods - 1, -1, -1):
            # Cov(a[t+1], a[t]) = (I - P[t+1] N[t]) L[t] P[t]
            if t < n_periods - 1:
                product(predicted_cov[t + 1], back_cov, work, k, m, m)
                product(work, moved[t], other, k, m, m)
                for i in range(k):
                    for j in range(m):
                        cross[t, i, j] = moved[t, i, j] - other[i, j]
            old[:] = back
            for i in range(m):
                back[i] = 0.0
                for j in range(m):
                    back[i] += step[t, j, i] * old[j]
            product(back_cov, step[t], work, m, m, m)
            for i in range(m):
                for j in range(m):
                    other[i, j] = step[t, j, i]
            product(other, work, back_cov, m, m, m)
            product(shrink[t], info[t], inner, r, r, r)
            for i in range(r):
                for j in range(r):
                    back[i] += shrink[t, i, j] * innovation[t, j]
                    back_cov[i, j] += inner[i, j]
            for i in range(m):
                smoothed[t, i] = predicted[t, i]
                for j in range(m):
                    smoothed[t, i] += predicted_cov[t, i, j] * back[j]
            product(back_cov, predicted_cov[t], work, m, m, m)
            product(predicted_cov[t], work, other, m, m, m)
            for i in range(m):
                for j in range(m):
                    smoothed_cov[t, i, j] = predicted_cov[t, i, j] - other[i, j]
    return filtered, smoothed, smoothed_cov, cross, deviance
