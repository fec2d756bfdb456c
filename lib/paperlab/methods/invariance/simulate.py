"""Linear designs with hidden confounding and directions of invariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space

from paperlab.methods.foundations.checks import finite
from paperlab.methods.invariance.augmentation import SecondMoments


@dataclass(frozen=True)
class Rows:
    """Treatments ``x`` (n, m) and outcomes ``y`` (n,)."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Design:
    """Structural model ``X = C A + noise e``, ``Y = X f + kappa C b + noise u`` with hidden ``C ~ N(0, I)``.

    Attributes
    ----------
    a : ndarray, shape (m, m)
    b, f : ndarray, shape (m,)
    noise : float
        Standard deviation of ``e`` and ``u``, above 0.
    """

    a: np.ndarray
    b: np.ndarray
    f: np.ndarray
    noise: float = 0.1

    def __post_init__(self):
        m = len(self.f)
        if np.shape(self.a) != (m, m) or np.shape(self.b) != (m,):
            raise ValueError(
                f"a, b and f must be (m, m), (m,) and (m,), got {np.shape(self.a)}, {np.shape(self.b)}, ({m},)"
            )
        if not self.noise > 0:
            raise ValueError(f"noise must be above 0, got {self.noise}; without it the treatments are the confounders")

    @classmethod
    def draw(cls, m=32, *, rng):
        """A design of ``m`` treatments with all coefficients standard normal.

        Examples
        --------
        >>> Design.draw(3, rng=np.random.default_rng(0)).a.shape
        (3, 3)
        """
        return cls(rng.standard_normal((m, m)), rng.standard_normal(m), rng.standard_normal(m))

    def sample(self, n, kappa, *, rng):
        """Draw ``n`` rows with a confounder of strength ``kappa`` in the outcome.

        Returns
        -------
        Rows
        """
        c = rng.standard_normal((n, len(self.b)))
        x = c @ self.a + self.noise * rng.standard_normal((n, len(self.f)))
        return Rows(x, x @ self.f + kappa * (c @ self.b) + self.noise * rng.standard_normal(n))

    def population(self, kappa):
        """``E[X X']`` and ``E[X Y]`` with a confounder of strength ``kappa``.

        Returns
        -------
        SecondMoments
        """
        second = self.a.T @ self.a + self.noise**2 * np.eye(len(self.f))
        return SecondMoments(second, second @ self.f + kappa * self.a.T @ self.b)


def invariant_directions(f, kernel_dim=-1):
    """Orthonormal directions in which the outcome ``x f`` is flat.

    Parameters
    ----------
    f : array_like, shape (m,)
        Not zero.
    kernel_dim : int
        How many of the ``m - 1`` directions are returned; -1 for all.

    Returns
    -------
    basis : ndarray, shape (kernel_dim, m)
        Rows with ``basis @ f = 0``.

    Raises
    ------
    ValueError
        If ``f`` is not finite or zero, or ``kernel_dim`` is neither -1 nor in 1 to m - 1.

    Examples
    --------
    >>> np.abs(invariant_directions([0.0, 2.0]))
    array([[1., 0.]])
    """
    f = finite("f", f)
    m = len(f)
    if not f.any():
        raise ValueError("f = 0: the outcome is flat everywhere; give a truth that is not zero")
    if kernel_dim != -1 and not 1 <= kernel_dim <= m - 1:
        raise ValueError(
            f"kernel_dim = {kernel_dim}: choose 1 to {m - 1} (the outcome has {m - 1} flat directions) or -1 for all"
        )
    basis = null_space(f[None]).T
    return basis if kernel_dim == -1 else basis[:kernel_dim]
