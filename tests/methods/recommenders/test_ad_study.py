"""Facts of the made-up studies: shares of the variance are those asked for, questionnaires are keyed."""

import numpy as np
import pandas as pd
import pytest
from paperlab import datasets
from paperlab.methods.recommenders import ad_study
from paperlab.methods.recommenders.ad_study import Design

NAMES = [f"{trait}{j}" for trait in ad_study.TRAITS for j in range(1, 6)]


@pytest.fixture(scope="module")
def answers():
    return datasets.load("bfi_personality").dropna(subset=NAMES)


@pytest.fixture(scope="module")
def items(answers):
    return ad_study.keyed(answers)


def normal_traits(n=20_000, k=5):
    traits = np.random.default_rng(0).standard_normal((n, k))
    return (traits - traits.mean(axis=0)) / traits.std(axis=0)


def test_the_respondents_are_those_of_the_source(items):
    assert items.shape == (2436, 5, 5)
    assert items.mean(axis=(0, 2)) == pytest.approx([4.64, 4.27, 4.13, 3.17, 4.61], abs=0.01)


def test_reversed_items_forgotten_cost_the_reliability(answers, items):
    alpha = dict(zip(ad_study.TRAITS, (ad_study.cronbach_alpha(items[:, k]) for k in range(5))))
    assert alpha["A"] > 0.65 and alpha["N"] > 0.8
    raw = answers[NAMES].to_numpy(float).reshape(-1, 5, 5)
    forgotten = [ad_study.cronbach_alpha(raw[:, k]) for k in range(5)]
    assert max(forgotten[1], forgotten[2], forgotten[4]) < 0 < forgotten[0] < alpha["A"]


def test_alpha_of_parallel_items_is_spearman_browns():
    """k items with one common part of share r each: alpha = k r / (1 + (k - 1) r)."""
    rng = np.random.default_rng(1)
    r, k = 0.4, 6
    x = np.sqrt(r) * rng.standard_normal((200_000, 1)) + np.sqrt(1 - r) * rng.standard_normal((200_000, k))
    assert ad_study.cronbach_alpha(x) == pytest.approx(k * r / (1 + (k - 1) * r), abs=0.005)
    assert ad_study.cronbach_alpha(3 * x + 7) == pytest.approx(ad_study.cronbach_alpha(x))


def test_scores_are_standardised_and_the_full_questionnaire_explains_itself(items):
    scores = ad_study.trait_scores(items)
    assert scores.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-12) and scores.std(axis=0) == pytest.approx(
        np.ones(5)
    )
    assert ad_study.explained_share(scores, scores) == pytest.approx(1)
    shares = [ad_study.explained_share(ad_study.trait_scores(items, k), scores) for k in (2, 3, 4)]
    assert 0.5 < shares[0] < shares[1] < shares[2] < 1


def test_explained_share_of_one_trait_is_the_squared_correlation():
    rng = np.random.default_rng(2)
    full = rng.standard_normal((5000, 1))
    short = full + rng.standard_normal((5000, 1))
    full, short = (ad_study._standard(x) for x in (full, short))
    assert ad_study.explained_share(short, full) == pytest.approx(np.corrcoef(short.T, full.T)[0, 1] ** 2)


@pytest.mark.parametrize("form", ["linear", "product"])
def test_personality_has_the_share_asked_for(form):
    """Over people and categories, of a variance that is one in total."""
    traits, design = normal_traits(), Design(n_users=5000, share=0.2, form=form, n_categories=200)
    effect = ad_study.draw(traits, design, rng=np.random.default_rng(3)).effect
    assert effect.var() == pytest.approx(0.2, rel=0.08)


def test_correlated_traits_have_the_same_share():
    traits = normal_traits()
    traits[:, 1] = ad_study._standard(traits[:, [0]] + traits[:, [1]])[:, 0]
    design = Design(n_users=5000, share=0.2, n_categories=400)
    effect = ad_study.draw(traits, design, rng=np.random.default_rng(4)).effect
    assert effect.var() == pytest.approx(0.2, rel=0.1)


def test_stars_follow_the_quantiles_and_formats_their_order():
    study = ad_study.draw(normal_traits(), Design(n_users=400), rng=np.random.default_rng(5))
    counts = np.bincount(study.ratings.astype(int).ravel(), minlength=6)[1:] / study.ratings.size
    assert counts == pytest.approx([0.35, 0.20, 0.20, 0.15, 0.10], abs=1e-3)
    means = [study.ratings[:, Design().format == k].mean() for k in range(3)]
    assert means[0] > means[1] > means[2]


def test_variance_of_people_and_advertisements_before_the_stars():
    """Two categories, no personality: what is the same for all ratings of a person is USER plus half of TASTE."""
    design = Design(n_users=4000, share=0.0, n_categories=2, per_format=40)
    ratings = ad_study.draw(normal_traits(), design, rng=np.random.default_rng(6)).ratings
    of_people = ratings.mean(axis=1).var() / ratings.var()
    assert of_people == pytest.approx(ad_study.USER + ad_study.TASTE / 2, abs=0.05)


def test_size_is_that_of_the_paper_and_people_are_drawn_once():
    design = Design()
    study = ad_study.draw(normal_traits(150), design, rng=np.random.default_rng(7))
    assert study.ratings.shape == (120, 300) and len(set(study.people)) == 120
    assert (np.bincount(design.category) == 15).all()
    assert (np.bincount(design.category * 3 + design.format) == 5).all()
    assert (design.memberships.sum(axis=1) == 1).all()


def test_the_same_generator_gives_the_same_study():
    one, two = (ad_study.draw(normal_traits(200), Design(), rng=np.random.default_rng(8)) for _ in range(2))
    assert (one.ratings == two.ratings).all() and (one.people == two.people).all()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"share": 0.53}, "share must be between 0 and 0.52, got 0.53"),
        ({"share": -0.1}, "share must be between 0"),
        ({"form": "cubic"}, "form must be linear or product, got 'cubic'"),
        ({"n_users": 1}, "n_users must be at least 2, got 1"),
        ({"n_categories": 0}, "n_categories must be at least 1"),
    ],
)
def test_a_design_that_cannot_be_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Design(**change)


def test_too_few_respondents_are_refused():
    with pytest.raises(ValueError, match="n_users must be at most the 50 respondents, got 120"):
        ad_study.draw(normal_traits(50), Design(), rng=np.random.default_rng(0))


def test_answers_that_are_none_are_refused(answers):
    frame = pd.DataFrame(np.ones((3, 25)), columns=NAMES)
    for change, words in (
        ({"A1": 7.0}, "answers to A1 must lie from 1 to 6, got 7 to 7"),
        ({"O5": [1, np.nan, 2]}, "answers, item O5, is nan in row 1"),
    ):
        with pytest.raises(ValueError, match=words):
            ad_study.keyed(frame.assign(**change))
    with pytest.raises(ValueError, match="answers has no column C3"):
        ad_study.keyed(frame.drop(columns="C3"))
    with pytest.raises(ValueError, match="column 0 is the same for all 3 people"):
        ad_study.trait_scores(ad_study.keyed(frame))
    with pytest.raises(ValueError, match="n_items must be 1 to 5, got 6"):
        ad_study.trait_scores(ad_study.keyed(answers), 6)


@pytest.mark.parametrize(
    "items, words", [(np.ones((3, 1)), "two items or more"), (np.ones((3, 2)), "has no reliability")]
)
def test_alpha_refuses(items, words):
    with pytest.raises(ValueError, match=words):
        ad_study.cronbach_alpha(items)
