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


def walk(x, background, groups, n_permutations, seed=0):
    rng = np.random.default_rng(seed)
    return attribution.coalitions(x, background, groups, n_permutations=n_permutations, rng=rng)


def sampled(predict, x, background, groups, n_permutations):
    found = walk(x, background, groups, n_permutations)
    return attribution.shapley(found.values(predict), found.orders)


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
    path = walk(x, background, GROUPS, 20, seed=1)
    values = [path.values(f) for f in (curved, lambda r: curved(r) + 0.1 * np.sin(5 * r[:, 0]))]
    difference = np.abs(np.subtract(*[attribution.shapley(v, path.orders) for v in values])).max()
    assert 0 < difference <= 2 * np.abs(values[0] - values[1]).max()


def test_a_walk_starts_at_the_background_and_ends_at_the_person(people):
    x, background = people
    path = walk(x, background, GROUPS, 4)
    assert path.rows.shape == (4, 4, 7, 4)
    assert (path.rows[:, 0] == background).all() and (path.rows[:, -1] == x).all()
    for rows, order in zip(path.rows, path.orders, strict=True):
        moved = [list(GROUPS.values())[factor] for factor in order]
        for step in range(3):
            changed = np.flatnonzero((rows[step + 1] != rows[step]).any(0))
            assert changed.tolist() == moved[step]


def test_a_factor_that_the_model_ignores_has_no_attribution_and_twins_share(people):
    x, background = people
    x[:, 3], background[:, 3] = x[:, 2], background[:, 2]
    found = sampled(lambda r: np.maximum(r[:, 2], r[:, 3]), x, background, {"a": [0, 1], "b": [2], "c": [3]}, 400)
    assert (found[:, 0] == 0).all()
    assert np.abs(found[:, 1] - found[:, 2]).max() < 0.3 * np.abs(found).max()


def test_importance_is_a_distribution_in_the_order_of_the_mean_sizes():
    found = attribution.importance(np.array([[1.0, -1, 0], [-3, 1, 0]]))
    assert found.sum() == pytest.approx(1)
    assert found == pytest.approx((np.array([2.0, 1, 0]) / 3 + 1e-4) / 1.0003)


@pytest.mark.parametrize("unit", [1e-12, 1e-5, 1e9])
def test_importance_has_no_unit(unit):
    phi = np.random.default_rng(1).standard_normal((20, 4)) * [1, 2, 3, 0]
    assert attribution.importance(unit * phi) == pytest.approx(attribution.importance(phi), rel=1e-12)


def test_agreement_is_spearmans_and_overlap_counts():
    one = np.array([0.6, 0.3, 0.1])
    assert attribution.rank_agreement([one, one, one[::-1]])[0].tolist() == pytest.approx([1, 1, -1])
    assert attribution.rank_agreement([[1, 2, 3, 4], [1, 2, 4, 3]])[0, 1] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert attribution.top_overlap([one, one, one[::-1]], n_top=2) == pytest.approx((2 + 1 + 1) / 3)
    assert attribution.top_overlap([one, one[::-1]], n_top=3) == 3


def test_independent_rankings_share_as_many_as_chance_says():
    rng = np.random.default_rng(2)
    found = attribution.top_overlap(rng.random((300, 18)))
    assert found == pytest.approx(25 / 18, abs=0.05)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: attribution.importance(np.zeros((3, 2))), "phi is zero everywhere"),
        (lambda: attribution.importance([[1.0, np.nan]]), "phi is nan in row 0"),
        (lambda: attribution.rank_agreement([[1.0, 2], [3, 3]]), "row 1 gives all factors the same importance"),
        (lambda: attribution.rank_agreement([[1.0, 2], [3, np.inf]]), "distributions is inf in row 1"),
        (lambda: attribution.rank_agreement([[1.0, 2]]), "two models or more"),
        (lambda: attribution.top_overlap(np.eye(3)), "n_top must lie between 1 and the 3 factors, got 5"),
        (lambda: attribution.shapley(np.zeros((2, 3, 4)), np.zeros((2, 3))), r"got \(2, 3, 4\) and \(2, 3\)"),
        (lambda: walk(np.ones((2, 4)), np.ones((3, 4)), GROUPS, 1), r"one background row for each, got \(2, 4\)"),
        (lambda: walk(np.ones((2, 4)), np.ones((2, 4)), GROUPS, 0), "n_permutations must be at least 1, got 0"),
        (lambda: walk([[1, np.nan, 0, 0]], np.ones((1, 4)), GROUPS, 1), "x is nan in row 0"),
        (lambda: attribution.occlusion(lambda r: r[:, 0] / 0, np.ones((1, 4)), np.ones((1, 4)), GROUPS), "predict"),
        (lambda: attribution.occlusion(lambda r: r, np.ones((1, 4)), np.ones((1, 4)), GROUPS), "one number per row"),
        (lambda: attribution.check_groups({}, 2), "groups is empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()


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
