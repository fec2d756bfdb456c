"""Which files of the library a page imports, and hashes of code that comments, docstrings and layout do not change."""

import ast
import functools
import hashlib

from paperlab import files, paths
from paperlab.errors import PaperlabError
from paperlab.pages.cards import Card

DIGITS = 12  # of a hash that is stored


def digest(text):
    """A short stable hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def library():
    """The folder ``lib/paperlab`` of the checkout."""
    return paths.root() / "lib" / "paperlab"


def imported_files(slug, notebook=None, data=None):
    """Files of the library that decide a page's numbers, sorted.

    These are the modules of ``lib/paperlab/methods`` that the code cells import, those that they import in turn, and
    the loaders of the card's data sets. Nothing is executed; an import counts wherever it stands.

    Parameters
    ----------
    slug : str
    notebook, data : dict and list, optional
        The parsed page, and the names of the card's data sets, where these have been read already.

    Returns
    -------
    list of Path
    """
    if notebook is None:
        notebook = files.read_json(paths.notebook_path(paths.check_slug(slug))) or {}
    names = set()
    for source in code_cells(notebook):
        names |= _imports(parsed(source), package="")
    found, seen = set(), set()
    while names:
        name = names.pop()
        path = _file_of(name)
        if path is None or path in seen:
            continue
        seen.add(path)
        if _module(path).body:  # a package's docstring alone decides nothing
            found.add(path)
        names |= _imports_of(path, name)
    return sorted(found | _loaders(Card.load(slug).data if data is None else data))


def code_cells(notebook):
    """Sources of the code cells that hold something."""
    cells = [cell for cell in notebook.get("cells", []) if cell.get("cell_type") == "code"]
    sources = ("".join(cell.get("source", "")) for cell in cells)
    return [source for source in sources if source.strip()]


def deciding_cells(notebook):
    """Sources of the code cells that decide the verdicts: up to the verdict cell, without the parameters cell."""
    sources = []
    for cell in notebook.get("cells", []):
        if "parameters" not in cell.get("metadata", {}).get("tags", []):
            sources += code_cells({"cells": [cell]})
        if "paper.verdicts()" in "".join(cell.get("source", "")):
            break
    return sources


def parsed(source):
    """The syntax tree of a cell without magics; an empty one where it is not Python."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.parse("")


@functools.lru_cache(maxsize=512)
def _tree(path, changed):
    return _without_docstrings(ast.parse(path.read_text(encoding="utf-8-sig")))


def _module(path):
    """The syntax tree of a file of the library; read again where the file has changed."""
    try:
        return _tree(path, path.stat().st_mtime_ns)
    except SyntaxError as error:
        raise PaperlabError(f"{paths.shown(path)}: line {error.lineno} is not Python: {error.msg}") from None


def _imports_of(path, name):
    """Full names of all that a module of the library imports."""
    _module(path)  # tells of one that is not Python
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _imports_when(path, path.stat().st_mtime_ns, package)


@functools.lru_cache(maxsize=512)
def _imports_when(path, changed, package):
    return frozenset(_imports(_tree(path, changed), package))


def _imports(tree, package):
    """Full names of all that a tree imports; ``from a import b`` gives ``a`` and ``a.b``, for ``b`` may be a module."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names |= _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            names |= _with_parents(base) | {f"{base}.{alias.name}" for alias in node.names}
    return names


def _with_parents(name):
    """``a.b.c`` with the packages ``a.b`` and ``a``, whose code runs too."""
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def _file_of(name):
    """The file of a module below ``paperlab.methods``, ``None`` for any other name."""
    parts = name.split(".")
    if parts[:2] != ["paperlab", "methods"]:
        return None
    base = library().joinpath(*parts[1:])
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _loaders(names):
    """The modules of loaders that define one of the data sets."""
    folder = library() / "datasets" / "loaders"
    found = set()
    for path in folder.glob("*.py") if names else []:
        if any(isinstance(node, ast.FunctionDef) and node.name in names for node in _module(path).body):
            found.add(path)
    return found


def _without_docstrings(tree):
    """The tree, changed in place: docstrings decide no number."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            value = getattr(first, "value", None)
            if isinstance(first, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                del node.body[0]
    return tree


@functools.lru_cache(maxsize=512)
def _hash(path, changed):
    return digest(ast.unparse(_tree(path, changed)))


def library_hashes(found):
    """``{name below lib/paperlab: hash}`` of files of the library."""
    return {path.relative_to(library()).as_posix(): _hash(path, path.stat().st_mtime_ns) for path in found}


def code_hash(sources):
    """Hash of what cells of a page do, one after the other."""
    return digest("\n".join(ast.unparse(_without_docstrings(parsed(source))) for source in sources))
