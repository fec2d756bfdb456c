"""What the book makes of a notebook.

It gets one short name, a lead with figure, tables drawn anew, a folded set-up and figure numbers of its own. The stored
notebook stays as it is, also for the download; `prepared` changes the copy that Sphinx reads.
"""

import ast
import base64
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import paperlab_html as html
import paperlab_inputs as source
from docutils import nodes
from paperlab import paths
from paperlab.pages import scoreboard, tables
from paperlab.pages.cards import PARTS

NUMPY = re.compile(r"^np\.\w+\((.*)\)$", re.DOTALL)
HEADING = re.compile(r"\A# .*$", re.MULTILINE)
LONG = 40  # lines; a longer cell is folded, the reader meets its output first
SHOWN = {"parameters", "hide-input", "hide-cell", "remove-input", "remove-cell"}  # cells whose author has decided
BRIGHTNESS = re.compile(r"\b(?:dark|light|bright|black|white)(?:er|est)?\b", re.IGNORECASE)
BOOKKEEPING = {"glue", "measure", "not_tested", "keep", "header", "verdicts", "versions"}


@dataclass(frozen=True)
class Picture:
    """A figure as stored: bytes, suffix of its format, alternative text, whether it is inverted in the dark theme."""

    content: bytes
    suffix: str
    alt: str
    chart: bool


def thumbnail(notebook):
    """`Picture` of a page, or ``None`` where the notebook stores no figure.

    Parameters
    ----------
    notebook : dict
        Parsed ``.ipynb``. The cell tagged ``thumbnail`` is taken, otherwise the first one with a figure.
    """
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    tagged = [cell for cell in cells if "thumbnail" in cell["metadata"].get("tags", [])]
    for cell in tagged + cells:
        about = cell["metadata"].get("mystnb", {})
        alt = about.get("image", {}).get("alt", "")
        words = f"{alt} {about.get('figure', {}).get('caption', '')}"
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                content = base64.b64decode("".join(data["image/png"]))
                return Picture(content, "png", alt, chart(content, words))
            if "image/svg+xml" in data:
                content = "".join(data["image/svg+xml"]).encode()
                return Picture(content, "svg", alt, chart(content, words))
    return None


def chart(picture, words):
    """Whether a figure may be inverted in the dark theme.

    It may if it is lines and marks on white, and no word says what is bright or dark.

    Parameters
    ----------
    picture : bytes
        PNG; any other format counts as lines on white.
    words : str
        Caption and alternative text.
    """
    if BRIGHTNESS.search(words):
        return False
    if not picture.startswith(b"\x89PNG"):
        return True
    from PIL import Image

    grey = Image.open(io.BytesIO(picture)).convert("L").histogram()
    return sum(grey[245:]) >= 0.65 * sum(grey)


def folded(source):
    """Why the code of a cell is folded, as the words of its fold; empty where it stands open.

    Imports are set-up; calls that only hand numbers on, or ask for a table, are bookkeeping; more than `LONG` lines are
    too many to read on the way to a result.
    """
    try:
        statements = ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE)).body
    except SyntaxError:
        return ""
    if any(isinstance(node, ast.Import | ast.ImportFrom) for node in statements):
        return "Show the set-up"
    bookkeeping = statements and all(_called(node) in BOOKKEEPING for node in statements)
    return "Show the code" if bookkeeping or len(source.splitlines()) > LONG else ""


def _called(node):
    """Name of the function that a statement calls, ``None`` for any other statement."""
    call = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return call and (getattr(call.func, "attr", None) or getattr(call.func, "id", None))


def prepared(notebook, page):
    """A notebook as the book reads it, changed in place: one name, tables drawn anew, plain numbers, folded cells.

    Parameters
    ----------
    notebook : dict
        Parsed ``.ipynb``.
    page : Page
    """
    for output in tables.tables_of(tables.redrawn(notebook, page)):
        output["data"]["text/html"] = html.apart(output["data"]["text/html"])
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        _fold(cell["metadata"], "".join(cell["source"]))
        for output in cell.get("outputs", []):
            if "scrapbook" in output.get("metadata", {}):
                _plain(output["data"])
    first = notebook["cells"][0]
    first["source"] = HEADING.sub(lambda _: f"# {page.card.short}", "".join(first["source"]), count=1)
    return notebook


def _fold(metadata, source):
    words = "" if SHOWN & set(metadata.get("tags", [])) else folded(source)
    if words:
        metadata["tags"] = [*metadata.get("tags", []), "hide-input"]
        metadata["mystnb"] = {**metadata.get("mystnb", {}), "code_prompt_show": words}


