"""`paperlab check`: a good book passes, and each check is seen to fail."""

import json

import pytest
from paperlab import files
from paperlab.pages import checks, records
from paperlab.runs import execution
from tiny_book import read_json, replace

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def edit(book, change, also_text=None):
    """Change the parsed notebook; ``also_text`` edits the .py in the same way, so that the pair still agrees."""
    path = book / "notebooks/tiny.ipynb"
    notebook = read_json(path)
    change(notebook["cells"])
    records.stamp(notebook, {})  # as if the page had been run so
    path.write_text(json.dumps(notebook))
    if also_text:
        replace(book / "notebooks/tiny.py", *also_text)


def problems(words, count=1):
    found = checks.check()
    assert len(found) == count, found
    assert words in found[0]


def test_a_good_book_passes(book, paperlab):
    note = "note: tiny: no full run is recorded; `paperlab record tiny` makes it\n"
    assert paperlab("check") == (0, "checks passed: 1 papers\n", note)
    assert paperlab("check", "tiny") == (0, "checks passed: tiny\n", note)


def test_problems_are_printed_one_a_line_and_fail(book, paperlab):
    replace(book / "notebooks/tiny.py", "# A tiny paper", "# Another")
    replace(book / "_toc.yml", "  - file: notebooks/tiny\n", "")
    code, out, err = paperlab("check")
    assert code == 2
    assert out.splitlines() == [
        "tiny: _toc.yml does not list notebooks/tiny",
        "tiny: cell 0 differs between .py and .ipynb; run `paperlab refresh tiny`",
    ]
    assert err.splitlines()[-1] == "paperlab: 2 problems"


def test_more_cells_in_the_text(book):
    with (book / "notebooks/tiny.py").open("a") as file:
        file.write("\n# %%\n1\n")
    problems("the .py has 8 cells, the .ipynb 7")


def test_other_metadata_in_the_text(book):
    replace(book / "notebooks/tiny.py", '# %% tags=["parameters"]', '# %% tags=["parameters", "hide-input"]')
    problems("metadata of cell 2 differs")


@pytest.mark.parametrize("name", ["notebooks/tiny.py", "notebooks/tiny.ipynb"])
def test_a_missing_half_of_the_pair(book, name):
    (book / name).unlink()
    problems(f"{name} is missing; run `paperlab refresh tiny`")


@pytest.mark.parametrize("count", [None, 7, 1])
def test_cells_not_executed_in_order(book, count):
    edit(book, lambda cells: cells[3].update(execution_count=count))
    problems("cells were not executed once and in order")


def test_an_error_in_a_cell(book):
    error = {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}
    edit(book, lambda cells: cells[3]["outputs"].append(error))
    problems("cell 3 holds an error")


def test_a_checked_cell_without_output_would_pass_silently(book):
    edit(
        book,
        lambda cells: cells[5].update(source="# NBVAL_CHECK_OUTPUT\n" + "".join(cells[5]["source"])),
        ("paper.measure(c1=value, c2=n)", "# NBVAL_CHECK_OUTPUT\npaper.measure(c1=value, c2=n)"),
    )
    problems("cell 5 is checked by nbval but stores no output")


def test_a_verdict_cell_that_nbval_does_not_check(book):
    edit(
        book,
        lambda cells: cells[6].update(source="paper.verdicts()"),
        ("# NBVAL_CHECK_OUTPUT\npaper.verdicts()", "paper.verdicts()"),
    )
    problems("the verdict cell must begin with # NBVAL_CHECK_OUTPUT")


def test_a_profile_that_the_page_does_not_take(book):
    replace(book / "data/papers/tiny.yml", "{n: 100}", "{n: 5000}")
    problems("profile full: parameter n must be in [1, 1000], got 5000")


def test_a_malformed_card(book):
    replace(book / "data/papers/tiny.yml", "criterion: {between: [0, 1]}", "criterion: {}")
    problems("tiny: data/papers/tiny.yml: claim c1: criterion: exactly one of")


def figure(cells):
    cells[3]["outputs"].append(
        {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": "<Figure>"}, "metadata": {}}
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"image": {"alt": "A line."}},
        {"figure": {"caption": "C."}},
        {"image": {"alt": ""}, "figure": {"caption": "C."}},
    ],
)
def test_a_figure_without_caption_or_alternative_text(book, metadata):
    def change(cells):
        figure(cells)
        cells[3]["metadata"] = {"mystnb": metadata}

    edit(book, change, ("# %%\nimport os", f"# %% mystnb={json.dumps(metadata)}\nimport os"))
    problems("cell 3: the figure needs a caption and an alternative text")


def test_a_figure_with_both_passes(book):
    metadata = {"image": {"alt": "A line."}, "figure": {"caption": "C."}}

    def change(cells):
        figure(cells)
        cells[3]["metadata"] = {"mystnb": metadata}

    edit(book, change, ("# %%\nimport os", f"# %% mystnb={json.dumps(metadata)}\nimport os"))
    assert checks.check() == []


