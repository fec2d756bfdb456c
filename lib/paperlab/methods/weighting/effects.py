"""Effects of a binary treatment: Hajek and doubly robust means, fixed effects.

Page ``aid_projects_africa``. Every estimate here but the last assumes ignorability, overlap and no interference.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.weighting.propensity import check_arms, check_propensity, clip_propensity, each_fold


@dataclass(frozen=True)
class Weighted:
    """An estimate by weighting, and what the weights did.

    Attributes
    ----------
    value, se : float
    n_clipped : int
        Units whose propensity was cut.
    effective_treated, effective_untreated : float
        Effective sample sizes ``(sum w)^2 / sum w^2``.
    """

    value: float
    se: float
    n_clipped: int
    effective_treated: float
    effective_untreated: float


def hajek(y, treatment, e, *, clip=0.02, name="donor"):
    """Hajek's ratio of inverse-probability weighted means, treated minus untreated.

    Parameters
    ----------
    y : ndarray, shape (n,)
    treatment : ndarray of 0 and 1, shape (n,)
    e : ndarray, shape (n,)
        Propensities.
    clip : float
        In [0, 0.5); propensities are cut to ``[clip, 1 - clip]``.
    name : str
        For error messages.

    Returns
    -------
    Weighted
        The standard error takes the propensities as known.

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), the treatment is not binary or an arm is empty, or a
        propensity is outside [0, 1], or 0 or 1 after clipping.

    Notes
    -----
    ``sum W Y / e / sum W / e - sum (1 - W) Y / (1 - e) / sum (1 - W) / (1 - e)``.

    Examples
    --------
    >>> hajek([2.0, 5, 1, 2], [1, 1, 0, 0], [0.5, 0.25, 0.5, 0.5]).value  # (2 * 2 + 5 * 4) / 6 - (1 + 2) / 2
    2.5
    """
    y = finite(f"{name}: y", y)
    treatment, e = check_arms(name, treatment, len(y)), check_propensity(name, e, len(y))
    cut = clip_propensity(name, e, clip)
    means, variances, sizes = [], [], []
    for weight in (treatment / cut, (1 - treatment) / (1 - cut)):
        mean = weight @ y / weight.sum()
        means.append(mean)
        variances.append((weight**2 @ (y - mean) ** 2) / weight.sum() ** 2)
        sizes.append(float(weight.sum() ** 2 / (weight**2).sum()))
    n_clipped = int(((e < clip) | (e > 1 - clip)).sum())
    return Weighted(float(means[0] - means[1]), float(np.sqrt(sum(variances))), n_clipped, *sizes)


@dataclass(frozen=True)
class Outcomes:
    """Out-of-fold predictions of the outcome without (``g0``) and with treatment (``g1``), each of shape (n,)."""

    g0: np.ndarray
    g1: np.ndarray


def predict_outcomes(x, y, treatment, folds, *, penalty=1.0, name="donor"):
    """Out-of-fold ridge predictions of the outcome in both arms.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    y : ndarray, shape (n,)
    treatment : ndarray of 0 and 1, shape (n,)
    folds : sequence of hashable, shape (n,)
        Fold of each unit, by any name.
    penalty : float
        Above 0, on the squared coefficients of standardised columns.
    name : str
        For error messages.

    Returns
    -------
    Outcomes

    Raises
    ------
    ValueError
        If a value is not finite, ``treatment`` not binary, the other folds lack an arm, or ``penalty`` is not above 0.
    """
    x, y = finite("x", x), finite(f"{name}: y", y)
    treatment = check_arms(name, treatment, len(y))
    if x.ndim != 2 or len(x) != len(y):
        raise ValueError(f"x must be ({len(y)}, k), got shape {x.shape}")
    if not penalty > 0:
        raise ValueError(f"penalty must be above 0, got {penalty}")
    found = np.empty((2, len(y)))
    for label, out in each_fold(folds, len(y)):
        for arm in (0, 1):
            rows = ~out & (treatment == arm)
            if not rows.any():
                raise ValueError(f"{name}: one class only outside fold {label}; use fewer folds or other groups")
            centre, scale, mean = x[rows].mean(0), x[rows].std(0), y[rows].mean()
            varies = scale > 1e-12 * np.abs(x[rows]).max(0)
            slopes = np.where(varies, 1 / np.where(varies, scale, 1), 0)
            z = (x[rows] - centre) * slopes
            b = np.linalg.solve(z.T @ z + penalty * np.eye(z.shape[1]), z.T @ (y[rows] - mean))
            found[arm, out] = mean + (x[out] - centre) * slopes @ b
    return Outcomes(*found)


def aipw(y, treatment, e, outcomes, *, clip=0.02, name="donor"):
    """Doubly robust (augmented inverse-probability weighted) effect.

    Parameters
    ----------
    y : ndarray, shape (n,)
    treatment : ndarray of 0 and 1, shape (n,)
    e : ndarray, shape (n,)
        Propensities.
    outcomes : Outcomes
        Predictions of the outcome in both arms.
    clip, name
        As in `hajek`.

    Returns
    -------
    Weighted
        Clipped units and effective sizes are those of `hajek`.

    Raises
    ------
    ValueError
        As `hajek`, or if a prediction is not finite.

    Notes
    -----
    The mean of ``g1 - g0 + W (Y - g1) / e - (1 - W) (Y - g0) / (1 - e)``, and its standard deviation over root n.

    Examples
    --------
    >>> y, w, e = np.array([3.0, 5, 1, 2]), np.array([1, 1, 0, 0]), np.full(4, 0.5)
    >>> aipw(y, w, e, Outcomes(g0=np.full(4, 1.5), g1=np.full(4, 4.0))).value
    2.5
    """
    plain = hajek(y, treatment, e, clip=clip, name=name)
    y, w = np.asarray(y, float), np.asarray(treatment, float)
    g0, g1 = (finite(f"{name}: {arm}", getattr(outcomes, arm)) for arm in ("g0", "g1"))
    if g0.shape != y.shape or g1.shape != y.shape:
        raise ValueError(f"{name}: g0 and g1 must have shape {y.shape}, got {g0.shape} and {g1.shape}")
    cut = clip_propensity(name, np.asarray(e, float), clip)
    psi = g1 - g0 + w * (y - g1) / cut - (1 - w) * (y - g0) / (1 - cut)
    return Weighted(
        float(psi.mean()),
        float(psi.std() / np.sqrt(len(y))),
        plain.n_clipped,
        plain.effective_treated,
        plain.effective_untreated,
    )


@dataclass(frozen=True)
class FixedEffects:
    """Effect ``value`` with its standard error ``se``, and ``n_switchers``, the units whose treatment changes."""

    value: float
    se: float
    n_switchers: int


def fixed_effects(y, treatment):
    """Two-way fixed effects in a balanced panel, standard error clustered by unit.

    Parameters
    ----------
    y, treatment : ndarray, shape (n_units, n_periods)

    Returns
    -------
    FixedEffects
        The standard error has the correction N T / (N T - parameters).

    Raises
    ------
    ValueError
        If a value is not finite, no unit changes its treatment, the treatment is a unit's plus a period's part (as when
        all change in one period), or the panel has no more entries than parameters.

    Warns
    -----
    UserWarning
        If one unit alone changes its treatment: the clustered standard error is then far too small.

    Notes
    -----
    ``Y_it = a_i + d_t + tau W_it + e_it``; ``tau`` is the least-squares slope after taking out unit and period means.

    Examples
    --------
    >>> w = np.array([[0, 0, 1], [0, 1, 1], [0, 0, 0], [0, 0, 0]])
    >>> fit = fixed_effects(2.0 * w + [[1], [2], [3], [4]] + [0, 1, 5], w)
    >>> round(fit.value, 6), fit.n_switchers
    (2.0, 2)
    """
    y, w = finite("y", y), finite("treatment", treatment)
    if y.shape != w.shape or y.ndim != 2:
        raise ValueError(f"y has shape {y.shape} and treatment {w.shape}; both must be (units, periods)")
    switchers = int((w.max(1) > w.min(1)).sum())
    if switchers == 0:
        raise ValueError("no unit changes its treatment: the fixed-effects estimate is not identified; use weighting")
    n, t = y.shape
    free = n * t - (n + t - 1) - 1
    if free <= 0:
        raise ValueError(f"{n} units in {t} periods are no more entries than parameters; give more units or periods")

    def within(v):
        return v - v.mean(1, keepdims=True) - v.mean(0) + v.mean()

    x, z = within(w), within(y)
    gram = (x * x).sum()
    if np.sqrt(gram) <= 1e-10 * np.sqrt((w * w).sum()):
        raise ValueError(
            "the treatment is a unit's part plus a period's part (all units change alike, in one period): the "
            "fixed-effects estimate is not identified; units that change at another time, or never, are needed"
        )
    if switchers == 1:
        warnings.warn("one unit alone changes its treatment: its clustered standard error is too small", stacklevel=2)
    tau = (x * z).sum() / gram
    scores = (x * (z - tau * x)).sum(1)
    return FixedEffects(float(tau), float(np.sqrt(n * t / free * (scores**2).sum()) / gram), switchers)
