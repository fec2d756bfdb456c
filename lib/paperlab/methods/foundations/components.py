"""Principal components of panels."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from paperlab.methods.foundations.checks import finite


@dataclass(frozen=True)
class PrincipalComponents:
    """Components of a panel.

    Attributes
    ----------
    factors : ndarray, shape (n_periods, n_factors)
        Largest first, ``F'F / n_periods = I``; the sign of each is arbitrary.
    loadings : ndarray, shape (n_units, n_factors)
        Least-squares loadings ``Y F / n_periods``.
    """

    factors: np.ndarray
    loadings: np.ndarray

    @property
    def common(self):
        """Part of the panel that the components explain, shape (n_units, n_periods)."""
        return self.loadings @ self.factors.T


def principal_components(y, n_factors):
    """Principal components of a panel in the normalisation ``F'F / T = I``.

    The eigenvectors are taken from the smaller of the two Gram matrices, of size ``min(n_units, n_periods)``,
    and only the ``n_factors`` largest are computed.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
        Panel with the mean of each unit removed.
    n_factors : int
        Number of components; 0 is allowed.

    Returns
    -------
    PrincipalComponents

    Raises
    ------
    ValueError
        If ``y`` is not a finite matrix, or its rank is below ``n_factors``.

    Notes
    -----
    Page ``cd_test``, eq. (2).

    Examples
    --------
    >>> pc = principal_components([[1.0, -1.0, 0.0], [2.0, -2.0, 0.0]], 1)
    >>> bool(np.allclose(pc.common, [[1, -1, 0], [2, -2, 0]]))
    True
    """
    y = finite("y", y)
    if y.ndim != 2:
        raise ValueError(f"y must have two axes (n_units, n_periods), got shape {y.shape}")
    n, T = y.shape
    n_factors = operator.index(n_factors)
    if not 0 <= n_factors <= min(n, T):
        raise ValueError(f"n_factors must be from 0 to min(n_units, n_periods) = {min(n, T)}, got {n_factors}")
    if n_factors == 0:
        return PrincipalComponents(np.zeros((T, 0)), np.zeros((n, 0)))
    by_period = n >= T
    gram = y.T @ y if by_period else y @ y.T
    k = gram.shape[0]
    values, vectors = scipy.linalg.eigh(
        gram, subset_by_index=[k - n_factors, k - 1], check_finite=False, overwrite_a=True
    )
    values, vectors = values[::-1], vectors[:, ::-1]
    if values[-1] <= 1e-12 * values[0]:
        raise ValueError(
            f"n_factors must not exceed the rank of y, got {n_factors}; take fewer factors, "
            "or standardise units whose scales differ by millions"
        )
    # v is a unit eigenvector of Y'Y; when YY' was smaller, v = Y'u / sqrt(value)
    factors = np.sqrt(T) * (vectors if by_period else (y.T @ vectors) / np.sqrt(values))
    return PrincipalComponents(factors, y @ factors / T)
