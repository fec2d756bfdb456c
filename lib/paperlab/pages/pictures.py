"""One claim as a small inline SVG: the criterion as a band, what was found as marks, the paper's number as a line.

Default run: ring. Recorded full run: diamond. Other seeds: dots. The form tells them apart, colour only repeats it; the
label for screen readers says the same in words.
"""

import math
from html import escape

from paperlab.pages.claims import number

WIDTH, HEIGHT, BASE = 190, 46, 31  # user units; the band ends at BASE, below it stand the limits
MIDDLE = 17
MARGIN = 8
LOGARITHMIC = 50  # ratio of the largest to the smallest number from which positive numbers share a logarithmic axis
GREEN, AMBER = "#3a7d44", "#c77d0a"


def description(finding):
    """What the picture shows, in one sentence per mark."""
    claim, seeds = finding.claim, finding.stability
    parts = [f"Criterion {claim.criterion}" if claim.criterion else "No criterion"]
    for name, run in (("default run", finding.default), ("recorded full run", finding.full)):
        if run and run["value"] is not None:
            parts.append(f"{name} {number(run['value'])}")
    if seeds and seeds["values"]:
        low, high = number(min(seeds["values"])), number(max(seeds["values"]))
        parts.append(f"{len(seeds['values'])} seeds from {low} to {high}")
    if claim.paper_value is not None:
        parts.append(f"paper {number(claim.paper_value)}")
    return "; ".join(parts)


def picture(finding):
    """The claim as SVG; empty where neither a criterion nor a number can be drawn."""
    claim = finding.claim
    seeds = sorted((finding.stability or {}).get("values") or [])
    runs = [run["value"] for run in (finding.default, finding.full) if run and run["value"] is not None]
    limits = _limits(claim.criterion)
    known = [*limits, *_limits(claim.criterion and claim.criterion.partly), *seeds, *runs]
    known += [claim.paper_value] if claim.paper_value is not None else []
    if not known:
        return ""
    place, logarithmic = _axis(known)
    marks = []
    if claim.criterion:
        if claim.criterion.partly:
            marks.append(_band(claim.criterion.partly, place, "pl-band pl-band-partly", AMBER, 0.16))
        marks.append(_band(claim.criterion, place, "pl-band", GREEN, 0.22))
    marks.append(f'<path class="pl-axis" d="M0 {BASE}H{WIDTH}" stroke="#999" stroke-width="1"/>')
    if claim.paper_value is not None:
        x = place(claim.paper_value)
        marks.append(
            f'<path class="pl-paper-value" d="M{x:.1f} 2V{BASE}" '
            'stroke="#777" stroke-width="1.5" stroke-dasharray="3 2"/>'
        )
    for rank, value in enumerate(seeds):  # neighbours stand at three heights, so that equal ones stay countable
        y = MIDDLE + (-6, 0, 6)[rank % 3]
        marks.append(f'<circle class="pl-seed" cx="{place(value):.1f}" cy="{y}" r="2.2" fill="#555"/>')
    if finding.default["value"] is not None:
        x = place(finding.default["value"])
        marks.append(
            f'<circle class="pl-default" cx="{x:.1f}" cy="{MIDDLE}" r="4.6" '
            'fill="none" stroke="#0b6fa4" stroke-width="2"/>'
        )
    if finding.full and finding.full["value"] is not None:
        x = place(finding.full["value"])
        marks.append(
            f'<path class="pl-full" d="M{x:.1f} {MIDDLE - 6}l6 6l-6 6l-6 -6z" '
            'fill="#0b6fa4" stroke="#fff" stroke-width="0.8"/>'
        )
    marks += _labels(limits, place)
    label = escape(description(finding) + ("; logarithmic axis" if logarithmic else ""))
    return (
        f'<svg class="pl-picture" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{label}"><title>{label}</title>{"".join(marks)}</svg>'
    )


def _limits(criterion):
    """The finite ends of a criterion, each once."""
    ends = (criterion.low, criterion.high) if criterion else ()
    return sorted({end for end in ends if math.isfinite(end)})


def _axis(known):
    """A function from numbers to places, and whether it is logarithmic; a margin stays free on both sides."""
    low, high = min(known), max(known)
    logarithmic = low > 0 and high / low > LOGARITHMIC
    scale = math.log if logarithmic else float
    low, high = scale(low), scale(high)
    spare = 0.12 * (high - low) or 0.5 * abs(high) or 1.0
    low, high = low - spare, high + spare

    def place(value):
        return MARGIN + (WIDTH - 2 * MARGIN) * (scale(value) - low) / (high - low)

    return place, logarithmic


def _band(criterion, place, css, colour, opacity):
    """An interval as a rectangle; an open end reaches the edge, a single point is two units wide."""
    left = place(criterion.low) if math.isfinite(criterion.low) else 0.0
    right = place(criterion.high) if math.isfinite(criterion.high) else float(WIDTH)
    if right - left < 2:
        left, right = left - 1, right + 1
    return (
        f'<rect class="{css}" x="{left:.1f}" y="2" width="{right - left:.1f}" height="{BASE - 2}" fill="{colour}" '
        f'fill-opacity="{opacity}" stroke="{colour}" stroke-width="0.8"/>'
    )


def _labels(limits, place):
    """The limits as numbers below the band; two that would touch are written as one."""
    texts = [(place(limit), number(limit)) for limit in limits]
    if len(texts) == 2 and texts[1][0] - texts[0][0] < 4 * (len(texts[0][1]) + len(texts[1][1])):
        texts = [((texts[0][0] + texts[1][0]) / 2, f"{texts[0][1]} to {texts[1][1]}")]
    shown = []
    for x, text in texts:
        half = 3.2 * len(text)
        x = min(max(x, half), WIDTH - half)
        shown.append(
            f'<text class="pl-limit" x="{x:.1f}" y="{HEIGHT - 3}" font-size="11" text-anchor="middle" '
            f'fill="currentColor">{escape(text)}</text>'
        )
    return shown
