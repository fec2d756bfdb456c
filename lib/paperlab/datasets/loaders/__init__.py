"""One loader per data set, in one module per part of the book; importing this registers all of them."""

from paperlab.datasets.loaders import causes, latent_factors, predictions, recommenders, spiking, vision
from paperlab.datasets.loaders.base import expect, load

__all__ = ["causes", "expect", "latent_factors", "load", "predictions", "recommenders", "spiking", "vision"]
