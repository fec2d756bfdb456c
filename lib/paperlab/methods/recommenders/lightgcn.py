"""LightGCN: vectors of users and items are averaged with those of their neighbours in the graph of who chose what."""

import numpy as np
from numba import njit
from scipy import sparse

from paperlab.methods.recommenders.embeddings import Tables, positive
from paperlab.methods.recommenders.pairwise import add_bpr_gradient, chosen, draw_negatives


@njit(cache=True, fastmath=True, error_model="numpy")
def _step(indptr, indices, data, own, others, scale, out):
    for row in range(len(indptr) - 1):
        for k in range(out.shape[1]):
            out[row, k] = own[row, k]
        for at in range(indptr[row], indptr[row + 1]):
            weight, column = data[at], indices[at]
            for k in range(out.shape[1]):
                out[row, k] += weight * others[column, k]
        for k in range(out.shape[1]):
            out[row, k] *= scale


def add_neighbours(matrix, own, others, scale=1.0):
    """scale * (own + matrix @ others) for a sparse matrix in rows, in one pass over memory.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix, shape (n, m)
    own, others : ndarray, shapes (n, d) and (m, d)

    Raises
    ------
    ValueError
        If shapes do not match.
    """
    if matrix.shape != (len(own), len(others)):
        raise ValueError(f"own and others must have {matrix.shape} rows, got {len(own)} and {len(others)}")
    out = np.empty_like(own)
    own, others = np.ascontiguousarray(own), np.ascontiguousarray(others)
    _step(matrix.indptr, matrix.indices, matrix.data, own, others, own.dtype.type(scale), out)
    return out


class Propagation:
    """The linear map of LightGCN.

    Parameters
    ----------
    train : Interactions
        Edges of the graph; a pair that occurs twice is one edge.
    n_layers : int
        Products with the normalised adjacency matrix.

    Notes
    -----
    With A the adjacency matrix of users and items and D its degrees: mean over l = 0..n_layers of (D^-1/2 A D^-1/2)^l.
    The map is symmetric, so it also carries gradients back.
    """

    def __init__(self, train, n_layers, *, dtype=np.float32):
        positive("n_layers", n_layers)
        edges = train.matrix(np.float64)
        scale = [1 / np.sqrt(np.maximum(np.diff(m.indptr), 1)) for m in (edges, edges.tocsc())]
        to_users = sparse.diags_array(scale[0]) @ edges @ sparse.diags_array(scale[1])
        self.to_users = to_users.tocsr().astype(dtype)
        self.to_items = self.to_users.T.tocsr()
        self.n_layers = n_layers

    def __call__(self, users, items):
        """Vectors (n_users, d) and (n_items, d) after the averaging.

        The sum of powers is built from the inside: x + A (x + A (x + ...)).
        """
        behind = users, items
        for layer in range(1, self.n_layers + 1):
            scale = 1 / (self.n_layers + 1) if layer == self.n_layers else 1.0
            behind = (
                add_neighbours(self.to_users, users, behind[1], scale),
                add_neighbours(self.to_items, items, behind[0], scale),
            )
        return behind


@njit(cache=True)
def _add_rows(table, rows, values):
    for a in range(len(rows)):
        for k in range(table.shape[1]):
            table[rows[a], k] += values[a, k]


@njit(cache=True)
def _add_own(gradient, rows, vectors, scale):
    for row in rows:
        for k in range(vectors.shape[1]):
            gradient[row, k] += scale * vectors[row, k]


class LightGCN(Tables):
    """Embeddings behind a `Propagation`, trained with BPR or with a loss of pairs.

    Parameters
    ----------
    train, **tables
        As for `Tables`; the penalty falls on the embeddings in front of the graph.
    n_layers : int
    loss : callable, optional
        ``loss(u, i)``, as for `uniformity.Contrastive`; default BPR with one uniform negative per pair.
    """

    def __init__(self, train, *, n_layers=1, loss=None, **tables):
        super().__init__(train, **tables)
        self.graph = Propagation(train, n_layers, dtype=self.users.vectors.dtype)
        self.loss = loss
        self.chosen = chosen(train) if loss is None else None

    def vectors(self):
        """Vectors of users and items behind the graph."""
        return self.graph(self.users.vectors, self.items.vectors)

    def epoch(self, rng):
        """Train on every pair once, all rows moving at every step; the mean loss."""
        total = 0.0
        for user, item in self.batches(rng):
            total += len(user) * self._batch(user, item, rng)
        return total / len(self.train.items)

    def _batch(self, user, item, rng):
        users, items = self.vectors()
        scattered = np.zeros_like(users), np.zeros_like(items)
        if self.loss is None:
            other = draw_negatives(user, users, items, self.chosen, 1, rng)
            loss = add_bpr_gradient(users, items, user, item, other, *scattered)
            item = np.concatenate([item, other])
        else:
            loss, *gradients = self.loss(users[user], items[item])
            for table, rows, values in zip(scattered, (user, item), gradients, strict=True):
                _add_rows(table, rows, values)
        back = self.graph(*scattered)
        for table, rows, gradient in zip((self.users, self.items), (user, item), back, strict=True):
            if self.l2:
                _add_own(gradient, rows, table.vectors, table.vectors.dtype.type(self.l2 / len(user)))
            table.step_all(gradient)
        return loss
