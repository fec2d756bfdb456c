"""Made-up voices and texts of three patient groups and their controls, and the classifiers of binary and four-class tasks.

Page ``speech_neuropsychiatry``: what all patients share, what is special to a diagnosis, and what belongs to the study in
which a person was recorded can be turned up and down separately.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CLASSES = ("TD", "DEPR", "ASD", "SCHZ")
PATIENTS = {"DEPR": 67, "ASD": 46, "SCHZ": 106}
CONTROLS = {"DEPR": 67, "ASD": 46, "SCHZ": 88}
FEATURES = 40  # for voice, and as many for text


@dataclass(frozen=True)
class Recordings:
    """Features (n, R, 40) of each modality, class 0 to 3 and study 1 to 3 of every person."""

    voice: np.ndarray
    text: np.ndarray
    label: np.ndarray
    study: np.ndarray


def draw_people(rng, *, specific=0.3, generic=1.0, site=0.0, n_recordings=8):
    """Draw 420 people: v_ir = u_i + e_ir + s_i (g w + kappa d_k) + sigma o_k for person i, recording r, study k.

    Parameters
    ----------
    specific, generic, site : float
        kappa, g and sigma: sizes of the direction of a diagnosis, of all patients, and of a study with its controls.
    n_recordings : int

    Returns
    -------
    Recordings

    Raises
    ------
    ValueError
        If a size is negative or there is no recording.
    """
    for name, value in (("specific", specific), ("generic", generic), ("site", site)):
        if value < 0:
            raise ValueError(f"{name} = {value}: a size must not be negative")
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


def classifier(c=0.05):
    """Balanced logistic regression on standardised features."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=500))


def person_probabilities(features, label, seed, *, by_person=True, folds=5, model=classifier):
    """Out-of-fold class probabilities, averaged over the recordings of a person.

    Parameters
    ----------
    features : ndarray, shape (n, R, p)
    label : ndarray of int, shape (n,)
    seed : int
        Of the folds.
    by_person : bool
        False puts recordings of one person on both sides: the trap.
    model : callable
        Makes a fresh classifier.

    Returns
    -------
    ndarray, shape (n, classes)
        Classes in ascending order of ``label``.
    """
    n, r, p = features.shape
    x, y, person = features.reshape(-1, p), np.repeat(label, r), np.repeat(np.arange(n), r)
    if by_person:
        parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(x, y, person)
    else:
        parts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, y)
    out = np.zeros((len(x), len(np.unique(label))))
    for train, test in parts:
        out[test] = model().fit(x[train], y[train]).predict_proba(x[test])
    return out.reshape(n, r, -1).mean(1)


def transfer(features, label, study, source=3, aim=1, *, model=classifier):
    """Scores for patients and controls of study ``aim`` by a classifier trained on study ``source``.

    Returns
    -------
    scores : ndarray, shape (n,)
        Mean probability of being a patient.
    patient : ndarray of bool, shape (n,)
    """
    n, r, p = features.shape
    here, there = study == source, study == aim
    fitted = model().fit(features[here].reshape(-1, p), np.repeat(label[here] > 0, r))
    return fitted.predict_proba(features[there].reshape(-1, p))[:, 1].reshape(-1, r).mean(1), label[there] > 0
