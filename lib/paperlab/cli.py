"""The command line: ``paperlab ...``.

Every error is one line and exit code 2; heavy modules are imported by the commands.
"""

import io
import itertools
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from paperlab.errors import PaperlabError, brief, one_line
from paperlab.terminal import print_json, print_table

INTERRUPTED = 130  # what typer makes of Ctrl-C

app = typer.Typer(
    help="Run, sweep, record and check the papers of the book.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Data sets: list, fetch, locate.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")


def _complete_slug(incomplete: str):
    from paperlab import paths

    return [slug for slug in paths.slugs() if slug.startswith(incomplete)]


def _complete_data(incomplete: str):
    from paperlab import datasets

    return [name for name in datasets.registry() if name.startswith(incomplete)]


class WithParameters(TyperCommand):
    """A command whose ``-p NAME VALUE`` reads as ``-p NAME=VALUE``."""

    def parse_args(self, ctx, args):
        """Join each name to the value after it."""
        joined, rest = [], iter(args)
        for argument in rest:
            joined.append(argument)
            if argument in ("-p", "--param"):
                name = next(rest, "")
                joined.append(name if "=" in name else "=".join([name, *itertools.islice(rest, 1)]))
        return super().parse_args(ctx, joined)


def pairs(texts):
    """``["n=200"]`` as ``{"n": "200"}``; the same name twice is an error."""
    values = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise PaperlabError(f"-p needs a name and a value, e.g. -p n 200 or -p n=200, got {brief(text)}")
        if name in values:
            raise PaperlabError(f"parameter {brief(name)} is given twice")
        values[name] = value
    return values


Slug = Annotated[str, typer.Argument(help="name of the paper, e.g. cd_test", autocompletion=_complete_slug)]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Profile = Annotated[str | None, typer.Option(help="parameter set of the card: default or full")]
Workers = Annotated[int | None, typer.Option(help="processes; default one per core")]
Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME VALUE", help="a parameter (or NAME=VALUE); repeatable"),
]


@app.command("list")
def list_papers(as_json: Json = False):
    """All papers: part, fidelity, verdicts of their claims, controls, seconds of the default run.

    Example: paperlab list --json
    """
    from paperlab.pages import reports, scoreboard
    from paperlab.pages.page import Book

    if as_json:
        print_json(scoreboard.papers())
    else:
        reports.print_papers(Book())


@app.command()
def show(slug: Slug, as_json: Json = False):
    """One paper: card, parameters, claims with criteria, last verdicts.

    Example: paperlab show cd_test
    """
    from paperlab.pages import reports, scoreboard
    from paperlab.pages.page import Page

    page = Page(slug)
    if not as_json:
        return reports.print_page(page)
    shown = {"slug": slug, "title": page.card.title, "parameters": [], "rules": [], "data": []}
    if page.notebook:
        shown["parameters"] = [vars(p) | {"range": p.range} for p in page.parameters.values()]
        shown["rules"], shown["data"] = (
            list(map(str, lines)) for lines in (page.parameters.rules, page.parameters.needs)
        )
    return print_json({**shown, "claims": [finding.as_dict() for finding in scoreboard.findings(page)]})


@app.command(cls=WithParameters)
def run(
    slug: Slug,
    param: Params = None,
    params_file: Annotated[Path | None, typer.Option("--params-file", "-f", help="YAML file of parameters")] = None,
    profile: Profile = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder of results; default runs/SLUG/TIME")] = None,
    as_json: Json = False,
):
    """Execute a copy of a page with new parameters; `paperlab show SLUG` lists them.

    Example: paperlab run cd_test -p n_large 200 -p seed 7
    """
    from paperlab import paths
    from paperlab.pages import claims, parameters
    from paperlab.pages.cards import Card
    from paperlab.runs import single as runs

    values = parameters.from_file(params_file) if params_file else {}
    values.update(pairs(param))
    result = runs.run(slug, profile=profile, out=out, progress=not as_json, values=values)
    if as_json:
        return print_json(result.as_dict())
    of = {claim.id: claim for claim in Card.load(slug).claims}
    rows = []
    for found in result.claims:
        claim = of[found["id"]]
        verdict = claims.words(found["verdict"], claim.fidelity, claim.role)
        verdict += f" ({found['reason']})" if found["reason"] else ""
        rows.append((claim.id, claims.number(found["value"]), claim.criterion or "none", verdict, claim.text))
    print_table(("claim", "found", "criterion", "verdict", "text"), rows)
    print(f"\n{result.seconds:.0f} s, {result.peak_mb:.0f} MB")
    print(
        f"notebook {paths.shown(result.notebook)}\n"
        f"page     {paths.shown(result.html) if result.html else 'not written'}"
    )
    return None


