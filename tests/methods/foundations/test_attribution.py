import itertools

import numpy as np
import pytest
import shap
from paperlab.methods.foundations import attribution

GROUPS = {"a": [0, 1], "b": [2], "c": [3]}


def curved(rows):
    return rows[:, 0] * rows[:, 2] + np.tanh(rows[:, 1]) * rows[:, 3] + rows[:, 3] ** 2


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    return rng.standard_normal((7, 4)), rng.standard_normal((7, 4))


def sampled(predict, x, background, groups, permutations, seed=0):
    rows, orders = attribution.coalitions(x, background, groups, np.random.default_rng(seed), permutations)
    values = predict(rows.reshape(-1, x.shape[1])).reshape(rows.shape[:3])
    return attribution.shapley(values, orders)


def test_occlusion_is_exact_for_an_additive_model(people):
    x, background = people
    weights = np.array([1.0, -2, 3, 0.5])
    found = attribution.occlusion(lambda rows: rows @ weights, x, background, GROUPS)
    terms = (x - background) * weights
    assert np.allclose(found, np.column_stack([terms[:, :2].sum(1), terms[:, 2], terms[:, 3]]))


def test_levels_of_one_question_are_summed_before_the_absolute_value():
    x = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0]])
    one_question = attribution.occlusion(lambda r: r @ [1, 1, 0, 0], x, x[::-1], {"q": [0, 1], "b": [2], "c": [3]})
    assert np.allclose(one_question, 0)  # another level with the same effect changes nothing
    apart = attribution.occlusion(lambda r: r @ [1, 1, 0, 0], x, x[::-1], {"q0": [0], "q1": [1], "b": [2], "c": [3]})
    assert np.abs(apart).sum() > 1  # the wrong way: the levels look important


def test_shapley_values_add_up(people):
    x, background = people
    found = sampled(curved, x, background, GROUPS, 3)
    assert np.allclose(found.sum(1), curved(x) - curved(background))


def test_shapley_values_agree_with_all_orders_and_with_shap(people):
    x, background = people
    groups = {str(j): [j] for j in range(4)}
    found = sampled(curved, x, background, groups, 2000)
    exact = np.zeros_like(found)
    for order in itertools.permutations(range(4)):
        row, before = background.copy(), curved(background)
        for j in order:
            row[:, j] = x[:, j]
            exact[:, j] += (curved(row) - before) / 24
            before = curved(row)
    peer = np.vstack(
        [shap.explainers.Exact(curved, b[None])(v[None]).values for v, b in zip(x, background, strict=True)]
    )
    assert np.allclose(exact, peer)
    assert np.abs(found - exact).max() < 0.12


def test_two_models_differ_by_less_than_the_bound(people):
    x, background = people
    rows, orders = attribution.coalitions(x, background, GROUPS, np.random.default_rng(1), 20)
    values = [
        f(rows.reshape(-1, 4)).reshape(rows.shape[:3])
        for f in (curved, lambda r: curved(r) + 0.1 * np.sin(5 * r[:, 0]))
    ]
    difference = np.abs(np.subtract(*[attribution.shapley(v, orders) for v in values])).max()
    assert 0 < difference <= 2 * np.abs(values[0] - values[1]).max()


def test_importance_and_agreement():
    found = attribution.importance(np.array([[1.0, -1, 0], [-3, 1, 0]]))
    assert found.sum() == pytest.approx(1)
    assert found[0] > found[1] > found[2] > 0
    assert attribution.rank_agreement([found, found, found[::-1]])[0].tolist() == pytest.approx([1, 1, -1])
    assert attribution.top_overlap([found, found, found[::-1]], 2) == pytest.approx((2 + 1 + 1) / 3)


@pytest.mark.parametrize(
    "groups, words",
    [
        ({"a": [0, 1], "b": [2], "c": []}, "factor 'c' has no column"),
        ({"a": [0, 1], "b": [2]}, "each of the 4 columns"),
        ({"a": [0, 1], "b": [1, 2], "c": [3]}, "each of the 4 columns"),
    ],
)
def test_groups_that_do_not_fit_are_told(people, groups, words):
    with pytest.raises(ValueError, match=words):
        attribution.occlusion(curved, *people, groups)
