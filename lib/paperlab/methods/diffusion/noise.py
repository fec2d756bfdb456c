"""Noise levels: what a model trains on, what a sampler steps through, and how a denoiser is scaled for each of them.

Formulas of Karras et al. (2022), table 1; levels are standard deviations in the units of the pixels.
"""

from typing import Any, NamedTuple

import numpy as np

LOG_MEAN, LOG_SD = -1.2, 1.2  # of the levels in training
VP_LINEAR, VP_QUADRATIC = 0.1, 9.95  # beta_min and half of beta_d


class Preconditioning(NamedTuple):
    """Factors of ``D = c_skip z + c_out F(c_in z, c_noise)``, each of the shape of the noise level."""

    c_skip: Any
    c_out: Any
    c_in: Any
    c_noise: Any


def preconditioning(sigma, sigma_data=0.5):
    """EDM's scaling of a network's input and output at noise ``sigma``.

    Parameters
    ----------
    sigma : ndarray or torch.Tensor
        Noise levels, positive.
    sigma_data : float
        Standard deviation of a pixel, positive.

    Returns
    -------
    Preconditioning
        Arrays or tensors like ``sigma``.

    Raises
    ------
    ValueError
        If ``sigma_data`` is not positive.

    Notes
    -----
    Input and target of the network then have variance 1 at every level. The loss of D with weight
    ``(sigma^2 + sigma_data^2) / (sigma sigma_data)^2 = 1 / c_out^2`` is the plain squared error of F.

    Examples
    --------
    >>> c = preconditioning(np.array([0.5]))
    >>> c.c_skip, c.c_out.round(3)
    (array([0.5]), array([0.354]))
    """
    if not sigma_data > 0:
        raise ValueError(f"sigma_data must be positive, got {sigma_data}; it is the standard deviation of a pixel")
    log = sigma.log() if hasattr(sigma, "log") else np.log(sigma)
    root = (sigma**2 + sigma_data**2) ** 0.5
    return Preconditioning((sigma_data / root) ** 2, sigma * sigma_data / root, 1 / root, log / 4)


def sampling_levels(n_steps=18, *, low=0.002, high=80.0, rho=7.0):
    """Levels that a sampler steps through, from ``high`` to ``low`` and then 0.

    Parameters
    ----------
    n_steps : int
        Number of positive levels, at least 2.
    low, high : float
        Last positive and first level, ``0 < low < high``.
    rho : float
        Levels are equally spaced in their rho-th root: large values put most of them near ``low``.

    Returns
    -------
    ndarray, shape (n_steps + 1,)

    Raises
    ------
    ValueError
        If the steps are too few or the levels not in order.

    Examples
    --------
    >>> sampling_levels(3, low=1.0, high=9.0, rho=1.0)
    array([9., 5., 1., 0.])
    """
    if n_steps < 2:
        raise ValueError(f"n_steps must be at least 2, got {n_steps}")
    if not 0 < low < high:
        raise ValueError(f"low and high must be positive and in this order, got {low} and {high}")
    if not rho > 0:
        raise ValueError(f"rho must be positive, got {rho}; 7 is usual")
    ends = high ** (1 / rho), low ** (1 / rho)
    return np.append(np.linspace(*ends, n_steps) ** rho, 0.0)


def vp_sigma(t):
    """Noise level of the variance-preserving process at time ``t``, as the ratio sigma / alpha.

    Parameters
    ----------
    t : array_like
        Time, 0 to 1.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If a time lies outside [0, 1].

    Notes
    -----
    ``sqrt(exp(9.95 t^2 + 0.1 t) - 1)``; the model of the paper's basic set-up draws t evenly from (1e-5, 1).

    Examples
    --------
    >>> vp_sigma([0.0, 1.0]).round(1)
    array([  0. , 152.2])
    """
    t = np.asarray(t, dtype=float)
    if not ((t >= 0) & (t <= 1)).all():
        raise ValueError(f"t must lie in [0, 1], got values from {t.min()} to {t.max()}")
    return np.sqrt(np.expm1(VP_QUADRATIC * t**2 + VP_LINEAR * t))


def vp_time(sigma):
    """Time at which the variance-preserving process has noise ``sigma``: the inverse of `vp_sigma`.

    Parameters
    ----------
    sigma : array_like
        Levels, not negative.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If a level is negative.

    Examples
    --------
    >>> vp_time(vp_sigma([0.0, 0.3])).round(6)
    array([0. , 0.3])
    """
    sigma = np.asarray(sigma, dtype=float)
    if not (sigma >= 0).all():
        raise ValueError(f"sigma must not be negative, got {sigma.min()}")
    b, a = VP_LINEAR, VP_QUADRATIC
    return (np.sqrt(b**2 + 4 * a * np.log1p(sigma**2)) - b) / (2 * a)
