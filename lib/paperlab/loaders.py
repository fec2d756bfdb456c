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
def moe_example(files):
    """500 simulated persons: Y1 to Y10, times T1 to T10, gating gx1 and gx2, expert ex1 and ex2 covariates, true class (1, 2)."""
    import pandas as pd

    frame = pd.read_csv(files["BLS_dat2.csv"])
    columns = [f"{v}{j}" for v in "YT" for j in range(1, 11)] + ["gx1", "gx2", "class", "ex1", "ex2"]
    ranges = {f"T{j}": (0, 9) for j in range(1, 11)} | {"class": (1, 2)}
    return expect("moe_example", frame, rows=500, columns=columns, ranges=ranges)


@loader
def moe_trajectories(files):
    """500 children: reading R1 to R9, mathematics M1 to M9, science S2 to S9, months of age T1 to T9, 13 covariates."""
    frame = read_rdata(files["RMS_dat.RData"])["RMS_dat"].drop(columns="ID", errors="ignore")
    columns = [f"{v}{j}" for v in "RMT" for j in range(1, 10)] + ["INCOME", "EDU", "Attention_focus"]
    ranges = {f"T{j}": (50, 160) for j in range(1, 10)} | {"INCOME": (1, 18), "EDU": (1, 9)}
    return expect("moe_trajectories", frame, columns=columns, ranges=ranges)


def read_rdata(path):
    """Data frames of a gzipped RData file (XDR, versions 2 and 3) as ``{name: DataFrame}``.

    Reads what a saved data frame consists of: lists, vectors of numbers and strings, attributes. Nothing is executed.

    Raises
    ------
    PaperlabError
        If the file is of another kind or holds functions, environments or the like.
    """
    import gzip
    import struct

    import numpy as np
    import pandas as pd

    content = gzip.decompress(path.read_bytes())
    version = content[3:4]
    if content[:3] != b"RDX" or version not in b"23" or content[5:7] != b"X\n":
        raise PaperlabError(f"{path.name} is not an RData file of version 2 or 3")
    at, symbols = 7 + 12, []
    if version == b"3":
        at += 4 + struct.unpack_from(">i", content, at)[0]

    def integer():
        nonlocal at
        at += 4
        return struct.unpack_from(">i", content, at - 4)[0]

    def vector(dtype):
        nonlocal at
        size = integer()
        values = np.frombuffer(content, dtype, size, at)
        at += values.nbytes
        return values

    def item():
        nonlocal at
        flags = integer()
        kind, has_attributes, has_tag = flags & 0xFF, flags & 0x200, flags & 0x400
        if kind == 254:
            return None
        if kind == 255:
            return symbols[(flags >> 8) - 1]
        if kind == 1:
            symbols.append(item())
            return symbols[-1]
        if kind == 2:  # a pair list, as a dict by tag
            if has_attributes:
                item()
            tag = item() if has_tag else None
            value = item()
            return {tag: value} | (item() or {})
        if kind == 9:
            size = integer()
            at += max(size, 0)
            return None if size < 0 else content[at - size : at].decode("utf-8", "replace")
        if kind in (10, 13):
            value = vector(">i4").astype(float)
            value[value == -(2**31)] = np.nan
        elif kind == 14:
            value = vector(">f8").astype(float)
        elif kind in (16, 19):
            value = [item() for _ in range(integer())]
        else:
            raise PaperlabError(f"{path.name} holds an R object of type {kind}, which is not read here")
        attributes = item() if has_attributes else {}
        if "data.frame" in (attributes.get("class") or []):
            return pd.DataFrame(dict(zip(attributes["names"], value, strict=True)))
        return value

    return item()
