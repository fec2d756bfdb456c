"""Losses for vectors that tell objects apart: triplets of centroids, of single pictures, of the hardest; classes.

All triplet losses here are one hinge, ``max(d(a, p) - d(a, n) + margin, 0)``, averaged over the triplets in which it
is active; they differ in what stands for anchor a, positive p and negatives n.
"""

import torch
from torch import nn


def _margin(margin):
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}; it is a distance between vectors")
    return margin


def centroids(vectors, labels, n, *, count_from=0):
    """Mean vector of every object, whatever the number of its pictures.

    Parameters
    ----------
    vectors : torch.Tensor, shape (m, d)
    labels : torch.Tensor of int, shape (m,)
        Object of every vector, from 0 to n - 1.
    n : int
        Objects; each needs a picture.
    count_from : int
        Where counting begins. At 0 these are means; the authors' code begins at 1 and divides by the number plus one.

    Returns
    -------
    torch.Tensor, shape (n, d)

    Raises
    ------
    ValueError
        If an object has no picture, or labels do not fit.

    Examples
    --------
    >>> centroids(torch.tensor([[0.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]), 2)
    tensor([[1.],
            [5.]])
    """
    labels = torch.as_tensor(labels)
    if labels.shape != vectors.shape[:1]:
        raise ValueError(f"labels must be one per vector, shape ({len(vectors)},), got {tuple(labels.shape)}")
    counts = torch.bincount(labels, minlength=n)
    if len(counts) != n:
        raise ValueError(f"labels must lie in [0, {n - 1}], got {int(labels.max())}")
    if (counts == 0).any():
        raise ValueError(f"object {int(torch.nonzero(counts == 0)[0, 0])} has no picture; leave it out of the labels")
    sums = torch.zeros(n, vectors.shape[1], dtype=vectors.dtype).index_add(0, labels, vectors)
    return sums / (counts + count_from)[:, None]


def hinge(own, others, *, margin, allowed=None):
    """Mean of the active hinges ``own - others + margin``.

    Parameters
    ----------
    own : torch.Tensor, shape (a,)
        Distance from each anchor to its positive.
    others : torch.Tensor, shape (a, n)
        Distances to the negatives.
    margin : float
        Positive.
    allowed : torch.Tensor of bool, shape (a, n), optional
        Which of them are negatives of the anchor.

    Returns
    -------
    torch.Tensor, shape ()
        0 where none is active.
    """
    gap = (own[:, None] - others + _margin(margin)).clamp_min(0)
    if allowed is not None:
        gap = gap * allowed
    return gap.sum() / (gap > 0).sum().clamp_min(1)


def centroid_triplet(anchor, positive, *, margin, owner=None, negative=None):
    """Centroid triplet loss: anchors against the centroid of their own object's gallery and of the others'.

    Parameters
    ----------
    anchor : torch.Tensor, shape (a, d)
        Centroids of queries, or single queries.
    positive : torch.Tensor, shape (n, d)
        Centroids of galleries.
    margin : float
    owner : torch.Tensor of int, shape (a,), optional
        Row of ``positive`` that is the anchor's own object; left out, anchor i belongs to row i.
    negative : torch.Tensor of int, shape (a,), optional
        One negative for each anchor, as in the authors' code; left out, all other rows.

    Returns
    -------
    torch.Tensor, shape ()

    Raises
    ------
    ValueError
        If ``margin`` is not positive, rows do not match, or a negative is the anchor's own object.

    Notes
    -----
    Page ``centroid_triplet``, eq. (2): ``max(|C_a - C_p| - |C_a - C_n| + margin, 0)``.

    Examples
    --------
    >>> gallery = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    >>> round(centroid_triplet(torch.tensor([[0.5, 0.0]]), gallery, margin=0.2, owner=torch.tensor([0])).item(), 3)
    0.2
    """
    if owner is None:
        if len(anchor) != len(positive):
            raise ValueError(f"{len(anchor)} anchors and {len(positive)} objects: say in owner which belongs to which")
        owner = torch.arange(len(positive))
    distance = torch.cdist(anchor, positive)
    own = distance.gather(1, owner[:, None])[:, 0]
    if negative is not None:
        if (negative == owner).any():
            raise ValueError("negative must not be the anchor's own object; draw it among the others")
        return hinge(own, distance.gather(1, negative[:, None]), margin=margin)
    allowed = owner[:, None] != torch.arange(len(positive))
    return hinge(own, distance, margin=margin, allowed=allowed)


