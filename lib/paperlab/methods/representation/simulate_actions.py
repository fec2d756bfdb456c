"""Worlds in which actions move latent variables that a mixing hides."""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.representation.extrapolation import SLOPE

WAVE = 0.8  # angular frequency of the outcome in Z
BOUND = 0.5  # half the width of the uniform V


@dataclass(frozen=True)
class Sample:
    """Actions (n, k), hidden variables (n, d), observed mixture (n, m) and outcome (n,) of one data set."""

    a: np.ndarray
    z: np.ndarray
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class World:
    """A fixed mechanism: actions to Z, Z to X, Z and its noise to Y; see `draw_world`."""

    m0: np.ndarray
    mixing: tuple
    biases: np.ndarray
    v_support: str
    action_effect: str
    outcome: str

    def mean(self, a):
        """E[Z | do(A = a)], shape (..., d), for actions (..., k)."""
        a = np.asarray(a, float)
        return (a if self.action_effect == "linear" else a + 0.5 * a**2) @ self.m0.T

    def mix(self, z):
        """X = g0(Z), shape (n, m): two leaky rectifiers between isometries, hence injective."""
        h = np.asarray(z, float) @ self.mixing[0]
        for bias, rotation in zip(self.biases, self.mixing[1:], strict=True):
            h = h + bias
            h = np.where(h > 0, h, SLOPE * h) @ rotation
        return h

    def _damping(self):
        """E[cos(0.8 V)]: the factor by which averaging over V flattens a wave in Z."""
        return np.exp(-(WAVE**2) / 2) if self.v_support == "gaussian" else np.sin(WAVE * BOUND) / (WAVE * BOUND)

    def _outcome(self, z, damping=1.0):
        wave = damping * np.sin(WAVE * z)
        if self.outcome == "additive":
            return (2 * wave + 0.5 * z).sum(-1)
        return 2 * wave[..., 0] * damping * np.cos(WAVE * z[..., 1]) + 0.5 * z.sum(-1)

    def effect(self, a):
        """E[Y | do(A = a)] in closed form, shape (...), for actions (..., k): V is symmetric and E[U] = 0."""
        return self._outcome(self.mean(a), self._damping())

    def sample(self, n, *, rng):
        """A `Sample` of n independent units with actions uniform on (-1, 1)^k."""
        d, k = self.m0.shape
        a = rng.uniform(-1, 1, (n, k))
        v = rng.standard_normal((n, d)) if self.v_support == "gaussian" else rng.uniform(-BOUND, BOUND, (n, d))
        z = self.mean(a) + v
        u = (v + 0.5 * np.tanh(2 * v)).sum(1) + 0.1 * rng.standard_normal(n)
        return Sample(a, z, self.mix(z), self._outcome(z) + u)


def draw_world(*, d=1, k=None, alpha=1.5, v_support="gaussian", action_effect="linear", outcome="additive", m=10, rng):
    """Draw the mechanism of a synthetic world (Z = M0 A + V, X = g0(Z), Y = l(Z) + U).

    Parameters
    ----------
    d, k, m : int
        Dimensions of Z, A (d if not given) and X.
    alpha : float
        Strength of the actions: M0 has all singular values equal to it.
    v_support : {"gaussian", "uniform"}
        V standard normal (full support), or uniform on (-0.5, 0.5) in each coordinate (bounded support).
    action_effect : {"linear", "quadratic"}
        Z = M0 A + V or Z = M0 (A + A^2 / 2) + V.
    outcome : {"additive", "product"}
        l(z) = sum_j 2 sin(0.8 z_j) + z_j / 2, or 2 sin(0.8 z_1) cos(0.8 z_2) + (z_1 + z_2) / 2, which needs d = 2.
    rng : numpy.random.Generator

    Returns
    -------
    World

    Raises
    ------
    ValueError
        If k < d (rank condition), m < d, alpha = 0, or a name is unknown.
    """
    k = d if k is None else k
    if k < d:
        raise ValueError(f"k must be at least d = {d} (rank condition), got {k} actions")
    if m < d:
        raise ValueError(f"m must be at least d = {d}, got {m} observed variables; no mixing would be injective")
    if alpha == 0 or not np.isfinite(alpha):
        raise ValueError(f"alpha must be a strength other than 0, got {alpha}; M0 would have rank 0")
    known = {"v_support": ("gaussian", "uniform"), "action_effect": ("linear", "quadratic")}
    known["outcome"] = ("additive", "product") if d == 2 else ("additive",)
    given = {"v_support": v_support, "action_effect": action_effect, "outcome": outcome}
    for name, value in given.items():
        if value not in known[name]:
            raise ValueError(f"{name} must be one of {', '.join(known[name])} (d = {d}), got {value!r}")

    def orthogonal(size):
        q, r = np.linalg.qr(rng.standard_normal((size, size)))
        return q * np.sign(np.diag(r))

    m0 = alpha * orthogonal(k)[:d]
    mixing = (orthogonal(m)[:d], orthogonal(m), orthogonal(m))
    return World(m0, mixing, 0.5 * rng.standard_normal((2, m)), v_support, action_effect, outcome)
