"""Models of the click: an embedding of every field, and parts that turn the embedded fields into a logit.

All models are sums of parts on one embedding, and all are stacked: the weights of several members (seeds, splits) carry
a leading axis, so that one step trains them all and none sees another. `click_model` puts the known ones together by
name; a part of one's own goes in with `ClickModel`.
"""

import itertools

import torch
from torch import nn

from paperlab.methods.recommenders.attention import InteractingLayers
from paperlab.methods.recommenders.stacks import Stack


class FieldEmbedding(Stack):
    """Vectors of all fields: of the value, the mean of several values, or the number times the field's vector.

    Parameters
    ----------
    fields : Fields
        Numbered table; only its shape is used.
    width : int
        Length d of a vector.
    seeds : sequence of int
        One for each member.
    scale : float
        Standard deviation of the normal start.
    mask : array_like, shape (n_values, d), optional
        Multiplies the table: zeros give narrow values to a wide table.
    dropout : float
        Share of the vectors' entries dropped while training.

    Notes
    -----
    Page ``autoint``, eqs (2) to (4).
    """

    def __init__(self, fields, width, seeds, *, scale=0.1, mask=None, dropout=0.0):
        super().__init__(seeds, dropout)
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.n_before, self.n_values = fields.n_listed_before, fields.n_values
        self.listed_sizes = fields.listed_sizes
        self.table = self.normal((fields.n_values, width), scale)
        if mask is not None:
            mask = torch.as_tensor(mask, dtype=torch.float32)
            if mask.shape != (fields.n_values, width):
                raise ValueError(f"mask must have shape {(fields.n_values, width)}, got {tuple(mask.shape)}")
        self.register_buffer("open", mask)

    def forward(self, batch):
        """Vectors (members, rows, fields, d) of a batch of codes, shares and numbers, (members, rows, ...) each."""
        codes, shares, numbers = batch
        table = self.table if self.open is None else self.table * self.open
        members, n_values, width = table.shape
        shift = (torch.arange(members) * n_values)[:, None, None]
        pieces = [nn.functional.embedding(codes + shift, table.reshape(-1, width))]
        at, start = self.n_before, 0
        for size in self.listed_sizes:
            mean = torch.bmm(shares[..., start : start + size], table[:, at : at + size])
            pieces.append(mean[:, :, None])
            at, start = at + size, start + size
        if numbers.shape[-1]:
            pieces.append(numbers[..., None] * table[:, None, at:])
        return torch.cat(pieces, 2)


def read_out(x, weight):
    """Linear map of all entries of every row to one number: (members, rows) from (members, rows, ...)."""
    return torch.bmm(x.flatten(2), weight)[..., 0]


def pair_sum(x):
    """Half of square of sum minus sum of squares over the fields: all products of two fields, shape (..., d)."""
    return 0.5 * (x.sum(-2) ** 2 - (x**2).sum(-2))


class Pairs(Stack):
    """Factorisation machine: sum of the inner products of all pairs of fields."""

    def forward(self, x):
        """Logits (members, rows)."""
        return pair_sum(x).sum(-1)


class Attention(Stack):
    """AutoInt: interacting layers, then a linear map of all that they give; without a layer, of the vectors themselves.

    Notes
    -----
    Page ``autoint``, eqs (5) to (10).
    """

    def __init__(self, n_fields, width, seeds, *, n_layers=2, n_heads=2, size=32, residual=True, dropout=0.0, **form):
        super().__init__(seeds)
        options = {"n_layers": n_layers, "n_heads": n_heads, "size": size, "residual": residual, "dropout": dropout}
        self.layers = InteractingLayers(width, seeds, **options, **form)
        self.out = self.uniform((n_fields * self.layers.width_out, 1), n_fields * self.layers.width_out)

    def forward(self, x):
        """Logits (members, rows)."""
        return read_out(self.layers(x), self.out)


