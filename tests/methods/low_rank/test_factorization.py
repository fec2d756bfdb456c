"""Facts about gradient descent on factors: laws of decay, conservation, invariances, peers, and the traps."""

import numpy as np
import pytest
from paperlab.methods.low_rank import convergence as decay
from paperlab.methods.low_rank import factorization as fz
from paperlab.methods.low_rank import sensing
from paperlab.methods.low_rank.factorization import Setting

ETA = 0.25


def world(n=20, r=2, k=5, seed=1, **options):
    rng = np.random.default_rng(seed)
    return fz.draw_target(n, n, r, 2.0, rng, **options), fz.draw_start(n, n, k, rng), rng


def plain_loop(matrix, setting, start, n_steps, normal=None):
    """The recursion as printed, one setting, n x n matrices; returns errors and the last factors."""
    f, g = setting.initial(start)
    errors = []
    for t in range(n_steps + 1):
        e = f @ g.T - matrix
        errors.append(np.linalg.norm(e))
        if t == n_steps:
            break
        if normal is not None:
            e = (normal @ e.ravel()).reshape(e.shape)
        if setting.symmetric:
            e = (e + e.T) / 2
        p = q = np.eye(setting.k)
        if setting.damping is not None:
            lam = setting.damping * (errors[-1] if setting.relative else 1.0)
            p, q = (np.linalg.inv(x.T @ x + lam * np.eye(setting.k)) for x in (g, f))
        f, g = f - setting.eta * e @ g @ p, g - setting.eta * e.T @ f @ q
    return np.array(errors), f, g


BATCH = [
    Setting(3, 0.1, ETA, symmetric=True),
    Setting(5, 0.3, 0.1, symmetric=True),
    Setting(2, 0.1, ETA),
    Setting(5, 0.2, 0.2, 0.7),
    Setting(4, 0.2, ETA, damping=1.0),
    Setting(4, 0.2, ETA, symmetric=True, damping=0.05, relative=False),
]


def test_reduced_batch_agrees_with_the_plain_recursion():
    target, start, _ = world()
    errors = fz.descend(target, BATCH, start, 150).errors
    for setting, found in zip(BATCH, errors):
        expected, *_ = plain_loop(target.matrix, setting, start, 150)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_rectangular_batch_agrees_and_gram_matrices_survive_the_reduction():
    rng = np.random.default_rng(3)
    target, start = fz.draw_target(12, 20, 2, 3.0, rng, symmetric=False), fz.draw_start(12, 20, 4, rng)
    setting = Setting(4, 0.2, 0.2)
    run = fz.descend(target, [setting], start, 100, [100])
    expected, f, g = plain_loop(target.matrix, setting, start, 100)
    np.testing.assert_allclose(run.errors[0], expected, rtol=1e-10)
    (f_red, g_red), *_ = run.factors[0]
    np.testing.assert_allclose(f_red.T @ f_red, f.T @ f, atol=1e-12)
    np.testing.assert_allclose(g_red.T @ g_red, g.T @ g, atol=1e-12)


def test_lanes_do_not_disturb_each_other():
    target, start, _ = world()
    many = [Setting(4, a, ETA, beta=b) for a in (0.05, 0.1, 0.2) for b in (0.0, 0.7, 1.0)] * 3
    together = fz.descend(target, many, start, 300)
    for i in (0, 4, 26):
        alone = fz.descend(target, [many[i]], start, 300)
        np.testing.assert_array_equal(together.errors[i], alone.errors[0])
        assert together.switched[i] == alone.switched[0]


def test_measured_batch_agrees_with_the_plain_recursion():
    target, start, rng = world(n=10)
    data = sensing.draw_measurements(10, 10, 200, rng)
    batch = [Setting(s.k, s.alpha, 0.1, s.balance, s.symmetric, damping=s.damping, relative=s.relative) for s in BATCH]
    run = sensing.descend(data, target, batch, start, 80, [80])
    for setting, found, factors in zip(batch, run.errors, run.factors):
        expected, f, g = plain_loop(target.matrix, setting, start, 80, data.normal)
        np.testing.assert_allclose(found, expected, rtol=1e-8)
        np.testing.assert_allclose(factors[0][0] @ factors[0][1].T, f @ g.T, atol=1e-9)


