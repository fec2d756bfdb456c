"""Weighting estimators: closed forms, what they survive, units, labels, and what is refused by name."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from doubleml import DoubleMLData, DoubleMLIRM
from linearmodels.panel import PanelOLS
from paperlab.methods.weighting import effects, propensity
from sklearn.dummy import DummyClassifier, DummyRegressor


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 4))
    e = 1 / (1 + np.exp(0.7 - 0.8 * x[:, 0]))
    w = (rng.random(1500) < e).astype(float)
    y = 2 * x[:, 0] + x[:, 1] + 1.5 * w + rng.standard_normal(1500)
    return x, w, y, e


# Hajek and doubly robust means


def test_hajek_by_hand():
    found = effects.hajek([2.0, 5, 1, 2], [1, 1, 0, 0], [0.5, 0.25, 0.5, 0.5])
    assert found.value == pytest.approx((2 * 2 + 5 * 4) / 6 - 1.5)  # weights 2, 4 and 2, 2
    assert found.se == pytest.approx(np.sqrt((4 * 2**2 + 16 * 1**2) / 36 + (4 * 0.25 + 4 * 0.25) / 16))
    assert found.effective_treated == pytest.approx(36 / 20)
    assert found.effective_untreated == pytest.approx(2)
    assert found.n_clipped == 0


def test_hajek_is_weighted_least_squares(data):
    _, w, y, e = data
    weights = np.where(w == 1, 1 / e, 1 / (1 - e))
    model = sm.WLS(y, sm.add_constant(w), weights=weights).fit(cov_type="HC0")
    found = effects.hajek(y, w, e, clip=0.0)
    assert found.value == pytest.approx(model.params[1], abs=1e-10)
    assert found.se == pytest.approx(model.bse[1], abs=1e-10)


def test_true_propensities_remove_the_bias_and_flat_ones_do_not(data):
    _, w, y, e = data
    assert effects.hajek(y, w, e).value == pytest.approx(1.5, abs=0.3)
    naive = y[w == 1].mean() - y[w == 0].mean()
    assert naive > 2.3
    assert effects.hajek(y, w, np.full(1500, 0.4)).value == pytest.approx(naive)


@pytest.mark.parametrize("estimate", ["hajek", "aipw"])
def test_effects_follow_the_outcome_and_turn_with_the_arms(data, estimate):
    x, w, y, e = data
    outcomes = effects.predict_outcomes(x, y, w, np.arange(1500) % 3)

    def run(scale, shift, flip=False):
        g0, g1 = shift + scale * outcomes.g0, shift + scale * outcomes.g1
        arms = (1 - w, 1 - e, effects.Outcomes(g1, g0)) if flip else (w, e, effects.Outcomes(g0, g1))
        inputs = arms[:2] if estimate == "hajek" else arms
        return getattr(effects, estimate)(shift + scale * y, *inputs)

    base, moved, turned = run(1, 0), run(1e-6, 3e-6), run(1, 0, flip=True)
    assert moved.value == pytest.approx(1e-6 * base.value, rel=1e-9)
    assert moved.se == pytest.approx(1e-6 * base.se, rel=1e-9)
    assert turned.value == pytest.approx(-base.value)
    assert turned.effective_treated == pytest.approx(base.effective_untreated)


def test_clipping_is_counted_and_shrinks_weights(data):
    _, w, y, e = data
    tight, loose = effects.hajek(y, w, e, clip=0.3), effects.hajek(y, w, e, clip=0.0)
    assert tight.n_clipped == ((e < 0.3) | (e > 0.7)).sum()
    assert tight.value == effects.hajek(y, w, np.clip(e, 0.3, 0.7), clip=0.0).value
    assert tight.effective_treated > loose.effective_treated
    equal = effects.hajek(y, w, np.full(1500, 0.5))
    assert equal.effective_treated == pytest.approx(w.sum())
    assert equal.effective_untreated == pytest.approx((1 - w).sum())


@pytest.mark.parametrize(
    "estimate", [effects.hajek, lambda y, w, e, **o: effects.aipw(y, w, e, effects.Outcomes(y, y), **o)]
)
def test_bad_weights_are_refused_by_name(data, estimate):
    _, w, y, e = data
    row = np.arange(1500)
    name = {"name": "China, Energy"}
    with pytest.raises(ValueError, match="China, Energy: y is nan in row 3"):
        estimate(np.where(row == 3, np.nan, y), w, e, **name)
    with pytest.raises(ValueError, match="China, Energy: propensity is nan in row 3"):
        estimate(y, w, np.where(row == 3, np.nan, e), **name)
    with pytest.raises(ValueError, match=r"propensity must lie in \[0, 1\], got 1.2 in row 3; give chances"):
        estimate(y, w, np.where(row == 3, 1.2, e), **name)
    with pytest.raises(ValueError, match="China, Energy: 1 propensities are 0 or 1"):
        estimate(y, w, np.r_[0.0, e[1:]], clip=0.0, **name)
    with pytest.raises(ValueError, match="China, Energy: treatment is 1 in all 1500 units"):
        estimate(y, np.ones(1500), e, **name)
    with pytest.raises(ValueError, match=r"China, Energy: treatment must be 0 or 1, got 0\.5"):
        estimate(y, 0.5 * w, e, **name)
    with pytest.raises(ValueError, match="propensity must have one entry for each of 1500"):
        estimate(y, w, e[1:], **name)
    for clip in (0.5, -0.1):
        with pytest.raises(ValueError, match=rf"clip must lie in \[0, 0.5\), got {clip}"):
            estimate(y, w, e, clip=clip)


def test_doubly_robust_survives_one_wrong_model(data):
    x, w, y, e = data
    good = effects.predict_outcomes(x, y, w, propensity.folds_of(1500, 3, rng=np.random.default_rng(2)))
    flat, nothing = np.full(1500, w.mean()), effects.Outcomes(0 * y, 0 * y)
    assert effects.aipw(y, w, flat, good).value == pytest.approx(1.5, abs=0.2)
    assert effects.aipw(y, w, e, nothing).value == pytest.approx(1.5, abs=0.4)
    assert effects.aipw(y, w, flat, effects.Outcomes(0 * y + y.mean(), 0 * y + y.mean())).value > 2


def test_doubly_robust_equals_doubleml_on_the_same_predictions(data):
    x, w, y, _ = data
    folds = propensity.folds_of(1500, 3, rng=np.random.default_rng(1))
    e = np.clip(propensity.propensity(x, w, folds, c=1.0), 0.02, 0.98)
    outcomes = effects.predict_outcomes(x, y, w, folds)
    peer = DoubleMLIRM(DoubleMLData.from_arrays(x, y, w), DummyRegressor(), DummyClassifier(), n_folds=3)
    parts = {"ml_g0": outcomes.g0, "ml_g1": outcomes.g1, "ml_m": e}
    peer.fit(external_predictions={"d": {name: part[:, None] for name, part in parts.items()}})
    ours = effects.aipw(y, w, e, outcomes, clip=0.0)
    assert ours.value == pytest.approx(peer.coef[0], abs=1e-8)
    assert ours.se == pytest.approx(peer.se[0], rel=1e-6)


def test_outcomes_are_predicted_out_of_fold_by_arm(data):
    x, w, y, _ = data
    folds = np.arange(1500) % 3
    line = x @ [2.0, 1, 0, 0] + 1.5 * w
    exact = effects.predict_outcomes(x, line, w, folds, penalty=1e-9)
    np.testing.assert_allclose(exact.g1 - exact.g0, 1.5, atol=1e-6)
    np.testing.assert_allclose(np.where(w == 1, exact.g1, exact.g0), line, atol=1e-6)
    strong = effects.predict_outcomes(x, y, w, folds, penalty=1e12)
    np.testing.assert_allclose(strong.g1[folds == 0], y[(folds > 0) & (w == 1)].mean(), atol=1e-6)
    moved = np.where(folds == 0, y + 100, y)
    np.testing.assert_array_equal(
        effects.predict_outcomes(x, moved, w, folds).g0[folds == 0],
        effects.predict_outcomes(x, y, w, folds).g0[folds == 0],
    )
    constant = np.column_stack([x, np.full(1500, 0.1)])
    np.testing.assert_allclose(
        effects.predict_outcomes(constant, y, w, folds).g1, effects.predict_outcomes(x, y, w, folds).g1
    )


def test_bad_outcome_models_are_refused(data):
    x, w, y, e = data
    folds = np.arange(1500) % 3
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        effects.predict_outcomes(x, y, w, folds, penalty=0)
    with pytest.raises(ValueError, match="Bank: one class only outside fold 0"):
        effects.predict_outcomes(x, y, folds == 0, folds, name="Bank")
    with pytest.raises(ValueError, match=r"x must be \(1500, k\)"):
        effects.predict_outcomes(x[1:], y, w, folds)
    with pytest.raises(ValueError, match="donor: g0 is nan in row 0"):
        effects.aipw(y, w, e, effects.Outcomes(np.full(1500, np.nan), y))
    with pytest.raises(ValueError, match=r"g0 and g1 must have shape \(1500,\)"):
        effects.aipw(y, w, e, effects.Outcomes(y[1:], y))


# Fixed effects


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(6)
    w = ((rng.random((200, 1)) < 0.3) & (np.arange(5) >= rng.integers(1, 5, (200, 1)))).astype(float)
    noise = rng.standard_normal((200, 5)).cumsum(1)
    return 3 * rng.standard_normal((200, 1)) + np.arange(5) + 2 * w + noise, w


def test_two_periods_are_a_difference_in_differences():
    y = np.array([[1.0, 4], [2, 6], [0, 1], [5, 5.5]])
    w = np.array([[0, 1], [0, 1], [0, 0], [0, 0]])
    found = effects.fixed_effects(y, w)
    assert found.value == pytest.approx((3 + 4) / 2 - (1 + 0.5) / 2)
    assert found.n_switchers == 2
    residual = np.array([-0.5, 0.5, 0.25, -0.25]) / 2  # half the change left over, in each of two periods
    scores = np.array([0.5, 0.5, -0.5, -0.5]) * residual
    assert found.se == pytest.approx(np.sqrt(8 / (8 - 5 - 1) * (scores**2).sum()) / (8 / 16))


def test_fixed_effects_equal_linearmodels(panel):
    y, w = panel
    index = pd.MultiIndex.from_product([range(200), range(5)])
    frame = pd.DataFrame({"y": y.ravel(), "w": w.ravel()}, index=index)
    peer = PanelOLS(frame["y"], frame[["w"]], entity_effects=True, time_effects=True).fit(
        cov_type="clustered", cluster_entity=True, count_effects=True
    )
    found = effects.fixed_effects(y, w)
    assert found.value == pytest.approx(peer.params["w"], abs=1e-8)
    assert found.se == pytest.approx(peer.std_errors["w"], rel=1e-8)


def test_fixed_effects_ignore_levels_common_shocks_and_order_and_follow_units(panel):
    y, w = panel
    base = effects.fixed_effects(y, w)
    shifted = y + np.arange(200)[:, None] + np.array([0, 5, -3, 2, 9])
    order = np.random.default_rng(0).permutation(200)
    for moved in (effects.fixed_effects(shifted, w), effects.fixed_effects(y[order], w[order])):
        assert (moved.value, moved.se) == (pytest.approx(base.value), pytest.approx(base.se))
    tiny = effects.fixed_effects(1e-9 * y, 1e-5 * w)
    assert (tiny.value, tiny.se) == (pytest.approx(1e-4 * base.value), pytest.approx(1e-4 * base.se))


@pytest.mark.parametrize("seed", range(20))
def test_a_change_of_all_in_one_period_is_not_identified(seed):
    rng = np.random.default_rng(seed)
    y, start = rng.standard_normal((50, 6)), rng.integers(1, 6)
    w = np.tile((np.arange(6) >= start).astype(float), (50, 1))
    with pytest.raises(ValueError, match="a unit's part plus a period's part"):
        effects.fixed_effects(y, w)
    with pytest.raises(ValueError, match="a unit's part plus a period's part"):
        effects.fixed_effects(y, 1e-7 * (w + rng.standard_normal((50, 1))))
    for unit in (1e-12, 1e12):
        with pytest.raises(ValueError, match="a unit's part plus a period's part"):
            effects.fixed_effects(y, unit * (w + rng.standard_normal((50, 1))))
    w[0] = 0
    base = effects.fixed_effects(y, w).se
    for unit in (1e-12, 1e12):
        assert effects.fixed_effects(y, unit * w).se * unit == pytest.approx(base)


def test_panels_that_identify_nothing_are_refused(panel):
    y, w = panel
    with pytest.raises(ValueError, match=r"no unit changes its treatment: .* use weighting"):
        effects.fixed_effects(y, np.repeat(w[:, -1:], 5, 1))
    with pytest.raises(ValueError, match="both must be"):
        effects.fixed_effects(y, w[:, :3])
    with pytest.raises(ValueError, match="both must be"):
        effects.fixed_effects(y[0], w[0])
    with pytest.raises(ValueError, match="y is nan in row 9"):
        effects.fixed_effects(np.where(np.arange(200)[:, None] == 9, np.nan, y), w)
    with pytest.raises(ValueError, match="no more entries than parameters"):
        effects.fixed_effects(y[:2, :2], [[0, 1], [0, 0]])
    with pytest.warns(UserWarning, match="one unit alone changes its treatment"):
        effects.fixed_effects(y, w * (np.arange(200) == np.argmax(w[:, -1]))[:, None])
