"""Ratings of people nobody knows yet: item means, what descriptors of a person add in each category, and the placebo.

Folds are over users: none of a person's own ratings is used to predict them, only the descriptors. The correction of an
item mean depends on the person and the category alone, so that its squared error follows from sums over categories, and
a placebo costs next to nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.ranking import auc_rows


@dataclass(frozen=True)
class NewUsers:
    """Ratings, folds of users, and everything that does not depend on descriptors; see `new_users`.

    Attributes
    ----------
    ratings : ndarray, shape (n_users, n_items)
        NaN where there is none.
    categories : ndarray, shape (n_items, n_categories)
        Share of each category in an item; rows add up to one.
    folds : ndarray of int, shape (n_users,)
        Fold in which a user is new.
    base : ndarray, shape (n_folds, n_items)
        Mean of every item over the users of the other folds.
    residual : ndarray, shape (n_folds, n_users, n_categories)
        Mean of a user's ratings in a category, minus the item means of that fold.
    """

    ratings: np.ndarray
    categories: np.ndarray
    folds: np.ndarray
    base: np.ndarray
    residual: np.ndarray

    @cached_property
    def rated(self):
        """Where there is a rating, bool of shape (n_users, n_items)."""
        return ~np.isnan(self.ratings)

    @cached_property
    def error(self):
        """Rating minus item mean where there is a rating, else 0, shape (n_users, n_items)."""
        return np.where(self.rated, self.ratings - self.base[self.folds], 0.0)

    @cached_property
    def _moments(self):
        """Sum of squared errors, sums of errors by user and category, and products of categories by user."""
        k = self.categories.shape[1]
        if self.rated.all():
            gram = self.categories.T @ self.categories
        else:
            products = (self.categories[:, :, None] * self.categories[:, None, :]).reshape(len(self.categories), -1)
            gram = (self.rated.astype(float) @ products).reshape(-1, k, k)
        return float((self.error**2).sum()), self.error @ self.categories, gram

    def correction(self, traits, ridge):
        """What descriptors add to the item means, learned on the other folds, shape (..., n_users, n_categories).

        Parameters
        ----------
        traits : array_like, shape (..., n_users, k)
            Descriptors, e.g. five trait scores; or several tables of them, such as permuted ones.
        ridge : float
            Price of squared coefficients, above 0.

        Notes
        -----
        Page ``personality_ads``, eq. (3): ``(z_u - mean z)' B`` with ``B = (Z'Z + ridge I)^-1 Z'Y`` of centred training
        rows.
        """
        if not ridge > 0:
            raise ValueError(f"ridge must be above 0, got {ridge}; it keeps the coefficients small")
        traits = self._checked(traits)[..., None, :, :]  # (..., fold, user, descriptor)
        old = (self.folds != np.arange(len(self.base))[:, None])[..., None]
        centred = traits - (traits * old).sum(axis=-2, keepdims=True) / old.sum(axis=-2, keepdims=True)
        z = np.swapaxes(centred * old, -1, -2)
        gram = z @ np.swapaxes(z, -1, -2) + ridge * np.eye(z.shape[-2])
        coef = np.linalg.solve(gram, z @ self.residual)  # (..., fold, descriptor, category)
        users = np.arange(len(self.folds))
        own = centred[..., self.folds, users, :]
        return (own[..., None, :] @ coef[..., self.folds, :, :])[..., 0, :]

    def relative(self, correction):
        """What of a correction says which categories a person prefers, in the shape of ``correction``.

        Its mean over all ratings, a guess of how generous a person is, is taken off.
        """
        return correction - (correction @ self._weights)[..., None]

    @cached_property
    def _weights(self):
        """Share of each category in all ratings."""
        return self.rated.sum(axis=0) @ self.categories / self.rated.sum()

    def learned(self, traits, fit_predict):
        """The correction of another model than ridge regression, shape (n_users, n_categories).

        Parameters
        ----------
        traits : array_like, shape (n_users, k)
        fit_predict : callable
            ``fit_predict(z, y, z_new)``: descriptors and mean residuals of the training users, shapes (n, k) and
            (n, n_categories), and descriptors of new users; gives their residuals, shape (n_new, n_categories).
        """
        traits = self._checked(traits)
        found = np.empty((len(traits), self.categories.shape[1]))
        for fold, residual in enumerate(self.residual):
            new = self.folds == fold
            found[new] = fit_predict(traits[~new], residual[~new], traits[new])
        return found

    def _checked(self, traits):
        traits = finite("traits", traits, -2)
        if traits.ndim < 2 or traits.shape[-2] != len(self.folds):
            raise ValueError(f"traits must have a row for each of {len(self.folds)} users, got shape {traits.shape}")
        return traits

    def rmse(self, correction=None):
        """Root mean squared error of the item means, corrected or not [stars], shape () or (...)."""
        squares, errors, gram = self._moments
        if correction is not None:
            spread = (correction[..., None, :] @ gram)[..., 0, :]
            squares = squares + ((spread - 2 * errors) * correction).sum(axis=(-1, -2))
        return np.sqrt(squares / self.rated.sum())

    def predict(self, correction=None):
        """Predicted ratings of all items, shape (n_users, n_items)."""
        base = self.base[self.folds]
        return base if correction is None else base + correction @ self.categories.T

    @cached_property
    def _pairs(self):
        """Where the ratings are in the raveled table, their item means, and the ratings."""
        places = np.flatnonzero(self.rated)
        users, items = np.divmod(places, self.ratings.shape[1])
        return places, self.base[self.folds[users], items], self.ratings[users, items]

    def auc(self, click_from, correction=None):
        """Chance that a click scores above another rating, over all users together; NaN if all or none are clicks."""
        places, score, rating = self._pairs
        if correction is not None:
            score = score + (correction @ self.categories.T).ravel()[places]
        return float(auc_rows(score[None], rating[None] >= click_from)[0])

    def auc_within(self, click_from, correction=None):
        """The same for every user alone, shape (n_users,); NaN for who clicks all or nothing. None may be missing."""
        if not self.rated.all():
            raise ValueError("ratings are missing; the AUC within users is for complete studies")
        return auc_rows(self.predict(correction), self.ratings >= click_from)


def new_users(ratings, categories, *, rng, n_folds=5, prior_count=0.0):
    """Prepare ratings for predictions of new users.

    Parameters
    ----------
    ratings : array_like, shape (n_users, n_items)
        NaN where there is none.
    categories : array_like, shape (n_items, n_categories)
        Not negative; rows add up to one.
    rng : numpy.random.Generator
        Deals users to folds of equal size.
    n_folds : int
    prior_count : float
        Number of ratings at the overall mean that every item mean, and every mean of a user in a category, starts from;
        0 where everybody rated everything.

    Returns
    -------
    NewUsers

    Raises
    ------
    ValueError
        If shapes do not match, rows of ``categories`` are no shares, there are fewer users than folds, or a mean has no
        rating to stand on.
    """
    ratings, categories = np.asarray(ratings, float), finite("categories", categories)
    if ratings.ndim != 2 or categories.ndim != 2 or ratings.shape[1] != len(categories):
        raise ValueError(
            f"ratings must be (n_users, {len(categories)}), a column per row of categories, got {ratings.shape}"
        )
    if (categories < 0).any() or not np.allclose(categories.sum(axis=1), 1):
        raise ValueError("categories must be shares: not negative, rows that add up to one")
    if not 2 <= n_folds <= len(ratings):
        raise ValueError(f"n_folds must be between 2 and the {len(ratings)} users, got {n_folds}")
    if prior_count < 0:
        raise ValueError(f"prior_count must not be negative, got {prior_count}")
    rated = ~np.isnan(ratings)
    values, seen = np.where(rated, ratings, 0.0), rated.astype(float)
    folds = rng.permutation(np.arange(len(ratings)) % n_folds)
    old = (folds != np.arange(n_folds)[:, None]).astype(float)
    n, total = old @ seen, old @ values
    if (n + prior_count == 0).any():
        fold, item = np.argwhere(n == 0)[0]
        raise ValueError(f"item {item} has no rating outside fold {fold}; give prior_count above 0")
    overall = total.sum(axis=1, keepdims=True) / n.sum(axis=1, keepdims=True)
    base = (total + prior_count * overall) / (n + prior_count)
    counts = seen @ categories + prior_count
    if (counts == 0).any():
        user = int(np.argwhere(counts == 0)[0, 0])
        raise ValueError(f"user {user} has no rating in some category; give prior_count above 0")
    own = values @ categories
    residual = np.stack([(own - seen @ (categories * mean[:, None])) / counts for mean in base])
    return NewUsers(ratings, categories, folds, base, residual)


@dataclass(frozen=True)
class Permutations:
    """Gains over item means of the descriptors and of the same rows dealt to the users by lot.

    Attributes
    ----------
    rmse, auc : float
        Fall of the root mean squared error, and rise of the area under the curve.
    placebo_rmse, placebo_auc : ndarray, shape (n_permutations,)
        The same for the permuted rows.
    """

    rmse: float
    auc: float
    placebo_rmse: np.ndarray
    placebo_auc: np.ndarray

    @property
    def p_rmse(self):
        """Share of the placebos, the descriptors among them, that gain as much."""
        return float((1 + (self.placebo_rmse >= self.rmse).sum()) / (1 + len(self.placebo_rmse)))

    @property
    def p_auc(self):
        """The same for the area under the curve."""
        return float((1 + (self.placebo_auc >= self.auc).sum()) / (1 + len(self.placebo_auc)))


def permutation_test(fit, traits, *, ridge, click_from, n_permutations, rng, relative=False):
    """Gain of descriptors, and of ``n_permutations`` placebos.

    Parameters
    ----------
    fit : NewUsers
    traits : array_like, shape (n_users, k)
    ridge, click_from : float
        As in `NewUsers.correction` and `NewUsers.auc`.
    n_permutations : int
        At least 1; the smallest p-value is 1 / (1 + n_permutations).
    rng : numpy.random.Generator
    relative : bool
        Only which categories a person prefers, as in `NewUsers.relative`.

    Returns
    -------
    Permutations
    """
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}")
    traits = fit._checked(traits)
    orders = [np.arange(len(traits)), *(rng.permutation(len(traits)) for _ in range(n_permutations))]
    corrections = [fit.correction(traits[order], ridge) for order in orders]
    if relative:
        corrections = [fit.relative(correction) for correction in corrections]
    rmse = fit.rmse() - np.array([fit.rmse(c) for c in corrections])
    auc = np.array([fit.auc(click_from, c) for c in corrections]) - fit.auc(click_from)
    return Permutations(float(rmse[0]), float(auc[0]), rmse[1:], auc[1:])
