"""The HTML of the book's directives. Pure: dicts in, text out; everything that comes from a file is escaped."""

from html import escape

from paperlab.pages.claims import FIDELITIES, VERDICTS, WORDS, number
from paperlab.pages.tables import SYMBOLS

COLUMNS = (  # key, heading, kind of sorting
    ("page", "page and claim", "text"),
    ("text", "what the paper says", "text"),
    ("criterion", "criterion", ""),
    ("value", "default value", "number"),
    ("verdict", "default verdict", "number"),
    ("full-value", "full value", "number"),
    ("full-verdict", "full verdict", "number"),
    ("seeds", "seeds", "number"),
    ("fidelity", "fidelity", "number"),
)


def badge(verdict, text=None):
    """A verdict as symbol and words; colour only repeats what they say."""
    return f'<span class="v v-{verdict.replace(" ", "-")}">{SYMBOLS[verdict]} {escape(text or WORDS[verdict])}</span>'


def counts_line(counts):
    """Badges with the number of claims per verdict, verdicts without a claim left out."""
    return " ".join(
        badge(verdict, f"{counts[verdict]} {WORDS[verdict]}") for verdict in VERDICTS if counts.get(verdict)
    )


def decided(rows):
    """Verdict counts over all claims: the recorded full run's verdict where there is one, else the default run's."""
    verdicts = []
    for row in rows:
        full = row["full"]
        verdicts.append((full if full and full["verdict"] != "not tested" else row["default"])["verdict"])
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}


def summary(counts, n_papers):
    """Stacked bar and one sentence over all claims."""
    total = sum(counts.values())
    if not total:
        return '<p class="pl-summary">No page has been finished yet.</p>'
    bar = "".join(
        f'<span class="pl-bar v-{verdict.replace(" ", "-")}" style="flex-grow:{counts[verdict]}"></span>'
        for verdict in VERDICTS
        if counts[verdict]
    )
    claims = f"{total} claim{'s' * (total != 1)} of {n_papers} paper{'s' * (n_papers != 1)}"
    return (
        f'<div class="pl-summary"><div class="pl-bars" aria-hidden="true">{bar}</div>'
        f"<p><strong>{claims}:</strong> {counts_line(counts)}</p></div>"
    )


def authors(about):
    """Authors and year; long lists are cut after the third name."""
    names = about.get("authors") or []
    shown = names if len(names) <= 4 else [*names[:3], "et al."]
    return ", ".join([*shown, str(about["year"])] if about.get("year") else shown)


def gallery_card(paper, part, link, picture, alt):
    """One card of the gallery."""
    about = paper["about"]
    image = f'<img src="{escape(picture)}" alt="{escape(alt or "")}" loading="lazy">' if picture else ""
    return (
        f'<article class="pl-card"><a class="pl-thumb" href="{escape(link)}" tabindex="-1">{image}</a>'
        f'<div class="pl-body"><p class="pl-part">{escape(part)}</p>'
        f'<h3 class="pl-title"><a href="{escape(link)}">{escape(about["short"])}</a></h3>'
        f'<p class="pl-paper">{escape(paper["title"])} <span>({escape(authors(about))})</span></p>'
        f"<p>{escape(about['summary'])}</p>"
        f'<p class="pl-counts">{counts_line(paper["verdicts"])}</p></div></article>'
    )


def byline(card, part, part_link, fidelity_link):
    """The lines below a page's title: what paper it re-runs, how near to it, and the question."""
    source = f"{escape(', '.join(card.authors))}, {card.year}"
    if card.arxiv:
        source += f', <a href="https://arxiv.org/abs/{escape(card.arxiv)}">arXiv {escape(card.arxiv)}</a>'
    return (
        f'<p class="pl-byline">The paper: <cite>{escape(card.title)}</cite>. {source}.<br>'
        f'Part: <a href="{escape(part_link)}">{escape(part)}</a>. '
        f'<a href="{escape(fidelity_link)}">Fidelity</a>: {escape(card.fidelity)}.</p>'
        f'<p class="pl-question">{escape(card.question)}</p>'
    )


def paper_item(paper, link, state=False):
    """One paper in a list: linked and with its counts when finished, plain when to come."""
    about = paper["about"]
    title = escape(paper["title"])
    parts = [escape(authors(about))] if authors(about) else []
    if about.get("arxiv"):
        parts.append(f'<a href="https://arxiv.org/abs/{escape(about["arxiv"])}">arXiv {escape(about["arxiv"])}</a>')
    source = f'<span class="pl-source">{", ".join(parts)}</span>'
    if paper["status"] == "done":
        mark = '<span class="pl-state pl-done">page</span>' if state else ""
        text = "" if state else f"<p>{escape(about['summary'])}</p>"
        counts = f'<p class="pl-counts">{counts_line(paper["verdicts"])}</p>'
        return f'<li class="pl-item"><a href="{escape(link)}"><strong>{title}</strong></a> {mark}<br>{source}{text}{counts}</li>'
    mark = '<span class="pl-state">to come</span>' if state else ""
    return f'<li class="pl-item">{title} {mark}<br>{source}</li>'


def _option(value, label):
    return f'<option value="{escape(value)}">{escape(label)}</option>'


