"""XFactors: a variational autoencoder with one small subspace per chosen factor, tied to it by a contrastive loss.

The code is z = (s, t_1, ..., t_K). Labels say only whether two images share a factor's value: ``info_nce`` pulls the
directions of t_k together where they do. ``train_stack`` trains M models at once, each with weights of its own. No
adversary, no classifier.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from paperlab.methods.foundations.checks import codes as numbers_of
from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.contrastive import info_nce
from paperlab.methods.foundations.nets import StackedMLP, train

KL_WEIGHT = 1e-6
SMALLEST_TAU = 0.0125  # exp(1 / tau) overflows in single precision below


@dataclass(frozen=True)
class Setting:
    """Weights of one model.

    Parameters
    ----------
    lam : float
        Sum of the K contrastive weights; 0 leaves a variational autoencoder.
    tau : float
        Temperature of the contrastive loss, at least 0.0125.
    beta_s, beta_t : float
        Weights on the KL of S and of the subspaces, in units of 1e-6.
    d_s : int
        Dimension of the residual S.

    Raises
    ------
    ValueError
        If tau or a dimension is too small, or a weight negative.
    """

    lam: float = 1.0
    tau: float = 0.1
    beta_s: float = 1000.0
    beta_t: float = 100.0
    d_s: int = 4

    def __post_init__(self):
        if not self.tau >= SMALLEST_TAU:
            raise ValueError(f"tau must be at least {SMALLEST_TAU}, got {self.tau}; exp(1 / tau) overflows below")
        for name in ("lam", "beta_s", "beta_t"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.d_s < 1:
            raise ValueError(f"d_s must be at least one dimension, got {self.d_s}")


@dataclass(frozen=True)
class Training:
    """Updates, images in a batch, width of the two hidden layers of encoders and decoder, constant learning rate."""

    n_steps: int = 1500
    batch_size: int = 96
    width: int = 96
    learning_rate: float = 5e-3


@dataclass(frozen=True)
class Codes:
    """Codes of n images under M models: lists of M arrays, ``s`` (n, d_s) and ``t`` (n, K, d_t)."""

    s: list
    t: list


@dataclass(frozen=True)
class Posterior:
    """Means and log variances of q(s|x) and q(t|x), tensors (M, n, dimensions); unused dimensions of S are zero."""

    s: torch.Tensor
    log_s: torch.Tensor
    t: torch.Tensor
    log_t: torch.Tensor


class Stack:
    """M models of one shape: ``encode`` to means or draws, ``decode`` to images.

    Attributes
    ----------
    settings : list of Setting, length M
    history : ndarray, shape (n_steps, M)
        Loss before every step of the training; None before it.
    """

    def __init__(self, settings, seeds, n_pixels, n_factors, *, d_t, width):
        self.settings, self.n_factors, self.d_t = list(settings), n_factors, d_t
        self.d_s = max(one.d_s for one in settings)
        hidden = [width, width]
        out = 2 * max(self.d_s, n_factors * d_t)
        self.encoders = StackedMLP(
            [n_pixels, *hidden, out], [seed + k for seed in seeds for k in (0, 1)]
        )  # S, T, S, ...
        self.decoder = StackedMLP([self.d_s + n_factors * d_t, *hidden, n_pixels], [seed + 2 for seed in seeds])
        self.used = _float32([[[float(j < one.d_s) for j in range(self.d_s)]] for one in settings])  # (M, 1, d_s)
        self.history = None

    def parameters(self):
        """All weights, for training."""
        return [*self.encoders.parameters(), *self.decoder.parameters()]

    def posterior(self, x):
        """The `Posterior` of images (n, pixels)."""
        out = self.encoders(x)
        s, t = out[::2], out[1::2]
        d_s, d_t = self.d_s, self.n_factors * self.d_t
        return Posterior(s[..., :d_s] * self.used, s[..., -d_s:] * self.used, t[..., :d_t], t[..., -d_t:])

    def encode(self, x, *, rng=None):
        """`Codes` of images (n, pixels).

        Posterior means, or with a numpy generator one draw from each posterior, the same standard normals for all M.
        """
        with torch.no_grad():
            found = self.posterior(_float32(finite("x", x)))
            s, t = found.s, found.t
            if rng is not None:
                s = s + (0.5 * found.log_s).exp() * _float32(rng.standard_normal(s.shape[1:]))
                t = t + (0.5 * found.log_t).exp() * _float32(rng.standard_normal(t.shape[1:]))
        t = t.unflatten(-1, (self.n_factors, self.d_t)).double().numpy()
        s = s.double().numpy()
        return Codes([s[m, :, : one.d_s] for m, one in enumerate(self.settings)], list(t))

    def decode(self, member, s, t):
        """Images (n, pixels) of one model for codes s (n, d_s) and t (n, K, d_t)."""
        codes = np.zeros((len(s), self.d_s + self.n_factors * self.d_t))
        codes[:, : s.shape[1]] = s
        codes[:, self.d_s :] = t.reshape(len(t), -1)
        weights = [(w[member], b[member]) for w, b in zip(self.decoder.weights, self.decoder.biases, strict=True)]
        x = _float32(codes)
        with torch.no_grad():
            for layer, (weight, bias) in enumerate(weights):
                x = x @ weight + bias
                if layer < len(weights) - 1:
                    x = nn.functional.leaky_relu(x, self.decoder.slope)
        return x.double().numpy()


def kl_to_normal(mean, log_variance):
    """KL(N(mean, variance) | N(0, I)), summed over the last axis and averaged over the one before it.

    Parameters
    ----------
    mean, log_variance : torch.Tensor, shape (..., n, dimensions)

    Returns
    -------
    torch.Tensor, shape (...)

    Examples
    --------
    >>> kl_to_normal(torch.tensor([[1.0, 1.0]]), torch.zeros(1, 2))
    tensor(1.)
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1).mean(-1)


