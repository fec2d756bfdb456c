"""Gradient descent on factors from random linear measurements, all settings in one matrix product per step."""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.low_rank.factorization import Descent, checked, diverged, imbalance_step
from paperlab.methods.low_rank.loop import DIVERGED, MIN_DAMPING


@dataclass(frozen=True)
class Measurements:
    """Gaussian measurements ``y_i = <A_i, M> + noise``; ``A'A`` is near the identity on low-rank matrices.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of M.
    normal : ndarray, shape (n1 n2, n1 n2)
        ``A'A``.
    matrix : ndarray, shape (m, n1 n2)
        ``A``, one measurement a row.
    noise : ndarray, shape (m,)
        Added to the measurements; zeros in the theory.
    """

    shape: tuple
    normal: np.ndarray
    matrix: np.ndarray
    noise: np.ndarray

    @property
    def n_measurements(self):
        """How many there are."""
        return len(self.matrix)


def draw_measurements(n1, n2, n_measurements, *, symmetrised=False, noise=0.0, rng):
    """Draw m measurement matrices with entries N(0, 1/m).

    Parameters
    ----------
    n1, n2, n_measurements : int
    symmetrised : bool
        Replace each A_i by its symmetric part. Such measurements are blind to the antisymmetric part of ``F G'`` and
        must not be used with the asymmetric factorisation.
    noise : float
        Standard deviation of the noise of one unscaled measurement (it is divided by ``sqrt(m)``).
    rng : numpy.random.Generator

    Returns
    -------
    Measurements

    Raises
    ------
    ValueError
        If there is no measurement, symmetrised matrices are not square, or the noise is negative.
    """
    m = n_measurements
    if m <= 0:
        raise ValueError(f"n_measurements must be positive, got {m}")
    if symmetrised and n1 != n2:
        raise ValueError(f"symmetrised measurements need a square matrix, got {n1} x {n2}")
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must not be negative, got {noise}")
    a = rng.standard_normal((m, n1, n2)) / np.sqrt(m)
    if symmetrised:
        a = (a + a.transpose(0, 2, 1)) / 2
    a = a.reshape(m, n1 * n2)
    return Measurements((n1, n2), a.T @ a, a, noise * rng.standard_normal(m) / np.sqrt(m))


