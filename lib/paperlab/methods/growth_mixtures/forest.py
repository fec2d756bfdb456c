"""Score-guided trees and forests of bilinear growth curves, to rank covariates (page ``trajectory_experts``).

A node holds one growth curve (one class). A covariate matters if the scores of the node's model, summed in its order,
drift away from zero; the largest score statistic over covariates and cut points makes the split, and the curve is
fitted again on both sides.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.growth_mixtures.fit import fit, one_class_start
from paperlab.methods.growth_mixtures.mixture import SMOOTH, Mixture
from paperlab.methods.growth_mixtures.trajectories import Parameters

__all__ = ["Cuts", "Split", "forest_importance", "grow_tree", "score_statistics", "tree_loglik"]


@dataclass(frozen=True)
class Cuts:
    """The best cut of every column: its score statistic (m,), -inf where none is allowed, and the cut point (m,)."""

    statistic: np.ndarray
    cut: np.ndarray


@dataclass(frozen=True)
class Split:
    """An inner node of a tree: persons with ``column`` at most ``cut`` go left; a side is a `Split` or `Parameters`."""

    column: int
    cut: float
    left: object
    right: object


def score_statistics(scores, x, min_leaf):
    """Score (Lagrange multiplier) statistic of every cut point of every column.

    Parameters
    ----------
    scores : ndarray, shape (n, P)
        Persons' scores at the node's optimum; their columns sum to about zero.
    x : ndarray, shape (n, m)
        Covariates.
    min_leaf : int
        Persons that a cut must leave on both sides.

    Returns
    -------
    Cuts

    Raises
    ------
    ValueError
        If a value is missing, or rows do not match.
    """
    scores, x = finite("scores", scores), finite("x", x)
    n = len(scores)
    if x.ndim != 2 or len(x) != n:
        raise ValueError(f"x must have one row for each of the {n} persons, got shape {x.shape}")
    centred = scores - scores.mean(axis=0)
    length = np.sqrt((centred**2).mean(axis=0))
    centred /= np.where(length > 0, length, 1.0)
    values, vectors = np.linalg.eigh(centred.T @ centred / n)
    keep = values > 1e-10 * values[-1]
    white = centred @ (vectors[:, keep] / np.sqrt(values[keep]))
    size = np.arange(1, n)
    best, cut = np.full(x.shape[1], -np.inf), np.zeros(x.shape[1])
    for j, column in enumerate(x.T):
        order = np.argsort(column, kind="stable")
        ranked = column[order]
        stat = (np.cumsum(white[order], axis=0)[:-1] ** 2).sum(axis=1) * n / (size * (n - size))
        allowed = (ranked[1:] > ranked[:-1]) & (size >= min_leaf) & (n - size >= min_leaf)
        if allowed.any():
            i = np.where(allowed, stat, -np.inf).argmax()
            best[j], cut[j] = stat[i], 0.5 * (ranked[i] + ranked[i + 1])
    return Cuts(best, cut)


def _fit_node(data, warm, smooth):
    node = fit(data, 1, n_starts=0, warm=[warm], tol=1e-2, smooth=smooth)
    return node.parameters, Mixture(data, 1, smooth=smooth).scores(node.parameters)


def _check_tree(data, x, min_leaf, n_try):
    x = finite("x", x)
    if x.ndim != 2 or len(x) != len(data.y):
        raise ValueError(f"x has shape {x.shape}, but y has {len(data.y)} rows; rows are the same persons")
    if operator.index(min_leaf) < 1 or not 1 <= operator.index(n_try) <= x.shape[1]:
        raise ValueError(
            f"min_leaf must be at least 1 and n_try from 1 to the {x.shape[1]} columns, got {min_leaf} and {n_try}"
        )
    return x


def grow_tree(data, x, *, rng, depth=3, min_leaf=50, n_try=None, threshold=0.0):
    """A tree of growth curves.

    Parameters
    ----------
    data : Trajectories
        Without covariates.
    x : ndarray, shape (n, m)
        Candidate covariates.
    rng : numpy.random.Generator
    depth, min_leaf : int
        Levels of splits; persons a leaf must hold.
    n_try : int, optional
        Columns, drawn anew in every node, that compete for the split; all by default.
    threshold : float
        Score statistic that a split needs.

    Returns
    -------
    Split or Parameters

    Raises
    ------
    ValueError
        If a value is missing or rows do not match.
    """
    n_try = np.shape(x)[-1] if n_try is None else n_try
    x = _check_tree(data, x, min_leaf, n_try)
    smooth = SMOOTH * np.ptp(data.t)

    def grow(index, level, warm):
        parameters, scores = _fit_node(data.rows(index), warm, smooth)
        if level < depth and len(index) >= 2 * min_leaf:
            columns = rng.permutation(x.shape[1])[:n_try]
            cuts = score_statistics(scores, x[np.ix_(index, columns)], min_leaf)
            j = cuts.statistic.argmax()
            if cuts.statistic[j] > threshold:
                left = x[index, columns[j]] <= cuts.cut[j]
                sides = (grow(index[side], level + 1, parameters) for side in (left, ~left))
                return Split(int(columns[j]), float(cuts.cut[j]), *sides)
        return parameters

    return grow(np.arange(len(x)), 0, one_class_start(data))


def tree_loglik(tree, data, x):
    """Log-likelihood of every person under the leaf that the covariates lead to.

    Parameters
    ----------
    tree : Split or Parameters
        As from `grow_tree`.
    data : Trajectories
    x : ndarray, shape (n, m)

    Returns
    -------
    loglik : ndarray, shape (n,)

    Raises
    ------
    ValueError
        If a value is missing, or rows do not match.
    """
    x = _check_tree(data, x, 1, 1)
    out, smooth = np.empty(len(x)), SMOOTH * np.ptp(data.t)

    def walk(node, index):
        if not index.size:
            return
        if isinstance(node, Parameters):
            mixture = Mixture(data.rows(index), 1, smooth=smooth)
            mixture.loglik(node)
            out[index] = mixture.posterior.persons
        else:
            left = x[index, node.column] <= node.cut
            walk(node.left, index[left])
            walk(node.right, index[~left])

    walk(tree, np.arange(len(x)))
    return out


def forest_importance(data, x, *, rng, n_trees=100, share=0.632, depth=3, min_leaf=50, n_try=None):
    """Permutation importance of every column: mean loss of log-likelihood per person outside the tree's sample.

    Parameters
    ----------
    data : Trajectories
        Without covariates.
    x : ndarray, shape (n, m)
        Candidate covariates.
    rng : numpy.random.Generator
    n_trees : int
    share : float
        Share of the persons, drawn without replacement, that grow a tree; the others judge it.
    depth, min_leaf : int
        As in `grow_tree`.
    n_try : int, optional
        Columns that compete in a node; half of them by default.

    Returns
    -------
    importance : ndarray, shape (n_trees, m)

    Raises
    ------
    ValueError
        If rows do not match, a value is missing, or a sample would not allow one split.
    """
    n_try = max(1, -(-np.shape(x)[-1] // 2)) if n_try is None else n_try
    x = _check_tree(data, x, min_leaf, n_try)
    n, m = x.shape
    inside = int(share * n)
    if inside < 2 * min_leaf or inside >= n:
        raise ValueError(f"share = {share}, min_leaf = {min_leaf}: {inside} of {n} persons in a tree allow no split")
    if operator.index(n_trees) < 1:
        raise ValueError(f"n_trees must be at least 1, got {n_trees}")
    out = np.zeros((n_trees, m))
    for b in range(n_trees):
        order = rng.permutation(n)
        grown, judged = order[:inside], order[inside:]
        tree = grow_tree(data.rows(grown), x[grown], rng=rng, depth=depth, min_leaf=min_leaf, n_try=n_try)
        part, held = data.rows(judged), x[judged]
        base = tree_loglik(tree, part, held).mean()
        for j in sorted(_used(tree)):
            shuffled = held.copy()
            shuffled[:, j] = rng.permutation(held[:, j])
            out[b, j] = base - tree_loglik(tree, part, shuffled).mean()
    return out


def _used(tree):
    """Columns in which a tree splits."""
    return {tree.column} | _used(tree.left) | _used(tree.right) if isinstance(tree, Split) else set()
