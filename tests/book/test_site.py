"""The built HTML: links lead somewhere, downloads exist, nothing names another host as a source."""

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from built_book import ROOT, SITE, finished, html_pages

LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
}


class Page(HTMLParser):
    """Links, ids, sources and pictures of one page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.loaded, self.images = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if found.get("id"):
            self.ids.add(found["id"])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag in LOADED and found.get(LOADED[tag]):
            self.loaded.append(found[LOADED[tag]])
        if tag == "img":
            self.images.append(found)


SLUGS = [Path(name).stem for name in finished()]


@pytest.fixture(scope="module")
def pages(site):
    return {name: Page((site / name).read_text(encoding="utf-8")) for name in html_pages(site)}


def test_every_document_of_the_contents_was_built(site):
    from paperlab.pages import contents

    assert {f"{name}.html" for name in contents.contents()} <= set(html_pages(site))


def test_every_page_of_the_contents_and_no_other_was_built(site):
    from paperlab.pages import contents

    built = {f"notebooks/{path.stem}" for path in (site / "notebooks").glob("*.html")}
    assert built == {name for name in contents.contents() if name.startswith("notebooks/")}
    assert {name.removesuffix(".html") for name in finished()} <= built


def test_internal_links_resolve(site, pages):
    broken = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            if target.is_dir():
                target = target / "index.html"
            if not target.exists():
                broken.append(f"{name}: {link}")
                continue
            other = pages.get(target.resolve().relative_to(site.resolve()).as_posix())
            if parts.fragment and other and unquote(parts.fragment) not in other.ids:
                broken.append(f"{name}: {link} (no such place on that page)")
    assert not broken


def test_nothing_is_loaded_from_another_host(pages):
    foreign = [
        f"{name}: {address}" for name, page in pages.items() for address in page.loaded if urlsplit(address).netloc
    ]
    assert not foreign


def test_stylesheets_load_nothing_from_another_host(site):
    foreign = []
    for path in (site / "_static").rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        foreign += [
            f"{path.name}: {hit}" for hit in re.findall(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)", text)
        ]
    assert not foreign


@pytest.mark.parametrize("slug", SLUGS)
def test_download_button_gives_the_notebook(site, pages, slug):
    links = [link for link in pages[f"notebooks/{slug}.html"].links if link.endswith(f"{slug}.ipynb")]
    assert links, "no download link"
    offered = ((site / "notebooks") / links[0]).resolve()
    stored = ROOT / "notebooks" / f"{slug}.ipynb"
    first, *cells = json.loads(offered.read_text(encoding="utf-8"))["cells"]
    assert "needs the library of its book" in "".join(first["source"])
    assert cells == json.loads(stored.read_text(encoding="utf-8"))["cells"]


def test_every_picture_has_an_alternative_text(pages):
    images = [(name, image) for name, page in pages.items() for image in page.images]
    assert not [f"{name}: {image.get('src', '')[-60:]}" for name, image in images if not image.get("alt")]


def test_scoreboard_has_a_row_per_claim_that_leads_to_it(pages):
    from paperlab.pages import scoreboard

    claims = {f"{row['slug']}.{row['claim']}" for row in scoreboard.rows()}
    page = pages["book/scoreboard.html"]
    assert claims <= page.ids
    for claim in claims:
        slug, number = claim.split(".")
        assert f"../notebooks/{slug}.html#claim-{number}" in page.links


def test_claims_named_in_course_plans_are_links(pages):
    from paperlab.pages import scoreboard

    claims = {f"{row['slug']}.{row['claim']}" for row in scoreboard.rows()}
    text = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z][a-z0-9_]*\.c\d+[a-z]?)`", text))
    assert named and named <= claims
    for claim in named:
        slug, number = claim.split(".")
        assert f"../notebooks/{slug}.html#claim-{number}" in pages["book/teaching.html"].links


@pytest.mark.parametrize("slug", SLUGS)
def test_criteria_and_verdicts_lead_to_each_other(pages, slug):
    from paperlab.pages.page import Page as Paper

    page = pages[f"notebooks/{slug}.html"]
    for claim in Paper(slug).card.claims:
        assert {f"claim-{claim.id}", f"verdict-{claim.id}"} <= page.ids
        assert f"#verdict-{claim.id}" in page.links and f"#claim-{claim.id}" in page.links


@pytest.mark.parametrize("slug", SLUGS)
def test_one_short_name_everywhere_beside_the_papers_title(site, slug):
    from paperlab.pages.page import Page as Paper

    card = Paper(slug).card
    short, title = escape(card.short), escape(card.title)
    text = (site / "notebooks" / f"{slug}.html").read_text(encoding="utf-8")
    assert re.search(rf"<title>{re.escape(escape(card.short, quote=False))} ", text)
    assert re.search(rf"<h1>{re.escape(escape(card.short, quote=False))}<a", text)
    assert f"<cite>{title}</cite>" in text
    for name in ("index", f"parts/{card.part}", "plan", "scoreboard"):
        assert f">{short}<" in (site / "book" / f"{name}.html").read_text(encoding="utf-8"), name


def test_parts_without_a_page_stand_apart():
    """A part moves to the papers, in _toc.yml, with its first page."""
    import yaml
    from paperlab.pages import scoreboard

    begun = {paper["part"] for paper in scoreboard.papers() if paper["status"] == "done"}
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            folder, _, name = chapter["file"].rpartition("/")
            if folder == "book/parts":
                assert (name in begun) == (part["caption"] == "The papers"), name


def test_performance_is_grouped_by_page_and_reads_without_exponents(site, pages):
    from paperlab.files import read_json

    text = (site / "book" / "performance.html").read_text(encoding="utf-8")
    assert not re.search(r"\d[eE][+-]\d\d", re.sub(r"<[^>]+>", " ", text))
    rows = read_json(ROOT / "data" / "records" / "benchmarks.json")["rows"]
    assert rows
    for slug in {row["page"] for row in rows}:
        assert f"bench-{slug}" in pages["book/performance.html"].ids
        assert f"../notebooks/{slug}.html" in pages["book/performance.html"].links


def test_nobody_says_that_criteria_came_before_anything_was_run(site):
    texts = [*ROOT.glob("*.md"), *(ROOT / "data" / "papers").glob("*.yml"), *(site / name for name in html_pages(site))]
    claimed = re.compile(r"(fixed|written down|set) before\s+anything\s+was\s+run", re.IGNORECASE)
    assert not [path.name for path in texts if claimed.search(path.read_text(encoding="utf-8"))]


def test_plan_lists_all_papers_and_links_only_the_finished(pages):
    from paperlab.pages import scoreboard

    text = (SITE / "book" / "plan.html").read_text(encoding="utf-8")
    assert text.count('<li class="pl-item') == len(scoreboard.papers()) >= 44
    linked = {link for link in pages["book/plan.html"].links if link.startswith("../notebooks/")}
    assert {f"../notebooks/{slug}.html" for slug in SLUGS} == linked


def test_mathjax_and_fonts_are_part_of_the_book(site):
    assert (site / "_static" / "mathjax" / "tex-mml-chtml.js").exists()
    assert list((site / "_static" / "mathjax" / "output" / "chtml" / "fonts" / "woff-v2").glob("*.woff"))
    assert list((site / "_static" / "fonts").glob("*.woff2"))


def test_the_numbers_of_the_opening_pages_are_those_of_the_records(site):
    """`{value}` in a sentence: the value of record, linked to the verdict of its claim."""
    from paperlab.pages import scoreboard

    found = {f"{finding.slug}.{finding.claim.id}": finding for finding in scoreboard.all_findings()}
    named = []
    for source in sorted((ROOT / "book" / "parts").glob("*.md")):
        html = (site / f"book/parts/{source.stem}.html").read_text(encoding="utf-8")
        for name, form in re.findall(r"\{value\}`([\w.]+):([^`]+)`", source.read_text(encoding="utf-8")):
            slug, _, claim = name.partition(".")
            value = format(found[name].decisive["value"], form)
            assert re.search(
                rf'href="[./]*notebooks/{slug}\.html#verdict-{claim}"[^>]*>{re.escape(value)}</a>', html
            ), name
            named.append(name)
    assert named
