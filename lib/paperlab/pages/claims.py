"""Claims of a paper and the criteria that decide them. Pure: no files, no printing.

A claim is one sentence of the paper, one number measured here, and one criterion that stood in the card before the page
was run; for claims whose basis is ``prototype`` a pilot run had been seen.
"""

import math
import re
from dataclasses import dataclass

from paperlab.errors import PaperlabError, suggestion

VERDICTS = ("reproduced", "partly", "not", "not tested")
WORDS = {  # the codes themselves in words, for a filter that holds claims of every fidelity
    "reproduced": "reproduced",
    "partly": "partly reproduced",
    "not": "not reproduced",
    "not tested": "not tested",
}
FIDELITIES = ("same data", "same design", "public data", "stand-in")
KINDS = ("at_least", "at_most", "between", "equals")
ROLES = ("paper", "control")
BASES = {  # where a limit comes from, and how a reader is told
    "paper": "the paper",
    "field": "a convention of the field",
    "prototype": "pilot: set after a pilot run had been seen",
    "ours": "a judgement of this book",
}
CERTAINTIES = ("read", "second hand", "recalled")  # how the paper's words or number are known

_REPRODUCED = ("reproduced", "partly reproduced", "not reproduced", "not tested")
_WORDS = {
    "same data": _REPRODUCED,
    "same design": _REPRODUCED,
    "public data": ("replicated", "partly replicated", "not replicated", "not tested"),
    "stand-in": ("holds in miniature", "holds partly in miniature", "does not hold in miniature", "not tested"),
}
_CONTROL = ("as expected", "partly as expected", "not as expected", "not tested")


def words(verdict, fidelity, role="paper"):
    """What a reader is told of a verdict: the words say what the evidence is worth.

    >>> words("reproduced", "same data"), words("not", "stand-in"), words("reproduced", "stand-in", "control")
    ('reproduced', 'does not hold in miniature', 'as expected')
    """
    return (_CONTROL if role == "control" else _WORDS[fidelity])[VERDICTS.index(verdict)]


