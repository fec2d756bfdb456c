"""Likelihood and scores of growth mixtures against the dense normal mixture, and what units and labels may change."""

import numpy as np
import pytest
from paperlab.methods.growth_mixtures import inference, simulate
from paperlab.methods.growth_mixtures.mixture import SMOOTH, Mixture
from paperlab.methods.growth_mixtures.trajectories import Trajectories
from scipy.stats import multivariate_normal

TRUE = simulate.truth()


def draw(n=200, seed=1, **design):
    return simulate.simulate(simulate.truth(**design), n, rng=np.random.default_rng(seed)).data


@pytest.fixture(scope="module")
def data():
    return draw()


def loadings(t, knot, smooth=0.001):
    s = np.sqrt((t - knot) ** 2 + smooth**2)
    return np.stack([np.ones_like(t), (t + knot - s) / 2, (t - knot + s) / 2], axis=-1)


def test_loglikelihood_is_that_of_the_dense_normal_mixture(data):
    odds = np.exp(np.column_stack([np.ones(200), data.g]) @ TRUE.gate.T)
    prior = odds / odds.sum(axis=1, keepdims=True)
    mixture = Mixture(data, 2)
    total = mixture.loglik(TRUE)
    assert mixture.smooth == pytest.approx(0.001)
    assert mixture.posterior.persons.sum() == pytest.approx(total)
    for i in range(5):
        parts, factors = [], []
        for k in range(2):
            basis = loadings(data.t[i], TRUE.knot[k])
            centre = TRUE.coef[k] @ np.r_[1, data.x[i]]
            cov = basis @ TRUE.psi[k] @ basis.T + TRUE.theta[k] * np.eye(10)
            gain = TRUE.psi[k] @ basis.T @ np.linalg.inv(cov)
            parts.append(prior[i, k] * multivariate_normal(basis @ centre, cov).pdf(data.y[i]))
            factors.append((centre + gain @ (data.y[i] - basis @ centre), TRUE.psi[k] - gain @ basis @ TRUE.psi[k]))
        assert mixture.posterior.persons[i] == pytest.approx(np.log(sum(parts)), abs=1e-9)
        assert mixture.posterior.resp[i] == pytest.approx(np.array(parts) / sum(parts), abs=1e-9)
        for k, (mean, var) in enumerate(factors):
            assert mixture.posterior.mean[i, k] == pytest.approx(mean, abs=1e-8)
            assert mixture.posterior.var[i, k] == pytest.approx(var[np.triu_indices(3)], abs=1e-8)