class _Batch:
    """All runs side by side; rows of ``f`` and ``g`` belong to the settings named in ``live``."""

    def __init__(self, measurements, truth, settings, starts, n_steps, steps):
        self.measurements, self.truth, self.settings, self.steps = measurements, truth, settings, steps
        n1, n2 = truth.shape
        size, k_max = len(settings), max(s.k for s in settings)
        self.f, self.g = np.zeros((size, n1, k_max)), np.zeros((size, n2, k_max))
        for i, (setting, start) in enumerate(zip(settings, starts)):
            self.f[i, :, : setting.k], self.g[i, :, : setting.k] = setting.initial(start)
        self.errors, self.residuals = np.empty((2, size, n_steps + 1))
        self.switched, self.factors = np.full(size, -1), [[] for _ in settings]
        self.live = np.arange(size)
        self.waiting = {i for i, s in enumerate(settings) if s.beta}
        self.eta = np.array([s.eta for s in settings])
        self.symmetric = np.array([s.symmetric for s in settings])
        self.scaled = np.array([s.damping is not None for s in settings])
        self.gradient_noise = measurements.noise @ measurements.matrix
        self.noise_square = measurements.noise @ measurements.noise

    def measure(self, t):
        """Errors and residuals before step ``t``; returns ``A*(A(F G' - M) - noise)``, shape (live, n1, n2)."""
        live = self.live
        d = self.f @ self.g.transpose(0, 2, 1) - self.truth
        flat = d.reshape(len(live), -1)
        e = flat @ self.measurements.normal
        self.errors[live, t] = np.sqrt(np.einsum("ij,ij->i", flat, flat))
        square = np.einsum("ij,ij->i", flat, e) - 2 * flat @ self.gradient_noise + self.noise_square
        self.residuals[live, t] = np.sqrt(np.maximum(square, 0))
        bad = live[~(self.errors[live, t] <= DIVERGED * self.errors[live, 0])]
        if len(bad):
            raise diverged(t, self.settings[bad[0]].eta)
        e = (e - self.gradient_noise).reshape(d.shape)
        same = np.flatnonzero(self.symmetric[live])
        e[same] = (e[same] + e[same].transpose(0, 2, 1)) / 2
        return e

    def modify(self, t, watched):
        """The modified step of the runs that have come below their trigger; the product, hence the gradient, stays."""
        for i in [i for i in self.waiting if watched[i, t] < self.settings[i].trigger]:
            row, k = np.searchsorted(self.live, i), self.settings[i].k
            pair = imbalance_step(self.f[row, :, :k], self.g[row, :, :k], self.settings[i].beta)
            self.f[row, :, :k], self.g[row, :, :k] = pair
            self.switched[i] = t
            self.waiting.remove(i)

    def keep(self, rows):
        """Copy the factors in these rows."""
        for row in rows:
            i = self.live[row]
            k = self.settings[i].k
            self.factors[i].append((self.f[row, :, :k].copy(), self.g[row, :, :k].copy()))

    def retire(self, t, stop, e):
        """Let runs below ``stop`` stand still for good; returns the gradients of the others."""
        going = self.errors[self.live, t] >= stop
        if going.all():
            return e
        done = np.flatnonzero(~going)
        for i in self.live[done]:
            self.errors[i, t:], self.residuals[i, t:] = self.errors[i, t], self.residuals[i, t]
        for _ in range(np.sum(self.steps > t)):
            self.keep(done)
        self.waiting -= set(self.live[done].tolist())
        self.live, self.f, self.g = self.live[going], self.f[going], self.g[going]
        return e[going]

    def step(self, t, e):
        """One step of gradient descent, preconditioned where the setting says so."""
        df, dg = e @ self.g, e.transpose(0, 2, 1) @ self.f
        for row in np.flatnonzero(self.scaled[self.live]):
            i = self.live[row]
            s = self.settings[i]
            f, g = self.f[row, :, : s.k], self.g[row, :, : s.k]
            least = MIN_DAMPING * self.errors[i, 0]
            ridge = max(s.damping * self.errors[i, t] if s.relative else s.damping, least) * np.eye(s.k)
            df[row, :, : s.k] = np.linalg.solve(g.T @ g + ridge, df[row, :, : s.k].T).T
            dg[row, :, : s.k] = np.linalg.solve(f.T @ f + ridge, dg[row, :, : s.k].T).T
        eta = self.eta[self.live, None, None]
        self.f -= eta * df
        self.g -= eta * dg
        same = np.flatnonzero(self.symmetric[self.live])
        self.g[same] = self.f[same]


def descend(measurements, target, settings, starts, n_steps, snapshots=(), *, trigger="error", stop=0.0):
    """Gradient descent on measured matrices, all settings side by side.

    ``E = A*(A(F G' - M) - noise)``, ``F <- F - eta E G``, ``G <- G - eta E' F``; symmetric settings use ``(E + E') /
    2`` and keep ``G = F``. Factors with fewer columns are padded by zeros, which the updates leave at zero. One
    product with ``A'A`` serves all settings.

    Parameters
    ----------
    measurements : Measurements
    target : factorization.Target
    settings, starts, n_steps, snapshots
        As in `factorization.descend`.
    trigger : {"error", "residual"}
        What is compared with ``Setting.trigger``: the error, which needs M, or the norm of the measured residual.
    stop : float
        A run with an error below this stands still from then on and costs nothing more.

    Returns
    -------
    factorization.Descent
        With ``residuals``.

    Raises
    ------
    ValueError
        As in `factorization.descend`, and if the shapes of measurements and target differ.
    """
    if trigger not in ("error", "residual"):
        raise ValueError(f"trigger must be 'error' or 'residual', got {trigger!r}")
    truth = target.matrix
    if measurements.shape != truth.shape:
        raise ValueError(f"measurements are of {measurements.shape} matrices, the target has shape {truth.shape}")
    settings, starts, steps = checked(target, settings, starts, n_steps, snapshots)
    batch = _Batch(measurements, truth, settings, starts, n_steps, steps)
    watched = batch.errors if trigger == "error" else batch.residuals
    for t in range(n_steps + 1):
        e = batch.measure(t)
        batch.modify(t, watched)
        if t in steps:
            batch.keep(range(len(batch.live)))
        if t == n_steps:
            break
        e = batch.retire(t, stop, e)
        if not len(batch.live):
            break
        batch.step(t, e)
    return Descent(batch.errors, batch.switched, steps, batch.factors, batch.residuals)
