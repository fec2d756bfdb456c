"""Effects of a binary treatment by weighting: cross-fitted propensities, Hajek and doubly robust means, fixed effects.

Page ``aid_projects_africa``. Ignorability, overlap and no interference are assumptions of every estimate here but the last.
"""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.linear import ridge_logit


def folds_of(n, n_folds, rng, groups=None):
    """Random fold of every unit; with ``groups`` whole groups go to one fold. Shape (n,), values 0 to n_folds - 1."""
    if groups is None:
        return rng.permutation(np.arange(n) % n_folds)
    names, where = np.unique(groups, return_inverse=True)
    return rng.permutation(np.arange(len(names)) % n_folds)[where]


def propensity(x, w, folds, c, label="treatment", min_treated=20):
    """Out-of-fold propensities, scaler and coefficients fitted on the other folds.

    Parameters
    ----------
    x : ndarray, shape (n, k)
    w : ndarray of 0 and 1, shape (n,)
    folds : ndarray of int, shape (n,)
    c : float
        See `ridge_logit`.
    label : str
        Donor and sector, for error messages.

    Returns
    -------
    e : ndarray, shape (n,)

    Raises
    ------
    ValueError
        If ``w`` is not binary, fewer than ``min_treated`` units are treated or untreated, a fold's complement has one
        class, or ``c`` is not above 0.
    """
    w = np.asarray(w, float)
    if c <= 0:
        raise ValueError(f"C = {c}: the inverse penalty must be above 0")
    if not np.isin(w, (0, 1)).all():
        raise ValueError(f"{label}: treatment must be 0 or 1, got {np.unique(w)[:3]}; recode it")
    if min(w.sum(), (1 - w).sum()) < min_treated:
        raise ValueError(
            f"{label}: {w.sum():.0f} treated and {(1 - w).sum():.0f} untreated units; at least {min_treated} of each are "
            "needed, merge it with a similar one"
        )
    e = np.empty(len(w))
    for fold in np.unique(folds):
        out = folds == fold
        if len(np.unique(w[~out])) < 2:
            raise ValueError(f"{label}: one class only outside fold {fold}; use fewer folds or other groups")
        e[out] = ridge_logit(x[~out], w[~out], c)(x[out])
    return e


def recalibrated(e, w):
    """Propensities whose log-odds are shrunk or stretched to fit: logistic regression of ``w`` on their log-odds.

    Out of fold an overfitted model is too sure of itself; its slope is then below 1.

    Returns
    -------
    e : ndarray, shape (n,)
    slope : float
    """
    odds = np.log(e / (1 - e))
    fitted = ridge_logit(odds[:, None], w, 1e6)
    new = fitted(odds[:, None])
    ends = np.array([odds.min(), odds.max()])
    at_ends = fitted(ends[:, None])
    return new, float(np.diff(np.log(at_ends / (1 - at_ends)))[0] / np.diff(ends)[0])


def check_propensity(e, label="treatment"):
    """Raise ValueError if a propensity is 0 or 1, or outside."""
    if not ((e > 0) & (e < 1)).all():
        raise ValueError(
            f"{label}: {np.sum((e <= 0) | (e >= 1))} propensities are 0 or 1; clip them or drop these units"
        )


@dataclass(frozen=True)
class Weighted:
    """An estimate with its standard error and what the weights did.

    ``clipped``: number of units with a clipped propensity; ``effective``: effective sample sizes ``(sum w)^2 / sum w^2`` of
    treated and untreated.
    """

    value: float
    se: float
    clipped: int
    effective: tuple


