"""Least squares with SCAD, MCP or L1 penalty: accelerated gradient, proximal gradient, coordinate descent.

Page ``robust_high_dim``, part 1. The objective is ``|y - X b|^2 / (2 N) + sum_j p(b_j)``. Each penalty is split
into ``lam |b|`` and a smooth concave rest, so that every solver here needs a gradient and a soft threshold only.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.sparse.linalg import eigsh

SHAPES = {"SCAD": 3.7, "MCP": 3.0, "L1": np.inf}
_KINDS = {"SCAD": 0, "MCP": 1, "L1": 2}
SOLVERS = {"AG": (0.99, "proposed"), "proximal": (1.0, "none"), "original": (0.5, "original")}
_SCHEDULES = {"proposed": 0, "original": 1, "none": 2}


class Descent(NamedTuple):
    """``objective`` (runs, steps + 1) at the points where gradients are taken, nan after a run has stopped;
    ``beta`` (runs, p) and ``intercept`` (runs,) at the end; ``steps`` (runs,) done."""

    objective: np.ndarray
    beta: np.ndarray
    intercept: np.ndarray
    steps: np.ndarray


class Path(NamedTuple):
    """``beta`` (n_lambdas, p), ``lambdas``, ``sweeps`` (n_lambdas,) iterations spent."""

    beta: np.ndarray
    lambdas: np.ndarray
    sweeps: np.ndarray


def _kind(penalty, lam, shape):
    if penalty not in _KINDS:
        raise ValueError(f"penalty must be one of {', '.join(_KINDS)}, got {penalty!r}")
    if not lam > 0:
        raise ValueError(f"lam must be positive, got {lam}; without a penalty use least squares")
    shape = SHAPES[penalty] if shape is None else float(shape)
    least = {"SCAD": 2.0, "MCP": 1.0, "L1": 0.0}[penalty]
    if not shape > least:
        raise ValueError(f"shape of {penalty} must exceed {least:g}, got {shape}; usual is {SHAPES[penalty]:g}")
    return _KINDS[penalty], shape


def concavity(penalty, shape=None):
    """Lipschitz constant of the concave part's gradient: 1/(a - 1) for SCAD, 1/gamma for MCP, 0 for L1."""
    kind, shape = _kind(penalty, 1.0, shape)
    return (1 / (shape - 1), 1 / shape, 0.0)[kind]


@njit(cache=True)
def _rest(x, lam, kind, a):
    """Value and derivative of the concave part at x."""
    size = abs(x)
    sign = 1.0 if x > 0 else -1.0
    if kind == 0 and size > lam:
        if size < a * lam:
            return (lam * size - (size**2 + lam**2) / 2) / (a - 1), sign * (lam - size) / (a - 1)
        return (a + 1) / 2 * lam**2 - lam * size, -lam * sign
    if kind == 1:
        if size < a * lam:
            return -(size**2) / (2 * a), -x / a
        return a * lam**2 / 2 - lam * size, -lam * sign
    return 0.0, 0.0


@njit(cache=True)
def _rest_all(x, lam, kind, a):
    out = np.empty((2, x.size))
    for j in range(x.size):
        out[0, j], out[1, j] = _rest(x[j], lam, kind, a)
    return out


def concave_part(x, penalty, lam, shape=None):
    """Value and derivative of the smooth concave part ``p(x) - lam |x|``, elementwise.

    Parameters
    ----------
    x : array_like, shape (n,)
    penalty, lam, shape : str, float, float
        "SCAD", "MCP" or "L1"; level; shape a (SCAD, default 3.7) or gamma (MCP, default 3).

    Returns
    -------
    value, derivative : ndarray, shape (n,)

    Raises
    ------
    ValueError
        For an unknown penalty, ``lam <= 0`` or a shape at or below its limit (2 for SCAD, 1 for MCP).
    """
    kind, shape = _kind(penalty, lam, shape)
    value, slope = _rest_all(np.atleast_1d(np.asarray(x, float)), float(lam), kind, shape)
    return value, slope


def penalty_value(x, penalty, lam, shape=None):
    """The penalty, elementwise: ``lam |x|`` plus its concave part."""
    return lam * np.abs(np.atleast_1d(x)) + concave_part(x, penalty, lam, shape)[0]


def objective(x, y, beta, penalty, lam, shape=None):
    """``|y - x beta|^2 / (2 n) + sum p(beta)``, no intercept."""
    return ((y - x @ beta) ** 2).sum() / (2 * len(y)) + penalty_value(beta, penalty, lam, shape).sum()


def smoothness(x):
    """Largest eigenvalue of ``x.T x / n``, the Lipschitz constant of the least-squares gradient."""
    n, p = x.shape
    gram = x @ x.T if n <= p else x.T @ x
    return eigsh(gram, k=1, return_eigenvectors=False, tol=1e-6, v0=np.ones(len(gram)))[0] / n


