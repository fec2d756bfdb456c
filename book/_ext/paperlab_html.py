"""The HTML of the book's directives. Pure: data in, text out; everything that comes from a file is escaped."""

import re
from html import escape

from paperlab.pages import scoreboard
from paperlab.pages.tables import badge, strip

NO_PAGE = (
    '<div class="admonition note pl-no-page"><p class="admonition-title">No page yet</p>'
    "<p>No paper of this part has a page so far. The list says which ones are planned.</p></div>"
)


def apart(html):
    """HTML with a line end before each element that stands on a line of its own.

    The search index drops tags, and words must not touch.
    """
    return re.sub(r"(?=<(?:tr|t[dh]|d[tdl]|li|ul|p|h\d|option|label|summary|span|small|a|svg|title)\b)", "\n", html)


def by_words(found):
    """Claims of the papers among findings as ``(verdict, words, number)``, in the order of the verdicts."""
    verdict_of = {finding.words: finding.verdict for finding in found if finding.claim.role == "paper"}
    return [(verdict_of[words], words, number) for words, number in scoreboard.counts(found).by_words.items()]


def counts_line(found):
    """Badges with the number of claims per verdict, in the words that the evidence allows; then the controls."""
    badges = " ".join(badge(verdict, f"{number} {words}") for verdict, words, number in by_words(found))
    controls = scoreboard.counts(found).controls_line
    return badges + (f' <span class="pl-controls-line">{escape(controls)}</span>' if controls else "")


def bar(found):
    """A stacked bar of the verdicts of the papers' claims; the sentence beside it says the same."""
    parts = "".join(
        f'<span class="pl-bar v-{verdict.replace(" ", "-")}" style="flex-grow:{number}"></span>'
        for verdict, _, number in by_words(found)
    )
    return f'<div class="pl-bars" aria-hidden="true">{parts}</div>'


def summary(found, n_papers, link):
    """Bar, headline and controls over all pages."""
    counts = scoreboard.counts(found)
    if not counts.claims:
        return '<p class="pl-summary">No page has been finished yet.</p>'
    unsteady = (
        f'<a href="{escape(link)}?role=paper&amp;steady=no">{counts.unsteady} verdicts are unsteady</a>: '
        "they held on fewer than four of five seeds."
        if counts.unsteady
        else ""
    )
    papers = f"{n_papers} paper{'s' * (n_papers != 1)}"
    controls = f"{counts.controls_line.capitalize()}. " if counts.controls_line else ""
    return (
        f'<div class="pl-summary">{bar(found)}<p><strong>From {papers}: {escape(counts.headline)}.</strong></p>'
        f"<p>{escape(controls)}{unsteady}</p></div>"
    )


def authors(names, year):
    """Authors and year; long lists are cut after the third name, and "others" are those whose names are not known."""
    cut = len(names) > 4 or "others" in names
    shown = [*[name for name in names if name != "others"][:3], "et al."] if cut else names
    return ", ".join([*shown, str(year)] if year else shown)


def part_line(link):
    """The way to a part's opening page."""
    return f'<p class="pl-part-line"><a href="{escape(link)}">What the papers of this part share</a></p>'


def empty_part(title, link, n_planned):
    """A part none of whose papers has a page."""
    return (
        f'<li class="pl-item pl-empty"><a href="{escape(link)}">{escape(title)}</a> '
        f'<span class="pl-state">{n_planned} planned, no page yet</span></li>'
    )


def gallery_card(card, found, link, file=None, picture=None):
    """One card of the gallery."""
    image = ""
    if file:
        css = ' class="pl-chart"' if picture.chart else ""
        image = f'<img src="{escape(file)}" alt="{escape(picture.alt)}" loading="lazy"{css}>'
    return (
        f'<article class="pl-card"><a class="pl-thumb" href="{escape(link)}" tabindex="-1">{image}</a>'
        f'<div class="pl-body"><h3 class="pl-title"><a href="{escape(link)}">{escape(card.short)}</a></h3>'
        f'<p class="pl-paper">{escape(card.title)} <span>({escape(authors(card.authors, card.year))})</span></p>'
        f"<p>{escape(card.summary)}</p>"
        f'<p class="pl-counts">{counts_line(found)}</p></div></article>'
    )


