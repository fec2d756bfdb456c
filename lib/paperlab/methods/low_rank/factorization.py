"""Gradient descent on the factors of a low-rank matrix: symmetric, asymmetric, with one modified step, preconditioned.

The matrix is observed in full here ("population case"); `sensing` observes it through random measurements. Errors are
Frobenius norms of ``F G' - M``.
"""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.low_rank.loop import run_lanes

LANES = 16  # runs side by side in the compiled loop


@dataclass(frozen=True)
class Target:
    """A matrix ``M = U diag(s) V'`` of known rank.

    Parameters
    ----------
    u, v : ndarray, shapes (n1, r) and (n2, r)
        Orthonormal columns.
    s : ndarray, shape (r,)
        Singular values; a negative one turns its column of V round.

    Raises
    ------
    ValueError
        If shapes do not match, a value is not finite or columns are not orthonormal.
    """

    u: np.ndarray
    s: np.ndarray
    v: np.ndarray

    def __post_init__(self):
        u, s, v = finite("u", self.u), finite("s", self.s), finite("v", self.v)
        if u.ndim != 2 or v.ndim != 2 or not u.shape[1] == v.shape[1] == s.size or not s.size:
            raise ValueError(f"u (n1, r), s (r,) and v (n2, r) must match, got shapes {u.shape}, {s.shape}, {v.shape}")
        for name, x in (("u", u), ("v", v)):
            if np.abs(x.T @ x - np.eye(s.size)).max() > 1e-8:
                raise ValueError(f"{name} must have orthonormal columns; take them from a singular value decomposition")

    @property
    def matrix(self):
        """M itself, shape (n1, n2)."""
        return (self.u * self.s) @ self.v.T

    @property
    def rank(self):
        """Number of singular values."""
        return len(self.s)

    @property
    def is_psd(self):
        """Whether the matrix is symmetric and positive semidefinite (to 1e-12)."""
        return self.u.shape == self.v.shape and bool(np.abs(self.u - self.v).max() < 1e-12) and bool(self.s.min() >= 0)


def draw_target(n1, n2, rank, kappa, *, symmetric=True, rng):
    """A random matrix of norm one with singular values equally spaced from 1 to ``1 / kappa``.

    Parameters
    ----------
    n1, n2, rank : int
        Rows, columns and rank.
    kappa : float
        Condition number on the range, at least 1.
    symmetric : bool
        Take ``V = U``; needs ``n1 == n2``.
    rng : numpy.random.Generator

    Returns
    -------
    Target

    Raises
    ------
    ValueError
        If a size is not positive, ``rank`` exceeds a side, ``kappa < 1``, or a symmetric matrix is not square.
    """
    if rank < 1 or rank > min(n1, n2):
        raise ValueError(f"rank must be between 1 and min(n1, n2) = {min(n1, n2)}, got {rank}")
    if not kappa >= 1:
        raise ValueError(f"kappa must be at least 1, got {kappa}; it is the largest over the smallest singular value")
    if symmetric and n1 != n2:
        raise ValueError(f"a symmetric matrix must be square, got {n1} x {n2}; use symmetric=False")
    u = np.linalg.qr(rng.standard_normal((n1, rank)))[0]
    v = u if symmetric else np.linalg.qr(rng.standard_normal((n2, rank)))[0]
    return Target(u, np.linspace(1.0, 1.0 / kappa, rank), v)


def draw_start(n1, n2, k, *, rng):
    """Gaussian starting directions: a pair (n1, k) and (n2, k) with entries of variance ``1 / n1`` and ``1 / n2``.

    Parameters
    ----------
    n1, n2, k : int
    rng : numpy.random.Generator
    """
    return rng.standard_normal((n1, k)) / np.sqrt(n1), rng.standard_normal((n2, k)) / np.sqrt(n2)


def balanced_start(start, *, rng):
    """Replace the second direction by a rotation of the first, so that ``F'F = G'G`` at equal scales.

    Parameters
    ----------
    start : pair of ndarray, both of shape (n, k)
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If the two differ in shape: then no rotation makes one of the other.
    """
    f = start[0]
    if f.shape != start[1].shape:
        raise ValueError(f"start must be two directions of one shape, got {f.shape} and {start[1].shape}")
    return f, np.linalg.qr(rng.standard_normal((len(f), len(f))))[0] @ f


