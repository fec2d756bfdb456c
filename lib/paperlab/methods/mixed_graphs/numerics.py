"""Mixed graphs in floating point: covariances, the truncated path series, samples, and fibres.

Convention as in `paperlab.methods.mixed_graph_maps`: ``lam[i, j]`` is the effect of i on j.
"""

from __future__ import annotations

import numpy as np

__all__ = ["fibre", "float_covariance", "path_sum", "sample"]


def float_covariance(lam, omega):
    """Covariance matrix in floating point, shape (..., n, n).

    Raises
    ------
    ValueError
        If ``I - lam`` is singular.
    """
    lam, omega = np.asarray(lam, float), np.asarray(omega, float)
    a = np.eye(lam.shape[-1]) - lam
    if np.any(np.abs(np.linalg.det(a)) < 1e-12):
        raise ValueError("singular: the feedback has gain 1, det(I - lam) = 0; change an effect")
    m = np.linalg.inv(a)
    return m.swapaxes(-1, -2) @ omega @ m


def path_sum(lam, omega, length):
    """What one gets by following directed walks of at most ``length`` steps: a truncated series for the covariance."""
    lam = np.asarray(lam, float)
    step = total = np.eye(len(lam))
    for _ in range(length):
        step = step @ lam
        total = total + step
    return total.T @ np.asarray(omega, float) @ total


def sample(rng, lam, omega, n_draws):
    """Draws of the model: errors are drawn and ``(I - lam') X = e`` is solved; shape (n_draws, n)."""
    a = np.eye(len(lam)) - np.asarray(lam, float).T
    errors = rng.standard_normal((n_draws, len(lam))) @ np.linalg.cholesky(np.asarray(omega, float)).T
    return np.linalg.solve(a, errors.T).T


def _search(sigma, graph, pairs, x, max_steps):
    """Levenberg-Marquardt from all starts at once for the effects that make the error covariances of ``pairs`` vanish.

    Returns the effects, shape (n_starts, n_directed), and their sums of squared covariances.
    """
    tails, heads = np.array(graph.directed).T
    k, l = np.array(pairs).T
    d = np.arange(len(tails))

    def residuals(x):
        a = np.broadcast_to(np.eye(graph.n), (len(x), graph.n, graph.n)).copy()
        a[:, tails, heads] -= x
        b = sigma @ a
        return (a.swapaxes(1, 2) @ b)[:, k, l], b

    def derivatives(b):
        jac = np.zeros((len(b), len(k), len(d)))
        for t in d:
            jac[:, :, t] -= (heads[t] == k) * b[:, tails[t], l] + (heads[t] == l) * b[:, tails[t], k]
        return jac

    r, b = residuals(x)
    cost = (r**2).sum(1)
    damping = np.full(len(x), 1e-2)
    active = np.arange(len(x))
    for _ in range(max_steps):
        if len(active) == 0:
            break
        jac = derivatives(b[active])
        normal = jac.swapaxes(1, 2) @ jac
        slope = (jac.swapaxes(1, 2) @ r[active][:, :, None])[:, :, 0]
        normal[:, d, d] += damping[active][:, None] * (normal[:, d, d] + 1e-9) + 1e-300
        trial = x[active] - np.linalg.solve(normal, slope[:, :, None])[:, :, 0]
        new_r, new_b = residuals(trial)
        new = (new_r**2).sum(1)
        better = new < cost[active]
        won, lost = active[better], active[~better]
        stalled = np.zeros(len(x), bool)
        stalled[won] = cost[won] - new[better] < 1e-14 * cost[won]
        x[won], r[won], b[won], cost[won] = trial[better], new_r[better], new_b[better], new[better]
        damping[won] = np.maximum(damping[won] / 5, 1e-12)
        damping[lost] *= 4
        active = active[(cost[active] > 1e-26) & (damping[active] < 1e8) & ~stalled[active]]
    return x, cost


def fibre(graph, sigma, rng, n_starts=60, *, scale=2.0, max_steps=300, tolerance=1e-8):
    """Distinct real parameter sets of a graph with a given covariance matrix, as far as random starts find them.

    For given effects the error covariances are ``(I - lam)' sigma (I - lam)``, so only the effects are searched: those
    for which the pairs without a bidirected edge get covariance 0. Every solution with ``det(I - lam) != 0`` has
    a positive definite ``omega``.

    Parameters
    ----------
    graph : MixedGraph
    sigma : array_like, shape (n, n)
        Positive definite.
    rng : Generator
    n_starts : int
        Searches, from normal numbers with standard deviation ``scale``.

    Returns
    -------
    effects : ndarray, shape (n_solutions, n_directed)
        In the order of ``graph.directed``, sorted by the first effect; a lower bound of the fibre.
    """
    sigma = np.asarray(sigma, float)
    if sigma.shape != (graph.n, graph.n) or np.linalg.eigvalsh(sigma)[0] <= 0:
        raise ValueError(f"sigma must be positive definite of shape ({graph.n}, {graph.n}), got shape {sigma.shape}")
    if not graph.directed:
        return np.zeros((1, 0))
    pairs = [(i, j) for i in range(graph.n) for j in range(i + 1, graph.n) if (i, j) not in graph.bidirected]
    sd = np.sqrt(np.diag(sigma))
    tails, heads = np.array(graph.directed).T
    x = rng.normal(scale=scale, size=(n_starts, len(tails)))
    x, costs = _search(sigma / np.outer(sd, sd), graph, pairs, x, max_steps)
    x = x * sd[heads] / sd[tails]  # back from the correlation scale
    lam = np.zeros((n_starts, graph.n, graph.n))
    lam[:, tails, heads] = x
    good = (costs < tolerance**2) & (np.abs(np.linalg.det(np.eye(graph.n) - lam)) > 1e-5)
    found = []
    for candidate in x[good][np.argsort(costs[good])]:
        if all(np.max(np.abs(candidate - other) / (1 + np.abs(other))) > 1e-3 for other in found):
            found.append(candidate)
    return np.array(sorted(found, key=tuple)).reshape(-1, len(tails))
