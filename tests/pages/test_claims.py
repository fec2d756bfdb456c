"""Criteria, claims and their verdicts."""

import math

import pytest
from paperlab.errors import PaperlabError
from paperlab.pages.claims import BASES, VERDICTS, Claim, Criterion, number, words

GOOD = {
    "id": "c1",
    "role": "paper",
    "certainty": "read",
    "basis": "paper",
    "text": "Rates fall.",
    "paper": "5 Hz",
    "source": "Table 2",
    "measure": "mean rate",
    "criterion": {"at_most": 5},
    "fidelity": "same data",
}


@pytest.mark.parametrize(
    "data, inside, outside",
    [
        ({"at_least": 0.25}, [0.25, 1e300], [0.25 - 1e-12, -1]),
        ({"at_most": -2}, [-2, -1e300], [-2 + 1e-12, 0]),
        ({"between": [3, 8]}, [3, 8, 5.5], [2.999999, 8.000001]),
        ({"between": [4, 4]}, [4], [4.0000001]),
        ({"equals": 82}, [82], [82.0001]),
        ({"equals": 0.5, "tolerance": 0.25}, [0.25, 0.75], [0.2499, 0.7501]),
    ],
)
def test_both_ends_of_the_interval_count_as_reproduced(data, inside, outside):
    criterion = Criterion.from_dict(data)
    assert {criterion.verdict(value) for value in inside} == {"reproduced"}
    assert {criterion.verdict(value) for value in outside} == {"not"}


def test_partly_is_a_wider_band_around_the_criterion():
    criterion = Criterion.from_dict({"between": [3, 8], "partly": {"between": [1, 10]}})
    assert [criterion.verdict(x) for x in (0.9, 1, 2.9, 3, 8, 8.1, 10, 10.1)] == [
        *("not", "partly", "partly", "reproduced", "reproduced", "partly", "partly", "not")
    ]
    assert Criterion.from_dict({"at_least": 3, "partly": {"at_least": 1}}).verdict(2) == "partly"


@pytest.mark.parametrize(
    "data, words",
    [
        (None, "a criterion is missing"),
        ("at_least: 3", "a criterion is missing"),
        ({}, "exactly one of"),
        ({"at_least": 1, "at_most": 2}, "exactly one of"),
        ({"partly": {"at_least": 1}}, "exactly one of"),
        ({"atleast": 1}, "did you mean at_least?"),
        ({"at_least": "0.5"}, "at_least needs a number, got '0.5'"),
        ({"at_least": True}, "needs a number"),
        ({"at_most": math.nan}, "needs a number"),
        ({"at_most": math.inf}, "needs a number"),
        ({"between": 3}, "between needs [low, high], got 3"),
        ({"between": [8, 3]}, "between needs [low, high]"),
        ({"between": [1, 2, 3]}, "between needs [low, high]"),
        ({"between": [1, None]}, "between needs [low, high]"),
        ({"equals": 3, "tolerance": -1}, "tolerance must be a number >= 0, got -1"),
        ({"at_least": 3, "tolerance": 1}, "tolerance goes with equals"),
        ({"at_least": 3, "partly": {"at_least": 4}}, "partly must be wider"),
        ({"between": [0, 1], "partly": {"at_least": 0.5}}, "partly must be wider"),
        ({"at_least": 3, "partly": {}}, "partly: exactly one of"),
    ],
)
def test_malformed_criterion_is_refused_with_its_place(data, words):
    with pytest.raises(PaperlabError) as caught:
        Criterion.from_dict(data, "x.yml: claim c1: criterion")
    assert str(caught.value).startswith("x.yml: claim c1: criterion")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "data, text",
    [
        ({"at_least": 0.25}, "≥ 0.25"),
        ({"at_most": 3}, "≤ 3"),
        ({"between": [0, 1]}, "0 to 1"),
        ({"equals": 82}, "= 82"),
        ({"equals": 5, "tolerance": 0.5, "partly": {"between": [4, 6]}}, "= 5 ± 0.5 (partly: 4 to 6)"),
    ],
)
def test_criterion_reads_as_text(data, text):
    assert str(Criterion.from_dict(data)) == text