class Deep(Stack):
    """Feed-forward network on all entries; with ``pool`` on the products of all pairs (NFM)."""

    def __init__(self, n_inputs, seeds, *, hidden=(400, 400), dropout=0.0, pool=False):
        super().__init__(seeds, dropout)
        self.pool = pool
        sizes = [n_inputs, *hidden]
        self.weights = nn.ParameterList(self.uniform(pair, pair[0]) for pair in itertools.pairwise(sizes))
        self.biases = nn.ParameterList(self.zeros((1, size)) for size in hidden)
        self.out = self.uniform((sizes[-1], 1), sizes[-1])

    def forward(self, x):
        """Logits (members, rows)."""
        x = pair_sum(x) if self.pool else x.flatten(2)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = self.drop(torch.relu(torch.baddbmm(bias, x, weight)))
        return read_out(x, self.out)


class Cross(Stack):
    """Cross network: x_{l+1} = x_0 <w_l, x_l> + b_l + x_l on all entries."""

    def __init__(self, n_inputs, seeds, *, n_layers=3):
        super().__init__(seeds)
        self.weights = nn.ParameterList(self.uniform((n_inputs, 1), n_inputs) for _ in range(n_layers))
        self.biases = nn.ParameterList(self.zeros((1, n_inputs)) for _ in range(n_layers))
        self.out = self.uniform((n_inputs, 1), n_inputs)

    def forward(self, x):
        """Logits (members, rows)."""
        first = x = x.flatten(2)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = first * torch.bmm(x, weight) + bias + x
        return read_out(x, self.out)


class CompressedProducts(Stack):
    """CIN: maps of products of a layer's maps with the fields, entry by entry; their sums give the logit.

    Notes
    -----
    ``X_h = sum_{i,j} W_hij (X_i * E_j)`` with the fields E and the maps X of the layer before; the activation is the
    identity, as its authors found best.
    """

    def __init__(self, n_fields, seeds, *, maps=(32, 32)):
        super().__init__(seeds)
        sizes = [n_fields, *maps]
        pairs = [(n_fields * before, after) for before, after in itertools.pairwise(sizes)]
        self.weights = nn.ParameterList(self.uniform(pair, pair[0]) for pair in pairs)
        self.out = self.uniform((sum(maps), 1), sum(maps))

    def forward(self, x):
        """Logits (members, rows)."""
        members, rows, n_fields, width = x.shape
        fields = x.transpose(2, 3).reshape(members, rows * width, n_fields)  # one line for each row and entry
        maps, sums = fields, []
        for weight in self.weights:
            products = (maps[..., :, None] * fields[..., None, :]).flatten(2)
            maps = torch.bmm(products, weight)
            sums.append(maps.view(members, rows, width, -1).sum(2))
        return read_out(torch.cat(sums, 2), self.out)


class AttentivePairs(Stack):
    """AFM: products of pairs, weighted by a small network of their own."""

    def __init__(self, n_fields, width, seeds, *, size=16, dropout=0.0):
        super().__init__(seeds, dropout)
        self.first, self.second = torch.triu_indices(n_fields, n_fields, 1)
        self.weight, self.bias = self.uniform((width, size), width), self.zeros((1, size))
        self.score, self.out = self.uniform((size, 1), size), self.uniform((width, 1), width)

    def forward(self, x):
        """Logits (members, rows)."""
        products = x[:, :, self.first] * x[:, :, self.second]
        members, rows, pairs, width = products.shape
        hidden = torch.relu(torch.baddbmm(self.bias, products.reshape(members, -1, width), self.weight))
        weights = torch.softmax(torch.bmm(hidden, self.score).view(members, rows, pairs), 2)
        return torch.bmm(self.drop((weights[..., None] * products).sum(2)), self.out)[..., 0]


