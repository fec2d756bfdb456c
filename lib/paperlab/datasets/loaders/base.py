"""One loader per data set: verified files in, tidy objects out, with rows, columns and ranges checked."""

from paperlab.errors import PaperlabError

_LOADERS = {}


def loader(function):
    """Register a loader under its function's name; it takes ``{file name: Path}``."""
    _LOADERS[function.__name__] = function
    return function


def load(name, files):
    """Call the loader of a data set.

    Raises
    ------
    PaperlabError
        If no loader exists or the content is not what the loader expects.
    """
    if name not in _LOADERS:
        raise PaperlabError(
            f"data set {name} has no loader; use datasets.paths_of({name!r}) and read the files yourself"
        )
    return _LOADERS[name](files)


def expect(name, frame, *, rows=None, columns=(), ranges=None):
    """Return ``frame`` if it has these rows, columns and value ranges; say what differs otherwise.

    Parameters
    ----------
    ranges : dict, optional
        Column to ``(low, high)``; missing values are not compared.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise PaperlabError(
            f"data set {name}: columns {', '.join(missing)} are missing; is it the file of data/registry.yml?"
        )
    if rows is not None and len(frame) != rows:
        raise PaperlabError(f"data set {name}: {len(frame)} rows, expected {rows}")
    for column, (low, high) in (ranges or {}).items():
        values = frame[column].dropna()
        if values.dtype.kind not in "iufb":
            raise PaperlabError(f"data set {name}: column {column} must hold numbers, got {values.iloc[0]!r}")
        if len(values) and not (low <= values.min() and values.max() <= high):
            raise PaperlabError(
                f"data set {name}: column {column} must lie in [{low}, {high}], got [{values.min()}, {values.max()}]"
            )
    return frame


@loader
def abadie_401k(files):
    """SIPP 1991, 9,275 households; incomes and net assets in 1,000 dollars (columns as in the package)."""
    import pandas as pd

    frame = pd.read_csv(files["datasets/401ksubs.csv.bz2"])
    columns = ("e401k", "inc", "marr", "male", "age", "fsize", "nettfa", "p401k", "pira", "incsq", "agesq")
    frame = frame[[column for column in columns if column in frame.columns]]
    return expect(
        "abadie_401k",
        frame,
        columns=columns,
        ranges={"e401k": (0, 1), "p401k": (0, 1), "age": (25, 64), "inc": (10, 200)},
    )


@loader
def pension_401k(files):
    """SIPP 1991, 9,915 households; incomes and net assets in dollars."""
    import pandas as pd

    frame = pd.read_csv(files["401k.csv"])
    return expect(
        "pension_401k",
        frame,
        columns=("e401", "p401", "inc", "age", "fsize", "net_tfa", "educ", "db", "marr", "twoearn", "pira", "hown"),
        ranges={"e401": (0, 1), "p401": (0, 1), "age": (25, 64)},
    )


@loader
def fhfa_hpi_metro(files):
    """House price index by metropolitan area and quarter: name, cbsa, year, quarter, index, index_se; NaN where missing."""
    import pandas as pd

    frame = pd.read_csv(files["HPI_AT_metro.csv"], na_values="-")
    if frame.shape[1] != 6:
        raise PaperlabError(f"data set fhfa_hpi_metro: {frame.shape[1]} columns, expected 6")
    frame.columns = ["name", "cbsa", "year", "quarter", "index", "index_se"]
    frame["index_se"] = pd.to_numeric(frame["index_se"].astype(str).str.strip("() "), errors="coerce")
    return expect("fhfa_hpi_metro", frame, ranges={"year": (1975, 2030), "quarter": (1, 4), "index": (1, 10_000)})


@loader
def spinnaker_stdp(files):
    """The authors' tables: metrics_1, metrics_2, metrics_3 (one row per case), pairs and triples (lists of words)."""
    import pandas as pd

    names = {
        "metrics_1": "output_metrics_1.csv",
        "metrics_2": "output_metrics_2.csv",
        "metrics_3": "output_metrics_3.csv",
        "pairs": "2values_to_test.csv",
        "triples": "3values_to_test.csv",
    }
    tables = {}
    for key, file in names.items():
        tables[key] = pd.read_csv(files[file], skipinitialspace=True)
        tables[key].columns = [str(column).strip() for column in tables[key].columns]
    for key, rows in (("metrics_1", 1), ("metrics_2", 14), ("metrics_3", 67), ("pairs", 15), ("triples", 67)):
        expect("spinnaker_stdp", tables[key], rows=rows)
    return tables


@loader
def pse_prices(files):
    """Closing prices (days by stocks, PSEi last, NaN or 0 in gaps) and Barron's betas (by stock): keys prices, betas."""
    import pandas as pd

    prices = pd.read_csv(files["PSE.csv"], index_col="dt", parse_dates=["dt"])
    if prices.empty or prices.columns[-1] != "PSEi" or not prices.index.is_monotonic_increasing:
        raise PaperlabError("data set pse_prices: PSE.csv must hold days in order and PSEi in its last column")
    expect("pse_prices", prices, ranges=dict.fromkeys(prices.columns, (0, 1e6)))
    screen = expect("pse_prices", pd.read_csv(files["PSE_Barrons.csv"]), columns=("Stock Symbol", "Beta"))
    betas = pd.to_numeric(screen.set_index("Stock Symbol")["Beta"], errors="coerce").dropna()
    return {"prices": prices, "betas": betas[~betas.index.duplicated()]}


