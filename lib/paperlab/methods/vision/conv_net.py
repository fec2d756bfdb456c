"""A small convolutional network from pictures to vectors, whose start depends on its own generator only."""

import math

import torch
from torch import nn
from torch.nn.utils import skip_init


class ConvNet(nn.Module):
    """Convolutions with batch normalisation and rectifiers, means over a grid of places, and one linear layer.

    Parameters
    ----------
    channels : sequence of int
        Width of every convolution (3 x 3).
    strides : sequence of int
        Of every convolution, as many.
    dim : int
        Length of the vector of a picture.
    rng : numpy.random.Generator
        Draws the seed of a torch generator, from which all weights start.
    colours : int
        Channels of a picture.
    grid : int
        Means are taken over grid x grid parts of the picture; 1 forgets where something was seen.

    Raises
    ------
    ValueError
        If ``channels`` and ``strides`` differ in length or hold a number below 1.

    Notes
    -----
    Weights start uniform on +-sqrt(6 / fan in) in the convolutions (He) and on +-1 / sqrt(fan in) in the last layer.
    In ``train()`` mode the normalisation takes moments of the batch, so pictures of a batch are not independent; in
    ``eval()`` mode it takes the running ones.

    Examples
    --------
    >>> import numpy as np
    >>> net = ConvNet([8, 16], [2, 2], dim=32, rng=np.random.default_rng(0))
    >>> net(torch.zeros(5, 3, 16, 16)).shape
    torch.Size([5, 32])
    """

    def __init__(self, channels, strides, *, dim, rng, colours=3, grid=1):
        super().__init__()
        channels, strides = list(channels), list(strides)
        if len(channels) != len(strides) or not channels or min([*channels, *strides, dim, colours, grid]) < 1:
            raise ValueError(
                f"channels and strides must name as many layers, each at least 1, got {channels} and {strides}"
            )
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))

        def draw(weight, bound):
            with torch.no_grad():
                weight.uniform_(-bound, bound, generator=generator)

        layers, before = [], colours
        for width, stride in zip(channels, strides):
            conv = skip_init(nn.Conv2d, before, width, 3, stride, 1, bias=False)
            draw(conv.weight, math.sqrt(6 / (9 * before)))
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before = width
        head = skip_init(nn.Linear, grid**2 * before, dim)
        draw(head.weight, 1 / math.sqrt(grid**2 * before))
        draw(head.bias, 1 / math.sqrt(grid**2 * before))
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(grid), nn.Flatten(), head)

    def forward(self, x):
        """Vectors (n, dim) of pictures (n, colours, height, width)."""
        return self.layers(x)


def linear_map(d_in, d_out, *, rng):
    """A linear layer from features (..., d_in) to vectors (..., d_out), started as the last layer of `ConvNet`."""
    layer = skip_init(nn.Linear, d_in, d_out)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    with torch.no_grad():
        for part in (layer.weight, layer.bias):
            part.uniform_(-1 / math.sqrt(d_in), 1 / math.sqrt(d_in), generator=generator)
    return layer


@torch.no_grad()
def embed(net, images, *, normalise=True, batch_size=512, axes=3):
    """Vectors of pictures, the network in ``eval()`` mode.

    Parameters
    ----------
    net : torch.nn.Module
    images : torch.Tensor, shape (..., colours, height, width)
    normalise : bool
        Divide every vector by its length.
    batch_size : int
    axes : int
        Of one picture; 1 where features take their place.

    Returns
    -------
    ndarray, shape (..., dim)
    """
    was_training = net.training
    net.eval()
    flat = images.flatten(0, -axes - 1)
    found = torch.cat([net(part) for part in flat.split(batch_size)])
    net.train(was_training)
    if normalise:
        found = nn.functional.normalize(found, dim=-1)
    return found.reshape(*images.shape[:-axes], -1).numpy()