def byline(card, part, part_link, fidelity_link, keywords):
    """The lines below a page's title: what paper it re-runs, how near to it, by which methods; then the question."""
    source = f"{escape(', '.join(card.authors))}, {card.year}"
    if card.arxiv:
        source += f', <a href="https://arxiv.org/abs/{escape(card.arxiv)}">arXiv {escape(card.arxiv)}</a>'
    methods = f"<br>Methods: {escape(', '.join(keywords))}." if keywords else ""
    return (
        f'<p class="pl-byline">The paper: <cite>{escape(card.title)}</cite>. {source}.<br>'
        f'Part: <a href="{escape(part_link)}">{escape(part)}</a>. '
        f'<a href="{escape(fidelity_link)}">Fidelity</a>: {escape(card.fidelity)}.{methods}</p>'
        f'<p class="pl-question">{escape(card.question)}</p>'
    )


def verdict_strip(found, cpu_seconds=None):
    """The verdicts of a page at a glance: a cell per claim, the headline, what a run costs."""
    counts = scoreboard.counts(found)
    words = "".join(f"{line[0].upper()}{line[1:]}. " for line in (counts.headline, counts.controls_line) if line)
    words += "" if cpu_seconds is None else f"A default run takes {cpu_seconds:.0f} CPU seconds."
    return (
        f'<div class="pl-glance" role="group" aria-label="Verdicts">{strip(found)}'
        f'<p class="pl-glance-words">{escape(words)}</p></div>'
    )


def _source(names, year, arxiv):
    parts = [escape(authors(names, year))] if authors(names, year) else []
    if arxiv:
        parts.append(f'<a href="https://arxiv.org/abs/{escape(arxiv)}">arXiv {escape(arxiv)}</a>')
    return f'<span class="pl-source">{", ".join(parts)}</span>'


def page_item(card, found, link, state=False):
    """A finished page in a list: its name, the paper, what it finds and its counts."""
    mark = ' <span class="pl-state pl-done">page</span>' if state else ""
    text = "" if state else f"<p>{escape(card.summary)}</p>"
    return (
        f'<li class="pl-item"><a href="{escape(link)}"><strong>{escape(card.short)}</strong></a>{mark}<br>'
        f'<cite class="pl-cite">{escape(card.title)}</cite>, {_source(card.authors, card.year, card.arxiv)}{text}'
        f'<p class="pl-counts">{counts_line(found)}</p></li>'
    )


def planned_item(entry, state=False):
    """A paper of the plan that has no page."""
    mark = ' <span class="pl-state">to come</span>' if state else ""
    source = _source(entry.get("authors") or [], entry.get("year"), entry.get("arxiv"))
    return f'<li class="pl-item pl-to-come">{escape(entry["title"])}{mark}<br>{source}</li>'


def reading_paths(groups, failed, link):
    """Pages by what they need, and the way to what failed."""
    rows = "".join(
        f"<dt>{escape(title)}</dt><dd>"
        + ", ".join(f'<a href="{escape(address)}">{escape(short)}</a>' for short, address in links)
        + "</dd>"
        for title, links in groups
    )
    papers = sum(finding.claim.role == "paper" for finding in failed)
    controls = len(failed) - papers
    rows += (
        f'<dt>What failed</dt><dd><a href="{escape(link)}?role=paper&amp;verdict=not">{papers} claims of the papers'
        f'</a>, <a href="{escape(link)}?role=control&amp;verdict=not">{controls} controls</a></dd>'
        if failed
        else ""
    )
    return f'<dl class="pl-paths">{rows}</dl>'


def _seconds(value):
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (float("inf"), 1, "s")):
        if value < limit:
            return f"{_plain(value * factor)} {unit}"
    return "–"


