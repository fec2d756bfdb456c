"""Next-item models: a causal transformer over histories, tokens of items, and a head that scores the catalogue.

A model is three parts that pages combine. *Tokens* turn items into one or several vectors each. The *encoder* looks
back over a history and gives a state at every item. The *head* turns a state into a loss and into scores of all items:
`ItemHead` by inner products, `code_decoder` letter by letter, `item_sets` by a set of tokens. Every position of a row
is trained at once, and positions that hold no item are never computed.
"""

import numpy as np
import torch
from torch import nn

from paperlab.methods.foundations import ranking
from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.sequence_layers import Block, Seeded, block_mask, evaluating
from paperlab.methods.recommenders.sequence_rows import histories
from paperlab.methods.recommenders.softmax_losses import Choice


class ItemTable(Seeded):
    """One free vector for each item.

    Parameters
    ----------
    n_items, dim : int
    rng : numpy.random.Generator
    """

    n_tokens = 1

    def __init__(self, n_items, dim, *, rng):
        super().__init__(rng=rng)
        if n_items < 2 or dim < 1:
            raise ValueError(f"n_items must be at least 2 and dim at least 1, got {n_items} and {dim}")
        self.n_items, self.dim = n_items, dim
        self.weight = self.normal(n_items, dim, scale=dim**-0.5)

    def forward(self, items):
        """Tokens (n, 1, d) of items (n,)."""
        return nn.functional.embedding(items, self.weight)[:, None]

    def table(self):
        """Tokens of all items, shape (n_items, n_tokens, d)."""
        return self.weight[:, None]


class FeatureTable(Seeded):
    """One token for each item, a linear map of given features: an item without history has one too.

    Parameters
    ----------
    features : array_like, shape (n_items, n_features)
        Fixed.
    dim : int
    rng : numpy.random.Generator
    """

    n_tokens = 1

    def __init__(self, features, dim, *, rng):
        super().__init__(rng=rng)
        features = finite("features", features)
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"features must have one row for each of two or more items, got shape {features.shape}")
        self.n_items, self.dim = len(features), dim
        self.register_buffer("features", torch.from_numpy(features.astype(np.float32)))
        self.project = self.linear(features.shape[1], dim)

    def forward(self, items):
        """Tokens (n, 1, d) of items (n,)."""
        return self.project(self.features[items])[:, None]

    def table(self):
        """Tokens of all items, shape (n_items, 1, d)."""
        return self.project(self.features)[:, None]


class ItemHead(Seeded):
    """Scores by inner products of a state with the vectors of the items, those that the history is written with.

    Parameters
    ----------
    tokens : ItemTable, FeatureTable or CodeTokens
        A module with ``forward(items)``, ``table()``, ``n_items``; the mean of an item's tokens is its vector.
    loss, n_negatives, counts, allowed
        As for `softmax_losses.Choice`; ``loss="binary"`` is SASRec as published in 2018.
    rng : numpy.random.Generator
    """

    def __init__(self, tokens, *, loss="full", n_negatives=512, counts=None, allowed=None, rng):
        super().__init__(rng=rng)
        self.tokens = tokens
        self.choice = Choice(tokens.n_items, loss, n_negatives=n_negatives, counts=counts, allowed=allowed, rng=rng)

    def loss(self, states, targets):
        """Mean loss of states (n, n_tokens, d) whose next items are ``targets`` (n,)."""
        vectors = lambda items: (self.tokens.table() if items is None else self.tokens(items)).mean(1, keepdim=True)  # noqa: E731
        return self.choice(states.mean(1, keepdim=True), vectors, targets)

    def scores(self, states):
        """Scores of all items, shape (n, n_items), for states (n, n_tokens, d)."""
        return states.mean(1) @ self.tokens.table().mean(1).T


