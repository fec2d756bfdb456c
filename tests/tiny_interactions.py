"""Small tables of interactions for the tests of the recommenders."""

import numpy as np
from paperlab.methods.recommenders.interactions import Interactions


def pairs(n_users=40, n_items=25, n=300, seed=0):
    """At most ``n`` different pairs of a user and an item, drawn uniformly."""
    draw = np.random.default_rng(seed)
    found = np.unique(np.stack([draw.integers(n_users, size=n), draw.integers(n_items, size=n)]), axis=1)
    return Interactions.from_pairs(*found, n_users=n_users, n_items=n_items)
