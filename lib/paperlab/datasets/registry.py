"""What ``data/registry.yml`` says of each data set: origin, checksum, licence, how to load it."""

from paperlab import files, paths
from paperlab.errors import PaperlabError, brief, suggestion

KINDS = ("download", "package", "shipped")


def registry():
    """All entries of ``data/registry.yml`` by name.

    Raises
    ------
    PaperlabError
        If the file is not a mapping of names to mappings.
    """
    path = paths.root() / "data" / "registry.yml"
    known = files.read_yaml(path) or {}
    if not isinstance(known, dict) or not all(isinstance(found, dict) for found in known.values()):
        raise PaperlabError(f"{paths.shown(path)} must map names of data sets to their fields")
    return known


def entry(name):
    """Registry entry of one data set.

    Raises
    ------
    PaperlabError
        If there is none, or it does not say where each file is and how it is verified.
    """
    known = registry()
    if name not in known:
        raise PaperlabError(f"no data set {brief(name)}{suggestion(name, known)}; `paperlab data list` shows all")
    found = known[name]
    place = {"package": "package", "shipped": "folder"}.get(found.get("kind"))
    described = isinstance(found.get("files"), list) and all(
        isinstance(item, dict) and isinstance(item.get("file"), str) and isinstance(item.get("sha256"), str)
        for item in found["files"]
    )
    if found.get("kind") not in KINDS or not described or (place and place not in found):
        raise PaperlabError(
            f"data/registry.yml: {name} needs a kind ({', '.join(KINDS)}), files with file and sha256"
            + (f", and {place}" if place else "")
        )
    return found
