"""Profiles as vectors: the levels of all factors side by side, one-hot encoding, policies factor by factor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paperlab.methods.foundations.checks import finite


@dataclass(frozen=True)
class Layout:
    """How the levels of all factors lie side by side in one vector.

    Parameters
    ----------
    levels : tuple of int
        Number of levels of each factor, at least two.

    Raises
    ------
    ValueError
        If there is no factor or one has fewer than two levels.

    Examples
    --------
    >>> layout = Layout((2, 3))
    >>> layout.size, layout.starts.tolist(), layout.free.tolist()
    (5, [0, 2], [1, 3, 4])
    """

    levels: tuple

    def __post_init__(self):
        if not self.levels:
            raise ValueError("levels is empty; give the number of levels of at least one factor")
        for d, count in enumerate(self.levels):
            if count != int(count) or count < 2:
                raise ValueError(f"factor {d} has {count} level; a factor needs two or more, else drop it")
        object.__setattr__(self, "levels", tuple(int(count) for count in self.levels))

    @cached_property
    def size(self):
        """Number of levels over all factors."""
        return sum(self.levels)

    @cached_property
    def starts(self):
        """Position of the first level of each factor."""
        return np.concatenate([[0], np.cumsum(self.levels)[:-1]])

    @cached_property
    def factor(self):
        """Factor of each position, shape (size,)."""
        return np.repeat(np.arange(len(self.levels)), self.levels)

    @cached_property
    def uniform(self):
        """Uniform assignment probabilities, shape (size,)."""
        return np.repeat(1 / np.array(self.levels), self.levels)

    @cached_property
    def free(self):
        """Positions other than each factor's first level, which is the reference."""
        return np.setdiff1d(np.arange(self.size), self.starts)

    def _check(self, values):
        values = np.asarray(values, float)
        if values.shape[-1:] != (self.size,):
            raise ValueError(f"values must have one entry for each of {self.size} levels, got shape {values.shape}")
        return values

    def total(self, values):
        """Sum over the levels of each factor, repeated for each level; shape as ``values`` (..., size)."""
        return np.add.reduceat(self._check(values), self.starts, axis=-1)[..., self.factor]

    def softmax(self, logits):
        """Probabilities within each factor from logits (..., size)."""
        logits = self._check(logits)
        top = np.maximum.reduceat(logits, self.starts, axis=-1)[..., self.factor]
        raised = np.exp(logits - top)
        return raised / self.total(raised)

    def project(self, values):
        """Nearest point, factor by factor, with non-negative entries of sum one; shape (..., size)."""
        values = finite("values", self._check(values))
        active = np.ones(values.shape, dtype=bool)
        for _ in range(max(self.levels)):  # each round drops levels, so this many rounds are enough
            threshold = (self.total(np.where(active, values, 0)) - 1) / self.total(active)
            kept = values > threshold
            if (kept == active).all():
                break
            active = kept
        return np.where(active, values - threshold, 0)

    def argmax(self, values):
        """One-hot profile of the best level of each factor (the first of equals); shape (..., size)."""
        values = finite("values", self._check(values))
        out = np.zeros(values.shape)
        for start, count in zip(self.starts, self.levels, strict=True):
            best = values[..., start : start + count].argmax(axis=-1)
            np.put_along_axis(out[..., start : start + count], best[..., None], 1.0, axis=-1)
        return out


def encode(columns, levels):
    """One-hot profiles.

    Parameters
    ----------
    columns : mapping of str to sequence
        Factor to the level of each profile, e.g. a DataFrame.
    levels : mapping of str to list
        Factor to its levels, in the order of the columns of the result.

    Returns
    -------
    x : ndarray, shape (n_profiles, n_levels)

    Raises
    ------
    ValueError
        If a factor is missing, has one level, lists a level twice, or a level is not listed (names factor, level and
        row).

    Examples
    --------
    >>> encode({"sex": ["f", "m", "f"]}, {"sex": ["m", "f"]})
    array([[0., 1.],
           [1., 0.],
           [0., 1.]])
    """
    parts = []
    for factor, names in levels.items():
        names = list(names)
        if len(names) < 2:
            raise ValueError(f"factor {factor!r} has {len(names)} level; a factor needs two or more, else drop it")
        if len(set(names)) < len(names):
            raise ValueError(f"factor {factor!r} lists a level twice: {names}")
        if factor not in columns:
            raise ValueError(f"factor {factor!r} is missing; columns has {list(columns)}")
        place = {name: position for position, name in enumerate(names)}
        seen = [place.get(level, -1) for level in columns[factor]]
        if -1 in seen:
            row = seen.index(-1)
            level = list(columns[factor])[row]
            raise ValueError(f"factor {factor!r}: unknown level {level!r} in row {row}; known are {names}")
        parts.append(np.eye(len(names))[seen])
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"columns must be of one length, got {[len(part) for part in parts]}")
    return np.hstack(parts)
