import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.prediction import speech as sim
from sklearn.metrics import roc_auc_score


def test_the_people_are_those_of_the_paper():
    drawn = sim.draw_people(np.random.default_rng(0), n_recordings=2)
    assert drawn.voice.shape == drawn.text.shape == (420, 2, sim.FEATURES)
    assert np.bincount(drawn.label).tolist() == [201, 67, 46, 106]
    assert set(drawn.study[drawn.label == 3]) == {3}


def test_controls_carry_the_study_and_not_the_illness():
    drawn = sim.draw_people(np.random.default_rng(1), site=1.0, specific=1.0)
    healthy = [drawn.voice[(drawn.label == 0) & (drawn.study == k)].mean((0, 1)) for k in (1, 2, 3)]
    assert min(np.linalg.norm(healthy[a] - healthy[b]) for a, b in ((0, 1), (0, 2), (1, 2))) > 0.8
    plain = sim.draw_people(np.random.default_rng(1), site=0.0, specific=1.0)
    assert np.linalg.norm(plain.voice[(plain.label == 0)].mean((0, 1))) < 0.4


def macro(drawn, by_person=True):
    chance = sim.person_probabilities(drawn.voice, drawn.label, 0, by_person=by_person)
    return metrics.class_f1(drawn.label, chance.argmax(1), range(4)).mean()


def test_nothing_to_learn_without_signal_and_folds_by_recording_pretend_there_is():
    """The trap: recordings of one person on both sides are recognised by the person's own voice."""
    drawn = sim.draw_people(np.random.default_rng(2), specific=0, generic=0)
    assert macro(drawn) < 0.33
    assert macro(drawn, by_person=False) > macro(drawn) + 0.05


def test_a_trace_of_the_study_passes_for_a_diagnosis():
    scores = [macro(sim.draw_people(np.random.default_rng(3), specific=0, site=s)) for s in (0.0, 1.0)]
    assert scores[1] > scores[0] + 0.1


def test_a_classifier_of_one_illness_knows_patients_when_they_share_a_sign():
    drawn = sim.draw_people(np.random.default_rng(4), specific=0)
    chance, patient = sim.transfer(drawn.voice, drawn.label, drawn.study)
    assert roc_auc_score(patient, chance) > 0.75
    other = sim.draw_people(np.random.default_rng(4), specific=1.5, generic=0)
    chance, patient = sim.transfer(other.voice, other.label, other.study)
    assert abs(roc_auc_score(patient, chance) - 0.5) < 0.2


@pytest.mark.parametrize(
    "change, words",
    [({"site": -0.1}, r"site = -0\.1: a size"), ({"n_recordings": 0}, "n_recordings = 0: every person")],
)
def test_bad_input_is_told(change, words):
    with pytest.raises(ValueError, match=words):
        sim.draw_people(np.random.default_rng(0), **change)
