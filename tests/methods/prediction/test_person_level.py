import numpy as np
import pandas as pd
import pytest
from paperlab.methods.foundations import metrics, resampling
from paperlab.methods.prediction import person_level as persons
from sklearn.metrics import f1_score


def rows(*lines):
    return pd.DataFrame(lines, columns=["person", "label", "origin", "s0", "s1", "s2", "s3"])


BINARY = rows(
    (1, "TD", "ASD", 0.9, 0.1, None, None),
    (1, "TD", "ASD", 0.2, 0.8, None, None),
    (2, "ASD", "ASD", 0.4, 0.6, None, None),
)


def test_person_means_average_the_recordings():
    table = persons.person_means(BINARY, "ASD")
    assert table["TD"].to_dict() == pytest.approx({1: 0.55, 2: 0.4})
    assert persons.predicted(table).tolist() == ["TD", "ASD"]
    assert table["label"].tolist() == ["TD", "ASD"]


@pytest.mark.parametrize(
    "change, target, words",
    [
        ({}, "BIPOLAR", "target = 'BIPOLAR': choose one of multiclass"),
        ({"s0": [0.9, 0.3, 0.4]}, "ASD", r"scores of row 1 add up to 1\.1000"),
        ({"label": ["TD", "ASD", "ASD"]}, "ASD", "a person has 2 labels"),
    ],
)
def test_bad_scores_are_told(change, target, words):
    with pytest.raises(ValueError, match=words):
        persons.person_means(BINARY.assign(**change), target)


def test_a_max_ensemble_need_not_add_up():
    table = persons.person_means(BINARY.assign(s0=[0.9, 0.3, 0.5]), "ASD", sum_to_one=False)
    assert table["TD"][1] == pytest.approx(0.6)


def test_combine_takes_the_people_of_both():
    one = persons.person_means(BINARY, "ASD")
    two = one.assign(TD=[0.1, 0.9], ASD=[0.9, 0.1]).drop(index=1)
    joint = persons.combine([one, two])
    assert joint.index.tolist() == [2]
    assert joint.loc[2, ["TD", "ASD"]].tolist() == [0.9, 0.6]
    assert persons.combine([one, two], "mean").loc[2, "TD"] == pytest.approx(0.65)
    with pytest.raises(ValueError, match="rule = 'product'"):
        persons.combine([one, two], "product")


def test_class_f1_agrees_with_scikit_learn_and_with_repeated_people():
    rng = np.random.default_rng(0)
    names = np.array(["TD", "DEPR", "ASD", "SCHZ"])
    truth, guess = rng.choice(names, 36), rng.choice(names, 36)
    assert np.allclose(metrics.class_f1(truth, guess, names), f1_score(truth, guess, labels=names, average=None))
    weights = resampling.resample_weights(36, 50, rng)
    assert (weights.sum(1) == 36).all()
    found = metrics.class_f1(truth, guess, names, weights)
    for draw in range(3):
        again = np.repeat(np.arange(36), weights[draw])
        peer = f1_score(truth[again], guess[again], labels=names, average=None, zero_division=0)
        assert np.allclose(found[draw], peer)


def test_a_class_that_is_absent_has_f1_zero():
    assert metrics.class_f1(["a", "a"], ["a", "a"], ("a", "b")).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "model, target, name",
    [
        ("ASD_ScandiBERT_lr-1e-05_wdecay-0.001_wsteps-100_freeze_batch-16", "ASD", "ScandiBERT"),
        (
            "multiclass_xlm-roberta-base_lr-0.01_wdecay-0.001_wsteps-100_freeze_batch-16",
            "multiclass",
            "xlm-roberta-base",
        ),
        ("baseline_DEPR_xvector", "DEPR", "xvector"),
        ("alvenir_SCHZ_aug", "SCHZ", "alvenir"),
        ("tfidf-100", "ASD", "tfidf-100"),
    ],
)
def test_family(model, target, name):
    assert persons.family(model, target) == name
