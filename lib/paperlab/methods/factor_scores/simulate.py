"""Monte Carlo designs of page ``factor_score_regression``: one data set, many data sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paperlab.methods.factor_scores import item_response as bi
from paperlab.methods.factor_scores import measurement as mm
from paperlab.methods.factor_scores import two_stage as fr
from paperlab.methods.factor_scores.interaction import interaction_ml

__all__ = ["DESIGNS", "Design", "draw_items", "names", "run_design", "truth"]

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
        mm.score_kind(self.score_type)


def truth(design):
    """True theta; the variance of eta is 1."""
    phi, b1, b2, b3 = 0.3, 0.4, 0.3, 0.2
    linear = b1**2 + b2**2 + 2 * b1 * b2 * phi
    if design.kind == "interaction":
        return np.array([phi, b1, b2, b3, 1 - linear - b3**2 * (1 + phi**2)])
    return np.array([phi, b1, b2, 1 - linear])


def names(design):
    """Names of the entries of theta."""
    return ["phi", "beta1", "beta2", *(["beta3"] if design.kind == "interaction" else []), "psi"]


def draw_items(design, rng):
    """Items of one simulated data set, shape (n, 3 n_items); Gaussian items are centred."""
    theta, shape = truth(design), (3, design.n_items)
    if design.kind == "categorical":
        slopes, inters = np.full(shape, 1.7), np.tile(np.linspace(-1.0, 1.0, design.n_items), (3, 1))
        f = fr.structural(theta, rng.standard_normal((design.n, 3)))
        return bi.draw_binary(f, slopes, inters, rng.random((design.n, slopes.size)))
    loads, us = np.full(shape, design.loading), np.full(shape, 1 - design.loading**2)
    return fr.gaussian_items(theta, loads, us, design.n, rng)[0]


def binary_data_set(design, rng, sa_iter, draws):
    """Naive and corrected estimate from one data set of binary items, and the bounds hit on the way."""
    y = draw_items(design, rng)
    slopes, inters, eap = bi.fit_two_pl(y, max_iter=1000, tol=1e-4)
    t = mm.naive(bi.eap_scores(y, eap), False)

    def simulate(theta):
        f = fr.structural(theta, fr.simulated_normals(rng, draws, columns=3))
        return mm.naive(bi.simulated_scores(f, slopes, inters, eap, rng.random((len(f), slopes.size))), False)

    theta, path = fr.robbins_monro(t, simulate, n_iter=sa_iter, clip=fr.clip)
    return {"naive": t, "corrected": theta, "hits": fr.bounds_hit(path), "heywood": 0}


def gaussian_data_set(design, rng, sa_iter, draws, kind, variance, twin, ml_steps):
    """Every estimate from one data set of Gaussian items, by name (see ``run_design``)."""
    y = draw_items(design, rng)
    s = y.T @ y / design.n
    loads, us, heywood = mm.stage_one(s, design.n_items, 1e-7)
    model = mm.Measurement(loads, us, None, heywood)
    scores, slope, error = mm.make_scores(y, loads, us, mm.score_kind(design.score_type))
    interaction = design.kind == "interaction"
    t = mm.naive(scores, interaction)
    theta, path = fr.correct(t, slope, error, rng, n_iter=sa_iter, draws=draws, kind=kind)
    out = {"naive": t, "corrected": theta, "hits": fr.bounds_hit(path), "heywood": int(heywood.sum())}
    fresh = fr.simulated_normals(rng, 2000)
    out |= {"slope": slope, "error": error, "left": t - fr.binding(theta, slope, error, fresh)}
    if not interaction:
        out["croon"] = mm.croon(scores, slope, error)
        out["ml"] = mm.saturated_ml(s, loads, us)
    elif ml_steps:
        out["ml"] = interaction_ml(y, theta, model=model, max_iter=ml_steps, tol=1e-5)
    if variance:
        options = {"n": design.n, "score_type": design.score_type, "m": variance}
        covs = fr.monte_carlo_variance(theta, model, rng, **options)
        out["se"], out["se_no_stage_one"] = (np.sqrt(np.diag(cov)) for cov in covs)
    if twin:
        out["twin"] = fr.correct_crn(t, slope, error, fr.simulated_normals(rng, twin, "mirrored"))
    return out


def run_design(
    design, reps, seed, *, sa_iter=100, draws=1000, kind="matched", variance=0, twin=0, ml_steps=0, n_jobs=2
):
    """Monte Carlo over data sets of one design.

    Parameters
    ----------
    design : Design
    reps, seed : int
        Data sets; data set r has its own stream, so the numbers do not depend on ``n_jobs``.
    sa_iter, draws, kind : int, int, str
        Iterations of the stochastic approximation, simulated people in each, and how they are drawn
        (``factor_regression.DRAWS``; binary items always take matched ones).
    variance, twin, ml_steps : int
        Data sets behind the Monte Carlo variance, draws of the deterministic twin, EM steps of the interaction
        model's one-stage ML; 0 leaves each out. Gaussian items only.

    Returns
    -------
    dict of ndarray
        "naive", "corrected" (reps, k); "hits" (steps on a bound) and "heywood" (reps,). Gaussian items: "slope", "error"
        of the scores (reps, 3) and "left", what is left of ``t - b(theta)`` (reps, k); where they apply or were asked
        for: "croon", "ml", "se", "se_no_stage_one", "twin" (reps, k).
    """
    from joblib import Parallel, delayed

    function, options = binary_data_set, (sa_iter, draws)
    if design.kind != "categorical":
        function, options = gaussian_data_set, (sa_iter, draws, kind, variance, twin, ml_steps)
    streams = [np.random.Generator(np.random.SFC64(s)) for s in np.random.SeedSequence(seed).spawn(reps)]
    jobs = (delayed(function)(design, rng, *options) for rng in streams)
    rows = Parallel(n_jobs, backend="threading")(jobs)
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}
