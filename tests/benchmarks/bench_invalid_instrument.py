"""Page ``invalid_instrument`` against linearmodels and DoubleML: the same numbers first, then the time."""

import numpy as np
import pytest
from paperlab.methods.foundations import linear
from paperlab.methods.foundations.forest import forest_predict
from paperlab.methods.instruments import crossfit, multiply_robust, scores, simulate
from paperlab.methods.instruments.nuisances import basis, fit_nuisances
from paperlab.methods.instruments.samples import Sample

REPS = 50


@pytest.fixture(scope="module")
def stack():
    return simulate.draw(2000, rng=np.random.default_rng(0), n_replications=REPS)


@pytest.fixture(scope="module")
def one():
    s = simulate.draw(8000, rng=np.random.default_rng(1))
    folds = crossfit.assign_folds(s.instrument, 5, rng=np.random.default_rng(0))
    return s, folds


def ours_2sls(s):
    b = basis(s.x, "quadratic")
    return linear.two_stage_least_squares(s.y, s.treatment[..., None], b, s.instrument[..., None])


def peer_2sls(s):
    from linearmodels.iv import IV2SLS

    b = basis(s.x, "quadratic")
    fits = [IV2SLS(s.y[r], b[r], s.treatment[r], s.instrument[r]).fit(cov_type="robust") for r in range(REPS)]
    return np.array([f.params.iloc[-1] for f in fits]), np.array([f.std_errors.iloc[-1] for f in fits])


@pytest.mark.benchmark(group="2SLS with robust errors, 50 samples of 2,000 (agree to 1e-8)")
def test_2sls_here(benchmark, stack):
    benchmark.extra_info.update(role="ours", label="stacked 2SLS", agreement="1e-8")
    fit = benchmark(ours_2sls, stack)
    peer_coef, peer_se = peer_2sls(stack)
    np.testing.assert_allclose(fit.coef[:, 0], peer_coef, atol=1e-8)
    np.testing.assert_allclose(fit.se[:, 0], peer_se, atol=1e-8)


@pytest.mark.benchmark(group="2SLS with robust errors, 50 samples of 2,000 (agree to 1e-8)")
def test_2sls_linearmodels(benchmark, stack):
    benchmark.extra_info.update(role="peer", label="linearmodels IV2SLS", agreement="1e-8")
    pytest.importorskip("linearmodels")
    benchmark.pedantic(peer_2sls, args=(stack,), rounds=3)


def linear_predictions(y, x, folds):
    """Out-of-fold least squares on ``(1, X)``, as DoubleML does with LinearRegression."""
    b = basis(x, "linear")
    out = np.empty((len(b), y.shape[1]))
    for k in np.unique(folds):
        out[folds == k] = b[folds == k] @ linear.least_squares(b[folds != k], y[folds != k])
    return out


def ours_plr(s, folds):
    y_hat, a_hat = linear_predictions(np.column_stack([s.y, s.treatment]), s.x, folds).T
    found = scores.partialling_out(s.y, s.treatment, y_hat, a_hat)
    return found.value, found.se


