"""Execution of notebooks: the kernel and its surroundings, locks on folders, the pages themselves."""

import contextlib
import logging
import os
import tempfile
from pathlib import Path

from paperlab import files, paths
from paperlab.errors import PaperlabError, Stopped, one_line
from paperlab.pages import records
from paperlab.pages.page import Page

KERNEL_ARGUMENTS = [
    "--IPKernelApp.log_level=50",  # its notices would break the progress bar
    "--InteractiveShellApp.ignore_cwd=True",  # a file types.py in the folder of results is no module of the page's
]
FOLDERS = (
    "PAPERLAB_DATA",
    "PAPERLAB_CACHE",
)  # what the user's environment names relative to where the command was given
KEPT = ("notebooks", "data", "book", "lib", "tests", "tools", ".git")  # folders of the checkout that take no results


def refuse_kept(folder):
    """Refuse an output folder inside the book itself, whose files a run would replace.

    Raises
    ------
    PaperlabError
        If the folder is one of `KEPT` or lies in one, under whatever name.
    """
    folder = Path(folder).resolve()
    for kept in (paths.root() / name for name in KEPT):
        for parent in (folder, *folder.parents):
            if parent.exists() and kept.exists() and parent.samefile(kept):
                raise PaperlabError(
                    f"results cannot go to {paths.shown(folder)}, which belongs to the book; choose another folder "
                    "with -o, e.g. -o results/first"
                )


@contextlib.contextmanager
def locked(folder, *, wait=False):
    """Hold a folder for one run; the system releases it when the process ends, however it ends.

    Parameters
    ----------
    wait : bool
        Wait for another run that holds it instead of refusing.

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
            f"cannot write to output folder {paths.shown(folder)}: {error.strerror}; choose another with -o"
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            raise PaperlabError(
                f"another run is writing to {paths.shown(folder)}; wait for it or choose another folder with -o"
            ) from None
        yield Path(folder)


def is_locked(folder):
    """Whether another run holds the folder now."""
    if not (Path(folder) / ".lock").exists():
        return False
    try:
        with locked(folder):
            return False
    except PaperlabError:
        return True


def cell_name(position, source):
    """A cell as an error names it: its position and the first line that is no comment."""
    lines = [line.strip() for line in source.splitlines() if line.strip() and not line.startswith("#")]
    return f"cell {position} (`{lines[0][:60]}`)" if lines else f"cell {position}"


def environment(scratch):
    """Environment of a kernel.

    It has the checkout, folders that do not depend on where it starts, figures inline, nobody's settings.
    """
    found = {**os.environ, "PAPERLAB_ROOT": str(paths.root()), "IPYTHONDIR": str(scratch)}
    for name in FOLDERS:
        if folder := paths.from_environment(name):
            found[name] = str(folder)
    found.pop("MPLBACKEND", None)
    return found


def _own_kernel():
    """Kernel manager whose kernel is this Python, whatever kernels are installed or named ``python3``."""
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        @property
        def kernel_spec(self):
            return KernelSpec(**get_kernel_dict())

    return OwnKernel


def play(notebook, folder, *, title, keep, partial=True, note="", progress=True):
    """Execute the cells of a notebook, in place, in a fresh kernel of this Python.

    Parameters
    ----------
    notebook : NotebookNode
    folder : path
        Working directory of the kernel.
    title : str
        Begins every message and names the progress bar.
    keep : path
        Where a notebook that breaks off is kept.
    partial : bool
        Keep it after every cell, so that a killed process leaves the cells before.
    note : str
        Said after what went wrong.

    Raises
    ------
    PaperlabError
        If a cell fails or the kernel dies; the message names the cell and where the partial notebook is.
    Stopped
        If the user ends it.
    """
    files.prepare_jupyter()
    from jupyter_core.utils import run_sync
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError
    from nbformat import v4
    from tqdm import tqdm

    for name in ("traitlets", "asyncio"):  # what they say of a kernel that ends is told below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client = NotebookClient(
        notebook,
        timeout=None,
        iopub_timeout=60,
        raise_on_iopub_timeout=True,
        record_timing=False,
        extra_arguments=list(KERNEL_ARGUMENTS),
        kernel_manager_class=_own_kernel(),
        kernel_name="python3",
    )
    reached = None
    with tempfile.TemporaryFile() as log:  # what the kernel's process says outside its cells
        try:
            with (
                tempfile.TemporaryDirectory(prefix="paperlab-") as scratch,
                tqdm(total=len(notebook.cells), desc=title, unit="cell", disable=not progress) as bar,
                client.setup_kernel(cwd=str(folder), env=environment(scratch), stdout=log, stderr=log),
            ):
                client.reset_execution_trackers()
                for reached, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, reached)
                    bar.update(1)
                    if partial and cell.cell_type == "code":
                        files.write_text(keep, v4.writes(notebook) + "\n")
                client.set_widgets_metadata()
        except (CellExecutionError, RuntimeError, OSError, KeyboardInterrupt, PaperlabError) as error:
            what = _what_happened(
                error, None if reached is None else cell_name(reached, notebook.cells[reached].source)
            )
            if isinstance(error, RuntimeError):
                what += _last_words(log)
            if reached is not None:
                with contextlib.suppress(PaperlabError):  # a full disk is what was told already
                    files.write_text(keep, v4.writes(notebook) + "\n")
                    note = f"{note}; the notebook up to there is {paths.shown(keep)}"
            kind = Stopped if isinstance(error, KeyboardInterrupt) else PaperlabError
            raise kind(f"{title}: {what}{note}") from None
        finally:
            if client.km is not None and client.km.has_kernel:  # interrupted while it was starting
                run_sync(client.km.shutdown_kernel)(now=True)  # type: ignore[arg-type]


def rerun(notebook, chosen, folder, *, title, keep, progress=True):
    """Give a notebook new parameters and execute it, with papermill, whose engine is `play`.

    Parameters
    ----------
    notebook : NotebookNode
        One of its cells has the tag ``parameters``.
    chosen : dict
        Parameters that differ from the notebook's own; papermill puts them into a cell after that one.
    folder, title, keep, progress
        As in `play`, which also tells its errors.

    Returns
    -------
    NotebookNode
        The executed copy.
    """
    files.prepare_jupyter()
    import papermill
    from papermill.engines import Engine, papermill_engines

    class Player(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, *, of_play, **of_papermill):
            play(nb_man.nb, **of_play)

    papermill_engines.register("paperlab", Player)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    return papermill.execute_notebook(
        notebook,
        None,  # `play` writes it, whole or not at all
        parameters=chosen,
        engine_name="paperlab",
        kernel_name="python3",
        language="python",
        progress_bar=False,
        of_play={"folder": folder, "title": title, "keep": keep, "progress": progress},
    )


def _what_happened(error, cell):
    """What ended a notebook in ``cell``, or before its first one."""
    place = f"in {cell}" if cell else "before its first cell"
    if isinstance(error, KeyboardInterrupt):
        return f"stopped {place}"
    if hasattr(error, "ename"):  # of the page's own code
        return f"{cell} failed: {error.ename}: {one_line(error.evalue, 300) or 'no message'}"
    return f"the run ended early {place}: {one_line(error, 300) or type(error).__name__}"


def _last_words(log):
    """The last line that a kernel's process wrote, for a message."""
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    said = next((line for line in reversed(lines) if line.strip()), "")
    return f" (it said: {one_line(said, 200)})" if said else ""


