"""The built book under a local web server, and headless Chromium to look at it."""

import functools
import http.server
import os
import shutil
import threading
import warnings

import pytest
from built_book import FLAGS, SITE, Quiet


@pytest.fixture(scope="session")
def site():
    """Folder of the built book."""
    if not (SITE / "book" / "index.html").exists():
        pytest.fail(f"no built book in {SITE}; run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def address(site):
    """Address of the built book on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def _missing(reason):
    if os.environ.get("PAPERLAB_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and PAPERLAB_REQUIRE_BROWSER=1 demands a browser")
    message = f"BROWSER TESTS SKIPPED: {reason}. Install Chromium and its driver (Debian: chromium, chromium-driver)."
    warnings.warn(message, stacklevel=2)
    pytest.skip(message)


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """Headless Chromium that logs every request and every console message."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if binary is None or chromedriver is None:
        _missing("no Chromium or no chromedriver is installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(chromedriver))
    browser.set_page_load_timeout(60)
    yield browser
    browser.quit()
