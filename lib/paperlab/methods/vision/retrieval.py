"""How well vectors find their object again: recall inside containers, cumulative matches, average precision."""

from dataclasses import dataclass

import numpy as np
from numba import njit

TOP = (1, 2, 3)  # the k of recall at k


@dataclass(frozen=True)
class Recall:
    """What `container_recall` gives.

    Attributes
    ----------
    at : ndarray, shape (3,)
        Recall among the first 1, 2, 3.
    first : ndarray, shape (n_objects,)
        Recall at 1 by object, mean over rounds.
    chance : ndarray, shape (3,)
        What drawing by lot gives.
    """

    at: np.ndarray
    first: np.ndarray
    chance: np.ndarray


def unit(vectors):
    """Vectors divided by their length; a vector of zeros stays one."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, np.finfo(vectors.dtype).tiny)


def similarity(query, gallery, *, how="centroid"):
    """Cosine of the centroid of each object's queries with every object's gallery.

    Parameters
    ----------
    query, gallery : ndarray, shapes (n, k, d) and (m, l, d)
        Vectors by object.
    how : {"centroid", "best"}
        With the centroid of the gallery, or with its picture of largest cosine.

    Returns
    -------
    ndarray, shape (n, m)

    Raises
    ------
    ValueError
        If the vectors differ in length or ``how`` is unknown.

    Examples
    --------
    >>> gallery = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> query = np.array([[[2.0, 0.0]]])
    >>> similarity(query, gallery).round(3), similarity(query, gallery, how="best")
    (array([[0.707]]), array([[1.]]))
    """
    if query.ndim != 3 or gallery.ndim != 3 or query.shape[2] != gallery.shape[2]:
        raise ValueError(
            f"query and gallery must have shapes (n, k, d) and (m, l, d), got {query.shape}, {gallery.shape}"
        )
    asked = unit(query.mean(1))
    if how == "centroid":
        return asked @ unit(gallery.mean(1)).T
    if how != "best":
        raise ValueError(f"how must be 'centroid' or 'best', got {how!r}")
    return np.einsum("nk,mlk->nml", asked, unit(gallery)).max(2)


def ranks(score, target, candidates):
    """Place of the right object among its candidates, 1 for the first; ties share their mean place.

    Parameters
    ----------
    score : ndarray, shape (n, m)
    target : ndarray of int, shape (n,)
        Column of the right object.
    candidates : ndarray of int, shape (n, c)
        Columns of the others in the container, without the right one; at least one.

    Returns
    -------
    ndarray, shape (n,)
    """
    if candidates.shape[1] < 1:
        raise ValueError("candidates must name at least one other object; alone in a container, all are right")
    if (candidates == target[:, None]).any():
        raise ValueError("candidates must not hold the right object itself")
    rows = np.arange(len(score))
    own, others = score[rows, target][:, None], score[rows[:, None], candidates]
    return 1 + (others > own).sum(1) + 0.5 * (others == own).sum(1)


def container_recall(query, gallery, *, container, rng, n_query=1, n_gallery=None, n_rounds=10, how="centroid"):
    """Recall of every object among the others of a container drawn by lot.

    Parameters
    ----------
    query, gallery : ndarray, shapes (n, k, d) and (n, l, d)
        Vectors of the same objects in the same order.
    container : int
        Candidates, the right one among them; from 2 to n.
    rng : numpy.random.Generator
        Draws pictures and containers, anew in every round.
    n_query, n_gallery : int
        Pictures used of each object; ``n_gallery`` left out is all.
    n_rounds : int
        Containers of every object.
    how : {"centroid", "best"}
        As in `similarity`.

    Returns
    -------
    Recall

    Raises
    ------
    ValueError
        If a container or a number of pictures is too small or too large.

    Examples
    --------
    >>> z = np.eye(4)[:, None]
    >>> container_recall(z, z, container=3, rng=np.random.default_rng(0)).at
    array([1., 1., 1.])
    """
    n, n_gallery = len(query), gallery.shape[1] if n_gallery is None else n_gallery
    if len(gallery) != n:
        raise ValueError(f"query and gallery must hold the same objects, got {n} and {len(gallery)}")
    if not 2 <= container <= n:
        raise ValueError(f"container must lie in [2, {n}], the number of objects, got {container}")
    for name, value, there in (("n_query", n_query, query.shape[1]), ("n_gallery", n_gallery, gallery.shape[1])):
        if not 1 <= value <= there:
            raise ValueError(f"{name} must lie in [1, {there}], the pictures that there are, got {value}")
    rows, place = np.arange(n), np.empty((n_rounds, n))
    for r in range(n_rounds):
        q, g, lot = (rng.random(shape).argsort(1) for shape in (query.shape[:2], gallery.shape[:2], (n, n - 1)))
        found = similarity(query[rows[:, None], q[:, :n_query]], gallery[rows[:, None], g[:, :n_gallery]], how=how)
        others = lot[:, : container - 1]
        place[r] = ranks(found, rows, others + (others >= rows[:, None]))
    at = np.array([(place < k + 0.5).mean() for k in TOP])
    return Recall(at, (place < 1.5).mean(0), np.minimum(np.array(TOP) / container, 1.0))


@dataclass(frozen=True)
class Retrieval:
    """What `retrieve` gives.

    Attributes
    ----------
    cmc : ndarray, shape (n_gallery,)
        Share of queries with a match among the first k.
    average_precision : ndarray, shape (n_queries,)
    """

    cmc: np.ndarray
    average_precision: np.ndarray

    @property
    def mean_average_precision(self):
        """Mean of the average precision over queries."""
        return float(self.average_precision.mean())


def retrieve(score, query_id, gallery_id, *, query_camera=None, gallery_camera=None):
    """Cumulative matches and average precision of queries against a gallery of single pictures.

    Parameters
    ----------
    score : ndarray, shape (n, m)
        Larger is more alike.
    query_id, gallery_id : array_like, shapes (n,) and (m,)
        Identities, any labels.
    query_camera, gallery_camera : array_like, shapes (n,) and (m,), optional
        With both, gallery pictures of the query's identity and camera are left out of its list (re-identification).

    Returns
    -------
    Retrieval

    Raises
    ------
    ValueError
        If shapes do not match, or a query has no match left; the message names it.

    Notes
    -----
    Average precision: mean over the matches of the share of matches in the list down to each. Pictures of equal score
    keep the order of the gallery.

    Examples
    --------
    >>> found = retrieve(np.array([[0.9, 0.8, 0.1]]), ["a"], ["b", "a", "a"])
    >>> found.cmc, round(found.mean_average_precision, 3)
    (array([0., 1., 1.]), 0.583)
    """
    query_id, gallery_id = np.asarray(query_id), np.asarray(gallery_id)
    if score.shape != (len(query_id), len(gallery_id)):
        raise ValueError(f"score must have shape ({len(query_id)}, {len(gallery_id)}), got {score.shape}")
    if (query_camera is None) != (gallery_camera is None):
        raise ValueError("query_camera and gallery_camera must be given together, or neither")
    if not np.isfinite(score).all():
        raise ValueError(f"score must be finite, row {np.flatnonzero(~np.isfinite(score).all(1))[0]} is not")
    codes = [_codes(query_id, gallery_id)]
    if query_camera is None:
        codes.append((np.zeros(len(query_id), np.int64), np.ones(len(gallery_id), np.int64)))
    else:
        codes.append(_codes(np.asarray(query_camera), np.asarray(gallery_camera)))
    first, precision = _lists(np.asarray(score), *codes[0], *codes[1])
    alone = np.flatnonzero(first < 0)
    if len(alone):
        raise ValueError(f"query {alone[0]} ({query_id[alone[0]]}) has no picture of its identity in the gallery")
    cmc = np.cumsum(np.bincount(first, minlength=score.shape[1])) / len(score)
    return Retrieval(cmc, precision)


def _codes(query, gallery):
    """Whole numbers for the labels of both sides, the same ones for the same label."""
    codes = np.unique(np.concatenate([query, gallery]), return_inverse=True)[1]
    return codes[: len(query)], codes[len(query) :]


@njit(cache=True)
def _lists(score, query_id, gallery_id, query_camera, gallery_camera):
    """Place of the first match of every query, -1 without one, and its average precision.

    Only the matches are sorted; every other picture is then counted before the matches that it precedes.
    """
    n, m = score.shape
    first, precision = np.full(n, -1), np.zeros(n)
    for i in range(n):
        row, rows = score[i], np.empty(m, np.int64)
        k = 0
        for j in range(m):
            if gallery_id[j] == query_id[i] and gallery_camera[j] != query_camera[i]:
                rows[k] = j
                k += 1
        if k == 0:
            continue
        rows = rows[:k]
        rows = rows[np.argsort(-row[rows], kind="mergesort")]
        best, ahead = row[rows], np.zeros(k + 1, np.int64)
        for j in range(m):
            if gallery_id[j] == query_id[i]:
                continue
            low, high = 0, k  # the first match that this picture precedes
            while low < high:
                middle = (low + high) // 2
                if best[middle] < row[j] or (best[middle] == row[j] and rows[middle] > j):
                    high = middle
                else:
                    low = middle + 1
            ahead[low] += 1
        before = 0
        for r in range(k):
            before += ahead[r]
            precision[i] += (r + 1) / (r + before + 1)
            if r == 0:
                first[i] = before
        precision[i] /= k
    return first, precision
