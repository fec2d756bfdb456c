"""Penalties that select: SCAD, MCP, L1, each split into ``lam |b|`` and a smooth concave rest.

Page ``robust_high_dim``, part 1.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

SHAPES = {"SCAD": 3.7, "MCP": 3.0, "L1": np.inf}
_KINDS = {"SCAD": 0, "MCP": 1, "L1": 2}
_LEAST_SHAPE = {"SCAD": 2.0, "MCP": 1.0, "L1": 0.0}


@njit(cache=True)
def concave_rest(x, penalty):
    """Value and derivative of the concave part at x; ``penalty`` is (level, kind, shape)."""
    lam, kind, a = penalty
    size = abs(x)
    sign = 1.0 if x > 0 else -1.0
    if kind == 0 and size > lam:
        if size < a * lam:
            return (lam * size - (size**2 + lam**2) / 2) / (a - 1), sign * (lam - size) / (a - 1)
        return (a + 1) / 2 * lam**2 - lam * size, -lam * sign
    if kind == 1:
        if size < a * lam:
            return -(size**2) / (2 * a), -x / a
        return a * lam**2 / 2 - lam * size, -lam * sign
    return 0.0, 0.0


@njit(cache=True)
def _rest_all(x, penalty):
    out = np.empty((2, x.size))
    for j in range(x.size):
        out[0, j], out[1, j] = concave_rest(x[j], penalty)
    return out


@dataclass(frozen=True)
class Penalty:
    """A penalty ``p(b)``: near zero ``lam |b|``, far out flat (SCAD, MCP) or not (L1).

    Parameters
    ----------
    name : {"SCAD", "MCP", "L1"}
    lam : float
        Level, positive.
    shape : float, optional
        a of SCAD (default 3.7, above 2) or gamma of MCP (default 3, above 1).

    Raises
    ------
    ValueError
        For an unknown name, ``lam <= 0`` or a shape at or below its limit.

    Examples
    --------
    >>> Penalty("MCP", 2.0).value([0.0, 1.0, 100.0]).round(2)
    array([0.  , 1.83, 6.  ])
    """

    name: str
    lam: float
    shape: float | None = None

    def __post_init__(self):
        if self.name not in _KINDS:
            raise ValueError(f"penalty must be one of {', '.join(_KINDS)}, got {self.name!r}")
        if not 0 < self.lam < np.inf:
            raise ValueError(f"lam must be positive, got {self.lam}; without a penalty use least squares")
        least, usual = _LEAST_SHAPE[self.name], SHAPES[self.name]
        if self.shape is None:
            object.__setattr__(self, "shape", usual)
        if not self.shape > least:
            raise ValueError(f"shape of {self.name} must exceed {least:g}, got {self.shape}; usual is {usual:g}")

    @property
    def numbers(self):
        """Level, kind and shape as the compiled loops take them."""
        return float(self.lam), _KINDS[self.name], float(self.shape)

    @property
    def concavity(self):
        """Lipschitz constant of the concave part's slope: 1/(a - 1) for SCAD, 1/gamma for MCP, 0 for L1."""
        return {"SCAD": 1 / (self.shape - 1), "MCP": 1 / self.shape, "L1": 0.0}[self.name]

    def concave_part(self, x):
        """The smooth concave part ``p(x) - lam |x|``, elementwise."""
        return _rest_all(np.atleast_1d(np.asarray(x, float)), self.numbers)[0]

    def concave_slope(self, x):
        """Derivative of the concave part, elementwise."""
        return _rest_all(np.atleast_1d(np.asarray(x, float)), self.numbers)[1]

    def value(self, x):
        """The penalty, elementwise."""
        return self.lam * np.abs(np.atleast_1d(x)) + self.concave_part(x)
