"""Losses over a catalogue: softmax over all items, over shared negatives, and the binary loss of SASRec.

The softmax over all items is the dear part of a sequence model. Its value and its gradients are computed together, a
few rows at a time, so that scores never leave the cache.
"""

import numpy as np
import torch
from torch.nn import functional

from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.sequence_layers import Seeded

LOSSES = ("full", "sampled", "binary")
HELD = 1 << 19  # scores held at once
SAFE = 60.0  # scores of this size need no shift before they are exponentiated


class _Softmax(torch.autograd.Function):
    """Sum of the cross-entropies of rows against a table; gradients are made on the way."""

    @staticmethod
    def forward(ctx, states, table, targets):
        wanted = any(ctx.needs_input_grad[:2])
        to_states, to_table = (torch.empty_like(states), torch.zeros_like(table)) if wanted else (None, None)
        total, step = states.new_zeros(()), max(1, HELD // max(len(table), 1))
        right = table[targets]
        total -= (states * right).sum()
        bound = states.norm(dim=1) * table.norm(dim=1).max()  # no score is larger
        for start in range(0, len(states), step):
            part = states[start : start + step]
            scores = part @ table.T
            if not bool(bound[start : start + step].max() < SAFE):  # exp might overflow, or all of it vanish
                top = scores.amax(1, keepdim=True)
                total += top.sum()
                scores.sub_(top)
            mass = scores.exp_().sum(1, keepdim=True)
            total += mass.log().sum()
            if wanted:
                torch.mm(scores, table, out=to_states[start : start + step]).div_(mass)
                to_table.addmm_(scores.T, part / mass)
        if wanted:
            to_states.sub_(right)
            to_table.index_add_(0, targets, states, alpha=-1)
            ctx.save_for_backward(to_states, to_table)
        return total

    @staticmethod
    def backward(ctx, slope):
        to_states, to_table = ctx.saved_tensors
        return slope * to_states, slope * to_table, None


class _Sampled(torch.autograd.Function):
    """Sum of the cross-entropies of rows against their own item and a shared list with biases, some places left out."""

    @staticmethod
    def forward(ctx, states, right, others, bias, holes):
        wanted = any(ctx.needs_input_grad[:3])
        to_states, to_right = (torch.empty_like(states) if wanted else None for _ in range(2))
        to_others = torch.zeros_like(others) if wanted else None
        own = (states * right).sum(1, keepdim=True)
        rows, columns = holes
        total, step = -own.sum(), max(1, HELD // max(len(others), 1))
        bound = torch.maximum(states.norm(dim=1) * others.norm(dim=1).max() + bias.abs().max(), own[:, 0].abs())
        for start in range(0, len(states), step):
            stop = min(start + step, len(states))
            part, mine = states[start:stop], own[start:stop]
            scores = torch.addmm(bias, part, others.T)
            inside = slice(*torch.searchsorted(rows, rows.new_tensor([start, stop])).tolist())
            scores[rows[inside] - start, columns[inside]] = -torch.inf
            if not bool(bound[start:stop].max() < SAFE):
                top = torch.maximum(scores.amax(1, keepdim=True), mine)
                total += top.sum()
                scores.sub_(top)
                mine = mine - top
            mine = mine.exp()
            mass = scores.exp_().sum(1, keepdim=True) + mine
            total += mass.log().sum()
            if wanted:
                share = mine / mass - 1
                torch.mm(scores, others, out=to_states[start:stop]).div_(mass).add_(share * right[start:stop])
                torch.mul(share, part, out=to_right[start:stop])
                to_others.addmm_(scores.T, part / mass)
        if wanted:
            ctx.save_for_backward(to_states, to_right, to_others)
        return total

    @staticmethod
    def backward(ctx, slope):
        return *(slope * each for each in ctx.saved_tensors), None, None


def _places(targets, drawn):
    """Rows (rising) and columns where a drawn item is the row's own."""
    found, order = torch.sort(drawn)
    first, last = torch.searchsorted(found, targets), torch.searchsorted(found, targets, right=True)
    counts = last - first
    rows = torch.repeat_interleave(torch.arange(len(targets)), counts)
    within = torch.arange(len(rows)) - torch.repeat_interleave(torch.cumsum(counts, 0) - counts, counts)
    return rows, order[first[rows] + within]


def full_softmax(states, table, targets):
    """Mean cross-entropy of the right items among all items.

    Parameters
    ----------
    states : Tensor, shape (n, d)
    table : Tensor, shape (n_items, d)
        Inner products with the states are the scores.
    targets : Tensor of int, shape (n,)
        Right item of every row.

    Returns
    -------
    Tensor
        ``mean_i log sum_j exp(s_ij - s_i,target)``, differentiable in states and table.

    Raises
    ------
    ValueError
        If there is no row, or a target is no row of the table.
    """
    check_targets(targets, len(states), len(table))
    return _Softmax.apply(states, table, targets) / len(states)


def sampled_softmax(states, right, others, targets, drawn, log_expected):
    """Mean cross-entropy of the right items among negatives that all rows share, corrected for how they were drawn.

    Parameters
    ----------
    states : Tensor, shape (n, d)
    right : Tensor, shape (n, d)
        Vectors of the right items.
    others : Tensor, shape (n_drawn, d)
        Vectors of the drawn items.
    targets : Tensor of int, shape (n,)
    drawn : Tensor of int, shape (n_drawn,)
        Drawn with replacement; a row's own item among them does not count.
    log_expected : Tensor, shape (n_drawn,)
        ``log(n_drawn q_j)``: how often item j was expected among them.

    Returns
    -------
    Tensor
        Its sum ``exp(s_i,target) + sum_j exp(s_ij) / (n_drawn q_j)`` over j other than the target has the mean of the
        full one.
    """
    return _Sampled.apply(states, right, others, -log_expected, _places(targets, drawn)) / len(states)


def binary_loss(states, right, wrong):
    """Loss of SASRec (2018): the right item is a yes, one drawn item a no.

    Parameters
    ----------
    states, right, wrong : Tensor, shape (n, d)

    Returns
    -------
    Tensor
        Mean of ``-log sigmoid(s_right) - log(1 - sigmoid(s_wrong))``.
    """
    return (functional.softplus(-(states * right).sum(1)) + functional.softplus((states * wrong).sum(1))).mean()


def check_targets(targets, n_rows, n_items):
    """Refuse targets that do not name one item for each row."""
    if targets.shape != (n_rows,) or not n_rows:
        raise ValueError(f"targets must name one item for each of {n_rows} rows, got shape {tuple(targets.shape)}")
    if int(targets.min()) < 0 or int(targets.max()) >= n_items:
        wrong = int(targets.min()) if int(targets.min()) < 0 else int(targets.max())
        raise ValueError(f"targets must lie in 0 to {n_items - 1}, got {wrong}; drop rows without a target")


class Choice(Seeded):
    """One item out of a catalogue: which loss, and which items stand for the rest.

    Parameters
    ----------
    n_items : int
    loss : {"full", "sampled", "binary"}
        Softmax over all items, over negatives that the rows of a batch share, or one negative for each row.
    n_negatives : int
        Shared by the rows of a batch ("sampled").
    counts : array_like, shape (n_items,), optional
        Negatives are drawn in proportion to ``counts ** 0.75``; default uniformly.
    allowed : array_like of bool, shape (n_items,), optional
        Items in the softmax and among negatives, e.g. warm ones; default all. Targets must be among them.
    rng : numpy.random.Generator

    Raises
    ------
    ValueError
        If the loss is unknown, a shape is wrong, a count is negative, or fewer than two items are left.
    """

    def __init__(self, n_items, loss="full", *, n_negatives=512, counts=None, allowed=None, rng):
        super().__init__(rng=rng)
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
        if n_negatives < 1:
            raise ValueError(f"n_negatives must be at least 1, got {n_negatives}")
        allowed = np.ones(n_items, bool) if allowed is None else np.asarray(allowed)
        weight = np.ones(n_items) if counts is None else finite("counts", counts)
        if allowed.shape != (n_items,) or weight.shape != (n_items,):
            raise ValueError(f"allowed and counts must have {n_items} entries, got {allowed.shape} and {weight.shape}")
        if weight.min() < 0:
            raise ValueError(f"counts must not be negative, got {weight.min():g}")
        share = np.where(allowed, weight**0.75, 0)
        if (share > 0).sum() < 2:
            raise ValueError(f"counts and allowed must leave at least two items, got {(share > 0).sum()}")
        self.n_items, self.kind, self.n_negatives = n_items, loss, n_negatives
        self.share = torch.from_numpy(share / share.sum())
        self.cumulated = torch.cumsum(self.share, 0)
        self.kept = None if allowed.all() else torch.from_numpy(np.flatnonzero(allowed))
        self.place = torch.from_numpy(np.where(allowed, np.cumsum(allowed) - 1, -1))

    def draw(self, n):
        """Items drawn with replacement, shape (n,)."""
        at = torch.rand(n, generator=self.draws, dtype=torch.float64) * self.cumulated[-1]
        return torch.searchsorted(self.cumulated, at, right=True).clamp_(max=self.n_items - 1)

    def forward(self, states, vectors, targets):
        """Mean loss over rows and parts.

        Parameters
        ----------
        states : Tensor, shape (n, n_parts, d)
        vectors : callable
            ``vectors(items)`` gives (n, n_parts, d); ``vectors(None)`` those of all items. Part k of a state is
            compared with part k of the items.
        targets : Tensor of int, shape (n,)
        """
        check_targets(targets, len(states), self.n_items)
        parts = range(states.shape[1])
        if self.kind == "full":
            table, place = vectors(None), targets
            if self.kept is not None:
                table, place = table[self.kept], self.place[targets]
            return sum(full_softmax(states[:, k], table[:, k], place) for k in parts) / len(parts)
        right = vectors(targets)
        drawn = self.draw(len(states) if self.kind == "binary" else self.n_negatives)
        others = vectors(drawn)
        if self.kind == "binary":
            return sum(binary_loss(states[:, k], right[:, k], others[:, k]) for k in parts) / len(parts)
        expected = torch.log(self.share[drawn] * self.n_negatives).to(states.dtype)
        rest = targets, drawn, expected
        return sum(sampled_softmax(states[:, k], right[:, k], others[:, k], *rest) for k in parts) / len(parts)
