"""Two-parameter logistic models of binary items and their EAP scores, used by page ``factor_score_regression``."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.factor_scores.measurement import NotConvergedWarning, check_items, start_signs
from paperlab.methods.foundations.checks import binary, finite

__all__ = ["NODES", "PRIOR", "TwoPL", "draw_binary", "eap_scores", "fit_two_pl"]

NODES = np.linspace(-4.0, 4.0, 21)
PRIOR = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()
BOUND = 8.0  # of slopes and intercepts: an item that sits on it splits the patterns without error
MOST_ITEMS = 16  # the table of all patterns has 2**n_items entries


@dataclass(frozen=True)
class TwoPL:
    """Two-parameter logistic models of all latent variables.

    Attributes
    ----------
    slopes, intercepts : ndarray, shape (n_factors, n_items)
        Slopes of reversed items are negative; those of a factor have a positive sum.
    eap : ndarray, shape (n_factors, 2**n_items)
        Posterior mean of the latent variable by answer pattern, on a 21-point grid; item j is bit j of the pattern.
    heywood : ndarray of bool, shape (n_factors,)
        True where a slope or an intercept sits on its bound.
    """

    slopes: np.ndarray
    intercepts: np.ndarray
    eap: np.ndarray
    heywood: np.ndarray


@njit(cache=True, nogil=True)
def _expected_answers(counts, prob, nodes, prior, eap, right):
    """E-step: people expected at a node (q,), of them with a right answer to an item (n_items, q), and EAP scores."""
    n_items, q = prob.shape
    size, like = np.zeros(q), np.empty(q)
    right[:] = 0.0
    for c in range(counts.size):
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
    return size


@njit(cache=True, nogil=True)
def _newton(size, right, nodes, a, d, bound):
    """Four Newton steps for slope ``a`` and intercept ``d`` of one item."""
    for _ in range(4):
        g0, g1, h00, h01, h11 = 0.0, 0.0, 1e-6, 0.0, 1e-6
        for m in range(nodes.size):
            pr = 1.0 / (1.0 + np.exp(-(a * nodes[m] + d)))
            r, w = right[m] - size[m] * pr, size[m] * pr * (1.0 - pr)
            g0 += r
            g1 += r * nodes[m]
            h00 += w
            h01 += w * nodes[m]
            h11 += w * nodes[m] ** 2
        det = h00 * h11 - h01 * h01
        d += (h11 * g0 - h01 * g1) / det
        a += (h00 * g1 - h01 * g0) / det
        a, d = min(max(a, -bound), bound), min(max(d, -bound), bound)
    return a, d


@njit(cache=True, nogil=True)
def _two_pl_em(counts, slope, nodes, prior, bound, max_iter, tol):
    """Marginal ML of a two-parameter logistic model from the counts of all 2**n_items patterns (Bock and Aitkin).

    Begins at ``slope`` (n_items,), which is overwritten, and intercepts 0. Returns intercepts, the EAP score of every
    pattern, and whether all parameters changed by less than ``tol`` in the last step.
    """
    n_items, q = slope.size, nodes.size
    inter, eap = np.zeros(n_items), np.zeros(counts.size)
    prob, right = np.empty((n_items, q)), np.empty((n_items, q))
    for _ in range(max_iter):
        for j in range(n_items):
            for m in range(q):
                prob[j, m] = 1.0 / (1.0 + np.exp(-(slope[j] * nodes[m] + inter[j])))
        size = _expected_answers(counts, prob, nodes, prior, eap, right)
        change = 0.0
        for j in range(n_items):
            a, d = _newton(size, right[j], nodes, slope[j], inter[j], bound)
            change = max(change, abs(a - slope[j]), abs(d - inter[j]))
            slope[j], inter[j] = a, d
        if change < tol:
            return inter, eap, True
    return inter, eap, False


def _pattern_codes(y, p):
    """Pattern number of every block of ``p`` binary columns, shape (n, k)."""
    return (y > 0.5).reshape(len(y), -1, p) @ (1 << np.arange(p))


def draw_binary(f, slopes, intercepts, uniform):
    """Answers of people with latent variables ``f``, from uniform numbers.

    Parameters
    ----------
    f : ndarray, shape (n, k)
    slopes, intercepts : ndarray, shape (k, n_items)
    uniform : ndarray, shape (n, k n_items)
        Between 0 and 1.

    Returns
    -------
    y : ndarray of 0 and 1, shape (n, k n_items)

    Raises
    ------
    ValueError
        If shapes do not match, or a value is missing.

    Examples
    --------
    >>> draw_binary(np.array([[0.0], [5.0]]), np.ones((1, 2)), np.zeros((1, 2)), np.array([[0.4, 0.6], [0.4, 0.6]]))
    array([[1., 0.],
           [1., 1.]])
    """
    f, slopes, intercepts = finite("f", f), finite("slopes", slopes), finite("intercepts", intercepts)
    uniform, (k, p) = finite("uniform", uniform), slopes.shape
    if f.shape[1:] != (k,) or intercepts.shape != slopes.shape or uniform.shape != (len(f), k * p):
        raise ValueError(
            f"f must be (n, k), slopes and intercepts (k, n_items) and uniform (n, k n_items), "
            f"got {f.shape}, {slopes.shape}, {intercepts.shape} and {uniform.shape}"
        )
    logit = slopes * f[:, :, None] + intercepts
    return (uniform * (1.0 + np.exp(-logit.reshape(len(f), -1))) < 1.0).astype(float)


@njit(cache=True, nogil=True)
def simulated_scores(f, slopes, intercepts, eap, uniform):
    """EAP scores (n, k) of simulated answers: ``eap_scores(draw_binary(f, ...), eap)`` without the items in between."""
    n, k = f.shape
    p = slopes.shape[1]
    scores = np.empty((n, k))
    for i in range(n):
        for a in range(k):
            code = 0
            for j in range(p):
                if uniform[i, a * p + j] * (1.0 + np.exp(-(slopes[a, j] * f[i, a] + intercepts[a, j]))) < 1.0:
                    code |= 1 << j
            scores[i, a] = eap[a, code]
    return scores


def fit_two_pl(y, n_factors=3, *, max_iter=2000, tol=1e-6, heywood="raise"):
    """Two-parameter logistic model of each block of binary items, by marginal maximum likelihood.

    Parameters
    ----------
    y : array_like of 0 and 1, shape (n, n_factors * n_items)
    n_factors : int
        Number of blocks, of 3 to 16 items each.
    max_iter, tol : int, float
        EM steps, and the change of a parameter at which they stop.
    heywood : {"raise", "keep"}
        What to do where a slope or an intercept reaches its bound (8).

    Returns
    -------
    TwoPL

    Raises
    ------
    ValueError
        If ``y`` holds anything but 0 and 1, has fewer than 50 rows or too few or too many items a factor, all answer an
        item alike; and on a Heywood case unless it is kept; the message names the factor.

    Warns
    -----
    NotConvergedWarning
        If EM ran out of steps.
    """
    if heywood not in ("raise", "keep"):
        raise ValueError(f"heywood must be raise or keep, got {heywood!r}")
    centred, p = check_items(y, n_factors)
    y = binary("y", y)
    if p > MOST_ITEMS:
        raise ValueError(
            f"y has {p} items per latent variable; at most {MOST_ITEMS}, the table of patterns is 2**n_items"
        )
    s = (centred.T @ centred).reshape(n_factors, p, n_factors, p)
    slopes = 1.2 * start_signs(np.stack([s[f, :, f] for f in range(n_factors)]))
    counts = [np.bincount(c, minlength=2**p).astype(float) for c in _pattern_codes(y, p).T]
    fits = [_two_pl_em(c, slopes[f], NODES, PRIOR, BOUND, max_iter, tol) for f, c in enumerate(counts)]
    intercepts, eap = (np.array(part) for part in list(zip(*fits))[:2])
    turn = np.where(slopes.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    on_bound = (np.abs(np.stack([slopes, intercepts])) >= BOUND).any(axis=(0, 2))
    if on_bound.any() and heywood == "raise":
        raise ValueError(
            f"Heywood case in factor {int(np.argmax(on_bound)) + 1}: "
            f"a slope or an intercept is at its bound {BOUND:g}; "
            'drop the item, collect more rows, or pass heywood="keep"'
        )
    for f, (*_, converged) in enumerate(fits):
        if not converged and not on_bound[f]:
            warnings.warn(
                f"factor {f + 1} had not settled after {max_iter} steps; raise max_iter or use other items",
                NotConvergedWarning,
                stacklevel=2,
            )
    return TwoPL(slopes * turn, intercepts, eap * turn, on_bound)


def eap_scores(y, eap):
    """EAP scores of binary data from the table of `fit_two_pl`.

    Parameters
    ----------
    y : array_like of 0 and 1, shape (n, k n_items)
    eap : ndarray, shape (k, 2**n_items)

    Returns
    -------
    scores : ndarray, shape (n, k)

    Raises
    ------
    ValueError
        If ``y`` holds anything but 0 and 1, or has not as many items as the table.
    """
    y = binary("y", y)
    k, n_patterns = eap.shape
    p = n_patterns.bit_length() - 1
    if y.ndim != 2 or y.shape[1] != k * p:
        raise ValueError(f"y must have {k} blocks of {p} items, as many as eap, got shape {y.shape}")
    return np.ascontiguousarray(np.take_along_axis(eap, _pattern_codes(y, p).T, axis=1).T)
