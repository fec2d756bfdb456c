"""What every page of the book must be in a browser; test_notebooks.py and test_prose.py run it on their pages.

Each page is loaded once and then shown at other sizes, in the dark theme and as it is printed.
"""

from urllib.parse import urlsplit

from built_book import screen, wait

TYPESET = (
    "return !document.querySelector('.bd-article .math') || "
    "document.querySelectorAll('mjx-container').length >= document.querySelectorAll('.bd-article .math').length"
)
PAPER = 718  # pixels between the margins of an A4 sheet
DARK = "color => color.match(/[\\d.]+/g).slice(0, 3).every(part => Number(part) < 140)"
BRIGHT = "color => color.match(/[\\d.]+/g).slice(0, 3).every(part => Number(part) > 200)"
# visible elements that reach beyond the right edge; formulas and drawings have boxes of their own kind
BEYOND = """
    const edge = document.documentElement.clientWidth + 1;
    return [...document.querySelectorAll('.bd-article *')]
        .filter(element => !element.closest('mjx-container, svg, .pl-hidden') && element.checkVisibility())
        .filter(element => element.getBoundingClientRect().right > edge)
        .map(element => element.tagName + '.' + element.className).slice(0, 5)
"""
SCROLLED = """
    return [...document.querySelectorAll('.bd-article :is(pre, .paperlab-scroll, .cell_output, .text_html)')]
        .filter(element => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
        .map(element => element.tagName + '.' + element.className)
"""


class Shown:
    """A page in the browser, and what went wrong while it was loaded."""

    def __init__(self, name, driver, address):
        self.name, self.driver, self.address = name, driver, address
        driver.get_log("browser")  # empties what an earlier page left
        screen(driver)
        driver.get(f"{address}/{name}")
        screen(driver)
        wait(lambda: self(TYPESET))
        self.errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]

    def __call__(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def at(self, *size, **look):
        screen(self.driver, *size, **look)
        return self


class PageForm:
    """Tests of any page; the class that inherits them has a fixture ``page``, a `Shown`."""

    def test_loads_without_error_and_from_this_machine_only(self, page):
        loaded = page(
            "return performance.getEntriesByType('resource').map(entry => [entry.name, entry.responseStatus])"
        )
        own = urlsplit(page.address).netloc
        assert not page.errors
        assert not [url for url, _ in loaded if urlsplit(url).scheme.startswith("http") and urlsplit(url).netloc != own]
        assert not [url for url, status in loaded if status >= 400]

    def test_formulas_are_typeset(self, page):
        assert page(TYPESET)
        assert page("return document.querySelectorAll('mjx-merror').length") == 0

    def test_phone_scrolls_in_one_direction(self, page):
        page.at(390, 844)
        assert page("return document.documentElement.scrollWidth") <= 390
        begin = page(
            "return [...document.querySelectorAll('.bd-article div.math mjx-container')]"
            ".filter(formula => formula.checkVisibility())"
            ".map(formula => [formula.getBoundingClientRect().left - formula.parentNode.getBoundingClientRect().left, "
            "formula.scrollLeft, formula.parentNode.scrollLeft])"
        )
        assert all(left >= 0 and not any(scrolled) for left, *scrolled in begin), (
            "a formula does not show its beginning"
        )

    def test_dark_theme_is_dark_and_its_figures_suit_it(self, page):
        page.at(1280, 900, theme="dark")
        assert page(f"return ({DARK})(getComputedStyle(document.body).backgroundColor)")
        figures = page(
            "return [...document.querySelectorAll('.bd-article img')].map(image => { "
            "const look = getComputedStyle(image);"
            " return [image.alt, image.classList.contains('pl-chart'), look.filter, look.backgroundColor]; })"
        )
        for alt, chart, filtered, background in figures:
            assert alt, "a figure has no alternative text"
            assert ("invert(1)" in filtered) if chart else background == "rgb(255, 255, 255)"

    def test_paper_is_light_and_nothing_is_cut(self, page):
        page.at(PAPER, 1000, theme="dark", medium="print")
        assert page(BEYOND) == []
        assert page(SCROLLED) == []
        assert page("return [...document.querySelectorAll('li.pl-claim dl')].every(facts => facts.checkVisibility())")
        colours = (
            "[...document.querySelectorAll('.bd-article :is(p, td, dd, li, pre, .highlight span)')]"
            ".map(element => getComputedStyle(element).color)"
        )
        assert page(f"return ({BRIGHT})(getComputedStyle(document.body).backgroundColor)")
        assert (
            page(f"return {colours}.filter(color => !({DARK})(color) && !/(138, 40, 70)/.test(color)).slice(0, 5)")
            == []
        )
        filters = "[...document.querySelectorAll('.bd-article img')].map(image => getComputedStyle(image).filter)"
        assert page(f"return {filters}.every(found => found === 'none')")
