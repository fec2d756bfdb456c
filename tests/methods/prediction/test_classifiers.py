"""Models that beat a coin, cut-offs from training, splits by group, importances that can stand in for each other."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.foundations.resampling import splits
from paperlab.methods.prediction import classifiers
from sklearn.inspection import permutation_importance


def blobs(n, rng, shift=2.0):
    values = rng.standard_normal(n)
    return pd.DataFrame({"signal": shift * values + rng.standard_normal(n), "noise": rng.standard_normal(n)}), values


def test_every_model_beats_a_coin_where_there_is_a_signal():
    x, values = blobs(300, np.random.default_rng(0))
    found = classifiers.compare(x, values, splits(300, 1, 0.3, rng=0), rng=0)
    assert list(found.columns) == [*classifiers.OTHERS, *classifiers.ENSEMBLES]
    assert found.min(axis=None) > 0.7


def test_no_model_beats_a_coin_where_there_is_none():
    rng = np.random.default_rng(1)
    x, values = rng.standard_normal((400, 3)), rng.standard_normal(400)
    found = classifiers.compare(x, values, splits(400, 4, 0.3, rng=0), rng=0)
    assert (np.abs(found.mean() - 0.5) < 0.1).all()


@pytest.mark.parametrize("name", classifiers.MODELS)
@pytest.mark.parametrize("unit", [2.0**-40, 2.0**30])
def test_no_model_depends_on_the_units_of_a_column(name, unit):
    x, values = blobs(200, np.random.default_rng(2))
    x, y = x.to_numpy(), (values > 0).astype(int)
    base, found = (classifiers.classifier(name, rng=0).fit(x * s, y).predict(x * s) for s in (1, np.array([1, unit])))
    assert np.mean(base == found) > 0.99


@pytest.mark.parametrize("name", ["naive Bayes", "tree"])
def test_a_signal_in_tiny_units_is_still_one(name):
    rng = np.random.default_rng(3)
    x = np.column_stack([1e-9 * rng.standard_normal(400), 1e6 * rng.standard_normal(400)])
    y = (x[:, 0] > 0).astype(int)
    assert classifiers.classifier(name, rng=0).fit(x[:300], y[:300]).score(x[300:], y[300:]) > 0.95


def test_the_same_seed_gives_the_same_forest_and_a_generator_another():
    x, values = blobs(200, np.random.default_rng(4), shift=0.5)
    y, rng = values > 0, np.random.default_rng(0)
    forest = [classifiers.classifier("random forest", rng=r).fit(x.to_numpy(), y) for r in (3, 3, rng, rng)]
    chance = [model.predict_proba(x.to_numpy())[:, 1] for model in forest]
    assert np.array_equal(chance[0], chance[1])
    assert not np.array_equal(chance[2], chance[3])


# Classes and splits


def test_cut_off_comes_from_the_training_part():
    values = np.array([0.0, 1, 2, 3, 100, 101, 102, 103])
    assert classifiers.classes(values, np.arange(4)).tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert (
        classifiers.classes(values, np.arange(8)).tolist() == [0] * 4 + [1] * 4
    )  # the wrong way: the test part moves it
    assert classifiers.classes(values, np.arange(8), 0.25).tolist() == [0] * 2 + [1] * 6


@pytest.mark.parametrize(
    "change, words",
    [
        ({"values": np.zeros(10)}, "class 1 has 0 training rows, at least 2 needed"),
        ({"values": np.r_[0.0, np.nan, np.arange(8)]}, "values is nan in row 1"),
        ({"quantile": 1.0}, r"quantile must lie between 0 and 1, got 1\.0"),
        ({"quantile": 0.95}, r"quantile = 0\.95: class 1 has 1 training rows"),
        ({"train": []}, "train is empty"),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        classifiers.classes(**{"values": np.arange(10.0), "train": np.arange(8), **change})


def test_siblings_make_noise_look_like_knowledge():
    """Labels of groups are random: nothing can be learned, but a random split recognises the siblings."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(80), 4)
    values = rng.standard_normal(80)[groups]
    x = pd.DataFrame(rng.standard_normal((80, 3))[groups] + 0.01 * rng.standard_normal((320, 3)))
    accuracy = {}
    for kind, g in (("random", None), ("group", groups)):
        parts = splits(320, 6, 0.25, rng=0, groups=g)
        accuracy[kind] = classifiers.compare(x, values, parts, rng=0, models=("tree",))["tree"].mean()
    assert accuracy["random"] > 0.9
    assert accuracy["group"] < 0.65


def test_comparisons_refuse_what_no_model_can_use():
    x, values = blobs(50, np.random.default_rng(5))
    parts = splits(50, 1, 0.3, rng=0)
    with pytest.raises(ValueError, match="features is nan in row 0"):
        classifiers.compare(x * np.nan, values, parts, rng=0)
    with pytest.raises(ValueError, match=r"features must be \(n, p\) and values \(n,\)"):
        classifiers.compare(x, values[1:], parts, rng=0)
    with pytest.raises(ValueError, match="model 'boost': choose one of logit, SVM"):
        classifiers.compare(x, values, parts, rng=0, models=("boost",))


