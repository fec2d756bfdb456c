"""Four ways to write an item, on one transformer: a free vector, one token of content, a token sequence, a set."""

import time
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from paperlab.methods.foundations import ranking
from paperlab.methods.recommenders.code_decoder import SlotDecoder
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.interactions import Split
from paperlab.methods.recommenders.item_codes import break_ties
from paperlab.methods.recommenders.item_sets import SetHead, SetTokens
from paperlab.methods.recommenders.new_items import Asked
from paperlab.methods.recommenders.quantisers import residual_kmeans
from paperlab.methods.recommenders.sequence_model import ItemHead, ItemTable, SequenceModel, score_chunks
from paperlab.methods.recommenders.sequence_rows import Rows, training_rows


@dataclass(frozen=True)
class World:
    """What the methods are given.

    Attributes
    ----------
    split : Split
    content : ndarray, shape (n_items, n_features)
    codes : ndarray of int, shape (n_items, n_letters)
        Letters from the content, and a last one that tells twins apart.
    rows : Rows
        Windows into the training parts.
    """

    split: Split
    content: np.ndarray = field(repr=False)
    codes: np.ndarray = field(repr=False)
    rows: Rows = field(repr=False)

    @classmethod
    def of(cls, split, content, *, recent, max_length, n_letters, n_levels, rng):
        """Cut windows and write codes.

        Parameters
        ----------
        split : Split
        content : array_like, shape (n_items, n_features)
        recent : int
            So many last training items of a person are used for training.
        max_length : int
            Longest window; each target is asked for once.
        n_letters, n_levels : int
            Alphabet and length of the residual k-means codes, without the last letter.
        rng : numpy.random.Generator

        Raises
        ------
        ValueError
            If content and split differ in items, or a size is out of range.
        """
        content = np.asarray(content)
        if len(content) != split.train.n_items:
            raise ValueError(f"content must have one row for each of {split.train.n_items} items, got {len(content)}")
        if recent < 2:
            raise ValueError(f"recent must be at least 2, got {recent}; the second is predicted from the first")
        train = split.train
        train = train.where(np.repeat(train.lengths, train.lengths) - train.positions <= recent)
        found = residual_kmeans(content, size=n_letters, n_levels=n_levels, rng=rng).encode(content)
        rows = training_rows(train, max_length, stride=max_length)
        return cls(split, content, break_ties(found, rng=rng), rows)

    @cached_property
    def asked(self):
        """People of the test part, as `new_items.Asked`."""
        return Asked.of(self.split)


@dataclass(frozen=True)
class Design:
    """Sizes that the methods share.

    Attributes
    ----------
    dim, n_blocks, max_length : int
        Width, depth, longest history.
    n_content : int
        Tokens of content in a set.
    n_negatives : int or None
        Items drawn for the softmax, shared by a batch; None: all that are known.
    hidden : int
        Width inside the auto-encoder of the content.
    dropout, alpha : float
        Share dropped; weight of the reconstruction of the content.
    """

    dim: int
    n_blocks: int
    max_length: int
    n_content: int
    n_negatives: int | None
    hidden: int = 128
    dropout: float = 0.2
    alpha: float = 0.7

    def choice(self, world):
        """Settings of the softmax: new items are not in it."""
        drawn = {"loss": "full"} if self.n_negatives is None else {"loss": "sampled", "n_negatives": self.n_negatives}
        return {"allowed": ~world.split.cold, **drawn}

    def model(self, tokens, head, rng, **changes):
        """The transformer around tokens and head."""
        shape = {"max_length": self.max_length, "n_blocks": self.n_blocks, "dropout": self.dropout}
        return SequenceModel(tokens, head, rng=rng, **shape | changes)


def single_id(world, design, *, rng):
    """A free vector for each item, as in SASRec; a new item keeps the vector it was dealt."""
    tokens = ItemTable(world.split.train.n_items, design.dim, rng=rng)
    return design.model(tokens, ItemHead(tokens, rng=rng, **design.choice(world)), rng)


def token_sequence(world, design, *, rng):
    """Letters of a code, one token each; the next item is spelt letter by letter."""
    tokens = CodeTokens(world.codes, design.dim, summed=False, rng=rng)
    return design.model(tokens, SlotDecoder(tokens, hidden=2 * design.dim, rng=rng), rng)


def token_set(world, design, *, collaborative=None, content=None, queries=True, mask="sparse", rng, **changes):
    """A set of tokens for each item (SETRec), or a part of it.

    Parameters
    ----------
    world : World
    design : Design
    collaborative : array_like, shape (n_items, d), optional
        Vectors of `collaborative_vectors`; None: no such token.
    content : array_like, optional
        In the place of the world's; for controls.
    queries : bool
        As in `item_sets.SetHead`.
    mask : {"sparse", "causal", "hybrid"}
    rng : numpy.random.Generator
    **changes
        ``n_content``, ``n_blocks`` in the place of the design's.

    Notes
    -----
    With ``n_content=1`` and no collaborative vectors an item is one token of its content; with ``n_content=0`` one
    token of its collaborative vector.
    """
    n_content = changes.pop("n_content", design.n_content)
    content = (world.content if content is None else content) if n_content else None
    sizes = {"n_content": n_content, "hidden": (design.hidden,), "alpha": design.alpha}
    tokens = SetTokens(design.dim, collaborative=collaborative, content=content, rng=rng, **sizes)
    head = SetHead(tokens, queries=queries, rng=rng, **design.choice(world))
    return design.model(tokens, head, rng, mask=mask, **changes)


def collaborative_vectors(model, cold):
    """Vectors of a trained `single_id`, zero for items that were in no training part, shape (n_items, d)."""
    vectors = model.tokens.weight.detach().numpy().copy()
    vectors[cold] = 0
    return vectors


def decode_seconds(model, states, *, k=10, width=None, repeats=5):
    """Processor time from states to lists of the best k items.

    Parameters
    ----------
    model : SequenceModel
    states : Tensor, shape (n, n_tokens, d)
    k : int
    width : int, optional
        Of a beam search; None: exact scores of all items.
    repeats : int

    Returns
    -------
    ndarray, shape (repeats,)
        Seconds; a first turn, in which code is compiled, does not count.
    """
    seconds = []
    for _ in range(repeats + 1):
        begin = time.process_time()
        if width is None:
            ranking.top_k(score_chunks(model.head, states), len(states), model.tokens.n_items, k)
        else:
            model.head.search(states, width=width, k=k)
        seconds.append(time.process_time() - begin)
    return np.array(seconds[1:])
