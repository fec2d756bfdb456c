"""Monte Carlo designs of page ``factor_score_regression``: one data set, many data sets."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial

import numpy as np

from paperlab.methods.factor_scores import item_response, two_stage
from paperlab.methods.factor_scores import measurement as mm
from paperlab.methods.factor_scores.interaction import interaction_ml
from paperlab.methods.foundations.monte_carlo import replicate

__all__ = ["DESIGNS", "Design", "Settings", "draw_items", "names", "run_design", "truth"]

DESIGNS = ("linear", "interaction", "categorical")


@dataclass(frozen=True)
class Design:
    """One cell: structural ``kind`` (see ``DESIGNS``), people, loading of every item, items per latent variable."""

    kind: str = "interaction"
    n: int = 500
    loading: float = 0.7
    n_items: int = 4
    score_type: str = "regression"

    def __post_init__(self):
        if self.kind not in DESIGNS:
            raise ValueError(f"kind must be one of {', '.join(DESIGNS)}, got {self.kind!r}")
        if not 0 < self.loading < 1:
            raise ValueError(f"loading must lie between 0 and 1, got {self.loading}; items have variance 1")
        if self.n < 50:
            raise ValueError(f"n must be at least 50, got {self.n}; one-factor ML is not reliable below that")
        if self.n_items < 3:
            raise ValueError(
                f"n_items must be at least 3, got {self.n_items}; fewer do not identify a one-factor model"
            )
        mm.check_score_type(self.score_type)


@dataclass(frozen=True)
class Settings:
    """How every data set of a design is estimated.

    Attributes
    ----------
    n_iter, n_draws, kind : int, int, str
        Iterations of the stochastic approximation, simulated people in each, and how they are drawn
        (``two_stage.DRAWS``; binary items always take matched ones).
    n_variance, n_twin, ml_iter : int
        Data sets behind the Monte Carlo variance, draws of the deterministic twin, EM steps of the interaction
        model's one-stage ML; 0 leaves each out. Gaussian items only.
    """

    n_iter: int = 100
    n_draws: int = 1000
    kind: str = "matched"
    n_variance: int = 0
    n_twin: int = 0
    ml_iter: int = 0


def truth(design):
    """True structural parameters of a design, with which the variance of eta is 1.

    Parameters
    ----------
    design : Design

    Returns
    -------
    theta : ndarray, shape (4,), or (5,) with an interaction
        In the order of `names`.

    Examples
    --------
    >>> truth(Design("linear")).round(3)
    array([0.3  , 0.4  , 0.3  , 0.678])
    """
    phi, b1, b2, b3 = 0.3, 0.4, 0.3, 0.2
    linear = b1**2 + b2**2 + 2 * b1 * b2 * phi
    if design.kind == "interaction":
        return np.array([phi, b1, b2, b3, 1 - linear - b3**2 * (1 + phi**2)])
    return np.array([phi, b1, b2, 1 - linear])


def names(design):
    """Names of the entries of theta of a design.

    Parameters
    ----------
    design : Design

    Returns
    -------
    list of str

    Examples
    --------
    >>> names(Design("interaction"))
    ['phi', 'beta1', 'beta2', 'beta3', 'psi']
    """
    return ["phi", "beta1", "beta2", *(["beta3"] if design.kind == "interaction" else []), "psi"]


def draw_items(design, *, rng):
    """Items of one simulated data set.

    Parameters
    ----------
    design : Design
    rng : numpy.random.Generator

    Returns
    -------
    y : ndarray, shape (n, 3 n_items)
        Gaussian items are centred.
    """
    theta, shape = truth(design), (3, design.n_items)
    if design.kind == "categorical":
        slopes, intercepts = np.full(shape, 1.7), np.tile(np.linspace(-1.0, 1.0, design.n_items), (3, 1))
        f = two_stage.structural(theta, rng.standard_normal((design.n, 3)))
        return item_response.draw_binary(f, slopes, intercepts, rng.random((design.n, slopes.size)))
    loads, us = np.full(shape, design.loading), np.full(shape, 1 - design.loading**2)
    return two_stage.gaussian_items(theta, loads, us, design.n, rng=rng)[0]


def _binary_data_set(design, settings, rng):
    """Naive and corrected estimate from one data set of binary items, and the bounds hit on the way."""
    y = draw_items(design, rng=rng)
    model = item_response.fit_two_pl(y, max_iter=1000, tol=1e-4, heywood="keep")
    t = mm.naive(item_response.eap_scores(y, model.eap), False)

    def simulate(theta):
        f = two_stage.structural(theta, two_stage.simulated_normals(settings.n_draws, rng=rng, columns=3))
        uniform = rng.random((len(f), model.slopes.size))
        return mm.naive(item_response.simulated_scores(f, model.slopes, model.intercepts, model.eap, uniform), False)

    found = two_stage.robbins_monro(t, simulate, n_iter=settings.n_iter, clip=two_stage.clip)
    hits, heywood = two_stage.bounds_hit(found.path), int(model.heywood.sum())
    return {"naive": t, "corrected": found.theta, "hits": hits, "heywood": heywood}


def _gaussian_data_set(design, settings, rng):
    """Every estimate from one data set of Gaussian items, by name (see `run_design`)."""
    y = draw_items(design, rng=rng)
    s = y.T @ y / design.n
    loads, us, heywood, _ = mm.stage_one(s, design.n_items, 1e-7)
    model = mm.Measurement(loads, us, heywood)
    scores, slope, error = mm.make_scores(y, loads, us, design.score_type)
    interaction = design.kind == "interaction"
    t = mm.naive(scores, interaction)
    options = {"n_iter": settings.n_iter, "n_draws": settings.n_draws, "kind": settings.kind}
    found = two_stage.approximate(t, slope, error, rng=rng, **options)
    theta, hits = found.theta, two_stage.bounds_hit(found.path)
    out = {"naive": t, "corrected": theta, "hits": hits, "heywood": int(heywood.sum())}
    fresh = two_stage.simulated_normals(2000, rng=rng)
    out |= {"slope": slope, "error": error, "left": t - two_stage.binding(theta, slope, error, fresh)}
    if not interaction:
        out["croon"] = mm.theta_of_covariance(mm.corrected_covariance(scores, slope, error))
        out["ml"] = mm.saturated_ml(s, loads, us).theta
    elif settings.ml_iter:
        out["ml"] = interaction_ml(y, theta, measurement=model, max_iter=settings.ml_iter, tol=1e-5).theta
    if settings.n_variance:
        options = {"n": design.n, "score_type": design.score_type, "n_replications": settings.n_variance}
        variance = two_stage.monte_carlo_variance(theta, model, rng=rng, **options)
        out |= {"se": variance.se, "se_no_stage_one": variance.se_no_stage_one}
    if settings.n_twin:
        z = two_stage.simulated_normals(settings.n_twin, rng=rng, kind="antithetic")
        out["twin"] = two_stage.correct_crn(t, slope, error, z).theta
    return out


def run_design(design, n_replications, *, seed, settings=None, n_jobs=2):
    """Monte Carlo over data sets of one design.

    Parameters
    ----------
    design : Design
    n_replications : int
        Data sets.
    seed : int or sequence of int
        Data set r draws from its own spawned stream, so the numbers do not depend on ``n_jobs``.
    settings : Settings, optional
    n_jobs : int
        Threads.

    Returns
    -------
    dict of ndarray
        "naive", "corrected" (n_replications, k); "hits" (steps on a bound) and "heywood" (n_replications,). Gaussian
        items: "slope", "error" of the scores (n_replications, 3) and "left", what is left of ``t - b(theta)``
        (n_replications, k); where they apply or were asked for: "croon", "ml", "se", "se_no_stage_one", "twin"
        (n_replications, k).

    Raises
    ------
    ValueError
        If ``n_replications`` is below 1, or a setting does not suit.
    """
    if operator.index(n_replications) < 1:
        raise ValueError(f"n_replications must be at least 1, got {n_replications}")
    data_set = _binary_data_set if design.kind == "categorical" else _gaussian_data_set
    streams = [np.random.Generator(np.random.SFC64(s)) for s in np.random.SeedSequence(seed).spawn(n_replications)]
    function = partial(data_set, design, settings or Settings())
    return replicate(function, streams, n_jobs=n_jobs, backend="threading")
