"""A survey with a known score, and what two public tables become."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.prediction import sleep


def test_two_thirds_sleep_well_and_habits_hurt():
    survey = sleep.draw_survey(4000, rng=np.random.default_rng(0))
    frame = survey.frame
    assert survey.good.mean() == pytest.approx(0.68, abs=0.01)
    assert list(frame.columns) == [*sleep.HABITS, *sleep.FIXED]
    assert frame[list(sleep.HABITS)].isin(range(5)).all(axis=None)
    for habit in sleep.HABITS:
        better = frame.assign(**{habit: 0})
        assert (sleep.expected_score(better) >= sleep.expected_score(frame) - 1e-9).all()


def person(**answers):
    return pd.DataFrame([{**dict.fromkeys([*sleep.HABITS, *sleep.FIXED], 2.0), **answers}])


def test_screen_and_stress_help_each_other():
    """The score is no sum of habits: a model that is one must be wrong somewhere."""
    base = sleep.expected_score(person())[0]
    both, screen, stress = (
        sleep.expected_score(person(**change))[0] - base
        for change in ({"screen": 0, "stress": 0}, {"screen": 0}, {"stress": 0})
    )
    assert both == pytest.approx(screen + stress + 0.7)


def test_high_stress_hurts_more_than_in_proportion():
    three, four = (sleep.expected_score(person())[0] - sleep.expected_score(person(stress=s))[0] for s in (3, 4))
    assert three == pytest.approx(0.8 + 0.15)
    assert four == pytest.approx(1.6 + 0.6)


def test_habits_go_together():
    answers = sleep.draw_survey(20_000, rng=np.random.default_rng(2)).frame[list(sleep.HABITS)]
    correlation = answers.corr().to_numpy()[np.triu_indices(10, 1)]
    assert correlation.min() > 0.1 and correlation.max() < 0.35


def test_true_chance_is_that_of_the_noise():
    survey = sleep.draw_survey(20000, rng=np.random.default_rng(1), noise=0.9)
    chance = survey.chance_of_good(survey.frame)
    assert chance.mean() == pytest.approx(survey.good.mean(), abs=0.01)
    middle = (chance > 0.4) & (chance < 0.6)
    assert survey.good[middle].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "n, noise, words", [(100, 0, "noise = 0: the score needs"), (0, 1, "n = 0"), (9, np.nan, "nan")]
)
def test_surveys_that_are_none_are_refused(n, noise, words):
    with pytest.raises(ValueError, match=words):
        sleep.draw_survey(n, rng=np.random.default_rng(0), noise=noise)


def test_a_missing_answer_is_told():
    with pytest.raises(ValueError, match="worry is nan in row 0"):
        sleep.expected_score(person(worry=np.nan))


@pytest.fixture
def lifestyle():
    n = 100
    return pd.DataFrame(
        {
            "stress_level": np.arange(n),
            "physical_activity_level": np.arange(n),
            "sleep_duration": np.arange(n),
            "daily_steps": np.arange(n),
            "age": 40,
            "heart_rate": 70,
            "systolic": 120,
            "gender": ["Female", "Male"] * 50,
            "bmi_category": ["Obese", "Normal Weight"] * 50,
            "quality_of_sleep": [6, 7] * 50,
        }
    )


def test_lifestyle_features_put_the_healthiest_fifth_at_zero(lifestyle):
    found = sleep.lifestyle_features(lifestyle)
    features, good = found.features, found.good
    assert features["stress"].iloc[[0, -1]].tolist() == [0, 4]
    assert features[["inactivity", "short sleep", "few steps"]].iloc[-1].tolist() == [0, 0, 0]
    assert features["inactivity"].iloc[0] == 4
    assert good.tolist() == [0, 1] * 50
    assert features["overweight"].tolist() == [1, 0] * 50


@pytest.mark.parametrize(
    "column, value, words",
    [
        ("daily_steps", np.nan, "daily_steps is nan in row 3"),
        ("quality_of_sleep", np.nan, "quality_of_sleep is nan in row 3"),
        ("gender", None, "gender has no label in row 3"),
    ],
)
def test_gaps_of_the_lifestyle_table_are_told(lifestyle, column, value, words):
    lifestyle = lifestyle.astype({column: object})
    lifestyle.loc[3, column] = value
    with pytest.raises(ValueError, match=words):
        sleep.lifestyle_features(lifestyle)


def test_insomnia_features_leave_the_target_out():
    frame = pd.DataFrame(
        {"sleep_quality": ["Poor", "Average", "Very good"], "caffeine": ["Never", "Every day", "Never"]}
    )
    found = sleep.insomnia_features(frame)
    features, good = found.features, found.good
    assert good.tolist() == [0, 1, 1]
    assert features.columns.tolist() == ["caffeine_Every day", "caffeine_Never"]


@pytest.mark.parametrize(
    "quality, caffeine, words",
    [
        (["Poor", "Bad"], ["Never", "Never"], "sleep_quality is 'Bad' in row 1; it is one of Very poor, Poor"),
        (["Poor", None], ["Never", "Never"], "sleep_quality has no label in row 1"),
        (["Poor", "Good"], [None, "Never"], "caffeine has no label in row 0"),
    ],
)
def test_answers_of_students_that_are_none_are_told(quality, caffeine, words):
    with pytest.raises(ValueError, match=words):
        sleep.insomnia_features(pd.DataFrame({"sleep_quality": quality, "caffeine": caffeine}))
