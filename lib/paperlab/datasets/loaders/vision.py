"""Loaders of the part on images: arrays of pictures, with shapes and labels checked."""

from paperlab.datasets.loaders.base import loader
from paperlab.errors import PaperlabError


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
