"""A small U-Net whose skip connections can be kept or cut one by one."""

import math

import torch
from torch import nn

from paperlab.methods.diffusion.noise import preconditioning

N_FREQUENCIES = 16


class UNet(nn.Module):
    """Denoiser of square images: residual blocks on the way down and up, skip connections at chosen resolutions.

    Parameters
    ----------
    side, n_colours : int
        Pixels of a side, divisible by 2 as often as there are levels less one; colours.
    seed : int
        Of the start; nothing is drawn from torch's global generator.
    channels : int
        At every resolution.
    n_levels : int
        Resolutions: ``side``, ``side / 2``, ...
    skips : sequence of int, optional
        Sides at which the way up sees what the way down had; all by default.
    n_labels : int
        Rows of the table of labels.
    sigma_data : float
        As in `denoisers.StackedDenoiser`, whose interface this is, with one model.

    Raises
    ------
    ValueError
        If a side cannot be halved, or a skip connection names a resolution that does not exist.

    Examples
    --------
    >>> model = UNet(8, 3, seed=1, channels=4, n_levels=2, skips=[8])
    >>> model(torch.zeros(5, 192), torch.ones(5), torch.zeros(1, 5, dtype=torch.long)).shape
    torch.Size([1, 5, 192])
    """

    n_models = 1

    def __init__(self, side, n_colours, *, seed, channels=16, n_levels=3, skips=None, n_labels=1, sigma_data=0.5):
        super().__init__()
        self.sides = [side >> level for level in range(n_levels)]
        if side % (1 << (n_levels - 1)):
            raise ValueError(f"side must be divisible by {1 << (n_levels - 1)} for {n_levels} levels, got {side}")
        self.skips = set(self.sides) if skips is None else {int(one) for one in skips}
        if strange := sorted(self.skips - set(self.sides)):
            raise ValueError(f"skips names {strange}; this network has sides {self.sides}")
        self.sigma_data, self.n_labels, self.n_pixels = sigma_data, n_labels, side * side * n_colours
        self.shape = (n_colours, side, side)
        self.enter, self.leave = _conv(n_colours, channels), _conv(channels, n_colours)
        self.told = nn.utils.skip_init(nn.Linear, 2 * N_FREQUENCIES, channels)
        self.label_table = nn.Parameter(torch.empty(n_labels, channels))
        self.down = nn.ModuleList(_Block(channels, channels) for _ in self.sides)
        self.up = nn.ModuleList(_Block(channels * (1 + (one in self.skips)), channels) for one in self.sides)
        self.middle = _Block(channels, channels)
        self.register_buffer("frequencies", 2 * math.pi * torch.logspace(-2, 3, N_FREQUENCIES, base=2))
        generator = torch.Generator().manual_seed(int(seed))
        for name, parameter in self.named_parameters():
            bound = 0.0 if name.startswith("leave") else 1 / math.sqrt(max(1, parameter[0].numel()))
            nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def network(self, x, c_noise, labels):
        """F: scaled images (n, d), noise (n,) and labels (1, n) to (1, n, d)."""
        angle = c_noise[:, None] * self.frequencies
        told = self.told(torch.cat((angle.sin(), angle.cos()), 1)) + self.label_table[labels[0]]
        h, kept = self.enter(x.reshape(-1, *self.shape)), []
        for level, block in enumerate(self.down):
            if level:
                h = nn.functional.avg_pool2d(h, 2)
            h = block(h, told)
            kept.append(h)
        h = self.middle(h, told)
        for level in reversed(range(len(self.sides))):
            if self.sides[level] in self.skips:
                h = torch.cat((h, kept[level]), 1)
            h = self.up[level](h, told)
            if level:
                h = nn.functional.interpolate(h, scale_factor=2)
        return self.leave(nn.functional.silu(h)).flatten(1)[None]

    def forward(self, z, sigma, labels):
        """Guessed images (1, n, d) behind images with noise (n, d) or (1, n, d)."""
        if z.ndim == 3:
            z, sigma = z[0], sigma.reshape(-1)
        c = preconditioning(sigma, self.sigma_data)
        return c.c_skip[:, None] * z + c.c_out[:, None] * self.network(c.c_in[:, None] * z, c.c_noise, labels)


def _conv(n_in, n_out, size=3):
    return nn.utils.skip_init(nn.Conv2d, n_in, n_out, size, padding=size // 2)


class _Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.first, self.second = _conv(n_in, n_out), _conv(n_out, n_out)
        self.short = _conv(n_in, n_out, 1) if n_in != n_out else None
        self.groups = math.gcd(4, n_in), math.gcd(4, n_out)

    def forward(self, x, told):
        inner = self.first(nn.functional.silu(nn.functional.group_norm(x, self.groups[0]))) + told[:, :, None, None]
        inner = self.second(nn.functional.silu(nn.functional.group_norm(inner, self.groups[1])))
        return inner + (x if self.short is None else self.short(x))
