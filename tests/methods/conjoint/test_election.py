"""Elections fitted to choices: known ones are recovered."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import election, equilibrium, simulate
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))
EVERYONE = np.ones((1, 400))


@pytest.fixture(scope="module")
def voters():
    return simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(3))


@pytest.fixture(scope="module")
def pairs(voters):
    return simulate.simulate_voters(voters, 400, 8, 0.4, rng=np.random.default_rng(3)).pairs


def renamed(pairs):
    return dataclasses.replace(pairs, person=[f"respondent {37 * i:05d}" for i in pairs.person])


@pytest.mark.parametrize("link", ["linear", "logit"])
def test_elections_are_recovered_from_many_choices(voters, link):
    pairs = simulate.simulate_voters(voters, 4000, 10, 0.4, rng=np.random.default_rng(1), personal_sd=0.0).pairs
    if link == "linear":
        fitted = election.fit_election(election.cross_products(pairs), np.ones((1, 4000)), 1.0, 0.4, LAYOUT)
    else:
        fitted = election.logit_election(pairs, 0.2, 0.4)
    truth = voters.election([0.6, 0.4])
    best = equilibrium.solve(truth, 0.05)
    for a, b in ((best.pi_r, best.pi_d), (best.pi_r, truth.p), (truth.p, best.pi_d), (truth.p, truth.p)):
        assert fitted.outcome(a, b).value.item() == pytest.approx(truth.outcome(a, b).value, abs=0.02)
        assert fitted.without_primaries().share(a, b).value.item() == pytest.approx(truth.share(a, b).value, abs=0.02)
    np.testing.assert_allclose(fitted.weight, [0.6, 0.4])


def test_slopes_are_those_of_the_average_voter(voters):
    pairs = simulate.simulate_voters(voters, 4000, 10, 0.4, rng=np.random.default_rng(1), personal_sd=0.0).pairs
    found = election.average_slopes(election.cross_products(pairs), np.ones((1, 4000)), 1e-3)[0]
    mean = (np.array([0.6, 0.4])[:, None] * voters.slope.mean(1)).sum(0)
    np.testing.assert_allclose(found, mean, atol=0.012)


def test_no_primaries_means_none(pairs):
    products = election.cross_products(pairs)
    plain = election.fit_election(products, EVERYONE, 5.0, 0.4, LAYOUT, primary=False)
    full = election.fit_election(products, EVERYONE, 5.0, 0.4, LAYOUT)
    assert plain.primary_r is None and plain.primary_d is None
    np.testing.assert_array_equal(plain.slope_r, full.slope_r)
    assert election.logit_election(pairs, 1.0, 0.4, primary=False).primary_r is None


def test_wider_primaries_use_more_pairs(pairs):
    own, wide = election.designs(pairs), election.designs(pairs, own=False)
    for name in ("primary D", "primary R"):
        assert set(own[name].rows) < set(wide[name].rows)
    for name in ("pooled", "general D", "general R"):
        np.testing.assert_array_equal(own[name].x, wide[name].x)


def test_names_of_respondents_do_not_matter(pairs):
    ours, theirs = election.cross_products(pairs), election.cross_products(renamed(pairs))
    for name in election.MODELS:
        np.testing.assert_allclose(ours[name].gram, theirs[name].gram)


def test_a_linear_share_by_hand():
    p, slopes = LAYOUT.uniform, np.arange(9.0) / 100
    assert election.linear_share(p, slopes, p) == 0.5
    best = LAYOUT.argmax(slopes)
    assert election.linear_share(best, slopes, p) == pytest.approx(0.5 + 0.005 + 0.01 + 0.015)


def test_bad_elections_are_refused(pairs):
    products = election.cross_products(pairs)
    for share in (0, 1, np.nan):
        with pytest.raises(ValueError, match=f"p_r must lie between 0 and 1, got {share}"):
            election.fit_election(products, EVERYONE, 5.0, share, LAYOUT)
        with pytest.raises(ValueError, match=f"p_r must lie between 0 and 1, got {share}"):
            election.logit_election(pairs, 5.0, share)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        election.logit_election(pairs, 0, 0.4)
    with pytest.raises(ValueError, match="no pair of different parties was seen by Republican voters"):
        election.cross_products(dataclasses.replace(pairs, voter=0 * pairs.voter))
