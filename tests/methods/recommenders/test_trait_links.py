"""Correlations against scipy, corrections against statsmodels, and what the corrections promise."""

import numpy as np
import pytest
from paperlab.methods.recommenders import trait_links
from scipy import stats
from statsmodels.stats.multitest import multipletests


@pytest.fixture
def tables():
    rng = np.random.default_rng(0)
    traits = rng.standard_normal((50, 5))
    return traits, traits @ rng.standard_normal((5, 8)) + 4 * rng.standard_normal((50, 8))


def test_correlations_and_p_values_are_scipys(tables):
    found = trait_links.correlations(*tables)
    for i in range(5):
        for j in range(8):
            peer = stats.pearsonr(tables[0][:, i], tables[1][:, j])
            assert found.r[i, j] == pytest.approx(peer.statistic, abs=1e-12)
            assert found.p[i, j] == pytest.approx(peer.pvalue, rel=1e-9)


def test_units_do_not_matter(tables):
    found, other = (
        trait_links.correlations(*tables),
        trait_links.correlations(1e6 * tables[0] - 3, 1e-6 * tables[1] + 9),
    )
    np.testing.assert_allclose(other.p, found.p, rtol=1e-6)


def test_corrections_are_statsmodels(tables):
    found = trait_links.correlations(*tables)
    for ours, method in ((found.holm, "holm"), (found.bh, "fdr_bh")):
        np.testing.assert_allclose(ours.ravel(), multipletests(found.p.ravel(), method=method)[1], atol=1e-12)


def test_corrections_only_raise_and_keep_the_order(tables):
    found = trait_links.correlations(*tables)
    assert (found.holm >= found.bh - 1e-15).all() and (found.bh >= found.p - 1e-15).all()
    order = np.argsort(found.p, axis=None)
    assert (np.diff(found.holm.ravel()[order]) >= 0).all() and found.holm.max() <= 1


def test_holm_errs_in_one_family_of_twenty():
    rng = np.random.default_rng(1)
    families = [trait_links.holm(rng.random(40)).min() < 0.05 for _ in range(2000)]
    assert np.mean(families) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 2000))


def test_a_perfect_correlation_has_p_zero():
    x = np.arange(6.0)[:, None]
    found = trait_links.correlations(x, -2 * x)
    assert found.r[0, 0] == pytest.approx(-1) and found.p[0, 0] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "traits, outcomes, words",
    [
        (np.ones((4, 1)), np.arange(4.0)[:, None], "traits: column 0 is the same for everybody"),
        (np.arange(4.0), np.ones((4, 1)), "traits must be a table"),
        (np.arange(4.0)[:, None], np.arange(5.0)[:, None], "same three or more people, got 4 and 5"),
        ([[np.nan], [1], [2]], np.arange(3.0)[:, None], "traits is nan in row 0"),
    ],
)
def test_correlations_refuse(traits, outcomes, words):
    with pytest.raises(ValueError, match=words):
        trait_links.correlations(traits, outcomes)


def test_holm_refuses_what_is_no_p_value():
    with pytest.raises(ValueError, match=r"p must lie between 0 and 1, got -0\.1 to 0\.5"):
        trait_links.holm([-0.1, 0.5])
