"""How far a code is disentangled: read-outs, DCI, the FactorVAE score, and swaps judged by an independent reader.

Codes are arrays (n, p), labels arrays (n, F) of any labels, groups a list of column lists: the subspaces of the code.
The information may sit in a direction and not in a coordinate, so every score standardises the coordinates first.
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from paperlab.methods.foundations.checks import codes as numbers_of
from paperlab.methods.foundations.checks import finite
from paperlab.methods.foundations.nets import StackedMLP, train

DEAD = 0.05  # standard deviation below which a coordinate carries nothing, in units of the prior's


def _pair(codes, labels, varying=True):
    """Codes (n, p) as floats and labels (n, F), none of them missing and, if asked for, none constant."""
    codes, labels = finite("codes", codes), np.asarray(labels)
    if codes.ndim != 2 or labels.ndim != 2 or len(codes) != len(labels):
        raise ValueError(f"codes (n, p) and labels (n, F) must have the same n, got {codes.shape} and {labels.shape}")
    kinds = [numbers_of(f"labels of factor {j}", column).max() for j, column in enumerate(labels.T)]
    if varying and 0 in kinds:
        raise ValueError(f"labels: factor {kinds.index(0)} is constant; drop the column")
    return codes, labels


def _four(train_codes, train_labels, test_codes, test_labels):
    train, test = _pair(train_codes, train_labels), _pair(test_codes, test_labels, varying=False)
    if train[0].shape[1] != test[0].shape[1] or train[1].shape[1] != test[1].shape[1]:
        raise ValueError(
            f"codes and labels to learn from and to test differ in width: {train[0].shape}, {test[0].shape}"
        )
    return *train, *test


def read_out(train_codes, train_labels, test_codes, test_labels, *, k=15):
    """Accuracy with which each factor is read from a code by its nearest neighbours, coordinates standardised.

    Parameters
    ----------
    train_codes, test_codes : array_like, shapes (n, p) and (n_test, p)
    train_labels, test_labels : array_like, shapes (n, F) and (n_test, F)
    k : int
        Neighbours, at most n.

    Returns
    -------
    ndarray, shape (F,)

    Raises
    ------
    ValueError
        If shapes do not match, a code is not finite, a label is missing, a factor is constant or k is out of range.
    """
    train_codes, train_labels, test_codes, test_labels = _four(train_codes, train_labels, test_codes, test_labels)
    if not 1 <= k <= len(train_codes):
        raise ValueError(f"k must lie between 1 and the {len(train_codes)} codes to learn from, got {k}")
    spread = train_codes.std(0)
    centre, scale = train_codes.mean(0), np.where(spread > 0, spread, 1)
    wanted = train_labels[:, 0] if train_labels.shape[1] == 1 else train_labels
    reader = KNeighborsClassifier(k).fit((train_codes - centre) / scale, wanted)
    seen = reader.predict((test_codes - centre) / scale).reshape(len(test_codes), -1)
    return (seen == test_labels).mean(0)


@dataclass(frozen=True)
class DCI:
    """Disentanglement, completeness, informativeness, and the importances (p or groups, F) behind them."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


def _importance(table):
    table = finite("importance", table)
    if table.ndim != 2 or min(table.shape) < 2 or table.min() < 0 or table.sum() == 0:
        raise ValueError(
            f"importance must have at least two rows and columns, none negative, not all zero, got shape {table.shape}"
        )
    return table


def _concentration(table):
    """1 - normalised entropy of each row."""
    p = table / np.maximum(table.sum(1, keepdims=True), 1e-300)
    return 1 + (p * np.log(np.maximum(p, 1e-300))).sum(1) / np.log(table.shape[1])


def disentanglement(importance):
    """D of Eastwood and Williams: 1 - entropy, to base F, of a row, averaged with the share of the row as weight.

    Parameters
    ----------
    importance : array_like, shape (p, F)
        Of each coordinate or group for each factor, not negative.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the matrix has fewer than two rows or columns, a negative entry, or none but zeros.

    Examples
    --------
    >>> disentanglement([[1, 0], [1, 0], [0, 2]])
    1.0
    >>> round(disentanglement(np.ones((3, 3))), 12)
    0.0
    """
    importance = _importance(importance)
    return float(importance.sum(1) / importance.sum() @ _concentration(importance))


