"""What the present card would not give is refused; what rests on changed files is told."""

import json

import pytest
from paperlab import files
from paperlab.pages import checks, records, tables
from paperlab.pages.page import Page
from tiny_book import notebook, read_json, replace

PARAMETERS = {"seed": 1, "n": 100, "mode": "ok", "weights": [1.0, 0.5]}
SEEDS = [2, 3, 4, 5, 6]


def problems(*words):
    found = checks.check()
    assert len(found) == len(words), found
    for line, expected in zip(found, words):
        assert expected in line, line


def recorded_run(**values):
    """A full run of the tiny page as `paperlab record` keeps it."""
    values = {"c1": 0.5, "c2": 100.0, "c3": 100.0, **values}
    verdicts = {claim.id: claim.judge(values.get(claim.id)) for claim in Page("tiny").card.claims}
    return {
        "profile": "full",
        "parameters": dict(PARAMETERS),
        "claims": [verdict.as_dict() for verdict in verdicts.values()],
        "tables": {"t": {"columns": ["a"], "data": [[1]]}},
        "date": "2024-01-01",
    }


def recorded_seeds(held=5, values=(0.1, 0.2, 0.3, 0.4, 0.5)):
    return {"seeds": SEEDS, "claims": {"c1": {"held": held, "of": 5, "values": list(values)}}, "date": "2024-01-01"}


@pytest.fixture
def record(book):
    """The book with an honest record, made before results carried hashes."""
    records.save("tiny", full=recorded_run(), stability=recorded_seeds())
    assert checks.check() == []
    return book


def edit_record(change, *, sealed=False):
    """Change the record file behind the machinery's back."""
    path = "data/records/tiny.json"
    record = read_json(path)
    if sealed:
        hashes = Page("tiny").hashes
        record = {key: records.sealed(part, hashes) if isinstance(part, dict) else part for key, part in record.items()}
    change(record)
    files.write_json(path, record)


def edit_page(change):
    """Change the stored notebook; ``change`` gets its verdict cell's output."""
    stored = notebook()
    change(stored["cells"][-1]["outputs"][0])
    files.write_json("notebooks/tiny.ipynb", stored)


def text_with_open_verdict(output):
    """What nbval compares where c1 did not hold on every seed."""
    return "".join(output["data"]["text/plain"]).replace("c1  reproduced", f"c1  {tables.OPEN}")


def html_of(output, old, new):
    text = "".join(output["data"]["text/html"])
    assert old in text
    output["data"]["text/html"] = text.replace(old, new, 1)


# the stored default run


@pytest.mark.parametrize(
    "old, new",
    [
        ("v v-reproduced", "v v-not"),
        ("◐ holds partly in miniature", "✓ holds in miniature"),
        ("Nobody can know.", "Everybody knows."),
        ("measured in the full run only", ""),
        ("(partly: ≤", "(partly: ≥"),
    ],
)
def test_what_a_reader_sees_of_the_verdicts_is_what_card_and_result_give(book, old, new):
    edit_page(lambda output: html_of(output, old, new))
    problems("tiny: the stored table of verdicts is not what card, result and seeds give; run `paperlab refresh tiny`")


def test_a_flipped_line_of_text_is_found(book):
    edit_page(lambda output: output["data"].update({"text/plain": "c1  not reproduced"}))
    problems("the stored table of verdicts is not what card, result and seeds give")


def test_a_claims_table_of_another_card_is_found(book):
    replace(book / "data/papers/tiny.yml", "why: bounds", "why: other bounds")
    problems("the stored table of claims is not what card, result and seeds give")


def test_tables_of_an_older_version_are_found(book):
    stored = notebook()
    for cell in (stored["cells"][1], stored["cells"][-1]):
        del cell["outputs"][0]["metadata"]["paperlab_table"]
    files.write_json("notebooks/tiny.ipynb", stored)
    problems("no stored table of claims of this version", "no stored table of verdicts of this version")