def _select(name, label, options):
    inner = _option("", "all") + "".join(_option(value, text) for value, text in options)
    return f'<label>{label} <select name="{name}">{inner}</select></label>'


def _cell(content, key=None, css=""):
    data = "" if key is None else f' data-sort="{escape(str(key))}"'
    return f"<td{data}{f' class={chr(34)}{css}{chr(34)}' if css else ''}>{content}</td>"


SHORT = {"reproduced": "reproduced", "partly": "partly", "not": "not", "not tested": "not tested"}  # below "verdict"


def _result(result):
    """Value and verdict cells of one run; empty sort keys go last."""
    if result is None:
        return _cell("–", "", "pl-num") + _cell("not recorded", "", "pl-quiet")
    value = result["value"]
    return _cell(number(value), "" if value is None else repr(value), "pl-num") + _cell(
        badge(result["verdict"], SHORT[result["verdict"]]), VERDICTS.index(result["verdict"])
    )


def _criterion(text):
    """A criterion whose signs do not part from their numbers at the end of a line."""
    text = escape(str(text or "none"))
    for sign in "=≥≤±":
        text = text.replace(f"{sign} ", f"{sign}&nbsp;")
    return text


def _row(row, titles, links):
    claim = f"{row['slug']}.{row['claim']}"
    seeds = row["stability"]
    verdicts = {row["default"]["verdict"], (row["full"] or row["default"])["verdict"]}
    cells = [
        _cell(
            f'<a href="{escape(links[row["slug"]])}#claim-{escape(row["claim"])}">{escape(titles[row["slug"]])}</a>'
            f"<br><code>{escape(claim)}</code>"
        ),
        _cell(escape(row["text"]), css="pl-text"),
        _cell(_criterion(row["criterion"])),
        _result(row["default"]),
        _result(row["full"]),
        _cell(f"{seeds['held']} of {seeds['of']}", seeds["held"] / seeds["of"], "pl-num")
        if seeds and seeds["of"]
        else _cell("–", "", "pl-num"),
        _cell(escape(row["fidelity"]), FIDELITIES.index(row["fidelity"])),
    ]
    filters = {"part": row["part"], "fidelity": row["fidelity"], "verdict": "|".join(sorted(verdicts))}
    attributes = " ".join(f'data-{name}="{escape(value)}"' for name, value in filters.items())
    return f'<tr id="{escape(claim)}" {attributes}>{"".join(cells)}</tr>'


def scoreboard(rows, titles, links, parts):
    """Filters and the table of all claims; without JavaScript the filters stay hidden and the table is complete."""
    present = {key: {row[key] for row in rows} for key in ("part", "fidelity")}
    filters = (
        _select("part", "part", [(key, title) for key, title in parts.items() if key in present["part"]])
        + _select("fidelity", "fidelity", [(name, name) for name in FIDELITIES if name in present["fidelity"]])
        + _select("verdict", "verdict", [(verdict, WORDS[verdict]) for verdict in VERDICTS])
        + '<label>text <input type="search" name="text" placeholder="a word or a claim id"></label>'
        + '<button type="reset">show all</button>'
    )
    head = "".join(
        f'<th scope="col" data-kind="{kind}"{" aria-sort=" + chr(34) + "none" + chr(34) if kind else ""}>{title}</th>'
        for _, title, kind in COLUMNS
    )
    return (
        f'<form class="pl-filters" hidden>{filters}</form><p class="pl-shown" role="status" hidden></p>'
        '<div class="paperlab-scroll" tabindex="0" role="region" aria-label="all claims">'
        '<table class="paperlab-verdicts pl-scoreboard"><caption class="pl-hidden">All claims of all pages</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(_row(row, titles, links) for row in rows)}</tbody></table></div>"
    )


def _seconds(value):
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (float("inf"), 1, "s")):
        if value < limit:
            return f"{value * factor:.3g} {unit}"
    return "–"


def bench_table(data):
    """Benchmarks by group: median time, ratio to the peer, agreement that was asserted first."""
    rows, last = [], None
    for row in data["rows"]:
        group = escape(row["group"]) if row["group"] != last else ""
        last = row["group"]
        ratio = row.get("ratio")
        ratio = "" if ratio is None else f"{ratio:.3g}" if isinstance(ratio, (int, float)) else escape(str(ratio))
        agreement = escape(str(row.get("agreement") or ""))
        rows.append(
            f"<tr><th scope='row'>{group}</th><td>{escape(row['name'])}</td>"
            f"<td class='pl-num'>{_seconds(row['median_s'])}</td><td class='pl-num'>{ratio}</td><td>{agreement}</td></tr>"
        )
    head = "".join(f'<th scope="col">{title}</th>' for title in ("task", "who", "median", "ratio", "agreement"))
    return (
        f"<p>Measured {escape(str(data['date']))} on {escape(data['machine'])}.</p>"
        '<div class="paperlab-scroll"><table class="paperlab-table paperlab-bench">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
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
        f"<p>{escape(str(entry.get('what', '')))}</p><p><strong>Limits:</strong> {escape(str(entry.get('not', '')))}</p>"
        f'<dl class="pl-facts">{listing}</dl>'
    )
