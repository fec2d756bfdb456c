"""Scores of estimated latents: matched correlations, support of the Jacobian, blocks of latents that predict blocks."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata
from sklearn.kernel_ridge import KernelRidge

from paperlab.methods.foundations.nets import train


def match(z, codes):
    """Match true latents (n, d_z) with estimated ones (n, d_z) by absolute rank correlation (Hungarian assignment).

    Returns
    -------
    order : ndarray of int, shape (d_z,)
        Estimated latent that stands for each true one.
    correlation : ndarray, shape (d_z,)
        Absolute Spearman correlation of each pair.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    z, codes = np.asarray(z, float), np.asarray(codes, float)
    if z.shape != codes.shape:
        raise ValueError(f"z has shape {z.shape}, codes {codes.shape}: give the same points and as many latents")
    ranks = [rankdata(a, axis=0) - (len(a) + 1) / 2 for a in (z, codes)]
    norms = [np.sqrt((a**2).sum(0)) for a in ranks]
    correlation = np.abs(ranks[0].T @ ranks[1]) / np.maximum(np.outer(*norms), 1e-12)
    rows, order = linear_sum_assignment(-correlation)
    return order, correlation[rows, order]


def mcc(z, codes):
    """Mean correlation coefficient: mean of the matched absolute rank correlations, in [0, 1]."""
    return float(match(z, codes)[1].mean())


def support_f1(support, jacobian, order, threshold=0.15):
    """F1 score of the entries of a mean absolute Jacobian above ``threshold`` times its largest, columns in ``order``."""
    support = np.asarray(support, bool)
    found = np.asarray(jacobian)[:, order] > threshold * np.max(jacobian)
    return float(2 * (found & support).sum() / (found.sum() + support.sum()))


def assign_blocks(jacobian, in_a, sizes):
    """Assign estimated latents to A without B, both, and B without A, from the Jacobian alone.

    Parameters
    ----------
    jacobian : array_like, shape (d_x, d_z)
        Mean absolute Jacobian.
    in_a : array_like of bool, shape (d_x,)
        Rows of the set A; the others are B.
    sizes : sequence of three int
        Number of latents in each of the three parts.

    Returns
    -------
    list of three ndarray of int
        Latents sorted by the logarithm of their mean entry on A over that on B, cut into parts of these sizes.
    """
    jacobian, in_a = np.asarray(jacobian, float), np.asarray(in_a, bool)
    if sum(sizes) != jacobian.shape[1]:
        raise ValueError(f"sizes = {tuple(sizes)} do not add up to the {jacobian.shape[1]} latents")
    contrast = np.log(jacobian[in_a].mean(0) + 1e-12) - np.log(jacobian[~in_a].mean(0) + 1e-12)
    return np.split(np.argsort(-contrast), np.cumsum(sizes)[:-1])


def block_r2(target, given, alpha=0.01, limit=1500):
    """Share of the variance of ``target`` (n, k) that a kernel ridge on ``given`` (n, j) explains out of sample.

    Gaussian kernel of width sqrt(j) on standardised columns, fitted on one half of the first ``limit`` points and
    scored on the other; mean over the columns of ``target``.
    """
    target, given = np.asarray(target, float)[:limit], np.asarray(given, float)[:limit]
    given = (given - given.mean(0)) / np.maximum(given.std(0), 1e-12)
    target = (target - target.mean(0)) / target.std(0)
    half = len(target) // 2
    ridge = KernelRidge(alpha=alpha, kernel="rbf", gamma=0.5 / given.shape[1]).fit(given[:half], target[:half])
    error = ((ridge.predict(given[half:]) - target[half:]) ** 2).mean(0)
    return float(1 - (error / target[half:].var(0)).mean())


def sparsest_rotation(jacobian, rng, *, starts=8, steps=200):
    """Rotation R of the latents that makes the mean absolute entry of J R smallest: what the l1 norm itself prefers.

    Parameters
    ----------
    jacobian : array_like, shape (n, d_x, d_z)
        True Jacobian at n points, latents of unit variance. Rotations keep the law of Gaussian latents.
    rng : numpy.random.Generator
        Draws the starts; the first one is the identity.
    starts, steps : int
        Descents, and updates of each.

    Returns
    -------
    rotation : ndarray, shape (d_z, d_z)
        Orthogonal; the latents it stands for are ``z @ rotation``.
    ratio : float
        Smallest l1 norm over that of the true Jacobian: 1 if nothing is sparser than the truth.
    """
    jacobian = torch.as_tensor(np.asarray(jacobian), dtype=torch.float64)
    d_z = jacobian.shape[-1]
    draws = rng.standard_normal((starts, d_z, d_z))
    draws[0] = 0.0
    free = torch.nn.Parameter(torch.as_tensor(draws))

    def rotations():
        return torch.matrix_exp(free - free.transpose(1, 2))

    rows = jacobian.reshape(-1, d_z)
    size = rows.abs().sum()
    train(lambda step: (rows @ rotations()).abs().sum((1, 2)) / size, [free], steps=steps, rate=0.05)
    with torch.no_grad():
        ratios = (rows @ rotations()).abs().sum((1, 2)) / size
        best = int(ratios.argmin())
        if ratios[best] >= 1:
            return np.eye(d_z), 1.0
        return rotations()[best].numpy(), float(ratios[best])
