"""Sweeps: the grid, what is finished stays, a failed run does not stop the others, any number of workers."""

import itertools
import logging
import os
import re
import signal
import threading
import time

import numpy as np
import pandas as pd
import paperlab as library
import psutil
import pytest
from dask.utils import parse_timedelta
from paperlab import paths
from paperlab.errors import PaperlabError
from paperlab.pages import parameters
from paperlab.runs import execution, grid, sweeps
from paperlab.runs import single as runs
from tiny_book import read_json, replace

KNOWN = parameters.from_source(
    "n: int = 1  # [0, 100000000] n\nx: float = 1.0  # x\nw: list[float] = [1.0]  # [0, 5] w\n"
    "m: str = 'a'  # {a, b} m\n"
    "g: str = '0>1'  # any text\nf: bool = False  # yes or no"
)


@pytest.mark.parametrize(
    "name, text, values",
    [
        ("n", "50,100,200", [50, 100, 200]),
        ("n", "7", [7]),
        ("n", "0:3", [0, 1, 2]),
        ("n", "0:100:25", [0, 25, 50, 75]),
        ("n", "3:0:-1", [3, 2, 1]),
        ("x", "0.5, 1", [0.5, 1.0]),
        ("w", "1,0.5;1;[2, 3]", [[1.0, 0.5], [1.0], [2.0, 3.0]]),
        ("n", "50;100", [50, 100]),
        ("m", "a;b", ["a", "b"]),
        ("m", "a", ["a"]),
        ("f", "true,false", [True, False]),
        ("g", "0>1, 1>2, 0<>2", ["0>1, 1>2, 0<>2"]),
        ("g", "0>1, 1>2; 0>1;", ["0>1, 1>2", "0>1"]),
    ],
)
def test_an_axis_is_read(name, text, values):
    assert grid.parse_values(KNOWN[name], text) == values


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("n", "", "'' names no value; write e.g. n=50,100"),
        ("n", ",", "',' names no value"),
        ("n", "5:5", "'5:5' names no value"),
        ("n", "0:x", "a range is start:stop or start:stop:step, got '0:x'"),
        ("n", "0:9:0", "a range is start:stop"),
        ("n", "0:1:2:3", "a range is start:stop"),
        ("n", "1,2.5", "n must be int, got 2.5"),
        ("x", "0:1:0.1", "x must be float, got '0:1:0.1'"),
        ("w", "1;9", "w must be in [0, 5], got 9.0"),
        ("m", "a;c", "m must be one of {a, b}, got 'c'"),
        ("m", "a,b", "texts on an axis are separated by ;, e.g. m='a;b', got 'a,b'"),
        ("w", "1;[]", "w needs at least one value"),
    ],
)
def test_a_bad_axis_is_refused(name, text, words):
    with pytest.raises(PaperlabError) as caught:
        grid.parse_values(KNOWN[name], text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "axes, words",
    [
        ({}, "a sweep needs at least one axis"),
        ({"N": "1"}, "tiny has no parameter 'N' (did you mean n?)"),
        ({"n": 5}, "parameter n: an axis is a list of values"),
        ({"n": np.array(5)}, "parameter n: an axis is a list of values"),
        ({"n": {1: 2}}, "parameter n: an axis is a list of values"),
        ({"seed": itertools.count()}, "more than 100000 runs"),
        ({"seed": range(10**12)}, "more than 100000 runs"),
        ({"n": []}, "parameter n: the axis has no value"),
        ({"n": [1, "2"]}, "parameter n must be int, got '2'"),
        ({"n": "1,1"}, "parameter n: the value 1 stands on the axis twice"),
        ({"n": "0:1001"}, "parameter n must be in [1, 1000], got 0"),
        ({"seed": "0:9000000000"}, "more than 100000 runs"),
        ({"n": "1:1001", "seed": "0:101"}, "more than 100000 runs"),
    ],
)
def test_a_bad_grid_is_refused(book, axes, words):
    with pytest.raises(PaperlabError) as caught:
        sweeps.sweep("tiny", axes)
    assert words in str(caught.value)
    assert not (book / "runs").exists()


