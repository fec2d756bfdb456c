"""Cross-fitted learners, and debiased estimates for every tuple of learners.

Page ``invalid_instrument``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from paperlab.methods.foundations.checks import binary, finite
from paperlab.methods.foundations.forest import forest_predict
from paperlab.methods.foundations.logistic import logistic
from paperlab.methods.foundations.resampling import seed_of
from paperlab.methods.instruments.multiply_robust import estimate
from paperlab.methods.instruments.nuisances import Nuisances, basis

BASIS_LEARNERS = {"lin": "linear", "quad": "quadratic"}
LEARNERS = ("lin", "quad", "rf", "gbm", "lasso")
CLIP = (0.01, 0.99)  # of predicted probabilities


def _lasso_features(x):
    return np.concatenate([x, x**2], -1)


def _standardised(train, other):
    centre, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 1e-12 * np.abs(train).max(0, initial=0), scale, 1.0)  # a constant column has none
    return (train - centre) / scale, (other - centre) / scale


def _check_learners(learners):
    learners = tuple(learners)
    unknown = [name for name in learners if name not in LEARNERS]
    if unknown or not learners or len(set(learners)) < len(learners):
        raise ValueError(
            f"learner must be one of {', '.join(LEARNERS)}, each once, got {', '.join(map(repr, learners))}"
        )
    return learners


def fit_predict(name, x, y, x_new, *, rng, logit=False):
    """Train one learner and predict.

    Parameters
    ----------
    name : {"lin", "quad", "rf", "gbm", "lasso"}
        Least squares on ``(1, X)`` or on all terms to second order; a forest of 40 trees on half-samples with
        leaves of at least 25; 30 boosted trees of depth 2 (both look at a third of the covariates per split
        where there are more than 5); the lasso on ``(X, X^2)`` with a penalty chosen by 3-fold cross-validation.
    x, x_new : array_like, shape (n, d) and (n_new, d)
    y : array_like, shape (n,)
    rng : numpy.random.Generator or int
        A generator draws the seed of the forest and of the boosting; a whole number is the seed.
    logit : bool
        ``lin`` and ``quad`` are logistic regressions (``y`` is 0 or 1).

    Returns
    -------
    ndarray, shape (n_new,)

    Raises
    ------
    ValueError
        For an unknown learner, values that are not finite (names argument and row), or shapes that do not fit.

    Examples
    --------
    >>> fit_predict("quad", [[0.0], [1], [2], [3]], [0.0, 1, 4, 9], [[4.0]], rng=0).round(6)
    array([16.])
    """
    (name,) = _check_learners([name])
    x, x_new, y = finite("x", x), finite("x_new", x_new), finite("y", y)
    if x.ndim != 2 or x_new.ndim != 2 or x.shape[1] != x_new.shape[1] or y.shape != x.shape[:1]:
        raise ValueError(f"x, y and x_new must fit together, got shapes {x.shape}, {y.shape} and {x_new.shape}")
    if name in BASIS_LEARNERS:
        return _basis_predict(BASIS_LEARNERS[name], x, y, x_new, logit)
    seed = seed_of(rng)
    if np.ptp(y) == 0:
        return np.full(len(x_new), y[0])
    few = x.shape[1] <= 5
    if name == "rf":
        return forest_predict(x, y, x_new, rng=seed, n_features=None if few else x.shape[1] // 3)
    return _sklearn_predict(name, x, y, x_new, seed, few)


def _sklearn_predict(name, x, y, x_new, seed, few):
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LassoCV

    from paperlab.methods.foundations.units import unit_of

    if name == "gbm":
        model = GradientBoostingRegressor(
            n_estimators=30, learning_rate=0.2, max_depth=2, max_features=None if few else 1 / 3, random_state=seed
        )
    else:
        model = LassoCV(cv=3, alphas=20)
        x, x_new = _standardised(_lasso_features(x), _lasso_features(x_new))
    unit, units = unit_of(y), unit_of(x)
    return unit * model.fit(x / units, y / unit).predict(x_new / units)


def _basis_predict(kind, x, y, x_new, logit):
    x, x_new = _standardised(x, x_new)
    b = basis(x, kind)
    keep = _varying(b)
    b, b_new = b[:, keep], basis(x_new, kind)[:, keep]
    if logit:
        keep = _not_collinear(b)
        return logistic(b[:, keep], y).probability(b_new[:, keep])
    return b_new @ np.linalg.lstsq(b, y, rcond=None)[0]


def _varying(b):
    """Columns that vary, and the intercept (squares of binary covariates stay: lstsq copes)."""
    varies = np.ptp(b, axis=0) > 0
    varies[0] = True
    return varies


def _not_collinear(b):
    """Columns, from the left, that are no combination of those before (the square of a binary covariate goes)."""
    diagonal = np.abs(np.diagonal(np.linalg.qr(b / np.linalg.norm(b, axis=0), mode="r")))
    return diagonal > 1e-8


def assign_folds(instrument, n_folds, *, rng):
    """Fold of each unit, drawn at random.

    Parameters
    ----------
    instrument : array_like of 0 and 1, shape (n,)
    n_folds : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        If ``n_folds`` is not in 2 to n/2, or a fold, or the rest of the sample, lacks an arm of the instrument.

    Examples
    --------
    >>> folds = assign_folds([0, 1] * 30, 3, rng=np.random.default_rng(0))
    >>> np.bincount(folds)
    array([20, 20, 20])
    """
    n = len(instrument)
    if not 2 <= n_folds <= n // 2:
        raise ValueError(f"n_folds must lie between 2 and {n // 2} (half the units), got {n_folds}")
    folds = rng.permutation(np.arange(n) % n_folds)
    check_folds(instrument, folds)
    return folds


def check_folds(instrument, folds):
    """Raise ValueError if a fold, or its complement, lacks an arm of the instrument; folds may have any names."""
    instrument, folds = binary("instrument", instrument), np.asarray(folds)
    if folds.shape != instrument.shape:
        raise ValueError(f"folds must have one entry for each of {len(instrument)} units, got shape {folds.shape}")
    for k in np.unique(folds):
        for where, part in (("fold", folds == k), ("complement of fold", folds != k)):
            for arm in (0, 1):
                if not np.any(instrument[part] == arm):
                    raise ValueError(
                        f"{where} {k} has nobody with instrument = {arm}: empty arm; use fewer folds or another seed"
                    )


def crossfit_predictions(sample, learners, folds, *, rng):
    """Out-of-fold predictions of every learner.

    Parameters
    ----------
    sample : Sample
        One sample, without leading axes.
    learners : sequence of str
        As in `fit_predict`.
    folds : ndarray, shape (n,)
        As from `assign_folds`.
    rng : numpy.random.Generator or int
        A generator draws the seed of the learners; a whole number is the seed. It is that of p; mu and pi take the next
        two, so that learners are compared on the same draws.

    Returns
    -------
    dict
        ``("p", 0 or 1, learner)``, ``("mu", 0 or 1, learner)`` and ``("pi", learner)`` to arrays ``(n,)``;
        probabilities are clipped to [0.01, 0.99] except where the treatment does not vary in the arm.

    Raises
    ------
    ValueError
        For a stack of samples, an unknown learner, or folds that lack an arm.
    """
    y, a, z, x = sample.y, sample.treatment, sample.instrument, sample.x
    if y.ndim != 1:
        raise ValueError(f"sample must be a single one, got a stack of shape {y.shape[:-1]}; choose one of them")
    check_folds(z, folds)
    seed, out = seed_of(rng), {}
    for name in _check_learners(learners):
        for k in np.unique(folds):
            train, test = folds != k, folds == k
            for arm in (0, 1):
                rows = train & (z == arm)
                p = a[rows][0]
                if np.ptp(a[rows]) > 0:
                    p = np.clip(fit_predict(name, x[rows], a[rows], x[test], rng=seed), *CLIP)
                out.setdefault(("p", arm, name), np.empty(len(y)))[test] = p
                mu = fit_predict(name, x[rows], y[rows], x[test], rng=seed + 1)
                out.setdefault(("mu", arm, name), np.empty(len(y)))[test] = mu
            pi = np.clip(fit_predict(name, x[train], z[train], x[test], rng=seed + 2, logit=True), *CLIP)
            out.setdefault(("pi", name), np.empty(len(y)))[test] = pi
    return out


def slots(learners):
    """Learners that stand for p, mu, pi and the effect; the effect takes those that are bases, or ``lin``.

    Examples
    --------
    >>> slots(("quad", "rf"))
    (('quad', 'rf'), ('quad', 'rf'), ('quad', 'rf'), ('quad',))
    """
    learners = _check_learners(learners)
    return (learners,) * 3 + (tuple(name for name in learners if name in BASIS_LEARNERS) or ("lin",),)


@dataclass(frozen=True)
class TupleEstimates:
    """Debiased estimates for every tuple ``(p, mu, pi, effect)`` of learners.

    Attributes
    ----------
    names : tuple of tuple of str
        The learners of each slot.
    value, se : ndarray, shape (L, L, L, E)
        nan where not identified (mean ``delta`` below 0.01).
    truncated : ndarray of int, shape (L, L, L, E)
        Units whose variance change was set to the bound.
    by_fold : ndarray, shape (L, L, L, E, n_folds)
    predictions : dict
        Of p, mu and pi, out of fold, as from `crossfit_predictions`.
    """

    names: tuple
    value: np.ndarray
    se: np.ndarray
    truncated: np.ndarray
    by_fold: np.ndarray
    predictions: dict

    def label(self, index):
        """The tuple's learners, as in ``quad/lin/rf/lin``."""
        return "/".join(names[i] for names, i in zip(self.names, index, strict=True))


