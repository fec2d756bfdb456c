"""Facts about gradient descent on factors: laws of decay, invariances, peers, and the traps."""

from dataclasses import replace

import numpy as np
import pytest
from methods.low_rank.recursion import BATCH, ETA, plain_loop, world
from paperlab.methods.low_rank import convergence, factorization
from paperlab.methods.low_rank.factorization import Setting


def test_reduced_batch_agrees_with_the_plain_recursion():
    target, start, _ = world()
    errors = factorization.descend(target, BATCH, start, 150).errors
    for setting, found in zip(BATCH, errors):
        expected, *_ = plain_loop(target.matrix, setting, start, 150)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_rectangular_batch_agrees_and_gram_matrices_survive_the_reduction():
    rng = np.random.default_rng(3)
    target, start = (
        factorization.draw_target(12, 20, 2, 3.0, symmetric=False, rng=rng),
        factorization.draw_start(12, 20, 4, rng=rng),
    )
    setting = Setting(4, 0.2, 0.2)
    run = factorization.descend(target, [setting], start, 100, [100])
    expected, f, g = plain_loop(target.matrix, setting, start, 100)
    np.testing.assert_allclose(run.errors[0], expected, rtol=1e-10)
    (f_red, g_red), *_ = run.factors[0]
    np.testing.assert_allclose(f_red.T @ f_red, f.T @ f, atol=1e-12)
    np.testing.assert_allclose(g_red.T @ g_red, g.T @ g, atol=1e-12)


def test_lanes_do_not_disturb_each_other():
    target, start, _ = world()
    many = [Setting(4, a, ETA, beta=b) for a in (0.05, 0.1, 0.2) for b in (0.0, 0.7, 1.0)] * 3
    together = factorization.descend(target, many, start, 300)
    for i in (0, 4, 26):
        alone = factorization.descend(target, [many[i]], start, 300)
        np.testing.assert_array_equal(together.errors[i], alone.errors[0])
        assert together.switched[i] == alone.switched[0]


def test_torch_gradient_gives_the_same_trajectory():
    torch = pytest.importorskip("torch")
    target, start, _ = world()
    setting = Setting(4, 0.2, 0.2)
    f, g = (torch.tensor(x, requires_grad=True) for x in setting.initial(start))
    goal = torch.tensor(target.matrix)
    for _ in range(60):
        loss = 0.5 * ((f @ g.T - goal) ** 2).sum()
        df, dg = torch.autograd.grad(loss, (f, g))
        with torch.no_grad():
            f -= setting.eta * df
            g -= setting.eta * dg
    found = factorization.descend(target, [setting], start, 60).errors[0, -1]
    assert found == pytest.approx(torch.linalg.norm(f @ g.T - goal).item(), rel=1e-9)


def test_exact_rank_converges_and_one_surplus_column_does_not():
    target, start, _ = world()
    exact, surplus = factorization.descend(
        target, [Setting(2, 0.1, ETA, symmetric=True), Setting(3, 0.1, ETA, symmetric=True)], start, 3000
    ).errors
    assert 0 < convergence.steps_to(exact, 1e-10) < 750
    assert surplus[-1] > 1e-5
    assert convergence.fit_tail(surplus).power == pytest.approx(-1.0, abs=0.15)
    assert surplus[-1] * 2 * ETA * 3000 == pytest.approx(1.0, abs=0.15)


def test_surplus_error_grows_with_the_square_root_of_their_number():
    target, start, _ = world(k=8, n=40)
    errors = factorization.descend(
        target, [Setting(k, 0.3, ETA, symmetric=True) for k in (3, 6)], start, 20_000
    ).errors[:, -1]
    assert errors[1] / errors[0] == pytest.approx(2.0, rel=0.03)


def test_equal_factors_stay_equal_and_follow_the_symmetric_descent():
    target, (f, _), _ = world()
    asym, sym = factorization.descend(
        target, [Setting(4, 0.1, ETA, 1.0), Setting(4, 0.1, ETA, symmetric=True)], (f, f), 500
    ).errors
    np.testing.assert_allclose(asym, sym, rtol=1e-9)


