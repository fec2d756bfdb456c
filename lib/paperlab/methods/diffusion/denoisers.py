"""Denoisers, many at once: stacked residual multilayer perceptrons with EDM preconditioning.

A model takes an image with noise of a known level and gives the image that it guesses behind it. Several of one shape
(conditions, seeds) are held in one stack, with a leading axis of length M on every weight: at batches of a few dozen
images a single small network leaves most of its time to the overhead of its operations. The models never mix.
"""

import math

import torch
from torch import nn

from paperlab.methods.diffusion.noise import preconditioning

N_FREQUENCIES = 32


class StackedDenoiser(nn.Module):
    """M denoisers of one shape: input, residual blocks (layer norm, linear, SiLU, linear), output.

    Parameters
    ----------
    n_pixels : int
        Numbers d in an image.
    seeds : sequence of int
        One per model, for a torch generator of its own: the start of a model does not depend on its neighbours.
    n_labels : int
        Rows of each model's table of label vectors. A model that sees no label is given label 0 for every image.
    width, depth : int
        Units of a layer and number of residual blocks.
    sigma_data : float
        Standard deviation of a pixel that the preconditioning assumes.

    Raises
    ------
    ValueError
        If a size is below 1 (``depth`` may be 0) or no seed is given.

    Notes
    -----
    ``D(z, sigma, c) = c_skip z + c_out F(c_in z, c_noise, c)`` (Karras et al. 2022, eq. 7). The noise level enters F
    as sines and cosines of ``c_noise = ln(sigma) / 4``, the label as a vector added to the first layer. F starts at 0.

    Examples
    --------
    >>> model = StackedDenoiser(64, seeds=[1, 2, 3], n_labels=10, width=16, depth=1)
    >>> model(torch.zeros(5, 64), torch.ones(5), torch.zeros(3, 5, dtype=torch.long)).shape  # models, images, pixels
    torch.Size([3, 5, 64])
    """

    def __init__(self, n_pixels, seeds, *, n_labels=1, width=128, depth=3, sigma_data=0.5):
        super().__init__()
        seeds = [int(seed) for seed in seeds]
        sizes = {"n_pixels": n_pixels, "n_labels": n_labels, "width": width, "depth + 1": depth + 1}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        if not seeds:
            raise ValueError("seeds must name one seed per model, got none")
        self.sigma_data, self.n_labels, self.n_pixels, self.n_models = sigma_data, n_labels, n_pixels, len(seeds)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]

        def start(fan_in, *shape):
            draws = torch.stack([torch.rand(shape, generator=generator) for generator in generators])
            return nn.Parameter((2 * draws - 1) / math.sqrt(fan_in))

        n_in = n_pixels + 2 * N_FREQUENCIES
        self.enter, self.enter_bias = start(n_in, n_in, width), start(n_in, 1, width)
        self.label_table = start(1, n_labels, width)
        self.blocks = nn.ParameterList(start(width, width, width) for _ in range(2 * depth))
        self.biases = nn.ParameterList(start(width, 1, width) for _ in range(2 * depth))
        self.leave = nn.Parameter(torch.zeros(len(seeds), width, n_pixels))
        self.leave_bias = nn.Parameter(torch.zeros(len(seeds), 1, n_pixels))
        self.register_buffer("frequencies", 2 * math.pi * torch.logspace(-2, 3, N_FREQUENCIES, base=2))
        self.register_buffer("row", n_labels * torch.arange(len(seeds))[:, None])

    def network(self, x, c_noise, labels):
        """F: scaled images (..., n, d), noise (..., n) and labels (M, n) to (M, n, d)."""
        angle = c_noise[..., None] * self.frequencies
        told = torch.cat((angle.sin(), angle.cos()), dim=-1)
        h = torch.cat((x, told.expand(*x.shape[:-1], -1)), dim=-1)
        if h.ndim == 2:
            h = h.expand(self.n_models, -1, -1)
        told = nn.functional.embedding(labels + self.row, self.label_table.flatten(0, 1))
        h = torch.baddbmm(self.enter_bias, h, self.enter).add_(told)
        for k in range(0, len(self.blocks), 2):
            u = nn.functional.layer_norm(h, h.shape[-1:])
            u = nn.functional.silu(torch.baddbmm(self.biases[k], u, self.blocks[k]))
            h = h + torch.baddbmm(self.biases[k + 1], u, self.blocks[k + 1])
        h = nn.functional.layer_norm(h, h.shape[-1:])
        return torch.baddbmm(self.leave_bias, h, self.leave)

    def forward(self, z, sigma, labels):
        """Guessed images (M, n, d).

        Parameters
        ----------
        z : Tensor, shape (n, d) or (M, n, d)
            Images with noise, the same for all models or one set for each.
        sigma : Tensor, shape (n,) or (M, n)
            Standard deviation of the noise, in units of the pixels.
        labels : LongTensor, shape (M, n)
            Label of each image for each model, 0 to n_labels - 1.
        """
        c = preconditioning(sigma, self.sigma_data)
        found = self.network(c.c_in[..., None] * z, c.c_noise, labels)
        return c.c_skip[..., None] * z + c.c_out[..., None] * found
