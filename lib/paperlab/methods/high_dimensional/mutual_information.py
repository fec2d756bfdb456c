"""Mutual information of many covariates with one outcome: FFT kernel densities under several bandwidths, and bins.

Page ``robust_high_dim``, part 2. Values are in nats.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import fft

from paperlab.methods.foundations.checks import codes, finite

ROOT5 = np.sqrt(5.0)
BLOCK = 32  # columns transformed together
LARGEST_GRID = 2**16  # points; what is not resolved there is a tie
STEPS_PER_BANDWIDTH = 4  # at least, or the grid itself smooths


def _line(name, x):
    """One variable as a float array, or a ValueError that says what is wrong with it."""
    x = finite(name, x)
    if x.ndim != 1:
        raise ValueError(f"{name} must be one variable, shape (n,), got shape {x.shape}")
    if x.size == 0 or x.max() == x.min():
        raise ValueError(f"{name} is constant; leave it out, nothing depends on it")
    return x


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
    y = _line("y", y)
    return _columns(x, y.size), y


def _at_least(name, value, least, usual):
    if int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value}; {usual} is usual")
    return int(value)


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
    """Silverman's rule ``(4 / 3 n)^(1/5) min(sd, IQR / 1.349)`` for one variable.

    Parameters
    ----------
    x : array_like, shape (n,)

    Returns
    -------
    float
        Standard deviation of the kernel, in the unit of x; the standard deviation alone stands in where the
        interquartile range is 0.

    Raises
    ------
    ValueError
        If x is constant or not finite.
    """
    x = _line("x", x)
    quartiles = np.percentile(x, [25, 75])
    spread = min(x.std(ddof=1), (quartiles[1] - quartiles[0]) / 1.3489795003921634) or x.std(ddof=1)
    return float(spread * (0.75 * x.size) ** -0.2)


def _share_of_grid(x, n, n_grid, margin):
    """Root of the fixed-point equation (square of the bandwidth over that of the grid's length), and that length."""
    low = x.min() - margin
    step = (x.max() + margin - low) / (n_grid - 1)
    moments = fft.dct(_bin_linearly(x, low, step, n_grid))[1:] ** 2
    return _smallest_root(n, moments), step * n_grid  # the cosines take each point for the middle of a cell


def improved_sheather_jones(x, *, n_grid=1024, margin=0.5):
    """Bandwidth of Botev, Grotowski and Kroese's plug-in rule (a standard deviation).

    Parameters
    ----------
    x : array_like, shape (n,)
    n_grid : int
        Points of the grid on which the data are binned, at least 16; doubled until four steps make one bandwidth.
    margin : float
        Part of the range of the data by which the grid is longer at each end, positive.

    Returns
    -------
    float
        In the unit of x. Silverman's bandwidth where the equation has no root above the resolution of 65,536 points,
        as with few values or many ties.

    Raises
    ------
    ValueError
        If x is constant or not finite, or a size is out of its range.

    Notes
    -----
    Botev, Grotowski and Kroese (2010), Annals of Statistics 38, 2916: ``t = xi gamma^[5](t)`` for data scaled to a unit
    interval. The root is scaled back by the length of that interval, which is the grid, not the range of the data.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(2000)
    >>> best = 1.06 * 2000**-0.2  # for a normal density
    >>> 0.8 < improved_sheather_jones(x) / best < 1.2
    True
    """
    x = _line("x", x)
    n_grid = _at_least("n_grid", n_grid, 16, 1024)
    if not 0 < margin < np.inf:
        raise ValueError(
            f"margin must be positive, got {margin}; without it the density would be reflected at the ends"
        )
    while n_grid <= LARGEST_GRID:
        root, length = _share_of_grid(x, x.size, n_grid, margin * (x.max() - x.min()))
        if not root > 0:
            break
        if np.sqrt(root) * n_grid >= STEPS_PER_BANDWIDTH:
            return float(np.sqrt(root) * length)
        n_grid *= 2
    return silverman(x)


def faulty_sheather_jones(x):
    """The same rule with the fault of KDEpy 1.1.12, a third to a half of the right bandwidth; for comparison only.

    The root belongs to a grid that is longer than the data, and is multiplied by the range of the *data* (KDEpy issue
    199). The grid's margin of at least 6 is in the unit of x, so the answer depends on it. The author's package
    takes its rule "ISJ" from there.

    Parameters
    ----------
    x : array_like, shape (n,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If x is constant or not finite.
    """
    x = _line("x", x)
    data_range = x.max() - x.min()
    root, _ = _share_of_grid(x, np.unique(x).size, 1024, max(0.5 * data_range, 6.0))
    return float(np.sqrt(root) * data_range) if root > 0 else silverman(x)


def _faulty_in_standard_units(x):
    scale = x.std()
    return faulty_sheather_jones(x / scale) * scale


RULES = {"isj": improved_sheather_jones, "silverman": silverman, "faulty isj": _faulty_in_standard_units}


def _rule(bandwidth):
    if bandwidth not in RULES:
        raise ValueError(f"bandwidth must be one of {', '.join(map(repr, RULES))}, got {bandwidth!r}")
    return RULES[bandwidth]


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
    y = _line("y", y)
    x = _columns(np.asarray(x)[:, None], y.size)[:, 0]
    n_grid, rule = _at_least("n_grid", n_grid, 16, 300), _rule(bandwidth)
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


def fft_kde(x, y, *, n_grid=100, bandwidth="isj"):
    """Mutual information of every column with a continuous outcome, from FFT kernel densities.

    Parameters
    ----------
    x, y : array_like, shapes (n, p) and (n,)
    n_grid : int
        Points on each axis, at least 16; the paper has 300.
    bandwidth : {"isj", "silverman", "faulty isj"}
        Rule applied to each variable by itself. The kernel is Epanechnikov's in the Euclidean norm.

    Returns
    -------
    ndarray, shape (p,)
        Nats, not negative: the marginals are sums of the same grid. Transforms are in single precision.

    Raises
    ------
    ValueError
        For constant or non-finite data, shapes that do not match, a grid below 16, or an unknown rule.

    Notes
    -----
    Page ``robust_high_dim``, part 2: ``I = sum p log(p / (p_x p_y))`` over the grid.
    """
    x, y = _pair(x, y)
    n_grid, rule = _at_least("n_grid", n_grid, 16, 300), _rule(bandwidth)
    v = y / rule(y)
    out = np.empty(x.shape[1])
    for start in range(0, x.shape[1], BLOCK):
        part = [np.ascontiguousarray(c) for c in x[:, start : start + BLOCK].T]
        mass, _ = _masses([c / rule(c) for c in part], v, n_grid, np.float32)
        out[start : start + len(part)] = [_information(m) for m in mass]
    return out


def class_kde(x, labels, *, n_grid=500, bandwidth="isj"):
    """Mutual information of every column with a class: one FFT density for each class, same bandwidth.

    Parameters
    ----------
    x : array_like, shape (n, p)
    labels : array_like, shape (n,)
        Class of each row, any labels.
    n_grid, bandwidth
        As for `fft_kde`; the paper's grid on a line has 500 points.

    Returns
    -------
    ndarray, shape (p,)
        Nats, between 0 and the entropy of the classes.

    Raises
    ------
    ValueError
        For constant or non-finite columns, a missing label, one class only, a grid below 16, or an unknown rule.
    """
    code = codes("labels", labels)
    members = [np.flatnonzero(code == c) for c in range(code.max() + 1)]
    if len(members) < 2:
        raise ValueError("labels name one class only; its mutual information with anything is 0")
    x = _columns(x, code.size)
    n_grid, rule = _at_least("n_grid", n_grid, 16, 500), _rule(bandwidth)
    binned = np.empty((x.shape[1], len(members), n_grid))
    kernels = np.empty((x.shape[1], 1, n_grid))
    wrapped = np.minimum(np.arange(n_grid), n_grid - np.arange(n_grid))
    for j, column in enumerate(np.ascontiguousarray(x.T)):
        u = column / rule(column)
        low, step = _axis(u, n_grid)
        for k, rows in enumerate(members):
            binned[j, k] = _bin_linearly(u[rows], low, step, n_grid) * (rows.size / u.size)
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
    n_bins = _at_least("n_bins", n_bins, 2, 10)
    n_bins_y = n_bins if n_bins_y is None else _at_least("n_bins_y", n_bins_y, 2, 10)
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
