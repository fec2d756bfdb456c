"""Downloaded notebooks say what they need: a first cell ends with one sentence where the book's library is missing."""

import json
from pathlib import Path

ID = "needs-paperlab"
SOURCE = """\
import importlib.util

if importlib.util.find_spec("paperlab") is None:
    raise SystemExit(
        "This notebook needs the library of its book: get the book's repository, "
        "run `make lab` in it, and open the notebook there."
    )"""
CELL = {
    "cell_type": "code",
    "execution_count": None,
    "id": ID,
    "metadata": {},
    "outputs": [],
    "source": SOURCE.splitlines(keepends=True),
}


def with_notice(notebook):
    """The notebook with the cell in front, once."""
    cells = [cell for cell in notebook["cells"] if cell.get("id") != ID]
    return {**notebook, "cells": [CELL, *cells]}


def write_notices(app, error):
    """Put the cell into the copies that the download buttons offer."""
    folder = Path(app.outdir) / "_sources" / "notebooks"
    for path in [] if error else sorted(folder.glob("*.ipynb")):
        notebook = with_notice(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def setup(app):
    app.connect("build-finished", write_notices)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