def _effect_and_confounding(b, v, target, folds):
    """beta and rho at each unit from least squares of ``target`` on ``[b V, b]`` over the other folds."""
    beta, rho = np.empty(len(v)), np.empty(len(v))
    k = b.shape[-1]
    regressors = np.concatenate([b * v[:, None], b], -1)
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        coef = np.linalg.lstsq(regressors[train], target[train], rcond=1e-10)[0]
        beta[test], rho[test] = b[test] @ coef[:k], b[test] @ coef[k:]
    return beta, rho


def debiased_tuples(sample, learners=("lin", "quad", "rf"), *, rng, n_folds=2, delta_min=0.03, folds=None):
    """Debiased machine learning of the average effect for every tuple of learners.

    The score is that of `paperlab.methods.instruments.multiply_robust`. p, mu and pi are predicted out of fold by any
    learner; beta and rho come from a regression of ``(A - p)(Y - mu)`` on ``[b V, b]`` over the other folds,
    so their learner is a basis (``lin``, ``quad``). ``m = mu - beta p``.

    Parameters
    ----------
    sample : Sample
        One sample (no leading axes).
    learners : sequence of str
        Candidates for p, mu and pi; those among them that are bases are the candidates for beta and rho
        (``lin`` if there is none).
    rng : numpy.random.Generator
        Draws the seed of the learners, then the folds unless they are given.
    n_folds : int
    delta_min : float
        Truncation of the variance change.
    folds : ndarray, shape (n,), optional

    Returns
    -------
    TupleEstimates

    Raises
    ------
    ValueError
        For an unknown learner, folds that lack an arm, or an instrument that changes Var(A) with no learner of p.

    Examples
    --------
    >>> from paperlab.methods.instruments.simulate import draw
    >>> rng = np.random.default_rng(0)
    >>> found = debiased_tuples(draw(4000, rng=rng), ("lin", "quad"), rng=rng)
    >>> found.value.shape, found.label((0, 1, 0, 0))
    ((2, 2, 2, 2), 'lin/quad/lin/lin')
    """
    names = slots(learners)
    learners, effects = names[0], names[3]
    seed = seed_of(rng)
    folds = assign_folds(sample.instrument, n_folds, rng=rng) if folds is None else folds
    predictions = crossfit_predictions(sample, learners, folds, rng=seed)
    x = _standardised(sample.x, sample.x)[0]
    bases = {}
    for name in effects:
        b = basis(x, BASIS_LEARNERS[name])
        bases[name] = b[:, _varying(b)]
    shape = tuple(map(len, names))
    fold_of = np.unique(folds)
    value, se, truncated = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=int)
    by_fold = np.full((*shape, len(fold_of)), np.nan)
    a, y, z = sample.treatment, sample.y, sample.instrument
    for (i, p_name), (j, mu_name), (e, effect) in product(enumerate(learners), enumerate(learners), enumerate(effects)):
        p0, p1 = predictions["p", 0, p_name], predictions["p", 1, p_name]
        mu0, mu1 = predictions["mu", 0, mu_name], predictions["mu", 1, mu_name]
        p, mu = np.where(z == 1, p1, p0), np.where(z == 1, mu1, mu0)
        beta, rho = _effect_and_confounding(bases[effect], p * (1 - p), (a - p) * (y - mu), folds)
        for k, pi_name in enumerate(learners):
            fits = Nuisances(p0, p1, predictions["pi", pi_name], mu0 - beta * p0, mu1 - beta * p1, beta, rho)
            found = estimate(sample, fits, delta_min, unidentified="nan")
            value[i, j, k, e], se[i, j, k, e] = found.value, found.se
            truncated[i, j, k, e] = found.truncated
            if np.isfinite(found.value):
                by_fold[i, j, k, e] = [found.psi[folds == fold].mean() for fold in fold_of]
    if np.isnan(value).all():
        raise ValueError("instrument does not change Var(A): not identified with any learner of p")
    return TupleEstimates(names, value, se, truncated, by_fold, predictions)
