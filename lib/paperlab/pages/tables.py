"""Claims and verdicts as HTML, for notebooks and book alike. Pure: findings in, text out; every text is escaped.

A claim's criterion has the id ``claim-c2`` and its verdict ``verdict-c2``; each leads to the other.
"""

from html import escape

from paperlab import plots
from paperlab.pages import claims, records
from paperlab.pages.pictures import picture
from paperlab.pages.provenance import cpu_seconds, peak_mb
from paperlab.pages.scoreboard import findings_of

SYMBOLS = {"reproduced": "✓", "partly": "◐", "not": "✗", "not tested": "–"}
KIND = "paperlab_table"  # metadata of an output: which table it holds
OPEN = "not the same on every seed"  # instead of a verdict that another processor may not give either


def badge(verdict, text):
    """A verdict as symbol and words; colour only repeats what they say."""
    return f'<span class="v v-{verdict.replace(" ", "-")}">{SYMBOLS[verdict]} {escape(text)}</span>'


def unsteady(finding):
    """The mark of a verdict that did not hold on four of five seeds; empty for all others."""
    if finding.steady is not False:
        return ""
    held, of = finding.stability["held"], finding.stability["of"]
    return (
        f' <span class="pl-unsteady" title="the default run\'s verdict held on {held} of {of} seeds">≈ unsteady</span>'
    )


def verdict_of_record(finding):
    """Badge of the verdict of record, with its mark where it is unsteady."""
    return badge(finding.verdict, finding.words) + unsteady(finding)


def by_role(found):
    """Findings of the paper's claims, and those of the controls."""
    return tuple([finding for finding in found if finding.claim.role == role] for role in claims.ROLES)


def facts(claim):
    """What unfolds below a claim's line: ``(term, text)`` pairs."""
    where = f"{claim.source}" + (f" ({claim.certainty})" if claim.certainty else "")
    random = "" if claim.random else "no seed can change the value"
    return [
        (term, str(text))
        for term, text in (
            ("the paper", claim.paper),
            ("source", where),
            ("measured here", claim.measure),
            ("criterion", claim.criterion or "none"),
            ("its basis", ": ".join(filter(None, (claims.BASES.get(claim.basis, ""), claim.why)))),
            ("fidelity", claim.fidelity),
            ("measured in", "the full run only" if claim.needs else ""),
            ("seeds", random),
            ("not tested", claim.not_tested or ""),
        )
        if text
    ]


def head(found, *, judged=True):
    """The claims at the head of a page: one line each, details fold out; controls stand below a thin line.

    Parameters
    ----------
    found : list of Finding
    judged : bool
        Show the verdicts of record; without them the criterion stands in their place.
    """
    papers, controls = by_role(found)
    text = '<ul class="pl-claim-list">' + "".join(_line(finding, judged) for finding in papers) + "</ul>"
    if controls:
        lines = "".join(_line(finding, judged) for finding in controls)
        text += f'<p class="pl-controls-title">Controls</p><ul class="pl-claim-list pl-controls">{lines}</ul>'
    return f'<section class="pl-claims" aria-label="Claims">{text}</section>'


def _line(finding, judged):
    claim = finding.claim
    state = verdict_of_record(finding) if judged else escape(_unbroken(claim.criterion or "not tested"))
    details = "".join(f"<dt>{term}</dt><dd>{escape(text)}</dd>" for term, text in facts(claim))
    verdict = f"v-{finding.verdict.replace(' ', '-')}" if judged else "v-open"
    return (
        f'<li class="pl-claim pl-{verdict}" id="claim-{claim.id}"><details class="pl-claim-details">'
        f'<summary class="pl-claim-line"><a class="pl-claim-id" href="#verdict-{claim.id}" '
        f'title="to the verdict of {claim.id}">{claim.id}</a> <span class="pl-claim-text">{escape(claim.text)}</span> '
        f'<span class="pl-claim-paper">{escape(claim.paper)}</span> '
        f'<span class="pl-claim-state">{state}</span></summary>'
        f'<dl class="pl-facts">{details}</dl></details></li>'
    )


def _unbroken(criterion):
    """A criterion whose signs do not part from their numbers at the end of a line."""
    text = str(criterion)
    for sign in "=≥≤±":
        text = text.replace(f"{sign} ", f"{sign}\N{NO-BREAK SPACE}")
    return text


def strip(found, page=""):
    """One small cell per claim, coloured and marked by its verdict of record, linked to it; controls come after a gap.

    Parameters
    ----------
    page : str
        Address of the page; empty on the page itself.
    """
    groups = []
    for name, group in zip(("claims", "controls"), by_role(found)):
        if group:
            cells = "".join(_strip_cell(finding, page) for finding in group)
            groups.append(
                f'<span class="pl-strip-group pl-strip-{name}" role="list" aria-label="{name}">{cells}</span>'
            )
    return f'<span class="pl-strip">{" ".join(groups)}</span>'


