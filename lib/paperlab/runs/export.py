"""An executed notebook as one HTML file that needs no network: numbers in its prose, no roles or directives left."""

import contextlib
import copy
import re
import sys
import warnings

from paperlab import files, paths
from paperlab.pages import records, tables
from paperlab.pages.page import Page

# optional part of nbformat's validator: builds a grammar for 2.5 s
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

_GLUE = re.compile(r"\{glue:(?:text)?\}`([^`:]+)(?::([^`]*))?`")
_CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
_MATH = re.compile(r"\{math\}`([^`]+)`")
_ROLE = re.compile(r"\{[\w:-]+\}`([^`<]+?)\s*(?:<[^`>]*>)?`")
_FENCE = re.compile(r"^(`{3,}|:{3,})\s*(?:\{([\w:-]+)\})?\s*(.*?)\s*$")
_OPTION = re.compile(r"^:[\w-]+:( .*)?$")
_OPENING = {"exercise-start": "**Exercise.** {}", "solution-start": "**Solution.**", "math": "$$"}

# JupyterLab's template without what it loads from other hosts: require.js, mermaid and MathJax 2
_TEMPLATE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}
<script>MathJax = {tex: {inlineMath: [['$', '$'], ['\\\\(', '\\\\)']], tags: 'ams'}, \
options: {enableMenu: false}}</script>
<script defer src="{{ resources.mathjax_url }}"></script>
{%- endblock -%}
{%- block html_head_css -%}
{{ super() }}
<style>{{ resources.book_css }}</style>
{%- endblock -%}
"""


def to_html(notebook):
    """The page as one self-contained HTML text; formulas are drawn by the book's own MathJax."""
    from nbconvert import HTMLExporter

    notebook = copy.deepcopy(notebook)
    if result := records.result_of(notebook):
        tables.redrawn(notebook, Page(result["slug"]))  # the record beside the run's own verdicts
    values = glued(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(cell.source, values)
    exporter = HTMLExporter(raw_template=_TEMPLATE)
    found = sorted((paths.root() / "book" / "_static").glob("mathjax*/**/tex-mml-chtml.js"))
    exporter.mathjax_url = found[0].as_uri() if found else ""
    resources = {"book_css": _look()}
    with warnings.catch_warnings():  # glued values have a MIME type of their own, which is not for show
        warnings.simplefilter("ignore", UserWarning)
        return exporter.from_notebook_node(notebook, resources)[0]


def _look():
    """The book's style sheet for its tables, in light colours, without the fonts that lie beside it."""
    sheet = paths.root() / "book" / "_static" / "paperlab.css"
    text = files.read_text(sheet) if sheet.exists() else ""
    text += (
        ".pl-claim-list {list-style: none; padding: 0}\n.pl-verdict-table :is(td, th) {text-align: left !important}\n"
    )
    return re.sub(r"@font-face \{.*?\}\n", "", text, flags=re.DOTALL).replace("html[data-theme] {", ":root {", 1)


def glued(notebook):
    """What the notebook glued: ``{name: text}``."""
    prefix = "application/papermill.record/"
    values = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                text = next((v for k, v in output["data"].items() if k in ("text/plain", prefix + "text/plain")), "")
                values[name] = text.strip("'\"")
    return values


def plain_markdown(source, values):
    """Markdown without MyST: glued values inserted, roles as their text, directives as headings of what they hold."""

    def insert(match):
        text = values.get(match[1], match[1])
        if match[2]:
            with contextlib.suppress(ValueError):
                text = format(float(re.sub(r"^np\.\w+\((.*)\)$", r"\1", text)), match[2])
        return text

    lines: list[str] = []
    open_fences: list[tuple] = []
    for line in source.splitlines():
        fence = _FENCE.match(line)
        inside = open_fences[-1] if open_fences else None
        if fence and fence[2]:
            opening = _OPENING.get(fence[2], "**{}**" if fence[3] else "")
            open_fences.append((fence[1], fence[2]))
            lines.append(opening.format(fence[3]))
        elif fence and inside and fence[1] == inside[0] and not fence[3]:
            open_fences.pop()
            lines.append({"math": "$$", "code": line}.get(inside[1], ""))
        elif fence and fence[1][0] == "`":
            open_fences.append((fence[1], "code"))
            lines.append(line)
        elif inside and inside[1] == "code":
            lines.append(line)
        elif not (inside and _OPTION.match(line)):
            line = _CITE.sub(r"[\1]", _GLUE.sub(insert, line))
            lines.append(_ROLE.sub(r"\1", _MATH.sub(r"$\1$", line)))
    return "\n".join(lines)