def completeness(importance):
    """C of Eastwood and Williams: 1 - entropy, to base p, of a column, averaged; parameters as `disentanglement`.

    Raises
    ------
    ValueError
        As `disentanglement`.
    """
    return float(_concentration(_importance(importance).T).mean())


def dci(train_codes, train_labels, test_codes, test_labels, *, groups=None, n_trees=20, seed):
    """DCI by a random forest for each factor.

    Parameters
    ----------
    train_codes, train_labels, test_codes, test_labels
        As in `read_out`.
    groups : sequence of sequences of int, optional
        Columns of each subspace: their importances are summed first.
    n_trees : int
    seed : int
        Of scikit-learn's forests, which know no numpy Generator.

    Returns
    -------
    DCI

    Raises
    ------
    ValueError
        As `read_out` and `disentanglement`.
    """
    train_codes, train_labels, test_codes, test_labels = _four(train_codes, train_labels, test_codes, test_labels)
    columns, right = [], []
    for factor, wanted in zip(train_labels.T, test_labels.T, strict=True):
        forest = RandomForestClassifier(n_trees, min_samples_leaf=2, random_state=seed).fit(train_codes, factor)
        columns.append(forest.feature_importances_)
        right.append((forest.predict(test_codes) == wanted).mean())
    importance = np.stack(columns, 1)
    if groups is not None:
        importance = np.stack([importance[list(group)].sum(0) for group in groups])
    return DCI(disentanglement(importance), completeness(importance), float(np.mean(right)), importance)


def factor_vae_votes(codes, labels, groups, *, n_votes=500, batch_size=64, rng):
    """Votes of the FactorVAE score.

    A factor and one of its values are drawn, then ``batch_size`` images with that value; the vote goes to the group
    whose coordinates vary least, relative to their variance over all images, averaged over the group. Groups whose
    coordinates are all dead have no vote. Single coordinates as groups give the original score, which a subspace of
    two dimensions can only split.

    Parameters
    ----------
    codes, labels : array_like, shapes (n, p) and (n, F)
        Codes in units of a standard normal prior: a coordinate with a standard deviation below 0.05 is dead.
    groups : sequence of sequences of int
        Columns of each subspace.
    n_votes, batch_size : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (n_groups, F)

    Raises
    ------
    ValueError
        If shapes do not match, a code is not finite, a label is missing, a factor is constant or all coordinates are
        dead.
    """
    codes, labels = _pair(codes, labels)
    alive = codes.std(0) > DEAD
    groups = [[j for j in group if alive[j]] for group in groups]
    if not any(groups):
        raise ValueError(f"codes must have a coordinate with a standard deviation above {DEAD}; nothing can vote")
    variance = np.where(alive, codes.var(0), 1.0)
    votes = np.zeros((len(groups), labels.shape[1]), int)
    rows = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in labels.T]
    for _ in range(n_votes):
        factor = rng.integers(labels.shape[1])
        fixed = rows[factor][rng.integers(len(rows[factor]))]
        relative = codes[rng.choice(fixed, batch_size)].var(0) / variance
        scores = [relative[group].mean() if group else np.inf for group in groups]
        votes[int(np.argmin(scores)), factor] += 1
    return votes


def factor_vae(codes, labels, groups, *, n_votes=500, batch_size=64, rng):
    """FactorVAE score: each group stands for the factor most of its votes were cast for; accuracy on fresh votes.

    Parameters
    ----------
    codes, labels, groups, n_votes, batch_size, rng
        As in `factor_vae_votes`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `factor_vae_votes`.
    """
    meaning = factor_vae_votes(codes, labels, groups, n_votes=n_votes, batch_size=batch_size, rng=rng).argmax(1)
    fresh = factor_vae_votes(codes, labels, groups, n_votes=n_votes, batch_size=batch_size, rng=rng)
    return float(fresh[np.arange(len(groups)), meaning].sum() / n_votes)


