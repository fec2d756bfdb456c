"""Structural checks of cards, pairs and pages. Nothing is executed; each problem is one line that says what to do."""

import contextlib
import re
import sys
from collections import Counter

from paperlab import datasets, paths
from paperlab.errors import PaperlabError
from paperlab.pages import form, new_page, records, result_checks
from paperlab.pages.page import Book

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # builds a grammar for 2.5 s; optional in nbformat

ABSOLUTE = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|tmp|work|var|mnt|opt)/[\w./-]+")
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
GLUE = re.compile(r"\{glue:(?:text)?\}`([^`:]+)")
MARKDOWN_IMAGE = re.compile(r"!\[\s*\]\(")
CHECK_MARK = "# NBVAL_CHECK_OUTPUT"


def check(slug=None, book=None):
    """Problems of one paper, or of all papers and prose pages: a list of one-line texts, empty if all is well."""
    book = book or Book()
    slugs = [paths.check_slug(slug)] if slug else book.slugs
    problems = []
    for name in slugs:
        problems += [f"{name}: {problem}" for problem in _paper(name, book)]
    if slug is None:
        problems += _registry(book)
        problems += _strays(slugs)
        problems += _prose(book)
    return problems


def notes(slug=None, book=None):
    """What is no problem but should be known: results that rest on what has changed since, one line each."""
    book = book or Book()
    found = []
    for name in [paths.check_slug(slug)] if slug else book.slugs:
        with contextlib.suppress(PaperlabError):  # told by `check`
            found += [f"{name}: {note}" for note in result_checks.notes(book.page(name))]
    return found


def _paper(slug, book):
    page = book.page(slug)
    remedy = f"run `paperlab refresh {slug}`"
    try:
        card, notebook, text = page.card, page.notebook, page.text
        if notebook:
            _ = page.record, page.parameters, page.result, page.library
    except PaperlabError as error:
        return [str(error)]
    problems = [f"the template still stands: {line}" for line in page.placeholders]
    if card.cite not in book.bibliography:
        problems.append(f"card cites {card.cite!r}, which book/references.bib does not have")
    problems += [
        f"card names data set {name!r}, which data/registry.yml does not have"
        for name in card.data
        if name not in book.registry
    ]
    for suffix, content in ((".py", text), (".ipynb", notebook)):
        if content is None:
            problems.append(f"{paths.shown(paths.notebook_path(slug, suffix))} is missing; {remedy}")
    if text is None or notebook is None:
        return problems
    if f"notebooks/{slug}" not in book.contents:
        problems.append(f"_toc.yml does not list notebooks/{slug}")
    problems += _pair(text, notebook, remedy)
    problems += _profiles(page)
    problems += _executed(notebook, remedy)
    problems += _verdict_cell(notebook)
    problems += [] if slug in form.OLDER else form.problems(notebook)
    problems += result_checks.problems(page)
    return problems + _texts(notebook, book)


def _profiles(page):
    problems = []
    for name in ("default", *page.card.profiles):
        try:
            page.values(name)
        except PaperlabError as error:
            problems.append(f"profile {name}: {error}")
    return problems


def _source(cell):
    return "".join(cell["source"]).rstrip()


def _pair(text, notebook, remedy):
    import jupytext

    written, stored = jupytext.reads(text, fmt="py:percent").cells, notebook["cells"]
    if len(written) != len(stored):
        return [f"the .py has {len(written)} cells, the .ipynb {len(stored)}; {remedy}"]
    for position, (a, b) in enumerate(zip(written, stored)):
        if a["cell_type"] != b["cell_type"] or _source(a) != _source(b):
            return [f"cell {position} differs between .py and .ipynb; {remedy}"]
        if dict(a["metadata"]) != dict(b["metadata"]):
            return [f"metadata of cell {position} differs between .py and .ipynb; {remedy}"]
    return []


def _code_cells(notebook):
    return [
        (position, cell)
        for position, cell in enumerate(notebook["cells"])
        if cell["cell_type"] == "code" and _source(cell).strip()
    ]


