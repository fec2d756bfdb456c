"""Permutation importance of 36 columns for bagging on 60 test parts: one prediction against one per shuffle."""

import numpy as np
import pytest
from paperlab.methods.foundations import resampling
from paperlab.methods.prediction import classifiers as zoo
from paperlab.methods.prediction import powder_bed as bed
from sklearn.inspection import permutation_importance

REPEATS = 5
pytestmark = pytest.mark.benchmark(group="permutation importance, 36 columns, 5 shuffles")


@pytest.fixture(scope="module")
def fitted():
    x, values = bed.draw_parts(300, np.random.default_rng(0))
    ((train, test),) = resampling.splits(300, 1, 0.2, 0)
    labels = zoo.classes(values, train)
    model = zoo.classifier("bagging", 0).fit(x.to_numpy()[train], labels[train])
    return model, x.to_numpy()[test], labels[test]


def test_ours(benchmark, fitted):
    found = benchmark.pedantic(
        zoo.permutation_importance,
        (*fitted, np.random.default_rng(0)),
        {"repeats": REPEATS},
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
