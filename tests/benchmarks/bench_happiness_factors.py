"""Shapley values of a forest, 20 people, 18 factors: all coalitions in one call against the permutation explainer."""

import numpy as np
import pytest
import shap
from paperlab.methods.foundations import attribution
from sklearn.ensemble import RandomForestClassifier

pytestmark = pytest.mark.benchmark(group="Shapley values, forest, 20 people, 18 factors")
FACTORS, PEOPLE = 18, 20
GROUPS = {str(j): [j] for j in range(FACTORS)}


@pytest.fixture(scope="module")
def forest():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, FACTORS))
    y = (x[:, 0] + x[:, 1] * x[:, 2] + rng.standard_normal(2000) > 0).astype(int)
    model = RandomForestClassifier(60, min_samples_leaf=10, random_state=0).fit(x, y)
    return lambda rows: model.predict_proba(rows)[:, 1], x[:PEOPLE]


def ours(predict, x, orders):
    behind, rng = np.zeros_like(x), np.random.default_rng(0)
    walk = attribution.coalitions(x, behind, GROUPS, n_permutations=orders, rng=rng)
    return attribution.shapley(walk.values(predict), walk.orders)


def theirs(predict, x, orders):
    explainer = shap.explainers.Permutation(predict, np.zeros((1, FACTORS)), seed=0)
    return explainer(x, max_evals=orders * (FACTORS + 1) + 1, silent=True).values


def test_ours(benchmark, forest):
    found = benchmark.pedantic(ours, (*forest, 10), rounds=3, iterations=1, warmup_rounds=1)
    many, peer = ours(*forest, 200), theirs(*forest, 200)
    difference = np.abs(many - peer).max()
    assert difference < 0.02
    assert np.abs(found.sum(1) - peer.sum(1)).max() < 1e-10
    benchmark.extra_info.update(
        role="ours", label="all coalitions at once", agreement=f"max. difference {difference:.3f}"
    )


def test_shap(benchmark, forest):
    benchmark.pedantic(theirs, (*forest, 10), rounds=2, iterations=1, warmup_rounds=0)
    benchmark.extra_info.update(role="peer", label="shap, permutation explainer", agreement="")