def test_scores_are_the_derivative_of_the_loglikelihood():
    data = draw(100, kappa=0.3)
    mixture = Mixture(data, 2)
    p = inference.with_free(simulate.truth(kappa=0.3), inference.free(TRUE, use_w=True) + 0.02, use_w=True)
    at = inference.free(p, use_w=True)
    exact = mixture.scores(p).sum(axis=0)
    assert mixture.gradient(p) == pytest.approx(exact, rel=1e-9, abs=1e-7)
    for j in range(at.size):
        h = np.zeros(at.size)
        h[j] = 1e-5
        up, down = (mixture.loglik(inference.with_free(p, at + s * h, use_w=True)) for s in (1, -1))
        assert exact[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("waves", [8, 10])
def test_the_kink_is_rounded_over_a_share_of_the_time_and_not_over_a_number(data, waves):
    """So that time in months or years gives one likelihood."""
    part = Trajectories(data.y[:, :waves], data.t[:, :waves], data.x, data.g)
    slow = Trajectories(part.y, 12 * part.t, part.x, part.g)
    scale = np.array([1.0, 1 / 12, 1 / 12])
    p = TRUE._replace(coef=TRUE.coef * scale[:, None], psi=TRUE.psi * np.outer(scale, scale), knot=12 * TRUE.knot)
    assert Mixture(slow, 2).smooth == pytest.approx(12 * SMOOTH * np.ptp(part.t))
    assert Mixture(slow, 2).loglik(p) == pytest.approx(Mixture(part, 2).loglik(TRUE), abs=1e-7)


@pytest.mark.parametrize("unit", [1e-9, 1e-5, 10.0])
def test_change_of_unit_changes_the_likelihood_by_its_jacobian(data, unit):
    scaled = Trajectories(unit * data.y, data.t, data.x, data.g)
    q = TRUE._replace(coef=unit * TRUE.coef, psi=unit**2 * TRUE.psi, theta=unit**2 * TRUE.theta)
    expected = Mixture(data, 2).loglik(TRUE) - data.y.size * np.log(unit)
    assert Mixture(scaled, 2).loglik(q) == pytest.approx(expected, abs=1e-5)


def test_relabelling_changes_nothing_but_the_names(data):
    swapped = TRUE.ordered(-TRUE.coef[:, 0, 0])
    mixture = Mixture(data, 2)
    assert mixture.loglik(swapped) == pytest.approx(mixture.loglik(TRUE), abs=1e-8)
    assert swapped.ordered().coef[0, 0, 0] < swapped.ordered().coef[1, 0, 0]
    assert swapped.gate[1] == pytest.approx(-TRUE.gate[1])


def test_one_step_of_em_raises_the_likelihood_and_keeps_its_argument(data):
    mixture, p = Mixture(data, 2), TRUE._replace(theta=np.array([2.0, 0.5]), knot=np.array([4.0, 5.0]))
    before = p.flat()
    low = mixture.loglik(p)
    new = mixture.update(p)
    assert np.array_equal(p.flat(), before)
    assert mixture.loglik(new) > low


def test_a_gate_in_another_unit_takes_the_same_step(data):
    """The ridge that steadies Newton's step follows the covariate's unit."""
    steps = []
    for unit in (1.0, 1e-7, 1e6):
        mixture = Mixture(Trajectories(data.y, data.t, data.x, unit * data.g), 2)
        p = TRUE._replace(gate=np.zeros((2, 3)))
        mixture.loglik(p)
        steps.append(mixture.update(p).gate[1] * np.r_[1, unit, unit])
    assert steps[1] == pytest.approx(steps[0], rel=1e-6)
    assert steps[2] == pytest.approx(steps[0], rel=1e-6)


def test_parameters_that_are_no_mixture_are_not_valid(data):
    mixture = Mixture(data, 2)
    assert mixture.valid(TRUE)
    tiny = np.diag([1.0, 1e-9, 1e-9])
    assert mixture.valid(TRUE._replace(psi=tiny @ TRUE.psi @ tiny))
    singular = TRUE.psi.copy()
    singular[0, 0] = singular[0, :, 0] = singular[0, 1]
    for change in (
        {"theta": np.array([1.0, 0.0])},
        {"knot": np.array([0.1, 5.0])},
        {"knot": np.array([4.0, 8.9])},
        {"kappa": np.array([np.nan, 0.0])},
        {"psi": -TRUE.psi},
    ):
        assert not mixture.valid(TRUE._replace(**change))
    assert Mixture(data, 2, fixed_knot=True).valid(TRUE._replace(knot=np.array([0.1, 8.9])))


@pytest.mark.parametrize(
    "change",
    [
        {"gate": np.zeros((2, 2))},
        {"coef": np.zeros((2, 3, 4))},
        {"psi": np.zeros((1, 3, 3))},
        {"theta": np.ones(3)},
        {"knot": np.ones(1)},
    ],
)
def test_parameters_of_other_data_or_classes_are_refused_before_a_kernel_reads_them(data, change):
    mixture = Mixture(data, 2)
    for call in (mixture.loglik, mixture.update, mixture.scores, mixture.gradient):
        with pytest.raises(ValueError, match="parameters must have shapes"):
            call(TRUE._replace(**change))


def test_mixtures_without_classes_or_with_a_sharp_kink_are_refused(data):
    for options in ({"n_classes": 0}, {"n_classes": 2, "smooth": 0.0}):
        with pytest.raises(ValueError, match="n_classes must be at least 1 and smooth positive"):
            Mixture(data, **options)
