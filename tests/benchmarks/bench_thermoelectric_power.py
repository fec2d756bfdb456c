"""Permutation importance of 36 columns for bagging on 60 test parts: one prediction against one per shuffle."""

import numpy as np
import pytest
from paperlab.methods.foundations.resampling import splits
from paperlab.methods.prediction import classifiers, powder_bed
from sklearn.inspection import permutation_importance

REPEATS = 5
pytestmark = pytest.mark.benchmark(group="permutation importance, 36 columns, 5 shuffles")


@pytest.fixture(scope="module")
def fitted():
    drawn = powder_bed.draw_parts(300, rng=np.random.default_rng(0))
    ((train, test),) = splits(300, 1, 0.2, rng=0)
    x, labels = drawn.features.to_numpy(), classifiers.classes(drawn.values, train)
    return classifiers.classifier("bagging", rng=0).fit(x[train], labels[train]), x[test], labels[test]


def test_ours(benchmark, fitted):
    found = benchmark.pedantic(
        classifiers.permutation_importance,
        fitted,
        {"rng": np.random.default_rng(0), "n_repeats": REPEATS},
        rounds=3,
        iterations=1,
        warmup_rounds=1,
    )
    theirs = permutation_importance(*fitted, n_repeats=REPEATS, random_state=0).importances
    error = np.sqrt((found.var(1) + theirs.var(1)) / REPEATS)
    assert (np.abs(found.mean(1) - theirs.mean(1)) < 4.5 * error + 1e-9).all()
    benchmark.extra_info.update(
        role="ours", label="all copies in one prediction", agreement="within 4.5 standard errors"
    )


def test_scikit_learn(benchmark, fitted):
    benchmark.pedantic(
        permutation_importance,
        fitted,
        {"n_repeats": REPEATS, "random_state": 0},
        rounds=1,
        iterations=1,
        warmup_rounds=0,
    )
    benchmark.extra_info.update(role="peer", label="scikit-learn, one prediction per shuffle", agreement="")
