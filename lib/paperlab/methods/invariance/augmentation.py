"""Data augmentation as an intervention: least squares on augmented treatments, two-stage least squares and IV-like regression.

Page ``augmentation_iv``; the equations are those of Akbar, Kilbertus, Shen, Muandet and Dai (2025). All estimators are
linear, without intercept, and read a sample through its `Moments` only, so that a whole path of penalties, or a held-out
part of the rows, costs one product of matrices. Leading axes are replications.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

RCOND = 1e-10  # eigenvalues of the projected second moment below this share of the largest count as zero


def translate(x, basis, gamma, rng, leak=None):
    """Augmented treatments ``GX = X + gamma G B`` with ``G ~ N(0, I)``.

    Parameters
    ----------
    x : ndarray, shape (n, m)
    basis : ndarray, shape (k, m)
        The directions ``B``.
    gamma : float
        Strength, in units of ``x``.
    leak : ndarray, shape (m,), optional
        A further direction (its length is its standard deviation) along which the outcome is *not* flat. Its draws are a
        further column of ``G``.

    Returns
    -------
    g : ndarray, shape (n, k) or (n, k + 1)
    gx : ndarray, shape (n, m)
    """
    g = rng.standard_normal((len(x), len(basis)))
    gx = x + gamma * (g @ basis)
    if leak is None:
        return g, gx
    extra = rng.standard_normal((len(x), 1))
    return np.hstack([g, extra]), gx + extra * leak


@dataclass(frozen=True)
class Moments:
    """Sums of products over ``n`` rows: treatments ``x`` (m), outcome ``y``, augmentation parameters ``g`` (k, or 0).

    Fields ``xx`` (..., m, m), ``xy`` (..., m), ``yy`` (...), ``gg`` (..., k, k), ``gx`` (..., k, m), ``gy`` (..., k).
    The difference of two is the moments of the rows that are in the first only.
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
        """Moments of a sample: ``x`` (n, m), ``y`` (n,), ``g`` (n, k).

        Raises
        ------
        ValueError
            If the lengths differ or a value is not finite.
        """
        x, y = np.asarray(x, float), np.asarray(y, float)
        g = np.zeros((len(x), 0)) if g is None else np.asarray(g, float)
        for name, v in (("x", x), ("g", g)):
            if v.ndim != 2 or len(v) != len(y):
                raise ValueError(
                    f"{name} has shape {v.shape} but y has {len(y)} rows; give one row of {name} for each outcome"
                )
        if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(g).all()):
            raise ValueError("x, y and g must be finite; drop or impute missing values first")
        z = np.column_stack([g, x, y])
        s = z.T @ z
        k, m = g.shape[1], x.shape[1]
        e = k + m
        return cls(len(y), s[k:e, k:e], s[k:e, e], s[e, e], s[:k, :k], s[:k, k:e], s[:k, e])

    @classmethod
    def stack(cls, many):
        """One `Moments` with a leading axis for the members of a list; they must have the same ``n``."""
        fields = ("xx", "xy", "yy", "gg", "gx", "gy")
        return cls(many[0].n, *(np.stack([getattr(one, name) for one in many]) for name in fields))

    def __sub__(self, other):
        fields = ("xx", "xy", "yy", "gg", "gx", "gy")
        return type(self)(self.n - other.n, *(getattr(self, name) - getattr(other, name) for name in fields))

    def risk(self, h):
        """Mean squared residual of coefficients ``h``, shape (..., m); shape (...)."""
        square = np.einsum("...i,...ij,...j->...", h, self.xx, h)
        return (square - 2 * (h * self.xy).sum(-1) + self.yy) / self.n

    def projected(self):
        """``X' P X`` (..., m, m) and ``X' P y`` (..., m), with ``P`` the projection on the columns of ``g``."""
        if not self.gg.shape[-1]:
            raise ValueError("g is missing: IV and IV-like regression need the parameters of the augmentation")
        first = np.linalg.solve(self.gg, np.concatenate([self.gx, self.gy[..., None]], -1))
        both = np.swapaxes(self.gx, -1, -2) @ first
        return both[..., :-1], both[..., -1]


def least_squares(moments):
    """Ordinary least squares (ERM; DA+ERM when the treatments are augmented), shape (..., m)."""
    return np.linalg.solve(moments.xx, moments.xy[..., None])[..., 0]


def two_stage(moments):
    """2SLS with the augmentation parameters as instruments: the solution of least norm where it is not unique.

    ``argmin_h ||P (y - X h)||^2`` by a pseudo-inverse that sets eigenvalues of ``X' P X`` below 1e-10 of the largest to 0.

    Returns
    -------
    h : ndarray, shape (..., m)

    Warns
    -----
    UserWarning
        "IV under-identified" with the rank, if there are fewer instruments than treatments.
    """
    second, cross = moments.projected()
    m = second.shape[-1]
    rank = int(np.linalg.matrix_rank(second, rtol=RCOND, hermitian=True).min())
    if rank < m:
        warnings.warn(f"IV under-identified: rank {rank} < {m}; the solution of least norm is returned", stacklevel=2)
    return (np.linalg.pinv(second, rcond=RCOND, hermitian=True) @ cross[..., None])[..., 0]


