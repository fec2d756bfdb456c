"""A page and the library files it rests on, and what is read once."""

import ast
import os

import pytest
from paperlab import files, paths
from paperlab.errors import PaperlabError
from paperlab.pages import imports
from paperlab.pages.imports import reached
from paperlab.pages.page import Book, Page
from tiny_book import notebook, replace


def library(book, modules):
    """Write modules below lib/paperlab/methods."""
    for name, text in modules.items():
        path = book / "lib/paperlab/methods" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def code(*sources):
    return [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]


def imported(*sources):
    base = imports.library() / "methods"
    return [path.relative_to(base).as_posix() for path in reached("tiny", {"cells": code(*sources)})]


@pytest.fixture
def wings(book):
    library(
        book,
        {
            "__init__.py": '"""The wings."""\nCACHE = 1\nprint(CACHE)\n',
            "panel/dependence.py": "from paperlab.methods.foundations import linear\n\ndef test():\n    linear.fit()\n",
            "panel/simulate.py": (
                "from . import filters\nfrom .draws import draw\nimport numpy\n"
                "def both(x: filters.X):\n    return draw(), numpy.exp(0)\n"
                "def other():\n    return Y\nY = 1\n"
            ),
            "panel/filters.py": "X = 1\nY, Z = 2, 3\n",
            "panel/draws.py": "def draw():\n    from paperlab.methods.foundations.late import y\n    return y\n",
            "panel/again.py": "from paperlab.methods.panel.filters import X as W\n",
            "foundations/linear.py": (
                "import paperlab.methods.foundations.deep\n\n"
                "def fit():\n    return paperlab.methods.foundations.deep.solve()\n\ndef rest():\n    return 0\n"
            ),
            "foundations/deep.py": "def solve():\n    return 1\n",
            "foundations/late.py": "y = 1\ny += 2\nz = 0\n",
            "spiking/engine.py": "from paperlab.methods.spiking import engine\nfrom paperlab import paths\nZ = 3\n",
            "spiking/__init__.py": "W = {}\nW['a'] = 2\n",
            "spiking/rules.py": "class Rule:\n    step = 1\n    def up(self):\n        return helper(self)\n\n"
            "def helper(rule):\n    return rule\n",
        },
    )
    return book


PANEL = "from paperlab.methods.panel import "


@pytest.mark.parametrize(
    "sources, expected",
    [
        (["import numpy"], {}),
        (["from paperlab import Paper, plots\nPaper, plots"], {}),
        ([PANEL + "filters\nfilters.X"], {"panel/filters.py": ["X"]}),
        ([PANEL + "filters\nfilters.Z"], {"panel/filters.py": ["Y", "Z"]}),
        ([PANEL + "filters\nuse(filters)"], {"panel/filters.py": ["X", "Y", "Z"]}),
        (["import paperlab.methods.panel.filters as f\nf.X.y"], {"panel/filters.py": ["X"]}),
        (["import paperlab.methods.panel.filters\npaperlab.methods.panel.filters.X"], {"panel/filters.py": ["X"]}),
        (["from paperlab.methods.panel.filters import X\nX()"], {"panel/filters.py": ["X"]}),
        (["from paperlab.methods.panel.filters import *\nX"], {"panel/filters.py": ["X", "Y", "Z"]}),
        (["1\n", "if x:\n    " + PANEL + "filters", "filters.X"], {"panel/filters.py": ["X"]}),
        (["%matplotlib inline\n!ls\n" + PANEL + "filters\nfilters.X"], {"panel/filters.py": ["X"]}),
        (["not python (", PANEL + "filters\nfilters.X"], {"panel/filters.py": ["X"]}),
        ([PANEL + "again\nagain.W"], {"panel/filters.py": ["X"]}),
        (
            [PANEL + "dependence\ndependence.test"],
            {"foundations/deep.py": ["solve"], "foundations/linear.py": ["fit"], "panel/dependence.py": ["test"]},
        ),
        (
            [PANEL + "simulate\nsimulate.both"],
            {
                "foundations/late.py": ["y"],
                "panel/draws.py": ["draw"],
                "panel/filters.py": ["X"],
                "panel/simulate.py": ["both"],
            },
        ),
        (
            ["from paperlab.methods.spiking import engine\nengine.Z"],
            {"spiking/__init__.py": ["W"], "spiking/engine.py": ["Z"]},
        ),
        (
            ["from paperlab.methods.spiking.rules import Rule\nRule"],
            {"spiking/__init__.py": ["W"], "spiking/rules.py": ["Rule", "helper"]},
        ),
        (["from paperlab.methods.nowhere import x\nx"], {}),
        (["from paperlab.methods.panel.filters import nothing\nnothing"], {}),
    ],
)
def test_names_are_followed_inside_the_methods(wings, sources, expected):
    found = reached("tiny", {"cells": code(*sources)})
    base = imports.library() / "methods"
    names = {path.relative_to(base).as_posix(): bound(statements) for path, statements in found.items()}
    assert names == expected
    assert imported(*sources) == list(expected)