@dataclass(frozen=True)
class Setting:
    """One way to run gradient descent.

    Parameters
    ----------
    k : int
        Columns of the factors.
    alpha : float
        Scale of the start, ``F0 = alpha * start[0]``.
    eta : float
        Step size (the constant 2 of the squared loss is inside).
    balance : float
        ``G0 = alpha * balance * start[1]``; ignored by symmetric runs.
    symmetric : bool
        Keep ``G = F`` and use the symmetric part of the gradient.
    beta : float
        Singular value of F after the modified step; 0 for no such step.
    trigger : float
        The modified step is made once, at the first error below this.
    damping : float or None
        Preconditioned descent: F is stepped along ``E G (G'G + lambda I)^-1``, with lambda = ``damping`` times the
        current error (``relative``) or ``damping`` itself; None for plain gradient descent.
    relative : bool
        PrecGD (True) or damped ScaledGD (False).

    Raises
    ------
    ValueError
        If a number is out of its range, or a symmetric run is to be modified.
    """

    k: int
    alpha: float = 0.1
    eta: float = 0.25
    balance: float = 1 / 3
    symmetric: bool = False
    beta: float = 0.0
    trigger: float = 0.1
    damping: float | None = None
    relative: bool = True

    def __post_init__(self):
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")
        for name in ("alpha", "eta", "balance", "trigger"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.beta >= 0:
            raise ValueError(f"beta must be positive, or 0 for no modified step, got {self.beta}")
        if self.beta and self.symmetric:
            raise ValueError("the modified step makes F and G different; use symmetric=False")
        if self.damping is not None and not self.damping > 0:
            raise ValueError(f"damping must be positive, got {self.damping}; surplus columns make F'F nearly singular")

    def initial(self, start):
        """Starting factors (n1, k) and (n2, k) from starting directions with at least ``k`` columns."""
        f, g = finite("start", start[0]), finite("start", start[1])
        if f.shape[1] < self.k or g.shape[1] < self.k:
            raise ValueError(f"start has {min(f.shape[1], g.shape[1])} columns, the setting needs k = {self.k}")
        f0 = self.alpha * f[:, : self.k]
        return f0, (f0.copy() if self.symmetric else self.alpha * self.balance * g[:, : self.k])


@dataclass(frozen=True)
class Descent:
    """Errors and factors of a batch of runs.

    Attributes
    ----------
    errors : ndarray, shape (n_settings, n_steps + 1)
        Frobenius error before each step and after the last.
    switched : ndarray of int, shape (n_settings,)
        Step of the modified step, -1 where there was none.
    steps : ndarray of int, shape (n_snapshots,)
        Times of the snapshots.
    factors : list
        ``factors[i][j]`` is the pair (F, G) of setting ``i`` at ``steps[j]``, in coordinates that leave Gram matrices
        and singular values unchanged.
    residuals : ndarray or None, shape (n_settings, n_steps + 1)
        Norm of the measured residual (sensing only).
    """

    errors: np.ndarray
    switched: np.ndarray
    steps: np.ndarray
    factors: list
    residuals: np.ndarray | None = None


def checked(target, settings, starts, n_steps, snapshots):
    """What a batch of descents needs, after a look at all of it: settings, one start for each, sorted snapshots.

    Raises
    ------
    ValueError
        As `descend`.
    """
    settings = list(settings)
    if not settings:
        raise ValueError("settings must hold at least one setting, got none")
    for setting in settings:
        if setting.k < target.rank:
            raise ValueError(f"k must be >= r for exact recovery, got k = {setting.k} and r = {target.rank}")
        if setting.symmetric and not target.is_psd:
            raise ValueError("the symmetric factorisation F F' needs a positive semidefinite M; use symmetric=False")
    if n_steps < 0:
        raise ValueError(f"n_steps must not be negative, got {n_steps}")
    steps = np.unique(np.asarray(snapshots, dtype=np.int64))
    if steps.size and not (steps[0] >= 0 and steps[-1] <= n_steps):
        raise ValueError(f"snapshots must be steps from 0 to n_steps = {n_steps}, got {steps[0]} to {steps[-1]}")
    return settings, pair_up(starts, settings), steps


def diverged(step, eta):
    """The error of a run that left the region of convergence at ``step``."""
    return ValueError(
        f"diverged at step {step}: reduce eta (got {eta}; the largest singular value of M sets the limit)"
    )


def reduce(f, g, target):
    """The same descent in ``r + k`` dimensions.

    Outside the singular spaces of M the gradient step multiplies F and G from the right only, so those parts never
    leave the span of their start. In the orthonormal basis (U, Q) with Q from a QR decomposition of the rest, M is
    ``diag(s, 0)`` and every Gram matrix, singular value and error is unchanged. Exact, not an approximation.

    Parameters
    ----------
    f, g : ndarray, shapes (n1, k) and (n2, k)
    target : Target

    Returns
    -------
    core, f, g : ndarray
        The matrix in its new basis, and the factors there.
    """
    r = target.rank

    def split(x, basis):
        top = basis.T @ x
        return np.vstack([top, np.linalg.qr(x - basis @ top, mode="r")])

    f, g = split(f, target.u), split(g, target.v)
    core = np.zeros((len(f), len(g)))
    core[np.arange(r), np.arange(r)] = target.s
    return core, np.ascontiguousarray(f), np.ascontiguousarray(g)


def imbalance_step(f, g, beta):
    """The modified step: the same product with all singular values of F equal to ``beta``.

    With ``F = Q diag(s) W'`` these are ``beta Q W'`` and ``G W diag(s / beta) W'`` (explicit form recalled, page
    ``matrix_sensing``).

    Parameters
    ----------
    f, g : ndarray, shapes (n1, k) and (n2, k)
    beta : float

    Returns
    -------
    f, g : ndarray

    Raises
    ------
    ValueError
        If ``beta`` is not positive.
    """
    if not beta > 0:
        raise ValueError(f"beta must be positive, got {beta}")
    q, s, wt = np.linalg.svd(f, full_matrices=False)
    return beta * q @ wt, g @ (wt.T * (s / beta)) @ wt


def descend(target, settings, starts, n_steps, snapshots=()):
    """Gradient descent on the fully observed matrix, all settings in one call.

    ``E = F G' - M``, ``F <- F - eta E G``, ``G <- G - eta E' F`` (both from the old factors); symmetric settings keep
    ``G = F``. Every run is reduced to ``r + k`` dimensions (`reduce`), so that its cost does not depend on the size of
    M, and stepped in compiled code.

    Parameters
    ----------
    target : Target
    settings : sequence of Setting
    starts : pair of ndarray or sequence of pairs
        Starting directions (`draw_start`): one pair for all settings, or one for each.
    n_steps : int
    snapshots : sequence of int
        Steps, from 0 to ``n_steps``, at which the factors are kept.

    Returns
    -------
    Descent

    Raises
    ------
    ValueError
        For ``k < r``, a symmetric run on a matrix that is not positive semidefinite, a snapshot outside the run, or
        divergence (error above 100 times its start).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> target, start = draw_target(30, 30, 2, 2.0, rng=rng), draw_start(30, 30, 3, rng=rng)
    >>> exact, surplus = descend(target, [Setting(2), Setting(3, symmetric=True)], start, 1000).errors[:, -1]
    >>> bool(exact < 1e-10), bool(surplus > 1e-4)  # one column too many makes an exponential a power law
    (True, True)
    """
    settings, starts, steps = checked(target, settings, starts, n_steps, snapshots)
    errors = np.empty((len(settings), n_steps + 1))
    switched, factors = np.full(len(settings), -1), [None] * len(settings)
    groups = {}
    for i, setting in enumerate(settings):
        groups.setdefault((setting.k, setting.symmetric), []).append(i)
    for members in groups.values():
        for first in range(0, len(members), LANES):
            chunk = np.array(members[first : first + LANES])
            found, moved, kept = _run_lanes(
                target, [settings[i] for i in chunk], [starts[i] for i in chunk], n_steps, steps
            )
            errors[chunk], switched[chunk] = found, moved
            for lane, i in enumerate(chunk):
                factors[i] = [(f[:, :, lane].copy(), g[:, :, lane].copy()) for f, g in zip(*kept)]
    return Descent(errors, switched, steps, factors)


def _run_lanes(target, settings, starts, n_steps, steps):
    """Runs with the same number of columns side by side: ``(errors, switched, (F snapshots, G snapshots))``."""
    n_runs = len(settings)
    spare = -n_runs % 8 if n_runs > 2 else 0  # whole vector registers are faster than the odd lanes alone
    settings, starts = settings + settings[-1:] * spare, starts + starts[-1:] * spare
    reduced = [reduce(*setting.initial(start), target) for setting, start in zip(settings, starts)]
    core = reduced[0][0]
    f, g = (np.ascontiguousarray(np.stack([part[side] for part in reduced], axis=-1)) for side in (1, 2))
    eta = np.array([s.eta for s in settings])
    damping = np.array([s.damping or 0.0 for s in settings])
    relative = np.array([s.relative for s in settings])
    stop_below = np.array([s.trigger if s.beta else 0.0 for s in settings])
    stop_below[n_runs:] = 0.0
    errors = np.empty((n_steps + 1, len(settings)))
    kept = np.empty((len(steps), *f.shape)), np.empty((len(steps), *g.shape))
    switched = np.full(len(settings), -1)
    t, lane = 0, 0
    rules = settings[0].symmetric, eta, damping, relative, stop_below
    while lane >= 0:
        t, lane = run_lanes(core, (f, g), rules, t, (errors, steps, *kept))
        if lane >= 0:
            if not errors[t, lane] < stop_below[lane]:
                raise diverged(t, settings[lane].eta)
            f[:, :, lane], g[:, :, lane] = imbalance_step(f[:, :, lane], g[:, :, lane], settings[lane].beta)
            switched[lane], stop_below[lane] = t, 0.0
    return errors.T[:n_runs], switched[:n_runs], kept


def pair_up(starts, settings):
    """One pair of starting directions for each setting, from one pair for all or one for each."""
    if isinstance(starts, tuple) and len(starts) == 2 and getattr(starts[0], "ndim", 0) == 2:
        return [starts] * len(settings)
    if len(starts) != len(settings):
        raise ValueError(f"starts must be one pair or one for each of {len(settings)} settings, got {len(starts)}")
    return list(starts)
