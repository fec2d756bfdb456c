"""Places, their satellite images, and donors who choose among them: the stand-in world of page ``aid_projects_africa``.

Development ``b`` shows on an image as roofs and roads and acts on where projects go and on wealth. All effects are made up.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

SIDE = 32


@dataclass(frozen=True)
class Donor:
    """Placement ``logit e = base + visible * b_weight b + 0.5 x_2 + hidden H`` and the true effect ``tau``."""

    name: str
    b_weight: float
    hidden: float
    tau: float
    base: float = -1.2


@dataclass(frozen=True)
class Places:
    """``b`` (n,), tabular ``x`` (n, 5), hidden driver ``h`` (n,), random parts of the outcome ``noise`` (n,)."""

    b: np.ndarray
    x: np.ndarray
    h: np.ndarray
    noise: np.ndarray

    @classmethod
    def draw(cls, b, rng):
        """Tabular covariates of places with development ``b``: ``x_1 = 0.5 b + 0.87 e``, the others noise."""
        x = rng.standard_normal((len(b), 5))
        x[:, 0] = 0.5 * b + 0.87 * x[:, 0]
        return cls(b, x, rng.standard_normal(len(b)), 5 * rng.standard_normal(len(b)))

    def assign(self, donor, rng, visible=1.0):
        """Projects of a donor, 0 or 1, shape (n,)."""
        score = donor.base + visible * donor.b_weight * self.b + 0.5 * self.x[:, 1] + donor.hidden * self.h
        return (rng.random(len(self.b)) < 1 / (1 + np.exp(-score))).astype(float)

    def wealth(self, w, tau, hidden_in_y=0.0):
        """Outcome ``25 + 5 b + 2 x_1 + 2 x_2 + tau W + hidden_in_y H + N(0, 5^2)``, shape (n,)."""
        return 25 + 5 * self.b + 2 * self.x[:, 0] + 2 * self.x[:, 1] + tau * w + hidden_in_y * self.h + self.noise


def draw_chips(b, rng):
    """Made-up satellite chips of places with development ``b``.

    Patchy ground (8 x 8 pixel blocks, N(90, 18)), noise of 8, Poisson(exp(0.9 + 0.6 b)) bright roofs of 3 x 3 pixels and
    Poisson(exp(-0.4 + 0.5 b)) straight roads one pixel wide.

    Parameters
    ----------
    b : ndarray, shape (n,)

    Returns
    -------
    chips : ndarray of uint8, shape (n, 32, 32, 3)
    """
    n, blocks = len(b), SIDE // 8
    ground = rng.normal(90, 18, (n, blocks, blocks, 3)).astype(np.float32)
    chips = np.repeat(np.repeat(ground, 8, 1), 8, 2)
    chips += 8 * rng.standard_normal(chips.shape, dtype=np.float32)
    roads = rng.poisson(np.exp(-0.4 + 0.5 * b))
    place = np.repeat(np.arange(n), roads)
    across, position = rng.integers(0, 2, len(place)).astype(bool), rng.integers(0, SIDE, len(place))
    chips[place[across], position[across]] = 150
    chips[place[~across], :, position[~across]] = 150
    roofs = rng.poisson(np.exp(0.9 + 0.6 * b))
    place = np.repeat(np.arange(n), roofs)
    row, column = rng.integers(0, SIDE - 2, (2, len(place)))
    for i in range(3):
        for j in range(3):
            chips[place, row + i, column + j] = 210
    return np.clip(chips, 0, 255).astype(np.uint8)


def crop_chips(images, n, rng):
    """Random 32 x 32 crops of real chips, each turned and mirrored at random.

    Parameters
    ----------
    images : ndarray of uint8, shape (k, height, width, 3), sides of at least 32

    Returns
    -------
    chips : ndarray of uint8, shape (n, 32, 32, 3)
    source : ndarray of int, shape (n,)
        Chip that each crop was cut from; folds must keep its crops together.
    """
    check_images(images)
    if min(images.shape[1:3]) < SIDE:
        raise ValueError(f"images are {images.shape[1]} x {images.shape[2]}; crops of {SIDE} x {SIDE} need larger ones")
    source = rng.integers(0, len(images), n)
    top = rng.integers(0, images.shape[1] - SIDE + 1, n)
    left = rng.integers(0, images.shape[2] - SIDE + 1, n)
    turns, mirror = rng.integers(0, 4, n), rng.integers(0, 2, n).astype(bool)
    rows, columns = top[:, None] + np.arange(SIDE), left[:, None] + np.arange(SIDE)
    chips = images[source[:, None, None], rows[:, :, None], columns[:, None, :]]
    chips[mirror] = chips[mirror, :, ::-1]
    for k in (1, 2, 3):
        chips[turns == k] = np.rot90(chips[turns == k], k, (1, 2))
    return chips, source


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


def draw_panel(n, rng, tau=2.0, rho=0.6, periods=4, switchers=0.05):
    """Wealth over periods, as it is and as a map model imputes it, with a few places that get a project on the way.

    ``Y_it = 25 + 5 b_i + t + tau W_it + N(0, 3^2)``; imputed: ``m + 0.9 (mean_i - m) + rho (Y_it - mean_i) + N(0, 1.5^2)``, since
    such a model sees change worse than level. Developed places are chosen more often; a project starts in period 2, 3 or 4.

    Returns
    -------
    b : ndarray, shape (n,)
    w, y, imputed : ndarray, shape (n, periods)
    """
    b = rng.standard_normal(n)
    chance = 1 / (1 + np.exp(-(np.log(switchers / (1 - switchers)) - 0.15 + 0.7 * b)))
    chosen, start = rng.random(n) < chance, rng.integers(1, periods, n)
    w = (chosen[:, None] & (np.arange(periods) >= start[:, None])).astype(float)
    y = 25 + 5 * b[:, None] + np.arange(periods) + tau * w + 3 * rng.standard_normal((n, periods))
    own, level = y.mean(1, keepdims=True), y.mean()
    imputed = level + 0.9 * (own - level) + rho * (y - own) + 1.5 * rng.standard_normal((n, periods))
    return b, w, y, imputed
