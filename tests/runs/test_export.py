"""The HTML copy of a run: glued numbers, nothing of MyST left, nothing asked of another host."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from paperlab.runs import export as html

VALUES = {"x-rate": "0.0523", "x-np": "np.float64(5.25)", "x-name": "pi", "x-count": "12"}


def glue(name, text):
    data = {"application/papermill.record/text/plain": text}
    return new_output("display_data", data=data, metadata={"scrapbook": {"name": name, "mime_prefix": ""}})


@pytest.mark.parametrize(
    "source, text",
    [
        ("{glue:text}`x-rate:.1%` of all", "5.2% of all"),
        ("{glue:text}`x-np:.1f` Hz, {glue:}`x-count`", "5.2 Hz, 12"),
        ("set {glue:text}`x-name:.2f`", "set pi"),
        ("{glue:text}`x-none`", "x-none"),
        ("{cite:t}`a2020` and {cite:p}`b,c`", "[a2020] and [b,c]"),
        ("see {ref}`the figure <fig-1>`, {numref}`fig-2`", "see the figure, fig-2"),
        ("{math}`x^2` and `code`", "$x^2$ and `code`"),
    ],
)
def test_roles_become_text(source, text):
    assert html.plain_markdown(source, VALUES) == text


def test_directives_become_what_they_hold():
    source = """\
before
```{exercise-start} How large?
:label: x-ex1
```
Draw :label: it.
```{exercise-end}
```
:::{note}
:class: wide
Keep {glue:text}`x-count`.
:::
````{solution-start} x-ex1
````
```{math}
:label: eq
a = b
```
```python
f"{x}"  # {glue:text}`x-count`
```
after"""
    lines = [line for line in html.plain_markdown(source, VALUES).splitlines() if line]
    assert lines == [
        "before",
        "**Exercise.** How large?",
        "Draw :label: it.",
        "Keep 12.",
        "**Solution.**",
        "$$",
        "a = b",
        "$$",
        "```python",
        'f"{x}"  # {glue:text}`x-count`',
        "```",
        "after",
    ]


def test_the_page_is_self_contained(book):
    mathjax = book / "book/_static/mathjax/tex-mml-chtml.js"
    mathjax.parent.mkdir(parents=True)
    mathjax.write_text("")
    figure = new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Title\n\nThe rate is {glue:text}`x-rate:.1%` by {cite:t}`a2020`, $x^2$."),
            new_code_cell("1", outputs=[glue("x-rate", "0.0523"), figure]),
        ]
    )
    before = nbformat.writes(notebook)
    page = html.to_html(notebook)
    assert nbformat.writes(notebook) == before
    assert "The rate is 5.2% by [a2020]" in page
    assert not re.findall(r"\{(?:glue|cite)[^}]*\}`", page)
    sources = re.findall(r"<(?:script|link|img|iframe)[^>]*?(?:src|href)=[\"']([^\"']+)", page)
    assert mathjax.as_uri() in sources
    assert all(source.startswith(("file:", "data:")) for source in sources), sources
    assert not re.findall(r"import\([\"'](?:https?:)?//|@import|url\([\"']?(?:https?:)?//", page)
    assert "inlineMath" in page and "data:image/png;base64,iVBORw0KGgo=" in page


def test_glued_values_are_found_by_name():
    notebook = new_notebook(
        cells=[new_code_cell("1", outputs=[glue("a", "'text'"), glue("b", "3")]), new_markdown_cell("")]
    )
    assert html.glued(notebook) == {"a": "text", "b": "3"}


def test_the_copy_has_the_books_look_without_fonts_from_elsewhere(book, paperlab):
    sheet = book / "book/_static/paperlab.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text('@font-face {\n  src: url("fonts/a.woff2");\n}\nhtml[data-theme] {\n  --pl-good: green;\n}\n')
    assert paperlab("run", "tiny", "-o", "out")[0] == 0
    text = (book / "out/tiny.html").read_text()
    assert ":root {\n  --pl-good: green;" in text and "fonts/a.woff2" not in text
