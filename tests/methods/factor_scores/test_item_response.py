"""Two-parameter logistic models: recovery, reversed items, bounds, scores and bad input."""

import numpy as np
import pytest
from paperlab.methods.factor_scores import item_response, simulate
from paperlab.methods.factor_scores.measurement import NotConvergedWarning
from paperlab.methods.factor_scores.simulate import Design
from scipy.special import expit


def answers(slopes, intercepts=None, n=20_000, seed=0):
    """Answers of people with standard normal latent variables to the items of one factor."""
    slopes = np.atleast_2d(slopes)
    intercepts = np.zeros_like(slopes) if intercepts is None else np.atleast_2d(intercepts)
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((n, len(slopes)))
    return item_response.draw_binary(f, slopes, intercepts, rng.random((n, slopes.size)))


def test_two_pl_finds_its_parameters_and_eap_is_monotone():
    y = simulate.draw_items(Design("categorical", 20_000, n_items=5), rng=np.random.default_rng(1))
    found = item_response.fit_two_pl(y)
    assert found.slopes == pytest.approx(np.full((3, 5), 1.7), abs=0.25)
    assert found.intercepts == pytest.approx(np.tile(np.linspace(-1, 1, 5), (3, 1)), abs=0.12)
    assert (np.diff(found.eap[0][[0, 1, 3, 7, 15, 31]]) > 0).all()  # one more item solved at a time
    assert item_response.eap_scores(y, found.eap).mean(axis=0) == pytest.approx(0.0, abs=0.03)
    assert not found.heywood.any()


@pytest.mark.parametrize("reversed_items", [(2,), (0, 3), (0, 1, 2)])
def test_a_reversed_item_has_a_negative_slope(reversed_items):
    true = np.full(5, 1.29)
    true[list(reversed_items)] = -1.29
    found = item_response.fit_two_pl(answers(true), 1)
    assert found.slopes[0] == pytest.approx(true * np.sign(true.sum()), abs=0.15)


def test_naming_the_answers_the_other_way_turns_the_score():
    y = answers([1.0, 1.5, 0.8, 1.2], [0.5, 0.0, -0.5, 1.0], n=2000)
    a, b = item_response.fit_two_pl(y, 1, tol=1e-8), item_response.fit_two_pl(1 - y, 1, tol=1e-8)
    assert b.slopes == pytest.approx(a.slopes, abs=1e-5)
    assert b.intercepts == pytest.approx(-a.intercepts, abs=1e-5)
    turned = item_response.eap_scores(1 - y, b.eap)
    assert turned == pytest.approx(-item_response.eap_scores(y, a.eap), abs=1e-5)


def test_order_of_people_and_items_does_not_matter():
    y = answers([1.0, 1.5, 0.8, 1.2], n=2000)
    a = item_response.fit_two_pl(y, 1, tol=1e-8)
    b = item_response.fit_two_pl(y[::-1, ::-1], 1, tol=1e-8)
    assert b.slopes[0, ::-1] == pytest.approx(a.slopes[0], abs=1e-5)


def test_estimates_are_a_maximum_of_the_marginal_likelihood():
    y = answers([1.0, 1.5, 0.8], n=1000)
    found = item_response.fit_two_pl(y, 1, tol=1e-9)

    def loglik(slopes, intercepts):
        p = expit(slopes * item_response.NODES[:, None] + intercepts)
        each = np.prod(np.where(y[:, None] > 0.5, p, 1 - p), axis=2)
        return np.log(each @ item_response.PRIOR).sum()

    best = loglik(found.slopes, found.intercepts)
    for j in range(3):
        for step in (-0.02, 0.02):
            shift = step * np.eye(3)[j]
            assert (
                loglik(found.slopes + shift, found.intercepts) < best > loglik(found.slopes, found.intercepts + shift)
            )