def _checked(x, labels, batch_size):
    """Images as floats, and the labels as whole numbers (K, n) that tell which images share a value."""
    x, labels = finite("x", x), np.asarray(labels)
    if x.ndim != 2 or labels.ndim != 2 or len(labels) != len(x) or labels.shape[1] == 0:
        raise ValueError(f"x (n, pixels) and labels (n, K) must match, K at least 1, got {x.shape} and {labels.shape}")
    by_factor = np.stack([numbers_of(f"labels of factor {k}", column) for k, column in enumerate(labels.T)])
    constant = np.flatnonzero(by_factor.max(1) == 0)
    if len(constant):
        raise ValueError(
            f"labels: factor {constant[0]} is constant: a subspace for it would have no negatives; drop it"
        )
    if not 1 < batch_size <= len(x):
        raise ValueError(f"batch_size must lie between 2 and the {len(x)} images, got {batch_size}")
    return x, by_factor


def train_stack(x, labels, settings, seeds, training=None, *, d_t=2, rng):
    """Train M models in one stack on the same batches.

    The gradient of each model is clipped at 3.

    Parameters
    ----------
    x : array_like, shape (n, pixels)
    labels : array_like, shape (n, K)
        Any labels; one column for each factor that has a subspace.
    settings, seeds : sequences of Setting and int, length M
        Weights of the loss, and seed of the starting weights, of each model.
    training : Training, optional
        Default ``Training()``.
    d_t : int
        Dimension of each subspace.
    rng : numpy.random.Generator
        Draws batches and the noise of the codes, the same for all models.

    Returns
    -------
    Stack

    Raises
    ------
    ValueError
        If shapes do not match, a pixel is not finite, a label is missing, a factor is constant, or a size too small.

    Notes
    -----
    Page ``xfactors``: ``MSE + 1e-6 (beta_s KL_s + beta_t KL_t) + lam / K sum_k NCE_k``.
    """
    training = training or Training()
    x, by_factor = _checked(x, labels, training.batch_size)
    if not len(settings) == len(seeds) > 0:
        raise ValueError(f"settings and seeds must name one of each per model, got {len(settings)} and {len(seeds)}")
    if d_t < 1:
        raise ValueError(f"d_t must be at least one dimension, got {d_t}")
    n_factors, batch_size = len(by_factor), training.batch_size
    stack = Stack(settings, seeds, x.shape[1], n_factors, d_t=d_t, width=training.width)
    x, by_factor = _float32(x), torch.as_tensor(by_factor)
    lam, beta_s, beta_t = (_float32([getattr(one, name) for one in settings]) for name in ("lam", "beta_s", "beta_t"))
    taught = torch.nonzero(lam).flatten()
    tau = _float32([one.tau for one in settings])[taught].reshape(-1, 1, 1, 1)
    noise = torch.Generator().manual_seed(int(rng.integers(2**31)))
    s_noise_shape, t_noise_shape = (batch_size, stack.d_s), (batch_size, n_factors * d_t)

    def loss(step):
        rows = torch.randint(len(x), (batch_size,), generator=noise)
        images = x[rows]
        q = stack.posterior(images)
        s = q.s + (0.5 * q.log_s).exp() * torch.randn(s_noise_shape, generator=noise) * stack.used
        t = q.t + (0.5 * q.log_t).exp() * torch.randn(t_noise_shape, generator=noise)
        error = ((stack.decoder(torch.cat([s, t], -1)) - images) ** 2).mean((1, 2))
        total = error + KL_WEIGHT * (beta_s * kl_to_normal(q.s, q.log_s) + beta_t * kl_to_normal(q.t, q.log_t))
        if len(taught):
            subspaces = t[taught].unflatten(-1, (n_factors, d_t)).transpose(1, 2)
            total = total.index_add(0, taught, lam[taught] * info_nce(subspaces, by_factor[:, rows], tau).mean(-1))
        return total

    history = train(
        loss,
        stack.parameters(),
        n_steps=training.n_steps,
        learning_rate=training.learning_rate,
        decay="constant",
        weight_decay=0.01,
        clip=3.0,
    )
    stack.history = history.double().numpy()
    return stack


def _float32(values):
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)
