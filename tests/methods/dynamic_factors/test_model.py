"""Dynamic factor model: facts, limits, agreement with statsmodels, traps, bad input."""

import warnings

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.dynamic_factors import em, model
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov


def simulate(rng, n=12, T=240, ar=(0.6,), noise_ar=0.0, gaps=0.02):
    """One factor, independent noise, a few gaps; returns panel and factor."""
    f = np.zeros(T)
    for t in range(T):
        f[t] = sum(a * f[t - j - 1] for j, a in enumerate(ar) if t > j) + rng.standard_normal()
    noise = rng.standard_normal((n, T))
    for t in range(1, T):
        noise[:, t] += noise_ar * noise[:, t - 1]
    y = rng.uniform(0.5, 1.5, n)[:, None] * f + rng.uniform(0.5, 1.5, n)[:, None] * noise
    y[rng.random(y.shape) < gaps] = np.nan
    return y, f


@pytest.fixture(scope="module")
def panel():
    return simulate(np.random.default_rng(7))


def test_loglikelihood_is_that_of_the_joint_normal_distribution():
    rng = np.random.default_rng(1)
    y, _ = simulate(rng, n=10, T=25)
    parameters = model.Parameters(
        rng.standard_normal((10, 2)),
        np.array([[0.5, 0.1, 0.2, 0.0], [0.0, 0.3, -0.1, 0.1]]),
        np.array([[1.0, 0.3], [0.3, 0.5]]),
        rng.uniform(0.5, 2, 10),
        np.zeros(10),
    )
    _, transition, shock = em._companion(parameters, 2)
    state = solve_discrete_lyapunov(transition, shock)
    cov = np.empty((25, 10, 25, 10))
    for s in range(25):
        ahead = state
        for t in range(s, 25):
            block = parameters.loadings @ ahead[:2, :2] @ parameters.loadings.T
            cov[t, :, s] = block + (t == s) * np.diag(parameters.noise_var)
            cov[s, :, t] = cov[t, :, s].T
            ahead = transition @ ahead
    seen = np.isfinite(y.T).ravel()
    expected = stats.multivariate_normal(cov=cov.reshape(250, 250)[np.ix_(seen, seen)]).logpdf(y.T.ravel()[seen])
    assert model.smooth(y, parameters).loglike == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("k, p", [(1, 3), (2, 2)])
def test_em_agrees_with_statsmodels_at_every_step(panel, k, p):
    mq = pytest.importorskip("statsmodels.tsa.statespace.dynamic_factor_mq")
    y, _ = panel
    ours = model.fit(y, k, p, max_iter=8)
    start = model.start_parameters(model.standardise(y).z, k, p)
    root = np.linalg.cholesky(start.shock_cov)[np.tril_indices(k)]
    vector = np.concatenate([start.loadings.ravel(), start.transition.ravel(), root, start.noise_var])
    other = mq.DynamicFactorMQ(
        pd.DataFrame(y.T), factors=1, factor_multiplicities=k, factor_orders=p, idiosyncratic_ar1=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = other.fit(vector, maxiter=8, tolerance=0, disp=False)
        stationary = other.smooth(peer.params)  # the peer's own result keeps the initial state of its last step
    np.testing.assert_allclose(ours.path, peer.mle_retvals.llf[:8], rtol=1e-10)
    assert ours.loglike == pytest.approx(stationary.llf, rel=1e-10)
    for j in range(k):
        assert abs(np.corrcoef(ours.smoothed[:, j], np.asarray(stationary.factors.smoothed)[:, j])[0, 1]) > 0.9999


@pytest.mark.parametrize("noise_ar", [False, True])
def test_em_never_lowers_the_likelihood_and_finds_the_parameters(noise_ar):
    y, f = simulate(np.random.default_rng(3), n=15, T=600, ar=(0.7,), noise_ar=0.5 * noise_ar)
    result = model.fit(y, 1, 1, noise_ar=noise_ar, max_iter=40)
    assert np.diff(result.path)[2:].min() > -1e-6
    assert result.parameters.transition[0, 0] == pytest.approx(0.7, abs=0.08)
    assert result.parameters.noise_ar.mean() == pytest.approx(0.5 * noise_ar, abs=0.06)
    assert np.corrcoef(result.smoothed[:, 0], f)[0, 1] > 0.95


def test_bic_calls_for_memory_in_the_noise_only_where_there_is_some():
    for memory in (0.0, 0.4):
        y, _ = simulate(np.random.default_rng(5), T=400, noise_ar=memory)
        with_memory, without = (model.fit(y, 1, 1, noise_ar=m, max_iter=15) for m in (True, False))
        assert (model.bic(with_memory, y) < model.bic(without, y)) == (memory > 0)


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 100.0])
def test_loadings_scale_with_the_units_of_a_stock_and_factors_do_not(panel, unit):
    y, _ = panel
    a, b = model.fit(y, max_iter=5), model.fit(y * np.r_[unit, np.ones(11)][:, None] + 3 * unit, max_iter=5)
    np.testing.assert_allclose(a.smoothed, b.smoothed, atol=1e-8)
    np.testing.assert_allclose(b.data_loadings[0], unit * a.data_loadings[0], rtol=1e-7)


