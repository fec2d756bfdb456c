"""Laser powder bed fusion: energy density, a made-up process with known physics, and features of published parts.

Page ``thermoelectric_power``. ``draw_parts`` makes parts whose power factor follows from porosity and evaporation;
``process_features`` and ``composition_features`` turn the two public tables into numbers for a classifier.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from paperlab.methods.foundations.checks import codes, finite

POWERS = np.arange(15.0, 51, 5)  # W
SPEEDS = np.arange(150.0, 701, 50)  # mm/s
HATCHES = np.arange(0.03, 0.071, 0.01)  # mm
LAYERS = np.array([0.05, 0.075, 0.1])  # mm
SCANS = np.arange(1, 6)
SPOT = 0.05  # mm

PARAMETERS = ("power", "speed", "hatch", "layer", "scans", "spot", "VED")
SENSORS = (
    "photodiode mean",
    "photodiode sd",
    "photodiode max",
    "melt area mean",
    "melt area sd",
    "spatter count",
    "plume",
    "layer height sd",
    "acoustic",
)


def energy_density(power, speed, hatch, layer, scans=1):
    """Volumetric energy density ``P sqrt(scans) / (v h t)`` in J/mm^3.

    Parameters
    ----------
    power, speed, hatch, layer, scans : array_like
        Laser power [W], scan speed [mm/s], line distance and layer thickness [mm], number of scans; broadcast together.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If a value is not finite or not positive; names the argument and the first such row.

    Examples
    --------
    >>> float(energy_density(25, 350, 0.05, 0.075, scans=4).round(2))
    38.1
    """
    values = [
        _positive(name, value)
        for name, value in (("power", power), ("speed", speed), ("hatch", hatch), ("layer", layer), ("scans", scans))
    ]
    power, speed, hatch, layer, scans = values
    return power * np.sqrt(scans) / (speed * hatch * layer)


def _positive(name, values):
    values = np.asarray(values, float)
    wrong = np.flatnonzero(~((values > 0) & np.isfinite(values)))
    if len(wrong):
        raise ValueError(
            f"{name} = {values.ravel()[wrong[0]]} in row {wrong[0]}: "
            f"the energy density needs a positive {name}; drop the row"
        )
    return values


def _logs(power, speed, hatch, layer, scans, spot):
    energy = np.log(energy_density(power, speed, hatch, layer, scans))
    return 0.6 * np.log(power / np.sqrt(speed * spot)) + 0.2 * np.log(scans), energy


def _moments():
    """Mean and standard deviation of both logarithms over the whole factorial design: no sample sets its own zero."""
    grid = np.array(list(itertools.product(POWERS, SPEEDS, HATCHES, LAYERS, SCANS)))
    logs = _logs(*grid.T, SPOT)
    return [(values.mean(), values.std()) for values in logs]


MOMENTS = _moments()


@dataclass(frozen=True)
class Process:
    """What a laser makes of a powder, in the shape of the settings.

    Attributes
    ----------
    value : ndarray
        Power factor S^2 sigma relative to a dense part without loss.
    heat, energy : ndarray
        Standardised logarithms.
    lack_of_fusion, keyhole : ndarray
        Shares of both kinds of pores, 0 to 1.
    tellurium_loss : ndarray
    """

    value: np.ndarray
    heat: np.ndarray
    energy: np.ndarray
    lack_of_fusion: np.ndarray
    keyhole: np.ndarray
    tellurium_loss: np.ndarray


def power_factor(power, speed, hatch, layer, scans, spot=SPOT, *, rng, absorption=1.0):
    """Relative power factor S^2 sigma of parts made with these settings, and the states of the process behind it.

    Parameters
    ----------
    power, speed, hatch, layer, scans, spot : array_like
        Settings in W, mm/s, mm, mm, number, mm; broadcast together.
    rng : numpy.random.Generator or None
        Draws the scatter from part to part; None gives the expected process.
    absorption : float
        Share of the power that reaches the powder, relative to the machine of the design.

    Returns
    -------
    Process

    Raises
    ------
    ValueError
        If a setting or the absorption is not finite or not positive; names it and the first such row.
    """
    power, spot = _positive("power", power) * _positive("absorption", absorption), _positive("spot", spot)
    heat, energy = _logs(power, speed, hatch, layer, scans, spot)
    heat, energy = ((values - mean) / sd for values, (mean, sd) in zip((heat, energy), MOMENTS, strict=True))

    def noise(scale):
        return 0.0 if rng is None else scale * rng.standard_normal(np.shape(heat))

    heat = heat + noise(0.05)
    lack = 1 / (1 + np.exp(2.5 * (energy + 0.6)))
    keyhole = 1 / (1 + np.exp(-2.5 * (heat - 0.9)))
    porosity = 0.03 + 0.28 * lack + 0.18 * keyhole + np.abs(noise(0.01))
    loss = 0.05 * np.maximum(0, heat - 0.3)
    conductivity = (1 - porosity) ** 2.5 * (1 + 2 * loss)
    seebeck = 1 - 2.2 * loss + noise(0.03)
    return Process(seebeck**2 * conductivity * (1 + noise(0.05)), heat, energy, lack, keyhole, loss)


@dataclass(frozen=True)
class Parts:
    """Columns ``features`` (n, p) of printed parts and their power factors ``values`` (n,)."""

    features: pd.DataFrame
    values: np.ndarray


def draw_parts(n, *, rng, n_noise=20):
    """Parts with random settings, sensors that see the process, and sensors that see nothing.

    Parameters
    ----------
    n : int
        At least 10.
    rng : numpy.random.Generator
    n_noise : int
        Sensors that see nothing.

    Returns
    -------
    Parts
        Columns are `PARAMETERS`, `SENSORS`, then ``noise 1`` and so on.

    Raises
    ------
    ValueError
        If ``n`` is below 10, or ``n_noise`` negative.

    Examples
    --------
    >>> draw_parts(50, rng=np.random.default_rng(0), n_noise=2).features.shape
    (50, 18)
    """
    if n < 10 or n_noise < 0:
        raise ValueError(f"n = {n}, n_noise = {n_noise}: draw at least 10 parts and no negative number of sensors")
    columns = [rng.choice(levels, n) for levels in (POWERS, SPEEDS, HATCHES, LAYERS, SCANS)]
    columns.append(np.clip(rng.normal(SPOT, 0.005, n), 0.03, 0.07))
    made = power_factor(*columns, rng=rng)
    heat, energy, lack, keyhole = made.heat, made.energy, made.lack_of_fusion, made.keyhole

    def noise(scale):
        return scale * rng.standard_normal(n)

    columns.append(energy_density(*columns[:5]))
    columns += [
        heat + noise(0.25),
        0.5 * heat + keyhole + noise(0.4),
        heat + keyhole + noise(0.5),
        0.8 * heat + 0.3 * energy + noise(0.3),
        keyhole + lack + noise(0.3),
        rng.poisson(np.exp(0.5 + 1.2 * keyhole + 0.4 * lack)).astype(float),
        20 * made.tellurium_loss + noise(0.6),
        2 * lack + keyhole + noise(0.4),
        keyhole + noise(0.5),
    ]
    columns += list(rng.standard_normal((n_noise, n)))
    names = [*PARAMETERS, *SENSORS, *(f"noise {j + 1}" for j in range(n_noise))]
    return Parts(pd.DataFrame(dict(zip(names, columns, strict=True))), made.value)


def process_features(frame):
    """Numbers for a classifier from published parts: settings, VED, P/v, one-hot material, gas, shape, method.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns of the data set ``lpbf_relative_density``.

    Returns
    -------
    pandas.DataFrame of float, one row per part

    Raises
    ------
    ValueError
        If a setting is not finite or a label missing (names column and row), or a setting of the energy density is not
        positive.
    """
    numeric = ["laser_power_w", "scan_speed_mm_s", "hatch_mm", "layer_mm", "spot_mm", "geometric_factor", "d50_um"]
    for name in numeric:
        finite(name, frame[name])
    for name in ("density_method", "material", "atmosphere", "geometry"):
        codes(name, frame[name])
    out = frame[numeric].astype(float)
    power, speed = out["laser_power_w"], out["scan_speed_mm_s"]
    out["VED"] = energy_density(
        power.to_numpy(), speed.to_numpy(), out["hatch_mm"].to_numpy(), out["layer_mm"].to_numpy()
    )
    out["power over speed"] = power / speed
    out["image analysis"] = (frame["density_method"] == "Image analysis").astype(float)
    return out.join(pd.get_dummies(frame[["material", "atmosphere", "geometry"]], dtype=float))
