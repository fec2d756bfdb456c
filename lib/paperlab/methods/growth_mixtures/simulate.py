"""Simulated growth mixtures, standard errors, and the parametrisation by the level at the knot.

Page ``trajectory_experts``: the authors' design (500 persons, 10 waves, two classes) and eqs. (5) and (6).
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from paperlab.methods.growth_mixtures import fit as gf

WITHIN = np.array([[25.0, 1.5, 1.5], [1.5, 1.0, 0.3], [1.5, 0.3, 1.0]])
CORRELATION = np.array([[1.0, 0.3], [0.3, 1.0]])


def truth(*, separation=10.0, knots=(3.5, 5.5), r2=(0.13, 0.26), gate_or=(1.5, 1.7), theta=1.0, kappa=0.0):
    """Parameters of the two-class design.

    Parameters
    ----------
    separation : float
        Distance of the mean intercepts; their standard deviation within a class is 5.
    knots, r2 : sequence of float, length 2
        Knot of each class; share of each growth factor's variance that the experts explain. The rest is psi, so that the
        variance within a class does not depend on r2.
    gate_or : sequence of float, length 2
        Odds ratios of class 2 per standard deviation of the gating covariates.

    Raises
    ------
    ValueError
        For shares outside [0, 1), or odds ratios or variances that are not positive.
    """
    r2, gate_or = np.asarray(r2, dtype=float), np.asarray(gate_or, dtype=float)
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
    return gf.Parameters(gate, coef, psi, np.full(2, float(theta)), np.array(knots, dtype=float), np.full(2, kappa))


def simulate(parameters, n, rng, *, waves=10, jitter=0.25):
    """Draw n persons; the inner waves are jittered around 1, 2, ... by a uniform number.

    Returns
    -------
    Trajectories, ndarray of int
        With covariates x and g; with w if any kappa is not zero. The true classes.
    """
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
    return gf.Trajectories(y, t, x, g, w), z


def accuracy(resp, z):
    """Share of persons in their true class ``z`` (n,), by the largest of ``resp`` (n, K), under the best renaming of classes."""
    k = max(resp.shape[1], int(z.max()) + 1)
    table = np.zeros((k, k))
    np.add.at(table, (resp.argmax(axis=1), z), 1)
    return table[linear_sum_assignment(-table)].sum() / len(z)
