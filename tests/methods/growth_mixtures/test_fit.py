"""Fits of growth mixtures: EM, nested models, peers, traps of many optima, units, bounds and bad input."""

import warnings

import numpy as np
import pytest
from paperlab import datasets
from paperlab.methods.growth_mixtures import fit as fitting
from paperlab.methods.growth_mixtures import simulate
from paperlab.methods.growth_mixtures.fit import fit, fit_nested
from paperlab.methods.growth_mixtures.mixture import Mixture
from paperlab.methods.growth_mixtures.trajectories import Trajectories
from scipy.stats import multivariate_normal

RNG = np.random.default_rng


def draw(n=200, seed=1, **design):
    return simulate.simulate(simulate.truth(**design), n, rng=RNG(seed)).data


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def fits(data):
    return fit_nested(data, 2, seed=0, n_starts=2, tol=1e-8)


# ---- EM


@pytest.mark.parametrize("accelerate", [True, False])
def test_loglikelihood_never_falls(data, accelerate):
    for seed in range(3):
        found = fit(data, 2, rng=RNG(seed), n_starts=1, accelerate=accelerate, tol=1e-8)
        assert np.diff(found.path).min() > -1e-8


def test_acceleration_changes_the_way_and_not_the_goal(data):
    fast, plain = (fit(data, 2, rng=RNG(0), n_starts=1, accelerate=a, tol=1e-10) for a in (True, False))
    assert fast.loglik == pytest.approx(plain.loglik, abs=1e-5)
    assert len(fast.path) < len(plain.path) / 2


def test_a_fit_says_whether_it_settled(data, fits):
    assert fits["full"].converged
    short = fit(data, 2, rng=RNG(0), n_starts=1, max_iter=5)
    assert not short.converged and len(short.path) <= 7


def test_a_fit_is_what_it_was_at_its_parameters(data, fits):
    found, mixture = fits["full"], Mixture(data, 2)
    assert mixture.loglik(found.parameters) == pytest.approx(found.loglik, abs=1e-9)
    assert mixture.posterior.resp == pytest.approx(found.resp)
    assert found.persons.sum() == pytest.approx(found.loglik)
    assert found.starts.max() == found.loglik


def test_numbers_of_parameters_and_bic(fits):
    assert [fits[m].n_parameters for m in ("full", "expert", "gating", "FMM")] == [37, 35, 25, 23]
    full = fits["full"]
    assert full.bic == pytest.approx(-2 * full.loglik + 37 * np.log(200))


def test_entropy_is_one_for_a_sharp_split_and_zero_for_none(data, fits):
    from dataclasses import replace

    full = fits["full"]
    assert 0.8 < full.entropy < 1.0
    assert replace(full, resp=np.eye(2)[[0, 1, 1]]).entropy == pytest.approx(1.0)
    assert replace(full, resp=np.full((3, 2), 0.5)).entropy == pytest.approx(0.0)
    assert replace(full, resp=np.ones((3, 1))).entropy == 1.0


def test_the_design_is_recovered_from_many_persons():
    found = fit(draw(3000), 2, rng=RNG(0), n_starts=2).parameters.ordered()
    true = simulate.truth()
    assert found.knot == pytest.approx(true.knot, abs=0.1)
    assert found.theta == pytest.approx(true.theta, abs=0.05)
    assert found.coef == pytest.approx(true.coef, abs=0.45)
    assert found.gate == pytest.approx(true.gate, abs=0.2)


@pytest.mark.parametrize("unit", [1e-9, 1e-5])
def test_outcome_time_and_covariates_in_any_unit_give_the_same_classes(data, fits, unit):
    scaled = Trajectories(unit * data.y, 12 * data.t, data.x / unit, 1e3 * data.g)
    found = fit(scaled, 2, rng=RNG([0, 0, 3]), n_starts=2, tol=1e-8)
    assert found.loglik == pytest.approx(fits["full"].loglik - data.y.size * np.log(unit), abs=1e-4)
    assert found.parameters.ordered().knot == pytest.approx(12 * fits["full"].parameters.ordered().knot, rel=1e-3)


