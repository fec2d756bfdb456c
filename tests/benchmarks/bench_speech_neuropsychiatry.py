"""Bootstrap of the class F1 of 36 people, 2,000 resamples: one product against scikit-learn, resample by resample."""

import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.foundations.resampling import resample_weights
from sklearn.metrics import f1_score

pytestmark = pytest.mark.benchmark(group="bootstrap of class F1, 36 people, 2,000 resamples")
NAMES = np.array(["TD", "DEPR", "ASD", "SCHZ"])


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(0)
    return rng.choice(NAMES, 36), rng.choice(NAMES, 36), resample_weights(36, n_draws=2000, rng=rng)


def loop(truth, guess, weights):
    people = np.arange(len(truth))
    drawn = (np.repeat(people, row) for row in weights)
    return np.array([f1_score(truth[d], guess[d], labels=NAMES, average=None, zero_division=0) for d in drawn])


def test_ours(benchmark, answers):
    truth, guess, weights = answers
    found = benchmark(metrics.class_f1, truth, guess, NAMES, weights)
    difference = np.abs(found[:200] - loop(truth, guess, weights[:200])).max()
    assert difference < 1e-12
    benchmark.extra_info.update(role="ours", label="weighted counts", agreement=f"max. difference {difference:.0e}")


def test_scikit_learn(benchmark, answers):
    benchmark.pedantic(loop, answers, rounds=1, iterations=1)
    benchmark.extra_info.update(role="peer", label="scikit-learn f1_score in a loop", agreement="")
