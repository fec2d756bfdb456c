"""One run: what it gives, and what is left when it fails, dies or is stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import paperlab as library
import psutil
import pytest
from paperlab.errors import PaperlabError
from paperlab.runs import execution
from paperlab.runs import single as runs
from tiny_book import INJECTED, MODE_CELL, read_json, replace

SHAPE = {"slug", "parameters", "seconds", "peak_mb", "claims", "notebook", "html", "versions", "commit", "tables"}
CELL = f'cell {MODE_CELL + 1} (`if mode == "fail":`)'  # with papermill's cell of new parameters before it


def test_a_run_prints_its_verdicts_and_writes_three_files(book, paperlab):
    code, out, err = paperlab("run", "tiny", "-p", "n", "4", "-p", "seed=7", "-o", "my/results")
    assert code == 0 and "tiny: 100%" in err
    rows = [[*line.split()[:2], " ".join(line.split()[2:])] for line in out.splitlines()[:5]]
    assert rows[0][:2] == ["claim", "found"]
    assert rows[2][:2] == ["c2", "4"] and rows[2][2].startswith("≤ 5 (partly: ≤ 10) reproduced Few numbers")
    assert "not tested (measured in the full run only)" in out
    assert "notebook my/results/tiny.ipynb" in out and "page     my/results/tiny.html" in out
    assert {path.name for path in (book / "my/results").iterdir()} == {
        ".lock",
        "tiny.ipynb",
        "tiny.html",
        "result.json",
    }
    result = read_json("my/results/result.json")
    assert set(result) == SHAPE
    assert result["parameters"] == {"seed": 7, "n": 4, "mode": "ok", "weights": [1.0, 0.5]}
    assert {"id": "c2", "value": 4.0, "verdict": "reproduced"}.items() <= result["claims"][1].items()
    assert result["notebook"] == str(book / "my/results/tiny.ipynb")
    executed = nbformat.read(result["notebook"], 4)
    assert "injected-parameters" in executed.cells[INJECTED].metadata.tags
    assert "A tiny paper" in (book / "my/results/tiny.html").read_text()


def test_run_prints_json_and_nothing_else(book, paperlab):
    code, out, err = paperlab("run", "tiny", "--json")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert set(result) == SHAPE
    assert (
        result["claims"]
        == read_json("notebooks/tiny.ipynb")["cells"][-1]["outputs"][0]["metadata"]["paperlab"]["claims"]
    )
    assert result["notebook"].startswith(str(book / "runs/tiny/"))


def test_a_failing_cell_is_named_and_the_partial_notebook_kept(book, refused):
    (book / "out").mkdir()
    (book / "out/result.json").write_text('{"claims": "of an older run"}')
    error = refused("run", "tiny", "-p", "mode", "fail", "-o", "out")
    assert error == (f"paperlab: tiny: {CELL} failed: ValueError: as asked; the notebook up to there is out/tiny.ipynb")
    partial = nbformat.read("out/tiny.ipynb", 4)
    failed = [cell.source for cell in partial.cells if "as asked" in json.dumps(cell.get("outputs", ""))]
    assert failed == [partial.cells[-3].source] and failed[0].startswith('if mode == "fail":')
    assert not (book / "out/result.json").exists(), "a stale result would pass for the failed run's"


def test_a_kernel_that_dies_is_told_with_its_cell(book, refused):
    error = refused("run", "tiny", "-p", "mode", "die", "-o", "out")
    assert error.endswith(f"in {CELL}; the notebook up to there is out/tiny.ipynb")
    assert "Kernel died" in error
    assert nbformat.read("out/tiny.ipynb", 4).cells[1].execution_count == 1


def _hanging(child, folder):
    """Wait until the page hangs; the processes that the command started."""
    deadline = time.time() + 60
    while not (folder / "hanging").exists():
        assert child.poll() is None and time.time() < deadline, child.communicate()
        time.sleep(0.05)
    return psutil.Process(child.pid).children(recursive=True)


def test_a_stopped_run_says_where_and_leaves_no_kernel(book, process):
    child = process("run", "tiny", "-p", "mode", "hang", "-o", "out")
    kernels = _hanging(child, book / "out")
    assert kernels
    assert "another run is writing to out; wait for it or choose another folder with -o" in _refusal(book / "out")
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 2
    last = err.replace("\r", "\n").rstrip().splitlines()[-1]
    assert last == f"paperlab: tiny: stopped in {CELL}; the notebook up to there is out/tiny.ipynb"
    assert "Traceback" not in err and "Task was destroyed" not in err
    psutil.wait_procs(kernels, timeout=5)
    assert not [kernel for kernel in kernels if kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE]
    assert nbformat.read("out/tiny.ipynb", 4).cells[1].execution_count == 1


def _refusal(folder):
    with pytest.raises(PaperlabError) as caught, execution.locked(folder):
        pass
    return str(caught.value)


def test_the_folder_of_a_killed_process_is_free_again(book):
    """SIGKILL leaves no time to tidy up; the lock goes with the process."""
    script = "from paperlab.runs import execution; import time\nwith execution.locked('out'): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        assert "another run" in _refusal("out")
        child.kill()
    with execution.locked("out") as folder:
        assert folder == Path("out")


def test_one_folder_takes_one_run_at_a_time(book, refused):
    with execution.locked(book / "out"):
        assert "another run is writing to out" in refused("run", "tiny", "-o", "out")
    with execution.locked(book / "out"):
        pass


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_an_output_folder_that_cannot_be_written_is_told(book, refused, command):
    (book / "file").write_text("not a folder")
    error = refused(command, "tiny", "-p", "n=3", "-o", "file/out")
    assert "cannot write to output folder" in error and "Not a directory; choose another with -o" in error
    assert (book / "file").read_text() == "not a folder"


def test_from_python(book):
    result = library.run("tiny", n=3, weights=[1, 2], progress=False, out="results")
    assert result.verdicts == {"c1": "reproduced", "c2": "reproduced", "c3": "not tested", "c4": "not tested"}
    assert result.parameters["weights"] == [1.0, 2.0]
    assert "c4           –  not tested (the recordings are not public)" in str(result)
    with pytest.raises(PaperlabError, match="did you mean n"):
        library.run("tiny", nn=3)


def test_the_same_seed_gives_the_same_numbers_whatever_runs_beside_it(book):
    """Two runs in threads of one process, as a Dask worker does it."""
    before = os.getcwd()
    results = {}

    def work(name, seed):
        results[name] = runs.run("tiny", progress=False, out=book / name, seed=seed)

    threads = [threading.Thread(target=work, args=args) for args in (("a", 5), ("b", 6))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    a, b = (results[name].claims[0]["value"] for name in "ab")
    assert a != b
    assert os.getcwd() == before
    import random

    for seed, value in ((5, a), (6, b)):
        rng = random.Random(seed)
        assert value == sum(rng.random() for _ in range(10)) / 10


def test_a_page_without_verdict_cell_is_told(book, refused):
    replace(book / "notebooks/tiny.ipynb", '"# NBVAL_CHECK_OUTPUT\\n",\n    "paper.verdicts()"', '"1"')
    assert "no verdict cell was run; its notebook must end in paper.verdicts()" in refused("run", "tiny")


def test_execute_failing_keeps_the_stored_page(book, refused):
    page = book / "notebooks/tiny.ipynb"
    before = page.read_bytes()
    replace(book / "notebooks/tiny.py", 'mode: str = "ok"', 'mode: str = "fail"')
    error = refused("execute", "tiny")
    assert (
        f'tiny: cell {MODE_CELL} (`if mode == "fail":`) failed: ValueError: as asked; the stored page is as it was'
        in error
    )
    assert page.read_bytes() == before
    assert "as asked" in (book / "runs/tiny/tiny.failed.ipynb").read_text()


def test_execute_with_a_dying_kernel_keeps_the_stored_page(book, refused):
    page = book / "notebooks/tiny.ipynb"
    page.unlink()
    replace(book / "notebooks/tiny.py", 'mode: str = "ok"', 'mode: str = "die"')
    error = refused("execute", "tiny")
    assert f'the run ended early in cell {MODE_CELL} (`if mode == "fail":`): Kernel died' in error
    assert not page.exists()


def test_execute_stores_new_parameters_at_once(book, paperlab):
    replace(book / "notebooks/tiny.py", "weights: list", "extra: int = 3  # [0, 9] new\nweights: list")
    assert paperlab("execute", "tiny")[0] == 0
    result = read_json(book / "notebooks/tiny.ipynb")["cells"][-1]["outputs"][0]["metadata"]["paperlab"]
    assert result["parameters"]["extra"] == 3
    assert paperlab("check")[:2] == (0, "checks passed: 1 papers\n")


def test_execute_needs_a_text(book, refused):
    (book / "notebooks/tiny.py").unlink()
    assert "tiny has no text; expected notebooks/tiny.py" in refused("execute", "tiny")


def test_run_needs_a_notebook(book, refused):
    (book / "notebooks/tiny.ipynb").unlink()
    assert "tiny has no notebook yet; expected notebooks/tiny.ipynb" in refused("run", "tiny")