def iv_like(moments, alpha):
    """IV-like regression: ``argmin_h ||P (y - X h)||^2 + alpha ||y - X h||^2`` for many ``alpha`` at once.

    ``X`` are the augmented treatments and ``P`` projects on the augmentation parameters. One generalised
    eigendecomposition of ``X' P X`` relative to ``X' X`` serves the whole path.

    Parameters
    ----------
    moments : Moments
        With ``g``.
    alpha : float or ndarray, shape (a,)
        Weight of the ordinary risk, above 0. Large: DA+ERM. Towards 0: the IV solution of least ordinary risk.

    Returns
    -------
    h : ndarray, shape (..., m), or (..., a, m) for an array of ``alpha``

    Raises
    ------
    ValueError
        If an ``alpha`` is not above 0.
    """
    alphas = np.atleast_1d(np.asarray(alpha, float))
    if not (alphas > 0).all():
        raise ValueError(f"alpha must be > 0, got {alphas.min():g}; use 2SLS (two_stage) for alpha = 0")
    second, cross = moments.projected()
    lower = np.linalg.cholesky(moments.xx)
    inverse = np.linalg.inv(lower)
    inverse_t = np.swapaxes(inverse, -1, -2)
    share, vectors = np.linalg.eigh(inverse @ second @ inverse_t)
    right = cross[..., None] + alphas * moments.xy[..., None]  # (..., m, a)
    rotated = np.swapaxes(vectors, -1, -2) @ (inverse @ right)
    h = inverse_t @ vectors @ (rotated / (share[..., None] + alphas))
    h = np.swapaxes(h, -1, -2)
    return h[..., 0, :] if np.ndim(alpha) == 0 else h


def population_iv_like(second, cross, basis, gamma, alpha=np.inf):
    """Limit of `iv_like` for many rows: ``(S + gamma^2 (1 + 1/alpha) B'B)^-1 E[X Y]``, shape (m,).

    In the population ``P`` sees the augmentation only, ``E[GX | G] = gamma G B``, and nothing of the outcome. IV-like
    regression is then DA+ERM with an augmentation ``sqrt(1 + 1/alpha)`` times as strong.
    """
    return np.linalg.solve(second + gamma**2 * (1 + 1 / alpha) * basis.T @ basis, cross)


def excess_risk(h, f):
    """Normalised causal excess risk ``|h - f|^2 / (|h - f|^2 + |f|^2)`` in [0, 1], shape (...); 1/2 for ``h = 0``.

    Raises
    ------
    ValueError
        If the truth ``f`` is zero: nothing can be normalised.
    """
    h, f = np.asarray(h, float), np.asarray(f, float)
    size = (f**2).sum(-1)
    if np.any(size == 0):
        raise ValueError("f = 0: the excess risk is normalised by |f|^2; give a truth that is not zero")
    error = ((h - f) ** 2).sum(-1)
    return error / (error + size)


def choose_by_split(full, held_out, score, alphas):
    """Cross-validated IV-like regression: the ``alpha`` whose fit without the held-out rows predicts them best.

    Parameters
    ----------
    full, held_out : Moments
        Of the augmented treatments: all rows, and the held-out ones (a fifth at random, or whole levels of ``g``).
    score : Moments
        Of the held-out rows with the treatments as they were observed; the outcome is predicted from these.
    alphas : ndarray, shape (a,)

    Returns
    -------
    h : ndarray, shape (m,)
        Fit on all rows with the chosen value.
    alpha : float
    """
    risks = score.risk(iv_like(full - held_out, alphas))
    best = float(alphas[np.argmin(risks)])
    return iv_like(full, best), best


def confounding_strength(second, h):
    """Janzing's estimate of how much of a least squares vector is confounding, from its direction alone.

    Under independent mechanisms the direction of ``h`` has covariance ``I + theta S^-1``: confounding turns it towards the
    directions in which the treatments hardly vary. ``theta`` is the maximum likelihood value.

    Parameters
    ----------
    second : ndarray, shape (m, m)
        Second moment ``S`` of the treatments, per row.
    h : ndarray, shape (m,)

    Returns
    -------
    beta : float
        Share of ``|h|^2`` that is confounding, in [0, 1).
    """
    values, vectors = np.linalg.eigh(second)
    squares = (vectors.T @ h) ** 2 / (h @ h)
    m = len(h)

    def minus_log_likelihood(log_theta):
        stretch = 1 + np.exp(log_theta) / values
        return 0.5 * np.log(stretch).sum() + 0.5 * m * np.log((squares / stretch).sum())

    centre = np.log(np.median(values))
    found = minimize_scalar(minus_log_likelihood, bounds=(centre - 20, centre + 20), method="bounded")
    theta = np.exp(found.x) if found.fun < 0 else 0.0
    ratio = theta * np.mean(1 / values)
    return ratio / (1 + ratio)


def choose_by_norm(moments, alphas):
    """IV-like regression whose norm is nearest to what confounder correction leaves of DA+ERM's.

    The target is ``(1 - beta) |h_ERM|^2`` with `confounding_strength` beta. Returns ``h``, shape (m,), and ``alpha``.
    """
    erm = least_squares(moments)
    target = np.sqrt(1 - confounding_strength(moments.xx / moments.n, erm)) * np.linalg.norm(erm)
    path = iv_like(moments, alphas)
    best = np.argmin(np.abs(np.linalg.norm(path, axis=-1) - target))
    return path[best], float(alphas[best])
