"""Sphinx directives of this book: gallery, scoreboard, plan, part contents, benchmarks and data sets.

All of them read what `paperlab` reads (cards, stored notebooks, records, registry) and write plain HTML, so that the
pages need no network and work without JavaScript. The HTML itself is made in `paperlab_html`.
"""

import hashlib
import json
from pathlib import Path

import paperlab_html as html
import paperlab_notebooks
import yaml
from docutils import nodes
from paperlab.pages import scoreboard
from paperlab.pages.cards import PARTS
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)
INPUTS = ("data/papers/*.yml", "data/records/*.json", "data/registry.yml", "notebooks/*.ipynb")


def inputs(root):
    """Every file that the directives read, sorted."""
    return sorted(path for pattern in INPUTS for path in Path(root).glob(pattern))


def digest(root, paths):
    """One hash over names and contents; it also changes when a file comes or goes."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def code():
    """Hash of the code that draws pages: where it changed, Sphinx reads the whole book again."""
    folder, pages = Path(__file__).parent, Path(scoreboard.__file__).parent
    return "".join(digest(place, sorted(place.glob("*.py"))) for place in (folder, pages))


class BookDirective(SphinxDirective):
    """Base: notes what the page depends on and turns HTML into nodes."""

    def run(self):
        root = Path(self.env.srcdir)
        for path in inputs(root):
            self.env.note_dependency(str(path.relative_to(root)))
        if not hasattr(self.env, "paperlab_pages"):
            self.env.paperlab_pages = set()
        self.env.paperlab_pages.add(self.env.docname)
        return self.make(root)

    def raw(self, text):
        return nodes.raw("", text, format="html")

    def section(self, title, name, *children):
        """A section with its own entry in the page's contents."""
        section = nodes.section(ids=[name], names=[name])
        section += nodes.title(title, title)
        section += children
        return section

    def link(self, slug):
        """Relative address of a paper's page."""
        return self.env.app.builder.get_relative_uri(self.env.docname, f"notebooks/{slug}")

    def static(self, name):
        depth = self.env.docname.count("/")
        return "../" * depth + "_static/" + name

    def papers(self):
        """`scoreboard.papers()` in the order of the parts, each with its card or its entry of the plan as ``about``."""
        root = Path(self.env.srcdir)
        plan = {entry["slug"]: entry for entry in scoreboard.planned()}
        order = list(PARTS)
        found = []
        for paper in scoreboard.papers():
            about = dict(plan.get(paper["slug"], {}))
            if paper["status"] == "done":
                about |= yaml.safe_load((root / "data" / "papers" / f"{paper['slug']}.yml").read_text(encoding="utf-8"))
                if f"notebooks/{paper['slug']}" not in self.env.found_docs:
                    logger.warning(f"{paper['slug']} is finished but _toc.yml does not list it", once=True)
                    continue
            found.append({**paper, "about": about})
        return sorted(found, key=lambda paper: order.index(paper["part"]))  # stable: the plan's order within a part

    def finished(self):
        return [paper for paper in self.papers() if paper["status"] == "done"]


class Gallery(BookDirective):
    """A card per finished page: picture, title, what it finds, verdict counts."""

    def make(self, root):
        cards = []
        for paper in self.finished():
            notebook = json.loads((root / "notebooks" / f"{paper['slug']}.ipynb").read_text(encoding="utf-8"))
            picture = paperlab_notebooks.thumbnail(notebook)
            source = self.static(f"thumbnails/{paper['slug']}.{picture[1]}") if picture else None
            cards.append(
                html.gallery_card(paper, PARTS[paper["part"]], self.link(paper["slug"]), source, picture and picture[2])
            )
        return [self.raw(f'<div class="pl-gallery">{"".join(cards)}</div>')]


class VerdictSummary(BookDirective):
    """One bar and one line: how many claims of how many papers got which verdict."""

    def make(self, root):
        rows = scoreboard.rows()
        return [self.raw(html.summary(html.decided(rows), len({row["slug"] for row in rows})))]


class Scoreboard(BookDirective):
    """All claims of all pages in one table; paperlab.js makes it sortable and filterable."""

    def make(self, root):
        papers = {paper["slug"]: paper for paper in self.finished()}
        order = list(papers)
        rows = sorted(
            (row for row in scoreboard.rows() if row["slug"] in papers), key=lambda row: order.index(row["slug"])
        )
        links = {slug: self.link(slug) for slug in papers}
        titles = {slug: paper["about"]["short"] for slug, paper in papers.items()}
        return [self.raw(html.scoreboard(rows, titles, links, PARTS))]


class PartPapers(BookDirective):
    """The papers of one part: finished pages with what they find, then those to come."""

    required_arguments = 1

    def make(self, root):
        part = self.arguments[0]
        if part not in PARTS:
            raise self.error(f"no part {part!r}; the parts are {', '.join(PARTS)}")
        papers = [paper for paper in self.papers() if paper["part"] == part]
        result = []
        for title, status in (("Pages", "done"), ("To come", "planned")):
            items = [html.paper_item(paper, self.link(paper["slug"])) for paper in papers if paper["status"] == status]
            if items:
                listing = self.raw(f'<ul class="pl-papers">{"".join(items)}</ul>')
                result.append(self.section(title, f"{part}-{status}", listing))
        return result


class Plan(BookDirective):
    """All papers by part, finished or to come."""

    def make(self, root):
        papers = self.papers()
        done = sum(paper["status"] == "done" for paper in papers)
        result = [nodes.paragraph("", f"{done} of {len(papers)} papers have a page.")]
        for part, title in PARTS.items():
            items = [
                html.paper_item(paper, self.link(paper["slug"]), state=True)
                for paper in papers
                if paper["part"] == part
            ]
            if items:
                result.append(
                    self.section(title, f"plan-{part}", self.raw(f'<ul class="pl-papers">{"".join(items)}</ul>'))
                )
        return result


class BenchTable(BookDirective):
    """The table that `make bench` wrote."""

    def make(self, root):
        path = root / "data" / "records" / "benchmarks.json"
        if not path.exists():
            return [
                nodes.paragraph("", "No benchmark has been recorded yet; make bench runs them and fills this page.")
            ]
        return [self.raw(html.bench_table(json.loads(path.read_text(encoding="utf-8"))))]


class DataRegistry(BookDirective):
    """Every data set of data/registry.yml with origin, licence, checksum and the pages that use it."""

    def make(self, root):
        registry = yaml.safe_load((root / "data" / "registry.yml").read_text(encoding="utf-8")) or {}
        users = {}
        for paper in self.finished():
            for name in paper["about"].get("data") or []:
                users.setdefault(name, []).append((paper["about"]["short"], self.link(paper["slug"])))
        return [
            self.section(entry["title"], f"data-{name}", self.raw(html.data_set(name, entry, users.get(name, []))))
            for name, entry in registry.items()
        ]


def outdated(app, env, added, changed, removed):
    """Read the pages with these directives again when any of their inputs changed, came or went."""
    now = digest(app.srcdir, inputs(app.srcdir))
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
        "part-papers": PartPapers,
        "plan": Plan,
        "bench-table": BenchTable,
        "data-registry": DataRegistry,
    }.items():
        app.add_directive(name, directive)
    app.connect("env-get-outdated", outdated)
    app.connect("env-merge-info", merge)
    paperlab_notebooks.connect(app)
    return {"version": "1", "env_version": code(), "parallel_read_safe": True, "parallel_write_safe": True}
