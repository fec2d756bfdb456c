"""Checks at the door of an estimator: shapes, finite values, full column rank, labels, probabilities.

Each raises a ValueError that names the argument, the place and the remedy. Tolerances are relative to the size of the
columns, so that the answer does not depend on their units.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

RANK_TOLERANCE = 1e-10  # smallest singular value of unit-length columns, relative to the largest


def finite(name, values, row_axis=0):
    """The values as a float array, if all of them are finite.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    values : array_like
    row_axis : int
        Axis that counts the rows: -1 for stacks ``(..., n)``, -2 for stacks ``(..., n, k)``.

    Raises
    ------
    ValueError
        If a value is nan or infinite, or no number; names the argument and the row.

    Examples
    --------
    >>> finite("y", [1, 2])
    array([1., 2.])
    >>> finite("y", [1.0, float("nan")])
    Traceback (most recent call last):
    ...
    ValueError: y is nan in row 1; drop or impute missing values first
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must hold numbers, got {_short(values)}; encode text and levels first") from None
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = np.unravel_index(np.argmax(wrong), array.shape)
        where = f"row {place[row_axis]}" if place else "its only entry"
        where += f" (index {tuple(int(i) for i in place)})" if array.ndim > 1 else ""
        raise ValueError(f"{name} is {array[place]} in {where}; drop or impute missing values first")
    return array


def full_rank(name, columns, *, labels=None, scale=None):
    """Raise ValueError if a column of a matrix, or of a stack of them, is a linear combination of the others.

    Judged by the singular values of the columns after each is divided by its length (or by ``scale``), so by no unit.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    columns : ndarray, shape (..., n, k)
    labels : sequence of str, optional
        Names of the columns in the message; by default ``column 0`` and so on.
    scale : ndarray, shape (..., k), optional
        Lengths to divide by in the place of the columns' own.

    Raises
    ------
    ValueError
        With fewer rows than columns, or collinear columns; names the last column of the combination.

    Examples
    --------
    >>> full_rank("x", np.array([[1.0, 1, 0], [1, 0, 1], [1, 1, 0]]), labels=["constant", "women", "men"])
    Traceback (most recent call last):
    ...
    ValueError: x: men is a linear combination of constant, women; drop it (a reference level, or a repeated column)
    """
    n, k = columns.shape[-2:]
    if k == 0:
        return
    if n < k:
        raise ValueError(f"{name} has {n} rows for {k} columns; give more rows, or fewer columns")
    labels = [f"column {j}" for j in range(k)] if labels is None else list(labels)
    length = np.linalg.norm(columns, axis=-2) if scale is None else scale
    unit = columns / np.where(length > 0, length, 1)[..., None, :]
    _, values, right = np.linalg.svd(np.linalg.qr(unit, mode="r"))
    singular = values[..., -1] <= RANK_TOLERANCE * np.maximum(values[..., 0], 1)
    if not singular.any():
        return
    place = np.unravel_index(np.argmax(singular), singular.shape)
    weight = np.abs(right[place][-1])
    *others, last = np.flatnonzero(weight > 1e-6 * weight.max())
    where = f" in sample {', '.join(map(str, place))}" if place else ""
    if not others:
        raise ValueError(f"{name}: {labels[last]} is zero{where}; drop it")
    listed = ", ".join(labels[j] for j in others[:6]) + (" and more" if len(others) > 6 else "")
    raise ValueError(
        f"{name}: {labels[last]} is a linear combination of {listed}{where}; "
        "drop it (a reference level, or a repeated column)"
    )


def positive_definite(name, moments):
    """Raise ValueError if second moments are singular: a column is then a linear combination of the others.

    Judged by the eigenvalues after each column has been given length one, so by no unit. Moments see collinearity less
    sharply than columns do (`full_rank`): the products lose half of the digits.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    moments : ndarray, shape (..., k, k)
        Symmetric.

    Raises
    ------
    ValueError
        If the smallest eigenvalue is zero to rounding, or negative; names the last column of the combination.

    Examples
    --------
    >>> positive_definite("xx", np.array([[1.0, 1e-9], [1e-9, 1e-18]]))
    Traceback (most recent call last):
    ...
    ValueError: xx: column 1 is a linear combination of column 0; drop it, or give more rows
    """
    k = moments.shape[-1]
    length = np.sqrt(np.maximum(np.diagonal(moments, axis1=-2, axis2=-1), 0))
    length = np.where(length > 0, length, 1)
    values, vectors = np.linalg.eigh(moments / length[..., None] / length[..., None, :])
    singular = values[..., 0] <= 10 * k * np.finfo(float).eps * np.maximum(values[..., -1], 1)
    if singular.any():
        place = np.unravel_index(np.argmax(singular), singular.shape)
        weight = np.abs(vectors[place][:, 0])
        *others, last = np.flatnonzero(weight > 1e-3 * weight.max())
        where = f" in sample {', '.join(map(str, place))}" if place else ""
        listed = ", ".join(f"column {j}" for j in others[:6]) + (" and more" if len(others) > 6 else "")
        reason = f"a linear combination of {listed}" if others else "zero"
        raise ValueError(f"{name}: column {last} is {reason}{where}; drop it, or give more rows")


def binary(name, values, row_axis=0):
    """The values as a float array of 0 and 1.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    values : array_like of 0 and 1, or of bool
    row_axis : int
        Axis that counts the rows, as in `finite`.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1; names the argument, the value and the row.

    Examples
    --------
    >>> binary("treatment", [True, False])
    array([1., 0.])
    >>> binary("treatment", [0, 1, 2])
    Traceback (most recent call last):
    ...
    ValueError: treatment must be 0 or 1, got 2 in row 2; recode it
    """
    array = finite(name, values, row_axis)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        place = np.unravel_index(np.argmax(wrong), array.shape)
        row = f" in row {place[row_axis]}" if place else ""
        raise ValueError(f"{name} must be 0 or 1, got {array[place]:g}{row}; recode it")
    return array


def codes(name, labels, n_rows=None):
    """Labels as whole numbers 0, 1, ... in sorted order of the labels; any hashable label is a label, never a count.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    labels : sequence of hashable, shape (n,)
    n_rows : int, optional
        How many labels there must be.

    Returns
    -------
    code : ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        If a label is missing (None or nan; names the row), or there are not ``n_rows`` of them.

    Examples
    --------
    >>> codes("person", [5003, 5001, 5003])
    array([1, 0, 1])
    >>> codes("person", ["Ann", None])
    Traceback (most recent call last):
    ...
    ValueError: person has no label in row 1; name it or drop the row
    """
    labels = labels if hasattr(labels, "ndim") else pd.Series(list(labels), dtype=object)  # a list of tuples stays one
    if labels.ndim != 1 or (n_rows is not None and len(labels) != n_rows):
        wanted = "one-dimensional" if n_rows is None else f"one label for each of {n_rows} rows"
        raise ValueError(f"{name} must be {wanted}, got shape {labels.shape}")
    try:
        code, _ = pd.factorize(np.asarray(labels), sort=True)
    except TypeError:  # labels that have no order
        code, _ = pd.factorize(np.asarray(labels))
    if (code < 0).any():
        raise ValueError(f"{name} has no label in row {np.argmax(code < 0)}; name it or drop the row")
    return code


def _short(values, most=40):
    text = repr(values)
    return text if len(text) <= most else text[:most] + " ..."
