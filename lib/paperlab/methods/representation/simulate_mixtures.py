"""Worlds of latent sources mixed through a sparse support."""

import warnings
from dataclasses import dataclass

import numpy as np

DESIGNS = ("ring", "two_sets", "dense", "random")
SOURCES = ("gaussian", "laplace", "uniform")
ROWS = 4  # observed variables per latent in the designs


def make_support(design, d_z, *, rng):
    """Support of a design: which observed variable depends on which latent.

    Parameters
    ----------
    design : {"ring", "two_sets", "dense", "random"}
        Ring: four rows on each pair of neighbours. Two sets: half of the rows on all latents but the last (A), half on
        the last two (B). Dense: every row on every latent. Random: groups of four rows on two or three random latents,
        drawn again until no two columns agree.
    d_z : int
        Number of latents, at least 3.
    rng : numpy.random.Generator
        Used by the random design only.

    Returns
    -------
    ndarray of bool, shape (4 d_z, d_z)

    Raises
    ------
    ValueError
        If the design is unknown or there are fewer than three latents.
    """
    if design not in DESIGNS:
        raise ValueError(f"design must be one of {', '.join(DESIGNS)}, got {design!r}")
    if d_z < 3:
        raise ValueError(f"d_z must be at least 3, got {d_z}; the designs need as many latents")
    support = np.zeros((ROWS * d_z, d_z), bool)
    if design == "ring":
        for group in range(d_z):
            support[ROWS * group : ROWS * (group + 1), [group, (group + 1) % d_z]] = True
    elif design == "two_sets":
        support[: ROWS * d_z // 2, : d_z - 1] = True
        support[ROWS * d_z // 2 :, d_z - 2 :] = True
    elif design == "dense":
        support[:] = True
    else:
        while not support.any(0).all() or len(blocks(support)) < d_z:
            support[:] = False
            for group in range(d_z):
                chosen = rng.choice(d_z, size=rng.integers(2, min(3, d_z - 1) + 1), replace=False)
                support[ROWS * group : ROWS * (group + 1), chosen] = True
    return support


def blocks(support):
    """Latents that no intersection or complement of observation sets can tell apart: classes of equal columns of S.

    Parameters
    ----------
    support : array_like of bool, shape (d_x, d_z)

    Returns
    -------
    list of tuple of int
        Sorted column indices. Every block of one latent is identified element-wise.

    Examples
    --------
    >>> blocks([[1, 1, 0], [1, 1, 1]])
    [(0, 1), (2,)]
    """
    classes = {}
    for j, column in enumerate(np.asarray(support, bool).T):
        classes.setdefault(column.tobytes(), []).append(j)
    return sorted(tuple(members) for members in classes.values())


def isolated(support):
    """Latents j for which the intersection of the supports of all rows that contain j is {j}.

    This is the condition of structural sparsity, sufficient for element-wise identification without complements.

    Parameters
    ----------
    support : array_like of bool, shape (d_x, d_z)

    Returns
    -------
    ndarray of bool, shape (d_z,)

    Examples
    --------
    >>> isolated([[1, 0], [1, 1]])
    array([ True, False])
    """
    support = np.asarray(support, bool)
    return np.array([support[support[:, j]].all(0).sum() == 1 for j in range(support.shape[1])])


@dataclass(frozen=True)
class Sample:
    """Latents ``z`` (n, d_z) and the observed variables ``x`` (n, d_x) that they cause."""

    z: np.ndarray
    x: np.ndarray


@dataclass(frozen=True)
class World:
    """A mixture x = h + nonlin tanh(2 h + shift), h = W z, standardised; see `draw_world`."""

    support: np.ndarray
    weights: np.ndarray
    shifts: np.ndarray
    nonlin: float
    source: str
    centre: np.ndarray
    scale: np.ndarray

    def sample(self, n, *, rng):
        """A `Sample` of n independent points."""
        z = _sources(n, self.support.shape[1], self.source, rng)
        return Sample(z, self.mix(z))

    def mix(self, z):
        """Observed variables (n, d_x) of latents (n, d_z)."""
        h = z @ self.weights.T
        return (h + self.nonlin * np.tanh(2 * h + self.shifts) - self.centre) / self.scale

    def jacobian(self, z):
        """Partial derivatives of x with respect to z, shape (n, d_x, d_z)."""
        slope = 1 + 2 * self.nonlin / np.cosh(2 * z @ self.weights.T + self.shifts) ** 2
        return (slope / self.scale)[:, :, None] * self.weights


def draw_world(support, *, nonlin=0.5, source="gaussian", quiet=False, rng):
    """Draw a mixture with the given support; its blocks of rows are well conditioned.

    Parameters
    ----------
    support : array_like of bool, shape (d_x, d_z)
        m rows with the same k latents share W = first k columns of a random orthogonal matrix times sqrt(m / k).
    nonlin : float
        Size of the tanh part, at least 0; 0 is linear.
    source : {"gaussian", "laplace", "uniform"}
        Law of the latents, unit variance, independent.
    quiet : bool
        Do not warn when some latents are identifiable as a block only.
    rng : numpy.random.Generator

    Returns
    -------
    World

    Raises
    ------
    ValueError
        With fewer observed variables than latents, an empty row or column of the support, an unknown source, or a
        negative ``nonlin``.

    Warns
    -----
    UserWarning
        If some latents are identifiable as a block only, unless ``quiet``.
    """
    support = np.asarray(support, bool)
    if support.ndim != 2:
        raise ValueError(f"support must have shape (d_x, d_z), got {support.shape}")
    d_x, d_z = support.shape
    if d_x < d_z:
        raise ValueError(f"support has d_x = {d_x} rows for d_z = {d_z} latents; the mixture needs d_x >= d_z")
    for axis, name in ((1, "row"), (0, "column")):
        empty = np.flatnonzero(~support.any(axis)).tolist()
        if empty:
            raise ValueError(f"support has no entry in {name} {empty}; drop it or give it at least one entry")
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
    if not 0 <= nonlin < np.inf:
        raise ValueError(f"nonlin must not be negative, got {nonlin}; 0 is linear")
    mixed = [set(block) for block in blocks(support) if len(block) > 1]
    if mixed and not quiet:
        warnings.warn(f"latents {', '.join(map(str, mixed))} only identifiable as a block", stacklevel=2)
    weights = np.zeros((d_x, d_z))
    for row in np.unique(support, axis=0):
        rows, columns = np.flatnonzero((support == row).all(1)), np.flatnonzero(row)
        size = max(len(rows), len(columns))
        orthogonal = np.linalg.qr(rng.standard_normal((size, size)))[0] * np.sqrt(size / len(columns))
        weights[np.ix_(rows, columns)] = orthogonal[: len(rows), : len(columns)]
    shifts = rng.normal(0, 0.5, d_x)
    raw = World(support, weights, shifts, nonlin, source, np.zeros(d_x), np.ones(d_x))
    x = raw.sample(20000, rng=rng).x
    return World(support, weights, shifts, nonlin, source, x.mean(0), x.std(0))


def _sources(n, d_z, source, rng):
    if source == "gaussian":
        return rng.standard_normal((n, d_z))
    if source == "laplace":
        return rng.laplace(0, np.sqrt(0.5), (n, d_z))
    return rng.uniform(-np.sqrt(3), np.sqrt(3), (n, d_z))