@pytest.mark.parametrize(
    "change",
    [
        lambda result: result["claims"][0].update(value=0.25),
        lambda result: result["claims"][0].update(verdict="not"),
        lambda result: result["parameters"].update(n=11),
        lambda result: result["tables"].update(x={"columns": [], "data": []}),
        lambda result: result["claims"].pop(),
    ],
)
def test_an_edited_result_is_found_by_its_seal(book, change):
    edit_page(lambda output: change(output["metadata"]["paperlab"]))
    problems("the stored result was edited after its run")


def test_an_edited_output_of_any_cell_is_found(book):
    stored = notebook()
    stored["cells"][1]["outputs"][0]["data"]["text/latex"] = "x"
    files.write_json("notebooks/tiny.ipynb", stored)
    problems("the stored table of claims is not what card, result and seeds give")
    stored = notebook()
    del stored["cells"][1]["outputs"][0]["data"]["text/latex"]
    stored["cells"][3]["outputs"].append({"output_type": "stream", "name": "stdout", "text": "The rate is 0.5"})
    files.write_json("notebooks/tiny.ipynb", stored)
    problems("an output of the stored page was edited after its run; run `paperlab refresh tiny`")


def test_how_a_file_cuts_its_texts_into_lines_does_not_matter(book):
    def cut(output):
        for kind, text in output["data"].items():
            output["data"][kind] = "".join(text).splitlines(keepends=True)

    edit_page(cut)
    assert checks.check() == []


def without_hashes(change):
    """The result as versions before hashes stored it."""

    def edit(output):
        result = output["metadata"]["paperlab"]
        del result["hashes"]
        change(result)

    return edit


def test_a_result_without_hashes_is_judged_all_the_same(book):
    edit_page(without_hashes(lambda result: None))
    assert checks.check() == []
    edit_page(lambda output: output["metadata"]["paperlab"]["claims"][1].update(verdict="reproduced"))
    problems("stored verdict of c2 is 'reproduced', but the card's criterion ≤ 5 (partly: ≤ 10) says 'partly' for 10")
    edit_page(lambda output: output["metadata"]["paperlab"]["claims"][1].update(verdict="partly", value=9.0))
    problems("the stored table of verdicts is not what card, result and seeds give")


def test_a_criterion_moved_after_the_run(book):
    replace(book / "data/papers/tiny.yml", "{at_most: 5, partly: {at_most: 10}}", "{at_most: 10}")
    problems(
        "stored verdict of c2 is 'partly', but the card's criterion ≤ 10 says 'reproduced' for 10",
        "statement, measure or criterion of claim c2 is not what the stored run saw",
    )


def test_a_criterion_moved_where_no_verdict_changes(book):
    replace(book / "data/papers/tiny.yml", "{between: [0, 1]}", "{between: [0, 0.9]}")
    problems("statement, measure or criterion of claim c1 is not what the stored run saw; run `paperlab refresh tiny`")


def test_a_claim_turned_into_its_opposite(book):
    replace(book / "data/papers/tiny.yml", "The mean lies in", "The mean never lies in")
    problems("statement, measure or criterion of claim c1 is not what the stored run saw")


def test_another_measure(book):
    replace(book / "data/papers/tiny.yml", "measure: mean of n numbers", "measure: median of n numbers")
    problems("statement, measure or criterion of claim c1 is not what the stored run saw")


def test_another_id(book):
    replace(book / "data/papers/tiny.yml", "id: c1", "id: c9")
    problems("the stored verdicts name other claims than the card (c1 not in the card; c9 missing)", "claim c1")


def test_a_claim_that_is_not_tested_may_be_added(book):
    edit_page(without_hashes(lambda result: result["claims"].pop()))
    assert checks.check() == []


def test_a_stored_run_with_other_parameters(book):
    for name in ("py", "ipynb"):
        replace(book / f"notebooks/tiny.{name}", "n: int = 10", "n: int = 11")
    problems("the stored run had other values of n; run `paperlab refresh tiny`")


