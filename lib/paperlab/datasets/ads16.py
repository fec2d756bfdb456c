"""A reader's own copy of the ADS data: ratings of advertisements and ten questionnaire answers, nothing else.

The data are given out for non-commercial research and hold names and personal pictures. Only the files of ratings and
of answers are opened, never those with names nor a picture; nothing is copied or stored.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from paperlab.errors import PaperlabError

N_USERS, N_CATEGORIES, PER_CATEGORY, N_ANSWERS = 120, 20, 15, 10
MOST_MISSING = 0.01  # share of the ratings


@dataclass(frozen=True)
class AdsCorpus:
    """What is read of the ADS data.

    Attributes
    ----------
    ratings : ndarray, shape (120, 300)
        Stars from 1 to 5, NaN where missing; advertisements in the order of categories.
    answers : ndarray, shape (120, 10)
        Answers to the questionnaire as they stand in the files; which questionnaire it is, its items say.
    items : list of str
        Texts of the ten items; empty where the files have none.
    categories : list of str
        Names of the twenty categories.
    """

    ratings: object
    answers: object
    items: list
    categories: list


def read(folder):
    """Read a copy of the ADS data.

    Parameters
    ----------
    folder : str or Path
        The folder that holds ``Corpus/Corpus/U0001`` to ``U0120``, or one of these two ``Corpus`` folders. Of every
        person ``U0001-RT.csv`` (ratings) and ``U0001-B5.csv`` (answers) are read.

    Returns
    -------
    AdsCorpus

    Raises
    ------
    PaperlabError
        If a file is missing or is not laid out as expected, a rating is not 0 (missing) to 5, more than 1 % of the
        ratings are missing, or people differ in categories or items; names the file.
    """
    import numpy as np

    root = _root(Path(folder).expanduser())
    ratings, answers, texts = [], [], []
    for number in range(1, N_USERS + 1):
        user = f"U{number:04d}"
        names, stars = _ratings(root / user / f"{user}-RT.csv")
        items, values = _answers(root / user / f"{user}-B5.csv")
        texts.append((names, items))
        if texts[-1] != texts[0]:
            raise PaperlabError(f"ADS data: {user} has other categories or items than U0001; is the copy complete?")
        ratings.append(stars)
        answers.append(values)
    stars = np.array(ratings, dtype=float)
    missing = float((stars == 0).mean())
    if missing > MOST_MISSING:
        raise PaperlabError(
            f"ADS data: {missing:.1%} of the ratings are missing, at most {MOST_MISSING:.0%} are expected"
        )
    stars[stars == 0] = np.nan
    return AdsCorpus(stars, np.array(answers, dtype=float), texts[0][1], texts[0][0])


def _root(folder):
    for root in (folder, folder / "Corpus", folder / "Corpus" / "Corpus"):
        if (root / "U0001").is_dir():
            return root
    raise PaperlabError(
        f"ADS data: no folder Corpus/Corpus/U0001 below {folder.name or folder}; give ads_dir the folder above"
    )


def _rows(path):
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return [
                [cell.strip() for cell in row] for row in csv.reader(file, delimiter=";") if any(map(str.strip, row))
            ]
    except OSError:
        raise PaperlabError(f"ADS data: {path.name} is missing or cannot be read") from None


def _whole(cells):
    """The cells as whole numbers; ``None`` where one is none."""
    try:
        return [int(cell) for cell in cells]
    except ValueError:
        return None


def _ratings(path):
    rows = [row[:-1] if row and not row[-1] else row for row in _rows(path)]
    if len(rows) != 3 or any(len(row) != N_CATEGORIES for row in rows):
        raise PaperlabError(
            f"ADS data: {path.name} must have three rows of {N_CATEGORIES} cells separated by semicolons"
        )
    stars = []
    for name, cell in zip(rows[1], rows[2]):
        found = _whole([part for part in cell.replace(" ", "").split(",") if part])
        if found is None or len(found) != PER_CATEGORY or not all(0 <= star <= 5 for star in found):
            raise PaperlabError(f"ADS data: {path.name}, category {name}: expected {PER_CATEGORY} ratings from 0 to 5")
        stars += found
    return rows[1], stars


def _answers(path):
    rows = [[cell for cell in row if cell] for row in _rows(path)]
    for position, row in enumerate(rows):
        found = _whole(row)
        if found is not None and len(found) == N_ANSWERS:
            before = rows[position - 1] if position else []
            return before if len(before) == N_ANSWERS and _whole(before) is None else [], found
    raise PaperlabError(f"ADS data: {path.name} has no row of {N_ANSWERS} whole numbers separated by semicolons")
