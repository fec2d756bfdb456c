"""Loaders of pictures, on made-up archives of the form of the real ones, good and bad."""

import numpy as np
import pytest
from paperlab.datasets import loaders
from paperlab.errors import PaperlabError

FORMS = {
    "coil20": ("coil20_32x32.npz", (1440, 32, 32), "object", np.repeat(np.arange(1, 21), 72)),
    "att_faces": ("att_faces.npz", (400, 112, 92), "subject", np.repeat(np.arange(1, 41), 10)),
    "extended_yale_b": ("extended_yale_b_48x42.npz", (2414, 48, 42), "subject", np.arange(2414) % 38 + 1),
}


def load(tmp_path, name, **changed):
    file, shape, label, labels = FORMS[name]
    arrays = {"images": np.zeros(shape, np.uint8), label: labels.astype(np.uint8)} | changed
    path = tmp_path / file
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return loaders.load(name, {file: path})


@pytest.mark.parametrize("name", FORMS)
def test_pictures_and_labels_are_read(tmp_path, name):
    found = load(tmp_path, name)
    _, shape, label, labels = FORMS[name]
    assert found["images"].shape == shape
    np.testing.assert_array_equal(found[label], labels)


def test_views_of_coil20_count_from_zero_for_every_object(tmp_path):
    found = load(tmp_path, "coil20")
    assert (found["view"].reshape(20, 72) == np.arange(72)).all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"images": np.zeros((1440, 32, 31), np.uint8)}, r"images must be uint8 of shape \(1440, 32, 32\)"),
        ({"images": np.zeros((1440, 32, 32))}, "images must be uint8"),
        ({"object": np.zeros(1440)}, "object must name 20 different ones in 1440 rows"),
        ({"object": None}, "arrays object are missing"),
    ],
)
def test_another_file_is_refused(tmp_path, changed, words):
    with pytest.raises(PaperlabError, match=f"data set coil20: {words}"):
        load(tmp_path, "coil20", **changed)
