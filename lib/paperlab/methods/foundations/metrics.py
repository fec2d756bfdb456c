"""Measures of prediction: area under the ROC curve, F1 by class, root mean squared error."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from paperlab.methods.foundations.checks import binary, finite


def auroc(score, positive):
    """Area under the ROC curve: the chance that a positive unit scores above another one, ties counted half.

    Parameters
    ----------
    score : array_like, shape (n,)
    positive : array_like of bool, or of 0 and 1, shape (n,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a score is not finite (names the row), ``positive`` is not binary, or one kind is missing.

    Notes
    -----
    ``(R - m (m + 1) / 2) / (m (n - m))`` with the sum R of the ranks of m positive units (Mann and Whitney).

    Examples
    --------
    >>> auroc([3, 1, 2], [True, False, True])
    1.0
    >>> auroc([1, 1, 1], [1, 0, 0])
    0.5
    """
    score, positive = finite("score", score), binary("positive", positive) == 1
    if score.ndim != 1 or score.shape != positive.shape:
        raise ValueError(f"score and positive must be (n,), got {score.shape} and {positive.shape}")
    n, m = len(positive), int(positive.sum())
    if m in (0, n):
        raise ValueError(f"positive is {bool(m)} in all {n} rows; one kind alone cannot be ranked")
    return float((rankdata(score)[positive].sum() - m * (m + 1) / 2) / (m * (n - m)))


def class_f1(truth, guess, names, weights=None):
    """F1 of every class, 2 TP / (2 TP + FP + FN), and 0 where nothing was there and nothing was said.

    Parameters
    ----------
    truth, guess : array_like, shape (n,)
    names : sequence
        Labels of the classes.
    weights : array_like, shape (B, n), optional
        How often each person is drawn, for B resamples; by default once each.

    Returns
    -------
    ndarray, shape (classes,) or (B, classes)

    Raises
    ------
    ValueError
        If lengths differ, a label of ``truth`` or ``guess`` is not among ``names`` (names label and row), a name stands
        twice, or a weight is negative or not finite.

    Examples
    --------
    >>> class_f1(["a", "a", "b", "b"], ["a", "b", "b", "b"], ("a", "b")).round(3)
    array([0.667, 0.8  ])
    """
    truth, guess = np.asarray(truth), np.asarray(guess)
    if truth.ndim != 1 or truth.shape != guess.shape:
        raise ValueError(f"truth and guess must be (n,), got {truth.shape} and {guess.shape}")
    if len(set(names)) < len(names):
        raise ValueError(f"names must differ, got {list(names)}")
    is_true, is_said = (np.stack([labels == name for name in names], 1).astype(float) for labels in (truth, guess))
    for argument, labels, known in (("truth", truth, is_true), ("guess", guess, is_said)):
        if not known.any(1).all():
            row = int(np.argmin(known.any(1)))
            raise ValueError(f"{argument} is {labels[row]} in row {row}, which names lacks: {list(names)}")
    weights = np.ones(len(truth)) if weights is None else finite("weights", weights)
    if weights.shape[-1:] != truth.shape or (weights < 0).any():
        raise ValueError(f"weights must be (B, {len(truth)}) and not negative, got shape {weights.shape}")
    hits, size = weights @ (is_true * is_said), weights @ (is_true + is_said)
    return np.divide(2 * hits, size, out=np.zeros_like(size), where=size > 0)


def rmse(errors):
    """Root mean squared error along the last axis.

    Raises
    ------
    ValueError
        If an error is not finite (names its place), or there is none.

    Examples
    --------
    >>> float(rmse([3.0, -4.0]).round(4))
    3.5355
    """
    errors = finite("errors", errors, -1)
    if errors.ndim == 0 or errors.shape[-1] == 0:
        raise ValueError(f"errors must have at least one entry along its last axis, got shape {errors.shape}")
    return np.sqrt(np.mean(errors**2, axis=-1))
