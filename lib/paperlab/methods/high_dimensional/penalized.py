"""Least squares with SCAD, MCP or L1 penalty: accelerated gradient, proximal gradient, coordinate descent.

Page ``robust_high_dim``, part 1. The objective is ``|y - X b|^2 / (2 N) + sum_j p(b_j)``. Each penalty is split
into ``lam |b|`` and a smooth concave rest, so that every solver here needs a gradient and a soft threshold only.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.sparse.linalg import eigsh

from paperlab.methods.foundations.checks import finite
from paperlab.methods.high_dimensional.penalties import Penalty, concave_rest

SOLVERS = {"AG": (0.99, "proposed"), "proximal": (1.0, "none"), "original": (0.5, "original")}
WINDOW = 50  # steps over which a run has to gain
_SCHEDULES = {"proposed": 0, "original": 1, "none": 2}
_METHODS = ("AG", "coordinate descent")


@dataclass(frozen=True)
class Descent:
    """Several runs side by side.

    Attributes
    ----------
    objective : ndarray, shape (n_runs, n_steps + 1)
        At the points where gradients are taken; nan after a run has stopped.
    coef : ndarray, shape (n_runs, p)
    intercept : ndarray, shape (n_runs,)
    n_steps : ndarray of int, shape (n_runs,)
        Steps done; below ``max_iter`` where the run stopped by its own rule.
    """

    objective: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    n_steps: np.ndarray


@dataclass(frozen=True)
class Path:
    """Solutions along a path.

    Attributes
    ----------
    coef : ndarray, shape (n_lambdas, p)
    lambdas : ndarray, shape (n_lambdas,)
    n_iter : ndarray of int, shape (n_lambdas,)
        Gradient steps or sweeps over the coordinates.
    converged : ndarray of bool, shape (n_lambdas,)
        Whether the last of them was within ``max_iter``.
    """

    coef: np.ndarray
    lambdas: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray


def _regression(x, y):
    """Data (n, p) and (n,) as finite floats that match."""
    x, y = finite("x", x), finite("y", y)
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(f"y must have one value for each row of x (n, p), got shapes {y.shape} and {x.shape}")
    return x, y


def objective(x, y, coef, penalty):
    """``|y - x coef|^2 / (2 n) + sum p(coef)``, no intercept.

    Parameters
    ----------
    x, y, coef : array_like, shapes (n, p), (n,) and (p,)
    penalty : Penalty

    Raises
    ------
    ValueError
        If a value is not finite or shapes do not match.

    Examples
    --------
    >>> float(objective(np.eye(2), [3.0, 0.0], [1.0, 0.0], Penalty("L1", 0.5)))  # (3 - 1)^2 / 4 + 0.5
    1.5
    """
    x, y = _regression(x, y)
    coef = finite("coef", coef)
    if coef.shape != (x.shape[1],):
        raise ValueError(f"coef must have one value for each of the {x.shape[1]} columns, got shape {coef.shape}")
    return ((y - x @ coef) ** 2).sum() / (2 * len(y)) + penalty.value(coef).sum()


def smoothness(x):
    """Largest eigenvalue of ``x.T x / n``, the Lipschitz constant of the least-squares gradient.

    Parameters
    ----------
    x : array_like, shape (n, p)

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    x = finite("x", x)
    n, p = x.shape
    if not x.any():
        return 0.0
    gram = x @ x.T if n <= p else x.T @ x
    if len(gram) < 3:  # too small for Lanczos
        return np.linalg.eigvalsh(gram)[-1] / n
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
def _update(points, grad, steps, penalty):
    """One step of one run, in place; column 0 is the unpenalised intercept. Returns the penalty at the new mid.

    ``points`` are (beta, ag, mid) of the scheme, ``steps`` are (omega, step of beta, next alpha).
    """
    beta, ag, mid = points
    omega, step, alpha = steps
    total = 0.0
    for j in range(beta.size):
        level = penalty[0] if j else 0.0
        g = grad[j] + (concave_rest(mid[j], penalty)[1] if j else 0.0)
        beta[j] = _soft(beta[j] - step * g, step * level)
        ag[j] = _soft(mid[j] - omega * g, omega * level)
        mid[j] = (1 - alpha) * ag[j] + alpha * beta[j]
        if j:
            total += level * abs(mid[j]) + concave_rest(mid[j], penalty)[0]
    return total


