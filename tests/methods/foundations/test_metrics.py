"""Areas under curves count pairs, F1 counts hits, and both follow no labels but those given."""

import numpy as np
import pytest
from paperlab.methods.foundations.metrics import auroc, class_f1, rmse
from sklearn.metrics import f1_score, roc_auc_score


@pytest.fixture
def scored():
    rng = np.random.default_rng(5)
    positive = rng.random(300) < 0.3
    return np.round(rng.random(300) + 0.2 * positive, 1), positive  # many ties


def test_auroc_is_the_share_of_pairs_in_order(scored):
    score, positive = scored
    ahead = score[positive][:, None] - score[~positive][None, :]
    assert auroc(score, positive) == pytest.approx((ahead > 0).mean() + (ahead == 0).mean() / 2)


def test_auroc_depends_on_the_order_only_and_turns_with_the_score(scored):
    score, positive = scored
    area = auroc(score, positive)
    assert auroc(np.exp(3 * score) * 1e-12, positive.astype(int)) == area
    assert auroc(-score, positive) == pytest.approx(1 - area)
    assert auroc(score, ~positive) == pytest.approx(1 - area)
    assert auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))


def test_perfect_and_empty_scores():
    assert auroc([3, 1, 2, 0], [True, False, True, False]) == 1
    assert auroc([0, 2, 1, 3], [1, 0, 1, 0]) == 0
    assert auroc([1, 1, 1], [True, False, False]) == 0.5


def test_bad_scores_are_named(scored):
    score, positive = scored
    with pytest.raises(ValueError, match="positive is True in all 2 rows"):
        auroc([1.0, 2.0], [True, True])
    with pytest.raises(ValueError, match="positive is False in all 2 rows"):
        auroc([1.0, 2.0], [0, 0])
    with pytest.raises(ValueError, match="score is nan in row 1"):
        auroc([1.0, np.nan], [0, 1])
    with pytest.raises(ValueError, match="positive must be 0 or 1, got -1 in row 0"):
        auroc([1.0, 2.0], [-1, 1])
    with pytest.raises(ValueError, match=r"must be \(n,\)"):
        auroc(score, positive[1:])


def test_f1_by_hand():
    truth, guess = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    assert class_f1(truth, guess, ("a", "b")).tolist() == pytest.approx([0.8, 2 / 3])
    assert class_f1(truth, guess, ("b", "a")).tolist() == pytest.approx([2 / 3, 0.8])
    assert class_f1(["a"], ["a"], ("a", "c")).tolist() == [1, 0]  # c: nothing there, nothing said


def test_f1_equals_scikit_learn_and_does_not_know_the_names():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 4, (2, 60))
    found = class_f1(truth, guess, range(4))
    np.testing.assert_allclose(found, f1_score(truth, guess, average=None))
    text = np.array(["w", "x", "y", "z"])
    np.testing.assert_array_equal(class_f1(text[truth], text[guess], text), found)
    np.testing.assert_array_equal(class_f1(guess, truth, range(4)), found)  # misses and false alarms weigh alike


def test_a_resample_is_a_repeated_row():
    rng = np.random.default_rng(1)
    truth, guess, times = rng.integers(0, 2, 30), rng.integers(0, 2, 30), rng.integers(0, 3, (2, 30))
    expected = [class_f1(np.repeat(truth, t), np.repeat(guess, t), (0, 1)) for t in times]
    np.testing.assert_allclose(class_f1(truth, guess, (0, 1), times), expected)
    np.testing.assert_allclose(class_f1(truth, guess, (0, 1), times[0]), expected[0])
    with pytest.raises(ValueError, match=r"weights must be \(B, 30\)"):
        class_f1(truth, guess, (0, 1), times[:, 1:])


def test_bad_classes_are_named():
    with pytest.raises(ValueError, match="guess is c in row 1, which names lacks"):
        class_f1(["a", "b"], ["a", "c"], ("a", "b"))
    with pytest.raises(ValueError, match="truth is c in row 0"):
        class_f1(["c", "b"], ["a", "b"], ("a", "b"))
    with pytest.raises(ValueError, match="names must differ"):
        class_f1(["a"], ["a"], ("a", "a"))
    with pytest.raises(ValueError, match=r"truth and guess must be \(n,\)"):
        class_f1(["a"], ["a", "b"], ("a", "b"))
    with pytest.raises(ValueError, match="not negative"):
        class_f1(["a", "b"], ["a", "b"], ("a", "b"), [[1, -1]])


def test_rmse_is_the_length_over_root_n():
    errors = np.array([[3.0, -4.0], [0.0, 0.0]])
    np.testing.assert_allclose(rmse(errors), [5 / np.sqrt(2), 0])
    np.testing.assert_allclose(rmse(1e-9 * errors), 1e-9 * rmse(errors))
    with pytest.raises(ValueError, match=r"errors is nan in row 1 \(index \(0, 1\)\)"):
        rmse([[0.0, np.nan]])
    with pytest.raises(ValueError, match="at least one entry"):
        rmse([])