def test_balanced_start_is_slow_and_unbalanced_fast():
    target, start, rng = world()
    settings = [Setting(4, 0.3, ETA, 1.0), Setting(4, 0.3, ETA)]
    starts = [factorization.balanced_start(start, rng=rng), start]
    balanced, unbalanced = factorization.descend(target, settings, starts, 3000).errors[:, -1]
    assert balanced > 1e5 * unbalanced


def test_modified_step_keeps_the_product_and_sets_the_singular_values():
    rng = np.random.default_rng(5)
    f, g = rng.standard_normal((9, 4)), rng.standard_normal((7, 4))
    f_new, g_new = factorization.imbalance_step(f, g, 0.8)
    np.testing.assert_allclose(f_new @ g_new.T, f @ g.T, atol=1e-12)
    np.testing.assert_allclose(np.linalg.svd(f_new, compute_uv=False), 0.8)


def test_modified_step_removes_the_dependence_on_the_scale():
    target, start, _ = world()
    errors = factorization.descend(target, [Setting(4, a, ETA, beta=1.0) for a in (0.02, 0.2)], start, 1000).errors
    steps = [convergence.steps_to(e, 1e-8) for e in errors]
    assert min(steps) > 0 and max(steps) < 1.25 * min(steps)


def test_fixed_damping_keeps_the_power_law_and_shrinking_damping_does_not():
    target, start, _ = world()
    fixed = Setting(4, 0.1, ETA, symmetric=True, damping=0.01, relative=False)
    shrinking = Setting(4, 0.1, ETA, symmetric=True, damping=1.0)
    slow, fast = factorization.descend(target, [fixed, shrinking], start, 3000).errors
    assert slow[-1] == pytest.approx(np.sqrt(2) * 0.01 / (2 * ETA * 3000), rel=0.05)
    assert convergence.steps_to(fast, 1e-12) < 300


def test_limit_of_plain_descent_is_the_truncated_svd():
    svd = pytest.importorskip("sklearn.decomposition").TruncatedSVD
    rng = np.random.default_rng(7)
    u, v = np.linalg.qr(rng.standard_normal((12, 12)))[0], np.linalg.qr(rng.standard_normal((10, 10)))[0]
    s = np.array([1.0, 0.8, 0.3, 0.2, *np.full(6, 0.05)])
    matrix = (u[:, :10] * s) @ v.T
    _, f, g = plain_loop(matrix, Setting(2, 0.1, ETA), factorization.draw_start(12, 10, 2, rng=rng), 1500)
    truncated = (u[:, :2] * s[:2]) @ v[:, :2].T
    np.testing.assert_allclose(f @ g.T, truncated, atol=1e-9)
    model = svd(2, random_state=0).fit(matrix)
    np.testing.assert_allclose(model.transform(matrix) @ model.components_, truncated, atol=1e-9)


