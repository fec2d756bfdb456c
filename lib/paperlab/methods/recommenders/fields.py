"""Tables of fields as numbers: categories, lists of categories and quantities in one numbering.

An `Encoder` learns from a table which values each field has; it turns that table, or another one, into `Fields`. Value
0 of every field stands for what the encoder did not know or thought too rare.
"""

from dataclasses import dataclass

import numpy as np

KINDS = ("category", "list", "number")


@dataclass(frozen=True)
class Fields:
    """A numbered table. Fields stand in the order categories, lists, numbers.

    Attributes
    ----------
    names : tuple of str
        Of the fields.
    sizes : tuple of int
        Number of values of each field, "unknown" included; 1 for a number.
    codes : ndarray of int, shape (n_rows, n_single)
        Value of every category, numbered through all fields.
    shares : ndarray of float, shape (n_rows, sum of the lists' sizes)
        Share of every value in a row's list; each list's shares sum to 1.
    numbers : ndarray of float, shape (n_rows, n_numbers)
    """

    names: tuple
    sizes: tuple
    codes: np.ndarray
    shares: np.ndarray
    numbers: np.ndarray

    def __len__(self):
        return len(self.codes)

    @property
    def n_fields(self):
        """Number of fields."""
        return len(self.names)

    @property
    def n_values(self):
        """Number of values of all fields: rows of an embedding table."""
        return sum(self.sizes)

    @property
    def listed_sizes(self):
        """Number of values of every list."""
        return self.sizes[self.codes.shape[1] : self.n_fields - self.numbers.shape[1]]

    @property
    def n_listed_before(self):
        """Number of values that stand before the lists: those of the categories."""
        return sum(self.sizes[: self.codes.shape[1]])


@dataclass(frozen=True)
class Encoder:
    """Values of every field, as `fit_encoder` finds them.

    Attributes
    ----------
    kinds : dict
        Kind of every field by name.
    values : dict
        Number of every known value, from 1, by field; for a number (low, high).
    """

    kinds: dict
    values: dict

    def transform(self, table):
        """Number a table.

        Parameters
        ----------
        table : pandas.DataFrame
            With a column for every field; lists are lists of values.

        Returns
        -------
        Fields

        Raises
        ------
        ValueError
            If a column is missing, or a number is not finite (names the row).
        """
        for name in self.kinds:
            if name not in table:
                raise ValueError(f"table has no column {name!r}; it has {', '.join(map(str, table.columns))}")
        by_kind = {kind: [name for name, its in self.kinds.items() if its == kind] for kind in KINDS}
        names = tuple(name for kind in KINDS for name in by_kind[kind])
        sizes = [1 if self.kinds[name] == "number" else len(self.values[name]) + 1 for name in names]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        codes = np.zeros((len(table), len(by_kind["category"])), np.int64)
        for at, name in enumerate(by_kind["category"]):
            codes[:, at] = starts[at] + table[name].map(self.values[name]).fillna(0).to_numpy(np.int64)
        shares = [_shares(table[name], self.values[name]) for name in by_kind["list"]]
        numbers = [_scaled(name, table[name], *self.values[name]) for name in by_kind["number"]]
        empty = np.empty((len(table), 0), np.float32)
        columns = np.stack(numbers, 1) if numbers else empty
        return Fields(names, tuple(sizes), codes, np.concatenate([empty, *shares], 1), columns)


def _shares(lists, values):
    lengths = np.array([len(listed) for listed in lists])
    flat = np.array([values.get(value, 0) for listed in lists for value in listed], np.int64)
    shares = np.zeros((len(lists), len(values) + 1), np.float32)
    rows = np.repeat(np.arange(len(lists)), lengths)
    np.add.at(shares, (rows, flat), 1 / lengths[rows])
    shares[lengths == 0, 0] = 1
    return shares


def _scaled(name, column, low, high):
    numbers = column.to_numpy(float)
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise ValueError(f"{name} must be finite, got {numbers[row]} in row {row}; fill missing numbers first")
    return ((numbers - low) / (high - low if high > low else 1)).astype(np.float32)


def fit_encoder(table, kinds, *, min_count=1):
    """Find the values of every field.

    Parameters
    ----------
    table : pandas.DataFrame
    kinds : dict of str
        "category", "list" or "number" by name of the column. Numbers are scaled so that the table's run from 0 to 1.
    min_count : int
        Values seen less often count as unknown.

    Returns
    -------
    Encoder

    Raises
    ------
    ValueError
        If a kind is unknown, a column is missing, or a number is not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"town": ["Rome", "Oslo"], "tags": [["a", "b"], []], "age": [20, 40]})
    >>> encoder = fit_encoder(table, {"town": "category", "tags": "list", "age": "number"})
    >>> fields = encoder.transform(table.assign(town=["Rome", "Bonn"]))
    >>> fields.codes.tolist(), fields.shares.tolist(), fields.numbers.tolist()  # Bonn and the empty list are unknown
    ([[2], [0]], [[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]], [[0.0], [1.0]])
    """
    values = {}
    for name, kind in kinds.items():
        if kind not in KINDS:
            raise ValueError(f"kinds: {name} must be one of {', '.join(KINDS)}, got {kind!r}")
        if name not in table:
            raise ValueError(f"table has no column {name!r}; it has {', '.join(map(str, table.columns))}")
        if kind == "number":
            _scaled(name, table[name], 0, 1)
            values[name] = (float(table[name].min()), float(table[name].max()))
            continue
        counts = (table[name].explode() if kind == "list" else table[name]).value_counts()
        known = sorted(counts.index[counts >= min_count])
        values[name] = {value: number for number, value in enumerate(known, 1)}
    return Encoder(dict(kinds), values)


MOVIELENS = {
    "gender": "category",
    "age": "category",
    "occupation": "category",
    "zip code": "category",
    "release": "category",
    "genre": "list",
    "time": "number",
}
AGE_BANDS = (18, 25, 35, 45, 50, 56)


def movielens_clicks(ratings, users, items):
    """The click task of MovieLens: was a film rated above 3 (1) or below 3 (0)? Neutral ratings are left out.

    Parameters
    ----------
    ratings, users, items : pandas.DataFrame
        As the loader of MovieLens-100k gives them.

    Returns
    -------
    pandas.DataFrame
        Columns click, the seven fields of `MOVIELENS` (age in the seven bands of MovieLens-1M, release in bands of ten
        years up to 1969 and single years after), user and item.
    """
    table = ratings[ratings["rating"] != 3].merge(users, on="user").merge(items, on="item").reset_index(drop=True)
    year = table["release_year"].fillna(0).astype(int)
    band = np.select(
        [year == 0, year < 1930, year < 1970], ["none", "1919-29", (year // 10 * 10).astype(str) + "s"], "single"
    )
    table["release"] = np.where(band == "single", year.astype(str), band)
    table["age"] = np.digitize(table["age"], AGE_BANDS)
    table["genre"] = [listed.split() for listed in table["genres"]]
    table["click"] = (table["rating"] > 3).astype(int)
    table = table.rename(columns={"zip_code": "zip code"})
    return table[["click", *MOVIELENS, "user", "item"]]


def log_square(numbers):
    """The released program's scale of counts: floor(ln(z)^2) above 2, else z itself; missing counts are 0."""
    z = np.nan_to_num(np.asarray(numbers, float))
    return np.where(z > 2, np.floor(np.log(np.maximum(z, 1)) ** 2), z)
