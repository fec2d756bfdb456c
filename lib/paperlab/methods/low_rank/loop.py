"""The compiled loop of gradient descent on factors; many runs side by side. Called by `factorization.descend`.

The last axis of every array counts runs ("lanes"), so that the innermost loops are long and contiguous.
"""

import numpy as np
from numba import njit

from paperlab.methods.foundations.small_matrices import inverse

MIN_DAMPING = 1e-14  # of the first error: keeps the preconditioner invertible when the error is rounding
DIVERGED = 100.0  # times the first error


@njit(cache=True)
def _precondition(step, x, lane, damping, work):
    """Multiply ``step[:, :, lane]`` by (x'x + damping I)^-1 from the right, in place."""
    gram, inverted, row = work
    k = x.shape[1]
    gram[:] = 0.0
    for i in range(x.shape[0]):
        for a in range(k):
            for b in range(k):
                gram[a, b] += x[i, a, lane] * x[i, b, lane]
    for a in range(k):
        gram[a, a] += damping
    inverse(gram, inverted)
    for i in range(step.shape[0]):
        row[:] = 0.0
        for a in range(k):
            for b in range(k):
                row[b] += step[i, a, lane] * inverted[a, b]
        for a in range(k):
            step[i, a, lane] = row[a]


@njit(cache=True)
def _residual(core, f, g, d, errors):
    """``d = f g' - core`` and its norm, lane by lane."""
    lanes = f.shape[2]
    errors[:] = 0.0
    for i in range(core.shape[0]):
        for j in range(core.shape[1]):
            for b in range(lanes):
                d[i, j, b] = -core[i, j]
            for l in range(f.shape[1]):
                for b in range(lanes):
                    d[i, j, b] += f[i, l, b] * g[j, l, b]
            for b in range(lanes):
                errors[b] += d[i, j, b] * d[i, j, b]
    for b in range(lanes):
        errors[b] = np.sqrt(errors[b])


@njit(cache=True)
def _gradient(d, x, out):
    """``out = d x``, lane by lane."""
    out[:] = 0.0
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            for l in range(x.shape[1]):
                for b in range(x.shape[2]):
                    out[i, l, b] += d[i, j, b] * x[j, l, b]


@njit(cache=True)
def _gradient_transposed(d, x, out):
    """``out = d' x``, lane by lane."""
    out[:] = 0.0
    for i in range(d.shape[0]):
        for j in range(d.shape[1]):
            for l in range(x.shape[1]):
                for b in range(x.shape[2]):
                    out[j, l, b] += d[i, j, b] * x[i, l, b]


@njit(cache=True)
def _move(x, step, eta):
    """``x -= eta step``, lane by lane."""
    for i in range(x.shape[0]):
        for l in range(x.shape[1]):
            for b in range(x.shape[2]):
                x[i, l, b] -= eta[b] * step[i, l, b]


@njit(cache=True)
def _needs_attention(errors, first, stop_below):
    """The first lane that has diverged or fallen below its mark; -1 if there is none."""
    for b in range(errors.size):
        if not errors[b] <= DIVERGED * first[b] or errors[b] < stop_below[b]:
            return b
    return -1


@njit(cache=True)
def run_lanes(core, points, rules, start, record):
    """Run all lanes from step ``start`` until the end, or until a lane needs attention.

    Parameters
    ----------
    core : ndarray, shape (n1, n2)
    points : (f, g)
        Factors (n1, k, lanes) and (n2, k, lanes), moved in place.
    rules : (symmetric, eta, damping, relative, stop_below)
        One flag, then arrays (lanes,): step size; damping of the preconditioner (0: none), times the error where
        ``relative``; error below which a lane needs attention.
    start : int
    record : (errors, steps, f_out, g_out)
        Errors (n_steps + 1, lanes) to fill, and the factors at the given steps.

    Returns
    -------
    t, lane : int
        The step and the lane whose error fell below its ``stop_below`` or exceeded 100 times its start; lane -1 at the
        end. Factors are those before step t.
    """
    f, g = points
    symmetric, eta, damping, relative, stop_below = rules
    errors, steps, f_out, g_out = record
    k, lanes = f.shape[1], f.shape[2]
    d = np.empty((core.shape[0], core.shape[1], lanes))
    df, dg = np.empty_like(f), np.empty_like(g)
    work = np.empty((k, k)), np.empty((k, k)), np.empty(k)
    snap = np.searchsorted(steps, start)
    for t in range(start, errors.shape[0]):
        _residual(core, f, g, d, errors[t])
        lane = _needs_attention(errors[t], errors[0], stop_below)
        if lane >= 0:
            return t, lane
        if snap < len(steps) and steps[snap] == t:
            f_out[snap], g_out[snap] = f, g
            snap += 1
        if t == errors.shape[0] - 1:
            break
        _gradient(d, g, df)
        if not symmetric:
            _gradient_transposed(d, f, dg)
        for b in range(lanes):
            if damping[b] > 0.0:
                lam = max(damping[b] * errors[t, b] if relative[b] else damping[b], MIN_DAMPING * errors[0, b])
                _precondition(df, g, b, lam, work)
                if not symmetric:
                    _precondition(dg, f, b, lam, work)
        _move(f, df, eta)
        if symmetric:
            g[:] = f
        else:
            _move(g, dg, eta)
    return errors.shape[0] - 1, -1
