import gzip
import hashlib

import numpy as np
import pandas as pd
import pyreadr
import pytest
import yaml
from paperlab import datasets
from paperlab.datasets import conversions
from paperlab.errors import PaperlabError

TABLE = pd.DataFrame({"Formula": ["Bi2Te3", "SnSe"], "temperature(K)": [300.0, 450.5], "ZT": [0.81, 1.25]})
CSV = b"formula,temperature_k,zt\nBi2Te3,300.0,0.81\nSnSe,450.5,1.25\n"
NAMES = ["formula", "temperature_k", "zt"]


@pytest.fixture
def spreadsheet(tmp_path):
    TABLE.to_excel(tmp_path / "estm.xlsx", index=False)
    return tmp_path / "estm.xlsx"


def test_a_spreadsheet_becomes_csv_with_new_names(spreadsheet):
    assert conversions.convert("estm.csv", spreadsheet, NAMES) == CSV


def test_an_r_workspace_becomes_csv_without_the_identifier(tmp_path):
    frame = pd.DataFrame({"ID": [1.0, 2.0], "Y1": [1 / 3, 12345678.9]})
    pyreadr.write_rdata(str(tmp_path / "x.RData"), frame, df_name="RMS_dat")
    assert conversions.convert("RMS_dat.csv", tmp_path / "x.RData") == b"Y1\n0.33333333\n12345679\n"


def test_codes_of_the_conjoint_are_whole_numbers_and_gaps_stay(tmp_path):
    columns = ["R_Agegroup", "Implausible.pair", "Sex", "R_Education", "R_Class", "R_Ideology"]
    frame = pd.DataFrame([[1, 0, "Female", "1", "2", "4"], [1, 0, "Male", "3", None, "NA"]], columns=columns)
    pyreadr.write_rdata(str(tmp_path / "x.RData"), frame, df_name="x")
    made = conversions.convert("ono_burden_2019.csv", tmp_path / "x.RData")
    assert made == b"Sex,R_Education,R_Class,R_Ideology\nFemale,1,2,4\nMale,3,,\n"


def test_blanks_around_printers_are_stripped(tmp_path):
    frame = pd.DataFrame({"RD (%)": [99.1], "Printer Model": [" EOS "], "DOI": ["10.1/x "]})
    frame.to_excel(tmp_path / "x.xlsx", sheet_name="data", index=False)
    made = conversions.convert("lpbf_relative_density.csv", tmp_path / "x.xlsx", ["density", "printer", "doi"])
    assert made == b"density,printer,doi\n99.1,EOS,10.1/x\n"


@pytest.mark.parametrize(
    "name", ["estm.csv", "lpbf_relative_density.csv", "ono_burden_2019.csv", "images_327x35x35x3.npz"]
)
def test_another_file_is_told(tmp_path, name):
    (tmp_path / "x").write_bytes(b"no table")
    with pytest.raises(PaperlabError, match=f"cannot be converted to {name}"):
        conversions.convert(name, tmp_path / "x")


def test_columns_that_do_not_fit_are_told(spreadsheet):
    with pytest.raises(PaperlabError, match=r"cannot be converted to estm\.csv: Length mismatch"):
        conversions.convert("estm.csv", spreadsheet, NAMES[:2])


def test_a_file_without_conversion_is_told(spreadsheet):
    with pytest.raises(PaperlabError, match=r"no conversion makes other\.csv; known are BLS_dat2\.csv"):
        conversions.convert("other.csv", spreadsheet)


@pytest.fixture
def published(spreadsheet, book, monkeypatch, tmp_path):
    """Register the spreadsheet as a data set made from a download; the download is a copy of the file."""
    fetched = []

    def retrieve(url, known_hash, fname, path, downloader):
        fetched.append(url)
        (path / fname).write_bytes(spreadsheet.read_bytes())
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    monkeypatch.setenv("PAPERLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PAPERLAB_DATA", raising=False)

    def write(sha256):
        source = {"file": "estm.xlsx", "url": "https://data.example/estm.xlsx", "sha256": "0" * 64}
        item = {"file": "estm.csv", "bytes": len(CSV), "sha256": sha256, "columns": NAMES, "made_from": source}
        (book / "data/registry.yml").write_text(yaml.safe_dump({"d": {"kind": "download", "files": [item]}}))
        return fetched

    return write


def test_a_converted_download_is_verified_and_kept(published, tmp_path):
    fetched = published(hashlib.sha256(CSV).hexdigest())
    assert datasets.locate("d") == {"estm.csv": "not here; https://data.example/estm.xlsx"}
    assert datasets.path("d") == tmp_path / "cache/d/estm.csv"
    assert datasets.path("d").read_bytes() == CSV and fetched == ["https://data.example/estm.xlsx"]


def test_a_conversion_with_another_result_is_refused(published, tmp_path):
    published("1" * 64)
    with pytest.raises(PaperlabError, match=r"estm\.csv as made from .* is not what the registry names"):
        datasets.path("d")
    assert not (tmp_path / "cache/d/estm.csv").exists()


def test_an_image_array_is_found_by_its_size(tmp_path):
    shape = (327, 35, 35, 3)
    images = (np.arange(np.prod(shape)) % 251).astype(np.uint8).reshape(shape)
    body = images.astype(">f8").ravel(order="F").tobytes()
    (tmp_path / "x.RData").write_bytes(gzip.compress(b"RDX3" + images.size.to_bytes(4, "big") + body, 1))
    (tmp_path / "x.npz").write_bytes(conversions.convert("images_327x35x35x3.npz", tmp_path / "x.RData"))
    assert np.array_equal(np.load(tmp_path / "x.npz")["images"], images)


def test_a_workspace_without_the_images_is_told(tmp_path):
    (tmp_path / "x.RData").write_bytes(gzip.compress(b"RDX3"))
    with pytest.raises(PaperlabError, match="no array of 1201725 numbers in it"):
        conversions.convert("images_327x35x35x3.npz", tmp_path / "x.RData")
