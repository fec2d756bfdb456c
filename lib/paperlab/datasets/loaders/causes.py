"""Loaders of the part on causes and choices."""

from paperlab.datasets.loaders.base import expect, loader
from paperlab.errors import PaperlabError


@loader
def abadie_401k(files):
    """SIPP 1991, 9,275 households; incomes and net assets in 1,000 dollars (columns as in the package)."""
    import pandas as pd

    frame = pd.read_csv(files["datasets/401ksubs.csv.bz2"])
    columns = ("e401k", "inc", "marr", "male", "age", "fsize", "nettfa", "p401k", "pira", "incsq", "agesq")
    frame = frame[[column for column in columns if column in frame.columns]]
    return expect(
        "abadie_401k",
        frame,
        columns=columns,
        ranges={"e401k": (0, 1), "p401k": (0, 1), "age": (25, 64), "inc": (10, 200)},
    )


@loader
def pension_401k(files):
    """SIPP 1991, 9,915 households; incomes and net assets in dollars."""
    import pandas as pd

    frame = pd.read_csv(files["401k.csv"])
    return expect(
        "pension_401k",
        frame,
        columns=("e401", "p401", "inc", "age", "fsize", "net_tfa", "educ", "db", "marr", "twoearn", "pira", "hown"),
        ranges={"e401": (0, 1), "p401": (0, 1), "age": (25, 64)},
    )


@loader
def optical_device(files):
    """Experiments by number, as frames with the strength in attrs["brfactor"].

    Columns: x1 to x9 (grey values), c (confounder), y (photo diode).
    """
    import re

    import pandas as pd

    columns = [f"x{j}" for j in range(1, 10)] + ["c", "y"]
    experiments = {}
    for name, path in files.items():
        found = re.search(r"exp_no_(\d+)_brfactor_([\d.]+)_", name)
        if not found:
            raise PaperlabError(f"data set optical_device: {name} names no experiment and strength")
        frame = pd.read_csv(path, sep=r"\s+", header=None)
        if frame.shape[1] != 11:
            raise PaperlabError(f"data set optical_device: {name} has {frame.shape[1]} columns, expected 11")
        frame.columns = columns
        expect("optical_device", frame, rows=1000, ranges=dict.fromkeys(columns, (0, 1023)))
        frame.attrs["brfactor"] = float(found[2])
        experiments[int(found[1])] = frame
    return dict(sorted(experiments.items()))


@loader
def ono_burden(files):
    """Conjoint choices, one row per candidate.

    Columns: respondentIndex, task, profile, 13 attributes, selected, Office, R_ columns.
    """
    import pandas as pd

    frame = pd.read_csv(files["ono_burden_2019.csv"], keep_default_na=False)
    for column in ("R_Education", "R_Class", "R_Ideology"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    ranges = {"task": (1, 10), "profile": (1, 2), "selected": (0, 1), "R_Age": (18, 100)}
    columns = ("respondentIndex", "Sex", "Party.affiliation", "Office", "R_Partisanship", *ranges)
    expect("ono_burden", frame, columns=columns, ranges=ranges)
    chosen = frame.groupby(["respondentIndex", "task"])["selected"].agg(["size", "sum"])
    if not ((chosen["size"] == 2) & (chosen["sum"] == 1)).all():
        raise PaperlabError("data set ono_burden: every task must have two profiles, exactly one of them selected")
    return frame


@loader
def causalimages_tutorial(files):
    """Image chips, uint8, shape (327, 35, 35, 3)."""
    import numpy as np

    with np.load(files["images_327x35x35x3.npz"]) as archive:
        images = archive["images"] if "images" in archive else np.empty(0)
    if images.shape[1:] != (35, 35, 3) or images.dtype != np.uint8:
        raise PaperlabError(
            "data set causalimages_tutorial: images must be uint8 of shape (chips, 35, 35, 3), "
            f"got {images.dtype} {images.shape}"
        )
    return images
