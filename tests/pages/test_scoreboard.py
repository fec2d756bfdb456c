"""scoreboard and list: their JSON is what other programs read, so its shape is fixed."""

import csv
import io
import json

import pytest
from paperlab.pages import records, scoreboard
from tiny_book import replace


@pytest.fixture
def recorded(book):
    """The tiny book with a recorded full run and seeds."""
    full = [{"id": "c1", "value": 0.25, "verdict": "reproduced"}, {"id": "c3", "value": 100.0, "verdict": "reproduced"}]
    info = {"date": "2024-01-01", "seconds": 12.0, "machine": "a machine", "commit": "abc"}
    records.save(
        "tiny", full={"claims": full, **info}, stability={"claims": {"c1": {"held": 4, "of": 5, "values": [1]}}}
    )
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
        "text": "The mean lies in the unit interval.",
        "paper": "0.5",
        "criterion": "0 to 1",
        "fidelity": "same design",
        "default": {"value": value, "verdict": "reproduced"},
        "full": {"value": 0.25, "verdict": "reproduced"},
        "stability": {"held": 4, "of": 5},
    }
    assert 0 < value < 1
    assert [row["default"]["verdict"] for row in rows] == ["reproduced", "partly", "not tested", "not tested"]
    assert [row["full"] for row in rows[1:]] == [None, {"value": 100.0, "verdict": "reproduced"}, None]
    assert [row["stability"] for row in rows[1:]] == [None] * 3
    assert rows[3]["criterion"] is None


def test_list_json(book, paperlab):
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
    }
    assert tiny.pop("seconds") > 0 and tiny.pop("peak_mb") > 10
    assert tiny == {
        "slug": "tiny",
        "title": "A tiny paper",
        "part": "causes",
        "status": "done",
        "fidelity": "same design",
        "verdicts": {"reproduced": 1, "partly": 1, "not": 0, "not tested": 2},
    }


def test_scoreboard_csv_and_table(recorded, paperlab):
    rows = list(csv.DictReader(io.StringIO(paperlab("scoreboard", "--csv")[1])))
    assert [row["claim"] for row in rows] == ["c1", "c2", "c3", "c4"]
    assert (rows[0]["verdict"], rows[0]["full_verdict"], rows[0]["seeds"]) == ("reproduced", "reproduced", "4/5")
    assert float(rows[1]["default"]) == 10 and rows[2]["default"] == ""
    out = paperlab("scoreboard")[1]
    assert out.splitlines()[-1] == "1 reproduced, 1 partly, 0 not, 2 not tested"


def test_list_and_show_for_people(recorded, paperlab):
    lines = paperlab("list")[1].splitlines()
    assert lines[1].split()[:3] == ["later", "planned", "vision"]
    assert "1/1/0/2" in lines[2]
    out = paperlab("show", "tiny")[1]
    for words in (
        "A. Author, B. Author (2020), nowhere, arXiv 2001.00001",
        "differs: Everything is made up.",
        "[0, 4294967295]",
        "{ok, fail, die, hang}",
        "profile full: n=100",
        "0.25 reproduced",
        "4/5",
        "full run recorded 2024-01-01: 12 s on a machine, commit abc",
    ):
        assert words in out


def test_show_json(recorded, paperlab):
    shown = json.loads(paperlab("show", "tiny", "--json")[1])
    assert [p["name"] for p in shown["parameters"]] == ["seed", "n", "mode", "weights"]
    assert shown["parameters"][2]["choices"] == ["ok", "fail", "die", "hang"]
    assert [claim["claim"] for claim in shown["claims"]] == ["c1", "c2", "c3", "c4"]


def test_a_card_without_a_page_is_not_done(book, paperlab):
    (book / "notebooks/tiny.ipynb").unlink()
    assert scoreboard.rows() == []
    assert [paper["slug"] for paper in scoreboard.papers()] == ["later"]
    assert "Nobody can know." in paperlab("show", "tiny")[1]
    assert paperlab("scoreboard", "--csv")[0] == 0


def test_a_planned_paper_that_is_done_is_listed_once_at_its_place(book):
    replace(
        book / "data/papers/planned.yml", "- {slug: later", "- {slug: tiny, title: T, part: causes}\n- {slug: later"
    )
    assert [(p["slug"], p["status"]) for p in scoreboard.papers()] == [("tiny", "done"), ("later", "planned")]
