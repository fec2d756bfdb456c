"""Colour beats shape in training and says nothing in the test; networks see their own risk only."""

import numpy as np
import pytest
from paperlab.methods.invariance import coloured_digits
from paperlab.methods.invariance.coloured_digits import Training


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    images, targets = rng.random((50, 8, 8)), rng.integers(0, 10, 50)
    return images, targets, coloured_digits.colour(images, targets, 20_000, (0.1, 0.2), rng=rng)


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
    sample = coloured_digits.colour(images, targets, 20_000, (0.5,), rng=np.random.default_rng(1))
    assert np.mean(sample.c == sample.y) == pytest.approx(0.5, abs=0.015)


def test_augmentation_keeps_range_and_standardises_its_parameters(drawn):
    *_, sample = drawn
    moved = coloured_digits.jitter_and_translate(sample.x, rng=np.random.default_rng(2))
    g, gx = moved.g, moved.gx
    assert gx.shape == sample.x.shape
    assert gx.min() >= 0
    assert gx.max() <= 1
    np.testing.assert_allclose(g.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(g.std(0), 1, atol=0.03)
    assert np.abs(np.corrcoef(np.column_stack([g, sample.y]).T)[-1, :-1]).max() < 0.03


def test_translation_moves_down_and_right_by_its_parameters():
    x = np.zeros((400, 8, 8, 3))
    x[:, 3, 3] = 0.5
    moved = coloured_digits.jitter_and_translate(x, rng=np.random.default_rng(3))
    place = moved.gx.sum(-1).reshape(400, -1).argmax(1)
    steps = np.rint(2 * moved.g[:, 4:] * np.sqrt(1 / 20) * coloured_digits.SHIFT * 8).astype(int)
    np.testing.assert_array_equal(np.column_stack(np.divmod(place, 8)), 3 + steps)


def test_jitter_without_colour_keeps_grey_pictures_grey():
    """Saturation and hue do nothing to a grey picture; brightness and contrast move all channels alike."""
    x = np.repeat(np.random.default_rng(5).random((50, 8, 8, 1)), 3, axis=3)
    gx = coloured_digits.jitter_and_translate(x, rng=np.random.default_rng(6)).gx
    np.testing.assert_allclose(gx[..., 0], gx[..., 2], atol=1e-12)


@pytest.fixture(scope="module")
def pictures(drawn):
    *_, sample = drawn
    moved = coloured_digits.jitter_and_translate(sample.x[:1024], rng=np.random.default_rng(4))
    return sample.x[:1024].reshape(1024, -1), moved.gx.reshape(1024, -1), sample.y[:1024], moved.g


def test_networks_depend_on_their_own_risk_only(pictures):
    x, gx, y, g = pictures
    training = Training(n_epochs=2, hidden=(16, 16))
    both, alone = (
        coloured_digits.fit_networks(*arguments, rng=np.random.default_rng(0), training=training).probabilities(x[:50])
        for arguments in (([x, gx], y, g, [np.inf, 0.1], [1, 1]), ([gx], y, g, [0.1], [1]))
    )
    np.testing.assert_allclose(both[1], alone[0], atol=1e-5)
    assert not np.allclose(both[0], both[1])


def test_mini_batches_come_from_the_generator(pictures):
    x, _, y, g = pictures
    training = Training(n_epochs=1, hidden=(8,))
    first, same, other = (
        coloured_digits.fit_networks([x], y, g, [1.0], [1], rng=np.random.default_rng(s), training=training)
        for s in (0, 0, 1)
    )
    assert np.array_equal(first.probabilities(x), same.probabilities(x))
    assert not np.allclose(first.probabilities(x), other.probabilities(x))


def test_a_large_weight_is_the_ordinary_risk(pictures):
    x, _, y, g = pictures
    training = Training(n_epochs=1, hidden=(8,))
    fitted = coloured_digits.fit_networks(
        [x, x], y, g, [1e6, np.inf], [1, 1], rng=np.random.default_rng(0), training=training
    ).probabilities(x)
    np.testing.assert_allclose(fitted[0], fitted[1], atol=1e-3)


def test_excess_error_of_a_perfect_rule_and_a_coin():
    y = np.repeat([0.0, 1.0], 500)
    noisy = np.where(np.arange(1000) % 4 == 0, 1 - y, y)
    coin = np.tile([0.0, 1.0], 500)
    np.testing.assert_allclose(coloured_digits.excess_error(np.stack([noisy, coin]), y), [0.0, 0.5])
    with pytest.raises(ValueError, match="makes no error at all"):
        coloured_digits.excess_error(y[None], y)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"alphas": [0.0]}, "alpha must be > 0, got 0"),
        ({"inputs": [np.ones((4, 2))] * 2}, "2 inputs, 1 alphas and 1 starts"),
        ({"y": np.array([1, np.nan, 0, 0])}, "y is nan in row 1"),
        ({"inputs": [np.full((4, 2), np.inf)]}, "inputs is inf in row 0"),
        ({"g": np.ones((3, 1))}, "must have 4 rows"),
        ({"g": np.ones((4, 2))}, "g: column 1 is a linear combination of column 0"),
        ({"training": Training(batch_size=5)}, "batch_size must lie between 1 and the 4 rows, got 5"),
    ],
)
def test_networks_refuse_what_they_cannot_use(change, words):
    good = {"inputs": [np.ones((4, 2))], "y": np.ones(4), "g": np.arange(4.0)[:, None], "alphas": [1.0], "starts": [1]}
    good |= {"training": Training(batch_size=2)}
    with pytest.raises(ValueError, match=words):
        coloured_digits.fit_networks(**{**good, **change}, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"images": np.full((2, 8, 8), 1.5)}, r"with values in \[0, 1\]"),
        ({"targets": [1, 10]}, "targets is 10 in row 1; digits are 0 to 9"),
        ({"targets": [1]}, r"targets \(k,\), got \(2, 8, 8\) and \(1,\)"),
        ({"flips": (0.0,)}, "flips must be probabilities above 0"),
    ],
)
def test_digits_that_are_none_are_told(change, words):
    good = {"images": np.zeros((2, 8, 8)), "targets": [1, 2], "n": 3, "flips": (0.1,)}
    with pytest.raises(ValueError, match=words):
        coloured_digits.colour(**{**good, **change}, rng=np.random.default_rng(0))


def test_pictures_that_are_none_are_told(drawn):
    *_, sample = drawn
    for x in (sample.x[..., 0], 2 * sample.x[:5]):
        with pytest.raises(ValueError, match=r"x must be \(n, w, w, 3\) with values in \[0, 1\]"):
            coloured_digits.jitter_and_translate(x, rng=np.random.default_rng(0))
