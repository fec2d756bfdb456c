"""Compiled functions are kept in the user's cache, by a hash of all sources: an edit of another file is seen."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paperlab import methods

CALLED = "from numba import njit\n\n@njit(cache=True)\ndef called(x):\n    return x + 1\n"
CALLER = """\
from numba import njit
from paperlab.methods.called import called

@njit(cache=True)
def caller(x):
    return 10 * called(x)
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library of two compiled functions in files of their own, and an empty cache."""
    package = tmp_path / "lib/paperlab/methods"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    shutil.copy(methods.__file__, package / "__init__.py")
    (package / "called.py").write_text(CALLED)
    (package / "caller.py").write_text(CALLER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    monkeypatch.setenv("PAPERLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return package


def folders(tmp_path):
    return sorted((tmp_path / "cache").glob("paperlab-numba-*"))


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_edit_of_a_called_file_is_seen_and_the_sources_stay_clean(library, tmp_path):
    code = "from paperlab.methods.caller import caller; print(caller(1))"
    assert run(code) == "20"
    assert [path.suffix for path in folders(tmp_path)[0].rglob("*.nbi")] == [".nbi", ".nbi"]
    (library / "called.py").write_text(CALLED.replace("x + 1", "x + 2"))
    assert run(f"import numba; {code}") == "30"  # numba imported first has read the environment already
    assert len(folders(tmp_path)) == 2
    assert not list(library.rglob("*.nb*"))


WHERE = "import os, paperlab.methods; print(os.environ.get('NUMBA_CACHE_DIR', ''))"


def test_old_folders_go_and_recent_ones_stay(library, tmp_path):
    old, recent, other = (tmp_path / "cache" / name for name in ("paperlab-numba-0", "paperlab-numba-1", "d1"))
    for folder in (old, recent, other):
        folder.mkdir(parents=True)
        (folder / "file").write_text("")
    long_ago = time.time() - 30 * 86400
    for folder in (old, other):
        os.utime(folder, (long_ago, long_ago))
    used = Path(run(WHERE))
    assert not old.exists() and recent.exists() and other.exists() and used.exists()


def test_the_users_own_folder_is_kept_and_that_of_a_parent_process_is_not(library, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert run(WHERE) == str(tmp_path / "mine") and not folders(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache/paperlab-numba-0"))  # of sources before an edit
    assert run(WHERE) == str(folders(tmp_path)[0]) != str(tmp_path / "cache/paperlab-numba-0")


def test_a_cache_that_cannot_be_written_is_left_to_numba(library, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PAPERLAB_CACHE", str(tmp_path / "file"))
    assert run(WHERE) == ""
