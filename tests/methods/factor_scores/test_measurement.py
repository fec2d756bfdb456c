"""Measurement models and scores: closed forms, limits, units, peers, and bad input."""

import warnings

import numpy as np
import pytest
from paperlab.methods.factor_scores import measurement
from paperlab.methods.factor_scores.simulate import Design, draw_items

LINEAR = Design("linear", 500, 0.7)


def items(design=LINEAR, seed=1):
    return draw_items(design, rng=np.random.default_rng(seed))


def of_covariance(s):
    """Loadings, unique variances and Heywood flags of a population covariance matrix."""
    return measurement.stage_one(s, len(s), 1e-10)[:3]


# ---- stage 1


def test_one_factor_ml_finds_loadings_of_an_exact_covariance():
    load = np.array([0.9, 0.7, 0.5, 0.6])
    got, u, heywood = of_covariance(np.outer(load, load) + np.diag(1 - load**2))
    assert got[0] == pytest.approx(load, abs=1e-6)
    assert u[0] == pytest.approx(1 - load**2, abs=1e-6)
    assert not heywood.any()


@pytest.mark.parametrize("signs", [(1, 1, 1, -1), (1, -1, 1, -1), (-1, -1, -1, 1), (1, -1, -1, -1)])
def test_reversed_items_get_negative_loadings(signs):
    load = np.array([0.9, 0.7, 0.5, 0.6]) * signs
    got = of_covariance(np.outer(load, load) + np.diag(1 - load**2))[0]
    assert got[0] == pytest.approx(load * np.sign(load.sum()), abs=1e-6)


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 1e5, np.array([1e-9, 1.0, 1e5, -3.0] * 3)])
def test_loadings_carry_the_units_of_the_items_and_nothing_else_changes(unit):
    y = items()
    a, b = measurement.fit_measurement(y), measurement.fit_measurement(unit * y)
    scale = np.broadcast_to(unit, 12).reshape(3, 4)
    assert b.loadings == pytest.approx(scale * a.loadings, rel=1e-6)
    assert b.uniques == pytest.approx(scale**2 * a.uniques, rel=1e-6)
    assert b.reliability == pytest.approx(a.reliability, rel=1e-6)
    for kind in ("regression", "bartlett"):
        scores = (measurement.factor_scores(v, m, kind).scores for v, m in ((y, a), (unit * y, b)))
        assert next(scores) == pytest.approx(next(scores), rel=1e-5, abs=1e-6)


def test_order_of_people_and_of_items_does_not_matter():
    y, order = items(), np.r_[3, 1, 0, 2, 4:12]
    a, b = measurement.fit_measurement(y), measurement.fit_measurement(y[::-1, order])
    assert b.loadings[0] == pytest.approx(a.loadings[0, order[:4]], rel=1e-7)


def test_loadings_have_a_positive_sum():
    assert (measurement.fit_measurement(-items()).loadings.sum(axis=1) > 0).all()


def test_stage_one_agrees_with_statsmodels():
    from statsmodels.multivariate.factor import Factor

    y = items()[:, :4]
    peer = Factor(y, n_factor=1, method="ml").fit().loadings[:, 0] * y.std(axis=0)
    assert np.abs(peer) == pytest.approx(measurement.fit_measurement(y, 1).loadings[0], abs=1e-3)


def test_heywood_case_names_the_factor():
    y = items(Design("linear", 200, 0.7))
    rng = np.random.default_rng(0)
    y[:, 4:8] = rng.standard_normal((200, 4))
    y[:, 5] = y[:, 4] + 0.01 * rng.standard_normal(200)  # two copies: nothing unique is left
    with pytest.raises(ValueError, match="Heywood case in factor 2"):
        measurement.fit_measurement(y)
    kept = measurement.fit_measurement(y, heywood="keep")
    assert kept.heywood.tolist() == [False, True, False]
    assert kept.uniques[1].min() / y[:, 4:8].var(axis=0).max() == pytest.approx(measurement.U_MIN, rel=0.2)


