"""Rules between parameters and the data that they need: declared beside them, shown, held before anything runs."""

import ast

import pytest
from paperlab import datasets, paths
from paperlab.errors import PaperlabError
from paperlab.pages import parameters
from tiny_book import REPOSITORY, replace

CELL = """\
r: int = 3  # [1, 10] rank
ks: list[int] = [3, 5]  # [1, 40] columns
more: list[int] = []  # [1, 9] further ones
start: str = "2015-01-01"  # first day
sample: str = "a"  # {a, b, both} which sample
flag: bool = False  # yes or no
"""


def declared(*lines):
    return parameters.from_source(CELL + "\n".join(lines) + "\n", "x.ipynb")


@pytest.mark.parametrize(
    "rule, good, bad",
    [
        ("r <= min(ks)", {"ks": [4]}, {"ks": [9, 2]}),
        ("len(ks) == 2", {}, {"ks": [1]}),
        ("2 <= r < 9", {"r": 8}, {"r": 9}),
        ("not more or max(more) < r", {"more": [2]}, {"more": [3]}),
        ("not flag or sample in ('b', 'both')", {"flag": True, "sample": "b"}, {"flag": True}),
        ("start < '2020'", {}, {"start": "2021-05-05"}),
        ("ks == sorted(ks) and len(set(ks)) == len(ks)", {"ks": [1, 2]}, {"ks": [2, 1]}),
        ("2**r - ks[0] // 2 > abs(-r) * 1.5", {}, {"r": 1}),
        ("any(ks)", {}, {"ks": []}),
        ("bool(more) == flag", {"more": [1], "flag": True}, {"more": [1]}),
        ("days(start, '2020-12-31') >= 365", {"start": "2019-12-31"}, {"start": "2020-06-01"}),
        ("days(start, '2020-12-31') >= 365", {}, {"start": "2019-02-30"}),
        ("days(start, '2020-12-31') >= 365", {}, {"start": "first of May"}),
    ],
)
def test_a_rule_is_held(rule, good, bad):
    known = declared(f"# rule: {rule}  # because")
    known.check_rules(good)
    with pytest.raises(PaperlabError) as caught:
        known.check_rules(bad)
    text = str(caught.value)
    assert text.startswith("parameters must keep the rule ") and "), got " in text
    assert all(f"{name} = {value!r}" in text for name, value in bad.items())


@pytest.mark.parametrize(
    "line, words",
    [
        ("# rule: r <=", "'r <=' is no condition"),
        ("# rule:", "is no condition"),
        ("# rule: R < 3", "R is no parameter (did you mean r?)"),
        ("# rule: open('x')", "open('x') may not stand in a condition; functions are abs, all"),
        ("# rule: __import__('os').system('touch owned')", "must name a function of paperlab.methods"),
        ("# rule: r.bit_length() > 0", "must name a function of paperlab.methods as wing.module.function"),
        ("# rule: panel.dependence._private(r)", "must name a function of paperlab.methods"),
        ("# rule: mixed_graphs.graphs.n_vertices", "may not stand in a condition"),
        ("# rule: [k for k in ks]", "may not stand in a condition"),
        ("# rule: (lambda: 1)()", "may not stand in a condition"),
        ("# rule: max(ks, default=3) > 1", "may not stand in a condition"),
        ("# rule: f'{r}'", "may not stand in a condition"),
        ("# rule: (r := 3)", "may not stand in a condition"),
        ("# rule: r > 5", "the defaults are refused: parameters must keep the rule r > 5, got r = 3"),
        ("# rule: max(more) > 1", "the defaults are refused: parameters must keep the rule max(more) > 1 (max()"),
        ("# rule: " + "(" * 5000, "is no condition"),
        ("# data:", "'' is not of the form NAME, NAME if CONDITION"),
        ("# data: d1 if", "is not of the form"),
        ("# data: d1 when flag", "is not of the form"),
        ("# data: d1 if flags", "flags is no parameter (did you mean flag?)"),
    ],
)
def test_a_malformed_line_is_refused(line, words):
    with pytest.raises(PaperlabError) as caught:
        declared(line)
    assert str(caught.value).startswith("x.ipynb: ") and words in str(caught.value)


