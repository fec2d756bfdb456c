"""Results: what a notebook's verdict cell stores, and what `paperlab record` keeps in data/records/."""

import json
import os
import platform
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from paperlab import paths
from paperlab.errors import PaperlabError

KEY = "paperlab"  # where the verdict cell's output metadata carries the result


def result_of(notebook):
    """The result that the last verdict cell of a notebook stored, or ``None``.

    Parameters
    ----------
    notebook : path or dict
        An ``.ipynb`` file or its parsed JSON.
    """
    if not isinstance(notebook, dict):
        try:
            notebook = json.loads(Path(notebook).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except json.JSONDecodeError as error:
            raise PaperlabError(f"{paths.shown(notebook)} is not a notebook: {error}") from None
    found = None
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            found = output.get("metadata", {}).get(KEY) or found
    return found


def load(slug):
    """The record of a paper: ``{"full": ..., "stability": ...}``; empty where nothing was recorded."""
    path = paths.record_path(slug)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise PaperlabError(f"{paths.shown(path)} is not valid JSON ({error}); run `paperlab record {slug}`") from None


def save(slug, **parts):
    """Replace the named parts of a record and keep the others."""
    record = {"slug": slug, **load(slug), **parts}
    write_json(paths.record_path(slug), record)
    return paths.record_path(slug)


def write_json(path, data):
    """Write whole or not at all: a killed process leaves the old file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, ensure_ascii=False, allow_nan=False)
        file.write("\n")
    os.chmod(name, 0o644)
    os.replace(name, path)


def machine():
    """Processor, cores, memory and system in words, without the machine's name."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def commit():
    """The checkout's commit, with ``+`` where files differ from it; ``None`` outside git."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=paths.root(), capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"], cwd=paths.root(), capture_output=True, text=True
        ).stdout.strip()
        return head + ("+" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def today():
    return date.today().isoformat()
