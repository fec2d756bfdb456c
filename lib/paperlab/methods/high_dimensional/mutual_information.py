"""Mutual information of many covariates with one outcome: FFT kernel density, bins; and the screening design.

Page ``robust_high_dim``, part 2. Values are in nats.
"""

import numpy as np
from numba import njit
from scipy import fft

ROOT5 = np.sqrt(5.0)
BLOCK = 32


def _checked(x, y):
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 2 or y.shape != (len(x),):
        raise ValueError(f"y must have one value for each row of x (n, p), got shapes {y.shape} and {x.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x and y must be finite; drop or fill missing values first")
    flat = np.flatnonzero(x.max(axis=0) == x.min(axis=0))
    if flat.size:
        raise ValueError(f"column {flat[0]} is constant; leave it out, its mutual information is 0")
    if y.max() == y.min():
        raise ValueError("y is constant; its mutual information with anything is 0")
    return x, y


@njit(cache=True)
def _bin_linearly(x, low, step, g):
    """Weights of n points on g equidistant grid points, shared between the two neighbours."""
    out = np.zeros(g)
    for v in x:
        t = (v - low) / step
        i = int(t)
        out[i] += i + 1 - t
        out[i + 1] += t - i
    return out / x.size


@njit(cache=True)
def _gap(t, n, a2):
    """Botev's fixed-point equation t - xi gamma^[5](t); terms below 1e-17 are left out."""
    f = 0.0
    for stage in range(6):
        s = 7 - stage
        if stage:
            product = 1.0
            for odd in range(1, 2 * s, 2):
                product *= odd
            const = (1 + 0.5 ** (s + 0.5)) / 3 * product / np.sqrt(2 * np.pi)
            time = (2 * const / (n * f)) ** (2 / (3 + 2 * s))
        else:
            time = t
        f = 0.0
        # exp(-(pi k)^2 t) follows from its neighbour: the ratio itself shrinks by a constant factor
        ratio = np.exp(-(np.pi**2) * time)
        square, fall = ratio * ratio, 1.0
        for k in range(1, a2.size + 1):
            fall *= ratio
            ratio *= square
            if fall < 1e-17:
                break
            power = 1.0
            for _ in range(s):
                power *= k * k
            f += power * a2[k - 1] * fall
        f *= 0.5 * np.pi ** (2 * s)
        if f <= 0:
            return -1.0
    return t - (2 * n * np.sqrt(np.pi) * f) ** -0.4


@njit(cache=True)
def _smallest_root(n, a2):
    """Regula falsi (Illinois) on (0, top], top doubled until the sign changes; nan if it never does."""
    top = 1e-11 + 0.01 * (max(min(1050, n), 50) - 50) / 1000
    low, f_low, f_top = 0.0, _gap(0.0, n, a2), _gap(top, n, a2)
    while f_top <= 0:
        top *= 2
        if top >= 1:
            return np.nan
        f_top = _gap(top, n, a2)
    for _ in range(100):
        middle = (low * f_top - top * f_low) / (f_top - f_low)
        value = _gap(middle, n, a2)
        if abs(value) < 1e-9 * middle:
            return middle
        if value <= 0:
            low, f_low, f_top = middle, value, f_top / 2
        else:
            top, f_top, f_low = middle, value, f_low / 2
    return middle


def silverman(x):
    """Silverman's rule ``(4 / 3 n)^(1/5) min(sd, IQR / 1.349)`` for one variable."""
    x = np.asarray(x, float)
    q = np.percentile(x, [25, 75])
    spread = min(x.std(ddof=1), (q[1] - q[0]) / 1.3489795003921634) or x.std(ddof=1)
    return spread * (0.75 * x.size) ** -0.2


