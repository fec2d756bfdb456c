"""What the tests of this wing share: a small world, and the recursion as it is printed."""

import numpy as np
from paperlab.methods.low_rank import factorization
from paperlab.methods.low_rank.factorization import Setting

ETA = 0.25


def world(n=20, r=2, k=5, seed=1, **options):
    rng = np.random.default_rng(seed)
    return factorization.draw_target(n, n, r, 2.0, rng=rng, **options), factorization.draw_start(n, n, k, rng=rng), rng


def plain_loop(matrix, setting, start, n_steps, normal=None):
    """The recursion as printed, one setting, n x n matrices; returns errors and the last factors."""
    f, g = setting.initial(start)
    errors = []
    for t in range(n_steps + 1):
        e = f @ g.T - matrix
        errors.append(np.linalg.norm(e))
        if t == n_steps:
            break
        if normal is not None:
            e = (normal @ e.ravel()).reshape(e.shape)
        if setting.symmetric:
            e = (e + e.T) / 2
        p = q = np.eye(setting.k)
        if setting.damping is not None:
            lam = setting.damping * (errors[-1] if setting.relative else 1.0)
            p, q = (np.linalg.inv(x.T @ x + lam * np.eye(setting.k)) for x in (g, f))
        f, g = f - setting.eta * e @ g @ p, g - setting.eta * e.T @ f @ q
    return np.array(errors), f, g


BATCH = [
    Setting(3, 0.1, ETA, symmetric=True),
    Setting(5, 0.3, 0.1, symmetric=True),
    Setting(2, 0.1, ETA),
    Setting(5, 0.2, 0.2, 0.7),
    Setting(4, 0.2, ETA, damping=1.0),
    Setting(4, 0.2, ETA, symmetric=True, damping=0.05, relative=False),
]
