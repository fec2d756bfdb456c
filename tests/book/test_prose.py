"""The prose pages, and notebooks that do not count yet, in headless Chromium."""

import pytest
from built_book import finished, html_pages
from page_form import PageForm, Shown


class TestProse(PageForm):
    @pytest.fixture(scope="class", params=[name for name in html_pages() if name not in finished()])
    def page(self, request, driver, address):
        return Shown(request.param, driver, address)