def test_residual_is_the_distance_from_the_measurements():
    target, start, rng = world(n=8, k=3)
    data = sensing.draw_measurements(8, 8, 90, rng, noise=0.3)
    run = sensing.descend(data, target, [Setting(3, 0.2, 0.1)], start, 20, [20])
    f, g = run.factors[0][0]
    y = data.matrix @ target.matrix.ravel() + data.noise
    assert run.residuals[0, 20] == pytest.approx(np.linalg.norm(y - data.matrix @ (f @ g.T).ravel()))


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
    found = fz.descend(target, [setting], start, 60).errors[0, -1]
    assert found == pytest.approx(torch.linalg.norm(f @ g.T - goal).item(), rel=1e-9)


# facts of the field


def test_exact_rank_converges_and_one_surplus_column_does_not():
    target, start, _ = world()
    exact, surplus = fz.descend(
        target, [Setting(2, 0.1, ETA, symmetric=True), Setting(3, 0.1, ETA, symmetric=True)], start, 3000
    ).errors
    assert 0 < decay.steps_to(exact, 1e-10) < 750
    assert surplus[-1] > 1e-5
    assert decay.fit_tail(surplus)["power"] == pytest.approx(-1.0, abs=0.15)
    assert surplus[-1] * 2 * ETA * 3000 == pytest.approx(1.0, abs=0.15)


def test_surplus_error_grows_with_the_square_root_of_their_number():
    target, start, _ = world(k=8, n=40)
    errors = fz.descend(target, [Setting(k, 0.3, ETA, symmetric=True) for k in (3, 6)], start, 20_000).errors[:, -1]
    assert errors[1] / errors[0] == pytest.approx(2.0, rel=0.03)


def test_imbalance_is_conserved_to_first_order_in_the_step():
    target, start, _ = world()
    drifts = []
    for eta in (0.1, 0.05):
        (f0, g0), (f1, g1) = fz.descend(
            target, [Setting(5, 0.1, eta)], start, round(100 / eta), [0, round(100 / eta)]
        ).factors[0]
        first = decay.imbalance(f0, g0)
        drifts.append(np.linalg.norm(decay.imbalance(f1, g1) - first) / np.linalg.norm(first))
    assert drifts[0] < 0.1
    assert drifts[0] / drifts[1] == pytest.approx(2.0, rel=0.2)


def test_rate_is_the_smallest_eigenvalue_of_the_imbalance():
    target, start, _ = world()
    run = fz.descend(target, [Setting(5, 0.3, ETA)], start, 3000, [1000])
    predicted = decay.surplus_rate(*run.factors[0][0], 2, ETA)
    assert decay.fit_tail(run.errors[0])["rate"] == pytest.approx(predicted, rel=0.1)


def test_equal_factors_stay_equal_and_follow_the_symmetric_descent():
    target, (f, _), _ = world()
    asym, sym = fz.descend(
        target, [Setting(4, 0.1, ETA, 1.0), Setting(4, 0.1, ETA, symmetric=True)], (f, f), 500
    ).errors
    np.testing.assert_allclose(asym, sym, rtol=1e-9)


def test_balanced_start_is_slow_and_unbalanced_fast():
    target, start, rng = world()
    settings = [Setting(4, 0.3, ETA, 1.0), Setting(4, 0.3, ETA)]
    balanced, unbalanced = fz.descend(target, settings, [fz.balanced_start(start, rng), start], 3000).errors[:, -1]
    assert balanced > 1e5 * unbalanced


def test_modified_step_keeps_the_product_and_sets_the_singular_values():
    rng = np.random.default_rng(5)
    f, g = rng.standard_normal((9, 4)), rng.standard_normal((7, 4))
    f_new, g_new = fz.imbalance_step(f, g, 0.8)
    np.testing.assert_allclose(f_new @ g_new.T, f @ g.T, atol=1e-12)
    np.testing.assert_allclose(np.linalg.svd(f_new, compute_uv=False), 0.8)


