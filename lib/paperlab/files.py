"""The book's small files: read with one-line errors, written whole or not at all."""

import contextlib
import json
import secrets
from pathlib import Path

from paperlab import paths
from paperlab.errors import PaperlabError, one_line


def read_text(path, limit=None):
    """The text of a file without the byte order mark of some editors; more than ``limit`` bytes are refused unread.

    Raises
    ------
    PaperlabError
        If the file cannot be read, is too large, or is not UTF-8.
    """
    where = paths.shown(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(-1 if limit is None else limit + 1)
        if limit is not None and len(content) > limit:
            raise PaperlabError(f"{where} has more than {limit // 1024} kB")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise PaperlabError(f"cannot read {where}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PaperlabError(f"{where} is not UTF-8 text") from None


@contextlib.contextmanager
def _plain_yaml(path):
    """Turn what the YAML reader raises into one line with file and line."""
    import yaml

    where = paths.shown(path)
    try:
        yield
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise PaperlabError(f"{where} is not plain YAML{at}: {one_line(reason, 200)}") from None
    except RecursionError:
        raise PaperlabError(f"{where} is not plain YAML: it is nested too deeply") from None


def read_yaml(path):
    """Parse a plain YAML file: no objects, no key twice.

    Raises
    ------
    PaperlabError
        If the file cannot be read or is not plain YAML; the message names file and line.
    """
    import yaml

    text = read_text(path)
    with _plain_yaml(path):

        class Loader(yaml.SafeLoader):
            def construct_mapping(self, node, deep=False):
                seen = set()
                for key, _ in node.value:
                    if key.id == "scalar" and key.value in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"{key.value!r} is given twice", key.start_mark
                        )
                    seen.add(key.value if key.id == "scalar" else id(key))
                return super().construct_mapping(node, deep)

        return yaml.load(text, Loader)


def compose_yaml(path, limit, depth):
    """The root node of a user's YAML file: scalars as written, nothing constructed; ``None`` where it is empty.

    Raises
    ------
    PaperlabError
        If the file cannot be read, has more than ``limit`` bytes, is not plain YAML, is nested below ``depth``,
        or uses aliases.
    """
    import yaml

    text = read_text(path, limit)
    with _plain_yaml(path):

        class Loader(yaml.SafeLoader):
            level = 0

            def compose_node(self, parent, index):
                if self.check_event(yaml.AliasEvent) or self.level > depth:
                    problem = "aliases are not taken" if self.level <= depth else f"nested more than {depth} deep"
                    raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)
                self.level += 1
                try:
                    return super().compose_node(parent, index)
                finally:
                    self.level -= 1

        return yaml.compose(text, Loader)


def prepare_jupyter():
    """Make the imports of nbformat, jupytext and papermill that follow quicker by a second and a half.

    They import jsonschema, which builds 38 grammars of web addresses in every process where an optional package for
    them is installed. Notebooks are checked without; the package can be imported afterwards as before.
    """
    import sys

    optional = "rfc3987_syntax"
    if optional in sys.modules or "jsonschema" in sys.modules:
        return
    sys.modules[optional] = None  # type: ignore[assignment]  # an import of it fails, which jsonschema takes
    try:
        import jsonschema  # noqa: F401
    finally:
        del sys.modules[optional]


def read_json(path):
    """Parse a JSON file that holds an object; ``None`` where the file does not exist.

    Raises
    ------
    PaperlabError
        If the file cannot be read or holds anything else.
    """
    where = paths.shown(path)
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PaperlabError(f"cannot read {where}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # broken JSON or not UTF-8
        raise PaperlabError(f"{where} is damaged: {one_line(error, 200)}") from None
    if not isinstance(data, dict):
        raise PaperlabError(f"{where} is damaged: expected a JSON object, got {type(data).__name__}")
    return data


def read_notebook(path):
    """A notebook as a dict in which every cell has a type, one source text and metadata, and a code cell outputs.

    Notebooks that other tools wrote may lack outputs, tags or metadata. ``None`` where the file does not exist.

    Raises
    ------
    PaperlabError
        If the file cannot be read or is no notebook of format 4.
    """
    notebook = read_json(path)
    if notebook is None:
        return None
    cells = notebook.get("cells")
    if (
        notebook.setdefault("nbformat", 4) != 4
        or not isinstance(cells, list)
        or not all(isinstance(c, dict) for c in cells)
    ):
        raise PaperlabError(f"{paths.shown(path)} is no notebook of format 4 with a list of cells")
    notebook.setdefault("nbformat_minor", 5)
    for cell in cells:
        cell.setdefault("cell_type", "raw")
        source = cell.get("source", "")
        cell["source"] = source if isinstance(source, str) else "".join(map(str, source))
        cell["metadata"] = cell.get("metadata") or {}
        if cell["cell_type"] == "code":
            cell["outputs"] = [output for output in cell.get("outputs") or [] if isinstance(output, dict)]
            cell.setdefault("execution_count", None)
    notebook["metadata"] = notebook.get("metadata") or {}
    return notebook


@contextlib.contextmanager
def replacing(path):
    """Hand out the path of a new file beside ``path`` and put it in its place at the end, whole or not at all.

    Raises
    ------
    PaperlabError
        If the file cannot be written; the old one stays then, as it does when the process is killed on the way.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name[:80]}.{secrets.token_hex(6)}")
        try:  # the name is known before the file is there: an interrupt at any point leaves none behind
            new.touch(0o600, exist_ok=False)
            yield new
            new.chmod(0o644)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PaperlabError(f"cannot write {paths.shown(path)}: {error.strerror or one_line(error, 200)}") from None


def write_text(path, text):
    """Write whole or not at all: a killed process leaves the old file."""
    with replacing(path) as new:
        new.write_text(text, encoding="utf-8", errors="backslashreplace")  # half characters, as JSON writes them


def write_json(path, data):
    """Write an object as JSON; numbers must be finite."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
