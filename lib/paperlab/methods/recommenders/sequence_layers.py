"""Layers of a transformer over items that are written as one or several tokens; work is done at real positions only."""

import math

import torch
from torch import nn
from torch.nn import functional

from paperlab.methods.foundations.resampling import seed_of

MASKS = ("causal", "hybrid", "sparse")
SMALL = 0.1


class Seeded(nn.Module):
    """A module whose start and dropout come from generators of its own.

    Parameters
    ----------
    dropout : float
        Share of entries that `drop` sets to zero while training, in [0, 1).
    rng : numpy.random.Generator
    """

    def __init__(self, dropout=0.0, *, rng):
        super().__init__()
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}; it is the share that is dropped")
        self.dropout = float(dropout)
        self.start, self.draws = (torch.Generator().manual_seed(seed_of(rng)) for _ in range(2))

    def normal(self, *shape, scale):
        """Weights drawn from a normal distribution with standard deviation ``scale``."""
        return nn.Parameter(scale * torch.randn(shape, generator=self.start))

    def linear(self, fan_in, fan_out, bias=True):
        """A linear layer, weights uniform with variance 1 / fan_in, bias zero."""
        layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out, bias)
        with torch.no_grad():
            layer.weight.copy_((2 * torch.rand(fan_out, fan_in, generator=self.start) - 1) * math.sqrt(3 / fan_in))
            if bias:
                layer.bias.zero_()
        return layer

    def drop(self, x):
        """``x`` with entries dropped and the others scaled up; unchanged when not training."""
        if not (self.training and self.dropout):
            return x
        kept = torch.rand(x.shape, generator=self.draws, dtype=x.dtype) >= self.dropout
        return x * kept / (1 - self.dropout)


class evaluating:
    """Context in which a module neither drops nor keeps what a gradient needs."""

    def __init__(self, module):
        self.module = module

    def __enter__(self):
        self.before, self.gradient = self.module.training, torch.no_grad()
        self.module.eval()
        self.gradient.__enter__()

    def __exit__(self, *caught):
        self.gradient.__exit__(*caught)
        self.module.train(self.before)


def block_mask(n_items, n_tokens, kind):
    """Which token sees which, items in time order, ``n_tokens`` tokens each.

    Parameters
    ----------
    n_items, n_tokens : int
    kind : {"causal", "hybrid", "sparse"}
        Every token sees all tokens of earlier items, and of its own item: itself and those before it (causal), all of
        them (hybrid), only itself (sparse). With one token an item the three are the same.

    Returns
    -------
    Tensor of bool, shape (n_items * n_tokens, n_items * n_tokens)
        Row: who looks; column: at whom.

    Examples
    --------
    >>> block_mask(2, 2, "sparse").int()
    tensor([[1, 0, 0, 0],
            [0, 1, 0, 0],
            [1, 1, 1, 0],
            [1, 1, 0, 1]], dtype=torch.int32)
    """
    if kind not in MASKS:
        raise ValueError(f"mask must be one of {', '.join(MASKS)}, got {kind!r}")
    token = torch.arange(n_items * n_tokens)
    item = token // n_tokens
    if kind == "causal":
        return token <= token[:, None]
    if kind == "hybrid":
        return item <= item[:, None]
    return (item < item[:, None]) | (token == token[:, None])


class Block(Seeded):
    """Attention and a network of two layers, each behind a normalisation and beside a residual.

    Parameters
    ----------
    dim, n_heads, hidden : int
        Width, heads (a divisor of it), width inside the network.
    """

    def __init__(self, dim, n_heads, hidden, *, dropout, rng):
        super().__init__(dropout, rng=rng)
        self.n_heads = n_heads
        self.before_attention, self.before_network = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.project, self.collect = self.linear(dim, 3 * dim), self.linear(dim, dim)
        self.widen, self.narrow = self.linear(dim, hidden), self.linear(hidden, dim)
        with torch.no_grad():  # what is added starts small beside the vector of the item itself
            self.collect.weight.mul_(SMALL)
            self.narrow.weight.mul_(SMALL)

    def forward(self, x, position, groups, seen):
        """New states of real positions.

        Parameters
        ----------
        x : Tensor, shape (n, n_tokens, d)
        position : Tensor of int, shape (n,)
            Place in its row, from 0.
        groups : list of (start, stop, n_rows, length)
            Rows of about one length, one after another.
        seen : Tensor of bool
            `block_mask` of the longest row. A row begins at position 0 and nothing looks ahead, so that none of its
            positions sees the empty places behind its end.
        """
        parts = self.project(self.before_attention(x))
        looked = [self._look(parts[start:stop], position[start:stop], *shape, seen) for start, stop, *shape in groups]
        found = looked[0] if len(looked) == 1 else torch.cat(looked)
        x = x + self.drop(self.collect(found))
        return x + self.drop(self.narrow(functional.relu(self.widen(self.before_network(x)))))

    def _look(self, parts, position, rows, length, seen):
        """Attention in rows of one group, whose empty places are filled with zeros and left out again."""
        n, n_tokens, width = parts.shape
        place, end = None, length * n_tokens
        if n < rows * length:
            place = (torch.cumsum(position == 0, 0) - 1) * length + position
            parts = parts.new_zeros(rows * length, n_tokens, width).index_copy(0, place, parts)
        query, key, value = parts.view(rows, end, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen[:end, :end])
        found = found.transpose(1, 2).reshape(rows * length, n_tokens, width // 3)
        return found if place is None else found.index_select(0, place)