@pytest.mark.parametrize(
    "prose, words",
    [
        ("By {cite:p}`tiny2020,nobody1999`.", "cell 0: reference 'nobody1999' is not in references.bib"),
        ("By {glue:text}`x:.2f`.", "cell 0: 'x' is used in prose but never glued"),
        ("![](figure.png)", "cell 0: an image without alternative text"),
        ("Look into /home/me/data.csv.", "cell 0: absolute path /home/me/data.csv"),
    ],
)
def test_prose_of_a_page(book, prose, words):
    title = "# A tiny paper\n\n"
    edit(
        book,
        lambda cells: cells[0].update(source=title + prose),
        ("# By {cite:t}`tiny2020`.", "# " + prose),
    )
    problems(words)


def glued(*names):
    prefix = "application/papermill.record/"
    return [
        {
            "output_type": "display_data",
            "data": {f"{prefix}text/plain": "1.5"},
            "metadata": {"scrapbook": {"name": name, "mime_prefix": prefix}},
        }
        for name in names
    ]


def test_a_name_is_glued_once(book):
    edit(book, lambda cells: cells[3]["outputs"].extend(glued("x", "y")))
    assert checks.check() == []
    edit(book, lambda cells: cells[4]["outputs"].extend(glued("x")))
    problems("'x' is glued 2 times; a name has one number")


def test_a_byte_order_mark_in_the_text_is_no_cell(book):
    path = book / "notebooks/tiny.py"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert checks.check() == []


def test_a_text_with_a_byte_order_mark_runs(book):
    path = book / "notebooks/tiny.py"
    before = read_json(book / "notebooks/tiny.ipynb")["cells"][0]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    execution.refresh("tiny", progress=False)
    assert read_json(book / "notebooks/tiny.ipynb")["cells"][0] == before
    assert checks.check() == []


def test_bibliography_contents_and_registry_are_read_once(book, monkeypatch):
    for name in ("second", "third"):
        (book / f"data/papers/{name}.yml").write_text((book / "data/papers/tiny.yml").read_text().replace("tiny", name))
    read = []
    original = files.read_text
    monkeypatch.setattr(files, "read_text", lambda path, *rest: read.append(path.name) or original(path, *rest))
    checks.check()
    assert [read.count(name) for name in ("_toc.yml", "registry.yml", "references.bib")] == [1, 1, 1]


def test_an_address_is_no_absolute_path(book):
    prose = "See https://example.org/home/me/data.csv and a/tmp/b."
    edit(
        book,
        lambda cells: cells[0].update(source="# A tiny paper\n\n" + prose),
        ("# By {cite:t}`tiny2020`.", "# " + prose),
    )
    assert checks.check() == []


def test_an_absolute_path_in_an_output(book):
    edit(
        book,
        lambda cells: cells[3]["outputs"].append(
            {"output_type": "stream", "name": "stderr", "text": ["x\n", "/root/a.py:3: Warning"]}
        ),
    )
    problems("cell 3: absolute path /root/a.py")


def test_a_card_that_cites_or_uses_what_is_not_there(book):
    replace(book / "data/papers/tiny.yml", "cite: tiny2020", "cite: tiny2021")
    problems("card cites 'tiny2021', which book/references.bib does not have")
    replace(book / "data/papers/tiny.yml", "cite: tiny2021", "cite: tiny2020")
    replace(book / "data/papers/tiny.yml", "data: []", "data: [prices]")
    problems("card names data set 'prices', which data/registry.yml does not have")


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("notebooks/lost.py", "1\n", "notebooks/lost.py has no card; write data/papers/lost.yml"),
        ("data/records/lost.json", "{}", "data/records/lost.json belongs to no paper"),
        ("book/lost.md", "# Lost\n", "book/lost.md: not in _toc.yml"),
        ("book/index.md", "![ ](x.png)", "book/index.md: an image without alternative text"),
        ("book/index.md", "{cite}`nobody`", "book/index.md: reference 'nobody' is not in references.bib"),
        ("book/index.md", "/work/x/y", "book/index.md: absolute path /work/x/y"),
    ],
)
def test_strays_and_prose_pages(book, name, content, words):
    (book / name).parent.mkdir(exist_ok=True)
    (book / name).write_text(content)
    problems(words)


@pytest.mark.parametrize(
    "entry, words",
    [
        ("{title: D}", "data/registry.yml: d: kind, files, licence, citation, what, not missing"),
        ("{title: D, kind: web, files: [], licence: L, citation: C, what: W, not: N}", "kind must be one of download,"),
        (
            "{title: D, kind: shipped, files: [{file: a, sha256: abc}], licence: L, citation: C, what: W, not: N}",
            "a needs a sha256 of 64 digits",
        ),
    ],
)
def test_the_data_registry(book, entry, words):
    (book / "data/registry.yml").write_text(f"d: {entry}\n")
    problems(words)
