"""Codes from who is had together: recursive spectral clustering of the co-occurrence graph (collaborative indexing)."""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh

NUMBERINGS = ("own", "cyclic")
LINK = 1e-6  # weight of the ring that holds a graph together
DENSE = 400  # graphs of so many nodes are solved densely


def cooccurrence(train, *, last=None):
    """How many histories hold both of two items.

    Parameters
    ----------
    train : Interactions
        Training parts only.
    last : int, optional
        Only the last items of every history count; default all.

    Returns
    -------
    csr_matrix, shape (n_items, n_items)
        Symmetric, zero on the diagonal.
    """
    if last is not None:
        if last < 2:
            raise ValueError(f"last must be at least 2, got {last}; one item has no partner")
        train = train.where(np.repeat(train.lengths, train.lengths) - train.positions <= last)
    held = train.matrix(np.float64)
    found = (held.T @ held).tocsr()
    found.setdiag(0)
    found.eliminate_zeros()
    return found


def cluster_codes(graph, *, n_clusters, leaf_cap, numbering="own", rng):
    """Split a graph into clusters, and those that are too large again; the way down to an item is its code.

    Parameters
    ----------
    graph : sparse matrix or ndarray, shape (n_items, n_items)
        Symmetric weights from 0, such as `cooccurrence`.
    n_clusters : int
        Clusters of a split, at least 2.
    leaf_cap : int
        Clusters with more items are split again.
    numbering : {"own", "cyclic"}
        Children of a cluster are 0, 1, ...; or letters are handed out cyclically from one alphabet of ``leaf_cap`` to
        all clusters, level by level, as in the paper (then ``n_clusters`` must not exceed it).
    rng : numpy.random.Generator
        Start of the solver, links between unconnected parts, order of the items of a cluster.

    Returns
    -------
    ndarray of int, shape (n_items, n_levels)
        Letters of the clusters and a last one for the item, -1 behind it; unique.

    Raises
    ------
    ValueError
        If the graph is not square, symmetric and finite with weights from 0, or a setting is out of range.

    Notes
    -----
    Page ``item_indexing``, collaborative indexing. Spectral clustering as scikit-learn's, labels by pivoted QR (Damle,
    Minden and Ying 2019), but with eigenvectors by products only: its shift and invert takes minutes on 12,000 items.
    A ring through all items in an order drawn by lot, of weight 1e-6 times the mean weight, holds the graph together,
    so that an item without partners lands in a cluster too. A cluster that a split leaves whole is cut into parts of
    equal size by lot. The released code also lowers the number of clusters at a gap of the eigenvalues; that is left
    out.
    """
    graph = _checked(graph)
    if not n_clusters >= 2:
        raise ValueError(f"n_clusters must be at least 2, got {n_clusters}")
    if leaf_cap < 1:
        raise ValueError(f"leaf_cap must be at least 1, got {leaf_cap}")
    if numbering not in NUMBERINGS:
        raise ValueError(f"numbering must be one of {', '.join(NUMBERINGS)}, got {numbering!r}")
    if numbering == "cyclic" and n_clusters > leaf_cap:
        raise ValueError(f"n_clusters must not exceed leaf_cap = {leaf_cap} with cyclic letters, got {n_clusters}")
    n_items, handed = graph.shape[0], 0
    codes, level = [[] for _ in range(n_items)], [rng.permutation(n_items)]
    while level:
        below = []
        for items in level:
            if len(items) <= leaf_cap:
                for letter, item in enumerate(items):
                    codes[item].append(letter)
                continue
            label = _split(graph[items][:, items], n_clusters, rng)
            for child, mark in enumerate(np.unique(label)):
                part = items[label == mark]
                for item in part:
                    codes[item].append(handed % leaf_cap if numbering == "cyclic" else child)
                handed += 1
                below.append(part)
        level = below
    found = np.full((n_items, max(map(len, codes))), -1)
    for item, code in enumerate(codes):
        found[item, : len(code)] = code
    return found


def _split(graph, n_clusters, rng):
    """Label of every node of a graph."""
    n = graph.shape[0]
    n_clusters = min(n_clusters, n)
    if n <= n_clusters + 1:  # too few for the solver
        return np.arange(n) % n_clusters
    ring = rng.permutation(n)
    weight = LINK * (graph.sum() / max(graph.nnz, 1) or 1.0)
    link = sparse.csr_matrix((np.full(n, weight), (ring, np.roll(ring, 1))), (n, n))
    label = _cluster_qr(_embedding((graph + link + link.T).tocsr(), n_clusters, rng))
    return label if label.min() < label.max() else rng.permutation(np.arange(n) % n_clusters)


def _embedding(graph, n_vectors, rng):
    """Smallest eigenvectors of the random-walk Laplacian of a connected graph, shape (n, n_vectors)."""
    scale = 1 / np.sqrt(np.asarray(graph.sum(1)).ravel())
    normal = sparse.diags(scale) @ graph @ sparse.diags(scale)
    n = len(scale)
    if n <= DENSE:
        vectors = linalg.eigh(normal.toarray(), subset_by_index=(n - n_vectors, n - 1))[1]
    else:  # the largest eigenvalues, without the factorisation that an inverse would need
        start, basis = rng.standard_normal(n), min(n, 2 * n_vectors + 20)
        vectors = eigsh(normal, n_vectors, which="LA", v0=start, ncv=basis, tol=1e-4, maxiter=100 * n)[1]
    return scale[:, None] * vectors


def _cluster_qr(vectors):
    """Labels by pivoted QR: as many rows as there are clusters, chosen to differ most, say where the clusters lie."""
    k = vectors.shape[1]
    pivots = linalg.qr(vectors.T, mode="r", pivoting=True)[1][:k]
    left, _, right = linalg.svd(vectors[pivots].T)
    return np.abs(vectors @ (left @ right)).argmax(1)


def _checked(graph):
    graph = sparse.csr_matrix(graph, dtype=np.float64)
    if graph.shape[0] != graph.shape[1]:
        raise ValueError(f"graph must be square, got shape {graph.shape}")
    if not np.isfinite(graph.data).all() or (graph.data < 0).any():
        wrong = graph.data[~(graph.data >= 0) | ~np.isfinite(graph.data)][0]
        raise ValueError(f"graph must have finite weights from 0, got {wrong}")
    if abs(graph - graph.T).sum() > 1e-9 * graph.sum():
        raise ValueError("graph must be symmetric, got one that is not; add its transpose")
    return graph
