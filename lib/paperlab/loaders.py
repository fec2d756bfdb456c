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
