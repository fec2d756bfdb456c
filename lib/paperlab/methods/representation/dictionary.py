"""Diverse dictionary learning: which latents a sparse Jacobian identifies, and the autoencoders that look for them.

Observed variables X = g(Z) mix hidden variables Z; the support S says which x depends on which z (`simulate_mixtures`).
``train_vaes`` fits variational autoencoders under one of five biases (none, sparse Jacobian, sparse latents, orthogonal
columns, small mixed second derivatives), many at once; `identification` compares their codes with the truth.
"""

from dataclasses import dataclass

import numpy as np
import torch

from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.nets import StackedMLP, train

PENALTIES = ("none", "jac_l1", "latent_l1", "ima", "hessian")


@dataclass(frozen=True)
class Job:
    """One autoencoder to train.

    Parameters
    ----------
    x, x_test : ndarray, shapes (n, d_x) and (n_test, d_x)
        Data to train on, data to encode afterwards.
    penalty : {"none", "jac_l1", "latent_l1", "ima", "hessian"}
    lam : float
        Weight of the penalty, at least 0.
    seed : int
        Of the starting weights.
    """

    x: np.ndarray
    x_test: np.ndarray
    penalty: str
    lam: float
    seed: int


@dataclass(frozen=True)
class Training:
    """How all autoencoders of one call are trained.

    Parameters
    ----------
    n_steps, batch_size : int
        Updates; points in a mini-batch.
    learning_rate : float
        At the first step (Adam, cosine).
    n_jacobian : int
        Points of each mini-batch at which derivatives of the decoder are taken.
    width : int
        Units in each of the two hidden layers of encoder and decoder.
    beta : float
        Weight of the Kullback-Leibler term.
    scale_free : bool
        Multiply each column of the Jacobian by the standard deviation of its latent. Without it the penalty can be
        made small by inflating the latents.
    warm_up : bool
        Penalty 0 for the first 30 % of the steps, then a ramp over 20 %. Without it, full weight from the start.
    """

    n_steps: int = 900
    learning_rate: float = 3e-3
    batch_size: int = 64
    n_jacobian: int = 16
    width: int = 48
    beta: float = 0.05
    scale_free: bool = True
    warm_up: bool = True

    def ramp(self, step):
        """Share of the penalty's weight at a step."""
        return min(max(step / self.n_steps - 0.3, 0.0) / 0.2, 1.0) if self.warm_up else 1.0


@dataclass(frozen=True)
class Code:
    """A trained autoencoder seen from outside.

    Attributes
    ----------
    z : ndarray, shape (n_test, d_z)
        Posterior means of the test data.
    jacobian : ndarray, shape (d_x, d_z)
        Mean absolute Jacobian of the decoder, each column times the standard deviation of its latent.
    unexplained : float
        Squared error of the reconstruction from ``z`` over the variance of the test data.
    loss : float
        Training objective, mean over the last twentieth of the steps.
    """

    z: np.ndarray
    jacobian: np.ndarray
    unexplained: float
    loss: float


def _checked(jobs):
    """The jobs as a list, all of one shape and possible."""
    jobs = list(jobs)
    if not jobs:
        raise ValueError("jobs must hold at least one job, got none")
    for job in jobs:
        if finite("x", job.x).ndim != 2 or finite("x_test", job.x_test).ndim != 2:
            raise ValueError(f"x and x_test must have shape (n, d_x), got {job.x.shape} and {job.x_test.shape}")
        if job.penalty not in PENALTIES:
            raise ValueError(f"penalty must be one of {', '.join(PENALTIES)}, got {job.penalty!r}")
        if not job.lam >= 0:
            raise ValueError(f"lam must not be negative, got {job.lam}")
    if len({(job.x.shape, job.x_test.shape) for job in jobs}) > 1:
        raise ValueError("jobs differ in the shape of x or x_test; train each shape in its own call")
    return jobs


def train_vaes(jobs, d_z, training=None, *, rng):
    """Train one variational autoencoder per job; jobs of one call share the shape of the data.

    Parameters
    ----------
    jobs : sequence of Job
    d_z : int
        Number of latents of the model.
    training : Training, optional
        Default ``Training()``.
    rng : numpy.random.Generator
        Draws mini-batches, noise of the codes and directions, the same for all jobs; starting weights come from the
        seeds of the jobs.

    Returns
    -------
    list of Code

    Raises
    ------
    ValueError
        With no job, shapes that differ, a value that is not finite, an unknown penalty or a negative weight.

    Notes
    -----
    Page ``diverse_dictionary``: squared error + beta KL + lam times the penalty, each a sum over variables and a mean
    over points. All networks see the same mini-batches and the same noise, so none depends on its neighbours.
    """
    jobs, training = _checked(jobs), training or Training()
    batch_seed, sign_seed = (int(seed) for seed in rng.integers(2**63, size=2))
    codes = [None] * len(jobs)
    for with_jacobian in (False, True):
        chosen = [
            i for i, job in enumerate(jobs) if (job.penalty in ("jac_l1", "ima") and job.lam > 0) == with_jacobian
        ]
        if chosen:
            stack = _Stack([jobs[i] for i in chosen], d_z, training, sign_seed)
            for i, code in zip(chosen, stack.fit(batch_seed), strict=True):
                codes[i] = code
    return codes


