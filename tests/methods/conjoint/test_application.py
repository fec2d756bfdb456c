"""The survey's choices as pairs: the right voters, tasks and levels, and errors that say what is missing."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.conjoint import application
from paperlab.methods.conjoint.layout import encode


@pytest.fixture
def frame():
    """Three tasks of two profiles: a Democrat's, a Republican's, an Independent's; and one for the House."""
    rng = np.random.default_rng(0)
    rows = {column: rng.choice(levels, 8) for column, levels in application.FACTORS.values()}
    rows |= {
        "respondentIndex": np.repeat([11, 25, 31, 11], 2),
        "task": np.repeat([1, 1, 1, 2], 2),
        "Office": ["President"] * 6 + ["House"] * 2,
        "R_Partisanship": ["Democrat"] * 2 + ["Republican"] * 2 + ["Independent"] * 2 + ["Democrat"] * 2,
        "Party.affiliation": ["Republican Party", "Democratic Party"] * 4,
        "selected": [1, 0, 0, 1, 1, 0, 0, 1],
    }
    return pd.DataFrame(rows)


def test_only_partisans_choices_for_president_are_taken(frame):
    pairs = application.choices_for_president(frame)
    assert pairs.person.tolist() == [11, 25]
    assert pairs.voter.tolist() == [0, 1]
    assert pairs.y.tolist() == [1, 0]
    assert pairs.party1.tolist() == [1, 1] and pairs.party2.tolist() == [0, 0]
    assert pairs.x1.sum() == 2 * 12


def test_rows_in_any_order_give_the_same_choices(frame):
    turned = application.choices_for_president(frame.iloc[[1, 0, 3, 2, 4, 5, 6, 7]])
    assert turned.y.tolist() == [0, 1]
    np.testing.assert_array_equal(turned.x1, application.choices_for_president(frame).x2)


def test_the_design_of_the_application():
    assert np.prod(application.LAYOUT.levels) == 4_976_640
    assert application.LAYOUT.size == 47
    assert np.mean(list(application.HISTORY.values())) == pytest.approx(0.50075)
    assert encode(pd.DataFrame(application.NOMINEES), application.LEVELS).shape == (2, 47)


def test_files_that_are_not_the_survey_are_refused(frame):
    with pytest.raises(ValueError, match=r"frame lacks the columns \['Sex'\]"):
        application.choices_for_president(frame.drop(columns="Sex"))
    with pytest.raises(ValueError, match="no choice for President"):
        application.choices_for_president(frame.assign(Office="House"))
    with pytest.raises(ValueError, match="unknown level 'Other'"):
        application.choices_for_president(frame.assign(Sex="Other"))
    with pytest.raises(ValueError, match="has 2 chosen profiles"):
        application.choices_for_president(frame.assign(selected=1))