def test_the_grid_is_every_combination_in_order(book):
    assert grid.grid("tiny", {"n": np.arange(1, 3), "mode": ["ok", "fail"]}) == [
        {"n": 1, "mode": "ok"},
        {"n": 1, "mode": "fail"},
        {"n": 2, "mode": "ok"},
        {"n": 2, "mode": "fail"},
    ]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "a sweep needs at least one axis, e.g. -p n=50,100,200"),
        (["-p", "n=3", "-p", "n=4"], "parameter 'n' is given twice"),
        (["-p", "n=3", "--workers", "0"], "workers must be at least 1, got 0"),
    ],
)
def test_a_bad_sweep_is_refused(book, refused, arguments, words):
    assert words in refused("sweep", "tiny", *arguments)


@pytest.fixture(scope="module")
def swept(executed, tmp_path_factory):
    """The same grid with one worker and with two, one run of it failing."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAPERLAB_ROOT", str(executed))
        for workers in (1, 2):
            out = tmp_path_factory.mktemp(f"sweep{workers}")
            found[workers] = sweeps.sweep(
                "tiny", {"mode": "ok;fail", "seed": "2"}, workers=workers, out=out, progress=False
            )
    return found


def test_a_failed_run_is_a_row_and_the_others_go_on(swept):
    table = swept[2].table
    assert list(table.columns) == ["mode", "seed", "claim", "value", "verdict", "seconds", "error"]
    assert len(table) == 4 + 1
    failed = table[table["mode"] == "fail"]
    assert failed["claim"].isna().all()
    assert all("ValueError: as asked" in error for error in failed["error"])
    assert len(swept[2].failed) == 1
    assert table[table["mode"] == "ok"]["error"].isna().all()


def test_the_table_does_not_depend_on_the_number_of_workers(swept):
    columns = ["mode", "seed", "claim", "value", "verdict"]
    pd.testing.assert_frame_equal(swept[1].table[columns], swept[2].table[columns])


def test_both_files_hold_the_table(swept):
    csv, parquet = pd.read_csv(swept[2].csv), pd.read_parquet(swept[2].parquet)
    assert list(csv.columns) == list(parquet.columns) == list(swept[2].table.columns)
    assert (
        csv["value"].dropna().tolist()
        == parquet["value"].dropna().tolist()
        == swept[2].table["value"].dropna().tolist()
    )


def test_a_sweep_resumes_and_a_damaged_result_is_no_result(book, paperlab):
    code, out, _ = paperlab("sweep", "tiny", "-p", "n=3", "--workers", "1")
    assert code == 0 and "0 runs were finished before, 0 failed" in out
    cell = next((book / "runs/tiny/sweeps/cells").iterdir())
    written = (cell / "result.json").stat().st_mtime_ns
    assert "1 runs were finished before" in paperlab("sweep", "tiny", "-p", "n", "3", "--workers", "1")[1]
    assert (cell / "result.json").stat().st_mtime_ns == written
    (cell / "result.json").write_text("{}")
    assert "0 runs were finished before" in paperlab("sweep", "tiny", "-p", "n=3", "--workers", "1")[1]
    assert read_json(cell / "result.json")["parameters"]["n"] == 3


@pytest.mark.parametrize(
    "name, old, new",
    [
        ("notebooks/tiny.ipynb", "range(n)) / n", "range(n)) / n + 1"),
        ("notebooks/tiny.ipynb", "n: int = 10", "n: int = 11"),
        ("lib/paperlab/methods/panel/filters.py", "X = 1", "X = 2"),
        ("lib/paperlab/datasets/loaders/causes.py", "return 1", "return 2"),
        ("data/registry.yml", "sha256: a", "sha256: b"),
        ("data/papers/tiny.yml", "{between: [0, 1]}", "{between: [0, 2]}"),
        ("requirements.txt", "numpy==1", "numpy==2"),
    ],
)
def test_a_change_of_page_library_data_versions_or_claims_is_another_run(with_library, name, old, new):
    before = sweeps.code_hash("tiny")
    replace(with_library / name, old, new)
    assert sweeps.code_hash("tiny") != before


@pytest.mark.parametrize(
    "name, old, new",
    [
        ("notebooks/tiny.ipynb", "# A tiny paper", "# Another title"),
        ("data/papers/tiny.yml", "question: Does it run?", "question: Does it run at all?"),
        ("data/registry.yml", "sha256: c", "sha256: d"),
        ("lib/paperlab/methods/spiking/engine.py", "X = 1", "X = 2"),
        ("lib/paperlab/methods/panel/filters.py", "Y = 1", "Y = 2"),
        ("lib/paperlab/datasets/loaders/spiking.py", "return 1", "return 2"),
        ("lib/paperlab/library.py", "X = 1", "X = 2"),
    ],
)
def test_prose_other_wings_unused_names_and_other_data_do_not_matter(with_library, name, old, new):
    before = sweeps.code_hash("tiny")
    replace(with_library / name, old, new)
    assert sweeps.code_hash("tiny") == before


@pytest.fixture
def with_library(book):
    """The tiny book with two wings and two data sets; its page uses a name of one wing and reads one data set."""
    for wing in ("panel/filters", "spiking/engine"):
        path = book / f"lib/paperlab/methods/{wing}.py"
        path.parent.mkdir(parents=True)
        path.write_text("X = 1\nY = 1\n")
    for part, data in (("causes", "d1"), ("spiking", "d2")):
        path = book / f"lib/paperlab/datasets/loaders/{part}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"def {data}(paths):\n    return 1\n")
    (book / "data/registry.yml").write_text("d1:\n  sha256: a\nd2:\n  sha256: c\n")
    (book / "requirements.txt").write_text("numpy==1\n")
    replace(book / "data/papers/tiny.yml", "data: []", "data: [d1]")
    replace(
        book / "notebooks/tiny.ipynb",
        '"import os\\n"',
        '"import os\\n",\n    "from paperlab.methods.panel import filters\\n",\n    "filters.X\\n"',
    )
    return book


def test_a_key_does_not_depend_on_the_order_of_parameters():
    before = "code"
    assert sweeps.cell_key(before, {"a": 1, "b": 2}) == sweeps.cell_key(before, {"b": 2, "a": 1})
    assert sweeps.cell_key(before, {"a": 1}) != sweeps.cell_key(before, {"a": 2})


def test_a_failed_run_is_tried_again_and_sets_the_exit_code(book, paperlab, monkeypatch):
    def execute_copy(*_, **__):
        raise PaperlabError("tiny: cell 5 failed")

    monkeypatch.setattr(runs, "execute_copy", execute_copy)
    for _ in range(2):
        code, out, err = paperlab("sweep", "tiny", "-p", "mode=fail", "--workers", "1")
        assert code == 1
        assert "0 runs were finished before, 1 failed" in out
        assert "failed: {'mode': 'fail'}: tiny: cell 5" in err


@pytest.mark.parametrize("workers, terminal", [(1, False), (2, True)])
def test_a_stopped_sweep_keeps_what_is_finished_and_continues(book, process, workers, terminal):
    """SIGINT to the command alone, and to its whole process group as a terminal sends it."""
    child = process("sweep", "tiny", "-p", "mode=ok;hang", "--workers", workers, start_new_session=True)
    cells = book / "runs/tiny/sweeps/cells"
    deadline = time.time() + 90
    while not (list(cells.glob("*/hanging")) and list(cells.glob("*/result.json"))):
        assert child.poll() is None and time.time() < deadline, child.communicate()
        time.sleep(0.05)
    helpers = psutil.Process(child.pid).children(recursive=True)
    with pytest.raises(PaperlabError, match="another run is writing to"):
        sweeps.sweep("tiny", {"mode": "ok;hang"}, workers=1, progress=False)
    os.killpg(child.pid, signal.SIGINT) if terminal else child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 2 and "Traceback" not in err, err
    last = err.replace("\r", "\n").rstrip().splitlines()[-1]
    assert re.fullmatch(
        "paperlab: stopped after [01] of 2 runs; what is finished is kept, the same command continues", last
    )
    psutil.wait_procs(helpers, timeout=30)
    assert not [p.cmdline() for p in helpers if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert sweeps.sweep("tiny", {"mode": "ok"}, workers=1, progress=False).resumed == 1


def test_a_sweep_waits_for_a_run_that_is_under_way_elsewhere(book, paperlab):
    """A worker of a sweep that was killed may still be at it: that is no failure."""
    folder = book / "runs/tiny/sweeps/cells" / sweeps.cell_key(sweeps.code_hash("tiny"), {"n": 3})
    claims = [{"id": "c1", "value": 1.0, "verdict": "reproduced"}]
    held = threading.Event()

    def finish():
        with execution.locked(folder):
            held.set()
            time.sleep(2)
            sweeps.files.write_json(folder / "result.json", {"seconds": 1.0, "claims": claims})

    other = threading.Thread(target=finish)
    other.start()
    held.wait()
    code, out, err = paperlab("sweep", "tiny", "-p", "n=3", "--workers", "1")
    other.join()
    assert code == 0 and "1 runs were finished before, 0 failed" in out
    assert "1 of 1 runs are under way elsewhere; waiting for them" in err


def test_the_workers_of_a_killed_sweep_end_and_the_next_sweep_has_no_failure(book, process):
    replace(book / "notebooks/tiny.ipynb", "time.sleep(300)", "time.sleep(3)")
    child = process("sweep", "tiny", "-p", "mode=hang", "--workers", "1")
    cells = book / "runs/tiny/sweeps/cells"
    deadline = time.time() + 90
    while not list(cells.glob("*/hanging")):
        assert child.poll() is None and time.time() < deadline, child.communicate()
        time.sleep(0.05)
    workers = psutil.Process(child.pid).children(recursive=True)
    child.kill()
    child.wait()
    assert not sweeps.sweep("tiny", {"mode": "hang"}, workers=1, progress=False).failed
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not [
        p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE and "tracker" not in str(p.cmdline())
    ]


def test_a_full_disk_is_one_line_and_what_is_finished_stays(book, monkeypatch, refused):
    def execute_copy(slug, values, folder, *, progress, page):
        claims = [{"id": "c1", "value": 1.0, "verdict": "reproduced"}]
        result = runs.RunResult(slug, values, 1.0, 1.0, claims, "", "", {}, None)
        sweeps.files.write_json(folder / "result.json", result.as_dict())
        return result

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs, "execute_copy", execute_copy)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    error = refused("sweep", "tiny", "-p", "n=3,4", "--workers", "1")
    assert re.fullmatch(
        "paperlab: cannot write runs/tiny/sweeps/table-.*/sweep.parquet: No space left on device", error
    )
    assert len(list((book / "runs/tiny/sweeps/cells").glob("*/result.json"))) == 2
    folder = next((book / "runs/tiny/sweeps").glob("table-*"))
    assert {path.name for path in folder.iterdir()} == {".lock", "sweep.csv"}


def test_a_worker_that_dies_is_told(book, monkeypatch):
    monkeypatch.setattr(sweeps, "run_cell", os.abort)
    monkeypatch.setattr(sweeps, "_local", _dying)
    with pytest.raises(PaperlabError, match=r"a worker process died after 0 of 1 runs, .* try fewer --workers"):
        sweeps.sweep("tiny", {"n": "3"}, workers=2, progress=False)


def _dying(cells, workers):
    from joblib import Parallel, delayed

    yield from Parallel(n_jobs=2, return_as="generator_unordered")(delayed(os.abort)() for _ in cells)


def test_a_sweep_runs_on_a_dask_scheduler(book, swept, monkeypatch):
    """A scheduler on the loopback address with one worker of two threads."""
    from distributed import LocalCluster

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL
    ) as cluster:
        result = library.sweep(
            "tiny", {"mode": "ok;fail", "seed": [2]}, scheduler=cluster.scheduler_address, progress=False
        )
    columns = ["mode", "seed", "claim", "value", "verdict"]
    pd.testing.assert_frame_equal(result.table[columns], swept[1].table[columns])


def test_an_unreachable_scheduler_is_told_in_time_and_in_one_line(book, process):
    child = process("sweep", "tiny", "-p", "n=3", "--scheduler", "tcp://127.0.0.1:9")
    _, err = child.communicate(timeout=120)
    assert child.returncode == 2
    assert err.startswith("paperlab: cannot reach a Dask scheduler at tcp://127.0.0.1:9 (") and err.count("\n") == 1
    assert "start one with `dask scheduler`, or leave out --scheduler" in err
    assert parse_timedelta(sweeps.PATIENCE) <= 10, "of the scheduler; the rest is what a busy machine takes to start"


@pytest.mark.parametrize("address", ["nonsense://x", "127.0.0.1:x", "no such host"])
def test_a_malformed_scheduler_address_is_told(book, monkeypatch, address):
    monkeypatch.setattr(sweeps, "PATIENCE", "1s")
    with pytest.raises(PaperlabError, match="cannot reach a Dask scheduler at"):
        sweeps.sweep("tiny", {"n": "3"}, scheduler=address, progress=False)


def test_stability_counts_on_how_many_seeds_a_verdict_holds(book, monkeypatch, paperlab):
    """Runs are replaced: what is counted here does not depend on a kernel."""

    def execute_copy(slug, values, folder, *, progress, page):
        verdict = "not" if values["seed"] == 3 else "reproduced"
        claims = [
            {"id": "c1", "value": values["seed"] / 10, "verdict": verdict},
            {"id": "c2", "value": 10.0, "verdict": "partly"},
            {"id": "c3", "value": None, "verdict": "not tested"},
        ]
        return runs.RunResult(slug, values, 1.0, 1.0, claims, "", "", {}, None)

    monkeypatch.setattr(runs, "execute_copy", execute_copy)
    code, out, _ = paperlab("stability", "tiny", "--seeds", "3", "--workers", "1")
    assert code == 0 and "c1     2 of 3  0.2 0.3 0.4" in out
    kept = read_json(paths.record_path("tiny"))["stability"]
    assert kept["seeds"] == [2, 3, 4]
    assert kept["claims"] == {
        "c1": {"held": 2, "of": 3, "values": [0.2, 0.3, 0.4]},
        "c2": {"held": 3, "of": 3, "values": [10.0, 10.0, 10.0]},
    }


def test_stability_with_a_failed_run_records_nothing(book, monkeypatch, refused):
    def execute_copy(*_, **__):
        raise PaperlabError("tiny: cell 3 failed")

    monkeypatch.setattr(runs, "execute_copy", execute_copy)
    assert "2 of 2 runs failed, nothing was recorded: seed 2: tiny: cell 3 failed" in refused(
        "stability", "tiny", "--seeds", "2", "--workers", "1"
    )
    assert not paths.record_path("tiny").exists()


def test_stability_needs_a_seed_a_count_and_a_stored_run(book, refused):
    assert "seeds must be at least 1, got 0" in refused("stability", "tiny", "--seeds", "0")
    page = book / "notebooks/tiny.ipynb"
    text = page.read_text()
    page.write_text(text.replace('"paperlab": {', '"other": {'))
    assert "tiny has no stored verdicts; run `paperlab refresh tiny` first" in refused("stability", "tiny")
    page.write_text(text.replace("seed: int = 1", "chance: int = 1"))
    assert "tiny has no parameter named seed; stability needs one" in refused("stability", "tiny")
