"""Execution of notebooks: the kernel and its surroundings, locks on folders, the pages themselves."""

import contextlib
import os
from pathlib import Path

from paperlab import files, paths
from paperlab.errors import PaperlabError
from paperlab.pages import records
from paperlab.pages.page import Page

KERNEL_ARGUMENTS = ["--IPKernelApp.log_level=50"]  # its notices would break the progress bar


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


def cell_name(position, source):
    """A cell as an error names it: its position and the first line that is no comment."""
    lines = [line.strip() for line in source.splitlines() if line.strip() and not line.startswith("#")]
    return f"cell {position} (`{lines[0][:60]}`)" if lines else f"cell {position}"


@contextlib.contextmanager
def surroundings():
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


def first_line(text):
    lines = [line for line in str(text).splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"


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
    notebook = from_text(jupytext.reads(files.read_text(source), fmt="py:percent"))
    page = Page(slug)
    page.notebook = notebook  # the one that runs now, not the stored one
    hashes = page.hashes
    target = source.with_suffix(".ipynb")
    with surroundings(), tqdm(total=len(notebook.cells), desc=slug, unit="cell", disable=not progress) as bar:
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
            cell = cell_name(reached, notebook.cells[reached].source)
            if isinstance(error, CellExecutionError):
                what = f"{cell} failed: {error.ename}: {first_line(error.evalue)}"
            elif isinstance(error, KeyboardInterrupt):
                what = f"stopped in {cell}"
            else:
                what = f"the run ended early in {cell}: {first_line(error)}"
            raise PaperlabError(
                f"{slug}: {what}; the stored page is as it was, the notebook up to there is {paths.shown(partial)}"
            ) from None
    records.stamp(notebook, hashes)
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
