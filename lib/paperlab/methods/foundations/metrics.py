"""Measures of prediction: areas under curves, F1 by class, root mean squared error."""

from __future__ import annotations

import numpy as np


def auc(score, w):
    """Area under the ROC curve: the chance that a treated unit scores above an untreated one, ties one half."""
    from scipy.stats import rankdata

    treated = w.sum()
    return float((rankdata(score)[w == 1].sum() - treated * (treated + 1) / 2) / (treated * (len(w) - treated)))


def auroc(score, active):
    """Share of pairs (active, inactive) in which the active covariate has the larger score; ties count half."""
    score, active = np.asarray(score, float), np.asarray(active, bool)
    if active.all() or not active.any():
        raise ValueError("active must contain both true and false; one kind alone cannot be ranked")
    order = np.sort(score[~active])
    below, upto = np.searchsorted(order, score[active]), np.searchsorted(order, score[active], side="right")
    return (below + upto).mean() / 2 / order.size


def class_f1(truth, guess, names, weights=None):
    """F1 of every class, 2 TP / (2 TP + FP + FN), and 0 where nothing was there and nothing was said.

    Parameters
    ----------
    truth, guess : array_like, shape (n,)
    names : sequence of str
    weights : array_like, shape (B, n), optional
        How often each person is drawn, for B resamples; by default once each.

    Returns
    -------
    ndarray, shape (classes,) or (B, classes)
    """
    truth, guess = np.asarray(truth), np.asarray(guess)
    is_true = np.stack([truth == name for name in names], 1).astype(float)
    is_said = np.stack([guess == name for name in names], 1).astype(float)
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    hits, size = weights @ (is_true * is_said), weights @ (is_true + is_said)
    return np.divide(2 * hits, size, out=np.zeros_like(size), where=size > 0)


def rmse(errors):
    """Root mean squared error along the last axis."""
    return np.sqrt(np.mean(np.asarray(errors) ** 2, axis=-1))
