"""What a notebook does with its card."""

import math

import numpy as np
import pandas as pd
import pytest
from paperlab import Paper
from paperlab.errors import PaperlabError
from paperlab.pages import records
from tiny_book import replace


@pytest.fixture
def paper(book):
    return Paper("tiny")


@pytest.mark.parametrize(
    "value", [3, 3.0, True, np.float32(3), np.int64(3), np.array(3.0), np.array([3.0]), pd.Series([3])]
)
def test_numbers_of_any_library_are_taken(paper, value):
    paper.measure(c1=0.5, c2=value)
    assert paper.verdicts().result["claims"][1]["value"] == float(np.asarray(value).item())


@pytest.mark.parametrize("value", [None, "3", math.nan, math.inf, np.nan, 1j, [3]])
def test_only_one_finite_number_is_taken(paper, value):
    with pytest.raises(PaperlabError, match="claim c1 takes one finite number, got"):
        paper.measure(c1=value)


def test_an_array_is_refused(paper):
    with pytest.raises(PaperlabError, match=r"claim c1 takes one number, got an array of shape \(2,\)"):
        paper.measure(c1=np.zeros(2))


def test_an_unknown_claim_is_refused(paper):
    for call in (lambda: paper.measure(c11=1), lambda: paper.not_tested(c11="x"), lambda: paper.record_value("c11")):
        with pytest.raises(
            PaperlabError, match=r"tiny has no claim 'c11' \(did you mean c1\?\); its card names c1, c2"
        ):
            call()


def test_a_claim_without_a_value_is_refused(paper):
    paper.measure(c1=0.5)
    with pytest.raises(PaperlabError, match=r"claim c2 has no value; call paper.measure"):
        paper.verdicts()


def test_a_claim_may_be_excused_and_a_value_wins(paper):
    paper.measure(c1=0.5)
    paper.not_tested(c1="not used", c2="needs n <= 5")
    claims = paper.verdicts().result["claims"]
    assert claims[0]["verdict"] == "reproduced"
    assert claims[1] == {"id": "c2", "value": None, "verdict": "not tested", "reason": "needs n <= 5"}


def test_a_later_measurement_replaces_an_earlier_one(paper):
    paper.measure(c1=0.5, c2=100)
    paper.measure(c2=3)
    assert [c["verdict"] for c in paper.verdicts().result["claims"]] == [
        *("reproduced", "reproduced", "not tested", "not tested")
    ]


def test_verdicts_show_one_line_per_claim_and_escape_their_text(paper):
    paper.measure(c1=0.5, c2=7)
    verdicts = paper.verdicts()
    assert repr(verdicts).splitlines() == [
        "c1  reproduced",
        "c2  holds partly in miniature",
        "c3  not tested",
        "c4  not tested",
    ]
    shown, metadata = verdicts._repr_mimebundle_()
    assert "&lt;enough&gt;" in shown["text/html"] and "<enough>" not in shown["text/html"]
    assert "measured in the full run only" in shown["text/html"] and "not recorded" not in shown["text/html"]
    assert metadata[records.KEY]["claims"][1] == {"id": "c2", "value": 7.0, "verdict": "partly", "reason": ""}


def test_header_shows_every_claim_and_escapes_its_text(paper):
    assert repr(paper.header()).splitlines()[1:] == [
        "c1  The mean lies in the unit interval.  [0 to 1]",
        "c2  Few numbers are <enough>.  [≤ 5 (partly: ≤ 10)]",
        "c3  Many numbers settle it.  [≥ 50]",
        "c4  Nobody can know.  [no criterion]",
    ]
    shown, metadata = paper.header()._repr_mimebundle_()
    page = shown["text/html"]
    assert "&lt;enough&gt;" in page and "<enough>" not in page
    assert 'id="claim-c3"' in page and "full run only" in page and "the recordings are not public" in page
    assert metadata == {"paperlab_table": "claims"}


def test_small_tables_travel_with_the_result(paper):
    frame = pd.DataFrame({"n": [1, 2], "rate": [0.5, np.nan]}, index=pd.Index(["a", "b"], name="case"))
    paper.keep("rates", frame)
    paper.measure(c1=0.5, c2=3)
    table = paper.verdicts().result["tables"]["rates"]
    assert table == {"columns": ["case", "n", "rate"], "data": [["a", 1, 0.5], ["b", 2, None]]}
    with pytest.raises(PaperlabError, match="table 'rates' has 301 rows; keep at most 300"):
        paper.keep("rates", pd.DataFrame({"x": range(301)}))


def test_the_record_is_read(book):
    kept = {
        "claims": [{"id": "c1", "value": 0.25, "verdict": "reproduced"}],
        "tables": {"t": {"columns": ["a"], "data": [[1]]}},
    }
    stability = {"claims": {"c1": {"held": 4, "of": 5, "values": []}}}
    records.save("tiny", full=kept, stability=stability)
    paper = Paper("tiny")
    assert (paper.record_value("c1"), paper.record_value("c2")) == (0.25, None)
    assert paper.record_table("t").to_dict("list") == {"a": [1]}
    assert paper.record_table("u") is None
    paper.measure(c1=0.5, c2=3)
    verdicts = paper.verdicts()
    shown = verdicts._repr_mimebundle_()[0]["text/html"]
    assert "0.25" not in shown and "4 of 5" not in shown, "a stored table that shows the record goes stale"
    assert verdicts.result["record"] == records.seal(kept)
    assert "record" not in unread(book).result