@app.command(cls=WithParameters)
def sweep(
    slug: Slug,
    param: Params = None,
    workers: Workers = None,
    scheduler: Annotated[str | None, typer.Option(help="address of a Dask scheduler")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="folder of the table and the cells; default runs/SLUG/sweeps")
    ] = None,
    as_json: Json = False,
):
    """Run a grid: every -p is an axis, numbers 50,100,200 or 0:10 (0 to 9); texts and lists are separated by ;.

    A sweep that was stopped continues with the same command.

    Example: paperlab sweep cd_test -p n_large=200,500 -p seed=0:10 --workers 2
    """
    from paperlab import paths
    from paperlab.runs import sweeps as sweeping

    result = sweeping.sweep(slug, pairs(param), workers=workers, scheduler=scheduler, out=out, progress=not as_json)
    if as_json:
        print_json({"csv": result.csv, "parquet": result.parquet, "failed": result.failed, "resumed": result.resumed})
    else:
        shown = result.table if result.failed else result.table.drop(columns="error")
        print(shown.fillna("").to_string(index=False, max_rows=60))
        print(f"{result.seconds:.0f} s, {result.resumed} runs were finished before, {len(result.failed)} failed")
        print(f"table {paths.shown(result.csv)} (and .parquet)")
    if result.failed:
        raise typer.Exit(1)


@app.command()
def record(
    slug: Annotated[
        str | None, typer.Argument(help="name of the paper; with --stale default all", autocompletion=_complete_slug)
    ] = None,
    profile: Profile = "full",
    stale: Annotated[
        bool, typer.Option("--stale", help="full runs whose page or library files changed, or are unknown")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="with --stale: list them, run nothing")] = False,
):
    """Run a profile and keep its values in data/records/.

    Example: paperlab record cd_test --profile full
    """
    from paperlab.pages import result_checks
    from paperlab.runs import single as runs

    if not stale:
        if slug is None or dry_run:
            raise PaperlabError(
                "name a paper, e.g. `paperlab record cd_test`, or give --stale (with --dry-run to list)"
            )
        _print_recorded(*runs.record(slug, profile))
        return
    found = result_checks.stale(slug)
    for page, reason in found:
        print(f"{page.slug}: {reason}")
    if not found:
        print("no recorded full run is stale")
    for page, _ in [] if dry_run else found:
        _print_recorded(*runs.record(page.slug, "full"))


def _print_recorded(result, path):
    from paperlab import paths
    from paperlab.pages.page import Page

    print(f"{result}\nkept in {paths.shown(path)}")
    if (Page(result.slug).result or {}).get("record"):
        print(f"next: `paperlab refresh {result.slug}`, for the page shows recorded numbers")


@app.command()
def stability(
    slug: Slug,
    seeds: Annotated[int, typer.Option(help="number of other seeds")] = 5,
    workers: Workers = None,
):
    """On how many other seeds each verdict of the default run holds; kept with the record.

    Example: paperlab stability cd_test --seeds 5
    """
    from paperlab import paths
    from paperlab.runs import sweeps

    result, path = sweeps.record_stability(slug, seeds, workers=workers)
    held = [
        (k, f"{v['held']} of {v['of']}", " ".join(f"{x:.4g}" for x in v["values"])) for k, v in result["claims"].items()
    ]
    print_table(("claim", "held", "values"), held)
    print(f"kept in {paths.shown(path)}")


@app.command("scoreboard")
def print_scoreboard(as_json: Json = False, as_csv: Annotated[bool, typer.Option("--csv", help="print CSV")] = False):
    """All verdicts of all papers: default run, recorded full run, seeds, verdict of record.

    Example: paperlab scoreboard --csv > verdicts.csv
    """
    from paperlab.pages import reports, scoreboard
    from paperlab.pages.page import Book

    if as_json:
        print_json(scoreboard.rows())
    elif as_csv:
        import csv

        writer = csv.DictWriter(sys.stdout, fieldnames=scoreboard.COLUMNS)
        writer.writeheader()
        writer.writerows(scoreboard.flat())
    else:
        reports.print_scoreboard(Book())


