"""Facts about supports, their blocks, and the mixtures drawn on them."""

import numpy as np
import pytest
from paperlab.methods.representation import simulate_mixtures


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def ring(rng, **options):
    return simulate_mixtures.draw_world(simulate_mixtures.make_support("ring", 4, rng=rng), rng=rng, **options)


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
    assert simulate_mixtures.blocks(simulate_mixtures.make_support(design, 4, rng=rng)) == expected


def test_isolation_by_intersections_is_stronger_than_different_columns():
    seen_by_all = [[1, 0], [1, 1]]
    assert len(simulate_mixtures.blocks(seen_by_all)) == 2
    assert simulate_mixtures.isolated(seen_by_all).tolist() == [True, False]
    assert simulate_mixtures.isolated(np.eye(3)).all()


def test_jacobian_of_the_world_is_its_derivative_and_has_its_support(rng):
    world = ring(rng)
    z = world.sample(5, rng=rng).z
    step = 1e-6
    numeric = np.stack([(world.mix(z + step * e) - world.mix(z - step * e)) / (2 * step) for e in np.eye(4)], axis=-1)
    np.testing.assert_allclose(world.jacobian(z), numeric, atol=1e-7)
    assert np.array_equal(np.abs(world.jacobian(z)).max(0) > 0, world.support)


@pytest.mark.parametrize("source", simulate_mixtures.SOURCES)
def test_world_is_standardised(source, rng):
    drawn = ring(rng, source=source).sample(20000, rng=rng)
    assert np.abs(drawn.x.mean(0)).max() < 0.04 and np.abs(drawn.x.std(0) - 1).max() < 0.04
    assert np.abs(drawn.z.std(0) - 1).max() < 0.04 and np.abs(np.corrcoef(drawn.z.T) - np.eye(4)).max() < 0.04


def test_groups_of_rows_are_well_conditioned(rng):
    weights = ring(rng).weights[:4, :2]
    np.testing.assert_allclose(weights.T @ weights, 2 * np.eye(2), atol=1e-12)


def test_block_only_support_warns(rng):
    with pytest.warns(UserWarning, match=r"latents \{0, 1\} only identifiable as a block"):
        simulate_mixtures.draw_world(simulate_mixtures.make_support("two_sets", 4, rng=rng), rng=rng)


@pytest.mark.parametrize(
    ("support", "options", "message"),
    [
        (np.ones((2, 3)), {}, "d_x = 2 rows for d_z = 3"),
        ([[1, 0], [0, 1], [0, 0]], {}, r"no entry in row \[2\]"),
        ([[1, 0], [1, 0], [1, 0]], {}, r"no entry in column \[1\]"),
        (np.eye(3), {"source": "cauchy"}, "source must be one of"),
        (np.ones(3), {}, "shape"),
        (np.eye(3), {"nonlin": -1}, "nonlin must not be negative"),
    ],
)
def test_bad_worlds(support, options, message, rng):
    with pytest.raises(ValueError, match=message):
        simulate_mixtures.draw_world(support, rng=rng, **options)


def test_a_linear_world_has_a_constant_jacobian(rng):
    world = ring(rng, nonlin=0.0)
    z = world.sample(3, rng=rng).z
    jacobian = world.jacobian(z)
    np.testing.assert_allclose(jacobian, np.broadcast_to(jacobian[:1], jacobian.shape))
    np.testing.assert_allclose(world.mix(z) - world.mix(0 * z), z @ jacobian[0].T, atol=1e-12)


def test_laplace_and_uniform_latents_have_their_tails(rng):
    kurtosis = {}
    for source in simulate_mixtures.SOURCES:
        z = ring(rng, source=source).sample(40000, rng=rng).z
        kurtosis[source] = (z**4).mean()
    assert kurtosis["gaussian"] == pytest.approx(3, abs=0.1)
    assert kurtosis["laplace"] == pytest.approx(6, abs=0.5)
    assert kurtosis["uniform"] == pytest.approx(9 / 5, abs=0.05)


def test_bad_designs_are_refused_by_name(rng):
    with pytest.raises(ValueError, match="design must be one of ring"):
        simulate_mixtures.make_support("star", 4, rng=rng)
    with pytest.raises(ValueError, match="d_z must be at least 3"):
        simulate_mixtures.make_support("ring", 2, rng=rng)