def _plain(data):
    """Write glued numpy scalars as plain numbers: ``np.float64(0.5)`` cannot be formatted in a sentence."""
    for kind, text in data.items():
        if kind.endswith("text/plain"):
            data[kind] = NUMPY.sub(r"\1", "".join(text))


def read(app, docname, text):
    """Hand Sphinx the prepared notebook.

    It depends on card and record too, and on the library that the record rests on.
    """
    slug = source.slug_of(app, docname)
    if slug is None:
        return
    page = source.book_of(app).page(slug)
    about = Path(app.srcdir) / "book" / "_pages.yml"
    for path in (paths.card_path(slug), paths.record_path(slug), about, *page.library):
        app.env.dependencies[docname].add(path.relative_to(app.srcdir).as_posix())
    text[0] = json.dumps(prepared(json.loads(text[0]), page))


def lead(app, doctree):
    """Below a page's title: the paper, the question, the verdicts at a glance, the page's figure."""
    docname = app.env.docname
    slug = source.slug_of(app, docname)
    if slug is None:
        return
    mark_charts(app, doctree)
    page = source.book_of(app).page(slug)
    part = app.builder.get_relative_uri(docname, f"book/parts/{page.card.part}")
    fidelity = app.builder.get_relative_uri(docname, "book/how_to_read") + "#fidelity"
    words = html.byline(page.card, PARTS[page.card.part], part, fidelity, source.keywords(app, slug))
    title = next(doctree.findall(nodes.title))
    block = nodes.container(classes=["pl-lead"])
    words += html.verdict_strip(scoreboard.findings(page), (page.result or {}).get("cpu_seconds"))
    block += nodes.raw("", html.apart(words), format="html")
    block += figure(doctree)
    title.parent.insert(title.parent.index(title) + 1, block)


def mark_charts(app, doctree):
    """Mark the figures that are inverted in the dark theme; the others lie on a light card there."""
    for picture in doctree.findall(nodes.image):
        place = next((node for node in _above(picture) if isinstance(node, nodes.figure)), picture)
        words = " ".join([picture.get("alt", ""), *(caption.astext() for caption in place.findall(nodes.caption))])
        if chart((Path(app.srcdir) / picture["uri"].lstrip("/")).read_bytes(), words):
            picture["classes"].append("pl-chart")


def _above(node):
    while node.parent is not None:
        node = node.parent
        yield node


def figure(doctree):
    """The page's picture once more, small and linked, with the words of its caption; nothing where there is none."""
    cells = [node for node in doctree.findall(nodes.container) if "tag_thumbnail" in node["classes"]]
    for place in (found for cell in [*cells, doctree] for found in cell.findall(nodes.figure)):
        picture, caption = next(place.findall(nodes.image), None), next(place.findall(nodes.caption), None)
        if picture is None or not place["ids"]:
            continue
        address = {"refid": place["ids"][0], "internal": True}
        block = nodes.container(classes=["pl-figure"])
        block += nodes.reference("", "", picture.deepcopy(), **address)
        words = nodes.paragraph("", "", *(_copy(node) for node in (caption.children if caption else [])))
        words += [nodes.Text(" "), nodes.reference("", "Where it stands", classes=["pl-place"], **address)]
        block += words
        return [block]
    return []


def _copy(node):
    """A copy that claims no name of the original's."""
    copy = node.deepcopy()
    for element in copy.findall(nodes.Element):
        element["ids"] = []
    return copy


def restore_numbers(app, env):
    """Give Sphinx back its own running figure numbers, so that it sees which of them changed."""
    env.toc_fignumbers = getattr(env, "paperlab_fignumbers", env.toc_fignumbers)
    return []


def number_by_page(app, env):
    """Count figures from 1 on every page: a new page must not renumber the others."""
    env.paperlab_fignumbers = env.toc_fignumbers
    env.toc_fignumbers = {
        page: {
            kind: {name: (rank,) for rank, name in enumerate(sorted(numbers, key=numbers.get), start=1)}
            for kind, numbers in kinds.items()
        }
        for page, kinds in env.toc_fignumbers.items()
    }
    return []


def write_thumbnails(app, exception):
    """Write each finished page's picture into the built book."""
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "thumbnails"
    folder.mkdir(parents=True, exist_ok=True)
    for page in source.book_of(app).done:
        if picture := thumbnail(page.notebook):
            (folder / f"{page.slug}.{picture.suffix}").write_bytes(picture.content)


def connect(app):
    app.connect("source-read", read)
    app.connect("doctree-read", lead, priority=400)  # before Sphinx collects titles and pictures
    app.connect("env-get-updated", restore_numbers, priority=100)  # before and after sphinx's own numbering
    app.connect("env-get-updated", number_by_page, priority=900)
    app.connect("build-finished", write_thumbnails)
