"""Made-up voices and texts of three patient groups and controls, and classifiers of binary and four-class tasks.

Page ``speech_neuropsychiatry``: what all patients share, what is special to a diagnosis, and what belongs to the study
in which a person was recorded can be turned up and down separately.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from paperlab.methods.foundations.checks import codes, finite
from paperlab.methods.foundations.resampling import seed_of

CLASSES = ("TD", "DEPR", "ASD", "SCHZ")
PATIENTS = {"DEPR": 67, "ASD": 46, "SCHZ": 106}
CONTROLS = {"DEPR": 67, "ASD": 46, "SCHZ": 88}
FEATURES = 40  # for voice, and as many for text


@dataclass(frozen=True)
class Recordings:
    """Recordings of n people, R of each.

    Attributes
    ----------
    voice, text : ndarray, shape (n, R, 40)
    label : ndarray of int, shape (n,)
        Place of the class in `CLASSES`; 0 is a control.
    study : ndarray of int, shape (n,)
        1 to 3: that of the diagnosis in the same place.
    """

    voice: np.ndarray
    text: np.ndarray
    label: np.ndarray
    study: np.ndarray


def draw_people(*, rng, specific=0.3, generic=1.0, site=0.0, n_recordings=8):
    """Draw 420 people: v_ir = u_i + e_ir + s_i (g w + kappa d_k) + sigma o_k for person i, recording r, study k.

    Parameters
    ----------
    rng : numpy.random.Generator
    specific, generic, site : float
        kappa, g and sigma: sizes of the direction of a diagnosis, of all patients, and of a study with its controls.
    n_recordings : int
        Of each person.

    Returns
    -------
    Recordings

    Raises
    ------
    ValueError
        If a size is negative or not finite, or there is no recording.

    Examples
    --------
    >>> drawn = draw_people(rng=np.random.default_rng(0), n_recordings=2)
    >>> drawn.voice.shape, np.bincount(drawn.label)
    ((420, 2, 40), array([201,  67,  46, 106]))
    """
    for name, value in (("specific", specific), ("generic", generic), ("site", site)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} = {value}: a size must be finite and not negative")
    if n_recordings < 1:
        raise ValueError(f"n_recordings = {n_recordings}: every person needs at least one")
    label = np.concatenate(
        [np.r_[np.full(PATIENTS[d], k), np.zeros(CONTROLS[d], int)] for k, d in enumerate(CLASSES[1:], 1)]
    )
    study = np.concatenate([np.full(PATIENTS[d] + CONTROLS[d], k) for k, d in enumerate(CLASSES[1:], 1)])
    severity = np.where(label > 0, np.maximum(0, rng.normal(1, 0.6, len(label))), 0)

    def modality():
        directions = rng.standard_normal((7, FEATURES))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        shared, special, places = directions[0], directions[1:4], directions[4:7]
        mean = severity[:, None] * (generic * shared + specific * special[study - 1]) + site * places[study - 1]
        mean = mean + rng.normal(0, 0.5, mean.shape)
        return mean[:, None] + rng.standard_normal((len(label), n_recordings, FEATURES))

    return Recordings(modality(), modality(), label, study)


def balanced_logit(c=0.05):
    """Fresh logistic regression on standardised features, classes weighted alike.

    ``c`` is the inverse penalty, as in scikit-learn.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=500))


def _check_recordings(features, **labels):
    features = finite("features", features)
    if features.ndim != 3:
        raise ValueError(f"features must be (n people, R recordings, p), got shape {features.shape}")
    return features, *(codes(name, values, len(features)) for name, values in labels.items())


def person_probabilities(features, label, *, rng, by_person=True, n_folds=5, model=balanced_logit):
    """Out-of-fold class probabilities, averaged over the recordings of a person.

    Parameters
    ----------
    features : array_like, shape (n, R, p)
    label : sequence of hashable, shape (n,)
    rng : numpy.random.Generator or int
        A generator draws the seed of the folds; a whole number is the seed.
    by_person : bool
        False puts recordings of one person on both sides: the trap.
    n_folds : int
    model : callable
        Makes a fresh classifier.

    Returns
    -------
    ndarray, shape (n, n_classes)
        Classes in ascending order of ``label``.

    Raises
    ------
    ValueError
        If a feature is not finite or a label missing (names argument and row), shapes do not fit, or a class has fewer
        people than folds.
    """
    x, y = _check_recordings(features, label=label)
    n, r, p = x.shape
    sizes = np.bincount(y)
    if len(sizes) < 2 or not 2 <= n_folds <= sizes.min():
        raise ValueError(
            f"label has classes of {sizes.tolist()} people: "
            f"{n_folds} folds need two classes or more of {n_folds} people each"
        )
    x, y, person = x.reshape(-1, p), np.repeat(y, r), np.repeat(np.arange(n), r)
    seed = seed_of(rng)
    if by_person:
        parts = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(x, y, person)
    else:
        parts = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(x, y)
    out = np.zeros((len(x), len(sizes)))
    for train, test in parts:
        out[test] = model().fit(x[train], y[train]).predict_proba(x[test])
    return out.reshape(n, r, -1).mean(1)


@dataclass(frozen=True)
class Transfer:
    """Scores of the people of one study by a classifier of another.

    Attributes
    ----------
    scores : ndarray, shape (n,)
        Mean probability of being a patient.
    patient : ndarray of bool, shape (n,)
    """

    scores: np.ndarray
    patient: np.ndarray


def transfer(features, label, study, *, source=3, aim=1, control=0, model=balanced_logit):
    """Scores for patients and controls of one study by a classifier trained on another.

    Parameters
    ----------
    features : array_like, shape (n, R, p)
    label, study : sequence of hashable, shape (n,)
    source, aim : hashable
        Studies to learn from and to score.
    control : hashable
        Label of those who are no patients.
    model : callable
        Makes a fresh classifier.

    Returns
    -------
    Transfer

    Raises
    ------
    ValueError
        If a feature is not finite or a label missing (names argument and row), or a study lacks patients or controls.
    """
    x, _, _ = _check_recordings(features, label=label, study=study)
    _, r, p = x.shape
    patient, study = np.array([one != control for one in label]), np.asarray(study)
    here, there = study == source, study == aim
    for name, rows in ((source, here), (aim, there)):
        if len(np.unique(patient[rows])) < 2:
            raise ValueError(f"study {name!r} lacks patients or controls (label {control!r})")
    fitted = model().fit(x[here].reshape(-1, p), np.repeat(patient[here], r))
    scores = fitted.predict_proba(x[there].reshape(-1, p))[:, 1].reshape(-1, r).mean(1)
    return Transfer(scores, patient[there])
