import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from doubleml import DoubleMLData, DoubleMLIRM
from linearmodels.panel import PanelOLS
from paperlab.methods.foundations import linear, metrics
from paperlab.methods.weighting import effects as wt
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 4))
    e = 1 / (1 + np.exp(0.7 - 0.8 * x[:, 0]))
    w = (rng.random(1500) < e).astype(float)
    y = 2 * x[:, 0] + x[:, 1] + 1.5 * w + rng.standard_normal(1500)
    return x, w, y, e


def test_logit_equals_scikit_learn(data):
    x, w, *_ = data
    z = (x - x.mean(0)) / x.std(0)
    for c in (0.01, 1.0):
        peer = LogisticRegression(C=c, tol=1e-10, max_iter=1000).fit(z, w).predict_proba(z)[:, 1]
        np.testing.assert_allclose(linear.ridge_logit(x, w, c)(x), peer, atol=1e-6)


def test_propensity_is_out_of_fold_with_the_scaler_inside(data):
    x, w, *_ = data
    folds = np.arange(1500) % 3
    e = wt.propensity(x, w, folds, 1.0)
    moved, outlier = x.copy(), folds == 0
    moved[np.flatnonzero(outlier)[0]] = 1000.0
    changed = wt.propensity(moved, w, folds, 1.0)
    same = outlier.copy()
    same[np.flatnonzero(outlier)[0]] = False
    np.testing.assert_array_equal(changed[same], e[same])
    assert not np.allclose(changed[~outlier], e[~outlier])


def test_groups_stay_in_one_fold():
    groups = np.repeat(np.arange(30), 7)
    folds = wt.folds_of(210, 3, np.random.default_rng(0), groups)
    assert all(len(np.unique(folds[groups == g])) == 1 for g in range(30))
    assert np.bincount(folds).tolist() == [70, 70, 70]


def test_hajek_is_weighted_least_squares(data):
    _, w, y, e = data
    weights = np.where(w == 1, 1 / e, 1 / (1 - e))
    model = sm.WLS(y, sm.add_constant(w), weights=weights).fit(cov_type="HC0")
    found = wt.hajek(y, w, e, clip=0.0)
    assert found.value == pytest.approx(model.params[1], abs=1e-10)
    assert found.se == pytest.approx(model.bse[1], abs=1e-10)
    assert found.value == pytest.approx(1.5, abs=0.3)
    naive = y[w == 1].mean() - y[w == 0].mean()
    assert naive > 2.3
    assert wt.hajek(y, w, np.full(1500, 0.4)).value == pytest.approx(naive)


def test_clipping_is_counted_and_shrinks_weights(data):
    _, w, y, e = data
    tight = wt.hajek(y, w, e, clip=0.3)
    assert tight.clipped == ((e < 0.3) | (e > 0.7)).sum()
    assert tight.effective[0] > wt.hajek(y, w, e, clip=0.0).effective[0]
    assert wt.hajek(y, w, np.full(1500, 0.5)).effective[0] == pytest.approx(w.sum())


def test_doubly_robust_equals_doubleml_on_the_same_predictions(data):
    x, w, y, _ = data
    folds = wt.folds_of(1500, 3, np.random.default_rng(1))
    e = np.clip(wt.propensity(x, w, folds, 1.0), 0.02, 0.98)
    g0, g1 = wt.outcome_predictions(x, y, w, folds)
    peer = DoubleMLIRM(DoubleMLData.from_arrays(x, y, w), DummyRegressor(), DummyClassifier(), n_folds=3)
    predictions = {"d": {"ml_g0": g0[:, None], "ml_g1": g1[:, None], "ml_m": e[:, None]}}
    peer.fit(external_predictions=predictions)
    ours = wt.augmented(y, w, e, g0, g1, clip=0.0)
    assert ours.value == pytest.approx(peer.coef[0], abs=1e-8)
    assert ours.se == pytest.approx(peer.se[0], rel=1e-6)
    assert ours.value == pytest.approx(1.5, abs=0.2)


