"""Naive estimates from simulated people in mirrored pairs, without writing the pairs out.

A pair ``z``, ``-z`` has linear scores of opposite signs and the same product, so every cross product of odd with even
parts cancels and one row stands for both. Page ``factor_score_regression``, eq. (5).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from paperlab.methods.factor_scores import measurement as mm


@njit(cache=True, nogil=True)
def whitening(half, out):
    """Fill ``out`` (k, k): the lower triangular matrix that makes the mean products of ``half`` (n, k) the identity.

    It is the inverse of the Cholesky factor of the mean products; multiplying the rows by it is Gram and Schmidt's
    method on the columns.
    """
    n, k = half.shape
    gram = np.zeros((k, k))
    for i in range(n):
        for a in range(k):
            for b in range(a + 1):
                gram[a, b] += half[i, a] * half[i, b]
    out[:] = 0.0
    for a in range(k):
        for b in range(a + 1):
            total = gram[a, b] / n
            for c in range(b):
                total -= gram[a, c] * gram[b, c]
            gram[a, b] = np.sqrt(total) if a == b else total / gram[b, b]
        for b in range(a):
            total = 0.0
            for c in range(b, a):
                total -= gram[a, c] * out[c, b]
            out[a, b] = total / gram[a, a]
        out[a, a] = 1.0 / gram[a, a]


@njit(cache=True, nogil=True)
def binding(theta, slope, sd, half, rotation):
    """Naive estimate from linear scores of the people ``half rotation'`` and of their mirror images.

    Parameters
    ----------
    theta : ndarray, shape (4,) or (5,)
    slope, sd : ndarray, shape (3,)
        Of the scores: slopes and standard deviations of the errors.
    half : ndarray, shape (n, 6)
        Standard normal.
    rotation : ndarray, shape (6, 6)
        Lower triangular.

    Returns
    -------
    t : ndarray, shape (4,) or (5,)
    """
    n = half.shape[0]
    phi, b1, b2, psi = theta[0], theta[1], theta[2], theta[-1]
    b3 = theta[3] if theta.size == 5 else 0.0
    root, sd_eta = np.sqrt(1.0 - phi * phi), np.sqrt(psi)
    s11, s12, s22, s1e, s2e = 0.0, 0.0, 0.0, 0.0, 0.0
    spp, spe, se, see = 0.0, 0.0, 0.0, 0.0
    z = np.empty(6)
    for i in range(n):
        for a in range(6):
            z[a] = 0.0
            for b in range(a + 1):
                z[a] += rotation[a, b] * half[i, b]
        x1 = z[0]
        x2 = phi * x1 + root * z[1]
        one, two = slope[0] * x1 + sd[0] * z[3], slope[1] * x2 + sd[1] * z[4]
        odd = slope[2] * (b1 * x1 + b2 * x2 + sd_eta * z[2]) + sd[2] * z[5]
        even, product = slope[2] * b3 * (x1 * x2 - phi), one * two
        s11 += one * one
        s12 += product
        s22 += two * two
        s1e += one * odd
        s2e += two * odd
        spp += product * product
        spe += product * even
        se += even
        see += odd * odd + even * even
    sp = s12 / n
    c = np.zeros((4, 4))  # covariances of xi1, xi2, their product, eta
    c[0, 0], c[1, 1], c[2, 2] = s11 / n, s22 / n, spp / n - sp * sp
    c[1, 0] = c[0, 1] = s12 / n
    c[3, 0] = c[0, 3] = s1e / n
    c[3, 1] = c[1, 3] = s2e / n
    c[3, 2] = c[2, 3] = spe / n - sp * se / n
    c[3, 3] = see / n - (se / n) ** 2
    return mm.naive_of_covariance(c, 2 * n, theta.size == 5)
