"""A model of product texts that is trained in some shops and asked in others, and the rivals of the other shop."""

import copy
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations import ranking
from paperlab.methods.foundations.checks import finite
from paperlab.methods.recommenders.code_decoder import BlockDecoder
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.copying import had_before
from paperlab.methods.recommenders.interactions import Interactions, leave_last_out
from paperlab.methods.recommenders.item_content import unit_rows
from paperlab.methods.recommenders.quantisers import fsq_values
from paperlab.methods.recommenders.sequence_fit import fit
from paperlab.methods.recommenders.sequence_layers import evaluating
from paperlab.methods.recommenders.sequence_model import ItemHead, ItemTable, SequenceModel, rank
from paperlab.methods.recommenders.sequence_rows import training_rows

TIE = 1e-4  # weight of the cosine beside log probabilities: it orders products of one code


@dataclass(frozen=True)
class Catalogue:
    """Products of a shop as a model of texts sees them.

    Attributes
    ----------
    vectors : ndarray, shape (n_items, n_features)
        Texts.
    codes : ndarray of int, shape (n_items, n_chunks)
    """

    vectors: np.ndarray = field(repr=False)
    codes: np.ndarray = field(repr=False)

    def chunks(self):
        """What the letters round off, shape (n_items, n_chunks, n_features / n_chunks)."""
        n_items, n_chunks = self.codes.shape
        return self.vectors.reshape(n_items, n_chunks, -1)

    @classmethod
    def of(cls, vectors, coder):
        """Write the codes of texts with a fitted quantiser; names a text that is not finite."""
        vectors = finite("vectors", vectors)
        return cls(vectors, coder.encode(vectors))

    def with_lots(self, size, *, rng):
        """The same products with letters dealt by lot among ``size``, for a control."""
        return Catalogue(self.vectors, rng.integers(size, size=self.codes.shape))


def joined(catalogues):
    """Catalogues one after another, as `shopping_worlds.pooled` numbers the items."""
    return Catalogue(*(np.concatenate([getattr(each, name) for each in catalogues]) for name in ("vectors", "codes")))


def text_model(catalogue, *, size, dim, max_length, n_blocks, hidden=None, mask="hybrid", aux=True, dropout=0.0, rng):  # noqa: PLR0913 - the settings of one architecture
    """RecGPT: letters and what they round off below, all letters of the next item above, hybrid attention between.

    Parameters
    ----------
    catalogue : Catalogue
        Of the shops to train in.
    size : int
        Letters of a chunk, those that no product has included.
    dim, max_length, n_blocks, hidden : int
        As in `SequenceModel`.
    mask : {"hybrid", "causal"}
    aux : bool
        Whether the chunk itself is added to its letter.
    dropout : float
    rng : numpy.random.Generator

    Returns
    -------
    SequenceModel
        Position (t, k) predicts letter k of item t + 1.
    """
    sizes, extra = np.full(catalogue.codes.shape[1], size), catalogue.chunks() if aux else None
    tokens = CodeTokens(catalogue.codes, dim, sizes=sizes, summed=False, extra=extra, rng=rng)
    head = BlockDecoder(tokens, rng=rng)
    shape = {"max_length": max_length, "n_blocks": n_blocks, "mask": mask, "dropout": dropout, "hidden": hidden}
    return SequenceModel(tokens, head, rng=rng, **shape)


def carried(model, catalogue):
    """The same trained model with another shop's catalogue; the given one is left as it is."""
    moved = copy.deepcopy(model)
    moved.tokens.set_catalogue(catalogue.codes, None if moved.tokens.project is None else catalogue.chunks())
    return moved


@dataclass(frozen=True)
class Question:
    """People of a shop, what they have had, and what they bought next.

    Attributes
    ----------
    seen, wanted : Interactions
        Same users; one item wanted of each.
    """

    seen: Interactions
    wanted: Interactions

    @classmethod
    def of(cls, table):
        """The last item of every history against those before it; each needs two items."""
        if (table.lengths < 2).any():
            raise ValueError(
                f"table must have two items or more of each user, got {table.lengths.min()} of user "
                f"{int(np.argmin(table.lengths))}; leave such users out"
            )
        split = leave_last_out(table)
        return cls(split.seen, split.test)

    def cut(self, most, *, rng):
        """The same with histories cut to the last 1 to ``most`` items, the number drawn by lot for each person."""
        if most < 1:
            raise ValueError(f"most must be at least 1, got {most}; a history without items predicts nothing")
        kept = rng.integers(1, most + 1, size=self.seen.n_users)
        left = np.repeat(self.seen.lengths, self.seen.lengths) - self.seen.positions
        return Question(self.seen.where(left <= np.repeat(kept, self.seen.lengths)), self.wanted)

    def of_users(self, users):
        """The same for some of the people."""
        return Question(self.seen.take(users), self.wanted.take(users))

    def fresh(self):
        """The same for the people whose wanted item is not in their history."""
        return self.of_users(np.flatnonzero(~had_before(self.seen, self.wanted)))

    @property
    def last(self):
        """Last item of every history, shape (n_users,)."""
        return self.seen.items[self.seen.indptr[1:] - 1]

    def lists(self, score, k=10):
        """The best k items that a person has not had, shape (n_users, k), by ``score(start, stop)`` as in `top_k`."""
        barred = self.seen.indptr, self.seen.items
        return ranking.top_k(score, self.seen.n_users, self.seen.n_items, k, barred=barred)

    def hits(self, top):
        """1 for every person whose wanted item stands in the list, shape (n_users,)."""
        return ranking.judge(top, self.wanted.indptr, self.wanted.items).hit

    def hit_rate(self, score, k=10):
        """`hits` of the lists of ``score``."""
        return self.hits(self.lists(score, k))

    def by_chance(self, k=10):
        """Chance that k items by lot, of those not had, hold the wanted one, shape (n_users,)."""
        return np.minimum(k / (self.seen.n_items - self.seen.lengths), 1)


