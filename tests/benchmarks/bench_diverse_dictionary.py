"""Page ``diverse_dictionary``: the closed-form Jacobian against torch.func, and a stack of networks against a loop.

One process, one thread; the numbers are compared before the time.
"""

import numpy as np
import pytest
import torch
from paperlab.methods.foundations.nets import StackedMLP
from paperlab.methods.representation import dictionary, simulate_mixtures
from paperlab.methods.representation.dictionary import Job, Training

pytestmark = pytest.mark.usefixtures("one_thread")


JACOBIAN = "Jacobian of a decoder 4-48-48-16 at 256 points"


@pytest.fixture(scope="module")
def decoder():
    return StackedMLP([4, 48, 48, 16], [0]), torch.randn(256, 4, generator=torch.Generator().manual_seed(1))


def by_torch(network, z):
    return torch.func.vmap(torch.func.jacrev(lambda point: network(point[None])[0, 0]))(z)


def largest_difference(network, z):
    worst = float((network.with_jacobian(z)[1][0] - by_torch(network, z)).abs().max())
    assert worst < 1e-5
    return f"max. difference {worst:.0e}"


@pytest.mark.benchmark(group=JACOBIAN)
def test_closed_form(benchmark, decoder):
    note = largest_difference(*decoder)
    benchmark(lambda: decoder[0].with_jacobian(decoder[1]))
    benchmark.extra_info.update(role="ours", label="product of masked matrices", agreement=note)


@pytest.mark.benchmark(group=JACOBIAN)
def test_jacrev(benchmark, decoder):
    note = largest_difference(*decoder)
    benchmark(lambda: by_torch(*decoder))
    benchmark.extra_info.update(role="peer", label="torch.func.jacrev with vmap", agreement=note)


TRAINING = "8 autoencoders with sparse Jacobian, 100 steps"


@pytest.fixture(scope="module")
def jobs():
    rng = np.random.default_rng(1)
    support = simulate_mixtures.make_support("ring", 4, rng=rng)
    x = simulate_mixtures.draw_world(support, rng=rng).sample(2000, rng=rng).x
    return [Job(x, x[:200], "jac_l1", 0.2, seed) for seed in range(8)]


def stacked(jobs, n_steps=100):
    return dictionary.train_vaes(jobs, 4, Training(n_steps=n_steps), rng=np.random.default_rng(2))


def looped(jobs, n_steps=100):
    return [stacked([job], n_steps)[0] for job in jobs]


def same_codes(jobs):
    worst = max(np.abs(a.z - b.z).max() for a, b in zip(stacked(jobs, 20), looped(jobs, 20), strict=True))
    assert worst < 1e-3
    return f"max. difference of codes after 20 steps {worst:.0e}"


@pytest.mark.benchmark(group=TRAINING)
def test_stack(benchmark, jobs):
    note = same_codes(jobs)
    benchmark.pedantic(stacked, args=(jobs,), rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(role="ours", label="one stack", agreement=note)


@pytest.mark.benchmark(group=TRAINING)
def test_loop(benchmark, jobs):
    note = same_codes(jobs)
    benchmark.pedantic(looped, args=(jobs,), rounds=2)
    benchmark.extra_info.update(role="peer", label="one network at a time", agreement=note)
