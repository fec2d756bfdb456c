"""Codes that are learnt with an auto-encoder: residual vector quantisation with reset, finite scalar quantisation."""

import itertools
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from paperlab.methods.recommenders.quantisers import check_size, fsq_bound, fsq_letters, item_vectors
from paperlab.methods.recommenders.sequence_fit import Pairs, fit
from paperlab.methods.recommenders.sequence_layers import Seeded, evaluating


class RQVAE(Seeded):
    """Auto-encoder whose middle is a sum of one vector from each level's book.

    Parameters
    ----------
    n_features, latent : int
        Lengths of a vector outside and in the middle.
    size, n_levels : int
        Letters of a level, levels.
    hidden : sequence of int
        Layers of the encoder; the decoder has them in reverse order.
    beta : float
        Weight of the commitment of the encoder.
    reset : bool
        Whether letters that no row of a batch uses are put on residuals of rows of the batch, drawn by lot.
    rng : numpy.random.Generator

    Notes
    -----
    Page ``semantic_ids_ranking``: ``|x - x'|^2 + sum_l beta |r_l - sg e_l|^2 + |sg r_l - e_l|^2``, squares averaged
    over entries; the gradient passes the middle as if nothing were rounded.
    """

    def __init__(self, n_features, latent, *, size, n_levels, hidden=(64,), beta=0.25, reset=True, rng):
        super().__init__(rng=rng)
        widths = [n_features, *hidden, latent]
        self.encoder = nn.ModuleList(self.linear(*pair) for pair in itertools.pairwise(widths))
        self.decoder = nn.ModuleList(self.linear(*pair) for pair in itertools.pairwise(widths[::-1]))
        self.books = self.normal(n_levels, size, latent, scale=latent**-0.5)
        self.beta, self.reset = beta, reset

    def quantise(self, z):
        """Codes (n, n_levels) of points in the middle, the sum of their vectors, and the loss of both."""
        residual, total, codes, loss = z, torch.zeros_like(z), [], 0.0
        for level, book in enumerate(self.books):
            with torch.no_grad():
                code = (book.square().sum(1) - 2 * residual @ book.T).argmin(1)
                if self.training and self.reset:
                    code = self._restart(level, residual, code)
            chosen = book[code]
            loss = loss + functional.mse_loss(chosen, residual.detach())
            loss = loss + self.beta * functional.mse_loss(residual, chosen.detach())
            total, residual = total + chosen, residual - chosen.detach()
            codes.append(code)
        return torch.stack(codes, 1), total, loss

    def _restart(self, level, residual, code):
        """Put unused letters where rows of the batch are; those rows then use them."""
        book = self.books.data[level]
        unused = torch.nonzero(torch.bincount(code, minlength=len(book)) == 0)[:, 0]
        rows = torch.randperm(len(residual), generator=self.draws)[: len(unused)]
        book[unused[: len(rows)]] = residual[rows]
        return (book.square().sum(1) - 2 * residual @ book.T).argmin(1) if len(rows) else code

    def loss(self, batch):
        """Mean loss of a batch of vectors."""
        x, _ = batch
        z = through(self.encoder, x)
        _, total, loss = self.quantise(z)
        return functional.mse_loss(through(self.decoder, z + (total - z).detach()), x) + loss

    def encode(self, vectors):
        """Codes of vectors (n, n_features), shape (n, n_levels)."""
        with evaluating(self):
            return self.quantise(through(self.encoder, _tensor(vectors)))[0].numpy()

    def decode(self, codes):
        """Vectors that codes (n, n_levels) stand for, shape (n, n_features)."""
        with evaluating(self):
            levels = torch.arange(len(self.books))
            return through(self.decoder, self.books[levels, torch.as_tensor(codes)].sum(1)).numpy()


