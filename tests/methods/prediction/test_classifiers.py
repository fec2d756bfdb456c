import numpy as np
import pandas as pd
import pytest
from paperlab.methods.foundations import resampling
from paperlab.methods.prediction import classifiers as zoo
from sklearn.inspection import permutation_importance


def blobs(n, rng, shift=2.0):
    values = rng.standard_normal(n)
    return pd.DataFrame({"signal": shift * values + rng.standard_normal(n), "noise": rng.standard_normal(n)}), values


def test_every_model_beats_a_coin_where_there_is_a_signal():
    x, values = blobs(300, np.random.default_rng(0))
    found = zoo.compare(x, values, resampling.splits(300, 1, 0.3, 0), 0)
    assert list(found.columns) == [*zoo.OTHERS, *zoo.ENSEMBLES]
    assert found.min(axis=None) > 0.7


def test_cut_off_comes_from_the_training_part():
    values = np.array([0.0, 1, 2, 3, 100, 101, 102, 103])
    labels = zoo.classes(values, np.arange(4))
    assert labels.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert zoo.classes(values, np.arange(8)).tolist() == [0] * 4 + [1] * 4  # the wrong way: the test part moves the cut


def test_a_class_of_one_row_is_told():
    with pytest.raises(ValueError, match=r"class 1 has 0 training rows, at least 2 needed"):
        zoo.classes(np.zeros(10), np.arange(8))


def test_groups_are_never_split():
    groups = np.repeat(np.arange(20), 5)
    for train, test in resampling.splits(100, 5, 0.2, 0, groups):
        assert not set(groups[train]) & set(groups[test])
    assert any(set(groups[train]) & set(groups[test]) for train, test in resampling.splits(100, 5, 0.2, 0))
    with pytest.raises(ValueError, match="one group"):
        resampling.splits(10, 2, 0.2, 0, np.zeros(10))


def test_siblings_make_noise_look_like_knowledge():
    """Labels of groups are random: nothing can be learned, but a random split recognises the siblings."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(80), 4)
    values = rng.standard_normal(80)[groups]
    x = pd.DataFrame(rng.standard_normal((80, 3))[groups] + 0.01 * rng.standard_normal((320, 3)))
    accuracy = {
        kind: zoo.compare(x, values, resampling.splits(320, 6, 0.25, 0, g), 0, models=("tree",))["tree"].mean()
        for kind, g in (("random", None), ("group", groups))
    }
    assert accuracy["random"] > 0.9
    assert accuracy["group"] < 0.65


def test_winners_share_ties():
    table = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.9, 0.7, 0.6], "c": [0.1, 0.1, 0.7]})
    assert zoo.winners(table, ("a", "b", "c")).to_dict() == pytest.approx({"a": 2 / 3, "b": 1 / 6, "c": 1 / 6})
    assert zoo.winners(table, ("b", "c"))["b"] == pytest.approx(2 / 3)


def test_standard_error_allows_for_overlapping_splits():
    differences = np.random.default_rng(2).standard_normal(25)
    mean, plain = zoo.mean_and_error(differences)
    assert mean == pytest.approx(differences.mean())
    assert plain == pytest.approx(differences.std(ddof=1) / 5)
    assert zoo.mean_and_error(differences, 0.25)[1] == pytest.approx(differences.std(ddof=1) * np.sqrt(0.04 + 0.25))
    with pytest.raises(ValueError, match="at least two splits"):
        zoo.mean_and_error([0.1])


def test_permutation_importance_agrees_with_scikit_learn():
    x, values = blobs(400, np.random.default_rng(3))
    labels = zoo.classes(values, np.arange(400))
    model = zoo.classifier("logit", 0).fit(x.to_numpy(), labels)
    ours = zoo.permutation_importance(model, x, labels, np.random.default_rng(0), repeats=200)
    theirs = permutation_importance(model, x.to_numpy(), labels, n_repeats=200, random_state=0).importances
    error = np.sqrt(ours.var(1) / 200 + theirs.var(1) / 200)
    assert (np.abs(ours.mean(1) - theirs.mean(1)) < 4 * error + 1e-9).all()
    assert ours.mean(1)[0] > 0.3 > 0.05 > ours.mean(1)[1]


def test_columns_that_stand_in_for_each_other_have_to_be_shuffled_together():
    rng = np.random.default_rng(4)
    signal = rng.standard_normal(600)
    x = np.column_stack([signal, signal])
    labels = (signal > 0).astype(int)
    model = zoo.classifier("logit", 0).fit(x[:400], labels[:400])
    single = zoo.permutation_importance(model, x[400:], labels[400:], rng, repeats=10).mean(1)
    both = zoo.permutation_importance(model, x[400:], labels[400:], rng, repeats=10, groups=[[0, 1]]).mean()
    assert both > 0.4
    assert single.max() < 0.35


def test_an_unknown_model_is_told():
    with pytest.raises(ValueError, match="model 'boost': choose one of logit, SVM"):
        zoo.classifier("boost", 0)
