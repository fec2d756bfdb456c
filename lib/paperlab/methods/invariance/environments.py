"""Rivals of IV-like regression that look for a relation which is the same in several environments, or shrink it.

Linear, without intercept. The environment methods read the `Moments` of the environments; losses that have no closed form
are minimised for many replications and penalties at once, from the pooled least squares solution, in coordinates in which
the pooled second moment is the identity. Page ``augmentation_iv``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from sklearn.linear_model import Lasso

from paperlab.methods.foundations.nets import train
from paperlab.methods.invariance.augmentation import Moments, confounding_strength, least_squares


def environments(g, n_bits):
    """Environment of every row: the first ``n_bits`` columns of ``g``, each cut in the middle of its range.

    Returns
    -------
    labels : ndarray of int, shape (n,)
        Numbered from 0 without gaps.

    Raises
    ------
    ValueError
        If ``n_bits`` is not in 1 to the number of columns.
    """
    if not 1 <= n_bits <= g.shape[1]:
        raise ValueError(f"n_bits = {n_bits}: choose 1 to {g.shape[1]}, the number of augmentation parameters")
    part = g[:, :n_bits]
    high = part > (part.min(0) + part.max(0)) / 2
    return np.unique(high, axis=0, return_inverse=True)[1].ravel()


@dataclass(frozen=True)
class Groups:
    """Moments per row of e environments: ``xx`` (e, m, m), ``xy`` and mean ``x`` (e, m), ``yy``, mean ``y``, rows ``n`` (e,)."""

    n: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, x, y, labels):
        """Environments with fewer than two rows are left out."""
        kept = [rows for rows in (np.flatnonzero(labels == e) for e in range(labels.max() + 1)) if len(rows) > 1]
        parts = [Moments.of(x[rows], y[rows]) for rows in kept]
        n = np.array([part.n for part in parts])
        xx, xy, yy = (np.stack([getattr(p, k) / p.n for p in parts]) for k in ("xx", "xy", "yy"))
        return cls(n, xx, xy, yy, np.stack([x[r].mean(0) for r in kept]), np.array([y[r].mean() for r in kept]))

    def choose(self, keep):
        """The environments named by a boolean or integer index."""
        return Groups(*(getattr(self, k)[keep] for k in ("n", "xx", "xy", "yy", "x", "y")))

    def pooled(self):
        """`Moments` of all rows."""
        n = self.n
        total = (np.tensordot(n, v, 1) for v in (self.xx, self.xy, self.yy))
        m = self.xx.shape[-1]
        return Moments(int(n.sum()), *total, np.zeros((0, 0)), np.zeros((0, m)), np.zeros(0))

    def risk(self, h):
        """Mean squared residual in every environment for coefficients ``h`` (..., m); shape (..., e)."""
        square = np.einsum("...i,eij,...j->...e", h, self.xx, h)
        return square - 2 * h @ self.xy.T + self.yy


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


def fit_environments(kind, groups, weights, steps=400, rate=0.05):
    """IRM, V-REx, MM-REx or group DRO for many samples and penalties at once.

    With risks ``R_e``: IRM ``mean R_e + w (d R_e / d scale)^2``; V-REx ``mean R_e + w var R_e``; DRO ``max R_e``;
    MM-REx ``(1 - w e) max R_e + w sum R_e``, whose weight is negative to extrapolate (Arjovsky et al. 2019, Krueger et al.
    2021, Sagawa et al. 2020). Risks are measured in units of the pooled least squares risk, so that the weights mean the same
    in every sample.

    Parameters
    ----------
    kind : {"IRM", "V-REx", "MM-REx", "DRO"}
    groups : list of Groups
        One per sample, all with the same number of environments.
    weights : ndarray, shape (s, w)
        Penalties for every sample.

    Returns
    -------
    h : ndarray, shape (s, w, m)
    """
    if kind not in ("IRM", "V-REx", "MM-REx", "DRO"):
        raise ValueError(f"kind = {kind!r}: choose IRM, V-REx, MM-REx or DRO")
    start, back, xx, xy, yy = [], [], [], [], []
    for one in groups:
        pooled = one.pooled()
        h = least_squares(pooled)
        unit = pooled.risk(h)
        turn = np.linalg.inv(np.linalg.cholesky(pooled.xx / pooled.n)).T * np.sqrt(unit)  # h = turn @ u
        start.append(np.linalg.solve(turn, h))
        back.append(turn)
        xx.append(turn.T @ one.xx @ turn / unit)
        xy.append(one.xy @ turn / unit)
        yy.append(one.yy / unit)
    xx, xy, yy, turn = (torch.tensor(np.stack(v), dtype=torch.float64) for v in (xx, xy, yy, back))
    s, w = weights.shape
    weight = torch.tensor(weights, dtype=torch.float64)
    u = torch.tensor(np.repeat(np.stack(start)[:, None], w, 1), dtype=torch.float64, requires_grad=True)  # (s, w, m)

    def loss(_step):
        image = torch.matmul(xx, u.transpose(1, 2)[:, None])  # (s, e, m, w)
        square = (image * u.transpose(1, 2)[:, None]).sum(2).transpose(1, 2)  # (s, w, e)
        inner = u @ xy.transpose(1, 2)
        return _objective(kind, square - 2 * inner + yy[:, None], 2 * (square - inner), weight)

    train(loss, [u], n_steps=steps, learning_rate=rate)
    return (u.detach() @ turn.transpose(1, 2)).numpy()


def choose_environments(kind, groups, weights, rng, **options):
    """`fit_environments` with the penalty that predicts held-out environments best (a fifth of them, at random).

    Returns
    -------
    h : ndarray, shape (s, m)
    weight : ndarray, shape (s,)
    """
    e = len(groups[0].n)
    out = [rng.permutation(e)[: max(1, round(0.2 * e))] for _ in groups]
    inside = [one.choose(np.setdiff1d(np.arange(e), rows)) for one, rows in zip(groups, out, strict=True)]
    trial = fit_environments(kind, inside, weights, **options)
    scores = np.stack(
        [one.choose(rows).risk(h).mean(-1) for one, rows, h in zip(groups, out, trial, strict=True)]
    )  # (s, w)
    best = np.take_along_axis(weights, scores.argmin(1)[:, None], 1)
    return fit_environments(kind, groups, best, **options)[:, 0], best[:, 0]


def invariant_prediction(groups, rng, level=0.1, max_subsets=256):
    """Invariant causal prediction: least squares on the treatments common to all accepted subsets, zero elsewhere.

    A subset is accepted if no environment's residuals differ from those of the others in mean (Welch) or variance (F), at
    ``level`` with Bonferroni's correction (Peters, Buehlmann and Meinshausen 2016). Subsets are drawn at random, sizes first.

    Returns
    -------
    h : ndarray, shape (m,)
        Zero if no subset is accepted.
    n_accepted : int
    """
    pooled = groups.pooled()
    m, n, total = len(pooled.xy), groups.n, groups.n.sum()
    sizes = rng.integers(1, m + 1, max_subsets)
    accepted, common = 0, np.ones(m, bool)
    for size in sizes:
        members = rng.permutation(m)[:size]
        h = np.zeros(m)
        h[members] = np.linalg.solve(pooled.xx[np.ix_(members, members)], pooled.xy[members])
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
        if 2 * np.minimum(p_mean, p_var).min() * len(n) > level:
            accepted += 1
            inside = np.zeros(m, bool)
            inside[members] = True
            common &= inside
    h = np.zeros(m)
    if accepted and common.any():
        members = np.flatnonzero(common)
        h[members] = np.linalg.solve(pooled.xx[np.ix_(members, members)], pooled.xy[members])
    return h, accepted


def invariance_penalty(x, copies, y, weight, max_iterations=50):
    """RICE: least squares plus ``weight`` times the mean over rows of the largest squared change of the prediction.

    ``min_h |y - X h|^2 / n + weight mean_i max_j (h' x_i - h' g_j x_i)^2`` (Wang, Yi, Chen and Zhu 2022) by solving the least
    squares problem of the currently worst copies, in half steps until they are smaller than 1e-8.

    Parameters
    ----------
    x : ndarray, shape (n, m)
    copies : ndarray, shape (j, n, m)
        Augmented copies of every row.

    Returns
    -------
    h : ndarray, shape (m,)
    """
    change = x - copies
    second, cross = x.T @ x, x.T @ y
    h = np.linalg.solve(second, cross)
    for _ in range(max_iterations):
        worst = np.abs(change @ h).argmax(0)
        rows = change[worst, np.arange(len(x))]
        step = 0.5 * (np.linalg.solve(second + weight * rows.T @ rows, cross) - h)
        h = h + step
        if np.abs(step).max() < 1e-8 * np.abs(h).max():
            break
    return h


def shrink_to_norm(moments, kind):
    """Janzing's causal regularisation: ridge or lasso with the penalty that leaves ``(1 - beta) |h|^2`` of least squares.

    Parameters
    ----------
    moments : Moments
        Of the treatments as observed.
    kind : {"ridge", "lasso"}

    Returns
    -------
    h : ndarray, shape (m,)
    """
    erm = least_squares(moments)
    second, cross = moments.xx / moments.n, moments.xy / moments.n
    target = np.sqrt(1 - confounding_strength(second, erm)) * np.linalg.norm(erm)
    m = len(erm)
    if kind == "lasso":  # the same problem on m rows: a square root of the second moment
        root = np.linalg.cholesky(second).T
        response = np.linalg.solve(root.T, cross)

        def fit(penalty):
            model = Lasso(penalty / m, fit_intercept=False, max_iter=20000, tol=1e-6)
            return model.fit(root, response).coef_

        high = np.abs(cross).max()
    elif kind == "ridge":

        def fit(penalty):
            return np.linalg.solve(second + penalty * np.eye(m), cross)

        high = 1e3 * np.trace(second) / m
    else:
        raise ValueError(f"kind = {kind!r}: choose 'ridge' or 'lasso'")
    low = 1e-9 * high
    for _ in range(40):  # bisection on the logarithm: the norm falls with the penalty
        middle = np.sqrt(low * high)
        low, high = (middle, high) if np.linalg.norm(fit(middle)) > target else (low, middle)
    return fit(np.sqrt(low * high))


def causal_regularisation(plain, augmented, weight):
    """Kania and Wit: least squares of the pooled halves plus ``weight`` times the change of the moments between them.

    ``(S_0 + S_A + w (S_A - S_0))^+ (c_0 + c_A + w (c_A - c_0))``, moments per row of the observed and the augmented half.
    """
    s0, sa = plain.xx / plain.n, augmented.xx / augmented.n
    c0, ca = plain.xy / plain.n, augmented.xy / augmented.n
    return np.linalg.pinv(s0 + sa + weight * (sa - s0), hermitian=True) @ (c0 + ca + weight * (ca - c0))


def choose_causal_regularisation(x, y, gx, y_augmented, weights, rng, n_folds=5):
    """`causal_regularisation` with the weight whose risks on held-out rows of both halves differ least."""
    parts = []
    for a, b in ((x, y), (gx, y_augmented)):
        labels = rng.permutation(len(b)) % n_folds
        parts.append([Moments.of(a[labels == k], b[labels == k]) for k in range(n_folds)])
    whole = [Moments.of(x, y), Moments.of(gx, y_augmented)]
    gaps = np.zeros(len(weights))
    for k in range(n_folds):
        for i, weight in enumerate(weights):
            h = causal_regularisation(whole[0] - parts[0][k], whole[1] - parts[1][k], weight)
            gaps[i] += np.abs(parts[0][k].risk(h) - parts[1][k].risk(h))
    return causal_regularisation(*whole, weights[np.argmin(gaps)])


@dataclass(frozen=True)
class Augmented:
    """One data set: ``x``, ``gx`` (n, m), ``y`` (n,), ``g`` (n, k), and ``augment(rows of x, rng)`` for further copies."""

    x: np.ndarray
    y: np.ndarray
    g: np.ndarray
    gx: np.ndarray
    augment: Callable


def rivals(samples, rng, n_bits=4, n_weights=10):
    """Coefficients of every rival on every data set, penalties chosen among ``n_weights`` exponential draws.

    RICE sees a third of the rows with three copies of each, Kania and Wit one half as observed and one half augmented, so
    that all methods see as many rows. The other ones read the augmented rows, Janzing's two the observed ones.

    Parameters
    ----------
    samples : list of Augmented
    n_bits : int
        Augmentation parameters that define the environments.

    Returns
    -------
    dict
        Name of the method to an array (s, m).
    """
    weights = rng.exponential(size=(len(samples), n_weights))
    groups = [Groups.of(one.gx, one.y, environments(one.g, n_bits)) for one in samples]
    found = {
        "IRM": choose_environments("IRM", groups, weights, rng)[0],
        "V-REx": choose_environments("V-REx", groups, weights, rng)[0],
        "MM-REx": choose_environments("MM-REx", groups, -weights, rng)[0],
        "DRO": fit_environments("DRO", groups, weights[:, :1])[:, 0],
        "ICP": np.stack([invariant_prediction(one, rng)[0] for one in groups]),
    }
    single = {"RICE": [], "l1 Janzing": [], "l2 Janzing": [], "Kania-Wit": []}
    for one, draws in zip(samples, weights, strict=True):
        n = len(one.y)
        third, train_rows = rng.permutation(n)[: n // 3], round(0.8 * (n // 3))
        x, y = one.x[third], one.y[third]
        copies = np.stack([one.augment(x, rng) for _ in range(3)])
        scores = []
        for weight in draws:
            h = invariance_penalty(x[:train_rows], copies[:, :train_rows], y[:train_rows], weight)
            scores.append(np.mean((y[train_rows:] - x[train_rows:] @ h) ** 2))
        single["RICE"].append(invariance_penalty(x, copies, y, draws[np.argmin(scores)]))
        observed = Moments.of(one.x, one.y)
        single["l1 Janzing"].append(shrink_to_norm(observed, "lasso"))
        single["l2 Janzing"].append(shrink_to_norm(observed, "ridge"))
        half = np.array_split(rng.permutation(n), 2)
        parts = one.x[half[0]], one.y[half[0]], one.gx[half[1]], one.y[half[1]]
        single["Kania-Wit"].append(choose_causal_regularisation(*parts, draws, rng))
    return found | {name: np.stack(h) for name, h in single.items()}
