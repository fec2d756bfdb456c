"""Mixture of bilinear growth curves with gates and experts: likelihood, scores and one step of EM, compiled.

Person i of class k follows two straight lines that meet at the class's knot gamma_k; intercept and both slopes vary
over persons and may depend on expert covariates x, class membership on gating covariates g
(page ``trajectory_experts``, eqs. 1 to 3)::

    y_ij = eta_0i + eta_1i min(t_ij, gamma_k) + eta_2i max(t_ij - gamma_k, 0) + kappa_k w_ij + e_ij
    eta_i | k ~ N(coef_k (1, x_i), psi_k),     var(e_ij) = theta_k
    P(k | g_i) = softmax_k(gate_k (1, g_i)),   gate_0 = 0

|t - gamma| is smoothed to sqrt((t - gamma)^2 + smooth^2), which makes the likelihood twice differentiable in the knots.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from paperlab.methods.foundations.small_matrices import inverse3, solve_spd

PSI_ROWS = np.array([0, 0, 0, 1, 1, 2])
PSI_COLUMNS = np.array([0, 1, 2, 1, 2, 2])
LOG_2PI = math.log(2 * math.pi)
SUMS = {"reassoc", "contract"}  # sums over waves may be reordered, which lets them use vector instructions


class Observations(NamedTuple):
    """What the kernels see of the data: y, t, w (n, J), x and g with a leading one, and log densities of x (n, K)."""

    y: np.ndarray
    t: np.ndarray
    w: np.ndarray
    x1: np.ndarray
    g1: np.ndarray
    log_x: np.ndarray


class Posterior(NamedTuple):
    """What the data say of classes and growth factors.

    Class probabilities ``resp`` (n, K), mean (n, K, 3) and variance (n, K, 6; upper triangle) of the growth factors
    given the class, and log-likelihoods of persons (n,).
    """

    resp: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    persons: np.ndarray


@njit(cache=True)
def gate_logs(g1, gate, out):
    """Logarithms of the class probabilities given the gating covariates, shape (n, K)."""
    for i in range(g1.shape[0]):
        top = -np.inf
        for k in range(gate.shape[0]):
            out[i, k] = 0.0
            for j in range(g1.shape[1]):
                out[i, k] += gate[k, j] * g1[i, j]
            top = max(top, out[i, k])
        total = 0.0
        for k in range(gate.shape[0]):
            total += math.exp(out[i, k] - top)
        for k in range(gate.shape[0]):
            out[i, k] -= top + math.log(total)


@njit(cache=True, fastmath=SUMS)
def e_step(data, parameters, smooth, posterior):
    """Posterior of class and growth factors of every person, written over ``posterior``; returns the log-likelihood.

    The J x J covariance is never formed: with S = psi^-1 + L'L / theta its determinant is theta^J det(psi) det(S), and
    S^-1 is the posterior variance of the growth factors.
    """
    y, t, w, x1, g1, log_x = data
    gate, coef, psi, theta, knot, kappa = parameters
    resp, mean, var, persons = posterior
    n, waves = y.shape
    gate_logs(g1, gate, resp)
    for k in range(theta.size):
        p0, p1, p2, p3, p4, p5, det_psi = inverse3(
            psi[k, 0, 0], psi[k, 0, 1], psi[k, 0, 2], psi[k, 1, 1], psi[k, 1, 2], psi[k, 2, 2]
        )
        s2, gamma, inv = smooth * smooth, knot[k], 1.0 / theta[k]
        const = -0.5 * (waves * (LOG_2PI + math.log(theta[k])) + math.log(det_psi))
        for i in range(n):
            a0 = a1 = a2 = 0.0
            for j in range(x1.shape[1]):
                a0 += coef[k, 0, j] * x1[i, j]
                a1 += coef[k, 1, j] * x1[i, j]
                a2 += coef[k, 2, j] * x1[i, j]
            l1 = l2 = l11 = l12 = l22 = r0 = r1 = r2 = rr = 0.0
            for j in range(waves):
                u = t[i, j] - gamma
                s = math.sqrt(u * u + s2)
                before, after = 0.5 * (t[i, j] + gamma - s), 0.5 * (u + s)
                r = y[i, j] - kappa[k] * w[i, j] - a0 - a1 * before - a2 * after
                l1 += before
                l2 += after
                l11 += before * before
                l12 += before * after
                l22 += after * after
                r0 += r
                r1 += r * before
                r2 += r * after
                rr += r * r
            v0, v1, v2, v3, v4, v5, det = inverse3(
                p0 + waves * inv, p1 + l1 * inv, p2 + l2 * inv, p3 + l11 * inv, p4 + l12 * inv, p5 + l22 * inv
            )
            d0 = (v0 * r0 + v1 * r1 + v2 * r2) * inv
            d1 = (v1 * r0 + v3 * r1 + v4 * r2) * inv
            d2 = (v2 * r0 + v4 * r1 + v5 * r2) * inv
            mean[i, k, 0], mean[i, k, 1], mean[i, k, 2] = a0 + d0, a1 + d1, a2 + d2
            var[i, k, 0], var[i, k, 1], var[i, k, 2] = v0, v1, v2
            var[i, k, 3], var[i, k, 4], var[i, k, 5] = v3, v4, v5
            quad = (rr - r0 * d0 - r1 * d1 - r2 * d2) * inv
            resp[i, k] += const - 0.5 * (math.log(det) + quad) + log_x[i, k]
    return normalise(resp, persons)


@njit(cache=True)
def normalise(resp, persons):
    """Class probabilities from the logarithms of the joint densities, in place; returns the log-likelihood."""
    total = 0.0
    for i in range(resp.shape[0]):
        top = resp[i, 0]
        for k in range(1, resp.shape[1]):
            top = max(top, resp[i, k])
        part = 0.0
        for k in range(resp.shape[1]):
            resp[i, k] = math.exp(resp[i, k] - top)
            part += resp[i, k]
        for k in range(resp.shape[1]):
            resp[i, k] /= part
        persons[i] = top + math.log(part)
        total += persons[i]
    return total


@njit(cache=True, fastmath=SUMS)
def residual_parts(data, i, gamma, kappa, smooth, m, v):
    """Expected squares of one person's residuals, their slope and curvature in the knot, and sums for the effect of w.

    ``m`` (3,) and ``v`` (6,) are the moments of the growth factors of person ``i``.
    """
    y, t, w = data.y, data.t, data.w
    square = slope = curve = we = ww = 0.0
    jump = m[1] - m[2]
    spread = v[3] - 2 * v[4] + v[5]
    for j in range(y.shape[1]):
        u = t[i, j] - gamma
        s = math.sqrt(u * u + smooth * smooth)
        before, after = 0.5 * (t[i, j] + gamma - s), 0.5 * (u + s)
        h = 0.5 * (1.0 + u / s)
        e = y[i, j] - kappa * w[i, j] - m[0] - m[1] * before - m[2] * after
        q0 = v[0] + v[1] * before + v[2] * after
        q1 = v[1] + v[3] * before + v[4] * after
        q2 = v[2] + v[4] * before + v[5] * after
        square += e * e + q0 + before * q1 + after * q2
        slope += h * (e * jump - q1 + q2)
        curve += h * h * (jump * jump + spread)
        we += w[i, j] * e
        ww += w[i, j] * w[i, j]
    return square, slope, curve, we, ww


@njit(cache=True)
def gate_fit(resp, logs):
    """Expected log-probability of the classes."""
    fit = 0.0
    for i in range(resp.shape[0]):
        for k in range(resp.shape[1]):
            fit += resp[i, k] * logs[i, k]
    return fit


@njit(cache=True)
def gate_derivatives(g1, resp, logs, step, curve):
    """Scores of the gates of classes 1 to K - 1, and minus their derivatives, written over ``step`` and ``curve``."""
    n, q = g1.shape
    free = resp.shape[1] - 1
    step[:], curve[:] = 0.0, 0.0
    for i in range(n):
        for k in range(free):
            pk = math.exp(logs[i, k + 1])
            for l in range(free):
                c = pk * ((1.0 if k == l else 0.0) - math.exp(logs[i, l + 1]))
                for j in range(q):
                    for o in range(q):
                        curve[k * q + j, l * q + o] += c * g1[i, j] * g1[i, o]
            for j in range(q):
                step[k * q + j, 0] += (resp[i, k + 1] - pk) * g1[i, j]


@njit(cache=True)
def gate_step(g1, resp, gate, rounds):
    """Newton steps of a multinomial logit with soft classes, written over ``gate``; halved while the fit would fall."""
    n, q = g1.shape
    free = gate.shape[0] - 1
    logs, trial = np.empty((n, free + 1)), np.zeros((free + 1, q))
    step, curve = np.empty((free * q, 1)), np.empty((free * q, free * q))
    gate_logs(g1, gate, logs)
    fit = gate_fit(resp, logs)
    for _ in range(rounds):
        gate_derivatives(g1, resp, logs, step, curve)
        for j in range(free * q):
            curve[j, j] *= 1.0 + 1e-9
        solve_spd(curve, step)
        new, share = -np.inf, 2.0
        while new < fit and share > 1e-6:
            share *= 0.5
            trial[1:] = gate[1:] + share * step.reshape(free, q)
            gate_logs(g1, trial, logs)
            new = gate_fit(resp, logs)
        if new < fit:
            return
        gate[1:] = trial[1:]
        if new - fit < 1e-10:
            return
        fit = new


@njit(cache=True)
def residual_sums(data, posterior, k, gamma, kappa, smooth, out):
    """`residual_parts` of class k summed over persons with their class probabilities; fills ``out`` (5,)."""
    resp, mean, var = posterior.resp, posterior.mean, posterior.var
    out[:] = 0.0
    for i in range(resp.shape[0]):
        parts = residual_parts(data, i, gamma, kappa, smooth, mean[i, k], var[i, k])
        for l in range(5):
            out[l] += resp[i, k] * parts[l]


@njit(cache=True)
def residual_table(data, posterior, knot, kappa, smooth, out):
    """`residual_parts` of every person and class; fills ``out`` (n, K, 5)."""
    mean, var = posterior.mean, posterior.var
    for k in range(knot.size):
        for i in range(mean.shape[0]):
            parts = residual_parts(data, i, knot[k], kappa[k], smooth, mean[i, k], var[i, k])
            for l in range(5):
                out[i, k, l] = parts[l]


@njit(cache=True)
def growth_moments(x1, posterior, k, a, c, total):
    """Weighted second moments of class k, written over ``a``, ``c`` and ``total``; returns the weight of the class.

    ``a`` (p, p) are those of the experts, ``c`` (p, 3) of experts and growth factors, ``total`` (6,) of growth factors.
    """
    n, p = x1.shape
    resp, mean, var = posterior.resp, posterior.mean, posterior.var
    a[:], c[:], total[:] = 0.0, 0.0, 0.0
    weight = 0.0
    for i in range(n):
        r = resp[i, k]
        weight += r
        for j in range(p):
            for l in range(p):
                a[j, l] += r * x1[i, j] * x1[i, l]
            for d in range(3):
                c[j, d] += r * mean[i, k, d] * x1[i, j]
        for l in range(6):
            total[l] += r * (var[i, k, l] + mean[i, k, PSI_ROWS[l]] * mean[i, k, PSI_COLUMNS[l]])
    return weight


@njit(cache=True)
def m_step_growth(x1, posterior, coef, psi):
    """Regression of the growth factors on the experts and the covariance that is left, over ``coef`` and ``psi``."""
    p = x1.shape[1]
    a, c, total = np.empty((p, p)), np.empty((p, 3)), np.empty(6)
    for k in range(psi.shape[0]):
        weight = growth_moments(x1, posterior, k, a, c, total)
        b = c.copy()
        solve_spd(a, b)
        coef[k] = b.T
        for l in range(6):
            d, e = PSI_ROWS[l], PSI_COLUMNS[l]
            for j in range(p):
                total[l] -= b[j, d] * c[j, e]
            psi[k, d, e] = psi[k, e, d] = total[l] / weight


@njit(cache=True)
def m_step_curve(data, posterior, parameters, smooth, bounds, free_knot, use_w):
    """Knot, effect of w and residual variance of every class, written over the old ones.

    The knot moves by one Gauss-Newton step of the expected squared residuals, halved until these do not grow; the other
    updates are closed. With `gate_step` and `m_step_growth` the expected complete log-likelihood rises, so the
    likelihood cannot fall.
    """
    theta, knot, kappa = parameters.theta, parameters.knot, parameters.kappa
    now, new = np.empty(5), np.empty(5)
    for k in range(theta.size):
        weight = posterior.resp[:, k].sum()
        residual_sums(data, posterior, k, knot[k], kappa[k], smooth, now)
        if free_knot and now[2] > 0.0:
            step = now[1] / now[2]
            for _ in range(12):
                trial = min(max(knot[k] + step, bounds[0]), bounds[1])
                residual_sums(data, posterior, k, trial, kappa[k], smooth, new)
                if new[0] <= now[0]:
                    knot[k] = trial
                    now, new = new, now
                    break
                step *= 0.5
        square = now[0]
        if use_w and now[4] > 0.0:
            kappa[k] += now[3] / now[4]
            square -= now[3] * now[3] / now[4]
        theta[k] = square / (data.y.shape[1] * weight)
