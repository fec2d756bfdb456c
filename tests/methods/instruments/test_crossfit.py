"""Out-of-fold learners and debiased tuples."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.instruments import crossfit, multiply_robust, simulate
from paperlab.methods.instruments.nuisances import fit_nuisances
from paperlab.methods.instruments.samples import Sample


@pytest.fixture(scope="module")
def sample():
    return simulate.draw(4000, rng=np.random.default_rng(1))


# Learners


@pytest.mark.parametrize("name", crossfit.LEARNERS)
def test_every_learner_finds_a_smooth_function(name):
    rng = np.random.default_rng(9)
    x = rng.uniform(-1, 1, (1500, 2))
    y = x[:, 0] + rng.normal(0, 0.1, 1500)
    new = rng.uniform(-0.8, 0.8, (300, 2))
    assert np.mean((crossfit.fit_predict(name, x, y, new, rng=0) - new[:, 0]) ** 2) < 0.02


@pytest.mark.parametrize("name", crossfit.LEARNERS)
@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_predictions_follow_the_units_of_the_outcome_and_not_those_of_the_covariates(name, unit):
    rng = np.random.default_rng(10)
    x = rng.uniform(-1, 1, (400, 2))
    y = x[:, 0] + rng.normal(0, 0.1, 400)
    base = crossfit.fit_predict(name, x, y, x[:20], rng=0)
    assert crossfit.fit_predict(name, x, y * unit, x[:20], rng=0) / unit == pytest.approx(base, abs=1e-5)
    scale = np.array([1, 2.0**20 if unit > 1 else 2.0**-30])
    assert crossfit.fit_predict(name, x * scale, y, x[:20] * scale, rng=0) == pytest.approx(base, abs=1e-5)


@pytest.mark.parametrize("name", crossfit.LEARNERS)
def test_a_constant_outcome_and_a_constant_covariate_are_no_trouble(name):
    rng = np.random.default_rng(11)
    x = np.column_stack([rng.normal(size=200), np.full(200, 0.1)])
    assert crossfit.fit_predict(name, x, np.full(200, 0.3), x[:5], rng=0) == pytest.approx(np.full(5, 0.3))
    found = crossfit.fit_predict(name, x, x[:, 0], np.array([[0.5, 0.1]]), rng=0)
    assert found == pytest.approx([0.5], abs=0.2)


def test_collinear_columns_do_not_stop_the_logistic_learner():
    rng = np.random.default_rng(10)
    x = np.column_stack([rng.normal(size=800), rng.integers(0, 2, 800)])  # the square of a binary column is itself
    z = (rng.random(800) < 0.3 + 0.4 * x[:, 1]).astype(float)
    prob = crossfit.fit_predict("quad", x, z, x, rng=0, logit=True)
    assert prob[x[:, 1] == 1].mean() == pytest.approx(z[x[:, 1] == 1].mean(), abs=1e-6)


@pytest.mark.parametrize("name", ["rf", "gbm"])
def test_a_generator_moves_on_and_a_seed_stays(name):
    rng = np.random.default_rng(12)
    x = rng.uniform(-1, 1, (300, 8))
    y = x[:, 0] + rng.normal(size=300)
    first, second = (crossfit.fit_predict(name, x, y, x[:9], rng=rng) for _ in range(2))
    assert not np.array_equal(first, second)
    again = [crossfit.fit_predict(name, x, y, x[:9], rng=3) for _ in range(2)]
    assert np.array_equal(*again)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"name": "boost"}, "learner must be one of lin, quad, rf, gbm, lasso, each once, got 'boost'"),
        ({"name": "boost", "y": np.zeros(30)}, "learner must be one of"),
        ({"y": np.r_[np.nan, np.zeros(29)]}, "y is nan in row 0"),
        ({"x": np.full((30, 2), np.inf)}, "x is inf in row 0"),
        ({"x_new": np.zeros((2, 3))}, "must fit together"),
        ({"y": np.arange(30.0), "logit": True}, "y must be 0 or 1, got 2 in row 2"),
    ],
)
def test_bad_input_of_a_learner_is_told(change, words):
    x = np.random.default_rng(0).normal(size=(30, 2))
    arguments = {"name": "lin", "x": x, "y": np.arange(30.0), "x_new": x[:2], **change}
    with pytest.raises(ValueError, match=words):
        crossfit.fit_predict(**arguments, rng=0)


# Folds


def test_folds_are_equal_parts_and_hold_both_arms(sample):
    folds = crossfit.assign_folds(sample.instrument, 5, rng=np.random.default_rng(0))
    assert np.bincount(folds).tolist() == [800] * 5
    assert abs(np.corrcoef(folds, np.arange(4000))[0, 1]) < 0.05


def test_folds_with_an_empty_arm_are_refused():
    z = np.zeros(40)
    z[0] = 1
    with pytest.raises(ValueError, match=r"fold \d has nobody with instrument = 1: empty arm"):
        crossfit.assign_folds(z, 4, rng=np.random.default_rng(0))
    for n_folds in (1, 21):
        with pytest.raises(ValueError, match=f"n_folds must lie between 2 and 20 .* got {n_folds}"):
            crossfit.assign_folds(z, n_folds, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="folds must have one entry for each of 40 units"):
        crossfit.check_folds(z, np.zeros(39))
    with pytest.raises(ValueError, match="complement of fold 0 has nobody"):
        crossfit.check_folds([0, 1, 1], [0, 0, 1])


def test_predictions_are_out_of_fold(sample):
    folds = crossfit.assign_folds(sample.instrument, 2, rng=np.random.default_rng(0))
    before = crossfit.crossfit_predictions(sample, ("quad",), folds, rng=0)["mu", 1, "quad"]
    y = sample.y.copy()
    y[folds == 0] += 100.0
    moved = dataclasses.replace(sample, y=y)
    after = crossfit.crossfit_predictions(moved, ("quad",), folds, rng=0)["mu", 1, "quad"]
    assert after[folds == 0] == pytest.approx(before[folds == 0])
    assert after[folds == 1] == pytest.approx(before[folds == 1] + 100.0)


def test_names_of_folds_do_not_matter(sample):
    folds = crossfit.assign_folds(sample.instrument, 3, rng=np.random.default_rng(0))
    names = np.array(["c", "a", "b"])[folds]
    base, found = (
        crossfit.debiased_tuples(sample, ("lin",), rng=np.random.default_rng(1), folds=f) for f in (folds, names)
    )
    assert found.value == pytest.approx(base.value, abs=1e-12)


def test_predictions_say_what_they_predict(sample):
    folds = crossfit.assign_folds(sample.instrument, 2, rng=np.random.default_rng(0))
    found = crossfit.crossfit_predictions(sample, ("lin",), folds, rng=0)
    assert set(found) == {(kind, arm, "lin") for kind in ("p", "mu") for arm in (0, 1)} | {("pi", "lin")}
    p0, p1 = simulate.Design().treatment_probabilities(sample.x)
    assert np.abs(found["p", 0, "lin"] - p0).mean() < 0.03
    assert np.abs(found["p", 1, "lin"] - p1).mean() < 0.03
    assert found["pi", "lin"].mean() == pytest.approx(sample.instrument.mean(), abs=0.01)


# Debiased tuples


def test_cross_fitted_estimate_agrees_with_the_parametric_one_in_a_large_sample():
    s = simulate.draw(100_000, rng=np.random.default_rng(8))
    result = crossfit.debiased_tuples(s, ("quad",), n_folds=5, rng=np.random.default_rng(0))
    parametric = multiply_robust.estimate(s, fit_nuisances(s))
    assert result.value.item() == pytest.approx(parametric.value, abs=0.25 * parametric.se)
    assert result.se.item() == pytest.approx(parametric.se, rel=0.05)
    assert result.by_fold.mean() == pytest.approx(result.value.item(), abs=1e-9)


def test_debiased_estimate_of_a_one_sided_treatment_has_no_confounding_part():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3000, 2))
    z = (rng.random(3000) < 0.4).astype(float)
    a = z * (rng.random(3000) < 0.6)
    s = Sample(2 * a + z + x[:, 0] + rng.normal(size=3000), a, z, x)
    result = crossfit.debiased_tuples(s, ("lin",), n_folds=3, rng=np.random.default_rng(0))
    assert abs(result.value.item() - 2) < 4 * result.se.item()


def test_tuples_are_labelled_by_slot_and_beta_has_bases_only(sample):
    result = crossfit.debiased_tuples(sample, ("lin", "lasso"), rng=np.random.default_rng(0))
    assert result.value.shape == (2, 2, 2, 1) and result.by_fold.shape == (2, 2, 2, 1, 2)
    assert result.label((0, 1, 0, 0)) == "lin/lasso/lin/lin"


def test_the_same_generator_gives_the_same_tuples(sample):
    one, other = (crossfit.debiased_tuples(sample, ("lin", "rf"), rng=np.random.default_rng(s)).value for s in (4, 4))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, crossfit.debiased_tuples(sample, ("lin", "rf"), rng=np.random.default_rng(5)).value)


def test_stacks_unknown_learners_and_useless_instruments_are_refused(sample):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="learner must be one of"):
        crossfit.debiased_tuples(sample, ("boost",), rng=rng)
    with pytest.raises(ValueError, match="each once, got 'lin', 'lin'"):
        crossfit.debiased_tuples(sample, ("lin", "lin"), rng=rng)
    stack = simulate.draw(500, rng=rng, n_replications=2)
    with pytest.raises(ValueError, match=r"sample must be a single one, got a stack of shape \(2,\)"):
        crossfit.crossfit_predictions(stack, ("lin",), np.zeros(500), rng=0)
    useless = simulate.draw(4000, simulate.Design(base=0.3, var_gap=0.4), rng=rng)
    with pytest.raises(ValueError, match="not identified with any learner of p"):
        crossfit.debiased_tuples(useless, ("lin",), rng=rng)
