"""Lines that fit and cells that hold one thought: what `paperlab check` says of a page's code."""

from paperlab import paths
from paperlab.pages import form


def notebook(*sources, tags=()):
    return {"cells": [{"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}} for source in sources]}


def lines(n):
    return "\n".join(f"x = {i}" for i in range(n))


def test_a_line_of_88_characters_fits_and_one_of_89_does_not():
    assert form.problems(notebook("x" * 88)) == []
    assert form.problems(notebook("ok", "y" * 89)) == ["cell 1: a line of code has 89 characters, at most 88 fit"]


def test_a_long_cell_is_named_with_its_lines():
    page = notebook(*["x = 1"] * 10, lines(41))
    assert form.problems(page) == ["cell 10: 41 lines of code, at most 40; two thoughts, or lib/"]


def test_one_cell_in_ten_may_have_more_than_25_lines():
    assert form.problems(notebook(*["x = 1"] * 9, lines(26))) == []
    assert "2 of 10 code cells have more than 25" in form.problems(notebook(*["x = 1"] * 8, lines(26), lines(30)))[0]


def test_the_middle_of_the_cells_counts():
    assert form.problems(notebook(lines(10), lines(10), lines(11))) == []
    assert form.problems(notebook(lines(11)))[0].startswith("the median code cell has 11 lines")


def test_empty_lines_magics_and_the_table_of_parameters_do_not_count():
    assert form.problems(notebook("\n\n".join(["x = 1"] * 10))) == []
    assert form.problems(notebook(lines(60), tags=["parameters"])) == []
    assert form.problems(notebook("%config " + "x" * 100)) == []
    assert form.problems({"cells": [{"cell_type": "markdown", "source": "y" * 200, "metadata": {}}]}) == []


def test_older_pages_are_pages():
    assert set(paths.slugs()) >= form.OLDER
