"""Eight standard classifiers on many splits, random or by group, and permutation importance in one prediction.

Every step that learns from data, scaling and the cut-off of the classes included, sees the training part only.
"""

import numpy as np
import pandas as pd
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

ENSEMBLES = ("random forest", "AdaBoost", "bagging")
OTHERS = ("logit", "SVM", "kNN", "naive Bayes", "tree")


def classifier(name, seed):
    """A fresh classifier by its name in `ENSEMBLES` or `OTHERS`, scaled where the method needs it."""
    makers = {
        "logit": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        "SVM": lambda: make_pipeline(StandardScaler(), SVC()),
        "kNN": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(5)),
        "naive Bayes": GaussianNB,
        "tree": lambda: DecisionTreeClassifier(random_state=seed),
        "random forest": lambda: RandomForestClassifier(100, random_state=seed),
        "AdaBoost": lambda: AdaBoostClassifier(n_estimators=100, random_state=seed),
        "bagging": lambda: BaggingClassifier(n_estimators=50, random_state=seed),
    }
    if name not in makers:
        raise ValueError(f"model {name!r}: choose one of {', '.join(makers)}")
    return makers[name]()


def classes(values, train, quantile=0.5):
    """1 where a value lies above the quantile of the *training* values, else 0.

    Raises
    ------
    ValueError
        If a class has fewer than two training rows.
    """
    values = np.asarray(values, float)
    labels = (values > np.quantile(values[train], quantile)).astype(int)
    counts = np.bincount(labels[train], minlength=2)
    if counts.min() < 2:
        raise ValueError(
            f"quantile = {quantile}: class {counts.argmin()} has {counts.min()} training rows, at least 2 needed"
        )
    return labels


def compare(features, values, parts, seed, *, quantile=0.5, models=OTHERS + ENSEMBLES):
    """Test accuracy of every model on every split.

    Parameters
    ----------
    features : pandas.DataFrame, shape (n, p)
    values : array_like, shape (n,)
        Cut into two classes by `classes`.
    parts : sequence of (train, test)
        Rows, as from `splits`.
    seed : int
        Of the models that draw.

    Returns
    -------
    pandas.DataFrame, one row per split, one column per model
    """
    x, rows = np.asarray(features, float), []
    for i, (train, test) in enumerate(parts):
        y = classes(values, train, quantile)
        rows.append(
            {name: classifier(name, seed + i).fit(x[train], y[train]).score(x[test], y[test]) for name in models}
        )
    return pd.DataFrame(rows)


def ensemble_gain(accuracy):
    """Mean accuracy of the three ensembles minus that of the five others, one number per split."""
    return (accuracy[list(ENSEMBLES)].mean(axis=1) - accuracy[list(OTHERS)].mean(axis=1)).to_numpy()


def winners(accuracy, among=OTHERS + ENSEMBLES):
    """Share of each model in the best accuracy of a split, averaged; models that tie share the split."""
    part = accuracy[list(among)]
    best = part.eq(part.max(axis=1), axis=0)
    return best.div(best.sum(axis=1), axis=0).mean()


def mean_and_error(differences, overlap=0.0):
    """Mean of differences over splits and its standard error.

    ``overlap`` is test rows over training rows where the splits reuse the same data: their differences are then
    correlated, and the variance of the mean is s^2 (1/J + overlap) instead of s^2/J (Nadeau and Bengio 2003).
    """
    differences = np.asarray(differences, float)
    if len(differences) < 2:
        raise ValueError(f"{len(differences)} difference: a standard error needs at least two splits")
    variance = differences.var(ddof=1) * (1 / len(differences) + overlap)
    return float(differences.mean()), float(np.sqrt(variance))


def permutation_importance(model, features, labels, rng, *, repeats=20, groups=None):
    """Drop of accuracy when a column, or a group of columns, is shuffled; all shuffled copies go into one prediction.

    Parameters
    ----------
    model : fitted classifier
    features : array_like, shape (n, p)
    labels : array_like, shape (n,)
    rng : numpy.random.Generator
    repeats : int
        Shuffles per column.
    groups : sequence of sequence of int, optional
        Columns that are shuffled together; by default each on its own.

    Returns
    -------
    ndarray, shape (number of groups, repeats)
    """
    x, labels = np.asarray(features, float), np.asarray(labels)
    n, p = x.shape
    groups = [[j] for j in range(p)] if groups is None else groups
    copies = np.broadcast_to(x, (len(groups), repeats, n, p)).copy()
    for g, columns in enumerate(groups):
        for r in range(repeats):
            copies[g, r][:, columns] = x[rng.permutation(n)][:, columns]
    hits = model.predict(copies.reshape(-1, p)).reshape(len(groups), repeats, n) == labels
    return np.mean(model.predict(x) == labels) - hits.mean(axis=2)
