"""Texts of real products as vectors, by an encoder that sees training shops only; histories from rows of a split."""

from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.foundations.resampling import seed_of
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.item_content import unit_rows


@dataclass(frozen=True)
class TextEncoder:
    """Weighted pieces of words, reduced and turned.

    Attributes
    ----------
    weigh : TfidfVectorizer
    directions : ndarray, shape (n_pieces, dim)
        Of the decomposition, after the rotation.
    share : float
        Share of the variance of the training texts that is kept.
    """

    weigh: object = field(repr=False)
    directions: np.ndarray = field(repr=False)
    share: float

    def encode(self, texts):
        """Vectors of texts, shape (n, dim), each of length sqrt(dim); zero for a text without a known piece."""
        found = self.weigh.transform([str(text) for text in texts]) @ self.directions
        return unit_rows(found) * np.sqrt(self.directions.shape[1])


def fit_texts(texts, *, dim, rng, min_texts=3, max_pieces=60_000):
    """Learn which pieces of words go together in some texts.

    Parameters
    ----------
    texts : sequence of str
        Of the training shops; texts of a shop that is to be new must not be among them.
    dim : int
        Numbers of a vector.
    rng : numpy.random.Generator
        Start of the decomposition, and the rotation.
    min_texts, max_pieces : int
        Pieces of fewer texts are dropped; at most so many are kept, the most frequent.

    Returns
    -------
    TextEncoder

    Raises
    ------
    ValueError
        If there are fewer different texts or pieces than dimensions, or a text is empty (names it).

    Notes
    -----
    Pieces of three to five letters inside words; weights as in `item_content.describe`, with logarithms of counts. A
    rotation by lot spreads the variance over all numbers, so that chunks are alike, as those of a language model are.

    Examples
    --------
    >>> texts = ["steel drill", "steel drill bit", "wooden box", "wooden chest", "steel box", "drill chest"] * 3
    >>> found = fit_texts(texts, dim=4, rng=np.random.default_rng(0)).encode(["steel drills", "wooden boxes"])
    >>> (found**2).sum(1).round(6)
    array([4., 4.])
    """
    from scipy.stats import ortho_group
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [str(text) for text in texts]
    for row, text in enumerate(texts):
        if not text.strip():
            raise ValueError(f"texts must not be empty, got {text!r} in row {row}; leave such products out")
    weigh = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), min_df=min_texts, max_features=max_pieces, sublinear_tf=True
    )
    table = weigh.fit_transform(texts)
    if not 2 <= dim < min(table.shape[1], len(set(texts))):
        raise ValueError(
            f"dim must be at least 2 and below the {table.shape[1]} pieces and the {len(set(texts))} different texts, "
            f"got {dim}"
        )
    reduce = TruncatedSVD(dim, n_iter=5, random_state=seed_of(rng)).fit(table)
    turn = ortho_group.rvs(dim, random_state=rng)
    return TextEncoder(weigh, reduce.components_.T @ turn, float(reduce.explained_variance_ratio_.sum()))


def chained(rows, n_items):
    """Histories of users from rows of a split by time: the first row's history, then every row's target.

    Parameters
    ----------
    rows : DataFrame
        Columns user, history (list of items, the latest last), target; rows of a user in time order.
    n_items : int

    Returns
    -------
    Interactions
        Users in the order of their first row.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"user": ["a", "b", "a"], "history": [[0, 1], [3], [0, 1, 2]], "target": [2, 1, 3]})
    >>> chained(rows, 4).of(0)
    array([0, 1, 2, 3])
    """
    listed = {}
    for user, history, target in zip(rows["user"], rows["history"], rows["target"], strict=True):
        listed.setdefault(user, [int(item) for item in history]).append(int(target))
    lengths = [len(items) for items in listed.values()]
    items = np.concatenate([np.array(items) for items in listed.values()])
    if items.max() >= n_items or items.min() < 0:
        raise ValueError(f"rows must name items from 0 to n_items - 1 = {n_items - 1}, got {items.max()}")
    return Interactions(np.concatenate([[0], np.cumsum(lengths)]), items, n_items)


def latest(table, n):
    """The last ``n`` items of every history."""
    left = np.repeat(table.lengths, table.lengths) - table.positions
    return table.where(left <= n)
