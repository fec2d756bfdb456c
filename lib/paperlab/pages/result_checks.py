"""Stored and recorded results against the present card: what the card would not give is refused.

A result is judged anew from its values. Where it carries hashes, an edited one is told from the one that was made, and
what it rests on is compared with what stands there now.
"""

from paperlab import paths
from paperlab.errors import PaperlabError
from paperlab.pages import records, tables
from paperlab.pages.page import Page

ROUNDED = 1e-6  # relative error of the seeds' values, which are kept with six digits
AUTOMATIC = ("", "not measured", "measured in the full run only")  # reasons that no full run may give


def problems(page):
    """What of a page's stored and recorded results the present card would not give, one line each."""
    found = _stored(page)
    for name, part in _runs(page.record):
        found += _recorded(page, name, part)
    if "stability" in page.record:
        found += _seeds(page)
    return found


def notes(page):
    """What a reader should know of results that are as good as the day they were made, one line each."""
    found = []
    made = [(f"{name} run", part) for name, part in _runs(page.record)]
    made += [("seeds", page.record["stability"])] if "stability" in page.record else []
    unknown = [name for name, part in made if page.changes(part) is None]
    if unknown:
        found.append(f"{' and '.join(unknown)}: library version unknown, recorded before results carried hashes")
    for name, part in made:
        if changed := page.changes(part):
            remedy = f"paperlab stability {page.slug}" if name == "seeds" else "paperlab record --stale"
            found.append(f"{name} of {part.get('date')}: changed since: {', '.join(changed)}; `{remedy}` makes it anew")
    changed = [name for name in (page.changes(page.result or {}) or []) if not name.startswith("claim ")]
    if changed:
        found.append(f"default run: changed since: {', '.join(changed)}; `paperlab refresh {page.slug}` runs it again")
    if "full" in page.card.profiles and "full" not in page.record:
        found.append(f"no full run is recorded; `paperlab record {page.slug}` makes it")
    return found


def stale(slug=None):
    """Recorded full runs whose page or library files have changed since, or are not known: ``(Page, reason)`` each."""
    found = []
    for name in [paths.check_slug(slug)] if slug else paths.slugs():
        page = Page(name)
        if "full" not in page.record:
            continue
        changed = page.changes(page.record["full"])
        if changed is None:
            found.append((page, "library version unknown"))
        elif changed := [name for name in changed if not name.startswith("claim ")]:
            found.append((page, f"changed since: {', '.join(changed)}"))
    return found


def _runs(record):
    """The recorded runs: ``(profile, run)``."""
    return [(name, part) for name, part in record.items() if isinstance(part, dict) and name != "stability"]


def _stored(page):
    remedy = f"run `paperlab refresh {page.slug}`"
    result = page.result
    if result is None:
        return ["no verdict cell with stored output; the page must end in paper.verdicts()"]
    if records.intact(result) is False:
        return [f"the stored result was edited after its run; {remedy}"]
    found = _judged(page.card, result["claims"], "stored", remedy)
    stored = result.get("parameters", {})
    changed = [name for name, parameter in page.parameters.items() if stored.get(name) != parameter.default]
    if changed:
        found.append(f"the stored run had other values of {', '.join(changed)}; {remedy}")
    reworded = [name for name in page.changes(result) or [] if name.startswith("claim ")]
    if reworded:
        found.append(
            f"statement, measure or criterion of {', '.join(reworded)} is not what the stored run saw; {remedy}"
        )
    for part, name in records.SHOWN.items():
        if result.get(name) and not (part in page.record and result[name] == records.seal(page.record[part])):
            what = "another recorded run than" if part == "full" else "other seeds than those of"
            found.append(f"the page shows numbers of {what} data/records/{page.slug}.json; {remedy}")
    found = found or _shown(page, remedy)
    sealed = result.get("hashes", {}).get("outputs")
    if not found and sealed and sealed != records.outputs_seal(page.notebook):
        found.append(f"an output of the stored page was edited after its run; {remedy}")
    return found


def _shown(page, remedy):
    """The stored tables of claims and verdicts must be those that card, result and seeds give."""
    found, kinds = [], set()
    seeds = page.record.get("stability")
    if seeds and _seeds(page):  # wrong themselves, which is told elsewhere
        seeds = None
    for output in tables.tables_of(page.notebook):
        kind = output["metadata"][tables.KIND]
        kinds.add(kind)
        stored = {name: "".join(text) for name, text in output["data"].items()}
        if stored != tables.drawn(kind, page.card, page.result, seeds):
            found.append(f"the stored table of {kind} is not what card, result and seeds give; {remedy}")
    lacking = [kind for kind in ("claims", "verdicts") if kind not in kinds]
    return found + [f"no stored table of {kind} of this version of the book; {remedy}" for kind in lacking]


