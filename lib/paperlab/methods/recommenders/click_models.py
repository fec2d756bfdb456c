"""Clicks of new users by logistic regression: advertisements, and personality in each category."""

import numpy as np

from paperlab.methods.foundations.checks import binary
from paperlab.methods.foundations.logistic import logistic


def click_probability(fit, traits, *, click_from, penalty, ad_penalty=1.0):
    """Chance of a click for every user and advertisement, learned on the other folds, shape (n_users, n_items).

    Parameters
    ----------
    fit : new_users.NewUsers
        A complete study in which every category has the same number of advertisements, each in one category.
    traits : ndarray, shape (n_users, k)
        With no column (k = 0) the advertisements alone decide.
    click_from : float
        Stars from which a rating counts as a click.
    penalty, ad_penalty : float
        Price of squared coefficients, for traits and for single advertisements.

    Raises
    ------
    ValueError
        If a rating is missing, or an advertisement is in several categories, or categories differ in size.

    Notes
    -----
    In each category ``log odds = constant + advertisement + (z_u - mean z)' b``, with ``penalty |b|^2 / 2``; the
    categories are one stack of regressions.
    """
    if not fit.rated.all():
        raise ValueError("ratings are missing; click_probability is for complete studies")
    categories = binary("categories", fit.categories)
    size = categories.sum(axis=0)
    if (categories.sum(axis=1) != 1).any() or (size != size[0]).any():
        raise ValueError("categories must be of one size, each advertisement in one of them")
    members = np.argsort(categories.argmax(axis=1), kind="stable").reshape(len(size), -1)  # (category, place in it)
    clicks = (fit.ratings >= click_from).astype(float)
    k, n_ads = traits.shape[1], members.shape[1]
    price = np.r_[0.0, np.full(n_ads, ad_penalty), np.full(k, penalty)]
    found = np.empty_like(clicks)
    for fold in range(len(fit.base)):
        new = fit.folds == fold
        centre = traits[~new].mean(axis=0)
        x, x_new = (_rows(traits[part] - centre, n_ads) for part in (~new, new))
        y = clicks[~new][:, members].transpose(1, 0, 2).reshape(len(size), -1)
        stack = np.broadcast_to(x, (len(size), *x.shape))
        model = logistic(stack, y, penalty=price)
        chance = model.probability(np.broadcast_to(x_new, (len(size), *x_new.shape)))
        part = np.empty((int(new.sum()), clicks.shape[1]))
        part[:, members] = chance.reshape(len(size), -1, n_ads).transpose(1, 0, 2)
        found[new] = part
    return found


def _rows(z, n_ads):
    """Constant, advertisement and traits of every user and advertisement, users first."""
    n = len(z)
    return np.column_stack([np.ones(n * n_ads), np.tile(np.eye(n_ads), (n, 1)), np.repeat(z, n_ads, axis=0)])
