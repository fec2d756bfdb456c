"""Models that answer a prompt: a reader, a decoder that spells identifiers, and a bi-encoder as their rival."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from paperlab.methods.foundations import ranking
from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.code_decoder import SlotDecoder
from paperlab.methods.recommenders.sequence_layers import Block, Seeded, block_mask, evaluating
from paperlab.methods.recommenders.softmax_losses import check_targets, full_softmax


class RecurrentDecoder(SlotDecoder):
    """A `SlotDecoder` that reads the letters so far one after another, by a gated recurrent unit.

    Notes
    -----
    ``P(z | h) = prod_l P(z_l | h, z_<l)`` with logits ``E_l (W_2 relu(W_h h + W_p g_l + b_l) + b)`` and the unit
    ``g_{l+1} = GRU(E_l[z_l], g_l)``, ``g_0 = 0``. The unit does not see the state, so that a node of the trie has one
    ``g`` for all prompts; both meet in the hidden layer (the joint network of Graves 2012).
    """

    def __init__(self, tokens, *, hidden=None, n_negatives=None, dropout=0.0, rng):
        super().__init__(tokens, hidden=hidden, n_negatives=n_negatives, dropout=dropout, rng=rng)
        dim = tokens.dim
        self.unit = nn.utils.skip_init(nn.GRUCell, dim, dim)
        with torch.no_grad():
            self.from_prefix.weight.div_(dim**0.5)  # entries of the unit are of size one
            self.unit.weight_ih.copy_(self.normal(3 * dim, dim, scale=1.0))  # letters have length one
            self.unit.weight_hh.copy_(self.normal(3 * dim, dim, scale=dim**-0.5))
            self.unit.bias_ih.zero_()
            self.unit.bias_hh.zero_()

    def follow(self, prefix, letters):
        """What stands for the letters so far (n, d), one letter (n, d) later."""
        return self.unit(letters, prefix)

    def prefixes(self, letters):
        """What stands for the letters before each of a code's (n, n_levels, d), of the same shape."""
        found = [letters.new_zeros(letters.shape[0], letters.shape[2])]
        for level in range(letters.shape[1] - 1):
            found.append(self.unit(letters[:, level], found[-1]))
        return torch.stack(found, 1)

    def write(self, states, k, *, end):
        """Most probable sequences of letters, whether an item has them or not: beam search without a trie.

        Parameters
        ----------
        states : Tensor, shape (n, n_tokens, d)
        k : int
            Beams, and sequences that are given; at most as many as a level has letters.
        end : int
            Letter that ends a code. A code that has not ended at the last level is given as it stands.

        Returns
        -------
        ndarray of int, shape (n, k, n_levels)
            Most probable first, -1 behind the end.

        Raises
        ------
        ValueError
            If ``k`` is out of range.
        """
        tokens, n = self.tokens, len(states)
        if not 1 <= k <= min(tokens.sizes):
            raise ValueError(f"k must lie in 1 to {min(tokens.sizes)}, the fewest letters of a level, got {k}")
        with evaluating(self):
            context = self.contexts(states).repeat_interleave(k, 0)
            codes = torch.full((n * k, len(tokens.sizes)), -1)
            total = torch.full((n, k), -torch.inf)
            total[:, 0] = 0.0  # one beam at the beginning
            prefix, closed = tokens.weight.new_zeros(n * k, tokens.dim), torch.zeros(n * k, dtype=torch.bool)
            for level, size in enumerate(tokens.sizes):
                inner = functional.relu(context + self.from_prefix(prefix) + self.bias[level])
                logs = torch.log_softmax(self._letters(inner, level), 1)
                logs[closed] = -torch.inf
                logs[closed, end] = 0.0  # what has ended stays as it is
                total, best = (total[:, :, None] + logs.view(n, k, size)).flatten(1).topk(k, 1)
                beam = (best // size + k * torch.arange(n)[:, None]).flatten()
                letter = (best % size).flatten()
                codes, prefix, closed = codes[beam], prefix[beam], closed[beam]
                codes[:, level] = torch.where(closed, -1, letter)
                closed = closed | (letter == end)
                prefix = self.follow(prefix, tokens.embed(codes)[:, level])
        return codes.view(n, k, -1).numpy()


class VectorReader(Seeded):
    """Prompts that are given as vectors, read by a network of two layers.

    Parameters
    ----------
    n_features, dim : int
        Length of a prompt's vector, and of the state that comes out.
    hidden : int, optional
        Width of the hidden layer; default twice ``dim``.
    dropout : float
    rng : numpy.random.Generator
    """

    def __init__(self, n_features, dim, *, hidden=None, dropout=0.0, rng):
        super().__init__(dropout, rng=rng)
        hidden = 2 * dim if hidden is None else hidden
        if min(n_features, dim, hidden) < 1:
            raise ValueError(f"n_features, dim and hidden must be at least 1, got {n_features}, {dim} and {hidden}")
        self.first, self.second = self.linear(n_features, hidden), self.linear(hidden, dim)
        with torch.no_grad():  # vectors have length one, or nearly
            self.first.weight.mul_(n_features**0.5)

    def forward(self, features):
        """States (n, 1, dim) of vectors (n, n_features)."""
        return self.second(self.drop(functional.relu(self.first(features))))[:, None]


class PieceReader(Seeded):
    """Prompts that are given as pieces, read by a transformer; the state is the mean over a prompt's pieces.

    Parameters
    ----------
    n_pieces, dim, max_length : int
        Different pieces, width, pieces of the longest prompt.
    n_blocks, n_heads : int
    dropout : float
    rng : numpy.random.Generator

    Notes
    -----
    A piece sees those before it.
    """

    def __init__(self, n_pieces, dim, max_length, *, n_blocks=1, n_heads=2, dropout=0.0, rng):
        super().__init__(dropout, rng=rng)
        if n_blocks < 1 or dim % n_heads:
            raise ValueError(f"n_blocks must be positive and n_heads divide dim, got {n_blocks}, {n_heads} and {dim}")
        self.weight, self.place = self.normal(n_pieces, dim, scale=1.0), self.normal(max_length, dim, scale=0.3)
        shape = {"dropout": dropout, "rng": rng}
        self.blocks = nn.ModuleList([Block(dim, n_heads, 2 * dim, **shape) for _ in range(n_blocks)])
        self.normalise = nn.LayerNorm(dim)
        self.register_buffer("seen", block_mask(max_length, 1, "causal"), persistent=False)

    def forward(self, pieces):
        """States (n, 1, dim) of pieces (n, length), -1 behind the end."""
        real = pieces >= 0
        row, position = real.nonzero(as_tuple=True)
        length = int(real.sum(1).max())
        x = (self.weight[pieces[real]] + self.place[position])[:, None]
        for block in self.blocks:
            x = block(x, position, [(0, len(x), len(pieces), length)], self.seen)
        total = x.new_zeros(len(pieces), x.shape[2]).index_add_(0, row, self.normalise(x[:, 0]))
        return (total / real.sum(1, keepdim=True))[:, None]


class PromptModel(Seeded):
    """A reader and a decoder: the identifiers of the items that a prompt asks for.

    Parameters
    ----------
    reader : VectorReader or PieceReader
    decoder : CodeDecoder
    rng : numpy.random.Generator
    """

    def __init__(self, reader, decoder, *, rng):
        super().__init__(rng=rng)
        self.reader, self.decoder = reader, decoder

    def loss(self, batch):
        """Mean of ``-log P(identifier | prompt)`` over pairs, features of prompts and items, as `fit` gives them."""
        features, items = batch
        return self.decoder.loss(self.reader(features), items)

    def recommend(self, features, k, *, width=20, **search):
        """Best items of every prompt by beam search, best first, -1 where none is left, shape (n, k).

        Parameters
        ----------
        features : Tensor
            Of the prompts, as the reader takes them.
        k : int
        width : int
            Beams; at most as many as there are identifiers are used.
        **search
            As for `CodeDecoder.search`.
        """
        width = min(max(width, 1), self.decoder.tokens.trie.n_leaves)
        with evaluating(self):
            return self.decoder.search(self.reader(features), width=width, k=k, **search).items

    def write(self, features, k, *, end):
        """Most probable identifiers, spelled without a list of those that exist, shape (n, k, n_levels)."""
        with evaluating(self):
            return self.decoder.write(self.reader(features), k, end=end)


class BiEncoder(Seeded):
    """Dense retrieval: prompts and descriptions of items become vectors, near ones belong together.

    Parameters
    ----------
    prompts, items : VectorReader
        Readers of both sides, or one for both.
    features : array_like, shape (n_items, n_features)
        What is known of the items, their names for instance.
    temperature : float
        Cosines are divided by it.
    rng : numpy.random.Generator

    Notes
    -----
    Trained by the softmax over the whole catalogue, the strongest form of negatives.
    """

    def __init__(self, prompts, items, features, *, temperature=0.05, rng):
        super().__init__(rng=rng)
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        self.prompts, self.items, self.temperature = prompts, items, temperature
        self.register_buffer("features", torch.from_numpy(finite("features", features).astype(np.float32)))

    def _vectors(self, features):
        prompts, items = self.prompts(features)[:, 0], self.items(self.features)[:, 0]
        return functional.normalize(prompts, dim=1) / self.temperature, functional.normalize(items, dim=1)

    def loss(self, batch):
        """Mean cross-entropy of the right items among all, features of prompts (n, n_features) and items (n,)."""
        features, items = batch
        check_targets(items, len(features), len(self.features))
        prompts, table = self._vectors(features)
        return full_softmax(prompts, table, items)

    def recommend(self, features, k):
        """Best items of every prompt, best first, shape (n, k)."""
        with evaluating(self):
            prompts, table = (part.numpy() for part in self._vectors(features))
        return ranking.top_k((prompts, table), len(prompts), len(table), k)
