"""Fitting mixtures of bilinear growth curves: many starts, warm starts from nested models.

EM is accelerated by squared extrapolation (SQUAREM); a step that would lower the likelihood is dropped for the plain EM
step, so that the likelihood never falls. Page ``trajectory_experts``.
"""

from __future__ import annotations

import operator
import warnings
from dataclasses import dataclass, replace

import numpy as np

from paperlab.methods.foundations.checks import finite, full_rank
from paperlab.methods.growth_mixtures.mixture import Mixture
from paperlab.methods.growth_mixtures.trajectories import MODELS, Parameters, Trajectories

__all__ = [
    "BoundWarning",
    "Fit",
    "IdentificationWarning",
    "Options",
    "extend",
    "fit",
    "fit_nested",
    "one_class_start",
    "person_factors",
    "random_start",
    "restrict",
]


class BoundWarning(UserWarning):
    """A knot sits at the edge of the observed time: the class has no bend inside it."""


class IdentificationWarning(UserWarning):
    """The likelihood does not tell two parameters apart."""


@dataclass(frozen=True)
class Options:
    """How a mixture is fitted.

    Attributes
    ----------
    knots : array_like, shape (n_classes,), optional
        Knots that are held fixed.
    smooth : float, optional
        Half-width of the rounded kink at a knot, in the unit of t; by default 1/9000 of the observed time.
    model_x : bool
        Also model the expert covariates as normal in every class (their means and covariances), as the authors do.
    max_iter, tol : int, float
        A run ends when two iterations together gain less than ``tol`` in log-likelihood, or after ``max_iter``
        evaluations.
    accelerate : bool
        Extrapolate the steps of EM.
    min_size : float
        Persons a class must hold; starts that end with an emptier one are given up.
    """

    knots: object = None
    smooth: float | None = None
    model_x: bool = False
    max_iter: int = 2000
    tol: float = 1e-6
    accelerate: bool = True
    min_size: float = 5.0


