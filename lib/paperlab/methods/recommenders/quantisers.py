"""Vectors of items as codes: residual k-means, finite scalar quantisation, sparse coding.

A quantiser is fitted once and then gives codes for any vectors, those of items that came later included.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.resampling import seed_of


def item_vectors(vectors, *, at_least=2):
    """Vectors of items as floats, shape (n_items, d), if they are finite and enough."""
    vectors = finite("vectors", vectors)
    if vectors.ndim != 2 or len(vectors) < at_least:
        raise ValueError(f"vectors must have one row for each of {at_least} or more items, got shape {vectors.shape}")
    return vectors


def check_size(name, value, least=2):
    """Refuse a number of letters, levels or chunks that is too small."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


@dataclass(frozen=True)
class ResidualQuantiser:
    """Centres of each level, fitted to what the levels before leave over.

    Attributes
    ----------
    centres : ndarray, shape (n_levels, size, d)
    """

    centres: np.ndarray = field(repr=False)

    def encode(self, vectors):
        """Code of each vector, shape (n, n_levels): the nearest centre, level by level."""
        residual, codes = item_vectors(vectors, at_least=1).copy(), []
        if residual.shape[1] != self.centres.shape[2]:
            raise ValueError(f"vectors must have length {self.centres.shape[2]}, got {residual.shape[1]}")
        for centres in self.centres:
            code = nearest(residual, centres)
            residual -= centres[code]
            codes.append(code)
        return np.stack(codes, 1)

    def decode(self, codes):
        """Sum of the centres of codes (n, n_levels), shape (n, d)."""
        return sum(centres[code] for centres, code in zip(self.centres, np.asarray(codes).T, strict=True))


def nearest(vectors, centres):
    """Number of the nearest centre of each vector; of equally near ones the first."""
    return np.argmin((centres**2).sum(1) - 2 * (vectors @ centres.T), axis=1)


