"""Measures against scikit-learn and by hand, with and without ties."""

import numpy as np
import pytest
from paperlab.methods.recommenders import rating_scores
from paperlab.methods.recommenders.rating_scores import ndcg_rows, scores
from sklearn import metrics


@pytest.fixture(params=["continuous", "tied"])
def pair(request):
    rng = np.random.default_rng(0)
    ratings = rng.integers(1, 6, (40, 25)).astype(float)
    guess = ratings + 2 * rng.standard_normal((40, 25))
    return ratings, guess if request.param == "continuous" else np.round(guess)


def test_all_measures_are_scikit_learns(pair):
    ratings, guess = pair
    found = scores(ratings, guess, click_from=4)
    clicked, shown = (ratings >= 4).ravel(), (guess > np.median(guess)).ravel()
    expected = {
        "mae": metrics.mean_absolute_error(ratings, guess),
        "rmse": np.sqrt(metrics.mean_squared_error(ratings, guess)),
        "precision": metrics.precision_score(clicked, shown),
        "recall": metrics.recall_score(clicked, shown),
        "f1": metrics.f1_score(clicked, shown),
        "auc": metrics.roc_auc_score(clicked, guess.ravel()),
        "ndcg": metrics.ndcg_score(ratings, guess, k=10),
    }
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("top", [1, 3, 25])
def test_gains_of_lists_are_scikit_learns_row_by_row(pair, top):
    ratings, guess = pair
    found = ndcg_rows(ratings, guess, top)
    for row in range(len(ratings)):
        assert found[row] == pytest.approx(metrics.ndcg_score(ratings[[row]], guess[[row]], k=top), abs=1e-12)


def test_the_true_order_is_perfect_and_equal_scores_get_the_average_list():
    gain = np.array([[3.0, 2, 1, 0]])
    assert ndcg_rows(gain, 10 * gain, 2)[0] == pytest.approx(1)
    weights = 1 / np.log2([2, 3])
    assert ndcg_rows(gain, np.zeros((1, 4)), 2)[0] == pytest.approx(1.5 * weights.sum() / (gain[0, :2] @ weights))


def test_nothing_to_gain_is_nothing_gained():
    assert ndcg_rows(np.zeros((1, 3)), np.arange(3.0)[None], 2)[0] == 0


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: scores(np.ones((2, 2)), np.ones((2, 3)), click_from=4), "must have one shape"),
        (lambda: scores(np.ones((2, 3)), np.ones((2, 3)), click_from=4), "positive is False in all 6 rows"),
        (lambda: scores([[np.nan, 5]], [[1, 2]], click_from=4), "ratings is nan in row 0"),
        (lambda: ndcg_rows(np.ones((2, 3)), np.ones((2, 3)), 4), "top must be between 1 and 3, got 4"),
        (lambda: ndcg_rows(-np.ones((2, 3)), np.ones((2, 3)), 1), "gain must not be negative"),
        (lambda: ndcg_rows(np.ones(3), np.ones(3), 1), r"must be \(n_rows, n_columns\)"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_measures_are_plain_numbers(pair):
    assert all(type(value) is float for value in vars(rating_scores.scores(*pair, click_from=4)).values())
