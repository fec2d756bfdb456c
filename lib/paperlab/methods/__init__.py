"""The science: one wing per family of methods. Nothing here plots, reads files or imports the machinery.

Compiled functions are kept in the user's cache, in a folder named by a hash of all sources below: numba itself looks
only at the file of a function, not at those of the functions that it calls.
"""

import hashlib
import os
import sys
import time
from pathlib import Path

_PREFIX = "paperlab-numba-"
_DAYS = 7  # that an older library's folder is kept


def _cache_folder():
    """The folder for these sources, made where missing; those of older sources that nobody used lately are removed."""
    import platformdirs

    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    base = Path(os.environ.get("PAPERLAB_CACHE") or platformdirs.user_cache_dir("paperlab")).absolute()
    folder = base / f"{_PREFIX}{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
    except OSError:  # no cache of the user's: numba finds its own place
        return None
    _remove_old(base)
    return str(folder)


def _remove_old(base):
    import shutil

    for folder in base.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > _DAYS * 86400:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another process was quicker
            continue


def _keep_compiled_functions_apart():
    """Set numba's cache unless the user has chosen one.

    A folder that a parent process left for other sources is replaced.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR", "")
    if chosen and not Path(chosen).name.startswith(_PREFIX):
        return
    if (folder := _cache_folder()) is not None:
        os.environ["NUMBA_CACHE_DIR"] = folder
        if "numba" in sys.modules:  # imported before us, it has read the environment already
            sys.modules["numba"].config.CACHE_DIR = folder


_keep_compiled_functions_apart()