class FSQCoder(Seeded):
    """Auto-encoder that cuts a vector into chunks, each a few numbers that are rounded (RecGPT's tokeniser).

    Parameters
    ----------
    n_features, n_chunks : int
        Length of a vector, a multiple of the number of chunks.
    levels : sequence of int
        Whole numbers that each number of a chunk may take; a chunk has ``prod(levels)`` letters.
    hidden : int
        Width of the decoder, one layer over all chunks.
    rng : numpy.random.Generator

    Notes
    -----
    Page ``recgpt``. Each chunk has a linear map of its own; the loss is the mean absolute error. The authors' decoder
    is a small transformer over the chunks; one layer over all of them stands for it.
    """

    def __init__(self, n_features, *, n_chunks, levels, hidden=128, rng):
        super().__init__(rng=rng)
        check_size("n_chunks", n_chunks, 1)
        if n_features % n_chunks:
            raise ValueError(f"n_chunks must divide the length {n_features}, got {n_chunks}")
        self.levels, self.n_chunks, width = tuple(int(level) for level in levels), n_chunks, n_features // n_chunks
        self.halves = torch.tensor([float(level // 2) for level in self.levels])
        self.project = nn.ModuleList(self.linear(width, len(self.levels)) for _ in range(n_chunks))
        widths = n_chunks * len(self.levels), hidden, n_features
        self.decoder = nn.ModuleList(self.linear(*pair) for pair in itertools.pairwise(widths))

    @property
    def size(self):
        """Letters of a chunk."""
        return int(np.prod(self.levels))

    def numbers(self, x):
        """Numbers of every chunk before rounding, shape (n, n_chunks, len(levels))."""
        return torch.stack([part(c) for part, c in zip(self.project, x.chunk(self.n_chunks, 1), strict=True)], 1)

    def loss(self, batch):
        """Mean absolute error of a batch of vectors."""
        x, _ = batch
        bounded = fsq_bound(self.numbers(x), self.levels)
        rounded = (bounded + (bounded.round() - bounded).detach()) / self.halves
        return functional.l1_loss(through(self.decoder, rounded.flatten(1)), x)

    def encode(self, vectors):
        """Letter of every chunk of vectors (n, n_features), shape (n, n_chunks)."""
        with evaluating(self):
            return fsq_letters(self.numbers(_tensor(vectors)).double().numpy(), self.levels)


@dataclass(frozen=True)
class Coder:
    """A fitted quantiser.

    Attributes
    ----------
    model : RQVAE or FSQCoder
        With ``encode(vectors)``.
    losses : ndarray, shape (n_epochs,)
        Mean loss of every epoch.
    """

    model: nn.Module = field(repr=False)
    losses: np.ndarray = field(repr=False)

    def encode(self, vectors):
        """Codes of vectors (n, n_features)."""
        return self.model.encode(vectors)


def fit_rqvae(vectors, *, size, n_levels, latent=16, epochs=60, rng, **options):
    """Train an `RQVAE` on vectors of items.

    Parameters
    ----------
    vectors : array_like, shape (n_items, n_features)
    size, n_levels, latent : int
    epochs : int
    rng : numpy.random.Generator
    **options
        ``hidden``, ``beta``, ``reset`` of the model; ``batch_size``, ``learning_rate``, ``schedule`` of the training.

    Returns
    -------
    Coder
    """
    vectors = item_vectors(vectors)
    check_size("size", size)
    check_size("n_levels", n_levels, 1)
    check_size("latent", latent, 1)
    kept = {name: options.pop(name) for name in ("hidden", "beta", "reset") if name in options}
    model = RQVAE(vectors.shape[1], latent, size=size, n_levels=n_levels, rng=rng, **kept)
    return _trained(model, vectors, epochs, rng, options)


def fit_fsq(vectors, *, n_chunks, levels, epochs=60, rng, **options):
    """Train an `FSQCoder` on vectors of items.

    Parameters
    ----------
    vectors : array_like, shape (n_items, n_features)
    n_chunks : int
    levels : sequence of int
    epochs : int
    rng : numpy.random.Generator
    **options
        ``hidden`` of the model; ``batch_size``, ``learning_rate``, ``schedule`` of the training.

    Returns
    -------
    Coder
    """
    vectors = item_vectors(vectors)
    kept = {name: options.pop(name) for name in ("hidden",) if name in options}
    model = FSQCoder(vectors.shape[1], n_chunks=n_chunks, levels=levels, rng=rng, **kept)
    return _trained(model, vectors, epochs, rng, options)


def _trained(model, vectors, epochs, rng, options):
    n = len(vectors)
    data = Pairs(_tensor(vectors), np.arange(n), np.arange(n))
    settings = {"batch_size": min(256, n), "learning_rate": 5e-3} | options
    found = fit(model, data, epochs=epochs, rng=rng, **settings)
    return Coder(model, np.array([look.loss for look in found.looks]))


def through(layers, x):
    """Linear layers with rectifiers between them."""
    for layer in layers[:-1]:
        x = functional.relu(layer(x))
    return layers[-1](x)


def _tensor(vectors):
    return torch.from_numpy(np.asarray(vectors, np.float32))