def test_modified_step_removes_the_dependence_on_the_scale():
    target, start, _ = world()
    errors = fz.descend(target, [Setting(4, a, ETA, beta=1.0) for a in (0.02, 0.2)], start, 1000).errors
    steps = [decay.steps_to(e, 1e-8) for e in errors]
    assert min(steps) > 0 and max(steps) < 1.25 * min(steps)


def test_fixed_damping_keeps_the_power_law_and_shrinking_damping_does_not():
    target, start, _ = world()
    fixed = Setting(4, 0.1, ETA, symmetric=True, damping=0.01, relative=False)
    shrinking = Setting(4, 0.1, ETA, symmetric=True, damping=1.0)
    slow, fast = fz.descend(target, [fixed, shrinking], start, 3000).errors
    assert slow[-1] == pytest.approx(np.sqrt(2) * 0.01 / (2 * ETA * 3000), rel=0.05)
    assert decay.steps_to(fast, 1e-12) < 300


# peers


def test_limit_of_plain_descent_is_the_truncated_svd():
    svd = pytest.importorskip("sklearn.decomposition").TruncatedSVD
    rng = np.random.default_rng(7)
    u, v = np.linalg.qr(rng.standard_normal((12, 12)))[0], np.linalg.qr(rng.standard_normal((10, 10)))[0]
    s = np.array([1.0, 0.8, 0.3, 0.2, *np.full(6, 0.05)])
    matrix = (u[:, :10] * s) @ v.T
    _, f, g = plain_loop(matrix, Setting(2, 0.1, ETA), fz.draw_start(12, 10, 2, rng), 1500)
    truncated = (u[:, :2] * s[:2]) @ v[:, :2].T
    np.testing.assert_allclose(f @ g.T, truncated, atol=1e-9)
    model = svd(2, random_state=0).fit(matrix)
    np.testing.assert_allclose(model.transform(matrix) @ model.components_, truncated, atol=1e-9)


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
    data = sensing.draw_measurements(20, 20, 300, rng)
    convex = nuclear_norm(data, data.matrix @ target.matrix.ravel(), 20)
    run = sensing.descend(data, target, [Setting(4, 0.1, 0.15, beta=1.0)], start, 900, [900])
    f, g = run.factors[0][0]
    assert np.abs(convex - target.matrix).max() < 1e-4
    assert np.abs(f @ g.T - convex).max() < 1e-4


# traps


def test_symmetrised_measurements_stall_the_asymmetric_factorisation():
    target, start, rng = world(n=12, k=4)
    ends = []
    for symmetrised in (True, False):
        data = sensing.draw_measurements(12, 12, 600, rng, symmetrised=symmetrised)
        run = sensing.descend(data, target, [Setting(4, 0.1, 0.15, beta=1.0), Setting(2, 0.1, 0.15)], start, 1200)
        ends.append(run.errors[:, -1])
    assert ends[0].min() > 0.02
    assert ends[1].max() < 1e-6


def test_too_few_measurements_have_another_zero():
    target, start, rng = world(n=12, k=4)
    data = sensing.draw_measurements(12, 12, 50, rng)
    run = sensing.descend(data, target, [Setting(4, 0.1, 0.1)], start, 1500)
    assert run.residuals[0, -1] < 0.01
    assert run.errors[0, -1] > 0.2


def test_a_tiny_start_looks_like_convergence():
    target, start, _ = world()
    tiny, usual = fz.descend(target, [Setting(4, a, ETA, symmetric=True) for a in (0.01, 0.1)], start, 3000).errors
    assert tiny[-1] < usual[-1]
    assert abs(2 * decay.fit_tail(tiny)["power"]) < 0.8
    assert 2 * decay.fit_tail(usual)["power"] < -1.6


def test_squared_error_and_error_have_different_powers():
    errors = np.r_[1.0, 1.0 / np.arange(1, 1001)]
    assert decay.fit_tail(errors)["power"] == pytest.approx(-1)
    assert decay.fit_tail(errors**2)["power"] == pytest.approx(-2)


def test_rounding_floor_is_cut_from_fits():
    errors = np.maximum(np.exp(-0.1 * np.arange(2000)), 1e-16)
    fit = decay.fit_tail(errors)
    assert fit["rate"] == pytest.approx(0.1)
    assert errors[fit["last"]] >= fz.FLOOR
    naive = np.polyfit(np.arange(1000, 2000), np.log(errors[1000:]), 1)[0]
    assert abs(naive) < 1e-6
    with pytest.raises(ValueError, match="steps lie in the last half"):
        decay.fit_tail([1.0, 1e-16, 1e-16])


