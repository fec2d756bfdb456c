"""Self-attention over the fields of a row: the interacting layers of AutoInt, many members at once.

With a handful of fields the products of attention are so small that an array library spends its time between them. All
that stands between two matrix products is therefore one compiled loop, with a derivative of its own.
"""

import math

import numpy as np
import torch
from numba import njit
from torch import nn

from paperlab.methods.recommenders.stacks import Stack

FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered; infinities and NaN keep their meaning
BLOCK = 256  # rows that are worked on at once: they stand side by side in memory, and their vectors fit the cache


@njit(cache=True, fastmath=FAST)
def _add_product(total, a, b):
    for row in range(total.shape[0]):
        total[row] += a[row] * b[row]


@njit(cache=True, fastmath=FAST)
def _multiply(a, b):
    for row in range(a.shape[0]):
        a[row] *= b[row]


@njit(cache=True, fastmath=FAST)
def _scores(projected, scale, score):
    """Scaled inner products of queries and keys, minus the largest of each line."""
    blocks, _, heads, k, fields, rows = projected.shape
    top = np.empty(rows, score.dtype)
    for block in range(blocks):
        for h in range(heads):
            query, key = projected[block, 0, h], projected[block, 1, h]
            for i in range(fields):
                lines = score[block, h, i]
                lines[:] = 0
                top[:] = -np.inf
                for j in range(fields):
                    line = lines[j]
                    for c in range(k):
                        _add_product(line, query[c, i], key[c, j])
                    for row in range(rows):
                        line[row] *= scale
                        top[row] = max(top[row], line[row])
                for j in range(fields):
                    line = lines[j]
                    for row in range(rows):
                        line[row] -= top[row]


@njit(cache=True, fastmath=FAST)
def _mix(projected, kept, attention, out):
    """Divide attention by its sums; rectified weighted sums of the values, with what a field adds of itself."""
    blocks, kinds, heads, k, fields, rows = projected.shape
    dropped, total, weight = kept.shape[0] > 0, np.empty(rows, out.dtype), np.empty(rows, out.dtype)
    for block in range(blocks):
        for h in range(heads):
            value = projected[block, 2, h]
            for i in range(fields):
                lines = attention[block, h, i]
                total[:] = lines[0]
                for j in range(1, fields):
                    line = lines[j]
                    for row in range(rows):
                        total[row] += line[row]
                for c in range(k):
                    out[block, h, c, i] = projected[block, 3, h, c, i] if kinds == 4 else 0 * total
                for j in range(fields):
                    line = lines[j]
                    for row in range(rows):
                        line[row] /= total[row]
                        weight[row] = line[row]
                    if dropped:
                        _multiply(weight, kept[block, h, i, j])
                    for c in range(k):
                        _add_product(out[block, h, c, i], weight, value[c, j])
                for c in range(k):
                    line = out[block, h, c, i]
                    for row in range(rows):
                        line[row] = max(line[row], 0)


@njit(cache=True, fastmath=FAST)
def _back(projected, kept, scale, attention, out, slope, back):
    """Derivative ``back`` in the projected vectors of what has the derivative ``slope`` in the output."""
    blocks, kinds, heads, k, fields, rows = projected.shape
    dropped, g, mean = kept.shape[0] > 0, np.empty((k, rows), out.dtype), np.empty(rows, out.dtype)
    change, weight = np.empty((fields, rows), out.dtype), np.empty(rows, out.dtype)
    for block in range(blocks):
        for h in range(heads):
            query, key, value = projected[block, 0, h], projected[block, 1, h], projected[block, 2, h]
            to_query, to_key, to_value = back[block, 0, h], back[block, 1, h], back[block, 2, h]
            to_query[:], to_key[:], to_value[:] = 0, 0, 0  # here, where they stay in the cache
            for i in range(fields):
                for c in range(k):
                    into, came, passed = g[c], slope[block, h, c, i], out[block, h, c, i]
                    for row in range(rows):
                        into[row] = came[row] if passed[row] > 0 else 0
                    if kinds == 4:
                        back[block, 3, h, c, i] = into
                mean[:] = 0
                for j in range(fields):
                    by = change[j]
                    weight[:] = attention[block, h, i, j]
                    if dropped:
                        _multiply(weight, kept[block, h, i, j])
                    by[:] = 0
                    for c in range(k):
                        _add_product(by, g[c], value[c, j])
                        _add_product(to_value[c, j], g[c], weight)
                    for row in range(rows):
                        by[row] *= weight[row]
                        mean[row] += by[row]
                for j in range(fields):
                    line, by = attention[block, h, i, j], change[j]
                    for row in range(rows):
                        by[row] = (by[row] - line[row] * mean[row]) * scale
                    for c in range(k):
                        _add_product(to_query[c, i], by, key[c, j])
                        _add_product(to_key[c, j], by, query[c, i])


class _Attend(torch.autograd.Function):
    """From projections (blocks, kinds, heads, k, fields, rows) to outputs (blocks, heads, k, fields, rows)."""

    @staticmethod
    def forward(ctx, projected, kept, scale):
        blocks, _, heads, k, fields, rows = projected.shape
        attention = projected.new_empty((blocks, heads, fields, fields, rows))
        out = projected.new_empty((blocks, heads, k, fields, rows))
        _scores(projected.numpy(), scale, attention.numpy())
        _mix(projected.numpy(), kept.numpy(), attention.exp_().numpy(), out.numpy())
        ctx.save_for_backward(projected, kept, attention, out)
        ctx.scale = scale
        ctx.mark_non_differentiable(attention)
        return out, attention

    @staticmethod
    def backward(ctx, slope, _):
        projected, kept, attention, out = ctx.saved_tensors
        back = torch.empty_like(projected)
        arrays = (each.numpy() for each in (attention, out, slope.contiguous(), back))
        _back(projected.numpy(), kept.numpy(), ctx.scale, *arrays)
        return back, None, None


