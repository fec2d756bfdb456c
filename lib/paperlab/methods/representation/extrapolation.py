"""Intervention extrapolation: an autoencoder whose code is linear in the actions on average, then a control function.

Actions A, tried on a limited support only, shift a hidden Z linearly, Z = M0 A + V. Seen are a mixture X = g0(Z) and an
outcome Y = l(Z) + U whose noise U depends on V. ``draw_world`` makes such worlds, with the exact effect of every action;
``train_autoencoders`` learns codes of X under the linear invariance constraint; ``ControlFunction`` and
``network_effects`` turn a code into effects of actions that nobody has tried.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.distance import pdist

from paperlab.methods.foundations.nets import StackedMLP, train

SLOPE = 0.2  # of the leaky rectifiers in the mixing


def check_actions(a):
    """Actions as a float array (n, k); refused when a combination of them is constant, since W is then undefined."""
    a = np.asarray(a, float)
    if a.ndim != 2:
        raise ValueError(f"a has shape {a.shape}: give the actions as an array (n, k)")
    if np.linalg.matrix_rank(a - a.mean(0), tol=1e-9 * max(1.0, np.abs(a).max()) * len(a) ** 0.5) < a.shape[1]:
        raise ValueError("A has no variation in some direction: drop constant or collinear actions")
    return a


def residuals(values, a):
    """Residuals of the columns of ``values`` (n, p) after least squares on (1, a)."""
    q, _ = np.linalg.qr(np.column_stack([np.ones(len(a)), a]))
    return values - q @ (q.T @ values)


def bandwidth(a):
    """Median distance between two of the first 500 actions (n, k): the width of the kernel."""
    return np.median(pdist(a[:500]))


def kernel_factor(a, tol=1e-6, max_rank=400):
    """A thin L with L L' = K up to ``tol``, K the Gaussian kernel matrix of the rows of ``a`` (n, k).

    Cholesky steps, each at the largest remaining diagonal entry, until the share ``tol`` of the trace is left or ``max_rank``
    columns are there; the n x n matrix is never formed.
    """
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


def moment_factor(a, tol=1e-6, max_rank=400):
    """A thin F with F F' = (I - P) K (I - P): the penalty of any code is |F' code|^2 / n^2.

    P projects on (1, A), K is the Gaussian kernel of the actions (n, k). The penalty of a code of variance 1 is off by at
    most ``tol`` per coordinate, see `kernel_factor`.

    Returns
    -------
    ndarray, shape (n, r)
    """
    a = check_actions(a)
    return residuals(kernel_factor(a, tol, max_rank), a)


def penalty(code, factor):
    """Q = tr(R' K R) / n^2 of a code (n, d), R its residuals on (1, A), by a factor of `moment_factor`."""
    return float(((factor.T @ code) ** 2).sum() / len(code) ** 2)


@dataclass(frozen=True)
class Codes:
    """Codes (M, n, d) of mean 0 and variance 1; per member: reconstruction error, penalty as trained, penalty of the code."""

    code: np.ndarray
    reconstruction: np.ndarray
    trained_penalty: np.ndarray
    penalty: np.ndarray


def train_autoencoders(
    samples, lams, seeds, *, factors=None, standardise=True, steps=500, width=32, depth=3, rate=2e-3
):
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
    steps, width, depth, rate
        Full-batch steps; width and number of hidden layers of encoder and decoder; first learning rate.

    Returns
    -------
    Codes
    """
    if len({sample.x.shape for sample in samples}) != 1:
        raise ValueError("samples differ in shape: stack data sets with the same n and m")
    if not len(samples) == len(lams) == len(seeds):
        raise ValueError(f"{len(samples)} samples, {len(lams)} lams, {len(seeds)} seeds: give one of each per member")
    if min(lams) < 0:
        raise ValueError(f"lams = {list(lams)}: a penalty must not be negative")
    n, d = samples[0].z.shape
    n_members, m = len(samples), samples[0].x.shape[1]
    x = tensor(np.stack([(s.x - s.x.mean(0)) / s.x.std(0) for s in samples]))
    factors = [moment_factor(s.a) for s in samples] if factors is None else factors
    rank = max(f.shape[1] for f in factors)
    f = tensor(np.stack([np.pad(f, ((0, 0), (0, rank - f.shape[1]))) for f in factors])).mT.contiguous()
    lam = tensor(lams)
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

    train(loss, [*encoder.parameters(), *decoder.parameters()], steps=steps, rate=rate)
    with torch.no_grad():
        reconstruction, q, standard = parts()
        found = [standard, reconstruction, q, moments(standard)]
    return Codes(*[part.double().numpy() for part in found])


def tensor(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)


def r_squared(z, code):
    """Share of the variance of z (n, d) explained by an affine function of the code (n, p), over all coordinates."""
    return 1 - residuals(z, code).var(0).sum() / z.var(0).sum()