@app.command()
def check(
    slug: Annotated[str | None, typer.Argument(autocompletion=_complete_slug, help="one paper; default all")] = None,
):
    """Cards, pairs, stored and recorded results, alternative texts, contents, references. Executes nothing.

    Example: paperlab check cd_test
    """
    from paperlab.pages import checks
    from paperlab.pages.page import Book

    book = Book()
    problems = checks.check(slug, book)
    for note in checks.notes(slug, book):
        print(f"note: {note}", file=sys.stderr)
    for problem in problems:
        print(problem)
    if problems:
        raise PaperlabError(f"{len(problems)} problems")
    print(f"checks passed: {slug or f'{len(book.slugs)} papers'}")


@app.command()
def refresh(slugs: Annotated[list[str], typer.Argument(autocompletion=_complete_slug, help="one or more papers")]):
    """Write a page's .ipynb from its .py, run it with its defaults and store the outputs.

    Example: paperlab refresh cd_test
    """
    from paperlab import paths
    from paperlab.pages import records
    from paperlab.runs import execution

    for slug in slugs:
        target = execution.refresh(slug)
        result = records.result_of(target) or {}
        print(f"{paths.shown(target)}: {result.get('cpu_seconds', 0):.0f} CPU s, {result.get('peak_mb', 0):.0f} MB")


@app.command()
def new(
    slug: Annotated[str, typer.Argument(help="name of the new page: lower case letters, digits, _")],
    part: Annotated[str, typer.Option(help="part of the book: spiking, latent-factors, causes, ... (see _toc.yml)")],
):
    """A page that runs, from a template: card, pair, entry in _toc.yml. All of it or, when stopped, nothing.

    Example: paperlab new my_paper --part causes
    """
    from paperlab import paths
    from paperlab.pages import new_page
    from paperlab.runs import execution

    with new_page.created(slug, part) as written:
        written.append(execution.refresh(slug, progress=False))
    for path in written:
        print(f"wrote {paths.shown(path)}")
    print(
        f"next: edit data/papers/{slug}.yml and notebooks/{slug}.py until nothing says {new_page.MARK}, then "
        f"`paperlab refresh {slug}` and `paperlab check {slug}`"
    )


@data_app.command("list")
def data_list(as_json: Json = False):
    """All data sets with kind, size and licence.

    Example: paperlab data list
    """
    from paperlab import datasets

    known = datasets.registry()
    if as_json:
        return print_json(known)
    rows = []
    for name, found in known.items():
        size = sum(item.get("bytes", 0) for item in datasets.entry(name)["files"])
        rows.append((name, found["kind"], f"{size / 1e6:.2f}", found.get("title", "")))
    return print_table(("name", "kind", "MB", "title"), rows)


DataName = Annotated[str, typer.Argument(help="name of the data set", autocompletion=_complete_data)]


@data_app.command("fetch")
def data_fetch(name: DataName):
    """Fetch a data set if it is not here yet, and verify it.

    Example: paperlab data fetch pension_401k
    """
    from paperlab import datasets

    for file, path in datasets.paths_of(name, progress=True).items():
        print(f"{file}: verified, {path}")


@data_app.command("locate")
def data_locate(name: DataName):
    """Where each file of a data set comes from on this machine. Downloads nothing.

    Example: paperlab data locate pension_401k
    """
    from paperlab import datasets

    for file, place in datasets.locate(name).items():
        print(f"{file}: {place}")


def main():
    """Run the command that ``sys.argv`` names."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job that a cluster ends stops like Ctrl-C
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what a stopped notebook left behind complains at exit
    for stream in (sys.stdout, sys.stderr):  # a terminal that has no sign for a verdict shows its code
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except PaperlabError as error:
        _refuse(error)
    except OSError as error:  # a disk or a folder that gives way where nobody expected it
        _refuse(f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}")
    except SystemExit as end:
        if end.code != INTERRUPTED:
            raise
        _refuse("stopped")


def _refuse(message):
    print(f"paperlab: {one_line(message)}", file=sys.stderr)
    sys.exit(2)
