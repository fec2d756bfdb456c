"""One loader per data set: verified files in, tidy objects out, with rows, columns and ranges checked."""

from paperlab.errors import PaperlabError

_LOADERS: dict = {}


def loader(function):
    """Register a loader under its function's name; it takes ``{file name: Path}``."""
    _LOADERS[function.__name__] = function
    return function


def load(name, files):
    """Call the loader of a data set.

    Raises
    ------
    PaperlabError
        If no loader exists or the content is not what the loader expects.
    """
    if name not in _LOADERS:
        raise PaperlabError(
            f"data set {name} has no loader; use datasets.paths_of({name!r}) and read the files yourself"
        )
    return _LOADERS[name](files)


def expect(name, frame, *, rows=None, columns=(), ranges=None):
    """Return ``frame`` if it has these rows, columns and value ranges; say what differs otherwise.

    Parameters
    ----------
    ranges : dict, optional
        Column to ``(low, high)``; missing values are not compared.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise PaperlabError(
            f"data set {name}: columns {', '.join(missing)} are missing; is it the file of data/registry.yml?"
        )
    if rows is not None and len(frame) != rows:
        raise PaperlabError(f"data set {name}: {len(frame)} rows, expected {rows}")
    for column, (low, high) in (ranges or {}).items():
        values = frame[column].dropna()
        if values.dtype.kind not in "iufb":
            raise PaperlabError(f"data set {name}: column {column} must hold numbers, got {values.iloc[0]!r}")
        if len(values) and not (low <= values.min() and values.max() <= high):
            raise PaperlabError(
                f"data set {name}: column {column} must lie in [{low}, {high}], got [{values.min()}, {values.max()}]"
            )
    return frame
