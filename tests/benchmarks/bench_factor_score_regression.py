"""Two-stage correction against one-stage ML of semopy, and stage 1 against statsmodels; one process, one thread."""

import time

import numpy as np
import pandas as pd
import pytest
import semopy
from paperlab.methods import factor_designs as fd
from paperlab.methods import factor_regression as fr
from paperlab.methods import measurement as mm
from statsmodels.multivariate.factor import Factor
from threadpoolctl import threadpool_limits

REPS = 8
NAMES = [f"{f}{j}" for f in "abc" for j in range(4)]
SPEC = "\n".join(f"{f.upper()} =~ " + " + ".join(f"{f}{j}" for j in range(4)) for f in "abc") + "\nC ~ A + B\nA ~~ B"
GROUP = "latent regression, n = 500, 12 items (8 data sets)"
STAGE = "one-factor ML, n = 500, 4 items"


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def data():
    return [fd.draw_items(fd.Design("linear", 500, 0.7), np.random.default_rng([2026, r])) for r in range(REPS)]


@pytest.fixture(scope="module")
def frames(data):
    return [pd.DataFrame(y, columns=NAMES) for y in data]


def two_stage(data):
    out = []
    for y in data:
        s, a, v = mm.factor_scores(y, mm.fit_measurement(y))
        out.append(fr.correct(mm.naive_regression(s), a, v, 100, 1000, np.empty((100, 4)))[0])
    return np.array(out)


def peer(frames, inspect=True):
    out = []
    for frame in frames:
        model = semopy.Model(SPEC)
        model.fit(frame)
        if inspect:
            est = model.inspect(std_est=True).set_index(["lval", "op", "rval"])["Est. Std"]
            phi = est.get(("A", "~~", "B"), est.get(("B", "~~", "A")))
            out.append([phi, est["C", "~", "A"], est["C", "~", "B"], est["C", "~~", "C"]])
    return np.array(out)


def best(function, *args, rounds):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function(*args)
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.benchmark(group=GROUP)
def test_two_stage(benchmark, data, frames):
    gap = two_stage(data) - peer(frames)
    assert np.abs(gap.mean(axis=0)).max() < 0.02 and np.abs(gap).max() < 0.08
    benchmark.extra_info.update(
        role="ours",
        label="stage 1, scores, 100 stochastic steps",
        agreement=f"mean difference {np.abs(gap.mean(axis=0)).max():.1e}",
    )
    benchmark.pedantic(two_stage, args=(data,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_one_stage_ml(benchmark, data, frames):
    ours = np.array([mm.confirmatory_ml(y) for y in data])
    gap = np.abs(ours - peer(frames)).max()
    assert gap < 5e-3
    benchmark.extra_info.update(role="ours", label="one-stage ML by EM", agreement=f"max. difference {gap:.1e}")
    benchmark.pedantic(lambda: [mm.confirmatory_ml(y) for y in data], rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group=GROUP)
def test_semopy(benchmark, frames):
    benchmark.extra_info.update(role="peer", label="semopy, one-stage ML, fit only", agreement="reference")
    benchmark.pedantic(peer, args=(frames, False), rounds=2)


def test_ten_times_semopy(data, frames):
    two_stage(data)
    slow, fast = best(peer, frames, False, rounds=2), best(two_stage, data, rounds=5)
    print(f"\ntwo-stage: {REPS / fast:.0f} data sets a second, semopy {REPS / slow:.1f}; ratio {slow / fast:.1f}")
    assert slow / fast >= 10


@pytest.mark.benchmark(group=STAGE)
def test_stage_one(benchmark, data):
    y = data[0][:, :4]
    other = np.abs(Factor(y, n_factor=1, method="ml").fit().loadings[:, 0] * y.std(axis=0))
    gap = np.abs(mm.fit_measurement(y, 1).loadings[0] - other).max()
    assert gap < 1e-3
    benchmark.extra_info.update(role="ours", label="EM", agreement=f"max. difference {gap:.1e}")
    benchmark(mm.fit_measurement, y, 1)


@pytest.mark.benchmark(group=STAGE)
def test_statsmodels(benchmark, data):
    benchmark.extra_info.update(role="peer", label="statsmodels Factor", agreement="reference")
    benchmark(lambda: Factor(data[0][:, :4], n_factor=1, method="ml").fit())
