"""The contents of the book and its bibliography."""

import re

from paperlab import files, paths
from paperlab.errors import PaperlabError


def references():
    """The text of book/references.bib; empty where there is none."""
    path = paths.root() / "book" / "references.bib"
    return files.read_text(path) if path.exists() else ""


def bibliography(text=None):
    """Keys of book/references.bib; ``text`` is its content where it has been read already."""
    text = references() if text is None else text
    return set(re.findall(r"^@\w+\{\s*([^,\s]+)\s*,", text, flags=re.MULTILINE))


def contents():
    """All documents named in _toc.yml, without suffix."""
    path = paths.root() / "_toc.yml"
    if not path.exists():
        return set()
    found: set[str] = set()

    def walk(node):
        if isinstance(node, dict):
            found.update(value for key, value in node.items() if key in ("file", "root"))
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                walk(child)

    walk(files.read_yaml(path))
    return {re.sub(r"\.(md|ipynb)$", "", name) for name in found}


def listed(toc, slug, part):
    """The contents with the new page as the last section below the part's opening page."""
    opening = re.search(rf"^([ \t]*)- file: book/parts/{part}[ \t]*$", toc, flags=re.MULTILINE)
    if opening is None:
        raise PaperlabError(f"_toc.yml has no opening page book/parts/{part}; add it first")
    lines = toc.splitlines()
    at = toc[: opening.end()].count("\n") + 1
    indent = opening[1] + "  "
    if at >= len(lines) or lines[at].strip() != "sections:":
        lines.insert(at, f"{indent}sections:")
    at += 1
    entry = f"{indent}  - file: notebooks/{slug}"
    while at < len(lines) and lines[at].startswith((indent + "- ", indent + "  ")):
        entry = lines[at][: len(lines[at]) - len(lines[at].lstrip())] + f"- file: notebooks/{slug}"
        at += 1
    return "\n".join([*lines[:at], entry, *lines[at:]]) + "\n"