class Reader:
    """Networks that read the factors from an image, one each; the judge of swaps, which never sees a decoded image.

    Parameters
    ----------
    images, labels : array_like, shapes (n, pixels) and (n, F)
        Any labels.
    n_steps, batch_size, width : int
        Steps of training, images in a batch, width of the hidden layer.
    seed : int
        Of starting weights and batches.

    Raises
    ------
    ValueError
        If shapes do not match, a pixel is not finite, a label is missing or a factor is constant.
    """

    def __init__(self, images, labels, *, n_steps=500, batch_size=128, width=64, seed):
        images, labels = _pair(images, labels)
        n_factors = labels.shape[1]
        self.values = [np.unique(column) for column in labels.T]
        places = np.stack([np.searchsorted(known, column) for known, column in zip(self.values, labels.T, strict=True)])
        x, wanted = torch.as_tensor(images, dtype=torch.float32), torch.as_tensor(places)
        seeds = [seed + 10 * j for j in range(n_factors)]
        self.net = StackedMLP([images.shape[1], width, max(map(len, self.values))], seeds)
        rows = torch.Generator().manual_seed(seed)

        def loss(step):
            some = torch.randint(len(x), (batch_size,), generator=rows)
            logits = self.net(x[some])
            errors = nn.functional.cross_entropy(logits.flatten(0, 1), wanted[:, some].flatten(), reduction="none")
            return errors.reshape(n_factors, batch_size).mean(1)

        train(loss, self.net.parameters(), n_steps=n_steps, learning_rate=5e-3)

    def read(self, images):
        """Values (n, F) that the reader sees in images (n, pixels)."""
        with torch.no_grad():
            logits = self.net(torch.as_tensor(finite("images", images), dtype=torch.float32)).numpy()
        return np.stack([known[row[:, : len(known)].argmax(-1)] for known, row in zip(self.values, logits)], axis=1)


@dataclass(frozen=True)
class Swaps:
    """After swapping subspace k, over pairs that differ in factor f: shares (K, F) with the donor's, the own value."""

    moved: np.ndarray
    kept: np.ndarray


def swap_test(decode, s, t, labels, donors, reader):
    """Replace t_k of each image by its donor's, decode, and let the reader judge.

    Only pairs that differ in a factor count for it, so a decoder that ignores t_k moves 0 of them, not 1 / number of
    values.

    Parameters
    ----------
    decode : callable
        ``decode(s, t)`` gives images (n, pixels).
    s, t : ndarray, shapes (n, d_s) and (n, K, d_t)
        Codes of the receivers.
    labels : ndarray, shape (n, F)
    donors : ndarray of int, shape (n,)
        Row of each receiver's donor.
    reader : Reader
        Or any object whose ``read(images)`` gives values (n, F).

    Returns
    -------
    Swaps

    Raises
    ------
    ValueError
        If no pair differs in a factor, or shapes do not match.
    """
    if t.ndim != 3 or not len(s) == len(t) == len(labels) == len(donors):
        raise ValueError(
            "s, t (n, K, d_t), labels and donors must have the same n, "
            f"got {len(s)}, {t.shape}, {len(labels)}, {len(donors)}"
        )
    differ = labels != labels[donors]
    if not differ.any(0).all():
        raise ValueError(f"donors: no pair differs in factor {np.flatnonzero(~differ.any(0)).tolist()}; draw others")
    moved, kept = [], []
    for k in range(t.shape[1]):
        mixed = t.copy()
        mixed[:, k] = t[donors, k]
        seen = reader.read(decode(s, mixed))
        moved.append(((seen == labels[donors]) & differ).sum(0) / differ.sum(0))
        kept.append(((seen == labels) & differ).sum(0) / differ.sum(0))
    return Swaps(np.array(moved), np.array(kept))