def improved_sheather_jones(x, n_grid=1024):
    """Bandwidth of Botev, Grotowski and Kroese's plug-in rule (a standard deviation).

    Parameters
    ----------
    x : array_like, shape (n,)
    n_grid : int
        Points of the grid on which the data are binned.

    Returns
    -------
    float
        Silverman's bandwidth where the equation has no root, which happens with few distinct values.
    """
    x = np.asarray(x, float)
    low, high = x.min(), x.max()
    margin = max(0.5 * (high - low), 6.0)
    binned = _bin_linearly(x, low - margin, (high - low + 2 * margin) / (n_grid - 1), n_grid)
    a2 = fft.dct(binned)[1:] ** 2
    root = _smallest_root(np.unique(x).size, a2)
    return np.sqrt(root) * (high - low) if root > 0 else silverman(x)


def _bandwidth(x, rule):
    if rule == "isj":
        # the rule's grid has a margin of 6 units, so data come in units of their standard deviation
        scale = x.std()
        return improved_sheather_jones(x / scale) * scale
    if rule == "silverman":
        return silverman(x)
    raise ValueError(f"bandwidth must be 'isj' or 'silverman', got {rule!r}")


def _axis(values, g):
    """Grid in units of the bandwidth, wide enough that no kernel reaches around its ends."""
    low, high = values.min() - ROOT5 - 0.01, values.max() + ROOT5 + 0.01
    return low, (high - low) / (g - 1)


@njit(cache=True)
def _bin_plane(u, v, low_u, step_u, low_v, step_v, g, out):
    weight = 1.0 / u.size
    for i in range(u.size):
        a, b = (u[i] - low_u) / step_u, (v[i] - low_v) / step_v
        j, k = int(a), int(b)
        a, b = a - j, b - k
        out[j, k] += weight * (1 - a) * (1 - b)
        out[j, k + 1] += weight * (1 - a) * b
        out[j + 1, k] += weight * a * (1 - b)
        out[j + 1, k + 1] += weight * a * b


@njit(cache=True)
def _kernel_plane(step_u, step_v, g, out):
    """Radial Epanechnikov kernel with unit standard deviation on each axis scale, wrapped around the corner."""
    for j in range(g):
        du = step_u * min(j, g - j)
        if du >= ROOT5:
            continue
        for k in range(g):
            dv = step_v * min(k, g - k)
            rest = 1 - (du * du + dv * dv) / 5
            if rest > 0:
                out[j, k] = rest * 2 / (5 * np.pi)


@njit(cache=True)
def _information(mass):
    """Mutual information of a table of non-negative masses."""
    rows, columns = np.zeros(mass.shape[0]), np.zeros(mass.shape[1])
    total, joint = 0.0, 0.0
    for j in range(mass.shape[0]):
        for k in range(mass.shape[1]):
            m = mass[j, k]
            if m > 1e-8:  # below is rounding of the transforms
                rows[j] += m
                columns[k] += m
                total += m
                joint += m * np.log(m)
    for margin in (rows, columns):
        for m in margin:
            if m > 0:
                joint -= m * np.log(m)
    return joint / total + np.log(total)


def density(x, y, *, grid=100, bandwidth="isj"):
    """Joint density of two variables on a grid by FFT, and the grid axes in data units.

    Returns
    -------
    density : ndarray, shape (grid, grid)
    axis_x, axis_y : ndarray, shape (grid,)
    """
    x, y = _checked(np.asarray(x, float)[:, None], y)
    h = _bandwidth(x[:, 0], bandwidth), _bandwidth(y, bandwidth)
    mass, axes = _masses([x[:, 0] / h[0]], y / h[1], grid)
    (low_u, step_u), (low_v, step_v) = axes[0]
    points = np.arange(grid)
    cell = step_u * step_v * h[0] * h[1]
    return mass[0] / cell, (low_u + step_u * points) * h[0], (low_v + step_v * points) * h[1]


