"""Conjoint kernels: AMCE and elections refitted for 200 resamples of respondents, a batch of games by extragradient."""

import numpy as np
import pytest
import statsmodels.api as sm
from paperlab.methods.conjoint import choices, equilibrium, games, simulate, two_way
from paperlab.methods.conjoint import election as elections
from paperlab.methods.conjoint.layout import Layout
from sklearn.linear_model import Ridge

LAYOUT = Layout((2, 6, 4, 4, 4, 6, 6, 2, 2, 3, 3, 5))
N_BOOT = 200
fits = pytest.mark.benchmark(group="average-case slopes, 200 resamples of 1,081 respondents")
effects = pytest.mark.benchmark(group="AMCE of 35 levels with clustered errors, 10,810 profiles")
wide = pytest.mark.benchmark(group="general election with two-way terms, 10 resamples, 2,093 columns")
batch = pytest.mark.benchmark(group="equilibria of 20 resampled elections, 47 levels")


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(0)
    voters = simulate.draw_voters(LAYOUT, [7, 8, 9, 10], rng=rng)
    return simulate.simulate_voters(voters, 1081, 5, 0.43, rng=rng).pairs


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(1).multinomial(1081, np.full(1081, 1 / 1081), N_BOOT).astype(float)


def by_sums(pairs, weights):
    design = pairs.pooled()
    return choices.CrossProducts.of(design.x, design.y, pairs.person_code, pairs.n_persons).fit(weights, 20.0, 1)


def by_rows(pairs, weights):
    x, y = pairs.pooled().x, pairs.pooled().y
    ridge = np.diag(np.r_[0, np.full(LAYOUT.size, 20.0)])
    many = weights[:, pairs.person]
    return np.array([np.linalg.solve(x.T @ (x * w[:, None]) + ridge, x.T @ (w * y)) for w in many])


@fits
def test_sums_by_person(benchmark, pairs, weights):
    found = benchmark(by_sums, pairs, weights)
    difference = np.abs(found - by_rows(pairs, weights)).max()
    assert difference < 1e-8
    benchmark.extra_info.update(role="ours", label="sums by respondent", agreement=f"max. difference {difference:.0e}")


@fits
def test_row_by_row(benchmark, pairs, weights):
    benchmark.pedantic(by_rows, (pairs, weights), rounds=3, iterations=1)
    benchmark.extra_info.update(role="peer", label="weighted rows in each resample", agreement="")


def peer_amce(pairs):
    x = sm.add_constant(np.vstack([pairs.x1, pairs.x2])[:, LAYOUT.free])
    model = sm.OLS(np.r_[pairs.y, 1 - pairs.y], x)
    return model.fit(cov_type="cluster", cov_kwds={"groups": np.tile(pairs.person, 2)})


@effects
def test_amce(benchmark, pairs):
    found, free = benchmark(choices.amce, pairs), LAYOUT.free
    peer = peer_amce(pairs)
    difference = max(np.abs(found.effect[free] - peer.params[1:]).max(), np.abs(found.se[free] - peer.bse[1:]).max())
    assert difference < 1e-8
    benchmark.extra_info.update(role="ours", label="normal equations", agreement=f"max. difference {difference:.0e}")


@effects
def test_amce_statsmodels(benchmark, pairs):
    benchmark.pedantic(peer_amce, (pairs,), rounds=3, iterations=1)
    benchmark.extra_info.update(role="peer", label="statsmodels", agreement="")


@pytest.fixture(scope="module")
def election(pairs, weights):
    return elections.fit_election(elections.cross_products(pairs), weights[:20], 20.0, 0.43, LAYOUT)


def single(election, i):
    fields = ("intercept", "slope_r", "slope_d", "primary_r", "primary_d")
    return games.Election(
        **{name: getattr(election, name)[i, 0] for name in fields}, weight=election.weight, p=election.p, layout=LAYOUT
    )


def one_by_one(election):
    found = [equilibrium.solve(single(election, i), 0.05) for i in range(20)]
    return np.array([(one.pi_r, one.pi_d) for one in found])


@batch
def test_batch(benchmark, election):
    found = benchmark.pedantic(equilibrium.solve, (election, np.array([0.05])), rounds=3, iterations=1)
    difference = np.abs(np.stack([found.pi_r, found.pi_d], 1)[:, :, 0] - one_by_one(election)).max()
    assert difference < 1e-8
    benchmark.extra_info.update(
        role="ours", label="all games in one batch", agreement=f"max. difference {difference:.0e}"
    )


@batch
def test_single_games(benchmark, election):
    benchmark.pedantic(one_by_one, (election,), rounds=2, iterations=1)
    benchmark.extra_info.update(role="peer", label="one game after another", agreement="")


@pytest.fixture(scope="module")
def general(pairs, weights):
    """Rows, outcome, penalties and weights of the general election among Democratic voters, with pairs of levels."""
    design = two_way.widened("general D", pairs.general(0), pairs)
    m = LAYOUT.size
    penalty = two_way.ridge_of(1, 2 * m, design.x.shape[1] - 1 - 2 * m, (20.0, 8000.0))
    return design.x, design.y, penalty, weights[:10, pairs.person_code[design.rows]]


def peer_ridge(x, y, penalty, weights):
    scaled = x / np.sqrt(penalty)
    model = Ridge(alpha=1.0, fit_intercept=False)
    return np.array([model.fit(scaled, y, sample_weight=w).coef_ for w in weights]) / np.sqrt(penalty)


@wide
def test_ridge_in_the_space_of_rows(benchmark, general):
    found = benchmark.pedantic(two_way.ridge_by_rows, general, rounds=3, iterations=1)
    difference = np.abs(found - peer_ridge(*general)).max()
    assert difference < 1e-6
    benchmark.extra_info.update(role="ours", label="one kernel for all", agreement=f"max. difference {difference:.0e}")


@wide
def test_ridge_scikit_learn(benchmark, general):
    benchmark.pedantic(peer_ridge, general, rounds=3, iterations=1)
    benchmark.extra_info.update(role="peer", label="scikit-learn, each resample", agreement="")
