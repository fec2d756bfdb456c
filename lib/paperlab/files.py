"""The book's small files: read with one-line errors, written whole or not at all."""

import json
import os
import tempfile
from pathlib import Path

from paperlab import paths
from paperlab.errors import PaperlabError


def read_text(path):
    """The text of a file, without the byte order mark that some editors put in front.

    Raises
    ------
    PaperlabError
        If the file cannot be read or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PaperlabError(f"cannot read {paths.shown(path)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PaperlabError(f"{paths.shown(path)} is not UTF-8 text") from None


def read_yaml(path):
    """Parse a plain YAML file: no objects, no key twice.

    Raises
    ------
    PaperlabError
        If the file cannot be read or is not plain YAML; the message names file and line.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            seen = []
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
                seen.append(key.value)
            return super().construct_mapping(node, deep)

    where = paths.shown(path)
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8-sig"), Loader)
    except OSError as error:
        raise PaperlabError(f"cannot read {where}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PaperlabError(f"{where} is not plain YAML: it is not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise PaperlabError(f"{where} is not plain YAML{at}: {' '.join(reason.split())}") from None


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
    except ValueError as error:  # broken JSON or not UTF-8
        raise PaperlabError(f"{where} is damaged: {error}") from None
    if not isinstance(data, dict):
        raise PaperlabError(f"{where} is damaged: expected a JSON object, got {type(data).__name__}")
    return data


def write_text(path, text):
    """Write whole or not at all: a killed process leaves the old file.

    Raises
    ------
    PaperlabError
        If the file cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise PaperlabError(f"cannot write {paths.shown(path)}: {error.strerror}") from None


def write_json(path, data):
    """Write an object as JSON; numbers must be finite."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
