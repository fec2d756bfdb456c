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
