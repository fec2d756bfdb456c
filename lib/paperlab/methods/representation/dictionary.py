"""Diverse dictionary learning: which latents a sparse Jacobian identifies, and the autoencoders that look for them.

Observed variables X = g(Z) mix hidden variables Z; the support S says which x depends on which z. ``draw_world`` makes
such mixtures, ``blocks`` says what S allows to be identified, ``train_vaes`` fits variational autoencoders under one of
five biases (none, sparse Jacobian, sparse latents, orthogonal columns, small mixed second derivatives), many at once.
``dictionary_scores`` compares codes with the truth.
"""

from dataclasses import dataclass

import numpy as np
import torch

from paperlab.methods.foundations.nets import StackedMLP, train

PENALTIES = ("none", "jac_l1", "latent_l1", "ima", "hessian")


@dataclass(frozen=True)
class Job:
    """One autoencoder to train: data (n, d_x), data to encode afterwards (n_test, d_x), bias, its weight, its start."""

    x: np.ndarray
    x_test: np.ndarray
    penalty: str
    lam: float
    start: int


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


def train_vaes(
    jobs, d_z, *, steps=900, rate=3e-3, batch=64, points=16, width=48, beta=0.05, scale_free=True, warm_up=True
):
    """Train one variational autoencoder per job; jobs of one call share the shape of the data.

    Parameters
    ----------
    jobs : sequence of Job
    d_z : int
        Number of latents of the model.
    steps, rate, batch : int, float, int
        Updates, first learning rate (Adam, cosine) and size of a mini-batch.
    points : int
        Points of each mini-batch at which the Jacobian is taken.
    width : int
        Units in each of the two hidden layers of encoder and decoder.
    beta : float
        Weight of the Kullback-Leibler term.
    scale_free : bool
        Multiply each column of the Jacobian by the standard deviation of its latent. Without it the penalty can be
        made small by inflating the latents.
    warm_up : bool
        Penalty 0 for the first 30 % of the steps, then a ramp over 20 %. Without it, full weight from the start.

    Returns
    -------
    list of Code

    Raises
    ------
    ValueError
        With no job, shapes that differ, an unknown penalty or a negative weight.

    Notes
    -----
    Page ``diverse_dictionary``: squared error + beta KL + lam times the penalty, each a sum over variables and a mean
    over points. All networks see the same mini-batches and the same noise, so none depends on its neighbours.
    """
    jobs = list(jobs)
    if not jobs:
        raise ValueError("jobs = []: give at least one job")
    if len({(job.x.shape, job.x_test.shape) for job in jobs}) > 1:
        raise ValueError("jobs differ in the shape of x or x_test: train each shape in its own call")
    for job in jobs:
        if job.penalty not in PENALTIES:
            raise ValueError(f"penalty = {job.penalty!r}: choose one of {PENALTIES}")
        if job.lam < 0:
            raise ValueError(f"lam = {job.lam}: choose a weight of at least 0")
    codes = [None] * len(jobs)
    for with_jacobian in (False, True):
        chosen = [
            i for i, job in enumerate(jobs) if (job.penalty in ("jac_l1", "ima") and job.lam > 0) == with_jacobian
        ]
        if chosen:
            stack = _Stack([jobs[i] for i in chosen], d_z, width, beta, scale_free, points)
            for i, code in zip(chosen, stack.fit(steps, rate, batch, warm_up), strict=True):
                codes[i] = code
    return codes


class _Stack:
    """Autoencoders of one shape that all need the Jacobian of their decoder, or all do not."""

    def __init__(self, jobs, d_z, width, beta, scale_free, points):
        self.jobs, self.d_z, self.beta, self.scale_free, self.points = jobs, d_z, beta, scale_free, points
        d_x = jobs[0].x.shape[1]
        starts = [job.start for job in jobs]
        self.encoder = StackedMLP([d_x, width, width, 2 * d_z], starts)
        self.decoder = StackedMLP([d_z, width, width, d_x], [start + 1 for start in starts])
        self.x = torch.stack([torch.as_tensor(job.x, dtype=torch.float32) for job in jobs])
        self.of = {p: [m for m, job in enumerate(jobs) if job.penalty == p and job.lam > 0] for p in PENALTIES[1:]}
        self.lam = torch.tensor([job.lam for job in jobs], dtype=torch.float32)

    def fit(self, steps, rate, batch, warm_up):
        generator = torch.Generator().manual_seed(0)
        n = self.x.shape[1]

        def loss(step):
            chosen = torch.randint(n, (batch,), generator=generator)
            noise = torch.randn(batch, self.d_z, generator=generator)
            ramp = min(max(step / steps - 0.3, 0.0) / 0.2, 1.0) if warm_up else 1.0
            return self.objective(self.x[:, chosen], noise, ramp)

        history = train(loss, [*self.encoder.parameters(), *self.decoder.parameters()], steps=steps, rate=rate)
        return self._codes(history[-max(steps // 20, 1) :].mean(0))

    def objective(self, x, noise, ramp):
        mean, log_var = self.encoder(x).split(self.d_z, dim=-1)
        log_var = log_var.clamp(-12, 6)
        z = mean + torch.exp(log_var / 2) * noise
        error = ((self.decoder(z) - x) ** 2).sum(-1).mean(-1)
        divergence = 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(-1).mean(-1)
        loss = error + self.beta * divergence
        if ramp > 0 and any(self.of.values()):
            loss = loss + ramp * self.lam * self._penalty(z, mean)
        return loss

    def _penalty(self, z, mean):
        """Penalty of every network, shape (M,); 0 for those without."""
        spread = mean.std(1) if self.scale_free else torch.ones_like(mean[:, 0])
        out = torch.zeros(len(self.jobs))
        if self.of["jac_l1"] or self.of["ima"]:
            jacobian = self.decoder.with_jacobian(z[:, : self.points])[1]
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
            out = out.index_put((torch.tensor(m),), self._mixed_derivatives(z[:, : self.points], spread))
        return out

    def _mixed_derivatives(self, z, spread, width=0.5):
        """Variance over two random sign vectors of the second difference along them: off-diagonal Hessian entries."""
        members = self.of["hessian"]
        weights = {name: value[members] for name, value in self.decoder.named_parameters()}

        def decode(points):
            return torch.func.functional_call(self.decoder, weights, points)

        z, signs = z[members], torch.randint(0, 2, (2, 1, z.shape[1], self.d_z)) * 2.0 - 1
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
