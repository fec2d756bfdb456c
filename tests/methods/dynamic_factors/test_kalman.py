"""Filter and smoother against the conditional normal distribution, computed without any recursion."""

import numpy as np
import pytest
from paperlab.methods.dynamic_factors.kalman import StateSpace, filter_states, smooth_states

N_PERIODS, M, R, K = 6, 4, 2, 2


@pytest.fixture(scope="module")
def system():
    """Two factors of order 2, three noisy observations of the first two states in each period."""
    rng = np.random.default_rng(3)
    transition = np.zeros((M, M))
    transition[:K] = [[0.5, 0.1, 0.2, 0.0], [0.0, 0.3, -0.1, 0.1]]
    transition[K:, :K] = np.eye(K)
    shock = np.zeros((M, M))
    shock[:K, :K] = [[1.0, 0.3], [0.3, 0.5]]
    loadings, noise = rng.standard_normal((3, R)), rng.uniform(0.5, 2, 3)
    start = 0.1 * np.arange(1.0, M + 1), np.diag([1.0, 2.0, 0.5, 1.5])
    return StateSpace(K, transition, shock), loadings, noise, start, rng.standard_normal((N_PERIODS, 3))


def dense(system):
    """Mean and covariance of all states and all observations, stacked over periods."""
    space, loadings, noise, (mean, cov), _ = system
    means, covs = [mean], np.zeros((N_PERIODS, M, N_PERIODS, M))
    covs[0, :, 0] = cov
    for t in range(1, N_PERIODS):
        means.append(space.transition @ means[-1])
        for s in range(t):
            covs[t, :, s] = space.transition @ covs[t - 1, :, s]
            covs[s, :, t] = covs[t, :, s].T
        covs[t, :, t] = space.transition @ covs[t - 1, :, t - 1] @ space.transition.T + space.shock
    states = covs.reshape(N_PERIODS * M, -1)
    pick = np.kron(np.eye(N_PERIODS), np.hstack([loadings, np.zeros((3, M - R))]))
    return np.ravel(means), states, pick, pick @ states @ pick.T + np.kron(np.eye(N_PERIODS), np.diag(noise))


def collapsed(system):
    _, loadings, noise, _, y = system
    info = np.repeat((loadings.T / noise @ loadings)[None], N_PERIODS, axis=0)
    return info, y / noise @ loadings


def given(system, n_seen):
    """Mean (n_periods, m) and covariance of the states given the observations of the first periods."""
    mean, states, pick, observed = dense(system)
    seen = np.arange(3 * n_seen)
    gain = states @ pick[seen].T @ np.linalg.inv(observed[np.ix_(seen, seen)])
    left = system[4][:n_seen].ravel() - pick[seen] @ mean
    shape = N_PERIODS, M, N_PERIODS, M
    return (mean + gain @ left).reshape(N_PERIODS, M), (states - gain @ pick[seen] @ states).reshape(shape)


def test_filtered_states_are_the_means_given_the_past_and_the_present(system):
    filtered, _ = filter_states(*collapsed(system), system[0], *system[3])
    for t in range(N_PERIODS):
        assert filtered.mean[t] == pytest.approx(given(system, t + 1)[0][t])
        mean, cov = given(system, t)
        assert filtered.predicted[t] == pytest.approx(mean[t])
        assert filtered.predicted_cov[t] == pytest.approx(cov[t, :, t])


def test_smoothed_states_have_the_moments_given_everything(system):
    info, score = collapsed(system)
    filtered, _ = filter_states(info, score, system[0], *system[3])
    smoothed = smooth_states(info, K, filtered)
    mean, cov = given(system, N_PERIODS)
    assert smoothed.mean == pytest.approx(mean)
    for t in range(N_PERIODS):
        assert smoothed.cov[t] == pytest.approx(cov[t, :, t])
    for t in range(N_PERIODS - 1):
        assert smoothed.cross[t] == pytest.approx(cov[t + 1, :K, t])


def test_the_deviance_is_that_of_the_joint_normal_distribution(system):
    mean, _, pick, observed = dense(system)
    _, _, noise, start, y = system
    left = y.ravel() - pick @ mean
    expected = left @ np.linalg.solve(observed, left) + np.linalg.slogdet(observed)[1]
    of_noise = np.sum(y**2 / noise) + N_PERIODS * np.log(noise).sum()
    assert of_noise + filter_states(*collapsed(system), system[0], *start)[1] == pytest.approx(expected)


def test_a_period_without_observations_is_a_prediction(system):
    info, score = collapsed(system)
    info[3], score[3] = 0.0, 0.0
    filtered, _ = filter_states(info, score, system[0], *system[3])
    assert filtered.mean[3] == pytest.approx(filtered.predicted[3])
    assert filtered.predicted[4] == pytest.approx(system[0].transition @ filtered.predicted[3])
