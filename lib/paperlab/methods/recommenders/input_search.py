"""Training with early stopping, and the search for the widths of embeddings by gradient (DNIS), of factor models."""

import time
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.recommenders.embeddings import positive


@dataclass(frozen=True)
class Plan:
    """How a search is done.

    Attributes
    ----------
    steps, every : int
        Steps of the search, and between two looks.
    n_blocks, warm_epochs : int
        Blocks of the selection layer, and passes of plain training before the search; for those who build the model.
    alpha_rate : float
        Step of the selection layer, which is clipped to [0, 1].
    l1 : float
        Penalty on the sum of the selection layer.
    normalise : bool
        Divide each block's gradient by its mean absolute value.
    second_order : bool
        As in `alpha_gradient`.
    frozen : bool
        Leave the selection layer as it is: the same steps without the search, for comparison.
    batch_size : int

    Raises
    ------
    ValueError
        If a number is not positive, or ``l1`` is negative.
    """

    steps: int = 1500
    every: int = 50
    n_blocks: int = 10
    warm_epochs: int = 20
    alpha_rate: float = 0.01
    l1: float = 1e-5
    normalise: bool = True
    second_order: bool = False
    frozen: bool = False
    batch_size: int = 1024

    def __post_init__(self):
        for name in ("steps", "every", "n_blocks", "warm_epochs", "alpha_rate", "batch_size"):
            positive(name, getattr(self, name))
        if self.l1 < 0:
            raise ValueError(f"l1 must not be negative, got {self.l1}")


@dataclass(frozen=True)
class Look:
    """One look at a training: steps so far, mean training loss since the last look, losses, seconds so far.

    Attributes
    ----------
    alpha_loss : float
        On the rows that train the selection layer; NaN outside a search.
    loss : float
        On the rows that judge.
    """

    step: int
    train_loss: float
    alpha_loss: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Training:
    """Course of a training; the model is left at its best look.

    Attributes
    ----------
    loss : float
        Lowest loss on the rows that judge.
    step : int
        Steps made by then.
    seconds : float
        Processor seconds of the whole training.
    looks : list of Look
    alphas : list of (step, ndarray)
        Selection layer at every look of a search.
    """

    loss: float
    step: int
    seconds: float
    looks: list = field(repr=False)
    alphas: list = field(repr=False, default_factory=list)


def batches(n, batch_size, rng):
    """Numbers of 0 to n - 1 in batches, without end, in an order drawn anew for every pass."""
    positive("batch_size", batch_size)
    while True:
        order = rng.permutation(n)
        for start in range(0, n, batch_size):
            yield order[start : start + batch_size]


def _course(model, advance, judge, *, steps, every, patience, alpha_rows=None):
    """Advance step by step, look at every ``every``-th, stop after ``patience`` looks without a gain, keep the best.

    In a search (with ``alpha_rows``) the state before the first step is looked at and never kept as the best.
    """
    for name, value in {"steps": steps, "every": every, "patience": patience}.items():
        positive(name, value)
    best, kept, at, since = np.inf, model.state(), 0, 0
    looks, alphas, losses, begin = [], [], [], time.process_time()
    for step in range(steps + 1):
        if step % every == 0 or step == steps:
            loss = model.loss(judge)
            if not np.isfinite(loss):
                raise FloatingPointError(f"the loss is not finite after {step} steps: lower the learning rate")
            mean = float(np.mean(losses)) if losses else np.nan
            inner = model.loss(alpha_rows) if alpha_rows is not None else np.nan
            looks.append(Look(step, mean, inner, loss, time.process_time() - begin))
            alphas += [(step, model.alpha.copy())] if alpha_rows is not None else []
            losses, since = [], since + 1
            if loss < best and (step or alpha_rows is None):
                best, kept, at, since = loss, model.state(), step, 0
            if since >= patience or step == steps:
                break
        losses.append(advance())
    model.restore(kept)
    return Training(best, at, time.process_time() - begin, looks, alphas)


