"""Data sets of ``data/registry.yml``: found, verified and loaded.

They are found in a package, in this repository or in a mirror, or downloaded.
"""

from paperlab.datasets.fetch import load, locate, path, paths_of, require
from paperlab.datasets.registry import KINDS, entry, registry

__all__ = ["KINDS", "entry", "load", "locate", "path", "paths_of", "registry", "require"]
