"""Students that rank as they are told, alone or in a stack; attributions that are exact where they can be."""

import numpy as np
import pytest
import torch
from paperlab.methods.foundations.attribution import importance
from paperlab.methods.prediction import attribution_priors
from paperlab.methods.prediction.attribution_priors import Lessons, Training, train_students
from scipy.stats import spearmanr

GROUPS = {"a": [0, 1], "b": [2], "c": [3], "d": [4]}
KNOWN = np.array([0.05, 0.15, 0.3, 0.5])


def classroom(m=2, n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, n, 5))
    return x, np.digitize(x[:, :, 0] + 0.5 * rng.standard_normal((m, n)), [-0.6, 0.6])


def school(x, y, weights, starts, n_epochs=25, rng=0, signs=None, **options):
    lessons = Lessons([KNOWN] * len(weights), weights, signs)
    training = Training(n_epochs=n_epochs)
    return train_students(x, y, lessons, GROUPS, starts, rng=rng, training=training, **options)


def test_a_plain_student_learns_and_a_taught_one_ranks_as_told():
    x, y = classroom()
    found = school(x, y, [0.0, 5.0], [0, 0])
    accuracy = (found.probabilities(x).argmax(2) == y).mean(1)
    own = found.importances(x[0], GROUPS)
    assert accuracy[0] > 0.6
    assert own[0].argmax() == 0
    assert np.allclose(own.sum(1), 1)
    assert spearmanr(own[1], KNOWN).statistic == pytest.approx(1)
    assert np.abs(own[1] - KNOWN).max() < 0.08


def test_students_do_not_depend_on_their_neighbours():
    x, y = classroom()
    both = school(x, y, [0.0, 2.0], [3, 4], n_epochs=5)
    alone = school(x[1:], y[1:], [2.0], [4], n_epochs=5)
    assert np.allclose(both.probabilities(x[0])[1], alone.probabilities(x[0])[0], atol=1e-5)


def test_mini_batches_come_from_the_generator_and_from_nowhere_else():
    x, y = classroom(1)
    torch.manual_seed(1)
    first = school(x, y, [0.0], [0], n_epochs=2, rng=np.random.default_rng(0)).probabilities(x)
    torch.manual_seed(2)
    same = school(x, y, [0.0], [0], n_epochs=2, rng=np.random.default_rng(0)).probabilities(x)
    other = school(x, y, [0.0], [0], n_epochs=2, rng=np.random.default_rng(1)).probabilities(x)
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


def test_attributions_of_an_affine_network_are_exact_and_agree():
    x, y = classroom(1)
    found = school(x, y, [0.0], [0], n_epochs=1)
    found.network.slope = 1.0  # no kink: the score is linear in x up to a constant
    ways = [found.importances(x[0], GROUPS, kind) for kind in attribution_priors.ATTRIBUTIONS]
    assert np.allclose(ways[0], ways[1], atol=1e-5)
    assert np.allclose(ways[0], ways[2], atol=1e-5)
    first, second = (layer.detach().double().numpy()[0] for layer in found.network.weights)
    slope = first @ second @ [-1, 0, 1]
    terms = x[0] * slope
    exact = importance(np.column_stack([terms[:, :2].sum(1), terms[:, 2:]]))
    assert ways[0][0] == pytest.approx(exact, abs=1e-5)


def test_gradient_of_the_score_is_that_of_differences():
    x, y = classroom(1)
    found = school(x, y, [0.0], [0], n_epochs=3)
    point = torch.as_tensor(x[:, :4], dtype=torch.float32)
    score, slope = attribution_priors.score_gradient(found.network, point)
    step = torch.zeros(5)
    step[2] = 1e-3
    moved = attribution_priors.score_gradient(found.network, point + step)[0]
    assert torch.allclose((moved - score) / 1e-3, slope[:, :, 2], atol=2e-2)


def test_the_size_is_taught_and_the_sign_only_when_asked_for():
    """The trap of the page: a factor may be used the wrong way round and the importances still match."""
    x, y = classroom(2, 60)
    found = school(x, y, [5.0, 5.0], [0, 1], n_epochs=60, signs=[0, 0, 0, 0, 1])
    with torch.no_grad():
        slope = attribution_priors.score_gradient(found.network, torch.as_tensor(x, dtype=torch.float32))[1].mean(1)
    assert (slope[:, 4] > 0).all()


def test_probabilities_add_up_for_one_set_of_rows_or_one_for_each():
    x, y = classroom()
    found = school(x, y, [0.0, 0.0], [0, 1], n_epochs=1)
    assert found.probabilities(x[0]).shape == (2, 200, 3)
    np.testing.assert_allclose(found.probabilities(x).sum(2), 1, atol=1e-6)
    np.testing.assert_allclose(found.probabilities(x)[0], found.probabilities(x[0])[0], atol=1e-6)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"weights": [0.0, -1.0]}, r"weights holds -1\.0"),
        ({"weights": [0.0, np.nan]}, "weights is nan in row 1"),
        ({"weights": [0.0]}, r"got \(2, 4\) and \(1,\)"),
        ({"knowledge": [KNOWN, [0.5, 0.5, 0.0, 0.0]]}, "every entry must be positive"),
        ({"knowledge": [KNOWN, KNOWN * 2]}, "add up to 1"),
        ({"signs": [0, 0, 2, 0, 0]}, "every entry must be -1, 0 or 1"),
    ],
)
def test_lessons_that_are_none_are_told(change, words):
    with pytest.raises(ValueError, match=words):
        Lessons(**{"knowledge": [KNOWN, KNOWN], "weights": [0.0, 1.0], **change})


@pytest.mark.parametrize(
    "change, words",
    [
        ({"lessons": Lessons([np.full(3, 1 / 3)] * 2, [0.0, 1.0])}, "3 entries for 4 factors"),
        ({"lessons": Lessons([KNOWN] * 2, [0.0, 1.0], [0, 1])}, "signs must have one entry for each of 5 columns"),
        ({"y": np.ones((2, 200), int)}, "network 0 holds one class only"),
        ({"y": np.full((2, 200), 3)}, "y holds 3; the classes are 0, 1, 2"),
        ({"y": np.full((2, 200), 0.5)}, "y holds 0.5; the classes are 0, 1, 2"),
        ({"x": np.full((2, 200, 5), np.nan)}, "x is nan in row 0"),
        ({"starts": [0]}, r"1 starts: give \(M, n, d\)"),
        ({"attribution": "lime"}, "choose one of"),
        ({"groups": {"a": [0, 1], "b": [2], "c": [3], "d": []}}, "has no column"),
    ],
)
def test_bad_input_is_told(change, words):
    x, y = classroom()
    good = {"x": x, "y": y, "lessons": Lessons([KNOWN, KNOWN], [0.0, 1.0]), "groups": GROUPS, "starts": [0, 1]}
    with pytest.raises(ValueError, match=words):
        train_students(**{**good, **change}, rng=0, training=Training(n_epochs=1))


@pytest.mark.parametrize("name", ["n_epochs", "batch_size", "learning_rate", "width"])
def test_training_needs_positive_numbers(name):
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        Training(**{name: 0})
