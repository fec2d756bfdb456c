"""Scores of estimated latents: matched correlations, support of the Jacobian, blocks of latents that predict blocks."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata
from sklearn.kernel_ridge import KernelRidge

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.nets import train

SMALL_SHARE = 1e-12  # of the largest entry: stands for 0 in logarithms


@dataclass(frozen=True)
class Matching:
    """For each true latent the estimated one that stands for it, ``order`` (d_z,), and their ``correlation`` (d_z,)."""

    order: np.ndarray
    correlation: np.ndarray


def match_latents(z, codes):
    """Match true latents with estimated ones by absolute rank correlation (Hungarian assignment).

    Parameters
    ----------
    z, codes : array_like, shape (n, d_z)

    Returns
    -------
    Matching
        Correlations are absolute Spearman correlations, 0 for a constant column.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

    Examples
    --------
    >>> z = np.random.default_rng(0).standard_normal((50, 2))
    >>> match_latents(z, np.exp(-z[:, ::-1]))
    Matching(order=array([1, 0]), correlation=array([1., 1.]))
    """
    z, codes = finite("z", z), finite("codes", codes)
    if z.shape != codes.shape or z.ndim != 2:
        raise ValueError(f"z and codes must be the same points and as many latents, got {z.shape} and {codes.shape}")
    ranks = [rankdata(a, axis=0) - (len(a) + 1) / 2 for a in (z, codes)]
    norms = [np.sqrt((a**2).sum(0)) for a in ranks]
    correlation = np.abs(ranks[0].T @ ranks[1]) / np.maximum(np.outer(*norms), 1e-12)
    rows, order = linear_sum_assignment(-correlation)
    return Matching(order, correlation[rows, order])


def mcc(z, codes):
    """Mean correlation coefficient: mean of the matched absolute rank correlations, in [0, 1]; see `match_latents`."""
    return float(match_latents(z, codes).correlation.mean())


def support_f1(support, jacobian, order, *, threshold=0.15):
    """F1 score of a support found as the large entries of a mean absolute Jacobian.

    Parameters
    ----------
    support : array_like of bool, shape (d_x, d_z)
        Not empty.
    jacobian : array_like, shape (d_x, d_z)
    order : array_like of int, shape (d_z,)
        Column of the Jacobian that stands for each column of the support.
    threshold : float
        Share of the largest entry above which an entry counts.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite or the support is empty.
    """
    support, jacobian = np.asarray(support, bool), finite("jacobian", jacobian)
    if support.shape != jacobian.shape or not support.any():
        raise ValueError(f"support {support.shape} must have entries and the shape of the jacobian {jacobian.shape}")
    found = jacobian[:, order] > threshold * jacobian.max()
    return float(2 * (found & support).sum() / (found.sum() + support.sum()))


def assign_blocks(jacobian, in_a, sizes):
    """Assign estimated latents to A without B, both, and B without A, from the Jacobian alone.

    Parameters
    ----------
    jacobian : array_like, shape (d_x, d_z)
        Mean absolute Jacobian.
    in_a : array_like of bool, shape (d_x,)
        Rows of the set A; the others are B. Neither is empty.
    sizes : sequence of three int
        Number of latents in each of the three parts.

    Returns
    -------
    list of three ndarray of int
        Latents sorted by the logarithm of their mean entry on A over that on B, cut into parts of these sizes.

    Raises
    ------
    ValueError
        If a value is not finite, a set is empty, or the sizes do not add up to the latents.
    """
    jacobian, in_a = finite("jacobian", jacobian), np.asarray(in_a, bool)
    if in_a.shape != jacobian.shape[:1] or in_a.all() or not in_a.any():
        raise ValueError(
            f"in_a must tell the {len(jacobian)} rows of A and B apart, got {in_a.sum()} of {in_a.size} in A"
        )
    if sum(sizes) != jacobian.shape[1]:
        raise ValueError(f"sizes must add up to the {jacobian.shape[1]} latents, got {tuple(sizes)}")
    zero = SMALL_SHARE * jacobian.max()
    contrast = np.log(jacobian[in_a].mean(0) + zero) - np.log(jacobian[~in_a].mean(0) + zero)
    return np.split(np.argsort(-contrast), np.cumsum(sizes)[:-1])


def block_r2(target, given, *, ridge=0.01, n_points=1500):
    """Share of the variance of one block that a kernel ridge on another explains out of sample.

    Gaussian kernel of width sqrt(j) on standardised columns, fitted on one half of the first ``n_points`` points and
    scored on the other; mean over the columns of ``target``.

    Parameters
    ----------
    target, given : array_like, shapes (n, k) and (n, j)
    ridge : float
    n_points : int

    Returns
    -------
    float
        At most 1; below 0 where the prediction is worse than the mean.

    Raises
    ------
    ValueError
        If a value is not finite, the numbers of points differ, or a column of ``target`` is constant.
    """
    target, given = finite("target", target)[:n_points], finite("given", given)[:n_points]
    if target.ndim != 2 or given.ndim != 2 or len(target) != len(given):
        raise ValueError(f"target and given must be (n, k) and (n, j), got shapes {target.shape} and {given.shape}")
    flat = np.flatnonzero(target.max(0) == target.min(0))
    if flat.size:
        raise ValueError(f"target: column {flat[0]} is constant; it has no variance to explain")
    spread = given.std(0)
    given = (given - given.mean(0)) / np.where(spread > 0, spread, 1)
    target = (target - target.mean(0)) / target.std(0)
    half = len(target) // 2
    smoother = KernelRidge(alpha=ridge, kernel="rbf", gamma=0.5 / given.shape[1]).fit(given[:half], target[:half])
    error = ((smoother.predict(given[half:]) - target[half:]) ** 2).mean(0)
    return float(1 - (error / target[half:].var(0)).mean())


@dataclass(frozen=True)
class Rotation:
    """An orthogonal ``matrix`` (d_z, d_z), and its l1 norm over that of the truth: ``ratio``."""

    matrix: np.ndarray
    ratio: float


def sparsest_rotation(jacobian, *, n_starts=8, n_steps=200, rng):
    """Rotation R of the latents that makes the mean absolute entry of J R smallest: what the l1 norm itself prefers.

    Parameters
    ----------
    jacobian : array_like, shape (n, d_x, d_z)
        True Jacobian at n points, latents of unit variance. Rotations keep the law of Gaussian latents.
    n_starts, n_steps : int
        Descents, and updates of each.
    rng : numpy.random.Generator
        Draws the starts; the first one is the identity.

    Returns
    -------
    Rotation
        The latents it stands for are ``z @ matrix``; the ratio is 1 if nothing is sparser than the truth.

    Raises
    ------
    ValueError
        If a value is not finite or the Jacobian is zero.
    """
    jacobian = torch.as_tensor(finite("jacobian", jacobian))
    if not jacobian.any():
        raise ValueError("jacobian is zero everywhere; no rotation is sparser than another")
    d_z = jacobian.shape[-1]
    draws = rng.standard_normal((n_starts, d_z, d_z))
    draws[0] = 0.0
    free = torch.nn.Parameter(torch.as_tensor(draws))

    def rotations():
        return torch.matrix_exp(free - free.transpose(1, 2))

    rows = jacobian.reshape(-1, d_z)
    size = rows.abs().sum()
    train(lambda step: (rows @ rotations()).abs().sum((1, 2)) / size, [free], n_steps=n_steps, learning_rate=0.05)
    with torch.no_grad():
        ratios = (rows @ rotations()).abs().sum((1, 2)) / size
        best = int(ratios.argmin())
        if ratios[best] >= 1:
            return Rotation(np.eye(d_z), 1.0)
        return Rotation(rotations()[best].numpy(), float(ratios[best]))
