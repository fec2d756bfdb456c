"""Cross-fitted learners, debiased estimates for every tuple of learners, and the minimax choice among them.

Page ``invalid_instrument``. The scores `partialling_out` and `interactive_late` are the ones of DoubleML's
``DoubleMLPLR`` and ``DoubleMLIIVM``; tests compare them on the same folds and predictions.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from paperlab.methods.foundations import linear
from paperlab.methods.foundations.forest import forest_predict
from paperlab.methods.instruments import multiply_robust as iv

BASIS_LEARNERS = {"lin": "linear", "quad": "quadratic"}
LEARNERS = ("lin", "quad", "rf", "gbm", "lasso")
SLOTS = ("p", "mu", "pi", "effect")


def _lasso_features(x):
    return np.concatenate([x, x**2], -1)


def _standardised(train, other):
    centre, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return (train - centre) / scale, (other - centre) / scale


def fit_predict(name, x, y, x_new, seed=0, logit=False):
    """Train one learner on ``x`` (n, d) and ``y`` (n,); predictions at ``x_new``.

    Parameters
    ----------
    name : {"lin", "quad", "rf", "gbm", "lasso"}
        Least squares on ``(1, X)`` or on all terms to second order; a forest of 40 trees on half-samples with
        leaves of at least 25; 30 boosted trees of depth 2 (both look at a third of the covariates per split
        where there are more than 5); the lasso on ``(X, X^2)`` with a penalty chosen by 3-fold cross-validation.
    seed : int
        Seed of the forest and of the boosting.
    logit : bool
        ``lin`` and ``quad`` are logistic regressions (``y`` is 0 or 1).

    Raises
    ------
    ValueError
        For an unknown learner.
    """
    if name in BASIS_LEARNERS:
        x, x_new = _standardised(x, x_new)
        kind = BASIS_LEARNERS[name]
        b = iv.basis(x, kind)
        keep = _independent_columns(b)
        b, b_new = b[:, keep], iv.basis(x_new, kind)[:, keep]
        if logit:
            keep = _not_collinear(b)
            return linear.logistic(b[:, keep], y).probability(b_new[:, keep])
        return b_new @ np.linalg.lstsq(b, y, rcond=None)[0]
    if np.ptp(y) == 0:
        return np.full(len(x_new), float(y[0]))
    few = x.shape[1] <= 5
    if name == "rf":
        return forest_predict(x, y, x_new, n_features=None if few else x.shape[1] // 3, seed=seed)
    if name == "gbm":
        from sklearn.ensemble import GradientBoostingRegressor

        model = GradientBoostingRegressor(
            n_estimators=30, learning_rate=0.2, max_depth=2, max_features=None if few else 1 / 3, random_state=seed
        )
    elif name == "lasso":
        from sklearn.linear_model import LassoCV

        model = LassoCV(cv=3, alphas=20)
        x, x_new = _standardised(_lasso_features(x), _lasso_features(x_new))
    else:
        raise ValueError(f"learner must be one of {', '.join(LEARNERS)}, got {name!r}")
    return model.fit(x, y).predict(x_new)


def _independent_columns(b):
    """Columns that vary, and the intercept (squares of binary covariates stay: lstsq copes)."""
    varies = np.ptp(b, axis=0) > 0
    varies[0] = True
    return varies


def _not_collinear(b):
    """Columns, from the left, that are no combination of those before (the square of a binary covariate goes)."""
    diagonal = np.abs(np.diagonal(np.linalg.qr(b, mode="r")))
    return diagonal > 1e-8 * diagonal.max()


def assign_folds(z, n_folds, rng):
    """Fold of each unit, shape ``(n,)``, drawn at random.

    Raises
    ------
    ValueError
        If a fold, or the rest of the sample, lacks an arm of the instrument.
    """
    n = len(z)
    if not 2 <= n_folds <= n // 2:
        raise ValueError(f"n_folds must lie between 2 and {n // 2} (half the units), got {n_folds}")
    folds = rng.permutation(np.arange(n) % n_folds)
    check_folds(z, folds)
    return folds


def check_folds(z, folds):
    """Raise ValueError if a fold, or its complement, lacks an arm of the instrument."""
    for k in np.unique(folds):
        for where, part in (("fold", folds == k), ("complement of fold", folds != k)):
            for arm in (0, 1):
                if not np.any(z[part] == arm):
                    raise ValueError(
                        f"{where} {k} has nobody with z = {arm}: empty arm; use fewer folds or another seed"
                    )


def crossfit_predictions(sample, learners, folds, seed=0):
    """Out-of-fold predictions of every learner.

    Returns
    -------
    dict
        ``("p", 0 or 1, learner)``, ``("mu", 0 or 1, learner)`` and ``("pi", learner)`` to arrays ``(n,)``;
        probabilities are clipped to [0.01, 0.99] except where the treatment does not vary in the arm.
    """
    y, a, z, x = sample.y, sample.a, sample.z, sample.x
    out = {}
    for name in learners:
        for k in np.unique(folds):
            train, test = folds != k, folds == k
            for arm in (0, 1):
                rows = train & (z == arm)
                constant = np.ptp(a[rows]) == 0
                p = a[rows][0] if constant else np.clip(fit_predict(name, x[rows], a[rows], x[test], seed), 0.01, 0.99)
                out.setdefault(("p", arm, name), np.empty(len(y)))[test] = p
                out.setdefault(("mu", arm, name), np.empty(len(y)))[test] = fit_predict(
                    name, x[rows], y[rows], x[test], seed + 1
                )
            pi = np.clip(fit_predict(name, x[train], z[train], x[test], seed + 2, logit=True), 0.01, 0.99)
            out.setdefault(("pi", name), np.empty(len(y)))[test] = pi
    return out


@dataclass(frozen=True)
class TupleEstimates:
    """Debiased estimates for every tuple ``(p, mu, pi, effect)`` of learners.

    ``value``, ``se``, ``truncated``: shape ``(L, L, L, E)``; ``by_fold``: ``(L, L, L, E, n_folds)``;
    not identified (mean ``delta`` below 0.01) is nan. ``names``: the learners of each slot.
    """

    names: tuple
    value: np.ndarray
    se: np.ndarray
    truncated: np.ndarray
    by_fold: np.ndarray

    def label(self, index):
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


def debiased_tuples(sample, learners=("lin", "quad", "rf"), n_folds=2, rng=None, delta_min=0.03, seed=0, folds=None):
    """Debiased machine learning of the average effect for every tuple of learners.

    The score is that of `paperlab.methods.iv.multiply_robust`. p, mu and pi are predicted out of fold by any
    learner; beta and rho come from a regression of ``(A - p)(Y - mu)`` on ``[b V, b]`` over the other folds,
    so their learner is a basis (``lin``, ``quad``). ``m = mu - beta p``.

    Parameters
    ----------
    sample : Sample
        One sample (no leading axes), see `paperlab.methods.iv.validate`.
    learners : sequence of str
        Candidates for p, mu and pi; those among them that are bases are the candidates for beta and rho
        (``lin`` if there is none).
    n_folds, rng, folds
        Folds are drawn with ``rng`` unless ``folds`` (shape ``(n,)``) is given.

    Returns
    -------
    TupleEstimates
    """
    if folds is None:
        folds = assign_folds(sample.z, n_folds, np.random.default_rng(seed) if rng is None else rng)
    else:
        check_folds(sample.z, folds)
    learners = tuple(learners)
    effects = tuple(name for name in learners if name in BASIS_LEARNERS) or ("lin",)
    predictions = crossfit_predictions(sample, learners, folds, seed)
    x = _standardised(sample.x, sample.x)[0]
    bases = {}
    for name in effects:
        b = iv.basis(x, BASIS_LEARNERS[name])
        bases[name] = b[:, _independent_columns(b)]
    shape = (len(learners),) * 3 + (len(effects),)
    fold_of = np.unique(folds)
    value, se, truncated = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=int)
    by_fold = np.full((*shape, len(fold_of)), np.nan)
    a, y, z = sample.a, sample.y, sample.z
    for (i, p_name), (j, mu_name), (e, effect) in product(enumerate(learners), enumerate(learners), enumerate(effects)):
        p0, p1 = predictions["p", 0, p_name], predictions["p", 1, p_name]
        mu0, mu1 = predictions["mu", 0, mu_name], predictions["mu", 1, mu_name]
        p, mu = np.where(z == 1, p1, p0), np.where(z == 1, mu1, mu0)
        beta, rho = _effect_and_confounding(bases[effect], p * (1 - p), (a - p) * (y - mu), folds)
        for k, pi_name in enumerate(learners):
            fits = iv.Nuisances(p0, p1, predictions["pi", pi_name], mu0 - beta * p0, mu1 - beta * p1, beta, rho)
            estimate = iv.multiply_robust(sample, fits, delta_min, unidentified="nan")
            value[i, j, k, e], se[i, j, k, e] = estimate.value, estimate.se
            truncated[i, j, k, e] = estimate.truncated
            if np.isfinite(estimate.value):
                by_fold[i, j, k, e] = [estimate.psi[folds == fold].mean() for fold in fold_of]
    if np.isnan(value).all():
        raise ValueError("instrument does not change Var(A): not identified with any learner of p")
    return TupleEstimates((learners, learners, learners, effects), value, se, truncated, by_fold)


def pseudo_risk(by_fold):
    """``R(k) = max_j max_l mean_s (D_k^s - D_{k: j -> l}^s)^2`` for every tuple ``k``.

    Parameters
    ----------
    by_fold : ndarray, shape (L_1, ..., L_J, S)
        Estimates by tuple and split.

    Returns
    -------
    risk : ndarray, shape (L_1, ..., L_J)
        ``inf`` for tuples without an estimate.
    """
    n_slots = by_fold.ndim - 1
    risk = np.zeros(by_fold.shape[:-1])
    for j in range(n_slots):
        for other in range(by_fold.shape[j]):
            change = ((by_fold - by_fold.take([other], axis=j)) ** 2).mean(-1)
            risk = np.fmax(risk, change)
    return np.where(np.isnan(by_fold).any(-1), np.inf, risk)


def select_minimax(by_fold):
    """Index of the tuple with the smallest `pseudo_risk`, and the risks."""
    risk = pseudo_risk(by_fold)
    return tuple(int(i) for i in np.unravel_index(np.argmin(risk), risk.shape)), risk


def partialling_out(y, a, y_hat, a_hat):
    """Partially linear model: ``sum (A - a_hat)(Y - y_hat) / sum (A - a_hat)^2`` and its standard error."""
    v, u = a - a_hat, y - y_hat
    theta = (v @ u) / (v @ v)
    return theta, np.sqrt(np.mean((v * (u - theta * v)) ** 2) / np.mean(v * v) ** 2 / len(y))


def interactive_late(y, a, z, mu0, mu1, p0, p1, pi):
    """Doubly robust Wald ratio of a *valid* instrument (effect among compliers) and its standard error."""
    w1, w0 = z / pi, (1 - z) / (1 - pi)
    top = mu1 - mu0 + w1 * (y - mu1) - w0 * (y - mu0)
    bottom = p1 - p0 + w1 * (a - p1) - w0 * (a - p0)
    theta = top.mean() / bottom.mean()
    return theta, np.sqrt(np.mean((top - theta * bottom) ** 2) / bottom.mean() ** 2 / len(y))