def test_order_of_persons_does_not_matter(data, fits):
    found = fit(data.rows(np.arange(200)[::-1]), 2, n_starts=0, warm=[fits["full"].parameters], tol=1e-8)
    assert found.loglik == pytest.approx(fits["full"].loglik, abs=1e-6)


def test_time_varying_effect_is_found():
    found = fit(draw(300, kappa=0.4), 2, rng=RNG(0), n_starts=1)
    assert found.parameters.kappa == pytest.approx(0.4, abs=0.08)


def test_modelling_x_adds_the_likelihood_of_x_at_one_class(data):
    part = data.with_model("expert")
    plain, joint = (fit(part, 1, rng=RNG(0), n_starts=1, model_x=m, tol=1e-8) for m in (False, True))
    cov = np.cov(part.x.T, bias=True)
    of_x = multivariate_normal(part.x.mean(axis=0), cov).logpdf(part.x).sum()
    assert joint.loglik == pytest.approx(plain.loglik + of_x, abs=1e-3)
    assert joint.n_parameters == plain.n_parameters + 5
    assert joint.moments_x[0][0] == pytest.approx(part.x.mean(axis=0)) and plain.moments_x is None


# ---- starts and nested models


def test_person_factors_are_least_squares_fits(data):
    basis = np.column_stack([np.ones(10), np.minimum(data.t[3], 4.5), np.maximum(data.t[3] - 4.5, 0)])
    expected = np.linalg.lstsq(basis, data.y[3], rcond=None)[0]
    assert fitting.person_factors(data, 4.5)[3] == pytest.approx(expected, rel=1e-5)
    scaled = Trajectories(1e-9 * data.y, 1e5 * data.t)
    assert fitting.person_factors(scaled, 4.5e5)[3] * [1e9, 1e14, 1e14] == pytest.approx(expected, rel=1e-5)


def test_starts_do_not_depend_on_units(data):
    scaled = Trajectories(1e-9 * data.y, 1e5 * data.t, data.x, data.g)
    a, b = (fitting.random_start(d, 2, rng=RNG(3)) for d in (data, scaled))
    scale = np.array([1e-9, 1e-14, 1e-14])
    assert b.coef == pytest.approx(a.coef * scale[:, None], rel=1e-5)
    assert b.theta == pytest.approx(1e-18 * a.theta, rel=1e-5)
    assert b.gate == pytest.approx(a.gate)


def test_larger_models_are_never_below_nested_ones(fits):
    assert fits["full"].loglik >= max(fits["gating"].loglik, fits["expert"].loglik)
    assert min(fits["gating"].loglik, fits["expert"].loglik) >= fits["FMM"].loglik


def test_warm_start_of_a_nested_model_starts_at_its_likelihood(data, fits):
    wide = fitting.extend(fits["FMM"].parameters, data)
    assert Mixture(data, 2).loglik(wide) == pytest.approx(fits["FMM"].loglik, abs=1e-6)
    with pytest.raises(ValueError, match="use restrict"):
        fitting.extend(fits["full"].parameters, data.with_model("FMM"))
    with pytest.raises(ValueError, match="use extend"):
        fitting.restrict(fits["FMM"].parameters, data)


def test_starts_that_cannot_be_are_refused(data):
    for knot in (0.0, 9.0, np.nan):
        with pytest.raises(ValueError, match="knot must be inside the observed times"):
            fitting.person_factors(data, knot)
    with pytest.raises(ValueError, match="n_classes must be from 1 to the 200 persons"):
        fitting.random_start(data, 201, rng=RNG(0))


