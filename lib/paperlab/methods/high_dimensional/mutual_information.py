"""Mutual information of many covariates with one outcome, from FFT kernel densities or from bins.

Page ``robust_high_dim``, part 2. Values are in nats.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import fft

from paperlab.methods.foundations.checks import codes, finite
from paperlab.methods.high_dimensional.bandwidths import (
    at_least,
    bin_linearly,
    faulty_sheather_jones,
    improved_sheather_jones,
    one_variable,
    silverman,
)

ROOT5 = np.sqrt(5.0)
BLOCK = 32  # columns transformed together


def _columns(x, n_rows):
    """Covariates (n, p) as floats, none of them constant, as many rows as the outcome has."""
    x = finite("x", x)
    if x.ndim != 2 or len(x) != n_rows:
        raise ValueError(f"y must have one value for each row of x (n, p), got {n_rows} values and shape {x.shape}")
    flat = np.flatnonzero(x.max(axis=0) == x.min(axis=0))
    if flat.size:
        raise ValueError(f"x: column {flat[0]} is constant; leave it out, its mutual information is 0")
    return x


def _pair(x, y):
    y = one_variable("y", y)
    return _columns(x, y.size), y


def _faulty_in_standard_units(x):
    scale = x.std()
    return faulty_sheather_jones(x / scale) * scale


RULES = {"isj": improved_sheather_jones, "silverman": silverman, "faulty isj": _faulty_in_standard_units}


def _rule(bandwidth):
    """The function behind the name of a rule, or a ValueError."""
    if bandwidth not in RULES:
        raise ValueError(f"bandwidth must be one of {', '.join(map(repr, RULES))}, got {bandwidth!r}")
    return RULES[bandwidth]


def column_bandwidths(x, rule="isj"):
    """Bandwidth of every column, once for all outcomes that are compared with the same columns.

    Parameters
    ----------
    x : array_like, shape (n, p)
    rule : {"isj", "silverman", "faulty isj"}

    Returns
    -------
    ndarray, shape (p,)
        Standard deviation of the kernel, in the unit of each column.

    Raises
    ------
    ValueError
        For constant or non-finite columns, or an unknown rule.
    """
    chosen = _rule(rule)
    x = _columns(x, len(np.atleast_1d(x)))
    return np.array([chosen(column) for column in np.ascontiguousarray(x.T)])


def _widths(widths, x, rule):
    """Bandwidths (p,) of the columns of x: those given, checked, or those of the rule."""
    if widths is None:
        return column_bandwidths(x, rule)
    widths = finite("widths", widths)
    if widths.shape != x.shape[1:] or not (widths > 0).all():
        raise ValueError(
            f"widths must be {x.shape[1]} positive bandwidths, one for each column, got shape {widths.shape}; "
            "column_bandwidths gives them"
        )
    return widths


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


@dataclass(frozen=True)
class Density:
    """Joint density (n_grid, n_grid) of two variables, and the axes (n_grid,) of its grid in data units."""

    density: np.ndarray
    axis_x: np.ndarray
    axis_y: np.ndarray


def density(x, y, *, n_grid=100, bandwidth="isj"):
    """Joint density of two variables on a grid by FFT.

    Parameters
    ----------
    x, y : array_like, shape (n,)
    n_grid, bandwidth
        As for `fft_kde`.

    Returns
    -------
    Density

    Raises
    ------
    ValueError
        As `fft_kde`.
    """
    y = one_variable("y", y)
    x = _columns(np.asarray(x)[:, None], y.size)[:, 0]
    n_grid, rule = at_least("n_grid", n_grid, 16, 300), _rule(bandwidth)
    h = rule(x), rule(y)
    mass, axes = _masses([x / h[0]], y / h[1], n_grid)
    (low_u, step_u), (low_v, step_v) = axes[0]
    points = np.arange(n_grid)
    cell = step_u * step_v * h[0] * h[1]
    return Density(mass[0] / cell, (low_u + step_u * points) * h[0], (low_v + step_v * points) * h[1])


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


def fft_kde(x, y, *, n_grid=100, bandwidth="isj", widths=None):
    """Mutual information of every column with a continuous outcome, from FFT kernel densities.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
    n_grid : int
        Points on each axis, at least 16; the paper has 300.
    bandwidth : {"isj", "silverman", "faulty isj"}
        Rule applied to each variable by itself. The kernel is Epanechnikov's in the Euclidean norm.
    widths : array_like, shape (p,), optional
        What the rule gives for the columns of x, where it is known (`column_bandwidths`).

    Returns
    -------
    ndarray, shape (p,)
        Nats, not negative: the marginals are sums of the same grid. Transforms are in single precision.

    Raises
    ------
    ValueError
        For constant or non-finite data, shapes that do not match, a grid below 16, widths that are not positive, or an
        unknown rule.

    Notes
    -----
    Page ``robust_high_dim``, part 2: ``I = sum p log(p / (p_x p_y))`` over the grid.
    """
    x, y = _pair(x, y)
    n_grid, rule = at_least("n_grid", n_grid, 16, 300), _rule(bandwidth)
    v = y / rule(y)
    widths = _widths(widths, x, bandwidth)
    out = np.empty(x.shape[1])
    for start in range(0, x.shape[1], BLOCK):
        part = [np.ascontiguousarray(c) for c in x[:, start : start + BLOCK].T]
        scaled = [c / h for c, h in zip(part, widths[start : start + BLOCK])]
        mass, _ = _masses(scaled, v, n_grid, np.float32)
        out[start : start + len(part)] = [_information(m) for m in mass]
    return out


def class_kde(x, labels, *, n_grid=500, bandwidth="isj", widths=None):
    """Mutual information of every column with a class: one FFT density for each class, same bandwidth.

    Parameters
    ----------
    x : array_like, shape (n, p)
    labels : array_like, shape (n,)
        Class of each row, any labels.
    n_grid, bandwidth, widths
        As for `fft_kde`; the paper's grid on a line has 500 points.

    Returns
    -------
    ndarray, shape (p,)
        Nats, between 0 and the entropy of the classes.

    Raises
    ------
    ValueError
        For constant or non-finite columns, a missing label, one class only, a grid below 16, widths that are
        not positive, or an unknown rule.
    """
    code = codes("labels", labels)
    members = [np.flatnonzero(code == c) for c in range(code.max() + 1)]
    if len(members) < 2:
        raise ValueError("labels name one class only; its mutual information with anything is 0")
    x = _columns(x, code.size)
    n_grid = at_least("n_grid", n_grid, 16, 500)
    widths = _widths(widths, x, bandwidth)
    binned = np.empty((x.shape[1], len(members), n_grid))
    kernels = np.empty((x.shape[1], 1, n_grid))
    wrapped = np.minimum(np.arange(n_grid), n_grid - np.arange(n_grid))
    for j, column in enumerate(np.ascontiguousarray(x.T)):
        u = column / widths[j]
        low, step = _axis(u, n_grid)
        for k, rows in enumerate(members):
            binned[j, k] = bin_linearly(u[rows], low, step, n_grid) * (rows.size / u.size)
        kernels[j] = np.maximum(1 - (step * wrapped) ** 2 / 5, 0) * (0.75 / ROOT5 * step)
    smooth = fft.irfft(fft.rfft(binned) * fft.rfft(kernels), n=n_grid)
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


def binned(x, y, *, n_bins=10, n_bins_y=None):
    """Mutual information of every column with y from bins of equal width.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
    n_bins, n_bins_y : int
        Bins of each column and of y, at least 2; as many for y as for x by default, 2 for a binary outcome.

    Returns
    -------
    ndarray, shape (p,)
        Nats.

    Raises
    ------
    ValueError
        For constant or non-finite data, shapes that do not match, or fewer than two bins.

    Examples
    --------
    >>> x = np.repeat([0.0, 1.0], 50)
    >>> binned(x[:, None], x, n_bins=2).round(3)  # two equal halves: log 2
    array([0.693])
    """
    x, y = _pair(x, y)
    n_bins = at_least("n_bins", n_bins, 2, 10)
    n_bins_y = n_bins if n_bins_y is None else at_least("n_bins_y", n_bins_y, 2, 10)
    return np.array([_information(_table(c, y, n_bins, n_bins_y)) for c in np.ascontiguousarray(x.T)])


def pearson(x, y):
    """Absolute correlation of every column with y.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)

    Returns
    -------
    ndarray, shape (p,)

    Raises
    ------
    ValueError
        For constant or non-finite data, or shapes that do not match.
    """
    x, y = _pair(x, y)
    centred = y - y.mean()
    return np.abs(centred @ (x - x.mean(axis=0))) / (len(y) * x.std(axis=0) * y.std())
