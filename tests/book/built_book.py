"""Where the built book is, how to serve it and how to start the browser; shared by the tests and by picture.py."""

import http.server
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("PAPERLAB_SITE") or ROOT / "_build" / "html")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def html_pages(site=SITE):
    """Addresses of all pages of the book below the site's root: prose and notebooks."""
    return sorted(p.relative_to(site).as_posix() for d in ("book", "notebooks") for p in (site / d).rglob("*.html"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass
