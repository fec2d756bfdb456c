"""Linear algebra modulo a prime: inverse, determinant, rank, null space, and the way back to fractions.

Numbers are residues ``0 <= a < prime`` in int64 arrays. The prime must be below ``2**31``, because the product
of two residues then fits int64 and the product of three does not: every product is reduced before the next.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numba import njit

__all__ = [
    "PRIMES",
    "check_prime",
    "inverse",
    "inverse_matrix",
    "null_space",
    "rank",
    "rational",
    "smallest_integers",
]

PRIMES = (2147483629, 2147483587)  # two primes just below 2**31


@lru_cache(maxsize=64)
def check_prime(prime):
    """Return ``prime`` as int.

    Raises
    ------
    ValueError
        If it is no prime, or is outside ``[3, 2**31 - 1]``.
    """
    p = int(prime)
    if p != prime or not 3 <= p < 2**31:
        raise ValueError(f"prime must be an integer from 3 to 2147483647, got {prime}; larger products overflow int64")
    divisor = next((d for d in [2, *range(3, math.isqrt(p) + 1, 2)] if p % d == 0), None)
    if divisor is not None:
        raise ValueError(f"prime must be a prime, got {p} = {divisor} x {p // divisor}; 2147483629 is one")
    return p


@njit(cache=True)
def inverse(a, p):
    """Inverse of the residue ``a`` modulo ``p`` by Euclid's algorithm; 0 if ``a`` is 0."""
    old_r, r = a % p, p
    old_s, s = 1, 0
    while r != 0:
        q = old_r // r
        old_r, r = r, old_r - q * r
        old_s, s = s, old_s - q * s
    if old_r != 1:
        return 0
    return old_s % p


@njit(cache=True)
def eliminate(a, p, pivots, reduce):
    """Row echelon form of ``a`` in place (reduced if ``reduce``); pivot columns go to ``pivots``; returns the rank."""
    n_rows, n_cols = a.shape
    r = 0
    for c in range(n_cols):
        if r == n_rows:
            break
        pivot = r
        while pivot < n_rows and a[pivot, c] == 0:
            pivot += 1
        if pivot == n_rows:
            continue
        if pivot != r:
            for j in range(c, n_cols):
                a[r, j], a[pivot, j] = a[pivot, j], a[r, j]
        scale = inverse(a[r, c], p)
        for j in range(c, n_cols):
            a[r, j] = a[r, j] * scale % p
        for i in range(0 if reduce else r + 1, n_rows):
            if i != r and a[i, c] != 0:
                factor = p - a[i, c]
                for j in range(c, n_cols):
                    a[i, j] = (a[i, j] + factor * a[r, j]) % p
        pivots[r] = c
        r += 1
    return r


@njit(cache=True)
def invert(a, p, out):
    """Write the inverse of a square matrix ``a`` to ``out`` (both int64) and return the determinant; uses up ``a``.

    A determinant of 0 leaves ``out`` undefined.
    """
    n = a.shape[0]
    out[:] = 0
    for i in range(n):
        out[i, i] = 1
    det = 1
    for c in range(n):
        pivot = c
        while pivot < n and a[pivot, c] == 0:
            pivot += 1
        if pivot == n:
            return 0
        if pivot != c:
            det = p - det
            for j in range(n):
                a[c, j], a[pivot, j] = a[pivot, j], a[c, j]
                out[c, j], out[pivot, j] = out[pivot, j], out[c, j]
        det = det * a[c, c] % p
        scale = inverse(a[c, c], p)
        for j in range(n):
            a[c, j] = a[c, j] * scale % p
            out[c, j] = out[c, j] * scale % p
        for i in range(n):
            if i != c and a[i, c] != 0:
                factor = p - a[i, c]
                for j in range(n):
                    a[i, j] = (a[i, j] + factor * a[c, j]) % p
                    out[i, j] = (out[i, j] + factor * out[c, j]) % p
    return det