@njit(cache=True)
def _schedule(schedule, k, alpha_before, omega):
    """Momentum weight alpha_k and the step of the slow sequence, k = 1, 2, ..."""
    if schedule == 0:
        alpha = 2 / (1 + np.sqrt(1 + 4 / alpha_before**2))
        return alpha, omega / alpha
    if schedule == 1:
        return 2 / (k + 1), k * omega / 2
    return 1.0, omega


@njit(cache=True)
def _soft(v, threshold):
    return v - threshold if v > threshold else v + threshold if v < -threshold else 0.0


@njit(cache=True)
def _update(beta, ag, mid, grad, omega, step, alpha_next, lam, kind, shape):
    """One step of one run, in place; column 0 is the unpenalised intercept. Returns the penalty at the new mid."""
    total = 0.0
    for j in range(beta.size):
        level = lam if j else 0.0
        g = grad[j] + (_rest(mid[j], lam, kind, shape)[1] if j else 0.0)
        beta[j] = _soft(beta[j] - step * g, step * level)
        ag[j] = _soft(mid[j] - omega * g, omega * level)
        mid[j] = (1 - alpha_next) * ag[j] + alpha_next * beta[j]
        if j:
            total += lam * abs(mid[j]) + _rest(mid[j], lam, kind, shape)[0]
    return total


