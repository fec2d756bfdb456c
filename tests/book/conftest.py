"""The built book under a local web server, and headless Chromium to look at it: one of each per test process."""

import os
import sys
import warnings

import pytest
from built_book import ROOT, SITE, chromium, lacking, screen, served

pytest.register_assert_rewrite("page_form")
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # the book's own Sphinx extensions


@pytest.fixture(scope="session")
def site():
    """Folder of the built book."""
    if not (SITE / "book" / "index.html").exists():
        pytest.fail(f"no built book in {SITE}; run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def address(site):
    """Address of the built book on this machine."""
    with served(site) as found:
        yield found


@pytest.fixture(scope="session")
def driver():
    """Headless Chromium."""
    if reason := lacking():
        if os.environ.get("PAPERLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{reason}, and PAPERLAB_REQUIRE_BROWSER=1 demands a browser")
        message = (
            f"BROWSER TESTS SKIPPED: {reason}. Install Chromium and its driver (Debian: chromium, chromium-driver)."
        )
        warnings.warn(message, stacklevel=2)
        pytest.skip(message)
    with chromium() as browser:
        yield browser


@pytest.fixture
def show(driver, address):
    """Open a page at a given width and theme."""

    def opened(name, width=1280, theme="light"):
        screen(driver, width)
        driver.get(f"{address}/{name}")
        screen(driver, width, theme=theme)
        return driver

    return opened