def _recorded(page, name, part):
    remedy = f"run `paperlab record {page.slug} --profile {name}`"
    if records.intact(part) is False:
        return [f"the recorded {name} run was edited after it was made; restore it with git, or {remedy}"]
    found = _judged(page.card, part["claims"], "recorded", remedy)
    entries = {entry["id"]: entry for entry in part["claims"]} if not found else {}
    for claim in page.card.claims:
        entry = entries.get(claim.id)
        if entry and entry["value"] is None and not claim.not_tested and entry.get("reason", "") in AUTOMATIC:
            found.append(f"the recorded {name} run has no value for {claim.id}; {remedy}")
    if part.get("profile", name) != name:
        found.append(f"the recorded {name} run is of profile {part['profile']!r}; {remedy}")
    try:
        asked = page.values(name)
    except PaperlabError as error:
        return [*found, f"profile {name}: {error}"]
    had = part.get("parameters", {})
    changed = [key for key in {**asked, **had} if had.get(key) != asked.get(key)]
    if changed:
        found.append(f"the recorded {name} run had other values of {', '.join(changed)} than the card; {remedy}")
    return found


def _judged(card, entries, where, remedy):
    """Verdicts must be what the card's present criteria say about the values, claim by claim."""
    by_id = {entry["id"]: entry for entry in entries}
    expected = {claim.id for claim in card.claims if not claim.not_tested}
    strange = sorted(set(by_id) - {claim.id for claim in card.claims})
    lacking = sorted(expected - set(by_id))
    found = []
    if strange or lacking or len(by_id) < len(entries):
        told = [
            f"{', '.join(names)} {words}"
            for names, words in ((strange, "not in the card"), (lacking, "missing"))
            if names
        ]
        found.append(
            f"the {where} verdicts name other claims than the card ({'; '.join(told) or 'one twice'}); {remedy}"
        )
    for claim in card.claims:
        entry = by_id.get(claim.id)
        if entry is None:
            continue
        value, verdict = entry["value"], entry["verdict"]
        now = claim.judge(value).verdict
        if verdict != now:
            shown = f"{value:g}" if value is not None else "no value"
            found.append(
                f"{where} verdict of {claim.id} is {verdict!r}, but the card's criterion {claim.criterion or 'none'} "
                f"says {now!r} for {shown}; {remedy}"
            )
    return found


def _seeds(page):
    """The seeds must hold the default run's verdict as often as their values say."""
    remedy = f"run `paperlab stability {page.slug}`"
    part = page.record["stability"]
    sealed = records.intact(part)
    if sealed is False:
        return [f"the recorded seeds were edited after they were run; restore them with git, or {remedy}"]
    default = {entry["id"]: entry["verdict"] for entry in (page.result or {}).get("claims", [])}
    claims = {claim.id: claim for claim in page.card.claims}
    found = []
    for name, entry in part["claims"].items():
        if name not in claims:
            found.append(f"the recorded seeds name {name}, which the card does not have; {remedy}")
            continue
        held, of, values = entry["held"], entry["of"], entry["values"]
        if sealed is None and not (of == len(values) == len(part.get("seeds", values))):
            found.append(f"{name} has values of {len(values)} of {of} seeds; {remedy}")
            continue
        low, high = _agreeing(claims[name], values, default.get(name))
        if not low <= held <= high:
            found.append(
                f"{name} is said to keep the default run's verdict {default.get(name)!r} on {held} of {of} seeds, "
                f"their values say {low}; {remedy}"
            )
    counted = [
        name for name, claim in claims.items() if claim.random and default.get(name, "not tested") != "not tested"
    ]
    lacking = [name for name in counted if name not in part["claims"]]
    return found + ([f"no recorded seeds of {', '.join(lacking)}; {remedy}"] if lacking else [])


def _agreeing(claim, values, verdict):
    """On how many values the verdict surely and possibly holds: they are rounded, a limit may lie between."""
    surely = possibly = 0
    for value in values:
        near = {claim.judge(value + sign * ROUNDED * abs(value)).verdict for sign in (-1, 0, 1)}
        surely += near == {verdict}
        possibly += verdict in near
    return surely, possibly
