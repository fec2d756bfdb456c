"""Facts about descent from random measurements: the recursion, the nuclear norm, what measurements cannot see."""

import numpy as np
import pytest
from methods.low_rank.recursion import BATCH, plain_loop, world
from paperlab.methods.low_rank import convergence, factorization, sensing
from paperlab.methods.low_rank.factorization import Setting


def test_measured_batch_agrees_with_the_plain_recursion():
    target, start, rng = world(n=10)
    data = sensing.draw_measurements(10, 10, 200, rng=rng)
    batch = [Setting(s.k, s.alpha, 0.1, s.balance, s.symmetric, damping=s.damping, relative=s.relative) for s in BATCH]
    run = sensing.descend(data, target, batch, start, 80, [80])
    for setting, found, factors in zip(batch, run.errors, run.factors):
        expected, f, g = plain_loop(target.matrix, setting, start, 80, data.normal)
        np.testing.assert_allclose(found, expected, rtol=1e-8)
        np.testing.assert_allclose(factors[0][0] @ factors[0][1].T, f @ g.T, atol=1e-9)


def test_residual_is_the_distance_from_the_measurements():
    target, start, rng = world(n=8, k=3)
    data = sensing.draw_measurements(8, 8, 90, noise=0.3, rng=rng)
    run = sensing.descend(data, target, [Setting(3, 0.2, 0.1)], start, 20, [20])
    f, g = run.factors[0][0]
    y = data.matrix @ target.matrix.ravel() + data.noise
    assert run.residuals[0, 20] == pytest.approx(np.linalg.norm(y - data.matrix @ (f @ g.T).ravel()))


def nuclear_norm(data, y, n, steps=400, rho=0.3):
    """Smallest nuclear norm that fits the measurements: ADMM between the affine set and the spectral soft threshold."""
    inverse = np.linalg.inv(data.matrix @ data.matrix.T)
    z = dual = np.zeros((n, n))
    for _ in range(steps):
        x = (z - dual).ravel()
        x = (x - data.matrix.T @ (inverse @ (data.matrix @ x - y))).reshape(n, n)
        u, s, vt = np.linalg.svd(x + dual)
        z = (u * np.maximum(s - rho, 0)) @ vt
        dual = dual + x - z
    return x


def test_descent_with_the_modified_step_finds_the_nuclear_norm_solution():
    target, start, rng = world(n=20, k=4)
    data = sensing.draw_measurements(20, 20, 300, rng=rng)
    convex = nuclear_norm(data, data.matrix @ target.matrix.ravel(), 20)
    run = sensing.descend(data, target, [Setting(4, 0.1, 0.15, beta=1.0)], start, 900, [900])
    f, g = run.factors[0][0]
    assert np.abs(convex - target.matrix).max() < 1e-4
    assert np.abs(f @ g.T - convex).max() < 1e-4


def test_symmetrised_measurements_stall_the_asymmetric_factorisation():
    target, start, rng = world(n=12, k=4)
    ends = []
    for symmetrised in (True, False):
        data = sensing.draw_measurements(12, 12, 600, symmetrised=symmetrised, rng=rng)
        run = sensing.descend(data, target, [Setting(4, 0.1, 0.15, beta=1.0), Setting(2, 0.1, 0.15)], start, 1200)
        ends.append(run.errors[:, -1])
    assert ends[0].min() > 0.02
    assert ends[1].max() < 1e-6


def test_too_few_measurements_have_another_zero():
    target, start, rng = world(n=12, k=4)
    data = sensing.draw_measurements(12, 12, 50, rng=rng)
    run = sensing.descend(data, target, [Setting(4, 0.1, 0.1)], start, 1500)
    assert run.residuals[0, -1] < 0.01
    assert run.errors[0, -1] > 0.2