def hajek(y, w, e, clip=0.02, label="treatment"):
    """Hajek's ratio of inverse-probability weighted means, treated minus untreated.

    ``sum W Y / e / sum W / e - sum (1 - W) Y / (1 - e) / sum (1 - W) / (1 - e)``, propensities clipped to
    ``[clip, 1 - clip]``; the standard error takes the propensities as known.

    Parameters
    ----------
    y, w, e : ndarray, shape (n,)
    clip : float
        In [0, 0.5).

    Returns
    -------
    Weighted
    """
    if not 0 <= clip < 0.5:
        raise ValueError(f"clip = {clip}: choose a value in [0, 0.5)")
    cut = np.clip(e, clip, 1 - clip)
    check_propensity(cut, label)
    means, variances, sizes = [], [], []
    for weight in (w / cut, (1 - w) / (1 - cut)):
        mean = weight @ y / weight.sum()
        means.append(mean)
        variances.append((weight**2 @ (y - mean) ** 2) / weight.sum() ** 2)
        sizes.append(weight.sum() ** 2 / (weight**2).sum())
    clipped = int(((e < clip) | (e > 1 - clip)).sum())
    return Weighted(float(means[0] - means[1]), float(np.sqrt(sum(variances))), clipped, tuple(sizes))


def augmented(y, w, e, g0, g1, clip=0.02, label="treatment"):
    """Doubly robust (AIPW) effect: the mean of ``g1 - g0 + W (Y - g1) / e - (1 - W) (Y - g0) / (1 - e)``.

    Parameters
    ----------
    y, w, e, g0, g1 : ndarray, shape (n,)
        ``g0``, ``g1``: out-of-fold predictions of the outcome without and with treatment.

    Returns
    -------
    Weighted
    """
    cut = np.clip(e, clip, 1 - clip)
    check_propensity(cut, label)
    psi = g1 - g0 + w * (y - g1) / cut - (1 - w) * (y - g0) / (1 - cut)
    plain = hajek(y, w, e, clip, label)
    return Weighted(float(psi.mean()), float(psi.std() / np.sqrt(len(y))), plain.clipped, plain.effective)


def outcome_predictions(x, y, w, folds, penalty=1.0):
    """Out-of-fold ridge predictions of the outcome in both arms: ``g0``, ``g1``, each of shape (n,)."""
    found = np.empty((2, len(y)))
    for fold in np.unique(folds):
        out = folds == fold
        for arm in (0, 1):
            rows = ~out & (w == arm)
            centre, scale = x[rows].mean(0), x[rows].std(0)
            scale = np.where(scale > 0, scale, 1)
            z, mean = (x[rows] - centre) / scale, y[rows].mean()
            b = np.linalg.solve(z.T @ z + penalty * np.eye(z.shape[1]), z.T @ (y[rows] - mean))
            found[arm, out] = mean + (x[out] - centre) / scale @ b
    return found[0], found[1]


def fixed_effects(y, w):
    """Two-way fixed effects in a balanced panel, standard error clustered by unit.

    ``Y_it = a_i + d_t + tau W_it + e_it``; identified by units whose treatment changes.

    Parameters
    ----------
    y, w : ndarray, shape (n_units, n_periods)

    Returns
    -------
    tau, se : float
        The standard error has the correction N T / (N T - parameters).

    Raises
    ------
    ValueError
        If no unit changes its treatment.
    """
    y, w = np.asarray(y, float), np.asarray(w, float)
    if y.shape != w.shape or y.ndim != 2:
        raise ValueError(f"y has shape {y.shape} and w {w.shape}; both must be (units, periods)")
    if not (w.max(1) > w.min(1)).any():
        raise ValueError("no unit changes its treatment: the fixed-effects estimate is not identified; use weighting")

    def within(v):
        return v - v.mean(1, keepdims=True) - v.mean(0) + v.mean()

    x, z = within(w), within(y)
    gram = (x * x).sum()
    tau = (x * z).sum() / gram
    scores = (x * (z - tau * x)).sum(1)
    n, t = y.shape
    correction = n * t / (n * t - (n + t - 1) - 1)
    return float(tau), float(np.sqrt(correction * (scores**2).sum()) / gram)