def test_a_rule_may_ask_a_method_and_tells_its_words():
    known = parameters.from_source(
        'graph: str = "0>1, 1>2"  # edges\npair: list[int] = [0, 2]  # vertices\n'
        "# rule: max(pair) < mixed_graphs.graphs.n_vertices(graph)\n"
    )
    known.check_rules({"graph": "3cycle+tail", "pair": [3, 3]})
    with pytest.raises(PaperlabError, match=r"got pair = \[0, 3\], graph = '0>1, 1>2'"):
        known.check_rules({"pair": [0, 3]})
    with pytest.raises(PaperlabError, match="'0-1' is not of the form 0>1 or 0<>1"):
        known.check_rules({"graph": "0-1"})


def test_data_are_needed_under_their_condition():
    known = declared("# data: always", '# data: d1, d2 if sample in ("b", "both") and r > 2')
    assert known.data({}) == ["always"]
    assert known.data({"sample": "both"}) == ["always", "d1", "d2"]
    assert known.data({"sample": "both", "r": 1}) == ["always"]


RULE = "# rule: n * len(weights) <= 1500  # room"


@pytest.fixture
def ruled(book):
    """The tiny book with a rule between its parameters."""
    line = "weights: list[float] = [1.0, 0.5]  # [0, 5] unused"
    for name, end in (("notebooks/tiny.py", "\n"), ("notebooks/tiny.ipynb", '\\n",\n    "')):
        text = (book / name).read_text()
        (book / name).write_text(text.replace(line, f"{line}{end}{RULE}", 1))
    return book


@pytest.mark.parametrize(
    "command",
    [
        ["run", "tiny", "-p", "n=999"],
        ["sweep", "tiny", "-p", "n=5,999", "-p", "seed=0:2"],
        ["record", "tiny"],
    ],
)
def test_a_broken_rule_is_told_before_anything_runs(ruled, refused, command):
    replace(ruled / "data/papers/tiny.yml", "full: {n: 100}", "full: {n: 999}")
    error = refused(*command)
    assert error.endswith(
        "parameters must keep the rule n * len(weights) <= 1500 (room), got n = 999, weights = [1.0, 0.5]"
    )
    assert not (ruled / "runs").exists()


def test_the_file_and_a_longer_list_keep_the_rule_too(ruled, refused):
    (ruled / "params.yml").write_text("weights: [1, 1, 1, 1]\nn: 400\n")
    assert "got n = 400, weights = [1.0, 1.0, 1.0, 1.0]" in refused("run", "tiny", "-f", "params.yml")


def test_show_names_the_rules(ruled, paperlab):
    assert "rule: n * len(weights) <= 1500  (room)" in paperlab("show", "tiny")[1]


def pages():
    return sorted(path.stem for path in (REPOSITORY / "notebooks").glob("*.py"))


@pytest.mark.parametrize("slug", pages())
def test_pages_declare_the_data_that_they_load(slug, monkeypatch):
    """Whatever a page hands to `datasets` stands in a data line, and in its card; every condition can be evaluated."""
    monkeypatch.setenv("PAPERLAB_ROOT", str(REPOSITORY))
    known = parameters.read(slug)
    tree = ast.parse(paths.notebook_path(slug, ".py").read_text(encoding="utf-8"))
    names = [
        node.args[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("datasets.load", "datasets.path", "datasets.paths_of")
    ]
    loaded = {name.value for name in names if isinstance(name, ast.Constant)}
    declared = {name for need in known.needs for name in need.data}
    assert loaded <= declared
    if all(isinstance(name, ast.Constant) for name in names):  # else a loop over names loads some of them
        assert loaded == declared
    for profile in (None, "full"):
        for name in known.data(parameters.resolve(slug, profile=profile)):
            datasets.entry(name)


@pytest.mark.parametrize("slug", pages())
def test_default_runs_need_no_download(slug, monkeypatch):
    monkeypatch.setenv("PAPERLAB_ROOT", str(REPOSITORY))
    assert all(datasets.entry(name)["kind"] != "download" for name in parameters.read(slug).data({}))
