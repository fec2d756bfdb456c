"""Mixtures of bilinear growth curves: likelihood, scores, EM, peers, traps of many optima, forests, data and bad input."""

import warnings

import numpy as np
import pandas as pd
import pytest
from paperlab import datasets
from paperlab.datasets import loaders
from paperlab.errors import PaperlabError
from paperlab.methods.growth_mixtures import fit as gf
from paperlab.methods.growth_mixtures import forest, inference
from paperlab.methods.growth_mixtures import simulate as gd
from scipy.stats import multivariate_normal

TRUE = gd.truth()


def draw(n=200, seed=1, **design):
    return gd.simulate(gd.truth(**design), n, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def sim():
    return draw()


@pytest.fixture(scope="module")
def fits(sim):
    return gf.fit_nested(sim[0], 2, starts=2, tol=1e-8)


def loadings(t, knot, smooth=gf.SMOOTH):
    s = np.sqrt((t - knot) ** 2 + smooth**2)
    return np.stack([np.ones_like(t), (t + knot - s) / 2, (t - knot + s) / 2], axis=-1)


# ---- likelihood and scores


def test_loglikelihood_is_that_of_the_dense_normal_mixture(sim):
    data, _ = sim
    odds = np.exp(np.column_stack([np.ones(200), data.g]) @ TRUE.gate.T)
    prior = odds / odds.sum(axis=1, keepdims=True)
    for i in range(5):
        dense = 0.0
        for k in range(2):
            basis = loadings(data.t[i], TRUE.knot[k])
            mean = basis @ TRUE.coef[k] @ np.r_[1, data.x[i]]
            cov = basis @ TRUE.psi[k] @ basis.T + TRUE.theta[k] * np.eye(10)
            dense += prior[i, k] * multivariate_normal(mean, cov).pdf(data.y[i])
        engine = gf.Engine(data.rows([i]), 2)
        assert engine.loglik(TRUE) == pytest.approx(np.log(dense), abs=1e-9)


def test_scores_are_the_derivative_of_the_loglikelihood():
    data, _ = draw(100, kappa=0.3)
    engine = gf.Engine(data, 2)
    p = inference.with_free(TRUE, inference.free(TRUE, use_w=True) + 0.02, use_w=True)
    at = inference.free(p, use_w=True)
    exact = engine.scores(p).sum(axis=0)
    assert engine.gradient(p) == pytest.approx(exact, rel=1e-9, abs=1e-7)
    for j in range(at.size):
        h = np.zeros(at.size)
        h[j] = 1e-5
        up, down = (engine.loglik(inference.with_free(p, at + s * h, use_w=True)) for s in (1, -1))
        assert exact[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-3)


def test_both_parametrisations_are_one_model(sim):
    t, knot = sim[0].t[0], 3.5
    s = np.sqrt((t - knot) ** 2 + gf.SMOOTH**2)
    knot_basis = np.column_stack([np.ones_like(t), t - knot, s])
    assert knot_basis @ inference.knot_form(knot) == pytest.approx(loadings(t, knot))


def test_standard_errors_transform_to_the_knot_form_by_the_delta_method(sim):
    fit = gf.fit(sim[0].with_model("FMM"), 1, starts=1, tol=1e-11)
    engine, at = gf.Engine(fit.data, 1), inference.free(fit.parameters)
    psi, knot = slice(3, 9), 10

    def original(v):
        back = np.linalg.inv(inference.knot_form(v[knot]))
        p = inference.with_free(fit.parameters, v)
        return inference.free(p._replace(coef=back @ p.coef, psi=back @ p.psi @ back.T))

    def jacobian(v, function):
        steps = 1e-5 * np.eye(v.size)
        return np.column_stack([(function(v + h) - function(v - h)) / 2e-5 for h in steps])

    def scores(v):
        return jacobian(v, original).T @ engine.scores(inference.with_free(fit.parameters, original(v))).sum(axis=0)

    there = inference.knot_form(at[knot])
    p = fit.parameters
    primed = inference.free(p._replace(coef=there @ p.coef, psi=there @ p.psi @ there.T))
    assert original(primed) == pytest.approx(at)
    direct = np.linalg.inv(-jacobian(primed, scores))
    j = np.linalg.inv(jacobian(primed, original))
    delta = j @ inference.covariance(fit) @ j.T
    assert np.sqrt(np.diag(direct)) == pytest.approx(np.sqrt(np.diag(delta)), rel=1e-3)
    naive = np.sqrt(np.diag(inference.covariance(fit)))
    assert np.abs(np.sqrt(np.diag(delta))[psi] / naive[psi] - 1).max() > 0.3


def test_information_of_the_kink_jumps_without_smoothing():
    data, _ = draw(200, knots=(4.0, 5.0))
    p = gd.truth(knots=(4.0, 5.0))
    at = inference.names(p).index("knot1")

    def curvature(smooth, step):
        engine = gf.Engine(data, 2, smooth)
        values = [engine.scores(p._replace(knot=p.knot + np.array([s * step, 0]))).sum(axis=0)[at] for s in (1, -1)]
        return (values[1] - values[0]) / (2 * step)

    rough = [curvature(1e-9, step) for step in (1e-2, 1e-3, 1e-4, 1e-5)]
    smooth = [curvature(0.1, step) for step in (1e-2, 1e-3, 1e-4, 1e-5)]
    assert np.ptp(rough) / np.median(smooth) > 0.3
    assert np.ptp(smooth) / np.median(smooth) < 0.05


# ---- EM


@pytest.mark.parametrize("accelerate", [True, False])
def test_loglikelihood_never_falls(sim, accelerate):
    for seed in range(3):
        fit = gf.fit(sim[0], 2, starts=1, seed=seed, accelerate=accelerate, tol=1e-8)
        assert np.diff(fit.path).min() > -1e-8


def test_acceleration_changes_the_way_and_not_the_goal(sim):
    fast, plain = (gf.fit(sim[0], 2, starts=1, accelerate=a, tol=1e-10) for a in (True, False))
    assert fast.loglik == pytest.approx(plain.loglik, abs=1e-5)
    assert len(fast.path) < len(plain.path) / 2


def test_optimum_has_zero_scores_and_a_positive_information(sim, fits):
    fit = gf.fit(sim[0], 2, starts=0, warm=[fits["full"].parameters], tol=1e-11)
    scores = gf.Engine(sim[0], 2).scores(fit.parameters).sum(axis=0)
    cov = inference.covariance(fit)
    assert scores @ cov @ scores < 1e-6
    assert len(cov) == fit.n_parameters == len(inference.names(fit.parameters)) == 37


def test_numbers_of_parameters(fits):
    assert [fits[m].n_parameters for m in ("full", "expert", "gating", "FMM")] == [37, 35, 25, 23]


def test_larger_models_are_never_below_nested_ones(fits):
    assert fits["full"].loglik >= max(fits["gating"].loglik, fits["expert"].loglik)
    assert min(fits["gating"].loglik, fits["expert"].loglik) >= fits["FMM"].loglik


def test_warm_start_of_a_nested_model_starts_at_its_likelihood(sim, fits):
    wide = gf.extend(fits["FMM"].parameters, sim[0])
    assert gf.Engine(sim[0], 2).loglik(wide) == pytest.approx(fits["FMM"].loglik, abs=1e-6)


def test_single_starts_violate_the_order_of_nested_models():
    data, _ = draw(200, seed=3, separation=2.0, knots=(4.0, 5.0))
    small = gf.fit(data.with_model("FMM"), 2, starts=8, tol=1e-4).loglik
    larger = [gf.fit(data.with_model("gating"), 2, starts=1, seed=s, tol=1e-4).loglik for s in range(5)]
    assert min(larger) < small - 10
    nested = gf.fit_nested(data, 2, starts=2, models=("FMM", "gating"), tol=1e-4, both_ways=True)
    assert nested["gating"].loglik >= nested["FMM"].loglik


def test_going_both_ways_never_loses(sim, fits):
    both = gf.fit_nested(sim[0], 2, starts=2, tol=1e-8, both_ways=True)
    assert all(both[m].loglik >= fits[m].loglik - 1e-6 for m in fits)
    small = gf.restrict(fits["full"].parameters, sim[0].with_model("FMM"))
    assert small.gate.shape == (2, 1) and small.coef.shape == (2, 3, 1)


def test_relabelling_changes_nothing_but_the_names(sim, fits):
    p = fits["full"].parameters
    swapped = p.ordered(-p.coef[:, 0, 0])
    engine = gf.Engine(sim[0], 2)
    assert engine.loglik(swapped) == pytest.approx(engine.loglik(p), abs=1e-8)
    assert swapped.ordered().coef[0, 0, 0] < swapped.ordered().coef[1, 0, 0]


def test_averaging_over_switched_labels_destroys_the_estimate(fits):
    p = fits["full"].parameters.ordered()
    other = p.ordered(-p.coef[:, 0, 0])
    wrong = (p.coef[:, 0, 0] + other.coef[:, 0, 0]) / 2
    assert np.ptp(wrong) < 1e-9 < 5 < np.ptp(p.coef[:, 0, 0])


def test_change_of_unit_changes_the_likelihood_by_its_jacobian(sim, fits):
    data = sim[0]
    scaled = gf.Trajectories(10 * data.y, data.t, data.x, data.g)
    p = fits["full"].parameters
    q = p._replace(coef=10 * p.coef, psi=100 * p.psi, theta=100 * p.theta)
    assert gf.Engine(scaled, 2).loglik(q) == pytest.approx(fits["full"].loglik - data.y.size * np.log(10), abs=1e-5)


def test_time_varying_effect_is_found():
    data, _ = draw(300, kappa=0.4)
    fit = gf.fit(data, 2, starts=1)
    assert fit.parameters.kappa == pytest.approx(0.4, abs=0.08)


def test_modelling_x_adds_the_likelihood_of_x_at_one_class(sim):
    data = sim[0].with_model("expert")
    plain, joint = (gf.fit(data, 1, starts=1, model_x=m, tol=1e-8) for m in (False, True))
    cov = np.cov(data.x.T, bias=True)
    of_x = multivariate_normal(data.x.mean(axis=0), cov).logpdf(data.x).sum()
    assert joint.loglik == pytest.approx(plain.loglik + of_x, abs=1e-3)
    assert joint.n_parameters == plain.n_parameters + 5
    with pytest.raises(ValueError, match="model_x = False"):
        inference.covariance(joint)


# ---- peers


def test_one_class_with_known_knot_is_statsmodels_mixed_model(sim):
    import statsmodels.api as sm

    data = sim[0].with_model("FMM").rows(np.arange(60))
    ours = gf.fit(data, 1, starts=1, knots=[4.5], smooth=1e-9, tol=1e-10)
    basis = loadings(data.t, 4.5, 0.0).reshape(-1, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = sm.MixedLM(data.y.ravel(), basis, np.repeat(np.arange(60), 10), basis).fit(reml=False)
    assert ours.loglik == pytest.approx(peer.llf, abs=1e-3)
    assert ours.parameters.coef[0, :, 0] == pytest.approx(np.asarray(peer.fe_params), abs=1e-3)


def test_three_waves_and_fixed_knots_are_a_gaussian_mixture():
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(2)
    z = rng.random(400) < 0.4
    y = rng.standard_normal((400, 3)) @ np.array([[2, 0.3, 0.1], [0, 2, 0.4], [0, 0, 2]]) + np.where(
        z[:, None], [0, 6, 9], [5, 5, 2]
    )
    data = gf.Trajectories(y, np.tile([0.0, 1.0, 2.0], (400, 1)))
    ours = gf.fit(data, 2, starts=3, knots=[1.0, 1.0], smooth=1e-9, tol=1e-9)
    peer = GaussianMixture(2, n_init=3, tol=1e-9, max_iter=2000, reg_covar=0, random_state=0).fit(y)
    assert ours.loglik == pytest.approx(peer.score(y) * 400, abs=1e-3)
    label = np.argsort(ours.resp.mean(axis=0))[::-1], np.argsort(peer.weights_)[::-1]
    assert ours.resp[:, label[0]] == pytest.approx(peer.predict_proba(y)[:, label[1]], abs=1e-3)


def test_example_data_have_the_prototype_likelihood():
    if "not here" in datasets.locate("moe_trajectories")["BLS_dat2.csv"]:
        pytest.skip("the example data are not on this machine")
    table = datasets.load("moe_trajectories")["example"]
    data = gf.Trajectories(table.filter(regex=r"^Y\d"), table.filter(regex=r"^T\d"))
    assert gf.fit(data, 2, starts=2).loglik == pytest.approx(-10339.09, abs=0.5)


# ---- design and accuracy


def test_experts_explain_the_stated_share_and_the_total_stays():
    for k, share in enumerate((0.13, 0.26)):
        slopes = TRUE.coef[k, :, 1:]
        explained = slopes @ gd.CORRELATION @ slopes.T
        assert np.diag(explained) / np.diag(gd.WITHIN) == pytest.approx(share)
        assert explained + TRUE.psi[k] == pytest.approx(gd.WITHIN)
    assert TRUE.coef[0, 0, 1:] == pytest.approx([0.8849, 1.3274], abs=1e-4)
    assert TRUE.coef[1, 1, 1:] == pytest.approx([0.2503, 0.3755], abs=1e-4)


def test_accuracy_does_not_depend_on_labels():
    z = np.array([0, 0, 1, 1, 1])
    resp = np.eye(2)[1 - z]
    assert gd.accuracy(resp, z) == 1.0
    assert gd.accuracy(np.eye(2)[np.zeros(5, dtype=int)], z) == pytest.approx(0.6)


# ---- forests


def test_score_statistic_of_noise_is_a_chi_square():
    rng = np.random.default_rng(3)
    stats = []
    for _ in range(100):
        scores, half = rng.standard_normal((200, 4)), np.r_[np.zeros(100), np.ones(100)]
        stats.append(forest.score_statistics(scores, half[:, None], 50)[0][0])
    assert np.mean(stats) == pytest.approx(4, abs=0.9)


def test_a_tree_splits_where_the_curve_changes(sim):
    data = sim[0].with_model("FMM")
    x = np.column_stack([np.random.default_rng(0).standard_normal((200, 3)), sim[0].x @ [1.0, 1.5]])
    tree = forest.grow_tree(data, x, np.random.default_rng(0), depth=1)
    assert tree[0] == 3
    one = gf.fit(data, 1, starts=1)
    assert forest.tree_loglik(tree, data, x).sum() > one.loglik


def test_forest_ranks_a_covariate_above_noise():
    data, _ = draw(300, r2=(0.4, 0.4), separation=0)
    x = np.column_stack([np.random.default_rng(0).standard_normal((300, 3)), data.x @ [1.0, 1.5]])
    loss = forest.forest_importance(data.with_model("FMM"), x, np.random.default_rng(1), trees=6).mean(axis=0)
    assert loss.argmax() == 3


# ---- data files


def test_loader_checks_both_tables(tmp_path):
    rng = np.random.default_rng(0)
    example = pd.DataFrame(rng.random((500, 20)), columns=[f"{v}{j}" for v in "YT" for j in range(1, 11)])
    example[["gx1", "gx2", "class", "ex1", "ex2"]] = 1
    school = pd.DataFrame(rng.random((500, 27)) + 60, columns=[f"{v}{j}" for v in "RMT" for j in range(1, 10)])
    school[["INCOME", "EDU", "Attention_focus"]] = 1
    files = {"BLS_dat2.csv": tmp_path / "a.csv", "RMS_dat.csv": tmp_path / "b.csv"}
    for table, path in zip((example, school), files.values()):
        table.to_csv(path, index=False)
    assert loaders.load("moe_trajectories", files)["school"].shape == (500, 30)
    school.assign(T3=30.0).to_csv(files["RMS_dat.csv"], index=False)
    with pytest.raises(PaperlabError, match="column T3 must lie in"):
        loaders.load("moe_trajectories", files)
    example.drop(columns="class").to_csv(files["BLS_dat2.csv"], index=False)
    with pytest.raises(PaperlabError, match="columns class are missing"):
        loaders.load("moe_trajectories", files)


# ---- bad input


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t": lambda d: d.t[:, ::-1]}, "does not increase"),
        ({"y": lambda d: np.where(d.y > 60, np.nan, d.y)}, "missing"),
        ({"x": lambda d: d.x[:-1]}, "same persons"),
        ({"y": lambda d: d.y[0]}, "one row per person"),
    ],
)
def test_bad_trajectories(sim, change, words):
    parts = {name: getattr(sim[0], name) for name in "ytxg"}
    parts |= {name: value(sim[0]) for name, value in change.items()}
    with pytest.raises(ValueError, match=words):
        gf.Trajectories(**parts)


