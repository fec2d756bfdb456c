"""scoreboard and list: their JSON is what other programs read, so its shape is fixed; and what counts as what."""

import csv
import io
import json
from dataclasses import replace as altered

import pytest
from paperlab.pages import records, scoreboard
from paperlab.pages.page import Book, Page
from tiny_book import finding, replace, run


@pytest.fixture
def recorded(book):
    """The tiny book with a recorded full run and seeds."""
    full = [{"id": "c1", "value": 0.25, "verdict": "reproduced"}, {"id": "c3", "value": 100.0, "verdict": "reproduced"}]
    info = {"date": "2024-01-01", "seconds": 12.0, "machine": "a machine", "commit": "abc"}
    seeds = {"c1": {"held": 3, "of": 5, "values": [1]}, "c2": {"held": 5, "of": 5, "values": [10]}}
    records.save("tiny", full={"claims": full, **info}, stability={"claims": seeds})
    return book


def test_scoreboard_json(recorded, paperlab):
    code, out, err = paperlab("scoreboard", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    value = rows[0]["default"]["value"]
    assert rows[0] == {
        "slug": "tiny",
        "part": "causes",
        "claim": "c1",
        "role": "paper",
        "text": "The mean lies in the unit interval.",
        "paper": "0.5",
        "criterion": "0 to 1",
        "basis": "field",
        "certainty": "read",
        "fidelity": "same design",
        "random": True,
        "default": {"value": value, "verdict": "reproduced"},
        "full": {"value": 0.25, "verdict": "reproduced"},
        "stability": {"held": 3, "of": 5, "values": [1]},
        "verdict": "reproduced",
        "steady": False,
    }
    assert 0 < value < 1
    assert [row["default"]["verdict"] for row in rows] == ["reproduced", "partly", "not tested", "not tested"]
    assert [row["full"] for row in rows[1:]] == [None, {"value": 100.0, "verdict": "reproduced"}, None]
    assert [row["verdict"] for row in rows] == ["reproduced", "partly", "reproduced", "not tested"]
    assert [row["stability"] for row in rows[1:]] == [None] * 3, "no seed can change c2"
    assert [row["steady"] for row in rows] == [False, None, None, None]
    assert [row["role"] for row in rows] == ["paper", "paper", "control", "paper"]
    assert (rows[3]["criterion"], rows[3]["basis"], rows[2]["certainty"]) == (None, None, None)


def test_list_json(recorded, paperlab):
    code, out, err = paperlab("list", "--json")
    assert (code, err) == (0, "")
    later, tiny = json.loads(out)
    assert later == {
        "slug": "later",
        "title": "A later paper",
        "part": "vision",
        "status": "planned",
        "fidelity": None,
        "seconds": None,
        "peak_mb": None,
        "verdicts": None,
        "controls": None,
    }
    assert tiny.pop("seconds") > 0 and tiny.pop("peak_mb") > 10
    assert tiny == {
        "slug": "tiny",
        "title": "A tiny paper",
        "part": "causes",
        "status": "done",
        "fidelity": "same design",
        "verdicts": {"reproduced": 1, "partly": 1, "not": 0, "not tested": 1},
        "controls": {"reproduced": 1, "partly": 0, "not": 0, "not tested": 0},
    }


def test_scoreboard_csv_and_table(recorded, paperlab):
    rows = list(csv.DictReader(io.StringIO(paperlab("scoreboard", "--csv")[1])))
    assert [row["claim"] for row in rows] == ["c1", "c2", "c3", "c4"]
    assert tuple(rows[0]) == scoreboard.COLUMNS
    assert (rows[0]["verdict"], rows[0]["full_verdict"], rows[0]["seeds"]) == ("reproduced", "reproduced", "3/5")
    assert [row["steady"] for row in rows] == ["no", "", "", ""]
    assert float(rows[1]["default"]) == 10 and rows[2]["default"] == "" and rows[2]["default_verdict"] == "not tested"
    out = paperlab("scoreboard")[1]
    assert "reproduced (unsteady)" in out and "holds partly in miniature" in out and "as expected" in out
    assert out.splitlines()[-2:] == [
        "of 3 claims 1 reproduced, 1 partly, 1 not tested; 1 unsteady",
        "controls: 1 of 1 as expected",
    ]


def test_list_and_show_for_people(recorded, paperlab):
    lines = paperlab("list")[1].splitlines()
    assert lines[1].split()[:3] == ["later", "planned", "vision"]
    assert "1/1/0/1" in lines[2] and "1/1 " in lines[2]
    assert lines[-2:] == [
        "of 3 claims 1 reproduced, 1 partly, 1 not tested; 1 unsteady",
        "controls: 1 of 1 as expected",
    ]
    out = paperlab("show", "tiny")[1]
    for words in (
        "A. Author, B. Author (2020), nowhere, arXiv 2001.00001",
        "differs: Everything is made up.",
        "[0, 4294967295]",
        "{ok, fail, die, hang}",
        "profile full: n=100",
        "0.25 reproduced",
        "3/5",
        "reproduced (unsteady)",
        "holds partly in miniature",
        "full run recorded 2024-01-01: 12 s on a machine, commit abc",
    ):
        assert words in out


def test_show_json(recorded, paperlab):
    shown = json.loads(paperlab("show", "tiny", "--json")[1])
    assert [p["name"] for p in shown["parameters"]] == ["seed", "n", "mode", "weights"]
    assert shown["parameters"][2]["choices"] == ["ok", "fail", "die", "hang"]
    assert shown["claims"] == json.loads(paperlab("scoreboard", "--json")[1])


def test_a_card_without_a_page_is_not_done(book, paperlab):
    (book / "notebooks/tiny.ipynb").unlink()
    assert scoreboard.rows() == []
    assert [paper["slug"] for paper in scoreboard.papers()] == ["later"]
    assert "Nobody can know." in paperlab("show", "tiny")[1]
    assert paperlab("scoreboard", "--csv")[0] == 0
    assert paperlab("list")[1].splitlines()[-1] == "no claims"


def test_a_planned_paper_that_is_done_is_listed_once_at_its_place(book):
    replace(
        book / "data/papers/planned.yml", "- {slug: later", "- {slug: tiny, title: T, part: causes}\n- {slug: later"
    )
    assert [(p["slug"], p["status"]) for p in scoreboard.papers()] == [("tiny", "done"), ("later", "planned")]


@pytest.mark.parametrize(
    "full, expected",
    [(None, "reproduced"), (run("not"), "not"), (run("partly"), "partly"), (run("not tested"), "reproduced")],
)
def test_the_recorded_full_run_decides_where_it_tested_the_claim(full, expected):
    assert finding(full=full).verdict == expected


@pytest.mark.parametrize(
    "held, of, steady", [(5, 5, True), (4, 5, True), (3, 5, False), (0, 5, False), (8, 10, True), (7, 10, False)]
)
def test_steady_means_four_of_five_seeds(held, of, steady):
    assert finding(stability={"held": held, "of": of, "values": []}).steady is steady


def test_without_seeds_nothing_is_said_of_steadiness():
    assert finding().steady is None
    assert finding(stability={"held": 0, "of": 0, "values": []}).steady is None


def test_seeds_are_compared_with_the_default_run_not_with_the_verdict_of_record(recorded):
    """The full run says not; the seeds repeat the default run, and say whether that is steady."""
    first = scoreboard.findings(Page("tiny"))[0]
    assert altered(first, full=run("not"), stability={"held": 5, "of": 5, "values": []}).steady is True


def test_words_say_what_the_evidence_is_worth():
    shown = [finding(fidelity=fidelity).words for fidelity in ("same data", "same design", "public data", "stand-in")]
    assert shown == ["reproduced", "reproduced", "replicated", "holds in miniature"]
    assert finding(verdict="not", fidelity="stand-in").words == "does not hold in miniature"
    assert finding(verdict="not", fidelity="stand-in", role="control").words == "not as expected"


def many(n, **fields):
    return [finding(**fields)] * n


def test_the_headline_counts_claims_of_the_papers_and_controls_apart():
    found = [
        *many(100, fidelity="same data"),
        *many(21, fidelity="same design"),
        *many(48, fidelity="public data"),
        *many(74, fidelity="stand-in"),
        *many(41, fidelity="stand-in", verdict="not"),
        *many(26, verdict="not tested"),
        *many(27, role="control"),
        *many(2, role="control", verdict="not"),
    ]
    counts = scoreboard.counts(found)
    assert (
        counts.headline == "of 310 claims 121 reproduced, 48 replicated, 74 hold in miniature, 41 do not, 26 not tested"
    )
    assert counts.controls_line == "controls: 27 of 29 as expected"
    assert counts.claims == 310 and sum(counts.by_words.values()) == 310
    assert counts.verdicts == {"reproduced": 243, "partly": 0, "not": 41, "not tested": 26}


def test_partly_is_counted_in_sight_and_one_claim_reads_as_one():
    counts = scoreboard.counts([*many(1, fidelity="stand-in"), *many(2, verdict="partly"), *many(1, verdict="not")])
    assert counts.headline == "of 4 claims 1 holds in miniature, 2 partly, 1 does not"
    assert scoreboard.counts(many(1)).headline == "of 1 claim 1 reproduced"
    assert scoreboard.counts([]).headline == "no claims" and scoreboard.counts([]).controls_line == ""
    control = scoreboard.counts([*many(1, role="control"), *many(1, role="control", verdict="not tested")])
    assert control.controls_line == "controls: 1 of 2 as expected, 1 not tested"


def test_the_order_of_the_pages_does_not_change_the_counts():
    found = [*many(2, fidelity="stand-in"), *many(1, verdict="not"), *many(3, fidelity="public data"), *many(1)]
    assert scoreboard.counts(found) == scoreboard.counts(found[::-1])
    assert list(scoreboard.counts(found).by_words) == [
        "reproduced",
        "replicated",
        "holds in miniature",
        "not reproduced",
    ]


def test_unsteady_claims_of_the_papers_are_counted():
    shaky = {"stability": {"held": 1, "of": 5, "values": []}}
    assert scoreboard.counts([*many(3, **shaky), *many(2), *many(1, role="control", **shaky)]).unsteady == 3


def test_a_claim_that_the_card_no_longer_tests_counts_as_not_tested(recorded):
    replace(recorded / "data/papers/tiny.yml", "paper_value: 0.5,", "paper_value: 0.5, not_tested: it was misread,")
    first = scoreboard.findings(Page("tiny"))[0]
    assert (first.verdict, first.full["verdict"], first.stability) == ("not tested", "not tested", None)
    assert first.default["reason"] == "it was misread"


def test_one_book_gives_the_same_counts_everywhere(recorded, paperlab):
    book = Book()
    listed = json.loads(paperlab("list", "--json")[1])[1]
    counts = scoreboard.counts(scoreboard.all_findings(book))
    assert (listed["verdicts"], listed["controls"]) == (counts.verdicts, counts.controls)
    rows = json.loads(paperlab("scoreboard", "--json")[1])
    papers = [row["verdict"] for row in rows if row["role"] == "paper"]
    assert {verdict: papers.count(verdict) for verdict in counts.verdicts} == counts.verdicts
