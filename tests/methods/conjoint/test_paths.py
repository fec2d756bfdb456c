"""Shares along the penalty: closed forms where there are any, and parties by lot at a high price."""

import numpy as np
import pytest
from paperlab.methods.conjoint import election, equilibrium, paths, simulate
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))
LAMS = np.array([0.02, 0.1, 1e6])
OPTIONS = {"penalty": 20.0, "p_r": 0.4, "layout": LAYOUT}


@pytest.fixture(scope="module")
def pairs():
    voters = simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(3))
    return simulate.simulate_voters(voters, 300, 8, 0.4, rng=np.random.default_rng(3)).pairs


@pytest.fixture(scope="module")
def found(pairs):
    weights = np.vstack([np.ones(300), np.random.default_rng(0).multinomial(300, np.full(300, 1 / 300))])
    return paths.share_paths(election.cross_products(pairs), weights, LAMS, **OPTIONS)


def test_shares_are_those_of_their_policies(found):
    p = LAYOUT.uniform
    assert list(found.shares) == list(paths.SIDES)
    game, both = found.game.single(1, 0), found.policies.single(1, 0)
    assert found.shares["with primaries"][1, 0] == pytest.approx(game.outcome(both.pi_r, both.pi_d).value)
    solved = equilibrium.separate_equilibrium(game.without_primaries(), 0.02, rng=np.random.default_rng(0))
    plain = game.without_primaries()
    assert found.shares["no primaries"][1, 0] == pytest.approx(plain.share(solved.pi_r, solved.pi_d).value, abs=1e-6)
    assert found.shares["R alone"][1, 0] == pytest.approx(plain.share(solved.pi_r, p).value, abs=1e-6)
    assert found.shares["D alone"][1, 0] == pytest.approx(1 - plain.share(p, solved.pi_d).value, abs=1e-6)


def test_nobody_moves_at_a_high_price(found):
    np.testing.assert_allclose(found.shares["average"][:, 2], 0.5, atol=1e-4)
    by_lot = found.game.share(LAYOUT.uniform, LAYOUT.uniform).value[:, 0]
    for name in ("no primaries", "with primaries", "R alone"):
        np.testing.assert_allclose(found.shares[name][:, 2], by_lot, atol=1e-4)


def test_alone_is_never_worse_than_by_lot(found):
    by_lot = found.game.share(LAYOUT.uniform, LAYOUT.uniform).value
    assert (found.shares["average"] >= 0.5).all()
    assert (found.shares["R alone"] >= by_lot).all() and (found.shares["D alone"] >= 1 - by_lot).all()


def test_without_primaries_the_policies_are_projections(pairs, found):
    plain = paths.share_paths(election.cross_products(pairs), np.ones((1, 300)), LAMS, **OPTIONS, primary=False)
    assert plain.game.primary_r is None
    assert plain.shares["no primaries"] == pytest.approx(found.shares["no primaries"][:1])
