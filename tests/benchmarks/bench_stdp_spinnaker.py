"""The spiking engine of page ``stdp_spinnaker`` against NEST and Brian2, both through the page's PyNN text.

The engine runs all 82 published cases (train, merge, search the factor, test 1,024 words). The simulators run five of
them in one batch, which is kinder to them than one by one, and their time per case is scaled to 82. Identified words
must be equal before times are compared; the simulators' learned weights are rounded to 1/256 as the hardware does,
since their all-to-all pairing leaves tails. Brian2 takes the delay as axonal and learns other weights, so it gets the
engine's weights and factors and is timed on the test of the words alone (its whole pipeline would be slower still).
"""

import time

import numpy as np
import pytest
from paperlab import datasets
from paperlab.methods.spiking import engine, formula, network, spinnaker, words

SAMPLE = [[992], [992, 1008], [992, 1020], [0, 7, 56], [0, 3, 60]]
TIMES = {}
GROUP = "spiking word network: 82 published cases, trained, searched and tested on 1,024 words"


def published_cases():
    tables = datasets.load("spinnaker_stdp")
    columns = ["Code Word 0", "Code Word 1", "Code Word 2"]
    cases = [[int(tables["metrics_1"]["Code Word 0"].iloc[0])]]
    cases += tables["metrics_2"][columns[:2]].to_numpy().tolist()
    return cases + tables["metrics_3"][columns].to_numpy().tolist()


@pytest.fixture(scope="module")
def compiled():
    return [engine.run_case(case) for case in SAMPLE]  # compiles, and is the reference of the agreement


@pytest.mark.benchmark(group=GROUP)
def test_engine_runs_the_whole_table(benchmark, compiled):
    cases = published_cases()
    assert len(cases) == 82
    results = benchmark.pedantic(lambda: [engine.run_case(case) for case in cases], rounds=3)
    assert sum(r.metrics.positives for r in results[:15]) == 1 + 2 * (2 + 4 + 8 + 16 + 32) + 64 + 128 + 256 + 512
    TIMES["engine"] = benchmark.stats.stats.median
    benchmark.extra_info.update(
        role="ours", label="spiking engine (numba), all 82 cases", agreement="pairs: 2^d words each"
    )


@pytest.mark.benchmark(group=GROUP)
def test_nest_runs_a_sample(benchmark, compiled):
    pytest.importorskip("nest")
    network.train(992, "nest")  # import and first set-up are not timed
    results = benchmark.pedantic(lambda: network.run_cases(SAMPLE, "nest", weight_grid=8), rounds=1)
    for ours, theirs in zip(compiled, results, strict=True):
        assert (ours.identified == theirs.identified).all()
    TIMES["nest"] = benchmark.stats.stats.median * 82 / len(SAMPLE)
    benchmark.extra_info.update(
        role="peer",
        label="NEST through PyNN, 5 cases in one batch, scaled to 82",
        agreement="same words, all 5",
        seconds=TIMES["nest"],
    )


@pytest.mark.benchmark(group=GROUP)
def test_brian2_tests_the_words_of_a_sample(benchmark, compiled):
    pytest.importorskip("brian2")
    network.train(992, "brian2")
    scale = formula.threshold("late_jump") / formula.threshold("current_step")  # an input does less in Brian2
    readouts = [(scale * c.factor * c.w1, scale * c.factor * c.w0) for c in compiled]
    fired = benchmark.pedantic(lambda: network.identify(words.all_words(10), readouts, "brian2"), rounds=1)
    for ours, theirs in zip(compiled, fired, strict=True):
        assert (ours.identified == theirs).all()
    TIMES["brian2"] = benchmark.stats.stats.median * 82 / len(SAMPLE)
    benchmark.extra_info.update(
        role="peer",
        label="Brian2 through PyNN, test of the words only, 5 cases in one batch, scaled to 82",
        agreement="same words, all 5",
        seconds=TIMES["brian2"],
    )


def test_engine_is_ten_times_faster_than_the_faster_simulator(compiled):
    peers = {name: seconds for name, seconds in TIMES.items() if name != "engine"}
    if "engine" not in TIMES or not peers:
        pytest.skip("needs the three timings of this file, run together")
    ratio = min(peers.values()) / TIMES["engine"]
    print(f"\n82 cases: engine {TIMES['engine']:.2f} s; scaled: {peers}; ratio {ratio:.0f}")
    assert ratio >= 10


def test_spynnaker_itself_chooses_the_fraction_bits_of_the_engine(compiled, tmp_path):
    pytest.importorskip("spynnaker")
    started = time.perf_counter()
    training = spinnaker.map_training(992, tmp_path / "training")
    assert training.fraction_bits[0][0] == training.fraction_bits[1][1] == 7
    for case in compiled[:2]:
        folder = tmp_path / "_".join(map(str, case.patterns))
        told = spinnaker.map_test(case.patterns[:1], case.factor * case.w1, case.factor * case.w0, folder)
        assert np.unique(told.fraction_bits).tolist() == [engine.drive_fraction_bits(case.w1, case.w0, case.factor)]
    print(f"\nthree mappings: {time.perf_counter() - started:.0f} s")