def test_order_of_units_does_not_matter(panel):
    y, _ = panel
    a, b = model.fit(y, max_iter=5), model.fit(y[::-1], max_iter=5)
    assert b.loglike == pytest.approx(a.loglike, rel=1e-10)
    np.testing.assert_allclose(b.parameters.noise_var[::-1], a.parameters.noise_var, rtol=1e-8)


def test_loglikelihood_with_memory_is_that_of_the_differences_from_the_past():
    """y_t - rho y_{t-1} of every unit is normal, given by two values of the factor and a fresh shock."""
    rng = np.random.default_rng(4)
    y, rho = rng.standard_normal((10, 8)), rng.uniform(0.2, 0.7, 10)
    parameters = em.Parameters(rng.standard_normal((10, 1)), np.array([[0.6]]), np.eye(1), rng.uniform(0.5, 2, 10), rho)
    factor_cov = 0.6 ** np.abs(np.subtract.outer(range(8), range(8))) / (1 - 0.36)
    mix = np.kron(np.eye(8)[1:], np.eye(10)) - np.kron(np.eye(8)[:-1], np.diag(rho))
    loadings = np.kron(np.eye(8), parameters.loadings)
    cov = mix @ loadings @ factor_cov @ loadings.T @ mix.T + np.kron(np.eye(7), np.diag(parameters.noise_var))
    expected = stats.multivariate_normal(cov=cov).logpdf(mix @ y.T.ravel())
    assert model.smooth(y, parameters).loglike == pytest.approx(expected, rel=1e-10)


def test_smoothed_factors_use_the_future_and_filtered_ones_do_not(panel):
    y, _ = panel
    fitted = model.fit(y, 1, 2, max_iter=5)
    z = model.standardise(y).z
    changed = z.copy()
    changed[:, 150:] += 5
    a, b = (model.smooth(x, fitted.parameters) for x in (z, changed))
    np.testing.assert_allclose(a.filtered[:150], b.filtered[:150], atol=1e-12)
    assert np.abs(a.smoothed[149] - b.smoothed[149]).max() > 0.01


def test_a_gap_is_not_a_zero_return():
    y, f = simulate(np.random.default_rng(9), gaps=0.4)
    kept = model.fit(y, max_iter=20).smoothed[:, 0]
    filled = model.fit(np.where(np.isnan(y), 0.0, y), max_iter=20).smoothed[:, 0]
    assert np.corrcoef(kept, f)[0, 1] > np.corrcoef(filled, f)[0, 1]


def test_weights_of_one_change_nothing_and_a_tiny_weight_is_a_gap(panel):
    y, _ = panel
    full = np.where(np.isnan(y), 1.0, y)
    parameters = model.start_parameters(model.standardise(full).z, 1, 1)
    plain = model.smooth(full, parameters)
    assert model.smooth(full, parameters, weights=np.ones_like(full)).loglike == pytest.approx(plain.loglike)
    tiny = np.where(np.isnan(y), 1e-12, 1.0)
    np.testing.assert_allclose(
        model.smooth(full, parameters, weights=tiny).smoothed,
        model.smooth(y, parameters).smoothed,
        atol=1e-8,
    )


