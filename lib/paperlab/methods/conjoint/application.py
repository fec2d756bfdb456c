"""The application of page ``conjoint_candidates``: choices for President in Ono and Burden's survey of 2016.

Factors and levels as the file names them, elections since 1976 and two nominees as this book recalls and codes them.
"""

from __future__ import annotations

import numpy as np

from paperlab.methods.conjoint.choices import Pairs, pair_rows
from paperlab.methods.conjoint.layout import Layout, encode

FACTORS = {  # short name: column of the file, levels
    "sex": ("Sex", ["Male", "Female"]),
    "age": ("Age", [f"{age} years old" for age in (36, 44, 52, 60, 68, 76)]),
    "family": (
        "Family",
        ["Single (never married)", "Single (divorced)", "Married (no child)", "Married (two children)"],
    ),
    "race": ("Race", ["White", "Black", "Hispanic", "Asian American"]),
    "experience": ("Experience.in.public.office", ["No experience", "4 years", "8 years", "12 years"]),
    "trait": (
        "Salient.personal.characteristics",
        [
            "Compassionate",
            "Honest",
            "Intelligent",
            "Knowledgeable",
            "Provides strong leadership",
            "Really cares about people like you",
        ],
    ),
    "expertise": (
        "Policy.area.of.expertise",
        [
            "Economic policy",
            "Education",
            "Environmental issues",
            "Foreign policy",
            "Health care",
            "Public safety (crime)",
        ],
    ),
    "security": ("Position.on.national.security", ["Cut military budget", "Maintain strong defense"]),
    "immigrants": (
        "Position.on.immigrants",
        ["Favors giving guest worker status", "Opposes giving guest worker status"],
    ),
    "abortion": ("Position.on.abortion", ["Pro-choice", "No opinion (neutral)", "Pro-life"]),
    "deficit": (
        "Position.on.government.deficit",
        ["Don't reduce deficit now", "Reduce deficit through spending cuts", "Reduce deficit through tax increase"],
    ),
    "favorability": ("Favorability.rating.among.the.public", ["34%", "43%", "52%", "61%", "70%"]),
}
LEVELS = {name: levels for name, (_, levels) in FACTORS.items()}
LAYOUT = Layout(tuple(len(levels) for levels in LEVELS.values()))
DIVISIVE = [list(FACTORS).index(name) for name in ("security", "immigrants", "abortion", "deficit")]

# Republican share of the two-party vote for President, recalled; the criteria of C4 and C5 hold its range and .494.
HISTORY = {1976: 0.489, 1980: 0.553, 1984: 0.592, 1988: 0.539, 1992: 0.465, 1996: 0.453}
HISTORY |= {2000: 0.497, 2004: 0.512, 2008: 0.463, 2012: 0.480, 2016: 0.489, 2020: 0.477}

NOMINEES = {  # coded by this book from public facts: Clinton (D) and Trump (R), 2016
    "sex": ("Female", "Male"),
    "age": ("68 years old", "68 years old"),
    "family": ("Married (two children)", "Married (two children)"),
    "race": ("White", "White"),
    "experience": ("12 years", "No experience"),
    "trait": ("Knowledgeable", "Provides strong leadership"),
    "expertise": ("Foreign policy", "Economic policy"),
    "security": ("Maintain strong defense", "Maintain strong defense"),
    "immigrants": ("Favors giving guest worker status", "Opposes giving guest worker status"),
    "abortion": ("Pro-choice", "Pro-life"),
    "deficit": ("Reduce deficit through tax increase", "Reduce deficit through spending cuts"),
    "favorability": ("43%", "34%"),
}


def choices_for_president(frame):
    """Choices for President by respondents who call themselves Democrats or Republicans.

    Parameters
    ----------
    frame : DataFrame
        Of the data set ``ono_burden``, one row for each profile shown.

    Returns
    -------
    Pairs

    Raises
    ------
    ValueError
        If columns are missing, no such choice is in the file, a level is unknown, or a task has not one chosen profile
        of two.
    """
    needed = ["Office", "R_Partisanship", "Party.affiliation", "respondentIndex", "task", "selected"]
    needed += [column for column, _ in FACTORS.values()]
    if missing := [column for column in needed if column not in frame]:
        raise ValueError(f"frame lacks the columns {missing}; give the data set ono_burden as it is loaded")
    rows = frame[(frame["Office"] == "President") & frame["R_Partisanship"].isin(["Democrat", "Republican"])]
    if rows.empty:
        raise ValueError("frame has no choice for President by a Democrat or Republican")
    x = encode({name: rows[column] for name, (column, _) in FACTORS.items()}, LEVELS)
    task = list(zip(rows["respondentIndex"], rows["task"]))
    pair = pair_rows(task, rows["selected"])
    party = (rows["Party.affiliation"] == "Republican Party").to_numpy().astype(int)
    voter = (rows["R_Partisanship"] == "Republican").to_numpy().astype(int)
    return Pairs(
        x1=x[pair.first],
        x2=x[pair.second],
        party1=party[pair.first],
        party2=party[pair.second],
        voter=voter[pair.first],
        y=pair.y,
        person=np.asarray(rows["respondentIndex"])[pair.first],
        layout=LAYOUT,
    )
