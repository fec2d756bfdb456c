"""Regressions that are the same in several environments: IRM, V-REx, MM-REx, group DRO, invariant causal prediction.

Linear, without intercept. They read the moments of the environments; losses that have no closed form are minimised for
many replications and penalties at once, from the pooled least squares solution, in coordinates in which the pooled
second moment is the identity. Page ``augmentation_iv``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats

from paperlab.methods.foundations.checks import codes, finite, positive_definite
from paperlab.methods.foundations.nets import train
from paperlab.methods.invariance.augmentation import Moments, least_squares

KINDS = ("IRM", "V-REx", "MM-REx", "DRO")
FIELDS = ("n", "xx", "xy", "yy", "x", "y")


def cut_in_half(g, n_bits):
    """Environment of every row: the first ``n_bits`` columns of ``g``, each cut in the middle of its range.

    Parameters
    ----------
    g : array_like, shape (n, k)
        Augmentation parameters.
    n_bits : int

    Returns
    -------
    labels : ndarray of int, shape (n,)
        Numbered from 0 without gaps, at most ``2**n_bits`` of them.

    Raises
    ------
    ValueError
        If a value is not finite, or ``n_bits`` is not in 1 to the number of columns.

    Examples
    --------
    >>> cut_in_half([[0.0, 5.0], [1.0, 9.0], [0.2, 8.0]], 1)
    array([0, 1, 0])
    """
    g = finite("g", g)
    if not 1 <= n_bits <= g.shape[1]:
        raise ValueError(f"n_bits = {n_bits}: choose 1 to {g.shape[1]}, the number of augmentation parameters")
    part = g[:, :n_bits]
    high = part > (part.min(0) + part.max(0)) / 2
    return np.unique(high, axis=0, return_inverse=True)[1].ravel()


@dataclass(frozen=True)
class Groups:
    """Moments per row of e environments.

    Attributes
    ----------
    n : ndarray of int, shape (e,)
        Rows.
    xx : ndarray, shape (e, m, m)
    xy : ndarray, shape (e, m)
    yy : ndarray, shape (e,)
    x : ndarray, shape (e, m)
        Means of the treatments.
    y : ndarray, shape (e,)
        Means of the outcome.
    """

    n: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, x, y, labels):
        """Environments of a sample.

        Parameters
        ----------
        x : array_like, shape (n, m)
        y : array_like, shape (n,)
        labels : sequence of hashable, shape (n,)
            Name of the environment of each row.

        Raises
        ------
        ValueError
            If a value is not finite or a label missing (names argument and row), lengths differ, or fewer than two
            environments have two rows.

        Warns
        -----
        UserWarning
            "environments with a single row are left out", with their number.
        """
        x, y = finite("x", x), finite("y", y)
        label = codes("labels", labels, len(y))
        rows = [np.flatnonzero(label == e) for e in range(label.max() + 1)]
        kept = [one for one in rows if len(one) > 1]
        if len(kept) < 2:
            raise ValueError(f"labels: {len(kept)} environments with two rows or more; nothing can be compared")
        if len(kept) < len(rows):
            warnings.warn(
                f"{len(rows) - len(kept)} of {len(rows)} environments with a single row are left out", stacklevel=2
            )
        parts = [Moments.of(x[one], y[one]) for one in kept]
        n = np.array([part.n for part in parts])
        xx, xy, yy = (np.stack([getattr(p, k) / p.n for p in parts]) for k in ("xx", "xy", "yy"))
        return cls(n, xx, xy, yy, np.stack([x[r].mean(0) for r in kept]), np.array([y[r].mean() for r in kept]))

    def choose(self, keep):
        """The environments named by a boolean or integer index."""
        return Groups(*(getattr(self, name)[keep] for name in FIELDS))

    def pooled(self):
        """`Moments` of all rows."""
        n = self.n
        total = (np.tensordot(n, v, 1) for v in (self.xx, self.xy, self.yy))
        m = self.xx.shape[-1]
        return Moments(int(n.sum()), *total, np.zeros((0, 0)), np.zeros((0, m)), np.zeros(0))

    def risk(self, coef):
        """Mean squared residual in every environment for coefficients (..., m); shape (..., e)."""
        square = np.einsum("...i,eij,...j->...e", coef, self.xx, coef)
        return square - 2 * coef @ self.xy.T + self.yy


def _objective(kind, risk, slope, weight):
    """Loss (...) from risks (..., e); ``slope`` is the derivative of each risk when all predictions are scaled."""
    if kind == "IRM":
        return (risk + weight[..., None] * slope**2).mean(-1)
    if kind == "V-REx":
        return risk.mean(-1) + weight * risk.var(-1)
    if kind == "DRO":
        return risk.amax(-1)
    e = risk.shape[-1]
    return (1 - e * weight) * risk.amax(-1) + weight * risk.sum(-1)  # MM-REx


def fit_environments(kind, groups, weights, *, n_steps=400, learning_rate=0.05):
    """IRM, V-REx, MM-REx or group DRO for many samples and penalties at once.

    With risks ``R_e``: IRM ``mean R_e + w (d R_e / d scale)^2``; V-REx ``mean R_e + w var R_e``; DRO ``max R_e``;
    MM-REx ``(1 - w e) max R_e + w sum R_e``, whose weight is negative to extrapolate (Arjovsky et al. 2019, Krueger
    et al. 2021, Sagawa et al. 2020). Risks are measured in units of the pooled least squares risk, so that the weights
    mean the same in every sample.

    Parameters
    ----------
    kind : {"IRM", "V-REx", "MM-REx", "DRO"}
    groups : list of Groups
        One per sample, all with the same number of environments.
    weights : array_like, shape (s, w)
        Penalties for every sample.
    n_steps : int
    learning_rate : float
        Of Adam, falling to zero along half a cosine.

    Returns
    -------
    ndarray, shape (s, w, m)

    Raises
    ------
    ValueError
        For an unknown kind, weights that do not fit the samples, samples with different numbers of environments,
        collinear treatments, or a sample that least squares fits without error.
    """
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r}: choose IRM, V-REx, MM-REx or DRO")
    weights = finite("weights", weights)
    if not groups or weights.ndim != 2 or len(weights) != len(groups):
        raise ValueError(f"weights must be (s, w) for {len(groups)} samples, got shape {weights.shape}")
    counts = sorted({len(one.n) for one in groups})
    if len(counts) > 1:
        raise ValueError(f"groups have {counts} environments; all samples need the same number")
    start, back, xx, xy, yy = [], [], [], [], []
    for one in groups:
        pooled = one.pooled()
        h = least_squares(pooled)
        unit = pooled.risk(h)
        if unit <= 1e-12 * pooled.yy / pooled.n:
            raise ValueError(
                "least squares fits a sample without error: all environments agree, and no risk has a unit"
            )
        turn = np.linalg.inv(np.linalg.cholesky(pooled.xx / pooled.n)).T * np.sqrt(unit)  # h = turn @ u
        start.append(np.linalg.solve(turn, h))
        back.append(turn)
        xx.append(turn.T @ one.xx @ turn / unit)
        xy.append(one.xy @ turn / unit)
        yy.append(one.yy / unit)
    xx, xy, yy, turn = (torch.tensor(np.stack(v), dtype=torch.float64) for v in (xx, xy, yy, back))
    w = weights.shape[1]
    weight = torch.tensor(weights, dtype=torch.float64)
    u = torch.tensor(np.repeat(np.stack(start)[:, None], w, 1), dtype=torch.float64, requires_grad=True)  # (s, w, m)

    def loss(_step):
        image = torch.matmul(xx, u.transpose(1, 2)[:, None])  # (s, e, m, w)
        square = (image * u.transpose(1, 2)[:, None]).sum(2).transpose(1, 2)  # (s, w, e)
        inner = u @ xy.transpose(1, 2)
        return _objective(kind, square - 2 * inner + yy[:, None], 2 * (square - inner), weight)

    train(loss, [u], n_steps=n_steps, learning_rate=learning_rate)
    return (u.detach() @ turn.transpose(1, 2)).numpy()


@dataclass(frozen=True)
class Chosen:
    """Coefficients ``coef`` (s, m), or (m,), with the penalty ``weight`` (s,), or a number, chosen for them."""

    coef: np.ndarray
    weight: np.ndarray | float


def choose_environments(kind, groups, weights, *, rng, **options):
    """`fit_environments` with the penalty that predicts held-out environments best (a fifth of them, at random).

    Parameters
    ----------
    kind, groups, weights
        As `fit_environments`.
    rng : numpy.random.Generator
    **options
        As `fit_environments`.

    Returns
    -------
    Chosen
        ``coef`` of shape (s, m).

    Raises
    ------
    ValueError
        As `fit_environments`.
    """
    weights = np.asarray(weights, float)
    e = len(groups[0].n)
    out = [rng.permutation(e)[: max(1, round(0.2 * e))] for _ in groups]
    inside = [one.choose(np.setdiff1d(np.arange(e), rows)) for one, rows in zip(groups, out, strict=True)]
    trial = fit_environments(kind, inside, weights, **options)
    scores = np.stack(
        [one.choose(rows).risk(h).mean(-1) for one, rows, h in zip(groups, out, trial, strict=True)]
    )  # (s, w)
    best = np.take_along_axis(weights, scores.argmin(1)[:, None], 1)
    return Chosen(fit_environments(kind, groups, best, **options)[:, 0], best[:, 0])


@dataclass(frozen=True)
class InvariantPrediction:
    """Least squares on the treatments that all accepted subsets share.

    Attributes
    ----------
    coef : ndarray, shape (m,)
        Zero where a treatment is not in all of them, and everywhere if none was accepted.
    n_accepted : int
        Of the subsets that were tried.
    """

    coef: np.ndarray
    n_accepted: int


def invariant_prediction(groups, *, rng, level=0.1, max_subsets=256):
    """Invariant causal prediction: least squares on the treatments common to all accepted subsets, zero elsewhere.

    A subset is accepted if no environment's residuals differ from those of the others in mean (Welch) or variance (F),
    at ``level`` with Bonferroni's correction (Peters, Buehlmann and Meinshausen 2016). Subsets are drawn at random,
    sizes first.

    Parameters
    ----------
    groups : Groups
    rng : numpy.random.Generator
    level : float
        Between 0 and 1.
    max_subsets : int

    Returns
    -------
    InvariantPrediction

    Raises
    ------
    ValueError
        If there are fewer than two environments, the treatments are collinear, or ``level`` is no share.
    """
    if len(groups.n) < 2:
        raise ValueError(f"groups has {len(groups.n)} environment: nothing can be compared")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    pooled = groups.pooled()
    positive_definite("x", pooled.xx)
    m = len(pooled.xy)
    accepted, common = 0, np.ones(m, bool)
    for size in rng.integers(1, m + 1, max_subsets):
        members = rng.permutation(m)[:size]
        if _smallest_p(groups, _on(pooled, members)) > level:
            accepted += 1
            common &= np.isin(np.arange(m), members)
    members = np.flatnonzero(common) if accepted else np.zeros(0, int)
    return InvariantPrediction(_on(pooled, members), accepted)


def _on(moments, members):
    """Least squares on some of the treatments, zero for the others."""
    h = np.zeros(len(moments.xy))
    h[members] = np.linalg.solve(moments.xx[np.ix_(members, members)], moments.xy[members])
    return h


def _smallest_p(groups, h):
    """Bonferroni's p that no environment's residuals differ from those of the others in mean or variance."""
    n, total = groups.n, groups.n.sum()
    mean, second = groups.y - groups.x @ h, groups.risk(h)
    mean_out = (n @ mean - n * mean) / (total - n)
    second_out = (n @ second - n * second) / (total - n)
    var = (second - mean**2) * n / (n - 1)
    var_out = (second_out - mean_out**2) * (total - n) / (total - n - 1)
    se2, se2_out = var / n, var_out / (total - n)
    freedom = (se2 + se2_out) ** 2 / (se2**2 / (n - 1) + se2_out**2 / (total - n - 1))
    p_mean = 2 * stats.t.sf(np.abs(mean - mean_out) / np.sqrt(se2 + se2_out), freedom)
    tail = stats.f.sf(var / var_out, n - 1, total - n - 1)
    p_var = 2 * np.minimum(tail, 1 - tail)
    return 2 * np.minimum(p_mean, p_var).min() * len(n)
