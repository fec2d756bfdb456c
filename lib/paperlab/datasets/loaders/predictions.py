"""Loaders of the part on predictions that people act on."""

from paperlab.datasets.loaders.base import expect, loader
from paperlab.errors import PaperlabError


@loader
def estm_thermoelectric(files):
    """Measurements: formula, temperature_k, seebeck_uv_k, conductivities, power_factor_w_mk2, zt, reference."""
    import pandas as pd

    frame = pd.read_csv(files["estm.csv"])
    ranges = {"temperature_k": (1, 2000), "power_factor_w_mk2": (0, 0.1), "zt": (0, 5)}
    return expect("estm_thermoelectric", frame, columns=("formula", "reference", *ranges), ranges=ranges)


@loader
def lpbf_relative_density(files):
    """Parts: material, process parameters with their units in the name, printer, doi, relative_density_pct."""
    import pandas as pd

    frame = pd.read_csv(files["lpbf_relative_density.csv"], keep_default_na=False)
    ranges = {
        "laser_power_w": (1, 2000),
        "scan_speed_mm_s": (1, 20_000),
        "hatch_mm": (0, 2),
        "layer_mm": (0, 1),
        "spot_mm": (0, 1),
        "d50_um": (1, 200),
        "relative_density_pct": (0, 100),
    }
    columns = ("material", "density_method", "atmosphere", "geometry", "geometric_factor", "printer", "doi", *ranges)
    return expect("lpbf_relative_density", frame, columns=columns, ranges=ranges)


@loader
def student_insomnia(files):
    """Fifteen answers per student, as text."""
    import pandas as pd

    frame = pd.read_csv(files["student_insomnia_v1.csv"], keep_default_na=False)
    expect("student_insomnia", frame, columns=("hours_sleep", "sleep_quality", "caffeine", "academic_stress"))
    known = {"Very poor", "Poor", "Average", "Good", "Very good"}
    unknown = sorted(set(frame["sleep_quality"]) - known)
    if unknown or frame.shape[1] != 15:
        raise PaperlabError(
            "data set student_insomnia: expected 15 columns and five levels of sleep_quality, "
            f"got {frame.shape[1]} and {unknown}"
        )
    return frame


@loader
def sleep_health_lifestyle(files):
    """Rows of the synthetic set; names in snake_case, blood pressure split into systolic and diastolic."""
    import pandas as pd

    frame = pd.read_csv(files["Sleep_health_and_lifestyle_dataset.csv"], keep_default_na=False)
    frame.columns = [column.lower().replace(".", "_") for column in frame.columns]
    ranges = {"age": (18, 100), "sleep_duration": (3, 12), "quality_of_sleep": (1, 10), "stress_level": (1, 10)}
    expect("sleep_health_lifestyle", frame, columns=("person_id", "blood_pressure", *ranges), ranges=ranges)
    pressure = frame.pop("blood_pressure").astype(str).str.extract(r"^(\d+)/(\d+)$")
    if pressure.isna().any(axis=None):
        raise PaperlabError("data set sleep_health_lifestyle: blood pressure must read like 126/83")
    return frame.assign(systolic=pressure[0].astype(int), diastolic=pressure[1].astype(int))


@loader
def multidiagnosis_predictions(files):
    """Scores s0 to s3 of one model on one recording per row; binary tasks have s0 (healthy) and s1 only."""
    import pandas as pd

    frame = pd.read_csv(files["predictions_val_test.csv"])
    scores = {f"s{j}": (0, 1) for j in range(4)}
    columns = ("target", "modality", "model", "is_baseline", "split", "person", "origin", "study", "trial", "label")
    expect("multidiagnosis_predictions", frame, columns=(*columns, *scores), ranges=scores)
    several = frame.groupby("person")[["split", "label", "study"]].nunique().max(axis=1)
    if (several > 1).any():
        raise PaperlabError("data set multidiagnosis_predictions: a person has two labels, studies or splits")
    return frame


@loader
def gss_happiness(files):
    """General Social Survey 1994 to 2006: happy (not too, pretty, very), 32 further answers; missing stays missing."""
    import pandas as pd

    frame = pd.read_csv(files["datasets/happiness.csv.bz2"])
    expect(
        "gss_happiness", frame, columns=("happy", "workstat", "educ"), ranges={"year": (1994, 2006), "educ": (0, 20)}
    )
    return frame
