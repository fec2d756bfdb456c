"""data/records/: what is kept, and that nothing damages it."""

import json
import os
import time

import pytest
from joblib import Parallel, delayed
from paperlab import files
from paperlab.errors import PaperlabError
from paperlab.pages import provenance, records
from paperlab.runs import single as runs
from tiny_book import read_json, replace


def test_record_keeps_values_parameters_machine_and_versions(book, paperlab):
    records.save("tiny", stability={"claims": {"c1": {"held": 1, "of": 1, "values": [0.5]}}})
    code, out, _ = paperlab("record", "tiny")
    assert code == 0 and "kept in data/records/tiny.json" in out
    record = read_json(book / "data/records/tiny.json")
    full = record["full"]
    assert record["stability"]["claims"]["c1"]["held"] == 1
    assert full["parameters"] == {"seed": 1, "n": 100, "mode": "ok", "weights": [1.0, 0.5]}
    assert [claim["verdict"] for claim in full["claims"]] == ["reproduced", "not", "reproduced", "not tested"]
    assert set(full) == {
        *("profile", "parameters", "claims", "tables", "seconds", "peak_mb", "machine", "versions", "commit", "date"),
        "hashes",
    }
    assert records.intact(full) is True and set(full["hashes"]) == {"claims", "code", "library", "result"}
    assert full["versions"]["numpy"] and "cores" in full["machine"] and os.uname().nodename not in full["machine"]


def test_a_failing_recording_leaves_the_record_as_it_was(book, refused):
    records.save("tiny", full={"claims": []})
    before = (book / "data/records/tiny.json").read_bytes()
    replace(book / "data/papers/tiny.yml", "full: {n: 100}", "full: {n: 100, mode: fail}")
    assert "ValueError: as asked" in refused("record", "tiny")
    assert (book / "data/records/tiny.json").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        *("{", "[]", '"x"', "\udcff", '{"full": 3}', '{"full": {"date": "today"}}', '{"stability": {}}'),
        '{"full": {"claims": [{"id": "c1", "verdict": "not"}]}}',
        '{"full": {"claims": [{"id": "c1", "verdict": "maybe", "value": 1}]}}',
        '{"full": {"claims": [{"id": "c1", "verdict": "not", "value": "1"}]}}',
        '{"full": {"claims": [], "hashes": 3}}',
        '{"other": {"claims": 3}}',
        '{"stability": {"claims": {"c1": {"held": 1, "of": 1}}}}',
        '{"stability": {"claims": {"c1": {"held": 1, "of": 1, "values": [null]}}}}',
        '{"stability": {"claims": {"c1": {"held": "1", "of": 1, "values": []}}}}',
    ],
)
@pytest.mark.parametrize("command", ["record", "stability", "show", "scoreboard"])
def test_a_damaged_record_is_told_before_anything_runs(book, refused, command, content):
    path = book / "data/records/tiny.json"
    files.write_text(path, "")
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    before = path.read_bytes()
    error = refused(command, *([] if command == "scoreboard" else ["tiny"]))
    assert "data/records/tiny.json is damaged" in error
    assert "restore it with git, or delete it and run `paperlab record tiny`" in error
    assert path.read_bytes() == before and not (book / "runs").exists()


@pytest.mark.parametrize("accident", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_killed_writer_leaves_the_old_file_and_no_rest(book, monkeypatch, accident):
    path = records.save("tiny", full={"claims": []})
    before = path.read_bytes()

    def fail(*_):
        raise accident

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises((KeyboardInterrupt, PaperlabError)) as caught:
        records.save("tiny", full={"claims": [], "seconds": 2})
    assert accident is KeyboardInterrupt or "cannot write data/records/tiny.json: No space left" in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["tiny.json"]


def test_numbers_that_json_does_not_know_are_refused(book):
    path = records.save("tiny", full={"claims": []})
    with pytest.raises(ValueError):
        records.save("tiny", full={"claims": [], "seconds": float("nan")})
    assert json.loads(path.read_text())["full"] == {"claims": []}


def test_result_of_a_page(book):
    assert records.result_of(book / "notebooks/none.ipynb") is None
    assert records.result_of({"cells": [{"outputs": [{"metadata": {}}]}, {}]}) is None
    result = records.result_of(book / "notebooks/tiny.ipynb")
    assert result["parameters"] == {"seed": 1, "n": 10, "mode": "ok", "weights": [1.0, 0.5]}
    assert 0 < result["cpu_seconds"] < 60 and 10 < result["peak_mb"] < 2000


def test_the_work_of_a_waiting_worker_counts():
    """Workers of joblib wait for more when they are done, so that they are no ended children."""

    def burn(seconds):
        begin = time.process_time()
        while time.process_time() - begin < seconds:
            pass

    before = provenance.cpu_seconds()
    Parallel(n_jobs=2)(delayed(burn)(0.5) for _ in range(2))
    assert provenance.cpu_seconds() - before > 1.0


@pytest.mark.parametrize(
    "result", [{"claims": "all"}, {"claims": [1]}, {"claims": [{"id": "c1", "value": 1, "verdict": "maybe"}]}, {"x": 1}]
)
@pytest.mark.parametrize("command", ["list", "show", "scoreboard", "check"])
def test_a_damaged_result_in_a_notebook_is_told(book, paperlab, command, result):
    stored = read_json("notebooks/tiny.ipynb")
    stored["cells"][-1]["outputs"][0]["metadata"]["paperlab"] = result
    files.write_json("notebooks/tiny.ipynb", stored)
    code, out, err = paperlab(command, *(["tiny"] if command == "show" else []))
    assert code == 2 and "Traceback" not in err
    assert "notebooks/tiny.ipynb is damaged: its verdict cell holds no claims" in out + err


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
@pytest.mark.parametrize("command", ["list", "run", "check"])
def test_a_damaged_notebook_is_told(book, paperlab, command, content):
    (book / "notebooks/tiny.ipynb").write_text(content)
    code, out, err = paperlab(command, *([] if command == "list" else ["tiny"]))
    assert code == 2 and "notebooks/tiny.ipynb is damaged" in out + err and "Traceback" not in err


def test_recording_needs_a_known_profile(book, refused):
    assert "tiny has no profile 'huge'" in refused("record", "tiny", "--profile", "huge")


def test_an_unwritable_record_folder_is_told(book, monkeypatch):
    (book / "data/records").mkdir(exist_ok=True)
    (book / "data/records").rmdir()
    (book / "data/records").write_text("a file")
    monkeypatch.setattr(runs, "run", lambda *_, **__: pytest.fail("must not run"))
    with pytest.raises(PaperlabError, match=r"data/records/tiny.json: Not a directory"):
        runs.record("tiny")