def fit(model, rows, judge, *, epochs, patience=3, batch_size=1024, rng):
    """Train until the loss on ``judge`` no longer falls; one look after every pass over ``rows``.

    Parameters
    ----------
    model : FactorModel
        Changed in place; left at its best look.
    rows, judge : Rows
        For training, and for the decision when to stop.
    epochs, patience : int
        At most ``epochs`` passes; an end after ``patience`` of them in a row without a gain.
    batch_size : int
    rng : numpy.random.Generator
        Order of the rows.

    Returns
    -------
    Training
    """
    stream = batches(len(rows), batch_size, rng)
    n = -(-len(rows) // batch_size)
    return _course(model, lambda: model.step(rows, next(stream)), judge, steps=epochs * n, every=n, patience=patience)


def alpha_gradient(model, train, alpha_rows, batch, inner, *, second_order):
    """Gradient in the selection layer of the loss on ``alpha_rows``, of first or second order, shape (L, K).

    Notes
    -----
    Page ``dnis``, eq. (4). With xi the learning rate and W' = W - xi grad_W L_train, the second order is
    grad_alpha L_alpha(W') - xi (grad_alpha L_train(W+) - grad_alpha L_train(W-)) / (2 h) with W+- = W +- h v,
    v = grad_W L_alpha(W'), h = 0.01 / |v|: a product with the mixed second derivative by finite differences. The table
    alone takes part; weights and intercept stay.
    """
    if not second_order:
        return model.gradient(alpha_rows, inner).alpha
    xi = model.rate
    ahead = (model.table - xi * model.gradient(train, batch).table).astype(model.dtype)
    found = model.gradient(alpha_rows, inner, ahead)
    length = np.linalg.norm(found.table)
    if length == 0:
        return found.alpha
    h = 0.01 / length
    sides = [(model.table + sign * h * found.table).astype(model.dtype) for sign in (1, -1)]
    up, down = (model.gradient(train, batch, side).alpha for side in sides)
    return found.alpha - xi * (up - down) / (2 * h)


def normalised(gradient):
    """Every row divided by its mean absolute value; a row of zeros stays one."""
    gradient = np.asarray(gradient, float)
    size = np.abs(gradient).mean(axis=1, keepdims=True)
    return np.divide(gradient, size, out=np.zeros_like(gradient), where=size > 0)


def search(model, rows, alpha_rows, judge, plan, *, rng):
    """Train weights and selection layer in turns, from where the model stands; all looks are made, the best is kept.

    The start itself is no candidate: what is kept has been searched for at least ``plan.every`` steps.

    Parameters
    ----------
    model : FactorModel
        After its warm start; changed in place, left at its best look.
    rows, alpha_rows, judge : Rows
        For the weights, for the selection layer, and for the choice of the look.
    plan : Plan
    rng : numpy.random.Generator
        Orders of rows.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If there is nothing to train on.

    Notes
    -----
    Page ``dnis``, eqs (4) to (6).
    """
    if not len(rows) or not len(alpha_rows):
        raise ValueError(f"rows and alpha_rows must not be empty, got {len(rows)} and {len(alpha_rows)}")
    first, second = rng.spawn(2)
    stream = batches(len(rows), plan.batch_size, first)
    inner = batches(len(alpha_rows), plan.batch_size, second)

    def advance():
        batch = next(stream)
        loss = model.step(rows, batch)
        if not plan.frozen:
            order = plan.second_order
            g = alpha_gradient(model, rows, alpha_rows, batch, next(inner), second_order=order) + plan.l1
            g = normalised(g) if plan.normalise else g
            model.alpha[:] = np.clip(model.alpha - plan.alpha_rate * g, 0, 1)
        return loss

    options = {"steps": plan.steps, "every": plan.every, "patience": plan.steps // plan.every + 2}
    return _course(model, advance, judge, **options, alpha_rows=alpha_rows)
