"""The notebook pages in headless Chromium: what holds for every page, and the form of a paper's page."""

import pytest
from built_book import finished, wait
from page_form import PageForm, Shown


class TestNotebooks(PageForm):
    @pytest.fixture(scope="class", params=finished())
    def page(self, request, driver, address):
        return Shown(request.param, driver, address)

    def test_first_screen_shows_verdicts_and_figure(self, page):
        page.at(1280, 900)
        picture = "document.querySelector('.pl-figure img')"
        assert wait(lambda: page(f"return {picture}.naturalWidth > 0"))
        bottom = page(
            "return ['.pl-question', '.pl-strip', '.pl-figure img'].map("
            "name => document.querySelector(name).getBoundingClientRect().bottom)"
        )
        assert bottom == sorted(bottom) and bottom[-1] <= 900
        target = page(f"return {picture}.closest('a').hash.slice(1)")
        assert page("return document.getElementById(arguments[0]).querySelector('img') !== null", target)

    def test_fifteen_claims_fit_a_screen(self, page):
        heights = page.at(1280, 900)(
            "return [...document.querySelectorAll('li.pl-claim')].map(claim => claim.getBoundingClientRect().height)"
        )
        assert heights
        assert 15 * sum(heights) / len(heights) <= 900

    def test_code_is_wrapped_and_set_up_is_folded(self, page):
        page.at(1280, 900)
        assert page(
            "return [...document.querySelectorAll('.bd-article pre')]"
            ".every(code => code.scrollWidth <= code.clientWidth + 1)"
        )
        opened = page(
            "return [...document.querySelectorAll('div.cell > .cell_input pre')].map(code => code.textContent)"
            ".filter(text => /^(import|from) /m.test(text))"
        )
        assert not opened, "imports stand open"

    def test_head_of_a_table_stays_while_it_scrolls(self, page):
        page.at(1280, 500)
        moved = page(
            "return [...document.querySelectorAll('.paperlab-scroll')]"
            ".filter(box => box.checkVisibility() && box.scrollHeight > box.clientHeight + 50 "
            "&& box.querySelector('thead'))"
            ".map(box => { box.scrollTop = 1e5; const top = box.querySelector('thead').getBoundingClientRect().top;"
            " const shift = top - box.getBoundingClientRect().top; box.scrollTop = 0; return shift; })"
        )
        assert all(abs(shift) <= 2 for shift in moved)

    def test_phone_shows_verdicts_before_details(self, page):
        rows = page.at(390, 844)(
            "return [...document.querySelectorAll('.pl-verdict-row')].map(row => [...row.cells]"
            ".sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)"
            ".map(cell => cell.className))"
        )
        assert rows
        assert all(row[:3] == ["pl-claim", "pl-default-run", "pl-recorded-full-run"] for row in rows)

    def test_names_of_rows_stay_only_where_they_are_unambiguous(self, page):
        sticky = page.at(390, 844)(
            "return [...document.querySelectorAll('.paperlab-scroll table:has(tbody th + th) tbody th')]"
            ".filter(name => getComputedStyle(name).position === 'sticky').length"
        )
        assert sticky == 0
