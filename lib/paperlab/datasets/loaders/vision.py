"""Data sets of the part on images."""

import io
import zipfile

from paperlab.datasets.loaders.base import loader
from paperlab.errors import PaperlabError

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@loader
def mnist_5k(files):
    """Keys images (5000, 28, 28) and labels (5000,), both uint8: 500 of every digit, in the order of the file."""
    import numpy as np

    table = np.loadtxt(files["data/data/mnist_5k.csv.gz"], delimiter=",", dtype=np.uint8)
    if table.shape != (5000, 785):
        raise PaperlabError(f"data set mnist_5k: a table of 5000 x 785 is expected, got {table.shape}")
    return _balanced("mnist_5k", table[:, :784].reshape(-1, 28, 28), table[:, 784], 500)


@loader
def cifar10_5k(files):
    """Keys images (5000, 32, 32, 3) and labels (5000,), both uint8, and classes, the names of the labels in order."""
    import numpy as np
    from PIL import Image

    images, labels = [], []
    with zipfile.ZipFile(files["cifar10_train_5k_jpeg.zip"]) as archive:
        for name in sorted(archive.namelist()):
            folder = name.partition("/")[0]
            if folder not in CIFAR_CLASSES:
                raise PaperlabError(f"data set cifar10_5k: {name} lies in no folder of a class")
            with Image.open(io.BytesIO(archive.read(name))) as image:
                images.append(np.asarray(image.convert("RGB")))
            labels.append(CIFAR_CLASSES.index(folder))
    if {image.shape for image in images} != {(32, 32, 3)}:
        raise PaperlabError("data set cifar10_5k: all images must have 32 x 32 pixels in three colours")
    found = _balanced("cifar10_5k", np.stack(images), np.array(labels, dtype=np.uint8), 500)
    return found | {"classes": CIFAR_CLASSES}


def _balanced(name, images, labels, n_each):
    """Images and labels, if there are ``n_each`` of each of ten classes."""
    import numpy as np

    counts = np.bincount(labels, minlength=10)
    if counts.tolist() != [n_each] * 10:
        raise PaperlabError(f"data set {name}: {n_each} images of each of ten classes are expected, got {counts}")
    return {"images": images, "labels": labels}