class InteractingLayers(Stack):
    """Layers in which every field looks at all fields, in several heads, and takes a weighted sum of what it sees.

    Parameters
    ----------
    width : int
        Length d of a field's vector on entry.
    seeds : sequence of int
        One for each member.
    n_layers, n_heads : int
        Layers (0 hands the vectors on as they are) and heads in each.
    size : int
        Length of a field's vector after a layer, all heads together.
    residual : bool
        Add a linear map of the field's own vector before the rectifier.
    dropout : float
        Share of attention weights that are dropped while training.
    form : {"paper", "code"}
        "paper": linear projections, plain inner products. "code", as the released program: rectified projections with
        bias, inner products divided by sqrt(size / n_heads), normalisation of a field's vector after each layer.

    Raises
    ------
    ValueError
        If a number is out of range, ``size`` is no multiple of ``n_heads``, or ``form`` is unknown.

    Notes
    -----
    Page ``autoint``, eqs (5) to (8): ``a_mk = softmax_k <W_Q e_m, W_K e_k>``, ``e'_m = ReLU(sum_k a_mk W_V e_k + W_R
    e_m)``, heads side by side. Without a residual the rectifier acts on the sum alone.

    Examples
    --------
    >>> layers = InteractingLayers(16, seeds=[1, 2], n_layers=2, size=32)
    >>> layers(torch.zeros(2, 5, 7, 16)).shape  # members, rows, fields, size
    torch.Size([2, 5, 7, 32])
    """

    def __init__(self, width, seeds, *, n_layers=2, n_heads=2, size=32, residual=True, dropout=0.0, form="paper"):
        super().__init__(seeds, dropout)
        for name, value, least in (("n_layers", n_layers, 0), ("n_heads", n_heads, 1), ("size", size, 1)):
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")
        if size % n_heads:
            raise ValueError(f"size must be a multiple of n_heads, got {size} with {n_heads} heads")
        if form not in ("paper", "code"):
            raise ValueError(f"form must be 'paper' or 'code', got {form!r}")
        self.n_heads, self.size, self.form = n_heads, size, form
        self.kinds = 4 if residual else 3  # queries, keys, values and what a field adds of itself
        self.width_out = size if n_layers else width
        fans = [width, *[size] * (n_layers - 1)][:n_layers]
        self.weights = nn.ParameterList(self.uniform((self.kinds * size, fan), fan) for fan in fans)
        given = fans if form == "code" else ()
        self.biases = nn.ParameterList(self.zeros((1, self.kinds * size, 1)) for _ in given)
        self.gains = nn.ParameterList(nn.Parameter(torch.ones(len(self.seeds), 1, size, 1, 1)) for _ in given)
        self.shifts = nn.ParameterList(self.zeros((1, size, 1, 1)) for _ in given)

    def forward(self, x, seen=None):
        """Vectors (members, rows, fields, width_out); with a list ``seen`` also every layer's attention is put there.

        The attention of a layer has shape (members, rows, heads, fields, fields); each line of it sums to 1.
        """
        if not len(self.weights):
            return x
        members, rows, fields, width = x.shape
        extra = -rows % min(BLOCK, rows)
        x = nn.functional.pad(x, (0, 0, 0, 0, 0, extra)).view(members, -1, min(BLOCK, rows), fields, width)
        x = x.permute(0, 1, 4, 3, 2)  # members, blocks, width, fields, rows: those of a block side by side
        for layer in range(len(self.weights)):
            x, attention = self._layer(x, layer)
            if seen is not None:
                seen.append(attention.permute(0, 1, 5, 2, 3, 4).flatten(1, 2)[:, :rows])
        return x.permute(0, 1, 4, 3, 2).flatten(1, 2)[:, :rows]

    def _layer(self, x, layer):
        members, blocks, width, fields, rows = x.shape
        weight = self.weights[layer][:, None].expand(-1, blocks, -1, -1)
        projected, scale = torch.matmul(weight, x.reshape(members, blocks, width, fields * rows)), 1.0
        if self.form == "code":
            projected = torch.relu_(projected + self.biases[layer])
            scale = 1 / math.sqrt(self.size // self.n_heads)
        projected = projected.view(members * blocks, self.kinds, self.n_heads, -1, fields, rows)
        shape = (members, blocks, self.n_heads, fields, fields, rows)
        kept = self.mask(shape).flatten(0, 1) if self.training and self.dropout else torch.empty(0, 1, 1, 1, 1)
        out, attention = _Attend.apply(projected, kept.to(x.dtype), scale)
        out = out.view(members, blocks, self.size, fields, rows)
        if self.form == "code":
            centred = out - out.mean(2, keepdim=True)
            out = centred * torch.rsqrt(centred.square().mean(2, keepdim=True) + 1e-5)
            out = out * self.gains[layer] + self.shifts[layer]
        return out, attention.view(shape)