def bound(statements):
    """Names that statements bind, once each."""
    return sorted({name for node in statements for name in imports._bound(node)})


def test_what_a_module_does_while_it_is_imported_counts(wings):
    """A line such as ``W['a'] = 2`` belongs to no name, and runs for all who import the module."""
    found = reached("tiny", {"cells": code("from paperlab.methods.spiking import engine\nengine.Z")})
    text = {path.name: [ast.unparse(node) for node in statements] for path, statements in found.items()}
    assert text == {"__init__.py": ["W = {}", "W['a'] = 2"], "engine.py": ["Z = 3"]}


def test_a_page_names_its_own_files(wings):
    assert list(reached("tiny")) == []
    replace(wings / "notebooks/tiny.ipynb", "import random", "from paperlab.methods.panel.filters import X as random")
    assert [path.name for path in reached("tiny")] == ["filters.py"]
    assert [path.name for path in Page("tiny").library] == ["filters.py"]


def test_the_loader_of_a_data_set_counts(wings):
    folder = wings / "lib/paperlab/datasets/loaders"
    folder.mkdir(parents=True)
    (folder / "causes.py").write_text("def prices(files):\n    return 1\n")
    (folder / "vision.py").write_text("def faces(files):\n    return 1\n")
    replace(wings / "data/papers/tiny.yml", "data: []", "data: [prices]")
    assert [path.name for path in reached("tiny")] == ["causes.py"]


def test_every_file_that_a_real_page_imports_is_found():
    """In the checkout: each `from paperlab.methods.wing import module` of a page leads to definitions of that file."""
    for slug in paths.slugs():
        tree = ast.parse(paths.notebook_path(slug, ".py").read_text(encoding="utf-8"))
        found = {path.relative_to(imports.library()).as_posix() for path in reached(slug)}
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
        ("X = 1\n", "X = 1\nX += 1\n", False),
        ('def f(x):\n    """Old."""\n    return x\n', 'def f(x):\n    """New."""\n    return x\n', True),
        ("def f(x):\n    return x\n", "def f(x):\n    return -x\n", False),
        ('X = "text"\n', 'X = "other"\n', False),
    ],
)
def test_only_what_code_does_changes_its_hash(wings, old, new, same):
    path = wings / "lib/paperlab/methods/panel/filters.py"
    page = {"cells": code(PANEL + "filters\nfilters")}
    hashes = []
    for text in (old, new):
        path.write_text(text)
        os.utime(path, ns=(1, len(hashes)))
        hashes.append(imports.library_hashes(reached("tiny", page)))
    assert list(hashes[0]) == ["methods/panel/filters.py"]
    assert (hashes[0] == hashes[1]) is same
    assert (imports.code_hash([old]) == imports.code_hash([new])) is same


def test_a_function_that_a_page_does_not_reach_leaves_its_hashes(wings):
    page = {"cells": code(PANEL + "simulate\nsimulate.both")}
    before = imports.library_hashes(reached("tiny", page))
    simulate, late = (wings / "lib/paperlab/methods" / name for name in ("panel/simulate.py", "foundations/late.py"))
    simulate.write_text(simulate.read_text() + "\n\ndef new():\n    return both(1)\n")
    assert imports.library_hashes(reached("tiny", page)) == before
    late.write_text(late.read_text().replace("y = 1", "y = 7"))
    after = imports.library_hashes(reached("tiny", page))
    assert {name for name in before if after[name] != before[name]} == {"methods/foundations/late.py"}


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
    assert (page.notebook, page.result, page.record, page.library) == (None, None, {}, {})
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
    replace(wings / "notebooks/tiny.ipynb", "import random", "from paperlab.methods.panel.filters import X as random")
    assert list(Page("tiny").hashes["library"]) == ["methods/panel/filters.py"]
    assert Page("tiny").hashes["code"] != before["code"]


@pytest.mark.parametrize("name", ["data/papers/tiny.yml", "notebooks/tiny.ipynb", "book/references.bib", "_toc.yml"])
def test_a_byte_order_mark_in_front_is_read_over(book, name):
    path = book / name
    before = (Page("tiny").card, Page("tiny").result, Book().bibliography, Book().contents)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert (Page("tiny").card, Page("tiny").result, Book().bibliography, Book().contents) == before
    assert notebook()["cells"]