def test_seeds_are_read_and_the_page_says_which_it_shows(book):
    stability = {"seeds": [2, 3], "claims": {"c1": {"held": 1, "of": 2, "values": [0.5, 2.0]}}}
    records.save("tiny", stability=stability)
    paper = Paper("tiny")
    assert paper.seeds("c1") == {"held": 1, "of": 2, "values": [0.5, 2.0]}
    assert paper.seeds("c2") is None
    with pytest.raises(PaperlabError, match="tiny has no claim 'c11'"):
        paper.seeds("c11")
    paper.measure(c1=0.5, c2=3)
    assert paper.verdicts().result["seeds"] == records.seal(stability)
    assert "record" not in paper.verdicts().result
    assert "seeds" not in unread(book).result


def test_without_a_record_there_are_no_seeds(paper):
    assert paper.seeds("c1") is None
    paper.measure(c1=0.5, c2=3)
    assert "seeds" not in paper.verdicts().result


def unread(book):
    """Verdicts of a page that never looks at its record."""
    paper = Paper("tiny")
    paper.measure(c1=0.5, c2=3)
    return paper.verdicts()


def test_recorded_tables_are_marked(book):
    kept = {
        "claims": [],
        "date": "2024-01-01",
        "profile": "full",
        "tables": {"t": {"columns": ["a", "b<c"], "data": [[1, 0.12345]]}},
    }
    paper = Paper("tiny")
    nothing = paper.recorded("t")
    assert repr(nothing) == "no full run is recorded yet; `paperlab record tiny` makes it"
    assert "pl-recorded" in nothing._repr_html_() and "<table" not in nothing._repr_html_()
    records.save("tiny", full=kept)
    paper = Paper("tiny")
    shown = paper.recorded("t", digits=2)
    assert repr(shown).startswith("recorded full run of 2024-01-01, profile full\n") and "0.12" in repr(shown)
    page = shown._repr_html_()
    assert "recorded full run of 2024-01-01, profile full</p>" in page and "0.12" in page and "b&lt;c" in page
    with pytest.raises(PaperlabError, match=r"kept no table 'tt' \(did you mean t\?\); it has t"):
        paper.recorded("tt")


def test_without_a_record_there_is_none(paper):
    assert (paper.record, paper.record_value("c1"), paper.record_table("t")) == (None, None, None)


def test_a_page_whose_card_breaks_says_so(book):
    replace(book / "data/papers/tiny.yml", "{between: [0, 1]}", "{}")
    with pytest.raises(PaperlabError, match="claim c1: criterion: exactly one of"):
        Paper("tiny")


def test_versions_are_printed(paper, capsys):
    paper.versions("numpy")
    out = capsys.readouterr().out
    assert f"numpy {np.__version__}" in out and "Python 3.11" in out and "CPU seconds" in out


def namespace(monkeypatch, **names):
    """Pretend that a notebook with these names calls."""
    import IPython

    shell = type("Shell", (), {"user_ns": names})()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)


def test_generators_follow_the_seed_of_the_page(paper, monkeypatch):
    namespace(monkeypatch, seed=7)
    first = paper.rng("input").random(3)
    np.testing.assert_array_equal(paper.rng("input").random(3), first)
    namespace(monkeypatch, seed=8)
    assert (paper.rng("input").random(3) != first).all()
    np.testing.assert_array_equal(Paper("tiny", seed=7).rng("input").random(3), first)


def test_a_page_without_a_seed_is_told(paper):
    with pytest.raises(PaperlabError, match=r"tiny: no seed; declare `seed: int` in the parameters cell"):
        paper.rng("input")


def test_streams_are_named_and_counted(book):
    paper = Paper("tiny", seed=7)
    streams = paper.streams("worlds", 3)
    values = [np.random.default_rng(stream).random() for stream in streams]
    assert len(set(values)) == 3
    again = [np.random.default_rng(stream).random() for stream in Paper("tiny", seed=7).streams("worlds", 5)]
    assert again[:3] == values, "more turns leave the first ones as they were"
    assert np.random.default_rng(paper.streams(("worlds", 1), 1)[0]).random() not in again


@pytest.fixture
def glued(monkeypatch):
    """What reaches myst_nb.glue: ``{name: value}``."""
    import myst_nb

    found = {}

    def glue(name, value, display=True):
        assert display is False
        found[name] = value

    monkeypatch.setattr(myst_nb, "glue", glue)
    return found


@pytest.mark.parametrize(
    "value, plain",
    [
        (np.float64(0.25), 0.25),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([2.0]), 2.0),
        (pd.Series([4]), 4),
        (0.1, 0.1),
        (12, 12),
        (np.bool_(True), True),
        ("two of three", "two of three"),
        (np.str_("a"), "a"),
    ],
)
def test_glue_hands_over_plain_numbers_and_words(paper, glued, value, plain):
    paper.glue(rate=value)
    assert glued == {"rate": plain} and type(glued["rate"]) is type(plain)


@pytest.mark.parametrize("value", [None, math.nan, np.nan, math.inf, np.float64("-inf"), pd.NA, pd.NaT])
def test_glue_refuses_what_is_missing_and_hands_over_nothing(paper, glued, value):
    with pytest.raises(PaperlabError, match=r"glue: rate is .*, neither a finite number nor text"):
        paper.glue(first=1.0, rate=value)
    assert glued == {}


@pytest.mark.parametrize("value", [[1], np.zeros(2), {}, pd.DataFrame({"x": [1, 2]})])
def test_glue_takes_one_value_for_one_name(paper, glued, value):
    with pytest.raises(PaperlabError, match="glue: rate is"):
        paper.glue(rate=value)
