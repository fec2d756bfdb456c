"""Page ``matrix_sensing``: all settings side by side against one numpy loop per setting and against torch.

One process, one thread; the numbers are compared before the time.
"""

import time

import numpy as np
import pytest
from paperlab.methods.low_rank import factorization, sensing
from paperlab.methods.low_rank.factorization import Setting
from threadpoolctl import threadpool_limits

N, R, STEPS, TARGET = 50, 3, 1000, 5.0
SENSING_N, SENSING_M, SENSING_STEPS = 30, 600, 200
SCALES = np.linspace(0.05, 0.4, 5)
BATCH = [
    *[Setting(k, a, 0.25, symmetric=True) for k in (3, 4, 6) for a in SCALES],
    *[Setting(6, a, 0.25) for a in SCALES],
    *[Setting(6, a, 0.25, beta=1.0) for a in SCALES],
    *[Setting(6, a, 0.25, damping=1.0) for a in SCALES],
]
SENSED = [
    Setting(s.k, s.alpha, 0.15, s.balance, s.symmetric, s.beta, s.trigger, s.damping)
    for s in BATCH
    if s.damping is None
]


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(2021)
    return factorization.draw_target(N, N, R, 2.0, rng=rng), factorization.draw_start(N, N, 6, rng=rng)


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(2021)
    target = factorization.draw_target(SENSING_N, SENSING_N, R, 2.0, rng=rng)
    start = factorization.draw_start(SENSING_N, SENSING_N, 6, rng=rng)
    return sensing.draw_measurements(SENSING_N, SENSING_N, SENSING_M, rng=rng), target, start


def loop(matrix, settings, start, n_steps, normal=None):
    """One setting after the other, n x n matrices, as the equations are printed."""
    out = np.empty((len(settings), n_steps + 1))
    for i, s in enumerate(settings):
        f, g = s.initial(start)
        waiting = s.beta > 0
        for t in range(n_steps + 1):
            d = f @ g.T - matrix
            out[i, t] = np.sqrt(np.vdot(d, d))
            if waiting and out[i, t] < s.trigger:
                f, g = factorization.imbalance_step(f, g, s.beta)
                waiting = False
            e = d if normal is None else (normal @ d.ravel()).reshape(d.shape)
            if s.symmetric:
                e = (e + e.T) / 2 if normal is not None else e
                f = f - s.eta * e @ f
                g = f
                continue
            df, dg = e @ g, e.T @ f
            if s.damping is not None:
                ridge = max(s.damping * out[i, t], 1e-14) * np.eye(s.k)
                df, dg = np.linalg.solve(g.T @ g + ridge, df.T).T, np.linalg.solve(f.T @ f + ridge, dg.T).T
            f, g = f - s.eta * df, g - s.eta * dg
    return out


def torch_batch(matrix, settings, start, n_steps):
    """All settings stacked in torch, zero-padded to six columns (no preconditioning), n x n matrices."""
    import torch

    torch.set_num_threads(1)
    size = len(settings)
    f, g = torch.zeros(size, N, 6, dtype=torch.float64), torch.zeros(size, N, 6, dtype=torch.float64)
    for i, s in enumerate(settings):
        f0, g0 = s.initial(start)
        f[i, :, : s.k], g[i, :, : s.k] = torch.from_numpy(f0), torch.from_numpy(g0)
    eta = torch.tensor([s.eta for s in settings], dtype=torch.float64)[:, None, None]
    mirror = torch.tensor([s.symmetric for s in settings])
    goal = torch.from_numpy(matrix)
    out = torch.empty(n_steps + 1, size, dtype=torch.float64)
    with torch.no_grad():
        for t in range(n_steps + 1):
            d = f @ g.transpose(1, 2) - goal
            out[t] = torch.linalg.norm(d, dim=(1, 2))
            df, dg = d @ g, d.transpose(1, 2) @ f
            f = f - eta * df
            g = torch.where(mirror[:, None, None], f, g - eta * dg)
    return out.numpy().T


def best(function, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def agrees(found, expected):
    """Largest difference of two tables of errors of a matrix of norm one."""
    worst = float(np.abs(found - expected).max())
    assert worst < 1e-9
    return f"max. difference {worst:.0e}"


GROUP = "30 descents, n = 50, 1,000 steps (full observation)"


@pytest.mark.benchmark(group=GROUP)
def test_batch(benchmark, world):
    target, start = world
    found = benchmark.pedantic(
        lambda: factorization.descend(target, BATCH, start, STEPS).errors, rounds=5, warmup_rounds=1
    )
    note = agrees(found[:, :201], loop(target.matrix, BATCH, start, 200))
    benchmark.extra_info.update(role="ours", label="all settings in one call", agreement=note)


@pytest.mark.benchmark(group=GROUP)
def test_numpy_loop(benchmark, world):
    target, start = world
    found = benchmark.pedantic(loop, args=(target.matrix, BATCH, start, STEPS), rounds=2)
    note = agrees(factorization.descend(target, BATCH, start, STEPS).errors, found)
    benchmark.extra_info.update(role="peer", label="numpy, one setting at a time", agreement=note)


PLAIN_GROUP = "20 plain descents, n = 50, 1,000 steps (full observation)"
PLAIN = [s for s in BATCH if not s.beta and s.damping is None]


@pytest.mark.benchmark(group=PLAIN_GROUP)
def test_plain_batch(benchmark, world):
    target, start = world
    benchmark.pedantic(lambda: factorization.descend(target, PLAIN, start, STEPS), rounds=5, warmup_rounds=1)
    benchmark.extra_info.update(role="ours", label="all settings in one call", agreement="as in the row of torch")


@pytest.mark.benchmark(group=PLAIN_GROUP)
def test_torch_batch(benchmark, world):
    pytest.importorskip("torch")
    target, start = world
    found = benchmark.pedantic(torch_batch, args=(target.matrix, PLAIN, start, STEPS), rounds=2)
    note = agrees(factorization.descend(target, PLAIN, start, STEPS).errors, found)
    benchmark.extra_info.update(role="peer", label="torch, stacked (CPU)", agreement=note)


SENSING_GROUP = "25 descents from 600 measurements, n = 30, 200 steps"


@pytest.mark.benchmark(group=SENSING_GROUP)
def test_sensing_batch(benchmark, measured):
    data, target, start = measured
    found = benchmark.pedantic(sensing.descend, args=(data, target, SENSED, start, SENSING_STEPS), rounds=3).errors
    note = agrees(found, loop(target.matrix, SENSED, start, SENSING_STEPS, data.normal))
    benchmark.extra_info.update(role="ours", label="one product with A'A for all settings", agreement=note)


@pytest.mark.benchmark(group=SENSING_GROUP)
def test_sensing_loop(benchmark, measured):
    data, target, start = measured
    found = benchmark.pedantic(loop, args=(target.matrix, SENSED, start, SENSING_STEPS, data.normal), rounds=3)
    note = agrees(sensing.descend(data, target, SENSED, start, SENSING_STEPS).errors, found)
    benchmark.extra_info.update(role="peer", label="numpy, one setting at a time", agreement=note)


def test_batch_is_five_times_faster_than_the_loop(world):
    target, start = world
    agrees(factorization.descend(target, BATCH, start, 300).errors, loop(target.matrix, BATCH, start, 300))
    slow = best(lambda: loop(target.matrix, BATCH, start, 300), 3)
    fast = best(lambda: factorization.descend(target, BATCH, start, 300), 5)
    print(f"\n30 descents: {slow / fast:.0f} times faster than the loop ({1e3 * fast:.0f} against {1e3 * slow:.0f} ms)")
    assert slow / fast >= TARGET
