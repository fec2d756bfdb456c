"""New films: their tickets are hidden; scores are judged by customer and by film among the pairs that were possible."""

from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.ranking import auc_rows
from paperlab.methods.recommenders.embeddings import positive
from paperlab.methods.recommenders.interactions import Interactions


@dataclass(frozen=True)
class Premiere:
    """Tickets for known films, and the hidden ones for new films.

    Attributes
    ----------
    train : Interactions
        Tickets for known films of the customers that are kept; new films have none.
    new : ndarray of int, shape (n_new,)
        Numbers of the new films.
    users : ndarray of int, shape (n_users,)
        Old numbers of the customers kept.
    ticket : ndarray of bool, shape (n_users, n_new)
        Who has a ticket for which new film; for the test only.
    possible : ndarray of bool, shape (n_users, n_new)
        Pairs that are judged.
    """

    train: Interactions
    new: np.ndarray
    users: np.ndarray
    ticket: np.ndarray = field(repr=False)
    possible: np.ndarray = field(repr=False)

    @property
    def known(self):
        """Numbers of the films with a training ticket."""
        return np.flatnonzero(self.train.counts)

    def by_customer(self, score):
        """AUC over new films for every customer, NaN without a ticket or without a film to compare; see `auc_among`.

        Parameters
        ----------
        score : ndarray, shape (n_users, n_films) or (n_users, n_new)
        """
        return auc_among(self.of_new(score), self.ticket, self.possible)

    def by_film(self, score):
        """AUC over customers for every new film, NaN without a ticket or without a customer to compare."""
        return auc_among(self.of_new(score).T, self.ticket.T, self.possible.T)

    def mean_areas(self, score):
        """Mean AUC by customer and mean AUC by film, shape (2,)."""
        return np.array([np.nanmean(self.by_customer(score)), np.nanmean(self.by_film(score))])

    def of_new(self, score):
        """Columns of the new films; scores of these only are given back as they are."""
        score = np.asarray(score)
        return score if score.shape == self.ticket.shape else score[:, self.new]


def hold_out(tickets, new, *, first_seen=None, last_seen=None, min_history=5):
    """Hide all tickets for new films.

    Parameters
    ----------
    tickets : Interactions
    new : array_like of int
        Numbers of the new films.
    first_seen : array_like, shape (n_films,), optional
        When a film was first to be had. A pair is judged where this is not after ``last_seen``.
    last_seen : array_like, shape (n_users,), optional
        When a customer was last active.
    min_history : int
        Customers with fewer tickets for known films are left out; at least 1.

    Returns
    -------
    Premiere

    Raises
    ------
    ValueError
        If there is no new film, a number is wrong, or no customer is left.
    """
    new = np.unique(np.asarray(new))
    if not len(new):
        raise ValueError("new must name at least one film, got none; ask for fewer tickets or an earlier year")
    if new.dtype.kind not in "iu" or new.min() < 0 or new.max() >= tickets.n_items:
        raise ValueError(f"new must hold numbers from 0 to {tickets.n_items - 1}, got {new.min()} to {new.max()}")
    positive("min_history", min_history)
    hidden = np.zeros(tickets.n_items, bool)
    hidden[new] = True
    known = tickets.where(~hidden[tickets.items])
    users = np.flatnonzero(known.lengths >= min_history)
    if not len(users):
        raise ValueError(f"min_history {min_history} leaves no customer; the longest history has {known.lengths.max()}")
    possible = np.ones((len(users), len(new)), bool)
    if first_seen is not None and last_seen is not None:
        possible = np.asarray(first_seen)[new][None, :] <= np.asarray(last_seen)[users][:, None]
    ticket = tickets.matrix()[users][:, new].toarray() > 0
    number = np.full(tickets.n_users, -1)
    number[users] = np.arange(len(users))
    kept = known.where(number[known.users] >= 0)
    train = Interactions.from_pairs(number[kept.users], kept.items, n_users=len(users), n_items=tickets.n_items)
    return Premiere(train, new, users, ticket & possible, possible)