def residual_kmeans(vectors, *, size, n_levels, rng):
    """Fit k-means to the vectors, then to what it leaves over, and so on.

    Parameters
    ----------
    vectors : array_like, shape (n_items, d)
    size : int
        Centres of each level, at least 2 and at most the number of items.
    n_levels : int
    rng : numpy.random.Generator

    Returns
    -------
    ResidualQuantiser

    Raises
    ------
    ValueError
        If vectors are not finite (names the row), or a size is out of range.

    Notes
    -----
    Where a level has fewer different residuals than centres, some centres are alike and their letters unused:
    `item_codes.level_perplexity` tells.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    vectors = item_vectors(vectors)
    check_size("size", size)
    check_size("n_levels", n_levels, 1)
    if size > len(vectors):
        raise ValueError(f"size must not exceed the {len(vectors)} items, got {size}")
    residual, centres = vectors.copy(), []
    for _ in range(n_levels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different points than centres
            found = KMeans(size, n_init=1, random_state=seed_of(rng)).fit(residual).cluster_centers_
        centres.append(found)
        residual -= found[nearest(residual, found)]
    return ResidualQuantiser(np.stack(centres))


def fsq_bound(x, levels):
    """Numbers of any size as numbers that round to ``levels`` whole ones, from -(L // 2) to (L - 1) // 2.

    Parameters
    ----------
    x : ndarray or Tensor, shape (..., len(levels))
    levels : sequence of int
        At least 3 each.

    Returns
    -------
    Of the kind of x.

    Notes
    -----
    Page ``recgpt``, as the authors' code has it: ``tanh(x + s) h - o`` with ``h = (L - 1)(1 - 0.001) / 2``, ``o = 1/2``
    for even L and 0 else, ``s = tan(o / h)``. The paper of finite scalar quantisation has the inverse hyperbolic
    tangent in the place of the tangent.
    """
    levels = _levels(levels)
    half = (levels - 1) * (1 - 1e-3) / 2
    offset = np.where(levels % 2 == 0, 0.5, 0.0)
    shift = np.tan(offset / half)
    if isinstance(x, np.ndarray):
        return np.tanh(x + shift) * half - offset
    half, offset, shift = (x.new_tensor(part) for part in (half, offset, shift))
    return (x + shift).tanh() * half - offset


def fsq_letters(x, levels):
    """Letters 0 to prod(levels) - 1 of numbers (..., len(levels)), by finite scalar quantisation.

    Notes
    -----
    ``sum_j (y_j + L_j // 2) prod_{i<j} L_i`` with ``y = round(fsq_bound(x))``.

    Examples
    --------
    >>> fsq_letters(np.array([[-9.0, -9.0], [9.0, -9.0], [-9.0, 9.0], [9.0, 9.0]]), (5, 4))
    array([ 0,  4, 15, 19])
    """
    levels = _levels(levels)
    whole = np.round(fsq_bound(finite("x", x), levels)).astype(np.int64) + levels // 2
    return whole @ (np.cumprod(levels) // levels)


def fsq_values(letters, levels):
    """Numbers in [-1, 1] that letters stand for, shape (..., len(levels))."""
    levels = _levels(levels)
    whole = np.asarray(letters)[..., None] // (np.cumprod(levels) // levels) % levels
    return (whole - levels // 2) / (levels // 2)


def _levels(levels):
    levels = np.asarray(levels)
    if levels.ndim != 1 or not len(levels) or levels.dtype.kind not in "iu" or levels.min() < 3:
        raise ValueError(f"levels must be whole numbers from 3, got {levels.tolist()}; two leave no room to round")
    return levels.astype(np.int64)


@dataclass(frozen=True)
class SparseCoder:
    """Atoms whose few largest coefficients are the code of a vector.

    Attributes
    ----------
    atoms : ndarray, shape (n_atoms, d)
        Length one.
    n_letters : int
        Letters of a code.
    """

    atoms: np.ndarray = field(repr=False)
    n_letters: int

    @property
    def size(self):
        """Letters of the alphabet: two for each atom, one for each sign."""
        return 2 * len(self.atoms)

    def coefficients(self, vectors):
        """Coefficients of the atoms, ``n_letters`` of each vector other than zero, shape (n, n_atoms)."""
        from sklearn.decomposition import sparse_encode

        vectors = item_vectors(vectors, at_least=1)
        found, held = np.zeros((len(vectors), len(self.atoms))), vectors.any(1)  # a zero has no atoms, and ends early
        if held.any():
            found[held] = sparse_encode(vectors[held], self.atoms, algorithm="omp", n_nonzero_coefs=self.n_letters)
        return found

    def encode(self, vectors):
        """Letters ``2 atom + (coefficient < 0)`` of the largest coefficients, largest first, shape (n, n_letters)."""
        found = self.coefficients(vectors)
        atom = np.argsort(-np.abs(found), axis=1, kind="stable")[:, : self.n_letters]
        return 2 * atom + (np.take_along_axis(found, atom, 1) < 0)


def sparse_coding(vectors, *, n_atoms, n_letters, rng, max_iter=10):
    """Learn atoms of which every vector needs a few only.

    Parameters
    ----------
    vectors : array_like, shape (n_items, d)
    n_atoms : int
        At least 2.
    n_letters : int
        Atoms of a code, at most ``n_atoms``.
    rng : numpy.random.Generator
    max_iter : int
        Passes over the items.

    Returns
    -------
    SparseCoder

    Notes
    -----
    Page ``text2tracks``. Atoms by scikit-learn's MiniBatchDictionaryLearning (least angles), codes by orthogonal
    matching pursuit, which gives each item exactly ``n_letters``.
    """
    from sklearn.decomposition import MiniBatchDictionaryLearning

    vectors = item_vectors(vectors)
    check_size("n_atoms", n_atoms)
    if not 1 <= n_letters <= min(n_atoms, vectors.shape[1]):
        raise ValueError(
            f"n_letters must lie in 1 to n_atoms = {n_atoms} and to the length {vectors.shape[1]}, got {n_letters}"
        )
    learner = MiniBatchDictionaryLearning(
        n_atoms, alpha=1.0, max_iter=max_iter, batch_size=256, random_state=seed_of(rng), shuffle=True
    )
    scale = np.sqrt(np.mean(np.sum(vectors**2, axis=1)))
    return SparseCoder(learner.fit(vectors * (np.sqrt(vectors.shape[1]) / scale)).components_, n_letters)
