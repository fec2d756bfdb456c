"""One page, and the book around it: every file is read once, when it is first asked for.

>>> Page("cd_test").card.part                        # doctest: +SKIP
'latent-factors'
"""

from functools import cached_property

from paperlab import datasets, files, paths
from paperlab.errors import PaperlabError
from paperlab.pages import contents, imports, new_page, parameters, records
from paperlab.pages.cards import Card

__all__ = ["Book", "Page"]


class Page:
    """Everything about one paper: card, text, notebook, parameters, stored result, record.

    Parameters
    ----------
    slug : str

    Raises
    ------
    PaperlabError
        If no card has that name. A property raises it where its file is missing or damaged.
    """

    def __init__(self, slug):
        self.slug = paths.check_slug(slug)

    def __repr__(self):
        return f"Page({self.slug!r})"

    @cached_property
    def card(self):
        """The `Card`."""
        return Card.load(self.slug)

    @cached_property
    def text(self):
        """The text notebook (py:percent), ``None`` where there is none."""
        path = paths.notebook_path(self.slug, ".py")
        return files.read_text(path) if path.exists() else None

    @cached_property
    def notebook(self):
        """The stored notebook as a dict, ``None`` where there is none."""
        return files.read_notebook(paths.notebook_path(self.slug))

    @cached_property
    def parameters(self):
        """``{name: Parameter}`` of the parameters cell."""
        return parameters.read(self.slug, self.notebook)

    @cached_property
    def result(self):
        """What the verdict cell of the stored notebook holds (the default run), ``None`` where it holds nothing."""
        result = records.result_of(self.notebook or {})
        if result is not None and not records.good_run(result):
            where = paths.shown(paths.notebook_path(self.slug))
            raise PaperlabError(
                f"{where} is damaged: its verdict cell holds no claims with their values; "
                f"run `paperlab refresh {self.slug}`"
            )
        return result

    @cached_property
    def record(self):
        """The recorded full run and seeds: ``{"full": ..., "stability": ...}``, either may be absent."""
        return records.load(self.slug)

    @cached_property
    def library(self):
        """Statements of the library that decide the page's numbers, by file (`paperlab.pages.imports.reached`)."""
        return imports.reached(self.slug, self.notebook, self.card.data)

    def values(self, profile=None):
        """Parameters of a profile over the defaults: what a run with it has.

        Raises
        ------
        PaperlabError
            If the card has no such profile, or the page does not take its values.
        """
        chosen = parameters.resolve(self.slug, profile=profile, card=self.card, known=self.parameters)
        return {name: parameter.default for name, parameter in self.parameters.items()} | chosen

    @cached_property
    def placeholders(self):
        """What of `paperlab new` still stands in card or text: one line each; empty where the page is its own."""
        return new_page.placeholders(files.read_text(paths.card_path(self.slug)), self.text or "")

    @cached_property
    def hashes(self):
        """What decides a result besides its parameters: the card's claims, the page's code, the library's files."""
        return {
            "claims": {claim.id: imports.digest(claim.decided_by) for claim in self.card.claims},
            "code": imports.code_hash(imports.deciding_cells(self.notebook or {})),
            "library": imports.library_hashes(self.library),
        }

    def changes(self, result):
        """What has changed since a result was made.

        Returns
        -------
        list of str or None
            Claims, "the page's code" and files of the library by name; empty where nothing has changed, ``None`` where
            the result was made before results carried their hashes.
        """
        made = result.get("hashes", {})
        if "library" not in made:
            return None
        now = self.hashes
        changed = [
            f"claim {name}" for name, value in made.get("claims", {}).items() if now["claims"].get(name) != value
        ]
        changed += ["the page's code"] if made.get("code") != now["code"] else []
        library = {**made["library"], **now["library"]}
        return changed + [name for name in sorted(library) if made["library"].get(name) != now["library"].get(name)]


class Book:
    """What is read once for all pages."""

    def __init__(self):
        self._pages = {}

    def page(self, slug):
        """The `Page` of that name, the same object each time."""
        if slug not in self._pages:
            self._pages[slug] = Page(slug)
        return self._pages[slug]

    @cached_property
    def slugs(self):
        """Slugs of all papers that have a card."""
        return paths.slugs()

    @cached_property
    def done(self):
        """The pages that stand: a card, an executed notebook, nothing of the template left."""
        made = [slug for slug in self.slugs if paths.notebook_path(slug).exists()]
        return [self.page(slug) for slug in made if not self.page(slug).placeholders]

    @cached_property
    def references(self):
        """The text of book/references.bib."""
        return contents.references()

    @cached_property
    def bibliography(self):
        """Keys of book/references.bib."""
        return contents.bibliography(self.references)

    @cached_property
    def contents(self):
        """All documents that _toc.yml names."""
        return contents.contents()

    @cached_property
    def registry(self):
        """The data sets of data/registry.yml."""
        return datasets.registry()

    @cached_property
    def planned(self):
        """The entries of data/papers/planned.yml."""
        path = paths.cards_dir() / "planned.yml"
        return (files.read_yaml(path) or []) if path.exists() else []