def test_single_starts_violate_the_order_of_nested_models():
    data = draw(seed=3, separation=2.0, knots=(4.0, 5.0))
    small = fit(data.with_model("FMM"), 2, rng=RNG(0), n_starts=8, tol=1e-4).loglik
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fitting.BoundWarning)
        larger = [fit(data.with_model("gating"), 2, rng=RNG(s), n_starts=1, tol=1e-4).loglik for s in range(5)]
    assert min(larger) < small - 10
    nested = fit_nested(data, 2, seed=0, n_starts=2, models=("FMM", "gating"), tol=1e-4, both_ways=True)
    assert nested["gating"].loglik >= nested["FMM"].loglik


def test_going_both_ways_never_loses(data, fits):
    both = fit_nested(data, 2, seed=0, n_starts=2, tol=1e-8, both_ways=True)
    assert all(both[m].loglik >= fits[m].loglik - 1e-6 for m in fits)
    assert len(both["full"].starts) > len(fits["full"].starts)
    small = fitting.restrict(fits["full"].parameters, data.with_model("FMM"))
    assert small.gate.shape == (2, 1) and small.coef.shape == (2, 3, 1)


def test_the_smallest_model_does_not_depend_on_which_others_are_fitted(data, fits):
    alone = fit_nested(data, 2, seed=0, n_starts=2, models=("FMM",), tol=1e-8)
    assert alone["FMM"].loglik == fits["FMM"].loglik


# ---- peers