def _plain(value):
    """Three significant digits without an exponent: 1,830 and 0.119."""
    return f"{float(f'{value:.3g}'):,.10g}"


def readable(text):
    """A text whose numbers need no exponents: 1e-15 becomes 10⁻¹⁵."""

    def power(match):
        factor, exponent = float(match[1]), int(match[2])
        if not factor or not exponent:
            return f"{factor:g}"
        raised = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{raised}" if factor == 1 else f"{factor:g} × 10{raised}"

    return re.sub(r"\b(\d+(?:\.\d+)?)e([+-]?\d+)\b", power, text)


def ratio(value):
    """A ratio of times in words: how often this book's method is as fast as the peer's, or as slow."""
    if value is None:
        return ""
    if 0.95 <= value <= 1.05:
        return "as fast"
    return f"{_plain(value)} times as fast" if value > 1 else f"{_plain(1 / value)} times slower"


def bench_source(data):
    """Where and when the benchmarks were run."""
    return f"<p>Measured {escape(str(data['date']))} on {escape(data['machine'])}.</p>"


def bench_table(rows, link):
    """The benchmarks of one page by task: median time, this book's speed against the peer, agreement asserted first."""
    bodies = []
    for task in dict.fromkeys(row["group"] for row in rows):
        lines = ""
        for row in (row for row in rows if row["group"] == task):
            speed = ratio(row.get("ratio")) if row["role"] == "peer" else "this book"
            lines += (
                f'<tr><td>{escape(row["name"])}</td><td class="pl-num">{_seconds(row["median_s"])}</td>'
                f"<td>{speed}</td><td>{escape(readable(row.get('agreement') or ''))}</td></tr>"
            )
        heading = f'<tr class="pl-group"><th scope="rowgroup" colspan="4">{escape(readable(task))}</th></tr>'
        bodies.append(f"<tbody>{heading}{lines}</tbody>")
    head = "".join(
        f'<th scope="col">{title}</th>' for title in ("who", "median time", "this book is", "agreement, asserted first")
    )
    return (
        f'<p class="pl-part-line"><a href="{escape(link)}">The page</a></p>'
        '<div class="paperlab-scroll"><table class="paperlab-verdicts paperlab-bench">'
        f"<thead><tr>{head}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _origin(entry):
    if entry["kind"] == "package":
        return f"inside the Python package <code>{escape(entry['package'])}</code>"
    if entry["kind"] == "shipped":
        return f"in this repository, <code>{escape(entry['folder'])}</code>"
    if not all("url" in item.get("made_from", item) for item in entry["files"]):
        return "read from a local mirror; there is no single address that serves this file"
    return "downloaded on demand from a pinned address, or read from a local mirror"


def data_set(name, entry, users):
    """What one data set is and is not, and where it comes from."""
    files = "".join(
        f"<li><code>{escape(item['file'])}</code>, {item['bytes']:,} bytes, "
        f'sha256 <code title="{escape(item["sha256"])}">{escape(item["sha256"][:12])}…</code></li>'
        for item in entry.get("files", [])
    )
    used = ", ".join(f'<a href="{escape(link)}">{escape(title)}</a>' for title, link in users) or "no page yet"
    shape = f"{entry['rows']:,} rows, {entry['columns']} columns" if "rows" in entry and "columns" in entry else ""
    facts = {
        "name": f"<code>{escape(name)}</code>",
        "origin": _origin(entry),
        "size": shape,
        "licence": escape(str(entry.get("licence", ""))),
        "cite": escape(str(entry.get("citation", ""))),
        "used by": used,
        "files": f"<ul>{files}</ul>" if files else "",
    }
    listing = "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in facts.items() if value)
    return (
        f"<p>{escape(str(entry.get('what', '')))}</p>"
        f"<p><strong>Limits:</strong> {escape(str(entry.get('not', '')))}</p>"
        f'<dl class="pl-facts">{listing}</dl>'
    )
