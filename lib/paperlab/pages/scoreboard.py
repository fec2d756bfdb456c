"""All verdicts of all pages and records, as plain rows."""

from paperlab import files, paths
from paperlab.pages import records
from paperlab.pages.cards import Card
from paperlab.pages.claims import VERDICTS


def done():
    """Slugs whose page stands: a card and an executed notebook."""
    return [slug for slug in paths.slugs() if paths.notebook_path(slug).exists()]


def planned():
    """The 44 papers of ``data/papers/planned.yml``: slug, title, part and what else is known."""
    path = paths.cards_dir() / "planned.yml"
    return (files.read_yaml(path) or []) if path.exists() else []


def rows():
    """One dict per claim of every finished page.

    Keys: slug, part, claim, text, paper, criterion, fidelity, default, full, stability (see design: machine-readable output).
    """
    table = []
    for slug in done():
        card = Card.load(slug)
        stored = {
            claim["id"]: claim for claim in (records.result_of(paths.notebook_path(slug)) or {}).get("claims", [])
        }
        record = records.load(slug)
        full = {claim["id"]: claim for claim in (record.get("full") or {}).get("claims", [])}
        seeds = (record.get("stability") or {}).get("claims", {})
        for claim in card.claims:
            table.append(
                {
                    "slug": slug,
                    "part": card.part,
                    "claim": claim.id,
                    "text": claim.text,
                    "paper": claim.paper,
                    "criterion": str(claim.criterion) if claim.criterion else None,
                    "fidelity": claim.fidelity,
                    "default": _value(stored.get(claim.id)) or {"value": None, "verdict": "not tested"},
                    "full": _value(full.get(claim.id)),
                    "stability": _held(seeds.get(claim.id)),
                }
            )
    return table


def _held(seeds):
    return {"held": seeds["held"], "of": seeds["of"]} if seeds else None


def flat():
    """`rows` without nesting: one dict of plain values per claim, for CSV and for the terminal."""
    table = []
    for row in rows():
        full, seeds = row["full"] or {"value": None, "verdict": ""}, row["stability"]
        table.append(
            {
                "paper": row["slug"],
                "claim": row["claim"],
                "criterion": row["criterion"] or "none",
                "fidelity": row["fidelity"],
                "default": row["default"]["value"],
                "verdict": row["default"]["verdict"],
                "full": full["value"],
                "full_verdict": full["verdict"],
                "seeds": f"{seeds['held']}/{seeds['of']}" if seeds else "",
                "text": row["text"],
            }
        )
    return table


def _value(claim):
    return {"value": claim["value"], "verdict": claim["verdict"]} if claim else None


def counts(entries):
    """Verdict to number of claims, all four verdicts named."""
    return {verdict: sum(entry["verdict"] == verdict for entry in entries) for verdict in VERDICTS}


def papers():
    """One dict per paper, finished or planned: slug, title, part, status, fidelity, seconds, peak_mb, verdicts."""
    finished = {}
    for slug in done():
        card = Card.load(slug)
        stored = records.result_of(paths.notebook_path(slug)) or {}
        finished[slug] = {
            "slug": slug,
            "title": card.title,
            "part": card.part,
            "status": "done",
            "fidelity": card.fidelity,
            "seconds": stored.get("seconds"),
            "peak_mb": stored.get("peak_mb"),
            "verdicts": counts(stored.get("claims", [])),
        }
    plan = {entry["slug"]: entry for entry in planned()}
    listed = []
    for slug in [*plan, *(slug for slug in finished if slug not in plan)]:
        empty = {
            "slug": slug,
            "title": plan.get(slug, {}).get("title"),
            "part": plan.get(slug, {}).get("part"),
            "status": "planned",
            "fidelity": None,
            "seconds": None,
            "peak_mb": None,
            "verdicts": None,
        }
        listed.append(finished.get(slug, empty))
    return listed
