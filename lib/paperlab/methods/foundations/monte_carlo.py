"""Monte Carlo loops: one replication after another, on streams of their own, or many in one stack of arrays.

`replicate` serves experiments whose replications are expensive: each draws from a stream spawned for it, so that the
numbers do not depend on the number of workers. `replicate_stacked` serves those that are cheap: many replications are
one call on arrays with a leading axis, a chunk at a time.
"""

from __future__ import annotations

import numpy as np
from joblib import Parallel, delayed


def replicate(function, streams, *, n_jobs=1, backend="loky", batch_size="auto"):
    """Results of one replication for each stream, stacked by name.

    Parameters
    ----------
    function : callable
        ``function(rng)`` gives a dict of numbers or arrays, the same names and shapes each time.
    streams : sequence of numpy.random.SeedSequence, or of numpy.random.Generator
        One for each replication, as from ``numpy.random.SeedSequence(seed).spawn(n_replications)``.
    n_jobs : int
        Workers; the numbers do not depend on it.
    backend : {"loky", "threading"}
        Of joblib. Threads suit functions that release the lock, as compiled ones do.
    batch_size : int or "auto"
        Replications that a worker takes at a time.

    Returns
    -------
    dict of str to ndarray, each of shape (n_replications, ...)

    Raises
    ------
    ValueError
        Without a stream, or if a replication answers with other names or shapes than the first; names the replication.

    Examples
    --------
    >>> streams = np.random.SeedSequence(7).spawn(1000)
    >>> found = replicate(lambda rng: {"mean": rng.standard_normal(100).mean()}, streams)
    >>> float(found["mean"].std().round(2))  # 1 / sqrt(100)
    0.1
    """
    streams = list(streams)
    if not streams:
        raise ValueError(
            "streams is empty: give one for each replication, e.g. numpy.random.SeedSequence(1).spawn(100)"
        )
    if n_jobs == 1:
        rows = [_once(function, stream) for stream in streams]
    else:
        jobs = (delayed(_once)(function, stream) for stream in streams)
        rows = Parallel(n_jobs=n_jobs, backend=backend, batch_size=batch_size)(jobs)
    shapes = [{name: np.shape(value) for name, value in row.items()} for row in rows]
    for r, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(f"replication {r} gives {shape}, the first one {shapes[0]}; names and shapes must agree")
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _once(function, stream):
    return function(stream if isinstance(stream, np.random.Generator) else np.random.default_rng(stream))


def replicate_stacked(function, n_replications, *, rng, chunk):
    """Results of replications that are computed many at a time, joined by name.

    Parameters
    ----------
    function : callable
        ``function(size, rng=rng)`` draws ``size`` replications at once and gives a dict of arrays of that length.
    n_replications : int
    rng : numpy.random.Generator
    chunk : int
        Replications in one call: as many as fit the processor's cache. The draws depend on it.

    Returns
    -------
    dict of str to ndarray, each of shape (n_replications, ...)

    Raises
    ------
    ValueError
        If a number of replications is below 1, or an array has another length than the stack.

    Examples
    --------
    >>> draw = lambda size, rng: {"mean": rng.standard_normal((size, 100)).mean(1)}
    >>> found = replicate_stacked(draw, 1000, rng=np.random.default_rng(7), chunk=300)
    >>> found["mean"].shape, float(found["mean"].std().round(2))
    ((1000,), 0.1)
    """
    for name, value in (("n_replications", n_replications), ("chunk", chunk)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    parts = []
    for start in range(0, n_replications, chunk):
        size = min(chunk, n_replications - start)
        parts.append({name: np.asarray(values) for name, values in function(size, rng=rng).items()})
        for name, values in parts[-1].items():
            if values.shape[:1] != (size,):
                raise ValueError(f"{name} has shape {values.shape} for a stack of {size}; give one row per replication")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
