"""What holds between the parameters of a page, declared beside them as comments of the parameters cell.

``# rule: r <= min(k_values)  # reason`` must be true of every run;
``# data: pension_401k if sample in ("9915", "both")`` names the data sets that a run needs. An expression is read,
never executed: it may name parameters, hold literals, arithmetic, comparisons, ``and``, ``or``, ``not``, positions such
as ``pair[0]``, the functions of `FUNCTIONS`, and public functions of `paperlab.methods` by wing, module and name, e.g.
``mixed_graphs.graphs.n_vertices(graph)``.
"""

import ast
import importlib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from paperlab.errors import PaperlabError, brief, one_line, suggestion


def days(first, last):
    """Days from one ISO date to another, e.g. ``days("2015-01-01", "2015-01-31")`` is 30."""
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


FUNCTIONS: dict[str, Callable] = {
    f.__name__: f for f in (abs, all, any, bool, days, len, math.exp, max, min, round, set, sorted, sum)
}
_OPERATORS: dict[type, Callable] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_LINE = re.compile(r"^#\s*(rule|data)\s*:(.*)$")
_DATA = re.compile(r"^([\w-]+(?:\s*,\s*[\w-]+)*)(?:\s+if\s+(.*))?$")


@dataclass(frozen=True)
class Expression:
    """A condition on the parameters: its text, and the parameters that it names."""

    text: str
    tree: ast.expr
    names: tuple

    @classmethod
    def read(cls, text, known):
        """Read a condition over the parameters ``known``; refuses whatever is more than that."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise PaperlabError(f"{text.strip()!r} is no condition: {getattr(error, 'msg', error)}") from None
        names: list[str] = []
        _allow(tree, known, names)
        return cls(" ".join(text.split()), tree, tuple(dict.fromkeys(names)))

    @property
    def asks_methods(self):
        """Whether it calls a function of `paperlab.methods`, which takes an import."""
        return any(isinstance(node, ast.Attribute) for node in ast.walk(self.tree))

    def value(self, values):
        """The value of the expression for these parameters."""
        return _value(self.tree, values)


@dataclass(frozen=True)
class Rule:
    """A condition that every run of the page meets, and why."""

    condition: Expression
    reason: str

    def __str__(self):
        return self.condition.text + (f"  ({self.reason})" if self.reason else "")

    def check(self, values):
        """Refuse values that break the rule.

        Raises
        ------
        PaperlabError
            The rule, its reason, and the values that it names.
        """
        try:
            kept, reason = self.condition.value(values), self.reason
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, ImportError) as error:
            kept, reason = False, one_line(error, 300)  # a method's own words, or what is wrong with the rule
        if not kept:
            got = ", ".join(f"{name} = {brief(values[name])}" for name in self.condition.names)
            raise PaperlabError(
                f"parameters must keep the rule {self.condition.text}{f' ({reason})' if reason else ''}, got {got}"
            )


@dataclass(frozen=True)
class Need:
    """Data sets that a run reads, always or under a condition."""

    data: tuple
    condition: Expression | None

    def __str__(self):
        return ", ".join(self.data) + (f" if {self.condition.text}" if self.condition else "")

    def holds(self, values):
        """Whether a run with these parameters reads the data."""
        return self.condition is None or bool(self.condition.value(values))


def read(source, known, where):
    """Rules and needs that the comment lines of a parameters cell declare.

    Parameters
    ----------
    source : str
        Text of the cell.
    known : mapping
        Its parameters by name.
    where : str
        Begins every message.

    Returns
    -------
    rules : tuple of Rule
    needs : tuple of Need

    Raises
    ------
    PaperlabError
        If a line is malformed or names something that is no parameter.
    """
    rules, needs = [], []
    for line in source.splitlines():
        if (match := _LINE.match(line.strip())) is None:
            continue
        text, _, reason = match[2].partition("#")
        try:
            if match[1] == "rule":
                rules.append(Rule(Expression.read(text, known), reason.strip()))
                continue
            if (found := _DATA.match(text.strip())) is None:
                raise PaperlabError(f"{text.strip()!r} is not of the form NAME, NAME if CONDITION")
            condition = Expression.read(found[2], known) if found[2] else None
            needs.append(Need(tuple(name.strip() for name in found[1].split(",")), condition))
        except PaperlabError as error:
            raise PaperlabError(f"{where}: {line.strip()[:120]}: {error}") from None
    return tuple(rules), tuple(needs)


def _allow(node, known, names):
    """Refuse a node that an expression may not hold; collect the parameters that it names."""
    operators = [*getattr(node, "ops", ()), *([node.op] if isinstance(node, (ast.BinOp, ast.UnaryOp)) else [])]
    calls = isinstance(node, ast.Call)
    unknown = type(node) not in _VALUES or any(type(op) not in _OPERATORS for op in operators)
    if unknown or (calls and (node.keywords or not (_is_function(node.func) or isinstance(node.func, ast.Attribute)))):
        raise PaperlabError(f"{ast.unparse(node)} may not stand in a condition; functions are {', '.join(FUNCTIONS)}")
    if isinstance(node, ast.Name):
        if node.id not in known:
            raise PaperlabError(f"{node.id} is no parameter{suggestion(node.id, known)}")
        names.append(node.id)
    if calls and not _is_function(node.func):
        _method(node.func)
    parts = node.args if calls else [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    for part in parts:
        _allow(part, known, names)


def _is_function(node):
    return isinstance(node, ast.Name) and node.id in FUNCTIONS


def _method(node):
    """``wing.module.function`` of a call, refused where it is anything else."""
    parts = ast.unparse(node).split(".")
    if len(parts) != 3 or not all(part.isidentifier() and not part.startswith("_") for part in parts):
        raise PaperlabError(f"{ast.unparse(node)} must name a function of paperlab.methods as wing.module.function")
    return parts


def _value(node, values):
    return _VALUES[type(node)](node, values)


def _all(nodes, values):
    return [_value(node, values) for node in nodes]


def _call(node, values):
    if _is_function(node.func):
        return FUNCTIONS[node.func.id](*_all(node.args, values))
    wing, module, name = _method(node.func)
    return getattr(importlib.import_module(f"paperlab.methods.{wing}.{module}"), name)(*_all(node.args, values))


def _both(node, values):
    """``and`` and ``or``, which stop at the first value that decides."""
    decides = isinstance(node.op, ast.Or)
    for part in node.values:
        found = _value(part, values)
        if bool(found) is decides:
            break
    return found


def _compared(node, values):
    sides = _all([node.left, *node.comparators], values)
    return all(_OPERATORS[type(op)](left, right) for op, left, right in zip(node.ops, sides, sides[1:]))


_VALUES: dict[type, Callable] = {
    ast.Constant: lambda node, values: node.value,
    ast.Name: lambda node, values: values[node.id],
    ast.Call: _call,
    ast.BoolOp: _both,
    ast.BinOp: lambda node, values: _OPERATORS[type(node.op)](*_all([node.left, node.right], values)),
    ast.UnaryOp: lambda node, values: _OPERATORS[type(node.op)](_value(node.operand, values)),
    ast.Compare: _compared,
    ast.List: lambda node, values: _all(node.elts, values),
    ast.Tuple: lambda node, values: _all(node.elts, values),
    ast.Subscript: lambda node, values: _value(node.value, values)[_value(node.slice, values)],
}
