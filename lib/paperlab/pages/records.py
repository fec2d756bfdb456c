"""Results: what a notebook's verdict cell stores, and what `paperlab record` keeps in data/records/."""

import hashlib
import json

from paperlab import paths
from paperlab.errors import PaperlabError
from paperlab.files import read_json, write_json

DIGITS = 12  # of a hash that is stored
KEY = "paperlab"  # where the verdict cell's output metadata carries the result
SHOWN = {"full": "record", "stability": "seeds"}  # a page that shows a part of the record keeps its seal under that key


def result_of(notebook):
    """The result that the last verdict cell of a notebook stored, or ``None``.

    Parameters
    ----------
    notebook : path or dict
        An ``.ipynb`` file or its parsed JSON.
    """
    if not isinstance(notebook, dict):
        notebook = read_json(notebook) or {}
    found = None
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            found = output.get("metadata", {}).get(KEY) or found
    return found


def seal(result):
    """Hash of a result's parameters, values and tables, by which an edited one is told from the one that was made."""
    content = {key: value for key, value in result.items() if key != "hashes"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGITS]


def sealed(result, hashes):
    """A result with the hashes of what it rests on (`Page.hashes`) and its own."""
    return {**result, "hashes": {**hashes, "result": seal(result)}}


def stamp(notebook, hashes):
    """Seal the result in the verdict cell of an executed notebook, in place."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if output.get("metadata", {}).get(KEY):
                output["metadata"][KEY] = sealed(output["metadata"][KEY], hashes)


def intact(result):
    """Whether a result is as it was made; ``None`` where it was made before results carried hashes."""
    return result["hashes"].get("result") == seal(result) if "hashes" in result else None


def load(slug):
    """The record of a paper: ``{"full": ..., "stability": ...}``; empty where nothing was recorded.

    Raises
    ------
    PaperlabError
        If the file is damaged.
    """
    path = paths.record_path(slug)
    remedy = f"restore it with git, or delete it and run `paperlab record {slug}`"
    try:
        record = read_json(path) or {}
    except PaperlabError as error:
        raise PaperlabError(f"{error}; {remedy}") from None
    for part in ("full", "stability"):
        if part in record and not (isinstance(record[part], dict) and "claims" in record[part]):
            raise PaperlabError(f"{paths.shown(path)} is damaged: {part} holds no claims; {remedy}")
    return record


def save(slug, **parts):
    """Replace the named parts of a record and keep the others."""
    record = {"slug": slug, **load(slug), **parts}
    write_json(paths.record_path(slug), record)
    return paths.record_path(slug)
