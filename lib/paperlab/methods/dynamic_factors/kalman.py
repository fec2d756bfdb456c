"""Kalman filter and smoother whose observations have been collapsed to the size of the state, compiled.

``info[t] = Z' H^-1 Z`` (r, r) and ``score[t] = Z' H^-1 y`` (r,) are all that the observations of a period say about the
first ``r`` of the ``m`` states; see `paperlab.methods.dynamic_factors.model.smooth` for the equations. The transition
moves the first ``k`` states and shifts the others.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from paperlab.methods.foundations.small_matrices import inverse, product

__all__ = ["Filtered", "Smoothed", "StateSpace", "filter_states", "smooth_states"]


class StateSpace(NamedTuple):
    """Number of states that are not mere shifts; transition and shock covariance, shape (m, m)."""

    k: int
    transition: np.ndarray
    shock: np.ndarray


class Filtered(NamedTuple):
    """States given the observations up to their period, and what the smoother needs; one entry per period.

    ``mean`` and ``predicted`` (n_periods, m) with and without the period's own observations, ``predicted_cov`` and
    ``step`` (n_periods, m, m): ``L`` takes the predicted error of one period to that of the next, ``moved`` is ``L P``.
    ``innovation`` (n_periods, r) is ``b - C a`` and ``shrink`` (n_periods, r, r) is ``(I + C P)^-1``.
    """

    mean: np.ndarray
    predicted: np.ndarray
    predicted_cov: np.ndarray
    shrink: np.ndarray
    innovation: np.ndarray
    step: np.ndarray
    moved: np.ndarray


class Smoothed(NamedTuple):
    """States given all observations: mean, covariance and the first k rows of ``cross[t] = Cov(a[t+1], a[t])``."""

    mean: np.ndarray
    cov: np.ndarray
    cross: np.ndarray


@njit(cache=True, inline="always")
def _update(mean, cov, info, score, shrink, innovation, gain):
    """Gain, innovation and ``(I + C P)^-1`` of a period; returns its part of the deviance but for the last term."""
    m, r = mean.size, score.size
    product(info, cov, gain, r, r, r)
    for i in range(r):
        gain[i, i] += 1.0
    deviance = inverse(gain[:r], shrink)
    product(cov, shrink, gain, m, r, r)
    for i in range(r):
        pull = 0.0
        for j in range(r):
            pull += info[i, j] * mean[j]
        innovation[i] = score[i] - pull
        deviance -= mean[i] * (2.0 * score[i] - pull)
    return deviance


@njit(cache=True)
def filter_states(info, score, system, mean, cov):
    """Filter from a first state of this mean and covariance.

    Returns `Filtered`, and the part of minus twice the log-likelihood that depends on the states.
    """
    n_periods, r = score.shape
    m = mean.size
    k, transition, shock = system
    filtered, predicted = np.empty((n_periods, m)), np.empty((n_periods, m))
    predicted_cov, step, moved = np.empty((n_periods, m, m)), np.empty((n_periods, m, m)), np.empty((n_periods, m, m))
    shrink, innovation = np.empty((n_periods, r, r)), np.empty((n_periods, r))
    turned = np.ascontiguousarray(transition.T)
    kept, gain = np.zeros((m, m)), np.empty((m, r))
    mean, cov = mean.copy(), cov.copy()
    deviance = 0.0
    for t in range(n_periods):
        predicted[t] = mean
        predicted_cov[t] = cov
        deviance += _update(mean, cov, info[t], score[t], shrink[t], innovation[t], gain)
        product(gain, info[t], kept, m, r, r)
        for i in range(m):
            shift = 0.0
            for j in range(r):
                shift += gain[i, j] * innovation[t, j]
                kept[i, j] = -kept[i, j]
            filtered[t, i] = mean[i] + shift
            kept[i, i] = 1.0 + (kept[i, i] if i < r else 0.0)
            if i < r:
                deviance -= innovation[t, i] * shift
        product(transition, kept, step[t], k, m, m)
        step[t, k:] = kept[: m - k]
        for i in range(m):
            mean[i] = 0.0
            for j in range(m):
                mean[i] += transition[i, j] * filtered[t, j]
        product(step[t], cov, moved[t], m, m, m)
        product(moved[t], turned, cov, m, m, m)
        for i in range(m):
            for j in range(i + 1):
                cov[i, j] = cov[j, i] = 0.5 * (cov[i, j] + cov[j, i]) + shock[i, j]
    return Filtered(filtered, predicted, predicted_cov, shrink, innovation, step, moved), deviance


@njit(cache=True, inline="always")
def _step_back(step, shrink, innovation, info, back, back_cov, work):
    """Durbin and Koopman's r and N of one period from those of the next, written over ``back`` and ``back_cov``."""
    m, r = back.size, info.shape[0]
    old, turned, half = work[0, 0], work[1], work[2]
    for i in range(m):
        old[i] = back[i]
    for i in range(m):
        back[i] = 0.0
        for j in range(m):
            back[i] += step[j, i] * old[j]
            turned[i, j] = step[j, i]
    product(back_cov, step, half, m, m, m)
    product(turned, half, back_cov, m, m, m)
    product(shrink, info, half, r, r, r)
    for i in range(r):
        for j in range(r):
            back[i] += shrink[i, j] * innovation[j]
            back_cov[i, j] += half[i, j]


@njit(cache=True)
def smooth_states(info, k, filtered):
    """Smoother, backwards over what `filter_states` left; returns `Smoothed`."""
    _, predicted, predicted_cov, shrink, innovation, step, moved = filtered
    n_periods, m = predicted.shape
    smoothed, smoothed_cov, cross = np.empty((n_periods, m)), np.empty((n_periods, m, m)), np.empty((n_periods, k, m))
    back, back_cov, work = np.zeros(m), np.zeros((m, m)), np.empty((3, m, m))
    half, whole = work[0], work[1]
    for t in range(n_periods - 1, -1, -1):
        if t < n_periods - 1:  # Cov(a[t+1], a[t]) = (I - P[t+1] N[t]) L[t] P[t]
            product(predicted_cov[t + 1], back_cov, half, k, m, m)
            product(half, moved[t], whole, k, m, m)
            for i in range(k):
                for j in range(m):
                    cross[t, i, j] = moved[t, i, j] - whole[i, j]
        _step_back(step[t], shrink[t], innovation[t], info[t], back, back_cov, work)
        product(back_cov, predicted_cov[t], half, m, m, m)
        product(predicted_cov[t], half, whole, m, m, m)
        for i in range(m):
            smoothed[t, i] = predicted[t, i]
            for j in range(m):
                smoothed[t, i] += predicted_cov[t, i, j] * back[j]
                smoothed_cov[t, i, j] = predicted_cov[t, i, j] - whole[i, j]
    return Smoothed(smoothed, smoothed_cov, cross)
