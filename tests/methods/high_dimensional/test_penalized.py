"""Facts about non-convex penalties and their solvers."""

import os
import subprocess
import sys

import numpy as np
import pytest
from paperlab.methods.high_dimensional import penalized, simulate
from paperlab.methods.high_dimensional.penalties import Penalty

NAMES = ("SCAD", "MCP", "L1")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def draw_small(rng):
    d = simulate.draw_design(200, 0.3, 5, gap=20, per_block=4, rng=rng)
    return d.x, (d.y - d.y.mean()) / d.y.std()


@pytest.fixture
def small(rng):
    return draw_small(rng)


@pytest.mark.parametrize("name", ["SCAD", "MCP"])
def test_concave_part_is_the_integral_of_its_slope_and_has_its_lipschitz_constant(name):
    grid = np.linspace(-6, 6, 24001)
    penalty = Penalty(name, 1.3)
    value, slope = penalty.concave_part(grid), penalty.concave_slope(grid)
    assert np.abs(np.gradient(value, grid) - slope)[1:-1].max() < 1e-3
    assert np.abs(np.diff(slope) / np.diff(grid)).max() == pytest.approx(penalty.concavity, rel=1e-6)
    assert np.allclose(value, value[::-1]) and np.allclose(slope, -slope[::-1])


def test_penalties_are_flat_far_out_and_equal_the_l1_penalty_near_zero():
    for name, level in {"SCAD": (3.7 + 1) / 2, "MCP": 3 / 2}.items():
        assert Penalty(name, 1.0).value([50.0, -500.0]) == pytest.approx(level)
        assert Penalty(name, 2.0).value([50.0, -500.0]) == pytest.approx(4 * level)
        assert Penalty(name, 1.0).value([1e-4]) == pytest.approx(1e-4, rel=1e-3)
    assert Penalty("SCAD", 1.0, 2.5).value([50.0]) == pytest.approx(3.5 / 2)
    assert np.array_equal(Penalty("L1", 2.0).value([-3.0]), [6.0]) and Penalty("L1", 2.0).concavity == 0


def threshold(z, name, lam):
    """Minimiser of ``(z - b)^2 / 2 + p(b)``, by trying."""
    grid = np.linspace(-6, 6, 120001)
    return grid[((z - grid) ** 2 / 2 + Penalty(name, lam).value(grid)).argmin()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["AG", "coordinate descent"])
def test_orthogonal_columns_are_thresholded_one_by_one(rng, name, method):
    n, coef = 400, np.array([0.2, -0.7, 1.2, -1.9, 5.0, 0.0])
    x = np.linalg.qr(np.c_[np.ones(n), rng.standard_normal((n, 6))])[0][:, 1:] * np.sqrt(n)
    y = x @ coef  # so x'y / n is coef itself
    path = penalized.solution_path(x, y, [2.0, 0.5], name, method, tol=1e-9)
    assert path.converged.all()
    assert np.allclose(path.coef[-1], [threshold(z, name, 0.5) for z in coef], atol=2e-4)
    run = penalized.descend(x, y, [("AG", Penalty(name, 0.5))], 4000)
    assert np.allclose(run.coef[0], path.coef[-1], atol=1e-4) and abs(run.intercept[0]) < 1e-6


SKGLM = """
import sys

import numpy as np
from skglm import GeneralizedLinearEstimator, penalties
from skglm.datafits import Quadratic
from skglm.penalties import separable
from skglm.solvers import AndersonCD

separable.bool_ = np.bool_  # numba's own, which numpy does not know
x, y = (np.load(sys.argv[1])[name] for name in "xy")
kinds = {"SCAD": penalties.SCAD(0.1, 3.7), "MCP": penalties.MCPenalty(0.1, 3.0), "L1": penalties.L1(0.1)}
found = {}
for name, penalty in kinds.items():
    solver = AndersonCD(tol=1e-9, fit_intercept=False)
    found[name] = GeneralizedLinearEstimator(Quadratic(), penalty, solver).fit(np.asfortranarray(x), y).coef_
np.savez(sys.argv[2], **found)
"""


