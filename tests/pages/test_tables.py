"""The HTML of claims and verdicts: what a reader gets, escaped, linked, and the same without colour."""

import re
from copy import deepcopy
from html.parser import HTMLParser

import nbformat
import pytest
from paperlab import paths
from paperlab.pages import pictures, records, scoreboard, tables
from paperlab.pages.claims import Criterion
from paperlab.pages.page import Page
from paperlab.runs import export
from tiny_book import finding, read_json, replace, run

NASTY = "<script>alert(\"x\")</script> & 'y'"


class Reader(HTMLParser):
    """Ids, links and text of HTML; every tag that is opened must be closed."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.words, self.open, self.tags = [], [], [], [], []
        self.feed(html)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        if tag not in ("br", "circle", "path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page(book):
    full = [{"id": "c1", "value": 0.25, "verdict": "reproduced"}, {"id": "c3", "value": 100.0, "verdict": "reproduced"}]
    info = {"date": "2024-01-01", "seconds": 12.0, "machine": "a machine", "commit": "abc", "profile": "full"}
    seeds = {"seeds": [2, 3, 4, 5, 6], "claims": {"c1": {"held": 3, "of": 5, "values": [0.4, 0.5, 0.6, 2, 3]}}}
    records.save("tiny", full={"claims": full, **info}, stability={**seeds, "date": "2024-01-02", "commit": "def"})
    return Page("tiny")


def test_every_claim_stands_at_the_head_with_its_verdict_of_record(page):
    head = Reader(tables.head(scoreboard.findings(page)))
    assert head.ids == ["claim-c1", "claim-c2", "claim-c4", "claim-c3"], "controls come last"
    assert head.links == ["#verdict-c1", "#verdict-c2", "#verdict-c4", "#verdict-c3"]
    assert [tag for tag, _ in head.tags].count("details") == 4
    for words in (
        "✓ reproduced",
        "≈ unsteady",
        "◐ holds partly in miniature",
        "– not tested",
        "✓ as expected",
        "Controls",
    ):
        assert words in head.text
    for words in (
        "mean of n numbers",
        "0 to 1",
        "a convention of the field: bounds",
        "abstract (read)",
        "the full run only",
    ):
        assert words in head.text, "what unfolds"
    assert "pilot: set after a pilot run had been seen" in head.text and "no seed can change the value" in head.text


def test_one_line_of_a_claim_holds_number_statement_paper_and_verdict(page):
    lines = re.findall(r"<summary.*?</summary>", tables.head(scoreboard.findings(page)))
    assert Reader(lines[0]).text == "c1 The mean lies in the unit interval. 0.5 ✓ reproduced ≈ unsteady"


def test_the_head_of_a_notebook_shows_criteria_and_no_verdict(page):
    head = Reader(tables.head(scoreboard.findings_of(page.card, None, {}), judged=False))
    assert "✓" not in head.text and "reproduced" not in head.text
    assert Reader(tables.head(scoreboard.findings_of(page.card, None, {}), judged=False)).ids == [
        *("claim-c1", "claim-c2", "claim-c4", "claim-c3")
    ]


def test_a_page_without_controls_has_no_heading_for_them(page):
    papers = [f for f in scoreboard.findings(page) if f.claim.role == "paper"]
    for html in (tables.head(papers), tables.verdict_table(papers), tables.strip(papers)):
        assert "controls" not in html.lower()


def test_the_strip_has_one_linked_cell_per_claim(page):
    strip = Reader(tables.strip(scoreboard.findings(page), "notebooks/tiny.html"))
    assert strip.links == [f"notebooks/tiny.html#verdict-{name}" for name in ("c1", "c2", "c4", "c3")]
    titles = [attributes["title"] for tag, attributes in strip.tags if tag == "a"]
    assert titles[0] == "c1, reproduced, unsteady: The mean lies in the unit interval."
    assert strip.text == "✓ ◐ – ✓", "signs, not colour alone"


def test_the_verdict_table_shows_default_full_run_and_seeds(page):
    table = Reader(tables.verdict_table(scoreboard.findings(page)))
    assert table.ids == ["verdict-c1", "verdict-c2", "verdict-c4", "verdict-c3"]
    assert table.links == ["#claim-c1", "#claim-c2", "#claim-c4", "#claim-c3"]
    row = Reader(re.findall(r'<tr id="verdict-c1".*?</tr>', tables.verdict_table(scoreboard.findings(page)))[0])
    assert "0.25 ✓ reproduced" in row.text and "3 of 5 ≈ unsteady" in row.text
    for words in ("not recorded", "no seed can change it", "measured in the full run only", "100 ✓ as expected"):
        assert words in table.text
    labels = [attributes.get("data-label") for tag, attributes in table.tags if tag == "td"]
    assert labels[:7] == ["claim", "statement", "criterion", "picture", "default run", "recorded full run", "seeds"]


def test_a_table_of_one_run_says_nothing_of_the_record(page):
    html = tables.verdict_table(scoreboard.findings_of(page.card, page.result, {}), recorded=False)
    text = Reader(html).text
    assert "recorded" not in text and "seeds" not in text and "found" in text
    assert html.startswith('<div class="paperlab-scroll'), "tests/nbval_sanitize.cfg knows it by its beginning"


def test_criteria_and_verdicts_lead_to_each_other(page):
    found = scoreboard.findings(page)
    head, table = Reader(tables.head(found)), Reader(tables.verdict_table(found))
    assert {link[1:] for link in head.links} == set(table.ids)
    assert {link[1:] for link in table.links} == set(head.ids)


def test_everything_from_a_card_is_escaped():
    nasty = finding(
        **dict.fromkeys(("text", "paper", "source", "measure", "why", "not_tested"), NASTY),
        full={"value": 1.0, "verdict": "not tested", "reason": NASTY},
    )
    for html in (tables.head([nasty]), tables.strip([nasty], NASTY), tables.verdict_table([nasty])):
        assert "<script" not in html and NASTY not in html
        Reader(html)


def test_provenance_says_who_made_the_record_and_whether_it_is_stale(page):
    text = Reader(tables.provenance(page)).text
    for words in (
        "2024-01-01",
        "profile full",
        "12 s on a machine",
        "commit abc",
        "Seeds of 2024-01-02, 2 to 6, commit def",
    ):
        assert words in text
    assert text.count("The version of the library that made it is not known.") == 2
    part = records.sealed(page.record["full"], page.hashes)
    records.save("tiny", full=part)
    assert "Nothing that it rests on has changed since." in Reader(tables.provenance(Page("tiny"))).text
    replace(paths.card_path("tiny"), "lies in", "never lies in")
    assert "Changed since: claim c1." in Reader(tables.provenance(Page("tiny"))).text


def test_a_page_without_record_says_so(book):
    assert Reader(tables.provenance(Page("tiny"))).text == "No full run has been recorded."


def test_a_stored_notebook_is_drawn_with_the_present_record(page, book):
    stored = read_json(book / "notebooks/tiny.ipynb")
    drawn = tables.redrawn(deepcopy(stored), page)
    html = ["".join(output["data"]["text/html"]) for output in tables.tables_of(drawn)]
    assert "✓ reproduced" in html[0] and "3 of 5" in html[1] and "2024-01-01" in html[1]
    again = tables.redrawn(deepcopy(drawn), page, judged=False)
    for before, after in zip(tables.tables_of(stored), tables.tables_of(again)):
        told = {kind: "".join(text) for kind, text in before["data"].items()}
        told["text/plain"] = told["text/plain"].replace("c1  reproduced", f"c1  {tables.OPEN}")  # 3 of 5 seeds
        assert told == after["data"], "what its cells drew"


@pytest.mark.parametrize("held, line", [(5, "c1  reproduced"), (4, "c1  not the same on every seed")])
def test_only_what_every_seed_confirms_is_compared_by_nbval(book, held, line):
    """The verdict stays in the result and in what a reader sees."""
    seeds = {"claims": {"c1": {"held": held, "of": 5, "values": [0.5] * 5}}}
    result = records.result_of(read_json(book / "notebooks/tiny.ipynb"))
    plain, counted = (tables.drawn("verdicts", Page("tiny").card, result, part) for part in (None, seeds))
    assert plain["text/plain"].splitlines()[0] == "c1  reproduced"
    assert counted["text/plain"].splitlines() == [line, *plain["text/plain"].splitlines()[1:]]
    assert counted["text/html"] == plain["text/html"]


def test_a_copy_of_the_page_keeps_its_own_values_beside_the_record(page, book):
    copy = read_json(book / "notebooks/tiny.ipynb")
    copy["cells"][-1]["outputs"][0]["metadata"]["paperlab"]["claims"][0].update(value=0.125)
    html = tables.redrawn(copy, page)["cells"][-1]["outputs"][0]["data"]["text/html"]
    assert "0.125" in html and "0.25" in html


def test_the_html_of_a_run_shows_the_record_beside_its_own_verdicts(page, book):
    html = export.to_html(nbformat.read(book / "notebooks/tiny.ipynb", 4))
    assert "recorded full run" in html and "3 of 5" in html and "2024-01-01" in html
    assert html.count('id="verdict-c1"') == html.count('id="claim-c1"') == 1


# pictures


def marks(html, css):
    return [attributes for _, attributes in Reader(html).tags if attributes.get("class") == css]


def test_a_picture_says_in_words_what_it_shows():
    shown = finding(paper_value=1.5, full=run("reproduced"), stability={"held": 2, "of": 3, "values": [0.5, 1.25, 3.0]})
    told = "Criterion ≥ 1; default run 2; recorded full run 1; 3 seeds from 0.5 to 3; paper 1.5"
    picture = pictures.picture(shown)
    svg = Reader(picture).tags[0][1]
    assert (svg["role"], svg["aria-label"]) == ("img", told)
    assert len(marks(picture, "pl-seed")) == 3
    assert all(len(marks(picture, css)) == 1 for css in ("pl-band", "pl-default", "pl-full", "pl-paper-value"))


def places(picture):
    seeds = [float(mark["cx"]) for mark in marks(picture, "pl-seed")]
    default = float(marks(picture, "pl-default")[0]["cx"])
    band = marks(picture, "pl-band")[0]
    return seeds, default, float(band["x"]), float(band["x"]) + float(band["width"])


def in_units_of(factor):
    """Places of the same claim with all its numbers in another unit."""
    criterion = Criterion.from_dict({"between": [factor * 1.0, factor * 3.0]})
    seeds = {"held": 1, "of": 3, "values": [factor * value for value in (0.5, 2.0, 4.0)]}
    return places(pictures.picture(finding(value=2.5 * factor, criterion=criterion, stability=seeds)))


@pytest.mark.parametrize("factor", [1e-9, 1, 1e9])
def test_a_picture_is_the_same_in_other_units(factor):
    (low, middle, high), default, left, right = in_units_of(factor)
    assert low < left < middle < default < right < high, "in and out of the band as the numbers are"
    (one, two, three), *others = in_units_of(1)
    assert [low, middle, high, default, left, right] == pytest.approx([one, two, three, *others], abs=0.11)


def test_marks_stay_inside_the_picture():
    shown = finding(paper_value=-1e6, full=run("not"), stability={"held": 0, "of": 2, "values": [-40.0, 1e7]})
    seeds, default, left, right = places(pictures.picture(shown))
    assert all(0 <= x <= pictures.WIDTH for x in (*seeds, default, left, right))


def test_numbers_over_many_decades_share_a_logarithmic_axis():
    wide = finding(stability={"held": 2, "of": 2, "values": [1e-6, 1e3]})
    assert "logarithmic axis" in pictures.picture(wide)
    seeds, default, left, _ = places(pictures.picture(wide))
    assert seeds[0] < left < default < seeds[1]
    assert "logarithmic" not in pictures.picture(finding())


def test_nothing_to_draw_gives_no_picture():
    reason = {"criterion": None, "not_tested": "no data", "verdict": "not tested"}
    assert pictures.picture(finding(**reason, value=3.0)) != ""
    assert pictures.picture(finding(**reason, value=None)) == ""