def is_number(value):
    """Whether a value is one finite number; truth values are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Criterion:
    """An interval that the measured number must fall into, and optionally a wider one.

    Parameters
    ----------
    kind : {"at_least", "at_most", "between", "equals"}
    low, high : float
        The interval, both ends included; ``-inf`` or ``inf`` where open.
    partly : Criterion or None
        A wider interval in which the claim counts as partly reproduced.
    """

    kind: str
    low: float
    high: float
    partly: "Criterion | None" = None

    @classmethod
    def from_dict(cls, data, where="criterion"):
        """Read ``{at_least: x}``, ``{at_most: x}``, ``{between: [a, b]}`` or ``{equals: v, tolerance: t}``.

        Raises
        ------
        PaperlabError
            If the form is none of these; the message begins with ``where``.
        """
        if not isinstance(data, dict):
            raise PaperlabError(f"{where}: a criterion is missing; write e.g. {{at_least: 0.25}}, got {data!r}")
        allowed = {*KINDS, "tolerance", "partly"}
        for key in data:
            if key not in allowed:
                raise PaperlabError(f"{where}: unknown key {key!r}{suggestion(key, allowed)}")
        kinds = [kind for kind in KINDS if kind in data]
        if len(kinds) != 1:
            raise PaperlabError(f"{where}: exactly one of {', '.join(KINDS)} is needed, got {sorted(data)}")
        kind = kinds[0]
        value = data[kind]
        if kind == "between":
            if not (
                isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] <= value[1]
            ):
                raise PaperlabError(f"{where}: between needs [low, high], got {value!r}")
            low, high = value
        elif not is_number(value):
            raise PaperlabError(f"{where}: {kind} needs a number, got {value!r}")
        elif kind == "equals":
            tolerance = data.get("tolerance", 0.0)
            if not (is_number(tolerance) and tolerance >= 0):
                raise PaperlabError(f"{where}: tolerance must be a number >= 0, got {tolerance!r}")
            low, high = value - tolerance, value + tolerance
        else:
            low, high = (value, math.inf) if kind == "at_least" else (-math.inf, value)
        if "tolerance" in data and kind != "equals":
            raise PaperlabError(f"{where}: tolerance goes with equals, not with {kind}")
        partly = None
        if data.get("partly") is not None:
            partly = cls.from_dict(data["partly"], f"{where}: partly")
            if partly.low > low or partly.high < high:
                raise PaperlabError(f"{where}: partly must be wider than the criterion itself")
        return cls(kind, float(low), float(high), partly)

    def verdict(self, value):
        """``"reproduced"``, ``"partly"`` or ``"not"`` for one finite number."""
        if self.low <= value <= self.high:
            return "reproduced"
        if self.partly is not None and self.partly.low <= value <= self.partly.high:
            return "partly"
        return "not"

    def __str__(self):
        if self.kind == "at_least":
            text = f"≥ {self.low:g}"
        elif self.kind == "at_most":
            text = f"≤ {self.high:g}"
        elif self.kind == "equals":
            middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
            text = f"= {middle:g}" + (f" ± {half:.3g}" if half else "")
        else:
            text = f"{self.low:g} to {self.high:g}"
        return text + (f" (partly: {self.partly})" if self.partly else "")


@dataclass(frozen=True)
class Claim:
    """One claim of a paper as its card states it; see CONTRIBUTING.md for the fields."""

    id: str
    text: str
    paper: str
    source: str
    measure: str
    criterion: Criterion | None
    fidelity: str
    role: str
    basis: str | None = None
    certainty: str | None = None
    random: bool = True
    paper_value: float | None = None
    why: str = ""
    needs: str | None = None
    not_tested: str | None = None

    @classmethod
    def from_dict(cls, data, where):
        """Read one entry of a card's ``claims``; ``where`` begins every error message."""
        if not isinstance(data, dict) or "id" not in data:
            raise PaperlabError(f"{where}: every claim needs an id, got {data!r}")
        if not re.fullmatch(r"c\d+[a-z]?", str(data["id"])):
            raise PaperlabError(f"{where}: a claim's id reads c1, c2 or c3a, got {data['id']!r}")
        where = f"{where}: claim {data['id']}"
        required = ("id", "text", "paper", "source", "measure", "fidelity")
        known = {
            *required,
            *("role", "basis", "certainty", "random", "paper_value", "criterion", "why", "needs", "not_tested"),
        }
        for key in data:
            if key not in known:
                raise PaperlabError(f"{where}: unknown field {key!r}{suggestion(key, known)}")
        for key in required:
            if not str(data.get(key) or "").strip():
                raise PaperlabError(f"{where}: field {key!r} is missing or empty")
        if data["fidelity"] not in FIDELITIES:
            raise PaperlabError(f"{where}: fidelity must be one of {', '.join(FIDELITIES)}, got {data['fidelity']!r}")
        _check_worth(data, where)
        if not isinstance(data.get("random", True), bool):
            raise PaperlabError(f"{where}: random must be true or false, got {data['random']!r}")
        if data.get("paper_value") is not None and not is_number(data["paper_value"]):
            raise PaperlabError(f"{where}: paper_value must be a number, got {data['paper_value']!r}")
        if data.get("needs") not in (None, "full"):
            raise PaperlabError(f"{where}: needs can only be 'full', got {data['needs']!r}")
        if data.get("not_tested") and "criterion" not in data:
            criterion = None
        else:
            criterion = Criterion.from_dict(data.get("criterion"), f"{where}: criterion")
        texts = {key: str(data[key]).strip() for key in required if key != "id"}
        return cls(
            id=str(data["id"]),
            criterion=criterion,
            role=data["role"],
            basis=data.get("basis"),
            certainty=data.get("certainty"),
            random=data.get("random", True),
            paper_value=data.get("paper_value"),
            why=str(data.get("why") or ""),
            needs=data.get("needs"),
            not_tested=str(data["not_tested"]) if data.get("not_tested") else None,
            **texts,
        )

    @property
    def decided_by(self):
        """What a result of this claim rests on: statement, measure and criterion, not the reasons given for them."""
        return "\n".join(map(str, (self.text, self.measure, self.criterion, self.needs, self.not_tested)))

    def judge(self, value):
        """The `Verdict` for ``value``; ``None`` means that this run did not measure the claim."""
        if self.not_tested or self.criterion is None:
            return Verdict(self, value, "not tested", self.not_tested or "no criterion")
        if value is None:
            return Verdict(self, None, "not tested", "measured in the full run only" if self.needs else "not measured")
        return Verdict(self, value, self.criterion.verdict(value), "")


def _check_worth(data, where):
    """What a claim is worth must be said: whose it is, where its limit comes from, how the paper's words are known."""
    for key, allowed in (("role", ROLES), ("basis", BASES), ("certainty", CERTAINTIES)):
        if data.get(key) is not None and data[key] not in allowed:
            raise PaperlabError(f"{where}: {key} must be one of {', '.join(allowed)}, got {data[key]!r}")
    problem = None
    if data.get("role") is None:
        problem = "role is missing; write `role: paper` for a statement of the paper, `role: control` for anything else"
    elif data.get("basis") is None and not data.get("not_tested"):
        problem = f"basis is missing; write where the limit comes from: {', '.join(BASES)}"
    elif data["role"] == "paper" and data.get("certainty") is None:
        problem = f"certainty is missing; write how the paper's words or number are known: {', '.join(CERTAINTIES)}"
    elif data["role"] == "control" and data.get("certainty") is not None:
        problem = "certainty is for statements of the paper; leave it out of a control, or write `role: paper`"
    elif data.get("basis") == "ours" and not str(data.get("why") or "").strip():
        problem = "a limit of our own (`basis: ours`) needs its reason; write it in `why`"
    if problem:
        raise PaperlabError(f"{where}: {problem}")


@dataclass(frozen=True)
class Verdict:
    """What became of one claim in one run."""

    claim: Claim
    value: float | None
    verdict: str
    reason: str

    @property
    def words(self):
        """The verdict as a reader is told it."""
        return words(self.verdict, self.claim.fidelity, self.claim.role)

    def as_dict(self):
        """The verdict as results store it."""
        return {"id": self.claim.id, "value": self.value, "verdict": self.verdict, "reason": self.reason}


def number(value):
    """A measured number as text: four significant digits, a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e6 else f"{value:.4g}"
