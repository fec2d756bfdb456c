"""Bayesian personalised ranking: a chosen product shall score above a drawn one, any or the hardest of many."""

import numpy as np
from numba import njit

from paperlab.methods.recommenders.embeddings import Tables, adam_rows, positive


@njit(cache=True, error_model="numpy")
def _draw(user, n_items, indptr, chosen, rng):
    """A product that the user did not choose, any of them with the same chance."""
    first, last = indptr[user], indptr[user + 1]
    while True:
        item = int(rng.random() * n_items)
        low, high = first, last
        while low < high:
            middle = (low + high) // 2
            if chosen[middle] < item:
                low = middle + 1
            else:
                high = middle
        if low == last or chosen[low] != item:
            return item


@njit(cache=True, fastmath=True, error_model="numpy")
def _inner(a, b):
    total = a[0] * b[0]
    for k in range(1, len(a)):
        total += a[k] * b[k]
    return total


@njit(cache=True, error_model="numpy")
def _hardest(user, users, items, indptr, chosen, n_candidates, rng):
    """The best scored of ``n_candidates`` products that the user did not choose."""
    best, score = -1, users[0, 0]
    for _ in range(n_candidates):
        item = _draw(user, len(items), indptr, chosen, rng)
        s = _inner(users[user], items[item])
        if best < 0 or s > score:
            best, score = item, s
    return best


@njit(cache=True, error_model="numpy")
def _draw_all(user, users, items, chosen, n_candidates, rng, found):
    indptr, listed = chosen
    for a in range(len(user)):
        if n_candidates == 1:
            found[a] = _draw(user[a], len(items), indptr, listed, rng)
        else:
            found[a] = _hardest(user[a], users, items, indptr, listed, n_candidates, rng)


@njit(cache=True, fastmath=True, error_model="numpy")
def _loss(u, i, j):
    """Loss of one pair and of its negative, log(1 + exp(u.j - u.i)), and its slope in u.i - u.j."""
    x = u[0] * (i[0] - j[0])
    for k in range(1, len(u)):
        x += u[k] * (i[k] - j[k])
    small = np.exp(-abs(x))  # no overflow on either side
    slope = -(small if x > 0 else 1) / (1 + small)
    return np.log1p(small) + max(-x, 0), u.dtype.type(slope)


@njit(cache=True, fastmath=True, error_model="numpy")
def _pair_gradient(u, i, j, n, r, to_u, to_i, to_j):
    """Loss of one of ``n`` pairs; gradients of the mean, with the penalty ``r``, are written."""
    loss, slope = _loss(u, i, j)
    c = u.dtype.type(slope / n)
    for k in range(len(u)):
        to_u[k] = c * (i[k] - j[k]) + r * u[k]
        to_i[k] = c * u[k] + r * i[k]
        to_j[k] = -c * u[k] + r * j[k]
    return loss


@njit(cache=True, fastmath=True, error_model="numpy")
def add_bpr_gradient(users, items, user, item, other, to_users, to_items):
    """Mean BPR loss of pairs of row numbers; its gradients are added to the rows of two tables.

    Parameters
    ----------
    users, items : ndarray, shapes (n_users, d) and (n_items, d)
        Vectors.
    user, item, other : ndarray of int, shape (b,)
        Rows of the users, of products that they chose, and of products that they did not choose.
    to_users, to_items : ndarray, shapes (n_users, d) and (n_items, d)

    Returns
    -------
    float
        mean log(1 + exp(u.j - u.i)).
    """
    n, total = len(user), 0.0
    for a in range(n):
        u, i, j = users[user[a]], items[item[a]], items[other[a]]
        to_u, to_i, to_j = to_users[user[a]], to_items[item[a]], to_items[other[a]]
        loss, slope = _loss(u, i, j)
        total += loss
        c = u.dtype.type(slope / n)
        for k in range(len(u)):
            to_u[k] += c * (i[k] - j[k])
            to_i[k] += c * u[k]
            to_j[k] -= c * u[k]
    return total / n


@njit(cache=True, fastmath=True, error_model="numpy")
def _epoch(state, pairs, chosen, how, rates, rng):
    """One epoch of row-wise Adam on the BPR loss; the sum of the batches' losses, each times its pairs."""
    user, item = pairs
    batch, n_candidates, l2 = how
    sizes, constants = rates
    users, user_mean, user_square, user_slot, items, item_mean, item_square, item_slot = state
    d, n = users.shape[1], len(user)
    rows = np.empty(2 * batch, np.int64)
    to_users, to_items = np.empty((batch, d), users.dtype), np.empty((2 * batch, d), users.dtype)
    loss = 0.0
    for number, start in enumerate(range(0, n, batch)):
        b = min(batch, n - start)
        r = users.dtype.type(l2 / b)
        rows[:b] = item[start : start + b]
        _draw_all(user[start : start + b], users, items, chosen, n_candidates, rng, rows[b : 2 * b])
        for a in range(b):
            u, i, j = users[user[start + a]], items[rows[a]], items[rows[b + a]]
            loss += _pair_gradient(u, i, j, b, r, to_users[a], to_items[a], to_items[b + a])
        rate = (sizes[number], *constants)
        adam_rows(users, user_mean, user_square, user[start : start + b], to_users[:b], user_slot, rate)
        adam_rows(items, item_mean, item_square, rows[: 2 * b], to_items[: 2 * b], item_slot, rate)
    return loss


class BPR(Tables):
    """Embeddings of users and items trained with the BPR loss.

    Parameters
    ----------
    train, **tables
        As for `Tables`.
    n_candidates : int
        Products drawn per pair, none of them chosen by the user; the one with the highest score is the negative. 1 is
        plain BPR, more are dynamic negatives.

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


def draw_negatives(user, users, items, chosen, n_candidates, rng):
    """One product for every entry of ``user`` that this user did not choose, the best scored of ``n_candidates``."""
    found = np.empty(len(user), np.int64)
    _draw_all(user, users, items, chosen, n_candidates, rng, found)
    return found
