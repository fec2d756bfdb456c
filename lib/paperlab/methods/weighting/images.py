"""What satellite images show of a place: fixed random features, a small propensity network, visible development."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from paperlab.methods.foundations.checks import binary, finite
from paperlab.methods.foundations.nets import AdamW
from paperlab.methods.weighting.propensity import each_fold


def check_images(images):
    """Raise ValueError unless ``images`` is one uint8 array of shape (n, H, W, C)."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        shape, dtype = getattr(images, "shape", None), getattr(images, "dtype", "")
        raise ValueError(
            f"images must be one array (n, H, W, C) of uint8, got {type(images).__name__} {shape} {dtype}; stack them, "
            "with values from 0 to 255"
        )


def visible_development(chips):
    """Visible confounder on real chips: standardised sum of greenness contrast and edges.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, H, W, C)
        At least two bands, and 3 x 3 pixels.

    Returns
    -------
    score : ndarray, shape (n,)
        Mean 0 and standard deviation 1 over the chips.

    Raises
    ------
    ValueError
        If the chips are not one uint8 array of that size, or all show the same.

    Notes
    -----
    ``mean (B1 - B2) / (B1 + B2 + 1)`` plus 0.7 times the log of the mean absolute Laplacian of B1, each standardised.
    """
    check_images(chips)
    if chips.shape[3] < 2 or min(chips.shape[1:3]) < 3:
        raise ValueError(f"chips must have two bands and 3 x 3 pixels or more, got shape {chips.shape}")
    first, second = chips[..., 0].astype(np.float32), chips[..., 1].astype(np.float32)
    contrast = ((first - second) / (first + second + 1)).mean((1, 2))
    inner = first[:, 1:-1, 1:-1]
    around = first[:, :-2, 1:-1] + first[:, 2:, 1:-1] + first[:, 1:-1, :-2] + first[:, 1:-1, 2:]
    edges = np.log(np.abs(around - 4 * inner).mean((1, 2)) + 1e-6)
    if np.ptp(contrast) == 0 or np.ptp(edges) == 0:
        raise ValueError(
            "chips have all the same contrast or edges, so neither can be standardised; give chips that differ"
        )
    score = (contrast - contrast.mean()) / contrast.std() + 0.7 * (edges - edges.mean()) / edges.std()
    return (score - score.mean()) / score.std()


def random_features(chips, *, rng, n_filters=48, batch_size=500):
    """Mean and standard deviation of fixed random 5 x 5 filters after a rectifier, at every second pixel.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, H, W, C)
        At least 5 x 5 pixels.
    rng : numpy.random.Generator
        Draws the filters: the same state gives the same filters.
    n_filters : int
    batch_size : int
        Chips at a time; does not change the features.

    Returns
    -------
    features : ndarray, shape (n, 2 n_filters)

    Raises
    ------
    ValueError
        If the chips are not one uint8 array of at least 5 x 5 pixels.
    """
    check_images(chips)
    if min(chips.shape[1:3]) < 5:
        raise ValueError(f"chips must have 5 x 5 pixels or more, got shape {chips.shape}")
    filters = torch.from_numpy(rng.standard_normal((n_filters, chips.shape[3], 5, 5)).astype(np.float32) / 5)
    shift = torch.from_numpy(rng.standard_normal(n_filters).astype(np.float32))
    parts = []
    for start in range(0, len(chips), batch_size):
        x = _scaled(chips[start : start + batch_size])
        out = torch.relu_(nn.functional.conv2d(x, filters, shift, stride=2)).flatten(2)
        mean = out.mean(2)
        spread = (out.square().mean(2) - mean.square()).clamp_min(0).sqrt()
        parts.append(torch.cat([mean, spread], 1))
    return torch.cat(parts).double().numpy()


def _scaled(chips):
    """Chips as a tensor (n, C, H, W), centred and scaled by the ground's usual values."""
    return (torch.from_numpy(np.ascontiguousarray(chips)).permute(0, 3, 1, 2).float() - 100) / 40


