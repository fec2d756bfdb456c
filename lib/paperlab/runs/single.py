"""One notebook, new parameters: an executed notebook, an HTML copy and ``result.json``. Also executes the pages themselves."""

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from paperlab import files, paths
from paperlab.runs import export as html
from paperlab.errors import PaperlabError, Stopped, suggestion
from paperlab.pages import claims, parameters, records
from paperlab.pages.paper import Card

KERNEL_ARGUMENTS = ["--IPKernelApp.log_level=50"]  # its notices would break the progress bar
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
        width = max(len(claim["id"]) for claim in self.claims)
        return "\n".join(
            f"{claim['id']:<{width}}  {claims.number(claim['value']):>10}  {claims.WORDS[claim['verdict']]}"
            + (f" ({claim['reason']})" if claim.get("reason") else "")
            for claim in self.claims
        )


@contextlib.contextmanager
def locked(folder):
    """Hold a folder for one run; the system releases it when the process ends, however it ends.

    Raises
    ------
    PaperlabError
        If the folder cannot be written or another run holds it.
    """
    import fcntl

    lock = Path(folder) / ".lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = lock.open("a+")
    except OSError as error:
        raise PaperlabError(
            f"cannot write to output folder {folder}: {error.strerror}; choose another with -o"
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PaperlabError(
                f"another run is writing to {paths.shown(folder)}; wait for it or choose another folder with -o"
            ) from None
        yield Path(folder)


def resolve(slug, values=None, profile=None):
    """The parameter values that a run hands to papermill: the profile's, overridden by the user's, all checked.

    Raises
    ------
    PaperlabError
        If the slug, the profile, a name, a type or a value is wrong.
    """
    card = Card.load(slug)
    known = parameters.read(slug)
    chosen = {}
    if profile not in (None, "default"):
        if profile not in card.profiles:
            names = ["default", *card.profiles]
            raise PaperlabError(
                f"{slug} has no profile {profile!r}{suggestion(profile, names)}; it has {', '.join(names)}"
            )
        chosen.update(card.profiles[profile])
    chosen.update(values or {})
    return parameters.check(slug, chosen, known)


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
        with _surroundings():
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
            f"{slug}: {_cell(error.cell_index, error.source)} failed: {error.ename}: {_first_line(error.evalue)}; "
            f"the notebook up to there is {paths.shown(target)}"
        ) from None
    except KeyboardInterrupt:
        raise Stopped(f"{slug}: stopped{_reached(target)}") from None
    except (RuntimeError, OSError) as error:  # a kernel that died, a disk that is full
        raise PaperlabError(f"{slug}: the run ended early: {_first_line(error)}{_reached(target)}") from None
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
        commit=records.commit(),
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
    name = _cell(last, "".join(notebook["cells"][last]["source"]))
    return f" in {name}; the notebook up to there is {paths.shown(target)}"


def _cell(position, source):
    """A cell as an error names it: its position and the first line that is no comment."""
    lines = [line.strip() for line in source.splitlines() if line.strip() and not line.startswith("#")]
    return f"cell {position} (`{lines[0][:60]}`)" if lines else f"cell {position}"


@contextlib.contextmanager
def _surroundings():
    """What a kernel needs from its parent: the checkout, figures shown inline, no chatter beside the progress bar."""
    import logging

    os.environ["PAPERLAB_ROOT"] = str(paths.root())  # the kernel's working directory is not the checkout
    backend = os.environ.pop("MPLBACKEND", None)
    loggers = [logging.getLogger(name) for name in ("papermill", "traitlets", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
        if backend is not None:
            os.environ["MPLBACKEND"] = backend


def _first_line(text):
    lines = [line for line in str(text).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"


def versions():
    """Versions that decide numbers."""
    import importlib.metadata

    names = ("paperlab", "numpy", "scipy", "pandas", "statsmodels", "scikit-learn", "numba", "torch")
    found = {"python": sys.version.split()[0]}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


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
    result = run(slug, profile=profile, progress=progress)
    kept = {
        "profile": profile,
        "parameters": result.parameters,
        "claims": result.claims,
        "tables": result.tables,
        "seconds": result.seconds,
        "peak_mb": result.peak_mb,
        "machine": records.machine(),
        "versions": result.versions,
        "commit": result.commit,
        "date": records.today(),
    }
    return result, records.save(slug, **{profile: kept})


def execute(slug, *, progress=True):
    """Write the page's ``.ipynb`` from its ``.py``, run it with its defaults and store the outputs.

    Raises
    ------
    PaperlabError
        If a cell fails or the run is stopped; the stored page stays as it was, the partial notebook goes to ``runs/``.
    """
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from tqdm import tqdm

    source = paths.notebook_path(paths.check_slug(slug), ".py")
    if not source.exists():
        raise PaperlabError(f"{slug} has no text; expected {paths.shown(source)}")
    notebook = from_text(jupytext.read(source))
    target = source.with_suffix(".ipynb")
    with _surroundings(), tqdm(total=len(notebook.cells), desc=slug, unit="cell", disable=not progress) as bar:
        client = NotebookClient(
            notebook,
            timeout=3600,
            extra_arguments=KERNEL_ARGUMENTS,
            resources={"metadata": {"path": str(source.parent)}},
        )
        reached = 0

        def started(cell, cell_index):
            nonlocal reached
            reached = cell_index
            bar.update(cell_index - bar.n)

        client.on_cell_start = started
        try:
            client.execute()
            bar.update(len(notebook.cells) - bar.n)
        except (CellExecutionError, RuntimeError, KeyboardInterrupt) as error:
            partial = paths.root() / "runs" / slug / f"{slug}.failed.ipynb"
            files.write_text(partial, nbformat.writes(notebook))
            cell = _cell(reached, notebook.cells[reached].source)
            if isinstance(error, CellExecutionError):
                what = f"{cell} failed: {error.ename}: {_first_line(error.evalue)}"
            elif isinstance(error, KeyboardInterrupt):
                what = f"stopped in {cell}"
            else:
                what = f"the run ended early in {cell}: {_first_line(error)}"
            raise PaperlabError(
                f"{slug}: {what}; the stored page is as it was, the notebook up to there is {paths.shown(partial)}"
            ) from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    files.write_text(target, nbformat.writes(notebook) + "\n")
    return target


def from_text(notebook):
    """Give a notebook read from text the fixed cell ids and metadata of the stored page."""
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{position:03d}"
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.setdefault("language_info", {"name": "python"})
    return notebook
