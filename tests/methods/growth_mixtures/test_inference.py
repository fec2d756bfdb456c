"""Free parameters, their names, and standard errors: transformation, units, and when there are none."""

import numpy as np
import pytest
from paperlab.methods.growth_mixtures import inference, simulate
from paperlab.methods.growth_mixtures.fit import fit
from paperlab.methods.growth_mixtures.mixture import Mixture
from paperlab.methods.growth_mixtures.trajectories import Trajectories

TRUE = simulate.truth()


def draw(n=200, seed=1, **design):
    return simulate.simulate(simulate.truth(**design), n, rng=np.random.default_rng(seed)).data


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def best(data):
    return fit(data, 2, rng=np.random.default_rng(0), n_starts=3, tol=1e-11)


def test_free_parameters_come_back_and_have_names():
    p = simulate.truth(kappa=0.2)
    vector = inference.free(p, use_w=True)
    names = inference.names(p, use_w=True)
    assert len(vector) == len(names) == len(set(names)) == 39
    assert vector[names.index("knot2")] == p.knot[1]
    assert vector[names.index("psi1.12")] == p.psi[0, 1, 2]
    assert vector[names.index("B2.01")] == p.coef[1, 0, 1]
    assert vector[names.index("kappa1")] == 0.2
    again = inference.with_free(p, vector + 1, use_w=True)
    assert inference.free(again, use_w=True) == pytest.approx(vector + 1)
    with pytest.raises(ValueError, match="one entry per free parameter"):
        inference.with_free(p, vector)
    assert len(inference.free(p, fixed_knot=True)) == len(inference.names(p, fixed_knot=True)) == 35


def test_optimum_has_zero_scores_and_a_positive_information(data, best):
    scores = Mixture(data, 2).scores(best.parameters).sum(axis=0)
    cov = inference.covariance(best)
    assert scores @ cov @ scores < 1e-6
    assert np.linalg.eigvalsh(cov).min() > 0
    assert len(cov) == best.n_parameters == len(inference.names(best.parameters)) == 37


def test_both_parametrisations_are_one_model(data):
    t, knot = data.t[0], 3.5
    s = np.sqrt((t - knot) ** 2 + 1e-6)
    basis = np.stack([np.ones_like(t), (t + knot - s) / 2, (t - knot + s) / 2], axis=-1)
    knot_basis = np.column_stack([np.ones_like(t), t - knot, s])
    assert knot_basis @ inference.knot_form(knot) == pytest.approx(basis)


def test_standard_errors_transform_to_the_knot_form_by_the_delta_method(data):
    found = fit(data.with_model("FMM"), 1, rng=np.random.default_rng(0), n_starts=1, tol=1e-11)
    mixture, at = Mixture(found.data, 1), inference.free(found.parameters)
    psi, knot = slice(3, 9), 10

    def original(v):
        back = np.linalg.inv(inference.knot_form(v[knot]))
        p = inference.with_free(found.parameters, v)
        return inference.free(p._replace(coef=back @ p.coef, psi=back @ p.psi @ back.T))

    def jacobian(v, function):
        steps = 1e-5 * np.eye(v.size)
        return np.column_stack([(function(v + h) - function(v - h)) / 2e-5 for h in steps])

    def scores(v):
        at_v = inference.with_free(found.parameters, original(v))
        return jacobian(v, original).T @ mixture.scores(at_v).sum(axis=0)

    there = inference.knot_form(at[knot])
    p = found.parameters
    primed = inference.free(p._replace(coef=there @ p.coef, psi=there @ p.psi @ there.T))
    assert original(primed) == pytest.approx(at)
    direct = np.linalg.inv(-jacobian(primed, scores))
    j = np.linalg.inv(jacobian(primed, original))
    delta = j @ inference.covariance(found) @ j.T
    assert np.sqrt(np.diag(direct)) == pytest.approx(np.sqrt(np.diag(delta)), rel=1e-3)
    naive = np.sqrt(np.diag(inference.covariance(found)))
    assert np.abs(np.sqrt(np.diag(delta))[psi] / naive[psi] - 1).max() > 0.3


@pytest.mark.parametrize("unit", [1e-9, 1e-5])
def test_standard_errors_carry_the_units_of_outcome_and_covariates(data, best, unit):
    scaled = Trajectories(unit * data.y, data.t, data.x / unit, data.g / unit)
    p = best.parameters
    rescale = p._replace(
        gate=np.tile([1, unit, unit], (2, 1)),
        coef=np.tile([unit, unit**2, unit**2], (2, 3, 1)),
        psi=np.full((2, 3, 3), unit**2),
        theta=np.full(2, unit**2),
        knot=np.ones(2),
        kappa=np.ones(2),
    )
    q = p.like(p.flat() * rescale.flat())
    again = fit(scaled, 2, n_starts=0, warm=[q], tol=1e-11)
    a, b = (np.sqrt(np.diag(inference.covariance(f, v))) for f, v in ((best, p), (again, q)))
    assert b == pytest.approx(a * inference.free(rescale), rel=1e-4)


def test_standard_errors_halve_with_four_times_the_persons():
    se = []
    for n in (300, 1200):
        found = fit(draw(n).with_model("FMM"), 1, rng=np.random.default_rng(0), n_starts=1)
        se.append(np.sqrt(np.diag(inference.covariance(found))))
    assert np.median(se[0] / se[1]) == pytest.approx(2.0, rel=0.15)


def test_information_of_the_kink_jumps_without_smoothing():
    data, p = draw(knots=(4.0, 5.0)), simulate.truth(knots=(4.0, 5.0))
    at = inference.names(p).index("knot1")

    def curvature(smooth, step):
        mixture = Mixture(data, 2, smooth=smooth)
        shifted = (p._replace(knot=p.knot + np.array([s * step, 0])) for s in (1, -1))
        up, down = (mixture.scores(q).sum(axis=0)[at] for q in shifted)
        return (down - up) / (2 * step)

    rough, smooth = ([curvature(s, step) for step in (1e-2, 1e-3, 1e-4, 1e-5)] for s in (1e-9, 0.1))
    assert np.ptp(rough) / np.median(smooth) > 0.3
    assert np.ptp(smooth) / np.median(smooth) < 0.05


def test_there_are_no_standard_errors_where_there_is_no_maximum(data, best):
    worse = best.parameters._replace(psi=100 * best.parameters.psi, theta=0.01 * best.parameters.theta)
    with pytest.raises(ValueError, match="not positive definite"):
        inference.covariance(best, worse)
    joint = fit(data.with_model("expert"), 1, rng=np.random.default_rng(0), n_starts=1, model_x=True)
    with pytest.raises(ValueError, match="model_x = False"):
        inference.covariance(joint)
