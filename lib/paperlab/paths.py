"""Where things are. ``PAPERLAB_ROOT`` points the machinery at another checkout (tests use it)."""

import os
import re
from pathlib import Path

from paperlab.errors import PaperlabError, brief, suggestion

SLUG = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = ("planned", "benchmarks")  # files beside the cards and the records that belong to no paper


def root():
    """The checkout that holds ``notebooks/`` and ``data/``."""
    return from_environment("PAPERLAB_ROOT") or Path(__file__).resolve().parents[2]


def from_environment(name):
    """The folder that an environment variable names, absolute; ``None`` where it is not set."""
    value = os.environ.get(name)
    return Path(os.path.abspath(os.path.expanduser(value))) if value else None


def cards_dir():
    """The folder of the cards."""
    return root() / "data" / "papers"


def card_path(slug):
    """The card of a page."""
    return cards_dir() / f"{slug}.yml"


def notebook_path(slug, suffix=".ipynb"):
    """The notebook of a page, stored or text."""
    return root() / "notebooks" / f"{slug}{suffix}"


def record_path(slug):
    """The record of a page."""
    return root() / "data" / "records" / f"{slug}.json"


def slugs():
    """Slugs of all papers that have a card, sorted."""
    if not cards_dir().is_dir():
        raise PaperlabError(
            f"no cards in {cards_dir()}; run paperlab in the book's checkout, or set PAPERLAB_ROOT to it"
        )
    return sorted(path.stem for path in cards_dir().glob("*.yml") if path.stem not in RESERVED)


def check_slug(slug):
    """Return ``slug`` if a card of that name exists; otherwise say which is near.

    Raises
    ------
    PaperlabError
        If ``slug`` is not a plain name or no card has it.
    """
    if not SLUG.fullmatch(str(slug)):
        raise PaperlabError(f"slug must be a plain name such as cd_test, got {brief(slug)}")
    if slug not in slugs():
        raise PaperlabError(f"no paper {brief(slug)}{suggestion(slug, slugs())}; `paperlab list` shows all")
    return slug


def shown(path):
    """``path`` relative to the working directory or the checkout where that is shorter to read."""
    path = Path(path)
    for base in (Path.cwd, root):
        try:
            return str(path.resolve().relative_to(base().resolve()))
        except (ValueError, OSError):  # elsewhere, or a working directory that is gone
            continue
    return str(path)
