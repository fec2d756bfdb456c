"""What the extensions read, each file once a build: the book's pages, and `_pages.yml`.

`_pages.yml` holds what a page needs and by which words it is searched for.
"""

import hashlib
from pathlib import Path

import yaml
from paperlab.pages import page as pages

DATA = ("data/papers/*.yml", "data/records/*.json", "data/registry.yml", "notebooks/*.ipynb", "book/_pages.yml")


def book_of(app):
    """The `Book` of this build."""
    if not hasattr(app, "paperlab_book"):
        app.paperlab_book = pages.Book()
    return app.paperlab_book


def about_pages(app):
    """``book/_pages.yml``: ``{"needs": {group: title}, "pages": {slug: {"needs": group, "keywords": [...]}}}``."""
    if not hasattr(app, "paperlab_about"):
        path = Path(app.srcdir) / "book" / "_pages.yml"
        found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        app.paperlab_about = {"needs": {}, "pages": {}} | (found or {})
    return app.paperlab_about


def keywords(app, slug):
    """The usual names of a page's methods."""
    return about_pages(app)["pages"].get(slug, {}).get("keywords", [])


def slug_of(app, docname):
    """Slug of a finished notebook page, ``None`` for every other document."""
    folder, _, name = docname.rpartition("/")
    return name if folder == "notebooks" and name in {page.slug for page in book_of(app).done} else None


def data_files(root):
    """Every data file that the book draws from, sorted."""
    return sorted(path for pattern in DATA for path in Path(root).glob(pattern))


def digest(root, paths):
    """One hash over names and contents; it also changes when a file comes or goes."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()


def code():
    """Hash of what makes the look of pages: where it changed, Sphinx reads and writes the whole book again."""
    extensions, machinery = Path(__file__).parent, Path(pages.__file__).parent
    static = extensions.parent / "_static"
    places = (extensions, "*.py"), (machinery, "*.py"), (static, "*.css"), (static, "*.js")
    return "".join(digest(folder, sorted(folder.glob(pattern))) for folder, pattern in places)
