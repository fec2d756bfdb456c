"""What a reader meets: the built book in headless Chromium, at desktop and at phone width, without a network."""

import json
import time
from urllib.parse import urlsplit

import pytest
from built_book import SITE, html_pages

ROWS = "[...document.querySelectorAll('.pl-scoreboard tbody tr')]"
RESULTS = "[...document.querySelectorAll('#search-results li a')].map(link => link.getAttribute('href'))"
SET_FILTER = (
    "const field = document.querySelector('.pl-filters').elements[arguments[0]]; field.value = arguments[1];"
    "field.dispatchEvent(new Event('input', {bubbles: true}));"
)
SET_THEME = "localStorage.setItem('mode', arguments[0]); localStorage.setItem('theme', arguments[0]);"
FORMULAS_READY = (
    "return !document.querySelector('.bd-article .math') || document.querySelector('mjx-container') !== null"
)
BRIGHTNESS = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"

PAGES = html_pages(SITE)
NOTEBOOKS = [name for name in PAGES if name.startswith("notebooks/")]


def wait(condition, seconds=15):
    """The first true value of ``condition()``; its last value when the time is over."""
    end = time.time() + seconds
    while not (value := condition()) and time.time() < end:
        time.sleep(0.05)
    return value


@pytest.fixture
def show(driver, address):
    """Open a page at a given width and theme; collects what went wrong on the way."""

    def opened(name, width=1280, theme="light"):
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        driver.get(f"{address}/{name}")
        if driver.execute_script("return document.documentElement.dataset.theme") != theme:
            driver.execute_script(SET_THEME, theme)
            driver.get(f"{address}/{name}")
        return driver

    return opened


def requests(driver):
    """Addresses asked for and requests that failed since the last call, out of the performance log."""
    asked, failed, by_id = [], [], {}
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        about = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            by_id[about["requestId"]] = about["request"]["url"]
            asked.append(about["request"]["url"])
        elif message["method"] == "Network.responseReceived" and about["response"]["status"] >= 400:
            failed.append(f"{about['response']['status']} {about['response']['url']}")
        elif message["method"] == "Network.loadingFailed" and not about.get("canceled"):
            failed.append(f"{about['errorText']} {by_id.get(about['requestId'], '?')}")
    return asked, failed


def test_index_shows_every_finished_page(show):
    driver = show("index.html")
    assert wait(lambda: "Forty-Four" in driver.title)
    driver.execute_script("document.querySelectorAll('.pl-card img').forEach(image => image.loading = 'eager')")
    look = (
        "return [...document.querySelectorAll('.pl-card')]"
        ".map(card => [card.querySelector('img')?.naturalWidth > 0, card.querySelectorAll('.v').length > 0])"
    )
    assert wait(lambda: driver.execute_script(look) == [[True, True]] * len(NOTEBOOKS)), driver.execute_script(look)


def test_scoreboard_sorts(show):
    driver = show("book/scoreboard.html")
    column = f"return {ROWS}.map(row => row.cells[3].dataset.sort)"
    before = driver.execute_script(column)
    head = driver.find_elements("css selector", ".pl-scoreboard th")[3]
    for direction, sign in (("ascending", 1), ("descending", -1)):
        driver.execute_script("arguments[0].querySelector('button').focus()", head)
        driver.switch_to.active_element.send_keys("\n")  # by keyboard
        assert head.get_attribute("aria-sort") == direction
        after = driver.execute_script(column)
        values = [sign * float(value) for value in after if value]
        assert values == sorted(values)
        assert after[: len(values)] == [value for value in after if value], "rows without a value belong at the end"
    assert sorted(before) == sorted(after)


def shown(driver):
    return driver.execute_script(f"return {ROWS}.filter(row => !row.hidden).map(row => row.id)")


def names(rows):
    return {f"{row['slug']}.{row['claim']}" for row in rows}


