"""A new page that runs: card, text, entry in the contents and in the bibliography. Used by ``paperlab new``.

Whatever its author must replace carries `MARK`; until the last one is gone the page counts nowhere and `paperlab check`
names them.
"""

import contextlib

from paperlab import files, paths
from paperlab.errors import PaperlabError, suggestion
from paperlab.pages import contents
from paperlab.pages.cards import PARTS

MARK = "FILL IN"  # what a new page must replace

CARD = """\
slug: {slug}
title: "FILL IN: title of the paper"
short: "{name}"
authors: ["FILL IN: First Author"]
year: 2020  # FILL IN
venue: "FILL IN"
arxiv: null
doi: null
cite: {slug}
part: {part}
fidelity: stand-in
question: >-
  FILL IN: what was unknown before the paper?
summary: >-
  FILL IN: what this page finds out, in one sentence.
departures:
  - "FILL IN: what differs from the paper (scale, data, solver), one line each."
data: []
profiles:
  full: {{n: 10000}}
claims:
  - id: c1
    role: paper
    text: "FILL IN: one statement of the paper (here: the mean of standard normal numbers is near zero)."
    paper: "FILL IN: its words or number"
    source: "FILL IN: abstract, Table 2, ..."
    certainty: read
    measure: absolute mean of n standard normal numbers, in standard errors
    criterion: {{at_most: 3}}
    basis: field
    why: three standard errors
    fidelity: stand-in
"""

BIB = """
@misc{{{slug},
  author = {{Author, First}},
  title = {{{{{name}}}}},
  year = {{2020}},
  note = {{FILL IN}}
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
# FILL IN: begin with the puzzle that {{cite:t}}`{slug}` solve, in one paragraph.
# *Time to read: 5 minutes.*
#
# ## Claims

# %%
from paperlab import Paper, plots

paper = Paper("{slug}")
paper.header()

# %% [markdown]
# ## Model
#
# FILL IN: equation, symbols with units, then the few lines that use it.
# The mean of $n$ independent standard normal numbers has standard error
# $1/\\sqrt{{n}}$.
#
# ## Parameters and set-up

# %% tags=["parameters"]
seed: int = 2021  # [0, 4294967295] seed of every random generator on this page
n: int = 1000  # [10, 1000000] numbers drawn

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np

plots.style()
rng = paper.rng("numbers")

# %% [markdown]
# ## Results
#
# FILL IN: one question per section. How far from zero is the mean?

# %%
draws = rng.standard_normal(n)
z = abs(draws.mean()) * np.sqrt(n)
paper.glue(z=z)
paper.measure(c1=z)

# %% [markdown]
# The mean lies {{glue:text}}`z:.2f` standard errors from zero.

# %% mystnb={{"figure": {{"caption": "The numbers drawn.", "name": "{slug}-draws"}}, "image": {{"alt": "A bell-shaped histogram around zero."}}}} tags=["hide-input", "thumbnail"]
fig, ax = plt.subplots()
ax.hist(draws, bins=30)
ax.set(xlabel="number", ylabel="count")
plt.show()

# %% [markdown]
# ## Verdicts

# %%
# NBVAL_CHECK_OUTPUT
paper.verdicts()

# %% [markdown]
# ## What differs
#
# FILL IN: scale, data, solver, everything left out, and what that may change.
#
# ## Exercises
#
# ```{{exercise-start}} How large is the mean?
# :label: {slug}-ex1
# ```
# FILL IN: draw four times as many numbers. By which factor does the standard error
# fall?
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


@contextlib.contextmanager
def created(slug, part):
    """Write the files of a new page and hand out the list of their paths.

    When the body fails or is stopped, all files are as before.

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
    card, text, page = paths.card_path(slug), paths.notebook_path(slug, ".py"), paths.notebook_path(slug)
    for path in (card, text, page):
        if path.exists():
            raise PaperlabError(f"{paths.shown(path)} exists already; choose another name")
    toc, bibliography = paths.root() / "_toc.yml", paths.root() / "book" / "references.bib"
    places = (card, text, page, toc, bibliography)
    before = {path: path.read_bytes().decode() if path.exists() else None for path in places}
    name = slug.replace("_", " ").capitalize()
    written = {
        card: CARD.format(slug=slug, name=name[:40], part=part),
        text: PAGE.format(slug=slug, name=name),
        toc: contents.listed((before[toc] or "").removeprefix("\ufeff"), slug, part),
    }
    if slug not in contents.bibliography():
        written[bibliography] = (before[bibliography] or "") + BIB.format(slug=slug, name=name)
    try:
        for path, content in written.items():
            files.write_text(path, content)
        yield list(written)
    except BaseException:  # Ctrl-C too
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                files.write_text(path, content)
        raise
