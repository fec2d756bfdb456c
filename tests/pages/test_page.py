"""A page and the library files it rests on, and what is read once."""

import ast

import pytest
from paperlab import files, paths
from paperlab.errors import PaperlabError
from paperlab.pages import imports
from paperlab.pages.page import Book, Page, imported_files
from tiny_book import notebook, replace


def library(book, modules):
    """Write modules below lib/paperlab/methods."""
    for name, text in modules.items():
        path = book / "lib/paperlab/methods" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def imported(*sources):
    cells = [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]
    base = imports.library() / "methods"
    return [path.relative_to(base).as_posix() for path in imported_files("tiny", {"cells": cells})]


@pytest.fixture
def wings(book):
    library(
        book,
        {
            "__init__.py": '"""The wings."""\n',
            "panel/dependence.py": "from paperlab.methods.foundations import linear\n",
            "panel/simulate.py": "from . import filters\nfrom .draws import draw\nimport numpy\n",
            "panel/filters.py": "X = 1\n",
            "panel/draws.py": "def draw():\n    from paperlab.methods.foundations.late import y\n",
            "foundations/linear.py": "import paperlab.methods.foundations.deep\n",
            "foundations/deep.py": "",
            "foundations/late.py": "y = 1\n",
            "spiking/engine.py": "from paperlab.methods.spiking import engine\nfrom paperlab import paths\nZ = 3\n",
            "spiking/__init__.py": "W = 2\n",
        },
    )
    return book


@pytest.mark.parametrize(
    "sources, expected",
    [
        (["import numpy"], []),
        (["from paperlab import Paper, plots"], []),
        (["from paperlab.methods.panel import filters"], ["panel/filters.py"]),
        (["import paperlab.methods.panel.filters as f"], ["panel/filters.py"]),
        (["from paperlab.methods.panel.filters import X"], ["panel/filters.py"]),
        (["1\n", "if x:\n    from paperlab.methods.panel import filters"], ["panel/filters.py"]),
        (["%matplotlib inline\n!ls\nfrom paperlab.methods.panel import filters"], ["panel/filters.py"]),
        (["not python (", "from paperlab.methods.panel import filters"], ["panel/filters.py"]),
        (["from paperlab.methods.panel import dependence"], ["foundations/linear.py", "panel/dependence.py"]),
        (
            ["from paperlab.methods.panel import simulate"],
            ["foundations/late.py", "panel/draws.py", "panel/filters.py", "panel/simulate.py"],
        ),
        (["from paperlab.methods.spiking import engine"], ["spiking/__init__.py", "spiking/engine.py"]),
        (["from paperlab.methods.nowhere import x"], []),
    ],
)
def test_imports_are_followed_inside_the_methods(wings, sources, expected):
    assert imported(*sources) == expected


def test_a_page_names_its_own_files(wings):
    assert imported_files("tiny") == []
    replace(wings / "notebooks/tiny.ipynb", "import random", "from paperlab.methods.panel import filters")
    assert [path.name for path in imported_files("tiny")] == ["filters.py"]
    assert [path.name for path in Page("tiny").files] == ["filters.py"]


def test_the_loader_of_a_data_set_counts(wings):
    folder = wings / "lib/paperlab/datasets/loaders"
    folder.mkdir(parents=True)
    (folder / "causes.py").write_text("def prices(files):\n    return 1\n")
    (folder / "vision.py").write_text("def faces(files):\n    return 1\n")
    replace(wings / "data/papers/tiny.yml", "data: []", "data: [prices]")
    assert [path.name for path in imported_files("tiny")] == ["causes.py"]


