"""Mixture of bilinear growth curves with gates and experts: likelihood, scores and one step of EM, compiled.

Person i of class k follows two straight lines that meet at the class's knot gamma_k; intercept and both slopes vary over
persons and may depend on expert covariates x, class membership on gating covariates g (page ``trajectory_experts``,
eqs. 1 to 3)::

    y_ij = eta_0i + eta_1i min(t_ij, gamma_k) + eta_2i max(t_ij - gamma_k, 0) + kappa_k w_ij + e_ij,   var(e_ij) = theta_k
    eta_i | k ~ N(coef_k (1, x_i), psi_k),     P(k | g_i) = softmax_k(gate_k (1, g_i)),  gate_0 = 0

|t - gamma| is smoothed to sqrt((t - gamma)^2 + smooth^2), which makes the likelihood twice differentiable in the knots.
"""

import math

import numpy as np
from numba import njit

from paperlab.methods.foundations.small_matrices import inverse3, solve_spd

PSI_ROWS = np.array([0, 0, 0, 1, 1, 2])
PSI_COLUMNS = np.array([0, 1, 2, 1, 2, 2])
LOG_2PI = math.log(2 * math.pi)
SUMS = {"reassoc", "contract"}  # sums over waves may be reordered, which lets them use vector instructions


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
def e_step(y, t, w, x1, g1, log_x, gate, coef, psi, theta, knot, kappa, smooth, resp, mean, var, loglik):
    """Posterior of class and growth factors of every person.

    Fills ``resp`` (n, K), ``mean`` (n, K, 3), ``var`` (n, K, 6; upper triangle) and ``loglik`` (n,); returns the log-likelihood.
    The J x J covariance is never formed: with S = psi^-1 + L'L / theta its determinant is theta^J det(psi) det(S), and S^-1 is
    the posterior variance of the growth factors.
    """
    n, waves = y.shape
    gate_logs(g1, gate, resp)
    total = 0.0
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
    for i in range(n):
        top = resp[i, 0]
        for k in range(1, theta.size):
            top = max(top, resp[i, k])
        part = 0.0
        for k in range(theta.size):
            resp[i, k] = math.exp(resp[i, k] - top)
            part += resp[i, k]
        for k in range(theta.size):
            resp[i, k] /= part
        loglik[i] = top + math.log(part)
        total += loglik[i]
    return total


@njit(cache=True, fastmath=SUMS)
def residual_parts(y, t, w, gamma, kappa, smooth, i, m, v):
    """Expected squares of one person's residuals, their slope and curvature in the knot, and sums for the effect of w."""
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
def gate_step(g1, resp, gate, rounds):
    """Newton steps of the multinomial logit with soft classes, written over ``gate``; halved while the fit would fall."""
    n, q = g1.shape
    free = gate.shape[0] - 1
    logs, trial = np.empty((n, free + 1)), np.zeros((free + 1, q))
    gate_logs(g1, gate, logs)
    fit = gate_fit(resp, logs)
    for _ in range(rounds):
        step, curve = np.zeros((free * q, 1)), np.zeros((free * q, free * q))
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
        for j in range(free * q):
            curve[j, j] += 1e-9 * n
        solve_spd(curve, step)
        new, share = -np.inf, 2.0
        while new < fit and share > 1e-6:
            share *= 0.5
            for k in range(free):
                for j in range(q):
                    trial[k + 1, j] = gate[k + 1, j] + share * step[k * q + j, 0]
            gate_logs(g1, trial, logs)
            new = gate_fit(resp, logs)
        if new < fit:
            return
        for k in range(free):
            for j in range(q):
                gate[k + 1, j] = trial[k + 1, j]
        if new - fit < 1e-10:
            return
        fit = new


@njit(cache=True)
def residual_sums(y, t, w, gamma, kappa, smooth, k, resp, mean, var, out):
    """`residual_parts` of class k summed over persons with their class probabilities; fills ``out`` (5,)."""
    for l in range(5):
        out[l] = 0.0
    for i in range(y.shape[0]):
        parts = residual_parts(y, t, w, gamma, kappa, smooth, i, mean[i, k], var[i, k])
        for l in range(5):
            out[l] += resp[i, k] * parts[l]


@njit(cache=True)
def residual_table(y, t, w, knot, kappa, smooth, mean, var, out):
    """`residual_parts` of every person and class; fills ``out`` (n, K, 5)."""
    for k in range(knot.size):
        for i in range(y.shape[0]):
            parts = residual_parts(y, t, w, knot[k], kappa[k], smooth, i, mean[i, k], var[i, k])
            for l in range(5):
                out[i, k, l] = parts[l]


@njit(cache=True)
def m_step_growth(x1, coef, psi, resp, mean, var):
    """Regression of the growth factors on the experts and the covariance that is left, over ``coef`` and ``psi``."""
    n, p = x1.shape
    for k in range(psi.shape[0]):
        a, c, b, total, weight = np.zeros((p, p)), np.zeros((p, 3)), np.zeros((p, 3)), np.zeros(6), 0.0
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
        for j in range(p):
            for d in range(3):
                b[j, d] = c[j, d]
        solve_spd(a, b)
        for j in range(p):
            for d in range(3):
                coef[k, d, j] = b[j, d]
        for l in range(6):
            d, e = PSI_ROWS[l], PSI_COLUMNS[l]
            for j in range(p):
                total[l] -= b[j, d] * c[j, e]
            psi[k, d, e] = psi[k, e, d] = total[l] / weight


@njit(cache=True)
def m_step_curve(y, t, w, theta, knot, kappa, smooth, resp, mean, var, bounds, free_knot, use_w):
    """Knot, effect of w and residual variance of every class, written over the old ones.

    The knot moves by one Gauss-Newton step of the expected squared residuals, halved until these do not grow; the other updates
    are closed. With `gate_step` and `m_step_growth` the expected complete log-likelihood rises, so the likelihood cannot fall.
    """
    now, new = np.empty(5), np.empty(5)
    for k in range(theta.size):
        weight = 0.0
        for i in range(y.shape[0]):
            weight += resp[i, k]
        residual_sums(y, t, w, knot[k], kappa[k], smooth, k, resp, mean, var, now)
        if free_knot and now[2] > 0.0:
            step = now[1] / now[2]
            for _ in range(12):
                trial = min(max(knot[k] + step, bounds[0]), bounds[1])
                residual_sums(y, t, w, trial, kappa[k], smooth, k, resp, mean, var, new)
                if new[0] <= now[0]:
                    knot[k] = trial
                    now, new = new, now
                    break
                step *= 0.5
        square = now[0]
        if use_w and now[4] > 0.0:
            kappa[k] += now[3] / now[4]
            square -= now[3] * now[3] / now[4]
        theta[k] = square / (y.shape[1] * weight)