def test_doubly_robust_survives_one_wrong_model(data):
    x, w, y, e = data
    folds = wt.folds_of(1500, 3, np.random.default_rng(2))
    g0, g1 = wt.outcome_predictions(x, y, w, folds)
    flat = np.full(1500, w.mean())
    assert wt.augmented(y, w, flat, g0, g1).value == pytest.approx(1.5, abs=0.2)
    assert wt.augmented(y, w, e, 0 * y, 0 * y).value == pytest.approx(1.5, abs=0.4)
    assert wt.augmented(y, w, flat, 0 * y + y.mean(), 0 * y + y.mean()).value > 2


def test_recalibration_undoes_over_confidence():
    rng = np.random.default_rng(4)
    odds = rng.standard_normal(20_000)
    w = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)
    e, slope = wt.recalibrated(1 / (1 + np.exp(-2 * odds)), w)
    assert slope == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(e, 1 / (1 + np.exp(-odds)), atol=0.02)


def test_auc_equals_scikit_learn_with_ties(data):
    _, w, *_ = data
    score = np.round(np.random.default_rng(5).random(1500) + 0.2 * w, 1)
    assert metrics.auc(score, w) == pytest.approx(roc_auc_score(w, score))


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(6)
    w = (rng.random((200, 1)) < 0.3) & (np.arange(5) >= rng.integers(1, 5, (200, 1)))
    w = w.astype(float)
    noise = rng.standard_normal((200, 5)).cumsum(1)
    return 3 * rng.standard_normal((200, 1)) + np.arange(5) + 2 * w + noise, w


def test_fixed_effects_equal_linearmodels(panel):
    y, w = panel
    index = pd.MultiIndex.from_product([range(200), range(5)])
    frame = pd.DataFrame({"y": y.ravel(), "w": w.ravel()}, index=index)
    peer = PanelOLS(frame["y"], frame[["w"]], entity_effects=True, time_effects=True).fit(
        cov_type="clustered", cluster_entity=True, count_effects=True
    )
    tau, se = wt.fixed_effects(y, w)
    assert tau == pytest.approx(peer.params["w"], abs=1e-8)
    assert se == pytest.approx(peer.std_errors["w"], rel=1e-8)


def test_fixed_effects_ignore_levels_and_common_shocks(panel):
    y, w = panel
    shifted = y + np.arange(200)[:, None] + np.array([0, 5, -3, 2, 9])
    assert wt.fixed_effects(shifted, w)[0] == pytest.approx(wt.fixed_effects(y, w)[0])


def test_no_switchers_are_refused(panel):
    y, w = panel
    with pytest.raises(ValueError, match="not identified; use weighting"):
        wt.fixed_effects(y, np.repeat(w[:, -1:], 5, 1))
    with pytest.raises(ValueError, match="both must be"):
        wt.fixed_effects(y, w[:, :3])


def test_bad_input_names_donor_and_sector(data):
    x, w, y, e = data
    few = np.zeros(1500)
    few[:12] = 1
    folds = np.arange(1500) % 3
    with pytest.raises(ValueError, match="China, Energy: 12 treated and 1488 untreated units; at least 20"):
        wt.propensity(x, few, folds, 1.0, "China, Energy")
    lumped = np.zeros(1500)
    lumped[folds == 0] = 1
    with pytest.raises(ValueError, match="China, Energy: one class only outside fold 0"):
        wt.propensity(x, lumped, folds, 1.0, "China, Energy")
    with pytest.raises(ValueError, match="China, Energy: 1 propensities are 0 or 1"):
        wt.hajek(y, w, np.r_[0.0, e[1:]], clip=0.0, label="China, Energy")
    with pytest.raises(ValueError, match="treatment must be 0 or 1"):
        wt.propensity(x, w + 1, folds, 1.0)
    with pytest.raises(ValueError, match="C = 0"):
        wt.propensity(x, w, folds, 0)
    with pytest.raises(ValueError, match=r"clip = 0.5"):
        wt.hajek(y, w, e, clip=0.5)
