"""Two-stage latent variable regression: binding function, stochastic approximation, Monte Carlo variance.

Kernels of page ``factor_score_regression``. Structural parameters are ``theta = (phi12, beta1, beta2[, beta3], psi)``
of ``eta = beta1 xi1 + beta2 xi2 + beta3 (xi1 xi2 - phi12) + zeta``, where var(xi) = 1, cov(xi1, xi2) = phi12 and
var(zeta) = psi.
"""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass

import numpy as np
from numba import njit

from paperlab.methods.factor_scores import measurement as mm
from paperlab.methods.factor_scores import mirrored
from paperlab.methods.foundations.checks import finite, full_rank

__all__ = [
    "DRAWS",
    "BoundWarning",
    "Corrected",
    "FixedPoint",
    "Variance",
    "binding",
    "bounds_hit",
    "clip",
    "correct",
    "correct_crn",
    "monte_carlo_variance",
    "robbins_monro",
    "simulated_normals",
    "structural",
]

DRAWS = ("matched", "antithetic", "independent")
PHI_MAX, PSI_MIN = 0.95, 0.01
WARM_UP = 30


class BoundWarning(UserWarning):
    """The estimate sits on a bound of the correlation or of the residual variance: no interior solution was found."""


@dataclass(frozen=True)
class Corrected:
    """A stochastic approximation.

    ``theta`` (k,) is the mean of the last half of its iterates, ``path`` (n_iter, k) holds all of them.
    """

    theta: np.ndarray
    path: np.ndarray


@dataclass(frozen=True)
class FixedPoint:
    """A deterministic solution ``theta`` (k,), and whether its last step was below the tolerance."""

    theta: np.ndarray
    converged: bool


@dataclass(frozen=True)
class Variance:
    """Covariance matrices (k, k) of the corrected estimate.

    Attributes
    ----------
    cov : ndarray
        Of the whole procedure.
    cov_no_stage_one : ndarray
        The same without the estimation of the measurement model (the ablation of the page).
    """

    cov: np.ndarray
    cov_no_stage_one: np.ndarray

    @property
    def se(self):
        """Standard errors, shape (k,)."""
        return np.sqrt(np.diag(self.cov))

    @property
    def se_no_stage_one(self):
        """Standard errors that ignore stage 1, shape (k,)."""
        return np.sqrt(np.diag(self.cov_no_stage_one))


def _check_steps(n_iter):
    if operator.index(n_iter) < 2 * WARM_UP:
        raise ValueError(f"n_iter must be at least {2 * WARM_UP}, got {n_iter}; the first {WARM_UP} steps only warm up")


def _check_draws(n_draws, kind, least=8):
    if kind not in DRAWS:
        raise ValueError(f"kind must be one of {', '.join(DRAWS)}, got {kind!r}")
    if operator.index(n_draws) < least:
        raise ValueError(f"n_draws must be at least {least}, got {n_draws}")
    if kind != "independent" and n_draws % 2:
        raise ValueError(f"n_draws must be even for {kind} draws, which come in pairs, got {n_draws}")


def _check_theta(theta):
    theta = finite("theta", theta)
    if theta.shape not in ((4,), (5,)) or not (abs(theta[0]) < 1 and theta[-1] > 0):
        raise ValueError(
            f"theta must be (phi12, beta1, beta2[, beta3], psi) with abs(phi12) < 1 and psi > 0, got {theta}"
        )
    return theta


def _check_target(t_obs, slope, error):
    """Naive estimate, slopes and error variances of the scores as floats."""
    t_obs, slope, error = finite("t_obs", t_obs), finite("slope", slope), finite("error", error)
    if t_obs.shape not in ((4,), (5,)):
        raise ValueError(f"t_obs must hold 4 numbers, or 5 with interaction, got shape {t_obs.shape}")
    if slope.shape != (3,) or error.shape != (3,) or (slope == 0).any() or (error < 0).any():
        raise ValueError(f"slope must be 3 numbers other than 0 and error 3 variances, got {slope} and {error}")
    return _near_units(t_obs, slope, error)


