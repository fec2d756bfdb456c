"""The parameters cell of a page: names, types, ranges and help; and the check of what a user passes.

Each line reads ``name: type = default   # [low, high] help`` or ``# {a, b, c} help``. For lists, the range or the
choices hold for each element.
"""

import ast
import json
import re
import sys
from dataclasses import dataclass

from paperlab import files, paths
from paperlab.errors import PaperlabError, suggestion
from paperlab.pages.cards import Card

SCALARS = {"int": int, "float": float, "str": str, "bool": bool}
TYPES = (*SCALARS, "list[int]", "list[float]", "list[str]")
_RANGE = re.compile(r"^\[\s*([^,\]]+)\s*,\s*([^,\]]+)\s*\]\s*")
_CHOICES = re.compile(r"^\{([^}]*)\}\s*")


@dataclass(frozen=True)
class Parameter:
    """One line of the parameters cell."""

    name: str
    type: str
    default: object
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple = ()

    @property
    def range(self):
        """The range or the choices as text; empty where any value of the type will do."""
        if self.choices:
            return "{" + ", ".join(map(str, self.choices)) + "}"
        return "" if self.low is None else f"[{self.low:.10g}, {self.high:.10g}]"

    def _scalar(self, value, kind):
        good = {
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "float": isinstance(value, (int, float))
            and not isinstance(value, bool)
            and abs(value) <= sys.float_info.max,
            "str": isinstance(value, str),
        }[kind]
        if not good:
            raise PaperlabError(f"parameter {self.name} must be {self.type}, got {value!r}")
        value = SCALARS[kind](value)
        if self.choices and str(value) not in map(str, self.choices):
            raise PaperlabError(
                f"parameter {self.name} must be one of {self.range}, got {value!r}{suggestion(value, self.choices)}"
            )
        if self.low is not None and not self.low <= value <= self.high:
            raise PaperlabError(f"parameter {self.name} must be in {self.range}, got {value!r}")
        return value

    def check(self, value):
        """Return ``value`` in the parameter's type.

        Raises
        ------
        PaperlabError
            If the type is wrong or the value lies outside the range or the choices.
        """
        if not self.type.startswith("list"):
            return self._scalar(value, self.type)
        if not isinstance(value, (list, tuple)):
            raise PaperlabError(
                f"parameter {self.name} must be {self.type}, e.g. {json.dumps(self.default)}, got {value!r}"
            )
        return [self._scalar(element, self.type[5:-1]) for element in value]

    def parse(self, text):
        """Read a value typed on the command line: ``200``, ``0.5``, ``spatial``, ``true``, ``[1, 0.5]`` or ``1,0.5``."""
        text = text.strip()
        if self.type == "str":
            return self.check(text)
        if self.type == "bool":
            if text.lower() not in ("true", "false"):
                raise PaperlabError(f"parameter {self.name} must be true or false, got {text!r}")
            return text.lower() == "true"
        if self.type.startswith("list"):
            inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
            parts = [part.strip().strip("'\"") for part in inner.split(",") if part.strip()]
            if self.type != "list[str]":
                parts = [self._number(part) for part in parts]
            return self.check(parts)
        return self.check(self._number(text))

    def _number(self, text):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        if not isinstance(value, (int, float)):
            raise PaperlabError(f"parameter {self.name} must be {self.type}, got {text!r}")
        return value


def _parse_line(where, name, kind, default, comment):
    if kind not in TYPES:
        raise PaperlabError(f"{where}: parameter {name} needs a type among {', '.join(TYPES)}, got {kind!r}")
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        raise PaperlabError(f"{where}: parameter {name} must be a plain literal, got {default!r}") from None
    low = high = None
    choices = ()
    comment = comment.strip()
    if match := _RANGE.match(comment):
        try:
            if "str" in kind or kind == "bool":
                raise ValueError
            low, high = float(match[1]), float(match[2])
        except ValueError:
            raise PaperlabError(
                f"{where}: parameter {name}: a range is [low, high] of a number, got {match[0].strip()!r}"
            ) from None
        comment = comment[match.end() :]
    elif match := _CHOICES.match(comment):
        choices = tuple(part.strip() for part in match[1].split(","))
        comment = comment[match.end() :]
    if not comment:
        raise PaperlabError(f"{where}: parameter {name} has no help text after its range")
    parameter = Parameter(name, kind, value, comment, low, high, choices)
    try:
        parameter.check(value)
    except PaperlabError as error:
        raise PaperlabError(f"{where}: the default is refused: {error}") from None
    return parameter