def test_eap_is_the_posterior_mean_on_the_grid():
    y = answers([1.0, 1.5, 0.8], n=1000)
    found = item_response.fit_two_pl(y, 1, tol=1e-9)
    p = expit(found.slopes * item_response.NODES[:, None] + found.intercepts)
    pattern = np.array([1, 0, 1])
    weight = item_response.PRIOR * np.prod(np.where(pattern, p, 1 - p), axis=1)
    assert found.eap[0, 0b101] == pytest.approx(weight @ item_response.NODES / weight.sum(), abs=1e-6)
    assert item_response.eap_scores(np.array([pattern]), found.eap)[0, 0] == found.eap[0, 0b101]


def test_scores_of_simulated_answers_are_those_of_the_drawn_items():
    rng = np.random.default_rng(0)
    slopes, intercepts, eap = rng.normal(1, 0.3, (3, 5)), rng.normal(0, 1, (3, 5)), rng.standard_normal((3, 32))
    f, uniform = rng.standard_normal((200, 3)), rng.random((200, 15))
    drawn = item_response.draw_binary(f, slopes, intercepts, uniform)
    again = item_response.simulated_scores(f, slopes, intercepts, eap, uniform)
    assert np.array_equal(again, item_response.eap_scores(drawn, eap))


def test_answers_follow_the_logistic_curve():
    y = answers(np.zeros((1, 3)), [[-2.0, 0.0, 1.0]])
    assert y.mean(axis=0) == pytest.approx(expit([-2.0, 0.0, 1.0]), abs=0.015)


def copies():
    """Five items of which two are answered the same by everybody: their slope has no finite maximum."""
    y = answers(np.full((1, 5), 1.5), n=300)
    y[:, 1] = y[:, 0]
    return y


def test_a_slope_at_its_bound_is_refused_or_flagged():
    with pytest.raises(ValueError, match="Heywood case in factor 1: a slope or an intercept is at its bound 8"):
        item_response.fit_two_pl(copies(), 1)
    kept = item_response.fit_two_pl(copies(), 1, heywood="keep")
    assert kept.heywood.tolist() == [True]
    assert kept.slopes.max() == item_response.BOUND


def test_too_few_steps_are_told():
    with pytest.warns(NotConvergedWarning, match="factor 1 had not settled after 3 steps"):
        item_response.fit_two_pl(answers(np.ones((1, 4)), n=500), 1, max_iter=3)


GOOD = answers(np.ones((1, 4)), n=200)


def broken(value):
    y = GOOD.copy()
    y[7, 2] = value
    return y


def alike(value):
    y = GOOD.copy()
    y[:, 2] = value
    return y


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: item_response.fit_two_pl(alike(1), 1), r"all answer item 3 of factor 1 alike \(column 2\)"),
        (lambda: item_response.fit_two_pl(alike(0), 1), r"all answer item 3 of factor 1 alike \(column 2\)"),
        (lambda: item_response.fit_two_pl(broken(2), 1), "y must be 0 or 1, got 2 in row 7"),
        (lambda: item_response.fit_two_pl(broken(0.5), 1), "y must be 0 or 1, got 0.5 in row 7"),
        (lambda: item_response.fit_two_pl(broken(np.nan), 1), "y is nan in row 7"),
        (lambda: item_response.fit_two_pl(GOOD, 3), "3 equal blocks"),
        (lambda: item_response.fit_two_pl(np.tile(GOOD, 5), 1), "at most 16"),
        (lambda: item_response.fit_two_pl(GOOD, 1, heywood="drop"), "heywood must be raise or keep"),
        (lambda: item_response.eap_scores(broken(np.nan), np.zeros((1, 16))), "y is nan in row 7"),
        (lambda: item_response.eap_scores(GOOD, np.zeros((1, 8))), "1 blocks of 3 items"),
        (
            lambda: item_response.draw_binary(np.zeros((5, 2)), np.ones((1, 3)), np.ones((1, 3)), np.ones((5, 3))),
            "f must",
        ),
        (
            lambda: item_response.draw_binary(np.full((5, 1), np.nan), *np.ones((2, 1, 3)), np.ones((5, 3))),
            "f is nan in row 0",
        ),
        (
            lambda: item_response.draw_binary(np.ones((5, 1)), *np.ones((2, 1, 3)), np.full((5, 3), np.nan)),
            "uniform is nan in row 0",
        ),
    ],
)
def test_bad_items_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
