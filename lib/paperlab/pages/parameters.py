"""The parameters cell of a page: names, types, ranges and help; and the check of what a user passes.

Each line reads ``name: type = default   # [low, high] help`` or ``# {a, b, c} help``. For lists, the range or the
choices hold for each element; a list may be empty where its default is. Comment lines beside them declare what holds
between parameters and which data they need (`paperlab.pages.rules`).
"""

import ast
import json
import re
import sys
from dataclasses import dataclass

from paperlab import files, paths
from paperlab.errors import PaperlabError, brief, suggestion
from paperlab.pages import rules
from paperlab.pages.cards import Card

SCALARS = {"int": int, "float": float, "str": str, "bool": bool}
TYPES = (*SCALARS, "list[int]", "list[float]", "list[str]")
_RANGE = re.compile(r"^\[\s*([^,\]]+)\s*,\s*([^,\]]+)\s*\]\s*")
_CHOICES = re.compile(r"^\{([^}]*)\}\s*")
_PLAIN = ("str", "int", "float", "bool", "timestamp", "value")  # YAML's own names of plain scalars
MAX_FILE = 32 * 1024  # bytes of a parameters file; a page has some twenty short lines


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
        if getattr(value, "ndim", None) == 0:  # a number of numpy or torch
            value = value.item()
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        good = {
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and number,
            "float": number and abs(value) <= sys.float_info.max,
            "str": isinstance(value, str),
        }[kind]
        if not good:
            hint = "; write text in quotes" if kind == "str" else ""
            raise PaperlabError(f"parameter {self.name} must be {self.type}, got {brief(value)}{hint}")
        value = SCALARS[kind](value)
        if kind == "str" and not value.isprintable():
            raise PaperlabError(f"parameter {self.name} must be printable text, got {brief(value)}")
        if self.choices and str(value) not in map(str, self.choices):
            raise PaperlabError(
                f"parameter {self.name} must be one of {self.range}, "
                f"got {brief(value)}{suggestion(value, self.choices)}"
            )
        if self.low is not None and not self.low <= value <= self.high:
            raise PaperlabError(f"parameter {self.name} must be in {self.range}, got {brief(value)}")
        return value

    @property
    def is_list(self):
        """Whether the value is a list."""
        return self.type.startswith("list")

    def check(self, value):
        """Return ``value`` in the parameter's type; numbers and 1-d arrays of numpy are taken too.

        Raises
        ------
        PaperlabError
            If the type is wrong, the value lies outside the range or the choices, or a list is empty that must not be.
        """
        if not self.is_list:
            return self._scalar(value, self.type)
        elements = value if isinstance(value, (list, tuple, range)) or getattr(value, "ndim", None) == 1 else None
        if elements is None:
            raise PaperlabError(
                f"parameter {self.name} must be {self.type}, e.g. {json.dumps(self.default)}, got {brief(value)}"
            )
        return self._elements([self._scalar(element, self.type[5:-1]) for element in elements])

    def _elements(self, elements):
        if not elements and self.default:
            raise PaperlabError(f"parameter {self.name} needs at least one value, e.g. {json.dumps(self.default)}")
        if self.choices and len(set(elements)) < len(elements):
            raise PaperlabError(
                f"parameter {self.name} must name each of {self.range} at most once, got {brief(elements)}"
            )
        return elements

    def parse(self, text):
        """Read a value typed by a user: ``200``, ``0.5``, ``spatial``, ``true``, ``[1, 0.5]`` or ``1,0.5``."""
        if not self.is_list:
            return self._word(text, self.type)
        text = text.strip()
        inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        return self.parse_all([part.strip().strip("'\"") for part in inner.split(",") if part.strip()])

    def parse_all(self, texts):
        """Read a list from the texts of its elements."""
        return self._elements([self._word(text, self.type[5:-1]) for text in texts])

    def _word(self, text, kind):
        """One element from its text, as written."""
        text = text.strip()
        if kind == "str":
            return self._scalar(text, kind)
        if kind == "bool":
            if text.lower() not in ("true", "false"):
                raise PaperlabError(f"parameter {self.name} must be true or false, got {brief(text)}")
            return text.lower() == "true"
        for number in (int, float):
            try:
                return self._scalar(number(text), kind)
            except PaperlabError:
                raise
            except ValueError:
                continue
        raise PaperlabError(f"parameter {self.name} must be {self.type}, got {brief(text)}")


class Declared(dict):
    """The parameters of a page by name, in their order, with the ``rules`` between them and the data that runs need."""

    rules: tuple = ()
    needs: tuple = ()

    @property
    def defaults(self):
        """Default value of every parameter."""
        return {name: parameter.default for name, parameter in self.items()}

    def check_rules(self, values):
        """Refuse values (of any of the parameters) that break a rule together with the defaults of the others."""
        complete = {**self.defaults, **values}
        for rule in self.rules:
            rule.check(complete)

    def data(self, values):
        """Names of the data sets that a run with these values reads."""
        complete = {**self.defaults, **values}
        return list(dict.fromkeys(name for need in self.needs if need.holds(complete) for name in need.data))


