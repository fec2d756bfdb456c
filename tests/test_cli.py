"""The command line as a newcomer meets it: help, examples, completion, a quick start, nbval on a page."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from paperlab import cli
from tiny_book import REPOSITORY

GROUP = typer.main.get_command(cli.app)
COMMANDS = [[name] for name in GROUP.commands if name != "data"] + [
    ["data", name] for name in GROUP.commands["data"].commands
]
HEAVY = (
    "numpy",
    "pandas",
    "matplotlib",
    "nbformat",
    "papermill",
    "jupytext",
    "joblib",
    "distributed",
    "torch",
    "yaml",
    "pooch",
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_that_names_it(paperlab, command):
    code, out, _ = paperlab(*command, "--help")
    assert code == 0
    assert f"Example: paperlab {' '.join(command)}" in " ".join(out.split())


def test_the_commands_of_the_design_exist():
    assert {" ".join(command) for command in COMMANDS} == {
        *("list", "show", "run", "sweep", "record", "stability", "scoreboard", "check", "new", "refresh"),
        *("data list", "data fetch", "data locate"),
    }


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_help_tells_how_parameters_are_given(paperlab, command):
    out = paperlab(command, "cd_test", "--help")[1]
    assert re.search(r"-p, --param NAME VALUE", out)


@pytest.mark.parametrize(
    "code", ["import paperlab", "from paperlab import cli; cli.GROUP = cli.typer.main.get_command(cli.app)"]
)
def test_the_start_imports_nothing_heavy(code):
    found = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not {name.partition(".")[0] for name in found.stdout.split()} & set(HEAVY)


def test_show_and_bad_input_are_answered_without_the_notebook_machinery(book):
    """What is only looked up must not wait for seconds of imports."""
    script = (
        "import sys; from paperlab import cli; from paperlab.pages import parameters; "
        "sys.argv = ['paperlab', 'show', 'tiny']\n"
        "try: cli.main()\nexcept SystemExit: pass\nprint('MODULES', *sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    modules = set(out.partition("MODULES")[2].split())
    assert "A tiny paper" in out and "paperlab.pages.scoreboard" in modules
    assert not modules & {"papermill", "nbformat", "jupytext", "numpy", "pandas"}


@pytest.mark.parametrize(
    "words, expected",
    [
        ("paperlab run t", ["tiny"]),
        ("paperlab check ", ["tiny"]),
        ("paperlab show x", []),
        ("paperlab data fetch ", ["d1", "d2"]),
        ("paperlab sc", ["scoreboard"]),
    ],
)
def test_completion_offers_commands_papers_and_data_sets(book, words, expected):
    (book / "data/registry.yml").write_text("d1: {}\nd2: {}\n")
    position = len(words.split()) - (not words.endswith(" "))
    environment = {
        **os.environ,
        "COMP_WORDS": words,
        "COMP_CWORD": str(position),
        "_PAPERLAB_COMPLETE": "complete_bash",
    }
    out = subprocess.run(
        [Path(sys.executable).parent / "paperlab"], env=environment, capture_output=True, text=True
    ).stdout
    assert out.split() == expected


def test_a_job_that_a_cluster_ends_stops_like_ctrl_c(book, paperlab):
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        paperlab("list")
        assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_reader_that_goes_away_is_no_error(book):
    command = f"{Path(sys.executable).parent / 'paperlab'} scoreboard | true"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    "arguments", [["rnu"], ["run"], ["run", "tiny", "--wat"], ["sweep", "tiny", "--workers", "two"]]
)
def test_wrong_usage_has_exit_code_2(book, paperlab, arguments):
    code, out, err = paperlab(*arguments)
    assert code == 2 and err and "Traceback" not in err


def test_nbval_compares_verdicts_but_not_the_numbers_beside_them(book, foreign_kernel):
    """As `make pages` calls it, in the kernel of its Python.

    The stored tables show other numbers than a run now would; only the second cell, with another verdict, may fail.
    """
    make = (REPOSITORY / "Makefile").read_text()
    assert "notebooks --nbval-lax --nbval-current-env" in make
    page = book / "notebooks/tiny.ipynb"
    value = '<span class=\\"pl-value\\">10</span>'
    assert value in page.read_text()
    stored = json.loads(page.read_text().replace(value, value.replace("10", "9.8")))
    partly, full = "c2  holds partly in miniature", "c2  holds in miniature"
    again = json.loads(json.dumps(stored["cells"][-1]).replace(partly, full))
    stored["cells"].append({**again, "id": "again"})
    page.write_text(json.dumps(stored))
    sanitize = f"--nbval-sanitize-with={REPOSITORY / 'tests/nbval_sanitize.cfg'}"
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    command += ["--nbval-lax", "--nbval-current-env", sanitize, page]
    found = subprocess.run(command, cwd=book, capture_output=True, text=True)
    assert re.findall(r"FAILED (\S+)::Cell (\d)", found.stdout) == [("notebooks/tiny.ipynb", "6")], found.stdout
    assert "1 failed, 6 passed" in found.stdout