class _Stack:
    """Autoencoders of one shape that all need the Jacobian of their decoder, or all do not."""

    def __init__(self, jobs, d_z, training, sign_seed):
        self.jobs, self.d_z, self.training = jobs, d_z, training
        d_x, width = jobs[0].x.shape[1], training.width
        seeds = [job.seed for job in jobs]
        self.encoder = StackedMLP([d_x, width, width, 2 * d_z], seeds)
        self.decoder = StackedMLP([d_z, width, width, d_x], [seed + 1 for seed in seeds])
        self.x = torch.stack([torch.as_tensor(job.x, dtype=torch.float32) for job in jobs])
        self.of = {p: [m for m, job in enumerate(jobs) if job.penalty == p and job.lam > 0] for p in PENALTIES[1:]}
        self.lam = torch.tensor([job.lam for job in jobs], dtype=torch.float32)
        self.signs = torch.Generator().manual_seed(sign_seed)  # of its own: batches do not depend on who needs signs

    def fit(self, seed):
        generator = torch.Generator().manual_seed(seed)
        n, training = self.x.shape[1], self.training

        def loss(step):
            chosen = torch.randint(n, (training.batch_size,), generator=generator)
            noise = torch.randn(training.batch_size, self.d_z, generator=generator)
            return self.objective(self.x[:, chosen], noise, training.ramp(step))

        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        history = train(loss, parameters, n_steps=training.n_steps, learning_rate=training.learning_rate)
        return self._codes(history[-max(training.n_steps // 20, 1) :].mean(0))

    def objective(self, x, noise, ramp):
        mean, log_var = self.encoder(x).split(self.d_z, dim=-1)
        log_var = log_var.clamp(-12, 6)
        z = mean + torch.exp(log_var / 2) * noise
        error = ((self.decoder(z) - x) ** 2).sum(-1).mean(-1)
        divergence = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(-1).mean(-1)
        loss = error + self.training.beta * divergence
        if ramp > 0 and any(self.of.values()):
            loss = loss + ramp * self.lam * self._penalty(z, mean)
        return loss

    def _penalty(self, z, mean):
        """Penalty of every network, shape (M,); 0 for those without."""
        spread = mean.std(1) if self.training.scale_free else torch.ones_like(mean[:, 0])
        out = torch.zeros(len(self.jobs))
        if self.of["jac_l1"] or self.of["ima"]:
            jacobian = self.decoder.with_jacobian(z[:, : self.training.n_jacobian])[1]
            if m := self.of["jac_l1"]:
                size = (jacobian[m].abs() * spread[m, None, None]).sum((2, 3)).mean(1)
                out = out.index_put((torch.tensor(m),), size)
            if m := self.of["ima"]:
                unit = jacobian[m] / jacobian[m].norm(dim=2, keepdim=True).clamp_min(1e-6)
                cosines = unit.transpose(2, 3) @ unit + 1e-4 * torch.eye(self.d_z)
                out = out.index_put((torch.tensor(m),), -0.5 * torch.logdet(cosines).mean(1))
        if m := self.of["latent_l1"]:
            out = out.index_put((torch.tensor(m),), mean[m].abs().sum(-1).mean(-1))
        if m := self.of["hessian"]:
            out = out.index_put((torch.tensor(m),), self._mixed_derivatives(z[:, : self.training.n_jacobian], spread))
        return out

    def _mixed_derivatives(self, z, spread, width=0.5):
        """Variance over two random sign vectors of the second difference along them: off-diagonal Hessian entries."""
        members = self.of["hessian"]
        weights = {name: value[members] for name, value in self.decoder.named_parameters()}

        def decode(points):
            return torch.func.functional_call(self.decoder, weights, points)

        z, signs = z[members], torch.randint(0, 2, (2, 1, z.shape[1], self.d_z), generator=self.signs) * 2.0 - 1
        moves = width * signs * spread[members, None].detach()
        middle = 2 * decode(z)
        second = [(decode(z + move) - middle + decode(z - move)) / width**2 for move in moves]
        return ((second[0] - second[1]) ** 2 / 2).sum(-1).mean(-1)

    @torch.no_grad()
    def _codes(self, losses):
        x = torch.stack([torch.as_tensor(job.x_test, dtype=torch.float32) for job in self.jobs])
        mean = self.encoder(x)[..., : self.d_z]
        error = ((self.decoder(mean) - x) ** 2).mean((1, 2)) / x.var(1).mean(-1)
        jacobian = self.decoder.with_jacobian(mean[:, :500])[1].abs().mean(1) * mean.std(1)[:, None]
        return [
            Code(mean[m].double().numpy(), jacobian[m].double().numpy(), float(error[m]), float(losses[m]))
            for m in range(len(self.jobs))
        ]
