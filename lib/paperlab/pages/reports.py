"""What `paperlab list`, `show` and `scoreboard` print for people; programs take ``--json``."""

import json

from paperlab.pages import claims, scoreboard
from paperlab.terminal import print_table


def print_papers(book):
    """One line per paper and the headline."""
    rows = []
    for paper in scoreboard.papers(book):
        controls = paper["controls"] or {}
        rows.append(
            (
                *(paper[key] or "" for key in ("slug", "status", "part", "fidelity")),
                "/".join(map(str, (paper["verdicts"] or {}).values())),
                f"{controls['reproduced']}/{sum(controls.values())}" if any(controls.values()) else "",
                *("" if paper[key] is None else f"{paper[key]:.0f}" for key in ("seconds", "peak_mb")),
                paper["title"],
            )
        )
    print_table(("paper", "status", "part", "fidelity", "✓/◐/✗/–", "controls", "CPU s", "MB", "title"), rows)
    _print_headline(scoreboard.all_findings(book))


def print_scoreboard(book):
    """One line per claim and the headline."""
    found = scoreboard.all_findings(book)
    columns = ("paper", "claim", "role", "criterion", "default", "full", "seeds", "verdict", "text")
    print_table(columns, [(finding.slug, *_cells(finding)) for finding in found])
    _print_headline(found)


def print_page(page):
    """Card, parameters and claims of one paper."""
    card, found = page.card, scoreboard.findings(page)
    print(f"{card.title}\n{card.reference}\n\n{card.question}\n\nfidelity: {card.fidelity}; part: {card.part}")
    for line in card.departures:
        print(f"differs: {line}")
    if page.notebook:
        print()
        print_table(
            ("parameter", "type", "default", "range", "help"),
            [(p.name, p.type, json.dumps(p.default), p.range, p.help) for p in page.parameters.values()],
        )
        for rule in page.parameters.rules:
            print(f"rule: {rule}")
        for need in page.parameters.needs:
            print(f"data: {need}")
    for name, values in card.profiles.items():
        print(f"profile {name}: " + ", ".join(f"{key}={json.dumps(value)}" for key, value in values.items()))
    print()
    print_table(("claim", "role", "criterion", "default", "full", "seeds", "verdict", "text"), map(_cells, found))
    _print_headline(found)
    if (full := page.record.get("full")) is not None:
        print(
            f"full run recorded {full['date']}: {full['seconds']:.0f} s on {full['machine']}, commit {full['commit']}"
        )


def _cells(finding):
    claim, seeds = finding.claim, finding.stability
    return (
        claim.id,
        claim.role,
        claim.criterion or "none",
        *(f"{claims.number(run['value'])} {run['verdict']}" if run else "–" for run in (finding.default, finding.full)),
        f"{seeds['held']}/{seeds['of']}" if seeds else "–",
        finding.words + (" (unsteady)" if finding.steady is False else ""),
        claim.text,
    )


def _print_headline(found):
    counts = scoreboard.counts(found)
    print(f"\n{counts.headline}" + (f"; {counts.unsteady} unsteady" if counts.unsteady else ""))
    if counts.controls_line:
        print(counts.controls_line)