def test_one_class_with_known_knot_is_statsmodels_mixed_model(data):
    import statsmodels.api as sm

    part = data.with_model("FMM").rows(np.arange(60))
    ours = fit(part, 1, rng=RNG(0), n_starts=1, knots=[4.5], smooth=1e-9, tol=1e-10)
    basis = np.stack([np.ones_like(part.t), np.minimum(part.t, 4.5), np.maximum(part.t - 4.5, 0)], axis=2).reshape(
        -1, 3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = sm.MixedLM(part.y.ravel(), basis, np.repeat(np.arange(60), 10), basis).fit(reml=False)
    assert ours.loglik == pytest.approx(peer.llf, abs=1e-3)
    assert ours.parameters.coef[0, :, 0] == pytest.approx(np.asarray(peer.fe_params), abs=1e-3)
    assert ours.parameters.knot.tolist() == [4.5]


def test_three_waves_and_fixed_knots_are_a_gaussian_mixture():
    from sklearn.mixture import GaussianMixture

    rng = RNG(2)
    z = rng.random(400) < 0.4
    root = np.array([[2, 0.3, 0.1], [0, 2, 0.4], [0, 0, 2]])
    y = rng.standard_normal((400, 3)) @ root + np.where(z[:, None], [0, 6, 9], [5, 5, 2])
    data = Trajectories(y, np.tile([0.0, 1.0, 2.0], (400, 1)))
    with pytest.warns(fitting.IdentificationWarning, match="only the sum of the variance"):
        ours = fit(data, 2, rng=RNG(0), n_starts=3, knots=[1.0, 1.0], smooth=1e-9, tol=1e-9)
    peer = GaussianMixture(2, n_init=3, tol=1e-9, max_iter=2000, reg_covar=0, random_state=0).fit(y)
    assert ours.loglik == pytest.approx(peer.score(y) * 400, abs=1e-3)
    label = np.argsort(ours.resp.mean(axis=0))[::-1], np.argsort(peer.weights_)[::-1]
    assert ours.resp[:, label[0]] == pytest.approx(peer.predict_proba(y)[:, label[1]], abs=1e-3)


def test_example_data_reach_the_likelihood_of_another_optimiser():
    """Found before with another parametrisation, automatic differentiation and a quasi-Newton method."""
    if "not here" in datasets.where("moe_trajectories")["BLS_dat2.csv"]:
        pytest.skip("the example data are not on this machine")
    table = datasets.load("moe_trajectories")["example"]
    data = Trajectories(table.filter(regex=r"^Y\d"), table.filter(regex=r"^T\d"))
    assert fit(data, 2, rng=RNG(0), n_starts=2).loglik == pytest.approx(-10339.09, abs=0.5)


# ---- bounds and bad input


def test_a_class_without_a_bend_inside_is_told():
    """Straight lines that jump at the last wave, with a wave before it close by: the knot runs to the edge."""
    rng = RNG(0)
    t = np.tile(np.arange(10.0), (300, 1))
    t[:, 8] = rng.uniform(8.0, 8.97, 300)
    level, slope, jump = (rng.normal(mean, sd, (300, 1)) for mean, sd in ((40, 5), (5, 1), (30, 5)))
    y = level + slope * t + np.where(t > 8.98, jump, 0.0) + 0.5 * rng.standard_normal(t.shape)
    with pytest.warns(fitting.BoundWarning, match="knot of class 1, .* is at the edge of the observed time"):
        fit(Trajectories(y, t), 1, rng=RNG(0), n_starts=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(draw().with_model("FMM"), 1, rng=RNG(0), n_starts=1)


def test_growth_factors_that_follow_from_one_another_are_told():
    """Everybody has one slope, so that its variance within the class runs to zero."""
    rng, t = RNG(0), draw(300).t
    y = rng.normal(40, 5, (300, 1)) + 5 * np.minimum(t, 4) + 2 * np.maximum(t - 4, 0) + rng.standard_normal(t.shape)
    with pytest.warns(fitting.BoundWarning, match="psi of class 1 is all but singular"):
        fit(Trajectories(y, t), 1, rng=RNG(0), n_starts=1, tol=1e-9, max_iter=20_000)


def flat(data):
    """The data with an expert covariate that is constant, one that repeats the first, and a w that is time."""
    return {
        "constant": Trajectories(data.y, data.t, np.column_stack([data.x[:, 0], np.full(200, 1e-9)])),
        "twice": Trajectories(data.y, data.t, np.column_stack([data.x, 1e6 * data.x[:, 0] + 3])),
        "gate": Trajectories(data.y, data.t, None, np.column_stack([data.g, data.g.sum(axis=1)])),
        "time": Trajectories(data.y, data.t, w=2 * data.t - 1),
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("constant", "x: column 1 is a linear combination of the constant"),
        ("twice", "x: column 2 is a linear combination of the constant, column 0"),
        ("gate", "g: column 2 is a linear combination of column 0, column 1"),
        ("time", "w: w is a linear combination of the constant, time"),
    ],
)
def test_effects_that_are_not_identified_are_refused(data, name, words):
    with pytest.raises(ValueError, match=words):
        fit(flat(data)[name], 2, rng=RNG(0), n_starts=1)


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda d: Trajectories(d.y[:, :4], d.t[:, :4]), {}, "4 waves; five"),
        (lambda d: Trajectories(d.y[:, :2], d.t[:, :2]), {"knots": 0.5}, "2 waves"),
        (lambda d: d, {"knots": [4.0, 12.0]}, r"12\.0 is outside the observed times"),
        (lambda d: d, {"knots": [4.0, np.nan]}, "knots is nan"),
        (lambda d: d.with_model("FMM"), {"min_size": 150.0}, "empty class"),
        (lambda d: d.rows(np.arange(20)), {}, "fewer than parameters"),
        (lambda d: d.with_model("FMM"), {"model_x": True}, "no expert covariates"),
        (lambda d: d, {"n_starts": 0}, "at least one of each"),
        (lambda d: d, {"n_classes": 0}, "at least one of each"),
        (lambda d: d, {"rng": None}, "rng must be a numpy.random.Generator"),
    ],
)
def test_bad_fits(data, change, options, words):
    with pytest.raises(ValueError, match=words):
        fit(change(data), **({"rng": RNG(0), "n_starts": 2} | options))


def test_unknown_options_and_models_are_refused(data):
    with pytest.raises(TypeError, match="tolerance"):
        fit(data, 2, rng=RNG(0), tolerance=1e-3)
    with pytest.raises(ValueError, match="models must be some of FMM, gating, expert, full"):
        fit_nested(data, 2, seed=0, models=("everything",))
