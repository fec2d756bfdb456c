"""Items that nobody has had: drawing them, ranking among them and among the known ones, mixing two kinds of scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy import sparse
from torch import nn

from paperlab.methods.foundations import ranking
from paperlab.methods.recommenders.interactions import Interactions, Split, by_cuts, check_shares, popularity_groups
from paperlab.methods.recommenders.sequence_layers import evaluating
from paperlab.methods.recommenders.sequence_model import score_chunks

HELD = 1 << 23  # scores held at once, of each kind
DENSE = 0.1  # share of entries from which a matrix is held as a whole


def draw_new(table, share, *, rng, shares=(0.8, 0.1, 0.1)):
    """Split every history in time order and remove a share of the items, drawn by lot, from all training parts.

    Parameters
    ----------
    table : Interactions
        In time order.
    share : float
        Of the items, in [0, 1).
    rng : numpy.random.Generator
    shares : tuple of three floats
        Training, validation and test; validation and test get floor(share x n) of n interactions.

    Returns
    -------
    Split
        ``cold`` names the new items, and those that only stood in later parts.

    Raises
    ------
    ValueError
        If ``share`` or ``shares`` is out of range, or a user has nothing left to train on (names the user).
    """
    check_shares(shares)
    if not 0 <= share < 1:
        raise ValueError(f"share must lie in [0, 1), got {share}; it is the part of the items that is new")
    n = table.lengths
    n_valid, n_test = (np.floor(part * n + 1e-9).astype(int) for part in shares[1:])
    split = by_cuts(table, n - n_valid - n_test, n_valid, n_test)
    new = np.zeros(table.n_items, bool)
    new[rng.permutation(table.n_items)[: round(share * table.n_items)]] = True
    train = split.train.where(~new[split.train.items])
    if (train.lengths == 0).any():
        raise ValueError(f"share leaves user {int(np.argmin(train.lengths))} nothing to train on, got {share}")
    return Split(train, split.valid, split.test)


@dataclass(frozen=True)
class View:
    """A way to look at one ranking.

    Attributes
    ----------
    name : str
    allowed : ndarray of bool, shape (n_items,)
        Candidates.
    wanted : ndarray of bool, shape (n_items,)
        Of what there is to find only these count, all of them candidates.
    """

    name: str
    allowed: np.ndarray = field(repr=False)
    wanted: np.ndarray = field(repr=False)


def views(split, *, n_groups=0):
    """All items, those of the training (warm), the others (cold); groups of warm items by popularity.

    Parameters
    ----------
    split : Split
    n_groups : int
        Groups "1" (rare) to "n_groups" of equally many training interactions; candidates are all warm items.

    Returns
    -------
    list of View
    """
    cold, every = split.cold, np.ones(split.train.n_items, bool)
    found = [View("all", every, every), View("warm", ~cold, ~cold), View("cold", cold, cold)]
    if n_groups:
        group = popularity_groups(split.train.counts, n_groups)
        found += [View(str(g + 1), ~cold, ~cold & (group == g)) for g in range(n_groups)]
    return found


@dataclass(frozen=True)
class Asked:
    """People of the test with something to find.

    Attributes
    ----------
    users : ndarray of int, shape (n,)
        Which of the split's.
    had, wanted : Interactions
        What they have had before, and what there is to find; one row for each of them.
    """

    users: np.ndarray = field(repr=False)
    had: Interactions = field(repr=False)
    wanted: Interactions = field(repr=False)

    @classmethod
    def of(cls, split):
        """Everybody in the test part of a split."""
        users = np.flatnonzero(split.test.lengths)
        return cls(users, split.seen.take(users), split.test.take(users))

    def lists(self, score, *, k=10, without_had=False):
        """Best k of all items for everybody, with or without what they have had, shape (n, k); see `ranking.top_k`."""
        barred = (self.had.indptr, self.had.items) if without_had else None
        return ranking.top_k(score, len(self.users), self.wanted.n_items, k, barred=barred)

    def recall(self, lists):
        """Share of what there is to find that stands in each list, shape (n,)."""
        return ranking.judge(lists, self.wanted.indptr, self.wanted.items).recall


def judge_views(blocks, wanted, looks, *, k=10):
    """Recall and NDCG of several scores under several views, each score computed once.

    Parameters
    ----------
    blocks : callable
        ``blocks(start, stop)`` gives a list of scores of users start to stop, shape (stop - start, n_items) each.
    wanted : Interactions
        What there is to find, one row for each user.
    looks : sequence of View
    k : int

    Returns
    -------
    list of dict
        One for each score, in their order: name of the view to `ranking.Ranking`.
    """
    n, step = wanted.n_users, max(1, HELD // wanted.n_items)
    masks = {look.allowed.tobytes(): look.allowed for look in looks}
    lists: list[dict] = []
    for start in range(0, n, step):
        stop = min(start + step, n)
        for place, block in enumerate(blocks(start, stop)):
            if place == len(lists):
                lists.append({key: [] for key in masks})
            for key, mask in masks.items():
                given = _slices(block)
                lists[place][key].append(ranking.top_k(given, stop - start, wanted.n_items, k, allowed=mask))
    answer = []
    for found in lists:
        top = {key: np.concatenate(parts) for key, parts in found.items()}
        judged = {}
        for look in looks:
            some = wanted.where(look.wanted[wanted.items])
            judged[look.name] = ranking.judge(top[look.allowed.tobytes()], some.indptr, some.items)
        answer.append(judged)
    return answer


def _slices(block):
    return lambda start, stop: block[start:stop]


def rank_views(model, table, wanted, looks, *, k=10, betas: Sequence[float] | None = None, users=None):
    """Full ranking after every history, under several views, at one weight of the content or at several.

    Parameters
    ----------
    model : SequenceModel
    table, wanted : Interactions
        Histories that are looked at, and what there is to find; users with nothing to find are left out.
    looks : sequence of View
    k : int
    betas : sequence of float, optional
        Weights of the content for a `item_sets.SetHead` in the place of its own; scores are computed once for all.
    users : array_like of int, optional
        Only these.

    Returns
    -------
    dict, or list of dict with ``betas``
        Name of the view to `ranking.Ranking`; its ``users`` count the users with something to find.

    Raises
    ------
    ValueError
        If users differ, or a beta lies outside [0, 1].
    """
    if table.n_users != wanted.n_users:
        raise ValueError(f"table and wanted must have the same users, got {table.n_users} and {wanted.n_users}")
    if betas is not None and (not len(betas) or min(betas) < 0 or max(betas) > 1):
        raise ValueError(f"betas must lie in [0, 1] and be at least one, got {list(betas)}")
    users = np.arange(wanted.n_users) if users is None else np.asarray(users)
    users = users[wanted.lengths[users] > 0]
    some = wanted.take(users)
    states = model.last_states(table.take(users))
    if betas is None:
        score = score_chunks(model.head, states)
        return judge_views(lambda start, stop: [score(start, stop)], some, looks, k=k)[0]

    def mixed(start, stop):
        with evaluating(model.head):
            collaborative, content = (part.numpy() for part in model.head.two_scores(states[start:stop]))
        return ((1 - beta) * collaborative + beta * content for beta in map(np.float32, betas))

    return judge_views(mixed, some, looks, k=k)


def neighbour_scores(table, vectors, *, recent):
    """Scores that nothing was trained for: how near an item lies to the last ones of a history.

    Parameters
    ----------
    table : Interactions
        Histories that are looked at.
    vectors : ndarray or sparse matrix, shape (n_items, d)
        Of any length, none for items that lie near nothing. Columns of who had an item, or its description.
    recent : int
        So many last items count.

    Returns
    -------
    callable
        ``score(start, stop)`` of `ranking.top_k`: sums of cosines, without that of an item with itself.

    Raises
    ------
    ValueError
        If there is no vector for each item, or ``recent`` is not positive.
    """
    if vectors.shape[0] != table.n_items:
        raise ValueError(f"vectors must have one row for each of {table.n_items} items, got {vectors.shape[0]}")
    if recent < 1:
        raise ValueError(f"recent must be at least 1, got {recent}")
    from sklearn.preprocessing import normalize

    left = np.repeat(table.lengths, table.lengths) - table.positions
    last = table.where(left <= recent).matrix()
    held = sparse.csr_array if sparse.issparse(vectors) else np.asarray
    unit = normalize(held(vectors, dtype=np.float32))
    some = abs(unit).sum(axis=1) > 0
    itself = last @ sparse.diags_array(some.astype(np.float32))
    if sparse.issparse(unit):
        near = unit @ unit.T
        if near.nnz < DENSE * table.n_items**2:
            return lambda start, stop: (last[start:stop] @ near - itself[start:stop]).toarray()
        near = near.toarray()
        return lambda start, stop: last[start:stop] @ near - itself[start:stop].toarray()
    sums = last @ unit
    return lambda start, stop: sums[start:stop] @ unit.T - itself[start:stop].toarray()


class Reordered(nn.Module):
    """Tokens of items in another order, for what looks back at a history.

    Parameters
    ----------
    tokens : Module
    order : sequence of int, shape (n_tokens,)
    """

    def __init__(self, tokens, order):
        super().__init__()
        if sorted(order) != list(range(tokens.n_tokens)):
            raise ValueError(f"order must name each of {tokens.n_tokens} tokens once, got {list(order)}")
        self.tokens, self.order, self.dim, self.n_tokens = tokens, list(order), tokens.dim, tokens.n_tokens

    def forward(self, items):
        """Tokens (n, n_tokens, d) of items (n,)."""
        return self.tokens(items)[:, self.order]


def order_gap(model, table):
    """Largest change of a score when the tokens inside every item of the histories are turned round.

    Parameters
    ----------
    model : SequenceModel
    table : Interactions
        Histories; every user needs an item.

    Returns
    -------
    float
    """
    tokens = model.tokens
    found = []
    try:
        for each in (tokens, Reordered(tokens, range(tokens.n_tokens)[::-1])):
            model.tokens = each
            with evaluating(model):
                found.append(model.head.scores(model.last_states(table)))
    finally:
        model.tokens = tokens
    return float(torch.max(torch.abs(found[0] - found[1])))
