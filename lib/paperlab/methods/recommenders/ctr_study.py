"""Click models side by side: one table, one split for each seed, every model with the settings chosen for it."""

import time
from dataclasses import replace

import numpy as np

from paperlab.methods.recommenders.ctr_fit import Parts, fit, predict, random_parts
from paperlab.methods.recommenders.ctr_models import click_model
from paperlab.methods.recommenders.fields import Fields, fit_encoder, log_square

# Learning rate, and options of the model; chosen on validation rows of MovieLens-100k, seed 9001.
SETTINGS = {
    "LR": (0.03, {}),
    "FM": (0.005, {"dropout": 0.1}),
    "AFM": (0.01, {}),
    "NFM": (0.002, {"deep": {"hidden": (64,), "dropout": 0.1}}),
    "CrossNet": (0.005, {}),
    "CIN": (0.005, {"products": {"maps": (16, 16)}}),
    "AutoInt": (0.006, {}),
    "AutoInt+": (0.005, {"deep": {"hidden": (100, 100), "dropout": 0.1}}),
    "Wide&Deep": (0.005, {"deep": {"hidden": (100, 100), "dropout": 0.1}}),
    "DeepFM": (0.005, {"deep": {"hidden": (100, 100), "dropout": 0.1}}),
}


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # names of the fields of made-up tables


class Study:
    """Models trained on one table; each is trained once, when it is first asked for.

    Parameters
    ----------
    fields : Fields
    click : array_like of 0 and 1, shape (n_rows,)
    seeds : sequence of int
        One member for each: its split, start and order of rows.
    parts : Parts, optional
        Splits; by default random ones, 8:1:1.
    epochs, patience, batch_size : int
        Of `fit`.
    attention : dict
        Keyword arguments of the interacting layers of AutoInt and AutoInt+.
    dropout : float
        Share of the vectors' entries dropped, for these two.
    rates : dict, optional
        Learning rates by name in place of those of `SETTINGS`.
    """

    def __init__(self, fields, click, seeds, *, parts=None, attention, dropout, rates=None, **training):
        self.fields, self.click, self.seeds = fields, np.asarray(click), list(seeds)
        self.parts = random_parts(len(fields), self.seeds) if parts is None else parts
        self.attention, self.dropout, self.training = dict(attention), dropout, training
        self.rates, self.models, self._fits = rates or {}, {}, {}

    def run(self, name, **attention):
        """Train a model of `SETTINGS`, with other ``attention`` than the study's where given.

        Returns
        -------
        Fit
        """
        key = (name, *sorted(attention.items()))
        if key not in self._fits:
            learning_rate, options = SETTINGS[name]
            learning_rate = self.rates.get(name, learning_rate)
            if name.startswith("AutoInt"):
                options = options | {"attention": self.attention | attention, "dropout": self.dropout}
            model = click_model(name, self.fields, self.seeds, **options)
            settings = self.training | {"learning_rate": learning_rate}
            self._fits[key] = fit(model, self.fields, self.click, self.parts, **settings)
            self.models[key] = model
        return self._fits[key]

    def model(self, name, **attention):
        """The trained model."""
        self.run(name, **attention)
        return self.models[(name, *sorted(attention.items()))]


def prediction_seconds(models, fields, *, n_rows=2048, repeats=9):
    """Processor seconds that each model takes to predict rows, the least of several turns.

    Parameters
    ----------
    models : sequence of ClickModel
        Of one member each; the models take turns, so that a busy machine hurts all alike.
    fields : Fields
    n_rows, repeats : int

    Returns
    -------
    ndarray, shape (models,)
    """
    rows = np.arange(min(n_rows, len(fields)))[None]
    seconds = np.full((repeats + 1, len(models)), np.inf)
    for turn in range(repeats + 1):
        for at, model in enumerate(models):
            start = time.process_time()
            predict(model, fields, rows)
            seconds[turn, at] = time.process_time() - start
    return seconds[1:].min(0)  # the first turn compiles


def criteo_fields(table, *, min_count=4):
    """Number the 39 fields of a Criteo table: counts on the scale of `log_square`, rare categories merged.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns i1 to i13 and c1 to c26.

    Returns
    -------
    Fields
    """
    counts = [f"i{j}" for j in range(1, 14)]
    table = table.assign(**{name: log_square(table[name]) for name in counts})
    kinds = dict.fromkeys(counts, "number") | {f"c{j}": "category" for j in range(1, 27)}
    return fit_encoder(table, kinds, min_count=min_count).transform(table)


def without_numbers(fields):
    """The same table without its numbers."""
    n = fields.n_fields - fields.numbers.shape[1]
    numbers = np.empty((len(fields), 0), np.float32)
    return replace(fields, names=fields.names[:n], sizes=fields.sizes[:n], numbers=numbers)


def planted_tables(seeds, *, n_rows=20_000, n_fields=7, n_values=8, main=0.5, pair=1.0):
    """Made-up tables in which two fields interact, one table for each seed.

    Parameters
    ----------
    seeds : sequence of int
    n_rows, n_fields, n_values : int
        Of each table; values are drawn with equal chances.
    main, pair : float
        Standard deviations of the effects of single values, and of pairs of values of the two fields, in the logit.

    Returns
    -------
    fields : Fields
        The tables one below another.
    click : ndarray of int
    parts : Parts
        Rows of every seed's own table, 8:1:1.
    pairs : ndarray of int, shape (len(seeds), 2)
        The two fields.

    Raises
    ------
    ValueError
        Without a seed; with fewer than 2 fields (no pair) or more than 26 (one letter names each); with fewer than 2
        values; with too few rows for three parts; with a negative deviation.
    """
    if not len(seeds):
        raise ValueError("seeds must name at least one table, got none; give one seed for each table")
    if not 2 <= n_fields <= len(LETTERS):
        raise ValueError(
            f"n_fields must lie in 2 to {len(LETTERS)}, got {n_fields}; a pair needs two, and letters name them"
        )
    if n_values < 2:
        raise ValueError(f"n_values must be at least 2, got {n_values}; a field of one value has no effect")
    if not (main >= 0 and pair >= 0):
        raise ValueError(f"main and pair must not be negative, got {main} and {pair}; they are standard deviations")
    own, shift = random_parts(n_rows, seeds), n_rows * np.arange(len(seeds))[:, None]
    codes, clicks, pairs = [], [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, 3])
        first, second = rng.choice(n_fields, 2, replace=False)
        values = rng.integers(n_values, size=(n_rows, n_fields))
        logit = rng.normal(0, main, (n_fields, n_values))[np.arange(n_fields), values].sum(1)
        logit += rng.normal(0, pair, (n_values, n_values))[values[:, first], values[:, second]]
        clicks.append(rng.random(n_rows) < 1 / (1 + np.exp(-logit)))
        codes.append(values + np.arange(n_fields) * n_values)
        pairs.append((first, second))
    empty = np.empty((n_rows * len(seeds), 0), np.float32)
    names = tuple(LETTERS[:n_fields])
    fields = Fields(names, (n_values,) * n_fields, np.concatenate(codes), empty, empty)
    parts = Parts(own.train + shift, own.valid + shift, own.test + shift)
    return fields, np.concatenate(clicks).astype(int), parts, np.array(pairs)