def text_scores(model, catalogue, question, *, ties=True):
    """Scores of all products for `Question.lists`: log probabilities of their codes.

    Parameters
    ----------
    model : SequenceModel
        With the catalogue of the shop that is asked, see `carried`.
    catalogue : Catalogue
    question : Question
    ties : bool
        Whether products of one code are ordered by the cosine of their text with the last item; else by number.
    """
    states, near = model.last_states(question.seen), neighbour_scores(catalogue.vectors, question.last)

    def score(start, stop):
        with evaluating(model.head):
            found = model.head.scores(states[start:stop]).numpy()
        return found + TIE * near(start, stop) if ties else found

    return score


def free_scores(model, question, levels):
    """Scores without a trie: nearness to the most probable letters, taken freely.

    Parameters
    ----------
    model : SequenceModel
    question : Question
    levels : sequence of int
        Of the finite scalar quantiser; letters are near where the numbers that they stand for are.

    Returns
    -------
    score : callable
        For `Question.lists`.
    real : float
        Share of the strings of letters that a product has.
    """
    states = model.last_states(question.seen)
    letters = model.head.greedy(states)
    real = float((model.tokens.trie.find(letters) >= 0).mean())
    codes = model.tokens.codes.numpy()
    ours, theirs = (fsq_values(each, levels).reshape(len(each), -1).astype(np.float32) for each in (letters, codes))
    squares = (theirs**2).sum(1)
    return lambda start, stop: 2 * ours[start:stop] @ theirs.T - squares, real


def neighbour_scores(vectors, last):
    """Cosines of all products' texts with that of a person's last one."""
    vectors = unit_rows(np.asarray(vectors, float)).astype(np.float32)
    return lambda start, stop: vectors[last[start:stop]] @ vectors.T


def popular_scores(counts):
    """The same scores for everybody: how often products were bought."""
    counts = np.asarray(counts, np.float32)
    return lambda start, stop: np.broadcast_to(counts, (stop - start, len(counts)))


def few_shot(table, *, dim, max_length, n_blocks, epochs, learning_rate=3e-3, batch_size=32, dropout=0.2, rng):  # noqa: PLR0913 - settings
    """SASRec with a free vector for each item, trained on some people of the new shop.

    Parameters
    ----------
    table : Interactions
        Of these people. Their last items are not trained on; the passes are the best, of every fifth, on them.
    dim, max_length, n_blocks, epochs : int
        Passes: at most so many.
    learning_rate, batch_size, dropout
        Of the training.
    rng : numpy.random.Generator

    Returns
    -------
    SequenceModel
    """
    tokens = ItemTable(table.n_items, dim, rng=rng)
    shape = {"max_length": max_length, "n_blocks": n_blocks, "dropout": dropout}
    model = SequenceModel(tokens, ItemHead(tokens, rng=rng), rng=rng, **shape)
    early = Question.of(table)

    def judge(now):
        return rank(now, early.seen, early.wanted, barred=early.seen).ndcg.mean()

    settings = {"batch_size": batch_size, "learning_rate": learning_rate, "every": 5, "patience": 2}
    fit(model, training_rows(early.seen, max_length), epochs=epochs, rng=rng, judge=judge, **settings)
    return model


def heldout_loss(model, table, max_length, *, batch_size=256):
    """Mean cross-entropy per letter over all next items of histories, in nats; nothing is dropped."""
    rows, total = training_rows(table, max_length), 0.0
    with evaluating(model):
        for start in range(0, len(rows), batch_size):
            batch = rows.batch(np.arange(start, min(start + batch_size, len(rows))))
            total += float(model.loss(batch)) * len(batch.items)
    return total / rows.n_targets
