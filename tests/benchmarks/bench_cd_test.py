"""The CD* kernel against a loop over replications and pairs, and its principal components against two peers.

Everything runs in one process with one BLAS thread. Results are compared before any time is.
"""

import time

import numpy as np
import pytest
from paperlab.methods.foundations.components import principal_components
from paperlab.methods.panel import dependence
from paperlab.methods.panel.simulate import Design, factor_panel
from threadpoolctl import threadpool_limits

N, T, M, REPS = 500, 100, 2, 20
TARGET = 50.0


def draw(n, t):
    return [factor_panel(Design(n, t, (1.0, 1.0)), rng=np.random.default_rng([2021, r])).y for r in range(REPS)]


@pytest.fixture(scope="module")
def panels():
    return draw(N, T)


@pytest.fixture(scope="module")
def small_panels():
    return draw(100, 100)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


def kernel(panels):
    left = [dependence.factor_residuals(y, M) for y in panels]
    return np.array([(one.cd, one.theta, one.cd_star) for one in left])


def residuals_by_loop(y):
    y = y - y.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(y.T @ y)
    f = np.sqrt(y.shape[1]) * vectors[:, -M:]
    gamma = y @ f / y.shape[1]
    e = y - gamma @ f.T
    return e, np.sqrt((e**2).mean(axis=1)), gamma


def pairs_by_loop(z):
    """Sum of all pairwise correlations, one pair at a time."""
    total = 0.0
    for i in range(len(z)):
        for j in range(i + 1, len(z)):
            total += z[i] @ z[j]
    return total / z.shape[1]


def loop(panels):
    out = []
    for y in panels:
        e, sigma, gamma = residuals_by_loop(y)
        n, t = y.shape
        cd = np.sqrt(2 * t / (n * (n - 1))) * pairs_by_loop(e / sigma[:, None])
        phi = np.linalg.inv(gamma.T @ gamma / n) @ (gamma / sigma[:, None]).mean(axis=0)
        theta = 1 - np.mean((1 - sigma * (gamma @ phi)) ** 2)
        out.append((cd, theta, (cd + np.sqrt(t / 2) * theta) / (1 - theta)))
    return np.array(out)


def best(function, *args, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.benchmark(group="CD* over replications (n = 500, T = 100, 20 panels)")
def test_kernel(benchmark, panels):
    benchmark.extra_info.update(role="ours", label="CD* kernel", agreement="1e-7 relative")
    result = benchmark.pedantic(kernel, args=(panels,), rounds=5, warmup_rounds=1)
    assert result.shape == (REPS, 3)


@pytest.mark.benchmark(group="CD* over replications (n = 500, T = 100, 20 panels)")
def test_loop_over_replications_and_pairs(benchmark, panels):
    benchmark.extra_info.update(role="peer", label="numpy, loop over panels and pairs", agreement="1e-7 relative")
    result = benchmark.pedantic(loop, args=(panels,), rounds=1)
    assert result == pytest.approx(kernel(panels), rel=1e-7)


@pytest.mark.benchmark(group="CD* over replications (n = 100, T = 100, 20 panels)")
def test_kernel_small(benchmark, small_panels):
    benchmark.extra_info.update(role="ours", label="CD* kernel", agreement="1e-7 relative")
    benchmark.pedantic(kernel, args=(small_panels,), rounds=10, warmup_rounds=1)


@pytest.mark.benchmark(group="CD* over replications (n = 100, T = 100, 20 panels)")
def test_loop_small(benchmark, small_panels):
    benchmark.extra_info.update(role="peer", label="numpy, loop over panels and pairs", agreement="1e-7 relative")
    result = benchmark.pedantic(loop, args=(small_panels,), rounds=2)
    assert result == pytest.approx(kernel(small_panels), rel=1e-7)


def test_kernel_is_fifty_times_faster_than_the_loop(panels):
    assert loop(panels[:2]) == pytest.approx(kernel(panels[:2]), rel=1e-7)
    slow, fast = best(loop, panels[:5], rounds=2), best(kernel, panels[:5], rounds=10)
    print(
        f"\nCD* kernel: {slow / fast:.0f} times faster than the loop "
        f"({1e3 * fast / 5:.2f} against {1e3 * slow / 5:.0f} ms a panel)"
    )
    assert slow / fast >= TARGET


@pytest.fixture(scope="module")
def scores(panels):
    return dependence.factor_residuals(panels[0], M).z


@pytest.mark.benchmark(group="plain CD of given residuals (n = 500, T = 100)")
def test_cd_by_the_sum_over_units(benchmark, scores):
    benchmark.extra_info.update(role="ours", label="sum over units", agreement="1e-9 relative")
    benchmark(dependence.cd_statistic, scores)


def cd_by_matrix(z):
    corr = z @ z.T / z.shape[1]
    n = len(z)
    return np.sqrt(2 * z.shape[1] / (n * (n - 1))) * corr[np.triu_indices(n, 1)].sum()


@pytest.mark.benchmark(group="plain CD of given residuals (n = 500, T = 100)")
def test_cd_by_the_correlation_matrix(benchmark, scores):
    benchmark.extra_info.update(role="peer", label="numpy, correlation matrix", agreement="1e-9 relative")
    assert benchmark(cd_by_matrix, scores) == pytest.approx(dependence.cd_statistic(scores), rel=1e-9)


@pytest.mark.benchmark(group="plain CD of given residuals (n = 500, T = 100)")
def test_cd_by_hand_loop(benchmark, scores):
    benchmark.extra_info.update(role="peer", label="numpy, loop over pairs", agreement="1e-8 relative")
    total = benchmark.pedantic(pairs_by_loop, args=(scores,), rounds=2)
    assert np.sqrt(2 * T / (N * (N - 1))) * total == pytest.approx(dependence.cd_statistic(scores), rel=1e-8)


@pytest.fixture(scope="module")
def centred(panels):
    y = panels[0]
    return y - y.mean(axis=1, keepdims=True)


def same_up_to_sign(a, b):
    signs = np.sign((a * b).sum(axis=0))
    assert a * signs == pytest.approx(b, abs=1e-8)


@pytest.mark.benchmark(group="two principal components (n = 500, T = 100)")
def test_principal_components(benchmark, centred):
    benchmark.extra_info.update(
        role="ours", label="smaller Gram matrix, largest eigenvectors only", agreement="1e-8, up to sign"
    )
    f = benchmark(principal_components, centred, M).factors
    assert f.T @ f / T == pytest.approx(np.eye(M), abs=1e-10)


@pytest.mark.benchmark(group="two principal components (n = 500, T = 100)")
def test_peer_numpy_eigh(benchmark, centred):
    benchmark.extra_info.update(role="peer", label="numpy.linalg.eigh", agreement="1e-8, up to sign")

    def peer():
        _, vectors = np.linalg.eigh(centred.T @ centred)
        f = np.sqrt(T) * vectors[:, : -M - 1 : -1]
        return f, centred @ f / T

    same_up_to_sign(benchmark(peer)[0], principal_components(centred, M).factors)


@pytest.mark.benchmark(group="two principal components (n = 500, T = 100)")
def test_peer_statsmodels(benchmark, centred):
    benchmark.extra_info.update(role="peer", label="statsmodels PCA", agreement="1e-8, up to sign")
    from statsmodels.multivariate.pca import PCA

    def peer():
        return PCA(centred.T, ncomp=M, standardize=False, demean=False, normalize=True)

    f = benchmark(peer).factors
    same_up_to_sign(f * np.sqrt(T) / np.linalg.norm(f, axis=0), principal_components(centred, M).factors)
