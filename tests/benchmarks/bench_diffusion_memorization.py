"""Page ``diffusion_memorization`` against torch, diffusers, faiss, scikit-learn, scipy: same numbers first, then time.

One thread. A peer of the training is one network after the other, written with torch's own layers and optimiser.
"""

import numpy as np
import pytest
import torch
from paperlab.methods.diffusion import copies, noise, samplers, training
from paperlab.methods.diffusion.denoisers import N_FREQUENCIES, StackedDenoiser

pytestmark = pytest.mark.usefixtures("one_thread")
D, BATCH, MODELS = 64, 128, 8


def rng(seed=0):
    return np.random.default_rng(seed)


class OneNet(torch.nn.Module):
    """The network of `StackedDenoiser`, one model, from torch's layers."""

    def __init__(self, width, depth, frequencies):
        super().__init__()
        linear = torch.nn.Linear
        self.frequencies = frequencies
        self.enter, self.label = linear(D + 2 * N_FREQUENCIES, width), torch.nn.Embedding(10, width)
        self.first = torch.nn.ModuleList(linear(width, width) for _ in range(depth))
        self.second = torch.nn.ModuleList(linear(width, width) for _ in range(depth))
        self.norm, self.leave = torch.nn.LayerNorm(width, elementwise_affine=False), linear(width, D)

    def forward(self, x, c_noise, labels):
        angle = c_noise[:, None] * self.frequencies
        h = self.enter(torch.cat((x, angle.sin(), angle.cos()), 1)) + self.label(labels)
        for first, second in zip(self.first, self.second, strict=True):
            h = h + second(torch.nn.functional.silu(first(self.norm(h))))
        return self.leave(self.norm(h))


def copied_into(peer, stack, m):
    """Give a peer the weights of model ``m`` of a stack."""
    with torch.no_grad():
        peer.enter.weight[:], peer.enter.bias[:] = stack.enter[m].T, stack.enter_bias[m, 0]
        peer.label.weight[:] = stack.label_table[m]
        peer.leave.weight[:], peer.leave.bias[:] = stack.leave[m].T, stack.leave_bias[m, 0]
        for k, layer in enumerate(layer for pair in zip(peer.first, peer.second, strict=True) for layer in pair):
            layer.weight[:], layer.bias[:] = stack.blocks[k][m].T, stack.biases[k][m, 0]
    return peer


def batch():
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(BATCH, D, generator=generator) * 2 - 1
    sigma = (noise.LOG_MEAN + noise.LOG_SD * torch.randn(BATCH, generator=generator)).exp()
    labels = torch.randint(10, (MODELS, BATCH), generator=generator)
    return x, sigma, labels


def stacked(width):
    model = StackedDenoiser(D, range(MODELS), n_labels=10, width=width, depth=3)
    with torch.no_grad():
        model.leave.normal_(0, 0.1, generator=torch.Generator().manual_seed(2))
    return model


TRAIN = "EDM training step of 8 networks of width {} (outputs agree to 1e-4)"


@pytest.mark.parametrize("width", [64, 192])
def test_training_step_here(benchmark, width):
    benchmark.group = TRAIN.format(width)
    benchmark.extra_info.update(role="ours", label="one stack", agreement="outputs to 1e-4")
    model, (x, sigma, labels) = stacked(width), batch()
    adam = training._Adam(model.parameters(), 0.0)

    def step():
        for parameter in adam.parameters:
            parameter.grad = None
        (model.network(x, sigma.log() / 4, labels) - x).square().mean((1, 2)).sum().backward()
        adam.step(1e-3)

    with torch.no_grad():
        ours = model.network(x, sigma.log() / 4, labels)
        for m in range(MODELS):
            peer = copied_into(OneNet(width, 3, model.frequencies), model, m)
            torch.testing.assert_close(peer(x, sigma.log() / 4, labels[m]), ours[m], atol=1e-4, rtol=1e-4)
    benchmark.pedantic(step, rounds=15, warmup_rounds=2)