def _parse_line(where, name, kind, default, comment):
    if kind not in TYPES:
        raise PaperlabError(f"{where}: parameter {name} needs a type among {', '.join(TYPES)}, got {kind!r}")
    try:
        value = ast.literal_eval(default)
    except (ValueError, SyntaxError):
        raise PaperlabError(f"{where}: parameter {name} must be a plain literal, got {default!r}") from None
    low = high = None
    choices: tuple = ()
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
    """The parameters of a page, in their order, as `Declared`; ``notebook`` is the page where it was read already.

    Raises
    ------
    PaperlabError
        If the page has no parameters cell, or a line of it has no type, literal or help.
    """
    path = paths.notebook_path(slug)
    notebook = files.read_notebook(path) if notebook is None else notebook
    if notebook is None:
        raise PaperlabError(f"{slug} has no notebook yet; expected {paths.shown(path)}")
    where = paths.shown(path)
    tagged = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise PaperlabError(f"{where}: exactly one cell must be tagged 'parameters', found {len(tagged)}")
    return from_source(tagged[0]["source"], where)


def from_source(source, where="parameters"):
    """What the text of a parameters cell declares, as `Declared`; ``where`` begins every message."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise PaperlabError(f"{where}: line {error.lineno} of the parameters cell is not Python: {error.msg}") from None
    lines = source.splitlines()
    found = Declared()
    for node in statements:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
            raise PaperlabError(
                f"{where}: a line of the parameters cell must read `name: type = value  # help`, "
                f"got {lines[node.lineno - 1].strip()!r}"
            )
        name = node.target.id
        if name in found:
            raise PaperlabError(f"{where}: parameter {name} is declared twice")
        rest = lines[(node.end_lineno or node.lineno) - 1].encode()[node.end_col_offset :].decode()
        comment = rest.partition("#")[2]
        found[name] = _parse_line(where, name, ast.unparse(node.annotation), ast.unparse(node.value), comment)
    found.rules, found.needs = rules.read(source, found, where)
    try:
        for rule in found.rules:
            if not rule.condition.asks_methods:  # these wait for a run: reading a page stays quick
                rule.check(found.defaults)
    except PaperlabError as error:
        raise PaperlabError(f"{where}: the defaults are refused: {error}") from None
    return found


class Written(tuple):
    """Elements of a list in a parameters file, each as written."""


def named(slug, name, known):
    """The parameter of that name, or an error that says which is near."""
    if name not in known:
        raise PaperlabError(
            f"{slug} has no parameter {brief(name)}{suggestion(name, known)}; it has {', '.join(known)}"
        )
    return known[name]


def check(slug, values, known=None):
    """Check a user's values against the page's parameters cell, its rules included.

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
        if isinstance(value, Written):
            checked[name] = parameter.parse_all(value) if parameter.is_list else parameter.check(list(value))
        else:
            as_text = isinstance(value, str) and parameter.type != "str"
            checked[name] = parameter.parse(value) if as_text else parameter.check(value)
    known.check_rules(checked)
    return checked


def from_file(path):
    """Parameters from a YAML or JSON file, each scalar as written: its type is the parameter's, not YAML's guess.

    Returns
    -------
    dict
        Name to text, or to `Written` for a list.

    Raises
    ------
    PaperlabError
        If the file cannot be read, is large, is not plain YAML, or is not a flat mapping of names to values.
    """
    where = paths.shown(path)
    try:
        node = files.compose_yaml(path, MAX_FILE, depth=3)
        if node is None or node.id != "mapping":
            raise PaperlabError(f"{where} must map names to values, got {node.id if node else 'nothing'}")
        values: dict = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar":
                raise PaperlabError(f"{where}, line {line}: a name is expected")
            if key.value in values:
                raise PaperlabError(f"{where}, line {line}: {brief(key.value)} is given twice")
            values[key.value] = _written(value, f"{where}, line {line}: {brief(key.value)}")
        return values
    except PaperlabError as error:
        raise PaperlabError(f"parameters file: {error}") from None


def _written(node, where, inner=False):
    """Text of a scalar, or of the scalars of a list."""
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind == "seq" and not inner:
        return Written(_written(child, where, inner=True) for child in node.value)
    if kind == "null":
        raise PaperlabError(f"{where} has no value; write text in quotes")
    if kind not in _PLAIN:
        raise PaperlabError(f"{where} must be one value or a list of values, got {brief(kind)}")
    return node.value


def resolve(slug, values=None, profile=None, *, card=None, known=None):
    """The parameter values that a run puts into the page: the profile's, overridden by the user's, all checked.

    ``card`` and ``known`` (the parameters of the page) are given where they were read already.

    Raises
    ------
    PaperlabError
        If the slug, the profile, a name, a type or a value is wrong, or a rule is broken.
    """
    card = card or Card.load(slug)
    known = known or read(slug)
    chosen = {}
    if profile not in (None, "default"):
        if profile not in card.profiles:
            names = ["default", *card.profiles]
            raise PaperlabError(
                f"{slug} has no profile {brief(profile)}{suggestion(profile, names)}; it has {', '.join(names)}"
            )
        chosen.update(card.profiles[profile])
    chosen.update(values or {})
    return check(slug, chosen, known)
