"""All verdicts of all pages and records. What counts as what is decided here, for book and command line alike."""

from dataclasses import dataclass

from paperlab.pages.claims import FIDELITIES, VERDICTS, Claim, words
from paperlab.pages.page import Book

STEADY = 0.8  # share of seeds on which a verdict must have held


@dataclass(frozen=True)
class Finding:
    """What became of one claim.

    Attributes
    ----------
    slug, part : str
    claim : Claim
    default : dict
        ``{"value", "verdict", "reason"}`` of the stored default run.
    full : dict or None
        The same of the recorded full run.
    stability : dict or None
        ``{"held", "of", "values"}``: on how many seeds the default run's verdict held; ``None`` where no seeds count.
    """

    slug: str
    part: str
    claim: Claim
    default: dict
    full: dict | None = None
    stability: dict | None = None

    @property
    def decisive(self):
        """The run that decides: the recorded full run where it tested the claim, else the default run."""
        return self.full if self.full and self.full["verdict"] != "not tested" else self.default

    @property
    def verdict(self):
        """The verdict of record."""
        return self.decisive["verdict"]

    @property
    def steady(self):
        """Whether the default run's verdict held on at least four of five seeds; ``None`` where no seeds count."""
        if self.stability is None or not self.stability["of"]:
            return None
        return self.stability["held"] / self.stability["of"] >= STEADY

    @property
    def words(self):
        """The verdict of record as a reader is told it."""
        return words(self.verdict, self.claim.fidelity, self.claim.role)

    def as_dict(self):
        """The finding as `paperlab scoreboard --json` prints it."""
        claim = self.claim
        return {
            "slug": self.slug,
            "part": self.part,
            "claim": claim.id,
            "role": claim.role,
            "text": claim.text,
            "paper": claim.paper,
            "criterion": str(claim.criterion) if claim.criterion else None,
            "basis": claim.basis,
            "certainty": claim.certainty,
            "fidelity": claim.fidelity,
            "random": claim.random,
            "default": _value(self.default),
            "full": _value(self.full),
            "stability": self.stability,
            "verdict": self.verdict,
            "steady": self.steady,
        }


def _value(run):
    return {"value": run["value"], "verdict": run["verdict"]} if run else None


def findings_of(card, result, record):
    """One `Finding` per claim of a card.

    Parameters
    ----------
    card : Card
    result : dict or None
        What a verdict cell stored.
    record : dict
        ``{"full": ..., "stability": ...}``; either may be absent.
    """
    default = _by_id((result or {}).get("claims", []))
    full = _by_id((record.get("full") or {}).get("claims", []))
    seeds = (record.get("stability") or {}).get("claims", {})
    found = []
    for claim in card.claims:
        counted = seeds.get(claim.id) if claim.random and not claim.not_tested else None
        found.append(
            Finding(
                card.slug,
                card.part,
                claim,
                _of(claim, default.get(claim.id)) or claim.judge(None).as_dict(),
                _of(claim, full.get(claim.id)),
                {key: counted[key] for key in ("held", "of", "values")} if counted else None,
            )
        )
    return found


def _by_id(entries):
    return {entry["id"]: entry for entry in entries}


def _of(claim, entry):
    """A stored entry; what the card now says of a claim that cannot be tested goes before it."""
    return claim.judge(entry["value"]).as_dict() if entry and claim.not_tested else entry


def findings(page):
    """One `Finding` per claim of a `Page`."""
    return findings_of(page.card, page.result, page.record)


def all_findings(book=None):
    """The findings of every finished page."""
    book = book or Book()
    return [finding for page in book.done for finding in findings(page)]


def rows(book=None):
    """One dict per claim of every finished page, as `paperlab scoreboard --json` prints them."""
    return [finding.as_dict() for finding in all_findings(book)]


def done():
    """Slugs whose page stands: a card, an executed notebook, nothing of the template left."""
    return [page.slug for page in Book().done]


def planned():
    """The papers of ``data/papers/planned.yml``: slug, title, part and what else is known."""
    return Book().planned


