"""The parameters cell and what a user passes."""

import datetime
import time

import numpy as np
import pandas as pd
import pytest
from paperlab.errors import PaperlabError
from paperlab.pages import parameters
from tiny_book import replace

SOURCE = """\
# a comment line
seed: int = 1  # [0, 4294967295] seed of the page
rate: float = 5  # [0.5, 80] rate in Hz; "#" is no comment here
name: str = "a # b"  # no range
kind: str = "spatial"  # {none, spatial, network} dependence
flag: bool = False  # yes or no
ints: list[int] = [1, 2]  # [0, 9] each
floats: list[float] = [
    0.5,
]  # [0, 1] over several lines
words: list[str] = []  # {pi, p} wrong models
"""
KNOWN = parameters.from_source(SOURCE)


def test_names_types_ranges_and_help_are_read():
    assert list(KNOWN) == ["seed", "rate", "name", "kind", "flag", "ints", "floats", "words"]
    assert (KNOWN["seed"].default, KNOWN["seed"].range, KNOWN["seed"].help) == (
        1,
        "[0, 4294967295]",
        "seed of the page",
    )
    assert (KNOWN["rate"].low, KNOWN["rate"].high) == (0.5, 80)
    assert KNOWN["rate"].help == 'rate in Hz; "#" is no comment here'
    assert (KNOWN["name"].default, KNOWN["name"].help, KNOWN["name"].range) == ("a # b", "no range", "")
    assert KNOWN["kind"].range == "{none, spatial, network}"
    assert (KNOWN["floats"].default, KNOWN["floats"].range) == ([0.5], "[0, 1]")
    assert KNOWN["words"].choices == ("pi", "p")


@pytest.mark.parametrize(
    "name, text, value",
    [
        ("seed", "200", 200),
        ("seed", " 1_000 ", 1000),
        ("rate", "5", 5.0),
        ("rate", "1e1", 10.0),
        ("name", "5", "5"),
        ("name", "a=b", "a=b"),
        ("kind", "none", "none"),
        ("flag", "TRUE", True),
        ("flag", "false", False),
        ("ints", "[1, 2]", [1, 2]),
        ("ints", "3", [3]),
        ("ints", "1,2,", [1, 2]),
        ("words", "[]", []),
        ("floats", "0,0.5", [0.0, 0.5]),
        ("words", "pi, p", ["pi", "p"]),
        ("words", "['pi']", ["pi"]),
    ],
)
def test_text_is_read_by_the_type(name, text, value):
    found = KNOWN[name].parse(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("seed", "2.5", "seed must be int, got 2.5"),
        ("seed", "1e3", "seed must be int, got 1000.0"),
        ("seed", "many", "seed must be int, got 'many'"),
        ("seed", "", "seed must be int, got ''"),
        ("seed", "True", "seed must be int, got 'True'"),
        ("seed", "__import__('os')", "seed must be int"),
        ("seed", "-1", "seed must be in [0, 4294967295], got -1"),
        ("rate", "nan", "rate must be float, got nan"),
        ("rate", "1e999", "rate must be float, got inf"),
        ("rate", "1" + "0" * 400, "rate must be float"),
        ("rate", "80.1", "rate must be in [0.5, 80], got 80.1"),
        ("kind", "spatail", "must be one of {none, spatial, network}, got 'spatail' (did you mean spatial?)"),
        ("flag", "1", "flag must be true or false, got '1'"),
        ("ints", "1,x", "ints must be list[int], got 'x'"),
        ("ints", "1,2.5", "ints must be list[int], got 2.5"),
        ("ints", "1,10", "ints must be in [0, 9], got 10"),
        ("words", "pi,q", "words must be one of {pi, p}, got 'q'"),
        ("words", "pi,pi", "words must name each of {pi, p} at most once, got ['pi', 'pi']"),
        ("ints", "[]", "ints needs at least one value, e.g. [1, 2]"),
        ("floats", " ", "floats needs at least one value"),
        ("seed", "[" * 9999, "seed must be int, got '[[["),
        ("seed", "9" * 9999, "seed must be int, got inf"),
        ("name", "a\nb", r"name must be printable text, got 'a\nb'"),
        ("name", "\udcff", r"name must be printable text, got '\udcff'"),
    ],
)
def test_wrong_text_is_refused(name, text, words):
    with pytest.raises(PaperlabError) as caught:
        KNOWN[name].parse(text)
    assert words in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "name, value, plain",
    [
        ("seed", np.int64(20), 20),
        ("seed", np.array(20), 20),
        ("rate", np.float32(0.5), 0.5),
        ("rate", np.int8(5), 5.0),
        ("flag", np.bool_(True), True),
        ("kind", np.str_("none"), "none"),
        ("ints", np.arange(3), [0, 1, 2]),
        ("ints", range(3), [0, 1, 2]),
        ("floats", np.linspace(0, 1, 3), [0.0, 0.5, 1.0]),
        ("floats", pd.Series([0.5], index=[7]), [0.5]),
        ("words", np.array(["pi", "p"]), ["pi", "p"]),
        ("words", np.array([]), []),
    ],
)
def test_numbers_and_arrays_of_numpy_are_taken(name, value, plain):
    found = KNOWN[name].check(value)
    assert found == plain and type(found) is type(plain)
    assert not isinstance(plain, list) or [type(x) for x in found] == [type(x) for x in plain]


