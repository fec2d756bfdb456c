"""Bayesian personalised ranking: a chosen product shall score above one that was drawn, uniformly or the hardest of many."""

import numpy as np
from numba import njit

from paperlab.methods.recommenders.embeddings import Tables, adam_rows, positive


@njit(cache=True, error_model="numpy")
def _is_among(item, listed):
    low, high = 0, len(listed)
    while low < high:
        middle = (low + high) // 2
        if listed[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low < len(listed) and listed[low] == item


@njit(cache=True, fastmath=True, error_model="numpy")
def _inner(a, b):
    total = a[0] * b[0]
    for k in range(1, len(a)):
        total += a[k] * b[k]
    return total


@njit(cache=True, error_model="numpy")
def _negative(user, users, items, indptr, chosen, n_candidates, rng):
    """A product that the user did not choose: the best scored of ``n_candidates`` draws."""
    n_items = len(items)
    own = chosen[indptr[user] : indptr[user + 1]]
    best, score = -1, users[0, 0]
    for _ in range(n_candidates):
        item = int(rng.random() * n_items)
        while _is_among(item, own):
            item = int(rng.random() * n_items)
        if n_candidates == 1:
            return item
        s = _inner(users[user], items[item])
        if best < 0 or s > score:
            best, score = item, s
    return best


@njit(cache=True, fastmath=True, error_model="numpy")
def bpr_gradient(u, i, j, l2, to_u, to_i, to_j):
    """Mean BPR loss of a batch with its gradients, written into ``to_u``, ``to_i`` and ``to_j``.

    Parameters
    ----------
    u, i, j : ndarray, shape (b, d)
        Vectors of users, of products that they chose, and of products that they did not choose.
    l2 : float
        Of the penalty l2 / 2 (|u|^2 + |i|^2 + |j|^2), of the vectors' type.

    Returns
    -------
    float
        mean log(1 + exp(u.j - u.i)), without the penalty.
    """
    n, d = u.shape
    loss = 0.0
    r = u.dtype.type(l2 / n)
    for a in range(n):
        x = _inner(u[a], i[a]) - _inner(u[a], j[a])
        small = np.exp(-abs(x))  # no overflow on either side
        loss += np.log1p(small) + max(-x, 0)
        c = u.dtype.type(-(small if x > 0 else 1) / (1 + small) / n)
        for k in range(d):
            to_u[a, k] = c * (i[a, k] - j[a, k]) + r * u[a, k]
            to_i[a, k] = c * u[a, k] + r * i[a, k]
            to_j[a, k] = -c * u[a, k] + r * j[a, k]
    return loss / n


@njit(cache=True, error_model="numpy")
def _epoch(state, pairs, chosen, how, rates, rng):
    """One epoch of row-wise Adam on the BPR loss; the sum of the batches' losses, each times its pairs."""
    user, item = pairs
    batch, n_candidates, l2 = how
    sizes, constants = rates
    users, user_mean, user_square, user_slot, items, item_mean, item_square, item_slot = state
    d, n = users.shape[1], len(user)
    rows = np.empty(2 * batch, np.int64)
    vectors, to_users = np.empty((3, batch, d), users.dtype), np.empty((batch, d), users.dtype)
    to_items, room = np.empty((2 * batch, d), users.dtype), np.empty((2 * batch, d), users.dtype)
    loss = 0.0
    for number, start in enumerate(range(0, n, batch)):
        b = min(batch, n - start)
        for a in range(b):
            who, what = user[start + a], item[start + a]
            other = _negative(who, users, items, chosen[0], chosen[1], n_candidates, rng)
            rows[a], rows[b + a] = what, other
            for k in range(d):
                vectors[0, a, k] = users[who, k]
                vectors[1, a, k] = items[what, k]
                vectors[2, a, k] = items[other, k]
        u, i, j, to_u = vectors[0, :b], vectors[1, :b], vectors[2, :b], to_users[:b]
        loss += b * bpr_gradient(u, i, j, l2, to_u, to_items[:b], to_items[b : 2 * b])
        who = user[start : start + b]
        rate = (sizes[number], *constants)
        adam_rows(users, user_mean, user_square, who, to_u, user_slot, room, rate)
        adam_rows(items, item_mean, item_square, rows[: 2 * b], to_items[: 2 * b], item_slot, room, rate)
    return loss


class BPR(Tables):
    """Embeddings of users and items trained with the BPR loss.

    Parameters
    ----------
    train, **tables
        As for `Tables`.
    n_candidates : int
        Products drawn per pair, none of them chosen by the user; the one with the highest score is the negative. 1 is plain
        BPR, more are dynamic negatives.

    Raises
    ------
    ValueError
        If a user has chosen every product, so that no negative exists.

    Notes
    -----
    Page ``directau``. Loss: mean over pairs of log(1 + exp(u.j - u.i)), with one j per pair drawn anew in every epoch.
    """

    def __init__(self, train, *, n_candidates=1, **tables):
        super().__init__(train, **tables)
        positive("n_candidates", n_candidates)
        self.n_candidates = n_candidates
        self.chosen = chosen(train)

    def epoch(self, rng):
        """Train on every pair once; the mean loss."""
        order = rng.permutation(len(self.train.items))
        user, item = self.train.users[order], self.train.items[order]
        state = []
        for table in (self.users, self.items):
            state += [table.vectors, table.mean, table.square, table.slot]
        n_batches = -(-len(user) // self.batch_size)
        steps = range(self.users.n_steps + 1, self.users.n_steps + n_batches + 1)
        sizes = np.array([self.users.rates(step)[0] for step in steps])
        how, rates = (self.batch_size, self.n_candidates, float(self.l2)), (sizes, self.users.rates(1)[1:])
        total = _epoch(tuple(state), (user, item), self.chosen, how, rates, rng)
        for table in (self.users, self.items):
            table.n_steps += n_batches
        return total / len(user)


def chosen(train):
    """Compressed rows of what every user chose, sorted, for `draw_negatives`.

    Raises
    ------
    ValueError
        If a user has chosen every product.
    """
    order = np.lexsort((train.items, train.users))
    items = train.items[order]
    new = np.ones(len(items), bool)
    new[1:] = (np.diff(items) != 0) | (np.diff(train.users) != 0)
    if np.bincount(train.users[new], minlength=1).max() >= train.n_items:
        user = int(np.bincount(train.users[new]).argmax())
        raise ValueError(f"user {user} has chosen all {train.n_items} items, so that no negative can be drawn")
    return train.indptr, items


@njit(cache=True, error_model="numpy")
def draw_negatives(user, users, items, chosen, n_candidates, rng):
    """One product for every entry of ``user`` that this user did not choose, the best scored of ``n_candidates``."""
    found = np.empty(len(user), np.int64)
    for a in range(len(user)):
        found[a] = _negative(user[a], users, items, chosen[0], chosen[1], n_candidates, rng)
    return found
