"""Loaders on small made-up files of the same form as the real ones, good and bad."""

import bz2

import pandas as pd
import pytest
from paperlab import loaders
from paperlab.errors import PaperlabError
from tiny_book import REPOSITORY

ABADIE = "e401k,inc,marr,male,age,fsize,nettfa,p401k,pira,incsq,agesq,extra"
PENSION = "e401,p401,inc,age,fsize,net_tfa,educ,db,marr,twoearn,pira,hown,extra"
FHFA = '"Name","Statistical Area Number",Year,Quarter,Index,"Index Standard Error "'
SPINNAKER = {
    "output_metrics_1.csv": 1,
    "output_metrics_2.csv": 14,
    "output_metrics_3.csv": 67,
    "2values_to_test.csv": 15,
    "3values_to_test.csv": 67,
}


@pytest.fixture
def load(tmp_path):
    """Write one file and load it as the data set of that name."""

    def call(name, file, *lines):
        path = tmp_path / "file"
        content = "\n".join(lines).encode()
        path.write_bytes(bz2.compress(content) if file.endswith(".bz2") else content)
        target = path.rename(tmp_path / file.rpartition("/")[2])
        return loaders.load(name, {file: target})

    return call


def abadie(load, *lines):
    return load("abadie_401k", "datasets/401ksubs.csv.bz2", *lines)


def test_abadie_401k(load):
    frame = abadie(load, ABADIE, "0,13.17,0,0,40,1,4.575,0,1,173,1600,9", "1,61.23,0,1,35,1,154,1,0,3749,1225,9")
    assert list(frame.columns) == ABADIE.split(",")[:-1]
    assert frame["nettfa"].tolist() == [4.575, 154.0]


@pytest.mark.parametrize(
    "lines, words",
    [
        ([ABADIE.replace("nettfa", "net"), "0,13,0,0,40,1,4,0,1,1,1,9"], "columns nettfa are missing"),
        ([ABADIE, "2,13,0,0,40,1,4,0,1,1,1,9"], r"column e401k must lie in \[0, 1\], got \[2, 2\]"),
        ([ABADIE, "0,13,0,0,24,1,4,0,1,1,1,9"], r"column age must lie in \[25, 64\]"),
        ([ABADIE, "0,13000,0,0,40,1,4,0,1,1,1,9"], r"column inc must lie in \[10, 200\]"),
        ([ABADIE, "0,much,0,0,40,1,4,0,1,1,1,9"], "column inc must hold numbers, got 'much'"),
    ],
)
def test_abadie_401k_refuses_another_file(load, lines, words):
    with pytest.raises(PaperlabError, match=f"data set abadie_401k: {words}"):
        abadie(load, *lines)


def test_pension_401k(load):
    frame = load("pension_401k", "401k.csv", PENSION, "0,0,28146,31,5,-3300,12,0,1,0,0,1,9")
    assert frame.loc[0, ["inc", "net_tfa"]].tolist() == [28146, -3300]


@pytest.mark.parametrize(
    "lines, words",
    [
        ([PENSION.replace("p401,", "p,"), "0,0,1,31,5,1,12,0,1,0,0,1,9"], "columns p401 are missing"),
        ([PENSION, "0,2,1,31,5,1,12,0,1,0,0,1,9"], r"column p401 must lie in \[0, 1\]"),
        ([PENSION, "0,0,1,65,5,1,12,0,1,0,0,1,9"], r"column age must lie in \[25, 64\], got \[65, 65\]"),
    ],
)
def test_pension_401k_refuses_another_file(load, lines, words):
    with pytest.raises(PaperlabError, match=words):
        load("pension_401k", "401k.csv", *lines)


def test_fhfa_hpi_metro_reads_missing_values_and_bracketed_errors(load):
    rows = [
        '"Abilene, TX",10180,1975,1,-,-',
        '"Abilene, TX",10180,1990,4,80.5,( 1.25)',
        '"Abilene, TX",10180,2022,3,264,2.5',
    ]
    frame = load("fhfa_hpi_metro", "HPI_AT_metro.csv", FHFA, *rows)
    assert list(frame.columns) == ["name", "cbsa", "year", "quarter", "index", "index_se"]
    assert frame["index"].isna().tolist() == [True, False, False]
    assert frame["index_se"].fillna(0).tolist() == [0, 1.25, 2.5]
    assert frame["name"].unique().tolist() == ["Abilene, TX"]


@pytest.mark.parametrize(
    "lines, words",
    [
        ([FHFA, "A,1,1975,5,1,1"], r"column quarter must lie in \[1, 4\], got \[5, 5\]"),
        ([FHFA, "A,1,1900,1,1,1"], r"column year must lie in \[1975, 2030\]"),
        ([FHFA, "A,1,1990,1,0,1"], r"column index must lie in \[1, 10000\]"),
        (["a,b", "1,2"], "2 columns, expected 6"),
    ],
)
def test_fhfa_hpi_metro_refuses_another_file(load, lines, words):
    with pytest.raises(PaperlabError, match=words):
        load("fhfa_hpi_metro", "HPI_AT_metro.csv", *lines)


def _spinnaker(folder, change=None):
    files = {}
    for name, rows in SPINNAKER.items():
        rows += name == change
        files[name] = folder / name
        files[name].write_text("CW0, CW1\n" + "\n".join(f"{row}, {row + 1}" for row in range(rows)) + "\n")
    return files


def test_spinnaker_stdp_strips_the_blanks_of_its_headers(tmp_path):
    tables = loaders.load("spinnaker_stdp", _spinnaker(tmp_path))
    assert set(tables) == {"metrics_1", "metrics_2", "metrics_3", "pairs", "triples"}
    assert list(tables["pairs"].columns) == ["CW0", "CW1"] and len(tables["triples"]) == 67


@pytest.mark.parametrize("file", SPINNAKER)
def test_spinnaker_stdp_counts_the_rows_of_every_table(tmp_path, file):
    with pytest.raises(
        PaperlabError, match=f"data set spinnaker_stdp: {SPINNAKER[file] + 1} rows, expected {SPINNAKER[file]}"
    ):
        loaders.load("spinnaker_stdp", _spinnaker(tmp_path, file))


def test_a_data_set_without_loader_says_what_to_do():
    with pytest.raises(PaperlabError, match=r"data set other has no loader; use datasets.paths_of"):
        loaders.load("other", {})


def test_missing_values_are_not_compared():
    frame = pd.DataFrame({"x": [None, 1.0]})
    assert loaders.expect("d", frame, rows=2, columns=("x",), ranges={"x": (1, 1)}) is frame
    assert len(loaders.expect("d", frame[:0], ranges={"x": (1, 1)})) == 0


def test_the_data_sets_in_packages_and_in_the_repository_are_intact(monkeypatch):
    """The real files: checksums, rows and ranges as the registry says."""
    from paperlab import datasets

    monkeypatch.setenv("PAPERLAB_ROOT", str(REPOSITORY))
    for name, entry in datasets.registry().items():
        assert name in loaders._LOADERS, f"{name} has no loader"
        if entry["kind"] != "download":
            table = datasets.load(name)
            if isinstance(table, pd.DataFrame):
                assert table.shape == (entry["rows"], entry["columns"])
