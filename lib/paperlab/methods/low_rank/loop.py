"""The compiled loop of gradient descent on factors; many runs side by side. Called by `paperlab.methods.factorization`."""

import numpy as np
from numba import njit

MIN_DAMPING = 1e-14  # keeps the preconditioner invertible when the error is rounding


@njit(cache=True)
def _inverse(a, out):
    """Inverse of a symmetric positive definite matrix by Gauss-Jordan steps (small k); overwrites ``a``."""
    k = len(a)
    out[:] = 0.0
    for i in range(k):
        out[i, i] = 1.0
    for i in range(k):
        pivot = a[i, i]
        for j in range(k):
            a[i, j] /= pivot
            out[i, j] /= pivot
        for row in range(k):
            if row != i:
                factor = a[row, i]
                for j in range(k):
                    a[row, j] -= factor * a[i, j]
                    out[row, j] -= factor * out[i, j]


@njit(cache=True)
def _precondition(step, x, lane, damping, gram, inverse, row):
    """Multiply ``step[:, :, lane]`` by (x'x + damping I)^-1 from the right, in place."""
    k = x.shape[1]
    gram[:] = 0.0
    for i in range(x.shape[0]):
        for a in range(k):
            for b in range(k):
                gram[a, b] += x[i, a, lane] * x[i, b, lane]
    for a in range(k):
        gram[a, a] += damping
    _inverse(gram, inverse)
    for i in range(step.shape[0]):
        row[:] = 0.0
        for a in range(k):
            for b in range(k):
                row[b] += step[i, a, lane] * inverse[a, b]
        for a in range(k):
            step[i, a, lane] = row[a]


@njit(cache=True)
def run_lanes(core, f, g, symmetric, eta, damping, relative, stop_below, start, errors, steps, f_out, g_out):
    """Run all lanes from step ``start`` until the end, or until a lane needs attention.

    The last axis of ``f`` (n1, k, lanes) and ``g`` (n2, k, lanes) counts runs, so that the innermost loops are long
    and contiguous. Returns ``(t, lane)``: the step and the lane whose error fell below its ``stop_below`` or exceeded 100 times
    its start; lane -1 at the end. Factors are those before step t.
    """
    n1, n2 = core.shape
    k, lanes = f.shape[1], f.shape[2]
    d = np.empty((n1, n2, lanes))
    df, dg = np.empty((n1, k, lanes)), np.empty((n2, k, lanes))
    gram, inverse, row = np.empty((k, k)), np.empty((k, k)), np.empty(k)
    total = np.empty(lanes)
    snap = 0
    while snap < len(steps) and steps[snap] < start:
        snap += 1
    for t in range(start, errors.shape[0]):
        total[:] = 0.0
        for i in range(n1):
            for j in range(n2):
                for b in range(lanes):
                    d[i, j, b] = -core[i, j]
                for l in range(k):
                    for b in range(lanes):
                        d[i, j, b] += f[i, l, b] * g[j, l, b]
                for b in range(lanes):
                    total[b] += d[i, j, b] * d[i, j, b]
        for b in range(lanes):
            errors[t, b] = np.sqrt(total[b])
        for b in range(lanes):
            if not errors[t, b] <= 100.0 * errors[0, b] or errors[t, b] < stop_below[b]:
                return t, b
        if snap < len(steps) and steps[snap] == t:
            f_out[snap], g_out[snap] = f, g
            snap += 1
        if t == errors.shape[0] - 1:
            break
        df[:] = 0.0
        for i in range(n1):
            for j in range(n2):
                for l in range(k):
                    for b in range(lanes):
                        df[i, l, b] += d[i, j, b] * g[j, l, b]
        if not symmetric:
            dg[:] = 0.0
            for i in range(n1):
                for j in range(n2):
                    for l in range(k):
                        for b in range(lanes):
                            dg[j, l, b] += d[i, j, b] * f[i, l, b]
        for b in range(lanes):
            if damping[b] > 0.0:
                lam = max(damping[b] * errors[t, b] if relative[b] else damping[b], MIN_DAMPING)
                _precondition(df, g, b, lam, gram, inverse, row)
                if not symmetric:
                    _precondition(dg, f, b, lam, gram, inverse, row)
        for i in range(n1):
            for l in range(k):
                for b in range(lanes):
                    f[i, l, b] -= eta[b] * df[i, l, b]
        if symmetric:
            g[:] = f
        else:
            for j in range(n2):
                for l in range(k):
                    for b in range(lanes):
                        g[j, l, b] -= eta[b] * dg[j, l, b]
    return errors.shape[0] - 1, -1
