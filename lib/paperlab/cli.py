"""The command line: ``paperlab ...``. Every error is one line and exit code 2; heavy modules are imported by the commands."""

import json
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from paperlab.errors import PaperlabError

app = typer.Typer(
    help="Run, sweep, record and check the papers of the book.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Data sets: list, fetch, where.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")


def _complete_slug(incomplete: str):
    from paperlab import paths

    return [slug for slug in paths.slugs() if slug.startswith(incomplete)]


def _complete_data(incomplete: str):
    from paperlab import datasets

    return [name for name in datasets.registry() if name.startswith(incomplete)]


Slug = Annotated[str, typer.Argument(help="name of the paper, e.g. cd_test", autocompletion=_complete_slug)]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Profile = Annotated[Optional[str], typer.Option(help="parameter set of the card: default or full")]  # noqa: UP045
Workers = Annotated[Optional[int], typer.Option(help="processes; default one per core")]  # noqa: UP045


def _print_json(data):
    print(json.dumps(data, indent=1, ensure_ascii=False))


def _print_table(columns, rows):
    """Print aligned columns; the last one wraps to the terminal's width."""
    import shutil
    import textwrap

    cells = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(len(column), *(len(row[i]) for row in cells)) if cells else len(column) for i, column in enumerate(columns)
    ]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    room = max(shutil.get_terminal_size((120, 24)).columns - indent, 24)
    for row in [columns, *cells]:
        lines = textwrap.wrap(row[-1], room) or [""]
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row[:-1], widths)) + "  " * (len(row) > 1) + lines[0])
        for line in lines[1:]:
            print(" " * indent + line)


@app.command("list")
def list_papers(as_json: Json = False):
    """All papers: part, fidelity, verdict counts, seconds of the default run.

    Example: paperlab list --json
    """
    from paperlab import scoreboard

    papers = scoreboard.papers()
    if as_json:
        return _print_json(papers)
    rows = []
    for paper in papers:
        counts = paper["verdicts"]
        verdicts = f"{counts['reproduced']}/{counts['partly']}/{counts['not']}/{counts['not tested']}" if counts else ""
        seconds = "" if paper["seconds"] is None else f"{paper['seconds']:.0f}"
        memory = "" if paper["peak_mb"] is None else f"{paper['peak_mb']:.0f}"
        rows.append(
            (
                paper["slug"],
                paper["status"],
                paper["part"],
                paper["fidelity"] or "",
                verdicts,
                seconds,
                memory,
                paper["title"],
            )
        )
    _print_table(("paper", "status", "part", "fidelity", "✓/◐/✗/–", "s", "MB", "title"), rows)


@app.command()
def show(slug: Slug, as_json: Json = False):
    """One paper: card, parameters, claims with criteria, last verdicts.

    Example: paperlab show cd_test
    """
    from paperlab import claims, parameters, paths, records, scoreboard
    from paperlab.paper import Card

    card = Card.load(slug)
    known = parameters.read(slug) if paths.notebook_path(slug).exists() else {}
    rows = [row for row in scoreboard.rows() if row["slug"] == slug]
    if as_json:
        described = [vars(p) | {"range": p.range} for p in known.values()]
        return _print_json({"slug": slug, "title": card.title, "parameters": described, "claims": rows})
    print(f"{card.title}\n{card.reference}\n\n{card.question}\n\nfidelity: {card.fidelity}; part: {card.part}")
    for line in card.departures:
        print(f"differs: {line}")
    if known:
        print()
        _print_table(
            ("parameter", "type", "default", "range", "help"),
            [(p.name, p.type, json.dumps(p.default), p.range, p.help) for p in known.values()],
        )
    for name, values in card.profiles.items():
        print(f"profile {name}: " + ", ".join(f"{key}={json.dumps(value)}" for key, value in values.items()))
    print()
    last = {row["claim"]: row for row in rows}
    table = []
    for claim in card.claims:
        row = last.get(claim.id, {"default": {"value": None, "verdict": "not tested"}, "full": None, "stability": None})
        full, seeds = row["full"], row["stability"]
        table.append(
            (
                claim.id,
                claim.criterion or "none",
                f"{claims.number(row['default']['value'])} {row['default']['verdict']}",
                f"{claims.number(full['value'])} {full['verdict']}" if full else "–",
                f"{seeds['held']}/{seeds['of']}" if seeds else "–",
                claim.text,
            )
        )
    _print_table(("claim", "criterion", "default", "full", "seeds", "text"), table)
    if (full := records.load(slug).get("full")) is not None:
        print(
            f"\nfull run recorded {full['date']}: {full['seconds']:.0f} s on {full['machine']}, commit {full['commit']}"
        )


