"""The scoreboard as HTML: one table, grouped by page, whose rows carry what scoreboard.js filters by. Pure."""

from html import escape

from paperlab.pages import claims
from paperlab.pages.pictures import picture
from paperlab.pages.scoreboard import counts as counts_of
from paperlab.pages.tables import SYMBOLS, by_role, strip, verdict_of_record

COLUMNS = {  # heading of each column, and whether its cells carry a number to sort by
    "record": ("verdict", True),
    "claim": ("claim", False),
    "picture": ("criterion", False),
    "default": ("default run", True),
    "full": ("full run", True),
    "seeds": ("seeds", True),
}
VERDICTS = {
    "reproduced": "✓ reproduced, replicated or holds",
    "partly": "◐ partly",
    "not": "✗ not, or does not hold",
    "not tested": "– not tested",
}
SAME = "same"  # stands for both fidelities whose verdicts read "reproduced"
FIDELITIES = {SAME: "same data or design", **dict(zip(claims.FIDELITIES, claims.FIDELITIES))}
ROLES = {"paper": "claims of the papers", "control": "controls"}
BASES = {code: text.partition(":")[0] for code, text in claims.BASES.items()}
BRIEFLY = {**dict(zip(BASES, BASES)), "prototype": "pilot"}
CERTAINTIES = {"read": "read", "second hand": "second hand", "recalled": "recalled"}
STEADY = {"yes": "steady", "no": "unsteady", "none": "no seeds count"}


def scoreboard_table(pages):
    """The table of all claims; ``pages`` holds ``(page, findings, address)``."""
    head = "".join(
        f'<th scope="col" class="pl-c-{name}"{" aria-sort=" + chr(34) + "none" + chr(34) if sorts else ""}>{title}</th>'
        for name, (title, sorts) in COLUMNS.items()
    )
    bodies = "".join(_group(page.card, found, link) for page, found, link in pages)
    return (
        '<table class="paperlab-verdicts pl-scoreboard"><caption class="pl-hidden">All claims of all pages</caption>'
        f"<thead><tr>{head}</tr></thead>{bodies}</table>"
    )


def scoreboard_filters(parts):
    """The controls above the table; hidden until the script has taken them over."""
    selects = (
        ("role", "role", ROLES),
        ("verdict", "verdict", VERDICTS),
        ("steady", "steady", STEADY),
        ("fidelity", "fidelity", FIDELITIES),
        ("basis", "basis", BASES),
        ("certainty", "certainty", CERTAINTIES),
        ("part", "part", parts),
    )
    fields = "".join(_select(*select) for select in selects)
    order = dict.fromkeys(
        claims.words(verdict, fidelity, role)
        for role in claims.ROLES
        for verdict in claims.VERDICTS
        for fidelity in claims.FIDELITIES
    )
    return (
        '<form class="pl-filters" role="search" aria-label="Choose claims" '
        f'data-words="{"|".join(order)}" hidden>{fields}'
        '<label>text <input type="search" name="text" placeholder="words, or cd_test.c2"></label>'
        '<button type="reset">show all</button><button type="button" class="pl-open">open all pages</button></form>'
    )


def scoreboard(pages, parts):
    """Filters, what is shown in words, and the table; without the script the table is complete."""
    present = {page.card.part for page, _, _ in pages}
    parts = {part: title for part, title in parts.items() if part in present}
    return f'{scoreboard_filters(parts)}<p class="pl-shown" role="status" hidden></p>{scoreboard_table(pages)}'


def _select(name, label, options):
    inner = '<option value="">all</option>'
    inner += "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options.items())
    return f'<label>{label} <select name="{name}">{inner}</select></label>'


