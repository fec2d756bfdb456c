import numpy as np
import pytest
import torch
from paperlab.methods.foundations.nets import StackedMLP
from paperlab.methods.representation import dictionary, simulate_mixtures
from paperlab.methods.representation import identification as scores
from paperlab.methods.representation.dictionary import Job
from sklearn.decomposition import FastICA


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def ring(rng, **options):
    return simulate_mixtures.draw_world(simulate_mixtures.make_support("ring", 4, rng), rng, **options)


@pytest.mark.parametrize(
    ("design", "expected"),
    [
        ("ring", [(0,), (1,), (2,), (3,)]),
        ("two_sets", [(0, 1), (2,), (3,)]),
        ("dense", [(0, 1, 2, 3)]),
        ("random", [(0,), (1,), (2,), (3,)]),
    ],
)
def test_blocks_of_the_designs(design, expected, rng):
    assert simulate_mixtures.blocks(simulate_mixtures.make_support(design, 4, rng)) == expected


def test_isolation_by_intersections_is_stronger_than_different_columns():
    seen_by_all = [[1, 0], [1, 1]]
    assert len(simulate_mixtures.blocks(seen_by_all)) == 2 and simulate_mixtures.isolated(seen_by_all).tolist() == [
        True,
        False,
    ]
    assert simulate_mixtures.isolated(np.eye(3)).all()


def test_jacobian_of_the_world_is_its_derivative_and_has_its_support(rng):
    world = ring(rng)
    z = world.sample(5, rng)[0]
    step = 1e-6
    numeric = np.stack([(world.mix(z + step * e) - world.mix(z - step * e)) / (2 * step) for e in np.eye(4)], axis=-1)
    np.testing.assert_allclose(world.jacobian(z), numeric, atol=1e-7)
    assert np.array_equal(np.abs(world.jacobian(z)).max(0) > 0, world.support)


@pytest.mark.parametrize("source", simulate_mixtures.SOURCES)
def test_world_is_standardised(source, rng):
    z, x = ring(rng, source=source).sample(20000, rng)
    assert np.abs(x.mean(0)).max() < 0.04 and np.abs(x.std(0) - 1).max() < 0.04
    assert np.abs(z.std(0) - 1).max() < 0.04


def test_groups_of_rows_are_well_conditioned(rng):
    weights = ring(rng).weights[:4, :2]
    np.testing.assert_allclose(weights.T @ weights, 2 * np.eye(2), atol=1e-12)


def test_mcc_ignores_order_sign_and_monotone_maps_but_not_rotations(rng):
    z = rng.standard_normal((2000, 3))
    assert scores.mcc(z, np.column_stack([-z[:, 2], np.exp(z[:, 0]), z[:, 1] ** 3])) == pytest.approx(1)
    turn = np.array([[1, -1, 0], [1, 1, 0], [0, 0, np.sqrt(2)]]) / np.sqrt(2)
    assert scores.mcc(z, z @ turn) < 0.85


def test_block_r2_allows_mixing_within_the_block_where_mcc_does_not(rng):
    z = rng.standard_normal((1500, 3))
    mixed = np.tanh(z[:, :2] @ np.array([[1, 1], [1, -1]]) / 2)
    assert scores.block_r2(z[:, :2], mixed) > 0.95 and scores.mcc(z[:, :2], mixed) < 0.85
    assert abs(scores.block_r2(z[:, :2], z[:, 2:])) < 0.1


def test_support_f1(rng):
    support = simulate_mixtures.make_support("ring", 4, rng)
    order = np.array([2, 0, 3, 1])
    shuffled = np.empty(support.shape)
    shuffled[:, order] = support
    assert scores.support_f1(support, shuffled, order) == 1
    assert scores.support_f1(support, np.ones(support.shape), order) == pytest.approx(2 / 3)


def test_blocks_are_assigned_by_the_rows_they_act_on():
    jacobian = np.array([[0.0, 1, 0.9, 1], [1.0, 0, 0, 1]])
    parts = scores.assign_blocks(jacobian, [True, False], (2, 1, 1))
    assert sorted(parts[0].tolist()) == [1, 2] and parts[1].tolist() == [3] and parts[2].tolist() == [0]


def test_sparsest_rotation_undoes_a_rotation_of_the_ring(rng):
    world = ring(rng)
    z = world.sample(300, rng)[0]
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    rotation, ratio = scores.sparsest_rotation(world.jacobian(z[:60]) @ turn, rng)
    assert ratio < 0.95 and scores.mcc(z, z @ turn @ rotation) > 0.98


def test_sparsest_rotation_of_the_dense_control_is_sparser_than_the_truth(rng):
    world = simulate_mixtures.draw_world(simulate_mixtures.make_support("dense", 4, rng), rng, quiet=True)
    assert scores.sparsest_rotation(world.jacobian(world.sample(60, rng)[0]), rng)[1] < 0.98


