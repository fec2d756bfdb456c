"""The card of one paper, and what a notebook does with it: header, measure, verdicts, versions."""

import html
import importlib.metadata
import json
import math
import numbers
import resource
import sys
import time
from dataclasses import dataclass, field

from paperlab import files, paths
from paperlab.errors import PaperlabError, suggestion
from paperlab.pages import claims, records

PARTS = {
    "spiking": "Spiking networks",
    "latent-factors": "Latent factors and what identifies them",
    "causes": "Causes and choices",
    "predictions": "Predictions people act on",
    "recommenders": "Recommenders",
    "vision": "Images, faces and robots",
    "language": "Language and text",
}
MAX_TABLE_ROWS = 300
SYMBOLS = {"reproduced": "✓", "partly": "◐", "not": "✗", "not tested": "–"}


@dataclass(frozen=True)
class Card:
    """What ``data/papers/<slug>.yml`` says; read with `Card.load`."""

    slug: str
    title: str
    short: str
    authors: list
    year: int
    venue: str
    cite: str
    part: str
    fidelity: str
    question: str
    summary: str
    claims: list
    departures: list = field(default_factory=list)
    data: list = field(default_factory=list)
    profiles: dict = field(default_factory=dict)
    arxiv: str | None = None
    doi: str | None = None

    @classmethod
    def load(cls, slug):
        """Read and validate a card.

        Raises
        ------
        PaperlabError
            If the file is missing, is not plain YAML, or a field or criterion is missing or malformed.
        """
        path = paths.card_path(paths.check_slug(slug))
        where = paths.shown(path)
        card = cls.from_dict(files.read_yaml(path), where)
        if card.slug != slug:
            raise PaperlabError(f"{where}: slug must be the name of the file, got {card.slug!r}")
        return card

    @classmethod
    def from_dict(cls, data, where="card"):
        """Validate a parsed card; ``where`` begins every message."""
        if not isinstance(data, dict):
            raise PaperlabError(f"{where}: a card is a mapping of fields, got {type(data).__name__}")
        fields = cls.__dataclass_fields__
        for key in data:
            if key not in fields:
                raise PaperlabError(f"{where}: unknown field {key!r}{suggestion(key, fields)}")
        optional = {"departures", "data", "profiles", "arxiv", "doi"}
        for key in fields:
            if key not in optional and data.get(key) in (None, "", []):
                raise PaperlabError(f"{where}: field {key!r} is missing or empty")
            kind = fields[key].type
            if data.get(key) is not None and not isinstance(data[key], kind):
                name = getattr(kind, "__name__", "str")
                raise PaperlabError(f"{where}: field {key!r} must be {name}, got {data[key]!r}; quote text")
        if data["part"] not in PARTS:
            raise PaperlabError(f"{where}: part must be one of {', '.join(PARTS)}, got {data['part']!r}")
        if data["fidelity"] not in claims.FIDELITIES:
            raise PaperlabError(
                f"{where}: fidelity must be one of {', '.join(claims.FIDELITIES)}, got {data['fidelity']!r}"
            )
        if len(data["short"]) > 40:
            raise PaperlabError(f"{where}: short has {len(data['short'])} characters, at most 40 fit the sidebar")
        read = [claims.Claim.from_dict(entry, where) for entry in data["claims"]]
        ids = [claim.id for claim in read]
        if len(set(ids)) != len(ids):
            raise PaperlabError(f"{where}: claim ids must differ, got {', '.join(ids)}")
        cleaned = {key: value for key, value in data.items() if value is not None}
        for name, values in (data.get("profiles") or {}).items():
            if not isinstance(values, dict):
                raise PaperlabError(f"{where}: profile {name} must map parameters to values, got {values!r}")
        return cls(**{**cleaned, "claims": read})

    @property
    def reference(self):
        """Authors, year and venue in one line."""
        names = self.authors if len(self.authors) <= 6 else [*self.authors[:5], "others"]
        link = f", arXiv {self.arxiv}" if self.arxiv else ""
        return f"{', '.join(names)} ({self.year}), {self.venue}{link}"