def _masses(columns, v, g, dtype=np.float64):
    """Smoothed masses of each column (in bandwidths) with v (in bandwidths): shape (len(columns), g, g)."""
    binned, kernels = np.zeros((2, len(columns), g, g), dtype)
    axis_v, axes = _axis(v, g), []
    for i, u in enumerate(columns):
        axis_u = _axis(u, g)
        _bin_plane(u, v, *axis_u, *axis_v, g, binned[i])
        _kernel_plane(axis_u[1], axis_v[1], g, kernels[i])
        kernels[i] *= axis_u[1] * axis_v[1]
        axes.append((axis_u, axis_v))
    smooth = fft.irfft2(fft.rfft2(binned) * fft.rfft2(kernels), s=(g, g))
    return smooth, axes


def fft_kde(x, y, *, grid=100, bandwidth="isj"):
    """Mutual information of every column with a continuous outcome, from FFT kernel densities.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
    grid : int
        Points on each axis; the paper has 300.
    bandwidth : {"isj", "silverman"}
        Rule applied to each variable by itself. The kernel is Epanechnikov's in the Euclidean norm.

    Returns
    -------
    ndarray, shape (p,)
        Nats, not negative: the marginals are sums of the same grid. Transforms are in single precision.

    Raises
    ------
    ValueError
        For constant or non-finite data, shapes that do not match, or a grid below 16.
    """
    x, y = _checked(x, y)
    if grid < 16:
        raise ValueError(f"grid must be at least 16, got {grid}; the paper has 300")
    v = y / _bandwidth(y, bandwidth)
    out = np.empty(x.shape[1])
    for start in range(0, x.shape[1], BLOCK):
        part = [np.ascontiguousarray(c) for c in x[:, start : start + BLOCK].T]
        mass, _ = _masses([c / _bandwidth(c, bandwidth) for c in part], v, grid, np.float32)
        out[start : start + len(part)] = [_information(m) for m in mass]
    return out


def class_kde(x, labels, *, grid=500, bandwidth="isj"):
    """Mutual information of every column with a class: one FFT density for each class, same bandwidth.

    Parameters
    ----------
    x, labels : array_like, shapes (n, p) and (n,)
    grid, bandwidth
        As for `fft_kde`; the paper's grid on a line has 500 points.

    Returns
    -------
    ndarray, shape (p,)
    """
    x, labels = _checked(x, labels)
    members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    binned = np.empty((x.shape[1], len(members), grid))
    kernels = np.empty((x.shape[1], 1, grid))
    wrapped = np.minimum(np.arange(grid), grid - np.arange(grid))
    for j, column in enumerate(np.ascontiguousarray(x.T)):
        u = column / _bandwidth(column, bandwidth)
        low, step = _axis(u, grid)
        for k, rows in enumerate(members):
            binned[j, k] = _bin_linearly(u[rows], low, step, grid) * (rows.size / u.size)
        kernels[j] = np.maximum(1 - (step * wrapped) ** 2 / 5, 0) * (0.75 / ROOT5 * step)
    smooth = fft.irfft(fft.rfft(binned) * fft.rfft(kernels), n=grid)
    return np.array([_information(m) for m in smooth])


@njit(cache=True)
def _table(x, y, bins_x, bins_y):
    out = np.zeros((bins_x, bins_y))
    low_x, low_y = x.min(), y.min()
    width_x, width_y = (x.max() - low_x) / bins_x, (y.max() - low_y) / bins_y
    for i in range(x.size):
        j = min(int((x[i] - low_x) / width_x), bins_x - 1)
        k = min(int((y[i] - low_y) / width_y), bins_y - 1)
        out[j, k] += 1.0 / x.size
    return out


def binned(x, y, bins=10, bins_y=None):
    """Mutual information of every column with y from equal-width bins; ``bins_y=2`` for a binary outcome."""
    x, y = _checked(x, y)
    if bins < 2:
        raise ValueError(f"bins must be at least 2, got {bins}")
    return np.array([_information(_table(c, y, bins, bins_y or bins)) for c in np.ascontiguousarray(x.T)])


def pearson(x, y):
    """Absolute correlation of every column with y."""
    x, y = _checked(x, y)
    centred = y - y.mean()
    return np.abs(centred @ (x - x.mean(axis=0))) / (len(y) * x.std(axis=0) * y.std())