@dataclass(frozen=True)
class Counts:
    """How many claims got which verdict of record.

    Attributes
    ----------
    verdicts, controls : dict
        Verdict to number, for claims of the papers and for controls; all four verdicts are named.
    by_words : dict
        The words that a reader sees to number, in the order of the verdicts, for claims of the papers.
    unsteady : int
        Claims of the papers whose verdict did not hold on four of five seeds.
    """

    verdicts: dict
    controls: dict
    by_words: dict
    unsteady: int

    @property
    def claims(self):
        """Number of claims of the papers."""
        return sum(self.verdicts.values())

    @property
    def headline(self):
        """``of 310 claims 121 reproduced, 48 replicated, 74 hold in miniature, 41 do not, 26 not tested``."""
        by = self.by_words
        miniature = by.get("holds in miniature", 0)
        failed, partly = self.verdicts["not"], self.verdicts["partly"]
        parts = [f"{by[word]} {word}" for word in ("reproduced", "replicated") if word in by]
        parts += [f"{miniature} hold{'s' * (miniature == 1)} in miniature"] if miniature else []
        parts += [f"{partly} partly"] if partly else []
        parts += [f"{failed} do{'es' * (failed == 1)} not"] if failed else []
        parts += [f"{self.verdicts['not tested']} not tested"] if self.verdicts["not tested"] else []
        return f"of {self.claims} claim{'s' * (self.claims != 1)} {', '.join(parts)}" if parts else "no claims"

    @property
    def controls_line(self):
        """``controls: 27 of 29 as expected``; empty where there are none."""
        of, untested = sum(self.controls.values()), self.controls["not tested"]
        tail = f", {untested} not tested" if untested else ""
        return f"controls: {self.controls['reproduced']} of {of} as expected{tail}" if of else ""


def counts(found):
    """The `Counts` of findings."""
    papers = [finding for finding in found if finding.claim.role == "paper"]
    controls = [finding for finding in found if finding.claim.role == "control"]
    order = [(verdict, fidelity) for verdict in VERDICTS for fidelity in FIDELITIES]
    shown = sorted(papers, key=lambda finding: order.index((finding.verdict, finding.claim.fidelity)))
    by_words: dict[str, int] = {}
    for finding in shown:
        by_words[finding.words] = by_words.get(finding.words, 0) + 1
    return Counts(_tally(papers), _tally(controls), by_words, sum(finding.steady is False for finding in papers))


def _tally(found):
    return {verdict: sum(finding.verdict == verdict for finding in found) for verdict in VERDICTS}


COLUMNS = (
    *("paper", "claim", "role", "criterion", "basis", "certainty", "fidelity"),
    *("default", "default_verdict", "full", "full_verdict", "seeds", "steady", "verdict", "text"),
)


def flat(book=None):
    """`rows` without nesting, one dict of `COLUMNS` per claim, for CSV."""
    table = []
    for row in rows(book):
        full, seeds = row["full"] or {"value": None, "verdict": ""}, row["stability"]
        plain = {
            "paper": row["slug"],
            "default": row["default"]["value"],
            "default_verdict": row["default"]["verdict"],
            "full": full["value"],
            "full_verdict": full["verdict"],
            "seeds": f"{seeds['held']}/{seeds['of']}" if seeds else "",
            "steady": {True: "yes", False: "no", None: ""}[row["steady"]],
        }
        table.append({name: plain[name] if name in plain else row[name] or "" for name in COLUMNS})
    return table


def papers(book=None):
    """One dict per paper, finished or planned, as `paperlab list --json` prints them."""
    book = book or Book()
    finished = {page.slug: _paper(page) for page in book.done}
    plan = {entry["slug"]: entry for entry in book.planned}
    empty = dict.fromkeys(("fidelity", "seconds", "peak_mb", "verdicts", "controls"))
    listed = []
    for slug in [*plan, *(slug for slug in finished if slug not in plan)]:
        entry = plan.get(slug, {})
        to_come = {"slug": slug, "title": entry.get("title"), "part": entry.get("part"), "status": "planned", **empty}
        listed.append(finished.get(slug, to_come))
    return listed


def _paper(page):
    result = page.result or {}
    counted = counts(findings(page))
    return {
        "slug": page.slug,
        "title": page.card.title,
        "part": page.card.part,
        "status": "done",
        "fidelity": page.card.fidelity,
        "seconds": result.get("cpu_seconds"),
        "peak_mb": result.get("peak_mb"),
        "verdicts": counted.verdicts,
        "controls": counted.controls,
    }
