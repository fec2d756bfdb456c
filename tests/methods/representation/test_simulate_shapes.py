"""Facts about the pictures: factors in their places, all combinations once, noise in labels."""

import math

import numpy as np
import pytest
from paperlab.methods.representation import simulate_shapes
from paperlab.methods.representation.simulate_shapes import FACTORS


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_pictures_show_each_factor_in_its_place():
    base = np.zeros((1, 5), int)
    reference = simulate_shapes.render(base)[0]
    for name, rows in (("floor", slice(5, 8)), ("wall", slice(0, 5))):
        other = base.copy()
        other[0, list(FACTORS).index(name)] = 3
        changed = np.abs(simulate_shapes.render(other)[0] - reference).max((0, 2)) > 1e-6
        assert changed[rows].any() and not np.delete(changed, range(8)[rows]).any()
    assert reference.shape == (3, 8, 8) and reference.min() >= 0 and reference.max() <= 1


def test_the_grid_is_complete_and_split_without_overlap(rng):
    data = simulate_shapes.flat_shapes(rng=rng)
    seen, held = ({tuple(row) for row in part} for part in (data.train_f, data.test_f))
    assert not seen & held and len(seen | held) == math.prod(FACTORS.values()) == 2592
    assert len(np.unique(np.vstack([data.train_x, data.test_x]).round(6), axis=0)) == 2592


def test_label_noise_replaces_the_stated_share(rng):
    labels = rng.integers(0, 6, (20000, 2))
    noisy = simulate_shapes.with_noise(labels, 0.3, rng=rng)
    assert (noisy != labels).mean() == pytest.approx(0.3, abs=0.01) and set(np.unique(noisy)) == set(range(6))


def test_noise_keeps_the_labels_that_there_are(rng):
    names = np.array([["red", "7"], ["blue", "-2"], ["red", "100"], ["grey", "7"]] * 500)
    noisy = simulate_shapes.with_noise(names, 0.5, rng=rng)
    assert [set(column) for column in noisy.T] == [set(column) for column in names.T]
    assert (noisy != names).mean(0) == pytest.approx(0.5, abs=0.04)
    assert (simulate_shapes.with_noise(names, 0.0, rng=rng) == names).all()
    same = np.full((9, 1), 5)
    assert (simulate_shapes.with_noise(same, 0.5, rng=rng) == 5).all()  # there is no other value


def test_object_moves_and_grows_with_its_factors():
    labels = np.zeros((4, 5), int)
    labels[:, 2], labels[:, 4] = 2, range(4)  # a green square in four places on red
    green = simulate_shapes.render(labels)[:, 1].sum(1)
    assert np.all(np.diff(green.argmax(1)) > 0)
    labels = np.zeros((3, 5), int)
    labels[:, 2], labels[:, 3] = 2, range(3)
    assert np.all(np.diff(simulate_shapes.render(labels)[:, 1].sum((1, 2))) > 1)


def test_bad_labels_are_refused_by_name(rng):
    for bad, words in [
        (lambda: simulate_shapes.render([[6, 0, 0, 0, 0]]), "floor must be 0 to 5"),
        (lambda: simulate_shapes.render([[0, 0, 0, -1, 0]]), "scale must be 0 to 2"),
        (lambda: simulate_shapes.render([[0, 0, 0]]), "one column each"),
        (lambda: simulate_shapes.with_noise([[1], [2]], 1.0, rng=rng), "share"),
        (lambda: simulate_shapes.flat_shapes(held_out=0.0, rng=rng), "held_out"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
