"""Cards and slugs: what is read and what is refused."""

import pytest
from paperlab import paths
from paperlab.errors import PaperlabError
from paperlab.pages.cards import Card
from tiny_book import replace


def test_a_card_is_read(book):
    card = Card.load("tiny")
    assert card.reference == "A. Author, B. Author (2020), nowhere, arXiv 2001.00001"
    assert [claim.id for claim in card.claims] == ["c1", "c2", "c3", "c4"]
    assert card.profiles == {"full": {"n": 100}}


def test_many_authors_are_shortened(book):
    replace(book / "data/papers/tiny.yml", "[A. Author, B. Author]", "[A, B, C, D, E, F, G]")
    assert Card.load("tiny").reference.startswith("A, B, C, D, E, others (2020)")


@pytest.mark.parametrize("command", ["show", "run", "sweep", "record", "stability", "check", "refresh"])
def test_unknown_slug_is_answered_with_a_near_one(book, refused, command):
    options = ["-p", "n=3"] if command == "sweep" else []
    assert (
        refused(command, "tinny", *options)
        == "paperlab: no paper 'tinny' (did you mean tiny?); `paperlab list` shows all"
    )


@pytest.mark.parametrize("slug", ["../x", "/etc/passwd", "Tiny", "a/b", "a.b", "", "..", "tiny\n", "-"])
@pytest.mark.parametrize("command", ["run", "record", "new"])
def test_a_slug_is_a_plain_name(book, refused, command, slug):
    before = sorted(book.rglob("*"))
    options = ["--part", "causes"] if command == "new" else []
    assert "slug must be" in refused(command, *options, "--", slug)
    assert sorted(book.rglob("*")) == before


@pytest.mark.parametrize("name", paths.RESERVED)
def test_reserved_names_are_no_papers(book, refused, name):
    assert f"{name} is a reserved name; choose another" in refused("new", name, "--part", "causes")
    assert name not in paths.slugs()


def test_a_folder_without_cards_is_told(tmp_path, monkeypatch, refused):
    monkeypatch.setenv("PAPERLAB_ROOT", str(tmp_path))
    assert "set PAPERLAB_ROOT" in refused("list")


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("criterion: {between: [0, 1]}, ", "", "claim c1: criterion: a criterion is missing"),
        ("{between: [0, 1]}", "{between: 0}", "claim c1: criterion: between needs [low, high], got 0"),
        ("{at_least: 50}", "{at_leest: 50}", "claim c3: criterion: unknown key 'at_leest' (did you mean at_least?)"),
        ("{at_least: 50}", "{at_least: 50, at_least: 60}", "not plain YAML at line 24: 'at_least' is given twice"),
        ("id: c2", "id: c1", "claim ids must differ, got c1, c1, c3, c4"),
        ("slug: tiny", "slug: other", "slug must be the name of the file, got 'other'"),
        ("slug: tiny\n", "", "field 'slug' is missing or empty"),
        ("year: 2020", "year: '2020'", "field 'year' must be int, got '2020'"),
        ('"2001.00001"', "2001.00001", "field 'arxiv' must be str, got 2001.00001; quote text"),
        ("[A. Author, B. Author]", "A. Author", "field 'authors' must be list"),
        ("part: causes", "part: cause", "part must be one of spiking,"),
        ("fidelity: same design\nquestion", "fidelity: same\nquestion", "fidelity must be one of same data,"),
        ('short: "Tiny"', f'short: "{"x" * 41}"', "short has 41 characters, at most 40"),
        ("{n: 100}", "100", "profile full must map parameters to values, got 100"),
        ("venue:", "venu:", "unknown field 'venu' (did you mean venue?)"),
        ("claims:", "claims: []\nolder:", "unknown field 'older'"),
        ("question: Does it run?", "question:", "field 'question' is missing or empty"),
    ],
)
def test_a_malformed_card_is_refused_with_its_place(book, refused, old, new, words):
    replace(book / "data/papers/tiny.yml", old, new)
    error = refused("run", "tiny")
    assert error.startswith("paperlab: data/papers/tiny.yml")
    assert words in error
    assert not (book / "runs").exists()


@pytest.mark.parametrize("content", ["", "- a\n", "just text\n"])
def test_a_card_is_a_mapping(book, refused, content):
    (book / "data/papers/tiny.yml").write_text(content)
    assert "data/papers/tiny.yml: a card is a mapping of fields" in refused("show", "tiny")


def test_a_card_without_claims_is_refused(book):
    with pytest.raises(PaperlabError, match="field 'claims' is missing or empty"):
        Card.from_dict({**dict.fromkeys(Card.__dataclass_fields__, "x"), "year": 1, "authors": ["x"], "claims": []})
