"""Kernels of the adjustment ladder: ridge logit by Newton, fixed effects of a balanced panel, doubly robust means."""

import numpy as np
import pandas as pd
import pytest
from linearmodels.panel import PanelOLS
from paperlab.methods.foundations.logistic import ridge_logistic
from paperlab.methods.weighting import effects, images, simulate
from sklearn.linear_model import LogisticRegression

logit = pytest.mark.benchmark(group="ridge logit, 2,000 places, 101 columns")
panel = pytest.mark.benchmark(group="two-way fixed effects, 4,000 places, 4 periods")


@pytest.fixture(scope="module")
def placement():
    rng = np.random.default_rng(0)
    b = rng.standard_normal(2000)
    places = simulate.Places.draw(b, rng=rng)
    x = np.hstack([places.x, images.random_features(simulate.draw_chips(b, rng=rng), rng=rng)])
    return x, places.assign(simulate.Donor("a", 1.0, 0.2, 1.0), rng=rng)


def peer_logit(x, w):
    z = (x - x.mean(0)) / x.std(0)
    return LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(z, w).predict_proba(z)[:, 1]


@logit
def test_newton(benchmark, placement):
    x, w = placement
    e = benchmark(lambda: ridge_logistic(x, w, c=1.0).probability(x))
    difference = np.abs(e - peer_logit(x, w)).max()
    assert difference < 1e-3
    benchmark.extra_info.update(role="ours", label="Newton", agreement=f"max. difference {difference:.0e}")


@logit
def test_scikit_learn(benchmark, placement):
    benchmark.pedantic(peer_logit, placement, rounds=5, iterations=1)
    benchmark.extra_info.update(role="peer", label="scikit-learn (lbfgs)", agreement="")


@pytest.fixture(scope="module")
def wealth():
    panel = simulate.draw_panel(4000, rng=np.random.default_rng(1))
    return panel.imputed, panel.treatment


def peer_panel(y, w):
    index = pd.MultiIndex.from_product([range(y.shape[0]), range(y.shape[1])])
    frame = pd.DataFrame({"y": y.ravel(), "w": w.ravel()}, index=index)
    model = PanelOLS(frame["y"], frame[["w"]], entity_effects=True, time_effects=True)
    fit = model.fit(cov_type="clustered", cluster_entity=True, count_effects=True)
    return fit.params["w"], fit.std_errors["w"]


@panel
def test_within(benchmark, wealth):
    found = benchmark(effects.fixed_effects, *wealth)
    difference = np.abs(np.subtract((found.value, found.se), peer_panel(*wealth))).max()
    assert difference < 1e-8
    benchmark.extra_info.update(
        role="ours", label="within transformation", agreement=f"max. difference {difference:.0e}"
    )


@panel
def test_linearmodels(benchmark, wealth):
    benchmark.pedantic(peer_panel, wealth, rounds=5, iterations=1)
    benchmark.extra_info.update(role="peer", label="linearmodels", agreement="")