def _near_units(t_obs, slope, error):
    """The same problem for scores with standard deviations from 1/2 to 2: the steps of eq. (6) suit no other unit."""
    u1, u2, u3 = unit = mm.near_units(slope**2 + error)
    scale = np.array([1 / (u1 * u2), u1 / u3, u2 / u3, u1 * u2 / u3, 1 / u3**2])
    return t_obs * (scale if t_obs.size == 5 else np.delete(scale, 3)), slope / unit, error / unit**2


def _gains(n_iter):
    """Step sizes of eq. (6): 1 for the warm-up, then a falling power."""
    return np.maximum(np.arange(n_iter) - WARM_UP + 1.0, 1.0) ** (-0.7)


@njit(cache=True, nogil=True)
def _structural(theta, z):
    n = z.shape[0]
    phi, b1, b2, psi = theta[0], theta[1], theta[2], theta[-1]
    b3 = theta[3] if theta.size == 5 else 0.0
    root, sd = np.sqrt(1.0 - phi * phi), np.sqrt(psi)
    f = np.empty((n, 3))
    for i in range(n):
        x1 = z[i, 0]
        x2 = phi * x1 + root * z[i, 1]
        f[i, 0], f[i, 1] = x1, x2
        f[i, 2] = b1 * x1 + b2 * x2 + b3 * (x1 * x2 - phi) + sd * z[i, 2]
    return f


def structural(theta, z):
    """Latent variables of simulated people, eq. (1) of the page.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)
    z : ndarray, shape (n, at least 3)
        Standard normal.

    Returns
    -------
    f : ndarray, shape (n, 3)
        xi1, xi2 and eta.

    Raises
    ------
    ValueError
        If ``theta`` is outside its bounds or ``z`` has fewer than three columns.

    Examples
    --------
    >>> structural([0.0, 0.5, 0.0, 1.0], np.array([[2.0, 1.0, -1.0]]))
    array([[2., 1., 0.]])
    """
    theta, z = _check_theta(theta), finite("z", z)
    if z.ndim != 2 or z.shape[1] < 3:
        raise ValueError(f"z must have at least three columns, got shape {z.shape}")
    return _structural(theta, z)


@njit(cache=True, nogil=True)
def _binding(theta, slope, sd, z):
    """See `binding`; ``sd`` is the square root of ``error``."""
    f = _structural(theta, z)
    for i in range(f.shape[0]):
        for k in range(3):
            f[i, k] = slope[k] * f[i, k] + sd[k] * z[i, 3 + k]
    return mm.naive(f, theta.size == 5)


def binding(theta, slope, error, z):
    """Naive estimate from simulated scores, eq. (5) of the page.

    Gaussian items: a linear score is ``slope * eta`` plus normal noise of variance ``error``, so items are never drawn.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)
        With five entries the naive regression has the product as a third regressor.
    slope, error : array_like, shape (3,)
        Of the scores, see `paperlab.methods.factor_scores.measurement.FactorScores`.
    z : ndarray, shape (n_draws, 6)
        Standard normal, as from `simulated_normals`.

    Returns
    -------
    t : ndarray, shape (4,) or (5,)

    Raises
    ------
    ValueError
        If an argument has the wrong shape or sign.
    """
    theta, slope, error, z = _check_theta(theta), finite("slope", slope), finite("error", error), finite("z", z)
    if slope.shape != (3,) or error.shape != (3,) or (error < 0).any() or z.ndim != 2 or z.shape[1] < 6:
        raise ValueError(
            f"slope and error must hold 3 numbers, error none below 0, and z six columns; got {slope}, {error} "
            f"and shape {z.shape}"
        )
    return _binding(theta, slope, np.sqrt(error), z)


@njit(cache=True, nogil=True)
def _orthonormalise(z):
    """Gram-Schmidt on the columns of ``z``, in place: their mean products become the identity."""
    n, k = z.shape
    for a in range(k):
        for b in range(a + 1):
            total = 0.0
            for i in range(n):
                total += z[i, a] * z[i, b]
            factor = 1.0 / np.sqrt(total / n) - 1.0 if a == b else -total / n
            for i in range(n):
                z[i, a] += factor * z[i, b]