def _group(card, found, link):
    counted = counts_of(found)
    counts = "; ".join(filter(None, [counted.headline, counted.controls_line]))
    papers, controls = by_role(found)
    span = f'scope="rowgroup" colspan="{len(COLUMNS)}"'
    bodies = (
        f'<tbody class="pl-page" id="{escape(card.slug)}"><tr class="pl-group"><th {span}>'
        f'<a href="{escape(link)}">{escape(card.short)}</a> <span class="pl-group-counts">{escape(counts)}</span> '
        f"{strip(found, link)}</th></tr>{''.join(_row(finding, link) for finding in papers)}</tbody>"
    )
    if controls:
        title = f'<tr class="pl-controls-title"><th {span}>Controls</th></tr>'
        bodies += f'<tbody class="pl-controls">{title}{"".join(_row(finding, link) for finding in controls)}</tbody>'
    return bodies


def _row(finding, link):
    claim = finding.claim
    name = f"{finding.slug}.{claim.id}"
    fidelity = f"{claim.fidelity}|{SAME}" if claim.fidelity.startswith(SAME) else claim.fidelity
    data = {
        "role": claim.role,
        "verdict": finding.verdict,
        "steady": {True: "yes", False: "no", None: "none"}[finding.steady],
        "fidelity": fidelity,
        "basis": claim.basis or "",
        "certainty": claim.certainty or "",
        "part": finding.part,
        "words": finding.words,
    }
    attributes = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items())
    about = (
        claim.fidelity,
        f"limit: {BRIEFLY[claim.basis]}" if claim.basis else "",
        f"paper: {claim.certainty}" if claim.certainty else "",
        "" if claim.random else "no seed can change it",
    )
    cells = {
        "record": f'<a href="{escape(link)}#verdict-{claim.id}">{verdict_of_record(finding)}</a>',
        "claim": (
            f'<a class="pl-id" href="{escape(link)}#claim-{claim.id}">{escape(name)}</a> '
            f'<small class="pl-about">{escape(", ".join(filter(None, about)))}</small> '
            f'<span class="pl-text">{escape(claim.text)}</span>'
        ),
        "picture": f'<span class="pl-criterion">{_criterion(claim.criterion)}</span>{picture(finding)}',
        "default": _run(finding.claim, finding.default),
        "full": _run(finding.claim, finding.full),
        "seeds": _seeds(finding),
    }
    numbers = {"record": claims.VERDICTS.index(finding.verdict), "seeds": _share(finding.stability)}
    numbers |= {key: run and run["value"] for key, run in (("default", finding.default), ("full", finding.full))}
    shown = "".join(
        f'<td class="pl-c-{key}" data-label="{COLUMNS[key][0]}"{_sorts(numbers.get(key))}>{content}</td>'
        for key, content in cells.items()
    )
    return f'<tr id="{escape(name)}" class="pl-row pl-v-{finding.verdict.replace(" ", "-")}" {attributes}>{shown}</tr>'


def _sorts(value):
    return "" if value is None else f' data-sort="{value!r}"'


def _share(seeds):
    return seeds["held"] / seeds["of"] if seeds and seeds["of"] else None


def _criterion(criterion):
    """A criterion whose signs do not part from their numbers at the end of a line."""
    text = escape(str(criterion or "no criterion"))
    for sign in "=≥≤±":
        text = text.replace(f"{sign} ", f"{sign}&nbsp;")
    return text


def _run(claim, run):
    if run is None:
        return '<span class="pl-quiet">not recorded</span>'
    if run["value"] is None:
        return '<span class="pl-quiet">–</span>'
    verdict = run["verdict"]
    words = claims.words(verdict, claim.fidelity, claim.role)
    mark = f'<span class="v v-{verdict.replace(" ", "-")}" title="{words}">{SYMBOLS[verdict]}</span>'
    return f'<span class="pl-value">{claims.number(run["value"])}</span> {mark}'


def _seeds(finding):
    seeds = finding.stability
    if seeds and seeds["of"]:
        return f"{seeds['held']} of {seeds['of']}"
    return '<span class="pl-quiet">–</span>'
