"""Samplers that follow the probability-flow equation from noise to an image, driven by any denoiser."""

import itertools


def slope(denoise, z, sigma):
    """Direction ``dz / dsigma = (z - D(z, sigma)) / sigma`` of the probability flow (Karras et al. 2022, eq. 3)."""
    return (z - denoise(z, sigma)) / sigma


def heun(denoise, noise, levels):
    """Second-order sampler without added noise: an Euler step, corrected by the slope at its end.

    Parameters
    ----------
    denoise : callable
        ``denoise(z, sigma)``, the guessed images, for z of the shape of ``noise`` (or with further leading axes) and
        a float sigma.
    noise : ndarray or Tensor
        Standard normal numbers.
    levels : sequence of float, falling to 0
        Noise levels; the first scales ``noise``. The last step, to 0, is an Euler step.

    Returns
    -------
    Images, of the shape that ``denoise`` gives.

    Raises
    ------
    ValueError
        If the levels do not fall, or do not end in 0.

    Notes
    -----
    Algorithm 1 of Karras et al. (2022) with ``S_churn = 0``, the sampler of the paper.

    Examples
    --------
    >>> import numpy as np
    >>> heun(lambda z, sigma: 0 * z + 3.0, np.array([[0.4], [-1.0]]), [80.0, 1.0, 0.0])  # one training image, the 3
    array([[3.],
           [3.]])
    """
    levels = [float(level) for level in levels]
    falling = all(a > b for a, b in itertools.pairwise(levels))
    if len(levels) < 2 or not falling or levels[-1] != 0:
        raise ValueError(f"levels must fall and end in 0, got {levels}")
    z = noise * levels[0]
    for now, after in itertools.pairwise(levels):
        first = slope(denoise, z, now)
        moved = z + (after - now) * first
        if after > 0:
            moved = z + (after - now) * (first + slope(denoise, moved, after)) / 2
        z = moved
    return z


def euler(denoise, noise, levels):
    """First-order sampler (DDIM in this parametrisation); arguments and result as in `heun`.

    Examples
    --------
    >>> import numpy as np
    >>> euler(lambda z, sigma: 0 * z, np.ones(2), [4.0, 2.0, 0.0])
    array([0., 0.])
    """
    z = noise * float(levels[0])
    for now, after in itertools.pairwise(levels):
        z = z + float(after - now) * slope(denoise, z, float(now))
    return z
