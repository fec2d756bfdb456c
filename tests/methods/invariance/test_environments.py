import numpy as np
import pytest
import scipy.optimize
from paperlab.methods.invariance import augmentation as da
from paperlab.methods.invariance import environments as inv
from paperlab.methods.invariance import simulate
from paperlab.methods.invariance.augmentation import Moments


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(rng, 6)
    x, y = design.sample(800, 1.0, rng)
    basis = simulate.invariant_directions(design.f)
    g, gx = da.translate(x, basis, 1.0, rng)
    return design, inv.Augmented(x, y, g, gx, lambda rows, rng: da.translate(rows, basis, 1.0, rng)[1])


@pytest.fixture(scope="module")
def uneven():
    """Three environments of different noise and one cause; the second treatment is an effect of the outcome."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(3), 3000)
    scale = np.array([0.5, 1.0, 2.0])[labels]
    cause = scale * rng.standard_normal(9000)
    y = cause + 0.5 * rng.standard_normal(9000)
    effect = y + scale * rng.standard_normal(9000)
    return np.column_stack([cause, effect]), y, labels


def test_environments_cut_in_the_middle_of_the_range():
    g = np.array([[0.0, 5.0], [1.0, 9.0], [0.2, 8.0], [0.9, 5.5]])
    assert inv.environments(g, 1).tolist() == [0, 1, 0, 1]
    assert len(np.unique(inv.environments(g, 2))) == 4
    with pytest.raises(ValueError, match="n_bits = 3: choose 1 to 2"):
        inv.environments(g, 3)


def test_full_binning_leaves_nearly_every_row_alone():
    g = np.random.default_rng(0).standard_normal((1000, 31))
    assert len(np.unique(inv.environments(g, 31))) > 990


def test_group_moments_give_residual_risks(sample):
    _, one = sample
    labels = inv.environments(one.g, 2)
    groups, h = inv.Groups.of(one.gx, one.y, labels), np.arange(6.0)
    expected = [np.mean((one.y - one.gx @ h)[labels == e] ** 2) for e in range(4)]
    np.testing.assert_allclose(groups.risk(h), expected)
    np.testing.assert_allclose(
        da.least_squares(groups.pooled()), np.linalg.lstsq(one.gx, one.y, rcond=None)[0], rtol=1e-8
    )


@pytest.mark.parametrize("kind", ["IRM", "V-REx"])
def test_without_a_penalty_the_mean_risk_is_minimised(uneven, kind):
    groups = inv.Groups.of(*uneven)
    h = inv.fit_environments(kind, [groups], np.zeros((1, 1)))[0, 0]
    np.testing.assert_allclose(h, np.linalg.solve(groups.xx.mean(0), groups.xy.mean(0)), atol=1e-3)


def test_group_dro_is_the_smallest_worst_risk(uneven):
    groups = inv.Groups.of(*uneven)
    h = inv.fit_environments("DRO", [groups], np.zeros((1, 1)))[0, 0]
    best = scipy.optimize.minimize(
        lambda v: groups.risk(v).max(), h, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}
    )
    assert groups.risk(h).max() <= best.fun * 1.002


def test_penalties_move_towards_the_cause(uneven):
    groups = inv.Groups.of(*uneven)
    for kind, weight in (("V-REx", 1000.0), ("IRM", 1e4)):
        plain, strong = inv.fit_environments(kind, [groups], np.array([[0.0, weight]]), steps=1000)[0]
        assert abs(strong[1]) < 0.2 * abs(plain[1])
        assert abs(strong[0] - 1) < 0.1


def test_replications_do_not_influence_one_another(uneven):
    groups = inv.Groups.of(*uneven)
    other = inv.Groups.of(uneven[0] * 2, uneven[1], uneven[2])
    weights = np.array([[0.5, 2.0]])
    alone = inv.fit_environments("V-REx", [groups], weights)
    both = inv.fit_environments("V-REx", [groups, other], np.repeat(weights, 2, 0))
    np.testing.assert_allclose(both[0], alone[0], rtol=1e-9)
    np.testing.assert_allclose(both[1], both[0] / 2, rtol=1e-5)


def test_invariant_prediction_finds_the_cause_and_nothing_else(uneven):
    h, accepted = inv.invariant_prediction(inv.Groups.of(*uneven), np.random.default_rng(0), level=0.01)
    assert accepted > 0
    assert h[1] == 0
    assert h[0] == pytest.approx(1, abs=0.05)


def test_invariance_penalty_limits(sample):
    _, one = sample
    rng = np.random.default_rng(4)
    copies = np.stack([one.augment(one.x, rng) for _ in range(3)])
    erm = np.linalg.lstsq(one.x, one.y, rcond=None)[0]
    np.testing.assert_allclose(inv.invariance_penalty(one.x, copies, one.y, 0.0), erm, atol=1e-8)
    strong = inv.invariance_penalty(one.x, copies, one.y, 1e6)
    assert np.abs((one.x - copies) @ strong).max() < 0.05 * np.abs((one.x - copies) @ erm).max()


def test_invariance_penalty_is_a_minimum(sample):
    _, one = sample
    rng = np.random.default_rng(5)
    copies = np.stack([one.augment(one.x, rng) for _ in range(3)])

    def objective(h):
        change = ((one.x - copies) @ h) ** 2
        return np.mean((one.y - one.x @ h) ** 2) + 2.0 * np.mean(change.max(0))

    h = inv.invariance_penalty(one.x, copies, one.y, 2.0)
    best = scipy.optimize.minimize(objective, h, method="BFGS").fun
    assert objective(h) <= best * 1.01


@pytest.mark.parametrize("kind", ["ridge", "lasso"])
def test_shrinkage_meets_its_target_norm(sample, kind):
    _, one = sample
    moments = Moments.of(one.x, one.y)
    erm = da.least_squares(moments)
    beta = da.confounding_strength(moments.xx / moments.n, erm)
    assert np.linalg.norm(inv.shrink_to_norm(moments, kind)) == pytest.approx(
        np.sqrt(1 - beta) * np.linalg.norm(erm), rel=0.01
    )


def test_causal_regularisation_limits(sample):
    _, one = sample
    plain, augmented = Moments.of(one.x, one.y), Moments.of(one.gx, one.y)
    np.testing.assert_allclose(inv.causal_regularisation(plain, augmented, 1.0), da.least_squares(augmented), rtol=1e-8)
    np.testing.assert_allclose(inv.causal_regularisation(plain, augmented, -1.0), da.least_squares(plain), rtol=1e-6)


def test_rivals_answer_for_every_sample(sample):
    _, one = sample
    found = inv.rivals([one, one], np.random.default_rng(0), n_bits=2, n_weights=3)
    assert set(found) == {"IRM", "V-REx", "MM-REx", "DRO", "ICP", "RICE", "l1 Janzing", "l2 Janzing", "Kania-Wit"}
    assert all(h.shape == (2, 6) and np.isfinite(h).all() for h in found.values())


def test_unknown_kinds_are_refused(sample):
    _, one = sample
    with pytest.raises(ValueError, match="choose IRM, V-REx, MM-REx or DRO"):
        inv.fit_environments("REx", [], np.zeros((0, 1)))
    with pytest.raises(ValueError, match="choose 'ridge' or 'lasso'"):
        inv.shrink_to_norm(Moments.of(one.x, one.y), "elastic")