def test_every_file_that_a_real_page_imports_is_found():
    """In the checkout: each `from paperlab.methods.wing import module` of a page leads to a file."""
    for slug in paths.slugs():
        tree = ast.parse(paths.notebook_path(slug, ".py").read_text(encoding="utf-8"))
        found = {path.relative_to(imports.library()).as_posix() for path in imported_files(slug)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("paperlab.methods."):
                wing = node.module.removeprefix("paperlab.methods.")
                for module in node.names if "." not in wing else ():
                    assert f"methods/{wing}/{module.name}.py" in found, (slug, wing, module.name)


@pytest.mark.parametrize(
    "old, new, same",
    [
        ("X = 1\n", "# a comment\nX  =  1   # another\n", True),
        ("X = 1\n", '"""A docstring."""\nX = 1\n', True),
        ("X = 1\n", "X = 2\n", False),
        ("X = 1\n", "X = 1\nY = 1\n", False),
        ('def f(x):\n    """Old."""\n    return x\n', 'def f(x):\n    """New."""\n    return x\n', True),
        ("def f(x):\n    return x\n", "def f(x):\n    return -x\n", False),
        ('X = "text"\n', 'X = "other"\n', False),
    ],
)
def test_only_what_code_does_changes_its_hash(wings, old, new, same):
    path = wings / "lib/paperlab/methods/panel/filters.py"
    hashes = []
    for text in (old, new):
        path.write_text(text)
        hashes.append(imports.library_hashes([path]))
    assert list(hashes[0]) == ["methods/panel/filters.py"]
    assert (hashes[0] == hashes[1]) is same
    assert (imports.code_hash([old]) == imports.code_hash([new])) is same


def test_a_module_that_is_not_python_is_told(wings):
    library(wings, {"panel/filters.py": "def f(:\n"})
    with pytest.raises(PaperlabError, match=r"lib/paperlab/methods/panel/filters.py: line 1 is not Python"):
        imported("from paperlab.methods.panel import filters")


def test_a_page_reads_each_file_once(book, monkeypatch):
    read = []
    for name in ("read_yaml", "read_json"):
        original = getattr(files, name)
        monkeypatch.setattr(files, name, lambda path, original=original: read.append(str(path)) or original(path))
    page = Page("tiny")
    for _ in range(2):
        assert page.card.title == "A tiny paper" and page.notebook["cells"] and next(iter(page.parameters)) == "seed"
        assert page.values("full")["n"] == 100 and page.values()["n"] == 10
        assert page.result["slug"] == "tiny" and page.hashes
    assert len(read) == len(set(read)), read


def test_a_page_without_notebook_or_record(book):
    (book / "notebooks/tiny.ipynb").unlink()
    page = Page("tiny")
    assert (page.notebook, page.result, page.record, page.files) == (None, None, {}, [])
    with pytest.raises(PaperlabError, match="tiny has no notebook yet"):
        page.parameters  # noqa: B018


def test_the_book_reads_what_pages_share_once(book):
    shared = Book()
    assert shared.page("tiny") is shared.page("tiny")
    assert shared.slugs == ["tiny"] and shared.bibliography == {"tiny2020"}
    assert "notebooks/tiny" in shared.contents and shared.registry == {}
    assert [entry["slug"] for entry in shared.planned] == ["later"]
    (book / "book/references.bib").unlink()
    assert shared.bibliography == {"tiny2020"}


def test_hashes_name_what_a_result_rests_on(wings):
    before = Page("tiny").hashes
    assert list(before["claims"]) == ["c1", "c2", "c3", "c4"] and before["library"] == {}
    replace(wings / "data/papers/tiny.yml", "why: bounds", "why: other bounds")
    assert Page("tiny").hashes == before, "a reason decides nothing"
    replace(wings / "data/papers/tiny.yml", "lies in", "never lies in")
    after = Page("tiny").hashes
    assert {key for key in before["claims"] if after["claims"][key] != before["claims"][key]} == {"c1"}
    assert after["code"] == before["code"]
    replace(wings / "notebooks/tiny.ipynb", "import random", "from paperlab.methods.panel import filters")
    assert list(Page("tiny").hashes["library"]) == ["methods/panel/filters.py"]
    assert Page("tiny").hashes["code"] != before["code"]


@pytest.mark.parametrize("name", ["data/papers/tiny.yml", "notebooks/tiny.ipynb", "book/references.bib", "_toc.yml"])
def test_a_byte_order_mark_in_front_is_read_over(book, name):
    path = book / name
    before = (Page("tiny").card, Page("tiny").result, Book().bibliography, Book().contents)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert (Page("tiny").card, Page("tiny").result, Book().bibliography, Book().contents) == before
    assert notebook()["cells"]
