"""Fixtures: copies of the tiny book, and the command line called in this process or in its own."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from paperlab import cli
from paperlab.runs import execution
from tiny_book import write_book

PAPERLAB = Path(sys.executable).parent / "paperlab"

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests started in the background inherit a deaf Ctrl-C


@pytest.fixture(scope="session")
def executed(tmp_path_factory):
    """The tiny book with its page executed once; copied by `book`."""
    root = tmp_path_factory.mktemp("executed")
    write_book(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAPERLAB_ROOT", str(root))
        execution.refresh("tiny", progress=False)
    return root


@pytest.fixture
def book(executed, tmp_path, monkeypatch):
    """Folder of a fresh copy of the tiny book, which the machinery works on."""
    root = tmp_path / "book"
    shutil.copytree(executed, root)
    monkeypatch.setenv("PAPERLAB_ROOT", str(root))
    monkeypatch.delenv("PAPERLAB_DATA", raising=False)
    monkeypatch.setenv("PAPERLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def paperlab(monkeypatch, capfd):
    """Call the command line in this process: ``code, out, err = paperlab("run", "tiny")``."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["paperlab", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capfd.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def refused(paperlab):
    """Call the command line with bad input and return its one line on stderr."""

    def call(*arguments):
        code, out, err = paperlab(*arguments)
        assert code == 2, (code, out, err)
        assert "Traceback" not in out + err
        lines = [line for line in err.replace("\r", "\n").splitlines() if line.startswith("paperlab: ")]
        assert len(lines) == 1, err
        assert err.rstrip().endswith(lines[0])
        return lines[0]

    return call


@pytest.fixture
def process():
    """Start the real command line in its own process; what is left of it is ended after the test."""
    import psutil

    started = []

    def start(*arguments, **options):
        child = subprocess.Popen(
            [PAPERLAB, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **options,
        )
        started.append(psutil.Process(child.pid))
        return child

    yield start
    for parent in started:
        for running in [*parent.children(recursive=True), parent] if parent.is_running() else []:
            running.kill()
