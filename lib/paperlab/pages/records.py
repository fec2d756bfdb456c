"""Results: what a notebook's verdict cell stores, and what `paperlab record` keeps in data/records/."""

from paperlab import paths
from paperlab.errors import PaperlabError
from paperlab.files import read_json, write_json

KEY = "paperlab"  # where the verdict cell's output metadata carries the result


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
