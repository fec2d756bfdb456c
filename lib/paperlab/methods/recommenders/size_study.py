"""Tables of one width, of widths by a rule, and searched ones side by side on the same rows and settings."""

import itertools
import time
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.recommenders import input_search
from paperlab.methods.recommenders.embedding_sizes import (
    frequency_blocks,
    mde_widths,
    prune,
    random_widths,
    width_mask,
)
from paperlab.methods.recommenders.pairwise import chosen, draw_negatives
from paperlab.methods.recommenders.rating_models import FactorModel, Rows, rating_rows

STARTS = {"large": (0.1, 3e-3), "small": (0.01, 3e-3)}  # standard deviation of the start, learning rate


@dataclass(frozen=True)
class Parts:
    """One split of rows.

    Attributes
    ----------
    train, alpha, select, test : Rows
        For the weights, for the selection layer, for the end of trainings and choice of settings, for the result.
    both : Rows
        Training and alpha rows, what a model without a search is trained on.
    """

    train: Rows
    alpha: Rows
    select: Rows
    test: Rows
    both: Rows


def cut(rows, *, rng, shares=(0.7, 0.1, 0.1, 0.1)):
    """Split rows by lot.

    Parameters
    ----------
    rows : Rows
    shares : tuple of four floats
        Training, alpha, selection, test; their sum is 1.

    Returns
    -------
    Parts

    Raises
    ------
    ValueError
        If the shares are no division of one, or a part would be empty.
    """
    if len(shares) != 4 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(f"shares must be four numbers above 0 with sum 1, got {shares}")
    order = rng.permutation(len(rows))
    ends = np.round(np.cumsum(shares)[:3] * len(rows)).astype(int)
    parts = np.split(order, ends)
    if min(map(len, parts)) == 0:
        raise ValueError(f"rows are too few for four parts, got {len(rows)}")
    return Parts(*map(rows.take, parts), rows.take(order[: ends[1]]))


@dataclass(frozen=True)
class Setting:
    """One point of the grid that every method gets.

    Attributes
    ----------
    width : int
        Of the table, K.
    start : str
        Name in `STARTS`.
    decay : float
    """

    width: int
    start: str
    decay: float


def grid(widths, starts, decays):
    """All settings of three lists."""
    return [Setting(*point) for point in itertools.product(widths, starts, decays)]


@dataclass(frozen=True)
class Trained:
    """A trained model; its vectors may be pruned when it is judged.

    Attributes
    ----------
    setting : Setting
    model : FactorModel
    seconds : float
        Processor seconds, the warm start of a search included.
    course : Training
        Of the search, or of the plain training.
    warm : Training or None
        The warm start of a search.
    """

    setting: Setting
    model: FactorModel
    seconds: float
    course: object = field(repr=False)
    warm: object = field(repr=False, default=None)

    def table(self, share=0.0):
        """The vectors that predict, with a share of their entries removed, shape (n_features, width)."""
        return prune(self.model.selected, share)

    def loss(self, rows, share=0.0):
        """Mean loss on rows with a share of the entries removed."""
        return self.model.loss(rows, self.table(share))

    def auc(self, rows, share=0.0):
        """Area under the ROC curve on rows of clicks, with a share of the entries removed."""
        return auroc(self.model.predict(rows, self.table(share)).astype(float), rows.target)


def _model(parts, setting, *, task, rng, **form):
    if setting.start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, got {setting.start!r}")
    scale, learning_rate = STARTS[setting.start]
    mean = float(parts.train.target.mean())
    intercept = mean if task == "squared" else np.log(mean / (1 - mean))
    options = {"task": task, "scale": scale, "learning_rate": learning_rate, "decay": setting.decay}
    return FactorModel(parts.train.n_features, setting.width, intercept=intercept, rng=rng, **options, **form)


def plain(parts, setting, *, rng, task="squared", mask=None, epochs=100, patience=3, batch_size=1024):
    """Train without a search, on training and alpha rows.

    Parameters
    ----------
    parts : Parts
    setting : Setting
    task : {"squared", "logistic"}
    mask : array_like of 0 and 1, shape (n_features, width), optional
    epochs, patience, batch_size : int
        As for `input_search.fit`.

    Returns
    -------
    Trained
    """
    start, order = rng.spawn(2)
    begin = time.process_time()
    model = _model(parts, setting, task=task, rng=start, mask=mask)
    options = {"epochs": epochs, "patience": patience, "batch_size": batch_size}
    course = input_search.fit(model, parts.both, parts.select, rng=order, **options)
    return Trained(setting, model, time.process_time() - begin, course)


