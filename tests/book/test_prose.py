"""The prose pages in headless Chromium."""

import pytest
from built_book import html_pages
from page_form import PageForm, Shown


class TestProse(PageForm):
    @pytest.fixture(scope="class", params=[name for name in html_pages() if name.startswith("book/")])
    def page(self, request, driver, address):
        return Shown(request.param, driver, address)
