"""The card of one paper, and what a notebook does with it: header, measure, verdicts, versions."""

import importlib.metadata
import json
import math
import numbers
import sys
import time

from paperlab.errors import PaperlabError, suggestion
from paperlab.pages import claims, records
from paperlab.pages.cards import Card
from paperlab.pages.provenance import peak_mb, process_start
from paperlab.pages.tables import Header, Verdicts

MAX_TABLE_ROWS = 300


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
        print(f"run time {time.time() - process_start():.0f} s, peak memory {peak_mb():.0f} MB")
