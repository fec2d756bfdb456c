"""Sphinx directives of this book: gallery, scoreboard, reading paths, plan, part contents, benchmarks and data sets.

All of them read what `paperlab` reads (cards, stored notebooks, records, registry) and write plain HTML, so that the
pages need no network and work without JavaScript. The HTML itself is made in `paperlab_html` and `paperlab_scoreboard`.
"""

import json
from pathlib import Path

import paperlab_html as html
import paperlab_inputs as source
import paperlab_notebooks
import paperlab_scoreboard
import paperlab_search
from docutils import nodes
from paperlab.pages import pictures, scoreboard
from paperlab.pages.cards import PARTS
from paperlab.pages.claims import number
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

logger = logging.getLogger(__name__)


def draws_from_pages(env):
    """Note that the document draws from the pages: `outdated` has it read again when one of them changes."""
    if not hasattr(env, "paperlab_pages"):
        env.paperlab_pages = set()
    env.paperlab_pages.add(env.docname)


class BookDirective(SphinxDirective):
    """Base: notes what the page depends on and turns HTML into nodes."""

    def run(self):
        for path in source.data_files(self.env.srcdir):
            self.env.note_dependency(str(path.relative_to(self.env.srcdir)))
        draws_from_pages(self.env)
        return self.make()

    def raw(self, text):
        return nodes.raw("", html.apart(text), format="html")

    def section(self, title, name, *children):
        """A section with its own entry in the page's contents."""
        section = nodes.section(ids=[name], names=[name])
        section += nodes.title(title, title)
        section += children
        return section

    def listing(self, items):
        return self.raw(f'<ul class="pl-papers">{"".join(items)}</ul>')

    def address(self, docname):
        """Relative address of another document."""
        return self.env.app.builder.get_relative_uri(self.env.docname, docname)

    def static(self, name):
        return "../" * self.env.docname.count("/") + "_static/" + name

    @property
    def book(self):
        return source.book_of(self.env.app)

    def finished(self):
        """``(page, findings, address)`` of every finished page, by part and within a part as the plan has them."""
        plan = [entry["slug"] for entry in self.book.planned]
        parts = list(PARTS)
        found = []
        for page in self.book.done:
            if f"notebooks/{page.slug}" not in self.env.found_docs:
                logger.warning(f"{page.slug} is finished but _toc.yml does not list it", once=True)
                continue
            place = plan.index(page.slug) if page.slug in plan else len(plan)
            found.append(((parts.index(page.card.part), place), page))
        ordered = [page for _, page in sorted(found, key=lambda pair: pair[0])]
        return [(page, scoreboard.findings(page), self.address(f"notebooks/{page.slug}")) for page in ordered]

    def planned(self, part):
        """Entries of the plan without a page."""
        done = {page.slug for page in self.book.done}
        return [entry for entry in self.book.planned if entry["part"] == part and entry["slug"] not in done]


class Gallery(BookDirective):
    """A card per finished page, part by part; then the parts that have no page yet."""

    def make(self):
        result, empty = [], []
        pages = self.finished()
        for part, title in PARTS.items():
            cards = [self.card(*entry) for entry in pages if entry[0].card.part == part]
            opening = self.address(f"book/parts/{part}")
            if cards:
                gallery = self.raw(html.part_line(opening) + f'<div class="pl-gallery">{"".join(cards)}</div>')
                result.append(self.section(title, f"part-{part}", gallery))
            else:
                empty.append(html.empty_part(title, opening, len(self.planned(part))))
        if empty:
            result.append(self.section("Parts without a page yet", "parts-to-come", self.listing(empty)))
        return result

    def card(self, page, found, link):
        picture = paperlab_notebooks.thumbnail(page.notebook)
        if picture is None:
            return html.gallery_card(page.card, found, link)
        file = self.static(f"thumbnails/{page.slug}.{picture.suffix}")
        return html.gallery_card(page.card, found, link, file, picture)


class VerdictSummary(BookDirective):
    """One bar and one sentence: how many claims of how many papers got which verdict."""

    def make(self):
        pages = self.finished()
        found = [finding for _, findings, _ in pages for finding in findings]
        return [self.raw(html.summary(found, len(pages), self.address("book/scoreboard")))]


class Scoreboard(BookDirective):
    """All claims, grouped by page; scoreboard.js makes them filterable."""

    def make(self):
        return [self.raw(paperlab_scoreboard.scoreboard(self.finished(), PARTS))]


class ReadingPaths(BookDirective):
    """Ways through the finished pages: by what a reader knows already, and by what failed."""

    def make(self):
        about = source.about_pages(self.env.app)
        pages = self.finished()
        groups = []
        for name, title in about["needs"].items():
            links = [
                (page.card.short, link)
                for page, _, link in pages
                if about["pages"].get(page.slug, {}).get("needs") == name
            ]
            if links:
                groups.append((title, links))
        failed = [finding for _, found, _ in pages for finding in found if finding.verdict == "not"]
        return [self.raw(html.reading_paths(groups, failed, self.address("book/scoreboard")))]


class ClaimPicture(BookDirective):
    """The picture of one claim, cd_test.c2, with the words that a screen reader gets."""

    required_arguments = 1

    def make(self):
        finding = named(self.book, self.arguments[0])
        if finding is None:
            raise self.error(f"no claim {self.arguments[0]!r}")
        words = f"{finding.claim.text} {pictures.description(finding)}."
        return [
            self.raw(f'<figure class="pl-example">{pictures.picture(finding)}</figure>'),
            nodes.paragraph("", words),
        ]


