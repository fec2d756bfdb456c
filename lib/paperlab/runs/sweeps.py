"""A grid of runs of one page: on this machine with joblib, or on a Dask cluster; one tidy table; resumable.

Finished cells are keyed by a hash of the page's code, the library files that it imports, its claims, its data and its
parameters, so that a killed sweep continues where it stopped, an edited page starts afresh, and an edit of another wing
changes nothing.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path

from paperlab import datasets, files, paths
from paperlab.errors import PaperlabError, Stopped, one_line
from paperlab.pages import parameters, provenance, records
from paperlab.pages.page import Page
from paperlab.runs import execution
from paperlab.runs import single as runs
from paperlab.runs.grid import grid

PATIENCE = "5s"  # for a scheduler that does not answer


def code_hash(slug):
    """Hash of all that decides a page's numbers and verdicts besides its parameters."""
    page = Page(slug)
    known = datasets.registry()
    requirements = paths.root() / "requirements.txt"
    decided_by = {
        **page.hashes,
        "defaults": page.parameters.defaults,
        "data": {name: known.get(name) for name in page.card.data},
        "versions": files.read_text(requirements) if requirements.exists() else "",
    }
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True, default=str).encode()).hexdigest()


def cell_key(code, values):
    """Name of the folder of one cell."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(f"{code}{text}".encode()).hexdigest()[:20]


def run_cell(slug, values, folder):
    """Run one cell in ``folder`` unless it is finished; a failing page is told, not raised.

    Returns
    -------
    dict
        ``{"parameters", "seconds", "claims", "error", "resumed"}``.
    """
    for name in runs.THREADS:
        os.environ.setdefault(name, "1")
    try:
        with execution.locked(folder, wait=True) as held:  # a worker of a sweep that was killed may still be at it
            if (stored := _finished(held)) is not None:
                return _outcome(values, stored["seconds"], stored["claims"], resumed=True)
            result = runs.execute_copy(slug, values, held, progress=False, page=False)
    except Stopped:
        raise KeyboardInterrupt from None
    except PaperlabError as error:
        return _outcome(values, error=str(error))
    return _outcome(values, result.seconds, result.claims)


def _finished(folder):
    """The result of a cell that is finished; a damaged one is no result."""
    with contextlib.suppress(PaperlabError):
        stored = files.read_json(Path(folder) / "result.json")
        if stored is not None and {"seconds", "claims"} <= stored.keys():
            return stored
    return None


def _outcome(values, seconds=None, claims=(), *, error=None, resumed=False):
    return {"parameters": values, "seconds": seconds, "claims": list(claims), "error": error, "resumed": resumed}


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
    from multiprocessing import resource_tracker

    from joblib import Parallel, delayed
    from joblib.externals.loky.backend import resource_tracker as joblibs

    # joblib's clean-up helper, a process of its own, warns after Ctrl-C of files that are gone already
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", initializer=_follow_parent)
    for tracker in (resource_tracker, joblibs):  # at their start they would let interrupts through again
        tracker.ensure_running()
    with _interrupts_later():  # a worker inherits this: Ctrl-C must not meet it before it can say what to do with it
        results = pool(delayed(run_cell)(*cell) for cell in cells)
    yield from results


@contextlib.contextmanager
def _interrupts_later():
    """Hold Ctrl-C back for a moment."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_parent():
    """In a worker: Ctrl-C reaches the parent, which ends its workers; a killed one cannot, so they end themselves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)  # its kernel follows likewise

    threading.Thread(target=watch, daemon=True).start()


def _connected(scheduler):
    """A client of a Dask scheduler that answers."""
    import logging

    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PaperlabError(
            f"cannot reach a Dask scheduler at {scheduler} ({reason}); "
            "start one with `dask scheduler`, or leave out --scheduler"
        ) from None
    if not client.scheduler_info()["workers"]:
        print(f"the scheduler has no worker yet; start one with `dask worker {scheduler}`", file=sys.stderr)
    return client


def _dask(cells, client):
    from distributed import as_completed

    futures = dict(zip(client.map(run_cell, *zip(*cells), pure=False), cells))
    for future in as_completed(futures):
        if future.status == "finished":
            yield future.result()
        else:  # its worker died, or the scheduler did
            reason = future.exception() if future.status == "error" else f"the scheduler says {future.status}"
            yield _outcome(futures[future][1], error=str(reason))


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
        If an input is wrong, the folder cannot be written or the scheduler not reached. A failing cell does not raise.
    """
    from tqdm import tqdm

    if workers is not None and workers < 1:
        raise PaperlabError(f"workers must be at least 1, got {workers}")
    known = parameters.read(paths.check_slug(slug))
    sets = grid(slug, axes, known)
    if out is not None:
        execution.refuse_kept(out)
    datasets.require(dict.fromkeys(name for values in sets for name in known.data(values)), progress=progress)
    code = code_hash(slug)
    base = paths.root() / "runs" / slug / "sweeps" if out is None else Path(out).resolve()
    name = hashlib.sha256(json.dumps(sets, sort_keys=True).encode()).hexdigest()[:12]
    start = time.time()
    results = []
    with execution.locked(base / f"table-{name}") as folder, contextlib.ExitStack() as stack:
        cells = [(slug, values, str(base / "cells" / cell_key(code, values))) for values in sets]
        busy = sum(execution.is_locked(cell) for *_, cell in cells)
        if busy and progress:
            print(f"{busy} of {len(cells)} runs are under way elsewhere; waiting for them", file=sys.stderr)
        if scheduler:
            stream = _dask(cells, stack.enter_context(_connected(scheduler)))
        else:
            stream = _local(cells, workers or os.cpu_count())
        bar = stack.enter_context(tqdm(total=len(cells), desc=f"sweep {slug}", unit="run", disable=not progress))
        kept = "what is finished is kept, the same command continues"
        try:
            for result in stream:
                results.append(result)
                bar.update(1)
                if result["error"] and progress:
                    bar.write(f"failed: {result['parameters']}: {result['error']}", file=sys.stderr)
        except KeyboardInterrupt:
            raise PaperlabError(f"stopped after {len(results)} of {len(cells)} runs; {kept}") from None
        except BrokenExecutor:
            raise PaperlabError(
                f"a worker process died after {len(results)} of {len(cells)} runs, perhaps for want of memory; {kept}; "
                "try fewer --workers"
            ) from None
        except OSError as error:
            raise PaperlabError(
                f"the sweep broke off after {len(results)} of {len(cells)} runs ({one_line(error, 200)}); {kept}"
            ) from None
        table = tidy(sets, results)
        csv, parquet = folder / "sweep.csv", folder / "sweep.parquet"
        with files.replacing(csv) as new:
            table.to_csv(new, index=False)
        text = {column: "string" for column in table.columns if table[column].dtype == object}
        with files.replacing(parquet) as new:
            table.astype(text).to_parquet(new)
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
        ``{"seeds": [...], "claims": {id: {"held", "of", "values"}}, "failed": [...]}``; untested claims are left out.
    """
    known = parameters.read(paths.check_slug(slug))
    if "seed" not in known:
        raise PaperlabError(f"{slug} has no parameter named seed; stability needs one")
    if n_seeds < 1:
        raise PaperlabError(f"seeds must be at least 1, got {n_seeds}")
    stored = records.result_of(paths.notebook_path(slug))
    if stored is None:
        raise PaperlabError(f"{slug} has no stored verdicts; run `paperlab refresh {slug}` first")
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


def record_stability(slug, n_seeds, *, workers=None, progress=True):
    """Run other seeds and keep on how many each verdict holds in ``data/records/``.

    Returns
    -------
    result : dict
        As `stability` gives it.
    path : Path

    Raises
    ------
    PaperlabError
        If a run fails, an input is wrong or the present record is damaged. The record stays as it was then.
    """
    records.load(paths.check_slug(slug))  # told before the long run, not after it
    hashes = Page(slug).hashes
    result = stability(slug, n_seeds, workers=workers, progress=progress)
    if failed := result["failed"]:
        raise PaperlabError(f"{len(failed)} of {n_seeds} runs failed, nothing was recorded: {failed[0]}")
    kept = {**result, "date": provenance.today(), "commit": provenance.commit()}
    return result, records.save(slug, stability=records.sealed(kept, hashes))
