"""Monte Carlo designs of page ``factor_score_regression``, and one-stage ML of the interaction model."""

# ruff: noqa: NPY002  (inside compiled code np.random is numba's own generator)
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods import binary_items, factor_regression
from paperlab.methods import measurement as mm
from paperlab.methods.factor_regression import antithetic, clip, structural

__all__ = ["DESIGNS", "Design", "draw_items", "interaction_ml", "names", "run_design", "truth"]

DESIGNS = ("linear", "interaction", "categorical")
GRID = np.linspace(-4.5, 4.5, 19)


@dataclass(frozen=True)
class Design:
    """One cell: structural ``kind`` (see ``DESIGNS``), persons, loading of every item, items per latent variable."""

    kind: str = "interaction"
    n: int = 500
    loading: float = 0.7
    n_items: int = 4
    score_type: str = "regression"

    def __post_init__(self):
        if self.kind not in DESIGNS:
            raise ValueError(f"kind must be one of {', '.join(DESIGNS)}, got {self.kind!r}")
        if not 0 < self.loading < 1:
            raise ValueError(f"loading must lie between 0 and 1, got {self.loading}; items have variance 1")
        if self.n < 50:
            raise ValueError(f"n must be at least 50, got {self.n}; one-factor ML is not reliable below that")
        if self.n_items < 3:
            raise ValueError(
                f"n_items must be at least 3, got {self.n_items}; fewer do not identify a one-factor model"
            )
        mm._kind(self.score_type)


def truth(design):
    """True theta; the variance of eta is 1."""
    phi, b1, b2, b3 = 0.3, 0.4, 0.3, 0.2
    linear = b1**2 + b2**2 + 2 * b1 * b2 * phi
    if design.kind == "interaction":
        return np.array([phi, b1, b2, b3, 1 - linear - b3**2 * (1 + phi**2)])
    return np.array([phi, b1, b2, 1 - linear])


def names(design):
    """Names of the entries of theta."""
    return ["phi", "beta1", "beta2", *(["beta3"] if design.kind == "interaction" else []), "psi"]


@njit(cache=True, nogil=True)
def binary_draw(theta, slopes, inters, z, uniform):
    """Binary items (n, 3 p) from standard normals (n, 3) and uniforms (n, 3 p)."""
    f = structural(theta, z)
    p = slopes.shape[1]
    y = np.empty((z.shape[0], 3 * p))
    for i in range(z.shape[0]):
        for k in range(3):
            for j in range(p):
                prob = 1.0 / (1.0 + np.exp(-(slopes[k, j] * f[i, k] + inters[k, j])))
                y[i, k * p + j] = 1.0 if uniform[i, k * p + j] < prob else 0.0
    return y