@pytest.mark.parametrize(
    "change, words",
    [
        ({"id": None}, "id reads c1"),
        ({"id": "claim 1"}, "got 'claim 1'"),
        ({"id": "c1'><b>"}, "id reads c1"),
        ({"text": " "}, "field 'text' is missing or empty"),
        ({"measure": None}, "field 'measure' is missing or empty"),
        ({"fidelity": "same dat"}, "fidelity must be one of"),
        ({"needs": "gpu"}, "needs can only be 'full', got 'gpu'"),
        ({"paper_value": "5 Hz"}, "paper_value must be a number, got '5 Hz'"),
        ({"paper_value": True}, "paper_value must be a number, got True"),
        ({"paper_value": math.nan}, "paper_value must be a number, got nan"),
        ({"role": "placebo"}, "role must be one of paper, control, got 'placebo'"),
        ({"random": "no"}, "random must be true or false, got 'no'"),
        ({"criterium": {}}, "unknown field 'criterium' (did you mean criterion?)"),
        ({"criterion": None}, "criterion: a criterion is missing"),
        ({"role": None}, "role is missing; write `role: paper` for a statement of the paper, `role: control` for"),
        ({"basis": None}, "basis is missing; write where the limit comes from: paper, field, prototype, ours"),
        ({"basis": "pilot"}, "basis must be one of paper, field, prototype, ours, got 'pilot'"),
        ({"certainty": None}, "certainty is missing; write how the paper's words or number are known: read,"),
        ({"certainty": "sure"}, "certainty must be one of read, second hand, recalled, got 'sure'"),
        ({"role": "control"}, "certainty is for statements of the paper; leave it out of a control, or write"),
        ({"basis": "ours"}, "a limit of our own (`basis: ours`) needs its reason; write it in `why`"),
        ({"basis": "ours", "why": " "}, "needs its reason; write it in `why`"),
    ],
)
def test_malformed_claim_is_refused(change, words):
    with pytest.raises(PaperlabError) as caught:
        Claim.from_dict({**GOOD, **change}, "x.yml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("x.yml: claim c1: " if "id" not in change else "x.yml: ")


@pytest.mark.parametrize(
    "change",
    [
        {"role": "control", "certainty": None},
        {"basis": "ours", "why": "a tenth more or less"},
        {"basis": None, "criterion": None, "not_tested": "closed data"},
        {"role": "control", "certainty": None, "basis": None, "not_tested": "closed data"},
    ],
)
def test_what_a_claim_is_worth_is_said_where_it_is_needed(change):
    data = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    assert Claim.from_dict(data, "x.yml").role == data["role"]


@pytest.mark.parametrize("data", ["c1", {}, {"text": "no id"}, None])
def test_claim_without_id_is_refused(data):
    with pytest.raises(PaperlabError, match="every claim needs an id"):
        Claim.from_dict(data, "x.yml")


def test_verdict_of_a_claim():
    claim = Claim.from_dict(GOOD, "x.yml")
    assert claim.judge(5.0).verdict == "reproduced"
    assert claim.judge(5.1).verdict == "not"
    assert (claim.judge(None).verdict, claim.judge(None).reason) == ("not tested", "not measured")
    full = Claim.from_dict({**GOOD, "needs": "full"}, "x.yml")
    assert (full.judge(None).verdict, full.judge(None).reason) == ("not tested", "measured in the full run only")
    assert full.judge(4).verdict == "reproduced"


def test_untestable_claim_stays_not_tested_and_shows_its_value():
    data = {**GOOD, "not_tested": "private data"}
    del data["criterion"]
    verdict = Claim.from_dict(data, "x.yml").judge(3.0)
    assert (verdict.verdict, verdict.value, verdict.reason) == ("not tested", 3.0, "private data")


@pytest.mark.parametrize(
    "fidelity, told",
    [
        ("same data", ["reproduced", "partly reproduced", "not reproduced"]),
        ("same design", ["reproduced", "partly reproduced", "not reproduced"]),
        ("public data", ["replicated", "partly replicated", "not replicated"]),
        ("stand-in", ["holds in miniature", "holds partly in miniature", "does not hold in miniature"]),
    ],
)
def test_words_say_what_the_evidence_is_worth(fidelity, told):
    assert [words(verdict, fidelity) for verdict in VERDICTS] == [*told, "not tested"]
    assert [words(verdict, fidelity, "control") for verdict in VERDICTS] == [
        *("as expected", "partly as expected", "not as expected", "not tested")
    ]


def test_a_pilot_is_what_a_reader_calls_a_prototype():
    assert set(BASES) == {"paper", "field", "prototype", "ours"}
    assert BASES["prototype"].startswith("pilot") and "prototype" not in " ".join(BASES.values())


def test_what_decides_a_claim_leaves_out_its_reasons():
    claim = Claim.from_dict(GOOD, "x.yml")
    for change in ({"why": "other"}, {"paper": "6 Hz"}, {"source": "Table 3"}, {"basis": "ours", "why": "x"}):
        assert Claim.from_dict({**GOOD, **change}, "x.yml").decided_by == claim.decided_by
    for change in (
        {"text": "Rates rise."},
        {"measure": "median rate"},
        {"criterion": {"at_most": 6}},
        {"needs": "full"},
    ):
        assert Claim.from_dict({**GOOD, **change}, "x.yml").decided_by != claim.decided_by


@pytest.mark.parametrize(
    "value, text", [(None, "–"), (82.0, "82"), (-3.0, "-3"), (0.123456, "0.1235"), (1234567.0, "1.235e+06"), (0, "0")]
)
def test_numbers_have_four_digits(value, text):
    assert number(value) == text
