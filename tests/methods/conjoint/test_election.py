"""Elections fitted to choices: known ones are recovered, held-out shares do not flatter."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import election, equilibrium, simulate
from paperlab.methods.conjoint.choices import Pairs
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))
EVERYONE = np.ones((1, 400))


@pytest.fixture(scope="module")
def voters():
    return simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(3))


@pytest.fixture(scope="module")
def pairs(voters):
    return simulate.simulate_voters(voters, 400, 8, 0.4, rng=np.random.default_rng(3)).pairs


@pytest.fixture(scope="module")
def folds():
    return np.random.default_rng(5).permutation(400) % 5


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


def test_names_of_respondents_and_folds_do_not_matter(pairs, folds):
    ours, theirs = election.cross_products(pairs), election.cross_products(renamed(pairs))
    for name in election.MODELS:
        np.testing.assert_allclose(ours[name].gram, theirs[name].gram)
    by_pair = folds[pairs.person]
    base = held_out.held_out_shares(pairs, [0.01, 0.1], 20.0, by_pair)
    named = held_out.held_out_shares(renamed(pairs), [0.01, 0.1], 20.0, [f"fold {k}" for k in by_pair])
    np.testing.assert_allclose(named.held_out, base.held_out)
    np.testing.assert_allclose(
        election.two_way_loss(renamed(pairs), [("f", k) for k in by_pair], [100.0], 20.0).two_way,
        election.two_way_loss(pairs, by_pair, [100.0], 20.0).two_way,
    )


def test_a_linear_share_by_hand():
    p, slopes = LAYOUT.uniform, np.arange(9.0) / 100
    assert election.linear_share(p, slopes, p) == 0.5
    best = LAYOUT.argmax(slopes)
    assert election.linear_share(best, slopes, p) == pytest.approx(0.5 + 0.005 + 0.01 + 0.015)


def test_in_sample_shares_flatter_and_held_out_ones_do_not(pairs, folds):
    deal = np.random.default_rng(4).permutation(len(pairs.y))
    nothing = dataclasses.replace(pairs, x1=pairs.x1[deal], x2=pairs.x2[deal])
    found = held_out.held_out_shares(nothing, [0.01, 0.1], 20.0, folds[pairs.person])
    assert found.held_out.shape == found.in_sample.shape == (5, 2)
    assert found.in_sample[:, 0].min() > 0.505
    assert found.held_out[:, 0].mean() == pytest.approx(0.5, abs=0.03)


def test_held_out_shares_are_those_of_a_fit_without_the_fold(pairs, folds):
    by_pair = folds[pairs.person]
    found = held_out.held_out_shares(pairs, [0.05], 20.0, by_pair)
    products = election.cross_products(pairs)
    out = folds == 2
    slopes = election.average_slopes(products, (~out)[None].astype(float), 20.0)[0]
    here = election.average_slopes(products, out[None].astype(float), 1e-6)[0]
    pi = LAYOUT.project(LAYOUT.uniform + slopes / 0.1)
    assert found.held_out[2, 0] == pytest.approx(election.linear_share(pi, here, LAYOUT.uniform))
    assert found.in_sample[2, 0] == pytest.approx(election.linear_share(pi, slopes, LAYOUT.uniform))
    assert found.argmax[2] == pytest.approx(election.linear_share(LAYOUT.argmax(slopes), here, LAYOUT.uniform))


def test_interactions_that_do_not_exist_do_not_help(pairs, folds):
    found = election.two_way_loss(pairs, folds[pairs.person], [1.0, 1e7], 20.0)
    assert found.two_way[0] > found.main
    assert found.two_way[1] == pytest.approx(found.main, rel=1e-4)


def test_interactions_that_exist_do_help():
    layout = Layout((2, 2))
    rng = np.random.default_rng(6)
    n = 4000
    x1, x2 = layout.argmax(rng.random((n, 4))), layout.argmax(rng.random((n, 4)))
    good = [(x[:, 1] == x[:, 3]) * 0.8 for x in (x1, x2)]  # equal levels are better, neither level alone is
    y = (rng.random(n) < 0.5 + (good[0] - good[1]) / 2).astype(float)
    parties = dict(zip(("party1", "party2", "voter"), rng.integers(0, 2, (3, n)), strict=True))
    pairs = Pairs(x1, x2, y=y, person=np.arange(n), layout=layout, **parties)
    found = election.two_way_loss(pairs, np.arange(n) % 4, [1.0], 1.0)
    with pytest.raises(ValueError, match="no pair outside a fold has one candidate of the voter's party"):
        election.two_way_loss(dataclasses.replace(pairs, party1=pairs.party2), np.arange(n) % 4, [1.0], 1.0)
    assert found.main == pytest.approx(0.25, abs=0.01)
    assert found.two_way[0] < 0.22


def test_bad_elections_are_refused(pairs, folds):
    products = election.cross_products(pairs)
    for share in (0, 1, np.nan):
        with pytest.raises(ValueError, match=f"p_r must lie between 0 and 1, got {share}"):
            election.fit_election(products, EVERYONE, 5.0, share, LAYOUT)
        with pytest.raises(ValueError, match=f"p_r must lie between 0 and 1, got {share}"):
            election.logit_election(pairs, 5.0, share)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        election.logit_election(pairs, 0, 0.4)
    with pytest.raises(ValueError, match="penalties must be above 0"):
        election.two_way_loss(pairs, folds[pairs.person], [0.0], 20.0)
    for call in (
        lambda f: held_out.held_out_shares(pairs, [0.1], 20.0, f),
        lambda f: election.two_way_loss(pairs, f, [1.0], 20.0),
    ):
        with pytest.raises(ValueError, match="folds: all pairs are in one fold"):
            call(np.zeros(len(pairs.y)))
        with pytest.raises(ValueError, match="folds has no label in row 0"):
            call([None] * len(pairs.y))
    with pytest.raises(ValueError, match="no pair of different parties was seen by Republican voters"):
        election.cross_products(dataclasses.replace(pairs, voter=0 * pairs.voter))
