"""Data sets of ``data/registry.yml``: found in a package, in this repository, in a mirror, or downloaded; verified; loaded."""

from paperlab.datasets.fetch import load, path, paths_of, where
from paperlab.datasets.registry import KINDS, entry, registry

__all__ = ["KINDS", "entry", "load", "path", "paths_of", "registry", "where"]
