"""Pickles of others, read without running their code: only plain containers, numpy arrays, pandas tables are built."""

import importlib
import pickle

PLAIN = {("builtins", "set"), ("builtins", "slice"), ("builtins", "frozenset")}
ARRAYS = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
TABLES = {
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.internals.managers", "BlockManager"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, allowed):
        super().__init__(file)
        self._allowed = allowed

    def find_class(self, module, name):
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not read")
        return getattr(importlib.import_module(module.replace("numpy.core.", "numpy._core.")), name)


def load(file, *, tables=False):
    """Read one pickle from an open binary file.

    Parameters
    ----------
    file : binary file
    tables : bool
        Admit pandas tables and numpy arrays; otherwise containers, numbers and text only.

    Raises
    ------
    ValueError
        If the pickle asks for anything else, or is damaged.
    """
    try:
        return _Unpickler(file, PLAIN | ARRAYS | TABLES if tables else PLAIN).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError) as error:
        raise ValueError(f"not a pickle of plain data: {error}") from None
