"""Structural checks of cards, pairs and pages. Nothing is executed; each problem is one line that says what to do."""

import re

from paperlab import datasets, files, paths
from paperlab.errors import PaperlabError
from paperlab.pages import parameters, records
from paperlab.pages.cards import Card
from paperlab.pages.contents import bibliography, contents

ABSOLUTE = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|tmp|work|var|mnt|opt)/[\w./-]+")
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
GLUE = re.compile(r"\{glue:(?:text)?\}`([^`:]+)")
MARKDOWN_IMAGE = re.compile(r"!\[\s*\]\(")
CHECK_MARK = "# NBVAL_CHECK_OUTPUT"


def check(slug=None):
    """Problems of one paper, or of all papers and prose pages: a list of one-line texts, empty if all is well."""
    slugs = [paths.check_slug(slug)] if slug else paths.slugs()
    problems = []
    for name in slugs:
        problems += [f"{name}: {problem}" for problem in _paper(name)]
    if slug is None:
        problems += _registry()
        problems += _strays(slugs)
        problems += _prose()
    return problems


def _paper(slug):
    try:
        card = Card.load(slug)
        notebook = files.read_json(paths.notebook_path(slug))
        record = records.load(slug)
        known = parameters.read(slug) if notebook else {}
    except PaperlabError as error:
        return [str(error)]
    problems = []
    if card.cite not in bibliography():
        problems.append(f"card cites {card.cite!r}, which book/references.bib does not have")
    problems += _card_data(card)
    text, page = paths.notebook_path(slug, ".py"), paths.notebook_path(slug)
    for path in (text, page):
        if not path.exists():
            problems.append(f"{paths.shown(path)} is missing; run `paperlab refresh {slug}`")
    if not (text.exists() and page.exists()):
        return problems
    if f"notebooks/{slug}" not in contents():
        problems.append(f"_toc.yml does not list notebooks/{slug}")
    problems += _pair(slug, text, notebook)
    problems += _profiles(card)
    problems += _executed(slug, notebook)
    problems += _verdict_cell(card, notebook, known)
    if "full" in record:
        problems += _judged(card, record["full"]["claims"], "recorded")
    problems += _texts(notebook)
    return problems


def _card_data(card):
    known = datasets.registry()
    return [
        f"card names data set {name!r}, which data/registry.yml does not have"
        for name in card.data
        if name not in known
    ]


def _profiles(card):
    problems = []
    for name in ("default", *card.profiles):
        try:
            parameters.resolve(card.slug, profile=name)
        except PaperlabError as error:
            problems.append(f"profile {name}: {error}")
    return problems


def _source(cell):
    return "".join(cell["source"]).rstrip()


def _pair(slug, text, notebook):
    import jupytext

    written, stored = jupytext.read(text).cells, notebook["cells"]
    remedy = f"run `paperlab refresh {slug}`"
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


def _executed(slug, notebook):
    cells = _code_cells(notebook)
    problems = []
    counts = [cell["execution_count"] for _, cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        problems.append(f"cells were not executed once and in order; run `paperlab refresh {slug}`")
    for position, cell in cells:
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            problems.append(f"cell {position} holds an error")
        if _source(cell).startswith(CHECK_MARK) and not cell["outputs"]:
            problems.append(f"cell {position} is checked by nbval but stores no output, which passes silently")
    return problems


def _verdict_cell(card, notebook, known):
    result = records.result_of(notebook)
    if result is None:
        return ["no verdict cell with stored output; the page must end in paper.verdicts()"]
    problems = []
    checked = [cell for _, cell in _code_cells(notebook) if _source(cell).startswith(CHECK_MARK)]
    if not any(records.result_of({"cells": [cell]}) for cell in checked):
        problems.append(f"the verdict cell must begin with {CHECK_MARK}")
    problems += _judged(card, result["claims"], "stored")
    stored = result.get("parameters", {})
    changed = [name for name, parameter in known.items() if stored.get(name) != parameter.default]
    if changed:
        problems.append(f"the stored run had other values of {', '.join(changed)}; execute the page again")
    return problems


def _judged(card, stored, where):
    """Stored verdicts must be what the card's present criteria say about the stored values."""
    problems = []
    by_id = {claim["id"]: claim for claim in stored}
    if list(by_id) != [claim.id for claim in card.claims]:
        problems.append(f"the {where} verdicts name other claims than the card; run it again")
    for claim in card.claims:
        found = by_id.get(claim.id)
        if found is None or (found["value"] is None and found["verdict"] == "not tested"):
            continue
        if claim.judge(found["value"]).verdict != found["verdict"]:
            problems.append(
                f"{where} verdict of {claim.id} is {found['verdict']!r}, but the card's criterion {claim.criterion} says "
                f"{claim.judge(found['value']).verdict!r} for {found['value']:g}; run it again"
            )
    return problems


def _texts(notebook):
    problems = []
    keys = bibliography()
    glued = {
        output.get("metadata", {}).get("scrapbook", {}).get("name")
        for _, cell in _code_cells(notebook)
        for output in cell["outputs"]
    }
    for position, cell in enumerate(notebook["cells"]):
        source = _source(cell)
        texts = [source]
        if cell["cell_type"] == "markdown":
            problems += [
                f"cell {position}: reference {key!r} is not in references.bib" for key in _cited(source) - keys
            ]
            problems += [
                f"cell {position}: {name!r} is used in prose but never glued"
                for name in set(GLUE.findall(source)) - glued
            ]
            if MARKDOWN_IMAGE.search(source):
                problems.append(f"cell {position}: an image without alternative text")
        else:
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


def _registry():
    problems = []
    for name, entry in datasets.registry().items():
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


def _prose():
    problems = []
    listed, keys = contents(), bibliography()
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
