"""Score-guided trees and forests of bilinear growth curves, to rank covariates (page ``trajectory_experts``).

A node holds one growth curve (one class). A covariate matters if the scores of the node's model, summed in its order,
drift away from zero; the largest score statistic over covariates and cut points makes the split, and the curve is fitted
again on both sides.
"""

import numpy as np

from paperlab.methods.growth_mixtures import fit as gf


def score_statistics(scores, x, min_leaf):
    """Score (Lagrange multiplier) statistic of every cut point of every column.

    Parameters
    ----------
    scores : ndarray, shape (n, P)
        Persons' scores at the node's optimum; their columns sum to about zero.
    x : ndarray, shape (n, m)
        Covariates.

    Returns
    -------
    best, cut : ndarray, shape (m,)
        Largest statistic, -inf where no cut leaves ``min_leaf`` persons on both sides, and its cut point.
    """
    n = len(scores)
    centred = scores - scores.mean(axis=0)
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
    return best, cut


def _fit_node(data, warm):
    node = gf.fit(data, 1, starts=0 if warm else 1, warm=warm, tol=1e-2)
    return node, gf.Engine(data, 1).scores(node.parameters)


def grow_tree(data, x, rng, *, depth=3, min_leaf=50, n_try=None, threshold=0.0):
    """A tree of growth curves as nested tuples (column, cut, left, right) with `Parameters` in its leaves.

    ``n_try`` columns, drawn anew in every node, compete for the split (all by default); it needs a statistic above
    ``threshold``.
    """

    def grow(index, level, warm):
        node, scores = _fit_node(data.rows(index), warm)
        if level < depth and len(index) >= 2 * min_leaf:
            columns = rng.permutation(x.shape[1])[: n_try or x.shape[1]]
            best, cut = score_statistics(scores, x[np.ix_(index, columns)], min_leaf)
            j = best.argmax()
            if best[j] > threshold:
                left = x[index, columns[j]] <= cut[j]
                parts = (grow(index[side], level + 1, [node.parameters]) for side in (left, ~left))
                return columns[j], cut[j], *parts
        return node.parameters

    return grow(np.arange(len(x)), 0, [])


def tree_loglik(tree, data, x):
    """Log-likelihood of every person under the leaf that the covariates lead to."""
    out = np.empty(len(x))

    def walk(node, index):
        if not index.size:
            return
        if isinstance(node, gf.Parameters):
            work = gf.Engine(data.rows(index), 1)
            work.loglik(node)
            out[index] = work.persons
        else:
            column, cut, *sides = node
            left = x[index, column] <= cut
            walk(sides[0], index[left])
            walk(sides[1], index[~left])

    walk(tree, np.arange(len(x)))
    return out


def forest_importance(data, x, rng, *, trees=100, share=0.632, depth=3, min_leaf=50, n_try=None):
    """Permutation importance of every column: mean loss of log-likelihood per person outside the tree's sample.

    Parameters
    ----------
    data : Trajectories
        Without covariates.
    x : ndarray, shape (n, m)
        Candidate covariates.
    share : float
        Share of the persons, drawn without replacement, that grow a tree; the others judge it.

    Returns
    -------
    ndarray, shape (trees, m)

    Raises
    ------
    ValueError
        If rows do not match, or a sample would not allow one split.
    """
    n, m = x.shape
    inside = int(share * n)
    if n != len(data.y):
        raise ValueError(f"x has {n} rows, but y has {len(data.y)}; rows are the same persons")
    if inside < 2 * min_leaf or inside == n:
        raise ValueError(f"share = {share}, min_leaf = {min_leaf}: {inside} of {n} persons in a tree allow no split")
    n_try = n_try or max(1, int(np.ceil(m / 2)))
    out = np.zeros((trees, m))
    for b in range(trees):
        order = rng.permutation(n)
        grown, judged = order[:inside], order[inside:]
        tree = grow_tree(data.rows(grown), x[grown], rng, depth=depth, min_leaf=min_leaf, n_try=n_try)
        part, held = data.rows(judged), x[judged]
        base = tree_loglik(tree, part, held).mean()
        for j in set(_used(tree)):
            shuffled = held.copy()
            shuffled[:, j] = rng.permutation(held[:, j])
            out[b, j] = base - tree_loglik(tree, part, shuffled).mean()
    return out


def _used(tree):
    if isinstance(tree, gf.Parameters):
        return []
    return [tree[0], *_used(tree[2]), *_used(tree[3])]
