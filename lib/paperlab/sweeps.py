"""A grid of runs of one page: on this machine with joblib, or on a Dask cluster; one tidy table; resumable.

Finished cells are keyed by a hash of notebook, library, data registry and parameters, so that a killed sweep continues where it
stopped and an edited page starts afresh.
"""

import hashlib
import itertools
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from paperlab import parameters, paths, runs
from paperlab.errors import PaperlabError


def parse_values(parameter, text):
    """Values of one grid axis: ``50,100,200``, ``0:10`` (0 to 9), ``0:100:25``; lists are separated by ``;``.

    Raises
    ------
    PaperlabError
        If the text does not name at least one good value.
    """
    text = text.strip()
    if parameter.type.startswith("list"):
        parts = [part for part in text.split(";") if part.strip()]
    elif parameter.type == "int" and ":" in text:
        try:
            bounds = [int(part) for part in text.split(":")]
            parts = [str(value) for value in range(*bounds)]
        except (ValueError, TypeError):
            raise PaperlabError(
                f"parameter {parameter.name}: a range is start:stop or start:stop:step, got {text!r}"
            ) from None
    else:
        parts = [part for part in text.split(",") if part.strip()]
    if not parts:
        raise PaperlabError(f"parameter {parameter.name}: {text!r} names no value; write e.g. {parameter.name}=50,100")
    return [parameter.parse(part) for part in parts]


def grid(slug, axes):
    """All combinations of the axes: a list of checked parameter sets.

    Parameters
    ----------
    axes : dict
        Name to a list of values, or to text as in `parse_values`.
    """
    known = parameters.read(paths.check_slug(slug))
    parameters.check(slug, {name: known[name].default for name in axes if name in known} | _unknown(axes, known), known)
    lists = {}
    for name, values in axes.items():
        parameter = known[name]
        lists[name] = (
            parse_values(parameter, values) if isinstance(values, str) else [parameter.check(v) for v in values]
        )
    return [dict(zip(lists, combination)) for combination in itertools.product(*lists.values())]


def _unknown(axes, known):
    return {name: None for name in axes if name not in known}


