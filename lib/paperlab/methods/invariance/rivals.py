"""All rivals of IV-like regression on many samples, each with a penalty chosen by its own rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paperlab.methods.invariance.augmentation import Moments
from paperlab.methods.invariance.environments import (
    Groups,
    choose_environments,
    cut_in_half,
    fit_environments,
    invariant_prediction,
)
from paperlab.methods.invariance.shrinkage import choose_causal_regularisation, invariance_penalty, shrink_to_norm

N_COPIES = 3  # augmented copies of each row that RICE sees


@dataclass(frozen=True)
class Augmented:
    """One data set.

    Attributes
    ----------
    x, gx : ndarray, shape (n, m)
        Treatments as observed and augmented.
    y : ndarray, shape (n,)
    g : ndarray, shape (n, k)
        Parameters of the augmentation.
    augment : callable
        ``augment(rows of x, rng=rng)`` gives a further augmented copy.
    """

    x: np.ndarray
    y: np.ndarray
    g: np.ndarray
    gx: np.ndarray
    augment: Callable


def fit_rivals(samples, *, rng, n_bits=4, n_weights=10):
    """Coefficients of every rival on every data set, penalties chosen among ``n_weights`` exponential draws.

    RICE sees a third of the rows with three copies of each, Kania and Wit one half as observed and one half augmented,
    so that all methods see as many rows. The other ones read the augmented rows, Janzing's two the observed ones.

    Parameters
    ----------
    samples : list of Augmented
    rng : numpy.random.Generator
    n_bits : int
        Augmentation parameters that define the environments.
    n_weights : int

    Returns
    -------
    dict
        Name of the method to an array (s, m).

    Raises
    ------
    ValueError
        Without a sample, or as the methods.
    """
    if not samples:
        raise ValueError("samples is empty: give at least one data set")
    weights = rng.exponential(size=(len(samples), n_weights))
    groups = [Groups.of(one.gx, one.y, cut_in_half(one.g, n_bits)) for one in samples]
    found = {
        "IRM": choose_environments("IRM", groups, weights, rng=rng).coef,
        "V-REx": choose_environments("V-REx", groups, weights, rng=rng).coef,
        "MM-REx": choose_environments("MM-REx", groups, -weights, rng=rng).coef,
        "DRO": fit_environments("DRO", groups, weights[:, :1])[:, 0],
        "ICP": np.stack([invariant_prediction(one, rng=rng).coef for one in groups]),
    }
    single = {"RICE": [], "l1 Janzing": [], "l2 Janzing": [], "Kania-Wit": []}
    for one, draws in zip(samples, weights, strict=True):
        single["RICE"].append(_rice(one, draws, rng))
        observed = Moments.of(one.x, one.y)
        single["l1 Janzing"].append(shrink_to_norm(observed, "lasso"))
        single["l2 Janzing"].append(shrink_to_norm(observed, "ridge"))
        half = np.array_split(rng.permutation(len(one.y)), 2)
        parts = one.x[half[0]], one.y[half[0]], one.gx[half[1]], one.y[half[1]]
        single["Kania-Wit"].append(choose_causal_regularisation(*parts, draws, rng=rng).coef)
    return found | {name: np.stack(h) for name, h in single.items()}


def _rice(sample, weights, rng):
    """`invariance_penalty` on a third of the rows, its weight chosen on the last fifth of these."""
    third = rng.permutation(len(sample.y))[: len(sample.y) // 3]
    inside = round(0.8 * len(third))
    x, y = sample.x[third], sample.y[third]
    copies = np.stack([sample.augment(x, rng=rng) for _ in range(N_COPIES)])
    errors = []
    for weight in weights:
        fit = invariance_penalty(x[:inside], copies[:, :inside], y[:inside], weight)
        errors.append(np.mean((y[inside:] - x[inside:] @ fit.coef) ** 2))
    return invariance_penalty(x, copies, y, weights[np.argmin(errors)]).coef