@njit(cache=True, nogil=True)
def antithetic(half):
    """The rows of ``half``, then the same rows with the other sign."""
    n, k = half.shape
    z = np.empty((2 * n, k))
    for i in range(n):
        for c in range(k):
            z[i, c] = half[i, c]
            z[n + i, c] = -half[i, c]
    return z


def simulated_normals(n_draws, *, rng, kind="matched", columns=6):
    """Standard normals of simulated people.

    Parameters
    ----------
    n_draws : int
        People; even unless they are independent.
    rng : numpy.random.Generator
    kind : {"matched", "antithetic", "independent"}
        Antithetic: the second half is the first with its sign changed. Matched: antithetic and rotated so that the
        sample covariance is the identity, which makes the binding function of a linear model exact.
    columns : int

    Returns
    -------
    z : ndarray, shape (n_draws, columns)

    Raises
    ------
    ValueError
        If there is no such kind, or ``n_draws`` is too small or odd.
    """
    _check_draws(n_draws, kind, least=2 * columns + 2)
    if kind == "independent":
        return rng.standard_normal((n_draws, columns))
    half = rng.standard_normal((n_draws // 2, columns))
    if kind == "matched":
        _orthonormalise(half)
    return antithetic(half)


@njit(cache=True, nogil=True)
def _clip_into(theta):
    theta[0] = min(max(theta[0], -PHI_MAX), PHI_MAX)
    theta[-1] = max(theta[-1], PSI_MIN)


def clip(theta):
    """Theta with its correlation within 0.95 and its residual variance at least 0.01.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)

    Returns
    -------
    theta : ndarray
        A copy.

    Raises
    ------
    ValueError
        If an entry is missing.
    """
    theta = finite("theta", theta).copy()
    _clip_into(theta)
    return theta


@njit(cache=True, nogil=True)
def _walk(theta, t_obs, slope, sd, normals, steps, path, kind):
    """Some steps of eq. (6) for linear scores with ``normals`` (steps, rows, 6); iterates go to ``path``.

    ``kind`` is the position in ``DRAWS``; a row of antithetic or matched draws stands for itself and its mirror image.
    """
    rotation = np.eye(6)
    for r in range(steps.size):
        if kind == 0:
            mirrored.whitening(normals[r], rotation)
        if kind < 2:
            t = mirrored.binding(theta, slope, sd, normals[r], rotation)
        else:
            t = _binding(theta, slope, sd, normals[r])
        for c in range(theta.size):
            theta[c] += steps[r] * (t_obs[c] - t[c])
        _clip_into(theta)
        for c in range(theta.size):
            path[r, c] = theta[c]


def bounds_hit(path):
    """How many iterates of the last half of a path sit on a bound of `clip`.

    Parameters
    ----------
    path : ndarray, shape (n_iter, k)

    Returns
    -------
    int
    """
    late = path[len(path) // 2 :]
    return int(((np.abs(late[:, 0]) >= PHI_MAX) | (late[:, -1] <= PSI_MIN)).sum())


def _gain(slope, error):
    """1, or 0.5 where a score's reliability is below 0.4."""
    return 0.5 if (slope**2 / (slope**2 + error)).min() < 0.4 else 1.0


def correct(t_obs, slope, error, *, rng, n_iter=100, n_draws=1000, kind="matched"):
    """Corrected estimate from linear scores of Gaussian items, eq. (6) of the page.

    Parameters
    ----------
    t_obs : array_like, shape (4,) or (5,)
        Naive estimate; five entries mean a model with interaction.
    slope, error : array_like, shape (3,)
        Of the scores, see `paperlab.methods.factor_scores.measurement.FactorScores`.
    rng : numpy.random.Generator
    n_iter, n_draws : int
        Iterations, and simulated people in each.
    kind : str
        See `simulated_normals`.

    Returns
    -------
    Corrected

    Raises
    ------
    ValueError
        If an argument has the wrong shape or sign, or there are too few iterations or draws.

    Warns
    -----
    BoundWarning
        If all of the last half of the iterates sit on a bound of theta.
    """
    found = approximate(t_obs, slope, error, rng=rng, n_iter=n_iter, n_draws=n_draws, kind=kind)
    if bounds_hit(found.path) == len(found.path) - len(found.path) // 2:
        warnings.warn(
            f"theta = {found.theta.round(3)} sits on a bound (correlation {PHI_MAX}, residual variance {PSI_MIN}): "
            "no interior solution; check the measurement model, or collect more rows",
            BoundWarning,
            stacklevel=2,
        )
    return found


def approximate(t_obs, slope, error, *, rng, n_iter, n_draws, kind):
    """`correct` without its warning, for replications that count the bounds themselves."""
    _check_steps(n_iter)
    _check_draws(n_draws, kind, least=14)
    t_obs, slope, error = _check_target(t_obs, slope, error)
    theta, path, sd = clip(t_obs), np.empty((n_iter, t_obs.size)), np.sqrt(error)
    steps = _gain(slope, error) * _gains(n_iter)
    rows = n_draws if kind == "independent" else n_draws // 2
    for r in range(0, n_iter, 10):  # ten steps at a time keep the normals in the cache
        late = slice(r, min(r + 10, n_iter))
        normals = rng.standard_normal((late.stop - r, rows, 6))
        _walk(theta, t_obs, slope, sd, normals, steps[late], path[late], DRAWS.index(kind))
    return Corrected(path[n_iter // 2 :].mean(axis=0), path)


def correct_crn(t_obs, slope, error, z, *, max_iter=60, tol=1e-5):
    """Deterministic twin of `correct` with common random numbers.

    ``theta += t_obs - b_z(theta)`` is repeated until the step is small.

    Parameters
    ----------
    t_obs, slope, error
        As in `correct`.
    z : ndarray, shape (n_draws, 6)
        Standard normal, the same in every step.
    max_iter, tol : int, float
        Steps, and the largest change of theta at which they stop.

    Returns
    -------
    FixedPoint

    Raises
    ------
    ValueError
        If an argument has the wrong shape or sign.
    """
    t_obs, slope, error = _check_target(t_obs, slope, error)
    z = finite("z", z)
    if z.ndim != 2 or z.shape[1] < 6:
        raise ValueError(f"z must have six columns, got shape {z.shape}")
    theta, gain, sd = clip(t_obs), _gain(slope, error), np.sqrt(error)
    for _ in range(max_iter):
        step = gain * (t_obs - _binding(theta, slope, sd, z))
        theta = clip(theta + step)
        if np.abs(step).max() < tol:
            return FixedPoint(theta, True)
    return FixedPoint(theta, False)


def jacobian(theta, slope, error, z, step=0.02):
    """Central differences of the binding function with common random numbers, shape (k, k)."""
    shifts = step * np.eye(theta.size)
    sd = np.sqrt(error)
    columns = [_binding(theta + h, slope, sd, z) - _binding(theta - h, slope, sd, z) for h in shifts]
    return np.column_stack(columns) / (2 * step)


def gaussian_items(theta, loads, us, n, *, rng, n_sets=1):
    """Centred items of simulated people, eqs. (1) and (2) of the page.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)
    loads, us : ndarray, shape (3, p)
        Loadings and unique variances.
    n : int
        People.
    rng : numpy.random.Generator
    n_sets : int
        Data sets.

    Returns
    -------
    y : ndarray, shape (n_sets, n, 3 p)
    """
    f = structural(theta, rng.standard_normal((n_sets * n, 3))).reshape(n_sets, n, 3, 1)
    y = rng.standard_normal((n_sets, n, *loads.shape))
    y *= np.sqrt(us)
    y += loads * f
    y -= y.mean(axis=1, keepdims=True)
    return y.reshape(n_sets, n, -1)


def monte_carlo_variance(theta, measurement, *, rng, n, score_type="regression", n_replications=40, n_draws=2000):
    """Covariance matrix of the corrected estimate by simulation, eq. (7) of the page.

    Parameters
    ----------
    theta : array_like, shape (4,) or (5,)
        Corrected estimate.
    measurement : measurement.Measurement
        Stage-1 estimates.
    rng : numpy.random.Generator
    n : int
        People.
    score_type : str
        See `paperlab.methods.factor_scores.measurement.factor_scores`.
    n_replications, n_draws : int
        Simulated data sets; draws behind the binding function.

    Returns
    -------
    Variance

    Raises
    ------
    ValueError
        If ``theta`` is outside its bounds, there are too few data sets or people, or the binding function is flat in a
        direction of theta.
    """
    if operator.index(n_replications) < 10:
        raise ValueError(f"n_replications must be at least 10, got {n_replications}; a variance from fewer is noise")
    if operator.index(n) < 50:
        raise ValueError(f"n must be at least 50 people, got {n}; one-factor ML is not reliable below that")
    theta = _check_theta(theta)
    mm.check_score_type(score_type)
    finite("loadings", measurement.loadings), finite("uniques", measurement.uniques)
    z, interaction = simulated_normals(n_draws, rng=rng), theta.size == 5
    loads, us = measurement.loadings, measurement.uniques
    whole, bare = [], []
    while len(whole) < n_replications:
        n_sets = min(n_replications - len(whole), max(1, 20_000 // n))
        y = gaussian_items(theta, loads, us, n, rng=rng, n_sets=n_sets)
        known, slope, error = mm.make_scores(y, loads, us, score_type)
        new_loads, new_us, *_ = mm.stage_one(np.swapaxes(y, 1, 2) @ y / n, loads.shape[1], 1e-5)
        for s0, s1, a, v in zip(known, *mm.make_scores(y, new_loads, new_us, score_type), strict=True):
            bare.append(mm.naive(s0, interaction))  # less the binding function, the same in all data sets
            whole.append(mm.naive(s1, interaction) - _binding(theta, a, np.sqrt(v), z))
    slopes = jacobian(theta, slope, error, z)
    full_rank("theta: derivatives of the binding function", slopes)
    inv = np.linalg.inv(slopes)
    whole, bare = np.array(whole), np.array(bare)
    return Variance(inv @ np.cov(whole.T) @ inv.T, inv @ np.cov(bare.T) @ inv.T)


def robbins_monro(t_obs, simulate, *, n_iter=100, gain=1.0, clip=None):
    """Robbins-Monro solution of ``t_obs = b(theta)`` for any structural model to simulate from, eq. (6) of the page.

    Parameters
    ----------
    t_obs : array_like, shape (k,)
        Naive estimate on the observed scores.
    simulate : callable
        ``simulate(theta)`` draws items or scores from (measurement model, theta) and gives the naive estimate (k,).
    n_iter : int
        At least 60.
    gain : float
        First step size; 0.5 for scores of reliability below 0.4.
    clip : callable, optional
        ``clip(theta)`` returns theta inside its bounds.

    Returns
    -------
    Corrected

    Raises
    ------
    ValueError
        If ``n_iter`` is too small, a naive estimate is missing, or if the iterates diverge.

    Examples
    --------
    The naive estimate is three quarters of the truth:

    >>> float(robbins_monro([0.3], lambda theta: 0.75 * theta).theta[0].round(6))
    0.4
    """
    _check_steps(n_iter)
    t_obs = np.atleast_1d(finite("t_obs", t_obs))
    theta, path = t_obs if clip is None else clip(t_obs), np.empty((n_iter, t_obs.size))
    steps = gain * _gains(n_iter)
    for r in range(n_iter):
        t = simulate(theta)
        if r == 0:
            limit = 1e6 * max(np.abs(t_obs).max(), np.abs(t).max())
        theta = theta + steps[r] * (t_obs - t)
        if not np.abs(theta).max() <= limit:  # nan too
            raise ValueError(
                f"the iterates diverged at step {r}; lower gain (now {gain}) or raise the reliability of the scores"
            )
        if clip is not None:
            theta = clip(theta)
        path[r] = theta
    return Corrected(path[n_iter // 2 :].mean(axis=0), path)