def test_a_tiny_start_looks_like_convergence():
    target, start, _ = world()
    tiny, usual = factorization.descend(
        target, [Setting(4, a, ETA, symmetric=True) for a in (0.01, 0.1)], start, 3000
    ).errors
    assert tiny[-1] < usual[-1]
    assert abs(2 * convergence.fit_tail(tiny).power) < 0.8
    assert 2 * convergence.fit_tail(usual).power < -1.6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"eta": -0.1}, "eta must be positive"),
        ({"balance": 0.0}, "balance must be positive"),
        ({"beta": -1.0}, "beta must be positive"),
        ({"beta": 1.0, "symmetric": True}, "use symmetric=False"),
        ({"damping": 0.0}, "damping must be positive"),
        ({"k": 0}, "k must be at least 1"),
        ({"eta": np.nan}, "eta must be positive"),
        ({"alpha": np.inf}, "alpha must be positive"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Setting(**{"k": 3} | options)


def test_the_same_descent_in_another_unit():
    """M -> c M with alpha, beta times the root of c, steps over c, marks and damping in their units."""
    target, start, _ = world()
    for c in (1e-9, 1e9):
        scaled = factorization.Target(target.u, c * target.s, target.v)
        for one in (*BATCH[:5], Setting(4, 0.1, ETA, beta=1.0)):
            other = replace(one, alpha=c**0.5 * one.alpha, eta=one.eta / c, beta=c**0.5 * one.beta,
                            trigger=c * one.trigger)  # fmt: skip
            if one.damping is not None:  # damping times the error is in the unit of M, as it should be
                other = replace(other, eta=one.eta)
            errors = [factorization.descend(m, [s], start, 120).errors[0] for m, s in ((target, one), (scaled, other))]
            np.testing.assert_allclose(errors[1], c * errors[0], rtol=1e-5, atol=1e-12 * c)


def test_target_has_the_singular_values_asked_for():
    rng = np.random.default_rng(2)
    for symmetric in (True, False):
        target = factorization.draw_target(9, 9, 3, 4.0, symmetric=symmetric, rng=rng)
        np.testing.assert_allclose(np.linalg.svd(target.matrix, compute_uv=False)[:4], [1, 0.625, 0.25, 0], atol=1e-12)
        assert target.rank == 3 and target.is_psd == symmetric
    f, g = factorization.draw_start(400, 100, 50, rng=rng)
    assert f.var() == pytest.approx(1 / 400, rel=0.05) and g.var() == pytest.approx(1 / 100, rel=0.05)
    first, second = Setting(3, 0.2, ETA, 0.5).initial((f, g))
    np.testing.assert_array_equal(first, 0.2 * f[:, :3])
    np.testing.assert_array_equal(second, 0.1 * g[:, :3])


def test_the_modified_step_is_made_once_at_the_first_error_below_its_trigger():
    target, start, _ = world()
    run = factorization.descend(target, [Setting(4, 0.1, ETA, beta=1.0, trigger=0.2), Setting(4)], start, 300)
    assert run.switched[1] == -1
    assert run.switched[0] == convergence.steps_to(run.errors[0], 0.2) > 0


def test_bad_batches_are_refused_by_name():
    target, start, rng = world(n=8, k=4)
    general = factorization.draw_target(8, 8, 2, 2.0, symmetric=False, rng=rng)
    wrong = start[0].copy()
    wrong[3, 1] = np.nan

    def run(settings, start=start, target=target, n_steps=10, snapshots=()):
        return factorization.descend(target, settings, start, n_steps, snapshots)

    for bad, words in [
        (lambda: run([Setting(1)]), "k must be >= r for exact recovery"),
        (lambda: run([]), "at least one setting"),
        (lambda: run([Setting(2, symmetric=True)], target=general), "positive semidefinite"),
        (lambda: run([Setting(4, 0.1, 3.0)], n_steps=500), r"diverged at step \d+: reduce eta"),
        (lambda: run([Setting(5)]), "start has 4 columns"),
        (lambda: run([Setting(4)], start=[start, start]), "starts must be one pair"),
        (lambda: run([Setting(4)], start=(wrong, start[1])), "start is nan in row 3"),
        (lambda: run([Setting(4)], snapshots=[11]), "snapshots must be steps from 0 to n_steps = 10"),
        (lambda: run([Setting(4)], snapshots=[-1]), "snapshots must be steps"),
        (lambda: run([Setting(4)], n_steps=-1), "n_steps must not be negative"),
        (lambda: factorization.imbalance_step(np.eye(3), np.eye(3), 0.0), "beta must be positive"),
        (lambda: factorization.balanced_start(factorization.draw_start(4, 5, 2, rng=rng), rng=rng), "one shape"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()


def test_bad_targets_are_refused_by_name():
    rng = np.random.default_rng(0)
    u = np.linalg.qr(rng.standard_normal((5, 2)))[0]
    for bad, words in [
        (lambda: factorization.draw_target(4, 4, 5, 2.0, rng=rng), "rank must be between"),
        (lambda: factorization.draw_target(4, 4, 2, 0.5, rng=rng), "kappa must be at least 1"),
        (lambda: factorization.draw_target(4, 5, 2, 2.0, rng=rng), "must be square"),
        (lambda: factorization.Target(2 * u, np.ones(2), u), "u must have orthonormal columns"),
        (lambda: factorization.Target(u, np.ones(2), u[:, ::-1] + 0.1), "v must have orthonormal columns"),
        (lambda: factorization.Target(u, np.ones(3), u), "must match"),
        (lambda: factorization.Target(u, np.array([1.0, np.nan]), u), "s is nan in row 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
