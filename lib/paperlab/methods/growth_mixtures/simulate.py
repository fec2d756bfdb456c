"""Simulated growth mixtures, standard errors, and the parametrisation by the level at the knot.

Page ``trajectory_experts``: the authors' design (500 persons, 10 waves, two classes) and eqs. (5) and (6).
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from paperlab.methods.growth_mixtures import fit as gf
from paperlab.methods.growth_mixtures import likelihood as gm

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


def free(p, *, use_w=False, fixed_knot=False):
    """Free parameters as a vector, in the order of the scores."""
    parts = [p.gate[1:].ravel()]
    for k in range(len(p.theta)):
        parts += [p.coef[k].ravel(), p.psi[k][gm.PSI_ROWS, gm.PSI_COLUMNS], p.theta[k : k + 1]]
        parts += [] if fixed_knot else [p.knot[k : k + 1]]
        parts += [p.kappa[k : k + 1]] if use_w else []
    return np.concatenate(parts)


def with_free(p, vector, *, use_w=False, fixed_knot=False):
    """Copy of ``p`` with its free parameters taken from ``vector``."""
    out = p.copy()
    at = out.gate[1:].size
    out.gate[1:] = vector[:at].reshape(out.gate[1:].shape)
    width = out.coef.shape[2]
    for k in range(len(out.theta)):
        out.coef[k] = vector[at : at + 3 * width].reshape(3, width)
        at += 3 * width
        out.psi[k][gm.PSI_ROWS, gm.PSI_COLUMNS] = vector[at : at + 6]
        out.psi[k][gm.PSI_COLUMNS, gm.PSI_ROWS] = vector[at : at + 6]
        out.theta[k] = vector[at + 6]
        at += 7
        if not fixed_knot:
            out.knot[k] = vector[at]
            at += 1
        if use_w:
            out.kappa[k] = vector[at]
            at += 1
    return out


def names(p, *, use_w=False, fixed_knot=False):
    """Names of the free parameters, in the order of the scores; classes count from 1."""
    out = [f"gate{k + 1}.{j}" for k in range(1, len(p.theta)) for j in range(p.gate.shape[1])]
    for k in range(1, len(p.theta) + 1):
        out += [f"alpha{k}.{a}" if j == 0 else f"B{k}.{a}{j}" for a in range(3) for j in range(p.coef.shape[2])]
        out += [f"psi{k}.{a}{b}" for a, b in zip(gm.PSI_ROWS, gm.PSI_COLUMNS, strict=True)] + [f"theta{k}"]
        out += ([] if fixed_knot else [f"knot{k}"]) + ([f"kappa{k}"] if use_w else [])
    return out


def covariance(fit, parameters=None, *, smooth=gf.SMOOTH, step=1e-4):
    """Covariance of the free parameters: inverse of the observed information.

    The information is the central difference of the exact scores (`growth_fit.Engine.gradient`), 2 P evaluations.

    Raises
    ------
    ValueError
        If x was modelled too, or the information is not positive definite (no interior maximum).
    """
    if fit.model_x:
        raise ValueError("standard errors are for models of y given x; fit with model_x = False")
    work = gf.Engine(fit.data, len(fit.parameters.theta), smooth, fit.fixed_knot)
    flags = {"use_w": fit.data.use_w, "fixed_knot": fit.fixed_knot}
    p = fit.parameters if parameters is None else parameters
    at = free(p, **flags)
    hess = np.empty((at.size, at.size))
    for j in range(at.size):
        h = np.zeros(at.size)
        h[j] = step * max(1.0, abs(at[j]))
        up, down = (work.gradient(with_free(p, at + s * h, **flags)) for s in (1, -1))
        hess[j] = (up - down) / (2 * h[j])
    info = -0.5 * (hess + hess.T)
    if np.linalg.eigvalsh(info).min() <= 0:
        raise ValueError("the information is not positive definite; fit with more starts or a smaller tol")
    return np.linalg.inv(info)


def knot_form(knot):
    """Matrix from (eta_0, eta_1, eta_2) to (level at the knot, half the sum, half the difference of the slopes)."""
    return np.array([[1.0, knot, 0.0], [0.0, 0.5, 0.5], [0.0, -0.5, 0.5]])


def accuracy(resp, z):
    """Share of persons in their true class ``z`` (n,), by the largest of ``resp`` (n, K), under the best renaming of classes."""
    k = max(resp.shape[1], int(z.max()) + 1)
    table = np.zeros((k, k))
    np.add.at(table, (resp.argmax(axis=1), z), 1)
    return table[linear_sum_assignment(-table)].sum() / len(z)
