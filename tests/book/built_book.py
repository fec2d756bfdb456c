"""Where the built book is, how to serve it, how to start the browser and wait for it; for the tests and picture.py."""

import contextlib
import functools
import http.server
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from paperlab.pages.page import Book

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
    "--hide-scrollbars",
)


def html_pages(site=SITE):
    """Addresses of all pages of the book below the site's root: prose and notebooks."""
    return sorted(p.relative_to(site).as_posix() for d in ("book", "notebooks") for p in (site / d).rglob("*.html"))


def finished():
    """Addresses of the pages that count: executed, nothing of the template left."""
    return [f"notebooks/{page.slug}.html" for page in Book().done]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server that keeps to itself."""

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(site=SITE):
    """Address of the built book on a free port of this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def lacking():
    """What is missing for a browser, in words; empty where all is there."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return "" if chromium and shutil.which("chromedriver") else "no Chromium or no chromedriver is installed"


@contextlib.contextmanager
def chromium():
    """A headless Chromium with a profile of its own, so that several can run side by side."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        driver.set_page_load_timeout(120)
        driver.set_script_timeout(120)
        yield driver
        driver.quit()


def wait(condition, seconds=60):
    """The first true value of ``condition()``; its last value when the time is over."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.03)
    return value


def screen(driver, width=1280, height=900, theme="light", medium=""):
    """Show the present page at another size, in another theme or as it is printed, without loading it again."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium})
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]; window.scrollTo(0, 0)", theme)
