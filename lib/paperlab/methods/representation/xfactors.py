"""XFactors: a variational autoencoder with one small subspace per chosen factor, tied to it by a contrastive loss.

The code is z = (s, t_1, ..., t_K). Labels say only whether two images share a factor's value: ``nce`` pulls the
directions of t_k together where they do. ``FlatShapes`` draws the images, ``train_stack`` trains M models at once, each
with weights of its own. No adversary, no classifier.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from paperlab.methods.foundations.contrastive import nce
from paperlab.methods.foundations.nets import StackedMLP, train

KL_WEIGHT = 1e-6
SMALLEST_TAU = 0.0125  # exp(1 / tau) overflows in single precision below


@dataclass(frozen=True)
class Setting:
    """Weights of one model; ``lam`` is the sum of the K contrastive weights, ``d_s`` the dimension of its residual S."""

    lam: float = 1.0
    tau: float = 0.1
    beta_s: float = 1000.0
    beta_t: float = 100.0
    d_s: int = 4
    seed: int = 0


class Stack:
    """M trained models of one shape: ``encode`` to means or draws, ``decode`` to images.

    Attributes
    ----------
    settings : list of Setting, length M
    history : ndarray, shape (steps, M)
        Loss before every step.
    """

    def __init__(self, settings, n_pixels, n_factors, d_t, width):
        self.settings, self.n_factors, self.d_t = list(settings), n_factors, d_t
        self.d_s = max(one.d_s for one in settings)
        seeds = [one.seed for one in settings]
        hidden = [width, width]
        out = 2 * max(self.d_s, n_factors * d_t)
        self.encoders = StackedMLP(
            [n_pixels, *hidden, out], [seed + k for seed in seeds for k in (0, 1)]
        )  # S, T, S, ...
        self.decoder = StackedMLP([self.d_s + n_factors * d_t, *hidden, n_pixels], [seed + 2 for seed in seeds])
        self.used = _tensor([[[float(j < one.d_s) for j in range(self.d_s)]] for one in settings])  # (M, 1, d_s)
        self.history = None

    def parameters(self):
        return [*self.encoders.parameters(), *self.decoder.parameters()]

    def posterior(self, x):
        """Mean and log variance of q(s|x) and q(t|x), each (M, n, dimensions); unused dimensions of S are zero."""
        out = self.encoders(x)
        s, t = out[::2], out[1::2]
        d_s, d_t = self.d_s, self.n_factors * self.d_t
        return s[..., :d_s] * self.used, s[..., -d_s:] * self.used, t[..., :d_t], t[..., -d_t:]

    def encode(self, x, rng=None):
        """Codes of images (n, pixels): lists of M arrays, s (n, d_s) and t (n, K, d_t).

        Posterior means, or with a numpy generator one draw from each posterior, the same standard normals for all M.
        """
        with torch.no_grad():
            s, log_s, t, log_t = self.posterior(_tensor(x))
            if rng is not None:
                s = s + (0.5 * log_s).exp() * _tensor(rng.standard_normal(s.shape[1:]))
                t = t + (0.5 * log_t).exp() * _tensor(rng.standard_normal(t.shape[1:]))
        t = t.unflatten(-1, (self.n_factors, self.d_t)).double().numpy()
        s = s.double().numpy()
        return [s[m, :, : one.d_s] for m, one in enumerate(self.settings)], list(t)

    def decode(self, member, s, t):
        """Images (n, pixels) of one model for codes s (n, d_s) and t (n, K, d_t)."""
        codes = np.zeros((len(s), self.d_s + self.n_factors * self.d_t))
        codes[:, : s.shape[1]] = s
        codes[:, self.d_s :] = t.reshape(len(t), -1)
        weights = [(w[member], b[member]) for w, b in zip(self.decoder.weights, self.decoder.biases, strict=True)]
        x = _tensor(codes)
        with torch.no_grad():
            for layer, (weight, bias) in enumerate(weights):
                x = x @ weight + bias
                if layer < len(weights) - 1:
                    x = nn.functional.leaky_relu(x, self.decoder.slope)
        return x.double().numpy()


def kl_to_normal(mean, log_variance):
    """KL(N(mean, variance) | N(0, I)), summed over the last axis and averaged over the one before it."""
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1).mean(-1)


def train_stack(x, labels, settings, rng, *, d_t=2, steps=1500, batch=96, width=96, rate=5e-3):
    """Train M models in one stack on the same batches.

    The loss of each is MSE + 1e-6 (beta_s KL_s + beta_t KL_t) + lam / K sum_k NCE_k, with a constant learning rate and
    the gradient of each model clipped at 3.

    Parameters
    ----------
    x : array_like, shape (n, pixels)
    labels : array_like of int, shape (n, K)
        One column for each factor that has a subspace.
    settings : sequence of Setting, length M
    rng : numpy.random.Generator
        Draws batches and the noise of the codes, the same for all models.
    d_t, steps, batch, width, rate
        Dimension of each subspace, number of steps, images in a batch, width of the two hidden layers of encoders and
        decoder, learning rate.

    Returns
    -------
    Stack

    Raises
    ------
    ValueError
        If a factor is constant, tau or a dimension is too small, or a weight is negative.
    """
    x, labels = np.asarray(x, float), np.asarray(labels)
    if labels.ndim != 2 or len(labels) != len(x) or labels.shape[1] == 0:
        raise ValueError(f"labels have shape {labels.shape} for {len(x)} images: give (n, K) with K at least 1")
    constant = np.flatnonzero((labels == labels[0]).all(0))
    if len(constant):
        raise ValueError(
            f"labels: factor {constant.tolist()} is constant: a subspace for it would have no negatives; drop it"
        )
    for one in settings:
        if one.tau < SMALLEST_TAU:
            raise ValueError(
                f"tau = {one.tau}: choose a temperature of at least {SMALLEST_TAU}; exp(1 / tau) overflows below"
            )
        if min(one.lam, one.beta_s, one.beta_t) < 0:
            raise ValueError(f"{one}: weights must not be negative")
        if min(one.d_s, d_t) < 1:
            raise ValueError(f"d_s = {one.d_s}, d_t = {d_t}: choose at least one dimension")
    if not 1 < batch <= len(x):
        raise ValueError(f"batch = {batch}: choose between 2 and the {len(x)} images")
    n_factors = labels.shape[1]
    stack = Stack(settings, x.shape[1], n_factors, d_t, width)
    x, by_factor = _tensor(x), torch.as_tensor(labels.T.copy())
    lam, beta_s, beta_t = (_tensor([getattr(one, name) for one in settings]) for name in ("lam", "beta_s", "beta_t"))
    taught = torch.nonzero(lam).flatten()
    tau = _tensor([one.tau for one in settings])[taught].reshape(-1, 1, 1, 1)
    noise = torch.Generator().manual_seed(int(rng.integers(2**31)))
    s_noise_shape, t_noise_shape = (batch, stack.d_s), (batch, n_factors * d_t)

    def loss(step):
        rows = torch.randint(len(x), (batch,), generator=noise)
        images = x[rows]
        s, log_s, t, log_t = stack.posterior(images)
        s_draw = s + (0.5 * log_s).exp() * torch.randn(s_noise_shape, generator=noise) * stack.used
        t_draw = t + (0.5 * log_t).exp() * torch.randn(t_noise_shape, generator=noise)
        error = ((stack.decoder(torch.cat([s_draw, t_draw], -1)) - images) ** 2).mean((1, 2))
        total = error + KL_WEIGHT * (beta_s * kl_to_normal(s, log_s) + beta_t * kl_to_normal(t, log_t))
        if len(taught):
            subspaces = t_draw[taught].unflatten(-1, (n_factors, d_t)).transpose(1, 2)
            total = total.index_add(0, taught, lam[taught] * nce(subspaces, by_factor[:, rows], tau).mean(-1))
        return total

    history = train(loss, stack.parameters(), steps=steps, rate=rate, decay="constant", weight_decay=0.01, clip=3.0)
    stack.history = history.double().numpy()
    return stack


def _tensor(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)
