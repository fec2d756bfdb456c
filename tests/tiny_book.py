"""A tiny made-up book: one page `tiny` that is quick, and that fails, dies or hangs on demand."""

import json
from dataclasses import replace as altered
from pathlib import Path

from paperlab import paths
from paperlab.pages.claims import Claim
from paperlab.pages.scoreboard import Finding

REPOSITORY = Path(__file__).resolve().parents[1]
CARD = """\
slug: tiny
title: "A tiny paper"
short: "Tiny"
authors: [A. Author, B. Author]
year: 2020
venue: "nowhere"
arxiv: "2001.00001"
cite: tiny2020
part: causes
fidelity: same design
question: Does it run?
summary: It runs.
departures: [Everything is made up.]
data: []
profiles:
  full: {n: 100}
claims:
  - {id: c1, role: paper, text: The mean lies in the unit interval., paper: "0.5", paper_value: 0.5, source: abstract,
     certainty: read, measure: mean of n numbers, criterion: {between: [0, 1]}, basis: field, why: bounds,
     fidelity: same design}
  - {id: c2, role: paper, text: Few numbers are <enough>., paper: few, source: Table 1, certainty: recalled, measure: n,
     criterion: {at_most: 5, partly: {at_most: 10}}, basis: ours, why: five is few, fidelity: stand-in, random: false}
  - {id: c3, role: control, text: Many numbers settle it., paper: not in the paper, source: control, measure: n,
     criterion: {at_least: 50}, basis: prototype, fidelity: same design, needs: full}
  - {id: c4, role: paper, text: Nobody can know., paper: "-", source: p. 9, certainty: second hand, measure: nothing,
     fidelity: same data, not_tested: the recordings are not public}
"""

PAGE = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation: {extension: .py, format_name: percent, format_version: '1.3'}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A tiny paper
#
# By {cite:t}`tiny2020`.

# %%
from paperlab import Paper

paper = Paper("tiny")
paper.header()

# %% tags=["parameters"]
seed: int = 1  # [0, 4294967295] seed of the page
n: int = 10  # [1, 1000] numbers drawn
mode: str = "ok"  # {ok, fail, die, hang} what the page does half way
weights: list[float] = [1.0, 0.5]  # [0, 5] unused

# %%
import os
import random
import time

rng = random.Random(seed)
value = sum(rng.random() for _ in range(n)) / n

# %%
if mode == "fail":
    raise ValueError("as asked")
if mode == "die":
    os._exit(3)
if mode == "hang":
    open("hanging", "w").close()
    time.sleep(300)

# %%
paper.measure(c1=value, c2=n)
if n >= 50:
    paper.measure(c3=n)

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()
"""

TOC = "format: jb-book\nroot: book/index\nchapters:\n  - file: book/parts/causes\n  - file: notebooks/tiny\n"
BIB = "@misc{tiny2020,\n  title = {A tiny paper}\n}\n"
INJECTED = 3  # papermill's cell of new parameters
MODE_CELL = 4  # the cell that fails, before an injected cell is counted


def write_book(root):
    """Cards, text and contents of the tiny book; nothing is executed."""
    texts = {
        "data/papers/tiny.yml": CARD,
        "data/papers/planned.yml": "- {slug: later, title: A later paper, part: vision}\n",
        "data/registry.yml": "{}\n",
        "notebooks/tiny.py": PAGE,
        "book/references.bib": BIB,
        "book/index.md": "# Index\n",
        "book/parts/causes.md": "# Causes\n",
        "lib/paperlab/library.py": "X = 1\n",
        "_toc.yml": TOC,
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def replace(path, old, new):
    """Edit a file of the book; the old text must be there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8-sig"))


def notebook():
    """The stored page of the tiny book as a dict."""
    return read_json(paths.notebook_path("tiny"))


def finding(**fields):
    """What became of one made-up claim; fields of the claim and of the finding by name."""
    of_claim = {key: fields.pop(key) for key in list(fields) if key in Claim.__dataclass_fields__}
    base = {"id": "c1", "text": "t", "paper": "p", "source": "s", "measure": "m", "fidelity": "same data"}
    of_role = {"role": "paper", "certainty": "read", "basis": "field", "criterion": {"at_least": 1}}
    claim = altered(Claim.from_dict({**base, **of_role}, "card"), **of_claim)
    default = {"value": fields.pop("value", 2.0), "verdict": fields.pop("verdict", "reproduced"), "reason": ""}
    return Finding("x", "causes", claim, default, **fields)


def run(verdict):
    """What a run stores of a claim with that verdict."""
    return {"value": 1.0, "verdict": verdict, "reason": ""}
