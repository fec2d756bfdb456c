"""Eight standard classifiers on many splits, random or by group, and permutation importance in one prediction.

Every step that learns from data, scaling and the cut-off of the classes included, sees the training part only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from paperlab.methods.foundations.checks import codes, finite
from paperlab.methods.foundations.resampling import seed_of
from paperlab.methods.foundations.units import UnitScaler

ENSEMBLES = ("random forest", "AdaBoost", "bagging")
OTHERS = ("logit", "SVM", "kNN", "naive Bayes", "tree")
MODELS = OTHERS + ENSEMBLES
CHECKED = {"assume_finite": True, "skip_parameter_validation": True}
"""Tells scikit-learn not to check again, for every tree, what was checked at the door."""


def classifier(name, *, rng):
    """A fresh classifier by its name in `MODELS`; none depends on the units of the columns.

    Parameters
    ----------
    name : str
    rng : numpy.random.Generator or int
        A generator draws the model's seed; a whole number is the seed.

    Returns
    -------
    sklearn.pipeline.Pipeline

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> classifier("tree", rng=0).fit([[0.0], [1.0]], ["a", "b"]).predict([[0.9]]).tolist()
    ['b']
    """
    seed = seed_of(rng)
    makers = {
        "logit": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        "SVM": lambda: make_pipeline(StandardScaler(), SVC()),
        "kNN": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(5)),
        "naive Bayes": lambda: make_pipeline(UnitScaler(), GaussianNB()),
        "tree": lambda: make_pipeline(UnitScaler(), DecisionTreeClassifier(random_state=seed)),
        "random forest": lambda: make_pipeline(UnitScaler(), RandomForestClassifier(100, random_state=seed)),
        "AdaBoost": lambda: make_pipeline(UnitScaler(), AdaBoostClassifier(n_estimators=100, random_state=seed)),
        "bagging": lambda: make_pipeline(UnitScaler(), BaggingClassifier(n_estimators=50, random_state=seed)),
    }
    if name not in makers:
        raise ValueError(f"model {name!r}: choose one of {', '.join(makers)}")
    return makers[name]()


def classes(values, train, quantile=0.5):
    """1 where a value lies above the quantile of the *training* values, else 0.

    Parameters
    ----------
    values : array_like, shape (n,)
    train : sequence of int
        Training rows.
    quantile : float
        Between 0 and 1.

    Returns
    -------
    ndarray of int, shape (n,)

    Raises
    ------
    ValueError
        If a value is not finite (names the row), ``quantile`` is no share, or a class has fewer than two training rows.

    Examples
    --------
    >>> classes([1.0, 2, 3, 4, 9], [0, 1, 2, 3])
    array([0, 0, 1, 1, 1])
    """
    values = finite("values", values)
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie between 0 and 1, got {quantile}")
    if not len(train):
        raise ValueError("train is empty: the cut-off comes from the training rows")
    labels = (values > np.quantile(values[train], quantile)).astype(int)
    counts = np.bincount(labels[train], minlength=2)
    if counts.min() < 2:
        raise ValueError(
            f"quantile = {quantile}: class {counts.argmin()} has {counts.min()} training rows, at least 2 needed"
        )
    return labels


def compare(features, values, parts, *, rng, quantile=0.5, models=MODELS):
    """Test accuracy of every model on every split.

    Parameters
    ----------
    features : pandas.DataFrame or array_like, shape (n, p)
    values : array_like, shape (n,)
        Cut into two classes by `classes`.
    parts : sequence of (train, test)
        Rows, as from `paperlab.methods.foundations.resampling.splits`.
    rng : numpy.random.Generator or int
        A generator draws the seed of models that draw; a whole number is the seed. The next split takes the next one.
    quantile : float
    models : sequence of str

    Returns
    -------
    pandas.DataFrame, one row per split, one column per model

    Raises
    ------
    ValueError
        If a value is not finite (names argument and row), lengths differ, a model is unknown, or a class is too small.

    Examples
    --------
    >>> x = np.arange(20.0)[:, None]
    >>> parts = [(np.arange(0, 20, 2), np.arange(1, 20, 2))]
    >>> compare(x, x[:, 0], parts, rng=0, models=("tree", "kNN"))
       tree  kNN
    0   1.0  1.0
    """
    x, values, seed, rows = finite("features", features), finite("values", values), seed_of(rng), []
    if x.ndim != 2 or values.shape != x.shape[:1]:
        raise ValueError(f"features must be (n, p) and values (n,), got {x.shape} and {values.shape}")
    with config_context(**CHECKED):
        for i, (train, test) in enumerate(parts):
            y = classes(values, train, quantile)
            made = {name: classifier(name, rng=seed + i) for name in models}
            rows.append({name: model.fit(x[train], y[train]).score(x[test], y[test]) for name, model in made.items()})
    return pd.DataFrame(rows)


def _accuracies(accuracy, names):
    missing = [name for name in names if name not in accuracy]
    if missing:
        raise ValueError(f"accuracy has no column {missing[0]!r}; it needs {', '.join(names)}")
    part = accuracy[list(names)]
    finite("accuracy", part)
    return part


def ensemble_gain(accuracy):
    """Mean accuracy of the three ensembles minus that of the five others.

    Parameters
    ----------
    accuracy : pandas.DataFrame
        As from `compare`.

    Returns
    -------
    ndarray, shape (n_splits,)

    Raises
    ------
    ValueError
        If a model is missing or a value not finite.
    """
    _accuracies(accuracy, MODELS)
    return (accuracy[list(ENSEMBLES)].mean(axis=1) - accuracy[list(OTHERS)].mean(axis=1)).to_numpy()


def winners(accuracy, among=MODELS):
    """Share of each model in the best accuracy of a split, averaged; models that tie share the split.

    Parameters
    ----------
    accuracy : pandas.DataFrame
        As from `compare`.
    among : sequence of str

    Returns
    -------
    pandas.Series
        One share per model; they add up to 1.

    Raises
    ------
    ValueError
        If a model is missing or a value not finite.

    Examples
    --------
    >>> winners(pd.DataFrame({"a": [0.9, 0.8], "b": [0.9, 0.7]}), ("a", "b")).tolist()
    [0.75, 0.25]
    """
    part = _accuracies(accuracy, among)
    best = part.eq(part.max(axis=1), axis=0)
    return best.div(best.sum(axis=1), axis=0).mean()


@dataclass(frozen=True)
class Mean:
    """A ``mean`` over splits and its standard error ``se``."""

    mean: float
    se: float


def mean_and_error(differences, overlap=0.0):
    """Mean of differences over splits and its standard error.

    Parameters
    ----------
    differences : array_like, shape (n_splits,)
    overlap : float
        Test rows over training rows where the splits reuse the same data: their differences are then correlated, and
        the variance of the mean is s^2 (1/J + overlap) in the place of s^2/J (Nadeau and Bengio 2003).

    Returns
    -------
    Mean

    Raises
    ------
    ValueError
        If a difference is not finite (names the row), there are fewer than two, or ``overlap`` is negative.

    Examples
    --------
    >>> mean_and_error([1.0, 2.0, 3.0, 4.0])
    Mean(mean=2.5, se=0.6454972243679028)
    """
    differences = finite("differences", differences)
    if len(differences) < 2:
        raise ValueError(f"{len(differences)} difference: a standard error needs at least two splits")
    if not overlap >= 0:
        raise ValueError(f"overlap must not be negative, got {overlap}; it is test rows over training rows")
    variance = differences.var(ddof=1) * (1 / len(differences) + overlap)
    return Mean(float(differences.mean()), float(np.sqrt(variance)))


def permutation_importance(model, features, labels, *, rng, n_repeats=20, groups=None):
    """Drop of accuracy when a column, or a group of columns, is shuffled; all shuffled copies go into one prediction.

    Parameters
    ----------
    model : fitted classifier
    features : array_like, shape (n, p)
    labels : sequence of hashable, shape (n,)
        As ``model.predict`` names them.
    rng : numpy.random.Generator
    n_repeats : int
        Shuffles per column.
    groups : sequence of sequence of int, optional
        Columns that are shuffled together; by default each on its own.

    Returns
    -------
    ndarray, shape (n_groups, n_repeats)

    Raises
    ------
    ValueError
        If a value is not finite or a label missing (names argument and row), lengths differ, ``n_repeats`` is below 1,
        or a group has no column or one that there is not.
    """
    x = finite("features", features)
    n, p = x.shape
    codes("labels", labels, n)
    labels = np.asarray(labels)
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be at least 1, got {n_repeats}")
    groups = [[j] for j in range(p)] if groups is None else [list(columns) for columns in groups]
    for columns in groups:
        if not columns or not set(columns) <= set(range(p)):
            raise ValueError(f"groups: {columns} must name some of the columns 0 to {p - 1}")
    copies = np.broadcast_to(x, (len(groups), n_repeats, n, p)).copy()
    for g, columns in enumerate(groups):
        for r in range(n_repeats):
            copies[g, r][:, columns] = x[rng.permutation(n)][:, columns]
    with config_context(**CHECKED):
        hits = model.predict(copies.reshape(-1, p)).reshape(len(groups), n_repeats, n) == labels
        return np.mean(model.predict(x) == labels) - hits.mean(axis=2)
