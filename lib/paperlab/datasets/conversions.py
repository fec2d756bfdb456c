"""Files that a registry entry names under `made_from`: downloaded as published, then written as CSV (images: as npz).

Spreadsheets and R workspaces are read once, here; loaders see plain text or arrays only. The result is verified against
the checksum of the registry like any other file, so a conversion that gives other bytes is refused.
"""

import io

from paperlab.errors import PaperlabError

_CONVERTERS: dict = {}


def converter(*file_names):
    """Register a function of the published file for the files that it makes.

    It gives a table and options of CSV, or bytes.
    """

    def register(function):
        _CONVERTERS.update(dict.fromkeys(file_names, function))
        return function

    return register


def convert(file_name, source, columns=None):
    """Bytes of the file ``file_name`` made from the published file at ``source``.

    Parameters
    ----------
    columns : list of str, optional
        Names of the columns of the result, in order, where the published ones are replaced.

    Raises
    ------
    PaperlabError
        If no conversion is known or the published file is not what it expects.
    """
    if file_name not in _CONVERTERS:
        raise PaperlabError(f"no conversion makes {file_name}; known are {', '.join(sorted(_CONVERTERS))}")
    try:
        made = _CONVERTERS[file_name](source)
        if isinstance(made, bytes):
            return made
        frame, options = made
        if columns:
            frame.columns = columns
    except (ValueError, KeyError, IndexError, ImportError, OSError) as error:
        raise PaperlabError(f"{source} cannot be converted to {file_name}: {error}") from None
    text = io.StringIO()
    frame.to_csv(text, index=False, **options)
    return text.getvalue().encode()


@converter("estm.csv")
def _spreadsheet(source):
    import pandas as pd

    return pd.read_excel(source), {}


@converter("lpbf_relative_density.csv")
def _powder_bed(source):
    import pandas as pd

    frame = pd.read_excel(source, sheet_name="data")
    for column in ("Printer Model", "DOI"):
        frame[column] = frame[column].str.strip()
    return frame, {}


@converter("student_insomnia_v1.csv")
def _survey(source):
    import pandas as pd

    return pd.read_csv(source, keep_default_na=False), {}


def _workspace(source):
    """First object of an R workspace."""
    import pyreadr

    try:
        return next(iter(pyreadr.read_r(source).values()))
    except pyreadr.LibrdataError as error:
        raise ValueError(error) from None


@converter("ono_burden_2019.csv")
def _conjoint(source):
    import pandas as pd

    frame = _workspace(source).drop(columns=["R_Agegroup", "Implausible.pair"])
    for column in ("R_Education", "R_Class", "R_Ideology"):
        frame[column] = pd.to_numeric(frame[column].astype(str), errors="coerce").astype("Int64")
    return frame, {}


@converter("BLS_dat2.csv", "RMS_dat.csv")
def _growth_curves(source):
    return _workspace(source).drop(columns="ID", errors="ignore"), {"float_format": "%.8g"}


@converter("images_327x35x35x3.npz")
def _image_array(source):
    """The workspace's largest object, which pyreadr cannot read: doubles, first index fastest, after their count."""
    import gzip

    import numpy as np

    shape = (327, 35, 35, 3)
    count = int(np.prod(shape))
    content = gzip.decompress(source.read_bytes())
    start = content.find(count.to_bytes(4, "big")) + 4
    if start < 4:
        raise ValueError(f"no array of {count} numbers in it")
    images = np.frombuffer(content, ">f8", count, start).reshape(shape, order="F")
    file = io.BytesIO()
    np.savez_compressed(file, images=images.astype(np.uint8))
    return file.getvalue()


@converter("train.txt")
def _adjacency(source):
    """Lines of user and items from a bipartite adjacency matrix.

    The rows of users come first, columns count on from them.
    """
    import numpy as np

    with np.load(source, allow_pickle=False) as stored:
        indptr, indices, shape = stored["indptr"], stored["indices"], stored["shape"]
    n_users = int(indices[: indptr[-1] // 2].min())  # the first items that users point to come after the last user
    lines = []
    for user in range(n_users):
        items = np.sort(indices[indptr[user] : indptr[user + 1]]) - n_users
        lines.append(" ".join(map(str, [user, *items])))
    if shape[0] != shape[1] or not lines:
        raise ValueError("no square adjacency matrix in it")
    return ("\n".join(lines) + "\n").encode()


@converter("test_sequences.txt")
def _sequences(source):
    from paperlab.datasets import unpickle

    with source.open("rb") as file:
        histories = unpickle.load(file)
    return "".join(f"{user} {' '.join(map(str, items))}\n" for user, items in histories.items()).encode()