@pytest.mark.parametrize(
    "name, value",
    [
        ("seed", 1.0),
        ("seed", np.float64(1)),
        ("seed", np.array([1])),
        ("rate", np.datetime64("2016-01-01")),
        ("name", datetime.date(2016, 1, 1)),
        ("ints", np.eye(2, dtype=int)),
        ("ints", {1, 2}),
        ("seed", True),
        ("seed", None),
        ("rate", "5"),
        ("rate", float("nan")),
        ("name", False),
        ("flag", 1),
        ("ints", 3),
        ("ints", [True]),
        ("floats", {"a": 1}),
        ("words", "pi"),
    ],
)
def test_wrong_type_is_refused(name, value):
    with pytest.raises(PaperlabError, match=f"parameter {name} must be"):
        KNOWN[name].check(value)


def test_an_int_is_a_good_float():
    assert KNOWN["rate"].check(5) == 5.0
    assert KNOWN["floats"].check((0, 1)) == [0.0, 1.0]


@pytest.mark.parametrize(
    "line, words",
    [
        ("n = 3  # [0, 9] help", "must read `name: type = value  # help`, got 'n = 3"),
        ("n: int  # [0, 9] help", "must read `name: type = value  # help`"),
        ("import os", "must read `name: type = value  # help`, got 'import os'"),
        ("n: int = 3", "parameter n has no help text"),
        ("n: int = 3  # [0, 9]", "parameter n has no help text"),
        ("n: int = 30  # [0, 9] help", "the default is refused: parameter n must be in [0, 9], got 30"),
        ("n: int = 3  # [9, 0] help", "the default is refused"),
        ("n: int = 3.0  # help", "the default is refused: parameter n must be int"),
        ("n: int = 1 + 2  # help", "must be a plain literal, got '1 + 2'"),
        ("n: tuple = (1,)  # help", "needs a type among int, float"),
        ("n: int = 3  # [zero, 9] help", "a range is [low, high] of a number"),
        ("n: str = 'a'  # [0, 9] help", "a range is [low, high] of a number"),
        ("n: int = 3  # help\nn: int = 4  # help", "parameter n is declared twice"),
        ("n: int = (3  # help", "line 1 of the parameters cell is not Python"),
    ],
)
def test_malformed_parameters_cell_is_refused(line, words):
    with pytest.raises(PaperlabError) as caught:
        parameters.from_source(line, "x.ipynb")
    assert str(caught.value).startswith("x.ipynb: ")
    assert words in str(caught.value)


def test_page_without_parameters_cell_is_refused(book, refused):
    replace(book / "notebooks/tiny.ipynb", '"parameters"\n', '"parametres"\n')
    assert "exactly one cell must be tagged 'parameters', found 0" in refused("run", "tiny")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["-p", "N", "3"], "tiny has no parameter 'N' (did you mean n?); it has seed, n, mode, weights"),
        (["-p", "sed", "3"], "tiny has no parameter 'sed' (did you mean seed?)"),
        (["-p", "n", "three"], "parameter n must be int, got 'three'"),
        (["-p", "n=0"], "parameter n must be in [1, 1000], got 0"),
        (
            ["-p", "mode", "fial"],
            "parameter mode must be one of {ok, fail, die, hang}, got 'fial' (did you mean fail?)",
        ),
        (["-p", "weights", "1,6"], "parameter weights must be in [0, 5], got 6.0"),
        (["-p", "weights", "[]"], "parameter weights needs at least one value, e.g. [1.0, 0.5]"),
        (["-p", "n", "3", "--param", "n=3"], "parameter 'n' is given twice"),
        (["-p", "n"], "-p needs a name and a value"),
        (["-p"], "-p needs a name and a value"),
        (["-p", "=3"], "-p needs a name and a value"),
        (["-p", "n", "--json"], "parameter n must be int, got '--json'"),
        (["--profile", "ful"], "tiny has no profile 'ful' (did you mean full?); it has default, full"),
    ],
)
def test_bad_values_are_refused_before_anything_runs(book, refused, arguments, words):
    assert words in refused("run", "tiny", *arguments)
    assert not (book / "runs").exists()


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "cannot read params.yml: No such file or directory"),
        (b"n: [1", "params.yml is not plain YAML at line 1"),
        (b"\xff\xfe\x00", "params.yml is not UTF-8 text"),
        (b"n: \x07", "params.yml is not plain YAML"),
        (b"- n\n- 3\n", "params.yml must map names to values, got sequence"),
        (b"", "params.yml must map names to values, got nothing"),
        (b"n: 3\nn: 4\n", "params.yml, line 2: 'n' is given twice"),
        (b"n: 3\n---\nn: 4\n", "params.yml is not plain YAML at line 2: but found another document"),
        (b"n: null\n", "params.yml, line 1: 'n' has no value; write text in quotes"),
        (b"mode:\n", "params.yml, line 1: 'mode' has no value"),
        (b"n: {a: 1}\n", "params.yml, line 1: 'n' must be one value or a list of values, got 'map'"),
        (b"weights: [1, [2]]\n", "params.yml, line 1: 'weights' must be one value or a list of values, got 'seq'"),
        (b"n: [1, 2]\n", "parameter n must be int, got ['1', '2']"),
        (b"mode: no\n", "parameter mode must be one of {ok, fail, die, hang}, got 'no'"),
        (b"n: 1:30\n", "parameter n must be int, got '1:30'"),  # 90 to YAML
        (b"weights: []\n", "parameter weights needs at least one value, e.g. [1.0, 0.5]"),
        (b"m: 3\n", "tiny has no parameter 'm'"),
        (b"? [a, b]\n: 3\n", "params.yml, line 1: a name is expected"),
    ],
)
def test_bad_parameter_file_is_refused(book, refused, content, words):
    if content is not None:
        (book / "params.yml").write_bytes(content)
    assert words in refused("run", "tiny", "-f", "params.yml")


