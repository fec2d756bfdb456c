"""What a reader does: choose on the scoreboard, search, follow links, change the theme."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from built_book import SITE, finished, screen, wait
from paperlab.pages import scoreboard
from paperlab.pages.page import Book

ROWS = "[...document.querySelectorAll('.pl-scoreboard .pl-row')]"
VISIBLE = f"return {ROWS}.filter(row => row.checkVisibility()).map(row => row.id)"
CHOSEN = f"return {ROWS}.filter(row => !row.hidden).map(row => row.id)"
RESULTS = "[...document.querySelectorAll('#search-results li a')].map(link => link.getAttribute('href'))"
FINISHED = "return /finished|did not match/.test(document.querySelector('.search-summary')?.textContent)"
CHOOSE = (
    "const field = document.querySelector('.pl-filters').elements[arguments[0]]; field.value = arguments[1];"
    "field.dispatchEvent(new Event('input', {bubbles: true}));"
)


@pytest.fixture(scope="module")
def findings():
    return scoreboard.all_findings(Book())


def names(found):
    return {f"{finding.slug}.{finding.claim.id}" for finding in found}


# ---- first page


def test_index_shows_every_finished_page(show):
    driver = show("index.html")  # only a refresh: the first page is book/index.html
    assert wait(lambda: urlsplit(driver.current_url).path == "/book/index.html")
    pictures = (
        "if (document.readyState !== 'complete') return [];"
        "return [...document.querySelectorAll('.pl-card')].map(card => { const image = card.querySelector('img');"
        " image.loading = 'eager'; return [image.naturalWidth > 0, card.querySelector('.v') !== null]; })"
    )
    expected = [[True, True]] * len(finished())
    assert wait(lambda: driver.execute_script(pictures) == expected), driver.execute_script(pictures)


def test_counts_are_the_same_everywhere(show, findings):
    total = scoreboard.counts(findings)
    for name in ("book/index.html", "book/scoreboard.html"):
        summary = show(name).find_element("css selector", ".pl-summary").text
        assert total.headline in summary and total.controls_line.capitalize() in summary
    cards = show("book/index.html").execute_script(
        "return [...document.querySelectorAll('.pl-card')].map("
        "card => [card.querySelector('.pl-title a').getAttribute('href'), "
        "card.querySelector('.pl-counts').textContent])"
    )
    assert cards
    for link, text in cards:
        slug = re.search(r"/(\w+)\.html$", link)[1]
        counts = scoreboard.counts([finding for finding in findings if finding.slug == slug])
        numbers = sum(int(number) for number in re.findall(r"(\d+) (?!of)", text.split("controls:")[0]))
        assert numbers == counts.claims and counts.controls_line in text


# ---- scoreboard


def test_scoreboard_is_an_overview_that_opens_page_by_page(show, findings):
    driver = show("book/scoreboard.html")
    assert driver.execute_script(VISIBLE) == []
    assert driver.execute_script("return document.documentElement.scrollHeight") < 6000
    toggle = driver.find_element("css selector", ".pl-toggle")
    toggle.send_keys("\n")  # by keyboard
    first = driver.find_element("css selector", ".pl-page").get_attribute("id")
    assert toggle.get_attribute("aria-expanded") == "true"
    assert set(driver.execute_script(VISIBLE)) == names(f for f in findings if f.slug == first)
    driver.find_element("css selector", ".pl-open").click()
    assert set(driver.execute_script(VISIBLE)) == names(findings)


CHOICES = {
    "role": lambda finding: finding.claim.role,
    "basis": lambda finding: finding.claim.basis or "",
    "certainty": lambda finding: finding.claim.certainty or "",
    "fidelity": lambda finding: finding.claim.fidelity,
    "steady": lambda finding: {True: "yes", False: "no", None: "none"}[finding.steady],
    "verdict": lambda finding: finding.verdict,
    "part": lambda finding: finding.part,
}


def test_scoreboard_filters_by_each_property(show, findings):
    driver = show("book/scoreboard.html")
    for name, value_of in CHOICES.items():
        for value in {value_of(finding) for finding in findings} - {""}:
            driver.execute_script(CHOOSE, name, value)
            expected = names(finding for finding in findings if value_of(finding) == value)
            assert set(driver.execute_script(VISIBLE)) == expected, (name, value)
            assert parse_qs(urlsplit(driver.current_url).query) == {name: [value]}
        driver.execute_script(CHOOSE, name, "")
    driver.execute_script(CHOOSE, "fidelity", "same")  # both whose verdicts read "reproduced"
    assert set(driver.execute_script(VISIBLE)) == names(f for f in findings if f.claim.fidelity.startswith("same"))
    driver.execute_script(CHOOSE, "role", "control")
    both = [f for f in findings if f.claim.fidelity.startswith("same") and f.claim.role == "control"]
    assert set(driver.execute_script(VISIBLE)) == names(both)
    driver.find_element("css selector", ".pl-filters button[type=reset]").click()
    assert wait(lambda: len(driver.execute_script(CHOSEN)) == len(findings))
    name = sorted(names(findings))[0]
    driver.find_element("name", "text").send_keys(name.upper())
    assert name in driver.execute_script(VISIBLE)
    assert all(found.startswith(name) for found in driver.execute_script(VISIBLE))


def test_scoreboard_says_in_words_what_is_shown(show, findings):
    driver = show("book/scoreboard.html?verdict=not")
    failed = [finding for finding in findings if finding.verdict == "not"]
    papers = [finding for finding in failed if finding.claim.role == "paper"]
    text = driver.find_element("class name", "pl-shown").text
    assert f"of {len(papers)} claim" in text.lower()
    for words in {finding.words for finding in failed}:
        number = sum(finding.words == words for finding in failed)
        told = re.sub("^does", "do", words) if number > 1 else words
        assert f"{number} {told}" in text


def test_back_and_forward_bring_the_choices_back(show, findings):
    part = findings[-1].part
    driver = show(f"book/scoreboard.html?part={part}&verdict=nonsense")
    of_part = names(finding for finding in findings if finding.part == part)
    assert set(driver.execute_script(VISIBLE)) == of_part
    driver.execute_script(CHOOSE, "role", "paper")
    papers = names(finding for finding in findings if finding.part == part and finding.claim.role == "paper")
    assert set(driver.execute_script(VISIBLE)) == papers
    driver.back()
    assert wait(lambda: set(driver.execute_script(VISIBLE)) == of_part)
    driver.forward()
    assert wait(lambda: set(driver.execute_script(VISIBLE)) == papers)
    driver.refresh()
    assert wait(lambda: set(driver.execute_script(VISIBLE)) == papers)


def test_scoreboard_sorts_within_each_page(show):
    driver = show("book/scoreboard.html")
    head = driver.find_element("css selector", ".pl-scoreboard thead .pl-c-full")
    for direction, sign in (("ascending", 1), ("descending", -1)):
        head.find_element("tag name", "button").send_keys("\n")  # by keyboard
        assert head.get_attribute("aria-sort") == direction
        groups = driver.execute_script(
            "return [...document.querySelectorAll('.pl-scoreboard tbody')].map(body => "
            "[...body.querySelectorAll('.pl-row')].map(row => row.querySelector('.pl-c-full').dataset.sort ?? null))"
        )
        for group in groups:
            values = [sign * float(value) for value in group if value is not None]
            assert values == sorted(values)
            assert group[: len(values)] == [v for v in group if v is not None], "rows without a value belong at the end"


def test_heads_of_the_scoreboard_stay(show):
    driver = show("book/scoreboard.html?role=paper")
    page = driver.find_elements("css selector", ".pl-page")[1]
    rows = page.find_elements("css selector", ".pl-row")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", rows[-1])
    tops = driver.execute_script(
        "return ['.pl-scoreboard thead th', arguments[0] + ' .pl-group th'].map("
        "name => document.querySelector(name).getBoundingClientRect().top)",
        f"#{page.get_attribute('id')}",
    )
    assert 0 <= tops[0] < 80 and tops[0] < tops[1]
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 1280


def test_phone_shows_the_verdict_first(show):
    driver = show("book/scoreboard.html?verdict=not", width=390)
    cells = driver.execute_script(
        f"return {ROWS}.filter(row => !row.hidden).map(row => [...row.cells]"
        ".sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(cell => cell.className))"
    )
    assert cells and all(row[0] == "pl-c-record" for row in cells)
    inside = f"return {ROWS}.filter(row => !row.hidden).every(row => row.getBoundingClientRect().right <= 390)"
    assert driver.execute_script(inside)


def test_paper_shows_every_claim(show, findings):
    driver = show("book/scoreboard.html")
    screen(driver, 718, 1000, medium="print")
    assert set(driver.execute_script(VISIBLE)) == names(findings)


def test_every_claim_with_a_number_has_a_picture(show, findings):
    shown = set(
        show("book/scoreboard.html").execute_script(
            f"return {ROWS}.filter(row => row.querySelector('svg')).map(row => row.id)"
        )
    )
    drawn = [f for f in findings if f.claim.criterion or f.decisive["value"] is not None]
    assert names(drawn) <= shown


# ---- claims and verdicts


def test_claim_and_verdict_lead_to_each_other(show, findings):
    finding = findings[-1]
    driver = show(f"book/scoreboard.html#{finding.slug}.{finding.claim.id}")
    link = driver.find_element("css selector", f"[id='{finding.slug}.{finding.claim.id}'] .pl-id")
    assert link.is_displayed(), "an address with a claim opens its page"
    link.click()
    details = f"#claim-{finding.claim.id} details"
    assert wait(lambda: driver.find_elements("css selector", details))
    assert wait(lambda: driver.find_element("css selector", details).get_attribute("open"))
    driver.find_element("css selector", f"#claim-{finding.claim.id} .pl-claim-id").click()
    assert wait(lambda: driver.current_url.endswith(f"#verdict-{finding.claim.id}"))
    driver.find_element("css selector", f"#verdict-{finding.claim.id} td a").click()
    assert wait(lambda: driver.current_url.endswith(f"#claim-{finding.claim.id}"))


# ---- search


def results(show, words):
    driver = show(f"search.html?q={words.replace(' ', '+')}")
    assert wait(lambda: driver.execute_script(FINISHED))
    return driver.execute_script(f"return {RESULTS}")


def test_every_result_holds_every_word(show):
    for words in ("zebra IV", "IV zebra", "SHAP zebra 2021"):
        assert results(show, words) == []
    found = results(show, "instrument bootstrap")
    assert found
    for link in {link.partition("#")[0] for link in found}:
        text = (SITE / link).read_text(encoding="utf-8").lower()
        assert "instrument" in text and "bootstrap" in text


def test_search_finds_a_claim_by_its_name(show, findings):
    for finding in (findings[0], findings[len(findings) // 2], findings[-1]):
        found = results(show, f"{finding.slug}.{finding.claim.id}")
        assert found[0] == f"notebooks/{finding.slug}.html#claim-{finding.claim.id}"


def test_search_finds_pages_by_title_and_by_short_name(show):
    book = Book()
    for page in (book.done[0], book.done[-1]):
        assert any(page.slug in link for link in results(show, re.sub(r"\W+", " ", page.card.title)))
        assert results(show, re.sub(r"\W+", " ", page.card.short))[0] == f"notebooks/{page.slug}.html"


@pytest.mark.parametrize(
    "words, slugs",
    [
        ("SHAP", {"sleep_intervention", "happiness_factors"}),
        ("IV", {"invalid_instrument", "augmentation_iv", "intervention_extrapolation"}),
        ("2SLS", {"invalid_instrument", "augmentation_iv"}),
        ("PCA", {"cd_test", "dynamic_factors_pse"}),
        ("random forest", {"trajectory_experts", "thermoelectric_power", "sleep_intervention", "happiness_factors"}),
    ],
)
def test_search_finds_pages_by_the_usual_names_of_their_methods(show, words, slugs):
    found = results(show, words)[: len(slugs)]
    assert {re.sub(r".*/|\.html.*", "", link) for link in found} == slugs


# ---- theme


def test_theme_button_switches_to_dark(show):
    driver = show("book/index.html")
    theme = "return document.documentElement.dataset.theme"
    seen = set()
    for _ in range(3):  # auto, light, dark
        driver.execute_script("document.querySelector('.theme-switch-button').click()")
        seen.add(driver.execute_script(theme))
    driver.execute_script("localStorage.clear()")
    assert {"light", "dark"} <= seen
