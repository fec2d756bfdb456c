"""Printed boxes: geometry of the projection, sides seen, independence of draws."""

import numpy as np
import pytest
from paperlab.methods.vision import cuboids


def rng(seed=0):
    return np.random.default_rng(seed)


def straight(n=1):
    return cuboids.side_turns(rng=rng(), n=n, tilt=0.0)[0]


def test_rotations_keep_lengths_and_handedness():
    turns = np.concatenate([cuboids.random_turns(50, rng=rng()), straight()])
    np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turns.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-12)


def test_random_rotations_look_everywhere_alike():
    """The direction to the camera is uniform: mean zero, second moments 1/3."""
    towards = cuboids.random_turns(20000, rng=rng())[:, 2]
    assert np.abs(towards.mean(0)).max() < 0.02
    np.testing.assert_allclose(towards.T @ towards / len(towards), np.eye(3) / 3, atol=0.01)


def test_straight_views_show_one_side_each_with_its_area():
    boxes = cuboids.draw_boxes(1, rng=rng())
    size = 200
    seen = cuboids.cast(boxes, np.zeros(6, int), straight(), size=size)
    np.testing.assert_array_equal(seen.shown.argmax(1), np.arange(6))
    np.testing.assert_allclose(seen.shown.max(1), 1)
    pixel = (2 * cuboids.WINDOW / size) ** 2
    for side in range(6):
        edges = np.delete(2 * boxes.half[0], side // 2)
        assert seen.masks[side].sum() * pixel == pytest.approx(edges.prod(), rel=0.03)


def test_shadow_of_a_turned_box_has_cauchys_area():
    """Mean shadow of a convex body over all directions: a quarter of its surface."""
    boxes = cuboids.draw_boxes(1, rng=rng(3))
    a, b, c = 2 * boxes.half[0]
    seen = cuboids.cast(boxes, np.zeros(600, int), cuboids.random_turns(600, rng=rng(4)), size=40, window=1.8)
    area = seen.masks.sum((1, 2)).mean() * (2 * 1.8 / 40) ** 2
    assert area == pytest.approx(2 * (a * b + b * c + a * c) / 4, rel=0.02)


def test_opposite_sides_are_never_seen_together():
    boxes = cuboids.draw_boxes(20, rng=rng())
    shown = cuboids.query_pictures(boxes, 10, size=16, rng=rng(1)).shown
    assert (np.minimum(shown[..., ::2], shown[..., 1::2]) == 0).all()
    assert ((shown > 0).sum(-1) <= 3).all()


def test_a_repainted_side_changes_only_the_pictures_that_show_it():
    boxes = cuboids.draw_boxes(1, rng=rng())
    sides = boxes.sides.copy()
    sides[0, 0] = 1 - sides[0, 0]
    other = cuboids.Boxes(boxes.half, sides, boxes.brand)
    turns = cuboids.random_turns(40, rng=rng(2))
    a, b = (cuboids.cast(each, np.zeros(40, int), turns, size=16) for each in (boxes, other))
    changed = (a.images != b.images).any((1, 2, 3))
    np.testing.assert_array_equal(changed, a.shown[:, 0] > 0)


def test_brands_have_the_share_asked_for():
    brand = cuboids.draw_boxes(500, rng=rng(), brand_share=0.7).brand
    assert (brand >= 0).mean() == pytest.approx(0.7, abs=0.03)
    assert (cuboids.draw_boxes(5, rng=rng(), brand_share=0.0).brand == -1).all()


def test_common_side_is_symmetric_and_needs_both():
    shown = rng().dirichlet(np.ones(6) / 3, (30, 2))
    there, back = (cuboids.common_side(shown[:, i], shown[:, 1 - i]) for i in (0, 1))
    np.testing.assert_array_equal(there, back)
    assert cuboids.common_side(shown[:, 0], shown[:, 0]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cuboids.draw_boxes(0, rng=rng()), "n must be a whole number"),
        (lambda: cuboids.draw_boxes(3, rng=rng(), brand_share=1.5), "brand_share must lie in"),
        (lambda: cuboids.cast(cuboids.draw_boxes(2, rng=rng()), [2], np.eye(3)[None], size=8), "which must lie in"),
        (lambda: cuboids.cast(cuboids.draw_boxes(2, rng=rng()), [0, 1], np.eye(3)[None], size=8), "turns must have"),
        (lambda: cuboids.common_side(np.ones(6), np.ones(6), least=0), "least must lie above 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
