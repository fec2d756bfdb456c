"""Facts about scores of estimated latents: what they must not see, and what they must."""

import numpy as np
import pytest
from paperlab.methods.representation import identification, simulate_mixtures
from sklearn.decomposition import FastICA


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def ring(rng, **options):
    return simulate_mixtures.draw_world(simulate_mixtures.make_support("ring", 4, rng=rng), rng=rng, **options)


def test_mcc_ignores_order_sign_and_monotone_maps_but_not_rotations(rng):
    z = rng.standard_normal((2000, 3))
    assert identification.mcc(z, np.column_stack([-z[:, 2], np.exp(z[:, 0]), z[:, 1] ** 3])) == pytest.approx(1)
    turn = np.array([[1, -1, 0], [1, 1, 0], [0, 0, np.sqrt(2)]]) / np.sqrt(2)
    assert identification.mcc(z, z @ turn) < 0.85


def test_block_r2_allows_mixing_within_the_block_where_mcc_does_not(rng):
    z = rng.standard_normal((1500, 3))
    mixed = np.tanh(z[:, :2] @ np.array([[1, 1], [1, -1]]) / 2)
    assert identification.block_r2(z[:, :2], mixed) > 0.95 and identification.mcc(z[:, :2], mixed) < 0.85
    assert abs(identification.block_r2(z[:, :2], z[:, 2:])) < 0.1


def test_support_f1(rng):
    support = simulate_mixtures.make_support("ring", 4, rng=rng)
    order = np.array([2, 0, 3, 1])
    shuffled = np.empty(support.shape)
    shuffled[:, order] = support
    assert identification.support_f1(support, shuffled, order) == 1
    assert identification.support_f1(support, np.ones(support.shape), order) == pytest.approx(2 / 3)


def test_blocks_are_assigned_by_the_rows_they_act_on():
    jacobian = np.array([[0.0, 1, 0.9, 1], [1.0, 0, 0, 1]])
    parts = identification.assign_blocks(jacobian, [True, False], (2, 1, 1))
    assert sorted(parts[0].tolist()) == [1, 2] and parts[1].tolist() == [3] and parts[2].tolist() == [0]


def test_sparsest_rotation_undoes_a_rotation_of_the_ring(rng):
    world = ring(rng)
    z = world.sample(300, rng=rng).z
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    found = identification.sparsest_rotation(world.jacobian(z[:60]) @ turn, rng=rng)
    np.testing.assert_allclose(found.matrix @ found.matrix.T, np.eye(4), atol=1e-9)
    assert found.ratio < 0.95 and identification.mcc(z, z @ turn @ found.matrix) > 0.98


def test_nothing_is_sparser_than_single_entries(rng):
    found = identification.sparsest_rotation(np.eye(3)[None], rng=rng, n_starts=2, n_steps=20)
    assert found.ratio == 1.0 and np.array_equal(found.matrix, np.eye(3))


def test_sparsest_rotation_of_the_dense_control_is_sparser_than_the_truth(rng):
    support = simulate_mixtures.make_support("dense", 4, rng=rng)
    world = simulate_mixtures.draw_world(support, quiet=True, rng=rng)
    jacobian = world.jacobian(world.sample(60, rng=rng).z)
    assert identification.sparsest_rotation(jacobian, rng=rng).ratio < 0.98


def test_fast_ica_solves_the_linear_laplace_ring_and_not_the_linear_gaussian_one(rng):
    found = {}
    for source in ("laplace", "gaussian"):
        drawn = ring(rng, nonlin=0.0, source=source).sample(4000, rng=rng)
        codes = FastICA(4, random_state=0, max_iter=1000, tol=1e-3).fit_transform(drawn.x)
        found[source] = identification.mcc(drawn.z, codes)
    assert found["laplace"] > 0.98 and found["gaussian"] < 0.93


def test_matching_is_the_assignment_with_the_largest_sum():
    z = np.random.default_rng(0).standard_normal((500, 3))
    codes = np.column_stack([z[:, 1] + 0.1 * z[:, 0], -z[:, 2], z[:, 0] ** 3])
    matched = identification.match_latents(z, codes)
    assert matched.order.tolist() == [2, 0, 1] and matched.correlation[0] == pytest.approx(1)
    assert identification.mcc(z, codes) == pytest.approx(matched.correlation.mean())
    dead = codes * [1, 0, 1]
    assert identification.match_latents(z, dead).correlation[2] == 0


def test_unrelated_latents_of_many_points_have_a_small_mcc(rng):
    assert identification.mcc(rng.standard_normal((5000, 3)), rng.standard_normal((5000, 3))) < 0.05


def test_block_r2_is_one_for_the_block_itself_and_free_of_units(rng):
    z = rng.standard_normal((1000, 2))
    assert identification.block_r2(z, z) > 0.98
    noisy = z[:, :1] + rng.standard_normal((1000, 1))
    found = identification.block_r2(noisy, z[:, :1])
    assert found == pytest.approx(0.5, abs=0.1)  # half of the variance is signal
    assert identification.block_r2(1e9 * noisy - 3, 1e-9 * z[:, :1]) == pytest.approx(found, abs=1e-6)


def test_support_f1_does_not_depend_on_the_scale_of_the_jacobian(rng):
    support = simulate_mixtures.make_support("ring", 4, rng=rng)
    jacobian = np.where(support, 1.0, 0.1)
    for scale in (1e-9, 1.0, 1e9):
        assert identification.support_f1(support, scale * jacobian, np.arange(4)) == 1
    assert identification.support_f1(support, jacobian, np.arange(4), threshold=0.05) == pytest.approx(2 / 3)


def test_bad_data_are_refused_by_name(rng):
    z, jacobian = rng.standard_normal((20, 3)), np.ones((4, 4))
    wrong = z.copy()
    wrong[5, 1] = np.nan
    for bad, words in [
        (lambda: identification.match_latents(z, z[:, :2]), "as many latents"),
        (lambda: identification.match_latents(z, wrong), "codes is nan in row 5"),
        (lambda: identification.block_r2(wrong, z), "target is nan in row 5"),
        (lambda: identification.block_r2(z, wrong), "given is nan in row 5"),
        (lambda: identification.block_r2(z[:10], z), "target and given"),
        (lambda: identification.block_r2(z * [1, 0, 1], z), "column 1 is constant"),
        (lambda: identification.support_f1(np.zeros((4, 4)), jacobian, np.arange(4)), "must have entries"),
        (lambda: identification.assign_blocks(jacobian, np.arange(4) < 2, (2, 1, 2)), "add up to the 4 latents"),
        (lambda: identification.assign_blocks(jacobian, np.ones(4, bool), (2, 1, 1)), "in_a must tell"),
        (lambda: identification.sparsest_rotation(0 * jacobian[None], rng=rng), "zero everywhere"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