def peer_plr(s, folds):
    import doubleml
    from sklearn.linear_model import LinearRegression

    splits = [[(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]]
    data = doubleml.DoubleMLData.from_arrays(s.x, s.y, s.treatment)
    model = doubleml.DoubleMLPLR(data, LinearRegression(), LinearRegression(), draw_sample_splitting=False)
    model.set_sample_splitting(splits)
    model.fit()
    return model.coef[0], model.se[0]


@pytest.mark.benchmark(group="partially linear model, 5 folds, n = 8,000 (agree to 1e-8)")
def test_plr_here(benchmark, one):
    benchmark.extra_info.update(role="ours", label="partially linear score", agreement="1e-8")
    pytest.importorskip("doubleml")
    found = benchmark(ours_plr, *one)
    np.testing.assert_allclose(found, peer_plr(*one), atol=1e-8)


@pytest.mark.benchmark(group="partially linear model, 5 folds, n = 8,000 (agree to 1e-8)")
def test_plr_doubleml(benchmark, one):
    benchmark.extra_info.update(role="peer", label="DoubleMLPLR", agreement="1e-8")
    pytest.importorskip("doubleml")
    benchmark.pedantic(peer_plr, args=one, rounds=5)


def ours_late(s, folds):
    """Doubly robust Wald ratio with linear regressions in all five places."""
    y, a, z, b = s.y, s.treatment, s.instrument, basis(s.x, "linear")
    both = np.column_stack([y, a])
    fits = np.empty((3, len(y), 2))
    for k in np.unique(folds):
        train, test = folds != k, folds == k
        for arm in (0, 1):
            rows = train & (z == arm)
            fits[arm, test] = b[test] @ linear.least_squares(b[rows], both[rows])
        fits[2, test, 0] = b[test] @ linear.least_squares(b[train], z[train])
    named = {("mu", 0): fits[0, :, 0], ("mu", 1): fits[1, :, 0], ("p", 0): fits[0, :, 1], ("p", 1): fits[1, :, 1]}
    predictions = {(*key, "linear"): values for key, values in named.items()} | {("pi", "linear"): fits[2, :, 0]}
    found = scores.interactive_late(s, predictions, "linear")
    return found.value, found.se


def peer_late(s, folds):
    import doubleml
    from sklearn.base import ClassifierMixin
    from sklearn.linear_model import LinearRegression

    class LinearProbability(ClassifierMixin, LinearRegression):
        """Least squares that answers to ``predict_proba``."""

        def fit(self, x, y):
            self.classes_ = np.unique(y)
            return super().fit(x, y)

        def predict_proba(self, x):
            p = LinearRegression.predict(self, x)
            return np.column_stack([1 - p, p])

    splits = [[(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in np.unique(folds)]]
    data = doubleml.DoubleMLData.from_arrays(s.x, s.y, s.treatment, z=s.instrument)
    model = doubleml.DoubleMLIIVM(
        data, LinearRegression(), LinearProbability(), LinearProbability(), draw_sample_splitting=False
    )
    model.set_sample_splitting(splits)
    model.fit()
    return model.coef[0], model.se[0]


@pytest.mark.benchmark(group="doubly robust Wald ratio, 5 folds, n = 8,000 (agree to 1e-8)")
def test_late_here(benchmark, one):
    benchmark.extra_info.update(role="ours", label="doubly robust Wald ratio", agreement="1e-8")
    pytest.importorskip("doubleml")
    found = benchmark(ours_late, *one)
    np.testing.assert_allclose(found, peer_late(*one), atol=1e-8)


@pytest.mark.benchmark(group="doubly robust Wald ratio, 5 folds, n = 8,000 (agree to 1e-8)")
def test_late_doubleml(benchmark, one):
    benchmark.extra_info.update(role="peer", label="DoubleMLIIVM", agreement="1e-8")
    pytest.importorskip("doubleml")
    benchmark.pedantic(peer_late, args=one, rounds=5)


@pytest.mark.benchmark(group="multiply robust estimator, 50 samples of 2,000 (agree to 1e-9)")
def test_multiply_robust_stacked(benchmark, stack):
    benchmark.extra_info.update(role="ours", label="all samples in one call", agreement="1e-9")
    found = benchmark(lambda: multiply_robust.estimate(stack, fit_nuisances(stack)).value)
    np.testing.assert_allclose(found, one_by_one(stack), atol=1e-9)


def one_by_one(stack):
    values = []
    for r in range(REPS):
        s = Sample(stack.y[r], stack.treatment[r], stack.instrument[r], stack.x[r])
        values.append(multiply_robust.estimate(s, fit_nuisances(s)).value)
    return np.array(values)


@pytest.mark.benchmark(group="multiply robust estimator, 50 samples of 2,000 (agree to 1e-9)")
def test_multiply_robust_loop(benchmark, stack):
    benchmark.extra_info.update(role="peer", label="own code, one sample at a time", agreement="1e-9")
    benchmark(one_by_one, stack)


FOREST_GROUP = "forest of 40 trees, 1,000 units, 2 covariates (correlation above 0.98)"


@pytest.fixture(scope="module")
def curve():
    rng = np.random.default_rng(2)
    x, new = rng.uniform(-1, 1, (1000, 2)), rng.uniform(-1, 1, (1000, 2))
    return x, np.sin(3 * x[:, 0]) + np.cos(3 * x[:, 1]) + rng.normal(0, 0.5, 1000), new


def peer_forest(x, y, new):
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(40, min_samples_leaf=25, max_samples=0.5, random_state=0)
    return model.fit(x, y).predict(new)


@pytest.mark.benchmark(group=FOREST_GROUP)
def test_forest_here(benchmark, curve):
    benchmark.extra_info.update(role="ours", label="numba forest", agreement="correlation of predictions above 0.98")
    found = benchmark(forest_predict, *curve, rng=0)
    assert np.corrcoef(found, peer_forest(*curve))[0, 1] > 0.98


@pytest.mark.benchmark(group=FOREST_GROUP)
def test_forest_sklearn(benchmark, curve):
    benchmark.extra_info.update(
        role="peer", label="scikit-learn forest", agreement="correlation of predictions above 0.98"
    )
    benchmark(peer_forest, *curve)
