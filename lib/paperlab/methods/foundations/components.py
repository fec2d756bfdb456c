"""Principal components of panels."""

from __future__ import annotations

import numpy as np
import scipy.linalg


def principal_components(y, n_factors):
    """Principal components of a panel in the normalisation ``F'F / T = I``.

    The eigenvectors are taken from the smaller of the two Gram matrices, of size ``min(n_units, n_periods)``,
    and only the ``n_factors`` largest are computed.

    Parameters
    ----------
    y : ndarray, shape (n_units, n_periods)
        Panel with the mean of each unit removed.
    n_factors : int
        Number of components; 0 is allowed.

    Returns
    -------
    factors : ndarray, shape (n_periods, n_factors)
        Estimated factors, largest first; the sign of each is arbitrary.
    loadings : ndarray, shape (n_units, n_factors)
        Least-squares loadings ``Y F / T``.

    Raises
    ------
    ValueError
        If ``y`` has a rank below ``n_factors``.

    Notes
    -----
    Page ``cd_test``, eq. (2).
    """
    n, T = y.shape
    if n_factors == 0:
        return np.zeros((T, 0)), np.zeros((n, 0))
    by_period = n >= T
    gram = y.T @ y if by_period else y @ y.T
    k = gram.shape[0]
    values, vectors = scipy.linalg.eigh(
        gram, subset_by_index=[k - n_factors, k - 1], check_finite=False, overwrite_a=True
    )
    values, vectors = values[::-1], vectors[:, ::-1]
    if values[-1] <= 1e-12 * values[0]:
        raise ValueError(f"n_factors must not exceed the rank of y, got {n_factors}; take fewer factors")
    # v is a unit eigenvector of Y'Y; when YY' was smaller, v = Y'u / sqrt(value)
    factors = np.sqrt(T) * (vectors if by_period else (y.T @ vectors) / np.sqrt(values))
    return factors, y @ factors / T