def _values(pairs, params_file):
    from paperlab import parameters

    values = parameters.from_file(params_file) if params_file else {}
    values.update(dict(pairs or []))
    return values


def _split(arguments):
    """``-p NAME VALUE`` (twice the same name is an error) and ``-p NAME=VALUE``, out of raw arguments."""
    pairs, rest = [], []
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument in ("-p", "--param"):
            following = arguments[position + 1 : position + 3]
            if following and "=" in following[0]:
                name, value = following[0].split("=", 1)
                position += 2
            elif len(following) == 2:
                name, value = following
                position += 3
            else:
                raise PaperlabError("-p needs a name and a value, e.g. -p n 200 or -p n=200")
            if name in dict(pairs):
                raise PaperlabError(f"parameter {name} is given twice")
            pairs.append((name, value))
        else:
            rest.append(argument)
            position += 1
    return pairs, rest


PAIRS: list = []  # what _split took out of the command line; filled by main()


@app.command()
def run(
    slug: Slug,
    params_file: Annotated[Optional[Path], typer.Option("-f", help="YAML file of parameters")] = None,  # noqa: UP045
    profile: Profile = None,
    out: Annotated[Optional[Path], typer.Option("-o", help="folder of the results; default runs/SLUG/TIME")] = None,  # noqa: UP045
    as_json: Json = False,
):
    """Execute a copy of a page with new parameters: -p NAME VALUE (or NAME=VALUE), as often as needed.

    Example: paperlab run cd_test -p n 200 -p errors chi2
    """
    from paperlab import paths, runs

    result = runs.run(slug, profile=profile, out=out, progress=not as_json, values=_values(PAIRS, params_file))
    if as_json:
        return _print_json(result.as_dict())
    print(f"{result}\n{result.seconds:.0f} s, {result.peak_mb:.0f} MB")
    print(f"notebook {paths.shown(result.notebook)}\npage     {paths.shown(result.html)}")


@app.command()
def sweep(
    slug: Slug,
    workers: Workers = None,
    scheduler: Annotated[Optional[str], typer.Option(help="address of a Dask scheduler")] = None,  # noqa: UP045
    out: Annotated[Optional[Path], typer.Option("-o", help="folder of the table and the cells")] = None,  # noqa: UP045
    as_json: Json = False,
):
    """Run a grid: -p n=50,100 -p seed=0:10. A killed sweep continues with the same command.

    Example: paperlab sweep cd_test -p n=50,100,200 -p seed=0:10 --workers 2
    """
    from paperlab import paths
    from paperlab import sweeps as sweeping

    if not PAIRS:
        raise PaperlabError("a sweep needs at least one axis, e.g. -p n=50,100,200")
    result = sweeping.sweep(slug, dict(PAIRS), workers=workers, scheduler=scheduler, out=out, progress=not as_json)
    if as_json:
        _print_json({"csv": result.csv, "parquet": result.parquet, "failed": result.failed, "resumed": result.resumed})
    else:
        print(result.table.to_string(index=False, max_rows=60))
        print(f"{result.seconds:.0f} s, {result.resumed} runs were finished before, {len(result.failed)} failed")
        print(f"table {paths.shown(result.csv)} (and .parquet)")
    if result.failed:
        raise typer.Exit(1)


@app.command()
def record(slug: Slug, profile: Profile = "full"):
    """Run a profile and keep its values in data/records/.

    Example: paperlab record cd_test --profile full
    """
    from paperlab import paths, records, runs

    result = runs.run(slug, profile=profile)
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
    path = records.save(slug, **{"full" if profile == "full" else profile: kept})
    print(f"{result}\nkept in {paths.shown(path)}")


@app.command()
def stability(
    slug: Slug,
    seeds: Annotated[int, typer.Option(help="number of other seeds")] = 5,
    workers: Workers = None,
):
    """On how many other seeds each verdict of the default run holds; kept with the record.

    Example: paperlab stability cd_test --seeds 5
    """
    from paperlab import paths, records, sweeps

    result = sweeps.stability(slug, seeds, workers=workers)
    _print_table(
        ("claim", "held", "values"),
        [
            (k, f"{v['held']} of {v['of']}", " ".join(f"{x:.4g}" for x in v["values"]))
            for k, v in result["claims"].items()
        ],
    )
    if result["failed"]:
        raise PaperlabError(
            f"{len(result['failed'])} of {seeds} runs failed, nothing was recorded: {result['failed'][0]}"
        )
    print(
        f"kept in {paths.shown(records.save(slug, stability={**result, 'date': records.today(), 'commit': records.commit()}))}"
    )


