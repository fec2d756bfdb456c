"""Simulated data: a hidden confounder, an instrument that acts on the outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.instruments.samples import Sample

TRUE_EFFECT = 1.0  # mean of beta(X) = 1 + X_1 / 2 over X_1 uniform on (-1, 1)
SHAPES = ("linear", "wavy")


@dataclass(frozen=True)
class Design:
    """A world in which the average effect is 1.

    Attributes
    ----------
    direct : float
        Direct effect of the instrument on the outcome, ``direct (1 + X_2 / 2)``; 0: a valid instrument.
    conf : float
        Effect of the hidden confounder U = +-1 on the outcome, in units of 1.5.
    var_gap : float
        Mean of P(A=1 | Z=1, X) - P(A=1 | Z=0, X).
    interaction : float
        U x Z interaction in the treatment: U moves P(A=1) by ``strength`` where Z = 1 and by
        ``strength (1 - interaction)`` where Z = 0. Anything but 0 breaks the identifying assumption.
    shape : {"linear", "wavy"}
        The first design (every function inside the quadratic basis, strength 0.12), or the one of the learners
        (sine in P(A=1), cosine in the outcome, strength 0.1).
    base : float
        Mean of P(A=1 | Z=0, X).
    n_covariates : int
        Columns of X; only the first two matter.

    Raises
    ------
    ValueError
        If the shape is unknown, a number is not finite, or there are fewer than two covariates.
    """

    direct: float = 1.0
    conf: float = 1.0
    var_gap: float = 0.3
    interaction: float = 0.0
    shape: str = "linear"
    base: float = 0.2
    n_covariates: int = 2

    def __post_init__(self):
        if self.shape not in SHAPES:
            raise ValueError(f"shape must be one of {', '.join(SHAPES)}, got {self.shape!r}")
        for name in ("direct", "conf", "var_gap", "interaction", "base"):
            if not np.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        if self.n_covariates < 2:
            raise ValueError(f"n_covariates must be at least 2, got {self.n_covariates}; the first two matter")

    @property
    def strength(self):
        """How far the hidden confounder moves the probability of treatment where Z = 1."""
        return 0.12 if self.shape == "linear" else 0.1

    def treatment_probabilities(self, x):
        """P(A=1 | Z=0, X) and P(A=1 | Z=1, X), averaged over the hidden confounder; each of shape ``(..., n)``."""
        x1, x2 = x[..., 0], x[..., 1]
        bend = 0.1 * x1 if self.shape == "linear" else 0.2 * np.sin(3 * x1)
        return self.base + 0.05 * x1 - 0.03 * x2, self.base + self.var_gap + bend


def draw(n, design=Design(), *, rng, n_replications=None):
    """Draw samples in which the average effect is 1.

    Parameters
    ----------
    n : int
        Units in a sample.
    design : Design
    rng : numpy.random.Generator
    n_replications : int or None
        Samples in the stack; None draws one, without a leading axis.

    Returns
    -------
    Sample

    Raises
    ------
    ValueError
        If a probability of treatment leaves [0, 1] for some value of U, or an arm of the instrument is empty.

    Examples
    --------
    >>> sample = draw(1000, Design(direct=0.0), rng=np.random.default_rng(0), n_replications=3)
    >>> sample.y.shape, sample.x.shape
    ((3, 1000), (3, 1000, 2))
    """
    size = (n,) if n_replications is None else (n_replications, n)
    x = rng.uniform(-1, 1, (*size, design.n_covariates))
    x1, x2 = x[..., 0], x[..., 1]
    u = rng.choice([-1.0, 1.0], size)
    z = (rng.random(size) < 1 / (1 + np.exp(-0.5 * x1 + 0.5 * x2))).astype(float)
    p0, p1 = design.treatment_probabilities(x)
    p = np.where(z == 1, p1 + design.strength * u, p0 + design.strength * (1 - design.interaction) * u)
    if p.min() < -1e-12 or p.max() > 1 + 1e-12:
        raise ValueError(
            f"the additive probability of treatment leaves [0, 1]: from {p.min():.3f} to {p.max():.3f}; "
            "change var_gap, base or interaction"
        )
    a = (rng.random(size) < p).astype(float)
    curve = x1 + x2**2 if design.shape == "linear" else 2 * np.cos(3 * x2) + x1**2
    y = (1 + 0.5 * x1) * a + design.direct * z * (1 + 0.5 * x2) + curve
    y = y + 1.5 * design.conf * u + rng.normal(0, 0.5, size)
    return Sample(y, a, z, x, u)