def code_hash(slug):
    """Hash of all that decides a page's numbers besides its parameters."""
    digest = hashlib.sha256()
    notebook = json.loads(paths.notebook_path(slug).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            digest.update("".join(cell["source"]).encode())
    library = paths.root() / "lib" / "paperlab"
    files = [paths.card_path(slug), paths.root() / "data" / "registry.yml", paths.root() / "requirements.txt"]
    for path in [*sorted(library.rglob("*.py")), *files]:
        if path.exists():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def cell_key(code, values):
    """Name of the folder of one cell."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(f"{code}{text}".encode()).hexdigest()[:20]


def run_cell(slug, values, folder):
    """Run one cell in ``folder`` unless it is finished; never raises for a failing page.

    Returns
    -------
    dict
        ``{"parameters", "seconds", "claims", "error"}``.
    """

    folder = Path(folder)
    stored = runs.read_result(folder)
    if stored is not None:
        return {
            "parameters": values,
            "seconds": stored["seconds"],
            "claims": stored["claims"],
            "error": None,
            "resumed": True,
        }
    for name in runs.THREADS:
        os.environ.setdefault(name, "1")
    try:
        result = runs.run(slug, out=folder, progress=False, values=values)
    except PaperlabError as error:
        return {"parameters": values, "seconds": None, "claims": [], "error": str(error), "resumed": False}
    return {"parameters": values, "seconds": result.seconds, "claims": result.claims, "error": None, "resumed": False}


@dataclass
class SweepResult:
    """The tidy table of a sweep and where it is stored."""

    table: object
    csv: str
    parquet: str
    failed: list
    resumed: int
    seconds: float


def _local(cells, workers):
    from joblib import Parallel, delayed

    yield from Parallel(n_jobs=workers, return_as="generator_unordered")(delayed(run_cell)(*cell) for cell in cells)


def _dask(cells, scheduler):
    from distributed import Client, as_completed

    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PaperlabError(
            f"cannot reach a Dask scheduler at {scheduler} ({reason}); start one with `dask scheduler`, or leave out --scheduler"
        ) from None
    with client:
        futures = client.map(run_cell, *zip(*cells), pure=False)
        for _, result in as_completed(futures, with_results=True):
            yield result


def sweep(slug, axes, *, workers=None, scheduler=None, out=None, progress=True):
    """Run a page on a grid of parameters.

    Parameters
    ----------
    slug : str
    axes : dict
        Parameter name to values (a list, or text such as ``"50,100"`` or ``"0:10"``).
    workers : int, optional
        Processes on this machine; default one per core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers see the same checkout.
    out : path, optional
        Folder of the table; default ``runs/<slug>/sweeps``. Finished cells are kept in its ``cells/``.

    Returns
    -------
    SweepResult
        ``table``: one row per cell and claim with the parameters, value, verdict and error.

    Raises
    ------
    PaperlabError
        If an input is wrong, the folder cannot be written or the scheduler cannot be reached. A failing cell does not raise.
    """
    from tqdm import tqdm

    if workers is not None and workers < 1:
        raise PaperlabError(f"workers must be at least 1, got {workers}")
    sets = grid(slug, axes)
    code = code_hash(slug)
    base = paths.root() / "runs" / slug / "sweeps" if out is None else Path(out).resolve()
    name = hashlib.sha256(json.dumps(sets, sort_keys=True).encode()).hexdigest()[:12]
    start = time.time()
    results = []
    with runs.locked(base / f"table-{name}"):
        cells = [(slug, values, str(base / "cells" / cell_key(code, values))) for values in sets]
        stream = _dask(cells, scheduler) if scheduler else _local(cells, workers or os.cpu_count())
        bar = tqdm(total=len(cells), desc=f"sweep {slug}", unit="run", disable=not progress)
        try:
            for result in stream:
                results.append(result)
                bar.update(1)
                if result["error"]:
                    bar.write(f"failed: {result['parameters']}: {result['error']}")
        except KeyboardInterrupt:
            raise PaperlabError(
                f"stopped after {len(results)} of {len(cells)} runs; they are kept, the same command continues"
            ) from None
        finally:
            bar.close()
        table = tidy(sets, results)
        csv, parquet = base / f"table-{name}" / "sweep.csv", base / f"table-{name}" / "sweep.parquet"
        table.to_csv(csv, index=False)
        table.astype({column: "string" for column in table.columns if table[column].dtype == object}).to_parquet(
            parquet
        )
    failed = [result for result in results if result["error"]]
    resumed = sum(result["resumed"] for result in results)
    return SweepResult(table, str(csv), str(parquet), failed, resumed, time.time() - start)


def tidy(sets, results):
    """One row per cell and claim, in the order of the grid; a failed cell is one row with its error."""
    import pandas as pd

    order = {json.dumps(values, sort_keys=True): position for position, values in enumerate(sets)}
    rows = []
    for result in sorted(results, key=lambda r: order[json.dumps(r["parameters"], sort_keys=True)]):
        shown = {k: json.dumps(v) if isinstance(v, list) else v for k, v in result["parameters"].items()}
        for claim in result["claims"] or [{"id": None, "value": None, "verdict": None}]:
            rows.append(
                {
                    **shown,
                    "claim": claim["id"],
                    "value": claim["value"],
                    "verdict": claim["verdict"],
                    "seconds": result["seconds"],
                    "error": result["error"],
                }
            )
    return pd.DataFrame(rows)


def stability(slug, n_seeds, *, workers=None, progress=True):
    """On how many other seeds each verdict of the default run holds.

    Returns
    -------
    dict
        ``{"seeds": [...], "claims": {id: {"held", "of", "values"}}, "failed": [...]}``; claims that are not tested are left out.
    """
    from paperlab import records

    known = parameters.read(paths.check_slug(slug))
    if "seed" not in known:
        raise PaperlabError(f"{slug} has no parameter named seed; stability needs one")
    if n_seeds < 1:
        raise PaperlabError(f"seeds must be at least 1, got {n_seeds}")
    stored = records.result_of(paths.notebook_path(slug))
    if stored is None:
        raise PaperlabError(f"{slug} has no stored verdicts; run `paperlab execute {slug}` first")
    seeds = [known["seed"].default + 1 + step for step in range(n_seeds)]
    result = sweep(slug, {"seed": seeds}, workers=workers, progress=progress)
    summary = {}
    for claim in stored["claims"]:
        if claim["verdict"] == "not tested":
            continue
        runs_of = result.table[result.table["claim"] == claim["id"]]
        summary[claim["id"]] = {
            "held": int((runs_of["verdict"] == claim["verdict"]).sum()),
            "of": len(runs_of),
            "values": [float(f"{value:.6g}") for value in runs_of["value"].dropna()],
        }
    failed = [f"seed {r['parameters']['seed']}: {r['error']}" for r in result.failed]
    return {"seeds": seeds, "claims": summary, "failed": failed}
