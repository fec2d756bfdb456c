"""Environments by any name; penalties that equalise risks; subsets whose residuals are the same everywhere."""

import numpy as np
import pytest
import scipy.optimize
from paperlab.methods.invariance import augmentation, environments, simulate
from paperlab.methods.invariance.environments import Groups


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(6, rng=rng)
    rows = design.sample(800, 1.0, rng=rng)
    moved = augmentation.translate(rows.x, simulate.invariant_directions(design.f), 1.0, rng=rng)
    return moved.gx, rows.y, moved.g


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


# Environments


def test_environments_cut_in_the_middle_of_the_range():
    g = np.array([[0.0, 5.0], [1.0, 9.0], [0.2, 8.0], [0.9, 5.5]])
    assert environments.cut_in_half(g, 1).tolist() == [0, 1, 0, 1]
    assert len(np.unique(environments.cut_in_half(g, 2))) == 4
    for n_bits in (0, 3):
        with pytest.raises(ValueError, match=f"n_bits = {n_bits}: choose 1 to 2"):
            environments.cut_in_half(g, n_bits)
    with pytest.raises(ValueError, match="g is nan in row 0"):
        environments.cut_in_half(g * np.nan, 1)


def test_full_cutting_leaves_nearly_every_row_alone():
    g = np.random.default_rng(0).standard_normal((1000, 31))
    assert len(np.unique(environments.cut_in_half(g, 31))) > 990


def test_group_moments_give_residual_risks(sample):
    gx, y, g = sample
    labels = environments.cut_in_half(g, 2)
    groups, h = Groups.of(gx, y, labels), np.arange(6.0)
    expected = [np.mean((y - gx @ h)[labels == e] ** 2) for e in range(4)]
    np.testing.assert_allclose(groups.risk(h), expected)
    pooled = augmentation.least_squares(groups.pooled())
    np.testing.assert_allclose(pooled, np.linalg.lstsq(gx, y, rcond=None)[0], rtol=1e-8)
    np.testing.assert_allclose(groups.choose([2, 0]).risk(h), [expected[2], expected[0]])


@pytest.mark.parametrize("rename", [lambda e: e, lambda e: 5000 + 37 * e, lambda e: -e, lambda e: f"lab {e}"])
def test_names_of_environments_are_names(uneven, rename):
    x, y, labels = uneven
    base, found = Groups.of(x, y, labels), Groups.of(x, y, [rename(e) for e in labels.tolist()])
    assert sorted(found.yy) == pytest.approx(sorted(base.yy))
    assert found.n.tolist() == [3000] * 3


def test_single_rows_are_left_out_with_a_warning_and_one_environment_is_refused():
    x, y = np.random.default_rng(2).standard_normal((7, 2)), np.arange(7.0)
    with pytest.warns(UserWarning, match="1 of 3 environments with a single row are left out"):
        assert Groups.of(x, y, [0, 0, 0, 1, 1, 1, 2]).n.tolist() == [3, 3]
    with pytest.raises(ValueError, match="labels: 1 environments with two rows or more"):
        Groups.of(x, y, [0] * 6 + [1])
    with pytest.raises(ValueError, match="labels has no label in row 1"):
        Groups.of(x, y, [0, None, *range(5)])


# Penalties


@pytest.mark.parametrize("kind", ["IRM", "V-REx"])
def test_without_a_penalty_the_mean_risk_is_minimised(uneven, kind):
    groups = Groups.of(*uneven)
    h = environments.fit_environments(kind, [groups], np.zeros((1, 1)))[0, 0]
    np.testing.assert_allclose(h, np.linalg.solve(groups.xx.mean(0), groups.xy.mean(0)), atol=1e-3)


def test_group_dro_is_the_smallest_worst_risk(uneven):
    groups = Groups.of(*uneven)
    h = environments.fit_environments("DRO", [groups], np.zeros((1, 1)))[0, 0]
    best = scipy.optimize.minimize(
        lambda v: groups.risk(v).max(), h, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10}
    )
    assert groups.risk(h).max() <= best.fun * 1.002


def test_mm_rex_between_its_ends(uneven):
    """With weight 0 it is group DRO, with weight 1/e the mean risk."""
    groups = Groups.of(*uneven)
    worst, mean = environments.fit_environments("MM-REx", [groups], np.array([[0.0, 1 / 3]]))[0]
    dro = environments.fit_environments("DRO", [groups], np.zeros((1, 1)))[0, 0]
    np.testing.assert_allclose(worst, dro, atol=1e-6)
    np.testing.assert_allclose(mean, np.linalg.solve(groups.xx.mean(0), groups.xy.mean(0)), atol=1e-3)


def test_penalties_move_towards_the_cause(uneven):
    groups = Groups.of(*uneven)
    for kind, weight in (("V-REx", 1000.0), ("IRM", 1e4)):
        plain, strong = environments.fit_environments(kind, [groups], np.array([[0.0, weight]]), n_steps=1000)[0]
        assert abs(strong[1]) < 0.2 * abs(plain[1])
        assert abs(strong[0] - 1) < 0.1


