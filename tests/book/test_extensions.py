"""The book's own Sphinx extensions, as far as they are pure: what is folded, inverted, counted and how numbers read."""

import copy
import io
import json

import paperlab_html as html
import paperlab_inputs
import paperlab_notebooks
import pytest
from built_book import ROOT
from paperlab.pages import scoreboard, tables
from paperlab.pages.page import Book, Page
from PIL import Image


@pytest.mark.parametrize(
    "source, words",
    [
        ("import numpy as np\n\nN = 3", "Show the set-up"),
        ("from paperlab import Paper\npaper = Paper('x')\npaper.header()", "Show the set-up"),
        ("paper.glue(a=1)\npaper.measure(c1=2)", "Show the code"),
        ("# NBVAL_CHECK_OUTPUT\npaper.verdicts()", "Show the code"),
        ("x = 1\n" * 41, "Show the code"),
        ("x = 1\n" * 40, ""),
        ("value = model.fit()\npaper.measure(c1=value)", ""),
        ("def f():\n    import numpy\n    return numpy.pi", ""),
        ("%matplotlib inline\nx = 1", ""),
        ("this is not Python", ""),
    ],
)
def test_set_up_bookkeeping_and_long_cells_are_folded(source, words):
    assert paperlab_notebooks.folded(source) == words


def test_the_author_decides_about_tagged_cells():
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": "# A long question\n\nText", "metadata": {}},
            {"cell_type": "code", "source": "import os", "metadata": {"tags": ["parameters"]}, "outputs": []},
            {"cell_type": "code", "source": "import os", "metadata": {"tags": ["thumbnail"]}, "outputs": []},
        ]
    }
    page = Page("cd_test")
    prepared = paperlab_notebooks.prepared(notebook, page)["cells"]
    assert prepared[0]["source"] == f"# {page.card.short}\n\nText"
    assert prepared[1]["metadata"] == {"tags": ["parameters"]}
    assert prepared[2]["metadata"]["tags"] == ["thumbnail", "hide-input"]


def test_tables_are_drawn_from_card_and_record_not_from_what_is_stored():
    page = Page("cd_test")
    stored = copy.deepcopy(page.notebook)
    for output in tables.tables_of(stored):
        output["data"]["text/html"] = "<p>edited</p>"
    shown = json.dumps(paperlab_notebooks.prepared(stored, page))
    assert "<p>edited</p>" not in shown
    assert "claim-c1" in shown and "verdict-c1" in shown
    assert page.record["full"]["commit"] in shown and page.record["full"]["date"] in shown


def test_numpy_scalars_become_plain_numbers():
    data = {
        "text/plain": "np.float64(0.5)",
        "application/papermill.record/text/plain": ["np.int64(3)"],
        "text/html": "x",
    }
    paperlab_notebooks._plain(data)
    assert data == {"text/plain": "0.5", "application/papermill.record/text/plain": "3", "text/html": "x"}


def picture(shade):
    """A PNG that is white but for a block of one shade in a corner, or all of that shade."""
    image = Image.new("L", (100, 100), 255)
    image.paste(shade, (0, 0, 50, 50))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_only_charts_whose_words_do_not_speak_of_brightness_are_inverted():
    dark = io.BytesIO()
    Image.new("L", (100, 100), 120).save(dark, "PNG")
    assert paperlab_notebooks.chart(picture(0), "Error falls with n.")
    assert not paperlab_notebooks.chart(dark.getvalue(), "Eight photographs.")
    assert not paperlab_notebooks.chart(picture(0), "Darker cells have larger effects.")
    assert paperlab_notebooks.chart(b"<svg></svg>", "A highlight along the line.")


@pytest.mark.parametrize(
    "value, words",
    [
        (1830.0, "1,830 times as fast"),
        (17900.0, "17,900 times as fast"),
        (2.06, "2.06 times as fast"),
        (1.0, "as fast"),
        (0.119, "8.4 times slower"),
        (0.00261, "383 times slower"),
        (None, ""),
    ],
)
def test_ratios_read_without_exponents(value, words):
    assert html.ratio(value) == words


def test_tolerances_read_without_exponents():
    assert html.readable("max. difference 1e-15") == "max. difference 10⁻¹⁵"
    assert html.readable("within 2.5e-03, then 0e+00") == "within 2.5 × 10⁻³, then 0"
    assert html.readable("same words, all 5; 2e and cd_test.c2e") == "same words, all 5; 2e and cd_test.c2e"


def test_words_of_neighbouring_elements_stay_apart():
    assert html.apart("<tr><td>one</td><td>two</td></tr>").split() == ["<tr>", "<td>one</td>", "<td>two</td></tr>"]


def test_everything_from_a_file_is_escaped():
    found = scoreboard.findings(Page("cd_test"))
    card = Page("cd_test").card
    evil = type(card)(**{**card.__dict__, "short": "<b>", "title": "<i>", "summary": "<script>", "question": "<u>"})
    for text in (
        html.gallery_card(evil, found, "x.html"),
        html.byline(evil, "part", "p", "f", ["<em>"]),
        html.page_item(evil, found, "x.html"),
    ):
        assert not any(tag in text for tag in ("<b>", "<i>", "<script>", "<u>", "<em>"))


def test_digest_sees_changes_arrivals_and_departures(tmp_path):
    folder = tmp_path / "data" / "papers"
    folder.mkdir(parents=True)

    def now():
        return paperlab_inputs.digest(tmp_path, paperlab_inputs.data_files(tmp_path))

    seen = [now()]
    (folder / "a.yml").write_text("1")
    seen.append(now())
    (folder / "a.yml").write_text("2")
    seen.append(now())
    (folder / "b.yml").write_text("")
    seen.append(now())
    assert len(set(seen)) == 4
    (folder / "b.yml").unlink()
    assert now() == seen[2]


def test_every_finished_page_says_what_it_needs_and_what_its_methods_are_called():
    import yaml

    about = yaml.safe_load((ROOT / "book" / "_pages.yml").read_text(encoding="utf-8"))
    for page in Book().done:
        assert about["pages"][page.slug]["needs"] in about["needs"], page
        assert len(about["pages"][page.slug]["keywords"]) >= 3, page
