"""The search for widths on networks of torch: rating networks and click models, several splits side by side.

`ctr_models` gives the networks; their embedding is multiplied by the selection layer, and everything else is automatic
differentiation. What `size_study` does for factor models, with one number for each member of the stack.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from paperlab.methods.foundations.metrics import auroc
from paperlab.methods.recommenders.ctr_fit import predict
from paperlab.methods.recommenders.ctr_models import ClickModel, Deep, FieldEmbedding, click_model
from paperlab.methods.recommenders.embedding_sizes import frequency_blocks, prune
from paperlab.methods.recommenders.fields import Fields
from paperlab.methods.recommenders.stacks import Stack

RATING_NETS = ("MLP", "NeuMF")
CLICK_NETS = ("FM", "Wide&Deep", "DeepFM")


class WeightedProduct(Stack):
    """Products of two vectors entry by entry, summed with learned weights that start at 1 (the GMF part of NeuMF)."""

    def __init__(self, width, seeds):
        super().__init__(seeds)
        self.weight = torch.nn.Parameter(torch.ones(len(self.seeds), width, 1))

    def forward(self, x):
        """Numbers (members, rows) from vectors (members, rows, 2, width)."""
        return torch.bmm(x[:, :, 0] * x[:, :, 1], self.weight)[..., 0]


def rating_fields(user, item, n_users, n_items):
    """Users and items as the two fields of a table."""
    codes = np.stack([np.asarray(user), np.asarray(item) + n_users], 1).astype(np.int64)
    empty = np.empty((len(codes), 0), np.float32)
    return Fields(("user", "item"), (n_users, n_items), codes, empty, empty)


def network(name, fields, seeds, *, width, scale, hidden=64):
    """A rating network or a click model with one hidden layer.

    Parameters
    ----------
    name : str
        One of `RATING_NETS` or `CLICK_NETS`.
    fields : Fields
    seeds : sequence of int
        One for each member.
    width : int
        Length of a vector.
    scale : float
        Standard deviation of the vectors' start.
    hidden : int
        Units of the hidden layer.

    Returns
    -------
    ClickModel
    """
    if name in CLICK_NETS:
        deep = {} if name == "FM" else {"deep": {"hidden": (hidden,)}}
        return click_model(name, fields, seeds, width=width, scale=scale, **deep)
    if name not in RATING_NETS:
        raise ValueError(f"name must be one of {', '.join(RATING_NETS + CLICK_NETS)}, got {name!r}")
    parts = [WeightedProduct(width, seeds)] if name == "NeuMF" else []
    parts.append(Deep(2 * width, seeds, hidden=(hidden,)))
    embedding = FieldEmbedding(fields, width, seeds, scale=scale)
    return ClickModel(embedding, parts, linear=FieldEmbedding(fields, 1, seeds, scale=0.0))


def field_counts(fields, rows):
    """Number of rows in which every value occurs, shape (n_values,)."""
    single = np.bincount(fields.codes[rows].ravel(), minlength=fields.n_listed_before)
    listed = (fields.shares[rows] > 0).sum(0)
    return np.concatenate([single, listed, np.full(fields.numbers.shape[1], len(rows))])


@dataclass(frozen=True)
class NeuralParts:
    """Rows of every member's split, shape (members, rows) each; as `size_study.Parts`."""

    train: np.ndarray
    alpha: np.ndarray
    select: np.ndarray
    test: np.ndarray

    @property
    def both(self):
        """Training and alpha rows."""
        return np.concatenate([self.train, self.alpha], axis=1)


def neural_parts(n, seeds, *, shares=(0.7, 0.1, 0.1, 0.1)):
    """Four parts of ``n`` rows by lot, one split for each seed."""
    orders = np.stack([np.random.default_rng([seed, 4]).permutation(n) for seed in seeds])
    return NeuralParts(*np.split(orders, np.round(np.cumsum(shares)[:3] * n).astype(int), axis=1))


