"""How far a code is disentangled: read-outs, DCI, the FactorVAE score, and swaps judged by an independent reader.

Codes are arrays (n, p), labels integer arrays (n, F), groups a list of column lists: the subspaces of the code. The
information may sit in a direction and not in a coordinate, so every score standardises the coordinates first.
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from paperlab.methods.foundations.nets import StackedMLP, train

DEAD = 0.05  # standard deviation below which a coordinate carries nothing


def _pair(codes, labels):
    codes, labels = np.asarray(codes, float), np.asarray(labels)
    if codes.ndim != 2 or labels.ndim != 2 or len(codes) != len(labels):
        raise ValueError(f"codes {codes.shape}, labels {labels.shape}: give (n, p) and (n, F) with the same n")
    constant = np.flatnonzero((labels == labels[0]).all(0))
    if len(constant):
        raise ValueError(f"labels: factor {constant.tolist()} is constant; drop the column")
    return codes, labels


def read_out(train_codes, train_labels, test_codes, test_labels, k=15):
    """Accuracy (F,) with which each factor is read from a code by its k nearest neighbours, coordinates standardised."""
    train_codes, train_labels = _pair(train_codes, train_labels)
    if not 1 <= k <= len(train_codes):
        raise ValueError(f"k = {k}: choose between 1 and the {len(train_codes)} codes to learn from")
    centre, scale = train_codes.mean(0), np.maximum(train_codes.std(0), 1e-12)
    wanted = train_labels[:, 0] if train_labels.shape[1] == 1 else train_labels
    reader = KNeighborsClassifier(k).fit((train_codes - centre) / scale, wanted)
    seen = reader.predict((np.asarray(test_codes) - centre) / scale).reshape(len(test_codes), -1)
    return (seen == test_labels).mean(0)


@dataclass(frozen=True)
class DCI:
    """Disentanglement, completeness, informativeness, and the importances (p or groups, F) behind them."""

    disentanglement: float
    completeness: float
    informativeness: float
    importance: np.ndarray


def dci_from_importance(importance):
    """D and C of a matrix of importances (p, F), by the definition of Eastwood and Williams.

    D: 1 - entropy, to base F, of a row, averaged with the share of the row as weight. C: 1 - entropy, to base p, of a
    column, averaged.
    """
    importance = np.asarray(importance, float)
    if importance.min() < 0 or importance.sum() == 0 or min(importance.shape) < 2:
        raise ValueError("importance: give a matrix with two rows and columns at least, not negative and not all zero")

    def concentration(table):  # 1 - normalised entropy of each row
        p = table / np.maximum(table.sum(1, keepdims=True), 1e-300)
        return 1 + (p * np.log(np.maximum(p, 1e-300))).sum(1) / np.log(table.shape[1])

    weight = importance.sum(1) / importance.sum()
    return float(weight @ concentration(importance)), float(concentration(importance.T).mean())


def dci(train_codes, train_labels, test_codes, test_labels, *, groups=None, n_trees=20, seed=0):
    """DCI by a random forest for each factor; with ``groups`` the importances are summed over each subspace first."""
    train_codes, train_labels = _pair(train_codes, train_labels)
    columns, right = [], []
    for factor, wanted in zip(train_labels.T, np.asarray(test_labels).T, strict=True):
        forest = RandomForestClassifier(n_trees, min_samples_leaf=2, random_state=seed).fit(train_codes, factor)
        columns.append(forest.feature_importances_)
        right.append((forest.predict(test_codes) == wanted).mean())
    importance = np.stack(columns, 1)
    if groups is not None:
        importance = np.stack([importance[list(group)].sum(0) for group in groups])
    return DCI(*dci_from_importance(importance), float(np.mean(right)), importance)


def factor_vae_votes(codes, labels, groups, rng, *, n_votes=500, batch=64):
    """Votes of the FactorVAE score: counts (groups, F).

    A factor and one of its values are drawn, then ``batch`` images with that value; the vote goes to the group whose
    coordinates vary least, relative to their variance over all images, averaged over the group. Groups whose
    coordinates are all dead have no vote. Single coordinates as groups give the original score, which a subspace of
    two dimensions can only split.
    """
    codes, labels = _pair(codes, labels)
    alive = codes.std(0) > DEAD
    groups = [[j for j in group if alive[j]] for group in groups]
    if not any(groups):
        raise ValueError(f"codes: no coordinate has a standard deviation above {DEAD}; nothing can vote")
    variance = np.where(alive, codes.var(0), 1.0)
    votes = np.zeros((len(groups), labels.shape[1]), int)
    rows = [[np.flatnonzero(column == value) for value in np.unique(column)] for column in labels.T]
    for _ in range(n_votes):
        factor = rng.integers(labels.shape[1])
        fixed = rows[factor][rng.integers(len(rows[factor]))]
        relative = codes[rng.choice(fixed, batch)].var(0) / variance
        scores = [relative[group].mean() if group else np.inf for group in groups]
        votes[int(np.argmin(scores)), factor] += 1
    return votes


def factor_vae(codes, labels, groups, rng, *, n_votes=500, batch=64):
    """FactorVAE score: each group stands for the factor most of its votes were cast for; accuracy on fresh votes."""
    meaning = factor_vae_votes(codes, labels, groups, rng, n_votes=n_votes, batch=batch).argmax(1)
    fresh = factor_vae_votes(codes, labels, groups, rng, n_votes=n_votes, batch=batch)
    return float(fresh[np.arange(len(groups)), meaning].sum() / n_votes)


class Reader:
    """Networks that read each factor from an image, one per factor; the judge of swaps, so it never sees a decoded image.

    Parameters
    ----------
    images, labels : array_like, shapes (n, pixels) and (n, F)
    seed : int
    steps, batch, width : int
        Steps of training, images in a batch, width of the hidden layer.
    """

    def __init__(self, images, labels, seed, *, steps=500, batch=128, width=64):
        images, labels = _pair(images, labels)
        n_factors = labels.shape[1]
        x, wanted = torch.as_tensor(images, dtype=torch.float32), torch.as_tensor(labels.T.copy())
        seeds = [seed + 10 * j for j in range(n_factors)]
        self.net = StackedMLP([images.shape[1], width, int(labels.max()) + 1], seeds)
        rows = torch.Generator().manual_seed(seed)

        def loss(step):
            some = torch.randint(len(x), (batch,), generator=rows)
            logits = self.net(x[some])
            errors = nn.functional.cross_entropy(logits.flatten(0, 1), wanted[:, some].flatten(), reduction="none")
            return errors.reshape(n_factors, batch).mean(1)

        train(loss, self.net.parameters(), steps=steps, rate=5e-3)

    def read(self, images):
        """Values (n, F) that the reader sees in images (n, pixels)."""
        with torch.no_grad():
            return self.net(torch.as_tensor(np.asarray(images), dtype=torch.float32)).argmax(-1).T.numpy()


@dataclass(frozen=True)
class Swaps:
    """After swapping subspace k, over the pairs that differ in factor f: shares (K, F) with the donor's, the own value."""

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
    labels : ndarray of int, shape (n, F)
    donors : ndarray of int, shape (n,)
        Row of each receiver's donor.
    reader : Reader
        Or any object whose ``read(images)`` gives values (n, F).

    Returns
    -------
    Swaps
    """
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