def test_no_stored_verdicts(book):
    edit_page(lambda output: output.update(metadata={}))
    problems("no verdict cell with stored output; the page must end in paper.verdicts()")


def test_a_page_that_shows_an_older_record(record):
    edit_page(without_hashes(lambda result: result.update(record=records.seal(recorded_run()))))
    assert checks.check() == []
    records.save("tiny", full=recorded_run(c1=0.75))
    problems("the page shows numbers of another recorded run than data/records/tiny.json; run `paperlab refresh tiny`")


def test_a_page_that_shows_older_seeds(record):
    edit_page(without_hashes(lambda result: result.update(seeds=records.seal(recorded_seeds()))))
    assert checks.check() == []
    records.save("tiny", stability=recorded_seeds(values=(0.1, 0.2, 0.3, 0.4, 0.6)))
    problems("the page shows numbers of other seeds than those of data/records/tiny.json; run `paperlab refresh tiny`")


# the record


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["full"]["claims"][0].update(value=0.4),
        lambda record: record["full"]["claims"][0].update(verdict="not"),
        lambda record: record["full"]["claims"].pop(0),
        lambda record: record["full"]["parameters"].update(n=99),
        lambda record: record["full"]["tables"]["t"]["data"][0].append(2),
        lambda record: record["full"]["tables"].clear(),
        lambda record: record["full"].update(date="2030-01-01"),
    ],
)
def test_an_edited_record_is_found_by_its_seal(record, change):
    edit_record(lambda _: None, sealed=True)
    assert checks.check() == []
    edit_record(change)
    problems(
        "the recorded full run was edited after it was made; "
        "restore it with git, or run `paperlab record tiny --profile full`"
    )


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda full: full["claims"][0].update(value=1.5), "recorded verdict of c1 is 'reproduced'"),
        (lambda full: full["claims"][0].update(verdict="not"), "says 'reproduced' for 0.5"),
        (lambda full: full["claims"].pop(0), "the recorded verdicts name other claims than the card (c1 missing)"),
        (lambda full: full["claims"].append(full["claims"][0]), "other claims than the card (one twice)"),
        (lambda full: full["claims"][0].update(value=None), "says 'not tested' for no value"),
        (lambda full: full["claims"][0].pop("value"), "data/records/tiny.json is damaged: full holds no claims"),
        (lambda full: full["claims"][0].update(value=float("nan")), "data/records/tiny.json is damaged"),
        (lambda full: full["claims"][0].update(value=True), "data/records/tiny.json is damaged"),
        (lambda full: full["parameters"].update(n=99), "the recorded full run had other values of n than the card"),
        (lambda full: full["parameters"].pop("n"), "the recorded full run had other values of n than the card"),
        (lambda full: full.update(parameters={}), "had other values of seed, n, mode, weights than the card"),
        (lambda full: full.update(profile="huge"), "the recorded full run is of profile 'huge'"),
    ],
)
def test_a_record_without_hashes_must_still_be_what_the_card_gives(record, change, words):
    path = "data/records/tiny.json"
    stored = read_json(path)
    change(stored["full"])
    files.write_text(path, json.dumps(stored))
    problems(words)


def test_deleted_values_are_found_even_if_the_verdict_goes_with_them(record):
    edit_record(lambda record: record["full"]["claims"][0].update(value=None, verdict="not tested"))
    problems("the recorded full run has no value for c1; run `paperlab record tiny --profile full`")


def test_a_full_run_may_say_why_it_could_not_test_a_claim(record):
    reason = {"value": None, "verdict": "not tested", "reason": "the solver did not converge"}
    edit_record(lambda record: record["full"]["claims"][0].update(reason))
    assert checks.check() == []


def test_a_profile_changed_after_the_recording(record):
    replace(record / "data/papers/tiny.yml", "full: {n: 100}", "full: {n: 200}")
    problems("the recorded full run had other values of n than the card")


