"""Small made-up rows that several tests share."""

import numpy as np
from paperlab.methods.recommenders.rating_models import Rows, rating_rows


def ratings(n=4000, n_users=60, n_items=40, rank=3, noise=0.3, seed=0):
    """Ratings of a low-rank truth, popular users and items first."""
    rng = np.random.default_rng(seed)
    user, item = (np.minimum(rng.exponential(size / 4, n), size - 1).astype(int) for size in (n_users, n_items))
    p, q = rng.standard_normal((n_users, rank)), rng.standard_normal((n_items, rank))
    rating = 3.5 + (p[user] * q[item]).sum(1) / 2 + noise * rng.standard_normal(n)
    return rating_rows(user, item, rating, n_users=n_users, n_items=n_items)


def clicks(n=300, n_features=25, n_entries=4, seed=0):
    """Rows of several features with values of all sizes, some empty, and random clicks."""
    rng = np.random.default_rng(seed)
    index = rng.permuted(np.tile(np.arange(n_features), (n, 1)), axis=1)[:, :n_entries]
    value = rng.random((n, n_entries)) * (rng.random((n, n_entries)) < 0.8)
    return Rows(index, value.astype(np.float32), rng.integers(2, size=n).astype(np.float32), n_features)
