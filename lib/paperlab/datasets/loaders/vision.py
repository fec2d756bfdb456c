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


def _archive(name, path, shape, **labels):
    """The pictures of an npz, uint8 of this shape, and its label arrays, each with this number of values."""
    import numpy as np

    with np.load(path) as archive:
        missing = [key for key in ("images", *labels) if key not in archive]
        if missing:
            raise PaperlabError(f"data set {name}: arrays {', '.join(missing)} are missing in {path.name}")
        images, found = archive["images"], {key: archive[key] for key in labels}
    if images.shape != shape or images.dtype != np.uint8:
        raise PaperlabError(
            f"data set {name}: images must be uint8 of shape {shape}, got {images.dtype} {images.shape}"
        )
    for key, n in labels.items():
        if found[key].shape != shape[:1] or len(np.unique(found[key])) != n:
            raise PaperlabError(f"data set {name}: {key} must name {n} different ones in {shape[0]} rows")
    return {"images": images, **found}


@loader
def coil20(files):
    """COIL-20: images (1440, 32, 32) uint8, object 1 to 20, view 0 to 71 (5 degrees each)."""
    import numpy as np

    found = _archive("coil20", files["coil20_32x32.npz"], (1440, 32, 32), object=20)
    return found | {"view": np.arange(1440) % 72}


@loader
def att_faces(files):
    """AT&T portraits: images (400, 112, 92) uint8, subject 1 to 40."""
    return _archive("att_faces", files["att_faces.npz"], (400, 112, 92), subject=40)


@loader
def extended_yale_b(files):
    """Extended Yale B: images (2414, 48, 42) uint8, subject (38 of the numbers 1 to 39)."""
    return _archive("extended_yale_b", files["extended_yale_b_48x42.npz"], (2414, 48, 42), subject=38)
