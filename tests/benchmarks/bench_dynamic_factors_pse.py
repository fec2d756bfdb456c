"""Page ``dynamic_factors_pse``: EM on collapsed observations against statsmodels' DynamicFactorMQ.

The panel is made up in the size of the real one (72 stocks x 1,457 days), with as many gaps; one thread, same start,
same number of steps.
"""

import time
import warnings

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.dynamic_factors import model
from statsmodels.tsa.statespace.dynamic_factor_mq import DynamicFactorMQ

STEPS, ORDER = 10, 3


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(2021)
    factor = rng.standard_normal(1457)
    y = np.outer(rng.uniform(0.2, 1.5, 72), factor) + rng.uniform(1, 2, (72, 1)) * rng.standard_normal((72, 1457))
    y.ravel()[rng.choice(y.size, 114, replace=False)] = np.nan
    return y


def peer_fit(y):
    start = model.start_parameters(model.standardise(y).z, 1, ORDER)
    vector = np.concatenate(
        [start.loadings.ravel(), start.transition.ravel(), np.sqrt(start.shock_cov.ravel()), start.noise_var]
    )
    peer = DynamicFactorMQ(pd.DataFrame(y.T), factors=1, factor_orders=ORDER, idiosyncratic_ar1=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return peer.fit(vector, maxiter=STEPS, tolerance=0, disp=False)


def our_fit(y):
    return model.fit(y, 1, ORDER, max_iter=STEPS)


@pytest.mark.benchmark(group="dynamic factor model, 72 stocks x 1,457 days")
def test_ours(benchmark, panel):
    our_fit(panel[:, :100])
    benchmark.extra_info.update(
        role="ours", label=f"collapsed Kalman smoother, {STEPS} EM steps", agreement="log-likelihood 1e-10 relative"
    )
    benchmark.pedantic(our_fit, args=(panel,), rounds=5)


@pytest.mark.benchmark(group="dynamic factor model, 72 stocks x 1,457 days")
def test_peer(benchmark, panel):
    ours = our_fit(panel)
    start = time.perf_counter()
    our_fit(panel)
    seconds = time.perf_counter() - start
    benchmark.extra_info.update(
        role="peer", label="statsmodels DynamicFactorMQ", agreement="log-likelihood 1e-10 relative"
    )
    peer = benchmark.pedantic(peer_fit, args=(panel,), rounds=1)
    np.testing.assert_allclose(ours.path, peer.mle_retvals.llf[:STEPS], rtol=1e-10)
    assert abs(np.corrcoef(ours.smoothed[:, 0], np.asarray(peer.factors.smoothed)[:, 0])[0, 1]) > 0.9999
    assert benchmark.stats.stats.median > 10 * seconds
