"""People of whom some ratings are known: what personality still adds beside them.

A user's ratings, minus the item means, are taken as normal: a prior mean (zero, or what personality says), a few
loadings, and independent noise. The known ratings of a new user give the posterior mean, which is a ridge regression on
the loadings.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Loadings:
    """How the ratings of a user go together: ``rating - item mean = prior + loadings a + noise`` with a ~ N(0, I).

    Attributes
    ----------
    loadings : ndarray, shape (n_items, q)
    noise : float
        Variance of the noise.
    """

    loadings: np.ndarray
    noise: float


def mixed_loadings(residual, memberships):
    """A user's bias and tastes for categories, their variances by moments (a mixed model).

    Parameters
    ----------
    residual : ndarray, shape (n_users, n_items)
        Ratings minus item means, none missing.
    memberships : ndarray, shape (n_items, n_categories)
        0 or 1, each item in one category, two items or more in each.

    Returns
    -------
    Loadings
        First column the bias, then one column per category.

    Raises
    ------
    ValueError
        If an item is in several categories, a category has one item, or there are fewer than two users or categories.
    """
    size = memberships.sum(axis=0)
    if not np.isin(memberships, (0, 1)).all() or (memberships.sum(axis=1) != 1).any() or (size < 2).any():
        raise ValueError("memberships must be 0 or 1, one category per item, two items or more in each category")
    n, k = len(residual), memberships.shape[1]
    if n < 2 or k < 2:
        raise ValueError(f"two users and two categories are needed, got {n} and {k}")
    means = residual @ memberships / size
    within = residual - means @ memberships.T
    noise = float((within**2).sum() / ((n - 1) * (size - 1).sum()))
    moments = np.cov(means.T)
    bias = max((moments.sum() - np.trace(moments)) / (k * (k - 1)), 0.0)
    taste = max(np.trace(moments) / k - bias - noise * (1 / size).mean(), 0.0)
    columns = np.column_stack([np.full(len(memberships), np.sqrt(bias)), np.sqrt(taste) * memberships])
    return Loadings(columns, noise)


def factor_loadings(residual, n_factors):
    """Matrix factorisation of complete ratings: loadings of probabilistic principal components.

    Parameters
    ----------
    residual : ndarray, shape (n_users, n_items)
        Ratings minus item means, none missing.
    n_factors : int
        Fewer than users and items.

    Notes
    -----
    The mean eigenvalue that is left over is the noise; it is taken off the eigenvalues that are kept (Tipping and
    Bishop 1999).
    """
    least = min(residual.shape)
    if not 1 <= n_factors < least:
        raise ValueError(f"n_factors must be between 1 and {least - 1}, got {n_factors}")
    _, values, right = np.linalg.svd(residual, full_matrices=False)
    eigen = values**2 / len(residual)
    noise = float(eigen[n_factors:].sum() / (residual.shape[1] - n_factors))
    scale = np.sqrt(np.maximum(eigen[:n_factors] - noise, 0))
    return Loadings(right[:n_factors].T * scale, noise)


def posterior_mean(found, residual, known, prior):
    """Expected residuals of all items given those that are known.

    Parameters
    ----------
    found : Loadings
    residual : ndarray, shape (n_users, n_items)
        Read only where ``known``.
    known : ndarray of bool, shape (n_users, n_items)
    prior : ndarray, shape (..., n_users, n_items)
        One prior mean, or several at once.

    Returns
    -------
    ndarray, shape (..., n_users, n_items)

    Notes
    -----
    ``prior + L (L_K' L_K + noise I)^-1 L_K' (r_K - prior_K)`` with the rows K of the loadings that are known.
    """
    load = found.loadings
    q = load.shape[1]
    products = (load[:, :, None] * load[:, None, :]).reshape(len(load), -1)
    gram = (known.astype(float) @ products).reshape(-1, q, q) + found.noise * np.eye(q)
    right = np.where(known, residual - prior, 0.0) @ load  # (..., n_users, q)
    columns = np.moveaxis(right.reshape(-1, *right.shape[-2:]), 0, -1)
    scores = np.moveaxis(np.linalg.solve(gram, columns), -1, 0).reshape(right.shape)
    return prior + scores @ load.T


@dataclass(frozen=True)
class Known:
    """Root mean squared errors on the same held-out ratings, whatever the number of known ones, shape (n_counts,) each.

    Attributes
    ----------
    without, traits, placebo : ndarray
        Without descriptors, with them, and with the same rows dealt to the users by lot.
    """

    without: np.ndarray
    traits: np.ndarray
    placebo: np.ndarray


def known_ratings(fit, traits, counts, *, ridge, rng, n_factors=0):
    """Errors for new users of whom 0, 10, 50 ... ratings are known, without and with personality.

    Parameters
    ----------
    fit : new_users.NewUsers
        A complete study.
    traits : ndarray, shape (n_users, k)
    counts : sequence of int
        Numbers of known ratings, drawn by lot and nested; what is left beside the largest is predicted.
    ridge : float
    rng : numpy.random.Generator
    n_factors : int
        0 for `mixed_loadings`, else `factor_loadings`.

    Returns
    -------
    Known

    Raises
    ------
    ValueError
        If a rating is missing, or ``counts`` leave none to predict.
    """
    n_users, n_items = fit.ratings.shape
    if not fit.rated.all():
        raise ValueError("ratings are missing; known_ratings is for complete studies")
    if not len(counts) or min(counts) < 0 or max(counts) >= n_items:
        raise ValueError(f"counts must be from 0 to {n_items - 1}, one or more, got {list(counts)}")
    place = rng.permuted(np.tile(np.arange(n_items), (n_users, 1)), axis=1)
    test = place >= max(counts)
    placebo = fit.correction(traits[rng.permutation(n_users)], ridge)
    corrections = np.stack([np.zeros_like(placebo), fit.correction(traits, ridge), placebo])
    squares = np.zeros((3, len(counts)))
    for fold in range(len(fit.base)):
        new = fit.folds == fold
        old = fit.ratings[~new] - fit.base[fold]
        found = factor_loadings(old, n_factors) if n_factors else mixed_loadings(old, fit.categories)
        prior = corrections[:, new] @ fit.categories.T
        for at, count in enumerate(counts):
            guess = posterior_mean(found, fit.error[new], place[new] < count, prior)
            squares[:, at] += ((guess - fit.error[new]) ** 2)[:, test[new]].sum(axis=1)
    return Known(*np.sqrt(squares / test.sum()))