def instance_triplet(query, gallery, *, margin, draws, allowed=None):
    """Triplets of single pictures: every query against one gallery picture of its object and all of the others.

    Parameters
    ----------
    query, gallery : torch.Tensor, shapes (n, k, d) and (n, l, d)
        Vectors by object.
    margin : float
    draws : torch.Tensor, shape (n, k, l)
        Random numbers in (0, 1); the largest allowed one names the positive.
    allowed : torch.Tensor of bool, shape (n, k, l), optional
        Which pairs may be anchor and positive; a query with none is left out.

    Returns
    -------
    torch.Tensor, shape ()
    """
    n, k, l = draws.shape
    chosen = draws if allowed is None else draws * allowed
    distance = torch.cdist(query.reshape(n * k, -1), gallery.reshape(n * l, -1))
    owner = torch.arange(n).repeat_interleave(k)
    own = distance.gather(1, (owner * l + chosen.reshape(n * k, l).argmax(1))[:, None])[:, 0]
    negatives = owner[:, None] != torch.arange(n).repeat_interleave(l)
    if allowed is not None:
        negatives = negatives & allowed.reshape(n * k, l).any(1)[:, None]
    return hinge(own, distance, margin=margin, allowed=negatives)


def hardest_triplet(query, gallery, *, margin):
    """Every query against the farthest gallery picture of its object and the nearest of another one (batch hard).

    Parameters
    ----------
    query, gallery : torch.Tensor, shapes (n, k, d) and (n, l, d)
    margin : float

    Returns
    -------
    torch.Tensor, shape ()

    Notes
    -----
    Hermans, Beyer and Leibe (2017), with the hinge; the mean is over all anchors, active or not.
    """
    n, k, l = len(query), query.shape[1], gallery.shape[1]
    distance = torch.cdist(query.reshape(n * k, -1), gallery.reshape(n * l, -1))
    same = torch.arange(n).repeat_interleave(k)[:, None] == torch.arange(n).repeat_interleave(l)
    own = distance.masked_fill(~same, -torch.inf).amax(1)
    nearest = distance.masked_fill(same, torch.inf).amin(1)
    return (own - nearest + _margin(margin)).clamp_min(0).mean()


class CosineSoftmax(nn.Module):
    """Classification of unit vectors with a margin on the cosine of the right class (CosFace).

    Parameters
    ----------
    n_classes, dim : int
    rng : numpy.random.Generator
        Draws the start of the class vectors.
    scale : float
        What cosines are multiplied by.

    Notes
    -----
    ``-log softmax(scale (cos - margin [own class]))``, Wang et al. (2018); without margin it is a cross-entropy.

    Examples
    --------
    >>> import numpy as np
    >>> head = CosineSoftmax(4, 3, rng=np.random.default_rng(0))
    >>> head(torch.eye(3), torch.tensor([0, 1, 2]), margin=0.1).shape
    torch.Size([])
    """

    def __init__(self, n_classes, dim, *, rng, scale=16.0):
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale must be positive, got {scale}; cosines are multiplied by it")
        start = torch.as_tensor(rng.standard_normal((n_classes, dim)), dtype=torch.float32)
        self.classes, self.scale = nn.Parameter(start), scale

    def cosine(self, vectors):
        """Cosines with every class vector, shape (m, n_classes)."""
        return nn.functional.normalize(vectors, dim=-1) @ nn.functional.normalize(self.classes, dim=-1).T

    def forward(self, vectors, labels, *, margin=0.0):
        """Mean loss of vectors (m, dim) with classes ``labels`` (m,)."""
        cosine = self.cosine(vectors)
        own = nn.functional.one_hot(labels, cosine.shape[1]) * margin
        return nn.functional.cross_entropy(self.scale * (cosine - own), labels)
