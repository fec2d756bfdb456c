"""Loaders on small made-up files of the same form as the real ones, good and bad."""

import bz2

import numpy as np
import pandas as pd
import pytest
from paperlab.datasets import loaders
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
        assert name in loaders.base._LOADERS, f"{name} has no loader"
        if entry["kind"] != "download":
            table = datasets.load(name)
            if isinstance(table, pd.DataFrame):
                assert table.shape == (entry["rows"], entry["columns"])


OPTICAL = "LED_as_confounder11-13-2016_dim=9_exp_no_69_brfactor_80.0_sample_size=1000_.txt"
FRAME = "7 58 20 34 169 56 16 243 48 74 26"
CONJOINT = (
    "respondentIndex,task,profile,Sex,Party.affiliation,selected,Office,R_Age,R_Education,R_Class,R_Ideology"
    + ",R_Partisanship"
)
POWDER = (
    "material,density_method,atmosphere,geometry,laser_power_w,scan_speed_mm_s,hatch_mm,layer_mm,spot_mm,geometric_factor,"
    "d50_um,relative_density_pct,printer,doi"
)
SLEEP = "Person.ID,Age,Sleep.Duration,Quality.of.Sleep,Stress.Level,Blood.Pressure,Sleep.Disorder"
SCORES = "target,modality,model,is_baseline,split,person,origin,study,trial,label,s0,s1,s2,s3"


def insomnia(quality, *, columns=15):
    """Header and one answer."""
    names = ["hours_sleep", "sleep_quality", "caffeine", "academic_stress"] + [f"q{j}" for j in range(columns - 4)]
    return ",".join(names), ",".join(["7-8 hours", quality, "Never", "No stress"] + ["Never"] * (columns - 4))


def test_optical_device_reads_strength_and_number_from_the_file_name(load):
    found = load("optical_device", OPTICAL, *[FRAME] * 1000)
    assert list(found) == [69]
    assert found[69].attrs == {"brfactor": 80.0}
    assert found[69].loc[0, ["x1", "x9", "c", "y"]].tolist() == [7, 48, 74, 26]


def test_ono_burden_keeps_the_text_na_and_reads_codes(load):
    frame = load(
        "ono_burden",
        "ono_burden_2019.csv",
        CONJOINT,
        "1,1,1,Female,Republican Party,0,President,21,1,2,,NA",
        "1,1,2,Male,Republican Party,1,President,21,1,2,,NA",
    )
    assert frame["R_Partisanship"].tolist() == ["NA", "NA"]
    assert frame["R_Education"].tolist() == [1, 1]
    assert frame["R_Ideology"].isna().all()


def test_estm_and_powder_bed_are_read_as_they_are(load):
    estm = load(
        "estm_thermoelectric",
        "estm.csv",
        "formula,temperature_k,power_factor_w_mk2,zt,reference",
        "SnSe,300,0.001,0.2,10.1/x",
    )
    assert estm["power_factor_w_mk2"].tolist() == [0.001]
    line = "316L,Other,NI,Other,100,250,0.1,0.05,0.2,15.9,40.8,95.4,SDE,10.1/x"
    assert load("lpbf_relative_density", "lpbf_relative_density.csv", POWDER, line)["atmosphere"].tolist() == ["NI"]


def test_sleep_sets(load):
    frame = load("sleep_health_lifestyle", "Sleep_health_and_lifestyle_dataset.csv", SLEEP, "1,27,6.1,6,6,126/83,None")
    assert frame[["systolic", "diastolic"]].to_numpy().tolist() == [[126, 83]]
    assert frame["sleep_disorder"].tolist() == ["None"]
    assert load("student_insomnia", "student_insomnia_v1.csv", *insomnia("Poor")).shape == (1, 15)


def test_multidiagnosis_predictions(load):
    rows = ["ASD,audio,m,0,test,7,ASD,1,1,TD,0.46,0.54,,", "multiclass,text,m,0,test,7,ASD,1,1,TD,0.1,0.2,0.3,0.4"]
    frame = load("multidiagnosis_predictions", "predictions_val_test.csv", SCORES, *rows)
    assert frame["s2"].isna().tolist() == [True, False]


def test_gss_happiness(load):
    frame = load("gss_happiness", "datasets/happiness.csv.bz2", "year,happy,workstat,educ", "1994,very happy,retired,")
    assert frame["educ"].isna().all()


@pytest.mark.parametrize("images", [np.zeros((2, 35, 35, 3)), np.zeros((2, 32, 32, 3), np.uint8)])
def test_causalimages_tutorial(tmp_path, images):
    path = tmp_path / "images_327x35x35x3.npz"
    np.savez(path, images=np.zeros((2, 35, 35, 3), np.uint8))
    assert loaders.load("causalimages_tutorial", {path.name: path}).shape == (2, 35, 35, 3)
    np.savez(path, images=images)
    with pytest.raises(PaperlabError, match=r"images must be uint8 of shape \(chips, 35, 35, 3\)"):
        loaders.load("causalimages_tutorial", {path.name: path})


@pytest.mark.parametrize(
    "name, file, lines, words",
    [
        ("optical_device", OPTICAL, [FRAME] * 999, "999 rows, expected 1000"),
        ("optical_device", OPTICAL, [FRAME[:-3]] * 1000, "has 10 columns, expected 11"),
        ("optical_device", "frames.txt", [FRAME], "names no experiment"),
        (
            "ono_burden",
            "ono_burden_2019.csv",
            [CONJOINT, "1,1,1,Male,R,1,President,21,1,2,4,NA"],
            "every task must have two",
        ),
        (
            "estm_thermoelectric",
            "estm.csv",
            ["formula,temperature_k", "SnSe,1"],
            "columns reference, power_factor_w_mk2, zt",
        ),
        (
            "lpbf_relative_density",
            "lpbf_relative_density.csv",
            [POWDER, "316L,Other,NI,Other,100,250,0.1,0.05,0.2,15.9,40.8,101,SDE,10.1/x"],
            r"relative_density_pct must lie in \[0, 100\]",
        ),
        (
            "sleep_health_lifestyle",
            "Sleep_health_and_lifestyle_dataset.csv",
            [SLEEP, "1,27,6.1,6,6,126,None"],
            "126/83",
        ),
        ("student_insomnia", "student_insomnia_v1.csv", insomnia("Fair"), r"got 15 and \['Fair'\]"),
        ("student_insomnia", "student_insomnia_v1.csv", insomnia("Poor", columns=14), "got 14"),
        (
            "multidiagnosis_predictions",
            "predictions_val_test.csv",
            [SCORES, "ASD,audio,m,0,test,7,ASD,1,1,TD,0.5,0.5,,", "ASD,audio,m,0,val,7,ASD,1,1,TD,0.5,0.5,,"],
            "two labels, studies or splits",
        ),
        (
            "gss_happiness",
            "datasets/happiness.csv.bz2",
            ["year,happy,workstat,educ", "1990,a,b,9"],
            "column year must lie",
        ),
    ],
)
def test_another_file_is_refused(load, name, file, lines, words):
    with pytest.raises(PaperlabError, match=f"data set {name}: .*{words}"):
        load(name, file, *lines)
