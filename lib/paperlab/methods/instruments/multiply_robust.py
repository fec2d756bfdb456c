"""Average treatment effect from a binary instrument that may act on the outcome directly.

Every function takes stacks: ``y``, ``a``, ``z`` have shape ``(..., n)`` and covariates ``(..., n, d)``, so
that many Monte Carlo replications are one call. Page ``invalid_instrument``; learners and cross-fitting are in
`paperlab.methods.crossfit`.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.linear import least_squares, logistic, predict

NOT_IDENTIFIED = 0.01  # smallest mean |Var(A|Z=1,X) - Var(A|Z=0,X)| at which an estimate is given


@dataclass(frozen=True)
class Sample:
    """Observations: outcome ``y``, treatment ``a``, instrument ``z``, shape ``(..., n)``; ``x`` ``(..., n, d)``.

    ``a`` and ``z`` are 0 or 1; ``u`` is the hidden confounder of simulated data; no estimator reads it.
    """

    y: np.ndarray
    a: np.ndarray
    z: np.ndarray
    x: np.ndarray
    u: np.ndarray | None = None


@dataclass(frozen=True)
class Nuisances:
    """Fitted nuisance functions at every unit, each of shape ``(..., n)``.

    ``p0``, ``p1``: P(A=1 | Z=0 or 1, X). ``pi``: P(Z=1 | X). ``beta``, ``rho``: effect and confounding part.
    ``m0``, ``m1``: E[Y - beta A | Z=0 or 1, X].
    """

    p0: np.ndarray
    p1: np.ndarray
    pi: np.ndarray
    m0: np.ndarray
    m1: np.ndarray
    beta: np.ndarray
    rho: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """``value`` and standard error ``se`` (shape ``(...)``), with what was done on the way.

    ``truncated``: units whose variance change was set to the bound; ``mean_delta``: mean change of Var(A) with
    Z; ``psi``: uncentred influence values, shape ``(..., n)``.
    """

    value: np.ndarray
    se: np.ndarray
    truncated: np.ndarray
    mean_delta: np.ndarray
    psi: np.ndarray


def validate(y, a, z, x):
    """Check observations and return them as a `Sample` of floats.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, ``a`` or ``z`` is not binary, or an arm of ``z`` is empty.

    Warns
    -----
    UserWarning
        If ``a`` does not vary in one of the arms of ``z``: there its variance and its confounding are zero,
        and the functional degenerates to regression in the other arm.
    """
    y, a, z, x = (np.asarray(v, dtype=float) for v in (y, a, z, x))
    for name, v in (("a", a), ("z", z)):
        if v.shape != y.shape:
            raise ValueError(f"{name} must have the shape of y, got {v.shape} and {y.shape}")
        values = np.unique(v)
        if not np.isin(values, (0.0, 1.0)).all():
            raise ValueError(f"{name} must be binary (0 or 1), got values such as {values[:4]}; recode it")
    if x.shape[:-1] != y.shape:
        raise ValueError(f"x must have shape {y.shape} + (d,), got {x.shape}; use x[..., None] for one covariate")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("y and x must be finite; drop or impute missing values first")
    for arm in (0, 1):
        size = (z == arm).sum(-1)
        if np.any(size == 0):
            raise ValueError(f"z must take both values in every sample, but nobody has z = {arm}")
        treated = (a * (z == arm)).sum(-1)
        if np.any((treated == 0) | (treated == size)):
            warnings.warn(
                f"a does not vary where z = {arm}: its variance there is zero, and the functional is "
                f"regression among z = {1 - arm}",
                stacklevel=2,
            )
    return Sample(y, a, z, x)


def basis(x, kind):
    """Regressors made from covariates ``x`` of shape ``(..., n, d)``.

    Parameters
    ----------
    kind : {"linear", "quadratic", "wrong", "constant"}
        ``(1, X)``; ``(1, X, X^2, X_i X_j)``; ``(1, cos 3 X_d)`` with the last covariate, which misses every
        function of the first design on the page; ``(1)``.

    Returns
    -------
    b : ndarray, shape (..., n, k)
    """
    one = np.ones((*x.shape[:-1], 1))
    d = x.shape[-1]
    if kind == "constant":
        return one
    if kind == "linear":
        return np.concatenate([one, x], -1)
    if kind == "quadratic":
        i, j = np.triu_indices(d)
        return np.concatenate([one, x, x[..., i] * x[..., j]], -1)
    if kind == "wrong":
        return np.concatenate([one, np.cos(3 * x[..., 1:2] if d > 1 else 3 * x)], -1)
    raise ValueError(f"kind must be linear, quadratic, wrong or constant, got {kind!r}")


def fit_by_arm(b, y, z):
    """Least squares of ``y`` on ``b`` in each arm of ``z``; both predictions for all units."""
    return tuple(predict(b, least_squares(b, y, np.asarray(z == arm, dtype=float))) for arm in (0, 1))


def bootstrap_iv(y, w, q, weights):
    """Just-identified IV coefficients ``(Q' W w)^-1 Q' W y`` for many weights at once (OLS if ``q`` is ``w``).

    Parameters
    ----------
    y : ndarray, shape (n,)
    w, q : ndarray, shape (n, k)
        Regressors and instruments.
    weights : ndarray, shape (n_draws, n)
        Resampling counts.

    Returns
    -------
    coef : ndarray, shape (n_draws, k)
    """
    k = w.shape[1]
    gram = (weights @ (q[:, :, None] * w[:, None, :]).reshape(len(y), -1)).reshape(-1, k, k)
    return np.linalg.solve(gram, (weights @ (q * y[:, None]))[..., None])[..., 0]


def fit_nuisances(sample, models=None, step="two-step", shared=None):
    """Parametric nuisance models.

    Parameters
    ----------
    sample : Sample
    models : dict
        Basis kind for ``pi``, ``p``, ``m``, ``b`` (the effect beta) and ``r`` (the confounding part rho);
        ``"quadratic"`` where a key is missing.
    step : {"two-step", "g-estimation"}
        How beta and rho are fitted. ``two-step`` regresses ``(A - p)(Y - mu)`` on ``[b(X) V, r(X)]`` and
        needs both p and mu. ``g-estimation`` solves ``E[(Z - pi) b e] = E[r e] = 0`` with
        ``e = (A - p)(Y - beta A - m) - rho``, which is unbiased in each of the four robustness sets.
    shared : dict or None
        Fits kept from one call to the next on the same sample.

    Returns
    -------
    Nuisances
    """
    models = dict.fromkeys(("pi", "p", "m", "b", "r"), "quadratic") | (models or {})
    y, a, z = sample.y, sample.a, sample.z
    shared = {} if shared is None else shared

    def once(key, compute):
        if key not in shared:
            shared[key] = compute()
        return shared[key]

    b_p, b_m, b_b, b_r, b_pi = (
        once(models[key], lambda kind=models[key]: basis(sample.x, kind)) for key in ("p", "m", "b", "r", "pi")
    )
    pi = once(("pi", models["pi"]), lambda: np.clip(logistic(b_pi, z).probability(b_pi), 0.01, 0.99))
    p0, p1 = once(("p", models["p"]), lambda: fit_by_arm(b_p, a, z))
    mu0, mu1 = once(("mu", models["m"]), lambda: fit_by_arm(b_m, y, z))
    p, mu = np.where(z == 1, p1, p0), np.where(z == 1, mu1, mu0)
    if step == "two-step":
        regressors = np.concatenate([b_b * (p * (1 - p))[..., None], b_r], -1)
        coef = least_squares(regressors, (a - p) * (y - mu))
    elif step == "g-estimation":
        b_a = b_b * a[..., None]
        fit0, fit1 = once(("ba", models["m"], models["b"]), lambda: fit_by_arm(b_m, b_a, z))
        residual = b_a - np.where(z[..., None] == 1, fit1, fit0)
        regressors = np.concatenate([(a - p)[..., None] * residual, b_r], -1)
        moments = np.concatenate([b_b * (z - pi)[..., None], b_r], -1)
        coef = least_squares(regressors, (a - p) * (y - mu), instruments=moments)
    else:
        raise ValueError(f"step must be two-step or g-estimation, got {step!r}")
    k = b_b.shape[-1]
    beta, rho = predict(b_b, coef[..., :k]), predict(b_r, coef[..., k:])
    m0, m1 = fit_by_arm(b_m, y - beta * a, z)
    return Nuisances(p0, p1, pi, m0, m1, beta, rho)


def variance_change(p0, p1, delta_min=0.03):
    """``delta = p1 (1 - p1) - p0 (1 - p0)``, kept away from zero on the side of its mean.

    Returns
    -------
    delta : ndarray, shape (..., n)
        Truncated at ``delta_min`` times the sign of the mean.
    n_truncated, mean_delta : ndarray, shape (...)
    """
    delta = p1 * (1 - p1) - p0 * (1 - p0)
    mean = delta.mean(-1)
    sign = np.where(mean < 0, -1.0, 1.0)[..., None]
    small = sign * delta < delta_min
    return np.where(small, sign * delta_min, delta), small.sum(-1), mean


def multiply_robust(sample, nuisances, delta_min=0.03, unidentified="raise"):
    """The multiply robust estimator: the mean of the uncentred efficient influence function.

    ``psi = beta + (2Z - 1) / (pi(Z|X) delta) [(A - p)(Y - m - beta A) - rho]``, ``m`` and ``p`` at ``(Z, X)``.

    Parameters
    ----------
    sample : Sample
    nuisances : Nuisances
    delta_min : float
        Truncation of ``|delta|``.
    unidentified : {"raise", "nan"}
        What to do where the mean of ``delta`` is below 0.01 in absolute value.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If the instrument does not change Var(A).
    """
    y, a, z, f = sample.y, sample.a, sample.z, nuisances
    delta, truncated, mean_delta = variance_change(f.p0, f.p1, delta_min)
    weak = np.abs(mean_delta) < NOT_IDENTIFIED
    if unidentified == "raise" and np.any(weak):
        worst = np.min(np.abs(mean_delta))
        raise ValueError(
            f"instrument does not change Var(A): not identified (mean change {worst:.4f}, at least "
            f"{NOT_IDENTIFIED} is needed); use an instrument that moves P(A=1) towards or away from one half"
        )
    weight = np.where(z == 1, 1 / f.pi, -1 / (1 - f.pi)) / delta
    p, m = np.where(z == 1, f.p1, f.p0), np.where(z == 1, f.m1, f.m0)
    psi = f.beta + weight * ((a - p) * (y - m - f.beta * a) - f.rho)
    value = np.where(weak, np.nan, psi.mean(-1))
    se = np.where(weak, np.nan, psi.std(-1) / np.sqrt(psi.shape[-1]))
    return Estimate(value, se, truncated, mean_delta, psi)


def weighting(sample, nuisances, delta_min=0.03):
    """Pure weighting, ``mean of (2Z - 1) (A - p) Y / (pi(Z|X) delta)``: needs p and pi. Shape ``(...)``."""
    zero = np.zeros_like(sample.y)
    f = nuisances
    bare = Nuisances(f.p0, f.p1, f.pi, zero, zero, zero, zero)
    return multiply_robust(sample, bare, delta_min, unidentified="nan").value


def plug_in(nuisances):
    """Mean of the fitted effect beta(X): needs p, beta, rho (and mu in the two-step fit). Shape ``(...)``."""
    return nuisances.beta.mean(-1)


def constant_effect(sample, b):
    """One effect for all: ``(C1 - C0) / (V1 - V0)`` from linear residuals on ``b`` in each arm.

    ``C`` and ``V`` are mean products of the residuals of A with those of Y and of A. Where nobody takes the
    treatment at ``z = 0``, ``C0 = V0 = 0`` and the value is OLS of Y on A and ``b`` among ``z = 1``.
    """
    y, a, z = sample.y, sample.a, sample.z
    c, v = [], []
    for arm, fit_y, fit_a in zip((0, 1), fit_by_arm(b, y, z), fit_by_arm(b, a, z), strict=True):
        here = z == arm
        c.append(((a - fit_a) * (y - fit_y) * here).sum(-1) / here.sum(-1))
        v.append(((a - fit_a) ** 2 * here).sum(-1) / here.sum(-1))
    if np.any(np.abs(v[1] - v[0]) < NOT_IDENTIFIED):
        raise ValueError("instrument does not change Var(A): not identified; the residual variances are equal")
    return (c[1] - c[0]) / (v[1] - v[0])