def test_scoreboard_filters(show):
    from paperlab.pages import scoreboard

    rows = scoreboard.rows()
    driver = show("book/scoreboard.html")
    assert len(shown(driver)) == len(rows)
    part, fidelity = rows[0]["part"], rows[0]["fidelity"]
    driver.execute_script(SET_FILTER, "part", part)
    assert set(shown(driver)) == names(row for row in rows if row["part"] == part)
    driver.execute_script(SET_FILTER, "fidelity", fidelity)
    expected = names(row for row in rows if row["part"] == part and row["fidelity"] == fidelity)
    assert set(shown(driver)) == expected
    assert f"part={part}" in driver.current_url
    driver.find_element("css selector", ".pl-filters button[type=reset]").click()
    assert wait(lambda: len(shown(driver)) == len(rows))
    for verdict in ("reproduced", "partly", "not", "not tested"):
        driver.execute_script(SET_FILTER, "verdict", verdict)
        either = [
            row for row in rows if verdict in (row["default"]["verdict"], (row["full"] or row["default"])["verdict"])
        ]
        assert set(shown(driver)) == names(either)
    driver.execute_script(SET_FILTER, "verdict", "")
    word = f"{rows[-1]['slug']}.{rows[-1]['claim']}"
    driver.find_element("name", "text").send_keys(word)
    assert word in shown(driver) and all(claim.startswith(word) for claim in shown(driver))
    assert driver.find_element("class name", "pl-shown").text.endswith(f"of {len(rows)} claims")


def test_scoreboard_opens_a_selection_from_its_address(show):
    from paperlab.pages import scoreboard

    part = scoreboard.rows()[-1]["part"]
    driver = show(f"book/scoreboard.html?part={part}&verdict=nonsense")
    assert set(shown(driver)) == names(row for row in scoreboard.rows() if row["part"] == part)


def test_search_finds_a_paper_by_its_title(show):
    from paperlab.pages import scoreboard

    paper = next(paper for paper in scoreboard.papers() if paper["status"] == "done")
    words = [word for word in paper["title"].replace("?", "").replace(":", "").split() if len(word) > 6][:2]
    driver = show("search.html?q=" + "+".join(words))
    found = wait(lambda: [link for link in driver.execute_script(f"return {RESULTS}") if paper["slug"] in link])
    assert found, f"no result for {words} leads to {paper['slug']}"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_formulas_are_rendered(show, name):
    driver = show(name)
    written = driver.execute_script("return document.querySelectorAll('.bd-article .math').length")
    if not written:
        pytest.skip("this page has no formula")
    ready = "return window.MathJax?.startup?.promise !== undefined && document.querySelectorAll('mjx-container').length"
    assert wait(lambda: (driver.execute_script(ready) or 0) >= written)
    assert driver.execute_script("return document.querySelectorAll('mjx-merror').length") == 0


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound_at_both_widths_and_in_both_themes(show, address, name):
    """No foreign or failed request, no console error, no sideways scroll on a phone, alternative texts, legible dark theme."""
    own = urlsplit(address).netloc
    driver = show("book/plan.html")
    requests(driver), driver.get_log("browser")  # empties what an earlier test left
    for width, theme in ((1280, "light"), (390, "light"), (390, "dark")):
        show(name, width, theme)
        assert wait(lambda: driver.execute_script(FORMULAS_READY))
        if width == 390:
            scroll = driver.execute_script("return document.documentElement.scrollWidth")
            assert scroll <= 390, f"the page is {scroll} pixels wide on a phone, {theme}"
        assert driver.execute_script("return document.documentElement.dataset.theme") == theme
        assert (min(driver.execute_script(BRIGHTNESS)) > 200) == (theme == "light")
    pictures = driver.execute_script(
        "return [...document.querySelectorAll('.bd-article img')].map(i => [i.alt, getComputedStyle(i).backgroundColor])"
    )
    assert all(alt for alt, _ in pictures), "a figure has no alternative text"
    assert all(colour == "rgb(255, 255, 255)" for _, colour in pictures), "a figure has no light card in the dark theme"
    asked, failed = requests(driver)
    foreign = [url for url in asked if urlsplit(url).scheme.startswith("http") and urlsplit(url).netloc != own]
    assert asked and not foreign and not failed
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors


def test_theme_button_switches_to_dark(show):
    driver = show("book/index.html")
    theme = "return document.documentElement.dataset.theme"
    seen = set()
    for _ in range(3):  # auto, light, dark
        driver.execute_script("document.querySelector('.theme-switch-button').click()")
        seen.add(driver.execute_script(theme))
    assert {"light", "dark"} <= seen
    driver.execute_script("localStorage.clear()")


def test_claim_link_leads_to_the_claim(show):
    driver = show("book/scoreboard.html")
    link = driver.find_element("css selector", ".pl-scoreboard tbody tr a")
    target = urlsplit(link.get_attribute("href")).fragment
    link.click()
    assert wait(lambda: driver.execute_script("return document.getElementById(arguments[0]) !== null", target))
