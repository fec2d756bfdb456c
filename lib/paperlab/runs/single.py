"""One notebook, new parameters: an executed notebook, an HTML copy and ``result.json``. Also executes the pages themselves."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from paperlab import files, paths
from paperlab.errors import PaperlabError, Stopped
from paperlab.pages import claims, parameters, provenance, records
from paperlab.pages.cards import Card
from paperlab.pages.page import Page
from paperlab.pages.parameters import resolve
from paperlab.pages.provenance import versions
from paperlab.runs import export as html
from paperlab.runs.execution import KERNEL_ARGUMENTS, cell_name, first_line, locked, surroundings

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class RunResult:
    """What one run gave.

    Attributes
    ----------
    slug : str
    parameters : dict
        All parameters of the run, defaults included.
    seconds, peak_mb : float
    claims : list of dict
        ``{"id", "value", "verdict"}`` per claim.
    notebook, html : str
        Paths of the executed notebook and its HTML copy (``None`` in the runs of a sweep).
    """

    slug: str
    parameters: dict
    seconds: float
    peak_mb: float
    claims: list
    notebook: str
    html: str | None
    versions: dict
    commit: str | None
    tables: dict = field(default_factory=dict)

    @property
    def verdicts(self):
        """Claim id to verdict."""
        return {claim["id"]: claim["verdict"] for claim in self.claims}

    def as_dict(self):
        return dict(self.__dict__)

    def __str__(self):
        of = {claim.id: claim for claim in Card.load(self.slug).claims}
        width = max(len(claim["id"]) for claim in self.claims)
        lines = []
        for found in self.claims:
            claim = of[found["id"]]
            words = claims.words(found["verdict"], claim.fidelity, claim.role)
            reason = f" ({found['reason']})" if found.get("reason") else ""
            lines.append(f"{claim.id:<{width}}  {claims.number(found['value']):>10}  {words}{reason}")
        return "\n".join(lines)


def run(slug, *, profile=None, out=None, progress=True, page=True, values=None, **named):
    """Execute a copy of a page with new parameters.

    Parameters
    ----------
    slug : str
        Name of the paper, e.g. ``"cd_test"``.
    profile : str, optional
        ``"full"`` takes the parameters of the full run from the card.
    out : path, optional
        Folder of the results; default ``runs/<slug>/<time>``.
    progress : bool
        Show a progress bar over the cells.
    page : bool
        Write the HTML copy too.
    values : dict, optional
        Parameters whose names clash with the arguments above.
    **named
        Parameters of the page, e.g. ``n=200``.

    Returns
    -------
    RunResult

    Raises
    ------
    PaperlabError
        If an input is wrong (before anything runs) or a cell fails (the partial notebook is kept and named).
    """
    chosen = resolve(slug, {**(values or {}), **named}, profile)
    if out is None:
        out = paths.root() / "runs" / slug / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    with locked(Path(out).resolve()) as folder:
        return _execute_copy(slug, chosen, folder, progress, page)


def _execute_copy(slug, chosen, folder, progress, page):
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    target = folder / f"{slug}.ipynb"
    result_file = folder / "result.json"
    result_file.unlink(missing_ok=True)
    start = time.time()
    try:
        with surroundings():
            papermill.execute_notebook(
                str(paths.notebook_path(slug)),
                str(target),
                parameters=chosen,
                progress_bar=progress and {"desc": slug},
                resources={"metadata": {"path": str(folder)}},  # the kernel's working directory
                extra_arguments=KERNEL_ARGUMENTS,
            )
    except PapermillExecutionError as error:
        raise PaperlabError(
            f"{slug}: {cell_name(error.cell_index, error.source)} failed: {error.ename}: {first_line(error.evalue)}; "
            f"the notebook up to there is {paths.shown(target)}"
        ) from None
    except KeyboardInterrupt:
        raise Stopped(f"{slug}: stopped{_reached(target)}") from None
    except (RuntimeError, OSError) as error:  # a kernel that died, a disk that is full
        raise PaperlabError(f"{slug}: the run ended early: {first_line(error)}{_reached(target)}") from None
    notebook = nbformat.read(target, as_version=4)
    stored = records.result_of(notebook)
    if stored is None:
        raise PaperlabError(f"{slug}: no verdict cell was run; its notebook must end in paper.verdicts()")
    html_file = folder / f"{slug}.html" if page else None
    if page:
        files.write_text(html_file, html.to_html(notebook))
    defaults = {name: parameter.default for name, parameter in parameters.read(slug).items()}
    result = RunResult(
        slug=slug,
        parameters={**defaults, **chosen},
        seconds=round(time.time() - start, 1),
        peak_mb=stored["peak_mb"],
        claims=stored["claims"],
        notebook=str(target),
        html=str(html_file) if page else None,
        versions=versions(),
        commit=provenance.commit(),
        tables=stored.get("tables", {}),
    )
    files.write_json(result_file, result.as_dict())
    return result


def _reached(target):
    """Which cell of a partial notebook was the last to be started."""
    notebook = files.read_json(target)
    if notebook is None:
        return " before its first cell"
    started = [bool(cell["metadata"].get("papermill", {}).get("start_time")) for cell in notebook["cells"]]
    last = max((position for position, state in enumerate(started) if state), default=0)
    name = cell_name(last, "".join(notebook["cells"][last]["source"]))
    return f" in {name}; the notebook up to there is {paths.shown(target)}"


def record(slug, profile="full", *, progress=True):
    """Run a profile and keep its values, tables, time and machine in ``data/records/``.

    Returns
    -------
    result : RunResult
    path : Path

    Raises
    ------
    PaperlabError
        As `run` does, or if the present record is damaged. The record stays as it was then.
    """
    records.load(paths.check_slug(slug))  # told before the long run, not after it
    hashes = Page(slug).hashes  # of what the run begins with
    result = run(slug, profile=profile, progress=progress)
    kept = {
        "profile": profile,
        "parameters": result.parameters,
        "claims": result.claims,
        "tables": result.tables,
        "seconds": result.seconds,
        "peak_mb": result.peak_mb,
        "machine": provenance.machine(),
        "versions": result.versions,
        "commit": result.commit,
        "date": provenance.today(),
    }
    return result, records.save(slug, **{profile: records.sealed(kept, hashes)})
