"""Panels of growth rates made from price indices, and the tests of dependence on them for many numbers of factors.

House prices on page ``cd_test``: areas are units, quarters are periods.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from paperlab.methods.foundations.monte_carlo import replicate
from paperlab.methods.panel import dependence, filters

__all__ = ["GrowthPanel", "correlations_by_state", "growth_panel", "shuffled", "state", "statistics_by_factors"]


@dataclass(frozen=True)
class GrowthPanel:
    """Growth of prices.

    Attributes
    ----------
    y : ndarray, shape (n_areas, n_quarters)
        ``100 Delta ln`` of the index [%], the mean of each area in each quarter of the year removed.
    areas : tuple of str
        Names of the areas.
    """

    y: np.ndarray
    areas: tuple[str, ...]


def growth_panel(table, first_year, last_year):
    """Growth without seasonal means of all areas whose index is complete in a span of years.

    Parameters
    ----------
    table : DataFrame
        Columns name, year, quarter (1 to 4) and index, one row per area and quarter; gaps are NaN or missing rows.
    first_year, last_year : int
        First and last year of the index; growth begins in the second quarter of the first one.

    Returns
    -------
    GrowthPanel

    Raises
    ------
    ValueError
        If a column or a quarter is missing, an area has two values for a quarter, a price is not positive, or no three
        areas are complete.

    Examples
    --------
    >>> rng, areas = np.random.default_rng(7), ("Austin, TX", "Dallas, TX", "Tulsa, OK")
    >>> quarters = [(year, quarter) for year in (2001, 2002, 2003) for quarter in (1, 2, 3, 4)]
    >>> rows = [(area, *when, rng.uniform(90, 110)) for area in areas for when in quarters]
    >>> panel = growth_panel(pd.DataFrame(rows, columns=["name", "year", "quarter", "index"]), 2001, 2003)
    >>> panel.areas, panel.y.shape
    (('Austin, TX', 'Dallas, TX', 'Tulsa, OK'), (3, 11))
    """
    if lacking := [name for name in ("name", "year", "quarter", "index") if name not in table]:
        raise ValueError(f"table must have the columns name, year, quarter and index; {', '.join(lacking)} is missing")
    span = table[table["year"].between(first_year, last_year)]
    twice = span.duplicated(["name", "year", "quarter"])
    if twice.any():
        name, year, quarter = span.loc[twice, ["name", "year", "quarter"]].iloc[0]
        raise ValueError(f"table has two rows for {name} in {year}Q{quarter}; keep one")
    wide = span.pivot(index="name", columns=["year", "quarter"], values="index").sort_index(axis=1)
    quarters = 4 * wide.columns.get_level_values("year") + wide.columns.get_level_values("quarter")
    if (gaps := np.flatnonzero(np.diff(quarters) != 1)).size:
        year, quarter = wide.columns[gaps[0]]
        raise ValueError(f"table has no row of the quarter after {year}Q{quarter}; growth needs every quarter")
    wide = wide.dropna()
    if len(wide) < 3 or wide.shape[1] < 3:
        raise ValueError(
            f"table has {len(wide)} areas that are complete from {first_year} to {last_year}; at least 3 are needed, "
            "take a shorter span"
        )
    if not (wide > 0).all(axis=None):
        raise ValueError(f"index of {wide.index[(wide <= 0).any(axis=1)][0]} is not positive; it has no growth rate")
    growth = 100.0 * np.diff(np.log(wide.to_numpy()), axis=1)
    return GrowthPanel(
        filters.remove_seasonal_means(growth, wide.columns.get_level_values("quarter")[1:]), tuple(wide.index)
    )


def state(area):
    """Two-letter state at the end of the name of an area, the first one where there are several.

    Raises
    ------
    ValueError
        If the name holds none.

    Examples
    --------
    >>> state("Kansas City, MO-KS")
    'MO'
    """
    found = re.search(r",\s*([A-Z]{2})\b", area)
    if found is None:
        raise ValueError(f"area {area!r} names no state; expected a name such as 'Austin, TX'")
    return found.group(1)


def statistics_by_factors(panels, n_factors, *, orders=(0,), rng):
    """CD, CD*, the tests of Juodis and Reese and theta for panels, filters and numbers of factors.

    Parameters
    ----------
    panels : dict of str to GrowthPanel
    n_factors : sequence of int
        Numbers of principal components to remove.
    orders : sequence of int
        Orders of the autoregression fitted to each area first; 0 for none.
    rng : numpy.random.Generator
        Source of the random signs.

    Returns
    -------
    DataFrame
        One row per panel, order and number of factors: period, areas, filter ("none" or "AR(4)"), m and the statistics.

    Raises
    ------
    ValueError
        As `paperlab.methods.panel.filters.prewhiten` and `paperlab.methods.panel.dependence.cd_tests`.
    """
    rows = []
    for period, panel in panels.items():
        for order in orders:
            y = filters.prewhiten(panel.y, order)
            about = {"period": period, "areas": len(y), "filter": f"AR({order})" if order else "none"}
            for m in n_factors:
                found = dependence.cd_tests(y, m, rng=rng, names=panel.areas)
                rows.append(about | {"m": m} | {t: getattr(found, t) for t in (*dependence.TESTS, "theta")})
    return pd.DataFrame(rows)


def correlations_by_state(panels, n_factors):
    """Mean residual correlation of pairs of areas in the same state and in different states.

    Parameters
    ----------
    panels : dict of str to GrowthPanel
    n_factors : sequence of int

    Returns
    -------
    DataFrame
        One row per panel and number of factors: period, m, inside, across, pairs_inside.

    Raises
    ------
    ValueError
        As `state` and `paperlab.methods.panel.dependence.mean_correlations`.
    """
    rows = []
    for period, panel in panels.items():
        states = [state(area) for area in panel.areas]
        for m in n_factors:
            z = dependence.factor_residuals(panel.y, m, names=panel.areas).z
            found = dependence.mean_correlations(z, states)
            values = {"inside": found.inside, "across": found.across, "pairs_inside": found.n_inside}
            rows.append({"period": period, "m": m} | values)
    return pd.DataFrame(rows)


def shuffled(y, n_factors, *, streams):
    """CD and CD* of panels with the same factors and residuals shuffled in time, so that no dependence is left.

    Parameters
    ----------
    y : array_like, shape (n_units, n_periods)
    n_factors : int
        Number of principal components, in the shuffling and in the tests.
    streams : sequence of numpy.random.SeedSequence
        One per shuffled panel.

    Returns
    -------
    DataFrame
        One row per panel: cd, cd_star.

    Raises
    ------
    ValueError
        As `paperlab.methods.panel.filters.shuffle_residuals`.
    """
    return pd.DataFrame(replicate(partial(_shuffled_once, y, n_factors), streams))


def _shuffled_once(y, n_factors, rng):
    left = dependence.factor_residuals(filters.shuffle_residuals(y, n_factors, rng=rng), n_factors)
    return {"cd": left.cd, "cd_star": left.cd_star}
