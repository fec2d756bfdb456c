"""Stacked modules of torch: members side by side in one tensor, each with a start and a dropout of its own seed."""

import math
import zlib

import numpy as np
import torch
from torch import nn


class Stack(nn.Module):
    """A module whose weights carry a leading axis of members; a member's numbers depend on its own seed only.

    Parameters
    ----------
    seeds : sequence of int
        One for each member. Two classes draw different numbers from one seed.
    dropout : float
        Share of entries that `drop` sets to zero while training, in [0, 1).

    Raises
    ------
    ValueError
        Without a seed, or with a dropout outside [0, 1).
    """

    def __init__(self, seeds, dropout=0.0):
        super().__init__()
        self.seeds, self.dropout = [int(seed) for seed in seeds], float(dropout)
        if not self.seeds:
            raise ValueError("seeds must name one seed for each member, got none")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {dropout}; it is the share that is dropped")
        self._starts = self._generators(0)
        self.restart()

    def _generators(self, purpose):
        name = zlib.crc32(type(self).__name__.encode())
        states = [np.random.SeedSequence([seed, name, purpose]).generate_state(1)[0] for seed in self.seeds]
        return [torch.Generator().manual_seed(int(state)) for state in states]

    def restart(self):
        """Put the generators of the dropout back to their start."""
        self._drops = self._generators(1)

    def uniform(self, shape, fan_in):
        """Weights (members, *shape), uniform on +-sqrt(3 / fan_in): variance 1 / fan_in."""
        drawn = torch.stack([torch.rand(shape, generator=generator) for generator in self._starts])
        return nn.Parameter((2 * drawn - 1) * math.sqrt(3 / fan_in))

    def normal(self, shape, scale):
        """Weights (members, *shape), normal with standard deviation ``scale``."""
        return nn.Parameter(scale * torch.stack([torch.randn(shape, generator=each) for each in self._starts]))

    def zeros(self, shape):
        """Weights (members, *shape) that start at zero."""
        return nn.Parameter(torch.zeros(len(self.seeds), *shape))

    def mask(self, shape):
        """Factors (members, ...) of a dropout: 0, or 1 / (1 - dropout)."""
        keep = 1 - self.dropout
        drawn = torch.stack([torch.rand(shape[1:], generator=generator) for generator in self._drops])
        return (drawn < keep).to(torch.float32).div_(keep)

    def drop(self, x):
        """``x``, shape (members, ...), with entries dropped and the others scaled up; unchanged when not training."""
        return x * self.mask(x.shape) if self.training and self.dropout else x