def _strip_cell(finding, page):
    claim = finding.claim
    mark = ", unsteady" if finding.steady is False else ""
    title = escape(f"{claim.id}, {finding.words}{mark}: {claim.text}")
    css = f"pl-strip-cell v v-{finding.verdict.replace(' ', '-')}" + (" pl-is-unsteady" if mark else "")
    return (
        f'<span role="listitem"><a class="{css}" href="{escape(page)}#verdict-{claim.id}" title="{title}" '
        f'aria-label="{title}">{SYMBOLS[finding.verdict]}</a></span>'
    )


def verdict_table(found, *, recorded=True):
    """The verdicts with default run, recorded full run, seeds and a picture of each claim.

    Parameters
    ----------
    recorded : bool
        Without it the columns of full run and seeds are left out: a table of one run.
    """
    head_cells = ["claim", "statement", "criterion", "picture", "default run" if recorded else "found"]
    head_cells += ["recorded full run", "seeds"] if recorded else []
    titles = "".join(f'<th scope="col">{title}</th>' for title in head_cells)
    bodies = []
    for css, title, group in zip(("", " pl-controls"), ("", "Controls"), by_role(found)):
        rows = "".join(_row(finding, recorded) for finding in group)
        heading = (
            f'<tr class="pl-group"><th scope="rowgroup" colspan="{len(head_cells)}">{title}</th></tr>' if title else ""
        )
        bodies.append(f'<tbody class="pl-verdict-rows{css}">{heading}{rows}</tbody>' if group else "")
    return (
        '<div class="paperlab-scroll pl-verdicts"><table class="paperlab-verdicts pl-verdict-table">'
        f"<thead><tr>{titles}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _row(finding, recorded):
    claim = finding.claim
    cells = [
        ("claim", f'<a href="#claim-{claim.id}" title="to the claim {claim.id}">{claim.id}</a>'),
        ("statement", escape(claim.text)),
        ("criterion", escape(_unbroken(claim.criterion or "none"))),
        ("picture", picture(finding)),
        ("default run" if recorded else "found", _run(finding, finding.default)),
    ]
    if recorded:
        missing = "–" if claim.not_tested else "not recorded"
        full = _run(finding, finding.full) if finding.full else f'<span class="pl-quiet">{missing}</span>'
        cells += [("recorded full run", full), ("seeds", _seeds(finding))]
    shown = "".join(
        f'<td class="pl-{name.replace(" ", "-")}" data-label="{name}">{content}</td>' for name, content in cells
    )
    return f'<tr id="verdict-{claim.id}" class="pl-verdict-row pl-v-{finding.verdict.replace(" ", "-")}">{shown}</tr>'


def _run(finding, run):
    claim = finding.claim
    value = f'<span class="pl-value">{claims.number(run["value"])}</span> ' if run["value"] is not None else ""
    reason = f' <small class="pl-reason">{escape(run["reason"])}</small>' if run.get("reason") else ""
    return value + badge(run["verdict"], claims.words(run["verdict"], claim.fidelity, claim.role)) + reason


def _seeds(finding):
    seeds = finding.stability
    if seeds and seeds["of"]:
        return f'<span class="pl-seeds">{seeds["held"]} of {seeds["of"]}</span>{unsteady(finding)}'
    if not finding.claim.random:
        return '<small class="pl-quiet">no seed can change it</small>'
    return '<span class="pl-quiet">–</span>'


def provenance(page):
    """Who made the numbers of a page: date, commit, profile and time of the record, and what has changed since.

    Parameters
    ----------
    page : Page
    """
    record, lines = page.record, []
    if full := record.get("full"):
        where = f"{full['seconds']:.0f} s on {full['machine']}" if "machine" in full else ""
        lines.append(("Recorded full run", full, [f"profile {full.get('profile', 'full')}", where]))
    if seeds := record.get("stability"):
        numbers = seeds.get("seeds", [])
        lines.append(("Seeds", seeds, [f"{numbers[0]} to {numbers[-1]}" if numbers else ""]))
    shown = ""
    for title, part, details in lines:
        told = [f"of {part['date']}" if "date" in part else "", *details]
        told += [f"commit {part['commit']}" if part.get("commit") else ""]
        shown += f"<p>{title} {escape(', '.join(filter(None, told)))}. {_changes(page.changes(part))}</p>"
    return f'<div class="pl-provenance">{shown or "<p>No full run has been recorded.</p>"}</div>'


def _changes(names):
    if names is None:
        return '<span class="pl-unknown">The version of the library that made it is not known.</span>'
    if not names:
        return '<span class="pl-current">Nothing that it rests on has changed since.</span>'
    return f'<span class="pl-stale">Changed since: {escape(", ".join(names))}.</span>'


def redrawn(notebook, page, *, judged=True):
    """Draw the claims and the verdicts of a notebook anew, in place, from card, stored result and record.

    Parameters
    ----------
    notebook : dict
        Parsed ``.ipynb``: the stored page or an executed copy of it.
    page : Page
    judged : bool
        With the record; without it the tables are those that the notebook's own cells draw.

    Returns
    -------
    dict
        The same notebook.
    """
    result = records.result_of(notebook)
    for output in tables_of(notebook):
        output["data"] = drawn(output["metadata"][KIND], page.card, result, page.record.get("stability"))
        if judged:
            found = findings_of(page.card, result, page.record)
            output["data"]["text/html"] = (
                head(found) if output["metadata"][KIND] == "claims" else verdict_table(found) + provenance(page)
            )
    return notebook


def drawn(kind, card, result, seeds=None):
    """What a notebook's own cell shows of the claims (``kind`` "claims") or of the verdicts of its run ("verdicts").

    The recorded seeds enter the text alone, which nbval compares, see `lines`.
    """
    found = findings_of(card, result, {})
    if kind == "claims":
        return {"text/plain": head_text(card), "text/html": head(found, judged=False)}
    text = lines(findings_of(card, result, {"stability": seeds}))
    return {"text/plain": text, "text/html": verdict_table(found, recorded=False)}


def tables_of(notebook):
    """The outputs of a notebook that hold claims or verdicts."""
    outputs = [output for cell in notebook.get("cells", []) for output in cell.get("outputs", [])]
    return [output for output in outputs if output.get("metadata", {}).get(KIND) in ("claims", "verdicts")]


def head_text(card):
    """The claims as plain text: what is shown where HTML is not."""
    listed = [f"{claim.id}  {claim.text}  [{claim.criterion or 'no criterion'}]" for claim in card.claims]
    return "\n".join([f"{card.title}. {card.reference}", *listed])


def lines(found):
    """The verdicts of the default run as plain text, one line per claim; nbval compares them.

    A verdict that did not hold on every recorded seed is not compared: where a training multiplies rounding errors,
    another processor is as good as another seed.
    """
    width = max(len(finding.claim.id) for finding in found)
    return "\n".join(f"{finding.claim.id:<{width}}  {_compared(finding)}" for finding in found)


def _compared(finding):
    seeds = finding.stability
    if finding.default["verdict"] != "not tested" and seeds and seeds["held"] < seeds["of"]:
        return OPEN
    return claims.words(finding.default["verdict"], finding.claim.fidelity, finding.claim.role)


class Header:
    """The claims at the head of a notebook."""

    def __init__(self, card):
        self.card = card

    def __repr__(self):
        return head_text(self.card)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return drawn("claims", self.card, None), {KIND: "claims"}


class Recorded:
    """A table of the recorded full run with its mark; the mark alone where nothing is recorded."""

    def __init__(self, frame, mark, digits):
        self.frame, self.mark, self.digits = frame, mark, digits

    def __repr__(self):
        return (
            self.mark if self.frame is None else f"{self.mark}\n{self.frame.round(self.digits).to_string(index=False)}"
        )

    def _repr_html_(self):
        table = "" if self.frame is None else plots.table(self.frame, digits=self.digits, index=False)._repr_html_()
        return f'<div class="pl-recorded"><p class="pl-recorded-mark">{escape(self.mark)}</p>{table}</div>'


class Verdicts:
    """All verdicts of one run: HTML for the reader, text for nbval, the result in the output's metadata.

    nbval compares every MIME type of a checked cell, so the machine-readable result travels in the output's metadata.
    The record is not shown: it may change while the notebook stays as it is; the book draws both side by side. Recorded
    seeds (``seeds``, the record's part "stability") say which verdicts nbval may compare.
    """

    def __init__(self, card, verdicts, tables, parameters, *, shown=None, seeds=None):
        self.card, self.seeds = card, seeds
        self.result = {
            "slug": card.slug,
            "cpu_seconds": round(cpu_seconds(), 1),
            "peak_mb": round(peak_mb()),
            "parameters": parameters,
            "claims": [verdict.as_dict() for verdict in verdicts],
            "tables": tables,
        }
        for part, name in records.SHOWN.items():  # seals of the recorded run and seeds whose numbers the page shows
            if part in (shown or {}):
                self.result[name] = shown[part]

    @property
    def _drawn(self):
        return drawn("verdicts", self.card, self.result, self.seeds)

    def __repr__(self):
        return self._drawn["text/plain"]

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self._drawn, {records.KEY: self.result, KIND: "verdicts"}
