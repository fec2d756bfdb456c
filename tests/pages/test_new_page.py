"""`paperlab new`: a page that runs and counts for nothing until it is one's own; all of it or nothing."""

import re
import shutil
import signal
import time

import nbformat
import pytest
from paperlab import files
from paperlab.errors import PaperlabError
from paperlab.pages import checks, contents, form, new_page, scoreboard
from paperlab.pages.page import Page
from paperlab.runs import execution, export
from tiny_book import read_json


def root_of(executed, folder, patch):
    root = shutil.copytree(executed, folder / "book")
    patch.setenv("PAPERLAB_ROOT", str(root))
    return root


@pytest.fixture(scope="module")
def made(executed, tmp_path_factory):
    """A book to which `paperlab new` has added a page, what was written, and what `paperlab check` says."""
    with pytest.MonkeyPatch.context() as patch:
        root = root_of(executed, tmp_path_factory.mktemp("made"), patch)
        with new_page.created("my_paper", "causes") as written:
            written.append(execution.refresh("my_paper", progress=False))
        return root, written, checks.check(), scoreboard.papers()


def test_a_new_page_runs_and_is_well_formed_but_for_its_placeholders(made):
    root, written, found, _ = made
    assert [problem for problem in found if "template still stands" not in problem] == []
    assert {path.relative_to(root).as_posix() for path in written} == {
        "data/papers/my_paper.yml",
        "notebooks/my_paper.py",
        "book/references.bib",
        "_toc.yml",
        "notebooks/my_paper.ipynb",
    }
    assert "@misc{tiny2020" in (root / "book/references.bib").read_text()


def test_glued_numbers_reach_the_text_of_a_copy(made, monkeypatch):
    monkeypatch.setenv("PAPERLAB_ROOT", str(made[0]))
    page = export.to_html(nbformat.read(made[0] / "notebooks/my_paper.ipynb", 4))
    assert re.search(r"The mean lies \d\.\d\d standard errors from zero", page)


def test_check_names_every_placeholder_that_is_left(made):
    _, _, found, _ = made
    for words in (
        'my_paper: the template still stands: card, line 2: title: "FILL IN: title of the paper"',
        "my_paper: the template still stands: card, line 5: year: 2020  # FILL IN",
        "my_paper: the template still stands: text, line 18: FILL IN: begin with the puzzle",
        "book/references.bib: the template still stands in line",
    ):
        assert any(problem.startswith(words) for problem in found), (words, found)


def test_an_untouched_template_is_never_counted(made):
    assert [paper["slug"] for paper in made[3]] == ["later", "tiny"]


@pytest.mark.parametrize("left", ["card", "text", "nothing"])
def test_a_page_counts_when_its_last_placeholder_is_gone(made, tmp_path, monkeypatch, left):
    root = root_of(made[0], tmp_path, monkeypatch)
    for name, path in (("card", "data/papers/my_paper.yml"), ("text", "notebooks/my_paper.py")):
        if name != left:
            (root / path).write_text((root / path).read_text().replace("FILL IN", "Done"))
    assert bool(Page("my_paper").placeholders) is (left != "nothing")
    assert ("my_paper" in scoreboard.done()) is (left == "nothing")


def test_a_finished_page_passes_every_check(made, tmp_path, monkeypatch):
    root = root_of(made[0], tmp_path, monkeypatch)
    for path in ("data/papers/my_paper.yml", "notebooks/my_paper.py", "book/references.bib"):
        (root / path).write_text((root / path).read_text().replace("FILL IN", "Done"))
    execution.refresh("my_paper", progress=False)
    assert checks.check() == []
    assert form.problems(Page("my_paper").notebook) == []
    assert [paper["slug"] for paper in scoreboard.papers()] == ["later", "my_paper", "tiny"]


def test_a_new_page_stands_below_its_part(made):
    import yaml

    chapters = yaml.safe_load((made[0] / "_toc.yml").read_text())["chapters"]
    assert chapters[0] == {"file": "book/parts/causes", "sections": [{"file": "notebooks/my_paper"}]}
    assert chapters[1] == {"file": "notebooks/tiny"}


def test_pages_are_listed_in_the_order_they_came():
    toc = (
        "chapters:\n  - file: book/parts/causes\n    sections:\n      - file: notebooks/a\n"
        "  - file: book/parts/vision\n"
    )
    once = contents.listed(toc, "b", "causes")
    assert once == toc.replace("notebooks/a\n", "notebooks/a\n      - file: notebooks/b\n")
    twice = contents.listed(once, "c", "vision")
    assert twice == once + "    sections:\n      - file: notebooks/c\n"


def test_stored_cells_have_ids_that_do_not_change(made):
    cells = read_json(made[0] / "notebooks/my_paper.ipynb")["cells"]
    assert [cell["id"] for cell in cells] == [f"cell-{position:03d}" for position in range(len(cells))]
    assert all("execution" not in cell["metadata"] for cell in cells)


def everything(book):
    return {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["tiny", "--part", "causes"], "data/papers/tiny.yml exists already; choose another name"),
        (["My-Paper", "--part", "causes"], "slug must be lower case letters, digits and _"),
        (["other", "--part", "cause"], "part must be one of spiking, latent-factors"),
        (["other", "--part", "vision"], "_toc.yml has no opening page book/parts/vision; add it first"),
    ],
)
def test_a_page_that_cannot_be_made_writes_nothing(book, refused, arguments, words):
    before = everything(book)
    assert words in refused("new", *arguments)
    assert everything(book) == before


def test_the_part_is_chosen_by_the_author(book, paperlab):
    before = everything(book)
    code, out, err = paperlab("new", "other")
    assert code == 2 and "Missing option '--part'" in err
    assert everything(book) == before


@pytest.mark.parametrize("accident", [KeyboardInterrupt, PaperlabError("a cell failed"), OSError("disk")])
def test_a_page_is_made_whole_or_not_at_all(book, accident):
    (book / "_toc.yml").write_bytes(b"\xef\xbb\xbf" + (book / "_toc.yml").read_bytes())
    before = everything(book)
    kind = type(accident) if isinstance(accident, Exception) else accident
    with pytest.raises(kind), new_page.created("my_paper", "causes") as written:
        assert all(path.exists() for path in written)
        (book / "notebooks/my_paper.ipynb").write_text("half")
        raise accident
    assert everything(book) == before
    with new_page.created("my_paper", "causes"):
        pass
    assert Page("my_paper").card.part == "causes"


def test_a_writer_that_fails_half_way_leaves_nothing(book, monkeypatch):
    before = everything(book)
    original = files.write_text

    def fail(path, text):
        if path.name == "_toc.yml" and "my_paper" in text:
            raise PaperlabError("cannot write _toc.yml: No space left on device")
        original(path, text)

    monkeypatch.setattr(files, "write_text", fail)
    with pytest.raises(PaperlabError, match="No space left"), new_page.created("my_paper", "causes"):
        pass
    assert everything(book) == before


def test_ctrl_c_while_the_new_page_runs_leaves_the_book_as_it_was(book, process):
    before = everything(book)
    child = process("new", "my_paper", "--part", "causes", cwd=book)
    deadline = time.time() + 60
    while not (book / "notebooks/my_paper.py").exists():
        assert child.poll() is None and time.time() < deadline, child.communicate()
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode != 0 and "Traceback" not in err, err
    after = {path: content for path, content in everything(book).items() if "runs" not in path.parts}
    assert after == before