@njit(cache=True, nogil=True)
def binary_scores(y, eap):
    """EAP scores by looking up the answer patterns."""
    codes = binary_items.pattern_codes(y, y.shape[1] // 3)
    s = np.empty((y.shape[0], 3))
    for i in range(y.shape[0]):
        for k in range(3):
            s[i, k] = eap[k, codes[i, k]]
    return s


@njit(cache=True, nogil=True)
def binary_correct(t_obs, slopes, inters, eap, n_iter, draws):
    """The Robbins-Monro correction with simulated binary items and EAP scores."""
    theta = t_obs.copy()
    mean, hits = np.zeros(theta.size), 0
    for r in range(n_iter):
        g = 1.0 if r < 30 else (r - 29.0) ** (-0.7)
        y = binary_draw(theta, slopes, inters, antithetic(draws), np.random.random((draws // 2 * 2, slopes.size)))
        theta = theta + g * (t_obs - mm.naive(binary_scores(y, eap), False))
        hit = clip(theta)
        if r >= n_iter // 2:
            mean += theta
            hits += hit
    return mean / (n_iter - n_iter // 2), hits


@njit(cache=True, nogil=True)
def replicate_binary(seed, theta, n, n_items, nodes, prior, sa_iter, draws):
    """One data set of binary items: naive estimate, corrected estimate, bound hits."""
    np.random.seed(seed)
    slopes, inters = np.full((3, n_items), 1.7), np.empty((3, n_items))
    inters[:] = np.linspace(-1.0, 1.0, n_items)
    z = np.empty((n, 3))
    for i in range(n):
        for k in range(3):
            z[i, k] = np.random.standard_normal()
    y = binary_draw(theta, slopes, inters, z, np.random.random((n, 3 * n_items)))
    codes = binary_items.pattern_codes(y, n_items)
    eap = np.empty((3, 2**n_items))
    for k in range(3):
        counts = np.zeros(2**n_items)
        for i in range(n):
            counts[codes[i, k]] += 1
        slopes[k], inters[k], eap[k] = binary_items.two_pl_em(counts, n_items, nodes, prior, 1000, 1e-4)
    t = mm.naive(binary_scores(y, eap), False)
    theta_hat, hits = binary_correct(t, slopes, inters, eap, sa_iter, draws)
    return t, theta_hat, hits


@njit(cache=True, nogil=True)
def interaction_em(y, p, load, u, theta, max_iter, tol):
    """One-stage ML of the interaction model: EM on a 19 x 19 grid of (xi1, xi2), eta integrated in closed form.

    Parameter-expanded: variances are free in the M-step and rescaled to 1. Grid points whose log weight is 12 below the
    best of their margin are skipped. Returns theta and the number of iterations.
    """
    n, q = y.shape[0], GRID.size
    load, u, theta = load.copy(), u.copy(), theta.copy()
    alpha = -theta[3] * theta[0]
    xs, e1, e2, joint = np.empty((n, 3)), np.empty((n, q)), np.empty((n, q)), np.empty((q, q))
    yy = np.empty((3, p))
    for k in range(3):
        for j in range(p):
            yy[k, j] = np.mean(y[:, k * p + j] ** 2)
    for it in range(max_iter):  # noqa: B007
        phi, b1, b2, b3, psi = theta
        info = np.empty(3)
        for k in range(3):
            info[k] = np.sum(load[k] ** 2 / u[k])
            w = load[k] / u[k] / info[k]
            for i in range(n):
                xs[i, k] = np.sum(w * y[i, k * p : (k + 1) * p])
        for i in range(n):
            for a in range(q):
                d1, d2 = 0.5 * info[0] * (xs[i, 0] - GRID[a]) ** 2, 0.5 * info[1] * (xs[i, 1] - GRID[a]) ** 2
                e1[i, a] = np.exp(-d1) if d1 < 12.0 else 0.0
                e2[i, a] = np.exp(-d2) if d2 < 12.0 else 0.0
        for a in range(q):
            for b in range(q):
                joint[a, b] = np.exp(-0.5 * (GRID[a] ** 2 - 2 * phi * GRID[a] * GRID[b] + GRID[b] ** 2) / (1 - phi**2))
        noise = psi + 1.0 / info[2]
        gain = psi / noise
        xx, xe, ee = np.zeros((4, 4)), np.zeros(4), 0.0
        cross, sq = np.zeros((3, p)), np.zeros(3)
        c12 = 0.0
        m = np.empty(14)
        for i in range(n):
            m[:] = 0.0
            for a in range(q):
                if e1[i, a] == 0.0:
                    continue
                for b in range(q):
                    if e2[i, b] == 0.0:
                        continue
                    g1, g2 = GRID[a], GRID[b]
                    g12 = g1 * g2
                    mean = alpha + b1 * g1 + b2 * g2 + b3 * g12
                    r = xs[i, 2] - mean
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
            mom = m / m[0]
            xx += np.array(
                [
                    [1.0, mom[1], mom[2], mom[3]],
                    [mom[1], mom[4], mom[3], mom[6]],
                    [mom[2], mom[3], mom[5], mom[7]],
                    [mom[3], mom[6], mom[7], mom[8]],
                ]
            )
            xe += np.array([mom[9], mom[12], mom[13], mom[11]])
            ee += mom[10] + psi * (1 - gain)
            c12 += mom[3]
            sq += np.array([mom[4], mom[5], mom[10] + psi * (1 - gain)])
            for j in range(p):
                cross[0, j] += y[i, j] * mom[1]
                cross[1, j] += y[i, p + j] * mom[2]
                cross[2, j] += y[i, 2 * p + j] * mom[9]
        coef = np.linalg.solve(xx, xe)
        new_psi = max((ee - coef @ xe) / n, 0.005)
        v1, v2 = np.sqrt(sq[0] / n), np.sqrt(sq[1] / n)
        scale = np.array([v1, v2, 1.0])
        new = np.array([c12 / n / (v1 * v2), coef[1] * v1, coef[2] * v2, coef[3] * v1 * v2, new_psi])
        var = new[1] ** 2 + new[2] ** 2 + 2 * new[1] * new[2] * new[0] + new[3] ** 2 * (1 + new[0] ** 2) + new_psi
        scale[2] = np.sqrt(var)
        new[1:4] /= scale[2]
        new[4] /= var
        alpha = coef[0] / scale[2]
        for k in range(3):
            for j in range(p):
                raw = cross[k, j] / sq[k]
                u[k, j] = max(yy[k, j] - raw * cross[k, j] / n, mm.U_MIN * yy[k, j])
                load[k, j] = raw * scale[k]
        change = np.max(np.abs(new - theta))
        theta = new
        if change < tol:
            break
    return theta, it + 1


@njit(cache=True, nogil=True)
def replicate(seed, theta, n, p, loading, kind, sa_iter, draws, m, twin, n_ml):
    """One Gaussian data set: every estimator asked for, as one long vector (see ``run_design``)."""
    np.random.seed(seed)
    k = theta.size
    out = np.full(7 * k + 2, np.nan)
    loads, us = np.full((3, p), loading), np.full((3, p), 1 - loading**2)
    y = factor_regression.gaussian_items(theta, loads, us, n)
    l1, u1, hey = mm.stage_one(y, p, 1e-7)
    s, a, v = mm.make_scores(y, l1, u1, kind)
    t = mm.naive(s, k == 5)
    path = np.empty((sa_iter, k))
    est, hits = factor_regression.correct(t, a, v, sa_iter, draws, path)
    out[:k], out[k : 2 * k] = t, est
    if k == 4:
        out[2 * k : 3 * k] = mm.croon_kernel(s, a, v)
        phi = np.full((3, 3), 0.3)
        for f in range(3):
            phi[f, f] = 1.0
        cov = y.T @ y / n
        _, _, phi, _ = mm.cfa_em(cov, p, l1, u1, phi, 3000, 1e-6)
        out[3 * k : 4 * k] = mm.theta_of_covariance(phi)
    elif n_ml > 0:
        out[3 * k : 4 * k] = interaction_em(y, p, l1, u1, est, n_ml, 1e-5)[0]
    if m > 0:
        cov2 = factor_regression.variance_kernel(est, l1, u1, kind, n, m, 2000)
        for c in range(k):
            out[4 * k + c], out[5 * k + c] = np.sqrt(cov2[0, c, c]), np.sqrt(cov2[1, c, c])
    if twin > 0:
        out[6 * k : 7 * k] = factor_regression.correct_crn(t, a, v, antithetic(twin, False), 60, 1e-5)
    out[7 * k], out[7 * k + 1] = hits, np.sum(hey)
    return out


def draw_items(design, rng):
    """Items of one simulated data set, shape (n, 3 n_items), from a numpy generator."""
    theta, n, p = truth(design), design.n, design.n_items
    z = rng.standard_normal((n, 3))
    if design.kind == "categorical":
        slopes, inters = np.full((3, p), 1.7), np.tile(np.linspace(-1, 1, p), (3, 1))
        return binary_draw(theta, slopes, inters, z, rng.random((n, 3 * p)))
    f = np.repeat(structural(theta, z), p, axis=1)
    return design.loading * f + np.sqrt(1 - design.loading**2) * rng.standard_normal((n, 3 * p))


def run_design(design, reps, seed, *, sa_iter=100, draws=1000, variance=0, twin=0, ml_steps=0, n_jobs=2):
    """Monte Carlo over data sets of one design.

    Parameters
    ----------
    design : Design
    reps, seed : int
        Data sets; data set r has its own stream, so the numbers do not depend on ``n_jobs``.
    sa_iter, draws : int
        Iterations of the stochastic approximation and simulated persons in each.
    variance, twin, ml_steps : int
        Data sets behind the Monte Carlo variance, draws of the deterministic twin, EM steps of the interaction
        model's one-stage ML; 0 leaves each out.

    Returns
    -------
    dict of ndarray
        "naive", "corrected", "croon", "ml", "se", "se_no_stage_one", "twin" (reps, k), nan where not computed;
        "hits" (bounds hit) and "heywood" (reps,).
    """
    from joblib import Parallel, delayed

    theta, k = truth(design), len(truth(design))
    seeds = np.random.SeedSequence(seed).generate_state(reps)
    if design.kind == "categorical":
        args = (theta, design.n, design.n_items, binary_items.NODES, binary_items.PRIOR, sa_iter, draws)
        rows = Parallel(n_jobs, backend="threading")(delayed(replicate_binary)(int(s), *args) for s in seeds)
        naive, est, hits = (np.array(part) for part in zip(*rows, strict=True))
        return {"naive": naive, "corrected": est, "hits": hits, "heywood": np.zeros(reps)}
    args = (theta, design.n, design.n_items, design.loading, mm._kind(design.score_type))
    args += (sa_iter, draws, variance, twin, ml_steps)
    out = np.array(Parallel(n_jobs, backend="threading")(delayed(replicate)(int(s), *args) for s in seeds))
    keys = ("naive", "corrected", "croon", "ml", "se", "se_no_stage_one", "twin")
    return {key: out[:, i * k : (i + 1) * k] for i, key in enumerate(keys)} | {
        "hits": out[:, 7 * k],
        "heywood": out[:, 7 * k + 1],
    }


def interaction_ml(y, start):
    """One-stage ML of the interaction model, standardised: (phi12, beta1, beta2, beta3, psi).

    ``start`` is a theta to begin from, for instance the corrected two-stage estimate.
    """
    centred, p = mm.check_items(y, 3)
    model = mm.fit_measurement(y, heywood="keep")
    return interaction_em(centred, p, model.loadings, model.uniques, np.asarray(start, float), 2000, 1e-6)[0]