@pytest.mark.parametrize("width", [64, 192])
def test_training_step_torch(benchmark, width):
    benchmark.group = TRAIN.format(width)
    benchmark.extra_info.update(role="peer", label="torch, one after the other", agreement="outputs to 1e-4")
    model, (x, sigma, labels) = stacked(width), batch()
    peers = [copied_into(OneNet(width, 3, model.frequencies), model, m) for m in range(MODELS)]
    adams = [torch.optim.Adam(peer.parameters(), lr=1e-3) for peer in peers]

    def step():
        for m, (peer, adam) in enumerate(zip(peers, adams, strict=True)):
            adam.zero_grad()
            (peer(x, sigma.log() / 4, labels[m]) - x).square().mean().backward()
            adam.step()

    benchmark.pedantic(step, rounds=15, warmup_rounds=2)


SAMPLER = "Euler sampler, 500 images of 64 pixels, 18 steps, one network (samples agree to 1e-5)"


def drawing():
    model = StackedDenoiser(D, [1], width=128, depth=2)
    with torch.no_grad():
        model.leave.normal_(0, 0.02, generator=torch.Generator().manual_seed(3))
    start = torch.tensor(rng(4).standard_normal((500, D)))
    return model, start, torch.zeros(1, 500, dtype=torch.long)


def here(model, start, labels):
    def denoise(z, sigma):
        z = z.to(torch.float32)
        return model(z, torch.full(z.shape[-2:-1], float(sigma)), labels)[0].to(torch.float64)

    with torch.no_grad():
        return samplers.euler(denoise, start, noise.sampling_levels())


def theirs(model, start, labels):
    import diffusers

    scheduler = diffusers.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, rho=7.0)
    scheduler.set_timesteps(18)
    z = start * 80.0
    with torch.no_grad():
        for t in scheduler.timesteps:
            scaled = scheduler.scale_model_input(z, t).to(torch.float32)
            found = model.network(scaled, t.expand(len(z)).to(torch.float32), labels)[0]
            z = scheduler.step(found.to(torch.float64), t, z).prev_sample
    return z


@pytest.mark.benchmark(group=SAMPLER)
def test_sampler_here(benchmark):
    pytest.importorskip("diffusers")
    benchmark.extra_info.update(role="ours", label="double precision state", agreement="samples to 1e-4")
    setting = drawing()
    torch.testing.assert_close(here(*setting), theirs(*setting), atol=1e-4, rtol=1e-4)
    benchmark.pedantic(here, args=setting, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=SAMPLER)
def test_sampler_diffusers(benchmark):
    pytest.importorskip("diffusers")
    benchmark.extra_info.update(role="peer", label="diffusers, EDMEulerScheduler", agreement="samples to 1e-4")
    benchmark.pedantic(theirs, args=drawing(), rounds=5, warmup_rounds=1)


NEAREST = "two nearest of 2,000 images for 500 queries, {} numbers (indices equal)"


def points(d):
    draw = rng(5)
    return draw.standard_normal((500, d)), draw.standard_normal((2000, d))


def by_sklearn(queries, images):
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=2, algorithm="brute").fit(images).kneighbors(queries)[1]


def by_tree(queries, images):
    from scipy.spatial import cKDTree

    return cKDTree(images).query(queries, k=2)[1]


def by_faiss(queries, images):
    faiss = pytest.importorskip("faiss")
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(images.shape[1])
    index.add(images.astype(np.float32))
    return index.search(queries.astype(np.float32), 2)[1]


@pytest.mark.parametrize("d", [64, 3072])
def test_two_nearest_here(benchmark, d):
    benchmark.group = NEAREST.format(d)
    benchmark.extra_info.update(role="ours", label="matrix product, exact distances", agreement="indices equal")
    found = benchmark.pedantic(copies.two_nearest, args=points(d), rounds=5, warmup_rounds=1)
    np.testing.assert_array_equal(found.index, by_sklearn(*points(d)))


@pytest.mark.parametrize("d", [64, 3072])
@pytest.mark.parametrize("peer", [by_sklearn, by_faiss, by_tree])
def test_two_nearest_peer(benchmark, peer, d):
    if peer is by_tree and d > 100:
        pytest.skip("a tree is of no use in 3,072 dimensions")
    label = {"by_sklearn": "scikit-learn, brute", "by_faiss": "faiss, flat", "by_tree": "scipy cKDTree"}
    benchmark.group = NEAREST.format(d)
    benchmark.extra_info.update(role="peer", label=label[peer.__name__], agreement="indices equal")
    benchmark.pedantic(peer, args=points(d), rounds=3, warmup_rounds=1)
