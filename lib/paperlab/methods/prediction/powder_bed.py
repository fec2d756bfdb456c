"""Laser powder bed fusion: energy density, a made-up process with known physics, and features of published parts.

Page ``thermoelectric_power``. ``draw_parts`` makes parts whose power factor follows from porosity and evaporation;
``process_features`` and ``composition_features`` turn the two public tables into numbers for a classifier.
"""

import itertools

import numpy as np
import pandas as pd

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
    """Volumetric energy density P sqrt(scans) / (v h t) in J/mm^3; power in W, speed in mm/s, hatch and layer in mm.

    Raises
    ------
    ValueError
        If a speed, hatch or layer is not positive; names the first such row.
    """
    for name, values in (("speed", speed), ("hatch", hatch), ("layer", layer)):
        wrong = np.flatnonzero(~(np.atleast_1d(np.asarray(values, float)) > 0))
        if len(wrong):
            value = np.atleast_1d(values)[wrong[0]]
            raise ValueError(
                f"{name} = {value} in row {wrong[0]}: the energy density needs a positive {name}; drop the row"
            )
    return np.asarray(power) * np.sqrt(scans) / (np.asarray(speed) * np.asarray(hatch) * np.asarray(layer))


def _logs(power, speed, hatch, layer, scans, spot):
    heat = 0.6 * np.log(power / np.sqrt(speed * spot)) + 0.2 * np.log(scans)
    return heat, np.log(energy_density(power, speed, hatch, layer, scans))


def _moments():
    """Mean and standard deviation of both logarithms over the whole factorial design, so that no sample sets its own zero."""
    grid = np.array(list(itertools.product(POWERS, SPEEDS, HATCHES, LAYERS, SCANS)))
    logs = _logs(*grid.T, SPOT)
    return [(values.mean(), values.std()) for values in logs]


MOMENTS = _moments()


def power_factor(power, speed, hatch, layer, scans, spot=SPOT, *, rng=None, absorption=1.0):
    """Relative power factor S^2 sigma of parts made with these settings, and the states of the process behind it.

    Parameters
    ----------
    power, speed, hatch, layer, scans, spot : array_like
        Settings in W, mm/s, mm, mm, number, mm; broadcast together.
    rng : numpy.random.Generator, optional
        Draws the scatter from part to part; None gives the expected process.
    absorption : float
        Share of the power that reaches the powder, relative to the machine of the design.

    Returns
    -------
    value : ndarray
    state : dict of ndarray
        ``heat`` and ``energy`` (standardised logarithms), ``lack_of_fusion``, ``keyhole``, ``tellurium_loss``.
    """
    heat, energy = _logs(np.asarray(power) * absorption, speed, hatch, layer, scans, spot)
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
    state = {"heat": heat, "energy": energy, "lack_of_fusion": lack, "keyhole": keyhole, "tellurium_loss": loss}
    return seebeck**2 * conductivity * (1 + noise(0.05)), state


def draw_parts(n, rng, n_noise=20):
    """Parts with random settings, sensors that see the process, and sensors that see nothing.

    Returns
    -------
    features : pandas.DataFrame, shape (n, 16 + n_noise)
        `PARAMETERS`, `SENSORS`, then ``noise 1`` and so on.
    values : ndarray, shape (n,)
        Power factor.
    """
    if n < 10:
        raise ValueError(f"n = {n}: draw at least 10 parts")
    columns = [rng.choice(levels, n) for levels in (POWERS, SPEEDS, HATCHES, LAYERS, SCANS)]
    columns.append(np.clip(rng.normal(SPOT, 0.005, n), 0.03, 0.07))
    values, state = power_factor(*columns, rng=rng)
    heat, energy = state["heat"], state["energy"]
    lack, keyhole, loss = state["lack_of_fusion"], state["keyhole"], state["tellurium_loss"]

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
        20 * loss + noise(0.6),
        2 * lack + keyhole + noise(0.4),
        keyhole + noise(0.5),
    ]
    columns += list(rng.standard_normal((n_noise, n)))
    names = [*PARAMETERS, *SENSORS, *(f"noise {j + 1}" for j in range(n_noise))]
    return pd.DataFrame(dict(zip(names, columns, strict=True))), values


def process_features(frame):
    """Numbers for a classifier from the table of published parts: settings, VED, P/v, one-hot material, gas, shape, method.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns of the data set ``lpbf_relative_density``.

    Returns
    -------
    pandas.DataFrame of float, one row per part
    """
    numeric = ["laser_power_w", "scan_speed_mm_s", "hatch_mm", "layer_mm", "spot_mm", "geometric_factor", "d50_um"]
    out = frame[numeric].astype(float)
    power, speed = out["laser_power_w"], out["scan_speed_mm_s"]
    out["VED"] = energy_density(
        power.to_numpy(), speed.to_numpy(), out["hatch_mm"].to_numpy(), out["layer_mm"].to_numpy()
    )
    out["power over speed"] = power / speed
    out["image analysis"] = (frame["density_method"] == "Image analysis").astype(float)
    return out.join(pd.get_dummies(frame[["material", "atmosphere", "geometry"]], dtype=float))