@pytest.fixture(scope="module")
def skglm(tmp_path_factory):
    """Coefficients by penalty, from the peer as plain Python: compiling it takes twenty times as long."""
    folder = tmp_path_factory.mktemp("skglm")
    x, y = draw_small(np.random.default_rng(7))
    np.savez(folder / "data.npz", x=x, y=y)
    command = [sys.executable, "-c", SKGLM, str(folder / "data.npz"), str(folder / "found.npz")]
    subprocess.run(command, check=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"})
    return np.load(folder / "found.npz")


@pytest.mark.parametrize("name", NAMES)
def test_same_minimisers_as_skglm(small, skglm, name):
    x, y = small
    peer, penalty = skglm[name], Penalty(name, 0.1)
    ours = penalized.descend(x, y, [(s, penalty) for s in penalized.SOLVERS], 3000, start=np.zeros(x.shape[1]))
    reached = penalized.objective(x, y, peer, penalty)
    for coef in ours.coef:
        assert penalized.objective(x, y, coef, penalty) == pytest.approx(reached, abs=1e-6)
    for method in ("AG", "coordinate descent"):
        path = penalized.solution_path(x, y, np.geomspace(0.8, 0.1, 8), name, method, tol=1e-8)
        assert penalized.objective(x, y, path.coef[-1], penalty) == pytest.approx(reached, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["AG", "coordinate descent"])
def test_minimum_does_not_move_to_first_order(small, name, method):
    x, y = small
    path = penalized.solution_path(x, y, np.geomspace(0.8, 0.1, 8), name, method, tol=1e-8)
    for coef, lam in zip(path.coef, path.lambdas):
        score = x.T @ (y - x @ coef) / len(y) - Penalty(name, lam).concave_slope(coef)
        on = coef != 0
        assert np.allclose(score[on], lam * np.sign(coef[on]), atol=1e-5)
        assert (np.abs(score[~on]) <= lam + 1e-6).all()


@pytest.mark.parametrize("method", ["AG", "coordinate descent"])
def test_a_path_scales_with_the_outcome_and_follows_its_columns(small, method):
    x, y = small
    lambdas = np.geomspace(0.8, 0.05, 6)
    path = penalized.solution_path(x, y, lambdas, "SCAD", method)
    for unit in (1e-9, 1e6):
        other = penalized.solution_path(x, unit * y, unit * lambdas, "SCAD", method)
        assert np.allclose(other.coef, unit * path.coef, rtol=1e-6, atol=1e-9 * unit)
    flipped = penalized.solution_path(-x[:, ::-1], y, lambdas, "SCAD", method)
    assert np.allclose(flipped.coef, -path.coef[:, ::-1], atol=1e-4)


def test_a_path_that_ran_out_of_steps_says_so(small):
    path = penalized.solution_path(*small, [0.1, 0.01], "L1", "AG", max_iter=3)
    assert not path.converged.any() and (path.n_iter >= 3).all()


def test_schedules():
    alpha = 1.0
    for k in range(2, 50):
        before, (alpha, step) = alpha, penalized._schedule(0, k, alpha, 0.5)
        assert 1 / alpha**2 - 1 / alpha == pytest.approx(1 / before**2)  # the largest momentum that theory allows
        assert step == pytest.approx(0.5 / alpha)
        assert penalized._schedule(1, k, before, 0.5) == pytest.approx((2 / (k + 1), k * 0.5 / 2))
        assert penalized._schedule(2, k, before, 0.5) == (1.0, 0.5)


def test_first_proximal_step_is_the_textbooks(small):
    x, y = small
    penalty, start = Penalty("L1", 0.1), np.sign(x.T @ (y - y.mean()))
    run = penalized.descend(x, y, [("proximal", penalty)], 1)
    step = 1 / np.linalg.eigvalsh(x.T @ x / len(y))[-1]
    moved = start - step * x.T @ (x @ start - y) / len(y)
    assert np.allclose(run.coef[0], np.sign(moved) * np.maximum(np.abs(moved) - 0.1 * step, 0), atol=1e-5)
    assert run.objective[0, 0] == pytest.approx(penalized.objective(x, y, start, penalty))


def test_acceleration_needs_fewer_steps_where_columns_are_correlated(rng):
    d = simulate.draw_design(200, 0.9, 5, gap=20, per_block=4, rng=rng)
    run = penalized.descend(d.x, d.y, [(s, Penalty("SCAD", 0.2)) for s in ("AG", "original", "proximal")], 3000)
    near = run.objective <= np.nanmin(run.objective) + 1e-4 * run.objective[0, 0]
    fast, original, slow = np.where(near.any(axis=1), near.argmax(axis=1), np.inf)  # inf: not within 3,000
    assert 0 < fast < original < slow


def test_moments_and_data_give_the_same_objective(small):
    x, y = small
    penalty = Penalty("SCAD", 0.1)
    for rows in (40, 200):  # 40 rows of 100 columns go through the data, 200 through the moments
        run = penalized.descend(x[:rows], y[:rows], [("AG", penalty)], 30)
        by_hand = penalized.objective(x[:rows], y[:rows] - run.intercept[0], run.coef[0], penalty)
        assert run.objective[0, -1] == pytest.approx(by_hand, rel=1e-9)


def test_runs_side_by_side_do_not_disturb_each_other(small):
    runs = [("AG", Penalty("SCAD", 0.1)), ("proximal", Penalty("MCP", 0.1)), ((0.5, "proposed"), Penalty("L1", 0.3))]
    together = penalized.descend(*small, runs, 50).objective
    alone = np.vstack([penalized.descend(*small, [r], 50).objective for r in runs])
    assert np.allclose(together, alone, rtol=1e-10)


def test_a_run_stops_once_it_gains_no_more(small):
    run = penalized.descend(*small, [("AG", Penalty("L1", 0.1))], 3000, tol=1e-6)
    last = int(run.n_steps[0])
    assert last < 3000 and run.objective.shape == (1, last + 1)
    assert run.objective[0, last - penalized.WINDOW] - run.objective[0, last] <= 1e-6
    assert run.objective[0, last - 1 - penalized.WINDOW] - run.objective[0, last - 1] > 1e-6


def test_counting_against_an_unfinished_best_flatters_the_slow_solver(small):
    runs = [(s, Penalty("SCAD", 0.02)) for s in ("AG", "proximal")]
    values = penalized.descend(*small, runs, 1500).objective
    full = np.argmax(values[1] <= np.nanmin(values) + 0.01)
    short = np.argmax(values[1, :40] <= values[1, :40].min() + 0.01)
    assert full > short > 0


@pytest.mark.parametrize("shape", [(30, 80), (80, 30), (9, 2), (2, 9)])
def test_smoothness_is_the_largest_eigenvalue(rng, shape):
    x = rng.standard_normal(shape)
    x -= x.mean(axis=0)
    assert penalized.smoothness(x) == pytest.approx(np.linalg.eigvalsh(x.T @ x / shape[0])[-1], rel=1e-6)


def with_one(values, place, wrong):
    out = np.array(values, float)
    out[place] = wrong
    return out


def test_one_missing_value_is_refused_by_name(small):
    x, y = small
    bad_y, bad_x = with_one(y, 17, np.nan), with_one(x, (4, 9), np.inf)
    run = [("AG", Penalty("SCAD", 0.1))]
    for call, words in [
        (lambda: penalized.descend(x, bad_y, run, 5), "y is nan in row 17"),
        (lambda: penalized.descend(bad_x, y, run, 5), "x is inf in row 4"),
        (lambda: penalized.descend(x, y, run, 5, start=with_one(x[0], 3, np.nan)), "start is nan in row 3"),
        (lambda: penalized.solution_path(x, bad_y, [0.1], "SCAD", "AG"), "y is nan in row 17"),
        (lambda: penalized.solution_path(bad_x, y, [0.1], "SCAD", "AG"), "x is inf in row 4"),
        (lambda: penalized.solution_path(x, y, [0.1, np.nan], "SCAD", "AG"), "lambdas is nan in row 1"),
        (lambda: penalized.objective(x, bad_y, x[0], run[0][1]), "y is nan in row 17"),
        (lambda: penalized.objective(x, y, with_one(x[0], 2, np.nan), run[0][1]), "coef is nan in row 2"),
        (lambda: penalized.smoothness(bad_x), "x is inf in row 4"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


def test_bad_settings_are_refused_by_name(small):
    x, y = small
    scad = Penalty("SCAD", 0.1)
    for bad, words in [
        (lambda: penalized.descend(x, y, [("FISTA", scad)], 5), "solver"),
        (lambda: penalized.descend(x, y, [((1.5, "none"), scad)], 5), "share"),
        (lambda: penalized.descend(x, y, [((0.5, "heavy ball"), scad)], 5), "share"),
        (lambda: penalized.descend(x, y[:-1], [("AG", scad)], 5), "shapes"),
        (lambda: penalized.descend(x, y, [("AG", scad)], 5, start=[1.0]), "start"),
        (lambda: penalized.descend(0 * x, y, [("AG", scad)], 5), "zeros"),
        (lambda: penalized.objective(x, y, [1.0], scad), "coef"),
        (lambda: Penalty("ridge", 0.1), "penalty"),
        (lambda: Penalty("SCAD", 1.0, 2.0), "exceed 2"),
        (lambda: Penalty("MCP", 1.0, 1.0), "exceed 1"),
        (lambda: Penalty("MCP", 0.0), "lam must be positive"),
        (lambda: Penalty("MCP", np.nan), "lam must be positive"),
        (lambda: penalized.solution_path(x, y, [0.1, 0.2], "SCAD", "AG"), "falling"),
        (lambda: penalized.solution_path(x, y, [0.1], "SCAD", "LARS"), "method"),
        (lambda: penalized.solution_path(x, y + 1, [0.1], "SCAD", "AG"), "centred"),
        (lambda: penalized.solution_path(x, 0 * y, [0.1], "SCAD", "AG"), "y is constant"),
        (lambda: penalized.solution_path(2 * x, y, [0.1], "SCAD", "AG"), "standardise"),
        (lambda: penalized.solution_path(x * (np.arange(x.shape[1]) != 3), y, [0.1], "SCAD", "AG"), "column 3"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