def _executed(notebook, remedy):
    cells = _code_cells(notebook)
    problems = []
    counts = [cell["execution_count"] for _, cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        problems.append(f"cells were not executed once and in order; {remedy}")
    for position, cell in cells:
        if any(output.get("output_type") == "error" for output in cell["outputs"]):
            problems.append(f"cell {position} holds an error")
        if _source(cell).startswith(CHECK_MARK) and not cell["outputs"]:
            problems.append(f"cell {position} is checked by nbval but stores no output, which passes silently")
    return problems


def _verdict_cell(notebook):
    checked = [cell for _, cell in _code_cells(notebook) if _source(cell).startswith(CHECK_MARK)]
    if records.result_of(notebook) and not any(records.result_of({"cells": [cell]}) for cell in checked):
        return [f"the verdict cell must begin with {CHECK_MARK}"]
    return []


def _texts(notebook, book):
    keys = book.bibliography
    outputs = [output for _, cell in _code_cells(notebook) for output in cell["outputs"]]
    names = [output.get("metadata", {}).get("scrapbook", {}).get("name") for output in outputs]
    glued = Counter(name for name in names if name)
    problems = [f"{name!r} is glued {count} times; a name has one number" for name, count in glued.items() if count > 1]
    for position, cell in enumerate(notebook["cells"]):
        source = _source(cell)
        texts = [source]
        if cell["cell_type"] == "markdown":
            problems += [
                f"cell {position}: reference {key!r} is not in references.bib" for key in _cited(source) - keys
            ]
            problems += [
                f"cell {position}: {name!r} is used in prose but never glued"
                for name in set(GLUE.findall(source)) - set(glued)
            ]
            if MARKDOWN_IMAGE.search(source):
                problems.append(f"cell {position}: an image without alternative text")
        elif cell["cell_type"] == "code":
            shown = [output for output in cell["outputs"] if "image/png" in output.get("data", {})]
            figure = cell["metadata"].get("mystnb", {})
            if shown and not (figure.get("image", {}).get("alt") and figure.get("figure", {}).get("caption")):
                problems.append(
                    f"cell {position}: the figure needs a caption and an alternative text in its mystnb metadata"
                )
            for output in cell["outputs"]:
                data = output.get("data", {})
                parts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
                texts += ["".join(part) for part in parts]
        for text in texts:
            if match := ABSOLUTE.search(text):
                problems.append(f"cell {position}: absolute path {match[0]}")
    return problems


def _cited(text):
    return {key.strip() for group in CITE.findall(text) for key in group.split(",")}


def _registry(book):
    problems = []
    for name, entry in book.registry.items():
        where = f"data/registry.yml: {name}"
        lacking = [key for key in ("title", "kind", "files", "licence", "citation", "what", "not") if key not in entry]
        if lacking:
            problems.append(f"{where}: {', '.join(lacking)} missing")
        elif entry["kind"] not in datasets.KINDS:
            problems.append(f"{where}: kind must be one of {', '.join(datasets.KINDS)}, got {entry['kind']!r}")
        problems += [
            f"{where}: {item.get('file')} needs a sha256 of 64 digits"
            for item in entry.get("files", [])
            if not re.fullmatch("[0-9a-f]{64}", str(item.get("sha256")))
        ]
    return problems


def _strays(slugs):
    problems = []
    for path in sorted((paths.root() / "notebooks").glob("*")):
        if path.suffix in (".py", ".ipynb") and path.stem not in slugs:
            problems.append(f"{paths.shown(path)} has no card; write data/papers/{path.stem}.yml")
    for path in sorted((paths.root() / "data" / "records").glob("*.json")):
        if path.stem not in (*slugs, *paths.RESERVED):
            problems.append(f"{paths.shown(path)} belongs to no paper")
    return problems


def _prose(book):
    problems = []
    listed, keys = book.contents, book.bibliography
    for number, line in enumerate(book.references.splitlines(), start=1):
        if new_page.MARK in line:
            problems.append(f"book/references.bib: the template still stands in line {number}: {line.strip()}")
    for path in sorted((paths.root() / "book").rglob("*.md")):
        if "_static" in path.parts:
            continue
        name = path.relative_to(paths.root()).with_suffix("").as_posix()
        text = path.read_text(encoding="utf-8")
        if name not in listed:
            problems.append(f"{name}.md: not in _toc.yml")
        problems += [f"{name}.md: reference {key!r} is not in references.bib" for key in _cited(text) - keys]
        if MARKDOWN_IMAGE.search(text):
            problems.append(f"{name}.md: an image without alternative text")
        if match := ABSOLUTE.search(text):
            problems.append(f"{name}.md: absolute path {match[0]}")
    return problems