# Summaries


def test_winners_share_ties():
    table = pd.DataFrame({"a": [0.9, 0.8, 0.7], "b": [0.9, 0.7, 0.6], "c": [0.1, 0.1, 0.7]})
    shares = classifiers.winners(table, ("a", "b", "c"))
    assert shares.to_dict() == pytest.approx({"a": 2 / 3, "b": 1 / 6, "c": 1 / 6})
    assert classifiers.winners(table, ("b", "c"))["b"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="accuracy has no column 'd'"):
        classifiers.winners(table, ("a", "d"))
    with pytest.raises(ValueError, match="accuracy is nan in row 0"):
        classifiers.winners(table * np.nan, ("a", "b"))


def test_gain_is_a_difference_of_means():
    table = pd.DataFrame({name: [0.8, 0.6] for name in classifiers.ENSEMBLES})
    table = table.assign(**{name: [0.5 + 0.1 * i, 0.6] for i, name in enumerate(classifiers.OTHERS)})
    assert classifiers.ensemble_gain(table) == pytest.approx([0.1, 0.0])


def test_standard_error_allows_for_overlapping_splits():
    differences = np.random.default_rng(2).standard_normal(25)
    plain = classifiers.mean_and_error(differences)
    assert plain.mean == pytest.approx(differences.mean())
    assert plain.se == pytest.approx(differences.std(ddof=1) / 5)
    overlapping = classifiers.mean_and_error(differences, 0.25)
    assert overlapping.se == pytest.approx(differences.std(ddof=1) * np.sqrt(0.04 + 0.25))
    for bad, words in (([0.1], "at least two splits"), ([0.1, np.nan], "differences is nan in row 1")):
        with pytest.raises(ValueError, match=words):
            classifiers.mean_and_error(bad)
    with pytest.raises(ValueError, match="overlap must not be negative"):
        classifiers.mean_and_error(differences, -0.1)


# Permutation importance


def test_permutation_importance_agrees_with_scikit_learn():
    x, values = blobs(400, np.random.default_rng(3))
    labels = classifiers.classes(values, np.arange(400))
    model = classifiers.classifier("logit", rng=0).fit(x.to_numpy(), labels)
    ours = classifiers.permutation_importance(model, x, labels, rng=np.random.default_rng(0), n_repeats=200)
    theirs = permutation_importance(model, x.to_numpy(), labels, n_repeats=200, random_state=0).importances
    error = np.sqrt(ours.var(1) / 200 + theirs.var(1) / 200)
    assert (np.abs(ours.mean(1) - theirs.mean(1)) < 4 * error + 1e-9).all()
    assert ours.mean(1)[0] > 0.3 > 0.05 > ours.mean(1)[1]


class Sign:
    """Predicts the sign of the first column."""

    def predict(self, x):
        return np.where(x[:, 0] > 0, "up", "down")


def test_importance_of_the_only_column_is_what_it_has_over_a_coin():
    x = np.column_stack([np.repeat([-1.0, 1.0], 500), np.zeros(1000)])
    labels = np.repeat(["down", "up"], 500)
    found = classifiers.permutation_importance(Sign(), x, labels, rng=np.random.default_rng(0), n_repeats=30)
    assert found.shape == (2, 30)
    assert found[0].mean() == pytest.approx(0.5, abs=0.02) and (found[1] == 0).all()


def test_columns_that_stand_in_for_each_other_have_to_be_shuffled_together():
    rng = np.random.default_rng(4)
    signal = rng.standard_normal(600)
    x = np.column_stack([signal, signal])
    labels = (signal > 0).astype(int)
    model = classifiers.classifier("logit", rng=0).fit(x[:400], labels[:400])
    single = classifiers.permutation_importance(model, x[400:], labels[400:], rng=rng, n_repeats=10).mean(1)
    both = classifiers.permutation_importance(model, x[400:], labels[400:], rng=rng, n_repeats=10, groups=[[0, 1]])
    assert both.mean() > 0.4
    assert single.max() < 0.35


@pytest.mark.parametrize(
    "change, words",
    [
        ({"labels": ["up", None, "up"]}, "labels has no label in row 1"),
        ({"labels": ["up"]}, "labels must be one label for each of 3 rows"),
        ({"features": np.full((3, 2), np.nan)}, "features is nan in row 0"),
        ({"n_repeats": 0}, "n_repeats must be at least 1, got 0"),
        ({"groups": [[0], [2]]}, r"groups: \[2\] must name some of the columns 0 to 1"),
        ({"groups": [[]]}, r"groups: \[\] must name"),
    ],
)
def test_importances_that_make_no_sense_are_refused(change, words):
    good = {"features": np.ones((3, 2)), "labels": ["up"] * 3}
    with pytest.raises(ValueError, match=words):
        classifiers.permutation_importance(Sign(), **{**good, **change}, rng=np.random.default_rng(0))