class SequenceModel(Seeded):
    """Transformer over the items of a history, with tokens below and a head above.

    Parameters
    ----------
    tokens : Module
        ``forward(items)`` gives (n, n_tokens, dim); attributes ``n_tokens``, ``dim``. One with ``penalty(items)`` adds
        that to the loss, for the items of the batch.
    head : Module
        ``loss(states, targets)`` and ``scores(states)`` for states (n, n_tokens, dim).
    max_length : int
        Longest history.
    n_blocks, n_heads : int
    hidden : int, optional
        Width inside the blocks; default four times the width.
    mask : {"causal", "hybrid", "sparse"}
        Who sees whom inside an item, see `sequence_layers.block_mask`. Tokens of an item share a position; with the
        first two masks each slot has a vector of its own besides, with the last the order of tokens tells nothing.
    dropout : float
    rng : numpy.random.Generator
    """

    def __init__(  # noqa: PLR0913 - the settings of one architecture
        self, tokens, head, *, max_length, n_blocks=2, n_heads=2, hidden=None, mask="causal", dropout=0.2, rng
    ):
        super().__init__(dropout, rng=rng)
        dim = tokens.dim
        for name, value in (("max_length", max_length), ("n_blocks", n_blocks), ("n_heads", n_heads)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if dim % n_heads:
            raise ValueError(f"n_heads must divide the width {dim}, got {n_heads}")
        self.max_length, self.mask, self.tokens, self.head = max_length, mask, tokens, head
        self.register_buffer("seen", block_mask(max_length, tokens.n_tokens, mask), persistent=False)
        self.positions = self.normal(max_length, 1, dim, scale=0.1 * dim**-0.5)
        with_slots = mask != "sparse" and tokens.n_tokens > 1
        self.slots = self.normal(tokens.n_tokens, dim, scale=0.1 * dim**-0.5) if with_slots else None
        hidden = 4 * dim if hidden is None else hidden
        self.blocks = nn.ModuleList(Block(dim, n_heads, hidden, dropout=dropout, rng=rng) for _ in range(n_blocks))
        self.normalise = nn.LayerNorm(dim)

    def states(self, batch):
        """States at all real positions of a `Batch`, shape (n, n_tokens, d)."""
        if batch.length > self.max_length:
            raise ValueError(f"rows must have at most max_length = {self.max_length} items, got {batch.length}")
        x = self.tokens(batch.items) + self.positions[batch.position]
        x = self.drop(x if self.slots is None else x + self.slots)
        for block in self.blocks:
            x = block(x, batch.position, batch.groups, self.seen)
        return self.normalise(x)

    def loss(self, batch):
        """Mean loss over the positions of a `Batch` that have a target."""
        states, asked = self.states(batch), batch.targets >= 0
        if not bool(asked.all()):
            states = states[asked]
        found = self.head.loss(states, batch.targets[asked])
        if hasattr(self.tokens, "penalty"):
            found = found + self.tokens.penalty(torch.unique(batch.items))
        return found

    def last_states(self, table, *, batch_size=512):
        """States at the end of every user's history, shape (n_users, n_tokens, d), without gradient.

        Parameters
        ----------
        table : Interactions
            The last ``max_length`` items are used; every user needs one.
        """
        rows, found = histories(table, self.max_length), []
        order = np.argsort(rows.length, kind="stable")  # rows of one length share a batch
        with evaluating(self):
            for start in range(0, len(rows), batch_size):
                batch = rows.batch(order[start : start + batch_size])
                length = torch.bincount(batch.row)
                found.append(self.states(batch)[torch.cumsum(length, 0) - 1])
        found = torch.cat(found)
        return found[torch.from_numpy(np.argsort(order))]


def score_chunks(head, states):
    """Function ``score(start, stop)`` of `ranking.top_k`, by the scores of a head for given states."""

    def score(start, stop):
        with evaluating(head):
            return head.scores(states[start:stop]).numpy()

    return score


def rank(model, table, wanted, *, k=10, barred=None, allowed=None):
    """Full ranking of all items after every user's history, and what it is worth.

    Parameters
    ----------
    model : SequenceModel
    table : Interactions
        Histories that are looked at.
    wanted : Interactions
        What there is to find, same users.
    k : int
    barred : Interactions, optional
        Items that a user cannot get, e.g. the history itself; default none are barred.
    allowed : array_like of bool, shape (n_items,), optional
        Candidates, e.g. cold items.

    Returns
    -------
    Ranking
        One value per user with something to find; ties go to the smaller item number.

    Notes
    -----
    Only users with something to find are computed.
    """
    if table.n_users != wanted.n_users:
        raise ValueError(f"table and wanted must have the same users, got {table.n_users} and {wanted.n_users}")
    users = np.flatnonzero(wanted.lengths)
    some, found = table.take(users), wanted.take(users)
    states = model.last_states(some)
    rows = None if barred is None else barred.take(users)
    top = ranking.top_k(
        score_chunks(model.head, states),
        len(users),
        table.n_items,
        k,
        barred=None if rows is None else (rows.indptr, rows.items),
        allowed=allowed,
    )
    judged = ranking.judge(top, found.indptr, found.items)
    return ranking.Ranking(users, judged.recall, judged.hit, judged.ndcg)
