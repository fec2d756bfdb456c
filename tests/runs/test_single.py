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
from paperlab.pages import records
from paperlab.runs import execution, export
from paperlab.runs import single as runs
from tiny_book import INJECTED, MODE_CELL, read_json, replace

SHAPE = {"slug", "parameters", "seconds", "peak_mb", "claims", "notebook", "html", "versions", "commit", "tables"}
CELL = f'cell {MODE_CELL + 1} (`if mode == "fail":`)'  # with papermill's cell of new parameters before it


def test_a_run_prints_its_verdicts_and_writes_three_files(book, paperlab):
    code, out, err = paperlab("run", "tiny", "-p", "n", "4", "-p", "seed=7", "-o", "my/results")
    assert code == 0 and "tiny: 100%" in err
    rows = [[*line.split()[:2], " ".join(line.split()[2:])] for line in out.splitlines()[:5]]
    assert rows[0][:2] == ["claim", "found"]
    assert rows[2][:2] == ["c2", "4"] and rows[2][2].startswith("≤ 5 (partly: ≤ 10) holds in miniature Few")
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


def test_papermill_by_hand_gives_what_run_gives(book, paperlab):
    """The pages are plain notebooks with a parameters cell: papermill's own command runs them too."""
    command = [
        sys.executable,
        "-m",
        "papermill",
        "notebooks/tiny.ipynb",
        "by_hand.ipynb",
        "-p",
        "n",
        "4",
        "--no-progress-bar",
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert paperlab("run", "tiny", "-p", "n", "4", "-o", "out")[0] == 0
    by_hand, run = nbformat.read("by_hand.ipynb", 4), nbformat.read("out/tiny.ipynb", 4)
    assert records.result_of(by_hand)["claims"] == records.result_of(run)["claims"]
    assert by_hand.cells[INJECTED].source == run.cells[INJECTED].source
    assert run.metadata.papermill.parameters == {"n": 4}


def test_a_page_edited_while_it_runs_leaves_the_runs_own_parameters(book, monkeypatch):
    """A long recording kept the defaults of the end, not those that it had run with."""
    rerun = execution.rerun

    def and_edit(*arguments, **named):
        executed = rerun(*arguments, **named)
        replace(book / "notebooks/tiny.ipynb", "n: int = 10", "n: int = 11")
        return executed

    monkeypatch.setattr(execution, "rerun", and_edit)
    assert runs.run("tiny", progress=False, page=False).parameters["n"] == 10


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
    assert error.endswith(f"the run ended early in {CELL}: Kernel died; the notebook up to there is out/tiny.ipynb")
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
    out, err = child.communicate(timeout=120)
    assert child.returncode == 2
    last = err.replace("\r", "\n").rstrip().splitlines()[-1]
    assert last == f"paperlab: tiny: stopped in {CELL}; the notebook up to there is out/tiny.ipynb"
    assert "Traceback" not in err and "Task was destroyed" not in err
    psutil.wait_procs(kernels, timeout=30)
    assert not [kernel for kernel in kernels if kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE]
    assert nbformat.read("out/tiny.ipynb", 4).cells[1].execution_count == 1


def _refusal(folder):
    with pytest.raises(PaperlabError) as caught, execution.locked(folder):
        pass
    return str(caught.value)


def test_the_folder_of_a_killed_process_is_free_again(book):
    """SIGKILL leaves no time to tidy up; the lock goes with the process."""
    script = "from paperlab.runs import execution\nwith execution.locked('out'): print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        assert "another run" in _refusal("out")
        child.kill()
    with execution.locked("out") as folder:
        assert folder == Path("out")


def test_a_stopped_refresh_says_so_in_one_line_and_keeps_the_page(book, process):
    page = (book / "notebooks/tiny.ipynb").read_bytes()
    replace(book / "notebooks/tiny.py", 'mode: str = "ok"', 'mode: str = "hang"')
    child = process("refresh", "tiny")
    kernels = _hanging(child, book / "notebooks")
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 2
    last = err.replace("\r", "\n").rstrip().splitlines()[-1]
    assert last.startswith(
        f'paperlab: tiny: stopped in cell {MODE_CELL} (`if mode == "fail":`); the stored page is as it was'
    )
    assert "Traceback" not in err and "Task was destroyed" not in err
    assert (book / "notebooks/tiny.ipynb").read_bytes() == page
    psutil.wait_procs(kernels, timeout=30)
    assert not [kernel for kernel in kernels if kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("where", ["reading the page", "starting the kernel", "writing"])
def test_a_stop_at_any_moment_is_one_line(book, monkeypatch, refused, where):
    from nbclient import NotebookClient

    def stop(*_, **__):
        raise KeyboardInterrupt

    owner, name = {
        "reading the page": (runs.files, "read_notebook"),
        "starting the kernel": (NotebookClient, "start_new_kernel_client"),
        "writing": (runs.files, "write_json"),
    }[where]
    monkeypatch.setattr(owner, name, stop)
    assert "stopped" in refused("run", "tiny", "-o", "out")
    assert not [
        child for child in psutil.Process().children(recursive=True) if "ipykernel" in " ".join(child.cmdline())
    ]


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


def link_to_notebooks(book):
    (book / "link").symlink_to(book / "notebooks")


@pytest.mark.parametrize("out", ["notebooks", "notebooks/mine", "link", "data/papers", "lib", "book"])
@pytest.mark.parametrize("command", ["run", "sweep"])
def test_results_never_go_to_the_book_itself(book, refused, command, out):
    link_to_notebooks(book)
    before = sorted(book.rglob("*"))
    error = refused(command, "tiny", "-p", "n=3", "-o", out)
    assert "which belongs to the book; choose another folder with -o, e.g. -o results/first" in error
    assert sorted(book.rglob("*")) == before


def test_results_never_go_to_the_folder_of_pages_as_the_working_folder(book, refused, monkeypatch):
    monkeypatch.chdir(book / "notebooks")
    assert "which belongs to the book" in refused("run", "tiny", "-o", ".")


def test_a_notebook_that_no_run_has_written_is_not_replaced(book, refused):
    (book / "out").mkdir()
    (book / "out/tiny.ipynb").write_text("my own copy")
    assert "out/tiny.ipynb was not written by a run and would be replaced" in refused("run", "tiny", "-o", "out")
    assert (book / "out/tiny.ipynb").read_text() == "my own copy"


def test_any_name_of_a_folder_will_do(book, paperlab):
    out = "results {draft} {n} %s ü"
    assert paperlab("run", "tiny", "-o", out)[0] == 0
    assert {"tiny.ipynb", "tiny.html", "result.json"} < {path.name for path in (book / out).iterdir()}


def test_a_checkout_with_braces_in_its_name_runs_and_may_be_named_from_where_one_stands(book, paperlab, monkeypatch):
    book.rename(book.with_name("book {draft}"))
    monkeypatch.chdir(book.parent)
    monkeypatch.setenv("PAPERLAB_ROOT", "book {draft}")
    assert paperlab("run", "tiny", "-o", "out")[0] == 0


def test_a_notebook_that_another_tool_wrote_runs(book, paperlab):
    """No kernelspec, no outputs, no tags, metadata or ids, and a raw cell."""
    page = book / "notebooks/tiny.ipynb"
    stored = read_json(page)
    stored["metadata"] = {}
    for cell in stored["cells"]:
        for key in ("outputs", "execution_count", "id"):
            cell.pop(key, None)
        if "parameters" not in cell["metadata"].get("tags", []):
            del cell["metadata"]
    stored["cells"].insert(0, {"cell_type": "raw", "source": ["a raw cell"]})
    page.write_text(json.dumps(stored))
    code, out, err = paperlab("run", "tiny", "-p", "n=4", "-o", "out")
    assert code == 0 and "reproduced" in out, err
    assert read_json("out/result.json")["parameters"]["n"] == 4
    assert paperlab("show", "tiny")[0] == 0
    assert "Traceback" not in paperlab("check", "tiny")[2]


@pytest.mark.parametrize(
    "text, words",
    [
        ("[]", "is damaged: expected a JSON object"),
        ("{}", "is no notebook of format 4 with a list of cells"),
        ('{"nbformat": 3, "worksheets": []}', "is no notebook of format 4"),
        ('{"cells": [3]}', "is no notebook of format 4"),
        ('{"cells": []}', "exactly one cell must be tagged 'parameters', found 0"),
    ],
)
def test_a_file_that_is_no_notebook_is_told(book, refused, text, words):
    (book / "notebooks/tiny.ipynb").write_text(text)
    assert words in refused("run", "tiny")


@pytest.mark.parametrize("command", [["run", "tiny", "-o", "out"], ["refresh", "tiny"]])
def test_a_page_runs_in_the_python_of_the_command_without_the_users_settings(
    book, foreign_kernel, tmp_path, monkeypatch, paperlab, command
):
    """IPython's start-up files, a backend, and modules that lie beside the results would change what a page does."""
    startup = tmp_path / "ipython/profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("raise SystemExit('start-up file')\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    for folder in (book / "out", book / "notebooks"):
        folder.mkdir(exist_ok=True)
        (folder / "random.py").write_text("raise ImportError('beside the results')\n")
    assert paperlab(*command)[0] == 0
    assert os.environ["MPLBACKEND"] == "nonsense"


def test_what_a_kernel_says_when_it_does_not_start_is_told(book, tmp_path, monkeypatch, refused):
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('the installation is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    error = refused("run", "tiny")
    assert "tiny: the run ended early before its first cell: Kernel died before replying to kernel_info" in error
    assert error.endswith("(it said: the installation is broken)")


def test_a_page_that_cannot_be_written_as_html_leaves_its_values(book, paperlab, monkeypatch):
    def fail(notebook):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "to_html", fail)
    code, out, err = paperlab("run", "tiny", "-p", "n=4", "-o", "out")
    assert code == 0 and out.endswith("page     not written\n")
    assert err.endswith("out/tiny.html could not be written: [Errno 28] No space left on device\n")
    result = read_json("out/result.json")
    assert result["html"] is None and result["claims"][1]["value"] == 4.0
    assert nbformat.read("out/tiny.ipynb", 4)


def test_a_killed_run_leaves_whole_files(book, process):
    """SIGKILL: the notebook up to there can be read, nothing half written lies under a result's name."""
    child = process("run", "tiny", "-p", "mode", "hang", "-o", "out")
    _hanging(child, book / "out")
    child.kill()
    child.wait()
    cells = nbformat.read("out/tiny.ipynb", 4).cells
    assert [cell.execution_count for cell in cells if cell.cell_type == "code"] == [1, 2, 3, 4, None, None, None]
    assert not (book / "out/result.json").exists()


@pytest.fixture
def small_disk():
    """No file of this process grows beyond a few kB, as on a full disk."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def shrink(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    yield shrink
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_one_line(book, small_disk, refused):
    small_disk(2000)
    error = refused("run", "tiny", "-o", "out")
    assert error.startswith("paperlab: tiny: the run ended early in cell ") and "File too large" in error
    assert [path.name for path in (book / "out").iterdir()] == [".lock"]


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_data_that_a_parameter_needs_are_checked_before_the_run(book, refused, command):
    (book / "data/registry.yml").write_text(
        "d: {kind: download, files: [{file: d.csv, sha256: abc, url: 'http://127.0.0.1:9/d.csv'}]}\n"
    )
    for name, end in (("notebooks/tiny.py", "\n"), ("notebooks/tiny.ipynb", '\\n",\n    "')):
        text = (book / name).read_text()
        (book / name).write_text(text.replace("seed: int", f"# data: d if n > 20{end}seed: int", 1))
    assert "data set d: cannot download http://127.0.0.1:9/d.csv" in refused(command, "tiny", "-p", "n=30")
    assert not (book / "runs").exists()


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_mirror_that_does_not_exist_stops_a_run(book, refused, monkeypatch, command):
    monkeypatch.setenv("PAPERLAB_DATA", "/nowhere")
    assert "PAPERLAB_DATA names /nowhere, which is no folder" in refused(command, "tiny", "-p", "n=3")
    assert not (book / "runs").exists()


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


def test_runs_of_one_second_have_folders_of_their_own(book, monkeypatch):
    """Three threads of one process, none of which waits for another."""
    together = threading.Barrier(3)

    def execute_copy(slug, chosen, folder, **_):
        together.wait(timeout=120)
        return folder

    monkeypatch.setattr(runs, "execute_copy", execute_copy)
    monkeypatch.setattr(runs.time, "strftime", lambda _: "20200101-000000")
    found = []
    threads = [threading.Thread(target=lambda: found.append(runs.run("tiny", progress=False))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 3


def test_a_page_without_verdict_cell_is_told(book, refused):
    replace(book / "notebooks/tiny.ipynb", '"# NBVAL_CHECK_OUTPUT\\n",\n    "paper.verdicts()"', '"1"')
    assert "no verdict cell was run; its notebook must end in paper.verdicts()" in refused("run", "tiny")


def test_refresh_failing_keeps_the_stored_page(book, refused):
    page = book / "notebooks/tiny.ipynb"
    before = page.read_bytes()
    replace(book / "notebooks/tiny.py", 'mode: str = "ok"', 'mode: str = "fail"')
    error = refused("refresh", "tiny")
    assert (
        f'tiny: cell {MODE_CELL} (`if mode == "fail":`) failed: ValueError: as asked; the stored page is as it was'
        in error
    )
    assert page.read_bytes() == before
    assert "as asked" in (book / "runs/tiny/tiny.failed.ipynb").read_text()


def test_refresh_with_a_dying_kernel_keeps_the_stored_page(book, refused):
    page = book / "notebooks/tiny.ipynb"
    page.unlink()
    replace(book / "notebooks/tiny.py", 'mode: str = "ok"', 'mode: str = "die"')
    error = refused("refresh", "tiny")
    assert f'the run ended early in cell {MODE_CELL} (`if mode == "fail":`): Kernel died' in error
    assert not page.exists()


def test_refresh_stores_new_parameters_at_once(book, paperlab):
    replace(book / "notebooks/tiny.py", "weights: list", "extra: int = 3  # [0, 9] new\nweights: list")
    assert paperlab("refresh", "tiny")[0] == 0
    result = read_json(book / "notebooks/tiny.ipynb")["cells"][-1]["outputs"][0]["metadata"]["paperlab"]
    assert result["parameters"]["extra"] == 3
    assert paperlab("check")[:2] == (0, "checks passed: 1 papers\n")


def test_refresh_needs_a_text(book, refused):
    (book / "notebooks/tiny.py").unlink()
    assert "tiny has no text; expected notebooks/tiny.py" in refused("refresh", "tiny")


def test_run_needs_a_notebook(book, refused):
    (book / "notebooks/tiny.ipynb").unlink()
    assert "tiny has no notebook yet; expected notebooks/tiny.ipynb" in refused("run", "tiny")
