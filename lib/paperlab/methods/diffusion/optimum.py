"""The closed-form optimum of denoising: a weighted mean of the training images, and nothing else."""

import numpy as np

from paperlab.methods.foundations.checks import finite


def posterior(z, sigma, images):
    """Probability that each training image lies behind an image with noise.

    Parameters
    ----------
    z : array_like, shape (n, d)
        Images with noise.
    sigma : float
        Standard deviation of the noise, positive, in units of the pixels.
    images : array_like, shape (N, d)
        Training images, each as likely as the others.

    Returns
    -------
    ndarray, shape (n, N)
        Rows sum to 1.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite or sigma is not positive.

    Notes
    -----
    ``softmax_n(-|z - x_n|^2 / (2 sigma^2))``.

    Examples
    --------
    >>> posterior([[0.0]], 1.0, [[-1.0], [1.0]])
    array([[0.5, 0.5]])
    """
    z, images = finite("z", z), finite("images", images)
    if z.ndim != 2 or images.ndim != 2 or z.shape[1] != images.shape[1]:
        raise ValueError(f"z (n, d) and images (N, d) must have the same d, got shapes {z.shape} and {images.shape}")
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    centre = images.mean(0)  # distances do not move, and less is lost where they are differences of large numbers
    z, images = z - centre, images - centre
    log = (z @ images.T - 0.5 * np.sum(images**2, axis=1)) / sigma**2  # the rest is the same for all n
    log -= log.max(1, keepdims=True)
    weight = np.exp(log)
    return weight / weight.sum(1, keepdims=True)


def denoise(z, sigma, images):
    """Best guess D* of the images behind the noise; arguments as in `posterior`.

    Returns
    -------
    ndarray, shape (n, d)

    Notes
    -----
    ``D*(z, sigma) = sum_n p_n(z) x_n``, the minimiser of the denoising loss over all functions when the data are the
    training set. A sampler driven by it ends on training images.

    Examples
    --------
    >>> denoise([[0.0], [9.0]], 1.0, [[-1.0], [1.0]]).round(3)
    array([[0.],
           [1.]])
    """
    return posterior(z, sigma, images) @ np.asarray(images, dtype=float)
