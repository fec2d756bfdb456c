"""The designs: their moments, the loop over data sets, and what naive estimates get wrong in them."""

import numpy as np
import pytest
from paperlab.methods.factor_scores import simulate
from paperlab.methods.factor_scores.simulate import Design, Settings

BOTH = Design("interaction", 500, 0.7)


def test_latent_variance_of_eta_is_one():
    for kind in ("linear", "interaction"):
        theta = simulate.truth(Design(kind))
        phi, b1, b2, b3, psi = theta if kind == "interaction" else (*theta[:3], 0.0, theta[3])
        assert b1**2 + b2**2 + 2 * b1 * b2 * phi + b3**2 * (1 + phi**2) + psi == pytest.approx(1.0)
        assert len(simulate.names(Design(kind))) == len(theta)


def test_items_have_variance_one_and_the_covariances_of_the_model():
    y = simulate.draw_items(Design("linear", 100_000, 0.7), rng=np.random.default_rng(0))
    s = np.cov(y.T)
    phi, b1, b2, _ = simulate.truth(Design("linear"))
    assert np.diag(s) == pytest.approx(np.ones(12), abs=0.02)
    assert s[0, 1] == pytest.approx(0.49, abs=0.02)
    assert s[0, 4] == pytest.approx(0.49 * phi, abs=0.02)
    assert s[0, 8] == pytest.approx(0.49 * (b1 + b2 * phi), abs=0.02)
    assert y.mean(axis=0) == pytest.approx(np.zeros(12), abs=1e-12)


def test_results_do_not_depend_on_threads_or_on_the_number_of_data_sets():
    one, two, more = (simulate.run_design(BOTH, n, seed=9, n_jobs=k)["corrected"] for n, k in ((4, 1), (4, 2), (6, 1)))
    assert (one == two).all() and (one == more[:4]).all()
    assert not np.isclose(one, simulate.run_design(BOTH, 4, seed=[9, 1], n_jobs=1)["corrected"]).any()


def test_good_items_prove_nothing():
    out = simulate.run_design(Design("interaction", 1000, 0.95), 10, seed=1, n_jobs=1)
    assert np.abs(out["naive"] - out["corrected"]).mean() < 0.03
    out = simulate.run_design(Design("interaction", 1000, 0.7), 10, seed=1, n_jobs=1)
    assert np.abs(out["naive"] - out["corrected"])[:, 1].mean() > 0.05


def test_poor_items_need_more_steps_and_the_residual_says_so():
    poor = Design("interaction", 2000, 0.35)
    few, many = (
        simulate.run_design(poor, 4, seed=3, settings=Settings(n_iter=k, n_draws=200), n_jobs=1)["left"][:, 0]
        for k in (60, 1000)
    )
    assert few.min() > 0.002  # the covariance of the scores of simulated people is still too small
    assert many.max() < 0.5 * few.min()


def test_correction_works_for_binary_items():
    out = simulate.run_design(Design("categorical", 2000, n_items=5), 4, seed=1, n_jobs=1)
    truth = simulate.truth(Design("categorical"))
    assert np.abs(out["corrected"].mean(axis=0) - truth).max() < 0.06
    assert (out["naive"].mean(axis=0) - truth)[0] < -0.1


def test_what_is_asked_for_is_in_the_result():
    settings = Settings(n_draws=200, n_variance=10, n_twin=400)
    out = simulate.run_design(Design("linear", 300, 0.7), 3, seed=1, settings=settings, n_jobs=1)
    assert {"croon", "ml", "twin", "se", "se_no_stage_one"} < set(out)
    assert out["twin"] == pytest.approx(out["croon"], abs=0.2)
    assert np.isfinite(out["ml"]).all() and (out["se"] > 0).all()
    both = simulate.run_design(BOTH, 2, seed=1, settings=Settings(ml_iter=50), n_jobs=1)
    assert both["ml"].shape == (2, 5) and "croon" not in both


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Design("cubic"), "kind must be one of"),
        (lambda: Design(n=30), "n must be at least 50"),
        (lambda: Design(n_items=2), "n_items must be at least 3"),
        (lambda: Design(loading=1.2), "loading must lie between"),
        (lambda: Design(score_type="ten"), "score_type must be one of"),
        (lambda: simulate.run_design(BOTH, 0, seed=1), "n_replications must be at least 1"),
        (
            lambda: simulate.run_design(BOTH, 1, seed=1, settings=Settings(kind="sobol"), n_jobs=1),
            "kind must be one of",
        ),
    ],
)
def test_bad_designs(call, message):
    with pytest.raises(ValueError, match=message):
        call()