@loader
def ph_macro(files):
    """Quarterly growth [%], psei, policy_rate and unemployment [%], indexed by quarter."""
    import pandas as pd

    frame = pd.read_csv(files["SampleVAR.csv"], encoding="utf-8-sig")
    columns = {"real_gdp_growth": "growth", "psei": "psei", "bsp_rrp": "policy_rate", "unem": "unemployment"}
    expect("ph_macro", frame, columns=("date", *columns), ranges={"real_gdp_growth": (-30, 30)})
    frame.index = pd.PeriodIndex(pd.to_datetime(frame["date"], format="%m/%d/%y"), freq="Q", name="quarter")
    return frame[list(columns)].rename(columns=columns)


@loader
def moe_trajectories(files):
    """Keys example (Y1 to Y10, T1 to T10, gates gx1 gx2, experts ex1 ex2, class) and school (R, M, S, T, covariates)."""
    import pandas as pd

    tables = {"example": pd.read_csv(files["BLS_dat2.csv"]), "school": pd.read_csv(files["RMS_dat.csv"])}
    columns = [f"{v}{j}" for v in "YT" for j in range(1, 11)] + ["gx1", "gx2", "class", "ex1", "ex2"]
    ranges = {f"T{j}": (0, 9) for j in range(1, 11)} | {"class": (1, 2)}
    expect("moe_trajectories", tables["example"], rows=500, columns=columns, ranges=ranges)
    columns = [f"{v}{j}" for v in "RMT" for j in range(1, 10)] + ["INCOME", "EDU", "Attention_focus"]
    ranges = {f"T{j}": (50, 160) for j in range(1, 10)} | {"INCOME": (1, 18), "EDU": (1, 9)}
    expect("moe_trajectories", tables["school"], rows=500, columns=columns, ranges=ranges)
    return tables


@loader
def optical_device(files):
    """Experiments by number: frames with x1 to x9 (grey values), c (confounder), y (photo diode); attrs["brfactor"]: strength."""
    import re

    import pandas as pd

    columns = [f"x{j}" for j in range(1, 10)] + ["c", "y"]
    experiments = {}
    for name, path in files.items():
        found = re.search(r"exp_no_(\d+)_brfactor_([\d.]+)_", name)
        if not found:
            raise PaperlabError(f"data set optical_device: {name} names no experiment and strength")
        frame = pd.read_csv(path, sep=r"\s+", header=None)
        if frame.shape[1] != 11:
            raise PaperlabError(f"data set optical_device: {name} has {frame.shape[1]} columns, expected 11")
        frame.columns = columns
        expect("optical_device", frame, rows=1000, ranges=dict.fromkeys(columns, (0, 1023)))
        frame.attrs["brfactor"] = float(found[2])
        experiments[int(found[1])] = frame
    return dict(sorted(experiments.items()))


@loader
def ono_burden(files):
    """Conjoint choices, one row per candidate: respondentIndex, task, profile, 13 attributes, selected, Office, R_ columns."""
    import pandas as pd

    frame = pd.read_csv(files["ono_burden_2019.csv"], keep_default_na=False)
    for column in ("R_Education", "R_Class", "R_Ideology"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    ranges = {"task": (1, 10), "profile": (1, 2), "selected": (0, 1), "R_Age": (18, 100)}
    columns = ("respondentIndex", "Sex", "Party.affiliation", "Office", "R_Partisanship", *ranges)
    expect("ono_burden", frame, columns=columns, ranges=ranges)
    chosen = frame.groupby(["respondentIndex", "task"])["selected"].agg(["size", "sum"])
    if not ((chosen["size"] == 2) & (chosen["sum"] == 1)).all():
        raise PaperlabError("data set ono_burden: every task must have two profiles, exactly one of them selected")
    return frame


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
            f"data set student_insomnia: expected 15 columns and five levels of sleep_quality, got {frame.shape[1]} and {unknown}"
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
def causalimages_tutorial(files):
    """Image chips, uint8, shape (327, 35, 35, 3)."""
    import numpy as np

    with np.load(files["images_327x35x35x3.npz"]) as archive:
        images = archive["images"] if "images" in archive else np.empty(0)
    if images.shape[1:] != (35, 35, 3) or images.dtype != np.uint8:
        raise PaperlabError(
            f"data set causalimages_tutorial: images must be uint8 of shape (chips, 35, 35, 3), got {images.dtype} {images.shape}"
        )
    return images


@loader
def gss_happiness(files):
    """General Social Survey 1994 to 2006: happy (not too, pretty, very), 32 further answers; missing stays missing."""
    import pandas as pd

    frame = pd.read_csv(files["datasets/happiness.csv.bz2"])
    expect(
        "gss_happiness", frame, columns=("happy", "workstat", "educ"), ranges={"year": (1994, 2006), "educ": (0, 20)}
    )
    return frame
