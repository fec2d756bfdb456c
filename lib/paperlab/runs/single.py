"""One notebook, new parameters: an executed notebook, an HTML copy and ``result.json``.

Also executes the pages themselves.
"""

import itertools
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from paperlab import datasets, files, paths
from paperlab.errors import PaperlabError, one_line
from paperlab.pages import claims, parameters, provenance, records
from paperlab.pages.cards import Card
from paperlab.pages.page import Page
from paperlab.runs import execution

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
        Paths of the executed notebook and its HTML copy (``None`` in a sweep's runs, or where it could not be written).
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
        """The result as ``result.json`` stores it."""
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
    known = parameters.read(paths.check_slug(slug))
    chosen = parameters.resolve(slug, {**(values or {}), **named}, profile, known=known)
    if out is not None:
        execution.refuse_kept(out)
    datasets.require(known.data(chosen), progress=progress)
    with execution.locked(_new_folder(slug) if out is None else _chosen_folder(slug, out)) as folder:
        return execute_copy(slug, chosen, folder, progress=progress, page=page)


def _new_folder(slug):
    """A folder that no other run has, of this process or another."""
    base = paths.root() / "runs" / slug / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    for count in itertools.count(1):
        folder = base if count == 1 else base.with_name(f"{base.name}-{count}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise PaperlabError(
                f"cannot write to output folder {paths.shown(folder)}: {error.strerror}; choose another with -o"
            ) from None
    raise AssertionError("unreachable")


def _chosen_folder(slug, out):
    """The folder that a user named; a notebook there that no run has written is refused."""
    folder = Path(out).resolve()
    notebook = folder / f"{slug}.ipynb"
    if notebook.exists() and not (folder / ".lock").exists():
        raise PaperlabError(
            f"{paths.shown(notebook)} was not written by a run and would be replaced; choose another folder with -o"
        )
    return folder


def execute_copy(slug, chosen, folder, *, progress=True, page=True):
    """Execute a copy of a page in a folder that the caller holds: notebook, ``result.json``, then HTML.

    Parameters
    ----------
    chosen : dict
        Checked parameters that differ from the page's own.
    """
    files.prepare_jupyter()
    import nbformat
    from nbformat import v4

    target, html_file, result_file = (folder / name for name in (f"{slug}.ipynb", f"{slug}.html", "result.json"))
    start = time.time()
    begun_with = {**parameters.read(slug).defaults, **chosen}  # the page may be edited while this runs
    commit = provenance.commit()
    try:
        for stale in (target, html_file, result_file):  # would pass for this run's where it fails
            stale.unlink(missing_ok=True)
    except OSError as error:
        raise PaperlabError(f"cannot replace {paths.shown(stale)}: {error.strerror}") from None
    notebook = v4.upgrade(nbformat.from_dict(files.read_notebook(paths.notebook_path(slug))))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook = execution.rerun(notebook, chosen, folder, title=slug, keep=target, progress=progress)
    stored = records.result_of(notebook)
    if stored is None:
        raise PaperlabError(f"{slug}: no verdict cell was run; its notebook must end in paper.verdicts()")
    files.write_text(target, v4.writes(notebook) + "\n")
    result = RunResult(
        slug=slug,
        parameters=begun_with,
        seconds=round(time.time() - start, 1),
        peak_mb=stored["peak_mb"],
        claims=stored["claims"],
        notebook=str(target),
        html=None,
        versions=provenance.versions(),
        commit=commit,
        tables=stored.get("tables", {}),
    )
    files.write_json(result_file, result.as_dict())  # before the pictures, which may fail
    if page and _write_html(notebook, html_file):
        result.html = str(html_file)
        files.write_json(result_file, result.as_dict())
    return result


def _write_html(notebook, path):
    """Whether the HTML copy could be written; the run is finished and kept either way, so a failure is only told."""
    from paperlab.runs import export

    try:
        files.write_text(path, export.to_html(notebook))
    except Exception as error:  # whatever the converter meets in the outputs of a page
        print(f"{paths.shown(path)} could not be written: {one_line(error, 300)}", file=sys.stderr)
        return False
    return True


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