def test_a_default_changed_after_the_recording(record):
    for name in ("py", "ipynb"):
        replace(record / f"notebooks/tiny.{name}", "[1.0, 0.5]  # [0, 5]", "[1.0, 0.6]  # [0, 5]")
    problems("the stored run had other values of weights", "the recorded full run had other values of weights")


def test_a_criterion_moved_after_the_recording(record):
    replace(record / "data/papers/tiny.yml", "{at_least: 50}", "{at_least: 500}")
    problems(
        "claim c3 is not what the stored run saw",
        "recorded verdict of c3 is 'reproduced', but the card's criterion ≥ 500 says 'not' for 100",
    )


# seeds


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda seeds: seeds["claims"]["c1"].update(held=2), "on 2 of 5 seeds, their values say 5"),
        (lambda seeds: seeds["claims"]["c1"].update(values=[2.0] * 5), "on 5 of 5 seeds, their values say 0"),
        (lambda seeds: seeds["claims"]["c1"]["values"].pop(), "c1 has values of 4 of 5 seeds"),
        (lambda seeds: seeds["claims"]["c1"].update(of=10), "c1 has values of 5 of 10 seeds"),
        (lambda seeds: seeds["seeds"].pop(), "c1 has values of 5 of 5 seeds"),
        (lambda seeds: seeds["claims"]["c1"].pop("values"), "data/records/tiny.json is damaged: stability"),
        (lambda seeds: seeds["claims"].update(c9=seeds["claims"]["c1"]), "name c9, which the card does not have"),
        (lambda seeds: seeds["claims"].pop("c1"), "no recorded seeds of c1; run `paperlab stability tiny`"),
    ],
)
def test_seeds_must_say_what_their_values_say(record, change, words):
    edit_record(lambda record: change(record["stability"]))
    problems(words)


def test_edited_seeds_are_found_by_their_seal(record):
    edit_record(lambda _: None, sealed=True)
    edit_record(lambda record: record["stability"]["claims"]["c1"]["values"].__setitem__(0, 0.15))
    problems("the recorded seeds were edited after they were run")


def test_seeds_are_compared_with_the_default_run(record):
    """A default run with another verdict makes them stale, whatever the full run says."""
    replace(record / "data/papers/tiny.yml", "{between: [0, 1]}", "{between: [0.7, 1]}")
    found = checks.check()
    assert any("is said to keep the default run's verdict" in line for line in found)


def test_a_limit_between_a_value_and_its_rounding_is_no_contradiction(record):
    """Seeds are kept with six digits: 1.00000004 is kept as 1 and was still outside."""
    edit_record(lambda record: record["stability"]["claims"]["c1"].update(held=4, values=[0.1, 0.2, 0.3, 0.4, 1.0]))
    problems("the stored table of verdicts is not what card, result and seeds give")
    edit_page(lambda output: output["data"].update({"text/plain": text_with_open_verdict(output)}))
    stored = notebook()
    records.stamp(stored, Page("tiny").hashes)
    files.write_json("notebooks/tiny.ipynb", stored)
    assert checks.check() == []


# what has changed since


def test_records_without_hashes_are_told_not_refused(record, paperlab):
    code, out, err = paperlab("check")
    assert code == 0
    note = "note: tiny: full run and seeds: library version unknown, recorded before results carried hashes"
    assert err.splitlines() == [note]


def test_a_full_run_that_is_gone_is_told(record):
    edit_record(lambda record: record.pop("full"))
    assert checks.check() == []
    assert "tiny: no full run is recorded; `paperlab record tiny` makes it" in checks.notes()


