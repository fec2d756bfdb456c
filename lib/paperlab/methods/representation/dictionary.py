"""Diverse dictionary learning: which latents a sparse Jacobian identifies, and the autoencoders that look for them.

Observed variables X = g(Z) mix hidden variables Z; the support S says which x depends on which z. ``draw_world`` makes
such mixtures, ``blocks`` says what S allows to be identified, ``train_vaes`` fits variational autoencoders under one of
five biases (none, sparse Jacobian, sparse latents, orthogonal columns, small mixed second derivatives), many at once.
``dictionary_scores`` compares codes with the truth.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from paperlab.methods.foundations.nets import StackedMLP, train

DESIGNS = ("ring", "two_sets", "dense", "random")
PENALTIES = ("none", "jac_l1", "latent_l1", "ima", "hessian")
SOURCES = ("gaussian", "laplace", "uniform")
ROWS = 4  # observed variables per latent in the designs


def make_support(design, d_z, rng):
    """Support of a design: which observed variable depends on which latent.

    Parameters
    ----------
    design : {"ring", "two_sets", "dense", "random"}
        Ring: four rows on each pair of neighbours. Two sets: half of the rows on all latents but the last (A), half on
        the last two (B). Dense: every row on every latent. Random: groups of four rows on two or three random latents,
        drawn again until no two columns agree.
    d_z : int
        Number of latents, at least 3.
    rng : numpy.random.Generator
        Used by the random design only.

    Returns
    -------
    ndarray of bool, shape (4 d_z, d_z)

    Raises
    ------
    ValueError
        If the design is unknown or there are fewer than three latents.
    """
    if design not in DESIGNS:
        raise ValueError(f"design = {design!r}: choose one of {DESIGNS}")
    if d_z < 3:
        raise ValueError(f"d_z = {d_z}: the designs need at least 3 latents")
    support = np.zeros((ROWS * d_z, d_z), bool)
    if design == "ring":
        for group in range(d_z):
            support[ROWS * group : ROWS * (group + 1), [group, (group + 1) % d_z]] = True
    elif design == "two_sets":
        support[: ROWS * d_z // 2, : d_z - 1] = True
        support[ROWS * d_z // 2 :, d_z - 2 :] = True
    elif design == "dense":
        support[:] = True
    else:
        while not support.any(0).all() or len(blocks(support)) < d_z:
            support[:] = False
            for group in range(d_z):
                chosen = rng.choice(d_z, size=rng.integers(2, min(3, d_z - 1) + 1), replace=False)
                support[ROWS * group : ROWS * (group + 1), chosen] = True
    return support


def blocks(support):
    """Latents that no intersection or complement of observation sets can tell apart: classes of equal columns of S.

    Returns a sorted list of tuples of column indices. Every block of one latent is identified element-wise.
    """
    classes = {}
    for j, column in enumerate(np.asarray(support, bool).T):
        classes.setdefault(column.tobytes(), []).append(j)
    return sorted(tuple(members) for members in classes.values())


def isolated(support):
    """Latents j for which the intersection of the supports of all rows that contain j is {j}; shape (d_z,), bool.

    This is the condition of structural sparsity, sufficient for element-wise identification without complements.
    """
    support = np.asarray(support, bool)
    return np.array([support[support[:, j]].all(0).sum() == 1 for j in range(support.shape[1])])


@dataclass(frozen=True)
class World:
    """A mixture x = h + nonlin tanh(2 h + shift), h = W z, standardised; see `draw_world`."""

    support: np.ndarray
    weights: np.ndarray
    shifts: np.ndarray
    nonlin: float
    source: str
    centre: np.ndarray
    scale: np.ndarray

    def sample(self, n, rng):
        """Latents (n, d_z) and observed variables (n, d_x)."""
        z = _sources(n, self.support.shape[1], self.source, rng)
        return z, self.mix(z)

    def mix(self, z):
        """Observed variables (n, d_x) of latents (n, d_z)."""
        h = z @ self.weights.T
        return (h + self.nonlin * np.tanh(2 * h + self.shifts) - self.centre) / self.scale

    def jacobian(self, z):
        """Partial derivatives of x with respect to z, shape (n, d_x, d_z)."""
        slope = 1 + 2 * self.nonlin / np.cosh(2 * z @ self.weights.T + self.shifts) ** 2
        return (slope / self.scale)[:, :, None] * self.weights


def draw_world(support, rng, *, nonlin=0.5, source="gaussian", quiet=False):
    """Draw a mixture with the given support; its blocks of rows are well conditioned.

    Parameters
    ----------
    support : array_like of bool, shape (d_x, d_z)
        m rows with the same k latents share W = first k columns of a random orthogonal matrix times sqrt(m / k).
    rng : numpy.random.Generator
    nonlin : float
        Size of the tanh part, at least 0; 0 is linear.
    source : {"gaussian", "laplace", "uniform"}
        Law of the latents, unit variance, independent.
    quiet : bool
        Do not warn when some latents are identifiable as a block only.

    Raises
    ------
    ValueError
        With fewer observed variables than latents, an empty row or column of the support, an unknown source, or a
        negative ``nonlin``.
    """
    support = np.asarray(support, bool)
    d_x, d_z = support.shape
    if d_x < d_z:
        raise ValueError(f"support has d_x = {d_x} rows for d_z = {d_z} latents: the mixture needs d_x >= d_z")
    for axis, name in ((1, "row"), (0, "column")):
        empty = np.flatnonzero(~support.any(axis)).tolist()
        if empty:
            raise ValueError(f"support has no entry in {name} {empty}: drop it or give it at least one entry")
    if source not in SOURCES:
        raise ValueError(f"source = {source!r}: choose one of {SOURCES}")
    if nonlin < 0:
        raise ValueError(f"nonlin = {nonlin}: choose 0 (linear) or a positive size")
    mixed = [set(block) for block in blocks(support) if len(block) > 1]
    if mixed and not quiet:
        warnings.warn(f"latents {', '.join(map(str, mixed))} only identifiable as a block", stacklevel=2)
    weights = np.zeros((d_x, d_z))
    for row in np.unique(support, axis=0):
        rows, columns = np.flatnonzero((support == row).all(1)), np.flatnonzero(row)
        size = max(len(rows), len(columns))
        orthogonal = np.linalg.qr(rng.standard_normal((size, size)))[0] * np.sqrt(size / len(columns))
        weights[np.ix_(rows, columns)] = orthogonal[: len(rows), : len(columns)]
    shifts = rng.normal(0, 0.5, d_x)
    raw = World(support, weights, shifts, nonlin, source, np.zeros(d_x), np.ones(d_x))
    x = raw.sample(20000, rng)[1]
    return World(support, weights, shifts, nonlin, source, x.mean(0), x.std(0))


def _sources(n, d_z, source, rng):
    if source == "gaussian":
        return rng.standard_normal((n, d_z))
    if source == "laplace":
        return rng.laplace(0, np.sqrt(0.5), (n, d_z))
    return rng.uniform(-np.sqrt(3), np.sqrt(3), (n, d_z))


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