def descend(x, y, runs, lam, n_steps, *, shape=None, tol=0.0, window=50, start=None, dtype=float):
    """Several solvers and penalties side by side, sharing every pass over the data.

    Parameters
    ----------
    x, y : ndarray, shapes (n, p) and (n,)
        Columns standardised; y as it is. An unpenalised intercept is added.
    runs : list of (solver, penalty)
        ``solver`` is a key of `SOLVERS` or a pair (share of 1/L as step, "proposed" | "original" | "none").
    lam : float
    n_steps : int
    shape : float, optional
        Shape of all penalties; default `SHAPES`.
    tol, window : float, int
        A run stops once its objective has fallen by less than ``tol`` over ``window`` steps.
    start : ndarray, shape (p,), optional
        Default is the sign of the covariances with y, as in the paper.
    dtype : numpy dtype
        Precision of the passes over x where n < p / 2; float32 halves their time.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError
        For unknown solvers, schedules or penalties, or arrays that do not match.

    Notes
    -----
    Ghadimi-Lan scheme: the gradient is taken at ``mid = (1 - alpha) ag + alpha beta``; ``beta`` moves by a long
    step (omega / alpha in "proposed"), ``ag`` by the safe step omega; "none" has alpha = 1.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if y.shape != (len(x),):
        raise ValueError(f"y must have one value for each row of x, got shapes {y.shape} and {x.shape}")
    n, p = x.shape
    lipschitz, kinds, omegas, schedules = smoothness(x), [], [], []
    for solver, penalty in runs:
        if isinstance(solver, str) and solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)} or a pair, got {solver!r}")
        share, schedule = SOLVERS[solver] if isinstance(solver, str) else solver
        if schedule not in _SCHEDULES or not 0 < share <= 1:
            raise ValueError(
                f"a solver pair needs a share in (0, 1] and one of {', '.join(_SCHEDULES)}, got {solver!r}"
            )
        kinds.append(_kind(penalty, lam, shape))
        omegas.append(share / max(lipschitz, concavity(penalty, shape)))
        schedules.append(_SCHEDULES[schedule])
    by_gram = 2 * n >= p
    x1 = np.column_stack([np.ones(n), x]).astype(float if by_gram else dtype)
    gram, cross, square = (x1.T @ x1 / n if by_gram else None), x1.T @ y / n, y @ y / n
    first = np.sign(x.T @ (y - y.mean())) if start is None else np.asarray(start, float)
    beta = np.tile(np.r_[0.0, first], (len(runs), 1))
    ag, mid = beta.copy(), beta.copy()
    values = np.full((len(runs), n_steps + 1), np.nan)
    penalties = np.array([penalty_value(first, pen, lam, shape).sum() for _, pen in runs])
    now = [_schedule(s, 1, 1.0, w) for s, w in zip(schedules, omegas)]
    steps, live = np.zeros(len(runs), int), np.arange(len(runs))
    for k in range(n_steps + 1):
        points = mid[live]
        if by_gram:
            product = points @ gram
            loss = (square - 2 * points @ cross + (product * points).sum(axis=1)) / 2
            gradient = product - cross
        else:
            residual = points.astype(x1.dtype) @ x1.T - y
            loss = (residual**2).sum(axis=1) / (2 * n)
            gradient = residual.astype(x1.dtype) @ x1 / n
        values[live, k] = loss + penalties[live]
        steps[live] = k
        if tol > 0 and k >= window:
            going = values[live, k - window] - values[live, k] > tol
            live, gradient = live[going], gradient[going]
        if k == n_steps or not live.size:
            break
        for i, g in zip(live, gradient):
            alpha, step = now[i]
            now[i] = _schedule(schedules[i], k + 2, alpha, omegas[i])
            penalties[i] = _update(beta[i], ag[i], mid[i], g, omegas[i], step, now[i][0], lam, *kinds[i])
    return Descent(values[:, : steps.max() + 1], mid[:, 1:].copy(), mid[:, 0].copy(), steps)


@njit(cache=True)
def _coordinates(gram, cross, beta, lam, kind, a, tol, max_iter):
    """Coordinate descent for columns of unit mean square, in place; returns the number of sweeps."""
    score = cross - gram @ beta
    for sweep in range(max_iter):
        largest = 0.0
        for j in range(beta.size):
            z = score[j] + beta[j]
            size = abs(z)
            if kind == 0 and 2 * lam < size < a * lam:
                new = _soft(z, a * lam / (a - 1)) / (1 - 1 / (a - 1))
            elif kind == 1 and size < a * lam:
                new = _soft(z, lam) / (1 - 1 / a)
            elif kind < 2 and size >= a * lam:
                new = z
            else:
                new = _soft(z, lam)
            change = new - beta[j]
            if change != 0.0:
                beta[j] = new
                score -= change * gram[j]
                largest = max(largest, abs(change))
        if largest < tol:
            return sweep + 1
    return max_iter


@njit(cache=True)
def _accelerated(gram, cross, beta, lam, kind, a, omega, tol, max_iter):
    """The proposed accelerated gradient on moments, in place; returns the number of steps."""
    slow, mid = beta.copy(), beta.copy()
    alpha, step = _schedule(0, 1, 1.0, omega)
    for k in range(max_iter):
        grad = gram @ mid - cross
        before = mid.copy()
        following = _schedule(0, k + 2, alpha, omega)
        for j in range(mid.size):
            g = grad[j] + _rest(mid[j], lam, kind, a)[1]
            slow[j] = _soft(slow[j] - step * g, step * lam)
            beta[j] = _soft(mid[j] - omega * g, omega * lam)
            mid[j] = (1 - following[0]) * beta[j] + following[0] * slow[j]
        alpha, step = following
        if np.abs(mid - before).max() < tol:
            return k + 1
    return max_iter


def solution_path(x, y, lambdas, penalty, method, *, shape=None, tol=1e-5, max_iter=5000):
    """Solutions along falling lambdas with warm starts, the sequential strong rule and a check of all columns.

    Parameters
    ----------
    x, y : ndarray, shapes (n, p) and (n,)
        Columns of mean 0 and mean square 1; y centred.
    lambdas : array_like
        Positive and falling.
    penalty : {"SCAD", "MCP", "L1"}
    method : {"AG", "coordinate descent"}
    tol, max_iter : float, int
        Largest change of a coefficient at the end; limit of iterations for each lambda.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If a column is constant or not standardised, or lambdas do not fall.
    """
    x, y, lambdas = np.asarray(x, float), np.asarray(y, float), np.asarray(lambdas, float)
    spread = x.std(axis=0)
    if (spread == 0).any():
        raise ValueError(f"column {np.argmin(spread)} is constant; leave it out")
    if not np.allclose((x**2).mean(axis=0), 1, atol=1e-6):
        raise ValueError("x must have columns of mean square 1; standardise it")
    if not ((np.diff(lambdas) < 0).all() and lambdas[-1] > 0):
        raise ValueError("lambdas must be positive and falling")
    if method not in ("AG", "coordinate descent"):
        raise ValueError(f"method must be 'AG' or 'coordinate descent', got {method!r}")
    n, p = x.shape
    gram, cross = x.T @ x / n, x.T @ y / n
    beta, out, spent = np.zeros(p), [], []
    last = np.abs(cross).max()
    for lam in lambdas:
        kind, a = _kind(penalty, lam, shape)
        kept = (np.abs(cross - gram @ beta) >= 2 * lam - last) | (beta != 0)
        sweeps = 0
        while True:
            columns = np.flatnonzero(kept)
            inner, part = np.ascontiguousarray(gram[np.ix_(columns, columns)]), beta[columns]
            if method == "AG" and columns.size:
                norm = np.linalg.eigvalsh(inner)[-1]
                omega = 0.99 / max(norm, concavity(penalty, shape))
                sweeps += _accelerated(inner, cross[columns], part, lam, kind, a, omega, tol, max_iter)
            elif columns.size:
                sweeps += _coordinates(inner, cross[columns], part, lam, kind, a, tol, max_iter)
            beta = np.zeros(p)
            beta[columns] = part
            missed = (np.abs(cross - gram @ beta) > lam * (1 + 1e-9)) & ~kept
            if not missed.any():
                break
            kept |= missed
        out.append(beta.copy())
        spent.append(sweeps)
        last = lam
    return Path(np.array(out), lambdas, np.array(spent))
