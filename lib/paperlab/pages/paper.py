"""What a notebook talks to: header, streams of random numbers, numbers for the text, measures, verdicts, the record."""

import importlib.metadata
import json
import math
import numbers
import sys

from paperlab.errors import PaperlabError, suggestion
from paperlab.pages import claims, records, streams
from paperlab.pages.cards import Card
from paperlab.pages.provenance import cpu_seconds, peak_mb
from paperlab.pages.tables import Header, Recorded, Verdicts

MAX_TABLE_ROWS = 300


class Paper:
    """One paper on its page.

    Parameters
    ----------
    slug : str
        Name of the card in ``data/papers``.
    seed : int, optional
        Seed of every generator; without it the page's parameter ``seed`` is taken, with the value that it has when a
        generator is asked for.

    Examples
    --------
    >>> paper = Paper("cd_test")                       # doctest: +SKIP
    >>> rng = paper.rng("panels")                      # doctest: +SKIP
    >>> paper.measure(c1=0.41, c2=0.05)                # doctest: +SKIP
    >>> paper.verdicts()                               # doctest: +SKIP
    """

    def __init__(self, slug, seed=None):
        self.card = Card.load(slug)
        self._claims = {claim.id: claim for claim in self.card.claims}
        self._streams = streams.Streams()
        self._seed = seed
        self._values = {}
        self._reasons = {}
        self._tables = {}
        self._record = records.load(slug)
        self._shown: set[str] = set()  # parts of the record whose numbers the page shows

    def header(self):
        """The claims with their criteria, as the card states them."""
        return Header(self.card)

    def rng(self, *keys):
        """A generator of its own for one purpose, all of them from the page's seed.

        Parameters
        ----------
        *keys : int or str
            Names of the purpose: ``rng("input")``, ``rng("world", 3)``, ``rng(3, 7)``. The same keys give the same
            numbers each time; integers alone give ``numpy.random.default_rng([seed, *keys])``.

        Returns
        -------
        numpy.random.Generator

        Raises
        ------
        PaperlabError
            If the page has no seed, a key is no name or count, or two lists of keys would draw the same numbers.
        """
        return self._streams.rng(self.seed, keys)

    def streams(self, key, n):
        """``n`` independent streams for the turns of a loop: the result does not depend on the number of workers.

        Parameters
        ----------
        key : int, str or tuple of these
            Name of the loop.
        n : int
            Number of turns.

        Returns
        -------
        list of numpy.random.SeedSequence
            One per turn; ``numpy.random.default_rng(stream)`` makes a generator of it.
        """
        return self._streams.spawn(self.seed, key if isinstance(key, tuple) else (key,), n)

    @property
    def seed(self):
        """The seed of the page's generators."""
        seed = _namespace().get("seed") if self._seed is None else self._seed
        if seed is None:
            raise PaperlabError(
                f"{self.card.slug}: no seed; declare `seed: int` in the parameters cell and run it first, "
                f'or write Paper("{self.card.slug}", seed=1)'
            )
        return seed

    def glue(self, **values):
        """Hand numbers and words to the text: ``{glue:text}`rate:.1f` `` inserts ``paper.glue(rate=...)``.

        Raises
        ------
        PaperlabError
            If a value is missing, not finite, or neither a number nor text; the message names it.
        """
        from myst_nb import glue

        plain = {name: _plain(name, value) for name, value in values.items()}
        for name, value in plain.items():
            glue(name, value, display=False)

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
        shown = {part: records.seal(self._record[part]) for part in self._shown if part in self._record}
        seeds = self._record.get("stability")
        return Verdicts(self.card, judged, self._tables, self._parameters(), shown=shown, seeds=seeds)

    def _parameters(self):
        """Values that the typed names, those of the parameters cell, have now in the notebook that calls."""
        names = _namespace()
        typed = names.get("__annotations__", {})  # what `name: type = value` at top level leaves behind
        kinds = (int, float, str, bool, list[int], list[float], list[str])
        return {name: names[name] for name, kind in typed.items() if kind in kinds and name in names}

    @property
    def record(self):
        """The recorded full run as a dict, or ``None``."""
        self._shown.add("full")
        return self._record.get("full")

    @property
    def recorded_mark(self):
        """What marks a recorded number, table or figure as such, or that nothing is recorded yet."""
        if self.record is None:
            return f"no full run is recorded yet; `paperlab record {self.card.slug}` makes it"
        return f"recorded full run of {self.record['date']}, profile {self.record['profile']}"

    def record_value(self, claim_id):
        """Value of a claim in the recorded full run, or ``None``."""
        self._known(claim_id)
        found = [c["value"] for c in (self.record or {}).get("claims", []) if c["id"] == claim_id]
        return found[0] if found else None

    def seeds(self, claim_id):
        """What other seeds gave for a claim, so that no count of them is typed into the text.

        Returns
        -------
        dict or None
            ``held`` and ``of``: on how many of the seeds that were run the default run's verdict held; ``values``: the
            values there. ``None`` where no seeds have been run.
        """
        self._known(claim_id)
        self._shown.add("stability")
        return self._record.get("stability", {}).get("claims", {}).get(claim_id)

    def record_table(self, name):
        """A DataFrame that the recorded full run kept, or ``None``; figures of the full run are drawn from it."""
        table = (self.record or {}).get("tables", {}).get(name)
        if table is None:
            return None
        import pandas as pd

        return pd.DataFrame(table["data"], columns=table["columns"])

    def recorded(self, name, *, digits=3):
        """A table of the recorded full run, marked as recorded; a line that says so where there is none.

        Raises
        ------
        PaperlabError
            If a full run is recorded and kept no table of that name.
        """
        frame, kept = self.record_table(name), (self.record or {}).get("tables", {})
        if self.record is not None and frame is None:
            raise PaperlabError(
                f"the recorded full run of {self.card.slug} kept no table {name!r}{suggestion(name, kept)}; it has "
                + (", ".join(kept) or "none")
            )
        return Recorded(frame, self.recorded_mark, digits)

    def versions(self, *packages):
        """Versions of Python and of the named packages, and the processor time so far, as a printed table."""
        lines = [f"Python {sys.version.split()[0]}"]
        lines += [f"{name} {importlib.metadata.version(name)}" for name in ("paperlab", *packages)]
        print("\n".join(lines))
        print(f"{cpu_seconds():.0f} CPU seconds, peak memory {peak_mb():.0f} MB")


def _namespace():
    """The names of the notebook that calls; none outside a notebook."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return shell.user_ns if shell else {}


def _plain(name, value):
    """One number or text without numpy's types around it."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    shown = " ".join(repr(value).split())
    raise PaperlabError(
        f"glue: {name} is {shown[:60]}, neither a finite number nor text; glue what the sentence shall show, "
        "words where there is no number"
    )