@dataclass(frozen=True)
class Fit:
    """A fitted mixture.

    Attributes
    ----------
    data : Trajectories
    parameters : Parameters
    loglik : float
    path : list of float
        Log-likelihood after every evaluation; it never falls.
    resp : ndarray, shape (n, n_classes)
        Class probabilities.
    mean, var : ndarray, shape (n, n_classes, 3) and (n, n_classes, 6)
        Growth factors of every person given the class: mean, and upper triangle of the variance.
    persons : ndarray, shape (n,)
        Log-likelihoods of persons.
    converged : bool
        Whether the likelihood had settled to ``tol``.
    starts : ndarray
        Log-likelihoods of all runs, -inf for those given up.
    fixed_knot, model_x, smooth : bool, bool, float
        As fitted.
    moments_x : tuple of ndarray, or None
        Means and covariances of the expert covariates by class, where they were modelled.
    """

    data: Trajectories
    parameters: Parameters
    loglik: float
    path: list
    resp: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    persons: np.ndarray
    converged: bool
    starts: np.ndarray
    fixed_knot: bool
    model_x: bool
    smooth: float
    moments_x: tuple | None

    @property
    def n_parameters(self):
        """Number of free parameters."""
        gate, coef, *_ = self.parameters
        k, p = len(coef), coef.shape[2]
        extra = k * ((p - 1) + (p - 1) * p // 2) if self.model_x else 0
        return (k - 1) * gate.shape[1] + k * (3 * p + 7 + (not self.fixed_knot) + self.data.use_w) + extra

    @property
    def bic(self):
        """Bayesian information criterion; smaller is better."""
        return -2 * self.loglik + self.n_parameters * np.log(len(self.resp))

    @property
    def entropy(self):
        """1 minus the mean entropy of the class probabilities over its maximum log K; 1 is a sharp split."""
        if self.resp.shape[1] == 1:
            return 1.0
        r = np.clip(self.resp, 1e-300, 1)
        return 1 + (r * np.log(r)).sum() / (len(r) * np.log(r.shape[1]))


def _extrapolated(mixture, points, floor):
    """Parameters beyond three successive ones by squared extrapolation and their likelihood, or None if they lose."""
    a, b, c = (p.flat() for p in points)
    r, v = b - a, c - 2 * b + a
    alpha = -max(1.0, np.sqrt((r @ r) / max(v @ v, 1e-300)))
    if alpha < -1.01:
        trial = points[0].like(a - 2 * alpha * r + alpha**2 * v)
        if mixture.valid(trial):
            gained = mixture.loglik(trial)
            if gained >= floor:
                return trial, gained
    return None


def _run(mixture, p, options):
    """EM with squared extrapolation from ``p``; returns parameters and the non-falling path of log-likelihoods."""
    path = [mixture.loglik(p)]
    accelerate = options.accelerate and not options.model_x
    while len(path) < options.max_iter:
        p1 = mixture.update(p)
        path.append(mixture.loglik(p1))
        p2 = mixture.update(p1)
        found = _extrapolated(mixture, (p, p1, p2), path[-1]) if accelerate else None
        p, gained = found or (p2, mixture.loglik(p2))
        path.append(gained)
        if path[-1] - path[-3] < options.tol:
            break
    return p, path


def person_factors(data, knot):
    """Growth factors of every person by least squares with one common knot.

    Parameters
    ----------
    data : Trajectories
    knot : float
        In the unit of t.

    Returns
    -------
    factors : ndarray, shape (n, 3)
        Level at time 0, slope before, slope after; a slope of which a person shows nothing is 0.

    Raises
    ------
    ValueError
        If the knot is not inside the observed times.
    """
    if not data.t.min() < knot < data.t.max():
        raise ValueError(f"knot must be inside the observed times [{data.t.min():g}, {data.t.max():g}], got {knot}")
    basis = _basis(data.t, knot)
    gram = np.einsum("nja,njb->nab", basis, basis)
    gram[:, range(3), range(3)] += 1e-9 * gram[:, range(3), range(3)].max(axis=0)
    return np.linalg.solve(gram, np.einsum("nja,nj->na", basis, data.y)[..., None])[..., 0]


def _basis(t, knot):
    return np.stack([np.ones_like(t), np.minimum(t, knot), np.maximum(t - knot, 0)], axis=2)


def _start(data, knots, label, factors):
    """Parameters from classes ``label`` (n,) of persons with growth factors (n, 3) of the mean of the ``knots``."""
    k, waves = len(knots), data.y.shape[1]
    coef, psi = np.zeros((k, 3, 1 + data.x.shape[1])), np.empty((k, 3, 3))
    spread = np.cov(factors.T)
    for c in range(k):
        inside = factors[label == c] if (label == c).sum() > 3 else factors
        coef[c, :, 0] = inside.mean(axis=0)
        psi[c] = 0.5 * np.cov(inside.T) + 0.3 * np.diag(np.diag(spread))
    gate = np.zeros((k, 1 + data.g.shape[1]))
    share = np.maximum(np.bincount(label, minlength=k), 1)
    gate[:, 0] = np.log(share / share[0])
    error = data.y - np.einsum("nja,na->nj", _basis(data.t, knots.mean()), factors)
    theta = max((error**2).mean() * waves / max(waves - 3, 1), 1e-8 * data.y.var())
    return Parameters(gate, coef, psi, np.full(k, theta), knots, np.zeros(k))


def random_start(data, n_classes, *, rng, knots=None):
    """Parameters from a random assignment of persons to the nearest of some persons picked at random.

    Distances are between growth factors fitted person by person; the knots are drawn from the inner half of the
    observed times unless they are given.

    Parameters
    ----------
    data : Trajectories
    n_classes : int
    rng : numpy.random.Generator
    knots : array_like, shape (n_classes,), optional

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        If there are fewer persons than classes, or a mean of the knots outside the observed times.
    """
    n, k = len(data.y), operator.index(n_classes)
    if not 1 <= k <= n:
        raise ValueError(f"n_classes must be from 1 to the {n} persons, got {n_classes}")
    inner = np.quantile(data.t, [0.25, 0.75])
    gamma = rng.uniform(*inner, k) if knots is None else np.array(knots, dtype=float)
    factors = person_factors(data, gamma.mean())
    z = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    label = np.zeros(n, dtype=int)
    for _ in range(20):
        centres = z[rng.choice(n, k, replace=False)] * rng.uniform(0.5, 1.0, 3)
        label = ((z[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        if np.bincount(label, minlength=k).min() >= max(10, 0.05 * n / k):
            break
    return _start(data, gamma, label, factors)


def one_class_start(data):
    """Parameters of a single class with its knot at the median time: with nobody to assign, nothing has to be drawn."""
    knots = np.array([np.median(data.t)])
    return _start(data, knots, np.zeros(len(data.y), dtype=int), person_factors(data, knots[0]))


def extend(parameters, data):
    """Parameters of a nested model, with zeros for the covariates that only the data have.

    Parameters
    ----------
    parameters : Parameters
    data : Trajectories

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        If the parameters have more covariates than the data.
    """
    gate, coef, *rest = parameters
    k = len(coef)
    wide_gate, wide_coef = np.zeros((k, 1 + data.g.shape[1])), np.zeros((k, 3, 1 + data.x.shape[1]))
    if gate.shape[1] > wide_gate.shape[1] or coef.shape[2] > wide_coef.shape[2]:
        raise ValueError("parameters have more covariates than data; use restrict")
    wide_gate[:, : gate.shape[1]], wide_coef[:, :, : coef.shape[2]] = gate, coef
    return Parameters(wide_gate, wide_coef, *rest)


def restrict(parameters, data):
    """Parameters of a larger model without the covariates that the data lack.

    Parameters
    ----------
    parameters : Parameters
    data : Trajectories

    Returns
    -------
    Parameters

    Raises
    ------
    ValueError
        If the data have more covariates than the parameters.
    """
    gate, coef, *rest = parameters
    if gate.shape[1] < 1 + data.g.shape[1] or coef.shape[2] < 1 + data.x.shape[1]:
        raise ValueError("parameters have fewer covariates than data; use extend")
    return Parameters(gate[:, : 1 + data.g.shape[1]], coef[:, :, : 1 + data.x.shape[1]], *rest)


def _check(data, k, n_starts, rng, options):
    """Knots that are held fixed (or None); refuses what cannot be fitted."""
    n, waves = data.y.shape
    if operator.index(k) < 1 or n_starts < 1:
        raise ValueError(f"n_classes = {k} classes from {n_starts} starts: give at least one of each")
    knots = options.knots
    if waves < (5 if knots is None else 3):
        needed = "five or more are needed for two lines and a free knot" if knots is None else "three lines need three"
        raise ValueError(f"y has {waves} waves; {needed}")
    if n < k * (3 * (1 + data.x.shape[1]) + 8):
        raise ValueError(f"y has {n} persons, fewer than parameters of {k} classes; use fewer classes or covariates")
    for name in "xg":
        columns = np.column_stack([np.ones(n), getattr(data, name)])
        full_rank(name, columns, labels=["the constant", *(f"column {j}" for j in range(columns.shape[1] - 1))])
    if data.use_w:
        flat = [np.ones(data.y.size), data.t.ravel(), data.w.ravel()]
        full_rank("w", np.stack(flat, axis=1), labels=["the constant", "time", "w"])
    if options.model_x and not data.x.shape[1]:
        raise ValueError("model_x = True, but there are no expert covariates x to model")
    if knots is None:
        return None
    knots = np.broadcast_to(finite("knots", knots), (k,))
    outside = (knots <= data.t.min()) | (knots >= data.t.max())
    if outside.any():
        raise ValueError(
            f"knots = {knots.tolist()}: {knots[outside][0]} is outside the observed times "
            f"[{data.t.min():g}, {data.t.max():g}]; choose a time inside"
        )
    return knots


def fit(data, n_classes=2, *, rng=None, n_starts=10, warm=(), **options):
    """Maximum likelihood by EM from several starts; the best is returned.

    Parameters
    ----------
    data : Trajectories
        Its covariates decide the model: x for experts, g for gates, both, or neither.
    n_classes : int
        Number of classes.
    rng : numpy.random.Generator
        Draws the random starts; needed unless there are none.
    n_starts : int
        Random starts, in addition to those in ``warm``.
    warm : sequence of Parameters
        Further starts, such as the optimum of a nested model (see `extend`).
    **options
        Fields of `Options`: knots, smooth, model_x, max_iter, tol, accelerate, min_size.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        For too few waves or persons, covariates that are constant or collinear, knots outside the observed times, or
        when every start ends in an empty class.

    Warns
    -----
    BoundWarning
        If a knot ends at the edge of the observed time.
    IdentificationWarning
        If three waves leave psi and theta untold apart.
    """
    options = Options(**options)
    if n_starts > 0 and rng is None:
        raise ValueError(f"rng must be a numpy.random.Generator, which draws the {n_starts} random starts")
    knots = _check(data, n_classes, n_starts + len(warm), rng, options)
    mixture = Mixture(data, n_classes, smooth=options.smooth, fixed_knot=knots is not None, model_x=options.model_x)
    best, values = None, []
    for start in [*warm, *(None for _ in range(n_starts))]:
        start = random_start(data, n_classes, rng=rng, knots=knots) if start is None else start.copy()
        found = _one_run(mixture, start, options)
        values.append(-np.inf if found is None else found.loglik)
        if found is not None and (best is None or found.loglik > best.loglik):
            best = found
    if best is None:
        raise ValueError(
            f"n_classes = {n_classes}: every start ended in an empty class (fewer than {options.min_size:g} persons) "
            "or a degenerate one; use fewer classes or more starts"
        )
    _warn(best, mixture)
    return replace(best, starts=np.array(values))


def _one_run(mixture, start, options):
    """`Fit` from one start, or None if a class ran empty or degenerate on the way."""
    if options.model_x:
        mixture.start_x(start)
    try:
        p, path = _run(mixture, start, options)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    resp, mean, var, persons = (a.copy() for a in mixture.posterior)
    if not np.isfinite(path[-1]) or resp.sum(axis=0).min() < options.min_size:
        return None
    converged = len(path) > 2 and path[-1] - path[-3] < options.tol
    posterior = {"resp": resp, "mean": mean, "var": var, "persons": persons}
    flags = {"fixed_knot": not mixture.free_knot, "model_x": mixture.model_x, "smooth": mixture.smooth}
    return Fit(
        mixture.data,
        p,
        path[-1],
        path,
        **posterior,
        converged=bool(converged),
        starts=None,
        **flags,
        moments_x=mixture.moments_x,
    )


def _warn(found, mixture):
    knot, edge = found.parameters.knot, 1e-6 * np.ptp(mixture.bounds)
    at = np.flatnonzero((knot - mixture.bounds[0] < edge) | (mixture.bounds[1] - knot < edge))
    if mixture.free_knot and at.size:
        warnings.warn(
            f"the knot of class {at[0] + 1}, {knot[at[0]]:.4g}, is at the edge of the observed time: the class has no "
            "bend inside it; use fewer classes or a straight line",
            BoundWarning,
            stacklevel=3,
        )
    if mixture.data.y.shape[1] == 3:
        warnings.warn(
            "y has 3 waves: only the sum of the variance between persons (psi) and within (theta) is identified",
            IdentificationWarning,
            stacklevel=3,
        )


def fit_nested(data, n_classes=2, *, seed, n_starts=10, models=tuple(MODELS), both_ways=False, **options):
    """FMM, gating, expert and full model, each also started from the optimum of every model nested in it.

    Parameters
    ----------
    data : Trajectories
    n_classes : int
    seed : int or sequence of int
        Each model draws its starts from its own stream, so that its fit does not depend on which others are fitted.
    n_starts : int
        Random starts of the smallest model; the others get half as many besides their warm starts.
    models : sequence of str
        Which of FMM, gating, expert, full.
    both_ways : bool
        Afterwards start every smaller model from the larger ones without their extra covariates, and all larger ones
        again: an order of likelihoods that looks right does not exclude that a small model stopped in a poor optimum.
    **options
        Fields of `Options`.

    Returns
    -------
    dict of Fit
        By name. Larger models never have the lower likelihood.

    Raises
    ------
    ValueError
        As `fit`, or for an unknown model.
    RuntimeError
        If a larger model ends below a nested one, which warm starts exclude.
    """
    unknown = set(models) - set(MODELS)
    if unknown or not models:
        raise ValueError(f"models must be some of {', '.join(MODELS)}, got {list(models)}")
    chosen = [m for m in MODELS if m in models]
    parts, fits = {m: data.with_model(m) for m in chosen}, {}
    below = {m: [o for o in chosen if o != m and all(map(operator.le, MODELS[o], MODELS[m]))] for m in chosen}
    for i, m in enumerate(chosen):
        warm = [extend(fits[o].parameters, parts[m]) for o in below[m]]
        rng = np.random.default_rng([0, *np.atleast_1d(seed).tolist(), i])
        fresh = max(n_starts // 2, 1) if warm else n_starts
        fits[m] = fit(parts[m], n_classes, rng=rng, n_starts=fresh, warm=warm, **options)
    if both_ways:
        for m in reversed(chosen):
            warm = [restrict(fits[o].parameters, parts[m]) for o in chosen if m in below[o]]
            fits[m] = _improved(fits[m], warm, options)
        for m in chosen:
            fits[m] = _improved(fits[m], [extend(fits[o].parameters, parts[m]) for o in below[m]], options)
    for m in chosen:
        loss = max((fits[o].loglik - fits[m].loglik for o in below[m]), default=0.0)
        if loss > 1e-6:
            raise RuntimeError(f"model {m} ended {loss:.2g} below a nested model")
    return fits


def _improved(found, warm, options):
    """The fit, or that from one of the warm starts where it leads higher; with the runs of both."""
    if not warm:
        return found
    again = fit(found.data, len(found.parameters.theta), n_starts=0, warm=warm, **options)
    starts = np.concatenate([found.starts, again.starts])
    return replace(again if again.loglik > found.loglik else found, starts=starts)