def refresh(slug, *, progress=True):
    """Write the page's ``.ipynb`` from its ``.py``, run it with its defaults and store the outputs.

    Raises
    ------
    PaperlabError
        If a cell fails or the run is stopped; the stored page stays as it was, the partial notebook goes to ``runs/``.
    """
    files.prepare_jupyter()
    import jupytext
    import nbformat

    source = paths.notebook_path(paths.check_slug(slug), ".py")
    if not source.exists():
        raise PaperlabError(f"{slug} has no text; expected {paths.shown(source)}")
    try:
        notebook = from_text(jupytext.reads(files.read_text(source), fmt="py:percent"))
    except PaperlabError:
        raise
    except Exception as error:  # jupytext has no error of its own
        raise PaperlabError(f"{paths.shown(source)} is no notebook in text form: {one_line(error, 300)}") from None
    page = Page(slug)
    page.notebook = notebook  # the one that runs now, not the stored one
    hashes = page.hashes
    target = source.with_suffix(".ipynb")
    keep = paths.root() / "runs" / slug / f"{slug}.failed.ipynb"
    note = "; the stored page is as it was"
    play(notebook, source.parent, title=slug, keep=keep, partial=False, note=note, progress=progress)
    records.stamp(notebook, hashes)
    files.write_text(target, nbformat.writes(notebook) + "\n")
    return target


def from_text(notebook):
    """Give a notebook read from text the fixed cell ids and metadata of the stored page."""
    for position, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{position:03d}"
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata.setdefault("language_info", {"name": "python"})
    return notebook
