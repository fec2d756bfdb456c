import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from paperlab.methods.conjoint import choices as conjoint
from paperlab.methods.foundations import linear


@pytest.fixture(scope="module")
def pairs():
    """Three factors, 60 respondents with five tasks each, and tastes of their own."""
    rng = np.random.default_rng(0)
    layout = conjoint.Layout((2, 3, 4))
    n = 300
    x1, x2 = layout.argmax(rng.random((n, 9))), layout.argmax(rng.random((n, 9)))
    person = np.repeat(np.arange(60), 5)
    taste = rng.normal(0, 0.1, (60, 9))[person] + np.array([0, 0.2, 0, 0.1, -0.1, 0, 0.1, 0.2, 0.3])
    y = (rng.random(n) < np.clip(0.5 + ((x1 - x2) * taste).sum(1), 0, 1)).astype(float)
    party1, party2, voter = rng.integers(0, 2, n), rng.integers(0, 2, n), rng.integers(0, 2, 60)[person]
    return conjoint.Pairs(x1, x2, party1, party2, voter, y, person, layout)


def test_layout_softmax_total_and_argmax():
    layout = conjoint.Layout((2, 3))
    assert layout.size == 5
    assert layout.free.tolist() == [1, 3, 4]
    np.testing.assert_allclose(layout.uniform, [0.5, 0.5, 1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(layout.total(layout.softmax(np.array([1000.0, 0, 3, 2, 1]))), 1)
    np.testing.assert_array_equal(layout.argmax([0.2, 0.8, 5, 5, 1]), [0, 1, 1, 0, 0])


def test_projection_is_the_nearest_point_of_the_simplex():
    layout, rng = conjoint.Layout((4,)), np.random.default_rng(1)
    points = rng.normal(0, 1, (20, 4))
    nearest = layout.project(points)
    np.testing.assert_allclose(nearest.sum(1), 1)
    assert nearest.min() >= 0
    others = rng.dirichlet(np.ones(4), 4000)
    distances = ((points[:, None] - others) ** 2).sum(-1).min(1)
    assert (((points - nearest) ** 2).sum(1) <= distances + 1e-12).all()


def test_encoding_names_the_factor_and_the_level():
    frame = pd.DataFrame({"sex": ["m", "f"], "age": ["36", "52"]})
    np.testing.assert_array_equal(conjoint.encode(frame, {"sex": ["f", "m"]}), [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="factor 'age': unknown level '52'"):
        conjoint.encode(frame, {"sex": ["f", "m"], "age": ["36", "44"]})
    with pytest.raises(ValueError, match="factor 'sex' has 1 level"):
        conjoint.encode(frame, {"sex": ["f"]})
    with pytest.raises(ValueError, match="factor 1 has 1 level"):
        conjoint.Layout((2, 1))


def test_pairs_of_rows_and_bad_tasks():
    first, second, y = conjoint.pair_rows([7, 3, 7, 3], [1, 0, 0, 1])
    assert (first.tolist(), second.tolist(), y.tolist()) == ([1, 0], [3, 2], [0.0, 1.0])
    with pytest.raises(ValueError, match="task 3 has 1 profiles"):
        conjoint.pair_rows([7, 7, 3], [1, 0, 1])
    with pytest.raises(ValueError, match="task 7 has 2 chosen profiles"):
        conjoint.pair_rows([7, 7, 3, 3], [1, 1, 0, 1])
    with pytest.raises(ValueError, match="task 3 has 0 chosen profiles"):
        conjoint.pair_rows([7, 7, 3, 3], [1, 0, 0, 0])


def test_amce_equals_statsmodels_with_respondents_as_clusters(pairs):
    effect, se = conjoint.amce(pairs)
    free = pairs.layout.free
    x = sm.add_constant(np.vstack([pairs.x1, pairs.x2])[:, free])
    model = sm.OLS(np.r_[pairs.y, 1 - pairs.y], x).fit(
        cov_type="cluster", cov_kwds={"groups": np.tile(pairs.person, 2)}
    )
    np.testing.assert_allclose(effect[free], model.params[1:], atol=1e-8)
    np.testing.assert_allclose(se[free], model.bse[1:], atol=1e-8)
    assert (effect[pairs.layout.starts] == 0).all()


def test_rows_of_their_own_give_hc1(pairs):
    x = (pairs.x1 - pairs.x2)[:, pairs.layout.free]
    coef, cov = linear.regress(x, pairs.y - 0.5)
    model = sm.OLS(pairs.y - 0.5, x).fit(cov_type="HC1")
    np.testing.assert_allclose(coef, model.params, atol=1e-10)
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), model.bse, atol=1e-10)


def test_doubling_the_rows_shrinks_wrong_errors_and_not_clustered_ones(pairs):
    x = np.vstack([pairs.x1, pairs.x2])[:, pairs.layout.free]
    x, y = np.column_stack([np.ones(len(x)), x]), np.r_[pairs.y, 1 - pairs.y]
    person = np.tile(pairs.person, 2)
    ratio = []
    for clusters in (None, person):
        once = np.diag(linear.regress(x, y, clusters)[1])
        again = None if clusters is None else np.tile(clusters, 2)
        ratio.append(np.median(once / np.diag(linear.regress(np.vstack([x, x]), np.r_[y, y], again)[1])))
    assert ratio[0] == pytest.approx(2, abs=0.1)
    assert ratio[1] == pytest.approx(1, abs=0.05)


def test_no_reference_level_is_refused(pairs):
    with pytest.raises(ValueError, match="collinear columns; leave out one reference level"):
        linear.regress(np.column_stack([np.ones(300), pairs.x1]), pairs.y)


def test_order_of_candidates_does_not_matter(pairs):
    swapped = pairs.swapped()
    np.testing.assert_allclose(conjoint.amce(swapped)[0], conjoint.amce(pairs)[0], atol=1e-10)
    for voter in (0, 1):
        for ours, theirs in zip(pairs.general(voter), swapped.general(voter), strict=True):
            np.testing.assert_allclose(ours, theirs)
        x, y, _ = pairs.primary(voter)
        x2, y2, _ = swapped.primary(voter)
        np.testing.assert_allclose(x.T @ y, x2.T @ y2)


def test_primary_takes_pairs_of_the_own_party_only(pairs):
    *_, rows = pairs.primary(1)
    assert ((pairs.party1[rows] == 1) & (pairs.party2[rows] == 1) & (pairs.voter[rows] == 1)).all()
    *_, wide = pairs.primary(1, own=False)
    assert set(rows) < set(wide)


def test_sums_by_person_refit_any_resample(pairs):
    x, y, rows = pairs.pooled()
    products = conjoint.CrossProducts.of(x, y, pairs.person[rows], 60)
    weights = np.random.default_rng(2).multinomial(60, np.full(60, 1 / 60), 3).astype(float)
    found = products.fit(weights, 5.0, unpenalised=1)
    for w, coef in zip(weights, found, strict=True):
        many = w[pairs.person]
        ridge = np.diag(np.r_[0, np.full(x.shape[1] - 1, 5.0)])
        np.testing.assert_allclose(
            coef, np.linalg.solve(x.T @ (x * many[:, None]) + ridge, x.T @ (many * y)), atol=1e-10
        )


def test_logit_equals_statsmodels(pairs):
    x = np.column_stack([np.ones(300), (pairs.x1 - pairs.x2)[:, pairs.layout.free]])
    np.testing.assert_allclose(linear.logit_ridge(x, pairs.y, 0.0), sm.Logit(pairs.y, x).fit(disp=0).params, atol=1e-6)
    strong = linear.logit_ridge(x, pairs.y, 1e6, unpenalised=1)
    np.testing.assert_allclose(strong[1:], 0, atol=1e-4)
    separated = dataclasses.replace(pairs, y=x[:, 1]).y > 0
    with pytest.raises(ValueError, match="raise penalty"):
        linear.logit_ridge(x[:, :2], separated.astype(float), 0.0, rounds=5)
