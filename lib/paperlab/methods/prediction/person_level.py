"""Scores of people from scores of recordings: person-level means, ensembles, class F1, resampling of people.

Page ``speech_neuropsychiatry``. A person is classified by the largest mean score over his or her recordings.
"""

import re

import numpy as np
import pandas as pd

CLASSES = {
    "multiclass": ("TD", "DEPR", "ASD", "SCHZ"),
    "DEPR": ("TD", "DEPR"),
    "ASD": ("TD", "ASD"),
    "SCHZ": ("TD", "SCHZ"),
}  # order of the scores s0 to s3


def person_means(rows, target, *, sum_to_one=True):
    """Mean scores of every person of one model.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``person``, ``label``, ``origin`` and ``s0`` to ``s3``, one row per recording.
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
        With an unknown target, scores that do not add up, or a person with two labels.
    """
    if target not in CLASSES:
        raise ValueError(f"target = {target!r}: choose one of {', '.join(CLASSES)}")
    names = list(CLASSES[target])
    columns = [f"s{j}" for j in range(len(names))]
    total = rows[columns].sum(axis=1)
    if sum_to_one and (np.abs(total - 1) > 1e-3).any():
        first = (np.abs(total - 1) > 1e-3).to_numpy().argmax()
        raise ValueError(f"scores of row {first} add up to {total.iloc[first]:.4f}, not 1; is it a max-ensemble?")
    groups = rows.groupby("person")
    labels = groups["label"].nunique()
    if (labels > 1).any():
        raise ValueError(f"a person has {labels.max()} labels; check the column label")
    return groups[columns].mean().set_axis(names, axis=1).join(groups[["label", "origin"]].first())


def combine(tables, rule="max"):
    """Ensemble of person-level scores: element-wise maximum or mean over the people that all tables hold."""
    if rule not in ("max", "mean"):
        raise ValueError(f"rule = {rule!r}: choose 'max' or 'mean'")
    people = tables[0].index
    for table in tables[1:]:
        people = people.intersection(table.index)
    names = [column for column in tables[0].columns if column not in ("label", "origin")]
    stack = np.stack([table.loc[people, names].to_numpy() for table in tables])
    out = pd.DataFrame(stack.max(0) if rule == "max" else stack.mean(0), index=people, columns=names)
    return out.join(tables[0][["label", "origin"]])


def predicted(table):
    """Class of the largest score of every person."""
    names = [column for column in table.columns if column not in ("label", "origin")]
    return table[names].idxmax(axis=1)


def family(model, target):
    """Name of a model without target and training settings, so that binary and multiclass versions can be paired."""
    name = re.sub(r"_lr-.*$|_aug$", "", model).removeprefix("baseline_")
    return name.removeprefix(f"{target}_").removesuffix(f"_{target}")
