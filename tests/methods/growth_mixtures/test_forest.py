"""Score tests, trees and forests of growth curves."""

import numpy as np
import pytest
from paperlab.methods.growth_mixtures import forest, simulate
from paperlab.methods.growth_mixtures.fit import fit
from paperlab.methods.growth_mixtures.mixture import Mixture

RNG = np.random.default_rng


def draw(n=200, seed=1, **design):
    return simulate.simulate(simulate.truth(**design), n, rng=RNG(seed)).data


@pytest.fixture(scope="module")
def data():
    return draw()


def test_score_statistic_of_noise_is_a_chi_square():
    rng = RNG(3)
    half, stats = np.r_[np.zeros(100), np.ones(100)][:, None], []
    for _ in range(100):
        stats.append(forest.score_statistics(rng.standard_normal((200, 4)), half, 50).statistic[0])
    assert np.mean(stats) == pytest.approx(4, abs=0.9)


def test_score_statistic_is_hotellings_distance_of_the_two_sides():
    rng = RNG(0)
    scores, x = rng.standard_normal((60, 3)), np.r_[np.zeros(25), np.ones(35)][:, None]
    scores[:25] += 1.0
    found = forest.score_statistics(scores, x, 10)
    centred = scores - scores.mean(axis=0)
    total = centred[:25].sum(axis=0)
    expected = total @ np.linalg.solve(centred.T @ centred / 60, total) * 60 / (25 * 35)
    assert found.statistic[0] == pytest.approx(expected)
    assert found.cut[0] == 0.5


def test_units_of_scores_and_covariates_do_not_matter():
    rng = RNG(0)
    scores, x = rng.standard_normal((200, 4)), rng.standard_normal((200, 3))
    a = forest.score_statistics(scores, x, 20)
    b = forest.score_statistics(scores * [1e-9, 1.0, 1e5, -1e7], 1e-9 * x, 20)
    assert b.statistic == pytest.approx(a.statistic)
    assert b.cut == pytest.approx(1e-9 * a.cut)


def test_a_column_without_an_allowed_cut_is_left_out():
    scores = RNG(0).standard_normal((40, 2))
    lonely = np.r_[1.0, np.zeros(39)]
    found = forest.score_statistics(scores, np.column_stack([lonely, np.ones(40), np.arange(40.0)]), 5)
    assert found.statistic[:2].tolist() == [-np.inf, -np.inf]
    assert 4.5 <= found.cut[2] <= 34.5


def test_a_tree_splits_where_the_curve_changes(data):
    plain = data.with_model("FMM")
    x = np.column_stack([RNG(0).standard_normal((200, 3)), data.x @ [1.0, 1.5]])
    tree = forest.grow_tree(plain, x, rng=RNG(0), depth=1)
    assert tree.column == 3
    one = fit(plain, 1, rng=RNG(0), n_starts=1)
    assert forest.tree_loglik(tree, plain, x).sum() > one.loglik


def test_a_tree_without_splits_is_one_curve(data):
    plain, x = data.with_model("FMM"), RNG(0).standard_normal((200, 2))
    tree = forest.grow_tree(plain, x, rng=RNG(0), depth=0)
    mixture = Mixture(plain, 1)
    mixture.loglik(tree)
    assert forest.tree_loglik(tree, plain, x) == pytest.approx(mixture.posterior.persons)
    high = forest.grow_tree(plain, x, rng=RNG(0), depth=2, threshold=1e9)
    assert not isinstance(high, forest.Split)


def test_leaves_hold_the_persons_that_belong_there(data):
    plain, x = data.with_model("FMM"), data.x
    tree = forest.grow_tree(plain, x, rng=RNG(0), depth=1)
    left = x[:, tree.column] <= tree.cut
    assert min(left.sum(), (~left).sum()) >= 50
    out = forest.tree_loglik(tree, plain, x)
    for side, leaf in ((left, tree.left), (~left, tree.right)):
        mixture = Mixture(plain.rows(side), 1, smooth=Mixture(plain, 1).smooth)
        mixture.loglik(leaf)
        assert out[side] == pytest.approx(mixture.posterior.persons)


def test_forest_ranks_a_covariate_above_noise():
    data = draw(300, r2=(0.4, 0.4), separation=0)
    x = np.column_stack([RNG(0).standard_normal((300, 3)), data.x @ [1.0, 1.5]])
    loss = forest.forest_importance(data.with_model("FMM"), x, rng=RNG(1), n_trees=6).mean(axis=0)
    assert loss.argmax() == 3


def test_the_same_generator_grows_the_same_forest_and_no_other_is_used(data):
    plain, x = data.with_model("FMM"), data.x
    np.random.seed(0)  # noqa: NPY002
    a = forest.forest_importance(plain, x, rng=RNG(1), n_trees=2)
    np.random.seed(1)  # noqa: NPY002
    b = forest.forest_importance(plain, x, rng=RNG(1), n_trees=2)
    assert np.array_equal(a, b)
    assert not np.array_equal(a, forest.forest_importance(plain, x, rng=RNG(2), n_trees=2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": np.zeros((5, 2))}, "same persons"),
        ({"x": np.where(np.arange(400).reshape(200, 2) == 31, np.nan, 1.0)}, "x is nan in row 15"),
        ({"min_leaf": 90}, "allow no split"),
        ({"share": 1.0}, "allow no split"),
        ({"n_try": 3}, "n_try from 1 to the 2 columns"),
        ({"n_try": 0}, "n_try from 1 to the 2 columns"),
        ({"n_trees": 0}, "n_trees must be at least 1"),
    ],
)
def test_forests_that_cannot_grow_are_refused(data, change, words):
    with pytest.raises(ValueError, match=words):
        forest.forest_importance(data, **({"x": data.x, "rng": RNG(0)} | change))


def test_scores_that_are_missing_are_refused():
    with pytest.raises(ValueError, match="scores is nan in row 2"):
        forest.score_statistics(np.where(np.arange(40) == 2, np.nan, 1.0)[:, None], np.ones((40, 1)), 5)
    with pytest.raises(ValueError, match="one row for each of the 40 persons"):
        forest.score_statistics(np.ones((40, 1)), np.ones((30, 1)), 5)