def test_replications_do_not_influence_one_another(uneven):
    groups = Groups.of(*uneven)
    other = Groups.of(uneven[0] * 2, uneven[1], uneven[2])
    weights = np.array([[0.5, 2.0]])
    alone = environments.fit_environments("V-REx", [groups], weights)
    both = environments.fit_environments("V-REx", [groups, other], np.repeat(weights, 2, 0))
    np.testing.assert_allclose(both[0], alone[0], rtol=1e-9)
    np.testing.assert_allclose(both[1], both[0] / 2, rtol=1e-5)


@pytest.mark.parametrize("kind", environments.KINDS)
@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_penalised_fits_follow_the_units(uneven, kind, unit):
    x, y, labels = uneven
    weights = np.array([[0.2]])
    base = environments.fit_environments(kind, [Groups.of(x, y, labels)], weights)
    found = environments.fit_environments(kind, [Groups.of(unit * x, y, labels)], weights)
    np.testing.assert_allclose(unit * found, base, rtol=1e-5)
    found = environments.fit_environments(kind, [Groups.of(x, unit * y, labels)], weights)
    np.testing.assert_allclose(found / unit, base, rtol=1e-5)


def test_the_chosen_penalty_predicts_the_held_out_environments_best(sample):
    gx, y, g = sample
    groups = Groups.of(gx, y, environments.cut_in_half(g, 3))
    weights = np.array([[0.1, 1.0, 10.0]])
    found = environments.choose_environments("V-REx", [groups], weights, rng=np.random.default_rng(3))
    out = np.random.default_rng(3).permutation(8)[:2]
    inside = groups.choose(np.setdiff1d(np.arange(8), out))
    trial = environments.fit_environments("V-REx", [inside], weights)[0]
    best = weights[0, groups.choose(out).risk(trial).mean(-1).argmin()]
    assert found.weight == pytest.approx([best])
    np.testing.assert_allclose(found.coef, environments.fit_environments("V-REx", [groups], [[best]])[:, 0])


# Invariant prediction


def test_invariant_prediction_finds_the_cause_and_nothing_else(uneven):
    found = environments.invariant_prediction(Groups.of(*uneven), rng=np.random.default_rng(0), level=0.01)
    assert found.n_accepted > 0
    assert found.coef[1] == 0
    assert found.coef[0] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_invariant_prediction_follows_the_units(uneven, unit):
    x, y, labels = uneven
    base, found = (
        environments.invariant_prediction(Groups.of(x * s, y, labels), rng=np.random.default_rng(0), level=0.01)
        for s in (1.0, np.array([1.0, unit]))
    )
    assert found.n_accepted == base.n_accepted
    np.testing.assert_allclose(found.coef, base.coef, rtol=1e-8)


def test_without_invariance_nothing_is_accepted_and_nothing_is_said():
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 500)
    x = rng.standard_normal((1000, 2))
    y = x[:, 0] + np.where(labels, 5.0, 0.1) * rng.standard_normal(1000)  # the noise itself differs
    found = environments.invariant_prediction(Groups.of(x, y, labels), rng=rng)
    assert found.n_accepted == 0 and not found.coef.any()


def test_noise_of_equal_size_is_accepted_at_about_the_level():
    """With true residuals the test keeps its size: one subset, many data sets."""
    rng, accepted = np.random.default_rng(5), 0
    for _ in range(300):
        x = rng.standard_normal((60, 1))
        groups = Groups.of(x, x[:, 0] + rng.standard_normal(60), np.repeat([0, 1], 30))
        accepted += environments.invariant_prediction(groups, rng=rng, level=0.1, max_subsets=1).n_accepted
    assert 0.86 < accepted / 300 <= 1


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda one: environments.fit_environments("REx", [one], [[1.0]]), "choose IRM, V-REx, MM-REx or DRO"),
        (lambda one: environments.fit_environments("IRM", [], np.zeros((0, 1))), r"weights must be \(s, w\) for 0"),
        (lambda one: environments.fit_environments("IRM", [one], [1.0]), r"weights must be \(s, w\) for 1"),
        (lambda one: environments.fit_environments("IRM", [one], [[np.nan]]), "weights is nan in row 0"),
        (lambda one: environments.fit_environments("IRM", [one, one.choose([0, 1])], [[1.0]] * 2), "same number"),
        (lambda one: environments.invariant_prediction(one.choose([0]), rng=None), "groups has 1 environment"),
        (
            lambda one: environments.invariant_prediction(one, rng=None, level=0),
            "level must lie between 0 and 1, got 0",
        ),
    ],
)
def test_bad_input_is_told(uneven, call, words):
    with pytest.raises(ValueError, match=words):
        call(Groups.of(*uneven))


def test_an_exact_fit_and_collinear_treatments_are_refused(uneven):
    x, y, labels = uneven
    with pytest.raises(ValueError, match="fits a sample without error"):
        environments.fit_environments("IRM", [Groups.of(x, x @ [1.0, 2], labels)], [[1.0]])
    double = Groups.of(x[:, [0, 0]], y, labels)
    for call in (
        lambda: environments.fit_environments("IRM", [double], [[1.0]]),
        lambda: environments.invariant_prediction(double, rng=np.random.default_rng(0)),
    ):
        with pytest.raises(ValueError, match="x: column 1 is a linear combination of column 0"):
            call()
