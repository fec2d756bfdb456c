"""Grids of parameter sets: axes read from text, checked and multiplied."""

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Sequence

from paperlab import paths
from paperlab.errors import PaperlabError, brief
from paperlab.pages import parameters

MAX_RUNS = 100_000


def parse_values(parameter, text):
    """Values of one grid axis: ``50,100,200``, ``0:10`` (0 to 9), ``0:100:25``; texts and lists are separated by ``;``.

    A comma belongs to a text: ``0>1, 1>2; 0>1`` are two.

    Raises
    ------
    PaperlabError
        If the text does not name at least one good value.
    """
    text = text.strip()
    parts: Sequence
    if parameter.type == "int" and ":" in text:
        try:
            parts = range(*(int(part) for part in text.split(":")))[: MAX_RUNS + 1]
        except (ValueError, TypeError):
            raise PaperlabError(
                f"parameter {parameter.name}: a range is start:stop or start:stop:step, got {brief(text)}"
            ) from None
    else:
        whole = parameter.type == "str" or parameter.is_list
        parts = [part for part in re.split(";" if whole else "[,;]", text) if part.strip()]
        if parameter.type == "str" and parameter.choices and len(parts) == 1 and "," in text:
            example = ";".join(map(str, parameter.choices[:2]))
            raise PaperlabError(
                f"parameter {parameter.name}: texts on an axis are separated by ;, e.g. {parameter.name}={example!r}, "
                f"got {brief(text)}"
            )
    if not parts:
        raise PaperlabError(
            f"parameter {parameter.name}: {brief(text)} names no value; write e.g. {parameter.name}=50,100"
        )
    return [parameter.parse(part) if isinstance(part, str) else parameter.check(part) for part in parts]


def grid(slug, axes, known=None):
    """All combinations of the axes: a list of checked parameter sets.

    Parameters
    ----------
    axes : dict
        Name to a list of values (an array, a range), or to text as in `parse_values`.

    Raises
    ------
    PaperlabError
        If there is no axis, a name or value is wrong, a value stands on an axis twice, the grid is too large, or a
        combination breaks a rule of the page.
    """
    if not axes:
        raise PaperlabError("a sweep needs at least one axis, e.g. -p n=50,100,200")
    known = known or parameters.read(paths.check_slug(slug))
    lists = {}
    for name, values in axes.items():
        parameter = parameters.named(slug, name, known)
        if isinstance(values, str):
            values = parse_values(parameter, values)
        elif (
            isinstance(values, (dict, set, bytes)) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0
        ):
            raise PaperlabError(
                f"parameter {name}: an axis is a list of values or text such as '50,100', got {brief(values)}"
            )
        lists[name] = [parameter.check(value) for value in itertools.islice(values, MAX_RUNS + 1)]
        seen = [json.dumps(value) for value in lists[name]]
        if not seen:
            raise PaperlabError(f"parameter {name}: the axis has no value")
        if twice := next((value for value, n in Counter(seen).items() if n > 1), None):
            raise PaperlabError(f"parameter {name}: the value {twice} stands on the axis twice")
    size = math.prod(len(values) for values in lists.values())
    if size > MAX_RUNS:
        raise PaperlabError(f"the grid has more than {MAX_RUNS} runs; use fewer values or several sweeps")
    sets = [dict(zip(lists, combination)) for combination in itertools.product(*lists.values())]
    for values in sets:
        known.check_rules(values)
    return sets
