"""A downloaded page outside the book's environment says in one sentence what it needs."""

import subprocess
import sys
import types

import pytest
from tiny_book import REPOSITORY, notebook, read_json


@pytest.fixture(scope="module")
def downloads():
    sys.path.insert(0, str(REPOSITORY / "book/_ext"))
    try:
        import paperlab_downloads
    finally:
        sys.path.pop(0)
    return paperlab_downloads


def test_the_first_cell_of_a_download_is_silent_with_the_library_and_one_sentence_without(downloads, tmp_path):
    bare = [sys.executable, "-I", "-S", "-c", downloads.SOURCE]  # no site packages
    found = subprocess.run(bare, capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode == 1 and "Traceback" not in found.stderr
    assert found.stderr.startswith("This notebook needs the library of its book") and found.stderr.count("\n") == 1
    assert subprocess.run([sys.executable, "-c", downloads.SOURCE], check=True, capture_output=True).stderr == b""


def test_the_cell_stands_in_front_of_the_stored_ones_once(downloads, book, tmp_path):
    folder = tmp_path / "html/_sources/notebooks"
    folder.mkdir(parents=True)
    (folder / "tiny.ipynb").write_text((book / "notebooks/tiny.ipynb").read_text())
    for _ in range(2):  # a book that is built again
        downloads.write_notices(types.SimpleNamespace(outdir=tmp_path / "html"), None)
        offered = read_json(folder / "tiny.ipynb")
        assert offered["cells"][0]["id"] == downloads.ID
        assert offered == {**notebook(), "cells": [offered["cells"][0], *notebook()["cells"]]}