def auc_among(score, positive_entry, possible):
    """Area under the ROC curve of every row over the entries that are possible.

    Parameters
    ----------
    score : array_like, shape (n_rows, n_columns)
    positive_entry, possible : ndarray of bool, shape (n_rows, n_columns)
        A positive entry must be possible.

    Returns
    -------
    ndarray, shape (n_rows,)
        NaN where a row lacks positive or other possible entries.

    Raises
    ------
    ValueError
        If shapes differ, a score is not finite or a positive entry is not possible.

    Notes
    -----
    Entries that are not possible get a score below all others, so each counts as one comparison won by each positive
    entry; these are taken out of the area again.
    """
    score = finite("score", score)
    if (positive_entry & ~possible).any():
        row = int(np.argmax((positive_entry & ~possible).any(axis=1)))
        raise ValueError(f"positive_entry in row {row} is not possible; set it to False or possible to True")
    lowest = score.min(initial=0) - 1
    area = auc_rows(np.where(possible, score, lowest), positive_entry)
    n_other, n_out = (~positive_entry).sum(1), (~possible).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        among = (area * n_other - n_out) / (n_other - n_out)
    return np.where(n_other > n_out, among, np.nan)


def customer_points(train, x, weights=None):
    """Mean of the vectors of every customer's films.

    Parameters
    ----------
    train : Interactions
    x : ndarray, shape (n_films, dim)
    weights : ndarray, shape (n_tickets,), optional
        Weight of every ticket in the order of ``train``, e.g. a centred rating; the sum is then divided by the sum of
        absolute weights (by 1 where all are zero).

    Returns
    -------
    ndarray, shape (n_users, dim)

    Raises
    ------
    ValueError
        If a customer has no ticket, or shapes do not match.
    """
    if len(x) != train.n_items:
        raise ValueError(f"x must have one row for each of {train.n_items} films, got {len(x)}")
    if (train.lengths == 0).any():
        user = int(np.argmin(train.lengths))
        raise ValueError(f"customer {user} has no ticket, so no point; leave out customers without history")
    weights = np.ones(len(train.items)) if weights is None else finite("weights", weights)
    if weights.shape != train.items.shape:
        raise ValueError(f"weights must have shape {train.items.shape}, got {weights.shape}")
    table = train.matrix(np.float64)
    table = type(table)((weights, train.items, train.indptr), table.shape)
    mass = np.bincount(train.users, np.abs(weights))
    return (table @ x) / np.where(mass > 0, mass, 1)[:, None]


def from_descriptions(stage, x, targets, penalty):
    """What ridge regression on descriptions gives for every film.

    Parameters
    ----------
    stage : Premiere
    x : ndarray, shape (n_films, dim)
    targets : ndarray, shape (n_known,) or (n_known, k)
        Something of the known films, in the order of ``stage.known``.
    penalty : float
        Of the squared coefficients; the constant is free.

    Returns
    -------
    ndarray, shape (n_films,) or (n_films, k)

    Raises
    ------
    ValueError
        If there is not one target for each known film.

    Notes
    -----
    Page ``metric_learning_movies``, the rivals of the learnt distance.
    """
    from sklearn.linear_model import Ridge

    if len(targets) != len(stage.known):
        raise ValueError(f"targets must have one row for each of {len(stage.known)} known films, got {len(targets)}")
    return Ridge(alpha=penalty).fit(x[stage.known], targets).predict(x)


def each_alone(stage, x, penalty):
    """For each customer a ridge regression of seen or not on the description, shape (n_users, n_films)."""
    return from_descriptions(stage, x, stage.train.matrix().toarray()[:, stage.known].T, penalty).T


def kind_popularity(stage, x, penalty):
    """Popularity of the kind of film, log(1 + tickets) regressed on the description: the same for all customers."""
    found = from_descriptions(stage, x, np.log1p(stage.train.counts[stage.known]), penalty)
    return np.repeat(found[None], len(stage.users), axis=0)
