"""What ``data/registry.yml`` says of each data set: origin, checksum, licence, how to load it."""

from paperlab import files, paths
from paperlab.errors import PaperlabError, suggestion

KINDS = ("download", "package", "shipped")


def registry():
    """All entries of ``data/registry.yml`` by name."""
    return files.read_yaml(paths.root() / "data" / "registry.yml") or {}


def entry(name):
    """Registry entry of one data set."""
    known = registry()
    if name not in known:
        raise PaperlabError(f"no data set {name!r}{suggestion(name, known)}; `paperlab data list` shows all")
    return known[name]
