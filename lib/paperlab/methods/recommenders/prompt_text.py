"""Prompts and names as numbers: groups of letters as vectors, pieces of words as codes; sparse retrieval of items."""

import re
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from paperlab.methods.foundations.resampling import seed_of

END = 0
"""Letter that ends a name."""


@dataclass(frozen=True)
class LetterGroups:
    """Weighted counts of groups of letters, and directions that sum them up; see `letter_groups`."""

    weigh: object = field(repr=False)
    reduce: object = field(repr=False)

    def counts(self, texts):
        """Weighted counts, rows of length one, sparse of shape (n, n_groups); zero where no group is known."""
        found = self.weigh.transform(texts)
        unknown = np.diff(found.indptr) == 0
        if unknown.any():
            first = texts[int(np.argmax(unknown))]
            warnings.warn(
                f"{int(unknown.sum())} of {len(unknown)} texts have no known group of letters, the first is {first!r}; "
                "their vectors are zero, so that whatever reads them answers without a prompt",
                stacklevel=2,
            )
        return found

    def vectors(self, texts):
        """Vectors of texts, float32 of shape (n, dim)."""
        return self.reduce.transform(self.counts(texts)).astype(np.float32)


def letter_groups(texts, *, dim, rng, min_texts=2):
    """Fit vectors of texts: groups of two to four letters inside words, weighted by rarity, reduced by an SVD.

    Parameters
    ----------
    texts : sequence of str
        Prompts of the training.
    dim : int
        Numbers of a vector, below the number of groups and of texts.
    rng : numpy.random.Generator
        Start of the decomposition.
    min_texts : int
        Groups of fewer texts are dropped.

    Returns
    -------
    LetterGroups

    Raises
    ------
    ValueError
        If ``dim`` is too large.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=min_texts, sublinear_tf=True)
    table = weigh.fit_transform(texts)
    if not 1 <= dim < min(table.shape):
        raise ValueError(
            f"dim must be at least 1 and below the {table.shape[1]} groups of {min_texts} or more texts and the "
            f"{table.shape[0]} texts, got {dim}"
        )
    return LetterGroups(weigh, TruncatedSVD(dim, random_state=seed_of(rng)).fit(table))


@dataclass(frozen=True)
class Pieces:
    """Frequent words whole, others cut in frequent pairs of letters, the rest in letters.

    Attributes
    ----------
    number : dict
        Number of each piece, from 1; 0 ends a text. A piece that begins a word begins with a blank.
    """

    number: dict = field(repr=False)

    @classmethod
    def of(cls, texts, *, n_words, n_pairs=None):
        """Learn the most frequent words, then the most frequent pairs of letters of the other words, then letters.

        Parameters
        ----------
        texts : sequence of str
        n_words : int
            Words kept whole; equally frequent ones in the order of the alphabet. From 0.
        n_pairs : int, optional
            Pairs kept; what is left of the words is cut in single letters. Default all.
        """
        if n_words < 0 or (n_pairs is not None and n_pairs < 0):
            raise ValueError(f"n_words and n_pairs must not be negative, got {n_words} and {n_pairs}")
        counts, pairs, letters = Counter(word for text in texts for word in text.split()), Counter(), Counter()
        whole = [f" {word}" for word in _first(counts, n_words)]
        for word, count in counts.items():
            if f" {word}" not in set(whole):
                pairs.update(dict.fromkeys(_pairs(word), count))
        kept = _first(pairs, n_pairs)
        for pair, count in pairs.items():
            if pair not in set(kept):
                letters.update(dict.fromkeys(_letters(pair), count))
        pieces = dict.fromkeys(whole + kept + _first(letters, None))
        return cls({piece: place + 1 for place, piece in enumerate(pieces)})

    def __len__(self):
        return len(self.number) + 1

    def split(self, text):
        """Pieces of a text; letters that are not known are left out."""
        found = []
        for word in text.split():
            if f" {word}" in self.number:
                found.append(f" {word}")
                continue
            for pair in _pairs(word):
                found += [pair] if pair in self.number else _letters(pair)
        return [piece for piece in found if piece in self.number]

    def codes(self, texts, *, max_length):
        """Numbers of the pieces of texts, an end behind each, shape (n, max_length + 1) or less; -1 behind the end.

        Parameters
        ----------
        texts : sequence of str
        max_length : int
            Pieces of a text, at least 1; what is longer is cut.
        """
        if max_length < 1:
            raise ValueError(f"max_length must be at least 1, got {max_length}")
        rows = [[self.number[piece] for piece in self.split(text)[:max_length]] + [END] for text in texts]
        codes = np.full((len(rows), max(map(len, rows))), -1)
        for place, row in enumerate(rows):
            codes[place, : len(row)] = row
        return codes


def _pairs(word):
    """A word in pairs of letters, a blank before the first."""
    marked = f" {word[:2]}"
    return [marked] + [word[start : start + 2] for start in range(2, len(word), 2)]


def _letters(pair):
    """A pair in letters, a blank before the first of a word."""
    return [pair[:2], *pair[2:]] if pair[0] == " " else list(pair)


def _first(counts, n):
    """The n most frequent, equally frequent ones in the order of the alphabet."""
    return [each for each, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:n]]


def words(text):
    """Words of a text, for sparse retrieval.

    Examples
    --------
    >>> words("Rock'n'roll of the 60s")
    ['rock', 'n', 'roll', 'of', 'the', '60s']
    """
    return re.findall(r"[^\W_]+", text.lower())


@dataclass(frozen=True)
class BM25:
    """Weights of words in documents; see `bm25`.

    Attributes
    ----------
    weights : csr_matrix, shape (n_documents, n_words)
    """

    weights: sparse.csr_matrix = field(repr=False)
    vocabulary: dict = field(repr=False)

    def scores(self, queries):
        """Scores of all documents after each query, shape (n_queries, n_documents); 0 where no word is shared."""
        rows, columns = [], []
        for row, query in enumerate(queries):
            known = [self.vocabulary[word] for word in words(query) if word in self.vocabulary]
            rows += [row] * len(known)
            columns += known
        asked = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(queries), self.weights.shape[1]))
        return (asked @ self.weights.T).toarray()


def bm25(documents, *, k1=1.2, b=0.75):
    """Sparse retrieval: documents that share rare words with a query come first.

    Parameters
    ----------
    documents : sequence of str
    k1 : float
        How slowly further occurrences of a word cease to count.
    b : float
        Share of the length of a document that is made up for, in [0, 1].

    Returns
    -------
    BM25

    Raises
    ------
    ValueError
        If there is no word, or a setting is out of range.

    Notes
    -----
    Weight of a word that occurs f times in a document of length d, mean length D, and in m of n documents:
    ``log(1 + (n - m + 1/2) / (m + 1/2)) f (k1 + 1) / (f + k1 (1 - b + b d / D))`` (Robertson and Zaragoza 2009).
    """
    if not k1 >= 0 or not 0 <= b <= 1:
        raise ValueError(f"k1 must not be negative and b must lie in [0, 1], got {k1} and {b}")
    found = [Counter(words(document)) for document in documents]
    vocabulary = {word: place for place, word in enumerate(sorted(set().union(*found)))} if found else {}
    if not vocabulary:
        raise ValueError("documents must hold at least one word, got none")
    lengths = np.array([sum(each.values()) for each in found], float)
    rows = np.repeat(np.arange(len(found)), [len(each) for each in found])
    columns = np.array([vocabulary[word] for each in found for word in each])
    times = np.array([count for each in found for count in each.values()], float)
    m = np.bincount(columns, minlength=len(vocabulary))
    rarity = np.log1p((len(found) - m + 0.5) / (m + 0.5))
    fullness = times * (k1 + 1) / (times + k1 * (1 - b + b * lengths[rows] / lengths.mean()))
    return BM25(sparse.csr_matrix((rarity[columns] * fullness, (rows, columns)), (len(found), len(m))), vocabulary)