def test_bad_fits(sim):
    data = sim[0]
    with pytest.raises(ValueError, match="4 waves; five"):
        gf.fit(gf.Trajectories(data.y[:, :4], data.t[:, :4]), 2)
    with pytest.raises(ValueError, match=r"12\.0 is outside the observed times"):
        gf.fit(data, 2, knots=[4.0, 12.0])
    with pytest.raises(ValueError, match="empty class"):
        gf.fit(data.with_model("FMM"), 2, starts=2, min_size=150.0)
    with pytest.raises(ValueError, match="fewer than parameters"):
        gf.fit(data.rows(np.arange(20)), 2)
    with pytest.raises(ValueError, match="no expert covariates"):
        gf.fit(data.with_model("FMM"), 2, model_x=True)
    with pytest.raises(ValueError, match="at least one"):
        gf.fit(data, 2, starts=0)
    with pytest.raises(ValueError, match="choose one of"):
        data.with_model("everything")
    with pytest.raises(ValueError, match="shares of explained variance"):
        gd.truth(r2=(0.1, 1.0))
    with pytest.raises(ValueError, match="must be positive"):
        gd.truth(gate_or=(0.0, 1.0))
    with pytest.raises(ValueError, match="same persons"):
        forest.forest_importance(data, data.x[:5], np.random.default_rng(0))
    with pytest.raises(ValueError, match="allow no split"):
        forest.forest_importance(data, data.x, np.random.default_rng(0), min_leaf=90)