def read(slug, notebook=None):
    """The parameters of a page, in their order: ``{name: Parameter}``; ``notebook`` is the parsed page where it was read already.

    Raises
    ------
    PaperlabError
        If the page has no parameters cell, or a line of it has no type, literal or help.
    """
    path = paths.notebook_path(slug)
    notebook = files.read_json(path) if notebook is None else notebook
    if notebook is None:
        raise PaperlabError(f"{slug} has no notebook yet; expected {paths.shown(path)}")
    where = paths.shown(path)
    tagged = [cell for cell in notebook.get("cells", []) if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise PaperlabError(f"{where}: exactly one cell must be tagged 'parameters', found {len(tagged)}")
    return from_source("".join(tagged[0]["source"]), where)


def from_source(source, where="parameters"):
    """The parameters that the text of a parameters cell declares; ``where`` begins every message."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise PaperlabError(f"{where}: line {error.lineno} of the parameters cell is not Python: {error.msg}") from None
    lines = source.splitlines()
    found = {}
    for node in statements:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
            raise PaperlabError(
                f"{where}: a line of the parameters cell must read `name: type = value  # help`, "
                f"got {lines[node.lineno - 1].strip()!r}"
            )
        name = node.target.id
        if name in found:
            raise PaperlabError(f"{where}: parameter {name} is declared twice")
        rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
        comment = rest.partition("#")[2]
        found[name] = _parse_line(where, name, ast.unparse(node.annotation), ast.unparse(node.value), comment)
    return found


def named(slug, name, known):
    """The parameter of that name, or an error that says which is near."""
    if name not in known:
        raise PaperlabError(f"{slug} has no parameter {name!r}{suggestion(name, known)}; it has {', '.join(known)}")
    return known[name]


def check(slug, values, known=None):
    """Check a user's values against the page's parameters cell.

    Parameters
    ----------
    slug : str
    values : dict
        Name to value, or to text as typed on the command line (text is parsed by the parameter's type).

    Returns
    -------
    dict
        The same names with typed values.
    """
    known = known or read(slug)
    checked = {}
    for name, value in values.items():
        parameter = named(slug, name, known)
        as_text = isinstance(value, str) and parameter.type != "str"
        checked[name] = parameter.parse(value) if as_text else parameter.check(value)
    return checked


def from_file(path):
    """Parameters from a YAML or JSON file: a flat mapping of names to values."""
    try:
        data = files.read_yaml(path)
    except PaperlabError as error:
        raise PaperlabError(f"parameters file: {error}") from None
    if not isinstance(data, dict):
        raise PaperlabError(f"parameters file {path} must map names to values, got {type(data).__name__}")
    return {str(name): value for name, value in data.items()}


def resolve(slug, values=None, profile=None, *, card=None, known=None):
    """The parameter values that a run hands to papermill: the profile's, overridden by the user's, all checked.

    ``card`` and ``known`` (the parameters of the page) are given where they were read already.

    Raises
    ------
    PaperlabError
        If the slug, the profile, a name, a type or a value is wrong.
    """
    card = card or Card.load(slug)
    known = known or read(slug)
    chosen = {}
    if profile not in (None, "default"):
        if profile not in card.profiles:
            names = ["default", *card.profiles]
            raise PaperlabError(
                f"{slug} has no profile {profile!r}{suggestion(profile, names)}; it has {', '.join(names)}"
            )
        chosen.update(card.profiles[profile])
    chosen.update(values or {})
    return check(slug, chosen, known)
