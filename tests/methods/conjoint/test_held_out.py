"""Held-out judgement does not flatter, finds interactions that exist and none that do not."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import election, held_out
from paperlab.methods.conjoint.choices import Pairs
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))


@pytest.fixture(scope="module")
def folds():
    return np.random.default_rng(5).permutation(400) % 5


def test_in_sample_shares_flatter_and_held_out_ones_do_not(pairs, folds):
    rng, held = np.random.default_rng(4), []
    for _ in range(8):
        deal = rng.permutation(len(pairs.y))
        nothing = dataclasses.replace(pairs, x1=pairs.x1[deal], x2=pairs.x2[deal])
        found = held_out.held_out_shares(nothing, [0.01, 0.1], 20.0, folds[pairs.person])
        assert found.held_out.shape == found.in_sample.shape == (5, 2)
        assert found.in_sample[:, 0].min() > 0.505
        held.append(found.held_out[:, 0].mean())
    assert np.mean(held) == pytest.approx(0.5, abs=0.02)


def test_held_out_shares_are_those_of_a_fit_without_the_fold(pairs, folds):
    by_pair = folds[pairs.person]
    found = held_out.held_out_shares(pairs, [0.05], 20.0, by_pair)
    products = election.cross_products(pairs)
    out = folds == 2
    slopes = election.average_slopes(products, (~out)[None].astype(float), 20.0)[0]
    here = election.average_slopes(products, out[None].astype(float), 1e-6)[0]
    pi = LAYOUT.project(LAYOUT.uniform + slopes / 0.1)
    assert found.held_out[2, 0] == pytest.approx(election.linear_share(pi, here, LAYOUT.uniform))
    assert found.in_sample[2, 0] == pytest.approx(election.linear_share(pi, slopes, LAYOUT.uniform))
    assert found.argmax[2] == pytest.approx(election.linear_share(LAYOUT.argmax(slopes), here, LAYOUT.uniform))


def test_interactions_that_do_not_exist_do_not_help(pairs, folds):
    found = held_out.cross_validate(pairs, folds[pairs.person], [1.0, 1e8], 20.0)
    assert found.two_way[0].mean() > found.main.mean()
    np.testing.assert_allclose(found.two_way[1], found.main, rtol=1e-4)
    assert found.penalty == 1e8
    np.testing.assert_allclose(found.models.beta, found.main_slopes, atol=1e-5)


@pytest.fixture(scope="module")
def matching():
    """Two binary factors; equal levels are better, neither level alone is."""
    layout, rng, n = Layout((2, 2)), np.random.default_rng(6), 4000
    x1, x2 = layout.argmax(rng.random((n, 4))), layout.argmax(rng.random((n, 4)))
    good = [(x[:, 1] == x[:, 3]) * 0.8 for x in (x1, x2)]
    y = (rng.random(n) < 0.5 + (good[0] - good[1]) / 2).astype(float)
    parties = dict(zip(("party1", "party2", "voter"), rng.integers(0, 2, (3, n)), strict=True))
    return Pairs(x1, x2, y=y, person=np.arange(n), layout=layout, **parties)


def test_interactions_that_exist_do_help(matching):
    found = held_out.cross_validate(matching, np.arange(4000) % 4, [1.0], 1.0)
    assert found.main.mean() == pytest.approx(0.25, abs=0.01)
    assert found.two_way.mean() < 0.22
    both = np.array([0.0, 1, 0, 1])
    np.testing.assert_allclose(found.models.value(both), 0.5 + 0.8 / 2 / 2, atol=0.03)
    np.testing.assert_allclose(found.models.value(matching.layout.uniform), 0.5, atol=1e-12)


def test_held_out_worth_of_a_given_policy_is_its_true_worth(matching):
    both, one = np.array([0.0, 1, 0, 1]), np.array([0.0, 1, 0.5, 0.5])
    found = held_out.held_out_parts(matching, np.arange(4000) % 4, np.array([both, both, one, one]))
    np.testing.assert_allclose(found.levels, 0, atol=0.05)
    np.testing.assert_allclose(found.pairs, [0.2, 0.2, 0, 0], atol=0.05)
    np.testing.assert_allclose(found.share, 0.5 + found.levels + found.pairs)
    lot = held_out.held_out_parts(matching, np.arange(4000) % 2, np.full((2, 4), 0.5))
    np.testing.assert_allclose(lot.share, 0.5)


def test_fits_without_a_fold_are_ridge_regressions():
    rng = np.random.default_rng(0)
    x, y, fold = rng.normal(0, 1, (60, 3)), rng.normal(0, 1, (60, 2)), np.arange(60) % 3
    ridge = np.array([1.0, 2.0, 3.0])
    found = held_out.fold_fits(x, y, [ridge, 10 * ridge], fold=fold)
    rows = fold != 1
    coef = np.linalg.solve(x[rows].T @ x[rows] + np.diag(10 * ridge), x[rows].T @ y[rows])
    np.testing.assert_allclose(found.coef[1, 1], coef)
    np.testing.assert_allclose(found.loss[1, 1], ((y[~rows] - x[~rows] @ coef) ** 2).mean(0))


def test_names_of_respondents_and_folds_do_not_matter(pairs, folds):
    named = dataclasses.replace(pairs, person=[f"respondent {37 * i:05d}" for i in pairs.person])
    by_pair = folds[pairs.person]
    labels = [f"fold {k}" for k in by_pair]
    base = held_out.held_out_shares(pairs, [0.01, 0.1], 20.0, by_pair)
    np.testing.assert_allclose(held_out.held_out_shares(named, [0.01, 0.1], 20.0, labels).held_out, base.held_out)
    one, two = (held_out.cross_validate(*args, [100.0], 20.0).two_way for args in ((pairs, by_pair), (named, labels)))
    np.testing.assert_allclose(one, two)


def test_judgements_that_cannot_be_are_refused(pairs, folds, matching):
    by_pair = folds[pairs.person]
    with pytest.raises(ValueError, match="penalties must be above 0"):
        held_out.cross_validate(pairs, by_pair, [0.0], 20.0)
    for call in (
        lambda f: held_out.held_out_shares(pairs, [0.1], 20.0, f),
        lambda f: held_out.cross_validate(pairs, f, [1.0], 20.0),
    ):
        with pytest.raises(ValueError, match="folds: all pairs are in one fold"):
            call(np.zeros(len(pairs.y)))
        with pytest.raises(ValueError, match="folds has no label in row 0"):
            call([None] * len(pairs.y))
    with pytest.raises(ValueError, match="policies must be one for each of two or more folds"):
        held_out.held_out_parts(pairs, by_pair, np.tile(LAYOUT.uniform, (2, 1)))
    alike = dataclasses.replace(matching, party1=matching.party2)
    with pytest.raises(ValueError, match="no pair outside a fold has one candidate of the voter's party"):
        held_out.cross_validate(alike, np.arange(4000) % 4, [1.0], 1.0)
