"""Items written as codes: a vector for each letter, and the tokens that an item is made of."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.code_trie import Trie, whole_codes
from paperlab.methods.recommenders.sequence_layers import Seeded


class CodeTokens(Seeded):
    """Items as the letters of their codes, each letter with a vector.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
        -1 behind the end of a shorter code.
    dim : int
    sizes : sequence of int, optional
        Letters of each level; default one more than the largest used.
    shared : bool
        Whether letter 7 is the same at every level, as words are; each level then scales the vectors in its own way,
        so that the order of letters counts. Otherwise a level has its own alphabet.
    summed : bool
        Whether an item is one token, the sum of its letters, or one token for each level (codes of one length).
    extra : array_like, shape (n_items, n_levels, n_features), optional
        A vector for every letter of every item that is added: what a letter rounds off (RecGPT's auxiliary input; both
        parts are normalised).
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If codes are malformed, a level has fewer than two letters, or a letter is beyond its level.
    """

    def __init__(self, codes, dim, *, sizes=None, shared=False, summed=True, extra=None, rng):
        super().__init__(rng=rng)
        codes = whole_codes(codes)
        sizes = codes.max(0) + 1 if sizes is None else np.asarray(sizes)
        sizes = np.full(codes.shape[1], sizes.max()) if shared else sizes
        if sizes.shape != (codes.shape[1],):
            raise ValueError(f"sizes must name {codes.shape[1]} levels, got shape {sizes.shape}")
        if sizes.min() < 2:
            level = int(np.argmin(sizes))
            raise ValueError(
                f"sizes must be at least 2, got {sizes[level]} at level {level}; drop a level of one letter"
            )
        self.dim, self.shared, self.summed, self.sizes = dim, shared, summed, tuple(int(size) for size in sizes)
        starts = np.zeros(len(sizes), np.int64) if shared else np.cumsum(sizes) - sizes
        self.starts = tuple(int(start) for start in starts)
        self.weight = self.normal(int(sizes[0] if shared else sizes.sum()), dim, scale=dim**-0.5)
        self.scale = nn.Parameter(1 + self.normal(len(sizes), dim, scale=0.5).detach()) if shared else None
        self.register_buffer("start_of", torch.from_numpy(starts), persistent=False)
        self.extra = self.project = None
        if extra is not None:
            self.project = self.linear(np.shape(extra)[-1], dim)
            self.normalise, self.normalise_extra = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.set_catalogue(codes, extra)

    @property
    def n_tokens(self):
        """Tokens of an item."""
        return 1 if self.summed else len(self.sizes)

    @property
    def n_items(self):
        """Items of the catalogue."""
        return len(self.codes)

    def set_catalogue(self, codes, extra=None):
        """Put another catalogue in the place of the present one; letters keep what they have learnt.

        Parameters
        ----------
        codes, extra
            As at the beginning, with the same levels.
        """
        codes = whole_codes(codes)
        if codes.shape[1] != len(self.sizes) or (codes.max(0) >= self.sizes).any():
            raise ValueError(f"codes must have letters below {self.sizes}, got {tuple(int(c) for c in codes.max(0))}")
        if not self.summed and codes.min() < 0:
            item = int(np.argmin(codes.min(1)))
            raise ValueError(f"codes must have one length when summed is False, got {codes[item]} of item {item}")
        if (extra is None) != (self.project is None):
            raise ValueError("extra must be given at the beginning and with every catalogue, or never")
        self.codes, self.trie = torch.from_numpy(codes), Trie.of(codes)
        if extra is not None:
            extra = finite("extra", extra)
            if extra.shape != (*codes.shape, self.project.in_features):
                raise ValueError(f"extra must have shape {(*codes.shape, self.project.in_features)}, got {extra.shape}")
            self.extra = torch.from_numpy(extra.astype(np.float32))

    def letters(self, level):
        """Vectors of the letters of a level, shape (sizes[level], d)."""
        start = self.starts[level]
        return self.weight[start : start + self.sizes[level]]

    def embed(self, codes):
        """Vectors of codes (n, n_levels), shape (n, n_levels, d); zero behind the end of a code."""
        found = functional.embedding(codes.clamp(min=0) + self.start_of, self.weight)
        if self.shared:
            found = found * self.scale
        return found * (codes >= 0)[..., None]

    def forward(self, items):
        """Tokens (n, n_tokens, d) of items (n,)."""
        found = self.embed(self.codes[items])
        if self.extra is not None:
            found = self.normalise(found) + self.normalise_extra(self.project(self.extra[items]))
        return found.sum(1, keepdim=True) if self.summed else found

    def table(self):
        """Tokens of all items, shape (n_items, n_tokens, d)."""
        return self(torch.arange(self.n_items))
