"""One notebook, new parameters: an executed notebook, an HTML copy and ``result.json``. Also executes the pages themselves."""

import contextlib
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from paperlab import claims, parameters, paths, records
from paperlab.errors import PaperlabError, suggestion
from paperlab.paper import Card

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
        Paths of the executed notebook and its HTML copy.
    """

    slug: str
    parameters: dict
    seconds: float
    peak_mb: float
    claims: list
    notebook: str
    html: str
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
    """Hold a folder for one run; a second run into it is refused, a dead run's lock is taken over.

    Raises
    ------
    PaperlabError
        If the folder cannot be written or another live process holds it.
    """
    lock = Path(folder) / ".lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                break
            except FileExistsError:
                if _alive(lock):
                    raise PaperlabError(
                        f"another run (process {lock.read_text().strip()}) is writing to {paths.shown(folder)}; "
                        "wait for it or choose another folder with -o"
                    ) from None
                lock.unlink(missing_ok=True)
        else:
            raise PaperlabError(f"cannot lock {paths.shown(folder)}; remove {paths.shown(lock)} if no run is active")
    except OSError as error:
        raise PaperlabError(
            f"cannot write to output folder {folder}: {error.strerror}; choose another with -o"
        ) from None
    try:
        os.write(handle, str(os.getpid()).encode())
        os.close(handle)
        yield Path(folder)
    finally:
        lock.unlink(missing_ok=True)


def _alive(lock):
    try:
        text = lock.read_text().strip()
        if not text:  # between creation and the writing of its number
            return time.time() - lock.stat().st_mtime < 10
        os.kill(int(text), 0)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


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


def run(slug, *, profile=None, out=None, progress=True, values=None, **named):
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
    with locked(out) as folder:
        return _execute_copy(slug, chosen, folder, progress)


def _execute_copy(slug, chosen, folder, progress):
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    target = folder / f"{slug}.ipynb"
    result_file = folder / "result.json"
    result_file.unlink(missing_ok=True)
    start = time.time()
    environment = {name: os.environ.get(name) for name in ("PAPERLAB_ROOT", "MPLBACKEND")}
    os.environ["PAPERLAB_ROOT"] = str(paths.root())  # the kernel's working directory is the run's folder
    os.environ.pop("MPLBACKEND", None)
    try:
        with _quiet():
            papermill.execute_notebook(
                str(paths.notebook_path(slug)),
                str(target),
                parameters=chosen,
                progress_bar=progress,
                cwd=str(folder),
                extra_arguments=KERNEL_ARGUMENTS,
            )
    except PapermillExecutionError as error:
        raise PaperlabError(
            f"{slug}: cell {error.cell_index} failed: {error.ename}: {_first_line(error.evalue)}; "
            f"the notebook up to there is {paths.shown(target)}"
        ) from None
    except KeyboardInterrupt:
        raise PaperlabError(f"{slug}: stopped; the cells that were finished are in {paths.shown(target)}") from None
    except (RuntimeError, OSError) as error:  # a kernel that died, a disk that is full
        raise PaperlabError(
            f"{slug}: the run ended early: {_first_line(error)}; the notebook up to there is {paths.shown(target)}"
        ) from None
    finally:
        for name, value in environment.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
    notebook = nbformat.read(target, as_version=4)
    stored = records.result_of(notebook)
    if stored is None:
        raise PaperlabError(f"{slug}: no verdict cell was run; its notebook must end in paper.verdicts()")
    html_file = folder / f"{slug}.html"
    html_file.write_text(to_html(notebook), encoding="utf-8")
    defaults = {name: parameter.default for name, parameter in parameters.read(slug).items()}
    result = RunResult(
        slug=slug,
        parameters={**defaults, **chosen},
        seconds=round(time.time() - start, 1),
        peak_mb=stored["peak_mb"],
        claims=stored["claims"],
        notebook=str(target),
        html=str(html_file),
        versions=versions(),
        commit=records.commit(),
        tables=stored.get("tables", {}),
    )
    records.write_json(result_file, result.as_dict())
    return result


@contextlib.contextmanager
def _quiet():
    """Silence the loggers of papermill and its helpers; the progress bar stays."""
    import logging

    levels = {name: logging.getLogger(name).level for name in ("papermill", "traitlets", "asyncio")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


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


_GLUE = re.compile(r"\{glue:(?:text)?\}`([^`:]+)(?::([^`]*))?`")


def _glued(notebook):
    """Values that the notebook glued, by name."""
    prefix = "application/papermill.record/"
    values = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                text = next((v for k, v in output["data"].items() if k in ("text/plain", prefix + "text/plain")), "")
                values[name] = text.strip("'\"")
    return values


def to_html(notebook):
    """An executed notebook as one HTML file with its glued numbers in the prose."""
    import copy
    import warnings

    from nbconvert import HTMLExporter

    notebook = copy.deepcopy(notebook)
    values = _glued(notebook)

    def insert(match):
        text = values.get(match[1], match[1])
        if match[2]:
            with contextlib.suppress(ValueError):
                text = format(float(re.sub(r"^np\.\w+\((.*)\)$", r"\1", text)), match[2])
        return text

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            source = _GLUE.sub(insert, cell.source)
            source = re.sub(r"\{cite(?::\w+)?\}`([^`]+)`", r"[\1]", source)
            source = re.sub(r"\{\w+\}`([^`<]+?)\s*(?:<[^`>]*>)?`", r"\1", source)
            cell.source = re.sub(
                r"^(?:```|:::+)\s*(?:\{[^}]*\}.*)?$|^:(?:label|class|name):.*$", "", source, flags=re.MULTILINE
            )
    exporter = HTMLExporter()
    exporter.mathjax_url = _mathjax()
    with warnings.catch_warnings():  # glued values have a MIME type of their own, which is not for show
        warnings.simplefilter("ignore", UserWarning)
        return exporter.from_notebook_node(notebook)[0]


def _mathjax():
    """The book's own MathJax, so that the copy shows formulas without a network."""
    found = sorted((paths.root() / "book" / "_static").glob("mathjax*/**/tex-mml-chtml.js"))
    return found[0].as_uri() if found else ""


def execute(slug, *, progress=True):
    """Write the page's ``.ipynb`` from its ``.py``, run it with its defaults and store the outputs.

    Raises
    ------
    PaperlabError
        If a cell fails; the stored page stays as it was and the partial notebook is written beside ``runs/``.
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
    if not target.exists():  # the parameters are read from the paired notebook while it runs
        nbformat.write(notebook, target)
    with _quiet(), tqdm(total=len(notebook.cells), desc=slug, unit="cell", disable=not progress) as bar:
        client = NotebookClient(
            notebook,
            timeout=3600,
            extra_arguments=KERNEL_ARGUMENTS,
            resources={"metadata": {"path": str(source.parent)}},
        )
        client.on_cell_complete = lambda cell, cell_index: bar.update(1)
        try:
            client.execute()
        except CellExecutionError as error:
            partial = paths.root() / "runs" / slug / f"{slug}.failed.ipynb"
            partial.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, partial)
            text = [line for line in str(error).strip().splitlines() if line.strip()]
            raise PaperlabError(f"{slug}: a cell failed: {text[-1]}; see {paths.shown(partial)}") from None
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, target)
    return target


def from_text(notebook):
    """Give a notebook read from text the fixed cell ids and metadata of the stored page."""
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{position:03d}"
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.setdefault("language_info", {"name": "python"})
    return notebook


def read_result(folder):
    """The result that a finished run left in ``folder``, or ``None``."""
    try:
        return json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
