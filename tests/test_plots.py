"""Tables of the pages: what a number looks like, and where the name of the rows stands."""

import re

import numpy as np
import pandas as pd
from paperlab import plots

FRAME = pd.DataFrame(
    {"steps": [168.0, np.nan, 12.0], "hit": [0.1, 1.0, 0.0], "always": [1.0, 1.0, 0.0], "n": [1, 2, 3]},
    index=pd.Index(["a", "b", "c"], name="model"),
)


def cells(frame, **options):
    """What stands in each column."""
    shown = re.findall(r"<td>(.*?)</td>", plots.table(frame, **options)._repr_html_())
    return dict(zip(frame.columns, (shown[k :: frame.shape[1]] for k in range(frame.shape[1])), strict=True))


def test_counts_have_no_decimals_and_shares_keep_theirs():
    shown = cells(FRAME)
    assert shown["steps"] == ["168", "–", "12"]
    assert shown["hit"] == ["0.100", "1.000", "0.000"]
    assert shown["always"] == ["1.000", "1.000", "0.000"]
    assert shown["n"] == ["1", "2", "3"]


def test_one_value_with_a_fraction_gives_all_of_a_column_decimals():
    assert cells(FRAME.assign(steps=[168.0, 1.5, 12.0]), digits=1)["steps"] == ["168.0", "1.5", "12.0"]


def test_the_name_of_the_rows_stands_in_the_heading():
    page = plots.table(FRAME)._repr_html_()
    assert page.count("<tr") == 1 + len(FRAME)
    assert "<th>model</th>" in page.split("</thead>")[0]
    assert FRAME.index.name == "model"


def test_no_row_names_no_heading_for_them():
    page = plots.table(FRAME, index=False)._repr_html_()
    assert "model" not in page
    assert page.count("<th") == 1 + FRAME.shape[1]  # and the heading's own opening


def test_two_columns_of_one_name_are_shown_as_they_are():
    twice = pd.DataFrame([[2.0, 3.0]], columns=["x", "x"])
    assert plots.table(twice)._repr_html_().count(".000") == 2


def test_plain_text_says_the_same():
    assert "168 " in repr(plots.table(FRAME)) and "168.0" not in repr(plots.table(FRAME))