def with_library(book):
    """Let the page import a file of the library, and record with it."""
    module = book / "lib/paperlab/methods/panel/filters.py"
    module.parent.mkdir(parents=True, exist_ok=True)
    module.write_text("X = 1\n")
    for name in ("py", "ipynb"):
        replace(book / f"notebooks/tiny.{name}", "import random", "import random  # from paperlab.methods")
        text = (book / f"notebooks/tiny.{name}").read_text()
        line = "from paperlab.methods.panel import filters; _ = filters"
        text = text.replace("import random  # from paperlab.methods", f"import random; {line}")
        (book / f"notebooks/tiny.{name}").write_text(text)
    hashes = Page("tiny").hashes
    assert hashes["library"]
    records.save(
        "tiny", full=records.sealed(recorded_run(), hashes), stability=records.sealed(recorded_seeds(), hashes)
    )
    return module


def test_a_changed_library_file_is_told_and_no_problem(book, paperlab):
    module = with_library(book)
    assert [note for note in checks.notes() if "default run" not in note] == []
    module.write_text('"""A docstring."""\nX = 1  # a comment\n')
    assert [note for note in checks.notes() if "default run" not in note] == []
    module.write_text("X = 2\n")
    code, out, err = paperlab("check")
    assert (code, out) == (0, "checks passed: 1 papers\n")
    changed = "changed since: methods/panel/filters.py"
    assert f"note: tiny: full run of 2024-01-01: {changed}; `paperlab record --stale` makes it anew" in err
    assert f"note: tiny: seeds of 2024-01-01: {changed}; `paperlab stability tiny` makes it anew" in err


def test_changed_code_of_the_page_is_told(book):
    with_library(book)
    for name in ("py", "ipynb"):
        replace(book / f"notebooks/tiny.{name}", "range(n)) / n", "range(n)) / max(n, 1)")
    assert any("full run of 2024-01-01: changed since: the page's code" in note for note in checks.notes())


@pytest.mark.parametrize("state", ["unknown", "changed", "current"])
def test_stale_records_are_listed_and_made_anew(book, paperlab, state):
    module = with_library(book)
    if state == "unknown":
        records.save("tiny", full=recorded_run())
    elif state == "changed":
        module.write_text("X = 2\n")
    code, out, err = paperlab("record", "--stale", "--dry-run")
    told = {
        "unknown": "tiny: library version unknown\n",
        "changed": "tiny: changed since: methods/panel/filters.py\n",
        "current": "no recorded full run is stale\n",
    }[state]
    assert (code, out) == (0, told)
    before = read_json("data/records/tiny.json")
    assert before["full"]["date"] == "2024-01-01", "a dry run runs nothing"
    if state == "changed":
        code, out, err = paperlab("record", "--stale", "tiny")
        after = read_json("data/records/tiny.json")
        assert code == 0 and "kept in data/records/tiny.json" in out
        assert after["full"]["date"] != "2024-01-01" and after["stability"] == before["stability"]
        assert records.intact(after["full"]) is True and Page("tiny").changes(after["full"]) == []
        assert paperlab("record", "--stale")[1] == "no recorded full run is stale\n"


@pytest.mark.parametrize("arguments", [[], ["--dry-run"], ["tiny", "--dry-run"]])
def test_record_wants_a_paper_or_stale(book, refused, arguments):
    assert "name a paper, e.g. `paperlab record cd_test`, or give --stale" in refused("record", *arguments)


def test_seeds_carry_hashes_too(book, paperlab):
    assert paperlab("stability", "tiny", "--seeds", "1", "--workers", "1")[0] == 0
    seeds = read_json("data/records/tiny.json")["stability"]
    assert records.intact(seeds) is True and Page("tiny").changes(seeds) == []
    assert checks.check() == []


def test_the_stored_page_carries_hashes_and_says_when_it_is_older_than_its_code(book):
    assert records.intact(Page("tiny").result) is True
    for name in ("py", "ipynb"):
        replace(book / f"notebooks/tiny.{name}", "range(n)) / n", "range(n)) / max(n, 1)")
    assert any(
        "default run: changed since: the page's code; `paperlab refresh tiny`" in note for note in checks.notes()
    )
    assert checks.check() == []
