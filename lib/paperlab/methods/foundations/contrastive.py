"""Contrastive losses."""

import torch
from torch import nn


def nce(t, labels, tau):
    """Contrastive loss of a batch with the positives summed inside the logarithm.

    Parameters
    ----------
    t : torch.Tensor, shape (..., K, n, d)
        Codes; only their directions enter. Leading axes are models, trained side by side.
    labels : torch.Tensor of int, shape (K, n)
        Value of factor k in image i.
    tau : float or torch.Tensor that broadcasts to (..., K, n, n)
        Temperature.

    Returns
    -------
    torch.Tensor, shape (..., K)
        Mean over the anchors that have a positive of -log(sum over positives / sum over all others), of
        exp(cosine / tau); 0 where no anchor has one.

    Notes
    -----
    SupCon averages over the positives outside the logarithm; the two agree where each anchor has one positive.
    """
    if t.shape[-3:-1] != labels.shape:
        raise ValueError(f"t has shape {tuple(t.shape)}, labels {tuple(labels.shape)}: give (..., K, n, d) and (K, n)")
    direction = nn.functional.normalize(t, dim=-1)
    # at most exp(1 / SMALLEST_TAU), within single precision; subtracting the diagonal from sums later would cancel
    weight = (direction @ direction.mT / tau).exp() * (1 - torch.eye(t.shape[-2], dtype=t.dtype))
    same = labels[:, :, None] == labels[:, None, :]
    anchors = same.sum(-1) > 1
    positive = torch.where(anchors, (weight * same).sum(-1), 1.0)  # log 0 would have no gradient
    everyone = torch.where(anchors, weight.sum(-1), 1.0)
    loss = torch.where(anchors, everyone.log() - positive.log(), 0.0)
    return loss.sum(-1) / anchors.sum(-1).clamp_min(1)
