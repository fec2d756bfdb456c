"""Loaders of the part on images: small made-up archives, real files where they are."""

import gzip
import io
import zipfile

import numpy as np
import pytest
from paperlab import datasets
from paperlab.datasets import loaders
from paperlab.datasets.loaders import vision
from paperlab.errors import PaperlabError
from PIL import Image


def archive(tmp_path, folders, size=(32, 32)):
    path = tmp_path / "cifar10_train_5k_jpeg.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number, folder in enumerate(folders):
            held = io.BytesIO()
            Image.new("RGB", size, (number, 100, 200)).save(held, "JPEG")
            target.writestr(f"{folder}/{number:04d}.jpg", held.getvalue())
    return loaders.load("cifar10_5k", {path.name: path})


@pytest.mark.parametrize(
    ("folders", "size", "words"),
    [
        (["spoon"], (32, 32), "no folder of a class"),
        (["cat"], (16, 16), "32 x 32 pixels"),
        (["cat", "dog"], (32, 32), "500 images of each of ten classes"),
    ],
)
def test_another_archive_is_refused(tmp_path, folders, size, words):
    with pytest.raises(PaperlabError, match=words):
        archive(tmp_path, folders, size)


def test_archive_is_read_in_order_of_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(vision, "_balanced", lambda name, images, labels, n: {"images": images, "labels": labels})
    found = archive(tmp_path, ["truck", "airplane"])
    assert found["labels"].tolist() == [0, 9]
    assert found["images"].shape == (2, 32, 32, 3)
    assert abs(int(found["images"][0, 0, 0, 2]) - 200) < 5


def test_another_table_is_refused(tmp_path):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,3\n4,5,6\n"))
    with pytest.raises(PaperlabError, match="5000 x 785"):
        loaders.load("mnist_5k", {"data/data/mnist_5k.csv.gz": path})


@pytest.mark.parametrize(("name", "shape"), [("mnist_5k", (28, 28)), ("cifar10_5k", (32, 32, 3))])
def test_real_files(name, shape):
    try:
        found = datasets.load(name)
    except PaperlabError as error:
        pytest.skip(str(error))
    assert found["images"].shape == (5000, *shape)
    assert found["images"].dtype == np.uint8
    assert np.bincount(found["labels"]).tolist() == [500] * 10


FORMS = {
    "coil20": ("coil20_32x32.npz", (1440, 32, 32), "object", np.repeat(np.arange(1, 21), 72)),
    "att_faces": ("att_faces.npz", (400, 112, 92), "subject", np.repeat(np.arange(1, 41), 10)),
    "extended_yale_b": ("extended_yale_b_48x42.npz", (2414, 48, 42), "subject", np.arange(2414) % 38 + 1),
}


def stored(tmp_path, name, **changed):
    file, shape, label, labels = FORMS[name]
    arrays = {"images": np.zeros(shape, np.uint8), label: labels.astype(np.uint8)} | changed
    path = tmp_path / file
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return loaders.load(name, {file: path})


@pytest.mark.parametrize("name", FORMS)
def test_pictures_and_labels_are_read(tmp_path, name):
    found = stored(tmp_path, name)
    _, shape, label, labels = FORMS[name]
    assert found["images"].shape == shape
    np.testing.assert_array_equal(found[label], labels)


def test_views_of_coil20_count_from_zero_for_every_object(tmp_path):
    found = stored(tmp_path, "coil20")
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
def test_another_array_is_refused(tmp_path, changed, words):
    with pytest.raises(PaperlabError, match=f"data set coil20: {words}"):
        stored(tmp_path, "coil20", **changed)
