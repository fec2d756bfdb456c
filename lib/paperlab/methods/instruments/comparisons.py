"""Estimators of an average effect on simulated samples, and how far each of them is from the truth.

An estimator is a function of a stack of samples and of a dict for fits that estimators of the same stack share; it
answers with `Replications`. Page ``invalid_instrument``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.linear import least_squares
from paperlab.methods.foundations.monte_carlo import replicate_stacked
from paperlab.methods.instruments import multiply_robust, simulate
from paperlab.methods.instruments.nuisances import MODELS, basis, fit_nuisances

CACHED_UNITS = 16_000  # units of a stack that fit the processor's cache
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Replications:
    """Estimates of one effect, one for each simulated sample.

    Attributes
    ----------
    value : ndarray, shape (n_replications,)
        nan where the effect is not identified.
    se, truncated : ndarray, shape (n_replications,), optional
        Standard error; share of units whose variance change was set to the bound.
    plug_in, weighting : ndarray, shape (n_replications,), optional
        The two simpler estimates from the same nuisance functions.
    """

    value: np.ndarray
    se: np.ndarray | None = None
    truncated: np.ndarray | None = None
    plug_in: np.ndarray | None = None
    weighting: np.ndarray | None = None


def ols(sample, shared=None):
    """OLS of the outcome on treatment, instrument and covariates: the treatment's coefficient, as `Replications`."""
    regressors = _columns(sample.treatment, sample.instrument, basis(sample.x, "linear"))
    return Replications(least_squares(regressors, sample.y)[..., 0])


def tsls(sample, shared=None):
    """2SLS of the outcome on the treatment with one instrument and the covariates as controls, as `Replications`.

    With as many instruments as regressors it solves ``Q'(Y - W c) = 0``.
    """
    controls = basis(sample.x, "linear")
    regressors, instruments = _columns(sample.treatment, controls), _columns(sample.instrument, controls)
    return Replications(least_squares(regressors, sample.y, instruments=instruments)[..., 0])


def _columns(*parts):
    return np.concatenate([part if part.ndim == parts[-1].ndim else part[..., None] for part in parts], -1)


@dataclass(frozen=True)
class MultiplyRobust:
    """The multiply robust estimator with some models wrong, for a stack of samples.

    Attributes
    ----------
    wrong : sequence of str
        The models that get the basis "wrong", among ``pi``, ``p``, ``m``, ``b`` (beta) and ``r`` (rho).
    step : {"two-step", "g-estimation"}
        How beta and rho are fitted, see `fit_nuisances`.
    delta_min : float
        Truncation of the variance change.

    Raises
    ------
    ValueError
        If a model is unknown.

    Examples
    --------
    >>> sample = simulate.draw(4000, rng=np.random.default_rng(0), n_replications=3)
    >>> MultiplyRobust(wrong=("pi",))(sample).value.shape
    (3,)
    """

    wrong: tuple = ()
    step: str = "two-step"
    delta_min: float = 0.03

    def __post_init__(self):
        unknown = sorted(set(self.wrong) - set(MODELS))
        if unknown:
            raise ValueError(f"wrong must name some of {', '.join(MODELS)}, got {unknown[0]!r}")

    def __call__(self, sample, shared=None):
        """`Replications` of a stack, with plug-in and pure weighting from the same fits."""
        shared = {} if shared is None else shared
        fits = fit_nuisances(sample, dict.fromkeys(self.wrong, "wrong"), self.step, shared)
        found = multiply_robust.estimate(sample, fits, self.delta_min, unidentified="nan")
        key = ("weighting", "p" in self.wrong, "pi" in self.wrong, self.delta_min)
        if key not in shared:
            shared[key] = multiply_robust.weighting(sample, fits, self.delta_min)
        n = sample.y.shape[-1]
        return Replications(found.value, found.se, found.truncated / n, multiply_robust.plug_in(fits), shared[key])


