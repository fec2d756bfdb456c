"""Observations with a binary treatment and a binary instrument: one sample, or a stack of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from paperlab.methods.foundations.checks import binary, finite


@dataclass(frozen=True)
class Sample:
    """Observations, checked.

    Attributes
    ----------
    y : ndarray, shape (..., n)
        Outcome.
    treatment, instrument : ndarray of 0 and 1, shape (..., n)
    x : ndarray, shape (..., n, d)
        Covariates.
    u : ndarray, shape (..., n), optional
        The hidden confounder of simulated data; no estimator reads it.

    Raises
    ------
    ValueError
        If a value is not finite or a treatment or instrument not binary (names argument and row), shapes differ, or an
        arm of the instrument is empty.
    """

    y: np.ndarray
    treatment: np.ndarray
    instrument: np.ndarray
    x: np.ndarray
    u: np.ndarray | None = None

    def __post_init__(self):
        checked = {
            "y": finite("y", self.y, -1),
            "treatment": binary("treatment", self.treatment, -1),
            "instrument": binary("instrument", self.instrument, -1),
            "x": finite("x", self.x, -2 if np.ndim(self.x) > 1 else 0),
        }
        shape = checked["y"].shape
        for name in ("treatment", "instrument"):
            if checked[name].shape != shape:
                raise ValueError(f"{name} must have the shape of y, got {checked[name].shape} and {shape}")
        if checked["x"].shape[:-1] != shape:
            raise ValueError(
                f"x must have shape {shape} + (d,), got {checked['x'].shape}; use x[..., None] for one covariate"
            )
        for arm in (0, 1):
            if not (checked["instrument"] == arm).any(-1).all():
                raise ValueError(f"instrument must take both values in every sample, but nobody has {arm}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)


def validate(y, treatment, instrument, x):
    """Observations of one's own as a `Sample`, with a warning where the functional degenerates.

    Parameters
    ----------
    y, treatment, instrument : array_like, shape (..., n)
    x : array_like, shape (..., n, d)

    Returns
    -------
    Sample

    Raises
    ------
    ValueError
        As `Sample`.

    Warns
    -----
    UserWarning
        If the treatment does not vary in one of the arms: there its variance and its confounding are zero,
        and the functional degenerates to regression in the other arm.
    """
    sample = Sample(y, treatment, instrument, x)
    for arm in (0, 1):
        here = sample.instrument == arm
        treated, size = (sample.treatment * here).sum(-1), here.sum(-1)
        if np.any((treated == 0) | (treated == size)):
            warnings.warn(
                f"treatment does not vary where instrument = {arm}: its variance there is zero, and the functional is "
                f"regression among instrument = {1 - arm}",
                stacklevel=2,
            )
    return sample
