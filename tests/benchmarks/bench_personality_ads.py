"""Page ``personality_ads`` against scikit-learn and statsmodels: the same numbers first, then the time."""

import numpy as np
import pandas as pd
import pytest
from paperlab.methods.foundations.ranking import auc_rows
from paperlab.methods.recommenders import ad_study, new_users, rating_scores, warm_users
from paperlab.methods.recommenders.ad_study import Design
from sklearn.linear_model import Ridge
from sklearn.metrics import ndcg_score, roc_auc_score

AUC = "AUC of every user, 827 x 120 (agree to 1e-12)"
PLACEBO = "RMSE of 40 placebos, 120 people, 300 advertisements, 5 folds (agree to 1e-10)"
NDCG = "nDCG at 10 of 827 lists of 300, stars as gains (agree to 1e-12)"
MIXED = "variances of generosity, taste and noise, 60 people, 60 ratings (agree to 3 %)"


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(0)
    return np.round(rng.standard_normal((827, 120)), 2), rng.random((827, 120)) < 0.25


def peer_auc(score, positive):
    return np.array([roc_auc_score(p, s) for s, p in zip(score, positive)])


@pytest.mark.benchmark(group=AUC)
def test_auc_here(benchmark, scores):
    benchmark.extra_info.update(role="ours", label="ranks, compiled", agreement="1e-12")
    found = benchmark(auc_rows, *scores)
    np.testing.assert_allclose(found, peer_auc(*scores), atol=1e-12)


@pytest.mark.benchmark(group=AUC)
def test_auc_sklearn(benchmark, scores):
    benchmark.extra_info.update(role="peer", label="scikit-learn, user by user", agreement="1e-12")
    benchmark.pedantic(peer_auc, args=scores, rounds=3)


@pytest.fixture(scope="module")
def study():
    rng, design = np.random.default_rng(1), Design()
    traits = ad_study._standard(rng.standard_normal((1000, 5)))
    made = ad_study.draw(traits, design, rng=rng)
    fit = new_users.new_users(made.ratings, design.memberships, rng=rng)
    orders = rng.permuted(np.tile(np.arange(120), (40, 1)), axis=1)
    return fit, traits[made.people][orders]


def peer_placebos(fit, tables):
    """Ridge of scikit-learn on each fold, and the error over all ratings."""
    found = []
    for table in tables:
        guess = np.empty_like(fit.ratings)
        for fold, y in enumerate(fit.residual):
            new = fit.folds == fold
            centre = table[~new].mean(axis=0)
            model = Ridge(alpha=60.0, fit_intercept=False).fit(table[~new] - centre, y[~new])
            guess[new] = fit.base[fold] + model.predict(table[new] - centre) @ fit.categories.T
        found.append(np.sqrt(np.mean((guess - fit.ratings) ** 2)))
    return np.array(found)


@pytest.mark.benchmark(group=PLACEBO)
def test_placebos_here(benchmark, study):
    benchmark.extra_info.update(role="ours", label="all placebos and folds at once", agreement="1e-10")
    fit, tables = study
    found = benchmark(lambda: fit.rmse(fit.correction(tables, 60.0)))
    np.testing.assert_allclose(found, peer_placebos(fit, tables), atol=1e-10)


@pytest.mark.benchmark(group=PLACEBO)
def test_placebos_sklearn(benchmark, study):
    benchmark.extra_info.update(role="peer", label="scikit-learn Ridge, fold by fold", agreement="1e-10")
    benchmark.pedantic(peer_placebos, args=study, rounds=3)


@pytest.fixture(scope="module")
def lists():
    rng = np.random.default_rng(2)
    gain = rng.integers(1, 6, (827, 300)).astype(float)
    return gain, gain + 3 * rng.standard_normal(gain.shape)


@pytest.mark.benchmark(group=NDCG)
def test_ndcg_here(benchmark, lists):
    benchmark.extra_info.update(role="ours", label="compiled, ties averaged", agreement="1e-12")
    found = benchmark(rating_scores.ndcg_rows, *lists, 10)
    assert found.mean() == pytest.approx(ndcg_score(*lists, k=10), abs=1e-12)


@pytest.mark.benchmark(group=NDCG)
def test_ndcg_sklearn(benchmark, lists):
    benchmark.extra_info.update(role="peer", label="scikit-learn ndcg_score", agreement="1e-12")
    benchmark.pedantic(lambda: ndcg_score(*lists, k=10), rounds=3)


@pytest.fixture(scope="module")
def residual():
    rng = np.random.default_rng(3)
    members = np.eye(6)[np.repeat(np.arange(6), 10)]
    x = 0.5 * rng.standard_normal((60, 1)) + 0.4 * rng.standard_normal((60, 6)) @ members.T
    x = x + 0.7 * rng.standard_normal((60, 60))
    return x - x.mean(axis=0), members


def peer_mixed(residual, members):
    import statsmodels.api as sm

    frame = pd.DataFrame({"y": residual.ravel()})
    frame["user"] = np.repeat(np.arange(60), 60)
    frame["category"] = np.tile(members.argmax(axis=1), 60)
    model = sm.MixedLM.from_formula(
        "y ~ 1", frame, groups="user", re_formula="1", vc_formula={"taste": "0 + C(category)"}
    )
    fit = model.fit()
    return fit.cov_re.iloc[0, 0], fit.vcomp[0], fit.scale


@pytest.mark.benchmark(group=MIXED)
def test_mixed_here(benchmark, residual):
    benchmark.extra_info.update(role="ours", label="moments", agreement="3 %")
    found = benchmark(warm_users.mixed_loadings, *residual)
    ours = found.loadings[0, 0] ** 2, found.loadings[0, 1:].max() ** 2, found.noise
    assert ours == pytest.approx(peer_mixed(*residual), rel=0.03)  # ours have n - 1 in the denominator


@pytest.mark.benchmark(group=MIXED)
def test_mixed_statsmodels(benchmark, residual):
    benchmark.extra_info.update(role="peer", label="statsmodels MixedLM", agreement="3 %")
    benchmark.pedantic(peer_mixed, args=residual, rounds=2)
