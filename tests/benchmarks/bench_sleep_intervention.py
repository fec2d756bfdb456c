"""Advice for 120 people and ten habits: one sparse program for all against one program per person, both by HiGHS."""

import numpy as np
import pytest
from paperlab.methods.prediction import prescription

pytestmark = pytest.mark.benchmark(group="advice for 120 people, ten habits, three changes")


@pytest.fixture(scope="module")
def survey():
    rng = np.random.default_rng(0)
    return rng.normal(0.05, 0.1, (120, 10)), rng.integers(0, 5, (120, 10))


def one_by_one(value, levels):
    return np.vstack([prescription.prescribe(v[None], x[None], 3, 2) for v, x in zip(value, levels, strict=True)])


def test_together(benchmark, survey):
    steps = benchmark(prescription.prescribe, *survey, 3, 2)
    value = survey[0]
    difference = max(
        abs((value * steps).sum() - (value * other).sum())
        for other in (one_by_one(*survey), prescription.ranking(*survey, 3, 2))
    )
    assert difference < 1e-6
    benchmark.extra_info.update(role="ours", label="one sparse program", agreement=f"objective within {difference:.0e}")


def test_one_by_one(benchmark, survey):
    benchmark.pedantic(one_by_one, survey, rounds=2, iterations=1)
    benchmark.extra_info.update(role="peer", label="a program for each person", agreement="")


def test_sorting(benchmark, survey):
    benchmark(prescription.ranking, *survey, 3, 2)
    benchmark.extra_info.update(role="peer", label="sorting (this program only)", agreement="")