class ClaimRole(SphinxRole):
    """A claim by its name, linked to where it stands: ``{claim}`cd_test.c2```."""

    def run(self):
        finding = named(source.book_of(self.env.app), self.text)
        if finding is None:
            return [], [self.inliner.reporter.error(f"no claim {self.text!r}", line=self.lineno)]
        page = self.env.app.builder.get_relative_uri(self.env.docname, f"notebooks/{finding.slug}")
        self.env.note_dependency(f"data/papers/{finding.slug}.yml")
        link = nodes.reference(
            "", "", internal=True, refuri=f"{page}#claim-{finding.claim.id}", reftitle=finding.claim.text
        )
        link += nodes.literal("", self.text)
        return [link], []


class ValueRole(SphinxRole):
    """The value of record of a claim: ``{value}`cd_test.c2` `` or formatted, ``{value}`cd_test.c2:.1%` ``."""

    def run(self):
        name, _, form = self.text.partition(":")
        finding = named(source.book_of(self.env.app), name)
        value = None if finding is None else finding.decisive["value"]
        if value is None:
            what = "no claim" if finding is None else "no value of"
            return [], [self.inliner.reporter.error(f"{what} {name!r}", line=self.lineno)]
        draws_from_pages(self.env)
        page = self.env.app.builder.get_relative_uri(self.env.docname, f"notebooks/{finding.slug}")
        shown = format(value, form) if form else number(value)
        title = f"{name}: {finding.claim.text} ({finding.words})"
        link = nodes.reference("", "", internal=True, refuri=f"{page}#verdict-{finding.claim.id}", reftitle=title)
        link += nodes.Text(shown)
        return [link], []


class PartPapers(BookDirective):
    """The papers of one part: finished pages with what they find, then those to come."""

    required_arguments = 1

    def make(self):
        part = self.arguments[0]
        if part not in PARTS:
            raise self.error(f"no part {part!r}; the parts are {', '.join(PARTS)}")
        done = [
            html.page_item(page.card, found, link) for page, found, link in self.finished() if page.card.part == part
        ]
        to_come = [html.planned_item(entry) for entry in self.planned(part)]
        result = [self.section("Pages", f"{part}-done", self.listing(done))] if done else [self.raw(html.NO_PAGE)]
        return result + ([self.section("To come", f"{part}-planned", self.listing(to_come))] if to_come else [])


class Plan(BookDirective):
    """All papers by part, finished or to come."""

    def make(self):
        pages = self.finished()
        total = len(pages) + sum(len(self.planned(part)) for part in PARTS)
        result = [nodes.paragraph("", f"{len(pages)} of {total} papers have a page.")]
        for part, title in PARTS.items():
            items = [
                html.page_item(page.card, found, link, state=True)
                for page, found, link in pages
                if page.card.part == part
            ]
            items += [html.planned_item(entry, state=True) for entry in self.planned(part)]
            if items:
                result.append(self.section(title, f"plan-{part}", self.listing(items)))
        return result


class BenchTable(BookDirective):
    """The table that `make bench` wrote, a section per page."""

    def make(self):
        path = Path(self.env.srcdir) / "data" / "records" / "benchmarks.json"
        if not path.exists():
            return [
                nodes.paragraph("", "No benchmark has been recorded yet; make bench runs them and fills this page.")
            ]
        data = json.loads(path.read_text(encoding="utf-8"))
        result = [self.raw(html.bench_source(data))]
        for page, _, link in self.finished():
            rows = [row for row in data["rows"] if row.get("page") == page.slug]
            if rows:
                table = self.raw(html.bench_table(rows, link))
                result.append(self.section(page.card.short, f"bench-{page.slug}", table))
        return result


class DataRegistry(BookDirective):
    """Every data set of data/registry.yml with origin, licence, checksum and the pages that use it."""

    def make(self):
        users = {}
        for page, _, link in self.finished():
            for name in page.card.data:
                users.setdefault(name, []).append((page.card.short, link))
        return [
            self.section(entry["title"], f"data-{name}", self.raw(html.data_set(name, entry, users.get(name, []))))
            for name, entry in self.book.registry.items()
        ]


def named(book, name):
    """The finding of a claim called cd_test.c2, ``None`` where no finished page has it."""
    slug, _, claim = name.partition(".")
    pages = {page.slug: page for page in book.done}
    found = scoreboard.findings(pages[slug]) if slug in pages else []
    return next((finding for finding in found if finding.claim.id == claim), None)


def outdated(app, env, added, changed, removed):
    """Read the pages with these directives again when any of their inputs changed, came or went."""
    now = source.digest(app.srcdir, source.data_files(app.srcdir))
    before, env.paperlab_digest = getattr(env, "paperlab_digest", now), now
    return [] if before == now else sorted(getattr(env, "paperlab_pages", set()) & env.found_docs)


def merge(app, env, docnames, other):
    """Join what parallel readers noted."""
    env.paperlab_pages = getattr(env, "paperlab_pages", set()) | getattr(other, "paperlab_pages", set())


def setup(app):
    for name, directive in {
        "gallery": Gallery,
        "verdict-summary": VerdictSummary,
        "scoreboard": Scoreboard,
        "reading-paths": ReadingPaths,
        "claim-picture": ClaimPicture,
        "part-papers": PartPapers,
        "plan": Plan,
        "bench-table": BenchTable,
        "data-registry": DataRegistry,
    }.items():
        app.add_directive(name, directive)
    app.add_role("claim", ClaimRole())
    app.add_role("value", ValueRole())
    app.connect("env-get-outdated", outdated)
    app.connect("env-merge-info", merge)
    paperlab_notebooks.connect(app)
    paperlab_search.connect(app)
    return {"version": "1", "env_version": source.code(), "parallel_read_safe": True, "parallel_write_safe": True}
