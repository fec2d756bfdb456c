"""Places, their satellite images, and donors who choose among them: the stand-in world of page ``aid_projects_africa``.

Development ``b`` shows on an image as roofs and roads and acts on where projects go and on wealth. All effects are made up.
"""

import numpy as np
import torch
from torch import nn


def visible_development(chips):
    """Standardised sum of greenness contrast and edges of an image, shape (n,): the visible confounder on real chips.

    ``mean (B1 - B2) / (B1 + B2 + 1)`` plus 0.7 times the logarithm of the mean absolute Laplacian of B1, each standardised.
    """
    check_images(chips)
    first, second = chips[..., 0].astype(np.float32), chips[..., 1].astype(np.float32)
    contrast = ((first - second) / (first + second + 1)).mean((1, 2))
    inner = first[:, 1:-1, 1:-1]
    around = first[:, :-2, 1:-1] + first[:, 2:, 1:-1] + first[:, 1:-1, :-2] + first[:, 1:-1, 2:]
    edges = np.log(np.abs(around - 4 * inner).mean((1, 2)) + 1e-6)
    score = (contrast - contrast.mean()) / contrast.std() + 0.7 * (edges - edges.mean()) / edges.std()
    return (score - score.mean()) / score.std()


def check_images(images):
    """Raise ValueError unless ``images`` is one array of shape (n, H, W, C) of a single numeric type."""
    if not isinstance(images, np.ndarray) or images.dtype == object or images.ndim != 4:
        shape = getattr(images, "shape", None)
        raise ValueError(
            f"images must be one array (n, H, W, C) of one type, got {type(images).__name__} {shape}; stack them"
        )


def random_features(chips, rng, n_filters=48, batch=500):
    """Mean and standard deviation of ``n_filters`` fixed random 5 x 5 filters after a rectifier, at every second pixel.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, H, W, C)

    Returns
    -------
    features : ndarray, shape (n, 2 n_filters)
    """
    check_images(chips)
    filters = torch.from_numpy(rng.standard_normal((n_filters, chips.shape[3], 5, 5)).astype(np.float32) / 5)
    shift = torch.from_numpy(rng.standard_normal(n_filters).astype(np.float32))
    parts = []
    for start in range(0, len(chips), batch):
        x = torch.from_numpy(np.ascontiguousarray(chips[start : start + batch])).permute(0, 3, 1, 2).float()
        out = torch.relu_(nn.functional.conv2d((x - 100) / 40, filters, shift, stride=2)).flatten(2)
        mean = out.mean(2)
        spread = (out.square().mean(2) - mean.square()).clamp_min(0).sqrt()
        parts.append(torch.cat([mean, spread], 1))
    return torch.cat(parts).double().numpy()


class SmallCNN(nn.Module):
    """Three convolutions (16, 32, 64), global pooling, tabular covariates appended, one logit per donor."""

    def __init__(self, n_tabular, n_donors):
        super().__init__()
        layers, width = [], 3
        for out in (16, 32, 64):
            layers += [nn.Conv2d(width, out, 3, stride=2, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
            width = out
        self.image = nn.Sequential(*layers)
        self.head = nn.Linear(64 + n_tabular, n_donors)

    def forward(self, chips, tabular):
        return self.head(torch.cat([self.image(chips).mean((2, 3)), tabular], 1))


def cnn_propensity(chips, tabular, w, folds, seed, *, epochs=10, batch=128, rate=2e-3):
    """Out-of-fold propensities of several donors from one small network per fold.

    Parameters
    ----------
    chips : ndarray of uint8, shape (n, 32, 32, 3)
    tabular : ndarray, shape (n, k)
        k = 0 for the image alone.
    w : ndarray of 0 and 1, shape (n, n_donors)
    folds : ndarray of int, shape (n,)
    seed : int

    Returns
    -------
    e : ndarray, shape (n, n_donors)
    """
    check_images(chips)
    x = (torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 100) / 40
    w = torch.from_numpy(np.asarray(w, np.float32))
    e = np.empty(w.shape)
    for fold in np.unique(folds):
        out = folds == fold
        centre, scale = tabular[~out].mean(0), tabular[~out].std(0)
        z = torch.from_numpy(((tabular - centre) / scale).astype(np.float32))
        train = torch.from_numpy(np.flatnonzero(~out))
        with torch.random.fork_rng():
            torch.manual_seed(seed + int(fold))
            model = SmallCNN(tabular.shape[1], w.shape[1])
            optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2)
            for _ in range(epochs):
                for rows in train[torch.randperm(len(train))].split(batch):
                    loss = nn.functional.binary_cross_entropy_with_logits(model(x[rows], z[rows]), w[rows])
                    optimiser.zero_grad(set_to_none=True)
                    loss.backward()
                    optimiser.step()
        model.eval()
        with torch.no_grad():
            e[out] = torch.sigmoid(model(x[out], z[out])).numpy()
    return e