BOMB = "a: &a [1, 2]\n" + "".join(f"{x}: &{x} [{', '.join([f'*{y}'] * 9)}]\n" for y, x in zip("abcdefgh", "bcdefghi"))


@pytest.mark.parametrize(
    "content, words",
    [
        (BOMB + "n: *i\n", "aliases are not taken"),
        ("n: &x 3\nseed: *x\n", "aliases are not taken"),
        ("".join(f"k{i}: {i}\n" for i in range(50_000)), "more than 32 kB"),
        ("".join(f"k{i}: {i}\n" for i in range(2_500)), "tiny has no parameter 'k0'"),
        ("n: " + "[" * 30_000, "nested more than 3 deep"),
        ("n: " + "{a: " * 7_000, "nested more than 3 deep"),
        ("n: [" + "1," * 15_000 + "]", "parameter n must be int, got ['1', '1',"),
        ("n: " + "7" * 30_000, "parameter n must be int, got inf"),
        ("mode: " + "o" * 30_000, "must be one of {ok, fail, die, hang}, got 'ooo"),
        ("n" * 30_000 + ": 3", "is not plain YAML"),
    ],
    ids=[
        "nested aliases",
        "alias",
        "large",
        "many names",
        "lists",
        "mappings",
        "long list",
        "digits",
        "letters",
        "name",
    ],
)
def test_a_hostile_parameter_file_is_refused_at_once_and_briefly(book, refused, content, words):
    (book / "params.yml").write_text(content)
    start = time.process_time()
    error = refused("run", "tiny", "-f", "params.yml")
    assert words in error and len(error) < 400
    assert time.process_time() - start < 10  # without the bound on nodes: minutes; a second or two under a tracer


def test_a_parameter_file_without_end_is_not_read_to_it(book, refused):
    assert "/dev/zero has more than 32 kB" in refused("run", "tiny", "-f", "/dev/zero")


def test_text_in_a_file_is_taken_as_written(book):
    """What YAML would make a date, a truth or a number of is text where the page takes text."""
    (book / "params.yml").write_text(
        "a: 2016-01-01\nb: 9275\nc: 1.50\nd: no\ne: [007, 'x y', 1e3]\nf: 1e-3\ng: [010, 2]\nh: true\n"
    )
    known = parameters.from_source(
        "".join(f'{name}: str = ""  # text\n' for name in "abcd")
        + "e: list[str] = []  # texts\nf: float = 1.0  # x\ng: list[int] = []  # n\nh: bool = False  # yes or no\n"
    )
    assert parameters.check("tiny", parameters.from_file("params.yml"), known) == {
        **{"a": "2016-01-01", "b": "9275", "c": "1.50", "d": "no"},
        **{"e": ["007", "x y", "1e3"], "f": 0.001, "g": [10, 2], "h": True},
    }


def test_a_parameter_file_that_is_a_folder_is_refused(book, refused):
    assert "cannot read data: Is a directory" in refused("run", "tiny", "-f", "data")


@pytest.mark.parametrize("name", ["params.yml", "data/papers/tiny.yml"])
def test_yaml_constructs_no_objects(book, refused, name):
    (book / name).write_text('n: !!python/object/apply:os.system ["touch owned"]\n')
    if name == "params.yml":
        assert "must be one value or a list of values, got 'python/object" in refused("run", "tiny", "-f", "params.yml")
    else:
        words = f"{name} is not plain YAML at line 1: could not determine a constructor"
        assert words in refused("show", "tiny")
    assert not (book / "owned").exists()


def test_the_command_line_overrides_the_file_and_the_profile(book):

    (book / "params.yml").write_text("n: 20\nweights: [1, 2]\n")
    values = {**parameters.from_file("params.yml"), "n": "30"}
    assert parameters.resolve("tiny", values, "full") == {"n": 30, "weights": [1.0, 2.0]}
    assert parameters.resolve("tiny", profile="full") == {"n": 100}
    assert parameters.resolve("tiny") == {}