def test_em_stops_where_the_likelihood_has_settled(panel):
    loose = model.fit(panel[0], max_iter=200, tol=1e-5)
    assert loose.converged and len(loose.path) < 200
    assert abs(np.diff(loose.path)[-1]) < 1e-5 * abs(loose.path[-1]) < abs(np.diff(loose.path)[-2])
    assert not model.fit(panel[0], max_iter=3).converged


def test_a_copy_of_a_unit_is_a_heywood_case():
    y, _ = simulate(np.random.default_rng(2), n=10, T=300, gaps=0.0)
    model.fit(y, max_iter=5)
    y = np.vstack([y, y[3] + 1e-4 * np.random.default_rng(0).standard_normal(300)])
    with pytest.warns(model.HeywoodWarning, match=r"unit (3|10) keeps .* of its variance"):
        model.fit(y, 2, max_iter=200)


def test_bic_counts_loadings_variances_and_the_autoregression():
    y, _ = simulate(np.random.default_rng(5), T=300)
    fitted = model.fit(y, 2, 2, noise_ar=True, max_iter=3)
    n_free = 12 * 2 - 1 + 12 + 2 * 4 + 12  # loadings but one rotation, variances, autoregression, memory
    assert model.bic(fitted, y) == pytest.approx(-2 * fitted.loglike + np.log(300) * n_free)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"n_factors": 3}, r"n_factors must be between 1 and n_units / 5 = 2.4, got 3"),
        ({"factor_order": 0}, "factor_order must be between 1 and 24"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"weights": np.zeros((12, 240))}, "weights must be positive"),
        ({"weights": np.ones((12, 5))}, "have the shape of y"),
    ],
)
def test_fit_refuses(panel, change, words):
    with pytest.raises(ValueError, match=words):
        model.fit(panel[0], **change)


@pytest.mark.parametrize(
    "value, words",
    [
        (np.nan, "unit 4 has 0 observations"),
        (2.0, "unit 4 is constant"),
        (1e-9 * (1 + 1e-14 * np.arange(240)), "unit 4 is constant"),
        (np.r_[np.inf, np.arange(239)], "y is inf for unit 4 in period 0"),
        (np.where(np.arange(240) % 2, np.nan, np.arange(240.0)), "unit 4 has 0 cells with a predecessor"),
    ],
)
def test_fit_refuses_units_that_say_nothing(panel, value, words):
    y = panel[0].copy()
    y[4] = value
    with pytest.raises(ValueError, match=words):
        model.fit(y, noise_ar=True)


def test_a_unit_that_the_components_fit_exactly_is_named():
    f = np.random.default_rng(0).standard_normal(60)
    with pytest.raises(ValueError, match="1 components fit unit 0 exactly"):
        model.fit(np.outer(np.arange(1.0, 7), f))


def test_smooth_and_bic_refuse_what_does_not_fit(panel):
    y, _ = panel
    fitted = model.fit(y, max_iter=2)
    walk = em.Parameters(np.ones((12, 1)), np.eye(1), np.eye(1), np.ones(12), np.zeros(12))
    cases = [
        (lambda: model.smooth(y[:5], fitted.parameters), "must have the 12 units of the parameters, got 5"),
        (lambda: model.smooth(y, walk), "transition must be stationary"),
        (
            lambda: model.smooth(
                y, em.Parameters(*(np.ones((12, 1)), 0.5 * np.eye(1), np.eye(1), np.zeros(12), np.zeros(12)))
            ),
            "noise_var of unit 0 must be positive",
        ),
        (lambda: model.smooth(y, fitted.parameters, weights=-np.ones_like(y)), "weights must be positive"),
        (lambda: model.bic(fitted, y[:, :9]), "must be the panel that was fitted, 240 periods"),
        (lambda: model.fit(y, 2, start=fitted.parameters), "start must be parameters of 12 units and 2 factors"),
    ]
    for call, words in cases:
        with pytest.raises(ValueError, match=words):
            call()
