"""Scenes, segments and average precision: exact cases, bounds, invariances."""

import numpy as np
import pytest
from paperlab.methods.vision import scenes
from paperlab.methods.vision.cuboids import draw_boxes


def rng(seed=0):
    return np.random.default_rng(seed)


def test_flat_regions_are_found_exactly():
    image = np.zeros((20, 30, 3))
    image[:, 10:20, 0], image[5:15, 20:, 1] = 1, 0.8
    part = scenes.graph_segments(image, scale=0.5, least=1, blur=0)
    truth = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True)[1].reshape(20, 30)
    pairs = np.unique(np.column_stack([part.ravel(), truth.ravel()]), axis=0)
    # the ground lies left and right of the first bar: at least one part for each colour, none with two colours
    assert len(np.unique(pairs[:, 0])) == len(pairs)
    assert len(pairs) >= 3


def test_a_larger_scale_gives_no_more_parts_and_least_is_kept():
    image = rng().random((24, 24, 3))
    counts = [scenes.graph_segments(image, scale=s, least=1).max() + 1 for s in (0.1, 1.0, 10.0, 1000.0)]
    assert counts == sorted(counts, reverse=True) and counts[-1] == 1
    assert np.bincount(scenes.graph_segments(image, scale=0.1, least=15).ravel()).min() >= 15


def test_unit_of_the_image_goes_with_the_scale():
    image = rng().random((16, 16, 3))
    a, b = (scenes.graph_segments(image * f, scale=0.5 * f, least=1) for f in (1, 255))
    np.testing.assert_array_equal(a, b)


def test_scene_masks_do_not_overlap_and_pieces_are_boxes():
    boxes, found = draw_boxes(20, rng=rng()), []
    for k in range(5):
        scene = scenes.draw_scene(boxes, rng(k).choice(20, 5, replace=False), rng=rng(k))
        assert scene.masks.sum(0).max() == 1
        shared = scenes.overlap(scene.masks, scenes.things(scene.image))
        found.append((shared.max(1) > 0.7).mean())
    assert np.mean(found) > 0.8


def test_crops_show_the_mask_whole():
    image, masks = np.zeros((40, 50, 3), np.float32), np.zeros((1, 40, 50), bool)
    masks[0, 10:30, 5:15] = True
    image[masks[0]] = 1
    cut = scenes.crops(image, masks, size=24)
    assert cut.shape == (1, 24, 24, 3)
    assert cut[0, ..., 0].mean() == pytest.approx(200 / 22**2, abs=0.03)
    assert cut[0, 0].max() < 0.5


def test_overlap_is_one_with_itself_and_symmetric():
    masks = rng().random((4, 8, 8)) < 0.4
    shared = scenes.overlap(masks, masks)
    np.testing.assert_allclose(np.diag(shared), 1)
    np.testing.assert_allclose(shared, shared.T)


def case(labels, scores=(0.9, 0.8), shared=((1.0, 0.0), (0.0, 1.0)), truth=(0, 1)):
    return scenes.average_precision([np.array(shared)], [np.array(labels)], [np.array(scores)], [np.array(truth)])


def test_average_precision_of_exact_cases():
    assert case([0, 1]) == 1
    assert case([1, 0]) == 0
    assert case([0, 0]) == pytest.approx(0.5)  # label 0: hit, then a miss after full recall; label 1: nothing
    assert case([0, 0], scores=(0.8, 0.9)) == pytest.approx(0.25)  # the miss comes first: precision one half
    assert case([0, 1], shared=((0.72, 0.0), (0.0, 0.72))) == pytest.approx(0.5)  # 0.50, 0.55, ..., 0.70 of ten


def test_a_true_mask_is_taken_once():
    """Two finds of one mask: the second is wrong, which costs nothing after full recall and half before."""
    assert case([0, 0], shared=((1.0, 0.0), (1.0, 0.0)), truth=(0, 0)) == pytest.approx(51 / 101)


def test_order_of_scenes_and_finds_does_not_matter():
    draw = rng()
    shared = [draw.random((6, 4)) for _ in range(3)]
    labels, scores = ([draw.integers(3, size=6) for _ in range(3)], [draw.random(6) for _ in range(3)])
    truths = [draw.integers(3, size=4) for _ in range(3)]
    value = scenes.average_precision(shared, labels, scores, truths, thresholds=[0.5])
    turned = [part[::-1] for part in (shared, labels, scores, truths)]
    assert scenes.average_precision(*turned, thresholds=[0.5]) == pytest.approx(value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scenes.graph_segments(np.zeros((4, 4, 3)), scale=0), "scale must be positive"),
        (lambda: scenes.graph_segments(np.zeros((4, 4))), "image must have shape"),
        (lambda: scenes.draw_scene(draw_boxes(9, rng=rng()), np.arange(7), rng=rng()), "one to six boxes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
