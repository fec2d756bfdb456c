"""paperlab: the machinery of *Forty-Four Papers, Re-run*.

>>> import paperlab
>>> result = paperlab.run("cd_test", n_large=200)    # doctest: +SKIP
>>> result.verdicts                                  # doctest: +SKIP

Heavy libraries are imported where they are used, so that importing this package is quick.
"""

import importlib

__version__ = "0.1.0"

_LAZY = {
    "Paper": "paperlab.pages.paper",
    "PaperlabError": "paperlab.errors",
    "run": "paperlab.runs.single",
    "sweep": "paperlab.runs.sweeps",
}
_MODULES = {"datasets", "methods", "pages", "plots", "runs"}
__all__ = [*_LAZY, "datasets", "plots"]


def __getattr__(name):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"paperlab.{name}")
    raise AttributeError(f"module 'paperlab' has no attribute {name!r}")
