"""Which definitions of the library a page reaches, and hashes of code that comments and layout do not change.

Nothing is executed: names are followed through the syntax trees. A function added to a module that many pages use
changes the hashes of those pages only that reach it.
"""

import ast
import functools
import hashlib

from paperlab import files, paths
from paperlab.errors import PaperlabError
from paperlab.pages.cards import Card

DIGITS = 12  # of a hash that is stored
METHODS = "paperlab.methods"


def digest(text):
    """A short stable hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def library():
    """The folder ``lib/paperlab`` of the checkout."""
    return paths.root() / "lib" / "paperlab"


def reached(slug, notebook=None, data=None):
    """Definitions of the library that decide a page's numbers.

    These are the functions, classes and constants of ``lib/paperlab/methods`` that the code cells name, those that
    these name in turn, what a module does while it is imported, and the loaders of the card's data sets. A class counts
    as a whole, and so does a module that is handed on under its own name.

    Parameters
    ----------
    slug : str
    notebook, data : dict and list, optional
        The parsed page, and the names of the card's data sets, where these have been read already.

    Returns
    -------
    dict of Path to tuple of ast.stmt
        Statements of each file in their order there; files by name.
    """
    if notebook is None:
        notebook = files.read_json(paths.notebook_path(paths.check_slug(slug))) or {}
    trees = [parsed(source) for source in code_cells(notebook)]
    page = _Module(ast.Module([node for tree in trees for node in tree.body], []), package="")
    search = _Search()
    search.follow(page, page.tree)
    for path, names in _loaders(Card.load(slug).data if data is None else data).items():
        for name in names:
            search.reach(path, name)
    return {path: search.statements(path) for path in sorted(search.found) if search.statements(path)}


def library_hashes(found):
    """``{name below lib/paperlab: hash}`` of the statements that `reached` gives."""
    return {
        path.relative_to(library()).as_posix(): digest("\n".join(map(ast.unparse, statements)))
        for path, statements in found.items()
    }


def code_hash(sources):
    """Hash of what cells of a page do, one after the other."""
    return digest("\n".join(ast.unparse(_without_docstrings(parsed(source))) for source in sources))


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


class _Module:
    """A file of the library, or the cells of a page: what it defines, imports and does at once."""

    def __init__(self, tree, package, path=None):
        self.tree, self.path = tree, path
        self.defined: dict[str, list[ast.stmt]] = {}  # name to the statements that bind it
        self.at_import = []  # statements that run whatever is asked for
        self.imported: dict[str, set[str]] = {}  # name to the full names that it may stand for
        for node in tree.body:
            names = _bound(node)
            if not names and not isinstance(node, ast.Import | ast.ImportFrom):
                self.at_import.append(node)
            for name in names:
                self.defined.setdefault(name, []).append(node)
        for name, full in _imports(tree, package):
            self.imported.setdefault(name, set()).add(full)
        self.behind = {ancestor for full in set().union(*self.imported.values()) for ancestor in _with_parents(full)}


def _bound(node):
    """The names that a statement at the top of a module binds; none where it does more than that."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        targets = node.targets
    else:
        targets = [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []
    parts = [
        part for target in targets for part in (target.elts if isinstance(target, ast.Tuple | ast.List) else [target])
    ]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []  # an entry or an attribute is set


class _Search:
    """Follows names from file to file."""

    def __init__(self):
        self.found = {}  # path to the names reached in it
        self._entered = set()

    def follow(self, module, node):
        """Reach all that a piece of a module names, and enter the modules that it may import."""
        for full in module.behind:
            self.enter(full)
        for full in module.imported.get("*", ()):
            self.resolve(full, [])
        for name, attributes in _names(node):
            if name in module.defined and module.tree is not node:
                self.reach(module.path, name)
            for full in module.imported.get(name, ()):
                self.resolve(full, attributes)

    def enter(self, full):
        """What a module does while it is imported counts."""
        path = _file_of(full)
        if path is not None and path not in self._entered:
            self._entered.add(path)
            module = _module(path)
            for node in module.at_import:
                self.found.setdefault(path, set())
                self.follow(module, node)
            for name in module.behind:
                self.enter(name)

    def resolve(self, full, attributes):
        """Reach ``full.attribute``: a definition of a module, or all of a module that is named alone."""
        path = _file_of(full)
        if path is None:
            above, _, last = full.rpartition(".")
            if _file_of(above) is not None:
                self.reach(_file_of(above), last, attributes)
            elif attributes and f"{full}.".startswith("paperlab."):
                self.resolve(f"{full}.{attributes[0]}", attributes[1:])
        elif attributes and _file_of(f"{full}.{attributes[0]}") is not None:
            self.resolve(f"{full}.{attributes[0]}", attributes[1:])
        elif attributes:
            self.reach(path, attributes[0], attributes[1:])
        else:
            self.reach(path, "*")

    def reach(self, path, name, attributes=()):
        """Reach a name of a module: defined there, imported there, or ``*``."""
        module = _module(path)
        for one in module.defined if name == "*" else [name] if name in module.defined else []:
            if one not in self.found.setdefault(path, set()):
                self.found[path].add(one)
                for node in module.defined[one]:
                    self.follow(module, node)
        for full in module.imported.get(name, ()):
            self.resolve(full, attributes)

    def statements(self, path):
        """What is reached in a file, in its order."""
        module, names = _module(path), self.found[path]
        return tuple(node for node in module.tree.body if node in module.at_import or names & set(_bound(node)))


def _names(node):
    """The names that a piece of code uses, each with the attributes that are taken of it: ``a.b.c`` is (a, [b, c])."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            yield node.id, attributes
        elif attributes:
            waiting.append(node)
        else:
            waiting += ast.iter_child_nodes(node)


def _imports(tree, package):
    """Names that imports bind, wherever they stand, each with the full name that it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
                yield "", alias.name  # runs, though it binds its first part alone
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield alias.asname or alias.name, f"{base}.{alias.name}"


def _with_parents(name):
    """``a.b.c`` with the packages ``a.b`` and ``a``, whose code runs too."""
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


@functools.lru_cache(maxsize=512)
def _read(path, changed):
    name = path.relative_to(library()).with_suffix("").parts
    tree = _without_docstrings(ast.parse(path.read_text(encoding="utf-8-sig")))
    return _Module(tree, ".".join(["paperlab", *name[:-1]]), path)


def _module(path):
    """A file of the library; read again where it has changed."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except SyntaxError as error:
        raise PaperlabError(f"{paths.shown(path)}: line {error.lineno} is not Python: {error.msg}") from None


def _file_of(name):
    """The file of a module below ``paperlab.methods``, ``None`` for any other name.

    The package itself decides no number: it says where compiled functions are kept.
    """
    parts = name.split(".")
    if parts[:2] != METHODS.split(".") or len(parts) < 3:
        return None
    base = library().joinpath(*parts[1:])
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _loaders(names):
    """``{module of loaders: names}`` of the functions that read the data sets."""
    found = {}
    for path in (library() / "datasets" / "loaders").glob("*.py") if names else []:
        if here := [name for name in names if name in _module(path).defined]:
            found[path] = here
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
