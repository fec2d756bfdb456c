"""Mixed graphs in floating point: covariances, the truncated path series, samples, and fibres.

Convention as in `paperlab.methods.mixed_graphs.covariances`: ``lam[i, j]`` is the effect of i on j.
"""

from __future__ import annotations

import operator

import numpy as np

from paperlab.methods.foundations.checks import finite

__all__ = ["fibre", "float_covariance", "path_sum", "sample"]

SINGULAR = 1e-12  # det(I - lam) relative to the size that its terms can have


def _parameters(lam, omega):
    """Effects and symmetric error covariances as floats, shape (..., n, n)."""
    lam, omega = finite("lam", lam), finite("omega", omega)
    if lam.ndim < 2 or lam.shape[-1] != lam.shape[-2] or omega.shape != lam.shape:
        raise ValueError(f"lam and omega must be of one shape (..., n, n), got {lam.shape} and {omega.shape}")
    if np.diagonal(lam, axis1=-2, axis2=-1).any():
        raise ValueError("lam must have a zero diagonal; a variable has no effect on itself")
    _check_symmetric("omega", omega)
    return lam, omega


def _check_symmetric(name, a):
    gap = np.abs(a - a.swapaxes(-1, -2))
    sd = np.sqrt(np.abs(np.diagonal(a, axis1=-2, axis2=-1)))
    if (gap > 1e-9 * sd[..., :, None] * sd[..., None, :]).any():
        raise ValueError(f"{name} must be symmetric; it is a covariance matrix")


def _one_minus(lam):
    """``I - lam``, if it is not singular.

    The determinant is a sum over sets of disjoint cycles that begins with 1; the spectral radius of the sizes of the
    effects, which does not depend on the units of the variables, bounds the other terms.
    """
    n = lam.shape[-1]
    a = np.eye(n) - lam
    radius = np.abs(np.linalg.eigvals(np.abs(lam))).max(axis=-1)
    if np.any(np.abs(np.linalg.det(a)) < SINGULAR * (1.0 + radius) ** n):
        raise ValueError("singular: the feedback has gain 1, det(I - lam) = 0; change an effect")
    return a


def float_covariance(lam, omega):
    """Covariance matrix in floating point, by matrix inverse.

    Parameters
    ----------
    lam, omega : array_like, shape (..., n, n)
        Effects (zero diagonal) and error covariances (symmetric).

    Returns
    -------
    sigma : ndarray, shape (..., n, n)

    Raises
    ------
    ValueError
        If a value is missing, shapes do not match, ``omega`` is not symmetric, or ``I - lam`` is singular.

    Examples
    --------
    >>> float_covariance([[0, 2], [0, 0]], [[1, 0], [0, 1]])
    array([[1., 2.],
           [2., 5.]])
    """
    lam, omega = _parameters(lam, omega)
    m = np.linalg.inv(_one_minus(lam))
    return m.swapaxes(-1, -2) @ omega @ m


def path_sum(lam, omega, length):
    """What one gets by following directed walks: a truncated series for the covariance.

    Parameters
    ----------
    lam, omega : array_like, shape (n, n)
        Effects (zero diagonal) and error covariances (symmetric).
    length : int
        Steps of the longest walk.

    Returns
    -------
    sigma : ndarray, shape (n, n)

    Raises
    ------
    ValueError
        If a value is missing, shapes do not match, or ``length`` is negative.
    """
    lam, omega = _parameters(lam, omega)
    if operator.index(length) < 0:
        raise ValueError(f"length must not be negative, got {length}")
    step = total = np.eye(len(lam))
    for _ in range(length):
        step = step @ lam
        total = total + step
    return total.T @ omega @ total


def sample(lam, omega, n_draws, *, rng):
    """Draws of the model: errors are drawn and ``(I - lam') X = e`` is solved.

    Parameters
    ----------
    lam, omega : array_like, shape (n, n)
        Effects (zero diagonal) and error covariances (positive definite).
    n_draws : int
    rng : numpy.random.Generator

    Returns
    -------
    x : ndarray, shape (n_draws, n)

    Raises
    ------
    ValueError
        If a value is missing, shapes do not match, ``omega`` is not positive definite, or ``I - lam`` is singular.
    """
    lam, omega = _parameters(lam, omega)
    if operator.index(n_draws) < 1:
        raise ValueError(f"n_draws must be at least 1, got {n_draws}")
    a = _one_minus(lam).T
    _standard_deviations("omega", omega)
    errors = rng.standard_normal((n_draws, len(lam))) @ np.linalg.cholesky(omega).T
    return np.linalg.solve(a, errors.T).T


def _standard_deviations(name, cov):
    """Square roots of the diagonal of a positive definite matrix, judged by its correlations."""
    _check_symmetric(name, cov)
    variance = np.diagonal(cov)
    if not (variance > 0).all() or np.linalg.eigvalsh(cov / np.sqrt(np.outer(variance, variance)))[0] <= 1e-12:
        raise ValueError(
            f"{name} must be positive definite; a variable is a combination of the others, or has variance 0"
        )
    return np.sqrt(variance)


