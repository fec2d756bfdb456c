"""Results: what a notebook's verdict cell stores, and what `paperlab record` keeps in data/records/."""

import hashlib
import json

from paperlab import paths
from paperlab.errors import PaperlabError
from paperlab.files import read_json, write_json
from paperlab.pages.claims import VERDICTS, is_number

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


def _digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _without_hashes(result):
    return {key: value for key, value in result.items() if key != "hashes"} if isinstance(result, dict) else result


def seal(result):
    """Hash of a result's parameters, values and tables, by which an edited one is told from the one that was made."""
    return _digest(_without_hashes(result))


def outputs_seal(notebook):
    """Hash of all that the cells of a notebook show, however its file cuts texts into lines."""
    shown = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            metadata = {key: _without_hashes(value) for key, value in output.get("metadata", {}).items()}
            parts = {**output.get("data", {}), "text": output.get("text", "")}
            joined = {kind: "".join(part) if isinstance(part, list) else part for kind, part in parts.items()}
            shown.append([cell.get("id"), output.get("output_type"), joined, metadata])
    return _digest(shown)


def sealed(result, hashes):
    """A result with the hashes of what it rests on (`Page.hashes`) and its own."""
    return {**result, "hashes": {**hashes, "result": seal(result)}}


def stamp(notebook, hashes):
    """Seal the result in the verdict cell of an executed notebook, and with it all outputs, in place."""
    hashes = {**hashes, "outputs": outputs_seal(notebook)}
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
    for name, part in record.items():
        if name != "slug" and not (_good_seeds(part) if name == "stability" else good_run(part)):
            raise PaperlabError(f"{paths.shown(path)} is damaged: {name} holds no claims with their values; {remedy}")
    return record


def good_run(part):
    """Whether a stored or recorded run has the form of one: parameters, and each claim with id, value and verdict."""
    return (
        isinstance(part, dict)
        and all(isinstance(part.get(key, {}), dict) for key in ("parameters", "tables", "hashes"))
        and isinstance(part.get("claims"), list)
        and all(
            isinstance(entry, dict)
            and isinstance(entry.get("id"), str)
            and entry.get("verdict") in VERDICTS
            and "value" in entry
            and (entry["value"] is None or is_number(entry["value"]))
            for entry in part["claims"]
        )
    )


def _good_seeds(part):
    return (
        isinstance(part, dict)
        and isinstance(part.get("hashes", {}), dict)
        and isinstance(part.get("seeds", []), list)
        and isinstance(part.get("claims"), dict)
        and all(
            isinstance(entry, dict)
            and all(isinstance(entry.get(key), int) for key in ("held", "of"))
            and isinstance(entry.get("values"), list)
            and all(map(is_number, entry["values"]))
            for entry in part["claims"].values()
        )
    )


def save(slug, **parts):
    """Replace the named parts of a record and keep the others."""
    record = {"slug": slug, **load(slug), **parts}
    write_json(paths.record_path(slug), record)
    return paths.record_path(slug)