def test_items_that_share_next_to_nothing_are_told():
    """Covariances of 1e-5 are found in steps as small, so EM runs out of them."""
    load = np.full(3, 0.003)
    root = np.linalg.cholesky(np.outer(load, load) + np.diag(1 - load**2))
    z = np.random.default_rng(0).standard_normal((60, 3))
    z -= z.mean(axis=0)
    exact = z @ np.linalg.inv(np.linalg.cholesky(z.T @ z / 60)).T @ root.T
    with pytest.warns(measurement.NotConvergedWarning, match="factor 1 had not settled"):
        measurement.fit_measurement(exact, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measurement.fit_measurement(items())


# ---- scores


@pytest.mark.parametrize("kind", ["regression", "bartlett"])
def test_ml_scores_have_exactly_the_variance_the_model_implies(kind):
    s = measurement.factor_scores(items(), measurement.fit_measurement(items()), kind)
    assert s.scores.var(axis=0) == pytest.approx(s.slope**2 + s.error, abs=1e-5)


def test_bartlett_is_unbiased_and_regression_has_slope_equal_to_reliability():
    m = measurement.fit_measurement(items())
    assert measurement.factor_scores(items(), m, "bartlett").slope == pytest.approx(1.0)
    assert measurement.factor_scores(items(), m, "regression").slope == pytest.approx(m.reliability)
    total = measurement.factor_scores(items(), m, "sum")
    assert total.scores[:, 0] == pytest.approx(items()[:, :4].mean(axis=1))
    assert total.slope[0] == pytest.approx(m.loadings[0].mean())
    assert total.error[0] == pytest.approx(m.uniques[0].sum() / 16)


def test_reliability_is_the_spearman_brown_formula_for_equal_items():
    m = measurement.Measurement(np.full((1, 4), 0.7), np.full((1, 4), 0.51), np.zeros(1, bool))
    assert m.reliability[0] == pytest.approx(4 * 0.49 / (1 + 3 * 0.49))


def test_naive_regression_is_least_squares():
    s = np.random.default_rng(0).normal([1.0, -2.0, 3.0], 1.0, (60, 3))
    for interaction in (False, True):
        x = np.column_stack([np.ones(60), s[:, :2], *([s[:, 0] * s[:, 1]] if interaction else [])])
        coef, rss = np.linalg.lstsq(x, s[:, 2], rcond=None)[:2]
        expected = [np.cov(s.T, bias=True)[0, 1], *coef[1:], rss[0] / (60 - x.shape[1])]
        assert measurement.naive_regression(s, interaction=interaction) == pytest.approx(expected)


def test_croon_undoes_the_attenuation_of_the_population():
    f = np.array([[1, 0.3, 0.49], [0.3, 1, 0.42], [0.49, 0.42, 1]])
    slope, error = np.array([0.8, 1.0, 1e-5]), np.array([0.1, 0.3, 2e-11])
    root = np.linalg.cholesky(np.outer(slope, slope) * f + np.diag(error))
    scores = 5 + np.sqrt(3) * np.vstack([np.eye(3), -np.eye(3)]) @ root.T
    beta = np.linalg.solve(f[:2, :2], f[:2, 2])
    assert measurement.croon(scores, slope, error) == pytest.approx([0.3, *beta, 1 - beta @ f[:2, 2]])


# ---- one-stage maximum likelihood


def test_one_stage_ml_agrees_with_semopy():
    semopy = np.array(
        [0.393108, 0.436958, 0.233514, 0.674317]
    )  # semopy 2.3.11 on these items, standardised; the benchmark runs it
    found = measurement.confirmatory_ml(items())
    assert found.converged
    assert found.theta == pytest.approx(semopy, abs=2e-3)


@pytest.mark.parametrize("unit", [1e-9, 1e-5])
def test_one_stage_ml_has_no_unit(unit):
    a, b = measurement.confirmatory_ml(items()), measurement.confirmatory_ml(unit * items())
    assert b.theta == pytest.approx(a.theta, rel=1e-5)


def copied_item():
    """Two items of factor 2 are copies: nothing unique is left of them."""
    y = items(Design("linear", 200, 0.7))
    y[:, 5] = y[:, 4] + 0.01 * np.random.default_rng(0).standard_normal(200)
    return y


def test_a_heywood_case_of_the_one_stage_model_is_told():
    with pytest.warns(measurement.HeywoodWarning, match="Heywood case in factor 2"):
        found = measurement.confirmatory_ml(copied_item())
    assert found.heywood.tolist() == [False, True, False]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not measurement.confirmatory_ml(items()).heywood.any()


def test_one_stage_ml_of_an_exact_covariance_is_the_truth():
    f = np.array([[1, 0.3, 0.49], [0.3, 1, 0.42], [0.49, 0.42, 1]])
    load = np.kron(np.eye(3), np.full((4, 1), 0.7))
    s = load @ f @ load.T + 0.51 * np.eye(12)
    start = np.full((3, 4), 0.6), np.full((3, 4), 0.6)
    found = measurement.saturated_ml(s, *start, max_iter=5000, tol=1e-10)
    beta = np.linalg.solve(f[:2, :2], f[:2, 2])
    assert found.theta == pytest.approx([0.3, *beta, 1 - beta @ f[:2, 2]], abs=1e-7)


# ---- bad input

GOOD = np.random.default_rng(0).standard_normal((100, 12))


def broken(value):
    y = GOOD.copy()
    y[3, 6] = value
    return y


def alike(level=2.0, noise=0.0):
    y = GOOD.copy()
    y[:, 5] = level + noise * np.arange(100)
    return y


SCORES = np.random.default_rng(0).standard_normal((50, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measurement.fit_measurement(np.zeros((40, 12))), "at least 50 rows, got 40"),
        (lambda: measurement.fit_measurement(np.zeros((100, 6))), "2 items per latent variable"),
        (lambda: measurement.fit_measurement(np.zeros((100, 11))), "equal blocks"),
        (lambda: measurement.fit_measurement(broken(np.nan)), r"y is nan in row 3 \(index \(3, 6\)\)"),
        (lambda: measurement.confirmatory_ml(broken(np.inf)), "y is inf in row 3"),
        (lambda: measurement.fit_measurement(alike()), r"all answer item 2 of factor 2 alike \(column 5\)"),
        (lambda: measurement.fit_measurement(1e-9 * alike()), "item 2 of factor 2 alike"),
        (lambda: measurement.fit_measurement(alike(1.0, 1e-15)), "item 2 of factor 2 alike"),
        (lambda: measurement.fit_measurement(GOOD, heywood="drop"), "heywood must be raise or keep"),
        (lambda: measurement.factor_scores(items(), measurement.fit_measurement(items()), "ten"), "score_type must be"),
        (lambda: measurement.factor_scores(items()[:, :9], measurement.fit_measurement(items())), "must have 4 items"),
        (lambda: measurement.naive_regression(np.zeros((10, 2))), "three columns"),
        (lambda: measurement.naive_regression(np.where(SCORES > 2, np.nan, SCORES)), "scores is nan in row"),
        (lambda: measurement.naive_regression(SCORES * [1, 0, 1]), "xi2 is zero"),
        (lambda: measurement.naive_regression(SCORES[:, [0, 0, 2]]), "xi2 is a linear combination of xi1"),
        (lambda: measurement.croon(SCORES, np.ones(3), np.full(3, 2.0)), "not positive definite"),
        (lambda: measurement.croon(SCORES, np.zeros(3), np.ones(3)), "slope must be 3 numbers other than 0"),
        (lambda: measurement.croon(SCORES, np.ones(3), -np.ones(3)), "error 3 variances"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