@app.command("scoreboard")
def print_scoreboard(as_json: Json = False, as_csv: Annotated[bool, typer.Option("--csv", help="print CSV")] = False):
    """All verdicts of all papers, default and recorded.

    Example: paperlab scoreboard --csv > verdicts.csv
    """
    from paperlab import claims, scoreboard

    rows = scoreboard.rows()
    if as_json:
        return _print_json(rows)
    flat = []
    for row in rows:
        full, seeds = row["full"] or {"value": None, "verdict": ""}, row["stability"]
        flat.append(
            {
                "paper": row["slug"],
                "claim": row["claim"],
                "criterion": row["criterion"] or "none",
                "fidelity": row["fidelity"],
                "default": row["default"]["value"],
                "verdict": row["default"]["verdict"],
                "full": full["value"],
                "full_verdict": full["verdict"],
                "seeds": f"{seeds['held']}/{seeds['of']}" if seeds else "",
                "text": row["text"],
            }
        )
    if as_csv:
        import csv

        writer = csv.DictWriter(sys.stdout, fieldnames=list(flat[0]) if flat else ["paper"])
        writer.writeheader()
        writer.writerows(flat)
        return None
    for row in flat:
        row["default"], row["full"] = claims.number(row["default"]), claims.number(row["full"])
    _print_table(list(flat[0]) if flat else ["paper"], [list(row.values()) for row in flat])
    print(
        ", ".join(
            f"{count} {verdict}" for verdict, count in scoreboard.counts([row["default"] for row in rows]).items()
        )
    )
    return None


@app.command()
def check(
    slug: Annotated[str | None, typer.Argument(autocompletion=_complete_slug, help="one paper; default all")] = None,
):
    """Cards, pairs, stored verdicts, alternative texts, contents, references. Executes nothing.

    Example: paperlab check cd_test
    """
    from paperlab import checks, paths

    problems = checks.check(slug)
    for problem in problems:
        print(problem)
    if problems:
        raise PaperlabError(f"{len(problems)} problems")
    print(f"checks passed: {slug or f'{len(paths.slugs())} papers'}")


@app.command()
def execute(slugs: Annotated[list[str], typer.Argument(autocompletion=_complete_slug, help="one or more papers")]):
    """Write a page's .ipynb from its .py, run it with its defaults and store the outputs.

    Example: paperlab execute cd_test
    """
    from paperlab import paths, records, runs

    for slug in slugs:
        target = runs.execute(slug)
        result = records.result_of(target) or {}
        print(f"{paths.shown(target)}: {result.get('seconds', 0):.0f} s, {result.get('peak_mb', 0):.0f} MB")


@app.command()
def new(
    slug: Annotated[str, typer.Argument(help="name of the new page: lower case letters, digits, _")],
    part: str = "causes",
):
    """A page that runs, from a template: card, pair, entry in _toc.yml.

    Example: paperlab new my_paper --part causes
    """
    from paperlab import paths, template

    for path in template.create(slug, part):
        print(f"wrote {paths.shown(path)}")
    print(
        f"next: edit data/papers/{slug}.yml and notebooks/{slug}.py, then `paperlab execute {slug}` and `paperlab check {slug}`"
    )


@data_app.command("list")
def data_list(as_json: Json = False):
    """All data sets with kind, size and licence.

    Example: paperlab data list
    """
    from paperlab import datasets

    known = datasets.registry()
    if as_json:
        return _print_json(known)
    rows = []
    for name, found in known.items():
        size = sum(item.get("bytes", 0) for item in found["files"])
        rows.append((name, found["kind"], f"{size / 1e6:.2f}", found["title"]))
    return _print_table(("name", "kind", "MB", "title"), rows)


DataName = Annotated[str, typer.Argument(help="name of the data set", autocompletion=_complete_data)]


@data_app.command("fetch")
def data_fetch(name: DataName):
    """Fetch a data set if it is not here yet, and verify it.

    Example: paperlab data fetch pension_401k
    """
    from paperlab import datasets

    for file, path in datasets.paths_of(name, progress=True).items():
        print(f"{file}: verified, {path}")


@data_app.command("where")
def data_where(name: DataName):
    """Where each file of a data set comes from on this machine. Downloads nothing.

    Example: paperlab data where pension_401k
    """
    from paperlab import datasets

    for file, place in datasets.where(name).items():
        print(f"{file}: {place}")


def main():
    """Entry point of the ``paperlab`` command."""
    import os

    try:
        if "_PAPERLAB_COMPLETE" not in os.environ:
            pairs, sys.argv[1:] = _split(sys.argv[1:])
            PAIRS.extend(pairs)
        app()
    except PaperlabError as error:
        print(f"paperlab: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("paperlab: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
