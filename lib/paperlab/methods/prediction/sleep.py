"""A made-up survey of sleep whose true score is known, and features of two public tables of the same kind.

Page ``sleep_intervention``. Habits are answers from 0 (healthiest) to 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from paperlab.methods.foundations.checks import codes, finite

WEIGHTS = {
    "screen": 0.55,
    "caffeine": 0.3,
    "stress": 0.8,
    "late meals": 0.1,
    "noise": 0.25,
    "light": 0.1,
    "irregular hours": 0.5,
    "naps": 0.05,
    "inactivity": 0.3,
    "worry": 0.6,
}
HABITS = tuple(WEIGHTS)
FIXED = ("age group", "shift work", "children", "chronic illness", "sex")
TOP = 4  # the unhealthiest answer
POOR = 0.32  # share of people who sleep badly
QUALITY = ("Very poor", "Poor", "Average", "Good", "Very good")  # answers of the students


def expected_score(frame):
    """Score without its noise; higher is better sleep.

    Screen time and stress act together, and high stress hurts twice.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns `HABITS` and `FIXED`, one row per person.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If an answer is missing (names column and row).
    """
    for name in (*HABITS, *FIXED):
        finite(name, frame[name])
    habits = frame[list(HABITS)].to_numpy(float)
    score = -(habits - 2) @ np.array(list(WEIGHTS.values()))
    score = score - 0.7 * frame["shift work"] - 0.5 * frame["chronic illness"] - 0.2 * frame["children"]
    calm, dark = np.maximum(0, 2 - frame["stress"]), np.maximum(0, 2 - frame["screen"])
    return (score + 0.175 * calm * dark - 0.15 * np.maximum(0, frame["stress"] - 2) ** 2).to_numpy()


@dataclass(frozen=True)
class Survey:
    """Answers of made-up people and how they sleep.

    Attributes
    ----------
    frame : pandas.DataFrame, shape (n, 15)
        `HABITS` (0 to 4), then `FIXED`.
    good : ndarray of int, shape (n,)
        1 above the 32 % quantile of the score.
    cut : float
        That quantile.
    noise : float
        Standard deviation of what no answer explains.
    """

    frame: pd.DataFrame
    good: np.ndarray
    cut: float
    noise: float

    def chance_of_good(self, frame):
        """True probability of good sleep: that the noise lifts the expected score above the cut, shape (rows,)."""
        return norm.cdf((expected_score(frame) - self.cut) / self.noise)


def draw_survey(n, *, rng, noise=0.6):
    """Answers of n people and whether they sleep well.

    Parameters
    ----------
    n : int
    rng : numpy.random.Generator
    noise : float
        Above 0.

    Returns
    -------
    Survey

    Raises
    ------
    ValueError
        If ``n`` is below 1 or ``noise`` not above 0.

    Examples
    --------
    >>> survey = draw_survey(1000, rng=np.random.default_rng(0))
    >>> survey.frame.shape, float(survey.good.mean())
    ((1000, 15), 0.68)
    """
    if n < 1:
        raise ValueError(f"n = {n}: a survey needs at least one person")
    if not noise > 0:
        raise ValueError(f"noise = {noise}: the score needs some noise, choose a positive size")
    shared = rng.standard_normal((n, 1))
    answers = np.clip(np.round(1.1 * (0.5 * shared + 0.9 * rng.standard_normal((n, len(HABITS)))) + 2), 0, TOP)
    frame = pd.DataFrame(answers, columns=list(HABITS))
    frame["age group"] = rng.integers(0, 5, n)
    for name, share in (("shift work", 0.15), ("children", 0.4), ("chronic illness", 0.2), ("sex", 0.5)):
        frame[name] = (rng.random(n) < share).astype(float)
    score = expected_score(frame) + noise * rng.standard_normal(n)
    cut = float(np.quantile(score, POOR))
    return Survey(frame, (score > cut).astype(int), cut, noise)


@dataclass(frozen=True)
class Table:
    """Columns ``features`` (n, p) for a classifier, and whether people sleep well, ``good`` (n,), 0 or 1."""

    features: pd.DataFrame
    good: np.ndarray


def _fifths(values, healthy_high):
    ranks = pd.Series(values).rank(pct=True).to_numpy()
    fifth = np.minimum(4, np.floor(5 * ranks))
    return 4 - fifth if healthy_high else fifth


def lifestyle_features(frame):
    """Levers in fifths (0 healthiest), other columns, and target quality >= 7, of data set ``sleep_health_lifestyle``.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    Table
        The first four features are the levers: stress, inactivity, short sleep, few steps.

    Raises
    ------
    ValueError
        If a number is not finite or a label missing; names column and row.
    """
    numeric = [
        "stress_level",
        "physical_activity_level",
        "sleep_duration",
        "daily_steps",
        "age",
        "heart_rate",
        "systolic",
    ]
    for name in (*numeric, "quality_of_sleep"):
        finite(name, frame[name])
    for name in ("gender", "bmi_category"):
        codes(name, frame[name])
    features = pd.DataFrame(
        {
            "stress": _fifths(frame["stress_level"], False),
            "inactivity": _fifths(frame["physical_activity_level"], True),
            "short sleep": _fifths(frame["sleep_duration"], True),
            "few steps": _fifths(frame["daily_steps"], True),
            "age": frame["age"].to_numpy(float),
            "heart rate": frame["heart_rate"].to_numpy(float),
            "systolic": frame["systolic"].to_numpy(float),
            "woman": (frame["gender"] == "Female").to_numpy(float),
            "overweight": frame["bmi_category"].isin(["Overweight", "Obese"]).to_numpy(float),
        }
    )
    return Table(features, (frame["quality_of_sleep"] >= 7).to_numpy(int))


def insomnia_features(frame):
    """One column per answer, and target quality average or better, of the data set ``student_insomnia``.

    Parameters
    ----------
    frame : pandas.DataFrame

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If an answer is missing (names column and row), or a quality is none of `QUALITY`.
    """
    for name in frame:
        codes(name, frame[name])
    strange = ~frame["sleep_quality"].isin(QUALITY).to_numpy()
    if strange.any():
        row = strange.argmax()
        raise ValueError(
            f"sleep_quality is {frame['sleep_quality'].iloc[row]!r} in row {row}; it is one of {', '.join(QUALITY)}"
        )
    features = pd.get_dummies(frame.drop(columns="sleep_quality"), dtype=float).reset_index(drop=True)
    return Table(features, frame["sleep_quality"].isin(QUALITY[2:]).to_numpy(int))
