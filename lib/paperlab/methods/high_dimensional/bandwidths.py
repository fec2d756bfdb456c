"""Bandwidths of kernel densities on a line: Silverman's rule, that of Sheather and Jones, and its faulty twin.

Page ``robust_high_dim``, part 2.
"""

import numpy as np
from numba import njit
from scipy import fft

from paperlab.methods.foundations.checks import finite

LARGEST_GRID = 2**16  # points; what is not resolved there is a tie
STEPS_PER_BANDWIDTH = 4  # at least, or the grid itself smooths


def one_variable(name, x):
    """One variable as a float array, or a ValueError that says what is wrong with it."""
    x = finite(name, x)
    if x.ndim != 1:
        raise ValueError(f"{name} must be one variable, shape (n,), got shape {x.shape}")
    if x.size == 0 or x.max() == x.min():
        raise ValueError(f"{name} is constant; leave it out, nothing depends on it")
    return x


def at_least(name, value, least, usual):
    """A whole number not below ``least``, or a ValueError that names it and what is usual."""
    if int(value) != value or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value}; {usual} is usual")
    return int(value)


@njit(cache=True)
def bin_linearly(x, low, step, g):
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
    x = one_variable("x", x)
    quartiles = np.percentile(x, [25, 75])
    spread = min(x.std(ddof=1), (quartiles[1] - quartiles[0]) / 1.3489795003921634) or x.std(ddof=1)
    return float(spread * (0.75 * x.size) ** -0.2)


def _share_of_grid(x, n, n_grid, margin):
    """Root of the fixed-point equation (square of the bandwidth over that of the grid's length), and that length."""
    low = x.min() - margin
    step = (x.max() + margin - low) / (n_grid - 1)
    moments = fft.dct(bin_linearly(x, low, step, n_grid))[1:] ** 2
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
    x = one_variable("x", x)
    n_grid = at_least("n_grid", n_grid, 16, 1024)
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
    x = one_variable("x", x)
    data_range = x.max() - x.min()
    root, _ = _share_of_grid(x, np.unique(x).size, 1024, max(0.5 * data_range, 6.0))
    return float(np.sqrt(root) * data_range) if root > 0 else silverman(x)
