"""Every command that README, book and help texts print is run, on small pages under the names that they use."""

import contextlib
import hashlib
import io
import re
import shlex
import shutil

import pytest
import yaml
from paperlab import cli
from paperlab.pages import parameters
from paperlab.runs import execution, grid, sweeps
from paperlab.runs import single as runs
from test_cli import COMMANDS, GROUP
from tiny_book import REPOSITORY, replace

FILES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "book").glob("**/*.md"))]
NOT_RUN = {  # beginning of a command: why it is not run here
    "make": "sets up, builds or opens the whole book; its targets are looked up in the Makefile",
    "source .venv/bin/activate": "prepares a terminal",
    "export ": "prepares a terminal",
    "pre-commit install": "changes the reader's clone",
    "paperlab --install-completion": "changes the reader's shell",
    "papermill ": "papermill's own command; tests/runs/test_single.py runs it",
    "paperlab sweep PAGE -p PARAMETER=...": "a pattern, not a command",
}
STANDS_FOR = {"PAGE": "cd_test", "SLUG": "cd_test", "NAME": "pension_401k"}
PAGES = {"cd_test", "stdp_spinnaker"}  # names of pages in the examples
MORE = """\
n_large: int = 5  # [1, 1000] of cd_test
reps: int = 5  # [1, 1000] of cd_test
delta_semantics: str = "current_step"  # {current_step, voltage_jump, late_jump} of stdp_spinnaker
"""


def printed():
    """Commands of all texts: ``(where, command)``, those of ``bash`` blocks and those set as code in a sentence."""
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        for block in re.findall(r"^```bash\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                if command := line.partition("  #")[0].strip():
                    yield path.name, command
        for command in re.findall(
            r"`(paperlab (?!execution)[^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        ):
            yield path.name, " ".join(command.split())
    for name in COMMANDS:
        command = GROUP
        for word in name:
            command = command.commands[word]
        yield f"{' '.join(name)} --help", re.search(r"Example: (.*)", command.help)[1]


def runnable():
    """Each command once; a bare name such as `paperlab run` in a sentence is no command."""
    commands = dict.fromkeys(command for _, command in printed())
    bare = {f"paperlab {' '.join(name)}" for name in COMMANDS} - {
        "paperlab list",
        "paperlab scoreboard",
        "paperlab data list",
    }
    found = [command for command in commands if not command.startswith(tuple(NOT_RUN)) and command not in bare]
    return sorted(found, key=lambda command: " new " not in command)  # a page is made before it is run and checked


def words(command):
    """Arguments of a command, with real names in place of those that stand for any; a redirection is left out."""
    arguments = shlex.split(command.partition(" > ")[0])
    assert arguments[0] == "paperlab", command
    stands_for = STANDS_FOR | (
        {"my_paper": "cd_test"} if arguments[1] == "stability" else {}
    )  # which needs a stored run
    return [stands_for.get(word, word) for word in arguments[1:]]


@pytest.fixture(scope="module")
def library(executed, tmp_path_factory):
    """A book whose small pages and data sets carry the names of the examples, and the file of values that one needs."""
    root = shutil.copytree(executed, tmp_path_factory.mktemp("library") / "book")
    card, page = ((root / name).read_text() for name in ("data/papers/tiny.yml", "notebooks/tiny.ipynb"))
    lines = "".join(f'    "{line}\\n",\n' for line in MORE.replace('"', '\\"').splitlines())
    for slug in PAGES:
        (root / f"data/papers/{slug}.yml").write_text(card.replace("slug: tiny", f"slug: {slug}"))
        named = page.replace('Paper(\\"tiny\\")', f'Paper(\\"{slug}\\")').replace('    "n: int', f'{lines}    "n: int')
        (root / f"notebooks/{slug}.ipynb").write_text(named)
        shutil.copy(root / "notebooks/tiny.py", root / f"notebooks/{slug}.py")
        replace(root / f"notebooks/{slug}.py", 'Paper("tiny")', f'Paper("{slug}")')
        replace(root / f"notebooks/{slug}.py", "n: int = 10", f"{MORE}n: int = 10")
    (root / "data/authors").mkdir()
    (root / "data/authors/d.csv").write_text("a\n")
    sha256 = hashlib.sha256(b"a\n").hexdigest()
    entry = {"title": "D", "kind": "shipped", "folder": "data/authors", "files": [{"file": "d.csv", "sha256": sha256}]}
    (root / "data/registry.yml").write_text(yaml.safe_dump({"pension_401k": entry, "fhfa_hpi_metro": entry}))
    text = (REPOSITORY / "book/rerun.md").read_text()
    (root / "my_values.yml").write_text(re.search(r"```yaml\n(# my_values.yml\n.*?)```", text, flags=re.DOTALL)[1])
    return root


@pytest.fixture
def at(library, monkeypatch):
    monkeypatch.setenv("PAPERLAB_ROOT", str(library))
    monkeypatch.delenv("PAPERLAB_DATA", raising=False)
    monkeypatch.chdir(library)
    return library


@pytest.fixture
def quick(monkeypatch):
    """Without kernels and workers: whether they work is tested elsewhere, here it is the commands."""

    def execute_copy(slug, values, folder, *, progress, page):
        claims = [{"id": "c1", "value": 0.5, "verdict": "reproduced", "reason": ""}]
        return runs.RunResult(slug, values, 1.0, 1.0, claims, "", "", {}, None)

    monkeypatch.setattr(runs, "execute_copy", execute_copy)
    monkeypatch.setattr(execution, "play", lambda *_, **__: None)
    monkeypatch.setattr(sweeps, "_local", lambda cells, workers: (sweeps.run_cell(*cell) for cell in cells))
    monkeypatch.setattr(sweeps, "_connected", lambda address: contextlib.nullcontext())
    monkeypatch.setattr(sweeps, "_dask", lambda cells, client: (sweeps.run_cell(*cell) for cell in cells))


@pytest.mark.parametrize("command", runnable())
def test_a_printed_command_runs(at, paperlab, request, command):
    arguments = words(command)
    if arguments[0] not in ("run", "list", "show", "scoreboard", "check", "data"):
        request.getfixturevalue("quick")
    code, out, err = paperlab(*arguments)
    if arguments[0] == "check":  # it may find problems, the small pages are not the book's
        assert code == 0 or err.rstrip().endswith(" problems"), (out, err)
    else:
        assert code == 0, (out, err)


@pytest.mark.parametrize("command", [command for command in runnable() if " -p " in command])
def test_the_real_page_takes_the_values_of_an_example(monkeypatch, command):
    monkeypatch.setenv("PAPERLAB_ROOT", str(REPOSITORY))
    name, slug, *arguments = words(command)
    given = [rest for word, *rest in zip(arguments, arguments[1:], [*arguments[2:], ""]) if word == "-p"]
    pairs = cli.pairs(first if "=" in first else f"{first}={second}" for first, second in given)
    assert grid.grid(slug, pairs) if name == "sweep" else parameters.resolve(slug, pairs)


def test_an_example_of_python_runs(at, monkeypatch):
    text = (REPOSITORY / "book/rerun.md").read_text()
    block = next(
        block for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "paperlab.run(" in block
    )
    result: dict = {}
    with contextlib.redirect_stderr(io.StringIO()):
        exec(block, result)
    assert result["result"].verdicts["c1"] == "reproduced"


def test_what_is_not_run_is_printed_somewhere_and_targets_exist():
    commands = [command for _, command in printed()]
    assert all(any(command.startswith(start) for command in commands) for start in NOT_RUN)
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    named = {command.split()[1] for command in commands if command.startswith("make ")}
    assert named <= targets
