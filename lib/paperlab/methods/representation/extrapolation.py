"""Intervention extrapolation: an autoencoder whose code is linear in the actions on average, then a control function.

Actions A, tried on a limited support only, shift a hidden Z linearly, Z = M0 A + V. Seen are a mixture X = g0(Z) and an
outcome Y = l(Z) + U whose noise U depends on V (`simulate_actions` makes such worlds). ``train_autoencoders`` learns
codes of X under the linear invariance constraint; `control_function` turns a code into effects of actions that nobody
has tried.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import pdist

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.foundations.nets import StackedMLP, train

SLOPE = 0.2  # of the leaky rectifiers in the mixing
LEARNING_RATE = 2e-3  # of the autoencoders at the first step


def check_actions(a):
    """Actions as a float array, if no combination of them is constant: W would be undefined.

    Parameters
    ----------
    a : array_like, shape (n, k)

    Returns
    -------
    ndarray, shape (n, k)

    Raises
    ------
    ValueError
        If a value is not finite, or an action is constant or a combination of others (names the column).
    """
    a = finite("a", a)
    if a.ndim != 2:
        raise ValueError(f"a must have shape (n, k), one column for each action, got {a.shape}")
    length = np.linalg.norm(a, axis=0)
    centred = a - a.mean(0)
    flat = np.flatnonzero(np.linalg.norm(centred, axis=0) <= 1e-10 * length)
    if flat.size:
        raise ValueError(f"a: column {flat[0]} has no variation; drop constant actions")
    full_rank("a", centred, scale=length)
    return a


def residuals(values, a):
    """Residuals after least squares on (1, a).

    Parameters
    ----------
    values, a : ndarray, shapes (n, p) and (n, k)
        Columns of ``a`` that are combinations of the constant and the columns before them add nothing.

    Returns
    -------
    ndarray, shape (n, p)
    """
    columns = np.column_stack([np.ones(len(a)), a])
    q, r = np.linalg.qr(columns)
    new = np.abs(np.diag(r)) > 1e-10 * np.linalg.norm(columns, axis=0)
    if not new.all():
        q = np.linalg.qr(columns[:, new])[0]
    return values - q @ (q.T @ values)


def bandwidth(a):
    """Width of the kernel: median distance between two of the first 500 actions.

    Parameters
    ----------
    a : ndarray, shape (n, k)

    Raises
    ------
    ValueError
        If most of these actions are the same.
    """
    width = np.median(pdist(a[:500]))
    if not width > 0:
        raise ValueError("a: more than half of the pairs of actions are equal, so their median distance is no width")
    return width


def kernel_factor(a, *, tol=1e-6, max_rank=400):
    """A thin L with L L' = K up to ``tol``, K the Gaussian kernel matrix of the rows of ``a``.

    Cholesky steps, each at the largest remaining diagonal entry, until the share ``tol`` of the trace is left or
    ``max_rank`` columns are there; the n x n matrix is never formed.

    Parameters
    ----------
    a : array_like, shape (n, k)
    tol : float
    max_rank : int

    Returns
    -------
    ndarray, shape (n, r)

    Raises
    ------
    ValueError
        If a value is not finite, or most rows are equal.
    """
    a = finite("a", a)
    width = bandwidth(a)
    left, columns = np.ones(len(a)), []
    while left.sum() > tol * len(a) and len(columns) < min(max_rank, len(a)):
        pivot = int(np.argmax(left))
        column = np.exp(-((a - a[pivot]) ** 2).sum(1) / (2 * width**2))
        if columns:
            done = np.array(columns)
            column = column - done[:, pivot] @ done
        columns.append(column / np.sqrt(left[pivot]))
        left = np.maximum(left - columns[-1] ** 2, 0)
    return np.array(columns).T


def moment_factor(a, *, tol=1e-6, max_rank=400):
    """A thin F with F F' = (I - P) K (I - P): the penalty of any code is |F' code|^2 / n^2.

    P projects on (1, A), K is the Gaussian kernel of the actions.

    Parameters
    ----------
    a : array_like, shape (n, k)
    tol, max_rank
        See `kernel_factor`: the penalty of a code of variance 1 is off by at most ``tol`` per coordinate.

    Returns
    -------
    ndarray, shape (n, r)

    Raises
    ------
    ValueError
        As `check_actions` and `bandwidth`.
    """
    a = check_actions(a)
    return residuals(kernel_factor(a, tol=tol, max_rank=max_rank), a)


def penalty(code, factor):
    """The penalty Q of a code, by a factor of `moment_factor`.

    Parameters
    ----------
    code, factor : array_like, shapes (n, d) and (n, r)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a value is not finite or the numbers of rows differ.

    Notes
    -----
    Page ``intervention_extrapolation``: ``Q = tr(R' K R) / n^2``, R the residuals of the code on (1, A).
    """
    code = finite("code", code)
    if len(code) != len(factor):
        raise ValueError(f"code must have the {len(factor)} rows of the factor, got {len(code)}")
    return float(((factor.T @ code) ** 2).sum() / len(code) ** 2)


def _standardised(samples, lams, seeds):
    """The observed mixtures (M, n, m), each column standardised, after a look at everything that is trained on."""
    if not len(samples) == len(lams) == len(seeds):
        raise ValueError(
            f"samples, lams and seeds must name one of each per member, got {len(samples)}, {len(lams)}, {len(seeds)}"
        )
    if len({sample.x.shape for sample in samples}) != 1:
        raise ValueError("samples differ in shape; stack data sets with the same n and m")
    if not min(lams) >= 0:
        raise ValueError(f"lams must not be negative, got {list(lams)}")
    for sample in samples:
        flat = np.flatnonzero(finite("x", sample.x).std(0) == 0)
        if flat.size:
            raise ValueError(f"x: column {flat[0]} is constant; leave it out")
    return np.stack([(s.x - s.x.mean(0)) / s.x.std(0) for s in samples])


@dataclass(frozen=True)
class Codes:
    """What M autoencoders learned.

    Attributes
    ----------
    code : ndarray, shape (M, n, d)
        Of mean 0 and variance 1.
    reconstruction : ndarray, shape (M,)
        Mean squared error of the standardised data.
    trained_penalty, penalty : ndarray, shape (M,)
        Q of the code as it was trained, and of the standardised one.
    """

    code: np.ndarray
    reconstruction: np.ndarray
    trained_penalty: np.ndarray
    penalty: np.ndarray


def train_autoencoders(samples, lams, seeds, *, factors=None, standardise=True, n_steps=500, width=32, depth=3):
    """Train M autoencoders in one stack (AE-MMR; lambda = 0: plain).

    The loss is the mean over units and coordinates of (x - psi(phi(x)))^2, plus lambda Q(phi), see `moment_factor`.

    Parameters
    ----------
    samples : sequence of Sample, length M
        The data of each member, all of one shape; the columns of X are standardised here. d is taken from z's width,
        its values are not used.
    lams, seeds : sequence, length M
        Penalty and seed of the networks of each member.
    factors : sequence of ndarray, optional
        Results of `moment_factor` for each member, where they are at hand already.
    standardise : bool or sequence of bool
        Whether the code is brought to mean 0, variance 1 before penalty and decoder. False is the trap: the penalty can
        then be removed by a small code.
    n_steps, width, depth : int
        Full-batch steps; width and number of hidden layers of encoder and decoder.

    Returns
    -------
    Codes

    Raises
    ------
    ValueError
        If samples differ in shape or number, a value is not finite, a column of x is constant or a penalty negative.
    """
    x = float32(_standardised(samples, lams, seeds))
    n, d = samples[0].z.shape
    n_members, m = len(samples), samples[0].x.shape[1]
    factors = [moment_factor(s.a) for s in samples] if factors is None else factors
    rank = max(f.shape[1] for f in factors)
    f = float32(np.stack([np.pad(f, ((0, 0), (0, rank - f.shape[1]))) for f in factors])).mT.contiguous()
    lam = float32(lams)
    free = torch.as_tensor(~np.broadcast_to(standardise, n_members)).reshape(-1, 1, 1)
    encoder = StackedMLP([m, *[width] * depth, d], seeds, slope=SLOPE)
    decoder = StackedMLP([d, *[width] * depth, m], [seed + 1 for seed in seeds], slope=SLOPE)

    def encode():
        raw = encoder(x)
        standard = (raw - raw.mean(1, keepdim=True)) / (raw.std(1, keepdim=True, correction=0) + 1e-12)
        return standard, torch.where(free, raw, standard)

    def moments(code):
        return (torch.bmm(f, code) ** 2).sum((1, 2)) / n**2

    def parts():
        standard, code = encode()
        return ((x - decoder(code)) ** 2).mean((1, 2)), moments(code), standard

    def loss(step):
        reconstruction, q, _ = parts()
        return reconstruction + lam * q

    train(loss, [*encoder.parameters(), *decoder.parameters()], n_steps=n_steps, learning_rate=LEARNING_RATE)
    with torch.no_grad():
        reconstruction, q, standard = parts()
        found = [standard, reconstruction, q, moments(standard)]
    return Codes(*[part.double().numpy() for part in found])


def float32(values):
    """Values as a tensor of single precision."""
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def r_squared(z, code):
    """Share of the variance of z explained by an affine function of the code, over all coordinates.

    Parameters
    ----------
    z, code : array_like, shapes (n, d) and (n, p)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a value is not finite, the numbers of rows differ or z is constant.

    Examples
    --------
    >>> z = np.arange(6.0)[:, None]
    >>> round(r_squared(z, 3 - 2 * z), 6)
    1.0
    """
    z, code = finite("z", z), finite("code", code)
    if z.ndim != 2 or code.ndim != 2 or len(z) != len(code):
        raise ValueError(f"z and code must be (n, d) and (n, p), got shapes {z.shape} and {code.shape}")
    total = z.var(0).sum()
    if not total > 0:
        raise ValueError("z is constant; there is no variance to explain")
    return float(1 - residuals(z, code).var(0).sum() / total)
