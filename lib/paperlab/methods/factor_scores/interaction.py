"""One-stage maximum likelihood of the interaction model, used by page ``factor_score_regression``."""

from __future__ import annotations

import operator

import numpy as np
from numba import njit

from paperlab.methods.factor_scores import measurement as mm
from paperlab.methods.foundations.checks import finite

__all__ = ["interaction_ml"]

GRID = np.linspace(-4.5, 4.5, 19)
NEGLIGIBLE = 12.0  # a grid point whose log weight is that much below the best of its margin is skipped
PSI_MIN = 0.005  # smallest residual variance before the variance of eta is scaled to 1


def _score_likelihood(x, info):
    """Likelihood of the Bartlett scores ``x`` (n,) with information ``info`` on the grid, shape (n, 19)."""
    d = 0.5 * info * (x[:, None] - GRID) ** 2
    return np.where(d < NEGLIGIBLE, np.exp(-d), 0.0)


@njit(cache=True, nogil=True)
def _posterior_moments(e1, e2, x3, joint, grid, coef, noise, gain):
    """Posterior means for every person, shape (n, 14), of the products that the M-step needs.

    Columns: 1, g1, g2, g1 g2, g1^2, g2^2, g1^2 g2, g1 g2^2, (g1 g2)^2, eta, eta^2, eta g1 g2, eta g1, eta g2, where eta
    is replaced by its mean given the grid point.
    """
    n, q = e1.shape
    out = np.zeros((n, 14))
    for i in range(n):
        m = out[i]
        for a in range(q):
            if e1[i, a] == 0.0:
                continue
            for b in range(q):
                if e2[i, b] == 0.0:
                    continue
                g1, g2 = grid[a], grid[b]
                g12 = g1 * g2
                mean = coef[0] + coef[1] * g1 + coef[2] * g2 + coef[3] * g12
                r = x3[i] - mean
                w = e1[i, a] * e2[i, b] * joint[a, b] * np.exp(-0.5 * r * r / noise)
                eta = mean + gain * r
                m[0] += w
                m[1] += w * g1
                m[2] += w * g2
                m[3] += w * g12
                m[4] += w * g1 * g1
                m[5] += w * g2 * g2
                m[6] += w * g1 * g12
                m[7] += w * g2 * g12
                m[8] += w * g12 * g12
                m[9] += w * eta
                m[10] += w * eta * eta
                m[11] += w * eta * g12
                m[12] += w * eta * g1
                m[13] += w * eta * g2
        total = m[0]
        for c in range(14):
            m[c] /= total
    return out


def _check_start(start):
    start = finite("start", start)
    if start.shape != (5,) or not (abs(start[0]) < 1 and start[4] > 0):
        raise ValueError(
            f"start must be (phi12, beta1, beta2, beta3, psi) with abs(phi12) < 1 and psi > 0, got {start}"
        )
    return start


def _expected(blocks, load, u, theta, intercept):
    """E-step: posterior moments (n, 14) as in `_posterior_moments`, and the posterior variance of eta."""
    g1, g2 = GRID[:, None], GRID[None, :]
    phi, psi = theta[0], theta[4]
    info = (load**2 / u).sum(axis=1)
    x = np.einsum("nkp,kp->kn", blocks, load / u / info[:, None])  # Bartlett scores
    e1, e2 = (_score_likelihood(x[k], info[k]) for k in range(2))
    joint = np.exp(-0.5 * (g1**2 - 2 * phi * g1 * g2 + g2**2) / (1 - phi**2))
    noise = psi + 1 / info[2]
    coef = np.array([intercept, *theta[1:4]])
    return _posterior_moments(e1, e2, x[2], joint, GRID, coef, noise, psi / noise), psi * (1 - psi / noise)


def _structural_step(s):
    """M-step of the structural model from mean moments ``s`` (14,), with latent variances brought back to 1.

    Returns theta, the intercept, and the standard deviations of xi1, xi2 and eta that were divided out.
    """
    xx = s[[[0, 1, 2, 3], [1, 4, 3, 6], [2, 3, 5, 7], [3, 6, 7, 8]]]
    xe = s[[9, 12, 13, 11]]
    coef = np.linalg.solve(xx, xe)
    residual = max(s[10] - coef @ xe, PSI_MIN)
    v1, v2 = np.sqrt(s[4:6])
    new = np.array([s[3] / (v1 * v2), coef[1] * v1, coef[2] * v2, coef[3] * v1 * v2, residual])
    var = new[1] ** 2 + new[2] ** 2 + 2 * new[1] * new[2] * new[0] + new[3] ** 2 * (1 + new[0] ** 2) + residual
    scale = np.sqrt(var)
    new[1:4] /= scale
    new[4] /= var
    return new, coef[0] / scale, np.array([v1, v2, scale])


def interaction_ml(y, start, *, measurement=None, max_iter=2000, tol=1e-6):
    """One-stage ML of the interaction model.

    EM on a 19 x 19 grid of (xi1, xi2), eta integrated in closed form; item means stay at their sample values.
    Parameter-expanded: variances are free in the M-step and rescaled to 1.

    Parameters
    ----------
    y : array_like, shape (n, 3 n_items)
        Indicators in any units, block after block.
    start : array_like, shape (5,)
        A theta to begin from, for instance the corrected two-stage estimate.
    measurement : measurement.Measurement, optional
        Loadings and unique variances to begin from; fitted where left out.
    max_iter, tol : int, float
        EM steps, at least one, and the change of theta at which they stop.

    Returns
    -------
    measurement.StructuralML
        With (phi12, beta1, beta2, beta3, psi), standardised.

    Raises
    ------
    ValueError
        If ``y`` is not a finite matrix of at least 50 rows and 3 items a block, all answer an item alike, or ``start``
        is outside its bounds, or ``max_iter`` is below 1.

    Warns
    -----
    measurement.HeywoodWarning
        If a unique variance, or the residual variance of eta, ends on its bound.
    """
    if operator.index(max_iter) < 1:
        raise ValueError(f"max_iter must be at least 1, got {max_iter}")
    y, p = mm.check_items(y, 3)
    measurement = measurement or mm.fit_measurement(y, heywood="keep")
    load, u = measurement.loadings, measurement.uniques
    blocks = y.reshape(len(y), 3, p)
    second = (blocks**2).mean(axis=0)
    theta = _check_start(start)
    intercept, converged = -theta[3] * theta[0], False
    for _ in range(max_iter):
        m, spread = _expected(blocks, load, u, theta, intercept)
        s = m.mean(axis=0)
        s[10] += spread
        new, intercept, sd = _structural_step(s)
        square = s[[4, 5, 10]]
        cross = np.einsum("nkp,nk->kp", blocks, m[:, [1, 2, 9]]) / len(y)
        raw = cross / square[:, None]
        u = np.maximum(second - raw * cross, mm.U_MIN * second)
        load = raw * sd[:, None]
        converged, theta = np.abs(new - theta).max() < tol, new
        if converged:
            break
    heywood = mm.on_bound(u, second)
    heywood[2] |= theta[4] * sd[2] ** 2 <= 1.001 * PSI_MIN
    mm.warn_heywood(heywood)
    return mm.StructuralML(theta, heywood, bool(converged))
