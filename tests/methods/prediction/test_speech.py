"""Signs that all patients share, signs of a diagnosis, traces of a study; folds that keep people whole."""

import numpy as np
import pytest
from paperlab.methods.foundations.metrics import class_f1
from paperlab.methods.prediction import speech
from sklearn.metrics import roc_auc_score


def people(seed, **sizes):
    return speech.draw_people(rng=np.random.default_rng(seed), **sizes)


def macro(drawn, by_person=True):
    chance = speech.person_probabilities(drawn.voice, drawn.label, rng=0, by_person=by_person)
    return class_f1(drawn.label, chance.argmax(1), range(4)).mean()


def test_the_people_are_those_of_the_paper():
    drawn = people(0, n_recordings=2)
    assert drawn.voice.shape == drawn.text.shape == (420, 2, speech.FEATURES)
    assert np.bincount(drawn.label).tolist() == [201, 67, 46, 106]
    for k, name in enumerate(speech.CLASSES[1:], 1):
        assert set(drawn.study[drawn.label == k]) == {k}
        assert ((drawn.study == k) & (drawn.label == 0)).sum() == speech.CONTROLS[name]


def test_controls_carry_the_study_and_not_the_illness():
    drawn = people(1, site=1.0, specific=1.0)
    healthy = [drawn.voice[(drawn.label == 0) & (drawn.study == k)].mean((0, 1)) for k in (1, 2, 3)]
    assert min(np.linalg.norm(healthy[a] - healthy[b]) for a, b in ((0, 1), (0, 2), (1, 2))) > 0.8
    plain = people(1, site=0.0, specific=1.0)
    assert np.linalg.norm(plain.voice[plain.label == 0].mean((0, 1))) < 0.4


def test_recordings_of_a_person_share_the_person():
    """Variance between people 0.25, between recordings 1: the intraclass correlation is 0.2."""
    drawn = people(2, specific=0, generic=0, n_recordings=20)
    within = drawn.voice.var(1, ddof=1).mean()
    between = drawn.voice.mean(1).var(0, ddof=1).mean() - within / 20
    assert within == pytest.approx(1, rel=0.03)
    assert between == pytest.approx(0.25, rel=0.05)


def test_nothing_to_learn_without_signal_and_folds_by_recording_pretend_there_is():
    """The trap: recordings of one person on both sides are recognised by the person's own voice."""
    drawn = people(2, specific=0, generic=0)
    assert macro(drawn) < 0.33
    assert macro(drawn, by_person=False) > macro(drawn) + 0.05


def test_a_trace_of_the_study_passes_for_a_diagnosis():
    scores = [macro(people(3, specific=0, site=s)) for s in (0.0, 1.0)]
    assert scores[1] > scores[0] + 0.1


@pytest.mark.parametrize("rename", [lambda k: 37 * k - 5, lambda k: "abcd"[k]])
def test_labels_are_names(rename):
    drawn = people(4, n_recordings=2)
    label = np.array([rename(k) for k in drawn.label.tolist()])
    base, found = (speech.person_probabilities(drawn.voice, y, rng=0) for y in (drawn.label, label))
    np.testing.assert_allclose(found, base)
    options = {"control": rename(0)}
    one, other = (
        speech.transfer(drawn.voice, drawn.label, drawn.study),
        speech.transfer(drawn.voice, label, drawn.study, **options),
    )
    np.testing.assert_allclose(other.scores, one.scores)
    assert np.array_equal(other.patient, one.patient)


def test_a_classifier_of_one_illness_knows_patients_when_they_share_a_sign():
    drawn = people(4, specific=0)
    found = speech.transfer(drawn.voice, drawn.label, drawn.study)
    assert roc_auc_score(found.patient, found.scores) > 0.75
    assert len(found.scores) == speech.PATIENTS["DEPR"] + speech.CONTROLS["DEPR"]
    other = people(4, specific=1.5, generic=0)
    found = speech.transfer(other.voice, other.label, other.study)
    assert abs(roc_auc_score(found.patient, found.scores) - 0.5) < 0.2


@pytest.mark.parametrize(
    "change, words",
    [
        ({"site": -0.1}, r"site = -0\.1: a size"),
        ({"generic": np.nan}, "generic = nan: a size"),
        ({"n_recordings": 0}, "n_recordings = 0: every person"),
    ],
)
def test_bad_sizes_are_told(change, words):
    with pytest.raises(ValueError, match=words):
        people(0, **change)


X = np.random.default_rng(0).standard_normal((12, 2, 3))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: speech.person_probabilities(X, [0] * 12, rng=0), "two classes or more"),
        (lambda: speech.person_probabilities(X, [0] * 8 + [1] * 4, rng=0), r"classes of \[8, 4\] people: 5 folds"),
        (lambda: speech.person_probabilities(X, [0] * 6 + [1] * 6, rng=0, n_folds=1), "1 folds"),
        (lambda: speech.person_probabilities(X, [0] * 6 + [None] * 6, rng=0), "label has no label in row 6"),
        (lambda: speech.person_probabilities(X * np.nan, [0, 1] * 6, rng=0), "features is nan in row 0"),
        (lambda: speech.person_probabilities(X[0], [0, 1], rng=0), r"features must be \(n people, R recordings, p\)"),
        (lambda: speech.transfer(X, [0, 1] * 6, [1] * 12), "study 3 lacks patients or controls"),
        (lambda: speech.transfer(X, [0, 1] * 6, [3] * 6 + [1] * 5), "study must be one label for each of 12 rows"),
    ],
)
def test_bad_recordings_are_told(call, words):
    with pytest.raises(ValueError, match=words):
        call()