def _solver(solver):
    """Share of 1/L that a solver takes as its step, and its schedule."""
    if isinstance(solver, str) and solver not in SOLVERS:
        raise ValueError(f"solver must be one of {', '.join(SOLVERS)} or a pair, got {solver!r}")
    share, schedule = SOLVERS[solver] if isinstance(solver, str) else solver
    if schedule not in _SCHEDULES or not 0 < share <= 1:
        raise ValueError(f"a solver pair needs a share in (0, 1] and one of {', '.join(_SCHEDULES)}, got {solver!r}")
    return share, _SCHEDULES[schedule]


class _Loss:
    """Half the mean squared error and its gradient at many points at once; column 0 of a point is the intercept."""

    def __init__(self, x, y, dtype):
        n, p = x.shape
        self.by_moments = 2 * n >= p
        self.x = np.column_stack([np.ones(n), x]).astype(float if self.by_moments else dtype)
        self.y = y
        if self.by_moments:
            self.gram, self.cross, self.square = self.x.T @ self.x / n, self.x.T @ y / n, y @ y / n

    def at(self, points):
        if self.by_moments:
            product = points @ self.gram
            return (self.square - 2 * points @ self.cross + (product * points).sum(axis=1)) / 2, product - self.cross
        residual = points.astype(self.x.dtype) @ self.x.T - self.y
        return (residual**2).sum(axis=1) / (2 * len(self.y)), residual.astype(self.x.dtype) @ self.x / len(self.y)


def descend(x, y, runs, max_iter, *, tol=0.0, start=None, dtype=float):
    """Several solvers and penalties side by side, sharing every pass over the data.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
        Columns standardised; y as it is. An unpenalised intercept is added.
    runs : sequence of (solver, Penalty)
        ``solver`` is a key of `SOLVERS` or a pair (share of 1/L as step, "proposed" | "original" | "none").
    max_iter : int
        Largest number of gradient steps.
    tol : float
        A run stops once its objective has fallen by no more than this over 50 steps; in the unit of the objective, the
        square of y's. 0: never.
    start : array_like, shape (p,), optional
        Default is the sign of the covariances with y, as in the paper.
    dtype : numpy dtype
        Precision of the passes over x where n < p / 2; float32 halves their time.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), for unknown solvers or schedules, or arrays that do not
        match.

    Notes
    -----
    Ghadimi-Lan scheme: the gradient is taken at ``mid = (1 - alpha) ag + alpha beta``; ``beta`` moves by a long
    step (omega / alpha in "proposed"), ``ag`` by the safe step omega; "none" has alpha = 1.
    """
    x, y = _regression(x, y)
    lipschitz = smoothness(x)
    if not lipschitz > 0:
        raise ValueError("x holds nothing but zeros; there is nothing to descend")
    solvers = [_solver(solver) for solver, _ in runs]
    penalties = [penalty for _, penalty in runs]
    omegas = [share / max(lipschitz, pen.concavity) for (share, _), pen in zip(solvers, penalties)]
    first = np.sign(x.T @ (y - y.mean())) if start is None else finite("start", start)
    if first.shape != (x.shape[1],):
        raise ValueError(f"start must have one value for each of the {x.shape[1]} columns, got shape {first.shape}")
    beta = np.tile(np.r_[0.0, first], (len(runs), 1))
    ag, mid = beta.copy(), beta.copy()
    loss = _Loss(x, y, dtype)
    values = np.full((len(runs), max_iter + 1), np.nan)
    height = np.array([pen.value(first).sum() for pen in penalties])
    now = [_schedule(schedule, 1, 1.0, omega) for (_, schedule), omega in zip(solvers, omegas)]
    steps, live = np.zeros(len(runs), int), np.arange(len(runs))
    for k in range(max_iter + 1):
        error, gradient = loss.at(mid[live])
        values[live, k] = error + height[live]
        steps[live] = k
        if tol > 0 and k >= WINDOW:
            going = values[live, k - WINDOW] - values[live, k] > tol
            live, gradient = live[going], gradient[going]
        if k == max_iter or not live.size:
            break
        for i, g in zip(live, gradient):
            alpha, step = now[i]
            now[i] = _schedule(solvers[i][1], k + 2, alpha, omegas[i])
            points = beta[i], ag[i], mid[i]
            height[i] = _update(points, g, (omegas[i], step, now[i][0]), penalties[i].numbers)
    return Descent(values[:, : steps.max() + 1], mid[:, 1:].copy(), mid[:, 0].copy(), steps)


@njit(cache=True)
def _coordinates(gram, cross, beta, penalty, tol, max_iter):
    """Coordinate descent for columns of unit mean square, in place; the sweeps, and whether they were enough."""
    lam, kind, a = penalty
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
            return sweep + 1, True
    return max_iter, False