def _cell(text):
    return html.escape(str(text))


def _badge(verdict):
    css = verdict.replace(" ", "-")
    return f'<span class="v v-{css}">{SYMBOLS[verdict]} {claims.WORDS[verdict]}</span>'


def _table(head, rows):
    cells = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        '<div class="paperlab-scroll"><table class="paperlab-verdicts">'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


class Header:
    """The claims table at the top of a page."""

    def __init__(self, card):
        self.card = card

    def _repr_html_(self):
        rows = [
            (
                f'<span id="claim-{c.id}">{_cell(c.id)}</span>',
                _cell(c.text),
                f"{_cell(c.paper)}<br><small>{_cell(c.source)}</small>",
                f"{_cell(c.measure)}<br><small>{_cell(c.fidelity)}{', full run only' if c.needs else ''}</small>",
                f"{_cell(c.criterion or 'none')}"
                + (f"<br><small>{_cell(c.why)}</small>" if c.why else "")
                + (f"<br><small>not tested: {_cell(c.not_tested)}</small>" if c.not_tested else ""),
            )
            for c in self.card.claims
        ]
        return _table(
            ("claim", "what the paper says", "its words or number", "measured here", "counts as reproduced if"), rows
        )

    def __repr__(self):
        lines = [f"{self.card.title}. {self.card.reference}"]
        lines += [f"{c.id}  {c.text}  [{c.criterion or 'no criterion'}]" for c in self.card.claims]
        return "\n".join(lines)


class Verdicts:
    """All verdicts of one run: HTML for the reader, text for nbval, the result in the output's metadata.

    nbval compares every MIME type of a checked cell, so the machine-readable result travels in the output's metadata.
    """

    def __init__(self, card, verdicts, record, tables, parameters):
        self.card = card
        self.verdicts = verdicts
        self.record = record
        self.result = {
            "slug": card.slug,
            "seconds": round(time.time() - _process_start(), 1),
            "peak_mb": round(_peak_mb()),
            "parameters": parameters,
            "claims": [verdict.as_dict() for verdict in verdicts],
            "tables": tables,
        }

    def __repr__(self):
        width = max(len(v.claim.id) for v in self.verdicts)
        return "\n".join(f"{v.claim.id:<{width}}  {v.words}" for v in self.verdicts)

    def _repr_html_(self):
        full = {claim["id"]: claim for claim in (self.record.get("full") or {}).get("claims", [])}
        seeds = (self.record.get("stability") or {}).get("claims", {})
        rows = []
        for v in self.verdicts:
            recorded, held = full.get(v.claim.id), seeds.get(v.claim.id)
            rows.append(
                (
                    f'<a href="#claim-{v.claim.id}">{_cell(v.claim.id)}</a>',
                    _cell(v.claim.text),
                    _cell(v.claim.criterion or "none"),
                    claims.number(v.value),
                    _badge(v.verdict) + (f"<br><small>{_cell(v.reason)}</small>" if v.reason else ""),
                    f"{claims.number(recorded['value'])} {_badge(recorded['verdict'])}" if recorded else "not recorded",
                    f"{held['held']} of {held['of']}" if held else "–",
                )
            )
        head = (
            "claim",
            "what the paper says",
            "criterion",
            "found",
            "verdict",
            "recorded full run",
            "same verdict on seeds",
        )
        return _table(head, rows)

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return data, {records.KEY: self.result}


def _process_start():
    import psutil

    return psutil.Process().create_time()


def _peak_mb():
    kilobytes = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)


