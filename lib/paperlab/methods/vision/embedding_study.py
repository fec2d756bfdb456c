"""Objects with query and gallery pictures, and the loop that trains one network on batches of them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from paperlab.methods.foundations.nets import train
from paperlab.methods.vision.cuboids import common_side, gallery_pictures, query_pictures


@dataclass(frozen=True)
class Objects:
    """Pictures of objects, or features of pictures, by object.

    Attributes
    ----------
    query, gallery : torch.Tensor, shapes (n, k, ...) and (n, l, ...)
        Pictures (colours, height, width) or features (d,).
    common : torch.Tensor of bool, shape (n, k, l), or None
        Which pairs show a side in common, where that is known.
    """

    query: torch.Tensor
    gallery: torch.Tensor
    common: torch.Tensor | None = None

    def __len__(self):
        return len(self.query)

    def take(self, rows):
        """Only these objects."""
        return Objects(self.query[rows], self.gallery[rows], None if self.common is None else self.common[rows])

    def dealt(self, order):
        """The galleries dealt to other objects: object i gets that of ``order[i]``."""
        return Objects(self.query, self.gallery[order], None)


@dataclass(frozen=True)
class Steps:
    """What `fit` does in a step, and how often.

    Attributes
    ----------
    n_steps : int
    n_objects, n_query, n_gallery : int
        Objects of a step; pictures of each on either side, drawn without return.
    learning_rate : float
        Of Adam at the first step; half a cosine leads down to zero.
    unit : bool
        Whether the loss sees vectors of length one.
    """

    n_steps: int
    n_objects: int
    n_query: int
    n_gallery: int
    learning_rate: float = 3e-3
    unit: bool = True


@dataclass(frozen=True)
class Batch:
    """Vectors of the objects of one step, and the generator for what a loss draws.

    Attributes
    ----------
    query, gallery : torch.Tensor, shapes (n, k, d) and (n, l, d)
    common : torch.Tensor of bool, shape (n, k, l), or None
    labels : torch.Tensor of int, shape (n,)
        Numbers of the objects.
    rng : numpy.random.Generator
    """

    query: torch.Tensor
    gallery: torch.Tensor
    common: torch.Tensor | None
    labels: torch.Tensor
    rng: np.random.Generator

    def draws(self, *shape):
        """Uniform random numbers as a tensor."""
        return torch.as_tensor(self.rng.random(shape), dtype=torch.float32)


def pictured(boxes, n_query, *, size, rng):
    """`Objects` of boxes: six gallery pictures and ``n_query`` queries of each, and which pairs share a side."""
    gallery = gallery_pictures(boxes, size=size, rng=rng)
    query = query_pictures(boxes, n_query, size=size, rng=rng)
    common = common_side(query.shown[:, :, None], gallery.shown[:, None])
    return Objects(as_channels(query.images), as_channels(gallery.images), torch.as_tensor(common))


def colour_histograms(images, *, bins=4):
    """Shares of the pixels of every picture in ``bins`` ** 3 cells of the colour cube, about their mean.

    Parameters
    ----------
    images : torch.Tensor, shape (..., 3, height, width)
        In [0, 1].
    bins : int
        Along each colour.

    Returns
    -------
    ndarray, shape (..., bins ** 3)
        The square root of the shares, less its mean over all pictures; without that, all cosines are near one.
    """
    cell = (images.numpy() * bins).astype(int).clip(0, bins - 1)
    cell = (cell[..., 0, :, :] * bins + cell[..., 1, :, :]) * bins + cell[..., 2, :, :]
    flat = cell.reshape(-1, cell.shape[-2] * cell.shape[-1])
    shares = np.stack([(flat == k).mean(1) for k in range(bins**3)], axis=1) ** 0.5
    return (shares - shares.mean(0)).reshape(*cell.shape[:-2], -1)


class ClassLoss:
    """A head on all pictures of a batch, as a loss for `fit`.

    Parameters
    ----------
    head : CosineSoftmax
        With a class for each training object.
    margin : float
        On the cosine of the right class.
    """

    def __init__(self, head, margin):
        self.head, self.margin = head, margin

    def parameters(self):
        """Parameters of the head."""
        return self.head.parameters()

    def __call__(self, batch):
        """Mean loss of the pictures on both sides."""
        vectors = torch.cat([part.flatten(0, 1) for part in (batch.query, batch.gallery)])
        labels = [batch.labels.repeat_interleave(part.shape[1]) for part in (batch.query, batch.gallery)]
        return self.head(vectors, torch.cat(labels), margin=self.margin)


def as_channels(images):
    """Pictures (..., height, width, colours) as a tensor (..., colours, height, width)."""
    return torch.as_tensor(images).movedim(-1, -3).contiguous()


def pooled(features, labels, *, n_query, n_gallery, rng):
    """`Objects` of features by label, where every object has its own number of pictures.

    Parameters
    ----------
    features : ndarray, shape (n, d)
    labels : array_like, shape (n,)
        Any labels; each needs three pictures or more.
    n_query, n_gallery : int
        Places on either side. A third of an object's pictures, by lot, goes to the gallery, the others to the queries;
        they are repeated in turn until the places are full.
    rng : numpy.random.Generator

    Returns
    -------
    Objects
        In the order of the sorted labels.

    Raises
    ------
    ValueError
        If an object has fewer than three pictures; the message names it.

    Examples
    --------
    >>> z = np.arange(6.0)[:, None]
    >>> made = pooled(z, list("aaabbb"), n_query=4, n_gallery=1, rng=np.random.default_rng(0))
    >>> made.query.shape, made.gallery.shape
    (torch.Size([2, 4, 1]), torch.Size([2, 1, 1]))
    """
    labels = np.asarray(labels)
    sides = [], []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        if len(rows) < 3:
            raise ValueError(f"object {label} has {len(rows)} pictures, at least 3 are needed; leave it out")
        third = len(rows) // 3
        for side, part, places in zip(sides, (rows[third:], rows[:third]), (n_query, n_gallery)):
            side.append(np.resize(part, places))
    query, gallery = (torch.as_tensor(features[np.array(side)], dtype=torch.float32) for side in sides)
    return Objects(query, gallery)


def fit(net, objects, loss, steps, *, rng):
    """Train a network by a loss on batches of objects.

    Parameters
    ----------
    net : torch.nn.Module
        From pictures to vectors; changed in place and left in ``eval()`` mode.
    objects : Objects
    loss : callable
        ``loss(batch)`` of a `Batch` gives a tensor of shape (); its own parameters are trained, too.
    steps : Steps
    rng : numpy.random.Generator
        One stream for the pictures of the steps and another one for the loss are spawned from it, so that two losses
        see the same pictures.

    Returns
    -------
    ndarray, shape (n_steps,)
        The loss before every step.

    Raises
    ------
    ValueError
        If more objects or pictures are asked for than there are, or fewer than two objects.

    Examples
    --------
    >>> from paperlab.methods.vision.conv_net import ConvNet
    >>> from paperlab.methods.vision.cuboids import draw_boxes
    >>> from paperlab.methods.vision.metric_losses import hardest_triplet
    >>> rng = np.random.default_rng(0)
    >>> objects = pictured(draw_boxes(6, rng=rng), 3, size=8, rng=rng)
    >>> net = ConvNet([4], [2], dim=4, rng=rng)
    >>> steps = Steps(n_steps=5, n_objects=4, n_query=2, n_gallery=2)
    >>> fit(net, objects, lambda b: hardest_triplet(b.query, b.gallery, margin=0.2), steps, rng=rng).shape
    (5,)
    """
    n_objects, n_query, n_gallery = steps.n_objects, steps.n_query, steps.n_gallery
    asked = {"n_objects": (n_objects, len(objects), 2), "n_query": (n_query, objects.query.shape[1], 1)}
    asked["n_gallery"] = (n_gallery, objects.gallery.shape[1], 1)
    for name, (value, there, least) in asked.items():
        if not least <= value <= there:
            raise ValueError(f"{name} must lie in [{least}, {there}], the data's number, got {value}")
    pictures, for_loss = rng.spawn(2)

    def step(_):
        chosen = pictures.choice(len(objects), n_objects, replace=False)
        rows = [
            torch.as_tensor(pictures.random((n_objects, part.shape[1])).argsort(1)[:, :k])
            for part, k in ((objects.query, n_query), (objects.gallery, n_gallery))
        ]
        labels = torch.as_tensor(chosen)
        seen = [part[labels[:, None], row] for part, row in zip((objects.query, objects.gallery), rows)]
        z = net(torch.cat([part.flatten(0, 1) for part in seen]))
        z = normalize(z, dim=-1) if steps.unit else z
        query, gallery = z.split([n_objects * n_query, n_objects * n_gallery])
        common = None
        if objects.common is not None:
            common = objects.common[labels[:, None, None], rows[0][:, :, None], rows[1][:, None]]
        shaped = query.view(n_objects, n_query, -1), gallery.view(n_objects, n_gallery, -1)
        return loss(Batch(*shaped, common, labels, for_loss))

    net.train()
    parameters = [*net.parameters(), *(loss.parameters() if hasattr(loss, "parameters") else ())]
    history = train(step, parameters, n_steps=steps.n_steps, learning_rate=steps.learning_rate)
    net.eval()
    return history[:, 0].numpy()