@njit(cache=True)
def _accelerated(gram, cross, beta, penalty, omega, tol, max_iter):
    """The proposed accelerated gradient on moments, in place; the number of steps, and whether they were enough."""
    lam = penalty[0]
    slow, mid = beta.copy(), beta.copy()
    alpha, step = _schedule(0, 1, 1.0, omega)
    for k in range(max_iter):
        grad = gram @ mid - cross
        before = mid.copy()
        following = _schedule(0, k + 2, alpha, omega)
        for j in range(mid.size):
            g = grad[j] + concave_rest(mid[j], penalty)[1]
            slow[j] = _soft(slow[j] - step * g, step * lam)
            beta[j] = _soft(mid[j] - omega * g, omega * lam)
            mid[j] = (1 - following[0]) * beta[j] + following[0] * slow[j]
        alpha, step = following
        if np.abs(mid - before).max() < tol:
            return k + 1, True
    return max_iter, False


def _path_data(x, y, lambdas):
    """Standardised columns, a centred outcome and falling levels, or a ValueError that names what is wrong."""
    x, y = _regression(x, y)
    lambdas = finite("lambdas", lambdas)
    flat = np.flatnonzero(x.max(axis=0) == x.min(axis=0))
    if flat.size:
        raise ValueError(f"x: column {flat[0]} is constant; leave it out")
    if not (np.allclose((x**2).mean(axis=0), 1, atol=1e-6) and np.allclose(x.mean(axis=0), 0, atol=1e-6)):
        raise ValueError("x must have columns of mean 0 and mean square 1; standardise it")
    if not y.std() > 0:
        raise ValueError("y is constant; there is nothing to explain")
    if abs(y.mean()) > 1e-6 * y.std():
        raise ValueError(f"y must be centred, its mean is {y.mean():.3g}; subtract it")
    if lambdas.ndim != 1 or not lambdas.size or not ((np.diff(lambdas) < 0).all() and lambdas[-1] > 0):
        raise ValueError("lambdas must be positive and falling")
    return x, y, lambdas


def _minimum(gram, cross, coef, penalty, method, tol, max_iter):
    """Minimum over a few columns from a warm start: coefficients, iterations and whether they were enough."""
    coef = coef.copy()
    if not coef.size:
        return coef, 0, True
    if method == "coordinate descent":
        return coef, *_coordinates(gram, cross, coef, penalty.numbers, tol, max_iter)
    omega = 0.99 / max(np.linalg.eigvalsh(gram)[-1], penalty.concavity)
    return coef, *_accelerated(gram, cross, coef, penalty.numbers, omega, tol, max_iter)


def solution_path(x, y, lambdas, penalty, method, *, shape=None, tol=1e-5, max_iter=5000):
    """Solutions along falling lambdas with warm starts, the sequential strong rule and a check of all columns.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
        Columns of mean 0 and mean square 1; y centred.
    lambdas : array_like
        Positive and falling.
    penalty : {"SCAD", "MCP", "L1"}
    method : {"AG", "coordinate descent"}
    shape : float, optional
        See `Penalty`.
    tol, max_iter : float, int
        Largest change of a coefficient at the end, in standard deviations of y; limit of iterations for each lambda.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), a column is constant or not standardised, y is constant or
        not centred, lambdas do not fall, or a name is unknown.
    """
    x, y, lambdas = _path_data(x, y, lambdas)
    if method not in _METHODS:
        raise ValueError(f"method must be {' or '.join(map(repr, _METHODS))}, got {method!r}")
    n, p = x.shape
    gram, cross = x.T @ x / n, x.T @ y / n
    beta, out, spent, enough = np.zeros(p), [], [], []
    last, tol = np.abs(cross).max(), tol * y.std()
    for lam in lambdas:
        level = Penalty(penalty, lam, shape)
        kept = (np.abs(cross - gram @ beta) >= 2 * lam - last) | (beta != 0)
        n_iter = 0
        while True:
            columns = np.flatnonzero(kept)
            inner = np.ascontiguousarray(gram[np.ix_(columns, columns)])
            part, done, converged = _minimum(inner, cross[columns], beta[columns], level, method, tol, max_iter)
            n_iter += done
            beta = np.zeros(p)
            beta[columns] = part
            missed = (np.abs(cross - gram @ beta) > lam * (1 + 1e-9)) & ~kept
            if not missed.any():
                break
            kept |= missed
        out.append(beta.copy())
        spent.append(n_iter)
        enough.append(converged)
        last = lam
    return Path(np.array(out), lambdas, np.array(spent), np.array(enough))