def monte_carlo(n, n_replications, estimators, design, *, rng, chunk=None):
    """Estimates by several estimators on the same simulated samples.

    Parameters
    ----------
    n, n_replications : int
        Units in a sample, number of samples.
    estimators : dict
        Name to ``function(sample, shared)``, which takes a stack of samples and answers with `Replications`.
    design : simulate.Design
    rng : numpy.random.Generator
        Generators in the same state give the same samples to different estimators, and to designs that differ in one
        number samples that differ by it only.
    chunk : int or None
        Samples in one stack; None chooses about 16,000 units, which fit a cache.

    Returns
    -------
    dict of str to Replications

    Raises
    ------
    ValueError
        If a size is below 1, or as `draw`.

    Examples
    --------
    >>> design = simulate.Design(conf=0, direct=0)  # nothing is hidden, the instrument is valid
    >>> found = monte_carlo(2000, 50, {"OLS": ols, "2SLS": tsls}, design, rng=np.random.default_rng(0))
    >>> [bool(abs(part.value.mean() - 1) < 0.1) for part in found.values()]
    [True, True]
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")

    def stack(size, rng):
        sample, shared = simulate.draw(n, design, rng=rng, n_replications=size), {}
        parts = {name: vars(estimator(sample, shared)) for name, estimator in estimators.items()}
        return {(name, field): v for name, part in parts.items() for field, v in part.items() if v is not None}

    joined = replicate_stacked(stack, n_replications, rng=rng, chunk=chunk or max(1, CACHED_UNITS // n))
    return {
        name: Replications(**{field: values for (owner, field), values in joined.items() if owner == name})
        for name in estimators
    }


@dataclass(frozen=True)
class Performance:
    """How an estimator does over simulated samples, where it gives an estimate.

    Attributes
    ----------
    bias, bias_se : float
        Mean error, and its Monte Carlo standard error.
    sd, rmse : float
        Standard deviation of the estimates; root mean squared error.
    mean_se, coverage, truncated : float
        Mean of the estimated standard errors; share of 95 % intervals with the truth; mean share of truncated units.
        nan for an estimator that has none.
    refused : float
        Share of samples without an estimate.
    """

    bias: float
    bias_se: float
    sd: float
    rmse: float
    mean_se: float
    coverage: float
    truncated: float
    refused: float


def performance(found, truth=simulate.TRUE_EFFECT):
    """Bias, spread and coverage of estimates.

    Parameters
    ----------
    found : Replications
    truth : float

    Returns
    -------
    Performance

    Raises
    ------
    ValueError
        If the effect is identified in fewer than two samples, or a standard error is missing beside an estimate.

    Examples
    --------
    >>> result = performance(Replications(np.array([0.8, 1.4]), np.array([0.3, 0.1])), truth=1.0)
    >>> round(result.bias, 3), round(result.rmse, 3), result.coverage
    (0.1, 0.316, 0.5)
    """
    known = np.isfinite(found.value)
    if known.sum() < 2:
        raise ValueError(
            f"value: instrument does not change Var(A), not identified in {(~known).sum()} of {len(known)} samples; a "
            "larger gap in the probability of treatment, or larger samples, are needed"
        )
    error = found.value[known] - truth
    mean_se = coverage = truncated = np.nan
    if found.se is not None:
        se = finite("se", found.se[known])
        mean_se, coverage = se.mean(), np.mean(np.abs(error) < NORMAL_95 * se)
    if found.truncated is not None:
        truncated = found.truncated[known].mean()
    sd = error.std(ddof=1)
    numbers = (error.mean(), sd / np.sqrt(len(error)), sd, np.sqrt(np.mean(error**2)), mean_se, coverage, truncated)
    return Performance(*map(float, numbers), float(1 - known.mean()))


def performance_table(found, truth=simulate.TRUE_EFFECT):
    """`performance` of several estimators side by side.

    Parameters
    ----------
    found : dict
        Name, or tuple of names, to `Replications`.
    truth : float

    Returns
    -------
    DataFrame
        One row for each estimator, one column for each attribute of `Performance`.

    Raises
    ------
    ValueError
        As `performance`.
    """
    return pd.DataFrame({name: vars(performance(part, truth)) for name, part in found.items()}).T


@dataclass(frozen=True)
class ErrorRange:
    """Quantiles of an estimator's errors (5 %, 50 %, 95 %), and the share of samples without an estimate."""

    low: float
    median: float
    high: float
    refused: float


def error_range(found, truth=simulate.TRUE_EFFECT):
    """Quantiles of the errors, which a few wild estimates do not move; nan where no sample has an estimate.

    Parameters
    ----------
    found : Replications
    truth : float

    Returns
    -------
    ErrorRange

    Examples
    --------
    >>> error_range(Replications(np.array([0.0, 1.0, 5.0, np.nan])), truth=1.0)
    ErrorRange(low=-0.9, median=0.0, high=3.6, refused=0.25)
    """
    known = np.isfinite(found.value)
    quantiles = np.quantile(found.value[known] - truth, [0.05, 0.5, 0.95]) if known.any() else np.full(3, np.nan)
    return ErrorRange(*(float(q) for q in quantiles.round(12)), float(1 - known.mean()))