class _SmallCNN(nn.Module):
    """Three convolutions (16, 32, 64), global pooling, tabular covariates appended, one logit per donor.

    Weights and biases start uniform on +-1/sqrt(fan in), torch's default, drawn from ``generator``.
    """

    def __init__(self, n_bands, n_tabular, n_donors, generator):
        super().__init__()
        layers, width = [], n_bands
        for out in (16, 32, 64):
            conv = nn.utils.skip_init(nn.Conv2d, width, out, 3, stride=2, padding=1)
            layers += [conv, nn.BatchNorm2d(out), nn.ReLU()]
            width = out
        self.image = nn.Sequential(*layers)
        self.head = nn.utils.skip_init(nn.Linear, width + n_tabular, n_donors)
        for layer in (*self.image[::3], self.head):
            bound = layer.weight[0].numel() ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def forward(self, chips, tabular):
        return self.head(torch.cat([self.image(chips).mean((2, 3)), tabular], 1))


def cnn_propensity(chips, tabular, treatments, folds, *, rng, n_epochs=10, batch_size=128, learning_rate=2e-3):
    """Out-of-fold propensities of several donors from one small network per fold.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, H, W, C)
    tabular : ndarray, shape (n, k)
        Covariates beside the image, standardised on the other folds; k = 0 for the image alone.
    treatments : ndarray of 0 and 1, shape (n, n_donors)
    folds : sequence of hashable, shape (n,)
        Fold of each place, by any name.
    rng : numpy.random.Generator
        Seeds the torch generator of each fold: first weights and order of mini-batches.
    n_epochs, batch_size, learning_rate
        Of AdamW with weight decay 0.01.

    Returns
    -------
    e : ndarray, shape (n, n_donors)

    Raises
    ------
    ValueError
        If the chips are not one uint8 array, a covariate is not finite, a treatment is not binary, there is one fold
        only, the other folds lack an arm of a donor, or there is nothing to train with.
    """
    check_images(chips)
    if min(n_epochs, batch_size) < 1 or not learning_rate > 0:
        raise ValueError(
            f"n_epochs and batch_size must be 1 or more and learning_rate above 0, got {n_epochs}, {batch_size}, "
            f"{learning_rate}"
        )
    tabular, w = finite("tabular", tabular), binary("treatments", treatments)
    if tabular.ndim != 2 or w.ndim != 2 or not len(chips) == len(tabular) == len(w):
        raise ValueError(f"tabular and treatments must be ({len(chips)}, k), got {tabular.shape} and {w.shape}")
    x, w = _scaled(chips), torch.from_numpy(w.astype(np.float32))
    e = np.empty(w.shape)
    for label, out in each_fold(folds, len(chips)):
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        for donor in range(w.shape[1]):
            if len(np.unique(w[~out, donor])) < 2:
                raise ValueError(f"treatments: column {donor} has one class only outside fold {label}; use fewer folds")
        centre, scale = tabular[~out].mean(0), tabular[~out].std(0)
        varies = scale > 1e-12 * np.abs(tabular[~out]).max(0, initial=0)
        z = np.where(varies, (tabular - centre) / np.where(varies, scale, 1), 0)
        z = torch.from_numpy(z.astype(np.float32))
        model = _SmallCNN(x.shape[1], tabular.shape[1], w.shape[1], generator)
        train = torch.from_numpy(np.flatnonzero(~out))
        optimiser = AdamW(model.parameters(), learning_rate=learning_rate, weight_decay=1e-2)
        for _ in range(n_epochs):
            for rows in train[torch.randperm(len(train), generator=generator)].split(batch_size):
                loss = nn.functional.binary_cross_entropy_with_logits(model(x[rows], z[rows]), w[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        model.eval()
        with torch.no_grad():
            e[out] = torch.sigmoid(model(x[out], z[out])).numpy()
    return e