class ClickModel(nn.Module):
    """Logit of a click: intercept, linear term if asked for, and the sum of parts on the embedded fields.

    Parameters
    ----------
    embedding : FieldEmbedding or None
        None with parts empty.
    parts : sequence of Stack
        Each gives logits (members, rows) from vectors (members, rows, fields, d).
    linear : FieldEmbedding of width 1, optional
        Weight of every value.
    """

    def __init__(self, embedding, parts, *, linear=None):
        super().__init__()
        if linear is None and not parts:
            raise ValueError("parts is empty and linear is None: there is nothing to predict with")
        self.embedding, self.parts, self.linear = embedding, nn.ModuleList(parts), linear
        self.seeds = (embedding or linear).seeds
        self.intercept = nn.Parameter(torch.zeros(len(self.seeds), 1))

    def forward(self, batch):
        """Logits (members, rows)."""
        logit = self.intercept
        if self.linear is not None:
            logit = logit + self.linear(batch).sum((2, 3))
        if len(self.parts):
            vectors = self.embedding.drop(self.embedding(batch))
            for part in self.parts:
                logit = logit + part(vectors)
        return logit

    def restart_dropout(self):
        """Put every part's generators back to their start."""
        for module in self.modules():
            if isinstance(module, Stack):
                module.restart()

    def n_weights(self):
        """Numbers that one member learns beside its embeddings (the linear term is an embedding)."""
        tables = ("embedding.", "linear.")
        return sum(each[0].numel() for name, each in self.named_parameters() if not name.startswith(tables))


PARTS = {  # what each model is the sum of; "linear" is the weight of every value
    "LR": ("linear",),
    "FM": ("linear", "pairs"),
    "AFM": ("linear", "attentive pairs"),
    "NFM": ("linear", "pooled deep"),
    "CrossNet": ("cross",),
    "CIN": ("products",),
    "AutoInt": ("attention",),
    "AutoInt+": ("attention", "deep"),
    "Wide&Deep": ("linear", "deep"),
    "DeepFM": ("linear", "pairs", "deep"),
    "Deep&Cross": ("cross", "deep"),
    "xDeepFM": ("linear", "products", "deep"),
}


def click_model(name, fields, seeds, *, width=16, scale=0.1, dropout=0.0, mask=None, **options):
    """A known model of the click.

    Parameters
    ----------
    name : str
        One of `PARTS`.
    fields : Fields
        Numbered table; only its shape is used.
    seeds : sequence of int
        One for each member.
    width : int
        Length d of a field's vector.
    scale : float
        Standard deviation of the vectors' start; the linear term starts at zero.
    dropout : float
        Share of the vectors' entries dropped while training.
    mask : array_like, shape (n_values, width), optional
        As in `FieldEmbedding`.
    **options
        By part: ``attention`` (dict for `Attention`), ``deep`` (for `Deep`, pooled or not), ``products``, ``cross``,
        ``attentive_pairs``; each a dict of that class's keyword arguments.

    Returns
    -------
    ClickModel

    Raises
    ------
    ValueError
        If the name or an option is unknown, or a number is out of range.

    Examples
    --------
    >>> click_model("AutoInt", criteo, [0], attention={"n_layers": 3, "size": 64}).n_weights()  # doctest: +SKIP
    39361
    """
    if name not in PARTS:
        raise ValueError(f"name must be one of {', '.join(PARTS)}, got {name!r}")
    known = {"attention", "deep", "products", "cross", "attentive_pairs"}
    if set(options) - known:
        raise ValueError(f"options must be among {', '.join(sorted(known))}, got {', '.join(sorted(options))}")
    m = fields.n_fields
    builders = {
        "pairs": lambda: Pairs(seeds),
        "attentive pairs": lambda: AttentivePairs(m, width, seeds, **options.get("attentive_pairs", {})),
        "pooled deep": lambda: Deep(width, seeds, pool=True, **options.get("deep", {})),
        "deep": lambda: Deep(m * width, seeds, **options.get("deep", {})),
        "cross": lambda: Cross(m * width, seeds, **options.get("cross", {})),
        "products": lambda: CompressedProducts(m, seeds, **options.get("products", {})),
        "attention": lambda: Attention(m, width, seeds, **options.get("attention", {})),
    }
    parts = [builders[part]() for part in PARTS[name] if part != "linear"]
    linear = FieldEmbedding(fields, 1, seeds, scale=0.0) if "linear" in PARTS[name] else None
    embedding = None
    if parts:
        embedding = FieldEmbedding(fields, width, seeds, scale=scale, mask=mask, dropout=dropout)
    return ClickModel(embedding, parts, linear=linear)
