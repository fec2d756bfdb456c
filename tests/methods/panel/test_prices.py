"""Facts about growth panels made from price indices, and about the tables of tests on them."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.panel import dependence, filters, prices
from paperlab.methods.panel.simulate import Design, factor_panel

AREAS = ("Akron, OH", "Austin, TX", "Boise, ID", "Cary, NC", "Dallas, TX", "Toledo, OH")


def index_table(growth):
    """A table of price indices that start at 100 in 2000Q1 and grow by these rates [%] a quarter, areas by rows."""
    level = 100 * np.exp(np.cumsum(np.column_stack([np.zeros(len(AREAS)), growth]), axis=1) / 100)
    rows = [
        (area, 2000 + t // 4, t % 4 + 1, value) for area, series in zip(AREAS, level) for t, value in enumerate(series)
    ]
    return pd.DataFrame(rows, columns=["name", "year", "quarter", "index"])


def growth():
    return np.random.default_rng(3).normal(1, 2, (len(AREAS), 39))


def panel():
    return prices.growth_panel(index_table(growth()), 2000, 2009)


def test_growth_is_the_change_of_the_log_without_seasonal_means():
    found = panel()
    assert found.areas == AREAS
    season = [(t + 1) % 4 for t in range(39)]
    assert found.y == pytest.approx(filters.remove_seasonal_means(growth(), season))


def test_the_base_of_an_index_and_a_common_seasonal_factor_do_not_matter():
    table = index_table(growth())
    other = table.copy()
    other["index"] *= other["name"].map(dict(zip(AREAS, 10.0 ** np.arange(-3, 3)))) * (
        1 + 0.2 * (other["quarter"] == 2)
    )
    assert prices.growth_panel(other, 2000, 2009).y == pytest.approx(panel().y)


def test_the_order_of_rows_does_not_matter():
    table = index_table(growth())
    mixed = prices.growth_panel(table.sample(frac=1, random_state=0), 2000, 2009)
    assert mixed.areas == AREAS and np.array_equal(mixed.y, panel().y)


def test_areas_with_a_gap_inside_the_span_are_left_out():
    table = index_table(growth())
    table.loc[(table["name"] == "Boise, ID") & (table["year"] == 2004) & (table["quarter"] == 3), "index"] = np.nan
    gone = table.drop(index=table.index[(table["name"] == "Cary, NC") & (table["year"] == 2001)])
    assert prices.growth_panel(gone, 2000, 2009).areas == ("Akron, OH", "Austin, TX", "Dallas, TX", "Toledo, OH")
    assert prices.growth_panel(gone, 2005, 2009).areas == AREAS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["quarter", "index"]), "quarter, index is missing"),
        (lambda t: pd.concat([t, t.tail(1)]), "two rows for Toledo, OH in 2009Q4"),
        (lambda t: t[(t["year"] != 2004) | (t["quarter"] != 2)], "no row of the quarter after 2004Q1"),
        (lambda t: t.assign(index=t["index"].where(t["name"] < "Boise")), "has 2 areas that are complete"),
        (
            lambda t: t.assign(index=t["index"].mask(t["name"] == "Boise, ID", 0.0)),
            "index of Boise, ID is not positive",
        ),
    ],
)
def test_tables_that_have_no_growth_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        prices.growth_panel(change(index_table(growth())), 2000, 2009)


def test_a_span_without_data_is_refused():
    with pytest.raises(ValueError, match="has 0 areas that are complete from 1950 to 1960"):
        prices.growth_panel(index_table(growth()), 1950, 1960)


def test_the_state_stands_at_the_end_of_the_name():
    assert [prices.state(area) for area in AREAS] == ["OH", "TX", "ID", "NC", "TX", "OH"]
    assert prices.state("Gary, IN (MSAD)") == "IN"
    with pytest.raises(ValueError, match="area 'Puerto Rico' names no state"):
        prices.state("Puerto Rico")


def test_each_row_of_the_table_is_one_test():
    panels = {"all": panel(), "late": prices.growth_panel(index_table(growth()), 2003, 2009)}
    table = prices.statistics_by_factors(panels, [1, 2], orders=(0, 1), rng=np.random.default_rng(0))
    assert table[["period", "filter", "m"]].to_numpy().tolist() == [
        [period, kind, m] for period in ("all", "late") for kind in ("none", "AR(1)") for m in (1, 2)
    ]
    row = table.query("period == 'late' and filter == 'AR(1)' and m == 2").iloc[0]
    expected = dependence.cd_tests(filters.prewhiten(panels["late"].y, 1), 2)
    assert (row.cd, row.cd_star, row.theta) == (expected.cd, expected.cd_star, expected.theta)
    assert row.areas == 6 and np.isfinite(row.jr_w_plus)


def test_correlations_inside_states_show_what_two_states_share():
    rng = np.random.default_rng(5)
    areas = tuple(f"Town {i:02d}, {state}" for i, state in enumerate(["AL"] * 20 + ["WA"] * 20))
    shared = np.repeat(rng.standard_normal((2, 79)), 20, axis=0)
    y = rng.standard_normal((40, 79)) + shared
    table = prices.correlations_by_state({"a": prices.GrowthPanel(y, areas)}, [0, 2])
    without, after = table.inside
    assert without == pytest.approx(0.5, abs=0.1)
    assert abs(after) < 0.1
    assert table.pairs_inside.tolist() == [2 * 190] * 2
    assert abs(table.across[0]) < 0.15


def test_shuffled_panels_follow_their_streams_and_lose_their_dependence():
    y = factor_panel(Design(60, 80, (1.0,), rho=0.8), rng=np.random.default_rng(3)).y
    streams = np.random.SeedSequence(2).spawn(20)
    table = prices.shuffled(y, 1, streams=streams)
    assert table.columns.tolist() == ["cd", "cd_star"] and len(table) == 20
    assert table.equals(prices.shuffled(y, 1, streams=streams))
    assert prices.shuffled(y, 1, streams=streams[:5]).equals(table[:5])
    assert abs(table.cd_star).mean() < 2 < 5 < dependence.factor_residuals(y, 1).cd_star
