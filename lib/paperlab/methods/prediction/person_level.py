"""Scores of people from scores of recordings: person-level means, ensembles, predicted classes.

Page ``speech_neuropsychiatry``. A person is classified by the largest mean score over his or her recordings.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from paperlab.methods.foundations.checks import codes, finite

CLASSES = {
    "multiclass": ("TD", "DEPR", "ASD", "SCHZ"),
    "DEPR": ("TD", "DEPR"),
    "ASD": ("TD", "ASD"),
    "SCHZ": ("TD", "SCHZ"),
}  # order of the scores s0 to s3
KNOWN = ("label", "origin")  # columns beside the scores


def person_means(rows, target, *, sum_to_one=True):
    """Mean scores of every person of one model.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``person``, ``label``, ``origin`` and ``s0`` to ``s3``, one row per recording. A person may have any name.
    target : {"multiclass", "DEPR", "ASD", "SCHZ"}
    sum_to_one : bool
        Check that the scores of a recording add up to 1 (within 0.001); those of a max-ensemble do not.

    Returns
    -------
    pandas.DataFrame, one row per person
        A column for each class, then ``label`` and ``origin``.

    Raises
    ------
    ValueError
        With an unknown target, a score that is not finite or a missing name, label or origin (names column and row),
        scores that do not add up, a label that is no class of the target, or a person with two labels or origins.
    """
    if target not in CLASSES:
        raise ValueError(f"target = {target!r}: choose one of {', '.join(CLASSES)}")
    names = list(CLASSES[target])
    columns = [f"s{j}" for j in range(len(names))]
    for column in columns:
        finite(column, rows[column])
    for column in ("person", *KNOWN):
        codes(column, rows[column])
    total = rows[columns].sum(axis=1)
    if sum_to_one and (np.abs(total - 1) > 1e-3).any():
        first = (np.abs(total - 1) > 1e-3).to_numpy().argmax()
        raise ValueError(f"scores of row {first} add up to {total.iloc[first]:.4f}, not 1; is it a max-ensemble?")
    strange = ~rows["label"].isin(names).to_numpy()
    if strange.any():
        row = strange.argmax()
        raise ValueError(
            f"label is {rows['label'].iloc[row]!r} in row {row}; the classes of {target} are {', '.join(names)}"
        )
    groups = rows.groupby("person")
    for column in KNOWN:
        different = groups[column].nunique()
        if (different > 1).any():
            person = different.idxmax()
            raise ValueError(f"person {person} has {different[person]} values of {column}; check the column")
    return groups[columns].mean().set_axis(names, axis=1).join(groups[list(KNOWN)].first())


def _scores(table):
    names = [column for column in table.columns if column not in KNOWN]
    if not names:
        raise ValueError("table has no column of scores beside label and origin")
    return names, finite("scores", table[names])


def combine(tables, rule="max"):
    """Ensemble of person-level scores: element-wise maximum or mean over the people that all tables hold.

    Parameters
    ----------
    tables : sequence of pandas.DataFrame
        As from `person_means`, of the same classes.
    rule : {"max", "mean"}

    Returns
    -------
    pandas.DataFrame, one row per person

    Raises
    ------
    ValueError
        For an unknown rule, tables of different classes, a person with different labels, or no person in common.
    """
    if rule not in ("max", "mean"):
        raise ValueError(f"rule = {rule!r}: choose 'max' or 'mean'")
    names, people = _scores(tables[0])[0], tables[0].index
    for table in tables[1:]:
        if _scores(table)[0] != names:
            raise ValueError(f"tables have different classes: {', '.join(names)} and {', '.join(_scores(table)[0])}")
        people = people.intersection(table.index)
    if not len(people):
        raise ValueError("tables have no person in common; are the names of the people the same?")
    known = tables[0].loc[people, list(KNOWN)]
    for table in tables[1:]:
        wrong = (table.loc[people, list(KNOWN)] != known).any(axis=1)
        if wrong.any():
            raise ValueError(f"person {wrong.idxmax()} has different labels or origins in two tables")
    stack = np.stack([table.loc[people, names].to_numpy() for table in tables])
    out = pd.DataFrame(stack.max(0) if rule == "max" else stack.mean(0), index=people, columns=names)
    return out.join(known)


def predicted(table):
    """Class of the largest score of every person; of several that are equal, the first.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `person_means` or `combine`.

    Returns
    -------
    pandas.Series of str

    Raises
    ------
    ValueError
        If a score is not finite (names the row).
    """
    names, _ = _scores(table)
    return table[names].idxmax(axis=1)


def family(model, target):
    """Name of a model without target and training settings, so that binary and multiclass versions can be paired.

    Parameters
    ----------
    model, target : str

    Returns
    -------
    str

    Examples
    --------
    >>> family("ASD_ScandiBERT_lr-1e-05_wdecay-0.001", "ASD"), family("baseline_DEPR_xvector", "DEPR")
    ('ScandiBERT', 'xvector')
    """
    name = re.sub(r"_lr-.*$|_aug$", "", model).removeprefix("baseline_")
    return name.removeprefix(f"{target}_").removesuffix(f"_{target}")
