"""What a growth mixture is fitted to and what comes out: checked trajectories and parameters of K classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paperlab.methods.foundations.checks import finite

__all__ = ["MODELS", "Parameters", "Trajectories"]

MODELS = {"FMM": (False, False), "gating": (True, False), "expert": (False, True), "full": (True, True)}


class Parameters(NamedTuple):
    """Parameters of K classes.

    Attributes
    ----------
    gate : ndarray, shape (K, 1 + q)
        Multinomial logit of the classes on (1, g); zeros for the first class.
    coef : ndarray, shape (K, 3, 1 + p)
        Regression of the growth factors on (1, x).
    psi : ndarray, shape (K, 3, 3)
        Covariance of the growth factors that the experts leave.
    theta, knot, kappa : ndarray, shape (K,)
        Residual variance, knot in the unit of t, effect of w.
    """

    gate: np.ndarray
    coef: np.ndarray
    psi: np.ndarray
    theta: np.ndarray
    knot: np.ndarray
    kappa: np.ndarray

    def copy(self):
        """Copies of all arrays, as contiguous floats."""
        return Parameters(*(np.array(a, dtype=float, order="C") for a in self))

    def flat(self):
        """All entries as one vector."""
        return np.concatenate([a.ravel() for a in self])

    def like(self, flat):
        """Parameters of this shape from a vector made by `flat`."""
        ends = np.cumsum([a.size for a in self])[:-1]
        return Parameters(*(part.reshape(a.shape) for part, a in zip(np.split(flat, ends), self, strict=True)))

    def ordered(self, key=None):
        """Classes relabelled by ``key`` (by default the mean intercept), so that replications can be averaged."""
        order = np.argsort(self.coef[:, 0, 0] if key is None else key, kind="stable")
        out = Parameters(*(a[order] for a in self))
        return out._replace(gate=out.gate - out.gate[0])


@dataclass(frozen=True)
class Trajectories:
    """Outcomes of n persons on J waves, checked.

    Parameters
    ----------
    y, t : array_like, shape (n, J)
        Outcome and the person's own measurement times, increasing in each row.
    x, g : array_like, shape (n, p) and (n, q), optional
        Expert and gating covariates; none if left out.
    w : array_like, shape (n, J), optional
        A covariate that varies over time and has a direct effect on y.

    Raises
    ------
    ValueError
        If shapes differ, values are missing (names argument and row), or times do not increase.
    """

    y: np.ndarray
    t: np.ndarray
    x: np.ndarray = None
    g: np.ndarray = None
    w: np.ndarray = None

    def __post_init__(self):
        y = np.ascontiguousarray(self.y, dtype=float)
        if y.ndim != 2:
            raise ValueError(f"y has shape {y.shape}; give one row per person and one column per wave")
        n = len(y)
        parts = {"y": y, "t": np.ascontiguousarray(self.t, dtype=float)}
        parts["w"] = np.zeros_like(y) if self.w is None else np.ascontiguousarray(self.w, dtype=float)
        for name in "xg":
            value = getattr(self, name)
            value = np.empty((n, 0)) if value is None else np.asarray(value, dtype=float)
            parts[name] = np.ascontiguousarray(value[:, None] if value.ndim == 1 else value)
        for name, value in parts.items():
            shape = y.shape if name in "ytw" else (n, parts[name].shape[1])
            if value.shape != shape:
                raise ValueError(f"{name} has shape {value.shape}, but y has {y.shape}; rows are the same persons")
            finite(name, value)
        late = np.flatnonzero((np.diff(parts["t"], axis=1) <= 0).any(axis=1))
        if late.size:
            raise ValueError(f"t does not increase in row {late[0]} ({late.size} rows in all); sort the waves by time")
        object.__setattr__(self, "_use_w", self.w is not None)
        for name, value in parts.items():
            object.__setattr__(self, name, value)

    @property
    def use_w(self):
        """Whether there is a covariate that varies over time."""
        return self._use_w

    def with_model(self, model):
        """The same data with only the covariates that ``model`` (full, expert, gating, FMM) uses."""
        if model not in MODELS:
            raise ValueError(f"model = {model!r}: choose one of {', '.join(MODELS)}")
        gate, expert = MODELS[model]
        return Trajectories(
            self.y, self.t, self.x if expert else None, self.g if gate else None, self.w if self.use_w else None
        )

    def rows(self, index):
        """The persons of ``index`` only."""
        return Trajectories(
            self.y[index], self.t[index], self.x[index], self.g[index], self.w[index] if self.use_w else None
        )
