"""Products, inverses and solutions of small matrices, compiled: LAPACK takes longer to call than to run on them.

Kernels call these in their innermost loops, with arrays they have checked; a singular matrix raises ZeroDivisionError.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit("void(f8[:, ::1], f8[:, ::1], f8[:, ::1], i8, i8, i8)", cache=True)
def product(a, b, out, rows, inner, columns):
    """The leading ``rows`` x ``columns`` block of ``a b``, summed over the first ``inner`` terms."""
    for i in range(rows):
        for j in range(columns):
            total = 0.0
            for l in range(inner):
                total += a[i, l] * b[l, j]
            out[i, j] = total


@njit("f8(f8[:, ::1], f8[:, ::1])", cache=True, nogil=True)
def inverse(a, out):
    """Inverse of ``a`` (overwritten) into ``out`` by elimination with row pivots; returns log abs det ``a``."""
    n = len(a)
    log_det = 0.0
    for i in range(n):
        for j in range(n):
            out[i, j] = 1.0 if i == j else 0.0
    for i in range(n):
        pivot = i
        for l in range(i + 1, n):
            if abs(a[l, i]) > abs(a[pivot, i]):
                pivot = l
        log_det += np.log(abs(a[pivot, i]))
        scale = 1.0 / a[pivot, i]
        for j in range(n):
            if pivot != i:
                a[i, j], a[pivot, j] = a[pivot, j], a[i, j]
                out[i, j], out[pivot, j] = out[pivot, j], out[i, j]
            a[i, j] *= scale
            out[i, j] *= scale
        for l in range(n):
            if l != i:
                factor = a[l, i]
                for j in range(n):
                    a[l, j] -= factor * a[i, j]
                    out[l, j] -= factor * out[i, j]
    return log_det


@njit(cache=True)
def inverse3(a, b, c, d, e, f):
    """Inverse and determinant of the symmetric matrix with upper triangle (a, b, c; d, e; f)."""
    i0, i1, i2 = d * f - e * e, c * e - b * f, b * e - c * d
    det = a * i0 + b * i1 + c * i2
    return i0 / det, i1 / det, i2 / det, (a * f - c * c) / det, (b * c - a * e) / det, (a * d - b * b) / det, det


@njit(cache=True)
def solve_spd(a, b):
    """Solve a x = b for a small symmetric positive definite ``a`` (m, m) and b (m, r); both are overwritten, b by x."""
    m, r = b.shape
    for j in range(m):
        for i in range(j):
            a[j, j] -= a[j, i] * a[j, i]
        a[j, j] = math.sqrt(a[j, j])
        for l in range(j + 1, m):
            for i in range(j):
                a[l, j] -= a[l, i] * a[j, i]
            a[l, j] /= a[j, j]
    for c in range(r):
        for j in range(m):
            for i in range(j):
                b[j, c] -= a[j, i] * b[i, c]
            b[j, c] /= a[j, j]
        for j in range(m - 1, -1, -1):
            for i in range(j + 1, m):
                b[j, c] -= a[i, j] * b[i, c]
            b[j, c] /= a[j, j]
