"""Items as sets of tokens without an order: one from collaborative vectors, several from content, one pass to score."""

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.sequence_layers import Seeded
from paperlab.methods.recommenders.softmax_losses import Choice


class SetTokens(Seeded):
    """A linear map of a collaborative vector and the code of an auto-encoder of the content, as tokens of one item.

    Parameters
    ----------
    dim : int
    collaborative : array_like, shape (n_items, d_cf), optional
        Fixed; rows of zeros for items without interactions. None: no such token.
    content : array_like, shape (n_items, n_features), optional
        Fixed. None: no such tokens.
    n_content : int
        Tokens of the content.
    hidden : sequence of int
        Layers of the encoder; the decoder has them in reverse order.
    alpha : float
        Weight of the mean squared error of the reconstruction.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If a vector is not finite (names the row), sizes differ, or no token is left.

    Notes
    -----
    Page ``setrec``. The order of tokens: collaborative first, then content.
    """

    def __init__(self, dim, *, collaborative=None, content=None, n_content=4, hidden=(128,), alpha=0.7, rng):
        super().__init__(rng=rng)
        n_content = 0 if content is None else n_content
        if n_content < 0 or n_content + (collaborative is not None) < 1:
            raise ValueError(f"n_content must leave at least one token, got {n_content}; or give collaborative vectors")
        if not alpha >= 0:
            raise ValueError(f"alpha must not be negative, got {alpha}")
        self.dim, self.alpha, self.n_content, self.project = dim, float(alpha), n_content, None
        sizes = set()
        if collaborative is not None:
            self.register_buffer("collaborative", _rows("collaborative", collaborative))
            self.project = self.linear(self.collaborative.shape[1], dim)
            sizes.add(len(self.collaborative))
        if n_content:
            self.register_buffer("content", _rows("content", content))
            widths = [self.content.shape[1], *hidden, n_content * dim]
            self.encode = nn.ModuleList(self.linear(*pair) for pair in itertools.pairwise(widths))
            self.decode = nn.ModuleList(self.linear(*pair) for pair in itertools.pairwise(widths[::-1]))
            sizes.add(len(self.content))
        if len(sizes) > 1:
            raise ValueError(f"collaborative and content must have the same items, got {sorted(sizes)}")
        self.n_items = sizes.pop()
        self.n_tokens = n_content + (self.project is not None)

    def forward(self, items):
        """Tokens (n, n_tokens, d) of items (n,), of all where ``items`` is None."""
        pick = slice(None) if items is None else items
        found = [] if self.project is None else [self.project(self.collaborative[pick])[:, None]]
        if self.n_content:
            found.append(_through(self.encode, self.content[pick]).unflatten(1, (self.n_content, self.dim)))
        return torch.cat(found, 1)

    def table(self):
        """Tokens of all items, shape (n_items, n_tokens, d)."""
        return self(None)

    def penalty(self, items):
        """Weighted mean squared error of the auto-encoder on items (n,)."""
        if not self.n_content:
            return 0.0
        content = self.content[items]
        return self.alpha * functional.mse_loss(_through(self.decode, _through(self.encode, content)), content)


class SetHead(Seeded):
    """All tokens of the next item at once: one query for each, grounded on the same token of every item.

    Parameters
    ----------
    tokens : SetTokens
    beta : float
        Weight of the content in the scores, in [0, 1]; may be changed after the training.
    queries : bool
        Whether a token has a query of its own; else all are read from one pooled state.
    hidden : int, optional
        Width of the layer that joins state and query; default twice that of the tokens.
    loss, n_negatives, counts, allowed
        As for `softmax_losses.Choice`.
    rng : numpy.random.Generator

    Notes
    -----
    Page ``setrec``. ``score(i) = (1 - beta) h_CF . z_i,CF + beta sum_k h_k . z_i,k``; with tokens of one kind only,
    their plain sum. The state is the mean over the tokens of the last item, so that their order does not count.
    """

    def __init__(  # noqa: PLR0913 - the settings of one head
        self,
        tokens,
        *,
        beta=0.5,
        queries=True,
        hidden=None,
        loss="full",
        n_negatives=512,
        counts=None,
        allowed=None,
        rng,
    ):
        super().__init__(rng=rng)
        self.tokens, self.beta = tokens, beta
        self.check_beta()
        dim, hidden = tokens.dim, 2 * tokens.dim if hidden is None else hidden
        self.queries = self.normal(tokens.n_tokens, hidden, scale=0.5) if queries else None
        self.widen, self.narrow = self.linear(dim, hidden), self.linear(hidden, dim)
        self.choice = Choice(tokens.n_items, loss, n_negatives=n_negatives, counts=counts, allowed=allowed, rng=rng)

    def check_beta(self):
        """Refuse a beta outside [0, 1]."""
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta must lie in [0, 1], got {self.beta}; it is the weight of the content")

    def answers(self, states):
        """Vectors (n, n_tokens, d) that stand for the next item."""
        inner = self.widen(states.mean(1))[:, None]
        inner = inner.expand(-1, self.tokens.n_tokens, -1) if self.queries is None else inner + self.queries
        return self.narrow(functional.relu(inner))

    def loss(self, states, targets):
        """Mean loss over tokens, for states (n, n_tokens, d) and targets (n,)."""
        return self.choice(self.answers(states), self.tokens, targets)

    def two_scores(self, states):
        """Scores by the collaborative token and by the content, shape (n, n_items) each; ``beta`` mixes them.

        Raises
        ------
        ValueError
            If items have tokens of one kind only.
        """
        if self.tokens.project is None or not self.tokens.n_content:
            raise ValueError("tokens must be of both kinds, got one; there is nothing for beta to weigh")
        answers, table = self.answers(states), self.tokens.table()
        return answers[:, 0] @ table[:, 0].T, answers[:, 1:].flatten(1) @ table[:, 1:].flatten(1).T

    def scores(self, states):
        """Scores of all items, shape (n, n_items), at the present ``beta``."""
        self.check_beta()
        answers, table = self.answers(states), self.tokens.table()
        if self.tokens.project is not None and self.tokens.n_content:
            weight = answers.new_full((self.tokens.n_tokens, 1), self.beta)
            weight[0] = 1 - self.beta
            answers = answers * weight
        return answers.flatten(1) @ table.flatten(1).T


def _rows(name, values):
    values = finite(name, values)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"{name} must have one row for each of two or more items, got shape {values.shape}")
    return torch.from_numpy(values.astype(np.float32))


def _through(layers, x):
    for layer in layers[:-1]:
        x = functional.relu(layer(x))
    return layers[-1](x)
