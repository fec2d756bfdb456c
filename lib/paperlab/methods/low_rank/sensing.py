"""Gradient descent on factors from random linear measurements, all settings in one matrix product per step."""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.low_rank.factorization import Descent, check_setting, diverged, imbalance_step, pair_up
from paperlab.methods.low_rank.loop import MIN_DAMPING


@dataclass(frozen=True)
class Measurements:
    """Gaussian measurements ``y_i = <A_i, M> + noise``, scaled so that ``A'A`` is near the identity on low-rank matrices.

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
    def m(self):
        return len(self.matrix)


def draw_measurements(n1, n2, m, rng, *, symmetrised=False, noise=0.0):
    """Draw ``m`` measurement matrices with entries N(0, 1/m).

    Parameters
    ----------
    n1, n2, m : int
    rng : numpy.random.Generator
    symmetrised : bool
        Replace each A_i by its symmetric part. Such measurements are blind to the antisymmetric part of ``F G'`` and
        must not be used with the asymmetric factorisation.
    noise : float
        Standard deviation of the noise of one unscaled measurement (it is divided by ``sqrt(m)``).

    Raises
    ------
    ValueError
        If ``m`` is not positive, or symmetrised matrices are not square.
    """
    if m <= 0:
        raise ValueError(f"m must be a positive number of measurements, got {m}")
    if symmetrised and n1 != n2:
        raise ValueError(f"symmetrised measurements need a square matrix, got {n1} x {n2}")
    a = rng.standard_normal((m, n1, n2)) / np.sqrt(m)
    if symmetrised:
        a = (a + a.transpose(0, 2, 1)) / 2
    a = a.reshape(m, n1 * n2)
    return Measurements((n1, n2), a.T @ a, a, noise * rng.standard_normal(m) / np.sqrt(m))


def descend(measurements, target, settings, starts, n_steps, snapshots=(), trigger="error", stop=0.0):
    """Gradient descent on measured matrices, all settings side by side.

    ``E = A*(A(F G' - M) - noise)``, ``F <- F - eta E G``, ``G <- G - eta E' F``; symmetric settings use ``(E + E') / 2`` and keep
    ``G = F``. Factors with fewer columns are padded by zeros, which the updates leave at zero. One product with
    ``A'A`` serves all settings.

    Parameters
    ----------
    measurements : Measurements
    target : paperlab.methods.factorization.Target
    settings, starts, n_steps, snapshots
        As in `paperlab.methods.factorization.descend`.
    trigger : {"error", "residual"}
        What is compared with ``Setting.trigger``: the error, which needs M, or the norm of the measured residual.
    stop : float
        A run with an error below this stands still from then on and costs nothing more.

    Returns
    -------
    Descent
        With ``residuals``.

    Raises
    ------
    ValueError
        As in `paperlab.methods.factorization.descend`, and if the shapes of measurements and target differ.
    """
    settings = list(settings)
    starts = pair_up(starts, settings)
    if trigger not in ("error", "residual"):
        raise ValueError(f"trigger must be 'error' or 'residual', got {trigger!r}")
    truth = target.matrix
    n1, n2 = truth.shape
    if measurements.shape != truth.shape:
        raise ValueError(f"measurements are of {measurements.shape} matrices, the target has shape {truth.shape}")
    size, k_max = len(settings), max(s.k for s in settings)
    f, g = np.zeros((size, n1, k_max)), np.zeros((size, n2, k_max))
    for i, (setting, start) in enumerate(zip(settings, starts)):
        check_setting(setting, target)
        f[i, :, : setting.k], g[i, :, : setting.k] = setting.initial(start)
    steps = np.unique(np.asarray(snapshots, dtype=np.int64))
    errors, residuals = np.empty((2, size, n_steps + 1))
    switched, factors = np.full(size, -1), [[] for _ in settings]
    gradient_noise = measurements.noise @ measurements.matrix
    noise_sq = measurements.noise @ measurements.noise
    at, eta = set(steps.tolist()), np.array([s.eta for s in settings])
    mirror, scaled = (
        np.array([test(s) for s in settings]) for test in (lambda s: s.symmetric, lambda s: s.damping is not None)
    )
    live = np.arange(size)  # rows of f and g belong to these settings
    waiting = {i for i, s in enumerate(settings) if s.beta}

    def keep(row, setting):
        factors[setting].append((f[row, :, : settings[setting].k].copy(), g[row, :, : settings[setting].k].copy()))

    for t in range(n_steps + 1):
        d = f @ g.transpose(0, 2, 1) - truth
        flat = d.reshape(len(live), -1)
        e = flat @ measurements.normal
        errors[live, t] = np.sqrt(np.einsum("ij,ij->i", flat, flat))
        square = np.einsum("ij,ij->i", flat, e) - 2 * flat @ gradient_noise + noise_sq
        residuals[live, t] = np.sqrt(np.maximum(square, 0))
        bad = live[~(errors[live, t] <= 100 * errors[live, 0])]
        if len(bad):
            raise diverged(t, settings[bad[0]].eta)
        e -= gradient_noise
        e = e.reshape(d.shape)
        watched = errors if trigger == "error" else residuals
        for i in [i for i in waiting if watched[i, t] < settings[i].trigger]:  # the product, hence e, is unchanged
            row, k = np.searchsorted(live, i), settings[i].k
            f[row, :, :k], g[row, :, :k] = imbalance_step(f[row, :, :k], g[row, :, :k], settings[i].beta)
            switched[i] = t
            waiting.remove(i)
        if t in at:
            for row, i in enumerate(live):
                keep(row, i)
        same = np.flatnonzero(mirror[live])
        if len(same):
            e[same] = (e[same] + e[same].transpose(0, 2, 1)) / 2
        if t == n_steps:
            break
        going = errors[live, t] >= stop
        if not going.all():
            for row in np.flatnonzero(~going):
                i = live[row]
                errors[i, t:], residuals[i, t:] = errors[i, t], residuals[i, t]
                for _ in range(np.sum(steps > t)):
                    keep(row, i)
            waiting -= set(live[~going].tolist())
            live, f, g, e = live[going], f[going], g[going], e[going]
            if not len(live):
                break
        df, dg = e @ g, e.transpose(0, 2, 1) @ f
        for row in np.flatnonzero(scaled[live]):
            i = live[row]
            s = settings[i]
            fi, gi = f[row, :, : s.k], g[row, :, : s.k]
            ridge = max(s.damping * errors[i, t] if s.relative else s.damping, MIN_DAMPING) * np.eye(s.k)
            df[row, :, : s.k] = np.linalg.solve(gi.T @ gi + ridge, df[row, :, : s.k].T).T
            dg[row, :, : s.k] = np.linalg.solve(fi.T @ fi + ridge, dg[row, :, : s.k].T).T
        step = eta[live, None, None]
        f -= step * df
        g -= step * dg
        same = np.flatnonzero(mirror[live])
        if len(same):
            g[same] = f[same]
    return Descent(errors, switched, steps, factors, residuals)