def searched(parts, setting, plan, *, rng, task="squared", patience=3):
    """Warm start, then the search for widths (DNIS).

    Parameters
    ----------
    parts : Parts
    setting : Setting
    plan : Plan
        Its blocks hold equally many features, by frequency in the training rows.
    task : {"squared", "logistic"}
    patience : int
        Passes without a gain that end the warm start; the weights of its best pass stay.

    Returns
    -------
    Trained
    """
    start, order, turns = rng.spawn(3)
    begin = time.process_time()
    block = frequency_blocks(parts.train.counts, plan.n_blocks)
    model = _model(parts, setting, task=task, rng=start, block=block)
    options = {"epochs": plan.warm_epochs, "patience": patience, "batch_size": plan.batch_size}
    warm = input_search.fit(model, parts.train, parts.select, rng=order, **options)
    course = input_search.search(model, parts.train, parts.alpha, parts.select, plan, rng=turns)
    return Trained(setting, model, time.process_time() - begin, course, warm)


def best(trained, rows, share=0.0):
    """The model with the least loss on ``rows`` once a share of its entries is removed; of equals the first."""
    trained = list(trained)
    if not trained:
        raise ValueError("trained must hold at least one model, got none")
    return trained[int(np.argmin([each.loss(rows, share) for each in trained]))]


def by_rule(parts, setting, base, exponent, *, rng, n_blocks=10, **training):
    """Train with the widths of the frequency rule (MDE) that spend ``base`` entries a feature on average."""
    counts = parts.both.counts
    block = frequency_blocks(counts, n_blocks)
    return _with_widths(parts, setting, block, mde_widths(counts, block, base, exponent, setting.width), rng, training)


def by_lot(parts, setting, base, *, rng, n_blocks=10, **training):
    """Train with widths drawn by lot that do not grow with rarity and spend ``base`` entries a feature on average."""
    draw, rng = rng.spawn(2)
    block = frequency_blocks(parts.both.counts, n_blocks)
    return _with_widths(parts, setting, block, random_widths(block, base, setting.width, rng=draw), rng, training)


def _with_widths(parts, setting, block, widths, rng, training):
    """The table is as wide as its widest block only: the rest would be zeros that cost time."""
    width = max(int(widths.max()), 1)
    narrow = Setting(width, setting.start, setting.decay)
    return plain(parts, narrow, mask=width_mask(block, widths, width), rng=rng, **training)


def implicit_parts(split, *, n_negatives=4, rng):
    """Parts of rows from who chose what: every pair is a click, and items that were not chosen are drawn beside it.

    Parameters
    ----------
    split : interactions.Split
        An eighth of its training pairs, by lot, becomes the alpha part.
    n_negatives : int
        Items per pair that the user chose neither in training nor in validation; drawn once, the same for all methods.
    rng : numpy.random.Generator

    Returns
    -------
    Parts
    """
    n_users, n_items = split.train.n_users, split.train.n_items
    taken, nothing = chosen(split.seen), np.zeros((0, 1), np.float32)
    held_out = rng.random(len(split.train.items)) < 1 / 8

    def rows(part):
        user = np.repeat(part.users, n_negatives)
        drawn = draw_negatives(user, nothing, np.zeros((n_items, 1), np.float32), taken, 1, rng)
        click = np.repeat([1.0, 0.0], [len(part.users), len(user)])
        pairs = np.concatenate([part.users, user]), np.concatenate([part.items, drawn])
        return rating_rows(*pairs, click, n_users=n_users, n_items=n_items)

    train, alpha = (rows(split.train.where(mask)) for mask in (~held_out, held_out))
    joined = [np.concatenate([getattr(part, name) for part in (train, alpha)]) for name in ("index", "value", "target")]
    return Parts(train, alpha, rows(split.valid), rows(split.test), Rows(*joined, train.n_features))


def scoring_vectors(trained, n_users, share=0.0):
    """Vectors of users and items whose inner products order the items: (1, p_u) and (b_i, q_i)."""
    table, weight = trained.table(share), trained.model.weight[:, None]
    users, items = table[:n_users], table[n_users:]
    return np.hstack([np.ones_like(weight[:n_users]), users]), np.hstack([weight[n_users:], items])
