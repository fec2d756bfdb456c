"""Scores by hand, in other units, and against DoubleML on the same folds and predictions."""

import numpy as np
import pytest
from paperlab.methods.instruments import crossfit, scores, simulate


@pytest.fixture(scope="module")
def sample():
    return simulate.draw(4000, rng=np.random.default_rng(1))


def constant_predictions(s):
    """The means of the arms: the doubly robust ratio is then Wald's."""
    by_arm = {
        (kind, arm, "mean"): np.full(len(s.y), values[s.instrument == arm].mean())
        for kind, values in (("mu", s.y), ("p", s.treatment))
        for arm in (0, 1)
    }
    return by_arm | {("pi", "mean"): np.full(len(s.y), s.instrument.mean())}


def test_with_means_for_predictions_the_ratio_is_walds(sample):
    y, a, z = sample.y, sample.treatment, sample.instrument
    found = scores.interactive_late(sample, constant_predictions(sample), "mean")
    wald = (y[z == 1].mean() - y[z == 0].mean()) / (a[z == 1].mean() - a[z == 0].mean())
    assert found.value == pytest.approx(wald, rel=1e-10)


def test_a_valid_instrument_finds_the_effect_and_its_error():
    values, errors = [], []
    for r in range(40):
        s = simulate.draw(2000, simulate.Design(direct=0.0), rng=np.random.default_rng([2, r]))
        folds = crossfit.assign_folds(s.instrument, 2, rng=np.random.default_rng(r))
        found = scores.interactive_late(s, crossfit.crossfit_predictions(s, ("quad",), folds, rng=r), "quad")
        values.append(found.value)
        errors.append(found.se)
    assert np.mean(values) == pytest.approx(1, abs=0.2)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.3)


def test_partialling_out_is_the_slope_between_residuals_with_robust_errors():
    rng = np.random.default_rng(3)
    v, e = rng.normal(size=(2, 500))
    y_hat, a_hat = rng.normal(size=(2, 500))
    found = scores.partialling_out(y_hat + 2 * v + e, a_hat + v, y_hat, a_hat)
    slope = 2 + v @ e / (v @ v)
    assert found.value == pytest.approx(slope)
    residual = (2 - slope) * v + e
    assert found.se == pytest.approx(np.sqrt(((v * residual) ** 2).sum()) / (v @ v))


@pytest.mark.parametrize("unit", [1e-9, 1e7])
def test_effects_follow_the_units(unit):
    rng = np.random.default_rng(4)
    y, a, y_hat, a_hat = rng.normal(size=(4, 200))
    base = scores.partialling_out(y, a, y_hat, a_hat)
    found = scores.partialling_out(y, unit * a, y_hat, unit * a_hat)
    assert found.value * unit == pytest.approx(base.value) and found.se * unit == pytest.approx(base.se)


def test_what_is_not_identified_is_refused(sample):
    y, a = sample.y, sample.treatment
    with pytest.raises(ValueError, match="predicts the treatment exactly"):
        scores.partialling_out(y, a, 0 * y, a)
    with pytest.raises(ValueError, match="y_hat is nan in row 0"):
        scores.partialling_out(y, a, y * np.nan, a)
    with pytest.raises(ValueError, match=r"all must be \(n,\), got y \(4000,\)"):
        scores.partialling_out(y, a, y[1:], a)
    found = constant_predictions(sample)
    with pytest.raises(ValueError, match="pi must lie strictly between 0 and 1, got 0 in row 0"):
        scores.interactive_late(sample, found | {("pi", "mean"): 0 * y}, "mean")
    same = {("p", arm, "mean"): a.astype(float) for arm in (0, 1)}
    with pytest.raises(ValueError, match="instrument does not move the treatment"):
        scores.interactive_late(sample, found | same, "mean")


def test_scores_equal_doubleml_on_the_same_folds_and_predictions(sample):
    dml = pytest.importorskip("doubleml")
    from sklearn.linear_model import LinearRegression, LogisticRegression

    y, a, z, x = sample.y, sample.treatment, sample.instrument, sample.x
    folds = crossfit.assign_folds(z, 2, rng=np.random.default_rng(0))
    splits = [[(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in (0, 1)]]
    data = dml.DoubleMLData.from_arrays(x, y, a)
    plr = dml.DoubleMLPLR(data, LinearRegression(), LinearRegression(), draw_sample_splitting=False)
    plr.set_sample_splitting(splits)
    plr.fit(store_predictions=True)
    y_hat, a_hat = (plr.predictions[key][:, 0, 0] for key in ("ml_l", "ml_m"))
    found = scores.partialling_out(y, a, y_hat, a_hat)
    assert found.value == pytest.approx(plr.coef[0], abs=1e-8)
    assert found.se == pytest.approx(plr.se[0], abs=1e-8)

    data = dml.DoubleMLData.from_arrays(x, y, a, z=z)
    late = dml.DoubleMLIIVM(
        data, LinearRegression(), LogisticRegression(), LogisticRegression(), draw_sample_splitting=False
    )
    late.set_sample_splitting(splits)
    late.fit(store_predictions=True)
    names = {"ml_g0": ("mu", 0), "ml_g1": ("mu", 1), "ml_r0": ("p", 0), "ml_r1": ("p", 1), "ml_m": ("pi",)}
    predictions = {(*name, "peer"): late.predictions[key][:, 0, 0] for key, name in names.items()}
    found = scores.interactive_late(sample, predictions, "peer")
    assert found.value == pytest.approx(late.coef[0], abs=1e-8)
    assert found.se == pytest.approx(late.se[0], abs=1e-8)
