"""Contrastive losses."""

import math

import torch
from torch import nn


def info_nce(codes, labels, temperature):
    """Contrastive loss of a batch with the positives summed inside the logarithm.

    Parameters
    ----------
    codes : torch.Tensor, shape (..., K, n, d)
        Only their directions enter. Leading axes are models, trained side by side.
    labels : torch.Tensor of int, shape (K, n)
        Value of factor k in image i; only whether two are equal matters.
    temperature : float or torch.Tensor that broadcasts to (..., K, n, n)
        Positive, and large enough that n exp(1 / temperature) is a number of the codes' precision.

    Returns
    -------
    torch.Tensor, shape (..., K)
        Mean over the anchors that have a positive of -log(sum over positives / sum over all others), of
        exp(cosine / temperature); 0 where no anchor has one.

    Raises
    ------
    ValueError
        If shapes do not match or the temperature is too small.

    Notes
    -----
    Page ``xfactors``: ``NCE_k``. SupCon averages over the positives outside the logarithm; the two agree where each
    anchor has one positive.

    Examples
    --------
    >>> codes = torch.ones(1, 4, 2)  # all alike: the log share of the positives, one of three
    >>> info_nce(codes, torch.tensor([[0, 0, 1, 1]]), 0.5)
    tensor([1.0986])
    """
    if codes.shape[-3:-1] != labels.shape:
        raise ValueError(
            "codes must have shape (..., K, n, d) and labels (K, n), "
            f"got {tuple(codes.shape)} and {tuple(labels.shape)}"
        )
    least = 1 / (math.log(torch.finfo(codes.dtype).max) - math.log(max(codes.shape[-2], 1)))
    coldest = float(torch.as_tensor(temperature).min())
    if not coldest >= least:
        raise ValueError(
            f"temperature must be at least {least:.3g} for {codes.dtype}, got {coldest:.3g}; exp(1 / it) overflows"
        )
    direction = nn.functional.normalize(codes, dim=-1)
    # subtracting the diagonal from the sums later would cancel
    weight = (direction @ direction.mT / temperature).exp() * (1 - torch.eye(codes.shape[-2], dtype=codes.dtype))
    same = labels[:, :, None] == labels[:, None, :]
    anchors = same.sum(-1) > 1
    positive = torch.where(anchors, (weight * same).sum(-1), 1.0)  # log 0 would have no gradient
    everyone = torch.where(anchors, weight.sum(-1), 1.0)
    loss = torch.where(anchors, everyone.log() - positive.log(), 0.0)
    return loss.sum(-1) / anchors.sum(-1).clamp_min(1)
