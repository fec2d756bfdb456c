"""Data augmentation as an intervention: least squares on augmented treatments, 2SLS and IV-like regression.

Page ``augmentation_iv``; the equations are those of Akbar, Kilbertus, Shen, Muandet and Dai (2025). All estimators are
linear, without intercept, and read a sample through its `Moments` only, so that a whole path of penalties, or a
held-out part of the rows, costs one product of matrices. Leading axes are replications.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite, positive_definite

RCOND = 1e-10  # eigenvalues of the projected moments of unit columns below this share of the largest count as zero
SUMS = ("xx", "xy", "yy", "gg", "gx", "gy")


@dataclass(frozen=True)
class Augmentation:
    """Augmented treatments and what was drawn for them.

    Attributes
    ----------
    g : ndarray, shape (n, k)
        Parameters of the augmentation.
    gx : ndarray, shape (n, ...)
        Augmented treatments.
    """

    g: np.ndarray
    gx: np.ndarray


def translate(x, basis, gamma, *, rng, leak=None):
    """Augmented treatments ``GX = X + gamma G B`` with ``G ~ N(0, I)``.

    Parameters
    ----------
    x : array_like, shape (n, m)
    basis : array_like, shape (k, m)
        The directions ``B``.
    gamma : float
        Strength, in units of ``x``.
    rng : numpy.random.Generator
    leak : array_like, shape (m,), optional
        A further direction (its length is its standard deviation) along which the outcome is *not* flat. Its draws are
        a further column of ``G``.

    Returns
    -------
    Augmentation
        ``g`` of shape (n, k) or (n, k + 1).

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), or the directions do not have the length of a row of ``x``.

    Examples
    --------
    >>> moved = translate(np.zeros((3, 2)), [[1.0, 0.0]], 2.0, rng=np.random.default_rng(0))
    >>> bool((moved.gx[:, 0] == 2 * moved.g[:, 0]).all()), moved.gx[:, 1]
    (True, array([0., 0., 0.]))
    """
    x, basis = finite("x", x), finite("basis", basis)
    if x.ndim != 2 or basis.ndim != 2 or basis.shape[1] != x.shape[1]:
        raise ValueError(f"x must be (n, m) and basis (k, m), got {x.shape} and {basis.shape}")
    g = rng.standard_normal((len(x), len(basis)))
    gx = x + gamma * (g @ basis)
    if leak is None:
        return Augmentation(g, gx)
    leak = finite("leak", leak)
    if leak.shape != x.shape[1:]:
        raise ValueError(f"leak must be one direction of shape {x.shape[1:]}, got {leak.shape}")
    extra = rng.standard_normal((len(x), 1))
    return Augmentation(np.hstack([g, extra]), gx + extra * leak)


@dataclass(frozen=True)
class SecondMoments:
    """Matrix ``second`` (..., m, m) and vector ``cross`` (..., m) of the equations ``second @ h = cross``."""

    second: np.ndarray
    cross: np.ndarray


@dataclass(frozen=True)
class Moments:
    """Sums of products over ``n`` rows: treatments ``x`` (m), outcome ``y``, augmentation parameters ``g`` (k, or 0).

    The difference of two is the moments of the rows that are in the first only.

    Attributes
    ----------
    n : int
    xx : ndarray, shape (..., m, m)
    xy : ndarray, shape (..., m)
    yy : ndarray, shape (...)
    gg : ndarray, shape (..., k, k)
    gx : ndarray, shape (..., k, m)
    gy : ndarray, shape (..., k)
    """

    n: int
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    gg: np.ndarray
    gx: np.ndarray
    gy: np.ndarray

    @classmethod
    def of(cls, x, y, g=None):
        """Moments of a sample.

        Parameters
        ----------
        x : array_like, shape (n, m)
        y : array_like, shape (n,)
        g : array_like, shape (n, k), optional

        Raises
        ------
        ValueError
            If a value is not finite (names argument and row), or the lengths differ.
        """
        x, y = finite("x", x), finite("y", y)
        g = np.zeros((len(x), 0)) if g is None else finite("g", g)
        for name, v in (("x", x), ("g", g)):
            if v.ndim != 2 or y.ndim != 1 or len(v) != len(y):
                raise ValueError(
                    f"{name} has shape {v.shape} but y has {len(y)} rows; give one row of {name} for each outcome"
                )
        z = np.column_stack([g, x, y])
        s = z.T @ z
        k, m = g.shape[1], x.shape[1]
        e = k + m
        return cls(len(y), s[k:e, k:e], s[k:e, e], s[e, e], s[:k, :k], s[:k, k:e], s[:k, e])

    @classmethod
    def stack(cls, many):
        """One `Moments` with a leading axis for the members of a list; they must have the same ``n``."""
        rows = sorted({one.n for one in many})
        if len(rows) != 1:
            raise ValueError(f"many: samples of {rows} rows cannot be stacked; they must have the same number of rows")
        return cls(rows[0], *(np.stack([getattr(one, name) for one in many]) for name in SUMS))

    def __sub__(self, other):
        return type(self)(self.n - other.n, *(getattr(self, name) - getattr(other, name) for name in SUMS))

    def risk(self, coef):
        """Mean squared residual of coefficients, shape (..., m); shape (...)."""
        square = np.einsum("...i,...ij,...j->...", coef, self.xx, coef)
        return (square - 2 * (coef * self.xy).sum(-1) + self.yy) / self.n

    def projected(self):
        """``X' P X`` and ``X' P y``, with ``P`` the projection on the columns of ``g``.

        Returns
        -------
        SecondMoments

        Raises
        ------
        ValueError
            Without ``g``, or if its columns are collinear (names the column).
        """
        if not self.gg.shape[-1]:
            raise ValueError("g is missing: IV and IV-like regression need the parameters of the augmentation")
        positive_definite("g", self.gg)
        first = np.linalg.solve(self.gg, np.concatenate([self.gx, self.gy[..., None]], -1))
        both = np.swapaxes(self.gx, -1, -2) @ first
        return SecondMoments(both[..., :-1], both[..., -1])


def least_squares(moments):
    """Ordinary least squares (ERM; DA+ERM when the treatments are augmented).

    Parameters
    ----------
    moments : Moments

    Returns
    -------
    ndarray, shape (..., m)

    Raises
    ------
    ValueError
        If the treatments are collinear (names the column).

    Examples
    --------
    >>> least_squares(Moments.of([[1.0, 0], [0, 2], [1, 2]], [3.0, 2, 5]))
    array([3., 1.])
    """
    positive_definite("x", moments.xx)
    return np.linalg.solve(moments.xx, moments.xy[..., None])[..., 0]


def two_stage(moments):
    """2SLS with the augmentation parameters as instruments: the solution of least norm where it is not unique.

    ``argmin_h ||P (y - X h)||^2``; its rank is the number of eigenvalues of ``X' P X`` above 1e-10 of the largest,
    after each treatment has been given length one.

    Parameters
    ----------
    moments : Moments
        With ``g``.

    Returns
    -------
    ndarray, shape (..., m)

    Raises
    ------
    ValueError
        Without ``g``, or if its columns are collinear (names the column).

    Warns
    -----
    UserWarning
        "IV under-identified" with the rank, if there are fewer instruments than treatments. The least norm depends on
        the units of the treatments.
    """
    projected = moments.projected()
    length = np.sqrt(np.diagonal(moments.xx, axis1=-2, axis2=-1))
    length = np.where(length > 0, length, 1)
    unit = projected.second / length[..., None] / length[..., None, :]
    rank = np.linalg.matrix_rank(unit, rtol=RCOND, hermitian=True)
    m = unit.shape[-1]
    if np.all(rank == m):
        return np.linalg.solve(unit, (projected.cross / length)[..., None])[..., 0] / length
    warnings.warn(
        f"IV under-identified: rank {int(np.min(rank))} < {m}; the solution of least norm is returned", stacklevel=2
    )
    values, vectors = np.linalg.eigh(projected.second)  # ascending: the last ones count
    kept = np.arange(m) >= m - np.asarray(rank)[..., None]
    turned = np.swapaxes(vectors, -1, -2) @ projected.cross[..., None]
    return (vectors @ (np.where(kept, 1 / np.where(kept, values, 1), 0)[..., None] * turned))[..., 0]


def iv_like(moments, alpha):
    """IV-like regression: ``argmin_h ||P (y - X h)||^2 + alpha ||y - X h||^2`` for many ``alpha`` at once.

    ``X`` are the augmented treatments and ``P`` projects on the augmentation parameters. One generalised
    eigendecomposition of ``X' P X`` relative to ``X' X`` serves the whole path.

    Parameters
    ----------
    moments : Moments
        With ``g``.
    alpha : float or array_like, shape (a,)
        Weight of the ordinary risk, above 0. Large: DA+ERM. Towards 0: the IV solution of least ordinary risk.

    Returns
    -------
    ndarray, shape (..., m), or (..., a, m) for an array of ``alpha``

    Raises
    ------
    ValueError
        If an ``alpha`` is not above 0, treatments or parameters are collinear (names the column), or ``g`` is missing.
    """
    alphas = np.atleast_1d(finite("alpha", alpha))
    if not (alphas > 0).all():
        raise ValueError(f"alpha must be > 0, got {alphas.min():g}; use 2SLS (two_stage) for alpha = 0")
    projected = moments.projected()
    positive_definite("x", moments.xx)
    lower = np.linalg.cholesky(moments.xx)
    inverse = np.linalg.inv(lower)
    inverse_t = np.swapaxes(inverse, -1, -2)
    share, vectors = np.linalg.eigh(inverse @ projected.second @ inverse_t)
    right = projected.cross[..., None] + alphas * moments.xy[..., None]  # (..., m, a)
    rotated = np.swapaxes(vectors, -1, -2) @ (inverse @ right)
    h = inverse_t @ vectors @ (rotated / (share[..., None] + alphas))
    h = np.swapaxes(h, -1, -2)
    return h[..., 0, :] if np.ndim(alpha) == 0 else h


def population_iv_like(population, basis, gamma, alpha=np.inf):
    """Limit of `iv_like` for many rows: ``(S + gamma^2 (1 + 1/alpha) B'B)^-1 E[X Y]``.

    In the population ``P`` sees the augmentation only, ``E[GX | G] = gamma G B``, and nothing of the outcome. IV-like
    regression is then DA+ERM with an augmentation ``sqrt(1 + 1/alpha)`` times as strong.

    Parameters
    ----------
    population : SecondMoments
        ``E[X X']`` and ``E[X Y]``.
    basis : ndarray, shape (k, m)
    gamma, alpha : float
        ``alpha`` above 0; infinite for DA+ERM.

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    ValueError
        If ``alpha`` is not above 0, or the matrix is singular.

    Examples
    --------
    >>> population_iv_like(SecondMoments(np.eye(2), np.array([1.0, 1.0])), np.array([[0.0, 1.0]]), 2.0)
    array([1. , 0.2])
    """
    if not alpha > 0:
        raise ValueError(f"alpha must be > 0, got {alpha:g}")
    matrix = population.second + gamma**2 * (1 + 1 / alpha) * basis.T @ basis
    positive_definite("population", matrix)
    return np.linalg.solve(matrix, population.cross)


def excess_risk(coef, truth):
    """Normalised causal excess risk ``|h - f|^2 / (|h - f|^2 + |f|^2)`` in [0, 1]; 1/2 for ``h = 0``.

    Parameters
    ----------
    coef, truth : array_like, shape (..., m)
        Estimate ``h`` and truth ``f``.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If a value is not finite, or the truth is zero: nothing can be normalised.

    Examples
    --------
    >>> excess_risk([[1.0, 2.0], [0.0, 0.0]], [1.0, 2.0])
    array([0. , 0.5])
    """
    coef, truth = finite("coef", coef, 0 if np.ndim(coef) == 1 else -2), finite("truth", truth)
    size = (truth**2).sum(-1)
    if np.any(size == 0):
        raise ValueError("truth = 0: the excess risk is normalised by |f|^2; give a truth that is not zero")
    error = ((coef - truth) ** 2).sum(-1)
    return error / (error + size)
