"""Pieces of codes as rows of a table of vectors: N-grams, prefixes, SentencePiece, hashed into a given size."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations.resampling import seed_of
from paperlab.methods.recommenders.code_trie import whole_codes

BLOCKS, BLOCK = 9, 4096  # characters U+4000 to U+CFFF: nine different first bytes, 4,096 of each


@dataclass(frozen=True)
class Bag:
    """Rows of a table that each item sums.

    Attributes
    ----------
    indptr : ndarray of int, shape (n_items + 1,)
        The rows of item i are ``rows[indptr[i]:indptr[i + 1]]``.
    rows : ndarray of int
    n_rows : int
        Rows of the table.
    """

    indptr: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    n_rows: int

    @property
    def lengths(self):
        """Look-ups of each item, shape (n_items,)."""
        return np.diff(self.indptr)

    def of(self, items):
        """Rows and offsets of items (n,), two tensors as ``torch.nn.EmbeddingBag`` wants them."""
        import torch

        items = np.asarray(items)
        length = self.lengths[items]
        offsets = np.cumsum(length) - length
        at = np.arange(length.sum()) + np.repeat(self.indptr[items] - offsets, length)
        return torch.from_numpy(self.rows[at]), torch.from_numpy(offsets)


@dataclass(frozen=True)
class Pieces:
    """Pieces of the code of each item, by a number of 64 bits for each different piece.

    Attributes
    ----------
    indptr : ndarray of int, shape (n_items + 1,)
    keys : ndarray of uint64
        Level and letters, mixed: equal pieces at equal levels have equal keys, whatever the other items are.
    """

    indptr: np.ndarray = field(repr=False)
    keys: np.ndarray = field(repr=False)

    @property
    def n_pieces(self):
        """Number of different pieces."""
        return len(np.unique(self.keys))

    def numbered(self):
        """A row of its own for each different piece, as a `Bag`."""
        kinds, rows = np.unique(self.keys, return_inverse=True)
        return Bag(self.indptr, rows.astype(np.int64), len(kinds))

    def hashed(self, n_rows, *, rng):
        """Pieces thrown into ``n_rows`` rows by a hash function drawn by lot, as a `Bag`.

        Parameters
        ----------
        n_rows : int
            At least 1. A piece of an item that comes later falls where an equal one has fallen.
        rng : numpy.random.Generator or int
        """
        if not 1 <= n_rows < 2**32:
            raise ValueError(f"n_rows must lie in 1 to 2^32 - 1, got {n_rows}")
        mixed = _mix(self.keys ^ _mix(np.uint64(seed_of(rng))))
        rows = (mixed >> np.uint64(32)) * np.uint64(n_rows) >> np.uint64(32)
        return Bag(self.indptr, rows.astype(np.int64), int(n_rows))

    def fitted(self, n_rows, *, rng):
        """A row for each different piece where ``n_rows`` are enough, else `hashed` into so many."""
        return self.numbered() if self.n_pieces <= n_rows else self.hashed(n_rows, rng=rng)


def _mix(x):
    """Finaliser of SplitMix64: every bit of the result depends on every bit of x."""
    with np.errstate(over="ignore"):
        x = np.asarray(x, np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def id_pieces(n_items):
    """One piece for each item, the item itself: what random hashing of numbers does."""
    if n_items < 1:
        raise ValueError(f"n_items must be at least 1, got {n_items}")
    return Pieces(np.arange(n_items + 1), _mix(np.arange(n_items)))


def ngram_pieces(codes, n):
    """Groups of ``n`` letters that do not overlap, each with its level; the last may be shorter.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
    n : int
        Letters of a group, at least 1.

    Returns
    -------
    Pieces
    """
    codes = whole_codes(codes)
    if not 1 <= n <= codes.shape[1]:
        raise ValueError(f"n must lie in 1 to the length of the codes, {codes.shape[1]}, got {n}")
    starts = range(0, codes.shape[1], n)
    return _collected(codes, [(start, min(start + n, codes.shape[1])) for start in starts], starts)


def prefix_pieces(codes):
    """All beginnings of a code: its first letter, its first two, ..., all of it; as `Pieces`."""
    codes = whole_codes(codes)
    ends = range(codes.shape[1])
    return _collected(codes, [(0, end + 1) for end in ends], ends)


def _collected(codes, spans, needed):
    """Pieces of spans of levels; there is none where the code has no letter at the level that is needed."""
    keys = np.empty((len(codes), len(spans)), np.uint64)
    for at, (start, stop) in enumerate(spans):
        key = _mix(np.full(len(codes), start * 1000 + stop))
        for level in range(start, stop):
            key = _mix(key ^ (codes[:, level] + 1).astype(np.uint64))
        keys[:, at] = key
    there = codes[:, list(needed)] >= 0
    return Pieces(np.concatenate([[0], np.cumsum(there.sum(1))]), keys[there])


@dataclass(frozen=True)
class SentencePieces:
    """A vocabulary of pieces of codes, learnt from how often they occur.

    Attributes
    ----------
    size : int
        Pieces, a place for unknown ones included; rows of the table.
    sizes : tuple of int
        Letters of each level.
    """

    model: object = field(repr=False)
    size: int
    sizes: tuple

    def encode(self, codes):
        """Most probable pieces of each code, as a `Bag`."""
        return self._bag(codes, self.model.encode)

    def sample(self, codes, *, alpha=0.1, rng):
        """Pieces drawn in proportion to their probability to the power ``alpha``, so that short ones are trained too.

        Parameters
        ----------
        codes : array_like of int, shape (n_items, n_levels)
        alpha : float
            0: all ways to cut are equally likely; large: as `encode`.
        rng : numpy.random.Generator
        """
        import sentencepiece

        if not alpha >= 0:
            raise ValueError(f"alpha must not be negative, got {alpha}")
        sentencepiece.set_random_generator_seed(seed_of(rng))

        def draw(texts):
            drawn = {"enable_sampling": True, "alpha": alpha, "nbest_size": -1}
            return [self.model.encode(text, **drawn) for text in texts]

        with ThreadPoolExecutor(1) as fresh:  # a thread's generator takes the seed once, when it begins
            return self._bag(codes, lambda texts: fresh.submit(draw, texts).result())

    def _bag(self, codes, encode):
        rows = encode(_spelled(whole_codes(codes), self.sizes))
        length = np.array([len(row) for row in rows])
        flat = np.fromiter((piece for row in rows for piece in row), np.int64, int(length.sum()))
        return Bag(np.concatenate([[0], np.cumsum(length)]), flat, self.size)


def _character(letter):
    """Character of a letter; neighbours begin with different bytes.

    SentencePiece looks for pieces among strings of bytes that go on in several ways. If all characters began with the
    same byte, that place would lie inside a character, and the piece would be thrown away.
    """
    return chr((4 + letter % BLOCKS) * BLOCK + letter // BLOCKS)


def _spelled(codes, sizes):
    """Codes as strings: a character for each level and letter."""
    if codes.shape[1] != len(sizes) or (codes.max(0) >= sizes).any():
        raise ValueError(f"codes must have letters below {sizes}, got {tuple(int(letter) for letter in codes.max(0))}")
    starts = (np.cumsum(sizes) - np.asarray(sizes)).tolist()
    return [
        "".join(_character(start + letter) for start, letter in zip(starts, code, strict=True) if letter >= 0)
        for code in codes.tolist()
    ]


def learn_pieces(codes, counts, *, size, sizes=None, rng, n_sentences=60_000):
    """Learn a vocabulary of pieces (SentencePiece, unigram model) from codes as they occur.

    Parameters
    ----------
    codes : array_like of int, shape (n_items, n_levels)
    counts : array_like, shape (n_items,)
        How often each item occurs, e.g. impressions of the training days; items with 0 teach nothing.
    size : int
        Pieces, at least one for each letter of each level and one for unknown ones. Fewer are learnt where codes have
        no more.
    sizes : sequence of int, optional
        Letters of each level; default one more than the largest used.
    rng : numpy.random.Generator
        For the draw of occurrences.
    n_sentences : int
        Occurrences drawn where there are more: a piece's share is what counts.

    Returns
    -------
    SentencePieces

    Raises
    ------
    ValueError
        If counts are negative or all zero, or the size cannot hold all letters.

    Notes
    -----
    Page ``semantic_ids_ranking``. A letter at a level is a character of its own, so that pieces know their place; each
    is shown once alone, so that none is unknown.
    """
    import io

    import sentencepiece

    codes = whole_codes(codes)
    counts = np.asarray(counts, float)
    sizes = codes.max(0) + 1 if sizes is None else np.asarray(sizes)
    sizes = tuple(int(each) for each in sizes)
    if sum(sizes) > BLOCKS * BLOCK:
        raise ValueError(f"sizes must sum to at most {BLOCKS * BLOCK}, got {sum(sizes)}")
    texts = _spelled(codes, sizes)
    if counts.shape != (len(codes),) or not np.isfinite(counts).all() or counts.min() < 0 or not counts.sum():
        raise ValueError(f"counts must be numbers from 0, one for each of {len(codes)} items and not all 0")
    if size <= sum(sizes):
        raise ValueError(f"size must exceed the {sum(sizes)} letters of all levels, got {size}")
    if counts.sum() > n_sentences:
        counts = rng.multinomial(n_sentences, counts / counts.sum())
    sentences = rng.permutation(np.repeat(np.arange(len(codes)), counts.astype(np.int64)))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=itertools.chain((texts[item] for item in sentences), map(_character, range(sum(sizes)))),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        max_sentencepiece_length=codes.shape[1],
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        split_by_unicode_script=False,
        split_by_whitespace=False,
        split_by_number=False,
        bos_id=-1,
        eos_id=-1,
        num_threads=1,
        minloglevel=2,
    )
    found = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return SentencePieces(found, found.get_piece_size(), sizes)
