"""Linear designs with hidden confounding and directions of invariance."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import null_space


@dataclass(frozen=True)
class Design:
    """Structural model ``X = C A + 0.1 e``, ``Y = X f + kappa C b + 0.1 u`` with hidden ``C ~ N(0, I)``.

    ``a``: shape (m, m); ``b``, ``f``: shape (m,).
    """

    a: np.ndarray
    b: np.ndarray
    f: np.ndarray

    @classmethod
    def draw(cls, rng, m=32):
        """A design with all coefficients standard normal."""
        return cls(rng.standard_normal((m, m)), rng.standard_normal(m), rng.standard_normal(m))

    def sample(self, n, kappa, rng, noise=0.1):
        """``n`` rows: treatments ``x``, shape (n, m), and outcomes ``y``, shape (n,)."""
        c = rng.standard_normal((n, len(self.b)))
        x = c @ self.a + noise * rng.standard_normal((n, len(self.f)))
        return x, x @ self.f + kappa * (c @ self.b) + noise * rng.standard_normal(n)

    def population(self, kappa, noise=0.1):
        """Second moment of ``X``, shape (m, m), and ``E[X Y]``, shape (m,)."""
        second = self.a.T @ self.a + noise**2 * np.eye(len(self.f))
        return second, second @ self.f + kappa * self.a.T @ self.b


def invariant_directions(f, kernel_dim=-1):
    """Orthonormal directions in which the outcome ``x f`` is flat.

    Parameters
    ----------
    f : ndarray, shape (m,)
    kernel_dim : int
        How many of the ``m - 1`` directions are returned; -1 for all.

    Returns
    -------
    basis : ndarray, shape (kernel_dim, m)
        Rows with ``basis @ f = 0``.

    Raises
    ------
    ValueError
        If ``kernel_dim`` is neither -1 nor in 1 to m - 1.
    """
    m = len(f)
    if kernel_dim != -1 and not 1 <= kernel_dim <= m - 1:
        raise ValueError(
            f"kernel_dim = {kernel_dim}: choose 1 to {m - 1} (the outcome has {m - 1} flat directions) or -1 for all"
        )
    basis = null_space(f[None]).T
    return basis if kernel_dim == -1 else basis[:kernel_dim]