def test_a_stopped_run_stands_still_and_the_others_go_on():
    target, start, rng = world(n=10, k=4)
    data = sensing.draw_measurements(10, 10, 200, rng=rng)
    settings = [Setting(2, 0.2, 0.15), Setting(4, 0.2, 0.15)]
    full = sensing.descend(data, target, settings, start, 400, [400]).errors
    cut = sensing.descend(data, target, settings, start, 400, [400], stop=1e-6)
    when = convergence.steps_to(full[0], 1e-6)
    assert 0 < when < 400
    assert np.all(cut.errors[0, when:] == cut.errors[0, when])
    np.testing.assert_allclose(cut.errors[1], full[1], rtol=1e-9)
    f, g = cut.factors[0][0]
    assert np.linalg.norm(f @ g.T - target.matrix) == pytest.approx(cut.errors[0, -1])


def test_measurements_keep_the_norm_of_a_matrix_on_average():
    rng = np.random.default_rng(3)
    data = sensing.draw_measurements(6, 7, 4000, rng=rng)
    matrix = rng.standard_normal((6, 7))
    assert data.n_measurements == 4000
    assert np.linalg.norm(data.matrix @ matrix.ravel()) == pytest.approx(np.linalg.norm(matrix), rel=0.05)
    np.testing.assert_allclose(data.normal, data.matrix.T @ data.matrix)
    assert not data.noise.any()
    noisy = sensing.draw_measurements(6, 7, 4000, noise=0.5, rng=rng)
    assert np.linalg.norm(noisy.noise) == pytest.approx(0.5, rel=0.05)


def test_many_measurements_approach_the_matrix_seen_in_full():
    target, start, rng = world(n=6, k=3)
    settings = [Setting(3, 0.2, 0.1), Setting(3, 0.2, 0.1, symmetric=True), Setting(3, 0.2, 0.1, damping=0.5)]
    full = factorization.descend(target, settings, start, 60).errors
    gaps = []
    for m in (1_000, 100_000):
        data = sensing.draw_measurements(6, 6, m, rng=rng)
        gaps.append(np.abs(sensing.descend(data, target, settings, start, 60).errors - full).max())
    assert gaps[1] < 0.02 and gaps[1] < 0.3 * gaps[0]


def test_a_residual_trigger_needs_no_truth():
    target, start, rng = world(n=10, k=4)
    data = sensing.draw_measurements(10, 10, 200, rng=rng)
    setting = Setting(4, 0.2, 0.1, beta=1.0, trigger=0.3)
    for trigger in ("error", "residual"):
        run = sensing.descend(data, target, [setting], start, 200, trigger=trigger)
        watched = run.errors if trigger == "error" else run.residuals
        assert run.switched[0] == convergence.steps_to(watched[0], 0.3) > 0


def test_bad_input_is_refused_by_name():
    target, start, rng = world(n=8, k=4)
    data = sensing.draw_measurements(8, 8, 60, rng=rng)
    negative = factorization.Target(target.u, -target.s, target.v)
    for bad, words in [
        (lambda: sensing.descend(data, target, [Setting(1)], start, 10), "k must be >= r"),
        (lambda: sensing.descend(data, negative, [Setting(2, symmetric=True)], start, 10), "positive semidefinite"),
        (
            lambda: sensing.descend(data, target, [Setting(4, 0.1, 3.0)], start, 500),
            r"diverged at step \d+: reduce eta",
        ),
        (lambda: sensing.descend(data, target, [Setting(4)], start, 10, [11]), "snapshots"),
        (lambda: sensing.descend(data, target, [Setting(4)], start, 10, trigger="loss"), "trigger must be"),
        (
            lambda: sensing.descend(sensing.draw_measurements(7, 8, 60, rng=rng), target, [Setting(4)], start, 10),
            "the target has shape",
        ),
        (lambda: sensing.draw_measurements(8, 8, 0, rng=rng), "n_measurements must be positive"),
        (lambda: sensing.draw_measurements(4, 5, 9, symmetrised=True, rng=rng), "need a square matrix"),
        (lambda: sensing.draw_measurements(4, 5, 9, noise=-1, rng=rng), "noise"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
