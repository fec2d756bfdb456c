"""A new page that runs: card, text, entry in the contents and in the bibliography. Used by ``paperlab new``."""

from paperlab import files, paths
from paperlab.errors import PaperlabError, suggestion
from paperlab.pages import contents
from paperlab.pages.cards import PARTS

MARK = "FILL IN"  # what a new page must replace

CARD = """\
slug: {slug}
title: "{name}"
short: "{name}"
authors: [First Author]
year: 2020
venue: "to be filled in"
arxiv: null
doi: null
cite: {slug}
part: {part}
fidelity: stand-in
question: >-
  What was unknown before the paper?
summary: >-
  What this page finds out, in one sentence.
departures:
  - This page is the template; nothing of a paper is in it yet.
data: []
profiles:
  full: {{n: 10000}}
claims:
  - id: c1
    text: The mean of standard normal numbers is near zero.
    paper: "zero"
    source: template
    measure: absolute mean of n standard normal numbers, in standard errors
    criterion: {{at_most: 3}}
    why: three standard errors
    fidelity: stand-in
"""

BIB = """
@misc{{{slug},
  author = {{Author, First}},
  title = {{{{{name}}}}},
  year = {{2020}},
  note = {{to be filled in}}
}}
"""

PAGE = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # {name}
#
# Begin with the puzzle that {{cite:t}}`{slug}` solve, in one paragraph. Time to read: 5 minutes; time to run: 5 seconds.
#
# ## Claims

# %%
from paperlab import Paper, plots

paper = Paper("{slug}")
paper.header()

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
seed: int = 2021  # [0, 4294967295] seed of every random generator on this page
n: int = 1000  # [10, 1000000] numbers drawn

# %% [markdown]
# ## Setup

# %%
import matplotlib.pyplot as plt
import numpy as np
from myst_nb import glue

plots.style()
rng = np.random.default_rng(seed)

# %% [markdown]
# ## Model
#
# The mean of $n$ independent standard normal numbers has standard error $1/\\sqrt{{n}}$.

# %%
draws = rng.standard_normal(n)
z = abs(draws.mean()) * np.sqrt(n)
glue("{slug}-z", z, display=False)

# %% [markdown]
# ## Results
#
# The mean lies {{glue:text}}`{slug}-z:.2f` standard errors from zero.

# %% mystnb={{"figure": {{"caption": "The numbers drawn.", "name": "{slug}-draws"}}, "image": {{"alt": "A bell-shaped histogram around zero."}}}} tags=["hide-input", "thumbnail"]
fig, ax = plt.subplots()
ax.hist(draws, bins=30)
ax.set(xlabel="number", ylabel="count")
plt.show()

# %% [markdown]
# ## Verdicts

# %%
paper.measure(c1=z)

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()

# %% [markdown]
# ## What differs
#
# Scale, data, solver, everything left out.
#
# ## Exercises
#
# ```{{exercise-start}} How large is the mean?
# :label: {slug}-ex1
# ```
# Draw four times as many numbers. By which factor does the standard error fall?
# ```{{exercise-end}}
# ```
#
# ```{{solution-start}} {slug}-ex1
# :class: dropdown
# ```

# %%
print(f"{{np.sqrt(4 * n) / np.sqrt(n):.0f}}")

# %% [markdown]
# ```{{solution-end}}
# ```
#
# ## Versions

# %%
paper.versions("numpy", "matplotlib")
"""


def placeholders(card, text):
    """Lines of a card and of a page's text that still hold the template's mark: ``card, line 3: ...``."""
    return [
        f"{name}, line {number}: {line.strip(' #')}"
        for name, content in (("card", card), ("text", text))
        for number, line in enumerate(content.splitlines(), start=1)
        if MARK in line
    ]


def create(slug, part):
    """Write the files of a new page; returns their paths.

    Raises
    ------
    PaperlabError
        If the name is not plain, is taken, or the part does not exist. Nothing is written then.
    """
    if not paths.SLUG.fullmatch(slug):
        raise PaperlabError(f"slug must be lower case letters, digits and _, beginning with a letter, got {slug!r}")
    if slug in paths.RESERVED:
        raise PaperlabError(f"{slug} is a reserved name; choose another")
    if part not in PARTS:
        raise PaperlabError(f"part must be one of {', '.join(PARTS)}, got {part!r}{suggestion(part, PARTS)}")
    card, text = paths.card_path(slug), paths.notebook_path(slug, ".py")
    for path in (card, text):
        if path.exists():
            raise PaperlabError(f"{paths.shown(path)} exists already; choose another name")
    toc = paths.root() / "_toc.yml"
    listed = contents.listed(toc.read_text(encoding="utf-8") if toc.exists() else "", slug, part)
    name = slug.replace("_", " ").capitalize()
    files.write_text(card, CARD.format(slug=slug, name=name[:40], part=part))
    files.write_text(text, PAGE.format(slug=slug, name=name))
    written = [card, text]
    if slug not in contents.bibliography():
        bibliography = paths.root() / "book" / "references.bib"
        old = bibliography.read_text(encoding="utf-8") if bibliography.exists() else ""
        files.write_text(bibliography, old + BIB.format(slug=slug, name=name))
        written.append(bibliography)
    files.write_text(toc, listed)
    return [*written, toc]