def test_closed_form_jacobian_is_that_of_torch():
    decoder = StackedMLP([4, 48, 48, 16], [0])
    z = torch.randn(6, 4)
    expected = torch.func.vmap(torch.func.jacrev(lambda point: decoder(point[None])[0, 0]))(z)
    torch.testing.assert_close(decoder.with_jacobian(z)[1][0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale_free", [True, False])
def test_raw_penalty_falls_when_latents_are_inflated_and_the_scale_free_one_does_not(scale_free, rng):
    x = ring(rng).sample(64, rng)[1]
    stack = dictionary._Stack([Job(x, x, "jac_l1", 0.2, 0)], 4, 16, 0.05, scale_free, 32)
    z = torch.randn(1, 64, 4)
    before = stack._penalty(z, z)
    stack.decoder.weights[0].data /= 10
    ratio = (stack._penalty(10 * z, 10 * z) / before).item()
    assert ratio == pytest.approx(1.0 if scale_free else 0.1, rel=1e-4)


def test_orthogonal_columns_have_no_ima_penalty():
    x = np.zeros((40, 8))
    stack = dictionary._Stack([Job(x, x, "ima", 1.0, 0)], 3, 16, 0.05, True, 8)
    stack.decoder = StackedMLP([3, 8], [0])
    z = torch.randn(1, 20, 3)
    stack.decoder.weights[0].data = torch.linalg.qr(torch.randn(8, 3))[0].T[None]
    assert abs(stack._penalty(z, z).item()) < 1e-3
    stack.decoder.weights[0].data[0, 1] = stack.decoder.weights[0].data[0, 0]
    assert stack._penalty(z, z).item() > 1


def test_a_network_does_not_depend_on_its_neighbours(rng):
    _, x = ring(rng).sample(200, rng)
    jobs = [Job(x, x[:50], "jac_l1", 0.2, 4), Job(x, x[:50], "jac_l1", 0.05, 8), Job(x, x[:50], "none", 0.0, 4)]
    together = dictionary.train_vaes(jobs, 4, steps=30)
    for job, code in zip(jobs, together, strict=True):
        np.testing.assert_allclose(dictionary.train_vaes([job], 4, steps=30)[0].z, code.z, atol=1e-3)


def test_training_with_the_penalty_makes_the_jacobian_sparser(rng):
    _, x = ring(rng).sample(1000, rng)
    plain, sparse = dictionary.train_vaes(
        [Job(x, x, "none", 0.0, 4), Job(x, x, "jac_l1", 0.3, 4)], 4, steps=250, rate=5e-3
    )
    share = [(code.jacobian / code.jacobian.max() < 0.15).mean() for code in (plain, sparse)]
    assert share[1] > share[0] and sparse.unexplained > plain.unexplained


def test_fast_ica_solves_the_linear_laplace_ring_and_not_the_linear_gaussian_one(rng):
    found = {}
    for source in ("laplace", "gaussian"):
        z, x = ring(rng, nonlin=0.0, source=source).sample(4000, rng)
        codes = FastICA(4, random_state=0, max_iter=1000, tol=1e-3).fit_transform(x)
        found[source] = scores.mcc(z, codes)
    assert found["laplace"] > 0.98 and found["gaussian"] < 0.93


def test_block_only_support_warns(rng):
    with pytest.warns(UserWarning, match=r"latents \{0, 1\} only identifiable as a block"):
        simulate_mixtures.draw_world(simulate_mixtures.make_support("two_sets", 4, rng), rng)


@pytest.mark.parametrize(
    ("support", "options", "message"),
    [
        (np.ones((2, 3)), {}, "d_x = 2 rows for d_z = 3"),
        ([[1, 0], [0, 1], [0, 0]], {}, r"no entry in row \[2\]"),
        ([[1, 0], [1, 0], [1, 0]], {}, r"no entry in column \[1\]"),
        (np.eye(3), {"source": "cauchy"}, "source = 'cauchy'"),
        (np.eye(3), {"nonlin": -1}, "nonlin = -1"),
    ],
)
def test_bad_worlds(support, options, message, rng):
    with pytest.raises(ValueError, match=message):
        simulate_mixtures.draw_world(support, rng, **options)


def test_bad_calls(rng):
    x = np.zeros((20, 8))
    for jobs, message in [
        ([], "at least one job"),
        ([Job(x, x, "sparse", 0.1, 0)], "penalty = 'sparse'"),
        ([Job(x, x, "jac_l1", -0.1, 0)], "lam = -0.1"),
        ([Job(x, x, "none", 0, 0), Job(x[:10], x, "none", 0, 0)], "shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            dictionary.train_vaes(jobs, 2, steps=1)
    with pytest.raises(ValueError, match="design = 'star'"):
        simulate_mixtures.make_support("star", 4, rng)
    with pytest.raises(ValueError, match="d_z = 2"):
        simulate_mixtures.make_support("ring", 2, rng)
    with pytest.raises(ValueError, match="as many latents"):
        scores.match(x[:, :2], x[:, :3])
    with pytest.raises(ValueError, match="do not add up"):
        scores.assign_blocks(x, np.arange(20) < 8, (2, 1, 1))


def test_additive_decoder_has_no_mixed_derivatives():
    x = np.zeros((40, 8))
    stack = dictionary._Stack([Job(x, x, "none", 0.0, 0), Job(x, x, "hessian", 1.0, 2)], 3, 16, 0.05, True, 40)
    z = torch.randn(2, 40, 3)
    assert stack._penalty(z, z)[1] > 0 and stack._penalty(z, z)[0] == 0
    stack.decoder.weights[0].data[:] = torch.kron(torch.eye(3), torch.ones(1, 6))[:, :16]
    stack.decoder.weights[1].data[:] = torch.eye(16)
    assert stack._penalty(z, z)[1] < 1e-6
