"""Simulated growth mixtures in the authors' design (500 persons, 10 waves, two classes), and the accuracy of a fit.

Page ``trajectory_experts``.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from paperlab.methods.foundations.checks import codes, finite
from paperlab.methods.growth_mixtures.trajectories import Parameters, Trajectories

__all__ = ["CORRELATION", "WITHIN", "Sample", "accuracy", "simulate", "truth"]

WITHIN = np.array([[25.0, 1.5, 1.5], [1.5, 1.0, 0.3], [1.5, 0.3, 1.0]])
CORRELATION = np.array([[1.0, 0.3], [0.3, 1.0]])


@dataclass(frozen=True)
class Sample:
    """Simulated ``data`` (Trajectories) and the true ``classes`` (n,) of their persons."""

    data: Trajectories
    classes: np.ndarray


def truth(*, separation=10.0, knots=(3.5, 5.5), r2=(0.13, 0.26), gate_or=(1.5, 1.7), theta=1.0, kappa=0.0):
    """Parameters of the two-class design.

    Parameters
    ----------
    separation : float
        Distance of the mean intercepts; their standard deviation within a class is 5.
    knots, r2 : sequence of float, length 2
        Knot of each class; share of each growth factor's variance that the experts explain. The rest is psi, so that
        the variance within a class does not depend on r2.
    gate_or : sequence of float, length 2
        Odds ratios of class 2 per standard deviation of the gating covariates.
    theta, kappa : float
        Residual variance, and effect of the covariate that varies over time, in both classes.

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        For shares outside [0, 1), odds ratios or variances that are not positive, or any that are not two.
    """
    r2, gate_or, knots = finite("r2", r2), finite("gate_or", gate_or), finite("knots", knots)
    for name, value in (("r2", r2), ("gate_or", gate_or), ("knots", knots)):
        if value.shape != (2,):
            raise ValueError(f"{name} must hold two numbers, got shape {value.shape}")
    if not ((r2 >= 0) & (r2 < 1)).all():
        raise ValueError(f"r2 = {r2.tolist()}: shares of explained variance must lie in [0, 1)")
    if (gate_or <= 0).any() or theta <= 0:
        raise ValueError(f"gate_or = {gate_or.tolist()}, theta = {theta}: odds ratios and variances must be positive")
    direction = np.array([1.0, 1.5])
    unit = direction / np.sqrt(direction @ CORRELATION @ direction)
    coef, psi = np.empty((2, 3, 3)), np.empty((2, 3, 3))
    for k in range(2):
        slopes = np.sqrt(r2[k] * np.diag(WITHIN))[:, None] * unit
        coef[k] = np.column_stack([[40 + k * separation, 5.0, 2.6], slopes])
        psi[k] = WITHIN - slopes @ CORRELATION @ slopes.T
    gate = np.array([[0.0, 0.0, 0.0], [0.0, *np.log(gate_or)]])
    return Parameters(gate, coef, psi, np.full(2, float(theta)), knots.copy(), np.full(2, float(kappa)))


def simulate(parameters, n, *, rng, waves=10, jitter=0.25):
    """Draw persons with two experts and two gating covariates.

    Parameters
    ----------
    parameters : Parameters
        Of any number of classes, as from `truth`.
    n : int
        Persons.
    rng : numpy.random.Generator
    waves : int
        Times 0, 1, ..., waves - 1.
    jitter : float
        The inner waves are moved by a uniform number of this size, below 1/2.

    Returns
    -------
    Sample
        With w in its data if any kappa is not zero.

    Raises
    ------
    ValueError
        If there are no persons or fewer than two waves, or the jitter would change the order of waves.
    """
    if operator.index(n) < 1 or operator.index(waves) < 2 or not 0 <= jitter < 0.5:
        raise ValueError(
            f"n must be at least 1, waves at least 2 and jitter in [0, 0.5), got {n}, {waves} and {jitter}"
        )
    x, g = (rng.standard_normal((n, 2)) @ np.linalg.cholesky(CORRELATION).T for _ in range(2))
    odds = np.exp(np.column_stack([np.ones(n), g]) @ parameters.gate.T)
    z = (rng.random((n, 1)) > np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    t = np.tile(np.arange(waves, dtype=float), (n, 1))
    t[:, 1:-1] += rng.uniform(-jitter, jitter, (n, waves - 2))
    roots = np.linalg.cholesky(parameters.psi)
    eta = np.einsum("nab,nb->na", parameters.coef[z], np.column_stack([np.ones(n), x]))
    eta += np.einsum("nab,nb->na", roots[z], rng.standard_normal((n, 3)))
    knot = parameters.knot[z][:, None]
    y = eta[:, :1] + eta[:, 1:2] * np.minimum(t, knot) + eta[:, 2:] * np.maximum(t - knot, 0)
    w = None
    if np.any(parameters.kappa):
        w = rng.standard_normal((n, waves))
        y += parameters.kappa[z][:, None] * w
    y += np.sqrt(parameters.theta[z])[:, None] * rng.standard_normal((n, waves))
    return Sample(Trajectories(y, t, x, g, w), z)


def accuracy(resp, classes):
    """Share of persons in their true class, under the best naming of the fitted classes.

    Parameters
    ----------
    resp : ndarray, shape (n, K)
        Class probabilities; the largest decides.
    classes : sequence of hashable, shape (n,)
        Labels of the true classes.

    Returns
    -------
    share : float

    Raises
    ------
    ValueError
        If a probability or a label is missing.

    Examples
    --------
    >>> float(accuracy([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], ["late", "early", "early"]))
    1.0
    """
    resp = finite("resp", resp)
    true = codes("classes", classes, len(resp))
    table = np.zeros((max(resp.shape[1], true.max() + 1),) * 2)
    np.add.at(table, (resp.argmax(axis=1), true), 1)
    return table[linear_sum_assignment(-table)].sum() / len(true)