@dataclass(frozen=True)
class NeuralTrained:
    """A trained stack; ``judge`` gives one number for each member.

    Attributes
    ----------
    model : ClickModel
        At the best look of every member, selection layer absorbed into the table.
    losses : ndarray, shape (looks, members)
        On the selection rows.
    alpha : ndarray, shape (members, n_blocks, width), or None
    """

    model: ClickModel
    fields: Fields
    target: np.ndarray
    task: str
    losses: np.ndarray = field(repr=False)
    alpha: np.ndarray | None = field(repr=False, default=None)

    def _predict(self, rows, share):
        table = self.model.embedding.table
        kept = table.detach().clone()
        with torch.no_grad():
            for member in range(len(kept)):
                table[member] = torch.from_numpy(prune(kept[member].numpy(), share))
            found = predict(self.model, self.fields, rows)
            table.copy_(kept)
        return found

    def judge(self, rows, share=0.0):
        """Mean squared error, or mean log loss, of every member with a share of the entries removed."""
        z, y = self._predict(rows, share), self.target[rows]
        return np.mean((z - y) ** 2 if self.task == "squared" else np.logaddexp(0, z) - y * z, axis=1)

    def auc(self, rows, share=0.0):
        """Area under the ROC curve of every member."""
        return np.array([auroc(*pair) for pair in zip(self._predict(rows, share), self.target[rows], strict=True)])


