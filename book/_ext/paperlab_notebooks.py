"""What the book adds to notebook pages: short titles, a line on the paper, plain numbers, own figure numbers, thumbnails."""

import base64
import json
import re
from pathlib import Path

import paperlab_html as html
from docutils import nodes
from paperlab import paths
from paperlab.pages import scoreboard
from paperlab.pages.cards import PARTS, Card

NUMPY = re.compile(r"^np\.\w+\((.*)\)$", re.DOTALL)


def slug_of(docname):
    """Slug of a notebook page, ``None`` for a prose page."""
    folder, _, name = docname.rpartition("/")
    return name if folder == "notebooks" and name in scoreboard.done() else None


def thumbnail(notebook):
    """Picture of a page: ``(bytes, suffix, alternative text)``, or ``None`` where the notebook stores no figure.

    Parameters
    ----------
    notebook : dict
        Parsed ``.ipynb``. The cell tagged ``thumbnail`` is taken, otherwise the first one with a figure.
    """
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    tagged = [cell for cell in cells if "thumbnail" in cell["metadata"].get("tags", [])]
    for cell in tagged + cells:
        alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                return base64.b64decode("".join(data["image/png"])), "png", alt
            if "image/svg+xml" in data:
                return "".join(data["image/svg+xml"]).encode(), "svg", alt
    return None


def short_titles(app, config):
    """Let the sidebar show the card's short title instead of the paper's long one."""
    for slug in scoreboard.done():
        document = config.external_site_map.get(f"notebooks/{slug}")
        if document is not None and not document.title:
            document.title = Card.load(slug).short


def plain_numbers(app, docname, source):
    """Write glued numpy scalars as plain numbers: ``np.float64(0.5)`` cannot be formatted in a sentence."""
    if slug_of(docname) is None:
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if "scrapbook" not in output.get("metadata", {}):
                continue
            for kind, text in output["data"].items():
                if kind.endswith("text/plain"):
                    output["data"][kind] = NUMPY.sub(r"\1", "".join(text))
    source[0] = json.dumps(notebook)


def byline(app, doctree):
    """Below a page's title: the paper, its authors, part and fidelity, also for those who search for its title."""
    docname = app.env.docname
    slug = slug_of(docname)
    if slug is None:
        return
    card = Card.load(slug)
    app.env.dependencies[docname].add(paths.card_path(slug).relative_to(app.srcdir).as_posix())
    part = app.builder.get_relative_uri(docname, f"book/parts/{card.part}")
    fidelity = app.builder.get_relative_uri(docname, "book/how_to_read") + "#fidelity"
    line = nodes.raw("", html.byline(card, PARTS[card.part], part, fidelity), format="html")
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, line)


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
    for slug in scoreboard.done():
        notebook = Path(app.srcdir) / "notebooks" / f"{slug}.ipynb"
        picture = thumbnail(json.loads(notebook.read_text(encoding="utf-8")))
        if picture:
            (folder / f"{slug}.{picture[1]}").write_bytes(picture[0])


def connect(app):
    app.connect("config-inited", short_titles, priority=950)  # after sphinx_external_toc has read the contents
    app.connect("source-read", plain_numbers)
    app.connect("doctree-read", byline)
    app.connect("env-get-updated", restore_numbers, priority=100)  # before and after sphinx's own numbering
    app.connect("env-get-updated", number_by_page, priority=900)
    app.connect("build-finished", write_thumbnails)
