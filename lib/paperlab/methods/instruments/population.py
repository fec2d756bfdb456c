"""A population with finitely many kinds of people, in which every expectation is a sum.

Multiple robustness is a statement on expectations; here it is checked to rounding error. Page ``invalid_instrument``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.instruments.nuisances import Nuisances
from paperlab.methods.instruments.samples import Sample


@dataclass(frozen=True)
class Population:
    """Cells of a population with a hidden confounder and a direct effect of the instrument.

    Attributes
    ----------
    cells : Sample
        One row for each value of ``(X, Z, U, A)``; the outcome is its mean there, since every score is linear in it.
    mass : ndarray, shape (n_cells,)
        Probability of each cell.
    right, wrong : dict
        ``p``, ``pi``, ``m``, ``beta`` and ``rho``, each to the functions that go by this name.
    """

    cells: Sample
    mass: np.ndarray
    right: dict
    wrong: dict

    @property
    def effect(self):
        """The average effect."""
        return float(self.mass @ self.right["beta"]["beta"])

    def mean(self, values):
        """Expectation of a function of the cells."""
        return float(self.mass @ values)

    def nuisances(self, right=("p", "pi", "m", "beta", "rho")):
        """Nuisance functions of which those named are right and the others wrong.

        Raises
        ------
        ValueError
            For an unknown name.
        """
        unknown = sorted(set(right) - set(self.right))
        if unknown:
            raise ValueError(f"right must name some of {', '.join(self.right)}, got {unknown[0]!r}")
        chosen = {}
        for name in self.right:
            chosen |= (self.right if name in right else self.wrong)[name]
        return Nuisances(**chosen)


def population():
    """Three values of X, two of U, the instrument and the treatment.

    Returns
    -------
    Population

    Examples
    --------
    >>> people = population()
    >>> len(people.mass), float(people.mass.sum().round(12)), round(people.effect, 12)
    (24, 1.0, 1.0)
    """
    axes = [-1.0, 0.0, 1.0], [0.0, 1.0], [-1.0, 1.0], [0.0, 1.0]
    x, z, u, a = (values.ravel() for values in np.meshgrid(*axes, indexing="ij"))
    pi, beta, zero = 0.5 + 0.2 * x, 1 + 0.5 * x, np.zeros_like(x)
    p0, p1 = 0.2 + 0.05 * x, 0.5 + 0.1 * x
    p_u = np.where(z == 1, p1, p0) + 0.1 * u
    mass = np.where(z == 1, pi, 1 - pi) * np.where(a == 1, p_u, 1 - p_u) / 6
    y = beta * a + z * (1 + 0.3 * x) + x**2 + 1.5 * u
    right = {
        "p": {"p0": p0, "p1": p1},
        "pi": {"pi": pi},
        "m": {"m0": x**2, "m1": 1 + 0.3 * x + x**2},
        "beta": {"beta": beta},
        "rho": {"rho": zero + 0.1 * 1.5},
    }
    wrong = {
        "p": {"p0": zero + 0.15, "p1": 0.45 - 0.1 * x},
        "pi": {"pi": 0.4 + 0.1 * x},
        "m": {"m0": x, "m1": -x},
        "beta": {"beta": 2 - x},
        "rho": {"rho": 0.4 + 0.1 * x},
    }
    return Population(Sample(y, a, z, x[:, None]), mass, right, wrong)
