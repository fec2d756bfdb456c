"""Simulated data: a hidden confounder, an instrument that acts on the outcome (page ``invalid_instrument``)."""

import numpy as np

from paperlab.methods.instruments.multiply_robust import Sample

TRUE_EFFECT = 1.0  # mean of beta(X) = 1 + X_1 / 2 over X_1 uniform on (-1, 1)


def treatment_probabilities(x, *, var_gap=0.3, shape="linear", base=0.2):
    """P(A=1 | Z=0, X) and P(A=1 | Z=1, X), averaged over the hidden confounder; each of shape ``(..., n)``."""
    x1, x2 = x[..., 0], x[..., 1]
    bend = 0.1 * x1 if shape == "linear" else 0.2 * np.sin(3 * x1)
    return base + 0.05 * x1 - 0.03 * x2, base + var_gap + bend


def simulate(
    rng,
    n,
    *,
    reps=None,
    direct=1.0,
    conf=1.0,
    var_gap=0.3,
    interaction=0.0,
    shape="linear",
    base=0.2,
    n_covariates=2,
):
    """Draw samples in which the average effect is 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Units in a sample.
    reps : int or None
        Samples in the stack; None draws one, without a leading axis.
    direct : float
        Direct effect of the instrument on the outcome, ``direct (1 + X_2 / 2)``; 0: a valid instrument.
    conf : float
        Effect of the hidden confounder U = +-1 on the outcome, in units of 1.5.
    var_gap : float
        Mean of P(A=1 | Z=1, X) - P(A=1 | Z=0, X).
    interaction : float
        U x Z interaction in the treatment: U moves P(A=1) by ``s`` where Z = 1 and by ``s (1 - interaction)``
        where Z = 0. Anything but 0 breaks the identifying assumption.
    shape : {"linear", "wavy"}
        The first design (every function inside the quadratic basis, s = 0.12), or the one of the learners
        (sine in P(A=1), cosine in the outcome, s = 0.1).
    base : float
        Mean of P(A=1 | Z=0, X).
    n_covariates : int
        Columns of X; only the first two matter.

    Returns
    -------
    Sample

    Raises
    ------
    ValueError
        If a probability of treatment leaves [0, 1] for some value of U.
    """
    if shape not in ("linear", "wavy"):
        raise ValueError(f"shape must be linear or wavy, got {shape!r}")
    if n_covariates < 2:
        raise ValueError(f"n_covariates must be at least 2, got {n_covariates}")
    size = (n,) if reps is None else (reps, n)
    x = rng.uniform(-1, 1, (*size, n_covariates))
    x1, x2 = x[..., 0], x[..., 1]
    u = rng.choice([-1.0, 1.0], size)
    z = (rng.random(size) < 1 / (1 + np.exp(-0.5 * x1 + 0.5 * x2))).astype(float)
    p0, p1 = treatment_probabilities(x, var_gap=var_gap, shape=shape, base=base)
    strength = 0.12 if shape == "linear" else 0.1
    p = np.where(z == 1, p1 + strength * u, p0 + strength * (1 - interaction) * u)
    if p.min() < -1e-12 or p.max() > 1 + 1e-12:
        raise ValueError(
            f"the additive probability of treatment leaves [0, 1]: from {p.min():.3f} to {p.max():.3f}; "
            "change var_gap, base or interaction"
        )
    a = (rng.random(size) < p).astype(float)
    curve = x1 + x2**2 if shape == "linear" else 2 * np.cos(3 * x2) + x1**2
    y = (1 + 0.5 * x1) * a + direct * z * (1 + 0.5 * x2) + curve + 1.5 * conf * u + rng.normal(0, 0.5, size)
    return Sample(y, a, z, x, u)


def monte_carlo(rng, n, reps, estimators, *, chunk=None, **design):
    """Values of several estimators on the same simulated samples.

    Parameters
    ----------
    rng : numpy.random.Generator
    n, reps : int
        Units in a sample, number of samples.
    estimators : dict
        Name to ``function(sample, shared)``, which takes a stack of samples and a dict for fits that
        estimators share, and returns an array of shape ``(samples in the stack,)`` or ``(samples, n_columns)``.
    chunk : int or None
        Samples in one stack; None chooses about 16,000 units, which fit a cache.
    **design
        Arguments of `simulate`.

    Returns
    -------
    dict
        Name to array, shape ``(reps,)`` or ``(reps, n_columns)``.
    """
    chunk = chunk or max(1, 16_000 // n)
    parts = {name: [] for name in estimators}
    for start in range(0, reps, chunk):
        sample = simulate(rng, n, reps=min(chunk, reps - start), **design)
        shared = {}
        for name, estimator in estimators.items():
            parts[name].append(estimator(sample, shared))
    return {name: np.concatenate(values) for name, values in parts.items()}
