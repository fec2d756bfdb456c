"""People are means of their recordings, by any name; nothing missing is passed over."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.foundations.resampling import resample_weights
from paperlab.methods.prediction import person_level
from sklearn.metrics import f1_score


def rows(*lines):
    return pd.DataFrame(lines, columns=["person", "label", "origin", "s0", "s1", "s2", "s3"])


BINARY = rows(
    (1, "TD", "ASD", 0.9, 0.1, None, None),
    (1, "TD", "ASD", 0.2, 0.8, None, None),
    (2, "ASD", "ASD", 0.4, 0.6, None, None),
)


def test_person_means_average_the_recordings():
    table = person_level.person_means(BINARY, "ASD")
    assert table["TD"].to_dict() == pytest.approx({1: 0.55, 2: 0.4})
    assert person_level.predicted(table).tolist() == ["TD", "ASD"]
    assert table["label"].tolist() == ["TD", "ASD"]


@pytest.mark.parametrize("rename", [lambda p: 5000 + p, lambda p: 37 * p, lambda p: -p, lambda p: f"person {p}"])
def test_names_of_people_are_names(rename):
    base = person_level.person_means(BINARY, "ASD")
    found = person_level.person_means(BINARY.assign(person=[rename(p) for p in BINARY["person"]]), "ASD")
    for person in (1, 2):
        assert found.loc[rename(person)].tolist() == base.loc[person].tolist()


def test_the_order_of_the_recordings_does_not_matter():
    turned = person_level.person_means(BINARY.iloc[::-1], "ASD")
    pd.testing.assert_frame_equal(turned.sort_index(), person_level.person_means(BINARY, "ASD").sort_index())


@pytest.mark.parametrize(
    "change, target, words",
    [
        ({}, "BIPOLAR", "target = 'BIPOLAR': choose one of multiclass"),
        ({"s0": [0.9, 0.3, 0.4]}, "ASD", r"scores of row 1 add up to 1\.1000"),
        ({"s0": [0.9, np.nan, 0.4]}, "ASD", "s0 is nan in row 1; drop or impute"),
        ({}, "multiclass", "s2 is nan in row 0"),
        ({"label": ["TD", "ASD", "ASD"]}, "ASD", "person 1 has 2 values of label"),
        ({"label": ["TD", None, "ASD"]}, "ASD", "label has no label in row 1"),
        ({"label": ["TD", "TD", "SCHZ"]}, "ASD", "label is 'SCHZ' in row 2; the classes of ASD are TD, ASD"),
        ({"origin": ["ASD", "DEPR", "ASD"]}, "ASD", "person 1 has 2 values of origin"),
        ({"person": [1, 1, None]}, "ASD", "person has no label in row 2"),
    ],
)
def test_bad_scores_are_told(change, target, words):
    with pytest.raises(ValueError, match=words):
        person_level.person_means(BINARY.assign(**change), target)


def test_a_max_ensemble_need_not_add_up_but_must_be_there():
    table = person_level.person_means(BINARY.assign(s0=[0.9, 0.3, 0.5]), "ASD", sum_to_one=False)
    assert table["TD"][1] == pytest.approx(0.6)
    with pytest.raises(ValueError, match="s1 is nan in row 0"):
        person_level.person_means(BINARY.assign(s1=[np.nan, 0.8, 0.6]), "ASD", sum_to_one=False)


def test_combine_takes_the_people_of_both():
    one = person_level.person_means(BINARY, "ASD")
    two = one.assign(TD=[0.1, 0.9], ASD=[0.9, 0.1]).drop(index=1)
    joint = person_level.combine([one, two])
    assert joint.index.tolist() == [2]
    assert joint.loc[2, ["TD", "ASD"]].tolist() == [0.9, 0.6]
    assert person_level.combine([one, two], "mean").loc[2, "TD"] == pytest.approx(0.65)
    assert joint.loc[2, ["label", "origin"]].tolist() == ["ASD", "ASD"]


def test_tables_that_do_not_belong_together_are_told():
    one = person_level.person_means(BINARY, "ASD")
    with pytest.raises(ValueError, match="rule = 'product'"):
        person_level.combine([one, one], "product")
    with pytest.raises(ValueError, match="tables have different classes: TD, ASD and TD, SCHZ"):
        person_level.combine([one, one.rename(columns={"ASD": "SCHZ"})])
    with pytest.raises(ValueError, match="person 2 has different labels"):
        person_level.combine([one, one.assign(label=["TD", "TD"])])
    with pytest.raises(ValueError, match="no person in common"):
        person_level.combine([one, one.set_axis([8, 9])])
    with pytest.raises(ValueError, match="scores is nan in row 1"):
        person_level.predicted(one.assign(TD=[0.5, np.nan]))
    with pytest.raises(ValueError, match="no column of scores"):
        person_level.predicted(one[["label", "origin"]])


def test_class_f1_agrees_with_scikit_learn_and_with_repeated_people():
    rng = np.random.default_rng(0)
    names = np.array(["TD", "DEPR", "ASD", "SCHZ"])
    truth, guess = rng.choice(names, 36), rng.choice(names, 36)
    assert np.allclose(metrics.class_f1(truth, guess, names), f1_score(truth, guess, labels=names, average=None))
    weights = resample_weights(36, n_draws=50, rng=rng)
    found = metrics.class_f1(truth, guess, names, weights)
    for draw in range(3):
        again = np.repeat(np.arange(36), weights[draw])
        peer = f1_score(truth[again], guess[again], labels=names, average=None, zero_division=0)
        assert np.allclose(found[draw], peer)


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
    assert person_level.family(model, target) == name
