"""Loaders of the part on latent factors."""

from paperlab.datasets.loaders.base import expect, loader
from paperlab.errors import PaperlabError


@loader
def fhfa_hpi_metro(files):
    """House price index by metropolitan area and quarter.

    Columns: name, cbsa, year, quarter, index, index_se; NaN where missing.
    """
    import pandas as pd

    frame = pd.read_csv(files["HPI_AT_metro.csv"], na_values="-")
    if frame.shape[1] != 6:
        raise PaperlabError(f"data set fhfa_hpi_metro: {frame.shape[1]} columns, expected 6")
    frame.columns = ["name", "cbsa", "year", "quarter", "index", "index_se"]
    frame["index_se"] = pd.to_numeric(frame["index_se"].astype(str).str.strip("() "), errors="coerce")
    return expect("fhfa_hpi_metro", frame, ranges={"year": (1975, 2030), "quarter": (1, 4), "index": (1, 10_000)})


@loader
def pse_prices(files):
    """Keys prices (closing, days by stocks, PSEi last, NaN or 0 in gaps) and betas (Barron's, by stock)."""
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
    """Tables under the keys example and school.

    Columns of example: Y1 to Y10, T1 to T10, gates gx1 gx2, experts ex1 ex2, class; of school: R, M, S, T, covariates.
    """
    import pandas as pd

    tables = {"example": pd.read_csv(files["BLS_dat2.csv"]), "school": pd.read_csv(files["RMS_dat.csv"])}
    columns = [f"{v}{j}" for v in "YT" for j in range(1, 11)] + ["gx1", "gx2", "class", "ex1", "ex2"]
    ranges = {f"T{j}": (0, 9) for j in range(1, 11)} | {"class": (1, 2)}
    expect("moe_trajectories", tables["example"], rows=500, columns=columns, ranges=ranges)
    columns = [f"{v}{j}" for v in "RMT" for j in range(1, 10)] + ["INCOME", "EDU", "Attention_focus"]
    ranges = {f"T{j}": (50, 160) for j in range(1, 10)} | {"INCOME": (1, 18), "EDU": (1, 9)}
    expect("moe_trajectories", tables["school"], rows=500, columns=columns, ranges=ranges)
    return tables
