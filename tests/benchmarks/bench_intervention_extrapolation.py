"""Page ``intervention_extrapolation``: the thin factor, the stack and the second stage, each against the plain way."""

import numpy as np
import pytest
import torch
from paperlab.methods.representation import control_function, extrapolation, simulate_actions
from scipy.spatial.distance import cdist


@pytest.fixture(scope="module")
def sample():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    return simulate_actions.draw_world(rng=rng).sample(1000, rng=rng)


def full_penalty(a, code):
    kernel = np.exp(-(cdist(a, a) ** 2) / (2 * extrapolation.bandwidth(a) ** 2))
    residuals = extrapolation.residuals(code, a)
    return np.trace(residuals.T @ kernel @ residuals) / len(a) ** 2


PENALTY = "penalty Q of one code, n = 1,000, kernel included (agree to 1e-6)"


@pytest.mark.benchmark(group=PENALTY)
def test_penalty_by_thin_factor(benchmark, sample):
    benchmark.extra_info.update(role="ours", label="thin factor", agreement="1e-6")
    found = benchmark(lambda: extrapolation.penalty(sample.z, extrapolation.moment_factor(sample.a)))
    assert found == pytest.approx(full_penalty(sample.a, sample.z), abs=1e-6)


@pytest.mark.benchmark(group=PENALTY)
def test_penalty_by_full_kernel(benchmark, sample):
    benchmark.extra_info.update(role="peer", label="numpy, full kernel matrix", agreement="1e-6")
    benchmark(full_penalty, sample.a, sample.z)


TRAINING = "8 small autoencoders, n = 300, 40 steps (reconstruction errors agree to 2 %)"
SEEDS = list(range(0, 16, 2))


def train(small, seeds):
    factor = extrapolation.moment_factor(small.a)
    count = len(seeds)
    return extrapolation.train_autoencoders(
        [small] * count, [10.0] * count, seeds, factors=[factor] * count, n_steps=40
    )


@pytest.fixture(scope="module")
def small(sample):
    return simulate_actions.Sample(*(part[:300] for part in (sample.a, sample.z, sample.x, sample.y)))


def one_by_one(small):
    return np.array([train(small, [seed]).reconstruction[0] for seed in SEEDS])


@pytest.mark.benchmark(group=TRAINING)
def test_training_in_a_stack(benchmark, small):
    benchmark.extra_info.update(role="ours", label="one stack", agreement="2 %")
    found = benchmark.pedantic(train, args=(small, SEEDS), rounds=3, warmup_rounds=1)
    np.testing.assert_allclose(found.reconstruction, one_by_one(small), rtol=0.02)


@pytest.mark.benchmark(group=TRAINING)
def test_training_one_by_one(benchmark, small):
    benchmark.extra_info.update(role="peer", label="own code, one at a time", agreement="2 %")
    benchmark.pedantic(one_by_one, args=(small,), rounds=3, warmup_rounds=1)


SECOND = "additive splines and the effect of 81 actions, n = 1,000 (agree to 0.02)"
ACTIONS = np.linspace(-2, 2, 81)[:, None]


def ours_effect(sample):
    return control_function.fit_control_function(sample.z, sample.a, sample.y).effect(ACTIONS)


def peer_effect(sample):
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.preprocessing import SplineTransformer

    first = LinearRegression().fit(sample.a, sample.z)
    v = sample.z - first.predict(sample.a)
    outcome = SplineTransformer(8, knots="quantile", extrapolation="linear").fit(sample.z)
    control = SplineTransformer(6, knots="quantile", extrapolation="linear").fit(v)
    shape = control.transform(v)
    ridge = Ridge(1e-3).fit(np.hstack([outcome.transform(sample.z), shape]), sample.y)
    size = outcome.n_features_out_
    points = (first.predict(ACTIONS) + v.T).reshape(-1, 1)
    means = (outcome.transform(points) @ ridge.coef_[:size]).reshape(len(ACTIONS), -1).mean(1)
    return means + ridge.intercept_ + (shape @ ridge.coef_[size:]).mean()


@pytest.mark.benchmark(group=SECOND)
def test_second_stage_here(benchmark, sample):
    benchmark.extra_info.update(role="ours", label="control function by splines", agreement="0.02")
    np.testing.assert_allclose(benchmark(ours_effect, sample), peer_effect(sample), atol=0.02)


@pytest.mark.benchmark(group=SECOND)
def test_second_stage_sklearn(benchmark, sample):
    benchmark.extra_info.update(role="peer", label="scikit-learn SplineTransformer and Ridge", agreement="0.02")
    pytest.importorskip("sklearn")
    benchmark(peer_effect, sample)


LINEAR = "control function with straight lines, n = 1,000 (slope agrees to 1e-6)"


def ours_slope(sample):
    fit = control_function.fit_control_function(sample.z, sample.a, sample.y, n_knots=(2, 2), degree=1, ridge=1e-10)
    return np.diff(fit.effect(np.array([[0.0], [1.0]])))[0] / fit.coef[1]


def peer_slope(sample):
    from linearmodels.iv import IV2SLS

    return IV2SLS(sample.y, np.ones(len(sample.y)), sample.z, sample.a).fit().params.iloc[-1]


@pytest.mark.benchmark(group=LINEAR)
def test_slope_here(benchmark, sample):
    benchmark.extra_info.update(role="ours", label="control function", agreement="1e-6")
    assert benchmark(ours_slope, sample) == pytest.approx(peer_slope(sample), rel=1e-6)


@pytest.mark.benchmark(group=LINEAR)
def test_slope_linearmodels(benchmark, sample):
    benchmark.extra_info.update(role="peer", label="linearmodels IV2SLS", agreement="1e-6")
    pytest.importorskip("linearmodels")
    benchmark(peer_slope, sample)
