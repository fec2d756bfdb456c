"""The authors' design and the accuracy of classes."""

import numpy as np
import pytest
from paperlab.methods.growth_mixtures import simulate
from scipy.special import expit

TRUE = simulate.truth()


def test_experts_explain_the_stated_share_and_the_total_stays():
    for k, share in enumerate((0.13, 0.26)):
        slopes = TRUE.coef[k, :, 1:]
        explained = slopes @ simulate.CORRELATION @ slopes.T
        assert np.diag(explained) / np.diag(simulate.WITHIN) == pytest.approx(share)
        assert explained + TRUE.psi[k] == pytest.approx(simulate.WITHIN)
    assert TRUE.coef[0, 0, 1:] == pytest.approx([0.8849, 1.3274], abs=1e-4)
    assert TRUE.coef[1, 1, 1:] == pytest.approx([0.2503, 0.3755], abs=1e-4)


def test_gates_are_odds_ratios():
    assert np.exp(TRUE.gate[1]) == pytest.approx([1.0, 1.5, 1.7])
    assert not TRUE.gate[0].any()


def test_drawn_persons_have_the_moments_of_their_class():
    sample = simulate.simulate(simulate.truth(theta=0.5), 40_000, rng=np.random.default_rng(0))
    data, z = sample.data, sample.classes
    chance = expit(data.g @ np.log([1.5, 1.7]))
    assert z.mean() == pytest.approx(chance.mean(), abs=0.01)
    assert z[chance > 0.7].mean() == pytest.approx(chance[chance > 0.7].mean(), abs=0.02)
    assert np.corrcoef(data.x.T)[0, 1] == pytest.approx(0.3, abs=0.02)
    assert abs(np.corrcoef(data.x[:, 0], data.g[:, 0])[0, 1]) < 0.02
    first, last = data.y[z == 0, 0], data.y[z == 1, -1]
    assert data.t[:, 0].tolist() == [0.0] * 40_000 and (data.t[:, -1] == 9).all()
    assert first.mean() == pytest.approx(40.0, abs=0.15)
    assert first.var() == pytest.approx(25.0 + 0.5, rel=0.03)
    assert last.mean() == pytest.approx(50 + 5 * 5.5 + 2.6 * 3.5, abs=0.25)  # knot of class 2 at 5.5


def test_a_covariate_that_varies_over_time_moves_the_outcome():
    rng = np.random.default_rng
    plain = simulate.simulate(simulate.truth(), 4000, rng=rng(0)).data
    moved = simulate.simulate(simulate.truth(kappa=0.3), 4000, rng=rng(0)).data
    assert not plain.use_w and moved.use_w
    error = moved.y - moved.y.mean(axis=0)
    slope = (moved.w * error).sum() / (moved.w**2).sum()
    assert slope == pytest.approx(0.3, abs=0.1)


def test_accuracy_does_not_depend_on_labels():
    z = np.array([0, 0, 1, 1, 1])
    resp = np.eye(2)[1 - z]
    assert simulate.accuracy(resp, z) == 1.0
    assert simulate.accuracy(np.eye(2)[np.zeros(5, dtype=int)], z) == pytest.approx(0.6)
    for names in ([5000, 5000, 7, 7, 7], ["b", "b", "a", "a", "a"], [(0, 1), (0, 1), (1, 0), (1, 0), (1, 0)]):
        assert simulate.accuracy(resp, names) == 1.0
    assert simulate.accuracy(np.eye(3)[[2, 2, 0, 1, 0]], z) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: simulate.truth(r2=(0.1, 1.0)), "shares of explained variance"),
        (lambda: simulate.truth(gate_or=(0.0, 1.0)), "must be positive"),
        (lambda: simulate.truth(theta=0.0), "must be positive"),
        (lambda: simulate.truth(knots=(1.0,)), "knots must hold two numbers"),
        (lambda: simulate.truth(r2=(0.1, np.nan)), "r2 is nan"),
        (lambda: simulate.truth(separation=np.nan), "separation, theta, kappa is nan in row 0"),
        (lambda: simulate.simulate(TRUE, 0, rng=np.random.default_rng(0)), "n must be at least 1"),
        (lambda: simulate.simulate(TRUE, 5, rng=np.random.default_rng(0), jitter=0.5), "jitter in"),
        (lambda: simulate.accuracy([[np.nan, 1]], [0]), "resp is nan in row 0"),
        (lambda: simulate.accuracy([[0.5, 0.5]], [None]), "classes has no label in row 0"),
        (lambda: simulate.accuracy([[0.5, 0.5]], [0, 1]), "one label for each of 1 rows"),
    ],
)
def test_bad_designs_and_labels_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
