import numpy as np
import pytest
import torch
from paperlab.methods.prediction import attribution_priors as ks
from scipy.stats import spearmanr

GROUPS = {"a": [0, 1], "b": [2], "c": [3], "d": [4]}
KNOWN = np.array([0.05, 0.15, 0.3, 0.5])


def classroom(m=2, n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, n, 5))
    return x, np.digitize(x[:, :, 0] + 0.5 * rng.standard_normal((m, n)), [-0.6, 0.6])


def test_a_plain_student_learns_and_a_taught_one_ranks_as_told():
    x, y = classroom()
    school = ks.train_students(x, y, [KNOWN, KNOWN], [0.0, 5.0], GROUPS, [0, 0])
    accuracy = (school.probabilities(x).argmax(2) == y).mean(1)
    own = school.importances(x[0], GROUPS)
    assert accuracy[0] > 0.6
    assert own[0].argmax() == 0
    assert np.allclose(own.sum(1), 1)
    assert spearmanr(own[1], KNOWN).statistic == pytest.approx(1)
    assert np.abs(own[1] - KNOWN).max() < 0.08


def test_students_do_not_depend_on_their_neighbours():
    x, y = classroom()
    both = ks.train_students(x, y, [KNOWN, KNOWN], [0.0, 2.0], GROUPS, [3, 4], epochs=5)
    alone = ks.train_students(x[1:], y[1:], [KNOWN], [2.0], GROUPS, [4], epochs=5)
    assert np.allclose(both.probabilities(x[0])[1], alone.probabilities(x[0])[0], atol=1e-5)


def test_attributions_of_an_affine_network_are_exact_and_agree():
    x, y = classroom(1)
    school = ks.train_students(x, y, [KNOWN], [0.0], GROUPS, [0], epochs=1)
    school.network.slope = 1.0  # no kink: the score is linear in x up to a constant
    found = [school.importances(x[0], GROUPS, kind) for kind in ks.ATTRIBUTIONS]
    assert np.allclose(found[0], found[1], atol=1e-5)
    assert np.allclose(found[0], found[2], atol=1e-5)


def test_gradient_of_the_score_is_that_of_differences():
    x, y = classroom(1)
    school = ks.train_students(x, y, [KNOWN], [0.0], GROUPS, [0], epochs=3)
    point = torch.as_tensor(x[:, :4], dtype=torch.float32)
    score, slope = ks._score_gradient(school.network, point)
    step = torch.zeros(5)
    step[2] = 1e-3
    moved = ks._score_gradient(school.network, point + step)[0]
    assert torch.allclose((moved - score) / 1e-3, slope[:, :, 2], atol=2e-2)


def test_the_size_is_taught_and_the_sign_only_when_asked_for():
    """The trap of the page: a factor may be used the wrong way round and the importances still match."""
    x, y = classroom(2, 60)
    signs = np.array([0, 0, 0, 0, 1])
    school = ks.train_students(x, y, [KNOWN] * 2, [5.0, 5.0], GROUPS, [0, 1], signs=signs, epochs=60)
    with torch.no_grad():
        slope = ks._score_gradient(school.network, torch.as_tensor(x, dtype=torch.float32))[1].mean(1)
    assert (slope[:, 4] > 0).all()


@pytest.mark.parametrize(
    "change, words",
    [
        ({"lams": [0.0, -1.0]}, r"lam = -1\.0"),
        ({"knowledge": [KNOWN, [0.5, 0.5, 0.0, 0.0]]}, "every entry must be positive"),
        ({"knowledge": [KNOWN, KNOWN * 2]}, "add up to 1"),
        ({"knowledge": [KNOWN[:3], KNOWN[:3]]}, "3 entries for 4 factors"),
        ({"y": np.ones((2, 200), int)}, "network 0 holds one class only"),
        ({"seeds": [0]}, r"give \(M, n, d\)"),
        ({"attribution": "lime"}, "choose one of"),
        ({"groups": {"a": [0, 1], "b": [2], "c": [3], "d": []}}, "has no column"),
    ],
)
def test_bad_input_is_told(change, words):
    x, y = classroom()
    arguments = {"x": x, "y": y, "knowledge": [KNOWN, KNOWN], "lams": [0.0, 1.0], "groups": GROUPS, "seeds": [0, 1]}
    with pytest.raises(ValueError, match=words):
        ks.train_students(**{**arguments, **change}, epochs=1)
