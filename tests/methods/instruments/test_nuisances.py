"""Bases span what they say; nuisance models recover the functions that they contain."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.foundations import linear
from paperlab.methods.instruments import nuisances, simulate
from paperlab.methods.instruments.nuisances import basis, fit_by_arm, fit_nuisances


@pytest.fixture(scope="module")
def sample():
    return simulate.draw(3000, rng=np.random.default_rng(1))


def test_bases_by_hand():
    x = np.array([[2.0, 3.0]])
    assert basis(x, "constant").tolist() == [[1]]
    assert basis(x, "linear").tolist() == [[1, 2, 3]]
    assert basis(x, "quadratic").tolist() == [[1, 2, 3, 4, 6, 9]]
    assert basis(x, "wrong") == pytest.approx(np.array([[1, np.cos(9)]]))
    assert basis(x[:, :1], "wrong") == pytest.approx(np.array([[1, np.cos(6)]]))
    assert basis(np.zeros((4, 5, 2)), "quadratic").shape == (4, 5, 6)
    with pytest.raises(ValueError, match="kind must be one of linear, quadratic, wrong, constant, got 'cubic'"):
        basis(x, "cubic")


def test_fits_by_arm_see_their_arm_only(sample):
    b, z = basis(sample.x, "linear"), sample.instrument
    for arm, found in zip((0, 1), fit_by_arm(b, sample.y, z), strict=True):
        rows = z == arm
        coef = linear.ols(sample.y[rows], b[rows]).coef
        assert found == pytest.approx(b @ coef, abs=1e-9)


def test_right_models_find_the_functions():
    s = simulate.draw(400_000, rng=np.random.default_rng(2))
    found = fit_nuisances(s)
    p0, p1 = simulate.Design().treatment_probabilities(s.x)
    assert np.abs(found.p0 - p0).max() < 0.02 and np.abs(found.p1 - p1).max() < 0.02
    assert np.abs(found.pi - 1 / (1 + np.exp(-0.5 * (s.x[:, 0] - s.x[:, 1])))).max() < 0.02
    assert np.mean(found.beta) == pytest.approx(1, abs=0.1)
    assert np.mean(found.rho) == pytest.approx(0.12 * 1.5, abs=0.02)
    m0 = s.x[:, 0] + s.x[:, 1] ** 2
    assert np.abs(found.m0 - m0).mean() < 0.1
    assert np.abs(found.m1 - m0 - 1 - s.x[:, 1] / 2).mean() < 0.1


def test_both_steps_agree_where_all_models_are_right():
    s = simulate.draw(400_000, rng=np.random.default_rng(3))
    one, other = (fit_nuisances(s, step=step) for step in ("two-step", "g-estimation"))
    assert one.beta.mean() == pytest.approx(other.beta.mean(), abs=0.05)
    assert one.rho.mean() == pytest.approx(other.rho.mean(), abs=0.01)


def test_shared_fits_change_nothing(sample):
    shared = {}
    first = fit_nuisances(sample, {"pi": "wrong"}, shared=shared)
    again = fit_nuisances(sample, {"pi": "wrong"}, shared=shared)
    alone = fit_nuisances(sample, {"pi": "wrong"})
    for name in ("p0", "pi", "m1", "beta", "rho"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
        assert np.array_equal(getattr(first, name), getattr(alone, name))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"step": "three-step"}, "step must be two-step or g-estimation, got 'three-step'"),
        ({"models": {"q": "linear"}}, "models must name some of pi, p, m, b, r, got 'q'"),
        ({"models": {"p": "cubic"}}, "kind must be one of"),
    ],
)
def test_unknown_names_are_refused(sample, options, words):
    with pytest.raises(ValueError, match=words):
        fit_nuisances(sample, **options)


def test_collinear_covariates_are_refused(sample):
    double = dataclasses.replace(sample, x=sample.x[:, [0, 0]])
    with pytest.raises(ValueError, match=r"collinear|linear combination"):
        fit_nuisances(double)


def test_nuisances_are_checked_before_they_are_used():
    good = dict.fromkeys(("p0", "p1", "pi", "m0", "m1", "beta", "rho"), np.full(4, 0.5))
    nuisances.Nuisances(**good)
    with pytest.raises(ValueError, match="beta is nan in row 1"):
        nuisances.Nuisances(**{**good, "beta": np.array([0, np.nan, 0, 0])})
    for edge in (0.0, 1.0):
        with pytest.raises(ValueError, match=f"pi must lie strictly between 0 and 1, got {edge:g} in row 3; clip it"):
            nuisances.Nuisances(**{**good, "pi": np.array([0.5, 0.5, 0.5, edge])})
