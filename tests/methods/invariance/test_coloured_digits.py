import numpy as np
import pytest
from paperlab.methods.invariance import coloured_digits as cd


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    images, targets = rng.random((50, 8, 8)), rng.integers(0, 10, 50)
    return images, targets, cd.colour(images, targets, 20_000, (0.1, 0.2), rng)


def test_colour_knows_the_noisy_label_better_than_the_shape(drawn):
    images, targets, sample = drawn
    red = sample.x[..., 0].sum((1, 2)) > 0
    assert (sample.x[..., 2] == 0).all()
    np.testing.assert_array_equal(red, sample.c == 1)
    assert np.mean(sample.c != sample.y) == pytest.approx((0.1**2 + 0.2**2) / 0.3, abs=0.01)
    match = np.abs(sample.x.sum(-1)[:300, None] - images[None]).sum((2, 3)).argmin(1)
    assert np.mean((targets[match] < 5) != (sample.y[:300] == 1)) == pytest.approx(0.25, abs=0.08)


def test_test_colours_say_nothing(drawn):
    images, targets, _ = drawn
    sample = cd.colour(images, targets, 20_000, (0.5,), np.random.default_rng(1))
    assert np.mean(sample.c == sample.y) == pytest.approx(0.5, abs=0.015)


def test_augmentation_keeps_range_and_standardises_its_parameters(drawn):
    *_, sample = drawn
    g, gx = cd.jitter_and_translate(sample.x, np.random.default_rng(2))
    assert gx.shape == sample.x.shape
    assert gx.min() >= 0
    assert gx.max() <= 1
    np.testing.assert_allclose(g.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(g.std(0), 1, atol=0.03)
    assert np.abs(np.corrcoef(np.column_stack([g, sample.y]).T)[-1, :-1]).max() < 0.03


def test_translation_moves_down_and_right_by_its_parameters():
    x = np.zeros((400, 8, 8, 3))
    x[:, 3, 3] = 0.5
    g, gx = cd.jitter_and_translate(x, np.random.default_rng(3))
    place = gx.sum(-1).reshape(400, -1).argmax(1)
    steps = np.rint(2 * g[:, 4:] * np.sqrt(1 / 20) * cd.SHIFT * 8).astype(int)
    np.testing.assert_array_equal(np.column_stack(np.divmod(place, 8)), 3 + steps)


def test_networks_depend_on_their_own_risk_only(drawn):
    *_, sample = drawn
    rng = np.random.default_rng(4)
    g, gx = cd.jitter_and_translate(sample.x[:1024], rng)
    x, gx, y = sample.x[:1024].reshape(1024, -1), gx.reshape(1024, -1), sample.y[:1024]
    options = {"epochs": 2, "hidden": (16, 16)}
    both = cd.fit_networks([x, gx], y, g, [np.inf, 0.1], [1, 1], np.random.default_rng(0), **options)(x[:50])
    alone = cd.fit_networks([gx], y, g, [0.1], [1], np.random.default_rng(0), **options)(x[:50])
    np.testing.assert_allclose(both[1], alone[0], atol=1e-5)
    assert not np.allclose(both[0], both[1])


def test_excess_error_of_a_perfect_rule_and_a_coin():
    y = np.repeat([0.0, 1.0], 500)
    noisy = np.where(np.arange(1000) % 4 == 0, 1 - y, y)
    coin = np.tile([0.0, 1.0], 500)
    np.testing.assert_allclose(cd.excess_error(np.stack([noisy, coin]), y), [0.0, 0.5])


def test_bad_input_is_named(drawn):
    *_, sample = drawn
    with pytest.raises(ValueError, match=r"x must be \(n, w, w, 3\)"):
        cd.jitter_and_translate(sample.x[..., 0], np.random.default_rng(0))
    with pytest.raises(ValueError, match="alpha must be > 0, got 0"):
        cd.fit_networks([np.ones((4, 2))], np.ones(4), np.ones((4, 1)), [0.0], [1], np.random.default_rng(0))
    with pytest.raises(ValueError, match="2 inputs, 1 alphas and 1 seeds"):
        cd.fit_networks([np.ones((4, 2))] * 2, np.ones(4), np.ones((4, 1)), [1.0], [1], np.random.default_rng(0))