def test_a_stopped_run_stands_still_and_the_others_go_on():
    target, start, rng = world(n=10, k=4)
    data = sensing.draw_measurements(10, 10, 200, rng)
    settings = [Setting(2, 0.2, 0.15), Setting(4, 0.2, 0.15)]
    full = sensing.descend(data, target, settings, start, 400, [400]).errors
    cut = sensing.descend(data, target, settings, start, 400, [400], stop=1e-6)
    when = decay.steps_to(full[0], 1e-6)
    assert 0 < when < 400
    assert np.all(cut.errors[0, when:] == cut.errors[0, when])
    np.testing.assert_allclose(cut.errors[1], full[1], rtol=1e-9)
    f, g = cut.factors[0][0]
    assert np.linalg.norm(f @ g.T - target.matrix) == pytest.approx(cut.errors[0, -1])


# bad input


def test_bad_input_is_named():
    target, start, rng = world(n=8, k=4)
    general = fz.draw_target(8, 8, 2, 2.0, rng, symmetric=False)
    data = sensing.draw_measurements(8, 8, 60, rng)
    with pytest.raises(ValueError, match="k must be >= r for exact recovery"):
        fz.descend(target, [Setting(1)], start, 10)
    with pytest.raises(ValueError, match="k must be >= r"):
        sensing.descend(data, target, [Setting(1)], start, 10)
    with pytest.raises(ValueError, match="m must be a positive"):
        sensing.draw_measurements(8, 8, 0, rng)
    with pytest.raises(ValueError, match="positive semidefinite"):
        fz.descend(general, [Setting(2, symmetric=True)], start, 10)
    negative = fz.Target(target.u, -target.s, target.v)
    with pytest.raises(ValueError, match="positive semidefinite"):
        sensing.descend(data, negative, [Setting(2, symmetric=True)], start, 10)
    with pytest.raises(ValueError, match=r"diverged at step \d+: reduce eta"):
        fz.descend(target, [Setting(4, 0.1, 3.0)], start, 500)
    with pytest.raises(ValueError, match=r"diverged at step \d+: reduce eta"):
        sensing.descend(data, target, [Setting(4, 0.1, 3.0)], start, 500)
    with pytest.raises(ValueError, match="start has 4 columns"):
        fz.descend(target, [Setting(5)], start, 10)
    with pytest.raises(ValueError, match="starts must be one pair"):
        fz.descend(target, [Setting(4)], [start, start], 10)
    with pytest.raises(ValueError, match="the target has shape"):
        sensing.descend(sensing.draw_measurements(7, 8, 60, rng), target, [Setting(4)], start, 10)
    with pytest.raises(ValueError, match="trigger must be"):
        sensing.descend(data, target, [Setting(4)], start, 10, trigger="loss")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"eta": -0.1}, "eta must be positive"),
        ({"balance": 0.0}, "balance must be positive"),
        ({"beta": -1.0}, "beta must be positive"),
        ({"beta": 1.0, "symmetric": True}, "use symmetric=False"),
        ({"damping": 0.0}, "damping must be positive"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Setting(3, **options)


def test_bad_targets_are_named():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="rank must be between"):
        fz.draw_target(4, 4, 5, 2.0, rng)
    with pytest.raises(ValueError, match="kappa must be at least 1"):
        fz.draw_target(4, 4, 2, 0.5, rng)
    with pytest.raises(ValueError, match="must be square"):
        fz.draw_target(4, 5, 2, 2.0, rng)
    with pytest.raises(ValueError, match="need a square matrix"):
        sensing.draw_measurements(4, 5, 9, rng, symmetrised=True)
    with pytest.raises(ValueError, match="rank must be below"):
        decay.surplus_rate(np.eye(3), np.eye(3), 3, ETA)
    with pytest.raises(ValueError, match="beta must be positive"):
        fz.imbalance_step(np.eye(3), np.eye(3), 0.0)
