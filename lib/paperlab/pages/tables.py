"""Tables of claims and verdicts as HTML, for notebooks and for the book alike."""

import html
import time

from paperlab.pages import claims, records
from paperlab.pages.provenance import peak_mb, process_start

SYMBOLS = {"reproduced": "✓", "partly": "◐", "not": "✗", "not tested": "–"}


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
            "seconds": round(time.time() - process_start(), 1),
            "peak_mb": round(peak_mb()),
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