class Paper:
    """One paper on its page.

    Parameters
    ----------
    slug : str
        Name of the card in ``data/papers``.

    Examples
    --------
    >>> paper = Paper("cd_test")                       # doctest: +SKIP
    >>> paper.measure(c1=0.41, c2=0.05)                # doctest: +SKIP
    >>> paper.verdicts()                               # doctest: +SKIP
    """

    def __init__(self, slug):
        self.card = Card.load(slug)
        self._claims = {claim.id: claim for claim in self.card.claims}
        self._values = {}
        self._reasons = {}
        self._tables = {}
        self._record = records.load(slug)

    def header(self):
        """Table of the claims with their criteria, as the card states them."""
        return Header(self.card)

    def _known(self, claim_id):
        if claim_id not in self._claims:
            raise PaperlabError(
                f"{self.card.slug} has no claim {claim_id!r}{suggestion(claim_id, self._claims)}; its card names "
                + ", ".join(self._claims)
            )

    def measure(self, **values):
        """Hand in the number measured for each named claim; a later call replaces an earlier one.

        Raises
        ------
        PaperlabError
            If a claim is not in the card, or a value is not one finite number.
        """
        for claim_id, value in values.items():
            self._known(claim_id)
            if hasattr(value, "item"):
                if getattr(value, "size", 1) != 1:
                    raise PaperlabError(f"claim {claim_id} takes one number, got an array of shape {value.shape}")
                value = value.item()
            if not isinstance(value, numbers.Real) or not math.isfinite(value):
                raise PaperlabError(f"claim {claim_id} takes one finite number, got {value!r}")
            self._values[claim_id] = float(value)

    def not_tested(self, **reasons):
        """Say why these claims cannot be tested with the present parameters."""
        for claim_id, reason in reasons.items():
            self._known(claim_id)
            self._reasons[claim_id] = str(reason)

    def keep(self, name, table):
        """Keep a small table (a DataFrame of at most 300 rows) with the result and, in a full run, with the record."""
        if len(table) > MAX_TABLE_ROWS:
            raise PaperlabError(
                f"table {name!r} has {len(table)} rows; keep at most {MAX_TABLE_ROWS}, e.g. an aggregate"
            )
        flat = table.reset_index() if table.index.name or table.index.nlevels > 1 else table
        self._tables[name] = json.loads(flat.to_json(orient="split", index=False, double_precision=6))

    def verdicts(self):
        """Judge every claim of the card.

        Raises
        ------
        PaperlabError
            If a claim was neither measured nor excused by the card or by `not_tested`.
        """
        judged = []
        for claim in self.card.claims:
            value = self._values.get(claim.id)
            if claim.id in self._reasons and value is None:
                judged.append(claims.Verdict(claim, None, "not tested", self._reasons[claim.id]))
                continue
            if value is None and not (claim.needs or claim.not_tested):
                raise PaperlabError(
                    f"claim {claim.id} has no value; call paper.measure({claim.id}=...) before verdicts()"
                )
            judged.append(claim.judge(value))
        return Verdicts(self.card, judged, self._record, self._tables, self._parameters())

    def _parameters(self):
        """Values that the typed names, those of the parameters cell, have now in the notebook that calls."""
        shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
        if shell is None:
            return {}
        typed = shell.user_ns.get("__annotations__", {})  # what `name: type = value` at top level leaves behind
        kinds = (int, float, str, bool, list[int], list[float], list[str])
        return {name: shell.user_ns[name] for name, kind in typed.items() if kind in kinds and name in shell.user_ns}

    @property
    def record(self):
        """The recorded full run as a dict, or ``None``."""
        return self._record.get("full")

    def record_value(self, claim_id):
        """Value of a claim in the recorded full run, or ``None``."""
        self._known(claim_id)
        found = [c["value"] for c in (self.record or {}).get("claims", []) if c["id"] == claim_id]
        return found[0] if found else None

    def record_table(self, name):
        """A table kept by the recorded full run as a DataFrame, or ``None``."""
        table = (self.record or {}).get("tables", {}).get(name)
        if table is None:
            return None
        import pandas as pd

        return pd.DataFrame(table["data"], columns=table["columns"])

    def versions(self, *packages):
        """Versions of Python and of the named packages, and the run time so far, as a printed table."""
        lines = [f"Python {sys.version.split()[0]}"]
        lines += [f"{name} {importlib.metadata.version(name)}" for name in ("paperlab", *packages)]
        print("\n".join(lines))
        print(f"run time {time.time() - _process_start():.0f} s, peak memory {_peak_mb():.0f} MB")
