import numpy as np
import pandas as pd
import pytest
from paperlab.methods.prediction import sleep


def test_two_thirds_sleep_well_and_habits_hurt():
    frame, good, _ = sleep.draw_survey(4000, np.random.default_rng(0))
    assert good.mean() == pytest.approx(0.68, abs=0.01)
    assert list(frame.columns) == [*sleep.HABITS, *sleep.FIXED]
    assert frame[list(sleep.HABITS)].isin(range(5)).all(axis=None)
    better = frame.copy()
    better["stress"] = 0
    assert (sleep.expected_score(better) >= sleep.expected_score(frame) - 1e-9).all()


def test_screen_and_stress_help_each_other():
    """The score is no sum of habits: a model that is one must be wrong somewhere."""
    base = pd.DataFrame([dict.fromkeys([*sleep.HABITS, *sleep.FIXED], 2.0)])
    change = {}
    for name, levels in {"both": (0, 0), "screen": (0, 2), "stress": (2, 0)}.items():
        frame = base.assign(screen=float(levels[0]), stress=float(levels[1]))
        change[name] = (sleep.expected_score(frame) - sleep.expected_score(base))[0]
    assert change["both"] == pytest.approx(change["screen"] + change["stress"] + 0.7)


def test_true_chance_is_that_of_the_noise():
    frame, good, cut = sleep.draw_survey(20000, np.random.default_rng(1), noise=0.9)
    chance = sleep.chance_of_good(frame, cut, 0.9)
    assert chance.mean() == pytest.approx(good.mean(), abs=0.01)
    middle = (chance > 0.4) & (chance < 0.6)
    assert good[middle].mean() == pytest.approx(0.5, abs=0.05)


def test_a_survey_without_noise_is_refused():
    with pytest.raises(ValueError, match="noise = 0: the score needs some noise"):
        sleep.draw_survey(100, np.random.default_rng(0), noise=0)


def test_lifestyle_features_put_the_healthiest_fifth_at_zero():
    n = 100
    frame = pd.DataFrame(
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
    features, good = sleep.lifestyle_features(frame)
    assert features["stress"].iloc[[0, -1]].tolist() == [0, 4]
    assert features[["inactivity", "short sleep", "few steps"]].iloc[-1].tolist() == [0, 0, 0]
    assert features["inactivity"].iloc[0] == 4
    assert good.tolist() == [0, 1] * 50
    assert features["overweight"].tolist() == [1, 0] * 50


def test_insomnia_features_leave_the_target_out():
    frame = pd.DataFrame(
        {"sleep_quality": ["Poor", "Average", "Very good"], "caffeine": ["Never", "Every day", "Never"]}
    )
    features, good = sleep.insomnia_features(frame)
    assert good.tolist() == [0, 1, 1]
    assert features.columns.tolist() == ["caffeine_Every day", "caffeine_Never"]