def _errors(sigma, graph, pairs, x):
    """Error covariances of ``pairs`` at effects ``x`` (m, n_directed), shape (m, n_pairs), and ``sigma (I - lam)``."""
    tails, heads = np.array(graph.directed).T
    k, l = np.array(pairs).T
    a = np.broadcast_to(np.eye(graph.n), (len(x), graph.n, graph.n)).copy()
    a[:, tails, heads] -= x
    b = sigma @ a
    return (a.swapaxes(1, 2) @ b)[:, k, l], b


def _derivatives(b, graph, pairs):
    """Derivatives of `_errors` with respect to the effects, shape (m, n_pairs, n_directed)."""
    k, l = np.array(pairs).T
    jac = np.zeros((len(b), len(k), len(graph.directed)))
    for t, (tail, head) in enumerate(graph.directed):
        jac[:, :, t] -= (head == k) * b[:, tail, l] + (head == l) * b[:, tail, k]
    return jac


def _search(sigma, graph, pairs, x, max_iter):
    """Levenberg-Marquardt from all starts at once for the effects that make the error covariances of ``pairs`` vanish.

    Returns the effects, shape (n_starts, n_directed), and their sums of squared covariances.
    """
    d = np.arange(len(graph.directed))
    r, b = _errors(sigma, graph, pairs, x)
    cost = (r**2).sum(1)
    damping = np.full(len(x), 1e-2)
    active = np.arange(len(x))
    for _ in range(max_iter):
        if len(active) == 0:
            break
        jac = _derivatives(b[active], graph, pairs)
        normal = jac.swapaxes(1, 2) @ jac
        slope = (jac.swapaxes(1, 2) @ r[active][:, :, None])[:, :, 0]
        normal[:, d, d] += damping[active][:, None] * (normal[:, d, d] + 1e-9) + 1e-300
        trial = x[active] - np.linalg.solve(normal, slope[:, :, None])[:, :, 0]
        new_r, new_b = _errors(sigma, graph, pairs, trial)
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


def fibre(graph, sigma, *, rng, n_starts=60, scale=2.0, max_iter=300, tol=1e-8):
    """Distinct real parameter sets of a graph with a given covariance matrix, as far as random starts find them.

    For given effects the error covariances are ``(I - lam)' sigma (I - lam)``, so only the effects are searched: those
    for which the pairs without a bidirected edge get covariance 0. Every solution with ``det(I - lam) != 0`` has
    a positive definite ``omega``.

    Parameters
    ----------
    graph : MixedGraph
    sigma : array_like, shape (n, n)
        Positive definite.
    rng : numpy.random.Generator
    n_starts : int
        Searches, from normal numbers with standard deviation ``scale`` for standardised variables.
    scale : float
    max_iter : int
        Steps of each search.
    tol : float
        Largest root of the summed squares of the correlations that have to vanish.

    Returns
    -------
    effects : ndarray, shape (n_solutions, n_directed)
        In the order of ``graph.directed``, sorted by the first effect; a lower bound of the fibre, empty where no
        search ended at a solution.

    Raises
    ------
    ValueError
        If ``sigma`` is not a positive definite matrix of the size of the graph, there are no starts, or the solutions
        are not isolated: the effects are then not determined up to finitely many.
    """
    sigma = finite("sigma", sigma)
    if sigma.shape != (graph.n, graph.n):
        raise ValueError(f"sigma must be positive definite of shape ({graph.n}, {graph.n}), got shape {sigma.shape}")
    sd = _standard_deviations("sigma", sigma)
    if operator.index(n_starts) < 1 or not scale > 0:
        raise ValueError(f"n_starts must be at least 1 and scale positive, got {n_starts} and {scale}")
    if not graph.directed:
        return np.zeros((1, 0))
    pairs = [(i, j) for i in range(graph.n) for j in range(i + 1, graph.n) if (i, j) not in graph.bidirected]
    if len(pairs) < len(graph.directed):
        raise ValueError(
            f"graph {graph} has {len(graph.directed)} effects and {len(pairs)} equations for them: infinitely many"
        )
    tails, heads = np.array(graph.directed).T
    correlation = sigma / np.outer(sd, sd)
    x = rng.normal(scale=scale, size=(n_starts, len(tails)))
    x, costs = _search(correlation, graph, pairs, x, max_iter)
    lam = np.zeros((n_starts, graph.n, graph.n))
    lam[:, tails, heads] = x
    good = (costs < tol**2) & (np.abs(np.linalg.det(np.eye(graph.n) - lam)) > 1e-5)
    found = []
    for candidate in x[good][np.argsort(costs[good])]:
        if all(np.max(np.abs(candidate - other) / (1 + np.abs(other))) > 1e-3 for other in found):
            found.append(candidate)
    found = np.array(found).reshape(-1, len(tails))
    slopes = np.linalg.svd(_derivatives(_errors(correlation, graph, pairs, found)[1], graph, pairs), compute_uv=False)
    if (slopes[:, -1] <= 1e-8 * slopes[:, 0]).any():
        raise ValueError(
            f"graph {graph} leaves its effects undetermined: solutions are not isolated, there are infinitely many"
        )
    effects = found * sd[heads] / sd[tails]  # back from the correlation scale
    return np.array(sorted(effects, key=tuple)).reshape(-1, len(tails))
