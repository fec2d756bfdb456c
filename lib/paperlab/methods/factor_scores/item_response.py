"""Two-parameter logistic models of binary items and their EAP scores, used by page ``factor_score_regression``."""

from __future__ import annotations

import numpy as np
from numba import njit

from paperlab.methods.factor_scores.measurement import check_items

__all__ = ["NODES", "PRIOR", "draw_binary", "eap_scores", "fit_two_pl", "simulated_scores"]

NODES = np.linspace(-4.0, 4.0, 21)
PRIOR = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()


@njit(cache=True, nogil=True)
def two_pl_em(counts, n_items, nodes, prior, max_iter, tol):
    """Marginal ML of a two-parameter logistic model from the counts of all 2**n_items patterns (Bock and Aitkin).

    Returns slopes, intercepts, and the EAP score of every pattern.
    """
    n_pat, q = counts.size, nodes.size
    slope, inter = np.full(n_items, 1.2), np.zeros(n_items)
    like, eap = np.empty(q), np.zeros(n_pat)
    prob = np.empty((n_items, q))
    for _it in range(max_iter):
        for j in range(n_items):
            for m in range(q):
                prob[j, m] = 1.0 / (1.0 + np.exp(-(slope[j] * nodes[m] + inter[j])))
        size, right = np.zeros(q), np.zeros((n_items, q))
        for c in range(n_pat):
            total, first = 0.0, 0.0
            for m in range(q):
                value = prior[m]
                for j in range(n_items):
                    value *= prob[j, m] if (c >> j) & 1 else 1.0 - prob[j, m]
                like[m] = value
                total += value
                first += value * nodes[m]
            eap[c] = first / total
            for m in range(q):
                w = counts[c] * like[m] / total
                size[m] += w
                for j in range(n_items):
                    if (c >> j) & 1:
                        right[j, m] += w
        change = 0.0
        for j in range(n_items):
            a, d = slope[j], inter[j]
            for _ in range(4):
                g0, g1, h00, h01, h11 = 0.0, 0.0, 1e-6, 0.0, 1e-6
                for m in range(q):
                    pr = 1.0 / (1.0 + np.exp(-(a * nodes[m] + d)))
                    r, w = right[j, m] - size[m] * pr, size[m] * pr * (1.0 - pr)
                    g0 += r
                    g1 += r * nodes[m]
                    h00 += w
                    h01 += w * nodes[m]
                    h11 += w * nodes[m] ** 2
                det = h00 * h11 - h01 * h01
                d += (h11 * g0 - h01 * g1) / det
                a = min(max(a + (h00 * g1 - h01 * g0) / det, 0.05), 8.0)
                d = min(max(d, -8.0), 8.0)
            change = max(change, abs(a - slope[j]), abs(d - inter[j]))
            slope[j], inter[j] = a, d
        if change < tol:
            break
    return slope, inter, eap


def pattern_codes(y, p):
    """Pattern number of every block of ``p`` binary columns, shape (n, k)."""
    return (y > 0.5).reshape(len(y), -1, p) @ (1 << np.arange(p))


def draw_binary(f, slopes, inters, uniform):
    """Binary items (n, k p) of latent variables ``f`` (n, k), from uniforms (n, k p)."""
    logit = slopes * f[:, :, None] + inters
    return (uniform * (1.0 + np.exp(-logit.reshape(len(f), -1))) < 1.0).astype(float)


@njit(cache=True, nogil=True)
def simulated_scores(f, slopes, inters, eap, uniform):
    """EAP scores (n, k) of simulated answers: ``eap_scores(draw_binary(f, ...), eap)`` without the items in between."""
    n, k = f.shape
    p = slopes.shape[1]
    scores = np.empty((n, k))
    for i in range(n):
        for a in range(k):
            code = 0
            for j in range(p):
                if uniform[i, a * p + j] * (1.0 + np.exp(-(slopes[a, j] * f[i, a] + inters[a, j]))) < 1.0:
                    code |= 1 << j
            scores[i, a] = eap[a, code]
    return scores


def fit_two_pl(y, n_factors=3, *, max_iter=2000, tol=1e-6):
    """Two-parameter logistic model of each block of binary items, by marginal maximum likelihood.

    Parameters
    ----------
    y : array_like of 0 and 1, shape (n, n_factors * n_items)
    max_iter, tol : int, float
        EM steps, and the change of a parameter at which they stop.

    Returns
    -------
    slopes, intercepts : ndarray, shape (n_factors, n_items)
    eap : ndarray, shape (n_factors, 2**n_items)
        Posterior mean of the latent variable for each answer pattern, on a 21-point grid.
    """
    _, p = check_items(y, n_factors)
    y = np.asarray(y, dtype=float)
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("y must hold 0 and 1 only; for continuous items use fit_measurement")
    codes = pattern_codes(y, p)
    fits = [two_pl_em(np.bincount(c, minlength=2**p).astype(float), p, NODES, PRIOR, max_iter, tol) for c in codes.T]
    return tuple(np.array(part) for part in zip(*fits, strict=True))


def eap_scores(y, eap):
    """EAP scores (n, k) of binary data from the table of ``fit_two_pl``."""
    codes = pattern_codes(np.asarray(y, dtype=float), int(np.log2(eap.shape[1])))
    return np.ascontiguousarray(np.take_along_axis(eap, codes.T, axis=1).T)