class _Course:
    """One training of a stack: batches, losses, looks, the best state of every member."""

    def __init__(self, model, fields, target, parts, task, setting):
        self.model, self.fields, self.parts, self.task = model, fields, parts, task
        self.batch_size = setting.batch_size
        self.columns = [torch.from_numpy(part) for part in (fields.codes, fields.shares, fields.numbers)]
        self.target = torch.from_numpy(np.asarray(target, np.float32))
        self.truth = np.asarray(target, float)
        options = {"lr": setting.learning_rate, "weight_decay": setting.decay}
        self.optimiser = torch.optim.Adam(model.parameters(), **options, foreach=True)
        self.alpha = self.block = None
        self.lowest = np.full(len(model.seeds), np.inf)
        self.kept, self.history = None, []

    def batches(self, rows, purpose):
        """Numbers of rows (members, batch), without end."""
        rngs = [np.random.default_rng([seed, purpose]) for seed in self.model.seeds]
        while True:
            order = np.stack([rng.permutation(part) for rng, part in zip(rngs, rows, strict=True)])
            yield from torch.from_numpy(order).split(self.batch_size, 1)

    def select(self, alpha):
        """Put the selection layer into the embedding."""
        members = torch.arange(len(self.model.seeds))[:, None]
        self.model.embedding.open = alpha[members, self.block]

    def loss(self, rows):
        """Sum over the members of their mean losses."""
        z, y = self.model([column[rows] for column in self.columns]), self.target[rows]
        if self.task == "squared":
            return ((z - y) ** 2).mean(1).sum()
        return torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean(1).sum()

    def step(self, rows):
        """One step of Adam."""
        self.optimiser.zero_grad(set_to_none=True)
        self.loss(rows).backward()
        self.optimiser.step()

    def look(self):
        """Judge every member and keep its state if it has never been better."""
        z, y = predict(self.model, self.fields, self.parts.select), self.truth[self.parts.select]
        loss = np.mean((z - y) ** 2 if self.task == "squared" else np.logaddexp(0, z) - y * z, axis=1)
        self.history.append(loss)
        tensors = [*self.model.parameters()] + ([] if self.alpha is None else [self.alpha])
        if self.kept is None:
            self.kept = [tensor.detach().clone() for tensor in tensors]
        better = loss < self.lowest
        self.lowest = np.where(better, loss, self.lowest)
        for kept, tensor in zip(self.kept, tensors, strict=True):
            kept[better] = tensor.detach()[better]
        return better

    def restore(self):
        """Every member at its best look."""
        tensors = [*self.model.parameters()] + ([] if self.alpha is None else [self.alpha])
        with torch.no_grad():
            for kept, tensor in zip(self.kept, tensors, strict=True):
                tensor.copy_(kept)

    def train(self, rows, epochs, patience):
        """Passes over ``rows`` until no member has gained for ``patience`` of them."""
        stream, since = self.batches(rows, 5), 0
        for _ in range(epochs):
            for _ in range(-(-rows.shape[1] // self.batch_size)):
                self.step(next(stream))
            since = 0 if self.look().any() else since + 1
            if since >= patience:
                break
        self.restore()


@dataclass(frozen=True)
class NeuralSetting:
    """One point of the grid: length of a vector, standard deviation of its start, and Adam.

    Attributes
    ----------
    width : int
    scale, learning_rate, decay : float
    epochs, patience, batch_size : int
        Of plain training, and of the warm start where that has no number of its own.
    """

    width: int
    scale: float = 0.1
    learning_rate: float = 1e-3
    decay: float = 0.0
    epochs: int = 40
    patience: int = 2
    batch_size: int = 1024


def train_network(name, fields, target, parts, seeds, setting, plan=None):
    """Train a stack without a search, or with a ``plan`` warm start and search.

    Parameters
    ----------
    name : str
        As for `network`; networks of `RATING_NETS` have squared loss, the others logistic loss.
    fields : Fields
    target : array_like, shape (n_rows,)
        Ratings, or clicks.
    parts : NeuralParts
    seeds : sequence of int
        One for each member.
    setting : NeuralSetting
    plan : Plan, optional
        First order, normalised.

    Returns
    -------
    NeuralTrained
    """
    model = network(name, fields, seeds, width=setting.width, scale=setting.scale)
    target, task = np.asarray(target, float), "squared" if name in RATING_NETS else "logistic"
    if task == "squared":
        with torch.no_grad():
            model.intercept.copy_(torch.from_numpy(target[parts.train].mean(1, keepdims=True)))
    course = _Course(model, fields, target, parts, task, setting)
    if plan is None:
        course.train(parts.both, setting.epochs, setting.patience)
        return NeuralTrained(model, fields, target, task, np.array(course.history))
    if plan.second_order or plan.frozen or not plan.normalise:
        raise ValueError("plan must be of first order, normalised and not frozen for a network")
    course.train(parts.train, plan.warm_epochs, setting.patience)
    alpha = _search(course, plan, [field_counts(fields, rows) for rows in parts.train])
    with torch.no_grad():
        course.select(alpha)
        model.embedding.table.mul_(model.embedding.open)
        model.embedding.open = None
    return NeuralTrained(model, fields, target, task, np.array(course.history), alpha.numpy())


def _search(course, plan, counts):
    """Steps of weights and of the selection layer in turns; the best selection layer of every member."""
    blocks = [frequency_blocks(count, plan.n_blocks) for count in counts]
    course.block = torch.from_numpy(np.stack(blocks))
    width = course.model.embedding.table.shape[-1]
    alpha = course.alpha = torch.ones(len(blocks), plan.n_blocks, width)
    course.kept = None
    stream, inner = course.batches(course.parts.train, 6), course.batches(course.parts.alpha, 7)
    course.lowest[:] = np.inf
    for step in range(plan.steps + 1):
        if step and step % plan.every == 0:
            course.select(alpha)
            course.look()
        course.select(alpha)
        course.step(next(stream))
        moving = alpha.clone().requires_grad_(True)
        course.select(moving)
        g = torch.autograd.grad(course.loss(next(inner)), moving)[0] + plan.l1
        size = g.abs().mean(2, keepdim=True)
        g = torch.where(size > 0, g / size.clamp_min(1e-30), torch.zeros_like(g))
        alpha.sub_(plan.alpha_rate * g).clamp_(0, 1)
    course.restore()
    return course.alpha
