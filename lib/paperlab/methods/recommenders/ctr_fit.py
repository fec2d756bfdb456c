"""Training of stacked click models: a split and an order of rows for each member, and early stopping one by one."""

from dataclasses import dataclass

import numpy as np
import torch

from paperlab.methods.foundations import checks
from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.recommenders.interactions import check_shares


@dataclass(frozen=True)
class Parts:
    """Rows of training, validation and test, one split for each member.

    Attributes
    ----------
    train, valid, test : ndarray of int, shape (members, rows)
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def random_parts(n, seeds, *, shares=(0.8, 0.1, 0.1)):
    """A random split of ``n`` rows for each seed, that of one seed whatever the others are.

    Parameters
    ----------
    n : int
    seeds : sequence of int
    shares : tuple of three floats
        Training, validation, test.

    Returns
    -------
    Parts

    Raises
    ------
    ValueError
        Without a seed, if the shares are no division of one, or if a part would have no row.
    """
    ends = _ends(n, seeds, shares)
    orders = np.stack([np.random.default_rng([seed, 1]).permutation(n) for seed in seeds])
    return Parts(*np.split(orders, ends, axis=1))


def _ends(n, seeds, shares):
    """First row of validation and of test; refuses splits without a seed or with a part that has no rows."""
    check_shares(shares)
    if not len(seeds):
        raise ValueError("seeds must name at least one split, got none; give one seed for each member")
    ends = np.round(np.cumsum(shares)[:2] * n).astype(int)
    if not 0 < ends[0] < ends[1] < n:
        sizes = np.diff([0, *ends, n]).tolist()
        raise ValueError(
            f"n = {n} rows leave parts of {sizes} rows with shares {shares}; each needs one: give more rows"
        )
    return ends


def time_parts(time, seeds, *, shares=(0.8, 0.1, 0.1)):
    """The split by time: the oldest rows for training, the latest for the test; the same for all seeds.

    Parameters
    ----------
    time : array_like, shape (n_rows,)
    seeds : sequence of int
        One for each member.
    shares : tuple of three floats
        Training, validation, test.

    Returns
    -------
    Parts

    Raises
    ------
    ValueError
        Without a seed, if a time is not finite (names the row), or if a part would have no row.
    """
    time = np.asarray(time)
    checks.finite("time", time)
    ends = _ends(len(time), seeds, shares)
    order = np.argsort(time, kind="stable")
    return Parts(*(np.tile(part, (len(seeds), 1)) for part in np.split(order, ends)))


@dataclass(frozen=True)
class Fit:
    """What `fit` gives.

    Attributes
    ----------
    auc, log_loss : ndarray, shape (members,)
        On the test rows, of each member at its best epoch.
    valid_loss, train_loss : ndarray, shape (epochs, members)
        Log loss after every epoch on the validation rows, and its mean over the batches of training.
    best_epoch : ndarray of int, shape (members,)
        From 1.
    logit : ndarray, shape (members, n_test)
        Of the test rows.
    """

    auc: np.ndarray
    log_loss: np.ndarray
    valid_loss: np.ndarray
    train_loss: np.ndarray
    best_epoch: np.ndarray
    logit: np.ndarray


def log_loss(logit, click):
    """Mean negative log likelihood of clicks (0 or 1) along the last axis, from logits."""
    return np.mean(np.logaddexp(0, logit) - click * logit, axis=-1)


class _Data:
    """A numbered table as tensors."""

    def __init__(self, fields, click):
        click = np.asarray(click)
        if click.shape != (len(fields),) or not np.isin(click, (0, 1)).all():
            raise ValueError(f"click must be {len(fields)} zeros and ones, got shape {click.shape}")
        self.columns = [torch.from_numpy(part) for part in (fields.codes, fields.shares, fields.numbers)]
        limit = fields.n_listed_before
        if len(fields) and fields.codes.size and not 0 <= fields.codes.min() <= fields.codes.max() < limit:
            raise ValueError(f"fields.codes must lie in 0 to {limit - 1}, got {fields.codes.max()}")
        self.click = torch.from_numpy(click.astype(np.float32))

    def batch(self, rows):
        return [column[rows] for column in self.columns]


def predict(model, data, rows, *, batch_size=4096):
    """Logits of rows, shape (members, n_rows).

    Parameters
    ----------
    model : ClickModel
    data : Fields
    rows : ndarray of int, shape (members, n_rows)
    """
    data = data if isinstance(data, _Data) else _Data(data, np.zeros(len(data)))
    rows = torch.as_tensor(np.ascontiguousarray(rows))
    model.eval()
    with torch.no_grad():
        found = [model(data.batch(part)) for part in rows.split(batch_size, 1)]
    model.train()
    return torch.cat(found, 1).numpy().astype(float)


def fit(model, fields, click, parts, *, epochs, learning_rate, patience=2, batch_size=1024):
    """Train all members of a stack with Adam; each keeps the weights of its best epoch on its validation rows.

    Parameters
    ----------
    model : ClickModel
        Trained in place; ends with the best weights of every member.
    fields : Fields
    click : array_like of 0 and 1, shape (n_rows,)
    parts : Parts
        One split for each member.
    epochs, patience : int
        At most ``epochs`` passes; a member is done when its validation loss has not fallen for ``patience`` of them.
    learning_rate : float
    batch_size : int

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If labels are not 0 and 1, a code is out of range, the members differ, or a number is not positive.
    FloatingPointError
        If a loss is no longer finite.

    Notes
    -----
    Orders of rows are drawn from the members' seeds, so that a stack gives what its members give alone.
    """
    for name, value in (("epochs", epochs), ("patience", patience), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    members = len(model.seeds)
    if parts.train.shape[0] != members:
        raise ValueError(f"parts must have one split for each of {members} members, got {parts.train.shape[0]}")
    data = _Data(fields, click)
    orders = [np.random.default_rng([seed, 2]) for seed in model.seeds]
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, foreach=True)
    model.restart_dropout()
    best = [parameter.detach().clone() for parameter in model.parameters()]
    lowest, since = np.full(members, np.inf), np.zeros(members, int)
    best_epoch, history = np.zeros(members, int), []
    valid_click = data.click[parts.valid].numpy()
    for epoch in range(1, epochs + 1):
        rows = np.stack([rng.permutation(part) for rng, part in zip(orders, parts.train, strict=True)])
        trained = _epoch(model, data, torch.from_numpy(rows), optimiser, batch_size)
        logit = predict(model, data, parts.valid)
        if not np.isfinite(logit).all():
            raise FloatingPointError(f"the loss is not finite in epoch {epoch}: lower learning_rate = {learning_rate}")
        valid = log_loss(logit, valid_click)
        history.append((trained, valid))
        better = (valid < lowest) & (since < patience)
        lowest, best_epoch = np.where(better, valid, lowest), np.where(better, epoch, best_epoch)
        since = np.where(better, 0, since + 1)
        for kept, parameter in zip(best, model.parameters(), strict=True):
            kept[better] = parameter.detach()[better]
        if (since >= patience).all():
            break
    with torch.no_grad():
        for kept, parameter in zip(best, model.parameters(), strict=True):
            parameter.copy_(kept)
    logit, truth = predict(model, data, parts.test), data.click[parts.test].numpy()
    auc = np.array([auroc(*pair) for pair in zip(logit, truth, strict=True)])
    trained, valid = (np.array(part) for part in zip(*history, strict=True))
    return Fit(auc, log_loss(logit, truth), valid, trained, best_epoch, logit)


def _epoch(model, data, rows, optimiser, batch_size):
    """One pass; the mean loss of every member."""
    total = 0
    for part in rows.split(batch_size, 1):
        logit = model(data.batch(part))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, data.click[part], reduction="none").mean(1)
        optimiser.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimiser.step()
        total = total + loss.detach() * part.shape[1]
    return (total / rows.shape[1]).numpy()


def attention_matrix(model, fields, rows, *, batch_size=4096):
    """Mean attention of fields to fields over rows, heads and layers, shape (members, layers, fields, fields).

    Parameters
    ----------
    model : ClickModel
        With an `Attention` part.
    fields : Fields
    rows : ndarray of int, shape (members, n_rows)

    Raises
    ------
    ValueError
        If the model has no interacting layer.
    """
    layers = [part.layers for part in model.parts if hasattr(part, "layers") and len(part.layers.weights)]
    if not layers:
        raise ValueError("model must have an attention part with at least one layer")
    data, rows = _Data(fields, np.zeros(len(fields))), torch.as_tensor(np.ascontiguousarray(rows))
    model.eval()
    total = 0
    with torch.no_grad():
        for part in rows.split(batch_size, 1):
            seen = []
            layers[0](model.embedding(data.batch(part)), seen)
            total = total + torch.stack([each.mean(2).sum(1) for each in seen], 1)
    model.train()
    return (total / rows.shape[1]).numpy().astype(float)


def pair_ranks(attention):
    """Rank (1 the strongest) of every pair of fields by attention in both directions.

    Parameters
    ----------
    attention : array_like, shape (fields, fields)

    Returns
    -------
    ndarray of float, shape (fields, fields)
        Symmetric, NaN on the diagonal.

    Raises
    ------
    ValueError
        If attention is no square matrix of two fields or more, or not finite.
    """
    attention = np.asarray(attention, float)
    if attention.ndim != 2 or attention.shape[0] != attention.shape[1] or len(attention) < 2:
        raise ValueError(
            f"attention must be a square matrix of two fields or more, got shape {attention.shape}; "
            "average over members and layers first"
        )
    checks.finite("attention", attention)
    first, second = np.triu_indices(len(attention), 1)
    strength = attention[first, second] + attention[second, first]
    ranks = np.full(attention.shape, np.nan)
    ranks[first, second] = ranks[second, first] = np.argsort(np.argsort(-strength, kind="stable")) + 1
    return ranks