def _matrix(a, prime):
    p = check_prime(prime)
    a = np.asarray(a)
    if a.ndim != 2 or not np.issubdtype(a.dtype, np.integer):
        raise ValueError(
            f"a must be a matrix of integers, got shape {a.shape} of {a.dtype}; multiply fractions out first"
        )
    return np.ascontiguousarray(a % p, dtype=np.int64), p


def inverse_matrix(a, prime=PRIMES[0]):
    """Inverse and determinant of an integer matrix modulo a prime.

    Parameters
    ----------
    a : array_like of int, shape (n, n)
    prime : int

    Returns
    -------
    inverse : ndarray of int64, shape (n, n)
        Residues.
    det : int

    Raises
    ------
    ValueError
        If ``a`` is not square, not of integers, or singular modulo ``prime``.
    """
    a, p = _matrix(a, prime)
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"a must be square, got shape {a.shape}")
    out = np.empty_like(a)
    det = invert(a.copy(), p, out)
    if det == 0:
        raise ValueError(f"a is singular modulo {p}; try another prime or another point")
    return out, int(det)


def rank(a, prime=PRIMES[0]):
    """Rank of an integer matrix modulo a prime; never larger than the rank over the rationals.

    Parameters
    ----------
    a : array_like of int, shape (n_rows, n_cols)
    prime : int

    Returns
    -------
    rank : int

    Raises
    ------
    ValueError
        If ``a`` is no matrix of integers.

    Examples
    --------
    >>> rank([[1, 2], [2, 4]]), rank([[1, 0], [0, 5]], prime=5)
    (1, 1)
    """
    a, p = _matrix(a, prime)
    return int(eliminate(a.copy(), p, np.empty(min(a.shape), np.int64), False))


def null_space(a, prime=PRIMES[0]):
    """Basis of the vectors ``v`` with ``a v = 0`` modulo a prime.

    Parameters
    ----------
    a : array_like of int, shape (n_rows, n_cols)
    prime : int

    Returns
    -------
    basis : ndarray of int64, shape (n_cols - rank, n_cols)
        One vector per row, in reduced form: each has a 1 in a column where all others have 0.

    Raises
    ------
    ValueError
        If ``a`` is no matrix of integers.
    """
    a, p = _matrix(a, prime)
    n = a.shape[1]
    a = a.copy()
    pivots = np.empty(min(a.shape), np.int64)
    r = eliminate(a, p, pivots, True)
    free = np.setdiff1d(np.arange(n), pivots[:r])
    basis = np.zeros((len(free), n), np.int64)
    basis[np.arange(len(free)), free] = 1
    basis[:, pivots[:r]] = (p - a[:r, free].T) % p
    return basis


def rational(a, prime=PRIMES[0]):
    """The fraction with small numerator and denominator that has residue ``a`` (Wang's reconstruction).

    Parameters
    ----------
    a, prime : int

    Returns
    -------
    fraction : Fraction or None
        ``None`` if there is none with both parts below ``sqrt(prime / 2)``.

    Examples
    --------
    >>> rational(pow(3, -1, 101) * 2, prime=101)
    Fraction(2, 3)
    """
    p = check_prime(prime)
    bound = math.isqrt(p // 2)
    r0, r1, s0, s1 = p, int(a) % p, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, s0, s1 = r1, r0 - q * r1, s1, s0 - q * s1
    if s1 == 0 or abs(s1) > bound or math.gcd(r1, s1) != 1:
        return None
    return Fraction(r1, s1)


def smallest_integers(vector, prime=PRIMES[0]):
    """Integers without common factor, first one positive, proportional to a vector of residues.

    Parameters
    ----------
    vector : sequence of int
    prime : int

    Returns
    -------
    list of int, or None
        ``None`` if they are not small.

    Examples
    --------
    >>> smallest_integers([50, 1], prime=101)  # 50 is minus one half
    [1, -2]
    """
    found = [rational(a, prime) for a in vector]
    if any(f is None for f in found):
        return None
    scale = math.lcm(*[f.denominator for f in found])
    whole = [int(f * scale) for f in found]
    divisor = math.gcd(*whole) or 1
    first = next((w for w in whole if w), 1)
    return [w // divisor * (1 if first > 0 else -1) for w in whole]
